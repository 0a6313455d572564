"""The grid: rows that survive whatever happens, and a command line that says what is wrong before anything runs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from math import nan
from pathlib import Path

import counting
import pandas as pd
import pytest
from counting import COUNTING, FOLDER, Counted

from course_utils import models, reproduce
from course_utils.reproduce import grid, store, tables, versions
from course_utils.reproduce.__main__ import duration, main, parse
from course_utils.reproduce.experiments import EXPERIMENTS

TESTS = Path(__file__).parent
CELLS = COUNTING.cells()
PATIENCE = 120  # seconds; a busy machine is slow


def record(**measured):
    about = {"seconds": 1.5, "threads": 1, "python": "3", "torch": "2", "commit": "abc"}
    return {"measured": {"letters": 0.5, "drawn": 0.25} | measured} | about


def started(folder, word="*", seed="*"):
    """How often such runs were begun."""
    return len(list(folder.glob(f"started-{word}-{seed}-*")))


def wait_until(true, what):
    """Look until it is so."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"in {PATIENCE} s it did not come about that {what}"
        time.sleep(0.05)


def rows_in(path):
    """The finished cells of a file that may be growing."""
    return set(store.read(path, Counted))


def start(folder, *arguments, **environment):
    """The course's command line as a process of its own; what it prints stands in a file."""
    code = "import counting; counting.command()"
    environment = {"PYTHONPATH": str(TESTS), FOLDER: str(folder), "COURSE_DEVICE": "cpu"} | environment
    with (folder / "printed").open("ab") as printed:
        return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=printed, stderr=printed,
                                env=os.environ | environment)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the runs of this process say that they have started."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv(models.DEVICE, "cpu")
    monkeypatch.setitem(EXPERIMENTS, "counting", COUNTING)
    return tmp_path


# The file


def test_what_is_appended_is_read(tmp_path):
    path = tmp_path / "results.jsonl"
    assert COUNTING.read(path).empty
    store.append(path, CELLS[0], record())
    store.append(path, CELLS[1], record() | {"measured": store.plain({"letters": 0.5, "drawn": nan})})
    store.append(path, CELLS[0], record(drawn=0.75))
    frame = COUNTING.read(path)
    assert list(frame.columns) == ["word", "times", "seed", "letters", "drawn", *store.ABOUT]
    assert frame.word.tolist() == ["a", "bb"]
    assert frame.drawn[0] == 0.75 and frame.drawn.isna()[1]
    assert json.loads(path.read_text().splitlines()[1])["measured"]["drawn"] is None


def test_a_file_that_was_cut_off_anywhere_costs_the_last_row_at_most(tmp_path):
    path = tmp_path / "results.jsonl"
    store.append(path, CELLS[0], record())
    first = path.read_bytes()
    store.append(path, CELLS[1], record())
    whole = path.read_bytes()
    for length in range(len(first), len(whole)):
        path.write_bytes(whole[:length])
        there = CELLS[: 1 + (length == len(whole) - 1)]  # of the last row, the newline alone is missing
        assert list(store.read(path, Counted)) == there
        store.append(path, CELLS[2], record())
        assert list(store.read(path, Counted)) == [*there, CELLS[2]]
        assert path.read_bytes().startswith(first) and path.read_bytes().count(b"\n") == len(there) + 1


def test_a_file_that_an_editor_has_saved_is_read(tmp_path):
    path = tmp_path / "results.jsonl"
    for cell in CELLS[:2]:
        store.append(path, cell, record())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    store.append(path, CELLS[2], record())
    assert list(store.read(path, Counted)) == CELLS[:3]


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "my notes", "[1, 2]\n", '{"word": "a"}\n', "\ufeffmy notes\n", '{"name": "a", "x'.ljust(9)]
)
def test_a_file_of_something_else_is_named_and_not_touched(text, tmp_path, folder):
    path = tmp_path / "mine.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.jsonl, line 1, is not a run with word, times, seed"):
        reproduce.run_all(COUNTING, CELLS, path, jobs=1)
    assert path.read_text(encoding="utf-8") == text


def test_a_line_that_is_damaged_in_the_middle_is_named(tmp_path):
    path = tmp_path / "results.jsonl"
    for cell in CELLS[:3]:
        store.append(path, cell, record())
    lines = path.read_text().splitlines(keepends=True)
    for damaged in (lines[1][:30] + "\n", lines[1].replace('"seconds": 1.5, ', ""), lines[1].replace("2", "two")):
        path.write_text(lines[0] + damaged + lines[2])
        with pytest.raises(ValueError, match=r"results\.jsonl, line 2, is not a run"):
            store.read(path, Counted)


