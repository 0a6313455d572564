"""One visual style for the whole course: large type, colours that colour-blind readers can tell apart,
a second sign beside every colour (dashes, markers), titles that state the finding.

Every function returns a matplotlib `Figure`; `show` puts it on the page with its alternative text.
"""

import html
import io
import textwrap
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
import pandas as pd
import torch
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor

# Okabe and Ito's palette, in the order in which the course uses it.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK, GREY = "#E69F00", "#56B4E9", "#F0E442", "#222222", "#8C8C8C"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 1)))
MARKERS = ("o", "^", "s", "D", "v", "P")
# What was measured on training, validation and test data looks the same in every chapter.
ROLES = {
    "train": 0, "training": 0, "empirical": 0, "test": 1, "true risk": 1, "true error": 1, "validation": 2, "gap": 3
}  # fmt: skip
# The two classes of a toy in the plane: not the colours of training and test data, and darker than their ground.
CLASS_COLOURS = ("#00785a", "#9c3d74")
TWO_CLASSES = LinearSegmentedColormap.from_list("two classes", ["#8fd3bd", "#ffffff", "#e3b3cf"])

PLANE = (-1.9, 2.9), (-1.6, 2.1)  # the part of the plane that pictures of the two moons show

STYLE = {
    "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True,
    "font.size": 13, "axes.titlesize": 15, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.titlepad": 12, "axes.labelsize": 13, "axes.edgecolor": GREY, "axes.labelcolor": BLACK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6",
    "axes.axisbelow": True, "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "lines.linewidth": 2.5, "lines.markersize": 7, "xtick.color": BLACK, "ytick.color": BLACK,
}  # fmt: skip


def use_style() -> None:
    """Give every figure that is made from now on the course's look, your own ones too."""
    matplotlib.rcParams.update(STYLE)


