"""Sliders: what they say of themselves, and what they take. Pictures: test_pictures.py; the page: test_browser.py."""

import html
import re

import pytest
from matplotlib.figure import Figure

from course_utils import plots, widgets
from course_utils.widgets.slider import meant

SHARES = ["0 %", "20 %", "40 %", "∞"]
PLACES = ["none", "at the tail", "at the head"]


def line(share, where):
    figure = Figure()
    figure.subplots().plot([0, share])
    plots.headline(figure, f'{share:g} "{where}"')
    return figure


@pytest.fixture
def desk():
    shares = list(zip(SHARES, (0.0, 0.2, 0.4, 9.0)))
    return widgets.SliderFigure(line, alt="A <line>.", share=shares, where=PLACES)


def alt(desk):
    return html.unescape(re.search('alt="([^"]*)"', desk.image.value)[1])


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("40 %", "40 %"), ("40", "40 %"), (" 31 ", "40 %"), ("29,5", "20 %"), ("-7", "0 %"), ("1000", "40 %"),
        ("∞", "∞"), ("nonsense", None), ("", None),
    ],
)  # fmt: skip
def test_a_typed_number_means_the_nearest_that_there_is(typed, label):
    place = meant(typed, SHARES)
    assert (None if place is None else SHARES[place]) == label


def test_typed_words_mean_what_begins_so():
    assert [meant(typed, PLACES) for typed in ("None", "at", "at the h", "AT THE TAIL", "head")] == [0, 1, 2, 1, None]


def test_a_field_takes_a_value_and_says_the_truth(desk):
    before = desk.image.value
    desk.fields["share"].value = "37"  # as the page does when somebody types and presses Enter
    assert desk.sliders["share"].value == 0.4
    assert desk.fields["share"].value == "40 %"
    assert desk.image.value != before
    desk.fields["share"].value = "much"
    assert desk.fields["share"].value == "40 %"
    desk.sliders["share"].value = 0.2
    assert desk.fields["share"].value == "20 %"


def test_a_field_begins_with_its_value(desk):
    assert [field.value for field in desk.fields.values()] == ["0 %", "none"]


def test_each_control_has_a_name_and_none_is_called_null(desk):
    assert [field.description for field in desk.fields.values()] == ["share", "where"]
    assert None not in {control.tooltip for control in (*desk.fields.values(), *desk.sliders.values())}


def test_the_picture_has_words_and_they_follow_it(desk):
    assert alt(desk) == '0 "none". A <line>.'
    desk.sliders["where"].value = "at the tail"
    assert alt(desk) == '0 "at the tail". A <line>.'
    assert "A &lt;line&gt;.</details>" in desk.children[-1].value


def test_it_says_that_it_draws_until_the_picture_is_there(desk):
    seen = []

    def draw(**values):
        seen.append((desk.said.value, "out-of-date" in desk._dom_classes))
        return line(**values)

    desk.draw = draw
    desk.sliders["share"].value = 0.2
    assert "drawing…" in seen[0][0] and seen[0][1]
    assert "drawing" not in desk.said.value and "out-of-date" not in desk._dom_classes


def test_a_picture_that_cannot_be_drawn_does_not_leave_the_old_one_without_a_word(desk):
    def draw(**values):
        if values["share"] == 0.4:
            raise ValueError("no <line>")
        return line(**values)

    desk.draw, before = draw, desk.image.value
    desk.sliders["share"].value = 0.4
    assert desk.image.value == before and "out-of-date" in desk._dom_classes
    assert "could not be drawn" in desk.said.value and "ValueError: no &lt;line&gt;" in desk.said.value
    desk.sliders["share"].value = 0.2
    assert desk.image.value != before and "could not" not in desk.said.value


def test_a_drawing_that_is_stopped_says_so(desk):
    def draw(**values):
        raise KeyboardInterrupt

    desk.draw = draw
    with pytest.raises(KeyboardInterrupt):
        desk.sliders["share"].value = 0.4
    assert "Stopped" in desk.said.value


def test_a_first_picture_that_fails_is_an_error_of_the_cell():
    with pytest.raises(ZeroDivisionError):
        widgets.SliderFigure(lambda k: 1 / k, alt="nothing", k=range(3))


def test_exit_in_a_drawing_is_told_like_a_stop(desk):
    def draw(**values):
        raise SystemExit

    desk.draw = draw
    with pytest.raises(SystemExit):
        desk.sliders["share"].value = 0.4
    assert "Stopped" in desk.said.value
    desk.draw = line
    desk.sliders["share"].value = 0.2
    assert desk.said.value == '<span role="status"></span>' and "out-of-date" not in desk._dom_classes


def test_one_value_and_a_thousand_can_be_chosen():
    one, many = (widgets.SliderFigure(lambda k: Figure(), alt="nothing", k=range(n)) for n in (1, 1_000))
    many.fields["k"].value = "998.6"
    assert (one.sliders["k"].value, many.sliders["k"].value) == (0, 999)
    assert [len(desk.frames()["labels"]) for desk in (one, many)] == [1, 6]


@pytest.mark.parametrize(("typed", "place"), [("1e-3", 0), ("0.001", 0), (".5", 1), ("−2", 2), ("+0,5", 1)])
def test_numbers_may_be_typed_as_one_writes_them(typed, place):
    assert meant(typed, ["0.001", "0.5", "-2"]) == place
