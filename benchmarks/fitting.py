"""Training: one network, against a DataLoader, the bare step and the machine's own products; many networks at once."""

import gzip
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from functools import cache, partial
from io import StringIO
from pathlib import Path

import joblib
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor
from torchvision.transforms.v2 import MixUp

from benchmarks.measure import Row, in_turn, must_agree, weights
from course_utils import data, memorization, models, training
from course_utils.mixup import mixup, vicinity

BATCH = 256


def fitted(images: Tensor, labels: Tensor) -> nn.Module:
    """An epoch of `fit`; at a constant learning rate, as in `by_hand`."""
    model = models.mlp()
    training.fit(model, images, labels, epochs=1, batch_size=BATCH, schedule=training.constant, show=False)
    return model


def by_hand(batches: Iterable[tuple[Tensor, Tensor]]) -> nn.Module:
    """Forward, backward and step on these batches, and nothing else."""
    model = models.mlp()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for images, labels in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model


def against_torchvision(n: int = 30_000, turns: int = 5) -> Iterator[Row]:
    """The epoch as most tutorials write it: MNIST with ToTensor, and a DataLoader that shuffles."""
    images, labels = (part[:n] for part in data.load_mnist())
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, "MNIST", "raw")
        raw.mkdir(parents=True)
        for path in data.MNIST.glob("*.gz"):
            (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        theirs = MNIST(root, transform=ToTensor())
        theirs.data, theirs.targets = theirs.data[:n], theirs.targets[:n]
        loaders = [DataLoader(theirs, batch_size=BATCH, shuffle=True, num_workers=workers) for workers in (0, 2)]
        must_agree(next(iter(DataLoader(theirs, batch_size=BATCH)))[0], images[:BATCH], by=0)
        took = in_turn(
            turns,
            loader=lambda: by_hand(loaders[0]),
            workers=lambda: by_hand(loaders[1]),
            fit=lambda: fitted(images, labels),
        )
    yield Row("an epoch through torchvision and a DataLoader ÷ an epoch of `fit`", took.loader / took.fit, "≥ 8")
    yield Row("the same with two workers, on the second core ÷ an epoch of `fit`", took.workers / took.fit, "high")


def against_the_bare_step(n: int = 60_000, turns: int = 15) -> Iterator[Row]:
    """What the loop adds to its steps, and what the steps add to their products of matrices."""
    images, labels = (part[:n] for part in data.load_mnist())
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0)).split(BATCH)
    cut = [(images[index], labels[index]) for index in order]
    left, right = torch.randn(2, 1_024, 1_024)
    products = max(1, n // 5_000)

    must_agree(weights(by_hand(cut)), weights(fitted(images, labels)), by=0)
    took = in_turn(
        turns,
        fit=lambda: fitted(images, labels),
        shuffled=lambda: by_hand((images.index_select(0, index), labels[index]) for index in order),
        cut=lambda: by_hand(cut),
        products=lambda: [left @ right for _ in range(products)],
    )
    of_training = multiplications(models.mlp(), n) / took.fit
    of_products = products * 2 * 1_024**3 / took.products
    yield Row("an epoch of `fit` ÷ the bare steps on the same shuffled batches", took.fit / took.shuffled, "≤ 1.05")
    yield Row("an epoch of `fit` ÷ the bare steps on batches cut beforehand", took.fit / took.cut, "low")
    yield Row(
        "multiplications a second in `fit` ÷ in products of 1,024 × 1,024 matrices", of_training / of_products, "≥ 0.6"
    )


def multiplications(model: nn.Module, examples: int) -> int:
    """Floating point operations in the matrix products of an epoch: each linear layer's output, the gradient of its
    weights and, but for the first layer, the gradient of its input; 2 for each pair of numbers."""
    sizes = [layer.weight.numel() for layer in model if isinstance(layer, nn.Linear)]
    return 2 * examples * (3 * sum(sizes) - sizes[0])


def mixing(batches: int = 100, turns: int = 25) -> Iterator[Row]:
    """Mixup of a batch, weight and partners drawn, against torchvision's transform."""
    images, labels = data.load_mnist(n=BATCH)
    ours, theirs = vicinity(1.0), MixUp(num_classes=10)
    batch = training.Batch(images, labels, torch.arange(BATCH), torch.Generator().manual_seed(0))

    mixed, soft = theirs(images, labels)
    first = (labels != labels.roll(1)).nonzero()[0]  # its own label's share is the weight that was drawn
    lam = soft[first, labels[first]]
    for found, wanted in zip(mixup(images, labels, lam, torch.arange(BATCH).roll(1)), (mixed, soft)):
        must_agree(found, wanted, by=1e-6)
    took = in_turn(
        turns,
        ours=lambda: [ours(batch) for _ in range(batches)],
        theirs=lambda: [theirs(images, labels) for _ in range(batches)],
    )
    yield Row("mixup of a batch ÷ torchvision's MixUp of it", took.ours / took.theirs, "low")


@cache
def digits_and_rows(networks: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """n digits, and which random half of them each network gets; once in each process."""
    return *data.load_mnist(n=n), memorization.random_halves(networks, n, torch.Generator().manual_seed(0))


def one(number: int, networks: int, n: int) -> nn.Module:
    """One of some small networks, all by itself."""
    torch.set_num_threads(1)  # joblib's processes have more
    images, labels, rows = digits_and_rows(networks, n)
    net, part = models.mlp(hidden=(64,), seed=number), rows[number]
    training.fit(net, images[part], labels[part], batch_size=50, seed=number, show=False)
    return net


def many_networks(networks: int = 20, n: int = 2_000, turns: int = 5, processes: int = 2) -> Iterator[Row]:
    """Small networks on random halves of some digits, one after the other, in processes, and in `fit_many`."""
    images, labels, rows = digits_and_rows(networks, n)
    single = partial(one, networks=networks, n=n)

    def stacked() -> nn.Module:
        nets = [models.mlp(hidden=(64,), seed=number) for number in range(networks)]
        with redirect_stderr(StringIO()):  # its bar
            training.fit_many(nets, images, labels[rows], rows, batch_size=50)
        return nets[-1]

    must_agree(weights(stacked()), weights(single(networks - 1)), by=1e-3)
    with joblib.Parallel(n_jobs=processes) as pool:  # the first, uncounted run starts the processes
        took = in_turn(
            turns,
            alone=lambda: [single(number) for number in range(networks)],
            threads=lambda: training.side_by_side(single, range(networks)),
            pool=lambda: pool(joblib.delayed(single)(number) for number in range(networks)),
            stacked=stacked,
        )
    yield Row("20 small networks one after the other ÷ the same in `fit_many`", took.alone / took.stacked, "≥ 1.5")
    yield Row("20 small networks in two processes of joblib ÷ the same in `fit_many`", took.pool / took.stacked, "≥ 1")
    yield Row("20 small networks in `side_by_side` ÷ the same in `fit_many`", took.threads / took.stacked, "≥ 1")


def side_by_side(n: int = 10_000, turns: int = 5, threads: int = 2) -> Iterator[Row]:
    """Four networks on two cores, and one of them all by itself."""
    images, labels = data.load_mnist(n=n)

    def train(seed: int) -> None:
        training.fit(models.mlp(seed=seed), images, labels, epochs=3, seed=seed, show=False)

    def with_two_threads(seeds: int) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        for seed in range(seeds):
            train(seed)
        torch.set_num_threads(before)

    took = in_turn(
        turns,
        four=lambda: training.side_by_side(train, range(4)),
        four_in_turn=lambda: with_two_threads(4),
        one=lambda: train(0),
        one_on_two=lambda: with_two_threads(1),
    )
    yield Row("four networks side by side ÷ in turn with two threads each", took.four / took.four_in_turn, "≤ 1.1")
    yield Row("one network, one thread ÷ two threads", took.one / took.one_on_two, "low")


BENCHMARKS = (against_torchvision, against_the_bare_step, mixing, many_networks, side_by_side)
