"""What an experiment is to the grid and the command line: how a run is made, and the file that keeps its rows."""

import argparse
import csv
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "data" / "results"
# The last columns of every file: how long a run took, and what its numbers may depend on besides its seed.
ABOUT = ("seconds", "threads", "python", "torch", "commit")
WHOLE = dict.fromkeys(("epoch", "threads"), int)  # the other measured numbers are floats

Cell = Any  # of an experiment's own type, a NamedTuple: all that tells a run from the others


class Experiment(NamedTuple):
    """An experiment. A run of it is named by a cell, and gives one row of a file, or several."""

    name: str  # on the command line
    path: Path  # its file
    cell: type[Cell]
    run: Callable[[Cell], list[dict]]
    methods: dict[str, str]  # what they are called by people; a cell's `method` is a key
    key: tuple[str, ...]  # the first columns, which tell a row from the others: the cell's fields, and what is fixed
    measured: tuple[str, ...]  # the columns behind them: numbers, NaN where one was not measured
    options: Callable[[argparse.ArgumentParser], None]  # adds its own options to --methods and --seeds
    cells: Callable[[argparse.Namespace], Iterable[Cell]]  # the grid that such options ask for
    report: Callable[[pd.DataFrame, argparse.Namespace], str]  # what to print in the end, of all rows in the file
    closing: dict[str, str] = {}  # what stands in the last row of each run, if there are several

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the file, from left to right."""
        return (*self.key, *self.measured, *ABOUT)

    def read(self, path: Path | None = None) -> pd.DataFrame:
        """The finished runs in a file (`None`: the experiment's own); none if there is no such file.

        A crash in the middle of writing leaves a last line without its end; `append` cuts it off, and this leaves it
        out. Where it has left one row of two, the run is made again and the later row counts.

        Raises:
            ValueError: the file holds other columns than the experiment's.
        """
        path = path or self.path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        header = ",".join(self.columns) + "\n"
        if not (text.startswith(header) or header.startswith(text)):  # the second: nothing yet, or a torn first line
            raise ValueError(
                f"{path} does not begin with the columns {', '.join(self.columns)}: give another file, or move it"
            )
        rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
        frame = pd.DataFrame(list(rows), columns=self.columns)
        numbers = {name: kind for name, kind in get_type_hints(self.cell).items() if kind is not str}
        numbers |= {name: WHOLE.get(name, float) for name in (*self.measured, "seconds", "threads")}
        return frame.astype(numbers).drop_duplicates(list(self.key), keep="last", ignore_index=True)

    def finished(self, path: Path) -> set[Cell]:
        """The cells whose rows are all in the file."""
        rows = self.read(path)
        for name, value in self.closing.items():
            rows = rows[rows[name] == value]
        return {self.cell(*row) for row in rows[list(self.cell._fields)].itertuples(index=False)}

    def append(self, path: Path, rows: Sequence[dict]) -> None:
        """Add the rows of one run to the file in a single write, and make sure that they are on the disk.

        Raises:
            ValueError: a row with other columns than the experiment's; the file is as it was.
        """
        for row in rows:
            if other := set(row) ^ set(self.columns):
                raise ValueError(f"rows must have the columns of the file; these differ: {sorted(other)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            text = file.read()
            file.truncate(len(text[: text.rfind("\n") + 1].encode()))
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            if "\n" not in text:
                writer.writeheader()
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())


def share(text: str) -> float:
    """A number in [0, 1], from the command line."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"must be a share in [0, 1], got {text}")
    return float(text)


def versions() -> dict[str, str | int]:
    """What a number may depend on besides its seed."""
    return {
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit(),
    }


@cache  # asked when the process has just loaded the code: a later commit is not what runs
def commit() -> str:
    """The code's commit, "-dirty" behind it if `course_utils` was changed since; "unknown" without git."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    head = git("rev-parse", "--short", "HEAD") if shutil.which("git") else ""
    return head + "-dirty" * bool(git("status", "--porcelain", "--", "course_utils")) if head else "unknown"
