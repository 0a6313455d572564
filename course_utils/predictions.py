"""What a reader predicts before an experiment, and what then was measured beside it.

A prediction never stops a page: what cannot be read is said, and counts as none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """What the reader wrote, understood.

    Args:
        value: a share in [0, 1] if the unit is "%", another number, or a name; `None` where nothing was predicted.
        unit: written behind numbers.
    """

    value: float | str | None
    unit: str

    def __str__(self) -> str:
        return self.value if isinstance(self.value, str) else self._written(self.value)

    def beside(self, measured: float | str | Sequence[float]) -> None:
        """Print the prediction beside the measurement; nothing if there is no prediction.

        Args:
            measured: what came out, in the prediction's unit (shares in [0, 1]): a number, one for each run, or a name.
        """
        if self.value is None:
            return
        if isinstance(measured, str):
            print(f"You predicted {self}. Measured: {measured}.")
            return
        values = np.ravel(measured)
        low, high = self._number(values.min()), self._number(values.max())
        spread = f" ({low} to {high})" if low != high else ""
        print(f"You predicted {self}. Measured: {self._written(values.mean())}{spread}.")

    def _number(self, value: float) -> str:
        return f"{100 * value:.3g}" if self.unit == "%" else f"{value:.3g}"

    def _written(self, value: float) -> str:
        return f"{self._number(value)} {self.unit}".rstrip()


def predict(answer: str | float, unit: str = "%", among: Sequence[str] = ()) -> Prediction:
    """Take down a prediction, and say how it was understood.

    Args:
        answer: what the reader wrote; "" for nothing. A share may be given as 0.9, "0.9", 90 or "90 %": above 1, or
            with a percent sign, it is in percent. In another unit: any number, with its unit or without.
        unit: of the number; "%" for a share.
        among: names of which the answer is one; the beginning of a name will do, in small or capital letters.

    Returns:
        the prediction, its value `None` if there was no answer or it could not be read.
    """
    said = str(answer).strip()
    if said in ("", "None"):
        return Prediction(None, unit)
    value = _chosen(said, among) if among else _number(said, unit)
    prediction = Prediction(value, "" if among else unit)
    if value is not None:
        print(f"Taken down: {prediction}.")
    elif among:
        print(f"“{said}” was not understood: write one of {', '.join(among)}.")
    else:
        wanted = 'a share, such as 0.9, 90 or "90 %"' if unit == "%" else "a number"
        print(f"“{said}” was not understood: write {wanted}.")
    return prediction


def _chosen(said: str, among: Sequence[str]) -> str | None:
    """The name that was meant; `None` if it is none of them, or the beginning of several."""
    exact = [name for name in among if name.lower() == said.lower()]
    begun = [name for name in among if name.lower().startswith(said.lower())]
    return (exact or (begun if len(begun) == 1 else [None]))[0]


def _number(said: str, unit: str) -> float | None:
    """The number that was meant, a share in [0, 1] if the unit is "%"; `None` if it is none, or no such share."""
    found = re.fullmatch(r"([-+−]?(?:\d+[.,]?\d*|[.,]\d+))\s*(.*)", said)
    if not found or not (found[2] in ("", "percent") or found[2] == unit):
        return None
    number = float(found[1].replace(",", ".").replace("−", "-"))
    if unit != "%":
        return number
    share = number / 100 if found[2] or number > 1 else number
    return share if 0 <= share <= 1 else None
