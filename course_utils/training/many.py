"""`fit_many`: the same loop for many small networks at once.

The weights of twenty networks stand in one tensor for each layer, so that a step of all of them is one call of
PyTorch and not twenty (`torch.func`). Each network does what it would do alone: the losses are added up, and no
loss depends on another network's weights.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from course_utils import progress
from course_utils.models import best_device, seeded
from course_utils.training.loop import Batch, Schedule, check_positive, one_cycle, scheduled, train_epoch


class Record(NamedTuple):
    """What M networks answered while they were trained, each on n examples of its own."""

    seen: Tensor  # [epochs, M, n] int16: the class given to each training example when its batch came up
    watched: Tensor  # [epochs, M, W] int16: the class given to each watched image, after each epoch


def fit_many(
    models: Sequence[nn.Module],
    images: Tensor,
    labels: Tensor,
    rows: Tensor,
    *,
    epochs: int = 10,
    lr: float = 1e-3,
    batch_size: int = 100,
    weight_decay: float = 0.0,
    schedule: Schedule = one_cycle,
    seed: int = 0,
    watch: Tensor | None = None,
    group: int = 20,
) -> Record:
    """Train many networks of one layout with ERM and Adam, each on its own examples.

    Args:
        models: M networks of the same layout, without BatchNorm. Their parameters change.
        images: [N, …] float32, what all networks take their examples from.
        labels: [M, n] int64: `labels[m, i]` is what network m is told about its i-th example.
        rows: [M, n] int64 in 0…N − 1: the i-th example of network m is `images[rows[m, i]]`.
        epochs, lr, batch_size, weight_decay, schedule, seed: as in `fit`.
        watch: [W, …] float32, images that every network is asked about after each epoch; `None` for none.
        group: how many networks are trained at once; some twenty fit a CPU's cache.

    Returns:
        the networks' answers on the way. An interrupt is passed on: half a comparison is none.

    Raises:
        ValueError: arguments that do not fit together; the message names the argument.
        FloatingPointError: the loss became infinite or NaN; the message says at which step.
    """
    watch = images[:0] if watch is None else watch
    _check_many(models, images, labels, rows, watch)
    check_positive(epochs=epochs, lr=lr, batch_size=batch_size, group=group)
    images, generator = images.to(best_device()), torch.Generator().manual_seed(seed)
    steps = epochs * math.ceil(rows.shape[1] / batch_size)
    parts = [slice(start, start + group) for start in range(0, len(models), group)]
    seen = torch.empty(epochs, *rows.shape, dtype=torch.int16)
    watched = torch.empty(epochs, len(models), len(watch), dtype=torch.int16)
    with seeded(seed), progress.bar(steps * len(parts), f"training {len(models)} networks") as bar:
        for part in parts:
            stack = _Stack(models[part], examples=rows.shape[1])
            optimizer = torch.optim.Adam(stack.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
            loss = scheduled(_erm_of_each, optimizer, lr, schedule, steps, bar)
            for epoch in range(epochs):
                stack.layout[0].train()
                train_epoch(stack, loss, _batches(images, labels[part], rows[part], batch_size, generator), optimizer)
                seen[epoch, part] = stack.answers
                watched[epoch, part] = stack.predict(watch)
            stack.unpack()
    return Record(seen, watched)


def by_epoch(**measures: Tensor) -> pd.DataFrame:
    """Measurements over a training as a table to draw: one row for each epoch and network.

    Args:
        measures: for each name, [epochs, M]; a `_` in a name becomes a space.

    Returns:
        columns epoch (from 1), network (from 0) and one for each measure.
    """
    epochs, networks = next(iter(measures.values())).shape
    columns = {name.replace("_", " "): measure.flatten().tolist() for name, measure in measures.items()}
    return pd.DataFrame(
        {
            "epoch": [epoch for epoch in range(1, epochs + 1) for _ in range(networks)],
            "network": list(range(networks)) * epochs,
            **columns,
        }
    )


class _Stack(nn.Module):
    """M networks of one layout as one. The first axis of weights, images and logits goes over the networks."""

    def __init__(self, networks: Sequence[nn.Module], examples: int) -> None:
        super().__init__()
        device = best_device()
        stacked, _ = stack_module_state(list(networks))
        self.names = list(stacked)
        self.weights = nn.ParameterList(weight.detach().to(device) for weight in stacked.values())
        # In tuples, so that their own weights are not parameters of the stack.
        self.networks, self.layout = tuple(networks), (copy.deepcopy(networks[0]).to(device),)
        self.answers = torch.empty(len(networks), examples, dtype=torch.int16)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [M, B, K]; images [M, B, …], each network its own."""
        return vmap(self._one, randomness="different")(tuple(self.weights), images)

    def predict(self, images: Tensor) -> Tensor:
        """Classes [M, W] int16 on the CPU, in eval mode; images [W, …], the same for all."""
        self.layout[0].eval()
        each = vmap(self._one, in_dims=(0, None))
        with torch.no_grad():
            parts = images.to(self.weights[0].device).split(512)
            return torch.cat([each(tuple(self.weights), part).argmax(dim=2) for part in parts], dim=1).cpu().short()

    def unpack(self) -> None:
        """Give each network its own weights back."""
        with torch.no_grad():
            for name, stacked in zip(self.names, self.weights):
                for network, weight in zip(self.networks, stacked):
                    network.get_parameter(name).copy_(weight)

    def _one(self, weights: tuple[Tensor, ...], images: Tensor) -> Tensor:
        return functional_call(self.layout[0], dict(zip(self.names, weights)), (images,))


