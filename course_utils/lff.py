"""Learning from failure (LfF; Nam et al., NeurIPS 2020): one network learns the bias, and its failures teach another.

The first network is trained with the generalized cross-entropy, which amplifies what is easy. The second one is
trained with weights: an example counts the more, the harder it is for the first network, compared with the second.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require
from course_utils.training import Batch


def _check_gce(logits: Tensor, labels: Tensor, q: float) -> None:
    require.tensors(logits=(logits, "float [N, K]"))
    require.labels(labels, n=len(logits), classes=logits.shape[1])
    require.between(0, 1, q=q)
    if 0 < q < 1e-20:
        raise ValueError(f"q must be 0 or at least 1e-20, or p^q is 1 in float32; got {q}")


@require.checked(_check_gce)
def gce(logits: Tensor, labels: Tensor, q: float = 0.7) -> Tensor:
    """The generalized cross-entropy of each example (Zhang & Sabuncu, NeurIPS 2018).

        ℓ = (1 − p^q) / q,   p = softmax(logits)[label]

    Its gradient is p^q times the cross-entropy's: what the network is already sure of counts most. q → 0 gives the
    cross-entropy, q = 1 gives 1 − p. (LfF's code has a factor q in addition.)

    Args:
        logits: [N, K] float32.
        labels: [N] int64 in 0…K − 1.
        q: in [0, 1]; 0 stands for the limit, the cross-entropy.

    Returns:
        [N] float32, between 0 and 1 / q; without an upper end at q = 0.
    """
    log_p = -F.cross_entropy(logits, labels, reduction="none")
    # expm1 keeps the digits that 1 − p^q would lose where p is near 1.
    return -torch.expm1(q * log_p) / q if q else -log_p


def _check_alpha(alpha: float) -> None:
    require.between(0, 1, alpha=alpha)
    if alpha == 1:
        raise ValueError("alpha must be below 1, or the first loss of all stays, got 1")


def _check_average(average: Tensor, index: Tensor, loss: Tensor) -> None:
    require.tensors(average=(average, "float [N]"), index=(index, "int64 [B]"), loss=(loss, "float [B]"))
    require.labels(index, classes=len(average), name="index")


@require.checked(_check_average, _check_alpha)
def moving_average(average: Tensor, index: Tensor, loss: Tensor, alpha: float = 0.7) -> Tensor:
    """The moving average of each example's loss, after a batch.

        new = alpha · old + (1 − alpha) · loss,   at first sight new = loss

    Args:
        average: [N] float32; NaN for an example that has not been seen. It stays as it is.
        index: [B] int64, the batch's places in 0…N − 1, each once.
        loss: [B] float32.
        alpha: the weight of the old average, in [0, 1).

    Returns:
        [N] float32, on no graph.
    """
    loss, old = loss.detach(), average[index]
    return average.index_copy(0, index, torch.where(old.isnan(), loss, alpha * old + (1 - alpha) * loss))


def _check_losses(biased: Tensor, debiased: Tensor, labels: Tensor) -> None:
    require.tensors(biased=(biased, "float [N]"), debiased=(debiased, "float [N]"), labels=(labels, "int64 [N]"))
    require.labels(labels)
    for name, loss in {"biased": biased, "debiased": debiased}.items():
        low, high = (float(end) for end in loss.detach().aminmax())
        if not 0 <= low <= high < math.inf:
            raise ValueError(f"{name} must hold finite losses, at least 0, got values from {low:g} to {high:g}")


@require.checked(_check_losses)
def relative_difficulty(biased: Tensor, debiased: Tensor, labels: Tensor) -> Tensor:
    """LfF's weight: how hard an example is for the biased network, compared with the other one.

        W = b / (b + d),   b and d: the losses, each divided by the largest of its class

    (Nam et al., NeurIPS 2020, and the authors' code.)

    Args:
        biased, debiased: [N] float32, at least 0: (averages of) the two networks' losses on all training examples.
            They stay as they are.
        labels: [N] int64.

    Returns:
        [N] float32 in [0, 1]; 0 where both losses are 0, a perfect answer twice. A class whose losses are all 0 gives
        0, not NaN.
    """
    b, d = biased.detach().clone(), debiased.detach().clone()
    for loss in (b, d):
        for label in labels.unique():
            members = labels == label
            loss[members] /= loss[members].max().clamp(min=1e-30)
    return b / (b + d).clamp(min=1e-30)


class Pair(nn.Module):
    """A biased network, and the debiased one that learns from its failures, and that alone gives the answers."""

    def __init__(self, biased: nn.Module, debiased: nn.Module) -> None:
        require.network(biased, "biased")
        require.network(debiased, "debiased")
        super().__init__()
        self.biased, self.debiased = biased, debiased

    def forward(self, images: Tensor) -> Tensor:
        """The debiased network's logits [N, K]."""
        return self.debiased(images)


class LfF:
    """Learning from failure as a method for `fit`, whose model is then a `Pair`.

    Both losses are added: no gradient goes from one network to the other. It remembers every example's two losses,
    so make a new one for each training.

    Args:
        q: of the biased network's loss, see `gce`.
        alpha: of the moving averages, see `moving_average`.
    """

    def __init__(self, q: float = 0.7, alpha: float = 0.7) -> None:
        require.between(0, 1, q=q)
        _check_alpha(alpha)
        self.q, self.alpha = q, alpha
        self.labels: Tensor | None = None
        self.begun_with: Tensor | None = None  # the same, where the training has them

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a step; the model is a `Pair`."""
        if not isinstance(model, Pair):
            raise ValueError(f"model must be a Pair of networks, got {require.what(model)}")
        labels = batch.training_set()[1]
        if self.labels is None:  # the first step: no loss is known yet
            self.labels = labels.cpu()
            self.b = self.d = torch.full(self.labels.shape, torch.nan)
        elif labels is not self.begun_with and not torch.equal(labels.cpu(), self.labels):
            raise ValueError("batch must be of the training that this LfF began with; make a new LfF for each training")
        self.begun_with = labels
        index = batch.index.cpu()
        logits_b, logits_d = model.biased(batch.images), model.debiased(batch.images)
        loss_b, loss_d = (F.cross_entropy(z, batch.labels, reduction="none") for z in (logits_b, logits_d))
        self.b = moving_average(self.b, index, loss_b.cpu(), self.alpha)
        self.d = moving_average(self.d, index, loss_d.cpu(), self.alpha)
        weight = self.weights()[index].to(loss_d.device)
        return gce(logits_b, batch.labels, self.q).mean() + (weight * loss_d).mean()

    def weights(self) -> Tensor:
        """The present weight of each training example, [N] in [0, 1], 0 until it is seen; see `relative_difficulty`."""
        if self.labels is None:
            raise ValueError("weights must be asked for after the first step of a training, got no step")
        return relative_difficulty(self.b.nan_to_num(), self.d.nan_to_num(), self.labels)
