"""A picture that changes when a slider moves."""

import textwrap
from collections.abc import Callable, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import plots


class SliderFigure(ipywidgets.VBox):
    """A picture with a slider for each of its parameters.

    Args:
        draw: from one value of each control (by name) to a Figure.
        alt: what the picture shows, in words.
        start: the value each control begins with; the first one if not named.
        controls: for each control, the values that it can take, in order.
    """

    def __init__(self, draw: Callable[..., Figure], alt: str, start: dict | None = None, **controls: Sequence) -> None:
        self.draw = draw
        self.sliders = {
            name: ipywidgets.SelectionSlider(
                options=list(options), value=(start or {}).get(name, options[0]),
                description=name.replace("_", " "), continuous_update=False,
                style={"description_width": "9em"}, layout={"width": "34em"},
            )
            for name, options in controls.items()
        }  # fmt: skip
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%", "align_self": "flex-start"})
        self.alt = alt
        super().__init__([*self.sliders.values(), self.image])
        for slider in self.sliders.values():
            slider.observe(self._redraw, names="value")
        self._redraw()

    def _redraw(self, _=None) -> None:
        self.image.value = plots.png(self.draw(**{name: s.value for name, s in self.sliders.items()}))

    def __repr__(self) -> str:
        """What a page without a kernel shows in the widget's place."""
        return textwrap.fill(f"Run this cell for the sliders: {', '.join(self.sliders)}. {self.alt}", 78)

    def _repr_mimebundle_(self, **kwargs) -> dict:
        # ipywidgets would cut the text after 110 characters; a page breaks longer lines inside words.
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": repr(self)}


def one_of_each(images: Tensor, labels: Tensor) -> Tensor:
    """The first picture of each digit, [10, …] on the CPU."""
    if missing := set(range(10)) - set(labels.tolist()):
        raise ValueError(f"labels must hold every digit, but there is no {min(missing)}")
    return torch.stack([images[labels == digit][0] for digit in range(10)]).cpu()