def test_a_run_whose_file_cannot_be_written_goes_beside_it_and_is_moved_there_later(folder, capsys):
    path = folder / "results.jsonl"

    def run(cell):
        if cell == CELLS[1]:
            path.rename(folder / "away")
            path.mkdir()  # from now on, as if another program held the file
        return counting.count(cell)

    reproduce.run_all(COUNTING._replace(run=run), CELLS, path, jobs=1)
    assert f"in {store.beside(path)} instead: they are moved there" in capsys.readouterr().out
    assert rows_in(folder / "away") == {CELLS[0]} and rows_in(store.beside(path)) == set(CELLS[1:])
    path.rmdir()
    (folder / "away").rename(path)
    reproduce.run_all(COUNTING, CELLS, path, jobs=1)
    assert rows_in(path) == set(CELLS) and started(folder) == len(CELLS) and not store.beside(path).exists()


def test_where_the_folder_cannot_be_written_either_runs_go_to_a_temporary_one(folder, capsys):
    path = folder / "results.jsonl"

    def run(cell):
        for place in (path, store.beside(path)):
            place.unlink(missing_ok=True)
            place.mkdir()
        return counting.count(cell)

    store.spare_folder.cache_clear()
    reproduce.run_all(COUNTING._replace(run=run), CELLS[:1], path, jobs=1)
    spare = store.spare_folder() / path.name
    assert f"in {spare} instead: append its lines to it" in capsys.readouterr().out
    assert rows_in(spare) == {CELLS[0]}
    store.spare_folder.cache_clear()


# The grid


def test_finished_runs_are_not_made_again_and_the_same_one_once(folder, capsys):
    path = folder / "new" / "results.jsonl"
    reproduce.run_all(COUNTING, CELLS[:2], path, jobs=1)
    reproduce.run_all(COUNTING, [*CELLS, *CELLS], path, jobs=1)
    assert f"2 of {len(CELLS)} runs are in {path} already, {len(CELLS) - 2} to go" in capsys.readouterr().out
    assert started(folder) == len(CELLS) == len(path.read_text().splitlines())


def test_a_run_that_fails_leaves_the_finished_ones(folder):
    def run(cell):
        if cell == CELLS[2]:
            raise OSError("no power")
        return {"letters": nan, "drawn": float("inf")} if cell == CELLS[3] else counting.count(cell)

    path = folder / "results.jsonl"
    with pytest.raises(RuntimeError, match=r"(?s)2 of the runs failed.*word='ccc'.*no power"):
        reproduce.run_all(COUNTING._replace(run=run), CELLS, path, jobs=1)
    assert rows_in(path) == {*CELLS} - {CELLS[2], CELLS[3]}


def test_a_process_that_is_killed_costs_its_own_run(folder):
    """Side by side, in processes to which what is to be done must be sent, on one thread each."""
    path = folder / "results.jsonl"
    (folder / "kill-bb").touch()
    with pytest.raises(RuntimeError, match=r"(?s)1 of the runs failed.*word='bb'.*its process was killed"):
        reproduce.run_all(COUNTING, CELLS[:4], path, jobs=2)
    frame = COUNTING.read(path)
    assert set(frame.word) == {"a", "ccc"} and set(frame.threads) == {1} and len(frame) == 3
    assert started(folder) == 4


def test_a_command_that_is_killed_goes_on_where_it_was(folder):
    """First by SIGKILL, then by Ctrl-C; then it is left alone. The temporary folder's name is not ASCII."""
    korean = folder / "사용자"
    korean.mkdir()
    path = korean / "results.jsonl"
    (folder / "hold-ccc").touch()
    finished = {cell for cell in CELLS if cell.word != "ccc"}

    def command():
        temporary = {"TMPDIR": str(korean), "TEMP": str(korean), "JOBLIB_TEMP_FOLDER": str(korean)}
        return start(folder, "run", "counting", "--jobs", 2, "--out", path, **temporary)

    def two_are_left(begun):
        return lambda: rows_in(path) == finished and started(folder, "ccc") == begun

    for begun, sent, status in ((2, signal.SIGKILL, -signal.SIGKILL), (4, signal.SIGINT, 130)):
        process = command()
        wait_until(two_are_left(begun), "all runs but two are finished")
        process.send_signal(sent)
        assert process.wait(PATIENCE) == status
    (folder / "hold-ccc").unlink()
    reproduce.run_all(COUNTING, CELLS, path, jobs=1)
    assert started(folder, "a") == started(folder, "bb") == 2 and started(folder, "ccc") == 6
    printed = (folder / "printed").read_text()
    assert "4 of 6 runs" in printed and "stopped; the finished runs are written down" in printed
    assert len(path.read_text().splitlines()) == len(CELLS)
    assert_as_here(COUNTING.read(path))


