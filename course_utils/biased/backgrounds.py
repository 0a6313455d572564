"""Water, grass, a deck and the sky behind the fish. Each takes twelve numbers in [0, 1] a picture, [B, 12], and paints
a canvas [B, 3, S, S]."""

import math

import torch
from torch import Tensor

from course_utils.biased.painting import Grid, blend, colour, cover, each, over, smooth

TURN = 2 * math.pi


def water(numbers: Tensor, grid: Grid) -> Tensor:
    """Waves under the open sky, darker below, with light on their crests."""
    q = [each(column) for column in numbers.unbind(1)]
    depth = ((grid.y + 1) / 2 + 0.2 * (q[0] - 0.5)).clamp(0, 1)
    tint = (numbers[:, 1:2] - 0.5) * colour(0.06, 0.15, 0.12)
    canvas = blend(colour(0.50, 0.79, 0.81) + tint, colour(0.12, 0.40, 0.58) + tint, depth)
    canvas = canvas.expand(-1, -1, -1, grid.x.shape[-1]).clone()
    swell = torch.sin(grid.x * (2.5 + 2 * q[2]) + TURN * q[3]) + 0.5 * torch.sin(grid.x * (6 + 3 * q[4]) + TURN * q[5])
    phase = grid.y * (7 + 4 * q[6]) + 0.5 * swell + TURN * q[7]
    wave = torch.sin(phase)
    broken = torch.sin(grid.x * (3.5 + 3 * q[8]) + 1.8 * phase + TURN * q[9])
    over(canvas, colour(0.08, 0.32, 0.48), 0.24 * smooth(-4 * wave - 2.8))
    return over(canvas, colour(0.88, 0.96, 0.94), (0.35 + 0.35 * q[10]) * smooth(5 * wave - 3.7) * smooth(broken + 0.5))


def grass(numbers: Tensor, grid: Grid) -> Tensor:
    """A meadow: tufts in rows that lean in the wind, and four flowers."""
    q = [each(column) for column in numbers.unbind(1)]
    tint = (numbers[:, 0:1] - 0.5) * colour(0.16, 0.12, 0.06)
    near = (grid.y + 1) / 2
    canvas = blend(colour(0.63, 0.77, 0.38) + tint, colour(0.32, 0.55, 0.26) + tint, near + 0 * q[0])
    canvas = canvas.expand(-1, -1, -1, grid.x.shape[-1]).clone()
    leaning = grid.x + 0.15 * torch.sin(4 * grid.y + TURN * q[1]) + 0.5 * (q[2] - 0.5) * grid.y
    blades = torch.sin((14 + 8 * q[3]) * leaning + 1.5 * torch.sin(5 * grid.y + 4 * grid.x + TURN * q[4]))
    rows = torch.sin((8 + 3 * q[5]) * grid.y + 1.3 * torch.sin(3 * grid.x + TURN * q[6]))
    over(canvas, colour(0.79, 0.88, 0.47), 0.55 * smooth(1.8 * blades - 0.6) * smooth(rows + 0.6))
    over(canvas, colour(0.20, 0.41, 0.21), 0.5 * smooth(-2 * blades - 0.9) * smooth(0.6 - rows))
    flowers = (0.97, 0.95, 0.90), (0.95, 0.79, 0.33), (0.87, 0.50, 0.58), (0.80, 0.78, 0.95)
    for k, petals in enumerate(flowers):
        dx, dy = grid.x - 2 * q[7 + k] + 1, grid.y - 2 * q[(4 + 3 * k) % 12] + 1
        radius = torch.hypot(dx, dy)
        over(canvas, colour(*petals), cover(radius - 0.082 - 0.022 * torch.cos(5 * torch.atan2(dy, dx)), grid.pixel)
             if grid.fine else cover(radius - 0.082, grid.pixel))  # fmt: skip
        over(
            canvas, colour(0.70, 0.47, 0.20) if k == 1 else colour(0.95, 0.72, 0.24), cover(radius - 0.033, grid.pixel)
        )
    return canvas


def deck(numbers: Tensor, grid: Grid) -> Tensor:
    """The boards of a landing stage, each of its own tone, with grain, gaps and nails."""
    q = [each(column) for column in numbers.unbind(1)]
    turn = 0.7 * (q[0] - 0.5)
    along = grid.x * turn.cos() + grid.y * turn.sin()
    board = (grid.y * turn.cos() - grid.x * turn.sin() + q[1]) / (0.42 + 0.14 * q[2])
    number = board.floor()
    across = board - number
    tone = ((number + 40 * q[3]) * 0.618).frac().abs()
    wood = colour(0.87, 0.72, 0.53) * (1 + (numbers[:, 4:5] - 0.5) * colour(0.16, 0.20, 0.26))
    canvas = blend(wood * colour(0.82, 0.76, 0.69), wood, tone)
    grain = torch.sin(17 * across + 1.6 * torch.sin((2.2 + q[5]) * along + 2.4 * number + TURN * q[6]) + 9 * tone)
    over(canvas, colour(0.53, 0.37, 0.23), 0.34 * smooth(1.5 * grain - 0.4))
    to_edge = torch.minimum(across, 1 - across) * (0.42 + 0.14 * q[2])
    over(canvas, colour(0.26, 0.18, 0.12), 0.9 * cover(to_edge - 0.014, grid.pixel))
    place = (0.8 * along + q[7] + 0.37 * number).remainder(1) - 0.5
    return over(
        canvas, colour(0.32, 0.28, 0.25), 0.8 * cover(torch.hypot(place / 0.8, to_edge - 0.09) - 0.024, grid.pixel)
    )


def sky(numbers: Tensor, grid: Grid) -> Tensor:
    """Two clouds with flat feet over two ridges of hills."""
    q = [each(column) for column in numbers.unbind(1)]
    tint = (numbers[:, 0:1] - 0.5) * colour(0.14, 0.08, 0.04)
    canvas = blend(colour(0.52, 0.75, 0.92) + tint, colour(0.91, 0.93, 0.89) + tint, (grid.y + 1) / 2 + 0 * q[0])
    canvas = canvas.expand(-1, -1, -1, grid.x.shape[-1]).clone()
    clouds = torch.tensor(torch.inf)
    for k in range(2):
        x, y, size = grid.x - 2.2 * q[1 + k] + 1.1, grid.y + 0.9 - 0.9 * q[3 + k], 0.8 + 0.5 * q[5 + k]
        puffs = (0.0, -0.03, 0.20), (-0.23, 0.05, 0.14), (0.22, 0.04, 0.15)
        for dx, dy, radius in puffs:
            puff = torch.hypot(x - dx * size, 1.2 * (y - dy * size)) - radius * size
            puff = torch.maximum(puff, 0.8 * (y - 0.1))
            clouds = torch.minimum(clouds, puff)
    over(canvas, colour(0.99, 0.98, 0.96), 0.92 * cover(clouds, 2.2 * grid.pixel))
    near = 0.62 + 0.3 * q[7] + 0.1 * torch.sin((2 + q[8]) * grid.x + TURN * q[9])
    far = near - 0.13 - 0.06 * torch.sin(3.1 * grid.x + TURN * q[10])
    over(canvas, colour(0.63, 0.75, 0.74), cover(far - grid.y, grid.pixel))
    return over(canvas, colour(0.47, 0.65, 0.48), cover(near - grid.y, grid.pixel))


PAINTERS = {"water": water, "grass": grass, "deck": deck, "sky": sky}
