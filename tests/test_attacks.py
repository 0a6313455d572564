"""Attacks against torchattacks and foolbox, and the promises that neither library keeps."""

from functools import partial

import foolbox
import pytest
import torch
import torchattacks
from torch import nn
from torch.nn import functional as F

from course_utils import attacks, data, metrics, models, training

EPS, ALPHA, STEPS = 0.2, 0.02, 20


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits():
    return data.load_mnist("test", n=200)


@pytest.fixture(scope="module", params=["linear", "mlp", "cnn", "normalising"])
def model(request):
    """A trained network of each kind, the last with a first layer that normalises."""
    images, labels = data.load_mnist("train", n=1_000)
    net = {
        "linear": lambda: models.mlp(hidden=()),
        "mlp": models.mlp,
        "cnn": models.small_cnn,
        "normalising": lambda: nn.Sequential(nn.BatchNorm2d(1, affine=False), models.small_cnn()),
    }[request.param]()
    training.fit(net, images, labels, epochs=3, lr=3e-3, show=False)
    return net.eval()


@pytest.fixture(scope="module")
def net():
    images, labels = data.load_mnist("train", n=1_000)
    net = models.small_cnn()
    training.fit(net, images, labels, epochs=3, lr=3e-3, show=False)
    return net.eval()


def foolboxed(attack, model, images, goal, eps):
    return attack(foolbox.PyTorchModel(model, bounds=(0, 1), device=images.device), images, goal, epsilons=eps)[1]


def same_attack(model, labels, ours, theirs):
    """Nearly all pixels equal, and the same loss. A rounded gradient can change its sign: never all pixels."""
    equal = ((ours - theirs).abs() < 1e-5).float().mean()
    assert equal >= 0.999
    risks = [F.cross_entropy(metrics.outputs(model, images), labels).item() for images in (ours, theirs)]
    assert risks[0] == pytest.approx(risks[1], rel=1e-3)


def test_fgsm_is_theirs(model, digits):
    images, labels = digits
    ours = attacks.fgsm(model, images, labels, EPS)
    same_attack(model, labels, ours, torchattacks.FGSM(model, eps=EPS)(images, labels))
    theirs = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    same_attack(model, labels, ours, foolboxed(theirs, model, images, labels, EPS))


def test_pgd_is_theirs(model, digits):
    images, labels = digits
    ours = attacks.pgd(model, images, labels, EPS, ALPHA, STEPS)
    theirs = torchattacks.PGD(model, eps=EPS, alpha=ALPHA, steps=STEPS, random_start=False)
    same_attack(model, labels, ours, theirs(images, labels))
    theirs = foolbox.attacks.LinfPGD(abs_stepsize=ALPHA, steps=STEPS, random_start=False)
    same_attack(model, labels, ours, foolboxed(theirs, model, images, labels, EPS))


def test_pgd_for_the_euclidean_norm_is_theirs(model, digits):
    images, labels = digits
    ours = attacks.pgd(model, images, labels, 2.0, 0.2, STEPS, norm="2")
    theirs = torchattacks.PGDL2(model, eps=2.0, alpha=0.2, steps=STEPS, random_start=False)
    same_attack(model, labels, ours, theirs(images, labels))
    theirs = foolbox.attacks.L2PGD(abs_stepsize=0.2, steps=STEPS, random_start=False)
    same_attack(model, labels, ours, foolboxed(theirs, model, images, labels, 2.0))


def test_targeted_pgd_is_theirs(model, digits, capsys):
    images, labels = digits
    targets = (labels + 3) % 10
    ours = attacks.pgd(model, images, labels, EPS, ALPHA, STEPS, targets=targets)
    theirs = torchattacks.PGD(model, eps=EPS, alpha=ALPHA, steps=STEPS, random_start=False)
    theirs.set_mode_targeted_by_function(lambda _, true: (true + 3) % 10)
    same_attack(model, labels, ours, theirs(images, labels))
    theirs = foolbox.attacks.LinfPGD(abs_stepsize=ALPHA, steps=STEPS, random_start=False)
    goal = foolbox.criteria.TargetedMisclassification(targets)
    same_attack(model, labels, ours, foolboxed(theirs, model, images, goal, EPS))
    hit, before = ((metrics.answers(model, x) == targets).float().mean() for x in (ours, images))
    assert hit > before + 0.1


def test_robust_accuracy_is_foolboxs(net, digits):
    attack = foolbox.attacks.LinfPGD(abs_stepsize=0.01, steps=10, random_start=False)
    fooled = attack(foolbox.PyTorchModel(net, bounds=(0, 1), device=digits[0].device), *digits, epsilons=0.1)[2]
    ours = attacks.robust_accuracy(net, *digits, partial(attacks.pgd, eps=0.1, alpha=0.01, steps=10))
    assert 0.05 < ours < 0.95
    assert ours == pytest.approx(1 - fooled.float().mean().item(), abs=1.5 / 200)


