"""What an answer owes to a part of the image: by experiment, where there is one, and by attribution.

All in log-odds: unlike a probability they do not saturate, and unlike a logit they mean something alone.
"""

import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.metrics.classification import answers, check_images, check_logits, keeping_mode, outputs


def _check_target(logits: Tensor, target: int) -> None:
    require.tensors(may_be_empty=True, logits=(logits, "float [N, K]"))
    if logits.shape[1] < 2:
        raise ValueError(f"logits must be [N, K] with K at least 2, got {require.what(logits)}")
    require.whole(0, logits.shape[1] - 1, target=target)


@require.checked(_check_target)
def log_odds(logits: Tensor, target: int) -> Tensor:
    """How much more a model believes in a class than in all others together: log p / (1 − p), p = softmax(logits).

    Args:
        logits: [N, K] floating point, K at least 2.
        target: the class, in 0…K − 1.

    Returns:
        [N], as a tensor that you can differentiate: z_target − log Σ_others exp z.
    """
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return logits[:, target] - others.logsumexp(dim=1)


def _check_class(model: nn.Module, images: Tensor, target: int) -> None:
    """Only the model can tell whether there is such a class. Unasked, the share of class 99 would be 0."""
    logits = outputs(model, images[:1])
    check_logits(logits)
    _check_target(logits, target)


def _check_pairs(model: nn.Module, one: Tensor, other: Tensor, target: int, names: tuple[str, str]) -> None:
    """The same images with and without an object, and a class that the model has."""
    check_images(model, one, names[0])
    check_images(model, other, names[1])
    if one.shape != other.shape or len(one) == 0:
        found = f"{list(one.shape)} and {list(other.shape)}"
        raise ValueError(f"{' and '.join(names)} must be the same images with and without the object, got {found}")
    _check_class(model, one, target)


def _check_alone(model: nn.Module, alone: Tensor, empty: Tensor, target: int) -> None:
    _check_pairs(model, alone, empty, target, ("alone", "empty"))


def _check_effects(model: nn.Module, with_object: Tensor, without: Tensor, target: int) -> None:
    _check_pairs(model, with_object, without, target, ("with_object", "without"))


@require.checked(_check_alone)
def alone_minus_empty(model: nn.Module, alone: Tensor, empty: Tensor, target: int) -> float:
    """Does an object alone call up a class? The share of images that get this answer, minus that without the object.

    The subtraction is the control: a model must answer something, and an empty image may already be called `target`.

    Args:
        model: from images to logits [N, K]; it runs in eval mode, and stays as it is.
        alone: [N, …] float32, the object alone, N at least 1.
        empty: [N, …] float32, the same images without the object.
        target: the class.

    Returns:
        a float in [−1, 1].
    """
    called = answers(model, alone) == target
    called_anyway = answers(model, empty) == target
    return (called.float().mean() - called_anyway.float().mean()).item()


@require.checked(_check_effects)
def effects(model: nn.Module, with_object: Tensor, without: Tensor, target: int) -> Tensor:
    """What an object does to the log-odds of a class, image by image: the truth against which an attribution is held.

    Args:
        model: from images to logits [N, K]; it runs in eval mode.
        with_object, without: [N, …] float32, the same images with and without the object, N at least 1.
        target: the class.

    Returns:
        [N] float32 on the CPU: log-odds with minus without.
    """
    first, second = (log_odds(outputs(model, images), target) for images in (with_object, without))
    return first - second


def _check_way(model: nn.Module, images: Tensor, target: int, baseline: Tensor, steps: int) -> None:
    check_images(model, images)
    require.tensors(images=(images, "float [N, C, H, W]"))
    if not isinstance(baseline, Tensor) or baseline.shape != images.shape[1:2] or not baseline.is_floating_point():
        raise ValueError(f"baseline must be float [C] with C = {images.shape[1]}, got {require.what(baseline)}")
    require.whole(steps=steps)
    _check_class(model, images, target)


@require.checked(_check_way)
def attributions(model: nn.Module, images: Tensor, target: int, baseline: Tensor, steps: int = 20) -> Tensor:
    """Integrated gradients (Sundararajan et al., ICML 2017) of a class's log-odds, by captum.

    The way from an image of one colour to the image is walked in small steps, and each pixel gets its part of the
    climb: the parts add up to log-odds(image) − log-odds(baseline), up to the size of the steps. So they tell what
    the pixels do against that colour, not against what stands behind an object: for that, see `effects`.

    Args:
        model: from images to logits [N, K]; it runs in eval mode. Its parameters' `.grad` stay as they are.
        images: [N, C, H, W] float32; they stay as they are.
        target: the class.
        baseline: [C] float32, the colour where the way begins.
        steps: on the way, at least 1.

    Returns:
        [N, C, H, W] float32 on the CPU, of any sign.
    """
    # Imported here: captum brings matplotlib along, and only those who attribute should wait for it.
    from captum.attr import IntegratedGradients

    device = next(model.parameters(), images).device
    method = IntegratedGradients(lambda given: log_odds(model(given), target))
    start, parts = baseline.to(device).view(1, -1, 1, 1), []
    with keeping_mode(model), torch.inference_mode(False), torch.enable_grad():
        model.eval()
        for part in images.split(32):
            given = part.detach().to(device).clone().requires_grad_()
            found = method.attribute(given, start.expand_as(given), n_steps=steps, internal_batch_size=128)
            parts.append(found.detach().float().cpu())
    return torch.cat(parts)


def _check_signed(attributions: Tensor, masks: Tensor) -> None:
    require.tensors(attributions=(attributions, "float [N, C, H, W]"), masks=(masks, "bool [N, H, W]"))


@require.checked(_check_signed)
def signed_on(attributions: Tensor, masks: Tensor) -> Tensor:
    """What an answer owes to the masked part of each image: the sum of its attributions there, with their signs.

    With absolute values it would count as much where pixels speak against the class as where they speak for it, and
    where they cancel: a share of |·| near the area's says that somebody looks, not what it does to the answer.

    Args:
        attributions: [N, C, H, W] floating point, of any sign.
        masks: [N, H, W] bool, the part, in all channels; where a mask is empty, the sum is 0.

    Returns:
        [N], in the unit of what was attributed.
    """
    return (attributions * masks[:, None]).sum(dim=(1, 2, 3))
