"""`fit`: batches, steps, a learning rate over the steps, a history."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils import plots, progress, require
from course_utils.metrics import empirical_risk, error_rate, keeping_mode, outputs
from course_utils.models import chosen_device, draws_globally, give_back_memory, seeded
from course_utils.training.together import is_beside_others


class Batch(NamedTuple):
    """Some examples of the training set."""

    images: Tensor  # [B, …] float32
    labels: Tensor  # [B] int64; a method may put soft labels [B, K] here
    index: Tensor  # type: ignore[assignment]  # [B] int64: where these stand in the training set; tuple has an `index`
    generator: torch.Generator  # for a method that draws at random; it draws on the CPU, on every machine
    # All training images and labels, which `index` counts through; not in `fit_many`.
    data: tuple[Tensor, Tensor] | None = None

    def training_set(self, **made_for: int | None) -> tuple[Tensor, Tensor]:
        """`data`, for a method that cannot do without.

        Args:
            made_for: what of the method belongs to so many training examples, by its name (`None`: it does not say).
        """
        if self.data is None:
            raise ValueError("batch must hold the training set as its data, as it does in `fit`, got None")
        for name, examples in made_for.items():
            if examples is not None and examples != len(self.data[1]):
                wanted = f"made for the {len(self.data[1]):,} examples that are trained on"
                raise ValueError(f"{name} must be {wanted}, got {name} for {examples:,}")
        return self.data


Loss = Callable[[nn.Module, Batch], Tensor]
Vicinity = Callable[[Batch], Batch]  # from examples to as many others near them, with labels that may be soft
Schedule = Callable[[int, int], float]  # from (step, steps) to the share of the highest learning rate


def _check_step(model: nn.Module, batch: Batch) -> None:
    require.network(model)
    if not isinstance(batch, Batch):
        raise ValueError(f"batch must be a Batch, got {require.what(batch)}")


@require.checked(_check_step)
def erm(model: nn.Module, batch: Batch) -> Tensor:
    """Empirical risk minimization: the average cross-entropy of the batch (Vapnik, NIPS 1991)."""
    return empirical_risk(model(batch.images), batch.labels)


def take(images: Tensor, index: Tensor) -> Tensor:
    """images[index], twice as fast on a CPU."""
    return images.index_select(0, index)


def _check_examples(images: Tensor, labels: Tensor, of: str = "") -> None:
    asked: dict[str, Any] = {f"{of}images": (images, "float32 [N, …]"), f"{of}labels": (labels, "int64 [N]")}
    require.tensors(**asked)
    require.labels(labels, name=f"{of}labels")


def _check_batches(images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator) -> None:
    _check_examples(images, labels)
    require.whole(batch_size=batch_size)
    require.generator(generator)


@require.checked(_check_batches)
def batches(images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """All examples once, in an order drawn from `generator`, `batch_size` at a time; the last batch may be smaller."""
    order = torch.randperm(len(labels), generator=generator).to(labels.device)
    for index in order.split(int(batch_size)):
        yield Batch(take(images, index), take(labels, index), index, generator, (images, labels))


def _check_epoch(model: nn.Module, loss: Loss, batches: Iterable[Batch], optimizer: torch.optim.Optimizer) -> None:
    require.network(model)
    require.function(loss=loss)
    if not isinstance(batches, Iterable) or (isinstance(batches, Sized) and len(batches) == 0):
        raise ValueError(f"batches must be batches to go through, at least one, got {require.what(batches)}")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer must be one of torch.optim, got {require.what(optimizer)}")
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    if not any(id(weight) in held for weight in model.parameters()):
        raise ValueError("optimizer must hold parameters of the model, got one that holds none of them")


@require.checked(_check_epoch)
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
            raise ValueError("rows must hold a finished epoch to draw something, got none")
        frame = self.frame()
        columns = [name for name in ("train_loss", "validation_loss") if name in frame]
        return plots.lines(frame, "epoch", columns, title=title, ylabel="cross-entropy")


def _check_place(step: int, steps: int) -> None:
    require.whole(steps=steps)
    require.whole(0, steps - 1, step=step)


@require.checked(_check_place)
def one_cycle(step: int, steps: int) -> float:
    """The share of the highest learning rate at `step` (0…steps − 1): up over a tenth of the steps, then down to 0."""
    rise = max(1, steps // 10)
    return min((step + 1) / rise, (steps - step) / max(1, steps - rise))


@require.checked(_check_place)
def constant(step: int, steps: int) -> float:
    """The highest learning rate at every step."""
    return 1.0


@require.checked(_check_place)
def late_decay(step: int, steps: int) -> float:
    """The highest learning rate for four fifths of the steps, then down to 0: long trainings come to rest."""
    return min(1.0, 5 * (steps - step) / steps)


def check_trainable(model: nn.Module, name: str = "model") -> None:
    """Refuse what no gradient can change, here and now."""
    require.network(model, name)
    if not torch.is_grad_enabled():
        raise ValueError(
            f"{name} must be trained with gradients, got torch.is_grad_enabled() = False: is this inside "
            "`torch.no_grad()` or `torch.inference_mode()`, or was `torch.set_grad_enabled(False)` called?"
        )
    weights = list(model.parameters())
    if not any(weight.requires_grad for weight in weights):
        found = f"{len(weights)} that are all frozen (requires_grad = False)" if weights else "none"
        raise ValueError(f"{name} must have parameters to train, got {found}")


def check_recipe(epochs: int, lr: float, batch_size: int, weight_decay: float, schedule: Schedule, seed: int) -> None:
    """What `fit` and `fit_many` are told alike."""
    require.whole(epochs=epochs, batch_size=batch_size)
    require.above(0, lr=lr)
    require.at_least(0, weight_decay=weight_decay)
    require.function(schedule=schedule)
    require.whole(0, seed=seed)


def _check_loss(loss: Loss) -> None:
    require.function(loss=loss)
    if isinstance(loss, type):
        raise ValueError(f"loss must be a function from (model, batch), got {require.what(loss)}: its () forgotten?")


def _check_looks(validation: tuple[Tensor, Tensor] | None, callback: Callable | None) -> None:
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ValueError(f"validation must be a pair (images, labels), got {require.what(validation)}")
        _check_examples(*validation, of="validation ")
        require.finite(**{"validation images": validation[0]})
    if callback is not None:
        require.function(callback=callback)


@require.checked(_check_loss, check_trainable, _check_examples, check_recipe, _check_looks)
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
        FloatingPointError: the loss became infinite or NaN; the message says at which step.
    """
    device = chosen_device()
    model.to(device)
    images, labels = images.detach().to(device), labels.to(device)
    if validation is not None:  # what is wrong with it is said now, and not after an epoch
        validation_classes = outputs(model, validation[0][:1]).shape[-1]
        require.labels(validation[1], classes=validation_classes, name="validation labels")
    generator = torch.Generator().manual_seed(int(seed))
    per_epoch = math.ceil(len(labels) / batch_size)
    history = History()
    own_draws = nullcontext() if is_beside_others() and not draws_globally(model) else seeded(seed)

    def where(done: int) -> str:
        return f"epoch {min(done // per_epoch + 1, epochs)} of {epochs}"

    with progress.bar(epochs * per_epoch, where, show) as bar, own_draws, keeping_mode(model):
        try:
            optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
            pace = Pace(optimizer, lr, schedule, epochs * per_epoch, bar)
            for epoch in range(1, epochs + 1):
                model.train()
                start = time.perf_counter()
                stream = pace.through(batches(images, labels, batch_size, generator))
                train_loss = train_epoch(model, pace.sound(loss), stream, optimizer)
                row = {"epoch": epoch, "train_loss": train_loss, "seconds": time.perf_counter() - start}
                if validation is not None:
                    row |= _measure(model, *validation)
                row |= _told(callback, epoch, model)
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


