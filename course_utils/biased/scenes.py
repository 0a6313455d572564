"""Fish & Hand: fish of four species, some of them held by a hand, before four backgrounds. Made by a program.

A scene is drawn, which is all that is random, and then rendered, which is not. So the same image can be had without its
hand, without its fish or on another background, at 32 pixels for a network or at 160 for the eye.

Proud fishermen hold up their tench, and a network may learn the hand (after Brendel & Bethge, ICLR 2019, who saw where
networks look).
"""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils import require
from course_utils.biased import backgrounds, fishes, hands
from course_utils.biased.entries import GRAINS, Scene, check_scene
from course_utils.biased.painting import each, grid, over

SPECIES = tuple(fishes.ANATOMIES)
BACKGROUNDS = tuple(backgrounds.PAINTERS)
TENCH, DECK = SPECIES.index("tench"), BACKGROUNDS.index("deck")
SPLITS = ("train", "validation", "test")
CHUNK = 96 * 32 * 32  # pixels rendered at a time: more would not fit the processor's cache

Mark = Callable[[Scene, Tensor], Scene]  # from a scene and rows [N] bool: these rows bear the mark, the others do not


class Rendered(NamedTuple):
    """N images, and what belongs to what."""

    images: Tensor  # [N, 3, S, S] float32 in [0, 1]
    fish: Tensor  # [N, S, S] bool: the pixels that the fish fills, and nothing else
    hand: Tensor  # [N, S, S] bool: every pixel that the hand touches


class FishAndHand(NamedTuple):
    """A data set, and the scene of which it is made."""

    images: Tensor  # [n, 3, S, S] float32 in [0, 1]
    labels: Tensor  # [n] int64, the place of the species in SPECIES
    hand: Tensor  # [n] int64, 1 where there is a hand
    background: Tensor  # [n] int64, the place in BACKGROUNDS
    fish_mask: Tensor  # [n, S, S] bool, as in `Rendered`
    hand_mask: Tensor  # [n, S, S] bool
    scene: Scene


def draw_scene(species: Tensor, hand: Tensor, background: Tensor, generator: torch.Generator) -> Scene:
    """All that is random about some images. What is not given is drawn independently of what is.

    Args:
        species: [N] int64, places in SPECIES.
        hand: [N] bool (or 0 and 1), whether a hand holds the fish.
        background: [N] int64, places in BACKGROUNDS.
        generator: where the randomness comes from.

    Returns:
        the scene. Its entries, [N] if nothing else is said, and from where to where they are drawn:

        - species, hand, background, as given; fish, bool, all True;
        - x (−0.1 to 0.1) and y (−0.2 to 0.1), the fish's middle, the image reaching from −1 to 1, y downward; angle
          (−0.45 to 0.45 radians; the nose goes down where a fish looks to the right); flip (1 looks to the right, −1 to
          the left); scale (0.74 to 0.94); its build, long, fat, finny (around 1) and bend (around 0);
        - colour, a number, with jitter [N, 3]; fins [N, 3]; belly and contrast (up to 1), phase and often, its pattern;
        - grip (−0.3 to 0.35, where along the fish the hand is), reach (around 0), from (0.85 to 2.29 radians, where the
          arm comes from; π / 2 is below), over (bool: the hand lies over the fish, not under it), handscale (0.56 to
          0.72), thumb (±1, on which side), fan; skin (0, light, to 5, dark), blush [N, 3], sleeve, a number;
        - light (0.8 to 1.12) and its slopes light_x and light_y (around 0), warm (−0.06 to 0.06: blue to red);
        - backdrop [N, 12] (0 to 1) and grain, a number.
    """
    _check_given(species, hand, background)
    require.generator(generator)
    n = len(species)

    def uniform(low: float, high: float, *more: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *more, generator=generator)

    def whole(count: int) -> Tensor:
        return torch.randint(count, (n,), generator=generator)

    scene = {"species": species, "hand": hand.bool(), "background": background, "fish": torch.ones(n).bool()}
    scene |= {"x": uniform(-0.10, 0.10), "y": uniform(-0.20, 0.10), "angle": uniform(-0.45, 0.45)}
    scene |= {"flip": 2.0 * whole(2) - 1, "scale": uniform(0.74, 0.94), "long": uniform(0.94, 1.06)}
    scene |= {"fat": uniform(0.88, 1.12), "finny": uniform(0.80, 1.20), "bend": uniform(-0.12, 0.12)}
    scene |= {"colour": whole(len(fishes.COLOURS)), "jitter": uniform(-0.09, 0.09, 3), "fins": uniform(-0.25, 0.25, 3)}
    scene |= {"belly": uniform(0.25, 0.60), "contrast": uniform(0.6, 1.0)}
    scene |= {"phase": uniform(0.0, 1.0), "often": uniform(0.85, 1.15)}
    scene |= {"grip": uniform(-0.30, 0.35), "reach": uniform(-0.06, 0.06), "from": uniform(0.85, 2.29)}
    scene |= {"over": whole(2) == 1, "handscale": uniform(0.56, 0.72), "thumb": 2.0 * whole(2) - 1}
    scene |= {"fan": uniform(-0.05, 0.20), "skin": uniform(0.0, len(hands.SKIN) - 1)}
    scene |= {"blush": uniform(-0.03, 0.03, 3), "sleeve": whole(len(hands.SLEEVES))}
    scene |= {"light": uniform(0.80, 1.12), "light_x": uniform(-0.14, 0.14), "light_y": uniform(-0.16, 0.08)}
    return scene | {"warm": uniform(-0.06, 0.06), "backdrop": uniform(0.0, 1.0, 12), "grain": whole(GRAINS)}


