"""Chapter 06: an example, the partners that an auxiliary model finds for it, and their mixtures."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import plots, require, selecmix
from course_utils.widgets.slider import SliderFigure

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


class Embedded(NamedTuple):
    """Some training images, and what an auxiliary model made of them at several moments of its training."""

    images: Tensor  # [n, 3, H, W]
    labels: Tensor  # [n] int64
    bias: Tensor  # [n] int64
    moments: dict[str, Tensor]  # for each moment, embeddings [n, D] of length 1


def _check(seen: Embedded) -> None:
    if not isinstance(seen, Embedded):
        raise ValueError(f"seen must be an Embedded, got {require.what(seen)}")
    require.tensors(images=(seen.images, "float [N, C, H, W]"), labels=(seen.labels, "int64 [N]"),
                    bias=(seen.bias, "int64 [N]"))  # fmt: skip
    for embeddings in seen.moments.values():
        require.tensors(moments=(embeddings, f"float [{len(seen.labels)}, D]"))


def draw_pairs(seen: Embedded, anchor: int, moment: str) -> Figure:
    """One image with its partners of both kinds at one moment, and the mixtures from lam = 0 to lam = ½."""
    _check(seen)
    require.whole(0, len(seen.labels) - 1, anchor=anchor)
    require.one_of(seen.moments, moment=moment)
    find, everyone = selecmix.by_similarity(seen.moments[moment], seen.labels), torch.arange(len(seen.labels))
    own = seen.images[anchor]
    lam = torch.tensor(WEIGHTS).view(-1, 1, 1, 1)
    rows: dict[str, Tensor] = {}
    verdicts = []
    for kind in selecmix.KINDS:
        index, _ = find(torch.tensor([anchor]), everyone, kind, torch.Generator())
        partner = int(index)
        same_label = seen.labels[partner] == seen.labels[anchor]
        same_bias = seen.bias[partner] == seen.bias[anchor]
        contradicts = selecmix.contradicts(seen.labels, seen.bias, torch.tensor(anchor), index[0], kind)
        verdicts.append(f"the {kind} {'contradicts' if contradicts else 'does NOT contradict'}")
        name = f"{kind}:\n{'same' if same_label else 'other'} label,\n{'same' if same_bias else 'other'} colour"
        rows[name] = torch.cat([own[None], own + (1 - lam) * (seen.images[partner] - own)])
    captions = {next(iter(rows)): ["the image", "lam = 0:\nits partner", *(f"lam = {w:g}" for w in WEIGHTS[1:])]}
    return plots.picture_rows(rows, captions, title=f"{moment}: " + ", ".join(verdicts))


def pair_desk(seen: Embedded, anchors: Tensor) -> SliderFigure:
    """Choose an image and a moment of the auxiliary model's training.

    Args:
        seen: images and their embeddings.
        anchors: [10] int64, places in `seen` to choose from, one for each digit 0…9.
    """
    _check(seen)
    require.tensors(anchors=(anchors, "int64 [10]"))
    require.labels(anchors, classes=len(seen.labels), name="anchors")
    moments = list(seen.moments)
    return SliderFigure(
        lambda moment, digit: draw_pairs(seen, int(anchors[digit]), moment),
        alt="An image, its contradicting positive and negative as the auxiliary model sees them, and their mixtures.",
        start={"moment": moments[0], "digit": 3},
        moment=moments,
        digit=range(10),
    )
