"""Sliders in a real browser: JupyterLab serves them, headless Chromium moves them, and the picture must follow.

nbval cannot see a missing widget manager, which shows a slider as text. Run with `make test-browser`.
"""

import ast
import os
import re
import shutil
import subprocess
import symtable
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from course_utils.notebooks import NOTEBOOKS

RESULTS = Path(__file__).resolve().parents[1] / "test-results"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="needs Chromium: `apt-get install chromium` on Debian and Ubuntu; or put it on the PATH",
    ),
]
BOOKS = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if '"widget-' in path.read_text(encoding="utf-8")]
# Settings of JupyterLab by extension. Its news popup would cover the page; cells out of sight have no text.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on localhost, over copies of the notebooks, with settings of its own. Gives its address and folder."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, home / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name, content in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "RUNTIME")}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "work")}
    log = (home / "lab.log").open("w")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=localhost"]
    command += ["--ServerApp.port=0", f"--ServerApp.root_dir={home / 'notebooks'}"]
    server = subprocess.Popen(command, env=os.environ | folders, stdout=log, stderr=log, cwd=home)
    try:
        yield wait_for_address(home / "lab.log", server), home / "notebooks"
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def wait_for_address(log, server):
    """The server's address with its token, once it answers."""
    for _ in range(240):
        found = re.search(r"(http://(?:localhost|127\.0\.0\.1):\d+)/lab\S*\?token=(\w+)", log.read_text())
        if found:
            address, token = found.groups()
            urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=10)
            return address, token
        assert server.poll() is None, log.read_text()
        time.sleep(0.25)
    raise TimeoutError(log.read_text())


@pytest.fixture
def page(request):
    """A page of headless Chromium; a screenshot is kept in test-results/ if the test fails."""
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        failed = request.session.testsfailed
        yield page
        if request.session.testsfailed > failed:
            RESULTS.mkdir(exist_ok=True)
            page.screenshot(path=RESULTS / f"{request.node.name}.png", full_page=True)
        browser.close()


def open_notebook(page, lab, name):
    (address, token), _ = lab
    page.goto(f"{address}/doc/tree/{name}?reset&token={token}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)


def run_all(page, cells):
    """Run the whole notebook. A key pressed before the kernel is attached is lost silently: press until it counts."""
    prompts = page.locator(".jp-CodeCell .jp-InputArea-prompt")
    page.locator(".jp-CodeCell .cm-content").first.click()
    for _ in range(60):
        if prompts.first.inner_text() != "[ ]:":
            break
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(500)
    for number in range(cells):
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.keyboard.press("Control+Enter")
        page.wait_for_function(
            "n => /\\d/.test(document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')[n].innerText)",
            arg=number, timeout=300_000,
        )  # fmt: skip


def reads_and_sets(source):
    """The variables that a cell takes from cells before it, and those that it sets (but not `table["key"] = …`)."""
    reads, sets = set(), set()
    for line in ast.parse(source).body:
        tables = [symtable.symtable(ast.unparse(line), "cell", "exec")]
        for table in tables:
            tables += table.get_children()
        top = tables[0].get_symbols()
        used = [s for s in top if s.is_referenced()] + [s for t in tables[1:] for s in t.get_symbols() if s.is_global()]
        reads |= {symbol.get_name() for symbol in used} - sets
        sets |= {symbol.get_name() for symbol in top if symbol.is_assigned() or symbol.is_imported()}
    return reads, sets


def what_widgets_need(cells):
    """The set-up, the widgets, and the cells that make what those use; not the other experiments."""
    kept, wanted = [], set()
    for cell in reversed([cell for cell in cells if cell.cell_type == "code"]):
        reads, sets = reads_and_sets(cell.source)
        if cell.id == "setup" or cell.id.startswith("widget-") or sets & wanted:
            kept.insert(0, cell)
            wanted = (wanted - sets) | reads
    return kept


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        (["x = 1", "y = 2", "x = x + 1", "show(x)"], [0, 2, 3]),
        (["k = 3", "d = [k for k in range(3)]", "show(k, d)"], [0, 1, 2]),
        (["from m import g", "def f():\n    return g()", "def h():\n    g = 1", "show(f())"], [0, 1, 3]),
    ],
)
def test_a_widget_gets_the_cells_it_needs_and_no_others(lines, needed):
    cells = [nbformat.v4.new_code_cell(line, id=f"cell-{i}") for i, line in enumerate(lines)]
    cells[-1].id = "widget-it"
    assert what_widgets_need(cells) == [cells[i] for i in needed]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_every_slider_moves_its_picture(path, lab, page):
    """The notebook's widgets in a copy without the experiments that they do not need. How fast: benchmarks/."""
    book = nbformat.read(path, as_version=4)
    book.cells = what_widgets_need(book.cells)
    for cell in book.cells:
        cell.outputs, cell.execution_count = [], None
    name = f"widgets_of_{path.name}"
    nbformat.write(book, lab[1] / name)
    open_notebook(page, lab, name)
    run_all(page, len(book.cells))

    handles = page.locator(".jp-OutputArea .widget-slider .noUi-handle")
    handles.first.wait_for(timeout=30_000)
    picture = page.locator(".jp-OutputArea img.widget-image")
    assert handles.count() > 0
    for number in range(handles.count()):
        before = picture.first.get_attribute("src")
        handles.nth(number).focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => document.querySelector('.jp-OutputArea img.widget-image').src !== before",
            arg=before, timeout=30_000,
        )  # fmt: skip


def test_the_notebook_opens_as_it_is_stored(lab, page):
    """Before anything is run the page shows its pictures, and a sentence where a widget will be."""
    open_notebook(page, lab, "00_start_here.ipynb")
    page.locator(".jp-OutputArea img").first.wait_for(timeout=30_000)
    text = page.locator(".jp-Notebook").inner_text()
    assert "Everything works." in text
    assert "Run this cell for the sliders" in text
    assert "Error displaying widget" not in text
