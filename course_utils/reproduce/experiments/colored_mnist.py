"""Colored MNIST: the grid of chapters 05 and 06. A run trains one method once, and judges it."""

from collections.abc import Callable, Collection
from math import nan
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, data, metrics, require, selecmix, training
from course_utils.claims import Claim, Difference
from course_utils.reproduce.experiment import Experiment, Grid, among, is_share, values
from course_utils.reproduce.experiments.colored_mnist_methods import (
    BATCH,
    METHODS,
    PROTOCOLS,
    TrainingSet,
    auxiliary,
    network,
)
from course_utils.reproduce.row import Published, Row

MEASURED = {
    "selected": "which epoch is judged: the last, or the best on test",
    "epoch": "its number",
    "aligned": "accuracy on test images with their digit's own colour",
    "conflicting": "accuracy on the others",
    "unbiased": "accuracy, mean over the groups of digit and colour",
    "worst_group": "accuracy in the worst of these groups",
    "plain": "accuracy on the test images as they are",
    "first_epoch": "unbiased accuracy after the first epoch, by which a long run can be checked in a minute",
    "estimate": "unbiased accuracy as it may be, from validation images without bias labels; no test image is seen",
}
METRICS = tuple(MEASURED)[2:]


class Run(NamedTuple):
    """One cell of the grid, for one seed."""

    protocol: str
    method: str
    ratio: float
    noise: float  # share of the training labels that are made wrong
    seed: int
    split: str = "test"  # or "validation": train without those digits, and `estimate` how good the model is


def run(cell: Run) -> list[dict]:
    """Train and test: one row, or two where the best epoch is named beside the last."""
    protocol, method = PROTOCOLS[cell.protocol], METHODS[cell.method]
    images, labels, bias = biased.colored_mnist(
        "train+validation" if cell.split == "test" else "train", cell.ratio, cell.seed
    )
    told, _ = data.flip_labels(labels, cell.noise, 10, torch.Generator().manual_seed(cell.seed))
    watch = protocol.watch_test and cell.split == "test"
    encoder = auxiliary(images, told, cell.seed) if method.encoder or cell.split == "validation" else None
    history = training.fit(
        network(method, protocol, cell.seed), images, told,
        loss=method.loss(TrainingSet(images, told, bias, protocol.mixing, encoder)),
        epochs=protocol.epochs, lr=protocol.lr, batch_size=BATCH, schedule=protocol.schedule, seed=cell.seed,
        callback=judge(cell, range(1, protocol.epochs + 1) if watch else (1, protocol.epochs), encoder), show=False,
    )  # fmt: skip
    first = {"first_epoch": history.rows[0].get("unbiased", nan)}
    chosen = {"last": history.rows[-1]}
    if watch:
        chosen = {"best on test": max(history.rows, key=lambda row: row["unbiased"])} | chosen
    return [
        {"selected": selected, "epoch": row["epoch"]}
        | {name: round((row | first).get(name, nan), 5) for name in METRICS}
        for selected, row in chosen.items()
    ]


def judge(
    cell: Run, epochs: Collection[int], encoder: nn.Module | None
) -> Callable[[int, nn.Module], dict[str, float]]:
    """The callback of `fit`: how good the model is after these epochs (on validation data: after the last of them)."""
    images, labels, bias = biased.colored_mnist(cell.split, cell.ratio, cell.seed)

    def judged(epoch: int, model: nn.Module) -> dict[str, float]:
        if epoch not in epochs or (cell.split == "validation" and epoch < max(epochs)):
            return {}
        if cell.split == "test":
            return metrics.group_accuracies(model, images, labels, bias)
        assert encoder is not None
        return {"estimate": estimate(model, metrics.outputs(encoder, images), images, labels)}

    return judged


def estimate(model: nn.Module, embeddings: Tensor, images: Tensor, labels: Tensor) -> float:
    """What the unbiased accuracy may be, from validation pictures with the bias of the training set and no word of it.

    The pictures that the auxiliary model calls contradicting stand for the bias-conflicting ones: nine tenths of a
    set without bias. At a ratio of 0.5 % there are 25 of those in 5,000, so the number is a rough one.

    Args:
        model: from images to logits.
        embeddings: [N, D] of length 1, what the auxiliary model sees in the images.
        images, labels: [N, …] float32, what the model takes, and [N] int64.

    Returns:
        a share in [0, 1].

    Raises:
        ValueError: no such model, embeddings, images or labels.
    """
    require.network(model)
    require.tensors(
        images=(images, "float [N, …]"), labels=(labels, "int64 [N]"), embeddings=(embeddings, "float [N, D]")
    )
    right = (metrics.answers(model, images) == labels).float()
    contradicting = []
    for kind in selecmix.KINDS:
        index, has_partner = selecmix.contradicting_pairs(embeddings @ embeddings.T, labels, kind)
        contradicting.append(right[index[has_partner]].mean())
    return (0.9 * torch.stack(contradicting).mean() + 0.1 * right.mean()).item()


