"""Other inputs than the page's, drawn from a seed: whoever has learned the page's answers by heart fails on them."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from course_utils.exercises.exercise import Case, Dice, Exercise
from course_utils.exercises.sight import look, same

TRIES = 50  # of drawing anew what is a matter of rounding; of most exercises hardly ever one is


@lru_cache(maxsize=64)
def on_other_inputs(exercise: Exercise, seed: int) -> Exercise:
    """The same exercise, with cases that are drawn; their numbers are not shown.

    A case in which a rounding error would change the result is drawn anew: no right answer may fail for its style.
    """
    dice = Dice(seed)
    cases = list(exercise.others(dice))
    for _ in range(TRIES):
        steady = [is_steady(exercise, case) for case in cases]
        if all(steady):
            break
        cases = [case if fine else other for case, fine, other in zip(cases, steady, exercise.others(dice))]
    else:
        raise RuntimeError(f"{exercise.name}: after {TRIES} draws, rounding still decides in {cases}")
    for case in cases:
        case.hidden = True
    return replace(exercise, cases=tuple(cases))


def is_steady(exercise: Exercise, case: Case) -> bool:
    """Whether the right result stays where it is if every number moves by a millionth of itself."""
    here = look(exercise, exercise.reference, case)
    if here.error is not None:
        raise here.error
    numbers = {name: v for name, v in case.given.items() if isinstance(v, Tensor) and v.is_floating_point()}
    moved: dict[str, Any]
    for angle in (0, 2, 4):
        moved = {name: _moved(value, angle) for name, value in numbers.items()}
        if not same(here, look(exercise, exercise.reference, case, **moved)):
            return False
    return True


def _moved(value: Tensor, angle: int) -> Tensor:
    """Each number moves up or down as it will, equal ones alike. Those on a grid of 1/64 are as they are meant: they
    stay."""
    off = 1 + 1e-6 * torch.cos(1e7 * value.double() + angle)
    return torch.where(value.double() * 64 % 1 == 0, value.double(), value * off).to(value.dtype)
