"""Small networks, plain `nn.Sequential`, with weights drawn from a seed.

Models take images in [0, 1]; any normalisation is the model's first layer.
"""

import copy
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from course_utils import require
from course_utils.lean import give_back_memory as give_back_memory


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core inside the block; as `@one_thread()`, inside the function.

    Two threads on tiny batches gain nothing, and wait for each other when another program needs a core.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


DEVICE = "COURSE_DEVICE"


def chosen_device() -> torch.device:
    """Where networks are trained: on the CPU, or where the environment variable COURSE_DEVICE says (cuda, mps).

    For networks as small as the course's a GPU gains little (0.4 s where one core took 0.6): its steps are over sooner
    than Python can ask for them, and two cores side by side do as well.

    Raises:
        ValueError: PyTorch finds no such device here.
    """
    name = os.environ.get(DEVICE) or "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise ValueError(f"{DEVICE} must name a device of this machine (cpu, cuda, mps), got {name!r}: {why}") from None
    return device


# PyTorch has one global generator for all threads. While one draws from a seed, the others must wait.
_GLOBAL_GENERATOR = threading.RLock()
_HERE = threading.local()


@require.checked(lambda seed: require.whole(0, seed=seed))
@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` inside the block, and leave the CPU's global generator as it was.

    For the draws that take no generator of their own: initial weights, dropout.
    """
    before = holds_global_generator()
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        _HERE.holds = True
        try:
            yield
        finally:
            _HERE.holds = before


def holds_global_generator() -> bool:
    """Whether this thread is inside `seeded`."""
    return getattr(_HERE, "holds", False)


def draws_globally(model: nn.Module) -> bool:
    """Whether the model's layers draw from the global generator when they are trained, as dropout does."""
    require.network(model)
    return any(isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0 for layer in model.modules())


def mlp(
    inputs: int = 784,
    hidden: Sequence[int] = (100, 100, 100),
    classes: int = 10,
    seed: int = 0,
    dropout: float = 0.0,
) -> nn.Sequential:
    """A fully connected network with ReLU between its layers.

    Args:
        inputs: numbers in one example: 784 for a 28 × 28 image, 2 for a point in the plane.
        hidden: width of each hidden layer; `()` gives a linear model.
        classes: number of classes K.
        seed: draws the initial weights.
        dropout: the probability, in [0, 1), with which each hidden unit is silenced in training (Srivastava et
            al., JMLR 2014).

    Returns:
        a model from [N, …] (flattened to [N, inputs]) to logits [N, K].
    """
    _check_mlp(inputs, hidden, classes, dropout)
    sizes = [inputs, *hidden, classes]
    layers: list[nn.Module] = [nn.Flatten()]
    with seeded(seed):
        for size, following in zip(sizes, sizes[1:-1]):
            layers += [nn.Linear(size, following), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        return nn.Sequential(*layers, nn.Linear(sizes[-2], classes))


def _check_mlp(inputs: int, hidden: Sequence[int], classes: int, dropout: float) -> None:
    require.whole(inputs=inputs, classes=classes)
    if not isinstance(hidden, Sequence):
        raise ValueError(f"hidden must be a list of widths, such as (100, 100) or (), got {require.what(hidden)}")
    for width in hidden:
        require.whole(hidden=width)
    require.between(0, 1, dropout=dropout)
    if dropout == 1:
        raise ValueError("dropout must be below 1, got 1: nothing would be left")


def small_cnn(channels: int = 1, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """Two convolutions of stride 2 and two fully connected layers, with ReLU between: small, and quick on a CPU.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        classes: number of classes K.
        seed: draws the initial weights.

    Returns:
        a model from images [N, channels, 28, 28] to logits [N, K]; 105,866 parameters as it stands.
    """
    require.whole(channels=channels, classes=classes)
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, classes),
        )  # fmt: skip


def encoder(channels: int = 3, dimensions: int = 16, seed: int = 0) -> nn.Sequential:
    """Two convolutions of stride 2, averaged over the whole picture, and a linear layer: an embedding of length 1.

    The average forgets where anything was: such a network sees colour and texture well, and hardly any shape.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        dimensions: D, the numbers in an embedding.
        seed: draws the initial weights.

    Returns:
        a model from images [N, channels, H, W] to embeddings [N, D].
    """
    require.whole(channels=channels, dimensions=dimensions)
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, dimensions), UnitLength(),
        )  # fmt: skip


def scene_cnn(classes: int = 4, seed: int = 0) -> nn.Sequential:
    """Three convolutions of stride 2, each with BatchNorm and ReLU, and a linear layer: for colour images of 32 × 32.

    Without BatchNorm it needs more than four times as many epochs for the fish of chapter 07.

    Args:
        classes: number of classes K.
        seed: draws the initial weights.

    Returns:
        a model from images [N, 3, 32, 32] to logits [N, K].
    """
    require.whole(classes=classes)
    with seeded(seed):
        net = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * 4 * 4, classes),
        )  # fmt: skip
    return net.to(memory_format=torch.channels_last)  # an eighth quicker, on images that lie so in memory


POOLING = {"maximum": nn.AdaptiveMaxPool2d, "average": nn.AdaptiveAvgPool2d}


def scene_encoder(pool: str = "maximum", dimensions: int = 16, seed: int = 0) -> nn.Sequential:
    """Three convolutions with BatchNorm and ReLU, pooled over the whole image, and a linear layer: an embedding of
    length 1.

    Args:
        pool: "maximum", each feature where it is strongest, or "average", each over all places.
        dimensions: D, the numbers in an embedding.
        seed: draws the initial weights; the same for both kinds of pooling.

    Returns:
        a model from images [N, 3, H, W] to embeddings [N, D].
    """
    require.one_of(POOLING, pool=pool)
    require.whole(dimensions=dimensions)
    with seeded(seed):
        net = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            POOLING[pool](1), nn.Flatten(), nn.Linear(32, dimensions), UnitLength(),
        )  # fmt: skip
    return net.to(memory_format=torch.channels_last)


class UnitLength(nn.Module):
    """Scales each row to length 1, so that the product of two rows is the cosine between them."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """[N, D] to [N, D]."""
        return nn.functional.normalize(rows, dim=1)


def frozen_copy(model: nn.Module) -> nn.Module:
    """The model as it is now, for later: training goes on without changing the copy."""
    require.network(model)
    return copy.deepcopy(model).requires_grad_(False)


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    require.network(model)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
