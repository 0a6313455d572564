"""A check accepts every right way, names each usual mistake, and never blocks.

The answers here are written as students write them, not taken from the twins in the checks.
"""

import builtins
import inspect
import math
import re
import symtable
import textwrap
from functools import cache

import answers_adversarial
import answers_bias
import answers_mixup
import answers_selecmix
import nbformat
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import exercises
from course_utils.exercises import EXERCISES
from course_utils.notebooks import find


def check(name, attempt):
    return getattr(exercises, f"check_{name}")(attempt)


# ---- right, each in its own way ----------------------------------------------------------------------------


def count_by_hand(predictions, labels):
    wrong = 0
    for p, y in zip(predictions, labels):
        wrong += int(p != y)
    return wrong / len(labels)


def risk_by_logsumexp(logits, labels):
    return (logits.logsumexp(dim=1) - logits.gather(1, labels[:, None]).squeeze(1)).mean()


def risk_by_one_hot(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1]).float()
    return -(one_hot * F.log_softmax(logits, dim=1)).sum() / len(labels)


def risk_by_loop(logits, labels):
    total = 0
    for row, label in zip(logits, labels):
        total = total + torch.logsumexp(row, 0) - row[label]
    return total / len(labels)


def loop_zero_last(model, loss, batches, optimizer):
    losses = []
    for batch in batches:
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(value.item())
    return float(np.mean(losses))


def loop_with_model_zero_grad(model, loss, batches, optimizer):
    model.train()
    total, count = 0, 0
    for batch in list(batches):
        model.zero_grad()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        total += value.detach() * len(batch.images)
        count += len(batch.images)
    return total / count


def choice_by_lists(train, validation, test):
    means = [sum(row) / len(row) for row in validation.tolist()]
    best = means.index(max(means))
    return best, sum(test[best].tolist()) / test.shape[1]


def choice_by_numpy(train, validation, test):
    best = np.argmax(validation.numpy().mean(axis=1))
    return best, test.numpy()[best].mean()


def loop_that_looks_again(model, loss, batches, optimizer):
    """Measures the loss once more after the step, without gradients."""
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        with torch.no_grad():
            loss(model, batch)
        losses.append(value.item())
    return sum(losses) / len(losses)


def flips_by_rejection(labels, fraction, num_classes, generator):
    """Draws again until no flipped label is true."""
    flipped = torch.zeros(len(labels), dtype=torch.bool)
    order = torch.randperm(len(labels), generator=generator)
    flipped[order[: int(fraction * len(labels) + 0.5)]] = True
    new = labels.clone()
    again = flipped.clone()
    while again.any():
        new[again] = torch.randint(num_classes, (int(again.sum()),), generator=generator)
        again = flipped & (new == labels)
    return new, flipped


def flips_by_loop(labels, fraction, num_classes, generator):
    new, flipped = labels.clone(), torch.zeros_like(labels, dtype=torch.bool)
    for i in torch.rand(len(labels), generator=generator).argsort()[: round(fraction * len(labels))]:
        others = [label for label in range(num_classes) if label != labels[i]]
        new[i] = others[torch.randint(len(others), (1,), generator=generator)]
        flipped[i] = True
    return new, flipped


def flips_by_jump(labels, fraction, num_classes, generator):
    """Draws from K − 1 classes, and jumps over the true one."""
    where = torch.randperm(len(labels), generator=generator)[: round(fraction * len(labels))]
    drawn = torch.randint(num_classes - 1, (len(where),), generator=generator)
    new = labels.clone()
    new[where] = drawn + (drawn >= labels[where]).long()
    return new, new != labels


def stop_by_counter(validation, patience):
    best, best_epoch, bad = -1.0, 0, 0
    for epoch, value in enumerate(validation.tolist(), start=1):
        if value > best:
            best, best_epoch, bad = value, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                return best_epoch
    return best_epoch


def stop_by_cut(validation, patience):
    """Cuts the curve where it stops, then takes the maximum."""
    for end in range(1, len(validation) + 1):
        if end - 1 - int(validation[:end].argmax()) >= patience:
            return int(validation[:end].argmax()) + 1
    return validation.argmax() + 1


def score_by_floats(member, right):
    member, right = member.float(), right.float()
    return (member * right).sum(0) / member.sum(0) - ((1 - member) * right).sum(0) / (1 - member).sum(0)


