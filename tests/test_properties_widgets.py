"""Sliders and what is typed into their fields, with controls of any kind; and figures of any table."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from course_utils import plots, widgets
from course_utils.widgets.slider import a_few, meant

LABELS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
VALUES = st.one_of(NUMBERS, LABELS, st.booleans())


def names(several):
    return [str(one).strip().casefold() for one in several]


CHOICES = st.lists(VALUES, min_size=1, max_size=4, unique=True).filter(lambda c: len(set(names(c))) == len(c))


def sketch(seen):
    """A draw that is quick: it notes what it was called with."""

    def draw(**values):
        seen.append(values)
        return Figure(figsize=(0.1, 0.1))

    return draw


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No picture is drawn: these tests are about the controls."""
    monkeypatch.setattr(plots, "png", lambda figure: b"")


@given(CHOICES, st.data())
def test_every_value_can_be_chosen_by_the_slider_and_by_its_label(choices, data):
    seen = []
    start = data.draw(st.sampled_from(choices))
    desk = widgets.SliderFigure(sketch(seen), "nothing", start={"k": start}, k=choices, other=["a", "b"])
    assert seen[-1] == {"k": start, "other": "a"}
    for place in data.draw(st.permutations(range(len(choices)))):
        desk.sliders["k"].index = place
        assert seen[-1] == {"k": choices[place], "other": "a"}
        assert desk.fields["k"].value == str(choices[place])
    for value in data.draw(st.permutations(choices)):
        desk.fields["k"].value = str(value)
        assert (seen[-1]["k"], desk.sliders["k"].value) == (value, value)


@given(CHOICES, st.data())
def test_a_labelled_control_without_a_start_begins_with_its_first_value(values, data):
    labels = data.draw(st.permutations([f"label {k}" for k in range(len(values))]))
    seen = []
    desk = widgets.SliderFigure(sketch(seen), "nothing", k=list(zip(labels, values)))
    assert seen == [{"k": values[0]}]
    assert (desk.fields["k"].value, desk.along) == (labels[0], "k")


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_a_draw_that_fails_says_so_and_the_next_move_works(fails):
    seen = []
    desk = widgets.SliderFigure(sketch(seen), "nothing", k=range(len(fails) + 1))
    drawn = desk.draw

    def draw(k):
        if fails[k - 1]:
            raise [ValueError("no <way>"), KeyError("k"), ZeroDivisionError(), RuntimeError("a\nb")][k % 4]
        return None if k % 3 == 2 else drawn(k=k)

    desk.draw = draw
    for k in range(1, len(fails) + 1):
        desk.sliders["k"].value = k
        failed = fails[k - 1] or k % 3 == 2
        assert ("could not be drawn" in desk.said.value) == ("out-of-date" in desk._dom_classes) == failed
        assert desk.fields["k"].value == str(k)


@given(st.lists(NUMBERS, min_size=1, max_size=10, unique=True), NUMBERS)
def test_a_typed_number_means_the_nearest(numbers, typed):
    place = meant(repr(typed), [repr(number) for number in numbers])
    assert abs(numbers[place] - typed) == min(abs(number - typed) for number in numbers)


@given(st.text(max_size=12), st.lists(LABELS, min_size=1, max_size=6))
def test_whatever_is_typed_means_a_place_or_nothing(typed, labels):
    place = meant(typed, labels)
    assert place is None or 0 <= place < len(labels)


@given(st.integers(1, 2_000), st.data())
def test_a_few_places_are_spread_and_hold_the_start(count, data):
    start = data.draw(st.integers(0, count - 1))
    places = a_few(count, start)
    assert places == sorted(set(places)) and {0, start, count - 1} <= set(places) <= set(range(count))
    assert len(places) <= 9


COLUMN = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=6)


@given(st.lists(COLUMN, min_size=1, max_size=4), st.permutations(range(6)))
def test_lines_do_not_depend_on_the_order_of_the_rows_and_change_no_table(columns, order):
    n = min(map(len, columns))
    frame = pd.DataFrame({"x": np.arange(n) // 2} | {f"c{k}": column[:n] for k, column in enumerate(columns)})
    before, shuffled = frame.copy(), frame.iloc[[row for row in order if row < n]]
    wanted = [f"c{k}" for k in range(len(columns))]
    one, two = (plots.draw_lines(plots.panels()[1][0, 0], t, "x", wanted, named=False) for t in (frame, shuffled))
    assert [line.get_color() for line in one] == [line.get_color() for line in two]
    for a, b in zip(one, two):
        np.testing.assert_allclose(a.get_xydata(), b.get_xydata(), rtol=1e-9, atol=1e-6)
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=8)  # to make panels takes long
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]), st.booleans())
def test_images_of_any_size_memory_and_precision_are_drawn_as_they_are(n, height, width, channels, double):
    images = torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(n))
    images = images.double() if double else images
    turned = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # the same, in another order in memory
    one, two = (plots.pictures(one, ["a"] * n, title="t", columns=2) for one in (images, turned))
    for a, b, image in zip(one.axes, two.axes, images):
        assert np.array_equal(a.images[0].get_array(), b.images[0].get_array())
        assert np.allclose(np.asarray(a.images[0].get_array()).reshape(height, width, channels), image.permute(1, 2, 0))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=80), st.integers(1, 40))
def test_filled_text_keeps_its_words_and_its_width(text, width):
    lines = plots.filled(text, width).splitlines() if text.split() else []
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(line) <= width for line in lines)
