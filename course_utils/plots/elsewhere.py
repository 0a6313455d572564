"""The same figure for other places than the page: on a slide of the course's own, and in somebody else's talk.

`plots.show` and the sliders hand these out beside what the page shows, if the environment asks for them: whoever runs a
notebook (`course_utils.notebooks.execute`) takes them out of its outputs. They are made of a copy: the figure that the
page shows stays as it is.
"""

import copy
import io
import os
import re
import warnings
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from PIL.PngImagePlugin import PngInfo

from course_utils.plots import fit
from course_utils.plots.page import filled, png

# "slides": pictures for the course's own slides and pages; "figures of …": files for somebody else's, and what of.
ASKED = "COURSE_PICTURES"
HANDED_OUT = "application/vnd.beyond-training-error+json"  # the MIME type; no page knows it

# A slide of 1024 × 768 has room for a picture of 960 × 600 pixels below its title. In a figure of SLIDE_INCHES across,
# letters of `SMALL` points are 24 pixels high there: the last row of a room can read them.
SLIDE_PIXELS, SLIDE_INCHES = (960, 600), 6.6
LINE = 0.26  # inches from one line of letters to the next

# What goes with every figure that leaves the course.
LICENCE = "MIT License, © 2026 the authors of Beyond training error"
DIGITS = "MNIST digits, where it shows some: Yann LeCun, Corinna Cortes and Christopher J.C. Burges, CC BY-SA 3.0"


def handed_out(figure: Figure, alt: str, slide: bool) -> dict[str, dict]:
    """What the environment asks for, as a further MIME type of a display: {"slide": a PNG file} or {"figure": …}, files
    in base64. Empty if it asks for nothing, or for a slide where `slide` is false."""
    asked = os.environ.get(ASKED, "")
    if asked == "slides" and slide:
        return {HANDED_OUT: {"slide": b64encode(for_slide(figure)).decode()}}
    if asked.startswith("figures of "):
        return {HANDED_OUT: {"figure": for_others(figure, alt, asked.removeprefix("figures of "))}}
    return {}


def for_others(figure: Figure, alt: str, source: str) -> dict[str, str]:
    """The figure as it is on the page, as files for others: a PNG of twice as many pixels, an SVG, a PDF.

    In the SVG letters are outlines, for it is opened where the course's font is not installed (PowerPoint, Inkscape);
    the PDF carries the font along, and its text can be searched (LaTeX, Keynote). What the figure shows, where it is
    from and its licence stand in each file's own metadata too.

    Returns:
        "title", "licence", and "png", "svg", "pdf", the files in base64.
    """
    fit.figure(figure)
    fit.text(alt=alt, source=source)
    title = " ".join(figure.get_suptitle().split()) or alt.split(". ")[0]
    licence = LICENCE + (f". {DIGITS}" if any(ax.images for ax in figure.axes) else "")
    about = {"Title": title, "Description": alt, "Source": source}
    for_pdf = {"Title": title, "Subject": f"{alt}\nSource: {source}. {licence}", "CreationDate": None}
    written = PngInfo()
    for name, text in (about | {"Copyright": licence}).items():
        written.add_itxt(name, text)
    options: dict[str, dict[str, Any]] = {
        "png": {"pil_kwargs": {"pnginfo": written}},
        "svg": {"metadata": about | {"Rights": licence, "Date": None}},
        "pdf": {"metadata": for_pdf},
    }
    twin, files = copy.deepcopy(figure), {}
    twin.set_layout_engine("none")  # it has been laid out for the page; matplotlib would do it again after each file
    style: dict[Any, Any] = {
        "figure.constrained_layout.use": False,
        "svg.fonttype": "path",
        "svg.hashsalt": source,
        "pdf.fonttype": 42,
    }
    with matplotlib.rc_context(style):
        for kind, option in options.items():
            file = io.BytesIO()
            twin.savefig(file, format=kind, dpi=2 * figure.dpi, **option)
            files[kind] = b64encode(file.getvalue()).decode()
    return {"title": title, "licence": licence, **files}


def for_slide(figure: Figure) -> bytes:
    """The figure as a PNG file for a slide: 960 pixels wide, 600 high at most, laid out anew, without its heading."""
    fit.figure(figure)
    with warnings.catch_warnings():  # where a panel has no room left, the picture shows it
        warnings.simplefilter("ignore", UserWarning)
        return png(narrower(figure))