def test_an_interrupt_between_two_runs_leaves_no_process_behind(folder, monkeypatch):
    (folder / "hold-ccc").touch()
    made, new_process = [], grid.new_process
    monkeypatch.setattr(grid, "new_process", lambda: made.append(new_process()) or made[-1])

    def interrupted(bar):
        raise KeyboardInterrupt

    monkeypatch.setattr(grid.progress.Bar, "update", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:  # it keeps the frames alive, as a command's last words do
        grid.run_all(COUNTING, CELLS, folder / "results.jsonl", jobs=2)
    for process in made:
        with pytest.raises(RuntimeError, match="after shutdown"):
            process.submit(int)
    assert stopped.traceback


def test_asking_for_the_commit_writes_nothing_that_a_kill_could_leave_half_done(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words], cwd=tmp_path, check=True)

    code = tmp_path / "course_utils" / "code.py"
    code.parent.mkdir()
    code.touch()
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    os.utime(code, (1, 1))  # git would note this in its index, under a lock
    before = (tmp_path / ".git" / "index").read_bytes()
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    assert re.fullmatch(r"[0-9a-f]+", versions.commit.__wrapped__())
    assert (tmp_path / ".git" / "index").read_bytes() == before


def assert_as_here(frame):
    """The rows are those that this process makes of all cells."""
    here = pd.DataFrame([cell._asdict() | counting.count(cell) for cell in CELLS])
    there = frame[here.columns].sort_values(["seed", "word"], ignore_index=True)
    pd.testing.assert_frame_equal(there, here)


def test_two_commands_on_one_file_lose_no_row(tmp_path):
    path = tmp_path / "results.jsonl"
    commands = [
        start(tmp_path, "run", "counting", "--set", f"word={word}", "--seeds", "0-99", "--jobs", "1", "--out", path)
        for word in ("a", "bb")
    ]
    assert [command.wait(PATIENCE) for command in commands] == [0, 0]
    assert len(path.read_text().splitlines()) == len(rows_in(path)) == 200


# What a row says


def test_a_run_without_git_is_a_run_all_the_same(folder, monkeypatch):
    versions.commit.cache_clear()
    monkeypatch.setattr(versions.shutil, "which", lambda name: None)
    reproduce.run_all(COUNTING, CELLS[:1], folder / "results.jsonl", jobs=1)
    versions.commit.cache_clear()
    assert COUNTING.read(folder / "results.jsonl")["commit"].tolist() == ["unknown"]


def test_values_are_one_a_seed_and_what_is_not_clear_is_named():
    frame = pd.DataFrame([
        cell._asdict() | record(drawn=nan if cell.seed else 0.5, letters=cell.seed / 10)["measured"] | {"kind": "x"}
        for cell in CELLS[::-1]
    ])  # fmt: skip
    found = reproduce.values(frame, "letters", word="bb")
    assert found.index.tolist() == [0, 1] and found.tolist() == [0.0, 0.1]
    for settings, message in (
        ({}, "several runs of a seed: word must be named"),
        ({"word": "dd"}, "word must be one of .* got 'dd'"),
        ({"wort": "a"}, r"wort.*did you mean 'word'\?"),
    ):
        with pytest.raises(ValueError, match=message):
            reproduce.values(frame, "letters", **settings)
    with pytest.raises(ValueError, match=r"drawn was not measured .* seeds \[1\]"):
        reproduce.values(frame, "drawn", word="a")


def test_time_is_expected_from_stored_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("course_utils.reproduce.experiment.RESULTS", tmp_path)
    assert duration(COUNTING.expected(CELLS)) == "?"
    store.append(COUNTING.path, CELLS[0], record() | {"seconds": 10.0})
    store.append(COUNTING.path, CELLS[1], record() | {"seconds": 20.0})
    assert COUNTING.expected(CELLS[:3]) == 10 + 20 + 15
    assert [duration(seconds) for seconds in (0.4, 45, 600, 9_000)] == ["0 s", "45 s", "10 min", "2.5 h"]


# The command line


@pytest.fixture
def finished(folder):
    """A file with all runs."""
    path = folder / "results.jsonl"
    main(["run", "counting", "--jobs", "1", "--out", str(path)])
    return path


