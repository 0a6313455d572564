"""Mixup against torchvision's, its loss against soft labels, its weights against the Beta distribution."""

import math
from functools import partial

import nbformat
import pytest
import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from course_utils import data, metrics, models, training
from course_utils.mixup import mixup, mixup_loss, mixup_risk, sample_lam, vicinity
from course_utils.notebooks import NOTEBOOKS

IMAGES, LABELS = data.load_mnist("test", n=60)
AROUND = torch.arange(60).roll(1)  # torchvision's pairing


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class GivenLam(v2.MixUp):
    """torchvision's mixup with a weight that is given."""

    def __init__(self, lam):
        super().__init__(num_classes=10)
        self.lam = lam

    def make_params(self, flat_inputs):
        return {"lam": self.lam}


@pytest.mark.parametrize("lam", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_it_agrees_with_torchvision(lam):
    theirs = GivenLam(lam)(IMAGES, LABELS)
    for given in (lam, torch.tensor(lam), torch.tensor([lam]), torch.full((60,), lam)):
        for ours, other in zip(mixup(IMAGES, LABELS, given, AROUND), theirs, strict=True):
            assert torch.allclose(ours, other, rtol=0, atol=1e-6)


def test_lam_one_is_the_identity():
    images, soft = mixup(IMAGES, LABELS, 1.0, torch.randperm(60, generator=seeded()))
    assert torch.equal(images, IMAGES)
    assert torch.equal(soft, F.one_hot(LABELS, 10).float())


def test_soft_labels_sum_to_one_and_say_what_is_in_the_image():
    lam = torch.rand(60, generator=seeded())
    index = torch.randperm(60, generator=seeded(1))
    _, soft = mixup(IMAGES, LABELS, lam, index)
    assert torch.allclose(soft.sum(dim=1), torch.ones(60))
    for own, partner, weight, label in zip(LABELS, LABELS[index], lam, soft):
        assert label[own] == pytest.approx(1.0 if own == partner else weight.item(), abs=1e-6)


def test_a_lam_for_each_example_is_each_example_with_its_own_lam():
    lam, index = torch.rand(60, generator=seeded()), torch.randperm(60, generator=seeded(1))
    images, soft = mixup(IMAGES, LABELS, lam, index)
    for i in range(60):
        alone = mixup(IMAGES, LABELS, lam[i].item(), index)
        assert torch.allclose(images[i], alone[0][i], atol=1e-6)
        assert torch.allclose(soft[i], alone[1][i], atol=1e-6)


def test_mixed_labels_can_be_mixed_again_and_points_are_examples_too():
    points, labels = data.two_moons(10)
    back = torch.arange(10).flip(0)
    once = mixup(points, labels, 0.5, back, num_classes=2)
    twice = mixup(*once, 0.5, back, num_classes=2)
    assert once[0].shape == (10, 2)
    assert torch.allclose(twice[1], once[1])  # half and half, mixed with half and half


def test_the_arguments_stay_as_they_are():
    lam, index, soft = torch.rand(60), AROUND.clone(), F.one_hot(LABELS, 10).float()
    before = [t.clone() for t in (IMAGES, LABELS, soft, lam, index)]
    mixup(IMAGES, LABELS, lam, index)
    mixup(IMAGES, soft, lam, index)
    assert all(torch.equal(a, b) for a, b in zip(before, (IMAGES, LABELS, soft, lam, index)))


# ---- weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.1, 1.0, 8.0])
def test_weights_have_the_moments_of_the_beta_distribution(alpha):
    lam = sample_lam(alpha, 50_000, seeded())
    assert lam.dtype == torch.float32
    assert ((lam >= 0) & (lam <= 1)).all()
    beta = torch.distributions.Beta(alpha, alpha)
    assert lam.mean().item() == pytest.approx(0.5, abs=0.01)
    assert lam.var().item() == pytest.approx(beta.variance.item(), rel=0.03)


def test_the_two_limits_of_alpha():
    assert sample_lam(0, 3, seeded()).tolist() == [1, 1, 1]
    assert sample_lam(math.inf, 3, seeded()).tolist() == [0.5, 0.5, 0.5]
    assert (sample_lam(1e6, 100, seeded()) - 0.5).abs().max() < 0.01
    assert (sample_lam(1e-3, 1000, seeded()).sub(0.5).abs() > 0.49).float().mean() > 0.98


def test_one_generator_gives_one_result_and_moves_on():
    first, second = seeded(), seeded()
    assert torch.equal(sample_lam(1.0, 5, first), sample_lam(1.0, 5, second))
    assert not torch.equal(sample_lam(1.0, 5, first), sample_lam(1.0, 5, seeded()))
    assert not torch.equal(sample_lam(1.0, 5, seeded(1)), sample_lam(1.0, 5, seeded(2)))


# ---- the loss ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lam", [0.3, torch.tensor([0.3]), torch.rand(60, generator=seeded())])
def test_two_cross_entropies_are_one_with_soft_labels(lam):
    net, index = models.mlp(seed=0), torch.randperm(60, generator=seeded(1))
    images, soft = mixup(IMAGES, LABELS, lam, index)
    risk = mixup_risk(net(images), LABELS, lam, index)
    assert risk.item() == pytest.approx(F.cross_entropy(net(images), soft).item(), rel=1e-5)


POINTS, MOON = data.two_moons(200)


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def trained(loss, **options):
    net = models.mlp(2, (16,), 2, seed=0)
    training.fit(net, POINTS, MOON, loss=loss, epochs=3, lr=0.01, batch_size=64, show=False, **options)
    return weights(net)


def test_alpha_zero_is_erm():
    assert torch.allclose(trained(mixup_loss(0.0, num_classes=2)), trained(training.erm), atol=1e-5)
    assert not torch.allclose(trained(mixup_loss(1.0, num_classes=2)), trained(training.erm), atol=1e-3)


def test_one_seed_gives_one_training():
    runs = [trained(mixup_loss(1.0, num_classes=2), seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.allclose(runs[0], runs[2], atol=1e-3)


@pytest.mark.parametrize("per_example", [False, True])
def test_a_batch_has_one_weight_or_each_example_its_own(per_example):
    batch = training.Batch(torch.eye(50), torch.arange(50) % 2, torch.arange(50), seeded())
    mixed = vicinity(1.0, num_classes=2, per_example=per_example)(batch)
    found = mixed.images.diagonal()  # the weight of each example itself, 1 where it is its own partner
    assert len(found[found < 1].unique()) == (found < 1).sum().item() if per_example else 1
    assert torch.allclose(mixed.images.sum(dim=1), torch.ones(50))


def test_many_networks_in_their_own_vicinities_end_up_as_each_would_alone():
    alphas, rows = (0.0, 0.5, 2.0), torch.stack([torch.randperm(200, generator=seeded(m))[:60] for m in range(3)])
    recipe = {"epochs": 3, "lr": 0.01, "batch_size": 25}
    nets = [models.mlp(2, (16,), 2, seed=m) for m in range(3)]
    ways = [vicinity(alpha, num_classes=2, per_example=m == 2) for m, alpha in enumerate(alphas)]
    training.fit_many(nets, POINTS, MOON[rows], rows, vicinities=ways, seed=7, **recipe)
    for m, alpha in enumerate(alphas):
        alone, loss = models.mlp(2, (16,), 2, seed=m), mixup_loss(alpha, num_classes=2, per_example=m == 2)
        training.fit(alone, POINTS[rows[m]], MOON[rows[m]], loss=loss, seed=7 + m, show=False, **recipe)
        assert torch.allclose(weights(nets[m]), weights(alone), atol=1e-5)


def test_a_vicinity_with_class_numbers_among_soft_ones_is_named():
    nets, rows = [models.mlp(2, (4,), 2, seed=m) for m in range(2)], torch.zeros(2, 5, dtype=torch.int64)
    ways = [vicinity(1.0, num_classes=2), lambda batch: batch]
    with pytest.raises(ValueError, match="vicinities must all return soft labels"):
        training.fit_many(nets, POINTS, MOON[rows], rows, vicinities=ways)


# ---- what stands in the notebook itself --------------------------------------------------------------------


@pytest.fixture(scope="module")
def page():
    """The names that the notebook's set-up and its own methods define."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / "03_mixup.ipynb", as_version=4).cells}
    names = {}
    exec(cells["setup"], names)
    names["mixup"] = mixup
    exec(cells["near"], names)
    return names


def test_the_notebooks_mixup_of_a_batch_is_the_packages(page):
    batches = [training.Batch(IMAGES, LABELS, torch.arange(60), seeded(3)) for _ in range(2)]
    theirs, ours = page["near"](batches[0], 0.7), vicinity(0.7)(batches[1])
    assert torch.equal(theirs.images, ours.images)
    assert torch.equal(theirs.labels, ours.labels)


def test_the_notebooks_label_smoothing_is_pytorchs(page):
    logits = torch.randn(60, 10, generator=seeded())
    batch = page["smoothed"](training.Batch(IMAGES, LABELS, torch.arange(60), seeded()), eps=0.3)
    assert torch.equal(batch.images, IMAGES)
    wanted = F.cross_entropy(logits, LABELS, label_smoothing=0.3)
    assert F.cross_entropy(logits, batch.labels).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_mixing_helps_where_there_are_few_examples():
    """The chapter's first claim in small: a little mixing, few images, better on test images."""
    images, labels = data.load_mnist("train", n=1_200)
    few = data.load_mnist("test", n=2_000)
    rows = torch.arange(1_200).view(4, 300)
    gains = []
    for alpha in (0.0, 0.2):
        nets = [models.mlp(seed=seed) for seed in range(4)]
        ways = [partial(vicinity(alpha))] * 4
        training.fit_many(nets, images, labels[rows], rows, vicinities=ways, epochs=40, lr=2e-3, batch_size=50)
        gains.append(sum(metrics.accuracy(net, *few) for net in nets) / 4)
    assert gains[1] > gains[0]


# ---- confidence and steepness --------------------------------------------------------------------------------


@pytest.mark.parametrize(("norm", "order"), [("2", 2), ("inf", 1)])
def test_the_boundary_of_a_linear_model_is_at_the_margins_distance(norm, order):
    """Moved that far, in the direction in which the norm is cheapest, the second answer has caught up."""
    net, points = models.mlp(4, (), 3, seed=0), torch.randn(20, 4, generator=seeded())
    distances = metrics.margin_distances(net, points, norm, chunk=7)
    with torch.no_grad():
        first, second = net(points).topk(2, dim=1).indices.T
        slope = net[-1].weight[first] - net[-1].weight[second]
        step = slope / slope.norm(dim=1, keepdim=True) if norm == "2" else slope.sign()
        margin = net(points - distances[:, None] * step)[torch.arange(20)[:, None], torch.stack([first, second], dim=1)]
    assert torch.allclose(margin[:, 0], margin[:, 1], atol=1e-4)
    assert distances.shape == (20,)
    assert (distances > 0).all()
    assert torch.allclose(distances, margin_of(net, points) / slope.norm(dim=1, p=order), rtol=1e-4)


def margin_of(net, points):
    first, second = metrics.outputs(net, points).topk(2, dim=1).values.T
    return first - second


def test_distances_do_not_depend_on_the_size_of_the_logits_and_slopes_do():
    net = models.mlp(seed=0)
    cold = metrics.Tempered(net, 1e-3)
    for norm in ("2", "inf"):
        assert torch.allclose(metrics.margin_distances(net, IMAGES, norm), metrics.margin_distances(cold, IMAGES, norm))
    assert torch.allclose(1_000 * metrics.margin_slopes(net, IMAGES), metrics.margin_slopes(cold, IMAGES), rtol=1e-4)
    assert torch.equal(metrics.answers(net, IMAGES), metrics.answers(cold, IMAGES))


def test_where_nothing_slopes_the_boundary_is_infinitely_far_and_where_two_tie_it_is_here():
    flat = models.mlp(4, (), 3, seed=0)
    torch.nn.init.zeros_(flat[-1].weight)
    assert metrics.margin_distances(flat, torch.rand(3, 4)).isinf().all()
    torch.nn.init.zeros_(flat[-1].bias)
    assert (metrics.margin_distances(flat, torch.rand(3, 4)) == 0).all()


def test_at_its_own_temperature_no_other_fits_better():
    generator = seeded()
    logits = torch.randn(2_000, 5, generator=generator)
    labels = logits.softmax(dim=1).multinomial(1, generator=generator).flatten()

    class Given(torch.nn.Module):
        def forward(self, given):
            return 3 * given

    t = metrics.temperature(3 * logits, labels)
    own = metrics.Tempered(Given(), t)
    assert t == pytest.approx(3, rel=0.1)
    assert metrics.temperature(own(logits), labels) == pytest.approx(1, abs=0.01)
