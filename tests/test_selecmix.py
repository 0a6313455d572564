"""SelecMix: pairs that contradict, whatever the sign of the similarity; the mixture; the losses against other codes."""

import ast
import inspect
import math

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import biased, exercises, lff, metrics, models, selecmix, training
from course_utils.notebooks import NOTEBOOKS
from course_utils.training import Batch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some_labels(n=60, classes=5, seed=0):
    return torch.randint(classes, (n,), generator=seeded(seed))


# ---- Pairs ---------------------------------------------------------------------------------------------------


def by_hand(similarity, labels, kind):
    """One example at a time, in plain Python: the partner and whether there is one."""
    found = []
    for i, own in enumerate(labels.tolist()):
        rest = [j for j, other in enumerate(labels.tolist()) if j != i and (other == own) == (kind == "positive")]
        choose = min if kind == "positive" else max
        found.append(choose(rest, key=lambda j: similarity[i, j].item()) if rest else None)
    return found


@pytest.mark.parametrize("kind", selecmix.KINDS)
@pytest.mark.parametrize("shift", [-3.0, 0.0, 3.0])
def test_pairs_are_those_found_by_hand_whatever_the_sign(kind, shift):
    labels = some_labels()
    labels[0] = 7  # alone in its class
    similarity = torch.randn(60, 60, generator=seeded(1)) + shift
    similarity.fill_diagonal_(100 if kind == "negative" else -100)  # an example is no partner of its own
    index, has_partner = selecmix.contradicting_pairs(similarity, labels, kind)
    expected = by_hand(similarity, labels, kind)
    assert has_partner.tolist() == [j is not None for j in expected]
    assert [j for j, has in zip(index.tolist(), has_partner) if has] == [j for j in expected if j is not None]


def test_the_choice_is_the_published_codes_where_that_is_right():
    """The authors' masks, by multiplication and by ones, for similarities in (0, 1) and at least two of a class."""
    labels = some_labels()
    similarity = 0.01 + 0.98 * torch.rand(60, 60, generator=seeded(2))
    similarity.fill_diagonal_(1)
    other = (labels[:, None] != labels).float()
    assert torch.equal(selecmix.contradicting_pairs(similarity, labels, "negative")[0], (similarity * other).argmax(1))
    masked = similarity * (1 - other) + other
    assert torch.equal(selecmix.contradicting_pairs(similarity, labels, "positive")[0], masked.argmin(1))


@pytest.mark.parametrize("kind", selecmix.KINDS)
def test_pairs_by_bias_contradict_and_every_candidate_is_drawn(kind):
    labels, bias = some_labels(80), some_labels(80, seed=1)
    same, alike = labels[:, None] == labels, bias[:, None] == bias
    allowed = same & ~alike if kind == "positive" else ~same & alike
    drawn = torch.zeros_like(allowed)
    for seed in range(300):
        index, has_partner = selecmix.contradicting_pairs_by_bias(labels, bias, kind, seeded(seed))
        assert torch.equal(has_partner, allowed.any(1))
        drawn[torch.arange(80)[has_partner], index[has_partner]] = True
    assert torch.equal(drawn, allowed)


def test_perfect_bias_leaves_no_partner_by_bias():
    labels = torch.arange(20) % 10
    for kind in selecmix.KINDS:
        assert not selecmix.contradicting_pairs_by_bias(labels, labels, kind, seeded())[1].any()


def test_one_example_or_one_class_has_no_partner():
    for kind in selecmix.KINDS:
        assert not selecmix.contradicting_pairs(torch.ones(1, 1), torch.zeros(1, dtype=torch.long), kind)[1].any()
    one_class = torch.zeros(4, dtype=torch.long)
    assert not selecmix.contradicting_pairs(torch.rand(4, 4, generator=seeded()), one_class, "negative")[1].any()
    assert selecmix.contradicting_pairs(torch.rand(4, 4, generator=seeded()), one_class, "positive")[1].all()


# ---- The mixture ---------------------------------------------------------------------------------------------


def test_the_partner_prevails_and_owns_the_label():
    images = torch.arange(1_000.0).view(-1, 1, 1, 1)  # image i is the number i, so that a mixture tells its weight
    labels = some_labels(1_000)
    rows, partners = torch.arange(400), torch.arange(600, 1_000)
    mixed, told = selecmix.mix_pairs(images, labels, rows, partners, seeded())
    lam = (mixed.flatten() - partners) / (rows - partners)
    assert torch.equal(told, labels[partners])
    assert lam.min() >= 0 and lam.max() <= 0.5
    assert lam.mean().item() == pytest.approx(0.25, abs=0.03)
    assert lam.std().item() == pytest.approx(0.5 / math.sqrt(12), abs=0.02)  # one weight each, uniform


