"""Claims 1 and 2: a network learns labels by heart that mean nothing, and what it has learned so helps nobody outside.
(On right labels claim 2 is judged by `by_heart`.)"""

from math import nan
from typing import Any, NamedTuple

import pandas as pd
import torch

from course_utils import data, memorization, metrics, models, require, training
from course_utils.claims import Claim, Difference, Evidence
from course_utils.reproduce.experiment import Experiment, among, is_share, values
from course_utils.reproduce.experiments.by_heart import NOISE, N, own_examples, test_set
from course_utils.reproduce.row import Published, Row

LABELS = ("true", "random")
# How the networks of chapters 01 and 02 are trained, by the number of images.
RECIPES: dict[int, dict[str, Any]] = {
    2_000: {"epochs": 60, "batch_size": 128},
    50_000: {"epochs": 10, "batch_size": 256},
}
HELD = 1_000  # validation images


class Lesson(NamedTuple):
    """One cell of the grid, for one seed."""

    layers: int  # hidden layers of 100 units
    labels: str  # true, or drawn at random
    n: int  # training images
    seed: int


def check_lesson(cell: Lesson) -> None:
    """Raise a ValueError that names the setting, unless there is such a run."""
    require.whole(0, layers=cell.layers)
    among("labels", cell.labels, LABELS)
    among("n", cell.n, RECIPES)


FITTED = {"training": "share of its training labels given back", "test": "accuracy on test images"}


def fit_run(cell: Lesson) -> dict[str, float]:
    """Train on true or random labels: FITTED.

    Raises:
        ValueError: a setting that does not exist.
    """
    check_lesson(cell)
    images, told = own_examples(cell.seed, cell.n)
    if cell.labels == "random":
        told, _ = data.random_labels(told, 10, torch.Generator().manual_seed(NOISE + cell.seed))
    net = models.mlp(hidden=(100,) * cell.layers, seed=cell.seed)
    training.fit(net, images, told, lr=3e-3, seed=cell.seed, show=False, **RECIPES[cell.n])
    accuracies = metrics.accuracy(net, images, told), metrics.accuracy(net, *test_set())
    return {name: round(share, 5) for name, share in zip(FITTED, accuracies)}


class WrongLabels(NamedTuple):
    """One cell of the grid with wrong labels, for one seed."""

    wrong: float  # the share of wrong labels
    epochs: int
    seed: int


def check_wrong(cell: WrongLabels) -> None:
    """Raise a ValueError that names the setting, unless there is such a run."""
    is_share("wrong", cell.wrong)
    require.whole(epochs=cell.epochs)


FOLLOWED = {
    "truth": "share of the images with wrong labels that are answered with the truth, in the best epoch for that",
    "given_back": "share of the wrong labels given back after the last epoch",
    "stopped": "accuracy on test images, stopped early by validation images with as many wrong labels",
    "last": "accuracy on test images after the last epoch",
}


def wrong_run(cell: WrongLabels) -> dict[str, float]:
    """Train on labels of which a share is wrong, and look after each epoch: FOLLOWED.

    Raises:
        ValueError: a setting that does not exist.
    """
    check_wrong(cell)
    images, true = own_examples(cell.seed, N + HELD)
    own, held, nets = images[:N], images[N:], []
    told, wrong = data.flip_labels(true[:N], cell.wrong, 10, torch.Generator().manual_seed(NOISE + cell.seed))
    held_told, _ = data.flip_labels(true[N:], cell.wrong, 10, torch.Generator().manual_seed(2 * NOISE + cell.seed))
    training.fit(
        models.mlp(hidden=(100, 100, 100), seed=cell.seed), own, told, epochs=cell.epochs, lr=2e-3, batch_size=100,
        schedule=training.late_decay, seed=cell.seed, show=False,
        callback=lambda epoch, net: nets.append(models.frozen_copy(net)),
    )  # fmt: skip
    validated = torch.tensor([metrics.accuracy(net, held, held_told) for net in nets])
    stop = memorization.stopping_epoch(validated, patience=5)
    tested = {
        name: metrics.accuracy(net, *test_set()) for name, net in (("stopped", nets[stop - 1]), ("last", nets[-1]))
    }
    on_wrong = {"truth": nan, "given_back": nan}
    if wrong.any():
        rightly = [metrics.accuracy(net, own[wrong], true[:N][wrong]) for net in nets]
        on_wrong = {"truth": max(rightly), "given_back": metrics.accuracy(nets[-1], own[wrong], told[wrong])}
    return {name: round(share, 5) for name, share in (on_wrong | tested).items()}


MEMORIZATION = Experiment(
    name="memorization",
    about="The small network, and one without hidden layers, on true labels and on random ones: are they fitted?",
    cell=Lesson,
    run=fit_run,
    measured=FITTED,
    check=check_lesson,
    grids=({"layers": (3, 0), "labels": LABELS, "n": tuple(RECIPES), "seed": range(5)},),
)
WRONG_LABELS = Experiment(
    name="wrong-labels",
    about="The small network on labels of which a share is wrong: the truth first, then the wrong labels by heart.",
    cell=WrongLabels,
    run=wrong_run,
    measured=FOLLOWED,
    check=check_wrong,
    grids=({"wrong": (0.0, 0.2, 0.4, 0.6, 0.9), "epochs": (45,), "seed": range(5)},),
)