def score_by_nanmean(member, right):
    nan = torch.tensor(float("nan"))
    right = right.float()
    return torch.where(member, right, nan).nanmean(0) - torch.where(member, nan, right).nanmean(0)


def forgetting_by_loop(right):
    events = torch.zeros(right.shape[1])
    for before, after in zip(right, right[1:]):
        events += (before & ~after).float()
    events[~right.any(dim=0)] = len(right)
    return events


RIGHT = {
    "flip_labels": [flips_by_rejection, flips_by_loop, flips_by_jump],
    "stopping_epoch": [stop_by_counter, stop_by_cut],
    "memorization_score": [score_by_floats, score_by_nanmean],
    "forgetting_events": [
        forgetting_by_loop,
        lambda right: torch.where(right.sum(0) == 0, len(right), (right.int().diff(dim=0) == -1).sum(0)),
    ],
    "error_rate": [
        count_by_hand,
        lambda p, y: 1 - (p == y).double().mean(),
        lambda p, y: torch.count_nonzero(p - y) / len(y),
        lambda p, y: float(np.mean(p.numpy() != y.numpy())),
    ],
    "empirical_risk": [
        F.cross_entropy,
        risk_by_logsumexp,
        risk_by_one_hot,
        risk_by_loop,
        lambda z, y: F.nll_loss(z.log_softmax(1), y),
        lambda z, y: F.cross_entropy(z, y, reduction="sum") / len(y),
        lambda z, y: F.cross_entropy(z, F.one_hot(y, z.shape[1]).float()),
    ],
    "train_epoch": [loop_zero_last, loop_with_model_zero_grad, loop_that_looks_again],
    "choose_model": [choice_by_lists, choice_by_numpy],
    **answers_mixup.RIGHT,
    **answers_adversarial.RIGHT,
    **answers_bias.RIGHT,
    **answers_selecmix.RIGHT,
}


@pytest.mark.parametrize(("name", "attempt"), [(name, a) for name, attempts in RIGHT.items() for a in attempts])
def test_every_right_way_passes(name, attempt):
    verdict = check(name, attempt)
    assert verdict.state == "right", verdict
    assert verdict.use() is attempt


# ---- wrong, with the words that must be in the diagnosis ---------------------------------------------------


def accuracy_instead(predictions, labels):
    return (predictions == labels).sum().item() / len(labels)


def how_many(predictions, labels):
    return sum(int(p != y) for p, y in zip(predictions, labels))


def mean_of_booleans(predictions, labels):
    return (predictions != labels).mean()


def summed_risk(logits, labels):
    return -F.log_softmax(logits, dim=1)[range(len(labels)), labels].sum()


def one_hot_mean(logits, labels):
    return -(F.one_hot(labels, logits.shape[1]) * F.log_softmax(logits, dim=1)).mean()


def double_softmax(logits, labels):
    probabilities = torch.softmax(logits, dim=-1)
    return torch.nn.CrossEntropyLoss()(probabilities, labels)


def naive_log(logits, labels):
    return -torch.log(torch.softmax(logits, 1)).gather(1, labels.unsqueeze(1)).mean()


def naive_exp(logits, labels):
    exp = torch.exp(logits)
    return -torch.log(exp[torch.arange(len(labels)), labels] / exp.sum(1)).mean()


def no_minus(logits, labels):
    return F.log_softmax(logits, dim=1).gather(1, labels.unsqueeze(1)).mean()


def softmax_over_examples(logits, labels):
    return F.nll_loss(F.log_softmax(logits, dim=0), labels)


def loop(*actions, returned="mean"):
    """A student's loop with these lines in this order."""

    def attempt(model, loss, batches, optimizer):
        total, count = 0.0, 0
        for batch in batches:
            value = None
            for action in actions:
                if action == "zero":
                    optimizer.zero_grad()
                if action == "loss":
                    value = loss(model, batch)
                if action == "backward":
                    value.backward()
                if action == "ascend":
                    (-value).backward()
                if action == "step":
                    optimizer.step()
            total += value if returned == "graph" else value.item()
            count += 1
        return {"mean": total / count, "graph": total / count, "sum": total, "last": value.item(), "none": None}[
            returned
        ]

    return attempt


def return_too_early(model, loss, batches, optimizer):
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        return value.item()


