"""Learned by heart: three experiments, their stored rows, and claims 1 and 2 with their judges."""

import pandas as pd
import pytest
import torch

from course_utils.reproduce.experiments import by_heart, memorization
from course_utils.reproduce.experiments.by_heart import BY_HEART, Dropping
from course_utils.reproduce.experiments.memorization import MEMORIZATION, WRONG_LABELS, Lesson, WrongLabels

STORED = {"memorization": 40, "wrong-labels": 25, "by-heart": 5}  # runs
BY_NAME = {experiment.name: experiment for experiment in (MEMORIZATION, WRONG_LABELS, BY_HEART)}
ROWS = {1: memorization.CLAIM_1, 2: memorization.CLAIM_2}


def needed(number):
    """The stored rows by which a claim is judged."""
    frames = {}
    for name, settings in ROWS[number].needs.items():
        frame = BY_NAME[name].read()
        for setting, given in settings.items():
            frame = frame[frame[setting].isin(list(given))]
        frames[name] = frame.reset_index(drop=True)
    return frames


@pytest.fixture
def short(monkeypatch):
    """A recipe for few images, and few test images to measure distances from: a run in a blink."""
    monkeypatch.setitem(memorization.RECIPES, 200, {"epochs": 2, "batch_size": 50})
    images, labels = by_heart.test_set()
    monkeypatch.setattr(by_heart, "test_set", lambda: (images[:500], labels[:500]))


@pytest.mark.parametrize(
    ("run", "cell"),
    [
        (memorization.fit_run, Lesson(3, "random", 200, 7)),
        (memorization.wrong_run, WrongLabels(0.4, 2, 7)),
        (by_heart.run, Dropping(4, 1, 7)),
    ],
)
def test_a_run_is_its_seed(short, run, cell):
    once, again, other = run(cell), run(cell), run(cell._replace(seed=8))
    assert once == again != other
    assert all(0 <= share <= 1 for share in once.values())


def test_the_columns_are_those_that_are_declared(short):
    assert list(memorization.fit_run(Lesson(0, "true", 200, 0))) == list(MEMORIZATION.measured)
    assert list(memorization.wrong_run(WrongLabels(0.9, 1, 0))) == list(WRONG_LABELS.measured)
    assert list(by_heart.run(Dropping(2, 1, 0))) == list(BY_HEART.measured)


def test_each_seed_has_its_own_images_and_fewer_are_the_first_of_more():
    (images, labels), (same, _) = by_heart.own_examples(3, 200), by_heart.own_examples(3, 300)
    assert torch.equal(images, same[:200])
    assert not torch.equal(images, by_heart.own_examples(4, 200)[0])
    assert images.shape == (200, 1, 28, 28)
    assert labels.unique().tolist() == list(range(10))


def test_what_is_dropped_at_random_leaves_as_many_of_each_class():
    labels = torch.arange(100) % 10
    dropped = torch.zeros(100, dtype=torch.bool)
    dropped[[0, 10, 20, 3, 99]] = True  # three of class 0, one of 3, one of 9
    kept = by_heart.kept_at_random(labels, dropped, torch.Generator().manual_seed(0))
    assert labels[kept].bincount().tolist() == [7, 10, 10, 9, 10, 10, 10, 10, 10, 9]
    assert len(kept.unique()) == 95
    others = by_heart.kept_at_random(labels, dropped, torch.Generator().manual_seed(1))
    assert set(kept.tolist()) != set(others.tolist())


def test_rare_looking_are_those_far_from_their_own_class():
    pool, pool_labels = torch.zeros(10, 1, 2, 2), torch.arange(10)
    labels = torch.arange(10).repeat_interleave(20)
    images = (torch.arange(200) % 20 / 20)[:, None, None, None].expand(200, 1, 2, 2)
    rare = by_heart.rare_looking(images, labels, pool, pool_labels)
    assert rare.view(10, 20).nonzero()[:, 1].unique().tolist() == [18, 19]


@pytest.mark.parametrize("name", STORED)
def test_stored_rows_are_there_once_and_of_committed_code(name):
    experiment = BY_NAME[name]
    frame = experiment.read()
    lines = experiment.path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(frame) == len(experiment.cells()) == STORED[name]
    assert sorted(frame["seed"].unique()) == [0, 1, 2, 3, 4]
    assert not frame["commit"].str.contains("dirty|unknown").any()
    assert (frame["threads"] == 1).all()


