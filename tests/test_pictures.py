"""Claims judge, plots draw what they are given, sliders redraw."""

import base64
import io
import math

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from PIL import Image

from course_utils import attacks, biased, data, metrics, models, plots, record, training, widgets
from course_utils.claims import LECTURE, Claim, Difference, Evidence
from course_utils.memorization import NoisyRun
from course_utils.notebooks import NOTEBOOKS, find
from course_utils.widgets import fish


@pytest.fixture(autouse=True)
def in_style():
    """As in a notebook; among other things, titles stand at the left."""
    plots.use_style()


def evidence(values, margin=0.2, **bounds):
    return Evidence("error", values, margin=margin, **(bounds or {"below": 1.0}))


def test_evidence_must_clear_its_bounds_by_the_margin_in_every_run():
    assert evidence([0.1, 0.75]).holds
    assert not evidence([0.1, 0.85]).holds
    assert evidence([1.25, 3], above=1).holds
    assert not evidence([1.15, 3], above=1).holds
    assert evidence([1.25, 1.75], above=1, below=2).holds
    assert not evidence([1.25, 1.85], above=1, below=2).holds
    assert not evidence([float("nan")]).holds


def test_a_claim_holds_if_all_its_evidence_does():
    good, bad = evidence([0.1]), evidence([0.9])
    assert Claim("A", "text", [good, good], "none").holds
    assert not Claim("A", "text", [good, bad], "none").holds


def test_a_claim_in_words_says_what_holds_and_no_measured_number():
    text = str(Claim("Claim 9", "All is well.", [evidence([0.123, 0.9])], "one seed"))
    assert "does not hold here" in text
    assert "below 1 % with 0.2 to spare, in 1 of 2 runs" in text
    assert "0.123" not in text
    assert "Limits: one seed" in text


def test_evidence_needs_values_a_bound_and_a_margin():
    with pytest.raises(ValueError, match="values must be"):
        evidence([])
    with pytest.raises(ValueError, match="margin must be .*at least 0, got -1"):
        evidence([1], margin=-1)
    with pytest.raises(ValueError, match="above|bound"):
        Evidence("error", [1])
    with pytest.raises(ValueError, match="evidence must hold at least one"):
        Claim("A", "text", [], "none")


def test_a_difference_holds_if_the_interval_of_its_pairs_clears_the_bound():
    from scipy import stats

    pairs = [0.4, 0.9, 0.1, 0.8]
    low, high = Difference("gain", pairs, above=0).interval
    wanted = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((wanted.low, wanted.high))
    assert low < 0 < min(pairs)
    assert not Difference("gain", pairs, above=0).holds  # all pairs are above 0, the interval is not
    assert Difference("gain", [-0.1, *[1.0] * 30], above=0, margin=0.5).holds  # one pair is not, the interval is
    assert not Difference("gain", [-0.1, *[1.0] * 30], above=0, below=1).holds
    assert not Difference("gain", [math.nan, 1, 1], above=0).holds
    with pytest.raises(ValueError, match="values must be .* at least three"):
        Difference("gain", [1, 2], above=0)


def test_a_condition_or_a_control_that_passes_too_bounds_the_claim():
    good, bad = evidence([0.1]), evidence([0.9])
    assert Claim("A", "text", [good], "none").verdict == "holds here"
    assert Claim("A", "text", [good], "none", condition="at night").verdict == "holds with a condition"
    assert Claim("A", "text", [good], "none", controls=[bad]).verdict == "holds here"
    assert Claim("A", "text", [good], "none", controls=[good]).verdict == "holds with a condition"
    assert Claim("A", "text", [bad], "none", condition="at night", controls=[good]).verdict == "does not hold here"
    text = str(Claim("A", "text", [good], "none", condition="at night", controls=[good, bad]))
    assert "Condition: at night" in text
    assert "control passes too: error" in text
    assert "control does not pass: error" in text


def test_a_card_quotes_the_lecture():
    assert sorted(LECTURE) == list(range(1, 10))
    assert LECTURE[4] in str(Claim("Claim 4", "text", [evidence([0.1])], "none", of=4))
    with pytest.raises(ValueError, match="of must be .*, got 12"):
        Claim("Claim 12", "text", [evidence([0.1])], "none", of=12)


@pytest.fixture
def shown(monkeypatch):
    """What was put on the page, each with its options."""
    page = []
    monkeypatch.setattr(plots.page, "display", lambda shown, **options: page.append((shown, options)))
    return page


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("values", [[0.1, 0.5], [5.0], [float("nan"), 0.3], pd.Series([0.2, 0.3]), [-3, 3]])
def test_a_card_is_a_picture_that_says_the_same_in_words(values, shown):
    claim = Claim("Claim 9", "All is well. " * 12, [evidence(values), Difference("gain", [*values, 1, 2], above=0)],
                  "one seed. " * 20, of=9, condition="at night", controls=[evidence(values)])  # fmt: skip
    claim.card()
    (bundle, options), (words, _) = shown
    assert bundle["text/plain"] == str(claim) == options["metadata"]["image/png"]["alt"]
    assert claim.name in words.data
    assert pixels(bundle["image/png"]).std() > 5


def test_lines_go_through_the_means_and_show_every_run():
    frame = pd.DataFrame({"n": [1, 1, 10, 10], "train error": [0.0, 0.2, 0.4, 0.6]})
    figure = plots.lines(frame, "n", ["train error"], title="It rises", log_x=True, guess=0.3)
    mean, dots, guess = figure.axes[0].lines
    assert mean.get_ydata() == pytest.approx([0.1, 0.5])
    assert dots.get_ydata() == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert guess.get_ydata() == pytest.approx([0.3, 0.3])
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["train error", "your prediction"]


