"""Attacks, against torchattacks and foolbox. All start at the images and must end at the same pictures."""

from collections.abc import Iterator

import foolbox
import numpy as np
import torch
import torchattacks
from torch import Tensor

from benchmarks.measure import Row, Work, in_turn, must_agree
from course_utils import attacks, data, models

LIBRARIES = ("torchattacks", "foolbox")


def network() -> torch.nn.Module:
    """Drawn and not trained: the speed is the same, and no gradient vanishes."""
    return models.small_cnn().eval()


def agree(attack: dict[str, Work]) -> None:
    """The libraries' pictures must be the course's."""
    for library in LIBRARIES:
        must_agree(attack[library](), attack["course"](), by=1e-5)


def ratios(turns: int, calls: int, attack: dict[str, Work]) -> dict[str, np.ndarray]:
    """Each library's seconds ÷ the course's."""
    took = in_turn(turns, **{name: lambda work=work: [work() for _ in range(calls)] for name, work in attack.items()})
    return {library: getattr(took, library) / took.course for library in LIBRARIES}


def fgsm(n: int = 256, turns: int = 15, calls: int = 10) -> Iterator[Row]:
    """One batch, one step."""
    net, (images, labels) = network(), data.load_mnist(n=n)
    wrapped = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    attack = {
        "course": lambda: attacks.fgsm(net, images, labels, eps=0.1),
        "torchattacks": lambda: torchattacks.FGSM(net, eps=0.1)(images, labels),
        "foolbox": lambda: foolbox.attacks.LinfFastGradientAttack()(wrapped, images, labels, epsilons=0.1)[1],
    }
    agree(attack)
    for library, ratio in ratios(turns, calls, attack).items():
        yield Row(f"FGSM on 256 images: {library} ÷ the course's `fgsm`", ratio, "≥ 1")


def pgd_with(steps: int, images: Tensor, labels: Tensor) -> dict[str, Work]:
    """PGD on images given all at once."""
    net = network()
    wrapped = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    size = {"steps": steps, "random_start": False}
    theirs = torchattacks.PGD(net, eps=0.3, alpha=0.02, **size), foolbox.attacks.LinfPGD(abs_stepsize=0.02, **size)
    return {
        "course": lambda: attacks.pgd(net, images, labels, eps=0.3, alpha=0.02, steps=steps),
        "torchattacks": lambda: theirs[0](images, labels),
        "foolbox": lambda: theirs[1](wrapped, images, labels, epsilons=0.3)[1],
    }


def pgd(n: int = 256, steps: int = 40, turns: int = 9) -> Iterator[Row]:
    """One batch: the same work in the same pieces."""
    given = data.load_mnist(n=n)
    # After 40 steps one image of the 256 has gone another way: a rounding at a ReLU's kink turns a sign.
    agree(pgd_with(5, *given))
    for library, ratio in ratios(turns, 1, pgd_with(steps, *given)).items():
        yield Row(f"PGD, 40 steps on 256 images: {library} ÷ the course's `pgd`", ratio, "≥ 1")


def pgd_on_many(n: int = 2_048, steps: int = 10, turns: int = 5) -> Iterator[Row]:
    """Many images in one call: `pgd` takes 256 at a time, the libraries take all of them."""
    given = data.load_mnist(n=n)
    agree(pgd_with(1, *given))
    for library, ratio in ratios(turns, 1, pgd_with(steps, *given)).items():
        yield Row(f"PGD, 10 steps on 2,048 images in one call: {library} ÷ the course's `pgd`", ratio, "≥ 1")


BENCHMARKS = (fgsm, pgd, pgd_on_many)
