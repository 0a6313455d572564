"""One training loop for every method of the course. A method is a function from a batch to a loss.

`fit` trains one network. `fit_many` trains many small ones at once, for experiments that need hundreds.
"""

from course_utils.training.loop import (
    Batch,
    History,
    Loss,
    Schedule,
    Vicinity,
    batches,
    check_positive,
    constant,
    erm,
    fit,
    late_decay,
    one_cycle,
    train_epoch,
)
from course_utils.training.many import Record, by_epoch, fit_many
from course_utils.training.stack import Stack

__all__ = [
    "Batch",
    "History",
    "Loss",
    "Record",
    "Schedule",
    "Stack",
    "Vicinity",
    "batches",
    "by_epoch",
    "check_positive",
    "constant",
    "erm",
    "fit",
    "fit_many",
    "late_decay",
    "one_cycle",
    "train_epoch",
]
