"""Claim 2, on right labels: are images that a network knows by heart worth less than others? An experiment without a
judge of its own: claim 2 is judged by it and by `memorization`."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils import data, memorization, metrics, models, require, training
from course_utils.reproduce.experiment import Experiment

N = 2_000  # images of a run
TWINS = 5  # networks for each way of dropping, and for each as many draws of what is dropped at random
# Noise is not drawn from the seed itself, which draws the order of the images: the first ones would be the wrong ones.
NOISE = 10**6


class Dropping(NamedTuple):
    """One cell of the grid, for one seed."""

    networks: int  # of how many the memorization score is made
    epochs: int
    seed: int


@cache
def digits(split: str) -> tuple[Tensor, Tensor]:
    """All of MNIST's training or test images, as bytes [N, 28, 28], and their labels [N]."""
    return data.read_mnist(split)


def as_images(pixels: Tensor) -> Tensor:
    """Bytes [N, 28, 28] as images [N, 1, 28, 28] in [0, 1]."""
    return pixels.unsqueeze(1).float().div_(255)


def own_examples(seed: int, n: int) -> tuple[Tensor, Tensor]:
    """A seed's own training images and their labels; fewer of them are the first of more."""
    pixels, labels = digits("train")
    (rows,) = data.subsets((seed,), n, of=len(labels))
    return as_images(pixels[rows]), labels[rows]


@cache
def test_set() -> tuple[Tensor, Tensor]:
    """All test images and their labels."""
    pixels, labels = digits("test")
    return as_images(pixels), labels


def check(cell: Dropping) -> None:
    """Raise a ValueError that names the setting, unless there is such a run."""
    require.whole(2, networks=cell.networks)
    require.whole(epochs=cell.epochs)


MEASURED = {
    "by_heart": "share of the images with a memorization score above 0.5: known by heart",
    "test_at_random": "accuracy on test images, without as many training images at random",
    "test_by_heart": "accuracy on test images, without the training images known by heart",
    "rare_at_random": "the first on rare-looking test images",
    "rare_by_heart": "the second on rare-looking test images",
}


def run(cell: Dropping) -> dict[str, float]:
    """Find out which images are known by heart, train without them and without as many others: MEASURED.

    Raises:
        ValueError: too few networks or epochs.
    """
    check(cell)
    images, labels = own_examples(cell.seed, N)
    draws = torch.Generator().manual_seed(NOISE + cell.seed)

    def trained(keep: Tensor, number: int) -> nn.Module:
        seed = 1_000 * cell.seed + number
        net = models.mlp(hidden=(64,), seed=seed)
        training.fit(net, images[keep], labels[keep], epochs=cell.epochs, lr=6e-3, batch_size=50, seed=seed, show=False)
        return net

    halves = memorization.random_halves(cell.networks, N, draws)
    right = torch.stack([metrics.answers(trained(keep, m), images) == labels for m, keep in enumerate(halves)])
    by_heart = memorization.memorization_score(memorization.membership(halves, N), right) > 0.5
    ways = {
        "at_random": [kept_at_random(labels, by_heart, draws) for _ in range(TWINS)],
        "by_heart": [(~by_heart).nonzero().squeeze(1)] * TWINS,
    }
    test, truth = test_set()
    rare = rare_looking(test, truth, images, labels)
    measured = {"by_heart": by_heart.float().mean()}
    for way, kept in ways.items():
        hits = torch.stack([metrics.answers(trained(keep, m), test) == truth for m, keep in enumerate(kept)]).float()
        measured |= {f"test_{way}": hits.mean(), f"rare_{way}": hits[:, rare].mean()}
    return {name: round(measured[name].item(), 5) for name in MEASURED}


def kept_at_random(labels: Tensor, dropped: Tensor, generator: torch.Generator) -> Tensor:
    """The rows that stay if from each class as many are dropped as are marked in `dropped`, whichever."""
    luck = torch.rand(len(labels), generator=generator)
    left = labels[~dropped].bincount(minlength=10).tolist()
    # Images of other classes get no luck, and so come last.
    return torch.cat([torch.where(labels == y, luck, -1).topk(n).indices for y, n in enumerate(left)])


def rare_looking(images: Tensor, labels: Tensor, pool: Tensor, pool_labels: Tensor) -> Tensor:
    """Of each class the tenth whose nearest image of that class in the pool is farthest away, in pixels: [N] bool."""
    far = memorization.distance_to_nearest(images, labels, pool, pool_labels)
    bounds = torch.stack([far[labels == y].quantile(0.9) for y in range(10)])
    return far >= bounds[labels]


BY_HEART = Experiment(
    name="by-heart",
    about="Small networks on 2,000 digits: what does it cost to drop the images that are known by heart?",
    cell=Dropping,
    run=run,
    measured=MEASURED,
    check=check,
    grids=({"networks": (100,), "epochs": (10,), "seed": range(5)},),
)
