"""Colored MNIST: the finished runs as a table, and the tables made of it."""

from pathlib import Path

import pandas as pd

from course_utils.reproduce.experiment import RESULTS, among, has_columns
from course_utils.reproduce.experiments.colored_mnist import COLORED_MNIST
from course_utils.reproduce.store import ABOUT
from course_utils.reproduce.tables import over_seeds, spread

PUBLISHED = RESULTS / "published.csv"
# The columns of a table of runs. Accuracies are shares; what they are says `COLORED_MNIST.measured`.
COLUMNS = ("protocol", "data", "method", "ratio", "noise", "seed", "split", *COLORED_MNIST.measured, *ABOUT)

# What tells one cell of the grid from another, the seed aside.
CELL = ("data", "protocol", "split", "noise", "selected", "method", "ratio")


def read(path: Path | None = None) -> pd.DataFrame:
    """The finished runs in a file (`None`: the stored ones), with COLUMNS."""
    return COLORED_MNIST.read(path).assign(data=COLORED_MNIST.name)[list(COLUMNS)]


def table(results: pd.DataFrame, measure: str = "unbiased", by: str | None = None) -> pd.DataFrame:
    """Mean ± standard deviation over the seeds, in percent; behind a number, in how many runs it was measured.

    Args:
        results: rows as `read` gives them.
        measure: which of METRICS.
        by: what names the table's rows, one of CELL without "ratio"; `None` for all of them.

    Returns:
        a row for each data set, protocol, split, noise, selection and method, or for each `by`; a column for each
        ratio.

    Raises:
        ValueError: no such table or column, or the rows would differ in something else than `by`, the ratio and the
            seed.
    """
    has_columns([*CELL, "seed"], results=results)
    among("measure", measure, results.columns)
    among("by", by, [None, *CELL[:-1]])
    mixed = [key for key in CELL if by and key not in (by, "ratio") and results[key].nunique() > 1]
    if mixed:
        raise ValueError(f"results must be of one {', one '.join(mixed)}: choose them by `query` first")
    names = [by] if by else list(CELL[:-1])
    groups = results.dropna(subset=[measure]).groupby([*names, "ratio"], sort=False)[measure]
    cells = groups.apply(lambda values: f"{over_seeds(values)} ({len(values)})")
    return cells.unstack("ratio", fill_value="").sort_index(axis=1)


def published() -> pd.DataFrame:
    """Unbiased accuracy on Colored MNIST as papers print it, in percent: a row for each table and method, in their
    order, a column for each ratio; the best of each table in bold.

    Compare within a table only: they differ in the data, the network and how a number was selected.
    """
    rows = pd.read_csv(PUBLISHED)
    best = rows.groupby(["table", "ratio"])["mean"].transform("max") == rows["mean"]
    texts = [spread(mean, std, 2) for mean, std in zip(rows["mean"], rows["std"])]
    cells = rows.assign(cell=[f"**{text}**" if first else text for text, first in zip(texts, best)])
    table = cells.set_index(["table", "method", "ratio"])["cell"].unstack("ratio", fill_value="")
    return table.reindex(pd.MultiIndex.from_frame(rows[["table", "method"]].drop_duplicates()))
