"""The course in a real browser: JupyterLab as `make lab` starts it serves a copy of it to headless Chromium.

What only a browser shows: whether a page that was used is whole when it is opened again, whether a picture follows its
slider, what a screen reader is told, what a small screen cuts off. `make test-browser` runs these tests; what the
browser needs to do them stands in browsing.py.
"""

import re

import nbformat
import pytest
from browsing import (
    CHROMIUM,
    RESULTS,
    TOP,
    Course,
    becomes,
    code_cell,
    comes_true,
    ready,
    restart_kernel,
    run,
    save,
    start,
    text,
    type_into,
)

from course_utils.notebooks import find

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: `apt-get install chromium` on Debian and Ubuntu; or put it on the PATH"
)

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
def course(tmp_path_factory):
    """A student's folder, with its JupyterLab."""
    course = Course(tmp_path_factory.mktemp("lab") / "course")
    with course.lab():
        yield course


@pytest.fixture
def page(request):
    """A page of headless Chromium; if the test fails, test-results/ keeps a screenshot. `page.errors` are its own."""
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        failed = request.session.testsfailed
        yield page
        if request.session.testsfailed > failed:
            RESULTS.mkdir(exist_ok=True)
            page.screenshot(path=RESULTS / f"{request.node.name}.png", full_page=True)
        browser.close()


def what_is_wrong(page, cell):
    """Try the desk that a cell shows: a line for each slider that its own picture does not follow."""
    picture, sliders = cell.locator("img.widget-image[src]"), cell.locator(".widget-slider")
    if not comes_true(page, lambda: sliders.count() and picture.count() == 1):
        return [f"no picture with sliders, but {cell.locator('.jp-OutputArea-output').first.inner_text()[-300:]!r}"]
    return list(filter(None, (what_is_ignored(page, slider, picture) for slider in sliders.all())))


def what_is_ignored(page, slider, picture):
    """Move a slider by one step, back if it stands at its end; say so if the picture stays as it was."""
    handle = slider.locator(".noUi-handle")
    before, start = picture.get_attribute("src"), handle.get_attribute("aria-valuenow")
    handle.press("ArrowLeft" if start == handle.get_attribute("aria-valuemax") else "ArrowRight")
    if comes_true(page, lambda: picture.get_attribute("src") != before):
        return None
    name = slider.locator("xpath=..").locator(".widget-label").first.inner_text()
    return f"{name!r} moved, and the picture stayed as it was"


@pytest.mark.browser
@needs_chromium
def test_every_slider_moves_its_picture(course, page):
    """All desks on one page. How fast they are: benchmarks/. What they draw: test_pictures.py."""
    sources = [SETUP, TINY_DATA, *(f"widgets.{name}({arguments})" for name, arguments in DESKS.items())]
    course.write("desks.ipynb", *sources)
    page.set_viewport_size({"width": 1200, "height": 4800})  # tall enough for all of them
    course.open(page, "desks.ipynb")
    for number in range(len(sources)):
        run(page, code_cell(page, number))
    wrong = [
        f"{name}: {line}"
        for number, name in enumerate(DESKS, start=len(sources) - len(DESKS))
        for line in what_is_wrong(page, code_cell(page, number))
    ]
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
def test_the_notebook_opens_as_it_is_stored(course, page):
    """Before anything is run the page shows its pictures, and a sentence where a widget will be."""
    course.open(page, "notebooks/00_start_here.ipynb")
    page.locator(".jp-OutputArea img").first.wait_for()
    becomes(page, lambda: "Run this cell for the sliders" in text(page), "a sentence stands in the slider's place")
    assert "Everything works." in text(page)
    assert "Error displaying widget" not in text(page)


@pytest.mark.browser
@needs_chromium
def test_the_printed_address_opens_the_first_page_and_nothing_covers_it(course, page):
    page.goto(course.printed)
    ready(page)
    assert page.locator(f"{TOP} h1").inner_text().startswith("00 · Start here")
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    chapters = page.locator(".jp-DirListing-itemText", has_text=re.compile(r"^\d\d_"))
    becomes(page, lambda: chapters.all_inner_texts() == [path.name for path in find([])], "the folder shows chapters")
    assert not page.errors


