"""The site: what its pages are made of (quick), and the built pages as a reader meets them, in a browser without a
network (`make test-browser`)."""

import base64
import html
import json
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest
from browsing import CHROMIUM

from course_utils import notebooks, references
from course_utils.pages import ROOT, cards, chapters, front, links, reference, site

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # one pixel
BOX = '<div class="alert alert-success exercise">\n\n### Exercise 1 · Mean ★\n\nWrite it.\n\n</div>'
BOOK = {
    "cells": [
        {"id": "title", "cell_type": "markdown", "metadata": {}, "source": ["# 99 · Try\n", "\n", "A promise."]},
        {
            "id": "card-mean",
            "cell_type": "markdown",
            "metadata": {},
            "source": "## 1 · Part\n\n" + BOX,
        },
        {"id": "exercise-mean", "cell_type": "code", "metadata": {}, "source": "def mean(): ...", "outputs": []},
        {
            "id": "figure-one",
            "cell_type": "code",
            "metadata": {"jupyter": {"source_hidden": True}},
            "source": "# The figure",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {"image/png": {"alt": 'A "curve" that\nfalls.'}},
                    "data": {"image/png": DOT},
                }
            ],
        },
        {
            "id": "result",
            "cell_type": "code",
            "metadata": {},
            "source": "print(1)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["a <b> & c\n"]}],
        },
    ]
}  # fmt: skip


def a_page(tmp_path, book=BOOK):
    path = tmp_path / "99_try.ipynb"
    path.write_text(json.dumps(book), encoding="utf-8")
    return chapters.page(path, lambda text: text)


def test_an_exercise_is_one_box_with_its_cells_inside(tmp_path):
    text = a_page(tmp_path).text
    box = text[text.index("::::::{admonition}") : text.index("\n::::::\n")]
    assert box.startswith("::::::{admonition} Exercise 1 · Mean ★\n:class: exercise\n")
    assert "def mean(): ..." in box
    assert "The figure" not in box
    assert '<div class="alert' not in text


def test_a_figure_has_its_words_as_alt_and_its_code_is_folded(tmp_path):
    page = a_page(tmp_path)
    assert 'alt="A &quot;curve&quot; that falls." width="1" height="1"' in page.text
    assert '<a href="pictures/99_try/figure-one.png">' in page.text
    assert list(page.pictures) == ["figure-one.png"]
    folded = page.text[page.text.index("<summary>The figure's code") :]
    assert folded.index("# The figure") < folded.index("</details>")


def test_what_a_cell_printed_is_shown_as_it_is(tmp_path):
    assert '<pre class="output">a &lt;b&gt; &amp; c</pre>' in a_page(tmp_path).text


def test_a_warning_names_the_notebook_and_its_cell(tmp_path):
    page = a_page(tmp_path)
    line = page.lines.index("print(1)") + 1
    said = f"{tmp_path / 'notebooks' / '99_try.md'}:{line}: WARNING: something\n"
    assert (
        site.explained(said, tmp_path, {"99_try": page}) == "notebooks/99_try.ipynb, cell result: WARNING: something\n"
    )


@pytest.mark.parametrize(
    ("cell", "change", "message"),
    [
        (1, {"source": BOX + "\n\nMore."}, "cell card-mean: nothing may follow a box in its cell"),
        (1, {"source": BOX.replace(" exercise", " homework")}, "cell card-mean: a box must be an exercise's"),
        (
            3,
            {"outputs": [{"metadata": {}, "data": {"image/png": DOT}}]},
            "cell figure-one: a picture must have its words",
        ),
    ],
)
def test_what_no_page_can_show_is_refused_and_its_cell_named(tmp_path, cell, change, message):
    with pytest.raises(ValueError, match=f"99_try.ipynb, {message}"):
        a_page(tmp_path, {"cells": [BOOK["cells"][cell] | change]})


def test_a_link_to_nothing_names_its_cell_and_a_broken_notebook_itself(tmp_path):
    path = tmp_path / "99_try.ipynb"
    path.write_text(json.dumps({"cells": [BOOK["cells"][0] | {"source": "[a](nowhere.md)"}]}), encoding="utf-8")
    with pytest.raises(ValueError, match="99_try.ipynb, cell title: notebooks/99_try.ipynb links nowhere.md"):
        chapters.page(path, lambda text: links.relink(text, "notebooks/99_try.ipynb", {}, copy=print))
    path.write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(ValueError, match="99_try.ipynb must be a notebook as JSON"):
        chapters.page(path, str)


