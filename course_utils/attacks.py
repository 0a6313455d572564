"""Adversarial attacks: find the small change of an image that raises a model's loss most.

An attack maximizes the loss over all perturbations of size at most eps whose result is still an image in [0, 1]
(Goodfellow et al., ICLR 2015; Madry et al., ICLR 2018). Sizes are in units of a pixel's range: eps = 0.3 lets each
pixel move by three tenths of the way from black to white.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require
from course_utils.metrics import answers, input_gradient, keeping_mode, outputs
from course_utils.metrics.classification import check_logits

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]  # from (model, images, labels) to adversarial images
ImageLoss = Callable[[Tensor, Tensor], Tensor]  # from (logits [N, K], labels [N]) to one number for each image [N]
Function = TypeVar("Function", bound=Callable)

NORMS = ("inf", "2")
CHUNK = 256  # images at a time: their activations stay in a CPU's cache


def _wherever(attack: Function) -> Function:
    """The attack on the model's device and with gradients, whatever the caller has switched off."""

    @functools.wraps(attack)
    def attacked(model: nn.Module, images: Tensor, labels: Tensor, *given: Any, **named: Any) -> Tensor:
        device = next(model.parameters(), images).device
        with torch.inference_mode(False), torch.enable_grad():
            # A copy, because autograd keeps the labels, and may keep none that come from inference mode.
            there = images.detach().to(device), labels.to(device).clone()
            return attack(model, *there, *given, **named).to(images.device)

    return cast(Function, attacked)


def _check_attack(
    model: nn.Module, images: Tensor, labels: Tensor, eps: float = 0, targets: Tensor | None = None
) -> None:
    require.network(model)
    wanted = labels if targets is None else targets
    require.tensors(images=(images, "float [N, …]"), labels=(labels, "int64 [N]"), targets=(wanted, "int64 [N]"))
    require.box(images=images)
    require.at_least(0, eps=eps)
    # F.cross_entropy overlooks the label −100, and on a GPU a label that is too large ends the process.
    check_logits(logits := outputs(model, images[:1]))
    classes = logits.shape[1]
    require.labels(labels, classes=classes)
    require.labels(wanted, classes=classes, name="targets")


