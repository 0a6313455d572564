"""Colored MNIST as an experiment: the grid of chapters 05 and 06."""

import argparse
import itertools
from collections.abc import Iterator

import pandas as pd

from course_utils import biased
from course_utils.reproduce.experiment import Experiment, share
from course_utils.reproduce.methods import NAMES, PROTOCOLS
from course_utils.reproduce.results import KEY, METRICS, RESULTS, table
from course_utils.reproduce.runs import Run, run


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for besides methods and seeds."""
    parser.add_argument("--ratios", nargs="+", type=share, default=biased.RATIOS,
                        help="shares of bias-conflicting training pictures")  # fmt: skip
    parser.add_argument(
        "--split",
        choices=["test", "validation"],
        default="test",
        help="validation: to choose settings, without the test set and without bias labels",
    )
    parser.add_argument("--noise", nargs="+", type=share, default=[0.0], help="shares of wrong training labels")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="ours")


def cells(asked: argparse.Namespace) -> Iterator[Run]:
    """All methods have a seed before the next one begins."""
    for seed, noise, ratio, method in itertools.product(asked.seeds, asked.noise, asked.ratios, asked.methods):
        yield Run(asked.protocol, method, ratio, noise, seed, asked.split)


def report(results: pd.DataFrame, asked: argparse.Namespace) -> str:
    """The table of the file."""
    measure = {"test": "unbiased", "validation": "estimate"}[asked.split]
    head = f"{measure} on {asked.split}, in percent, mean ± standard deviation (runs):"
    return f"{head}\n\n{table(results[results.split == asked.split], measure).to_string()}"


COLORED_MNIST = Experiment(
    name="colored-mnist", path=RESULTS, cell=Run, run=run, methods=NAMES, key=KEY, measured=("epoch", *METRICS),
    options=options, cells=cells, report=report, closing={"selected": "last"},
)  # fmt: skip
