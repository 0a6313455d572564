"""Claim 5, its first half: does mixup make gradients smaller? A discriminator's here, and the loss's of `mixup`."""

from functools import partial
from typing import NamedTuple

import pandas as pd

from course_utils import data, gan, mixup
from course_utils.claims import Difference
from course_utils.reproduce.experiment import Experiment, Grid, values

STEPS = 2_000  # of the generator


class GanRun(NamedTuple):
    """One cell of the grid, for one seed."""

    method: str  # usual, or mixup-ALPHA
    seed: int


def draw_of(method: str) -> gan.DrawLam:
    """How much of a point is real: "usual", all of it or nothing; "mixup-0.2", mixup's objective with alpha = 0.2.

    Raises:
        ValueError: a method of another name, or an alpha that does not exist.
    """
    if method == "usual":
        return gan.real_or_fake
    way, _, alpha = method.partition("-")
    try:
        if way == "mixup" and float(alpha) > 0:
            return partial(mixup.sample_lam, float(alpha))
    except ValueError:
        pass
    raise ValueError(f"method must be usual or mixup-ALPHA, with an alpha above 0; got {method!r}")


def check(cell: GanRun) -> None:
    """Raise a ValueError that names the setting, unless there is such a method."""
    draw_of(cell.method)


MEASURED = {
    "gradient": "norm of the discriminator's gradient at the generator's points, mean over 16 moments of the training",
    "spread": "standard deviation of its logits over real and made points, mean over those moments",
    "gradient_by_spread": "the gradient divided by the spread, mean over those moments",
    "placed": "share of the generator's points in the right place at the end",
}


def gan_run(cell: GanRun) -> dict[str, float]:
    """Train a generator against a discriminator on the ring of Gaussians: MEASURED.

    Raises:
        ValueError: a method that does not exist.
    """
    played = gan.train_gans([draw_of(cell.method)], seeds=[cell.seed], steps=STEPS, moments=16, show=False)
    gradients, spreads = played.gradients[:, 0], played.spreads[:, 0]
    measured = {
        "gradient": gradients.mean(),
        "spread": spreads.mean(),
        "gradient_by_spread": (gradients / spreads).mean(),
        "placed": gan.well_placed(played.samples[-1, 0], data.RING, 3 * data.RING_STD),
    }
    return {name: round(value.item(), 5) for name, value in measured.items()}


METHODS = ("usual", "mixup-1")

DISCRIMINATOR = Experiment(
    name="discriminator",
    about="A generator against a discriminator in the plane, the usual way and with mixup: how steep is d?",
    cell=GanRun,
    run=gan_run,
    measured=MEASURED,
    check=check,
    grids=({"method": METHODS, "seed": range(5)},),
)

GRADIENT_NEEDS: dict[str, Grid] = {
    "mixup": {"method": ("erm", "mixup-1"), "n": (1_000,)},
    "discriminator": {"method": METHODS},
}


def gradient_evidence(frames: dict[str, pd.DataFrame]) -> list[Difference]:
    """Whether gradients without mixup are at least 1.2 times as large, of the loss and of the discriminator, in pairs.

    Args:
        frames: the runs of GRADIENT_NEEDS, by experiment.

    Returns:
        at equal confidence: the loss's half way between training images, the discriminator's in units of its logits'
        spread. Then the same two as trained.
    """

    def ratio(experiment: str, measure: str, without: str, what: str) -> Difference:
        frame = frames[experiment] if experiment == "discriminator" else frames[experiment].query("n == 1000")
        pairs = values(frame, measure, method=without) / values(frame, measure, method="mixup-1")
        return Difference(what, pairs, above=1.2, margin=0.05, unit="×")

    return [
        ratio("mixup", "gradient_equal", "erm", "loss gradient half way between images, at equal confidence"),
        ratio("discriminator", "gradient_by_spread", "usual", "d's gradient in units of its logits' spread"),
        ratio("mixup", "gradient", "erm", "loss gradient half way between images, as trained"),
        ratio("discriminator", "gradient", "usual", "d's gradient, as trained"),
    ]
