"""What a model gets right, for which groups, how sure it is, how steep, what it owes to a part of the image;
and when a measurement carries a claim.

Shares are fractions between 0 and 1.

Evaluation never changes a model: it runs in eval mode, in chunks, leaves no gradients behind, and every
layer is put back into the mode it was in.
"""

from course_utils.metrics.attribution import alone_minus_empty, attributions, effects, log_odds, signed_on
from course_utils.metrics.calibration import (
    Tempered,
    check_probabilities,
    expected_calibration_error,
    reliability,
    temperature,
)
from course_utils.metrics.classification import (
    accuracy,
    answers,
    choose_model,
    empirical_risk,
    error_rate,
    keeping_mode,
    outputs,
)
from course_utils.metrics.evidence import coverage, paired_interval, verdict
from course_utils.metrics.groups import group_accuracies, group_report, group_table, reweighted_accuracy
from course_utils.metrics.steepness import gradient_norms, input_gradient, margin_distances, margin_slopes

__all__ = [
    "Tempered",
    "accuracy",
    "alone_minus_empty",
    "answers",
    "attributions",
    "check_probabilities",
    "choose_model",
    "coverage",
    "effects",
    "empirical_risk",
    "error_rate",
    "expected_calibration_error",
    "gradient_norms",
    "group_accuracies",
    "group_report",
    "group_table",
    "input_gradient",
    "keeping_mode",
    "log_odds",
    "margin_distances",
    "margin_slopes",
    "outputs",
    "paired_interval",
    "reliability",
    "reweighted_accuracy",
    "signed_on",
    "temperature",
    "verdict",
]
