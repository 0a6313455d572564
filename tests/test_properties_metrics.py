"""What holds of the metrics whatever they measure: invariances, ranges, identities, other people's implementations."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, log_loss, zero_one_loss
from torch import nn

from course_utils import metrics, models
from course_utils.claims import Claim, Difference, Evidence

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(1, 40)
CLASSES = st.integers(2, 6)
NET = models.mlp(4, (8,), 3, seed=0)
SURE = models.mlp(4, (8,), 3, seed=0)
for parameter in SURE[-1].parameters():
    parameter.data.mul_(8)


def drawn(seed, n, k, scale=2.0):
    """Logits, and labels that they are more often right about than not."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, k, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    return logits, labels, torch.randperm(n, generator=generator)


def in_disorder(values):
    """The same numbers, but not one behind the other in memory."""
    return torch.stack([values, values], dim=-1)[..., 0]


# ---- answers -------------------------------------------------------------------------------------------------


@given(SEEDS, st.integers(1, 6), st.integers(1, 7))
def test_of_each_image_it_is_measured_what_it_is_alone(seed, n, chunk):
    """The order, the chunks and the memory's layout make no difference, and nothing is changed."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.rand(n, 4, generator=generator), torch.randint(3, (n,), generator=generator)
    order, before = torch.randperm(n, generator=generator), images.clone()
    for measure in (
        lambda x, y: metrics.outputs(NET, x, chunk),
        lambda x, y: metrics.gradient_norms(NET, x, y, chunk),
        lambda x, y: metrics.margin_slopes(NET, x, chunk),
        lambda x, y: metrics.margin_distances(NET, x, "2", chunk),
        lambda x, y: metrics.margin_distances(NET, x, "inf", chunk),
    ):
        alone = torch.cat([measure(images[i : i + 1], labels[i : i + 1]) for i in range(n)])
        assert torch.allclose(measure(images[order], labels[order]), alone[order], rtol=1e-4, atol=1e-6)
        assert torch.equal(measure(in_disorder(images), labels), measure(images, labels))
    assert torch.equal(images, before)


@given(SEEDS, SIZES, CLASSES)
def test_error_and_accuracy_are_scikit_learns_and_know_no_order(seed, n, k):
    logits, labels, order = drawn(seed, n, k)
    said = logits.argmax(dim=1)
    error = metrics.error_rate(said, labels)
    assert error == pytest.approx(zero_one_loss(labels, said))
    assert metrics.error_rate(said[order], labels[order]) == error
    assert metrics.error_rate(labels, said) == error
    assert metrics.accuracy(nn.Identity(), logits, labels) == 1 - error
    assert metrics.accuracy(nn.Identity(), logits.double(), labels) == 1 - error
    naming = torch.randperm(k)
    assert metrics.error_rate(naming[said], naming[labels]) == error


@given(SEEDS, SIZES, CLASSES)
def test_the_risk_is_an_average_that_knows_no_order_and_no_shift(seed, n, k):
    logits, labels, order = drawn(seed, n, k)
    risk = metrics.empirical_risk(logits, labels).item()
    assert risk == pytest.approx(log_loss(labels, logits.double().softmax(dim=1), labels=range(k)), rel=1e-4)
    for same in (
        metrics.empirical_risk(logits[order], labels[order]),
        metrics.empirical_risk(logits + torch.arange(n)[:, None], labels),
        metrics.empirical_risk(logits, nn.functional.one_hot(labels, k).float()),
        torch.stack([metrics.empirical_risk(logits[i : i + 1], labels[i : i + 1]) for i in range(n)]).mean(),
    ):
        assert same.item() == pytest.approx(risk, rel=1e-4, abs=1e-5)
    assert metrics.empirical_risk(torch.zeros(n, k), labels).item() == pytest.approx(math.log(k))


@given(SEEDS, st.integers(1, 6), st.integers(1, 4), st.integers(0, 5))
def test_the_choice_follows_the_candidates_and_the_test_data_have_no_say(seed, candidates, seeds, by):
    train, validation, test = torch.rand(3, candidates, seeds, generator=torch.Generator().manual_seed(seed))
    chosen, reported = metrics.choose_model(train, validation, test)
    moved = metrics.choose_model(train.roll(by, 0), validation.roll(by, 0), test.roll(by, 0))
    assert moved == ((chosen + by) % candidates, reported)
    assert metrics.choose_model(test, validation, train) == (chosen, pytest.approx(train[chosen].mean().item()))


# ---- groups --------------------------------------------------------------------------------------------------


@given(SEEDS, st.integers(0, 60), st.integers(1, 4), st.integers(1, 4))
def test_the_group_metrics_hang_together(seed, n, rows, columns):
    generator = torch.Generator().manual_seed(seed)
    labels, bias = (torch.randint(size, (n,), generator=generator) for size in (rows, columns))
    said, order = torch.randint(-1, rows + 1, (n,), generator=generator), torch.randperm(n, generator=generator)
    table, counts = metrics.group_table(said, labels, bias, (rows, columns))
    assert counts.sum() == n and counts.min() >= 0
    assert torch.equal(table.isnan(), counts == 0)
    again = metrics.group_table(said[order], labels[order], bias[order], (rows, columns))
    assert torch.equal(again[0].nan_to_num(-1), table.nan_to_num(-1)) and torch.equal(again[1], counts)
    turned = metrics.group_table(torch.where(said == labels, bias, -1), bias, labels, (columns, rows))
    assert torch.equal(turned[0].T.nan_to_num(-1), table.nan_to_num(-1)) and torch.equal(turned[1].T, counts)
    report = metrics.group_report(table, counts)
    if n == 0:
        assert all(math.isnan(value) for value in report.values())
        return
    best = table[counts > 0].max().item()
    assert 0 <= report["worst_group"] <= report["unbiased"] + 1e-6 <= best + 2e-6 <= 1 + 2e-6
    assert report["worst_group"] - 1e-6 <= report["plain"] <= best + 1e-6
    assert report["plain"] == pytest.approx((said == labels).float().mean().item())
    on = torch.arange(rows)[:, None] == torch.arange(columns)
    weights = {"aligned": (on & (counts > 0)).sum().item(), "conflicting": (~on & (counts > 0)).sum().item()}
    parts = sum(weight * report[name] for name, weight in weights.items() if weight)
    assert parts / sum(weights.values()) == pytest.approx(report["unbiased"], abs=1e-5)
    swapped = metrics.group_report(table, counts, ~on)
    assert swapped["aligned"] == pytest.approx(report["conflicting"], nan_ok=True)
    assert swapped["unbiased"] == report["unbiased"]


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@given(SEEDS, st.integers(1, 60), st.integers(1, 5), st.integers(1, 9))
def test_reweighted_by_itself_it_is_plain_and_evenly_it_is_scikit_learns_balanced_accuracy(seed, n, groups, times):
    generator = torch.Generator().manual_seed(seed)
    labels, said = torch.randint(groups, (2, n), generator=generator)
    table, counts = metrics.group_table(said, labels, torch.zeros_like(labels), (groups, 1))
    plain = metrics.group_report(table, counts)["plain"]
    assert metrics.reweighted_accuracy(table, counts) == plain
    assert metrics.reweighted_accuracy(table, times * counts) == pytest.approx(plain)
    even = metrics.reweighted_accuracy(table, torch.ones_like(counts))
    assert even == pytest.approx(balanced_accuracy_score(labels, said), abs=1e-6)
    assert metrics.group_report(table, counts)["unbiased"] == pytest.approx(even, abs=1e-6)


# ---- how sure ------------------------------------------------------------------------------------------------


@given(SEEDS, SIZES, CLASSES, st.integers(1, 20))
def test_a_calibration_error_is_a_share_that_is_the_reliability_tables(seed, n, k, bins):
    logits, labels, order = drawn(seed, n, k)
    probabilities = logits.softmax(dim=1)
    error = metrics.expected_calibration_error(probabilities, labels, bins)
    assert 0 <= error <= 1
    table = metrics.reliability(probabilities, labels, bins)
    assert table["examples"].sum() == n and table["examples"].min() > 0 and len(table) <= bins
    assert table["confidence"].is_monotonic_increasing
    assert table["confidence"].between(1 / k - 1e-6, 1 + 1e-6).all() and table["accuracy"].between(0, 1).all()
    off = (table["examples"] * (table["accuracy"] - table["confidence"]).abs()).sum() / n
    assert error == pytest.approx(off, abs=1e-5)
    assert metrics.expected_calibration_error(probabilities[order], labels[order], bins) == pytest.approx(
        error, abs=1e-5
    )
    assert metrics.expected_calibration_error(in_disorder(probabilities), labels, bins) == error
    # One bin cannot tell more than several: gaps of opposite sign cancel in it.
    assert metrics.expected_calibration_error(probabilities, labels, 1) <= error + 1e-5


@given(SEEDS, st.integers(1, 30), CLASSES)
def test_a_constant_confidence_is_off_by_its_distance_from_the_accuracy(seed, n, k):
    labels = torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))
    said = torch.full((n, k), 0.3 / (k - 1))
    said[:, 0] = 0.7
    right = (labels == 0).float().mean().item()
    assert metrics.expected_calibration_error(said, labels) == pytest.approx(abs(right - 0.7), abs=1e-5)


def best(logits, labels):
    """The temperature where the slope of the loss in 1 / T is 0, by halving, in double precision."""
    logits = logits.double()
    low, high = -30.0, 30.0
    for _ in range(100):
        middle = (low + high) / 2
        p = (logits * math.exp(-middle)).softmax(dim=1)
        slope = ((p * logits).sum(dim=1) - logits.gather(1, labels[:, None]).squeeze(1)).mean().item()
        low, high = (middle, high) if slope > 0 else (low, middle)
    return math.exp(low)


@given(SEEDS, st.integers(3, 40), CLASSES, st.sampled_from([1e-20, 1e-4, 0.1, 1.0, 7.0, 300.0, 1e6]))
def test_a_temperature_is_the_best_one_or_is_refused_where_there_is_none(seed, n, k, scale):
    logits, labels, order = drawn(seed, n, k)
    label, double = logits.double().gather(1, labels[:, None]), logits.double()
    if not double.mean().item() < label.mean().item() < double.amax(dim=1).mean().item():
        with pytest.raises(ValueError, match="the temperature the better; got"):
            metrics.temperature(scale * logits, labels)
        return
    wanted = best(logits, labels)
    assume(0.02 < wanted < 50)  # else the loss is flat where it is lowest
    assert metrics.temperature(scale * logits, labels) == pytest.approx(scale * wanted, rel=0.01)
    assert metrics.temperature(logits[order], labels[order]) == pytest.approx(wanted, rel=0.01)
    assert metrics.temperature(logits + torch.arange(n)[:, None], labels) == pytest.approx(wanted, rel=0.01)


@given(SEEDS, SIZES, st.floats(0.01, 100))
def test_tempered_keeps_the_answers_and_divides_the_logits(seed, n, t):
    images = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed))
    tempered = metrics.Tempered(SURE, t)
    assert torch.equal(metrics.answers(tempered, images), metrics.answers(SURE, images))
    assert torch.allclose(metrics.outputs(tempered, images) * t, metrics.outputs(SURE, images), rtol=1e-5)
    twice = metrics.Tempered(tempered, 1 / t)
    assert torch.allclose(metrics.outputs(twice, images), metrics.outputs(SURE, images), rtol=1e-5)


# ---- how steep -----------------------------------------------------------------------------------------------


@given(SEEDS, SIZES, st.sampled_from([0.01, 0.5, 3.0, 50.0]), st.sampled_from(["2", "inf"]))
def test_the_size_of_the_logits_scales_slopes_and_leaves_distances_alone(seed, n, t, norm):
    images = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed))
    scaled = metrics.Tempered(SURE, t)
    distances = metrics.margin_distances(SURE, images, norm)
    assert (distances >= 0).all()
    assert torch.allclose(metrics.margin_distances(scaled, images, norm), distances, rtol=1e-3)
    assert torch.allclose(t * metrics.margin_slopes(scaled, images), metrics.margin_slopes(SURE, images), rtol=1e-3)


@given(SEEDS, SIZES, st.sampled_from(["2", "inf"]))
def test_for_a_linear_model_of_two_classes_the_distance_is_exact(seed, n, norm):
    """Moving every image by its distance, and not a little less, brings it onto the boundary."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Linear(4, 2).double()
    images = torch.randn(n, 4, generator=generator, dtype=torch.float64)
    distances = metrics.margin_distances(net, images, norm)[:, None]
    lead = metrics.input_gradient(net, images, lambda z: (z.amax(dim=1) - z.amin(dim=1)).sum())
    way = lead / lead.norm(dim=1, keepdim=True) if norm == "2" else lead.sign()
    margin = lambda x: (z := metrics.outputs(net, x)).amax(dim=1) - z.amin(dim=1)  # noqa: E731
    assert torch.allclose(margin(images - distances * way), torch.zeros(n, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(margin(images - distances * way / 2), margin(images) / 2)


# ---- what is owed to a part ----------------------------------------------------------------------------------


@given(SEEDS, SIZES, CLASSES)
def test_log_odds_sum_up_what_softmax_says(seed, n, k):
    logits = drawn(seed, n, k)[0].double()
    odds = torch.stack([metrics.log_odds(logits, target) for target in range(k)], dim=1)
    assert torch.allclose(odds.sigmoid(), logits.softmax(dim=1))
    assert torch.allclose(metrics.log_odds(logits + 5, 0), odds[:, 0])


@given(SEEDS, st.integers(1, 3), st.integers(0, 2))
def test_attributions_are_complete_and_those_of_the_baseline_are_nothing(seed, n, target):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), *SURE[1:])
    images, baseline = torch.rand(n, 1, 2, 2, generator=generator), torch.rand(1, generator=generator)
    parts = metrics.attributions(net, images, target, baseline, steps=30)
    start = baseline.view(1, 1, 1, 1).expand_as(images).contiguous()
    climb = metrics.effects(net, images, start, target)
    everywhere = torch.ones(n, 2, 2, dtype=torch.bool)
    assert torch.allclose(metrics.signed_on(parts, everywhere), climb, atol=0.05)
    assert metrics.attributions(net, start, target, baseline).abs().max() == 0
    assert torch.allclose(metrics.effects(net, start, images, target), -climb)
    some = torch.rand(n, 2, 2, generator=generator) < 0.5
    both = metrics.signed_on(parts, some) + metrics.signed_on(parts, ~some)
    assert torch.allclose(both, metrics.signed_on(parts, everywhere), atol=1e-5)


