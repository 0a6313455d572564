"""The exercises of chapter 05: a bias of exact size, the table of groups, a loss that amplifies, LfF's weight."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.biased import biased_colours
from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.lff import gce, relative_difficulty
from course_utils.metrics import group_table


def _watch_colours(attempt: Callable) -> Iterator[Sight]:
    """Which digits conflict is drawn, so what is watched is what must hold for every draw."""
    labels = torch.arange(10)
    bias = attempt(labels, 0.5, torch.Generator().manual_seed(0))
    facts = {
        "one colour for each digit": isinstance(bias, Tensor) and bias.shape == labels.shape,
        "colours of type int64": isinstance(bias, Tensor) and bias.dtype == torch.int64,
        "your labels unchanged": torch.equal(labels, torch.arange(10)),
    }
    yield "one digit of each class, conflict_ratio 0.5", facts
    if not all(facts.values()):
        return
    even = torch.arange(1000) % 10
    uneven = torch.arange(10).repeat_interleave(60 + 13 * torch.arange(10))
    # 0.29 · 100 is 28.99… in floating point: int() would cut it down to 28.
    for case, labels, ratio in (
        ("100 digits of each class, conflict_ratio 0.29", even, 0.29),
        ("60 zeros, 73 ones, … 177 nines, conflict_ratio 0.05", uneven, 0.05),
        ("100 digits of each class, conflict_ratio 0.001: one conflicts in each", even, 0.001),
        ("conflict_ratio 0: none conflicts", even, 0.0),
        ("conflict_ratio 1: all conflict", even, 1.0),
    ):
        bias, again, other = (attempt(labels.clone(), ratio, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
        drawn = 0 < ratio < 1
        yield (
            case,
            {
                "colours 0 to 9": bool(((bias >= 0) & (bias <= 9)).all()),
                "same colours from the same generator": torch.equal(bias, again),
                "other pictures conflict with another seed": not drawn
                or not torch.equal(bias != labels, other != labels),
            }
            | _shares(labels, bias, ratio),
        )


def _shares(labels: Tensor, bias: Tensor, ratio: float) -> dict[str, bool]:
    """What must hold for the numbers of conflicting digits, whichever were drawn."""
    wanted = torch.tensor([_counted(ratio, n) for n in labels.bincount(minlength=10).tolist()])
    dealt = torch.zeros(10, 10).index_put((labels, bias % 10), torch.ones(len(labels)), accumulate=True)
    others = dealt[~torch.eye(10, dtype=torch.bool)].view(10, 9)
    return {
        "in each class at least round(conflict_ratio · n) conflicting": bool((others.sum(1) >= wanted).all()),
        "in each class at most so many conflicting": bool((others.sum(1) <= wanted).all()),
        "each of the nine other colours in use": bool((others > 0).all()) or ratio < 1,
        "the nine other colours equally often, up to one": bool((others.amax(1) - others.amin(1) <= 1).all()),
    }


def _counted(ratio: float, members: int) -> int:
    return max(1, round(ratio * members)) if ratio else 0


def _evenly(digit: int, count: int, generator: torch.Generator | None) -> Tensor:
    others = (digit + 1 + torch.randperm(9, generator=generator)) % 10
    return others[torch.arange(count) % 9]


def _colours(count: Callable = _counted, deal: Callable = _evenly, pick: str = "drawn", returned="colours") -> Callable:
    """Colours with one part replaced. pick: "drawn", "first" or "global", from PyTorch's own generator."""

    def twin(labels, conflict_ratio, generator):
        bias = labels.clone()
        source = None if pick == "global" else generator
        for digit in range(10):
            members = (labels == digit).nonzero().squeeze(1)
            k = count(conflict_ratio, len(members))
            order = torch.arange(len(members)) if pick == "first" else torch.randperm(len(members), generator=source)
            bias[members[order[:k]]] = deal(digit, k, source)
        return bias != labels if returned == "mask" else bias

    return twin


