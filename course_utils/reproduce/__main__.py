"""The command line."""

import argparse
import itertools
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import joblib

from course_utils import biased, models, reproduce
from course_utils.reproduce import METHODS, PROTOCOLS, Run, Sheet, read, run_all, table
from course_utils.reproduce.fish import BIASES, FISH_AND_HAND, FISH_METHODS, FishRun, fish_table
from course_utils.reproduce.results import COLORED_MNIST


def seeds(text: str) -> list[int]:
    """A text such as 0-4 or 0,3,7 as a list of numbers."""
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"\d+(-\d+)?", part):
            raise argparse.ArgumentTypeError(f"seeds must look like 0-4 or 0,3,7; got {text!r}")
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def share(text: str) -> float:
    """A number in [0, 1]."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"must be a share in [0, 1], got {text}")
    return float(text)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.reproduce", description=reproduce.__doc__)
    data = parser.add_subparsers(dest="data", required=True)
    colored = data.add_parser("colored-mnist", help="chapters 05 and 06: 60,000 digits in colour")
    _add_common(colored, METHODS, COLORED_MNIST)
    colored.add_argument("--ratios", nargs="+", type=share, default=biased.RATIOS,
                         help="shares of bias-conflicting training pictures")  # fmt: skip
    colored.add_argument(
        "--split",
        choices=["test", "validation"],
        default="test",
        help="validation: to choose settings, without the test set and without bias labels",
    )
    colored.add_argument("--noise", nargs="+", type=share, default=[0.0], help="shares of wrong training labels")
    colored.add_argument("--protocol", choices=PROTOCOLS, default="ours")
    fish = data.add_parser("fish-and-hand", help="chapter 07: 10,000 fish, a hand or a background as the bias")
    _add_common(fish, FISH_METHODS, FISH_AND_HAND)
    fish.add_argument("--biases", nargs="+", choices=BIASES, default=BIASES, help="which bias there is")
    asked = parser.parse_args(arguments)
    if asked.device:
        os.environ[models.DEVICE] = asked.device  # which the processes of the runs inherit
    try:
        device = models.chosen_device()
    except ValueError as error:
        parser.error(str(error))
    if asked.jobs is None:
        asked.jobs = joblib.cpu_count() if device.type == "cpu" else 1
    return asked


def _add_common(parser: argparse.ArgumentParser, methods: Collection[str], sheet: Sheet) -> None:
    """What every experiment can be asked."""
    parser.add_argument("--methods", nargs="+", choices=methods, default=list(methods), metavar="METHOD",
                        help="of " + ", ".join(methods))  # fmt: skip
    parser.add_argument("--seeds", type=seeds, default=list(range(5)), help="0-4, or 0,3,7")
    parser.add_argument("--out", type=Path, default=sheet.path, help="the CSV file that grows (default: %(default)s)")
    parser.add_argument("--jobs", type=int, help="runs at a time, each with one thread and 1.5 GB (default: as many as "
                        "there are cores, or 1 on a GPU)")  # fmt: skip
    parser.add_argument("--device", help=f"where to train, for instance cuda (default: {models.DEVICE}, or the CPU)")


def colored_mnist(asked: argparse.Namespace) -> None:
    """The grid of chapters 05 and 06."""
    grid = itertools.product(asked.seeds, asked.noise, asked.ratios, asked.methods)
    cells = [Run(asked.protocol, method, ratio, noise, seed, asked.split) for seed, noise, ratio, method in grid]
    run_all(cells, asked.out, asked.jobs)
    results, measure = read(asked.out), {"test": "unbiased", "validation": "estimate"}[asked.split]
    print(f"\n{measure} on {asked.split}, in percent, mean ± standard deviation (runs):\n")
    print(table(results[results.split == asked.split], measure).to_string())


def fish_and_hand(asked: argparse.Namespace) -> None:
    """The grid of chapter 07."""
    grid = itertools.product(asked.seeds, asked.biases, asked.methods)
    cells = [FishRun(bias, method, seed) for seed, bias, method in grid if bias in FISH_METHODS[method].biases]
    run_all(cells, asked.out, asked.jobs, FISH_AND_HAND)
    print("\nmean over all groups on test, in percent, mean ± standard deviation (runs):\n")
    print(fish_table(read(asked.out, FISH_AND_HAND)).to_string())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the grid that the command line asks for, and print the table of the file."""
    asked = parse(arguments)
    {"colored-mnist": colored_mnist, "fish-and-hand": fish_and_hand}[asked.data](asked)


if __name__ == "__main__":
    main()
