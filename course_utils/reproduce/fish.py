"""Fish & Hand at n = 10,000: what helps against a bias that is an object, and against one that is the background."""

import time
from collections.abc import Callable
from functools import cache, partial
from math import nan
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, lending, lff, metrics, mixup, models, selecmix, training
from course_utils.biased import DECK, TENCH
from course_utils.lending import HolesForAll, Lend
from course_utils.reproduce.methods import resample
from course_utils.reproduce.results import RESULTS, Sheet, counted
from course_utils.reproduce.runs import versions

BIASES = ("hand", "deck")
RATIO = 0.01  # of exceptions
EPOCHS, TESTED = 6, 2_000
RECIPE = {"epochs": EPOCHS, "lr": 1e-2, "batch_size": 128, "show": False}
# Chapter 07 derives it: where the bias is yes or no and belongs to one class of four, it then says nothing.
ALONE = 0.27
# `alone` and `empty`: which share of the images with nothing but the object (the hand, the empty deck), and of the same
# images without it, is called tench; `others_called`: of other species with the object. `positives` and `negatives`:
# how often a partner truly contradicts.
FISH_AND_HAND = Sheet(
    RESULTS.with_name("fish_and_hand.csv"),
    ("data", "bias", "method", "n", "seed", "selected"),
    ("aligned", "conflicting", "unbiased", "worst_group", "alone", "empty", "others_called", "positives", "negatives"),
)
# The groups (species, without and with the object) that have the usual bias.
USUAL = torch.tensor([[kind != TENCH, kind == TENCH] for kind in range(len(biased.SPECIES))])


class FishRun(NamedTuple):
    """One cell of the grid, for one seed."""

    bias: str
    method: str
    seed: int
    n: int = 10_000

    def run(self) -> list[dict]:
        """Train and test: one row."""
        method, start = FISH_METHODS[self.method], time.perf_counter()
        given = prepare(self.bias, 0.5 if self.method == "no-bias" else RATIO, self.n, self.seed)
        loss = method.loss(given)
        net = models.scene_cnn(seed=self.seed)
        if method.pair:
            net = lff.Pair(models.scene_cnn(seed=self.seed + 1_000), net)
        training.fit(net, given.data.images, given.data.labels, loss=loss, seed=self.seed, **RECIPE)
        found = judge(net, method.seen(test_images(self.bias), given.colour)) | partners_found(loss, given)
        about = self._asdict() | {"data": "fish-and-hand", "selected": "last", "epoch": EPOCHS} | versions()
        return [about | {"seconds": round(time.perf_counter() - start, 1)} | {k: round(v, 5) for k, v in found.items()}]


class Given(NamedTuple):
    """What a method may be made of."""

    data: biased.FishAndHand
    bias: Tensor  # [n] int64, 1 where the object (the hand, the deck) is
    masks: Tensor  # [n, S, S] bool, the object's pixels
    colour: Tensor  # [3], of what is masked
    seed: int


def prepare(bias: str, ratio: float, n: int, seed: int) -> Given:
    """The training set with this share of exceptions; 0.5 is no bias: half of every species."""
    ratios = (ratio, None) if bias == "hand" else (None, ratio)
    data = biased.fish_and_hand("train", n, *ratios, seed)
    has, masks = (data.hand, data.hand_mask) if bias == "hand" else ((data.background == DECK).long(), ~data.fish_mask)
    return Given(data, has, masks, lending.mean_colour(data.images), seed)


class Views(NamedTuple):
    """The test images: the same scenes without and with the object, and both without a fish."""

    free: Tensor  # [N, 3, S, S]
    held: Tensor
    alone: Tensor  # the object and no fish
    empty: Tensor
    masks: tuple[Tensor, Tensor, Tensor, Tensor]  # of the object in each of them, [N, S, S] bool
    labels: Tensor  # [N] int64


