"""What a model answers, and how often it is right."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@contextmanager
def keeping_mode(model: nn.Module) -> Iterator[None]:
    """Put every layer back into its own train or eval mode afterwards (a frozen BatchNorm stays frozen)."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


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
    return outputs(model, images).argmax(dim=1)


def empirical_risk(logits: Tensor, labels: Tensor) -> Tensor:
    """The empirical risk: the average cross-entropy over the examples (Vapnik, NIPS 1991).

        risk = −(1/N) Σ log p(label | image),  where p = softmax(logits)

    Args:
        logits: [N, K] float32, any real numbers.
        labels: [N] int64 in 0…K − 1.

    Returns:
        one number, at least 0, as a tensor that you can differentiate.
    """
    return F.cross_entropy(logits, labels)


def error_rate(predictions: Tensor, labels: Tensor) -> float:
    """The share of predictions that are wrong: the average of the 0–1 loss.

    Args:
        predictions: [N] int64, the predicted classes.
        labels: [N] int64, the true classes.

    Returns:
        a float in [0, 1].
    """
    return (predictions != labels).float().mean().item()


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that the model puts into their class, in [0, 1]: one minus the error rate.

    Args:
        model: from images to logits [N, K].
        images: [N, …] float32 in [0, 1].
        labels: [N] int64 in 0…K − 1.

    Raises:
        ValueError: images and labels are not equally many.
    """
    if labels.shape != (len(images),):
        raise ValueError(f"labels must be [{len(images)}], one for each image, got {list(labels.shape)}")
    return 1 - error_rate(answers(model, images), labels.cpu())


def choose_model(train: Tensor, validation: Tensor, test: Tensor) -> tuple[int, float]:
    """Choose a model on validation data, and report what the test data say of that one model.

    Args:
        train, validation, test: accuracies [candidates, seeds] in [0, 1].

    Returns:
        (the row of the candidate with the best mean validation accuracy, its mean test accuracy).
    """
    chosen = int(validation.mean(dim=1).argmax())
    return chosen, test[chosen].mean().item()