def name_used_twice(model, loss, batches, optimizer):
    total = 0
    for batch in batches:
        optimizer.zero_grad()
        loss = loss(model, batch)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


def loss_of_the_logits(model, loss, batches, optimizer):
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model(batch.images), batch.labels)
        value.backward()
        optimizer.step()


def asks_for_a_length(model, loss, batches, optimizer):
    return loop("zero", "loss", "backward", "step")(model, loss, batches, optimizer) / len(batches)


def peek(train, validation, test):
    means = test.mean(1)
    return means.argmax().item(), means.max().item()


def report_validation(train, validation, test):
    means = validation.mean(1)
    return means.argmax(), means.max()


def best_seed(train, validation, test):
    index = validation.max(1)[0].argmax()
    return index, test[index].mean()


def flat(train, validation, test):
    index = validation.argmax()
    return index, test.view(-1)[index]


def flat_row(train, validation, test):
    index = torch.argmax(validation).item()
    return index, test[index].mean().item()


def mean_over_rows(train, validation, test):
    index = validation.mean(0).argmax().item()
    return index, test[index].mean().item()


def both_seeds(train, validation, test):
    index = validation.mean(1).argmax().item()
    return index, test[index].tolist()


def turned_around(train, validation, test):
    index = validation.mean(1).argmax().item()
    return test[index].mean().item(), index


def by(scores, test):
    """Choose by scores of one's own."""
    index = scores.argmax().item()
    return index, test[index].mean().item()


def only_the_index(train, validation, test):
    return validation.mean(1).argmax()


def flips(new_labels, where="permutation", mask=None):
    """A student's label noise: draws only as many wrong labels as it needs."""

    def attempt(labels, fraction, num_classes, generator):
        n, k = len(labels), round(fraction * len(labels))
        positions = {
            "permutation": lambda: torch.randperm(n, generator=generator)[:k],
            "int": lambda: torch.randperm(n, generator=generator)[: int(fraction * n)],
            "no generator": lambda: torch.randperm(n)[:k],
            "first": lambda: torch.arange(k),
            "repeats": lambda: torch.randint(0, n, (k,), generator=generator),
            "coin": lambda: (torch.rand(n, generator=generator) < fraction).nonzero().squeeze(1),
        }[where]()
        new = labels.clone()
        new[positions] = new_labels(labels[positions], num_classes, generator)
        flipped = torch.zeros(n, dtype=torch.bool)
        flipped[positions] = True
        return new, flipped if mask is None else mask(new, labels, flipped)

    return attempt


def flips_with_a_seed(labels, fraction, num_classes, generator):
    torch.manual_seed(42)
    return flips(lambda y, k, g: wrong_class(y, k, None), where="no generator")(labels, fraction, num_classes, None)


def flips_as_positions(labels, fraction, num_classes, generator):
    new, flipped = flips_by_jump(labels, fraction, num_classes, generator)
    return new, flipped.nonzero().squeeze(1)


def wrong_class(labels, k, generator):
    return (labels + torch.randint(1, k, labels.shape, generator=generator)) % k


def any_class(labels, k, generator):
    return torch.randint(0, k, (len(labels),), generator=generator)


def flips_in_place(labels, fraction, num_classes, generator):
    flipped = torch.zeros(len(labels), dtype=torch.bool)
    flipped[torch.randperm(len(labels), generator=generator)[: round(fraction * len(labels))]] = True
    labels[flipped] = wrong_class(labels, num_classes, generator)[flipped]
    return labels, flipped


def flips_through_an_alias(labels, fraction, num_classes, generator):
    new = labels
    where = torch.randperm(len(labels), generator=generator)[: round(fraction * len(labels))]
    new[where] = wrong_class(labels, num_classes, generator)[where]
    return new, new != labels


def stop_without_reset(validation, patience):
    best, best_epoch, bad = 0.0, 0, 0
    for epoch, value in enumerate(validation.tolist(), start=1):
        if value > best:
            best, best_epoch = value, epoch
        else:
            bad += 1
        if bad >= patience:
            break
    return best_epoch


def stop_that_forgives_equals(validation, patience):
    best, best_epoch, bad = 0.0, 0, 0
    for epoch, value in enumerate(validation.tolist(), start=1):
        if value > best:
            best, best_epoch, bad = value, epoch, 0
        elif value < best:
            bad += 1
        if bad >= patience:
            break
    return best_epoch


