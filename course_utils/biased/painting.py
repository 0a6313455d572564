"""How scenes are painted: shapes are signed distances, so a picture can be of any size.

The canvas reaches from −1 to 1 in x (to the right) and in y (downward). A distance is negative inside a shape; half a
pixel on either side of its edge the shape covers a part of the pixel.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Grid(NamedTuple):
    """Where the pixels' centres are."""

    x: Tensor  # [1, 1, S]
    y: Tensor  # [1, S, 1]
    pixel: float  # the side of a pixel

    @property
    def fine(self) -> bool:
        """Whether a line of a fortieth of the picture can be seen: otherwise nobody need draw it."""
        return self.pixel < 0.03


def grid(size: int) -> Grid:
    """The grid of pictures of size × size pixels."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    return Grid(axis.view(1, 1, -1), axis.view(1, -1, 1), 2 / size)


def each(numbers: Tensor) -> Tensor:
    """One number for each picture, [B], so that it meets all its pixels: [B, 1, 1]."""
    return numbers.view(-1, 1, 1)


def colour(red: float, green: float, blue: float) -> Tensor:
    """One colour for all pictures, [1, 3]."""
    return torch.tensor([[red, green, blue]])


def cover(distance: Tensor, pixel: float | Tensor) -> Tensor:
    """The share of each pixel that a shape covers, from its signed distance; both in the same unit."""
    return (0.5 - distance / pixel).clamp_(0, 1)


def over(canvas: Tensor, paint: Tensor, alpha: Tensor) -> Tensor:
    """Paint over the canvas [B, 3, S, S], in place: `paint` [B or 1, 3] or [B, 3, S, S] where alpha [B, S, S] is 1.

    Where alpha is 0, the canvas stays bit by bit as it was.
    """
    paint = paint.view(*paint.shape, 1, 1) if paint.dim() == 2 else paint
    return canvas.lerp_(paint.expand_as(canvas), alpha.unsqueeze(1).expand_as(canvas))


def blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """From one colour [B or 1, 3] to another, by a share [B, S, S or 1] in [0, 1]: [B, 3, S, S or 1]."""
    first, second = first.view(*first.shape, 1, 1), second.view(*second.shape, 1, 1)
    return first + (second - first) * share.unsqueeze(1)


def smooth(share: Tensor) -> Tensor:
    """0 below 0, 1 above 1, and a smooth step between."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)


def capsule(x: Tensor, y: Tensor, start: tuple, end: tuple, radius: float) -> Tensor:
    """The distance to a stick with round ends."""
    (ax, ay), (bx, by) = start, end
    dx, dy = bx - ax, by - ay
    along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    return torch.hypot(x - ax - along * dx, y - ay - along * dy) - radius


def box(x: Tensor, y: Tensor, centre: tuple, half: tuple, radius: float) -> Tensor:
    """The distance to a rectangle with round corners; `half` are half its sides."""
    dx = ((x - centre[0]).abs() - half[0] + radius).clamp(min=0)
    dy = ((y - centre[1]).abs() - half[1] + radius).clamp(min=0)
    return torch.hypot(dx, dy) - radius
