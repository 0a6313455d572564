"""What a network has learned by heart: the memorization score, forgetting events, what it gives away, and when to stop
before it does."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_utils import require


def _check_tables(member: Tensor, right: Tensor) -> None:
    require.tensors(member=(member, "bool [M, N]"), right=(right, "bool [M, N]"))


@require.checked(_check_tables)
def memorization_score(member: Tensor, right: Tensor) -> Tensor:
    """How much more often an example is right when it was in the training set than when it was left out.

        mem(i) = P[h(x_i) = y_i | i in S] − P[h(x_i) = y_i | i not in S]

    over random training sets S and networks h trained on them (Feldman & Zhang, NeurIPS 2020).

    Args:
        member: [M, N] bool, whether example i was in the training set of network m.
        right: [M, N] bool, whether network m gives example i the label that it has in the data.

    Returns:
        [N] float32 in [−1, 1]; NaN for an example that was in every training set, or in none.
    """
    inside = (right & member).sum(dim=0) / member.sum(dim=0)
    outside = (right & ~member).sum(dim=0) / (~member).sum(dim=0)
    return inside - outside


def _check_looks(right: Tensor) -> None:
    require.tensors(right=(right, "bool [T, N]"))


@require.checked(_check_looks)
def forgetting_events(right: Tensor) -> Tensor:
    """How often each example was right at one look and wrong at the next (Toneva et al., ICLR 2019).

    Args:
        right: [T, N] bool, whether the network was right about example i at look t, in the order of training.

    Returns:
        [N] int64 in 0…T. An example that was never right gets T, so that it ranks above all others.
    """
    events = (right[:-1] & ~right[1:]).sum(dim=0)
    return torch.where(right.any(dim=0), events, len(right))


def _check_curve(validation: Tensor, patience: int) -> None:
    require.tensors(validation=(validation, "float [E]"))
    require.finite(validation=validation)  # nothing is above NaN: as a first epoch it would stay the best
    require.whole(patience=patience)


@require.checked(_check_curve)
def stopping_epoch(validation: Tensor, patience: int) -> int:
    """Early stopping: which epoch's weights to keep, judged epoch by epoch while the training runs.

    Training stops as soon as the validation accuracy has not risen above its best for `patience` epochs.

    Args:
        validation: [E] float, the validation accuracy after each epoch, in [0, 1].
        patience: how many epochs in a row without a new best to wait for, at least 1.

    Returns:
        the epoch, counted from 1, with the best validation accuracy up to the stop; the first one of equals.
    """
    best = 0
    for epoch, accuracy in enumerate(validation):
        if accuracy > validation[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return best + 1


def _check_halves(networks: int, examples: int, generator: torch.Generator) -> None:
    require.whole(networks=networks)
    require.whole(2, examples=examples)
    require.generator(generator)


@require.checked(_check_halves)
def random_halves(networks: int, examples: int, generator: torch.Generator) -> Tensor:
    """For each network, a random half of the examples.

    Args:
        networks: M, at least 1.
        examples: N, at least 2; an odd one is left out.
        generator: where the randomness comes from.

    Returns:
        rows [M, N // 2] int64 in 0…N − 1, no example twice in a row.
    """
    orders = [torch.randperm(examples, generator=generator) for _ in range(networks)]
    return torch.stack(orders)[:, : examples // 2]


def _check_rows(rows: Tensor, examples: int) -> None:
    require.tensors(rows=(rows, "int64 [M, n]"))
    require.whole(examples=examples)
    require.labels(rows.flatten(), classes=examples, name="rows")


@require.checked(_check_rows)
def membership(rows: Tensor, examples: int) -> Tensor:
    """The rows that each network trained on, [M, n] int64, as a table [M, examples] of bool."""
    return torch.zeros(len(rows), examples, dtype=torch.bool).scatter_(1, rows, True)


def _check_pool(images: Tensor, labels: Tensor, pool: Tensor, pool_labels: Tensor) -> None:
    own: dict[str, Any] = {"images": (images, "float [N, …]"), "labels": (labels, "int64 [N]")}
    require.tensors(**own, pool=(pool, "float [P, …]"), pool_labels=(pool_labels, "int64 [P]"))
    if pool.shape[1:] != images.shape[1:] or pool.dtype != images.dtype:
        raise ValueError(f"pool must be like images ({require.what(images)}), got {require.what(pool)}")
    if missing := sorted(set(labels.tolist()) - set(pool_labels.tolist())):
        raise ValueError(f"pool_labels must hold every class of labels, got none of {', '.join(map(str, missing))}")


@require.checked(_check_pool)
def distance_to_nearest(images: Tensor, labels: Tensor, pool: Tensor, pool_labels: Tensor) -> Tensor:
    """How far each image is from the nearest one of its class in `pool`, in pixel space: how rare it looks.

    Args:
        images: [N, …] float32 in [0, 1].
        labels: [N] int64.
        pool: [P, …] float32, images to compare with.
        pool_labels: [P] int64; every class of `labels` must be among them.

    Returns:
        [N] float32, Euclidean distances.
    """
    nearest = torch.empty(len(images), device=images.device)
    for label in labels.unique():
        same = pool[pool_labels == label].flatten(1)
        # cdist's shortcut through a matrix product would put an image 0.01 away from itself.
        far = torch.cdist(images[labels == label].flatten(1), same, compute_mode="donot_use_mm_for_euclid_dist")
        nearest[labels == label] = far.amin(dim=1)
    return nearest


def _check_logits(logits: Tensor, labels: Tensor) -> None:
    require.tensors(logits=(logits, "float [M, N, K]"), labels=(labels, "int64 [N]"))
    if logits.shape[2] < 2:
        raise ValueError(f"logits must be [M, N, K] with K at least 2, got {require.what(logits)}")
    require.labels(labels, classes=logits.shape[2])


@require.checked(_check_logits)
def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """How sure each network is of each example's label: log p / (1 − p), p its probability.

    Over networks it looks more like a normal distribution than p itself, which piles up at 0 and 1 (Carlini et al.,
    IEEE S&P 2022).

    Args:
        logits: [M, N, K] float32, of M networks for N examples.
        labels: [N] int64, the labels that the examples have in the data.

    Returns:
        [M, N] float32.
    """
    label = labels.expand(len(logits), -1).unsqueeze(2)
    others = logits.scatter(2, label, -torch.inf)
    return logits.gather(2, label).squeeze(2) - others.logsumexp(dim=2)


def _check_sure(member: Tensor, sure: Tensor) -> None:
    require.tensors(member=(member, "bool [M, N]"), sure=(sure, "float [M, N]"))
    require.finite(sure=sure)  # the standard deviation is one for all: a single infinity would make every ratio NaN


@require.checked(_check_sure)
def likelihood_ratio(member: Tensor, sure: Tensor) -> Tensor:
    """Was this network trained on this example? Its confidence, held against that of all the other networks.

    For each example two normal distributions: one of the confidence of those that were trained on it, one of those
    that were not, with one standard deviation for all examples. The network in question is left out of them (Carlini
    et al., IEEE S&P 2022: the likelihood ratio attack).

    Args:
        member: [M, N] bool, whether example i was in the training set of network m.
        sure: [M, N] float32, how sure network m is of example i's label, as `log_odds` says.

    Returns:
        [M, N] float32: the logarithm of the two densities' ratio, high if trained on. NaN for an example that too few
        of the others were trained on, or were not, to have a mean.
    """
    inside, std_inside = _others(member, sure)
    outside, std_outside = _others(~member, sure)
    return _log_density(sure, inside, std_inside) - _log_density(sure, outside, std_outside)


def _others(group: Tensor, sure: Tensor) -> tuple[Tensor, Tensor]:
    """For each network and example the mean of the others in the group [M, N], and one standard deviation."""
    own = torch.where(group, sure, 0)
    mean = (own.sum(dim=0) - own) / (group.sum(dim=0) - group.int())
    return mean, (sure - mean)[group].square().nanmean().sqrt()


def _log_density(value: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Of a normal distribution, up to a constant."""
    return -std.log() - ((value - mean) / std).square() / 2


def _check_suspects(found: Tensor, suspicion: Tensor) -> None:
    require.tensors(may_be_empty=True, found=(found, "bool […]"), suspicion=(suspicion, "float […]"))
    if suspicion.shape != found.shape:
        raise ValueError(f"suspicion must be {list(found.shape)} as found is, got {require.what(suspicion)}")
    if suspicion.isnan().any():  # it would rank above all numbers
        raise ValueError(f"suspicion must be a number everywhere, got {int(suspicion.isnan().sum())} NaN")


@require.checked(_check_suspects)
def area_under_curve(found: Tensor, suspicion: Tensor) -> float:
    """In which share of all pairs, one that is to be found and one that is not, the first is the more suspect.

    A coin gets a half. It is the area under the ROC curve, whence its name AUC.

    Args:
        found: bool, any shape: what is to be found.
        suspicion: float of the same shape, without NaN; equal ones count half.

    Returns:
        a float in [0, 1]; NaN where there is no such pair.
    """
    _, place, count = suspicion.flatten().unique(return_inverse=True, return_counts=True)
    rank = (count.cumsum(dim=0) - (count - 1) / 2).double()[place]
    n = found.sum()
    return ((rank[found.flatten()].mean() - (n + 1) / 2) / (~found).sum()).item()


class NoisyRun(NamedTuple):
    """One network on labels of which a share is wrong, and what it answered after each epoch."""

    images: Tensor  # [N, 1, 28, 28]
    true: Tensor  # [N] int64
    given: Tensor  # [N] int64, the labels it was trained on
    seen: Tensor  # [epochs, N], its answers on the training images
    test: Tensor  # [epochs], its test accuracy
