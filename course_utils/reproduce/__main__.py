"""The command line."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from course_utils import folder, models, plots, reproduce
from course_utils.reproduce import grid, pictures, store, tables
from course_utils.reproduce.experiment import Experiment, among
from course_utils.reproduce.experiments import EXPERIMENTS
from course_utils.reproduce.versions import ROOT

BUILD = ROOT / "build"  # git ignores it


def seeds(text: str) -> list[int]:
    """A text such as 0-4 or 0,3,7 as a list of numbers."""
    found: list[int] = []
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
    """A text such as method=erm,mixup; a comma before a space is part of a name."""
    name, _, given = text.partition("=")
    if not (name and given):
        raise argparse.ArgumentTypeError(f"must look like method=erm,mixup; got {text!r}")
    return name, re.split(",(?! )", given)


def asked_settings(asked: argparse.Namespace, experiment: Experiment) -> dict[str, list]:
    """What stands behind --set, in the settings' own types.

    Raises:
        ValueError: a setting that does not exist, or a value of another type.
    """
    values = {}
    for name, texts in asked.set or []:
        among("setting", name, experiment.settings, of=experiment.name)
        kind = experiment.settings[name]
        try:
            values[name] = [kind(text) for text in texts]
        except ValueError:
            raise ValueError(f"{name} must be of type {kind.__name__}, got {','.join(texts)!r}") from None
    return values


def run(asked: argparse.Namespace) -> None:
    """Run what is missing of these experiments' grids. All that can be wrong is looked for before the first run."""
    if asked.out and len(asked.names) != 1:
        raise ValueError("--out takes one experiment: a file holds the runs of one")
    work, seconds = [], 0.0
    for experiment in [EXPERIMENTS[name] for name in asked.names or EXPERIMENTS]:
        path = asked.out or experiment.path
        values = asked_settings(asked, experiment) | ({"seed": asked.seeds} if asked.seeds else {})
        cells = experiment.cells(**values)
        if todo := grid.missing(experiment, cells, path):
            store.prepare(path)
        seconds += experiment.expected(todo)
        work.append((experiment, cells, path))
    jobs = asked.jobs or grid.cores()
    if seconds and not asked.scheduler:
        print(f"about {duration(seconds / jobs)} on {jobs} cores as quick as those of the stored runs")
    for experiment, cells, path in work:
        print(f"{experiment.name}: ", end="", flush=True)
        grid.run_all(experiment, cells, path, jobs, asked.scheduler)


def check(asked: argparse.Namespace) -> None:
    """Judge claims by runs on other seeds."""
    from course_utils.reproduce import scorecard

    for claim in asked.claims:
        among("claim", claim, scorecard.SCORECARD)
    numbers = asked.claims or list(scorecard.SCORECARD)
    if not scorecard.check(numbers, asked.seeds, asked.jobs or grid.cores(), asked.out, asked.scheduler):
        raise SystemExit(1)


def show_list(asked: argparse.Namespace) -> None:
    """Print the experiments."""
    from course_utils.reproduce.scorecard import SCORECARD

    cores = grid.cores()
    for name, experiment in EXPERIMENTS.items():
        cells = experiment.cells()
        stored = len(cells) - len(grid.missing(experiment, cells, experiment.path))
        claims = ", ".join(str(number) for number, row in SCORECARD.items() if name in row.needs)
        took = duration(experiment.expected(cells) / cores)
        print(f"{name}   [claims: {claims or 'none'}]\n    {experiment.about}")
        print(f"    {stored} of {len(cells)} runs are stored. To make them all: about {took} on {cores} cores\n")


def stored_runs(asked: argparse.Namespace) -> tuple[Experiment, pd.DataFrame, list[str]]:
    """The runs that a table or a picture is made of, and its measures.

    Raises:
        ValueError: there are none.
    """
    experiment = EXPERIMENTS[asked.name]
    frame = experiment.read(asked.out)
    for name, values in asked_settings(asked, experiment).items():
        frame = frame[frame[name].isin(values)]
    if frame.empty:
        raise ValueError(f"there are no such runs in {asked.out or experiment.path}")
    return experiment, frame, tables.measures_of(experiment, frame, asked.measure)


def show_table(asked: argparse.Namespace) -> None:
    """Print mean and spread of each setting."""
    experiment, frame, measures = stored_runs(asked)
    print("mean ± standard deviation (runs)\n")
    if experiment is EXPERIMENTS["colored-mnist"]:
        chosen = asked.measure or ["unbiased"]
        table = pd.concat({name: reproduce.table(frame.assign(data=experiment.name), name) for name in chosen}, axis=1)
    else:
        table = tables.overview(experiment, frame, measures)
    print(table.to_string())


