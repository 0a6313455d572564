"""How an exercise is checked: by what your function does, next to what the course's own does.

Both are called on the same small cases. What comes back is judged three times, each for itself: its kind (type, shape,
graph), its numbers, and what else the call did (side effects). Where numbers differ, the solution is changed as a
student might slip (a `Slip`, or two at once) until it gives the same ones: that names the mistake. Where nothing fits,
it is said how they differ.
"""

import ast
import html
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.exercises import calls
from course_utils.exercises.calls import Seed, call, fresh
from course_utils.exercises.differ import (
    close,
    conjugated,
    differs,
    kind_of,
    listed,
    misfits,
    numbers,
    relation,
    reshaped,
    words,
)

LONGEST = 900  # characters of a message


class Slip:
    """A usual mistake, as a change to the solution's text: `Slip(says, old, new, old, new, …)`.

    For what no change of the text can say, a function with the same arguments: `Slip(says, function)`.
    """

    def __init__(self, says: str, *change: str | Callable) -> None:
        self.says = says
        self.function = change[0] if callable(change[0]) else None
        self.change = () if self.function else tuple(zip(change[::2], change[1::2]))


class Case:
    """One call: `about` in a few words what is special, the arguments, of which lists become tensors.

    Args:
        attached: names of tensor arguments that hang on a graph; the gradient in them is compared, too.
        tolerance: how far numbers may be off, as a share, where a harmless tiny number may have been added to them.
        seconds: of processor time that this call may take, where the course calls the function very often.
        given: the arguments, or `make`, a function that makes them where they cannot be copied.
    """

    def __init__(
        self,
        about: str = "",
        *,
        attached: Sequence[str] = (),
        tolerance: float = 1e-4,
        seconds: float | None = None,
        make: Callable[[], dict[str, Any]] | None = None,
        **given: Any,
    ) -> None:
        self.about, self.attached, self.tolerance = about, attached, tolerance
        self.seconds, self.make = seconds, make
        self.given = {name: torch.tensor(v) if isinstance(v, list) else v for name, v in given.items()}

    def arguments(self, **changed: Any) -> dict[str, Any]:
        """Fresh arguments, some of them changed."""
        if self.make:
            return self.make()
        return {name: fresh(value) for name, value in (self.given | changed).items()}

    @property
    def words(self) -> str:
        """The case as it is shown to a student."""
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


@dataclass
class Sight:
    """What was seen of one call."""

    case: Case
    values: dict[str, Tensor] = field(default_factory=dict)  # by name, float64
    complaints: list[str] = field(default_factory=list)  # about the kind of the results, and what must hold of draws
    effects: list[str] = field(default_factory=list)
    error: BaseException | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    printed: str = ""
    slow: bool = False


