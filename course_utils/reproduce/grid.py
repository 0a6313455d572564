"""Many runs: what is missing is run, side by side."""

import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

import joblib

from course_utils import models, progress
from course_utils.reproduce.results import append, read
from course_utils.reproduce.runs import Run, run


def missing(cells: Iterable[Run], path: Path) -> list[Run]:
    """The cells that the file does not hold yet."""
    rows = read(path).query("selected == 'last'")
    done = {Run(*row) for row in rows[list(Run._fields)].itertuples(index=False)}
    return [cell for cell in cells if cell not in done]


def run_all(cells: Sequence[Run], path: Path, jobs: int) -> None:
    """Run what is missing, `jobs` runs at a time with one thread each, and write down each as it ends.

    Raises:
        RuntimeError: some runs failed; all others have been made and written down.
    """
    cells = list(dict.fromkeys(cells))
    todo, failed = missing(cells, path), []
    print(f"{len(cells) - len(todo)} of {len(cells)} runs are in {path} already, {len(todo)} to go")
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    with progress.bar(len(todo), "runs") as bar:
        for cell, outcome in parallel(joblib.delayed(attempt)(cell) for cell in todo):
            if isinstance(outcome, str):
                failed.append(f"{cell}\n{outcome}")
            else:
                append(path, outcome)
            bar.set_postfix_str(f"{cell.method}, {cell.ratio:g}")
            bar.update()
    if failed:
        raise RuntimeError(f"{len(failed)} of the runs failed, the others are in {path}. The first:\n{failed[0]}")


def attempt(cell: Run) -> tuple[Run, list[dict] | str]:
    """The cell with its rows, or with what went wrong: one failure must not take other runs' hours along."""
    try:
        return cell, alone_on_a_core(cell)
    except Exception:
        return cell, traceback.format_exc()


@models.one_thread()
def alone_on_a_core(cell: Run) -> list[dict]:
    """`run` on one thread: two runs side by side finish sooner than one after the other with two threads each."""
    return run(cell)
