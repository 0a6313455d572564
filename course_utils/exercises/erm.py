"""The exercises of chapter 01: the empirical risk, the training loop, an honest choice."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.metrics import choose_model, empirical_risk
from course_utils.models import seeded
from course_utils.training import Batch, batches, erm, train_epoch

LOG_P = "F.log_softmax(logits, dim=1)"
WHOLE = "F.cross_entropy(logits, labels)"


def _other_logits(dice: Dice) -> Iterator[Case]:
    for size in (2, 2, 4, 400):
        n, classes = dice.whole(3, 12), dice.whole(3, 10)
        yield Case(
            f"logits around {size}", attached=["logits"], logits=size * dice.randn(n, classes),
            labels=dice.classes(n, classes),
        )  # fmt: skip


EMPIRICAL_RISK = Exercise(
    reference=empirical_risk,
    returns=("risk",),
    loose=("risk",),
    cases=(
        Case(logits=[[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]], labels=[0, 1], attached=["logits"]),
        Case("one example", logits=[[0.0, 1.0, 0.0, 2.0]], labels=[2], attached=["logits"]),
        Case(
            "logits of 1,000",
            logits=[[1000.0, 0.0], [0.0, 1000.0], [3.0, 1.0]], labels=[0, 0, 1], attached=["logits"],
        ),
        Case("sure and right", logits=[[0.0, 30.0], [30.0, 0.0]], labels=[1, 0], attached=["logits"]),
        Case(
            "five examples", attached=["logits"], labels=[1, 1, 0, 2, 1],
            logits=[[0.3, -1.0, 2.0], [1.0, 0.0, -2.0], [0.5, 0.1, 0.2], [-1.0, -2.0, -3.0], [4.0, 4.0, 0.0]],
        ),
    ),
    others=_other_logits,
    variants=(
        (WHOLE, "F.nll_loss(F.log_softmax(logits, dim=1), labels)"),
        (WHOLE, "-F.log_softmax(logits, dim=1).gather(1, labels[:, None]).mean()"),
        (WHOLE, "-F.log_softmax(logits, dim=1)[torch.arange(len(labels)), labels].mean()"),
    ),
    slips=(
        Slip("Softmax was taken twice: F.cross_entropy does it itself and wants the logits.", "(logits,",
             "(logits.softmax(dim=1),"),
        Slip("Right for small logits. With large ones the probability rounds to 0 and its log is infinite: take the "
             "log of the softmax in one go.", LOG_P, "logits.softmax(dim=1).log()"),
        Slip("A tiny number keeps the log finite, but then it is another number, and the gradient is 0 where the "
             "model errs most. Take the log of the softmax in one go.", LOG_P, "(logits.softmax(dim=1) + 1e-8).log()"),
        Slip("Right for small logits. With large ones exp overflows: take the log of the softmax in one go.", LOG_P,
             "(logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()"),
        Slip("The log is missing: the loss is minus the log of the true class's probability.", LOG_P,
             "logits.softmax(dim=1)"),
        Slip("[:, labels] takes those columns from every row. Take one number from each row: [torch.arange(N), "
             "labels].", WHOLE, "-F.log_softmax(logits, dim=1)[:, labels].mean()"),
        Slip("Softmax goes over the examples. It must go over the classes: dim=1.", LOG_P,
             "F.log_softmax(logits, dim=0)"),
        Slip("That averages over all classes. Only the true class's log-probability counts: pick it with the label.",
             WHOLE, "F.log_softmax(logits, dim=1).neg().mean()"),
        Slip("It picks the largest logit's loss, whatever the label is.", ", labels)", ", logits.argmax(dim=1))"),
        Slip("Divided by the number of classes too. A mean over a table [N, K] divides by N · K; the risk divides by "
             "N.", WHOLE, WHOLE + " / logits.shape[1]"),
        Slip("That is the loss for the logits alone: the softmax is missing.", LOG_P, "logits"),
        Slip("The log is to the base 2. The cross-entropy has the natural one.", WHOLE,
             WHOLE + " / 0.6931471805599453"),
        Slip("That is the error rate. It is flat almost everywhere, so it has no gradient to follow.", lambda logits,
             labels: (logits.argmax(dim=1) != labels).float().mean()),
    ),
    hints=(
        "Which probability does the model give to the true class of each example, and what does a probability of 1 "
        "cost, what one near 0?",
        "F.log_softmax(logits, dim=1) gives all log-probabilities. Indexing with two tensors, the rows 0…N − 1 and the "
        "labels, picks one number from each row. PyTorch also has all of it in one function.",
    ),
)  # fmt: skip


class _Counted(nn.Linear):
    """A model that counts what happens to it."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.passes: list[int] = []
        self.steps: list[int] = []


