"""The course's look, and how a figure gets onto the page with words for those who cannot see it."""

import html
import io
import os
import textwrap
from base64 import b64encode
from typing import Any

import matplotlib
import numpy as np
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.rcsetup import cycler
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from course_utils import require
from course_utils.plots import fit

# Okabe and Ito's palette, in the order in which the course uses it.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK, GREY = "#E69F00", "#56B4E9", "#F0E442", "#222222", "#8C8C8C"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 1)), "-", (0, (4, 2)))
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "d")

# One look a method through the whole course, and one for what was measured on training, validation and test data:
# places in the three lists above. A name is looked up whole, then up to its first comma, then by its first word.
LOOKS = {
    "ERM": 0, "mixup": 1, "SelecMix": 2, "PGD training": 2, "LfF": 3, "FGSM training": 3,
    "resampling": 4, "random FGSM": 4, "GCE": 4, "label smoothing": 4, "SelecMix, oracle": 5,
    "LfF + SelecMix": 6, "no bias": 7,
    "train": 0, "training": 0, "empirical": 0, "test": 1, "true": 1, "validation": 2, "gap": 3,
}  # fmt: skip

STYLE: dict[Any, Any] = {
    "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True,
    "font.size": 13, "axes.titlesize": 15, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.titlepad": 12, "axes.labelsize": 13, "axes.edgecolor": GREY, "axes.labelcolor": BLACK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6",
    "axes.axisbelow": True, "axes.prop_cycle": cycler(color=COLOURS),
    "lines.linewidth": 2.5, "lines.markersize": 7, "xtick.color": BLACK, "ytick.color": BLACK,
    "axes.formatter.min_exponent": 5,  # 100 and not 10 with a small 2
}  # fmt: skip


# On a screen of 1024 × 768, beside JupyterLab's file browser, a figure is shown 592 pixels wide. Letters of SMALL
# points are 11 pixels high there in a figure of WIDTH inches: no figure is wider, and no letter smaller.
WIDTH, SMALL = 8.8, 12
PNG_COLOURS = 128  # in a stored picture: it looks the same as one with all of them, at half the size


def look(name: str) -> int | None:
    """The place of a name's colour, dash and marker in COLOURS, DASHES and MARKERS; `None` if it has none."""
    fit.text(name=name)
    name = name.replace("_", " ")
    return LOOKS.get(name, LOOKS.get(name.split(",")[0], LOOKS.get(name.split()[0].rstrip(","))))


def ink(colour: str) -> str:
    """The colour, dark enough to be read as letters on white (contrast 4.5 : 1, as WCAG asks)."""
    fit.colour(colour)
    rgb = np.array(to_rgb(colour))
    while _luminance(rgb) > 1.05 / 4.5 - 0.05:
        rgb = 0.95 * rgb
    return to_hex((rgb[0], rgb[1], rgb[2]))


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def filled(text: str, width: int) -> str:
    """The text in as few lines as fit the width (in letters); the last is no orphan, but at least half as long."""
    fit.text(text=text)
    require.whole(width=width)
    lines = textwrap.wrap(text, width)
    while len(lines) > 1 and len(lines[-1]) < width / 2 and len(textwrap.wrap(text, width - 1)) == len(lines):
        width -= 1
        lines = textwrap.wrap(text, width)
    return "\n".join(lines)


def use_style() -> None:
    """Give every figure that is made from now on the course's look, your own ones too."""
    matplotlib.rcParams.update(STYLE)


