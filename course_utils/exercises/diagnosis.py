"""What is wrong with an attempt, in sentences: a slip, two, a slip and a relation, or how the numbers differ.

The solution is changed as a student might slip until it gives what the attempt gives: that names the mistake.
"""

import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.exercises import calls
from course_utils.exercises.differ import close, conjugated, differs, listed, relation, reshaped
from course_utils.exercises.exercise import Case, Exercise, Slip
from course_utils.exercises.sight import Sight, alike, comparable, look, right_sights, same, same_slope, twins


def findings(exercise: Exercise, attempt: Callable, seen: Sequence[Sight]) -> list[str]:
    """Everything that is wrong, in sentences, the most telling first; the smallest example behind it."""
    failed = [(s.error, s.case) for s in seen if s.error is not None]
    done = [s for s in seen if s.error is None]
    expected = [w for s, w in zip(seen, right_sights(exercise)) if s.error is None]
    wrong = [(s, w) for s, w in zip(done, expected) if not same(s, w)]
    found = []
    if failed:
        error, case = failed[0]  # whose numbers a function could write into its error's text, or print
        found.append(f"{calls.said(error, attempt, not case.hidden)} The call: {case.words or 'the first'}.")
    slips = _slips(exercise, seen) if wrong and (not failed or len(done) > 2) else ()
    found += [slip.says for slip in slips]
    found += _once(effect for sight in seen for effect in sight.effects)
    found += _once(complaint for sight in seen for complaint in sight.complaints)[:3]
    found += _reshaped(exercise, seen, bool(slips))
    # A wrong shape or container says all there is to say about numbers that cannot be compared.
    if wrong and all(comparable(s, w) for s, w in wrong) and not (exercise.judge and found and not slips):
        found += [] if slips else _numbers(exercise, attempt, done, expected, bool(failed))
        found.append(_example(wrong))
    elif wrong and not found:
        found.append(_example(wrong))
    printed = next((s.printed.strip() for s in seen if s.printed.strip() and not s.case.hidden), "")
    if found and printed:
        found.append(f"It printed: {printed[:150]}")
    return list(dict.fromkeys(found))


def _reshaped(exercise: Exercise, seen: Sequence[Sight], named: bool) -> list[str]:
    """What became of a shape that is wrong: of the right numbers, or of those of the solution with a slip in it."""
    for name in set(exercise.returns) - set(exercise.drawn):
        turns = [k for k, (s, w) in enumerate(zip(seen, right_sights(exercise))) if _other_shape(s.raw, w.raw, name)]
        for slip, sights in ((None, right_sights(exercise)), *(() if named else twins(exercise))) if turns else ():
            pairs = [(seen[k].raw[name], sights[k].raw[name]) for k in turns if name in sights[k].raw]
            pairs = [(got, its) for got, its in pairs if got.shape != getattr(its, "shape", None)]
            says = reshaped(pairs) if len(pairs) == len(turns) and (not slip or len(pairs) > 1) else ""
            if says:
                return [slip.says, says] if slip else [says]
    return []


def _other_shape(got: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> bool:
    mine, right = got.get(name), wanted[name]
    return isinstance(mine, Tensor) and isinstance(right, Tensor) and mine.shape != right.shape


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
    names = [
        n for s, w in zip(seen, expected) for n, v in w.values.items() if n in s.values and not close(s.values[n], v)
    ]
    if names and all(name.startswith("gradient") for name in names):
        return ["The values are right, the gradient is not: a part is detached that should not be, or should be."]
    plain = _relations(seen, expected)
    if plain:
        return plain
    often = sum(not same(s, w) for s, w in zip(seen, expected)) > len(seen) / 2
    for slip, twin in twins(exercise) if often and not failed else ():
        said = _relations(seen, twin)
        if said:
            return [slip.says, *said]
    for slip, twin in () if failed else twins(exercise):
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
                if twin and all(alike(look(exercise, twin, sight.case, turn), sight) for turn, sight in pairs):
                    return slips
    return ()


def _relations(seen: Sequence[Sight], expected: Sequence[Sight]) -> list[str]:
    """A sentence for each result that differs, if a relation explains it; nothing unless it does for all of them."""
    found: list[str] = []
    for name in {name: None for w in expected for name in w.values}:
        pairs = [
            (s.values[name], w.values[name], s.case.examples)
            for s, w in zip(seen, expected)
            if name in s.values and name in w.values
        ]
        equal = same_slope if name.startswith("gradient") else close
        if all(got.shape == wanted.shape and equal(got, wanted) for got, wanted, _ in pairs):
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
            value: Any = case.given.get(name)
            own = right_sights(exercise)[turn]
            for other in _others(exercise, case, name, value):
                changed = look(exercise, exercise.reference, case, turn, **{name: other})
                if changed.error is None and not same(own, changed):
                    mine = [look(exercise, attempt, case, turn, **{name: v}) for v in (value, other)]
                    fine = all(s.error is None and s.values for s in mine)
                    found.append((fine and same(*mine), value, other))
        if len(found) > 2 and all(unmoved for unmoved, *_ in found):
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
        others = dict.fromkeys(c.given[name] for c in exercise.cases if type(c.given.get(name)) is type(value))
        return [other for other in others if other != value][:2]
    return []


def _where(seen: Sequence[Sight], expected: Sequence[Sight]) -> list[str]:
    """In which cases it goes wrong, and in which results."""
    bad = [s for s, w in zip(seen, expected) if not same(s, w)]
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
    if any(s.complaints for s in bad):
        return says
    if any(v.isnan().any() for v in got) and not any(v.isnan().any() for w in expected for v in w.values.values()):
        says.append("NaN comes out: somewhere 0 / 0, ∞ − ∞ or 0 · ∞ is computed.")
    elif any(v.isinf().any() for v in got) and not any(v.isinf().any() for w in expected for v in w.values.values()):
        says.append("Infinity comes out: a division by 0, the log of 0, or exp of a large number.")
    return says or ["The numbers differ in every case."]


def _example(wrong: Sequence[tuple[Sight, Sight]]) -> str:
    """The smallest case that goes wrong."""
    sight, wanted = min(wrong, key=lambda pair: pair[0].case.size)
    if sight.case.hidden:
        return f"It goes wrong, for one, here: {sight.case.words}."
    for name, value in wanted.values.items():
        got = sight.values.get(name)
        if got is not None and got.shape == value.shape and not close(got, value):
            how = differs(name, got, value)
            return f"Smallest example: {sight.case.words or 'the first case'}. {how[0].upper()}{how[1:]}."
    return f"Smallest example: {sight.case.words}."
