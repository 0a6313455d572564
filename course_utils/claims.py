"""Claims of the lecture, held against what was measured here.

A claim is a sentence; its evidence is a measurement, repeated over seeds, that must clear a bound by a margin. One
rule for all: a level must clear it in every run, a difference with the 95 % interval of its pairs. The card shows
every seed as a dot. As text, which CI compares, it says only what holds on any machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils import metrics, plots, record, require

# What the course takes from the lecture (Jin-Hwa Kim, NAVER AI Lab), in a sentence each; the last is its open
# question. Where a measurement bounds or contradicts one of them, its card says so.
LECTURE = {
    1: "ERM drives the average training error down, and a large enough model memorizes even labels that carry no "
    "information.",
    2: "Memorization shows as overfitting: what was learned by heart does not help outside the training data.",
    3: "Mixup gives endless training examples and generalizes better than ERM; most clearly under label noise.",
    4: "ERM is fragile: a small malicious perturbation changes the prediction.",
    5: "Mixup regularizes gradients, of the discriminator and of the loss, and so improves robustness.",
    6: "A network prefers an easy wrong feature, and learns it first.",
    7: "Mixing contradicting pairs (same class and another bias, another class and the same bias) debiases.",
    8: "Similarity of bias can be measured without bias labels, by an auxiliary model that is made to learn the bias.",
    9: "A hand on most images of a fish is a bias that is an object. Can SelecMix debias it too, or is masking needed?",
}
OPEN = 9
# The chapters that ask.
ASKED = {
    1: "01, 02", 2: "02", 3: "03", 4: "04", 5: "03 (gradients), 04 (attacks)", 6: "05", 7: "06",
    8: "06, 07 (what it must see)", 9: "07",
}  # fmt: skip


def so_far() -> None:
    """Put the lecture's claims on the page as a table: each with the chapters that ask, and the verdicts of all cards
    that the reader's own runs have filled in (`course_utils.record`); where there are none, those of stored runs."""
    rows = ["| | claim | chapter | on your own runs |", "|---|---|---|---|"]
    for number, sentence in LECTURE.items():
        judged = record.verdicts(number) or record.verdicts(number, stored=True)
        cards = [(name.removeprefix(f"Claim {number}").strip(", "), verdict) for name, verdict in judged.items()]
        told = "; ".join(f"{name}: {verdict}" if name else verdict for name, verdict in cards)
        rows.append(f"| {number} | {sentence} | {ASKED[number]} | {told or 'not yet'} |")
    table = "\n".join(rows)
    display({"text/markdown": table, "text/plain": table}, raw=True)


