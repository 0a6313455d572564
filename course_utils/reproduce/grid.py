"""Many runs: what is missing is run, side by side. Nothing here knows what a run is."""

import contextlib
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.pool import ThreadPool
from pathlib import Path

import joblib
from joblib.externals.loky import ProcessPoolExecutor

from course_utils import models, progress, require
from course_utils.reproduce import store
from course_utils.reproduce.experiment import Cell, Experiment, is_path
from course_utils.reproduce.versions import versions

Outcome = dict | str  # what is written down of a run, or what went wrong
Outcomes = Generator[tuple[Cell, Outcome], None, None]
Run = Callable[[Cell], dict | list[dict]]


def missing(experiment: Experiment, cells: Iterable[Cell], path: Path) -> list[Cell]:
    """The cells that the file does not hold yet, each once.

    Raises:
        ValueError: the file holds something else, or the cells are not the experiment's.
    """
    cells = _checked(experiment, cells, path)
    finished = store.read(path, experiment.cell)
    return [cell for cell in dict.fromkeys(cells) if cell not in finished]


def run_all(
    experiment: Experiment,
    cells: Sequence[Cell],
    path: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Run what is missing, each run on one thread, and write down each as it ends.

    Args:
        experiment: what a run is.
        cells: the runs that shall be there in the end.
        path: the file; `None` for the experiment's own.
        jobs: how many runs go side by side on this machine; `None` for one a core.
        scheduler: the address of a Dask scheduler, whose workers make the runs instead.

    Raises:
        ValueError: the file holds something else or cannot be written, or the cluster will not do; nothing was run.
        RuntimeError: some runs failed; all others have been made and written down.
    """
    cells = _checked(experiment, cells, Path() if path is None else path)
    if jobs is not None:
        require.whole(jobs=jobs)
    if scheduler is not None and not isinstance(scheduler, str):
        raise ValueError(f"scheduler must be an address such as tcp://node7:8786, got {scheduler!r}")
    path = path or experiment.path
    store.collect(path, experiment.cell)
    count, todo = len(set(cells)), missing(experiment, cells, path)
    print(f"{count - len(todo)} of {count} runs are in {path} already, {len(todo)} to go")
    if not todo:
        return
    store.prepare(path)
    failed, places = [], set()
    ended = outcomes(experiment.run, todo, jobs or cores(), scheduler)
    # Closed, and its processes with it, wherever an interrupt meets this loop.
    with progress.bar(len(todo), "runs") as bar, contextlib.closing(ended):
        for cell, outcome in ended:
            if isinstance(outcome, str):
                failed.append(f"{cell}\n{outcome}")
            else:
                try:
                    places.add(store.keep(path, cell, outcome))
                except OSError as error:
                    failed.append(f"{cell}\nits result is lost: {error}")
            bar.note = ", ".join(map(str, cell))
            bar.update()
    for place in places - {path}:
        print(store.advice(place, path))
    if failed:
        raise RuntimeError(f"{len(failed)} of the runs failed, the others are written down. The first:\n{failed[0]}")


def _checked(experiment: Experiment, cells: Iterable[Cell], path: Path) -> list[Cell]:
    """The cells, if they are the experiment's."""
    if not isinstance(experiment, Experiment):
        raise ValueError(f"experiment must be an Experiment, got {require.what(experiment)}")
    if not isinstance(cells, Iterable):
        raise ValueError(f"cells must be a list of {experiment.cell.__name__}, got {require.what(cells)}")
    found = list(cells)
    for cell in found:
        if not isinstance(cell, experiment.cell):
            raise ValueError(f"cells must each be a {experiment.cell.__name__}, got {require.what(cell)}")
    is_path(path)
    return found


def cores() -> int:
    """How many runs go side by side: one a core, or one on a GPU."""
    return joblib.cpu_count() if models.chosen_device().type == "cpu" else 1


def outcomes(run: Run, cells: Sequence[Cell], jobs: int, scheduler: str | None) -> Outcomes:
    """Each cell with what came of it, as soon as it is there."""
    if scheduler:
        from course_utils.reproduce import cluster  # asks for a package that nothing else here needs

        return cluster.run_there(attempt, run, cells, scheduler)
    return (attempt(run, cell) for cell in cells) if jobs == 1 else side_by_side(run, cells, min(jobs, len(cells)))


def side_by_side(run: Run, cells: Sequence[Cell], jobs: int) -> Outcomes:
    """Each of `jobs` processes makes one run after the other. If it is killed, this costs that run and no other."""
    processes = {number: new_process() for number in range(jobs)}
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in processes:
        free.put(number)

    def in_a_process(cell: Cell) -> tuple[Cell, Outcome]:
        number = free.get()
        try:
            return processes[number].submit(attempt, run, cell).result()
        except BrokenProcessPool:
            processes[number] = new_process()
            return cell, "its process was killed: is there enough memory for so many runs side by side (--jobs)?"
        finally:
            free.put(number)

    try:
        with ThreadPool(jobs) as threads:
            yield from threads.imap_unordered(in_a_process, cells)
    finally:
        for process in processes.values():
            process.shutdown(wait=False, kill_workers=True)


def new_process() -> ProcessPoolExecutor:
    """A pool of one process, which ends with this one, and 10 s after its last run."""
    return ProcessPoolExecutor(1, timeout=10, initializer=end_with, initargs=[os.getpid()])


def end_with(parent: int) -> None:
    """Make this process end when its parent has been killed, and not compute on for nobody (not on Windows)."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def attempt(run: Run, cell: Cell) -> tuple[Cell, Outcome]:
    """The cell with its record, or with what went wrong: one failure must not take other runs' hours along."""
    try:
        return cell, alone_on_a_core(recorded, run, cell)
    except Exception:
        return cell, traceback.format_exc()


def recorded(run: Run, cell: Cell) -> dict:
    """What stands in the file behind the settings."""
    about, start = versions(), time.perf_counter()
    measured = store.plain(run(cell))
    return {"measured": measured, "seconds": round(time.perf_counter() - start, 1)} | about


@models.one_thread()
def alone_on_a_core(function: Callable, *arguments):
    """Call a function on one thread: two runs side by side finish sooner than one after the other on two threads."""
    require.function(function=function)
    return function(*arguments)
