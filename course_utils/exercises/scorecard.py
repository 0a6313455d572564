"""The exercises of chapter 08: the interval of paired differences, a level and its control, honest ranges."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.metrics import coverage, paired_interval, verdict

T, ROOT, SPREAD = "float(scipy.special.stdtrit(n - 1, 0.975))", "n**0.5", "differences.std()"
NORMAL = "1.96 is the quantile for endless data. With few pairs the spread itself is a guess: take Student's t."


def _other_differences(dice: Dice) -> Iterator[Case]:
    for n in (3, dice.whole(4, 6), dice.whole(7, 15), dice.whole(16, 30)):
        drawn = dice.number(-9, 9) + dice.number(0.5, 4) * dice.randn(n)
        yield Case(f"{n} pairs", differences=drawn)


PAIRED_INTERVAL = Exercise(
    reference=paired_interval,
    returns=("lower end", "upper end"),
    cases=(
        Case("three pairs", differences=[1.0, 2.0, 3.0]),
        Case("five pairs", differences=[6.1, 4.9, 5.5, 7.2, 4.4]),
        Case("two pairs", differences=[-1.0, 1.0]),
        Case("nearly alike", differences=[0.5, 0.5, 0.5, 0.6]),
        Case("below zero", differences=[-3.0, -2.5, -4.5]),
        Case("12 pairs", differences=torch.randn(12, generator=torch.Generator().manual_seed(1)).tolist()),
    ),
    others=_other_differences,
    variants=(
        ("differences.mean() - reach).item()", "differences.mean().item() - float(reach))",
         "differences.mean() + reach).item()", "differences.mean().item() + float(reach))"),
    ),
    slips=(
        Slip(NORMAL, T, "1.96"),
        Slip(NORMAL, T, "2"),
        Slip("t has n − 1 degrees of freedom: one is spent on the mean.", "n - 1", "n"),
        Slip("That is the one-sided quantile: 5 % lie above it. Of 95 % in the middle, 2.5 % lie on either side.",
             "0.975", "0.95"),
        Slip("That is where single differences lie. A mean of n is steadier: divide by the root of n.", f" / {ROOT}",
             ""),
        Slip("The spread of a mean shrinks with the root of n, not with n.", ROOT, "n"),
        Slip("The standard deviation divides by n − 1 here, as `std()` does: the mean was taken from the same numbers.",
             SPREAD, "differences.std(correction=0)"),
        Slip("That is the variance. Its root, the standard deviation, has the unit of the differences.", SPREAD,
             "differences.var()"),
        Slip("The middle is the median. Student's interval lies around the mean.", "differences.mean()",
             "differences.median()"),
        Slip("That is the range of the pairs, not an interval of their mean.", "(differences.mean() - reach).item()",
             "differences.min().item()", "(differences.mean() + reach).item()", "differences.max().item()"),
        Slip("It returns the mean and the reach. Return the two ends.", "(differences.mean() - reach).item()",
             "differences.mean().item()", "(differences.mean() + reach).item()", "reach.item()"),
    ),
    hints=(
        "How far do single differences lie from their mean? And how much steadier than one of them is a mean of n?",
        "The reach to either side is t times the standard deviation divided by the root of n. `std()` is the one that "
        "divides by n − 1, and t comes from scipy.special.stdtrit(n - 1, 0.975).",
    ),
)  # fmt: skip

RUNS, CONTROL = "(runs >= bound + margin).all()", "(control >= bound + margin).all()"
MEAN = "It judges the mean. One run that falls short is enough: look at each."


def _values(dice: Dice, level: float, short: int) -> Tensor:
    """Numbers in steps of ¼ that reach the level, one of them just so; 0, 1 or all but one fall short, by little."""
    over = torch.cat([torch.zeros(1), dice.classes(dice.whole(3, 6), 40) / 4])
    below = -(1 + dice.classes(len(over), 4)) / 4
    fail = torch.arange(len(over)) >= len(over) - (short if short < 2 else len(over) - 1)
    return (level + torch.where(fail, below, over))[dice.order(len(over))]


def _other_levels(dice: Dice) -> Iterator[Case]:
    """Two answers of yes or no: many cases, in another order each time."""
    ways = list(product(range(3), range(3))) + [(0, 0), (0, 1), (1, 0)]
    for k in dice.order(len(ways)).tolist():
        bound, margin = dice.whole(40, 90) / 1, dice.whole(1, 12) / 4
        runs, control = (_values(dice, bound + margin, short) for short in ways[k])
        yield Case("", runs=runs, control=control, bound=bound, margin=margin)


VERDICT = Exercise(
    reference=verdict,
    returns=("first answer, of the runs", "second answer, of the control"),
    cases=(
        Case("every run clears, the control does not", runs=[96.0, 97.0, 98.0], control=[40.0, 50.0, 45.0], bound=90.0,
             margin=2.0),
        Case("the control clears, too", runs=[96.0, 97.0, 98.0], control=[93.0, 92.5, 94.0], bound=90.0, margin=2.0),
        Case("one run falls short", runs=[99.0, 85.0, 99.0], control=[40.0, 50.0, 45.0], bound=90.0, margin=2.0),
        Case("one run clears the bound, and not with the margin", runs=[99.0, 91.0, 99.0], control=[40.0, 50.0, 45.0],
             bound=90.0, margin=2.0),
        Case("without a margin", runs=[99.0, 91.0, 99.0], control=[40.0, 50.0, 45.0], bound=90.0),
        Case("one of the control's runs clears", runs=[96.0, 97.0, 98.0], control=[95.0, 50.0, 45.0], bound=90.0,
             margin=2.0),
        Case("the control clears the bound, and not with the margin", runs=[96.0, 97.0, 98.0], control=[91.0, 91.5,
             91.0], bound=90.0, margin=2.0),
        Case("one run clears, two do not", runs=[99.0, 70.0, 80.0], control=[40.0, 50.0, 45.0], bound=90.0, margin=2.0),
        Case("a little below the bound", runs=[89.0, 89.5, 91.0], control=[40.0, 50.0, 45.0], bound=90.0, margin=2.0),
        Case("of the control two clear, and one does not", runs=[96.0, 97.0, 98.0], control=[99.0, 99.0, 85.0],
             bound=90.0, margin=2.0),
        Case("everything falls short", runs=[1.0, 2.0, 3.0], control=[0.0, 1.0], bound=90.0, margin=2.0),
        Case("only the control clears", runs=[1.0, 2.0, 3.0], control=[95.0, 96.0], bound=90.0, margin=2.0),
        Case("just so much", runs=[92.0, 93.0], control=[92.0], bound=90.0, margin=2.0),
        Case("other numbers", runs=[0.5, 0.25, 0.75], control=[0.125, 0.25], bound=0.25, margin=0.0),
    ),
    others=_other_levels,
    variants=(
        (RUNS, "torch.tensor(min(runs.tolist()) >= bound + margin)"),
        (RUNS, "(runs.min() >= bound + margin)", CONTROL, "(control.min() >= bound + margin)"),
    ),
    slips=(
        Slip(MEAN, RUNS, "(runs.mean() >= bound + margin)"),
        Slip(MEAN, RUNS, "(runs.median() >= bound + margin)"),
        Slip("One run that clears the bound is not enough: every run must.", RUNS, "(runs >= bound + margin).any()"),
        Slip("The control passes where all its runs clear the bound, not where its mean does.", CONTROL,
             "(control.mean() >= bound + margin)"),
        Slip("One run of the control that clears the bound by luck is no pass: all of them must.", CONTROL,
             "(control >= bound + margin).any()"),
        Slip("The margin is forgotten where the runs are judged.", RUNS, "(runs >= bound).all()"),
        Slip("The margin is forgotten where the control is judged: the same bound for both.", CONTROL,
             "(control >= bound).all()"),
        Slip("The margin helps instead of making it harder: the bound is bound + margin.", RUNS,
             "(runs >= bound - margin).all()"),
        Slip("Who reaches the bound just so, has reached it.", RUNS, "(runs > bound + margin).all()"),
        Slip("Who reaches the bound just so, has reached it: the control, too.", CONTROL,
             "(control > bound + margin).all()"),
        Slip("The second answer says that the control does not pass. Say whether it passes.", "return holds, passes",
             "return holds, not passes"),
        Slip("The first answer is about the runs alone, whatever the control does.", "return holds, passes",
             "return holds and not passes, passes"),
    ),
    hints=(
        "Which single number of the runs decides whether all of them clear the bound? Which of the control?",
        "`(values >= number).all().item()` is True where every value reaches the number. The number is the same for "
        "the runs and for the control.",
    ),
)  # fmt: skip


def _other_ranges(dice: Dice) -> Iterator[Case]:
    """In steps of 1/64, so that some truths lie at the very ends."""
    for n in (dice.whole(11, 20), dice.whole(21, 40), dice.whole(41, 80), dice.whole(81, 150)):
        low, wide = -dice.classes(n, 12) / 64, dice.classes(n, 12) / 64
        yield Case(f"{n} ranges", low=low, high=low + wide, truth=(dice.classes(n, 24) - 12) / 64)


INSIDE = "(low <= truth) & (truth <= high)"
COVERAGE = Exercise(
    reference=coverage,
    returns=("coverage",),
    cases=(
        Case("five ranges", low=[60.0, 10.0, 0.0, 45.0, 80.0], high=[80.0, 30.0, 5.0, 55.0, 99.0],
             truth=[70.0, 50.0, 3.0, 20.0, 90.0]),
        Case("one at each end", low=[1.0, 2.0, 3.0, 4.0], high=[2.0, 3.0, 4.0, 5.0], truth=[1.0, 2.0, 3.0, 5.0]),
        Case("all hold the truth", low=[0.0, 0.0], high=[1.0, 1.0], truth=[0.5, 0.25]),
        Case("none does", low=[0.0, 0.5], high=[0.25, 0.75], truth=[0.5, 0.25]),
        Case("at the ends", low=[1.0, 2.0, 3.0], high=[2.0, 3.0, 4.0], truth=[1.0, 3.0, 5.0]),
        Case("below zero", low=[-3.0, -6.0, -1.0], high=[-1.0, -4.0, 2.0], truth=[-2.0, -3.0, -1.5]),
        Case("points without width", low=[1.0, 2.0, 3.0], high=[1.0, 2.0, 3.0], truth=[1.0, 2.5, 2.0]),
        Case("ten ranges", low=[0.0] * 10, high=[1.0] * 10,
             truth=[0.5, 2.0, -1.0, 0.1, 0.2, 0.9, 3.0, 0.7, 0.8, 0.6]),
    ),
    others=_other_ranges,
    variants=(
        (INSIDE, "((truth - low) >= 0) & ((high - truth) >= 0)"),
        (INSIDE, "(truth == truth.clamp(low, high))"),
    ),
    slips=(
        Slip("That counts the ranges that hold the truth. Their share is a number in [0, 1].", ".mean()", ".sum()"),
        Slip("That is the share of misses.", ".float().mean()", ".logical_not().float().mean()"),
        Slip("The ends belong to a range.", INSIDE, "(low < truth) & (truth < high)"),
        Slip("The lower end belongs to a range.", INSIDE, "(low < truth) & (truth <= high)"),
        Slip("The upper end belongs to a range.", INSIDE, "(low <= truth) & (truth < high)"),
        Slip("A truth above the upper end counts as a hit, too.", INSIDE, "(low <= truth)"),
        Slip("A truth below the lower end counts as a hit, too.", INSIDE, "(truth <= high)"),
        Slip("With | nearly everything is inside: both must hold, &.", INSIDE, "(low <= truth) | (truth <= high)"),
        Slip("low and high have changed places.", INSIDE, "(high <= truth) & (truth <= low)"),
        Slip("It tells how wide the ranges are, not whether they hold the truth.", f"({INSIDE}).float()",
             "(high - low)"),
        Slip("It tells whether all ranges hold the truth, not which share.", ".float().mean().item()",
             ".all().float().item()"),
    ),
    hints=(
        "For a single range: which two comparisons tell that the truth is inside? And how are two such answers joined, "
        "element by element?",
        "& joins two tensors of True and False; put each comparison in parentheses. PyTorch takes no mean of those: "
        "turn them into 1.0 and 0.0 first.",
    ),
)  # fmt: skip
EXERCISES = (PAIRED_INTERVAL, VERDICT, COVERAGE)
