"""Results as a table: numbers, or a dot for each seed."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils.plots import fit
from course_utils.plots.page import BLACK, COLOURS, GREY, MARKERS, SMALL, filled, headline, ink, look, panels

# The columns of the table that grows from chapter to chapter, and its parts: for each network the chapter that fills
# each column. What another network scores does not compare.
MEASURES = {
    "training": "training",
    "test": "test",
    "noisy": "test, trained\non 40 % wrong\nlabels",
    "attacked": "test,\nunder\nattack",
    "conflicting": "test,\nagainst\nthe bias",
}
NETWORKS = {
    "the same small network": {"training": "01", "test": "01", "noisy": "02"},
    "the small convolutional network": {"training": "04", "test": "04", "attacked": "04"},
    "the network on Colored MNIST, 1 %: 8,000 digits, 10 epochs": {"test": "05", "conflicting": "05"},
    "the same on 10,000 digits, 7 epochs": {"test": "06", "conflicting": "06"},
}


def results_table(results: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> Figure:
    """The course's results so far: a part for each network, in it a row for each method and a column for each of
    MEASURES, mean and range over seeds. What is not there yet names its chapter; a dash: no chapter asks.

    Args:
        results: for each network, for each method, for each key of MEASURES that was measured, one accuracy in [0, 1]
            per seed (`record.results`).
    """
    fit.results(results, MEASURES)
    others = [name for name in results if name not in NETWORKS]
    parts = [(name, NETWORKS.get(name, {}), results.get(name, {})) for name in [*NETWORKS, *others]]
    rows = sum(0.55 + len(methods) for _, _, methods in parts)
    figure, axes = panels(height=1.6 + 0.52 * rows)
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-1.1, len(MEASURES)), ylim=(rows - 0.2, -1.6))
    for column, heading in enumerate(MEASURES.values()):
        ax.text(column + 0.4, -0.95, heading, ha="center", va="center", fontweight="bold")
    row = 0.0
    for network, chapters, methods in parts:
        ax.axhline(row - 0.2, 0, 1, color=GREY, linewidth=1)
        to_come = "" if methods else f": chapter {min(chapters.values())}"
        ax.text(-1.1, row + 0.15, network + to_come, va="center", fontsize=SMALL, color=BLACK if methods else "#6b6b6b",
                style="italic")  # fmt: skip
        for place, (method, measured) in enumerate(methods.items()):
            _draw_row(ax, row + 0.75 + place, method, measured, chapters)
        row += 0.55 + len(methods)
    headline(figure, "Results so far: accuracy, mean and range over seeds")
    return figure


def _draw_row(
    ax: Axes, y: float, method: str, measured: Mapping[str, Sequence[float]], chapters: Mapping[str, str]
) -> None:
    """One method's name and numbers; for what is missing the chapter that will fill it, or a dash."""
    place = look(method)
    ax.text(-1.1, y, method, va="center", fontweight="bold", color=BLACK if place is None else ink(COLOURS[place]))
    for column, measure in enumerate(MEASURES):
        values = [100 * value for value in measured.get(measure, ())]
        if values:
            ax.text(column + 0.4, y - 0.03, f"{np.mean(values):.1f} %", ha="center", va="bottom")
            spread = f"{min(values):.1f} – {max(values):.1f}"
            ax.text(column + 0.4, y + 0.03, spread, ha="center", va="top", fontsize=SMALL, color="#555555")
        else:
            to_come = f"chapter {chapters[measure]}" if measure in chapters else "–"
            ax.text(column + 0.4, y, to_come, ha="center", va="center", color="#6b6b6b")


def dot_table(
    table: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str,
    zoom: bool = False,
    numbers: Collection[str] = (),
    of: str = "",
) -> Figure:
    """A row for each method, in its colour, a panel for each measure: one dot a seed, and the mean as a number.

    Args:
        table: for each method, for each measure, fractions in [0, 1], one a seed, or none; the same measures
            everywhere.
        title: the finding.
        zoom: let each panel's axis cover the values alone, and not 0 to 100 %.
        numbers: measures that are no shares: written as they are.
        of: the method that was measured, if all rows are of one: they get its look.
    """
    measures = fit.measures(table, numbers)
    fit.text(of=of)
    names = [filled(name, 20) for name in table] if len(measures) > 2 else list(table)
    row_height = max(0.5, 0.1 + 0.2 * max(len(name.splitlines()) for name in names))
    figure, axes = panels(1, len(measures), height=1.4 + row_height * len(table), sharey=True)
    looks = [look(of or name) for name in table]
    places = [6 if place is None else place for place in looks]
    for ax, measure in zip(axes[0], measures):
        plain = measure in numbers
        rows = [[float(value) * (1 if plain else 100) for value in measured[measure]] for measured in table.values()]
        for row, (values, place) in enumerate(zip(rows, places)):
            if values:
                _draw_dots(ax, row, values, place, f"{np.mean(values):{'.2g' if plain else '.1f' if zoom else '.0f'}}"
                           f"{'' if plain else ' %'}")  # fmt: skip
        if zoom or plain:
            _few_ticks(ax, from_zero=not zoom)
        else:
            ax.set(xlim=(0, 100), xticks=[0, 100])
            ax.set_xticks([50], minor=True)
            ax.grid(True, which="minor", axis="x")
        ax.set(ylim=(len(table) - 0.5, -0.6), yticks=range(len(table)), yticklabels=names)
        ax.set_title(measure, fontsize=SMALL, pad=8)
        ax.tick_params(labelsize=SMALL)
        unit = "" if plain else " %"  # beside the last tick alone: two would meet in a narrow panel
        ax.xaxis.set_major_formatter(lambda value, place, unit=unit: f"{value:g}{unit if place else ''}")
    for text, place in zip(axes[0, 0].get_yticklabels(), places):
        text.set(color=ink(COLOURS[place]), fontweight="bold")
    headline(figure, title)
    return figure


def _draw_dots(ax: Axes, row: int, values: Sequence[float], place: int, number: str) -> None:
    """One row of one panel, with its mean, as it is written, at the right."""
    ax.plot(values, [row] * len(values), MARKERS[place], color=COLOURS[place], alpha=0.6, markeredgewidth=0,
            markersize=9, clip_on=False)  # fmt: skip
    ax.annotate(number, (1, row), (9, 0), ax.get_yaxis_transform(), "offset points", va="center", fontsize=SMALL,
                fontweight="bold", annotation_clip=False)  # fmt: skip


def _few_ticks(ax: Axes, from_zero: bool) -> None:
    """Of the ticks within the axis the first and the last: there is room for two."""
    if from_zero:
        ax.set_xlim(left=0)
    low, high = ax.get_xlim()
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [tick for tick in ticks if low <= tick <= high]
    ax.set_xticks(inside[:: max(1, len(inside) - 1)])
    if inside[-1] - inside[0] < (high - low) / 2:  # centred, the two numbers would meet in a narrow panel
        left, right = ax.get_xticklabels()
        left.set_horizontalalignment("right")
        right.set_horizontalalignment("left")
