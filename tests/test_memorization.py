"""What is known by heart: scores against slow loops, the stop against its rule, clear errors."""

import math

import pytest
import torch

from course_utils import data, memorization
from course_utils.memorization import forgetting_events, memorization_score, stopping_epoch

GENERATOR = torch.Generator().manual_seed(0)
MEMBER = torch.rand(40, 7, generator=GENERATOR) < 0.5
RIGHT = torch.rand(40, 7, generator=GENERATOR) < 0.7


def test_the_memorization_score_agrees_with_counting_network_by_network():
    for i in range(7):
        inside = [bool(RIGHT[m, i]) for m in range(40) if MEMBER[m, i]]
        outside = [bool(RIGHT[m, i]) for m in range(40) if not MEMBER[m, i]]
        expected = sum(inside) / len(inside) - sum(outside) / len(outside)
        assert memorization_score(MEMBER, RIGHT)[i].item() == pytest.approx(expected, abs=1e-6)


def test_what_is_right_only_when_trained_on_scores_one_and_the_unknown_is_nan():
    assert memorization_score(MEMBER, MEMBER).tolist() == [1.0] * 7
    assert memorization_score(MEMBER, ~MEMBER).tolist() == [-1.0] * 7
    assert memorization_score(MEMBER, torch.ones_like(MEMBER)).tolist() == [0.0] * 7
    always = MEMBER.clone()
    always[:, 2] = True
    assert [math.isnan(score) for score in memorization_score(always, RIGHT)] == [i == 2 for i in range(7)]


def test_forgetting_events_agree_with_counting_look_by_look():
    for i in range(7):
        looks = RIGHT[:, i].tolist()
        assert forgetting_events(RIGHT)[i] == sum(a and not b for a, b in zip(looks, looks[1:]))


def test_never_right_ranks_above_all_others():
    right = RIGHT.clone()
    right[:, 4] = False
    assert forgetting_events(right).argmax() == 4
    assert forgetting_events(right)[4] == 40


@pytest.mark.parametrize(
    ("curve", "patience", "epoch"),
    [
        ([0.5, 0.6, 0.7], 1, 3),
        ([0.5, 0.4, 0.9], 1, 1),
        ([0.5, 0.4, 0.9], 2, 3),
        ([0.5, 0.5, 0.5], 5, 1),
        ([0.2], 1, 1),
    ],
)
def test_early_stopping_keeps_the_best_epoch_that_patience_lets_it_see(curve, patience, epoch):
    assert stopping_epoch(torch.tensor(curve), patience) == epoch


def test_early_stopping_never_uses_what_comes_after_the_stop():
    curve = torch.tensor([0.3, 0.6, 0.5, 0.5, 0.9, 0.2])
    for later in (0.0, 0.95):
        changed = curve.clone()
        changed[4:] = later
        assert stopping_epoch(changed, 2) == 2


def test_log_odds_are_those_of_softmax_also_where_it_rounds_to_one():
    logits = torch.randn(3, 5, 4, generator=GENERATOR)
    labels = torch.tensor([0, 3, 1, 2, 2])
    p = logits.double().softmax(dim=2)[:, torch.arange(5), labels]
    assert torch.allclose(memorization.log_odds(logits, labels).double(), (p / (1 - p)).log(), atol=1e-5)
    sure = memorization.log_odds(torch.tensor([[[200.0, 0.0, 0.0]]]), torch.tensor([0]))
    assert sure.item() == pytest.approx(200 - math.log(2), abs=1e-3)


def test_the_likelihood_ratio_agrees_with_leaving_out_network_by_network():
    sure = torch.randn(40, 7, generator=GENERATOR) + 2.0 * MEMBER
    ratio = memorization.likelihood_ratio(MEMBER, sure)
    means = torch.empty(2, 40, 7)
    for m in range(40):
        others = torch.arange(40) != m
        for i in range(7):
            for k, group in enumerate((MEMBER, ~MEMBER)):
                means[k, m, i] = sure[others & group[:, i], i].mean()
    std = [(sure - mean)[group].square().mean().sqrt() for mean, group in zip(means, (MEMBER, ~MEMBER))]
    inside, outside = (torch.distributions.Normal(mean, s).log_prob(sure) for mean, s in zip(means, std))
    assert torch.allclose(ratio, inside - outside, atol=1e-4)
    assert memorization.area_under_curve(MEMBER, ratio) > 0.8


