"""Answers to the exercises of chapter 05, right and wrong, as students write them."""

import math

import torch
from torch.nn import functional as F

# ---- right, each in its own way ----------------------------------------------------------------------------


def colours_by_split(labels, conflict_ratio, generator):
    bias = labels.clone()
    for digit in range(10):
        rows = torch.nonzero(labels == digit).flatten()
        if conflict_ratio == 0:
            continue
        k = max(round(conflict_ratio * len(rows)), 1)
        rows = rows[torch.randperm(len(rows), generator=generator)][:k]
        for place, row in enumerate(rows):
            bias[row] = (digit + 1 + place % 9) % 10
    return bias


def colours_by_list(labels, conflict_ratio, generator):
    bias = torch.empty_like(labels)
    for digit in labels.unique():
        rows = (labels == digit).nonzero()[:, 0]
        k = max(1, round(conflict_ratio * len(rows))) if conflict_ratio > 0 else 0
        others = [c for c in range(10) if c != digit]
        mine = [digit.item()] * (len(rows) - k) + [others[i % 9] for i in range(k)]
        bias[rows] = torch.tensor(mine)[torch.randperm(len(rows), generator=generator)]
    return bias


def groups_by_loops(predictions, labels, bias, shape=(10, 10)):
    accuracy, counts = torch.full(shape, math.nan), torch.zeros(shape, dtype=torch.long)
    for y in range(shape[0]):
        for b in range(shape[1]):
            group = (labels == y) & (bias == b)
            counts[y, b] = group.sum()
            if counts[y, b] > 0:
                accuracy[y, b] = (predictions[group] == y).float().mean()
    return accuracy, counts


def groups_by_mean_of_nothing(predictions, labels, bias, shape=(10, 10)):
    right = (predictions == labels).float()
    cells = [[right[(labels == y) & (bias == b)] for b in range(shape[1])] for y in range(shape[0])]
    return torch.tensor([[c.mean() for c in row] for row in cells]), torch.tensor([[len(c) for c in r] for r in cells])


def groups_by_one_hot(predictions, labels, bias, shape=(10, 10)):
    y, b = F.one_hot(labels, shape[0]).float(), F.one_hot(bias, shape[1]).float()
    counts = y.T @ b
    return (y * (predictions == labels).float()[:, None]).T @ b / counts, counts.long()


def gce_by_log_softmax(logits, labels, q=0.7):
    log_p = F.log_softmax(logits, dim=1)[torch.arange(len(labels)), labels]
    if q == 0:
        return -log_p
    return (1 - torch.exp(q * log_p)) / q


def gce_by_nll(logits, labels, q=0.7):
    ce = F.nll_loss(F.log_softmax(logits, dim=-1), labels, reduction="none")
    return ce if q == 0 else (1 - (-q * ce).exp()) / q


def weight_by_loop(biased, debiased, labels):
    b, d = biased.detach().clone(), debiased.detach().clone()
    for y in labels.unique():
        for loss in (b, d):
            top = loss[labels == y].max()
            if top > 0:
                loss[labels == y] /= top
    return torch.where(b + d > 0, b / (b + d).clamp(min=1e-12), torch.zeros_like(b))


@torch.no_grad()
def weight_as_in_the_code(biased, debiased, labels):
    b, d = biased.clone(), debiased.clone()
    for y in labels.unique():
        b[labels == y] /= biased[labels == y].max() + 1e-8
        d[labels == y] /= debiased[labels == y].max() + 1e-8
    return b / (b + d + 1e-8)


RIGHT = {
    "biased_colours": [colours_by_split, colours_by_list],
    "group_table": [groups_by_loops, groups_by_mean_of_nothing, groups_by_one_hot],
    "gce": [gce_by_log_softmax, gce_by_nll],
    "relative_difficulty": [weight_by_loop, weight_as_in_the_code],
}

# ---- wrong, with the words that must be in the diagnosis ---------------------------------------------------


