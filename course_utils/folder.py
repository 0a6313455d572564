"""The course's folder: the package lies in it, beside notebooks, data and docs. And how a file in it is written."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Of who has the package without the folder, as after `pip install .`.
NOT_HERE = (
    f"the course's notebooks and data do not lie around {ROOT / 'course_utils'}, for it was installed without "
    "--editable. Clone the course, and run `make lab` in the clone (or `pip install --editable .`)"
)


def is_here() -> bool:
    """Whether the package lies in the course's folder."""
    return (ROOT / "notebooks").is_dir()


def demand() -> None:
    """Go on if the package lies in the course's folder.

    Raises:
        FileNotFoundError: it does not; the message says what to do.
    """
    if not is_here():
        raise FileNotFoundError(NOT_HERE)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whatever ends the program or fills the disk."""
    with written(path, content):
        pass


@contextlib.contextmanager
def written(path: Path, content: bytes) -> Iterator[None]:
    """Write beside the file; what is to be done before the new one takes its place is done inside."""
    path = path.resolve()  # a link stays one, to a file that is new
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def print_anything() -> None:
    """From now on a console that lacks a letter, such as ± or one of a file's name, shows its number and goes on."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
