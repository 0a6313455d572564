"""Colored MNIST, the group metrics, and LfF: exact counts, independent formulas, and nothing that breaks on zeros."""

import math

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from torch import nn
from torch.nn import functional as F

from course_utils import biased, data, exercises, lff, metrics, models, training
from course_utils.notebooks import NOTEBOOKS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- Colored MNIST -----------------------------------------------------------------------------------------


def table_of(labels, bias):
    return torch.zeros(10, 10, dtype=torch.long).index_put((labels, bias), torch.ones_like(labels), accumulate=True)


def off_diagonal(table):
    return table[~torch.eye(10, dtype=torch.bool)].view(10, 9)


@pytest.fixture(scope="module")
def digits():
    return {split: data.read_mnist(split) for split in ("train", "test")}


@pytest.mark.parametrize("ratio", biased.RATIOS)
def test_every_class_has_its_exact_share_of_conflicting_pictures_dealt_evenly(ratio, digits):
    _, labels = digits["train"]
    table = table_of(labels, biased.biased_colours(labels, ratio, seeded()))
    wanted = [round(ratio * n) for n in labels.bincount().tolist()]
    others = off_diagonal(table)
    assert others.sum(dim=1).tolist() == wanted
    assert (others.amax(dim=1) - others.amin(dim=1)).max() <= 1


def test_at_least_one_conflicts_in_each_class_and_none_at_ratio_0():
    labels = torch.arange(50) % 10
    assert (off_diagonal(table_of(labels, biased.biased_colours(labels, 0.001, seeded()))).sum(dim=1) == 1).all()
    assert torch.equal(biased.biased_colours(labels, 0.0, seeded()), labels)
    assert (biased.biased_colours(labels, 1.0, seeded()) != labels).all()
    assert len(biased.biased_colours(labels[:0], 0.1, seeded())) == 0


def test_which_digits_conflict_is_drawn_and_grows_with_the_ratio():
    labels = torch.arange(2_000) % 10
    few, more, other = (
        biased.biased_colours(labels, ratio, seeded(seed)) != labels for ratio, seed in ((0.05, 0), (0.2, 0), (0.05, 1))
    )
    assert (more | ~few).all()
    assert not torch.equal(few, other)
    assert 25 < few[:1_000].sum() < 75


@pytest.mark.parametrize("seed", [0, 7])
def test_the_splits_share_out_mnist_and_the_bias(seed, digits):
    sets = {split: biased.colored_mnist(split, 0.02, seed) for split in ("validation", "test")}
    train = biased.colored_mnist("train", 0.02, seed)
    assert [len(part[0]) for part in (train, sets["validation"], sets["test"])] == [55_000, 5_000, 10_000]
    assert torch.equal(train[1].bincount() + sets["validation"][1].bincount(), digits["train"][1].bincount())
    for _, labels, bias in (train, sets["validation"]):
        assert (labels != bias).float().mean().item() == pytest.approx(0.02, abs=1e-3)
    table = table_of(*sets["test"][1:])
    assert (table.amax(dim=1) - table.amin(dim=1)).max() <= 1  # colours independent of digits


def test_validation_digits_are_the_same_for_every_seed_and_not_in_training():
    pictures = [biased.colored_mnist("validation", 0.01, seed, std=0)[0].amax(dim=1) > 0 for seed in (0, 1)]
    assert torch.equal(*pictures)
    train = biased.colored_mnist("train", 0.01, n=5_000)[0].amax(dim=1) > 0
    held = {picture.numpy().tobytes() for picture in pictures[0]}
    assert not held & {picture.numpy().tobytes() for picture in train}


def test_all_training_digits_are_there_for_a_last_training(digits):
    images, labels, bias = biased.colored_mnist("train+validation", 0.005)
    assert torch.equal(labels, digits["train"][1])
    assert (labels != bias).sum() == sum(round(0.005 * n) for n in labels.bincount().tolist())
    assert images.shape == (60_000, 3, 28, 28)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1


def test_paint_does_what_lffs_code_does_picture_by_picture():
    grey, labels = data.load_mnist("test", n=20)
    painted = biased.paint(grey, labels, 0.05, seeded(3))
    noise = torch.randn(20, 3, generator=seeded(3))
    for image, picture, label, drawn in zip(grey, painted, labels, noise):
        colour = torch.clamp(biased.PALETTE[label].view(3, 1, 1) + drawn.view(3, 1, 1) * 0.05, 0.0, 1.0)
        assert torch.allclose(picture, colour * image.expand(3, 28, 28))


