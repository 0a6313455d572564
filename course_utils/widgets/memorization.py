"""Chapter 02: what a network has learned by heart."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from course_utils import plots, require
from course_utils.memorization import NoisyRun
from course_utils.widgets import fit
from course_utils.widgets.slider import SliderFigure


def draw_by_heart(run: NoisyRun, epoch: int) -> Figure:
    """What a network on partly wrong labels has learned after `epoch` epochs, and whom it has learned by heart.

    Left, its accuracies over the epochs; right, training images whose wrong label it gives back.
    """
    fit.record(NoisyRun, "run", run)
    require.whole(1, len(run.test), epoch=epoch)
    wrong = run.given != run.true
    curves = {
        "right labels given back": _share(run.seen == run.given, ~wrong),
        "wrong labels given back": _share(run.seen == run.given, wrong),
        "test": run.test,
    }
    figure = Figure(figsize=(plots.WIDTH, 4.8), layout="constrained")
    sides: Any = figure.subfigures(1, 2, width_ratios=(1.1, 1))
    left, right = sides
    ax = left.subplots()
    epochs = range(1, len(run.test) + 1)
    frame = pd.DataFrame({"epoch": epochs, **curves})
    drawn = plots.draw_lines(ax, frame, "epoch", list(curves), percent=True, named=False)
    # Below the panels: for some shares of wrong labels every corner of the left one has a curve.
    figure.legend(drawn, curves, loc="outside lower left", ncols=3, frameon=False, handlelength=2.4)
    ax.axvline(epoch, color=plots.BLACK, linewidth=1.5)
    ax.set(xlabel="epoch", ylabel="share", ylim=(-0.03, 1.03))
    known = (wrong & (run.seen[epoch - 1] == run.given)).nonzero().squeeze(1)
    _sheet(right, run, known[:15])
    share, accuracy = 100 * wrong.float().mean(), 100 * run.test[epoch - 1]
    plots.headline(
        figure,
        f"{share:.0f} % wrong labels, epoch {epoch}: test accuracy {accuracy:.0f} %, "
        f"{len(known)} of {wrong.sum()} wrong labels given back",
    )
    return figure


def by_heart(runs: dict[float, NoisyRun]) -> SliderFigure:
    """The share of wrong labels and the epoch: leaf through trainings that were recorded before.

    Args:
        runs: for each share of wrong labels, a run; all of equally many epochs.
    """
    epochs = fit.records(NoisyRun, runs)
    return SliderFigure(
        lambda wrong_labels, epoch: draw_by_heart(runs[wrong_labels], epoch),
        alt="How often right and wrong labels are given back, and test accuracy, over the epochs; "
        "beside it training images whose wrong label the network gives back.",
        start={"wrong_labels": sorted(runs)[len(runs) // 2], "epoch": (epochs + 1) // 2},
        along="epoch",
        wrong_labels=[(f"{100 * share:.0f} %", share) for share in runs],
        epoch=range(1, epochs + 1),
    )


def _share(right: Tensor, part: Tensor) -> Tensor:
    """Over the epochs [E, N], how often right on this part of the examples; NaN where there are none."""
    return right[:, part].float().mean(dim=1)


def _sheet(figure: SubFigure, run: NoisyRun, rows: Tensor) -> None:
    """Up to fifteen training images, each with its wrong label."""
    figure.suptitle("wrong labels that it gives back" if len(rows) else "it gives back no wrong label", fontsize=13)
    for place, ax in enumerate(figure.subplots(3, 5).flat):
        ax.axis("off")
        if place < len(rows):
            ax.imshow(run.images[rows[place], 0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            ax.set_title(
                f"{run.true[rows[place]]}, told {run.given[rows[place]]}",
                fontsize=plots.SMALL,
                fontweight="normal",
                loc="center",
                pad=2,
            )
