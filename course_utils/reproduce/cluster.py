"""Runs on other machines, by a Dask scheduler. `docs/grid.md` says how to start one."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from course_utils.reproduce.versions import versions

PATIENCE = 5  # seconds, for the scheduler to answer and for its first worker
LOOK = 0.2  # seconds between two looks at what has ended, and at how many workers there are
ALIKE = ("torch", "commit")  # what must be the same everywhere


def run_there(attempt: Callable, run: Callable, cells: Sequence, address: str) -> Generator[tuple, None, None]:
    """Each cell with what came of it, as soon as it is there. A run whose worker is lost is given to another.

    As many runs are under way as there are workers, so that none waits behind a long one while another worker is idle.

    Args:
        attempt: from a run and a cell to the cell and its outcome.
        run, cells: what is to be run.
        address: of the scheduler, such as tcp://node7:8786.

    Raises:
        ValueError: there is no such scheduler, or no worker, or not one like this machine; nothing was run.
    """
    todo, told = deque(cells), False
    under_way: list[tuple] = []
    with connected(address) as client:
        while todo or under_way:
            if client.status != "running":
                lost = [cell for _, cell in under_way] + [*todo]
                yield from ((cell, f"the scheduler at {address} is gone") for cell in lost)
                return
            workers = len(client.nthreads())
            if not workers and not told:
                print("no worker is left: waiting for a new one; Ctrl-C ends this, and nothing is lost")
            told = not workers
            while todo and len(under_way) < workers:
                under_way.append((client.submit(attempt, run, todo[0], pure=False), todo.popleft()))
            ended = [(task, cell) for task, cell in under_way if task.done()]
            under_way = [(task, cell) for task, cell in under_way if not task.done()]
            yield from ((cell, outcome(task)) for task, cell in ended)
            if not ended:
                time.sleep(LOOK)


def outcome(task) -> dict | str:
    """What came of a run, or why it is lost."""
    try:
        return task.result()[1]
    except Exception as error:
        return f"lost on the cluster: {type(error).__name__}: {error}"
    finally:
        task.release()  # or the scheduler would have it made again if its worker died later


@contextmanager
def connected(address: str) -> Iterator:
    """A client of the scheduler, whose workers are as they should be; what it has asked for is cancelled in the end."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise ValueError("--scheduler needs a package more: pip install 'beyond-training-error[cluster]'") from None
    try:
        get_address_host_port(address)  # a client that was given nonsense does not end well
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no scheduler answers at {address} within {PATIENCE} s ({error})") from None
    with client:
        check_workers(client, address)
        yield client


def check_workers(client, address: str) -> None:
    """Raise a ValueError that says what to do, unless there are workers, on one thread each, with this very code."""
    from distributed import TimeoutError as TooLateError

    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TooLateError:
        raise ValueError(f"the scheduler at {address} has no workers yet: start some (docs/grid.md)") from None
    if many := [worker for worker, threads in client.nthreads().items() if threads != 1]:
        raise ValueError(f"workers must have one thread each, these have more: {', '.join(many)} (--nthreads 1)")
    try:
        # A function of the course itself would not get as far as a worker without the course: that worker would not
        # answer at all.
        found = client.run(lambda: import_module("course_utils.reproduce.versions").versions())
    except ImportError as error:
        raise ValueError(f"the workers at {address} lack the course ({error}): start them in its environment") from None
    here = versions()
    for worker, there in found.items():
        if differ := [f"{name} {there[name]} there, {here[name]} here" for name in ALIKE if there[name] != here[name]]:
            raise ValueError(f"the worker {worker} differs from this machine: {'; '.join(differ)}")