def test_a_prediction_has_its_cell_inside_and_its_answer_is_folded(tmp_path):
    told = '<div class="alert alert-info predict">\n\n**Predict.** How much?\n\n</div>'
    answer = "<details>\n<summary>Answer</summary>\n\nMuch.\n\n</details>"
    words = [("ask", told), ("after", answer)]
    ask, after = ({"id": name, "cell_type": "markdown", "metadata": {}, "source": text} for name, text in words)
    guess = BOOK["cells"][2] | {"id": "guess-mean", "source": "guess = ..."}
    text = a_page(tmp_path, {"cells": [ask, guess, after]}).text
    box, rest = text.split("\n::::::\n")
    assert box.strip().startswith("::::::{admonition} Predict\n:class: predict\n")
    assert "How much?" in box and "guess = ..." in box
    assert rest.index('<details class="answer"><summary>Answer') < rest.index("Much.") < rest.index("</details>")


def test_frames_stand_in_the_place_of_sliders(tmp_path, monkeypatch):
    monkeypatch.setattr(chapters, "FRAMES", tmp_path)
    png = base64.b64decode(DOT)
    told = {"alt": "A.", "slider": "eps", "others": "network: ERM", "start": 1, "labels": ["0", "0.1"],
            "titles": ["Right.", "Wrong."], "pictures": ["widget-x-0.png", "widget-x-1.png"]}  # fmt: skip
    (tmp_path / "99_try").mkdir()
    (tmp_path / "99_try" / "widget-x.json").write_text(json.dumps(told), encoding="utf-8")
    for name in told["pictures"]:
        (tmp_path / "99_try" / name).write_bytes(png)
    words = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "Run this cell."}}
    cells = [{"id": f"widget-{name}", "cell_type": "code", "metadata": {}, "source": "desk()", "outputs": [words]}
             for name in "xy"]  # fmt: skip
    page = a_page(tmp_path, {"cells": cells})
    assert 'min="0" max="1" value="1" aria-valuetext="0.1"' in page.text
    assert 'alt="Wrong."' in page.text
    assert sorted(page.pictures) == told["pictures"]
    assert '<p class="note">Run this cell.</p>' in page.text  # there are no frames for y


PAGES = {"notebooks/03_mixup.ipynb": "notebooks/03_mixup", "README.md": "index", "docs/class.md": "docs/class"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[a](../notebooks/03_mixup.ipynb)", "[a](../notebooks/03_mixup.md)"),
        ("[a](class.md#Colab)", "[a](class.md#colab)"),
        ("[a](#Claim-1)", "[a](#claim-1)"),
        ("[a](../README.md)", "[a](../index.md)"),
        ("[a](https://x.org/y#Z)", "[a](https://x.org/y#Z)"),
        ("[licence](../LICENSE)", "licence (`LICENSE`)"),
        ("[`LICENSE`](../LICENSE)", "`LICENSE`"),
        ("`[a](nowhere.md)`", "`[a](nowhere.md)`"),
        ("```\n[a](nowhere.md)\n```", "```\n[a](nowhere.md)\n```"),
    ],
)
def test_links_lead_to_pages(written, expected, monkeypatch):
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    assert links.relink(written, "docs/glossary.md", PAGES, copy=lambda path: None) == expected


