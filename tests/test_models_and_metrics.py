"""Models follow their seed; metrics measure and change nothing."""

import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, log_loss
from torch import nn
from torch.nn import functional as F

from course_utils import metrics, models


def test_an_mlp_has_the_layers_asked_for():
    model = models.mlp(inputs=784, hidden=(100, 30), classes=10)
    assert model(torch.rand(5, 1, 28, 28)).shape == (5, 10)
    assert models.count_parameters(model) == 785 * 100 + 101 * 30 + 31 * 10


def test_no_hidden_layer_gives_a_linear_model():
    model = models.mlp(inputs=2, hidden=(), classes=2)
    a, b = torch.rand(2, 1, 2)
    assert torch.allclose(model((a + b) / 2), (model(a) + model(b)) / 2, atol=1e-6)


def test_weights_follow_the_seed_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second, other = (models.mlp(seed=seed)[1].weight for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="must be at least 1"):
        models.mlp(hidden=(100, 0))


def test_dropout_works_in_training_only_and_changes_neither_layout_nor_weights():
    images = torch.rand(5, 784)
    plain, dropping = models.mlp(seed=3), models.mlp(seed=3, dropout=0.5)
    assert models.count_parameters(plain) == models.count_parameters(dropping)
    assert not torch.equal(dropping(images), dropping(images))
    assert torch.equal(metrics.outputs(dropping, images), metrics.outputs(plain, images))


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5])
def test_a_dropout_that_is_no_probability_below_one_is_refused(dropout):
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\)"):
        models.mlp(dropout=dropout)


def test_a_frozen_copy_does_not_follow_the_training():
    model = models.mlp(inputs=2, hidden=(3,), classes=2)
    copy = models.frozen_copy(model)
    with torch.no_grad():
        model[1].weight += 1
    assert not torch.equal(model[1].weight, copy[1].weight)


@pytest.fixture
def moody():
    """A model whose answers depend on its mode, with a BatchNorm that its owner froze."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model.train()
    model[2].eval()
    return model


def test_predict_is_in_eval_mode_and_restores_each_layers_own_mode(moody):
    images = torch.rand(1000, 4)
    first, second = metrics.outputs(moody, images), metrics.outputs(moody, images)
    assert torch.equal(first, second)  # no dropout
    assert [layer.training for layer in moody] == [True, True, False, True, True]
    assert not first.requires_grad


def test_predict_restores_the_mode_when_the_model_fails(moody):
    with pytest.raises(RuntimeError):
        metrics.outputs(moody, torch.rand(2, 5))
    assert moody.training


def test_predict_in_chunks_is_predict_in_one_go(moody):
    images = torch.rand(1000, 4)
    assert torch.allclose(
        metrics.outputs(moody, images, chunk=7), metrics.outputs(moody, images, chunk=1000), atol=1e-6
    )


def test_measures_agree_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(50, 4, generator=generator), torch.randint(4, (50,), generator=generator)
    risk = log_loss(labels, logits.double().softmax(dim=1), labels=range(4))
    assert metrics.empirical_risk(logits, labels).item() == pytest.approx(risk, rel=1e-5)
    right = accuracy_score(labels, logits.argmax(dim=1))
    assert metrics.error_rate(logits.argmax(dim=1), labels) == pytest.approx(1 - right)
    assert metrics.accuracy(nn.Identity(), logits, labels) == pytest.approx(right)


def test_accuracy_needs_a_label_for_each_image():
    with pytest.raises(ValueError, match=r"labels must be \[50\], one for each image, got \[1\]"):
        metrics.accuracy(nn.Identity(), torch.randn(50, 4), torch.zeros(1).long())


def test_one_thread_gives_the_others_back():
    before = torch.get_num_threads()
    with models.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_choose_model_looks_at_validation_alone():
    generator = torch.Generator().manual_seed(0)
    validation = torch.rand(5, 3, generator=generator)
    best = int(validation.mean(dim=1).argmax())
    for _ in range(10):
        train, test = torch.rand(2, 5, 3, generator=generator)
        assert metrics.choose_model(train, validation, test) == (best, pytest.approx(test[best].mean().item()))


# ---- how steep, how sure -----------------------------------------------------------------------------------


def test_gradient_norms_are_those_of_each_image_alone():
    images, labels = torch.rand(7, 1, 2, 2), torch.arange(7) % 3
    net = models.mlp(4, (8,), 3, seed=0)
    norms = metrics.gradient_norms(net, images, labels, chunk=3)
    soft = metrics.gradient_norms(net, images, F.one_hot(labels, 3).float())
    for image, label, norm in zip(images, labels, norms):
        image = image[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(image), label[None]), image)
        assert norm.item() == pytest.approx(gradient.norm().item(), rel=1e-4)
    assert torch.allclose(norms, soft, rtol=1e-4)
    assert not images.requires_grad
    assert all(p.grad is None for p in net.parameters())


def test_the_margins_slope_of_a_linear_model_is_the_distance_of_its_rows():
    net = models.mlp(4, (), 3, seed=0)
    images = torch.rand(20, 4)
    first, second = metrics.outputs(net, images).topk(2, dim=1).indices.T
    weight = net[-1].weight.detach()
    assert torch.allclose(metrics.margin_slopes(net, images), (weight[first] - weight[second]).norm(dim=1), atol=1e-5)


def test_slopes_are_measured_in_eval_mode_under_no_grad_and_give_the_mode_back(moody):
    images, labels = torch.rand(10, 4), torch.zeros(10, dtype=torch.int64)
    with torch.no_grad():
        first, second = (metrics.gradient_norms(moody, images, labels) for _ in range(2))
    with torch.inference_mode():
        third = metrics.gradient_norms(moody, images, labels)
        metrics.margin_slopes(moody, images)
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    assert [layer.training for layer in moody] == [True, True, False, True, True]


def answers(n=4_000, scale=1.0):
    """Logits, and labels drawn from their softmax; the logits are then scaled."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(n, 5, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    return scale * logits, labels


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_calibration_agrees_with_scikit_learn(bins):
    logits, labels = answers(500, scale=2.0)
    probabilities = logits.softmax(dim=1)
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).numpy()
    accuracy, mean = calibration_curve(right, confidence.numpy(), n_bins=bins)
    table = metrics.reliability(probabilities, labels, bins)
    assert table["accuracy"].tolist() == pytest.approx(accuracy)
    assert table["confidence"].tolist() == pytest.approx(mean)
    assert table["examples"].sum() == 500
    error = (table["examples"] / 500 * abs(accuracy - mean)).sum()
    assert metrics.expected_calibration_error(probabilities, labels, bins) == pytest.approx(error, abs=1e-6)


