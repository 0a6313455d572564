"""The machine: beside a busy neighbour, and what an import costs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

from benchmarks.measure import Row, in_turn, seconds
from course_utils import data, models, training


@contextmanager
def busy(neighbours: int) -> Iterator[None]:
    """Processes that keep a core busy each, as long as the block lasts."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(neighbours)]
    sleep(0.1)  # until they run
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def beside_neighbours(n: int = 10_000, turns: int = 5) -> Iterator[Row]:
    """Three epochs of one network, and of four side by side, beside endless loops ÷ just before without."""
    images, labels = data.load_mnist(n=n)
    half = n // 2

    def connected(seed: int) -> None:
        training.fit(models.mlp(seed=seed), images, labels, epochs=3, seed=seed, show=False)

    def convolutional(seed: int) -> None:
        training.fit(models.small_cnn(seed=seed), images[:half], labels[:half], epochs=3, seed=seed, show=False)

    works = {
        "one training": lambda: connected(0),
        "one training of a convolutional network": lambda: convolutional(0),
        "four trainings side by side": lambda: training.side_by_side(connected, range(4)),
    }
    for name, work in works.items():
        work()
        ratios = {1: [], 2: []}
        for _ in range(turns):
            quiet = seconds(work)
            for neighbours in ratios:
                with busy(neighbours):
                    ratios[neighbours].append(seconds(work) / quiet)
        for neighbours, goal in ((1, "≤ 2.5"), (2, "≤ 3.5")):
            loops = "one endless loop" if neighbours == 1 else "two endless loops"
            yield Row(f"{name} beside {loops} ÷ on a quiet machine", ratios[neighbours], goal)


def imports(first: str = "import torch", turns: int = 7) -> Iterator[Row]:
    """A new Python that imports the course besides."""

    def start(statement: str) -> None:
        subprocess.run([sys.executable, "-c", statement], check=True)

    took = in_turn(turns, course=lambda: start(f"import course_utils; {first}"), without=lambda: start(first))
    yield Row("`import course_utils` and `import torch` ÷ `import torch`", took.course / took.without, "≤ 1.1")


BENCHMARKS = (beside_neighbours, imports)