def judge_fitting(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 1: what is given back of true and of random labels, and what such a network knows of test images."""
    frame = frames["memorization"]

    def percent(measure: str, layers: int, labels: str, n: int) -> pd.Series:
        return 100 * values(frame, measure, layers=layers, labels=labels, n=n)

    def given_back(what: str, layers: int, n: int) -> Evidence:
        return Evidence(what, percent("training", layers, "random", n), above=99, margin=0.3)

    def error(what: str, layers: int) -> Evidence:
        return Evidence(what, 100 - percent("training", layers, "true", 50_000), below=1, margin=0.5)

    return Claim(
        "Claim 1",
        "A network with hidden layers fits 50,000 digits. It fits random labels too, which say nothing of the images, "
        "and then knows nothing of the test images.",
        [
            given_back("2,000 images, random labels: given back", 3, 2_000),
            error("50,000 images, true labels: training error", 3),
            # Wide bounds: by luck the random labels of some class are mostly right, or mostly wrong in the same way.
            Evidence("2,000 images, random labels: test (chance: 10 %)", percent("test", 3, "random", 2_000), above=0,
                     below=20, margin=2),
            Evidence("2,000 images, true labels: test", percent("test", 3, "true", 2_000), above=87, margin=1),
        ],
        limits="one network of 99,710 weights, one data set. Large enough means: for so many images and epochs. "
        "50,000 random labels are hardly fitted in 10 epochs (last control).",
        of=1,
        controls=[
            given_back("no hidden layer, 2,000 images, random labels: given back", 0, 2_000),
            error("no hidden layer, 50,000 images, true labels: training error", 0),
            given_back("50,000 images, random labels: given back", 3, 50_000),
        ],
    )  # fmt: skip


def judge_wrong_labels(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 2: what fitting wrong labels costs on test images. And with right ones, what is lost without the images
    known by heart."""
    frame, right = frames["wrong-labels"], frames["by-heart"]

    def lost(what: str, wrong: float) -> Difference:
        pairs = values(frame, "stopped", wrong=wrong) - values(frame, "last", wrong=wrong)
        return Difference(what, 100 * pairs, above=5, margin=3)

    dropped = 100 * (values(right, "test_at_random") - values(right, "test_by_heart"))
    return Claim(
        "Claim 2",
        "Wrong labels that are learned by heart cost test accuracy: stopped before, the network answers with truths "
        "that nobody told it.",
        [
            lost("40 % wrong labels: test accuracy lost by going on", 0.4),
            Evidence("wrong labels given back at the end", 100 * values(frame, "given_back", wrong=0.4), above=90,
                     margin=3),
            Evidence("these images answered with the truth, best epoch", 100 * values(frame, "truth", wrong=0.4),
                     above=60, margin=8),
        ],
        limits="symmetric noise, 2,000 images, the stop by 1,000 validation images with as many wrong labels. With "
        "four times as many epochs, tried on two seeds, both costs were still there.",
        of=2,
        condition="the labels are wrong. Images with right labels that are known by heart do help outside: dropping "
        "them costs more than dropping others (last control).",
        controls=[
            lost("no wrong labels: lost by going on", 0.0),
            lost("90 % wrong labels, which say nothing: lost by going on", 0.9),
            Difference("right labels: cost of dropping those known by heart, not others", dropped, below=0.5,
                       margin=0.2),
        ],
    )  # fmt: skip


CLAIM_1 = Row(
    number=1,
    short="Random labels are learned by heart",
    chapter="02_memorization",
    needs={"memorization": {"layers": (3, 0), "labels": LABELS, "n": tuple(RECIPES)}},
    judge=judge_fitting,
    moral="A training error of zero does not show that anything was learned: random labels are fitted too.",
    published=(
        Published("CIFAR-10, random labels, Inception: training / test", "100 % / 9.78 %", "zhang2017understanding"),
        Published("the same, three layers of 512 units", "100 % / 10.48 %", "zhang2017understanding"),
        Published("the same, one layer of 512 units", "99.34 % / 10.61 %", "zhang2017understanding"),
    ),
)
CLAIM_2 = Row(
    number=2,
    short="What is learned by heart does not help",
    chapter="02_memorization",
    needs={
        "wrong-labels": {"wrong": (0.0, 0.4, 0.9), "epochs": (45,)},
        "by-heart": {"networks": (100,), "epochs": (10,)},
    },
    judge=judge_wrong_labels,
    moral="Wrong labels by heart do harm: stop in time. Right ones by heart are the rare and the hard, and help.",
    published=(
        Published(
            "CIFAR-10, half of the labels random, ERM: test error, best epoch → last",
            "18.8 % → 44.6 %",
            "zhang2018mixup",
        ),
        Published("the same: error on the random labels, last epoch (arXiv v1)", "0.64 %", "zhang2018mixup"),
    ),
)
