"""What is compared on Fish & Hand: methods, what they are given, and the protocols they are trained by."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_utils import lending, lff, metrics, mixup, models, selecmix, training
from course_utils.biased import SPECIES, TENCH, FishAndHand
from course_utils.metrics import empirical_risk
from course_utils.reproduce.experiments.colored_mnist_methods import resample

BIASES = ("hand", "deck")


class FishProtocol(NamedTuple):
    """How networks are trained and tested, the same for every method."""

    n: int = 10_000  # training images
    tested: int = 2_000  # test scenes, each with the object and without
    epochs: int = 6
    lr: float = 1e-2
    batch: int = 128
    alone: float = 0.27  # of SelecMix: with perfect pairs, the object is then as frequent in mixtures of all species


FISH_PROTOCOLS = {"ours": FishProtocol(), "ours, four times as long": FishProtocol(epochs=24)}


class Auxiliary(NamedTuple):
    """A model that tells how similar two biases are, and how it is trained, by `gsc`: not at all for 0 epochs."""

    build: Callable[..., nn.Sequential]  # from a seed
    epochs: int
    lr: float


AUXILIARIES = {
    "chapter 06": Auxiliary(models.encoder, epochs=2, lr=1e-2),
    "maximum": Auxiliary(partial(models.scene_encoder, "maximum"), epochs=6, lr=5e-3),
    "average": Auxiliary(partial(models.scene_encoder, "average"), epochs=6, lr=5e-3),
    "untrained": Auxiliary(partial(models.scene_encoder, "maximum"), epochs=0, lr=5e-3),
}


class Given(NamedTuple):
    """What a method may be made of. Only some look at the bias or at the objects."""

    data: FishAndHand
    bias: Tensor  # [n] int64, 1 where the object is: the hand, or the deck
    objects: Tensor  # [n, H, W] bool, its pixels: the hand's, or all but the fish's
    protocol: FishProtocol
    seed: int
    encoder: nn.Sequential | None  # the auxiliary model, trained; `None` if the method needs none


def balanced(given: Given) -> training.Loss:
    """Resampling by the true bias: each step draws a new batch, in which all groups are equally likely."""
    group = 2 * given.data.labels + given.bias
    weights = 1 / group.bincount()[group].float()

    def loss(model: nn.Module, batch: training.Batch) -> Tensor:
        assert batch.data is not None  # `fit` gives it
        rows = torch.multinomial(weights, len(batch.index), replacement=True, generator=batch.generator)
        images, labels = (tensor.index_select(0, rows.to(batch.index.device)) for tensor in batch.data)
        return empirical_risk(model(images), labels)

    return loss


def mixing(given: Given, mix: Callable = selecmix.mix_pairs) -> selecmix.SelecMix:
    """SelecMix with partners by the auxiliary model."""
    assert given.encoder is not None
    pairing = selecmix.by_similarity(metrics.outputs(given.encoder, given.data.images), given.data.labels)
    return selecmix.SelecMix(pairing, alone=given.protocol.alone, mix=mix)


def oracle(given: Given, mix: Callable = selecmix.mix_pairs) -> selecmix.SelecMix:
    """SelecMix with partners by the true bias."""
    return selecmix.SelecMix(selecmix.by_bias(given.data.labels, given.bias), alone=given.protocol.alone, mix=mix)


def masking(given: Given) -> training.Loss:
    """Every object is covered with the training images' mean colour."""
    colour = lending.mean_colour(given.data.images)

    def loss(model: nn.Module, batch: training.Batch) -> Tensor:
        images = lending.cover(batch.images, given.objects[batch.index.cpu()], colour)
        return empirical_risk(model(images), batch.labels)

    return loss


def holes(given: Given) -> lending.HolesForAll:
    """Every image gets a hole: that of its own object, or another's."""
    return lending.HolesForAll(given.objects, given.bias == 1, lending.mean_colour(given.data.images))


def lend(given: Given) -> lending.Lend:
    """Those with the object lend it to those without, along its true mask."""
    return lending.Lend(given.objects, given.bias == 1, given.bias == 0)


def gaze(given: Given, suspect: int = TENCH, cut: Callable[[Tensor, Given], Tensor] | None = None) -> lending.Lend:
    """One species lends what the auxiliary model looks at to the others.

    Args:
        given: with its auxiliary model.
        suspect: the species.
        cut: the control: from those masks [n, H, W] to the ones that are used instead.
    """
    assert given.encoder is not None
    labels = given.data.labels
    masks = lending.hottest(lending.heat_maps(given.encoder, given.data.images, labels))
    return lending.Lend(cut(masks, given) if cut else masks, labels == suspect, labels != suspect)


