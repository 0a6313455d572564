"""What a model answers, and how often it is right."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require


def check_images(model: nn.Module, images: Tensor, name: str = "images") -> None:
    """A network, and images in the precision of its weights, perhaps none."""
    require.network(model)
    if not isinstance(images, Tensor) or not images.is_floating_point() or images.dim() == 0:
        raise ValueError(f"{name} must be float [N, …], got {require.what(images)}")
    weight = next(model.parameters(), images)
    if images.dtype != weight.dtype:
        raise ValueError(f"{name} must be {weight.dtype} as the model's weights are, got {require.what(images)}")


def check_logits(logits: Tensor) -> None:
    """What a model must give to have an answer. PyTorch's `argmax` and `topk` take NaN for the largest."""
    if logits.dim() != 2 or logits.shape[1] < 2 or logits.isnan().any():
        nan = f" with {int(logits.isnan().sum())} NaN" if logits.isnan().any() else ""
        raise ValueError(f"model must give logits [N, K], K at least 2, none NaN, got {require.what(logits)}{nan}")


def check_risk(logits: Tensor, labels: Tensor) -> None:
    """Class numbers, or soft labels, one of either for each row of logits."""
    if isinstance(labels, Tensor) and labels.is_floating_point() and labels.dim() == 2:
        require.tensors(logits=(logits, "float [N, K]"), labels=(labels, "float [N, K]"))
        return
    require.tensors(logits=(logits, "float [N, K]"), labels=(labels, "int64 [N]"))
    # A training step comes by here. On a GPU to look at the labels is to wait for it, and PyTorch's own kernel looks.
    if labels.device.type == "cpu":
        require.labels(labels, classes=logits.shape[1])


@require.checked(require.network)
@contextmanager
def keeping_mode(model: nn.Module) -> Iterator[None]:
    """Put every layer back into its own train or eval mode afterwards (a frozen BatchNorm stays frozen)."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


def _check_outputs(model: nn.Module, images: Tensor, chunk: int) -> None:
    check_images(model, images)
    require.whole(chunk=chunk)


@require.checked(_check_outputs)
def outputs(model: nn.Module, images: Tensor, chunk: int = 512) -> Tensor:
    """What the model makes of all images, in eval mode and without gradients: logits, or embeddings.

    Args:
        model: from images to outputs [N, K].
        images: [N, …] float32 on any device; they are moved to the model's device a chunk at a time.
        chunk: images per forward pass; 256 to 512 fit a CPU's cache and are fastest.

    Returns:
        [N, K] on the CPU.
    """
    device = next(model.parameters(), images).device
    with keeping_mode(model), torch.no_grad():
        model.eval()
        return torch.cat([model(part.to(device)).cpu() for part in images.split(chunk)])


def answers(model: nn.Module, images: Tensor) -> Tensor:
    """The class with the largest logit for each image, [N] int64 on the CPU; the model runs in eval mode."""
    logits = outputs(model, images)
    check_logits(logits)
    return logits.argmax(dim=1)


@require.checked(check_risk)
def empirical_risk(logits: Tensor, labels: Tensor) -> Tensor:
    """The empirical risk: the average cross-entropy over the examples (Vapnik, NIPS 1991).

        risk = −(1/N) Σ log p(label | image),  where p = softmax(logits)

    Args:
        logits: [N, K] float32, any real numbers.
        labels: [N] int64 in 0…K − 1; or soft labels [N, K] float32.

    Returns:
        one number, at least 0, as a tensor that you can differentiate.
    """
    return F.cross_entropy(logits, labels)


def _check_predictions(predictions: Tensor, labels: Tensor) -> None:
    # Without it [N, 1] beside [N] would be compared all with all.
    require.tensors(predictions=(predictions, "int64 [N]"), labels=(labels, "int64 [N]"))
    require.labels(labels)


@require.checked(_check_predictions)
def error_rate(predictions: Tensor, labels: Tensor) -> float:
    """The share of predictions that are wrong: the average of the 0–1 loss.

    Args:
        predictions: [N] int64, the predicted classes.
        labels: [N] int64, the true classes; N at least 1.

    Returns:
        a float in [0, 1].
    """
    return (predictions != labels).float().mean().item()


def _check_accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    check_images(model, images)
    require.labels(labels, n=len(images))


@require.checked(_check_accuracy)
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that the model puts into their class, in [0, 1]: one minus the error rate.

    Args:
        model: from images to logits [N, K].
        images: [N, …] float32 in [0, 1].
        labels: [N] int64 in 0…K − 1, N at least 1.
    """
    logits = outputs(model, images)
    check_logits(logits)
    require.labels(labels, classes=logits.shape[1])
    return 1 - error_rate(logits.argmax(dim=1), labels.cpu())


def _check_candidates(train: Tensor, validation: Tensor, test: Tensor) -> None:
    shape = "float [candidates, seeds]"
    require.tensors(train=(train, shape), validation=(validation, shape), test=(test, shape))
    require.finite(train=train, validation=validation, test=test)


@require.checked(_check_candidates)
def choose_model(train: Tensor, validation: Tensor, test: Tensor) -> tuple[int, float]:
    """Choose a model on validation data, and report what the test data say of that one model.

    Args:
        train, validation, test: accuracies [candidates, seeds] in [0, 1].

    Returns:
        (the row of the candidate with the best mean validation accuracy, its mean test accuracy).
    """
    chosen = int(validation.mean(dim=1).argmax())
    return chosen, test[chosen].mean().item()
