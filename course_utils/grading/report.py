"""A reader's progress on one page, and a class's: `python -m course_utils.grading report`.

It reads records (`course_utils.record`) and the course's chapters, runs nothing, and needs no network: neither to write
the page nor to look at it.
"""

import ast
import html
import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

from course_utils import copies, record
from course_utils.notebooks import find
from course_utils.record import Kept, Loaded

SIGNS = {"right": "✓ right", "wrong": "✗ wrong", "not attempted": "○ not attempted"}
LONGEST = 120  # characters of a cell: what stands in a record is written by whoever owns it
NO_GRADE = "A record is a plain file that its owner can edit. This page shows progress; it is no proof, and no grade."

Cell = str | tuple[str, str]  # a text, or a text and how it looks: "right", "wrong", "quiet" or "count"


class Chapter(NamedTuple):
    """What a chapter asks for.

    Args:
        name: such as "03_mixup".
        title: such as "03 · Mixup".
        exercises, questions, claims: names as they stand in a record, in the page's order; of the claims those that
            the reader's own runs judge.
    """

    name: str
    title: str
    exercises: list[str]
    questions: list[str]
    claims: list[str]


@cache
def chapters() -> list[Chapter]:
    """All chapters, read from the course's own notebooks."""
    found = []
    for path in find([]):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        title = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
        chapter = Chapter(path.stem, title, [], [], [])
        for cell in cells:
            if cell["cell_type"] == "code":
                _asked("".join(cell["source"]), chapter)
        found.append(chapter)
    return found


def _asked(code: str, chapter: Chapter) -> None:
    """Add what a cell asks for."""
    nodes = list(ast.walk(ast.parse(code)))
    texts = {ast.unparse(node.targets[0]): node.value for node in nodes if isinstance(node, ast.Assign)}
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        what = ast.unparse(call.func)
        if what == "exercises.check":
            chapter.exercises.append(ast.unparse(call.args[0]))
        elif what == "predict":
            of = [key.value for key in call.keywords if key.arg == "of"]  # a text, or the name of one
            chapter.questions.extend(ast.literal_eval(texts.get(ast.unparse(each), each)) for each in of)
        elif what in ("Claim", "claims.Claim") and "card(stored=True)" not in code:
            chapter.claims.append(ast.literal_eval(call.args[0]))


def write(file: Path | None, page: Path | None = None) -> str:
    """Write one reader's page.

    Args:
        file: the record; `None` where it is switched off.
        page: where the page goes; "my_report.html" in the reader's own folder if `None`.

    Returns:
        what to print: a summary, and where the page is.

    Raises:
        ValueError: the record cannot be read, or the page not written; says why.
    """
    if file is None:
        raise ValueError("COURSE_RECORD is “off”, so nothing was kept. Without it, the chapters keep what you do.")
    course = chapters()
    found = Loaded({}, [], {}) if not file.exists() else _loaded(file)
    kept = len(found.exercises) + len(found.predictions) + len(found.verdicts)
    first = "Nothing is kept yet. Open the first chapter (make lab), run a page, make a prediction, check an exercise."
    said = _summary(course, found) if kept else [first]
    written = f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M}" if kept else ""
    parts = [f"<p>{html.escape(line)}</p>" for line in said]
    if kept:
        parts += [_overview(course, found), *(_chapter(one, found) for one in course), _others(course, found)]
        parts.append(f'<p class="quiet">The record was last changed on {written}. An exercise stands as its check last '
                     f"found it, a prediction as you first made it. {NO_GRADE}</p>")  # fmt: skip
    page = page or copies.WORK / "my_report.html"
    _write(page, "Your course so far", parts)
    return "\n".join([*said, f"The page: {page}"])


def write_class(paths: Sequence[Path], page: Path | None = None) -> str:
    """Write one page for many records, one row a student.

    Args:
        paths: the records, or folders: in these, every "my_course.json" at any depth.
        page: where the page goes; "class_report.html" in the reader's own folder if `None`.

    Returns:
        what to print: how many records there are, what could not be read, and where the page is.

    Raises:
        ValueError: there is no record that can be read, or the page cannot be written; says why.
    """
    files = [file for path in paths for file in (sorted(path.rglob("my_course.json")) if path.is_dir() else [path])]
    if not files:
        raise ValueError(f"no my_course.json in {', '.join(map(str, paths))}")
    course = chapters()
    rows, failed = [], []
    for name, file in sorted(zip(_names(files), files)):
        try:
            rows.append(_rows(name, course, _loaded(file)))
        except ValueError as error:
            failed.append(str(error))
            unread: list[Cell] = [name, ("not read: see below", "wrong")]
            rows.append((unread, unread))
    if len(failed) == len(files):
        raise ValueError(f"none of {len(files)} records could be read: {'; '.join(failed)}")
    page = page or copies.WORK / "class_report.html"
    numbers = [one.name[:2] for one in course]
    parts = [
        f'<p class="quiet">{NO_GRADE} What counts is what is handed in and checked again.</p>',
        _table("Exercises right, by chapter", ["student", "all", "wrong", *numbers], [row[0] for row in rows]),
        _table(
            "Predictions made, by chapter", ["student", "all", "ranges that held", *numbers], [row[1] for row in rows]
        ),
        *(f"<p>{html.escape(line)}</p>" for line in failed),
    ]
    _write(page, "The class so far", parts)
    return "\n".join([f"{len(files)} records, {len(files) - len(failed)} read.", *failed, f"The page: {page}"])


