"""Mixup (Zhang et al., ICLR 2018): train between the examples.

ERM trains at the examples themselves. Vicinal risk minimization (Chapelle et al., NIPS 2000) trains in a
neighbourhood of each; mixup's neighbourhood of an example is the straight way to another one.
"""

import inspect
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import require
from course_utils.training import Batch, Loss, Vicinity, erm


def _check_pairs(n: int, lam: Any, index: Tensor) -> None:
    if isinstance(lam, Tensor) and lam.dim():
        kind = f"float [{n if len(lam) != 1 else 1}]"
        require.tensors(lam=(lam, kind))
        low, high = (float(end) for end in lam.aminmax())
        if not (low >= 0 and high <= 1):
            raise ValueError(f"lam must lie in [0, 1], got values from {low:g} to {high:g}")
    else:
        require.between(0, 1, lam=lam)
    require.labels(index, n=n, classes=n, name="index")


def _check_mixup(images: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor, num_classes: int) -> None:
    require.whole(num_classes=num_classes)
    soft = isinstance(labels, Tensor) and labels.is_floating_point()
    kind = f"float [N, {num_classes}]" if soft else "int64 [N]"
    require.tensors(images=(images, "float [N, …]"), labels=(labels, kind))
    if not soft:
        require.labels(labels, classes=num_classes)
    _check_pairs(len(images), lam, index)


def _check_risk(logits: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor) -> None:
    require.tensors(logits=(logits, "float [N, K]"))
    require.labels(labels, n=len(logits), classes=logits.shape[1])
    _check_pairs(len(labels), lam, index)


@require.checked(_check_mixup)
def mixup(
    images: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor, num_classes: int = 10
) -> tuple[Tensor, Tensor]:
    """Mix every example with a partner, its image and its label with the same weight.

        x = lam · x_i + (1 − lam) · x_j,   y = lam · y_i + (1 − lam) · y_j,   j = index[i]

    (Zhang et al., ICLR 2018, section 2; y one-hot.)

    Args:
        images: [N, …] float32.
        labels: [N] int64 in 0…num_classes − 1, or soft labels [N, num_classes] float32.
        lam: the weight of the example itself, in [0, 1]: one number for all, or a tensor [1] or [N].
        index: [N] int64, the partner of each example.
        num_classes: K.

    Returns:
        (mixed images, shaped as `images`; soft labels [N, K] float32 that sum to 1).
    """
    lam = torch.as_tensor(lam).to(images)
    soft = labels if labels.is_floating_point() else F.one_hot(labels, num_classes)
    weight, share = lam.view(-1, *[1] * (images.dim() - 1)), lam.view(-1, 1)
    # index_select(0, index) is images[index], four times as fast on a CPU.
    mixed = weight * images + (1 - weight) * images.index_select(0, index)
    return mixed, share * soft + (1 - share) * soft[index]


@require.checked(_check_risk)
def mixup_risk(logits: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor) -> Tensor:
    """The empirical risk of a mixed batch without soft labels: two cross-entropies, weighted.

        risk = (1/N) Σ lam · ℓ(logits_i, y_i) + (1 − lam) · ℓ(logits_i, y_j),   j = index[i]

    The cross-entropy is linear in the label, so this is the risk with the soft labels of `mixup`.

    Args:
        logits: [N, K] float32, the model's answer to the mixed images.
        labels: [N] int64, the labels before mixing.
        lam: the weight of each image's own label, in [0, 1]: one number, or a tensor [1] or [N].
        index: [N] int64, the partner of each image.

    Returns:
        one number, as a tensor that you can differentiate.
    """
    lam = torch.as_tensor(lam).to(logits)
    own = F.cross_entropy(logits, labels, reduction="none")
    partner = F.cross_entropy(logits, labels[index], reduction="none")
    return (lam * own + (1 - lam) * partner).mean()


def _check_alpha(alpha: float) -> None:
    require.between(0, math.inf, alpha=alpha)


def _check_draws(alpha: float, n: int, generator: torch.Generator) -> None:
    _check_alpha(alpha)
    require.whole(n=n)
    require.generator(generator)


@require.checked(_check_draws)
def sample_lam(alpha: float, n: int, generator: torch.Generator) -> Tensor:
    """Draw mixing weights lam ~ Beta(alpha, alpha).

    Small alpha: lam near 0 or 1, so one of the two examples prevails. alpha = 1: all weights equally likely. Large
    alpha: lam near ½. At alpha = 0 nothing is mixed and lam is always 1, which is ERM. (The limit of small alphas is
    a fair coin between 0 and 1; for pairs of examples that is the same.) At alpha = ∞, lam is always ½.

    Args:
        alpha: at least 0; may be infinite.
        n: how many weights: 1 for a whole batch, as in the authors' code, or one for each of its examples.
        generator: where the randomness comes from.

    Returns:
        [n] float32 in [0, 1], on the CPU.
    """
    if alpha == 0 or math.isinf(alpha):
        return torch.full((n,), 1.0 if alpha == 0 else 0.5)
    # PyTorch's Beta takes no generator, NumPy's does: one is seeded from the other.
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, n)).float()


def vicinity(alpha: float, *, num_classes: int = 10, per_example: bool = False) -> Vicinity:
    """Mixup's vicinity: from a batch to as many mixed examples, all partners drawn from the batch itself.

    Args:
        alpha: weights are drawn from Beta(alpha, alpha); 0 leaves the batch as it is, which is ERM.
        num_classes: K.
        per_example: one weight for each example, as the paper's text has it; otherwise one for the whole batch, as
            the authors' code has it.

    Returns:
        a function from `Batch` to `Batch`, with soft labels, for `fit_many(…, vicinities=…)`.
    """
    _check_alpha(alpha)
    require.whole(num_classes=num_classes)

    mix = inspect.unwrap(mixup)  # without its checks, a fifth of the time: what is drawn here fits

    def mixed(batch: Batch) -> Batch:
        n = len(batch.labels)
        if not batch.labels.is_floating_point():
            require.labels(batch.labels, classes=num_classes)
        if alpha == 0:
            return batch._replace(labels=F.one_hot(batch.labels, num_classes).to(batch.images.dtype))
        lam = sample_lam(alpha, n if per_example else 1, batch.generator)
        index = torch.randperm(n, generator=batch.generator).to(batch.labels.device)
        images, labels = mix(batch.images, batch.labels, lam, index, num_classes)
        return batch._replace(images=images, labels=labels)

    return mixed


def mixup_loss(alpha: float, *, num_classes: int = 10, per_example: bool = False) -> Loss:
    """Mixup as a method for `fit`: the empirical risk of the mixed batch. Arguments as in `vicinity`."""
    mixed = vicinity(alpha, num_classes=num_classes, per_example=per_example)
    return lambda model, batch: erm(model, mixed(batch))
