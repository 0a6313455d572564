"""Rows of images and of changes made to them."""

from collections.abc import Collection, Mapping, Sequence

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plots import fit
from course_utils.plots.page import BLUE, SMALL, VERMILLION, headline, panels

# Below zero blue, zero white, above zero vermillion: changes of pixels, gradients, margins.
SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, "#ffffff", VERMILLION])


def picture_rows(
    rows: Mapping[str, Tensor], captions: Mapping[str, Sequence[str]], *, title: str, signed: Collection[str] = ()
) -> Figure:
    """Rows of images below each other, each row with its name at the left.

    Args:
        rows: for each row, images [n, 1 or 3, H, W] in [0, 1], or [n, 1, H, W] in [−1, 1] if the row is signed.
        captions: for rows that have some, n captions, drawn above the images.
        title: the finding.
        signed: names of the rows that show changes: blue below 0, white at 0, vermillion above.
    """
    columns = fit.rows_of_images(rows, captions, signed)
    figure, axes = panels(len(rows), columns, height=0.9 + (1.2 if columns > 5 else 1.35) * len(rows))
    for line, (name, images) in zip(axes, rows.items()):
        look = {"cmap": SIGNED, "vmin": -1} if name in signed else {"cmap": "gray_r", "vmin": 0}
        for ax, image, caption in zip(line, images, captions.get(name, [""] * columns)):
            ax.imshow(image.permute(1, 2, 0).cpu().numpy(), vmax=1, **look)
            ax.set_title(caption, fontsize=SMALL, fontweight="normal", loc="center", pad=3)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.grid(False)
        line[0].set_ylabel(name, fontsize=SMALL, fontweight="bold", rotation=0, ha="right", va="center", labelpad=10)
    headline(figure, title)
    return figure