# A page with everything that has left something dead behind: bars, also of trainings; a slider; a figure.
USED = {
    "bars": """
for seed in progress.track(range(3), "networks"):
    training.fit(models.mlp(seed=seed), images, labels, epochs=2)
""",
    "figure": """
figure = plots.pictures(images[:20], [""] * 20, title="Twenty digits")
plots.show(figure, alt='Twenty digits of "MNIST" & <their> labels.')
""",
    "slider": """
widgets.SliderFigure(
    lambda size: plots.pictures(images[:size], [""] * size, title=f"{size} digits"), alt="Digits.", size=(5, 10, 20)
)
""",
}
DIGITS = """
from course_utils import data, exercises, plots, progress, training
from course_utils.predictions import predict

images, labels = data.load_mnist("test", n=500)
"""
# The first optimizer of a kernel imports half of PyTorch.
WARM = "training.fit(models.mlp(), images, labels, epochs=1)\n"
GUESS = 'guess = predict("", of="00 error of blind guessing")'


SAID_INSTEAD = """() => getComputedStyle(
  document.querySelector(".jp-OutputArea-output.jupyter-widgets:not(:has(*))") ?? document.body, "::before").content"""


def what_is_dead(page):
    """Lines on the page that no student should see, and errors that the browser tells its developers."""
    lines = [line for line in text(page).splitlines() if re.search(r"Error|rror displaying|not found", line)]
    # JupyterLab's debugger complains by itself if a page is left before it has heard from a new kernel.
    return lines + [error for error in page.errors if "debugger" not in error]


def shows_everything(page):
    """The figure and the slider with its picture are there."""
    return page.get_by_role("img", name="Twenty digits").count() and page.locator("img.widget-image").is_visible()


@pytest.mark.browser
@needs_chromium
def test_a_used_page_is_whole_when_it_is_opened_again(course, page):
    """Run, save, reload; restart the kernel, reload: the figure, the slider and its last picture stay. No dead bar."""
    course.write("work/used.ipynb", SETUP, DIGITS, *USED.values(), GUESS)
    course.open(page, "work/used.ipynb")
    for number in range(len(USED) + 3):
        run(page, code_cell(page, number))
    page.locator(".noUi-handle").press("ArrowRight")
    moved = page.get_by_role("img", name="10 digits")
    becomes(page, moved.is_visible, "the picture follows")
    type_into(page, code_cell(page, len(USED) + 2), GUESS.replace('""', '"90 %"'))
    save(page, course, "work/used.ipynb")
    for restarted in (False, True):
        if restarted:
            restart_kernel(page)
        course.open(page, "work/used.ipynb")
        becomes(page, lambda: shows_everything(page), "the page shows what it showed")
        assert moved.is_visible() and page.locator(".widget-slider").is_visible()
        assert '"90 %"' in code_cell(page, len(USED) + 2).inner_text()
        assert not what_is_dead(page)
    # JupyterLab saves no state of widgets whose kernel is gone; then the page says what to do.
    restart_kernel(page)
    save(page, course, "work/used.ipynb")
    course.open(page, "work/used.ipynb")
    gone = code_cell(page, 4).locator(".jp-OutputArea-output.jupyter-widgets")
    becomes(page, lambda: gone.count() and "Run this cell" in page.evaluate(SAID_INSTEAD), "it says what to do")
    page.errors.clear()
    assert not what_is_dead(page)


@pytest.mark.browser
@needs_chromium
def test_a_screen_reader_hears_what_the_page_shows(course, page):
    """A figure has its words, a slider its name and its value as the page says it."""
    slider = """
five = lambda share: plots.pictures(images[:5], [""] * 5, title="")
widgets.SliderFigure(five, alt="Five digits.", share=(0.1, 0.4))
"""
    course.write("work/spoken.ipynb", SETUP, DIGITS, USED["figure"], slider)
    course.open(page, "work/spoken.ipynb")
    for number in range(4):
        run(page, code_cell(page, number))
    assert page.get_by_role("img", name='Twenty digits of "MNIST" & <their> labels.', exact=True).is_visible()
    page.locator(".noUi-handle").press("ArrowRight")
    reader = page.context.new_cdp_session(page)

    def heard():
        tree = reader.send("Accessibility.getFullAXTree")["nodes"]
        return [(node["name"]["value"], node.get("value", {}).get("value")) for node in tree if "name" in node]

    becomes(page, lambda: ("share", "0.4") in heard(), "the field beside the slider is heard with its value")