def test_who_is_its_own_partner_stays_as_it_is():
    images, labels = torch.rand(30, 3, 4, 4, generator=seeded()), some_labels(30)
    rows = torch.randperm(30, generator=seeded())[:8]
    mixed, told = selecmix.mix_pairs(images, labels, rows, rows, seeded())
    assert torch.allclose(mixed, images[rows]) and torch.equal(told, labels[rows])


# ---- The losses ----------------------------------------------------------------------------------------------


def loops(embeddings, labels, tau, weight):
    """The loss in plain Python, one pair at a time."""
    rows = []
    for i in range(len(labels)):
        scores = [math.exp((embeddings[i] @ z).item() / tau) for z in embeddings]
        total = sum(scores) - scores[i]
        p = [s / total for j, s in enumerate(scores) if j != i and labels[j] == labels[i]]
        if p:
            rows.append(sum(-weight(x) * math.log(x) for x in p) / len(p))
    return sum(rows) / len(rows) if rows else 0.0


@pytest.fixture
def embedded():
    labels = some_labels(30)
    labels[0] = 9  # an example without positives
    return F.normalize(torch.randn(30, 8, generator=seeded(3)), dim=1), labels


def test_the_losses_are_those_of_plain_loops(embedded):
    assert selecmix.supcon(*embedded).item() == pytest.approx(loops(*embedded, 0.2, lambda p: 1), rel=1e-4)
    assert selecmix.supcon(*embedded, tau=0.7).item() == pytest.approx(loops(*embedded, 0.7, lambda p: 1), rel=1e-4)
    assert selecmix.gsc(*embedded).item() == pytest.approx(loops(*embedded, 0.2, lambda p: 0.7 * p**0.7), rel=1e-4)


def test_the_gradient_of_gsc_takes_the_weight_as_a_constant(embedded):
    z, labels = embedded[0].clone().requires_grad_(), embedded[1]
    (gradient,) = torch.autograd.grad(selecmix.gsc(z, labels), z)
    # q · p^q · log p with the factor held constant has the gradient of q · (p^q − 1) / q, up to the sign of both.
    log_p, positive = selecmix.log_probabilities(z, labels, 0.2)
    closed = selecmix.mean_over_positives(1 - (0.7 * log_p).exp(), positive)
    (expected,) = torch.autograd.grad(closed, z)
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_losses_without_any_positive_are_zero_and_can_be_differentiated():
    z = F.normalize(torch.randn(3, 4, generator=seeded()), dim=1).requires_grad_()
    for loss in (selecmix.supcon, selecmix.gsc):
        value = loss(z, torch.arange(3))
        assert value.item() == 0
        assert torch.autograd.grad(value, z)[0].abs().max() == 0


def test_gsc_learns_the_colour_before_the_digit():
    images, labels, bias = biased.colored_mnist("train", 0.05, n=5_000)
    model = models.encoder()
    recipe = {"epochs": 4, "lr": 1e-2, "batch_size": 256, "show": False}
    training.fit(model, images, labels, loss=selecmix.gsc_loss(), **recipe)
    pairing = selecmix.by_similarity(metrics.outputs(model, images), labels)
    for kind in selecmix.KINDS:
        found, possible = selecmix.contradicting_share(pairing, labels, bias, kind, pool=1_000)
        assert found > 0.8 and possible > 0.95


# ---- The method ----------------------------------------------------------------------------------------------


def a_training_set(n=400):
    images, labels, bias = biased.colored_mnist("train", 0.1, n=n)
    return images, labels, bias


def test_each_step_draws_another_pool_and_both_kinds_come_up():
    images, labels, bias = a_training_set()
    seen = []

    def pairing(rows, pool, kind, generator):
        seen.append((pool, kind))
        return torch.zeros_like(rows), torch.ones(len(rows), dtype=torch.bool)

    method = selecmix.SelecMix(pairing, pool=50)
    training.fit(models.mlp(2352), images, labels, loss=method, epochs=5, batch_size=40, show=False)
    pools, kinds = zip(*seen)
    assert len(seen) == 50 and all(len(pool) == 50 for pool in pools)
    assert len({tuple(pool.tolist()) for pool in pools}) == 50
    assert 10 < kinds.count("positive") < 40


