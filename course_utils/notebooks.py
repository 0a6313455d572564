"""Run the course's notebooks and store what they show, cleanly: `python -m course_utils.notebooks 01`.

Stored in a notebook are text and pictures; in docs/slides/ the pictures that its slides show, in docs/frames/ a handful
of frames of each slider. Not stored: timestamps, widget state, progress bars and anything a
machine's speed or path could change, or the record of whoever runs them. What a cell prints to stderr
stops the run.
"""

import base64
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils import folder

# nbformat and nbclient take seconds to import: only who runs a notebook waits for them.
if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = folder.ROOT / "notebooks"
DOCS = folder.ROOT / "docs"
# The course's own. Whatever else lies beside them (a copy with your answers) is yours: nobody runs or tests it.
CHAPTERS = (
    "00_start_here", "01_erm", "02_memorization", "03_mixup", "04_adversarial", "05_bias", "06_selecmix",
    "07_fish_and_hand", "08_scorecard",
)  # fmt: skip
# In docs/: the notebook and the cell that draw them.
README_PICTURES = {
    "course.png": ("01_erm", "figure-toy-boundary"),
    "scorecard.png": ("08_scorecard", "figure-scorecard"),
}
WIDGET = "application/vnd.jupyter.widget-view+json"


def find(numbers: list[str]) -> list[Path]:
    """The chapters whose names begin with these numbers ("01"), or all of them if there are none.

    Raises:
        FileNotFoundError: no chapter begins with one of them, or the course's folder is not here.
    """
    folder.demand()
    unknown = [number for number in numbers if not any(name.startswith(number) for name in CHAPTERS)]
    if unknown:
        raise FileNotFoundError(f"no chapter begins with {' or '.join(unknown)}; there are {', '.join(CHAPTERS)}")
    return [NOTEBOOKS / f"{name}.ipynb" for name in CHAPTERS if not numbers or name.startswith(tuple(numbers))]


def execute(notebook: "NotebookNode", timeout: int = 600, pictures: str = "") -> None:
    """Run every cell, from a fresh kernel, in the notebooks' own folder; the outputs go into `notebook`.

    Args:
        notebook: to run, in place.
        timeout: of a cell, in seconds.
        pictures: what its figures and sliders hand out beside their pictures (`plots.ASKED`), for `handed_out` to take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
        RuntimeError: a cell printed to stderr.
        KeyboardInterrupt: an interrupt. The kernel ends with this process.
    """
    import asyncio

    from nbclient import NotebookClient

    def hear_ctrl_c(notebook: "NotebookNode") -> None:  # nbclient would end its kernel, and then stumble over that
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    # store_widget_state=False breaks nbclient 0.11; `clean` removes the state afterwards.
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources=resources,
        record_timing=False,
        coalesce_streams=True,
        on_notebook_start=hear_ctrl_c,
    )
    # Without MPLBACKEND the kernel chooses: pictures in the page.
    outside = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    try:
        client.execute(env=outside | {"COURSE_RECORD": "off", "COURSE_PICTURES": pictures})
    except KeyboardInterrupt:
        client.shutdown_kernel = "immediate"  # at the end of this process; it would complain about an end in the midst
        raise
    clean(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise RuntimeError(f"cell {cell.id} printed to stderr: {output.text}")


def clean(notebook: "NotebookNode") -> None:
    """Keep text and pictures; drop what only a running kernel can fill, or what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
        if "outputs" in cell:
            gone: tuple[dict, ...] = {}, {"text/plain": ""}  # a widget, and what a bar leaves in its place
            cell.outputs = [output for output in cell.outputs if output.get("data") not in gone]


def handed_out(notebook: "NotebookNode") -> dict[str, list[dict]]:
    """Take out of the outputs what the page does not show: for each cell that handed out something, that, in order."""
    from course_utils.plots import HANDED_OUT  # takes seconds too

    taken: dict[str, list[dict]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if HANDED_OUT in output.get("data", {}):
                taken.setdefault(cell.id, []).append(output.data.pop(HANDED_OUT))
    return taken


def on_slides(notebook: "NotebookNode") -> list[str]:
    """The cells whose picture a slide of the chapter shows."""
    slides = {cell.id: cell.metadata.get("slides", []) for cell in notebook.cells}
    return [name for name, shown in slides.items() if any(slide["kind"] == "figure" for slide in shown)]


def store(chapter: str, notebook: "NotebookNode", taken: dict[str, list[dict]]) -> None:
    """Write the chapter's pictures for slides and its frames of sliders into docs/, in place of those that are there.

    Args:
        chapter: the notebook's name, "03_mixup".
        taken: from `handed_out`, after a run that was asked for "slides".

    Raises:
        ValueError: a slide shows the picture of a cell that draws no figure.
    """
    slides: dict[str, bytes] = {}
    frames: dict[str, bytes] = {}
    for name in on_slides(notebook):
        if name not in taken:
            raise ValueError(f"a slide of kind figure must stand at a cell that draws one, got {name} of {chapter}")
        slides[f"{name}.png"] = base64.b64decode(taken[name][0]["slide"])
    for name, (first, *_) in taken.items():
        if "frames" in first:
            names = [f"{name}-{place}.png" for place in range(len(first["frames"]["pictures"]))]
            frames |= zip(names, map(base64.b64decode, first["frames"]["pictures"]))
            manifest = first["frames"] | {"pictures": names}
            frames[f"{name}.json"] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    for place, files in ((DOCS / "slides" / chapter, slides), (DOCS / "frames" / chapter, frames)):
        for file, content in files.items():
            place.mkdir(parents=True, exist_ok=True)
            folder.write(place / file, content)
        for old in place.glob("*"):
            if old.name not in files:
                old.unlink()


def picture(notebook: "NotebookNode", cell_id: str) -> bytes:
    """The PNG file that a cell has stored."""
    outputs = next(cell.outputs for cell in notebook.cells if cell.id == cell_id)
    return base64.b64decode(next(o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})))


def main(numbers: list[str]) -> None:
    """Run the named notebooks in place, and say how long each took. An interrupt leaves the one that runs as it was."""
    folder.print_anything()
    try:
        for path in (paths := find(numbers)):
            path.open("ab").close()  # whether it can be written, before minutes are spent
        _run(paths)
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("stopped; the notebook that ran is as it was before, those before it are done", file=sys.stderr)
        sys.exit(130)


def _run(paths: list[Path]) -> None:
    import nbformat

    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        start = time.perf_counter()
        execute(notebook, pictures="slides")
        store(path.stem, notebook, handed_out(notebook))
        folder.write(path, f"{nbformat.writes(notebook)}\n".encode())
        for file, (name, cell) in README_PICTURES.items():
            if name == path.stem:
                folder.write(DOCS / file, picture(notebook, cell))
        print(f"{path.name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
