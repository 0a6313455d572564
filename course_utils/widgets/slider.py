"""A picture that changes when a slider moves."""

import base64
import html
import os
import re
import textwrap
from collections.abc import Callable, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import plots

# The track can be hit 14 pixels above and below it, the number beside a slider is there while it is dragged (what is
# typed into it would be ignored: the field is for that), and a picture that is out of date is pale.
STYLE = """<style>
.slider-figure .noUi-base::before { content: ""; position: absolute; inset: -14px 0; cursor: pointer; }
.slider-figure .widget-readout { visibility: hidden; }
.slider-figure .widget-slider:has(.noUi-active) .widget-readout { visibility: visible; }
.slider-figure img { max-width: 100%; height: auto; }
.slider-figure.out-of-date img { opacity: 0.35; }
.slider-figure details { color: #6b6b6b; font-size: 85%; line-height: 1.5; max-width: 60em; }
</style>"""
NUMBER = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*%?\s*")


class SliderFigure(ipywidgets.VBox):
    """A picture with a slider for each of its parameters, and a field for its value: to read, and to type into.

    Args:
        draw: from one value of each control (by name) to a Figure.
        alt: what the picture shows, in words.
        start: the value each control begins with; the first one if not named.
        along: the control that matters most: a page without a kernel has frames along it. The first one if not named.
        controls: for each control, the values that it can take, in order; or pairs (what the page calls it, value).
    """

    def __init__(
        self, draw: Callable[..., Figure], alt: str, start: dict | None = None, along: str = "", **controls: Sequence
    ) -> None:
        self.draw, self.alt, self.along = draw, alt, along or next(iter(controls))
        self.sliders, self.fields, rows = {}, {}, []
        for name, options in controls.items():
            pairs = [option if isinstance(option, tuple) else (str(option), option) for option in options]
            self.sliders[name] = slider = ipywidgets.SelectionSlider(
                options=pairs, value=(start or {}).get(name, pairs[0][1]), continuous_update=False,
                tooltip=words(name), layout={"width": "19em"},
            )  # fmt: skip
            self.fields[name] = field = ipywidgets.Combobox(
                value=chosen(slider), options=[label for label, _ in pairs], continuous_update=False,
                description=words(name), tooltip=words(name),
                style={"description_width": "9em"}, layout={"width": "19em"},
            )  # fmt: skip
            slider.observe(self._moved, names="index")
            field.observe(lambda _, name=name: self._typed(name), names="value")
            rows.append(ipywidgets.HBox([field, slider], layout={"flex_flow": "row wrap"}))
        self.said = ipywidgets.HTML(layout={"min_height": "28px"})
        self.image = ipywidgets.HTML()
        in_words = f"<details><summary>this picture in words</summary>{html.escape(alt)}</details>"
        super().__init__([ipywidgets.HTML(STYLE), *rows, self.said, self.image, ipywidgets.HTML(in_words)])
        self.add_class("slider-figure")
        self._draw()

    def _moved(self, _) -> None:
        """Draw, and say so until the picture is there; if there will be none, say why."""
        for name, slider in self.sliders.items():
            self.fields[name].value = chosen(slider)
        self.add_class("out-of-date")
        self._say("drawing…")
        try:
            self._draw()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self._say(f"This could not be drawn, and the picture is still the one before. {reason}")
        except KeyboardInterrupt:
            self._say("Stopped: the picture is still the one before. Move a slider to draw again.")
            raise
        else:
            self.remove_class("out-of-date")
            self._say("")

    def _typed(self, name: str) -> None:
        """Take the value that was meant, and show in the field which one that is."""
        slider, field = self.sliders[name], self.fields[name]
        place = meant(field.value, field.options)
        if place is not None:
            slider.index = place
        field.value = chosen(slider)

    def _draw(self) -> None:
        figure = self._figure()
        png = plots.png(figure)
        width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
        # With its size known, and decoded at once, a new picture takes the old one's place without a flicker.
        self.image.value = (
            f'<img class="widget-image" alt="{html.escape(self._words(figure))}" width="{width}" height="{height}" '
            f'decoding="sync" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        )

    def _figure(self, **others) -> Figure:
        """What the sliders say, but for the values of `others`."""
        return self.draw(**{name: slider.value for name, slider in self.sliders.items()} | others)

    def _words(self, figure: Figure) -> str:
        title = " ".join(figure.get_suptitle().split())
        return f"{title}. {self.alt}" if title else self.alt

    def frames(self) -> dict:
        """A handful of pictures along one control, the others as they are: for a page without a kernel.

        Returns:
            "alt": what they show, "slider": the control, "others": the others and their values, "start": which frame
            shows its value, and for each frame "labels", "titles" (its words) and "pictures" (PNG files in base64).
        """
        main = self.sliders[self.along]
        places = a_few(len(main.options), main.index)
        titles, pictures = [], []
        for place in places:
            figure = self._figure(**{self.along: main.options[place][1]})
            titles.append(self._words(figure))
            pictures.append(base64.b64encode(plots.png(figure)).decode())
        others = (f"{words(name)}: {chosen(slider)}" for name, slider in self.sliders.items() if slider is not main)
        return {
            "alt": self.alt,
            "slider": words(self.along),
            "others": ", ".join(others),
            "start": places.index(main.index),
            "labels": [main.options[place][0] for place in places],
            "titles": titles,
            "pictures": pictures,
        }

    def _say(self, sentence: str) -> None:
        self.said.value = f'<span role="status">{html.escape(sentence)}</span>'

    def __repr__(self) -> str:
        """What a page without a kernel shows in the widget's place."""
        return textwrap.fill(f"Run this cell for the sliders: {', '.join(self.sliders)}. {self.alt}", 78)

    def _repr_mimebundle_(self, **kwargs) -> dict:
        # ipywidgets would cut the text after 110 characters; a page breaks longer lines inside words.
        asked = os.environ.get(plots.ASKED) == "slides"
        more = {plots.HANDED_OUT: {"frames": self.frames()}} if asked else {}
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": repr(self)} | more


def a_few(count: int, start: int) -> list[int]:
    """All of up to nine places, else six, evenly spread from the first to the last, and `start`."""
    few = count if count <= 9 else 6
    return sorted({round(k * (count - 1) / max(few - 1, 1)) for k in range(few)} | {start})


def words(name: str) -> str:
    """A parameter's name as the page says it."""
    return name.replace("_", " ")


def chosen(slider: ipywidgets.SelectionSlider) -> str:
    """What the page calls its value. (Its own `label` is empty until it has been moved from its first option.)"""
    return slider.options[slider.index][0]


def meant(typed: str, labels: Sequence[str]) -> int | None:
    """The place of the label that somebody means: the same, the nearest number, or the first that begins so; or none.

    Args:
        typed: what was typed: "0,3", "40 %", "deck".
        labels: what there is.
    """
    typed = typed.strip().casefold()
    same = [place for place, label in enumerate(labels) if label.casefold() == typed]
    number, numbers = _number(typed), {place: _number(label) for place, label in enumerate(labels)}
    near = [place for place in numbers if None not in (number, numbers[place])]
    begin = [place for place, label in enumerate(labels) if typed and label.casefold().startswith(typed)]
    nearest = sorted(near, key=lambda place: abs(numbers[place] - number))
    return next(iter([*same, *nearest, *begin]), None)


def _number(text: str) -> float | None:
    found = NUMBER.fullmatch(text)
    return float(found[1].replace(",", ".")) if found else None


def one_of_each(images: Tensor, labels: Tensor) -> Tensor:
    """The first picture of each digit, [10, …] on the CPU."""
    if missing := set(range(10)) - set(labels.tolist()):
        raise ValueError(f"labels must hold every digit, but there is no {min(missing)}")
    return torch.stack([images[labels == digit][0] for digit in range(10)]).cpu()