def test_a_line_leaves_out_what_was_not_measured():
    frame = pd.DataFrame({"n": [1, 2, 3], "a": [0.1, float("nan"), 0.3], "b": [0.5, 0.4, float("nan")]})
    a, _, b, _ = plots.draw_lines(plots.panels()[1][0, 0], frame, "n", ["a", "b"])[0].axes.lines
    assert (list(a.get_xdata()), list(a.get_ydata())) == ([1, 3], [0.1, 0.3])
    assert list(b.get_xdata()) == [1, 2]


def test_labels_of_lines_that_meet_do_not_cover_each_other():
    frame = pd.DataFrame({"x": [1, 2], "a": [0.0, 1.0], "b": [1.0, 1.0], "c": [0.5, 0.99]})
    figure = plots.lines(frame, "x", ["a", "b", "c"], title="They meet")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(box.y0 + 0.5 * box.height <= figure.axes[0].bbox.y1 + 4 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_one_role_looks_the_same_everywhere_and_never_by_colour_alone():
    frame = pd.DataFrame({"x": [1, 2], "test error": [0, 1], "train_loss": [0, 1], "validation_loss": [1, 0]})
    looks = {}
    for columns in (["test error", "train_loss", "validation_loss"], ["validation_loss", "test error", "train_loss"]):
        lines = plots.lines(frame, "x", columns, title="").axes[0].lines[::2]
        for name, line in zip(columns, lines):
            looks.setdefault(name, set()).add((line.get_color(), str(line._unscaled_dash_pattern)))
    assert all(len(look) == 1 for look in looks.values())
    assert len({next(iter(look))[1] for look in looks.values()}) == 3


def test_a_method_has_one_look_in_every_kind_of_figure():
    frame = pd.DataFrame({"x": [1, 2], "ERM": [0.0, 1.0], "mixup": [1.0, 0.5], "LfF": [0.2, 0.3]})
    drawn = plots.lines(frame, "x", ["LfF", "mixup", "ERM"], title="").axes[0].lines[::2]
    in_lines = dict(zip(("LfF", "mixup", "ERM"), (line.get_color() for line in drawn)))
    rows = {"mixup, alpha = 1": {"a": [0.5]}, "LfF": {"a": [0.6]}, "ERM, 6 epochs": {"a": [0.7]}}
    in_table = [line.get_color() for line in plots.dot_table(rows, title="").axes[0].lines]
    assert in_table == [in_lines["mixup"], in_lines["LfF"], in_lines["ERM"]]


def test_names_can_be_read_on_white():
    for colour in (*plots.COLOURS, plots.YELLOW, plots.GREY):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(plots.ink(colour))]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5, colour
    assert plots.ink(plots.BLACK) == plots.BLACK.lower()


def test_a_title_ends_in_no_orphan():
    title = "With mixup far fewer wrong labels are learned by heart, and the words go over two lines of it"
    lines = plots.filled(title, 80).split("\n")
    assert len(lines) == 2
    assert len(lines[1]) >= 30
    assert plots.filled("short", 80) == "short"
    assert plots.filled("Unbreakableword", 5).replace("\n", "") == "Unbreakableword"


def test_lines_without_a_role_take_looks_that_no_role_has():
    frame = pd.DataFrame({"x": [1, 2], "my bound": [0, 1], "test error": [0, 1], "another": [1, 0]})
    lines = plots.lines(frame, "x", ["test error", "my bound", "another"], title="").axes[0].lines[::2]
    assert len({line.get_color() for line in lines}) == 3


def test_many_points_of_many_runs_become_a_band():
    frame = pd.DataFrame({"epoch": [e for e in range(20) for _ in range(3)], "test": [0.1, 0.2, 0.6] * 20})
    ax = plots.lines(frame, "epoch", ["test"], title="t").axes[0]
    assert len(ax.lines) == 1
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.1, 0.6))


def test_panels_show_the_same_columns_of_each_table_on_one_scale():
    frames = {name: pd.DataFrame({"epoch": [1, 2], "test": [0, top]}) for name, top in (("low", 0.1), ("high", 1))}
    figure = plots.line_panels(frames, "epoch", ["test"], title="They differ", ylabel="accuracy", guess=0.4)
    low, high = figure.axes
    assert (low.get_title("left"), high.get_title("left")) == ("low", "high")
    assert low.get_ylim() == high.get_ylim()
    assert [ax.lines[0].get_ydata()[1] for ax in (low, high)] == [0.1, 1]
    assert "your prediction" in [text.get_text() for text in high.texts]


def test_a_dot_table_leaves_empty_what_was_not_measured():
    figure = plots.dot_table(
        {"ERM": {"a": [0.5], "b": [0.6]}, "your prediction": {"a": [0.7], "b": []}}, title="It helps"
    )
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [["50 %", "70 %"], ["60 %"]]