def narrower(figure: Figure) -> Figure:
    """A copy of the figure that fits a slide."""
    slide, dpi = copy.deepcopy(figure), SLIDE_PIXELS[0] / SLIDE_INCHES
    slide.suptitle("")  # the slide says it
    slide.set_dpi(dpi)
    slide.set_size_inches(SLIDE_INCHES, min(figure.get_figheight(), SLIDE_PIXELS[1] / dpi))
    if any(ax.get_subplotspec() for ax in slide.axes):
        slide.set_layout_engine("constrained")
        for ax in slide.axes:
            ax.set_in_layout(True)  # where panels stood at fixed places, too
    slide.draw_without_rendering()
    _fewer_images(slide)
    for _ in range(2):  # shorter headings and fewer ticks leave other room
        slide.draw_without_rendering()
        _make_fit(slide)
    slide.draw_without_rendering()
    slide.set_figheight(slide.get_figheight() - _empty(slide))
    slide.draw_without_rendering()
    slide.set_layout_engine("none")  # what is laid out stays
    for ax in slide.axes:
        _pull_in(ax, _left_title(ax))
        names = [text for text in ax.texts if not isinstance(text, Annotation) or _at_an_end(text)]
        if len(names) <= 8:  # more are the numbers of a table, which stand where they belong
            _spread(ax, names, dpi)
    return slide


def _left_title(ax: Axes) -> Text:
    return ax._left_title  # type: ignore[attr-defined]  # matplotlib has no public way to it


def _make_fit(figure: Figure) -> None:
    """Break lines that are too long for a narrower figure, and leave out ticks that meet and labels that repeat."""
    for ax in figure.axes:
        _break(ax.title, _slot(ax, centred=True) - 8)
        _break(_left_title(ax), _slot(ax) - 12)
        _break_side_by_side([text for text in ax.texts if text.get_horizontalalignment() == "center"])
        _break(ax.xaxis.label, min(_slot(ax), 1.6 * ax.bbox.width))
        _break(ax.yaxis.label, max(ax.bbox.height, 1))
        if ax.yaxis.label.get_window_extent().height > ax.bbox.height:
            ax.yaxis.labelpad = 20  # it is longer than its axis: beside the first number below, and not on it
        for axis in (ax.xaxis, ax.yaxis):
            _thin(axis)
        below = [other for other in figure.axes if other.bbox.y1 < ax.bbox.y0 and other.bbox.x0 == ax.bbox.x0]
        if ax.get_xlabel() in [other.get_xlabel() for other in below]:
            ax.set_xlabel("")
    for legend in list(figure.legends):
        if (width := legend.get_window_extent().width) > figure.bbox.width:
            names = [text.get_text() for text in legend.get_texts()]
            columns = max(int(legend._ncols * figure.bbox.width / width), 1)  # type: ignore[attr-defined]
            figure.legends.remove(legend)  # its own `remove` knows the list of the figure that was copied
            lines = [handle for handle in legend.legend_handles if handle is not None]
            figure.legend(lines, names, loc="outside lower center", ncols=columns, frameon=False)


def _slot(ax: Axes, centred: bool = False) -> float:
    """How wide a panel's heading may be, in pixels: up to the next panel in its row (on either side, if it is centred),
    or to the figure's edge."""
    row = [other.bbox for other in ax.figure.axes if other.bbox.y0 < ax.bbox.y1 and other.bbox.y1 > ax.bbox.y0]
    away = [box.x0 - ax.bbox.x0 for box in row if abs(box.x0 - ax.bbox.x0) > 1]
    beside = [abs(distance) for distance in away if distance > 0 or centred]
    return min(beside, default=ax.figure.bbox.x1 - ax.bbox.x0)


def _break(text: Text, room: float) -> None:
    """Break the lines of a text that are too long, and join those that end in a comma; `room` in pixels along them."""
    words = text.get_text().replace(" %", "\N{NO-BREAK SPACE}%").replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    if not words.strip():
        return
    box = text.get_window_extent()
    a_letter = (box.width if text.get_rotation() == 0 else box.height) / max(map(len, words.splitlines()))
    letters = max(int(room / a_letter), *map(len, re.split("[ \\n]", words)))
    lines = [
        line for joined in words.replace(",\n", ", ").splitlines() for line in filled(joined, letters).splitlines()
    ]
    if max(map(len, words.splitlines())) > letters or len(lines) < len(words.splitlines()):
        text.set_text("\n".join(lines))


