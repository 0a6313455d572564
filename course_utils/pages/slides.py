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
import html
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_utils import notebooks
from course_utils.pages import BUILD, ROOT, VENDOR, cards
from course_utils.pages.chapters import read

PICTURES = ROOT / "docs" / "slides"
TEMPLATES = Path(__file__).resolve().parent / "deck"
KINDS = ("title", "question", "predict", "idea", "code", "figure", "card", "end")
KEYS = {"kind": str, "title": str, "text": str, "pause": int, "lines": str, "notes": str}
# What fits: letters of a title, words of a text, lines of code and letters of a line, slides in 50 minutes.
TITLE, WORDS, LINES, LINE, DECK = 60, 50, 14, 62, range(12, 21)
_FENCES = re.compile("```.*?```", re.S)
SIZES = {240: 36, 450: 30, 640: 27, 10**4: 24}  # a card of fewer letters than this: how high they are, in pixels

# What stands over a title, and before a pause: the kind in words.
SIGNS = {"question": "Question", "predict": "Your prediction"}
ASKS = {"question": "talk to your neighbour", "predict": "write it down"}
LOOKS = {"holds here": "holds", "holds with a condition": "bound", "does not hold here": "fails"}
FACES = {  # a file in `vendor/`: family, weight, style
    "source-sans/source-sans-3-latin-400-normal": ("Source Sans 3", 400, "normal"),
    "source-sans/source-sans-3-latin-400-italic": ("Source Sans 3", 400, "italic"),
    "source-sans/source-sans-3-latin-700-normal": ("Source Sans 3", 700, "normal"),
    "source-sans/source-sans-3-greek-400-normal": ("Source Sans 3 Greek", 400, "normal"),
    "atkinson/atkinson-hyperlegible-mono-latin-400-normal": ("Atkinson Hyperlegible Mono", 400, "normal"),
}


def build(chapters: list[str], folder: Path = BUILD / "slides", pictures: Path = PICTURES) -> list[Path]:
    """Write each chapter's deck and its page of notes.

    Args:
        chapters: their numbers, such as "03"; none: all.
        folder: where to.
        pictures: the folder that holds `03_mixup/<cell>.png`.

    Returns:
        the decks, each with its notes beside it: `03_mixup.html`, `03_mixup-notes.html`.

    Raises:
        ValueError: slides that cannot be shown, with all that is wrong in a line each; nothing is written.
        FileNotFoundError: no chapter begins with these numbers.
    """
    books = {path.stem: read(path) for path in notebooks.find(chapters)}
    if wrong := [line for name, cells in books.items() for line in problems(name, cells, pictures)]:
        raise ValueError("\n".join(wrong))
    _write_assets(folder / "assets")
    return [_write_deck(name, cells, folder, pictures) for name, cells in books.items()]


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


def _wrong_keys(slide: dict) -> list[str]:
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
        if heading := re.search("^#+ .*", _FENCES.sub("", slide.get(key, "")), re.M):
            yield f"{key} may have no headings (that is title), got {heading[0]!r}"


def _wrong_source(name: str, cell: dict, number: int, pictures: Path) -> Iterator[str]:
    """A kind that shows what its cell does not have."""
    slide = cell["metadata"]["slides"][number]
    if slide["kind"] == "figure" and not (pictures / name / f"{cell['id']}.png").exists():
        yield f"there is no picture docs/slides/{name}/{cell['id']}.png: make run NB={name[:2]} draws it"
    if slide["kind"] == "figure" and not alt(cell):
        yield "kind figure shows a figure with its words, got a cell whose outputs have none"
    if slide["kind"] == "card" and not card_words(cell, number):
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
        until = takewhile(lambda later: later != "predict", kinds[number + 1 :])
        if kind == "predict" and not {"figure", "card"}.intersection(until):
            yield f"slide {number + 1} asks for a prediction, and no figure or card answers before the next"


def count_words(text: str) -> int:
    """How many words a text has, formulas and code not counted."""
    text = re.sub(r"\$\$.*?\$\$|\$.*?\$", " ", _FENCES.sub(" ", text), flags=re.S)
    return sum(any(map(str.isalnum, word)) for word in text.split())


