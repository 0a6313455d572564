"""Sheets of pictures, and the plane of the toys."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import require
from course_utils.plots import fit
from course_utils.plots.curves import draw_beta
from course_utils.plots.page import BLACK, COLOURS, PURPLE, SMALL, headline, look, panels

# The two classes of a toy in the plane: not the colours of training and test data, and darker than their ground.
CLASS_COLOURS = ("#00785a", "#9c3d74")
TWO_CLASSES = LinearSegmentedColormap.from_list("two classes", ["#8fd3bd", "#ffffff", "#e3b3cf"])

PLANE = (-1.9, 2.9), (-1.6, 2.1)  # the part of the plane that pictures of the two moons show


def pictures(images: Tensor, captions: Sequence[str], *, title: str, columns: int = 10) -> Figure:
    """A sheet of pictures [N, 1 or 3, H, W] in [0, 1], each with its caption above."""
    fit.images("images", images)
    fit.texts(len(images), captions=captions)
    require.whole(columns=columns)
    rows = -(-len(images) // columns)
    words = max(caption.count("\n") for caption in captions)
    figure, axes = panels(rows, columns, height=0.6 + (1.2 + 0.2 * words) * rows)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption in zip(axes.flat, images, captions):
        grey = {"cmap": "gray_r"} if len(image) == 1 else {}
        ax.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=1, **grey)
        ax.set_title(caption, fontsize=SMALL, fontweight="normal", loc="center", pad=3)
    headline(figure, title)
    return figure


def mixing_gallery(draws: dict[float, tuple[Sequence[str], Tensor]], *, title: str) -> Figure:
    """What mixup makes of a batch: a row for each alpha, the density of its weights and some images.

    Args:
        draws: for each alpha, n captions and mixed images [n, 1, H, W].
        title: the finding.
    """
    columns = fit.mixtures(draws)
    figure, axes = panels(len(draws), 1 + columns, height=0.9 + 1.55 * len(draws), width_ratios=[2.2] + [1] * columns)
    for row, (alpha, (captions, mixed)) in zip(axes, draws.items()):
        draw_beta(row[0], alpha, PURPLE)
        row[0].set(ylabel=f"alpha = {alpha:g}", yticks=[], xticks=[0, 0.5, 1], xlabel="")
        for ax, caption, image in zip(row[1:], captions, mixed):
            ax.axis("off")
            ax.imshow(image[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            ax.set_title(caption, fontsize=SMALL, fontweight="normal", loc="center", pad=3)
    axes[0, 0].set_title("density of lam", fontsize=SMALL)
    axes[-1, 0].set_xlabel("lam")
    headline(figure, title)
    return figure


def draw_boundary(
    ax: Axes,
    predict: Callable[[Tensor], Tensor],
    points: Tensor,
    labels: Tensor,
    best: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Where a model of two classes in the plane changes its mind.

    Args:
        ax: the panel to draw into.
        predict: from points [M, 2] to logits [M, 2].
        points: [N, 2], the training points, drawn as circles (class 0) and triangles (class 1).
        labels: [N] int64 in {0, 1}.
        best: another such function, whose boundary is drawn dashed.
    """
    fit.points(ax, points, labels)
    side = torch.linspace(*PLANE[0], 120), torch.linspace(*PLANE[1], 100)
    x, y = torch.meshgrid(*side, indexing="xy")
    plane = torch.stack([x.flatten(), y.flatten()], dim=1)
    second = fit.second_class(plane, predict=predict).view_as(x).numpy()
    ax.contourf(x.numpy(), y.numpy(), second, levels=np.linspace(0, 1, 11), cmap=TWO_CLASSES)
    ax.contour(x.numpy(), y.numpy(), second, levels=[0.5], colors=BLACK, linewidths=2)
    if best is not None:
        second = fit.second_class(plane, best=best).view_as(x).numpy()
        ax.contour(x.numpy(), y.numpy(), second, levels=[0.5], colors=BLACK, linewidths=1.2, linestyles="dashed")
    draw_points(ax, points, labels)


def draw_points(ax: Axes, points: Tensor, labels: Tensor) -> None:
    """Points [N, 2] of two classes: green circles and purple triangles."""
    fit.points(ax, points, labels)
    for label in (0, 1):
        x, y = points[labels == label].T.numpy()
        ax.scatter(x, y, s=28, marker="o^"[label], color=CLASS_COLOURS[label], edgecolors="white", linewidths=0.6)
    ax.set(xlim=PLANE[0], ylim=PLANE[1], xticks=[], yticks=[])
    ax.grid(False)


def snapshots(samples: dict[str, Tensor], moments: Sequence[str], modes: Tensor, *, title: str) -> Figure:
    """Points that generators make, over their training: a row for each generator, a panel for each moment.

    Args:
        samples: for each generator, [S, n, 2].
        moments: S headings.
        modes: [K, 2], the centres of the data, drawn as black crosses.
        title: the finding.
    """
    fit.clouds(samples, moments, modes)
    rows, columns = len(samples), len(moments)
    figure, axes = panels(rows, columns, height=0.9 + 7.9 / columns * rows, sharex=True, sharey=True)
    reach = 1.5 * modes.abs().max().item()
    for row, (name, points) in enumerate(samples.items()):
        axes[row, 0].set_ylabel(name, fontweight="bold")
        for ax, cloud in zip(axes[row], points):
            ax.scatter(*modes.T.numpy(), marker="+", s=90, color=BLACK, linewidths=1.2)
            ax.scatter(*cloud.T.numpy(), s=7, color=COLOURS[look(name) or 0], alpha=0.6, edgecolors="none")
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
            ax.grid(False)
    for ax, moment in zip(axes[0], moments):
        ax.set_title(moment, fontsize=SMALL)
    headline(figure, title)
    return figure
