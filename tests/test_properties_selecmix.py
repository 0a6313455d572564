"""Pairs, mixtures and contrastive losses, held to their definitions in plain Python, and to whatever the batch is."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from course_utils import lending, selecmix
from course_utils.training import Batch

KINDS = st.sampled_from(selecmix.KINDS)
SEEDS = st.integers(0, 10_000)
GROUPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12)  # of labels and biases


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def split(groups):
    return torch.tensor(groups).T.contiguous()


def by_definition(labels, bias, i, j, kind):
    same, alike = bool(labels[i] == labels[j]), bool(bias[i] == bias[j])
    return (same and not alike) if kind == "positive" else (alike and not same)


def embedded(n, seed, dimensions=3):
    return normalize(torch.randn(n, dimensions, generator=seeded(seed), dtype=torch.float64), dim=1)


def table(embeddings, labels, kind):
    """Of each example the partner by one look at each pair."""
    for i, z in enumerate(embeddings):
        rest = [j for j in range(len(labels)) if j != i and bool(labels[j] == labels[i]) == (kind == "positive")]
        yield (min if kind == "positive" else max)(rest, key=lambda j: float(z @ embeddings[j]), default=None)


# ---- pairs ---------------------------------------------------------------------------------------------------


@given(GROUPS, KINDS, SEEDS)
def test_to_contradict_is_the_definition(groups, kind, seed):
    labels, bias = split(groups)
    n = len(labels)
    found = selecmix.contradicts(labels, bias, torch.arange(n)[:, None], torch.arange(n), kind)
    assert found.tolist() == [[by_definition(labels, bias, i, j, kind) for j in range(n)] for i in range(n)]
    assert torch.equal(found, found.T)
    assert not found.diagonal().any()


@given(GROUPS, KINDS, SEEDS)
def test_pairs_by_bias_contradict_and_are_missing_only_where_there_is_no_candidate(groups, kind, seed):
    labels, bias = split(groups)
    n = len(labels)
    allowed = selecmix.contradicts(labels, bias, torch.arange(n)[:, None], torch.arange(n), kind)
    everyone = torch.arange(n)
    found = selecmix.contradicting_pairs_by_bias(labels, bias, kind, seeded(seed))
    quick = selecmix.by_bias(labels, bias)(everyone, everyone, kind, seeded(seed))
    again = selecmix.by_bias(labels, bias)(everyone, everyone, kind, seeded(seed))
    for index, has in (found, quick):
        assert index.dtype == torch.int64 and has.dtype == torch.bool
        assert torch.equal(has, allowed.any(dim=1))
        assert index.min() >= 0 and index.max() < n
        assert allowed[everyone, index][has].all()
    assert all(map(torch.equal, quick, again))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), KINDS, SEEDS, st.sampled_from([-5e4, 0, 5e4]))
def test_pairs_by_similarity_are_the_plain_tables(labels, kind, seed, shift):
    labels = torch.tensor(labels)
    z = embedded(len(labels), seed)
    expected = list(table(z, labels, kind))
    everyone = torch.arange(len(labels))
    slow = selecmix.contradicting_pairs(z @ z.T + shift, labels, kind)
    quick = selecmix.by_similarity(z, labels)(everyone, everyone, kind, seeded(0))
    for index, has in (slow, quick):
        assert [j if fits else None for j, fits in zip(index.tolist(), has)] == expected
        assert (index != everyone)[has].all()
    single = selecmix.by_similarity(z.float(), labels)(everyone, everyone, kind, seeded(0))
    assert torch.equal(single[1], quick[1])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), KINDS, SEEDS)
def test_another_order_of_the_examples_gives_the_same_pairs_in_that_order(labels, kind, seed):
    labels = torch.tensor(labels)
    n, order = len(labels), torch.randperm(len(labels), generator=seeded(seed))
    z = embedded(n, seed)
    index, has = selecmix.contradicting_pairs(z @ z.T, labels, kind)
    moved, moved_has = selecmix.contradicting_pairs((z @ z.T)[order][:, order], labels[order], kind)
    assert torch.equal(moved_has, has[order])
    assert torch.equal(order[moved][moved_has], index[order][moved_has])
    pool = torch.arange(n)
    pair = selecmix.by_similarity(z, labels)
    (first, fits), (second, fits_too) = (pair(rows, pool, kind, seeded(0)) for rows in (pool, order))
    assert torch.equal(fits[order], fits_too)
    assert torch.equal(first[order][fits_too], second[fits_too])
    third, fits_here = pair(pool, order, kind, seeded(0))  # another order of the pool
    assert torch.equal(fits_here, fits)
    assert torch.equal(order[third][fits], first[fits])


@given(KINDS, st.integers(1, 200), SEEDS)
def test_any_number_of_rows_and_a_spread_pool_give_the_same_partners(kind, n, seed):
    labels = torch.randint(3, (200,), generator=seeded(seed))
    pair = selecmix.by_similarity(embedded(200, seed), labels)
    pool = torch.arange(400)[::2] % 200  # in steps, each place twice
    whole = pair(torch.arange(200), pool, kind, seeded(0))
    part = pair(torch.arange(200)[:n], pool, kind, seeded(0))
    assert torch.equal(pool[whole[0]][:n], pool[part[0]])  # of its two places either will do
    assert torch.equal(whole[1][:n], part[1])


@pytest.mark.parametrize("kind", selecmix.KINDS)
def test_embeddings_that_are_all_the_same_still_give_candidates(kind):
    labels = torch.tensor([0, 0, 1, 1, 2])
    z, everyone = torch.ones(5, 1), torch.arange(5)
    for index, has in (
        selecmix.by_similarity(z, labels)(everyone, everyone, kind, seeded(0)),
        selecmix.contradicting_pairs(z @ z.T, labels, kind),
    ):
        same = labels[index] == labels
        if kind == "negative":
            assert has.all() and not same.any()
        else:  # in a tie the first is taken, which may be the example itself
            assert not has[4] and same[has].all() and (index != everyone)[has].all()


@given(GROUPS, KINDS, st.integers(1, 20), SEEDS)
def test_shares_lie_between_0_and_1_and_no_more_is_found_than_is_possible(groups, kind, pool, seed):
    labels, bias = split(groups)
    for pairing in (selecmix.by_bias(labels, bias), selecmix.by_similarity(embedded(len(labels), seed), labels)):
        found, possible = selecmix.contradicting_share(pairing, labels, bias, kind, pool=pool, seed=seed)
        assert 0 <= found <= possible <= 1
    by_bias = selecmix.by_bias(labels, bias)
    found, possible = selecmix.contradicting_share(by_bias, labels, bias, kind, pool=pool, seed=seed)
    assert found == possible


@given(GROUPS, st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 9), SEEDS)
def test_the_method_pairs_with_what_contradicts_or_leaves_alone(groups, alone, pool, seed):
    labels, bias = split(groups)
    rows = torch.arange(len(labels))
    for kind in selecmix.KINDS:
        method = selecmix.SelecMix(selecmix.by_bias(labels, bias), kinds=[kind], alone=alone, pool=pool)
        partners = method.partners(rows, len(labels), seeded(seed))
        moved = partners != rows
        assert selecmix.contradicts(labels, bias, rows, partners, kind)[moved].all()
        assert alone < 1 or not moved.any()
        assert torch.equal(partners, method.partners(rows, len(labels), seeded(seed)))


# ---- the mixture ---------------------------------------------------------------------------------------------


@given(st.integers(1, 9), st.integers(1, 20), st.sampled_from([torch.float32, torch.float64]), SEEDS)
def test_a_mixture_lies_between_its_images_nearer_to_the_partner(n, count, dtype, seed):
    images = torch.rand(n, 2, 3, 3, generator=seeded(seed), dtype=dtype)
    labels = torch.randint(4, (n,), generator=seeded(seed))
    rows, partners = torch.randint(n, (2, count), generator=seeded(seed))
    before = [part.clone() for part in (images, labels, rows, partners)]
    mixed, told = selecmix.mix_pairs(images, labels, rows, partners, seeded(seed))
    lam = 0.5 * torch.rand(count, 1, 1, 1, generator=seeded(seed))
    assert torch.equal(mixed, lam * images[rows] + (1 - lam) * images[partners])  # to the last digit
    assert mixed.dtype == dtype
    assert torch.equal(told, labels[partners])
    far, near = ((mixed - images[of]).flatten(1).norm(dim=1) for of in (rows, partners))
    assert (near <= far + 1e-6).all()
    assert all(map(torch.equal, before, (images, labels, rows, partners)))
    alone, own = selecmix.mix_pairs(images, labels, rows, rows, seeded(seed))
    assert torch.allclose(alone, images[rows], atol=1e-6) and torch.equal(own, labels[rows])
    turned = images.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(selecmix.mix_pairs(turned, labels, rows, partners, seeded(seed))[0], mixed)
    spread = images.repeat_interleave(2, dim=0)[::2]
    assert torch.equal(selecmix.mix_pairs(spread, labels, rows, partners, seeded(seed))[0], mixed)


# ---- the losses ----------------------------------------------------------------------------------------------


def by_the_formula(z, labels, tau, weight):
    losses = []
    for i in range(len(labels)):
        others = [j for j in range(len(labels)) if j != i]
        positives = [j for j in others if labels[j] == labels[i]]
        total = math.log(sum(math.exp(float(z[i] @ z[j]) / tau) for j in others)) if others else 0.0
        logs = [float(z[i] @ z[j]) / tau - total for j in positives]
        if positives:
            losses.append(-sum(weight(log_p) * log_p for log_p in logs) / len(positives))
    return sum(losses) / len(losses) if losses else 0.0


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=9),
    st.sampled_from([0.05, 0.2, 1.0, 30.0]),
    st.sampled_from([0.01, 0.7, 1.0]),
    SEEDS,
)
def test_the_losses_are_their_formulas(labels, tau, q, seed):
    z, labels = embedded(len(labels), seed), torch.tensor(labels)
    supcon, gsc = selecmix.supcon(z, labels, tau), selecmix.gsc(z, labels, tau, q)
    assert float(supcon) == pytest.approx(by_the_formula(z, labels, tau, lambda log_p: 1), rel=1e-9, abs=1e-12)
    weighted = by_the_formula(z, labels, tau, lambda log_p: q * math.exp(q * log_p))
    assert float(gsc) == pytest.approx(weighted, rel=1e-9, abs=1e-12)
    assert 0 <= gsc <= q * supcon + 1e-9
    assert selecmix.supcon(z.float(), labels, tau).item() == pytest.approx(float(supcon), rel=1e-3, abs=1e-4)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), SEEDS)
def test_the_losses_do_not_depend_on_order_names_of_classes_or_a_rotation(labels, seed):
    z, labels = embedded(len(labels), seed), torch.tensor(labels)
    order = torch.randperm(len(labels), generator=seeded(seed))
    turn = torch.linalg.qr(torch.randn(3, 3, generator=seeded(seed), dtype=torch.float64))[0]
    for loss in (selecmix.supcon, selecmix.gsc):
        value = float(loss(z, labels))
        for same in ((z[order], labels[order]), (z, 7 - 3 * labels), (normalize(z @ turn, dim=1), labels)):
            assert float(loss(*same)) == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.sampled_from([0.01, 0.2, 5.0]), st.integers(1, 6), st.sampled_from(["one class", "all different"]), SEEDS)
def test_the_losses_of_odd_batches_are_finite_and_so_are_their_gradients(tau, n, kind, seed):
    labels = torch.zeros(n, dtype=torch.long) if kind == "one class" else torch.arange(n)
    for z in (embedded(n, seed).float(), torch.eye(1, 3).expand(n, 3).clone()):
        for loss in (selecmix.supcon, selecmix.gsc):
            leaf = z.clone().requires_grad_()
            value = loss(leaf, labels, tau)
            value.backward()
            assert value.isfinite() and leaf.grad.isfinite().all()
            if n == 1 or kind == "all different":
                assert value == 0 and not leaf.grad.any()


# ---- lending -------------------------------------------------------------------------------------------------


@given(st.integers(0, 5), st.integers(1, 3), st.integers(1, 4), SEEDS)
def test_pasting_and_covering_change_what_is_masked_and_nothing_else(n, channels, size, seed):
    draw = seeded(seed)
    images, donors = torch.rand(2, n, channels, size, size + 1, generator=draw)
    masks, colour = torch.rand(n, size, size + 1, generator=draw) < 0.5, torch.rand(channels, generator=draw)
    pasted, covered = lending.paste(images, donors, masks), lending.cover(images, masks, colour)
    inside = masks[:, None].expand_as(images)
    assert torch.equal(pasted[inside], donors[inside]) and torch.equal(pasted[~inside], images[~inside])
    assert torch.equal(covered, lending.paste(images, colour[:, None, None].expand_as(images), masks))
    assert torch.equal(lending.paste(images, images, masks), images)
    assert torch.equal(lending.paste(pasted, images, masks), images)
    assert torch.equal(lending.paste(donors, images, ~masks), pasted)
    assert torch.equal(lending.cover(covered, masks, colour), covered)
    turned = [part.transpose(-1, -2).contiguous().transpose(-1, -2) for part in (images, donors, masks)]
    assert torch.equal(lending.paste(*turned), pasted)


@given(st.integers(1, 4), st.integers(1, 6), st.floats(1e-6, 1), SEEDS)
def test_the_hottest_are_as_many_as_asked_and_hotter_than_the_rest(n, size, share, seed):
    heat = torch.randint(4, (n, size, size + 1), generator=seeded(seed)).float()  # with many ties
    masks = lending.hottest(heat, share)
    assert (masks.flatten(1).sum(dim=1) == max(1, round(share * heat[0].numel()))).all()
    for image, mask in zip(heat, masks):
        assert mask.all() or image[mask].min() >= image[~mask].max()
    assert torch.equal(lending.hottest(heat.double(), share), masks)
    assert torch.equal(lending.hottest(2 * heat - 1, share), masks)
    order = torch.randperm(n, generator=seeded(seed))
    assert torch.equal(lending.hottest(heat[order], share), masks[order])
    assert torch.equal(lending.hottest(heat.expand(n, size, size + 1)[:1], share), masks[:1])


@given(st.integers(2, 9), st.sampled_from([0.0, 0.5, 1.0]), SEEDS)
def test_only_borrowers_get_something_and_only_from_donors(n, share, seed):
    images = torch.arange(float(n)).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)  # whose pixel it is
    masks = torch.rand(n, 2, 2, generator=seeded(seed)) < 0.5
    donors = torch.arange(n) < 1 + seed % (n - 1)
    batch = Batch(images, torch.zeros(n).long(), torch.arange(n), seeded(seed), (images, torch.zeros(n).long()))
    lent = lending.Lend(masks, donors, ~donors, share).lent(batch)
    changed = lent != images
    assert not changed[donors].any()
    assert donors[lent[changed].long()].all()
    assert share > 0 or not changed.any()
    holes = lending.HolesForAll(masks, donors, torch.full((3,), -1.0)).covered(batch)
    assert torch.equal(holes[donors, 0] == -1, masks[donors])
    assert torch.equal(holes[holes != -1], images[holes != -1])
