"""The exercises of chapter 02: wrong labels on purpose, when to stop, two ways to find what is known by heart."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.data import flip_labels
from course_utils.exercises.calls import Seed
from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.memorization import forgetting_events, memorization_score, stopping_epoch


def _flips(about: str, n: int, fraction: float, classes: int, seed: int = 0) -> Case:
    labels = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(n + seed))
    return Case(about, labels=labels, fraction=fraction, num_classes=classes, generator=Seed(seed))


def _other_flips(dice: Dice) -> Iterator[Case]:
    """No product of number and share lies near ½, where some round up and others to the even number."""
    for about, n, classes in (
        ("many classes", dice.whole(2000, 3000), dice.whole(6, 12)),
        ("a few", dice.whole(30, 90), dice.whole(3, 9)),
        ("two classes", dice.whole(300, 700), 2),
    ):
        off = 0.3 if classes == 2 else -0.3
        yield _flips(about, n, (dice.whole(n // 4, n // 2) + off) / n, classes, dice.seed())


def _judge_flips(given: Mapping[str, Any], got: Mapping[str, Tensor]) -> Iterator[str]:
    labels, fraction, classes = given["labels"], given["fraction"], given["num_classes"]
    new, flipped = got["new labels"], got["flipped"]
    wanted, wrong, n = round(fraction * len(labels)), new != labels, len(labels)
    if bool(((new < 0) | (new >= classes)).any()):
        yield f"Some new labels lie outside 0…{classes - 1}: {new.min()} to {new.max()}. Take a sum modulo num_classes."
    if torch.equal(flipped, ~wrong) and n:
        yield "The mask is turned around: `flipped` must be True where the label was changed."
        flipped = wrong
    if flipped.sum() != wanted:
        yield (
            f"{flipped.sum()} labels are marked as flipped, asked for are round({fraction} · {n}) = {wanted}. A coin "
            f"for "
            "each label is right only on average, int() cuts down, and randint draws some places twice (or the true "
            "class again): the first places of a permutation are exact."
        )
    if bool((flipped & ~wrong).any()):
        yield (
            f"{(flipped & ~wrong).sum()} of {flipped.sum()} labels marked as flipped are still the true one. A class "
            "drawn from all of them can be the true one, and so can another example's label, or a step of 0 or "
            "num_classes around the circle. Draw a step of 1…num_classes − 1 away from the true class."
        )
    if bool((wrong & ~flipped).any()):
        yield f"{(wrong & ~flipped).sum()} labels are changed, but not marked in `flipped`."
    yield from _uneven(labels, new, wrong, classes)


def _uneven(labels: Tensor, new: Tensor, wrong: Tensor, classes: int) -> Iterator[str]:
    """Whether each other class comes up about equally often, and every place."""
    if wrong.sum() < 300 or classes < 3:
        return
    steps = torch.tensor([int((((new - labels) % classes) == step)[wrong].sum()) for step in range(1, classes)])
    mean = wrong.sum() / (classes - 1)
    if bool((steps == 0).any()) or (steps - mean).abs().max() > 6 * mean**0.5 + 3:
        yield (
            "Not all wrong classes are equally likely: they lie 1, 2, … classes above the true one "
            f"{', '.join(map(str, steps.tolist()))} times, expected about {mean:.0f} each. randint leaves out its "
            f"upper "
            "end; and a fixed step, or the same draw for all, is a pattern that a network can learn."
        )
    half, share = wrong[: len(wrong) // 2].sum(), wrong.sum() / 2
    if abs(half - share) > 5 * share**0.5 and wrong.sum() < len(wrong):
        yield (
            f"{half} of {wrong.sum()} flips lie in the first half of the data, expected are about {share:.0f}. Draw "
            "which labels are flipped: torch.randperm(n, generator=generator) is a random order."
        )


FLIP_LABELS = Exercise(
    reference=flip_labels,
    returns=("new labels", "flipped"),
    drawn=("new labels", "flipped"),
    judge=_judge_flips,
    fate=lambda given, got: [
        got["flipped"].bool(),
        torch.where(got["flipped"].bool(), (got["new labels"] - given["labels"]) % given["num_classes"], -1),
    ],
    cases=(
        _flips("ten classes", 2000, 0.4, 10),
        _flips("0.29 · 100 is 28.99… in floating point", 100, 0.29, 3),
        _flips("nothing to flip", 200, 0.0, 10),
        _flips("all flipped", 1200, 1.0, 4, seed=3),
        _flips("two classes", 600, 0.55, 2, seed=1),
        _flips("seven labels", 7, 0.5, 5),
    ),
    others=_other_flips,
    hints=(
        "How do you choose exactly k of N places at random? And how do you get from a true class to one that is "
        "certainly another?",
        "The first k places of torch.randperm(N, generator=generator). Classes on a circle: a random step of "
        "1…num_classes − 1, modulo num_classes, never comes back to where it began.",
    ),
)


FUTURE = (
    "It looks at the whole curve. While a training runs you have not seen the future: a rise that comes after "
    "`patience` epochs without a new best is never reached."
)
EQUAL = "An equal accuracy is taken for a new best. Only a rise is one: > and not >=."
BACK = "return best + 1"
ZERO = "It starts from an accuracy of 0. Where all are 0 no epoch is better than that: start from the first epoch."
CURVES = (
    ("", [0.50, 0.70, 0.80, 0.75, 0.70, 0.60], 2),
    ("a rise that comes too late", [0.50, 0.80, 0.79, 0.78, 0.77, 0.90], 3),
    ("a rise in time, then a fall", [0.50, 0.80, 0.79, 0.78, 0.90, 0.85, 0.80, 0.75, 0.70], 3),
    ("equal accuracies", [0.60, 0.80, 0.80, 0.80, 0.80], 2),
    ("always rising", [0.10, 0.20, 0.30, 0.40], 1),
    ("a small rise after a fall", [0.50, 0.90, 0.60, 0.70, 0.65, 0.75, 0.95], 3),
    ("equal after a fall", [0.50, 0.80, 0.70, 0.70, 0.70, 0.70, 0.70, 0.90], 2),
    ("two new bests", [0.50, 0.80, 0.70, 0.90, 0.80, 0.95], 2),
    ("equals, then a rise", [0.60, 0.80, 0.80, 0.80, 0.90], 2),
    ("patience 4", [0.50, 0.80, 0.70, 0.60, 0.90, 0.80, 0.70, 0.60, 0.95, 0.50], 4),
    ("the first epoch is the best", [0.90, 0.80, 0.85, 0.70], 2),
    ("all zero", [0.0, 0.0, 0.0], 2),
    ("one epoch", [0.3], 1),
    ("steps of a thousandth", [0.9500, 0.9510, 0.9515, 0.9514, 0.9518, 0.9512, 0.9511, 0.9510, 0.9519], 3),
    ("patience longer than the curve", [0.2, 0.6, 0.5, 0.55], 10),
)  # fmt: skip


def _other_curves(dice: Dice) -> Iterator[Case]:
    """Long rises with a fall and a late peak behind them; and such as wobble, in which accuracies come up twice."""
    for least in (12, 25, 40, 60, 90):
        epochs = dice.whole(least, least + least // 2)
        rise = torch.linspace(0.3, 0.9, epochs) + 0.01 * dice.randn(epochs)
        curve = torch.cat([rise, 0.8 - 0.2 * dice.rand(12), 0.95 + 0.05 * dice.rand(1)])
        yield Case("a long rise", validation=(curve * 1000).round() / 1000, patience=dice.whole(4, 9))
    for patience in (2, 3, 4):
        curve = (torch.linspace(10, 25, 24) + 2 * dice.randn(24)).round() / 64
        yield Case(f"a curve that wobbles, patience {patience}", validation=curve, patience=patience)


def _since_the_one_before(validation: Tensor, patience: int) -> int:
    best, waited = 0, 0
    for epoch in range(1, len(validation)):
        waited = 0 if validation[epoch] > validation[epoch - 1] else waited + 1
        best = epoch if validation[epoch] > validation[best] else best
        if waited >= patience:
            break
    return best + 1


STOPPING_EPOCH = Exercise(
    reference=stopping_epoch,
    returns=("epoch",),
    by_name=("patience",),
    cases=tuple(Case(about, validation=curve, patience=patience) for about, curve, patience in CURVES),
    others=_other_curves,
    variants=(("elif", "if"),),
    slips=(
        Slip(FUTURE, BACK, "return int(validation.argmax()) + 1"),
        Slip("It gives up at the first epoch without a new best. Wait for `patience` of them.", ">= patience", ">= 1"),
        Slip("It returns the epoch at which the training stops. Return the epoch whose weights you keep: the best so "
             "far.", BACK, "return epoch + 1"),
        Slip("Off by one: epochs are counted from 1, positions in a tensor from 0.", BACK, "return best"),
        Slip("It waits for a rise over the epoch before. Wait for a rise over the best so far: after a fall, a small "
             "rise is no news.", _since_the_one_before),
        Slip("The count of epochs without a new best is never set back to 0: after a new best, patience begins anew.",
             "    best = 0\n", "    best, waited = 0, -1\n", "        elif epoch - best >= patience:\n            "
             "break", "        else:\n            waited += 1\n        if waited >= patience:\n            break"),
        Slip("An epoch that equals the best is not counted as waiting. It is no new best, so it counts.",
             "    best = 0\n", "    best, waited = 0, 0\n", "            best = epoch\n",
             "            best, waited = epoch, 0\n", "        elif epoch - best >= patience:\n            break",
             "        elif accuracy < validation[best]:\n            waited += 1\n        if waited >= patience:\n    "
             "        break"),
        Slip(EQUAL, "accuracy > validation[best]", "accuracy >= validation[best]"),
        Slip("It stops one epoch too early: wait for `patience` epochs without a new best.", ">= patience",
             ">= patience - 1"),
        Slip("It stops one epoch too early: wait for `patience` epochs without a new best.", ">= patience",
             ">= max(1, patience - 1)"),
        Slip("It stops one epoch too late: `patience` epochs without a new best, then stop.", ">= patience",
             "> patience"),
        Slip("It finds the lowest. These are accuracies: higher is better.", "accuracy > validation",
             "accuracy < validation"),
        Slip("A small rise is not counted as a new best (min_delta). Any rise is one.", "accuracy > validation[best]",
             "accuracy > validation[best] + 0.01"),
        Slip("A small rise is not counted as a new best (min_delta). Any rise is one.", "accuracy > validation[best]",
             "accuracy > validation[best] + 0.001"),
        Slip("`patience` is not used: another number stands there.", ">= patience", ">= 3"),
        Slip("`patience` is not used: another number stands there.", ">= patience", ">= 5"),
        Slip("That is the best accuracy. Return its epoch.", BACK, "return validation[best].item()"),
        Slip(ZERO, BACK, "return best + 1 if validation[best] > 0 else 0"),
    ),
    hints=(
        "Go through the epochs as if you were training: you know the accuracies up to now, and the best of them. When "
        "do you give up, and which epoch do you go back to?",
        "Two things to keep: where the best so far was, and how long ago. A new best sets the second to nothing; at "
        "`patience` the loop ends. Mind from which number epochs are counted.",
    ),
)  # fmt: skip


def _tables(seed: int, networks: int, examples: int) -> dict[str, Any]:
    draw = torch.rand(2, networks, examples, generator=torch.Generator().manual_seed(seed)) < 0.6
    return {"member": draw[0], "right": draw[1]}


def _other_networks(dice: Dice) -> Iterator[Case]:
    for networks in (dice.whole(4, 6), dice.whole(7, 12), dice.whole(100, 300)):
        given = _tables(dice.seed(), networks, dice.whole(5, 9))
        given["member"][:, 0], given["member"][:, 1] = True, False
        yield Case("drawn tables, one example never left out, one never in", **given)


T, N = True, False
INSIDE, OUTSIDE = (
    "(right & member).sum(dim=0) / member.sum(dim=0)",
    "(right & ~member).sum(dim=0) / (~member).sum(dim=0)",
)
GAP = "inside - outside"
MEMORIZATION_SCORE = Exercise(
    reference=memorization_score,
    returns=("score",),
    loose=("score",),
    cases=(
        Case("learned by heart", member=[[T], [T], [N], [N]], right=[[T], [T], [N], [N]]),
        Case("always right", member=[[T], [N], [T]], right=[[T], [T], [T]]),
        Case("in three of four sets", member=[[T], [T], [T], [N]], right=[[T], [N], [T], [N]]),
        Case("right only when left out", member=[[T], [N], [N]], right=[[N], [T], [T]]),
        Case("never left out, and once", member=[[T, T], [T, N]], right=[[T, T], [N, N]]),
        Case("never in a training set", member=[[N, T], [N, N]], right=[[T, T], [N, N]]),
        Case("eight networks, five examples", **_tables(0, 8, 5)),
        Case("five networks, nine examples", **_tables(1, 5, 9)),
        Case("600 networks", **_tables(2, 600, 3)),
    ),
    others=_other_networks,
    slips=(
        Slip("The sign is wrong: right when trained on, minus right when left out.", GAP, "outside - inside"),
        Slip("That is only the first half: how often it is right when in the training set.", GAP, "inside"),
        Slip("The mean over all networks divides by M. Divide each count by how many networks it is about: those that "
             "had the example, and those that had not.", INSIDE, "(right & member).float().mean(dim=0)", OUTSIDE,
             "(right & ~member).float().mean(dim=0)"),
        Slip("It divides by how many networks are right. Divide by how many had the example, and by how many had "
             "not.", INSIDE, "(right & member).sum(dim=0) / right.sum(dim=0)", OUTSIDE,
             "(right & ~member).sum(dim=0) / right.sum(dim=0)"),
        Slip("Those are counts. Turn each into a share before you subtract.", " / member.sum(dim=0)", "",
             " / (~member).sum(dim=0)", ""),
        Slip("It averages over the examples and gives one number for each network. Average over the networks: dim=0.",
             "dim=0", "dim=1"),
        Slip("That is one number for all examples together, the average gap. Average over the networks only: dim=0.",
             "dim=0", ""),
        Slip("The first part averages over all networks. Take only those that had the example.", INSIDE,
             "right.float().mean(dim=0)"),
        Slip("The second part averages over all networks. Take only those that had not the example.", OUTSIDE,
             "right.float().mean(dim=0)"),
        Slip("Both parts are divided by the same count. Those that had the example and those that had not are not "
             "equally many.", " / member.sum(dim=0)", " / (~member).sum(dim=0)"),
        Slip("An example that was never left out (or never in) gets 0, as if it were known not to be memorized. "
             "Nothing is known about it: leave it NaN.", GAP, "(inside - outside).nan_to_num(0)"),
        Slip("An example that was never left out (or never in) gets a score, though nothing is known about how it "
             "does then. Leave it NaN: 0 / 0 gives that by itself.", " / member.sum(dim=0)",
             " / member.sum(dim=0).clamp(min=1)", " / (~member).sum(dim=0)", " / (~member).sum(dim=0).clamp(min=1)"),
        Slip("An example that was never left out gets a score. Leave it NaN: 0 / 0 gives that by itself.",
             " / (~member).sum(dim=0)", " / (~member).sum(dim=0).clamp(min=1)"),
        Slip("An example that was in no training set gets a score. Leave it NaN: 0 / 0 gives that by itself.",
             " / member.sum(dim=0)", " / member.sum(dim=0).clamp(min=1)"),
        Slip("Whole numbers are divided with //, which cuts down.", "/ member", "// member", "/ (~member)",
             "// (~member)"),
        Slip("The condition is the other way round: how often an example was trained on, given that the network is "
             "right or wrong. Asked is how often it is right, given that it was trained on or not.", INSIDE,
             "(right & member).sum(dim=0) / right.sum(dim=0)", OUTSIDE, "(~right & member).sum(dim=0) / "
             "(~right).sum(dim=0)"),
    ),
    hints=(
        "For each example, which two shares over the networks are compared? Which axis are the networks?",
        "On tensors of True and False, & means and, ~ means not. Count the networks that had the example and are "
            "right, "
        "then divide by how many had it; the same for those that had not. What is 0 / 0?",
    ),
)  # fmt: skip


def _record(*columns: str) -> list[list[bool]]:
    """Looks × examples, from a string of 1 (right) and 0 for each example."""
    return [[sign == "1" for sign in look] for look in zip(*columns)]


def _other_looks(dice: Dice) -> Iterator[Case]:
    for looks in (dice.whole(5, 9), dice.whole(10, 30), dice.whole(31, 200)):
        right = dice.rand(looks, dice.whole(9, 15)) < dice.number(0.3, 0.7)
        right[:, dice.whole(0, 1)], right[:, dice.whole(2, 3)] = False, True
        yield Case("drawn answers, one example never right, one always", right=right)


NEVER = (
    "An example that was never right was never forgotten either, and so it gets 0, as if it were the easiest of all. "
    "Give it T, the number of looks."
)
EVENTS = "(right[:-1] & ~right[1:]).sum(dim=0)"
FILLED = "torch.where(right.any(dim=0), events, len(right))"
FORGETTING_EVENTS = Exercise(
    reference=forgetting_events,
    returns=("events",),
    cases=(
        Case("one example: wrong, wrong, right, right", right=_record("0011")),
        Case("right, wrong, right, wrong", right=_record("1010")),
        Case("never right, and once", right=_record("0000", "0001")),
        Case("learned and kept, from the first look", right=_record("0111", "1111", "0011")),
        Case("three examples", right=_record("0101", "1010", "0100")),
        Case("eight looks", right=_record("10110100", "11111110", "00000000", "10101010")),
        Case("one look", right=_record("1", "0")),
        Case("300 looks", right=_record("10" * 150, "0" * 300, "1" * 299 + "0", "110" * 100)),
    ),
    others=_other_looks,
    slips=(
        Slip(NEVER, FILLED, "events"),
        Slip("Those are learning events: wrong, then right. Forgetting is right, then wrong.", EVENTS,
             "(~right[:-1] & right[1:]).sum(dim=0)"),
        Slip("That counts every change. Count only the ones from right to wrong.", EVENTS,
             "(right[:-1] != right[1:]).sum(dim=0)"),
        Slip("That counts the wrong answers. An event is a change: right at one look, wrong at the next.", EVENTS,
             "(~right).sum(dim=0)"),
        Slip("It goes along the examples. The looks are the first axis: compare right[:-1] with right[1:].", EVENTS,
             "(right[:, :-1] & ~right[:, 1:]).sum(dim=1)", FILLED, "events"),
        Slip("An example that was never right gets N, the number of examples. It should get T, the number of looks.",
             "len(right))", "right.shape[1])"),
        Slip("An example that was never right gets T − 1. It should get T, the number of looks.", "len(right))",
             "len(right) - 1)"),
        Slip("An example that was never right gets infinity, as in the paper. Here it gets T, so that it stays a "
             "number of events.", FILLED, "torch.where(right.any(dim=0), events.float(), torch.inf)"),
        Slip("Every example without an event gets T, also those that were learned once and kept: the easiest ones. "
             "Only those that were never right should.", "right.any(dim=0)", "events > 0"),
        Slip("Examples that are wrong at the last look get T. Only those that were never right should.",
             "right.any(dim=0)", "right[-1]"),
        Slip("That says whether an example was ever forgotten. Count how often: sum, not any.", EVENTS,
             "(right[:-1] & ~right[1:]).any(dim=0).long()"),
        Slip("That counts every wrong answer after the first right one. An event is the step from right to wrong.",
             EVENTS, "((right.cumsum(dim=0) > 0) & ~right).sum(dim=0)"),
        Slip("roll compares the last look with the first one, which came long before. Leave that pair out.", EVENTS,
             "(right & ~right.roll(-1, dims=0)).sum(dim=0)"),
        Slip("roll compares the last look with the first one, which came long before. Leave that pair out.", EVENTS,
             "(right.roll(1, dims=0) & ~right).sum(dim=0)"),
        Slip("The last look is left out.", EVENTS, "(right[:-2] & ~right[1:-1]).sum(dim=0)"),
        Slip("A wrong answer at the first look is counted as forgotten. Nothing was known before it.", EVENTS,
             EVENTS + " + (~right[0]).long()"),
        Slip("No event is found: whole numbers below 0 wrap around in uint8, so a difference is never negative. Take "
             "int, or & and ~.", EVENTS, "right[0].long() * 0"),
        Slip("An example that was never right gets one more than the largest count. It should get T, the number of "
             "looks.", "len(right))", "int(events[right.any(dim=0)].max() if right.any() else 0) + 1)"),
    ),
    hints=(
        "Which two looks make an event? Can you put all looks next to the ones that follow them?",
        "right[:-1] are all looks but the last, right[1:] the ones after them: right and then wrong, & and ~, counted "
        "over the looks. Then ask who was ever right, and choose between two numbers with torch.where.",
    ),
)  # fmt: skip
EXERCISES = (FLIP_LABELS, STOPPING_EPOCH, MEMORIZATION_SCORE, FORGETTING_EVENTS)
