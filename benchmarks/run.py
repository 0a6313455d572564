"""What the course's way of doing things costs or saves, as ratios in one run: `make bench`.

Each comparison runs its two sides in turn, several times, and quotes the median of the pairwise ratios, so
that a machine whose speed drifts disturbs both sides alike.
"""

import gzip
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import course_utils  # noqa: F401  # before torch: it says how many threads PyTorch uses

# isort: split
import foolbox
import joblib
import nbformat
import torch
import torchattacks
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor
from torchvision.transforms.v2 import MixUp

from course_utils import attacks, biased, data, memorization, models, reproduce, selecmix, training
from course_utils.mixup import vicinity
from course_utils.notebooks import execute, find

BATCH = 256
Work = Callable[[], object]


def seconds(work: Work) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(numerator: Work, denominator: Work, repeats: int) -> tuple[float, float]:
    """(median of the pairwise ratios, median seconds of the numerator), after one uncounted run of each."""
    numerator(), denominator()
    pairs = [(seconds(numerator), seconds(denominator)) for _ in range(repeats)]
    return statistics.median(a / b for a, b in pairs), statistics.median(a for a, _ in pairs)


def steps_by_hand(batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Forward, backward and step on these batches, and nothing else."""
    model = models.mlp()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for images, labels in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def against_torchvision(fit: Work) -> tuple[float, float]:
    """The epoch as most tutorials write it, over MNIST with ToTensor and a DataLoader that shuffles, ÷ `fit`."""
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, "MNIST", "raw")
        raw.mkdir(parents=True)
        for path in data.MNIST.glob("*.gz"):
            (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        loader = DataLoader(MNIST(root, transform=ToTensor()), batch_size=BATCH, shuffle=True)
        return compare(lambda: steps_by_hand(loader), fit, repeats=5)


def against_hand(fit: Work, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """`fit` ÷ the same steps on the same shuffled batches, and `fit` ÷ the steps on batches cut beforehand."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).split(BATCH)
    cut = [(images[index], labels[index]) for index in order]
    by_hand, _ = compare(
        fit, lambda: steps_by_hand((images.index_select(0, index), labels[index]) for index in order), repeats=25
    )
    on_cut, _ = compare(fit, lambda: steps_by_hand(cut), repeats=25)
    return by_hand, on_cut


def many_networks() -> dict[str, float]:
    """Forty networks on random halves of 2,000 images, in three ways, each ÷ `fit_many`."""
    images, labels = data.load_mnist(n=2_000)
    rows = memorization.random_halves(40, 2_000, torch.Generator().manual_seed(0))

    def one(number: int) -> None:
        torch.set_num_threads(1)  # two threads on so small a step do not pay
        net, part = models.mlp(hidden=(64,), seed=number), rows[number]
        training.fit(net, images[part], labels[part], batch_size=50, seed=number, show=False)

    def in_a_loop() -> None:
        with models.one_thread():
            for number in range(40):
                one(number)

    def in_processes() -> None:
        # The first, uncounted run starts the processes; the later ones find them running.
        joblib.Parallel(n_jobs=2)(joblib.delayed(one)(number) for number in range(40))

    def stacked() -> None:
        nets = [models.mlp(hidden=(64,), seed=number) for number in range(40)]
        training.fit_many(nets, images, labels[rows], rows, batch_size=50)

    ways = {"one after the other, one thread": in_a_loop, "two processes of joblib, one thread each": in_processes}
    return {name: compare(way, stacked, repeats=5)[0] for name, way in ways.items()}


def mixing(images: Tensor, labels: Tensor) -> float:
    """Mixup of a batch, weight and partners drawn ÷ torchvision's transform, a hundred batches each."""
    batch = training.Batch(images[:BATCH], labels[:BATCH], torch.arange(BATCH), torch.Generator().manual_seed(0))
    ours, theirs = vicinity(1.0), MixUp(num_classes=10)
    return compare(
        lambda: [ours(batch) for _ in range(100)],
        lambda: [theirs(batch.images, batch.labels) for _ in range(100)],
        repeats=25,
    )[0]


def attacking(images: Tensor, labels: Tensor) -> dict[str, float]:
    """PGD with 40 steps on two batches by torchattacks and by foolbox ÷ the same by the course."""
    net, images, labels = models.small_cnn().eval(), images[: 2 * BATCH], labels[: 2 * BATCH]
    wrapped = foolbox.PyTorchModel(net, bounds=(0, 1), device=images.device)
    theirs = {
        "torchattacks": torchattacks.PGD(net, eps=0.3, alpha=0.02, steps=40, random_start=False),
        "foolbox": partial(
            foolbox.attacks.LinfPGD(abs_stepsize=0.02, steps=40, random_start=False), wrapped, epsilons=0.3
        ),
    }

    def ours() -> None:
        attacks.pgd(net, images, labels, eps=0.3, alpha=0.02, steps=40)

    return {name: compare(lambda w=work: w(images, labels), ours, repeats=9)[0] for name, work in theirs.items()}


def pairing() -> dict[str, float]:
    """Partners for a batch in a pool of 8,192, by tables of all pairs ÷ as SelecMix looks for them."""
    generator = torch.Generator().manual_seed(0)
    labels, bias = torch.randint(10, (2, 20_000), generator=generator)
    embeddings = F.normalize(torch.randn(20_000, 16, generator=generator), dim=1)
    rows, pool = torch.arange(BATCH), torch.randint(20_000, (8_192,), generator=generator)

    def similar() -> None:
        similarity = embeddings[rows] @ embeddings[pool].T
        torch.where(labels[rows, None] == labels[pool], similarity, torch.inf).argmin(dim=1)

    def known() -> None:
        allowed = (labels[rows, None] == labels[pool]) & (bias[rows, None] != bias[pool])
        torch.where(allowed, torch.rand(allowed.shape, generator=generator), -1).argmax(dim=1)

    quick = {"similarity": selecmix.by_similarity(embeddings, labels), "bias": selecmix.by_bias(labels, bias)}
    return {
        name: compare(table, partial(quick[name], rows, pool, "positive", generator), repeats=25)[0]
        for name, table in {"similarity": similar, "bias": known}.items()
    }


def drawing() -> tuple[float, float]:
    """(500 fish rendered one at a time ÷ together, seconds for a data set of 20,000)."""
    scene = biased.fish_and_hand("train", 500, 0.01, None).scene
    single = [{name: values[k : k + 1] for name, values in scene.items()} for k in range(500)]
    ratio, _ = compare(lambda: [biased.render(one) for one in single], lambda: biased.render(scene), 3)
    return ratio, seconds(lambda: biased.fish_and_hand("train", 20_000, 0.01, None))


def two_runs() -> float:
    """Two runs of the grid one after the other, each on all cores ÷ side by side, each on one core."""
    cells = [reproduce.Run("ours", "erm", 0.05, 0.0, seed) for seed in range(2)]

    def side_by_side() -> None:
        joblib.Parallel(n_jobs=2)(joblib.delayed(reproduce.alone_on_a_core)(reproduce.run, cell) for cell in cells)

    return compare(lambda: [reproduce.run(cell) for cell in cells], side_by_side, repeats=1)[0]


def import_cost() -> float:
    """Seconds that `import course_utils` adds to `import torch`."""

    def start_up(statement: str) -> None:
        subprocess.run([sys.executable, "-c", statement], check=True)

    with_course, without = "import torch, course_utils", "import torch"
    pairs = [(seconds(lambda: start_up(with_course)), seconds(lambda: start_up(without))) for _ in range(9)]
    return statistics.median(a - b for a, b in pairs)


def busy_neighbours(images: Tensor, labels: Tensor) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Three epochs of one network, and of four side by side, beside one, two and three processes that keep a core busy
    each, ÷ the same on the quiet machine; and what one thread costs or saves on the quiet one."""
    few = images[:10_000], labels[:10_000]
    small = images[:5_000], labels[:5_000]
    torch.set_num_threads(1)  # whatever the environment says: this is what is compared

    def train(seed: int) -> None:
        training.fit(models.mlp(seed=seed), *few, epochs=3, seed=seed, show=False)

    def train_conv(seed: int) -> None:
        training.fit(models.small_cnn(seed=seed), *small, epochs=3, seed=seed, show=False)

    def in_turn(work: Callable[[int], None], seeds: Iterable[int] = range(4)) -> None:
        torch.set_num_threads(2)
        for seed in seeds:
            work(seed)
        torch.set_num_threads(1)

    works = {
        "one training, fully connected": partial(train, 0),
        "one training, convolutional": partial(train_conv, 0),
        "four seeds side by side, fully connected": lambda: training.side_by_side(train, range(4)),
        "four seeds side by side, convolutional": lambda: training.side_by_side(train_conv, range(4)),
    }
    quiet = {name: statistics.median(seconds(work) for _ in range(5)) for name, work in works.items()}
    ratios: dict[str, list[float]] = {name: [] for name in works}
    for count in (1, 2, 3):
        neighbours = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        try:
            for name, work in works.items():
                ratios[name].append(statistics.median(seconds(work) for _ in range(5)) / quiet[name])
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
    costs = {}
    for kind, work in {"fully connected": train, "convolutional": train_conv}.items():
        four = works[f"four seeds side by side, {kind}"]
        costs[f"four seeds side by side ÷ in turn with two threads each, quiet, {kind}"] = compare(
            four, partial(in_turn, work), repeats=5
        )[0]
        costs[f"a training all by itself, one thread ÷ two, quiet, {kind}"] = compare(
            partial(work, 0), partial(in_turn, work, [0]), repeats=5
        )[0]
    return ratios, costs


# Run in the kernel after a notebook's cells, with its sliders still there.
PEAK = "print(open('/proc/self/status').read())"
SLIDERS = """
import gc, time
from course_utils.widgets.slider import SliderFigure
for slider in [s for w in gc.get_objects() if type(w) is SliderFigure for s in w.sliders.values()]:
    start = time.perf_counter()
    slider.index = (slider.index + 1) % len(slider.options)
    print(time.perf_counter() - start)
"""


def run_notebook(path: Path) -> tuple[float, float, list[float]]:
    """(seconds; the kernel's peak memory in MiB, Linux only; the seconds that a step of each slider takes)."""
    book = nbformat.read(path, as_version=4)
    book.cells += [nbformat.v4.new_code_cell(source) for source in (PEAK, SLIDERS)]
    took = seconds(lambda: execute(book))
    peak = re.search(r"VmHWM:\s+(\d+) kB", book.cells[-2].outputs[0].text).group(1)
    steps = [float(line) for output in book.cells[-1].outputs for line in output.text.split()]
    return took - sum(steps), int(peak) / 1024, steps


def main(numbers: list[str]) -> None:
    """Print the table of benchmarks/README.md; the notebooks can be named, as in `run.py 01`."""
    images, labels = data.load_mnist()

    def fit() -> None:
        training.fit(models.mlp(), images, labels, epochs=1, batch_size=BATCH, show=False)

    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, batches of {BATCH}\n")
    print("| what | measured | must be |\n|---|---|---|")
    value, took = against_torchvision(fit)
    print(f"| an epoch through torchvision and a DataLoader ({took:.1f} s) ÷ an epoch of `fit` | {value:.1f} | ≥ 8 |")
    by_hand, on_cut = against_hand(fit, images, labels)
    print(f"| an epoch of `fit` ÷ the bare steps on the same shuffled batches | {by_hand:.3f} | ≤ 1.05 |")
    print(f"| the same ÷ the bare steps on batches cut beforehand: what shuffling costs | {on_cut:.3f} | |")
    for way, ratio in many_networks().items():
        print(f"| 40 small networks {way} ÷ the same in `fit_many` | {ratio:.1f} | > 1 |")
    print(f"| mixup of a batch ÷ torchvision's MixUp of it | {mixing(images, labels):.2f} | |")
    for library, ratio in attacking(images, labels).items():
        print(f"| PGD, 40 steps on two batches: {library} ÷ the course's `pgd` | {ratio:.2f} | ≥ 1 |")
    for by, ratio in pairing().items():
        print(f"| partners by {by} among 8,192: from a table of all pairs ÷ as SelecMix does | {ratio:.1f} | > 1 |")
    value, took = drawing()
    print(f"| 500 fish rendered one at a time ÷ together | {value:.1f} | > 1 |")
    print(f"| 20,000 images of Fish & Hand of 32 × 32, drawn and rendered | {took:.1f} s | ≤ 10 s |")
    ratios, costs = busy_neighbours(images, labels)
    for name, (one, two, three) in ratios.items():
        measured = f"{one:.1f}, {two:.1f}, {three:.1f}"
        print(f"| {name}: beside 1, 2, 3 busy processes ÷ quiet | {measured} | ≤ 2.5, 3.5, 4.5 |")
    for name, ratio in costs.items():
        print(f"| {name} | {ratio:.2f} | {'≤ 1.1' if 'four' in name else ''} |")
    print(f"| two runs of `reproduce` one after the other ÷ side by side on one core each | {two_runs():.2f} | > 1 |")
    took = seconds(lambda: reproduce.run(reproduce.Run("ours", "selecmix", 0.01, 0.0, 0)))
    print(f"| one run of SelecMix on 60,000 digits, to its final accuracy | {took:.0f} s | ≤ 60 s |")
    print(f"| `import course_utils` after `import torch` | {import_cost():+.2f} s | ≤ 0.2 s |")
    for path in find(numbers):
        took, peak, steps = run_notebook(path)
        print(f"| `{path.name}` from top to bottom | {took:.0f} s, {peak:.0f} MiB | ≤ 180 s, ≤ 1,024 MiB |")
        if steps:
            print(f"| the slowest of its sliders ({len(steps)}) to a new picture | {max(steps):.2f} s | ≤ 1 s |")


if __name__ == "__main__":
    main(sys.argv[1:])
