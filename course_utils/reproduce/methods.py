"""What the grid compares: methods, the networks they train, and the protocols they are trained by."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils import lff, metrics, mixup, models, selecmix, training

BATCH = 256


class Protocol(NamedTuple):
    """How a network is trained and when it is tested, the same for every method and every ratio."""

    hidden: tuple[int, ...]
    scale: float  # what pixels in [0, 1] are multiplied with
    lr: float
    epochs: int
    schedule: training.Schedule
    dropout: float
    mixing: dict  # options of SelecMix
    watch_test: bool  # test after each epoch, to name the best one too; otherwise once, after the last


# The first is the course's own, the second what it was chosen from (by `estimate`). The last is that of SelecMix's
# code, whose auxiliary model is a larger one and is trained along with the classifier. `table` keeps them apart.
OURS = Protocol((100, 100, 100), 1.0, 2e-3, 12, training.one_cycle, 0.2, {"pool": 8_192}, False)
PROTOCOLS = {
    "ours": OURS,
    "ours, no dropout": OURS._replace(dropout=0.0),
    "literature": Protocol(
        (100, 100, 16), 1 / 255, 5e-3, 200, training.constant, 0.0, {"pool": 1_024, "alone": 0.0}, True
    ),
}  # fmt: skip


class Scaled(nn.Module):
    """Multiplies the pixels with a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        """Images of any shape."""
        return self.factor * images


class TrainingSet(NamedTuple):
    """What a method may be made of. Only the oracle looks at the bias."""

    images: Tensor
    labels: Tensor
    bias: Tensor
    seed: int
    mixing: dict


def auxiliary(given: TrainingSet) -> nn.Module:
    """What tells how similar two biases are: an encoder, trained for two epochs on a third of the pictures."""
    model = models.encoder(seed=given.seed)
    third = slice(len(given.labels) // 3)
    training.fit(
        model, given.images[third], given.labels[third], loss=selecmix.gsc_loss(), epochs=2, lr=1e-2,
        batch_size=BATCH, seed=given.seed, show=False,
    )  # fmt: skip
    return model


def mixing(given: TrainingSet, oracle: bool = False, **options) -> selecmix.SelecMix:
    """SelecMix for this training set, with partners by an auxiliary model or by the true bias."""
    if oracle:
        pairing = selecmix.by_bias(given.labels, given.bias)
    else:
        pairing = selecmix.by_similarity(metrics.outputs(auxiliary(given), given.images), given.labels)
    return selecmix.SelecMix(pairing, **given.mixing | options)


def resample(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator):
    """The control without mixing: each example gives way to its partner."""
    return images.index_select(0, partners), labels[partners]


def mix_softly(
    images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator, lam_max: float = 1.0
):
    """The control with mixup's own rule: lam ~ Uniform(0, lam_max), and the labels mixed like the images."""
    lam = lam_max * torch.rand(len(rows), generator=generator).to(images.device)
    both = torch.cat([rows, partners])
    index = torch.arange(len(both), device=images.device).roll(len(rows))  # the second half are the first's partners
    mixed, soft = mixup.mixup(images.index_select(0, both), labels[both], torch.cat([lam, 1 - lam]), index)
    return mixed[: len(rows)], soft[: len(rows)]


# For each method, from a training set to the loss of `fit`.
METHODS: dict[str, Callable[[TrainingSet], training.Loss]] = {
    "erm": lambda given: training.erm,
    "mixup": lambda given: mixup.mixup_loss(alpha=1.0),
    "lff": lambda given: lff.LfF(),
    "selecmix": mixing,
    "selecmix-positives": lambda given: mixing(given, kinds=["positive"]),
    "selecmix-negatives": lambda given: mixing(given, kinds=["negative"]),
    "selecmix-oracle": lambda given: mixing(given, oracle=True),
    "lff-selecmix": lambda given: selecmix.lff_selecmix(lff.LfF(), mixing(given)),
    "resampling": lambda given: mixing(given, mix=resample),
    "soft-labels": lambda given: mixing(given, mix=mix_softly),
    "none-alone": lambda given: mixing(given, alone=0.0),
}
NAMES = {
    "erm": "ERM", "mixup": "mixup", "lff": "LfF", "selecmix": "SelecMix", "lff-selecmix": "LfF + SelecMix",
    "selecmix-positives": "positives only", "selecmix-negatives": "negatives only",
    "selecmix-oracle": "SelecMix, oracle", "resampling": "resampling", "soft-labels": "soft labels, lam up to 1",
    "none-alone": "nobody alone",
}  # fmt: skip


def network(method: str, protocol: Protocol, seed: int) -> nn.Module:
    """The network that is trained: two of them for LfF."""

    def one(seed: int) -> nn.Module:
        mlp = models.mlp(3 * 28 * 28, protocol.hidden, seed=seed, dropout=protocol.dropout)
        return nn.Sequential(Scaled(protocol.scale), mlp)

    return lff.Pair(one(seed + 1_000), one(seed)) if method.startswith("lff") else one(seed)