def _loaded(file: Path) -> Loaded:
    try:
        return record.load(file)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file} is {error}") from None


def _names(files: Sequence[Path]) -> list[str]:
    """What tells the files apart: their paths without what all begin and end with."""
    parts = [file.resolve().with_suffix("").parts for file in files]
    front = len(os.path.commonprefix(parts))
    back = len(os.path.commonprefix([part[::-1] for part in parts]))
    return ["/".join(part[front : len(part) - back]) or "/".join(part[-2:-1]) for part in parts]


def _count(done: Callable[[str], bool], names: Iterable[str]) -> tuple[int, int]:
    """How many are done, of how many."""
    marks = [done(name) for name in names]
    return sum(marks), len(marks)


def _counts(chapter: Chapter, found: Loaded) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Exercises right, predictions made and claims judged, each of how many."""
    guessed = {one.of for one in found.predictions}
    return (
        _count(lambda name: _state(name, found) == "right", chapter.exercises),
        _count(guessed.__contains__, chapter.questions),
        _count(found.verdicts.__contains__, chapter.claims),
    )


def _state(exercise: str, found: Loaded) -> str:
    return found.exercises.get(exercise, {"state": "not attempted"})["state"]


def _of(count: tuple[int, int]) -> str:
    return f"{count[0]} of {count[1]}"


def _cell(count: tuple[int, int]) -> Cell:
    return (_of(count), "count") if count[1] else ("none asked", "quiet")


def _totals(course: Sequence[Chapter], found: Loaded) -> list[tuple[int, int]]:
    each = [_counts(one, found) for one in course]
    return [(sum(one[0] for one in kind), sum(one[1] for one in kind)) for kind in zip(*each)]


def _ranges(found: Loaded) -> tuple[int, int]:
    held = [one.held for one in found.predictions if one.measured and one.held is not None]
    return sum(held), len(held)


def _rows(name: str, course: Sequence[Chapter], found: Loaded) -> tuple[list[Cell], list[Cell]]:
    """One student in the class's two tables: exercises and predictions."""
    exercises, predictions, _ = _totals(course, found)
    wrong, _ = _count(lambda name: _state(name, found) == "wrong", [name for one in course for name in one.exercises])
    each = [_counts(one, found) for one in course]
    return (
        [name, _cell(exercises), str(wrong), *(_cell(one[0]) for one in each)],
        [name, _cell(predictions), (_of(_ranges(found)), "count"), *(_cell(one[1]) for one in each)],
    )


def _summary(course: Sequence[Chapter], found: Loaded) -> list[str]:
    """How far, and how well predicted, in sentences."""
    exercises, predictions, claims = _totals(course, found)
    lines = [
        f"Exercises right: {_of(exercises)}. Predictions made: {_of(predictions)}. "
        f"Claims and findings judged by your own runs: {_of(claims)}."
    ]
    measured = [one for one in found.predictions if one.measured]
    shares = [one for one in measured if one.kind == "share"]
    names = [one for one in measured if one.kind == "name"]
    ranges = _ranges(found)
    if shares:
        miss, coin = (median(getattr(one, of) for one in shares) for of in ("miss", "coin_miss"))
        lines.append(
            f"Shares that you predicted: {len(shares)}. Half of them were less than {miss:.1f} points off; for who "
            f"says 50 % each time it would be {coin:.1f}."
        )
    if ranges[1]:
        lines.append(f"Of your {ranges[1]} ranges, {ranges[0]} held what was measured.")
    if names:
        by_chance = sum(1 - one.coin_miss for one in names)
        right = sum(one.miss == 0 for one in names)
        lines.append(f"Of {len(names)} choices, {right} were right; drawn at random, about {by_chance:.0f} would be.")
    return lines


def _overview(course: Sequence[Chapter], found: Loaded) -> str:
    rows = [[one.title, *map(_cell, _counts(one, found))] for one in course]
    rows.append(["all", *map(_cell, _totals(course, found))])
    return _table("Chapter by chapter", ["chapter", "exercises right", "predictions made", "claims judged"], rows)


