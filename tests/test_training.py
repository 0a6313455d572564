"""The one loop: it learns, follows its seed, restores what it borrowed, and loses nothing."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import data, metrics, models, progress, training

POINTS, MOON = data.two_moons(200, noise=0.1, seed=0)


def small(seed=0, dropout=0.0):
    return nn.Sequential(*models.mlp(2, (32,), 2, seed=seed), nn.Dropout(dropout))


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def quick(model, **options):
    return training.fit(model, POINTS, MOON, **{"epochs": 5, "lr": 0.01, "batch_size": 32, "show": False} | options)


def test_it_learns():
    model = small()
    history = quick(model, epochs=60, lr=0.02)
    assert metrics.accuracy(model, POINTS, MOON) > 0.97
    assert history.rows[-1]["train_loss"] < history.rows[0]["train_loss"] / 3


def test_one_seed_gives_one_result_dropout_included():
    runs = []
    for seed in (1, 1, 2):
        model = small(dropout=0.3)
        quick(model, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    quick(small(dropout=0.3))
    assert torch.equal(torch.get_rng_state(), before)


def test_it_agrees_with_a_loop_written_by_hand():
    """The same batches, Adam and learning rates, in plain PyTorch."""
    mine, plain = small(), small()
    quick(mine, epochs=3, seed=7)
    generator = torch.Generator().manual_seed(7)
    optimizer, step, steps = torch.optim.Adam(plain.parameters()), 0, 3 * 7
    for _ in range(3):
        for index in torch.randperm(200, generator=generator).split(32):
            rate = min((step + 1) / 2, (steps - step) / (steps - 2))
            optimizer.param_groups[0]["lr"] = 0.01 * rate
            optimizer.zero_grad()
            F.cross_entropy(plain(POINTS[index]), MOON[index]).backward()
            optimizer.step()
            step += 1
    assert torch.allclose(weights(mine), weights(plain), atol=1e-5)


def test_each_epoch_sees_every_example_once_in_a_new_order():
    seen = []

    def loss(model, batch):
        assert torch.equal(batch.images, POINTS[batch.index])
        assert torch.equal(batch.labels, MOON[batch.index])
        seen.extend(batch.index.tolist())
        return training.erm(model, batch)

    quick(small(), epochs=2, loss=loss)
    assert sorted(seen[:200]) == sorted(seen[200:]) == list(range(200))
    assert seen[:200] != seen[200:]


def test_a_method_is_a_function_from_a_batch_to_a_loss():
    """A method of one's own, drawing at random from the batch's generator: the same seed, the same result."""

    def noisy(model, batch):
        noise = torch.randn(batch.images.shape, generator=batch.generator)
        return F.cross_entropy(model(batch.images + 0.1 * noise), batch.labels)

    first, second = small(), small()
    quick(first, loss=noisy)
    quick(second, loss=noisy)
    assert torch.equal(weights(first), weights(second))


def test_the_loss_runs_in_train_mode_and_every_layers_mode_comes_back():
    model = small(dropout=0.5)
    model.eval()
    modes = []
    quick(model, epochs=2, loss=lambda m, b: modes.append(m.training) or training.erm(m, b), validation=(POINTS, MOON))
    assert all(modes)
    assert not any(layer.training for layer in model.modules())


def test_the_history_has_a_row_an_epoch():
    history = quick(small(), validation=(POINTS, MOON), callback=lambda epoch, model: {"twice": 2 * epoch})
    frame = history.frame()
    assert frame["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert frame["twice"].tolist() == [2, 4, 6, 8, 10]
    assert frame["validation_accuracy"].between(0, 1).all()
    assert {"train_loss", "validation_loss", "seconds"} <= set(frame.columns)


def test_the_average_loss_weighs_a_small_last_batch_by_its_size():
    history = quick(small(), epochs=1, batch_size=150, loss=lambda m, b: 0 * m(b.images).sum() + len(b.labels))
    assert history.rows[0]["train_loss"] == pytest.approx((150 * 150 + 50 * 50) / 200)


def test_the_history_draws_itself():
    figure = quick(small(), validation=(POINTS, MOON)).plot("Both losses fall")
    assert len(figure.axes[0].lines) >= 2
    assert figure.axes[0].get_ylabel() == "cross-entropy"


@pytest.fixture
def cell(monkeypatch):
    """As if in a notebook's cell, but for the kernel: there are no bars on a page."""
    shell = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
    monkeypatch.setattr(progress, "get_ipython", lambda: shell)
    yield
    progress._end_of_cell(SimpleNamespace(error_in_exec=None))


