"""Attacks on small networks, whatever the images, the sizes, the precision and the batch."""

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_utils import attacks, metrics, models

NORMS = st.sampled_from(attacks.NORMS)
SIZES = st.sampled_from([0.0, 1e-6, 0.03, 0.3, 1.0, 7.0])
SEEDS = st.integers(0, 10_000)
KINDS = ("blank", "white", "half", "border", "random")


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@functools.cache
def network(hidden=(8,), scale=3.0):
    with models.seeded(1):
        net = models.mlp(12, hidden, 3)
    for weight in net.parameters():
        weight.data.mul_(scale)
    return net


def batch(seed, kind="random", n=5):
    drawn = torch.rand(n, 2, 2, 3, generator=seeded(seed))
    images = {"blank": 0 * drawn, "white": 0 * drawn + 1, "half": 0 * drawn + 0.5}.get(kind, drawn)
    if kind == "border":
        images = (2 * drawn - 0.5).clamp(0, 1)
    return images, torch.randint(3, (n,), generator=seeded(seed + 1))


def size(change, norm):
    return change.flatten(1).norm(dim=1, p=float(norm))


def risks(net, images, labels):
    return F.cross_entropy(metrics.outputs(net, images), labels, reduction="none")


@given(SIZES, st.sampled_from([1e-3, 0.1, 2.0]), st.integers(1, 4), NORMS, st.sampled_from(KINDS), st.booleans(), SEEDS)
def test_pgd_ends_in_the_ball_and_in_the_box(eps, alpha, steps, norm, kind, start, seed):
    images, labels = batch(seed, kind)
    found = attacks.pgd(network(), images, labels, eps, alpha, steps, norm, start, generator=seeded(seed))
    assert (size(found - images, norm) <= eps + 1e-5).all()
    assert found.min() >= 0 and found.max() <= 1
    if eps == 0:
        assert torch.equal(found, images)


@given(SIZES, st.sampled_from(KINDS), SEEDS)
def test_fgsm_is_the_formula_in_the_ball_and_in_the_box(eps, kind, seed):
    images, labels = batch(seed, kind)
    found = attacks.fgsm(network(), images, labels, eps)
    assert (size(found - images, "inf") <= eps + 1e-6).all()
    assert found.min() >= 0 and found.max() <= 1
    one_step = attacks.pgd(network(), images, labels, eps, max(eps, 1e-9), 1)
    assert torch.allclose(found, one_step, atol=1e-6)  # which is one step of size eps


@given(st.integers(1, 5), NORMS, st.booleans(), SEEDS)
def test_pgd_is_its_step_again_and_again(steps, norm, targeted, seed):
    images, labels = batch(seed, "border")
    loss = (lambda z, y: -attacks.cross_entropy(z, y)) if targeted else attacks.cross_entropy
    change = torch.zeros_like(images)
    for _ in range(steps):
        change = attacks.pgd_step(network(), images, labels, change, 0.3, 0.1, norm, loss)
    targets = labels if targeted else None
    found = attacks.pgd(network(), images, (labels + 1) % 3 if targeted else labels, 0.3, 0.1, steps, norm,
                        targets=targets)  # fmt: skip
    assert torch.equal(found, (images + change).clamp(0, 1))


@given(NORMS, st.permutations(range(5)), SEEDS)
def test_an_image_is_attacked_alike_in_any_batch_order_and_chunk(norm, order, seed):
    images, labels = batch(seed)
    attack = functools.partial(attacks.pgd, network(), eps=0.3, alpha=0.1, steps=3, norm=norm)
    whole = attack(images, labels)
    order = torch.tensor(order)
    assert torch.allclose(attack(images[order], labels[order]), whole[order], atol=1e-5)
    with pytest.MonkeyPatch.context() as patch:
        for chunk in (1, 2):
            patch.setattr(attacks, "CHUNK", chunk)
            assert torch.allclose(attack(images, labels), whole, atol=1e-5)


