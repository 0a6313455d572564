"""Pages that are made from several files: the first page, the nine claims, the bibliography."""

import html
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from course_utils import references
from course_utils.notebooks import NOTEBOOKS, README_PICTURES
from course_utils.pages import ROOT, chapters, first
from course_utils.pages.cards import VERDICTS
from course_utils.pages.chapters import Page, escaped

SCORECARD = "08_scorecard"
# A row of the README's table of chapters: name, notebook, question, what you can do afterwards.
ROW = re.compile(r"^\| \[(\d\d) ([^\]]+)\]\(notebooks/(\w+)\.ipynb\) \| (.+?) \| (.+?) \|$", re.M)
LINE = re.compile(r"^(\d)\. (.+?): (holds here|holds with a condition|does not hold here)\. ", re.M)
LOOK = {"holds here": "holds", "holds with a condition": "condition", "does not hold here": "fails"}


@dataclass
class Verdict:
    """A row of the scorecard, as chapter 08 has stored it: the claim in a few words and as the lecture says it, the
    verdict, what to take home."""

    number: int
    short: str
    said: str
    verdict: str
    moral: str


def verdicts() -> list[Verdict]:
    """The nine verdicts, from what chapter 08 has stored.

    Raises:
        ValueError: there are not nine.
    """
    cells = {cell["id"]: cell for cell in chapters.read(NOTEBOOKS / f"{SCORECARD}.ipynb")}
    rows = LINE.findall(_output(cells["figure-scorecard"], "text/plain"))
    said = re.findall(r"^\| \[\d\]\(#[\w-]+\) \| (.+?) \|", _output(cells["in-words"], "text/markdown"), re.M)
    if len(rows) != 9 or len(said) != 9:
        raise ValueError(f"{SCORECARD}.ipynb must have nine verdicts stored, has {len(rows)} and {len(said)}")
    morals = [_output(cells[f"claim-{number}"], "text/markdown").split("\n")[0].strip("*") for number, _, _ in rows]
    return [Verdict(int(row[0]), row[1], words, row[2], moral) for row, words, moral in zip(rows, said, morals)]


def _output(cell: dict, kind: str) -> str:
    """The first output of a cell that has this kind, as text."""
    return next("".join(out["data"][kind]) for out in cell["outputs"] if kind in out.get("data", {}))


def badge(verdict: str) -> str:
    """A verdict in its colour, as HTML; sign and words say it too."""
    return f'<span class="badge {LOOK[verdict]}">{VERDICTS[verdict]} {verdict}</span>'


def minutes(page: Page) -> str:
    """What a chapter's first table says of the reader's time."""
    return first(r"^\| your time .*\n\|[-|]+\n\| (.+?) \|", page.text, re.M)[1]


def first_page(books: Mapping[str, Page], relink: Callable[[str], str]) -> str:
    """What the course is, what came out, the chapters, how to begin; the links to all other pages are Sphinx's.

    Args:
        books: the chapters' pages by the notebooks' names.
        relink: from the README's Markdown to Markdown whose links lead where the site needs them.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    title, about = readme.split("\n\n")[:2]
    address = os.environ.get("COURSE_REPOSITORY", "<address of this repository>")
    name, cell = README_PICTURES["course.png"]
    boundary, scorecard = _figure(books[name], cell), _figure(books[SCORECARD], "figure-scorecard")
    return f"""---
hide-toc: true
---
{title}

``````{{raw}} html
<div class="hero"><div>
``````

{relink(about)}

``````{{raw}} html
<p class="buttons"><a class="button first" href="notebooks/00_start_here.html">Read the course</a>
<a class="button" href="claims.html">Nine verdicts</a>
<a class="button" href="docs/lecturers/README.html">For lecturers</a></p>
</div>
{boundary}
</div>
``````

## Nine claims, nine verdicts

Each claim of the lecture stands before the same court: several seeds, an interval, a control that could have
refuted it. [How they were judged](claims.md).

``````{{raw}} html
<ol class="verdicts">
{"".join(_verdict(row) for row in verdicts())}
</ol>
{scorecard}
<p class="note">The scorecard: every run a dot, each claim's first measurement beside its control. A click opens it in
full size.</p>
``````

## Nine chapters

``````{{raw}} html
<ol class="chapters">
{"".join(_chapter(row, books[row[2]]) for row in _rows(readme))}
</ol>
``````

## Begin

You need Python 3.10 or newer, git and make. No GPU, and no network once it is installed.

```sh
git clone {address} course
cd course
make lab
```

JupyterLab opens on the first page, in a folder of your own. [The first day](docs/first_day.md), step by step;
[Windows, conda, no CUDA](docs/install.md).

## For lecturers

``````{{raw}} html
<ul class="offers">
{_offers(books)}
</ul>
``````
"""


def _rows(readme: str) -> list[tuple]:
    rows = ROW.findall(readme)
    if len(rows) != 9:
        raise ValueError(f"README.md must have a row for each of nine chapters (name, question, outcomes): {len(rows)}")
    return rows


def _figure(page: Page, cell: str) -> str:
    """A chapter's figure, in HTML, for a page at the top of the site."""
    figure = first(rf'<figure class="picture" id="picture-{cell}">.*?</figure>', page.text, re.S)[0]
    return figure.replace('"pictures/', '"notebooks/pictures/')


def _verdict(row: Verdict) -> str:
    return (
        f'<li><a href="claims.html#claim-{row.number}">{html.escape(row.short)}</a> {badge(row.verdict)}'
        f"<p>{html.escape(row.moral)}</p></li>\n"
    )


