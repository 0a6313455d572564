"""The experiments of claim 3 and of claim 5's gradients: runs come out again, and the judge can say no."""

import pytest
import torch
from torch import Tensor

from course_utils import data, metrics, models
from course_utils.reproduce.experiment import values
from course_utils.reproduce.experiments import discriminator, mixup
from course_utils.reproduce.experiments.discriminator import DISCRIMINATOR, GanRun
from course_utils.reproduce.experiments.mixup import CLAIM_3, MIXUP, MIXUP_NOISE, MixupRun, NoiseRun

EXPERIMENTS = MIXUP, MIXUP_NOISE, DISCRIMINATOR
STORED = {experiment.name: experiment.read() for experiment in EXPERIMENTS}


@pytest.fixture
def short(monkeypatch):
    """Trainings that are over soon."""
    monkeypatch.setattr(mixup, "SOON", 1)
    monkeypatch.setattr(mixup, "LATE", 2)
    monkeypatch.setattr(discriminator, "STEPS", 16)


TINY = [
    (MIXUP, MixupRun("mixup-0.3", 100, 3)),
    (MIXUP, MixupRun("smoothing-0.1", 100, 3)),
    (MIXUP_NOISE, NoiseRun("mixup-32", 0.5, 100, 3)),
    (DISCRIMINATOR, GanRun("mixup-0.2", 3)),
]


@pytest.mark.parametrize(("experiment", "cell"), TINY, ids=[str(cell[:-1]) for _, cell in TINY])
def test_a_run_comes_out_again_and_hangs_on_its_seed(experiment, cell, short):
    torch.manual_seed(1)
    first = experiment.run(cell)
    torch.manual_seed(2)
    assert experiment.run(cell) == first
    assert set(first) == set(experiment.measured)
    assert experiment.run(cell._replace(seed=4)) != first


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_all_runs_are_stored_once_and_of_committed_code(experiment):
    frame = STORED[experiment.name]
    assert {tuple(row) for row in frame[list(experiment.cell._fields)].values} == set(map(tuple, experiment.cells()))
    assert len(frame) == len(experiment.cells())
    assert sorted(frame["seed"].unique()) == list(range(5 if frame is STORED["discriminator"] else 10))
    assert not frame["commit"].str.contains("dirty|unknown").any()
    assert frame[list(experiment.measured)].notna().all(axis=None)


@pytest.mark.parametrize("cell", [MixupRun("erm", 1_000, 0), MixupRun("mixup-1", 1_000, 4)], ids=str)
def test_a_stored_run_comes_out_as_stored(cell):
    run = MIXUP.run(cell)
    for name, value in run.items():
        stored = values(STORED["mixup"], name, method=cell.method, n=cell.n)[cell.seed]
        assert value == pytest.approx(stored, abs=0.01 * max(1, stored)), name


def test_wrong_labels_are_given_back_late():
    frame = STORED["mixup-noise"]
    assert values(frame, "back_late", method="erm").min() > 0.95
    assert (frame["back_late"] > frame["back_soon"]).all()
    assert (frame["stopped"] > frame["test_late"]).all()


def test_validation_images_are_nobodys_training_images():
    images, labels, held = mixup.split()
    assert len(images) == len(labels) == 57_000
    assert sorted(torch.cat([labels, held[1]]).bincount().tolist()) == sorted(
        data.read_mnist("train")[1].bincount().tolist()
    )
    own, told = mixup.own_examples(0, 100)
    more, more_told = mixup.own_examples(0, 200)
    assert torch.equal(own, more[:100])
    assert torch.equal(told, more_told[:100])
    assert not torch.equal(own, mixup.own_examples(1, 100)[0])


def test_a_run_on_few_images_is_the_mean_of_trainings_on_images_of_their_own(monkeypatch):
    assert [mixup.trainings(n) for n in (1_000, 5_000, 50_000)] == [8, 4, 1]
    monkeypatch.setattr(mixup, "trainings", lambda n: 3)
    seen = []

    def trained(method, images, labels, seed):
        seen.append((images, labels, seed))
        return dict.fromkeys(mixup.MEASURED, float(seed))

    monkeypatch.setattr(mixup, "trained", trained)
    assert mixup.mixup_run(MixupRun("erm", 100, 2))["test"] == 7.0
    images, labels = mixup.own_examples(2, 300)
    assert torch.equal(torch.cat([part for part, _, _ in seen]), images)
    assert torch.equal(torch.cat([part for _, part, _ in seen]), labels)
    assert [seed for *_, seed in seen] == [6, 7, 8]


class Sums(torch.nn.Module):
    """A network whose logit of a digit is `steep` times the image's pixel of that number."""

    def __init__(self, steep: float) -> None:
        super().__init__()
        self.steep = torch.nn.Parameter(torch.tensor(steep))

    def forward(self, images: Tensor) -> Tensor:
        return self.steep * images.flatten(1)[:, :10]


