"""Generative adversarial networks in the plane (Goodfellow et al., NIPS 2014), many at once.

A generator g turns noise into points, a discriminator d tells them from real ones. Small enough to watch: what the
generator makes can be drawn, and the parts of the data that it leaves out can be counted.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import models, progress
from course_utils.data import ring_of_gaussians
from course_utils.training import Stack, check_positive

# From (discriminator, real points, fake points, lam) to one number: what the discriminator makes small and the
# generator makes large.
Risk = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor], Tensor]
DrawLam = Callable[[int, torch.Generator], Tensor]  # from (n, rng) to n shares lam of the real point, in [0, 1]


class GanRecord(NamedTuple):
    """What M pairs of networks did, at S moments of their training."""

    steps: Tensor  # [S] int64: generator steps taken
    samples: Tensor  # [S, M, 500, 2]: points that each generator makes
    gradients: Tensor  # [S, M]: average norm of the discriminator's input gradient at those points


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


def real_or_fake(n: int, rng: torch.Generator) -> Tensor:
    """The shares of the usual objective: nothing is mixed, every second point is real. Nothing is drawn from `rng`."""
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

    Returns:
        what was seen at those moments.

    Raises:
        ValueError: arguments that do not fit together; the message names the argument.
        FloatingPointError: the risk became infinite or NaN; the message says at which step.
    """
    if len(draws) != len(seeds) or not len(seeds):
        raise ValueError(f"draws and seeds must be equally many, at least 1; got {len(draws)} and {len(seeds)}")
    check_positive(discriminator_steps=discriminator_steps, pairs=pairs, lr=lr)
    if not 1 <= moments <= steps:
        raise ValueError(f"moments must be between 1 and the {steps} steps, got {moments}")
    generators = Stack([models.mlp(inputs=2, hidden=(32, 32), classes=2, seed=seed) for seed in seeds])
    discriminators = Stack([models.mlp(inputs=2, hidden=(32, 32), classes=1, seed=1_000 + seed) for seed in seeds])
    adam_g, adam_d = (
        torch.optim.Adam(stack.weights.values(), lr=lr, betas=(0.5, 0.999), fused=True)
        for stack in (generators, discriminators)
    )
    rng = torch.Generator().manual_seed(seeds[0])
    looks, seen = {math.ceil(steps * (k + 1) / moments) for k in range(moments)}, []
    for step in progress.track(range(1, steps + 1), f"{len(seeds)} pairs of networks"):
        for _ in range(discriminator_steps):
            _take_step(adam_d, _risks(generators, discriminators, draws, risk, pairs, rng))
        value = _risks(generators, discriminators, draws, risk, pairs, rng)
        if not math.isfinite(value.item()):
            raise FloatingPointError(f"the risk is {value.item()} at step {step} of {steps}; try an lr below {lr:g}")
        _take_step(adam_g, -value)
        if step in looks:
            seen.append((torch.tensor(step), *_look(generators, discriminators, rng)))
    return GanRecord(*(torch.stack(part) for part in zip(*seen)))


def share_near(samples: Tensor, modes: Tensor, radius: float) -> Tensor:
    """The share of a generator's points that lie near some mode of the data.

    Args:
        samples: [..., n, 2].
        modes: [K, 2], the centres.
        radius: how far from its centre a point still belongs to a mode.

    Returns:
        [...] float32 in [0, 1].
    """
    return (torch.cdist(samples, modes) <= radius).any(dim=-1).float().mean(dim=-1)


def covered(samples: Tensor, modes: Tensor, radius: float, share: float = 0.02) -> Tensor:
    """How many modes of the data a generator covers: those near which at least `share` of its points lie.

    Args:
        samples, modes, radius: as in `share_near`; the modes must be farther apart than two radii.
        share: of the n points, in (0, 1].

    Returns:
        [...] int64 in 0…K.
    """
    near = torch.cdist(samples, modes) <= radius  # [..., n, K]
    return (near.float().mean(dim=-2) >= share).sum(dim=-1)


def _risks(
    generators: Stack, discriminators: Stack, draws: Sequence[DrawLam], risk: Risk, pairs: int, rng: torch.Generator
) -> Tensor:
    """The risks of all discriminators on fresh pairs, added up."""
    many, device = len(draws), models.chosen_device()
    real = ring_of_gaussians(many * pairs, rng).view(many, pairs, 2).to(device)
    fake = generators(torch.randn(many, pairs, 2, generator=rng).to(device))
    lam = torch.stack([draw(pairs, rng) for draw in draws]).unsqueeze(2).to(device)
    return many * risk(discriminators, real, fake, lam)


def _take_step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Move the optimizer's own weights, and no others, down the loss."""
    optimizer.zero_grad()
    # Not `weight.grad = torch.autograd.grad(…)`: a fused optimizer takes for granted that gradient and weight lie
    # alike in memory, which `backward` sees to, and steps wrongly otherwise.
    loss.backward(inputs=optimizer.param_groups[0]["params"])
    optimizer.step()


def _look(generators: Stack, discriminators: Stack, rng: torch.Generator, n: int = 500) -> tuple[Tensor, Tensor]:
    """(n points of each generator [M, n, 2], the mean norm of its discriminator's gradient there [M])."""
    noise = torch.randn(len(generators.networks), n, 2, generator=rng)
    points = generators(noise.to(models.chosen_device())).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminators(points).sum(), points)
    return points.detach().cpu(), gradient.norm(dim=2).mean(dim=1).cpu()