def test_the_command_prints_and_draws_what_is_finished(finished, capsys):
    main(["table", "counting", "--out", str(finished), "--set", "word=a,bb"])
    table = capsys.readouterr().out
    assert "letters, %" in table and "4.0 ± 0.0 (2)" in table and "ccc" not in table
    main(
        ["plot", "counting", "--out", str(finished), "--measure", "drawn", "--to", str(finished.parent / "p" / "a.png")]
    )
    assert Path(capsys.readouterr().out.strip()).read_bytes().startswith(b"\x89PNG")


def test_numbers_that_are_no_shares_are_not_written_in_percent():
    frame = pd.DataFrame([cell._asdict() | {"letters": 3.5, "drawn": 0.5} for cell in CELLS])
    table = tables.overview(COUNTING, frame, ["letters", "drawn"])
    assert table.loc[("a", 2)].tolist() == ["3.5 ± 0.0 (2)", "50.0 ± 0.0 (2)"]


def test_the_experiments_are_listed_with_claims_and_time(capsys):
    main(["list"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in EXPERIMENTS)
    assert "colored-mnist   [claims: 7]" in printed and "293 of 293 runs are stored" in printed


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run countign", r"got 'countign' \(did you mean 'counting'\?\)"),
        ("table magic", "experiment must be one of"),
        ("run counting --seeds a-b", "must look like 0-4 or 0,3,7"),
        ("run counting --seeds 1-2-3", "must look like 0-4 or 0,3,7"),
        ("run counting --seeds 4-0", "4-0 runs backwards: write 0-4"),
        ("run counting --jobs 0", "must be a whole number from 1, got 0"),
        ("run counting --set wrod=a", r"setting of counting must .* got 'wrod' \(did you mean 'word'\?\)"),
        ("run counting --set word=bbb", r"word must be one of 'a', 'bb', 'ccc'; got 'bbb' \(did you mean 'bb'\?\)"),
        ("run counting --set times=few", "times must be of type int, got 'few'"),
        ("run counting --set word", "must look like method=erm,mixup; got 'word'"),
        ("run counting --out {folder}", "cannot be read"),
        ("run counting --out {folder}/file/results.jsonl", "cannot be written"),
        ("run --out {folder}/results.jsonl", "--out takes one experiment"),
        ("run counting --device toaster", "COURSE_DEVICE must name a device .* got 'toaster'"),
        ("run counting --device cpu --scheduler x:1", "start the workers with COURSE_DEVICE=cpu"),
        ("table counting --out {folder}/none.jsonl", "there are no such runs"),
        ("plot counting --out {folder}/none.jsonl", "there are no such runs"),
        ("check 10", "claim must be one of 1, 2"),
        ("check 1 --seeds 7", "seeds must be at least three"),
        ("colored-mnist --seeds 0-4", "choose from"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_run(command, message, folder, capfd):
    (folder / "file").touch()
    with pytest.raises(SystemExit) as end:
        main([word.format(folder=folder) for word in command.split(" ")])
    assert end.value.code == 2 and not started(folder)
    printed = " ".join(capfd.readouterr().err.split())
    assert re.search(message, printed), printed


def test_a_measure_that_was_not_taken_is_named(finished, capsys):
    with pytest.raises(SystemExit):
        main(["table", "counting", "--out", str(finished), "--measure", "lettres"])
    assert "did you mean 'letters'?" in capsys.readouterr().err


def test_the_defaults_are_all_cores_and_what_is_stored(folder, monkeypatch):
    asked = parse(["run", "counting"])
    assert (asked.names, asked.set, asked.seeds, asked.out, asked.jobs) == (["counting"], None, None, None, None)
    assert grid.cores() >= 1 and parse(["run"]).names == []
    assert parse(["run", "counting", "--seeds", "0-2,7"]).seeds == [0, 1, 2, 7]
    assert parse(["run", "counting", "--set", "word=a, b,c"]).set == [("word", ["a, b", "c"])]
    assert parse(["check"]).seeds == [1000, 1001, 1002] and parse(["check", "--jobs", "3"]).jobs == 3


@pytest.mark.parametrize(("same", "status"), [(True, None), (False, 1)])
def test_check_hands_on_what_is_asked_and_says_by_its_status_whether_verdicts_differ(
    same, status, tmp_path, monkeypatch
):
    from course_utils.reproduce import scorecard

    given = []
    monkeypatch.setattr(scorecard, "check", lambda *arguments: given.append(arguments) or same)
    try:
        main(["check", "4", "7", "--seeds", "5-7", "--jobs", "3", "--out", str(tmp_path)])
        code = None
    except SystemExit as end:
        code = end.code
    assert given == [([4, 7], [5, 6, 7], 3, tmp_path, None)] and code == status
