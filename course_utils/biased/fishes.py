"""Four fish. A species is its outline and its pattern; colours are drawn independently of it.

A fish lies along u, from the tail at −1 to the nose at 1; v goes up. Its outline is two heights over u, for the back
and for the belly, and on them the fins.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.biased.painting import Grid, colour, cover, each, over, smooth

KNOTS = 129  # of an outline, from tail to nose


class Anatomy(NamedTuple):
    """What makes a species."""

    back: tuple[float, ...]  # heights at u = −0.75, −0.5 … 1; the root of the tail first
    belly: tuple[float, ...]
    fins_above: tuple[tuple[float, float, float, float], ...]  # from, to, height, where its peak is (0 to 1)
    fins_below: tuple[tuple[float, float, float, float], ...]
    tail: float  # half its height
    fork: float  # how deep it is cut in; below 0 it bulges
    eye: tuple[float, float, float]  # u, v, radius
    spines: float = 0.0  # how deep the first fin is notched


ANATOMIES = {
    "tench": Anatomy(
        (0.15, 0.22, 0.34, 0.40, 0.40, 0.34, 0.22, 0.0), (0.14, 0.19, 0.29, 0.34, 0.34, 0.29, 0.19, 0.0),
        fins_above=((-0.22, 0.36, 0.18, 0.55),), fins_below=((-0.52, -0.16, 0.17, 0.55), (0.06, 0.34, 0.15, 0.45)),
        tail=0.36, fork=-0.07, eye=(0.73, 0.09, 0.060),
    ),
    "perch": Anatomy(
        (0.08, 0.12, 0.24, 0.34, 0.38, 0.32, 0.19, 0.0), (0.08, 0.11, 0.20, 0.28, 0.31, 0.28, 0.18, 0.0),
        fins_above=((-0.06, 0.52, 0.25, 0.70), (-0.40, -0.08, 0.15, 0.60)),
        fins_below=((-0.42, -0.12, 0.15, 0.55), (0.12, 0.36, 0.14, 0.45)),
        tail=0.34, fork=0.17, eye=(0.73, 0.09, 0.070), spines=0.4,
    ),
    "pike": Anatomy(
        (0.08, 0.12, 0.17, 0.19, 0.19, 0.17, 0.10, 0.0), (0.08, 0.12, 0.17, 0.19, 0.19, 0.16, 0.09, 0.0),
        fins_above=((-0.60, -0.24, 0.20, 0.50),), fins_below=((-0.58, -0.26, 0.18, 0.50), (0.00, 0.22, 0.11, 0.45)),
        tail=0.32, fork=0.24, eye=(0.66, 0.055, 0.052),
    ),
    "trout": Anatomy(
        (0.10, 0.14, 0.22, 0.27, 0.28, 0.25, 0.16, 0.0), (0.10, 0.13, 0.20, 0.25, 0.26, 0.23, 0.15, 0.0),
        fins_above=((-0.08, 0.28, 0.18, 0.72), (-0.52, -0.38, 0.10, 0.40)),
        fins_below=((-0.50, -0.24, 0.14, 0.55), (0.00, 0.20, 0.10, 0.45)),
        tail=0.33, fork=0.03, eye=(0.75, 0.08, 0.058),
    ),
}  # fmt: skip

COLOURS = torch.tensor([
    [0.50, 0.53, 0.26], [0.82, 0.65, 0.30], [0.90, 0.50, 0.39], [0.22, 0.55, 0.55], [0.38, 0.49, 0.69],
    [0.72, 0.76, 0.79], [0.86, 0.59, 0.63], [0.53, 0.38, 0.55], [0.48, 0.65, 0.39], [0.59, 0.43, 0.32],
])  # fmt: skip


def fin(start: float, end: float, height: float, peak: float) -> Tensor:
    """How far a fin stands out at each knot."""
    along = (torch.linspace(-1, 1, KNOTS) - start) / (end - start)
    return height * torch.minimum(along / peak, (1 - along) / (1 - peak)).clamp(0, 1).pow(0.6)


def outlines(species: Anatomy) -> Tensor:
    """Back, belly, and how far the fins stand out above and below: [4, KNOTS]."""
    rows = torch.tensor([species.back, species.belly])
    smooth_rows = F.interpolate(rows[None, :, None], size=(1, 7 * 16 + 1), mode="bicubic", align_corners=True)
    body = F.pad(smooth_rows.view(1, 2, -1), (KNOTS - 7 * 16 - 1, 0), mode="replicate")[0]
    # A blunt nose: near the end the height falls like a circle's, not like a straight line.
    u = torch.linspace(-1, 1, KNOTS)
    blunt = ((1 - u) / 0.25).clamp(0, 1)
    body = torch.where(u > 0.75, body[:, [-17]] * (0.55 * (blunt * (2 - blunt)).sqrt() + 0.45 * blunt), body)
    above, below = (
        torch.stack([fin(*part) for part in fins]).amax(0) for fins in (species.fins_above, species.fins_below)
    )
    notches = 1 - species.spines * ((u + 1) * 8).frac().sub(0.5).abs() * 2 * (u > -0.07)
    return torch.stack([*body, above * notches, below])


OUTLINES = torch.stack([outlines(species) for species in ANATOMIES.values()])
# For each species the numbers that its picture needs, [4] each.
TAIL, FORK, EYES = (
    torch.tensor([getattr(species, name) for species in ANATOMIES.values()]) for name in ("tail", "fork", "eye")
)


class Shape(NamedTuple):
    """A fish's distances, all [B, S, S], in its own unit."""

    body: Tensor
    whole: Tensor  # with fins and tail
    height: Tensor  # of the point in its fish: 0 at the edge of the belly, 1 at that of the back


