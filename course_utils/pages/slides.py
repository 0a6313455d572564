"""A lecture from a chapter: `python -m course_utils.pages slides 03` writes `build/slides/03_mixup.html`.

A cell's metadata may hold `slides`, a list of slides that are shown when the lecture reaches that cell:

    {"kind": "predict",         # title, question, predict, idea, code, figure, card, end
     "title": "one line",       # of at most 60 letters
     "text": "Markdown",        # at most 50 words, lists, $formulas$, code between ```
     "pause": 60,               # predict, and question if you like: seconds in which the room thinks
     "lines": "def near",       # code: from the first line that this pattern finds to the end of that statement
     "notes": "Markdown"}       # what to say

A figure is the cell's picture in `docs/slides/`; a card the words of the cell's claim, `text` in place of its limits
(the second card slide of a cell shows its second card). A deck opens without a network, as its page of notes does.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from course_utils.pages import ROOT, cards

PICTURES = ROOT / "docs" / "slides"
KINDS = ("title", "question", "predict", "idea", "code", "figure", "card", "end")
KEYS = {"kind": str, "title": str, "text": str, "pause": int, "lines": str, "notes": str}
# What fits: letters of a title, words of a text, lines of code and letters of a line, slides in 50 minutes.
TITLE, WORDS, LINES, LINE, DECK = 60, 50, 14, 62, range(12, 21)


def problems(name: str, cells: list[dict], pictures: Path = PICTURES) -> list[str]:
    """What is wrong with a chapter's slides: a line each that says where, what came and what is expected.

    Args:
        name: the chapter's, such as "03_mixup".
        cells: its cells, as stored.
        pictures: the folder that holds `03_mixup/<cell>.png`.
    """
    found, kinds = [], []
    for cell in cells:
        own = cell["metadata"].get("slides", [])
        if not isinstance(own, list) or not all(isinstance(slide, dict) for slide in own):
            found.append(f"{name}, cell {cell['id']}: slides must be a list of slides, got {own!r}")
            continue
        for number, slide in enumerate(own):
            where = f"{name}, cell {cell['id']}, slide {number + 1}"
            wrong = _wrong_keys(slide) or [*_wrong_words(slide), *_wrong_source(name, cell, number, pictures)]
            found += [f"{where}: {line}" for line in wrong]
            kinds.append(slide.get("kind"))
    return found + [f"{name}: {line}" for line in _wrong_order(kinds)]


def _wrong_keys(slide: dict) -> Iterator[str]:
    """Keys that are missing, unknown, not this kind's, or of another type."""
    wrong = [f"{key} is not known; keys are {', '.join(KEYS)}" for key in slide.keys() - KEYS]
    wrong += [f"{key} is missing" for key in ("kind", "title", "notes") if key not in slide]
    for key, kind in KEYS.items():
        if key in slide and type(slide[key]) is not kind:
            wrong.append(f"{key} must be of type {kind.__name__}, got {slide[key]!r}")
    if not wrong and slide["kind"] not in KINDS:
        wrong.append(f"kind must be one of {', '.join(KINDS)}, got {slide['kind']!r}")
    for key, kinds in {"pause": ("predict", "question"), "lines": ("code",)}.items():
        if not wrong and key in slide and slide["kind"] not in kinds:
            wrong.append(f"{key} is for {' and '.join(kinds)} alone, got it on {slide['kind']}")
    return wrong


def _wrong_words(slide: dict) -> Iterator[str]:
    """Titles and texts that are too long or empty, a pause that is none."""
    title, text, pause = slide["title"], slide.get("text", ""), slide.get("pause")
    letters, words = len(re.sub(r"[*`]", "", title)), count_words(text)
    if not title.strip() or "\n" in title or letters > TITLE:
        yield f"title must be one line of at most {TITLE} letters, got {letters}: {title!r}"
    if words > WORDS:
        yield f"text must have at most {WORDS} words, got {words}"
    if slide["kind"] == "predict" and pause is None:
        yield "pause is missing: how many seconds the room has to write its prediction down"
    if pause is not None and not 10 <= pause <= 600:
        yield f"pause must be from 10 to 600 seconds, got {pause}"
    if not slide["notes"].strip():
        yield "notes must say what to say, got none"
    for key in ("title", "text", "notes"):
        if link := re.search(r"!\[|\]\((?!https://)[^)]*\)?", slide.get(key, "")):
            yield f"{key} may link to https://… only and show no pictures (that is kind figure), got {link[0]!r}"


