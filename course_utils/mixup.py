"""Mixup (Zhang et al., ICLR 2018): train between the examples.

ERM trains at the examples themselves. Vicinal risk minimization (Chapelle et al., NIPS 2000) trains in a
neighbourhood of each; mixup's neighbourhood of an example is the straight way to another one.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import require
from course_utils.training import Batch, Loss, Vicinity, erm


def check_mixing(images: Tensor, labels: Tensor, lam: Tensor | float, index: Tensor, num_classes: int = 10) -> None:
    """Raise a ValueError that names the argument that does not fit the others; shapes as in `mixup`."""
    n = len(images)
    if n == 0 or not images.is_floating_point():
        raise ValueError(f"images must be floating point, at least one; got {images.dtype} {list(images.shape)}")
    if labels.is_floating_point():
        if labels.shape != (n, num_classes):
            raise ValueError(f"soft labels must be [{n}, {num_classes}], got {list(labels.shape)}")
    else:
        require.labels(labels, classes=num_classes)
        if len(labels) != n:
            raise ValueError(f"labels must be [{n}], one for each image, got {list(labels.shape)}")
    check_pairs(n, torch.as_tensor(lam), index)


def check_pairs(n: int, lam: Tensor, index: Tensor) -> None:
    """Raise a ValueError unless `lam` and `index` are weights and partners for n examples; shapes as in `mixup`."""
    if lam.numel() not in (1, n) or lam.dim() > 1:
        raise ValueError(f"lam must be one number or a tensor [1] or [{n}], got {list(lam.shape)}")
    if not (lam.min() >= 0 and lam.max() <= 1):
        raise ValueError(f"lam must lie in [0, 1], got values from {lam.min()} to {lam.max()}")
    if index.dtype != torch.int64 or index.shape != (n,):
        raise ValueError(f"index must be an int64 tensor [{n}], got {index.dtype} {list(index.shape)}")
    if not (index.min() >= 0 and index.max() < n):
        raise ValueError(f"index must lie in 0…{n - 1}, got values from {index.min()} to {index.max()}")


@require.checked(check_mixing)
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
        (mixed images, shaped as `images`; soft labels [N, K] float32 that sum to 1). The arguments stay as they are.

    Raises:
        ValueError: arguments that do not fit together; the message names the argument.
    """
    lam = torch.as_tensor(lam).to(images)
    soft = labels if labels.is_floating_point() else F.one_hot(labels, num_classes)
    weight, share = lam.view(-1, *[1] * (images.dim() - 1)), lam.view(-1, 1)
    mixed = weight * images + (1 - weight) * images[index]
    return mixed, share * soft + (1 - share) * soft[index]


@require.checked(lambda logits, labels, lam, index: check_pairs(len(labels), torch.as_tensor(lam), index))
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

    Raises:
        ValueError: a lam or an index that does not fit the labels; the message names it.
    """
    lam = torch.as_tensor(lam).to(logits)
    own = F.cross_entropy(logits, labels, reduction="none")
    partner = F.cross_entropy(logits, labels[index], reduction="none")
    return (lam * own + (1 - lam) * partner).mean()


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

    Raises:
        ValueError: a negative alpha, or n below 1.
    """
    if not alpha >= 0:
        raise ValueError(f"alpha must be at least 0, got {alpha}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if alpha == 0 or math.isinf(alpha):
        return torch.full((n,), 1.0 if alpha == 0 else 0.5)
    # PyTorch's Beta takes no generator, NumPy's does: one is seeded from the other.
    seed = torch.randint(2**62, (), generator=generator).item()
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

    Raises:
        ValueError: a negative alpha.
    """
    sample_lam(alpha, 1, torch.Generator())  # a wrong alpha is named here, and not only in the first step

    def mixed(batch: Batch) -> Batch:
        n = len(batch.labels)
        if alpha == 0:
            return batch._replace(labels=F.one_hot(batch.labels, num_classes).to(batch.images.dtype))
        lam = sample_lam(alpha, n if per_example else 1, batch.generator)
        index = torch.randperm(n, generator=batch.generator).to(batch.labels.device)
        images, labels = mixup(batch.images, batch.labels, lam, index, num_classes)
        return batch._replace(images=images, labels=labels)

    return mixed


def mixup_loss(alpha: float, *, num_classes: int = 10, per_example: bool = False) -> Loss:
    """Mixup as a method for `fit`: the empirical risk of the mixed batch. Arguments as in `vicinity`."""
    mixed = vicinity(alpha, num_classes=num_classes, per_example=per_example)
    return lambda model, batch: erm(model, mixed(batch))
