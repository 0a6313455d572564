"""What holds of the loop, its schedules, stacked networks and LfF's parts, whatever they are given."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_utils import lff, models, training

SCHEDULES = [training.one_cycle, training.constant, training.late_decay]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@st.composite
def problems(draw):
    """Images, labels and how to train on them; one example, one class and a batch for all included."""
    n, classes, seed = draw(st.integers(1, 12)), draw(st.integers(1, 4)), draw(st.integers(0, 1_000))
    shape = draw(st.sampled_from([(2,), (3,), (1, 2, 2)]))
    images = torch.rand(n, *shape, generator=seeded(seed))
    labels = torch.randint(classes, (n,), generator=seeded(seed + 1))
    recipe = {
        "epochs": draw(st.integers(1, 3)), "batch_size": draw(st.integers(1, 14)), "seed": seed, "lr": 0.01,
        "schedule": draw(st.sampled_from(SCHEDULES)),
    }  # fmt: skip
    return images, labels, recipe


def network(images, labels, seed=0):
    return models.mlp(images[0].numel(), (4,), int(labels.max()) + 1, seed=seed)


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1_000))
def test_batches_hold_each_example_once_and_the_last_may_be_smaller(n, size, seed):
    images, labels = torch.arange(2.0 * n).view(n, 2), torch.arange(n)
    found = list(training.batches(images, labels, size, seeded(seed)))
    assert torch.cat([batch.index for batch in found]).sort().values.tolist() == list(range(n))
    assert [len(batch.labels) for batch in found[:-1]] == [size] * ((n - 1) // size)
    assert 1 <= len(found[-1].labels) <= size
    for batch in found:
        assert torch.equal(batch.images, images[batch.index]) and torch.equal(batch.labels, labels[batch.index])
        assert batch.training_set()[0] is images


@given(problems())
def test_the_seed_alone_decides_about_the_order(problem):
    images, labels, recipe = problem
    orders = []
    for model, loss in ((network(images, labels), training.erm), (network(images, labels, 1), lambda m, b: erm2(m, b))):
        seen = []

        def noting(model, batch, loss=loss, seen=seen):
            seen.append(batch.index)
            return loss(model, batch)

        training.fit(model, images, labels, loss=noting, show=False, **recipe)
        orders.append(torch.cat(seen))
    assert torch.equal(*orders)


def erm2(model, batch):
    return 2 * training.erm(model, batch)


@given(problems())
def test_a_training_leaves_its_arguments_alone_and_can_be_had_again(problem):
    images, labels, recipe = problem
    before = images.clone(), labels.clone()
    nets = [network(images, labels) for _ in range(3)]
    history = training.fit(nets[0], images, labels, validation=(images, labels), show=False, **recipe)
    training.fit(nets[1], images, labels, show=False, **recipe)  # measured or not
    strewn = torch.stack([images, images], dim=-1)[..., 1], torch.stack([labels, labels], dim=1)[:, 0]
    training.fit(nets[2], *strewn, show=False, **recipe)  # however it lies in memory
    assert torch.equal(weights(nets[0]), weights(nets[1])) and torch.equal(weights(nets[0]), weights(nets[2]))
    assert torch.equal(images, before[0]) and torch.equal(labels, before[1])
    frame = history.frame()
    assert frame["epoch"].tolist() == list(range(1, recipe["epochs"] + 1))
    assert list(frame) == ["epoch", "train_loss", "seconds", "validation_loss", "validation_accuracy"]
    assert (frame[["train_loss", "seconds", "validation_loss"]] >= 0).all(axis=None)
    assert frame["validation_accuracy"].between(0, 1).all()


@given(problems())
def test_the_first_train_loss_is_the_risk_where_one_batch_holds_all(problem):
    images, labels, recipe = problem
    net = network(images, labels)
    risk = F.cross_entropy(net(images), labels).item()
    history = training.fit(net, images, labels, show=False, **recipe | {"epochs": 1, "batch_size": len(labels)})
    assert history.rows[0]["train_loss"] == pytest.approx(risk, abs=1e-5)


@given(problems(), st.integers(1, 4))
def test_many_end_up_as_each_would_alone(problem, count):
    images, labels, recipe = problem
    n = len(labels)
    rows = torch.stack([torch.randint(n, (n,), generator=seeded(m)) for m in range(count)])  # repeated ones included
    nets = [network(images, labels, m) for m in range(count)]
    record = training.fit_many(nets, images, labels[rows], rows, watch=images, **recipe)
    assert record.seen.shape == (recipe["epochs"], count, n) and record.watched.shape == record.seen.shape
    for m, net in enumerate(nets):
        alone = network(images, labels, m)
        own = recipe | {"seed": recipe["seed"] + m}
        training.fit(alone, images[rows[m]], labels[rows[m]], show=False, **own)
        assert torch.allclose(weights(net), weights(alone), atol=1e-5)


@given(st.sampled_from(SCHEDULES), st.integers(1, 2_000))
def test_a_schedule_is_a_share_above_0_and_reaches_the_top(schedule, steps):
    shares = [schedule(step, steps) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    assert max(shares) == pytest.approx(1, abs=1 / max(1, steps // 10))
    falling = shares[shares.index(max(shares)) :]
    assert falling == sorted(falling, reverse=True)


@given(problems(), st.sampled_from(SCHEDULES))
def test_the_rates_are_those_of_pytorchs_own_scheduler(problem, schedule):
    images, labels, recipe = problem
    net, plain, recipe = network(images, labels), network(images, labels), recipe | {"schedule": schedule}
    training.fit(net, images, labels, show=False, **recipe)
    generator, epochs, size = seeded(recipe["seed"]), recipe["epochs"], recipe["batch_size"]
    steps = epochs * math.ceil(len(labels) / size)
    optimizer = torch.optim.Adam(plain.parameters(), lr=recipe["lr"], fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule(min(step, steps - 1), steps))
    for _ in range(epochs):
        for batch in training.batches(images, labels, size, generator):
            optimizer.zero_grad()
            training.erm(plain, batch).backward()
            optimizer.step()
            rates.step()
    assert torch.equal(weights(net), weights(plain))


@given(st.lists(st.integers(), max_size=12))
def test_results_come_in_the_order_of_the_items(items):
    assert training.side_by_side(lambda item: 2 * item, items) == [2 * item for item in items]


@given(st.integers(1, 5), st.integers(1, 4))
def test_a_table_by_epoch_holds_each_number_once(epochs, networks):
    values = torch.arange(epochs * networks).view(epochs, networks)
    table = training.by_epoch(value=values, twice_it=2 * values)
    assert list(table) == ["epoch", "network", "value", "twice it"]
    for epoch, network, value, twice in table.itertuples(index=False):
        assert value == values[epoch - 1, network] and twice == 2 * value


# ---- LfF ------------------------------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(1, 12), st.integers(1, 6), st.integers(0, 1_000), st.sampled_from([1e-3, 1.0, 30.0]))


@given(SIZES, st.just(0.0) | st.floats(1e-20, 1))
def test_gce_lies_between_0_and_its_bound_and_below_the_cross_entropy(sizes, q):
    n, classes, seed, scale = sizes
    logits = scale * torch.randn(n, classes, generator=seeded(seed), dtype=torch.float64)
    labels = torch.randint(classes, (n,), generator=seeded(seed + 1))
    loss, entropy = lff.gce(logits, labels, q), F.cross_entropy(logits, labels, reduction="none")
    assert loss.dtype == torch.float64 and (loss >= 0).all()
    assert (loss <= entropy + 1e-9).all()
    if q:
        assert (loss <= 1 / q).all()
    assert torch.allclose(loss, lff.gce(logits.float(), labels, q).double(), rtol=1e-4, atol=1e-5)
    assert torch.equal(lff.gce(logits, labels, 0), entropy)
    assert torch.allclose(lff.gce(logits, labels, 1), 1 - (-entropy).exp())
    tiny = lff.gce(logits, labels, 1e-9)
    assert torch.allclose(tiny, entropy, atol=1e-5)  # the limit of small q


@given(SIZES, st.integers(0, 1_000))
def test_relative_difficulty_lies_between_0_and_1_whatever_the_order_the_class_names_and_the_scale(sizes, salt):
    n, classes, seed, scale = sizes
    b, d = scale * torch.rand(2, n, generator=seeded(seed))
    labels = torch.randint(classes, (n,), generator=seeded(seed + 1))
    before = b.clone(), d.clone()
    found = lff.relative_difficulty(b, d, labels)
    assert torch.equal(b, before[0]) and torch.equal(d, before[1])
    assert ((found >= 0) & (found <= 1)).all()
    order = torch.randperm(n, generator=seeded(salt))
    assert torch.equal(lff.relative_difficulty(b[order], d[order], labels[order]), found[order])
    assert torch.equal(lff.relative_difficulty(b, d, 7 * labels + 3), found)
    assert torch.allclose(lff.relative_difficulty(5 * b, d / 3, labels), found, atol=1e-5)
    assert torch.allclose(lff.relative_difficulty(d, b, labels), 1 - found, atol=1e-5)  # the two, exchanged
    assert lff.relative_difficulty(b.double(), d.double(), labels).dtype == torch.float64


@given(SIZES, st.floats(0, 0.99))
def test_the_moving_average_of_one_loss_is_that_loss_and_of_others_lies_between(sizes, alpha):
    n, most, seed, _ = sizes
    index = torch.randperm(n, generator=seeded(seed))[: min(n, most)]
    loss, unseen = torch.rand(len(index), generator=seeded(seed + 1)), torch.full((n,), math.nan)
    first = lff.moving_average(unseen, index, loss, alpha)
    assert unseen.isnan().all() and torch.equal(first[index], loss)
    assert first.isnan().sum() == n - len(index)
    again = lff.moving_average(first, index, loss, alpha)
    assert torch.allclose(again[index], loss)
    other = lff.moving_average(first, index, loss + 1, alpha)[index]
    assert torch.allclose(other, loss + (1 - alpha), atol=1e-6)


@given(problems())
def test_lffs_weights_lie_between_0_and_1_for_every_example(problem):
    images, labels, recipe = problem
    pair, loss = lff.Pair(network(images, labels), network(images, labels, 1)), lff.LfF()
    assert isinstance(pair(images), torch.Tensor) and isinstance(pair, nn.Module)
    training.fit(pair, images, labels, loss=loss, show=False, **recipe)
    found = loss.weights()
    assert found.shape == labels.shape and ((found >= 0) & (found <= 1)).all()