def score_that_tidies_up(member, right):
    score = score_by_floats(member, right)
    member[:] = False
    return score


def stop_epoch_reached(validation, patience):
    best, bad = -1.0, 0
    for epoch, value in enumerate(validation.tolist(), start=1):
        bad = 0 if value > best else bad + 1
        best = max(best, value)
        if bad == patience:
            return epoch
    return len(validation)


def stop_at_falls(validation, patience):
    """Counts the epochs that are not better than the one before."""
    bad = 0
    for epoch in range(1, len(validation)):
        bad = 0 if validation[epoch] > validation[epoch - 1] else bad + 1
        if bad == patience:
            return int(validation[: epoch + 1].argmax()) + 1
    return int(validation.argmax()) + 1


def stop_with(better=lambda value, best: value > best, late=0, start=1):
    def attempt(validation, patience):
        best, best_epoch, bad = -1.0, 0, 0
        for epoch, value in enumerate(validation.tolist(), start=start):
            if better(value, best):
                best, best_epoch, bad = value, epoch, 0
            else:
                bad += 1
            if bad >= max(1, patience + late):
                break
        return best_epoch

    return attempt


def rate(right, where, dim=0):
    return (right & where).sum(dim) / where.sum(dim)


WRONG = [
    ("flip_labels", flips(any_class), "can be the true one"),
    ("flip_labels", flips(any_class, mask=lambda n, o, f: n != o), "Fewer labels are flipped"),
    ("flip_labels", flips(lambda y, k, g: (y + any_class(y, k, g)) % k), "a step of 0"),
    ("flip_labels", flips(lambda y, k, g: (y + any_class(y, k, g) + 1) % k), "leaves out its upper end"),
    ("flip_labels", flips(lambda y, k, g: y[torch.randperm(len(y), generator=g)]), "taken from another example"),
    (
        "flip_labels",
        flips(lambda y, k, g: (y + torch.randint(1, max(2, k - 1), y.shape, generator=g)) % k),
        "One wrong class is never taken",
    ),
    ("flip_labels", flips(lambda y, k, g: (y + 1) % k), "take the same step"),
    ("flip_labels", flips(lambda y, k, g: y + torch.randint(1, k, y.shape, generator=g)), "outside the classes"),
    ("flip_labels", flips(wrong_class, where="coin"), "only right on average"),
    ("flip_labels", flips(wrong_class, where="int"), "int() cuts down"),
    ("flip_labels", flips(wrong_class, where="repeats"), "randint repeats itself"),
    ("flip_labels", flips(wrong_class, where="first"), "Always the first labels"),
    ("flip_labels", flips(wrong_class, where="no generator"), "Not every draw comes from the generator"),
    ("flip_labels", flips(lambda y, k, g: wrong_class(y, k, None)), "Not every draw comes from the generator"),
    ("flip_labels", flips_with_a_seed, "sets a seed of its own"),
    ("flip_labels", flips_in_place, "are overwritten"),
    ("flip_labels", flips_through_an_alias, "one tensor with two names"),
    ("flip_labels", lambda y, f, k, g: flips_by_jump(y, f, k, g)[::-1], "the wrong way round"),
    ("flip_labels", lambda y, f, k, g: flips_by_jump(y, f, k, g)[0], "It returns the labels alone"),
    ("flip_labels", flips_as_positions, "The second tensor holds positions"),
    ("flip_labels", flips(wrong_class, mask=lambda n, o, f: ~f), "The mask is turned around"),
    ("stopping_epoch", lambda v, p: int(v.argmax()) + 1, "It looks at the whole curve"),
    ("stopping_epoch", lambda v, p: int(torch.argmax(v)), "And epochs are counted from 1"),
    ("stopping_epoch", lambda v, p: max(v.tolist()), "That is the best accuracy"),
    ("stopping_epoch", stop_epoch_reached, "the epoch at which the training stops"),
    ("stopping_epoch", stop_with(start=0), "Off by one"),
    ("stopping_epoch", lambda v, p: len(v), "it never stops"),
    ("stopping_epoch", lambda v, p: v[: stop_by_cut(v, p)].max(), "the best accuracy up to the stop"),
    ("stopping_epoch", lambda v, p: stop_by_cut(v, 1), "the first epoch without a new best"),
    ("stopping_epoch", stop_without_reset, "never set back to 0"),
    ("stopping_epoch", stop_that_forgives_equals, "It is no new best, so it counts"),
    ("stopping_epoch", stop_at_falls, "a small rise is no news"),
    ("stopping_epoch", stop_with(better=lambda value, best: value >= best), "equal accuracy is taken"),
    ("stopping_epoch", stop_with(late=-1), "one epoch too early"),
    ("stopping_epoch", stop_with(late=1), "one epoch too late"),
    ("stopping_epoch", lambda v, p: v.tolist().index(min(v.tolist())) + 1, "finds the lowest"),
    ("memorization_score", lambda m, r: rate(r, ~m) - rate(r, m), "The sign is wrong"),
    ("memorization_score", lambda m, r: rate(r, m), "only the first half"),
    ("memorization_score", lambda m, r: rate(r, ~m), "only the second half"),
    ("memorization_score", lambda m, r: (m * r).float().mean(0) - (~m * r).float().mean(0), "divides by M"),
    ("memorization_score", lambda m, r: (m * r).sum(0) - (~m * r).sum(0), "Those are counts"),
    ("memorization_score", lambda m, r: rate(r, m, 1) - rate(r, ~m, 1), "one number for each network"),
    ("memorization_score", lambda m, r: r[m].float().mean() - r[~m].float().mean(), "for all examples together"),
    ("memorization_score", lambda m, r: r.float().mean(0) - rate(r, ~m), "The first part averages over all"),
    ("memorization_score", lambda m, r: rate(r, m) - r.float().mean(0), "The second part averages over all"),
    ("memorization_score", lambda m, r: (rate(r, m) - rate(r, ~m)).nan_to_num(), "gets 0, as if it were known"),
    (
        "memorization_score",
        lambda m, r: (r & m).sum(0) / m.sum(0).clamp(1) - (r & ~m).sum(0) / (~m).sum(0).clamp(1),
        "gets a score, though nothing is known",
    ),
    (
        "memorization_score",
        lambda m, r: (r * m).sum(0) / m.sum(0) - (r * (1 - m)).sum(0) / (1 - m).sum(0),
        "no minus for tensors of True and False",
    ),
    ("memorization_score", lambda m, r: (m - r).sum(0), "no minus for tensors of True and False"),
    ("memorization_score", score_that_tidies_up, "Expected your tables are unchanged True, got False"),
    ("memorization_score", lambda m, r: r[m].mean(), "no mean of True and False"),
    ("memorization_score", lambda m, r: (m and r).sum(0), "write & and ~"),
    ("memorization_score", lambda m, r: (r & (not m)).sum(0), "write & and ~"),
    ("memorization_score", lambda m, r: (r & m).sum(0) / r.sum(0) - (r & ~m).sum(0) / r.sum(0), "networks are right"),
    ("memorization_score", lambda m, r: torch.relu(rate(r, m) - rate(r, ~m)), "Negative scores are cut off"),
    ("memorization_score", lambda m, r: torch.abs(rate(r, m) - rate(r, ~m)), "abs() turns negative scores"),
    ("memorization_score", lambda m, r: 0.5, "does something else"),
    ("forgetting_events", lambda r: (r[:-1] & ~r[1:]).sum(0), "never forgotten either"),
    ("forgetting_events", lambda r: forgetting_by_loop(r.flip(0)), "Those are learning events"),
    ("forgetting_events", lambda r: (r.int().diff(dim=0) == 1).sum(0), "Those are learning events"),
    (
        "forgetting_events",
        lambda r: torch.where(r.any(0), r.int().diff(dim=0).abs().sum(0), len(r)),
        "That counts every change",
    ),
    ("forgetting_events", lambda r: r.int().diff(dim=0).abs().sum(0), "Give it T, the number of looks"),
    ("forgetting_events", lambda r: (r[:-1] - r[1:]).clamp(min=0).sum(0), "no minus for tensors of True and False"),
    ("forgetting_events", lambda r: (r[:-1] * (1 - r[1:])).sum(0), "no minus for tensors of True and False"),
    ("forgetting_events", lambda r: (r[:-1] and not r[1:]).sum(0), "write & and ~"),
    ("forgetting_events", lambda r: torch.where(r.any(0), (r[:-1] & ~r[1:]).sum(0), r.size(1)), "N, the number of"),
    ("forgetting_events", lambda r: (r[:-1] & ~r[1:]).sum(0) / r.any(0), "does something else"),
    ("forgetting_events", lambda r: forgetting_by_loop(r).where(r.any(0), float("inf")), "as in the paper"),
    (
        "forgetting_events",
        lambda r: (r[:-1] & ~r[1:]).sum(0).where((r[:-1] & ~r[1:]).any(0), len(r)),
        "learned once and kept",
    ),
    ("forgetting_events", lambda r: (r[:-1] & ~r[1:]).any(0), "Count how often"),
    ("forgetting_events", lambda r: (r.cummax(0).values & ~r).sum(0), "every wrong answer after the first"),
    ("forgetting_events", lambda r: (r == 0).sum(0), "counts the wrong answers"),
    ("forgetting_events", lambda r: (r[:, :-1] & ~r[:, 1:]).sum(1), "goes along the examples"),
    ("forgetting_events", lambda r: (r[:-1] & ~r[1:]).sum(), "one number for all examples"),
    (
        "forgetting_events",
        lambda r: torch.where(r.any(0), (r & ~torch.roll(r, -1, 0)).sum(0), len(r)),
        "compares the last look with the first",
    ),
    (
        "forgetting_events",
        lambda r: torch.where(r.any(0), (r[:-1] & ~r[1:]).sum(0), len(r[1:])),
        "It should get T, the number of looks",
    ),
    ("error_rate", accuracy_instead, "That is the accuracy"),
    ("error_rate", how_many, "counts the wrong predictions"),
    ("error_rate", lambda p, y: 100 * how_many(p, y) / len(y), "in percent"),
    ("error_rate", lambda p, y: 100 * accuracy_instead(p, y), "the accuracy, and in percent"),
    ("error_rate", lambda p, y: F.l1_loss(p.float(), y.float()), "how far apart"),
    ("error_rate", lambda p, y: torch.ne(p, y), "for each prediction whether it is wrong"),
    ("error_rate", mean_of_booleans, "It stopped with RuntimeError"),
    ("error_rate", lambda p, y: print(), "It returns None"),
    ("error_rate", lambda p, y: 0.5, "Expected error rate 0.25, got 0.5"),
    ("empirical_risk", summed_risk, "the sum of the losses"),
    ("empirical_risk", one_hot_mean, "number of classes too"),
    ("empirical_risk", lambda z, y: F.cross_entropy(z, y) / y.shape[0], "Averaged twice"),
    ("empirical_risk", lambda z, y: torch.tensor(F.cross_entropy(z, y).item(), requires_grad=True), "plain number"),
    ("empirical_risk", double_softmax, "Softmax was taken twice"),
    ("empirical_risk", naive_log, "its log is infinite"),
    ("empirical_risk", naive_exp, "exp overflows"),
    ("empirical_risk", no_minus, "The sign is wrong"),
    ("empirical_risk", lambda z, y: F.cross_entropy(z, y).item(), "it is a plain number"),
    ("empirical_risk", lambda z, y: F.cross_entropy(z.detach(), y), "it is a plain number"),
    ("empirical_risk", lambda z, y: F.cross_entropy(z, y, reduction="none"), "the loss of each example"),
    ("empirical_risk", lambda z, y: (z.argmax(1) != y).float().mean(), "the error rate"),
    ("empirical_risk", lambda z, y: -F.softmax(z, dim=1).gather(1, y[:, None]).mean(), "The log is missing"),
    ("empirical_risk", lambda z, y: -z.log_softmax(dim=1).mean(), "averages over all classes"),
    ("empirical_risk", softmax_over_examples, "Softmax goes over the examples"),
    ("empirical_risk", lambda z, y: -F.log_softmax(z, 1)[:, y].mean(), "takes those columns from every row"),
    ("empirical_risk", lambda z, y: F.cross_entropy(z / 2, y), "does something else"),
    ("empirical_risk", lambda z, y: F.cross_entropy(y, z), "It stopped with"),
    ("train_epoch", loop("loss", "backward", "step"), "Gradients add up"),
    ("train_epoch", loop("zero", "loss", "backward"), "no optimizer.step()"),
    ("train_epoch", loop("zero", "loss", "step"), "without backward()"),
    ("train_epoch", loop("zero", "loss"), "backward() and step() are missing"),
    ("train_epoch", loop("loss", "backward", "zero", "step"), "wipes the gradients"),
    ("train_epoch", loop("loss", "step", "zero", "backward"), "step() comes before backward()"),
    ("train_epoch", loop("loss", "step", "backward"), "step() comes before backward()"),
    ("train_epoch", loop("zero", "loss", "backward", "step", returned="graph"), "holds the graph"),
    ("train_epoch", loop("zero", "loss", "backward", "step", returned="sum"), "returns the sum"),
    ("train_epoch", loop("zero", "loss", "backward", "step", returned="last"), "loss of the last batch"),
    ("train_epoch", loop("zero", "loss", "backward", "step", returned="none"), "returns nothing"),
    ("train_epoch", name_used_twice, "The name loss is used twice"),
    ("train_epoch", loss_of_the_logits, "loss wants the model and the batch"),
    ("train_epoch", return_too_early, "Only the first batch"),
    ("train_epoch", asks_for_a_length, "has no len()"),
    ("train_epoch", loop("zero", "loss", "ascend", "step"), "It climbs"),
    ("choose_model", peek, "chooses by test accuracy"),
    ("choose_model", report_validation, "reports the validation accuracy"),
    ("choose_model", best_seed, "single luckiest seed"),
    ("choose_model", flat, "flattened table"),
    ("choose_model", lambda a, v, t: (a.mean(1).argmax(), t.mean(1)[a.mean(1).argmax()]), "by training accuracy"),
    ("choose_model", lambda a, v, t: (v.mean(1).argmin(), t.mean(1)[v.mean(1).argmin()]), "chooses the worst"),
    ("choose_model", lambda a, v, t: (v.mean(1).argmax(), t.mean(1).max()), "not the chosen one's"),
    ("choose_model", lambda a, v, t: by(v[:, -1], t), "does something else"),
    ("choose_model", lambda a, v, t: by(v.min(dim=1).values, t), "does something else"),
    ("choose_model", lambda a, v, t: by((a + v).mean(dim=1), t), "by training accuracy"),
    ("choose_model", lambda a, v, t: by((a + v + t).mean(dim=1), t), "by test accuracy"),
    ("choose_model", lambda a, v, t: by(-(a - v).mean(dim=1), t), "does something else"),
    ("choose_model", flat_row, "flattened table"),
    ("choose_model", mean_over_rows, "averages over the candidates"),
    ("choose_model", both_seeds, "one number for each seed"),
    ("choose_model", turned_around, "the wrong way round"),
    ("choose_model", only_the_index, "It stopped with TypeError"),
    *answers_mixup.WRONG,
    *answers_adversarial.WRONG,
    *answers_bias.WRONG,
    *answers_selecmix.WRONG,
]


