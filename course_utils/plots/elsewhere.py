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
from itertools import pairwise

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from PIL.PngImagePlugin import PngInfo

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
DIGITS = "MNIST digits in it: Yann LeCun, Corinna Cortes and Christopher J.C. Burges, CC BY-SA 3.0"


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
    title = " ".join(figure.get_suptitle().split()) or alt.split(". ")[0]
    licence = LICENCE + (f". {DIGITS}" if any(ax.images for ax in figure.axes) else "")
    about = {"Title": title, "Description": alt, "Source": source}
    for_pdf = {"Title": title, "Subject": f"{alt}\nSource: {source}. {licence}", "CreationDate": None}
    written = PngInfo()
    for name, text in (about | {"Copyright": licence}).items():
        written.add_itxt(name, text)
    options = {
        "png": {"pil_kwargs": {"pnginfo": written}},
        "svg": {"metadata": about | {"Rights": licence, "Date": None}},
        "pdf": {"metadata": for_pdf},
    }
    twin, files = copy.deepcopy(figure), {}
    twin.set_layout_engine("none")  # it has been laid out for the page
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": source, "pdf.fonttype": 42}):
        for kind, option in options.items():
            file = io.BytesIO()
            twin.savefig(file, format=kind, dpi=2 * figure.dpi, **option)
            files[kind] = b64encode(file.getvalue()).decode()
    return {"title": title, "licence": licence, **files}


def for_slide(figure: Figure) -> bytes:
    """The figure as a PNG file for a slide: 960 pixels wide, 600 high at most, without its heading, laid out anew."""
    slide, dpi = copy.deepcopy(figure), SLIDE_PIXELS[0] / SLIDE_INCHES
    slide.suptitle("")
    slide.set_dpi(dpi)
    slide.set_size_inches(SLIDE_INCHES, min(figure.get_figheight(), SLIDE_PIXELS[1] / dpi))
    with warnings.catch_warnings():  # where a panel has no room left, the picture shows it
        warnings.simplefilter("ignore", UserWarning)
        slide.draw_without_rendering()
        _fewer_images(slide)
        for _ in range(2):  # shorter headings and fewer ticks leave other room
            slide.draw_without_rendering()
            _make_fit(slide)
        slide.draw_without_rendering()
        slide.set_layout_engine("none")  # what is laid out stays
        for ax in slide.axes:
            _pull_in(ax._left_title)
            _spread([text for text in ax.texts if type(text) is Text or _at_an_end(text)], dpi)
        return png(slide)


def _make_fit(figure: Figure) -> None:
    """Break lines that are too long for a narrower figure, and leave out ticks that meet and labels that repeat."""
    for ax in figure.axes:
        for title in (ax.title, ax._left_title, ax._right_title):
            _break(title, _slot(ax, centred=title is ax.title) - 8)
        _break(ax.xaxis.label, min(_slot(ax), 1.6 * ax.bbox.width))
        _break(ax.yaxis.label, max(ax.bbox.height, 1))
        for axis in (ax.xaxis, ax.yaxis):
            _thin(axis)
        below = [other for other in figure.axes if other.bbox.y1 < ax.bbox.y0 and other.bbox.x0 == ax.bbox.x0]
        if ax.get_xlabel() in [other.get_xlabel() for other in below]:
            ax.set_xlabel("")
    for legend in figure.legends:
        if legend.get_window_extent().width > figure.bbox.width:
            legend.set_ncols(-(-len(legend.get_texts()) // 2))


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


def _pull_in(title: Text) -> None:
    """A heading whose longest word is longer than its panel is not cut at the figure's edge."""
    out = title.get_window_extent().x1 + 2 - title.axes.figure.bbox.x1
    if title.get_text() and out > 0:
        title.set_x(title.get_position()[0] - out / title.axes.bbox.width)


def _thin(axis: Axis) -> None:
    """Every second tick, if the numbers of neighbours meet; names of rows and columns stay."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()]
    named = any(letter.isalpha() for tick in ticks for letter in tick.label1.get_text())
    boxes = [tick.label1.get_window_extent().padded(3) for tick in ticks if tick.label1.get_visible()]
    if not named and any(one.overlaps(other) for one, other in pairwise(boxes)):
        axis.set_ticks([tick.get_loc() for tick in ticks][::2])


def _spread(texts: list[Text], dpi: float) -> None:
    """Lines of letters that have come too close in a panel that is less high: the upper one goes up."""
    for below, above in pairwise(sorted(texts, key=lambda text: text.get_window_extent().y0)):
        low, high = below.get_window_extent(), above.get_window_extent()
        short = low.y0 + LINE * dpi - high.y0
        if short > 0 and low.x0 < high.x1 and high.x0 < low.x1:
            place = above.get_transform() if type(above) is Text else above.axes.transData
            at = above.get_position() if type(above) is Text else (0, above.xy[1])
            _, y = place.inverted().transform(place.transform(at) + (0, short))
            above.set_y(y)
            if isinstance(above, Annotation):
                above.xy = above.xy[0], y


def _at_an_end(text: Annotation) -> bool:
    return text.xycoords == ("axes fraction", "data") and text.xy[0] > 1


def _fewer_images(figure: Figure) -> None:
    """Of a sheet of images only so many columns that no caption is broken."""
    grids = {ax.get_subplotspec().get_gridspec() for ax in figure.axes if ax.get_subplotspec()}
    if len(grids) != 1 or not any(ax.images and ax.get_title() for ax in figure.axes):
        return
    (grid,) = grids
    columns = [ax.get_subplotspec().colspan.start for ax in figure.axes]
    sheet = {k for k in columns if all(ax.images for ax, column in zip(figure.axes, columns) if column == k)}
    wanted = max(ax.title.get_window_extent().width for ax in figure.axes if ax.images) + 10
    room = len(sheet) * min(_slot(ax, True) for ax, column in zip(figure.axes, columns) if column in sheet)
    gone = sorted(sheet)[max(int(room / wanted), 1) :]
    for ax, column in zip(figure.axes, columns):
        if column in gone:
            ax.remove()
    ratios = grid.get_width_ratios() if gone else None
    if gone:
        grid.set_width_ratios([1e-3 if k in gone else ratio for k, ratio in enumerate(ratios)])
