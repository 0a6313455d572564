"""The exercises of chapter 03: mixing, its loss in two cross-entropies, calibration, the mixed discriminator."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.gan import mixup_gan_risk
from course_utils.metrics import expected_calibration_error
from course_utils.mixup import mixup, mixup_risk


def _watch_mixup(attempt: Callable) -> Iterator[Sight]:
    two = torch.tensor([[0.0, 1.0], [0.4, 0.2]]).view(2, 1, 1, 2)
    # As many axes as points, so that a lam [3] along the wrong axis raises no error.
    three = torch.tensor([[0.0, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    soft = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    swap, around = torch.tensor([1, 0]), torch.tensor([1, 2, 0])
    for case, images, labels, lam, index, classes in (
        ("two images of 1 × 2 pixels, lam = 0.75", two, torch.tensor([0, 1]), torch.tensor([0.75]), swap, 2),
        ("the same, lam = 1: nothing is mixed", two, torch.tensor([0, 1]), torch.tensor([1.0]), swap, 2),
        ("the same, one lam for each: 0.9, 0.25", two, torch.tensor([0, 1]), torch.tensor([0.9, 0.25]), swap, 2),
        ("three points, one lam for each", three, torch.tensor([0, 0, 1]), torch.tensor([0.2, 0.5, 0.7]), around, 3),
        ("lam = 0.25 as a plain number", two, torch.tensor([1, 0]), 0.25, swap, 2),
        ("labels that are soft already", two, soft, torch.tensor([0.75]), swap, 2),
    ):
        before = [torch.as_tensor(given) for given in (images, labels, lam, index)]
        given = [part.clone() if isinstance(part, Tensor) else part for part in (images, labels, lam, index)]
        returned = attempt(*given, classes)
        mixed, told = (None, None) if returned is None else returned
        kept = all(torch.equal(torch.as_tensor(now), then) for now, then in zip(given, before))
        seen = {"mixed images": mixed, "soft labels": told, "your arguments unchanged": kept}
        for name, part in {"images": mixed, "labels": told}.items():
            seen[f"shape of the mixed {name}"] = list(part.shape) if isinstance(part, Tensor) else None
            seen[f"mixed {name} of type float32"] = getattr(part, "dtype", None) == torch.float32
        yield case, seen


def _soft(labels: Tensor, classes: int) -> Tensor:
    return labels if labels.is_floating_point() else F.one_hot(labels, classes).float()


def _mixes(
    own: Callable = lambda x, index: x,
    label: Callable = lambda soft, index, lam: lam * soft + (1 - lam) * soft[index],
    weigh: Callable = lambda lam, x: torch.as_tensor(lam).view(-1, *[1] * (x.dim() - 1)),
    soften: Callable = _soft,
    returned: Callable = lambda x, y: (x, y),
) -> Callable:
    """Mixup with one part of it replaced."""

    def twin(images, labels, lam, index, num_classes=10):
        weight, soft = weigh(lam, images), soften(labels, num_classes)
        mixed = weight * own(images, index) + (1 - weight) * images[index]
        return returned(mixed, label(soft, index, weigh(lam, soft)))

    return twin


def _in_place(images, labels, lam, index, num_classes=10):
    partner, weight = images[index], torch.as_tensor(lam).view(-1, *[1] * (images.dim() - 1))
    images.mul_(weight).add_((1 - weight) * partner)
    return images, _mixes()(images, labels, lam, index, num_classes)[1]


def _in_place_naturally(images, labels, lam, index, num_classes=10):
    weight = torch.as_tensor(lam).view(-1, *[1] * (images.dim() - 1))
    images.mul_(weight)
    images.add_((1 - weight) * images[index])
    return images, _mixes()(images, labels, lam, index, num_classes)[1]


def _swapped(images, labels, lam, index, num_classes=10):
    return _mixes()(images, labels, 1 - lam, index, num_classes)


def _pictures_only(images, labels, lam, index, num_classes=10):
    lam, soft = torch.as_tensor(lam), _soft(labels, num_classes)
    weight, share = lam.view(-1, 1, 1, 1), lam.view(-1, 1)
    return weight * images + (1 - weight) * images[index], share * soft + (1 - share) * soft[index]


def _unbroadcast(lam, x):
    return lam


def _for_pictures(lam, x):
    return lam.view(-1, 1, 1, 1) if x.dim() == 4 else lam.view(-1, 1)


BROADCAST = (
    "With one lam for each image, lam [N] meets images [N, C, H, W] at their last axis, so it weighs columns of pixels "
    "(or fails). Give lam the shape [N, 1, 1, 1] for images, [N, 1] for labels; in general as many ones as the "
    "tensor has further axes."
)
PLAIN_NUMBER = (
    "lam may be a plain number: a float has no .view and no [:, None]. Make a tensor first: torch.as_tensor(lam)."
)
SOFT_ALREADY = (
    "labels may be soft already (floating point, [N, K]): mix those as they are, and make only whole numbers one-hot."
)
OVERWRITTEN = "The images you were given are overwritten. Make new ones: no *=, no mul_."
MIXUP = Exercise(
    reference=mixup,
    watch=_watch_mixup,
    mistakes=(
        Mistake(
            _mixes(label=lambda soft, index, lam: soft),
            "The labels are not mixed: a picture that is three quarters of one digit should be labelled so. "
            "Mix the one-hot labels with the same lam and the same partner.",
        ),
        Mistake(
            _mixes(label=lambda soft, index, lam: soft[index]),
            "The labels are the partner's alone. Mix both, with the weights of the images.",
        ),
        Mistake(
            _mixes(label=lambda soft, index, lam: (1 - lam) * soft + lam * soft[index]),
            "The labels are mixed the other way round: lam is the weight of the example itself, in both.",
        ),
        Mistake(
            _swapped,
            "The weights are the other way round: lam is the weight of the example itself, 1 − lam the partner's.",
        ),
        Mistake(
            _mixes(own=lambda x, index: x[index], label=lambda soft, index, lam: soft[index]),
            "Both halves are taken at index, so every image is mixed with itself: they are only re-ordered. One half "
            "is images, the other images[index].",
        ),
        Mistake(
            _mixes(own=lambda x, index: x[index]),
            "Both images are taken at index, so every image is mixed with itself. One half is images, the other "
            "images[index]; your labels have it right.",
        ),
        Mistake(_mixes(weigh=_unbroadcast), BROADCAST),
        Mistake(
            _mixes(
                weigh=lambda lam, x: lam if x.dim() == 2 else torch.as_tensor(lam).view(-1, *[1] * (x.dim() - 1)),
            ),
            "The images are right. With one lam for each image, lam [N] meets the labels [N, K] at their last axis. "
            "Give it the shape [N, 1] there.",
        ),
        Mistake(_mixes(weigh=_for_pictures), PLAIN_NUMBER),
        Mistake(_mixes(weigh=lambda lam, x: lam.view(-1, *[1] * (x.dim() - 1))), PLAIN_NUMBER),
        Mistake(_mixes(weigh=lambda lam, x: lam[(slice(None), *[None] * (x.dim() - 1))]), PLAIN_NUMBER),
        Mistake(
            _pictures_only,
            "Right for pictures. Points [N, D] are examples too: there lam needs the shape [N, 1], as many ones as "
            "the tensor has further axes.",
        ),
        Mistake(
            _mixes(weigh=lambda lam, x: torch.as_tensor(lam).view(-1, 1, 1, 1)),
            "lam has the four axes of pictures everywhere. Labels [N, K] and points [N, 2] need [N, 1]: as many ones "
            "as the tensor has further axes.",
        ),
        Mistake(
            _mixes(soften=lambda labels, classes: F.one_hot(labels, classes).float()),
            SOFT_ALREADY,
        ),
        Mistake(_mixes(soften=lambda labels, classes: torch.eye(classes)[labels]), SOFT_ALREADY),
        Mistake(
            _mixes(soften=lambda labels, classes: labels.float(), weigh=lambda lam, x: torch.as_tensor(lam)),
            "The class numbers are mixed: between a 3 and a 9 lies no 6. Make the labels one-hot first.",
        ),
        Mistake(
            _mixes(
                soften=lambda labels, classes: labels.float() if labels.dim() == 1 else labels,
                label=lambda soft, index, lam: lam.flatten() * soft + (1 - lam.flatten()) * soft[index],
            ),
            "The class numbers are mixed: between a 3 and a 9 lies no 6. Make the labels one-hot first.",
        ),
        Mistake(
            _mixes(soften=lambda labels, _: labels if labels.is_floating_point() else F.one_hot(labels).float()),
            "F.one_hot without a number of classes makes as many columns as this batch happens to need. "
            "Pass num_classes.",
        ),
        Mistake(_in_place, OVERWRITTEN),
        Mistake(_in_place_naturally, OVERWRITTEN),
        Mistake(_mixes(returned=lambda x, y: (y, x)), "The right two, the wrong way round: first images, then labels."),
        Mistake(_mixes(returned=lambda x, y: x), "It returns one tensor. Return two: the images and the soft labels."),
    ),
    hints=(
        "Two weighted sums, one of images, one of one-hot labels. The partner of every example at once: images[index].",
        "For lam of shape [N]: lam.view(-1, 1, 1, 1) weighs images [N, C, H, W], lam.view(-1, 1) labels [N, K]. "
        "x.dim() counts axes, and [1] * 3 is [1, 1, 1]; a star hands a list to view.",
    ),
)


def _watch_risk(attempt: Callable) -> Iterator[Sight]:
    rows = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [0.0, -1.0, 1.5]])
    for labels, index, lam in (
        ([0, 2], [1, 0], torch.tensor([0.75])),
        ([0, 2], [1, 0], torch.tensor([1.0])),
        ([0, 1, 2], [2, 0, 1], torch.tensor([0.9, 0.2, 0.6])),
        ([2, 1, 0], [1, 2, 0], 0.3),
    ):
        weights = [round(weight, 2) for weight in lam.tolist()] if isinstance(lam, Tensor) else lam
        logits = rows[: len(labels)].clone().requires_grad_()
        risk = attempt(logits, torch.tensor(labels), lam, torch.tensor(index))
        alive = isinstance(risk, Tensor) and risk.requires_grad and risk.numel() == 1
        slope = torch.autograd.grad(risk, logits)[0] if alive else "none"
        seen = {"risk": risk, "gradient in the logits": slope}
        yield f"{len(labels)} examples, labels {labels}, index {index}, lam {weights}", seen


def _risks(combine: Callable) -> Callable:
    """A risk made from both cross-entropies of each example."""

    def twin(logits, labels, lam, index):
        own, partner = (F.cross_entropy(logits, told, reduction="none") for told in (labels, labels[index]))
        return combine(own, partner, torch.as_tensor(lam))

    return twin


MIXUP_RISK = Exercise(
    reference=mixup_risk,
    watch=_watch_risk,
    mistakes=(
        Mistake(
            _risks(lambda own, partner, lam: lam * own.mean() + (1 - lam) * partner.mean()),
            "Each cross-entropy is averaged before it is weighted. With one lam for each example, weigh each "
            'example first: F.cross_entropy(…, reduction="none"), then average.',
        ),
        Mistake(
            _risks(lambda own, partner, lam: lam.mean() * own.mean() + (1 - lam.mean()) * partner.mean()),
            "Losses and weights are averaged apart from each other. With one lam for each example, weigh each "
            "example, then average.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: ((1 - lam) * own + lam * partner).mean()),
            "The weights are the other way round: lam belongs to the image's own label.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: own.mean()),
            "That is the risk with the image's own labels. The partner's label has the weight 1 − lam.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: (own + partner).mean() / 2),
            "Both labels weigh the same. Weigh them with lam and 1 − lam.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: (own + partner).mean()),
            "Both labels have the weight 1. Weigh them with lam and 1 − lam.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: lam * own + (1 - lam) * partner),
            "It returns a number for each example. Return their average.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: (lam * own + (1 - lam) * partner).sum()),
            "It returns the sum over the examples. Return their average, or the step grows with the batch.",
        ),
        Mistake(
            _risks(lambda own, partner, lam: partner.mean()),
            "That is the risk with the partners' labels. The image's own label has the weight lam.",
        ),
        Mistake(
            lambda *given: mixup_risk(*given).item(),
            "It returns a plain number, which cannot be differentiated. Return the tensor: no .item(), no float().",
        ),
        Mistake(
            lambda logits, labels, lam, index: mixup_risk(logits.softmax(dim=1), labels, lam, index),
            "A softmax stands before the cross-entropy, which takes one itself. Hand it the logits.",
        ),
        Mistake(
            lambda logits, labels, lam, index: (
                lam * F.cross_entropy(logits, labels, reduction="none")
                + (1 - lam) * F.cross_entropy(logits[index], labels[index], reduction="none")
            ).mean(),
            "The partner's label is compared with the partner's logits. Both labels belong to the one mixed image: "
            "its logits, labels and labels[index].",
        ),
    ),
    hints=(
        "One answer, two labels: the cross-entropy with the own label and the one with the partner's.",
        'F.cross_entropy(…, reduction="none") gives one number for each example, which you can multiply by lam. '
        "The average comes last.",
    ),
)


def _watch_calibration(attempt: Callable) -> Iterator[Sight]:
    """Confidences on no edge between bins, so that it does not matter to which side an edge belongs."""
    for rows, labels, bins in (
        ([[0.93, 0.07]] * 4, [0, 0, 0, 1], 10),
        ([[0.93, 0.07], [0.93, 0.07], [0.62, 0.38]], [0, 1, 0], 10),
        ([[0.97, 0.03], [0.28, 0.72], [0.68, 0.32], [0.55, 0.45], [0.91, 0.09]], [0, 0, 0, 0, 1], 4),
        ([[1.0, 0.0], [0.3, 0.7], [0.08, 0.92], [0.85, 0.15]], [1, 1, 0, 0], 15),
        ([[0.42, 0.33, 0.25], [0.1, 0.47, 0.43], [0.2, 0.1, 0.7]], [0, 2, 1], 10),
    ):
        yield (
            f"{bins} bins, probabilities {rows}, labels {labels}",
            {"error": attempt(torch.tensor(rows), torch.tensor(labels), bins)},
        )


def _calibrates(
    total: Callable = lambda gap, count, n: gap.abs().sum() / n,
    sure: Callable = lambda p, y: p.max(dim=1).values,
    place: Callable = lambda confidence, bins: (confidence * bins).ceil().long().clamp(1, bins) - 1,
) -> Callable:
    """A calibration error from the bins' summed gaps (accuracy − confidence), made in this way."""

    def twin(probabilities, labels, bins=15):
        confidence, right = sure(probabilities, labels), probabilities.argmax(dim=1) == labels
        which = place(confidence, bins)
        gap = torch.zeros(bins).index_add(0, which, right.float() - confidence)
        count = torch.zeros(bins).index_add(0, which, torch.ones(len(labels)))
        return total(gap, count, len(labels)).item()

    return twin


