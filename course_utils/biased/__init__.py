"""Data sets with a known bias. A data set is three tensors: `images [N, C, H, W]` float32 in [0, 1],
`labels [N]` int64 and `bias [N]` int64, the easy feature that goes with the label too often.

Colored MNIST: the bias is a colour. An image is *bias-aligned* if its bias is the usual one of its class, there if
bias == label, and *bias-conflicting* otherwise. Fish & Hand: the bias is an object in front, or the background.
"""

from course_utils.biased.colored_mnist import (
    HELD,
    PALETTE,
    RATIOS,
    BiasedRun,
    biased_colours,
    colored_mnist,
    colour_swaps,
    paint,
)
from course_utils.biased.scenes import (
    BACKGROUNDS,
    DECK,
    SPECIES,
    TENCH,
    FishAndHand,
    Mark,
    Rendered,
    Scene,
    changed,
    draw_scene,
    fish_and_hand,
    marked,
    render,
    swim_left,
)

__all__ = [
    "BACKGROUNDS",
    "DECK",
    "HELD",
    "PALETTE",
    "RATIOS",
    "SPECIES",
    "TENCH",
    "BiasedRun",
    "FishAndHand",
    "Mark",
    "Rendered",
    "Scene",
    "biased_colours",
    "changed",
    "colored_mnist",
    "colour_swaps",
    "draw_scene",
    "fish_and_hand",
    "marked",
    "paint",
    "render",
    "swim_left",
]
