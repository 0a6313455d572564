"""Time and memory against the number of examples, 1,000 to 60,000.

Each sweep is a process of its own, `python -m benchmarks.growing WORK N N …`, which prints what it measured.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.measure import Row, seconds
from course_utils import biased, data, models, training

SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 60_000)
REPEATS = 3  # the quickest counts: what disturbs a short work makes it longer


class Sweep(NamedTuple):
    """One sweep over the sizes."""

    seconds: list[float]  # [sizes]
    peak: list[int]  # [sizes], bytes; all 0 where there is no /proc

    def straightness(self, sizes: Sequence[int]) -> float:
        """R² of a straight line through the seconds."""
        return float(np.corrcoef(sizes, self.seconds)[0, 1] ** 2)

    def exponent(self, sizes: Sequence[int]) -> float:
        """p, if the seconds grow like N^p: the slope of a line through the logarithms."""
        return float(np.polyfit(np.log(sizes), np.log(self.seconds), 1)[0])

    def bytes_each(self, sizes: Sequence[int]) -> float:
        """The slope of a line through the peaks."""
        return float(np.polyfit(sizes, self.peak, 1)[0])


def fit(n: int) -> Callable[[], object]:
    """An epoch on n images, which are there before."""
    images, labels = torch.rand(n, 1, 28, 28), torch.arange(n) % 10
    return lambda: training.fit(models.mlp(), images, labels, epochs=1, batch_size=256, show=False)


# For each work: from n to what is measured, and the bytes of an example's own tensors.
WORKS = {
    "fit": (fit, 4 * 784 + 8),
    "load_mnist": (lambda n: lambda: data.load_mnist(n=n), 4 * 784 + 8),
    "colored_mnist": (lambda n: lambda: biased.colored_mnist("train+validation", 0.01, n=n), 3 * 4 * 784 + 16),
}


def sweep(work: str, sizes: Sequence[int]) -> Sweep:
    """Measure a work at all sizes, in this process."""
    prepare, _ = WORKS[work]
    prepare(min(sizes))()  # imports and first calls do not count
    took, peaks = [], []
    for n in sizes:
        models.give_back_memory()
        forget_peak()
        doing = prepare(n)
        took.append(min(seconds(doing) for _ in range(REPEATS)))
        peaks.append(peak())
    return Sweep(took, peaks)


def forget_peak() -> None:
    """Let the peak of this process's memory be what it takes now. (Linux)"""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The highest memory of this process so far, in bytes; 0 where nobody tells."""
    status = Path("/proc/self/status")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) if status.exists() else 0


def apart(work: str, sizes: Sequence[int]) -> Sweep:
    """The same in a new process."""
    command = [sys.executable, "-m", "benchmarks.growing", work, *map(str, sizes)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return Sweep(**json.loads(found.stdout))


def growth(sizes: Sequence[int] = SIZES, turns: int = 3, measure: Callable = apart) -> Iterator[Row]:
    """Whether twice as many examples take twice as long and twice the memory."""
    for work, (_, own) in WORKS.items():
        sweeps = [measure(work, sizes) for _ in range(turns)]
        straight = [one.straightness(sizes) for one in sweeps]
        yield Row(f"`{work}`, seconds over 1k … 60k examples: R² of a straight line", straight, "≥ 0.98")
        if work == "fit":
            exponents = [one.exponent(sizes) for one in sweeps]
            yield Row("`fit`, seconds over 1k … 60k examples: exponent of a power law", exponents, "≤ 1.1")
        if all(one.peak[-1] for one in sweeps):
            ratios = [one.bytes_each(sizes) / own for one in sweeps]
            yield Row(f"`{work}`, peak memory an example more takes ÷ its own {own:,} bytes", ratios, "≤ 2")


BENCHMARKS = (growth,)

if __name__ == "__main__":
    print(json.dumps(sweep(sys.argv[1], [int(size) for size in sys.argv[2:]])._asdict()))