@given(NORMS, st.booleans(), SEEDS)
def test_memory_layout_and_precision_change_nothing(norm, start, seed):
    images, labels = batch(seed, n=6)
    drawn = {"random_start": start, "generator": None}

    def attack(net, images, labels):
        drawn["generator"] = seeded(seed)
        return attacks.pgd(net, images, labels, 0.3, 0.1, 2, norm, **drawn)

    whole = attack(network(), images, labels)
    turned = images.transpose(1, 3).contiguous().transpose(1, 3)
    spread = images.repeat_interleave(2, dim=0)[::2], labels.repeat_interleave(2)[::2]
    assert torch.equal(attack(network(), turned, labels), whole)
    assert torch.equal(attack(network(), *spread), whole)
    same = images[:1].expand(4, -1, -1, -1), labels[:1].expand(4)
    assert torch.allclose(attacks.pgd(network(), *same, 0.3, 0.1, 2, norm)[0],
                          attacks.pgd(network(), images[:1], labels[:1], 0.3, 0.1, 2, norm)[0], atol=1e-6)  # fmt: skip
    double = models.mlp(12, (8,), 3).double()
    double.load_state_dict(network().state_dict())
    exact = attack(double, images.double(), labels)
    assert exact.dtype == torch.float64
    assert torch.allclose(exact.float(), whole, atol=1e-4)


@given(NORMS, st.booleans(), SEEDS)
def test_nothing_that_was_given_changes(norm, inference, seed):
    net = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5), *models.mlp(12, (4,), 3))
    net.train()
    net[0].eval()
    images, labels = batch(seed)
    for weight in net.parameters():
        weight.grad = torch.ones_like(weight)
    before = [part.clone() for part in (images, labels, *net.state_dict().values())]
    with torch.inference_mode(inference):
        given_images, given_labels = images.clone(), labels.clone()
        start = {"random_start": True, "restarts": 2, "generator": seeded(seed)}
        pair = [attacks.pgd(net, given_images, given_labels, 0.3, 0.1, 2, norm, **start | {"generator": seeded(seed)})
                for _ in range(2)]  # fmt: skip
        attacks.fgsm(net, given_images, given_labels, 0.3)
        share = attacks.robust_accuracy(net, given_images, given_labels, functools.partial(attacks.fgsm, eps=0.1))
        assert torch.equal(given_images, images) and torch.equal(given_labels, labels)
    assert 0 <= share <= 1
    assert torch.equal(*pair)
    assert not pair[0].requires_grad
    after = [images, labels, *net.state_dict().values()]
    assert all(map(torch.equal, before, after))
    assert all(torch.equal(weight.grad, torch.ones_like(weight)) for weight in net.parameters())
    assert [layer.training for layer in net][:3] == [False, True, True]


@given(NORMS, st.integers(1, 6), st.sampled_from([0.02, 0.1, 0.3]), SEEDS)
def test_on_a_linear_model_more_steps_never_lower_the_margin_loss_of_two_classes(norm, steps, alpha, seed):
    with models.seeded(seed):
        net = models.mlp(12, (), 2)
    images, labels = batch(seed, "border")
    labels = labels % 2
    attack = functools.partial(attacks.pgd, net, images, labels, 0.3, alpha, norm=norm)
    fewer, more = risks(net, attack(steps), labels), risks(net, attack(steps + 1), labels)
    assert (fewer >= risks(net, images, labels) - 1e-6).all()
    assert (more >= fewer - 1e-6).all()


@given(st.sampled_from([0.05, 0.3, 1.0]), SEEDS)
def test_on_a_linear_model_of_two_classes_nothing_beats_fgsm(eps, seed):
    with models.seeded(seed):
        net = models.mlp(12, (), 2)
    images, labels = batch(seed, "border")
    labels = labels % 2
    best = risks(net, attacks.fgsm(net, images, labels, eps), labels)
    for k in range(5):
        rival = (images + attacks.random_perturbation(images, eps, "inf", seeded(seed + k))).clamp(0, 1)
        corner = (images + eps * (rival - images).sign()).clamp(0, 1)
        assert (risks(net, rival, labels) <= best + 1e-6).all() and (risks(net, corner, labels) <= best + 1e-6).all()
    assert (risks(net, attacks.pgd(net, images, labels, eps, eps / 2, 4), labels) <= best + 1e-6).all()


@given(SEEDS)
def test_robust_accuracy_is_at_most_the_accuracy_and_falls_with_eps(seed):
    with models.seeded(seed):
        net = models.mlp(12, (), 2)
    images, labels = batch(seed, n=12)
    labels = labels % 2
    stand = [
        attacks.robust_accuracy(net, images, labels, functools.partial(attacks.fgsm, eps=e)) for e in (0.0, 0.1, 0.3, 1)
    ]
    assert stand[0] == pytest.approx(metrics.accuracy(net, images, labels))
    assert stand == sorted(stand, reverse=True)


