"""What `gan` must refuse."""

import math

import torch
from refusals import row

from course_utils import gan

POINTS, LAM = torch.rand(4, 2), torch.tensor([[0.0], [1.0], [0.5], [0.25]])
MODES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
NO_COUNTS = [0, -1, 2.5, math.nan, "3", None]
NO_POINTS = [None, POINTS.tolist(), POINTS.numpy(), POINTS.long(), torch.tensor(0.5)]
TRAINING = {"draws": [gan.real_or_fake], "risk": gan.mixup_gan_risk, "seeds": [0], "steps": 1,
            "discriminator_steps": 1, "pairs": 2, "lr": 1e-3, "moments": 1, "show": False}  # fmt: skip

ROWS = [
    row(
        gan.mixup_gan_risk,
        {"discriminate": lambda points: points[..., :1], "real": POINTS, "fake": POINTS, "lam": LAM},
        discriminate=[None, POINTS],
        real=[*NO_POINTS, POINTS[:, :1], POINTS[:0]],
        fake=[*NO_POINTS, POINTS[:3], POINTS[:1], POINTS.T, POINTS.to("meta")],
        lam=[None, 0.5, LAM.numpy(), LAM.long(), LAM[:, 0], LAM[:3], LAM.T, LAM - 1, 2 * LAM, LAM * math.nan],
    ),
    row(gan.real_or_fake, {"n": 4, "generator": torch.Generator()}, "generator", n=NO_COUNTS),  # it draws nothing
    row(
        gan.train_gans,
        TRAINING,
        "show",
        draws=[None, [], gan.real_or_fake, [None], [gan.real_or_fake] * 2, [lambda n, generator: torch.zeros(1)],
               [lambda n, generator: torch.full((n,), 2.0)], [lambda n, generator: 0.5]],
        risk=[None, 1.0, lambda *given: 1.0, lambda d, real, fake, lam: real],
        seeds=[None, [], 0, [0, 1], [None], [0.5], [-1], ["0"]],
        steps=NO_COUNTS,
        discriminator_steps=NO_COUNTS,
        pairs=NO_COUNTS,
        lr=[0, -1, math.nan, math.inf, "1", None],
        moments=[*NO_COUNTS, 2],
    ),
    row(
        gan.well_placed,
        {"samples": POINTS, "modes": MODES, "radius": 1.0},
        samples=[*NO_POINTS, POINTS[0], POINTS.T, POINTS[:0], POINTS.double(), POINTS * math.nan, POINTS / 0],
        modes=[None, MODES.tolist(), MODES.numpy(), MODES.long(), MODES[0], MODES.T[:, :1], MODES[:0],
               MODES * math.nan],
        radius=[0, -1, math.nan, math.inf, "1", None, 2],
    ),
]  # fmt: skip
EXEMPT = {"gan.GanRecord": "a record of what `train_gans` saw"}
