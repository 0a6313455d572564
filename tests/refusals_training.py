"""What `training` must refuse."""

import math

import numpy as np
import torch
from refusals import row
from torch import nn

from course_utils import data, lff, models, training

POINTS, MOON = data.two_moons(6)
NAN = torch.full((6, 2), math.nan)
IMAGES = [POINTS.tolist(), POINTS.numpy(), POINTS.byte(), POINTS.double(), POINTS[:0], NAN, None]
IMAGES += [POINTS.to("meta")]
LABELS = [MOON.tolist(), MOON.float(), MOON.int(), MOON[:, None], MOON[1:], MOON - 1, None]
NO_COUNT = [0, -1, 2.5, "3", None]
NO_STEPS = [0, 2.5, None]
ROWS_OF_TWO = torch.tensor([[0, 1, 2], [3, 4, 5]])


def network(seed=0):
    return models.mlp(2, (3,), 2, seed=seed)


def two():
    return [network(0), network(1)]


def frozen():
    return network().requires_grad_(False)


def batch():
    return training.Batch(POINTS, MOON, torch.arange(6), torch.Generator())


class Net(nn.Sequential):
    """Refused as a class, taken as a network."""


RECIPE = {
    "epochs": NO_COUNT,
    "lr": [0, -1.0, math.nan, math.inf, "0.1", None],
    "batch_size": NO_COUNT,
    "weight_decay": [-1.0, math.nan, None],
    "schedule": [None, "one_cycle", lambda step, steps: math.nan, lambda step, steps: -1.0, lambda step, steps: None],
    "seed": [torch.Generator(), -1, 0.5, None],
}
NET = network()
OPTIMIZER = torch.optim.Adam(NET.parameters())

ROWS = [
    row(
        training.fit,
        {"model": network(), "images": POINTS, "labels": MOON, "epochs": 1, "show": False},
        "show",
        model=[models.mlp, Net, frozen(), nn.ReLU(), None, two()],
        images=IMAGES,
        labels=LABELS,
        loss=[
            None,
            0.5,
            lff.LfF,
            lambda model, batch: model(batch.images),
            lambda model, batch: 0.5,
            lambda model, batch: None,
            lambda model, batch: training.erm(model, batch).detach(),
        ],
        validation=[
            POINTS,
            (MOON, POINTS),
            (POINTS, MOON[1:]),
            (POINTS, MOON, POINTS),
            (POINTS.byte(), MOON),
            (POINTS, MOON.float()),
            (NAN, MOON),
        ],
        callback=[{}, lambda epoch, model: 0.5, lambda epoch, model: [("a", 1)]],
        **RECIPE,
    ),
    row(
        training.fit_many,
        {"models": two(), "images": POINTS, "labels": MOON[ROWS_OF_TWO], "rows": ROWS_OF_TWO, "epochs": 1},
        "",
        models=[
            [],
            network(),
            models.mlp,
            [models.mlp, models.mlp],
            [network(), models.mlp(2, (4,), 2)],
            [network()] * 2,
            [frozen(), frozen()],
            [nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2)],
            None,
        ],
        images=[POINTS.tolist(), POINTS.byte(), POINTS.double(), POINTS[:0], POINTS[:4].double(), NAN, None],
        labels=[MOON[ROWS_OF_TWO].float(), MOON[:3], MOON[ROWS_OF_TWO].T, MOON[ROWS_OF_TWO] - 1, None],
        rows=[ROWS_OF_TWO.float(), ROWS_OF_TWO[0], ROWS_OF_TWO[:, :0], ROWS_OF_TWO + 1, ROWS_OF_TWO - 1, [[0, 1, 2]]],
        vicinities=[[], [None, None], [lambda batch: batch] * 3, [lambda batch: batch] * 2, lambda batch: batch],
        watch=[POINTS.byte(), POINTS[0], torch.rand(2, 3), NAN, POINTS[:0]],
        **RECIPE,
    ),
    row(
        training.batches,
        {"images": POINTS, "labels": MOON, "batch_size": 2, "generator": torch.Generator()},
        images=[image for image in IMAGES if image is not NAN],
        labels=LABELS,
        batch_size=NO_COUNT,
        generator=[0, None, np.random.default_rng(0)],
    ),
    row(
        training.erm,
        {"model": NET, "batch": batch()},
        model=[models.mlp, Net, None],
        batch=[None, (POINTS, MOON), POINTS],
    ),
    row(
        training.train_epoch,
        {"model": NET, "loss": training.erm, "batches": [batch()], "optimizer": OPTIMIZER},
        model=[models.mlp, None],
        loss=[None, 0.5],
        batches=[[], None, 3],
        optimizer=[None, torch.optim.Adam, 1e-3],
    ),
    *(
        row(schedule, {"step": 0, "steps": 5}, step=[-1, 5, 2.5, None], steps=NO_STEPS)
        for schedule in (training.one_cycle, training.constant, training.late_decay)
    ),
    row(training.by_epoch, {"measures": torch.rand(2, 3)}, measures=[torch.rand(2), [[0.1]], None]),
    row(
        training.side_by_side,
        {"work": abs, "items": [1]},
        work=[None, 3],
        items=[None, 3],
        description=[3, ["networks"]],
    ),
    row(
        training.Stack,
        {"networks": two()},
        networks=[[], None, network(), models.mlp, [models.mlp, models.mlp], [network(), models.mlp(2, (4,), 2)]],
    ),
]
EXEMPT = {
    "training.loop.Batch": "a plain tuple, made in every step; what takes it apart looks at it",
    "training.loop.History": "a plain list of rows, made by `fit`",
    "training.many.Record": "a plain tuple, made by `fit_many`",
    "training.together.cores": "takes nothing",
}
