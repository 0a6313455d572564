"""A hand that holds the fish: four fingers, a thumb, a wrist and a sleeve, of many skin tones."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.biased.painting import Grid, box, capsule, cover, each, over

# From light to dark; a hand's tone lies between two neighbours.
SKIN = torch.tensor([
    [0.98, 0.86, 0.76], [0.94, 0.77, 0.62], [0.86, 0.65, 0.48], [0.72, 0.50, 0.35], [0.54, 0.36, 0.26],
    [0.37, 0.25, 0.19],
])  # fmt: skip
SLEEVES = torch.tensor([
    [0.76, 0.26, 0.24], [0.22, 0.31, 0.52], [0.92, 0.73, 0.27], [0.31, 0.50, 0.37], [0.92, 0.90, 0.85],
    [0.46, 0.32, 0.46], [0.93, 0.56, 0.28], [0.36, 0.40, 0.44],
])  # fmt: skip
# Knuckle and tip of each finger, from the little one to the index: across the hand, and along it.
FINGERS = (
    ((-0.225, -0.20), (-0.255, 0.27)), ((-0.075, -0.20), (-0.085, 0.39)),
    ((0.075, -0.20), (0.085, 0.42)), ((0.225, -0.20), (0.250, 0.34)),
)  # fmt: skip


class Hand(NamedTuple):
    """What there is to paint."""

    paint: Tensor  # [B, 3, S, S]
    alpha: Tensor  # [B, S, S], the share of each pixel that the hand covers
    thumb: Tensor  # [B, S, S], the same of the thumb alone


def place(scene: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Where the middle of the hand is, (x [N], y [N]): at the fish, under it or, if it lies over it, on it.

    It depends on where the fish is and how large, and not on its species: or else the hand would tell the species.
    """
    reach = 0.27 * scene["scale"] + scene["reach"] + torch.where(scene["over"], 0.14, 0.28) * scene["handscale"]
    along = scene["grip"] * scene["scale"]
    x = scene["x"] + along * scene["angle"].cos() + reach * scene["from"].cos()
    y = scene["y"] + along * scene["angle"].sin() + reach * scene["from"].sin()
    return x, y


def hand(scene: dict[str, Tensor], grid: Grid) -> Hand:
    """Each scene's hand."""
    x, y = place(scene)
    scale, cos, sin = each(scene["handscale"]), each(scene["from"].cos()), each(scene["from"].sin())
    dx, dy = (grid.x - each(x)) / scale, (grid.y - each(y)) / scale
    along = -(dx * cos + dy * sin)  # towards the tips of the fingers; the arm comes from the other side
    across = (dy * cos - dx * sin) * each(scene["thumb"])
    pixel = grid.pixel / scale
    spread = across / (1 + each(scene["fan"]) * (along + 0.2).clamp(min=0))
    sticks = [capsule(spread, along, knuckle, tip, 0.070) for knuckle, tip in FINGERS]
    fingers = torch.minimum(torch.minimum(sticks[0], sticks[1]), torch.minimum(sticks[2], sticks[3]))
    palm = box(across, along, (0.0, -0.30), (0.295, 0.275), 0.11)
    thumb = capsule(across, along, (0.22, -0.38), (0.46, 0.02), 0.085)
    wrist = torch.maximum(across.abs() - 0.175 - 0.03 * (-along - 0.4).clamp(min=0), along + 0.45)
    sleeve = torch.maximum(across.abs() - 0.245 - 0.02 * (-along - 0.4).clamp(min=0), along + 0.66)
    flesh = torch.minimum(torch.minimum(palm, wrist), torch.minimum(fingers, thumb))
    whole = torch.minimum(flesh, sleeve) - 0.034
    tone = scene["skin"].floor().clamp(max=len(SKIN) - 2).long()
    skin = SKIN[tone].lerp(SKIN[tone + 1], (scene["skin"] - tone).unsqueeze(1)) + scene["blush"]
    skin = skin.clamp(0.05, 1)
    ink = skin * torch.tensor([[0.55, 0.48, 0.46]])
    paint = ink.view(-1, 3, 1, 1).repeat(1, 1, *whole.shape[1:])
    over(paint, skin, cover(flesh, pixel))
    _lines(paint, ink, skin, (spread, along, sticks), pixel)
    cloth = SLEEVES[scene["sleeve"]]
    over(paint, 0.55 * cloth, cover(sleeve - 0.034, pixel))
    over(paint, cloth, cover(sleeve, pixel))
    over(paint, 0.8 * cloth, cover(torch.maximum(sleeve, -0.80 - along), pixel))
    tip = cover(thumb - 0.034, pixel) * (along > -0.42)
    return Hand(paint, cover(whole, pixel), tip)


def _lines(paint: Tensor, ink: Tensor, skin: Tensor, where: tuple, pixel: Tensor) -> None:
    """The lines between the fingers, and their nails."""
    spread, along, sticks = where
    for left, right, (_, tip) in zip(sticks, sticks[1:], FINGERS):
        crease = torch.maximum((left - right).abs() / 2 - 0.010, torch.maximum(-0.22 - along, along - tip[1]))
        crease = torch.maximum(crease, torch.minimum(left, right))
        over(paint, ink, 0.6 * cover(crease, pixel))
    for _, tip in FINGERS:
        nail = (torch.hypot((spread - tip[0]) / 0.042, (along - tip[1] - 0.005) / 0.048) - 1) * 0.042
        over(paint, skin + 0.45 * (1 - skin), 0.8 * cover(nail, pixel))
