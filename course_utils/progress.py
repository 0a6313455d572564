"""Progress bars that leave nothing behind, and a stop button that stops.

`tqdm` draws the bar. In a notebook it is a widget that goes away when the work is done, whatever ended it: a page that
is saved then holds no dead bar, and nbval has nothing to compare.

Work inside work is one bar: "seeds: 1 of 5 done · epoch 4 of 10 · 12 s left". An interrupt under a bar ends the cell,
and says in one sentence how far it was.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

from course_utils import require

Item = TypeVar("Item")
Words = str | Callable[[int], str]

# Seconds between two redraws of a bar. A redraw is some messages from the kernel; a client that reads them only when
# the cell is done, as nbval does, keeps a thousand and loses the rest, the end of the cell among them.
REDRAWN = 0.5
TWICE = 1  # second: a press of the stop button so soon after another is the same one
WIDGET = "application/vnd.jupyter.widget-view+json"
UNFINISHED = "The cell is not finished: what it makes is missing, or left from an earlier run. Run it again."


class Stopped(KeyboardInterrupt):
    """You have stopped a cell. IPython shows the sentence and nothing else, and no `except Exception` swallows it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class _Here(threading.local):
    """The bars that this thread works under, the outermost first."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self.draws = True  # a thread that may be stopped at any moment only counts


class _Pressed:
    """What is known of the stop button, in the notebook's main thread."""

    usual: Any = None  # what an interrupt does otherwise
    last = -math.inf  # when it was pressed
    ends_cell = False  # nothing more that has a bar may begin in this cell


_HERE = _Here()


class Bar:
    """How much of some work is done; drawn, if it is not part of other work that is drawn already."""

    def __init__(self, total: int, said: Words, show: bool) -> None:
        require.whole(0, total=total)
        if not isinstance(said, str) and not callable(said):
            raise ValueError(f"said must be words, or a function from a number of steps to words, got {said!r}")
        self.total, self.said, self.show = total, said, show
        self.done, self.note = 0, ""  # the note stands behind the rest
        self.parts: list[Bar] = []  # the bars of work inside this one
        self.beside = False  # whether those run side by side, so that none of them is named
        self.outer: Bar | None = None
        self.live: tqdm | None = None

    def __enter__(self) -> "Bar":
        if not _HERE.bars and _in_cell():
            _listen()
        self.outer = _HERE.bars[-1] if _HERE.bars else None
        _HERE.bars.append(self)
        self.start = self.looked = time.monotonic()
        if self.outer is not None:
            self.outer.parts.append(self)
        if self.show and _HERE.draws and self._drawn() is None:
            with interrupts_put_off():
                self.live = _Terminal(self.words()) if _kernel() is None else _Page(self.words())
        return self

    def __exit__(self, *error) -> None:
        if self.outer is not None and self in self.outer.parts:
            self.outer.parts.remove(self)
        if self.live is not None:
            with interrupts_put_off():
                self.live.close()
        if self in _HERE.bars:  # not when the garbage of another thread holds it
            _HERE.bars.remove(self)
            if not _HERE.bars:
                _listen_no_more()

    def update(self, steps: int = 1) -> None:
        """So much more is done."""
        self.done += steps
        if _HERE.draws:
            self.draw()

    def draw(self) -> None:
        """Bring what stands on the page for this work up to date, twice a second at most."""
        drawn = self._drawn()
        if drawn is not None and drawn.live is not None and time.monotonic() - drawn.looked >= REDRAWN:
            drawn.looked = time.monotonic()
            with interrupts_put_off():
                drawn.live.n = drawn.share()
                drawn.live.set_description_str(drawn.words())

    def share(self) -> float:
        """How much is done, in [0, 1]; parts that are under way count as far as they are."""
        return min(1.0, (self.done + sum(part.share() for part in tuple(self.parts))) / max(1, self.total))

    def words(self) -> str:
        """What the bar says: what is done of how much, in this work and in the part of it that is under way; how long
        the rest will take; and the note."""
        return " · ".join(filter(None, (self.place(), self._left(), self.note)))

    def place(self) -> str:
        """What is done of how much."""
        own = self.said(self.done) if callable(self.said) else f"{self.said}: {self.done:,} of {self.total:,} done"
        parts = () if self.beside else tuple(self.parts)
        return " · ".join(filter(None, (own if self.said else "", *(part.place() for part in parts))))

    def stands_alone(self) -> bool:
        """Whether this is shown, in a notebook's cell, and no part of other work: there an interrupt may leave what is
        done to the reader."""
        return self.show and self.outer is None and _in_cell()

    def _left(self) -> str:
        share, passed = self.share(), time.monotonic() - self.start
        return f"{_duration(passed * (1 - share) / share)} left" if share > 0 and passed > 1 else ""

    def _drawn(self) -> "Bar | None":
        """Which bar stands on the page for this work."""
        bar: Bar | None = self
        while bar is not None and bar.live is None:
            bar = bar.outer
        return bar


