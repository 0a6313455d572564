"""What `reproduce` must refuse."""

import math
import tempfile
from pathlib import Path

import torch
from counting import COUNTING
from refusals import row

from course_utils import models, reproduce

NOWHERE = Path(tempfile.gettempdir(), "no-such-course", "runs.jsonl")
NO_SEED = [None, -1, 2.5, math.nan, "3"]
IMAGES, LABELS = torch.rand(6, 3, 28, 28), torch.tensor([0, 1, 0, 1, 1, 0])
EMBEDDINGS = torch.nn.functional.normalize(torch.rand(6, 4), dim=1)
PAIRS = {"images": IMAGES, "labels": LABELS, "rows": torch.tensor([0, 1]), "partners": torch.tensor([2, 3]),
         "generator": torch.Generator()}  # fmt: skip
NO_IMAGES = [None, IMAGES.numpy(), (255 * IMAGES).byte(), IMAGES[:0]]
NO_LABELS = [None, LABELS.tolist(), LABELS.float(), LABELS[:, None], LABELS[:3]]
NO_ROWS = [None, [0, 1], torch.tensor([0.0, 1.0]), torch.tensor([0, 6]), torch.tensor([-1, 0]), torch.tensor([[0, 1]])]
BAD_PAIRS = {"images": NO_IMAGES, "labels": NO_LABELS, "rows": NO_ROWS, "partners": NO_ROWS, "generator": [None, 0]}
NO_PATH = [3, "runs.jsonl", ["a"]]
NO_TABLE = [None, [1, 2], "a"]
MNIST, FISH = reproduce.read(), reproduce.FISH_AND_HAND.read()
OURS = MNIST.query("protocol == 'ours' and split == 'test' and noise == 0 and selected == 'last'")
TABLE = reproduce.table(OURS, by="method")
WORK = {"experiment": COUNTING, "cells": [], "path": NOWHERE}
BAD_WORK = {"experiment": [None, "counting"], "cells": [None, 3, [("a", 2, 0)], "aa"], "path": NO_PATH}
ROWS = [
    row(reproduce.Scaled, {"factor": 0.5}, factor=[None, 0, -1, math.nan, math.inf, "3"]),
    row(reproduce.alone_on_a_core, {"function": int}, "arguments", function=[None, 3, "int"]),
    row(reproduce.auxiliary, {"images": IMAGES, "labels": LABELS, "seed": 0}, images=NO_IMAGES, labels=NO_LABELS,
        seed=NO_SEED),
    row(reproduce.estimate, {"model": models.mlp(3 * 28 * 28, (4,), 2), "embeddings": EMBEDDINGS, "images": IMAGES,
        "labels": LABELS}, model=[None, models.mlp, 3], embeddings=[None, EMBEDDINGS[:3], EMBEDDINGS.long(), LABELS],
        images=NO_IMAGES, labels=NO_LABELS),
    row(reproduce.fish_table, {"results": FISH}, results=[*NO_TABLE, FISH[["method"]]],
        measures=[None, "unbiased", ["unbiasd"]]),
    row(reproduce.markdown, {"table": TABLE}, table=NO_TABLE, corner=[None, 3]),
    row(reproduce.missing, WORK, **BAD_WORK | {"path": [None, *NO_PATH]}),
    row(reproduce.mix_softly, PAIRS, lam_max=[None, -0.1, 1.1, math.nan, "1"], **BAD_PAIRS),
    row(reproduce.network, {"method": reproduce.METHODS["erm"], "protocol": reproduce.PROTOCOLS["ours"], "seed": 0},
        method=[None, "erm"], protocol=[None, "ours"], seed=NO_SEED),
    row(reproduce.published, {}),
    row(reproduce.read, {}, path=NO_PATH),
    row(reproduce.resample, PAIRS, **BAD_PAIRS),
    row(reproduce.run_all, WORK, jobs=[0, -1, 2.5, "2"], scheduler=[3, ["tcp://a:1"]], **BAD_WORK),
    row(reproduce.table, {"results": OURS, "by": "method"}, results=[*NO_TABLE, OURS[["method"]]],
        measure=[None, "unbiasd"], by=["ratio", "metod", 3]),
    row(reproduce.values, {"frame": OURS.query("method == 'erm' and ratio == 0.01"), "measure": "unbiased"}, "settings",
        frame=[*NO_TABLE, OURS[["method"]]], measure=[None, "unbiasd"]),
]  # fmt: skip
RECORD = "a record of fields; who reads them looks at them"
A_RUN = "a training of a minute; `Experiment.cells` has looked at its settings before"
EXEMPT = {
    **dict.fromkeys(("reproduce.experiment.Experiment", "reproduce.experiments.fish_methods.FishMethod",
                     "reproduce.experiments.fish_methods.FishProtocol", "reproduce.experiments.fish_and_hand.FishRun",
                     "reproduce.experiments.colored_mnist_methods.Method", "reproduce.experiments.colored_mnist.Run",
                     "reproduce.experiments.colored_mnist_methods.Protocol",
                     "reproduce.experiments.colored_mnist_methods.TrainingSet"), RECORD),
    **dict.fromkeys(("reproduce.experiments.colored_mnist.run", "reproduce.experiments.fish_and_hand.fish_run"), A_RUN),
}  # fmt: skip
