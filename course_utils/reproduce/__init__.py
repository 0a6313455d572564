"""The experiments behind the claims, and the paper-scale ones: `python -m course_utils.reproduce list`.

A run is one training of one method (or whatever an experiment calls a run), and a line of a file in data/results. Runs
that are there already are not made again: you can stop the command at any time and start it later.
"""

from course_utils.reproduce.experiment import Experiment, values
from course_utils.reproduce.experiments import EXPERIMENTS
from course_utils.reproduce.experiments.colored_mnist import COLORED_MNIST, METRICS, Run, estimate, run
from course_utils.reproduce.experiments.colored_mnist_methods import (
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
from course_utils.reproduce.experiments.colored_mnist_table import COLUMNS, published, read, table
from course_utils.reproduce.experiments.fish_and_hand import FISH_AND_HAND, FISH_METRICS, FishRun, fish_run, fish_table
from course_utils.reproduce.experiments.fish_methods import (
    FISH_METHODS,
    FISH_NAMES,
    FISH_PROTOCOLS,
    FishMethod,
    FishProtocol,
)
from course_utils.reproduce.grid import alone_on_a_core, missing, run_all
from course_utils.reproduce.tables import markdown

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
    "values",
]
