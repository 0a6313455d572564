"""The exercises of chapter 02: wrong labels on purpose, when to stop, two ways to find what is known by heart."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_utils.data import flip_labels
from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.memorization import forgetting_events, memorization_score, stopping_epoch


def _watch_flips(attempt: Callable) -> Iterator[Sight]:
    """A flip is random, so what is watched is what must hold for every draw."""
    # 0.29 · 100 is 28.99… in floating point: int() would cut it down to 28.
    for n, fraction, classes in ((1000, 0.4, 10), (100, 0.29, 3), (200, 0.0, 10), (600, 1.0, 4)):
        labels = torch.arange(n) % classes
        given = labels.clone()
        new, flipped = attempt(given, fraction, classes, torch.Generator().manual_seed(0))
        again, _ = attempt(labels.clone(), fraction, classes, torch.Generator().manual_seed(0))
        other, _ = attempt(labels.clone(), fraction, classes, torch.Generator().manual_seed(1))
        wrong, mask = new != labels, flipped.bool()
        taken = torch.stack([wrong & ((new - labels) % classes == step) for step in range(1, classes)]).sum(dim=1)
        yield (
            f"{n} labels of {classes} classes, fraction {fraction}",
            {
                "exactly round(fraction · N) marked as flipped": bool(mask.sum() == round(fraction * n)),
                "every flipped label wrong": not (mask & ~wrong).any(),
                "every wrong label marked as flipped": not (wrong & ~mask).any(),
                "every label one of the classes": bool(((new >= 0) & (new < classes)).all()),
                "every wrong class taken about equally often": bool((taken - taken.float().mean()).abs().max() < 50),
                "flips spread over the whole data": bool(abs(wrong[: n // 2].sum() - wrong.sum() / 2) < 0.1 * n),
                "your labels unchanged": torch.equal(given, labels),
                "same flips from the same generator": torch.equal(new, again),
                "other flips from another seed": fraction == 0 or not torch.equal(new, other),
            },
        )


def _flips(
    step: Callable, where: str = "permutation", mark: str = "chosen", returned: str = "labels, mask", in_place=False
) -> Callable:
    """Label noise that is made in this way: a twin for most mistakes."""

    def twin(labels, fraction, num_classes, generator):
        n, k = len(labels), round(fraction * len(labels))
        positions = {
            "permutation": lambda: torch.randperm(n, generator=generator)[:k],
            "int": lambda: torch.randperm(n, generator=generator)[: int(fraction * n)],
            "global": lambda: torch.randperm(n)[:k],
            "first": lambda: torch.arange(k),
            "coin": lambda: (torch.rand(n, generator=generator) < fraction).nonzero().squeeze(1),
            "repeats": lambda: torch.randint(n, (k,), generator=generator),
        }[where]()
        chosen = torch.zeros(n, dtype=torch.bool)
        chosen[positions] = True
        new = labels if in_place else labels.clone()
        new[chosen] = step(labels, num_classes, generator)[chosen]
        mask = {"chosen": chosen, "changed": new != labels, "kept": ~chosen}[mark]
        results = {"labels": new, "mask": mask, "positions": positions}
        results = tuple(results[name] for name in returned.split(", "))
        return results if len(results) > 1 else new

    return twin


def _around(labels: Tensor, num_classes: int, generator: torch.Generator | None) -> Tensor:
    """A class that is never the true one."""
    return (labels + torch.randint(1, num_classes, labels.shape, generator=generator)) % num_classes


def _any_class(labels, num_classes, generator):
    return torch.randint(num_classes, labels.shape, generator=generator)


def _next(labels, num_classes, generator):
    return (labels + 1) % num_classes


def _off_the_end(labels, num_classes, generator):
    return labels + torch.randint(1, num_classes, labels.shape, generator=generator)


def _circle_too_short(labels, num_classes, generator):
    return (labels + torch.randint(1, max(2, num_classes - 1), labels.shape, generator=generator)) % num_classes


def _reseeding(labels, fraction, num_classes, generator):
    return _flips(_around)(labels, fraction, num_classes, torch.Generator().manual_seed(0))


TRUE_AGAIN = (
    "Some flipped labels are still the true one. A class drawn from all of them can be the true one, and so can a "
    "label taken from another example, or a step of 0 or num_classes around the circle (randint leaves out its upper "
    "end). Draw a step of 1…num_classes − 1 away from the true class."
)
FEWER = (
    "Fewer labels are flipped than asked for. Either some of the drawn classes are the true one, or some positions "
    "were drawn twice: randint repeats itself, the first positions of a permutation do not."
)
UNREPEATABLE = (
    "Not every draw comes from the generator: pass generator=generator to randperm and to randint, or nobody can "
    "repeat your experiment."
)
OVERWRITTEN = (
    "The labels you were given are overwritten, and the true labels are lost: `new = labels` is one tensor with two "
    "names. Work on labels.clone()."
)
FLIP_LABELS = Exercise(
    reference=flip_labels,
    watch=_watch_flips,
    mistakes=(
        Mistake(_flips(_any_class), TRUE_AGAIN),
        Mistake(_flips(_any_class, mark="changed"), FEWER),
        Mistake(
            _flips(_circle_too_short),
            "One wrong class is never taken: randint leaves out its upper end. Let the steps be 1…num_classes − 1.",
        ),
        Mistake(
            _flips(_next),
            "All flipped labels take the same step, or nearly all. That is a pattern, and a network can learn "
            "patterns: draw the wrong class for each label by itself, all wrong classes equally likely.",
        ),
        Mistake(
            _flips(_off_the_end),
            "Some labels lie outside the classes: take the sum modulo num_classes.",
        ),
        Mistake(
            _flips(_around, where="coin"),
            "Each label is flipped by a coin of its own, so the number of flips is only right on average. "
            "Choose exactly round(fraction · N) of them.",
        ),
        Mistake(
            _flips(_around, where="int"),
            "int() cuts down: 0.29 · 100 is 28.99… in floating point, and int() makes 28 of it. Take round().",
        ),
        Mistake(_flips(_around, where="repeats"), FEWER),
        Mistake(
            _flips(_around, where="first"),
            "Always the first labels are flipped. Choose which ones at random, with the generator.",
        ),
        Mistake(_flips(_around, where="global"), UNREPEATABLE),
        Mistake(_flips(lambda labels, classes, _: _around(labels, classes, None)), UNREPEATABLE),
        Mistake(
            _reseeding,
            "It sets a seed of its own, so it makes the same flips whatever generator it gets. "
            "Pass generator=generator to every draw.",
        ),
        Mistake(_flips(_around, in_place=True), OVERWRITTEN),
        Mistake(_flips(_around, in_place=True, mark="changed"), OVERWRITTEN),
        Mistake(_flips(_around, mark="kept"), "The mask is turned around: True means flipped."),
        Mistake(
            _flips(_around, returned="mask, labels"),
            "Right, but the wrong way round: first the labels, then the mask.",
        ),
        Mistake(
            _flips(_around, returned="labels"),
            "It returns the labels alone. Return two tensors: the labels, and the mask of those that were flipped.",
        ),
        Mistake(
            _flips(_around, returned="labels, positions"),
            "The second tensor holds positions. Make it a mask: N times True or False.",
        ),
    ),
    hints=(
        "Two separate draws: which labels to flip (the first round(fraction · N) positions of a random permutation), "
        "and where to. torch.randperm and torch.randint both take generator=generator.",
        "Think of the classes as standing in a circle. From the true one, take 1, 2, … or num_classes − 1 steps: "
        "you land on every other class, and never on the true one.",
    ),
)


def _watch_stop(attempt: Callable) -> Iterator[Sight]:
    # Each curve has a reason: a plain peak; a rise right after the stop; a dip that patience survives; equals;
    # a curve that never stops rising; small rises below the best; a rise long after the stop; two dips with a new
    # best between them; equals, then a rise; dips of different lengths; the first is best.
    for curve, patience in (
        ([0.50, 0.70, 0.80, 0.75, 0.70, 0.60], 2),
        ([0.50, 0.80, 0.79, 0.78, 0.77, 0.90], 3),
        ([0.50, 0.80, 0.79, 0.78, 0.90, 0.85, 0.80, 0.75, 0.70], 3),
        ([0.60, 0.80, 0.80, 0.80, 0.80], 2),
        ([0.10, 0.20, 0.30, 0.40], 1),
        ([0.50, 0.90, 0.60, 0.70, 0.65, 0.75, 0.95], 3),
        ([0.50, 0.80, 0.70, 0.70, 0.70, 0.70, 0.70, 0.90], 2),
        ([0.50, 0.80, 0.70, 0.90, 0.80, 0.95], 2),
        ([0.60, 0.80, 0.80, 0.80, 0.90], 2),
        ([0.50, 0.80, 0.70, 0.60, 0.90, 0.80, 0.70, 0.60, 0.95, 0.50], 4),
        ([0.90, 0.80, 0.85, 0.70], 2),
    ):
        yield f"validation accuracy {curve}, patience {patience}", {"epoch": attempt(torch.tensor(curve), patience)}


def _stopping(keep: str = "best", first: bool = True, since: str = "best", from_one: bool = True, short: int = 0):
    """Early stopping in this way: a twin for most mistakes."""

    def twin(validation, patience):
        best, waited, epoch = 0, 0, 0
        for epoch in range(1, len(validation)):
            reference = validation[best if since == "best" else epoch - 1]
            better = validation[epoch] > reference if first else validation[epoch] >= reference
            waited = 0 if better else waited + 1
            if validation[epoch] > validation[best] or (not first and validation[epoch] == validation[best]):
                best = epoch
            if waited >= max(1, patience - short):
                break
        return (best if keep == "best" else epoch) + from_one

    return twin


def _never_reset(validation, patience):
    best, waited = 0, 0
    for epoch in range(1, len(validation)):
        if validation[epoch] > validation[best]:
            best = epoch
        else:
            waited += 1
        if waited == patience:
            break
    return best + 1


def _equals_do_not_count(validation, patience):
    best, waited = 0, 0
    for epoch in range(1, len(validation)):
        if validation[epoch] > validation[best]:
            best, waited = epoch, 0
        elif validation[epoch] < validation[best]:
            waited += 1
        if waited == patience:
            break
    return best + 1


FUTURE = (
    "It looks at the whole curve. While a training runs you have not seen the future: a rise that comes after "
    "`patience` epochs without a new best is never reached."
)
STOPPING_EPOCH = Exercise(
    reference=stopping_epoch,
    watch=_watch_stop,
    mistakes=(
        Mistake(lambda validation, patience: validation.argmax() + 1, FUTURE),
        Mistake(lambda validation, patience: validation.argmax(), f"{FUTURE} And epochs are counted from 1."),
        Mistake(lambda validation, patience: validation.max(), "That is the best accuracy. Return its epoch."),
        Mistake(
            lambda validation, patience: len(validation),
            "It returns the number of epochs: it never stops, and it keeps the last weights.",
        ),
        Mistake(
            lambda validation, patience: validation[: stopping_epoch(validation, patience)].max(),
            "That is the best accuracy up to the stop. Return its epoch.",
        ),
        Mistake(
            lambda validation, patience: stopping_epoch(validation, 1),
            "It gives up at the first epoch without a new best. Wait for `patience` of them.",
        ),
        Mistake(
            _stopping(keep="last"),
            "It returns the epoch at which the training stops. Return the epoch whose weights you keep: the best so "
            "far.",
        ),
        Mistake(_stopping(from_one=False), "Off by one: epochs are counted from 1, positions in a tensor from 0."),
        Mistake(
            _stopping(since="previous"),
            "It waits for a rise over the epoch before. Wait for a rise over the best so far: after a fall, "
            "a small rise is no news.",
        ),
        Mistake(
            _never_reset,
            "The count of epochs without a new best is never set back to 0: after a new best, patience begins anew.",
        ),
        Mistake(
            _equals_do_not_count,
            "An epoch that equals the best is not counted as waiting. It is no new best, so it counts.",
        ),
        Mistake(
            _stopping(first=False),
            "An equal accuracy is taken for a new best. Only a rise is one: > and not >=.",
        ),
        Mistake(_stopping(short=1), "It stops one epoch too early: wait for `patience` epochs without a new best."),
        Mistake(_stopping(short=-1), "It stops one epoch too late: `patience` epochs without a new best, then stop."),
        Mistake(
            lambda validation, patience: validation.argmin() + 1,
            "It finds the lowest. These are accuracies: higher is better.",
        ),
    ),
    hints=(
        "Go through the epochs as if you were training: you know the accuracies up to now, and the best of them. "
        "When do you give up?",
        "Keep the position of the best so far. At each epoch: a new best? Note it. If not, how many epochs ago was the "
        "best? At `patience`, break. Return the best position + 1.",
    ),
)


def _watch_score(attempt: Callable) -> Iterator[Sight]:
    T, F = True, False
    tables = {
        "learned by heart": ([[T], [T], [F], [F]], [[T], [T], [F], [F]]),
        "always right": ([[T], [F], [T]], [[T], [T], [T]]),
        "in three of four sets": ([[T], [T], [T], [F]], [[T], [F], [T], [F]]),
        "right only when left out": ([[T], [F], [F]], [[F], [T], [T]]),
        "three examples, four networks": (
            [[T, F, T], [F, T, T], [T, T, F], [F, F, T]],
            [[T, F, F], [F, T, T], [T, F, F], [T, T, T]],
        ),
        "never left out": ([[T, T], [T, F]], [[T, T], [F, F]]),
    }
    for case, (member, right) in tables.items():
        member, right = torch.tensor(member), torch.tensor(right)
        before = member.clone(), right.clone()
        yield (
            f"{case}: member {member.int().tolist()}, right {right.int().tolist()}",
            {"score": attempt(member, right), "your tables are unchanged": _equal(before, (member, right))},
        )


def _equal(tables: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(table, other) for table, other in zip(tables, others))


def _inside(member: Tensor, right: Tensor) -> Tensor:
    return (right & member).sum(dim=0) / member.sum(dim=0)


def _outside(member: Tensor, right: Tensor) -> Tensor:
    return (right & ~member).sum(dim=0) / (~member).sum(dim=0)


NO_MEAN = "PyTorch takes no mean of True and False. Turn them into 1.0 and 0.0 first: .float()."
NO_AND = "`and` and `not` want one True or False. For whole tensors write & and ~."
NO_MINUS = (
    "PyTorch has no minus for tensors of True and False. Not is ~, and is &. "
    "Where you want to compute with 0 and 1, take .float() or .int() first."
)
MEMORIZATION_SCORE = Exercise(
    reference=memorization_score,
    watch=_watch_score,
    mistakes=(
        Mistake(
            lambda m, r: _outside(m, r) - _inside(m, r),
            "The sign is wrong: right when trained on, minus right when left out.",
        ),
        Mistake(_inside, "That is only the first half: how often it is right when in the training set."),
        Mistake(lambda m, r: _outside(m, r), "That is only the second half: how often it is right when left out."),
        Mistake(
            lambda m, r: (r & m).float().mean(dim=0) - (r & ~m).float().mean(dim=0),
            "The mean over all networks divides by M. Divide each count by how many networks it is about: "
            "those that had the example, and those that had not.",
        ),
        Mistake(lambda m, r: r[m].mean(), NO_MEAN),
        Mistake(lambda m, r: m and r, NO_AND),
        Mistake(lambda m, r: not m, NO_AND),
        Mistake(
            lambda m, r: (r & m).sum(dim=0) / r.sum(dim=0) - (r & ~m).sum(dim=0) / r.sum(dim=0),
            "It divides by how many networks are right. Divide by how many had the example, and by how many had not.",
        ),
        Mistake(
            lambda m, r: (_inside(m, r) - _outside(m, r)).clamp(min=0),
            "Negative scores are cut off. They are rare but real: leave them.",
        ),
        Mistake(
            lambda m, r: (_inside(m, r) - _outside(m, r)).abs(),
            "abs() turns negative scores around. They are rare but real: leave them.",
        ),
        Mistake(lambda m, r: 1 - m, NO_MINUS),
        Mistake(lambda m, r: r - m, NO_MINUS),
        Mistake(
            lambda m, r: (r & m).sum(dim=0) - (r & ~m).sum(dim=0),
            "Those are counts. Turn each into a share before you subtract.",
        ),
        Mistake(
            lambda m, r: ((r & m).sum(dim=1) / m.sum(dim=1)) - ((r & ~m).sum(dim=1) / (~m).sum(dim=1)),
            "It averages over the examples and gives one number for each network. Average over the networks: dim=0.",
        ),
        Mistake(
            lambda m, r: ((r & m).sum() / m.sum()) - ((r & ~m).sum() / (~m).sum()),
            "That is one number for all examples together, the average gap. Average over the networks only: dim=0.",
        ),
        Mistake(
            lambda m, r: r.float().mean(dim=0) - _outside(m, r),
            "The first part averages over all networks. Take only those that had the example.",
        ),
        Mistake(
            lambda m, r: _inside(m, r) - r.float().mean(dim=0),
            "The second part averages over all networks. Take only those that had not the example.",
        ),
        Mistake(
            lambda m, r: (_inside(m, r) - _outside(m, r)).nan_to_num(0),
            "An example that was never left out gets 0, as if it were known not to be memorized. "
            "Nothing is known about it: leave it NaN.",
        ),
        Mistake(
            lambda m, r: (
                (r & m).sum(dim=0) / m.sum(dim=0).clamp(min=1) - (r & ~m).sum(dim=0) / (~m).sum(dim=0).clamp(min=1)
            ),
            "An example that was never left out gets a score, though nothing is known about how it does then. "
            "Leave it NaN: 0 / 0 gives that by itself.",
        ),
    ),
    hints=(
        "For each example two shares over the networks: right among those that had it, right among those that had not. "
        "Which axis are the networks?",
        "On tensors of True and False, & means and, ~ means not. (right & member).sum(dim=0) counts the networks that "
        "had the example and are right. Divide by member.sum(dim=0).",
    ),
)


def _watch_forgetting(attempt: Callable) -> Iterator[Sight]:
    for columns in (
        ["0011", "0111", "1111"],
        ["0101", "1010", "1100"],
        ["0000", "0001"],
        ["10110100", "11111110", "00000000"],
    ):
        right = torch.tensor([[sign == "1" for sign in column] for column in columns]).T
        case = f"answers over {len(right)} looks, 1 is right, one string per example: {', '.join(columns)}"
        before = right.clone()
        events = attempt(right)
        yield case, {"forgetting events": events, "your table is unchanged": torch.equal(before, right)}


def _never_last(events: Tensor, right: Tensor) -> Tensor:
    return torch.where(right.any(dim=0), events, len(right))


def _events(right: Tensor) -> Tensor:
    return (right[:-1] & ~right[1:]).sum(dim=0)


NEVER = (
    "An example that was never right was never forgotten either, and so it gets 0, as if it were the easiest of all. "
    "Give it T, the number of looks."
)
FORGETTING_EVENTS = Exercise(
    reference=forgetting_events,
    watch=_watch_forgetting,
    mistakes=(
        Mistake(_events, NEVER),
        Mistake(
            lambda r: _never_last((~r[:-1] & r[1:]).sum(dim=0), r),
            "Those are learning events: wrong, then right. Forgetting is right, then wrong.",
        ),
        Mistake(
            lambda r: (~r[:-1] & r[1:]).sum(dim=0),
            f"Those are learning events: wrong, then right. Forgetting is right, then wrong. {NEVER}",
        ),
        Mistake(
            lambda r: _never_last((r[:-1] != r[1:]).sum(dim=0), r),
            "That counts every change. Count only the ones from right to wrong.",
        ),
        Mistake(
            lambda r: (r[:-1] != r[1:]).sum(dim=0),
            f"That counts every change. Count only the ones from right to wrong. {NEVER}",
        ),
        Mistake(
            lambda r: (~r).sum(dim=0),
            "That counts the wrong answers. An event is a change: right at one look, wrong at the next.",
        ),
        Mistake(
            lambda r: (r[:, :-1] & ~r[:, 1:]).sum(dim=1),
            "It goes along the examples. The looks are the first axis: compare right[:-1] with right[1:].",
        ),
        Mistake(lambda r: r[:-1] and r[1:], NO_AND),
        Mistake(
            lambda r: torch.where(r.any(dim=0), _events(r), r.shape[1]),
            "An example that was never right gets N, the number of examples. It should get T, the number of looks.",
        ),
        Mistake(
            lambda r: torch.where(r.any(dim=0), _events(r).float(), torch.inf),
            "An example that was never right gets infinity, as in the paper. Here it gets T, so that it stays a "
            "number of events.",
        ),
        Mistake(
            lambda r: torch.where(_events(r) == 0, len(r), _events(r)),
            "Every example without an event gets T, also those that were learned once and kept: the easiest ones. "
            "Only those that were never right should.",
        ),
        Mistake(
            lambda r: (r[:-1] & ~r[1:]).any(dim=0),
            "That says whether an example was ever forgotten. Count how often: sum, not any.",
        ),
        Mistake(
            lambda r: ((r.cumsum(dim=0) > 0) & ~r).sum(dim=0),
            "That counts every wrong answer after the first right one. An event is the step from right to wrong.",
        ),
        Mistake(lambda r: r[:-1] - r[1:], NO_MINUS),
        Mistake(lambda r: 1 - r, NO_MINUS),
        Mistake(
            lambda r: _events(r).sum(),
            "That is one number for all examples. Count over the looks only: dim=0.",
        ),
        Mistake(
            lambda r: _never_last((r & ~r.roll(-1, dims=0)).sum(dim=0), r),
            "roll compares the last look with the first one, which came long before. Leave that pair out.",
        ),
        Mistake(
            lambda r: torch.where(r.any(dim=0), _events(r), len(r) - 1),
            "An example that was never right gets T − 1. It should get T, the number of looks: see the docstring.",
        ),
    ),
    hints=(
        "Put the looks next to each other: right[:-1] are all looks but the last, right[1:] the ones that follow them.",
        "Right and then wrong: two tables, joined by & with one of them turned around by ~. Sum over dim=0. "
        "right.any(dim=0) says who was ever right; torch.where chooses.",
    ),
)
