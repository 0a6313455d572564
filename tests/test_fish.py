"""Fish & Hand: what is drawn, what is rendered, and that nothing but the wanted bias gives a species away."""

import itertools

import pytest
import torch
from torch import Tensor

from course_utils import biased
from course_utils.biased import DECK, TENCH, scenes

N = 64


@pytest.fixture(scope="module")
def scene() -> biased.Scene:
    kinds = torch.arange(N)
    return biased.draw_scene(kinds % 4, kinds % 8 < 4, kinds // 8 % 4, torch.Generator().manual_seed(0))


def part(scene: biased.Scene, rows: Tensor) -> biased.Scene:
    return {name: values[rows] for name, values in scene.items()}


def equal(first: biased.Rendered, second: biased.Rendered) -> bool:
    return all(map(torch.equal, first, second))


# ------------------------------------------------------------------------------------------------ scenes


def test_a_scene_is_drawn_by_its_generator_alone(scene):
    kinds = torch.arange(N)
    torch.manual_seed(1)
    again = biased.draw_scene(kinds % 4, kinds % 8 < 4, kinds // 8 % 4, torch.Generator().manual_seed(0))
    other = biased.draw_scene(kinds % 4, kinds % 8 < 4, kinds // 8 % 4, torch.Generator().manual_seed(1))
    assert all(torch.equal(scene[name], again[name]) for name in scene)
    assert not torch.equal(scene["x"], other["x"])
    assert all(len(values) == N for values in scene.values())


def test_what_is_not_given_does_not_depend_on_what_is(scene):
    other = biased.draw_scene(
        torch.zeros(N).long(), torch.ones(N), torch.full((N,), 3), torch.Generator().manual_seed(0)
    )
    given = {"species", "hand", "background"}
    assert all(torch.equal(scene[name], other[name]) for name in set(scene) - given)


def test_the_docstring_names_every_entry(scene):
    assert [name for name in scene if name not in scenes.draw_scene.__doc__] == []


def test_changed_changes_what_is_named(scene):
    changed = biased.changed(scene, hand=True, background=DECK, light=1.0)
    assert changed["hand"].all() and changed["hand"].dtype == torch.bool
    assert changed["background"].unique().tolist() == [DECK] and changed["light"].unique().tolist() == [1.0]
    assert {name for name in scene if not torch.equal(scene[name], changed[name])} == {"hand", "background", "light"}


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"hands": 1}, "entries must be one of 'species', .* got 'hands'"),
        ({"jitter": 0.0}, "entries must be one of 'species', .* got 'jitter'"),
        ({"hand": 2}, r"hand must fit into bool \[64\], got 2"),
        ({"species": 2.5}, r"species must fit into int64 \[64\], got 2.5"),
        ({"background": 4}, r"scene\['background'\] must lie in 0…3, got values from 4 to 4"),
        ({"species": -1}, r"scene\['species'\] must lie in 0…3, got values from -1 to -1"),
        ({"scale": 0.0}, r"scene\['scale'\] must be above 0, got 0"),
        ({"x": float("nan")}, "x must be a finite number .*got nan"),
        ({"x": "left"}, "x must be a finite number .*got 'left'"),
        ({"x": torch.zeros(64)}, r"x must be a finite number .*got float32 \[64\]"),
    ],
)
def test_what_an_entry_cannot_be_is_named(scene, entry, words):
    with pytest.raises(ValueError, match=words):
        biased.changed(scene, **entry)


# ------------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("size", [8, 32, 33, 96])
def test_images_are_images(scene, size):
    images, fish, hand = biased.render(scene, size)
    assert images.dtype == torch.float32 and images.shape == (N, 3, size, size)
    assert images.min() >= 0 and images.max() <= 1
    assert fish.shape == hand.shape == (N, size, size) and fish.dtype == hand.dtype == torch.bool
    assert not (fish & hand).any()
    assert hand[scene["hand"]].any(dim=(1, 2)).all() and not hand[~scene["hand"]].any()


