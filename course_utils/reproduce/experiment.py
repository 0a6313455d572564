"""What an experiment is to the grid and the command line: a record, declared in one short place."""

import difflib
import itertools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import pandas as pd

from course_utils import folder, require
from course_utils.reproduce import store
from course_utils.reproduce.versions import ROOT

RESULTS = ROOT / "data" / "results"
RESTORE = "`git restore data/results` brings the stored ones back"

Cell = Any  # of an experiment's own type, a NamedTuple: the settings, and the `seed`, that tell a run from the others
Grid = dict[str, Sequence]  # setting -> its values, the seeds among them


def anything(cell: Cell) -> None:
    """The check of an experiment that takes whatever its settings' types allow."""


class Experiment(NamedTuple):
    """An experiment: a function from a cell (settings and seed) to what was measured, and the grids that are stored."""

    name: str  # on the command line
    about: str  # one sentence: what is trained and what is asked of it
    cell: type[Cell]
    run: Callable[[Cell], dict | list[dict]]  # the measured columns; a list where a run has several rows
    grids: tuple[Grid, ...]  # whose runs are stored
    measured: dict[str, str]  # column -> what it is, in words
    check: Callable[[Cell], None] = anything  # raises a ValueError that names the setting, unless there is such a run

    @property
    def path(self) -> Path:
        """Its file.

        Raises:
            FileNotFoundError: the course's folder is not here.
        """
        folder.demand()
        return RESULTS / f"{self.name.replace('-', '_')}.jsonl"

    @property
    def settings(self) -> dict[str, type]:
        """The settings and the seed, with their types."""
        return get_type_hints(self.cell)

    def cells(self, **values: Sequence) -> list[Cell]:
        """What is to be run, each cell once.

        Args:
            values: setting (or `seed`) -> values that take the place of the grids' own. With seeds alone, or nothing,
                the cells are those of all grids; with settings, of the first grid that has such values, or else of the
                first one.

        Raises:
            ValueError: a setting or a value that does not exist.
        """
        for name in values:
            among("setting", name, self.settings, of=self.name)
        asked = {name: given for name, given in values.items() if name != "seed"}
        fitting = [grid for grid in self.grids if all(set(asked[name]) <= set(grid.get(name, ())) for name in asked)]
        chosen = (fitting or self.grids)[:1] if asked else self.grids
        found = list(dict.fromkeys(cell for grid in chosen for cell in product(self.cell, grid | values)))
        for cell in found:
            self.check(cell)
        return found

    def expected(self, cells: Sequence[Cell]) -> float:
        """Seconds that these runs may take, one after the other: as long as stored ones with the same settings took,
        or else as the mean of all; NaN if nothing is stored."""
        took = [(cell._replace(seed=0), record["seconds"]) for cell, record in store.read(self.path, self.cell).items()]
        mean = pd.Series([seconds for _, seconds in took], dtype=float).mean()
        known = dict(took)
        return sum(known.get(cell._replace(seed=0), mean) for cell in cells)

    def read(self, path: Path | None = None) -> pd.DataFrame:
        """The finished runs in a file: settings, seed, measured, then `store.ABOUT`.

        Args:
            path: the file, which need not be there; `None` for the stored runs.

        Raises:
            ValueError: the file holds something else, or a line of it is damaged; or there are no stored runs.
        """
        if path is not None:
            is_path(path)
        rows, found = [], store.read(path or self.path, self.cell)
        if path is None and not found:
            raise ValueError(f"{self.path} holds no runs: {RESTORE}")
        for cell, record in found.items():
            measured = record["measured"] if isinstance(record["measured"], list) else [record["measured"]]
            if wrong := [row for row in measured if set(row) != set(self.measured)]:
                raise ValueError(f"{path or self.path}: of {cell} must have been measured {', '.join(self.measured)}, "
                                 f"got {', '.join(wrong[0])}")  # fmt: skip
            about = {name: record[name] for name in store.ABOUT}
            rows += [cell._asdict() | row | about for row in measured]
        frame = pd.DataFrame(rows, columns=[*self.cell._fields, *self.measured, *store.ABOUT])
        never = [name for name in self.measured if frame[name].isna().all()]
        return frame.astype(self.settings | dict.fromkeys(never, float) | {"seconds": float, "threads": int})


def has_columns(columns: Collection[str], **given: pd.DataFrame) -> None:
    """Raise a ValueError unless these are tables with such columns."""
    for name, frame in given.items():
        if not isinstance(frame, pd.DataFrame):
            raise ValueError(f"{name} must be a table (pandas.DataFrame), got {require.what(frame)}")
        if lacks := [column for column in columns if column not in frame]:
            raise ValueError(f"{name} must have the columns {', '.join(columns)}, got none named {', '.join(lacks)}")


def is_path(path: Path) -> None:
    """Raise a ValueError unless this is a path."""
    if not isinstance(path, Path):
        raise ValueError(f"path must be a pathlib.Path, got {require.what(path)}")


def product(cell: type[Cell], grid: Grid) -> list[Cell]:
    """The cells of a grid; all settings have a seed before the next one begins."""
    ordered = {"seed": grid["seed"]} | {name: grid[name] for name in cell._fields if name in grid}
    return [cell(**dict(zip(ordered, values))) for values in itertools.product(*ordered.values())]


def among(what: str, given: Any, known: Collection, of: str = "") -> None:
    """Raise a ValueError that says which there are, and which is nearest, unless `given` is one of them."""
    if given not in known:
        near = difflib.get_close_matches(str(given), list(map(str, known)), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        owner = f" of {of}" if of else ""
        raise ValueError(f"{what}{owner} must be one of {', '.join(map(repr, known))}; got {given!r}{hint}")


def is_share(what: str, given: float) -> None:
    """Raise a ValueError unless the number is in [0, 1]."""
    if not 0 <= given <= 1:
        raise ValueError(f"{what} must be a share in [0, 1], got {given}")


def values(frame: pd.DataFrame, measure: str, **settings: Any) -> pd.Series:
    """One measure of one method (or whatever the settings name): a number for each seed, sorted by seed.

    Args:
        frame: as `Experiment.read` gives it.
        measure: the column.
        settings: setting -> value, all that is needed to leave one run a seed.

    Raises:
        ValueError: there is no such column, no such run, several of a seed, or the measure was not taken.
    """
    has_columns(["seed"], frame=frame)
    among("measure", measure, frame.columns)
    rows = frame
    for name in settings:
        among("setting", name, frame.columns)
    for name, value in settings.items():
        among(name, value, rows[name].unique().tolist())
        rows = rows[rows[name] == value]
    found = rows.set_index("seed")[measure].sort_index()
    if not found.index.is_unique:
        raise ValueError(f"{measure} has several runs of a seed: {differing(rows)} must be named too")
    if found.isna().any():
        raise ValueError(f"{measure} was not measured for {settings}, seeds {found.index[found.isna()].tolist()}")
    return found


def differing(rows: pd.DataFrame) -> str:
    """The settings in which runs differ: columns before `seed`, and words behind it."""
    settings = rows.columns[: rows.columns.get_loc("seed")]
    words = [name for name in rows if isinstance(rows[name].iloc[0], str) and name not in store.ABOUT]
    return ", ".join(name for name in dict.fromkeys([*settings, *words]) if rows[name].nunique() > 1)