def _overwriting(labels, conflict_ratio, generator):
    labels.copy_(biased_colours(labels, conflict_ratio, generator))
    return labels


def _over_all(labels, conflict_ratio, generator):
    bias = labels.clone()
    drawn = torch.randperm(len(labels), generator=generator)[: round(conflict_ratio * len(labels))]
    bias[drawn] = (labels[drawn] + torch.randint(1, 10, drawn.shape, generator=generator)) % 10
    return bias


def _coin(labels, conflict_ratio, generator):
    other = (labels + torch.randint(1, 10, labels.shape, generator=generator)) % 10
    return torch.where(torch.rand(len(labels), generator=generator) < conflict_ratio, other, labels)


def _any_colour(digit, count, generator):
    return torch.randint(10, (count,), generator=generator)


def _another_colour(digit, count, generator):
    return (digit + torch.randint(1, 10, (count,), generator=generator)) % 10


INEXACT = (
    "The ratio is met on average, or over all classes together, not exactly in each. Go through the digits, and draw "
    "round(conflict_ratio · n) of the n pictures of each."
)
OWN_COLOUR = (
    "Some pictures that should conflict get their own colour again. Deal out the nine *other* colours: "
    "(digit + 1) % 10 to (digit + 9) % 10."
)
BIASED_COLOURS = Exercise(
    reference=biased_colours,
    watch=_watch_colours,
    mistakes=(
        Mistake(_over_all, INEXACT),
        Mistake(_coin, INEXACT),
        Mistake(_colours(deal=_any_colour), OWN_COLOUR),
        Mistake(_colours(deal=lambda digit, k, generator: torch.arange(k) % 10), OWN_COLOUR),
        Mistake(_colours(deal=lambda digit, k, generator: (digit + torch.arange(k)) % 10), OWN_COLOUR),
        Mistake(
            _colours(deal=_another_colour),
            "The other colours are drawn, so some come up more often than others. Deal them out one after the other: "
            "position k gets colour k % 9 of the nine.",
        ),
        Mistake(
            _colours(deal=lambda digit, k, generator: torch.full((k,), (digit + 1) % 10)),
            "All conflicting pictures of a digit get the same colour. Deal out all nine others.",
        ),
        Mistake(
            _colours(pick="first"),
            "Which pictures conflict follows from their place in the data, whatever the seed. Draw them: "
            "torch.randperm(n, generator=generator) is a random order.",
        ),
        Mistake(
            _colours(pick="global"),
            "Not every draw comes from the generator: pass generator=generator to randperm, or nobody can repeat your "
            "data.",
        ),
        Mistake(
            _colours(count=lambda ratio, n: max(1, int(ratio * n)) if ratio else 0),
            "int() cuts off: 0.29 · 100 is 28.99… in floating point. Use round().",
        ),
        Mistake(
            _colours(count=lambda ratio, n: round(ratio * n)),
            "A small ratio leaves a class without any conflicting picture. At least one, unless the ratio is 0.",
        ),
        Mistake(
            _colours(count=lambda ratio, n: max(1, round(ratio * n))),
            "Even at conflict_ratio 0 a picture of each class conflicts. 0 means none.",
        ),
        Mistake(
            _colours(returned="mask"), "It returns which pictures conflict. What is asked for is the colour of each."
        ),
        Mistake(
            _overwriting,
            "The labels you were given are overwritten: `bias = labels` is one tensor with two names. Work on "
            "labels.clone().",
        ),
    ),
    hints=(
        "Start with bias = labels.clone(): everything is aligned. Then, digit by digit, find its pictures with "
        "(labels == digit).nonzero().squeeze(1), take a random order of them, and give the first few another colour.",
        "(digit + k) % 10 with k = 1…9 are the nine other colours; torch.randperm(9, generator=generator) puts the k "
        "into a random order. Deal them out: the first conflicting picture gets the first, the tenth the first again.",
    ),
)