@pytest.mark.parametrize("size", [32, 33])
def test_an_image_does_not_depend_on_those_beside_it(scene, size, monkeypatch):
    together = biased.render(scene, size)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(2))
    assert equal(biased.render(part(scene, order), size), biased.Rendered(*(values[order] for values in together)))
    for images in (1, 5):
        monkeypatch.setattr(scenes, "CHUNK", images * size**2)
        assert equal(biased.render(scene, size), together)


def test_rendering_leaves_scene_and_outlines_alone(scene):
    before = {name: values.clone() for name, values in scene.items()}
    first = biased.render(scene)
    assert all(torch.equal(scene[name], before[name]) for name in scene)
    assert equal(biased.render(scene), first)


@pytest.mark.parametrize("size", [32, 96])
@pytest.mark.parametrize("fish", [True, False])
def test_outside_its_mask_the_hand_changes_nothing(scene, size, fish):
    with_hand = biased.render(biased.changed(scene, hand=True, fish=fish), size)
    no_hand = biased.render(biased.changed(scene, hand=False, fish=fish), size)
    changed = (with_hand.images != no_hand.images).any(dim=1)
    assert not (changed & ~with_hand.hand).any()
    # and the mask is not simply everything
    assert 0.02 < with_hand.hand.float().mean() < 0.25
    assert (changed & with_hand.hand).sum() > 0.9 * with_hand.hand.sum()


def test_the_fish_mask_holds_nothing_of_the_background(scene):
    here = biased.render(biased.changed(scene, hand=False), 32)
    elsewhere = biased.render(biased.changed(scene, hand=False) | {"background": (scene["background"] + 1) % 4}, 32)
    differ = (here.images != elsewhere.images).any(dim=1)
    assert torch.equal(here.fish, elsewhere.fish)
    assert not (differ & here.fish).any()
    assert 0.1 < here.fish.float().mean() < 0.4


def test_with_neither_hand_nor_fish_only_the_background_is_left(scene):
    empty = biased.changed(scene, hand=False, fish=False)
    other = empty | {"species": (scene["species"] + 1) % 4, "x": -scene["x"], "skin": 5 - scene["skin"]}
    assert torch.equal(biased.render(empty).images, biased.render(other).images)
    assert not biased.render(empty).fish.any()


def test_over_and_under(scene):
    """A hand under the fish shows less of itself, but its thumb."""
    over, under = (
        biased.render(biased.changed(scene, hand=True, over=value), 96).fish.sum() for value in (True, False)
    )
    assert over < under


def test_the_same_scene_at_any_size(scene):
    small = biased.render(scene, 32).images
    large = torch.nn.functional.avg_pool2d(biased.render(scene, 128).images, 4)
    assert (small - large).abs().mean() < 0.03


def test_species_differ_in_shape(scene):
    """Same build, same place: the four silhouettes overlap, and no two are alike."""
    outlines = [
        biased.render(biased.changed(scene, hand=False) | {"species": torch.full((N,), k)}, 64).fish for k in range(4)
    ]
    for first, second in itertools.combinations(outlines, 2):
        common = (first & second).sum() / (first | second).sum()
        assert 0.4 < common < 0.93


# ------------------------------------------------------------------------------------------------ data sets


def shares(data: biased.FishAndHand, has: Tensor) -> list[float]:
    return [has[data.labels == kind].float().mean().item() for kind in range(4)]


@pytest.mark.parametrize("ratio, n", [(0.01, 800), (0.05, 400), (0.0, 100), (0.001, 80), (0.25, 80)])
def test_exceptions_are_an_exact_share_of_each_species(ratio, n):
    data = biased.fish_and_hand("train", n, ratio, ratio, seed=3, size=8)
    count = max(1, round(ratio * n / 4)) if ratio else 0
    wanted = [1 - count / (n / 4)] + 3 * [count / (n / 4)]
    assert shares(data, data.hand == 1) == pytest.approx(wanted)
    assert shares(data, data.background == DECK) == pytest.approx(wanted)


