"""`fit`: batches, steps, a learning rate over the steps, a history."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils import plots, progress, require
from course_utils.metrics import empirical_risk, error_rate, keeping_mode, outputs
from course_utils.models import chosen_device, draws_globally, give_back_memory, seeded
from course_utils.training.together import import_optimizers, is_beside_others


class Batch(NamedTuple):
    """Some examples of the training set."""

    images: Tensor  # [B, …] float32
    labels: Tensor  # [B] int64; a method may put soft labels [B, K] here
    index: Tensor  # [B] int64: where these examples stand in the training set
    generator: torch.Generator  # for a method that draws at random; it draws on the CPU, on every machine
    # All training images and labels, which `index` counts through; not in `fit_many`.
    data: tuple[Tensor, Tensor] | None = None


Loss = Callable[[nn.Module, Batch], Tensor]
Vicinity = Callable[[Batch], Batch]  # from examples to as many others near them, with labels that may be soft
Schedule = Callable[[int, int], float]  # from (step, steps) to the share of the highest learning rate


def erm(model: nn.Module, batch: Batch) -> Tensor:
    """Empirical risk minimization: the average cross-entropy of the batch (Vapnik, NIPS 1991)."""
    return empirical_risk(model(batch.images), batch.labels)


def batches(images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All examples once, in an order drawn from `generator`, `batch_size` at a time; the last batch may be smaller."""
    order = torch.randperm(len(labels), generator=generator).to(labels.device)
    for index in order.split(batch_size):
        # index_select(0, index) is images[index], twice as fast on a CPU.
        yield Batch(images.index_select(0, index), labels[index], index, generator, (images, labels))


def train_epoch(model: nn.Module, loss: Loss, batches: Iterable[Batch], optimizer: torch.optim.Optimizer) -> float:
    """Take one step of the optimizer for each batch.

    Args:
        model: the network to train; its parameters change.
        loss: a function from (model, batch) to a loss, one number to differentiate.
        batches: the batches of one epoch.
        optimizer: holds the model's parameters.

    Returns:
        the average loss over the examples of the epoch, as a float.
    """
    total, examples = 0.0, 0
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        total += value.item() * len(batch.labels)
        examples += len(batch.labels)
    return total / examples


@dataclass
class History:
    """What was measured during training, one row (a dict) for each finished epoch."""

    rows: list[dict[str, float]] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """One row an epoch, one column a measurement: epoch, train_loss, seconds and, with validation data,
        validation_loss and validation_accuracy; then whatever the callback returned."""
        return pd.DataFrame(self.rows)

    def plot(self, title: str) -> Figure:
        """The loss over the epochs, and the validation loss if there is one. Show it with `plots.show`."""
        if not self.rows:
            raise ValueError("no epoch was finished, so there is nothing to draw")
        frame = self.frame()
        columns = [name for name in ("train_loss", "validation_loss") if name in frame]
        return plots.lines(frame, "epoch", columns, title=title, ylabel="cross-entropy")


