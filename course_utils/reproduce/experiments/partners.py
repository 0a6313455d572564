"""Partners that contradict, found without bias labels (claim 8): by encoders that learn, and by two that do not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, metrics, models, selecmix, training
from course_utils.claims import Claim, Evidence
from course_utils.reproduce.experiment import Experiment, among, is_share, values
from course_utils.reproduce.row import Row

IMAGES = 5_000  # an encoder learns from
CANDIDATES = 4_096  # of them, each other's possible partners
MEASURED = {
    "positives": "share of the images whose positive truly contradicts: same digit, another colour",
    "negatives": "share of the images whose negative truly contradicts: another digit, same colour",
    "possible_positives": "share of the images that have a contradicting positive among the candidates",
    "possible_negatives": "share of the images that have a contradicting negative among the candidates",
}


class Partners(NamedTuple):
    """One cell of the grid, for one seed: it draws the digits, their colours, the weights and the order."""

    encoder: str
    ratio: float  # the share of bias-conflicting images
    seed: int


class Encoder(NamedTuple):
    """What embeds the images, and how it is trained: not at all for 0 epochs."""

    build: Callable[[int], nn.Module]  # from a seed
    epochs: int
    loss: Callable[[Tensor, Tensor], Tensor] = selecmix.gsc  # of embeddings and labels
    lr: float = 1e-2


def convolutional(seed: int) -> nn.Module:
    """Chapter 06's encoder."""
    return models.encoder(seed=seed)


def fully_connected(seed: int) -> nn.Module:
    """One that can read shapes as well as colours."""
    return nn.Sequential(*models.mlp(3 * 28 * 28, (100, 100), 16, seed), models.UnitLength())


def mean_colour(seed: int) -> nn.Module:
    """Three numbers, and nothing to learn."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), models.UnitLength())


ENCODERS = {
    "gsc": Encoder(convolutional, epochs=2),
    "gsc-long": Encoder(convolutional, epochs=8),
    "supcon": Encoder(convolutional, epochs=2, loss=selecmix.supcon),
    "gsc-flat": Encoder(fully_connected, epochs=2, lr=1e-3),
    "gsc-flat-long": Encoder(fully_connected, epochs=8, lr=1e-3),
    "untrained": Encoder(convolutional, epochs=0),
    "untrained-flat": Encoder(fully_connected, epochs=0),
    "mean-colour": Encoder(mean_colour, epochs=0),
}


def run(cell: Partners) -> dict[str, float]:
    """Train an encoder on labels alone; then look up in the bias labels which of its partners contradict."""
    images, labels, bias = biased.colored_mnist("train", cell.ratio, cell.seed, n=IMAGES)
    build, epochs, loss, lr = ENCODERS[cell.encoder]
    encoder = build(cell.seed)
    if epochs:
        training.fit(
            encoder, images, labels, loss=lambda net, batch: loss(net(batch.images), batch.labels), epochs=epochs,
            lr=lr, batch_size=256, schedule=training.constant, seed=cell.seed, show=False,
        )  # fmt: skip
    by_sight = selecmix.by_similarity(metrics.outputs(encoder, images), labels)
    by_bias = selecmix.by_bias(labels, bias)
    everyone, generator = torch.arange(CANDIDATES), torch.Generator().manual_seed(cell.seed)
    shares: dict[str, float] = {}
    for kind in selecmix.KINDS:
        index, has_partner = by_sight(everyone, everyone, kind, generator)
        found = has_partner & selecmix.contradicts(labels, bias, everyone, index, kind)
        _, possible = by_bias(everyone, everyone, kind, generator)
        shares |= {f"{kind}s": found.float().mean().item(), f"possible_{kind}s": possible.float().mean().item()}
    return {name: round(shares[name], 5) for name in MEASURED}


def check(cell: Partners) -> None:
    """Raise a ValueError that names what there is, unless there is such a run."""
    among("encoder", cell.encoder, ENCODERS)
    is_share("ratio", cell.ratio)


PARTNERS = Experiment(
    name="partners",
    about="Encoders see digits and labels, no bias labels: how many partners of theirs truly contradict?",
    cell=Partners,
    run=run,
    measured=MEASURED,
    check=check,
    grids=({"encoder": list(ENCODERS), "ratio": [0.01], "seed": range(5)},),
)


def judge(frames: dict[str, pd.DataFrame]) -> Claim:
    """Claim 8: which partners encoders find, in Colored MNIST and in Fish & Hand."""

    def found(kind: str, encoder: str) -> list[float]:
        return list(100 * values(frames["partners"], kind, encoder=encoder))

    def tench(bias: str, method: str) -> list[float]:
        return list(100 * values(frames["fish-and-hand"], "found_tench", bias=bias, method=method))

    def both(encoder: str) -> list[float]:
        return found("negatives", encoder) + found("positives", encoder)

    colour: dict[str, Any] = {"above": 40, "margin": 5}
    object_: dict[str, Any] = {"above": 20, "margin": 5}
    return Claim(
        "Claim 8",
        "An encoder that sees images and labels, and no bias label, finds partners that contradict, if it can see the "
        "bias: a colour, a deck; a hand, if it is deeper and takes the maximum over all places.",
        [
            Evidence("colour: negatives that contradict", found("negatives", "gsc"), **colour),
            Evidence("colour: positives that contradict", found("positives", "gsc"), **colour),
            Evidence("the deck: tench whose positive contradicts", tench("deck", "selecmix"), **object_),
            Evidence("the hand, by the maximum: the same", tench("hand", "selecmix-maximum"), **object_),
        ],
        limits="colour: 5,000 digits, 1 % conflicting, two epochs (after eight the encoder finds all there are); "
        "SupCon does as well, so GSC is not shown to be needed. Fish: 10,000 drawn images; found by chance: one in a "
        "hundred. Some encoders find half or less, a few of colours too. Layers, pooling and bounds were chosen after "
        "trials; bounds are lower than the chapters'.",
        of=8,
        condition="the bias is easy in a representation that somebody chose. For a colour the mean colour does it, "
        "and chapter 06's encoder hardly sees a hand.",
        controls=[
            Evidence("colour, both kinds: mean colour, nothing learned", both("mean-colour"), **colour),
            Evidence("colour, both kinds: the same encoder, untrained", both("untrained"), **colour),
            Evidence("the hand, by chapter 06's encoder: the same", tench("hand", "selecmix"), **object_),
        ],
    )


CLAIM_8 = Row(
    number=8,
    short="Bias can be found without bias labels",
    chapter="06_selecmix",
    needs={
        "partners": {"encoder": ["gsc", "untrained", "mean-colour"], "ratio": [0.01]},
        "fish-and-hand": {
            "protocol": ["ours"], "bias": ["hand", "deck"], "method": ["selecmix", "selecmix-maximum"], "ratio": [0.01]
        },
    },
    judge=judge,
    moral="No bias labels are needed; but whoever chose the representation has said which biases can be seen.",
)  # fmt: skip