def _epoch(examples: int, size: int, seed: int = 0) -> dict[str, Any]:
    """A model, and batches that can be gone through once; what happens to them is counted."""
    generator = torch.Generator().manual_seed(examples + seed)
    images = torch.rand(examples, 3, generator=generator)
    with seeded(seed):
        model = _Counted()

    def loss(model: _Counted, batch: Batch) -> Tensor:
        value = 3 * erm(model, batch)  # no loss that anyone would guess
        if value.requires_grad:
            value.register_hook(lambda _: model.passes.append(1))
        return value

    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    optimizer.register_step_post_hook(lambda *_: model.steps.append(1))
    stream = (batch for batch in batches(images, torch.arange(examples) % 2, size, generator))
    return {"model": model, "loss": loss, "batches": stream, "optimizer": optimizer}


def _trained(given: Mapping[str, Any]) -> dict[str, Any]:
    model = given["model"]
    return {
        "layers in train mode": sum(layer.training for layer in model.modules()),
        "backward passes through `loss`": len(model.passes),
        "steps of `optimizer`": len(model.steps),
        "weights afterwards": model.weight.detach().clone(),
    }


def _other_epochs(dice: Dice) -> Iterator[Case]:
    for size in (1, 2, 3, 4):
        n, seed = size * dice.whole(2, 6), dice.seed()
        yield Case(f"batches of {size}", make=partial(_epoch, n, size, seed))


BEFORE = "step() comes before backward(), so each step follows the gradient of the batch before."
NEVER = "The weights never change: "
EPOCH = "total / examples"
TRAIN_EPOCH = Exercise(
    reference=train_epoch,
    returns=("returned loss",),
    may_change=("model", "batches", "optimizer"),
    beside=_trained,
    cases=tuple(
        Case(f"{n} examples in batches of {size}", make=partial(_epoch, n, size))
        for n, size in ((4, 2), (6, 1), (5, 5), (12, 4))
    ),
    others=_other_epochs,
    variants=(
        ("total += value.item() * len(batch.labels)", "total += value.item()", "examples += len(batch.labels)",
            "examples += 1"),
    ),
    slips=(
        Slip("Gradients add up: backward() adds to what is there. Clear them for each batch with zero_grad().",
             "        optimizer.zero_grad()\n", ""),
        Slip(NEVER + "the gradients are there, but no optimizer.step() uses them.", "        optimizer.step()\n", ""),
        Slip(NEVER + "without backward() there are no gradients.", "        value.backward()\n", ""),
        Slip(NEVER + "backward() and step() are missing.", "        value.backward()\n        optimizer.step()\n", ""),
        Slip(NEVER + "when step() comes, zero_grad() has wiped the gradients. The order is zero_grad, backward, step.",
             "        value.backward()\n        optimizer.step()",
             "        optimizer.step()\n        value.backward()"),
        Slip(BEFORE, "        optimizer.zero_grad()\n", "", "        value.backward()\n        optimizer.step()",
             "        optimizer.step()\n        value.backward()"),
        Slip(BEFORE, "        optimizer.zero_grad()\n", "", "        value.backward()\n        optimizer.step()",
             "        optimizer.step()\n        optimizer.zero_grad()\n        value.backward()"),
        Slip("One step is taken for the whole epoch. Take one for each batch: is step() inside the for loop?",
             "        optimizer.zero_grad()\n", "", "        optimizer.step()\n", "", "    return",
             "    optimizer.step()\n    return"),
        Slip("It climbs: the sign of the loss is turned around.", "value.backward()", "(-value).backward()"),
        Slip("Only the first batch is used. Is the return inside the for loop?", "    return", "        return"),
        Slip("The first batch is skipped: it was taken out of the stream, which can be gone through once.",
             "    total,", "    next(iter(batches))\n    total,"),
        Slip("It returns the loss of the last batch. Return the epoch's average.", EPOCH, "value.item()"),
        Slip("It returns the sum of the batches' losses. Return their average.", EPOCH, "total",
             " * len(batch.labels)", ""),
        Slip("The sum of the batches' average losses is divided by the number of examples.", " * len(batch.labels)",
             ""),
        Slip("It takes the cross-entropy, whatever loss it is given. Use `loss`.", "loss(model, batch)",
             "F.cross_entropy(model(batch.images), batch.labels)"),
        Slip("The network is put into eval mode, and left so. Train in train mode.", "    total, examples",
             "    model.eval()\n    total, examples"),
        Slip("The batches are used up before the loop: they can be gone through once. Count as you go.",
             "in batches:", "in list(batches)[:0]:", EPOCH, "total / max(1, examples)"),
    ),
    hints=(
        "What has to happen for each batch, and in which order? What would be left over from the batch before?",
        "Four lines: forget the old gradients, compute the loss, let it compute its gradients, take a step. Add up the "
        "losses as plain numbers, and count as you go.",
    ),
)  # fmt: skip