def _break_side_by_side(texts: list[Text]) -> None:
    """Break the lines of texts that stand beside each other, centred, where there is less room between them."""
    middles = [text.get_transform().transform(text.get_position()) for text in texts]
    for text, (x, y) in zip(texts, middles):
        away = [abs(other - x) for other, height in middles if abs(height - y) < 1 and other != x]
        if away:
            _break(text, min(away))


def _pull_in(ax: Axes, title: Text) -> None:
    """A heading whose longest word is longer than its panel is not cut at the figure's edge."""
    out = title.get_window_extent().x1 + 2 - ax.figure.bbox.x1
    if title.get_text() and out > 0:
        title.set_x(title.get_position()[0] - out / ax.bbox.width)


def _thin(axis: Axis) -> None:
    """Every second tick, if the numbers of neighbours meet; names of rows and columns stay."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()]
    named = any(letter.isalpha() for tick in ticks for letter in tick.label1.get_text())
    boxes = [tick.label1.get_window_extent().padded(3) for tick in ticks if tick.label1.get_visible()]
    if not named and any(one.overlaps(other) for one, other in pairwise(boxes)):
        axis.set_ticks([tick.get_loc() for tick in ticks][::2])


def _spread(ax: Axes, texts: Sequence[Text], dpi: float) -> None:
    """Lines of letters that have come too close in a panel that is less high: the upper one goes up, or, where the
    figure ends, the lower one down."""
    texts = sorted(texts, key=lambda text: text.get_window_extent().y0)
    boxes = [text.get_window_extent() for text in texts]
    places = [box.y0 for box in boxes]
    top = ax.figure.bbox.y1
    meet = [low.x0 < high.x1 and high.x0 < low.x1 for low, high in pairwise(boxes)]
    for k, beside in enumerate(meet):
        if beside:
            places[k + 1] = max(places[k + 1], places[k] + LINE * dpi)
    places = [min(place, top - box.height - 2) for place, box in zip(places, boxes)]
    for k in reversed(range(len(meet))):
        if meet[k]:
            places[k] = min(places[k], places[k + 1] - LINE * dpi)
    for text, box, place in zip(texts, boxes, places):
        _move_up(ax, text, place - box.y0)


def _move_up(ax: Axes, text: Text, pixels: float) -> None:
    scale = ax.transData if isinstance(text, Annotation) else text.get_transform()
    at = (0, text.xy[1]) if isinstance(text, Annotation) else text.get_position()
    _, y = scale.inverted().transform(scale.transform(at) + (0, pixels))
    text.set_y(y)
    if isinstance(text, Annotation):
        text.xy = text.xy[0], y


def _at_an_end(text: Annotation) -> bool:
    return text.xycoords == ("axes fraction", "data") and text.xy[0] > 1


def _empty(figure: Figure) -> float:
    """How many inches stay empty between rows of images, which are as high as they are wide."""
    rows: dict[int, list[float]] = {}
    for ax in figure.axes:
        if place := ax.get_subplotspec():
            taken, had = ax.get_position().height, ax.get_position(original=True).height
            rows.setdefault(place.rowspan.start, []).append(had - taken)
    only_images = all(ax.images or not ax.axison for ax in figure.axes)
    return only_images * sum(max(min(row) - 0.02, 0) for row in rows.values()) * figure.get_figheight()


def _fewer_images(figure: Figure) -> None:
    """Of a sheet of images with captions only so many columns that no caption is broken."""
    columns: dict[int, list[Axes]] = {}
    for ax in figure.axes:
        if place := ax.get_subplotspec():
            columns.setdefault(place.colspan.start, []).append(ax)
    sheet = [column for column in sorted(columns) if all(ax.images for ax in columns[column])]
    captioned = [ax for column in sheet for ax in columns[column] if ax.get_title()]
    if not captioned:
        return
    wanted = max(ax.title.get_window_extent().width for ax in captioned) + 24
    kept = max(int(len(sheet) * _slot(captioned[0], centred=True) / wanted), 1)
    grid: Any = captioned[0].get_gridspec()
    ratios = grid.get_width_ratios()
    for column in sheet[kept:]:
        ratios[column] = 1e-3
        for ax in columns[column]:
            ax.remove()
    grid.set_width_ratios(ratios)
