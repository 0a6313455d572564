"""The exercises of chapter 03: mixing, its loss in two cross-entropies, calibration, the mixed discriminator."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.gan import mixup_gan_risk
from course_utils.metrics import expected_calibration_error
from course_utils.mixup import mixup, mixup_risk


def _rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


TWO = _rand(2, 1, 1, 2)
# As many axes as points, so that a lam [3] along the wrong axis raises no error.
THREE = torch.tensor([[0.0, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
EACH = torch.tensor([0.9, 0.25])
ONE = torch.tensor([0.75])
SWAP = torch.tensor([1, 0])
VIEW = "lam.view(-1, *[1] * (images.dim() - 1)), lam.view(-1, 1)"
BROADCAST = (
    "With one lam for each image, lam [N] meets the last axis of images [N, C, H, W], and weighs columns of pixels (or "
    "fails). Give lam the shape [N, 1, 1, 1] for images, [N, 1] for labels; in general as many ones as the tensor has "
    "further axes."
)
CLASSES = "The class numbers are mixed: between a 3 and a 9 lies no 6. Make the labels one-hot first."
ALREADY = (
    "labels may be soft already (floating point, [N, K]): mix those as they are, and make only whole numbers one-hot."
)
LABELS = "share * soft + (1 - share) * soft[index]"
PARTNERS = ".index_select(0, index)"
MIXED = f"weight * images + (1 - weight) * images{PARTNERS}"


def _other_mixtures(dice: Dice) -> Iterator[Case]:
    n, classes = dice.whole(5, 8), dice.whole(4, 9)
    images, labels = dice.rand(n, 2, n, n), dice.classes(n, classes)
    given: dict[str, Any] = {"images": images, "labels": labels, "index": dice.classes(n, n)}
    yield Case("one lam", **given, lam=dice.rand(1), num_classes=classes)
    yield Case("one lam for each", **given, lam=dice.rand(n), num_classes=classes + 1)
    yield Case("ten classes, by default", **given, lam=dice.rand(n))
    yield Case("soft labels", **given | {"labels": dice.randn(n, classes).softmax(1)}, lam=dice.rand(n),
               num_classes=classes)  # fmt: skip
    yield Case("points, lam as a plain number", **given | {"images": dice.randn(n, dice.whole(2, 5))},
               lam=dice.number(0.1, 0.4), num_classes=classes)  # fmt: skip


def _from_the_mixed(images: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor, num_classes: int = 10):
    weights, soft = torch.as_tensor(lam).expand(len(images)), torch.eye(num_classes)
    mixed, told = images.clone(), (labels if labels.is_floating_point() else soft[labels]).clone()
    for i, j in enumerate(index):
        for part in (mixed, told):
            part[i] = weights[i] * part[i] + (1 - weights[i]) * part[j]
    return mixed, told


MIXUP = Exercise(
    reference=mixup,
    returns=("mixed images", "soft labels"),
    cases=(
        Case("one lam", images=TWO, labels=[0, 1], lam=ONE, index=SWAP, num_classes=2),
        Case("lam = 1: nothing is mixed", images=TWO, labels=[0, 1], lam=torch.ones(1), index=SWAP, num_classes=2),
        Case("lam = 0: all is the partner's", images=TWO, labels=[0, 1], lam=torch.zeros(1), index=SWAP, num_classes=3),
        Case("one lam for each", images=TWO, labels=[0, 1], lam=EACH, index=SWAP, num_classes=2),
        Case("three points", images=THREE, labels=[0, 0, 1], lam=torch.tensor([0.2, 0.5, 0.7]), index=[1, 2, 0],
             num_classes=3),
        Case("lam as a plain number", images=TWO, labels=[1, 0], lam=0.25, index=SWAP, num_classes=2),
        Case("points, lam as a plain number", images=THREE, labels=[1, 0, 2], lam=0.4, index=[2, 2, 0], num_classes=4),
        Case("soft labels", images=TWO, labels=[[0.5, 0.5], [0.0, 1.0]], lam=ONE, index=SWAP, num_classes=2),
        Case("soft labels, one lam for each", images=_rand(3, 2, 2, 2), labels=[[0.5, 0.5, 0], [0, 1.0, 0], [0.2,
             0.3, 0.5]], lam=torch.tensor([0.2, 0.9, 0.6]), index=[1, 2, 0], num_classes=3),
        Case("ten classes, by default", images=_rand(4, 3, 4, 4), labels=[3, 0, 7, 3], lam=torch.tensor([0.1, 0.6,
             0.8, 0.3]), index=[0, 0, 1, 2]),
        Case("points outside of [0, 1]", images=_randn(5, 2), labels=[0, 1, 1, 2, 0], lam=_rand(5), index=[1, 0, 0,
             4, 3],
             num_classes=3),
        Case("sequences", images=_rand(3, 5, 3), labels=[0, 1, 1], lam=torch.tensor([0.1, 0.6, 0.8]), index=[1, 0,
             0], num_classes=5),
    ),
    others=_other_mixtures,
    slips=(
        Slip("The labels are not mixed: an image that is three quarters of one digit should be labelled so. Mix the "
             "one-hot labels with the same lam and the same partner.", LABELS, "soft.float()"),
        Slip("The labels are mixed the other way round: lam is the weight of the example itself, in both.", LABELS,
             "(1 - share) * soft + share * soft[index]"),
        Slip("The images are mixed the other way round: lam is the weight of the example itself, in both.", MIXED,
             "(1 - weight) * images + weight * images[index]"),
        Slip("The weights are the other way round: lam is the weight of the example itself, 1 − lam the partner's.",
             "torch.as_tensor(lam)", "(1 - torch.as_tensor(lam))"),
        Slip("Both images are taken at index, so every image is mixed with itself. One half is images, the other "
             "images[index].", "weight * images +", "weight * images[index] +"),
        Slip("The partner is not the one at index: the order is turned around.", PARTNERS, ".flip(0)",
             "[index]", ".flip(0)"),
        Slip("index is used the other way round: the partner of example i is example index[i], not the other way.",
             PARTNERS, "[index.argsort()]", "[index]", "[index.argsort()]"),
        Slip(BROADCAST, VIEW, "lam, lam"),
        Slip("The images are right. With one lam for each image, lam [N] meets the labels [N, K] at their last axis. "
             "Give it the shape [N, 1] there.", "lam.view(-1, 1)\n", "lam\n"),
        Slip(BROADCAST, "lam.view(-1, *[1] * (images.dim() - 1))", "lam"),
        Slip("One mean weight is used for all. There may be one for each example.", VIEW, "lam.mean(), lam.mean()"),
        Slip("Right for images. Points [N, D] are examples too: there lam needs the shape [N, 1], as many ones as "
             "the tensor has further axes.", "lam.view(-1, *[1] * (images.dim() - 1))", "lam.view(-1, 1, 1, 1)"),
        Slip(ALREADY, "labels if labels.is_floating_point() else F.one_hot(labels, num_classes)",
             "F.one_hot(labels.long(), num_classes)"),
        Slip(ALREADY + " Rounding them to a class loses what they say.", "labels if labels.is_floating_point() else "
             "F.one_hot(labels, num_classes)", "F.one_hot(labels.argmax(1) if labels.dim() > 1 else labels, "
             "num_classes)"),
        Slip(CLASSES, "F.one_hot(labels, num_classes)", "labels[:, None].float()"),
        Slip(CLASSES, "F.one_hot(labels, num_classes)", "labels.float()", "share *", "share.flatten() *",
             "(1 - share)", "(1 - share.flatten())"),
        Slip("F.one_hot without a number of classes makes as many columns as this batch happens to need. Pass "
             "num_classes.", "F.one_hot(labels, num_classes)", "F.one_hot(labels)"),
        Slip("It makes ten classes whatever num_classes is.", "F.one_hot(labels, num_classes)",
             "F.one_hot(labels, 10)"),
        Slip("The larger weight always goes to the example itself. lam is its weight, also below ½.",
             "torch.as_tensor(lam)", "torch.maximum(torch.as_tensor(lam), 1 - torch.as_tensor(lam))"),
        Slip("Later examples are mixed with partners that are mixed already: take partners from the images as they "
             "were given.", _from_the_mixed),
        Slip("The class numbers are mixed and then made one-hot: between a 2 and a 4 that is a 3. Make the labels "
             "one-hot first.", LABELS, "F.one_hot((share.flatten() * labels + (1 - share.flatten()) * "
             "labels[index]).round().long(), num_classes).float() if labels.dim() == 1 else " + LABELS),
    ),
    hints=(
        "Two weighted sums, one of images, one of one-hot labels. Which images are the partners of all examples at "
            "once?",
        "images[index]. For lam of shape [N], lam.view(-1, 1, 1, 1) weighs images [N, C, H, W] and lam.view(-1, 1) "
            "labels "
        "[N, K]; x.dim() counts axes, and view takes a list: view(-1, *[1] * 3). torch.as_tensor makes a tensor of a "
            "number.",
    ),
)  # fmt: skip

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [0.0, -1.0, 1.5]])
COMBINED = "(lam * own + (1 - lam) * partner).mean()"
APART = (
    "Weights and losses are averaged apart from each other (too early, or as a table of all pairs, [N, 1] against "
    "[N]). "
    "Weigh each example's two losses with its own lam, one number for each example, and then average."
)


def _other_answers(dice: Dice) -> Iterator[Case]:
    for size in (1, 3, 100):
        n, classes = dice.whole(3, 9), dice.whole(3, 9)
        logits, labels = size * dice.randn(n, classes), dice.classes(n, classes)
        given: dict[str, Any] = {"logits": logits, "labels": labels, "index": dice.order(n)}
        yield Case("one lam for each", **given, lam=dice.rand(n), attached=["logits"])
        yield Case("lam as a plain number", **given, lam=dice.number(0.1, 0.4), attached=["logits"])


MIXUP_RISK = Exercise(
    reference=mixup_risk,
    returns=("risk",),
    loose=("risk",),
    cases=(
        Case("one lam", logits=LOGITS[:2], labels=[0, 2], lam=ONE, index=SWAP, attached=["logits"]),
        Case("lam = 1", logits=LOGITS[:2], labels=[0, 2], lam=torch.ones(1), index=SWAP, attached=["logits"]),
        Case("one lam for each", logits=LOGITS, labels=[0, 1, 2], lam=torch.tensor([0.9, 0.2, 0.6]), index=[2, 0, 1],
             attached=["logits"]),
        Case("lam as a plain number", logits=LOGITS, labels=[2, 1, 0], lam=0.3, index=[1, 2, 0], attached=["logits"]),
        Case("large logits", logits=100 * LOGITS, labels=[2, 1, 0], lam=0.6, index=[1, 2, 0], attached=["logits"]),
        Case("six examples of five classes", logits=2 * _randn(6, 5), labels=[4, 0, 1, 3, 3, 2], lam=_rand(6),
             index=[5, 4, 0, 0, 2, 1], attached=["logits"]),
        Case("six examples, another draw", logits=_randn(6, 4, seed=1), labels=[1, 0, 1, 3, 3, 2], lam=_rand(6,
             seed=1), index=[3, 1, 2, 0, 5, 4], attached=["logits"]),
    ),
    others=_other_answers,
    slips=(
        Slip(APART, COMBINED,
             "(lam * own.mean() + (1 - lam) * partner.mean()).mean()"),
        Slip(APART, COMBINED,
             "lam * own.mean() + (1 - lam) * partner.mean()"),
        Slip("Only the first lam is used. There may be one for each example.", COMBINED,
             "(lam.flatten()[0] * own + (1 - lam.flatten()[0]) * partner).mean()"),
        Slip("The weights are the other way round: lam belongs to the image's own label.", COMBINED,
             "((1 - lam) * own + lam * partner).mean()"),
        Slip("That is the risk with the image's own labels. The partner's label has the weight 1 − lam.", COMBINED,
             "own.mean()"),
        Slip("That is the risk with the partners' labels. The image's own label has the weight lam.", COMBINED,
             "partner.mean()"),
        Slip("The partner's cross-entropy is missing: it has the weight 1 − lam.", COMBINED, "(lam * own).mean()"),
        Slip("The own cross-entropy is missing: it has the weight lam.", COMBINED, "((1 - lam) * partner).mean()"),
        Slip("Both labels weigh the same. Weigh them with lam and 1 − lam.", COMBINED, "(own + partner).mean() / 2"),
        Slip("It returns a number for each example. Return their average.", COMBINED, COMBINED.replace(".mean()", "")),
        Slip("It returns the sum over the examples. Return their average, or the step grows with the batch.",
             COMBINED, COMBINED.replace("mean", "sum")),
        Slip("A softmax stands before the cross-entropy, which takes one itself. Hand it the logits.",
             "(logits, labels", "(logits.softmax(dim=1), labels"),
        Slip("A log_softmax of probabilities that can be 0: take log_softmax in one go.",
             "F.cross_entropy(logits, labels,", "F.nll_loss(logits.softmax(dim=1).log(), labels,",
             "F.cross_entropy(logits, labels[index],", "F.nll_loss(logits.softmax(dim=1).log(), labels[index],"),
        Slip("The partner's label is compared with the partner's logits. Both labels belong to the one mixed image: "
             "its logits, labels and labels[index].", "(logits, labels[index]", "(logits[index], labels[index]"),
        Slip("The partner's label is weighted with the partner's own 1 − lam. Both weights are those of the image: "
             "lam[i] and 1 − lam[i].", COMBINED, "(lam * own + (1 - lam.expand(len(labels))[index]) * "
             "partner).mean()"),
        Slip("The partner's label has the weight 1. It has the weight 1 − lam.", COMBINED,
             "(lam * own + partner).mean()"),
        Slip("The class numbers are mixed (and cut down). Compare with both labels instead.", COMBINED,
             "F.cross_entropy(logits, (lam * labels + (1 - lam) * labels[index]).long())"),
    ),
    hints=(
        "One answer, two labels: which two cross-entropies are there for each image?",
        'F.cross_entropy(…, reduction="none") gives one number for each example, which you can multiply by lam. The '
        "average comes last.",
    ),
)  # fmt: skip


def _confident(seed: int, n: int, classes: int, bins: int | None = None) -> Case:
    """Confidences on no edge between bins, so that it does not matter to which side an edge belongs."""
    rows = _randn(n, classes, seed=seed).mul(1.5).softmax(1)
    labels = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    options: dict[str, Any] = {} if bins is None else {"bins": bins}
    return Case(f"{n} examples of {classes} classes", probabilities=rows, labels=labels, **options)


def _other_confidences(dice: Dice) -> Iterator[Case]:
    for n, bins in ((dice.whole(20, 50), 4), (dice.whole(51, 90), dice.whole(5, 9)), (100, dice.whole(18, 30))):
        yield _confident(dice.seed(), n, dice.whole(3, 12), bins)
    yield _confident(dice.seed(), dice.whole(101, 300), dice.whole(3, 12))


GAPS = "[(right - confidence)[which == b].sum().abs() for b in range(1, bins + 1)]"
AVERAGED = "float(sum(gaps) / len(labels))"
MEANS = "[(right - confidence)[which == b].mean().abs() for b in range(1, bins + 1) if (which == b).any()]"
EQUAL_BINS = "All bins weigh the same, however few examples they hold. Weigh each with its share of the examples."
SQUARED = "The gaps are squared. Take their absolute value."
EXPECTED_CALIBRATION_ERROR = Exercise(
    reference=expected_calibration_error,
    returns=("error",),
    cases=(
        Case("", probabilities=[[0.93, 0.07]] * 4, labels=[0, 0, 0, 1], bins=10),
        Case("two bins in use", probabilities=[[0.93, 0.07], [0.93, 0.07], [0.62, 0.38]], labels=[0, 1, 0], bins=10),
        Case("bins of other sides", probabilities=[[0.97, 0.03], [0.28, 0.72], [0.68, 0.32], [0.55, 0.45], [0.91,
             0.09]], labels=[0, 0, 0, 0, 1], bins=4),
        Case("a confidence of exactly 1", probabilities=[[1.0, 0.0], [0.3, 0.7], [0.08, 0.92], [0.85, 0.15]],
             labels=[1, 1, 0, 0], bins=15),
        Case("three classes", probabilities=[[0.42, 0.33, 0.25], [0.1, 0.47, 0.43], [0.2, 0.11, 0.69]], labels=[0, 2,
             1], bins=10),
        Case("the first of five bins", probabilities=torch.full((2, 10), 0.09) + 0.1 * torch.eye(10)[:2], labels=[0,
             5], bins=5),
        Case("one bin", probabilities=[[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], labels=[1, 0, 1], bins=1),
        _confident(0, 200, 10),
        _confident(1, 100, 4, bins=7),
        _confident(2, 60, 20, bins=30),
    ),
    others=_other_confidences,
    variants=((GAPS, "[(right - confidence)[which == b].mean().abs() * (which == b).float().mean() for b in range(1, "
        "bins + 1) if (which == b).any()]", AVERAGED, "float(sum(gaps))"),),
    slips=(
        Slip(EQUAL_BINS, GAPS, MEANS, AVERAGED, "float(sum(gaps) / len(gaps))"),
        Slip("An empty bin divides 0 by 0, and NaN spreads. Leave empty bins out.", ".sum().abs()",
             ".mean().abs() * (which == b).float().sum()"),
        Slip("Gaps of opposite sign cancel. Take the absolute value of each bin's gap, then add up.", AVERAGED,
             "((right - confidence).sum() / len(labels)).abs().item()"),
        Slip("Gaps of opposite sign cancel. Take the absolute value of each bin's gap, then add up.", ".abs()", ""),
        Slip("That is the largest gap (the maximum calibration error). Average the gaps over the examples.", GAPS,
             MEANS, AVERAGED, "float(max(gaps))"),
        Slip(SQUARED, GAPS, "[(right - confidence)[which == b].mean().square() * (which == b).sum() for b in range(1, "
             "bins + 1) if (which == b).any()]"),
        Slip("The gaps are squared and their root is taken. Take their absolute value.", GAPS,
             "[(right - confidence)[which == b].mean().square() * (which == b).sum() for b in range(1, bins + 1) if "
             "(which == b).any()]", AVERAGED, "(sum(gaps) / len(labels)).sqrt().item()"),
        Slip("It makes 15 bins whatever it is asked for. Use bins.", "    confidence,",
             "    bins = 15\n    confidence,"),
        Slip("There is one bin too few: bins bins have bins + 1 edges.", "(confidence * bins).ceil().clamp(1, bins)",
             "(confidence * (bins - 1)).ceil().clamp(1, max(1, bins - 1))", "range(1, bins + 1)", "range(1, bins)",
             AVERAGED, "float(sum(gaps) / len(labels))"),
        Slip("The first bin is lost: it begins at 0.", "range(1, bins + 1)", "range(2, bins + 1)"),
        Slip("The last bin is lost.", "range(1, bins + 1)", "range(1, bins)"),
        Slip("The bins lie between the smallest and the largest confidence that is there. They lie between 0 and 1.",
             "(confidence * bins).ceil()", "((confidence - confidence.min()) / (confidence.max() - "
             "confidence.min()).clamp(min=1e-9) * bins).ceil()"),
        Slip("The bins hold equally many examples. They are equally wide.", "(confidence * bins).ceil()",
             "(confidence.argsort().argsort() * bins // len(labels) + 1)"),
        Slip("A softmax is taken of what are probabilities already.", "probabilities.max",
             "probabilities.softmax(dim=1).max"),
        Slip("A confidence of exactly 1 falls into no bin. Put it into the last one.", ".ceil().clamp(1, bins)",
             ".floor() + 1"),
        Slip("The gaps are added up over the examples. Divide by their number.", " / len(labels)", ""),
        Slip("That takes the probability of the true class. The confidence is that of the predicted one: the "
             "largest.", "    right =", "    confidence = probabilities.gather(1, labels[:, None]).squeeze(1)\n    "
             "right ="),
        Slip("It compares each single example, which is right or wrong and never 93 % right. Average inside a bin "
             "first, then take the absolute value.", "].sum().abs()", "].abs().sum()"),
        Slip("The middle of the bin stands for its confidence. Take the mean of the confidences in it.",
             "(right - confidence)[which == b].sum()", "(right[which == b] - (b - 0.5) / bins).sum()"),
    ),
    hints=(
        "For each example: its confidence, and whether it is right. Which of the two averages inside a bin are "
            "compared, "
        "and how much does each bin count?",
        "A loop over the bins is fine: a mask for the examples of bin b, |mean of right − mean of confidence| there, "
        "times the share of the examples. What is a mean over no examples? Where does a confidence of 1 belong?",
    ),
)  # fmt: skip


def _discriminate(points: Tensor) -> Tensor:
    """A discriminator for the check: bent, so that mixing before it is not mixing after it."""
    return 2 * points[..., :1] - points[..., 1:] ** 2


def _steep(points: Tensor) -> Tensor:
    return 40 * _discriminate(points)


REAL, FAKE = _randn(6, 2, seed=2), _randn(6, 2, seed=3)
WEIGHTS = torch.tensor([0.9, 0.2, 0.5, 0.1, 1.0, 0.7])


def _pairs(
    about: str,
    weights: Tensor,
    shape: tuple[int, ...],
    discriminate: Callable[[Tensor], Tensor] = _discriminate,
    points: tuple[Tensor, Tensor] = (REAL, FAKE),
) -> Case:
    real, fake = (part[: len(weights)].view(*shape, 2) for part in points)
    return Case(
        about, discriminate=discriminate, real=real, fake=fake, lam=weights.view(*shape, 1), attached=["real", "fake"]
    )


def _other_points(dice: Dice) -> Iterator[Case]:
    for about, size in (("three networks", 1), ("logits far from 0", 30), ("logits in the hundreds", 200)):
        n, bend = dice.whole(2, 6), dice.number(0.5, 2)
        bent = lambda points, size=size, bend=bend: size * (points[..., :1] - bend * points[..., 1:] ** 2)  # noqa: E731
        yield _pairs(about, dice.rand(3 * n), (3, n), bent, (dice.randn(3 * n, 2), dice.randn(3 * n, 2)))


MIXED_POINTS = "lam * real + (1 - lam) * fake"
BCE = "F.binary_cross_entropy_with_logits(logits, lam.expand_as(logits))"
MIXUP_GAN_RISK = Exercise(
    reference=mixup_gan_risk,
    returns=("risk",),
    loose=("risk",),
    cases=(
        _pairs("a pair that is all real", torch.ones(1), (1,)),
        _pairs("a pair that is all fake", torch.zeros(1), (1,)),
        _pairs("three quarters real", torch.tensor([0.75]), (1,)),
        _pairs("three pairs", WEIGHTS[:3], (3,)),
        _pairs("two networks with three pairs each", WEIGHTS, (2, 3)),
        _pairs("logits far from 0", WEIGHTS[:4], (4,), _steep),
        _pairs("logits in the hundreds", WEIGHTS[:4], (4,), lambda points: 300 + 200 * _discriminate(points)),
    ),
    others=_other_points,
    variants=((BCE, "(lam * F.softplus(-logits) + (1 - lam) * F.softplus(logits)).mean()"),),
    slips=(
        Slip("The points are mixed the other way round: lam says how much is real.", MIXED_POINTS,
             "(1 - lam) * real + lam * fake"),
        Slip("The labels are the other way round: a point that is all real has lam = 1 and the label 1.",
             "lam.expand_as", "(1 - lam).expand_as"),
        Slip("Every point is labelled as real. Its label is lam, how much of it is real.", "lam.expand_as(logits)",
             "torch.ones_like(logits)"),
        Slip("Every point is labelled as fake. Its label is lam, how much of it is real.", "lam.expand_as(logits)",
             "torch.zeros_like(logits)"),
        Slip("The labels are rounded to real or fake. A soft label is the point of it: lam itself.", "lam.expand_as",
             "lam.round().expand_as"),
        Slip("The labels are rounded to real or fake. A soft label is the point of it: lam itself.", "lam.expand_as",
             "(lam >= 0.5).float().expand_as"),
        Slip("It mixes the two losses. Mix the points: the discriminator has to answer between real and fake ones.",
             BCE, "(lam * F.softplus(-discriminate(real)) + (1 - lam) * F.softplus(discriminate(fake))).mean()"),
        Slip("A sigmoid stands before a loss that takes one itself. Hand it the logits.", "with_logits(logits,",
             "with_logits(logits.sigmoid(),"),
        Slip("Right for small logits. With large ones the sigmoid rounds to 0 or 1: binary_cross_entropy_with_logits "
             "does both steps at once.", BCE, "F.binary_cross_entropy(logits.sigmoid(), lam)"),
        Slip("Right for small logits. With large ones the sigmoid rounds to 0 or 1, and its log is infinite: "
             "binary_cross_entropy_with_logits does both steps at once.", BCE, "-(lam * logits.sigmoid().log() + (1 - "
             "lam) * (1 - logits.sigmoid()).log()).mean()"),
        Slip("A tiny number keeps the log finite, but then it is another number. binary_cross_entropy_with_logits "
             "does both steps at once.", BCE, "-(lam * (logits.sigmoid() + 1e-8).log() + (1 - lam) * (1 - "
             "logits.sigmoid() + 1e-8).log()).mean()"),
        Slip("That is the usual risk, which does not know lam. Mix the points first.", BCE,
             "F.softplus(-discriminate(real)).mean() + F.softplus(discriminate(fake)).mean()"),
        Slip("That is the usual risk, which does not know lam. Mix the points first.", BCE,
             "(F.softplus(-discriminate(real)).mean() + F.softplus(discriminate(fake)).mean()) / 2"),
        Slip("It mixes the discriminator's answers. Mix the points: it has to answer between real and fake ones.",
             f"discriminate({MIXED_POINTS})", "lam * discriminate(real) + (1 - lam) * discriminate(fake)"),
        Slip("It returns a number for each pair. Return their average.", "lam.expand_as(logits))",
             'lam.expand_as(logits), reduction="none")'),
        Slip("It returns the sum over the pairs. Return their average.", "lam.expand_as(logits))",
             'lam.expand_as(logits), reduction="sum")'),
        Slip("Only the real half of the loss is there: fake points must be called fake, with the weight 1 − lam.",
             BCE, "(lam * F.softplus(-logits)).mean()"),
        Slip("Only the fake half of the loss is there: real points must be called real, with the weight lam.", BCE,
             "((1 - lam) * F.softplus(logits)).mean()"),
        Slip("That measures squares. The loss is the cross-entropy.", BCE, "(logits.sigmoid() - lam).square().mean()"),
        Slip("One average lam is used for the labels. Each pair has its own.", "lam.expand_as", "lam.mean().expand_as"),
        Slip("The logits are clamped, so that value and gradient are wrong beyond. binary_cross_entropy_with_logits "
             "is finite without.", f"discriminate({MIXED_POINTS})", f"discriminate({MIXED_POINTS}).clamp(-10, 10)"),
        Slip("The logits are clamped, so that value and gradient are wrong beyond. binary_cross_entropy_with_logits "
             "is finite without.", f"discriminate({MIXED_POINTS})", f"discriminate({MIXED_POINTS}).clamp(-20, 20)"),
        Slip("The logits are clamped, so that value and gradient are wrong beyond. binary_cross_entropy_with_logits "
             "is finite without.", f"discriminate({MIXED_POINTS})", f"discriminate({MIXED_POINTS}).clamp(-30, 30)"),
        Slip("log(1 + exp) overflows for large logits. binary_cross_entropy_with_logits does not.", BCE,
             "(lam * (1 + (-logits).exp()).log() + (1 - lam) * (1 + logits.exp()).log()).mean()"),
    ),
    hints=(
        "Ask the discriminator about the mixed points. What should it answer where lam is 1, where it is 0, and "
            "between?",
        "PyTorch has a binary cross-entropy that takes logits and a label between 0 and 1, and stays finite.",
    ),
)  # fmt: skip
EXERCISES = (MIXUP, MIXUP_RISK, EXPECTED_CALIBRATION_ERROR, MIXUP_GAN_RISK)