def one_cycle(step: int, steps: int) -> float:
    """The share of the highest learning rate at `step` (0…steps − 1): up over a tenth of the steps, then down to 0."""
    rise = max(1, steps // 10)
    return min((step + 1) / rise, (steps - step) / max(1, steps - rise))


def constant(step: int, steps: int) -> float:
    """The highest learning rate at every step."""
    return 1.0


def late_decay(step: int, steps: int) -> float:
    """The highest learning rate for four fifths of the steps, then down to 0: long trainings come to rest."""
    return min(1.0, 5 * (steps - step) / steps)


def fit(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    loss: Loss = erm,
    epochs: int = 10,
    lr: float = 1e-3,
    batch_size: int = 128,
    weight_decay: float = 0.0,
    schedule: Schedule = one_cycle,
    seed: int = 0,
    validation: tuple[Tensor, Tensor] | None = None,
    callback: Callable[[int, nn.Module], dict[str, float] | None] | None = None,
    show: bool = True,
) -> History:
    """Train `model` with Adam, on the CPU if you have not chosen another device (`models.chosen_device`).

    Args:
        model: from images to logits [N, K]. Its parameters change, and move to that device; each layer's train or
            eval mode is as before afterwards, its gradients are gone.
        images: [N, …] float32; pictures [N, C, H, W] in [0, 1].
        labels: [N] int64 in 0…K − 1.
        loss: the method, a function from (model, batch) to a loss. It is called in train mode.
        epochs: passes over the data, at least 1.
        lr: the highest learning rate.
        batch_size: examples per step.
        weight_decay: Adam's L2 penalty.
        schedule: the learning rate over the steps, as a share of `lr`: `one_cycle`, with which short runs converge
            too, `constant`, or `late_decay`.
        seed: draws the order of the examples and all that is random inside the model and the loss. (In `side_by_side`
            all but dropout must draw from `batch.generator`: PyTorch's global generator belongs to all threads.)
        validation: (images, labels), measured after each epoch.
        callback: called as `callback(epoch, model)` after each epoch; what it returns joins the epoch's row.
        show: whether to show a progress bar.

    Returns:
        the history. If you stop a training that you see in a notebook, the history of the finished epochs; the cell
        goes on to its end, but starts no other training. A training without a bar, or inside a larger loop that
        has one (`progress.track`), passes the interrupt on, since the loop must stop too; so it does in a script.

    Raises:
        ValueError: arguments that do not fit together; the message names the argument.
        FloatingPointError: the loss became infinite or NaN; the message says at which step.
    """
    check_examples(images, labels)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ValueError(f"validation must be a pair (images, labels), got {type(validation).__name__}")
        check_examples(*validation, of="validation ")
    require.whole(epochs=epochs, batch_size=batch_size)
    require.above(0, lr=lr)
    device = chosen_device()
    model.to(device)
    images, labels = images.to(device), labels.to(device)
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * math.ceil(len(labels) / batch_size)
    history = History()
    own_draws = nullcontext() if is_beside_others() and not draws_globally(model) else seeded(seed)
    per_epoch = steps // epochs

    def where(done: int) -> str:
        return f"epoch {min(done // per_epoch + 1, epochs)} of {epochs}"

    with progress.bar(steps, where, show) as bar, own_draws, keeping_mode(model):
        try:
            import_optimizers()
            optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
            step_loss = scheduled(loss, optimizer, lr, schedule, steps, bar)
            for epoch in range(1, epochs + 1):
                model.train()
                start = time.perf_counter()
                train_loss = train_epoch(model, step_loss, batches(images, labels, batch_size, generator), optimizer)
                row = {"epoch": epoch, "train_loss": train_loss, "seconds": time.perf_counter() - start}
                if validation is not None:
                    row |= _measure(model, *validation)
                row |= (callback(epoch, model) or {}) if callback else {}
                history.rows.append(row)
                bar.note = _reached(row)
        except KeyboardInterrupt:
            if not bar.stands_alone():
                raise
            finished = f"{len(history.rows)} of {epochs} epochs are finished, and the history holds those."
            progress.end_cell(f"You stopped the training: {finished}")
        model.zero_grad()  # gradients nobody will read take as much memory as the model
    give_back_memory()
    return history


def scheduled(loss: Loss, optimizer: torch.optim.Optimizer, lr: float, schedule: Schedule, steps: int, bar) -> Loss:
    """`loss`, which also sets the step's learning rate, moves the bar on, and stops at a loss that is no number."""
    step = 0

    def step_loss(model: nn.Module, batch: Batch) -> Tensor:
        nonlocal step
        value = loss(model, batch)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            found = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"loss must return one number that can be differentiated, got {found}")
        if not math.isfinite(value.item()):
            raise FloatingPointError(
                f"the loss is {value.item()} at step {step + 1} of {steps}. Usual reasons: lr is too high "
                f"(it is {lr:g}), or the images hold NaN or numbers far outside [0, 1]"
            )
        for group in optimizer.param_groups:
            group["lr"] = lr * schedule(step, steps)
        step += 1
        bar.update()
        return value

    return step_loss


def _measure(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    logits, labels = outputs(model, images), labels.cpu()
    return {
        "validation_loss": empirical_risk(logits, labels).item(),
        "validation_accuracy": 1 - error_rate(logits.argmax(dim=1), labels),
    }


def _reached(row: dict[str, float]) -> str:
    """What the bar says of the last epoch."""
    accuracy = f", validation accuracy {100 * row['validation_accuracy']:.1f} %" if "validation_accuracy" in row else ""
    return f"loss {row['train_loss']:.3f}{accuracy}"


def check_examples(images: Tensor, labels: Tensor, of: str = "") -> None:
    """Name the argument that is wrong, before the first step."""
    if not isinstance(images, Tensor) or images.dtype != torch.float32:
        found = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"{of}images must be a float32 tensor [N, …], got {found}")
    require.labels(labels)
    if len(images) != len(labels) or len(labels) == 0:
        raise ValueError(f"{of}images and labels must be equally many, at least 1; got {len(images)} and {len(labels)}")
