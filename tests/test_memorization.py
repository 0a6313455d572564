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


def test_a_level_is_reached_at_the_first_crossing_or_never():
    accuracy = torch.tensor([[0.2, 0.2, 0.9], [0.96, 0.5, 0.2], [0.5, 0.6, 0.2], [0.97, 0.7, 0.2]])
    first, never, at_once = memorization.epochs_until(accuracy, 0.9).tolist()
    assert (first, at_once) == (2, 1)
    assert math.isnan(never)


def test_random_halves_are_halves_without_repetition_and_follow_their_generator():
    rows = memorization.random_halves(30, 11, torch.Generator().manual_seed(1))
    assert rows.shape == (30, 5)
    assert all(len(set(row.tolist())) == 5 and min(row) >= 0 and max(row) < 11 for row in rows)
    assert torch.equal(rows, memorization.random_halves(30, 11, torch.Generator().manual_seed(1)))
    assert not torch.equal(rows[0].sort().values, rows[1].sort().values)


def test_membership_is_the_table_of_the_rows():
    table = memorization.membership(torch.tensor([[0, 2], [1, 2]]), 4)
    assert table.tolist() == [[True, False, True, False], [False, True, True, False]]


def test_the_distance_is_to_the_nearest_picture_of_the_same_class():
    images, labels = data.load_mnist("test", n=40)
    pool, pool_labels = data.load_mnist("test", n=300, seed=1)
    found = memorization.distance_to_nearest(images, labels, pool, pool_labels)
    itself = memorization.distance_to_nearest(pool, pool_labels, pool, pool_labels)
    assert itself.max() == 0
    for image, label, distance in zip(images, labels, found):
        expected = min((image - other).norm() for other in pool[pool_labels == label])
        assert distance.item() == pytest.approx(expected.item(), abs=1e-3)


def test_over_many_halves_each_example_is_in_about_half():
    table = memorization.membership(memorization.random_halves(400, 10, torch.Generator().manual_seed(0)), 10)
    assert (table.float().mean(dim=0) - 0.5).abs().max() < 0.1


T = torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: memorization_score(T.float(), T), r"member must be a bool table \[M networks, N examples\], got"),
        (lambda: memorization_score(T, T[0]), "right must be a bool table"),
        (lambda: memorization_score(T, T[:, :2]), r"right must be .* got torch.bool \[2, 2\]"),
        (lambda: forgetting_events(T.int()), r"right must be a bool table \[T looks, N examples\], got torch.int32"),
        (lambda: stopping_epoch(torch.tensor([0.5]), 0), "patience of at least 1, got 1 and 0"),
        (lambda: stopping_epoch(torch.tensor([]), 3), "at least 1 epoch"),
        (lambda: memorization.random_halves(0, 10, GENERATOR), "at least 1 network"),
        (
            lambda: memorization.distance_to_nearest(torch.rand(2, 4), torch.zeros(1), torch.rand(1, 4), torch.ones(1)),
            "every picture needs one label, got 2 images and 1 labels",
        ),
        (
            lambda: memorization.distance_to_nearest(
                torch.rand(1, 4), torch.tensor([3]), torch.rand(1, 4), torch.tensor([1])
            ),
            "pool_labels must hold every class of labels, 3 is missing",
        ),
    ],
)
def test_tables_that_do_not_fit_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
