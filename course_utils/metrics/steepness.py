"""How steep a model is: gradients in the pixels."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.metrics.classification import keeping_mode


def gradient_norms(model: nn.Module, images: Tensor, labels: Tensor, chunk: int = 512) -> Tensor:
    """How steep the loss is at each image: the Euclidean norm of its cross-entropy's gradient in the pixels.

    Args:
        model: from images to logits [N, K]; run in eval mode.
        images: [N, …] float32; they stay as they are.
        labels: [N] int64, or soft labels [N, K] float32.
        chunk: images per pass.

    Returns:
        [N] float32 on the CPU, at least 0. Also where the caller has switched gradients off.

    Raises:
        ValueError: images and labels are not equally many.
    """
    if len(labels) != len(images):
        raise ValueError(f"labels must be {len(images)}, one for each image, got {list(labels.shape)}")

    def loss(logits: Tensor, part: slice) -> Tensor:
        return F.cross_entropy(logits, labels[part].to(logits.device), reduction="sum")

    return _norms(model, images, loss, chunk)


def margin_slopes(model: nn.Module, images: Tensor, chunk: int = 512) -> Tensor:
    """How steep the network itself is at each image, whatever its loss: the norm of its margin's gradient.

    The margin is the largest logit minus the second largest.

    Args:
        model, images, chunk: as in `gradient_norms`.

    Returns:
        [N] float32 on the CPU, at least 0.
    """

    def margins(logits: Tensor, part: slice) -> Tensor:
        first, second = logits.topk(2, dim=1).values.T
        return (first - second).sum()

    return _norms(model, images, margins, chunk)


def _norms(model: nn.Module, images: Tensor, score: Callable[[Tensor, slice], Tensor], chunk: int) -> Tensor:
    """Norms of the gradients, in the images, of a score that adds up over them; it is told which images."""
    parts = [slice(start, start + chunk) for start in range(0, len(images), chunk)]
    gradients = (input_gradient(model, images[part], lambda logits, p=part: score(logits, p)) for part in parts)
    return torch.cat([gradient.flatten(1).norm(dim=1).cpu() for gradient in gradients])


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
        (gradient,) = torch.autograd.grad(score(model(given)), given)
    return gradient.to(images.device)
