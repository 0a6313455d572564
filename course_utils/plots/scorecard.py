"""The scorecard: a line for each claim, what was measured for it beside its control, and the verdict."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.plots.page import BLACK, BLUE, GREEN, GREY, filled, headline, panels

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


def draw_scorecard(lines: Sequence[ScoreLine], title: str) -> Figure:
    """A row for each claim: what it says, its first measurement and control (one dot a run), the verdict.

    Args:
        lines: the claims, from top to bottom.
        title: the finding.
    """
    figure, axes = panels(len(lines), 3, width=13, height=0.9 + 1.12 * len(lines), width_ratios=(4.4, 5.4, 2.6))
    figure.get_layout_engine().set(h_pad=0.04, w_pad=0.0, hspace=0.0, wspace=0.0)
    for (left, middle, right), line in zip(axes, lines):
        sign, colour = VERDICTS[line.verdict]
        for ax in (left, middle, right):
            ax.set(xlim=(-0.02, 1), ylim=(0, 1), xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.spines["top"].set(visible=True, color="#dddddd")
        left.text(0, 0.88, f"{line.number}", va="top", fontsize=24, fontweight="bold", color=colour)
        left.text(0.09, 0.88, line.short, va="top", fontsize=13.5, fontweight="bold")
        left.text(0.09, 0.56, filled(line.moral, 56), va="top", fontsize=11, color="#444444", linespacing=1.25)
        right.text(0.02, 0.5, sign, va="center", fontsize=13, fontweight="bold", color=colour)
        _draw_pair(middle, line)
    headline(figure, title)
    return figure


def _draw_pair(ax: Axes, line: ScoreLine) -> None:
    """Evidence above, control below, on one scale if they have one unit; the numbers stand at the right."""
    drawn = [(0.45, line.evidence, BLUE, "o")] + ([(-0.62, line.control, GREY, "s")] if line.control else [])
    scale = _scale([measured for _, measured, _, _ in drawn if measured.unit == line.evidence.unit])
    for height, measured, colour, marker in drawn:
        low, high = scale if measured.unit == line.evidence.unit else _scale([measured])

        def place(value: float | np.ndarray, low: float = low, high: float = high) -> float | np.ndarray:
            return (np.clip(value, low, high) - low) / (high - low)

        ax.fill_between(place(np.array([measured.above, measured.below])), height - 0.3, height + 0.3,
                        color=GREEN if colour == BLUE else GREY, alpha=0.16, linewidth=0)  # fmt: skip
        for bound in filter(math.isfinite, (measured.above, measured.below)):
            ax.plot([place(bound)] * 2, [height - 0.3, height + 0.3], color=GREEN if colour == BLUE else GREY)
        if measured.interval:
            ends = place(np.array(measured.interval))
            ax.plot(ends, [height] * 2, "|-", color=BLACK, linewidth=1.8, markersize=11, markeredgewidth=1.8)
        ax.plot(place(np.array(measured.values)), [height] * len(measured.values), marker, color=colour, markersize=8,
                alpha=0.75, markeredgewidth=0, clip_on=False)  # fmt: skip
        role = "" if colour == BLUE else "control: "
        ink = BLACK if colour == BLUE else "#666666"
        ax.text(0, height + 0.36, role + measured.what, va="bottom", fontsize=10.5, color=ink)
        ax.text(1.03, height, written(measured.values, measured.unit), va="center", fontsize=11, color=ink)
    ax.set(xlim=(0, 1.32), ylim=(-1, 1.2))


def _scale(measurements: Sequence[Measured]) -> tuple[float, float]:
    """From where to where an axis goes that shows all of them, zero if it is near, and their bounds."""
    numbers = [number for m in measurements for number in (*m.values, m.above, m.below, *(m.interval or ()))]
    seen = list(filter(math.isfinite, numbers))
    reach = 0.12 * (max(seen) - min(seen)) or 1.0
    return min(seen) - reach, max(seen) + reach


def written(values: Sequence[float], unit: str) -> str:
    """Mean ± standard deviation, with as many decimals as the deviation has a use for."""
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    decimals = 2 if max(abs(mean), deviation) < 10 and unit not in ("%", "points") else 1
    return f"{mean:.{decimals}f} ± {deviation:.{decimals}f} {unit}".rstrip().replace("-", "−")
