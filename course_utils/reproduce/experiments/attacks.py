"""Claims 4 and 5: how chapter 04's networks stand under attack, trained by ERM or with mixup."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import attacks, data, metrics, mixup, models, require, training
from course_utils.claims import Claim, Difference, Evidence
from course_utils.reproduce.experiment import Experiment, Grid, among, values
from course_utils.reproduce.experiments.discriminator import GRADIENT_NEEDS, gradient_evidence
from course_utils.reproduce.row import Published, Row

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
    require.whole(epochs=cell.epochs)


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

    def lead(logits: Tensor) -> Tensor:
        return attacks.margin_loss(logits, labels.to(logits.device))

    moved = attacks.fgsm(net, images, labels, eps=SMALL)
    slope = metrics.input_gradient(net, images, lambda logits: lead(logits).sum())
    promised = ((moved - images) * slope).flatten(1).sum(1)
    before, after = (lead(metrics.outputs(net, seen)) for seen in (images, moved))
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

FRAGILE: Grid = {"network": ("cnn",), "method": ("erm",), "epochs": (3,)}
ROBUST: Grid = {"network": ("mlp",), "method": ("erm", "mixup"), "epochs": (6, 20)}


def judge_fragile(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 4: what a small change does to ERM's answers, the worst one and a random one."""

    def stand(measure: str) -> pd.Series:
        return 100 * values(frames["attacks"], measure, network="cnn", method="erm", epochs=3)

    return Claim(
        "Claim 4",
        "A small malicious perturbation changes ERM's prediction. A random one of the same size does not.",
        [
            Evidence("robust accuracy, FGSM, eps = 0.1", stand("fgsm_0.1"), below=90, margin=2),
            Evidence("robust accuracy, PGD-40, eps = 0.3", stand("pgd40_0.3"), below=5, margin=3),
            Evidence("test accuracy without attack", stand("test"), above=95, margin=1),
        ],
        limits=f"one small convolutional network on digits, three epochs; all pixels may move; {VICTIMS} test images "
        "under attack. After twelve epochs, tried once, FGSM leaves about as many, PGD-40 a few in a hundred.",
        of=4,
        controls=[Evidence("random sides, eps = 0.1", stand("random_0.1"), below=90, margin=2)],
    )


def judge_robust(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 5: whether mixup's networks stand better under attack than ERM's, and whether gradients are the reason."""

    def ahead(measure: str, what: str, epochs: int = 20) -> Difference:
        by_mixup, by_erm = (
            100 * values(frames["attacks"], measure, network="mlp", method=method, epochs=epochs)
            for method in ("mixup", "erm")
        )
        return Difference(f"{what}: mixup − ERM", by_mixup - by_erm, above=0, margin=1)

    loss, discriminator, loss_as_trained, discriminator_as_trained = gradient_evidence(frames)
    return Claim(
        "Claim 5",
        "Mixup makes gradients smaller, of the loss and of the discriminator, and networks robust. What survives: as "
        "trained both gradients are smaller, and against a single step the fully connected network stands better.",
        [ahead("pgd20_0.05", "PGD-20, eps = 0.05"), ahead("fgsm_0.05", "FGSM, eps = 0.05"), loss, discriminator],
        limits=f"{VICTIMS} images under attack; alpha = 1, 20 epochs: chosen after trials; after 60, tried once, "
        "mixup is far behind under PGD, and level under FGSM. In the convolutional network of chapter 04 it is behind "
        "under both. The loss's gradient is that of 1,000 training images; with 5,000 and 50,000 it stays smaller at "
        "equal confidence. Where the usual generator has collapsed, its d's logits spread (the dots near 0).",
        of=5,
        controls=[ahead("pgd20_0.05", "PGD-20, after 6 epochs", 6), loss_as_trained, discriminator_as_trained],
    )


CLAIM_4 = Row(
    number=4,
    short="A small worst-case change flips the answer",
    chapter="04_adversarial",
    needs={"attacks": FRAGILE},
    judge=judge_fragile,
    moral="The worst of all small changes flips an answer. A random one of the same size does not.",
    published=(
        Published(
            "error under FGSM on MNIST, eps = 0.25, a linear softmax classifier", "99.9 %", "goodfellow2015explaining"
        ),
        Published("the same, a maxout network", "89.4 %", "goodfellow2015explaining"),
    ),
)

CLAIM_5 = Row(
    number=5,
    short="Mixup: small gradients, hence robust",
    chapter="04_adversarial",
    needs={"attacks": ROBUST} | GRADIENT_NEEDS,
    judge=judge_robust,
    moral="A smaller gradient may be less confidence; a gain early, or under one step, is no robustness.",
    published=(
        Published(
            "top-1 error on ImageNet, eps = 4/255, FGSM, ERM → mixup (arXiv v1)", "90.7 → 75.2 %", "zhang2018mixup"
        ),
        Published("the same, ten steps of FGSM", "99.9 → 99.6 %", "zhang2018mixup"),
    ),
)
