"""The scorecard: the lecture's nine claims, each judged by stored runs, or by new ones on seeds of your own."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from course_utils import plots, references
from course_utils.claims import LECTURE, Claim, Difference, Evidence
from course_utils.reproduce.experiment import RESTORE, Cell, Experiment, product
from course_utils.reproduce.experiments import (
    EXPERIMENTS,
    attacks,
    colored_mnist,
    first_learned,
    fish_and_hand,
    memorization,
    mixup,
    partners,
)
from course_utils.reproduce.grid import run_all
from course_utils.reproduce.row import Row

SCORECARD: dict[int, Row] = {
    row.number: row
    for row in (
        memorization.CLAIM_1,
        memorization.CLAIM_2,
        mixup.CLAIM_3,
        attacks.CLAIM_4,
        attacks.CLAIM_5,
        first_learned.CLAIM_6,
        colored_mnist.CLAIM_7,
        partners.CLAIM_8,
        fish_and_hand.CLAIM_9,
    )
}


class Judged(NamedTuple):
    """A row of the scorecard with the runs it was judged by."""

    row: Row
    claim: Claim
    frames: dict[str, pd.DataFrame]  # by experiment

    @property
    def seeds(self) -> list[int]:
        """Of the runs, the same in all experiments."""
        return sorted(next(iter(self.frames.values()))["seed"].unique().tolist())

    @property
    def commits(self) -> list[str]:
        """The code that made the runs."""
        return sorted({commit for frame in self.frames.values() for commit in frame["commit"].unique()})

    @property
    def seconds(self) -> float:
        """What one seed takes on one core."""
        return sum(frame["seconds"].sum() for frame in self.frames.values()) / len(self.seeds)

    @property
    def command(self) -> str:
        """What makes all its runs once more, and judges them."""
        return f"python -m course_utils.reproduce check {self.row.number} --seeds {_spelled(self.seeds)}"


def judged(number: int, seeds: Sequence[int] | None = None, folder: Path | None = None) -> Judged:
    """A claim of the lecture with its evidence.

    Args:
        number: 1 to 9.
        seeds: of the runs; `None` for all seeds of which every run is there.
        folder: with the files of the runs, each by its experiment's name; `None` for what is stored.

    Raises:
        ValueError: there is no such claim, or runs that it needs are missing.
    """
    if number not in SCORECARD:
        raise ValueError(f"number must be one of {', '.join(map(str, SCORECARD))}, got {number!r}")
    row = SCORECARD[number]
    frames = {}
    for name, settings in row.needs.items():
        experiment = EXPERIMENTS[name]
        frames[name] = _complete(experiment, settings, experiment.read(folder and _file(experiment, folder)))
    there = set.intersection(*(set(frame["seed"]) for frame in frames.values()))
    chosen = there if seeds is None else set(seeds)
    mend = "" if folder else f" ({RESTORE})"
    if missing := sorted(chosen - there):
        raise ValueError(
            f"claim {number} needs runs of {', '.join(frames)} on the seeds {missing}: not all are there{mend}"
        )
    if len(chosen) < 3:
        raise ValueError(f"claim {number} needs at least three seeds with all runs, there are {sorted(chosen)}{mend}")
    frames = {name: frame[frame["seed"].isin(chosen)] for name, frame in frames.items()}
    return Judged(row, row.judge(frames), frames)


def check(
    numbers: Sequence[int], seeds: Sequence[int], jobs: int | None, folder: Path, scheduler: str | None = None
) -> bool:
    """Make the runs of some claims on seeds of your own, and print by what margin each held, and the narrowest lines.

    Args:
        numbers: of the claims.
        seeds: at least three.
        jobs: runs at a time; `None` for one a core.
        folder: where the runs are kept: what is there already is not run again.
        scheduler: the address of a Dask scheduler, or `None` for this machine.

    Returns:
        whether every verdict is the one that the stored runs give.

    Raises:
        ValueError: fewer than three seeds, or no such claim.
        RuntimeError: some runs failed.
    """
    if len(set(seeds)) < 3:
        raise ValueError(f"seeds must be at least three, or there is no interval; got {list(seeds)}")
    stored = {number: judged(number) for number in numbers}
    for experiment, cells in needed(numbers, seeds).items():
        print(f"{experiment}:")
        run_all(EXPERIMENTS[experiment], cells, _file(EXPERIMENTS[experiment], folder), jobs, scheduler)
    same, lines = True, []
    for number, before in stored.items():
        claim = judged(number, seeds, folder).claim
        agrees = claim.verdict == before.claim.verdict
        same &= agrees
        stood = "as with the stored seeds" if agrees else f"the stored seeds say: {before.claim.verdict}"
        print(f"\n{number}. {LECTURE[number]}\n   {claim.verdict} ({stood})")
        for piece, mark in claim.lines:
            print(f"   {mark}{piece.what}: {margin(piece)}")
            lines.append((room(piece), f"   {number}. {mark}{piece.what}: {margin(piece)}"))
    narrowest = sorted(lines)[:5]
    print("\nThe narrowest, by how much room there is for what varies between seeds:")
    print(*(f"{line} ({far:.2g} × half its width)" for far, line in narrowest), sep="\n")
    return same


def room(piece: Evidence) -> float:
    """How far what decides lies from the other verdict: in half widths of the interval, or of the range of the runs."""
    low, high = min(piece.decisive), max(piece.decisive)
    return abs(piece.clearance) / ((high - low) / 2) if high > low else inf


def needed(numbers: Sequence[int], seeds: Sequence[int]) -> dict[str, list[Cell]]:
    """By experiment, the runs by which these claims are judged on these seeds, each once."""
    cells: dict[str, list[Cell]] = {}
    for number in numbers:
        for name, settings in SCORECARD[number].needs.items():
            cells.setdefault(name, []).extend(product(EXPERIMENTS[name].cell, settings | {"seed": seeds}))
    return {name: list(dict.fromkeys(of_one)) for name, of_one in cells.items()}


def margin(piece: Evidence) -> str:
    """What decides, and how far it lies on which side of the bound."""
    far = f"{abs(piece.clearance):.3g} {piece.unit}".rstrip()
    ends = "95 % interval" if isinstance(piece, Difference) else "runs"
    low, high = min(piece.decisive), max(piece.decisive)
    return f"{ends} {low:.3g} to {high:.3g}, {far} {'to spare' if piece.holds else 'short'}"


def score_line(number: int, claim: Claim) -> plots.ScoreLine:
    """The claim as it is drawn on the scorecard."""
    row = SCORECARD[number]
    control = _measured(claim.controls[0]) if claim.controls else None
    return plots.ScoreLine(number, row.short, row.moral, claim.verdict, _measured(claim.evidence[0]), control)


def about(found: Judged) -> str:
    """Behind a card, as Markdown: the moral, what papers print, and how to make the runs once more."""
    lines = [f"*{found.row.moral}*", ""]
    lines += [f"- Published: {what}: {value} ({references.cite(key)})" for what, value, key in found.row.published]
    took = f"{found.seconds:.0f} seconds" if found.seconds < 100 else f"{found.seconds / 60:.0f} minutes"
    lines.append(f"- {len(found.seeds)} seeds, about {took} each on one core: `{found.command}`")
    lines.append(f"- Stored by the code of commit {', '.join(f'`{commit}`' for commit in found.commits)}")
    return "\n".join(lines)


def table(judgements: Sequence[Judged]) -> str:
    """The scorecard in words, as Markdown."""
    lines = ["| | the lecture says | here | measured first | its control |", "|---|---|---|---|---|"]
    for row, claim, _ in judgements:
        measured = [f"{p.what}: {plots.written(p.values, p.unit)}" for p in (claim.evidence[0], *claim.controls[:1])]
        cells = [f"[{row.number}](#Claim-{row.number})", LECTURE[row.number], claim.verdict, *measured]
        lines.append("| " + " | ".join(cells + [""] * (5 - len(cells))) + " |")
    return "\n".join(lines)


def _measured(piece: Evidence) -> plots.Measured:
    interval = piece.interval if isinstance(piece, Difference) else None
    bounds = piece.above + piece.margin, piece.below - piece.margin
    return plots.Measured(piece.what, piece.values, *bounds, piece.unit, interval)


def _file(experiment: Experiment, folder: Path) -> Path:
    return folder / experiment.path.name


def _complete(experiment: Experiment, settings: dict[str, Sequence], frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of these settings, of all seeds of which no run is missing."""
    there = frame.set_index(list(experiment.cell._fields)).index
    seeds = frame["seed"].unique().tolist()
    cells = [product(experiment.cell, settings | {"seed": [seed]}) for seed in seeds]
    whole = {tuple(cell) for of_seed in cells if set(map(tuple, of_seed)) <= set(there) for cell in of_seed}
    return frame[pd.Series([cell in whole for cell in there], frame.index, dtype=bool)]


def _spelled(seeds: Sequence[int]) -> str:
    """0-4 for 0, 1, 2, 3, 4; otherwise 0,3,7."""
    first, last = min(seeds), max(seeds)
    return f"{first}-{last}" if list(seeds) == list(range(first, last + 1)) else ",".join(map(str, seeds))
