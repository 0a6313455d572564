"""Colored MNIST: what stands in the file of finished runs, and the tables made of it."""

import pandas as pd

from course_utils.reproduce.experiment import RESULTS as FOLDER
from course_utils.reproduce.tables import over_seeds, spread

RESULTS = FOLDER / "colored_mnist.csv"
PUBLISHED = FOLDER / "published.csv"
KEY = ("protocol", "data", "method", "ratio", "noise", "seed", "split", "selected")
METRICS = ("aligned", "conflicting", "unbiased", "worst_group", "plain", "first_epoch", "estimate")
# `seconds` includes the auxiliary model and reading the test pictures. `epoch` is the one that is `selected`.
# `estimate` is measured on validation data only, the other metrics on test data only. `first_epoch` is the unbiased
# accuracy after the first one: a long run's row can be held against the code by its first minute.

# What tells one cell of the grid from another, the seed aside.
CELL = ("data", "protocol", "split", "noise", "selected", "method", "ratio")


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
        ValueError: the rows would differ in something else than `by`, the ratio and the seed.
    """
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
