"""When a measurement carries a claim: the interval of paired differences, a level and its control, honest ranges."""

from scipy.special import stdtrit
from torch import Tensor

from course_utils import require


def check_differences(differences: Tensor) -> None:
    """Raise a ValueError unless there is a number for each of at least two pairs."""
    if differences.dim() != 1 or len(differences) < 2:
        raise ValueError(f"differences must be [n], one for each of at least two pairs, got {list(differences.shape)}")


@require.checked(check_differences)
def paired_interval(differences: Tensor) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences (Student, Biometrika 1908).

        mean ± t · s / √n

    with s the standard deviation (its square divides by n − 1), and t the 97.5 % quantile of Student's distribution
    with n − 1 degrees of freedom: 4.30 for three pairs, 2.78 for five. The pairs are taken for independent draws.

    Args:
        differences: [n] float, one for each pair, n at least 2.

    Returns:
        the lower and the upper end.

    Raises:
        ValueError: fewer than two differences.
    """
    n = len(differences)
    reach = float(stdtrit(n - 1, 0.975)) * differences.std() / n**0.5
    return (differences.mean() - reach).item(), (differences.mean() + reach).item()


def check_level(runs: Tensor, control: Tensor, bound: float, margin: float = 0.0) -> None:
    """Raise a ValueError unless both hold at least one number, and the margin is none that helps."""
    for name, values in (("runs", runs), ("control", control)):
        if values.dim() != 1 or not len(values):
            raise ValueError(f"{name} must be [n], at least one number, got {list(values.shape)}")
    if not margin >= 0:
        raise ValueError(f"margin must be at least 0, got {margin}")


@require.checked(check_level)
def verdict(runs: Tensor, control: Tensor, bound: float, margin: float = 0.0) -> tuple[bool, bool]:
    """Whether a level holds, and whether its control passes too: then what holds has another reason than the claim's.

    Args:
        runs: [n] float, what was measured, one number a run.
        control: [m] float, the same where it should not come out so high.
        bound: what every run must reach, with `margin` to spare.
        margin: at least 0.

    Returns:
        two of True and False: every run reaches bound + margin; every run of the control does.

    Raises:
        ValueError: runs or control without a number, or a negative margin.
    """
    holds = (runs >= bound + margin).all().item()
    passes = (control >= bound + margin).all().item()
    return holds, passes


def check_ranges(low: Tensor, high: Tensor, truth: Tensor) -> None:
    """Raise a ValueError unless there is a range for each truth, and none upside down."""
    if not (truth.dim() == 1 and len(truth) and low.shape == high.shape == truth.shape):
        shapes = ", ".join(str(list(values.shape)) for values in (low, high, truth))
        raise ValueError(f"low, high and truth must be [n], one for each question, n at least 1, got {shapes}")
    if (low > high).any():
        raise ValueError("low must be at most high in every range")


@require.checked(check_ranges)
def coverage(low: Tensor, high: Tensor, truth: Tensor) -> float:
    """The share of ranges that hold the truth, their ends included.

    Who is 80 % sure of each range, and right about that, has a coverage near 0.8; less is over-confidence
    (Lichtenstein et al., Judgment under Uncertainty 1982).

    Args:
        low, high: [n] float, the ends of each range.
        truth: [n] float, what was measured.

    Returns:
        a share in [0, 1].

    Raises:
        ValueError: not one range for each truth, or a range whose low end is above its high end.
    """
    return ((low <= truth) & (truth <= high)).float().mean().item()