@pytest.mark.parametrize(
    ("experiment", "settings"),
    [
        (MEMORIZATION, {"layers": 3, "labels": "random", "n": 2_000}),
        (MEMORIZATION, {"layers": 0, "labels": "true", "n": 2_000}),
        (WRONG_LABELS, {"wrong": 0.4}),
    ],
)
def test_stored_rows_come_out_again(experiment, settings):
    (cell,) = experiment.cells(**{name: [value] for name, value in settings.items()}, seed=[0])
    frame = experiment.read()
    (stored,) = frame[frame[list(cell._fields)].eq(pd.Series(cell._asdict())).all(axis=1)].to_dict("records")
    assert experiment.run(cell) == pytest.approx({name: stored[name] for name in experiment.measured}, abs=0.02)


@pytest.mark.parametrize(("number", "verdict"), [(1, "holds here"), (2, "holds with a condition")])
def test_verdicts_of_the_stored_rows(number, verdict):
    claim = ROWS[number].judge(needed(number))
    assert claim.verdict == verdict
    assert claim.of == number
    assert not any(control.holds for control in claim.controls)
    assert len(claim.evidence) <= 4
    assert len(claim.controls) <= 3
    assert len(ROWS[number].short) <= 44
    assert len(ROWS[number].moral) <= 110


@pytest.mark.parametrize("number", ROWS)
def test_three_seeds_are_enough(number):
    frames = {name: frame[frame["seed"] < 3] for name, frame in needed(number).items()}
    assert ROWS[number].judge(frames).verdict == ROWS[number].judge(needed(number)).verdict


def doctored(number, name, measure, where, value):
    """The stored rows, but where the settings are `where` the measure has another value."""
    frames = needed(number)
    frame = frames[name]
    chosen = torch.ones(len(frame), dtype=torch.bool).numpy()
    for setting, given in where.items():
        chosen = chosen & (frame[setting] == given).to_numpy()
    assert chosen.any()
    frame.loc[chosen, measure] = value
    return ROWS[number].judge(frames)


@pytest.mark.parametrize(
    ("number", "name", "measure", "where", "value"),
    [
        (1, "memorization", "training", {"layers": 3, "labels": "random", "n": 2_000}, 0.95),
        (1, "memorization", "training", {"layers": 3, "labels": "true", "n": 50_000}, 0.98),
        (1, "memorization", "test", {"layers": 3, "labels": "random", "n": 2_000}, 0.3),
        (1, "memorization", "test", {"layers": 3, "labels": "true", "n": 2_000}, 0.5),
        (2, "wrong-labels", "last", {"wrong": 0.4}, 0.85),
        (2, "wrong-labels", "given_back", {"wrong": 0.4}, 0.5),
        (2, "wrong-labels", "truth", {"wrong": 0.4}, 0.5),
    ],
)
def test_without_its_effect_a_claim_does_not_hold(number, name, measure, where, value):
    assert not doctored(number, name, measure, where, value).holds


def test_claim_1_shrinks_if_a_network_without_hidden_layers_fits_random_labels_too():
    claim = doctored(1, "memorization", "training", {"layers": 0, "labels": "random", "n": 2_000}, 1.0)
    assert claim.verdict == "holds with a condition"
    assert claim.controls[0].holds


def test_claim_2_says_it_if_going_on_costs_as_much_without_wrong_labels():
    assert doctored(2, "wrong-labels", "last", {"wrong": 0.0}, 0.5).controls[0].holds


@pytest.mark.parametrize(
    ("experiment", "settings", "words"),
    [
        (MEMORIZATION, {"labels": ["randon"]}, "labels must be one of 'true', 'random'; got 'randon'.*'random'"),
        (MEMORIZATION, {"n": [3_000]}, "n must be one of 2000, 50000; got 3000"),
        (MEMORIZATION, {"layers": [-1]}, "layers must be a whole number, at least 0, got -1"),
        (WRONG_LABELS, {"wrong": [1.5]}, "wrong must be a share in .0, 1., got 1.5"),
        (WRONG_LABELS, {"epochs": [0]}, "epochs must be a whole number, at least 1, got 0"),
        (BY_HEART, {"networks": [1]}, "networks must be a whole number, at least 2, got 1"),
        (BY_HEART, {"wrong": [0.4]}, "setting of by-heart must be one of 'networks', 'epochs', 'seed'; got 'wrong'"),
    ],
)
def test_wrong_settings_are_named(experiment, settings, words):
    with pytest.raises(ValueError, match=words):
        experiment.cells(**settings)
