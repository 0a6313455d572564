"""How an exercise is checked: by what your function does, next to what the course's own does.

Both are called on the same small cases. What comes back is judged three times, each for itself: its kind (type, shape,
graph), its numbers, and what else the call did (side effects).
"""

import html
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

from course_utils.exercises import calls
from course_utils.exercises.diagnosis import findings
from course_utils.exercises.differ import listed
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.sight import Sight, look, right_sights

LONGEST = 900  # characters of a message


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
        message = re.sub(r"<br>(Judged: .*)$", r'<br><small style="color: #666">\1</small>', message)
        name = self.exercise.name
        shown = f'Run <code>exercises.solution("{name}")</code> in a new cell: it shows the course\'s own source.'
        folds = {
            "Hint 1": html.escape(self.exercise.hints[0]),
            "Hint 2": html.escape(self.exercise.hints[1]),
            "Solution": shown,
        }
        if self.state == "right":
            folds = {"Compare with the course's own": shown}
        folded = "".join(f"<details><summary>{head}</summary>{text}</details>" for head, text in folds.items())
        return (
            f'<div style="border-left: 6px solid {colour}; padding: 0.4em 1em; line-height: 1.5">'
            f"<b>{sign} <code>{name}</code>: {self.state}.</b> {message}"
            f"{folded}</div>"
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
    judged = f"\nJudged: the function that begins with `{judged}`" if judged else ""
    unfit, hopeless = _unfit(exercise, attempt)
    if hopeless:
        return Verdict(exercise, attempt, "wrong", unfit[:LONGEST] + judged)
    expected = right_sights(exercise)  # outside the time that the attempt has
    seen: list[Sight] = []
    found: list[list[str]] = []

    def work() -> None:
        for turn, case in enumerate(exercise.cases):
            seen.append(Sight(case))  # if it does not come back, the number of cases tells where
            seen[-1] = look(exercise, attempt, case, turn, fits=not unfit)
            if _untouched(seen[-1]):
                return
            if seen[-1].slow:
                break

    def judge() -> None:
        found.append([unfit] * bool(unfit) + findings(exercise, attempt, seen))

    try:
        came_back = calls.in_time(work, calls.LIMIT)
        told = came_back and not _untouched(seen[-1]) and calls.in_time(judge, calls.LIMIT)
    except Exception as error:  # whatever a student may return, the page goes on
        message = f"The check can make nothing of what comes back: {type(error).__name__}, {str(error)[:200]}."
        return Verdict(exercise, attempt, "wrong", message + judged)
    if not came_back:
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
    if not told:
        found = [["It gives other results, but to find out how took too long."]]
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
    ways: dict[str, tuple[list[str], dict[str, None]]]
    ways = {f"with {len(parameters)} arguments, ({', '.join(parameters)})": (list(parameters), {})}
    if exercise.optional:
        needed = [p.name for p in parameters.values() if p.default is p.empty]
        ways[f"without the defaults, ({', '.join(needed)})"] = needed, {}
        rest = [name for name in parameters if name not in exercise.optional]
        options = listed(f"{name}=…" for name in parameters if name in exercise.optional)
        ways[f"with {options}, by name"] = rest, dict.fromkeys(exercise.optional)
    for way, (positional, named) in ways.items():
        try:
            signature.bind(*positional, **named)
        except TypeError:
            bare = signature.replace(
                parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
                return_annotation=signature.empty,
            )
            shown = re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(bare))
            return (
                f"The course calls your function {way}, and that fails: yours is {exercise.name}{shown}. Keep the "
                "arguments as they stand in the stub."
            ), len(positional) == len(parameters)
    if list(signature.parameters) != list(parameters) and set(signature.parameters) == set(parameters):
        return f"The arguments stand in another order than in the stub, ({', '.join(parameters)}).", False
    for name, own in signature.parameters.items():
        stub = parameters.get(name, own).default
        if own.default is not own.empty and type(own.default) is type(stub) and own.default != stub:
            return f"`{name}` is {own.default!r} where it is left out. In the stub its default is {stub!r}.", False
    return "", False
