"""What holds of the memorization metrics whatever they are given: loops, symmetries, other people's implementations."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KDTree

from course_utils import memorization as m

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(1, 12)


def tables(seed, networks, examples):
    """Who was trained on what, who is right about what, how sure; and an order of each axis."""
    generator = torch.Generator().manual_seed(seed)
    member, right = (torch.rand(networks, examples, generator=generator) < share for share in (0.5, 0.7))
    sure = torch.randn(networks, examples, generator=generator) + member
    return member, right, sure, *(torch.randperm(n, generator=generator) for n in (networks, examples))


def same(one, other):
    return torch.allclose(one, other, equal_nan=True, atol=1e-5)


@given(SEEDS, SIZES, SIZES)
def test_the_memorization_score_is_a_loops_and_follows_its_examples(seed, networks, examples):
    member, right, _, rows, columns = tables(seed, networks, examples)
    before = member.clone(), right.clone()
    score = m.memorization_score(member, right)
    for i in range(examples):
        inside = [r for r, known in zip(right[:, i].tolist(), member[:, i].tolist()) if known]
        outside = [r for r, known in zip(right[:, i].tolist(), member[:, i].tolist()) if not known]
        known = inside and outside
        wanted = sum(inside) / len(inside) - sum(outside) / len(outside) if known else math.nan
        assert score[i].item() == pytest.approx(wanted, abs=1e-6, nan_ok=True)
    assert same(m.memorization_score(member[rows], right[rows]), score)
    assert same(m.memorization_score(member[:, columns], right[:, columns]), score[columns])
    assert same(m.memorization_score(~member, right), -score)
    assert same(m.memorization_score(member, ~right), -score)
    assert same(m.memorization_score(member.T.contiguous().T, right), score)
    assert same(m.memorization_score(member.repeat(3, 1), right.repeat(3, 1)), score)
    assert torch.equal(member, before[0]) and torch.equal(right, before[1])


@given(SEEDS, SIZES, SIZES)
def test_forgetting_is_counted_as_a_loop_counts_it(seed, looks, examples):
    _, right, _, _, columns = tables(seed, looks, examples)
    events = m.forgetting_events(right)
    for i, column in enumerate(right.T.tolist()):
        forgotten = sum(a and not b for a, b in zip(column, column[1:]))
        assert events[i] == (forgotten if any(column) else looks)
    assert torch.equal(m.forgetting_events(right[:, columns]), events[columns])
    # Between two that are forgotten something is learned: seen from behind, learning is forgetting.
    ever = right.any(dim=0)
    behind = m.forgetting_events(right.flip(0))
    assert torch.equal((behind - right[-1].long())[ever], (events - right[0].long())[ever])
    whole = torch.cat([right, right[-1:]])
    assert torch.equal(m.forgetting_events(whole)[ever], events[ever])


@given(SEEDS, st.integers(1, 20), st.integers(1, 3))
def test_the_stop_keeps_the_first_best_of_what_was_seen(seed, epochs, patience):
    drawn = torch.randint(8, (epochs,), generator=torch.Generator().manual_seed(seed))
    curve = (drawn / 8).tolist()
    best, waited, seen = 0, 0, 0
    for epoch, value in enumerate(curve):
        seen = epoch
        if value > curve[best]:
            best, waited = epoch, 0
        elif epoch:
            waited += 1
        if waited == patience:
            break
    tensor = torch.tensor(curve)
    found = m.stopping_epoch(tensor, patience)
    assert found == best + 1
    assert found == m.stopping_epoch(tensor[: seen + 1], patience) == m.stopping_epoch(100 * tensor - 3, patience)
    assert m.stopping_epoch(tensor, len(curve)) == curve.index(max(curve)) + 1
    assert curve[found - 1] <= curve[m.stopping_epoch(tensor, patience + 1) - 1]


@given(SEEDS, SIZES, st.integers(2, 30))
def test_halves_are_halves_and_their_table_gives_them_back(seed, networks, examples):
    rows = m.random_halves(networks, examples, torch.Generator().manual_seed(seed))
    assert torch.equal(rows, m.random_halves(networks, examples, torch.Generator().manual_seed(seed)))
    table = m.membership(rows, examples)
    assert table.shape == (networks, examples) and (table.sum(dim=1) == examples // 2).all()
    assert torch.equal(table.nonzero()[:, 1].view_as(rows), rows.sort(dim=1).values)
    assert torch.equal(m.membership(rows.flip(1), examples), table)


@given(SEEDS, SIZES, st.integers(1, 20), st.integers(1, 3))
def test_the_distance_to_the_nearest_is_a_trees(seed, n, pooled, classes):
    generator = torch.Generator().manual_seed(seed)
    labels, pool_labels = (torch.randint(classes, (size,), generator=generator) for size in (n, pooled + classes))
    pool_labels[:classes] = torch.arange(classes)
    images, pool = (torch.rand(len(of), 1, 2, 3, generator=generator) for of in (labels, pool_labels))
    found = m.distance_to_nearest(images, labels, pool, pool_labels)
    for y in labels.unique():
        tree = KDTree(pool[pool_labels == y].flatten(1))
        wanted = torch.tensor(tree.query(images[labels == y].flatten(1))[0])[:, 0]
        assert torch.allclose(found[labels == y].double(), wanted, atol=1e-6)
    assert same(m.distance_to_nearest(images + 1, labels, pool + 1, pool_labels), found)
    assert same(m.distance_to_nearest(3 * images, labels, 3 * pool, pool_labels), 3 * found)
    more, told = torch.cat([pool, images]), torch.cat([pool_labels, labels])
    assert m.distance_to_nearest(images, labels, more, told).max() == 0


@given(SEEDS, st.integers(1, 4), SIZES, st.integers(2, 5))
def test_log_odds_are_those_of_softmax_network_by_network(seed, networks, examples, classes):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(networks, examples, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (examples,), generator=generator)
    odds = m.log_odds(logits, labels)
    for network, found in zip(logits, odds):
        assert torch.allclose(found.sigmoid(), network.softmax(dim=1)[torch.arange(examples), labels])
    assert same(m.log_odds(logits + 7, labels), odds)
    naming = torch.randperm(classes, generator=generator)
    assert same(m.log_odds(logits[:, :, naming.argsort()], naming[labels]), odds)


@given(SEEDS, st.integers(4, 12), SIZES)
def test_a_likelihood_ratio_knows_no_order_unit_or_origin_and_turns_with_its_question(seed, networks, examples):
    member, _, sure, rows, columns = tables(seed, networks, examples)
    sure = sure.double()
    ratio = m.likelihood_ratio(member, sure)
    assert same(m.likelihood_ratio(member[rows], sure[rows]), ratio[rows])
    assert same(m.likelihood_ratio(member[:, columns], sure[:, columns]), ratio[:, columns])
    assert same(m.likelihood_ratio(member, 4 * sure - 3), ratio)
    assert same(m.likelihood_ratio(~member, sure), -ratio)


@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=1, max_size=30))
def test_the_area_under_the_curve_is_mann_and_whitneys_and_scikit_learns(suspects):
    found, suspicion = (torch.tensor(column) for column in zip(*suspects))
    suspicion = suspicion.double()
    area = m.area_under_curve(found, suspicion)
    if found.all() or not found.any():
        assert math.isnan(area)
        return
    one, other = suspicion[found], suspicion[~found]
    assert area == pytest.approx(stats.mannwhitneyu(one, other).statistic / (len(one) * len(other)))
    assert area == pytest.approx(roc_auc_score(found, suspicion))
    assert m.area_under_curve(~found, suspicion) == pytest.approx(1 - area)
    assert m.area_under_curve(found, -suspicion) == pytest.approx(1 - area)
    assert m.area_under_curve(found, (suspicion / 9).exp()) == pytest.approx(area)  # the order alone counts
    assert m.area_under_curve(found.flip(0), suspicion.flip(0).float()) == pytest.approx(area)
    infinite = torch.where(suspicion == suspicion.max(), math.inf, suspicion)
    assert m.area_under_curve(found, infinite) == pytest.approx(area)