@dataclass(frozen=True, eq=False)
class Exercise:
    """What a check needs to know.

    Args:
        reference: the course's own function. Its text, without checks, is the solution; its name the exercise's.
        returns: the names of what it returns.
        cases: calls in which right and wrong answers differ.
        slips: the usual mistakes.
        hints: two, the first a question, the second the way.
        variants: other right ways that slips may stand in, as changes (old, new) of the solution.
        loose: names of results that may be of any type of number.
        by_name: arguments without default that later cells call by name.
        may_change: arguments that the function is there to change.
        drawn: names of results that are random: not compared, but judged by `judge`.
        judge: from (given, results by name) to a sentence for all that does not hold of a draw.
        fate: from the same to what another seed must change; otherwise all that is drawn.
        overlook: makes all that means nothing in the results, given (arguments, results by name), the same in all.
        beside: from the arguments, after the call, to further values to compare.
    """

    reference: Callable
    returns: tuple[str, ...]
    cases: Sequence[Case]
    hints: tuple[str, str]
    slips: Sequence[Slip] = ()
    variants: Sequence[tuple[str, ...]] = ()
    loose: Sequence[str] = ()
    by_name: Sequence[str] = ()
    may_change: Sequence[str] = ()
    drawn: Sequence[str] = ()
    judge: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterable[str]] | None = None
    fate: Callable[[Mapping[str, Any], Mapping[str, Any]], Tensor] | None = None
    overlook: Callable[[Mapping[str, Any], dict[str, Any]], None] | None = None
    beside: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The name that the function must have."""
        return self.reference.__name__

    @cached_property
    def solution(self) -> str:
        """The reference's text as a student could write it: without checks, docstring and moves to a GPU."""
        function = inspect.unwrap(self.reference)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        lines = textwrap.dedent(inspect.getsource(function)).splitlines()
        head, first = tree.lineno - 1, tree.body[1].lineno - 1
        signature = lines[head : tree.body[0].lineno - 1]
        body = lines[tree.body[0].end_lineno : first] + lines[first:]
        text = "\n".join([*signature, *body]) + "\n"
        return re.sub(r"\.to\(\w+\.device\)", "", text)

    @cached_property
    def wanted(self) -> list[Sight]:
        """What is seen of the course's own function."""
        return [look(self, self.reference, case, k) for k, case in enumerate(self.cases)]

    @cached_property
    def twins(self) -> list[tuple[Slip, list[Sight]]]:
        """What is seen of the solution with each slip, in each variant, where it comes to an end."""
        found = []
        for slip in self.slips:
            for twin in filter(None, (self.twin(slip, variant=variant) for variant in ((), *self.variants))):
                sights = [look(self, twin, case, k) for k, case in enumerate(self.cases)]
                if all(sight.error is None for sight in sights):
                    found.append((slip, sights))
        return found

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


# ---- looking ------------------------------------------------------------------------------------------------


def look(exercise: Exercise, attempt: Callable, case: Case, turn: int = 0, fits: bool = True, **changed: Any) -> Sight:
    """Call the attempt once (and again, where it draws), and say what was seen.

    Options are given by name at every second turn; never where the attempt's signature does not fit.
    """
    given, leaves = case.arguments(**changed), {}
    parameters = inspect.signature(exercise.reference).parameters.values()
    if not fits:
        given = {p.name: p.default for p in parameters if p.default is not p.empty} | given
    given = {p.name: given[p.name] for p in parameters if p.name in given}
    for name in case.attached:
        leaves[name] = given[name].requires_grad_()
        given[name] = given[name] * 1  # no leaf: to change it in place is a mistake, but no error
    by_name = exercise.optional if turn % 2 and fits else set()
    outcome = call(attempt, given, by_name, set(exercise.may_change))
    sight = Sight(case, effects=outcome.effects, error=outcome.error, printed=outcome.printed)
    if sight.error is not None:
        return sight
    own = attempt is exercise.reference
    wanted = None if own or changed else exercise.wanted[turn]
    beside = exercise.beside(given) if exercise.beside else {}
    sight.raw = beside | _parts(exercise, outcome.returned, sight, wanted and wanted.raw)
    if exercise.overlook and len(sight.raw) == len(exercise.returns):
        exercise.overlook(case.arguments(**changed), sight.raw)
    _compare_kinds(exercise, sight, wanted)
    try:
        _take_gradients(sight, leaves, wanted)
    except RuntimeError as error:
        sight.error = error
    sight.slow = bool(case.seconds) and outcome.seconds > case.seconds
    if sight.slow:
        sight.complaints.append(
            f"It takes {outcome.seconds:.1f} s for {case.examples:,} examples, far too long for what is called so "
            "often: no Python loop over the examples."
        )
    elif exercise.judge and wanted and len(sight.raw) >= len(exercise.returns) and not _overwritten(sight):
        _judge(exercise, attempt, sight, turn)
    return sight


def _overwritten(sight: Sight) -> bool:
    """Whether an argument is: then what else is wrong may follow from it."""
    return any("overwrites" in effect for effect in sight.effects)


