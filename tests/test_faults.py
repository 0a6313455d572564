"""What may happen to a course on somebody's machine: files that are damaged, a disk that is full, a stop at any moment,
two at once, an odd place. Each either works or says what to do; nothing is lost or torn.

Faults of one module's own stand with its tests: of the grid in test_grid.py, of copies in test_copies.py, of the
record in test_record.py, of the stop button in test_progress.py.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from counting import COUNTING, FOLDER

import course_utils
from course_utils import copies, folder, notebooks, record, references, reproduce
from course_utils.copies import pull
from course_utils.grading import __main__ as grading
from course_utils.lab import __main__ as lab
from course_utils.reproduce import experiment, grid, scorecard, store, versions
from course_utils.reproduce.__main__ import main

TESTS = Path(__file__).parent
PACKAGE = Path(course_utils.__file__).parent
CELLS = COUNTING.cells()
PATIENCE = 120  # seconds; a busy machine is slow


def script(code, *arguments, cwd=None, **environment):
    """A Python program of its own; Ctrl-C reaches it although pytest may have been told to ignore it."""
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.Popen([sys.executable, "-c", listen + code, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=cwd,
                            env=os.environ | {"COURSE_RECORD": "off"} | environment)  # fmt: skip


def said(process):
    """What it printed, on both ways, and its status."""
    out, err = process.communicate(timeout=PATIENCE)
    return out + err, process.returncode


def book(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])


def full(*_):
    raise OSError(28, "No space left on device")


# The package without its folder


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """As after `pip install .`: nothing lies around the package."""
    monkeypatch.setattr(folder, "ROOT", tmp_path)
    monkeypatch.delenv("COURSE_RECORD")
    monkeypatch.setattr(record, "_said", set())
    monkeypatch.setattr(record, "_waiting", {})
    return tmp_path


def test_an_installed_package_says_that_it_needs_its_folder(alone, capsys):
    entries = references.entries.__wrapped__  # others may have read them
    for look in (
        lambda: notebooks.find([]),
        reproduce.read,
        lambda: COUNTING.path,
        lambda: scorecard.judged(1),
        entries,
    ):
        with pytest.raises(FileNotFoundError, match=r"installed without --editable\. Clone the course, and run"):
            look()
    assert "installed without --editable" in copies.bring_up_to_date()[0]
    assert "installed without --editable" in pull.pull()[0]
    for command in (lambda: lab.main([]), lambda: grading.main(["report"]), lambda: grading.main(["assignment", "03"])):
        with pytest.raises(SystemExit, match="installed without --editable"):
            command()
    for command in ("list", "run wrong-labels", "table wrong-labels", "check 1"):
        with pytest.raises(SystemExit) as end:
            main(command.split())
        assert end.value.code == 2 and "installed without --editable" in capsys.readouterr().err
    assert versions.commit.__wrapped__() == "unknown"  # and not that of another clone around it
    assert not list(alone.iterdir())


def test_its_record_is_kept_until_the_kernel_ends(alone, capsys):
    for state in ("wrong", "right"):
        record.checked("fgsm", "04_adversarial", state)
    assert record.exercises()["fgsm"]["state"] == "right"
    assert capsys.readouterr().out.count("kept until the kernel ends") == 1
    assert not list(alone.iterdir())


# The stored runs


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A copy of the stored runs of claim 1, to be damaged."""
    shutil.copy(reproduce.EXPERIMENTS["memorization"].path, tmp_path)
    monkeypatch.setattr(experiment, "RESULTS", tmp_path)
    scorecard.judged(1)
    return tmp_path / "memorization.jsonl"


