"""What `biased` must refuse."""

import math

import torch
from refusals import row
from refusals_data import LABELS, NO_GENERATOR, NO_LABELS, NO_SEED, OTHER_CLASSES, no_count

from course_utils import biased

NAN = math.nan
KINDS = torch.arange(4)
SCENE = biased.draw_scene(KINDS, KINDS > 1, KINDS, torch.Generator().manual_seed(0))
GREY = torch.rand(6, 1, 3, 3, generator=torch.Generator().manual_seed(0))
NO_RATIO = [-0.1, 1.1, NAN, "0.1", torch.tensor([0.1, 0.2])]
NO_SPLIT = [None, 3, "tset", "Train", ["test"]]
NO_GREY = [
    None, GREY.tolist(), GREY.numpy(), GREY.double(), (255 * GREY).byte(), GREY[:, 0], GREY.repeat(1, 3, 1, 1),
    GREY.permute(1, 0, 2, 3), GREY[None], GREY[:0], GREY * 255, GREY - 1, GREY * NAN, GREY.to("meta"),
]  # fmt: skip


def spoilt(**entries):
    """The scene with other entries."""
    return SCENE | entries


NO_SCENE = [
    None, [], {}, SCENE["x"], biased.render(SCENE, 8), list(SCENE.values()),
    {name: values for name, values in SCENE.items() if name != "grip"},
    spoilt(hat=SCENE["x"]), spoilt(x=0.1), spoilt(x=SCENE["x"].tolist()), spoilt(x=SCENE["x"][:3]),
    spoilt(x=SCENE["x"][:, None]), spoilt(x=SCENE["x"].double()), spoilt(x=SCENE["x"] * NAN), spoilt(x=1 / (KINDS - 1)),
    spoilt(hand=KINDS), spoilt(jitter=SCENE["jitter"][:, :2]), spoilt(backdrop=SCENE["backdrop"].T),
    spoilt(species=KINDS + 1), spoilt(species=KINDS - 1), spoilt(background=KINDS + 1), spoilt(colour=KINDS + 9),
    spoilt(sleeve=KINDS - 4), spoilt(grain=KINDS + 64), spoilt(species=KINDS.int()), spoilt(scale=KINDS.float()),
    spoilt(long=-SCENE["long"]), spoilt(skin=KINDS - 0.5), spoilt(skin=KINDS + 3.0),
]  # fmt: skip

ROWS = [
    row(
        biased.colored_mnist,
        {"split": "test", "conflict_ratio": 0.1, "n": 20},
        split=NO_SPLIT,
        conflict_ratio=[None, *NO_RATIO],
        seed=NO_SEED,
        n=[0, 2.5, "3", 10_001],
        std=[None, -0.1, NAN, math.inf, "0.1"],
    ),
    row(
        biased.biased_colours,
        {"labels": LABELS, "conflict_ratio": 0.1, "generator": torch.Generator()},
        labels=[*NO_LABELS, LABELS + 8, *OTHER_CLASSES[1:]],
        conflict_ratio=[None, *NO_RATIO],
        generator=NO_GENERATOR,
    ),
    row(
        biased.paint,
        {"images": GREY, "bias": LABELS, "std": 0.1, "generator": torch.Generator()},
        images=[*NO_GREY, GREY[:3]],
        bias=[*NO_LABELS, LABELS + 8, *OTHER_CLASSES[1:]],
        std=[None, -0.1, NAN, math.inf, "0.1"],
        generator=NO_GENERATOR,
    ),
    row(biased.colour_swaps, {"images": GREY}, images=NO_GREY[:-1]),
    row(
        biased.draw_scene,
        {"species": KINDS, "hand": KINDS > 1, "background": KINDS, "generator": torch.Generator()},
        species=[None, [0, 1, 2, 3], KINDS.numpy(), KINDS.float(), KINDS[:, None], KINDS[:0], KINDS + 1, KINDS - 1],
        hand=[None, [True, False], KINDS, KINDS - 2, KINDS / 4, KINDS * NAN, KINDS[:3] > 1, (KINDS > 1)[:, None], True],
        background=[None, [0, 1, 2, 3], KINDS.float(), KINDS[:, None], KINDS[:3], KINDS + 1, KINDS - 1],
        generator=NO_GENERATOR,
    ),
    # Other wrong entries are in test_fish.py: the error calls each by its own name.
    row(biased.changed, {"scene": SCENE}, scene=NO_SCENE, entries=[0, True]),
    row(biased.render, {"scene": SCENE, "size": 8}, scene=NO_SCENE, size=no_count(least=8)),
    row(
        biased.fish_and_hand,
        {"split": "train", "n": 8, "hand_ratio": 0.1, "background_ratio": None, "size": 8},
        split=NO_SPLIT,
        n=no_count(least=8),
        hand_ratio=NO_RATIO,
        background_ratio=NO_RATIO,
        seed=NO_SEED,
        size=no_count(least=8),
    ),
    row(
        biased.swim_left,
        {"scene": SCENE, "rows": KINDS > 1},
        scene=NO_SCENE,
        rows=[None, [True, False, True, False], KINDS, KINDS[:3] > 1, (KINDS > 1)[:, None], (KINDS > 1).float()],
    ),
    row(
        biased.marked,
        {"mark": biased.swim_left, "split": "train", "n": 8, "ratio": 0.1, "size": 8},
        mark=[
            None, "swim_left", 3, lambda scene, rows: None, lambda scene, rows: rows,
            lambda scene, rows: {"flip": scene["flip"]}, lambda scene, rows: scene | {"flip": rows.long()},
            lambda scene, rows: scene | {"hat": rows}, lambda scene, rows: scene | {"background": rows + 3},
            lambda scene, rows: {name: values[:4] for name, values in scene.items()},
        ],
        split=NO_SPLIT,
        n=no_count(least=8),
        ratio=[None, *NO_RATIO],
        seed=NO_SEED,
        size=no_count(least=8),
    ),
]  # fmt: skip
FILLED = "a record: what goes into it has been checked where it is made"
EXEMPT = {
    "biased.colored_mnist.BiasedRun": FILLED,
    "biased.scenes.FishAndHand": FILLED,
    "biased.scenes.Rendered": FILLED,
}
