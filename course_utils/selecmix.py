"""SelecMix (Hwang et al., NeurIPS 2022): mix contradicting pairs, and the bias no longer gives the label away.

Two examples contradict each other if they share the label and not the bias, or the bias and not the label. Where no
one knows the bias, an auxiliary model measures how similar it is: a contrastive one, made to learn what is easy.
"""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.lff import LfF, Pair
from course_utils.metrics import empirical_risk
from course_utils.training import Batch, Loss

KINDS = ("positive", "negative")

# From (rows, pool, kind, generator), rows and pool being places in the training set, to each row's partner (its place
# in the pool), and whether it has one. Those of this module say in `examples` for how many they are made.
Pairing = Callable[[Tensor, Tensor, str, torch.Generator], tuple[Tensor, Tensor]]


def _check_groups(labels: Tensor, bias: Tensor) -> None:
    require.tensors(labels=(labels, "int64 [N]"), bias=(bias, "int64 [N]"))
    require.labels(labels)
    require.labels(bias, name="bias")


def _check_contradicts(labels: Tensor, bias: Tensor, rows: Tensor, partners: Tensor, kind: str) -> None:
    _check_groups(labels, bias)
    for name, places in {"rows": rows, "partners": partners}.items():
        require.tensors(may_be_empty=True, **{name: (places, "int64 […]")})
        require.labels(places.flatten(), n=places.numel(), classes=len(labels), name=name)
    try:
        np.broadcast_shapes(rows.shape, partners.shape)  # PyTorch's own imports sympy for it, 35 MB
    except ValueError:
        wanted, found = f"of a shape that fits rows {list(rows.shape)}", list(partners.shape)
        raise ValueError(f"partners must be {wanted}, got {found}") from None
    require.one_of(KINDS, kind=kind)


@require.checked(_check_contradicts)
def contradicts(labels: Tensor, bias: Tensor, rows: Tensor, partners: Tensor, kind: str) -> Tensor:
    """Whether partners contradict: they have the same label and another bias ("positive"), or another label and the
    same bias ("negative").

    Args:
        labels, bias: [N] int64.
        rows, partners: int64 in 0…N − 1, places of examples, of any shapes that fit each other.
        kind: one of KINDS.

    Returns:
        bool, in the shape that rows and partners have together.
    """
    same, alike = labels[rows] == labels[partners], bias[rows] == bias[partners]
    return same & ~alike if kind == "positive" else ~same & alike


def _check_similarity(similarity: Tensor, labels: Tensor, kind: str) -> None:
    require.tensors(labels=(labels, "int64 [N]"), similarity=(similarity, "float [N, N]"))
    require.labels(labels)
    require.finite(similarity=similarity)
    require.one_of(KINDS, kind=kind)