def test_the_share_that_stays_alone():
    images, labels, bias = a_training_set(2_000)
    rows = torch.arange(2_000)
    for alone in (0.0, 0.5, 1.0):
        method = selecmix.SelecMix(selecmix.by_bias(labels, bias), alone=alone)
        assert (method.partners(rows, 2_000, seeded()) == rows).float().mean().item() == pytest.approx(alone, abs=0.05)


@pytest.mark.parametrize("kind", selecmix.KINDS)
def test_partners_by_bias_contradict(kind):
    images, labels, bias = a_training_set(2_000)
    method = selecmix.SelecMix(selecmix.by_bias(labels, bias), kinds=[kind], alone=0.0)
    rows = torch.arange(2_000)
    partners = method.partners(rows, 2_000, seeded())
    moved = partners != rows
    assert selecmix.contradicts(labels, bias, rows, partners, kind)[moved].all()
    assert moved.float().mean() > 0.9


def test_with_nobody_mixed_it_is_erm():
    images, labels, bias = a_training_set()
    nets = [models.mlp(2352), models.mlp(2352)]
    method = selecmix.SelecMix(selecmix.by_bias(labels, bias), alone=1.0)
    batch = Batch(images[:50], labels[:50], torch.arange(50), seeded(), (images, labels))
    assert method(nets[0], batch).item() == pytest.approx(training.erm(nets[1], batch).item(), rel=1e-5)


def test_with_lff_only_the_debiased_network_sees_mixtures():
    images, labels, bias = a_training_set()
    method = selecmix.SelecMix(selecmix.by_bias(labels, bias))
    pair = lff.Pair(models.mlp(2352, seed=1), models.mlp(2352))
    batch = Batch(images[:50], labels[:50], torch.arange(50), seeded(), (images, labels))
    gradients = {}
    for weight in (0.0, 0.1):
        pair.zero_grad()
        selecmix.lff_selecmix(lff.LfF(), method, weight)(pair, batch._replace(generator=seeded())).backward()
        gradients[weight] = [[p.grad.clone() for p in part.parameters()] for part in (pair.biased, pair.debiased)]
    assert all(map(torch.equal, gradients[0.0][0], gradients[0.1][0]))
    assert not all(map(torch.equal, gradients[0.0][1], gradients[0.1][1]))


def test_it_debiases():
    """On 2 % conflicting pictures and with the bias known, it reads far more conflicting test pictures than ERM."""
    images, labels, bias = biased.colored_mnist("train", 0.02, n=4_000)
    test = biased.colored_mnist("test", 0.02, n=2_000)
    reached = {}
    for name, loss in {
        "erm": training.erm,
        "selecmix": selecmix.SelecMix(selecmix.by_bias(labels, bias)),
    }.items():
        model = models.mlp(2352)
        training.fit(model, images, labels, loss=loss, epochs=10, lr=2e-3, show=False)
        reached[name] = metrics.group_accuracies(model, *test)["conflicting"]
    assert reached["selecmix"] > reached["erm"] + 0.2


def test_the_encoder_gives_embeddings_of_length_1():
    z = models.encoder(dimensions=7)(torch.rand(5, 3, 28, 28, generator=seeded()))
    assert z.shape == (5, 7)
    assert torch.allclose(z.norm(dim=1), torch.ones(5))


@pytest.mark.parametrize("kind", selecmix.KINDS)
def test_partners_in_a_pool_are_the_least_or_the_most_similar(kind):
    labels = torch.randint(8, (900,), generator=seeded(1))
    labels[labels == 7], labels[0] = 6, 7  # one alone in its class
    z = nn.functional.normalize(torch.randn(900, 4, generator=seeded(2)), dim=1)
    rows, pool = torch.arange(300), torch.arange(200, 900)
    index, has = selecmix.by_similarity(z, labels)(rows, pool, kind, seeded())
    similarity = z[rows] @ z[pool].T
    for i, partner in enumerate(index.tolist()):
        fits = (labels[pool] == labels[rows[i]]) == (kind == "positive")
        assert has[i] == fits.any()
        if has[i]:
            best = similarity[i][fits].min() if kind == "positive" else similarity[i][fits].max()
            assert fits[partner] and similarity[i, partner] == pytest.approx(best.item(), abs=1e-5)
    everyone = torch.arange(900)
    index, has = selecmix.by_similarity(z, labels)(everyone, everyone, kind, seeded())
    slow, slow_has = selecmix.contradicting_pairs(z @ z.T, labels, kind)
    assert torch.equal(has, slow_has)
    assert torch.equal(index[has], slow[has])


