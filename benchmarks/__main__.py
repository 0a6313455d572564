"""`python -m benchmarks`: measure everything, and write the table into README.md.

`python -m benchmarks fitting sharing` prints these themes, `python -m benchmarks notebooks 06` runs notebooks.
"""

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks import attacking, chapters, drawing, fitting, growing, pairing, sharing
from benchmarks.measure import Row

THEMES = {
    module.__name__.rpartition(".")[2]: module
    for module in (fitting, attacking, pairing, drawing, growing, sharing, chapters)
}
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- make bench writes what follows -->\n", "<!-- until here -->\n"
HEAD = "| what | min | median | max | goal | met |\n|---|---|---|---|---|---|"


def rows(themes: list[str]) -> Iterator[Row]:
    """Measure."""
    for theme in themes:
        for benchmark in THEMES[theme].BENCHMARKS:
            start = time.perf_counter()
            yield from benchmark()
            print(f"{theme}.{benchmark.__name__}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


def machine() -> str:
    """On what it was measured."""
    about = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", about.read_text()) if about.exists() else []
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, Python {platform.python_version()}, PyTorch {torch.__version__}"


def table(text: str) -> str:
    """README.md with this in the place of its table."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{text}\n{END}{after}"


def renewed(rows: list[Row]) -> str:
    """README.md with these rows in the place of those of the same names."""
    text = README.read_text(encoding="utf-8")
    for row in rows:
        text, found = re.subn(rf"^\| {re.escape(row.what)} \|.*$", lambda _, row=row: row.line(), text, flags=re.M)
        if not found:
            raise RuntimeError(f"README.md must have a row for {row.what!r}, got none: `make bench` writes them all")
    return text


def write(text: str) -> None:
    """README.md."""
    README.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> None:
    """Measure what is asked for."""
    if arguments[:1] == ["notebooks"]:
        chapters.measure(arguments[1:])
        write(renewed(list(chapters.notebooks())))
        return
    if unknown := set(arguments) - set(THEMES):
        sys.exit(f"themes are {', '.join(THEMES)}, or notebooks with their numbers; got {', '.join(unknown)}")
    start = time.perf_counter()
    print(HEAD, flush=True)
    lines = []
    for row in rows(arguments or list(THEMES)):
        lines.append(row.line())
        print(lines[-1], flush=True)
    took = f"Measured on {machine()}, one thread each, in {(time.perf_counter() - start) / 60:.1f} minutes:"
    print(f"\n{took}")
    if not arguments:
        write(table("\n".join([f"\n{took}\n", HEAD, *lines, ""])))


if __name__ == "__main__":
    main(sys.argv[1:])
