"""An experiment of the tests: it counts letters, says on the disk when it starts, and waits while it is held there.

Command lines and workers import it by its name, with this folder on their path:
`python -c "import counting; counting.command()" run counting …`
"""

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import torch

from course_utils.reproduce.__main__ import main
from course_utils.reproduce.experiment import Experiment, among
from course_utils.reproduce.experiments import EXPERIMENTS

FOLDER = "COUNTING_FOLDER"  # the environment variable that says where


class Counted(NamedTuple):
    """A run."""

    word: str
    times: int
    seed: int


def count(cell: Counted) -> dict:
    """How many letters, and a number drawn from the seed."""
    folder = Path(os.environ[FOLDER])
    (folder / f"started-{cell.word}-{cell.seed}-{uuid4()}").touch()
    while (folder / f"hold-{cell.word}").exists():
        time.sleep(0.02)
    if (kill := folder / f"kill-{cell.word}").exists():
        os.kill(int(kill.read_text() or os.getpid()), 9)
    drawn = torch.rand(1, generator=torch.Generator().manual_seed(cell.seed)).item()
    return {"letters": len(cell.word) * cell.times / 100, "drawn": round(drawn, 5)}


def check(cell: Counted) -> None:
    """Only these words are counted."""
    among("word", cell.word, ("a", "bb", "ccc"))


COUNTING = Experiment(
    name="counting",
    about="Letters are counted.",
    cell=Counted,
    run=count,
    grids=({"word": ["a", "bb", "ccc"], "times": [2], "seed": range(2)},),
    measured={"letters": "how many, in hundreds", "drawn": "a random number"},
    check=check,
)


def command() -> None:
    """The course's command line, with this experiment beside the others."""
    EXPERIMENTS[COUNTING.name] = COUNTING
    main(sys.argv[1:])
