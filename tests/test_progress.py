"""Bars: they count, and leave nothing behind in a notebook. And the stop button stops."""

import importlib.util
import re
import signal
from queue import Empty

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from course_utils import folder, notebooks, progress, training
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
    with pytest.raises(FileNotFoundError, match="no chapter begins with 77; there are 00"):
        find(["01", "77"])


def test_a_students_copy_is_nobodys_business(tmp_path, monkeypatch):
    """Chapter 00 recommends to keep a copy under another name, and JupyterLab makes some of its own."""
    for name in ("01_erm.ipynb", "01_erm-Copy1.ipynb", "01_erm (mine).ipynb", "99_mine.ipynb"):
        (tmp_path / name).write_text("not even a notebook")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    assert [path.name for path in find(["01"])] == ["01_erm.ipynb"]
    spec = importlib.util.spec_from_file_location("rules", folder.ROOT / "conftest.py")
    rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    taken = [path.name for path in tmp_path.iterdir() if not rules.pytest_ignore_collect(path)]
    assert taken == ["01_erm.ipynb"]


def test_a_bar_says_what_is_done_of_how_much_and_how_long_the_rest_takes(capsys, monkeypatch):
    clock = iter(range(0, 10**6, 6))  # six seconds pass between two looks
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar(10, "networks") as bar:
        for _ in range(3):
            bar.update()
        assert bar.place() == "networks: 3 of 10 done"
        assert re.fullmatch("networks: 3 of 10 done · [0-9]+ (s|min) left", bar.words())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (12.4, "12 s"), (200, "3 min"), (3_000, "50 min"), (7_800, "2 h 10 min")],
)
def test_a_duration_is_said_as_one_would_say_it(seconds, words):
    assert progress._duration(seconds) == words


def test_work_inside_work_is_one_bar():
    """The part counts as far as it is, and is named behind the whole."""
    with progress.bar(4, "networks") as whole:
        whole.update()
        with progress.bar(10, lambda done: f"epoch {done + 1} of 10", show=True) as part:
            for _ in range(5):
                part.update()
            assert part.live is None
            assert whole.share() == pytest.approx((1 + 0.5) / 4)
            assert whole.place() == "networks: 1 of 4 done · epoch 6 of 10"
        assert whole.place() == "networks: 1 of 4 done"


def test_work_side_by_side_moves_its_bar_on_and_is_not_named():
    seen = []

    def work(k):
        with progress.bar(2, "steps") as own:
            own.update()
            seen.append((own.live, own.outer.share(), own.outer.place()))

    training.side_by_side(work, [0], "networks")
    assert seen == [(None, 0.5, "networks: 0 of 1 done")]


def test_a_fast_bar_does_not_flood_the_client():
    """A client that reads when the cell is done loses what exceeds a thousand messages, and the cell's end with it.

    The bar's clock is the test's: ten seconds in which it moves every two milliseconds, however slow the machine is.
    """
    manager, client = start_new_kernel()
    try:
        cell = client.execute(
            "from course_utils import progress\n"
            "clock = 0.0\n"
            "progress.time.monotonic = lambda: clock\n"
            "with progress.bar(10**6, 'fast') as bar:\n"
            "    for _ in range(5_000):\n"
            "        clock += 0.002\n"
            "        bar.update()\n"
        )
        while client.get_shell_msg(timeout=120)["parent_header"].get("msg_id") != cell:
            pass  # the kernel of a busy machine was greeted twice
        received = []
        with pytest.raises(Empty):
            while True:
                received.append(client.get_iopub_msg(timeout=2))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert 20 < len(received) < 120  # 59; with a redraw each tenth of a second 217


def test_an_interrupt_waits_for_what_must_not_be_left_half_done():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    done = []
    try:
        with pytest.raises(KeyboardInterrupt), progress.interrupts_put_off():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")
        assert done
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


class Notebook:
    """A kernel, and what its cells show."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(extra_arguments=["--HistoryManager.enabled=False"])
        self.run(START)

    def run(self, code, stop_at=None, presses=1):
        """Run a cell, and press the stop button when it prints `stop_at`. Its status, and what is on the page then."""
        cell, outputs, displays = self.client.execute(code), [], {}
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != cell:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "stream":
                outputs.append(content["text"])
                if stop_at is not None and stop_at in content["text"]:
                    for _ in range(presses):
                        self.manager.interrupt_kernel()
            elif kind in ("display_data", "update_display_data"):
                displays[content["transient"]["display_id"]] = content["data"]
            elif kind == "error":
                outputs += content["traceback"]
        reply = self.client.get_shell_msg(timeout=120)
        while reply["parent_header"].get("msg_id") != cell:  # of a busy machine's kernel that was greeted twice
            reply = self.client.get_shell_msg(timeout=120)
        left = [data for data in displays.values() if data != {"text/plain": ""}]
        return reply["content"]["status"], "".join(outputs), left


START = """
import threading, torch
from course_utils import data, gan, models, progress, training
points, moons = data.two_moons(200, noise=0.1, seed=0)
state = {"pressed": False}

def train(seed, show=False, epochs=20):
    net = models.mlp(2, (32,), 2, seed=seed)
    def go_on(epoch, net):
        while epoch == 3 and not state["pressed"]:  # the button is pressed here, not a moment before
            if not state.get("said"):
                state["said"] = True
                print("here", flush=True)
            threading.Event().wait(0.01)
    training.fit(net, points, moons, epochs=epochs, seed=seed, show=show, callback=go_on)
    return torch.cat([weight.detach().flatten() for weight in net.parameters()])