@require.checked(_check_attack)
@_wherever
def fgsm(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """The fast gradient sign method: every pixel moves by eps to the side on which the loss grows.

        x' = clip(x + eps · sign(∇_x ℓ(f(x), y)), 0, 1)

    (Goodfellow et al., ICLR 2015, section 4.) If the loss were linear in x, nothing of this size would be worse.

    Args:
        model: from images to logits [N, K]. It runs in eval mode; its modes and its parameters' `.grad` stay.
        images: [N, …] floating point in [0, 1]. They stay as they are.
        labels: [N] int64 in 0…K − 1, the true classes.
        eps: at least 0, in units of a pixel's range.

    Returns:
        adversarial images in [0, 1], shaped as `images`. Also where the caller has switched gradients off.
    """
    x = images.clone().requires_grad_()
    with keeping_mode(model):
        model.eval()
        # The sum, not the mean: an image's gradient does not depend on how many others are attacked with it.
        loss = F.cross_entropy(model(x), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return (images + eps * gradient.sign()).clamp(0, 1)


def _check_logits(logits: Tensor, labels: Tensor) -> None:
    require.tensors(logits=(logits, "float [N, K]"), labels=(labels, "int64 [N]"))
    if labels.device.type == "cpu":  # a look at numbers on a GPU is a wait for it, and `pgd` comes by at every step
        require.labels(labels, classes=logits.shape[1])


@require.checked(_check_logits)
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each image, [N], from logits [N, K] and labels [N]."""
    return F.cross_entropy(logits, labels, reduction="none")


def _check_margin(logits: Tensor, labels: Tensor) -> None:
    _check_logits(logits, labels)
    if logits.shape[1] < 2:
        raise ValueError(f"logits must be [N, K] with K at least 2, got {require.what(logits)}")


@require.checked(_check_margin)
def margin_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The best wrong class's logit minus the label's: above 0 where the model is wrong.

        max_{k ≠ y} z_k − z_y

    (Carlini & Wagner, IEEE S&P 2017, their f6 without its bound.) Unlike the cross-entropy it has no softmax that
    could saturate: the gradient does not vanish where the model is sure.

    Args:
        logits: [N, K] floating point, K at least 2.
        labels: [N] int64 in 0…K − 1.

    Returns:
        [N], in the precision of the logits.
    """
    own = F.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(own, -math.inf)
    return others.amax(dim=1) - logits[own]


def _check_project(perturbation: Tensor, eps: float, norm: str) -> None:
    require.tensors(perturbation=(perturbation, "float [N, D, …]"))
    require.finite(perturbation=perturbation)
    require.at_least(0, eps=eps)
    require.one_of(NORMS, norm=norm)


@require.checked(_check_project)
def project(perturbation: Tensor, eps: float, norm: str = "inf") -> Tensor:
    """The nearest perturbation of size at most eps.

    Args:
        perturbation: [N, D, …] floating point, finite.
        eps: at least 0.
        norm: "inf", the largest change of any pixel; or "2", the Euclidean length of each image's change.

    Returns:
        shaped as `perturbation`; what is small enough stays as it is.
    """
    if norm == "inf":
        return perturbation.clamp(-eps, eps)
    length = perturbation.flatten(1).norm(dim=1).view(-1, *[1] * (perturbation.dim() - 1))
    return torch.where(length > eps, perturbation * (eps / length), perturbation)


def _check_steepest(gradient: Tensor, norm: str) -> None:
    require.tensors(gradient=(gradient, "float [N, D, …]"))
    require.finite(gradient=gradient)  # the sign of NaN is 0: an attack would stand still, and find nothing
    require.one_of(NORMS, norm=norm)


@require.checked(_check_steepest)
def steepest(gradient: Tensor, norm: str = "inf") -> Tensor:
    """The direction of size 1 in which the loss grows fastest, for each image: [N, D, …] as `gradient`.

    Its sign in every pixel for "inf"; the gradient at Euclidean length 1 for "2", however small it is: where a model
    is sure its loss has a gradient of 1e-20, and still a direction. Where there is no slope at all, 0.
    """
    if norm == "inf":
        return gradient.sign()
    # By its largest number first: squares of less than 1e-19 would be 0 in float32, and so would the length.
    largest = gradient.flatten(1).abs().amax(dim=1).view(-1, *[1] * (gradient.dim() - 1))
    scaled = gradient / torch.where(largest > 0, largest, 1)
    return scaled / torch.where(largest > 0, lengths(scaled), 1)


@require.checked(lambda perturbation: require.tensors(perturbation=(perturbation, "float [N, D, …]")))
def lengths(perturbation: Tensor) -> Tensor:
    """Each image's Euclidean length, [N, 1, …], so that [N, D, …] can be divided by it."""
    return perturbation.flatten(1).norm(dim=1).view(-1, *[1] * (perturbation.dim() - 1))


def _check_climb(alpha: float, norm: str, loss: ImageLoss) -> None:
    require.above(0, alpha=alpha)
    require.one_of(NORMS, norm=norm)
    require.function(loss=loss)


def _check_perturbation(images: Tensor, perturbation: Tensor) -> None:
    require.tensors(images=(images, "float [N, …]"), perturbation=(perturbation, "float [N, …]"))
    if perturbation.shape != images.shape:
        found = require.what(perturbation)
        raise ValueError(f"perturbation must be {list(images.shape)}, a number for each pixel, got {found}")
    require.finite(perturbation=perturbation)


@require.checked(_check_attack, _check_perturbation, _check_climb)
def pgd_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    perturbation: Tensor,
    eps: float,
    alpha: float,
    norm: str = "inf",
    loss: ImageLoss = cross_entropy,
) -> Tensor:
    """One step of `pgd` alone, as chapter 04 asks for it: uphill, back into the ball, back into the box.

    The way back into [0, 1] moves the perturbation. A clamp between the perturbation and the model would have no
    gradient at pixels that lie outside, and those would never move again.

    Args:
        perturbation: [N, …], where the attack stands; of size at most eps, `images + perturbation` in [0, 1].
        model, images, labels, eps, alpha, norm, loss: as in `pgd`.

    Returns:
        the next perturbation, shaped as `images`; of size at most eps, `images + perturbation` in [0, 1].
    """
    gradient = input_gradient(model, images + perturbation, lambda logits: loss(logits, labels).sum())
    moved = project(perturbation + alpha * steepest(gradient, norm), eps, norm)
    return (images + moved).clamp(0, 1) - images


def _check_starts(steps: int, random_start: bool, restarts: int, generator: torch.Generator | None) -> None:
    require.whole(steps=steps, restarts=restarts)
    if random_start:
        require.generator(generator)
    elif restarts > 1:
        raise ValueError(f"restarts must be 1 without random_start, or all are the same, got {restarts}")


@require.checked(_check_attack, _check_climb, _check_starts)
@_wherever
def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    eps: float,
    alpha: float,
    steps: int,
    norm: str = "inf",
    random_start: bool = False,
    restarts: int = 1,
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    loss: ImageLoss = cross_entropy,
) -> Tensor:
    """Projected gradient descent on −loss: many small steps, each back inside what is allowed.

        δ ← back into the box: back into the ball: δ + alpha · direction of ∇_δ ℓ(f(x + δ), y)

    (Madry et al., ICLR 2018, section 2.1; ball and box in the order of foolbox and torchattacks. Without a random
    start it is the basic iterative method of Kurakin et al., ICLR workshop 2017.)

    Args:
        model, images, labels: as in `fgsm`.
        eps: how large a perturbation may be, at least 0: in any pixel ("inf"), or in Euclidean length ("2").
        alpha: the size of a step, above 0, in the same unit.
        steps: how many, at least 1.
        norm: "inf" or "2".
        random_start: begin anywhere in the ball, and not at the image itself.
        restarts: how many starts, at least 1. From the second on, only images that have not fooled the model yet are
            attacked again.
        generator: where the starts come from; on the CPU, so that one seed gives one start on every machine.
        targets: [N] int64, the class that each image shall get; `None` for any class but its label.
        loss: what to climb, from (logits, labels) to one number for each image.

    Returns:
        adversarial images in [0, 1], shaped as `images`: where each attack ended, not the best point on its way; for
        an image that no start fooled, where the last one ended. Also where the caller has switched gradients off.
    """
    # Away from the label, or towards the target: down in its loss.
    aim, sign = (labels, 1) if targets is None else (targets.to(labels.device), -1)

    def climb(x: Tensor, y: Tensor, delta: Tensor) -> Tensor:
        for _ in range(steps):
            moved = (x + delta).requires_grad_()
            (gradient,) = torch.autograd.grad(sign * loss(model(moved), y).sum(), moved)
            delta = delta + alpha * steepest(gradient, norm)  # uphill
            delta = project(delta, eps, norm)  # back into the ball
            delta = (x + delta).clamp(0, 1) - x  # back into the box
        return (x + delta).clamp(0, 1)

    found, left = images.clone(), torch.arange(len(images), device=images.device)
    with keeping_mode(model):
        model.eval()
        for attempt in range(restarts):
            if attempt:  # again where the model is not fooled
                hit = answers(model, found[left]).to(aim.device) == aim[left]
                left = left[hit if targets is None else ~hit]
            if len(left) == 0:
                break
            start = random_perturbation(images, eps, norm, generator) if random_start else torch.zeros_like(images)
            for part in left.split(CHUNK):
                found[part] = climb(images[part], aim[part], start[part])
    return found


