"""Claims of the lecture, held against what was measured here.

A claim is a sentence; its evidence is a measurement, repeated over seeds, that must clear a bound by a
margin. The card shows every seed as a dot. As text, which CI compares, it says only what holds on any machine.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course_utils import plots


@dataclass(frozen=True)
class Evidence:
    """One measurement that a claim stands or falls with.

    Args:
        what: what was measured, in words.
        values: one number a run, in the measurement's own unit.
        above, below: the bounds that every value must clear; at least one of them.
        margin: by how much every value must clear them, so that another machine agrees.
        unit: written behind numbers: "%", "points", …

    Raises:
        ValueError: no values, no bound, or a negative margin.
    """

    what: str
    values: Sequence[float]
    above: float = -math.inf
    below: float = math.inf
    margin: float = 0.0
    unit: str = "%"

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))  # tensors are welcome
        if not self.values:
            raise ValueError("values must hold at least one measurement, got none")
        if not self.bounds:
            raise ValueError("give a bound: above, below or both")
        if self.margin < 0:
            raise ValueError(f"margin must be at least 0, got {self.margin}")

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that were given, by name."""
        return {k: v for k, v in {"above": self.above, "below": self.below}.items() if math.isfinite(v)}

    @property
    def clear(self) -> int:
        """How many values clear the bounds by the margin. NaN never does."""
        return sum(self.above + self.margin <= value <= self.below - self.margin for value in self.values)

    @property
    def holds(self) -> bool:
        """Whether every value clears the bounds by the margin."""
        return self.clear == len(self.values)

    def __str__(self) -> str:
        bounds = " and ".join(f"{side} {bound:g} {self.unit}".rstrip() for side, bound in self.bounds.items())
        spare = f" with {self.margin:g} to spare" if self.margin else ""
        return f"{'✓' if self.holds else '✗'} {self.what}: {bounds}{spare}, in {self.clear} of {len(self.values)} runs"


@dataclass(frozen=True)
class Claim:
    """A claim, its evidence, and what the evidence does not show.

    Args:
        name: which claim of the lecture, for instance "Claim 1, first half"; or the course's own finding.
        text: the claim as a sentence.
        evidence: the measurements; the claim holds if all of them do.
        limits: what was not shown.
    """

    name: str
    text: str
    evidence: Sequence[Evidence]
    limits: str

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError("evidence must hold at least one measurement, got none")

    @property
    def holds(self) -> bool:
        """Whether all the evidence holds."""
        return all(piece.holds for piece in self.evidence)

    def __str__(self) -> str:
        verdict = "holds here" if self.holds else "does NOT hold here"
        pieces = [f"  {piece}" for piece in self.evidence]
        return "\n".join([f"{self.name}: {verdict}. {self.text}", *pieces, f"  Limits: {self.limits}"])

    def card(self) -> None:
        """Put the claim's card on the page: every run a dot, and the side of the bound on which it has to lie."""
        text, limits = textwrap.fill(self.text, 86), textwrap.fill(f"Limits: {self.limits}", 96)
        sign, colour = ("✓ holds here", plots.GREEN) if self.holds else ("✗ does not hold here", plots.VERMILLION)
        # One row of text above, one for each piece of evidence; heights in inches.
        heights = [0.1 + 0.24 * len(text.splitlines())] + [0.42] * len(self.evidence)
        height = sum(heights) + 0.62 * len(self.evidence) + 0.75 + 0.2 * len(limits.splitlines())
        figure, axes = plots.panels(len(heights), 1, width=9, height=height, height_ratios=heights)
        figure.get_layout_engine().set(w_pad=0.15, h_pad=0.08, hspace=0)
        figure.patch.set(facecolor="#f7f7f7", edgecolor=colour, linewidth=5)
        axes[0, 0].axis("off")
        axes[0, 0].set_title(self.name, fontsize=14)
        axes[0, 0].set_title(sign, loc="right", fontsize=14, color=colour)
        axes[0, 0].text(0, 1, text, va="top", fontsize=12)
        for ax, piece in zip(axes[1:, 0], self.evidence):
            _draw_evidence(ax, piece)
        axes[-1, 0].set_xlabel(limits, loc="left", fontsize=11, color="#555555", labelpad=8)
        plots.show(figure, alt=str(self))


def _draw_evidence(ax: Axes, piece: Evidence) -> None:
    """The values as dots on a line, a line at each bound, the range that clears them by the margin shaded."""
    cleared = piece.above + piece.margin, piece.below - piece.margin
    seen = list(filter(math.isfinite, [*piece.values, *piece.bounds.values(), *cleared]))
    reach = 0.35 * (max(seen) - min(seen)) or 1.0
    # Error rates and the like are never negative, so their axis is not either.
    low = max(0, min(seen) - reach) if min(seen) >= 0 else min(seen) - reach
    high = max(seen) + reach
    ax.axvspan(max(low, cleared[0]), min(high, cleared[1]), color=plots.GREEN, alpha=0.16, linewidth=0)
    for bound in piece.bounds.values():
        ax.axvline(bound, color=plots.GREEN, linewidth=2)
    ax.plot(piece.values, [0] * len(piece.values), "o", color=plots.BLUE, markersize=10, alpha=0.75, clip_on=False)
    ax.set(xlim=(low, high), ylim=(-1, 1), yticks=[])
    ax.spines[["left"]].set_visible(False)
    ax.grid(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g} {piece.unit}")
    ax.tick_params(axis="x", labelsize=11)
    ax.set_title(f"{'✓' if piece.holds else '✗'} {piece.what}", fontsize=12, fontweight="normal", pad=4)