def _wrong_source(name: str, cell: dict, number: int, pictures: Path) -> Iterator[str]:
    """A kind that shows what its cell does not have."""
    slide = cell["metadata"]["slides"][number]
    if slide["kind"] == "figure" and not (pictures / name / f"{cell['id']}.png").exists():
        yield f"there is no picture docs/slides/{name}/{cell['id']}.png: make run NB={name[:2]} draws it"
    if slide["kind"] == "figure" and not alt(cell):
        yield "kind figure shows a figure with its words, got a cell whose outputs have none"
    if slide["kind"] == "card" and card_words(cell, number) is None:
        yield f"kind card shows a claim's card, got a cell with {len(_cards(cell))} of them"
    if slide["kind"] == "code":
        try:
            code = source(cell, slide.get("lines"))
        except (ValueError, re.error) as error:
            yield f"{error}"
            return
        longest = max(code.splitlines(), key=len)
        if len(code.splitlines()) > LINES or len(longest) > LINE:
            yield (f"code must have at most {LINES} lines of {LINE} letters, got {len(code.splitlines())} lines, "
                   f"the longest of {len(longest)}: {longest.strip()!r}")  # fmt: skip


def _wrong_order(kinds: list[str]) -> Iterator[str]:
    """What is wrong with the deck as a whole."""
    if len(kinds) not in DECK:
        yield f"a lecture has {DECK[0]} to {DECK[-1]} slides, got {len(kinds)}"
    if kinds and (kinds[0] != "title" or kinds.count("title") > 1):
        yield f"the first slide, and no other, must be of kind title, got {', '.join(map(str, kinds))}"
    if kinds and (kinds[-1] != "end" or kinds.count("end") > 1):
        yield f"the last slide, and no other, must be of kind end, got {', '.join(map(str, kinds))}"
    for number, kind in enumerate(kinds):
        if kind == "predict" and not {"figure", "card"} & set(kinds[number:]):
            yield f"slide {number + 1} asks for a prediction, and no figure or card after it answers"


def count_words(text: str) -> int:
    """How many words a text has, formulas and code not counted."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|\$.*?\$", " ", text, flags=re.S)
    return sum(any(map(str.isalnum, word)) for word in text.split())


def alt(cell: dict) -> str:
    """The words of a cell's last figure; "" if it has none."""
    shown = [_plain(output) for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    return shown[-1] if shown else ""


def card_words(cell: dict, number: int) -> str | None:
    """The words of the card that a cell's slide (counted from 0) shows: its second card slide shows its second card."""
    before = sum(slide.get("kind") == "card" for slide in cell["metadata"]["slides"][:number])
    return dict(enumerate(_cards(cell))).get(before)


def _cards(cell: dict) -> list[str]:
    return [text for text in map(_plain, cell.get("outputs", [])) if cards.is_card(text)]


def _plain(output: dict) -> str:
    return "".join(output.get("data", {}).get("text/plain", ""))


def source(cell: dict, lines: str | None = None) -> str:
    """A cell's code: all of it, or from the first line in which the pattern is found to the end of that statement.

    Raises:
        ValueError: the cell holds no code, or no such line.
    """
    if cell["cell_type"] != "code":
        raise ValueError("kind code shows code, got a cell of text")
    code = "".join(cell["source"])
    if lines is None:
        return code.strip("\n")
    rows = code.splitlines()
    start = next((number for number, row in enumerate(rows) if re.search(lines, row)), None)
    if start is None:
        raise ValueError(f"lines must be found in the cell's code, got {lines!r}")
    ends = [node.end_lineno for node in ast.parse(code).body if node.end_lineno > start]
    return "\n".join(rows[start : min(ends, default=start + 1)])
