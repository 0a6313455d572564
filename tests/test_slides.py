"""Lectures from the chapters' cells: what is wrong with a slide is said, each deck fits its screen, is large enough for
the back of the room, and opens without a network."""

import base64
import io
import json
import re

import pytest
from browsing import CHROMIUM, PATIENCE
from PIL import Image

from course_utils import notebooks, plots
from course_utils.claims import Claim, Difference, Evidence
from course_utils.pages import cards, slides

NAMES = notebooks.CHAPTERS
CLAIM = Claim(
    "Claim 5, first half: a test",
    "Mixup is better: by far.",
    [Evidence("error: on digits", [1.0, 2.0], above=0, below=3, margin=0.5), Difference("B − A", [1, 2, 3], above=5)],
    of=5,
    condition="a small alpha.",
    controls=[Evidence("of another", [0.5], above=0, unit="points"), Difference("late", [1, 1, 2], below=-1, unit="×")],
    limits="one network: ten epochs.",
)
PICTURE = base64.b64encode(plots.png(plots.panels(height=1)[0])).decode()


def cells():
    """A lecture of twelve slides, with every kind."""

    def cell(name, *shown, source="", **outputs):
        made = [{"kind": kind, "title": f"{kind}?", "notes": "Say it.", **more} for kind, more in shown]
        data = [{"data": outputs}] if outputs else []
        kind = "code" if source else "markdown"
        return {"id": name, "cell_type": kind, "metadata": {"slides": made}, "source": [source], "outputs": data}

    picture = {"image/png": PICTURE, "text/plain": "a < b in words"}
    card = {"image/png": PICTURE, "text/plain": str(CLAIM)}
    code = 'x = 1\n\n\ndef near(a):\n    return a < 2 and "b"\n\n\ny = 2'
    return [
        {"id": "head", "cell_type": "markdown", "metadata": {}, "source": ["# 03 · Mixup\n", "more"]},
        cell("title", ("title", {"text": "A promise of $x < 1 & y$."})),
        cell("ask", *[("question", {"pause": 120})] * 4, ("predict", {"pause": 60, "text": "- *one*\n- two"})),
        cell("code", ("code", {"lines": "def"}), ("idea", {"text": "```python\na < 1\n```\n\n<b>"}), source=code),
        cell("figure", ("figure", {}), source="draw()", **picture),
        cell("claim", ("card", {}), ("idea", {}), source="claim()", **card),
        cell("last", ("end", {"text": "That was [it](https://example.org)."})),
    ]


@pytest.fixture
def pictures(tmp_path):
    """A folder with the lecture's one picture."""
    (tmp_path / "pictures" / "03_mixup").mkdir(parents=True)
    (tmp_path / "pictures" / "03_mixup" / "figure.png").write_bytes(base64.b64decode(PICTURE))
    return tmp_path / "pictures"