def _leaves_out_certainty(probabilities, labels, bins=15):
    sure = probabilities.max(dim=1).values < 1
    return expected_calibration_error(probabilities[sure], labels[sure], bins) * sure.float().mean().item()


def _mean_of_filled(gap, count, n):
    return (gap / count)[count > 0].abs().mean()


EXPECTED_CALIBRATION_ERROR = Exercise(
    reference=expected_calibration_error,
    watch=_watch_calibration,
    mistakes=(
        Mistake(
            _calibrates(_mean_of_filled),
            "All bins weigh the same, however few examples they hold. Weigh each with its share of the examples.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: (gap / count.clamp(min=1)).abs().mean()),
            "All bins weigh the same, the empty ones too. Weigh each with its share of the examples.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: (gap / count).abs().mean()),
            "An empty bin divides 0 by 0, and NaN spreads. Leave empty bins out; the others weigh with their share of "
            "the examples.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: gap.sum().abs() / n),
            "Gaps of opposite sign cancel. Take the absolute value of each bin's gap, then add up.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: gap.sum() / n),
            "Gaps of opposite sign cancel. Take the absolute value of each bin's gap, then add up.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: (gap / count)[count > 0].abs().max()),
            "That is the largest gap (the maximum calibration error). Average the gaps over the examples.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: (count / n * (gap / count.clamp(min=1)) ** 2).sum()),
            "The gaps are squared. Take their absolute value.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: (count / n * (gap / count.clamp(min=1)) ** 2).sum().sqrt()),
            "The gaps are squared. Take their absolute value.",
        ),
        Mistake(
            lambda p, y, bins=15: expected_calibration_error(p, y, 15),
            "It makes 15 bins whatever it is asked for. Use bins.",
        ),
        Mistake(
            lambda p, y, bins=15: expected_calibration_error(p, y, bins - 1),
            "There is one bin too few: bins bins have bins + 1 edges.",
        ),
        Mistake(
            lambda p, y, bins=15: expected_calibration_error(p.softmax(dim=1), y, bins),
            "A softmax is taken of what are probabilities already.",
        ),
        Mistake(
            _leaves_out_certainty,
            "A confidence of exactly 1 falls into no bin. Put it into the last one.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: 100 * gap.abs().sum() / n),
            "That is in percent. Return a fraction.",
        ),
        Mistake(
            _calibrates(lambda gap, count, n: gap.abs().sum()),
            "The gaps are added up over the examples. Divide by their number.",
        ),
        Mistake(
            _calibrates(sure=lambda p, y: p.gather(1, y[:, None]).squeeze(1)),
            "That takes the probability of the true class. The confidence is that of the predicted one: the largest.",
        ),
        Mistake(
            lambda p, y, bins=15: ((p.argmax(dim=1) == y).float() - p.max(dim=1).values).abs().mean().item(),
            "It compares each single example, which is right or wrong and never 93 % right. Average inside a bin "
            "first, then take the absolute value.",
        ),
        Mistake(
            _calibrates(place=lambda confidence, bins: (confidence * bins).long()),
            "A confidence of exactly 1 falls into a bin beyond the last one. Put it into the last.",
        ),
    ),
    hints=(
        "For each example: its confidence (the largest probability), whether it is right, and the number of its bin. "
        "For each bin: the mean of both, and how many examples it holds.",
        "A loop over the bins is fine: mask = which == b. A bin adds |mean of right − mean of confidence| times its "
        "share of the examples, mask.float().mean(); skip it if mask.any() is False.",
    ),
)


