"""What `record` and `progress` must refuse: what would make the reader's record a damaged one, first of all.

What is kept here is kept by the running kernel alone (COURSE_RECORD=off).
"""

import math

import torch
from refusals import row

from course_utils import progress, record
from course_utils.record import Kept

KEPT = Kept("01 invented", 0.5, measured=(0.4,))
NO_TEXT = [None, 3, ["a"], torch.zeros(2)]
NO_KEPT = [None, 0.5, "0.5", tuple(KEPT[:3]), *(KEPT._replace(**{name: None}) for name in ("of", "value", "unit")),
           KEPT._replace(measured=("much", 3))]  # fmt: skip
NO_CLAIM = ["3", 2.5, [3]]
ROWS = [
    row(record.number, {"value": 0.5, "unit": "%"}, value=[None, "0.5", [0.5], True, torch.zeros(2)], unit=NO_TEXT),
    row(record.written, {"value": 0.5, "unit": "%"}, value=[None, [0.5], True, torch.zeros(2)], unit=NO_TEXT),
    row(record.checked, {"exercise": "invented", "chapter": "03_mixup", "state": "wrong"}, exercise=NO_TEXT,
        chapter=NO_TEXT, state=["perfect", None, "Right", 1]),
    row(record.guessed, {"guess": KEPT}, guess=NO_KEPT),
    row(record.measured, {"guess": KEPT}, guess=NO_KEPT),
    row(record.judged, {"claim": "Invented", "of": 3, "verdict": "holds here"}, "stored", claim=NO_TEXT, of=NO_CLAIM,
        verdict=NO_TEXT),
    row(record.results, {"of": "invented", "rows": {"ERM": {"test": [0.5]}}}, of=NO_TEXT,
        rows=[None, [0.5], {"ERM": [0.5]}, {"ERM": {"test": 0.5}}, {"ERM": {"test": ["high"]}}]),
    row(record.verdicts, {}, "stored", of=NO_CLAIM),
    *(row(function, {}) for function in (record.exercises, record.predictions, record.example, record.path)),
    row(progress.Bar, {"total": 3, "said": "steps", "show": False}, "show", total=[None, -1, 2.5, math.nan, "3"],
        said=[None, 3]),
    row(progress.bar, {"total": 3, "said": "steps"}, "show", total=[None, -1, 2.5, math.nan, "3"], said=[None, 3]),
    row(progress.track, {"items": [1], "said": "steps"}, "show", items=[None, 3], said=[None, 3]),
    row(progress.interrupts_put_off, {}),
]  # fmt: skip
EXEMPT = {
    "record.Kept": "a record of fields; `guessed` and `measured` look at them",
    "record.Loaded": "a record of what `load` has found",
    "record.load": "its bad files are those of test_record.py, which are many",
    "progress.end_cell": "prints what it is given, and ends the cell",
    "progress.work_inside": "of side_by_side alone, with its own bar: a good call changes this thread",
}
