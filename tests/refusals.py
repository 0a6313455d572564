"""What a public function must refuse: the vocabulary of the tables in `refusals_*.py`, which test_refusals.py reads."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A function, a call of it that works, and what must be refused in it.

    Args:
        function: the function, the class or the bound method.
        good: arguments that fit, by their names.
        bad: for a parameter, values each of which must be refused while the others are good.
        free: parameters that take anything, or that the type alone makes right (switches, words to print).
    """

    function: Callable
    good: dict[str, Any]
    bad: dict[str, list]
    free: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.function.__module__.removeprefix('course_utils.')}.{self.function.__qualname__}"

    @property
    def parameters(self) -> set[str]:
        """All that can be given."""
        return set(inspect.signature(self.function).parameters)


def row(function: Callable, good: dict[str, Any], free: str = "", /, **bad: list) -> Row:
    """A row; `free` are names with spaces between."""
    return Row(function, good, bad, tuple(free.split()))