def test_where_membership_changes_nothing_the_likelihood_ratio_is_a_coin():
    member = memorization.membership(memorization.random_halves(100, 400, torch.Generator().manual_seed(0)), 400)
    sure = torch.randn(100, 400, generator=torch.Generator().manual_seed(1))
    assert memorization.area_under_curve(member, memorization.likelihood_ratio(member, sure)) == pytest.approx(
        0.5, abs=0.02
    )


def test_who_has_too_few_others_to_be_compared_with_is_nan():
    member = torch.tensor([[True, True], [False, True], [False, False]])
    ratio = memorization.likelihood_ratio(member, torch.randn(3, 2, generator=GENERATOR))
    assert ratio.isnan().tolist() == [[True, False], [False, False], [False, True]]


def test_the_area_under_the_curve_counts_pairs_and_halves_for_equals():
    found = torch.tensor([True, False, True, False, False])
    suspicion = torch.tensor([3.0, 1.0, 2.0, 2.0, 5.0])
    pairs = [(a > b) + 0.5 * (a == b) for a in suspicion[found].tolist() for b in suspicion[~found].tolist()]
    assert memorization.area_under_curve(found, suspicion) == pytest.approx(sum(pairs) / len(pairs))
    assert memorization.area_under_curve(found, found.float()) == 1
    assert memorization.area_under_curve(found, torch.zeros(5)) == 0.5
    assert math.isnan(memorization.area_under_curve(torch.ones(5, dtype=torch.bool), suspicion))
    assert math.isnan(memorization.area_under_curve(found[:0], suspicion[:0]))
    assert memorization.area_under_curve(found[None], suspicion[None]) == pytest.approx(sum(pairs) / len(pairs))


def test_random_halves_are_halves_without_repetition_and_follow_their_generator():
    rows = memorization.random_halves(30, 11, torch.Generator().manual_seed(1))
    assert rows.shape == (30, 5)
    assert all(len(set(row.tolist())) == 5 and min(row) >= 0 and max(row) < 11 for row in rows)
    assert torch.equal(rows, memorization.random_halves(30, 11, torch.Generator().manual_seed(1)))
    assert not torch.equal(rows[0].sort().values, rows[1].sort().values)


def test_membership_is_the_table_of_the_rows():
    table = memorization.membership(torch.tensor([[0, 2], [1, 2]]), 4)
    assert table.tolist() == [[True, False, True, False], [False, True, True, False]]


def test_the_distance_is_to_the_nearest_image_of_the_same_class():
    images, labels = data.load_mnist("test", n=40)
    pool, pool_labels = data.load_mnist("test", n=300, seed=1)
    found = memorization.distance_to_nearest(images, labels, pool, pool_labels)
    itself = memorization.distance_to_nearest(pool, pool_labels, pool, pool_labels)
    assert itself.max() == 0
    for image, label, distance in zip(images, labels, found):
        expected = min((image - other).norm() for other in pool[pool_labels == label])
        assert distance.item() == pytest.approx(expected.item(), abs=1e-3)


def test_the_50_000_images_and_the_10_000_of_chapter_02_have_none_in_common():
    pixels, labels = data.read_mnist("test")
    rest, held = data.holdout(labels, 8_000)
    assert not set(rest.tolist()) & set(held.tolist())
    images, answers = data.load_mnist("test", n=8_000)
    assert torch.equal(images, pixels[held].unsqueeze(1) / 255)
    assert torch.equal(answers, labels[held])


def test_over_many_halves_each_example_is_in_about_half():
    table = memorization.membership(memorization.random_halves(400, 10, torch.Generator().manual_seed(0)), 10)
    assert (table.float().mean(dim=0) - 0.5).abs().max() < 0.1
