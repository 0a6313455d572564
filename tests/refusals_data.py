"""What `data` must refuse."""

import math

import torch
from refusals import row

from course_utils import data

NAN = math.nan
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
POINTS = torch.rand(4, 2)
NO_LABELS = [None, [0, 1], LABELS.numpy(), LABELS.float(), LABELS.int(), LABELS[:, None], LABELS - 1, LABELS == 0]
OTHER_CLASSES = [LABELS + 1, LABELS * 10**9]
NO_SEED = [None, -1, 2.5, NAN, "3", torch.Generator(), torch.tensor([0, 1])]
NO_GENERATOR = [None, 0, torch.Generator, "cpu"]


def no_count(most=None, least=1):
    """What is no whole number in least…most."""
    return [None, least - 1, -1, 2.5, NAN, math.inf, "3", [2], *([] if most is None else [most + 1])]


ROWS = [
    row(
        data.load_mnist,
        {"split": "test", "n": 20},
        split=[None, 3, "validation", "Test", ["test"]],
        n=[0, 2.5, "3", 10_001],
        seed=NO_SEED[:4],
        of=[0, 2.5, "300", 10_001],
    ),
    row(data.read_mnist, {"split": "test"}, split=[None, 3, "validation", "Test", ["test"]]),
    row(data.stratified, {"labels": LABELS, "n": 3}, labels=NO_LABELS, n=no_count(6), seed=NO_SEED),
    row(data.holdout, {"labels": LABELS, "n": 3}, labels=NO_LABELS, n=no_count(6), seed=NO_SEED),
    row(
        data.subsets,
        {"seeds": [3, 1], "n": 3, "of": 5},
        seeds=[None, 3, [], range(0), [0.5], ["3"], "3", [0, -1], iter([1, 2])],
        n=no_count(5),
        of=no_count(),
    ),
    row(
        data.random_labels,
        {"labels": LABELS, "num_classes": 3, "generator": torch.Generator()},
        labels=NO_LABELS + OTHER_CLASSES,
        num_classes=no_count(),
        generator=NO_GENERATOR,
    ),
    row(
        data.flip_labels,
        {"labels": LABELS, "fraction": 0.5, "num_classes": 3, "generator": torch.Generator()},
        labels=NO_LABELS + OTHER_CLASSES,
        fraction=[None, -0.1, 1.1, NAN, math.inf, "0.5", torch.tensor([0.5, 0.2])],
        num_classes=no_count(least=2),
        generator=NO_GENERATOR,
    ),
    row(
        data.two_moons,
        {"n": 5},
        n=no_count(least=2),
        noise=[None, -0.1, NAN, math.inf, "0.3", torch.tensor([0.1, 0.2])],
        seed=NO_SEED,
    ),
    row(
        data.best_logits,
        {"points": POINTS},
        points=[
            None, POINTS.tolist(), POINTS.numpy(), POINTS.long(), POINTS.T, POINTS[0], POINTS[None], POINTS[:0],
            POINTS * NAN, POINTS / 0,
        ],
        noise=[None, 0, -0.1, NAN, math.inf, "0.3"],
    ),
    row(data.ring_of_gaussians, {"n": 5, "generator": torch.Generator()}, n=no_count(), generator=NO_GENERATOR),
]  # fmt: skip
