"""Answers to the exercises of chapter 06, right and wrong, as students write them."""

import math

import torch
from torch.nn import functional as F

from course_utils.selecmix import log_probabilities, mean_over_positives

# ---- right, each in its own way ----------------------------------------------------------------------------


def by_bias_by_loop(labels, bias, kind, generator):
    index, has = torch.zeros_like(labels), torch.zeros(len(labels), dtype=torch.bool)
    for i in range(len(labels)):
        if kind == "positive":
            candidates = torch.where((labels == labels[i]) & (bias != bias[i]))[0]
        else:
            candidates = torch.where((labels != labels[i]) & (bias == bias[i]))[0]
        if len(candidates):
            index[i] = candidates[torch.randint(len(candidates), (1,), generator=generator)]
            has[i] = True
    return index, has


def by_bias_by_multinomial(labels, bias, kind, generator):
    same_y = labels.unsqueeze(0) == labels.unsqueeze(1)
    same_b = bias.unsqueeze(0) == bias.unsqueeze(1)
    mask = (same_y & ~same_b) if kind == "positive" else (~same_y & same_b)
    has = mask.sum(1) > 0
    weights = mask.float() + (~has).float()[:, None]
    return torch.multinomial(weights, 1, generator=generator)[:, 0], has


def pairs_by_loop(similarity, labels, kind):
    index, has = torch.zeros(len(labels), dtype=torch.long), torch.zeros(len(labels), dtype=torch.bool)
    for i in range(len(labels)):
        best = None
        for j in range(len(labels)):
            if i == j or (labels[i] == labels[j]) != (kind == "positive"):
                continue
            if (
                best is None
                or (kind == "positive" and similarity[i, j] < similarity[i, best])
                or (kind == "negative" and similarity[i, j] > similarity[i, best])
            ):
                best = j
        if best is not None:
            index[i], has[i] = best, True
    return index, has


def pairs_by_masked_fill(similarity, labels, kind):
    same = labels.unsqueeze(1).eq(labels.unsqueeze(0))
    own = torch.eye(len(labels)).bool()
    if kind == "positive":
        hidden = ~same | own
        return similarity.masked_fill(hidden, float("inf")).min(dim=1).indices, (~hidden).sum(1) > 0
    return similarity.masked_fill(same, float("-inf")).max(dim=1).indices, (~same).any(1)


def mixture_by_loop(images, labels, rows, partners, generator):
    lam = torch.rand(len(rows), generator=generator) / 2
    mixed = [w * images[i] + (1 - w) * images[j] for w, i, j in zip(lam, rows, partners)]
    return torch.stack(mixed), labels[partners]


def mixture_by_beta(images, labels, rows, partners, generator):
    lam = torch.rand((len(rows), 1, 1, 1), generator=generator).mul(0.5)
    return images[partners] + lam * (images[rows] - images[partners]), labels.index_select(0, partners)


def gsc_with_helpers(embeddings, labels, tau=0.2, q=0.7):
    log_p, positive = log_probabilities(embeddings, labels, tau)
    weight = q * torch.exp(log_p).detach() ** q
    return mean_over_positives(-weight * log_p, positive)


def gsc_by_loop(embeddings, labels, tau=0.2, q=0.7):
    losses = []
    for i in range(len(labels)):
        others = [j for j in range(len(labels)) if j != i]
        log_p = F.log_softmax(embeddings[others] @ embeddings[i] / tau, dim=0)
        mine = [log_p[k] for k, j in enumerate(others) if labels[j] == labels[i]]
        if mine:
            losses.append(sum(-q * x.detach().exp() ** q * x for x in mine) / len(mine))
    return sum(losses) / len(losses)


RIGHT = {
    "contradicting_pairs_by_bias": [by_bias_by_loop, by_bias_by_multinomial],
    "contradicting_pairs": [pairs_by_loop, pairs_by_masked_fill],
    "mix_pairs": [mixture_by_loop, mixture_by_beta],
    "gsc": [gsc_with_helpers, gsc_by_loop],
}

# ---- wrong, with the words that must be in the diagnosis ---------------------------------------------------


def drawn(positive, negative, has=None, choose=None):
    """From (same label, same bias) to who may be a partner, with parts to spoil."""

    def attempt(labels, bias, kind, generator):
        y, b = labels[:, None] == labels[None, :], bias[:, None] == bias[None, :]
        mask = positive(y, b) if kind == "positive" else negative(y, b)
        score = torch.rand(len(labels), len(labels), generator=generator)
        if choose:
            return choose(mask, generator), mask.any(1)
        return (score + 2 * mask).argmax(1) if has is None else (score * mask).argmax(1), (has or any_in_row)(mask)

    return attempt