@cache
def test_images(bias: str) -> Views:
    """Images that no training has seen; the hand, or the background, says nothing of the species."""
    scene = biased.fish_and_hand("test", TESTED, None, None, size=8).scene
    if bias == "hand":
        without, with_object = ({"hand": torch.full((TESTED,), value)} for value in (False, True))
    else:
        off = scene["background"]
        elsewhere = torch.where(off == DECK, torch.tensor([0, 1, 3])[torch.arange(TESTED) % 3], off)
        without, with_object = {"background": elsewhere}, {"background": torch.full_like(off, DECK)}
    no_fish = {"fish": torch.zeros(TESTED, dtype=torch.bool)}
    changes = (without, with_object, with_object | no_fish, without | no_fish)
    views = [biased.render(scene | change) for change in changes]
    masks = tuple(view.hand if bias == "hand" else ~view.fish for view in views)
    return Views(*(view.images for view in views), masks, scene["species"])


def as_they_are(views: Views, colour: Tensor) -> Views:
    """The test images as they are."""
    return views


def masked(views: Views, colour: Tensor) -> Views:
    """With the object masked."""
    return Views(*(lending.cover(images, mask, colour) for images, mask in zip(views, views.masks)), *views[4:])


def with_holes(views: Views, colour: Tensor) -> Views:
    """With a hole in every image: its own object's, or another image's."""
    own, alone, other = views.masks[1], views.masks[2], views.masks[1].roll(1, dims=0)
    return masked(views._replace(masks=(other, own, alone, other)), colour)


def judge(net: nn.Module, views: Views) -> dict[str, float]:
    """How good a network is in each group, and what it calls the object alone."""
    free, held, alone, empty = (metrics.answers(net, images) for images in views[:4])
    has_object = torch.arange(2).repeat_interleave(len(free))
    table = metrics.group_table(torch.cat([free, held]), views.labels.repeat(2), has_object, shape=(4, 2))
    report = metrics.group_report(*table, aligned=USUAL)
    called = {"alone": alone, "empty": empty, "others_called": held[views.labels != TENCH]}
    tench = {name: (answers == TENCH).float().mean().item() for name, answers in called.items()}
    return {name: report[name] for name in FISH_AND_HAND.metrics[:4]} | tench


def partners_found(loss: training.Loss, given: Given) -> dict[str, float]:
    """How often a method's partners truly contradict, positives and negatives; NaN for a method without partners."""
    if not isinstance(loss, selecmix.SelecMix):
        return {"positives": nan, "negatives": nan}
    told = (given.data.labels, given.bias)
    return {f"{k}s": selecmix.contradicting_share(loss.pairing, *told, k, pool=loss.pool)[0] for k in selecmix.KINDS}


class Balanced:
    """Resampling as a method for `fit`: every group (label and bias) is drawn equally often."""

    def __init__(self, labels: Tensor, bias: Tensor) -> None:
        groups = 2 * labels + bias
        self.weights = (1 / groups.bincount())[groups]

    def __call__(self, model: nn.Module, batch: training.Batch) -> Tensor:
        """The loss of a step: the empirical risk of as many other examples."""
        rows = torch.multinomial(self.weights, len(batch.labels), replacement=True, generator=batch.generator)
        images, labels = (part[rows.to(part.device)] for part in batch.data)
        return metrics.empirical_risk(model(images), labels)


# How each auxiliary model is made and trained; "chapter 06" is the course's encoder.
ENCODERS = {
    "chapter 06": (models.encoder, {"epochs": 2, "lr": 1e-2}),
    "average": (partial(models.scene_encoder, "average"), {"epochs": 6, "lr": 5e-3}),
    "maximum": (partial(models.scene_encoder, "maximum"), {"epochs": 6, "lr": 5e-3}),
}


def auxiliary(given: Given, kind: str) -> nn.Module:
    """The auxiliary model, trained with the contrastive loss on all images."""
    make, recipe = ENCODERS[kind]
    model, (images, labels) = make(seed=given.seed), given.data[:2]
    loss = selecmix.gsc_loss()
    training.fit(model, images, labels, loss=loss, batch_size=256, seed=given.seed, show=False, **recipe)
    return model


def mixing(given: Given, kind: str | None, **options) -> selecmix.SelecMix:
    """SelecMix with partners by an auxiliary model, or by the true bias."""
    if kind is None:
        pairing = selecmix.by_bias(given.data.labels, given.bias)
    else:
        embeddings = metrics.outputs(auxiliary(given, kind), given.data.images)
        pairing = selecmix.by_similarity(embeddings, given.data.labels)
    return selecmix.SelecMix(pairing, alone=ALONE, **options)


