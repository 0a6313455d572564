"""What is seen of a function in one call: its results' kinds and numbers, gradients, draws, side effects."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from course_utils.exercises.calls import Seed, call
from course_utils.exercises.differ import close, kind_of, misfits, numbers
from course_utils.exercises.exercise import Case, Exercise, Slip


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
        given[name] = case.through(given[name])  # no leaf: to change it in place is a mistake, but no error
    by_name = exercise.optional if turn % 2 and fits else set()
    outcome = call(attempt, given, by_name, set(exercise.may_change))
    sight = Sight(case, effects=outcome.effects, error=outcome.error, printed=outcome.printed)
    if sight.error is not None:
        return sight
    own = attempt is exercise.reference
    wanted = None if own or changed else right_sights(exercise)[turn]
    beside = exercise.beside(given) if exercise.beside else {}
    sight.raw = beside | _parts(exercise, outcome.returned, sight, wanted.raw if wanted else None)
    if exercise.overlook and len(sight.raw) == len(exercise.returns):
        exercise.overlook(case.arguments(**changed), sight.raw)
    _compare_kinds(exercise, sight, wanted)
    try:
        _take_gradients(sight, leaves, wanted)
    except Exception as error:  # in a backward pass of the student's, too
        sight.error = error
    sight.slow = case.seconds is not None and outcome.seconds > case.seconds
    if sight.slow:
        sight.complaints.append(
            f"It takes {outcome.seconds:.1f} s for {case.examples:,} examples, far too long for what is called so "
            "often: no Python loop over the examples, no table of all pairs of them."
        )
    elif exercise.judge and wanted and len(sight.raw) >= len(exercise.returns) and not _overwritten(sight):
        _judge(exercise, exercise.judge, attempt, sight, turn)
    return sight


def _overwritten(sight: Sight) -> bool:
    """Whether an argument is: then what else is wrong may follow from it."""
    return any("overwrites" in effect for effect in sight.effects)


def _judge(exercise: Exercise, judge: Callable, attempt: Callable, sight: Sight, turn: int) -> None:
    """Complaints about a draw, as far as it has the right shapes."""
    wanted = right_sights(exercise)[turn].raw
    got: dict[str, Any] = {}
    for name in exercise.returns:
        part = sight.raw[name]
        if isinstance(wanted[name], dict):
            if not isinstance(part, dict):
                return
            got[name] = part
            continue
        if not isinstance(part, Tensor) or numbers(part) is None or part.shape != wanted[name].shape:
            return
        if wanted[name].dtype == torch.bool and not bool(((part == 0) | (part == 1)).all()):
            return  # places, say, and no mask
        got[name] = part.detach().to(wanted[name].dtype)
    found = list(judge(sight.case.arguments(), got))
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

    def fit(parts: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        kinds = len({_kind(wanted[name]) for name in names}) == 2  # then they are told apart by that
        return all(_fits(part, wanted[name], kinds or name in exercise.drawn) for name, part in parts.items())

    if wanted and not fit(parts, wanted) and fit(turned, wanted):
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
        if value is None or right is None or name in exercise.drawn:
            continue
        sight.values[name] = value.reshape(right.shape) if value.numel() == right.numel() else value


def _take_gradients(sight: Sight, leaves: Mapping[str, Tensor], wanted: Sight | None) -> None:
    """The gradients in the attached arguments. One that is missing is a complaint, and is not compared."""
    attached = [v for v in sight.raw.values() if isinstance(v, Tensor) and v.requires_grad]
    for name, leaf in leaves.items() if attached else ():
        total = sum((value.sum() for value in attached), torch.zeros(()))
        (slope,) = torch.autograd.grad(total, leaf, retain_graph=True, allow_unused=True)
        if slope is not None:
            sight.values[f"gradient in {name}"] = slope.double()
        elif wanted and f"gradient in {name}" in wanted.values:
            sight.complaints.append(f"No gradient reaches `{name}`: it is detached on the way.")


REPEAT = "With generators in the same state it gives different results: something else decides, too."
CHANGING = "Two calls with the very same arguments give different results. Nothing is random here."
SAME = (
    "With another seed something drawn stays the very same. Draw every random number from the generator that you are "
    "given; do not seed it (manual_seed, initial_seed) or make one of your own."
)
AGAIN = (
    "Two calls with one generator give the very same: it is seeded anew inside. Only draw from it, and it moves on "
    "by itself."
)


def _draws(exercise: Exercise, attempt: Callable, case: Case) -> Iterator[str]:
    """What must hold of every function that draws from a generator; or, without one, is free to choose."""
    name = next((name for name, value in case.given.items() if isinstance(value, Seed)), None)

    def drawn(given: Mapping[str, Any], function: Callable = attempt) -> list[Any]:
        returned = call(function, given, set(), set()).returned  # what it prints was heard the first time
        parts = dict(zip(exercise.returns, returned if len(exercise.returns) > 1 else (returned,)))
        return exercise.fate(case.arguments(), parts) if exercise.fate else [parts[name] for name in exercise.drawn]

    def equal(one: Sequence[Tensor], two: Sequence[Tensor]) -> list[bool]:
        known = [
            (a != -1) & (b != -1) if a.dtype == torch.int64 else torch.ones_like(a).bool() for a, b in zip(one, two)
        ]
        return [torch.equal(a[both], b[both]) for a, b, both in zip(one, two, known)]

    first, again = drawn(case.arguments()), drawn(case.arguments())
    if not all(equal(first, again)):
        yield REPEAT if name else CHANGING
    if not name:
        return
    other = {name: Seed(case.given[name].value + 1)}
    third = drawn(case.arguments(**other))
    own = drawn(case.arguments(), exercise.reference), drawn(case.arguments(**other), exercise.reference)
    if any(mine and not its for mine, its in zip(equal(first, third), equal(*own))):
        yield SAME
        return
    generator = case.arguments()[name]
    twice = [drawn(case.arguments() | {name: generator}) for _ in range(2)]
    if any(mine and not its for mine, its in zip(equal(*twice), equal(*own))):
        yield AGAIN


def same(one: Sight, two: Sight) -> bool:
    """The same numbers, or the same kind of error. A gradient that only one of them has is not compared."""
    if one.error is not None or two.error is not None:
        return type(one.error) is type(two.error)
    if {k for k in one.values.keys() ^ two.values.keys() if not k.startswith("gradient")}:
        return False
    pairs = [(k, one.values[k], two.values[k]) for k in one.values.keys() & two.values.keys()]
    rough = one.case.tolerance
    return all(same_slope(a, b) if k.startswith("gradient") else close(a, b, rough) for k, a, b in pairs)


def same_slope(one: Tensor, two: Tensor) -> bool:
    """Equal gradients, as far as float32 goes; where in them NaN stand is of no interest."""
    finite = bool(one.isfinite().all()), bool(two.isfinite().all())
    return one.shape == two.shape and (
        torch.allclose(one, two, 1e-3, max(1e-6, 1e-4 * two.abs().max().item())) if all(finite) else not any(finite)
    )


def alike(twin: Sight, sight: Sight) -> bool:
    """Whether a twin does the same, as far as there is something to compare."""
    missing = {name for name in twin.values if name not in sight.values}
    seen = {name: value for name, value in twin.values.items() if name not in missing}
    return bool(seen) and twin.error is None and same(Sight(twin.case, values=seen), sight)


def comparable(sight: Sight, wanted: Sight) -> bool:
    """Whether all numbers are there, in the right shapes."""
    return all(
        k in sight.values and sight.values[k].shape == v.shape or k.startswith("gradient")
        for k, v in wanted.values.items()
    )


@cache
def right_sights(exercise: Exercise) -> list[Sight]:
    """What is seen of the course's own function."""
    return [look(exercise, exercise.reference, case, turn) for turn, case in enumerate(exercise.cases)]


@cache
def twins(exercise: Exercise) -> list[tuple[Slip, list[Sight]]]:
    """What is seen of the solution with each slip, in each variant, where it comes to an end."""
    found = []
    for slip in exercise.slips:
        for twin in filter(None, (exercise.twin(slip, variant=variant) for variant in ((), *exercise.variants))):
            sights = [look(exercise, twin, case, turn) for turn, case in enumerate(exercise.cases)]
            if all(sight.error is None for sight in sights):
                found.append((slip, sights))
    return found
