"""Adversarial attacks: find the small change of an image that raises a model's loss most.

An attack maximizes the loss over all perturbations of size at most eps whose result is still an image in [0, 1]
(Goodfellow et al., ICLR 2015; Madry et al., ICLR 2018). Sizes are in units of a pixel's range: eps = 0.3 lets each
pixel move by three tenths of the way from black to white.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require
from course_utils.metrics import answers, input_gradient, keeping_mode

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]  # from (model, images, labels) to adversarial images
ImageLoss = Callable[[Tensor, Tensor], Tensor]  # from (logits [N, K], labels [N]) to one number for each image [N]

CHUNK = 256  # images at a time: their activations stay in a CPU's cache
SLACK = 1e-6  # by so much float32 may leave the box


def _wherever(attack: Callable) -> Callable:
    """The attack on checked images, on the model's device and with gradients, whatever the caller has switched off."""

    @functools.wraps(attack)
    def attacked(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
        check_attack(images, labels, eps)
        device = next(model.parameters(), images).device
        with torch.inference_mode(False), torch.enable_grad():
            given = images.detach().to(device), labels.to(device).clone()
            return attack(model, *given, eps).to(images.device)

    return attacked


@_wherever
def fgsm(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """The fast gradient sign method: every pixel moves by eps to the side on which the loss grows.

        x' = clip(x + eps · sign(∇_x ℓ(f(x), y)), 0, 1)

    (Goodfellow et al., ICLR 2015, section 4.) If the loss were linear in x, nothing of this size would be worse.

    Args:
        model: from images to logits [N, K]. It runs in eval mode; its modes and its parameters' `.grad` stay.
        images: [N, …] float32 in [0, 1]. They stay as they are.
        labels: [N] int64 in 0…K − 1, the true classes.
        eps: at least 0, in units of a pixel's range.

    Returns:
        adversarial images in [0, 1], shaped as `images`. Also where the caller has switched gradients off.

    Raises:
        ValueError: arguments that do not fit; the message names the argument.
    """
    x = images.clone().requires_grad_()
    with keeping_mode(model):
        model.eval()
        # The sum, not the mean: an image's gradient does not depend on how many others are attacked with it.
        loss = F.cross_entropy(model(x), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return (images + eps * gradient.sign()).clamp(0, 1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each image, [N], from logits [N, K] and labels [N]."""
    return F.cross_entropy(logits, labels, reduction="none")


def margin_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The best wrong class's logit minus the label's: above 0 where the model is wrong.

        max_{k ≠ y} z_k − z_y

    (Carlini & Wagner, IEEE S&P 2017, their f6 without its bound.) Unlike the cross-entropy it has no softmax that
    could saturate: the gradient does not vanish where the model is sure.

    Args:
        logits: [N, K] float32, K at least 2.
        labels: [N] int64 in 0…K − 1.

    Returns:
        [N] float32.
    """
    own = F.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(own, -math.inf)
    return others.amax(dim=1) - logits[own]


@require.checked(lambda perturbation, eps, norm="inf": check_norm(norm))
def project(perturbation: Tensor, eps: float, norm: str = "inf") -> Tensor:
    """The nearest perturbation of size at most eps.

    Args:
        perturbation: [N, …] float32.
        eps: at least 0.
        norm: "inf", the largest change of any pixel; or "2", the Euclidean length of each image's change.

    Returns:
        shaped as `perturbation`; what is small enough stays as it is.

    Raises:
        ValueError: an unknown norm.
    """
    if norm == "inf":
        return perturbation.clamp(-eps, eps)
    length = perturbation.flatten(1).norm(dim=1).view(-1, *[1] * (perturbation.dim() - 1))
    return torch.where(length > eps, perturbation * (eps / length), perturbation)


def steepest(gradient: Tensor, norm: str = "inf") -> Tensor:
    """The direction of size 1 in which the loss grows fastest, for each image: [N, …] as `gradient`.

    Its sign in every pixel for "inf"; the gradient at Euclidean length 1 for "2", however small it is: where a model
    is sure its loss has a gradient of 1e-20, and still a direction. Where there is no slope at all, 0.

    Raises:
        ValueError: an unknown norm.
    """
    check_norm(norm)
    if norm == "inf":
        return gradient.sign()
    # By its largest number first: squares of less than 1e-19 would be 0 in float32, and so would the length.
    largest = gradient.flatten(1).abs().amax(dim=1).view(-1, *[1] * (gradient.dim() - 1))
    scaled = gradient / torch.where(largest > 0, largest, 1)
    return scaled / torch.where(largest > 0, lengths(scaled), 1)


def lengths(perturbation: Tensor) -> Tensor:
    """Each image's Euclidean length, [N, 1, …], so that [N, …] can be divided by it."""
    return perturbation.flatten(1).norm(dim=1).view(-1, *[1] * (perturbation.dim() - 1))


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
    """One step of projected gradient descent: uphill, back into the ball, back into the box.

    (Madry et al., ICLR 2018, section 2.1; ball and box in the order of foolbox and torchattacks.) The way back into
    [0, 1] moves the perturbation. A clamp between the perturbation and the model would have no gradient at pixels
    that lie outside, and those would never move again.

    Args:
        perturbation: [N, …], where the attack stands; of size at most eps, `images + perturbation` in [0, 1].
        model, images, labels, eps, alpha, norm, loss: as in `pgd`, which checks them.

    Returns:
        the next perturbation, shaped as `images`; of size at most eps, `images + perturbation` in [0, 1].

    Raises:
        ValueError: an unknown norm.
    """
    gradient = input_gradient(model, images + perturbation, lambda logits: loss(logits, labels).sum())
    moved = project(perturbation + alpha * steepest(gradient, norm), eps, norm)
    return (images + moved).clamp(0, 1) - images


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

    (Madry et al., ICLR 2018, section 2.1. Without a random start it is the basic iterative method of Kurakin et al.,
    ICLR workshop 2017.)

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

    Raises:
        ValueError: arguments that do not fit; the message names the argument.
    """
    check_attack(images, labels, eps)
    check_steps(alpha, steps, norm, random_start, restarts)
    if targets is None:
        aim, sign = labels, 1
    else:  # downhill in the loss of the target
        check_one_each(images, targets, "targets")
        aim, sign = targets, -1
    images, aim = images.detach(), aim.to(images.device)
    found, still = images.clone(), torch.arange(len(images), device=images.device)

    def climbed(logits: Tensor, wanted: Tensor) -> Tensor:
        # Autograd wants labels of its own where the caller has switched it off.
        return sign * loss(logits, wanted.to(logits.device).clone())

    for attempt in range(restarts):
        if attempt:
            said = answers(model, found[still]).to(images.device)
            still = still[(said == aim[still]) == (targets is None)]
        if len(still) == 0:
            break
        start = random_perturbation(images, eps, norm, generator) if random_start else torch.zeros_like(images)
        for part in still.split(CHUNK):
            x, perturbation = images[part], start[part]
            for _ in range(steps):
                perturbation = pgd_step(model, x, aim[part], perturbation, eps, alpha, norm, climbed)
            found[part] = (x + perturbation).clamp(0, 1)
    return found


def random_perturbation(images: Tensor, eps: float, norm: str, generator: torch.Generator) -> Tensor:
    """Perturbations drawn uniformly from the ball of size eps around each image, then put back into the box.

    Args:
        images: [N, …] float32 in [0, 1].
        eps: the size of the ball, at least 0.
        norm: "inf" or "2".
        generator: where the randomness comes from, on the CPU.

    Returns:
        shaped as `images`, on their device; `images` plus this lies in [0, 1].

    Raises:
        ValueError: an unknown norm, or no generator.
    """
    check_norm(norm)
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, where random starts come from; got {generator!r}")
    if norm == "inf":
        drawn = eps * (2 * torch.rand(images.shape, generator=generator) - 1)
    else:  # a direction, and a length for which equal volumes are equally likely
        drawn = steepest(torch.randn(images.shape, generator=generator), norm)
        radius = torch.rand(len(images), generator=generator) ** (1 / images[0].numel())
        drawn = eps * radius.view(-1, *[1] * (images.dim() - 1)) * drawn
    return (images + drawn.to(images.device)).clamp(0, 1) - images


def robust_accuracy(model: nn.Module, images: Tensor, labels: Tensor, attack: Attack) -> float:
    """The share of images that get their label, and still do after the attack.

    An image that is misclassified as it is counts as lost, and is not attacked: it is in its own ball.
    An attack that holds a generator draws on from call to call.

    Args:
        model: from images to logits [N, K].
        images: [N, …] float32 in [0, 1].
        labels: [N] int64 in 0…K − 1.
        attack: from (model, images, labels) to adversarial images, for instance
            `functools.partial(fgsm, eps=0.1)`. It may attack another model: then it is a transfer attack.

    Returns:
        a float in [0, 1], at most the accuracy.

    Raises:
        ValueError: arguments that do not fit, or an attack that returns no images in [0, 1]; the message names it.
    """
    check_attack(images, labels, eps=0)
    labels = labels.to(images.device)
    right = (answers(model, images).to(images.device) == labels).nonzero().squeeze(1)
    held = 0
    for part in right.split(CHUNK) if len(right) else ():
        attacked = attack(model, images[part], labels[part])
        if not isinstance(attacked, Tensor) or attacked.shape != images[part].shape:
            found = list(attacked.shape) if isinstance(attacked, Tensor) else type(attacked).__name__
            raise ValueError(f"attack must return images {list(images[part].shape)}, got {found}")
        check_box(attacked, "attack must return images in [0, 1]")
        held += (answers(model, attacked) == labels[part].cpu()).sum().item()
    return held / len(images)


def check_attack(images: Tensor, labels: Tensor, eps: float) -> None:
    """Raise a ValueError that names the argument that does not fit; shapes and ranges as in `fgsm`."""
    if not isinstance(images, Tensor) or not images.is_floating_point() or len(images) == 0:
        found = f"{images.dtype} {list(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be floating point [N, …], at least one; got {found}")
    check_box(images, "images must lie in [0, 1] (normalisation belongs into the model)")
    check_one_each(images, labels, "labels")
    if not 0 <= eps < math.inf:
        raise ValueError(f"eps must be finite and at least 0, got {eps}")


def check_box(images: Tensor, demand: str) -> None:
    """Raise a ValueError with `demand` in it unless all pixels lie in [0, 1], up to rounding."""
    low, high = images.aminmax()
    if not (low >= -SLACK and high <= 1 + SLACK):
        raise ValueError(f"{demand}, got values from {low:g} to {high:g}")


def check_one_each(images: Tensor, labels: Tensor, name: str) -> None:
    """Raise a ValueError unless `labels`, called `name`, holds one class for each image."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != (len(images),):
        found = f"{labels.dtype} {list(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(f"{name} must be int64 [{len(images)}], one for each image, got {found}")
    if labels.min() < 0:
        raise ValueError(f"{name} must be classes, at least 0, got {labels.min()}")


def check_norm(norm: str) -> None:
    """Raise a ValueError unless `norm` is known."""
    if norm not in ("inf", "2"):
        raise ValueError(f'norm must be "inf" or "2", got {norm!r}')


def check_steps(alpha: float, steps: int, norm: str, random_start: bool, restarts: int) -> None:
    """Raise a ValueError that names the argument that does not fit; ranges as in `pgd`."""
    check_norm(norm)
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be finite and positive, got {alpha}")
    for name, value in {"steps": steps, "restarts": restarts}.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")
    if restarts > 1 and not random_start:
        raise ValueError(f"restarts must be 1 without random_start, or all are the same; got {restarts}")
