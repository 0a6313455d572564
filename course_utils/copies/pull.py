"""The newest course by git, as far as that goes, and in plain words what it did. Nobody's work is touched by it."""

import os
import shutil
import subprocess

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
    if not (ROOT / ".git").exists():
        return ["This folder is no clone, so nothing was fetched. For a newer version: download the course again and "
                f"move your folder work/ into it. {HERE}"]  # fmt: skip
    if not shutil.which("git"):
        return [f"git is not installed, so nothing was fetched. {HERE}"]
    if _git("symbolic-ref", "--quiet", "HEAD").returncode:
        return [f"Nothing was fetched, for this clone stands on no branch (`git switch main` mends that). {HERE}"]
    if _git("rev-parse", "--verify", "--quiet", "@{upstream}").returncode:
        return ["Nothing was fetched, for this branch does not say whose changes it follows "
                f"(`git branch --set-upstream-to=origin/main` mends that). {HERE}"]  # fmt: skip
    fetched = _git("fetch", "--quiet")
    if fetched.returncode:
        return [f"The newest version could not be fetched ({_last_words(fetched)}). {HERE} "
                "With a network, run `make update` again."]  # fmt: skip
    try:
        return _rescued() + _forward()
    except OSError as error:
        return [f"Nothing was updated: work/ cannot be written ({error.strerror or error}). {HERE}"]


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
    unfinished = _git("ls-files", "--unmerged").stdout
    sentences = []
    for name in CHAPTERS:
        path = f"notebooks/{name}.ipynb"
        if path not in _changed("HEAD", "--", "notebooks") or path in unfinished:
            continue
        if not (ROOT / path).exists():
            _git("checkout", "HEAD", "--", path)
            sentences.append(f"{path} was missing and is back.")
            continue
        copies.WORK.mkdir(exist_ok=True)
        copy = copies.free(copies.WORK / f"{name} (from notebooks).ipynb")
        content = (ROOT / path).read_bytes()
        copies.write(copy, content)
        _git("checkout", "HEAD", "--", path)
        copies.count_as_yours(name, content)
        sentences.append(
            f"You had changed {path}: that is kept as work/{copy.name}, and the course's page is as it was. "
            f"Go on in work/{name}.ipynb."
        )
    return sentences


def _forward() -> list[str]:
    """Go to the version that was fetched, unless there are changes or commits in its way."""
    old = _git("rev-parse", "HEAD").stdout.strip()
    number = int(_git("rev-list", "--count", "HEAD..@{upstream}").stdout)
    if not number:
        return ["The course is up to date: there is no newer version."]
    if int(_git("rev-list", "--count", "@{upstream}..HEAD").stdout):
        return [
            f"There is a newer version, but you have commits of your own: `git pull --rebase` puts them on top. {HERE}"
        ]
    in_the_way = sorted(set(_changed("HEAD")) & set(_changed("HEAD", "@{upstream}")))
    done = _git("merge", "--ff-only", "--quiet", "@{upstream}")
    if done.returncode:
        because = f"you have changed {', '.join(in_the_way)}" if in_the_way else f"git says: {_last_words(done)}"
        return [f"There is a newer version, but {because}. Nothing was touched. Keep what you need under another name, "
                f"put the course's file back (`git checkout FILE`), and run `make update` again. {HERE}"]  # fmt: skip
    date = _git("log", "-1", "--format=%cs").stdout.strip()
    said = [f"The course is now that of {date}: {number} change{'s' if number > 1 else ''} since yours."]
    if "pyproject.toml" in _changed(old, "HEAD"):
        said.append("It may need other packages: the next `make lab` installs them.")
    return said