@given(SEEDS, SIZES, st.integers(0, 2))
def test_alone_minus_empty_turns_its_sign_and_over_all_classes_adds_up_to_nothing(seed, n, target):
    alone, empty = torch.randn(2, n, 4, generator=torch.Generator().manual_seed(seed))
    found = metrics.alone_minus_empty(SURE, alone, empty, target)
    assert -1 <= found <= 1
    assert metrics.alone_minus_empty(SURE, empty, alone, target) == -found
    assert sum(metrics.alone_minus_empty(SURE, alone, empty, k) for k in range(3)) == pytest.approx(0, abs=1e-6)


# ---- when a measurement carries a claim ----------------------------------------------------------------------

NUMBERS = st.floats(-1e3, 1e3)
VALUES = st.lists(NUMBERS, min_size=1, max_size=8)


@given(st.lists(NUMBERS, min_size=2, max_size=30), NUMBERS, st.floats(0.01, 100))
def test_the_interval_moves_and_stretches_with_its_differences_and_is_scipys(differences, by, scale):
    d = torch.tensor(differences, dtype=torch.float64)
    low, high = metrics.paired_interval(d)
    assert low <= d.mean().item() <= high
    assert metrics.paired_interval(-d) == pytest.approx((-high, -low), abs=1e-9)
    assert metrics.paired_interval(d.flip(0)) == pytest.approx((low, high), abs=1e-9)
    assert metrics.paired_interval(scale * d + by) == pytest.approx((scale * low + by, scale * high + by), abs=1e-6)
    if d.std() > 1e-9:
        found = stats.ttest_1samp(d.numpy(), 0).confidence_interval(0.95)
        assert (low, high) == pytest.approx((found.low, found.high), rel=1e-6, abs=1e-9)


