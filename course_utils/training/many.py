"""`fit_many`: the same loop for many small networks at once.

Each network does what it would do alone: the losses are added up, and no loss depends on another network's weights.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import progress, require
from course_utils.metrics import outputs
from course_utils.models import chosen_device, draws_globally, give_back_memory, seeded
from course_utils.training.loop import (
    Batch,
    Pace,
    Schedule,
    Vicinity,
    check_recipe,
    check_trainable,
    one_cycle,
    take,
    train_epoch,
)
from course_utils.training.stack import Stack, check_alike
from course_utils.training.together import is_beside_others, side_by_side

TOGETHER = 10  # networks in one stack: twice as many gain a few per cent, and need 50 MB more


class Record(NamedTuple):
    """What M networks answered while they were trained, each on n examples of its own."""

    # [epochs, M, n] int16: the class given to each training example, in its batch, before the step. With a vicinity:
    # to what stood in its place there, which says little about the example itself.
    seen: Tensor
    watched: Tensor  # [epochs, M, W] int16: the class given to each watched image, after each epoch


def _check_networks(models: Sequence[nn.Module]) -> None:
    check_alike(models, "models")
    for model in models:
        check_trainable(model, "models")


def _check_examples(models: Sequence[nn.Module], images: Tensor, labels: Tensor, rows: Tensor) -> None:
    wanted = f"int64 [{len(models)}, n]"
    require.tensors(images=(images, "float32 [N, …]"))
    require.tensors(rows=(rows, wanted), labels=(labels, wanted))
    require.labels(labels.flatten(), classes=outputs(models[0], images[:1]).shape[-1])
    require.labels(rows.flatten(), classes=len(images), name="rows")


def _check_vicinities(vicinities: Sequence[Vicinity] | None, models: Sequence[nn.Module]) -> None:
    if vicinities is None:
        return
    if not isinstance(vicinities, Sequence) or len(vicinities) != len(models):
        raise ValueError(f"vicinities must be {len(models)}, one for each network, got {require.what(vicinities)}")
    for vicinity in vicinities:
        require.function(vicinities=vicinity)


def _check_watch(watch: Tensor | None, images: Tensor) -> None:
    if watch is None:
        return
    wanted = ", ".join(["W", *map(str, images.shape[1:])])
    require.tensors(images=(images, "float32 [N, …]"), watch=(watch, f"float32 [{wanted}]"))
    require.finite(watch=watch)


@require.checked(_check_networks, _check_examples, check_recipe, _check_vicinities, _check_watch)
def fit_many(
    models: Sequence[nn.Module],
    images: Tensor,
    labels: Tensor,
    rows: Tensor,
    *,
    epochs: int = 10,
    lr: float = 1e-3,
    batch_size: int = 128,
    weight_decay: float = 0.0,
    schedule: Schedule = one_cycle,
    vicinities: Sequence[Vicinity] | None = None,
    seed: int = 0,
    watch: Tensor | None = None,
) -> Record:
    """Train many networks of one layout with ERM and Adam, each on its own examples or what lies near them.

    Network m ends up as after `fit(models[m], images[rows[m]], labels[m], seed=seed + m, …)`, whatever the others
    are. (With dropout that is so on average only: its draws are made for some networks at once.)

    Args:
        models: M networks that differ in nothing but their weights, without BatchNorm. Their parameters change.
        images: [N, …] float32, what all networks take their examples from.
        labels: [M, n] int64: `labels[m, i]` is what network m is told about its i-th example.
        rows: [M, n] int64 in 0…N − 1: the i-th example of network m is `images[rows[m, i]]`.
        epochs, lr, batch_size, weight_decay, schedule: as in `fit`.
        vicinities: for each network, from its batch to the batch that its step is taken on, with soft labels [B, K],
            for instance `mixup.vicinity(alpha)`. Network m then ends up as after `fit` with the loss
            `lambda model, batch: erm(model, vicinities[m](batch))`. They draw from `batch.generator` and nothing else.
            `None` for the examples themselves.
        seed: network m draws the order of its examples from `seed + m`.
        watch: [W, …] float32, images that every network is asked about after each epoch; `None` for none.

    Returns:
        the networks' answers on the way. An interrupt is passed on: half a comparison is none.

    Raises:
        FloatingPointError: the loss became infinite or NaN; the message says at which step.
    """
    watch = images[:0] if watch is None else watch
    images, labels, rows = images.detach().to(chosen_device()), labels.cpu(), rows.cpu()
    steps = epochs * math.ceil(rows.shape[1] / batch_size)
    seen = torch.empty(epochs, *rows.shape, dtype=torch.int16)
    watched = torch.empty(epochs, len(models), len(watch), dtype=torch.int16)

    def train(part: slice) -> None:
        stack = _Asked(models[part], examples=rows.shape[1])
        generators = [torch.Generator().manual_seed(int(seed) + m) for m in range(part.start, part.stop)]
        optimizer = torch.optim.Adam(stack.weights.values(), lr=lr, weight_decay=weight_decay, fused=True)
        pace = Pace(optimizer, lr, schedule, steps, bar)
        for epoch in range(epochs):
            stack.train()
            own = _batches(images, labels[part], rows[part], batch_size, generators)
            near = own if vicinities is None else _moved(own, vicinities[part], generators)
            train_epoch(stack, pace.sound(_erm_of_each), pace.through(near), optimizer)
            seen[epoch, part] = stack.answers
            watched[epoch, part] = stack.answer(watch)
        stack.unpack()

    groups = _groups(len(models))
    steps_of_all = steps * len(groups)

    def how_far(done: int) -> str:
        return f"{len(models)} networks: {100 * done // steps_of_all} % done"

    with progress.bar(steps_of_all, how_far) as bar:
        if draws_globally(models[0]):  # one stream of draws for all of them
            with seeded(seed):
                for part in groups:
                    train(part)
        else:
            side_by_side(train, groups)
    give_back_memory()
    return Record(seen, watched)


def _groups(networks: int) -> list[slice]:
    """Which networks are trained in one stack: an even number of groups, so that two cores have as much to do (or any
    number, if other work is on the other core). Groups are the same on every machine, so numbers are the same too."""
    step = 1 if is_beside_others() else 2
    count = min(networks, step * math.ceil(networks / (step * TOGETHER)))
    return [slice(a, b) for a, b in pairwise(networks * k // count for k in range(count + 1))]


def by_epoch(**measures: Tensor) -> pd.DataFrame:
    """Measurements over a training as a table to draw: one row for each epoch and network.

    Args:
        measures: for each name, [epochs, M], all of one shape; a `_` in a name becomes a space.

    Returns:
        columns epoch (from 1), network (from 0) and one for each measure.
    """
    if not measures:
        raise ValueError("measures must be at least one, as in by_epoch(test=...), got none")
    asked: dict[str, Any] = {name: (measure, "any [epochs, networks]") for name, measure in measures.items()}
    require.tensors(**asked)
    shape = next(iter(measures.values())).shape
    rows = pd.MultiIndex.from_product([range(1, shape[0] + 1), range(shape[1])], names=["epoch", "network"])
    columns = {name.replace("_", " "): measure.flatten().tolist() for name, measure in measures.items()}
    return pd.DataFrame(columns, index=rows).reset_index()


class _Asked(Stack):
    """A stack that notes what class its networks gave to each of their examples."""

    def __init__(self, networks: Sequence[nn.Module], examples: int) -> None:
        super().__init__(networks)
        self.answers = torch.empty(len(networks), examples, dtype=torch.int16)

    def answer(self, images: Tensor) -> Tensor:
        """Classes [M, W] int16 on the CPU, in eval mode; images [W, …], the same for all."""
        self.eval()
        with torch.no_grad():
            parts = [self(part.to(chosen_device()), each=None).argmax(dim=2) for part in images.split(128)]
        return torch.cat(parts, dim=1).cpu().short()


def _erm_of_each(stack: _Asked, batch: Batch) -> Tensor:
    """The empirical risks of all networks on their batches, added up; the stack notes the answers."""
    logits = stack(batch.images)
    stack.answers.scatter_(1, batch.index, logits.detach().argmax(dim=2).cpu().short())
    loss = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(0, 1), reduction="sum")
    return loss / batch.labels.shape[1]


def _batches(
    images: Tensor, labels: Tensor, rows: Tensor, batch_size: int, generators: Sequence[torch.Generator]
) -> Iterator[Batch]:
    """`loop.batches` for many networks: images [M, B, …], labels and index [M, B], each network in its own order."""
    order = torch.stack([torch.randperm(rows.shape[1], generator=generator) for generator in generators])
    for index in order.split(int(batch_size), dim=1):
        row = rows.gather(1, index)
        taken = take(images, row.flatten().to(images.device)).view(*row.shape, *images.shape[1:])
        yield Batch(taken, labels.gather(1, index).to(images.device), index, generators[0])


def _moved(
    batches: Iterable[Batch], vicinities: Sequence[Vicinity], generators: Sequence[torch.Generator]
) -> Iterator[Batch]:
    """Each network's part of each batch, moved into its own vicinity: labels [M, B, K]."""
    for batch in batches:
        parts = zip(vicinities, batch.images, batch.labels, batch.index, generators, strict=True)
        near = [move(Batch(*own)) for move, *own in parts]
        if not all(batch.labels.is_floating_point() for batch in near):
            raise ValueError("vicinities must all return soft labels [B, K], got class numbers from some")
        images, labels = (torch.stack(part) for part in list(zip(*near))[:2])
        yield batch._replace(images=images, labels=labels)
