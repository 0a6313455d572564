"""What a run hands out beside the page: pictures for slides, frames of sliders, files for somebody else's slides."""

import base64
import io
import json
import re
from itertools import pairwise

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_utils import biased, claims, data, models, notebooks, plots, widgets
from course_utils.claims import Claim, Evidence
from course_utils.memorization import NoisyRun
from course_utils.notebooks import DOCS, find
from course_utils.pages import figures
from course_utils.plots import elsewhere
from course_utils.widgets import slider

BOOKS = {path.stem: nbformat.read(path, as_version=4) for path in find([])}
WIDGETS = [(stem, cell) for stem, book in BOOKS.items() for cell in book.cells if cell.id.startswith("widget-")]


@pytest.fixture(autouse=True)
def in_style():
    plots.use_style()


@pytest.fixture(params=BOOKS, scope="module")
def chapter(request):
    return request.param


def opened(png):
    return Image.open(io.BytesIO(png))


def curves(panels=2):
    """A figure as wide as the page, with names at the ends of its lines, long headings, and more ticks than fit."""
    frame = pd.DataFrame({"epoch": range(1, 11), "training error": 0.1, "validation error": 0.11})
    tables = {f"what was seen in the run number {k}": frame for k in range(panels)}
    return plots.line_panels(
        tables, "epoch", ["training error", "validation error"], title="It falls & <rises>", ylabel="y"
    )


def sheet(columns=10, rows=2):
    images = torch.rand(rows * columns, 1, 28, 28)
    return plots.pictures(images, ["0.57 × 7"] * len(images), title="Digits", columns=columns)


def display_of(monkeypatch, asked, put):
    """The bundle that a display holds, if the environment asks for this."""
    page = []
    monkeypatch.setattr(plots.page, "display", lambda shown, **_: page.append(shown))
    monkeypatch.setenv(plots.ASKED, asked)
    put()
    return page[0]


def test_nothing_is_handed_out_unless_asked_for(monkeypatch):
    bundle = display_of(monkeypatch, "", lambda: plots.show(curves(), alt="Two lines."))
    assert set(bundle) == {"image/png", "text/plain"}
    assert plots.HANDED_OUT not in widgets.digit_browser()._repr_mimebundle_()


def test_a_figure_hands_out_a_slide_and_a_card_does_not(monkeypatch):
    bundle = display_of(monkeypatch, "slides", lambda: plots.show(curves(), alt="Two lines."))
    slide = opened(base64.b64decode(bundle[plots.HANDED_OUT]["slide"]))
    assert slide.size[0] == 960 and slide.size[1] <= 600
    claim = Claim("Claim 9", "All is well.", [Evidence("error", [0.1], below=1)], "one seed")
    assert plots.HANDED_OUT not in display_of(monkeypatch, "slides", claim.card)


@pytest.mark.parametrize("draw", [curves, sheet])
def test_the_figure_stays_as_it_is(draw):
    figure = draw()
    plots.png(figure)  # lays it out

    def look():
        words = [text.get_text() for ax in figure.axes for text in (*ax.texts, ax.title, ax._left_title)]
        places = [ax.get_position().bounds for ax in figure.axes]
        return figure.get_size_inches().tolist(), figure.dpi, figure.get_suptitle(), words, places

    before = look()
    plots.for_slide(figure)
    if not figure.axes[0].images:
        plots.for_others(figure, "words", "here")
    assert look() == before


def test_the_page_shows_the_same_picture_whatever_is_asked_for(monkeypatch):
    shown = [display_of(monkeypatch, asked, lambda: plots.show(curves(), "Two.")) for asked in ("", "slides")]
    assert shown[0]["image/png"] == shown[1]["image/png"]


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text().strip() and text.get_visible()]


def test_on_a_slide_letters_keep_their_distance():
    slide = elsewhere.narrower(curves())
    slide.draw_without_rendering()
    assert slide.get_suptitle() == ""
    headings = boxes(ax._left_title for ax in slide.axes)
    assert headings[0].x1 < headings[1].x0 and headings[1].x1 <= slide.bbox.x1
    for ax in slide.axes:
        names = sorted(boxes(ax.texts), key=lambda box: box.y0)
        assert names[0].y1 <= names[1].y0 + 4
        ticks = [tick for tick in boxes(ax.get_xticklabels()) if ax.bbox.x0 - 1 <= tick.x0 <= ax.bbox.x1]
        assert not any(one.overlaps(other) for one, other in pairwise(ticks))