def any_in_row(mask):
    return mask.sum(dim=1) > 0


def yes(mask):
    return torch.ones(len(mask)).bool()


def good_positive(y, b):
    return y & ~b


def good_negative(y, b):
    return ~y & b


def by_similarity(low=None, high=None, has=any_in_row, own=False):
    def attempt(similarity, labels, kind):
        same = labels[:, None] == labels[None, :]
        if kind == "positive":
            mask = same if own else same & ~torch.eye(len(labels), dtype=torch.bool)
            return (low or right_low)(similarity, mask), has(mask)
        return (high or right_high)(similarity, ~same), has(~same)

    return attempt


def right_low(similarity, mask):
    return similarity.masked_fill(~mask, math.inf).argmin(1)


def right_high(similarity, mask):
    return similarity.masked_fill(~mask, -math.inf).argmax(1)


def swapped_kinds(similarity, labels, kind):
    return pairs_by_masked_fill(similarity, labels, {"positive": "negative", "negative": "positive"}[kind])


def fills_in_place(similarity, labels, kind):
    same = labels[:, None] == labels
    same.fill_diagonal_(kind != "positive")
    if kind == "positive":
        similarity[~same] = math.inf
        return similarity.argmin(1), same.any(1)
    similarity[same] = -math.inf
    return similarity.argmax(1), (~same).any(1)


def mixture(draw=lambda n, g: torch.rand(n, generator=g) / 2, label=lambda y, i, j, lam: y[j], shape=(-1, 1, 1, 1)):
    def attempt(images, labels, rows, partners, generator):
        lam = draw(len(rows), generator)
        lam = lam.view(shape) if shape else lam
        return lam * images[rows] + (1 - lam) * images[partners], label(labels, rows, partners, lam)

    return attempt


def soft(y, i, j, lam):
    lam = lam.view(-1, 1)
    return lam * F.one_hot(y[i], 10) + (1 - lam) * F.one_hot(y[j], 10)


def mixes_into_the_data(images, labels, rows, partners, generator):
    lam = (torch.rand(len(rows), generator=generator) / 2).view(-1, 1, 1, 1)
    images[rows] = lam * images[rows] + (1 - lam) * images[partners]
    return images[rows], labels[partners]


def loss(weight, average=mean_over_positives, sign=-1):
    def attempt(embeddings, labels, tau=0.2, q=0.7):
        log_p, positive = log_probabilities(embeddings, labels, tau)
        return average(sign * weight(log_p, q) * log_p, positive)

    return attempt


def usual(log_p, q):
    return q * (q * log_p.detach()).exp()


def over_all_rows(losses, positive):
    return ((losses * positive).nan_to_num().sum(1) / positive.sum(1).clamp(min=1)).mean()


def over_all_pairs(losses, positive):
    return losses[positive].mean()


def own_in_the_softmax(embeddings, labels, tau=0.2, q=0.7):
    log_p = F.log_softmax(embeddings @ embeddings.T / tau, dim=1)
    positive = (labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)
    return mean_over_positives(-usual(log_p, q) * log_p, positive)


def with_tau(change):
    return lambda z, y, tau=0.2, q=0.7: gsc_with_helpers(z, y, change(tau), q)


def closed_form(embeddings, labels, tau=0.2, q=0.7):
    log_p, positive = log_probabilities(embeddings, labels, tau)
    return mean_over_positives((1 - (q * log_p).exp()) / q, positive)