def draw(asked: argparse.Namespace) -> None:
    """Draw each run as a dot, into a PNG file."""
    experiment, frame, measures = stored_runs(asked)
    to = asked.to or BUILD / f"{experiment.name}.png"
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(plots.png(pictures.dots(experiment, frame, measures)))
    except OSError as error:
        raise ValueError(f"{to} cannot be written ({error})") from None
    print(to)


def duration(seconds: float) -> str:
    """Such as 40 s, 12 min, 3.5 h; a question mark for NaN."""
    if seconds != seconds:
        return "?"
    return next(
        f"{seconds / size:.{digits}f} {unit}"
        for size, unit, digits in ((3600, "h", 1), (60, "min", 0), (1, "s", 0))
        if seconds >= size or size == 1
    )


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    whole = argparse.ArgumentParser(prog="python -m course_utils.reproduce", description=reproduce.__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: Callable, words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(do=do)
        return added

    command("list", show_list, "the experiments: what is stored, and how long they take")
    add_run(command("run", run, "run what is missing of some experiments' grids"))
    add_check(command("check", check, "judge claims of the lecture by runs on other seeds; status 1 if one differs"))
    for name, do, words in (
        ("table", show_table, "mean and spread of the finished runs"),
        ("plot", draw, "a picture of the finished runs, a dot for each seed"),
    ):
        add_stored(command(name, do, words))
    return whole


def add_run(command: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    command.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)} (default: all)")
    command.add_argument("--set", nargs="+", type=setting, metavar="SETTING=VALUES", help="such as method=erm,mixup: "
                         "the first grid that has such values, or else the first, with these only")  # fmt: skip
    command.add_argument("--seeds", type=seeds, help="0-4, or 0,3,7 (default: those of the stored runs)")
    command.add_argument("--out", type=Path, help="the file that grows (default: the experiment's, in data/results)")
    add_where(command)


def add_check(command: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    command.add_argument("claims", nargs="*", type=int, metavar="CLAIM", help="their numbers (default: all)")
    command.add_argument("--seeds", type=seeds, default="1000-1002", help="at least three (default: %(default)s)")
    command.add_argument("--out", type=Path, default=BUILD / "check", help="the folder of these runs: what is there "
                         "is not run again (default: %(default)s)")  # fmt: skip
    add_where(command)


def add_where(command: argparse.ArgumentParser) -> None:
    """By what machines runs are made."""
    command.add_argument("--jobs", type=at_least_one, help="runs at a time, each with one thread and up to 1.5 GB "
                         "(default: as many as there are cores, or 1 on a GPU)")  # fmt: skip
    command.add_argument("--device", help=f"where to train, such as cuda (default: {models.DEVICE}, or the CPU)")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, whose workers make the runs "
                         "(docs/grid.md)")  # fmt: skip


def add_stored(command: argparse.ArgumentParser) -> None:
    """The options of `table` and `plot`."""
    command.add_argument("name", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)}")
    command.add_argument("--measure", nargs="+", help="which columns")
    command.add_argument("--set", nargs="+", type=setting, metavar="SETTING=VALUES", help="only runs with these")
    command.add_argument("--out", type=Path, help="the file with the runs (default: the experiment's)")
    command.add_argument("--to", type=Path, help="the picture (default: build/NAME.png)")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; the device that is asked for is set."""
    whole = parser()
    asked = whole.parse_args(arguments)
    device, scheduler = getattr(asked, "device", None), getattr(asked, "scheduler", None)
    try:
        for name in getattr(asked, "names", []) or ([asked.name] if hasattr(asked, "name") else []):
            among("experiment", name, EXPERIMENTS)
        if device and scheduler:
            raise ValueError(f"--device is for this machine: start the workers with {models.DEVICE}={device}")
        if device:
            os.environ[models.DEVICE] = device  # which the processes of the runs inherit
        models.chosen_device()
    except ValueError as error:
        whole.error(str(error))
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for. Status 2: nothing was run; 1: a run failed, or a verdict differs."""
    folder.print_anything()
    asked = parse(arguments)
    try:
        asked.do(asked)
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1 if isinstance(error, RuntimeError) else 2) from None
    except KeyboardInterrupt:
        print("stopped; the finished runs are written down, and the same command goes on from there", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
