"""The experiments at the papers' scale: `python -m course_utils.reproduce colored-mnist --help`, or fish-and-hand.

A run is one training of one method, and a row of a CSV file. Rows that are there already are not computed again: you
can stop the command at any time and start it later.
"""

from course_utils.reproduce.colored_mnist import COLORED_MNIST
from course_utils.reproduce.experiment import Experiment
from course_utils.reproduce.fish_and_hand import FISH_AND_HAND, FISH_METRICS, FishRun, fish_run, fish_table
from course_utils.reproduce.fish_methods import FISH_METHODS, FISH_NAMES, FISH_PROTOCOLS, FishMethod, FishProtocol
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
from course_utils.reproduce.results import METRICS, PUBLISHED, RESULTS, published, table
from course_utils.reproduce.runs import Run, estimate, run
from course_utils.reproduce.tables import markdown

EXPERIMENTS = {experiment.name: experiment for experiment in (COLORED_MNIST, FISH_AND_HAND)}

# Of Colored MNIST, the first experiment, like METHODS, Run, table and others above.
COLUMNS, read, append = COLORED_MNIST.columns, COLORED_MNIST.read, COLORED_MNIST.append

__all__ = [
    "COLORED_MNIST",
    "COLUMNS",
    "EXPERIMENTS",
    "FISH_AND_HAND",
    "FISH_METHODS",
    "FISH_METRICS",
    "FISH_NAMES",
    "FISH_PROTOCOLS",
    "METHODS",
    "METRICS",
    "NAMES",
    "PROTOCOLS",
    "PUBLISHED",
    "RESULTS",
    "Experiment",
    "FishMethod",
    "FishProtocol",
    "FishRun",
    "Method",
    "Protocol",
    "Run",
    "Scaled",
    "TrainingSet",
    "alone_on_a_core",
    "append",
    "auxiliary",
    "estimate",
    "fish_run",
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