def shape(scene: dict[str, Tensor], u: Tensor, v: Tensor) -> Shape:
    """Where the body and the fins are."""
    species, finny = scene["species"], each(scene["finny"])
    lines = OUTLINES[species].clone()
    lines[:, :2] *= each(scene["fat"])
    lines[:, 2:] = lines[:, :2] + lines[:, 2:] * finny
    knot = ((u + 1) * ((KNOTS - 1) / 2)).clamp(0, KNOTS - 1.001)
    place = knot.long()
    index = place.flatten(1).unsqueeze(1).expand(-1, 4, -1)
    low, high = lines.gather(2, index), lines.gather(2, index + 1)
    rise = (high - low).view(len(species), 4, *u.shape[1:])
    heights = low.view_as(rise) + (knot - place).unsqueeze(1) * rise
    # A height is no distance: where the outline is steep, the edge is nearer than straight above. (At a fin's end it
    # is so steep that the edge would seem near everywhere above: no steeper than 1.3.)
    steep = (1 + (rise * ((KNOTS - 1) / 2)).clamp(-1.3, 1.3) ** 2).rsqrt()
    sides = (torch.stack([v, -v, v, -v], 1) - heights) * steep
    ends = torch.maximum(u - 1, -0.76 - u)
    body = torch.maximum(torch.maximum(sides[:, 0], sides[:, 1]), ends)
    fins = torch.maximum(torch.maximum(sides[:, 2], sides[:, 3]), ends)
    tall = each(TAIL[species]) * finny
    root = 0.09
    spread = root + (tall - root) * ((-0.56 - u) / 0.44).clamp(0, 1.1).sqrt()
    inward = (v.abs() / tall).clamp(max=1)
    rear = -1.05 + each(FORK[species]) * (1 - inward * inward.sqrt())
    tail = torch.maximum(torch.maximum(0.85 * (v.abs() - spread), 0.9 * (rear - u)), u + 0.55)
    height = (v / heights[:, 0].clamp(min=0.05) + 1) / 2
    return Shape(body, torch.minimum(torch.minimum(body, fins), tail), height)


def pattern(scene: dict[str, Tensor], u: Tensor, v: Tensor, pixel: Tensor) -> Tensor:
    """Where the skin has another tone, [B, S, S] in [0, 1]: a perch has bars, a pike pale flecks, a trout dark dots."""
    species, phase, often = each(scene["species"]), each(scene["phase"]), each(scene["often"])
    bars = smooth(2.2 * torch.sin((15.5 * u + v) * often + 6.283 * phase)) * smooth(5 * v + 1) * (u < 0.55)
    # A lattice of dots, every other row shifted by half.
    pike = species == 2
    across, up = torch.where(pike, 5.4, 6.6) * often, torch.where(pike, 11.5, 7.5) * often
    row = (v * up + phase).round()
    column = u * across + 0.5 * row.remainder(2) + 3 * phase
    dot = torch.hypot((column - column.round()) / across, (v * up + phase - row) / up) - 0.036
    dots = cover(dot, pixel.clamp(min=0.02)) * (u < 0.6) * torch.where(pike, 1.0, smooth(6 * v + 0.7))
    return torch.where(species == 1, bars, torch.where(species == 0, 0.0, dots)) * each(scene["contrast"])