def covering(given: Given) -> training.Loss:
    """Masking: the object is covered in every training image that has it."""

    def loss(model: nn.Module, batch: training.Batch) -> Tensor:
        masks = given.masks[batch.index.cpu()].to(batch.images.device)
        images = lending.cover(batch.images, masks, given.colour.to(batch.images.device))
        return metrics.empirical_risk(model(images), batch.labels)

    return loss


def by_gaze(given: Given, suspect: int = TENCH, shift: int = 0, trained: bool = True) -> Lend:
    """The suspect class lends what the auxiliary model looks at; with a shift, what it looks at in another image."""
    encoder = auxiliary(given, "maximum") if trained else models.scene_encoder(seed=given.seed)
    masks = lending.hottest(lending.heat_maps(encoder, given.data.images, given.data.labels))
    own = given.data.labels == suspect
    masks[own] = masks[own].roll(shift, dims=0)
    return Lend(masks, donors=own, borrowers=~own)


class FishMethod(NamedTuple):
    """One row of the table."""

    name: str  # for people
    loss: Callable[[Given], training.Loss]
    biases: tuple[str, ...] = BIASES  # against which it can be tried
    seen: Callable[[Views, Tensor], Views] = as_they_are  # how test images are shown to it
    pair: bool = False  # whether it trains two networks, as LfF does


HAND = ("hand",)
FISH_METHODS = {
    "no-bias": FishMethod("no bias", lambda given: training.erm),
    "erm": FishMethod("ERM", lambda given: training.erm),
    "mixup": FishMethod("mixup", lambda given: mixup.mixup_loss(alpha=1.0, num_classes=len(biased.SPECIES))),
    "lff": FishMethod("LfF", lambda given: lff.LfF(), pair=True),
    "resampling": FishMethod("resampling, true bias", lambda given: Balanced(given.data.labels, given.bias)),
    "selecmix": FishMethod("SelecMix, chapter 06's encoder", lambda given: mixing(given, "chapter 06")),
    "selecmix-average": FishMethod("SelecMix, deeper, average", lambda given: mixing(given, "average")),
    "selecmix-maximum": FishMethod("SelecMix, deeper, maximum", lambda given: mixing(given, "maximum")),
    "selecmix-oracle": FishMethod("SelecMix, true bias", lambda given: mixing(given, None)),
    "choosing-maximum": FishMethod("choosing alone, maximum", lambda given: mixing(given, "maximum", mix=resample)),
    "choosing-oracle": FishMethod("choosing alone, true bias", lambda given: mixing(given, None, mix=resample)),
    "mask": FishMethod("mask", covering, seen=masked),
    "holes": FishMethod(
        "holes for all", lambda given: HolesForAll(given.masks, given.bias == 1, given.colour), HAND, with_holes
    ),
    "lend": FishMethod("lend", lambda given: Lend(given.masks, given.bias == 1, given.bias == 0), HAND),
    "lend-gaze": FishMethod("lend by gaze", by_gaze, HAND),
    "lend-gaze-other": FishMethod("another tench's mask", partial(by_gaze, shift=1), HAND),
    "lend-gaze-untrained": FishMethod("untrained gaze", partial(by_gaze, trained=False), HAND),
    "lend-gaze-perch": FishMethod("perch lend", partial(by_gaze, suspect=biased.SPECIES.index("perch")), HAND),
}
FISH_NAMES = {key: method.name for key, method in FISH_METHODS.items()}


def fish_table(results: pd.DataFrame, measure: str = "unbiased") -> pd.DataFrame:
    """Mean ± standard deviation over the seeds, in percent: a row for each method, a column for each bias."""
    groups = results.dropna(subset=[measure]).groupby(["method", "bias"])[measure]
    table = groups.apply(counted).unstack("bias", fill_value="")
    return table.reindex([key for key in FISH_METHODS if key in table.index]).rename(index=FISH_NAMES)
