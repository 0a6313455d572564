"""What one reader's own runs have left behind: exercises, predictions, results and verdicts, in one small file.

The file is `work/my_course.json`, or what the environment variable COURSE_RECORD names; "off" keeps nothing beyond
the running kernel. It is sent nowhere, git ignores it, and deleting it begins anew. It never stops a page: what cannot
be read is set aside, what cannot be written is said once and kept until the kernel ends.
"""

import contextlib
import json
import math
import os
import random
import shutil
from collections.abc import Callable, Sequence
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from course_utils import folder

WORK = folder.ROOT / "work"  # the reader's own folder, which git ignores
OWN = WORK / "my_course.json"
BEFORE = folder.ROOT / "notebooks" / "my_course.json"  # where it was before there was `work/`
ABOUT = "What you solved, predicted and measured in this course. It stays on this computer. Delete it to begin anew."
SECTIONS = ("exercises", "predictions", "results", "verdicts")
STATES = ("right", "wrong", "not attempted")  # of an exercise
LARGEST = 10_000_000  # bytes of a record that `load` reads; a whole course leaves some 50,000
FACTORS = ("×", "times", "")  # units of numbers that compare two things: 1 says that they are alike
# Of each file, the changes that could not be written yet, and what has been said of it.
_waiting: dict[Path | None, list[Callable[[dict], None]]] = {}
_said: set[str] = set()


class Kept(NamedTuple):
    """A prediction and what was measured.

    Args:
        of: the name under which it is kept, unique in the course: "01 training error after 10 epochs".
        value: a share in [0, 1] if the unit is "%", another number (of a range, its middle), or a name.
        low, high: the range that was given, in the unit of `value`; `None` where it was no range.
        unit: "%" for shares, "points", "×", …; "" for a name or a bare number.
        measured: one number a run, in the unit of `value`; or a name. Empty before the measurement.
        among: of how many names the answer is one; 0 for numbers.
    """

    of: str
    value: float | str
    low: float | None = None
    high: float | None = None
    unit: str = "%"
    measured: tuple[float, ...] | str = ()
    among: int = 0

    @property
    def kind(self) -> str:
        """What was asked for: "name", "share", "points", "factor" or "count"."""
        if isinstance(self.value, str):
            return "name"
        return {"%": "share", "points": "points"}.get(self.unit, "factor" if self.unit in FACTORS else "count")

    @property
    def truth(self) -> float | str:
        """What was measured: the mean of all runs, or the name."""
        if isinstance(self.measured, str):
            return self.measured
        return math.fsum(self.measured) / len(self.measured)

    @property
    def held(self) -> bool | None:
        """Whether the range holds the truth; `None` where no range was given."""
        if self.low is None or self.high is None or isinstance(self.truth, str):
            return None
        return self.low <= self.truth <= self.high

    @property
    def miss(self) -> float:
        """How far the guess is from the truth: in points for a share and for points, 0 or 1 (wrong) for a name, and
        for other numbers the factor between the two, at least 1."""
        return float(self.value != self.truth) if isinstance(self.value, str) else self._off(self.value)

    @property
    def coin_miss(self) -> float:
        """The same for who knows nothing: a share of 50 %, no difference (0 points, × 1), a name drawn at random
        (which is wrong that often); NaN for a count, of which nobody knows nothing."""
        if self.kind == "name":
            return 1 - 1 / self.among
        return math.nan if self.kind == "count" else self._off({"share": 0.5, "points": 0.0, "factor": 1.0}[self.kind])

    @property
    def said(self) -> str:
        """The guess in words: "60 to 80 %", "3 points", "mixup"."""
        if self.low is None or self.high is None:
            return written(self.value, self.unit)
        return f"{number(self.low, self.unit)} to {written(self.high, self.unit)}"

    def _off(self, guess: float) -> float:
        truth = self.truth
        if isinstance(truth, str):
            raise TypeError(f"a number was predicted, and {truth!r} measured")
        if self.kind in ("share", "points"):
            return (100 if self.kind == "share" else 1) * abs(guess - truth)
        return max(guess / truth, truth / guess) if guess > 0 < truth else math.inf


