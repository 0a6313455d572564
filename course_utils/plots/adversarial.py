"""Attacked pictures, and the loss around one of them."""

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plots.page import BLACK, BLUE, COLOURS, MARKERS, VERMILLION, headline, look, panels

# Below zero blue, zero white, above zero vermillion: changes of pixels, gradients, margins.
SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, "#ffffff", VERMILLION])


def picture_rows(
    rows: dict[str, Tensor], captions: dict[str, Sequence[str]], *, title: str, signed: Collection[str] = ()
) -> Figure:
    """Rows of pictures below each other, each row with its name at the left.

    Args:
        rows: for each row, pictures [n, 1 or 3, H, W] in [0, 1], or [n, 1, H, W] in [−1, 1] if the row is signed.
        captions: for rows that have some, n captions, drawn above the pictures.
        title: the finding.
        signed: names of the rows that show changes: blue below 0, white at 0, vermillion above.
    """
    columns = len(next(iter(rows.values())))
    figure, axes = panels(len(rows), columns, width=11, height=0.9 + 1.35 * len(rows))
    for line, (name, images) in zip(axes, rows.items()):
        look = {"cmap": SIGNED, "vmin": -1} if name in signed else {"cmap": "gray_r", "vmin": 0}
        for ax, image, caption in zip(line, images, captions.get(name, [""] * columns)):
            ax.imshow(image.permute(1, 2, 0).cpu().numpy(), vmax=1, **look)
            ax.set_title(caption, fontsize=11, fontweight="normal", loc="center", pad=3)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.grid(False)
        line[0].set_ylabel(name, fontsize=12, fontweight="bold", rotation=0, ha="right", va="center", labelpad=10)
    headline(figure, title)
    return figure


def margin_planes(planes: dict[tuple[str, str], Tensor], eps: float, *, title: str) -> Figure:
    """By how much the best wrong class leads, around one picture, a panel for each network and direction.

    Blue: the label leads; vermillion: a wrong class does; black line: the answer flips. Each panel has a scale of its
    own, dark where it is largest.

    Args:
        planes: for each (network, name of the upward direction), [S, S]: the lead at changes from −eps to eps along
            the gradient's sign (first axis) and in the upward direction (second axis).
        eps: the size of the ball.
        title: the finding.
    """
    figure, axes = panels(1, len(planes), width=11, height=4.1)
    for ax, ((name, upward), plane) in zip(axes[0], planes.items()):
        side, lead = np.linspace(-eps, eps, len(plane)), plane.T.cpu().numpy()
        reach = max(abs(lead).max(), 1e-6)
        ax.contourf(side, side, lead, levels=np.linspace(-reach, reach, 25), cmap=SIGNED)
        ax.contour(side, side, lead, levels=[0], colors=BLACK, linewidths=2.5)
        ax.plot(0, 0, "o", color=BLACK)
        ax.plot(eps, 0, "*", color=BLACK, markersize=17, clip_on=False)
        ax.annotate("the digit", (0, 0), (0, -16), textcoords="offset points", ha="center")
        ax.annotate("FGSM", (eps, 0), (-8, 9), textcoords="offset points", ha="right")
        ax.set(xlabel="along the gradient's sign", ylabel=upward, aspect="equal")
        ax.set(xticks=[-eps, 0, eps], yticks=[-eps, 0, eps], yticklabels=[])
        ax.set_title(name, fontsize=13)
        ax.grid(False)
    headline(figure, title)
    return figure


def clouds(
    groups: dict[str, tuple[Sequence[float], Sequence[float]]],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    zoom: bool = False,
) -> Figure:
    """A dot for each network, a colour and a marker for each method.

    Args:
        groups: for each method, (places along a logarithmic horizontal axis, fractions in [0, 1]).
        xlabel, ylabel: axis labels.
        title: the finding.
        zoom: let the vertical axis cover the values alone, and not 0 to 100 %.
    """
    figure, axes = panels(height=4.4)
    ax = axes[0, 0]
    for name, (x, y) in groups.items():
        place = 6 if look(name) is None else look(name)
        dots = {"color": COLOURS[place], "markersize": 11, "alpha": 0.8, "markeredgewidth": 0}
        ax.plot(x, y, MARKERS[place], label=name, **dots)
    ax.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    if not zoom:
        ax.set_ylim(-0.05, 1.05)
    ax.margins(x=0.1, y=0.15)
    ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    headline(figure, title)
    return figure