def paint(scene: dict[str, Tensor], grid: Grid, canvas: Tensor) -> Tensor:
    """Paint each scene's fish on the canvas; returns the share of each pixel that it covers, [B, S, S]."""
    cos, sin, scale = each(scene["angle"].cos()), each(scene["angle"].sin()), each(scene["scale"])
    dx, dy = grid.x - each(scene["x"]), grid.y - each(scene["y"])
    u = (dx * cos + dy * sin) / (scale * each(scene["long"])) * each(scene["flip"])
    v = (dx * sin - dy * cos) / scale + each(scene["bend"]) * (u * u - 0.35)
    pixel = grid.pixel / scale
    form = shape(scene, u, v)
    skin = (COLOURS[scene["colour"]] + scene["jitter"]).clamp(0.05, 1)
    fins = (0.8 * skin + 0.8 * scene["fins"]).clamp(0.05, 1)
    ink = 0.42 * skin
    outline = cover(form.whole - 0.028, pixel)
    over(canvas, ink, outline)
    over(canvas, fins, cover(form.whole, pixel))
    if grid.fine:
        over(canvas, 0.8 * fins, cover(form.whole, pixel) * (0.5 + 0.5 * torch.sin(52 * u + 14 * v.abs())) * 0.35)
    body = cover(form.body, pixel)
    over(canvas, ink, 0.75 * cover(form.body - 0.022, pixel))
    belly = skin + (1 - skin) * scene["belly"].unsqueeze(1)
    over(canvas, belly, body)
    over(canvas, 0.86 * skin, body * smooth(form.height))
    pale = (scene["species"] == 2).unsqueeze(1)
    over(canvas, torch.where(pale, skin + 0.75 * (1 - skin), 0.34 * skin), body * pattern(scene, u, v, pixel))
    _face(scene, u, v, pixel, body, canvas, (skin, fins, ink), grid.fine)
    return outline


def _face(scene, u, v, pixel, body, canvas, colours, fine: bool) -> None:
    """Eye, gill, the fin at its side and, large enough to be seen, a smile."""
    skin, fins, ink = colours
    du, dv = u - 0.27, v + 0.10 * each(scene["fat"])
    side = (torch.hypot((du + 0.6 * dv) / 0.15, (dv + 0.3 * du) / 0.085) - 1) * 0.085
    over(canvas, ink, 0.7 * body * cover(side - 0.017, pixel))
    over(canvas, fins, body * cover(side, pixel))
    eye_u, eye_v, radius = (each(column) for column in EYES[scene["species"]].unbind(1))
    if fine:
        gill = (u - 0.46 + 0.9 * v * v).abs() - 0.016
        over(canvas, ink, 0.55 * body * cover(gill, pixel) * (v.abs() < 0.17))
        smile = (torch.hypot(u - 0.90, v + 0.02) - 0.085).abs() - 0.012
        over(canvas, ink, 0.8 * body * cover(torch.maximum(smile, torch.maximum(v + 0.05, u - 0.94)), pixel))
    distance = torch.hypot(u - eye_u, v - eye_v * each(scene["fat"]))
    over(canvas, ink, cover(distance - radius - 0.022, pixel))
    iris = torch.where((scene["species"] == 0).unsqueeze(1), colour(0.96, 0.62, 0.36), colour(0.98, 0.95, 0.84))
    over(canvas, iris, cover(distance - radius, pixel))
    over(canvas, colour(0.07, 0.07, 0.09), cover(distance - 0.55 * radius, pixel))
    if fine:
        glint = torch.hypot(u - eye_u - 0.015, v - eye_v * each(scene["fat"]) - 0.018) - 0.014
        over(canvas, colour(1.0, 1.0, 1.0), cover(glint, pixel))