def _watch_groups(attempt: Callable) -> Iterator[Sight]:
    generator = torch.Generator().manual_seed(0)
    many = [torch.randint(6, (200,), generator=generator) for _ in range(3)]
    for case, predictions, labels, bias, shape in (
        (
            "answers 0, 1, 1 to label 0 with bias 0, 0, 1; answer 1 to label 1 with bias 1; nothing with label 1 and "
            "bias 0",
            [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1], (2, 2),
        ),
        ("three classes, two values of the bias", [2, 2, 0, 1, 1], [2, 2, 0, 1, 0], [0, 1, 1, 0, 1], (3, 2)),
        ("200 answers, of ten classes only six are there", *many, (10, 10)),
        ("every answer right", many[1], many[1], many[2], (10, 10)),
    ):  # fmt: skip
        given = [torch.as_tensor(part).clone() for part in (predictions, labels, bias)]
        before = [part.clone() for part in given]
        accuracy, counts = attempt(*given, shape)
        yield (
            case,
            {
                "shape of the accuracies": list(accuracy.shape),
                "shape of the counts": list(counts.shape),
                "accuracy": accuracy,
                "counts": counts,
                "your tensors unchanged": all(torch.equal(a, b) for a, b in zip(given, before)),
            },
        )


def _groups(finish: Callable = lambda right, counts, total: (right / counts, counts), rows: str = "label") -> Callable:
    """A table of groups with its last line replaced, or other rows."""

    def twin(predictions, labels, bias, shape=(10, 10)):
        row = predictions if rows == "prediction" else labels
        counts, right = torch.zeros(shape), torch.zeros(shape)
        counts.index_put_((row, bias), torch.ones(len(labels)), accumulate=True)
        right.index_put_((row, bias), (predictions == labels).float(), accumulate=True)
        return finish(right, counts, len(labels))

    return twin


def _sized_by_the_data(predictions, labels, bias, shape=(10, 10)):
    return group_table(predictions, labels, bias, (int(labels.max()) + 1, int(bias.max()) + 1))


GROUP_TABLE = Exercise(
    reference=group_table,
    watch=_watch_groups,
    mistakes=(
        Mistake(
            _groups(lambda right, counts, total: ((right / counts).nan_to_num(), counts)),
            "An empty group gets accuracy 0. Nothing was measured there: leave NaN, or every mean over groups is "
            "pulled down by what does not exist.",
        ),
        Mistake(
            _groups(lambda right, counts, total: ((right / counts).T, counts.T)),
            "Rows and columns are swapped. The row is the label, the column the bias.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (right / total, counts)),
            "The right answers are divided by the number of all examples. Each group has its own size.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (right / counts.sum(dim=1, keepdim=True), counts)),
            "The right answers are divided by the size of the class. Divide by the size of the group.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (1 - right / counts, counts)),
            "These are error rates. Accuracy is the share that is right.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (100 * right / counts, counts)),
            "These are percent. In this course accuracies are fractions between 0 and 1.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (right / counts, right)),
            "The counts are those of the right answers. Count all examples of each group.",
        ),
        Mistake(
            _groups(lambda right, counts, total: (right, counts)),
            "These are numbers of right answers. Divide by the group's size.",
        ),
        Mistake(
            _groups(rows="prediction"),
            "The rows are the model's answers. A group is made by the label and the bias, whatever the model says.",
        ),
        Mistake(
            lambda p, y, b, shape=(10, 10): group_table(p, y, b, shape)[0],
            "It returns one table. Return two: (accuracy, counts).",
        ),
        Mistake(
            _sized_by_the_data,
            "The table is as large as the labels that happen to be there. It must be as large as shape says, with "
            "empty groups where there is nothing.",
        ),
    ),
    hints=(
        "Two loops, over the labels and over the values of the bias, are fine: group = (labels == y) & (bias == b). "
        "Count the group, and count where predictions == labels in it.",
        "Start with accuracy = torch.full(shape, torch.nan) and fill only what is not empty. Or number the groups, "
        "labels * shape[1] + bias, and let bincount count.",
    ),
)


