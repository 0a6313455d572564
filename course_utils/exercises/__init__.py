"""Checks and hints, one per exercise: `check_NAME(your_function)` in the cell after the exercise.

An exercise never blocks: unsolved, the check says so, and `.use()` hands out the course's own function.
"""

from IPython.display import Code

from course_utils.exercises.adversarial import FGSM, MARGIN_LOSS, PGD_STEP, PROJECT
from course_utils.exercises.bias import BIASED_COLOURS, GCE, GROUP_TABLE, RELATIVE_DIFFICULTY
from course_utils.exercises.erm import CHOOSE_MODEL, EMPIRICAL_RISK, TRAIN_EPOCH
from course_utils.exercises.mechanism import Exercise, Verdict, check, source
from course_utils.exercises.memorization import FLIP_LABELS, FORGETTING_EVENTS, MEMORIZATION_SCORE, STOPPING_EPOCH
from course_utils.exercises.mixup import EXPECTED_CALIBRATION_ERROR, MIXUP, MIXUP_GAN_RISK, MIXUP_RISK
from course_utils.exercises.selecmix import GSC, MIXTURE, PAIRS, PAIRS_BY_BIAS
from course_utils.exercises.start import ERROR_RATE

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        ERROR_RATE,
        EMPIRICAL_RISK,
        TRAIN_EPOCH,
        CHOOSE_MODEL,
        FLIP_LABELS,
        STOPPING_EPOCH,
        MEMORIZATION_SCORE,
        FORGETTING_EVENTS,
        MIXUP,
        MIXUP_RISK,
        EXPECTED_CALIBRATION_ERROR,
        MIXUP_GAN_RISK,
        FGSM,
        PROJECT,
        PGD_STEP,
        MARGIN_LOSS,
        BIASED_COLOURS,
        GROUP_TABLE,
        GCE,
        RELATIVE_DIFFICULTY,
        PAIRS_BY_BIAS,
        PAIRS,
        MIXTURE,
        GSC,
    )
}


def solution(name: str) -> Code:
    """The course's own function, by name. It is the solution of the exercise of that name.

    Raises:
        ValueError: there is no such exercise.
    """
    if name not in EXERCISES:
        raise ValueError(f"name must be one of {', '.join(EXERCISES)}; got {name!r}")
    return source(EXERCISES[name])


def check_error_rate(attempt) -> Verdict:
    """Chapter 00: the share of wrong predictions."""
    return check(ERROR_RATE, attempt)


def check_empirical_risk(attempt) -> Verdict:
    """Chapter 01: the average cross-entropy."""
    return check(EMPIRICAL_RISK, attempt)


def check_train_epoch(attempt) -> Verdict:
    """Chapter 01: one pass over the batches, one step for each."""
    return check(TRAIN_EPOCH, attempt)


def check_choose_model(attempt) -> Verdict:
    """Chapter 01: choose on validation data, report on test data."""
    return check(CHOOSE_MODEL, attempt)


def check_flip_labels(attempt) -> Verdict:
    """Chapter 02: an exact share of wrong labels, never the true one."""
    return check(FLIP_LABELS, attempt)


def check_stopping_epoch(attempt) -> Verdict:
    """Chapter 02: early stopping with patience."""
    return check(STOPPING_EPOCH, attempt)


def check_memorization_score(attempt) -> Verdict:
    """Chapter 02: right when trained on, minus right when left out."""
    return check(MEMORIZATION_SCORE, attempt)


def check_forgetting_events(attempt) -> Verdict:
    """Chapter 02: from right to wrong, counted for each example."""
    return check(FORGETTING_EVENTS, attempt)


def check_mixup(attempt) -> Verdict:
    """Chapter 03: two examples and their labels, mixed with the same weight."""
    return check(MIXUP, attempt)


def check_mixup_risk(attempt) -> Verdict:
    """Chapter 03: the mixed loss as two cross-entropies."""
    return check(MIXUP_RISK, attempt)


def check_expected_calibration_error(attempt) -> Verdict:
    """Chapter 03: how far confidence is from accuracy."""
    return check(EXPECTED_CALIBRATION_ERROR, attempt)


def check_mixup_gan_risk(attempt) -> Verdict:
    """Chapter 03: a discriminator that is asked how much of a point is real."""
    return check(MIXUP_GAN_RISK, attempt)


def check_fgsm(attempt) -> Verdict:
    """Chapter 04: one step uphill, eps in every pixel."""
    return check(FGSM, attempt)


def check_project(attempt) -> Verdict:
    """Chapter 04: back into the ball, for two norms."""
    return check(PROJECT, attempt)


def check_pgd_step(attempt) -> Verdict:
    """Chapter 04: a step of PGD in which no pixel gets stuck."""
    return check(PGD_STEP, attempt)


def check_margin_loss(attempt) -> Verdict:
    """Chapter 04: a loss whose gradient does not vanish where the network is sure."""
    return check(MARGIN_LOSS, attempt)


def check_biased_colours(attempt) -> Verdict:
    """Chapter 05: a colour for each digit, with an exact share of conflicting ones."""
    return check(BIASED_COLOURS, attempt)


def check_group_table(attempt) -> Verdict:
    """Chapter 05: the accuracy in every group of label and bias."""
    return check(GROUP_TABLE, attempt)


def check_gce(attempt) -> Verdict:
    """Chapter 05: the generalized cross-entropy."""
    return check(GCE, attempt)


def check_relative_difficulty(attempt) -> Verdict:
    """Chapter 05: LfF's weight, safe where losses are zero."""
    return check(RELATIVE_DIFFICULTY, attempt)


def check_contradicting_pairs_by_bias(attempt) -> Verdict:
    """Chapter 06: partners that contradict, where the bias is known."""
    return check(PAIRS_BY_BIAS, attempt)


def check_contradicting_pairs(attempt) -> Verdict:
    """Chapter 06: partners that contradict, by similarity."""
    return check(PAIRS, attempt)


def check_mix_pairs(attempt) -> Verdict:
    """Chapter 06: the mixture, which the partner prevails in."""
    return check(MIXTURE, attempt)


def check_gsc(attempt) -> Verdict:
    """Chapter 06: a contrastive loss that amplifies the bias."""
    return check(GSC, attempt)
