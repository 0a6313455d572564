"""Claims 4 and 5: how chapter 04's networks stand under attack, trained by ERM or with mixup."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils import attacks, data, metrics, mixup, models, training
from course_utils.reproduce.experiment import Experiment, among

TESTED, VICTIMS = 2_000, 500  # a seed's own test images; the first of them are attacked
SMALL = 0.05  # the size of the change in claim 5


class Recipe(NamedTuple):
    """A network and how it is trained, but for the length."""

    network: Callable[..., nn.Module]
    n: int  # training images, a seed's own
    lr: float
    batch_size: int


RECIPES = {"cnn": Recipe(models.small_cnn, 20_000, 2e-2, 128), "mlp": Recipe(models.mlp, 12_000, 2e-3, 100)}
METHODS = {"erm": training.erm, "mixup": mixup.mixup_loss(alpha=1.0)}


class AttackedRun(NamedTuple):
    """One cell of the grid, for one seed."""

    network: str  # "cnn" or "mlp"
    method: str  # "erm" or "mixup"
    epochs: int
    seed: int


def check(cell: AttackedRun) -> None:
    """Raise a ValueError that names the setting, unless there is such a run."""
    among("network", cell.network, RECIPES)
    among("method", cell.method, METHODS)
    if cell.epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {cell.epochs}")


MEASURED = {
    "test": "accuracy on test images",
    "random_0.1": "robust accuracy, each pixel moves by 0.1 to a random side",
    "fgsm_0.1": "robust accuracy under FGSM, eps = 0.1",
    "pgd40_0.3": "robust accuracy under PGD with 40 steps, eps = 0.3",
    "fgsm_0.05": "robust accuracy under FGSM, eps = 0.05",
    "pgd20_0.05": "robust accuracy under PGD with 20 steps, eps = 0.05",
    "distance": "first-order distance (largest change of a pixel) of the boundary from the median test image",
    "gained": "of the lead that its slope promised to a wrong class, what FGSM's step gained (eps = 0.05), median",
}


def attacked_run(cell: AttackedRun) -> dict[str, float]:
    """Train, and attack: MEASURED.

    Raises:
        ValueError: a network or a method that does not exist, or a length below 1.
    """
    check(cell)
    recipe = RECIPES[cell.network]
    net = recipe.network(seed=cell.seed)
    training.fit(
        net, *data.load_mnist("train", recipe.n, cell.seed), loss=METHODS[cell.method], epochs=cell.epochs,
        lr=recipe.lr, batch_size=recipe.batch_size, seed=cell.seed, show=False,
    )  # fmt: skip
    test = data.load_mnist("test", TESTED, cell.seed)
    victims = test[0][:VICTIMS], test[1][:VICTIMS]
    generator = torch.Generator().manual_seed(cell.seed)
    under = {
        "random_0.1": partial(random_sides, eps=0.1, generator=generator),
        "fgsm_0.1": partial(attacks.fgsm, eps=0.1),
        "pgd40_0.3": partial(attacks.pgd, eps=0.3, alpha=0.02, steps=40),
        "fgsm_0.05": partial(attacks.fgsm, eps=SMALL),
        "pgd20_0.05": partial(attacks.pgd, eps=SMALL, alpha=0.01, steps=20),
    }
    measured = {name: attacks.robust_accuracy(net, *victims, attack) for name, attack in under.items()}
    measured["test"] = metrics.accuracy(net, *test)
    measured["distance"] = metrics.margin_distances(net, victims[0], norm="inf").median().item()
    measured["gained"] = gained(net, *victims)
    return {name: round(measured[name], 5) for name in MEASURED}


def random_sides(model: nn.Module, images: Tensor, labels: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """An attack that asks nobody: each pixel moves by eps to a side drawn at random, as far as it stays in [0, 1]."""
    sides = torch.randn(images.shape, generator=generator).sign()
    return (images + eps * sides.to(images.device)).clamp(0, 1)


def gained(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Of the lead that the slope at the image promises to a wrong class: what FGSM's step gets, in the median.

    Near 1 the network is straight along the step; below 1 it bends away from what was promised.
    """
    moved = attacks.fgsm(net, images, labels, eps=SMALL)
    slope = metrics.input_gradient(
        net, images, lambda logits: attacks.margin_loss(logits, labels.to(logits.device)).sum()
    )
    promised = ((moved - images) * slope).flatten(1).sum(1)
    before, after = (attacks.margin_loss(metrics.outputs(net, seen), labels) for seen in (images, moved))
    return ((after - before) / promised).median().item()


ATTACKS = Experiment(
    name="attacks",
    about="The two small networks, trained by ERM and with mixup: how many test images stand under attack?",
    cell=AttackedRun,
    run=attacked_run,
    measured=MEASURED,
    check=check,
    grids=(
        {"network": ("mlp",), "method": ("erm", "mixup"), "epochs": (6, 20), "seed": range(5)},
        {"network": ("cnn",), "method": ("erm", "mixup"), "epochs": (3,), "seed": range(5)},
    ),
)
