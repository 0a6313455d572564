"""Groups of a biased data set, and what colour does to an answer."""

from collections.abc import Collection

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.plots.page import BLACK, BLUE, GREY, VERMILLION, headline, panels

SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", BLUE])


def group_tables(tables: dict[str, Tensor], palette: Tensor, *, title: str, counts: Collection[str] = ()) -> Figure:
    """Tables of groups side by side: a row for each digit, a column for each colour; the aligned groups framed.

    Args:
        tables: for each panel, its heading and [Y, B]: accuracies, NaN where a group is empty, or counts.
        palette: [B, 3], the colours, red, green and blue in [0, 1].
        title: the finding.
        counts: headings of the panels that hold counts.
    """
    figure, axes = panels(1, len(tables), width=11, height=5.6)
    for ax, (name, table) in zip(axes[0], tables.items()):
        draw_groups(ax, table, palette, count=name in counts)
        ax.set_title(name, fontsize=13, pad=36)
    headline(figure, title)
    return figure


def draw_groups(ax: Axes, table: Tensor, palette: Tensor, count: bool = False) -> None:
    """One table of groups [Y, B] into a panel: accuracies in percent, or counts, the darker the more."""
    values = table.double().numpy()
    # Counts differ by factors of hundreds: their shade goes with the logarithm.
    shade = np.log1p(values) / max(np.log1p(values).max(), 1e-6) if count else values
    ax.imshow(np.ma.masked_invalid(shade), cmap=SHADES, vmin=0, vmax=1.15)
    for row, column in np.ndindex(values.shape):
        value, dark = values[row, column], shade[row, column] > 0.6
        text = "–" if np.isnan(value) else f"{value:.0f}" if count else f"{100 * value:.0f}"
        ax.text(column, row, text, ha="center", va="center", fontsize=10, color="white" if dark else BLACK)
        if row == column:
            edge = {"facecolor": "none", "edgecolor": BLACK, "linewidth": 1.8, "zorder": 3}
            ax.add_patch(_square(column, row, **edge))
    for column, colour in enumerate(palette.tolist()):
        chip = {"facecolor": colour, "edgecolor": GREY, "linewidth": 0.8, "clip_on": False}
        ax.add_patch(_square(column, -1.15, size=0.72, **chip))
    ax.set(xticks=range(values.shape[1]), yticks=range(values.shape[0]), xlabel="colour", ylabel="digit")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)


def swap_sheets(sheet: Tensor, answers: dict[str, Tensor], *, title: str) -> Figure:
    """Ten digits in ten colours, once for each network, with its answers.

    Args:
        sheet: [100, 3, H, W], digit 0 in colours 0 to 9, then digit 1, and so on.
        answers: for each network, [100] int64.
        title: the finding.
    """
    figure, axes = panels(1, len(answers), width=11, height=6.1)
    for ax, (name, said) in zip(axes[0], answers.items()):
        draw_swaps(ax, sheet, said)
        ax.set_title(name, fontsize=13)
    headline(figure, title)
    return figure


def draw_swaps(ax: Axes, sheet: Tensor, answers: Tensor) -> None:
    """Ten digits in ten colours as one picture; each answer in a corner, boxed where it is not the digit."""
    side = sheet.shape[-1]
    rows = sheet.view(10, 10, 3, side, side).permute(0, 3, 1, 4, 2).reshape(10 * side, 10 * side, 3)
    ax.imshow(rows.numpy(), vmin=0, vmax=1)
    for place, answer in enumerate(answers.tolist()):
        digit, colour = divmod(place, 10)
        box = {"facecolor": VERMILLION if answer == colour else GREY, "edgecolor": "none", "pad": 1.2}
        wrong = {"bbox": box, "fontweight": "bold"} if answer != digit else {}
        ax.text(
            colour * side + 2, digit * side + 3, str(answer), va="top", fontsize=9, color="white", **wrong
        )  # fmt: skip
    middles = np.arange(10) * side + side / 2
    ax.set_xticks(middles, range(10))
    ax.set_yticks(middles, range(10))
    ax.set(ylabel="digit", xlabel="colour, by the digit that it usually goes with")
    ax.tick_params(length=0)
    ax.grid(False)


def _square(column: float, row: float, size: float = 1.0, **look) -> Rectangle:
    """A patch with its middle at a cell."""
    return Rectangle((column - size / 2, row - size / 2), size, size, **look)
