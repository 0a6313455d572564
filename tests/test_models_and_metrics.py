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


def test_dropout_works_in_training_only_and_changes_neither_layout_nor_weights():
    images = torch.rand(5, 784)
    plain, dropping = models.mlp(seed=3), models.mlp(seed=3, dropout=0.5)
    assert models.count_parameters(plain) == models.count_parameters(dropping)
    assert not torch.equal(dropping(images), dropping(images))
    assert torch.equal(metrics.outputs(dropping, images), metrics.outputs(plain, images))


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
        third = metrics.gradient_norms(moody, images + 0, labels + 0)
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


def test_calibration_takes_doubles_and_what_has_a_graph():
    logits, labels = answers(100)
    probabilities = logits.double().requires_grad_().softmax(dim=1)
    error = metrics.expected_calibration_error(logits.softmax(dim=1), labels)
    assert metrics.expected_calibration_error(probabilities, labels) == pytest.approx(error, abs=1e-5)
    assert metrics.reliability(probabilities, labels)["examples"].sum() == 100


def test_a_temperature_that_is_nowhere_best_is_refused_with_the_direction_in_which_it_runs_away():
    with pytest.raises(ValueError, match="the lower the temperature the better; got all right"):
        metrics.temperature(torch.eye(3), torch.arange(3))
    for worse in (torch.eye(3), torch.zeros(3, 3), torch.full((3, 3), 0.1)):
        with pytest.raises(ValueError, match="the higher the temperature the better; got"):
            metrics.temperature(worse, (torch.arange(3) + 1) % 3)


def test_a_temperature_can_be_best_where_no_answer_is_right():
    """Two classes of three are told apart, and the label's is the second."""
    logits, labels = torch.tensor([[1.0, 0.9, -1.0]]), torch.tensor([1])
    t = metrics.temperature(logits, labels)
    losses = [metrics.empirical_risk(logits / x, labels).item() for x in (0.8 * t, t, 1.2 * t)]
    assert losses[1] == min(losses)


def test_a_temperature_is_found_where_the_caller_has_switched_gradients_off_and_a_graph_is_left_alone():
    logits, labels = answers(200)
    wanted = metrics.temperature(logits, labels)
    with torch.no_grad():
        assert metrics.temperature(logits, labels) == wanted
    with torch.inference_mode():
        assert metrics.temperature(logits * 1, labels + 0) == wanted
    graph = (logits.requires_grad_() * 2).exp().log()
    assert metrics.temperature(graph, labels) == pytest.approx(2, rel=0.3)
    graph.sum().backward()


# ---- networks for scenes -----------------------------------------------------------------------------------


def test_a_scene_network_takes_colour_images_of_32_pixels():
    net = models.scene_cnn(classes=5)
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 5)
    assert models.count_parameters(net) == 27 * 16 + 144 * 32 + 288 * 64 + 2 * (16 + 32 + 64) + 1024 * 5 + 5


@pytest.mark.parametrize("size", [24, 32])
def test_a_scene_encoder_gives_embeddings_of_length_one_by_either_pooling(size):
    images = torch.rand(6, 3, size, size)
    embeddings = {pool: models.scene_encoder(pool, dimensions=8)(images) for pool in ("maximum", "average")}
    for embedding in embeddings.values():
        assert embedding.shape == (6, 8)
        assert torch.allclose(embedding.norm(dim=1), torch.ones(6), atol=1e-5)
    assert not torch.allclose(embeddings["maximum"], embeddings["average"])


def test_the_poolings_differ_in_nothing_else_and_a_maximum_sees_a_thing_of_any_size():
    maximum, average = (models.scene_encoder(pool, seed=3).eval() for pool in ("maximum", "average"))
    assert all(map(torch.equal, maximum.state_dict().values(), average.state_dict().values()))
    features = torch.zeros(1, 32, 8, 8)
    features[0, 0, 3, 3] = 64
    assert maximum[9](features)[0, 0].item() == 64
    assert average[9](features)[0, 0].item() == 1


def test_scene_networks_follow_the_seed():
    for build in (models.scene_cnn, models.scene_encoder):
        first, second, other = (build(seed=seed)[0].weight for seed in (1, 1, 2))
        assert torch.equal(first, second)
        assert not torch.equal(first, other)


# ---- groups of tables that are not square ------------------------------------------------------------------


def test_any_groups_may_be_the_aligned_ones():
    accuracy = torch.tensor([[0.5, 1.0], [0.9, 0.2], [0.8, 0.4], [0.7, 0.0]])
    counts = torch.tensor([[1, 9], [8, 2], [9, 1], [10, 0]])
    accuracy[3, 1] = torch.nan
    aligned = torch.tensor([[False, True], [True, False], [True, False], [True, False]])
    report = metrics.group_report(accuracy, counts, aligned)
    assert report["aligned"] == pytest.approx((1.0 + 0.9 + 0.8 + 0.7) / 4)
    assert report["conflicting"] == pytest.approx((0.5 + 0.2 + 0.4) / 3)
    assert report["unbiased"] == pytest.approx(4.5 / 7)
    assert report["worst_group"] == pytest.approx(0.2)
    assert report["plain"] == pytest.approx((0.5 + 9 + 7.2 + 0.4 + 7.2 + 0.4 + 7) / 40)