@given(VALUES, VALUES, NUMBERS, st.floats(0, 100))
def test_a_verdict_asks_of_every_run_what_the_cards_ask(runs, control, bound, margin):
    tensors = [torch.tensor(values, dtype=torch.float64) for values in (runs, control)]
    holds, passes = metrics.verdict(*tensors, bound, margin)
    assert (holds, passes) == (min(runs) >= bound + margin, min(control) >= bound + margin)
    assert holds == Evidence("", runs, above=bound, margin=margin).holds
    assert metrics.verdict(*tensors[::-1], bound, margin) == (passes, holds)
    least = tensors[0].min().item()
    assert metrics.verdict(*tensors, least, 0.0)[0]  # just so much is enough
    assert not metrics.verdict(*tensors, math.nextafter(least, math.inf), 0.0)[0]


@given(st.lists(st.tuples(NUMBERS, st.floats(0, 100), NUMBERS), min_size=1, max_size=20), st.floats(0, 100))
def test_wider_ranges_hold_the_truth_more_often(ranges, wider):
    low, wide, truth = torch.tensor(ranges, dtype=torch.float64).T
    share = metrics.coverage(low, low + wide, truth)
    assert share == pytest.approx(sum(a <= t <= a + w for a, w, t in ranges) / len(ranges), abs=0.5 / len(ranges))
    assert metrics.coverage(low - wider, low + wide + wider, truth) >= share
    assert metrics.coverage(truth, truth, truth) == 1
    # the same from behind, with the signs turned
    assert metrics.coverage(-(low + wide), -low, -truth) == share