def _chapter(chapter: Chapter, found: Loaded) -> str:
    guesses = {one.of: one for one in found.predictions}
    exercises = [[name, _marked(_state(name, found))] for name in chapter.exercises]
    claims = [[name, found.verdicts.get(name, ("not judged yet", "quiet"))] for name in chapter.claims]
    tables = [
        _table("Exercises", ["exercise", "state"], exercises),
        _table("Predictions", GUESSES, [_guess(of, guesses.get(of)) for of in chapter.questions]),
        _table("Claims and findings", ["claim or finding", "on your own runs"], claims),
    ]
    return f"<section><h2>{html.escape(chapter.title)}</h2>\n" + "\n".join(tables) + "</section>"


def _others(course: Sequence[Chapter], found: Loaded) -> str:
    """What a record holds of exercises, questions and claims that this version of the course does not have."""
    known = {name for one in course for names in one[2:] for name in names}
    rows = [[name, SIGNS[row["state"]]] for name, row in found.exercises.items() if name not in known]
    rows += [[one.of, one.said] for one in found.predictions if one.of not in known]
    rows += [[name, verdict] for name, verdict in found.verdicts.items() if name not in known]
    heading = "<h2>From another version of the course</h2>"
    return f"<section>{heading}{_table('Kept, too', ['name', 'kept'], rows)}</section>" if rows else ""


def _marked(state: str) -> Cell:
    return SIGNS[state], {"not attempted": "quiet"}.get(state, state)


GUESSES = ["question", "your guess", "measured", "how it held"]


def _guess(of: str, kept: Kept | None) -> list[Cell]:
    """A row of the predictions' table."""
    question = of[3:]
    if kept is None:
        return [question, ("none made", "quiet"), "", ""]
    if not kept.measured:
        return [question, kept.said, ("not yet", "quiet"), ""]
    return [question, kept.said, record.written(kept.truth, kept.unit), _held(kept)]


def _held(kept: Kept) -> Cell:
    """Whether it was right, or how far off, in words."""
    if kept.kind == "name":
        return ("✓ right", "right") if kept.miss == 0 else ("✗ another", "wrong")
    if kept.kind in ("share", "points"):
        off = f"{kept.miss:.3g} points off"
    else:
        off = f"off by a factor of {kept.miss:.3g}" if kept.miss < 1e6 else "no factor lies between them"
    if kept.held is None:
        return off
    return ("✓ inside your range", "right") if kept.held else (f"✗ outside your range, {off}", "wrong")


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table whose first column names the rows; nothing if there are none. It can be scrolled with the keyboard."""
    if not rows:
        return ""

    def cell(content: Cell, tag: str = "td") -> str:
        text, look = (content, "") if isinstance(content, str) else content
        text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        return f"<{tag}{f' class={look!r}' if look else ''}>{html.escape(text)}</{tag.split()[0]}>"

    head = "".join(cell(each, 'th scope="col"') for each in heads)
    body = "\n".join(
        "<tr>"
        + cell(row[0], 'th scope="row"')
        + "".join(map(cell, row[1:]))
        + "<td></td>" * (len(heads) - len(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">\n<table><caption>{caption}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #fff; --quiet: #595959; --line: #ccc; --band: #f3f4f6;
  --right: #00664b; --wrong: #a33b00; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --page: #16181b; --quiet: #b3b3b3; --line: #45484d;
  --band: #22252a; --right: #5fd6ad; --wrong: #ff9f6b; } }
@media print { :root { color-scheme: light; --text: #000; --page: #fff; --quiet: #444; --line: #999; --band: #fff;
  --right: #00573f; --wrong: #8a3200; } tr, caption { break-inside: avoid; } h2, caption { break-after: avoid; }
  .wide { overflow: visible !important; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 70rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin: 2rem 0 0.5rem; }
.wide { overflow-x: auto; margin: 0.8rem 0; } .wide:focus-visible { outline: 2px solid currentColor; }
table { border-collapse: collapse; min-width: 60%; } caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.8rem 0.25rem 0.4rem;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--band); } tbody th { font-weight: 400; }
.count { white-space: nowrap; }
@media (max-width: 40rem) { body { font-size: 14px; } th, td { padding: 0.2rem 0.35rem 0.2rem 0; } }
.right { color: var(--right); } .wrong { color: var(--wrong); } .quiet { color: var(--quiet); }
"""


def _write(page: Path, title: str, parts: Iterable[str]) -> None:
    """Write a page, in HTML. A folder's name may hold half a letter (an old zip): it is written as \\udcf6 is here.

    Raises:
        ValueError: the page cannot be written.
    """
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise ValueError(f"the page {page} cannot be written: {error.strerror or error}") from None