@pytest.fixture
def lecture(tmp_path, pictures, monkeypatch):
    """The deck of `cells`, written."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    (tmp_path / "03_mixup.ipynb").write_text(json.dumps({"cells": cells()}), encoding="utf-8")
    (deck,) = slides.build(["03"], tmp_path / "slides", pictures)
    return deck


# The schema


def test_a_lecture_with_every_kind_is_well(pictures):
    assert slides.problems("03_mixup", cells(), pictures) == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"titel": "x"}, "titel is not known; keys are kind, title, text, pause, lines, notes"),
        ({"notes": None}, "notes must be of type str, got None"),
        (
            {"kind": "answer"},
            "kind must be one of title, question, predict, idea, code, figure, card, end, got 'answer'",
        ),
        ({"title": "a" * 61}, "title must be one line of at most 60 letters, got 61: 'aaa"),
        ({"title": " "}, "title must be one line of at most 60 letters, got 1: ' '"),
        ({"text": "word " * 51}, "text must have at most 50 words, got 51"),
        ({"notes": "\n"}, "notes must say what to say, got none"),
        (
            {"text": "![x](x.png)"},
            "text may link to https://… only and show no pictures (that is kind figure), got '!['",
        ),
        ({"text": "[x](../y.md)"}, "got '](../y.md)'"),
        ({"text": "```\n# code\n```\n# Words"}, "text may have no headings (that is title), got '# Words'"),
        ({"kind": ["idea"]}, "kind must be of type str, got ['idea']"),
        ({"pause": 5}, "pause must be from 10 to 600 seconds, got 5"),
        ({"pause": "60"}, "pause must be of type int, got '60'"),
        ({"lines": "def"}, "lines is for code alone, got it on predict"),
        ({"kind": "idea"}, "pause is for predict and question alone, got it on idea"),
        (
            {"kind": "figure", "pause": ...},
            "kind figure shows a figure with its words, got a cell whose outputs have none",
        ),
        ({"kind": "figure", "pause": ...}, "no picture docs/slides/03_mixup/ask.png: make run NB=03 draws it"),
        ({"kind": "card", "pause": ...}, "kind card shows a claim's card, got a cell with 0 of them"),
        ({"kind": "code", "pause": ...}, "kind code shows code, got a cell of text"),
        ({"pause": ...}, "pause is missing: how many seconds the room has to write its prediction down"),
        ({"kind": ...}, "kind is missing"),
    ],
)
def test_what_is_wrong_with_a_slide_says_where_and_what_is_expected(pictures, change, wanted):
    book = cells()
    slide = book[2]["metadata"]["slides"][4]
    slide |= change
    for key in [key for key, value in change.items() if value is ...]:
        del slide[key]
    lines = slides.problems("03_mixup", book, pictures)
    assert any(line.startswith("03_mixup, cell ask, slide 5: ") and wanted in line for line in lines), lines


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("def far", "lines must be found in the cell's code, got 'def far'"),
        ("(", "missing ), unterminated subpattern"),
        (None, "code must have at most 14 lines of 62 letters, got 8 lines, the longest of 70: 'y = 111"),
    ],
)
def test_code_that_does_not_fit_is_named(pictures, pattern, wanted):
    book = cells()
    book[3]["source"] = [book[3]["source"][0].replace("y = 2", "y = " + 66 * "1")]
    slide = book[3]["metadata"]["slides"][0]
    slide.pop("lines") if pattern is None else slide.update(lines=pattern)
    (line,) = slides.problems("03_mixup", book, pictures)
    assert line.startswith("03_mixup, cell code, slide 1: ")
    assert wanted in line


def test_a_lecture_has_a_length_a_beginning_an_end_and_answers(pictures):
    book = cells()
    assert slides.problems("03_mixup", book[:2], pictures) == [
        "03_mixup: a lecture has 12 to 20 slides, got 1",
        "03_mixup: the last slide, and no other, must be of kind end, got title",
    ]
    book[4]["metadata"], book[5]["metadata"]["slides"][0]["kind"] = {}, "idea"
    lines = slides.problems("03_mixup", book, pictures)
    assert "03_mixup: slide 6 asks for a prediction, and no figure or card answers before the next" in lines
    book[2]["metadata"]["slides"] = "none"
    assert "03_mixup, cell ask: slides must be a list of slides, got 'none'" in slides.problems(
        "03_mixup", book, pictures
    )


def test_a_deck_with_faults_is_not_written(tmp_path, pictures, monkeypatch):
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    (tmp_path / "03_mixup.ipynb").write_text(json.dumps({"cells": cells()[:2]}), encoding="utf-8")
    with pytest.raises(ValueError, match="03_mixup: a lecture has 12 to 20 slides, got 1\n"):
        slides.build(["03"], tmp_path / "slides", pictures)
    assert not (tmp_path / "slides").exists()


def test_words_are_counted_as_they_are_read():
    assert slides.count_words("- one, *two*\n- **three** = $a + b$ – $$c\nd$$ ```\ncode here\n``` four") == 4
    assert [slides.minutes(s) for s in (45, 60, 90, 120)] == ["45 seconds", "1 minute", "90 seconds", "2 minutes"]


def test_code_is_shown_from_the_line_that_is_asked_for_to_the_end_of_its_statement():
    code = cells()[3]
    assert slides.source(code, "def near") == 'def near(a):\n    return a < 2 and "b"'
    assert slides.source(code, "x =") == "x = 1"
    assert slides.source(code).count("\n") == 7


# Cards


def test_a_card_is_read_back_from_its_words():
    card = cards.read(str(CLAIM))
    assert (card.name, card.verdict, card.text) == (CLAIM.name, CLAIM.verdict, CLAIM.text)
    assert (card.heard, card.condition, card.limits) == (CLAIM.heard, CLAIM.condition, CLAIM.limits)
    error, difference, other, late = card.measured
    assert error == cards.Measured("error: on digits", "above 0 % and below 3 %", "0.5", "in 2 of 2 runs", True, False)
    assert (difference.bound, difference.margin, difference.passed) == ("above 5 points", "", False)
    assert (other.what, other.passed, other.control) == ("of another", True, True)
    assert (late.bound, late.runs, late.passed) == ("below −1 ×", "95 % interval of 3 pairs", False)
    assert (
        slides.bound(error).replace("\N{NO-BREAK SPACE}", " ") == "above 0 % and below 3 %, 0.5 to spare, 2 of 2 runs"
    )


@pytest.mark.parametrize("text", ["", "A figure: holds here.", f"{CLAIM}\n  and more"])
def test_what_is_no_card_is_not_read(text):
    with pytest.raises(ValueError, match="text must be a card's words, got"):
        cards.read(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_stored_card_is_read_whole(name):
    book = json.loads((notebooks.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        texts = ["".join(output["data"]["text/plain"]) for output in cell.get("outputs", []) if "data" in output]
        texts = [text for text in texts if "\n  Limits: " in text]
        assert texts or not re.match("claim-(?!so)", cell["id"]), cell["id"]
        for text in texts:
            card = cards.read(text)
            parts = [card.heard, card.condition, card.limits, *card.measured]
            assert len(text.splitlines()) == 1 + len(list(filter(None, parts)))
            assert all(row.what and row.bound for row in card.measured)


# What is written


def test_a_deck_says_what_its_cells_say(lecture):
    page = lecture.read_text(encoding="utf-8")
    assert page.count("<section ") == page.count('<aside class="notes">') == 12
    assert "<title>03 · Mixup: slides · Beyond training error</title>" in page
    assert '<html lang="en">' in page
    assert '<img src="assets/03_mixup/figure.png" alt="a &lt; b in words">' in page
    assert r"A promise of <span class=\"math inline\">\(x &lt; 1 &amp; y\)</span>.".replace('\\"', '"') in page
    assert "&lt;b&gt;" in page  # Markdown alone
    assert "1 minute: write it down" in page
    assert "2 minutes: talk to your neighbour" in page
    assert "✗ does not hold here" in page
    assert "Condition: a small alpha." in page
    assert "<b>Control passes too:</b> of another" in page
    assert "12 of 12" in page


def test_the_notes_of_a_card_hold_its_limits_and_what_the_lecture_says(lecture):
    page = lecture.with_name("03_mixup-notes.html").read_text(encoding="utf-8")
    assert page.count("<article>") == page.count("<p>Say it.</p>") == 12
    assert "Claim 5 of the lecture: Mixup regularizes" in page
    assert "<strong>Limits, in full:</strong> one network: ten epochs." in page


def test_a_deck_has_beside_it_all_that_it_needs(lecture):
    for page in (lecture, lecture.with_name("03_mixup-notes.html")):
        needed = re.findall(r'(?:src|href)="(?!https://example.org)(.+?)"', page.read_text(encoding="utf-8"))
        assert len(needed) > 3
        assert all((lecture.parent / name).is_file() for name in needed), needed
    look = (lecture.parent / "assets" / "deck.css").read_text(encoding="utf-8")
    assert set(re.findall(r"url\((.{20})", look)) == {"data:font/woff2;base"}


@pytest.mark.parametrize("name", NAMES)
def test_every_chapter_has_a_lecture(name):
    book = json.loads((notebooks.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert not slides.problems(name, book["cells"])


# In the browser

# Everything that is seen lies in its slide and above the footer, letters are 24 pixels high (those of formulas are as
# high as the words beside them, their indices less), and pictures are there, have words, and letters as high.
LOOK = """
(letters) => {
  const slide = document.querySelector(".slides > section.present"), found = [];
  const edge = slide.getBoundingClientRect(), body = slide.querySelector(".body"), end = body.getBoundingClientRect();
  const beyond = (box, wall) => Math.max(wall.left - box.left, box.right - wall.right, wall.top - box.top,
                                         box.bottom - wall.bottom);
  const read = (node) => !node.closest("aside, mjx-assistive-mml, svg *");
  for (const part of [...slide.querySelectorAll("*")].filter(read)) {
    const box = part.getBoundingClientRect(), wall = body.contains(part) ? end : edge;
    const said = `<${part.localName}> ${part.textContent.trim().slice(0, 40)}`;
    const over = box.width && box.height ? Math.round(beyond(box, wall)) : 0;
    const wide = part.matches("pre, div, p, h1, h2, li") ? part.scrollWidth - part.clientWidth : 0;
    if (Math.max(over, wide) > 1) found.push(`${Math.max(over, wide)} px over: ${said}`);
  }
  const words = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const part = words.currentNode.parentElement, size = parseFloat(getComputedStyle(part).fontSize);
    if (words.currentNode.data.trim() && read(part) && size < 24) found.push(`${size} px: ${words.currentNode.data}`);
  }
  for (const picture of slide.querySelectorAll("img")) {
    const box = picture.getBoundingClientRect();
    const shown = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
    const size = letters[picture.getAttribute("src")] * shown;
    if (!picture.naturalWidth || !picture.alt) found.push(`not there, or without words: ${picture.src}`);
    if (!(size >= 23.5)) found.push(`letters of ${size.toFixed(1)} px: ${picture.getAttribute("src")}`);
  }
  // What MathJax could not read stays as it was written, or turns red.
  const unread = ".math:not(:has(mjx-container)), .math [fill=red], .math [data-mjx-error]";
  for (const math of slide.querySelectorAll(unread)) found.push(`no formula: ${math.closest(".math").textContent}`);
  if (!slide.querySelector("aside.notes").textContent.trim()) found.push("no notes");
  return found;
}
"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """Every chapter's deck."""
    return {deck.stem: deck for deck in slides.build([], tmp_path_factory.mktemp("slides"))}