@pytest.mark.browser
@needs_chromium
def test_the_stop_button_stops_a_loop_of_trainings(course, page):
    """At once, with a plain sentence; and the cell can be run again."""
    loop = """
runs += 1
for seed in progress.track(range(3), "networks"):
    training.fit(models.mlp(seed=seed), images, labels, epochs=100_000 if runs == 1 else 1)
print("all three are there")
"""
    course.write("work/stopped.ipynb", SETUP, DIGITS + WARM + "runs = 0", loop)
    course.open(page, "work/stopped.ipynb")
    run(page, code_cell(page, 0))
    run(page, code_cell(page, 1))
    cell = code_cell(page, 2)
    start(page, cell)
    cell.locator(".jp-OutputArea-output .jupyter-widgets").first.wait_for()
    page.locator(f"{TOP} [data-jp-item-name=interrupt]").click()
    ready(page)
    said = cell.locator(".jp-OutputArea").inner_text()
    assert "Stopped" in said
    assert not re.search(r"Traceback|\.py|all three", said)
    run(page, cell)
    becomes(page, lambda: "all three are there" in cell.inner_text(), "the cell runs to its end")
    assert not what_is_dead(page)


# What a screen of this width cuts off: code that leaves its cell, formulas and tables wider than theirs, the page.
CUT = """() => {
  const cut = [], wider = element => element.clientWidth && element.scrollWidth > element.clientWidth + 1;
  const say = (what, element) => cut.push(`${what}: ${element.innerText.slice(0, 90)}`);
  if (wider(document.documentElement)) cut.push("the window");
  const page = document.querySelector(".jp-WindowedPanel-outer"), end = page.getBoundingClientRect().right;
  if (wider(page)) for (const part of page.querySelectorAll("*")) if (part.getBoundingClientRect().right > end)
    cut.push(`the page, ${part.className}: ${part.textContent.slice(0, 90)}`);
  for (const code of document.querySelectorAll(".jp-CodeCell .cm-scroller")) if (wider(code)) say("code", code);
  for (const cell of document.querySelectorAll(".jp-MarkdownCell .jp-RenderedMarkdown")) {
    const edge = cell.getBoundingClientRect().right + 1;
    for (const formula of cell.querySelectorAll("mjx-container"))
      if (wider(formula) || formula.getBoundingClientRect().right > edge) say("formula", formula.parentElement);
    for (const table of cell.querySelectorAll("table"))
      if (table.getBoundingClientRect().right > edge) say("table", table);
  }
  return cut;
}"""
WRAPPED = """() => [...document.querySelectorAll(".jp-CodeCell .cm-line")].filter(
  line => line.clientHeight > 1.7 * parseFloat(getComputedStyle(line).lineHeight)).map(line => line.innerText)"""
# The badge that the course's stylesheet puts on cells to write in: all of them, by their code's first line.
MARKED = """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-editor")].map(editor => {
  const badge = getComputedStyle(editor, "::before").content;
  return [badge === "none" ? "" : badge.replaceAll('"', ""), editor.querySelector(".cm-line").innerText];
}).filter(([badge]) => badge)"""


@pytest.mark.browser
@needs_chromium
def test_small_screens_cut_nothing_and_cells_to_write_in_are_marked(course, page):
    """All chapters' cells on one page; figures' code is folded there as it is in the chapters."""
    cells = [cell for path in find([]) for cell in nbformat.read(path, as_version=4).cells]
    for number, cell in enumerate(cells):
        cell.id = f"c{number}"
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    course.write("work/all.ipynb", *cells)
    course.open(page, "work/all.ipynb")
    becomes(page, lambda: page.locator(f"{TOP} .jp-Cell").count() == len(cells), "all cells are there")
    becomes(page, lambda: page.locator("mjx-container").count() > 100, "formulas are set")
    first_lines = [
        ["your code" if "exercise" in cell.metadata.get("tags", []) else "your prediction", cell.source.splitlines()[0]]
        for cell in cells
        if "exercise" in cell.metadata.get("tags", []) or re.search(r"= predict\(", cell.source)
    ]
    assert page.evaluate(MARKED) == first_lines
    for width in (1024, 900):
        page.set_viewport_size({"width": width, "height": 768})
        uncut = comes_true(page, lambda: not page.evaluate(CUT))
        assert uncut, f"{width} pixels: {page.evaluate(CUT)}"
        if width == 1024:
            assert not page.evaluate(WRAPPED), "longer than a line"
