"""What a number may depend on besides its settings and its seed."""

import platform
import shutil
import subprocess
from functools import cache

import torch

from course_utils import folder

ROOT = folder.ROOT


def versions() -> dict[str, str | int]:
    """They stand in each row."""
    return {
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit(),
    }


@cache  # asked when the process has just loaded the code: a later commit is not what runs
def commit() -> str:
    """The code's commit, "-dirty" behind it if `course_utils` was changed since; "unknown" without git or a clone."""

    def git(*asked: str) -> str:  # without a lock, which a run that is killed would leave behind
        words = ["git", "--no-optional-locks", *asked]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stdout.strip()

    head = git("rev-parse", "--short", "HEAD") if shutil.which("git") and folder.is_here() else ""
    return head + "-dirty" * bool(git("status", "--porcelain", "--", "course_utils")) if head else "unknown"
