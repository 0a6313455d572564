"""What holds of mixup for any batch, weights and partners."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms import v2

from course_utils import mixup, models, training

SHAPES = st.sampled_from([(2,), (5, 3), (1, 2, 2), (3, 4, 4)])
LAMS = ["number", "one", "each"]


@st.composite
def mixings(draw, dtype=torch.float32, shapes=SHAPES):
    """Arguments of `mixup`: any number of examples, one too; partners may repeat."""
    n, classes, seed = draw(st.integers(1, 9)), draw(st.integers(1, 6)), draw(st.integers(0, 2**32))
    generator = torch.Generator().manual_seed(seed)
    kind = draw(st.sampled_from(LAMS))
    lam = torch.rand(n if kind == "each" else 1, generator=generator)
    return {
        "images": torch.randn(n, *draw(shapes), generator=generator, dtype=dtype),
        "labels": torch.randint(classes, (n,), generator=generator),
        "lam": lam.item() if kind == "number" else lam,
        "index": torch.randint(n, (n,), generator=generator),
        "num_classes": classes,
    }


def close(one, other):
    return all(torch.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True))


@given(mixings())
def test_it_is_a_loop_over_the_examples(given):
    images, soft = mixup.mixup(**given)
    weights = torch.as_tensor(given["lam"]).expand(len(images)).tolist()
    for i, (lam, j) in enumerate(zip(weights, given["index"])):
        one_hot = F.one_hot(given["labels"], given["num_classes"]).float()
        assert torch.allclose(images[i], lam * given["images"][i] + (1 - lam) * given["images"][j], atol=1e-6)
        assert torch.allclose(soft[i], lam * one_hot[i] + (1 - lam) * one_hot[j], atol=1e-6)


@given(mixings())
def test_labels_are_distributions_and_the_arguments_stay(given):
    before = {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in given.items()}
    images, soft = mixup.mixup(**given)
    assert images.shape == given["images"].shape and soft.shape == (len(images), given["num_classes"])
    assert images.dtype == soft.dtype == torch.float32
    assert (soft >= 0).all() and torch.allclose(soft.sum(dim=1), torch.ones(len(soft)))
    for name, value in before.items():
        same = torch.equal(given[name], value) if isinstance(value, torch.Tensor) else given[name] == value
        assert same, name


@given(mixings())
def test_at_one_nothing_is_mixed_and_at_zero_all_is_the_partners(given):
    one_hot = F.one_hot(given["labels"], given["num_classes"]).float()
    images, soft = mixup.mixup(**given | {"lam": 1.0})
    assert torch.equal(images, given["images"]) and torch.equal(soft, one_hot)
    images, soft = mixup.mixup(**given | {"lam": torch.zeros(1)})
    assert torch.equal(images, given["images"][given["index"]]) and torch.equal(soft, one_hot[given["index"]])


@given(mixings())
def test_one_half_does_not_tell_an_example_from_its_partner(given):
    n = len(given["images"])
    given = given | {"index": torch.arange(n).flip(0), "lam": 0.5}  # each is its partner's partner
    assert close(mixup.mixup(**given), [part.flip(0) for part in mixup.mixup(**given)])


@given(mixings(), st.randoms(use_true_random=False))
def test_the_order_of_a_batch_means_nothing(given, random):
    n = len(given["images"])
    order = torch.tensor(random.sample(range(n), n))
    place = order.argsort()  # where each example has gone
    lam = torch.as_tensor(given["lam"]).expand(n)
    moved = given | {"images": given["images"][order], "labels": given["labels"][order], "lam": lam[order]}
    moved |= {"index": place[given["index"][order]]}
    wanted = [part[order] for part in mixup.mixup(**given | {"lam": lam})]
    assert all(torch.equal(a, b) for a, b in zip(mixup.mixup(**moved), wanted))


@given(mixings())
def test_with_each_as_a_partner_once_the_batchs_sum_stays(given):
    """One weight for all, partners in another order: what one example gives away another one gets."""
    given = given | {"lam": 0.3, "index": torch.randperm(len(given["images"]))}
    images, soft = mixup.mixup(**given)
    assert torch.allclose(images.sum(dim=0), given["images"].sum(dim=0), atol=1e-5)
    assert torch.allclose(soft.sum(dim=0), given["labels"].bincount(minlength=given["num_classes"]).float(), atol=1e-5)


@given(mixings(dtype=torch.float64))
def test_float64_stays_and_memory_may_lie_in_any_way(given):
    images, soft = mixup.mixup(**given)
    assert images.dtype == soft.dtype == torch.float64
    twice = torch.stack([given["images"]] * 2, dim=-1).movedim(-1, 0)[1]
    stretched = {"images": twice, "labels": given["labels"].repeat_interleave(2)[::2]}
    stretched |= {"index": given["index"].repeat_interleave(3)[::3]}
    lam = torch.as_tensor(given["lam"], dtype=torch.float64).expand(len(images))
    assert close(mixup.mixup(**given | stretched | {"lam": lam}), (images, soft))


@given(mixings())
def test_soft_labels_are_mixed_as_one_hot_ones_are(given):
    soft = F.one_hot(given["labels"], given["num_classes"]).float()
    assert all(torch.equal(a, b) for a, b in zip(mixup.mixup(**given), mixup.mixup(**given | {"labels": soft})))


@given(mixings(shapes=st.sampled_from([(1, 2, 2), (3, 4, 4)])), st.floats(0, 1))
def test_it_is_torchvisions_where_partners_are_neighbours(given, lam):
    class GivenLam(v2.MixUp):
        def make_params(self, flat_inputs):
            return {"lam": lam}

    theirs = GivenLam(num_classes=given["num_classes"])(given["images"], given["labels"])
    around = torch.arange(len(given["images"])).roll(1)
    assert close(mixup.mixup(**given | {"lam": lam, "index": around}), theirs)


@given(mixings(), st.integers(0, 100))
def test_two_cross_entropies_are_the_one_with_soft_labels(given, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(given["images"]), given["num_classes"], generator=generator, requires_grad=True)
    risk = mixup.mixup_risk(logits, given["labels"], given["lam"], given["index"])
    other = F.cross_entropy(logits, mixup.mixup(**given)[1])
    assert risk.item() == pytest.approx(other.item(), abs=1e-5)
    slopes = [torch.autograd.grad(value, logits)[0] for value in (risk, other)]
    assert torch.allclose(*slopes, atol=1e-6)


@given(st.floats(0, 1e6), st.integers(1, 200), st.integers(0, 2**40))
def test_weights_lie_in_the_unit_interval_and_come_from_the_generator(alpha, n, seed):
    draws = [mixup.sample_lam(alpha, n, torch.Generator().manual_seed(seed)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].shape == (n,) and draws[0].dtype == torch.float32
    assert ((draws[0] >= 0) & (draws[0] <= 1)).all()


@given(st.floats(0.05, 50), st.integers(0, 2**40))
def test_weights_are_one_half_on_average_and_as_often_below_as_above(alpha, seed):
    """Within six standard errors."""
    n = 4_000
    lam = mixup.sample_lam(alpha, n, torch.Generator().manual_seed(seed))
    deviation = 1 / math.sqrt(4 * (2 * alpha + 1))
    assert abs(lam.mean().item() - 0.5) < 6 * deviation / math.sqrt(n)
    assert abs((lam < 0.5).float().mean().item() - 0.5) < 6 * 0.5 / math.sqrt(n)
    assert lam.var().item() == pytest.approx(deviation**2, rel=0.2)


@given(mixings(), st.floats(0, 5), st.booleans(), st.integers(0, 100))
def test_a_vicinity_mixes_within_its_batch_and_leaves_it_as_it_was(given, alpha, per_example, seed):
    n, classes = len(given["images"]), given["num_classes"]
    generator = torch.Generator().manual_seed(seed)
    batch = training.Batch(given["images"].clone(), given["labels"].clone(), torch.arange(n), generator)
    near = mixup.vicinity(alpha, num_classes=classes, per_example=per_example)(batch)
    assert torch.equal(batch.images, given["images"]) and torch.equal(batch.labels, given["labels"])
    assert near.index is batch.index and near.labels.shape == (n, classes)
    assert (near.images.amax(dim=0) <= batch.images.amax(dim=0) + 1e-6).all()  # between the examples
    assert (near.images.amin(dim=0) >= batch.images.amin(dim=0) - 1e-6).all()
    if n == 1 or alpha == 0:
        assert torch.allclose(near.images, batch.images, atol=1e-6)


@given(mixings(), st.floats(0, 5), st.integers(0, 100))
def test_the_loss_is_the_risk_of_the_vicinity(given, alpha, seed):
    classes = given["num_classes"]
    model = models.mlp(given["images"][0].numel(), (3,), classes)

    def batch():
        return training.Batch(given["images"], given["labels"], given["index"], torch.Generator().manual_seed(seed))

    near = mixup.vicinity(alpha, num_classes=classes)(batch())
    loss = mixup.mixup_loss(alpha, num_classes=classes)(model, batch())
    assert torch.equal(loss, F.cross_entropy(model(near.images), near.labels))
