"""The experiment of claims 4 and 5: runs come out again, measures mean what they say, and the judges can say no."""

import pytest
import torch
from torch import Tensor, nn

from course_utils.reproduce.experiment import values
from course_utils.reproduce.experiments import attacks
from course_utils.reproduce.experiments.attacks import ATTACKS, CLAIM_4, CLAIM_5, AttackedRun, gained, random_sides
from course_utils.reproduce.experiments.discriminator import DISCRIMINATOR
from course_utils.reproduce.experiments.mixup import MIXUP

FRAMES = {experiment.name: experiment.read() for experiment in (ATTACKS, MIXUP, DISCRIMINATOR)}
STORED = FRAMES["attacks"]


@pytest.fixture
def tiny(monkeypatch):
    """Few images: a run takes a moment."""
    for name, recipe in attacks.RECIPES.items():
        monkeypatch.setitem(attacks.RECIPES, name, recipe._replace(n=300))
    monkeypatch.setattr(attacks, "TESTED", 100)
    monkeypatch.setattr(attacks, "VICTIMS", 20)


@pytest.mark.parametrize(("network", "method"), [("cnn", "erm"), ("mlp", "mixup")])
def test_a_run_comes_out_again_and_hangs_on_its_seed(network, method, tiny):
    cell = AttackedRun(network, method, 1, 3)
    torch.manual_seed(1)
    first = attacks.attacked_run(cell)
    torch.manual_seed(2)
    assert attacks.attacked_run(cell) == first
    assert list(first) == list(ATTACKS.measured)
    assert attacks.attacked_run(cell._replace(seed=4)) != first
    assert attacks.attacked_run(cell._replace(epochs=2)) != first


def test_five_seeds_are_stored_of_committed_code():
    assert {tuple(row) for row in STORED[list(AttackedRun._fields)].values} == set(map(tuple, ATTACKS.cells()))
    assert len(STORED) == len(ATTACKS.cells()) == 30
    assert STORED["seed"].value_counts().to_dict() == dict.fromkeys(range(5), 6)
    assert not STORED["commit"].str.contains("dirty|unknown").any()
    assert STORED[list(ATTACKS.measured)].notna().all(axis=None)


def test_the_first_stored_run_comes_out_as_stored():
    first = STORED.iloc[0]
    run = attacks.attacked_run(AttackedRun(first["network"], first["method"], int(first["epochs"]), int(first["seed"])))
    assert run == pytest.approx(first[list(run)].to_dict(), abs=0.02)  # another machine rounds elsewhere


def test_what_is_stored_is_what_chapter_04_tells():
    shares = STORED[[name for name in ATTACKS.measured if name not in ("distance", "gained")]]
    assert shares.min(axis=None) >= 0
    assert shares.max(axis=None) <= 1
    assert (STORED["pgd20_0.05"] <= STORED["fgsm_0.05"] + 0.02).all()  # many steps find what one step finds
    assert (STORED["fgsm_0.1"] < STORED["random_0.1"]).all()

    def pairs(measure: str, network: str, epochs: int):
        by = [values(STORED, measure, network=network, method=method, epochs=epochs) for method in ("mixup", "erm")]
        return by[0] - by[1]

    for measure in ("fgsm_0.05", "pgd20_0.05"):
        assert (pairs(measure, "mlp", 6) > 0).all()
        assert (pairs(measure, "cnn", 3) < 0).all()  # the limits of the card say so
    for network, epochs in (("mlp", 6), ("mlp", 20), ("cnn", 3)):
        assert (pairs("gained", network, epochs) < 0).all()  # it bends more


class Bent(nn.Module):
    """Two logits of one pixel: the lead of class 1 grows by 2 for each unit, and loses `bend` times its square."""

    def __init__(self, bend: float) -> None:
        super().__init__()
        self.bend = nn.Parameter(torch.tensor(bend))

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(1)[:, 0]
        return torch.stack([1 + 0 * x, 2 * x - self.bend * x**2], dim=1)


