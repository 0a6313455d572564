"""A progress bar that leaves nothing behind.

`tqdm` draws the bar. In a notebook it is shown as a widget and nothing else, and it goes away when
the work is done: a stored notebook then holds no dead bar, and nbval has nothing to compare.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

Item = TypeVar("Item")

# Seconds between two redraws of a notebook's bar. A redraw is some messages from the kernel; a client that reads them
# only when the cell is done, as nbval does, keeps a thousand and loses the rest, the end of the cell among them.
REDRAWN = 0.5


def bar(total: int, description: str, show: bool = True) -> tqdm:
    """A tqdm bar of `total` steps, used as `with bar(…) as b: b.update()`. `show=False` draws nothing."""
    if get_ipython() is None or not show:
        return tqdm(total=total, desc=description, leave=False, disable=not show)
    live = notebook_tqdm(total=total, desc=description, leave=False, display=False, mininterval=REDRAWN)
    view = {"version_major": 2, "version_minor": 0, "model_id": live.container.model_id}
    display({"application/vnd.jupyter.widget-view+json": view}, raw=True)
    return live


def track(items: Iterable[Item], description: str, show: bool = True) -> Iterator[Item]:
    """Go through `items`, all of which are taken first, and show how far you are."""
    items = list(items)
    with bar(len(items), description, show) as live:
        for item in items:
            yield item
            live.update()
