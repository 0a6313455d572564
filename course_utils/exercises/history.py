"""Which cell a function comes from, as far as the notebook's history tells."""

import inspect
import re
from collections.abc import Callable

from IPython import get_ipython


def is_older(function: Callable, name: str) -> bool:
    """Whether a later cell defines the function anew, and came to nothing: an error in it, say a bracket missing."""
    shell = get_ipython()
    if shell is None or getattr(function, "__module__", "") != "__main__" or function.__name__ != name:
        return False
    history = shell.history_manager
    cells = [raw + run for raw, run in zip(history.input_hist_raw, history.input_hist_parsed)]
    last = next((cell for cell in reversed(cells) if re.search(rf"^def {name}\b", cell, re.M)), "")
    try:
        return bool(last) and inspect.getsource(function).strip() not in last
    except OSError:  # no source: it was not typed into a cell
        return False