@given(NORMS, st.sampled_from([0.0, 1e-8, 0.4, 3.0]), st.sampled_from([1e-30, 1e-3, 1.0, 1e3]), SEEDS)
def test_a_projection_is_in_the_ball_and_stays_there(norm, eps, scale, seed):
    given_ = scale * torch.randn(4, 2, 3, generator=seeded(seed))
    given_[0] = 0
    found = attacks.project(given_, eps, norm)
    assert (size(found, norm) <= eps * (1 + 1e-5)).all()
    assert torch.allclose(attacks.project(found, eps, norm), found, rtol=1e-6, atol=0)
    small = size(given_, norm) <= eps
    assert torch.equal(found[small], given_[small])
    assert torch.equal(attacks.project(-given_, eps, norm), -found)
    assert torch.equal(attacks.project(given_.transpose(1, 2), eps, norm), found.transpose(1, 2)) or norm == "2"


@given(NORMS, st.sampled_from([1e-38, 1e-20, 1.0, 1e20, 1e38]), SEEDS)
def test_the_steepest_direction_has_size_one_and_gains_the_dual_norm(norm, scale, seed):
    gradient = torch.randn(4, 2, 3, generator=seeded(seed)).clamp(-3, 3)
    gradient[0] = 0
    direction = attacks.steepest(scale * gradient, norm)
    assert size(direction, norm).tolist() == pytest.approx([0, 1, 1, 1], abs=1e-5)
    gain = (direction * gradient).flatten(1).sum(1)
    assert torch.allclose(gain, gradient.flatten(1).norm(dim=1, p=metrics.steepness.DUAL[norm]), rtol=1e-4, atol=1e-6)
    double = attacks.steepest((scale * gradient).double(), norm)
    assert double.dtype == torch.float64 and torch.allclose(double.float(), direction, atol=1e-5)


@given(st.sampled_from([1.0, 1e2, 1e4]), NORMS, SEEDS)
def test_a_sure_network_is_attacked_all_the_same(scale, norm, seed):
    """However large its logits and however small the gradients, no image stands still."""
    images, labels = batch(seed, "half")
    loud = models.mlp(12, (), 3)
    for weight in loud.parameters():
        weight.data.mul_(scale)
    labels = metrics.answers(loud, images)
    for loss in (attacks.margin_loss, lambda z, y: 1e-25 * attacks.margin_loss(z, y)):
        found = attacks.pgd(loud, images, labels, 0.4, 0.1, 6, norm, loss=loss)
        assert (size(found - images, norm) > 0.39).all()


@given(NORMS, st.sampled_from(KINDS), st.integers(1, 3), SEEDS)
def test_one_image_one_class_and_blank_images_are_batches_too(norm, kind, n, seed):
    images, _ = batch(seed, kind, n)
    labels = torch.zeros(n, dtype=torch.long)
    found = attacks.pgd(network(), images, labels, 0.2, 0.1, 3, norm)
    assert found.isfinite().all() and found.shape == images.shape
    if kind in ("blank", "white"):
        assert torch.equal(found, found[:1].expand_as(found))


@given(NORMS, st.sampled_from([0.0, 0.2, 5.0]), st.sampled_from(KINDS), SEEDS)
def test_a_random_start_is_in_the_ball_and_in_the_box_and_its_seeds(norm, eps, kind, seed):
    images, _ = batch(seed, kind)
    drawn, again, other = (attacks.random_perturbation(images, eps, norm, seeded(s)) for s in (seed, seed, seed + 1))
    assert torch.equal(drawn, again)
    assert eps == 0 or not torch.equal(drawn, other)
    assert (size(drawn, norm) <= eps + 1e-5).all()
    assert (images + drawn).min() >= 0 and (images + drawn).max() <= 1


@given(st.sampled_from([1.0, 1e4, 1e30]), SEEDS)
def test_the_margin_loss_is_positive_where_the_model_is_wrong(scale, seed):
    logits, labels = scale * torch.randn(9, 4, generator=seeded(seed)), torch.randint(4, (9,), generator=seeded(seed))
    found = attacks.margin_loss(logits, labels)
    assert torch.equal(found > 0, logits.argmax(1) != labels)
    order = torch.randperm(9, generator=seeded(seed))
    assert torch.equal(attacks.margin_loss(logits[order], labels[order]), found[order])
    assert torch.equal(attacks.margin_loss(logits.T.contiguous().T, labels), found)
    assert torch.allclose(attacks.margin_loss(logits + scale, labels), found, atol=1e-5 * scale)