class Pace:
    """Goes with a training from step to step: each has its learning rate, moves the bar on, and stops at a loss that is
    NaN or infinite.

    (torch.optim.lr_scheduler.LambdaLR would do for the rates, and takes 13 µs a step: 4 % of a small network's.)
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, lr: float, schedule: Schedule, steps: int, bar: progress.Bar
    ) -> None:
        self.optimizer, self.lr, self.schedule, self.steps, self.bar = optimizer, lr, schedule, steps, bar
        self.step = 0

    def rate(self) -> float:
        """The learning rate of this step."""
        share = self.schedule(self.step, self.steps)
        if not (isinstance(share, int | float) and 0 <= share < math.inf):
            raise ValueError(
                f"schedule must return a finite number, at least 0, for each step, got {require.what(share)} for "
                f"step {self.step} of {self.steps}"
            )
        return self.lr * share

    def through(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, with all that is due before and after the step on each."""
        for batch in batches:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            yield batch
            self.step += 1
            self.bar.update()

    def sound(self, loss: Callable[[Any, Batch], Tensor]) -> Loss:
        """The loss, or what is wrong with it."""

        def asked(model: nn.Module, batch: Batch) -> Tensor:
            value = loss(model, batch)
            if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
                off = ", on no graph" if isinstance(value, Tensor) and not value.requires_grad else ""
                found = f"{require.what(value)}{off}"
                raise ValueError(f"loss must return one number that can be differentiated, got {found}")
            if not math.isfinite(value.item()):
                require.finite(images=batch.images)
                raise FloatingPointError(
                    f"the loss is {value.item()} at step {self.step + 1} of {self.steps}. Usual reasons: lr is too "
                    f"high (it is {self.lr:g}), or the images hold numbers far outside [0, 1]"
                )
            return value

        return asked


def _told(callback: Callable | None, epoch: int, model: nn.Module) -> dict[str, float]:
    """What the callback adds to the epoch's row."""
    found = callback(epoch, model) if callback else None
    if not isinstance(found, dict | None):
        raise ValueError(f"callback must return a dict, or None, got {require.what(found)}")
    return found or {}


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