def bar(total: int, said: Words, show: bool = True) -> Bar:
    """How far some work is, used as `with bar(…) as b: b.update()`.

    Args:
        total: its steps.
        said: what they are ("networks": the bar says "networks: 3 of 10 done"); or a function from the number of steps
            that are done to what the bar says. "" says nothing.
        show: `False` draws nothing.
    """
    return Bar(total, said, show)


def track(items: Iterable[Item], said: Words, show: bool = True) -> Iterator[Item]:
    """Go through `items`, all of which are taken first, and show how far you are; `said` as in `bar`."""
    if not isinstance(items, Iterable):
        raise ValueError(f"items must be something to go through, got {require.what(items)}")
    taken = list(items)
    whole = bar(len(taken), said, show)

    def going() -> Iterator[Item]:
        with whole as live:
            for item in taken:
                yield item
                live.update()

    return going()


def work_inside(outer: Bar) -> None:
    """What this thread does from now on is part of `outer`, as are others' doings; the thread that opened `outer` draws
    it. (A thread that is stopped while it draws would keep tqdm's lock.)"""
    outer.beside = True
    _HERE.bars, _HERE.draws = [outer], False


def end_cell(sentence: str) -> None:
    """After an interrupt that the cell survives: say what is there. The cell runs on to its end, without any more work
    that has a bar, and Run All ends with it."""
    print(sentence)
    _Pressed.ends_cell = True


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """An interrupt inside the block is heard at its end: for what must not be left half done."""
    usual, heard = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    signal.signal(signal.SIGINT, lambda *interrupt: heard.append(interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if heard:
        usual(*heard[0])


class _Terminal(tqdm):
    """A bar in a terminal, which takes its line back in the end."""

    monitor_interval = 0  # no thread that watches it

    def __init__(self, words: str) -> None:
        super().__init__(total=1.0, desc=words, bar_format="{bar:20} {desc}", leave=False)


class _Page(notebook_tqdm):
    """A bar on a notebook's page. In the end an empty text stands in its place: a page that is saved shows nothing."""

    monitor_interval = 0

    def __init__(self, words: str) -> None:
        super().__init__(total=1.0, desc=_unbroken(words), bar_format="{bar} {desc}", leave=False, display=False)
        _, drawn, text = self.container.children
        drawn.layout.width, drawn.layout.flex = "160px", "0 0 auto"  # whatever the text
        view = {"version_major": 2, "version_minor": 0, "model_id": self.container.model_id}
        self.place = display({WIDGET: view}, raw=True, display_id=True)

    def set_description_str(self, desc: str = "", refresh: bool = True) -> None:
        super().set_description_str(_unbroken(desc), refresh)

    def close(self) -> None:
        if not self.disable:
            super().close()
            self.place.update({"text/plain": ""}, raw=True)
            for widget in (*self.container.children, self.container):
                for part in (widget.layout, getattr(widget, "style", None), widget):
                    if part is not None:
                        part.close()


def _unbroken(words: str) -> str:
    """In one line; tqdm would make each space as wide as a digit."""
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def _kernel():
    """The notebook's kernel; `None` in a terminal, in IPython's too."""
    return getattr(get_ipython(), "kernel", None)


def _in_cell() -> bool:
    return get_ipython() is not None and threading.current_thread() is threading.main_thread()


def _listen() -> None:
    """From now on an interrupt raises `Stopped`."""
    if _Pressed.ends_cell:
        raise Stopped(f"Stopped before this began. {UNFINISHED}")
    get_ipython().events.register("post_run_cell", _end_of_cell)
    _Pressed.last = -math.inf
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, _interrupted):
        _Pressed.usual = signal.signal(signal.SIGINT, _interrupted)


def _listen_no_more() -> None:
    # Who presses twice means once, also when the bar is gone: an interrupt while the kernel answers would lose its
    # answer. When it has answered, the kernel puts its own handler back.
    pressed_now = _kernel() is not None and time.monotonic() - _Pressed.last <= TWICE
    if _in_cell() and signal.getsignal(signal.SIGINT) is _interrupted and not pressed_now:
        signal.signal(signal.SIGINT, _Pressed.usual)


def _interrupted(*_) -> None:
    """An interrupt under a bar. Who presses twice means once, and must not disturb the putting in order."""
    before, _Pressed.last = _Pressed.last, time.monotonic()
    if _Pressed.last - before > TWICE:
        place = _HERE.bars[0].place() if _HERE.bars else ""
        raise Stopped(f"Stopped{place and f' ({place})'}. {UNFINISHED}")


def _end_of_cell(result) -> None:
    """Take away what is still drawn: a traceback keeps a loop's frame, and so the bar of `track`, alive."""
    while _HERE.bars:
        _HERE.bars[-1].__exit__()
    if _Pressed.ends_cell:
        _Pressed.ends_cell = False
        result.error_in_exec = result.error_in_exec or Stopped(UNFINISHED)


def _duration(seconds: float) -> str:
    """As long as one would say it: 12 s, 3 min, 2 h 10 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
