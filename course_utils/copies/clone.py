"""What git knows of the course's folder. Every call comes back, also where git fails, is missing or gets no answer."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from course_utils.notebooks import NOTEBOOKS

ROOT = NOTEBOOKS.parent


def git(*arguments: str, folder: Path = ROOT, text: bool = True, timeout: float | None = None):
    """git in the course's folder, in English, with its words kept; its answer as text or as bytes."""
    command = ["git", "-c", "core.quotePath=false", *arguments]
    coding: dict[str, Any] = {"text": True, "encoding": "utf-8", "errors": "replace"} if text else {}
    environment = os.environ | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=timeout, env=environment, **coding)
    except subprocess.TimeoutExpired:
        words = f"fatal: no answer within {timeout:g} seconds"
        return subprocess.CompletedProcess(command, 124, *(("", words) if text else (b"", words.encode())))


def last_words(done: subprocess.CompletedProcess) -> str:
    """What git said of its failure, in one line, and the command that it advises."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith(("fatal: ", "error: "))]
    words = (lines or [f"git ended with {done.returncode}"])[0].split(": ", 1)[-1]
    advised = re.search(r"^\s+(git .+)$", done.stderr, re.MULTILINE)
    return f"{words}; `{advised[1]}` mends that" if advised else words


def changed(*what: str, folder: Path = ROOT, timeout: float | None = None) -> list[str]:
    """The files that differ: between two versions, or from one of them here."""
    done = git("diff", "--name-only", "-z", *what, folder=folder, timeout=timeout)
    return [path for path in done.stdout.split("\0") if path]


def content(version: str, path: str, folder: Path = ROOT) -> bytes | None:
    """A file as it is in a version ("HEAD"; ":3" is the other side of a conflict); `None` if it is not there."""
    done = git("cat-file", "blob", f"{version}:{path}", folder=folder, text=False, timeout=20)
    return None if done.returncode else done.stdout


def changed_chapters(folder: Path) -> set[str]:
    """The files in notebooks/ that are not as the course has them; none where git cannot tell."""
    if not (folder / ".git").exists() or not shutil.which("git"):
        return set()
    try:
        return {Path(path).name for path in changed("HEAD", "--", "notebooks", folder=folder, timeout=20)}
    except OSError:
        return set()
