"""One training loop for every method of the course. A method is a function from a batch to a loss.

`fit` trains one network. `side_by_side` does several pieces of work at a time, a training each for instance.
`fit_many` trains many small networks at once, for experiments that need hundreds.
"""

from course_utils.training.loop import (
    Batch,
    History,
    Loss,
    Schedule,
    Vicinity,
    batches,
    constant,
    erm,
    fit,
    late_decay,
    one_cycle,
    train_epoch,
)
from course_utils.training.many import Record, by_epoch, fit_many
from course_utils.training.stack import Stack
from course_utils.training.together import cores, side_by_side

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
    "constant",
    "cores",
    "erm",
    "fit",
    "fit_many",
    "late_decay",
    "one_cycle",
    "side_by_side",
    "train_epoch",
]
