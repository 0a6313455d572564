"""What a model gets right, how sure it is, and how steep it is. Shares are fractions between 0 and 1 everywhere.

Evaluation never changes a model: it runs in eval mode, in chunks, leaves no gradients behind, and every
layer is put back into the mode it was in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
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


def predict(model: nn.Module, images: Tensor, chunk: int = 512) -> Tensor:
    """Logits of all images, in eval mode and without gradients.

    Args:
        model: from images to logits.
        images: [N, …] float32 on any device; they are moved to the model's device a chunk at a time.
        chunk: images per forward pass; 256 to 512 fit a CPU's cache and are fastest.

    Returns:
        logits [N, K] on the CPU.
    """
    device = next(model.parameters(), images).device
    with keeping_mode(model), torch.no_grad():
        model.eval()
        return torch.cat([model(part.to(device)).cpu() for part in images.split(chunk)])


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
    return 1 - error_rate(predict(model, images).argmax(dim=1), labels.cpu())


def choose_model(train: Tensor, validation: Tensor, test: Tensor) -> tuple[int, float]:
    """Choose a model on validation data, and report what the test data say of that one model.

    Args:
        train, validation, test: accuracies [candidates, seeds] in [0, 1].

    Returns:
        (the row of the candidate with the best mean validation accuracy, its mean test accuracy).
    """
    chosen = int(validation.mean(dim=1).argmax())
    return chosen, test[chosen].mean().item()


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


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The expected calibration error: how far confidence is from accuracy, on average.

    (Naeini et al., AAAI 2015; Guo et al., ICML 2017.)

        ECE = Σ_b (n_b / N) · |accuracy in b − mean confidence in b|

    over bins b of equal width of the confidence, which is the largest probability.

    Args:
        probabilities: [N, K] float32, each row sums to 1.
        labels: [N] int64 in 0…K − 1.
        bins: how many, at least 1; bin b holds the confidences in (b / bins, (b + 1) / bins].

    Returns:
        a float in [0, 1]. An empty bin counts nothing.

    Raises:
        ValueError: probabilities outside [0, 1] (logits, say), not one label for each, or bins below 1.
    """
    check_probabilities(probabilities, labels, bins)
    probabilities, labels = probabilities.detach().float().cpu(), labels.cpu()
    confidence, predicted = probabilities.max(dim=1)
    gap = (predicted == labels).float() - confidence
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    return torch.zeros(bins).index_add(0, which, gap).abs().sum().item() / len(labels)


def check_probabilities(probabilities: Tensor, labels: Tensor, bins: int) -> None:
    """Raise a ValueError that names the argument that is wrong; shapes as in `expected_calibration_error`."""
    if probabilities.dim() != 2 or 0 in probabilities.shape:
        raise ValueError(f"probabilities must be [N, K], at least one row, got {list(probabilities.shape)}")
    sums = probabilities.sum(dim=1)
    if not (probabilities.min() >= 0 and (sums - 1).abs().max() < 1e-3):
        found = f"values from {probabilities.min():g}, sums from {sums.min():g} to {sums.max():g}"
        raise ValueError(f"probabilities must be at least 0 and sum to 1 in each row, got {found}: logits, perhaps?")
    if labels.shape != (len(probabilities),):
        found = list(labels.shape)
        raise ValueError(f"labels must be [{len(probabilities)}], one for each row of probabilities, got {found}")
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 10) -> pd.DataFrame:
    """The table behind a reliability diagram: one row for each bin of the confidence that is not empty.

    Args:
        probabilities, labels: as in `expected_calibration_error`.
        bins: how many bins of equal width, at least 1.

    Returns:
        columns confidence and accuracy, means over the bin's examples, and examples, their number.

    Raises:
        ValueError: as in `expected_calibration_error`.
    """
    check_probabilities(probabilities, labels, bins)
    probabilities, labels = probabilities.detach().float().cpu(), labels.cpu()
    confidence, predicted = probabilities.max(dim=1)
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    examples = pd.DataFrame({"confidence": confidence, "accuracy": (predicted == labels).float(), "bin": which})
    table = examples.groupby("bin")[["confidence", "accuracy"]].mean()
    return table.assign(examples=examples.groupby("bin").size()).reset_index(drop=True)


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that makes softmax(logits / T) fit the labels best (Guo et al., ICML 2017, section 4.2).

    Args:
        logits: [N, K] float32, of validation data.
        labels: [N] int64 in 0…K − 1.

    Returns:
        T, above 0: above 1 where the model was too sure, below 1 where it was not sure enough.

    Raises:
        ValueError: all examples are right, or none is: then no T is best.
    """
    right = (logits.argmax(dim=1) == labels).float().mean().item()
    if not 0 < right < 1:
        raise ValueError(
            f"logits must get some labels right and some wrong, or no temperature is best; got {right:.0%}"
        )
    logits = logits.detach()
    log_t = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([log_t], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = empirical_risk(logits / log_t.exp(), labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    return log_t.exp().item()