def _discriminate(points: Tensor) -> Tensor:
    """A discriminator for the check: bent, so that mixing before it is not mixing after it."""
    return 2 * points[..., :1] - points[..., 1:] ** 2


def _watch_gan(attempt: Callable) -> Iterator[Sight]:
    real = torch.tensor([[1.0, 0.0], [0.5, 2.0], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [0.5, 0.5]])
    fake = torch.tensor([[0.0, 2.0], [1.0, 1.0], [3.0, 0.0], [0.0, 0.0], [0.5, 1.5], [2.0, 2.0]])
    for weights, shape in (
        ([1.0], (1,)),
        ([0.0], (1,)),
        ([0.75], (1,)),
        ([0.9, 0.2, 0.5], (3,)),
        ([0.9, 0.2, 0.5, 0.1, 1.0, 0.7], (2, 3)),  # as in train_gans: networks × pairs
    ):
        n = len(weights)
        x, g = real[:n].view(*shape, 2), fake[:n].view(*shape, 2).clone().requires_grad_()
        risk = attempt(_discriminate, x, g, torch.tensor(weights).view(*shape, 1))
        alive = isinstance(risk, Tensor) and risk.requires_grad and risk.numel() == 1
        slope = torch.autograd.grad(risk, g, allow_unused=True)[0] if alive else None
        seen = {"risk": risk, "a tensor": isinstance(risk, Tensor)}
        seen["gradient in the fake points"] = "none" if slope is None else slope
        yield f"pairs of points {list(x.shape)}, lam {weights}", seen


