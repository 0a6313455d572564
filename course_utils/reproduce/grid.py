"""Many runs: what is missing is run, side by side. Nothing here knows what a run is."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import joblib

from course_utils import models, progress
from course_utils.reproduce import store
from course_utils.reproduce.experiment import Cell, Experiment
from course_utils.reproduce.versions import versions

Outcome = dict | str  # what is written down of a run, or what went wrong


def missing(experiment: Experiment, cells: Iterable[Cell], path: Path) -> list[Cell]:
    """The cells that the file does not hold yet, each once."""
    finished = store.read(path, experiment.cell)
    return [cell for cell in dict.fromkeys(cells) if cell not in finished]


def run_all(experiment: Experiment, cells: Sequence[Cell], path: Path | None = None, jobs: int | None = None) -> None:
    """Run what is missing, `jobs` runs at a time with one thread each, and write down each as it ends.

    Raises:
        RuntimeError: some runs failed; all others have been made and written down.
    """
    path = path or experiment.path
    count, todo, failed = len(set(cells)), missing(experiment, cells, path), []
    print(f"{count - len(todo)} of {count} runs are in {path} already, {len(todo)} to go")
    path.parent.mkdir(parents=True, exist_ok=True)
    with progress.bar(len(todo), "runs") as bar:
        for cell, outcome in locally(experiment.run, todo, jobs or cores()):
            if isinstance(outcome, str):
                failed.append(f"{cell}\n{outcome}")
            else:
                store.append(path, cell, outcome)
            bar.set_postfix_str(", ".join(map(str, cell)))
            bar.update()
    if failed:
        raise RuntimeError(f"{len(failed)} of the runs failed, the others are in {path}. The first:\n{failed[0]}")


def cores() -> int:
    """How many runs go side by side: one a core, or one on a GPU."""
    return joblib.cpu_count() if models.chosen_device().type == "cpu" else 1


def locally(run: Callable[[Cell], dict], cells: Iterable[Cell], jobs: int) -> Iterator[tuple[Cell, Outcome]]:
    """Each cell with what came of it, as soon as it is there. Processes of their own get the function with the cell."""
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    return parallel(joblib.delayed(attempt)(run, cell) for cell in cells)


def attempt(run: Callable[[Cell], dict], cell: Cell) -> tuple[Cell, Outcome]:
    """The cell with its record, or with what went wrong: one failure must not take other runs' hours along."""
    try:
        return cell, alone_on_a_core(recorded, run, cell)
    except Exception:
        return cell, traceback.format_exc()


def recorded(run: Callable[[Cell], dict], cell: Cell) -> dict:
    """What stands in the file behind the settings."""
    about, start = versions(), time.perf_counter()
    measured = run(cell)
    return {"measured": measured, "seconds": round(time.perf_counter() - start, 1)} | about


@models.one_thread()
def alone_on_a_core(function: Callable, *arguments):
    """Call a function on one thread: two runs side by side finish sooner than one after the other on two threads."""
    return function(*arguments)
