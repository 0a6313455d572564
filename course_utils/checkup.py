"""Does this installation work? One line for each thing the course needs, and what to do where it fails."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from jupyter_core.paths import jupyter_path
from packaging.requirements import Requirement

from course_utils import data, models, training

PACKAGE = "beyond-training-error"
INSTALL = "close JupyterLab and run `make lab` again (docs/install.md has the same as plain commands)"
BOUNDS = {">=": "{} or newer", "<": "below {}"}  # in words


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    ok: bool
    found: str
    mend: str

    def __str__(self) -> str:
        return f"✓ {self.found}" if self.ok else f"✗ {self.found}\n    → {self.mend}"


def checkup() -> bool:
    """Print what works and what does not, with what to do about it. True if everything works."""
    all_ok = True
    for look in (_python, _packages, _data, _device, _training, _sliders):
        try:
            lines = list(look())
        except Exception as error:  # the page must go on to the next thing
            lines = [Line(False, f"{look.__name__.strip('_')}: {error}", INSTALL)]
        for line in lines:
            print(line)
            all_ok &= line.ok
    return all_ok


def _python() -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    mend = f"install Python 3.10 or newer, then {INSTALL}"
    yield Line(sys.version_info >= (3, 10), f"Python {version} (3.10 or newer)", mend)


def _packages() -> Iterator[Line]:
    try:
        required = [Requirement(line) for line in metadata.requires(PACKAGE) or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        yield Line(False, "the course's package is not installed", INSTALL)
        return
    for requirement in required:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Line(False, f"{requirement.name} is missing", INSTALL)
            continue
        bounds = sorted(requirement.specifier, key=str, reverse=True)  # >=, then <
        words = ", ".join(BOUNDS[bound.operator].format(bound.version) for bound in bounds)
        ok = requirement.specifier.contains(version, prereleases=True)
        yield Line(ok, f"{requirement.name} {version} ({words})", INSTALL)


def _data() -> Iterator[Line]:
    try:
        counts = [len(data.load_mnist(split)[1]) for split in ("train", "test")]
    except data.DataFileError as error:
        yield Line(False, str(error), "see the last line above")
        return
    yield Line(True, f"data: {counts[0]:,} + {counts[1]:,} digits, every checksum right", "")


def _device() -> Iterator[Line]:
    threads, cores = torch.get_num_threads(), training.cores()
    found = f"device: {models.chosen_device()}; threads for one computation: {threads}; side by side: {cores}"
    yield Line(True, found, "")


def _training() -> Iterator[Line]:
    start = time.perf_counter()
    model = models.mlp()
    images, labels = data.load_mnist(n=20_000)
    history = training.fit(model, images, labels, epochs=4, validation=data.load_mnist("test", n=2_000))
    score, seconds = history.rows[-1]["validation_accuracy"], time.perf_counter() - start
    # A slow machine still works, so the time is said and not judged.
    slow = " (usually 2 to 5 s: another program is using the processor)" if seconds > 15 else ""
    found = f"training: {score:.0%} of 2,000 unseen digits right (needs 90 %) after {seconds:.0f} s{slow}"
    yield Line(score > 0.9, found, "restart the kernel and run this cell again")


def _sliders() -> Iterator[Line]:
    manager = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager")
    found = any((Path(folder) / manager).is_dir() for folder in jupyter_path())
    mend = f"sliders would show as text: run `pip install --force-reinstall jupyterlab_widgets`, or {INSTALL}"
    yield Line(found, "sliders: JupyterLab's widget manager is " + ("there" if found else "missing"), mend)