def _judge(exercise: Exercise, attempt: Callable, sight: Sight, turn: int) -> None:
    """Complaints about a draw, as far as it has the right shapes."""
    wanted, got = exercise.wanted[turn].raw, {}
    for name in exercise.returns:
        part = sight.raw[name]
        if not isinstance(part, Tensor) or part.shape != wanted[name].shape:
            return
        if wanted[name].dtype == torch.bool and not bool(((part == 0) | (part == 1)).all()):
            return  # places, say, and no mask
        got[name] = part.detach().to(wanted[name].dtype)
    found = list(exercise.judge(sight.case.arguments(), got))
    turned = any(TURNED in complaint for complaint in sight.complaints)
    if turn == 0 and not turned:  # the first case is a large one, where no two draws are the same by chance
        found += _draws(exercise, attempt, sight.case)
    sight.complaints += found


TURNED = "The two are the wrong way round"


def _parts(exercise: Exercise, returned: Any, sight: Sight, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was returned, by name."""
    names = exercise.returns
    if len(names) == 1:
        return {names[0]: returned}
    if returned is None:
        sight.complaints.append("It returns None. Is there a return at the end?")
        return {}
    if not isinstance(returned, tuple | list) or len(returned) != len(names):
        what = f"{len(returned)} things" if isinstance(returned, tuple | list) else kind_of(returned)
        sight.complaints.append(f"Return {len(names)} things, ({', '.join(names)}); got {what}.")
        return {}
    parts = dict(zip(names, returned))
    turned = dict(zip(names, returned[::-1]))

    def fit(parts: Mapping[str, Any]) -> bool:
        kinds = len({_kind(wanted[name]) for name in names}) == 2  # then they are told apart by that
        return all(_fits(part, wanted[name], kinds or name in exercise.drawn) for name, part in parts.items())

    if wanted and not fit(parts) and fit(turned):
        sight.complaints.append(f"{TURNED}: return {names[0]} first, then {names[1]}.")
        return turned
    return parts


def _fits(got: Any, wanted: Any, drawn: bool) -> bool:
    """Whether this could be what is wanted: equal, or for a draw of the same kind and shape."""
    if drawn:
        return _kind(got) == _kind(wanted)
    got, wanted = numbers(got), numbers(wanted)
    return got is not None and got.shape == wanted.shape and close(got, wanted)


def _kind(value: Any) -> tuple:
    """Floating, whole or True and False; and the shape."""
    if not isinstance(value, Tensor):
        return isinstance(value, float), isinstance(value, bool), ()
    return value.is_floating_point(), value.dtype == torch.bool, tuple(value.shape)


def _compare_kinds(exercise: Exercise, sight: Sight, wanted: Sight | None) -> None:
    """Complaints about types and shapes, and the numbers that can be compared."""
    for name, got in sight.raw.items():
        want = wanted.raw[name] if wanted else got
        sight.complaints += misfits(name, got, want, name in exercise.loose)
        value, right = numbers(got), numbers(want)
        if value is None or name in exercise.drawn:
            continue
        sight.values[name] = value.reshape(right.shape) if value.numel() == right.numel() else value


def _take_gradients(sight: Sight, leaves: Mapping[str, Tensor], wanted: Sight | None) -> None:
    """The gradients in the attached arguments. One that is missing is a complaint, and is not compared."""
    attached = [v for v in sight.raw.values() if isinstance(v, Tensor) and v.requires_grad]
    for name, leaf in leaves.items() if attached else ():
        total = sum(value.sum() for value in attached)
        (slope,) = torch.autograd.grad(total, leaf, retain_graph=True, allow_unused=True)
        if slope is not None:
            sight.values[f"gradient in {name}"] = slope.double()
        elif wanted and f"gradient in {name}" in wanted.values:
            sight.complaints.append(f"No gradient reaches `{name}`: it is detached on the way.")


REPEAT = "With generators in the same state it gives different results: something else decides, too."
SAME = (
    "With another seed it gives the very same. Draw from the generator that you are given; do not seed it "
    "(manual_seed, initial_seed) or make one of your own."
)
AGAIN = (
    "Two calls with one generator give the very same: it is seeded anew inside. Only draw from it, and it moves on "
    "by itself."
)


def _draws(exercise: Exercise, attempt: Callable, case: Case) -> Iterator[str]:
    """What must hold of every function that draws from a generator."""
    name = next(name for name, value in case.given.items() if isinstance(value, Seed))

    def drawn(given: Mapping[str, Any], function: Callable = attempt) -> list[Any]:
        returned = function(*given.values())
        parts = dict(zip(exercise.returns, returned if len(exercise.returns) > 1 else (returned,)))
        return [exercise.fate(case.arguments(), parts)] if exercise.fate else [parts[name] for name in exercise.drawn]

    def same(one: Sequence[Any], two: Sequence[Any]) -> bool:
        return all(torch.equal(a, b) for a, b in zip(one, two))

    other = {name: Seed(case.given[name].value + 1)}
    first, again, third = drawn(case.arguments()), drawn(case.arguments()), drawn(case.arguments(**other))
    own = drawn(case.arguments(), exercise.reference), drawn(case.arguments(**other), exercise.reference)
    if not same(first, again):
        yield REPEAT
    if same(*own):  # nothing to draw in this case
        return
    if same(first, third):
        yield SAME
        return
    generator = case.arguments()[name]
    calls_ = [drawn(case.arguments() | {name: generator}) for _ in range(2)]
    if same(*calls_):
        yield AGAIN


# ---- the verdict --------------------------------------------------------------------------------------------


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
        message = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.message)).replace("\n", "<br>")
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
    judged = calls.first_line(attempt)
    judged = f"\nJudged: the function that begins with `{judged}`." if judged else ""
    unfit, hopeless = _unfit(exercise, attempt)
    if hopeless:
        return Verdict(exercise, attempt, "wrong", unfit + judged)
    expected = exercise.wanted  # outside the time that the attempt has
    seen, found = [], []

    def work() -> None:
        for turn, case in enumerate(exercise.cases):
            seen.append(None)  # if it does not come back, the number of cases tells where
            seen[-1] = look(exercise, attempt, case, turn, fits=not unfit)
            if _untouched(seen[-1]):
                return
            if seen[-1].slow:
                break
        found.append([unfit] * bool(unfit) + _findings(exercise, attempt, seen))

    if not calls.in_time(work, calls.LIMIT):
        case = exercise.cases[max(0, len(seen) - 1)]
        message = (
            f"It does not come back: after {calls.LIMIT:.0f} seconds the call with {case.words} was still running. "
            "Does every loop come to an end, and quickly?"
        )
        return Verdict(exercise, attempt, "wrong", message + judged)
    if _untouched(seen[-1]):
        message = (
            "Put your code in place of the raise line, run that cell, then this one. The notebook goes on without it."
        )
        return Verdict(exercise, attempt, "not attempted", message)
    if not found[0]:
        return Verdict(exercise, attempt, "right", f"{len(expected)} cases, all as they should be.{judged}")
    message = "\n".join(found[0])
    message = message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"
    return Verdict(exercise, attempt, "wrong", message + judged)


def _untouched(sight: Sight) -> bool:
    """Whether the stub's raise line still stands. (PyTorch raises NotImplementedError, too.)"""
    return isinstance(sight.error, NotImplementedError) and str(sight.error) == "your turn"


def _unfit(exercise: Exercise, attempt: Callable) -> tuple[str, bool]:
    """Why the course could not call the function as it does, and whether nobody could."""
    try:
        signature = inspect.signature(attempt)
    except (TypeError, ValueError):  # some built-in functions have none
        return "", False
    parameters = inspect.signature(exercise.reference).parameters
    ways = {f"with {len(parameters)} arguments, ({', '.join(parameters)})": (list(parameters), {})}
    if exercise.optional:
        needed = [p.name for p in parameters.values() if p.default is p.empty]
        ways[f"without the defaults, ({', '.join(needed)})"] = needed, {}
        rest = [name for name in parameters if name not in exercise.optional]
        named = listed(f"{name}=…" for name in parameters if name in exercise.optional)
        ways[f"with {named}, by name"] = rest, dict.fromkeys(exercise.optional)
    for way, (positional, named) in ways.items():
        try:
            signature.bind(*positional, **named)
        except TypeError:
            bare = signature.replace(
                parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
                return_annotation=signature.empty,
            )
            return (
                f"The course calls your function {way}, and that fails: yours is {exercise.name}{bare}. Keep the "
                "arguments as they stand in the stub."
            ), len(positional) == len(parameters)
    if list(signature.parameters) != list(parameters) and set(signature.parameters) == set(parameters):
        return f"The arguments stand in another order than in the stub, ({', '.join(parameters)}).", False
    for name, own in signature.parameters.items():
        stub = parameters.get(name, own).default
        if own.default is not own.empty and type(own.default) is type(stub) and own.default != stub:
            return f"`{name}` is {own.default!r} where it is left out. In the stub its default is {stub!r}.", False
    return "", False


def _same(one: Sight, two: Sight) -> bool:
    """The same numbers, or the same kind of error. A gradient that only one of them has is not compared."""
    if one.error is not None or two.error is not None:
        return type(one.error) is type(two.error)
    if {k for k in one.values.keys() ^ two.values.keys() if not k.startswith("gradient")}:
        return False
    pairs = [(k, one.values[k], two.values[k]) for k in one.values.keys() & two.values.keys()]
    rough = one.case.tolerance
    return all(_same_slope(a, b) if k.startswith("gradient") else close(a, b, rough) for k, a, b in pairs)


def _same_slope(one: Tensor, two: Tensor) -> bool:
    """Equal gradients, as far as float32 goes; where in them NaN stand is of no interest."""
    finite = bool(one.isfinite().all()), bool(two.isfinite().all())
    return one.shape == two.shape and (
        torch.allclose(one, two, 1e-3, max(1e-6, 1e-4 * two.abs().max().item())) if all(finite) else not any(finite)
    )


def _alike(twin: Sight, sight: Sight) -> bool:
    """Whether a twin does the same, as far as there is something to compare."""
    missing = {name for name in twin.values if name not in sight.values}
    seen = {name: value for name, value in twin.values.items() if name not in missing}
    return bool(seen) and twin.error is None and _same(Sight(twin.case, values=seen), sight)


def _findings(exercise: Exercise, attempt: Callable, seen: Sequence[Sight]) -> list[str]:
    """Everything that is wrong, in sentences, the most telling first; the smallest example behind it."""
    failed = [s for s in seen if s.error is not None]
    done = [s for s in seen if s.error is None]
    expected = [w for s, w in zip(seen, exercise.wanted) if s.error is None]
    wrong = [(s, w) for s, w in zip(done, expected) if not _same(s, w)]
    found = []
    if failed:
        found.append(f"{calls.said(failed[0].error, attempt)} The call: {failed[0].case.words or 'the first'}.")
    slips = _slips(exercise, seen) if wrong and (not failed or len(done) > 2) else ()
    found += [slip.says for slip in slips]
    found += _once(effect for sight in seen for effect in sight.effects)
    found += _once(complaint for sight in seen for complaint in sight.complaints)[:3]
    found += _reshaped(exercise, seen, bool(slips))
    # A wrong shape or container says all there is to say about numbers that cannot be compared.
    if wrong and all(_comparable(s, w) for s, w in wrong) and not (exercise.judge and found and not slips):
        found += [] if slips else _numbers(exercise, attempt, done, expected, bool(failed))
        found.append(_example(wrong))
    elif wrong and not found:
        found.append(_example(wrong))
    printed = next((s.printed.strip() for s in seen if s.printed.strip()), "")
    if found and printed:
        found.append(f"It printed: {printed[:150]}")
    return found


def _reshaped(exercise: Exercise, seen: Sequence[Sight], named: bool) -> list[str]:
    """What became of a shape that is wrong: of the right numbers, or of those of the solution with a slip in it."""
    for name in set(exercise.returns) - set(exercise.drawn):
        turns = [k for k, (s, w) in enumerate(zip(seen, exercise.wanted)) if _other_shape(s.raw, w.raw, name)]
        for slip, sights in ((None, exercise.wanted), *(() if named else exercise.twins)) if turns else ():
            pairs = [(seen[k].raw[name], sights[k].raw[name]) for k in turns if name in sights[k].raw]
            says = reshaped(pairs) if len(pairs) == len(turns) and (not slip or len(pairs) > 1) else ""
            if says:
                return [slip.says, says] if slip else [says]
    return []


def _other_shape(got: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> bool:
    got, wanted = got.get(name), wanted[name]
    return isinstance(got, Tensor) and isinstance(wanted, Tensor) and got.shape != wanted.shape


def _comparable(sight: Sight, wanted: Sight) -> bool:
    return all(
        k in sight.values and sight.values[k].shape == v.shape or k.startswith("gradient")
        for k, v in wanted.values.items()
    )


def _once(sentences: Iterable[str]) -> list[str]:
    """Each sentence once, whatever numbers are in it."""
    found: dict[str, str] = {}
    for text in sentences:
        found.setdefault(re.sub(r"[\d.\[\], ]+", " ", text), text)
    return list(found.values())


def _numbers(
    exercise: Exercise, attempt: Callable, seen: Sequence[Sight], expected: Sequence[Sight], failed: bool
) -> list[str]:
    """What is wrong with the numbers, if no slips explain it: a relation, a slip and a relation, or how they differ."""
    plain = _relations(seen, expected)
    if plain:
        return plain
    often = sum(not _same(s, w) for s, w in zip(seen, expected)) > len(seen) / 2
    for slip, twin in exercise.twins if often and not failed else ():
        said = _relations(seen, twin)
        if said:
            return [slip.says, *said]
    for slip, twin in () if failed else exercise.twins:
        if _mostly(seen, twin, expected):
            return [slip.says]
    unused = _unused(exercise, attempt)
    return ([unused] if unused else []) + _where(seen, expected)


def _mostly(seen: Sequence[Sight], twin: Sequence[Sight], expected: Sequence[Sight]) -> bool:
    """Whether each number is the twin's or the right one, and most of those that tell the two apart are the twin's."""
    told = slipped = 0
    for sight, other, wanted in zip(seen, twin, expected):
        for name, right in wanted.values.items():
            got, its = sight.values.get(name), other.values.get(name)
            if name.startswith("gradient"):
                continue
            if got is None or its is None or not got.shape == its.shape == right.shape:
                return False
            apart = ~torch.isclose(its, right, 1e-4, 1e-6, equal_nan=True)
            as_twin = torch.isclose(got, its, 1e-4, 1e-6, equal_nan=True)
            if not bool((as_twin | torch.isclose(got, right, 1e-4, 1e-6, equal_nan=True)).all()):
                return False
            told, slipped = told + int(apart.sum()), slipped + int((apart & as_twin).sum())
    return slipped > max(3, 2 * told / 3)


def _slips(exercise: Exercise, seen: Sequence[Sight]) -> tuple[Slip, ...]:
    """The slip, or the two, that give what was seen in every case."""
    for count in (1, 2):
        for slips in itertools.combinations(exercise.slips, count):
            for variant in ((), *exercise.variants):
                twin = exercise.twin(*slips, variant=variant)
                pairs = [(turn, sight) for turn, sight in enumerate(seen) if sight.error is None]
                if twin and all(_alike(look(exercise, twin, sight.case, turn), sight) for turn, sight in pairs):
                    return slips
    return ()


def _relations(seen: Sequence[Sight], expected: Sequence[Sight]) -> list[str]:
    """A sentence for each result that differs, if a relation explains it; nothing unless it does for all of them."""
    found = []
    for name in {name: None for w in expected for name in w.values}:
        pairs = [
            (s.values[name], w.values[name], s.case.examples)
            for s, w in zip(seen, expected)
            if name in s.values and name in w.values
        ]
        alike = _same_slope if name.startswith("gradient") else close
        if all(got.shape == wanted.shape and alike(got, wanted) for got, wanted, _ in pairs):
            continue
        says = relation(pairs)
        if not says and not (name.startswith("gradient") and found):
            return []
        if says and not (name.startswith("gradient") and found):
            found.append(f"The {name} {conjugated(name, says)}.")
    return found


def _unused(exercise: Exercise, attempt: Callable) -> str:
    """An argument that makes no difference to the attempt, though it should in at least two cases."""
    for name in inspect.signature(exercise.reference).parameters:
        found: list[tuple[bool, Any, Any]] = []
        for turn, case in enumerate(exercise.cases):
            value, own = case.given.get(name), exercise.wanted[turn]
            for other in _others(exercise, case, name, value):
                changed = look(exercise, exercise.reference, case, turn, **{name: other})
                if changed.error is None and not _same(own, changed):
                    mine = [look(exercise, attempt, case, turn, **{name: v}) for v in (value, other)]
                    fine = all(s.error is None and s.values for s in mine)
                    found.append((fine and _same(*mine), value, other))
        if len(found) > 2 and all(same for same, *_ in found):
            _, value, other = found[0]
            shown = "" if isinstance(value, Tensor) else f" ({value!r} and {other!r} give the same)"
            return f"Its result does not depend on `{name}`{shown}."
    return ""


def _others(exercise: Exercise, case: Case, name: str, value: Any) -> list[Any]:
    """Other values that the argument could have in this case."""
    if isinstance(value, Tensor) and value.numel() > 1 and name not in case.attached:
        turned = ~value if value.dtype == torch.bool else value.max() - value
        return [value.flip(0), value.roll(1, 0), turned, torch.zeros_like(value)]
    if isinstance(value, float | int | str):
        return list({c.given[name] for c in exercise.cases if type(c.given.get(name)) is type(value)} - {value})[:2]
    return []


def _where(seen: Sequence[Sight], expected: Sequence[Sight]) -> list[str]:
    """In which cases it goes wrong, and in which results."""
    bad = [s for s, w in zip(seen, expected) if not _same(s, w)]
    both = [(n, s.values[n], v) for s, w in zip(seen, expected) for n, v in w.values.items() if n in s.values]
    names = {name for name, got, value in both if not close(got, value)}
    right = [n for n in expected[0].values if n not in names]
    says = []
    if right and not all(n.startswith("gradient") for n in right):
        says.append(f"Right: {listed(right)}. Not right: {listed(sorted(names))}.")
    if len(bad) < len(seen):
        special = [s.case.about for s in bad if s.case.about]
        says.append(
            f"Right in {len(seen) - len(bad)} of {len(seen)} cases"
            + (f". Not right: {'; '.join(special[:3])}." if special else ".")
        )
    for name in sorted(names):
        apart = torch.cat([(got - value).flatten() for n, got, value in both if n == name])
        apart = apart[apart.abs() > 1e-5]
        if apart.numel() > 1 and bool((apart != apart.round()).any()) and bool((apart > 0).all() | (apart < 0).all()):
            says.append(f"What is wrong in the {name} is too {'large' if apart[0] > 0 else 'small'}, everywhere.")
    got = [v for s in bad for n, v in s.values.items() if not n.startswith("gradient")]
    if bad and all(v.isfinite().all() for v in got) and any(v.isnan().any() for s in bad for v in s.values.values()):
        says.append("The value is a number, its gradient is NaN: somewhere on the way 0 · ∞ or 0 / 0 is computed.")
    if any(v.isnan().any() for v in got) and not any(v.isnan().any() for w in expected for v in w.values.values()):
        says.append("NaN comes out: somewhere 0 / 0, ∞ − ∞ or 0 · ∞ is computed.")
    elif any(v.isinf().any() for v in got) and not any(v.isinf().any() for w in expected for v in w.values.values()):
        says.append("Infinity comes out: a division by 0, the log of 0, or exp of a large number.")
    return says or ["It runs, and gives other numbers in every case."]


def _example(wrong: Sequence[tuple[Sight, Sight]]) -> str:
    """The smallest case that goes wrong."""
    sight, wanted = min(wrong, key=lambda pair: pair[0].case.size)
    for name, value in wanted.values.items():
        got = sight.values.get(name)
        if got is not None and got.shape == value.shape and not close(got, value):
            how = differs(name, got, value)
            return f"Smallest example: {sight.case.words or 'the first case'}. {how[0].upper()}{how[1:]}."
    return f"Smallest example: {sight.case.words}."