"""


@pytest.fixture(scope="module")
def page():
    notebook = Notebook()
    yield notebook
    notebook.client.stop_channels()
    notebook.manager.shutdown_kernel(now=True)


LOOPS = {
    "a visible loop": "ends = [train(seed, show=True) for seed in range(3)]",
    "a hidden training": "ends = [train(0)]",
    "track": "ends = [train(seed) for seed in progress.track(range(3), 'networks')]",
    "track over visible ones": "ends = [train(seed, True) for seed in progress.track(range(3), 'networks')]",
    "side by side": "ends = training.side_by_side(train, range(6), 'networks')",
}
ORDER = """
still = [thread.name for thread in threading.enumerate() if "worker" in thread.name]
print(still, progress._HERE.bars, torch.get_num_threads() == threads, 'ends' in globals())
"""


@pytest.mark.parametrize("presses", [1, 3])
@pytest.mark.parametrize("loop", LOOPS)
def test_stop_stops(page, loop, presses):
    """One sentence, nothing on the page, nothing that runs on; and then the same numbers as without the stop."""
    page.run("state.update(pressed=False, said=False); threads = torch.get_num_threads(); globals().pop('ends', 0)")
    status, said, left = page.run(LOOPS[loop], stop_at="here", presses=presses)
    assert status == "error"
    assert left == []
    assert "Run it again." in said
    assert "Traceback" not in said and ".py" not in said
    assert len(said) < 400
    assert page.run(ORDER)[1] == "[] [] True False\n"
    page.run("state['pressed'] = True")
    again = LOOPS[loop] + "\nprint(float(sum(end.double().sum() for end in ends)))"
    assert page.run(again)[1] == page.run(again)[1] != ""


def test_a_second_press_when_the_bar_is_gone_does_not_disturb_the_kernel(page):
    said = """
import signal
try:
    for _ in progress.track(range(3), "letters"):
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    pass
signal.raise_signal(signal.SIGINT)  # as if the kernel were answering
print("calm")
"""
    assert page.run(said)[:2] == ("ok", "calm\n")
    assert page.run("signal.raise_signal(signal.SIGINT)")[0] == "error"  # in the next cell the button works as ever


def test_a_single_training_that_is_stopped_keeps_what_it_has_and_run_all_ends_there(page):
    page.run("state.update(pressed=False, said=False)")
    source = """
def go_on(epoch, net):
    while epoch == 3:
        print("here", flush=True)
        threading.Event().wait(0.2)
history = training.fit(models.mlp(2, (32,), 2), points, moons, epochs=20, callback=go_on)
print(len(history.rows), "epochs are drawn")
"""
    status, said, left = page.run(source, stop_at="here")
    assert status == "error"  # for Run All: nothing is shown of it
    # Pressed between a line's letters and its end, a button takes the end away.
    assert re.sub("here\n?", "", said) == (
        "You stopped the training: 2 of 20 epochs are finished, and the history holds those.\n2 epochs are drawn\n"
    )
    assert left == []
    assert page.run("print(len(training.fit(models.mlp(2, (8,), 2), points, moons, epochs=2).rows))")[:2] == (
        "ok",
        "2\n",
    )


@pytest.mark.parametrize(
    "work",
    [
        "print('here', flush=True)\n"
        "training.fit_many([models.mlp(2, (8,), 2)], points, moons[None], torch.arange(200)[None], epochs=10**6)",
        "print('here', flush=True)\ngan.train_gans([gan.real_or_fake], seeds=[0], steps=10**6)",
    ],
)
def test_many_networks_and_gans_stop_too(page, work):
    # The button may be pressed before their bar is there: then it is Python's own interrupt.
    bar = "with progress.bar(1, 'all', show=False):\n    "
    status, said, left = page.run(bar + work.replace("\n", "\n    "), stop_at="here")
    assert (status, left) == ("error", [])
    assert "Stopped (all: 0 of 1 done" in said and ".py" not in said
    assert page.run("print([t.name for t in threading.enumerate() if 'worker' in t.name])")[1] == "[]\n"


def test_a_kernel_that_is_stopped_again_and_again_still_works(page):
    """A thread that is stopped while it draws would keep what the next bar needs."""
    page.run("""
progress.REDRAWN = 0
def long(seed, show=False, epochs=10**6):
    said = lambda epoch, net: {} if epoch != 5 else print("here", flush=True)
    net = models.mlp(2, (8,), 2, seed=seed)
    return training.fit(net, points, moons, epochs=epochs, batch_size=50, seed=seed, show=show, callback=said)
""")
    for time in range(10):
        work = "long(0, show=True)" if time % 2 else "training.side_by_side(long, range(4), 'networks')"
        status, said, left = page.run(work, stop_at="here")
        assert (status, left) == ("error", [])
        assert "Stopped" in said or "You stopped" in said
        done = "print(len(training.side_by_side(lambda k: long(k, epochs=2), range(4), 'networks')))"
        assert page.run(done) == ("ok", "4\n", [])
    page.run("progress.REDRAWN = 0.5")
    assert page.run("print([t.name for t in threading.enumerate() if 'worker' in t.name])")[1] == "[]\n"


def test_who_catches_a_stop_can_stop_again(page, monkeypatch):
    """Only a second press within a second is the same."""
    loop = """
for _ in progress.track(range(2), "networks"):
    try:
        print("here", flush=True)
        threading.Event().wait(100)
    except KeyboardInterrupt:
        print("caught", flush=True)
        progress._Pressed.last -= 1  # a second later
"""
    assert page.run(loop, stop_at="here")[1].count("caught") == 2


def test_a_failure_leaves_no_bar_on_the_page(page):
    """A traceback keeps the frame of a comprehension alive, and with it the bar."""
    status, said, left = page.run("[1 / 0 for _ in progress.track(range(3), 'networks')]")
    assert (status, left) == ("error", [])
    assert "ZeroDivisionError" in said
