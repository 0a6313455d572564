"""What an exercise is: the course's own function, calls to try, the usual slips, two hints."""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.exercises.calls import fresh
from course_utils.exercises.differ import words


class Slip:
    """A usual mistake, as a change to the solution's text: `Slip(says, old, new, old, new, …)`.

    For what no change of the text can say, a function with the same arguments: `Slip(says, function)`.
    """

    def __init__(self, says: str, *change: str | Callable) -> None:
        self.says = says
        self.function = change[0] if callable(change[0]) else None
        texts = [part for part in change if isinstance(part, str)]
        self.change = tuple(zip(texts[::2], texts[1::2]))


class Dice:
    """Draws inputs, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def rand(self, *shape: int) -> Tensor:
        """Numbers between 0 and 1."""
        return torch.rand(shape, generator=self.generator)

    def randn(self, *shape: int) -> Tensor:
        """Normal numbers, of both signs."""
        return torch.randn(shape, generator=self.generator)

    def number(self, low: float, high: float) -> float:
        """A number with three digits behind the point."""
        return round(low + (high - low) * self.rand(1).item(), 3)

    def whole(self, low: int, high: int) -> int:
        """A whole number, `low` to `high`; both can come up."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def classes(self, n: int, of: int) -> Tensor:
        """Class numbers [n]."""
        return torch.randint(of, (n,), generator=self.generator)

    def order(self, n: int) -> Tensor:
        """The numbers 0 … n − 1 in a random order."""
        return torch.randperm(n, generator=self.generator)

    def seed(self) -> int:
        """A seed that no case of a page has."""
        return self.whole(1_000, 1_000_000_000)


class Case:
    """One call: `about` in a few words what is special, the arguments, of which lists become tensors.

    Args:
        attached: names of tensor arguments that hang on a graph; the gradient in them is compared, too.
        through: what a graph begins with, for the attached ones.
        tolerance: how far numbers may be off, as a share, where a harmless tiny number may have been added to them.
        seconds: of processor time that this call may take, where the course calls the function very often.
        given: the arguments, or `make`, a function that makes them where they cannot be copied.
    """

    def __init__(
        self,
        about: str = "",
        *,
        attached: Sequence[str] = (),
        through: Callable[[Tensor], Tensor] = lambda leaf: leaf * 1,
        tolerance: float = 1e-4,
        seconds: float | None = None,
        make: Callable[[], dict[str, Any]] | None = None,
        **given: Any,
    ) -> None:
        self.about, self.attached, self.through, self.tolerance = about, attached, through, tolerance
        self.seconds, self.make = seconds, make
        self.given: dict[str, Any] = {name: torch.tensor(v) if isinstance(v, list) else v for name, v in given.items()}
        self.hidden = False  # its numbers, where they are others than the page's

    def arguments(self, **changed: Any) -> dict[str, Any]:
        """Fresh arguments, some of them changed."""
        if self.make:
            return self.make()
        return {name: fresh(value) for name, value in (self.given | changed).items()}

    @property
    def words(self) -> str:
        """The case as it is shown to a student."""
        if self.hidden:
            return f"{self.about}{': ' if self.about else ''}other numbers than on the page"
        shown = [
            f"{name} {words(v, 10)}" for name, v in self.given.items() if isinstance(v, Tensor | float | int | str)
        ]
        text = ", ".join(part for part in shown if len(part) < 100)
        return f"{self.about}{': ' if self.about and text else ''}{text}"[:260]

    @property
    def size(self) -> int:
        """How much there is to read in it."""
        return sum(value.numel() if isinstance(value, Tensor) else 1 for value in self.given.values())

    @property
    def examples(self) -> int:
        """The length of the first tensor."""
        return next((len(v) for v in self.given.values() if isinstance(v, Tensor) and v.dim()), 1)


@dataclass(frozen=True, eq=False)
class Exercise:
    """What a check needs to know.

    Args:
        reference: the course's own function. Its text, without checks, is the solution; its name the exercise's.
        returns: the names of what it returns.
        cases: calls in which right and wrong answers differ.
        others: further ones, drawn anew for each seed, and as many each time; for `exercises.graded`.
        slips: the usual mistakes.
        hints: two, the first a question, the second the way.
        variants: other right ways that slips may stand in, as changes (old, new) of the solution.
        loose: names of results that may be of any type of number.
        by_name: arguments without default that later cells call by name.
        may_change: arguments that the function is there to change.
        drawn: names of results that are random, or free to choose: not compared, but judged by `judge`.
        judge: from (given, results by name) to a sentence for all that does not hold of a draw.
        fate: from the same to what another seed must change, −1 for unknown; otherwise all that is drawn.
        overlook: makes all that means nothing in the results, given (arguments, results by name), the same in all.
        beside: from the arguments, after the call, to further values to compare.
        asked: the name that the student's function has, where the course's own is one example of many.
    """

    reference: Callable
    returns: tuple[str, ...]
    cases: Sequence[Case]
    others: Callable[[Dice], Iterable[Case]]
    hints: tuple[str, str]
    slips: Sequence[Slip] = ()
    variants: Sequence[tuple[str, ...]] = ()
    loose: Sequence[str] = ()
    by_name: Sequence[str] = ()
    may_change: Sequence[str] = ()
    drawn: Sequence[str] = ()
    judge: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterable[str]] | None = None
    fate: Callable[[Mapping[str, Any], Mapping[str, Any]], list[Tensor]] | None = None
    overlook: Callable[[Mapping[str, Any], dict[str, Any]], None] | None = None
    beside: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    asked: str = ""

    @property
    def name(self) -> str:
        """The name that the function must have."""
        return self.asked or self.reference.__name__

    @cached_property
    def solution(self) -> str:
        """The reference's text as a student could write it: without checks, docstring and moves to a GPU."""
        source = inspect.getsource(inspect.unwrap(self.reference))
        function, lines = cast(ast.FunctionDef, ast.parse(source).body[0]), source.splitlines()
        docstring = function.body[0]
        kept = lines[function.lineno - 1 : docstring.lineno - 1] + lines[docstring.end_lineno :]
        text = re.sub(rf"^def {function.name}\b", f"def {self.name}", "\n".join(kept) + "\n", flags=re.M)
        return re.sub(r"\.to\(\w+\.device\)", "", text)

    @property
    def optional(self) -> set[str]:
        """The arguments that are called by name."""
        parameters = inspect.signature(self.reference).parameters.values()
        return {p.name for p in parameters if p.default is not p.empty} | set(self.by_name)

    def twin(self, *slips: Slip, variant: tuple[str, ...] = ()) -> Callable | None:
        """The solution with these slips in it; `None` if they do not go together."""
        if slips and slips[0].function:
            return slips[0].function if len(slips) == 1 and not variant else None
        text = self.solution
        for change in (tuple(zip(variant[::2], variant[1::2])), *(slip.change for slip in slips)):
            if not all(old in text for old, _ in change):
                return None
            if change:  # all at once, for what is put in may look like what is to be replaced
                told = dict(change)
                text = re.sub("|".join(map(re.escape, told)), lambda found: told[found[0]], text)  # noqa: B023
        names = inspect.unwrap(self.reference).__globals__ | {"torch": torch, "F": F}
        try:
            exec(compile(text, f"<{self.name} with a slip>", "exec"), names)
        except SyntaxError:  # two changes that do not go together
            return None
        return names[self.name]
