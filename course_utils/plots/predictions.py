"""What a reader predicted, against what was measured."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from course_utils.plots import fit
from course_utils.plots.page import BLACK, BLUE, GREEN, GREY, SMALL, VERMILLION, WIDTH, filled, headline, ink

Kept = Any  # course_utils.record.Kept: its room stands beside this one, and neither imports the other
NEAR = 10  # points: what counts as near
SURPRISES = 4  # of each panel, at most, are named


def draw_predictions(kept: Sequence[Kept], example: bool = False) -> Figure:
    """Guess against truth, a panel for each kind of number: shares, differences in points, other numbers; names are
    counted. Ranges are bars, filled if they hold the truth. The largest misses are numbered, and named.

    Args:
        kept: what was predicted and measured (`record.predictions`), at least one.
        example: mark the figure as an example, nobody's predictions.

    Raises:
        ValueError: there is no prediction.
    """
    fit.records("prediction that was measured (record.predictions)", ("kind", "truth", "miss"), kept=kept)
    kept = [one for one in kept if isinstance(one.truth, str) or math.isfinite(one.truth)]
    if not kept:
        raise ValueError("kept must be at least one prediction that was measured, got none")
    of = {kind: [one for one in kept if one.kind == kind] for kind in ("share", "points", "name")}
    others = [one for one in kept if one.kind in ("factor", "count")]
    surprises = [_surprises(of["share"]), _surprises(of["points"])]
    wanted = {"share": 4.3 * bool(of["share"]), "points": 4.3 * bool(of["points"])}
    wanted |= {"others": 0.9 + 0.42 * len(others) if others else 0}
    wanted |= {"surprises": 0.5 + 0.45 * sum(map(len, surprises)) if any(surprises) else 0}
    wanted |= {"name": 1.15 * bool(of["name"])}
    figure, axes = _laid_out({name: height for name, height in wanted.items() if height})
    for name, ax in axes.items():
        if name == "share":
            _draw_plane(ax, of["share"], surprises[0], 1)
        elif name == "points":
            _draw_plane(ax, of["points"], surprises[1], 1 + len(surprises[0]))
        elif name == "others":
            _draw_others(ax, others)
        elif name == "surprises":
            _write_surprises(ax, sum(surprises, []))
        else:
            _draw_names(ax, of["name"])
    finding = _finding(kept)
    headline(figure, f"An example, an invented reader: {finding}" if example else finding[0].upper() + finding[1:])
    if example:
        figure.text(0.5, 0.45, "an example", fontsize=80, rotation=25, ha="center", va="center", color=GREY, alpha=0.25,
                    fontweight="bold")  # fmt: skip
    return figure


def _finding(kept: Sequence[Kept]) -> str:
    """What the figure shows, in a sentence: how often near, and how often who knows nothing would have been."""
    parts = []
    shares, points, names = ([one for one in kept if one.kind == kind] for kind in ("share", "points", "name"))
    ranges = [one for one in kept if one.held is not None]
    if shares:
        near, coin = (sum(miss <= NEAR for miss in misses) for misses in zip(*((s.miss, s.coin_miss) for s in shares)))
        parts.append(f"within {NEAR} points on {near} of {_counted(shares, 'share')} (a coin: {coin})")
    if points:
        closer = sum(one.miss < one.coin_miss for one in points)
        parts.append(f"closer than “nothing changes” on {closer} of {_counted(points, 'difference')}")
    if names:
        right, chance = sum(1 - one.miss for one in names), sum(1 - one.coin_miss for one in names)
        parts.append(f"right on {right:.0f} of {_counted(names, 'name')} (chance: {chance:.1f})")
    if ranges:
        held = sum(one.held for one in ranges)
        parts.append(f"{held} of {_counted(ranges, 'range')} held the truth, four in five were promised")
    parts = parts or [f"{_counted(kept, 'prediction')}, each a factor away from what was measured"]
    return "; ".join(parts)


def _counted(things: Sequence, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _surprises(kept: Sequence[Kept]) -> list[Kept]:
    """The largest misses, the largest first: those that were not near (differences are smaller than shares)."""
    far = [one for one in kept if one.miss > (NEAR if one.kind == "share" else NEAR / 2)]
    return sorted(far, key=lambda one: -one.miss)[:SURPRISES]


def _laid_out(wanted: dict[str, float]) -> tuple[Figure, dict[str, Axes]]:
    """A figure with these panels (name: height in inches), two in a row; the last one, and the names, span both."""
    names = [name for name in wanted if name != "name"]
    rows = [names[i : i + 2] for i in range(0, len(names), 2)] + [["name"]] * ("name" in wanted)
    heights = [max(wanted[name] for name in row) for row in rows]
    layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
    figure = Figure(figsize=(WIDTH, 1 + sum(heights)), layout=layout)
    mosaic: list[Any] = [row if len(row) == 2 else row * 2 for row in rows]
    if rows == [["share"]] or rows == [["points"]]:  # a plane is as high as it is wide
        figure.set_size_inches(7, 6)
    return figure, figure.subplot_mosaic(mosaic, height_ratios=heights)


def _draw_plane(ax: Axes, kept: Sequence[Kept], surprises: Sequence[Kept], first: int) -> None:
    """Guess to the right, truth upwards, in percent or in points; who is right lies on the diagonal."""
    percent = kept[0].kind == "share"
    scale = 100 if percent else 1
    seen = [
        scale * number for one in kept for number in (one.value, one.truth, one.low, one.high) if number is not None
    ]
    low, high = (0, 100) if percent else (min(0, *seen), max(0, *seen))
    reach = 0.04 * (high - low) or 1
    low, high = low - reach, high + reach
    ax.plot([low, high], [low, high], ":", color=GREY, linewidth=1.5)
    if percent:
        ax.fill_between([low, high], [low - NEAR, high - NEAR], [low + NEAR, high + NEAR], color=GREY, alpha=0.15,
                        linewidth=0)  # fmt: skip
    ax.axvline(50 if percent else 0, color=GREY, linewidth=1)
    ax.annotate("a coin" if percent else "nothing changes", (50 if percent else 0, low), (3, 4), color=ink(GREY),
                textcoords="offset points", fontsize=SMALL)  # fmt: skip
    for one in kept:
        if one.held is None:
            dot: dict[str, Any] = {"color": BLUE, "alpha": 0.7, "markeredgewidth": 0, "markersize": 9, "clip_on": False}
            ax.plot(scale * one.value, scale * one.truth, "o", **dot)
        else:
            _bar(ax, one.held, scale * one.truth, scale * one.low, scale * one.high, 0.02 * (high - low))
    for place, one in enumerate(surprises, first):
        ax.annotate(str(place), (scale * one.value, scale * one.truth), (0, 9), textcoords="offset points",
                    ha="center", fontsize=SMALL, fontweight="bold", color=ink(VERMILLION))  # fmt: skip
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", ylabel="measured")
    ranges = any(one.held is not None for one in kept)
    ax.set_xlabel("your guess" + "\n(a bar: your range, filled if it holds the truth)" * ranges, fontsize=SMALL)
    ax.set_title("Shares, in percent" if percent else "Differences, in points", fontsize=13)


def _bar(ax: Axes, held: bool, y: float, low: float, high: float, height: float) -> None:
    """A range: filled if it holds the truth."""
    face, edge = (GREEN, ink(GREEN)) if held else ("none", VERMILLION)
    ax.barh(y, high - low, height, left=low, linewidth=1.8, zorder=3, facecolor=face, edgecolor=edge)


def _draw_others(ax: Axes, kept: Sequence[Kept]) -> None:
    """A row for each number that is neither share nor points: guess ÷ measured, doubled with each line."""
    for row, one in enumerate(kept):
        at = {number: _ratio(number, one.truth) for number in (one.value, one.low, one.high, 1) if number is not None}
        if one.held is None:
            ax.plot(at[one.value], row, "o", color=BLUE, markersize=9, clip_on=False)
        else:
            _bar(ax, one.held, row, at[one.low], at[one.high], 0.4)
        if math.isfinite(one.coin_miss):
            ax.plot(at[1], row, "|", color=ink(GREY), markersize=13, markeredgewidth=2)
    ax.axvline(1, color=BLACK, linewidth=1)
    ax.set_xscale("log", base=2)
    low, high = ax.get_xlim()
    ax.set(xlim=(min(low, 0.4), max(high, 2.5)), ylim=(len(kept) - 0.4, -0.6))
    ax.set_yticks(range(len(kept)), [filled(one.of, 20) for one in kept], fontsize=SMALL)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}" if value >= 1 else f"1/{1 / value:.3g}")
    ax.set_title("Other numbers: guess ÷ measured", fontsize=13)
    ax.set_xlabel("1 is right; a grey stroke: nothing changes", fontsize=SMALL)


def _ratio(guess: float, truth: float) -> float:
    """Guess ÷ truth, within what an axis can show."""
    return float(np.clip(guess / max(truth, 1e-9), 1 / 64, 64))


def _write_surprises(ax: Axes, kept: Sequence[Kept]) -> None:
    """The names behind the numbers in the panels."""
    ax.axis("off")
    ax.set_title("Where you were surprised", fontsize=13)
    lines = []
    for place, one in enumerate(kept, 1):
        truth = f"{100 * one.truth:.0f} %" if one.kind == "share" else f"{one.truth:.1f} points".replace("-", "−")
        lines.append(f"{place}  {one.of}\n    guess {one.said}, was {truth}")
    ax.text(0, 1, "\n".join(lines), va="top", fontsize=SMALL, linespacing=1.3, transform=ax.transAxes)


def _draw_names(ax: Axes, kept: Sequence[Kept]) -> None:
    """A square for each name that was asked for, the right ones first, and a line where chance would have ended."""
    right = round(sum(1 - one.miss for one in kept))
    chance = sum(1 - one.coin_miss for one in kept)
    for place in range(len(kept)):
        face, edge = (GREEN, GREEN) if place < right else ("none", GREY)
        ax.barh(0, 0.84, 0.8, left=place + 0.08, linewidth=1.5, facecolor=face, edgecolor=edge)
    ax.plot([chance, chance], [-0.6, 0.6], color=BLACK, linewidth=2)
    ax.text(chance, -0.68, "chance", ha="center", va="top", fontsize=SMALL)
    ax.set(xlim=(-0.1, max(len(kept), 12) + 0.1), ylim=(-1.2, 0.7), yticks=[], xticks=[])
    ax.grid(False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_title(f"Names: {right} right, {len(kept) - right} wrong", fontsize=13)
