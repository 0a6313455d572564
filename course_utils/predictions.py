"""What a reader predicts before an experiment, and what then was measured beside it.

A prediction never stops a page: what cannot be read is said, and counts as none. What has a name is kept in the
reader's own record (`course_utils.record`).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils import record, require
from course_utils.record import Kept


@dataclass(frozen=True)
class Prediction:
    """What the reader wrote, understood.

    Args:
        value: a share in [0, 1] if the unit is "%", another number (of a range, its middle), or a name; `None` where
            nothing was predicted.
        unit: written behind numbers.
        low, high: the ends of a range, in the unit of `value`; `None` where it is no range.
        of: the name under which it is kept; "" if it is not.
        among: of how many names it is one; 0 for a number.
    """

    value: float | str | None
    unit: str
    low: float | None = None
    high: float | None = None
    of: str = ""
    among: int = 0

    def __str__(self) -> str:
        return "no prediction" if self.value is None else self._kept().said

    def beside(self, measured: float | str | Sequence[float]) -> None:
        """Print the prediction beside the measurement, and keep both; nothing if there is no prediction.

        Args:
            measured: what came out, in the prediction's unit (shares in [0, 1]): a number, one for each run, or a name.
        """
        if self.value is None:
            return
        if isinstance(measured, str) != isinstance(self.value, str):
            raise ValueError(f"measured must be of the kind of the guess {self.value!r}, got {require.what(measured)}")
        seen = measured if isinstance(measured, str) else tuple(np.ravel(measured).astype(float).tolist())
        if seen == ():
            raise ValueError(f"measured must be at least one number, got {require.what(measured)}")
        kept = self._kept(seen)
        if self.of:
            record.measured(kept)
        if isinstance(seen, str):
            print(f"You predicted {self}. Measured: {seen}.")
            return
        low, high = (record.number(end(seen), self.unit) for end in (min, max))
        spread = f" ({low} to {high})" if low != high else ""
        inside = "" if kept.held is None else f", {'inside' if kept.held else 'outside'} your range"
        print(f"You predicted {self}. Measured: {record.written(kept.truth, self.unit)}{spread}{inside}.")

    def take_down(self) -> None:
        """Say how it was understood, and keep it. The first guess that was measured counts: a later one does not
        replace it."""
        print(f"Taken down: {self}.")
        if self.of:
            first = record.guessed(self._kept())
            if first.said != str(self):
                print(f"Your first guess, {first.said}, has met its measurement: it stays in your record.")

    def _kept(self, measured: tuple[float, ...] | str = ()) -> Kept:
        assert self.value is not None
        return Kept(self.of, self.value, self.low, self.high, self.unit, measured, self.among)


def _check_question(answer: object, of: str = "", unit: str = "%", among: Sequence[str] = ()) -> None:
    for name, word in (("of", of), ("unit", unit)):
        if not isinstance(word, str):
            raise ValueError(f"{name} must be a word, got {require.what(word)}")
    if not isinstance(among, list | tuple) or not all(isinstance(name, str) for name in among):
        raise ValueError(f"among must be a list of names, got {require.what(among)}")


@require.checked(_check_question)
def predict(answer: str | float, of: str = "", unit: str = "%", among: Sequence[str] = ()) -> Prediction:
    """Take down a prediction, and say how it was understood.

    Args:
        answer: what the reader wrote; "" for nothing. A share may be given as 0.9, "0.9", 90 or "90 %": above 1, or
            with a percent sign, it is in percent. In another unit: any number, with its unit or without. A number may
            be a range: "60–80 %", "0.6 to 0.8", "-3 to 2 points".
        of: what is predicted, the chapter's number first: the name under which it is kept. Without one it is not.
        unit: of the number; "%" for a share.
        among: names of which the answer is one; the beginning of a name will do, in small or capital letters.

    Returns:
        the prediction, its value `None` if there was no answer or it could not be read.
    """
    said = str(answer).strip()
    unit = "" if among else unit
    if said in ("", "None"):
        return Prediction(None, unit)
    if among:
        name = _chosen(said, among)
        prediction = Prediction(name, unit, of=of, among=len(among))
    else:
        ends = _ends(said, unit)
        middle = sum(ends) / len(ends) if ends else None
        low, high = ends if len(ends) == 2 else (None, None)
        prediction = Prediction(middle, unit, low, high, of)
    if prediction.value is not None:
        prediction.take_down()
    elif among:
        print(f"“{said}” was not understood: write one of {', '.join(among)}.")
    else:
        share = 'a share, such as 0.9, 90 or "90 %", or a range, such as "60–80 %"'
        wanted = share if unit == "%" else 'a number, or a range, such as "2 to 5"'
        print(f"“{said}” was not understood: write {wanted}.")
    return prediction


def _chosen(said: str, among: Sequence[str]) -> str | None:
    """The name that was meant; `None` if it is none of them, or the beginning of several."""
    exact = [name for name in among if name.lower() == said.lower()]
    begun = [name for name in among if name.lower().startswith(said.lower())]
    found = exact or (begun if len(begun) == 1 else [])
    return found[0] if found else None


# 1,000 is a thousand; 0,9 is 0.9; 1e-05 is how Python writes a small number
_NUMBER = r"([-+−]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+−]?\d+)?)"


def _ends(said: str, unit: str) -> tuple[float, ...]:
    """The number that was meant, or the two ends of a range, the lower one first; shares in [0, 1] if the unit is "%".
    Nothing if it is no number, or no such share."""
    of = rf"\s*(percent|%|{re.escape(unit)}|)" if unit == "%" else rf"\s*({re.escape(unit)}|)"
    found = re.fullmatch(rf"{_NUMBER}{of}(?:\s*(?:to|[-–—−])\s*{_NUMBER}{of})?", said)
    if not found:
        return ()
    ends = sorted(_read(number) for number in (found[1], found[3]) if number)
    if not all(map(math.isfinite, ends)):  # of more digits than a float holds
        return ()
    if unit != "%":
        return tuple(ends)
    if found[2] or found[4] or ends[-1] > 1:
        ends = [end / 100 for end in ends]
    return tuple(ends) if ends[0] >= 0 and ends[-1] <= 1 else ()


def _read(number: str) -> float:
    if re.fullmatch(r"\D?\d{1,3}(,\d{3})+", number) and not re.match(r"\D?0", number):
        number = number.replace(",", "")
    return float(number.replace(",", ".").replace("−", "-"))


def _check_kept(kept: Sequence[Kept]) -> None:
    if not isinstance(kept, list | tuple) or not all(isinstance(one, Kept) and one.measured for one in kept):
        raise ValueError(f"kept must be a list of predictions that have been measured, got {require.what(kept)}")


@require.checked(_check_kept)
def scored(kept: Sequence[Kept]) -> pd.DataFrame:
    """The predictions as a table: a row each, with the columns question, guess, measured, miss, coin's miss and of
    what kind it is.

    Args:
        kept: from `record.predictions()`.

    Returns:
        misses as numbers: in points for shares and points, 0 or 1 for a name, else the factor between guess and truth.
        The coin's are those of who knows nothing (`record.Kept.coin_miss`).
    """
    rows = [(one.of, one.said, record.written(one.truth, one.unit), one.miss, one.coin_miss, one.kind) for one in kept]
    return pd.DataFrame(rows, columns=["question", "guess", "measured", "miss", "coin's miss", "kind"])
