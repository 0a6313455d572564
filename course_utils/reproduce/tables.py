"""Numbers as people read them."""

from collections.abc import Sequence
from math import isnan

import pandas as pd

from course_utils.reproduce.experiment import Experiment, among, has_columns


def spread(mean: float, std: float, decimals: int = 1) -> str:
    """Both in percent; no ± where there is no standard deviation."""
    return f"{mean:.{decimals}f}" if isnan(std) else f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def over_seeds(shares: pd.Series) -> str:
    """Mean ± standard deviation of shares, in percent."""
    return spread(100 * shares.mean(), 100 * shares.std())


def markdown(table: pd.DataFrame, corner: str = "") -> str:
    """A table with a name for each row, and ratios (or names) as columns, as Markdown; `corner` is the first word.

    Raises:
        ValueError: no table, or a corner that is no text.
    """
    has_columns([], table=table)
    if not isinstance(corner, str):
        raise ValueError(f"corner must be a text, got {corner!r}")
    heads = [column if isinstance(column, str) else f"{100 * column:g} %" for column in table.columns]
    lines = [[corner, *heads], ["---"] * (len(heads) + 1)]
    lines += [[name, *cells] for name, cells in zip(table.index, table.values)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def measures_of(experiment: Experiment, frame: pd.DataFrame, asked: Sequence[str] | None = None) -> list[str]:
    """The columns with numbers that were measured at all, or those that were asked for.

    Raises:
        ValueError: there is no such column.
    """
    numbers = [name for name in experiment.measured if pd.api.types.is_numeric_dtype(frame[name])]
    known = [name for name in numbers if frame[name].notna().any()]
    for name in asked or []:
        among("measure", name, known, of=experiment.name)
    return list(asked or known)


def groups_of(experiment: Experiment, frame: pd.DataFrame) -> list[str]:
    """The columns that tell rows apart, the seed aside: the settings, and words behind them."""
    words = [name for name in experiment.measured if frame[name].map(type).eq(str).all()]
    return [name for name in experiment.cell._fields if name != "seed"] + words


def are_shares(column: pd.Series) -> bool:
    """Whether these numbers are written in percent."""
    return pd.api.types.is_float_dtype(column) and bool(column.dropna().between(0, 1).all())


def overview(experiment: Experiment, frame: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Mean ± standard deviation over the seeds, and in how many runs it was measured.

    Returns:
        a row for each setting, in their order; a column for each measure, shares in percent.
    """
    percent = {name: 100 if are_shares(frame[name]) else 1 for name in measures}

    def cell(column: pd.Series) -> str:
        known = percent[column.name] * column.dropna()
        return f"{spread(known.mean(), known.std())} ({len(known)})" if len(known) else ""

    table = frame.groupby(groups_of(experiment, frame), sort=False)[list(measures)].agg(cell)
    return table.rename(columns={name: f"{name}, %" for name in measures if percent[name] == 100})
