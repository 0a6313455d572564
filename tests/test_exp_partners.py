"""Partners that contradict: the experiment, its stored rows, and the claims of SelecMix (7, 8, 9) with their judges."""

from functools import cache

import pytest
import torch

from course_utils.reproduce.experiments import EXPERIMENTS, colored_mnist, fish_and_hand, partners
from course_utils.reproduce.experiments.partners import ENCODERS, PARTNERS, Partners

ROWS = {row.number: row for row in (colored_mnist.CLAIM_7, partners.CLAIM_8, fish_and_hand.CLAIM_9)}


@pytest.fixture
def few(monkeypatch):
    """Fewer images: a run in a blink."""
    monkeypatch.setattr(partners, "IMAGES", 600)
    monkeypatch.setattr(partners, "CANDIDATES", 500)


@cache
def stored(name):
    """The rows of an experiment."""
    return EXPERIMENTS[name].read()


def needed(number):
    """The stored rows by which a claim is judged."""
    frames = {}
    for name, settings in ROWS[number].needs.items():
        frame = stored(name)
        for setting, given in settings.items():
            frame = frame[frame[setting].isin(list(given))]
        frames[name] = frame.reset_index(drop=True)
    return frames


def instead(frame, measure, where, taken):
    """The same rows, but where the settings are `where`, the measure is that of `taken`."""

    def of(settings):
        chosen = frame
        for setting, given in settings.items():
            chosen = chosen[chosen[setting] == given]
        return chosen.sort_values("seed")

    doctored = frame.copy()
    doctored.loc[of(where).index, measure] = of(taken)[measure].to_numpy()
    return doctored


@pytest.mark.parametrize("encoder", ["gsc", "gsc-flat"])
def test_a_run_is_its_seed(few, encoder):
    once, again, other = (partners.run(Partners(encoder, 0.05, seed)) for seed in (3, 3, 4))
    assert once == again != other
    assert list(once) == list(PARTNERS.measured)
    assert all(0 <= share <= 1 for share in once.values())


def test_no_partner_is_found_that_is_not_there(few):
    for encoder in ("gsc", "mean-colour"):
        measured = partners.run(Partners(encoder, 0.02, 0))
        for kind in ("positives", "negatives"):
            assert measured[kind] <= measured[f"possible_{kind}"]


def test_what_does_not_learn_has_no_epochs_and_the_mean_colour_no_weights():
    assert {name for name, encoder in ENCODERS.items() if not encoder.epochs} == {
        "untrained", "untrained-flat", "mean-colour",
    }  # fmt: skip
    net = ENCODERS["mean-colour"].build(0)
    assert not list(net.parameters())
    image = torch.tensor([0.3, 0.0, 0.4])[None, :, None, None].expand(1, 3, 4, 4)
    assert torch.allclose(net(image), torch.tensor([[0.6, 0.0, 0.8]]))


def test_stored_rows_are_there_once_and_of_committed_code():
    frame = stored("partners")
    lines = PARTNERS.path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(frame) == len(PARTNERS.cells()) == 5 * len(ENCODERS)
    assert sorted(frame["seed"].unique()) == [0, 1, 2, 3, 4]
    assert not frame["commit"].str.contains("dirty|unknown").any()
    assert (frame["threads"] == 1).all()


def test_the_first_stored_row_comes_out_again():
    first = stored("partners").iloc[0]
    measured = partners.run(Partners(first["encoder"], float(first["ratio"]), int(first["seed"])))
    assert measured == pytest.approx({name: first[name] for name in PARTNERS.measured}, abs=0.002)


@pytest.mark.parametrize(
    ("number", "verdict"), [(7, "holds with a condition"), (8, "holds with a condition"), (9, "holds with a condition")]
)
def test_verdicts_of_the_stored_rows(number, verdict):
    claim = ROWS[number].judge(needed(number))
    assert claim.verdict == verdict
    assert claim.of == number
    assert len(claim.evidence) <= 4
    assert len(claim.controls) <= 3
    assert len(ROWS[number].short) <= 44
    assert len(ROWS[number].moral) <= 110


def test_claim_8_says_which_control_passes_and_which_does_not():
    colour, untrained, hand = partners.CLAIM_8.judge(needed(8)).controls
    assert colour.holds
    assert not untrained.holds
    assert not hand.holds


@pytest.mark.parametrize(
    ("number", "name", "measure", "where", "taken"),
    [
        (7, "colored-mnist", "unbiased", {"method": "selecmix"}, {"method": "erm"}),
        (7, "colored-mnist", "unbiased", {"method": "selecmix"}, {"method": "resampling"}),
        (8, "partners", "negatives", {"encoder": "gsc"}, {"encoder": "untrained"}),
        (8, "fish-and-hand", "found_tench", {"bias": "hand", "method": "selecmix-maximum"},
         {"bias": "hand", "method": "selecmix"}),
        (9, "fish-and-hand", "others_called", {"method": "selecmix-maximum"}, {"method": "selecmix"}),
        (9, "fish-and-hand", "others_called", {"method": "holes"}, {"method": "masking"}),
        (9, "fish-and-hand", "others_called", {"method": "lending"}, {"method": "erm"}),
    ],
)  # fmt: skip
def test_without_its_effect_a_claim_does_not_hold(number, name, measure, where, taken):
    frames = needed(number)
    frames[name] = instead(frames[name], measure, where, taken)
    assert not ROWS[number].judge(frames).holds


def test_claim_7_says_that_choosing_alone_passes_and_mixing_random_pairs_does_not():
    assert [control.holds for control in ROWS[7].judge(needed(7)).controls] == [True, False]
    frames = needed(7)
    frames["colored-mnist"] = instead(frames["colored-mnist"], "unbiased", {"method": "resampling"}, {"method": "erm"})
    assert [control.holds for control in ROWS[7].judge(frames).controls] == [False, False]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encoder": ["gcs"]}, "encoder must be one of .*'gcs'.*did you mean 'gsc'"),
        ({"ratio": [1.5]}, "ratio must be a share in .0, 1., got 1.5"),
        ({"epochs": [3]}, "setting of partners must be one of 'encoder', 'ratio', 'seed'; got 'epochs'"),
    ],
)
def test_wrong_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        PARTNERS.cells(**settings)