@pytest.fixture(scope="module")
def screen():
    """A screen of 1024 × 768 pixels; what it asked for is in its list `asked`."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: `apt-get install chromium` on Debian and Ubuntu; or put it on the PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1024, "height": 768})
        page.set_default_timeout(1000 * PATIENCE)
        page.asked, page.wrong = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        yield page
        browser.close()


def show(screen, deck):
    """Open a deck, and wait until it is there."""
    screen.goto("about:blank")
    screen.goto(deck.as_uri())
    screen.wait_for_function("window.Reveal && Reveal.isReady()")
    screen.evaluate("document.fonts.ready")


def smallest_letter(path):
    """How high the smallest letter of a picture is, in its own pixels."""
    return float(Image.open(io.BytesIO(path.read_bytes())).text["smallest letter"].split()[0])


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_every_slide_fits_its_screen_and_can_be_read_from_the_back_of_the_room(decks, screen, name):
    own = decks[name].parent / "assets" / name
    letters = {f"assets/{name}/{path.name}": smallest_letter(path) for path in own.glob("*.png")}
    show(screen, decks[name])
    found = []
    for number in range(screen.evaluate("Reveal.getTotalSlides()")):
        screen.evaluate(f"Reveal.slide({number})")
        found += [f"slide {number + 1}: {line}" for line in screen.evaluate(LOOK, letters)]
    assert number + 1 in slides.DECK
    assert not found, "\n".join(found)


@pytest.mark.browser
def test_decks_and_notes_ask_for_files_alone(decks, screen):
    """(The tests above have opened the decks.)"""
    for deck in list(decks.values())[3:5]:
        screen.goto(deck.with_name(f"{deck.stem}-notes.html").as_uri())
        screen.wait_for_function("document.querySelectorAll('mjx-container').length > 1")
        assert screen.locator("article img").count() > 1
    assert screen.asked
    assert {url.split(":")[0] for url in screen.asked} <= {"file", "data", "about"}
    assert not screen.wrong


@pytest.mark.browser
def test_a_deck_is_steered_from_the_keyboard_and_its_bar_fills_while_the_room_thinks(decks, screen):
    show(screen, decks["03_mixup"])
    kinds = screen.evaluate("[...document.querySelectorAll('.slide')].map((slide) => slide.classList[1])")
    bars = "document.getAnimations().filter((going) => going.animationName === 'fill')"
    running = f"{bars}.map((bar) => bar.effect.getTiming().duration)"
    for _ in range(kinds.index("predict")):
        assert screen.evaluate(running) == [] or screen.locator("section.present.question").count()
        screen.keyboard.press("ArrowRight")
    assert screen.locator("section.present.predict").is_visible()
    (duration,) = screen.evaluate(running)
    assert 10_000 <= duration <= 600_000
    screen.emulate_media(reduced_motion="reduce")
    bar = "getComputedStyle(document.querySelector('.present .pause div'), '::after').animationTimingFunction"
    assert screen.evaluate(bar).startswith("steps(10")
    screen.emulate_media(reduced_motion="no-preference")


@pytest.mark.browser
def test_the_key_s_opens_the_notes_of_the_slide(decks, screen):
    show(screen, decks["03_mixup"])
    said = screen.evaluate("document.querySelector('.present aside').textContent").split(".")[0]
    with screen.context.expect_page() as opened:
        screen.keyboard.press("s")
    opened.value.locator(".speaker-controls-notes .value", has_text=said.strip()).wait_for()
    opened.value.close()


@pytest.mark.browser
def test_a_deck_prints_a_page_a_slide(decks, screen):
    show(screen, decks["03_mixup"])
    count = screen.evaluate("Reveal.getTotalSlides()")
    printed = screen.pdf(prefer_css_page_size=True)
    screen.goto(f"{decks['03_mixup'].as_uri()}?print-pdf")
    screen.wait_for_function("!document.querySelector('link[media=screen]')")
    for paper in (printed, screen.pdf(prefer_css_page_size=True)):
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == count
        assert set(re.findall(rb"/MediaBox \[(.+?)\]", paper)) == {b"0 0 768 576"}


@pytest.mark.browser
def test_a_screen_reader_meets_no_serious_fault_in_deck_or_notes(decks, screen):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    show(screen, decks["03_mixup"])
    kinds = screen.evaluate("[...document.querySelectorAll('.slide')].map((slide) => slide.classList[1])")
    faults = []
    for number in sorted(map(kinds.index, set(kinds))):
        screen.evaluate(f"Reveal.slide({number})")
        faults += axe.run(screen).response["violations"]
    screen.goto(decks["03_mixup"].with_name("03_mixup-notes.html").as_uri())
    faults += axe.run(screen).response["violations"]
    serious = [fault for fault in faults if fault["impact"] in ("serious", "critical")]
    assert not [(fault["id"], fault["nodes"][0]["html"]) for fault in serious]
