"""Checks and hints, one per exercise: `exercises.check(your_function)` in the cell after it.

An exercise never blocks: unsolved, the check says so, and `.use()` hands out the course's own function. Whoever grades
a class calls `exercises.graded(name, seed)`, which blocks: it checks on the page's inputs, then on others.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

from IPython.display import Code

from course_utils import record
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
from course_utils.exercises.history import is_older
from course_utils.exercises.mechanism import Verdict
from course_utils.exercises.others import on_other_inputs
from course_utils.require import what

__all__ = ["CHAPTER_OF", "EXERCISES", "PAGES", "Verdict", "check", "graded", "solution"]

PAGES = {
    "00_start_here": start,
    "01_erm": erm,
    "02_memorization": memorization,
    "03_mixup": mixup,
    "04_adversarial": adversarial,
    "05_bias": bias,
    "06_selecmix": selecmix,
    "07_fish_and_hand": fish,
    "08_scorecard": scorecard,
}
EXERCISES: dict[str, Exercise] = {own.name: own for page in PAGES.values() for own in page.EXERCISES}
CHAPTER_OF = {own.name: chapter for chapter, page in PAGES.items() for own in page.EXERCISES}


def check(function: Callable) -> Verdict:
    """Whether your function does what its exercise asks for. The exercise is the one of the function's name.

    The verdict is kept in your record, for `make report`.

    Raises:
        ValueError: there is no exercise of that name.
    """
    name = _name(function, sys._getframe(1).f_globals, "function")
    verdict = mechanism.check(EXERCISES[name], function)
    record.checked(name, CHAPTER_OF[name], verdict.state)
    if is_older(function, name):
        about_it = "" if verdict.state == "not attempted" else f"\n{verdict.message}"
        return replace(verdict, message=OLDER.format(name=name) + about_it)
    return verdict


OLDER = (
    "The cell in which you last wrote `{name}` stopped with an error, so this is about the function from before. Mend "
    "that cell and run it, then this one."
)


def graded(function: str | Callable, seed: int) -> None:
    """Pass if the function is right: on the page's inputs, and on others that are drawn from the seed.

    Args:
        function: better its name, under which it is looked for where the call stands. (A function can be given any
            name, and then passes where that one's exercise asks for it.)
        seed: a whole number; another one, other inputs. Of these the message shows no more than what is wrong.

    Raises:
        AssertionError: it is not right, not attempted, or not there. With the check's message.
        ValueError: there is no such exercise, or the seed is no whole number.
    """
    if not isinstance(seed, int):
        raise ValueError(f"seed must be a whole number, got {what(seed)}")
    names = sys._getframe(1).f_globals
    name = _name(function, names, "function")
    attempt = names.get(name) if isinstance(function, str) else function
    if attempt is None:
        raise AssertionError(f"{name}: not there. The cell that defines it is missing, or it ended with an error.")
    verdict = mechanism.check(EXERCISES[name], attempt)
    if verdict.state == "right":
        verdict = mechanism.check(on_other_inputs(EXERCISES[name], seed), attempt)
        verdict = replace(verdict, message=f"Right on the page's inputs, and not on others.\n{verdict.message}")
    if verdict.state != "right":
        raise AssertionError(repr(verdict))


def solution(exercise: str | Callable) -> Code:
    """The course's own function, as short as you could have written it: by the exercise's name, or your function.

    Raises:
        ValueError: there is no such exercise.
    """
    return Code(EXERCISES[_name(exercise, sys._getframe(1).f_globals, "exercise")].solution, language="python")


def _name(asked: str | Callable, names: dict, parameter: str) -> str:
    """The exercise that is meant. A lambda has no name of its own, but stands under one in the notebook."""
    name = asked if isinstance(asked, str) else getattr(asked, "__name__", "")
    if name not in EXERCISES and not isinstance(asked, str):
        here = {known for known in EXERCISES if known in names and names[known] is asked}
        name = next((known for known, own in EXERCISES.items() if known in here or own.reference is asked), name)
    if name not in EXERCISES:
        known = ", ".join(EXERCISES)
        raise ValueError(f"{parameter} must be an exercise's function or its name, one of {known}; got {what(asked)}")
    return name
