"""Runs on other machines, by a Dask scheduler. `docs/grid.md` says how to start one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from uuid import uuid4

from course_utils.reproduce.versions import versions

PATIENCE = 5  # seconds, for the scheduler to answer and for its first worker
ALIKE = ("torch", "commit")  # what must be the same everywhere


def run_there(attempt: Callable, run: Callable, cells: Sequence, address: str) -> Iterator[tuple]:
    """Each cell with what came of it, as soon as it is there. A run whose worker is lost is given to another.

    Args:
        attempt: from a run and a cell to the cell and its outcome.
        run, cells: what is to be run.
        address: of the scheduler, such as tcp://node7:8786.

    Raises:
        ValueError: there is no such scheduler, or no worker, or not one like this machine; nothing was run.
    """
    with connected(address) as client:
        from distributed import as_completed

        # A finished run must not be held here: if its worker died later, the scheduler would have it made again.
        keys = {f"run-{uuid4()}": cell for cell in cells}
        tasks = as_completed([client.submit(attempt, run, cell, key=key) for key, cell in keys.items()], client.loop)
        for task in tasks:
            cell = keys[task.key]
            try:
                outcome = task.result()[1]
            except (Exception, CancelledError) as error:
                outcome = f"lost on the cluster: {type(error).__name__}: {error}"
            task.release()
            yield cell, outcome


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
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ValueError(f"the scheduler at {address} has no workers yet: start some (docs/grid.md)") from None
    if many := [worker for worker, threads in client.nthreads().items() if threads != 1]:
        raise ValueError(f"workers must have one thread each, these have more: {', '.join(many)} (--nthreads 1)")
    try:
        found = client.run(versions)
    except ImportError as error:
        raise ValueError(f"the workers at {address} lack the course ({error}): start them in its environment") from None
    here = versions()
    for worker, there in found.items():
        if differ := [f"{name} {there[name]} there, {here[name]} here" for name in ALIKE if there[name] != here[name]]:
            raise ValueError(f"the worker {worker} differs from this machine: {'; '.join(differ)}")
