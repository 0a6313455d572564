"""The file of finished runs: JSON lines, one run a line. Several commands may write to it at the same time."""

import json
import os
import tempfile
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any, get_type_hints

from filelock import FileLock

# What stands in a line behind the settings, the seed and what was measured.
ABOUT = ("seconds", "threads", "python", "torch", "commit")

Cell = Any
PATIENCE = 60  # seconds to wait for another command that is writing
CANNOT = (OSError, NotImplementedError)  # what writing may raise, the latter on a disk that knows no locks


def read(path: Path, cell: type[Cell]) -> dict[Cell, dict]:
    """The lines of a file by their cells, in its order; none if there is no such file. Of two of a cell, the later.

    A last line that was cut off by a crash is left out.

    Raises:
        ValueError: the file cannot be read, or something that is no run stands in it; the message names the line.
    """
    found, kinds = {}, get_type_hints(cell)
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n") if path.exists() else []
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or (number == len(lines) and is_torn(line, cell)):
            continue
        try:
            record = json.loads(line)
            found[cell(**{name: kinds[name](record[name]) for name in cell._fields})] = record
            if missing := {"measured", *ABOUT} - set(record):
                raise ValueError(f"{', '.join(sorted(missing))} missing")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number}, is not a run with {', '.join(cell._fields)} ({error}): "
                "mend or delete that line, or give another file"
            ) from None
    return found


def is_torn(line: bytes, cell: type[Cell]) -> bool:
    """Whether a line without its end is the beginning of a run, and not a whole one or something else."""
    head = f'{{"{cell._fields[0]}": '.encode()
    try:
        json.loads(line)
    except ValueError:
        return head.startswith(line[: len(head)])
    return False


def append(path: Path, cell: Cell, record: dict) -> None:
    """Add a run in a single write, and make sure that it is on the disk. What a crash has cut off before is removed.

    Args:
        path: the file.
        cell: the run's settings and seed.
        record: "measured" (`plain`), and what ABOUT names.

    Raises:
        OSError: the file cannot be written.
    """
    line = json.dumps(cell._asdict() | record, ensure_ascii=False)
    with lock(path), path.open("ab+") as file:
        file.seek(0)
        last = file.read().rpartition(b"\n")[2]
        torn = is_torn(last, type(cell)) if last else False
        if torn:
            file.truncate(file.tell() - len(last))
        file.write((b"\n" if last and not torn else b"") + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def lock(path: Path) -> FileLock:
    """Held by the one command that writes. It ends with the command, however that ends; the empty file beside stays."""
    return FileLock(f"{path}.lock", PATIENCE)


def prepare(path: Path) -> None:
    """Make sure that the file can be written, before hours are spent.

    Raises:
        ValueError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock(path), path.open("ab"):
            pass
    except CANNOT as error:
        raise ValueError(f"{path} cannot be written ({error}): give another file") from None


def keep(path: Path, cell: Cell, record: dict) -> Path:
    """Append to the file; if it cannot be written, to one beside it, or in the temporary folder: to which one.

    Raises:
        OSError: none of them can be written.
    """
    for place in (path, beside(path), spare_folder() / path.name):
        try:
            append(place, cell, record)
            return place
        except CANNOT as error:
            problem = error
    raise OSError(f"neither {path} nor a file in its place can be written: {problem}")


def beside(path: Path) -> Path:
    """Where runs wait that could not be written to a file."""
    return path.with_name(f"{path.stem}.waiting.jsonl")


@cache
def spare_folder() -> Path:
    """A temporary folder of this process."""
    return Path(tempfile.mkdtemp(prefix="runs-"))


def advice(place: Path, path: Path) -> str:
    """What to do with runs that could not be written to `path`."""
    what = "they are moved there when the command starts next" if place == beside(path) else "append its lines to it"
    return f"{path} could not be written for a while. Some runs are in {place} instead: {what}"


def collect(path: Path, cell: type[Cell]) -> None:
    """Move the runs that wait beside a file into it.

    Raises:
        ValueError: one of the files holds something else, or cannot be written.
    """
    waiting = beside(path)
    if not waiting.exists():
        return
    prepare(path)
    try:
        with lock(waiting):
            for one, record in read(waiting, cell).items():
                append(path, one, {name: record[name] for name in ("measured", *ABOUT)})
            waiting.unlink(missing_ok=True)  # another command may have done it meanwhile
    except CANNOT as error:
        raise ValueError(f"the runs in {waiting} cannot be moved into {path} ({error}): give another file") from None


def plain(measured: dict | list[dict]) -> dict | list[dict]:
    """What a run has measured as it stands in the file, with `None` for NaN, that is for what was not measured.

    Raises:
        ValueError, TypeError: something that JSON does not know, such as infinity or a tensor.
    """
    if isinstance(measured, list):
        return [_plain(row) for row in measured]
    return _plain(measured)


def _plain(measured: dict) -> dict:
    known = {name: None if isinstance(value, float) and isnan(value) else value for name, value in measured.items()}
    json.dumps(known, allow_nan=False)
    return known
