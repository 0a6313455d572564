"""How sure a model is, beside how often it is right."""

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.metrics.classification import empirical_risk


def check_probabilities(probabilities: Tensor, labels: Tensor, bins: int = 15) -> None:
    """Raise a ValueError that names the argument that is wrong; shapes as in `expected_calibration_error`."""
    require.tensors(probabilities=(probabilities, "float [N, K]"), labels=(labels, "int64 [N]"))
    require.labels(labels, classes=probabilities.shape[1])
    require.whole(bins=bins)
    sums = probabilities.sum(dim=1)
    if not (probabilities.min() >= 0 and (sums - 1).abs().max() < 1e-3):
        found = f"values from {probabilities.min():g}, sums from {sums.min():g} to {sums.max():g}"
        raise ValueError(f"probabilities must be at least 0 and sum to 1 in each row, got {found}: logits, perhaps?")


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
    """
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).float()
    which = (confidence * bins).ceil().clamp(1, bins)  # 1 … bins
    # In a bin of n examples, n · |accuracy − mean confidence| is |sum of right − sum of confidence|.
    gaps = [(right - confidence)[which == b].sum().abs() for b in range(1, bins + 1)]
    return float(sum(gaps) / len(labels))


@require.checked(check_probabilities)
def reliability(probabilities: Tensor, labels: Tensor, bins: int = 10) -> pd.DataFrame:
    """The table behind a reliability diagram: one row for each bin of the confidence that is not empty.

    Args:
        probabilities, labels: as in `expected_calibration_error`.
        bins: how many bins of equal width, at least 1.

    Returns:
        columns confidence and accuracy, means over the bin's examples, and examples, their number.
    """
    probabilities, labels = probabilities.detach().float().cpu(), labels.cpu()
    confidence, predicted = probabilities.max(dim=1)
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    examples = pd.DataFrame({"confidence": confidence, "accuracy": (predicted == labels).float(), "bin": which})
    table = examples.groupby("bin")[["confidence", "accuracy"]].mean()
    return table.assign(examples=examples.groupby("bin").size()).reset_index(drop=True)


def _check_temperature(logits: Tensor, labels: Tensor) -> None:
    require.tensors(logits=(logits, "float [N, K]"), labels=(labels, "int64 [N]"))
    require.labels(labels, classes=logits.shape[1])
    require.finite(logits=logits)
    # The loss is convex in 1 / T. Its slope goes from (mean − label) at 1 / T = 0 to (largest − label) at infinity: the
    # averages of all logits, of the label's and of the largest. Between slopes of one sign no point is the lowest.
    logits = logits.detach().double()
    label, mean, largest = (
        part.mean().item() for part in (logits.gather(1, labels[:, None]), logits.mean(dim=1), logits.amax(dim=1))
    )
    if label <= mean:
        raise ValueError(
            f"logits must be higher for the labels than for the other classes, or the higher the temperature the "
            f"better; got {label:.3g} for the labels on average, {mean:.3g} for all classes"
        )
    if label >= largest:
        raise ValueError("logits must get some labels wrong, or the lower the temperature the better; got all right")


@require.checked(_check_temperature)
def temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that makes softmax(logits / T) fit the labels best (Guo et al., ICML 2017, section 4.2).

    Args:
        logits: [N, K] float32, finite, of validation data.
        labels: [N] int64 in 0…K − 1.

    Returns:
        T, above 0: above 1 where the model was too sure, below 1 where it was not sure enough.

    Raises:
        ValueError: no T is best: all examples are right, or the logits tell less of the labels than a guess.
    """
    with torch.inference_mode(False):  # where the caller is in it, nothing could be differentiated
        logits, labels = logits.detach().clone(), labels.clone()
        log_t = torch.zeros((), requires_grad=True)
        # The search begins at T = 1, where it would take the small slope of small logits for the end.
        spread = (logits - logits.mean(dim=1, keepdim=True)).abs().max().item()
        unit = min(1, spread)
        logits /= unit
        optimizer = torch.optim.LBFGS([log_t], max_iter=50, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = empirical_risk(logits / log_t.exp(), labels)
            loss.backward()
            return loss

        optimizer.step(closure)
    return unit * log_t.exp().item()


class Tempered(nn.Module):
    """A model whose logits are divided by a temperature: the same answers, another confidence.

    Args:
        model: from images to logits; shared, not copied.
        temperature: T, above 0.
    """

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        require.network(model)
        require.above(0, temperature=temperature)
        self.model, self.temperature = model, temperature

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images) / self.temperature
