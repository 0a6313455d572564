"""Bars: they count, and leave nothing behind in a notebook."""

from queue import Empty

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from course_utils import progress
from course_utils.notebooks import execute, find


def test_track_hands_on_every_item():
    assert list(progress.track("abc", "letters")) == ["a", "b", "c"]


def test_a_hidden_bar_is_hidden(capsys):
    with progress.bar(10, "hidden", show=False) as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""


def notebook(source):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    return book


def test_a_notebook_stores_no_bar_no_time_and_no_widget_state():
    book = notebook(
        "from course_utils import progress, widgets\n"
        "for _ in progress.track(range(3), 'three'):\n    pass\n"
        "print('done')"
    )
    execute(book)
    assert [output.text for output in book.cells[0].outputs] == ["done\n"]
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert not book.cells[0].metadata


def test_a_cell_that_prints_to_stderr_stops_the_run():
    with pytest.raises(RuntimeError, match="printed to stderr: oh"):
        execute(notebook("import sys\nsys.stderr.write('oh')"))


def test_a_notebook_is_found_by_its_number():
    assert [path.name for path in find(["01"])] == ["01_erm.ipynb"]
    assert len(find([])) >= 2
    with pytest.raises(FileNotFoundError, match="begins with 77"):
        find(["77"])


def test_a_fast_bar_does_not_flood_the_client():
    """A client that reads when the cell is done loses what exceeds a thousand messages, and the cell's end with it."""
    manager, client = start_new_kernel()
    try:
        client.execute(
            "import time\n"
            "from course_utils import progress\n"
            "end = time.monotonic() + 4\n"
            "with progress.bar(10**6, 'fast') as bar:\n"
            "    while time.monotonic() < end:\n"
            "        time.sleep(0.002); bar.update()\n"
        )
        client.get_shell_msg(timeout=60)
        received = []
        with pytest.raises(Empty):
            while True:
                received.append(client.get_iopub_msg(timeout=1))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert 10 < len(received) < 60  # 95 with a redraw each tenth of a second
