"""The exercises of chapter 06: pairs that contradict, by bias and by similarity; the mixture; the contrastive loss."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from course_utils.exercises.calls import Seed
from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.selecmix import contradicting_pairs, contradicting_pairs_by_bias, gsc, mix_pairs


def _drawn(n: int, of: int, seed: int) -> Tensor:
    return torch.randint(of, (n,), generator=torch.Generator().manual_seed(seed))


def _known(about: str, labels: list | Tensor, bias: list | Tensor, seed: int = 100) -> Iterator[Case]:
    for k, kind in enumerate(("positive", "negative")):
        yield Case(about, labels=labels, bias=bias, kind=kind, generator=Seed(seed + k), seconds=2.0)


def _other_known(dice: Dice) -> Iterator[Case]:
    for n in (dice.whole(800, 1100), dice.whole(20, 60), dice.whole(6, 12)):
        yield from _known(f"{n} examples", dice.classes(n, dice.whole(3, 6)), dice.classes(n, 4), dice.seed())


def _judge_pairs(given: Mapping[str, Any], got: Mapping[str, Tensor]) -> Iterator[str]:
    labels, bias, kind, index, has = given["labels"], given["bias"], given["kind"], got["index"], got["has_partner"]
    same, alike = labels[:, None] == labels, bias[:, None] == bias
    allowed = same & ~alike if kind == "positive" else ~same & alike
    right = allowed.any(dim=1)
    if bool((has != right).any()):
        yield _misjudged(has, right)
    if bool(((index < -len(labels)) | (index >= len(labels)) | ((index < 0) & right)).any()):
        yield (
            f"Some places lie outside 0…{len(labels) - 1}: {index.min()} to {index.max()}. Even a meaningless one "
            f"must exist."
        )
        return
    rows = torch.arange(len(labels))[right]
    chosen = index[right]
    wrong = ~allowed[rows, chosen]
    if bool(wrong.any()):
        yield _forbidden(kind, same[rows, chosen], alike[rows, chosen], chosen == rows)
    elif len(labels) > 100:
        yield from _unfair(allowed, index, right)


def _misjudged(has: Tensor, right: Tensor) -> str:
    """What is wrong with has_partner."""
    if torch.equal(has, ~right) and right.any():
        return "has_partner is upside down: True is for those who have a partner."
    return (
        f"has_partner is wrong for {(has != right).sum()} of {len(has)} examples: {right.sum()} have a candidate, it "
        f"says "
        f"{has.sum()}. Ask which rows of the table of candidates hold any True."
    )


def _forbidden(kind: str, same: Tensor, alike: Tensor, own: Tensor) -> str:
    """What the partners have in common that they should not."""
    wanted = kind == "positive"
    said = []
    if own.any():
        said.append(f"{own.sum()} are their own partners")
    if (same != wanted).any():
        said.append(f"{(same != wanted).sum()} have {'another' if wanted else 'the same'} label")
    if (alike == wanted).any():
        said.append(f"{(alike == wanted).sum()} have {'the same' if wanted else 'another'} bias")
    swapped = " Are the two kinds swapped?" if bool((same != wanted).all() and (alike == wanted).all()) else ""
    rule = "the same label and another bias" if wanted else "another label and the same bias"
    return f"Of {len(same)} partners of kind “{kind}” {', '.join(said)}. All must have {rule}.{swapped}"


def _unfair(allowed: Tensor, index: Tensor, right: Tensor) -> Iterator[str]:
    """Whether some candidates are taken more often than others, by those who have the same ones to choose from."""
    kinds, which = allowed[right].unique(dim=0, return_inverse=True)
    surplus, free, worst = 0.0, 0, (0.0, "")
    for kind, candidates in enumerate(kinds):
        taken = index[right][which == kind].bincount(minlength=len(allowed))[candidates]
        fair = taken.sum().item() / len(taken)
        chi = ((taken - fair).square() / fair).sum().item()  # about as large as the degrees of freedom, if fair
        surplus, free = surplus + chi - (len(taken) - 1), free + len(taken) - 1
        said = f"{taken.max()} of {taken.sum()} took one of their {len(taken)} candidates, {taken.min()} another"
        worst = max(worst, (chi / max(1, len(taken) - 1), f"{said} (expected about {fair:.3g} each)"))
    count = allowed[right].sum(dim=1)
    rank = allowed[right].cumsum(dim=1).gather(1, index[right][:, None]).squeeze(1)  # 1 … count
    fair, ends = (1 / count).sum().item(), [int((rank == 1).sum()), int((rank == count).sum())]
    spread = 5.5 * fair**0.5 + 4
    uneven = max(abs(end - fair) for end in ends) > spread or abs(sum(ends) - 2 * fair) > 1.4 * spread
    if surplus > 8 * (2 * free) ** 0.5 or uneven:
        said = f"{ends[0]} took their first candidate, {ends[1]} the last (expected about {fair:.0f})"
        yield (
            f"Not all candidates are equally likely: {said if uneven else worst[1]}. argmax of True and False, or of "
            "few different numbers, takes the first of equals; the next one after a random place is likelier behind a "
            "gap; rounding halves the ends; one draw for all is not one for each. Give every pair a random "
            "number of its own."
        )


MANY, FEW = (_drawn(1200, 4, 0), _drawn(1200, 5, 1)), _drawn(1200, 10, 2)
PAIRS_BY_BIAS = Exercise(
    reference=contradicting_pairs_by_bias,
    returns=("index", "has_partner"),
    drawn=("index",),
    judge=_judge_pairs,
    cases=(
        *_known("1,200 examples", *MANY),
        *_known("", [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]),
        *_known("the two zeros have no partner of any kind", [0, 0, 1, 2], [0, 0, 1, 1]),
        *_known("as in training: few contradict", FEW, torch.where(_drawn(1200, 20, 3) == 0, _drawn(1200, 10, 4), FEW)),
        *_known("nobody has a partner", [0, 1, 2], [0, 1, 2]),
    ),
    others=_other_known,
    hints=(
        "Which of all N × N pairs contradict each other? Who has no candidate?",
        "Two tables [N, N] of True and False, same label and same bias, combined with & and ~. Then every candidate "
            "gets "
        "a random number, what is no candidate one below all of them, and each row takes its largest.",
    ),
)  # fmt: skip

# ---- pairs by similarity -----------------------------------------------------------------------------------

LABELS = [0, 0, 0, 1, 1, 1]
MIXED = torch.tensor([[1.0, 0.8, 0.1, 0.7, 0.2, 0.3], [0.8, 1.0, 0.3, 0.6, 0.1, 0.4], [0.1, 0.3, 1.0, 0.2, 0.9, 0.5],
          [0.7, 0.6, 0.2, 1.0, 0.3, 0.4], [0.2, 0.1, 0.9, 0.3, 1.0, 0.6], [0.3, 0.4, 0.5, 0.4, 0.6, 1.0]])  # fmt: skip
COSINES = torch.tensor(
    [[1.0, -0.2, -0.5, -0.9], [-0.2, 1.0, -0.7, -0.4], [-0.5, -0.7, 1.0, -0.3], [-0.9, -0.4, -0.3, 1.0]]
)


def _similar(about: str, similarity: Tensor, labels: list | Tensor) -> Iterator[Case]:
    for kind in ("positive", "negative"):
        yield Case(about, similarity=similarity, labels=labels, kind=kind)


def _products(n: int, seed: int) -> Tensor:
    rows = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return rows @ rows.T


def _cyclic(n: int, seed: int) -> Tensor:
    """No table of products: not even symmetric, so that the axes can be told apart."""
    return torch.randn(n, n, generator=torch.Generator().manual_seed(seed))


def _other_similar(dice: Dice) -> Iterator[Case]:
    for about, size, above in (("", 1, 0), ("all far above 0", 100, 5_000), ("all far below 0", 100, -5_000)):
        n, seed = dice.whole(8, 14), dice.seed()
        labels = dice.classes(n, 3)
        labels[0] = 3  # alone in its class
        yield from _similar(about, above + size * _cyclic(n, seed), labels)
        yield from _similar(f"{about}{', ' * bool(about)}products", above + size * _products(n, seed), labels)


HIDDEN = (
    "Forbidden pairs are hidden behind a number that can beat an allowed one (0 where a mask is multiplied, ±1, "
    "1,000, …). "
    "Similarities may be of any sign and size; rounding alone gives cosines of 1.0000001. What is never the smallest, "
    "what never the largest?"
)
LOW, HIGH = (
    "torch.where(allowed, similarity, torch.inf).argmin(dim=1)",
    "torch.where(allowed, similarity, -torch.inf).argmax(dim=1)",
)
ANY = "allowed.any(dim=1)"
EYE = " & ~torch.eye(len(labels), dtype=torch.bool)"
MASKED = (
    "torch.where(allowed, similarity, torch.inf)",
    "torch.where(allowed, similarity, {low})",
    "torch.where(allowed, similarity, -torch.inf)",
    "torch.where(allowed, similarity, {high})",
)


def _filled(low: str, high: str) -> Slip:
    return Slip(HIDDEN, *(part.format(low=low, high=high) for part in MASKED))


def _partners(given: Mapping[str, Any], got: dict[str, Any]) -> None:
    """The index means nothing where there is no partner: −1 there, for comparison."""
    has = contradicting_pairs(given["similarity"], given["labels"], given["kind"])[1]
    if isinstance(got["index"], Tensor) and got["index"].shape == has.shape and not got["index"].is_floating_point():
        got["index"] = torch.where(has, got["index"], -1)


def _among_candidates(similarity: Tensor, labels: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    index, has = contradicting_pairs(similarity, labels, kind)
    allowed = (labels[:, None] == labels) == (kind == "positive")
    allowed.fill_diagonal_(False)
    return (allowed.cumsum(dim=1) - 1).gather(1, index[:, None]).squeeze(1).clamp(min=0), has


PAIRS = Exercise(
    reference=contradicting_pairs,
    returns=("index", "has_partner"),
    overlook=_partners,
    cases=(
        *_similar("similarities in 0 to 1", MIXED, LABELS),
        *_similar("all similarities of others negative", COSINES, [0, 0, 1, 1]),
        *_similar("similarities around 50,000", 50_000 + 1_000 * MIXED, LABELS),
        *_similar("similarities around −50,000", -50_000 - 1_000 * MIXED, LABELS),
        *_similar("the first is alone in its class", COSINES, [0, 1, 1, 1]),
        *_similar("one class only", COSINES, [2, 2, 2, 2]),
        *_similar("twelve examples of three classes, products", _products(12, 0), _drawn(12, 3, 5)),
        *_similar("nine examples, a table that is not symmetric", _cyclic(9, 1), _drawn(9, 3, 6)),
        *_similar("differences that float32 cannot hold", 1e9 + MIXED.double(), LABELS),
        *_similar("products of longer vectors", 5 * _products(10, 2), _drawn(10, 2, 7)),
    ),
    others=_other_similar,
    slips=(
        *(_filled(low, high) for low, high in (("0", "0"), ("1", "0"), ("torch.inf", "0"), ("0", "-torch.inf"), ("1",
            "-torch.inf"), ("1", "-1"), ("2", "-2"), ("torch.inf", "-1"), ("torch.inf", "-2"), ("2", "-torch.inf"),
            ("10", "-10"), ("100", "-100"), ("1e3", "-1e3"), ("1e4", "-1e4"), ("torch.inf", "-1e4"), ("torch.inf",
            "-1e3"))),
        Slip(HIDDEN, LOW, "(similarity * allowed).argmin(dim=1)", HIGH, "(similarity * allowed).argmax(dim=1)"),
        Slip("An example that is alone in its class becomes its own partner. No example may be: forbid the diagonal.",
             EYE, ""),
        Slip('The two kinds are swapped. A contradicting *positive* has the same label, a *negative* another one.',
             'kind == "positive"', 'kind == "negative"'),
        Slip("Most and least similar are swapped. Positives: the most *dis*similar of the same class. Negatives: the "
             "most similar of the other classes.", LOW, "torch.where(allowed, similarity, -torch.inf).argmax(dim=1)",
             HIGH, "torch.where(allowed, similarity, torch.inf).argmin(dim=1)"),
        Slip("Positives get the most similar example of their class. The bias should be the most *dis*similar: "
             "argmin.", LOW, "torch.where(allowed, similarity, -torch.inf).argmax(dim=1)"),
        Slip("Negatives get the most dissimilar example of the other classes. The bias should be the most similar: "
             "argmax.", HIGH, "torch.where(allowed, similarity, torch.inf).argmin(dim=1)"),
        Slip("The kind is ignored: always the positives.", 'kind == "positive"', "True"),
        Slip("The kind is ignored: always the negatives.", 'kind == "positive"', "False"),
        Slip("It goes along the columns. A row belongs to an example: dim=1.", "dim=1", "dim=0"),
        Slip("has_partner is upside down: True is for those who have a partner.", ANY, "~" + ANY),
        Slip("has_partner is always True. Where no candidate is left it must be False.", ANY,
             "torch.ones(len(labels), dtype=torch.bool)"),
        Slip("The label is ignored for positives: the most dissimilar of all is taken.", "allowed = same" + EYE,
             "allowed = torch.ones_like(same)" + EYE),
        Slip("The label is ignored for negatives: the most similar of all is taken.", "allowed = ~same",
             "allowed = torch.ones_like(same)" + EYE),
        Slip("All similarities lose their sign. The most dissimilar is the most negative.", "    same =",
             "    similarity = similarity.abs()\n    same ="),
        Slip("has_partner asks for a partner of the same label, for negatives too.", "return index, " + ANY,
             "return index, (same & ~torch.eye(len(labels), dtype=torch.bool)).any(dim=1)"),
        Slip("has_partner asks for a partner of another label, for positives too.", "return index, " + ANY,
             "return index, (~same).any(dim=1)"),
        Slip("The place is counted among the candidates, not among all examples.", _among_candidates),
    ),
    hints=(
        "Which pairs may be chosen for each kind, and which may not be even if they are the best? What number is never "
        "the smallest, what number never the largest?",
        "A table of the allowed pairs, without the diagonal; torch.where hides the others, argmin or argmax goes along "
        "each row. Who has any allowed pair?",
    ),
)  # fmt: skip


# ---- the mixture -------------------------------------------------------------------------------------------


def _mixture(
    about: str, n: int, rows: Tensor, partners: Tensor, shape: tuple[int, ...] = (3, 2, 4), seed: int = 0
) -> Case:
    """Images that differ everywhere, so that a mixture tells its weight."""
    drawn = torch.rand(n, *shape, generator=torch.Generator().manual_seed(n + seed))
    images = drawn + torch.arange(float(n)).view(-1, 1, 1, 1) % 11
    labels = _drawn(n, 7, n + seed)
    return Case(about, images=images, labels=labels, rows=rows, partners=partners, generator=Seed(seed))


def _other_mixtures(dice: Dice) -> Iterator[Case]:
    places = dice.order(1400)
    yield _mixture("600 images with a partner each", 1400, places[:600], places[600:1200], seed=dice.seed())
    for about, n in (("a few images", dice.whole(3, 5)), ("some images", dice.whole(6, 20))):
        rows, partners = dice.order(40)[: 2 * n].view(2, n)
        yield _mixture(about, 40, rows, partners, (3, n, n), seed=dice.seed())
    yield _mixture("one image with six partners", 40, torch.full((6,), dice.whole(0, 9)), 10 + dice.order(30)[:6],
                   (1, 4, 4), seed=dice.seed())  # fmt: skip


def _judge_mixture(given: Mapping[str, Any], got: Mapping[str, Tensor]) -> Iterator[str]:
    images, rows, partners, mixed = given["images"], given["rows"], given["partners"], got["mixed images"]
    if torch.equal(rows, partners):
        if not torch.allclose(mixed, images[rows], atol=1e-4):
            yield "An image that is its own partner should come out unchanged. Do the two weights add up to 1?"
        return
    own, other = images[rows], images[partners]
    apart = (own - other).abs() > 0.05
    weights = torch.where(apart, (mixed - other) / torch.where(apart, own - other, 1), torch.nan)
    lam = weights.flatten(1).nanmean(dim=1)
    spread = (weights.flatten(1) - lam[:, None]).abs().nan_to_num().amax(dim=1)
    if spread.max() > 0.01:
        yield _no_mixture(given, mixed, spread)
    elif len(rows.unique()) < len(rows) and lam[rows == rows.mode().values].std() < 1e-3:
        yield (
            "An image that stands six times in rows has one weight each time. Draw a weight for each mixture: "
            "len(rows) "
            "of them."
        )
    elif len(rows) > 5 and lam.std() < 0.01:
        yield f"All mixtures have the same weight, {lam[0]:.3g}. Draw one for each: len(rows) of them."
    elif lam.min() < -1e-3 or lam.max() > 0.5 + 1e-3:
        yield (
            f"lam, the share of images[rows], lies between {lam.min():.2f} and {lam.max():.2f}, where it should lie "
            f"between "
            "0 and ½: the partner prevails, and gives the label."
        )
    elif len(rows) > 300:
        middle, even = lam.median(), (lam.sort().values - torch.linspace(0, 0.5, len(lam))).abs().max()
        if even > 0.06:
            yield (
                f"lam is not uniform in 0…½: it lies between {lam.min():.2f} and {lam.max():.2f}, half of it below "
                f"{middle:.2f}."
            )


def _no_mixture(given: Mapping[str, Any], mixed: Tensor, spread: Tensor) -> str:
    """Why no weight explains the images."""
    images, rows, partners = given["images"], given["rows"], given["partners"]
    own, other = images[rows], images[partners]
    for where, pair in {
        "images[:len(rows)] stand for images[rows]": (images[: len(rows)], other),
        "images[:len(rows)] stand for images[partners]": (own, images[: len(rows)]),
    }.items():
        weight = ((mixed - pair[1]) / (pair[0] - pair[1])).flatten(1)
        if (weight - weight.median(dim=1, keepdim=True).values).abs().median() < 1e-3:
            return f"{where}: take the images at the places that are given."
    apart = (own - other).abs() > 0.05
    weights = torch.where(apart, (mixed - other) / torch.where(apart, own - other, 1), torch.nan)
    within = (weights - weights.flatten(2).nanmean(dim=2)[..., None, None]).abs().nan_to_num()
    if images.shape[1] > 1 and within.max() < 0.01:
        return (
            "Every channel has a weight of its own, which changes the colours. Draw one for each image: [B, 1, 1, 1]."
        )
    between = (mixed >= torch.minimum(own, other) - 1e-3) & (mixed <= torch.maximum(own, other) + 1e-3)
    if not bool(between.all()):
        return (
            f"{int((~between.flatten(1).all(dim=1)).sum())} of {len(rows)} mixtures do not lie between their two "
            f"images: "
            "the weights must be lam and 1 − lam, of images[rows] and images[partners]."
        )
    return (
        f"In {int((spread > 0.01).sum())} of {len(rows)} mixtures the weight differs from pixel to pixel. Draw one "
        f"for each "
        "image, of shape [B, 1, 1, 1], so that it meets all its pixels (a lam [B] meets the last axis)."
    )


PLACES = torch.randperm(900, generator=torch.Generator().manual_seed(8))
MIX_PAIRS = Exercise(
    reference=mix_pairs,
    returns=("mixed images", "labels"),
    drawn=("mixed images",),
    judge=_judge_mixture,
    cases=(
        _mixture("400 images with a partner each", 900, PLACES[:400], PLACES[400:800]),
        _mixture("one image", 40, torch.tensor([5]), torch.tensor([17]), (1, 2, 2)),
        _mixture("square images, as many as pixels in a row", 60, torch.tensor([9, 3, 41]), torch.tensor([5, 50,
            8]), (3, 3, 3), seed=4),
        _mixture("one image with six partners", 60, torch.tensor([9] * 6), torch.arange(30, 36), (1, 4, 4), seed=4),
        _mixture("images that are their own partners", 60, torch.arange(3), torch.arange(3), (1, 2, 3), seed=5),
    ),
    others=_other_mixtures,
    slips=(
        Slip("The label is the image's own. The partner prevails in the mixture: its label counts.",
             "labels[partners]", "labels[rows]"),
        Slip("The labels are mixed too, as in mixup. SelecMix takes the partner's alone.", "labels[partners]",
             "lam.flatten()[:, None] * F.one_hot(labels[rows], 10) + (1 - lam.flatten()[:, None]) * "
             "F.one_hot(labels[partners], 10)"),
        Slip("Labels are made one-hot. Return class numbers.", "labels[partners]", "F.one_hot(labels[partners], 10)"),
        Slip("The class numbers are mixed. Take the partner's label alone.", "labels[partners]",
             "lam.flatten() * labels[rows] + (1 - lam.flatten()) * labels[partners]"),
    ),
    hints=(
        "Whose share is lam, and which of the two images prevails? How many weights do you need, and of which shape, "
        "so that each meets all pixels of its image?",
        "images[rows] and images[partners]; len(rows) random numbers from the generator, halved, as [B, 1, 1, 1]. The "
        "weighted sum is mixup's. The label is not mixed.",
    ),
)  # fmt: skip

# ---- the contrastive loss ----------------------------------------------------------------------------------

ANGLES = torch.tensor([0.0, 0.3, 0.5, 1.4, 1.7, 2.9])
CIRCLE = torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)


def _embedded(n: int, seed: int) -> Tensor:
    return normalize(torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)), dim=1)


PAIR_LOSS = "-q * log_p.detach().mul(q).exp() * log_p"
WEIGHT = "log_p.detach().mul(q).exp()"
MEAN = f"mean_over_positives({PAIR_LOSS}, positive)"
BOTH = "log_p, positive = log_probabilities(embeddings, labels, tau)"
NO_POSITIVE = (
    "An example without any positive has no loss: leave it out of the average, and do not count it as 0 (or as 0 / 0)."
)
EACH_MEAN = f"(torch.where(positive, {PAIR_LOSS}, 0).sum(1) / positive.sum(1).clamp(min=1))"
# As the encoder makes them.
ON_A_GRAPH: dict[str, Any] = {"attached": ["embeddings"], "through": partial(normalize, dim=1)}


def _other_embedded(dice: Dice) -> Iterator[Case]:
    drawn: list[tuple[int, dict[str, Any]]] = [
        (dice.whole(6, 9), {}),
        (dice.whole(10, 14), {"tau": dice.number(0.25, 0.6), "q": dice.number(0.2, 0.6)}),
        (dice.whole(15, 24), {"tau": dice.number(0.1, 0.18), "q": dice.number(0.75, 1)}),
        (dice.whole(6, 9), {"tau": 0.012, "q": dice.number(0.6, 0.8)}),
    ]
    for n, options in drawn:
        labels = dice.classes(n, 3)
        labels[-1] = 3  # has no positive
        yield Case("other embeddings", embeddings=_embedded(n, dice.seed()), labels=labels, **options, **ON_A_GRAPH)


GSC = Exercise(
    reference=gsc,
    returns=("loss",),
    loose=("loss",),
    cases=(
        Case("six examples on a circle", embeddings=CIRCLE, labels=LABELS, **ON_A_GRAPH),
        Case("six on a circle, another tau", embeddings=CIRCLE, labels=LABELS, tau=0.5, q=0.7, **ON_A_GRAPH),
        Case("six on a circle, another q", embeddings=CIRCLE, labels=LABELS, tau=0.2, q=0.3, **ON_A_GRAPH),
        Case("the last has no positive", embeddings=CIRCLE, labels=[0, 0, 0, 1, 1, 2], **ON_A_GRAPH),
        Case("q = 1, classes of different size", embeddings=CIRCLE, labels=[0, 0, 0, 0, 1, 1], tau=0.3, q=1.0,
             **ON_A_GRAPH),
        Case("twelve examples of four classes", embeddings=_embedded(12, 0), labels=_drawn(12, 4, 8), tau=0.15,
             q=0.5, **ON_A_GRAPH),
        Case("a small tau: some p are tiny", embeddings=CIRCLE, labels=LABELS, tau=0.01, q=0.7,
             **ON_A_GRAPH),
    ),
    others=_other_embedded,
    variants=((PAIR_LOSS, "-q * log_p.detach().exp().pow(q) * log_p"),),
    slips=(
        Slip("The softmax runs over all examples, the example itself too. Leave it out: its similarity to itself is "
             "always the largest.", BOTH, "log_p, positive = (embeddings @ embeddings.T / tau).log_softmax(1), "
             "(labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)"),
        Slip("exp overflows where tau is small. Take a log_softmax in one go: log_probabilities does.", BOTH,
             "off = 1 - torch.eye(len(labels))\n    total = ((embeddings @ embeddings.T / tau).exp() * off).sum(1, "
             "keepdim=True)\n    log_p, positive = embeddings @ embeddings.T / tau - total.log(), (labels[:, None] == "
             "labels) & (off > 0)"),
        Slip("An example counts as its own positive. Positives are the *others* of its class.", ", positive)",
             ", labels[:, None] == labels)"),
        Slip("Each row has one weight, from its mean probability. Each pair has its own.", WEIGHT,
             "((log_p.detach().exp() * positive).sum(1, keepdim=True) / positive.sum(1, "
             "keepdim=True).clamp(min=1)).pow(q)"),
        Slip("The weight is largest where p is *small*, and the factor q is missing.", f"-q * {WEIGHT}",
             "-(1 - log_p.detach().exp()).clamp(min=1e-12).pow(q)"),
        Slip("This is SupCon: every positive counts the same. Multiply each log-probability by q · p^q.", PAIR_LOSS,
             "-log_p"),
        Slip("The gradient also goes through the weight, and would change the weight, not only what it weighs. Take "
             "the weight as a constant: log_p.detach().", ".detach()", ""),
        Slip("The weight is p^q. The formula has q · p^q.", "-q * log_p", "-log_p"),
        Slip("The weight is q · p: the power q is missing. p^q = exp(q · log p).", ".mul(q)", ""),
        Slip("The weight is q · log p. p^q is exp(q · log p).", WEIGHT, "log_p.detach().mul(q)"),
        Slip("The weight is largest where p is *small*: that favours hard pairs, as a focal loss does, and works "
             "against the bias. Here the sure pairs count most: p^q.", WEIGHT, "(1 - log_p.detach().exp()).pow(q)"),
        Slip("This is the closed form (1 − p^q) / q, with the same direction of the gradient but another value. Write "
             "it as SupCon with a weight, so that the two can be compared.", PAIR_LOSS, "(1 - (q * log_p).exp()) / q"),
        Slip("This is the closed form 1 − p^q: the gradient is right, the value is not. Write it as SupCon with a "
             "weight.", PAIR_LOSS, "1 - (q * log_p).exp()"),
        Slip("tau is not used: the default, or another number, stands there.", "labels, tau)", "labels, 0.2)"),
        Slip("tau is not used: the similarities are not divided by it.", "labels, tau)", "labels, 1.0)"),
        Slip("tau and q are swapped.", "labels, tau)", "labels, q)", "-q *", "-tau *", ".mul(q)", ".mul(tau)"),
        Slip("An example is its own positive, and stands in its own softmax. Leave it out of both.", BOTH,
             "log_p, positive = (embeddings @ embeddings.T / tau).log_softmax(1), (labels[:, None] == labels) & "
             "((labels[:, None] == labels).sum(1, keepdim=True) > 1)"),
        Slip("tau stands at the place of q.", "-q *", "-tau *", ".mul(q)", ".mul(tau)"),
        Slip("q is not used: 0.7 stands there.", "-q *", "-0.7 *", ".mul(q)", ".mul(0.7)"),
        Slip(NO_POSITIVE, MEAN, f"{EACH_MEAN}.mean()"),
        Slip(NO_POSITIVE, MEAN, f"(torch.where(positive, {PAIR_LOSS}, 0).sum(1) / positive.sum(1)).mean()"),
        Slip("The losses are added up. Average over each example's positives, then over the examples.", MEAN,
             f"{EACH_MEAN}.sum()"),
        Slip("The losses of all pairs are added up. Average over each example's positives, then over the examples.",
             MEAN, f"torch.where(positive, {PAIR_LOSS}, 0).sum()"),
        Slip("All pairs are averaged at once, so an example of a large class counts more. Average over each example's "
             "positives first, then over the examples.", MEAN, f"torch.where(positive, {PAIR_LOSS}, 0).sum() / "
             f"positive.sum()"),
        Slip("The pairs of different classes are averaged as well. Only the positives count.", MEAN,
             f"({PAIR_LOSS}).mean()"),
        Slip("The sign: a log-probability is negative, a loss is not.", "(-q", "(q"),
    ),
    hints=(
        "What is the loss of one pair in SupCon, and by what is it multiplied here? Through which of the two factors "
            "may "
        "the gradient go?",
        "The two lines of SupCon stay; only what is averaged changes. p^q is exp(q · log p), and .detach() makes a "
        "constant of it.",
    ),
)  # fmt: skip
EXERCISES = (PAIRS_BY_BIAS, PAIRS, MIX_PAIRS, GSC)
