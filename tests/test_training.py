"""The one loop: it learns, follows its seed, restores what it borrowed, and loses nothing."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import data, metrics, models, training

POINTS, MOON = data.two_moons(200, noise=0.1, seed=0)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """These tests compare numbers to the last digits, so they run in one place."""
    monkeypatch.setattr(training, "best_device", lambda: torch.device("cpu"))


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


def test_an_interrupted_training_returns_what_it_has():
    def stop(epoch, model):
        if epoch == 3:
            raise KeyboardInterrupt

    model = small()
    model.eval()
    with pytest.warns(UserWarning, match="2 of 5 epochs are finished"):
        history = quick(model, callback=stop, show=True)
    assert history.frame()["epoch"].tolist() == [1, 2]
    assert not model.training


def test_an_interrupt_in_the_first_epoch_gives_an_empty_history():
    def stop(model, batch):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="0 of 5 epochs"):
        history = quick(small(), loss=stop, show=True)
    assert len(history.frame()) == 0
    with pytest.raises(ValueError, match="no epoch was finished"):
        history.plot("Nothing")


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


def test_the_bar_shows_loss_and_validation_accuracy(capsys):
    quick(small(), validation=(POINTS, MOON), show=True)
    bar = capsys.readouterr().err
    assert "train_loss=" in bar
    assert "validation_accuracy=" in bar


def test_it_trains_on_the_best_device_there_is(monkeypatch):
    monkeypatch.undo()
    model = small()
    quick(model, validation=(POINTS, MOON))
    assert next(model.parameters()).device.type == models.best_device().type


def test_a_loss_that_is_no_number_stops_and_says_where():
    calls = []

    def explode(model, batch):
        calls.append(1)
        return training.erm(model, batch) * (float("nan") if len(calls) == 10 else 1)

    with pytest.raises(FloatingPointError, match=r"the loss is nan at step 10 of 35.*lr is too high.*0\.01"):
        quick(small(), loss=explode)


def test_images_that_hold_nan_stop_at_the_first_step():
    with pytest.raises(FloatingPointError, match="at step 1 of"):
        training.fit(small(), POINTS * float("nan"), MOON, show=False)


def test_the_learning_rate_rises_and_falls_to_zero():
    rates = [training.one_cycle(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1
    assert rates.index(1) in (9, 10)
    assert rates[-1] < 0.02
    assert all(0 < rate <= 1 for rate in rates)
    assert training.one_cycle(0, 1) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": POINTS.long()}, "images must be a float32 tensor .* got torch.int64"),
        ({"images": POINTS.double()}, "images must be a float32 tensor .* got torch.float64"),
        ({"validation": POINTS}, r"validation must be a pair \(images, labels\), got Tensor"),
        ({"validation": (POINTS, MOON[:-1])}, "validation images and labels must be equally many"),
        ({"loss": lambda m, b: F.cross_entropy(m(b.images), b.labels, reduction="none")}, r"got a tensor \[128\]"),
        ({"loss": lambda m, b: 0.5}, "loss must return one number that can be differentiated, got float"),
        ({"loss": lambda m, b: training.erm(m, b).detach()}, "one number that can be differentiated"),
        ({"images": POINTS.tolist()}, "images must be a float32 tensor .* got list"),
        ({"labels": MOON.float()}, "labels must be a tensor .* got torch.float32"),
        ({"labels": MOON[:-1]}, "equally many.* got 200 and 199"),
        ({"images": POINTS[:0], "labels": MOON[:0]}, "at least 1; got 0 and 0"),
        ({"epochs": 0}, "epochs must be positive, got 0"),
        ({"lr": -1.0}, "lr must be positive, got -1"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_named(change, says):
    with pytest.raises(ValueError, match=says):
        training.fit(small(), **{"images": POINTS, "labels": MOON, "show": False} | change)


def test_it_warns_of_nothing_by_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(small(), validation=(POINTS, MOON))
