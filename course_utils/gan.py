"""Generative adversarial networks in the plane (Goodfellow et al., NIPS 2014), many at once.

A generator g turns noise into points, a discriminator d tells them from real ones. Small enough to watch: what the
generator makes can be drawn, and how much of it lies where it should can be counted.
"""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import models, progress, require
from course_utils.data import ring_of_gaussians
from course_utils.training import Stack

# From (discriminator, real points, fake points, lam) to one number: what d makes small and g makes large.
Risk = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor], Tensor]
DrawLam = Callable[[int, torch.Generator], Tensor]  # from (n, generator) to n shares lam of the real point, in [0, 1]


class GanRecord(NamedTuple):
    """What M pairs of networks did, at S moments of their training."""

    steps: Tensor  # [S] int64: generator steps taken
    samples: Tensor  # [S, M, 500, 2]: points that each generator makes
    gradients: Tensor  # [S, M]: average norm of the discriminator's input gradient at those points
    spreads: Tensor  # [S, M]: standard deviation of its logits, over those points and as many real ones


def _check_points(discriminate: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, lam: Tensor) -> None:
    require.function(discriminate=discriminate)
    require.tensors(real=(real, "float [N, …]"), fake=(fake, "float [N, …]"), lam=(lam, "float [N, …]"))
    if real.shape[-1] != 2:
        raise ValueError(f"real must be points [..., 2], got {require.what(real)}")
    if fake.shape != real.shape:
        raise ValueError(f"fake must be {list(real.shape)} as real is, got {require.what(fake)}")
    if lam.shape != (*real.shape[:-1], 1):
        raise ValueError(f"lam must be {[*real.shape[:-1], 1]}, one for each pair, got {require.what(lam)}")
    if lam.device.type == "cpu":  # on a GPU to look is to wait, in every step of the training
        require.box(lam=lam)


@require.checked(_check_points)
def mixup_gan_risk(discriminate: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, lam: Tensor) -> Tensor:
    """The risk of a discriminator that is asked how much of each point is real.

        E ℓ(d(lam · x + (1 − lam) · g(z)), lam),   ℓ the binary cross-entropy

    (Zhang et al., ICLR 2018, section 3.7.) With lam = 1 for one half of the pairs and 0 for the other, it is half the
    usual risk of a discriminator.

    Args:
        discriminate: from points [..., 2] to logits [..., 1]; a large logit says "real".
        real, fake: points [..., 2].
        lam: [..., 1] in [0, 1], how much of each point is real.

    Returns:
        one number, the average over all pairs.
    """
    logits = discriminate(lam * real + (1 - lam) * fake)
    return F.binary_cross_entropy_with_logits(logits, lam.expand_as(logits))


def _check_number(n: int, generator: torch.Generator) -> None:
    require.whole(n=n)


@require.checked(_check_number)
def real_or_fake(n: int, generator: torch.Generator) -> Tensor:
    """The shares of the usual objective: nothing is mixed, every second point is real. Nothing is drawn."""
    return torch.arange(n).remainder(2).float()


def train_gans(
    draws: Sequence[DrawLam],
    risk: Risk = mixup_gan_risk,
    *,
    seeds: Sequence[int],
    steps: int = 500,
    discriminator_steps: int = 5,
    pairs: int = 128,
    lr: float = 5e-3,
    moments: int = 8,
    show: bool = True,
) -> GanRecord:
    """Train M generators against M discriminators on the ring of Gaussians: max over g, min over d, of the risk.

    Args:
        draws: for each pair of networks, how its lam are drawn: `real_or_fake` for the usual objective,
            `partial(sample_lam, alpha)` with an alpha above 0 for mixup's.
        risk: the objective, as `mixup_gan_risk`; it is given all M pairs at once, [M, pairs, 2].
        seeds: for each pair of networks, the seed of its initial weights. The points come from one stream for all,
            which starts from the first seed.
        steps: steps of each generator, at least `moments`.
        discriminator_steps: steps of the discriminator before each of them.
        pairs: pairs of a real and a fake point in a step.
        lr: Adam's learning rate, for both.
        moments: how often to look, evenly over the training.
        show: whether to show a progress bar.

    Returns:
        what was seen at those moments.

    Raises:
        FloatingPointError: the risk became infinite or NaN; the message says at which step.
    """
    _check_players(draws, seeds, risk)
    require.whole(steps=steps, discriminator_steps=discriminator_steps, pairs=pairs)
    require.whole(1, steps, moments=moments)
    require.above(0, lr=lr)
    g = Stack([models.mlp(inputs=2, hidden=(32, 32), classes=2, seed=seed) for seed in seeds])
    d = Stack([models.mlp(inputs=2, hidden=(32, 32), classes=1, seed=1_000 + seed) for seed in seeds])
    adam_g, adam_d = (
        torch.optim.Adam(stack.weights.values(), lr=lr, betas=(0.5, 0.999), fused=True) for stack in (g, d)
    )
    generator = torch.Generator().manual_seed(int(seeds[0]))
    looks, seen = {math.ceil(steps * (k + 1) / moments) for k in range(moments)}, []

    def where(done: int) -> str:
        return f"{len(seeds)} pairs of networks: step {done:,} of {steps:,}"

    for step in progress.track(range(1, steps + 1), where, show):
        for _ in range(discriminator_steps):
            _take_step(adam_d, _risks(g, d, draws, risk, pairs, generator))
        value = _risks(g, d, draws, risk, pairs, generator)
        if not math.isfinite(value.item()):
            raise FloatingPointError(f"the risk is {value.item()} at step {step} of {steps}; try an lr below {lr:g}")
        _take_step(adam_g, -value)
        if step in looks:
            seen.append((torch.tensor(step), *_look(g, d, generator)))
    return GanRecord(*(torch.stack(part) for part in zip(*seen)))