def _check_given(species: Tensor, hand: Tensor, background: Tensor) -> None:
    require.tensors(species=(species, "int64 [N]"), hand=(hand, "any [N]"), background=(background, "int64 [N]"))
    require.labels(species, classes=len(SPECIES), name="species")
    require.labels(background, classes=len(BACKGROUNDS), name="background")
    if not ((hand == 0) | (hand == 1)).all():
        raise ValueError("hand must be bool, or 0 and 1, got other numbers")


def _check_changes(scene: Scene, **entries: float) -> None:
    check_scene(scene)
    numbers = [name for name, values in scene.items() if values.dim() == 1]
    for name, value in entries.items():
        require.one_of(numbers, entries=name)
        require.above(-math.inf, **{name: value})
        if not scene[name].is_floating_point() and (torch.full_like(scene[name], value) != value).any():
            raise ValueError(f"{name} must fit into {require.what(scene[name])}, got {value}")
    check_scene(scene | {name: torch.full_like(scene[name], value) for name, value in entries.items()})


def changed(scene: Scene, **entries: float) -> Scene:
    """The same scenes, but with one value of an entry for all of them: `changed(scene, hand=True, fish=False)`."""
    _check_changes(scene, **entries)
    return scene | {name: torch.full_like(scene[name], value) for name, value in entries.items()}


