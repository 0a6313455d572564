"""The exercises of chapter 05: a bias of exact size, the table of groups, a loss that amplifies, LfF's weight."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.biased import biased_colours
from course_utils.exercises.calls import Seed
from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.lff import gce, relative_difficulty
from course_utils.metrics import group_table


def _colours(about: str, labels: Tensor, ratio: float, seed: int = 0) -> Case:
    return Case(about, labels=labels, conflict_ratio=ratio, generator=Seed(seed))


def _other_colours(dice: Dice) -> Iterator[Case]:
    """No product of number and ratio lies near ½, where some round up and others to the even number."""
    for few, off in ((dice.whole(100, 140), 0.2), (dice.whole(40, 60), -0.2), (dice.whole(15, 25), 0.2)):
        labels = torch.arange(10).repeat_interleave(few * (1 + dice.classes(10, 2)))
        yield _colours("", labels[dice.order(len(labels))], (dice.whole(few // 5, few // 2) + off) / few, dice.seed())


def _judge_colours(given: Mapping[str, Any], got: Mapping[str, Tensor]) -> Iterator[str]:
    labels, ratio, bias = given["labels"], given["conflict_ratio"], got["colours"]
    if bool(((bias < 0) | (bias > 9)).any()):
        yield f"Some colours lie outside 0…9: {bias.min()} to {bias.max()}. Take a sum modulo 10."
        return
    told = set()
    for digit in labels.unique().tolist():
        own = bias[labels == digit]
        n, conflicting = len(own), int((own != digit).sum())
        wanted = max(1, round(ratio * n)) if ratio else 0
        counts = own.bincount(minlength=10)
        others = [int(counts[c]) for c in range(10) if c != digit]
        if conflicting != wanted and "count" not in told:
            told.add("count")
            yield _miscounted(digit, n, ratio, conflicting, wanted)
        elif max(others) - min(others) > 1 and "even" not in told:
            told.add("even")
            used = sum(count > 0 for count in others)
            yield (
                f"The nine other colours are not dealt out evenly: for digit {digit} they come up "
                f"{', '.join(map(str, others))} times ({used} of nine in use), where the counts may differ by one at "
                "most. Do not draw them: deal them out, one after the other, position k gets number k % 9."
            )


def _miscounted(digit: int, n: int, ratio: float, conflicting: int, wanted: int) -> str:
    """Why a digit's number of conflicting images is not the one that was asked for."""
    said = f"{conflicting} of the {n} images of digit {digit} conflict at ratio {ratio}; asked for are {wanted}"
    if ratio == 0:
        return f"{said}: at 0 none does."
    if wanted == 1 and conflicting == 0:
        return f"{said}: at least one, unless the ratio is 0."
    return (
        f"{said}, round(conflict_ratio · n) of each class. int() cuts down (0.29 · 100 is 28.99…), a coin for each "
        "image or a draw over all classes is right only on average, and a colour drawn from all ten can be the own."
    )


EVEN = torch.arange(1000) % 10
UNEVEN = torch.arange(10).repeat_interleave(60 + 13 * torch.arange(10))
BIASED_COLOURS = Exercise(
    reference=biased_colours,
    returns=("colours",),
    drawn=("colours",),
    judge=_judge_colours,
    fate=lambda given, got: [got["colours"] != given["labels"]],
    cases=(
        _colours("100 digits of each class", EVEN, 0.29),
        _colours("60 zeros, 73 ones, … 177 nines", UNEVEN, 0.05),
        _colours("one conflicts in each class", EVEN, 0.001, seed=1),
        _colours("none conflicts", EVEN, 0.0),
        _colours("all conflict", EVEN, 1.0, seed=5),
        _colours("some digits are not there", EVEN[EVEN % 3 == 0], 0.4),
        _colours("one digit of each class", torch.arange(10), 0.5, seed=2),
    ),
    others=_other_colours,
    hints=(
        "Everything is aligned at first. For one digit: which of its images get another colour, how many, and which "
        "colour does the k-th of them get?",
        "Go digit by digit: the places of its images, in a random order, the first few of them. (digit + k) % 10 "
        "with "
        "k = 1…9 are the nine other colours; put them into a random order once, and deal them out in turn.",
    ),
)


