"""When a measurement carries a claim: the interval of paired differences, a level and its control, honest ranges."""

import math

import scipy  # which imports scipy.special, 13 MB, where it is asked for: at a chapter's first card
from torch import Tensor

from course_utils import require


def _check_differences(differences: Tensor) -> None:
    require.tensors(differences=(differences, "float [n]"))
    if len(differences) < 2:
        raise ValueError(f"differences must be those of at least two pairs, got {require.what(differences)}")
    require.finite(differences=differences)


@require.checked(_check_differences)
def paired_interval(differences: Tensor) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences (Student, Biometrika 1908).

        mean ± t · s / √n

    with s the standard deviation (its square divides by n − 1), and t the 97.5 % quantile of Student's distribution
    with n − 1 degrees of freedom: 4.30 for three pairs, 2.78 for five. The pairs are taken for independent draws.

    Args:
        differences: [n] float, one for each pair, n at least 2.

    Returns:
        the lower and the upper end.
    """
    n = len(differences)
    reach = float(scipy.special.stdtrit(n - 1, 0.975)) * differences.std() / n**0.5
    return (differences.mean() - reach).item(), (differences.mean() + reach).item()


def _check_level(runs: Tensor, control: Tensor, bound: float, margin: float) -> None:
    require.tensors(runs=(runs, "float [n]"), control=(control, "float [m]"))
    require.finite(runs=runs, control=control)  # NaN reaches no bound: a control of NaN would clear the claim
    require.above(-math.inf, bound=bound)
    require.at_least(0, margin=margin)


@require.checked(_check_level)
def verdict(runs: Tensor, control: Tensor, bound: float, margin: float = 0.0) -> tuple[bool, bool]:
    """Whether a level holds, and whether its control passes too: then what holds has another reason than the claim's.

    Args:
        runs: [n] float, what was measured, one number a run.
        control: [m] float, the same where it should not come out so high.
        bound: what every run must reach, with `margin` to spare.
        margin: at least 0.

    Returns:
        two of True and False: every run reaches bound + margin; every run of the control does.
    """
    holds = bool((runs >= bound + margin).all())
    passes = bool((control >= bound + margin).all())
    return holds, passes


def _check_ranges(low: Tensor, high: Tensor, truth: Tensor) -> None:
    require.tensors(low=(low, "float [n]"), high=(high, "float [n]"), truth=(truth, "float [n]"))
    require.finite(low=low, high=high, truth=truth)
    if (low > high).any():
        raise ValueError(f"low must be at most high in every range, got {int((low > high).sum())} upside down")


@require.checked(_check_ranges)
def coverage(low: Tensor, high: Tensor, truth: Tensor) -> float:
    """The share of ranges that hold the truth, their ends included.

    Who is 80 % sure of each range, and right about that, has a coverage near 0.8; less is over-confidence
    (Lichtenstein et al., Judgment under Uncertainty 1982).

    Args:
        low, high: [n] float, the ends of each range, low at most high.
        truth: [n] float, what was measured.

    Returns:
        a share in [0, 1].
    """
    return ((low <= truth) & (truth <= high)).float().mean().item()