def test_a_slide_shows_fewer_images_rather_than_captions_that_meet():
    slide = elsewhere.narrower(sheet())
    slide.draw_without_rendering()
    captions = boxes(ax.title for ax in slide.axes)
    assert 10 <= len(captions) < 20
    assert not any(one.overlaps(other) for k, one in enumerate(captions) for other in captions[:k])
    rows = sorted({round(ax.bbox.y0) for ax in slide.axes})
    assert rows[1] - rows[0] < 2.5 * slide.axes[0].bbox.height  # and no gaps between the rows


def test_names_of_rows_stay_on_a_slide():
    table = {f"a method with a name as long as this one, {k}": {"test": [0.5], "training": [0.6]} for k in range(9)}
    slide = elsewhere.narrower(plots.dot_table(table, title="t"))
    slide.draw_without_rendering()
    assert len(boxes(slide.axes[0].get_yticklabels())) == 9


def test_a_legend_that_is_too_wide_gets_another_row():
    figure, axes = plots.panels()
    for k in range(4):
        axes[0, 0].plot([0, k], label=f"a method with a long name, {k}")
    figure.legend(loc="outside lower center", ncols=4)
    slide = elsewhere.narrower(figure)
    slide.draw_without_rendering()
    (legend,) = slide.legends
    assert legend.get_window_extent().width < slide.bbox.width and len(legend.get_texts()) == 4


def test_a_run_writes_files_and_stores_the_page_as_ever(tmp_path, monkeypatch):
    sources = {
        "setup": "from course_utils import plots, widgets\nplots.use_style()\nfigure, axes = plots.panels()",
        "figure-a": "axes[0, 0].plot([1, 2])\nplots.show(figure, alt='A line.')",
        "figure-b": "plots.show(figure, alt='The same.')",
        "widget-c": "widgets.SliderFigure(lambda k, j: (figure.suptitle(f'{k}, {j}'), figure)[1],\n"
        "    alt='A line.', start={'k': 3}, along='k', j=['a'], k=range(1, 5))",
    }
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s, id=name) for name, s in sources.items()])
    book.cells[1].metadata["slides"] = [{"kind": "figure", "title": "A line"}]
    monkeypatch.setattr(notebooks, "DOCS", tmp_path)
    for folder in ("slides", "frames"):
        (tmp_path / folder / "03_x").mkdir(parents=True)
        (tmp_path / folder / "03_x" / "old.png").write_bytes(b"")
    notebooks.execute(book, pictures="slides")
    notebooks.store("03_x", book, notebooks.handed_out(book))
    assert [set(o.data) for o in book.cells[1].outputs] == [{"image/png", "text/plain"}, {"text/html", "text/plain"}]
    assert [set(o.data) for o in book.cells[3].outputs] == [{"text/plain"}]
    assert "beyond-training-error" not in nbformat.writes(book)
    assert [path.name for path in (tmp_path / "slides" / "03_x").iterdir()] == ["figure-a.png"]
    manifest = json.loads((tmp_path / "frames" / "03_x" / "widget-c.json").read_text(encoding="utf-8"))
    assert manifest == {
        "alt": "A line.", "slider": "k", "others": "j: a", "start": 2, "labels": list("1234"),
        "titles": [f"{k}, a. A line." for k in "1234"], "pictures": [f"widget-c-{k}.png" for k in range(4)],
    }  # fmt: skip
    written = {path.name for path in (tmp_path / "frames" / "03_x").iterdir()}
    assert written == {"widget-c.json", *manifest["pictures"]}


def test_a_slide_shows_no_picture_where_none_is_drawn():
    card = nbformat.v4.new_code_cell("", id="claim-1", metadata={"slides": [{"kind": "figure"}]})
    with pytest.raises(ValueError, match="got claim-1 of 03_x"):
        notebooks.store("03_x", nbformat.v4.new_notebook(cells=[card]), {})


