"""The course as a student has it in the browser: a folder of its own, JupyterLab as `make lab` starts it, Chromium.

Everything here waits for what should come true, and never for a time to pass: a busy machine is slow, not wrong.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat

from course_utils.notebooks import NOTEBOOKS, clean

ROOT = NOTEBOOKS.parent
RESULTS = ROOT / "test-results"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ADDRESS = re.compile(r"(http://localhost:\d+)/\S*\?token=(\w+)")
PATIENCE = 60  # seconds, for whatever should come true
# The notebook that is on top: others may lie open behind it.
TOP = ".jp-NotebookPanel:not(.lm-mod-hidden)"


class Course:
    """A copy of the course in a folder of its own, with its JupyterLab. The repository's own work/ is not touched.

    Args:
        home: an empty folder.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home.with_suffix(".log")
        leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "imagenette")
        for room in ("course_utils", "notebooks", "data", "docs"):
            shutil.copytree(ROOT / room, home / room, ignore=leave)

    @contextlib.contextmanager
    def lab(self):
        """Its JupyterLab runs; `self.printed` is the address that it prints."""
        folders = {name: str(self.home / ".jupyter" / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        own = {f"JUPYTER_{name}_DIR": folder for name, folder in folders.items()}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(self.home / ".jupyter/settings"), "PYTHONPATH": str(self.home)}
        command = [sys.executable, "-m", "course_utils.lab", "--no-browser", "--ServerApp.port=0"]
        with self.log.open("w", encoding="utf-8") as log:
            server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, cwd=self.home)
        try:
            wait(lambda: server.poll() is not None or ADDRESS.search(self.said()), "JupyterLab prints its address")
            assert server.poll() is None, self.said()
            found = ADDRESS.search(self.said())
            self.printed, (self.address, self.token) = found[0], found.groups()
            yield
        finally:
            server.terminate()
            server.wait(timeout=60)

    def said(self) -> str:
        """What the terminal says."""
        return self.log.read_text(encoding="utf-8")

    def write(self, name: str, *cells) -> None:
        """A page of your own in the folder; `cells` are nbformat's, or the sources of code cells."""
        made = [nbformat.v4.new_code_cell(cell.strip()) if isinstance(cell, str) else cell for cell in cells]
        book = nbformat.v4.new_notebook(cells=made)
        clean(book)  # it names the kernel, for which JupyterLab would ask
        nbformat.write(book, self.home / name)

    def read(self, name: str):
        """A page as it is saved now."""
        return nbformat.read(self.home / name, as_version=4)

    def open(self, page, name: str) -> None:
        """Open a page alone, and wait until it is there and its kernel is ready."""
        page.goto(f"{self.address}/lab/tree/{name}?reset&token={self.token}")
        ready(page)


def wait(condition, what: str) -> None:
    """Until it comes true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE} seconds"
        time.sleep(0.1)


def comes_true(page, condition) -> bool:
    """Whether it does before our patience ends."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(100)
    return True


def becomes(page, condition, what: str) -> None:
    """Wait until it does, while the page goes on."""
    assert comes_true(page, condition), f"{what}: not within {PATIENCE} seconds"


def ready(page) -> None:
    """The page is there, and its kernel waits for work."""
    page.locator(f"{TOP} .jp-CodeCell").first.wait_for(timeout=1000 * PATIENCE)
    page.locator(f"{TOP} .jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=1000 * PATIENCE)


def code_cell(page, number: int):
    """A code cell, counted from 0."""
    return page.locator(f"{TOP} .jp-CodeCell").nth(number)


def code_cell_with(page, text: str):
    """The code cell that has these words in its code."""
    return page.locator(f"{TOP} .jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first


def start(page, cell) -> None:
    """Run a cell, without waiting for its end. A key that comes before the kernel is attached is lost silently, and the
    page says that it is idle all the same: press until it counts."""
    prompt = cell.locator(".jp-InputArea-prompt")
    before = prompt.inner_text()
    cell.locator(".cm-content").click()
    for _ in range(PATIENCE):
        page.keyboard.press("Control+Enter")
        for _ in range(20):
            if prompt.inner_text() != before:
                return
            page.wait_for_timeout(50)
    raise AssertionError(f"the cell does not start: {cell.inner_text()[:200]}")


def run(page, cell) -> None:
    """Run a cell, and wait until it has ended and the kernel waits for work."""
    start(page, cell)
    prompt = cell.locator(".jp-InputArea-prompt")
    becomes(page, lambda: re.search(r"\d", prompt.inner_text()), "the cell ends")
    page.locator(f"{TOP} .jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=1000 * PATIENCE)


def type_into(page, cell, source: str) -> None:
    """Put this code into a cell, in place of what is there."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def save(page, course: Course, name: str) -> None:
    """Ctrl+S; the file on the disk is new afterwards."""
    path = course.home / name
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    becomes(page, lambda: path.stat().st_mtime_ns != before and _whole(course, name), "the page is saved")


def _whole(course: Course, name: str) -> bool:
    try:
        return bool(course.read(name).cells)
    except ValueError:  # half written
        return False


def restart_kernel(page) -> None:
    """The button, and yes."""
    page.locator(f"{TOP} [data-jp-item-name=restart]").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-Dialog").wait_for(state="detached")
    ready(page)


def text(page) -> str:
    """What the page on top says."""
    return page.locator(f"{TOP} .jp-Notebook").inner_text()
