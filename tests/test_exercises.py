"""A check accepts every right way, names each usual mistake, and never blocks.

The answers here are written as students write them, not taken from the twins in the checks.
"""

import inspect
import math
import re
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import exercises, training
from course_utils.exercises import EXERCISES


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


RIGHT = {
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


WRONG = [
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


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_the_packages_own_source_and_passes(name):
    shown = exercises.solution(name).data
    assert shown == inspect.getsource(EXERCISES[name].reference)
    names = {"torch": torch, "nn": torch.nn, "F": F, "Tensor": torch.Tensor, "Iterable": Iterable}
    names |= {"Batch": training.Batch, "Loss": training.Loss}  # what a notebook's set-up cell imports
    exec(shown, names)
    assert check(name, names[name]).state == "right"


@pytest.mark.parametrize("name", EXERCISES)
def test_the_courses_own_function_is_not_taken_for_an_answer(name):
    """After "run all" a later cell has put the reference under the exercise's name."""
    verdict = check(name, EXERCISES[name].reference)
    assert verdict.state == "not attempted"
    assert "Run the cell with your function" in verdict.message


def test_the_solution_of_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(ValueError, match="name must be one of error_rate, .* got 'nonsense'"):
        exercises.solution("nonsense")
