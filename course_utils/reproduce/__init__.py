"""The experiments at a larger scale: `python -m course_utils.reproduce colored-mnist --help`, or `fish-and-hand`.

A run is one training of one method, and a row of a CSV file. Rows that are there already are not computed again: you
can stop the command at any time and start it later.
"""

from course_utils.reproduce.fish import (
    FISH_AND_HAND,
    FISH_METHODS,
    FISH_NAMES,
    FishRun,
    fish_table,
)
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
    Sheet,
    append,
    markdown,
    published,
    read,
    table,
)
from course_utils.reproduce.runs import Run, estimate, run

__all__ = [
    "COLUMNS",
    "FISH_AND_HAND",
    "FISH_METHODS",
    "FISH_NAMES",
    "METHODS",
    "METRICS",
    "NAMES",
    "PROTOCOLS",
    "PUBLISHED",
    "RESULTS",
    "Method",
    "Protocol",
    "FishRun",
    "Run",
    "Scaled",
    "Sheet",
    "TrainingSet",
    "alone_on_a_core",
    "append",
    "auxiliary",
    "estimate",
    "fish_table",
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