def test_the_jitter_is_one_draw_a_picture_of_the_given_size():
    grey = torch.ones(3_000, 1, 2, 2)
    painted = biased.paint(grey, torch.full((3_000,), 2), 0.02, seeded())
    assert (painted == painted[:, :, :1, :1]).all()
    assert painted[:, :, 0, 0].std(dim=0).tolist() == pytest.approx([0.02] * 3, rel=0.05)
    assert painted[:, :, 0, 0].mean(dim=0).tolist() == pytest.approx(biased.PALETTE[2].tolist(), abs=0.002)
    assert torch.equal(biased.paint(torch.zeros(1, 1, 2, 2), torch.tensor([4]), 0.1, seeded()), torch.zeros(1, 3, 2, 2))


def test_colour_swaps_change_the_colour_and_nothing_else():
    grey, _ = data.load_mnist("test", n=3)
    swaps = biased.colour_swaps(grey).view(3, 10, 3, 28, 28)
    assert torch.allclose(swaps, biased.PALETTE.view(1, 10, 3, 1, 1) * grey[:, None])


def test_the_seed_is_the_only_source_of_randomness():
    torch.manual_seed(1)
    first = biased.colored_mnist("train", 0.05, seed=3, n=500)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    second, other = (biased.colored_mnist("train", 0.05, seed=seed, n=500) for seed in (3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert not torch.equal(first[0], other[0])


# ---- groups ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers():
    return [torch.randint(10, (3_000,), generator=seeded(seed)) for seed in (0, 1, 2)]


def test_the_group_table_is_pandas_groupby(answers):
    predictions, labels, bias = answers
    accuracy, counts = metrics.group_table(predictions, labels, bias)
    frame = pd.DataFrame({"y": labels, "b": bias, "right": predictions == labels})
    cells = frame.groupby(["y", "b"])["right"]
    assert np.allclose(accuracy, cells.mean().unstack())
    assert np.array_equal(counts, cells.size().unstack())


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_the_group_metrics_are_scikit_learns(answers):
    predictions, labels, bias = answers
    report = metrics.group_report(*metrics.group_table(predictions, labels, bias))
    group = labels * 10 + bias
    assert len(group.unique()) == 100
    assert report["unbiased"] == pytest.approx(balanced_accuracy_score(group, predictions * 10 + bias))
    assert report["plain"] == pytest.approx(accuracy_score(labels, predictions))
    same = labels == bias
    for name, part in (("aligned", same), ("conflicting", ~same)):
        wanted = balanced_accuracy_score(group[part], (predictions * 10 + bias)[part])
        assert report[name] == pytest.approx(wanted)
    each = [accuracy_score(labels[group == g], predictions[group == g]) for g in group.unique()]
    assert report["worst_group"] == pytest.approx(min(each))


def test_an_empty_group_is_nan_and_counts_for_nothing():
    labels, bias = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1])
    accuracy, counts = metrics.group_table(torch.tensor([0, 1, 1]), labels, bias, (2, 2))
    assert math.isnan(accuracy[1, 0])
    assert counts.tolist() == [[1, 1], [0, 1]]
    report = metrics.group_report(accuracy, counts)
    assert report == {"aligned": 1, "conflicting": 0, "unbiased": pytest.approx(2 / 3), "worst_group": 0,
                      "plain": pytest.approx(2 / 3)}  # fmt: skip


def test_without_conflicting_pictures_their_accuracy_is_nan_and_the_rest_stands():
    report = metrics.group_report(*metrics.group_table(torch.arange(10), torch.arange(10), torch.arange(10)))
    assert math.isnan(report["conflicting"])
    assert report["aligned"] == report["unbiased"] == report["worst_group"] == report["plain"] == 1


def test_no_pictures_at_all_give_nan_everywhere():
    none = torch.zeros(0, dtype=torch.long)
    report = metrics.group_report(*metrics.group_table(none, none, none))
    assert all(math.isnan(value) for value in report.values())


def test_reweighting_with_the_groups_own_sizes_is_plain_accuracy(answers):
    accuracy, counts = metrics.group_table(*answers)
    assert metrics.reweighted_accuracy(accuracy, counts) == pytest.approx(accuracy_score(answers[1], answers[0]))
    one = torch.zeros_like(counts)
    one[3, 4] = 7
    assert metrics.reweighted_accuracy(accuracy, one) == pytest.approx(accuracy[3, 4].item())


def test_the_table_may_be_of_any_shape():
    accuracy, counts = metrics.group_table(torch.tensor([2, 0]), torch.tensor([2, 1]), torch.tensor([0, 1]), (3, 2))
    assert accuracy.shape == counts.shape == (3, 2)
    assert metrics.group_report(accuracy, counts)["worst_group"] == 0


def test_measuring_groups_leaves_the_model_as_it_was():
    images, labels, bias = biased.colored_mnist("test", 0.01, n=300)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(2_352, 10))
    first, second = (metrics.group_accuracies(net, images, labels, bias) for _ in range(2))
    assert first == second
    assert net.training
    assert first["plain"] == pytest.approx(metrics.accuracy(net, images, labels))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.group_table(*[torch.tensor([3])] * 3, (3, 4)), "labels must lie in 0…2"),
        (lambda: metrics.group_table(*[torch.tensor([3])] * 3, (4, 3)), "bias must lie in 0…2"),
    ],
)
def test_bad_groups_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- GCE ---------------------------------------------------------------------------------------------------


