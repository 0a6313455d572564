"""nbgrader in an environment of its own, `.grading/`, without PyTorch; what it runs, runs in the course's.

Its kernel named python3 is the course's Python, by absolute path: notebooks need not name another kernel than usual.
"""

import importlib.util
import re
import subprocess
import sys
import venv
from importlib.metadata import requires
from pathlib import Path

from course_utils.notebooks import NOTEBOOKS

FOLDER = NOTEBOOKS.parent / ".grading"


def make(folder: Path = FOLDER) -> None:
    """Install nbgrader there, and show it the course's Python. About half a minute.

    Raises:
        OSError: it could not be installed.
    """
    print(f"Installing nbgrader into {folder}: about half a minute", flush=True)
    pip = [_program(folder, "python"), "-m", "pip"]
    if not Path(pip[0]).exists() or subprocess.run([*pip, "--version"], capture_output=True).returncode:
        venv.create(folder, with_pip=True, clear=True)
    extras = [part.split(";") for part in requires("beyond-training-error") or [] if ";" in part]
    wanted = [name.strip() for name, extra in extras if re.search("extra == .grading", extra)]
    if subprocess.run([*pip, "install", "--quiet", "--disable-pip-version-check", *wanted]).returncode:
        raise OSError("nbgrader could not be installed. It needs the network, once.")
    kernel = [sys.executable, "-m", "ipykernel", "install", "--prefix", str(folder), "--name", "python3"]
    subprocess.run(kernel, check=True, capture_output=True)


def nbgrader(folder: Path = FOLDER) -> list[str] | None:
    """The words that call nbgrader: `.grading`'s, or that of the course's own environment; `None` if there is none."""
    if Path(_program(folder, "nbgrader")).exists():
        return [_program(folder, "python"), "-m", "nbgrader"]
    return [sys.executable, "-m", "nbgrader"] if importlib.util.find_spec("nbgrader") else None


def _program(folder: Path, name: str) -> str:
    return str(folder / (f"Scripts/{name}.exe" if sys.platform == "win32" else f"bin/{name}"))