def test_a_training_that_is_stopped_in_a_cell_returns_what_it_has(cell, capsys):
    def stop(epoch, model):
        if epoch == 3:
            raise KeyboardInterrupt

    model = small()
    model.eval()
    history = quick(model, callback=stop, show=True)
    assert history.frame()["epoch"].tolist() == [1, 2]
    assert not model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert "You stopped the training: 2 of 5 epochs are finished" in capsys.readouterr().out
    with pytest.raises(progress.Stopped, match="Stopped before this began"):  # the next of a loop of trainings
        quick(small(), show=True)
    with pytest.raises(progress.Stopped, match="Run it again"):
        training.side_by_side(lambda k: k, range(3))


def test_an_interrupt_in_the_first_epoch_gives_an_empty_history(cell):
    def stop(model, batch):
        raise KeyboardInterrupt

    history = quick(small(), loss=stop, show=True)
    assert len(history.frame()) == 0
    with pytest.raises(ValueError, match="rows must hold a finished epoch"):
        history.plot("Nothing")


def test_a_script_ends_when_it_is_interrupted():
    def stop(model, batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(small(), loss=stop, show=True)


def test_an_interrupt_stops_a_loop_over_many_hidden_trainings_too():
    def stop(model, batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(small(), loss=stop)


def test_a_callback_that_forgets_the_mode_does_no_harm():
    modes = []
    quick(
        small(),
        loss=lambda m, b: modes.append(m.training) or training.erm(m, b),
        callback=lambda epoch, model: model.eval() and None,
    )
    assert all(modes)


def test_the_bar_shows_loss_and_validation_accuracy(capsys, monkeypatch):
    monkeypatch.setattr(progress, "REDRAWN", 0)
    history = quick(small(), validation=(POINTS, MOON), show=True)
    shown, row = capsys.readouterr().err, history.rows[0]
    assert "epoch 1 of 5" in shown and "epoch 5 of 5" in shown
    accuracy = f"validation accuracy {100 * row['validation_accuracy']:.1f} %"
    assert f"loss {row['train_loss']:.3f}, {accuracy}" in shown


def test_it_trains_on_the_cpu_unless_asked(monkeypatch):
    monkeypatch.delenv(models.DEVICE, raising=False)
    assert models.chosen_device() == torch.device("cpu")
    monkeypatch.setenv(models.DEVICE, "meta")  # the one other device that every machine has; it holds no numbers
    model = small()
    with pytest.raises((NotImplementedError, RuntimeError)):
        quick(model)
    assert next(model.parameters()).device.type == "meta"


@pytest.mark.parametrize("name", ["gpu", "cuda:77", "CPU!"])
def test_a_device_that_is_not_there_is_named(name, monkeypatch):
    monkeypatch.setenv(models.DEVICE, name)
    with pytest.raises(ValueError, match=rf"COURSE_DEVICE must name a device of this machine .*, got '{name}'"):
        models.chosen_device()


def test_a_loss_that_is_no_number_stops_and_says_where():
    calls = []

    def explode(model, batch):
        calls.append(1)
        return training.erm(model, batch) * (float("nan") if len(calls) == 10 else 1)

    with pytest.raises(FloatingPointError, match=r"the loss is nan at step 10 of 35.*lr is too high.*0\.01"):
        quick(small(), loss=explode)


def test_images_that_hold_nan_are_named_at_the_first_step():
    with pytest.raises(ValueError, match="images must be finite, got 256 that are NaN or infinite"):
        training.fit(small(), POINTS * float("nan"), MOON, show=False)


def test_the_learning_rate_rises_and_falls_to_zero():
    rates = [training.one_cycle(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1
    assert rates.index(1) in (9, 10)
    assert rates[-1] < 0.02
    assert all(0 < rate <= 1 for rate in rates)
    assert training.one_cycle(0, 1) == 1


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode, lambda: torch.set_grad_enabled(False)])
def test_without_gradients_it_says_why_it_cannot_train(off):
    with off(), pytest.raises(ValueError, match=r"got torch.is_grad_enabled\(\) = False: is this inside"):
        quick(small())


def test_a_frozen_network_is_named_and_a_frozen_layer_stays():
    with pytest.raises(ValueError, match="model must have parameters to train, got 4 that are all frozen"):
        quick(models.frozen_copy(small()))
    model = small()
    model[1].requires_grad_(False)
    before = model[1].weight.clone()
    quick(model)
    assert torch.equal(model[1].weight, before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": models.mlp}, r"got the function mlp: its \(\) forgotten"),
        ({"images": (255 * POINTS).byte()}, r"images must be float32 \[N, …\], got uint8 \[200, 2\]"),
        ({"labels": MOON[:, None]}, r"labels must be int64 \[N\] with N = 200, got int64 \[200, 1\]"),
        ({"validation": (MOON, POINTS)}, "validation images must be float32"),
        ({"loss": training.History}, r"got the class History: its \(\) forgotten"),
        ({"loss": lambda m, b: F.cross_entropy(m(b.images), b.labels, reduction="none")}, r"got float32 \[128\]"),
        ({"loss": lambda m, b: training.erm(m, b).detach()}, r"got float32 \[\], on no graph"),
        ({"schedule": lambda step, steps: math.nan if step == 3 else 1}, "got nan for step 3 of 20"),
        ({"callback": lambda epoch, model: 0.5}, "callback must return a dict, or None, got 0.5"),
    ],
)
def test_what_is_wrong_is_said_as_one_says_it(change, says):
    with pytest.raises(ValueError, match=says):
        training.fit(**{"model": small(), "images": POINTS, "labels": MOON, "show": False} | change)


def test_it_warns_of_nothing_by_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(small(), validation=(POINTS, MOON))


def test_the_learning_rate_follows_the_schedule_that_is_asked_for(monkeypatch):
    rates = []
    real = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self, *a, **k: rates.append(self.param_groups[0]["lr"]) or real(self, *a, **k)
    )
    quick(small(), epochs=2, lr=0.01, schedule=training.constant)
    assert rates == [0.01] * 14
    rates.clear()
    quick(small(), epochs=5, lr=0.01, schedule=training.late_decay)
    assert rates[:28] == [0.01] * 28
    assert rates[28:] == pytest.approx([0.01 * (7 - step) / 7 for step in range(7)])
    rates.clear()
    quick(small(), epochs=2, lr=0.01)
    assert rates == [0.01 * training.one_cycle(step, 14) for step in range(14)]