def alt(cell: dict) -> str:
    """The words of a cell's last figure; "" if it has none."""
    shown = [_plain(output) for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    return shown[-1] if shown else ""


def card_words(cell: dict, number: int) -> str:
    """The words of the card that a cell's slide (counted from 0) shows: its second card slide shows its second card;
    "" if it has none."""
    before = sum(slide.get("kind") == "card" for slide in cell["metadata"]["slides"][:number])
    return dict(enumerate(_cards(cell))).get(before, "")


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
    ends = [node.end_lineno for node in ast.parse(code).body if node.end_lineno and node.end_lineno > start]
    return "\n".join(rows[start : min(ends, default=start + 1)])


def _write_assets(folder: Path) -> None:
    """What every deck needs beside it. The typeface lies in the stylesheet: Firefox takes none from another file."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*(VENDOR / "reveal").glob("*.[jc]s*"), VENDOR / "mathjax" / "tex-svg.js", TEMPLATES / "deck.js"]:
        shutil.copy(path, folder)
    faces = [
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {style}; '
        f"src: url(data:font/woff2;base64,{b64encode((VENDOR / f'{name}.woff2').read_bytes()).decode()}); }}\n"
        for name, (family, weight, style) in FACES.items()
    ]
    look = (TEMPLATES / "deck.css").read_text(encoding="utf-8")
    (folder / "deck.css").write_text("".join(faces) + look, encoding="utf-8", newline="\n")


def _write_deck(name: str, cells: list[dict], folder: Path, pictures: Path) -> Path:
    """The deck of a chapter, its notes and its pictures."""
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    shown = [(cell, number) for cell in cells for number in range(len(cell["metadata"].get("slides", [])))]
    chapter = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
    own = folder / "assets" / name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(exist_ok=True)
    slides = []
    for count, (cell, number) in enumerate(shown, 1):
        slide = cell["metadata"]["slides"][number]
        if slide["kind"] == "figure":
            shutil.copy(pictures / name / f"{cell['id']}.png", own)
        words = _words(name, cell, number) | {"chapter": chapter, "number": count, "count": len(shown)}
        body = templates.get_template("slide.html").render(words)
        slides.append(slide | {"body": body, "title": words["title"], "notes": words["notes"]})
    for page, template in {f"{name}-notes.html": "notes.html", f"{name}.html": "deck.html"}.items():
        text = templates.get_template(template).render(name=name, chapter=chapter, slides=slides)
        (folder / page).write_text(text, encoding="utf-8", newline="\n")
    return folder / f"{name}.html"


def _words(name: str, cell: dict, number: int) -> dict:
    """What the template of a slide writes, but for where in the deck it stands."""
    slide = cell["metadata"]["slides"][number]
    text, notes = slide.get("text", ""), slide["notes"]
    words = {"slide": slide, "sign": SIGNS.get(slide["kind"], "")}
    if slide["kind"] == "figure":
        words |= {"picture": f"{name}/{cell['id']}.png", "alt": alt(cell)}
    elif slide["kind"] == "code":
        words["code"] = highlighted(source(cell, slide.get("lines")))
    elif slide["kind"] == "card":
        card = cards.read(card_words(cell, number))
        words |= _card(card, text or card.limits)
        notes += "".join(f"\n\n{part}" for part in (card.heard, f"**Limits, in full:** {card.limits}") if part)
        text = ""
    if "pause" in slide:
        words["pause"] = f"{minutes(slide['pause'])}: {ASKS[slide['kind']]}"
    return words | {"title": inline(slide["title"]), "text": markdown(text), "notes": markdown(notes)}


def _card(card: cards.Card, limits: str) -> dict:
    """What the template writes of a card. The fewer letters, the larger they are."""
    bounds = [bound(row) for row in card.measured]
    common = bounds[0] if len(set(bounds)) == 1 < len(bounds) else ""
    letters = len("".join([card.condition, card.text, limits, *(row.what for row in card.measured)]))
    letters += len(common or "".join(bounds))
    size = next(size for most, size in SIZES.items() if letters < most)
    symbol, look = cards.VERDICTS[card.verdict], LOOKS[card.verdict]
    words = {"card": card, "look": look, "size": size, "symbol": symbol, "bound": bound, "common": common}
    return words | {"limits": inline(limits)}


def bound(row: cards.Measured) -> str:
    """What a measurement must clear, in few words: "above 0 points, 4 to spare, 5 pairs"."""
    spare = f"{row.margin} to spare" if row.margin else ""
    runs = row.runs.removeprefix("95 % interval of ").removeprefix("in ")
    parts = filter(None, (row.bound, spare, runs))
    return ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


def minutes(seconds: int) -> str:
    """A pause in words: "1 minute", "2 minutes", "90 seconds"."""
    if seconds % 60:
        return f"{seconds} seconds"
    return f"{seconds // 60} minute{'s' if seconds > 60 else ''}"


def highlighted(code: str, *_: str) -> str:
    """Code as HTML, coloured."""
    return highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n")


def _formula(tex: str, options: dict) -> str:
    """A formula as MathJax finds it."""
    return rf"\[{html.escape(tex)}\]" if options["display_mode"] else rf"\({html.escape(tex)}\)"


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "highlight": highlighted}).enable("table")
_MARKDOWN.use(dollarmath_plugin, renderer=_formula)


def markdown(text: str) -> str:
    """Markdown as HTML; formulas as MathJax finds them, no HTML of its own."""
    return _MARKDOWN.render(text)


def inline(text: str) -> str:
    """A line of Markdown as HTML, without a paragraph around it."""
    return _MARKDOWN.renderInline(text)