@pytest.fixture
def logits():
    return 3 * torch.randn(50, 10, generator=seeded())


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
def test_gce_is_its_formula_in_double_precision(q, logits):
    labels = torch.arange(50) % 10
    p = np.exp(logits.double().numpy())
    p = (p / p.sum(axis=1, keepdims=True))[np.arange(50), labels]
    assert np.allclose(lff.gce(logits, labels, q), (1 - p**q) / q, atol=1e-6)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.7, 1.0])
def test_gces_gradient_is_p_to_the_q_times_the_cross_entropys(q, logits):
    labels = torch.arange(50) % 10
    given = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(lff.gce(given, labels, q).sum(), given)
    p = logits.softmax(dim=1)
    weight = p[torch.arange(50), labels] ** q
    assert torch.allclose(gradient, weight[:, None] * (p - F.one_hot(labels, 10)), atol=1e-6)


def test_lffs_code_has_a_gradient_that_is_q_times_as_large(logits):
    labels = torch.arange(50) % 10
    given = logits.clone().requires_grad_()
    p = given.softmax(dim=1).gather(1, labels[:, None]).squeeze(1)
    theirs = (F.cross_entropy(given, labels, reduction="none") * (p.detach() ** 0.7 * 0.7)).sum()
    gradients = [torch.autograd.grad(loss, given)[0] for loss in (theirs, lff.gce(given, labels).sum())]
    assert torch.allclose(gradients[0], 0.7 * gradients[1], atol=1e-6)


def test_gce_runs_from_the_cross_entropy_to_one_minus_p(logits):
    labels = torch.arange(50) % 10
    cross_entropy = F.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(lff.gce(logits, labels, 0), cross_entropy)
    assert torch.allclose(lff.gce(logits, labels, 1e-4), cross_entropy, rtol=1e-2)
    assert torch.allclose(lff.gce(logits, labels, 1), 1 - (-cross_entropy).exp(), atol=1e-6)


def test_gce_is_finite_where_the_network_is_certain():
    certain = torch.tensor([[500.0, 0.0], [0.0, 500.0]], requires_grad=True)
    loss = lff.gce(certain, torch.tensor([0, 0]))
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([0, 1 / 0.7])
    assert certain.grad.isfinite().all()


# ---- LfF ---------------------------------------------------------------------------------------------------


def official_weights(biased_ema, debiased_ema, labels):
    """As alinlab/LfF computes them: each loss over the maximum of its class, then b / (b + d + 1e-8)."""
    b, d = biased_ema.copy(), debiased_ema.copy()
    for c in range(int(labels.max()) + 1):
        rows = np.where(labels == c)[0]
        if len(rows):
            b[rows] /= biased_ema[rows].max()
            d[rows] /= debiased_ema[rows].max()
    return b / (b + d + 1e-8)


def test_the_weights_are_those_of_the_authors_code():
    b, d = (torch.rand(200, generator=seeded(seed)) * 5 for seed in (0, 1))
    labels = torch.randint(4, (200,), generator=seeded(2))
    assert np.allclose(
        lff.relative_difficulty(b, d, labels), official_weights(b.numpy(), d.numpy(), labels.numpy()), atol=1e-6
    )


@pytest.mark.parametrize(
    ("b", "d", "wanted"),
    [
        ([0, 0], [0, 0], [0, 0]),
        ([0, 0], [1, 2], [0, 0]),
        ([1, 2], [0, 0], [1, 1]),
        ([0, 2], [0, 2], [0, 0.5]),
        ([1e-30, 2e-30], [1.0, 2.0], [0.5, 0.5]),
    ],
)
def test_zeros_never_become_nan(b, d, wanted):
    weights = lff.relative_difficulty(torch.tensor(b).float(), torch.tensor(d).float(), torch.tensor([3, 3]))
    assert weights.tolist() == pytest.approx(wanted)


def test_the_moving_average_is_a_loop():
    losses = torch.rand(6, 5, generator=seeded())
    average, by_hand = torch.full((8,), math.nan), {}
    for step, loss in enumerate(losses):
        index = torch.randperm(8, generator=seeded(step))[:5]
        before = average.clone()
        new = lff.moving_average(average, index, loss, alpha=0.7)
        assert torch.equal(average.nan_to_num(-1), before.nan_to_num(-1))
        average = new
        for i, value in zip(index.tolist(), loss.tolist()):
            by_hand[i] = 0.7 * by_hand[i] + 0.3 * value if i in by_hand else value
    assert [average[i].item() for i in by_hand] == pytest.approx(list(by_hand.values()))


