"""What `models` must refuse."""

import math

import torch
from refusals import row
from refusals_data import NO_SEED, no_count

from course_utils import models

NO_NETWORK = [None, models.mlp, torch.nn.Linear, lambda images: images, torch.rand(3)]

ROWS = [
    row(models.one_thread, {}),
    row(models.chosen_device, {}),
    row(models.seeded, {"seed": 0}, seed=NO_SEED),
    row(models.holds_global_generator, {}),
    row(models.draws_globally, {"model": torch.nn.Dropout()}, model=NO_NETWORK),
    row(
        models.mlp,
        {"inputs": 2, "hidden": (3,), "classes": 2},
        inputs=no_count(),
        hidden=[None, 100, (3, 0), [-1], (2.5,), "34", torch.tensor([3])],
        classes=no_count(),
        seed=NO_SEED,
        dropout=[None, -0.1, 1, 1.5, math.nan, "0.5", True],
    ),
    row(models.small_cnn, {}, channels=no_count(), classes=no_count(), seed=NO_SEED),
    row(models.encoder, {}, channels=no_count(), dimensions=no_count(), seed=NO_SEED),
    row(models.scene_cnn, {}, classes=no_count(), seed=NO_SEED),
    row(
        models.scene_encoder,
        {},
        pool=[None, "max", 3, torch.nn.MaxPool2d, ["maximum"]],
        dimensions=no_count(),
        seed=NO_SEED,
    ),
    row(models.frozen_copy, {"model": torch.nn.ReLU()}, model=NO_NETWORK),
    row(models.count_parameters, {"model": torch.nn.ReLU()}, model=NO_NETWORK),
]
EXEMPT = {"models.UnitLength": "a layer that takes nothing"}
