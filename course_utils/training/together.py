"""Independent pieces of work at the same time, each on one core."""

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread, local
from typing import Any, TypeVar

import joblib

from course_utils import progress, require
from course_utils.models import chosen_device, give_back_memory, holds_global_generator, one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")

# On 16 cores twelve fully connected networks took 4.9 s one after the other, 2.9 s in twos, 2.4 s in fours, and no less
# with more: Python itself does one thing at a time. (Convolutional ones still gained.) And each needs memory.
MOST = 4


def cores() -> int:
    """How many pieces of work go side by side: the cores that this process may use, up to four. On a GPU it is one, and
    one inside a piece of work that is itself beside others."""
    return 1 if chosen_device().type != "cpu" or is_beside_others() else min(MOST, joblib.cpu_count())


_HERE = local()


def is_beside_others() -> bool:
    """Whether this is asked from within a piece of work of `side_by_side`."""
    return getattr(_HERE, "beside_others", False)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], description: str | None = None) -> list[Result]:
    """`[work(item) for item in items]`, several at a time, each on a core of its own.

    On two cores, two trainings of the course's networks are done in two thirds of the time that they take one after
    the other with two threads each. Each has one thread, so its numbers are the same on any number of cores.

    Args:
        work: from an item to a result. Whatever it draws at random comes from generators of its own. (A network with
            dropout draws from the global one: trainings of such networks wait for each other.)
        items: what to work on.
        description: what the progress bar counts ("networks"); `None` for no bar.

    Returns:
        the results, in the order of the items.

    Raises:
        whatever `work` raises first. The other pieces are stopped then, as they are when you interrupt; half of the
            results would be none, so none are kept.
        RuntimeError: asked for inside `models.seeded` (or a loss or callback of `fit`), whose generator work may need.
    """
    require.function(work=work)
    if not isinstance(items, Iterable):
        raise ValueError(f"items must be something to go through, got {require.what(items)}")
    if not isinstance(description, str | None):
        raise ValueError(f"description must be a text or None, got {require.what(description)}")
    if holds_global_generator():
        raise RuntimeError("side_by_side inside `seeded`, or inside a training, would wait for itself for good")
    items = list(items)
    waiting = deque(enumerate(items))
    outcomes: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def worker() -> None:
        _HERE.beside_others = True
        progress.work_inside(live)
        while waiting:
            try:
                place, item = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                outcomes.put((place, work(item), None))
            except BaseException as error:
                waiting.clear()  # nobody needs the others any more
                outcomes.put((place, None, error))

    threads = [Thread(target=worker, daemon=True) for _ in range(min(cores(), len(items)))]
    results: list = [None] * len(items)
    with progress.bar(len(items), description or "", show=description is not None) as live, one_thread():
        try:
            for thread in threads:
                thread.start()
            for _ in items:
                place, results[place], error = _next(outcomes, live)
                if error is not None:
                    raise error
                live.update()
            for thread in threads:  # its last result is here, and a moment later it has ended
                thread.join()
        except BaseException:
            waiting.clear()
            with progress.interrupts_put_off():
                stop(threads)
            raise
    give_back_memory()
    return results


def _next(outcomes: SimpleQueue, live: progress.Bar):
    """What is done next. Asked five times a second: the bar shall follow, and Windows interrupts no thread that waits
    for good."""
    while True:
        try:
            return outcomes.get(timeout=0.2)
        except Empty:
            live.draw()


def stop(threads: Sequence[Thread], error: type[BaseException] = SystemExit, patience: float = 10) -> None:
    """End threads at their next line of Python. Nobody hears of it: threads end with SystemExit silently.

    Args:
        threads: which ones; those that have ended are left alone.
        error: what to raise in them.
        patience: seconds to wait for each.
    """
    running = [thread for thread in threads if thread.is_alive()]
    for thread in running:  # all are told before any is waited for: one may wait for another
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))
    for thread in running:
        thread.join(timeout=patience)