ATTACKS = {
    "fgsm": partial(attacks.fgsm, eps=EPS),
    "pgd": partial(attacks.pgd, eps=EPS, alpha=ALPHA, steps=5),
    "pgd 2": partial(attacks.pgd, eps=2.0, alpha=0.5, steps=5, norm="2"),
}


@pytest.fixture(params=ATTACKS)
def attack(request):
    return ATTACKS[request.param]


def test_it_works_where_gradients_are_switched_off(net, digits, attack):
    usual = attack(net, *digits)
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            images, labels = (part.clone() for part in digits)
            assert torch.equal(attack(net, images, labels), usual)
            assert attacks.robust_accuracy(net, images, labels, attack) <= metrics.accuracy(net, images, labels)


def test_it_leaves_the_network_and_the_pictures_as_they_were(digits, attack):
    with models.seeded(0):
        net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), models.small_cnn(), nn.BatchNorm1d(10))
    net.train()
    net[0].eval()  # a frozen BatchNorm
    images, labels = (part.clone() for part in digits)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    modes, dice = [layer.training for layer in net.modules()], torch.get_rng_state()
    first, second = attack(net, images, labels), attack(net, images, labels)
    assert torch.equal(first, second)
    attacks.pgd(net, images, labels, EPS, ALPHA, 1, random_start=True, restarts=2, generator=seeded())
    assert torch.equal(torch.get_rng_state(), dice)
    assert [layer.training for layer in net.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert torch.equal(images, digits[0])
    assert not images.requires_grad
    assert not first.requires_grad
    assert not attack(net, images.requires_grad_(), labels).requires_grad


def test_gradients_that_were_there_stay(net, digits, attack):
    F.cross_entropy(net(digits[0]), digits[1]).backward()
    before = [weight.grad.clone() for weight in net.parameters()]
    attack(net, *digits)
    assert all(torch.equal(weight.grad, old) for weight, old in zip(net.parameters(), before))
    net.zero_grad()


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize(("norm", "size"), [("inf", EPS), ("2", 2.0)])
def test_it_stays_in_the_ball_and_in_the_box(net, digits, norm, size, random_start):
    start = {"random_start": random_start, "generator": seeded()}
    attacked = attacks.pgd(net, *digits, size, size / 3, 10, norm=norm, **start)
    change = (attacked - digits[0]).flatten(1)
    assert change.norm(dim=1, p=float(norm)).max() <= size + 1e-5
    assert change.norm(dim=1, p=float(norm)).max() > 0.9 * size
    assert 0 <= attacked.min() <= attacked.max() <= 1


def test_eps_zero_is_the_picture_itself(net, digits):
    assert torch.equal(attacks.fgsm(net, *digits, 0.0), digits[0])
    for norm in ("inf", "2"):
        start = {"random_start": True, "generator": seeded()}
        assert torch.equal(attacks.pgd(net, *digits, 0.0, 0.1, 3, norm=norm, **start), digits[0])
    nothing = partial(attacks.pgd, eps=0.0, alpha=0.1, steps=3)
    assert attacks.robust_accuracy(net, *digits, nothing) == pytest.approx(metrics.accuracy(net, *digits))


def test_a_batch_is_attacked_as_its_pictures_one_by_one(net, digits, attack):
    images, labels = (part[:20] for part in digits)
    together = attack(net, images, labels)
    alone = torch.cat([attack(net, images[k : k + 1], labels[k : k + 1]) for k in range(20)])
    assert ((together - alone).abs() < 1e-5).float().mean() > 0.995


def test_more_than_a_chunk_is_attacked_like_its_parts(net):
    images, labels = data.load_mnist("test", n=attacks.CHUNK + 50)
    steps = partial(attacks.pgd, eps=EPS, alpha=ALPHA, steps=3)
    parts = [steps(net, images[part], labels[part]) for part in (slice(0, 150), slice(150, None))]
    assert ((steps(net, images, labels) - torch.cat(parts)).abs() < 1e-5).float().mean() > 0.999


def test_one_seed_gives_one_start_and_another_another(net, digits):
    def attacked(seed):
        return attacks.pgd(net, *digits, EPS, ALPHA, 2, random_start=True, generator=seeded(seed))

    assert torch.equal(attacked(1), attacked(1))
    assert not torch.equal(attacked(1), attacked(2))


def test_random_starts_fill_the_ball_evenly():
    grey = torch.full((20_000, 1, 1, 2), 0.5)
    flat = attacks.random_perturbation(grey, 0.2, "inf", seeded()).flatten(1)
    assert flat.abs().max() <= 0.2
    assert flat.std(dim=0).tolist() == pytest.approx([0.2 / 3**0.5] * 2, rel=0.03)
    length = attacks.random_perturbation(grey, 0.2, "2", seeded()).flatten(1).norm(dim=1)
    assert length.max() <= 0.2 + 1e-6
    assert (length < 0.1).float().mean().item() == pytest.approx(
        1 / 4, abs=0.02
    )  # half the radius, a quarter of the area


def test_restarts_keep_what_fooled_and_find_more(net, digits):
    def stands(restarts, **how):
        attack = partial(attacks.pgd, eps=0.1, alpha=0.1, steps=1, random_start=True, restarts=restarts, **how)
        adversarial = attack(net, *digits, generator=seeded())
        return metrics.answers(net, adversarial) == digits[1]

    once, often = stands(1), stands(10)
    assert not (often & ~once).any()  # what stands after ten starts stood after the first
    assert often.sum() < once.sum()
    targets = (digits[1] + 1) % 10
    attack = partial(attacks.pgd, eps=0.2, alpha=0.2, steps=1, random_start=True, targets=targets)
    hits = [
        (metrics.answers(net, attack(net, *digits, restarts=r, generator=seeded())) == targets).sum() for r in (1, 10)
    ]
    assert hits[1] > hits[0]


def test_no_pixel_gets_stuck_at_the_border(net, digits):
    """The planted bug of chapter 04, on pictures that are mostly border."""
    images, labels = digits
    drawn = EPS * (2 * torch.rand(images.shape, generator=seeded()) - 1)
    stuck = drawn.clone()
    for _ in range(STEPS):
        stuck.requires_grad_()
        risk = F.cross_entropy(net((images + stuck).clamp(0, 1)), labels, reduction="sum")
        stuck = (stuck + ALPHA * torch.autograd.grad(risk, stuck)[0].sign()).clamp(-EPS, EPS).detach()
    attack = partial(attacks.pgd, eps=EPS, alpha=ALPHA, steps=STEPS, random_start=True, generator=seeded())
    broken = metrics.accuracy(net, (images + stuck).clamp(0, 1), labels)
    assert attacks.robust_accuracy(net, images, labels, attack) < broken - 0.05


class Loud(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        return 1_000 * self.net(images)


def test_the_margin_loss_sees_through_saturated_logits(net, digits):
    steps = partial(attacks.pgd, eps=0.3, alpha=0.03, steps=20)
    masked = attacks.robust_accuracy(Loud(net), *digits, steps)
    seen = attacks.robust_accuracy(Loud(net), *digits, partial(steps, loss=attacks.margin_loss))
    assert masked > 0.5
    assert seen < 0.1


@pytest.mark.parametrize("scale", [1e-40, 1e-25, 1.0, 1e25])
def test_a_step_has_size_one_however_small_the_gradient(scale):
    gradient = torch.randn(6, 1, 2, 3, generator=seeded())
    gradient[0] = 0
    for norm in ("inf", "2"):
        direction = attacks.steepest(scale * gradient, norm)
        assert torch.allclose(direction, attacks.steepest(gradient, norm), atol=1e-3)
        assert direction[1:].flatten(1).norm(dim=1, p=float(norm)).tolist() == pytest.approx([1] * 5, abs=1e-5)
        assert not direction[0].any()


def test_an_attack_by_length_does_not_stand_still_where_the_loss_is_tiny(net, digits):
    """A sure network's loss has gradients of 1e-20, and they point somewhere."""
    steps = partial(attacks.pgd, net, *digits, 4.0, 0.5, 10, norm="2")
    tiny = steps(loss=lambda logits, labels: 1e-20 * attacks.cross_entropy(logits, labels))
    assert torch.allclose(tiny, steps(), atol=1e-3)


def test_the_margin_loss_is_foolboxs_and_positive_where_the_model_is_wrong(net, digits):
    logits = metrics.outputs(net, digits[0])
    ours = attacks.margin_loss(logits, digits[1])
    assert torch.equal(ours > 0, logits.argmax(1) != digits[1])
    for row, label, loss in zip(logits, digits[1], ours):
        others = [value for k, value in enumerate(row.tolist()) if k != label]
        assert loss.item() == pytest.approx(max(others) - row[label].item(), abs=1e-5)


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_a_projection_is_the_nearest_point_of_the_ball(norm):
    given = torch.randn(50, 1, 2, 3, generator=seeded())
    given[0] = 0
    given[1] /= 100
    found = attacks.project(given, 0.7, norm)
    assert found.flatten(1).norm(dim=1, p=float(norm)).max() <= 0.7 + 1e-6
    assert torch.equal(attacks.project(found, 0.71, norm), found)
    assert torch.equal(found[:2], given[:2])
    # The nearest point of a convex set: from it, no other point of the set lies on the side of what is projected.
    rivals = [0.7 * attacks.steepest(given, norm)]
    rivals += [1.4 * attacks.random_perturbation(torch.full_like(given, 0.5), 0.5, norm, seeded(k)) for k in range(20)]
    for rival in rivals:
        assert ((given - found) * (rival - found)).flatten(1).sum(dim=1).max() <= 1e-5


def test_a_transfer_attack_is_an_attack_on_another_network(net, digits):
    other = models.mlp()
    made = attacks.fgsm(other, *digits, EPS)
    transferred = attacks.robust_accuracy(net, *digits, lambda _, x, y: attacks.fgsm(other, x, y, EPS))
    right = (metrics.answers(net, digits[0]) == digits[1]) & (metrics.answers(net, made) == digits[1])
    assert transferred == pytest.approx(right.float().mean().item(), abs=1.5 / 200)


def test_all_restarts_from_one_start_are_refused(net, digits):
    with pytest.raises(ValueError, match="restarts must be 1 without random_start"):
        attacks.pgd(net, *digits, EPS, ALPHA, 2, restarts=3)


def test_pixels_a_rounding_outside_the_box_are_taken(net, digits):
    assert attacks.fgsm(net, digits[0] - 5e-7, digits[1], EPS).min() >= 0


def test_what_is_wrong_already_counts_as_lost_and_is_not_attacked(net, digits):
    seen = []

    def count(model, images, labels):
        seen.append(len(images))
        return images

    right = round(200 * metrics.accuracy(net, *digits))
    assert attacks.robust_accuracy(net, *digits, count) == pytest.approx(right / 200)
    assert sum(seen) == right < 200


def test_a_network_that_is_always_wrong_has_no_robust_accuracy(digits):
    net = models.mlp(hidden=())
    with torch.no_grad():
        net[-1].weight.zero_()
        net[-1].bias.copy_(torch.arange(10.0))
    images, labels = digits[0], torch.zeros(200, dtype=torch.int64)
    assert attacks.robust_accuracy(net, images, labels, partial(attacks.fgsm, eps=0.1)) == 0


def test_the_small_network_is_small_and_follows_its_seed():
    net = models.small_cnn()
    assert models.count_parameters(net) == 105_866
    assert net(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert models.small_cnn(channels=3, classes=4)(torch.rand(2, 3, 28, 28)).shape == (2, 4)
    assert torch.equal(net[0].weight, models.small_cnn()[0].weight)
    assert not torch.equal(net[0].weight, models.small_cnn(seed=1)[0].weight)


def test_the_gradient_of_a_score_is_autograds(net, digits):
    images, labels = digits
    given = images.clone().requires_grad_()
    (by_hand,) = torch.autograd.grad(F.cross_entropy(net(given), labels, reduction="sum"), given)
    ours = metrics.input_gradient(net, images, lambda logits: F.cross_entropy(logits, labels, reduction="sum"))
    assert torch.allclose(ours, by_hand, atol=1e-6)
    assert torch.allclose(metrics.gradient_norms(net, images, labels), by_hand.flatten(1).norm(dim=1), atol=1e-5)


def test_a_model_that_answers_nan_is_refused_and_not_found_robust():
    """The sign of NaN is 0: such an attack would leave every image as it is."""
    net = models.mlp(hidden=())
    net[-1].weight.data.fill_(torch.nan)
    images, labels = torch.rand(3, 1, 28, 28), torch.arange(3)
    for attack in (
        partial(attacks.fgsm, eps=0.1),
        partial(attacks.pgd, eps=0.1, alpha=0.1, steps=1),
        partial(attacks.pgd_step, perturbation=torch.zeros_like(images), eps=0.1, alpha=0.1),
    ):
        with pytest.raises(ValueError, match=r"model must give logits \[N, K\], .* NaN"):
            attack(net, images, labels)
    with pytest.raises(ValueError, match="gradient must be finite"):
        attacks.steepest(images / 0)


def test_a_start_in_half_precision_stays_in_it():
    images = torch.rand(4, 1, 28, 28).bfloat16()
    drawn = attacks.random_perturbation(images, 0.1, "inf", seeded())
    assert drawn.dtype == torch.bfloat16
    net = models.mlp(hidden=()).bfloat16()
    found = attacks.pgd(net, images, torch.arange(4), 0.1, 0.05, 2, random_start=True, generator=seeded())
    assert found.dtype == torch.bfloat16
