"""A reader's own copies of the chapters, in `work/`: a newer course goes in, and nothing that you wrote goes out.

`python -m course_utils.copies` brings them up to date, cell by cell (`merge`). Beside the copies lie, in
`work/.course/`, the versions of the course from which they stem, and in `work/.before/` each copy as it was before it
was rewritten. A chapter begins anew when you rename or delete its copy.

In a git clone the course's version of a chapter is the committed one: what was written into `notebooks/` and not
committed, by mistake or by who makes the course, does not come into `work/`.
"""

import contextlib
import stat
import time
from collections import Counter
from pathlib import Path

from filelock import FileLock, Timeout

from course_utils import folder
from course_utils.copies import clone, merge
from course_utils.folder import write
from course_utils.notebooks import CHAPTERS, NOTEBOOKS
from course_utils.record import WORK

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
FRESH = "copied"  # what `_chapter` says of a chapter that had no copy


def bring_up_to_date() -> list[str]:
    """Copy what has no copy yet, carry what is new into the others. Never raises: what could not be done is said.

    Returns:
        sentences to print; none if there was nothing to do.
    """
    if not folder.is_here():
        return [f"There is nothing to copy: {folder.NOT_HERE}."]
    try:
        (WORK / ".course").mkdir(parents=True, exist_ok=True)
        with FileLock(WORK / ".course" / "lock", timeout=60):
            return _all_chapters()
    except Timeout:
        return ["Another `make lab` is busy with your copies in work/; they stay as they are. Try again in a minute."]
    except (OSError, NotImplementedError) as error:
        return [f"Nothing can be written into work/ ({_reason(error)}); your copies stay as they are."]


def _all_chapters() -> list[str]:
    copied, sentences = [], _former()
    failed: dict[str, list[str]] = {}
    changed = clone.changed_chapters(NOTEBOOKS.parent)
    for name in CHAPTERS:
        try:
            said = _chapter(name, f"{name}.ipynb" in changed)
        except OSError as error:
            failed.setdefault(_reason(error), []).append(name)
        except Exception as error:  # a copy that nobody has foreseen: it stays, and the other chapters go on
            sentences.append(f"{name} stays as it is: the new version does not go into it ({error!r}).")
        else:
            if said == FRESH:
                copied.append(name)
            elif said:
                sentences.append(said)
    if copied:
        number = NUMBERS[len(copied)] if len(copied) < len(NUMBERS) else len(copied)
        what = f"{number} chapters" if len(copied) > 1 else copied[0]
        sentences.insert(0, f"{what} copied into work/: that is where you write.")
    for reason, names in failed.items():
        sentences.append(f"Not brought up to date, for work/ cannot be written ({reason}): {', '.join(names)}.")
    return sentences


def _former() -> list[str]:
    """A sentence for each copy whose chapter the course no longer has under that name."""
    names = {path.name.split(".")[0] for path in (WORK / ".course").glob("*.json")} - set(CHAPTERS)
    return [f"{name} has another name now, or is gone: your copy work/{name}.ipynb stays; copy your answers from it "
            "into the new chapter. Rename it, and this is said no more."
            for name in sorted(names) if (WORK / f"{name}.ipynb").exists()]  # fmt: skip


def _course(file: str, changed: bool) -> bytes:
    """The course's version of a chapter: git's if it was changed in notebooks/."""
    committed = clone.content("HEAD", f"notebooks/{file}", NOTEBOOKS.parent) if changed else None
    return (NOTEBOOKS / file).read_bytes() if committed is None else committed


def _chapter(name: str, changed: bool) -> str | None:
    """Bring one copy up to date; what there is to say about it."""
    path = WORK / f"{name}.ipynb"
    try:
        new = merge.fresh(merge.parse(_course(path.name, changed)))
    except FileNotFoundError:
        return f"{name} is missing in notebooks/ (`git checkout notebooks` brings it back); your copy stays as it is."
    except (ValueError, TypeError, AttributeError) as error:
        return f"notebooks/{path.name} cannot be read ({error}); your copy stays as it is. `make update` mends that."
    if not path.exists():
        _keep_base(name, new)
        write(path, merge.dump(new))
        return FRESH
    try:
        yours = merge.parse(path.read_bytes())
    except (ValueError, TypeError, AttributeError):
        _keep_base(name, new)
        return _set_aside(path, merge.dump(new))
    return _carried_in(path, yours, new)