def test_gained_is_one_where_the_network_is_straight_and_less_where_it_bends():
    images, labels = torch.zeros(3, 1, 1, 1), torch.zeros(3, dtype=torch.int64)
    assert gained(Bent(0.0), images, labels) == pytest.approx(1)
    # At 0 the slope is 2, so a step of 0.05 promises 0.1; the square takes 4 · 0.0025 of it.
    assert gained(Bent(4.0), images, labels) == pytest.approx(0.9)


def test_random_sides_stay_in_ball_and_box_and_hang_on_the_generator():
    images = torch.rand(50, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    moved, again = (
        random_sides(nn.Identity(), images, torch.zeros(50), 0.1, torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(moved, again)
    assert moved.min() >= 0
    assert moved.max() <= 1
    change = moved - images
    assert change.abs().max() <= 0.1 + 1e-6
    inside = (images > 0.1) & (images < 0.9)
    assert torch.allclose(change[inside].abs(), torch.tensor(0.1), atol=1e-6)
    assert 0.4 < (change[inside] > 0).float().mean() < 0.6


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (AttackedRun("cn", "erm", 3, 0), "network must be one of 'cnn', 'mlp'; got 'cn' .did you mean 'cnn'"),
        (AttackedRun("cnn", "mix", 3, 0), "method must be one of 'erm', 'mixup'; got 'mix'"),
        (AttackedRun("cnn", "erm", 0, 0), "epochs must be a whole number, at least 1, got 0"),
    ],
)
def test_wrong_settings_are_named(cell, says):
    for asked in (ATTACKS.check, attacks.attacked_run):
        with pytest.raises(ValueError, match=says):
            asked(cell)


# ---- the judges ----------------------------------------------------------------------------------------------


def doctored(**columns) -> dict:
    """The stored frames, with columns of the attacked runs changed: from the frame to the new column."""
    return FRAMES | {"attacks": STORED.assign(**{name: change(STORED) for name, change in columns.items()})}


def test_claim_4_holds_and_says_no_where_there_is_no_effect():
    assert CLAIM_4.judge(FRAMES).verdict == "holds here"
    unharmed = doctored(**{"fgsm_0.1": lambda frame: frame["random_0.1"]})
    assert "not hold" in CLAIM_4.judge(unharmed).verdict
    useless = doctored(test=lambda frame: 0.5 + 0 * frame["test"])  # a network that was never right is not fragile
    assert "not hold" in CLAIM_4.judge(useless).verdict
    anyhow = doctored(**{"random_0.1": lambda frame: frame["fgsm_0.1"]})  # any change would do
    assert CLAIM_4.judge(anyhow).verdict == "holds with a condition"


def test_claim_5_does_not_hold_as_it_stands():
    claim = CLAIM_5.judge(FRAMES)
    assert "not hold" in claim.verdict
    assert [piece.holds for piece in claim.evidence] == [False, True, False, False]
    assert all(piece.holds for piece in claim.controls[1:])  # as trained both gradients are smaller
    assert max(claim.evidence[0].values) < 0  # under many steps mixup is behind in every run


def test_claim_5_would_have_held():
    """Each piece can pass, and one that fails is enough."""

    def better(measure):
        return lambda frame: frame[measure] + 0.5 * (frame["method"] == "mixup")

    robust = doctored(**{"pgd20_0.05": better("pgd20_0.05")})
    for name, measure in (("mixup", "gradient_equal"), ("discriminator", "gradient_by_spread")):
        smaller = robust[name]["method"].str.startswith("mixup")
        calm = robust[name].assign(**{measure: 1 - 0.5 * smaller})
        robust = robust | {name: calm}
    assert CLAIM_5.judge(robust).holds
    for measure in ("fgsm_0.05", "pgd20_0.05"):
        level = robust["attacks"].assign(**{measure: 0.5})
        assert not CLAIM_5.judge(robust | {"attacks": level}).holds