def _watch_gce(attempt: Callable) -> Iterator[Sight]:
    drawn = 2 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    pair = torch.tensor([[1.0, 0.0], [1.5, -0.5]])
    for case, logits, labels, q in (
        ("two examples of two classes, p = 0.73 and 0.88, q = 0.7", pair, [0, 0], 0.7),
        ("six examples, q = 0.7", drawn, [0, 1, 2, 3, 0, 1], 0.7),
        ("q = 1: the loss is 1 − p", drawn, [0, 1, 2, 3, 0, 1], 1.0),
        ("q = 0 stands for the limit, the cross-entropy", drawn, [0, 1, 2, 3, 0, 1], 0.0),
        ("logits 300 and 0: p is 0 in float32, or 1", torch.tensor([[0.0, 300.0], [300.0, 0.0]]), [0, 0], 0.7),
    ):
        given, told = logits.clone().requires_grad_(), torch.tensor(labels)
        loss = attempt(given, told, q)
        on_a_graph = isinstance(loss, Tensor) and loss.requires_grad
        gradient = torch.autograd.grad(loss.sum(), given)[0] if on_a_graph else torch.full_like(logits, torch.nan)
        yield (
            case,
            {
                "losses": loss,
                "losses that can be differentiated": on_a_graph,
                "gradient in the logits": gradient,
                "one loss for each example": isinstance(loss, Tensor) and loss.shape == told.shape,
                "your logits unchanged": torch.equal(given, logits),
            },
        )


def _gce(value: Callable, limit: bool = True) -> Callable:
    """GCE from (p, log p, q), with the cross-entropy where q is 0 if `limit` says so."""

    def twin(logits, labels, q=0.7):
        log_p = logits.log_softmax(dim=1).gather(1, labels[:, None]).squeeze(1)
        return -log_p if limit and not q else value(log_p.exp(), log_p, q)

    return twin


def _naive(logits, labels, q=0.7):
    p = logits.softmax(dim=1).gather(1, labels[:, None]).squeeze(1)
    return (1 - p**q) / q if q else -p.log()


def _naive_without_limit(logits, labels, q=0.7):
    return (1 - logits.softmax(dim=1).gather(1, labels[:, None]).squeeze(1) ** q) / q


def _largest(logits, labels, q=0.7):
    log_p = logits.log_softmax(dim=1).amax(dim=1)
    return -torch.expm1(q * log_p) / q if q else -log_p


def _logits_as_p(logits, labels, q=0.7):
    p = logits.gather(1, labels[:, None]).squeeze(1)
    return (1 - p**q) / q if q else -p.log()


def _weighted(detach: bool, factor: bool) -> Callable:
    """The cross-entropy with the weight p^q, as LfF's code has it: with a factor q, and the weight on no graph."""

    def value(p, log_p, q):
        weight = (q * log_p).exp()
        return -(weight.detach() if detach else weight) * log_p * (q if factor else 1)

    return _gce(value, limit=not factor)


