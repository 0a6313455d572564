"""Results as a table: numbers, or a dot for each seed."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils.plots.page import BLACK, COLOURS, GREY, MARKERS, headline, ink, look, panels

# The columns of the table that grows from chapter to chapter: heading, and the chapter that fills it.
MEASURES = {
    "training": ("training", "01"),
    "test": ("test", "01"),
    "noisy": ("test, trained on\n40 % wrong labels", "02"),
    "attacked": ("test,\nunder attack", "04"),
    "conflicting": ("test, against\nthe bias", "05"),
}


def results_table(results: dict[str, dict[str, Sequence[float]]], of: str = "the same small network") -> Figure:
    """The course's results so far: a row for each method, a column for each of MEASURES, mean and range over seeds.

    Args:
        results: for each method, for each key of MEASURES that was measured, one accuracy in [0, 1] per seed.
        of: which network, in words.
    """
    figure, axes = panels(width=11, height=1.3 + 0.8 * len(results))
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-1.1, len(MEASURES)), ylim=(len(results) - 0.4, -1))
    for row, method in enumerate(results):
        place = look(method)
        ax.text(-1, row, method, va="center", fontweight="bold", color=BLACK if place is None else ink(COLOURS[place]))
    for column, (measure, (heading, chapter)) in enumerate(MEASURES.items()):
        ax.text(column + 0.4, -0.6, heading, ha="center", va="center", fontweight="bold")
        for row, measured in enumerate(results.values()):
            values = [100 * value for value in measured.get(measure, ())]
            cell = f"{np.mean(values):.1f} %\n{min(values):.1f} – {max(values):.1f}" if values else f"chapter {chapter}"
            ax.text(column + 0.4, row, cell, ha="center", va="center", color=BLACK if values else GREY)
    ax.axhline(-0.3, 0, 1, color=GREY)
    headline(figure, f"Results so far: accuracy of {of}, mean and range over seeds")
    return figure


def dot_table(table: dict[str, dict[str, Sequence[float]]], *, title: str, zoom: bool = False) -> Figure:
    """A row for each method, in its colour, a panel for each measure: one dot a seed, and the mean as a number.

    Args:
        table: for each method, for each measure, fractions in [0, 1], one a seed, or none; the same measures
            everywhere.
        title: the finding.
        zoom: let each panel's axis cover the values alone, and not 0 to 100 %.
    """
    measures = list(next(iter(table.values())))
    figure, axes = panels(1, len(measures), width=10, height=1.3 + 0.55 * len(table), sharey=True)
    places = [6 if look(name) is None else look(name) for name in table]
    for ax, measure in zip(axes[0], measures):
        for row, (measured, place) in enumerate(zip(table.values(), places)):
            values = [100 * float(value) for value in measured[measure]]
            if not values:
                continue
            dots = {"color": COLOURS[place], "alpha": 0.6, "markeredgewidth": 0, "markersize": 9, "clip_on": False}
            ax.plot(values, [row] * len(values), MARKERS[place], **dots)
            number = f"{np.mean(values):.1f} %" if zoom else f"{np.mean(values):.0f} %"
            ax.annotate(number, (1, row), (9, 0), ax.get_yaxis_transform(), "offset points", va="center",
                        fontweight="bold", annotation_clip=False)  # fmt: skip
        if zoom:
            low, high = ax.get_xlim()
            ticks = MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high)
            inside = [tick for tick in ticks if low <= tick <= high]
            ax.set_xticks(inside[:: max(1, len(inside) - 1)])  # the first and the last: there is room for two
        else:
            ax.set(xlim=(0, 100), xticks=[0, 100])
            ax.set_xticks([50], minor=True)
            ax.grid(True, which="minor", axis="x")
        ax.set(ylim=(len(table) - 0.5, -0.6), yticks=range(len(table)), yticklabels=table)
        ax.set_title(measure, fontsize=12, pad=8)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    for text, place in zip(axes[0, 0].get_yticklabels(), places):
        text.set(color=ink(COLOURS[place]), fontweight="bold")
    headline(figure, title)
    return figure