def as_the_authors_train(biased_net, debiased_net, images, labels, order, q=0.7, alpha=0.7):
    """LfF with two optimizers and tables that are changed in place, as in the authors' code (GCE without its extra
    factor q)."""
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-3) for net in (biased_net, debiased_net)]
    tables, seen = np.zeros((2, len(labels)), dtype=np.float32), np.zeros(len(labels), dtype=bool)
    for index in order:
        x, y = images[index], labels[index]
        logits = [net(x) for net in (biased_net, debiased_net)]
        each = [F.cross_entropy(z, y, reduction="none") for z in logits]
        rows = index.numpy()
        for table, loss in zip(tables, each):
            new = loss.detach().numpy()
            table[rows] = np.where(seen[rows], alpha * table[rows] + (1 - alpha) * new, new)
        seen[rows] = True
        weight = torch.from_numpy(official_weights(*tables, labels.numpy())[rows])
        p = logits[0].softmax(dim=1).gather(1, y[:, None]).squeeze(1)
        loss = (each[0] * p.detach() ** q).mean() + (each[1] * weight).mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()


def test_lff_through_fit_is_the_authors_training_with_two_optimizers():
    images, labels, _ = biased.colored_mnist("train", 0.05, n=300)
    nets = [models.mlp(inputs=2_352, hidden=(20,), seed=seed) for seed in (0, 1, 0, 1)]
    pair = lff.Pair(nets[0], nets[1])
    recipe = {"epochs": 3, "lr": 1e-3, "batch_size": 50, "schedule": training.constant, "show": False}
    training.fit(pair, images, labels, loss=lff.LfF(), seed=5, **recipe)
    source = seeded(5)
    order = [index for _ in range(3) for index in torch.randperm(300, generator=source).split(50)]
    as_the_authors_train(nets[2], nets[3], images, labels, order)
    for ours, theirs in zip(nets[:2], nets[2:]):
        for a, b in zip(ours.cpu().parameters(), theirs.parameters()):
            assert torch.allclose(a, b, atol=2e-4)


def test_lff_survives_networks_that_are_already_perfect():
    """All losses exactly 0: the weights are 0, the loss is a number, and the training goes on."""
    images, labels = torch.eye(4)[torch.arange(40) % 4].view(40, 1, 2, 2), torch.arange(40) % 4
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4, bias=False))
    net[1].weight.data = 1_000 * torch.eye(4)
    pair = lff.Pair(net, models.frozen_copy(net).requires_grad_(True))
    history = training.fit(pair, images, labels, loss=lff.LfF(), epochs=2, show=False)
    assert history.rows[-1]["train_loss"] == 0
    assert metrics.accuracy(pair, images, labels) == 1


def test_a_pair_answers_with_its_debiased_network():
    pair = lff.Pair(models.mlp(seed=0), models.mlp(seed=1))
    images = torch.rand(3, 1, 28, 28, generator=seeded())
    assert torch.equal(metrics.outputs(pair, images), metrics.outputs(models.mlp(seed=1), images))


def trained(loss, model=None):
    model = model or lff.Pair(models.mlp(inputs=4), models.mlp(inputs=4, seed=1))
    training.fit(model, torch.rand(10, 1, 2, 2, generator=seeded()), torch.arange(10), loss=loss, epochs=2, show=False)
    return model


def test_the_notebooks_lff_is_the_packages():
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOKS / "05_bias.ipynb", as_version=4).cells}
    names = {}
    exec(cells["setup"].source, names)
    names |= {"gce": lff.gce, "difficulty_check": exercises.check(lff.relative_difficulty)}
    exec(cells["lff"].source, names)
    ours, theirs = trained(names["LfF"]()), trained(lff.LfF())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters()))


def test_lff_asks_for_a_pair_and_for_the_training_set():
    with pytest.raises(ValueError, match="model must be a Pair of networks, got Sequential"):
        trained(lff.LfF(), models.mlp(inputs=4))
    batch = training.Batch(torch.rand(2, 4), torch.tensor([0, 1]), torch.arange(2), seeded())
    with pytest.raises(ValueError, match="batch must hold the training set .* got None"):
        lff.LfF()(lff.Pair(models.mlp(inputs=4), models.mlp(inputs=4)), batch)


def test_an_lff_of_another_training_is_refused_and_one_of_the_same_goes_on():
    loss, more = lff.LfF(), torch.rand(12, 1, 2, 2, generator=seeded(1))
    pair = trained(loss)
    trained(loss, pair)
    for labels in (torch.arange(12) % 10, torch.arange(10).flip(0)):
        with pytest.raises(ValueError, match="make a new LfF for each training"):
            training.fit(pair, more[: len(labels)], labels, loss=loss, epochs=1, show=False)