@pytest.mark.parametrize("kind", selecmix.KINDS)
def test_partners_in_a_pool_by_bias_contradict(kind):
    labels, bias = torch.randint(8, (2, 900), generator=seeded(1))
    bias[1] = 9  # a bias of its own
    rows, pool = torch.arange(300), torch.arange(200, 900)
    index, has = selecmix.by_bias(labels, bias)(rows, pool, kind, seeded())
    allowed = selecmix.contradicts(labels, bias, rows[:, None], pool, kind)
    assert torch.equal(has, allowed.any(dim=1))
    assert allowed[rows, index][has].all()


def test_each_that_contradicts_is_as_likely_by_bias():
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 0, 0, 1])
    bias = torch.tensor([2, 1, 3, 9, 2, 1, 1, 2, 3])
    pair = selecmix.by_bias(labels, bias)
    index, _ = pair(torch.zeros(8_000, dtype=torch.long), torch.arange(9), "positive", seeded())
    counts = index.bincount(minlength=9)
    assert (counts[[1, 2, 3, 6]] - 2_000).abs().max() < 200
    assert counts.sum() == counts[[1, 2, 3, 6]].sum()


def test_no_gradient_is_lost_in_odd_batches():
    """A batch of one, and opposite embeddings at a low temperature, where a softmax overflows easily."""
    for z, labels, tau in (
        (torch.tensor([[1.0, 0.0]]), torch.tensor([3]), 0.2),
        (torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]), torch.tensor([3, 3, 4]), 0.01),
    ):
        z.requires_grad_()
        selecmix.gsc(z, labels, tau).backward()
        assert z.grad.isfinite().all()


def test_a_batch_without_its_training_set_is_refused():
    images, labels, bias = a_training_set(50)
    batch = Batch(images, labels, torch.arange(50), seeded())
    with pytest.raises(ValueError, match="batch must hold the training set"):
        selecmix.SelecMix(selecmix.by_bias(labels, bias))(models.mlp(2352), batch)


@pytest.mark.parametrize("options", [{}, {"kinds": ["negative"], "alone": 0.0, "pool": 300}])
def test_the_notebooks_selecmix_is_the_packages(options):
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOKS / "06_selecmix.ipynb", as_version=4).cells}
    names = {}
    exec(cells["setup"].source, names)
    names |= {"mixture_check": exercises.check(selecmix.mix_pairs)}
    exec(cells["method"].source, names)
    images, labels, bias = a_training_set()
    nets = []
    for method in (names["SelecMix"], selecmix.SelecMix):
        nets.append(models.mlp(2352))
        loss = method(selecmix.by_bias(labels, bias), **options)
        training.fit(nets[-1], images, labels, loss=loss, epochs=2, batch_size=50, show=False)
    assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net in nets)))
    for name in ("__call__", "partners"):  # and the same text, whitespace, comments and the rooms' names aside
        ours, theirs = (_statements(source, name) for source in (cells["method"].source, inspect.getsource(selecmix)))
        assert ours == theirs, name


def _statements(source, name):
    """What a method of SelecMix does, without its docstring."""
    (made,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "SelecMix"]
    (method,) = [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == name]
    text = [ast.unparse(line) for line in method.body if not isinstance(line, ast.Expr)]
    return [line.replace("metrics.", "") for line in text]


@pytest.mark.parametrize("examples", [90, 40])
def test_a_pairing_of_another_training_set_is_refused(examples):
    """After `holdout`, say: partners would be other examples than those that were found."""
    labels, bias = some_labels(examples), some_labels(examples, seed=1)
    rows = F.normalize(torch.randn(examples, 4, generator=seeded()), dim=1)
    data = torch.rand(60, 1, 2, 2), some_labels()
    for pairing in (selecmix.by_bias(labels, bias), selecmix.by_similarity(rows, labels)):
        batch = Batch(data[0][:8], data[1][:8], torch.arange(8), seeded(), data)
        with pytest.raises(ValueError, match=f"pairing must be made for the 60 examples .* got pairing for {examples}"):
            selecmix.SelecMix(pairing)(models.mlp(4, (), 5), batch)