def _chapter(row: tuple, page: Page) -> str:
    number, name, notebook, question, outcomes = (html.escape(part) for part in row)
    return (
        f'<li><span class="number">{number}</span><h3><a href="notebooks/{notebook}.html">{name}</a></h3>'
        f'<p class="question">{question}</p><p>You can afterwards {outcomes}.</p>'
        f'<p class="minutes">{html.escape(minutes(page))}</p></li>\n'
    )


def _offers(books: Mapping[str, Page]) -> str:
    """What there is for lecturers, as items of a list."""
    decks = " ".join(f'<a href="slides/{name}.html" aria-label="Slides {name[:2]}">{name[:2]}</a>' for name in books)
    guide, room, figures, glossary, bibliography = (
        f'<a href="docs/{file}.html">{name}</a>'
        for file, name in [
            ("lecturers/README", "The lecturer's guide"), ("class", "A class"), ("commands", "Figures"),
            ("glossary", "Glossary"), ("bibliography", "Bibliography"),
        ]
    )  # fmt: skip
    offers = {
        guide: "Six, ten or fourteen weeks; a 90-minute lab by the minute, where students get stuck, expected answers.",
        "Slides": f'A chapter in 50 minutes; S opens what to say.</p><p class="decks">{decks}',
        room: "A hub for thirty, memory and time as measured, no network, nbgrader.",
        figures: "<code>make figures</code>: every figure for your own slides, with captions. MIT License: use them.",
        glossary: "Every term of the course, in English and Korean.",
        bibliography: "Every paper, and the chapters that cite it.",
    }
    return "".join(f"<li><h3>{name}</h3><p>{words}</p></li>\n" for name, words in offers.items())


def claims_page(books: Mapping[str, Page], relink: Callable[[str], str]) -> str:
    """The nine claims: the scorecard, its table, and for each claim what every chapter's card says.

    Args:
        books: the chapters' pages by the notebooks' names.
        relink: from chapter 08's Markdown to Markdown whose links lead where the site needs them.
    """
    cells = {cell["id"]: cell for cell in chapters.read(NOTEBOOKS / f"{SCORECARD}.ipynb")}
    table = re.sub(
        r"^\| \[(\d)\]\(#[\w-]+\)", r"| [\1](#claim-\1)", _output(cells["in-words"], "text/markdown"), flags=re.M
    )
    parts = [
        "# The nine claims",
        "The lecture *Deep Learning beyond Memorization, Adversarial Risks, and Bias* by Jin-Hwa Kim (NAVER AI Lab) "
        "makes eight claims and leaves one question open, in our words. A *level* must clear its bound in every run, "
        "a *difference* with the 95 % interval of its pairs; beside each stands a *control* that ought not to pass. "
        "[Chapter 08](notebooks/08_scorecard.md) tells it in full.",
        f"``````{{raw}} html\n{_figure(books[SCORECARD], 'figure-scorecard')}\n``````",
        "Each row from the left: the claim, and what to take home; its first measurement, a blue dot for each run; "
        "below it in grey its control. The shaded side is where every dot has to lie, or all of a difference's bar.",
        "## In words",
        relink(table),
    ]
    for row in verdicts():
        parts += [
            f"(claim-{row.number})=\n## Claim {row.number} · {escaped(row.short)}",
            escaped(row.said),
            f"``````{{raw}} html\n<p>{badge(row.verdict)}</p>\n``````",
            f"*{escaped(row.moral)}* [All that was measured, what papers print, and the command that makes it again]"
            f"(notebooks/{SCORECARD}.md#claim-{row.number})",
            _cards(row.number, books),
        ]
    return "\n\n".join(parts) + "\n"


def _cards(number: int, books: Mapping[str, Page]) -> str:
    """The cards of a claim in the chapters before the scorecard, as a list in HTML."""
    rows = []
    for name, page in books.items():
        for card, anchor in page.cards:
            if card.of == number and name != SCORECARD:
                rows.append(
                    f'<li><a href="notebooks/{name}.html#{anchor}">{html.escape(card.name)}</a> '
                    f"{badge(card.verdict)}<p>{html.escape(card.text)} "
                    f'<span class="where">Chapter {html.escape(page.title)}</span></p></li>\n'
                )
    return f'``````{{raw}} html\n<ul class="cards">\n{"".join(rows)}</ul>\n``````'


def bibliography(texts: Mapping[str, tuple[str, str]]) -> str:
    """What the course cites, with links, and where.

    Args:
        texts: of every page that may cite: its name → (its title, its Markdown).
    """
    lines = ["# Bibliography", "", "What the course cites, by the first author's name, and where.", ""]
    entries = references.entries()
    for key in sorted(entries, key=lambda key: (references.families(entries[key])[0].casefold(), entries[key]["year"])):
        entry = entries[key]
        cited = [f"[{title}](/{name}.md)" for name, (title, text) in texts.items() if f"]({entry['url']})" in text]
        lines += [
            f"- {escaped(authors(entry))}. [{escaped(plain(entry['title']))}]({entry['url']}). "
            f"{escaped(plain(entry['venue']))} {entry['year']}." + (f" In {', '.join(cited)}." if cited else "")
        ]
    return "\n".join(lines) + "\n"


def authors(entry: Mapping[str, str]) -> str:
    """All authors, given names first: "Hongyi Zhang, Moustapha Cisse and David Lopez-Paz"."""
    names = [" ".join(reversed(plain(name).split(", "))) for name in entry["author"].split(" and ")]
    return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


def plain(text: str) -> str:
    """A field of BibTeX without its braces."""
    return text.replace("{", "").replace("}", "")