@require.checked(_check_similarity)
def contradicting_pairs(similarity: Tensor, labels: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """For each example the one that contradicts it most, by how similar their biases are.

    A contradicting positive has the same label and the most dissimilar bias; a contradicting negative has another
    label and the most similar bias. (Hwang et al., NeurIPS 2022; "intra" and "inter" in the authors' code.)

    Args:
        similarity: [N, N] floating point, of the biases of any two examples; of any sign, and finite. What an example
            is to itself is not looked at.
        labels: [N] int64.
        kind: "positive" or "negative".

    Returns:
        (index [N] int64, which example is each one's partner; has_partner [N] bool: False where no other label is the
        same ("positive") or none is different ("negative"), and the index means nothing.)
    """
    same = labels[:, None] == labels
    if kind == "positive":
        allowed = same & ~torch.eye(len(labels), dtype=torch.bool).to(labels.device)
        index = torch.where(allowed, similarity, torch.inf).argmin(dim=1)
    else:
        allowed = ~same
        index = torch.where(allowed, similarity, -torch.inf).argmax(dim=1)
    return index, allowed.any(dim=1)


def _check_pairs(labels: Tensor, bias: Tensor, kind: str, generator: torch.Generator) -> None:
    _check_groups(labels, bias)
    require.one_of(KINDS, kind=kind)
    require.generator(generator)


@require.checked(_check_pairs)
def contradicting_pairs_by_bias(
    labels: Tensor, bias: Tensor, kind: str, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """For each example one that contradicts it, where the bias is known: the oracle that SelecMix does without.

    Args:
        labels: [N] int64.
        bias: [N] int64.
        kind: "positive" (the same label, another bias) or "negative" (another label, the same bias).
        generator: draws the partner, all that contradict being equally likely.

    Returns:
        (index [N] int64, which example is each one's partner; has_partner [N] bool: False where nothing contradicts,
        and the index means nothing.)
    """
    same, alike = labels[:, None] == labels, bias[:, None] == bias
    allowed = same & ~alike if kind == "positive" else ~same & alike
    draw = torch.rand(allowed.shape, generator=generator).to(labels.device)
    return torch.where(allowed, draw, -1).argmax(dim=1), allowed.any(dim=1)


def _check_rows(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator) -> None:
    require.tensors(images=(images, "float [N, C, H, W]"), labels=(labels, "int64 [N]"))
    require.labels(labels)
    require.labels(rows, classes=len(images), name="rows")
    require.labels(partners, n=len(rows), classes=len(images), name="partners")
    require.generator(generator)


@require.checked(_check_rows)
def mix_pairs(
    images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix examples with their partners. The partner prevails, and the mixture has the partner's label.

        x = lam · x_i + (1 − lam) · x_j,   y = y_j,   lam ~ Uniform(0, ½)

    (Hwang et al., NeurIPS 2022; as in the authors' code.)

    Args:
        images: [N, C, H, W] floating point, of the whole training set.
        labels: [N] int64.
        rows: [B] int64 in 0…N − 1, the examples to mix.
        partners: [B] int64 in 0…N − 1, the partner of each; an example may be its own partner.
        generator: draws a weight for each mixture.

    Returns:
        (mixed images [B, C, H, W], labels [B] int64). The arguments stay as they are.
    """
    lam = 0.5 * torch.rand(len(rows), 1, 1, 1, generator=generator).to(images.device)
    # In place, for a copy of a whole batch costs more than to mix it.
    mixed = images.index_select(0, rows).mul_(lam)
    mixed += images.index_select(0, partners).mul_(1 - lam)
    return mixed, labels[partners]


def _check_embeddings(embeddings: Tensor, labels: Tensor) -> None:
    require.tensors(embeddings=(embeddings, "float [N, D]"), labels=(labels, "int64 [N]"))
    require.labels(labels)
    low, high = (float(end) for end in embeddings.detach().norm(dim=1).aminmax())
    if not 0.999 <= low <= high <= 1.001:
        found = f"lengths from {low:g} to {high:g}: torch.nn.functional.normalize(embeddings, dim=1)"
        raise ValueError(f"embeddings must each be of length 1, got {found}")


def _check_tau(tau: float) -> None:
    require.above(0, tau=tau)


def _check_q(q: float) -> None:
    require.between(0, 1, q=q)
    require.above(0, q=q)


@require.checked(_check_embeddings, _check_tau)
def supcon(embeddings: Tensor, labels: Tensor, tau: float = 0.2) -> Tensor:
    """The supervised contrastive loss (Khosla et al., NeurIPS 2020): near what has the same label, far from the rest.

        ℓ_i = −(1/|P_i|) Σ_{j in P_i} log p_ij,   p_i = softmax over all others of ⟨z_i, z_j⟩ / tau

    P_i: the others that share i's label. An example without any is left out of the average.

    Args:
        embeddings: [N, D] floating point, each of length 1.
        labels: [N] int64.
        tau: the temperature, above 0.

    Returns:
        one number, as a tensor that you can differentiate; 0 if no two labels are the same.
    """
    log_p, positive = log_probabilities(embeddings, labels, tau)
    return mean_over_positives(-log_p, positive)


@require.checked(_check_embeddings, _check_tau, _check_q)
def gsc(embeddings: Tensor, labels: Tensor, tau: float = 0.2, q: float = 0.7) -> Tensor:
    """The generalized supervised contrastive loss (Hwang et al., NeurIPS 2022): what is near already counts most.

        ℓ_i = −(1/|P_i|) Σ_{j in P_i} q · p_ij^q · log p_ij,   the factor q · p_ij^q taken as a constant

    That is to `supcon` what the generalized cross-entropy is to the cross-entropy (up to a factor q), and amplifies the
    bias in the same way.

    Args:
        embeddings, labels, tau: as in `supcon`.
        q: above 0, at most 1.

    Returns:
        one number, as a tensor that you can differentiate; 0 if no two labels are the same.
    """
    log_p, positive = log_probabilities(embeddings, labels, tau)
    return mean_over_positives(-q * log_p.detach().mul(q).exp() * log_p, positive)


@require.checked(_check_embeddings, _check_tau)
def log_probabilities(embeddings: Tensor, labels: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """What both contrastive losses are made of.

    Returns:
        (log_p [N, N], the log-softmax of each row's similarities over tau to all others, and 0 on the diagonal;
        positive [N, N] bool, which others share the row's label). Arguments as in `supcon`.
    """
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    logits = (embeddings @ embeddings.T / tau).masked_fill(own, -torch.inf)
    return logits.log_softmax(dim=1).masked_fill(own, 0), (labels[:, None] == labels) & ~own


@require.checked(
    lambda losses, positive: require.tensors(losses=(losses, "float [N, N]"), positive=(positive, "bool [N, N]"))
)
def mean_over_positives(losses: Tensor, positive: Tensor) -> Tensor:
    """The mean over each row's positives, then over the rows that have any: [N, N] and [N, N] bool to one number."""
    count = positive.sum(dim=1)
    rows = losses.masked_fill(~positive, 0).sum(dim=1) / count.clamp(min=1)
    return rows.sum() / (count > 0).sum().clamp(min=1)


@require.checked(_check_tau, _check_q)
def gsc_loss(tau: float = 0.2, q: float = 0.7) -> Loss:
    """`gsc` as a method for `fit`, whose model then gives embeddings [N, D] and not logits."""
    return lambda model, batch: gsc(model(batch.images), batch.labels, tau, q)


@require.checked(_check_embeddings)
def by_similarity(embeddings: Tensor, labels: Tensor) -> Pairing:
    """`contradicting_pairs` by what an auxiliary model sees, quick enough for a pool of thousands.

    Each class is one more direction, along which two examples of the same class are less similar by 4: more than two
    cosines can differ. So the least similar candidate of all is the least similar of the same class, and the most
    similar of all the most similar of the others.

    Args:
        embeddings: [N, D] float32 of length 1, of the training set, on any device.
        labels: [N] int64.
    """
    embeddings, labels = embeddings.detach().cpu(), labels.cpu()
    classes = nn.functional.one_hot(labels).float()
    own, others = torch.cat([embeddings, classes], 1), torch.cat([embeddings, -4 * classes], 1)

    def pair(rows: Tensor, pool: Tensor, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        require.one_of(KINDS, kind=kind)
        choose, towards = np.argmin if kind == "positive" else np.argmax, others.index_select(0, pool).T
        # A few rows at a time: then the table of similarities stays in the processor's cache. NumPy finds the place of
        # the smallest number in a tenth of PyTorch's time.
        tables = ((part @ towards).numpy() for part in own.index_select(0, rows).split(64))
        index = torch.from_numpy(np.concatenate([choose(table, axis=1) for table in tables]))
        partners = pool[index]
        same = labels[partners] == labels[rows]
        return index, (same == (kind == "positive")) & (partners != rows)

    pair.examples = len(labels)  # type: ignore[attr-defined]
    return pair


@require.checked(_check_groups)
def by_bias(labels: Tensor, bias: Tensor) -> Pairing:
    """`contradicting_pairs_by_bias` for a pool of thousands, without a table of all pairs.

    A positive shares the label and not the bias, a negative the bias and not the label. In a pool sorted by what is
    shared, then by what is not, the candidates of an example are one stretch with a gap.

    Args:
        labels, bias: [N] int64, of the training set, on any device.
    """
    labels, bias = labels.cpu(), bias.cpu()
    values = 1 + int(torch.maximum(labels, bias).max())

    def pair(rows: Tensor, pool: Tensor, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        require.one_of(KINDS, kind=kind)
        shared, other = (labels, bias) if kind == "positive" else (bias, labels)
        groups, order = (shared * values + other)[pool].sort()
        first, group = shared[rows] * values, (shared * values + other)[rows]
        edges = torch.stack([first, group, group + 1, first + values])
        start, gap, after, end = torch.searchsorted(groups, edges)
        count = end - start - (after - gap)
        draw = start + (torch.rand(len(rows), generator=generator) * count).long()
        draw = torch.where(draw >= gap, draw + after - gap, draw)
        return order[draw.clamp(max=len(pool) - 1)], count > 0

    pair.examples = len(labels)  # type: ignore[attr-defined]
    return pair


def _check_made_for(self: "SelecMix", batch: Batch) -> None:
    batch.training_set(pairing=getattr(self.pairing, "examples", None))


class SelecMix:
    """SelecMix as a method for `fit`.

    In each step the batch looks for partners in a pool of `pool` random training examples, and a coin decides which
    kind of partner. (In the authors' code batch and pool are the same 1,024 examples.)

    The share `alone` stays as it is. If it were 0 and the pairs were perfect, hardly any mixture would have its
    class's usual bias, and the network would learn that a class *never* has it. With K classes and as many values of
    the bias, 1 / K makes the bias as frequent as it would be without any correlation. (Our addition.)

    Args:
        pairing: how partners are found: `by_similarity(…)` or `by_bias(…)`.
        kinds: which kinds of partners, of "positive" and "negative".
        alone: share of the examples that are not mixed, in [0, 1].
        pool: candidates in a step; `contradicting_share` tells how many it takes.
        mix: how an example and its partner become one: `mix_pairs`, or a function with the same arguments.
    """

    def __init__(
        self,
        pairing: Pairing,
        *,
        kinds: Sequence[str] = KINDS,
        alone: float = 0.1,
        pool: int = 4_096,
        mix: Callable = mix_pairs,
    ) -> None:
        require.function(pairing=pairing, mix=mix)
        if not isinstance(kinds, list | tuple) or not kinds or not all(kind in KINDS for kind in kinds):
            raise ValueError(f"kinds must be a list of 'positive', 'negative' or both, got {kinds!r}")
        require.between(0, 1, alone=alone)
        require.whole(pool=pool)
        self.pairing, self.kinds, self.alone, self.pool, self.mix = pairing, tuple(kinds), alone, pool, mix

    @require.checked(_check_made_for)
    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a step: the empirical risk of the mixtures."""
        partners = self.partners(batch.index.cpu(), len(batch.data[1]), batch.generator)  # type: ignore[index]
        partners = partners.to(batch.index.device)
        images, labels = self.mix(*batch.data, batch.index, partners, batch.generator)  # type: ignore[misc]
        return empirical_risk(model(images), labels)

    def partners(self, rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The partner of each of the rows, its place in the training set of n, [B] int64; the row itself where it
        stays alone or there is none."""
        pool = torch.randint(n, (self.pool,), generator=generator)
        coin = torch.randint(len(self.kinds), (), generator=generator)
        index, has_partner = self.pairing(rows, pool, self.kinds[coin], generator)
        alone = torch.rand(len(rows), generator=generator) < self.alone
        return torch.where(has_partner & ~alone, pool[index], rows)


def lff_selecmix(lff: LfF, mixing: SelecMix, weight: float = 0.1) -> Loss:
    """SelecMix with LfF, for `fit` with a `lff.Pair`: LfF's loss and, for its debiased network, SelecMix's besides.

    Args:
        lff, mixing: the two methods, made for the same training set.
        weight: of SelecMix's loss; 0.1 in the authors' code.
    """
    require.function(lff=lff, mixing=mixing)
    require.at_least(0, weight=weight)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        pair = cast(Pair, model)  # LfF refuses another model
        return lff(pair, batch) + weight * mixing(pair.debiased, batch)

    return loss


def _check_share(pairing: Pairing, kind: str, pool: int, seed: int) -> None:
    require.function(pairing=pairing)
    require.one_of(KINDS, kind=kind)
    require.whole(pool=pool)
    require.whole(0, seed=seed)


@require.checked(_check_groups, _check_share)
def contradicting_share(
    pairing: Pairing, labels: Tensor, bias: Tensor, kind: str, *, pool: int = 4_096, seed: int = 0
) -> tuple[float, float]:
    """How often a chosen partner truly contradicts, and how often any candidate in the pool would.

    On data with a share r of bias-conflicting examples, evenly spread over ten classes and nine colours each, the
    second is about 1 − exp(−pool · r / 10).

    Args:
        pairing: how partners are found, in the training set that labels and bias belong to.
        labels, bias: [N] int64. SelecMix itself never sees the bias.
        kind: "positive" or "negative".
        pool: as in `SelecMix`.
        seed: draws the pools.

    Returns:
        (the share of examples with a contradicting partner, the share that could have had one), in [0, 1].
    """
    labels, bias = labels.cpu(), bias.cpu()
    generator = torch.Generator().manual_seed(int(seed))
    oracle, found, possible = by_bias(labels, bias), [], []
    for rows in torch.randperm(len(labels), generator=generator).split(256):
        drawn = torch.randint(len(labels), (pool,), generator=generator)
        index, has_partner = pairing(rows, drawn, kind, generator)
        found.append(has_partner & contradicts(labels, bias, rows, drawn[index], kind))
        possible.append(oracle(rows, drawn, kind, generator)[1])
    return torch.cat(found).float().mean().item(), torch.cat(possible).float().mean().item()