def colours(labels, conflict_ratio, generator, order=None, number=None, deal=None):
    """As a student writes it, with a part to spoil."""
    order = order or (lambda rows: rows[torch.randperm(len(rows), generator=generator)])
    number = number or (lambda n: max(1, round(conflict_ratio * n)) if conflict_ratio > 0 else 0)
    deal = deal or (lambda digit, k: [(digit + 1 + i % 9) % 10 for i in range(k)])
    bias = labels.clone()
    for digit in range(10):
        rows = torch.where(labels == digit)[0]
        k = number(len(rows))
        bias[order(rows)[:k]] = torch.tensor(deal(digit, k), dtype=torch.long)
    return bias


def over_all_classes(labels, conflict_ratio, generator):
    bias = labels.clone()
    k = round(conflict_ratio * len(labels))
    rows = torch.randperm(len(labels), generator=generator)[:k]
    bias[rows] = (labels[rows] + torch.randint(1, 10, (k,), generator=generator)) % 10
    return bias


def by_coin(labels, conflict_ratio, generator):
    coin = torch.rand(labels.shape, generator=generator) < conflict_ratio
    step = torch.randint(1, 10, labels.shape, generator=generator)
    return torch.where(coin, (labels + step) % 10, labels)


def any_colour(labels, ratio, generator):
    return colours(
        labels, ratio, generator, deal=lambda digit, k: torch.randint(10, (k,), generator=generator).tolist()
    )


def from_zero(labels, ratio, generator):
    return colours(labels, ratio, generator, deal=lambda digit, k: [i % 10 for i in range(k)])


def from_its_own(labels, ratio, generator):
    return colours(labels, ratio, generator, deal=lambda digit, k: [(digit + i) % 10 for i in range(k)])


def drawn_others(labels, ratio, generator):
    def deal(digit, k):
        return ((digit + torch.randint(1, 10, (k,), generator=generator)) % 10).tolist()

    return colours(labels, ratio, generator, deal=deal)


def always_the_next(labels, ratio, generator):
    return colours(labels, ratio, generator, deal=lambda digit, k: [(digit + 1) % 10] * k)


def the_first_ones(labels, ratio, generator):
    """The order of the colours is drawn, so that two seeds differ; the places are not."""

    def deal(digit, k):
        others = (digit + 1 + torch.randperm(9, generator=generator)) % 10
        return [int(others[i % 9]) for i in range(k)]

    return colours(labels, ratio, generator, order=lambda rows: rows, deal=deal)


def without_the_generator(labels, ratio, generator):
    return colours(labels, ratio, generator, order=lambda rows: rows[torch.randperm(len(rows))])


def evenly_spaced(labels, ratio, generator):
    """Fixed places; only the colours are drawn."""

    def deal(digit, k):
        others = (digit + 1 + torch.randperm(9, generator=generator)) % 10
        return [int(others[i % 9]) for i in range(k)]

    def order(rows):
        last = len(rows) - 1
        return rows[sorted(range(len(rows)), key=lambda i: (i * 7 % (last + 1), i))]

    return colours(labels, ratio, generator, order=order, deal=deal)


def overwrites(labels, ratio, generator):
    labels[:] = colours(labels, ratio, generator)
    return labels


def groups(predictions, labels, bias, shape=(10, 10), finish=lambda right, counts: right / counts):
    counts = torch.tensor([[((labels == y) & (bias == b)).sum() for b in range(shape[1])] for y in range(shape[0])])
    hit = predictions == labels
    right = torch.tensor(
        [[(hit & (labels == y) & (bias == b)).sum() for b in range(shape[1])] for y in range(shape[0])]
    )
    return finish(right.float(), counts.float()), counts


def finished(finish):
    return lambda p, y, b, shape=(10, 10): groups(p, y, b, shape, finish)


def transposed(predictions, labels, bias, shape=(10, 10)):
    accuracy, counts = groups(predictions, labels, bias, shape)
    return accuracy.T, counts.T


def counts_of_right(predictions, labels, bias, shape=(10, 10)):
    accuracy, counts = groups(predictions, labels, bias, shape)
    return accuracy, (accuracy * counts).nan_to_num().round().long()


def by_prediction(predictions, labels, bias, shape=(10, 10)):
    accuracy, counts = torch.full(shape, math.nan), torch.zeros(shape)
    for y in range(shape[0]):
        for b in range(shape[1]):
            group = (predictions == y) & (bias == b)
            counts[y, b] = group.sum()
            accuracy[y, b] = (labels[group] == y).float().mean()
    return accuracy, counts


