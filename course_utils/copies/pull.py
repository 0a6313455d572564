"""The newest course by git, as far as that goes, and in plain words what it did. Nobody's work is touched by it."""

import os
import shutil
import subprocess
from pathlib import Path

from course_utils import copies
from course_utils.notebooks import CHAPTERS, NOTEBOOKS

ROOT = NOTEBOOKS.parent
HERE = "The course goes on with the version that is here."


def pull() -> list[str]:
    """Fetch the newest version of the course and go forward to it. Chapters that were changed in notebooks/ are first
    copied into work/ and put back.

    Returns:
        sentences that say what was done, or what could not be done and what to do.
    """
    hindrance = _hindrance()
    if hindrance:
        return [f"Nothing was fetched: {hindrance}. {HERE}"]
    try:
        return _rescued() + _forward()
    except OSError as error:
        return [f"Nothing was updated: work/ cannot be written ({error.strerror or error}). {HERE}"]


def _hindrance() -> str | None:
    """Why there is nothing to go forward to, and what to do; `None` once it is fetched."""
    if not (ROOT / ".git").exists():
        return "this folder is no clone. Download the course again, and move your folder work/ into the new one"
    if not shutil.which("git"):
        return "git is not installed"
    branch = _git("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    if not branch:
        return "this clone stands on no branch; `git switch main` mends that"
    if _git("rev-parse", "--verify", "--quiet", "@{upstream}").returncode:
        mend = f"git branch --set-upstream-to=origin/{branch}"
        return f"the branch {branch} does not say whose changes it follows; `{mend}` mends that"
    fetched = _git("fetch", "--quiet")
    if fetched.returncode:
        return f"{_last_words(fetched)}. Is there a network? Then run `make update` again"
    return None


def _git(*arguments: str) -> subprocess.CompletedProcess:
    """git in the course's folder, in English, with its words kept."""
    command = ["git", "-c", "core.quotePath=false", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace",
        env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip


def _last_words(done: subprocess.CompletedProcess) -> str:
    """What git said of its failure, in one line."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith(("fatal: ", "error: "))]
    return (lines or [f"git ended with {done.returncode}"])[0].split(": ", 1)[-1]


def _changed(*what: str) -> list[str]:
    """The files that differ: between two versions, or from one of them here."""
    return [path for path in _git("diff", "--name-only", "-z", *what).stdout.split("\0") if path]


def _rescued() -> list[str]:
    """Chapters that were changed in notebooks/: each is copied into work/ under a name of its own, then put back."""
    changed = set(_changed("HEAD", "--", "notebooks")) - set(
        _git("diff", "--name-only", "--diff-filter=U").stdout.split()
    )
    sentences = []
    for name in CHAPTERS:
        path = f"notebooks/{name}.ipynb"
        if path in changed:
            kept = _kept_in_work(name)
            put_back = _git("checkout", "HEAD", "--", path)
            if put_back.returncode:
                sentences.append(f"{path} could not be put back: {_last_words(put_back)}.")
            elif kept is None:
                sentences.append(f"{path} was missing and is back.")
            else:
                copies.count_as_yours(name, kept.read_bytes())
                sentences.append(f"You had changed {path}: that is kept as work/{kept.name}, and the course's page is "
                                 f"as it was. Go on in work/{name}.ipynb.")  # fmt: skip
    return sentences


def _kept_in_work(name: str) -> Path | None:
    """The copy of a chapter that was changed in notebooks/; `None` if it was deleted there."""
    path = NOTEBOOKS / f"{name}.ipynb"
    if not path.exists():
        return None
    copies.WORK.mkdir(exist_ok=True)
    kept = copies.free(copies.WORK / f"{name} (from notebooks).ipynb")
    copies.write(kept, path.read_bytes())
    return kept


def _forward() -> list[str]:
    """Go to the version that was fetched, unless something of the reader's stands in its way."""
    old = _git("rev-parse", "HEAD").stdout.strip()
    number = int(_git("rev-list", "--count", "HEAD..@{upstream}").stdout)
    if not number:
        return ["There is no newer version of the course."]
    if int(_git("rev-list", "--count", "@{upstream}..HEAD").stdout):
        return ["There is a newer version of the course, but you have commits of your own (`git pull --rebase` puts "
                f"them on top of it). {HERE}"]  # fmt: skip
    own = _changed("HEAD") + _git("ls-files", "--others", "--exclude-standard", "-z").stdout.split("\0")
    in_the_way = sorted(set(own) & set(_changed("HEAD", "@{upstream}")))
    done = _git("merge", "--ff-only", "--quiet", "@{upstream}")
    if done.returncode:
        because = f"your {' and '.join(in_the_way)} would be written over" if in_the_way else _last_words(done)
        return [f"There is a newer version of the course, but {because}. Nothing was touched. Give such a file another "
                "name (`git checkout FILE` brings the course's back), then run `make update` again."]  # fmt: skip
    date = _git("log", "-1", "--format=%cs").stdout.strip()
    said = [f"The course is now that of {date}: {number} change{'s' if number > 1 else ''} since yours."]
    if "pyproject.toml" in _changed(old, "HEAD"):
        said.append("It may need other packages: the next `make lab` installs them.")
    return said
