"""How steep a model is: gradients in the pixels.

Gradients and slopes double when all logits are doubled, which changes no answer. Compare them at equal confidence
(`temperature`), or compare `margin_distances`, in which the size of the logits cancels out.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require
from course_utils.metrics.classification import check_images, check_logits, check_risk, keeping_mode


def _check_margins(model: nn.Module, images: Tensor, chunk: int) -> None:
    check_images(model, images)
    require.whole(chunk=chunk)
    require.tensors(images=(images, "float [N, …]"))


def _check_losses(model: nn.Module, images: Tensor, labels: Tensor, chunk: int) -> None:
    _check_margins(model, images, chunk)
    if not isinstance(labels, Tensor) or labels.dim() == 0 or len(labels) != len(images):
        raise ValueError(f"labels must be {len(images)}, one for each image, got {require.what(labels)}")


@require.checked(_check_losses)
def gradient_norms(model: nn.Module, images: Tensor, labels: Tensor, chunk: int = 512) -> Tensor:
    """How steep the loss is at each image: the Euclidean norm of its cross-entropy's gradient in the pixels.

    Args:
        model: from images to logits [N, K]; run in eval mode.
        images: [N, …] float32; they stay as they are.
        labels: [N] int64, or soft labels [N, K] float32.
        chunk: images per pass.

    Returns:
        [N] float32 on the CPU, at least 0. Also where the caller has switched gradients off.
    """

    def loss(part: slice, logits: Tensor) -> Tensor:
        told = labels[part].to(logits.device).clone()  # autograd keeps none that come from inference mode
        check_logits(logits)
        check_risk(logits, told)
        return F.cross_entropy(logits, told, reduction="sum")

    return _norms(model, images, loss, chunk)


@require.checked(_check_margins)
def margin_slopes(model: nn.Module, images: Tensor, chunk: int = 512) -> Tensor:
    """How steep the network itself is at each image, whatever its loss: the norm of its margin's gradient.

    The margin is the largest logit minus the second largest.

    Args:
        model, images, chunk: as in `gradient_norms`.

    Returns:
        [N] float32 on the CPU, at least 0.
    """
    return _norms(model, images, lambda _, logits: _margins(logits).sum(), chunk)


DUAL = {"2": 2, "inf": 1}  # for each norm of a change of the pixels, the norm of the gradient that belongs to it


@require.checked(_check_margins, lambda norm: require.one_of(DUAL, norm=norm))
def margin_distances(model: nn.Module, images: Tensor, norm: str = "2", chunk: int = 512) -> Tensor:
    """How far the boundary is from each image, to first order: the margin divided by its slope.

        distance = margin / ‖∇ margin‖*,   ‖·‖* the dual norm: ‖·‖₂ for "2", ‖·‖₁ for "inf"

    If the margin went on as steeply as it starts, no smaller change of the pixels would let the second answer catch
    up with the first. Twice the logits give the same distance. The labels are not asked: a wrong answer has a
    distance too. A far boundary to first order can be a near one in truth, where the slope vanishes.

    Args:
        model, images, chunk: as in `gradient_norms`.
        norm: how a change of the pixels is measured: "2", its Euclidean length, or "inf", its largest pixel, as in
            FGSM.

    Returns:
        [N] float32 on the CPU, at least 0: 0 where two answers tie, infinite where there is a margin but no slope.
    """
    seen = []

    def margins(_: slice, logits: Tensor) -> Tensor:
        seen.append(_margins(logits).detach().cpu())
        return _margins(logits).sum()

    slopes = _norms(model, images, margins, chunk, DUAL[norm])
    margin = torch.cat(seen)
    return torch.where(margin > 0, margin / slopes, 0)


def _margins(logits: Tensor) -> Tensor:
    """The largest logit minus the second largest, [N]."""
    check_logits(logits)
    first, second = logits.topk(2, dim=1).values.T
    return first - second


def _norms(
    model: nn.Module, images: Tensor, score: Callable[[slice, Tensor], Tensor], chunk: int, order: int = 2
) -> Tensor:
    """Norms of the gradients, in the images, of a score that adds up over them; it is told which images."""
    parts = [slice(start, start + chunk) for start in range(0, len(images), chunk)]
    gradients = (input_gradient(model, images[part], partial(score, part)) for part in parts)
    return torch.cat([gradient.flatten(1).norm(dim=1, p=order).cpu() for gradient in gradients])


def _check_score(model: nn.Module, images: Tensor, score: Callable[[Tensor], Tensor]) -> None:
    check_images(model, images)
    require.function(score=score)


@require.checked(_check_score)
def input_gradient(model: nn.Module, images: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradient, in the pixels, of something that is computed from the logits.

    Args:
        model: from images to logits [N, K]; run in eval mode. Its parameters' `.grad` stay as they are.
        images: [N, …] float32; they stay as they are.
        score: from logits [N, K] to one number, for instance the sum of the losses. Take a sum, and each image gets
            a gradient that does not depend on the others.

    Returns:
        shaped as `images`, on their device. Also where the caller has switched gradients off.
    """
    device = next(model.parameters(), images).device
    with keeping_mode(model), torch.inference_mode(False), torch.enable_grad():
        model.eval()
        given = images.detach().to(device).clone().requires_grad_()
        value = score(model(given))
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise ValueError(f"score must return one number, as a tensor, got {require.what(value)}")
        (gradient,) = torch.autograd.grad(value, given)
    return gradient.to(images.device)
