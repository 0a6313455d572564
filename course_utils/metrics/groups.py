"""How often a model is right in each group. A group is what has the same label and the same bias."""

import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.metrics.classification import answers, check_images


def _check_groups(predictions: Tensor, labels: Tensor, bias: Tensor, shape: tuple[int, int]) -> None:
    kind = "int64 [N]"
    require.tensors(may_be_empty=True, predictions=(predictions, kind), labels=(labels, kind), bias=(bias, kind))
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape must be two numbers (Y, B), got {require.what(shape)}")
    for size in shape:
        require.whole(shape=size)
    require.labels(labels, classes=shape[0])
    require.labels(bias, classes=shape[1], name="bias")


@require.checked(_check_groups)
def group_table(
    predictions: Tensor, labels: Tensor, bias: Tensor, shape: tuple[int, int] = (10, 10)
) -> tuple[Tensor, Tensor]:
    """The accuracy in every group: the table from which all group metrics are read.

    Args:
        predictions: [N] int64, the predicted classes; what is no class counts as wrong.
        labels: [N] int64 in 0…Y − 1.
        bias: [N] int64 in 0…B − 1.
        shape: (Y, B), how many classes and how many values of the bias there are.

    Returns:
        (accuracy [Y, B] float32 in [0, 1], NaN where a group is empty; counts [Y, B] int64, the group's size). The
        row is the label, the column the bias.
    """
    group = labels * shape[1] + bias
    counts = group.bincount(minlength=shape[0] * shape[1])
    right = group[predictions == labels].bincount(minlength=len(counts))
    return (right / counts).view(shape), counts.view(shape)  # 0 / 0 is NaN


def _check_table(accuracy: Tensor, counts: Tensor) -> None:
    require.tensors(accuracy=(accuracy, "float [Y, B]"), counts=(counts, "int64 [Y, B]"))
    require.labels(counts.flatten(), name="counts")
    require.box(accuracy=accuracy.nan_to_num())


def _check_report(accuracy: Tensor, counts: Tensor, aligned: Tensor | None) -> None:
    _check_table(accuracy, counts)
    if (unknown := accuracy.isnan() & (counts > 0)).any():
        raise ValueError(f"accuracy must be a number where counts is above 0, got {int(unknown.sum())} NaN there")
    if aligned is not None:
        require.tensors(accuracy=(accuracy, "float [Y, B]"), aligned=(aligned, "bool [Y, B]"))


@require.checked(_check_report)
def group_report(accuracy: Tensor, counts: Tensor, aligned: Tensor | None = None) -> dict[str, float]:
    """The group metrics by their names in the field, from a table as `group_table` makes it.

    Args:
        accuracy: [Y, B], NaN where a group is empty.
        counts: [Y, B] int64.
        aligned: [Y, B] bool, the groups in which the bias is the usual one of the label. `None`: the diagonal, label y
            with bias y.

    Returns:
        shares in [0, 1], NaN where there is no group to speak of:
        aligned, conflicting: mean over the non-empty groups that are aligned, and that are not;
        unbiased: mean over all non-empty groups, each counts the same (as LfF has it: Nam et al., NeurIPS 2020);
        worst_group: the lowest of the non-empty groups (Sagawa et al., ICLR 2020);
        plain: the share of examples that are right, each counts the same.
    """
    if aligned is None:
        aligned = torch.arange(counts.shape[0])[:, None] == torch.arange(counts.shape[1])
    filled = counts > 0
    parts = {"aligned": aligned & filled, "conflicting": ~aligned & filled, "unbiased": filled}
    report = {name: accuracy[part].mean().item() for name, part in parts.items()}  # the mean of nothing is NaN
    worst = accuracy[filled].min().item() if filled.any() else torch.nan
    return report | {"worst_group": worst, "plain": reweighted_accuracy(accuracy, counts)}


@require.checked(_check_table)
def reweighted_accuracy(accuracy: Tensor, counts: Tensor) -> float:
    """The accuracy that these groups would give together if they were of other sizes.

    With the sizes of the training set: the "average accuracy" of the tables that follow group DRO (Sagawa et al., ICLR
    2020), such as JTT's (Liu et al., ICML 2021).

    Args:
        accuracy: [Y, B], NaN where it was not measured.
        counts: [Y, B] int64, the sizes, for instance of the training set's groups.

    Returns:
        a share in [0, 1]; groups whose accuracy was not measured are left out. NaN if that leaves none.
    """
    weight = counts.double() * ~accuracy.isnan()
    return (accuracy.double().nan_to_num() * weight).sum().div(weight.sum()).item()


def _check_biased(model: nn.Module, images: Tensor, labels: Tensor, bias: Tensor) -> None:
    check_images(model, images)
    require.labels(labels, n=len(images), classes=10)
    require.labels(bias, n=len(images), classes=10, name="bias")


@require.checked(_check_biased)
def group_accuracies(model: nn.Module, images: Tensor, labels: Tensor, bias: Tensor) -> dict[str, float]:
    """The group metrics of a model of ten classes on data with ten values of the bias; see `group_report`."""
    return group_report(*group_table(answers(model, images), labels.cpu(), bias.cpu()))