def _groups(about: str, n: int, shape: tuple[int, int], seed: int, holes: int = 0) -> Case:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(max(1, shape[0] - holes), (n,), generator=generator)
    bias = torch.randint(max(1, shape[1] - holes), (n,), generator=generator)
    predictions = torch.where(
        torch.rand(n, generator=generator) < 0.6, labels, torch.randint(shape[0], (n,), generator=generator)
    )
    options: dict[str, Any] = {} if shape == (10, 10) else {"shape": shape}
    return Case(about, predictions=predictions, labels=labels, bias=bias, **options)


def _other_groups(dice: Dice) -> Iterator[Case]:
    yield _groups("of ten classes some are not there", dice.whole(200, 300), (10, 10), dice.seed(), dice.whole(1, 4))
    for n in (dice.whole(20, 60), dice.whole(100, 400), dice.whole(401, 900)):
        rows = dice.whole(3, 6)
        yield _groups("other groups", n, (rows, rows + dice.whole(1, 3)), dice.seed(), holes=1)


def _exchanged(predictions: Tensor, labels: Tensor, bias: Tensor, shape: tuple[int, int] = (10, 10)):
    fits = (bias < shape[0]) & (labels < shape[1])
    answers = torch.where(predictions == labels, bias, -1)
    return group_table(answers[fits], bias[fits], labels[fits], shape)


GROUP = "group = labels * shape[1] + bias"
RIGHT = "group[predictions == labels].bincount(minlength=len(counts))"
TABLE = "(right / counts).view(shape)"
SIZED = (
    "The table is as large as the labels that happen to be there. It must be as large as shape says, with empty "
    "groups where there is nothing."
)
GROUP_TABLE = Exercise(
    reference=group_table,
    returns=("accuracy", "counts"),
    loose=("counts",),
    cases=(
        Case("nothing with label 1 and bias 0", predictions=[0, 1, 1, 1], labels=[0, 0, 0, 1], bias=[0, 0, 1, 1],
             shape=(2, 2)),
        Case("three classes, two values of the bias", predictions=[2, 2, 0, 1, 1], labels=[2, 2, 0, 1, 0], bias=[0,
             1, 1, 0, 1], shape=(3, 2)),
        Case("two classes, four values of the bias", predictions=[1, 0, 0, 1, 1], labels=[1, 1, 0, 1, 0], bias=[3, 1,
             2, 3, 0], shape=(2, 4)),
        _groups("200 answers, of ten classes only six are there", 200, (10, 10), 0, holes=4),
        _groups("300 answers", 300, (5, 4), 1),
        _groups("400 answers", 400, (3, 7), 2),
        Case("every answer right", predictions=EVEN[:40], labels=EVEN[:40], bias=EVEN[:40].roll(3), shape=(10, 10)),
    ),
    others=_other_groups,
    variants=((TABLE, "torch.where(counts > 0, right / counts, torch.nan).view(shape)"),),
    slips=(
        Slip("An empty group gets accuracy 0. Nothing was measured there: leave NaN, or every mean over groups is "
             "pulled down by what does not exist.", TABLE, f"{TABLE}.nan_to_num()"),
        Slip("Rows and columns are swapped. The row is the label, the column the bias.",
             f"{TABLE}, counts.view(shape)", f"{TABLE}.T, counts.view(shape).T"),
        Slip("The groups are numbered with the wrong width: labels · B + bias, with B the number of values of the "
             "bias.", GROUP, "group = labels * shape[0] + bias"),
        Slip("The right answers are divided by the number of all examples. Each group has its own size.",
             "right / counts", "(right / len(labels)).where(counts > 0, torch.nan)"),
        Slip("The right answers are divided by the number of all examples. Each group has its own size.",
             "right / counts", "right / len(labels)"),
        Slip("The right answers are divided by the size of the class. Divide by the size of the group.", TABLE,
             "right.view(shape) / counts.view(shape).sum(dim=1, keepdim=True)"),
        Slip("These are error rates. Accuracy is the share that is right.", TABLE, f"1 - {TABLE}"),
        Slip("The counts are those of the right answers. Count all examples of each group.", "counts.view(shape)  #",
             "right.view(shape)  #"),
        Slip("These are numbers of right answers. Divide by the group's size.", TABLE, "right.float().view(shape)"),
        Slip("The rows are the model's answers. A group is made by the label and the bias, whatever the model says.",
             GROUP, "group = predictions * shape[1] + bias"),
        Slip("It compares the predictions with the bias. Right is what equals the label.", "predictions == labels",
             "predictions == bias"),
        Slip("The row is the bias. The row is the label, the column the bias.", _exchanged),
        Slip("`table[labels, bias] += …` adds once for each group, however often it occurs. Use index_put_(…, "
             "accumulate=True), bincount, or a loop.", RIGHT, "torch.zeros(shape).index_put((labels, bias), "
             "(predictions == labels).float()).flatten()"),
        Slip(SIZED, "    group =", "    shape = int(labels.max()) + 1, int(bias.max()) + 1\n    group ="),
        Slip("It makes a table [10, 10], whatever shape says.", "    group =", "    shape = (10, 10)\n    group ="),
        Slip("`table[labels, bias] += 1` counts each group once, however often it occurs. Use index_put_(…, "
             "accumulate=True), bincount, or a loop.", RIGHT, "group[predictions == "
             "labels].bincount(minlength=len(counts)).clamp(max=1)", "minlength=shape[0] * shape[1])",
             "minlength=shape[0] * shape[1]).clamp(max=1)"),
        Slip("`table[labels, bias] += …` adds once for each group, however often it occurs. Use index_put_(…, "
             "accumulate=True), bincount, or a loop.", "counts = group.bincount(minlength=shape[0] * shape[1])",
             "counts = torch.zeros(shape).index_put((labels, bias), torch.ones(len(labels))).flatten()", RIGHT,
             "torch.zeros(shape).index_put((labels, bias), (predictions == labels).float()).flatten()"),
        Slip("The size of an empty group is NaN. It is 0: only its accuracy is unknown.", "counts.view(shape)  #",
             "torch.where(counts > 0, counts.double(), torch.nan).view(shape)  #"),
    ),
    hints=(
        "Which examples make up the group of label y and bias b, and what do you count among them? What if there are "
        "none?",
        "Two loops are fine: (labels == y) & (bias == b), with both pairs of brackets. Or number the groups, row by "
            "row, "
        "and let bincount count. Begin with a table full of NaN, and fill only what is not empty.",
    ),
)  # fmt: skip