def _carried_in(path: Path, yours: dict, new: dict) -> str | None:
    """Carry the course's version into a copy, unless it stems from that; what there is to say about it."""
    book: dict = merge.without_dead_views(yours)
    counts: Counter[str] = Counter()
    if merge.version(yours) != merge.version(new):
        book, counts = merge.merge(_base(path.stem, yours), book, new)
    _keep_base(path.stem, new)
    if book == yours:
        return None
    if not path.stat().st_mode & stat.S_IWRITE:
        return f"work/{path.name} is read-only; it stays as it is."
    before = keep_before(path)
    write(path, merge.dump(book))
    return _sentence(path.stem, counts, before)


def _set_aside(path: Path, content: bytes) -> str:
    """A copy that is no notebook any more gets another name, a fresh one its place."""
    aside = free(WORK / f"{path.stem} (damaged).ipynb")
    with folder.written(path, content):
        write(aside, path.read_bytes())
    return f"{path.stem}: your copy cannot be read. It is kept as work/{aside.name}, and a fresh one has been made."


def _keep_base(name: str, new: dict) -> None:
    """The course's version, for merging with what comes later. One that is damaged is mended."""
    path, content = _base_path(name, new["metadata"]["course"]["version"]), merge.dump(new)
    if not path.exists() or path.read_bytes() != content:
        write(path, content)


def _base(name: str, yours: dict) -> dict | None:
    """The version of the course from which a copy stems. If it does not say (Colab drops that), the most similar."""
    if said := merge.version(yours):
        return _read_base(_base_path(name, said))
    bases = [_read_base(path) for path in sorted((WORK / ".course").glob(f"{name}.*.json"))]
    texts = {cell["source"] for cell in yours["cells"]}
    return max(
        filter(None, bases), key=lambda base: sum(cell["source"] in texts for cell in base["cells"]), default=None
    )


def _base_path(name: str, version: str) -> Path:
    return WORK / ".course" / f"{name}.{version}.json"


def _read_base(path: Path) -> dict | None:
    """A version that was kept, if it is still what it was."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        base = merge.parse(path.read_bytes())
        if path.name.endswith(f".{merge.version(merge.fresh(base))}.json"):
            return base
    return None


def keep_before(path: Path) -> Path:
    """Keep a file as it is in `work/.before/`, under a name with date and time; that name."""
    (WORK / ".before").mkdir(exist_ok=True)
    before = free(WORK / ".before" / f"{path.stem} {time.strftime('%Y-%m-%d %H-%M-%S')}{path.suffix}")
    write(before, path.read_bytes())
    return before


def free(path: Path) -> Path:
    """The path, or the first of "name 2", "name 3", … that is not taken."""
    number = 1
    found = path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem} {number}{path.suffix}")
    return found


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _sentence(name: str, counts: Counter, before: Path) -> str | None:
    """What was done with a copy, in words; nothing if nothing can be seen of it."""
    if not sum(counts.values()) - counts["yours"]:
        return None
    kept = counts["yours"] + counts["merged"]
    short = [
        (counts["new"], "cell is new", "cells are new"),
        (counts["gone"], "is gone", "are gone"),
        (kept, "of yours is kept", "of yours are kept"),
    ]
    long = [
        (counts["both"], 'changed by you and by the course (both are there, look for "Yours from before")'),
        (counts["dropped"], 'changed by you, but no longer in the course (look for "Yours from before")'),
        (counts["back"], "deleted by you, but changed by the course and back"),
    ]
    first = ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in short if number)
    if counts["merged"]:
        first += f" ({counts['merged']} within new words of the course's)"
    said = [first] if first else []
    said += [f"{number} {'cell was' if number == 1 else 'cells were'} {words}" for number, words in long if number]
    return f"{name}: {'; '.join(said)}. The old file is work/.before/{before.name}."