# ---- many at once ------------------------------------------------------------------------------------------


def crowd(count, dropout=0.0):
    return [models.mlp(2, (32,), 2, seed=seed, dropout=dropout) for seed in range(count)]


def rows_of(count, n=60):
    return torch.stack([torch.randperm(200, generator=torch.Generator().manual_seed(i))[:n] for i in range(count)])


def many(nets, rows=None, labels=None, **options):
    rows = rows_of(len(nets)) if rows is None else rows
    labels = MOON[rows] if labels is None else labels
    return training.fit_many(nets, POINTS, labels, rows, **{"epochs": 4, "lr": 0.02, "batch_size": 25} | options)


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.05}, {"schedule": training.constant, "epochs": 3}])
def test_each_of_many_ends_up_as_it_would_alone(options):
    """25 networks are two groups; 60 examples in batches of 25 leave an uneven last batch."""
    nets, rows = crowd(25), rows_of(25)
    many(nets, rows, seed=5, **options)
    for m in (0, 1, 19, 20, 24):
        alone = crowd(25)[m]
        options_ = {"epochs": 4, "lr": 0.02, "batch_size": 25, "show": False} | options
        training.fit(alone, POINTS[rows[m]], MOON[rows[m]], seed=5 + m, **options_)
        assert torch.allclose(weights(alone), weights(nets[m]), atol=1e-5)


