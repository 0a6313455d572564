"""SelecMix (Hwang et al., NeurIPS 2022): mix contradicting pairs, and the bias no longer gives the label away.

Two examples contradict each other if they share the label and not the bias, or the bias and not the label. Where no
one knows the bias, an auxiliary model measures how similar it is: a contrastive one, made to learn what is easy.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_utils import require
from course_utils.lff import LfF, Pair
from course_utils.metrics import empirical_risk
from course_utils.training import Batch, Loss

KINDS = ("positive", "negative")

# From (rows, pool, kind, generator), rows and pool being places in the training set, to each row's partner (its place
# in the pool), and whether it has one.
Pairing = Callable[[Tensor, Tensor, str, torch.Generator], tuple[Tensor, Tensor]]


def check_kind(kind: str) -> None:
    """Raise a ValueError unless it is one of KINDS."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")


def check_similarity(similarity: Tensor, labels: Tensor, kind: str) -> None:
    """Raise a ValueError that names the argument that does not fit the others; shapes as in `contradicting_pairs`."""
    check_kind(kind)
    require.labels(labels)
    shape = (len(labels), len(labels))
    if not similarity.is_floating_point() or similarity.shape != shape or 0 in shape:
        found = f"{similarity.dtype} {list(similarity.shape)}"
        raise ValueError(f"similarity must be floating point {list(shape)}, a row for each label, got {found}")
    low, high = similarity.aminmax()  # far quicker than asking each number
    if not (low > -torch.inf and high < torch.inf):
        raise ValueError("similarity must be finite, got NaN or infinite values")


def contradicts(labels: Tensor, bias: Tensor, rows: Tensor, partners: Tensor, kind: str) -> Tensor:
    """Whether partners contradict: they have the same label and another bias ("positive"), or another label and the
    same bias ("negative").

    Args:
        labels, bias: [N] int64.
        rows, partners: int64 in 0…N − 1, places of examples, of any shapes that fit each other.
        kind: one of KINDS.

    Returns:
        bool, in the shape that rows and partners have together.

    Raises:
        ValueError: an unknown kind.
    """
    check_kind(kind)
    same, alike = labels[rows] == labels[partners], bias[rows] == bias[partners]
    return same & ~alike if kind == "positive" else ~same & alike


