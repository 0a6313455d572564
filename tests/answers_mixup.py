"""Answers to the exercises of chapter 03, right and wrong, as students write them."""

import torch
from torch.nn import functional as F


def hot(labels, classes):
    return labels if labels.is_floating_point() else F.one_hot(labels, classes).float()


# ---- right, each in its own way ----------------------------------------------------------------------------


def mix_by_loop(images, labels, lam, index, num_classes=10):
    lam = torch.as_tensor(lam).expand(len(images)) if torch.as_tensor(lam).numel() == 1 else lam
    soft = hot(labels, num_classes)
    mixed = [w * images[i] + (1 - w) * images[j] for i, (w, j) in enumerate(zip(lam, index))]
    told = [w * soft[i] + (1 - w) * soft[j] for i, (w, j) in enumerate(zip(lam, index))]
    return torch.stack(mixed), torch.stack(told)


def mix_by_lerp(images, labels, lam, index, num_classes=10):
    lam = torch.as_tensor(lam).flatten()
    soft = labels if labels.dim() == 2 else torch.eye(num_classes)[labels]
    x = torch.lerp(images[index], images, lam.reshape([-1] + [1] * (images.dim() - 1)))
    return x, torch.lerp(soft[index], soft, lam[:, None])


def mix_by_einsum(images, labels, lam, index, num_classes=10):
    if not isinstance(lam, torch.Tensor):
        lam = torch.tensor(lam)
    lam = lam.expand(len(images))
    if labels.dtype == torch.int64:
        labels = torch.zeros(len(labels), num_classes).scatter_(1, labels.unsqueeze(1), 1.0)
    x = torch.einsum("n,n...->n...", lam, images) + torch.einsum("n,n...->n...", 1 - lam, images[index])
    return x, torch.einsum("n,nk->nk", lam, labels) + torch.einsum("n,nk->nk", 1 - lam, labels[index])


def risk_by_soft_labels(logits, labels, lam, index):
    lam = torch.as_tensor(lam).view(-1, 1)
    one_hot = F.one_hot(labels, logits.shape[1])
    return F.cross_entropy(logits, lam * one_hot + (1 - lam) * one_hot[index])


def risk_by_log_softmax(logits, labels, lam, index):
    log_p, n = logits.log_softmax(dim=1), torch.arange(len(labels))
    return -(lam * log_p[n, labels] + (1 - lam) * log_p[n, labels[index]]).sum() / len(labels)