def test_a_frozen_layer_of_many_stays_as_it_is():
    nets = crowd(2)
    for net in nets:
        net[1].requires_grad_(False)
    before = [(net[1].weight.clone(), net[3].weight.clone()) for net in nets]
    many(nets)
    for net, (frozen, free) in zip(nets, before):
        assert torch.equal(net[1].weight, frozen)
        assert not torch.equal(net[3].weight, free)


def test_many_learn_what_they_are_told_and_the_record_says_so():
    nets, rows = crowd(3), rows_of(3)
    told = MOON[rows].clone()
    told[1] = 1 - told[1]  # the second is told the opposite
    record = many(nets, rows, told, epochs=60, watch=POINTS)
    assert record.seen.shape == (60, 3, 60)
    assert record.watched.shape == (60, 3, 200)
    assert ((record.seen[-1] == told).float().mean(dim=1) > 0.9).all()
    right = (record.watched[-1] == MOON).float().mean(dim=1)
    assert right[0] > 0.9
    assert right[1] < 0.1
    for net, answers in zip(nets, record.watched[-1]):
        assert torch.equal(metrics.answers(net, POINTS), answers.long())


def test_what_is_seen_was_answered_before_the_step():
    """In the first batch of the first epoch nothing has been learned yet."""
    nets = crowd(2)
    rows = torch.arange(100).expand(2, -1)
    before = [metrics.answers(net, POINTS[:100]) for net in nets]
    record = many(nets, rows, epochs=1, batch_size=100, lr=1.0)
    assert torch.equal(record.seen[0].long(), torch.stack(before))


