"""What `mixup` must refuse."""

import math

import numpy as np
import torch
from refusals import row

from course_utils import mixup

IMAGES, LABELS, INDEX = torch.rand(3, 1, 2, 2), torch.tensor([0, 9, 4]), torch.tensor([1, 2, 0])
LAM = [-0.1, 1.5, math.nan, math.inf, "0.5", None, [0.5], torch.rand(2), torch.rand(3, 1), torch.ones(3) * 2]
LAM += [torch.full((3,), math.nan), torch.tensor([1, 0, 1]), torch.rand(0)]
PARTNERS = [
    INDEX.float(),
    INDEX.int(),
    INDEX[:2],
    INDEX[:, None],
    INDEX + 1,
    INDEX - 1,
    INDEX.tolist(),
    None,
    INDEX > 0,
]
ALPHA = [-1, math.nan, "1", None, torch.rand(2)]
CLASSES = [0, -1, 2.5, "10", None]

ROWS = [
    row(
        mixup.mixup,
        {"images": IMAGES, "labels": LABELS, "lam": 0.3, "index": INDEX},
        images=[IMAGES.byte(), IMAGES[:0], torch.tensor(0.5), IMAGES.numpy(), None, IMAGES.to("meta")],
        labels=[
            LABELS.int(), LABELS[:2], LABELS[:, None], LABELS + 1, LABELS - 1, LABELS.tolist(), None, LABELS > 0,
            torch.rand(3), torch.rand(3, 9), torch.rand(10, 3),
        ],
        lam=LAM,
        index=PARTNERS,
        num_classes=CLASSES,
    ),
    row(
        mixup.mixup_risk,
        {"logits": torch.rand(3, 10), "labels": LABELS, "lam": 0.3, "index": INDEX},
        logits=[torch.rand(10), torch.ones(3, 10).long(), None],
        labels=[LABELS.float(), LABELS[:2], LABELS[:, None], LABELS + 1, LABELS - 1, torch.rand(3, 10), None],
        lam=LAM,
        index=PARTNERS,
    ),
    row(
        mixup.sample_lam,
        {"alpha": 1.0, "n": 2, "generator": torch.Generator()},
        alpha=ALPHA,
        n=[0, -1, 2.5, "2", None],
        generator=[0, None, np.random.default_rng(0)],
    ),
    row(mixup.vicinity, {"alpha": 1.0}, "per_example", alpha=ALPHA, num_classes=CLASSES),
    row(mixup.mixup_loss, {"alpha": 1.0}, "per_example", alpha=ALPHA, num_classes=CLASSES),
]  # fmt: skip