def _erm_of_each(stack: _Stack, batch: Batch) -> Tensor:
    """The empirical risks of all networks on their batches, added up; the stack notes the answers."""
    logits = stack(batch.images)
    stack.answers.scatter_(1, batch.index, logits.detach().argmax(dim=2).cpu().short())
    loss = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum")
    return loss / batch.labels.shape[1]


def _batches(
    images: Tensor, labels: Tensor, rows: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[Batch]:
    """`loop.batches` for many networks: images [M, B, …], labels and index [M, B], each network in its own order."""
    order = torch.rand(rows.shape, generator=generator).argsort(dim=1)
    for index in order.split(batch_size, dim=1):
        row = rows.gather(1, index)
        # index_select(0, row) is images[row], twice as fast on a CPU.
        taken = images.index_select(0, row.flatten().to(images.device)).view(*row.shape, *images.shape[1:])
        yield Batch(taken, labels.gather(1, index).to(images.device), index, generator)


def _check_many(models: Sequence[nn.Module], images: Tensor, labels: Tensor, rows: Tensor, watch: Tensor) -> None:
    """Name the argument that is wrong, before the first step."""
    if len(models) == 0:
        raise ValueError("models must hold at least one network, got none")
    layouts = [{name: weight.shape for name, weight in model.named_parameters()} for model in models]
    if any(layout != layouts[0] for layout in layouts):
        raise ValueError("models must all have the same layout, got different ones")
    if any(True for _ in models[0].buffers()):
        raise ValueError("models must have no buffers (BatchNorm's running averages are some): those cannot be stacked")
    for name, pictures in {"images": images, "watch": watch}.items():
        if not isinstance(pictures, Tensor) or pictures.dtype != torch.float32:
            found = pictures.dtype if isinstance(pictures, Tensor) else type(pictures).__name__
            raise ValueError(f"{name} must be a float32 tensor, got {found}")
    for name, table in {"rows": rows, "labels": labels}.items():
        if not isinstance(table, Tensor) or table.dtype != torch.int64 or table.dim() != 2 or len(table) != len(models):
            found = f"{table.dtype} {list(table.shape)}" if isinstance(table, Tensor) else type(table).__name__
            raise ValueError(f"{name} must be an int64 tensor [{len(models)} networks, n examples], got {found}")
    if labels.shape != rows.shape:
        raise ValueError(f"labels must be {list(rows.shape)}, one for each of rows, got {list(labels.shape)}")
    if not (rows.min() >= 0 and rows.max() < len(images)):
        raise ValueError(f"rows must lie in 0…{len(images) - 1}, got values from {rows.min()} to {rows.max()}")