@dataclass(frozen=True)
class Evidence:
    """A level that was measured: every run must clear the bounds.

    Args:
        what: what was measured, in words.
        values: one number a run, in the measurement's own unit; NaN where a run gave none.
        above, below: the bounds that every value must clear; at least one of them.
        margin: by how much every value must clear them, so that another machine agrees.
        unit: written behind numbers: "%", "points", …
    """

    what: str
    values: Sequence[float]
    above: float = -math.inf
    below: float = math.inf
    margin: float = 0.0
    unit: str = "%"

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _measured(self.values))
        require.between(-math.inf, math.inf, above=self.above, below=self.below)
        require.at_least(0, margin=self.margin)
        if not self.bounds:
            raise ValueError(f"above, below or both must be finite, got {self.above} and {self.below}")
        if self.above + self.margin > self.below - self.margin:
            raise ValueError(
                f"above + margin must be at most below - margin, got {self.above} and {self.below} with {self.margin}"
            )

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that were given, by name."""
        return {k: v for k, v in {"above": self.above, "below": self.below}.items() if math.isfinite(v)}

    def clears(self, value: float) -> bool:
        """Whether a number clears the bounds by the margin. NaN never does."""
        return self.above + self.margin <= value <= self.below - self.margin

    @property
    def decisive(self) -> tuple[float, ...]:
        """The numbers that must clear the bounds: every value."""
        return tuple(self.values)

    @property
    def holds(self) -> bool:
        """Whether all that is decisive clears the bounds by the margin."""
        return all(map(self.clears, self.decisive))

    @property
    def clearance(self) -> float:
        """By how much the worst of what is decisive clears bound and margin; below 0 where it falls short."""
        return min(min(value - self.above, self.below - value) for value in self.decisive) - self.margin

    def __str__(self) -> str:
        bounds = " and ".join(f"{side} {_written(bound, self.unit)}" for side, bound in self.bounds.items())
        spare = f" with {self.margin:g} to spare" if self.margin else ""
        return f"{self.what}: {bounds}{spare}, {self._counted()}"

    def _counted(self) -> str:
        return f"in {sum(map(self.clears, self.values))} of {len(self.values)} runs"


@dataclass(frozen=True)
class Difference(Evidence):
    """A difference (or ratio) that was measured in pairs, same seed and same data: the 95 % interval of the mean must
    clear the bounds.

    Args:
        values: one difference for each pair, at least three: of fewer an interval says nothing.
        what, above, below, margin, unit: as in `Evidence`.
    """

    unit: str = "points"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.values) < 3:
            raise ValueError(f"values must be those of at least three pairs, got {len(self.values)}")

    @property
    def interval(self) -> tuple[float, float]:
        """Student's 95 % interval of the mean difference: the pairs are taken for independent draws. Not finite where
        a value is not."""
        if not all(map(math.isfinite, self.values)):
            return math.nan, math.nan
        return metrics.paired_interval(torch.tensor(self.values, dtype=torch.float64))

    @property
    def decisive(self) -> tuple[float, float]:
        """The numbers that must clear the bounds: both ends of the interval."""
        return self.interval

    def _counted(self) -> str:
        return f"95 % interval of {len(self.values)} pairs"


@dataclass(frozen=True)
class Claim:
    """A claim, its evidence, and what the evidence does not show.

    Args:
        name: which claim it is, for instance "Claim 1, first half"; or the course's own finding.
        text: the claim as a sentence.
        evidence: the measurements; the claim holds if all of them do.
        limits: what was not shown.
        of: the number of the lecture's claim, which then stands on the card.
        condition: under which the claim holds.
        controls: measurements that must not clear their bounds: where one does, what passes has another reason than
            the claim's, and it holds with that condition only.
    """

    name: str
    text: str
    evidence: Sequence[Evidence]
    limits: str
    of: int | None = None
    condition: str = ""
    controls: Sequence[Evidence] = ()

    def __post_init__(self) -> None:
        for name, pieces in (("evidence", self.evidence), ("controls", self.controls)):
            is_list = isinstance(pieces, Sequence) and all(isinstance(piece, Evidence) for piece in pieces)
            if not is_list or (name == "evidence" and not pieces):
                least = "at least one measurement" if name == "evidence" else "measurements"
                raise ValueError(f"{name} must hold {least} (Evidence), got {require.what(pieces)}")
        require.one_of([None, *LECTURE], of=self.of)

    @property
    def holds(self) -> bool:
        """Whether all the evidence holds, if only with a condition."""
        return all(piece.holds for piece in self.evidence)

    @property
    def verdict(self) -> str:
        """In words: holds here, holds with a condition, does not hold here."""
        if not self.holds:
            return "does not hold here"
        bound = self.condition or any(control.holds for control in self.controls)
        return "holds with a condition" if bound else "holds here"

    @property
    def heard(self) -> str:
        """What the lecture says, in the course's words; nothing where the finding is the course's own."""
        if self.of is None:
            return ""
        who = "The lecture's open question" if self.of == OPEN else f"Claim {self.of} of the lecture"
        return f"{who}: {LECTURE[self.of]}"

    @property
    def lines(self) -> list[tuple[Evidence, str]]:
        """Each measurement and what the card says of it."""
        marked = [(piece, f"{'✓' if piece.holds else '✗'} ") for piece in self.evidence]
        marked += [(piece, f"control {'passes too' if piece.holds else 'does not pass'}: ") for piece in self.controls]
        return marked

    def __str__(self) -> str:
        heard = [f"  {self.heard}"] if self.heard else []
        condition = [f"  Condition: {self.condition}"] if self.condition else []
        pieces = [f"  {mark}{piece}" for piece, mark in self.lines]
        first = f"{self.name}: {self.verdict}. {self.text}"
        return "\n".join([first, *heard, *condition, *pieces, f"  Limits: {self.limits}"])

    def card(self, stored: bool = False) -> None:
        """Put the claim's card on the page, and its verdict into the reader's own record.

        Args:
            stored: the runs are stored ones and not the reader's own; the verdict is kept as one of those.
        """
        record.judged(self.name, self.of, self.verdict, stored)
        plots.show(self.figure(), alt=str(self), slide=False)  # on a slide its words stand as words

    def figure(self) -> Figure:
        """The claim's card: every run a dot, and the side of the bound on which it has to lie."""
        condition = plots.filled(f"Condition: {self.condition}", 80) if self.condition else ""
        heard = plots.filled(self.heard, 92)
        limits = plots.filled(f"Limits: {self.limits}", 92)
        words: list[tuple[str, dict[str, Any]]] = [
            (condition, {"fontsize": plots.SMALL, "fontweight": "bold"}),
            (plots.filled(self.text, 92), {"fontsize": plots.SMALL}),
            (heard, {"fontsize": plots.SMALL, "style": "italic", "color": "#555555"}),
        ]
        words = [(text, look) for text, look in words if text]
        # One row for each text above, one for each measurement; heights in inches.
        heights = [0.02 + 0.25 * len(text.splitlines()) for text, _ in words] + [0.42] * len(self.lines)
        height = sum(heights) + 0.53 * len(self.lines) + 0.75 + 0.2 * len(limits.splitlines())
        figure, axes = plots.panels(len(heights), 1, height=height, height_ratios=heights)
        figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.08, hspace=0)
        figure.patch.set(facecolor="#f7f7f7", edgecolor=_COLOUR[self.verdict], linewidth=5)
        axes[0, 0].set_title(self.name, fontsize=14)
        axes[0, 0].set_title(_SIGN[self.verdict], loc="right", fontsize=14, color=_COLOUR[self.verdict])
        for ax, (text, look) in zip(axes[:, 0], words):
            ax.axis("off")
            ax.text(0, 1, text, va="top", **look)
        for ax, (piece, mark) in zip(axes[len(words) :, 0], self.lines):
            _draw_evidence(ax, piece, mark, plots.GREEN if piece in self.evidence else plots.GREY)
        axes[-1, 0].set_xlabel(limits, loc="left", fontsize=plots.SMALL, color="#555555", labelpad=8)
        return figure