def _demand(fits: object, name: str, wanted: str, given: object) -> None:
    if not fits:
        raise ValueError(f"{name} must be {wanted}, got {given!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def number(value: float, unit: str) -> str:
    """A number without its unit: a share (unit "%") in percent, three digits, or all those before the point."""
    _demand(_is_number(value), "value", "a number", value)
    _demand(isinstance(unit, str), "unit", 'a text, such as "%"', unit)
    value = 100 * value if unit == "%" else value
    text = f"{value:.3g}" if abs(value) < 1_000 else f"{value:,.0f}"
    return text.replace("-", "−")


def written(value: float | str, unit: str) -> str:
    """A number with its unit, or a name."""
    _demand(isinstance(unit, str), "unit", 'a text, such as "%"', unit)
    return value if isinstance(value, str) else f"{number(value, unit)} {unit}".rstrip()


def checked(exercise: str, chapter: str, state: str) -> None:
    """Keep what a check found: the latest one that found an attempt. (A page run anew with its stub, or with the
    course's own function in its place, does not take an answer back.)

    Args:
        exercise: its name, such as "mixup".
        chapter: the chapter it stands in, such as "03_mixup".
        state: "right", "wrong" or "not attempted".

    Raises:
        ValueError: another state, which would make the file a damaged one.
    """
    _demand(isinstance(exercise, str), "exercise", "a name", exercise)
    _demand(isinstance(chapter, str), "chapter", 'a chapter\'s name, such as "03_mixup"', chapter)
    _demand(state in STATES, "state", f"one of {', '.join(STATES)}", state)

    def change(content: dict) -> None:
        if state != "not attempted" or exercise not in content["exercises"]:
            content["exercises"][exercise] = {"chapter": chapter, "state": state}

    _change(change)


def guessed(guess: Kept) -> Kept:
    """Keep a guess, and give the one that counts: an earlier one that has been measured is not replaced."""
    _check_guess(guess)

    def change(content: dict) -> None:
        if not content["predictions"].get(guess.of, {}).get("measured"):
            content["predictions"][guess.of] = _row(guess)

    return _kept(guess.of, _change(change)["predictions"][guess.of])


def _check_guess(guess: Kept) -> None:
    known = isinstance(guess, Kept) and isinstance(guess.of, str) and isinstance(guess.unit, str)
    _demand(known, "guess", "a Kept with a name and a unit", guess)
    _demand(isinstance(guess.value, str) or _is_number(guess.value), "guess", "a number or a name", guess)
    seen = guess.measured
    fits = isinstance(seen, str) or all(map(_is_number, seen))
    _demand(fits, "guess", "a Kept whose `measured` are numbers or a name", guess)


def measured(guess: Kept) -> None:
    """Keep the measurement, the latest one, with the guess that counts (see `guessed`)."""
    _check_guess(guess)

    def change(content: dict) -> None:
        content["predictions"].setdefault(guess.of, _row(guess))["measured"] = _row(guess)["measured"]

    _change(change)


def judged(claim: str, of: int | None, verdict: str, stored: bool = False) -> None:
    """Keep the verdict of a claim, the latest one.

    Args:
        claim: its name, such as "Claim 1, first half".
        of: the number of the lecture's claim; `None` for a finding of the course.
        verdict: in words.
        stored: it was judged by stored runs and not by the reader's own.
    """
    _demand(isinstance(claim, str), "claim", "a name", claim)
    _demand(of is None or isinstance(of, int), "of", "the number of a claim, or None", of)
    _demand(isinstance(verdict, str), "verdict", "a sentence", verdict)
    name = f"{claim}, stored runs" if stored else claim
    row = {"of": of, "verdict": verdict, "stored": stored}
    _change(lambda content: content["verdicts"].update({name: row}))


def results(of: str, rows: dict[str, dict[str, Sequence[float]]]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Keep a chapter's rows of the results table, and give all there are so far.

    Args:
        of: which network was measured, in words.
        rows: for each method, for each measure, one number a seed. What was there of the same name is replaced.

    Returns:
        for each network its methods, for each method its measures.
    """
    _demand(isinstance(of, str), "of", "a name", of)
    try:
        new = {method: {key: _rounded(values) for key, values in row.items()} for method, row in rows.items()}
    except (TypeError, ValueError, AttributeError):
        raise ValueError(f"rows must be lists of numbers by measure by method, got {rows!r}") from None

    def change(content: dict) -> None:
        methods = content["results"].setdefault(of, {})
        for method, row in new.items():
            methods.setdefault(method, {}).update(row)

    return _change(change)["results"]


def exercises() -> dict[str, dict[str, str]]:
    """For each exercise that was checked, by its name, its `chapter` and its `state` (see `checked`)."""
    return _content()["exercises"]


def predictions() -> list[Kept]:
    """The predictions that have been measured, in the order of their names: chapter by chapter."""
    return [one for one in _guesses(_content()) if one.measured]


def verdicts(of: int | None = None, stored: bool = False) -> dict[str, str]:
    """For each claim that the reader's own runs have judged, by its name, the verdict.

    Args:
        of: only those of this claim of the lecture.
        stored: those that stored runs have judged instead.
    """
    _demand(of is None or isinstance(of, int), "of", "the number of a claim, or None", of)
    rows = _content()["verdicts"]
    wanted = [name for name in sorted(rows) if of in (None, rows[name]["of"]) and rows[name]["stored"] == stored]
    return {name: rows[name]["verdict"] for name in wanted}


def example() -> list[Kept]:
    """What an invented reader has predicted of invented questions: somewhat too sure, as most of us are."""
    draw = random.Random(8)
    kept = []
    for place in range(1, 29):
        truth = draw.uniform(0.03, 0.97)
        guess = min(1.0, max(0.0, round(truth + draw.gauss(0, 0.18), 2)))
        reach = draw.choice((None, None, 0.05, 0.1, 0.15))
        low, high = (None, None) if reach is None else (max(0.0, guess - reach), min(1.0, guess + reach))
        kept.append(Kept(f"invented share {place}", guess, low, high, "%", (truth,)))
    for place in range(1, 15):
        truth = draw.gauss(4, 8)
        kept.append(Kept(f"invented difference {place}", round(truth + draw.gauss(0, 7)), unit="points",
                         measured=(truth,)))  # fmt: skip
    for place in range(1, 6):
        truth = 2 ** draw.gauss(1, 1)
        guess = round(truth * 2 ** draw.gauss(0, 1), 1)
        kept.append(Kept(f"invented factor {place}", guess, unit="×", measured=(truth,)))
    for place in range(1, 11):
        said = draw.choice(("the first", "the first", "the second"))
        kept.append(Kept(f"invented choice {place}", said, unit="", measured="the first", among=3))
    return kept


def path() -> Path | None:
    """Where the record is: in `work/`, wherever a notebook is started; `None` if there is none."""
    named = os.environ.get("COURSE_RECORD")
    if named == "off":
        return None
    if named or folder.is_here():
        return Path(named) if named else OWN
    _say(f"Your record is kept until the kernel ends, and not longer: {folder.NOT_HERE}.")
    return None


class Loaded(NamedTuple):
    """What is in somebody's record: see `exercises`, `Kept` (here also those not measured yet) and `verdicts`."""

    exercises: dict[str, dict[str, str]]
    predictions: list[Kept]
    verdicts: dict[str, str]


def load(file: Path) -> Loaded:
    """Read a record, one's own or a student's, and leave the file as it is.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no record of this course, a damaged one, or one far too large.
    """
    _demand(isinstance(file, Path), "file", "a pathlib.Path", file)
    if file.exists() and not file.is_file():  # a folder, or a device that never ends
        raise ValueError("no record of this course: it is no ordinary file")
    if file.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST // 1_000_000} MB, so no record of this course")
    try:
        content = _parsed(file.read_text(encoding="utf-8-sig"), strict=True)
    except NOT_A_RECORD:
        raise ValueError("no record of this course, or a damaged one") from None
    own = {name: row["verdict"] for name, row in sorted(content["verdicts"].items()) if not row["stored"]}
    return Loaded(content["exercises"], _guesses(content), own)


def _guesses(content: dict) -> list[Kept]:
    """In the order of their names."""
    rows = content["predictions"]
    return [_kept(of, rows[of]) for of in sorted(rows)]


def _kept(of: str, row: dict) -> Kept:
    seen = row["measured"]
    return Kept(of, **row | {"measured": seen if isinstance(seen, str) else tuple(seen)})


def _row(guess: Kept) -> dict:
    """As it is written: everything but its name."""
    row = guess._asdict()
    del row["of"]
    numbers = {key: _rounded([row[key]])[0] for key in ("value", "low", "high") if isinstance(row[key], float | int)}
    seen = row["measured"]
    return row | numbers | {"measured": seen if isinstance(seen, str) else _rounded(seen)}


def _rounded(values: Sequence[float]) -> list[float]:
    """Six digits: they shall be read."""
    return [float(f"{float(value):.6g}") for value in values]


def _content() -> dict:
    """What is in the file, with what could not be written yet."""
    file = path()
    content = _parsed("{}")
    if file is not None and (file.exists() or (file == OWN and BEFORE.exists())):
        try:
            with contextlib.ExitStack() as lock:
                with contextlib.suppress(OSError, NotImplementedError):  # a folder that can only be read
                    lock.enter_context(_locked(file))
                content = _read(file)
        except OSError as error:
            _say(f"Your record {file} cannot be read ({error.strerror or error}). The page goes on without it.")
    for change in _waiting.get(file, ()):
        change(content)
    return content


def _change(change: Callable[[dict], None]) -> dict:
    """Read, change and write in one go, so that two notebooks lose nothing of each other's; gives what is then there.
    A change that cannot be written waits for the next one."""
    file = path()
    waiting = _waiting.setdefault(file, [])
    waiting.append(change)
    if file is None:
        return _content()
    try:
        with _locked(file):
            content = _read(file)
            for each in waiting:
                each(content)
            _write(file, content)
    except (OSError, NotImplementedError) as error:
        _say(
            f"Your record {file} cannot be written ({getattr(error, 'strerror', None) or error}). The page goes on; "
            "what it keeps is there until the kernel ends."
        )
        return _content()
    waiting.clear()
    return content


def _locked(file: Path) -> FileLock:
    file.parent.mkdir(exist_ok=True)
    return FileLock(file.with_name(f".{file.name}.lock"), timeout=3)


def _read(file: Path) -> dict:
    """The file's content, empty where there is none. A damaged file is set aside, and said."""
    if file == OWN and BEFORE.exists() and not file.exists():
        shutil.move(BEFORE, file)  # not copied: who deletes the new one later wants to begin anew
    try:
        return _parsed(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return _parsed("{}")
    except NOT_A_RECORD:
        pass
    names = (file.with_name(f"{file.stem}.damaged{copy or ''}{file.suffix}") for copy in range(1_000))
    aside = next(name for name in names if not name.exists())
    file.rename(aside)
    print(f"Your record {file.name} was damaged. It is now called {aside.name}, and a new one begins.")
    return _parsed("{}")


# What reading something else as a record may raise.
NOT_A_RECORD = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)


def _parsed(text: str, strict: bool = False) -> dict:
    """The sections of a record; if `strict`, it must have one.

    Raises:
        NOT_A_RECORD: it is none.
    """
    found = json.loads(text)
    if strict and not set(SECTIONS) & set(found):
        raise ValueError("another JSON file")
    content = {section: dict(found.get(section, {})) for section in SECTIONS}
    for of, row in content["predictions"].items():
        kept = _kept(of, row)
        _ = kept.said  # a word in place of a number would stop the page later
        if kept.measured:
            _ = kept.miss, kept.coin_miss, kept.held
    for methods in content["results"].values():
        for row in methods.values():
            row.update({key: [float(value) for value in values] for key, values in row.items()})
    if not all(isinstance(row["verdict"], str) and {"of", "stored"} < set(row) for row in content["verdicts"].values()):
        raise ValueError("a verdict is a sentence")
    if not all(isinstance(row["chapter"], str) and row["state"] in STATES for row in content["exercises"].values()):
        raise ValueError("an exercise stands in a chapter and is right, wrong or not attempted")
    return content


def _write(file: Path, content: dict) -> None:
    """Whole or not at all; a line for each exercise, prediction, network and verdict."""

    def block(section: str) -> str:
        rows = (f"  {_json(name)}: {_json(row)}" for name, row in content[section].items())
        return f" {_json(section)}: {{\n" + ",\n".join(rows) + "\n }"

    text = f'{{\n "about": {_json(ABOUT)},\n' + ",\n".join(map(block, SECTIONS)) + "\n}\n"
    folder.write(file, text.encode())


def _json(thing: object) -> str:
    return json.dumps(thing, ensure_ascii=False)


def _say(sentence: str) -> None:
    """Once in a kernel."""
    if sentence not in _said:
        _said.add(sentence)
        print(sentence)