def test_frames_go_from_the_first_value_to_the_last_and_show_the_start():
    assert slider.a_few(4, 2) == [0, 1, 2, 3]
    assert slider.a_few(9, 0) == list(range(9))
    assert slider.a_few(21, 8) == [0, 4, 8, 12, 16, 20]
    for count in (10, 45, 50):
        for start in (0, 1, count // 2, count - 1):
            places = slider.a_few(count, start)
            assert places[0] == 0 and places[-1] == count - 1 and start in places and 6 <= len(places) <= 7


def desk_of(stem, labels):
    """The chapter's widget, not drawn: its controls; of its data only what they depend on, and epochs as stored."""
    some, last = data.load_mnist("test", n=100), int(re.sub(r"\D", "", labels[-1]) or 0)
    noisy, run = NoisyRun(None, None, None, None, range(last)), biased.BiasedRun(None, None, range(last), None)
    nets, anchors = {"ERM": models.mlp()}, torch.arange(10)
    seen = widgets.Embedded(torch.rand(10, 3, 28, 28), anchors, anchors, dict.fromkeys(labels, torch.rand(10, 4)))
    scene = biased.draw_scene(*torch.zeros(3, 1, dtype=torch.int64), torch.Generator())
    claim = claims.Claim("A claim", "It holds.", [claims.Evidence("errors", [1], below=2)], "one run")
    return {
        "00": widgets.digit_browser, "01": widgets.moons_playground, "02": lambda: widgets.by_heart({0.5: noisy}),
        "03": lambda: widgets.mixing_desk(nets, {"ERM": 1.0}, *some),
        "04": lambda: widgets.attack_desk(nets, *some),
        "05": lambda: widgets.bias_desk({0.5: run}, torch.rand(100, 3, 28, 28)),
        "06": lambda: widgets.pair_desk(seen, anchors), "07": lambda: widgets.hand_desk(nets, scene),
        "08": lambda: widgets.card_desk(dict.fromkeys(range(1, 10), claim)),
    }[stem[:2]]()  # fmt: skip


@pytest.mark.parametrize(("stem", "cell"), WIDGETS, ids=[stem for stem, _ in WIDGETS])
def test_every_slider_has_its_frames(stem, cell, monkeypatch):
    folder = DOCS / "frames" / stem
    kept = json.loads((folder / f"{cell.id}.json").read_text(encoding="utf-8"))
    monkeypatch.setattr(widgets.SliderFigure, "_draw", lambda self: None)
    desk = desk_of(stem, kept["labels"])
    main = desk.sliders[desk.along]
    options = [label for label, _ in main.options]
    assert kept["alt"] == desk.alt
    assert kept["slider"] == slider.words(desk.along)
    if stem[:2] in ("02", "05"):  # where they start depends on what was recorded
        assert set(kept["labels"]) <= set(options) and {options[0], options[-1]} <= set(kept["labels"])
    else:
        assert kept["labels"] == [options[place] for place in slider.a_few(len(options), main.index)]
        assert kept["labels"][kept["start"]] == slider.chosen(main)
    assert 4 <= len(kept["labels"]) <= 9
    others = [slider.words(name) for name in desk.sliders if name != desk.along]
    assert re.findall(r"(?:^|, )([\w ]+): ", kept["others"]) == others
    assert {path.name for path in folder.iterdir()} == {f"{cell.id}.json", *kept["pictures"]}
    pictures = [(folder / name).read_bytes() for name in kept["pictures"]]
    assert len(set(pictures)) == len(pictures) == len(kept["labels"]) == len(kept["titles"])
    assert sum(map(len, pictures)) <= 400_000
    for picture in map(opened, pictures):
        assert picture.width == round(100 * plots.WIDTH)
        assert np.asarray(picture.convert("L")).std() > 5


def test_no_frames_are_left_of_what_is_no_widget():
    assert {path.name for path in (DOCS / "frames").iterdir()} == {stem for stem, _ in WIDGETS}


def test_every_picture_that_a_slide_shows_is_there_and_no_other(chapter):
    folder = DOCS / "slides" / chapter
    wanted = {f"{name}.png" for name in notebooks.on_slides(BOOKS[chapter])}
    assert {path.name for path in folder.glob("*")} == wanted, f"run `make run NB={chapter[:2]}`"
    assert sum(path.stat().st_size for path in folder.glob("*")) <= 600_000


def test_every_letter_of_a_picture_on_a_slide_can_be_read_from_the_last_row(chapter):
    for path in (DOCS / "slides" / chapter).glob("*"):
        picture = Image.open(path)
        assert picture.width == 960 and 150 < picture.height <= 600, path.name
        letters, text = picture.info["smallest letter"].split(" ", 1)
        assert float(letters) >= 24, f"{path.name}: {text!r}"
        assert np.asarray(picture.convert("L")).std() > 5, path.name


def test_files_for_others_say_what_they_are_and_whose():
    figure = sheet(columns=2, rows=1)
    plots.png(figure)
    files = plots.for_others(figure, "Ten digits.\nTwice.", "Beyond training error, chapter 03")
    png, svg, pdf = (base64.b64decode(files[kind]) for kind in ("png", "svg", "pdf"))
    picture = opened(png)
    assert picture.width == round(200 * plots.WIDTH)
    assert picture.text["Title"] == "Digits" == files["title"]
    assert picture.text["Description"] == "Ten digits.\nTwice."
    assert "CC BY-SA 3.0" in picture.text["Copyright"] and "MIT" in picture.text["Copyright"]
    for words in ("Digits", "Ten digits.", "Beyond training error, chapter 03", "CC BY-SA 3.0", "MIT License"):
        assert words in svg.decode()
    assert b"<text" not in svg  # letters are outlines: the font need not be there
    assert b"/Title (Digits)" in pdf and b"/FontFile2" in pdf
    assert "CC BY-SA" not in plots.for_others(curves(1), "Lines.", "here")["licence"]  # no digits in it


@pytest.mark.filterwarnings("error")
def test_a_figure_whose_panels_stand_at_fixed_places_goes_out_without_a_word():
    """A warning would stop the run."""
    figure = Figure(layout="none")
    figure.add_axes((0, 0, 1, 1)).text(0.1, 0.1, "words")
    plots.for_slide(figure)
    plots.for_others(figure, "Words.", "here")


def test_a_chapter_that_stops_keeps_its_figures_and_the_others_are_drawn(tmp_path, monkeypatch, capsys):
    ran = []

    def execute(book, pictures):
        ran.append(pictures)
        figure, _ = plots.panels()
        plots.headline(figure, "It falls & <rises>")
        made = plots.for_others(figure, "A <line>.", pictures.removeprefix("figures of "))
        cell = next(cell for cell in book.cells if cell.cell_type == "code")
        cell.outputs = [nbformat.v4.new_output("display_data", {plots.HANDED_OUT: {"figure": made}}) for _ in "ab"]
        if len(ran) == 1:
            raise ValueError("no more")

    monkeypatch.setattr(notebooks, "execute", execute)
    with pytest.raises(RuntimeError, match="03_mixup stopped at an error"):
        figures.build(["03", "04"], tmp_path)
    assert ran == ["figures of Beyond training error, chapter 03", "figures of Beyond training error, chapter 04"]
    said = capsys.readouterr().out
    assert "03_mixup: 2 figures, then it stopped: no more" in said and "04_adversarial: 2 figures\n" in said
    names = {f"setup{place}.{kind}" for place in ("", "-2") for kind in ("png", "svg", "pdf")}
    for name in ("03_mixup", "04_adversarial"):
        assert {path.name for path in (tmp_path / name).iterdir()} == {"captions.md", *names}
    captions = (tmp_path / "03_mixup" / "captions.md").read_text(encoding="utf-8")
    assert "**It falls & <rises>**" in captions and "A <line>." in captions
    assert "Source: Beyond training error, chapter 03, setup-2. Licence: MIT License" in captions
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4 and 'alt="A &lt;line&gt;."' in page and "It falls &amp; &lt;rises&gt;" in page
    assert all((tmp_path / target).exists() for target in re.findall(r'(?:src|href)="(.+?)"', page))