def ece_by_loop(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    edges, total = torch.linspace(0, 1, bins + 1), 0.0
    for low, high in zip(edges, edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            right = (predicted[inside] == labels[inside]).float().mean()
            total += inside.float().mean() * (right - confidence[inside].mean()).abs()
    return total


def ece_by_bucketize(probabilities, labels, bins=15):
    confidence = probabilities.amax(dim=1)
    right = probabilities.argmax(dim=1).eq(labels)
    which = (confidence * bins).floor().clamp(max=bins - 1)
    return sum(abs(right[which == b].sum().item() - confidence[which == b].sum().item()) for b in which.unique()) / len(
        labels
    )


def judged_by_hand(discriminate, real, fake, lam):
    p = torch.sigmoid(discriminate(torch.lerp(fake, real, lam)))
    return -(lam * p.log() + (1 - lam) * (1 - p).log()).mean()


def judged_with_probabilities(discriminate, real, fake, lam):
    logits = discriminate(lam * real + (1 - lam) * fake)
    return F.binary_cross_entropy(logits.sigmoid(), lam)


RIGHT = {
    "mixup": [mix_by_loop, mix_by_lerp, mix_by_einsum],
    "mixup_risk": [risk_by_soft_labels, risk_by_log_softmax],
    "expected_calibration_error": [ece_by_loop, ece_by_bucketize],
    "mixup_gan_risk": [judged_by_hand, judged_with_probabilities],
}

# ---- wrong, with the words that must be in the diagnosis ---------------------------------------------------


def shaped(lam, x):
    return torch.as_tensor(lam).reshape(-1, *[1] * (x.dim() - 1))


def faded(images, lam, index):
    w = shaped(lam, images)
    return w * images + (1 - w) * images[index]


def labels_left_alone(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), hot(labels, num_classes)


def labels_of_the_partner(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), hot(labels, num_classes)[index]


def labels_swapped(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), faded(hot(labels, num_classes), 1 - torch.as_tensor(lam), index)


def all_swapped(images, labels, lam, index, num_classes=10):
    w, soft = torch.as_tensor(lam), hot(labels, num_classes)
    return faded(images, 1 - w, index), faded(soft, 1 - w, index)


def with_itself(images, labels, lam, index, num_classes=10):
    images, soft = images[index], hot(labels, num_classes)[index]
    w = shaped(lam, images)
    return w * images + (1 - w) * images, soft


def images_with_themselves(images, labels, lam, index, num_classes=10):
    w = shaped(lam, images)
    return w * images[index] + (1 - w) * images[index], faded(hot(labels, num_classes), lam, index)


def no_shape(images, labels, lam, index, num_classes=10):
    soft = hot(labels, num_classes)
    return lam * images + (1 - lam) * images[index], lam * soft + (1 - lam) * soft[index]


def no_shape_for_labels(images, labels, lam, index, num_classes=10):
    soft = hot(labels, num_classes)
    w = lam if images.dim() == 2 else shaped(lam, images)
    return w * images + (1 - w) * images[index], lam * soft + (1 - lam) * soft[index]


def view_of_a_number(images, labels, lam, index, num_classes=10):
    w, soft = lam.view([-1] + [1] * (images.dim() - 1)), hot(labels, num_classes)
    return w * images + (1 - w) * images[index], lam.view(-1, 1) * soft + (1 - lam.view(-1, 1)) * soft[index]


def four_axes(images, labels, lam, index, num_classes=10):
    w, soft = torch.as_tensor(lam).view(-1, 1, 1, 1), hot(labels, num_classes)
    return w * images + (1 - w) * images[index], w * soft + (1 - w) * soft[index]


def one_hot_again(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), faded(F.one_hot(labels, num_classes).float(), lam, index)


def class_numbers(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), faded(labels.float(), lam, index)


def as_many_classes_as_seen(images, labels, lam, index, num_classes=10):
    soft = labels if labels.dim() == 2 else F.one_hot(labels).float()
    return faded(images, lam, index), faded(soft, lam, index)


def in_place(images, labels, lam, index, num_classes=10):
    partner, w = images[index].clone(), shaped(lam, images)
    images *= w
    images += (1 - w) * partner
    return images, faded(hot(labels, num_classes), lam, index)


def in_place_naturally(images, labels, lam, index, num_classes=10):
    w = shaped(lam, images)
    images *= w
    images += (1 - w) * images[index]
    return images, faded(hot(labels, num_classes), lam, index)


def subscripted(images, labels, lam, index, num_classes=10):
    w = lam[:, None, None, None] if images.dim() == 4 else lam[:, None]
    soft = hot(labels, num_classes)
    return w * images + (1 - w) * images[index], lam[:, None] * soft + (1 - lam[:, None]) * soft[index]


def pictures_only(images, labels, lam, index, num_classes=10):
    lam, soft = torch.as_tensor(lam), hot(labels, num_classes)
    x = lam.view(-1, 1, 1, 1) * images + (1 - lam.view(-1, 1, 1, 1)) * images[index]
    return x, lam.view(-1, 1) * soft + (1 - lam.view(-1, 1)) * soft[index]


def rows_of_the_unit_matrix(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index), faded(torch.eye(num_classes)[labels], lam, index)


def flat(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index).flatten(1), faded(hot(labels, num_classes), lam, index)


def doubles(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index).double(), faded(hot(labels, num_classes), lam, index)


def overwrites_lam(images, labels, lam, index, num_classes=10):
    mixed = faded(images, lam, index), faded(hot(labels, num_classes), lam, index)
    if isinstance(lam, torch.Tensor):
        lam.zero_()
    return mixed


def labels_first(images, labels, lam, index, num_classes=10):
    return faded(hot(labels, num_classes), lam, index), faded(images, lam, index)


def images_alone(images, labels, lam, index, num_classes=10):
    return faded(images, lam, index)


def cross(logits, labels):
    return F.cross_entropy(logits, labels, reduction="none")


def binned(combine):
    """Accuracy, confidence and share of each bin that is not empty; `combine` makes one number of them."""

    def answer(probabilities, labels, bins=15):
        confidence, predicted = probabilities.max(1)
        which = (confidence * bins).long().clamp(max=bins - 1)
        rows = [
            (
                (predicted == labels)[which == b].float().mean(),
                confidence[which == b].mean(),
                (which == b).float().mean(),
            )
            for b in which.unique()
        ]
        return combine(*map(torch.stack, zip(*rows)), bins)

    return answer


def empty_bins_divide(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    which, total = (confidence * bins).long().clamp(max=bins - 1), 0
    for b in range(bins):
        inside = which == b
        gap = (predicted == labels)[inside].float().mean() - confidence[inside].mean()
        total += inside.float().mean() * gap.abs()
    return total


def of_the_true_class(probabilities, labels, bins=15):
    confidence = probabilities[torch.arange(len(labels)), labels]
    right, total = probabilities.argmax(1) == labels, 0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            total += inside.float().mean() * (right[inside].float().mean() - confidence[inside].mean()).abs()
    return total


def each_alone(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    return ((predicted == labels).float() - confidence).abs().mean()


def past_the_last_bin(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    gaps = torch.zeros(bins)
    gaps.index_add_(0, (confidence * bins).long(), (predicted == labels).float() - confidence)
    return gaps.abs().sum() / len(labels)


def half_open(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    total = 0
    for b in range(bins):
        inside = (b / bins <= confidence) & (confidence < (b + 1) / bins)
        if inside.any():
            gap = (predicted[inside] == labels[inside]).float().mean() - confidence[inside].mean()
            total += inside.float().mean() * gap.abs()
    return total


def too_few_edges(probabilities, labels, bins=15):
    return ece_by_loop(probabilities, labels, bins - 1)


def summed_gaps(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    gaps = torch.zeros(bins)
    gaps.index_add_(0, (confidence * bins).long().clamp(max=bins - 1), (predicted == labels).float() - confidence)
    return gaps.abs().sum()


def bce(logits, target, **options):
    return F.binary_cross_entropy_with_logits(logits, target, **options)


WRONG = [
    ("mixup", labels_left_alone, "The labels are not mixed"),
    ("mixup", labels_of_the_partner, "The labels are the partner's alone"),
    ("mixup", labels_swapped, "The labels are mixed the other way round"),
    ("mixup", all_swapped, "The weights are the other way round"),
    ("mixup", with_itself, "Both halves are taken at index"),
    ("mixup", images_with_themselves, "Both images are taken at index"),
    ("mixup", no_shape, "meets images [N, C, H, W] at their last axis"),
    ("mixup", no_shape_for_labels, "The images are right"),
    ("mixup", view_of_a_number, "lam may be a plain number"),
    ("mixup", four_axes, "four axes of pictures everywhere"),
    ("mixup", one_hot_again, "labels may be soft already"),
    ("mixup", class_numbers, "between a 3 and a 9 lies no 6"),
    ("mixup", as_many_classes_as_seen, "as many columns as this batch happens to need"),
    ("mixup", in_place, "The images you were given are overwritten"),
    ("mixup", labels_first, "first images, then labels"),
    ("mixup", images_alone, "It returns one tensor"),
    ("mixup", lambda *given: None, "It returns None"),
    ("mixup", in_place_naturally, "The images you were given are overwritten"),
    ("mixup", subscripted, "lam may be a plain number"),
    ("mixup", pictures_only, "Right for pictures"),
    ("mixup", rows_of_the_unit_matrix, "labels may be soft already"),
    ("mixup", flat, "Expected shape of the mixed images [2, 1, 1, 2], got [2, 2]"),
    ("mixup", doubles, "Expected mixed images of type float32 True, got False"),
    ("mixup", overwrites_lam, "Expected your arguments unchanged True, got False"),
    ("mixup_risk", lambda z, y, w, i: w * F.cross_entropy(z, y) + (1 - w) * F.cross_entropy(z, y[i]), "before it is"),
    (
        "mixup_risk",
        lambda z, y, w, i: (
            torch.as_tensor(w).mean() * F.cross_entropy(z, y)
            + (1 - torch.as_tensor(w).mean()) * F.cross_entropy(z, y[i])
        ),
        "averaged apart from each other",
    ),
    ("mixup_risk", lambda z, y, w, i: ((1 - w) * cross(z, y) + w * cross(z, y[i])).mean(), "the other way round"),
    ("mixup_risk", lambda z, y, w, i: F.cross_entropy(z, y), "the risk with the image's own labels"),
    ("mixup_risk", lambda z, y, w, i: (F.cross_entropy(z, y) + F.cross_entropy(z, y[i])) / 2, "weigh the same"),
    ("mixup_risk", lambda z, y, w, i: F.cross_entropy(z, y) + F.cross_entropy(z, y[i]), "have the weight 1"),
    ("mixup_risk", lambda z, y, w, i: w * cross(z, y) + (1 - w) * cross(z, y[i]), "a number for each example"),
    ("mixup_risk", lambda z, y, w, i: (w * cross(z, y) + (1 - w) * cross(z, y[i])).sum(), "returns the sum"),
    (
        "mixup_risk",
        lambda z, y, w, i: (w * cross(z.softmax(1), y) + (1 - w) * cross(z.softmax(1), y[i])).mean(),
        "A softmax stands before",
    ),
    ("mixup_risk", lambda z, y, w, i: (w * cross(z, y) + (1 - w) * cross(z[i], y[i])).mean(), "partner's logits"),
    ("mixup_risk", lambda z, y, w, i: torch.tensor(0.5), "does something else"),
    ("mixup_risk", lambda z, y, w, i: F.cross_entropy(z, y[i]), "the risk with the partners' labels"),
    ("mixup_risk", lambda z, y, w, i: (w * cross(z, y) + (1 - w) * cross(z, y[i])).mean().item(), "a plain number"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (a - c).abs().mean()), "however few examples"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (a - c).abs().sum() / n), "the empty ones too"),
    ("expected_calibration_error", empty_bins_divide, "NaN spreads"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (s * (a - c)).sum().abs()), "opposite sign cancel"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (s * (a - c)).sum()), "opposite sign cancel"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (a - c).abs().max()), "maximum calibration error"),
    ("expected_calibration_error", binned(lambda a, c, s, n: 100 * (s * (a - c).abs()).sum()), "in percent"),
    ("expected_calibration_error", of_the_true_class, "probability of the true class"),
    ("expected_calibration_error", each_alone, "compares each single example"),
    ("expected_calibration_error", half_open, "falls into no bin"),
    ("expected_calibration_error", too_few_edges, "one bin too few"),
    ("expected_calibration_error", lambda p, y, bins=15: ece_by_loop(p, y), "15 bins whatever"),
    ("expected_calibration_error", lambda p, y, bins=15: ece_by_loop(p.softmax(1), y, bins), "A softmax is taken"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (s * (a - c) ** 2).sum()), "The gaps are squared"),
    ("expected_calibration_error", binned(lambda a, c, s, n: (s * (a - c) ** 2).sum().sqrt()), "The gaps are squared"),
    (
        "expected_calibration_error",
        lambda p, y, bins=15: ece_by_loop(torch.stack([p[:, 0], 1 - p[:, 0]], 1), (y != 0).long(), bins),
        "does something else",
    ),
    ("expected_calibration_error", summed_gaps, "added up over the examples"),
    ("expected_calibration_error", past_the_last_bin, "a bin beyond the last one"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d((1 - w) * x + w * g), w), "The points are mixed the other way round"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), 1 - w), "The labels are the other way round"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), torch.ones_like(w)), "labelled as real"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), (w > 0.5).float()), "The labels are rounded"),
    (
        "mixup_gan_risk",
        lambda d, x, g, w: (
            w * bce(d(x), torch.ones_like(w), reduction="none")
            + (1 - w) * bce(d(g), torch.zeros_like(w), reduction="none")
        ).mean(),
        "It mixes the two losses",
    ),
    ("mixup_gan_risk", lambda d, x, g, w: bce(torch.sigmoid(d(w * x + (1 - w) * g)), w), "A sigmoid stands before"),
    ("mixup_gan_risk", lambda d, x, g, w: F.binary_cross_entropy(d(w * x + (1 - w) * g), w), "wants probabilities"),
    ("mixup_gan_risk", lambda d, x, g, w: -bce(d(w * x + (1 - w) * g), w), "The sign is wrong"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g.detach()), w), "does not reach the fake points"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), w, reduction="sum"), "the sum over the pairs"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), w, reduction="none"), "a number for each pair"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), w).item(), "a plain number"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d((1 - w) * x + w * g), 1 - w), "both the other way round"),
    ("mixup_gan_risk", lambda d, x, g, w: bce(d(w * x + (1 - w) * g), 0 * w), "labelled as fake"),
    (
        "mixup_gan_risk",
        lambda d, x, g, w: bce(d(x), torch.ones_like(w)) + bce(d(g), torch.zeros_like(w)),
        "the usual risk",
    ),
    ("mixup_gan_risk", lambda d, x, g, w: bce(w * d(x) + (1 - w) * d(g), w), "mixes the discriminator's answers"),
    (
        "mixup_gan_risk",
        lambda d, x, g, w: bce(d(w * x + (1 - w) * g)[:, 0], w[:, 0]),
        "does something else",
    ),
]
