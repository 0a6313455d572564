"""Bars: they count, and leave nothing behind in a notebook."""

from queue import Empty

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

import conftest
from course_utils import notebooks, progress
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
    with pytest.raises(FileNotFoundError, match="no chapter begins with 77"):
        find(["77"])


def test_a_students_copy_is_nobodys_business(tmp_path, monkeypatch):
    """Chapter 00 recommends to keep a copy under another name, and JupyterLab makes some of its own."""
    for name in ("01_erm.ipynb", "01_erm-Copy1.ipynb", "01_erm (mine).ipynb", "99_mine.ipynb"):
        (tmp_path / name).write_text("not even a notebook")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    assert [path.name for path in find(["01", "99"])] == ["01_erm.ipynb"]
    taken = [path.name for path in tmp_path.iterdir() if not conftest.pytest_ignore_collect(path)]
    assert taken == ["01_erm.ipynb"]


def test_a_fast_bar_does_not_flood_the_client():
    """A client that reads when the cell is done loses what exceeds a thousand messages, and the cell's end with it.

    The bar's clock is the test's: ten seconds in which it moves every two milliseconds, however slow the machine is.
    """
    manager, client = start_new_kernel()
    try:
        client.execute(
            "from course_utils import progress\n"
            "clock = 0.0\n"
            "with progress.bar(10**6, 'fast') as bar:\n"
            "    bar._time = lambda: clock\n"
            "    bar.last_print_t = bar.start_t = clock\n"
            "    for _ in range(5_000):\n"
            "        clock += 0.002\n"
            "        bar.update()\n"
        )
        client.get_shell_msg(timeout=120)
        received = []
        with pytest.raises(Empty):
            while True:
                received.append(client.get_iopub_msg(timeout=2))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert 20 < len(received) < 120  # 59; with a redraw each tenth of a second 217