DAMAGE = {
    "missing": (lambda runs: None, "holds no runs: `git restore data/results` brings"),
    "emptied": (lambda runs: b"", "holds no runs: `git restore data/results` brings"),
    "truncated": (lambda runs: runs[: len(runs) // 3], "needs at least three seeds .*`git restore data/results`"),
    "a flipped bit in a name": (lambda runs: runs.replace(b'"test"', b'"tert"', 1), "must have been .*got .*tert"),
    "a flipped bit in a bracket": (lambda runs: runs.replace(b"}", b"]", 1), "line 1, is not a run .* mend or delete"),
    "replaced": (lambda runs: b"\x1f\x8b\x08\x00 something else\n", "line 1, is not a run .* mend or delete"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_stored_runs_are_named_with_what_mends_them(damage, message, stored):
    damaged = damage(stored.read_bytes())
    stored.unlink()
    if damaged is not None:
        stored.write_bytes(damaged)
    with pytest.raises(ValueError, match=message):
        scorecard.judged(1)


# Writing finished runs


def test_a_result_that_can_be_written_nowhere_counts_as_failed_and_the_grid_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    calls, append = [], store.append

    def sometimes_full(path, cell, record):
        calls.append(cell)
        full() if cell == CELLS[1] else append(path, cell, record)

    monkeypatch.setattr(store, "append", sometimes_full)
    path = tmp_path / "runs.jsonl"
    with pytest.raises(RuntimeError, match=r"(?s)1 of the runs failed.*'bb'.*its result is lost.*No space left"):
        grid.run_all(COUNTING, CELLS, path, jobs=1)
    assert set(store.read(path, COUNTING.cell)) == set(CELLS) - {CELLS[1]}
    assert calls.count(CELLS[1]) == 3  # the file, one beside it, one in the temporary folder


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot be kept from growing a file")
def test_on_a_disk_that_fills_up_no_run_is_torn_and_the_same_command_goes_on(tmp_path, monkeypatch, capsys):
    """A limit on a file's size cuts a line in two, as a full disk does."""
    import resource

    path, spare = tmp_path / "runs.jsonl", tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(store, "spare_folder", lambda: spare)
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        grid.run_all(COUNTING, CELLS, path, jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "append its lines to it" in capsys.readouterr().out
    assert path.stat().st_size == 500 and not path.read_bytes().endswith(b"\n")
    held = [store.read(place, COUNTING.cell) for place in (path, store.beside(path), spare / path.name)]
    assert len(held[0] | held[1] | held[2]) == len(CELLS) and all(held)
    grid.run_all(COUNTING, CELLS, path, jobs=1)
    assert set(store.read(path, COUNTING.cell)) == set(CELLS) and not store.beside(path).exists()


def test_two_commands_move_waiting_runs_and_neither_stumbles(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    about = {"seconds": 1.0, "threads": 1, "python": "3", "torch": "2", "commit": "a"}
    store.append(store.beside(path), CELLS[0], {"measured": {"letters": 1, "drawn": 1}} | about)
    prepare = store.prepare

    def meanwhile(given):
        monkeypatch.setattr(store, "prepare", prepare)
        store.collect(path, COUNTING.cell)  # the other command, between this one's look and its lock
        prepare(given)

    monkeypatch.setattr(store, "prepare", meanwhile)
    store.collect(path, COUNTING.cell)
    assert list(store.read(path, COUNTING.cell)) == CELLS[:1] and not store.beside(path).exists()


def test_waiting_runs_that_cannot_be_moved_stay_and_are_named(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    about = {"seconds": 1.0, "threads": 1, "python": "3", "torch": "2", "commit": "a"}
    store.append(store.beside(path), CELLS[0], {"measured": {"letters": 1, "drawn": 1}} | about)
    monkeypatch.setattr(store, "append", full)
    with pytest.raises(ValueError, match=r"runs\.waiting\.jsonl cannot be moved .* \(.*No space left"):
        store.collect(path, COUNTING.cell)
    assert list(store.read(store.beside(path), COUNTING.cell)) == CELLS[:1]


# Files that are written whole or not at all


def test_whatever_ends_a_write_the_old_file_is_there(tmp_path, monkeypatch):
    path = tmp_path / "page.ipynb"
    path.write_bytes(b"old")
    for call in ("fsync", "replace"):
        for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):
            with monkeypatch.context() as patch:
                patch.setattr(os, call, lambda *_, error=error: (_ for _ in ()).throw(error))
                with pytest.raises(type(error)):
                    folder.write(path, b"new")
    assert [place.read_bytes() for place in tmp_path.iterdir()] == [b"old"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such end")
def test_a_writer_that_is_killed_again_and_again_leaves_a_whole_record(tmp_path):
    path = tmp_path / "record.json"
    write = (
        "import itertools; from course_utils import record\n"
        "for k in itertools.count(): record.checked(f'e{k % 300}', '01_erm', 'right'); k or print('go', flush=True)"
    )
    known = 0
    for _ in range(3):
        writer = script(write, COURSE_RECORD=str(path))
        assert writer.stdout.readline() == "go\n"
        time.sleep(0.2)
        writer.kill()
        writer.communicate(timeout=PATIENCE)
        there = record.load(path).exercises
        assert len(there) >= known > 0 or not known
        known = len(there)
    assert json.loads(path.read_text(encoding="utf-8"))["about"] == record.ABOUT


# make run


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A course of one chapter with one quick cell; what the command would write into docs/ goes elsewhere."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "DOCS", tmp_path / "docs")
    path = tmp_path / "00_start_here.ipynb"
    nbformat.write(book("1 + 1"), path)
    return path


def test_a_notebook_that_cannot_be_stored_is_left_as_it_was(chapter, monkeypatch):
    before = chapter.read_bytes()
    monkeypatch.setattr(notebooks, "execute", lambda notebook, pictures: None)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemExit, match="No space left"):
        notebooks.main(["00"])
    assert chapter.read_bytes() == before and [path.name for path in chapter.parent.iterdir()] == [chapter.name]


def test_that_a_notebook_cannot_be_written_is_said_before_it_runs(chapter, monkeypatch):
    monkeypatch.setattr(notebooks, "execute", lambda *_, **__: pytest.fail("it ran"))
    chapter.unlink()
    chapter.mkdir()
    with pytest.raises(SystemExit, match="Is a directory|denied"):
        notebooks.main(["00"])


def test_ctrl_c_ends_a_running_notebook_in_one_sentence(chapter):
    nbformat.write(book("print('here')", "open('alive', 'w').close(); import time; time.sleep(100)"), chapter)
    before = chapter.read_bytes()
    code = (
        "import sys; from pathlib import Path; from course_utils import notebooks\n"
        "notebooks.NOTEBOOKS = Path(sys.argv[1]); notebooks.DOCS = Path(sys.argv[1], 'docs'); notebooks.main(['00'])"
    )
    running = script(code, chapter.parent)
    end = time.monotonic() + PATIENCE
    while not (chapter.parent / "alive").exists():
        assert running.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    words, status = said(running)
    assert status == 130 and "stopped; the notebook that ran is as it was before" in words, words
    assert "Traceback" not in words and chapter.read_bytes() == before


# Odd places


def test_a_page_in_an_odd_folder_with_a_nonsense_backend_and_no_locale_draws_its_pictures(tmp_path, monkeypatch):
    """The folder's name has spaces and Korean letters; HOME cannot be written."""
    odd = tmp_path / "내 과정 (copy)"
    (odd / "notebooks").mkdir(parents=True)
    (odd / "course_utils").symlink_to(PACKAGE, target_is_directory=True)
    (tmp_path / "home").touch()
    monkeypatch.setattr(notebooks, "NOTEBOOKS", odd / "notebooks")
    for name, value in (("MPLBACKEND", "nonsense"), ("LC_ALL", "C"), ("HOME", str(tmp_path / "home"))):
        monkeypatch.setenv(name, value)
    page = book(
        "import sys\nsys.path.insert(0, '..')\nfrom course_utils import plots\nimport torch\nplots.use_style()",
        "plots.show(plots.pictures(torch.rand(2, 1, 4, 4), ['a', 'b'], title='t'), alt='x')\nprint('✓ 사용자')",
    )
    notebooks.execute(page)
    shown = page.cells[1].outputs
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any(output.get("text") == "✓ 사용자\n" for output in shown)


def test_a_console_that_lacks_letters_does_not_stop_a_command(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", console)
    main(["table", "wrong-labels"])
    assert rb"mean \xb1 standard deviation" in console.buffer.getvalue()


def test_jupyterlab_asks_for_a_home_that_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(copies, "bring_up_to_date", list)
    monkeypatch.setattr(lab, "list_running_servers", list)
    monkeypatch.setattr(lab.LabApp, "launch_instance", lambda _: pytest.fail("it started"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "runtime"))
    with pytest.raises(SystemExit, match="needs a home folder into which it can write .*`HOME=/tmp make lab`"):
        lab.main([])