LOGITS = 2 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
SIX = [0, 1, 2, 3, 0, 1]


def _other_predictions(dice: Dice) -> Iterator[Case]:
    n, classes = dice.whole(3, 9), dice.whole(3, 9)
    logits, labels = 2 * dice.randn(n, classes), dice.classes(n, classes)
    given: dict[str, Any] = {"logits": logits, "labels": labels, "attached": ["logits"]}
    yield Case("the default of q", **given)
    yield Case("a small q", **given, q=dice.number(0.02, 0.09))
    yield Case("another q", **given, q=dice.number(0.2, 0.6))
    yield Case("a large q", **given, q=dice.number(0.75, 0.95))
    yield Case("q = 0", **given, q=0.0)
    sure = given | {"logits": (200 + 100 * dice.rand(n, 1)) * torch.eye(n, classes), "labels": dice.classes(n, classes)}
    for q in (0.0, dice.number(0.1, 0.3), dice.number(0.4, 0.9)):
        yield Case("p is 0 in float32, or 1", **sure, q=q)


EXTREME = [[0.0, 300.0], [300.0, 0.0]]
LOG_P = '-F.cross_entropy(logits, labels, reduction="none")'
VALUE = "-torch.expm1(q * log_p) / q if q else -log_p"
FORMULA = "(1 − p^q) / q"
SOFTMAX = "logits.softmax(dim=1).gather(1, labels[:, None]).squeeze(1)"
UNDERFLOW = (
    "Where p is 0 in float32 the gradient is NaN: the slope of p^q is infinite at 0. Compute p^q as exp(q · log p), "
    "with "
    "log p from log_softmax."
)
FLOOR = "A tiny number keeps p from 0, but then value and gradient are others there. Take log p from log_softmax."
NO_LIMIT = "q = 0 divides by zero. There the formula stands for its limit, the cross-entropy: treat it separately."
CUT_OFF = "The limit is used for other q, too. Only q = 0 stands for it."
GCE = Exercise(
    reference=gce,
    returns=("losses",),
    loose=("losses",),
    cases=(
        Case("two examples of two classes, p = 0.73 and 0.88", logits=[[1.0, 0.0], [1.5, -0.5]], labels=[0, 0],
             q=0.7, attached=["logits"]),
        Case("the default of q", logits=LOGITS, labels=SIX, attached=["logits"]),
        Case("q = 1: the loss is 1 − p", logits=LOGITS, labels=SIX, q=1.0, attached=["logits"]),
        Case("q = 0 stands for the limit, the cross-entropy", logits=LOGITS, labels=SIX, q=0.0, attached=["logits"]),
        Case("q = 0.3", logits=LOGITS, labels=[3, 2, 1, 0, 3, 1], q=0.3, attached=["logits"]),
        Case("q = 0.05", logits=LOGITS, labels=[3, 2, 1, 0, 3, 1], q=0.05, attached=["logits"]),
        Case("p is 0 in float32, or 1", logits=EXTREME, labels=[0, 0], q=0.7, attached=["logits"]),
        Case("p is 0 in float32, q = 0", logits=EXTREME, labels=[0, 0], q=0.0, attached=["logits"]),
        Case("p is 0 in float32, q = 0.2", logits=EXTREME, labels=[1, 0], q=0.2, attached=["logits"]),
        Case("p is 0 in float32, q = 1", logits=EXTREME, labels=[1, 0], q=1.0, attached=["logits"]),
    ),
    others=_other_predictions,
    slips=(
        Slip(UNDERFLOW, LOG_P, SOFTMAX, VALUE, "(1 - log_p**q) / q if q else -log_p.log()"),
        Slip(UNDERFLOW, LOG_P, SOFTMAX, VALUE, '(1 - log_p**q) / q if q else F.cross_entropy(logits, labels, '
             'reduction="none")'),
        Slip("At q = 0 the log of a probability that has rounded to 0 is infinite: take log_softmax in one go.",
             "else -log_p", f"else -{SOFTMAX}.log()"),
        *(Slip(FLOOR, LOG_P, f"{SOFTMAX}.clamp(min={tiny}).log()") for tiny in ("1e-12", "1e-10", "1e-8", "1e-7",
            "1e-6")),
        *(Slip(FLOOR, LOG_P, f"({SOFTMAX} + {tiny}).log()") for tiny in ("1e-12", "1e-10", "1e-8", "1e-7", "1e-6")),
        Slip(NO_LIMIT, VALUE, "-torch.expm1(q * log_p) / torch.tensor(q)"),
        Slip(NO_LIMIT, LOG_P, SOFTMAX, VALUE, "(1 - log_p**q) / torch.tensor(q)"),
        Slip("At q = 0 it returns 0. There the formula stands for its limit, the cross-entropy.", "else -log_p",
             "else 0 * log_p"),
        Slip("At q = 0 a tiny q is put into the formula; float32 has no digits left for that. Return the "
             "cross-entropy.", VALUE, "(1 - (max(q, 1e-8) * log_p).exp()) / max(q, 1e-8)"),
        Slip(CUT_OFF, "if q else", "if q > 0.1 else"),
        Slip("It returns one number. Return each example's loss: LfF will want to weight them.", VALUE,
             f"({VALUE}).mean()"),
        Slip("It returns one number. Return each example's loss: LfF will want to weight them.", VALUE,
             f"({VALUE}).sum()"),
        Slip(f"The division by q is missing: {FORMULA}. Without it the limit q → 0 is 0 everywhere.",
             "(q * log_p) / q", "(q * log_p)"),
        Slip(f"1 − p is raised to the power q. The formula is {FORMULA}: first the power, then 1 minus it.", VALUE,
             "(-torch.expm1(log_p)).clamp(min=1e-12) ** q / q if q else -log_p"),
        Slip(f"1 − p is raised to the power q. The formula is {FORMULA}: first the power, then 1 minus it.", VALUE,
             "(1 - log_p.exp()) ** q / q if q else -log_p"),
        Slip(f"Multiplied by q, not divided: {FORMULA}.", "/ q if", "* q if"),
        Slip("The gradient is right, p^q times the cross-entropy's; the value is not the formula's. Return "
             f"{FORMULA}: its gradient comes out the same, and it can be watched and compared.", VALUE,
             "-(q * log_p).exp().detach() * log_p"),
        Slip(f"This is the form in LfF's code: its gradient is q times that of {FORMULA}, and its value another one.",
             VALUE, "-(q * log_p).exp().detach() * log_p * q"),
        Slip(f"The cross-entropy is multiplied by p^q. The formula {FORMULA} has no cross-entropy in it; the weight "
             f"p^q appears when you differentiate.", VALUE, "-(q * log_p).exp() * log_p"),
        Slip("p is the largest probability. Take that of the label: gather(1, labels[:, None]) picks it out.", LOG_P,
             "logits.log_softmax(dim=1).amax(dim=1)"),
        Slip("The logits are taken for probabilities. They go through a softmax first.", LOG_P,
             "logits.gather(1, labels[:, None]).squeeze(1).log()"),
        Slip("Softmax goes over the examples. It must go over the classes: dim=1.", LOG_P,
             "logits.log_softmax(dim=0).gather(1, labels[:, None]).squeeze(1)"),
        Slip(f"This is the cross-entropy whatever q is. The formula is {FORMULA}.", VALUE, "-log_p"),
        Slip("q is not used: another number stands there.", "    log_p", "    q = 0.7 if q else 0\n    log_p"),
        Slip("q is not used: another number stands there.", "    log_p", "    q = 0.7\n    log_p"),
        Slip("[:, labels] takes those columns from every row: [N, N]. Take one number from each row: "
             "[torch.arange(N), labels].", LOG_P, "logits.log_softmax(dim=1)[:, labels]"),
    ),
    hints=(
        "By which factor does the gradient of (1 − p^q) / q differ from that of −log p? And what happens to p^q where "
            "p "
        "has rounded to 0?",
        "Begin with log p of the label, in one go (log_softmax, or F.cross_entropy with reduction=\"none\"), and get "
            "p^q "
        "from it by exp. q = 0 is a case of its own. Where q · log p is tiny, torch.expm1 keeps the digits.",
    ),
)  # fmt: skip


