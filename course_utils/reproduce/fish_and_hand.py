"""Fish & Hand as an experiment: the grid of chapter 07. The bias is an object in front (a hand), or the background."""

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from math import nan
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, lending, metrics, selecmix, training
from course_utils.biased import BACKGROUNDS, DECK, TENCH, FishAndHand
from course_utils.reproduce.experiment import RESULTS, Experiment, share, versions
from course_utils.reproduce.fish_methods import (
    BIASES,
    FISH_METHODS,
    FISH_NAMES,
    FISH_PROTOCOLS,
    FishMethod,
    FishProtocol,
    Given,
    Images,
    fish_auxiliary,
    fish_network,
)
from course_utils.reproduce.tables import over_seeds

TEST_SEED = 1_000  # of the test scenes, the same for all runs; no training has it
# Accuracies, over groups of species and object, all of one size: unbiased … conflicting. Shares called tench, of test
# scenes: the object alone (a hand without a fish, an empty deck); the same `empty` (neither; another background);
# other species with the object, and the same without it. Of SelecMix's partners, which share truly contradicts: same
# species, for all images and for tench; other species.
FISH_METRICS = (
    "unbiased", "worst_group", "aligned", "conflicting", "alone", "empty", "others_called", "others_called_without",
    "found_positives", "found_tench", "found_negatives",
)  # fmt: skip


class FishRun(NamedTuple):
    """One cell of the grid, for one seed."""

    protocol: str
    bias: str  # "hand" or "deck"
    method: str
    ratio: float  # the share of exceptions in each species
    seed: int


def fish_run(cell: FishRun) -> list[dict]:
    """Train and test: one row.

    Raises:
        ValueError: a protocol, bias or method that does not exist, or not for this bias.
    """
    check(cell)
    protocol, method = FISH_PROTOCOLS[cell.protocol], FISH_METHODS[cell.method]
    data = training_set(cell.bias, protocol.n, cell.ratio if method.biased else None, cell.seed)
    bias = data.hand if cell.bias == "hand" else (data.background == DECK).long()
    objects = data.hand_mask if cell.bias == "hand" else ~data.fish_mask
    start = time.perf_counter()
    encoder = fish_auxiliary(method.encoder, data, cell.seed) if method.encoder else None
    loss = method.loss(Given(data, bias, objects, protocol, cell.seed, encoder))
    net = fish_network(method, cell.seed)
    training.fit(
        net, data.images, data.labels, loss=loss, epochs=protocol.epochs, lr=protocol.lr, batch_size=protocol.batch,
        seed=cell.seed, show=False,
    )  # fmt: skip
    seconds = round(time.perf_counter() - start, 1)
    found = judged(net, method, cell.bias, protocol, lending.mean_colour(data.images))
    if isinstance(loss, selecmix.SelecMix):
        found |= contradicting(loss, data.labels, bias, cell.seed)
    numbers = {name: round(found.get(name, nan), 5) for name in FISH_METRICS}
    return [cell._asdict() | numbers | {"seconds": seconds} | versions()]


def check(cell: FishRun) -> None:
    """Raise a ValueError that names what there is, unless there is such a run."""
    for name, known in (("protocol", FISH_PROTOCOLS), ("bias", BIASES), ("method", methods_against(cell.bias))):
        if (value := getattr(cell, name)) not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")


def methods_against(bias: str) -> list[str]:
    """The methods that are tried against a bias."""
    return [key for key, method in FISH_METHODS.items() if bias in method.biases]


@lru_cache(maxsize=1)  # the runs of one seed follow each other
def training_set(bias: str, n: int, ratio: float | None, seed: int) -> FishAndHand:
    """Training images; without bias if the ratio is `None`."""
    hand, deck = (ratio if bias == kind else None for kind in BIASES)
    return biased.fish_and_hand("train", n, hand, deck, seed)


class TestSet(NamedTuple):
    """The same scenes "with" the object and "without", and without the fish: the object "alone", and "empty"."""

    labels: Tensor  # [N] int64
    images: Images  # [N, 3, 32, 32] float32
    objects: Images  # [N, 32, 32] bool


@cache
def test_set(bias: str, n: int) -> TestSet:
    """Test scenes without bias: every species as often, and each with and without the object."""
    scene = biased.fish_and_hand("test", n, None, None, TEST_SEED).scene
    if bias == "hand":
        scenes = {"with": biased.changed(scene, hand=True), "without": biased.changed(scene, hand=False)}
    else:
        elsewhere = torch.tensor([kind for kind in range(len(BACKGROUNDS)) if kind != DECK])
        off = scene | {"background": elsewhere[torch.arange(n) % len(elsewhere)]}
        scenes = {"with": biased.changed(scene, background=DECK), "without": off}
    nothing = {"fish": False} if bias == "hand" else {"fish": False, "hand": False}
    for kind, full in (("alone", "with"), ("empty", "without")):
        scenes[kind] = biased.changed(scenes[full], **nothing)
    rendered = {kind: biased.render(scene) for kind, scene in scenes.items()}
    return TestSet(
        scene["species"],
        {kind: seen.images for kind, seen in rendered.items()},
        {kind: seen.hand if bias == "hand" else ~seen.fish for kind, seen in rendered.items()},
    )


