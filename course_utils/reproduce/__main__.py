"""The command line."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils import models, reproduce
from course_utils.reproduce import grid
from course_utils.reproduce.experiment import Experiment, among
from course_utils.reproduce.experiments import EXPERIMENTS


def seeds(text: str) -> list[int]:
    """A text such as 0-4 or 0,3,7 as a list of numbers."""
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"\d+(-\d+)?", part):
            raise argparse.ArgumentTypeError(f"must look like 0-4 or 0,3,7; got {text!r}")
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise argparse.ArgumentTypeError(f"{part} runs backwards: write {last}-{first}")
        found += range(int(first), int(last or first) + 1)
    return found


def at_least_one(text: str) -> int:
    """A number of runs side by side."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text}")
    return int(text)


def setting(text: str) -> tuple[str, list[str]]:
    """A text such as method=erm,mixup."""
    name, equals, given = text.partition("=")
    if not (name and equals and given):
        raise argparse.ArgumentTypeError(f"must look like method=erm,mixup; got {text!r}")
    return name, given.split(",")


def chosen(asked: argparse.Namespace, experiment: Experiment) -> list:
    """The cells that the command line asks for.

    Raises:
        ValueError: a setting or a value that does not exist.
    """
    values = {}
    for name, texts in asked.set or []:
        among("setting", name, experiment.settings, of=experiment.name)
        kind = experiment.settings[name]
        try:
            values[name] = [kind(text) for text in texts]
        except ValueError:
            raise ValueError(f"{name} must be of type {kind.__name__}, got {','.join(texts)!r}") from None
    if asked.seeds:
        values["seed"] = asked.seeds
    return experiment.cells(**values)


def run(asked: argparse.Namespace) -> None:
    """Run what is missing of these experiments' grids."""
    experiments = [EXPERIMENTS[name] for name in asked.names or EXPERIMENTS]
    for experiment, cells in [(experiment, chosen(asked, experiment)) for experiment in experiments]:
        print(f"{experiment.name}: ", end="")
        grid.run_all(experiment, cells, asked.out or experiment.path, asked.jobs)


def show_list(asked: argparse.Namespace) -> None:
    """Print the experiments."""
    for experiment in EXPERIMENTS.values():
        cells = experiment.cells()
        stored = len(cells) - len(grid.missing(experiment, cells, experiment.path))
        print(f"{experiment.name:20} {stored} of {len(cells)} runs stored. {experiment.about}")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.reproduce", description=reproduce.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the experiments").set_defaults(do=show_list)
    command = commands.add_parser("run", help="run what is missing")
    command.set_defaults(do=run)
    command.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)} (default: all)")
    command.add_argument("--set", nargs="+", type=setting, metavar="SETTING=VALUES",
                         help="such as method=erm,mixup: the first grid with these values")  # fmt: skip
    command.add_argument("--seeds", type=seeds, help="0-4, or 0,3,7 (default: those that are stored)")
    command.add_argument("--out", type=Path, help="the file that grows (default: the experiment's, in data/results)")
    command.add_argument("--jobs", type=at_least_one, help="runs at a time, each with one thread and 1.5 GB (default: "
                         "as many as there are cores, or 1 on a GPU)")  # fmt: skip
    where = f"where to train, for instance cuda (default: {models.DEVICE}, or the CPU)"
    command.add_argument("--device", help=where)
    asked = parser.parse_args(arguments)
    try:
        for name in getattr(asked, "names", []):
            among("experiment", name, EXPERIMENTS)
        if getattr(asked, "device", None):
            os.environ[models.DEVICE] = asked.device  # which the processes of the runs inherit
        models.chosen_device()
    except ValueError as error:
        parser.error(str(error))
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    asked = parse(arguments)
    try:
        asked.do(asked)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
