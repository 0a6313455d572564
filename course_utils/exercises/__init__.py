"""Checks and hints, one per exercise: `exercises.check(your_function)` in the cell after it.

An exercise never blocks: unsolved, the check says so, and `.use()` hands out the course's own function.
"""

import sys
from collections.abc import Callable

from IPython.display import Code

from course_utils.exercises import (
    adversarial,
    bias,
    erm,
    fish,
    mechanism,
    memorization,
    mixup,
    scorecard,
    selecmix,
    start,
)
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.mechanism import Verdict

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for chapter in (start, erm, memorization, mixup, adversarial, bias, selecmix, fish, scorecard)
    for exercise in chapter.EXERCISES
}


def check(function: Callable) -> Verdict:
    """Whether your function does what its exercise asks for. The exercise is the one of the function's name.

    Raises:
        ValueError: there is no exercise of that name.
    """
    return mechanism.check(EXERCISES[_name(function, sys._getframe(1).f_globals)], function)


def solution(exercise: str | Callable) -> Code:
    """The course's own function, as short as you could have written it: by the exercise's name, or your function.

    Raises:
        ValueError: there is no such exercise.
    """
    return Code(EXERCISES[_name(exercise, sys._getframe(1).f_globals)].solution, language="python")


def _name(asked: str | Callable, names: dict) -> str:
    """The exercise that is meant. A lambda has no name of its own, but stands under one in the notebook."""
    name = asked if isinstance(asked, str) else getattr(asked, "__name__", "")
    if name not in EXERCISES and not isinstance(asked, str):
        here = {known for known in EXERCISES if known in names and names[known] is asked}
        name = next((known for known, own in EXERCISES.items() if known in here or own.reference is asked), name)
    if name not in EXERCISES:
        what = repr(asked) if isinstance(asked, str) else f"{type(asked).__name__} {name}"
        raise ValueError(f"give an exercise's function, or its name; the names are {', '.join(EXERCISES)}. Got {what}")
    return name
