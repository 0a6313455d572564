"""How sure a model is, beside how often it is right."""

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.metrics.classification import empirical_risk


def check_probabilities(probabilities: Tensor, labels: Tensor, bins: int = 15) -> None:
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


@require.checked(check_probabilities)
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
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).float()
    which = (confidence * bins).ceil().clamp(1, bins)  # 1 … bins
    # In a bin of n examples, n · |accuracy − mean confidence| is |sum of right − sum of confidence|.
    gaps = [(right - confidence)[which == b].sum().abs() for b in range(1, bins + 1)]
    return (sum(gaps) / len(labels)).item()


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


class Tempered(nn.Module):
    """A model whose logits are divided by a temperature: the same answers, another confidence.

    Args:
        model: from images to logits; shared, not copied.
        temperature: T, above 0.

    Raises:
        ValueError: a temperature that is not above 0.
    """

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.model, self.temperature = model, temperature

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images) / self.temperature