def check(cell: Run) -> None:
    """Raise a ValueError that names what there is, unless there is such a run."""
    for name, known in (("protocol", PROTOCOLS), ("method", METHODS), ("split", ("test", "validation"))):
        among(name, getattr(cell, name), known)
    is_share("ratio", cell.ratio)
    is_share("noise", cell.noise)


# The last three say how the settings were chosen, and what those of SelecMix's public code give.
FIVE, THREE = range(5), range(3)
MAIN: Grid = {"protocol": ["ours"], "method": list(METHODS), "ratio": biased.RATIOS, "noise": [0.0], "seed": FIVE}
NOISY = ["erm", "mixup", "lff", "selecmix", "selecmix-oracle", "lff-selecmix"]
CHOICE: Grid = {
    "protocol": ["ours", "ours, no dropout"],
    "method": ["selecmix"],
    "seed": THREE,
    "split": ["validation"],
}
CODE: Grid = {"protocol": ["selecmix code"], "ratio": [0.01]}
CHANGED: tuple[Grid, ...] = (
    {},
    {"method": NOISY, "ratio": [0.01], "noise": [0.1]},
    CHOICE,
    {"protocol": ["selecmix code"], "method": ["erm"], "seed": THREE},
    CODE | {"method": ["selecmix"]},
    CODE | {"protocol": ["selecmix code, pixels in [0, 1]"], "method": ["selecmix"], "seed": range(2)},
)

COLORED_MNIST = Experiment(
    name="colored-mnist",
    about="Digits whose colour tells most of the answer, 60,000 of them: which training finds the digit?",
    cell=Run,
    run=run,
    measured=MEASURED,
    check=check,
    grids=tuple(MAIN | {"split": ["test"]} | changed for changed in CHANGED),
)


def judge_mixing(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 7: what SelecMix gains, and how much of that is the choosing of pairs, how much their mixing."""
    reached = {
        method: 100 * values(frames["colored-mnist"], "unbiased", method=method)
        for method in ("erm", "mixup", "resampling", "selecmix")
    }
    gain, chosen = (reached[method] - reached["erm"] for method in ("selecmix", "resampling"))
    fewer = 1 - (100 - reached["selecmix"]) / (100 - reached["resampling"])
    far: dict[str, Any] = {"above": 15, "margin": 4}
    return Claim(
        "Claim 7",
        "SelecMix, without bias labels, is far ahead of ERM. Most of that comes from choosing the pairs; mixing them "
        "adds to it.",
        [
            Difference("SelecMix − ERM, mean over all groups", list(gain), **far),
            Difference("SelecMix: fewer errors than the same pairs unmixed", list(100 * fewer), above=0, margin=5,
                       unit="%"),
        ],
        limits="one bias, one small network, 60,000 digits, 1 % conflicting, 12 epochs; dropout was chosen on "
        "SelecMix, bounds after trials; negatives alone do nearly as well, positives alone clearly worse (chapter 06).",
        of=7,
        condition="the pairs are chosen so that they contradict. Choosing alone, unmixed, gives most of the gain.",
        controls=[
            Difference("the same pairs unmixed (resampling) − ERM", list(chosen), **far),
            Difference("mixup of random pairs − ERM", list(reached["mixup"] - reached["erm"]), **far),
        ],
    )  # fmt: skip


CLAIM_7 = Row(
    number=7,
    short="Mixing contradicting pairs debiases",
    chapter="06_selecmix",
    needs={
        "colored-mnist": {
            "protocol": ["ours"], "method": ["erm", "mixup", "resampling", "selecmix"], "ratio": [0.01],
            "noise": [0.0], "split": ["test"],
        }
    },
    judge=judge_mixing,
    moral="Choosing pairs that contradict gives most of the gain, mixing them the rest; random pairs give none.",
    published=(
        Published("selective mixup in general: the choice of pairs alone",
                  "“improves generalization by means completely unrelated to the mixing”", "teney2024selective"),
        Published("Colored MNIST, 1 %, unbiased accuracy of ERM / LfF / LC (other data files and networks)",
                  "52.1 / 61.9 / 82.3 %", "liu2023avoiding"),
        Published("the same as another paper prints it: ERM / LfF / DeNetDM (mean of 5 seeds)",
                  "50.3 / 74.0 / 85.2 %", "vadakkeeveetilsreelatha2024denetdm"),
        Published("Corrupted CIFAR-10, 0.5 %: ERM / LfF / SelecMix with LfF, told the bias (printed by others)",
                  "23.3 / 28.6 / 37.0 %", "cho2025controllable"),
    ),
)  # fmt: skip
