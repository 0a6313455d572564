"""Minutes and memory of the notebooks. To run them all takes longer than all the rest, so that is done when it is asked
for, and the table quotes what is stored in chapters.jsonl."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import torch

from benchmarks.measure import Row, multiplying, seconds
from course_utils.notebooks import CHAPTERS, execute, find

STORED = Path(__file__).with_name("chapters.jsonl")

# Run in the kernel after a notebook's cells, with its sliders still there. (Linux only.)
KERNEL = """
import re, time
print(time.process_time(), int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""
SLIDERS = """
import gc
from course_utils.widgets.slider import SliderFigure
print(0)
for slider in [s for w in gc.get_objects() if type(w) is SliderFigure for s in w.sliders.values()]:
    start = time.perf_counter()
    slider.index = (slider.index + 1) % len(slider.options)
    print(time.perf_counter() - start)
"""


def measured(path: Path) -> dict:
    """Run a notebook from top to bottom in a new kernel; it stays as it is."""
    book = nbformat.read(path, as_version=4)
    book.cells += [nbformat.v4.new_code_cell(source) for source in (KERNEL, SLIDERS)]
    rate = multiplying()
    took = seconds(lambda: execute(book))
    cpu, peak = (float(number) for number in book.cells[-2].outputs[0].text.split())
    steps = [float(line) for output in book.cells[-1].outputs for line in output.get("text", "").split()]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=path.parent)
    return {
        "notebook": path.stem,
        "seconds": round(took - sum(steps)),
        "cpu_seconds": round(cpu),
        "peak_mib": round(peak),
        "slider_seconds": round(max(steps), 2) or None,  # of the slowest, to a new picture
        "gflops": round(rate),  # of one thread, just before
        "torch": torch.__version__,
        "commit": commit.stdout.strip(),
    }


def measure(numbers: list[str]) -> None:
    """Run the named notebooks, or all; what is stored of each gives way to what is measured now."""
    for path in find(numbers):
        found = stored() | {path.stem: measured(path)}
        lines = [json.dumps(found[name]) + "\n" for name in CHAPTERS if name in found]
        STORED.write_text("".join(lines), encoding="utf-8", newline="\n")
        print(found[path.stem], flush=True)


def stored() -> dict[str, dict]:
    """The last measurement of each notebook."""
    lines = STORED.read_text(encoding="utf-8").splitlines() if STORED.exists() else []
    return {line["notebook"]: line for line in map(json.loads, lines)}


def notebooks() -> Iterator[Row]:
    """What is stored."""
    found = stored()

    def values(entry: str, names: tuple[str, ...] = CHAPTERS) -> list[float]:
        return [found[name][entry] for name in names if found.get(name, {}).get(entry)]

    for name in CHAPTERS:
        yield Row(f"`{name}`: seconds from top to bottom (stored)", values("seconds", (name,)), "low")
        yield Row(f"`{name}`: peak memory, MiB (stored)", values("peak_mib", (name,)), "≤ 1,024")
    minutes = [sum(values("seconds")) / 60] if len(found) == len(CHAPTERS) else []
    yield Row("all notebooks: minutes (stored)", minutes, "≤ 15")
    rate = "one thread's products of matrices just before each notebook: 10⁹ operations a second (stored)"
    yield Row(rate, values("gflops"), "high")
    yield Row("the slowest slider of each notebook: seconds to a new picture (stored)", values("slider_seconds"), "≤ 1")


BENCHMARKS = (notebooks,)