@pytest.mark.parametrize(("name", "attempt", "words"), WRONG)
def test_a_wrong_answer_gets_its_diagnosis_and_an_example(name, attempt, words):
    verdict = check(name, attempt)
    assert verdict.state == "wrong"
    assert words in verdict.message
    assert "Smallest example" in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_every_named_mistake_is_recognised_as_itself(name):
    for mistake in EXERCISES[name].mistakes:
        assert check(name, mistake.twin).message.startswith(mistake.says)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_named_mistake_is_made_by_a_student_above(name):
    messages = {check(name, attempt).message.split("\n")[0] for other, attempt, _ in WRONG if other == name}
    assert {mistake.says for mistake in EXERCISES[name].mistakes} <= messages


# ---- not attempted, hints, solution ------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_not_attempted_and_the_reference_takes_its_place(name, capsys):
    def stub(*arguments):
        raise NotImplementedError("your turn")

    verdict = check(name, stub)
    assert verdict.state == "not attempted"
    assert verdict.use() is EXERCISES[name].reference
    assert capsys.readouterr().out == f"using the reference for {name}\n"


def test_a_torch_error_about_a_missing_kernel_is_not_taken_for_a_stub():
    def integers(logits, labels):
        return F.cross_entropy(logits.detach().long(), labels)

    verdict = check("empirical_risk", integers)
    assert verdict.state == "wrong"
    assert "not implemented for" in verdict.message


