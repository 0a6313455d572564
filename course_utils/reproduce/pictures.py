"""Finished runs as a picture: a dot for each seed."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from course_utils import plots
from course_utils.reproduce.experiment import Experiment
from course_utils.reproduce.tables import are_shares, groups_of


def dots(experiment: Experiment, frame: pd.DataFrame, measures: Sequence[str]) -> Figure:
    """A row for each setting, a panel for each measure, two beside each other, a dot for each seed, a line at their
    mean."""
    groups = groups_of(experiment, frame)
    varied = [name for name in groups if frame[name].nunique() > 1] or groups[:1]
    labels = frame[varied].astype(str).agg(", ".join, axis=1)
    rows = {label: row for row, label in enumerate(labels.unique())}
    figure, axes, _ = plots.panels_in_rows(len(measures), height=0.7 + 0.32 * len(rows), sharey=True)
    for ax, measure in zip(axes, measures):
        percent = are_shares(frame[measure])
        for label, runs in ((100 if percent else 1) * frame[measure]).groupby(labels):
            ax.plot(runs, [rows[label]] * len(runs), "o", color=plots.BLUE, alpha=0.6, markeredgewidth=0)
            ax.plot(runs.mean(), rows[label], "|", color=plots.BLACK, markersize=14)
        ax.set_xlabel(f"{measure}, %" if percent else measure, fontsize=plots.SMALL)
        ax.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.5, -0.5))
    plots.headline(figure, f"{experiment.name}: a dot for each seed, by {', '.join(varied)}")
    return figure