# Dark enough to be read on a light card.
_COLOUR = {"holds here": "#00795a", "holds with a condition": "#8a6100", "does not hold here": "#b34700"}
_SIGN = {
    "holds here": "✓ holds here",
    "holds with a condition": "(✓) holds with a condition",
    "does not hold here": "✗ does not hold here",
}


def _draw_evidence(ax: Axes, piece: Evidence, mark: str, colour: str) -> None:
    """The values as dots on a line, the interval of a difference as a bar, a line at each bound, and shaded what
    clears it by the margin."""
    interval = piece.interval if isinstance(piece, Difference) else ()
    cleared = piece.above + piece.margin, piece.below - piece.margin
    low, high = _limits(piece, [*piece.values, *piece.bounds.values(), *cleared, *interval])
    ax.axvspan(max(low, cleared[0]), min(high, cleared[1]), color=colour, alpha=0.16, linewidth=0)
    for bound in piece.bounds.values():
        ax.axvline(bound, color=colour, linewidth=2)
    if interval:
        ax.plot(interval, [0, 0], "|-", color=plots.BLACK, linewidth=2, markersize=16, markeredgewidth=2, clip_on=False)
    ax.plot(piece.values, [0] * len(piece.values), "o", color=plots.BLUE, markersize=10, alpha=0.75, clip_on=False)
    ax.set(xlim=(low, high), ylim=(-1, 1), yticks=[])
    ax.spines[["left"]].set_visible(False)
    ax.grid(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(lambda value, _: _written(value, piece.unit))
    ax.tick_params(axis="x", labelsize=plots.SMALL)
    ax.set_title(mark + piece.what, fontsize=plots.SMALL, fontweight="normal", pad=4)


def _measured(values: Sequence[float]) -> tuple[float, ...]:
    """As plain numbers; tensors, arrays and columns of tables are welcome."""
    try:
        given = tuple(values)
        numbers = tuple(map(float, given))
    except (TypeError, ValueError, RuntimeError):
        given = numbers = ()
    if not numbers or any(isinstance(value, str) for value in given):
        raise ValueError(f"values must be numbers, one a run and at least one, got {require.what(values)}")
    return numbers


def _written(value: float, unit: str) -> str:
    """A number with its unit: −3 points, 1 point."""
    unit = "point" if unit == "points" and abs(value) == 1 else unit
    return f"{value:.3g} {unit}".rstrip().replace("-", "−")


def _limits(piece: Evidence, numbers: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis goes that shows these numbers, and nothing that cannot be."""
    seen = list(filter(math.isfinite, numbers))
    reach = 0.35 * (max(seen) - min(seen)) or 1.0
    low, high = min(seen) - reach, max(seen) + reach
    if min(seen) >= 0 and not isinstance(piece, Difference):  # error rates and the like are never negative
        low = max(0, low)
    if piece.unit == "%" and max(seen) <= 100:
        high = min(100, high)
    return low, high
