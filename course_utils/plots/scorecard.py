"""The scorecard: a line for each claim, what was measured for it beside its control, and the verdict."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.plots import fit
from course_utils.plots.page import BLACK, BLUE, GREEN, GREY, SMALL, WIDTH, filled, headline

# Letters that can be read on white.
VERDICTS = {
    "holds here": ("✓ holds", "#00795a"),
    "holds with a condition": ("(✓) with a condition", "#8a6100"),
    "does not hold here": ("✗ does not hold", "#b34700"),
}


class Measured(NamedTuple):
    """One measurement of a claim."""

    what: str
    values: Sequence[float]  # one a run, or a pair
    above: float = -math.inf  # the bounds, with their margin
    below: float = math.inf
    unit: str = "%"
    interval: tuple[float, float] | None = None  # of a mean difference


class ScoreLine(NamedTuple):
    """A claim on the scorecard."""

    number: int
    short: str
    moral: str
    verdict: str  # a key of VERDICTS
    evidence: Measured
    control: Measured | None


# Where things stand, in inches from the left; and how high a line of small letters and a strip of dots are.
MORAL, STRIP, STRIP_END, NUMBER, END = 0.45, 3.75, 6.95, 7.1, WIDTH - 0.1
LETTERS, DOTS = 0.185, 0.2
KEY = "blue: measured first, grey: its control; a dot is a run; shaded: where the claim would have it"


def draw_scorecard(lines: Sequence[ScoreLine], title: str) -> Figure:
    """A part for each claim: what it says and the verdict; below, its moral, and beside it its first measurement and
    control (one dot a run).

    Args:
        lines: the claims, from top to bottom.
        title: the finding.
    """
    fit.scorecard(lines, VERDICTS)
    fit.text(title=title)
    heights = [0.3 + max(0.6, _height(line.evidence) + _height(line.control)) for line in lines]
    top = 0.65 if len(title) < 65 else 0.9
    figure = Figure(figsize=(WIDTH, top + sum(heights)), layout="none")  # type: ignore[arg-type]  # the stubs lack it
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(top + sum(heights), 0))
    ax.axis("off")
    ax.text(0.1, top - 0.06, KEY, fontsize=SMALL, color="#666666")
    for line, height in zip(lines, heights):
        sign, colour = VERDICTS[line.verdict]
        ax.hlines(top, 0, WIDTH, color="#dddddd", linewidth=1)
        ax.text(0.1, top + 0.06, f"{line.number}", va="top", fontsize=22, fontweight="bold", color=colour)
        ax.text(MORAL, top + 0.06, line.short, va="top", fontweight="bold")
        ax.text(END, top + 0.06, sign, va="top", ha="right", fontweight="bold", color=colour)
        ax.text(MORAL, top + 0.28, filled(line.moral, 36), va="top", fontsize=SMALL, color="#444444")
        _draw_pair(ax, line, top + 0.28)
        top += height
    headline(figure, title)
    return figure


def _height(measured: Measured | None) -> float:
    """Of a measurement's words and its strip of dots, in inches."""
    return DOTS + LETTERS * len(_words(measured).splitlines()) if measured else 0


def _words(measured: Measured) -> str:
    return filled(measured.what, 57)


def _draw_pair(ax: Axes, line: ScoreLine, top: float) -> None:
    """Evidence above, control below, on one scale if they have one unit; the numbers stand at the right."""
    drawn = [(line.evidence, GREEN, BLUE, BLACK, "o")]
    drawn += [(line.control, GREY, GREY, "#666666", "s")] if line.control else []
    scale = _scale([measured for measured, *_ in drawn if measured.unit == line.evidence.unit])
    for measured, clear, colour, ink, marker in drawn:
        low, high = scale if measured.unit == line.evidence.unit else _scale([measured])

        def place(value: float | np.ndarray, low: float = low, high: float = high) -> Any:
            return STRIP + (STRIP_END - STRIP) * (np.clip(value, low, high) - low) / (high - low)

        words = _words(measured)
        ax.text(STRIP, top, words, va="top", fontsize=SMALL, color=ink)
        top += LETTERS * len(words.splitlines())
        middle, half = top + 0.47 * DOTS, 0.4 * DOTS
        ends = place(np.array([measured.above, measured.below]))
        ax.fill_between(ends, middle - half, middle + half, color=clear, alpha=0.16, linewidth=0)
        for bound in filter(math.isfinite, (measured.above, measured.below)):
            ax.plot([place(bound)] * 2, [middle - half, middle + half], color=clear)
        if measured.interval:
            ends = place(np.array(measured.interval))
            ax.plot(ends, [middle] * 2, "|-", color=BLACK, linewidth=1.8, markersize=11, markeredgewidth=1.8)
        ax.plot(place(np.array(measured.values)), [middle] * len(measured.values), marker, color=colour, markersize=8,
                alpha=0.75, markeredgewidth=0, clip_on=False)  # fmt: skip
        ax.text(NUMBER, middle, written(measured.values, measured.unit), va="center", fontsize=SMALL, color=ink)
        top += DOTS


def _scale(measurements: Sequence[Measured]) -> tuple[float, float]:
    """From where to where an axis goes that shows all of them, zero if it is near, and their bounds."""
    numbers = [number for m in measurements for number in (*m.values, m.above, m.below, *(m.interval or ()))]
    seen = list(filter(math.isfinite, numbers))
    reach = 0.12 * (max(seen) - min(seen)) or 1.0
    return min(seen) - reach, max(seen) + reach


def written(values: Sequence[float], unit: str) -> str:
    """Mean ± standard deviation, with as many decimals as the deviation has a use for."""
    fit.text(unit=unit)
    fit.runs("values", values, least=2)
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    decimals = 2 if max(abs(mean), deviation) < 10 and unit not in ("%", "points") else 1
    return f"{mean:.{decimals}f} ± {deviation:.{decimals}f} {unit}".rstrip().replace("-", "−")
