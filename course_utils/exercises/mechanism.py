"""How an exercise is checked: by what your function does, next to what the course's own does.

Both are watched on the same small cases. Where they differ, your function is compared with each usual
mistake, made on purpose (its *twin*): the twin that behaves as yours names what went wrong.
"""

import html
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from IPython.display import Code
from torch import Tensor

# What was seen on one small case: the case in words, and everything measured there by name.
Sight = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Mistake:
    """A usual mistake: a function that makes it, and what to say to someone who made it."""

    twin: Callable
    says: str


@dataclass(frozen=True)
class Exercise:
    """What a check needs to know.

    Args:
        reference: the course's own function; its source is the solution, its name the exercise's.
        watch: tries a function on small cases and yields what it sees. It makes its inputs anew each time.
        mistakes: the usual ones; the first twin that behaves as the attempt does gives the diagnosis.
        hints: two, the second one closer to the solution.
    """

    reference: Callable
    watch: Callable[[Callable], Iterator[Sight]]
    mistakes: Sequence[Mistake]
    hints: tuple[str, str]

    @property
    def name(self) -> str:
        """The name that the function must have."""
        return self.reference.__name__


@dataclass(frozen=True)
class Verdict:
    """What a check found. At the end of a cell it shows itself, with the hints folded below."""

    exercise: Exercise
    attempt: Callable
    state: str  # "right", "wrong" or "not attempted"
    message: str

    def use(self) -> Callable:
        """Your function if it passed, else the course's own; says which."""
        name = self.exercise.name
        print(f"using your {name}" if self.state == "right" else f"using the reference for {name}")
        return self.attempt if self.state == "right" else self.exercise.reference

    def __repr__(self) -> str:
        return f"{self.exercise.name}: {self.state}. {self.message}"

    def _repr_html_(self) -> str:
        sign, colour = {"right": ("✓", "#009E73"), "wrong": ("✗", "#D55E00"), "not attempted": ("○", "#8C8C8C")}[
            self.state
        ]
        message = html.escape(self.message).replace("\n", "<br>")
        name = self.exercise.name
        folds = {
            "Hint 1": html.escape(self.exercise.hints[0]),
            "Hint 2": html.escape(self.exercise.hints[1]),
            "Solution": f'Run <code>exercises.solution("{name}")</code> in a new cell: it shows the course\'s own '
            "source.",
        }
        folded = "".join(f"<details><summary>{head}</summary>{text}</details>" for head, text in folds.items())
        return (
            f'<div style="border-left: 6px solid {colour}; padding: 0.4em 1em; line-height: 1.5">'
            f"<b>{sign} <code>{name}</code>: {self.state}.</b> {message}"
            f"{'' if self.state == 'right' else folded}</div>"
        )


def check(exercise: Exercise, attempt: Callable) -> Verdict:
    """Watch the attempt, and say whether it is right, wrong (and in what way) or not attempted."""
    if not callable(attempt):
        message = f"The check needs your function {exercise.name} itself, got {type(attempt).__name__}."
        return Verdict(exercise, attempt, "wrong", message)
    if attempt is exercise.reference:
        message = (
            "This is the course's own function: a later cell has put it under this name. "
            "Run the cell with your function, then this one."
        )
        return Verdict(exercise, attempt, "not attempted", message)
    expected, _ = _always(exercise.watch, exercise.reference)
    seen, error = _watched(exercise.watch, attempt)
    # torch raises NotImplementedError too, for instance for a minus between tables of True and False.
    if isinstance(error, NotImplementedError) and str(error) == "your turn":
        message = (
            "Put your code in place of the raise line, run that cell, then this one. The notebook goes on without it."
        )
        return Verdict(exercise, attempt, "not attempted", message)
    if error is None and _same(seen, expected):
        return Verdict(exercise, attempt, "right", f"{len(expected)} cases, all as they should be.")
    message = f"{_diagnosis(exercise, seen, error)}\nSmallest example: {_example(seen, error, expected)}."
    return Verdict(exercise, attempt, "wrong", message)


def source(exercise: Exercise) -> Code:
    """The source of the course's own function, to be shown at the end of a cell."""
    return Code(inspect.getsource(exercise.reference), language="python")


def _watched(watch: Callable[[Callable], Iterator[Sight]], function: Callable) -> tuple[list[Sight], Exception | None]:
    """What is seen of a function, and the error that ended it, if one did."""
    seen = []
    try:
        for sight in watch(function):
            seen.append(sight)
    except Exception as error:
        return seen, error
    return seen, None


@cache
def _always(watch: Callable[[Callable], Iterator[Sight]], function: Callable) -> tuple[list[Sight], Exception | None]:
    """The same for the course's own functions, the reference and the twins: they never change, so look once."""
    return _watched(watch, function)


def _diagnosis(exercise: Exercise, seen: list[Sight], error: Exception | None) -> str:
    """The mistake whose twin does the same, down to the words of an error; else what can be said without one."""
    for mistake in exercise.mistakes:
        twin_seen, twin_error = _always(exercise.watch, mistake.twin)
        if _same(seen, twin_seen) and repr(error) == repr(twin_error):
            return mistake.says
    if error is not None:
        return f"It stopped with {type(error).__name__}: {error}"
    if any(value is None for _, values in seen for value in values.values()):
        return "It returns None. Is there a return at the end?"
    return "It runs, but does something else."


def _example(seen: list[Sight], error: Exception | None, expected: list[Sight]) -> str:
    """The first case that goes wrong."""
    for (case, got), (_, want) in zip(seen, expected):
        for name in want:
            if not _close(got[name], want[name]):
                return f"{case}. Expected {name} {_words(want[name])}, got {_words(got[name])}"
    return expected[len(seen)][0]


def _same(seen: Sequence[Sight], other: Sequence[Sight]) -> bool:
    """Equal in every case and every measurement."""
    return len(seen) == len(other) and all(
        _close(got[name], want[name]) for (_, got), (_, want) in zip(seen, other) for name in want
    )


def _close(got: Any, want: Any) -> bool:
    """Equal as numbers, whatever they come in: a float, a tensor of any type, a list."""
    try:
        got, want = (torch.as_tensor(value).detach().cpu().double() for value in (got, want))
    except (TypeError, ValueError, RuntimeError):
        return got is want
    return got.numel() == want.numel() and torch.allclose(
        got.flatten(), want.flatten(), rtol=1e-4, atol=1e-5, equal_nan=True
    )


def _words(value: Any) -> str:
    """A number or a small tensor as a student would write it."""
    if isinstance(value, Tensor):
        value = value.detach().tolist()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_words(item) for item in value) + "]"
    return repr(value)