def _check_players(draws: Sequence[DrawLam], seeds: Sequence[int], risk: Risk) -> None:
    many = [len(given) if isinstance(given, Sequence) else 0 for given in (draws, seeds)]
    if many[0] != many[1] or 0 in many:
        found = f"{require.what(draws)} and {require.what(seeds)}"
        raise ValueError(f"draws and seeds must be lists of one length, at least 1, got {found}")
    require.function(risk=risk)
    for draw, seed in zip(draws, seeds):
        require.function(draws=draw)
        require.whole(0, seeds=seed)


def _check_placed(samples: Tensor, modes: Tensor, radius: float) -> None:
    require.tensors(modes=(modes, "float [K, 2]"), samples=(samples, "float [n, …]"))
    if samples.dim() < 2 or samples.shape[-1] != 2 or samples.dtype != modes.dtype:
        raise ValueError(f"samples must be {modes.dtype} [..., n, 2], got {require.what(samples)}")
    require.finite(samples=samples, modes=modes)
    require.above(0, radius=radius)
    if len(modes) > 1 and (nearest := F.pdist(modes).min().item()) <= 2 * radius:
        raise ValueError(f"radius must be below half the distance of the nearest modes ({nearest:g}), got {radius}")


@require.checked(_check_placed)
def well_placed(samples: Tensor, modes: Tensor, radius: float) -> Tensor:
    """The share of a generator's points that lie where the data has them: near a mode, and no more than its due.

        Σ_k min(share of the points near mode k, 1 / K)

    Points between the modes count nothing, and neither does what one of K equal modes gets beyond 1 / K: both a ring
    without modes and a heap on one of them score low.

    Args:
        samples: [..., n, 2].
        modes: [K, 2], the centres, farther apart than two radii.
        radius: how far from its centre a point still belongs to a mode, above 0.

    Returns:
        [...] in [0, 1].
    """
    near = (torch.cdist(samples, modes) <= radius).float().mean(dim=-2)  # [..., K]
    return near.clamp(max=1 / len(modes)).sum(dim=-1)


def _risks(g: Stack, d: Stack, draws: Sequence[DrawLam], risk: Risk, pairs: int, generator: torch.Generator) -> Tensor:
    """The risks of all discriminators on fresh pairs, added up."""
    many, device = len(draws), models.chosen_device()
    real = ring_of_gaussians(many * pairs, generator).view(many, pairs, 2).to(device)
    fake = g(torch.randn(many, pairs, 2, generator=generator).to(device))
    # Neighbours that draw alike draw together: one call instead of one for each pair of networks.
    shares = [_shares(draw, pairs * len([*alike]), generator) for draw, alike in groupby(draws)]
    lam = torch.cat(shares).view(many, pairs, 1).to(device)
    value = risk(d, real, fake, lam)
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ValueError(f"risk must return one number, as a tensor, got {require.what(value)}")
    return many * value


def _shares(draw: DrawLam, n: int, generator: torch.Generator) -> Tensor:
    """n shares, as they are drawn."""
    lam = draw(n, generator)
    if not isinstance(lam, Tensor) or lam.shape != (n,) or not lam.is_floating_point():
        raise ValueError(f"draws must return float [{n}], got {require.what(lam)}")
    require.box(draws=lam)
    return lam


def _take_step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Move the optimizer's own weights, and no others, down the loss."""
    optimizer.zero_grad()
    # Not `weight.grad = torch.autograd.grad(…)`: a fused optimizer takes for granted that gradient and weight lie
    # alike in memory, which `backward` sees to, and steps wrongly otherwise.
    loss.backward(inputs=optimizer.param_groups[0]["params"])
    optimizer.step()


def _look(g: Stack, d: Stack, generator: torch.Generator, n: int = 500) -> tuple[Tensor, Tensor, Tensor]:
    """(n points of each generator [M, n, 2]; the mean norm of its discriminator's gradient there [M]; the standard
    deviation of the discriminator's logits, there and at n real points [M])."""
    many, device = len(g.networks), models.chosen_device()
    points = g(torch.randn(many, n, 2, generator=generator).to(device)).detach().requires_grad_()
    fake = d(points)
    (gradient,) = torch.autograd.grad(fake.sum(), points)
    with torch.no_grad():
        real = d(ring_of_gaussians(many * n, generator).view(many, n, 2).to(device))
    spread = torch.cat([fake.detach(), real], dim=1).std(dim=(1, 2))
    return points.detach().cpu(), gradient.norm(dim=2).mean(dim=1).cpu(), spread.cpu()
