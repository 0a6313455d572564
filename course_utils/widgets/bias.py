"""Chapter 05: trainings on biased data, stored, to leaf through."""

from matplotlib.figure import Figure
from torch import Tensor

from course_utils import metrics, plots, require
from course_utils.biased import PALETTE, BiasedRun
from course_utils.widgets import fit
from course_utils.widgets.slider import SliderFigure


def draw_biased_run(run: BiasedRun, sheet: Tensor, epoch: int, conflict_ratio: float | None = None) -> Figure:
    """What a network had learned after `epoch` epochs: its accuracy in each group, and its answers to colour swaps.

    Args:
        run: the stored answers.
        sheet: [100, 3, 28, 28], the ten digits in ten colours that `run.swaps` answers to.
        epoch: from 1.
        conflict_ratio: of the training set, named in the heading if given.
    """
    fit.record(BiasedRun, "run", run)
    require.tensors(sheet=(sheet, "float32 [100, 3, 28, 28]"))
    require.whole(1, len(run.test), epoch=epoch)
    if conflict_ratio is not None:
        require.between(0, 1, conflict_ratio=conflict_ratio)
    table, counts = metrics.group_table(run.test[epoch - 1], run.labels, run.bias)
    report = metrics.group_report(table, counts)
    follows = (run.test[epoch - 1] == run.bias)[run.labels != run.bias].float().mean()
    figure, axes = plots.panels(1, 2, height=5.9)
    left, right = axes[0]
    plots.draw_groups(left, table, PALETTE)
    plots.draw_swaps(right, sheet, run.swaps[epoch - 1])
    for ax, heading in ((left, "test accuracy of each group, %"), (right, "wrong answers to colour swaps")):
        ax.set_title(heading, fontsize=13, pad=36)
        ax.set_anchor("N")
    trained = "" if conflict_ratio is None else f"trained with {100 * conflict_ratio:g} % conflicting, "
    said = (
        f"{trained}epoch {epoch}: aligned {100 * report['aligned']:.0f} %, conflicting "
        f"{100 * report['conflicting']:.0f} %; {100 * follows:.0f} % of the conflicting are taken for their colour's "
        "digit"
    )
    plots.headline(figure, said.replace(" %", "\N{NO-BREAK SPACE}%"))
    return figure


def bias_desk(runs: dict[float, BiasedRun], sheet: Tensor) -> SliderFigure:
    """The share of conflicting images and the epoch: leaf through trainings that were recorded before.

    Args:
        runs: for each share of conflicting training images, a run; all of equally many epochs.
        sheet: as in `draw_biased_run`.
    """
    epochs = fit.records(BiasedRun, runs)
    require.tensors(sheet=(sheet, "float32 [100, 3, 28, 28]"))
    return SliderFigure(
        lambda conflict_ratio, epoch: draw_biased_run(runs[conflict_ratio], sheet, epoch, conflict_ratio),
        alt="The accuracy of each group of digit and colour, and ten digits in ten colours with the network's answers.",
        start={"conflict_ratio": sorted(runs)[(len(runs) - 1) // 2], "epoch": 1},
        along="epoch",
        conflict_ratio=[(f"{100 * ratio:g} %", ratio) for ratio in runs],
        epoch=range(1, epochs + 1),
    )
