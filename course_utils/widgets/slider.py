"""A picture that changes when a slider moves."""

import base64
import html
import inspect
import os
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import plots, require
from course_utils.widgets import fit

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
NUMBER = re.compile(r"\s*([-−+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?)\s*%?\s*", re.IGNORECASE)


class SliderFigure(ipywidgets.VBox):
    """A picture with a slider for each of its parameters, and a field for its value: to read, and to type into.

    Args:
        draw: from one value of each control (by name) to a Figure.
        alt: what the picture shows, in words.
        start: for a control the value that it begins with; the first one if not named.
        along: the control that matters most: a page without a kernel has frames along it. The first one if not named.
        controls: for each control, the values that it can take, in order; or pairs (what the page calls it, value).

    Raises:
        ValueError: an argument that does not fit, by its name, or a first picture that is no Figure. A later picture
            that fails is told on the page, and the next move draws again.
    """

    def __init__(
        self,
        draw: Callable[..., Figure],
        alt: str,
        start: Mapping[str, Any] | None = None,
        along: str = "",
        **controls: Iterable,
    ) -> None:
        choices = {name: _pairs(name, options) for name, options in controls.items()}
        places = _check(draw, alt, start, along, choices)
        self.draw, self.alt, self.along = draw, alt, along or next(iter(controls))
        self.sliders, self.fields, rows = {}, {}, []
        for name, pairs in choices.items():
            self.sliders[name] = slider = ipywidgets.SelectionSlider(
                options=pairs, index=places[name], continuous_update=False,
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
        except BaseException:  # the stop button, or exit() in `draw`
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
        figure = self.draw(**{name: slider.value for name, slider in self.sliders.items()} | others)
        if not isinstance(figure, Figure):
            raise ValueError(f"draw must return a matplotlib Figure, got {require.what(figure)}")
        return figure

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


def _pairs(name: str, options: Any) -> list[tuple[str, Any]]:
    """What the page calls each value of a control, and the value: all different, for the sliders find them by that."""
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise ValueError(f"{name} must be values to choose from, got {require.what(options)}")
    pairs = [option if isinstance(option, tuple) else (str(option), option) for option in options]
    if not pairs:
        raise ValueError(f"{name} must hold at least one value, got none")
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError(f"{name} must hold values, or pairs (what the page calls it, value), got {pair}")
        if pair[1] is None or not isinstance(pair[1], Hashable) or isinstance(pair[1], Tensor) or pair[1] != pair[1]:
            raise ValueError(f"{name} must hold numbers, words or the like, got {require.what(pair[1])}")
    for what, kind in (("names", [label.strip().casefold() for label, _ in pairs]), ("values", [v for _, v in pairs])):
        twice = [one for one, times in Counter(kind).items() if times > 1]
        if twice:
            raise ValueError(f"{name} must hold different {what}, got {twice[0]!r} twice")
    return pairs


def _check(draw: Any, alt: Any, start: Any, along: Any, choices: dict[str, list[tuple[str, Any]]]) -> dict[str, int]:
    """The place at which each control begins, if all of the arguments fit."""
    require.function(draw=draw)
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must be what the picture shows, in words, got {require.what(alt)}")
    if not choices:
        raise ValueError("controls must be at least one, name=values, got none")
    if along != "":
        require.one_of(choices, along=along)
    if start is not None and not (isinstance(start, Mapping) and set(start) <= set(choices)):
        got = list(start) if isinstance(start, Mapping) else require.what(start)
        raise ValueError(f"start must be a dictionary with names of controls, {', '.join(choices)}; got {got}")
    try:
        inspect.signature(draw).bind(**dict.fromkeys(choices))
    except TypeError as error:
        raise ValueError(
            f"draw must take the controls by name, {', '.join(choices)}; got a function: {error}"
        ) from None
    except ValueError:  # some built-in functions have no signature
        pass
    places = {}
    for name, pairs in choices.items():
        values = [value for _, value in pairs]
        wanted = (start or {}).get(name, values[0])
        require.one_of(values, **{f"start[{name!r}]": wanted})
        places[name] = values.index(wanted)
    return places


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
    same = [place for place, label in enumerate(labels) if label.strip().casefold() == typed]
    begin = [place for place, label in enumerate(labels) if typed and label.casefold().startswith(typed)]
    number, numbers = _number(typed), [_number(label) for label in labels]
    away = [(abs(one - number), place) for place, one in enumerate(numbers) if number is not None and one is not None]
    nearest = [place for _, place in sorted(away)]
    return next(iter([*same, *nearest, *begin]), None)


def _number(text: str) -> float | None:
    found = NUMBER.fullmatch(text)
    return float(found[1].replace(",", ".").replace("−", "-")) if found else None


def one_of_each(images: Tensor, labels: Tensor) -> Tensor:
    """The first picture of each digit, [10, …] on the CPU."""
    fit.digits(images, labels)
    return torch.stack([images[labels == digit][0] for digit in range(10)]).cpu()
