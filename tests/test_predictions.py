"""Predictions are read as they are meant, never stop a page, and stand beside what was measured."""

import pytest
import torch

from course_utils.predictions import predict


@pytest.mark.parametrize(
    "answer", [0.9, "0.9", 90, "90", "90 %", "90%", " 90 % ", "0,9", ".9", "90 percent", torch.tensor(90)]
)
def test_a_share_is_read_however_it_is_written(answer):
    assert predict(getattr(answer, "item", lambda: answer)()).value == pytest.approx(0.9)


@pytest.mark.parametrize(("answer", "share"), [(1, 1.0), ("1 %", 0.01), ("0.5 %", 0.005), (0, 0.0), (100, 1.0)])
def test_the_ends_of_the_range(answer, share):
    assert predict(answer).value == pytest.approx(share)


@pytest.mark.parametrize("answer", ["ninety", -1, 120, "-5 %", "3 points", "nan", "9 0", [0.5], {}])
def test_what_cannot_be_read_is_said_and_counts_as_none(answer, capsys):
    prediction = predict(answer)
    assert prediction.value is None
    assert 'write a share, such as 0.9, 90 or "90 %"' in capsys.readouterr().out
    prediction.beside(0.5)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", ["", "  ", None])
def test_no_prediction_prints_nothing(answer, capsys):
    predict(answer).beside([0.1, 0.2])
    predict(answer, among=["ERM"]).beside("ERM")
    assert capsys.readouterr().out == ""


def test_other_units_take_any_number(capsys):
    assert predict("-3 points", unit="points").value == -3
    assert predict(250, unit="epochs").value == 250
    assert predict("2,5", unit="×").value == 2.5
    assert predict("3 %", unit="points").value is None


def test_one_of_several_names(capsys):
    names = ["ERM", "mixup", "manifold mixup"]
    assert predict("erm", among=names).value == "ERM"
    assert predict("mix", among=names).value == "mixup"
    assert predict("m", among=names).value is None  # two begin so
    assert "write one of ERM, mixup, manifold mixup" in capsys.readouterr().out


def test_it_stands_beside_what_was_measured(capsys):
    guess = predict("90 %")
    capsys.readouterr()
    guess.beside([0.73, 0.75, 0.74])
    guess.beside(torch.tensor(0.5))
    predict("3", unit="points").beside([2.0, 2.5])
    predict("mixup", among=["ERM", "mixup"]).beside("ERM")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "You predicted 90 %. Measured: 74 % (73 to 75)."
    assert lines[1] == "You predicted 90 %. Measured: 50 %."
    assert lines[3] == "You predicted 3 points. Measured: 2.25 points (2 to 2.5)."
    assert lines[5] == "You predicted mixup. Measured: ERM."