def test_many_with_one_seed_give_one_result_dropout_included_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    runs = []
    for seed in (1, 1, 2):
        nets = crowd(3, dropout=0.3)
        many(nets, seed=seed)
        runs.append(torch.stack([weights(net) for net in nets]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_silences_other_units_in_each_network():
    """Twins on the same examples in the same order differ only by their dropout."""
    twins = [models.mlp(2, (16,), 2, seed=0, dropout=0.5) for _ in range(2)]
    rows = torch.zeros(2, 1, dtype=torch.int64)  # one example: no other order is possible
    many(twins, rows, epochs=5)
    assert not torch.equal(weights(twins[0]), weights(twins[1]))


def test_more_networks_than_fit_one_group_are_all_trained_and_recorded(monkeypatch):
    monkeypatch.setattr(training.many, "TOGETHER", 2)
    nets, rows = crowd(5, dropout=0.1), rows_of(5)
    record = many(nets, rows, epochs=60, watch=POINTS)
    assert record.seen.shape == (60, 5, 60)
    assert ((record.seen[-1] == MOON[rows]).float().mean(dim=1) > 0.85).all()
    for net, answers in zip(nets, record.watched[-1]):
        assert torch.equal(metrics.answers(net, POINTS), answers.long())


def test_many_leave_mode_and_gradients_as_they_were():
    nets = crowd(2, dropout=0.3)
    nets[1].eval()
    many(nets)
    assert nets[0].training
    assert not nets[1].training
    assert all(p.grad is None and p.requires_grad for net in nets for p in net.parameters())


def test_an_interrupt_of_many_is_passed_on(monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.many, "train_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        many(crowd(2))


def test_a_loss_of_many_that_is_no_number_stops_at_its_step():
    with pytest.raises(FloatingPointError, match="the loss is (nan|inf) at step . of 5"):
        training.fit_many(crowd(2), POINTS * 1e38, MOON[rows_of(2)], rows_of(2), epochs=5)


def test_a_table_by_epoch_has_a_row_for_each_epoch_and_network():
    with pytest.raises(ValueError, match=r"wrong must be .* got float32 \[3, 2\]"):
        training.by_epoch(test=torch.zeros(2, 3), wrong=torch.zeros(3, 2))
    table = training.by_epoch(test=torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), wrong_labels=torch.zeros(3, 2))
    assert list(table) == ["epoch", "network", "test", "wrong labels"]
    assert table[table["epoch"] == 2]["test"].tolist() == pytest.approx([0.3, 0.4])
    assert table[table["network"] == 1]["test"].tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_a_batch_carries_the_training_set():
    """A method that needs more than its batch (SelecMix's partners, LfF's memory) takes it from there."""
    images, labels = torch.rand(30, 1, 2, 2), torch.arange(30) % 3
    seen = []

    def loss(model, batch):
        seen.append(batch)
        return training.erm(model, batch)

    training.fit(models.mlp(inputs=4, classes=3), images, labels, loss=loss, epochs=1, batch_size=8, show=False)
    for batch in seen:
        assert torch.equal(batch.data[0][batch.index], batch.images)
        assert torch.equal(batch.data[1][batch.index], batch.labels)
    assert {len(batch.data[1]) for batch in seen} == {30}


# ---- What a student does at midnight -------------------------------------------------------------------------


def test_an_optimizer_of_another_model_is_refused():
    """The cell that makes the model has been run again, and the one that makes the optimizer has not."""
    optimizer = torch.optim.Adam(small().parameters())
    stream = training.batches(POINTS, MOON, 32, torch.Generator())
    with pytest.raises(ValueError, match="optimizer must hold parameters of the model"):
        training.train_epoch(small(), training.erm, stream, optimizer)


def test_images_that_hang_on_a_graph_are_taken_as_they_are():
    graph = POINTS.clone().requires_grad_()
    one, other, plain = small(), small(), small()
    quick(one, epochs=1)
    training.fit(other, 1 * graph, MOON, epochs=1, lr=0.01, batch_size=32, show=False)
    training.fit_many([plain], 1 * graph, MOON[None], torch.arange(200)[None], epochs=1, lr=0.01, batch_size=32)
    assert graph.grad is None
    assert torch.equal(weights(one), weights(other))
    assert torch.allclose(weights(one), weights(plain), atol=1e-6)


def test_wrong_validation_labels_are_found_before_the_first_step():
    net = small()
    before = weights(net)
    with pytest.raises(ValueError, match=r"validation labels must lie in 0…1, got values from 4 to 5"):
        quick(net, validation=(POINTS, MOON + 4))
    assert torch.equal(weights(net), before)


def test_labels_of_many_that_are_no_class_of_theirs_are_named():
    with pytest.raises(ValueError, match=r"labels must lie in 0…1, got values from 4 to 5"):
        training.fit_many([small()], POINTS, MOON[None] + 4, torch.arange(200)[None], epochs=1)


def test_a_seed_and_a_size_may_come_from_an_array():
    wanted = small()
    quick(wanted, seed=2, batch_size=16, epochs=2)
    for number in (np.int64, torch.tensor):
        found = small(seed=number(0))
        quick(found, seed=number(2), batch_size=np.int64(16), epochs=np.int64(2))
        assert torch.equal(weights(found), weights(wanted))
        assert torch.equal(data.two_moons(9, 0.1, seed=number(3))[0], data.two_moons(9, 0.1, seed=3)[0])
    assert torch.equal(data.subsets(list(np.arange(3)), 2, 5), data.subsets([0, 1, 2], 2, 5))
