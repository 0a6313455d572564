"""Groups of a biased data set, and what colour does to an answer."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.plots import fit
from course_utils.plots.page import BLACK, BLUE, GREY, SMALL, VERMILLION

SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", BLUE])


def draw_groups(ax: Axes, table: Tensor, palette: Tensor, count: bool = False) -> None:
    """A table of groups into a panel: a row for each label, a column for each colour; the aligned groups framed.

    Args:
        ax: the panel to draw into.
        table: [Y, B], accuracies, drawn in percent, NaN where a group is empty; or counts.
        palette: [B, 3], the colours, red, green and blue in [0, 1].
        count: whether the table holds counts.
    """
    from seaborn import heatmap  # which takes scipy.stats along, 48 MiB that only those who need it should pay

    fit.groups(ax, table, palette, count)
    values = table.double().numpy()
    # Counts differ by factors of hundreds: their shade goes with the logarithm.
    shade = np.log1p(values) / max(np.log1p(values).max(), 1e-6) if count else values
    written = np.where(np.isnan(values), "–", np.char.mod("%.0f", values if count else 100 * values))
    heatmap(shade, annot=written, fmt="", cmap=SHADES, vmin=0, vmax=1.15, cbar=False, square=True, ax=ax,
            annot_kws={"fontsize": SMALL, "in_layout": False})  # fmt: skip
    for row, column in zip(*np.isnan(values).nonzero()):  # heatmap writes nothing there
        ax.text(column + 0.5, row + 0.5, "–", ha="center", va="center", fontsize=SMALL, in_layout=False)
    for group in range(min(values.shape)):
        ax.add_patch(_square(group, group, facecolor="none", edgecolor=BLACK, linewidth=1.8, zorder=3))
    for column, colour in enumerate(palette.tolist()):
        chip = {"facecolor": colour, "edgecolor": GREY, "linewidth": 0.8, "clip_on": False}
        ax.add_patch(_square(column, -1.15, size=0.72, **chip))
    ax.set(xlabel="colour", ylabel="digit")
    ax.tick_params(length=0, rotation=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)


def draw_swaps(ax: Axes, sheet: Tensor, answers: Tensor, size: float = SMALL) -> None:
    """Ten digits in ten colours as one image, and in their corners the answers that are wrong: in a vermillion box
    where it is the digit of the colour, in a grey one where it is another.

    Args:
        ax: the panel to draw into.
        sheet: [100, 3, H, H], as `biased.colour_swaps` makes it of ten digits.
        answers: [100] int64.
        size: of the letters.
    """
    fit.swaps(ax, sheet, answers, size)
    side = sheet.shape[-1]
    rows = sheet.view(10, 10, 3, side, side).permute(0, 3, 1, 4, 2).reshape(10 * side, 10 * side, 3)
    ax.imshow(rows.numpy(), vmin=0, vmax=1)
    for place, answer in enumerate(answers.tolist()):
        digit, colour = divmod(place, 10)
        if answer == digit:
            continue
        box = {"facecolor": VERMILLION if answer == colour else GREY, "edgecolor": "none", "pad": 1.2}
        ax.text(colour * side + 2, digit * side + 3, str(answer), va="top", fontsize=size, fontweight="bold",
                color="white", bbox=box, in_layout=False)  # fmt: skip
    middles, digits = np.arange(10) * side + side / 2, [str(digit) for digit in range(10)]
    ax.set_xticks(middles, digits)
    ax.set_yticks(middles, digits)
    ax.set(ylabel="digit", xlabel="colour, by its usual digit")
    ax.tick_params(length=0)
    ax.grid(False)


def _square(column: float, row: float, size: float = 1.0, **look) -> Rectangle:
    """A patch with its middle in that of a cell of a heat map."""
    return Rectangle((column + 0.5 - size / 2, row + 0.5 - size / 2), size, size, **look)


def draw_embedding(ax: Axes, points: Tensor, groups: Tensor, palette: Tensor, marked: Tensor) -> None:
    """Points of a plane, coloured by their group; some stand out.

    Args:
        ax: the panel to draw into.
        points: [N, 2].
        groups: [N] int64 in 0…K − 1.
        palette: [K, 3], red, green and blue in [0, 1].
        marked: [N] bool, which points are drawn large, with a black edge, on top of the others.
    """
    fit.embedding(ax, points, groups, palette, marked)
    for part, size, edge in ((~marked, 14, GREY), (marked, 60, BLACK)):
        x, y = points[part].T.numpy()
        ax.scatter(x, y, c=palette[groups[part]].numpy(), s=size, edgecolors=edge, linewidths=0.6)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