def sized_by_labels(predictions, labels, bias, shape=(10, 10)):
    return groups(predictions, labels, bias, (int(labels.max()) + 1, int(bias.max()) + 1))


def p_of(logits, labels):
    return torch.softmax(logits, dim=1)[torch.arange(len(labels)), labels]


def log_p_of(logits, labels):
    return -F.cross_entropy(logits, labels, reduction="none")


def gce_from_p(logits, labels, q=0.7):
    p = p_of(logits, labels)
    return -torch.log(p) if q == 0 else (1 - p**q) / q


def gce_from_p_always(logits, labels, q=0.7):
    return (1 - p_of(logits, labels) ** q) / q


def gce_always(logits, labels, q=0.7):
    return (1 - torch.exp(q * log_p_of(logits, labels))) / q


def without_q(logits, labels, q=0.7):
    log_p = log_p_of(logits, labels)
    return 1 - torch.exp(q * log_p) if q else -log_p


def power_of_the_rest(logits, labels, q=0.7):
    log_p = log_p_of(logits, labels)
    return (1 - log_p.exp().clamp(max=1 - 1e-7)) ** q / q if q else -log_p


def weighted(logits, labels, q=0.7):
    log_p = log_p_of(logits, labels)
    return -torch.exp(q * log_p).detach() * log_p


def as_in_lffs_code(logits, labels, q=0.7):
    log_p = log_p_of(logits, labels)
    return -q * torch.exp(q * log_p).detach() * log_p


def weighted_on_the_graph(logits, labels, q=0.7):
    log_p = log_p_of(logits, labels)
    return -torch.exp(q * log_p) * log_p


def of_the_largest(logits, labels, q=0.7):
    log_p = F.log_softmax(logits, dim=1).max(dim=1).values
    return (1 - torch.exp(q * log_p)) / q if q else -log_p


def of_the_logits(logits, labels, q=0.7):
    p = logits[torch.arange(len(labels)), labels]
    return (1 - p**q) / q if q else -p.log()


def tops(loss, labels):
    return torch.tensor([loss[labels == y].max() for y in labels])


def weight(biased, debiased, labels, top=lambda loss, labels: tops(loss, labels) + 1e-8, small=1e-8):
    b, d = biased.detach() / top(biased.detach(), labels), debiased.detach() / top(debiased.detach(), labels)
    return b / (b + d + small)


def upside_down(biased, debiased, labels):
    return weight(debiased, biased, labels)


def no_upper_end(biased, debiased, labels):
    b, d = biased.detach() / (tops(biased, labels) + 1e-8), debiased.detach() / (tops(debiased, labels) + 1e-8)
    return b / (d + 1e-8)


def on_the_graph(biased, debiased, labels):
    b, d = biased / (tops(biased, labels) + 1e-8), debiased / (tops(debiased, labels) + 1e-8)
    return b / (b + d + 1e-8)


def overwrites_the_losses(biased, debiased, labels):
    b, d = biased.detach(), debiased.detach()
    for y in labels.unique():
        b[labels == y] /= b[labels == y].max() + 1e-8
        d[labels == y] /= d[labels == y].max() + 1e-8
    return b / (b + d + 1e-8)


def of_the_class(reduce):
    def top(loss, labels):
        return torch.tensor([reduce(loss[labels == y]) for y in labels]) + 1e-8

    return lambda b, d, y: weight(b, d, y, top)


