"""The site, `build/site/`: from the stored notebooks and the repository's pages, by Sphinx. Nothing is run, nothing
fetched, and what is built opens without a network."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from course_utils.notebooks import CHAPTERS
from course_utils.pages import BUILD, ROOT, chapters, first, front, reference, slides
from course_utils.pages.chapters import Page
from course_utils.pages.links import relink

THEME = Path(__file__).resolve().parent / "theme"
SITE = BUILD / "site"
# Pages of the repository, in the order of the menu: its heading, then files from the root. A pattern stands for those
# that stand nowhere else.
MENU = {
    "Chapters": [f"notebooks/{name}.ipynb" for name in CHAPTERS],
    "Look up": ["claims", "docs/glossary.md", "docs/bibliography"],
    "Use it": ["docs/first_day.md", "docs/install.md", "docs/commands.md"],
    "Teach it": ["docs/lecturers/README.md", "docs/class.md"],
    "Look inside": [
        "api/index", "docs/grid.md", "data/README.md", "benchmarks/README.md", "docs/*.md", "CONTRIBUTING.md",
        "CHANGELOG.md",
    ],
}  # fmt: skip
GUIDE = "docs/lecturers/README.md"  # below it stand the lecturer's pages, a chapter each; the exam stays off the site
# Korean words in a table, so that a screen reader says them in Korean.
HANGUL = re.compile(r"(?<=\| )[^|\n]*[가-힣][^|\n]*(?= \|)")
GENERATED = {"README.md": "index", "docs/references.bib": "docs/bibliography", "course_utils": "api/index"}


def build() -> Path:
    """Build the site anew.

    Returns:
        its folder; `index.html` in it is the first page.

    Raises:
        RuntimeError: Sphinx has found something wrong: what, and in which cell of which notebook.
        ValueError: so has `slides.build`.
    """
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        work = Path(name)
        books = assemble(work / "source")
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", str(THEME)]
        said = subprocess.run(
            [*command, "-d", work / "doctrees", work / "source", work / "site"],
            cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace",
            env=os.environ | {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
        )  # fmt: skip
        if said.returncode:
            raise RuntimeError("the site is not built:\n" + explained(said.stderr, work / "source", books))
        for name, page in books.items():
            folder = work / "site" / "notebooks" / "pictures" / name
            folder.mkdir(parents=True)
            for picture, png in page.pictures.items():
                (folder / picture).write_bytes(png)
        slides.build([], work / "site" / "slides")
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.move(work / "site", SITE)
    return SITE


def menu() -> dict[str, list[str]]:
    """The menu's headings, and below each the files that are there, from the root; generated pages by their names."""
    taken, found = set(), {}
    for heading, patterns in MENU.items():
        paths = []
        for pattern in patterns:
            files = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
            paths += [path for path in (files if "." in pattern else [pattern]) if path not in taken]
            taken |= set(paths)
        found[heading] = paths
    return found


def guides() -> list[str]:
    """The lecturer's page of each chapter, from the root."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/lecturers/[0-9]*.md"))


def assemble(source: Path) -> dict[str, Page]:
    """Write what Sphinx reads, in the folders of the repository, so that links between pages stay as they are.

    Returns:
        the chapters' pages by the notebooks' names.
    """
    files = [path for paths in menu().values() for path in paths if "." in path]
    pages = {path: path.rpartition(".")[0] for path in [*files, *guides()]} | GENERATED

    def copy(path: str) -> None:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, source / path)

    def links(path: str):
        return partial(relink, source=path, pages=pages, copy=copy)

    books, texts = {}, {}
    for path, name in pages.items():
        if path.startswith("notebooks/"):
            book = ROOT / path
            books[book.stem] = chapters.page(book, links(path), beside(book.stem))
            texts[name] = books[book.stem].text
        elif path not in GENERATED:
            texts[name] = links(path)((ROOT / path).read_text(encoding="utf-8"))
    titled = {name: (first(r"^# (.+)", text, re.M)[1], text) for name, text in texts.items()}
    texts |= reference.pages()
    texts["index"] = front.first_page(books, links("README.md")) + toctrees(menu())
    texts[GUIDE[:-3]] += toctrees({"": [path.rpartition("/")[2] for path in guides()]})
    for path in guides():
        title, _, rest = texts[path[:-3]].partition("\n")
        texts[path[:-3]] = f"{title}\n\n{decks(Path(path).stem)}\n{rest}"
    texts["docs/glossary"] = HANGUL.sub(r'<span lang="ko">\g<0></span>', texts["docs/glossary"])
    texts["claims"] = front.claims_page(books, links(f"notebooks/{front.SCORECARD}.ipynb"))
    texts["docs/bibliography"] = front.bibliography(titled)
    for name, text in texts.items():
        file = source / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return books


def toctrees(parts: dict[str, list[str]]) -> str:
    """A menu as Sphinx reads it, at the end of a page: headings, and files below each."""
    lines = []
    for heading, paths in parts.items():
        names = [path.rpartition(".")[0] or path for path in paths]
        lines += [
            "",
            "```{toctree}",
            ":hidden:",
            f":caption: {heading}" if heading else ":maxdepth: 1",
            "",
            *names,
            "```",
        ]
    return "\n".join(lines) + "\n"


def beside(name: str) -> str:
    """Below a chapter's first table: how to run it, and what lecturers have for it."""
    return (
        "``````{admonition} To read here, to work in JupyterLab\n:class: run\n\n"
        "This page shows the course's stored results. To predict, change and solve, run it: "
        f"[`make lab`](../docs/first_day.md), then `{name}.ipynb`. For lecturers: "
        f'[this chapter in a lab](../docs/lecturers/{name}.md), <a href="../slides/{name}.html">slides</a>.\n``````'
    )


def decks(name: str) -> str:
    """Below the title of a lecturer's page: the chapter's slides."""
    deck = f"../../slides/{name}"
    return (
        f'<a href="{deck}.html">The slides</a>, and <a href="{deck}-notes.html">what to say beside each</a>, to print.'
    )


def explained(stderr: str, source: Path, books: dict[str, Page]) -> str:
    """Sphinx's warnings, with files of the repository in the place of those that it read: the notebook and its cell.

    Args:
        stderr: what Sphinx has said.
        source: the folder that it read.
        books: the chapters' pages by the notebooks' names.
    """

    def one(match: re.Match) -> str:
        path, line = Path(match[1]), int(match[2] or 1)
        name = path.relative_to(source).as_posix()
        if path.stem in books and name.startswith("notebooks/"):
            return f"notebooks/{path.stem}.ipynb, cell {books[path.stem].cell_of(line)}:"
        return f"{name}, line {line}:"

    return re.sub(rf"^({re.escape(str(source))}[^:\n]+?\.md)(?::(\d+))?:", one, stderr, flags=re.M)
