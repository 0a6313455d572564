"""The file of finished runs, and the tables made of it."""

import csv
import os
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "data" / "results" / "colored_mnist.csv"
PUBLISHED = RESULTS.with_name("published.csv")
METRICS = ("aligned", "conflicting", "unbiased", "worst_group", "plain", "first_epoch", "estimate")
# `seconds` includes the auxiliary model and reading the test pictures. `epoch` is the one that is `selected`.
# `estimate` is measured on validation data only, the other metrics on test data only. `first_epoch` is the unbiased
# accuracy after the first one: a long run's row can be held against the code by its first minute.
COLUMNS = (
    "protocol", "data", "method", "ratio", "noise", "seed", "split", "selected", "epoch", *METRICS, "seconds",
    "threads", "python", "torch", "commit",
)  # fmt: skip


def read(path: Path = RESULTS) -> pd.DataFrame:
    """The finished runs in a file; none if there is no such file.

    A crash in the middle of writing leaves a last line without its end; `append` cuts it off, and this leaves it out.
    Where it has left one row of two, the run is made again and the later row counts.

    Raises:
        ValueError: the file holds other columns than COLUMNS.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    header = ",".join(COLUMNS) + "\n"
    if not (text.startswith(header) or header.startswith(text)):  # the second: nothing yet, or a torn first line
        raise ValueError(f"{path} does not begin with the columns {', '.join(COLUMNS)}: give another file, or move it")
    rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    frame = pd.DataFrame(list(rows), columns=COLUMNS)
    numbers = {"ratio": float, "noise": float, "seed": int, "epoch": int, "seconds": float, "threads": int}
    frame = frame.astype(numbers | dict.fromkeys(METRICS, float))
    return frame.drop_duplicates(list(COLUMNS[: COLUMNS.index("epoch")]), keep="last", ignore_index=True)


def append(path: Path, rows: Sequence[dict]) -> None:
    """Add the rows of one run to the file in a single write, and make sure that they are on the disk.

    Raises:
        ValueError: a row with other columns than COLUMNS; the file is as it was.
    """
    for row in rows:
        if set(row) != set(COLUMNS):
            raise ValueError(f"rows must have the columns of the file; these differ: {sorted(set(row) ^ set(COLUMNS))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", newline="", encoding="utf-8") as file:
        file.seek(0)
        text = file.read()
        file.truncate(len(text[: text.rfind("\n") + 1].encode()))
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if "\n" not in text:
            writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


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

    def cell(values: pd.Series) -> str:
        return f"{spread(100 * values.mean(), 100 * values.std())} ({len(values)})"

    return groups.apply(cell).unstack("ratio", fill_value="").sort_index(axis=1)


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


def spread(mean: float, std: float, decimals: int = 1) -> str:
    """Both in percent; no ± where there is no standard deviation."""
    return f"{mean:.{decimals}f}" if isnan(std) else f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def markdown(table: pd.DataFrame, corner: str = "") -> str:
    """A table with ratios as columns and one name for each row, as Markdown."""
    lines = [[corner, *(f"{100 * ratio:g} %" for ratio in table.columns)], ["---"] * (len(table.columns) + 1)]
    lines += [[name, *cells] for name, cells in zip(table.index, table.values)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
