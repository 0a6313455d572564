"""What `attacks` must refuse."""

from functools import partial

import torch
from refusals import row

from course_utils import attacks, models

IMAGES, LABELS = torch.full((3, 1, 2, 2), 0.5), torch.tensor([0, 1, 2])
META = torch.zeros(3, device="meta")
NET = models.mlp(4, (), 3)
NUMBERS = [None, -0.1, float("nan"), float("inf"), "0.1", [0.1], torch.ones(2)]
POSITIVE = [*NUMBERS, 0, 0.0]
WHOLE = [None, 0, -1, 2.5, "3", torch.ones(2)]
NORMS = [None, 2, "1", "l2", float("inf"), torch.tensor(2)]
NETS = [None, models.mlp, lambda images: images, "net"]
PIXELS = [
    None,
    [[0.5]],
    IMAGES.numpy(),
    IMAGES[:0],
    torch.tensor(0.5),
    (255 * IMAGES).to(torch.uint8),
    255 * IMAGES,
    IMAGES - 1,
    IMAGES * float("nan"),
    IMAGES + float("inf"),
]
CLASSES = [
    None,
    [0, 1, 2],
    LABELS.numpy(),
    LABELS.float(),
    LABELS.int(),
    LABELS > 0,
    LABELS[:, None],
    LABELS[:2],
    LABELS.repeat(2),
    LABELS - 1,
    LABELS + 1,
    torch.full((3,), -100),
    META.long(),
]
CHANGES = [None, [[0.1]], IMAGES.numpy(), torch.tensor(0.1), IMAGES.long(), IMAGES[:0]]
LOGITS = [None, [[0.0, 1.0, 2.0]], LABELS, torch.zeros(3), torch.zeros(3, 3).long(), META]
SEEDS = [None, 0, torch.Generator, "cpu"]

ATTACKED = {"model": NET, "images": IMAGES, "labels": LABELS}
BAD = {"model": NETS, "images": PIXELS, "labels": CLASSES}

ROWS = [
    row(attacks.fgsm, ATTACKED | {"eps": 0.1}, **BAD, eps=NUMBERS),
    row(
        attacks.pgd,
        ATTACKED
        | {"eps": 0.1, "alpha": 0.1, "steps": 2, "norm": "2", "random_start": True, "restarts": 2, "targets": LABELS}
        | {"generator": torch.Generator(), "loss": attacks.margin_loss},
        "random_start",
        **BAD,
        eps=NUMBERS,
        alpha=POSITIVE,
        steps=WHOLE,
        norm=NORMS,
        restarts=WHOLE,
        generator=SEEDS,
        targets=[bad for bad in CLASSES if bad is not None],
        loss=[None, "margin", 1.0],
    ),
    row(
        attacks.pgd_step,
        ATTACKED | {"perturbation": 0 * IMAGES, "eps": 0.1, "alpha": 0.1, "norm": "2", "loss": attacks.margin_loss},
        **BAD,
        perturbation=[*CHANGES, IMAGES / 0, IMAGES[:2], IMAGES[:, 0], IMAGES[..., :1], META],
        eps=NUMBERS,
        alpha=POSITIVE,
        norm=NORMS,
        loss=[None, "margin", 1.0],
    ),
    row(
        attacks.robust_accuracy,
        ATTACKED | {"attack": partial(attacks.fgsm, eps=0.1)},
        **BAD,
        attack=[
            None,
            "fgsm",
            lambda model, images, labels: None,
            lambda model, images, labels: images + 1,
            lambda model, images, labels: images[:, 0],
            lambda model, images, labels: images * float("nan"),
        ],
    ),
    row(attacks.cross_entropy, {"logits": torch.zeros(3, 3), "labels": LABELS}, logits=LOGITS, labels=CLASSES),
    row(
        attacks.margin_loss,
        {"logits": torch.zeros(3, 3), "labels": LABELS},
        logits=LOGITS,
        labels=CLASSES,
    ),
    row(
        attacks.project,
        {"perturbation": IMAGES, "eps": 0.1},
        perturbation=[*CHANGES, IMAGES / 0, IMAGES * float("nan")],
        eps=NUMBERS,
        norm=NORMS,
    ),
    row(attacks.steepest, {"gradient": IMAGES, "norm": "2"}, gradient=CHANGES, norm=NORMS),
    row(attacks.lengths, {"perturbation": IMAGES}, perturbation=CHANGES),
    row(
        attacks.random_perturbation,
        {"images": IMAGES, "eps": 0.1, "norm": "2", "generator": torch.Generator()},
        images=PIXELS,
        eps=NUMBERS,
        norm=NORMS,
        generator=SEEDS,
    ),
]