def _losses(about: str, biased: list | Tensor, debiased: list | Tensor, labels: list | Tensor, **options) -> Case:
    return Case(about, biased=biased, debiased=debiased, labels=labels, attached=["biased", "debiased"], **options)


def _many(n: int, classes: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    losses = torch.randn(2, n, generator=generator).exp()
    return losses[0], losses[1], torch.randint(classes, (n,), generator=generator)


def _other_losses(dice: Dice) -> Iterator[Case]:
    for n in (dice.whole(6, 9), dice.whole(10, 30), dice.whole(100, 300)):
        biased, debiased, labels = _many(n, dice.whole(2, 5), dice.seed())
        yield _losses("drawn losses", biased, debiased, labels, tolerance=5e-3)
        small = [torch.where(labels == 0, loss / 3000, loss) for loss in (biased, debiased)]
        yield _losses("one class with small losses", small[0], small[1], 3 * labels, tolerance=5e-3)
        yield _losses("one class that the biased network gets right with loss 0", biased * (labels > 0), debiased,
                      labels, tolerance=5e-3)  # fmt: skip


SCALE = "loss[members].max().clamp(min=1e-30)"
RATIO = "b / (b + d).clamp(min=1e-30)"
NORMALISED = "Divide each loss by the largest of its class, separately for the two networks."
ALL_ZERO = (
    "A class whose losses are all 0 gives 0 / 0, which is NaN, and NaN weights end the training. Where the largest "
    "loss is 0, let the loss stay 0."
)
BOTH_ZERO = "Where both losses are 0, b / (b + d) is NaN. A tiny number below the line makes it 0."
TINY = (
    "Small losses are changed: the number that keeps the division from 0 / 0 is not small beside them. Take a much "
    "smaller one."
)
RELATIVE_DIFFICULTY = Exercise(
    reference=relative_difficulty,
    returns=("weights",),
    loose=("weights",),
    cases=(
        _losses("one class", [2.0, 1.0], [1.0, 1.0], [0, 0]),
        _losses("two classes, the second ten times as hard for both", [2.0, 1.0, 20.0, 10.0], [0.5, 1.0, 5.0, 10.0],
            [0, 0, 1, 1]),
        _losses("classes 0 and 4 only, one of one example", [3.0, 0.3, 0.7], [0.1, 0.9, 0.2], [4, 4, 0]),
        _losses("an example that both get right with loss 0", [0.0, 1.0, 2.0], [0.0, 4.0, 1.0], [0, 0, 0]),
        _losses("a class that the biased network gets right with loss 0", [0.0, 0.0, 1.0], [1.0, 2.0, 1.0], [0, 0, 1]),
        _losses("a class that the debiased network gets right with loss 0", [1.0, 2.0, 1.0], [0.0, 0.0, 1.0], [0, 0,
            1]),
        _losses("a class that both get right with loss 0", [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0, 0, 1]),
        _losses("losses below a thousandth", [2e-4, 4e-4, 1e-4], [0.4, 0.2, 0.1], [0, 0, 0], tolerance=5e-3),
        _losses("class numbers beyond 9", *_many(8, 3, 1)[:2], _many(8, 3, 1)[2] * 7),
        _losses("twenty examples of four classes", *_many(20, 4, 2), tolerance=5e-3),
        _losses("as many as in training", *_many(10_000, 10, 3), seconds=0.4, tolerance=5e-3),
    ),
    others=_other_losses,
    variants=((RATIO, "b / (b + d + 1e-12)"), (SCALE, "loss[members].max().clamp(min=1e-12)", RATIO,
        "b / (b + d + 1e-12)")),
    slips=(
        Slip(f"The losses are compared as they are, or both divided by the same number, which changes nothing. "
             f"{NORMALISED}", f"            loss[members] /= {SCALE}\n", "            pass\n"),
        Slip(f"The losses are divided by the largest of all. A hard class then rules all others. {NORMALISED}",
             SCALE, "loss.max().clamp(min=1e-30)", "            members", "            break\n            members",
             "        for label", "        loss /= loss.max().clamp(min=1e-30)\n        for label"),
        Slip(f"The losses are divided by the sum (or the mean) of their class. {NORMALISED}", ".max()", ".sum()"),
        Slip("Upside down: this weighs what is hard for the debiased network. W is large where the *biased* one "
             "fails.", RATIO, "d / (b + d).clamp(min=1e-30)"),
        Slip("b / d has no upper end. The weight is b / (b + d), between 0 and 1.", RATIO, "b / d.clamp(min=1e-30)"),
        Slip("Only the biased network's loss is there. The weight is b / (b + d).", RATIO, "b"),
        Slip("Only the biased network's losses are divided by the largest of their class. Do it for both.",
             "in (b, d):", "in (b,):"),
        Slip(ALL_ZERO, ".max().clamp(min=1e-30)", ".max()"),
        Slip("0 / 0 is NaN twice: where a class has no loss at all, and where both networks are perfect on an "
             "example. Both should give weight 0.", ".clamp(min=1e-30)", ""),
        Slip(BOTH_ZERO, "(b + d).clamp(min=1e-30)", "(b + d)"),
        Slip("NaN of a class without losses is swallowed at the end, by the wrong number: with d = 0, W is 1.",
             ".max().clamp(min=1e-30)", ".max()", RATIO, "(b / (b + d)).nan_to_num(0)"),
        Slip("A weight of ½ is given where both losses are 0. It should be 0.", RATIO,
             "torch.where(b + d > 0, b / (b + d).clamp(min=1e-30), 0.5)"),
        Slip(TINY, "max().clamp(min=1e-30)", "max().clamp(min=1e-3)"),
        *(Slip(TINY, "max().clamp(min=1e-30)", f"max() + {tiny}", "(b + d).clamp(min=1e-30)", f"(b + d + {tiny})")
            for tiny in ("1e-3", "1e-4", "1e-5")),
        *(Slip(TINY, ".max().clamp(min=1e-30)", f".max() + {tiny}") for tiny in ("1e-3", "1e-4", "1e-5")),
        Slip("The largest loss of a class is taken to be at least 1. Small losses are divided by their own largest, "
             "too.", "max().clamp(min=1e-30)", "max().clamp(min=1.0)"),
        Slip("One example of the class stands for its largest: an indexed assignment keeps only one of several "
             "values.", ".max()", "[-1]"),
    ),
    hints=(
        "Which four numbers belong to one example, and which two divisions can be 0 / 0?",
        "On copies that hang on no graph, a loop over labels.unique() (one over all examples is too slow): divide a "
        "class's losses by their largest, for each network. .clamp(min=…) with a very small number helps in both "
        "divisions.",
    ),
)  # fmt: skip
EXERCISES = (BIASED_COLOURS, GROUP_TABLE, GCE, RELATIVE_DIFFICULTY)