@pytest.mark.parametrize("zoom", [False, True])
def test_a_dot_table_shows_every_seed_and_the_mean(zoom):
    table = {
        "nothing": {"test": [0.6, 0.62], "by heart": [0.9]},
        "a cure": {"by heart": [0.1], "test": torch.tensor([0.81, 0.83])},
    }
    figure = plots.dot_table(table, title="It helps", zoom=zoom)
    ax = figure.axes[0]
    assert ax.lines[0].get_xdata() == pytest.approx([60, 62])
    assert ax.lines[1].get_xdata() == pytest.approx([81, 83])
    assert [text.get_text() for text in ax.texts[:2]] == (["61.0 %", "82.0 %"] if zoom else ["61 %", "82 %"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["nothing", "a cure"]
    assert (ax.get_xlim()[0] > 50) == zoom


def test_pictures_takes_grey_and_colour():
    for channels in (1, 3):
        figure = plots.pictures(torch.rand(13, channels, 28, 28), list("abcdefghijklm"), title="Thirteen")
        assert sum(len(ax.images) for ax in figure.axes) == 13


def test_a_boundary_lies_where_the_model_changes_its_mind():
    figure, axes = plots.panels()
    points, labels = data.two_moons(20)
    plots.draw_boundary(axes[0, 0], lambda plane: torch.stack([plane[:, 0], torch.ones(len(plane))], 1), points, labels)
    line = axes[0, 0].collections[1].get_paths()[0].vertices
    assert np.allclose(line[:, 0], 1, atol=1e-3)


def test_the_best_boundary_is_drawn_dashed_over_the_models():
    figure, axes = plots.panels()
    points, labels = data.two_moons(20)
    rules = [lambda plane, x=x: torch.stack([plane[:, 0], torch.full((len(plane),), x)], dim=1) for x in (0.0, 1.0)]
    plots.draw_boundary(axes[0, 0], rules[0], points, labels, best=rules[1])
    model, best = axes[0, 0].collections[1:3]
    assert np.allclose(model.get_paths()[0].vertices[:, 0], 0, atol=1e-3)
    assert np.allclose(best.get_paths()[0].vertices[:, 0], 1, atol=1e-3)
    assert best.get_linestyles()[0][1] is not None
    assert model.get_linestyles()[0][1] is None


SMALL, CONVOLUTIONAL, COLOURED, _ = plots.tables.NETWORKS


def table_words(results):
    return [text.get_text() for text in plots.results_table(results).axes[0].texts]


def test_the_results_table_shows_mean_and_range_and_what_is_to_come():
    words = table_words({SMALL: {"ERM": {"test": [0.97, 0.98, 0.99]}}})
    assert {"98.0 %", "97.0 – 99.0", "ERM", SMALL} <= set(words)
    assert "chapter 01" in words  # nothing was said of training
    assert "chapter 02" in words
    assert {f"{CONVOLUTIONAL}: chapter 04", f"{COLOURED}: chapter 05"} <= set(words)


def test_the_results_table_has_a_part_for_each_network_in_the_order_of_the_course():
    row = {"ERM": {"test": [0.5]}}
    words = table_words({"my own": row, COLOURED: row, SMALL: row})
    assert words.index(SMALL) < words.index(COLOURED) < words.index("my own")
    assert words.count("ERM") == 3


def test_histograms_share_their_scale():
    figure = plots.histograms(pd.DataFrame({"a": [0, 1, 2], "b": [5, 6, 7]}), xlabel="x", title="t", guess=1.5)
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_the_map_has_every_chapter():
    words = [text.get_text() for text in plots.course_map().axes[0].texts]
    assert all(chapter[1] in words for chapter in plots.CHAPTERS)


def test_a_picture_of_the_same_data_has_the_same_bytes():
    assert plots.png(plots.course_map()) == plots.png(plots.course_map())


def noisy_run(share):
    """A run of four epochs that learns its wrong labels one by one."""
    images, true = data.load_mnist("test", n=40)
    given, wrong = data.flip_labels(true, share, 10, torch.Generator().manual_seed(0))
    places = wrong.nonzero().squeeze(1)
    seen = true.repeat(4, 1)
    for epoch in range(4):
        seen[epoch, places[: 3 * epoch]] = given[places[: 3 * epoch]]
    return NoisyRun(images, true, given, seen, torch.tensor([0.5, 0.7, 0.6, 0.4]))


def by_heart():
    return widgets.by_heart({0.4: noisy_run(0.4), 0.8: noisy_run(0.8)})


def test_the_pictures_known_by_heart_are_those_whose_wrong_label_is_given_back():
    run = noisy_run(0.4)
    known = ((run.given != run.true) & (run.seen[2] == run.given)).nonzero().squeeze(1)
    figure = widgets.draw_by_heart(run, epoch=3)
    title = figure.get_suptitle().replace("\n", " ")
    assert title == "40 % wrong labels, epoch 3: test accuracy 60 %, 6 of 16 wrong labels given back"
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 6
    for ax, place in zip(shown, known):
        assert ax.get_title() == f"{run.true[place]}, told {run.given[place]}"
        assert np.allclose(ax.images[0].get_array(), run.images[place, 0])


@pytest.mark.filterwarnings("error")
def test_a_run_of_one_epoch_and_one_without_wrong_labels_can_be_drawn():
    for run in (noisy_run(0.0), NoisyRun(*(part[:1] if i > 2 else part for i, part in enumerate(noisy_run(0.4))))):
        assert plots.png(widgets.draw_by_heart(run, epoch=1))
        assert widgets.by_heart({0.0: run}).sliders["epoch"].value in (1, 2)


def test_nothing_by_heart_is_said_and_not_drawn():
    figure = widgets.draw_by_heart(noisy_run(0.4), epoch=1)
    assert not any(ax.images for ax in figure.axes)
    assert "0 of 16 wrong labels given back" in figure.get_suptitle().replace("\n", " ")


def mixing_desk():
    nets = {name: models.mlp(seed=seed) for seed, name in enumerate(("0", "1", "∞"))}
    return widgets.mixing_desk(nets, {"0": 0.0, "1": 1.0, "∞": math.inf}, *data.load_mnist("test", n=100))


def test_the_mixing_desk_shows_the_mixture_and_what_the_networks_say_of_it():
    desk = mixing_desk()
    figure = desk.draw(first=3, second=8, lam=0.25, alpha="1")
    images, labels = data.load_mnist("test", n=100)
    mixed = 0.25 * images[labels == 3][0] + 0.75 * images[labels == 8][0]
    picture, density, answers = figure.axes
    assert np.allclose(picture.images[0].get_array(), mixed[0])
    assert picture.get_title(loc="left") == "25 % of a 3, 75 % of an 8"
    for bars, seed in zip(answers.containers, (0, 1)):
        said = metrics.outputs(models.mlp(seed=seed), mixed[None]).softmax(dim=1)[0]
        assert [bar.get_height() for bar in bars] == pytest.approx(said.tolist(), abs=1e-5)
    assert len(desk.draw(first=3, second=8, lam=0.25, alpha="0").axes[2].containers) == 1  # ERM beside itself


@pytest.mark.parametrize(("alpha", "spikes"), [(0, [0, 1]), (math.inf, [0.5])])
def test_the_limits_of_beta_are_drawn_as_spikes(alpha, spikes):
    figure, axes = plots.panels()
    plots.draw_beta(axes[0, 0], alpha, plots.BLUE)
    assert [line.get_xdata()[0] for line in axes[0, 0].lines] == spikes


def test_a_beta_density_is_drawn_with_its_height():
    figure, axes = plots.panels()
    plots.draw_beta(axes[0, 0], 2.0, plots.BLUE)
    line = axes[0, 0].lines[0]
    assert np.interp(0.5, *line.get_data()) == pytest.approx(1.5, rel=1e-3)
    assert axes[0, 0].get_ylim()[0] == 0


def test_names_stand_at_the_ends_of_their_lines_on_a_logarithmic_axis_too():
    figure, axes = plots.panels()
    axes[0, 0].set_yscale("log")
    frame = pd.DataFrame({"x": [0, 1], "low": [1.0, 0.01], "high": [1.0, 100.0]})
    plots.draw_lines(axes[0, 0], frame, "x", ["low", "high"])
    assert [text.xy[1] for text in axes[0, 0].texts] == pytest.approx([0.01, 100.0], rel=0.6)


def test_a_gallery_has_a_row_for_each_alpha_and_its_pictures():
    images, _ = data.load_mnist("test", n=3)
    figure = plots.mixing_gallery({a: (["one", "two", "three"], images) for a in (0.1, 1.0)}, title="t")
    assert [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()] == ["alpha = 0.1", "alpha = 1"]
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == ["one", "two", "three"] * 2


def test_a_reliability_diagram_has_a_dot_for_each_bin_and_both_tables():
    raw = pd.DataFrame({"confidence": [0.5, 0.9], "accuracy": [0.4, 0.7], "examples": [10, 90]})
    figure = plots.reliability_diagrams({"a": (raw, raw * 0.5), "b": (raw, raw)}, title="t")
    for ax, heading in zip(figure.axes, "ab"):
        assert ax.get_title(loc="left") == heading
        assert np.allclose(ax.collections[-1].get_offsets(), raw[["confidence", "accuracy"]])
    assert np.allclose(figure.axes[0].lines[-1].get_ydata(), raw["accuracy"] * 0.5)
    small, large = figure.axes[0].collections[-1].get_sizes()
    assert large > small


def test_snapshots_show_every_generator_at_every_moment():
    clouds = {name: torch.randn(3, 20, 2) for name in ("one", "two")}
    figure = plots.snapshots(clouds, ["a", "b", "c"], data.RING, title="t")
    assert len(figure.axes) == 6
    for ax, cloud in zip(figure.axes, torch.cat(list(clouds.values()))):
        assert np.allclose(ax.collections[1].get_offsets(), cloud)
        assert len(ax.collections[0].get_offsets()) == 8


def attack_desk():
    images, labels = data.load_mnist("test", n=100)
    nets = {"one": models.small_cnn(seed=0), "two": models.small_cnn(seed=1)}
    return widgets.attack_desk(nets, images, labels)


def biased_run(epochs=3):
    """Test pictures of every group; the network says the colour's digit at first, and the digit in the end."""
    labels, bias = (part.flatten() for part in torch.meshgrid(torch.arange(10), torch.arange(10), indexing="ij"))
    halfway = torch.where(labels < 5, labels, bias)
    said = torch.stack([bias, halfway, labels][:epochs])
    return biased.BiasedRun(labels, bias, said, said)


def bias_desk():
    run = biased_run()
    return widgets.bias_desk({0.005: run, 0.01: run._replace(test=run.test.flip(0))}, swaps())


def swaps():
    return biased.colour_swaps(widgets.one_of_each(*data.load_mnist("test", n=100)))


def test_the_bias_desk_shows_the_groups_and_the_wrong_answers():
    left, right = widgets.draw_biased_run(biased_run(), swaps(), epoch=2).axes
    cells = [text.get_text() for text in left.texts]
    assert [cells[10 * row : 10 * row + 10] for row in (4, 5)] == [["100"] * 10, ["0"] * 5 + ["100"] + ["0"] * 4]
    assert [text.get_text() for text in right.texts] == [str(c) for d in range(5, 10) for c in range(10) if c != d]
    title = " ".join(widgets.draw_biased_run(biased_run(), swaps(), epoch=2).get_suptitle().split())
    assert title.startswith("epoch 2: aligned 100 %, conflicting 50 %; 50 % of the conflicting are taken for their")
    title = widgets.draw_biased_run(biased_run(), swaps(), epoch=2, conflict_ratio=0.005).get_suptitle()
    assert " ".join(title.split()).startswith("trained with 0.5 % conflicting, epoch 2")


def test_a_wrong_answer_is_orange_if_it_is_the_colours_digit_and_grey_if_not():
    said = torch.arange(10).repeat_interleave(10)
    said[3], said[47] = 3, 1  # a 0 in colour 3 is called 3, a 4 in colour 7 is called 1
    _, axes = plots.panels()
    plots.draw_swaps(axes[0, 0], swaps(), said)
    boxes = {text.get_text(): to_hex(text.get_bbox_patch().get_facecolor()).upper() for text in axes[0, 0].texts}
    assert boxes == {"3": plots.VERMILLION.upper(), "1": plots.GREY.upper()}
    picture = axes[0, 0].images[0].get_array()
    assert np.allclose(picture[4 * 28 : 5 * 28, 7 * 28 : 8 * 28], swaps()[47].permute(1, 2, 0))


def test_empty_groups_are_drawn_as_such_and_counts_as_numbers():
    table = torch.tensor([[1.0, math.nan], [0.25, 0.0]])
    figure, axes = plots.panels(1, 2)
    plots.draw_groups(axes[0, 0], table, biased.PALETTE[:2])
    plots.draw_groups(axes[0, 1], torch.tensor([[1_012, 0], [3, 40]]), biased.PALETTE[:2], count=True)
    words = [[text.get_text() for text in ax.texts] for ax in axes[0]]
    assert words == [["100", "25", "0", "–"], ["1012", "0", "3", "40"]]
    assert plots.png(figure)


def embedded():
    """Twenty pictures: for each digit one in its colour and one in the next; seen by digit at first, then by colour."""
    labels = torch.arange(10).repeat(2)
    bias = torch.where(torch.arange(20) < 10, labels, (labels + 1) % 10)
    images = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    seen = {
        name: torch.nn.functional.one_hot(what, 10).float() for name, what in (("at first", labels), ("then", bias))
    }
    return widgets.Embedded(images, labels, bias, seen)


def pair_desk():
    return widgets.pair_desk(embedded(), torch.arange(10))


def test_the_pair_desk_says_which_partners_contradict():
    def title(moment):
        return widgets.draw_pairs(embedded(), 3, moment).get_suptitle().replace("\n", " ")

    assert title("at first") == "at first: the positive does NOT contradict, the negative does NOT contradict"
    assert title("then") == "then: the positive contradicts, the negative contradicts"


def test_mixtures_on_the_pair_desk_go_from_the_partner_to_half_and_half():
    seen = embedded()
    pictures = [ax.images[0].get_array() for ax in widgets.draw_pairs(seen, 3, "then").axes if ax.images]
    own, partner = (seen.images[place].permute(1, 2, 0) for place in (3, 13))
    for shown, expected in zip(
        pictures[:7], [own, partner, *(partner.lerp(own, w) for w in (0.1, 0.2, 0.3, 0.4, 0.5))]
    ):
        assert np.allclose(shown, expected, atol=1e-6)


def test_an_embedding_is_drawn_in_the_colours_of_its_groups():
    _, axes = plots.panels()
    marked = torch.tensor([False, True, False])
    plots.draw_embedding(axes[0, 0], torch.eye(3)[:, :2], torch.tensor([1, 0, 2]), biased.PALETTE, marked)
    plain, on_top = axes[0, 0].collections
    assert np.allclose(plain.get_facecolors()[:, :3], biased.PALETTE[[1, 2]])
    assert np.allclose(on_top.get_facecolors()[:, :3], biased.PALETTE[[0]])
    assert np.allclose(on_top.get_offsets(), [[0, 1]])
    assert on_top.get_sizes() > plain.get_sizes()


def one_scene():
    """A tench in a hand, with a light and a pattern of its own."""
    generator = torch.Generator().manual_seed(3)
    return biased.draw_scene(torch.tensor([biased.TENCH]), torch.tensor([True]), torch.tensor([0]), generator)


def small_nets():
    return {str(seed): models.mlp(inputs=3 * 32 * 32, hidden=(8,), classes=4, seed=seed) for seed in (0, 1)}


def hand_desk():
    return widgets.hand_desk(small_nets(), one_scene())


def placed(**chosen):
    """What the hand desk draws, its sliders at their start but for those named."""
    start = {name: slider.value for name, slider in hand_desk().sliders.items()}
    return hand_desk().draw(**start | chosen)


def test_the_hand_desk_shows_the_scene_at_two_sizes_and_what_the_network_says_with_and_without_the_hand():
    scene = one_scene() | {"species": torch.tensor([2]), "background": torch.tensor([biased.DECK])}
    scene |= {name: torch.tensor([value]) for name, value in (("x", 0.1), ("angle", math.radians(15)), ("grip", 0.35))}
    chosen = {"fish": "pike", "hand": "at the head", "background": "deck", "place": 0.1, "angle": 15}
    eye, small, answers = placed(**chosen, network="1").axes
    assert np.allclose(eye.images[0].get_array(), biased.render(scene, 128).images[0].permute(1, 2, 0))
    seen = torch.cat([biased.render(scene | {"hand": torch.tensor([there])}).images for there in (True, False)])
    assert np.allclose(small.images[0].get_array(), seen[0].permute(1, 2, 0))
    said = metrics.outputs(small_nets()["1"], seen).softmax(dim=1)
    assert [bar.get_width() for bar in answers.patches] == pytest.approx(said[0].tolist(), abs=1e-5)
    assert [line[0, 0] for line in answers.collections[0].get_segments()] == pytest.approx(said[1].tolist(), abs=1e-5)
    assert [text.get_text() for text in answers.texts] == [f"{100 * share:.0f} %" for share in said[0].tolist()]


def test_the_hand_desk_places_what_it_says_and_leaves_the_rest_of_the_scene():
    scene, before = one_scene(), one_scene()
    empty = fish.place(scene, fish="none", hand="none", background="sky", x=0.0, angle=0)
    changed = {name for name in scene if not torch.equal(scene[name], empty[name])}
    assert changed == {"fish", "hand", "background", "x", "angle"}
    assert all(torch.equal(scene[name], before[name]) for name in scene)
    assert not any(mask.any() for mask in biased.render(empty)[1:])
    many = {name: torch.cat([values, values.flip(-1)]) for name, values in scene.items()}
    assert all(len(values) == 1 for values in fish.place(many, "pike", "none", "sky", 0.0, 0).values())


def test_the_answers_bar_is_blue_and_the_title_says_where_it_is_wrong():
    figure = placed(fish="pike", hand="none", network="0")
    colours = [to_hex(bar.get_facecolor()).upper() for bar in figure.axes[2].patches]
    assert sorted(colours) == sorted([plots.BLUE, *3 * [plots.GREY]])
    answer = biased.SPECIES[colours.index(plots.BLUE)]
    titles = {kind: placed(fish=kind, hand="none", network="0").get_suptitle() for kind in fish.FISH}
    assert f"is called {answer}" in " ".join(titles["pike"].split())
    assert {kind: title.endswith(": wrong") for kind, title in titles.items()} == {
        kind: f"called {kind}" not in " ".join(title.split()) and kind != "none" for kind, title in titles.items()
    }


def test_without_a_hand_nothing_is_compared_and_the_title_says_what_is_seen():
    assert placed(hand="in the middle").axes[2].get_legend()
    figure = placed(hand="none", fish="none", background="deck")
    assert not figure.axes[2].collections
    assert not figure.axes[2].get_legend()
    titles = {
        ("trout", "none"): "0: a trout, in the water, is called ",
        ("trout", "at the tail"): "0: a trout in a hand, in the water, is called ",
        ("none", "at the tail"): "0: nothing but a hand, in the water, is called ",
        ("none", "none"): "0: nothing, in the water, is called ",
    }
    for (kind, hand), title in titles.items():
        assert placed(fish=kind, hand=hand).get_suptitle().replace("\n", " ").startswith(title)


def test_the_hand_desk_needs_a_network_and_an_image():
    with pytest.raises(ValueError, match="nets must be networks by their names, at least one"):
        widgets.hand_desk({}, one_scene())
    with pytest.raises(ValueError, match="scene must hold at least one image"):
        widgets.hand_desk(small_nets(), {name: values[:0] for name, values in one_scene().items()})


DESKS = (
    widgets.moons_playground, widgets.digit_browser, by_heart, mixing_desk, attack_desk, bias_desk, pair_desk,
    hand_desk,
)  # fmt: skip


# How wide JupyterLab shows a figure on a screen of 1024 × 768, beside its file browser, and how high one may be there.
SHOWN, HIGH = 592, 720


def as_shown(png):
    """Of a picture on a small screen: the height of its smallest letters, what they say, and its own height."""
    picture = Image.open(io.BytesIO(png))
    scale = min(1, SHOWN / picture.width)
    letters, text = picture.info["smallest letter"].split(" ", 1)
    return scale * float(letters), text, scale * picture.height


def hard_to_read(figure, monkeypatch):
    """What of a figure is too small, too high, cut at its edge, or written over something else that is written."""
    drawn, draw = [], Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: (drawn.append(text), draw(text, renderer)))
    letters, text, height = as_shown(plots.png(figure))
    monkeypatch.undo()
    wrong = [f"{text!r} is {letters:.1f} px high"] * (letters < 11) + [f"{height:.0f} px high"] * (height > HIGH)
    written = [text for text in drawn if text.get_visible() and text.get_text().strip() and text.get_alpha() is None]
    boxes = [(text.get_text(), text.get_window_extent()) for text in written]
    page = figure.bbox.padded(1)
    wrong += [f"{name!r} is cut" for name, box in boxes if not (page.contains(*box.min) and page.contains(*box.max))]
    for place, (name, box) in enumerate(boxes):
        over = [other for other, below in boxes[:place] if box.padded(-2).overlaps(below.padded(-2))]
        wrong += [f"{name!r} covers {other!r}" for other in over]
    return wrong


@pytest.mark.parametrize("book", find([]), ids=lambda path: path.stem)
def test_every_letter_of_every_stored_picture_can_be_read_on_a_small_screen(book):
    """`plots.png` writes into each picture how high its smallest letters are; one without is older: `make run`."""
    for cell in nbformat.read(book, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                letters, text, height = as_shown(base64.b64decode(output.data["image/png"]))
                assert letters >= 11, f"{cell.id}: {text!r} is shown {letters:.1f} pixels high"
                assert height <= HIGH, f"{cell.id} is shown {height:.0f} pixels high"


def test_the_readmes_picture_can_be_read_on_a_small_screen():
    letters, text, height = as_shown((NOTEBOOKS.parent / "docs" / "course.png").read_bytes())
    assert letters >= 11, text


@pytest.mark.parametrize("make", DESKS)
def test_every_letter_on_a_desk_can_be_read_on_a_small_screen(make, monkeypatch):
    desk = make()
    assert not hard_to_read(desk.draw(**{name: slider.value for name, slider in desk.sliders.items()}), monkeypatch)


def some_figures():
    """The shared figures, with names and numbers as long as the course has them."""
    levels = [evidence([12.5, 25.5], below=40)] * 3
    controls = [Difference("gain", [1, 2, 3], above=0)]
    claim = Claim("Claim 9, the second half", "All is well. " * 12, levels, "one seed. " * 30, of=9,
                  condition="at night, when it rains. " * 4, controls=controls)  # fmt: skip
    names = "SelecMix, oracle", "mixup 0.2, learning rate 0.001", "soft labels, lam up to 1"
    heads = "right,\ntrained on", "first-order\ndistance", "PGD,\neps = 0.3", "mean over\nall groups"
    curves = {name: pd.DataFrame({"epoch": [1, 2], "ERM": [0, 0.1], "mixup": [0, 1]}) for name in heads[:3]}
    images, results = torch.rand(20, 1, 28, 28), {"ERM": {"test": [0.5, 0.6], "noisy": [0.5]}}
    tables = {"ERM\nECE 6.6 %": [metrics.reliability(torch.rand(99, 4).softmax(1), torch.arange(99) % 4)] * 2}
    return {
        "map": plots.course_map(),
        "card": claim.figure(),
        "predictions": plots.draw_predictions(record.example()),
        "results": plots.results_table({SMALL: results, CONVOLUTIONAL: results}),
        "dots": plots.dot_table({name: {head: [0.2, 0.985] for head in heads} for name in names}, title="They differ"),
        "zoom": plots.dot_table({name: {head: [0.85, 0.99] for head in heads} for name in names}, title="", zoom=True),
        "panels": plots.line_panels(curves, "epoch", ["ERM", "mixup"], title="t", ylabel="share", legend=True),
        "ends": plots.line_panels(dict(list(curves.items())[:2]), "epoch", ["ERM", "mixup"], title="t", ylabel="y"),
        "digits": plots.pictures(images, ["5, told 3"] * 20, title="Twenty"),
        "rows": plots.picture_rows({"change × 10": images[:8]}, {"change × 10": ["“7”, 100 %"] * 8}, title="Eight"),
        "gallery": plots.mixing_gallery({0.1: (["0.57 × 7\n0.43 × 5"] * 7, images[:7])}, title="Seven"),
        "reliability": plots.reliability_diagrams(tables | {"mixup": tables["ERM\nECE 6.6 %"]}, title="Two"),
    }


def test_every_letter_of_the_shared_figures_can_be_read_on_a_small_screen(monkeypatch):
    wrong = {name: hard_to_read(figure, monkeypatch) for name, figure in some_figures().items()}
    assert not any(wrong.values()), {name: lines for name, lines in wrong.items() if lines}


def test_a_picture_says_how_high_its_smallest_letters_are():
    figure, axes = plots.panels(width=11)
    axes[0, 0].set(title="large", xticks=[], yticks=[])
    axes[0, 0].text(0.5, 0.5, "small", fontsize=10)
    axes[0, 0].text(0.5, 0.5, "unseen", fontsize=5, visible=False)
    assert as_shown(plots.png(figure))[:2] == (pytest.approx(10 / 72 * 100 * SHOWN / 1100, rel=0.01), "small")
    axes[0, 0].text(0.2, 0.2, "$10^{-2}$", fontsize=13)  # an exponent is smaller than its letters
    assert as_shown(plots.png(figure))[0] == pytest.approx(9.1 / 72 * 100 * SHOWN / 1100, rel=0.01)


@pytest.mark.parametrize("make", DESKS)
def test_every_slider_changes_the_picture(make):
    figure = make()
    for name, slider in figure.sliders.items():
        before, start = figure.image.value, slider.value
        values = [option[1] if isinstance(option, tuple) else option for option in slider.options]
        slider.value = next(value for value in values if value != start)
        assert figure.image.value != before, name
        slider.value = start
        assert figure.image.value == before, name


def test_a_widget_without_a_kernel_is_a_sentence_with_no_picture_in_it():
    figure = widgets.digit_browser()
    text = figure._repr_mimebundle_()["text/plain"]
    assert text.startswith("Run this cell for the sliders: page.")
    assert "PNG" not in text


def test_the_playgrounds_tasks_can_be_solved(monkeypatch):
    """A training error of zero with a gap of 15 points; and less than half of that gap, one slider away."""
    errors = []
    measure = metrics.accuracy
    monkeypatch.setattr(metrics, "accuracy", lambda *a: errors.append(1 - measure(*a)) or 0)
    widgets.draw_moons(capacity=128, examples=20, noise=0.4)
    widgets.draw_moons(capacity=128, examples=500, noise=0.4)
    (train, true), (train_more, true_more) = errors[:2], errors[2:]
    assert train == 0
    assert true > 0.17
    assert true_more - train_more < 0.5 * true - 0.02


def test_noise_makes_the_moons_harder_to_learn():
    """The playground's picture rests on a network that has been trained: its errors follow its sliders."""
    errors = []
    for noise in (0.1, 0.5):
        points, labels = data.two_moons(500, noise, seed=0)
        model = models.mlp(inputs=2, hidden=(32, 32), classes=2, seed=1)
        training.fit(model, points, labels, epochs=200, batch_size=500, lr=0.03, show=False)
        errors.append(1 - metrics.accuracy(model, *data.two_moons(5_000, noise, seed=1)))
    assert errors[0] < 0.03 < 0.1 < errors[1]


def test_the_attack_desk_shows_the_attack_and_what_the_network_says_of_it():
    desk, (images, labels) = attack_desk(), data.load_mnist("test", n=100)
    net, clean = models.small_cnn(seed=1), images[labels == 4][:1]
    for steps, alpha in ((1, 0.2), (10, 0.05)):
        attacked = attacks.pgd(net, clean, torch.tensor([4]), 0.2, alpha, steps)
        before, change, after, bars = desk.draw(digit=4, eps=0.2, steps=steps, model="two").axes
        assert np.allclose(before.images[0].get_array(), clean[0, 0])
        assert np.allclose(change.images[0].get_array(), 10 * (attacked - clean)[0, 0], atol=1e-4)
        assert np.allclose(after.images[0].get_array(), attacked[0, 0], atol=1e-5)
        for container, picture in zip(bars.containers, (clean, attacked)):
            said = metrics.outputs(net, picture).softmax(dim=1)[0].tolist()
            assert [bar.get_height() for bar in container] == pytest.approx(said, abs=1e-5)


def test_without_an_attack_nothing_changes_on_the_desk():
    _, change, _, bars = attack_desk().draw(digit=4, eps=0.0, steps=20, model="one").axes
    assert not change.images[0].get_array().any()
    before, after = ([bar.get_height() for bar in container] for container in bars.containers)
    assert before == after


def test_a_digit_of_which_there_is_no_picture_is_named():
    images, labels = data.load_mnist("test", n=100)
    with pytest.raises(ValueError, match="labels must hold every digit, got no 7"):
        widgets.attack_desk({"one": models.small_cnn()}, images[labels != 7], labels[labels != 7])


def test_rows_of_pictures_have_names_captions_and_a_sign():
    images, _ = data.load_mnist("test", n=3)
    figure = plots.picture_rows(
        {"digit": images, "change": images - 0.5}, {"digit": list("abc")}, title="t", signed={"change"}
    )
    assert [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()] == ["digit", "change"]
    assert [ax.get_title() for ax in figure.axes] == [*list("abc"), "", "", ""]
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(0, 1)] * 3 + [(-1, 1)] * 3
    assert np.allclose(figure.axes[4].images[0].get_array(), images[1, 0] - 0.5)


def test_panels_with_a_legend_name_their_lines_once():
    frame = pd.DataFrame({"eps": [0.1, 0.2], "ERM": [0.5, 0.1], "mixup": [0.4, 0.2]})
    figure = plots.line_panels({"a": frame, "b": frame}, "eps", ["ERM", "mixup"], title="t", ylabel="y", legend=True)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ERM", "mixup"]
    assert not any(ax.texts for ax in figure.axes)
    named = plots.line_panels({"a": frame}, "eps", ["ERM", "mixup"], title="t", ylabel="y")
    assert not named.legends
    assert {text.get_text() for text in named.axes[0].texts} == {"ERM", "mixup"}


def test_pale_bands_of_two_colours_stay_two_colours():
    """The PNG has 128 colours: what is nearly white must not run together."""
    rows = [{"epoch": e, "a": 0.6 + d, "b": 0.2 + d} for e in range(1, 21) for d in (0.0, 0.2)]
    figure = plots.lines(pd.DataFrame(rows), "epoch", ["a", "b"], title="two bands")
    picture = Image.open(io.BytesIO(plots.png(figure))).convert("RGB")
    common = sorted(picture.getcolors(1_000), reverse=True)[1:3]
    assert all(count > 10_000 for count, _ in common)
    assert max(abs(a - b) for a, b in zip(common[0][1], common[1][1])) > 10


def test_the_map_shows_every_chapter():
    assert [number for number, *_ in plots.CHAPTERS] == [path.stem[:2] for path in find([])]
    texts = [text.get_text() for text in plots.course_map().axes[0].texts]
    assert all(name in texts for _, name, _, _ in plots.CHAPTERS)


def kept_of(kind, more=0):
    """Predictions of one kind, of the invented reader."""
    return [one for one in record.example() if one.kind == kind][: more or None]


@pytest.mark.parametrize("kind", ["share", "points", "factor", "name"])
@pytest.mark.parametrize("more", [1, 0])
def test_predictions_of_one_kind_alone_can_be_drawn(kind, more):
    kept = kept_of(kind, more)
    figure = plots.draw_predictions(kept)
    assert len(plots.png(figure)) > 3_000
    assert str(len(kept)) in figure.get_suptitle()


def test_ranges_alone_and_a_count_that_was_guessed_as_nothing_can_be_drawn():
    ranges = [one for one in record.example() if one.held is not None]
    held = sum(one.held for one in ranges)
    wanted = f"{held} of {len(ranges)} ranges held the truth"
    assert wanted in plots.draw_predictions(ranges).get_suptitle().replace("\n", " ")
    none = record.Kept("01 epochs", 0.0, -2.0, 2.0, "epochs", (50.0,))
    assert plots.png(plots.draw_predictions([none, none._replace(of="01 again", low=None, high=None)]))


def test_the_title_counts_what_came_near_and_what_a_coin_would_have():
    share = record.Kept("01 a", 0.8, measured=(0.85,))
    far = record.Kept("02 b", 0.1, 0.0, 0.2, measured=(0.55,))
    lead = record.Kept("03 c", 5.0, unit="points", measured=(4.0,))
    name = record.Kept("04 d", "ERM", unit="", measured="mixup", among=2)
    figure = plots.draw_predictions([share, far, lead, name])
    title = figure.get_suptitle().replace("\n", " ")
    assert "Within 10 points on 1 of 2 shares (a coin: 1)" in title
    assert "closer than “nothing changes” on 1 of 1 difference;" in title
    assert "right on 0 of 1 name (chance: 0.5)" in title
    assert "0 of 1 range held the truth" in title
    words = " ".join(text.get_text() for ax in figure.axes for text in ax.texts)
    assert "02 b" in words  # the surprise has a name
    assert "01 a" not in words


def test_a_range_is_filled_if_it_holds_the_truth():
    kept = [record.Kept("a", 0.5, 0.4, 0.6, measured=(truth,)) for truth in (0.45, 0.9)]
    filled = [bar.get_facecolor()[3] for bar in plots.draw_predictions(kept).axes[0].patches]
    assert filled == [1, 0]


def test_an_example_says_so_across_the_figure():
    figure = plots.draw_predictions(record.example(), example=True)
    assert "an example" in [text.get_text() for text in figure.texts]
    assert figure.get_suptitle().startswith("An example, an invented reader")
    assert "an example" not in [text.get_text() for text in plots.draw_predictions(record.example()).texts]


@pytest.mark.parametrize("kept", [[], [record.Kept("a", 0.5, measured=(float("nan"),))]])
def test_no_predictions_no_picture(kept):
    with pytest.raises(ValueError, match="at least one prediction"):
        plots.draw_predictions(kept)
