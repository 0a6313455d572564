"""What `predictions` must refuse: of the page's author alone. What a reader has written never stops a page."""

from refusals import row

from course_utils.predictions import Prediction, predict, scored
from course_utils.record import Kept

MEASURED = Kept("00 share", 0.5, measured=(0.25,))

ROWS = [
    row(
        predict,
        {"answer": "90 %", "of": "", "unit": "%", "among": []},
        "answer",
        of=[None, 1, ["00 share"]],
        unit=[None, 1, ["%"]],
        among=["ERM", None, [1, 2], {"ERM": 1}],
    ),
    row(Prediction(0.5, "%").beside, {"measured": [0.25, 0.5]}, measured=["ERM", [], ()]),
    row(Prediction("ERM", "", among=2).beside, {"measured": "mixup"}, measured=[0.5, [0.25], ()]),
    row(scored, {"kept": [MEASURED]}, kept=[None, MEASURED, [None], [0.5], [Kept("00 share", 0.5)], "00 share"]),
]
EXEMPT = {"predictions.Prediction": "a record of what `predict` understood, which alone makes it"}
