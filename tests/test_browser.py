"""Sliders in a real browser: JupyterLab serves them, headless Chromium moves them, and the picture must follow.

nbval cannot see a missing widget manager, which shows a slider as text. All the course's desks stand on one page, with
tiny data: what a browser can find needs no training. Run with `make test-browser`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from course_utils.notebooks import NOTEBOOKS, clean, find

RESULTS = Path(__file__).resolve().parents[1] / "test-results"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: `apt-get install chromium` on Debian and Ubuntu; or put it on the PATH"
)
# Settings of JupyterLab by extension. Its news popup would cover the page; cells out of sight have no text.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}
PATIENCE = 15  # seconds, for a desk to appear and for a picture to follow

SETUP = """
from course_utils import biased, claims, data, memorization, metrics, models, plots, widgets
import torch

plots.use_style()
"""
# Each step of each slider gives another picture. Of two recorded trainings with the same answers it would not.
TINY_DATA = """
images, labels = data.load_mnist("test", n=100)
nets = {"ERM": models.small_cnn(seed=0), "mixup": models.small_cnn(seed=1)}

noisy = {}
for share in (0.2, 0.4):
    told, _ = data.flip_labels(labels, share, 10, torch.Generator().manual_seed(0))
    seen = torch.stack([labels, told])
    noisy[share] = memorization.NoisyRun(images, labels, told, seen, torch.tensor([0.9, 0.6]))

bias = labels.roll(1)
sheet = biased.colour_swaps(widgets.one_of_each(images, labels))
digits, colours = torch.arange(10).repeat_interleave(10), torch.arange(10).repeat(10)
by_colour = biased.BiasedRun(labels, bias, torch.stack([bias, labels]), torch.stack([colours, digits]))
recorded = {0.01: by_colour, 0.05: by_colour._replace(test=by_colour.test.flip(0))}

coloured = biased.paint(images, bias, 0.005, torch.Generator().manual_seed(0))
moments = {f"seed {seed}": metrics.outputs(models.encoder(seed=seed), coloured) for seed in (0, 1)}
embedded = widgets.Embedded(coloured, labels, bias, moments)
anchors = torch.tensor([int((labels == digit).nonzero()[0]) for digit in range(10)])

scene = biased.draw_scene(torch.tensor([0]), torch.tensor([True]), torch.tensor([0]), torch.Generator().manual_seed(0))
seeing = {f"seed {seed}": models.mlp(3 * 32 * 32, (8,), 4, seed) for seed in (0, 1)}

judged = {k: claims.Claim(f"Claim {k}", "", [claims.Evidence("share", [k, k + 1], above=0)], "") for k in (1, 2)}
"""
# The desks of the course, in the order of its chapters, and what each is given.
DESKS = {
    "digit_browser": "",
    "moons_playground": "",
    "by_heart": "noisy",
    "mixing_desk": 'nets, {"ERM": 0.0, "mixup": 1.0}, images, labels',
    "attack_desk": "nets, images, labels",
    "bias_desk": "recorded, sheet",
    "pair_desk": "embedded, anchors",
    "hand_desk": "seeing, scene",
    "card_desk": "judged",
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
    """A page of headless Chromium, tall enough for all desks; if the test fails, test-results/ keeps a screenshot."""
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1200, "height": 4800})
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
            arg=number, timeout=60_000,
        )  # fmt: skip


def comes_true(page, condition):
    """Whether it does before our patience ends."""
    for _ in range(10 * PATIENCE):
        if condition():
            return True
        page.wait_for_timeout(100)
    return False


def what_is_wrong(page, cell):
    """Try the desk that a cell shows: a line for each slider that its own picture does not follow."""
    parts = cell.locator(".widget-vbox > *")
    picture, sliders = parts.and_(page.locator("img.widget-image[src]")), parts.and_(page.locator(".widget-slider"))
    if not comes_true(page, lambda: sliders.count() and picture.count() == parts.count() - sliders.count() == 1):
        return [f"no picture with sliders, but {cell.locator('.jp-OutputArea-output').first.inner_text()[-300:]!r}"]
    return list(filter(None, (what_is_ignored(page, slider, picture) for slider in sliders.all())))


def what_is_ignored(page, slider, picture):
    """Move a slider by one step, back if it stands at its end; say so if the picture stays as it was."""
    handle, readout = slider.locator(".noUi-handle"), slider.locator(".widget-readout")
    before, start = picture.get_attribute("src"), readout.inner_text()
    at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    handle.press("ArrowLeft" if at_end else "ArrowRight")
    if comes_true(page, lambda: picture.get_attribute("src") != before):
        return None
    name = slider.locator(".widget-label").inner_text()
    return f"{name!r} went from {start} to {readout.inner_text()}, and the picture stayed as it was"


@pytest.mark.browser
@needs_chromium
def test_every_slider_moves_its_picture(lab, page):
    """All desks on one page. How fast they are: benchmarks/. What they draw: test_pictures.py."""
    sources = [SETUP, TINY_DATA, *(f"widgets.{name}({arguments})" for name, arguments in DESKS.items())]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources])
    clean(book)  # it names the kernel, for which JupyterLab would ask
    nbformat.write(book, lab[1] / "desks.ipynb")
    open_notebook(page, lab, "desks.ipynb")
    run_all(page, len(sources))
    cells = page.locator(".jp-CodeCell").all()[-len(DESKS) :]
    wrong = [f"{name}: {line}" for name, cell in zip(DESKS, cells) for line in what_is_wrong(page, cell)]
    assert not wrong, "\n".join(wrong)


def test_every_desk_of_the_course_is_on_the_page():
    """A new chapter's desk belongs in DESKS; no browser is needed to see that it is missing."""
    cells = [cell for path in find([]) for cell in nbformat.read(path, as_version=4).cells]
    sources = [cell.source for cell in cells if cell.id.startswith("widget-")]
    shown = [re.findall(r"\bwidgets\.(\w+)\(", source) for source in sources]
    assert all(shown), "a cell called widget-* shows nothing of course_utils.widgets"
    assert {name for names in shown for name in names} == set(DESKS)


@pytest.mark.browser
@needs_chromium
def test_the_notebook_opens_as_it_is_stored(lab, page):
    """Before anything is run the page shows its pictures, and a sentence where a widget will be."""
    open_notebook(page, lab, "00_start_here.ipynb")
    page.locator(".jp-OutputArea img").first.wait_for(timeout=30_000)
    text = page.locator(".jp-Notebook").inner_text()
    assert "Everything works." in text
    assert "Run this cell for the sliders" in text
    assert "Error displaying widget" not in text