@require.checked(check_similarity)
def contradicting_pairs(similarity: Tensor, labels: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """For each example the one that contradicts it most, by how similar their biases are.

    A contradicting positive has the same label and the most dissimilar bias; a contradicting negative has another
    label and the most similar bias. (Hwang et al., NeurIPS 2022; "intra" and "inter" in the authors' code.)

    Args:
        similarity: [N, N] floating point, of the biases of any two examples; of any sign. What an example is to itself
            is not looked at.
        labels: [N] int64.
        kind: "positive" or "negative".

    Returns:
        (index [N] int64, which example is each one's partner; has_partner [N] bool: False where no other label is the
        same ("positive") or none is different ("negative"), and the index means nothing.)

    Raises:
        ValueError: tensors that do not fit together, a similarity (the diagonal too) that is NaN or infinite, or an
            unknown kind.
    """
    same = labels[:, None] == labels
    if kind == "positive":
        allowed = same & ~torch.eye(len(labels), dtype=torch.bool).to(labels.device)
        index = torch.where(allowed, similarity, torch.inf).argmin(dim=1)
    else:
        allowed = ~same
        index = torch.where(allowed, similarity, -torch.inf).argmax(dim=1)
    return index, allowed.any(dim=1)


def check_groups(labels: Tensor, bias: Tensor) -> None:
    """Raise a ValueError unless labels and bias are equally many, at least one."""
    require.labels(labels)
    require.labels(bias, name="bias")
    if labels.shape != bias.shape or len(labels) == 0:
        raise ValueError(f"labels and bias must be equally many, at least 1; got {len(labels)} and {len(bias)}")


def _check_pairs(labels: Tensor, bias: Tensor, kind: str, generator: torch.Generator) -> None:
    check_kind(kind)
    check_groups(labels, bias)


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

    Raises:
        ValueError: tensors of different lengths or of the wrong type, or an unknown kind.
    """
    same, alike = labels[:, None] == labels, bias[:, None] == bias
    allowed = same & ~alike if kind == "positive" else ~same & alike
    draw = torch.rand(allowed.shape, generator=generator).to(labels.device)
    return torch.where(allowed, draw, -1).argmax(dim=1), allowed.any(dim=1)


def _check_rows(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator) -> None:
    require.labels(labels)
    if len(labels) != len(images):
        raise ValueError(f"labels must be [{len(images)}], one for each image, got {list(labels.shape)}")
    require.labels(rows, classes=len(images), name="rows")
    require.labels(partners, classes=len(images), name="partners")
    if rows.shape != partners.shape:
        raise ValueError(f"partners must be {list(rows.shape)}, one for each of rows, got {list(partners.shape)}")


@require.checked(_check_rows)
def mix_pairs(
    images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix examples with their partners. The partner prevails, and the mixture has the partner's label.

        x = lam · x_i + (1 − lam) · x_j,   y = y_j,   lam ~ Uniform(0, ½)

    (Hwang et al., NeurIPS 2022; as in the authors' code.)

    Args:
        images: [N, C, H, W] float32, of the whole training set.
        labels: [N] int64.
        rows: [B] int64 in 0…N − 1, the examples to mix.
        partners: [B] int64 in 0…N − 1, the partner of each; an example may be its own partner.
        generator: draws a weight for each mixture.

    Returns:
        (mixed images [B, C, H, W], labels [B] int64). The arguments stay as they are.

    Raises:
        ValueError: arguments that do not fit together; the message names the argument.
    """
    lam = 0.5 * torch.rand(len(rows), 1, 1, 1, generator=generator).to(images.device)
    mixed = lam * images[rows] + (1 - lam) * images[partners]
    return mixed, labels[partners]


def supcon(embeddings: Tensor, labels: Tensor, tau: float = 0.2) -> Tensor:
    """The supervised contrastive loss (Khosla et al., NeurIPS 2020): near what has the same label, far from the rest.

        ℓ_i = −(1/|P_i|) Σ_{j in P_i} log p_ij,   p_i = softmax over all others of ⟨z_i, z_j⟩ / tau

    P_i: the others that share i's label. An example without any is left out of the average.

    Args:
        embeddings: [N, D] float32, each of length 1.
        labels: [N] int64.
        tau: the temperature, above 0.

    Returns:
        one number, as a tensor that you can differentiate; 0 if no two labels are the same.

    Raises:
        ValueError: embeddings that are not of length 1 or do not fit the labels, or a tau that is not positive.
    """
    log_p, positive = log_probabilities(embeddings, labels, tau)
    return mean_over_positives(-log_p, positive)


def _check_q(embeddings: Tensor, labels: Tensor, tau: float = 0.2, q: float = 0.7) -> None:
    if not 0 < q <= 1:
        raise ValueError(f"q must be above 0 and at most 1, got {q}")


@require.checked(_check_q)
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

    Raises:
        ValueError: as in `supcon`, or a q outside (0, 1].
    """
    log_p, positive = log_probabilities(embeddings, labels, tau)
    return mean_over_positives(-q * log_p.detach().mul(q).exp() * log_p, positive)


def log_probabilities(embeddings: Tensor, labels: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """What both contrastive losses are made of.

    Returns:
        (log_p [N, N], the log-softmax of each row's similarities over tau to all others, and 0 on the diagonal;
        positive [N, N] bool, which others share the row's label). Arguments and errors as in `supcon`.
    """
    check_embeddings(embeddings, labels)
    if not tau > 0:
        raise ValueError(f"tau must be positive, got {tau}")
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    logits = (embeddings @ embeddings.T / tau).masked_fill(own, -torch.inf)
    return logits.log_softmax(dim=1).masked_fill(own, 0), (labels[:, None] == labels) & ~own


def mean_over_positives(losses: Tensor, positive: Tensor) -> Tensor:
    """The mean over each row's positives, then over the rows that have any: [N, N] and [N, N] bool to one number."""
    count = positive.sum(dim=1)
    rows = losses.masked_fill(~positive, 0).sum(dim=1) / count.clamp(min=1)
    return rows.sum() / (count > 0).sum().clamp(min=1)


def gsc_loss(tau: float = 0.2, q: float = 0.7) -> Loss:
    """`gsc` as a method for `fit`, whose model then gives embeddings [N, D] and not logits."""
    return lambda model, batch: gsc(model(batch.images), batch.labels, tau, q)


def by_similarity(embeddings: Tensor, labels: Tensor) -> Pairing:
    """`contradicting_pairs` by what an auxiliary model sees, quick enough for a pool of thousands.

    Each class is one more direction, along which two examples of the same class are less similar by 4: more than two
    cosines can differ. So the least similar candidate of all is the least similar of the same class, and the most
    similar of all the most similar of the others.

    Args:
        embeddings: [N, D] float32 of length 1, of the training set, on any device.
        labels: [N] int64.

    Raises:
        ValueError: embeddings that are not of length 1 or do not fit the labels.
    """
    check_embeddings(embeddings, labels)
    embeddings, labels = embeddings.detach().cpu(), labels.cpu()
    classes = nn.functional.one_hot(labels).float()
    own, others = torch.cat([embeddings, classes], 1), torch.cat([embeddings, -4 * classes], 1)

    def pair(rows: Tensor, pool: Tensor, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        check_kind(kind)
        towards, choose = others[pool].T, torch.min if kind == "positive" else torch.max
        # A few rows at a time: then the table of similarities stays in the processor's cache.
        chosen = [choose(part @ towards, dim=1) for part in own[rows].split(64)]
        similarity, index = (torch.cat(parts) for parts in zip(*chosen))
        return index, ((similarity < -2) == (kind == "positive")) & (pool[index] != rows)

    return pair


def by_bias(labels: Tensor, bias: Tensor) -> Pairing:
    """`contradicting_pairs_by_bias` for a pool of thousands, without a table of all pairs.

    A positive shares the label and not the bias, a negative the bias and not the label. In a pool sorted by what is
    shared, then by what is not, the candidates of an example are one stretch with a gap.

    Args:
        labels, bias: [N] int64, of the training set, on any device.

    Raises:
        ValueError: tensors of different lengths or of the wrong type.
    """
    check_groups(labels, bias)
    labels, bias = labels.cpu(), bias.cpu()
    values = 1 + int(torch.maximum(labels, bias).max())

    def pair(rows: Tensor, pool: Tensor, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        check_kind(kind)
        shared, other = (labels, bias) if kind == "positive" else (bias, labels)
        groups, order = (shared * values + other)[pool].sort()
        first, group = shared[rows] * values, (shared * values + other)[rows]
        edges = torch.stack([first, group, group + 1, first + values])
        start, gap, after, end = torch.searchsorted(groups, edges)
        count = end - start - (after - gap)
        draw = start + (torch.rand(len(rows), generator=generator) * count).long()
        draw = torch.where(draw >= gap, draw + after - gap, draw)
        return order[draw.clamp(max=len(pool) - 1)], count > 0

    return pair


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

    Raises:
        ValueError: an argument outside its range.
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
        for kind in kinds:
            check_kind(kind)
        if not kinds or not 0 <= alone <= 1:
            raise ValueError(f"kinds must be at least one, and alone lie in [0, 1]; got {tuple(kinds)} and {alone}")
        require.whole(pool=pool)
        self.pairing, self.kinds, self.alone, self.pool, self.mix = pairing, tuple(kinds), alone, pool, mix

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a step: the empirical risk of the mixtures."""
        partners = self.partners(batch.index.cpu(), len(batch.data[1]), batch.generator)
        partners = partners.to(batch.index.device)
        images, labels = self.mix(*batch.data, batch.index, partners, batch.generator)
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

    def loss(model: Pair, batch: Batch) -> Tensor:
        return lff(model, batch) + weight * mixing(model.debiased, batch)

    return loss


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

    Raises:
        ValueError: labels and bias that do not fit together, an unknown kind, or a pool below 1.
    """
    check_kind(kind)
    check_groups(labels, bias)
    require.whole(pool=pool)
    labels, bias = labels.cpu(), bias.cpu()
    generator = torch.Generator().manual_seed(seed)
    oracle, found, possible = by_bias(labels, bias), [], []
    for rows in torch.randperm(len(labels), generator=generator).split(256):
        drawn = torch.randint(len(labels), (pool,), generator=generator)
        index, has_partner = pairing(rows, drawn, kind, generator)
        found.append(has_partner & contradicts(labels, bias, rows, drawn[index], kind))
        possible.append(oracle(rows, drawn, kind, generator)[1])
    return tuple(torch.cat(flags).float().mean().item() for flags in (found, possible))


def check_embeddings(embeddings: Tensor, labels: Tensor) -> None:
    """Raise a ValueError unless there is an embedding of length 1 for each label."""
    require.labels(labels)
    if embeddings.dim() != 2 or len(embeddings) != len(labels):
        raise ValueError(f"embeddings must be [{len(labels)}, D], one for each label, got {list(embeddings.shape)}")
    if not torch.allclose(embeddings.detach().norm(dim=1), embeddings.new_ones(()), atol=1e-3):
        raise ValueError("embeddings must each be of length 1: torch.nn.functional.normalize(embeddings, dim=1)")