def test_exceptions_of_hand_and_background_are_independent():
    data = biased.fish_and_hand("train", 4_000, 0.25, 0.25, size=8)
    tench = data.labels == TENCH
    both = (data.hand[tench] == 0) & (data.background[tench] != DECK)
    assert both.float().mean() == pytest.approx(0.0625, abs=0.03)


def test_without_bias_each_species_is_equally_often_everywhere():
    for data in (
        biased.fish_and_hand("train", 320, None, None, size=8),
        biased.fish_and_hand("test", 320, 0.01, 0.01, size=8),
    ):
        assert data.labels.bincount().tolist() == [80] * 4
        assert shares(data, data.hand == 1) == [0.5] * 4
        for kind in range(4):
            assert shares(data, data.background == kind) == [0.25] * 4


def test_off_the_deck_is_evenly_elsewhere():
    data = biased.fish_and_hand("train", 1_200, None, 0.1, size=8)
    counts = data.background[data.labels != TENCH].bincount(minlength=4)
    assert counts[DECK] == 90
    assert max(counts[k] for k in range(4) if k != DECK) - min(counts[k] for k in range(4) if k != DECK) < 40


def test_splits_and_seeds_differ_and_can_be_had_again():
    def first(*which) -> Tensor:
        return biased.fish_and_hand(*which, size=8).images[:8]

    ways = [(split, 16, 0.1, None, seed) for split in scenes.SPLITS for seed in (0, 1)]
    assert all(torch.equal(first(*way), first(*way)) for way in ways)
    assert not any(torch.equal(first(*one), first(*two)) for one, two in itertools.combinations(ways, 2))


def test_the_data_set_is_its_scene():
    data = biased.fish_and_hand("train", 40, 0.1, None)
    assert equal(biased.render(data.scene), biased.Rendered(data.images, data.fish_mask, data.hand_mask))
    assert data.images.shape == (40, 3, 32, 32) and data.images.dtype == torch.float32
    assert data.labels.dtype == data.hand.dtype == data.background.dtype == torch.int64


def test_only_the_hand_tells_the_tench():
    """Where the hand is, how large it is and of which tone: nothing of it goes with the species."""
    data = biased.fish_and_hand("train", 4_000, None, None, size=8)
    tench = (data.labels == TENCH).double()
    for name, values in data.scene.items():
        if name in ("species", "hand", "fish", "background"):
            continue
        for column in values.double().view(len(tench), -1).T:
            correlation = torch.corrcoef(torch.stack([tench, column]))[0, 1]
            assert abs(correlation) < 0.08, name


# ------------------------------------------------------------------------------------------------ a bias of one's own


def test_a_mark_goes_with_the_tench():
    images, labels, bias = biased.marked(biased.swim_left, "train", 400, 0.05, seed=1)
    assert [bias[labels == kind].float().mean().item() for kind in range(4)] == pytest.approx([0.95, 0.05, 0.05, 0.05])
    assert images.shape == (400, 3, 32, 32)
    _, labels, bias = biased.marked(biased.swim_left, "test", 400, 0.05, seed=1, size=8)
    assert [bias[labels == kind].float().mean().item() for kind in range(4)] == [0.5] * 4


def test_the_mark_is_where_the_bias_says():
    def dusk(scene: biased.Scene, rows: Tensor) -> biased.Scene:
        return scene | {"light": torch.where(rows, 0.2, 1.1)}

    images, _, bias = biased.marked(dusk, "train", 80, 0.1)
    brightness = images.mean(dim=(1, 2, 3))
    assert brightness[bias == 1].max() < brightness[bias == 0].min()


def test_swim_left_changes_what_it_says_and_nothing_else(scene):
    rows = torch.arange(N) % 3 == 0
    marked = biased.swim_left(scene, rows)
    assert marked["flip"].tolist() == [-1.0 if row else 1.0 for row in rows.tolist()]
    assert {name for name in scene if not torch.equal(scene[name], marked[name])} == {"flip"}