def _judges(point: Callable, told: Callable, risk: Callable = F.binary_cross_entropy_with_logits) -> Callable:
    """A risk of the discriminator at these points with these labels."""
    return lambda d, real, fake, lam: risk(d(point(real, fake, lam)), told(lam))


def _mixed_points(real, fake, lam):
    return lam * real + (1 - lam) * fake


def _losses_mixed(d, real, fake, lam):
    real_loss, made_loss = F.softplus(-d(real)), F.softplus(d(fake))
    return (lam * real_loss + (1 - lam) * made_loss).mean()


MIXUP_GAN_RISK = Exercise(
    reference=mixup_gan_risk,
    watch=_watch_gan,
    mistakes=(
        Mistake(
            _judges(lambda real, fake, lam: (1 - lam) * real + lam * fake, lambda lam: lam),
            "The points are mixed the other way round: lam says how much is real.",
        ),
        Mistake(
            _judges(_mixed_points, lambda lam: 1 - lam),
            "The labels are the other way round: a point that is all real has lam = 1 and the label 1.",
        ),
        Mistake(
            _judges(_mixed_points, torch.ones_like),
            "Every point is labelled as real. Its label is lam, how much of it is real.",
        ),
        Mistake(
            _judges(_mixed_points, lambda lam: lam.round()),
            "The labels are rounded to real or fake. A soft label is the point of it: lam itself.",
        ),
        Mistake(
            _losses_mixed,
            "It mixes the two losses. Mix the points: the discriminator has to answer between real and fake ones.",
        ),
        Mistake(
            _judges(_mixed_points, lambda lam: lam, lambda x, y: F.binary_cross_entropy_with_logits(x.sigmoid(), y)),
            "A sigmoid stands before a loss that takes one itself. Hand it the logits.",
        ),
        Mistake(
            _judges(_mixed_points, lambda lam: lam, F.binary_cross_entropy),
            "F.binary_cross_entropy wants probabilities, and the discriminator gives logits. Use "
            "F.binary_cross_entropy_with_logits.",
        ),
        Mistake(
            _judges(_mixed_points, lambda lam: lam, lambda x, y: F.binary_cross_entropy_with_logits(x, y).neg()),
            "The sign is wrong: this is what the discriminator makes small.",
        ),
        Mistake(
            lambda d, real, fake, lam: mixup_gan_risk(d, real, fake.detach(), lam),
            "The gradient does not reach the fake points, so the generator could not learn: no detach here.",
        ),
        Mistake(
            _judges(lambda real, fake, lam: (1 - lam) * real + lam * fake, lambda lam: 1 - lam),
            "Points and labels are both the other way round: lam says how much is real.",
        ),
        Mistake(
            _judges(_mixed_points, torch.zeros_like),
            "Every point is labelled as fake. Its label is lam, how much of it is real.",
        ),
        Mistake(
            lambda d, real, fake, lam: F.softplus(-d(real)).mean() + F.softplus(d(fake)).mean(),
            "That is the usual risk, which does not know lam. Mix the points first.",
        ),
        Mistake(
            lambda d, real, fake, lam: F.binary_cross_entropy_with_logits(lam * d(real) + (1 - lam) * d(fake), lam),
            "It mixes the discriminator's answers. Mix the points: it has to answer between real and fake ones.",
        ),
        Mistake(
            lambda *given: mixup_gan_risk(*given).item(),
            "It returns a plain number, which cannot be differentiated. Return the tensor: no .item(), no float().",
        ),
        Mistake(
            lambda d, real, fake, lam: F.binary_cross_entropy_with_logits(
                d(_mixed_points(real, fake, lam)), lam, reduction="none"
            ),
            "It returns a number for each pair. Return their average.",
        ),
        Mistake(
            lambda d, real, fake, lam: F.binary_cross_entropy_with_logits(
                d(_mixed_points(real, fake, lam)), lam, reduction="sum"
            ),
            "It returns the sum over the pairs. Return their average.",
        ),
    ),
    hints=(
        "Ask the discriminator about the mixed points. What should it answer where lam is 1, where it is 0, "
        "and between?",
        "The loss for logits and a label between 0 and 1 is F.binary_cross_entropy_with_logits.",
    ),
)