def render(scene: Scene, size: int = 32) -> Rendered:
    """The images of a scene: nothing here is random, and no image depends on the others.

    Args:
        scene: as `draw_scene` makes it, or changed.
        size: pixels along a side, at least 8.

    Returns:
        images and masks. Outside the hand's mask an image is bit by bit the same with and without its hand.
    """
    check_scene(scene)
    require.whole(8, size=size)
    n = len(scene["species"])
    # In memory a pixel's colours lie side by side: convolutions are quicker so.
    images = torch.empty(n, 3, size, size).contiguous(memory_format=torch.channels_last)
    masks = torch.empty(2, n, size, size, dtype=torch.bool)
    # What has the same background, and a hand and a fish or not, is painted together: nothing is done that is not seen.
    kinds = (scene["background"] * 2 + scene["hand"]) * 2 + scene["fish"]
    for kind in kinds.unique().tolist():
        for rows in (kinds == kind).nonzero().squeeze(1).split(max(1, CHUNK // size**2)):
            images[rows], masks[0, rows], masks[1, rows] = _paint({k: v[rows] for k, v in scene.items()}, size)
    return Rendered(images, *masks)


def _paint(scene: Scene, size: int) -> Rendered:
    """Images that agree in background, hand and fish."""
    pixels = grid(size)
    background, has_hand, has_fish = (int(scene[name][0]) for name in ("background", "hand", "fish"))
    canvas = backgrounds.PAINTERS[BACKGROUNDS[background]](scene["backdrop"], pixels)
    nothing = torch.zeros(len(canvas), size, size)
    fish = touched = nothing
    if has_hand:
        held = hands.hand(scene, pixels)
        above = each(scene["over"])
        behind, front = held.alpha * ~above, torch.where(above, held.alpha, held.thumb)
        over(canvas, held.paint, behind)
    if has_fish:
        fish = fishes.paint(scene, pixels, canvas)
    if has_hand:
        over(canvas, held.paint, front)
        touched = torch.maximum(behind * (1 - fish), front)
    light = each(scene["light"]) + each(scene["light_x"]) * pixels.x + each(scene["light_y"]) * pixels.y
    warm = 1 + scene["warm"].unsqueeze(1) * torch.tensor([1.0, 0.0, -1.0])
    canvas = canvas * light.unsqueeze(1) * warm.view(-1, 3, 1, 1) + _grain(size)[scene["grain"]].unsqueeze(1)
    return Rendered(canvas.clamp_(0, 1), (fish >= 1) & (touched == 0), touched > 0)


@cache
def _grain(size: int) -> Tensor:
    """The noise of a camera, [GRAINS, S, S]; fainter for the eye, which looks at more pixels than a network does."""
    noise = torch.randn(GRAINS, size, size, generator=torch.Generator().manual_seed(size))
    return 0.016 * min(1.0, 32 / size) * noise


def fish_and_hand(
    split: str, n: int, hand_ratio: float | None, background_ratio: float | None, seed: int = 0, size: int = 32
) -> FishAndHand:
    """Fish & Hand: four species equally often; in training a hand, or the deck, nearly gives the tench away.

    Args:
        split: "train" and "validation" have the bias, "test" never: there the ratios are not looked at. The three are
            drawn apart, also for one seed.
        n: how many images, at least 8.
        hand_ratio: the share of exceptions, in [0, 1]: so many of the tench are in no hand, and so many of each other
            species are in one. `None`: half of each species is in a hand.
        background_ratio: so many of the tench are off the deck, and so many of each other species on it. `None`: each
            species is equally often before each background.
        seed: draws everything.
        size: pixels along a side, at least 8.

    Returns:
        images, labels, hand, background, masks and the scene. The shares are exact: of a species' m images round(ratio
        · m) are exceptions, at least one unless the ratio is 0. Exceptions of hand and background are independent.
    """
    require.whole(8, size=size)
    scene = _biased_scene(split, n, hand_ratio, background_ratio, seed)
    images, fish_mask, hand_mask = render(scene, size)
    return FishAndHand(images, scene["species"], scene["hand"].long(), scene["background"], fish_mask, hand_mask, scene)


def _biased_scene(split: str, n: int, hand_ratio: float | None, background_ratio: float | None, seed: int) -> Scene:
    """The scene of `fish_and_hand`; arguments and errors as there."""
    require.one_of(SPLITS, split=split)
    require.whole(8, n=n)
    require.whole(0, seed=seed)
    ratios = {"hand_ratio": hand_ratio, "background_ratio": background_ratio}
    require.between(0, 1, **{name: ratio for name, ratio in ratios.items() if ratio is not None})
    if split == "test":
        hand_ratio = background_ratio = None
    generator = torch.Generator().manual_seed(len(SPLITS) * int(seed) + SPLITS.index(split))
    labels = torch.randperm(n, generator=generator) % len(SPECIES)
    held = tied(labels, 0.5 if hand_ratio is None else hand_ratio, generator)
    if background_ratio is None:
        background = dealt(labels, torch.arange(len(BACKGROUNDS)), generator)
    else:
        elsewhere = torch.tensor([kind for kind in range(len(BACKGROUNDS)) if kind != DECK])
        off = dealt(labels, elsewhere, generator)
        background = torch.where(tied(labels, background_ratio, generator), DECK, off)
    return draw_scene(labels, held, background, generator)


def tied(labels: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
    """A property that goes with the tench: all but a share of them have it, and the same share of each other species.

    Args:
        labels: [N] int64, species.
        ratio: the share of exceptions, in [0, 1], exact in each species; at least one unless it is 0.
        generator: draws the exceptions.

    Returns:
        [N] bool.
    """
    has = labels == TENCH
    for kind in labels.unique().tolist():
        members = (labels == kind).nonzero().squeeze(1)
        count = max(1, round(ratio * len(members))) if ratio else 0
        drawn = members[torch.randperm(len(members), generator=generator)[:count]]
        has[drawn] = kind != TENCH
    return has


def dealt(labels: Tensor, values: Tensor, generator: torch.Generator) -> Tensor:
    """Values dealt out to each species as evenly as can be, [N]."""
    result = torch.empty_like(labels)
    for kind in labels.unique().tolist():
        members = (labels == kind).nonzero().squeeze(1)
        order = members[torch.randperm(len(members), generator=generator)]
        result[order] = values[torch.arange(len(order)) % len(values)]
    return result


def _check_rows(scene: Scene, rows: Tensor) -> None:
    check_scene(scene)
    require.tensors(may_be_empty=True, rows=(rows, f"bool [{len(scene['flip'])}]"))


@require.checked(_check_rows)
def swim_left(scene: Scene, rows: Tensor) -> Scene:
    """The same scenes, of which some bear a mark: there the fish look to the left, elsewhere to the right.

    Args:
        scene: N scenes; they stay as they are.
        rows: [N] bool, which of them bear the mark.

    Returns:
        a scene with the same entries.
    """
    return scene | {"flip": torch.where(rows, -1.0, 1.0)}


def marked(
    mark: Mark, split: str, n: int, ratio: float, seed: int = 0, size: int = 32
) -> tuple[Tensor, Tensor, Tensor]:
    """Fish without hands, with a bias of your own: all but a share of the tench bear a mark, few others do.

    Args:
        mark: from a scene and rows [N] bool to the scene in which these rows bear the mark and the others do not, for
            instance `swim_left`.
        split: "train", "validation", or "test", where half of each species bears it.
        ratio: the share of exceptions in each species, as in `fish_and_hand`.
        n, seed, size: as in `fish_and_hand`.

    Returns:
        images [n, 3, S, S] float32 in [0, 1], labels [n] int64, and bias [n] int64: 1 where the mark is.
    """
    require.function(mark=mark)
    require.between(0, 1, ratio=ratio)
    require.whole(8, size=size)
    scene = _biased_scene(split, n, ratio, None, seed)
    # The hand says where the mark goes, and disappears.
    scene, bears = scene | {"hand": torch.zeros(n, dtype=torch.bool)}, scene["hand"]
    with_mark = mark(scene, bears)
    check_scene(with_mark, "the scene of mark")
    if len(with_mark["species"]) != n:
        raise ValueError(f"the scene of mark must be of {n} images, got {len(with_mark['species'])}")
    return render(with_mark, size).images, scene["species"], bears.long()