def test_other_files_lead_to_the_repository_where_that_is_known(monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", "https://example.org/course/")
    linked = links.relink("[licence](../LICENSE)", "docs/glossary.md", PAGES, copy=lambda path: None)
    assert linked == "[licence](https://example.org/course/blob/HEAD/LICENSE)"


def test_a_link_to_nothing_says_where_it_stands():
    with pytest.raises(FileNotFoundError, match="docs/glossary.md links nowhere.md"):
        links.relink("[a](nowhere.md)", "docs/glossary.md", PAGES, copy=lambda path: None)


def test_the_verdicts_are_those_that_chapter_08_has_stored():
    rows = front.verdicts()
    judge = next(cell for cell in chapters.read(ROOT / "notebooks" / "08_scorecard.ipynb") if cell["id"] == "judge")
    stored = "".join(judge["outputs"][0]["text"])
    assert [f"{row.number}: {row.verdict}" for row in rows] == stored.strip().split("\n")
    assert all(row.short and row.said and row.moral for row in rows)


def test_each_claim_has_its_own_cards_and_what_the_scorecard_takes_home():
    books = {path.stem: chapters.page(path, str) for path in notebooks.find([])}
    parts = re.split(r"^## Claim (\d) · .+$", front.claims_page(books, str), flags=re.M)
    assert parts[1::2] == list("123456789")
    stored = [
        (name, text)
        for name in books
        for cell in chapters.read(books[name].path)
        for text in ("".join(output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", []))
        if cards.is_card(text) and name != front.SCORECARD
    ]
    for number, part in zip(parts[1::2], parts[2::2]):
        told = f"Claim {number} of the lecture:" if number != "9" else "The lecture's open question:"
        wanted = [(name, cards.read(text).name) for name, text in stored if told in text]
        assert re.findall(r'<li><a href="notebooks/(\w+)\.html#.*?">(.*?)</a>', html.unescape(part)) == wanted
        assert wanted
    judged = {cell["id"]: cell for cell in chapters.read(books[front.SCORECARD].path)}
    for row in front.verdicts():
        assert f"*{row.moral}*" in json.dumps(judged[f"claim-{row.number}"]["outputs"], ensure_ascii=False)


def test_the_bibliography_says_who_cites_what():
    (key, entry), *_ = references.entries().items()
    text = front.bibliography({"a": ("One", f"[x]({entry['url']})"), "b": ("Two", "nothing")})
    assert text.count("[One](/a.md)") == 1 and "/b.md" not in text


def test_the_exam_is_on_no_page_and_no_other_page_is_forgotten():
    listed = [path for paths in site.menu().values() for path in paths] + site.guides()
    assert "docs/lecturers/exam.md" not in listed
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert written - set(listed) <= {"docs/lecturers/exam.md"}
    assert len(listed) == len(set(listed))


def test_the_reference_reads_a_docstring():
    text = reference.prose(
        "Mix *all* of `x`.\n\n    y = 2 * x\n\nArgs:\n    lam: a weight,\n        in [0, 1].\n\nReturns:\n    two."
        "\n\nRaises:\n    ValueError: no x."
    )
    assert text == (
        "Mix \\*all\\* of `x`.\n\n```text\ny = 2 * x\n```\n\n**Arguments**\n\n- `lam`: a weight, in \\[0, 1\\].\n\n"
        "**Returns**\n\ntwo.\n\n**Raises**\n\n- `ValueError`: no x."
    )


def test_the_reference_calls_things_as_a_reader_does():
    assert {"metrics.accuracy", "metrics.verdict"} <= set(reference.public("metrics", reference.rooms()["metrics"]))
    fit = reference.public("training", reference.rooms()["training"])["training.fit"]
    assert reference.signature(fit).startswith("(")
    assert "self" not in reference.described("C", reference.public("widgets", reference.rooms()["widgets"])[
        "widgets.SliderFigure"])  # fmt: skip


def test_names_of_authors():
    assert front.authors({"author": "Zhang, Hongyi and {Lopez-Paz}, David"}) == "Hongyi Zhang and David Lopez-Paz"
    assert front.authors({"author": "Vapnik, Vladimir"}) == "Vladimir Vapnik"


# From here on the built site, in a browser.

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="neither Chromium nor Chrome is installed")
# What is on every page, or in the same colours on the same ground again and again, is looked at where it comes first:
# the menu, pieces of code, plain words, rows of a table. Formulas are pictures.
THIN = """whole => {
  const seen = {};
  const again = (element, times) => {
    const around = element.closest('.admonition, details, li, td, .verdict')?.className;
    const key = [element.tagName, element.className, around].join();
    seen[key] = (seen[key] ?? 0) + 1;
    return seen[key] > times;
  };
  for (const span of document.querySelectorAll('.highlight pre span')) {
    if (again(span, 1)) span.replaceWith(...span.childNodes);
  }
  const more = 'tbody tr:nth-child(n + 6), ul.simple > li:nth-child(n + 9), dl.py:nth-of-type(n + 6)';
  for (const part of document.querySelectorAll(more)) part.remove();
  for (const math of [...document.querySelectorAll('mjx-container')].slice(2)) math.remove();
  for (const words of document.querySelectorAll('p, li')) if (!words.children.length && again(words, 3)) words.remove();
  if (!whole) document.querySelector('.sidebar-drawer').remove();
  for (const details of document.querySelectorAll('details')) details.open = true;
}"""
# The page has taken note of its new width two frames later.
THEMED = """theme => new Promise(done => {
  document.body.dataset.theme = theme;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""
# `region` finds nothing serious, and takes as long as many others.
AXE = """async () => {
  const options = {rules: {region: {enabled: false}}, resultTypes: ['violations'], preload: false};
  return (await axe.run(document, options)).violations.filter(rule => ['serious', 'critical'].includes(rule.impact))
    .map(rule => rule.id + ': ' + rule.nodes[0].html.slice(0, 200));
}"""
# What MathJax could not read stays as it was written, or turns red.
UNREAD = """[...document.querySelectorAll(
  '.math:not(:has(mjx-container)), .math [fill=red], .math [data-mjx-error]'
)].map(math => math.closest('.math').outerHTML)"""
# Colours do not depend on the width, nor places on the colours: two looks show both; some pages are seen in all four.
LOOKS = [(1280, "light"), (360, "dark"), (360, "light"), (1280, "dark")]
WHOLE = {"index.html", "notebooks/00_start_here.html", "search.html"}


@pytest.fixture(scope="module")
def built():
    site.SITE.mkdir(parents=True, exist_ok=True)
    (site.SITE / "page-of-an-older-course.html").touch()
    command = [sys.executable, "-m", "course_utils.pages", "site"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return site.SITE


@pytest.fixture(scope="module")
def browser(built):
    """A page of Chromium that reaches files only; what it asked for besides, and its errors, are kept in lists."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        context = chromium.new_context(reduced_motion="reduce")
        page = context.new_page()
        page.asked, page.errors = [], []
        page.route(lambda address: not address.startswith("file:"), lambda route: (
            page.asked.append(route.request.url), route.abort()))  # fmt: skip
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        yield page
        chromium.close()


def pages_of(built):
    """Every page but the slides, which have tests of their own."""
    return sorted(path for path in built.rglob("*.html") if path.parent.name not in ("slides", "_static"))


@pytest.mark.browser
def test_nothing_is_fetched_from_elsewhere(built):
    """No script, style, picture or font comes from another host."""
    fetched = re.compile(r"""<(?:script|img|source|iframe|link)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"' >]+)""")
    for path in pages_of(built):
        assert not fetched.findall(path.read_text(encoding="utf-8")), path
    for path in built.rglob("*.css"):
        assert not re.findall(r"@import|url\(['\"]?(?:https?:)?//", path.read_text(encoding="utf-8")), path
    scripts = [path for path in built.rglob("*.js") if path.name != "tex-svg.js"]
    for path in scripts:
        assert not re.findall(r"(?:fetch|import)\(['\"](?:https?:)?//", path.read_text(encoding="utf-8")), path


@pytest.mark.browser
def test_what_an_older_build_left_is_gone(built):
    assert not (built / "page-of-an-older-course.html").exists()
    assert (built / "index.html").exists()
    assert len(list((built / "notebooks").glob("*.html"))) == 9


@pytest.mark.browser
def test_every_link_leads_somewhere(built):
    ids = {}
    for path in built.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        ids[path] = {*re.findall(r'\bid="([^"]+)"', text), "", "furo-main-content"}
    broken = []
    for path in pages_of(built):
        for target in re.findall(
            r'<(?:a|img|link|script)\b[^>]*?\b(?:href|src)="([^"]+)"', path.read_text(encoding="utf-8")
        ):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = unquote(target).replace("&amp;", "&").partition("#")
            other = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not other.exists() or (anchor and anchor not in ids.get(other, {anchor})):
                broken.append(f"{path.relative_to(built)}: {target}")
    assert not broken


@pytest.mark.browser
def test_every_figure_has_its_words_and_every_table_its_headings(built):
    for path in pages_of(built):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall("<h1", text)) == 1, path
        assert '<html class="no-js" lang="en"' in text
        for image in re.findall(r"<img[^>]*>", text):
            assert len(re.search(r'alt="([^"]*)"', image)[1]) > 15, (path, image)
        for table in re.findall(r"<table.*?</table>", text, re.S):
            assert 'scope="' in table, path
            assert not re.search(r"<th(?![^>]*scope=)", table.replace("<thead", "")), path
    assert sum(path.read_text(encoding="utf-8").count("<figure") for path in pages_of(built)) > 150


@pytest.mark.browser
@needs_chromium
def test_every_page_can_be_used_by_everyone(built, browser):
    """axe finds nothing serious, in light and dark, wide and narrow; nothing runs out of a narrow page; formulas are
    there, with no network."""
    from axe_playwright_python.base import AXE_SCRIPT

    wrong = []
    for path in pages_of(built):
        browser.set_viewport_size({"width": 1280, "height": 900})
        browser.goto(path.as_uri())
        if '<span class="math' in path.read_text(encoding="utf-8"):
            browser.locator("mjx-container svg").first.wait_for(state="attached")
            browser.evaluate("() => MathJax.startup.promise")
        name = path.relative_to(built).as_posix()
        wrong += [f"{name}: formula: {said}" for said in browser.evaluate(UNREAD)]
        browser.evaluate(THIN, name in WHOLE)
        browser.evaluate(AXE_SCRIPT)
        for width, theme in LOOKS if name in WHOLE else LOOKS[:2]:
            browser.set_viewport_size({"width": width, "height": 900})
            browser.evaluate(THEMED, theme)
            wrong += [f"{name}, {width}, {theme}: {fault}" for fault in browser.evaluate(AXE)]
        for box in ("document.documentElement", "document.querySelector('.content')"):
            if browser.evaluate(f"{box}.scrollWidth - {box}.clientWidth") > 0:
                wrong.append(f"{name} scrolls sideways")
    assert not wrong
    assert not browser.asked
    assert not browser.errors


@pytest.mark.browser
@needs_chromium
def test_a_chapter_as_a_reader_meets_it(built, browser):
    browser.set_viewport_size({"width": 360, "height": 800})
    browser.goto((built / "notebooks" / "03_mixup.html").as_uri())
    assert browser.locator(".admonition.exercise .highlight").first.is_visible()
    assert browser.locator(".admonition.predict").first.is_visible()
    code = browser.locator("#cell-figure-gallery .highlight")
    assert not code.is_visible()
    browser.locator("#cell-figure-gallery summary").first.click()
    assert code.is_visible()
    # Code that is wider than the page scrolls in its own box, by keyboard too.
    wide = browser.locator("pre[tabindex='0']:visible").first
    wide.focus()
    browser.keyboard.press("ArrowRight")
    browser.wait_for_function("() => document.activeElement.scrollLeft > 0")
    assert browser.evaluate("scrollX") == 0


@pytest.mark.browser
@needs_chromium
def test_a_slider_pages_through_its_pictures(built, browser):
    told = next(iter(sorted(chapters.FRAMES.rglob("*.json"))))
    frames = json.loads(told.read_text(encoding="utf-8"))
    browser.set_viewport_size({"width": 1280, "height": 900})
    browser.goto((built / "notebooks" / f"{told.parent.name}.html").as_uri())
    slider = browser.locator(f"#slide-{told.stem}")
    shown = browser.locator(".frames", has=slider)
    assert browser.get_by_label(frames["slider"], exact=True).count() == 1
    slider.focus()
    for key, place in [("Home", 0), ("ArrowRight", 1), ("End", len(frames["labels"]) - 1)]:
        browser.keyboard.press(key)
        assert shown.locator("output").inner_text() == frames["labels"][place]
        assert slider.get_attribute("aria-valuetext") == frames["labels"][place]
        assert shown.locator("img").get_attribute("src").endswith(frames["pictures"][place])
        assert frames["titles"][place] in shown.locator("img").get_attribute("alt")
    browser.wait_for_function(
        "image => image.complete && image.naturalWidth > 0", arg=shown.locator("img").element_handle()
    )


@pytest.mark.browser
@needs_chromium
def test_search_finds_a_word(built, browser):
    browser.set_viewport_size({"width": 1280, "height": 900})
    browser.goto((built / "index.html").as_uri())
    browser.locator(".sidebar-search").fill("SelecMix")
    browser.keyboard.press("Enter")
    browser.locator("#search-results a", has_text="06 · SelecMix").first.wait_for()
    browser.locator("#search-results a", has_text="06 · SelecMix").first.click()
    browser.locator("h1", has_text="06 · SelecMix").wait_for()


@pytest.mark.browser
@needs_chromium
def test_the_theme_changes_and_pictures_stay_on_white(built, browser):
    browser.set_viewport_size({"width": 1280, "height": 900})
    browser.goto((built / "notebooks" / "03_mixup.html").as_uri())
    colour = "selector => getComputedStyle(document.querySelector(selector)).backgroundColor"
    browser.evaluate("document.body.dataset.theme = 'light'")
    light = browser.evaluate(colour, "body")
    browser.locator(".theme-toggle-content .theme-toggle").click()
    assert browser.evaluate("document.body.dataset.theme") == "dark"
    assert browser.evaluate(colour, "body") != light
    assert browser.evaluate(colour, "figure.picture > a") == "rgb(255, 255, 255)"
    # On paper it is light again, without menus.
    browser.emulate_media(media="print")
    assert not browser.locator(".sidebar-drawer").is_visible()
    assert browser.evaluate(colour, "body") == "rgb(255, 255, 255)"
    browser.emulate_media(media="screen")
