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
    assert 'write a share, such as 0.9, 90 or "90 %", or a range, such as "60–80 %".' in capsys.readouterr().out
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


@pytest.mark.parametrize(
    "answer",
    ["60–80 %", "60-80", "60 to 80", "60 % to 80 %", "60%-80%", "0.6-0.8", "0,6 – 0,8", "80 to 60", ".6 to .8",
     "60 to 80 percent"],
)  # fmt: skip
def test_a_range_is_read_however_it_is_written(answer, capsys):
    prediction = predict(answer)
    assert (prediction.low, prediction.value, prediction.high) == pytest.approx((0.6, 0.7, 0.8))
    assert capsys.readouterr().out == "Taken down: 60 to 80 %.\n"


@pytest.mark.parametrize(
    ("answer", "unit", "ends"),
    [
        ("2 to 5 points", "points", (2, 5)),
        ("2 points to 5 points", "points", (2, 5)),
        ("-3 to 2", "points", (-3, 2)),
        ("-3-2", "points", (-3, 2)),
        ("−5–−2", "points", (-5, -2)),
        ("3 - -2", "points", (-2, 3)),
        ("+1 to +4", "points", (1, 4)),
        ("1.5 to 2,5 ×", "×", (1.5, 2.5)),
        ("1 to 2", "", (1, 2)),
        ("300 to 1,000", "epochs", (300, 1000)),
        ("0.5 to 2", "%", (0.005, 0.02)),  # in percent: 2 is no share
        ("0.9 to 1", "%", (0.9, 1)),
    ],
)
def test_the_ends_of_a_range(answer, unit, ends):
    prediction = predict(answer, unit=unit)
    assert (prediction.low, prediction.high) == pytest.approx(ends)
    assert prediction.value == pytest.approx(sum(ends) / 2)


@pytest.mark.parametrize("answer", ["-5 to 5", "50 to 120", "60 to", "to 80", "60 to 70 to 80", "60 to 80 points"])
def test_a_range_that_cannot_be_read_counts_as_none(answer, capsys):
    assert predict(answer).value is None
    assert "was not understood" in capsys.readouterr().out


def test_a_single_number_is_no_range():
    assert predict("-3", unit="points").low is None
    assert predict("90 %").high is None


@pytest.mark.parametrize(
    ("answer", "number"), [("1,000", 1000), ("12,000 epochs", 12_000), ("1,5", 1.5), ("0,125", 0.125)]
)
def test_a_comma_before_three_digits_is_one_of_thousands(answer, number, capsys):
    assert predict(answer, unit="epochs").value == number
    assert "e+" not in capsys.readouterr().out


def test_a_range_holds_the_mean_or_does_not(capsys):
    predict("60–80 %").beside([0.7, 0.9])
    predict("60–80 %").beside([0.7, 0.92])
    predict("-2 to 2", unit="points").beside(2.0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "You predicted 60 to 80 %. Measured: 80 % (70 to 90), inside your range."
    assert lines[3] == "You predicted 60 to 80 %. Measured: 81 % (70 to 92), outside your range."
    assert lines[5] == "You predicted −2 to 2 points. Measured: 2 points, inside your range."


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
