"""Every figure of the course as files for somebody else's slides: `python -m course_utils.pages figures 03`.

The chapters are run, which takes minutes each. In `build/figures/03_mixup/` lie then, for each figure and each card, a
PNG (twice as many pixels as on the page), an SVG and a PDF, named after their cells, and `captions.md`: title, what the
figure shows, source and licence. The same stands in each file's own metadata. `build/figures/index.html` shows all.
"""

import base64
import html
import re
from pathlib import Path

from PIL.PngImagePlugin import PngImageFile

from course_utils import notebooks
from course_utils.pages import BUILD

FIGURES = BUILD / "figures"
KINDS = "png", "svg", "pdf"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Figures of Beyond training error</title><style>
body {{ font: 16px/1.5 sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #222; }}
img {{ max-width: 100%; height: auto; border: 1px solid #ccc; }}
figure {{ margin: 2em 0; }}
small {{ color: #595959; }}
</style></head><body>
<h1>Figures of Beyond training error</h1>
<p>For your slides, with source and licence. SVG for PowerPoint, PDF for LaTeX and Keynote, PNG for everything.</p>
{}
</body></html>
"""


def build(chapters: list[str], folder: Path = FIGURES) -> Path:
    """Run the chapters and write their figures. Where a chapter stops at an error, the figures before it are written.

    Args:
        chapters: numbers, such as ["03"]; none: all.
        folder: where to; a folder for each chapter in it.

    Returns:
        `folder`.

    Raises:
        FileNotFoundError: no chapter has such a number.
        RuntimeError: a chapter stopped; after the others have been run.
    """
    import nbformat

    stopped = []
    for path in notebooks.find(chapters):
        notebook = nbformat.read(path, as_version=4)
        end = ""
        try:
            notebooks.execute(notebook, pictures=f"figures of Beyond training error, chapter {path.stem[:2]}")
        except Exception as error:  # whatever a cell raised
            end = f", then it stopped: {error}"
            stopped.append(path.stem)
        files = write(folder / path.stem, notebooks.handed_out(notebook))
        print(f"{path.stem}: {len(files)} figures{end}")
    (folder / "index.html").write_text(index(folder), encoding="utf-8", newline="\n")
    if stopped:
        raise RuntimeError(f"{', '.join(stopped)} stopped at an error; the figures before it are in {folder}")
    return folder


def write(folder: Path, taken: dict[str, list[dict]]) -> list[Path]:
    """Write the files of one chapter, and their captions, in place of those that lie in the folder.

    Args:
        folder: the chapter's.
        taken: from `notebooks.handed_out`, after a run that was asked for figures.

    Returns:
        the PNG files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    written = []
    for cell, several in taken.items():
        figures = [one["figure"] for one in several if "figure" in one]
        for place, figure in enumerate(figures):
            name = cell if place == 0 else f"{cell}-{place + 1}"
            for kind in KINDS:
                (folder / f"{name}.{kind}").write_bytes(base64.b64decode(figure[kind]))
            written.append(folder / f"{name}.png")
    words = "\n".join(_caption(path) for path in written)
    title = f"# Figures of {folder.name}: captions, sources and licences\n\n"
    (folder / "captions.md").write_text(title + words, encoding="utf-8", newline="\n")
    return written


def said(path: Path) -> dict[str, str]:
    """What stands in a PNG file: Title, Description, Source, Copyright."""
    with PngImageFile(path) as picture:
        return dict(picture.text)


def _caption(path: Path) -> str:
    about = said(path)
    shows = " ".join(about["Description"].split())
    return (
        f"## {path.stem}\n\n![{about['Title']}]({path.name})\n\n**{about['Title']}**\n\n{shows}\n\n"
        f"Source: {about['Source']}, {path.stem}. Licence: {about['Copyright']}.\n"
    )


def index(folder: Path) -> str:
    """A page with all figures that lie in the folder, in the order of the chapters."""
    parts = []
    for chapter in sorted(path for path in folder.iterdir() if path.is_dir()):
        parts.append(f"<h2>{chapter.name}</h2>")
        for name in re.findall(r"^## (.+)", (chapter / "captions.md").read_text(encoding="utf-8"), re.M):
            about = {key: html.escape(text) for key, text in said(chapter / f"{name}.png").items()}
            at = f"{chapter.name}/{name}"
            links = ", ".join(f'<a href="{at}.{kind}">{kind.upper()}</a>' for kind in KINDS)
            parts.append(
                f'<figure id="{chapter.name}-{name}"><img loading="lazy" src="{at}.png" '
                f'alt="{about["Description"]}"><figcaption><b>{about["Title"]}</b><br>{name}: {links}<br>'
                f"<small>{about['Source']}, {name}. {about['Copyright']}.</small></figcaption></figure>"
            )
    return PAGE.format("\n".join(parts))