def panels(
    rows: int = 1, columns: int = 1, *, width: float = WIDTH, height: float = 4.5, **options
) -> tuple[Figure, np.ndarray]:
    """An empty figure (sizes in inches) and its axes, an array [rows, columns]; options go to `Figure.subplots`."""
    require.whole(rows=rows, columns=columns)
    require.above(0, width=width, height=height)
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def panels_in_rows(
    count: int, columns: int = 2, *, height: float = 3.2, **options
) -> tuple[Figure, list[Axes], list[Axes]]:
    """An empty figure with `count` panels, `columns` of them in a row: side by side, three would be too small for their
    letters. `height` in inches is a row's; options go to `Figure.subplots`.

    Returns:
        figure, its panels, and the empty places at the end of the last row, where a legend may stand.
    """
    require.whole(count=count, columns=columns)
    require.above(0, height=height)
    rows = -(-count // columns)
    figure, axes = panels(rows, columns, height=0.7 + height * rows, **options)
    for ax in axes.flat[count:]:
        ax.axis("off")
    return figure, list(axes.flat[:count]), list(axes.flat[count:])


def png(figure: Figure) -> bytes:
    """The figure as a PNG file. In its text, under "smallest letter", stands how high that is in pixels, and what it
    is a part of: whether the page can be read everywhere is then seen from the page alone."""
    fit.figure(figure)
    canvas = FigureCanvasAgg(figure)
    letters = _written_by(canvas.get_renderer())
    canvas.draw()  # figure.savefig would lay out and measure everything twice
    about = PngInfo()
    if letters:
        points, text = min(letters)
        about.add_itxt("smallest letter", f"{points * figure.dpi / 72:.1f} {text}")
    full = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    small = io.BytesIO()
    few = full.quantize(PNG_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True, pnginfo=about)
    return small.getvalue()


def _written_by(renderer: RendererAgg) -> list[tuple[float, str]]:
    """A list that fills as the renderer draws: every line of letters, (its size in points, what it says)."""
    written, draw_text = [], renderer.draw_text

    def noted(gc: GraphicsContextBase, x: float, y: float, text: str, font: FontProperties, *more, **options) -> None:
        if text.strip():
            raised = options.get("ismath") is True and ("^" in text or "_" in text)  # an exponent is 0.7 as high
            written.append(((0.7 if raised else 1) * font.get_size_in_points(), text))
        draw_text(gc, x, y, text, font, *more, **options)

    renderer.draw_text = noted  # type: ignore[method-assign, assignment]  # which matplotlib has no other way for
    return written


def show(figure: Figure, alt: str, slide: bool = True) -> None:
    """Put the figure on the page, and below it, folded, what it shows in words.

    Args:
        figure: what to show.
        alt: the figure in words, for those who cannot see it. JupyterLab hands the alternative text of an image in
            HTML on to screen readers, but not that of a PNG. A stored page holds PNGs, which GitHub shows and whose
            text nbval does not compare; so the words stand on the page too.
        slide: whether a lecture's slides may show it as a picture.
    """
    from course_utils.plots.elsewhere import handed_out  # which draws with this file's functions

    fit.figure(figure)
    fit.text(alt=alt)
    words = html.escape(alt).replace("\n", "<br>")
    if "JPY_SESSION_NAME" in os.environ:  # a Jupyter server has started this kernel
        source = f"data:image/png;base64,{b64encode(png(figure)).decode()}"
        named = html.escape(alt).replace("\n", "&#10;")
        display({"text/html": f'<img alt="{named}" src="{source}">', "text/plain": alt}, raw=True)
    else:
        page = {"image/png": png(figure), "text/plain": alt}
        display(page | handed_out(figure, alt, slide), metadata={"image/png": {"alt": alt}}, raw=True)
    style = "color: #757575; font-size: 85%"
    display(HTML(f'<details style="{style}"><summary>this figure in words</summary>{words}</details>'))


def headline(figure: Figure, title: str) -> None:
    """The finding, over all panels of the figure, at the left; in lines that fit the figure."""
    fit.figure(figure)
    fit.text(title=title)
    title = filled(title, int(7.7 * figure.get_figwidth()))
    figure.suptitle(title, x=0.01, ha="left", fontsize=STYLE["axes.titlesize"], fontweight="bold")
