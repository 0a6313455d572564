"""Chapter 05: trainings on biased data, stored, to leaf through."""

from matplotlib.figure import Figure
from torch import Tensor

from course_utils import metrics, plots
from course_utils.biased import PALETTE, BiasedRun
from course_utils.widgets.slider import SliderFigure


def draw_biased_run(run: BiasedRun, sheet: Tensor, epoch: int) -> Figure:
    """What a network had learned after `epoch` epochs: its accuracy in each group, and its answers to colour swaps.

    Args:
        run: the stored answers.
        sheet: [100, 3, 28, 28], the ten digits in ten colours that `run.swaps` answers to.
        epoch: from 1.
    """
    table, counts = metrics.group_table(run.test[epoch - 1], run.labels, run.bias)
    report = metrics.group_report(table, counts)
    follows = (run.test[epoch - 1] == run.bias)[run.labels != run.bias].float().mean()
    figure, axes = plots.panels(1, 2, width=8, height=4.6)
    left, right = axes[0]
    plots.draw_groups(left, table, PALETTE)
    left.set_title("test accuracy of each group, %", fontsize=13, pad=36)
    plots.draw_swaps(right, sheet, run.swaps[epoch - 1])
    right.set_title("wrong answers to colour swaps", fontsize=13)
    plots.headline(
        figure,
        f"epoch {epoch}: aligned {report['aligned']:.0%}, conflicting {report['conflicting']:.0%}; "
        f"{follows:.0%} of the conflicting are taken for their colour's digit",
    )
    return figure


def bias_desk(runs: dict[float, BiasedRun], sheet: Tensor) -> SliderFigure:
    """The share of conflicting pictures and the epoch: leaf through trainings that were recorded before.

    Args:
        runs: for each share of conflicting training pictures, a run; all of equally many epochs.
        sheet: as in `draw_biased_run`.
    """
    epochs = len(next(iter(runs.values())).test)
    return SliderFigure(
        lambda conflict_ratio, epoch: draw_biased_run(runs[conflict_ratio], sheet, epoch),
        alt="The accuracy of each group of digit and colour, and ten digits in ten colours with the network's answers.",
        start={"conflict_ratio": sorted(runs)[(len(runs) - 1) // 2], "epoch": 1},
        conflict_ratio=[(f"{ratio:.1%}", ratio) for ratio in runs],
        epoch=range(1, epochs + 1),
    )
