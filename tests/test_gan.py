"""The toy GAN against a loop written by hand, and what is counted of its points."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from course_utils import data, gan, models
from course_utils.mixup import sample_lam


def test_the_ring_has_eight_modes_of_equal_weight():
    points = data.ring_of_gaussians(20_000, torch.Generator().manual_seed(0))
    near = torch.cdist(points, data.RING).argmin(dim=1)
    counts = near.bincount(minlength=8)
    assert counts.min() > 2_300
    assert counts.max() < 2_700
    spread = (points - data.RING[near]).std(dim=0)
    assert spread.tolist() == pytest.approx([data.RING_STD] * 2, rel=0.05)


def test_unmixed_it_is_the_usual_risk_of_a_discriminator():
    real, fake = torch.randn(6, 2), torch.randn(6, 2)
    discriminate = models.mlp(2, (8,), 1, seed=0)
    lam = gan.real_or_fake(6, torch.Generator())
    assert lam.tolist() == [0, 1, 0, 1, 0, 1]
    on_real = F.binary_cross_entropy_with_logits(discriminate(real[1::2]), torch.ones(3, 1))
    on_fake = F.binary_cross_entropy_with_logits(discriminate(fake[::2]), torch.zeros(3, 1))
    risk = gan.mixup_gan_risk(discriminate, real, fake, lam.unsqueeze(1))
    assert risk.item() == pytest.approx((on_real + on_fake).item() / 2, rel=1e-5)


def by_hand(seed, steps, pairs, lr, draw):
    """One pair of networks, trained without stacks: plain modules, backward and Adam."""
    maker = models.mlp(2, (32, 32), 2, seed=seed)
    judge = models.mlp(2, (32, 32), 1, seed=1_000 + seed)
    adam = {net: torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999)) for net in (maker, judge)}
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for net, sign in ((judge, 1), (judge, 1), (maker, -1)):
            real = data.ring_of_gaussians(pairs, generator)
            fake = maker(torch.randn(1, pairs, 2, generator=generator)[0])
            lam = draw(pairs, generator).unsqueeze(1)
            mixed = lam * real + (1 - lam) * fake
            loss = F.binary_cross_entropy(judge(mixed).sigmoid(), lam)
            adam[net].zero_grad()
            (sign * loss).backward(inputs=list(net.parameters()))
            adam[net].step()
    noise = torch.randn(1, 500, 2, generator=generator)[0]
    points = maker(noise).detach().requires_grad_()
    said = judge(points)
    said.sum().backward()
    real = data.ring_of_gaussians(500, generator)
    spread = torch.cat([said, judge(real)]).std().detach()
    return points.detach(), points.grad.norm(dim=1).mean(), spread


@pytest.mark.parametrize("draw", [gan.real_or_fake, partial(sample_lam, 0.5)])
def test_it_agrees_with_a_loop_written_by_hand(draw):
    record = gan.train_gans([draw], seeds=[3], steps=12, discriminator_steps=2, pairs=16, moments=1)
    points, gradient, spread = by_hand(3, 12, 16, 5e-3, draw)
    assert torch.allclose(record.samples[0, 0], points, atol=2e-3)
    assert record.gradients[0, 0].item() == pytest.approx(gradient.item(), rel=1e-2)
    assert record.spreads[0, 0].item() == pytest.approx(spread.item(), rel=1e-2)


def test_the_record_has_a_row_for_each_moment_and_pair():
    record = gan.train_gans([gan.real_or_fake] * 3, seeds=[0, 1, 2], steps=10, pairs=8, moments=4)
    assert record.steps.tolist() == [3, 5, 8, 10]
    assert record.samples.shape == (4, 3, 500, 2)
    assert record.gradients.shape == record.spreads.shape == (4, 3)
    again = gan.train_gans([gan.real_or_fake] * 3, seeds=[0, 1, 2], steps=10, pairs=8, moments=4)
    assert torch.equal(record.samples, again.samples)


def test_generators_learn_where_the_ring_is():
    record = gan.train_gans([gan.real_or_fake] * 2, seeds=[0, 1], steps=200, moments=2)
    before, after = (record.samples[k].norm(dim=2).sub(4).abs().mean().item() for k in (0, 1))
    assert after < 1.5
    assert gan.well_placed(record.samples[-1], data.RING, 3 * data.RING_STD).mean() > 0.15


def test_points_between_the_modes_and_heaps_on_one_count_little():
    modes = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    heap = torch.zeros(100, 2)
    assert gan.well_placed(heap, modes, radius=1.0).item() == pytest.approx(0.25)
    even = modes.repeat(25, 1)
    assert gan.well_placed(even, modes, radius=1.0).item() == pytest.approx(1)
    assert gan.well_placed(even + 2, modes, radius=1.0).item() == 0
    half = torch.where(torch.arange(100)[:, None] < 50, even, even + 2)
    assert gan.well_placed(half, modes, radius=1.0).item() == pytest.approx(0.5)
    assert gan.well_placed(half.expand(4, 5, -1, -1), modes, radius=1.0).shape == (4, 5)


def test_a_ring_without_modes_scores_half_and_the_data_itself_nearly_all():
    generator = torch.Generator().manual_seed(0)
    angle = 2 * math.pi * torch.rand(5_000, generator=generator)
    ring = 4 * torch.stack([angle.cos(), angle.sin()], dim=1)
    real = data.ring_of_gaussians(5_000, generator)
    assert 0.4 < gan.well_placed(ring, data.RING, 3 * data.RING_STD) < 0.55
    assert gan.well_placed(real, data.RING, 3 * data.RING_STD) > 0.95


def test_a_risk_that_is_no_number_stops():
    with pytest.raises(FloatingPointError, match="the risk is nan at step 1 of 10"):
        gan.train_gans([gan.real_or_fake], lambda *given: gan.mixup_gan_risk(*given) * math.nan, seeds=[0], steps=10)


# ---- whatever the points are ---------------------------------------------------------------------------------

SEEDS = st.integers(0, 2**32)
JUDGE = models.mlp(2, (8,), 1, seed=0)


def drawn(seed, n):
    generator = torch.Generator().manual_seed(seed)
    return (*torch.randn(2, n, 2, generator=generator), torch.rand(n, 1, generator=generator), generator)


@given(SEEDS, st.integers(1, 20))
def test_the_risk_knows_no_order_and_no_side(seed, n):
    real, fake, lam, generator = drawn(seed, n)
    order = torch.randperm(n, generator=generator)
    risk = gan.mixup_gan_risk(JUDGE, real, fake, lam)
    assert torch.allclose(gan.mixup_gan_risk(JUDGE, real[order], fake[order], lam[order]), risk)
    # Who calls real what was fake, and says the opposite, errs as much.
    assert torch.allclose(gan.mixup_gan_risk(lambda x: -JUDGE(x), fake, real, 1 - lam), risk)
    one_by_one = [gan.mixup_gan_risk(JUDGE, *each) for each in zip(real[:, None], fake[:, None], lam[:, None])]
    assert torch.allclose(torch.stack(one_by_one).mean(), risk)


@given(SEEDS, st.integers(1, 20))
def test_at_the_ends_the_other_point_is_not_looked_at_and_who_knows_nothing_pays_log_two(seed, n):
    real, fake, lam, _ = drawn(seed, n)
    ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)
    assert torch.equal(gan.mixup_gan_risk(JUDGE, real, fake, ones), gan.mixup_gan_risk(JUDGE, real, 9 * fake, ones))
    assert torch.equal(gan.mixup_gan_risk(JUDGE, real, fake, zeros), gan.mixup_gan_risk(JUDGE, 9 * real, fake, zeros))
    blind = gan.mixup_gan_risk(lambda points: 0 * points[..., :1], real, fake, lam)
    assert blind.item() == pytest.approx(math.log(2))
    told = F.binary_cross_entropy(lam, lam)  # what pays who is told lam
    assert gan.mixup_gan_risk(JUDGE, real, fake, lam) >= told - 1e-6


@given(SEEDS, st.integers(1, 40), st.integers(1, 8))
def test_a_share_is_well_placed_whatever_the_order_and_the_size_of_the_plane(seed, n, modes):
    generator = torch.Generator().manual_seed(seed)
    centres = 4 * torch.stack([torch.arange(float(modes)), torch.zeros(modes)], dim=1)
    points = centres[torch.randint(modes, (n,), generator=generator)] + torch.randn(n, 2, generator=generator)
    share = gan.well_placed(points, centres, 1.5)
    near = [sum(math.dist(p, c) <= 1.5 for p in points.tolist()) / n for c in centres.tolist()]
    assert share.item() == pytest.approx(sum(min(part, 1 / modes) for part in near), abs=1e-5)
    assert gan.well_placed(points.flip(0), centres.flip(0), 1.5).item() == pytest.approx(share.item(), abs=1e-6)
    assert gan.well_placed(2 * points, 2 * centres, 3.0).item() == pytest.approx(share.item(), abs=1e-6)
    assert gan.well_placed(points, centres, 1.0) <= share <= 1 + 1e-6
    assert gan.well_placed(centres, centres, 0.1).item() == pytest.approx(1)