WRONG = [
    ("contradicting_pairs_by_bias", drawn(lambda y, b: ~y & b, lambda y, b: y & ~b), "two kinds are swapped"),
    ("contradicting_pairs_by_bias", drawn(lambda y, b: y, good_negative), "must have another bias too"),
    ("contradicting_pairs_by_bias", drawn(good_positive, lambda y, b: b), "must have another label too"),
    ("contradicting_pairs_by_bias", drawn(lambda y, b: y, lambda y, b: b), "differs in the other"),
    ("contradicting_pairs_by_bias", drawn(good_positive, lambda y, b: ~y), "must share the bias too"),
    ("contradicting_pairs_by_bias", drawn(good_positive, good_negative, has=lambda m: m.sum(1) == 0), "upside down"),
    ("contradicting_pairs_by_bias", drawn(good_positive, good_negative, has=yes), "always True"),
    (
        "contradicting_pairs_by_bias",
        drawn(good_positive, good_negative, choose=lambda m, g: m.long().argmax(1)),
        "always takes the first",
    ),
    (
        "contradicting_pairs_by_bias",
        drawn(good_positive, good_negative, choose=lambda m, g: (torch.rand(m.shape) * m).argmax(1)),
        "nobody can repeat it",
    ),
    (
        "contradicting_pairs_by_bias",
        drawn(
            good_positive, good_negative, choose=lambda m, g: torch.multinomial(m.float(), 1, generator=g).squeeze(1)
        ),
        "multinomial stops",
    ),
    ("contradicting_pairs_by_bias", lambda y, b, k, g: by_bias_by_loop(y, b, k, g)[0], "Return two"),
    ("contradicting_pairs", by_similarity(lambda s, m: (s * m).argmin(1), lambda s, m: (s * m).argmax(1)), "0 beats"),
    ("contradicting_pairs", by_similarity(high=lambda s, m: (s * m).argmax(1)), "0 beats"),
    ("contradicting_pairs", by_similarity(low=lambda s, m: (s * m).argmin(1)), "0 beats"),
    (
        "contradicting_pairs",
        by_similarity(lambda s, m: (s * m + ~m * 1).argmin(1), lambda s, m: (s * m).argmax(1)),
        "0 beats",
    ),
    ("contradicting_pairs", by_similarity(lambda s, m: s.masked_fill(~m, 1).argmin(1)), "not the largest number"),
    (
        "contradicting_pairs",
        by_similarity(lambda s, m: s.masked_fill(~m, 1).argmin(1), lambda s, m: s.masked_fill(~m, -1).argmax(1)),
        "not the largest number",
    ),
    ("contradicting_pairs", by_similarity(own=True), "forbid the diagonal"),
    ("contradicting_pairs", swapped_kinds, "two kinds are swapped"),
    (
        "contradicting_pairs",
        by_similarity(
            lambda s, m: s.masked_fill(~m, -math.inf).argmax(1), lambda s, m: s.masked_fill(~m, math.inf).argmin(1)
        ),
        "Most and least similar are swapped",
    ),
    (
        "contradicting_pairs",
        by_similarity(lambda s, m: s.masked_fill(~m, -math.inf).argmax(1)),
        "most similar example of their class",
    ),
    ("contradicting_pairs", by_similarity(has=lambda m: ~m.any(1)), "upside down"),
    ("contradicting_pairs", by_similarity(has=yes), "always True"),
    ("contradicting_pairs", fills_in_place, "overwritten"),
    ("contradicting_pairs", lambda s, y, k: pairs_by_loop(s, y, k)[0], "Return two"),
    ("mix_pairs", mixture(lambda n, g: 1 - torch.rand(n, generator=g) / 2), "picture itself prevails"),
    ("mix_pairs", mixture(lambda n, g: torch.rand(n, generator=g)), "Draw from 0 to ½"),
    ("mix_pairs", mixture(lambda n, g: torch.rand(1, generator=g) / 2), "All pictures get the same weight"),
    ("mix_pairs", mixture(lambda n, g: torch.full((n,), 0.5)), "All pictures get the same weight"),
    ("mix_pairs", mixture(lambda n, g: torch.rand(n, 1, 2, 2, generator=g) / 2, shape=None), "one for each picture"),
    ("mix_pairs", mixture(label=lambda y, i, j, lam: y[i]), "its label counts"),
    ("mix_pairs", mixture(label=soft), "as in mixup"),
    ("mix_pairs", mixture(shape=None), "at their last axis"),
    ("mix_pairs", mixture(lambda n, g: torch.rand(n) / 2), "nobody can repeat them"),
    ("mix_pairs", mixes_into_the_data, "mix mixtures"),
    ("gsc", loss(lambda log_p, q: 1.0), "This is SupCon"),
    ("gsc", loss(lambda log_p, q: q * log_p.exp() ** q), "through the weight"),
    ("gsc", loss(lambda log_p, q: log_p.detach().exp() ** q), "The formula has q · p^q"),
    ("gsc", loss(lambda log_p, q: q * log_p.detach().exp()), "the power q is missing"),
    ("gsc", loss(lambda log_p, q: q * (1 - log_p.detach().exp()) ** q), "favours hard pairs"),
    ("gsc", closed_form, "closed form"),
    ("gsc", own_in_the_softmax, "the example itself too"),
    ("gsc", with_tau(lambda tau: 1.0), "not divided by tau"),
    ("gsc", with_tau(lambda tau: 1 / tau), "multiplied by tau"),
    ("gsc", loss(usual, over_all_rows), "leave it out of the average"),
    (
        "gsc",
        loss(usual, lambda x, m: (x.masked_fill(~m, 0).sum(1) / m.sum(1)).mean()),
        "leave it out of the average",
    ),
    ("gsc", loss(usual, lambda x, m: x[m].sum()), "The losses are added up"),
    ("gsc", loss(usual, over_all_pairs), "All pairs are averaged at once"),
    ("gsc", loss(usual, sign=1), "The sign"),
]
