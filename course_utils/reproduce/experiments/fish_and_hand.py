"""Fish & Hand: the grid of chapter 07. The bias is an object in front (a hand), or the background."""

from collections.abc import Sequence
from functools import cache, lru_cache
from math import nan
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, lending, metrics, selecmix, training
from course_utils.biased import BACKGROUNDS, DECK, TENCH, FishAndHand
from course_utils.claims import Claim, Difference
from course_utils.reproduce.experiment import Experiment, among, has_columns, is_share, values
from course_utils.reproduce.experiments.fish_methods import (
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
from course_utils.reproduce.row import Row
from course_utils.reproduce.tables import over_seeds

TEST_SEED = 1_000  # of the test scenes, the same for all runs; no training has it
MEASURED = {
    "unbiased": "accuracy, mean over the groups of species and object, all of one size",
    "worst_group": "accuracy in the worst of these groups",
    "aligned": "accuracy in the groups that follow the bias",
    "conflicting": "accuracy in the others",
    "alone": "share called tench of the object alone: a hand without a fish, an empty deck",
    "empty": "share called tench where neither is: no hand, another background",
    "others_called": "share called tench of other species with the object",
    "others_called_without": "share called tench of other species without the object",
    "found_positives": "share of SelecMix's partners of the same species that truly contradict",
    "found_tench": "the same, for tench",
    "found_negatives": "the same, for partners of another species",
}
FISH_METRICS = tuple(MEASURED)


class FishRun(NamedTuple):
    """One cell of the grid, for one seed."""

    protocol: str
    bias: str  # "hand" or "deck"
    method: str
    ratio: float  # the share of exceptions in each species
    seed: int


def fish_run(cell: FishRun) -> dict[str, float]:
    """Train and test: FISH_METRICS.

    Raises:
        ValueError: a protocol, bias or method that does not exist, or not for this bias.
    """
    check(cell)
    protocol, method = FISH_PROTOCOLS[cell.protocol], FISH_METHODS[cell.method]
    data = training_set(cell.bias, protocol.n, cell.ratio if method.biased else None, cell.seed)
    bias = data.hand if cell.bias == "hand" else (data.background == DECK).long()
    objects = data.hand_mask if cell.bias == "hand" else ~data.fish_mask
    encoder = fish_auxiliary(method.encoder, data, cell.seed) if method.encoder else None
    loss = method.loss(Given(data, bias, objects, protocol, cell.seed, encoder))
    net = fish_network(method, cell.seed)
    training.fit(
        net, data.images, data.labels, loss=loss, epochs=protocol.epochs, lr=protocol.lr, batch_size=protocol.batch,
        seed=cell.seed, show=False,
    )  # fmt: skip
    found = judged(net, method, cell.bias, protocol, lending.mean_colour(data.images))
    if isinstance(loss, selecmix.SelecMix):
        found |= contradicting(loss, data.labels, bias, cell.seed)
    return {name: round(found.get(name, nan), 5) for name in FISH_METRICS}


def check(cell: FishRun) -> None:
    """Raise a ValueError that names what there is, unless there is such a run."""
    for name, known in (("protocol", FISH_PROTOCOLS), ("bias", BIASES), ("method", methods_against(cell.bias))):
        among(name, getattr(cell, name), known)
    is_share("ratio", cell.ratio)


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

    Raises:
        ValueError: no such table or column.
    """
    has_columns([*FishRun._fields], results=results)
    if isinstance(measures, str) or not isinstance(measures, Sequence):
        raise ValueError(f"measures must be a list of names, got {measures!r}")
    for measure in measures:
        among("measures", measure, results.columns)
    order = {"bias": list(BIASES).index, "method": list(FISH_NAMES).index}
    row = ["protocol", "bias", "ratio", "method"]
    ordered = results.sort_values(row, key=lambda column: column.map(order.get(column.name, lambda value: value)))
    groups = ordered.assign(method=ordered["method"].map(FISH_NAMES)).groupby(row, sort=False)
    table = groups[list(measures)].agg(lambda shares: "" if shares.isna().all() else over_seeds(shares))
    return table.assign(runs=groups.size().astype(str))


LONG = ["no-bias", "erm", "lff", "selecmix", "selecmix-maximum", "selecmix-oracle", "pairs-oracle", "masking"]

FISH_AND_HAND = Experiment(
    name="fish-and-hand",
    about="Fish where one species is mostly shown with a hand, or on deck: which training looks at the fish?",
    cell=FishRun,
    run=fish_run,
    measured=MEASURED,
    check=check,
    grids=tuple(
        {"protocol": [protocol], "bias": [bias], "method": methods, "ratio": [0.01], "seed": range(seeds)}
        for protocol, bias, methods, seeds in (
            ("ours", "hand", methods_against("hand"), 5),
            ("ours", "deck", methods_against("deck"), 5),
            ("ours, four times as long", "hand", [*LONG, "holes", "lending", "gaze"], 3),
            ("ours, four times as long", "deck", LONG, 3),
        )
    ),
)

AGAINST_THE_HAND = ["erm", "selecmix-maximum", "holes", "lending", "selecmix", "masking"]


def judge_hand(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 9: what helps against a hand, counted by the mistake that it makes: other fish in a hand, called tench."""
    called = {
        method: values(frames["fish-and-hand"], "others_called", bias="hand", method=method)
        for method in AGAINST_THE_HAND
    }

    def avoided(method: str) -> Difference:
        what = f"{FISH_NAMES[method]}: fewer wrong tench than ERM"
        return Difference(what, list(100 * (1 - called[method] / called["erm"])), above=0, margin=5, unit="%")

    return Claim(
        "Claim 9",
        "SelecMix helps some if its encoder sees the hand, and not if it does not. Masking the hands does not help, a "
        "hole in every image does. Lending the hand to other fish helps as much, and leaves test images as they are. "
        "(Wrong tench: other fish in a hand that are called tench.)",
        [avoided("selecmix-maximum"), avoided("holes"), avoided("lending")],
        limits="drawn images, one network, 10,000 images, 6 epochs (after 24 the order is the same); holes and lending "
        "are told where the hands are. The encoder's layers and this measure were chosen after trials: over the mean "
        "of all groups (chapter 07) SelecMix's lead is a few points, and on three seeds not sure.",
        of=9,
        condition="the auxiliary model sees the hand; or every image has a hole, or a hand.",
        controls=[avoided("selecmix"), avoided("masking")],
    )


CLAIM_9 = Row(
    number=9,
    short="The hand on the fish: SelecMix, or masking?",
    chapter="07_fish_and_hand",
    needs={"fish-and-hand": {"protocol": ["ours"], "bias": ["hand"], "method": AGAINST_THE_HAND, "ratio": [0.01]}},
    judge=judge_hand,
    moral="Mask the object of one class, and the hole gives the class away. Give object or hole to all images.",
)