def panels(
    rows: int = 1, columns: int = 1, *, width: float = 9, height: float = 4.5, **options
) -> tuple[Figure, np.ndarray]:
    """An empty figure (sizes in inches) and its axes, an array [rows, columns]; options go to `Figure.subplots`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def png(figure: Figure) -> bytes:
    """The figure as a PNG file of 256 colours, a third of the size of one with all of them."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png")
    Image.open(full).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        small, format="png", optimize=True
    )
    return small.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Put the figure on the page, and below it, folded, what it shows in words.

    Args:
        figure: what to show.
        alt: the figure in words, for those who cannot see it. JupyterLab and nbconvert do not hand a picture's
            alternative text on to screen readers; so it stands on the page too.
    """
    display({"image/png": png(figure), "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
    words = html.escape(alt).replace("\n", "<br>")
    style = "color: #757575; font-size: 85%"
    display(HTML(f'<details style="{style}"><summary>this picture in words</summary>{words}</details>'))


def headline(figure: Figure, title: str) -> None:
    """The finding, over all panels of the figure, at the left; in lines that fit the figure."""
    title = textwrap.fill(title, int(8 * figure.get_figwidth()))
    figure.suptitle(title, x=0.01, ha="left", fontsize=STYLE["axes.titlesize"], fontweight="bold")


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
) -> Figure:
    """One line for each column over `x`: the mean of all rows with the same `x`, and a dot for each row (a band from
    the lowest to the highest where the dots would be many).

    Args:
        frame: one row a run (or an epoch).
        x: the column along the horizontal axis.
        columns: what to draw. A name that starts with train, validation or test gets its usual colour.
        title: the finding.
        xlabel, ylabel: axis labels; `xlabel` is `x` unless given.
        log_x: a logarithmic horizontal axis.
        percent: the values are fractions; label the vertical axis in percent.
        guess: what the reader predicted, drawn as a dotted line.
    """
    figure, axes = panels()
    draw_lines(axes[0, 0], frame, x, columns, log_x=log_x, percent=percent)
    axes[0, 0].set(xlabel=xlabel or x, ylabel=ylabel)
    headline(figure, title)
    draw_guess(axes[0, 0], guess)
    return figure


def draw_guess(ax: Axes, guess: float | None) -> None:
    """What the reader predicted, as a dotted line across the panel; nothing if there is no prediction."""
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
) -> list[Line2D]:
    """What `lines` draws, into one panel of a larger figure; `named=False` leaves out the names at the lines' ends.
    Returns the lines through the means, in the order of `columns`."""
    means = frame.groupby(x)[list(columns)].mean()
    repeated = len(means) < len(frame)
    names = [column.replace("_", " ") for column in columns]
    roles = [ROLES.get(name, ROLES.get(name.split()[0])) for name in names]
    # What has no role of its own takes the look of test data last.
    free = iter(look for look in (0, 2, 3, 4, 5, 1) if look not in roles)
    drawn = []
    for column, role in zip(columns, roles):
        look = next(free) if role is None else role
        colour, marker = COLOURS[look], MARKERS[look]
        drawn += ax.plot(means.index, means[column], color=colour, linestyle=DASHES[look])
        if repeated and len(means) >= 15:
            spread = frame.groupby(x)[column].agg(["min", "max"])
            ax.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.2, linewidth=0)
        elif repeated or len(means) < 15:
            ax.plot(frame[x], frame[column], marker, color=colour, alpha=0.6, markeredgewidth=0)
    if log_x:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        if len(means) < 10:
            ax.set_xticks(means.index)
        ax.minorticks_off()
    if percent:
        ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    if named:
        _label_ends(ax, drawn, names)
    return drawn


def _label_ends(ax: Axes, drawn: Sequence[Line2D], names: Sequence[str]) -> None:
    """Write each name beside the right end of its line, as far apart as the letters need."""
    low, high = ax.get_ylim()
    gap = 0.075 * (high - low)
    ends = sorted(((line.get_ydata()[-1], name, line.get_color()) for line, name in zip(drawn, names)))
    places = [end for end, _, _ in ends]
    for i in range(1, len(places)):  # upwards until none covers the one below …
        places[i] = max(places[i], places[i - 1] + gap)
    places.append(high + gap)
    for i in reversed(range(len(ends))):  # … and down again into the panel
        places[i] = min(places[i], places[i + 1] - gap)
    for place, (_, name, colour) in zip(places, ends):
        ax.annotate(
            name, (1.01, place), xycoords=("axes fraction", "data"), va="center",
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
    figure, axes = panels(frame.shape[1], 1, sharex=True, sharey=True)
    bins = np.linspace(frame.min().min(), frame.max().max(), 41)
    for ax, column, colour in zip(axes[:, 0], frame, (GREEN, VERMILLION, *COLOURS)):
        ax.hist(frame[column], bins, color=colour, alpha=0.75)
        ax.axvline(0, color=BLACK, linewidth=1.2)
        ax.axvline(frame[column].mean(), color=colour, linestyle="--")
        ax.text(0.01, 0.9, f"{column}\nmean {frame[column].mean():+.1f}", va="top", transform=ax.transAxes,
                color=colour, fontweight="bold")  # fmt: skip
        ax.set(yticks=[], ylabel="draws")
    if guess is not None:
        axes[-1, 0].axvline(guess, color=BLACK, linestyle=":")
        axes[-1, 0].text(guess, axes[-1, 0].get_ylim()[1], " your prediction", va="top")
    axes[-1, 0].set_xlabel(xlabel)
    headline(figure, title)
    return figure


# The columns of the table that grows from chapter to chapter: heading, and the chapter that fills it.
MEASURES = {
    "training": ("training", "01"),
    "test": ("test", "01"),
    "noisy": ("test, trained on\n40 % wrong labels", "02"),
    "attacked": ("test,\nunder attack", "04"),
    "conflicting": ("test, against\nthe bias", "05"),
}


def results_table(results: dict[str, dict[str, Sequence[float]]]) -> Figure:
    """The course's results so far: a row for each method, a column for each of MEASURES, mean and range over seeds.

    Args:
        results: for each method, for each key of MEASURES that was measured, one accuracy in [0, 1] per seed.
    """
    figure, axes = panels(width=11, height=1.3 + 0.8 * len(results))
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-1.1, len(MEASURES)), ylim=(len(results) - 0.4, -1))
    for column, (measure, (heading, chapter)) in enumerate(MEASURES.items()):
        ax.text(column + 0.4, -0.6, heading, ha="center", va="center", fontweight="bold")
        for row, (method, measured) in enumerate(results.items()):
            ax.text(-1, row, method, va="center", fontweight="bold")
            values = [100 * value for value in measured.get(measure, ())]
            cell = f"{np.mean(values):.1f} %\n{min(values):.1f} – {max(values):.1f}" if values else f"chapter {chapter}"
            ax.text(column + 0.4, row, cell, ha="center", va="center", color=BLACK if values else GREY)
    ax.axhline(-0.3, 0, 1, color=GREY)
    headline(figure, "Results so far: accuracy of the same small network, mean and range over seeds")
    return figure


def line_panels(
    frames: dict[str, pd.DataFrame],
    x: str,
    columns: Sequence[str],
    *,
    title: str,
    ylabel: str,
    guess: float | None = None,
) -> Figure:
    """What `lines` draws, for several tables of fractions side by side on one scale.

    Args:
        frames: for each panel, its heading and its table.
        x, columns, title, ylabel: as in `lines`.
        guess: what the reader predicted for the last panel.
    """
    figure, axes = panels(1, len(frames), width=11, height=4.2, sharey=True)
    for ax, (heading, frame) in zip(axes[0], frames.items()):
        draw_lines(ax, frame, x, columns, percent=True)
        ax.set_title(heading, fontsize=13)
        ax.set_xlabel(x)
    axes[0, 0].set_ylabel(ylabel)
    draw_guess(axes[0, -1], guess)
    headline(figure, title)
    return figure


def race(frame: pd.DataFrame, columns: Sequence[str], level: float, *, title: str) -> Figure:
    """Accuracies over the epochs, and beside them when each network first reaches a level.

    Args:
        frame: a table as `training.by_epoch` makes it: columns epoch, network and the accuracies, in [0, 1].
        columns: which accuracies to draw.
        level: the level to be reached, in [0, 1]. A network that never gets there is drawn hollow, at the edge.
        title: the finding.
    """
    figure, axes = panels(1, 2, width=11, height=4.2, width_ratios=(1.3, 1))
    left, right = axes[0]
    drawn = draw_lines(left, frame, "epoch", columns, percent=True, named=False)
    left.axhline(level, color=GREY, linestyle=":")
    last = frame["epoch"].max()
    for row, (name, line) in enumerate(zip(columns, drawn)):
        first = frame[frame[name] >= level].groupby("network")["epoch"].min()
        look = {"marker": MARKERS[row], "color": line.get_color(), "linestyle": "None", "markersize": 9}
        right.plot(first, [row] * len(first), **look)
        never = frame["network"].nunique() - len(first)
        right.plot([last] * never, [row] * never, fillstyle="none", **look)
    left.set(xlabel="epoch", ylabel="training accuracy")
    right.set(xlabel=f"epochs until {level:.0%} are fitted", xlim=(0, last + 2), ylim=(len(columns) - 0.5, -0.5))
    right.set_yticks(range(len(columns)), columns, fontweight="bold")
    for text, line in zip(right.get_yticklabels(), drawn):
        text.set_color(line.get_color())
    headline(figure, title)
    return figure


def precision_recall(truth: Tensor, scores: dict[str, Sequence[Tensor]], *, what: str, title: str) -> Figure:
    """How well scores find what is to be found: precision over recall, a line for each run.

    Args:
        truth: [runs, N] bool, what is to be found; something in every run.
        scores: for each kind of score, one tensor [N] for each run; the highest are suspected first.
        what: what is to be found, in words.
        title: the finding.

    Raises:
        ValueError: a run in which there is nothing to find.
    """
    from sklearn.metrics import precision_recall_curve  # 70 MB, which only those who need it should pay

    if not truth.any(dim=1).all():
        raise ValueError("truth must hold something to find in every run")
    figure, axes = panels(height=4.6)
    ax = axes[0, 0]
    for (name, runs), colour, dash in zip(scores.items(), COLOURS[2:], DASHES):
        for found, score in zip(truth, runs, strict=True):
            # The last point that scikit-learn adds stands for an empty list.
            precision, recall, _ = precision_recall_curve(found, score)
            line = ax.plot(recall[:-1], precision[:-1], color=colour, linestyle=dash, marker="o", markersize=5)[0]
        line.set_label(name)
    chance = truth.float().mean().item()
    ax.axhline(chance, color=GREY, linestyle=":", label="picked at random")
    ax.set(xlabel=f"recall: share of all {what} that are on the list", xlim=(0, 1.02), ylim=(0, 1.03))
    ax.set_ylabel(f"precision: share of {what}\non the list")
    ax.legend(loc="lower left", frameon=False)
    headline(figure, title)
    return figure


def dot_table(table: dict[str, dict[str, Sequence[float]]], *, title: str, zoom: bool = False) -> Figure:
    """A row for each method, a panel for each measure: one dot a seed, and the mean as a number.

    Args:
        table: for each method, for each measure, fractions in [0, 1], one a seed; the same measures everywhere.
        title: the finding.
        zoom: let each panel's axis cover the values alone, and not 0 to 100 %.
    """
    measures = list(next(iter(table.values())))
    figure, axes = panels(1, len(measures), width=10, height=1.3 + 0.55 * len(table), sharey=True)
    for ax, measure, colour, marker in zip(axes[0], measures, COLOURS[2:], MARKERS[2:]):
        for row, measured in enumerate(table.values()):
            values = [100 * float(value) for value in measured[measure]]
            ax.plot(values, [row] * len(values), marker, color=colour, alpha=0.6, markeredgewidth=0, markersize=9)
            number = f"{np.mean(values):.1f} %" if zoom else f"{np.mean(values):.0f} %"
            ax.text(1.01, row, number, transform=ax.get_yaxis_transform(), va="center", fontweight="bold")
        if not zoom:
            ax.set(xlim=(-3, 103), xticks=[0, 50, 100])
        ax.set(ylim=(len(table) - 0.5, -0.6), yticks=range(len(table)), yticklabels=table)
        ax.set_title(measure, fontsize=12, pad=8)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g} %")
    headline(figure, title)
    return figure


def pictures(images: Tensor, captions: Sequence[str], *, title: str, columns: int = 10) -> Figure:
    """A sheet of pictures [N, 1 or 3, H, W] in [0, 1], each with its caption above."""
    rows = -(-len(images) // columns)
    figure, axes = panels(rows, columns, width=9, height=0.5 + 1.2 * rows)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption in zip(axes.flat, images, captions):
        grey = {"cmap": "gray_r"} if len(image) == 1 else {}
        ax.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=1, **grey)
        ax.set_title(caption, fontsize=11, fontweight="normal", loc="center", pad=3)
    headline(figure, title)
    return figure


def draw_boundary(ax: Axes, predict: Callable[[Tensor], Tensor], points: Tensor, labels: Tensor) -> None:
    """Where a model of two classes in the plane changes its mind.

    Args:
        ax: the panel to draw into.
        predict: from points [M, 2] to logits [M, 2].
        points: [N, 2], the training points, drawn as circles (class 0) and triangles (class 1).
        labels: [N] int64 in {0, 1}.
    """
    side = torch.linspace(*PLANE[0], 120), torch.linspace(*PLANE[1], 100)
    x, y = torch.meshgrid(*side, indexing="xy")
    second = predict(torch.stack([x.flatten(), y.flatten()], dim=1)).softmax(dim=1)[:, 1].view_as(x)
    x, y, second = x.numpy(), y.numpy(), second.numpy()
    ax.contourf(x, y, second, levels=np.linspace(0, 1, 11), cmap=TWO_CLASSES)
    ax.contour(x, y, second, levels=[0.5], colors=BLACK, linewidths=2)
    draw_points(ax, points, labels)


def draw_points(ax: Axes, points: Tensor, labels: Tensor) -> None:
    """Points [N, 2] of two classes: green circles and purple triangles."""
    for label in (0, 1):
        x, y = points[labels == label].T.numpy()
        ax.scatter(x, y, s=28, marker="o^"[label], color=CLASS_COLOURS[label], edgecolors="white", linewidths=0.6)
    ax.set(xlim=PLANE[0], ylim=PLANE[1], xticks=[], yticks=[])
    ax.grid(False)


# The chapters: number, name, the question each one asks, and the part of the course it belongs to.
CHAPTERS = (
    ("00", "Start here", "Does it all work?", GREY),
    ("01", "ERM", "What does a small\ntraining error promise?", BLUE),
    ("02", "Memorization", "What is learned\nby heart?", BLUE),
    ("03", "Mixup", "What lies between\nthe examples?", BLUE),
    ("04", "Adversarial", "How small a change\nflips the answer?", VERMILLION),
    ("05", "Bias", "Right for the\nwrong reason?", GREEN),
    ("06", "SelecMix", "Which pairs undo\na bias?", GREEN),
    ("07", "Fish and hand", "What if the bias\nis an object?", GREEN),
    ("08", "Scorecard", "Nine claims:\nwhich hold?", BLACK),
)


def course_map() -> Figure:
    """The path through the course: its chapters in order, each with its question."""
    figure, axes = panels(width=10, height=4.6)
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-0.52, 4.72), ylim=(-0.55, 1.25), title="Nine steps beyond training error, one question each")
    # Left to right along the upper row, then around and back along the lower one.
    there, back = [(column, 1) for column in range(5)], [(column + 0.5, 0) for column in (3, 2, 1, 0)]
    path = [*there, (4.6, 1), (4.6, 0), *back]
    ax.plot(*zip(*path), color="#d0d0d0", linewidth=9, zorder=0, solid_joinstyle="round")
    places = there + back
    for (number, name, question, colour), (x, y) in zip(CHAPTERS, places):
        ax.plot(x, y, "o", markersize=44, color=colour)
        ax.text(x, y, number, ha="center", va="center", color="white", fontsize=17, fontweight="bold")
        ax.text(x, y - 0.2, name, ha="center", va="top", fontsize=13, fontweight="bold", color=colour)
        ax.text(x, y - 0.31, question, ha="center", va="top", fontsize=11, linespacing=1.15)
    return figure
