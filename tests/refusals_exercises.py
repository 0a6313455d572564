"""What `exercises` must refuse. What a student's function may do wrong, test_exercises.py holds."""

from refusals import Row, row

from course_utils import exercises
from course_utils.metrics import error_rate

NOBODY = [None, "nobody", 3, print, lambda: 0, [error_rate], exercises.Verdict]

EXEMPT = {"exercises.mechanism.Verdict": "what `check` returns"}


def answer(predictions, labels):
    return (predictions != labels).float().mean().item()


answer.__name__ = "error_rate"  # by which the exercise is found
ROWS = [
    Row(exercises.check, {"function": error_rate}, {"function": NOBODY}, ()),
    Row(exercises.graded, {"function": answer, "seed": 1}, {"function": NOBODY, "seed": [None, 1.5, "1", [1]]}, ()),
    row(exercises.solution, {"exercise": "error_rate"}, exercise=NOBODY),
]