def _check_random(images: Tensor, eps: float, norm: str, generator: torch.Generator | None) -> None:
    require.tensors(images=(images, "float [N, D, …]"))
    require.box(images=images)
    require.at_least(0, eps=eps)
    require.one_of(NORMS, norm=norm)
    require.generator(generator)


@require.checked(_check_random)
def random_perturbation(images: Tensor, eps: float, norm: str, generator: torch.Generator | None) -> Tensor:
    """Perturbations drawn uniformly from the ball of size eps around each image, then put back into the box.

    Args:
        images: [N, D, …] floating point in [0, 1].
        eps: the size of the ball, at least 0.
        norm: "inf" or "2".
        generator: where the randomness comes from, on the CPU.

    Returns:
        shaped as `images`, on their device; `images` plus this lies in [0, 1].
    """
    if norm == "inf":
        drawn = eps * (2 * torch.rand(images.shape, generator=generator) - 1)
    else:  # a direction, and a length for which equal volumes are equally likely
        drawn = steepest(torch.randn(images.shape, generator=generator), norm)
        radius = torch.rand(len(images), generator=generator) ** (1 / images[0].numel())
        drawn = eps * radius.view(-1, *[1] * (images.dim() - 1)) * drawn
    return (images + drawn.to(images)).clamp(0, 1) - images


@require.checked(_check_attack, lambda attack: require.function(attack=attack))
def robust_accuracy(model: nn.Module, images: Tensor, labels: Tensor, attack: Attack) -> float:
    """The share of images that get their label, and still do after the attack.

    An image that is misclassified as it is counts as lost, and is not attacked: it is in its own ball.
    An attack that holds a generator draws on from call to call.

    Args:
        model, images, labels: as in `fgsm`.
        attack: from (model, images, labels) to adversarial images, for instance
            `functools.partial(fgsm, eps=0.1)`. It may attack another model: then it is a transfer attack.

    Returns:
        a float in [0, 1], at most the accuracy.
    """
    right = (answers(model, images).to(labels.device) == labels).nonzero().squeeze(1)
    held = 0
    for part in right.split(CHUNK) if len(right) else ():
        attacked = attack(model, images[part], labels[part])
        _check_attacked(attacked, images[part])
        held += int((answers(model, attacked) == labels[part].cpu()).sum())
    return held / len(images)


def _check_attacked(attacked: Tensor, images: Tensor) -> None:
    if not isinstance(attacked, Tensor) or attacked.shape != images.shape:
        raise ValueError(f"attack must return images {list(images.shape)}, got {require.what(attacked)}")
    low, high = (float(end) for end in attacked.detach().aminmax())
    if not (low >= -require.SLACK and high <= 1 + require.SLACK):
        raise ValueError(f"attack must return images in [0, 1], got values from {low:g} to {high:g}")
