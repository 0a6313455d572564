"""Bring the copies in `work/` up to date, and open them: `python -m course_utils.lab [options of jupyter lab]`."""

import os
import sys
import webbrowser
from pathlib import Path

from jupyter_server.serverapp import list_running_servers
from jupyterlab.labapp import LabApp

from course_utils import copies
from course_utils.lab import FIRST_PAGE

CONFIG = Path(__file__).resolve().parent / "config"


def running() -> str | None:
    """The first page's address on a server that serves this folder already; `None` if there is none."""
    for server in list_running_servers():
        if Path(server["root_dir"]).resolve() == copies.WORK.parent.resolve():
            return f"{server['url']}{FIRST_PAGE}?token={server['token']}"
    return None


def main(arguments: list[str]) -> None:
    """Start JupyterLab, or show the one that runs; `arguments` are JupyterLab's, and count more than the course's."""
    for line in copies.bring_up_to_date():
        print(line, flush=True)
    address = running()
    if address and set(arguments) <= {"--no-browser"}:
        print(f"JupyterLab serves this folder already (its own terminal stops it, with Ctrl+C):\n    {address}")
        if not arguments:
            webbrowser.open(address)
        return
    print("JupyterLab starts. Leave this terminal open; Ctrl+C, twice, stops it. Its address, for your browser:")
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(CONFIG), before]))
    LabApp.launch_instance(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
