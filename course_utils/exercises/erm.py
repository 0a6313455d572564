"""The exercises of chapter 01: the empirical risk, the training loop, an honest choice."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.metrics import choose_model, empirical_risk
from course_utils.models import seeded
from course_utils.training import batches, erm, train_epoch


def _watch_risk(attempt: Callable) -> Iterator[Sight]:
    for rows, labels in (
        ([[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]], [0, 1]),
        ([[0.0, 0.0, 0.0, 0.0]], [2]),
        ([[1000.0, 0.0], [0.0, 1000.0], [3.0, 1.0]], [0, 0, 1]),
    ):
        logits = torch.tensor(rows, requires_grad=True)
        risk = attempt(logits, torch.tensor(labels))
        slope = (
            torch.autograd.grad(risk.sum(), logits, allow_unused=True)[0]
            if getattr(risk, "requires_grad", False)
            else None
        )
        yield f"logits {rows}, labels {labels}", {"risk": risk, "gradient": slope}


def _picked(log_probs: Tensor, labels: Tensor) -> Tensor:
    return -log_probs[torch.arange(len(labels)), labels]


EMPIRICAL_RISK = Exercise(
    reference=empirical_risk,
    watch=_watch_risk,
    mistakes=(
        Mistake(
            lambda z, y: F.cross_entropy(z, y, reduction="sum"),
            "That is the sum of the losses. The empirical risk is their average, so that it does not grow with N.",
        ),
        Mistake(
            lambda z, y: F.cross_entropy(z, y, reduction="none"),
            "That is the loss of each example. The empirical risk is one number: their average.",
        ),
        Mistake(
            lambda z, y: F.cross_entropy(z, y).item(),
            "The number is right, but it is a plain number. Training needs a tensor that can be differentiated: "
            "leave out .item(), float() and detach().",
        ),
        Mistake(
            lambda z, y: F.cross_entropy(z.softmax(dim=1), y),
            "Softmax was taken twice: F.cross_entropy does it itself and wants the logits.",
        ),
        Mistake(
            lambda z, y: -F.cross_entropy(z, y),
            "The sign is wrong: a risk is at least 0, and large where the model is wrong.",
        ),
        Mistake(
            lambda z, y: F.cross_entropy(z, y) / len(y),
            "Averaged twice: F.cross_entropy gives the average already. Do not divide by N again.",
        ),
        Mistake(
            lambda z, y: F.cross_entropy(z, y) / z.shape[1],
            "Divided by the number of classes too. A mean over a table [N, K] divides by N · K; the risk divides by N.",
        ),
        Mistake(
            lambda z, y: _picked(z.softmax(dim=1).log(), y).mean(),
            "Right for small logits. With large ones the probability rounds to 0 and its log is infinite: "
            "take F.log_softmax in one go.",
        ),
        Mistake(
            lambda z, y: _picked((z.exp() / z.exp().sum(dim=1, keepdim=True)).log(), y).mean(),
            "Right for small logits. With large ones exp overflows: take F.log_softmax in one go.",
        ),
        Mistake(
            lambda z, y: -z.softmax(dim=1)[torch.arange(len(y)), y].mean(),
            "The log is missing: the loss is minus the log of the true class's probability.",
        ),
        Mistake(
            lambda z, y: -F.log_softmax(z, dim=1)[:, y].mean(),
            "[:, labels] takes those columns from every row. Take one number from each row: [torch.arange(N), labels].",
        ),
        Mistake(
            lambda z, y: F.nll_loss(F.log_softmax(z, dim=0), y),
            "Softmax goes over the examples. It must go over the classes: dim=1.",
        ),
        Mistake(
            lambda z, y: F.log_softmax(z, dim=1).neg().mean(),
            "That averages over all classes. Only the true class's log-probability counts: pick it with the label.",
        ),
        Mistake(
            lambda z, y: (z.argmax(dim=1) != y).float().mean(),
            "That is the error rate. It is flat almost everywhere, so it has no gradient to follow.",
        ),
    ),
    hints=(
        "The loss of one example is minus the log of the probability that the model gives to its true class. "
        "F.log_softmax(logits, dim=1) gives all log-probabilities.",
        "Row i, column labels[i]: indexing with two tensors picks one number from each row. Then average. "
        "PyTorch also has the whole thing as one function, F.cross_entropy.",
    ),
)


def _watch_epoch(attempt: Callable) -> Iterator[Sight]:
    for examples, size in ((4, 2), (6, 1), (5, 5)):
        generator = torch.Generator().manual_seed(examples)
        images = torch.rand(examples, 3, generator=generator)
        with seeded(0):
            model = nn.Linear(3, 2)
        passes, steps = [], []

        def loss(model: nn.Module, batch) -> Tensor:
            value = erm(model, batch)
            if value.requires_grad:
                value.register_hook(lambda _: passes.append(1))  # noqa: B023
            return value

        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        optimizer.register_step_post_hook(lambda *_: steps.append(1))  # noqa: B023
        stream = batches(images, torch.arange(examples) % 2, size, generator)
        returned = attempt(model, loss, stream, optimizer)
        yield (
            f"{examples} examples in batches of {size}",
            {
                "number of backward passes": len(passes),
                "number of optimizer steps": len(steps),
                "weights afterwards": model.weight.detach().clone(),
                "returned loss": returned,
                "a loss that still holds its graph": getattr(returned, "requires_grad", False),
            },
        )


def _loop(actions: str, returned: str = "mean", stop_early: bool = False) -> Callable:
    """A training loop that does just these actions for each batch, in this order: a twin for most mistakes."""

    def twin(model, loss, batches, optimizer):
        values = []
        for batch in batches:
            for action in actions.split():
                if action == "loss":
                    values.append(loss(model, batch))
                elif action == "backward":
                    values[-1].backward()
                elif action == "ascend":
                    (-values[-1]).backward()
                else:
                    getattr(optimizer, action)()
            if stop_early:
                break
        if returned == "graph":
            return sum(values) / len(values)
        numbers = [value.item() for value in values]
        return {"mean": sum(numbers) / len(numbers), "sum": sum(numbers), "last": numbers[-1], "none": None}[returned]

    return twin


def _shadowed(model, loss, batches, optimizer):
    for batch in batches:
        optimizer.zero_grad()
        loss = loss(model, batch)
        loss.backward()
        optimizer.step()


def _loss_of_logits(model, loss, batches, optimizer):
    for batch in batches:
        loss(model(batch.images), batch.labels)


RIGHT = "zero_grad loss backward step"
TRAIN_EPOCH = Exercise(
    reference=train_epoch,
    watch=_watch_epoch,
    mistakes=(
        Mistake(
            _shadowed,
            "The name loss is used twice: after the first batch it is a number and no longer the function. "
            "Give the value another name.",
        ),
        Mistake(
            _loss_of_logits,
            "loss wants the model and the batch, loss(model, batch), and calls the model itself.",
        ),
        Mistake(
            _loop("loss backward step"),
            "Gradients add up: backward() adds to what is there. Clear them for each batch with zero_grad().",
        ),
        Mistake(
            _loop("zero_grad loss backward"),
            "The weights never change: the gradients are there, but no optimizer.step() uses them.",
        ),
        Mistake(_loop("zero_grad loss step"), "The weights never change: without backward() there are no gradients."),
        Mistake(_loop("zero_grad loss"), "The weights never change: backward() and step() are missing."),
        Mistake(
            _loop("loss backward zero_grad step"),
            "The weights never change: zero_grad() wipes the gradients between backward() and step().",
        ),
        Mistake(
            _loop("loss step backward"),
            "step() comes before backward(), so each step follows the gradient of the batch before.",
        ),
        Mistake(
            _loop("loss step zero_grad backward"),
            "step() comes before backward(), so each step follows the gradient of the batch before.",
        ),
        Mistake(_loop(RIGHT.replace("backward", "ascend")), "It climbs: the sign of the loss is turned around."),
        Mistake(
            _loop(RIGHT, stop_early=True),
            "Only the first batch is used. Is the return inside the for loop?",
        ),
        Mistake(
            _loop(RIGHT, returned="graph"),
            "The returned loss still holds the graph of every batch, and so all their memory: "
            "take the number out with .item().",
        ),
        Mistake(_loop(RIGHT, returned="last"), "It returns the loss of the last batch. Return the epoch's average."),
        Mistake(_loop(RIGHT, returned="sum"), "It returns the sum of the batches' losses. Return their average."),
        Mistake(_loop(RIGHT, returned="none"), "It trains as it should, but returns nothing. Return the average loss."),
    ),
    hints=(
        "For each batch, four lines: forget the old gradients, compute the loss, compute its gradients, take a step.",
        "optimizer.zero_grad(), loss(model, batch), .backward() on what that gives, optimizer.step(). "
        "Add up .item() of each loss to return the average.",
    ),
)


def _watch_choice(attempt: Callable) -> Iterator[Sight]:
    # Each table: candidates × seeds. Every usual mistake picks another candidate or reports another number.
    train = torch.tensor([[0.90, 0.90], [0.95, 0.95], [0.96, 0.97], [1.00, 1.00], [0.62, 0.63], [0.85, 0.87]])
    validation = torch.tensor([[0.80, 0.82], [0.90, 0.84], [0.95, 0.70], [0.83, 0.84], [0.60, 0.61], [0.85, 0.86]])
    test = torch.tensor([[0.97, 0.98], [0.80, 0.82], [0.78, 0.80], [0.76, 0.79], [0.65, 0.66], [0.85, 0.85]])
    for order in ([0, 1, 2, 3, 4, 5], [3, 2, 5, 4, 1, 0]):
        index, reported = attempt(train[order].clone(), validation[order].clone(), test[order].clone())
        case = f"mean validation accuracy of the candidates {_rounded(validation[order])}, test {_rounded(test[order])}"
        yield case, {"candidate": index, "reported accuracy": reported}


def _rounded(table: Tensor) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in table.mean(dim=1)) + "]"


def _choice(choose_by: int, report: int) -> Callable:
    """Choose by one of (train, validation, test), report another: a twin."""

    def twin(*tables):
        index = tables[choose_by].mean(dim=1).argmax()
        return index, tables[report].mean(dim=1)[index]

    return twin


def _luckiest(train, validation, test):
    index = validation.max(dim=1).values.argmax()
    return index, test[index].mean()


def _flat(train, validation, test):
    index = validation.argmax()
    return index, test.flatten()[index]


def _row_of_flat(train, validation, test):
    index = validation.argmax()
    return index, test[index].mean()


def _over_candidates(train, validation, test):
    index = validation.mean(dim=0).argmax()
    return index, test[index].mean()


def _each_seed(train, validation, test):
    index = validation.mean(dim=1).argmax()
    return index, test[index]


def _turned(train, validation, test):
    index, reported = _each_seed(train, validation, test)
    return reported.mean(), index


def _worst(train, validation, test):
    index = validation.mean(dim=1).argmin()
    return index, test[index].mean()


FLATTENED = (
    "argmax over the whole table gives a position in the flattened table. "
    "Average over the seeds first: one number for each candidate."
)
PEEKED = "It chooses by test accuracy. Then the test data have helped to choose, and the report flatters."
CHOOSE_MODEL = Exercise(
    reference=choose_model,
    watch=_watch_choice,
    mistakes=(
        Mistake(_choice(2, 2), PEEKED),
        Mistake(_choice(2, 1), PEEKED),
        Mistake(_choice(0, 2), "It chooses by training accuracy, which rewards what was learned by heart."),
        Mistake(
            _choice(1, 1),
            "The choice is right, but it reports the validation accuracy. The best of many is partly luck: "
            "report the test accuracy of the chosen candidate.",
        ),
        Mistake(
            _luckiest,
            "It chooses the candidate with the single luckiest seed. Average over the seeds before you compare.",
        ),
        Mistake(_flat, FLATTENED),
        Mistake(_row_of_flat, FLATTENED),
        Mistake(
            _over_candidates,
            "It averages over the candidates, and so finds a seed. Average over the seeds: dim=1.",
        ),
        Mistake(_each_seed, "The choice is right, but it reports one number for each seed. Report their average."),
        Mistake(_turned, "Right, but the wrong way round: first the row, then the accuracy."),
        Mistake(_worst, "It chooses the worst: these are accuracies, higher is better."),
        Mistake(
            lambda train, validation, test: (validation.mean(dim=1).argmax(), test.mean(dim=1).max()),
            "The choice is right, but it reports the best test accuracy of all candidates, not the chosen one's.",
        ),
    ),
    hints=(
        "Three tables, one row per candidate, one column per seed. Which of them may you look at to choose, and which "
        "one only to report?",
        "Average over the seeds (dim=1). argmax on validation gives the row; read that row, and no other, in test.",
    ),
)