_TRAIN = [[0.90, 0.90], [0.95, 0.95], [0.96, 0.97], [1.00, 1.00], [0.62, 0.63], [0.85, 0.87]]
_VALIDATION = [[0.80, 0.82], [0.90, 0.84], [0.95, 0.70], [0.83, 0.84], [0.60, 0.61], [0.85, 0.86]]
_TEST = [[0.97, 0.98], [0.80, 0.83], [0.78, 0.80], [0.76, 0.79], [0.65, 0.66], [0.85, 0.86]]


def _tables(about: str, order: list[int]) -> Case:
    train, validation, test = ([table[k] for k in order] for table in (_TRAIN, _VALIDATION, _TEST))
    return Case(about, train=train, validation=validation, test=test)


def _drawn(seed: int, candidates: int = 7, seeds: int = 5) -> dict[str, Any]:
    tables = torch.rand(3, candidates, seeds, generator=torch.Generator().manual_seed(seed))
    return dict(zip(("train", "validation", "test"), tables))


def _other_tables(dice: Dice) -> Iterator[Case]:
    for _ in range(6):
        candidates, seeds = dice.whole(4, 12), dice.whole(3, 6)
        yield Case(f"{candidates} candidates, {seeds} seeds", **_drawn(dice.seed(), candidates, seeds))


FLATTENED = (
    "argmax over the whole table gives a position in the flattened table. Average over the seeds first: one number for "
    "each candidate."
)
PEEKED = "Test accuracy has a say in the choice. Then the test data have helped to choose, and the report flatters."
LUCKY = "It chooses by single seeds. Average over the seeds before you compare."
BY, REPORT = "validation.mean(dim=1).argmax()", "test[chosen].mean()"
CHOOSE_MODEL = Exercise(
    reference=choose_model,
    returns=("row", "accuracy to report"),
    cases=(
        _tables("six candidates, two seeds", [0, 1, 2, 3, 4, 5]),
        _tables("the same in another order", [3, 2, 5, 4, 1, 0]),
        Case(
            "the first candidate is the best",
            train=[[0.7, 0.8], [0.9, 0.9]], validation=[[0.9, 0.9], [0.5, 0.5]], test=[[0.6, 0.7], [0.8, 0.9]],
        ),
        Case(
            "the last is the best, three seeds",
            train=[[0.9, 0.9, 0.9], [0.7, 0.8, 0.6]], validation=[[0.5, 0.6, 0.7], [0.9, 0.9, 0.6]], test=[[0.8, 0.8,
                0.9], [0.7, 0.5, 0.7]],
        ),
        *(Case("seven candidates, five seeds", **_drawn(seed)) for seed in range(3)),
    ),
    others=_other_tables,
    slips=(
        Slip(PEEKED, BY, "test.mean(dim=1).argmax()"),
        Slip(PEEKED, BY, "(validation + test).mean(dim=1).argmax()"),
        Slip("It chooses by training accuracy, which rewards what was learned by heart.", BY,
             "train.mean(dim=1).argmax()"),
        Slip("It chooses the smallest gap between training and validation. A poor model can have a small gap.", BY,
             "(train - validation).mean(dim=1).abs().argmin()"),
        Slip("It reports the validation accuracy. The best of many is partly luck: report "
             "the test accuracy of the chosen candidate.", REPORT, "validation[chosen].mean()"),
        Slip(LUCKY, BY, "validation.max(dim=1).values.argmax()"),
        Slip(LUCKY, BY, "validation[:, 0].argmax()"),
        Slip(LUCKY, BY, "validation.median(dim=1).values.argmax()"),
        Slip(FLATTENED, BY, "validation.argmax()", REPORT, "test.flatten()[chosen]"),
        Slip(FLATTENED, BY, "validation.argmax()"),
        Slip("It averages over the candidates, and so finds a seed. Average over the seeds: dim=1.", BY,
             "validation.mean(dim=0).argmax()"),
        Slip("It reports one number for each seed. Report their average.",
             REPORT + ".item()", "test[chosen].tolist()"),
        Slip("It chooses the worst: these are accuracies, higher is better.", BY, "validation.mean(dim=1).argmin()"),
        Slip("It reports the best test accuracy of all candidates, not the chosen one's.", REPORT,
             "test.mean(dim=1).max()"),
        Slip("The row is counted from 1. Rows of a tensor begin at 0.", "return chosen,", "return chosen + 1,"),
        Slip("It averages over the candidates, and so finds a seed. Average over the seeds: dim=1.", BY,
             "validation.mean(dim=0).argmax()", REPORT, "test.mean(dim=0)[chosen]"),
        Slip("It reports the seed that was best on validation. Report the average over the seeds.", REPORT,
             "test[chosen, validation[chosen].argmax()]"),
    ),
    hints=(
        "Three tables, one row per candidate, one column per seed. Which of them may you look at to choose, and which "
        "one only to report?",
        "One number for each candidate comes first. What you choose by and what you report are not the same table.",
    ),
)  # fmt: skip
EXERCISES = (EMPIRICAL_RISK, TRAIN_EPOCH, CHOOSE_MODEL)