def anothers(masks: Tensor, given: Given) -> Tensor:
    """A tench is cut along the mask of another tench."""
    tench = (given.data.labels == TENCH).nonzero().squeeze(1)
    order = torch.randperm(len(tench), generator=torch.Generator().manual_seed(given.seed))
    return masks.index_copy(0, tench, masks[tench[order]])


def anywhere(masks: Tensor, given: Given) -> Tensor:
    """Blobs of the same area, anywhere in the image."""
    n, height, width = masks.shape
    return lending.random_blobs((n, height, width), torch.Generator().manual_seed(given.seed))


Images = dict[str, Tensor]  # what is tested: for each kind of image, [N, 3, H, W], and its objects, [N, H, W]


def as_they_are(images: Images, objects: Images, colour: Tensor) -> Images:
    """Test images untouched."""
    return images


def covered(images: Images, objects: Images, colour: Tensor) -> Images:
    """Test images as `masking` shows them."""
    return {kind: lending.cover(images[kind], objects[kind], colour) for kind in images}


def with_holes(images: Images, objects: Images, colour: Tensor) -> Images:
    """Test images as `holes` shows them: where there is no object, another image's hole."""
    others = {"without": objects["with"].roll(1, 0), "empty": objects["alone"].roll(1, 0)}
    return covered(images, objects | others, colour)


class FishMethod(NamedTuple):
    """One row of the table."""

    name: str  # for people
    loss: Callable[[Given], training.Loss]
    biases: tuple[str, ...] = BIASES  # against which of them it is tried
    encoder: str = ""  # which of AUXILIARIES it needs
    pair: bool = False  # whether it trains two networks, as LfF does
    biased: bool = True  # whether its training set has the bias
    view: Callable[[Images, Images, Tensor], Images] = as_they_are  # what it does to test images


HAND: dict[str, Any] = {"biases": ("hand",)}
MAXIMUM: dict[str, Any] = {"encoder": "maximum"}
BY_GAZE = HAND | MAXIMUM
FISH_METHODS = {
    "no-bias": FishMethod("no bias", lambda given: training.erm, biased=False),
    "erm": FishMethod("ERM", lambda given: training.erm),
    "mixup": FishMethod("mixup", lambda given: mixup.mixup_loss(alpha=1.0, num_classes=len(SPECIES))),
    "lff": FishMethod("LfF", lambda given: lff.LfF(), pair=True),
    "resampling": FishMethod("balanced groups", balanced),
    "selecmix": FishMethod("SelecMix, chapter 06's encoder", mixing, encoder="chapter 06"),
    "selecmix-maximum": FishMethod("SelecMix, maximum", mixing, **MAXIMUM),
    "selecmix-average": FishMethod("SelecMix, average", mixing, encoder="average"),
    "selecmix-oracle": FishMethod("SelecMix, oracle", oracle),
    "pairs-maximum": FishMethod("resampling, maximum", partial(mixing, mix=resample), **MAXIMUM),
    "pairs-oracle": FishMethod("resampling, oracle", partial(oracle, mix=resample)),
    "masking": FishMethod("masking", masking, view=covered),
    "holes": FishMethod("holes for all", holes, **HAND, view=with_holes),
    "lending": FishMethod("lending", lend, **HAND),
    "gaze": FishMethod("lending by gaze", gaze, **BY_GAZE),
    "gaze-perch": FishMethod("by gaze, perch lend", partial(gaze, suspect=SPECIES.index("perch")), **BY_GAZE),
    "gaze-anothers": FishMethod("by gaze, another tench's mask", partial(gaze, cut=anothers), **BY_GAZE),
    "gaze-untrained": FishMethod("by gaze, untrained", gaze, **HAND, encoder="untrained"),
    "gaze-anywhere": FishMethod("lending random blobs", partial(gaze, cut=anywhere), **BY_GAZE),
}
FISH_NAMES = {key: method.name for key, method in FISH_METHODS.items()}


def fish_network(method: FishMethod, seed: int) -> nn.Module:
    """The network that is trained: two of them for LfF."""
    net = models.scene_cnn(seed=seed)
    return lff.Pair(models.scene_cnn(seed=seed + 1_000), net) if method.pair else net


def fish_auxiliary(kind: str, data: FishAndHand, seed: int) -> nn.Sequential:
    """One of AUXILIARIES, trained on all images."""
    build, epochs, lr = AUXILIARIES[kind]
    model = build(seed=seed).to(memory_format=torch.channels_last)
    if epochs:
        training.fit(
            model, data.images, data.labels, loss=selecmix.gsc_loss(), epochs=epochs, lr=lr, batch_size=256, seed=seed,
            show=False,
        )  # fmt: skip
    return model
