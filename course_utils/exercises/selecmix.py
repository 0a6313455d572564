"""The exercises of chapter 06: pairs that contradict, by bias and by similarity; the mixture; the contrastive loss."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.selecmix import KINDS, contradicting_pairs, contradicting_pairs_by_bias, gsc, mix_pairs, supcon

# ---- pairs by the bias -------------------------------------------------------------------------------------


def _watch_by_bias(attempt: Callable) -> Iterator[Sight]:
    """Partners are drawn, so what is watched is what must hold for every draw."""
    for labels, bias in (
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]),
        ([0, 0, 1, 2], [0, 0, 1, 1]),  # the two zeros have no partner of any kind
    ):
        y, b = torch.tensor(labels), torch.tensor(bias)
        for kind in KINDS:
            draws = [attempt(y.clone(), b.clone(), kind, torch.Generator().manual_seed(s // 2)) for s in range(80)]
            same, alike = y[:, None] == y, b[:, None] == b
            allowed = same & ~alike if kind == "positive" else ~same & alike
            rows, index = torch.arange(len(y)), torch.stack([index for index, _ in draws])
            has = torch.stack([has_partner for _, has_partner in draws]).bool()
            drawn = torch.zeros_like(allowed).index_put((rows.expand_as(index)[has], index[has]), torch.tensor(True))
            pairs = zip(draws[::2], draws[1::2])
            yield (
                f"labels {labels}, bias {bias}, {kind}",
                {
                    "has_partner": draws[0][1],
                    f"all partners of {'the same' if kind == 'positive' else 'another'} label": bool(
                        (same[rows, index] == (kind == "positive"))[has].all()
                    ),
                    f"all partners of {'another' if kind == 'positive' else 'the same'} bias": bool(
                        (alike[rows, index] == (kind == "negative"))[has].all()
                    ),
                    "each candidate drawn sooner or later": bool((drawn | ~allowed).all()),
                    "the same partners from the same generator": all(torch.equal(a[0], b[0]) for a, b in pairs),
                    "index of type int64": index.dtype == torch.int64,
                },
            )


def _drawn(
    allowed: Callable, has: Callable = lambda allowed: allowed.any(dim=1), pick: Callable | None = None
) -> Callable:
    """Partners drawn from `allowed(same, alike, kind)`; `has` tells who has one, `pick` chooses instead of a draw."""

    def twin(labels, bias, kind, generator):
        mask = allowed(labels[:, None] == labels, bias[:, None] == bias, kind)
        draw = torch.rand(mask.shape, generator=generator)
        index = pick(mask) if pick else torch.where(mask, draw, -1).argmax(dim=1)
        return index, has(mask)

    return twin


def _contradicting(same: Tensor, alike: Tensor, kind: str) -> Tensor:
    return same & ~alike if kind == "positive" else ~same & alike


def _by_multinomial(labels, bias, kind, generator):
    mask = _contradicting(labels[:, None] == labels, bias[:, None] == bias, kind)
    return torch.multinomial(mask.float(), 1, generator=generator).squeeze(1), mask.any(dim=1)


SWAPPED = (
    "The two kinds are swapped. A contradicting *positive* shares the label and not the bias; a *negative* shares the "
    "bias and not the label."
)
INVERTED = "has_partner is upside down: True is for those who have a partner."
ALWAYS = "has_partner is always True. Where no candidate is left it must be False: allowed.any(dim=1)."
ONE_RESULT = "It returns one thing. Return two: index and has_partner."
PAIRS_BY_BIAS = Exercise(
    reference=contradicting_pairs_by_bias,
    watch=_watch_by_bias,
    mistakes=(
        Mistake(_drawn(lambda same, alike, kind: _contradicting(alike, same, kind)), SWAPPED),
        Mistake(
            _drawn(lambda same, alike, kind: same if kind == "positive" else ~same & alike),
            "Contradicting positives only share the label. They must have another bias too.",
        ),
        Mistake(
            _drawn(lambda same, alike, kind: same & ~alike if kind == "positive" else alike),
            "Contradicting negatives only share the bias: an example even finds itself. They must have another label "
            "too.",
        ),
        Mistake(
            _drawn(lambda same, alike, kind: same if kind == "positive" else alike),
            "Only one of the two conditions is there. A contradicting pair agrees in one thing *and differs in the "
            "other*.",
        ),
        Mistake(
            _drawn(lambda same, alike, kind: same & ~alike if kind == "positive" else ~same),
            "Contradicting negatives only have another label. They must share the bias too.",
        ),
        Mistake(_drawn(_contradicting, has=lambda mask: ~mask.any(dim=1)), INVERTED),
        Mistake(_drawn(_contradicting, has=lambda mask: torch.ones(len(mask), dtype=torch.bool)), ALWAYS),
        Mistake(
            _drawn(_contradicting, pick=lambda mask: mask.int().argmax(dim=1)),
            "It always takes the first candidate: argmax of a mask. Draw a random number for every pair, and take the "
            "candidate with the largest.",
        ),
        Mistake(
            _drawn(_contradicting, pick=lambda mask: torch.where(mask, torch.rand(mask.shape), -1).argmax(dim=1)),
            "The draw does not come from the generator, so nobody can repeat it: torch.rand(…, generator=generator).",
        ),
        Mistake(
            _by_multinomial,
            "multinomial stops where an example has no candidate: there is nothing to draw from. Give such a row "
            "something to draw, and let has_partner tell.",
        ),
        Mistake(lambda *given: contradicting_pairs_by_bias(*given)[0], ONE_RESULT),
    ),
    hints=(
        "Two tables [N, N] of True and False: same label, same bias. Combine them with & and ~ into the table of "
        "allowed partners; has_partner says in which rows it has any True.",
        "Draw a table of random numbers, put −1 where a partner is not allowed (torch.where), and take each row's "
        "argmax.",
    ),
)

# ---- pairs by similarity -----------------------------------------------------------------------------------

_LABELS = [0, 0, 0, 1, 1, 1]
_MIXED = [[1.0, 0.8, 0.1, 0.7, 0.2, 0.3], [0.8, 1.0, 0.3, 0.6, 0.1, 0.4], [0.1, 0.3, 1.0, 0.2, 0.9, 0.5],
          [0.7, 0.6, 0.2, 1.0, 0.3, 0.4], [0.2, 0.1, 0.9, 0.3, 1.0, 0.6], [0.3, 0.4, 0.5, 0.4, 0.6, 1.0]]  # fmt: skip
_COSINES = [[1.0, -0.2, -0.5, -0.9], [-0.2, 1.0, -0.7, -0.4], [-0.5, -0.7, 1.0, -0.3], [-0.9, -0.4, -0.3, 1.0]]


def _watch_pairs(attempt: Callable) -> Iterator[Sight]:
    for case, similarity, labels in (
        ("six examples, labels 0 0 0 1 1 1, similarities in 0 to 1", _MIXED, _LABELS),
        ("four examples, labels 0 0 1 1, all similarities negative", _COSINES, [0, 0, 1, 1]),
        ("similarities above 1, as products of longer vectors have", [[5.0 + x for x in r] for r in _MIXED], _LABELS),
        ("labels 0 1 1 1: the first is alone in its class", _COSINES, [0, 1, 1, 1]),
        ("four examples of one class", _COSINES, [2, 2, 2, 2]),
    ):
        for kind in KINDS:
            given, told = torch.tensor(similarity), torch.tensor(labels)
            index, has_partner = attempt(given, told, kind)
            yield (
                f"{case}, {kind}",
                {
                    "has_partner": has_partner,
                    "partners (−1 for none)": torch.where(torch.as_tensor(has_partner).bool(), index, -1),
                    "your similarities unchanged": torch.equal(given, torch.tensor(similarity)),
                },
            )


def _chosen(
    low: Callable, high: Callable, own: bool = False, has: Callable = lambda allowed: allowed.any(dim=1)
) -> Callable:
    """Partners by `low(similarity, allowed)` and `high(similarity, allowed)`; `own`: an example may be its own."""

    def twin(similarity, labels, kind):
        same = labels[:, None] == labels
        allowed = same.clone() if kind == "positive" else ~same
        if not own:
            allowed.fill_diagonal_(False)
        return (low if kind == "positive" else high)(similarity, allowed), has(allowed)

    return twin


def _least(similarity: Tensor, allowed: Tensor) -> Tensor:
    return torch.where(allowed, similarity, torch.inf).argmin(dim=1)


def _most(similarity: Tensor, allowed: Tensor) -> Tensor:
    return torch.where(allowed, similarity, -torch.inf).argmax(dim=1)


def _filled(choose: str, filler: float) -> Callable:
    return lambda similarity, allowed: getattr(torch.where(allowed, similarity, filler), choose)(dim=1)


def _swapped_kinds(similarity, labels, kind):
    return contradicting_pairs(similarity, labels, "negative" if kind == "positive" else "positive")


def _overwriting(similarity, labels, kind):
    allowed = (labels[:, None] == labels) == (kind == "positive")
    allowed.fill_diagonal_(False)
    similarity.masked_fill_(~allowed, torch.inf if kind == "positive" else -torch.inf)
    return (similarity.argmin(dim=1) if kind == "positive" else similarity.argmax(dim=1)), allowed.any(dim=1)


ZERO = (
    "Forbidden pairs get similarity 0, for instance because a mask is multiplied. But 0 beats every allowed one that "
    "is worse: for negatives all negative similarities, for positives all positive ones. Fill with ±infinity."
)
ONE = (
    "Forbidden pairs get similarity 1. That is the largest cosine, but not the largest number: rounding alone gives "
    "1.0000001, and products of longer vectors give more. Fill with infinity."
)
PAIRS = Exercise(
    reference=contradicting_pairs,
    watch=_watch_pairs,
    mistakes=(
        Mistake(_chosen(_filled("argmin", 0.0), _filled("argmax", 0.0)), ZERO),
        Mistake(_chosen(_least, _filled("argmax", 0.0)), ZERO),
        Mistake(_chosen(_filled("argmin", 0.0), _most), ZERO),
        Mistake(_chosen(_filled("argmin", 1.0), _filled("argmax", 0.0)), ZERO),
        Mistake(_chosen(_filled("argmin", 1.0), _most), ONE),
        Mistake(_chosen(_filled("argmin", 1.0), _filled("argmax", -1.0)), ONE),
        Mistake(
            _chosen(_least, _most, own=True),
            "An example that is alone in its class becomes its own partner. No example may be: forbid the diagonal.",
        ),
        Mistake(_swapped_kinds, SWAPPED),
        Mistake(
            _chosen(_filled("argmax", -torch.inf), _filled("argmin", torch.inf)),
            "Most and least similar are swapped. Positives: the most *dis*similar of the same class. Negatives: the "
            "most similar of the other classes.",
        ),
        Mistake(
            _chosen(_filled("argmax", -torch.inf), _most),
            "Positives get the most similar example of their class. The bias should be the most *dis*similar: argmin.",
        ),
        Mistake(_chosen(_least, _most, has=lambda allowed: ~allowed.any(dim=1)), INVERTED),
        Mistake(_chosen(_least, _most, has=lambda allowed: torch.ones(len(allowed), dtype=torch.bool)), ALWAYS),
        Mistake(
            _overwriting,
            "The similarities you were given are overwritten. Take masked_fill without the underscore, or torch.where.",
        ),
        Mistake(lambda *given: contradicting_pairs(*given)[0], ONE_RESULT),
    ),
    hints=(
        "Which pairs are allowed? For positives those with the same label, for negatives the others; never an example "
        "with itself. Hide all other similarities, then take argmin or argmax along each row.",
        "What hides a number from argmin is +infinity, what hides it from argmax is −infinity: "
        "torch.where(allowed, similarity, …).",
    ),
)

# ---- the mixture -------------------------------------------------------------------------------------------


def _watch_mixture(attempt: Callable) -> Iterator[Sight]:
    """Picture i is the number i in every pixel, so that a mixture tells its weight."""
    n = 400
    images = torch.arange(2.0 * n)[:, None, None, None].repeat(1, 1, 2, 2)
    labels = torch.arange(2 * n) % 7
    rows, partners = torch.arange(n), torch.arange(n, 2 * n).flip(0)
    given = images.clone()
    mixed, told = attempt(given, labels, rows, partners, torch.Generator().manual_seed(0))
    again, _ = attempt(given, labels, rows, partners, torch.Generator().manual_seed(0))
    weights = (mixed - images[partners]) / (images[rows] - images[partners])
    lam = weights.flatten(1).mean(dim=1)
    even = torch.linspace(0, 0.5, n)
    yield (
        f"{n} pictures with a partner each",
        {
            "labels": told,
            "one weight for all pixels of a picture": bool(weights.flatten(1).std(dim=1).max() < 1e-3),
            "a weight of its own for each picture": bool(lam.std() > 0.01),
            "weights of the picture itself at least 0": bool(lam.min() > -1e-4),
            "some weights of the picture itself below ½": bool(lam.min() < 0.49),
            "weights of the picture itself at most ½": bool(lam.max() < 0.5001),
            "weights evenly spread over 0 to ½": bool((lam.sort().values - even).abs().max() < 0.06),
            "the same weights from the same generator": torch.equal(mixed, again),
            "your pictures unchanged": torch.equal(given, images),
        },
    )
    mixed, told = attempt(given, labels, rows[:3], rows[:3], torch.Generator().manual_seed(0))
    yield "three pictures that are their own partners", {"mixed": mixed, "labels": told}


def _mixture(
    lam: Callable = lambda n, generator: 0.5 * torch.rand(n, 1, 1, 1, generator=generator),
    label: Callable = lambda labels, rows, partners, lam: labels[partners],
) -> Callable:
    """The mixture with another weight, from (n, generator), or other labels."""

    def twin(images, labels, rows, partners, generator):
        weight = lam(len(rows), generator)
        return weight * images[rows] + (1 - weight) * images[partners], label(labels, rows, partners, weight)

    return twin


def _soft(labels: Tensor, rows: Tensor, partners: Tensor, lam: Tensor) -> Tensor:
    weight = lam.view(-1, 1)
    return weight * F.one_hot(labels[rows], 10) + (1 - weight) * F.one_hot(labels[partners], 10)


def _overwriting_pictures(images, labels, rows, partners, generator):
    lam = 0.5 * torch.rand(len(rows), 1, 1, 1, generator=generator)
    images[rows] = lam * images[rows] + (1 - lam) * images[partners]
    return images[rows], labels[partners]


MIXTURE = Exercise(
    reference=mix_pairs,
    watch=_watch_mixture,
    mistakes=(
        Mistake(
            _mixture(lam=lambda n, generator: 1 - 0.5 * torch.rand(n, 1, 1, 1, generator=generator)),
            "The picture itself prevails, and the label is its partner's: most of what the network sees then belongs "
            "to another class. lam, at most ½, is the weight of the picture itself.",
        ),
        Mistake(
            _mixture(lam=lambda n, generator: torch.rand(n, 1, 1, 1, generator=generator)),
            "lam goes up to 1, so half of the mixtures show more of the picture itself than of the partner whose label "
            "they get. Draw from 0 to ½.",
        ),
        Mistake(
            _mixture(lam=lambda n, generator: 0.5 * torch.rand(1, generator=generator)),
            "All pictures get the same weight. Draw one for each: torch.rand(len(rows), …).",
        ),
        Mistake(
            _mixture(lam=lambda n, generator: torch.full((n, 1, 1, 1), 0.5)),
            "All pictures get the same weight. Draw one for each: torch.rand(len(rows), …).",
        ),
        Mistake(
            _mixture(lam=lambda n, generator: 0.5 * torch.rand(n, 1, 2, 2, generator=generator)),
            "Every pixel gets a weight of its own. Draw one for each picture.",
        ),
        Mistake(
            _mixture(label=lambda labels, rows, partners, lam: labels[rows]),
            "The label is the picture's own. The partner prevails in the mixture: its label counts.",
        ),
        Mistake(_mixture(label=_soft), "The labels are mixed too, as in mixup. SelecMix takes the partner's alone."),
        Mistake(
            _mixture(lam=lambda n, generator: 0.5 * torch.rand(n, generator=generator)),
            "lam, of shape [B], meets the pictures at their last axis, not at the first. Give it the shape "
            "[B, 1, 1, 1]: lam.view(-1, 1, 1, 1).",
        ),
        Mistake(
            _mixture(lam=lambda n, generator: 0.5 * torch.rand(n, 1, 1, 1)),
            "The weights do not come from the generator, so nobody can repeat them: "
            "torch.rand(…, generator=generator).",
        ),
        Mistake(
            _overwriting_pictures,
            "The training pictures are overwritten: the next epoch would mix mixtures. Build a new tensor.",
        ),
    ),
    hints=(
        "images[rows] are the pictures, images[partners] their partners. Draw len(rows) weights between 0 and ½, and "
        "give them the shape [B, 1, 1, 1], so that a weight meets all pixels of its picture.",
        "The weighted sum is mixup's, with lam on images[rows]. The label is not mixed.",
    ),
)

# ---- the contrastive loss ----------------------------------------------------------------------------------


def _watch_gsc(attempt: Callable) -> Iterator[Sight]:
    angles = torch.tensor([0.0, 0.3, 0.5, 1.4, 1.7, 2.9])
    for case, labels, options in (
        ("six examples on a circle, labels 0 0 0 1 1 1", [0, 0, 0, 1, 1, 1], {}),
        ("the same, tau 0.5, q 0.3", [0, 0, 0, 1, 1, 1], {"tau": 0.5, "q": 0.3}),
        ("labels 0 0 0 1 1 2: the last has no positive", [0, 0, 0, 1, 1, 2], {}),
    ):
        z = torch.stack([angles.cos(), angles.sin()], dim=1).requires_grad_()
        loss = attempt(z, torch.tensor(labels), **options)
        on_a_graph = isinstance(loss, Tensor) and loss.requires_grad
        gradient = torch.autograd.grad(loss.sum(), z)[0] if on_a_graph else torch.full_like(z, torch.nan)
        yield case, {"loss": loss, "gradient": gradient}


def _contrastive(
    pair_loss: Callable, *, own: bool = False, scale: Callable = lambda s, tau: s / tau, finish: str = "with positives"
) -> Callable:
    """The loss from `pair_loss(log_p, q)`. own: an example stands in its own softmax. finish: how it is averaged."""

    def twin(embeddings, labels, tau=0.2, q=0.7):
        diagonal = torch.eye(len(labels), dtype=torch.bool)
        logits = scale(embeddings @ embeddings.T, tau)
        others = logits if own else logits.masked_fill(diagonal, -torch.inf)
        log_p = others.log_softmax(1).masked_fill(diagonal, 0)
        positive = (labels[:, None] == labels) & ~diagonal
        losses, count = torch.where(positive, pair_loss(log_p, q), 0).sum(1), positive.sum(1)
        if finish == "all":
            return (losses / count.clamp(min=1)).mean()
        if finish == "sum":
            return losses.sum()
        if finish == "nan":
            return (losses / count).mean()
        if finish == "pairs":
            return losses.sum() / count.sum()
        return (losses / count.clamp(min=1)).sum() / (count > 0).sum()

    return twin


def _weighted(log_p: Tensor, q: float) -> Tensor:
    return -q * (q * log_p.detach()).exp() * log_p


NO_POSITIVE = (
    "An example without any positive has no loss: leave it out of the average, and do not count it as 0 (or as 0 / 0)."
)
GSC = Exercise(
    reference=gsc,
    watch=_watch_gsc,
    mistakes=(
        Mistake(
            lambda z, y, tau=0.2, q=0.7: supcon(z, y, tau),
            "This is SupCon: every positive counts the same. Multiply each log-probability by q · p^q.",
        ),
        Mistake(
            _contrastive(lambda log_p, q: -q * (q * log_p).exp() * log_p),
            "The gradient also goes through the weight, and would change the weight, not only what it weighs. Take "
            "the weight as a constant: log_p.detach().",
        ),
        Mistake(
            _contrastive(lambda log_p, q: -(q * log_p.detach()).exp() * log_p),
            "The weight is p^q. The formula has q · p^q.",
        ),
        Mistake(
            _contrastive(lambda log_p, q: -q * log_p.detach().exp() * log_p),
            "The weight is q · p: the power q is missing. p^q = exp(q · log p).",
        ),
        Mistake(
            _contrastive(lambda log_p, q: -q * (1 - log_p.detach().exp()) ** q * log_p),
            "The weight is largest where p is *small*: that favours hard pairs, as a focal loss does, and works "
            "against the bias. Here the sure pairs count most: p^q.",
        ),
        Mistake(
            _contrastive(lambda log_p, q: (1 - (q * log_p).exp()) / q),
            "This is the closed form (1 − p^q) / q, with the same direction of the gradient but another value. Write "
            "it as SupCon with a weight, so that the two can be compared.",
        ),
        Mistake(_contrastive(_weighted, own=True), "The softmax runs over all examples, the example itself too. "
                "Leave it out: its similarity to itself is always the largest."),
        Mistake(_contrastive(_weighted, scale=lambda s, tau: s), "The similarities are not divided by tau."),
        Mistake(_contrastive(_weighted, scale=lambda s, tau: s * tau), "The similarities are multiplied by tau. "
                "Divide: a small tau makes differences large."),
        Mistake(_contrastive(_weighted, finish="all"), NO_POSITIVE),
        Mistake(_contrastive(_weighted, finish="nan"), NO_POSITIVE),
        Mistake(_contrastive(_weighted, finish="sum"), "The losses are added up. Average over each example's "
                "positives, then over the examples."),
        Mistake(_contrastive(_weighted, finish="pairs"), "All pairs are averaged at once, so an example of a large "
                "class counts more. Average over each example's positives first, then over the examples."),
        Mistake(_contrastive(lambda log_p, q: -_weighted(log_p, q)), "The sign: a log-probability is negative, a loss "
                "is not."),
    ),
    hints=(
        "log_probabilities(embeddings, labels, tau) gives log p and which pairs are positive, and "
        "mean_over_positives(…) averages, as in supcon above. What changes is the loss of a pair.",
        "p^q is exp(q · log p), and it must be a constant for the gradient: take it from log_p.detach().",
    ),
)  # fmt: skip
