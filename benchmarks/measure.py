"""Sides that take turns, and the ratios of their seconds."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

Work = Callable[[], object]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    values: Sequence[float]  # a ratio for each turn
    goal: str  # for the median: "≤ 2", "≥ 8"; or only which way is good, "low" or "high"

    def met(self) -> str:
        """ "yes", "no", or nothing where no number is asked for or none was measured."""
        sign, _, bound = self.goal.partition(" ")
        if not bound or not len(self.values):
            return ""
        value, bound = median(self.values), float(bound.replace(",", ""))
        return "yes" if (value <= bound if sign == "≤" else value >= bound) else "no"

    def line(self) -> str:
        """The row in Markdown."""
        values = self.values
        numbers = map(written, (min(values), median(values), max(values))) if len(values) else "———"
        return f"| {' | '.join([self.what, *numbers, self.goal, self.met()])} |"


def written(number: float) -> str:
    """Three digits or so."""
    return f"{number:,.{2 if number < 10 else 1 if number < 100 else 0}f}"


def seconds(work: Work) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def multiplying(turns: int = 30) -> float:
    """What one thread does now of products of 1,024 × 1,024 matrices, in 10⁹ operations a second: the median. Of a
    machine that others share this changes from hour to hour, and with it all seconds."""
    left, right = torch.randn(2, 1_024, 1_024)
    return 2 * 1_024**3 / median(seconds(lambda: left @ right) for _ in range(turns)) / 1e9


def in_turn(turns: int, **sides: Work) -> SimpleNamespace:
    """For each side an array [turns] of its seconds, after one uncounted run of each.

    A machine whose speed drifts disturbs all sides of a turn alike; every other turn goes the other way round.
    """
    for work in sides.values():
        work()
    took = {name: np.empty(turns) for name in sides}
    for turn in range(turns):
        for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
            took[name][turn] = seconds(sides[name])
    return SimpleNamespace(**took)


def must_agree(found: Tensor, wanted: Tensor, by: float) -> None:
    """Two sides are worth comparing if they do the same.

    Raises:
        RuntimeError: numbers differ by more than `by`.
    """
    apart = (found.detach() - wanted.detach()).abs().max().item()
    if not apart <= by:
        raise RuntimeError(f"the two sides must agree to {by:g}, but they differ by {apart:g}")


def weights(model: torch.nn.Module) -> Tensor:
    """All of a network's parameters in one row."""
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])
