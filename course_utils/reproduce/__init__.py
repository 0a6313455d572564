"""The experiments at the papers' scale: `python -m course_utils.reproduce colored-mnist --help`.

A run is one training of one method on all 60,000 digits, and a row of a CSV file. Rows that are there already are not
computed again: you can stop the command at any time and start it later.
"""

from course_utils.reproduce.grid import alone_on_a_core, missing, run_all
from course_utils.reproduce.methods import (
    METHODS,
    NAMES,
    PROTOCOLS,
    Method,
    Protocol,
    Scaled,
    TrainingSet,
    auxiliary,
    mix_softly,
    network,
    resample,
)
from course_utils.reproduce.results import (
    COLUMNS,
    METRICS,
    PUBLISHED,
    RESULTS,
    append,
    markdown,
    published,
    read,
    table,
)
from course_utils.reproduce.runs import Run, estimate, run

__all__ = [
    "COLUMNS",
    "METHODS",
    "METRICS",
    "NAMES",
    "PROTOCOLS",
    "PUBLISHED",
    "RESULTS",
    "Method",
    "Protocol",
    "Run",
    "Scaled",
    "TrainingSet",
    "alone_on_a_core",
    "append",
    "auxiliary",
    "estimate",
    "markdown",
    "missing",
    "mix_softly",
    "network",
    "published",
    "read",
    "resample",
    "run",
    "run_all",
    "table",
]