def judged(net: nn.Module, method: FishMethod, bias: str, protocol: FishProtocol, colour: Tensor) -> dict[str, float]:
    """FISH_METRICS, those of the pairs aside, on test images as the method looks at them."""
    labels, images, objects = test_set(bias, protocol.tested)
    called = {kind: metrics.answers(net, seen) for kind, seen in method.view(images, objects, colour).items()}
    present = torch.tensor([0, 1])
    answers = torch.cat([called["without"], called["with"]])
    table = metrics.group_table(answers, labels.repeat(2), present.repeat_interleave(len(labels)), shape=(4, 2))
    aligned = (torch.arange(4) == TENCH)[:, None] == (present == 1)

    def tench(kind: str, rows: Tensor | slice = slice(None)) -> float:
        return (called[kind][rows] == TENCH).float().mean().item()

    return metrics.group_report(*table, aligned) | {
        "alone": tench("alone"),
        "empty": tench("empty"),
        "others_called": tench("with", labels != TENCH),
        "others_called_without": tench("without", labels != TENCH),
    }


def contradicting(mixing: selecmix.SelecMix, labels: Tensor, bias: Tensor, seed: int) -> dict[str, float]:
    """How often a partner that was found truly contradicts: the last three of FISH_METRICS."""
    generator, hits = torch.Generator().manual_seed(seed), {}
    for kind in selecmix.KINDS:
        hits[kind] = torch.empty(len(labels), dtype=torch.bool)
        for rows in torch.arange(len(labels)).split(256):
            pool = torch.randint(len(labels), (mixing.pool,), generator=generator)
            index, has_partner = mixing.pairing(rows, pool, kind, generator)
            hits[kind][rows] = has_partner & selecmix.contradicts(labels, bias, rows, pool[index], kind)
    flags = {"found_positives": hits["positive"], "found_negatives": hits["negative"]}
    flags["found_tench"] = hits["positive"][labels == TENCH]
    return {name: flag.float().mean().item() for name, flag in flags.items()}


def fish_table(results: pd.DataFrame, measures: Sequence[str] = FISH_METRICS) -> pd.DataFrame:
    """Mean ± standard deviation over the seeds, in percent.

    Args:
        results: rows as `FISH_AND_HAND.read` gives them.
        measures: which of FISH_METRICS, the columns.

    Returns:
        a row for each protocol, bias, ratio and method (by its name for people), in the order of BIASES and
        FISH_METHODS; behind the measures the number of `runs`. Empty where nothing was measured.
    """
    order = {"bias": list(BIASES).index, "method": list(FISH_NAMES).index}
    row = ["protocol", "bias", "ratio", "method"]
    ordered = results.sort_values(row, key=lambda column: column.map(order.get(column.name, lambda value: value)))
    groups = ordered.assign(method=ordered["method"].map(FISH_NAMES)).groupby(row, sort=False)
    table = groups[list(measures)].agg(lambda shares: "" if shares.isna().all() else over_seeds(shares))
    return table.assign(runs=groups.size().astype(str))


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for besides methods and seeds."""
    parser.add_argument("--bias", nargs="+", choices=BIASES, default=BIASES, help="an object in front, or a background")
    parser.add_argument("--ratios", nargs="+", type=share, default=[0.01], help="shares of exceptions in each species")
    parser.add_argument("--protocol", choices=FISH_PROTOCOLS, default="ours")


def cells(asked: argparse.Namespace) -> Iterator[FishRun]:
    """All methods have a seed before the next one begins."""
    for seed, ratio, bias in itertools.product(asked.seeds, asked.ratios, asked.bias):
        for method in methods_against(bias):
            if method in asked.methods:
                yield FishRun(asked.protocol, bias, method, ratio, seed)


def report(results: pd.DataFrame, asked: argparse.Namespace) -> str:
    """The table of the file."""
    return f"in percent, mean ± standard deviation:\n\n{fish_table(results).to_string()}"


FISH_AND_HAND = Experiment(
    name="fish-and-hand", path=RESULTS / "fish_and_hand.csv", cell=FishRun, run=fish_run, methods=FISH_NAMES,
    key=FishRun._fields, measured=FISH_METRICS, options=options, cells=cells, report=report,
)  # fmt: skip
