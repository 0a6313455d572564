"""The exercise of chapter 00: the error rate."""

from collections.abc import Iterator

import torch

from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.metrics import error_rate


def _others(dice: Dice) -> Iterator[Case]:
    for n in (dice.whole(20, 40), dice.whole(50, 90), dice.whole(100, 200), dice.whole(201, 400)):
        labels = dice.classes(n, 10)
        wrong = dice.rand(n) < dice.number(0.2, 0.8)
        yield Case("many examples", predictions=torch.where(wrong, dice.classes(n, 10), labels), labels=labels)


ERROR_RATE = Exercise(
    reference=error_rate,
    returns=("error rate",),
    cases=(
        Case(predictions=[3, 1, 4, 1], labels=[3, 1, 4, 5]),
        Case("every prediction right", predictions=[0, 1, 2, 3, 4], labels=[0, 1, 2, 3, 4]),
        Case("every prediction wrong", predictions=[1, 1, 1], labels=[0, 2, 3]),
        Case(predictions=[1, 2, 0, 0, 0], labels=[2, 1, 0, 0, 0]),
        Case("12 examples", predictions=[7, 7, 7, 0, 1, 2, 9, 9, 9, 4, 4, 0], labels=[7, 1, 9, 0, 1, 2, 9, 8, 9, 4,
             4, 9]),
    ),
    others=_others,
    slips=(
        Slip("That is the accuracy: the share of right predictions.", "!=", "=="),
        Slip("That counts the wrong predictions. Their share is a number in [0, 1].", ".mean()", ".sum()"),
        Slip("Each comparison is left as it is: now take the share of True in them.", ".float().mean().item()", ""),
        Slip("That measures how far apart the numbers are. A class is a name: 3 for 4 is as wrong as 3 for 9.",
             "(predictions != labels)", "(predictions - labels).abs()"),
        Slip("That measures how far apart the numbers are. A class is a name: 3 for 4 is as wrong as 3 for 9.",
             "(predictions != labels)", "(predictions - labels)"),
        Slip("It tells whether any prediction is wrong, not how many.", ".float().mean()", ".any().float()"),
        Slip("That averages over the classes. Average over the examples.", "(predictions != labels).float()",
             "torch.stack([(predictions != labels)[labels == y].float().mean() for y in labels.unique()])"),
        Slip("Only some of the wrong ones are counted: those whose class number is too large, or too small.",
             "predictions != labels", "predictions > labels"),
        Slip("Only some of the wrong ones are counted: those whose class number is too large, or too small.",
             "predictions != labels", "predictions < labels"),
        Slip("The last example is left out.", "(predictions != labels)", "(predictions != labels) * "
             "(torch.arange(len(labels)) < len(labels) - 1)"),
    ),
    hints=(
        "What do you get if you compare the two tensors with each other, element by element?",
        "A tensor of True and False. PyTorch takes no mean of those: turn them into 1.0 and 0.0 first.",
    ),
)  # fmt: skip
EXERCISES = (ERROR_RATE,)