@given(st.sampled_from([Evidence, Difference]), st.lists(NUMBERS, min_size=3, max_size=8), NUMBERS, st.floats(0, 50))
def test_more_margin_never_helps_a_claim_and_a_mirror_changes_nothing(kind, values, bound, margin):
    piece = kind("", values, above=bound, margin=margin)
    assert kind("", values, above=bound).holds or not piece.holds
    assert piece.clearance == pytest.approx(kind("", values, above=bound).clearance - margin)
    assert piece.holds == (piece.clearance >= 0) or abs(piece.clearance) < 1e-9
    mirrored = kind("", [-value for value in values], below=-bound, margin=margin)
    assert mirrored.clearance == pytest.approx(piece.clearance)
    claim = Claim("", "", [piece], "")
    assert claim.verdict == ("holds here" if piece.holds else "does not hold here")
    assert Claim("", "", [piece, piece], "", controls=[piece]).verdict == (
        "holds with a condition" if piece.holds else "does not hold here"
    )


@given(VALUES)
def test_a_bound_is_cleared_just_so(values):
    assert Evidence("", values, above=min(values), below=max(values)).holds
    assert not Evidence("", [*values, math.nan], above=min(values)).holds
    assert not Evidence("", values, above=math.nextafter(min(values), math.inf)).holds
    assert not Evidence("", values, below=math.nextafter(max(values), -math.inf)).holds


@pytest.mark.parametrize("values", [[math.nan, 1, 1], [math.inf, 1, 1], [math.nan] * 3])
def test_a_difference_with_a_run_that_gave_no_number_does_not_hold(values):
    piece = Difference("", values, above=-1e9)
    assert not piece.holds and all(map(math.isnan, piece.interval))