def test_who_is_always_right_and_sure_is_calibrated_and_always_wrong_and_sure_is_not():
    sure = torch.eye(3)
    assert metrics.expected_calibration_error(sure, torch.arange(3)) == 0
    assert metrics.expected_calibration_error(sure, (torch.arange(3) + 1) % 3) == pytest.approx(1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_scale_and_calibrates(scale):
    logits, labels = answers(scale=scale)
    t = metrics.temperature(logits, labels)
    assert t == pytest.approx(scale, rel=0.1)
    errors = [metrics.expected_calibration_error((logits / x).softmax(dim=1), labels) for x in (1, t)]
    assert errors[1] < 0.03
    assert scale == 1 or errors[0] > 2 * errors[1]


def test_the_temperature_is_where_the_loss_is_smallest():
    logits, labels = answers(300, scale=5.0)
    t = metrics.temperature(logits, labels)
    losses = [metrics.empirical_risk(logits / x, labels).item() for x in (0.95 * t, t, 1.05 * t)]
    assert losses[1] == min(losses)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bins": 0}, "bins must be at least 1, got 0"),
        ({"labels": torch.zeros(3).long()}, r"labels must be \[4\], one for each row of probabilities, got \[3\]"),
        ({"probabilities": torch.randn(4, 2) * 5}, "probabilities must be at least 0 and sum to 1 .* logits, perhaps"),
        ({"probabilities": torch.full((4, 2), 0.7)}, "sums from 1.4 to 1.4"),
        ({"probabilities": torch.rand(0, 2)}, r"probabilities must be \[N, K\], at least one row, got \[0, 2\]"),
    ],
)
def test_a_calibration_of_what_does_not_fit_is_refused(change, words):
    fitting = {"probabilities": torch.full((4, 2), 0.5), "labels": torch.zeros(4).long(), "bins": 10}
    for measure in (metrics.expected_calibration_error, metrics.reliability):
        with pytest.raises(ValueError, match=words):
            measure(**fitting | change)


def test_calibration_takes_doubles_and_what_has_a_graph():
    logits, labels = answers(100)
    probabilities = logits.double().requires_grad_().softmax(dim=1)
    error = metrics.expected_calibration_error(logits.softmax(dim=1), labels)
    assert metrics.expected_calibration_error(probabilities, labels) == pytest.approx(error, abs=1e-5)
    assert metrics.reliability(probabilities, labels)["examples"].sum() == 100


def test_a_temperature_that_is_nowhere_best_is_refused_and_a_graph_is_left_alone():
    with pytest.raises(ValueError, match="no temperature is best; got 100%"):
        metrics.temperature(torch.eye(3), torch.arange(3))
    with pytest.raises(ValueError, match="no temperature is best; got 0%"):
        metrics.temperature(torch.eye(3), (torch.arange(3) + 1) % 3)
    logits, labels = answers(200)
    graph = (logits.requires_grad_() * 2).exp().log()
    assert metrics.temperature(graph, labels) == pytest.approx(2, rel=0.3)
    graph.sum().backward()


def test_gradients_need_a_label_for_each_image():
    with pytest.raises(ValueError, match=r"labels must be 5, one for each image, got \[10\]"):
        metrics.gradient_norms(models.mlp(4, (), 3), torch.rand(5, 4), torch.zeros(10).long())
