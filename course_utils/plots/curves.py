"""Lines, bands and dots over something: epochs, sizes, recall."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from course_utils.plots import fit
from course_utils.plots.page import (
    BLACK,
    COLOURS,
    DASHES,
    GREEN,
    GREY,
    MARKERS,
    SMALL,
    VERMILLION,
    headline,
    ink,
    look,
    panels,
    panels_in_rows,
)


def lines(
    frame: pd.DataFrame,
    x: str,
    columns: Sequence[str],
    *,
    title: str,
    xlabel: str | None = None,
    ylabel: str = "",
    log_x: bool = False,
    percent: bool = False,
    guess: float | None = None,
    colours: Sequence[str] | None = None,
) -> Figure:
    """One line for each column over `x`: the mean of all rows with the same `x`, and a dot for each row (a band from
    the lowest to the highest where the dots would be many).

    Args:
        frame: one row a run (or an epoch).
        x: the column along the horizontal axis.
        columns: what to draw. A method, and what starts with train, validation or test, gets its usual colour.
        title: the finding.
        xlabel, ylabel: axis labels; `xlabel` is `x` unless given.
        log_x: a logarithmic horizontal axis.
        percent: the values are fractions; label the vertical axis in percent.
        guess: what the reader predicted, drawn as a dotted line.
        colours: in place of the usual ones, for columns that all belong to one method, or to none.
    """
    fit.guess(guess, share=percent)
    figure, axes = panels()
    draw_lines(axes[0, 0], frame, x, columns, log_x=log_x, percent=percent, colours=colours)
    axes[0, 0].set(xlabel=xlabel or x, ylabel=ylabel)
    headline(figure, title)
    draw_guess(axes[0, 0], guess)
    return figure


def draw_guess(ax: Axes, guess: float | None) -> None:
    """What the reader predicted, as a dotted line across the panel; nothing if there is no prediction."""
    fit.panel(ax)
    fit.guess(guess, share=False)
    if guess is not None:
        ax.axhline(guess, color=BLACK, linestyle=":", linewidth=1.5)
        ax.annotate("your prediction", (0.01, guess), xycoords=("axes fraction", "data"), va="bottom")


def draw_lines(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    columns: Sequence[str],
    *,
    log_x: bool = False,
    percent: bool = False,
    named: bool = True,
    colours: Sequence[str] | None = None,
) -> list[Line2D]:
    """What `lines` draws, into one panel of a larger figure; `named=False` leaves out the names at the lines' ends.
    Returns the lines through the means, in the order of `columns`."""
    fit.panel(ax)
    fit.table(frame, x, columns)
    fit.colours(colours, len(columns))
    means = frame.groupby(x)[list(columns)].mean()
    repeated = len(means) < len(frame)
    names = [column.replace("_", " ") for column in columns]
    drawn = []
    looks = _places(names)
    for column, place, colour in zip(columns, looks, colours or [COLOURS[place] for place in looks]):
        marker = MARKERS[place]
        line = means[column].dropna()  # not every column need be measured at every x
        drawn += ax.plot(line.index, line, color=colour, linestyle=DASHES[place])
        if repeated and len(means) >= 15:
            spread = frame.groupby(x)[column].agg(["min", "max"])
            # Paler bands of two colours would become one in `png`.
            ax.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.3, linewidth=0)
        elif repeated or len(means) < 15:
            ax.plot(frame[x], frame[column], marker, color=colour, alpha=0.6, markeredgewidth=0)
    if log_x:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        if len(means) < 10:
            ax.set_xticks(means.index)
        ax.minorticks_off()
    elif means.index.dtype.kind == "i":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if percent:
        ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    if named:
        _label_ends(ax, drawn, names)
    return drawn


def _places(names: Sequence[str]) -> list[int]:
    """For each name its own look; for one without, or whose look is taken, one that is free (test data's last)."""
    own = [look(name) for name in names]
    own = [None if place in own[:i] else place for i, place in enumerate(own)]
    free = iter(place for place in (0, 2, 3, 4, 5, 6, 1) if place not in own)
    return [next(free) if place is None else place for place in own]


def _label_ends(ax: Axes, drawn: Sequence[Line2D], names: Sequence[str]) -> None:
    """Write each name beside the right end of its line, as far apart as the letters need."""
    scale = ax.yaxis.get_transform()  # a logarithmic axis is measured on the page too
    low, high = scale.transform(ax.get_ylim())
    gap = 0.26 * ax.figure.dpi / ax.bbox.height * (high - low)  # 0.26 inches, a little more than a letter is high
    # Of lines that end together the one that ran higher gets the higher name.
    tracks = [scale.transform(np.asarray(line.get_ydata(), dtype=float)) for line in drawn]
    ends = sorted(
        (round(2 * track[-1] / gap), track.mean(), track[-1], name, ink(str(line.get_color())))
        for track, line, name in zip(tracks, drawn, names)
    )
    places = [end for _, _, end, _, _ in ends]
    for i in range(1, len(places)):  # upwards until none covers the one below …
        places[i] = max(places[i], places[i - 1] + gap)
    places.append(high + gap)
    for i in reversed(range(len(ends))):  # … and down again into the panel
        places[i] = min(places[i], places[i + 1] - gap)
    for place, (*_, name, colour) in zip(places, ends):
        ax.annotate(
            name, (1.01, scale.inverted().transform(place)), xycoords=("axes fraction", "data"), va="center",
            color=colour, fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def histograms(frame: pd.DataFrame, *, xlabel: str, title: str, guess: float | None = None) -> Figure:
    """One histogram for each column, below each other on one scale, with its mean.

    Args:
        frame: one row a draw, one column a histogram.
        xlabel: what was drawn.
        title: the finding.
        guess: what the reader predicted, a dotted line in the last histogram.
    """
    fit.guess(guess, share=False)
    fit.draws(frame)
    figure, axes = panels(frame.shape[1], 1, sharex=True, sharey=True)
    bins = np.linspace(frame.min().min(), frame.max().max(), 41)
    for ax, column, colour in zip(axes[:, 0], frame, (GREEN, VERMILLION, *COLOURS)):
        ax.hist(frame[column], bins, color=colour, alpha=0.75)
        ax.axvline(0, color=BLACK, linewidth=1.2)
        ax.axvline(frame[column].mean(), color=colour, linestyle="--")
        mean = f"{round(frame[column].mean(), 1) + 0:+.1f}".replace("-", "−").replace("+0.0", "0.0")
        ax.text(0.01, 0.9, f"{column}\nmean {mean}", va="top", transform=ax.transAxes, color=ink(colour),
                fontweight="bold")  # fmt: skip
        ax.set(yticks=[], ylabel="draws")
    if guess is not None:
        axes[-1, 0].axvline(guess, color=BLACK, linestyle=":")
        axes[-1, 0].text(guess, axes[-1, 0].get_ylim()[1], " your prediction", va="top")
    axes[-1, 0].set_xlabel(xlabel)
    headline(figure, title)
    return figure


def line_panels(
    frames: dict[str, pd.DataFrame],
    x: str,
    columns: Sequence[str],
    *,
    title: str,
    ylabel: str,
    guess: float | None = None,
    legend: bool = False,
    colours: Sequence[str] | None = None,
) -> Figure:
    """What `lines` draws, for several tables of fractions on one scale, two in a row.

    Args:
        frames: for each panel, its heading and its table.
        x, columns, title, ylabel, colours: as in `lines`.
        guess: what the reader predicted for the last panel.
        legend: name the lines once, beside the last panel or below, and not at their ends: for many lines that end
            together.
    """
    fit.filled(frames=frames)
    fit.guess(guess, share=True)
    for heading, frame in frames.items():
        fit.table(frame, x, columns, f"frames[{heading!r}]")
    figure, axes, spare = panels_in_rows(len(frames), height=3.1 if len(frames) > 2 else 3.5, sharey=True)
    for place, (ax, (heading, frame)) in enumerate(zip(axes, frames.items())):
        drawn = draw_lines(ax, frame, x, columns, percent=True, named=not legend, colours=colours)
        ax.set_title(heading, fontsize=13)
        ax.set_xlabel(x)
        ax.set_ylabel(ylabel if place % 2 == 0 else "")
    draw_guess(axes[-1], guess)
    if legend and spare:
        spare[0].legend(drawn, columns, loc="center", frameon=False, handlelength=2.8)
    elif legend:
        figure.legend(drawn, columns, loc="outside lower center", ncols=len(columns), frameon=False, handlelength=2.8)
    headline(figure, title)
    return figure


def draw_beta(ax: Axes, alpha: float, colour: str, name: str = "") -> None:
    """The density of lam ~ Beta(alpha, alpha); `name` is the panel's title. alpha = 0 is drawn as two spikes,
    an infinite one as a single spike."""
    fit.panel(ax)
    fit.alpha(alpha)
    fit.colour(colour)
    if alpha == 0 or math.isinf(alpha):
        for spike in (0, 1) if alpha == 0 else (0.5,):
            ax.axvline(spike, color=colour, linewidth=4)
    else:
        lam = torch.linspace(0.005, 0.995, 199)
        ax.plot(lam, torch.distributions.Beta(alpha, alpha).log_prob(lam).exp(), color=colour)
    ax.set(xlim=(-0.02, 1.02), xlabel="lam", ylabel="density")
    ax.set_ylim(bottom=0, top=max(2, ax.get_ylim()[1]))
    if name:
        ax.set_title(name, fontsize=13, color=colour)


def reliability_diagrams(tables: dict[str, tuple[pd.DataFrame, pd.DataFrame]], *, title: str) -> Figure:
    """Accuracy over confidence, a panel for each model, as it is and after temperature scaling.

    Args:
        tables: for each panel, its heading, which begins with the method's name, and two tables as
            `metrics.reliability` makes them: raw (a dot for each bin, its area the share of the examples, with its
            distance to the diagonal) and scaled (a dashed line). Bins with less than one example in 200 are not drawn.
        title: the finding.
    """
    fit.reliability(tables)
    figure, axes, _ = panels_in_rows(len(tables), height=3.9, sharey=True)
    for place, (ax, (heading, both)) in enumerate(zip(axes, tables.items())):
        raw, scaled = (table[table["examples"] >= table["examples"].sum() / 200] for table in both)
        colour = COLOURS[look(heading.splitlines()[0]) or 0]
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        ax.vlines(raw["confidence"], raw["confidence"], raw["accuracy"], color=colour, linewidth=3, alpha=0.45)
        area = 700 * raw["examples"] / both[0]["examples"].sum()
        ax.scatter(raw["confidence"], raw["accuracy"], s=area, color=colour, zorder=3, clip_on=False)
        ax.plot(scaled["confidence"], scaled["accuracy"], color=BLACK, linewidth=1.8, dashes=(3, 1))
        ax.set(xlim=(0, 1.04), ylim=(0, 1.04), xlabel="confidence", xticks=[0, 0.5, 1])
        ax.set_ylabel("accuracy" if place % 2 == 0 else "")
        ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        ax.set_title(heading, fontsize=13)
    axes[0].text(0.03, 0.93, "underconfident", fontsize=SMALL)
    axes[0].text(1.02, 0.04, "overconfident", fontsize=SMALL, ha="right")
    axes[-1].text(1.02, 0.15, "dots: raw", fontsize=SMALL, ha="right")
    axes[-1].text(1.02, 0.04, "dashed: scaled", fontsize=SMALL, ha="right")
    headline(figure, title)
    return figure
