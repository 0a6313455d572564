"""What `lff` must refuse."""

import math

import torch
from refusals import row

from course_utils import lff, models

LOGITS, LABELS, LOSS = torch.rand(3, 4), torch.tensor([0, 3, 1]), torch.rand(3)
LOSSES = [-LOSS, LOSS[:, None], LOSS.tolist(), LOSS.long(), None, LOSS * math.nan, LOSS + math.inf]
Q = [-0.1, 1.5, math.nan, "0.7", None]
ALPHA = [-0.1, 1.0, 1, 2, math.nan, "0.7", None]

ROWS = [
    row(
        lff.gce,
        {"logits": LOGITS, "labels": LABELS},
        logits=[LOGITS[0], LOGITS.long(), LOGITS[:0], LOGITS.tolist(), None],
        labels=[LABELS.float(), LABELS.int(), LABELS[:, None], LABELS[:2], LABELS + 1, LABELS - 1, LABELS.tolist()],
        q=Q,
    ),
    row(
        lff.moving_average,
        {"average": torch.rand(5), "index": LABELS, "loss": LOSS},
        average=[torch.rand(5, 1), torch.rand(0), LABELS, None],
        index=[LABELS.float(), LABELS[:, None], LABELS + 2, LABELS - 1, LABELS > 0, None],
        loss=[LOSS[:2], LOSS[:, None], LOSS.long(), LOSS.tolist(), None],
        alpha=ALPHA,
    ),
    row(
        lff.relative_difficulty,
        {"biased": LOSS, "debiased": LOSS, "labels": LABELS},
        biased=LOSSES,
        debiased=[LOSS[:2], *LOSSES],
        labels=[LABELS.float(), LABELS[:, None], LABELS[:2], LABELS - 1, LABELS[:0], LABELS.tolist(), None],
    ),
    row(
        lff.Pair,
        {"biased": models.mlp(2, (), 2), "debiased": models.mlp(2, (), 2)},
        biased=[models.mlp, torch.nn.Linear, None],
        debiased=[models.mlp, torch.nn.Linear, None],
    ),
    row(lff.LfF, {}, q=Q, alpha=ALPHA),
]
