"""What is compared on Colored MNIST: methods, the networks they train, and the protocols they are trained by."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils import lff, metrics, mixup, models, require, selecmix, training

BATCH = 256


class Protocol(NamedTuple):
    """How a network is trained and when it is tested, the same for every method and every ratio."""

    hidden: tuple[int, ...]
    lr: float
    epochs: int
    schedule: training.Schedule
    mixing: dict  # options of SelecMix
    scale: float = 1.0  # what pixels in [0, 1] are multiplied with
    dropout: float = 0.0
    watch_test: bool = False  # test after each epoch, to name the best one too; otherwise once, after the last


# The first is the course's own, the second what it was chosen from (by `estimate`). "selecmix code" has the settings
# that the public code of SelecMix has for the classifier; chapter 06 lists what still differs. The last one differs
# from that in one thing: it does not divide the pixels by 255 a second time. `table` keeps them apart.
OURS = Protocol(
    hidden=(100, 100, 100), lr=2e-3, epochs=12, schedule=training.one_cycle, mixing={"pool": 8_192}, dropout=0.2
)
CODE = Protocol(
    hidden=(100, 100, 16), lr=5e-3, epochs=200, schedule=training.constant, mixing={"pool": 1_024, "alone": 0.0},
    scale=1 / 255, watch_test=True,
)  # fmt: skip
PROTOCOLS = {
    "ours": OURS,
    "ours, no dropout": OURS._replace(dropout=0.0),
    "selecmix code": CODE,
    "selecmix code, pixels in [0, 1]": CODE._replace(scale=1.0),
}


class Scaled(nn.Module):
    """Multiplies the pixels with a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        require.above(0, factor=factor)
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        """Images of any shape."""
        return self.factor * images


class TrainingSet(NamedTuple):
    """What a method may be made of. Only the oracle looks at the bias."""

    images: Tensor
    labels: Tensor
    bias: Tensor
    mixing: dict
    encoder: nn.Module | None  # the auxiliary model, trained; `None` if nobody needs one


def auxiliary(images: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """What tells how similar two biases are: an encoder, trained for two epochs on the first third of the images.

    Raises:
        ValueError: no coloured digits [N, 3, 28, 28] with labels [N], or a seed that is no whole number.
    """
    require.tensors(images=(images, "float [N, 3, 28, 28]"), labels=(labels, "int64 [N]"))
    require.whole(0, seed=seed)
    model = models.encoder(seed=seed)
    third = slice(len(labels) // 3)
    training.fit(
        model, images[third], labels[third], loss=selecmix.gsc_loss(), epochs=2, lr=1e-2, batch_size=BATCH, seed=seed,
        show=False,
    )  # fmt: skip
    return model


def mixing(given: TrainingSet, **options) -> selecmix.SelecMix:
    """SelecMix with partners by the auxiliary model."""
    assert given.encoder is not None
    pairing = selecmix.by_similarity(metrics.outputs(given.encoder, given.images), given.labels)
    return selecmix.SelecMix(pairing, **given.mixing | options)


def oracle(given: TrainingSet) -> selecmix.SelecMix:
    """SelecMix with partners by the true bias."""
    return selecmix.SelecMix(selecmix.by_bias(given.labels, given.bias), **given.mixing)


def _check_partners(
    images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator, lam_max: float = 1.0
) -> None:
    require.tensors(
        images=(images, "float [N, …]"), labels=(labels, "int64 [N]"), rows=(rows, "int64 [B]"),
        partners=(partners, "int64 [B]"),
    )  # fmt: skip
    require.labels(rows, classes=len(images), name="rows")
    require.labels(partners, classes=len(images), name="partners")
    require.generator(generator)
    require.between(0, 1, lam_max=lam_max)


@require.checked(_check_partners)
def resample(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator):
    """The control without mixing: each example gives way to its partner."""
    return images.index_select(0, partners), labels[partners]


@require.checked(_check_partners)
def mix_softly(
    images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator, lam_max: float = 1.0
):
    """The control with mixup's own rule: lam ~ Uniform(0, lam_max), and the labels mixed like the images."""
    lam = lam_max * torch.rand(len(rows), generator=generator).to(images.device)
    both = torch.cat([rows, partners])
    index = torch.arange(len(both), device=images.device).roll(len(rows))  # the second half are the first's partners
    mixed, soft = mixup.mixup(images.index_select(0, both), labels[both], torch.cat([lam, 1 - lam]), index)
    return mixed[: len(rows)], soft[: len(rows)]


class Method(NamedTuple):
    """One row of the tables."""

    name: str  # for people
    loss: Callable[[TrainingSet], training.Loss]
    encoder: bool = False  # whether it needs the auxiliary model
    pair: bool = False  # whether it trains two networks, as LfF does


METHODS = {
    "erm": Method("ERM", lambda given: training.erm),
    "mixup": Method("mixup", lambda given: mixup.mixup_loss(alpha=1.0)),
    "lff": Method("LfF", lambda given: lff.LfF(), pair=True),
    "selecmix": Method("SelecMix", mixing, encoder=True),
    "selecmix-positives": Method("positives only", lambda given: mixing(given, kinds=["positive"]), encoder=True),
    "selecmix-negatives": Method("negatives only", lambda given: mixing(given, kinds=["negative"]), encoder=True),
    "selecmix-oracle": Method("SelecMix, oracle", oracle),
    "lff-selecmix": Method(
        "LfF + SelecMix", lambda given: selecmix.lff_selecmix(lff.LfF(), mixing(given)), encoder=True, pair=True
    ),
    "resampling": Method("resampling", lambda given: mixing(given, mix=resample), encoder=True),
    "soft-labels": Method("soft labels, lam up to 1", lambda given: mixing(given, mix=mix_softly), encoder=True),
    "none-alone": Method("all mixed", lambda given: mixing(given, alone=0.0), encoder=True),
}
NAMES = {key: method.name for key, method in METHODS.items()}


def network(method: Method, protocol: Protocol, seed: int) -> nn.Module:
    """The network that is trained: two of them for LfF.

    Raises:
        ValueError: no such method or protocol, or a seed that is no whole number.
    """
    if not isinstance(method, Method):
        raise ValueError(f"method must be one of METHODS, got {require.what(method)}")
    if not isinstance(protocol, Protocol):
        raise ValueError(f"protocol must be one of PROTOCOLS, got {require.what(protocol)}")
    require.whole(0, seed=seed)

    def one(seed: int) -> nn.Module:
        mlp = models.mlp(3 * 28 * 28, protocol.hidden, seed=seed, dropout=protocol.dropout)
        return nn.Sequential(Scaled(protocol.scale), mlp)

    return lff.Pair(one(seed + 1_000), one(seed)) if method.pair else one(seed)
