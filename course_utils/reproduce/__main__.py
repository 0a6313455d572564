"""The command line."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

import joblib

from course_utils import models, reproduce
from course_utils.reproduce import EXPERIMENTS, run_all


def seeds(text: str) -> list[int]:
    """A text such as 0-4 or 0,3,7 as a list of numbers."""
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"\d+(-\d+)?", part):
            raise argparse.ArgumentTypeError(f"seeds must look like 0-4 or 0,3,7; got {text!r}")
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.reproduce", description=reproduce.__doc__)
    commands = parser.add_subparsers(dest="data", required=True)
    for experiment in EXPERIMENTS.values():
        command = commands.add_parser(experiment.name)
        command.add_argument("--methods", nargs="+", choices=experiment.methods, default=list(experiment.methods),
                             metavar="METHOD", help="of " + ", ".join(experiment.methods))  # fmt: skip
        command.add_argument("--seeds", type=seeds, default=list(range(5)), help="0-4, or 0,3,7")
        experiment.options(command)
        command.add_argument("--out", type=Path, default=experiment.path,
                             help="the CSV file that grows (default: %(default)s)")  # fmt: skip
        command.add_argument("--jobs", type=int, help="runs at a time, each with one thread and 1.5 GB (default: as "
                             "many as there are cores, or 1 on a GPU)")  # fmt: skip
        where = f"where to train, for instance cuda (default: {models.DEVICE}, or the CPU)"
        command.add_argument("--device", help=where)
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
    experiment = EXPERIMENTS[asked.data]
    run_all(experiment, list(experiment.cells(asked)), asked.out, asked.jobs)
    print("\n" + experiment.report(experiment.read(asked.out), asked))


if __name__ == "__main__":
    main()
