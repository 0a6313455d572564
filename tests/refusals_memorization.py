"""What `memorization` must refuse."""

import math

import torch
from refusals import row

from course_utils import memorization

MEMBER = torch.tensor([[True, False, True], [False, True, True], [True, True, False]])
SURE = torch.tensor([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0], [2.0, -2.0, 1.0]])
LOGITS, LABELS = torch.rand(2, 3, 4), torch.tensor([0, 3, 1])
IMAGES, ROWS_ = torch.rand(3, 1, 2, 2), torch.tensor([[0, 2], [1, 3]])
NAN, INFINITE = (torch.where(torch.eye(3, dtype=torch.bool), bad, SURE) for bad in (math.nan, math.inf))
NO_COUNTS = [0, -1, 2.5, math.nan, "3", None]
NO_LABELS = [None, [0, 3, 1], LABELS.float(), LABELS.int(), LABELS[:, None], LABELS[:2], LABELS[:0]]
NO_IMAGES = [None, IMAGES.numpy(), (255 * IMAGES).byte(), torch.tensor(0.5), IMAGES[:0]]

ROWS = [
    row(
        memorization.memorization_score,
        {"member": MEMBER, "right": MEMBER},
        member=[None, MEMBER.tolist(), MEMBER.numpy(), MEMBER.float(), MEMBER.long(), MEMBER[0], MEMBER[None],
                MEMBER[:0]],
        right=[None, MEMBER.numpy(), MEMBER.long(), MEMBER[:1], MEMBER[:, :2], MEMBER[0],
               MEMBER.to("meta")],
    ),
    row(
        memorization.forgetting_events,
        {"right": MEMBER},
        right=[None, MEMBER.tolist(), MEMBER.numpy(), MEMBER.long(), MEMBER[0], MEMBER[None], MEMBER[:0]],
    ),
    row(
        memorization.stopping_epoch,
        {"validation": SURE[0], "patience": 2},
        validation=[None, [0.5, 0.6], SURE.numpy()[0], LABELS, SURE, SURE[0, :0], NAN[0], INFINITE[0]],
        patience=NO_COUNTS,
    ),
    row(
        memorization.random_halves,
        {"networks": 2, "examples": 5, "generator": torch.Generator()},
        networks=NO_COUNTS,
        examples=[*NO_COUNTS, 1],
        generator=[None, 0, torch.Generator],
    ),
    row(
        memorization.membership,
        {"rows": ROWS_, "examples": 4},
        rows=[None, ROWS_.tolist(), ROWS_.numpy(), ROWS_.float(), ROWS_ == 1, ROWS_[0], ROWS_ - 1, ROWS_ + 1],
        examples=[0, -1, 4.0, None],
    ),
    row(
        memorization.distance_to_nearest,
        {"images": IMAGES, "labels": LABELS, "pool": IMAGES, "pool_labels": LABELS},
        images=NO_IMAGES,
        labels=[*NO_LABELS, LABELS.to("meta")],
        pool=[*NO_IMAGES, IMAGES[:, :, :1], IMAGES.flatten(1), IMAGES.double()],
        pool_labels=[*NO_LABELS, torch.zeros_like(LABELS)],
    ),
    row(
        memorization.log_odds,
        {"logits": LOGITS, "labels": LABELS},
        logits=[None, LOGITS.numpy(), LOGITS.long(), LOGITS[0], LOGITS[None], LOGITS[:0], LOGITS[:, :, :0]],
        labels=[*NO_LABELS, LABELS - 1, LABELS + 1, LABELS.to("meta")],
    ),
    row(
        memorization.likelihood_ratio,
        {"member": MEMBER, "sure": SURE},
        member=[None, MEMBER.tolist(), MEMBER.numpy(), MEMBER.long(), MEMBER[0], MEMBER[:0]],
        sure=[None, SURE.numpy(), SURE.long(), SURE[:2], SURE[0], NAN, INFINITE, SURE.to("meta")],
    ),
    row(
        memorization.area_under_curve,
        {"found": MEMBER, "suspicion": SURE},
        found=[None, MEMBER.tolist(), MEMBER.numpy(), MEMBER.long(), SURE],
        suspicion=[None, SURE.numpy(), SURE.long(), SURE[0], SURE[:, :1], NAN, SURE.to("meta")],
    ),
]  # fmt: skip
EXEMPT = {"memorization.NoisyRun": "a record of what was measured; `widgets.memorization` looks into it"}
