"""Numbers as people read them."""

from math import isnan

import pandas as pd


def spread(mean: float, std: float, decimals: int = 1) -> str:
    """Both in percent; no ± where there is no standard deviation."""
    return f"{mean:.{decimals}f}" if isnan(std) else f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def over_seeds(shares: pd.Series) -> str:
    """Mean ± standard deviation of shares, in percent."""
    return spread(100 * shares.mean(), 100 * shares.std())


def markdown(table: pd.DataFrame, corner: str = "") -> str:
    """A table with one name for each row, and ratios (or names) as columns, as Markdown."""
    heads = [column if isinstance(column, str) else f"{100 * column:g} %" for column in table.columns]
    lines = [[corner, *heads], ["---"] * (len(heads) + 1)]
    lines += [[name, *cells] for name, cells in zip(table.index, table.values)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
