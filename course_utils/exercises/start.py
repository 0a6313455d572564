"""The exercise of chapter 00: the error rate."""

from collections.abc import Callable, Iterator

import torch

from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.metrics import error_rate


def _watch(attempt: Callable) -> Iterator[Sight]:
    for predictions, labels in (
        ([3, 1, 4, 1], [3, 1, 4, 5]),
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ([1, 1, 1], [0, 2, 3]),
        ([1, 2, 0, 0, 0], [2, 1, 0, 0, 0]),
    ):
        case = f"predictions {predictions}, labels {labels}"
        yield case, {"error rate": attempt(torch.tensor(predictions), torch.tensor(labels))}


ERROR_RATE = Exercise(
    reference=error_rate,
    watch=_watch,
    mistakes=(
        Mistake(lambda p, y: (p == y).float().mean(), "That is the accuracy: the share of right predictions."),
        Mistake(lambda p, y: 100 * (p == y).float().mean(), "That is the accuracy, and in percent."),
        Mistake(lambda p, y: (p != y).sum(), "That counts the wrong predictions. Their share is a number in [0, 1]."),
        Mistake(lambda p, y: 100 * (p != y).float().mean(), "That is in percent. The course uses fractions in [0, 1]."),
        Mistake(
            lambda p, y: (p - y).abs().float().mean(),
            "That measures how far apart the numbers are. A class is a name: 3 for 4 is as wrong as 3 for 9.",
        ),
        Mistake(lambda p, y: p != y, "That says for each prediction whether it is wrong. Now take their share."),
    ),
    hints=(
        "Compare the two tensors element by element: that gives a tensor of True and False.",
        "PyTorch takes no mean of True and False. Turn them into 1.0 and 0.0 first.",
    ),
)
