"""Many runs: what is missing is run, side by side. Nothing here knows what a run is."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import joblib

from course_utils import models, progress
from course_utils.reproduce.experiment import Cell, Experiment

Rows = list[dict]


def missing(experiment: Experiment, cells: Iterable[Cell], path: Path) -> list[Cell]:
    """The cells that the file does not hold yet, each once."""
    finished = experiment.finished(path)
    return [cell for cell in dict.fromkeys(cells) if cell not in finished]


def run_all(experiment: Experiment, cells: Sequence[Cell], path: Path, jobs: int) -> None:
    """Run what is missing, `jobs` runs at a time with one thread each, and write down each as it ends.

    Raises:
        RuntimeError: some runs failed; all others have been made and written down.
    """
    count, todo, failed = len(set(cells)), missing(experiment, cells, path), []
    print(f"{count - len(todo)} of {count} runs are in {path} already, {len(todo)} to go")
    with progress.bar(len(todo), "runs") as bar:
        for cell, outcome in outcomes(experiment.run, todo, jobs):
            if isinstance(outcome, str):
                failed.append(f"{cell}\n{outcome}")
            else:
                experiment.append(path, outcome)
            bar.set_postfix_str(", ".join(map(str, cell)))
            bar.update()
    if failed:
        raise RuntimeError(f"{len(failed)} of the runs failed, the others are in {path}. The first:\n{failed[0]}")


def outcomes(run: Callable[[Cell], Rows], cells: Iterable[Cell], jobs: int) -> Iterator[tuple[Cell, Rows | str]]:
    """Each cell with what came of it, as soon as it is there. Processes of their own get the function with the cell."""
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    return parallel(joblib.delayed(attempt)(run, cell) for cell in cells)


def attempt(run: Callable[[Cell], Rows], cell: Cell) -> tuple[Cell, Rows | str]:
    """The cell with its rows, or with what went wrong: one failure must not take other runs' hours along."""
    try:
        return cell, alone_on_a_core(run, cell)
    except Exception:
        return cell, traceback.format_exc()


@models.one_thread()
def alone_on_a_core(run: Callable[[Cell], Rows], cell: Cell) -> Rows:
    """A run on one thread: two side by side finish sooner than one after the other with two threads each."""
    return run(cell)