def test_half_way_between_two_digits():
    images = torch.zeros(4, 1, 4, 4)
    labels = torch.tensor([0, 1, 1, 2])
    images.flatten(1)[:, 5] = torch.tensor([0.0, 0.0, 0.0, 1.0])  # the last one looks like a 5, and half of it does too
    flat, steep = (mixup.half_way(Sums(size), size, images, labels) for size in (1.0, 3.0))
    assert flat["neither"] == steep["neither"] == pytest.approx(2 / 3)  # of three pairs: 1 and 1 is none
    assert steep["gradient"] > flat["gradient"]
    assert steep["gradient_equal"] == pytest.approx(flat["gradient_equal"])


def test_smoothed_labels_are_those_of_the_chapter():
    net, images, labels = models.mlp(seed=0), torch.rand(8, 1, 28, 28), torch.arange(8)
    soft = 0.9 * torch.nn.functional.one_hot(labels, 10) + 0.01
    batch = mixup.training.Batch(images, labels, torch.arange(8), torch.Generator())
    assert mixup.loss_of("smoothing-0.1")(net, batch).item() == pytest.approx(
        metrics.empirical_risk(net(images), soft).item(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("experiment", "cell", "says"),
    [
        (MIXUP, MixupRun("mixup", 1_000, 0), "method must be erm, mixup-ALPHA .* got 'mixup'"),
        (MIXUP, MixupRun("mixup--1", 1_000, 0), "got 'mixup--1'"),
        (MIXUP, MixupRun("smoothing-2", 1_000, 0), "got 'smoothing-2'"),
        (MIXUP, MixupRun("erm-1", 1_000, 0), "got 'erm-1'"),
        (MIXUP, MixupRun("erm", 60_000, 0), "n must be a whole number, from 100 to 57000, got 60000"),
        (MIXUP_NOISE, NoiseRun("erm", 1.5, 1_000, 0), r"wrong must be a share in \[0, 1\], got 1.5"),
        (MIXUP_NOISE, NoiseRun("erm", 0.0, 1_000, 0), "wrong must make at least one of the 1,000 labels wrong, got 0"),
        (DISCRIMINATOR, GanRun("mixup-0", 0), "method must be usual or mixup-ALPHA, .* got 'mixup-0'"),
        (DISCRIMINATOR, GanRun("erm", 0), "got 'erm'"),
    ],
)
def test_wrong_settings_are_named(experiment, cell, says):
    for asked in (experiment.check, experiment.run):
        with pytest.raises(ValueError, match=says):
            asked(cell)


# ---- the judge -----------------------------------------------------------------------------------------------


def doctored(**changed: dict[tuple[str, str], float]) -> dict:
    """The stored runs, where a measure of all runs of a method has become ERM's, plus so much.

    Args:
        changed: experiment (with `_`) -> {(the methods' beginning, measure): how much more than ERM's}.
    """
    frames = {name: frame.copy() for name, frame in STORED.items()}
    for name, changes in changed.items():
        frame = frames[name.replace("_", "-")]
        keys = ["n", "seed"]
        for (method, measure), more in changes.items():
            erm = frame[frame["method"] == "erm"].set_index(keys)[measure]
            rows = frame["method"].str.startswith(method)
            frame.loc[rows, measure] = erm[frame[rows].set_index(keys).index].to_numpy() + more
    return frames


def test_claim_3_holds_with_a_condition():
    claim = CLAIM_3.judge(STORED)
    assert claim.verdict == "holds with a condition"
    assert [control.holds for control in claim.controls] == [False, True, False]
    assert (len(claim.evidence), claim.of) == (3, CLAIM_3.number)
    assert len(CLAIM_3.short) <= 44
    assert len(CLAIM_3.moral) <= 110


def test_alpha_is_chosen_by_validation_alone():
    before = [piece.values for piece in CLAIM_3.judge(doctored()).evidence]
    frames = doctored()
    frames["mixup"].loc[frames["mixup"]["method"] == "mixup-1", "test"] = 1.0
    assert [piece.values for piece in CLAIM_3.judge(frames).evidence] == before
    frames["mixup"].loc[frames["mixup"]["method"] == "mixup-1", "validation"] = 1.0
    assert CLAIM_3.judge(frames).evidence[1].values != before[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"mixup": {("mixup", "test"): 0.0}},
        {"mixup": {("mixup", "test"): -0.01}},
        {"mixup_noise": {("mixup", "test_soon"): 0.03}},  # a lead, but none that is most clear
    ],
)
def test_claim_3_does_not_hold_without_an_effect(changed):
    assert CLAIM_3.judge(doctored(**changed)).verdict == "does not hold here"


def test_a_control_that_passes_is_seen():
    claim = CLAIM_3.judge(doctored(mixup_noise={("mixup", "stopped"): 0.1}))
    assert claim.verdict != "holds here"
    assert [control.holds for control in claim.controls] == [True, True, False]


def test_gradients_shrink_as_trained_and_not_at_equal_confidence():
    pieces = discriminator.gradient_evidence(STORED)
    assert [piece.holds for piece in pieces] == [False, False, True, True]
    few = STORED | {"mixup": STORED["mixup"].query("n == 1000")}  # what claim 5 needs is enough
    assert [piece.values for piece in discriminator.gradient_evidence(few)] == [piece.values for piece in pieces]