def test_a_call_instead_of_the_function_is_explained():
    verdict = check("error_rate", 0.25)
    assert verdict.state == "wrong"
    assert "needs your function error_rate itself, got float" in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_the_hints_are_folded_and_end_in_the_way_to_the_solution(name):
    page = check(name, lambda *arguments: math.nan)._repr_html_()
    assert re.findall(r"<summary>(.*?)</summary>", page) == ["Hint 1", "Hint 2", "Solution"]
    assert f'exercises.solution("{name}")' in page
    assert "<details open" not in page


def test_messages_are_safe_as_html():
    def fails(logits, labels):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check("empirical_risk", fails)._repr_html_()


@cache
def pages():
    """The code cells of each chapter, by their ids."""
    books = [nbformat.read(path, as_version=4) for path in find([])]
    return [{cell.id: cell.source for cell in book.cells if cell.cell_type == "code"} for book in books]


def page_of(name):
    """The code cells of the chapter in which the exercise stands."""
    return next(cells for cells in pages() if f"exercise-{name}" in cells)


def symbols(source):
    """The tables of symbols of a piece of code: its own, and those of all functions and classes in it."""
    tables = [symtable.symtable(source, "cell", "exec")]
    for table in tables:  # grows while it is gone through
        tables += table.get_children()
    return tables