FORMULA = "(1 − p^q) / q"
UNDERFLOW = (
    "Where p is 0 in float32 the gradient is NaN: the slope of p^q is infinite at 0. Compute p^q as "
    "exp(q · log p), with log p from log_softmax."
)
NO_LIMIT = "q = 0 divides by zero. There the formula stands for its limit, the cross-entropy: treat it separately."
GCE = Exercise(
    reference=gce,
    watch=_watch_gce,
    mistakes=(
        Mistake(_naive, UNDERFLOW),
        Mistake(_naive_without_limit, NO_LIMIT),
        Mistake(_gce(lambda p, log_p, q: (1 - (q * log_p).exp()) / q, limit=False), NO_LIMIT),
        Mistake(
            lambda logits, labels, q=0.7: gce(logits, labels, q).mean(),
            "It returns one number. Return each example's loss: LfF will want to weight them.",
        ),
        Mistake(
            lambda logits, labels, q=0.7: gce(logits, labels, q).sum(),
            "It returns one number. Return each example's loss: LfF will want to weight them.",
        ),
        Mistake(
            _gce(lambda p, log_p, q: -torch.expm1(q * log_p)),
            f"The division by q is missing: {FORMULA}. Without it the limit q → 0 is 0 everywhere.",
        ),
        Mistake(
            _gce(lambda p, log_p, q: (1 - p.clamp(max=1 - 1e-7)) ** q / q),
            f"1 − p is raised to the power q. The formula is {FORMULA}: first the power, then 1 minus it.",
        ),
        Mistake(
            _weighted(detach=True, factor=False),
            "The gradient is right, p^q times the cross-entropy's; the value is not the formula's. Return "
            f"{FORMULA}: its gradient comes out the same, and it can be watched and compared.",
        ),
        Mistake(
            _weighted(detach=True, factor=True),
            f"This is the form in LfF's code: its gradient is q times that of {FORMULA}, and its value another one.",
        ),
        Mistake(
            _weighted(detach=False, factor=False),
            "The cross-entropy is multiplied by p^q, and the gradient goes through the weight too. "
            f"The formula {FORMULA} has no cross-entropy in it; the weight p^q appears when you differentiate.",
        ),
        Mistake(
            lambda logits, labels, q=0.7: gce(logits, labels, q).detach(),
            "The losses hang on no graph, so nothing can be trained with them: no .detach(), .item() or no_grad here.",
        ),
        Mistake(
            _largest, "p is the largest probability. Take that of the label: gather(1, labels[:, None]) picks it out."
        ),
        Mistake(_logits_as_p, "The logits are taken for probabilities. They go through a softmax first."),
        Mistake(
            lambda logits, labels, q=0.7: F.cross_entropy(logits, labels, reduction="none"),
            f"This is the cross-entropy whatever q is. The formula is {FORMULA}.",
        ),
    ),
    hints=(
        'log p of the label is −F.cross_entropy(logits, labels, reduction="none"). Then p^q = exp(q · log p).',
        "For q = 0 return the limit. Where q · log p is tiny, 1 − exp loses digits: look up torch.expm1.",
    ),
)


def _watch_weight(attempt: Callable) -> Iterator[Sight]:
    for case, biased, debiased, labels in (
        ("losses 2 and 1 (biased), 1 and 1 (debiased), one class", [2.0, 1.0], [1.0, 1.0], [0, 0]),
        ("two classes, the second ten times as hard for both",
         [2.0, 1.0, 20.0, 10.0], [0.5, 1.0, 5.0, 10.0], [0, 0, 1, 1]),
        ("classes 0 and 4 only, one of one example", [3.0, 0.3, 0.7], [0.1, 0.9, 0.2], [4, 4, 0]),
        ("an example that both get right with loss 0", [0.0, 1.0, 2.0], [0.0, 4.0, 1.0], [0, 0, 0]),
        ("a class that the biased network gets right with loss 0", [0.0, 0.0, 1.0], [1.0, 2.0, 1.0], [0, 0, 1]),
        ("a class that both get right with loss 0", [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0, 0, 1]),
    ):  # fmt: skip
        given = [torch.tensor(biased, requires_grad=True), torch.tensor(debiased, requires_grad=True)]
        told = torch.tensor(labels)
        weight = attempt(*given, told)
        kept = (
            given[0].tolist() == torch.tensor(biased).tolist() and given[1].tolist() == torch.tensor(debiased).tolist()
        )
        yield (
            case,
            {
                "weights": weight,
                "one weight for each example": isinstance(weight, Tensor) and weight.shape == told.shape,
                "weights on no graph": not getattr(weight, "requires_grad", False),
                "your losses and labels unchanged": kept and told.tolist() == labels,
            },
        )


