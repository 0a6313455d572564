"""What a row of the scorecard is: a claim of the lecture, the runs it is judged by, and the judge."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from course_utils.claims import Claim


class Published(NamedTuple):
    """A number as a paper prints it."""

    what: str  # measured on what, by what
    value: str
    key: str  # of docs/references.bib


class Row(NamedTuple):
    """A row of the scorecard."""

    number: int  # of the lecture's claim
    short: str  # the claim on a picture, 44 letters at most
    chapter: str  # where it is made, such as "02_memorization"
    needs: dict[str, dict[str, Sequence]]  # by experiment: setting -> values; of these runs, on any seeds,
    judge: Callable[[dict[str, pd.DataFrame]], Claim]  # the frames by experiment make the claim
    moral: str  # a sentence to take home, 110 letters at most
    published: tuple[Published, ...] = ()
