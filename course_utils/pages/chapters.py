"""A stored notebook as a page: Markdown for Sphinx, its pictures, and from which cell each line comes."""

import base64
import html
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.pages import ROOT
from course_utils.pages.cards import Card, is_card
from course_utils.pages.cards import read as read_card

FRAMES = ROOT / "docs" / "frames"

# A box of a notebook: its kind and what stands in it; an answer that is folded.
BOX = re.compile(r'<div class="alert alert-\w+ (exercise|predict)">\n\n(.*?)\n\n</div>', re.S)
FOLDED = re.compile(r"<details>\s*<summary>(.*?)</summary>\s*(.*?)\s*</details>", re.S)
# The code cells that belong to a box, by the beginning of their ids.
BELONGS = {"exercise": ("exercise-", "check-"), "predict": ("guess-",)}
# What code that is folded in the notebook, or only sets up, is called.
FOLDS = {"setup": "Set-up: what the page imports", "figure": "The figure's code", "claim": "The card's code"}


@dataclass
class Page:
    """A chapter as a page.

    Args:
        path: the notebook.
        pictures: file name → PNG; they lie in `pictures/NN_name/` beside the page.
        lines: the page's Markdown.
        cells: the id of the cell from which each line comes.
        cards: the cards of claims on it, each with its anchor.
    """

    path: Path
    pictures: dict[str, bytes] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    cards: list[tuple[Card, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The page's Markdown."""
        return "\n".join(self.lines) + "\n"

    @property
    def title(self) -> str:
        """Its heading: "03 · Mixup"."""
        return next(line for line in self.lines if line.startswith("# "))[2:]

    def cell_of(self, line: int) -> str:
        """The id of the cell from which a line comes, counted from 1."""
        return self.cells[min(line, len(self.cells)) - 1]


def read(path: Path) -> list[dict]:
    """A notebook's cells, their sources joined to strings.

    Raises:
        ValueError: the file is no notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path.name} must be a notebook as JSON, got {error}") from error
    for cell in cells:
        cell["source"] = "".join(cell["source"])
    return cells


def page(path: Path, relink: Callable[[str], str], below_title: str = "") -> Page:
    """A stored notebook as a page.

    Args:
        path: the notebook.
        relink: from Markdown to Markdown whose links lead where the site needs them.
        below_title: Markdown that stands below the first cell.

    Raises:
        ValueError: a cell that no page can show, or a link to a file that is not there: in which cell.
    """
    cells = read(path)
    writer = _Writer(Page(path), relink)
    try:
        writer.write(cells, below_title)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(f"{path.name}, cell {writer.cell}: {error}") from error
    return writer.page


class _Writer:
    """Writes a page, cell by cell."""

    def __init__(self, page: Page, relink: Callable[[str], str]) -> None:
        self.page, self.relink, self.cell = page, relink, ""

    def write(self, cells: list[dict], below_title: str) -> None:
        """All cells, in order."""
        while cells:
            cell = cells.pop(0)
            self.cell = cell["id"]
            if cell["cell_type"] == "code":
                self.code_cell(cell)
                continue
            kind = self.words(cell["source"])
            if kind:  # a box is open: what belongs to it comes with it
                while cells and cells[0]["id"].startswith(BELONGS[kind]) and cells[0]["cell_type"] == "code":
                    self.cell = cells[0]["id"]
                    self.code_cell(cells.pop(0))
                self.add("::::::")
            if cell["id"] == "title" and below_title:
                self.add(below_title)

    def add(self, text: str) -> None:
        """Lines of Markdown, and an empty one."""
        lines = [*text.split("\n"), ""]
        self.page.lines += lines
        self.page.cells += [self.cell] * len(lines)

    def raw(self, text: str) -> None:
        """HTML, as it is."""
        self.add(f"``````{{raw}} html\n{text}\n``````")

    def words(self, source: str) -> str | None:
        """The Markdown of a cell. Returns the kind of the box that it ends in, which is left open for more."""
        pieces = BOX.split(source.strip())  # words, kind, box, words, kind, box, …, words
        if other := re.search('<div class="alert.*', "".join(pieces[::3])):
            raise ValueError(f"a box must be an exercise's or a prediction's, got {other[0]}")
        for words, kind, box in zip(pieces[::3], pieces[1::3], pieces[2::3]):
            self.folded(words)
            heading, _, rest = box.partition("\n\n") if kind == "exercise" else ("Predict", "", box)
            rest = rest.removeprefix("**Predict.** ")
            self.add(f"::::::{{admonition}} {heading.lstrip('# ')}\n:class: {kind}\n:name: {self.cell}")
            self.folded(rest)
        if not pieces[-1].strip() and len(pieces) > 1:
            return pieces[-3]
        if len(pieces) > 1:
            raise ValueError("nothing may follow a box in its cell")
        self.folded(pieces[-1])
        return None

    def folded(self, source: str) -> None:
        """Markdown in which answers are folded."""
        pieces = FOLDED.split(self.relink(source))
        self.add(pieces[0].strip())
        for summary, answer, after in zip(pieces[1::3], pieces[2::3], pieces[3::3]):
            self.raw(f'<details class="answer"><summary>{summary}</summary>')
            self.add(answer)
            self.raw("</details>")
            self.add(after.strip())

    def code_cell(self, cell: dict) -> None:
        """Code, folded where it is folded in the notebook, and what it has shown."""
        kind = cell["id"].split("-")[0]
        self.raw(f'<div class="cell {kind}" id="cell-{cell["id"]}">')
        hidden = cell["metadata"].get("jupyter", {}).get("source_hidden") or kind == "setup"
        if hidden:
            self.raw(f'<details class="code"><summary>{FOLDS.get(kind, "The code")}</summary>')
        self.add(f"``````python\n{cell['source'].strip()}\n``````")
        if hidden:
            self.raw("</details>")
        outputs = cell["outputs"]
        for number, output in enumerate(outputs):
            self.output(output, cell["id"], number if len(outputs) > 2 else 0)
        self.raw("</div>")

    def output(self, output: dict, cell: str, number: int) -> None:
        """One output: a picture, a table, a check's verdict, text; or frames in the place of sliders."""
        data = output.get("data", {})
        text = "".join(output.get("text", data.get("text/plain", "")))
        if "image/png" in data:
            name = f"{cell}-{number}.png" if number else f"{cell}.png"
            alt = output["metadata"].get("image/png", {}).get("alt")
            if not alt:
                raise ValueError(f"a picture must have its words, alt, in its metadata, got {output['metadata']}")
            self.picture(name, base64.b64decode("".join(data["image/png"])), alt)
        elif "text/markdown" in data:
            self.add(self.relink("".join(data["text/markdown"])))
        elif "text/html" in data:
            shown = "".join(data["text/html"])
            if "<summary>this figure in words" not in shown:  # a picture brings its own
                plain = re.sub(' style="[^"]*"', "", shown)  # a notebook knows no stylesheet; the site does
                self.raw(f'<div class="verdict">{plain}</div>')
        elif cell.startswith("widget-"):
            self.sliders(cell, text)
        elif text.strip():
            self.raw(f'<pre class="output">{html.escape(text.rstrip(), quote=False)}</pre>')

    def picture(self, name: str, png: bytes, alt: str) -> None:
        """A figure: a click opens it in full size; below it, folded, stands what it shows."""
        self.page.pictures[name] = png
        card = is_card(alt)
        anchor = f"picture-{name.removesuffix('.png')}"
        if card:
            self.page.cards.append((read_card(alt), anchor))
        self.raw(
            f'<figure class="picture{" card" if card else ""}" id="{anchor}"><a href="{self.folder}/{name}">'
            f"{image(f'{self.folder}/{name}', png, alt)}</a></figure>\n"
            f'<details class="words"><summary>This {"card" if card else "figure"} in words</summary>'
        )
        self.add("\n".join(f"{escaped(line)}\\" for line in alt.split("\n")).rstrip("\\"))
        self.raw("</details>")

    @property
    def folder(self) -> str:
        """Where the page's pictures lie."""
        return f"pictures/{self.page.path.stem}"

    def sliders(self, cell: str, text: str) -> None:
        """A slider over the stored frames of a widget; where none are stored, its words."""
        told = FRAMES / self.page.path.stem / f"{cell}.json"
        if not told.exists():
            self.raw(f'<p class="note">{html.escape(" ".join(text.split()))}</p>')
            return
        frames = json.loads(told.read_text(encoding="utf-8"))
        pngs = {name: (told.parent / name).read_bytes() for name in frames["pictures"]}
        self.page.pictures |= pngs
        start, names, labels = frames["start"], frames["pictures"], frames["labels"]
        sources, said, alts = (
            html.escape(json.dumps(texts, ensure_ascii=False))
            for texts in ([f"{self.folder}/{name}" for name in names], labels, frames["titles"])
        )
        first = f"{self.folder}/{names[start]}"
        others = f" ({html.escape(frames['others'])})" if frames.get("others") else ""
        slider = html.escape(frames["slider"])
        self.raw(
            f'<div class="frames" data-pictures="{sources}" data-labels="{said}" '
            f'data-alts="{alts}">\n'
            f'<p class="control" hidden><label for="slide-{cell}">{slider}</label> '
            f'<input type="range" id="slide-{cell}" min="0" max="{len(names) - 1}" value="{start}" '
            f'aria-valuetext="{html.escape(labels[start])}"> '
            f'<output for="slide-{cell}">{html.escape(labels[start])}</output></p>\n'
            f'<figure class="picture"><a href="{first}">{image(first, pngs[names[start]], frames["titles"][start])}</a>'
            f"<figcaption>Stored pictures for {len(names)} values of {slider}{others}. "
            f"In the notebook each slider computes its picture.</figcaption></figure>\n</div>"
        )


def image(source: str, png: bytes, alt: str) -> str:
    """A picture in HTML, its size known before it is there."""
    width, height = struct.unpack(">II", png[16:24])
    words = html.escape(" ".join(alt.split()))
    return f'<img src="{source}" alt="{words}" width="{width}" height="{height}" loading="lazy" decoding="async">'


def escaped(text: str) -> str:
    """Plain text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>$~|#%:+-])", r"\\\1", text)
