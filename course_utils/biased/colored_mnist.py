from typing import NamedTuple

import torch
from torch import Tensor

from course_utils import require
from course_utils.data import holdout, read_mnist, stratified

# The ten mean colours (red, green, blue) of Colored MNIST as LfF made it (Nam et al., NeurIPS 2020, in the authors'
# code). Colour k is the usual one of digit k.
PALETTE = torch.tensor([
    [0.9837, 0.3125, 0.1686], [0.9905, 0.9156, 0.3515], [0.6730, 0.4611, 0.5798], [0.7833, 0.8316, 0.6013],
    [0.0880, 0.7780, 0.9818], [0.3214, 0.9611, 0.4464], [0.0246, 0.2357, 0.7587], [0.5552, 0.1016, 0.7618],
    [0.2077, 0.3929, 0.0187], [0.8337, 0.2024, 0.2669],
])  # fmt: skip

# The shares of bias-conflicting images that published tables report.
RATIOS = (0.005, 0.01, 0.02, 0.05)
SPLITS = ("train", "validation", "test", "train+validation")
GREY = "float32 [N, 1, H, W]"
HELD = 5_000  # training digits that are set aside for validation


def colored_mnist(
    split: str, conflict_ratio: float, seed: int = 0, *, n: int | None = None, std: float = 0.005
) -> tuple[Tensor, Tensor, Tensor]:
    """Colored MNIST: digits in colour, black around them; in training, the colour nearly gives the digit away.

    (Nam et al., NeurIPS 2020; the protocol of the authors' code, but which digits conflict is drawn, where the code
    takes them by their place in the file.)

    Args:
        split: "train", 55,000 of MNIST's training digits; "validation", the other 5,000, with the same bias; or
            "test", the 10,000 test digits, their colours independent of the digits. "train+validation" is all 60,000
            training digits, once everything has been chosen. Which digits are for validation does not depend on the
            seed.
        conflict_ratio: the share of bias-conflicting images in each class, in [0, 1]; see `biased_colours`. Test
            images do not depend on it.
        seed: draws which digits conflict, the jitter and, with `n`, which digits are taken.
        n: how many images, every class in its share; `None` for all. With fewer than some hundred test images
            the colours cannot be dealt out evenly.
        std: standard deviation of the jitter that each image's colour gets, in each channel.

    Returns:
        images [n, 3, 28, 28] float32 in [0, 1], labels [n] and bias [n] (the colour's number), int64 in 0…9.
    """
    require.one_of(SPLITS, split=split)
    require.between(0, 1, conflict_ratio=conflict_ratio)
    require.whole(0, seed=seed)
    require.at_least(0, std=std)
    pixels, labels = read_mnist("test" if split == "test" else "train")
    rows = torch.arange(len(labels))
    if split in ("train", "validation"):
        rest, held = holdout(labels, HELD)
        rows = rest if split == "train" else held
    if n is not None:
        rows = rows[stratified(labels[rows], n, seed)]
    pixels, labels = pixels[rows], labels[rows]
    generator = torch.Generator().manual_seed(int(seed))
    # With nine tenths dealt evenly over the nine other colours, each colour is as frequent as any other.
    bias = biased_colours(labels, 0.9 if split == "test" else conflict_ratio, generator)
    return paint(pixels.unsqueeze(1).float().div_(255), bias, std, generator), labels, bias


def _check_ratio(labels: Tensor, conflict_ratio: float, generator: torch.Generator) -> None:
    require.labels(labels, classes=10)
    require.between(0, 1, conflict_ratio=conflict_ratio)
    require.generator(generator)


@require.checked(_check_ratio)
def biased_colours(labels: Tensor, conflict_ratio: float, generator: torch.Generator) -> Tensor:
    """A colour for each digit: its own, 0 for a 0 and so on, but another one for an exact share of each class.

    Args:
        labels: [N] int64 in 0…9; they stay as they are.
        conflict_ratio: in each class of n digits, round(conflict_ratio · n) get another colour, at least one unless
            the ratio is 0. Which ones is drawn; the nine other colours are dealt out evenly, their counts differ by
            one at most.
        generator: where the randomness comes from.

    Returns:
        [N] int64 in 0…9. With generators in the same state, what conflicts at one ratio also does at each higher one.
    """
    bias = labels.clone()
    for digit in labels.unique().tolist():
        members = (labels == digit).nonzero().squeeze(1)
        count = max(1, round(conflict_ratio * len(members))) if conflict_ratio else 0
        drawn = members[torch.randperm(len(members), generator=generator)[:count]]
        others = (digit + 1 + torch.randperm(9, generator=generator)) % 10
        bias[drawn] = others[torch.arange(count) % 9]
    return bias


def paint(images: Tensor, bias: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """Grey images in colour, on the CPU: the ink takes the colour, black stays black.

        x = clamp(PALETTE[bias] + std · noise, 0, 1) · grey,   one noise of three numbers for each image

    Args:
        images: [N, 1, H, W] float32 in [0, 1].
        bias: [N] int64 in 0…9, numbers of colours.
        std: at least 0.
        generator: where the noise comes from.

    Returns:
        [N, 3, H, W] float32 in [0, 1].
    """
    require.tensors(bias=(bias, "int64 [N]"), images=(images, GREY))
    require.labels(bias, classes=len(PALETTE), name="bias")
    require.box(images=images)
    require.at_least(0, std=std)
    require.generator(generator)
    ink = PALETTE[bias] + std * torch.randn(len(bias), 3, generator=generator)
    return images * ink.clamp(0, 1)[:, :, None, None]


def colour_swaps(images: Tensor) -> Tensor:
    """Each image in each of the ten colours, without jitter: [N, 1, H, W] becomes [10 · N, 3, H, W]."""
    require.tensors(images=(images, GREY))
    colours = torch.arange(len(PALETTE)).repeat(len(images))
    return paint(images.repeat_interleave(len(PALETTE), dim=0), colours, 0.0, torch.Generator())


class BiasedRun(NamedTuple):
    """One training on biased data, and what the network answered after each epoch."""

    labels: Tensor  # [n] int64, of the test images
    bias: Tensor  # [n] int64
    test: Tensor  # [epochs, n] int64, its answers
    swaps: Tensor  # [epochs, 100] int64, its answers to ten digits in ten colours
