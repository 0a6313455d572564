"""What holds for any labels, points, colours, scenes and networks: `data`, `biased`, `models`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import biased, data, models

SEEDS = st.integers(0, 2**31)
SHARES = st.floats(0, 1)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@st.composite
def labelled(draw, most=60, classes=5):
    """Labels, of few classes or one, in any order; some of them every other entry of a longer tensor."""
    kinds = draw(st.integers(1, classes))
    labels = torch.tensor(draw(st.lists(st.integers(0, kinds - 1), min_size=1, max_size=most)))
    return labels.repeat_interleave(2)[::2] if draw(st.booleans()) else labels


# ---------------------------------------------------------------------------------------------------------------------
# Splits and subsets


@given(labelled(), SEEDS, st.data())
def test_holdout_parts_are_all_there_is_and_each_class_has_its_share(labels, seed, more):
    n = more.draw(st.integers(1, len(labels)))
    before = labels.clone()
    rest, held = data.holdout(labels, n, seed)
    assert len(held) == n
    assert torch.cat([rest, held]).sort().values.tolist() == list(range(len(labels)))
    assert torch.equal(rest, rest.sort().values)
    shares = labels.bincount() * n / len(labels)
    more_than_its_share = labels[held].bincount(minlength=len(shares)) - shares
    # Rounded, and up where most is left over: so no two classes are further apart than one example.
    assert more_than_its_share.max() - more_than_its_share.min() < 1 + 1e-4
    assert torch.equal(held, data.stratified(labels, n, seed))
    assert torch.equal(labels, before)


@given(labelled(), SEEDS, st.data())
def test_what_classes_are_called_does_not_matter(labels, seed, more):
    n = more.draw(st.integers(1, len(labels)))
    assert torch.equal(data.stratified(labels, n, seed), data.stratified(10**12 * labels + 3, n, seed))


@given(st.lists(SEEDS, min_size=1, max_size=4), st.integers(1, 40), st.data())
def test_a_seeds_subset_hangs_on_the_seed_alone_and_a_smaller_one_is_its_beginning(seeds, of, more):
    n, fewer = more.draw(st.integers(1, of)), more.draw(st.integers(1, of))
    rows = data.subsets(seeds, n, of)
    assert rows.shape == (len(seeds), n)
    assert all(len(set(row)) == n and set(row) <= set(range(of)) for row in rows.tolist())
    assert torch.equal(rows, torch.cat([data.subsets([seed], n, of) for seed in seeds]))
    both = min(n, fewer)
    assert torch.equal(rows[:, :both], data.subsets(seeds, fewer, of)[:, :both])


# ---------------------------------------------------------------------------------------------------------------------
# Label noise


@given(labelled(), SHARES, st.integers(5, 9), SEEDS)
def test_exactly_a_share_is_flipped_and_never_to_the_true_label(labels, fraction, classes, seed):
    before = labels.clone()
    new, flipped = data.flip_labels(labels, fraction, classes, seeded(seed))
    assert flipped.sum() == round(fraction * len(labels))
    assert torch.equal(new != labels, flipped)
    assert new.dtype == torch.int64 and new.min() >= 0 and new.max() < classes
    assert torch.equal(labels, before)


@given(labelled(), SHARES, SHARES, SEEDS)
def test_what_is_flipped_at_one_share_is_flipped_alike_at_each_higher_one(labels, one, other, seed):
    (few, in_few), (many, in_many) = (
        data.flip_labels(labels, share, 5, seeded(seed)) for share in sorted((one, other))
    )
    assert not (in_few & ~in_many).any()
    assert torch.equal(few[in_few], many[in_few])


@given(labelled(), st.integers(5, 9), SEEDS)
def test_random_labels_are_the_same_whatever_the_true_ones_are(labels, classes, seed):
    new, changed = data.random_labels(labels, classes, seeded(seed))
    assert torch.equal(new, data.random_labels(labels.flip(0), classes, seeded(seed))[0])
    assert torch.equal(changed, new != labels)
    assert new.min() >= 0 and new.max() < classes


# ---------------------------------------------------------------------------------------------------------------------
# Points in the plane


@given(st.integers(2, 50), st.floats(0, 2), SEEDS)
def test_moons_are_half_circles_and_noise_in_proportion(n, noise, seed):
    points, labels = data.two_moons(n, noise, seed)
    assert points.shape == (n, 2) and points.dtype == torch.float32
    assert labels.bincount().tolist() == [n - n // 2, n // 2]
    clean, same = data.two_moons(n, 0, seed)
    assert torch.equal(labels, same)
    centre = torch.stack([labels, 0.5 * labels], dim=1)
    way = clean - centre
    assert torch.allclose(way.norm(dim=1), torch.ones(n), atol=1e-5)
    assert ((1 - 2 * labels) * way[:, 1] >= -1e-5).all()  # class 0 is the upper half
    unit = data.two_moons(n, 1, seed)[0] - clean
    assert torch.allclose(points - clean, noise * unit, atol=1e-5)


@given(st.integers(1, 40), st.floats(0.1, 1), SEEDS)
def test_the_best_logits_of_a_point_hang_on_it_alone_and_change_sides_with_the_moons(n, noise, seed):
    points = 4 * torch.rand(n, 2, generator=seeded(seed)) - 1.5
    logits = data.best_logits(points, noise)
    assert logits.shape == (n, 2)
    assert torch.allclose(data.best_logits(points[:1], noise), logits[:1], rtol=1e-4, atol=1e-3)
    order = torch.randperm(n, generator=seeded(seed))
    assert torch.allclose(data.best_logits(points[order], noise), logits[order], rtol=1e-4, atol=1e-3)
    lying = points.T.contiguous().T
    assert torch.allclose(data.best_logits(lying, noise), logits, rtol=1e-4, atol=1e-3)
    exact = data.best_logits(points.double(), noise)
    assert exact.dtype == torch.float64
    assert torch.allclose(exact, logits.double(), rtol=1e-4, atol=1e-3)
    turned = torch.tensor([1.0, 0.5]) - points  # half a turn about (0.5, 0.25) takes each moon to the other
    assert torch.allclose(data.best_logits(turned, noise), logits.flip(1), rtol=1e-4, atol=1e-3)


@given(st.integers(1, 200), SEEDS)
def test_points_of_the_ring_are_near_one_of_its_centres(n, seed):
    points = data.ring_of_gaussians(n, seeded(seed))
    assert points.shape == (n, 2) and points.dtype == torch.float32
    assert torch.cdist(points, data.RING).min(dim=1).values.max() < 7 * data.RING_STD
    assert torch.equal(points, data.ring_of_gaussians(n, seeded(seed)))


# ---------------------------------------------------------------------------------------------------------------------
# Colours


def conflicting(ratio, count):
    return max(1, round(ratio * count)) if ratio else 0


@given(labelled(classes=10), SHARES, SEEDS)
def test_in_each_class_exactly_a_share_has_another_colour_and_these_are_dealt_out_evenly(labels, ratio, seed):
    before = labels.clone()
    bias = biased.biased_colours(labels, ratio, seeded(seed))
    for digit in labels.unique().tolist():
        counts = bias[labels == digit].bincount(minlength=10)
        count = conflicting(ratio, int(counts.sum()))
        assert counts[digit] == counts.sum() - count
        others = counts[torch.arange(10) != digit]
        assert others.sum() == count and others.max() - others.min() <= 1
    assert torch.equal(labels, before)


@given(labelled(classes=10), SHARES, SHARES, SEEDS)
def test_what_conflicts_at_one_ratio_conflicts_at_each_higher_one(labels, one, other, seed):
    few, many = (biased.biased_colours(labels, ratio, seeded(seed)) != labels for ratio in sorted((one, other)))
    assert not (few & ~many).any()


@st.composite
def grey(draw):
    """Some grey images, a part of them black, in any order of memory, and a colour for each."""
    n, height, width = draw(st.integers(1, 8)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    generator = seeded(draw(SEEDS))
    images = torch.rand(n, 1, height, width, generator=generator)
    images[torch.rand(images.shape, generator=generator) < 0.3] = 0
    if draw(st.booleans()):
        images = images.transpose(0, 3).contiguous().transpose(0, 3)
    if draw(st.booleans()):
        images = images[:1].expand(n, -1, -1, -1)
    return images, torch.randint(10, (n,), generator=generator)


@given(grey(), st.floats(0, 1), SEEDS)
def test_paint_colours_the_ink_and_leaves_the_digits_shape(drawn, std, seed):
    images, bias = drawn
    before = images.clone()
    painted = biased.paint(images, bias, std, seeded(seed))
    assert painted.shape == (len(images), 3, *images.shape[2:]) and painted.dtype == torch.float32
    assert painted.min() >= 0 and (painted <= images).all()
    whole = biased.paint(torch.ones_like(images), bias, std, seeded(seed))
    assert (whole == whole[:, :, :1, :1]).all()  # one ink for each image
    assert torch.equal(painted, images * whole)
    assert torch.equal(painted, biased.paint(images.contiguous(), bias, std, seeded(seed)))
    assert torch.equal(images, before)


@given(grey(), SEEDS)
def test_without_jitter_an_image_is_painted_alike_beside_any_others(drawn, seed):
    images, bias = drawn
    painted = biased.paint(images, bias, 0, seeded(0))
    order = torch.randperm(len(images), generator=seeded(seed))
    assert torch.equal(biased.paint(images[order], bias[order], 0, seeded(seed)), painted[order])
    assert torch.equal(biased.paint(images[:1], bias[:1], 0, seeded(seed)), painted[:1])
    swaps = biased.colour_swaps(images).unflatten(0, (-1, 10))
    assert torch.equal(swaps[torch.arange(len(images)), bias], painted)


# ---------------------------------------------------------------------------------------------------------------------
# Scenes


@st.composite
def scenes(draw, most=6):
    """A scene of some images of any species, with hands or without, before any backgrounds."""
    n = draw(st.integers(1, most))
    species, hand, background = (
        torch.tensor(draw(st.lists(st.integers(0, top), min_size=n, max_size=n))) for top in (3, 1, 3)
    )
    return biased.draw_scene(species, hand, background, seeded(draw(SEEDS)))


def part(scene, rows):
    return {name: values[rows] for name, values in scene.items()}


@given(scenes(), st.integers(8, 40), SEEDS)
def test_an_image_is_rendered_alike_beside_any_others(scene, size, seed):
    together = biased.render(scene, size)
    n = len(scene["species"])
    for rows in (torch.tensor([0]), torch.randperm(n, generator=seeded(seed)), torch.zeros(3, dtype=torch.long)):
        for one, all_of_them in zip(biased.render(part(scene, rows), size), together):
            assert torch.equal(one, all_of_them[rows])
    lying = {name: values.repeat_interleave(2, dim=0)[::2] for name, values in scene.items()}
    assert all(map(torch.equal, biased.render(lying, size), together))


@given(scenes(), st.integers(8, 40))
def test_a_pair_differs_in_the_hand_and_nowhere_else(scene, size):
    before = {name: values.clone() for name, values in scene.items()}
    held, free = (biased.render(biased.changed(scene, hand=hand), size) for hand in (True, False))
    assert not ((held.images != free.images).any(dim=1) & ~held.hand).any()
    assert not free.hand.any() and not (held.fish & ~free.fish).any()
    assert not (held.fish & held.hand).any()
    assert all(values.min() >= 0 and values.max() <= 1 for values in (held.images, free.images))
    assert all(torch.equal(scene[name], before[name]) for name in scene)


NUMBERS = {"x": st.floats(-1, 1), "light": st.floats(0, 2), "hand": st.booleans(), "species": st.integers(0, 3)}


@given(scenes(), st.fixed_dictionaries({}, optional=NUMBERS))
def test_changed_sets_what_it_is_told_in_any_order_and_nothing_else(scene, entries):
    new = biased.changed(scene, **entries)
    for name, values in new.items():
        assert values.dtype == scene[name].dtype and values.shape == scene[name].shape
        wanted = torch.tensor(entries[name], dtype=values.dtype) if name in entries else scene[name]
        assert torch.equal(values, wanted.expand_as(values))
    again = biased.changed(new, **dict(reversed(entries.items())))
    assert all(torch.equal(new[name], again[name]) for name in scene)


@given(scenes(), SEEDS)
def test_a_scene_is_drawn_apart_from_what_is_given(scene, seed):
    n = len(scene["species"])
    given_ = (torch.zeros(n).long(), torch.ones(n), torch.zeros(n).long())
    one = biased.draw_scene(scene["species"], scene["hand"], scene["background"], seeded(seed))
    other = biased.draw_scene(*given_, seeded(seed))
    assert all(torch.equal(one[name], other[name]) for name in set(one) - {"species", "hand", "background"})


@given(st.integers(8, 60), SHARES, st.none() | SHARES, st.sampled_from(["train", "validation", "test"]), SEEDS)
def test_of_each_species_exactly_a_share_are_exceptions(n, hand_ratio, deck_ratio, split, seed):
    found = biased.fish_and_hand(split, n, hand_ratio, deck_ratio, seed, size=8)
    if split == "test":
        hand_ratio, deck_ratio = 0.5, None
    counts = found.labels.bincount(minlength=4)
    assert counts.max() - counts.min() <= 1
    for kind in range(4):
        mine, count = found.labels == kind, int(counts[kind])
        exceptions = (found.hand[mine] == 1) != (kind == biased.TENCH)
        assert exceptions.sum() == conflicting(hand_ratio, count)
        if deck_ratio is not None:
            exceptions = (found.background[mine] == biased.DECK) != (kind == biased.TENCH)
            assert exceptions.sum() == conflicting(deck_ratio, count)
        else:
            before = found.background[mine].bincount(minlength=4)
            assert before.max() - before.min() <= 1


@given(st.integers(8, 60), SHARES, SEEDS)
def test_a_mark_is_on_those_that_a_hand_would_hold(n, ratio, seed):
    seen = []
    _, labels, bias = biased.marked(lambda scene, rows: seen.append(rows) or scene, "train", n, ratio, seed, size=8)
    held = biased.fish_and_hand("train", n, ratio, None, seed, size=8)
    assert torch.equal(labels, held.labels)
    assert torch.equal(bias, held.hand)
    assert torch.equal(seen[0], bias.bool())


# ---------------------------------------------------------------------------------------------------------------------
# Networks

NETWORKS = {
    "mlp": (lambda seed: models.mlp(12, (7, 5), 3, seed, dropout=0.3), (3, 2, 2)),
    "linear": (lambda seed: models.mlp(12, (), 3, seed), (3, 2, 2)),
    "small_cnn": (lambda seed: models.small_cnn(1, 3, seed), (1, 28, 28)),
    "encoder": (lambda seed: models.encoder(3, 4, seed), (3, 12, 10)),
    "scene_cnn": (lambda seed: models.scene_cnn(4, seed), (3, 32, 32)),
    "scene_encoder, maximum": (lambda seed: models.scene_encoder("maximum", 4, seed), (3, 16, 12)),
    "scene_encoder, average": (lambda seed: models.scene_encoder("average", 4, seed), (3, 16, 12)),
}


@pytest.mark.parametrize("name", NETWORKS)
@given(n=st.integers(1, 6), seed=SEEDS)
def test_what_a_network_says_of_an_example_hangs_on_that_example_alone(name, n, seed):
    build, shape = NETWORKS[name]
    net = build(seed)
    images = torch.rand(n, *shape, generator=seeded(seed))
    with models.seeded(seed):
        net(images.repeat(2, 1, 1, 1))  # averages for BatchNorm
    net.eval()
    with torch.no_grad():
        said = net(images)
        order = torch.randperm(n, generator=seeded(seed))
        ways = {"order": (net(images[order]), said[order]), "alone": (net(images[:1]), said[:1])}
        ways["memory"] = net(images.transpose(1, 3).contiguous().transpose(1, 3)), said
        ways["gaps"] = net(images.repeat_interleave(2, dim=0)[::2]), said
        ways["expanded"] = net(images[:1].expand(3, -1, -1, -1)), said[:1].expand(3, -1)
        ways["double"] = models.frozen_copy(net).double()(images.double()).float(), said
    for way, (got, wanted) in ways.items():
        assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-5), way


@pytest.mark.parametrize("name", NETWORKS)
@given(seed=SEEDS)
def test_weights_are_drawn_by_the_seed_alone(name, seed):
    build = NETWORKS[name][0]
    before = torch.get_rng_state()
    first = build(seed)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert all(map(torch.equal, first.state_dict().values(), build(seed).state_dict().values()))
    assert not torch.equal(next(first.parameters()), next(build(seed + 1).parameters()))
    assert models.count_parameters(first) == sum(values.numel() for values in first.parameters())
    assert models.count_parameters(models.frozen_copy(first)) == 0


@given(SEEDS, SEEDS)
def test_draws_from_one_seed_do_not_disturb_those_from_another(one, other):
    with models.seeded(one):
        alone = torch.rand(4)
    with models.seeded(one):
        begun = torch.rand(2)
        with models.seeded(other):
            torch.rand(3)
            assert models.holds_global_generator()
        assert models.holds_global_generator()
        assert torch.equal(torch.cat([begun, torch.rand(2)]), alone)
    assert not models.holds_global_generator()
