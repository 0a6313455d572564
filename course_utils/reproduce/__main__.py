"""The command line."""

import argparse
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

import joblib

from course_utils import biased, models, reproduce
from course_utils.reproduce import METHODS, PROTOCOLS, RESULTS, Run, read, run_all, table


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
    parser.add_argument("data", choices=["colored-mnist"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD",
                        help="of " + ", ".join(METHODS))  # fmt: skip
    parser.add_argument("--ratios", nargs="+", type=share, default=biased.RATIOS,
                        help="shares of bias-conflicting training pictures")  # fmt: skip
    parser.add_argument(
        "--split",
        choices=["test", "validation"],
        default="test",
        help="validation: to choose settings, without the test set and without bias labels",
    )
    parser.add_argument("--noise", nargs="+", type=share, default=[0.0], help="shares of wrong training labels")
    parser.add_argument("--seeds", type=seeds, default=list(range(5)), help="0-4, or 0,3,7")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="ours")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the CSV file that grows (default: %(default)s)")
    parser.add_argument("--jobs", type=int, help="runs at a time, each with one thread and 1.5 GB (default: as many as "
                        "there are cores, or 1 on a GPU)")  # fmt: skip
    parser.add_argument("--device", help=f"where to train, for instance cuda (default: {models.DEVICE}, or the CPU)")
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the grid that the command line asks for, and print the table of the file."""
    asked = parse(arguments)
    grid = itertools.product(asked.seeds, asked.noise, asked.ratios, asked.methods)
    cells = [Run(asked.protocol, method, ratio, noise, seed, asked.split) for seed, noise, ratio, method in grid]
    run_all(cells, asked.out, asked.jobs)
    results, measure = read(asked.out), {"test": "unbiased", "validation": "estimate"}[asked.split]
    print(f"\n{measure} on {asked.split}, in percent, mean ± standard deviation (runs):\n")
    print(table(results[results.split == asked.split], measure).to_string())


if __name__ == "__main__":
    main()
