"""Predictions are read as they are meant, never stop a page, and stand beside what was measured."""

import contextlib
import io
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.predictions import Prediction, predict


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


# ---- whatever is written -------------------------------------------------------------------------------------


def quietly(answer, **question):
    """The prediction, and what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return predict(answer, **question), said.getvalue()


SHARES = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)
DASHES = st.sampled_from(["-", "–", "—", "−", " to ", " - ", " – ", "to"])
UNITS = st.sampled_from(["points", "×", "epochs", "", "bits / pixel", "(a+)+"])


@given(SHARES, st.sampled_from(["{}", " {} ", "+{}"]), st.booleans())
def test_a_share_means_the_same_as_a_fraction_and_in_percent(share, shape, comma):
    percent = f"{100 * share:.1f}"
    for text in (f"{share}", f"{percent} %", f"{percent}%", f"{percent} percent"):
        text = text.replace(".", ",") if comma else text
        assert quietly(shape.format(text))[0].value == pytest.approx(share), text
    assert quietly(share)[0].value == share


@given(SHARES, SHARES, DASHES, st.booleans())
def test_the_ends_of_a_range_may_come_in_any_order_with_any_dash(one, other, dash, percent):
    ends = [f"{100 * end:.1f} %" if percent else f"{end}" for end in (one, other)]
    for text in (dash.join(ends), dash.join(ends[::-1])):
        found, _ = quietly(text)
        assert (found.low, found.high) == pytest.approx((min(one, other), max(one, other))), text
        assert found.value == pytest.approx((one + other) / 2)


@given(st.floats(-1e6, 1e6), UNITS)
def test_any_number_is_read_as_python_writes_it_with_its_unit_or_without(number, unit):
    for text in (number, f"{number}", f"{number} {unit}", f"{number}{unit}", str(number).replace("-", "−")):
        assert quietly(text, unit=unit)[0].value == number, text


@given(st.integers(-(10**9), 10**9))
def test_thousands_may_be_set_apart(number):
    assert quietly(f"{number:,}", unit="epochs")[0].value == number


JUNK = [st.text(), st.text("0123456789.,-−–%e to", max_size=40), st.none(), st.floats(), st.integers(), st.booleans(),
        st.lists(st.integers()), st.binary()]  # fmt: skip


@given(st.one_of(JUNK), st.sampled_from(["%", "points", ""]))
def test_nothing_that_is_written_stops_a_page(answer, unit):
    guess, said = quietly(answer, unit=unit)
    assert guess.value is None or math.isfinite(guess.value)
    assert guess.value is None or unit != "%" or 0 <= guess.value <= 1
    assert guess.low is None or guess.low <= guess.value <= guess.high
    assert (said == "") == (str(answer).strip() in ("", "None"))
    assert (guess.value is not None) == said.startswith("Taken down: ")
    assert guess.value is None or str(guess) in said
    with contextlib.redirect_stdout(io.StringIO()):
        guess.beside([0.25, 0.75])
    names = ["ERM", "mixup", "manifold mixup"]
    assert quietly(answer, among=names)[0].value in (None, *names)


@pytest.mark.parametrize("answer", ["9" * 400, "1e999", "9" * 100_000 + "x", "1" + ",000" * 200])
def test_what_is_longer_than_any_number_is_none_and_takes_no_time(answer):
    assert quietly(answer, unit="epochs")[0].value is None


def test_no_prediction_can_be_written_out_too():
    assert str(Prediction(None, "%")) == "no prediction"