def _weight(scale: Callable, ratio: Callable = lambda b, d: b / (b + d + 1e-8), detach: bool = True) -> Callable:
    """LfF's weight with another scale, from (loss, labels), or another ratio."""

    def twin(biased, debiased, labels):
        if detach:
            biased, debiased = biased.detach(), debiased.detach()
        b, d = (loss / scale(loss, labels) for loss in (biased, debiased))
        return ratio(b, d)

    return twin


def _class_maximum(loss: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([loss[labels == label].max() for label in labels])


def _safe_class_maximum(loss: Tensor, labels: Tensor) -> Tensor:
    return _class_maximum(loss, labels).clamp(min=1e-8)


def _overwriting_losses(biased: Tensor, debiased: Tensor, labels: Tensor) -> Tensor:
    for loss in (biased.detach(), debiased.detach()):
        loss /= _safe_class_maximum(loss, labels)
    return biased.detach() / (biased.detach() + debiased.detach() + 1e-8)


NORMALISED = "Divide each loss by the largest of its class, separately for the two networks."
RELATIVE_DIFFICULTY = Exercise(
    reference=relative_difficulty,
    watch=_watch_weight,
    mistakes=(
        Mistake(
            _weight(lambda loss, labels: 1),
            "The losses are compared as they are, or both divided by the same number, which changes nothing. "
            f"{NORMALISED}",
        ),
        Mistake(
            _weight(lambda loss, labels: loss.max()),
            f"The losses are divided by the largest of all. A hard class then rules all others. {NORMALISED}",
        ),
        Mistake(
            _weight(lambda loss, labels: torch.stack([loss[labels == y].sum() for y in labels]).clamp(min=1e-8)),
            f"The losses are divided by the sum (or the mean) of their class. {NORMALISED}",
        ),
        Mistake(
            _weight(_safe_class_maximum, lambda b, d: d / (b + d + 1e-8)),
            "Upside down: this weighs what is hard for the debiased network. W is large where the *biased* one fails.",
        ),
        Mistake(
            _weight(_safe_class_maximum, lambda b, d: b / (d + 1e-8)),
            "b / d has no upper end. The weight is b / (b + d), between 0 and 1.",
        ),
        Mistake(
            _weight(_class_maximum),
            "A class whose losses are all 0 gives 0 / 0, which is NaN, and NaN weights end the training. Where the "
            "largest loss is 0, let the loss stay 0.",
        ),
        Mistake(
            _weight(_class_maximum, lambda b, d: b / (b + d)),
            "0 / 0 is NaN twice: where a class has no loss at all, and where both networks are perfect on an example. "
            "Both should give weight 0.",
        ),
        Mistake(
            _weight(_safe_class_maximum, lambda b, d: b / (b + d)),
            "Where both losses are 0, b / (b + d) is NaN. A tiny number below the line makes it 0.",
        ),
        Mistake(
            _overwriting_losses,
            "The losses you were given are overwritten: .detach() is the same memory under another name. Use "
            ".detach().clone(), or divide into a new tensor.",
        ),
        Mistake(
            _weight(_safe_class_maximum, detach=False),
            "The weights hang on autograd's graph: the gradient would also try to change the weights, not only the "
            "loss that they stand before. Use loss.detach().",
        ),
    ),
    hints=(
        "For each class, find the largest loss; a loop over labels.unique() is fine, one over all examples is too "
        "slow. Divide, once for each network, then take b / (b + d). Each of the two divisions can be 0 / 0.",
        "Work on loss.detach().clone(), and divide it class by class. Where the largest loss of a class is 0, divide "
        "by something else: .clamp(min=…) helps, there and below b / (b + d).",
    ),
)