def test_without_word_the_diagonal_is_aligned():
    accuracy, counts = torch.rand(4, 2, generator=torch.Generator().manual_seed(0)), torch.ones(4, 2).long()
    diagonal = torch.tensor([[True, False], [False, True], [False, False], [False, False]])
    report = metrics.group_report(accuracy, counts)
    assert report == metrics.group_report(accuracy, counts, diagonal)
    assert report["aligned"] == pytest.approx(((accuracy[0, 0] + accuracy[1, 1]) / 2).item())


# ---- what an answer owes to a part of the image ------------------------------------------------------------


def test_log_odds_are_those_of_the_probability():
    logits = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).double()
    for target in range(4):
        p = logits.softmax(dim=1)[:, target]
        assert torch.allclose(metrics.log_odds(logits, target), (p / (1 - p)).log())
    assert torch.allclose(metrics.log_odds(logits[:, :2], 0), logits[:, 0] - logits[:, 1])


def test_log_odds_do_not_saturate_where_a_probability_does():
    assert metrics.log_odds(torch.tensor([[200.0, 0.0], [400.0, 0.0]]), 0).tolist() == [200, 400]


class Brightest(nn.Module):
    """Says class 1 where an image's first channel is bright on average, else class 0."""

    def forward(self, images):
        bright = images[:, 0].mean(dim=(1, 2))
        return torch.stack([0.5 - bright, bright - 0.5, torch.full_like(bright, -9)], dim=1)


def test_an_object_alone_is_held_against_the_empty_image():
    empty = torch.zeros(8, 3, 4, 4)
    alone = empty.clone()
    alone[:6] = 1
    empty[:2] = 1
    assert metrics.alone_minus_empty(Brightest(), alone, empty, 1) == pytest.approx(6 / 8 - 2 / 8)
    assert metrics.alone_minus_empty(Brightest(), alone, empty, 0) == pytest.approx(2 / 8 - 6 / 8)
    assert metrics.alone_minus_empty(Brightest(), alone, empty, 2) == 0
    assert metrics.alone_minus_empty(Brightest(), alone, alone, 1) == 0


def test_an_object_alone_is_asked_about_in_eval_mode_and_without_gradients(moody):
    alone, empty = torch.rand(2, 50, 4, generator=torch.Generator().manual_seed(0))
    values = {metrics.alone_minus_empty(moody, alone, empty, 1) for _ in range(5)}
    assert len(values) == 1
    assert all(isinstance(value, float) for value in values)
    assert [layer.training for layer in moody] == [True, True, False, True, True]


@pytest.fixture
def scenes():
    """A network with BatchNorm that has seen data, images, masks, a baseline."""
    generator = torch.Generator().manual_seed(0)
    net, images = models.scene_cnn(), torch.rand(70, 3, 32, 32, generator=generator)
    net(images)
    return net, images, torch.rand(70, 32, 32, generator=generator) < 0.2, torch.tensor([0.2, 0.5, 0.7])


def test_effects_are_differences_of_log_odds_image_by_image(scenes):
    net, images, masks, baseline = scenes
    without = torch.where(masks[:, None], 0, images)
    logits, other = metrics.outputs(net, images), metrics.outputs(net, without)
    wanted = metrics.log_odds(logits, 2) - metrics.log_odds(other, 2)
    assert torch.allclose(metrics.effects(net, images, without, 2), wanted)
    assert metrics.effects(net, images, images, 2).abs().max().item() == 0


def test_attributions_are_captums_and_add_up_to_what_there_is_to_explain(scenes):
    from captum.attr import IntegratedGradients

    net, images, _, baseline = scenes
    before = images.clone()
    with torch.no_grad():
        found = metrics.attributions(net, images, 1, baseline, steps=50)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.equal(images, before)
    assert net.training
    assert all(parameter.grad is None for parameter in net.parameters())
    net.eval()
    start = baseline.view(1, 3, 1, 1).expand_as(images)
    captums = IntegratedGradients(lambda given: metrics.log_odds(net(given), 1)).attribute(images, start, n_steps=50)
    assert torch.allclose(found, captums.float(), atol=1e-5)
    climb = metrics.log_odds(metrics.outputs(net, images), 1) - metrics.log_odds(metrics.outputs(net, start), 1)
    assert torch.allclose(found.sum(dim=(1, 2, 3)), climb, atol=0.02 * climb.abs().max().item())
    rough = metrics.attributions(net, images, 1, baseline, steps=1).sum(dim=(1, 2, 3))
    assert (rough - climb).abs().mean() > (found.sum(dim=(1, 2, 3)) - climb).abs().mean()


def test_of_a_linear_model_an_attribution_is_weight_times_way():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 2, bias=False))
    images, baseline = torch.rand(5, 3, 4, 4), torch.rand(3)
    weight = (net[1].weight[0] - net[1].weight[1]).detach().view(3, 4, 4)
    wanted = weight * (images - baseline.view(3, 1, 1))
    assert torch.allclose(metrics.attributions(net, images, 0, baseline, steps=3), wanted, atol=1e-5)


def test_what_is_owed_to_a_part_is_the_signed_sum_over_its_pixels():
    attributions = torch.tensor([[[[1.0, -2.0], [4.0, 8.0]], [[0.5, 0.25], [-16.0, 32.0]]]]).repeat(3, 1, 1, 1)
    masks = torch.zeros(3, 2, 2, dtype=torch.bool)
    masks[0, 0] = True
    masks[1] = True
    before = attributions.clone()
    assert metrics.signed_on(attributions, masks).tolist() == [-0.25, 27.75, 0]
    assert torch.equal(attributions, before)
    assert torch.equal(metrics.signed_on(-attributions, masks), -metrics.signed_on(attributions, masks))