def reads(function):
    """The globals, builtins aside, that a function reads wherever it stands in its source."""
    tables = symbols(textwrap.dedent(inspect.getsource(function)))
    names = {symbol.get_name() for table in tables[1:] for symbol in table.get_symbols() if symbol.is_global()}
    return names - set(dir(builtins)) - {function.__name__}


def binds(source):
    """The names that a cell gives a value to."""
    return {
        symbol.get_name() for symbol in symbols(source)[0].get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_the_packages_own_source_and_passes_where_it_is_pasted(name):
    shown = exercises.solution(name).data
    assert shown == inspect.getsource(EXERCISES[name].reference)
    names = {}
    exec(page_of(name)["setup"] + "\n" + shown, names)
    assert check(name, names[name]).state == "right"


@pytest.mark.parametrize("name", EXERCISES)
def test_a_pasted_solution_does_on_its_page_what_the_packages_function_does(name):
    """It reads the very same objects there, from the first cell to the last. So a page with its solutions put in does
    what nbval sees the unsolved page do, and need not be run a second time."""
    reference, cells, names = EXERCISES[name].reference, page_of(name), {}
    exec(cells["setup"], names)
    for wanted in reads(reference):
        assert names[wanted] is inspect.unwrap(reference).__globals__[wanted], wanted
        for cell_id, source in cells.items():
            taken_over = re.search(rf"^{wanted} = \w+\.use\(\)$", source, re.M)
            its_own = wanted in EXERCISES and (cell_id == f"exercise-{wanted}" or taken_over)
            assert cell_id == "setup" or its_own or wanted not in binds(source), (
                f"{cell_id} gives {wanted} another value"
            )


@pytest.mark.parametrize("name", EXERCISES)
def test_the_page_takes_over_whatever_passed(name):
    """Behind the check, `NAME = ….use()`, and no other value for NAME: the rest of the page runs on that function."""
    cells = page_of(name)
    ids = list(cells)
    after = ids[ids.index(f"check-{name}") + 1 :]
    users = [cell_id for cell_id in after if name in binds(cells[cell_id])]
    assert users, f"no cell uses {name}"
    verdict = re.match(rf"(\w+) = exercises\.check_{name}\({name}\)", cells[f"check-{name}"]).group(1)
    for cell_id in users:
        assert re.search(rf"^{name} = {verdict}\.use\(\)$", cells[cell_id], re.M), cell_id


def test_what_a_page_gives_another_value_is_seen():
    assert binds("import a.b\nfrom c import d as e\nf = 1\nfor g in h:\n    i: int = 2\ndef j(k):\n    l = m") == set(
        "aefgij"
    )

    def outer(labels):
        return [F.softmax(row) for row in labels] + len(torch.tensor(labels))

    assert reads(outer) == {"F", "torch"}


@pytest.mark.parametrize("name", EXERCISES)
def test_the_courses_own_function_is_not_taken_for_an_answer(name):
    """After "run all" a later cell has put the reference under the exercise's name."""
    verdict = check(name, EXERCISES[name].reference)
    assert verdict.state == "not attempted"
    assert "Run the cell with your function" in verdict.message


def test_the_solution_of_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(ValueError, match="name must be one of error_rate, .* got 'nonsense'"):
        exercises.solution("nonsense")