WRONG = [
    ("biased_colours", over_all_classes, "not exactly in each"),
    ("biased_colours", by_coin, "not exactly in each"),
    ("biased_colours", any_colour, "get their own colour again"),
    ("biased_colours", from_zero, "get their own colour again"),
    ("biased_colours", from_its_own, "get their own colour again"),
    ("biased_colours", drawn_others, "Deal them out one after the other"),
    ("biased_colours", always_the_next, "get the same colour"),
    ("biased_colours", the_first_ones, "follows from their place in the data"),
    ("biased_colours", evenly_spaced, "follows from their place in the data"),
    ("biased_colours", lambda y, r, g: colours(y, r, g).tolist(), "does something else"),
    ("biased_colours", without_the_generator, "nobody can repeat your"),
    ("biased_colours", lambda y, r, g: colours(y, r, g, number=lambda n: max(1, int(r * n)) if r else 0), "int() cuts"),
    ("biased_colours", lambda y, r, g: colours(y, r, g, number=lambda n: round(r * n)), "without any conflicting"),
    ("biased_colours", lambda y, r, g: colours(y, r, g, number=lambda n: max(1, round(r * n))), "0 means none"),
    ("biased_colours", lambda y, r, g: colours(y, r, g) != y, "returns which pictures conflict"),
    ("biased_colours", overwrites, "are overwritten"),
    ("biased_colours", lambda y, r, g: y.clone(), "does something else"),
    ("group_table", finished(lambda right, n: torch.where(n > 0, right / n, 0.0)), "An empty group gets accuracy 0"),
    ("group_table", transposed, "Rows and columns are swapped"),
    ("group_table", finished(lambda right, n: right / n.sum()), "by the number of all examples"),
    ("group_table", finished(lambda right, n: right / n.sum(1, keepdim=True)), "by the size of the class"),
    ("group_table", finished(lambda right, n: (n - right) / n), "These are error rates"),
    ("group_table", finished(lambda right, n: 100 * right / n), "These are percent"),
    ("group_table", finished(lambda right, n: right), "numbers of right answers"),
    ("group_table", counts_of_right, "those of the right answers"),
    ("group_table", by_prediction, "The rows are the model's answers"),
    ("group_table", lambda p, y, b, shape=(10, 10): groups(p, y, b, shape)[0], "It returns one table"),
    ("group_table", sized_by_labels, "as large as the labels that happen to be there"),
    ("group_table", lambda p, y, b, shape=(10, 10): None, "It stopped with TypeError"),
    ("gce", gce_from_p, "the gradient is NaN"),
    ("gce", gce_from_p_always, "divides by zero"),
    ("gce", gce_always, "divides by zero"),
    ("gce", lambda z, y, q=0.7: gce_by_nll(z, y, q).mean(), "It returns one number"),
    ("gce", lambda z, y, q=0.7: gce_by_nll(z, y, q).sum(), "It returns one number"),
    ("gce", without_q, "The division by q is missing"),
    ("gce", power_of_the_rest, "first the power, then 1 minus it"),
    ("gce", weighted, "The gradient is right"),
    ("gce", as_in_lffs_code, "the form in LfF's code"),
    ("gce", weighted_on_the_graph, "goes through the weight too"),
    ("gce", lambda z, y, q=0.7: gce_by_nll(z, y, q).detach(), "hang on no graph"),
    ("gce", lambda z, y, q=0.7: gce_by_nll(z, y, q).tolist(), "does something else"),
    ("gce", of_the_largest, "p is the largest probability"),
    ("gce", of_the_logits, "taken for probabilities"),
    ("gce", lambda z, y, q=0.7: F.cross_entropy(z, y, reduction="none"), "the cross-entropy whatever q is"),
    ("gce", lambda z, y, q=0.7: None, "It returns None"),
    ("relative_difficulty", lambda b, d, y: weight(b, d, y, lambda loss, y: 1), "compared as they are"),
    ("relative_difficulty", lambda b, d, y: weight(b, d, y, lambda loss, y: loss.max()), "the largest of all"),
    ("relative_difficulty", of_the_class(torch.sum), "by the sum (or the mean)"),
    ("relative_difficulty", of_the_class(torch.mean), "by the sum (or the mean)"),
    ("relative_difficulty", upside_down, "Upside down"),
    ("relative_difficulty", no_upper_end, "has no upper end"),
    ("relative_difficulty", lambda b, d, y: weight(b, d, y, tops), "NaN weights end the training"),
    ("relative_difficulty", lambda b, d, y: weight(b, d, y, tops, 0), "0 / 0 is NaN twice"),
    ("relative_difficulty", lambda b, d, y: weight(b, d, y, small=0), "Where both losses are 0"),
    ("relative_difficulty", overwrites_the_losses, "are overwritten"),
    ("relative_difficulty", on_the_graph, "hang on autograd's graph"),
    ("relative_difficulty", lambda b, d, y: None, "It returns None"),
]
