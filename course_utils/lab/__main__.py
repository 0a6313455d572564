"""Bring the copies in `work/` up to date, and open them: `python -m course_utils.lab [options of jupyter lab]`."""

import os
import sys
import webbrowser
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.serverapp import list_running_servers
from jupyterlab.labapp import LabApp

from course_utils import copies, folder
from course_utils.lab import FIRST_PAGE

CONFIG = Path(__file__).resolve().parent / "config"


def running() -> str | None:
    """The first page's address on a server that serves this folder already; `None` if there is none."""
    for server in list_running_servers():
        if Path(server["root_dir"]).resolve() == copies.WORK.parent.resolve():
            return f"{server['url']}{FIRST_PAGE}?token={server['token']}"
    return None


def home() -> None:
    """Ask for another home folder where JupyterLab cannot write into this one; it would end with a page of errors."""
    runtime = Path(jupyter_runtime_dir())
    try:
        runtime.mkdir(parents=True, exist_ok=True)
        if os.access(runtime, os.W_OK):
            return
        why: object = f"{runtime} can only be read"
    except OSError as error:
        why = error
    sys.exit(f"JupyterLab needs a home folder into which it can write ({why}): such as `HOME=/tmp make lab`")


def main(arguments: list[str]) -> None:
    """Start JupyterLab, or show the one that runs; `arguments` are JupyterLab's, and count more than the course's."""
    if not folder.is_here():
        sys.exit(f"error: {folder.NOT_HERE}")
    for line in copies.bring_up_to_date():
        print(line, flush=True)
    address = running()
    if address and set(arguments) <= {"--no-browser"}:
        print(f"JupyterLab serves this folder already (its own terminal stops it, with Ctrl+C):\n    {address}")
        if not arguments:
            webbrowser.open(address)
        return
    home()
    print("JupyterLab starts. Leave this terminal open; Ctrl+C, twice, stops it. Its address, for your browser:")
    os.environ.pop("MPLBACKEND", None)  # in the kernels, pictures belong into the page
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(CONFIG), before]))
    LabApp.launch_instance(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
