"""The grid on a cluster: a Dask scheduler and its workers, as processes of this machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from counting import COUNTING, FOLDER
from test_grid import CELLS, PATIENCE, TESTS, assert_as_here, rows_in, start, started, wait_until

from course_utils import models, reproduce
from course_utils.reproduce import cluster, versions

pytest.importorskip("distributed")


class Cluster:
    """Processes that are ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))

    def start(self, kind: str, *arguments: str, python_path: Path = TESTS) -> subprocess.Popen:
        """A scheduler or a worker."""
        command = [sys.executable, "-m", "dask", kind, *arguments, "--no-dashboard"]
        environment = os.environ | {"PYTHONPATH": str(python_path), FOLDER: str(self.folder)}
        with (self.folder / f"{kind}-{len(self.processes)}.txt").open("wb") as printed:
            process = subprocess.Popen(command, stdout=printed, stderr=printed, cwd=self.folder, env=environment)
        self.processes.append(process)
        return process

    def worker(self, *arguments: str, python_path: Path = TESTS) -> subprocess.Popen:
        """A worker as the guide starts one."""
        command = [self.address, "--nthreads", "1", "--no-nanny", *arguments]
        return self.start("worker", *command, python_path=python_path)

    def end(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path, monkeypatch):
    """A scheduler without workers, and a folder where runs say that they have started."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv(models.DEVICE, "cpu")
    monkeypatch.setattr(cluster, "PATIENCE", PATIENCE)  # this machine may be busy
    monkeypatch.setenv("PATH", str(tmp_path))  # without git: somebody may commit while a test is running
    versions.commit.cache_clear()
    made = Cluster(tmp_path)
    yield made
    made.end()
    versions.commit.cache_clear()


def test_killed_workers_and_commands_lose_no_finished_row_and_repeat_none(dask, tmp_path, monkeypatch):
    """Two workers, one is killed and a third one comes; then the command is killed and started again."""
    path, hold = tmp_path / "results.jsonl", tmp_path / "hold-ccc"
    finished = {cell for cell in CELLS if cell.word != "ccc"}
    hold.touch()
    victim, _ = dask.worker(), dask.worker()
    command = start(tmp_path, "run", "counting", "--scheduler", dask.address, "--out", path)
    wait_until(lambda: rows_in(path) == finished and started(tmp_path, "ccc") == 2, "all runs but two are finished")
    victim.kill()
    dask.worker()
    wait_until(lambda: started(tmp_path, "ccc") == 3, "the run of the killed worker is made by the new one")
    command.kill()
    command.wait(PATIENCE)
    hold.unlink()  # the workers end what they are at, though nobody wants it any more
    reproduce.run_all(COUNTING, CELLS, path, scheduler=dask.address)
    assert len(path.read_text().splitlines()) == len(CELLS)
    assert started(tmp_path, "a") == started(tmp_path, "bb") == 2 and started(tmp_path, "ccc") == 5
    assert_as_here(COUNTING.read(path))


def test_a_worker_that_differs_is_named_and_a_scheduler_that_dies_ends_the_grid(dask, tmp_path, monkeypatch):
    """In their commit. Then a run kills the scheduler: the others are not waited for."""
    path = tmp_path / "results.jsonl"
    dask.worker()
    with monkeypatch.context() as changed:
        changed.setattr(versions, "commit", lambda: "another")
        with pytest.raises(ValueError, match="differs from this machine: commit .* there, another here"):
            reproduce.run_all(COUNTING, CELLS, path, scheduler=dask.address)
    (tmp_path / "kill-ccc").write_text(str(dask.scheduler.pid))
    with pytest.raises(RuntimeError, match=r"(?s)4 of the runs failed.*(is gone|lost on the cluster)"):
        reproduce.run_all(COUNTING, CELLS, path, scheduler=dask.address)
    assert rows_in(path) == set(CELLS[:2])


def test_workers_without_the_course_or_with_several_threads_are_named(dask, tmp_path):
    (tmp_path / "lib" / "course_utils").mkdir(parents=True)
    (tmp_path / "lib" / "course_utils" / "__init__.py").write_text("raise ImportError('not here')")
    dask.worker(python_path=tmp_path / "lib")
    with pytest.raises(ValueError, match="lack the course .not here"):
        reproduce.run_all(COUNTING, CELLS, tmp_path / "results.jsonl", scheduler=dask.address)
    dask.worker("--nthreads", "2")
    wait_until(lambda: "Registered to" in (tmp_path / "worker-2.txt").read_text(), "the second worker is there")
    with pytest.raises(ValueError, match="one thread each, these have more: tcp"):
        reproduce.run_all(COUNTING, CELLS, tmp_path / "results.jsonl", scheduler=dask.address)


def test_a_cluster_that_is_not_there_is_said_at_once(dask, tmp_path, monkeypatch):
    def run(address):
        reproduce.run_all(COUNTING, CELLS, tmp_path / "results.jsonl", scheduler=address)

    wait_until(lambda: "Scheduler at" in (tmp_path / "scheduler-0.txt").read_text(), "the scheduler has started")
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(ValueError, match="has no workers yet"):
        run(dask.address)
    dask.end()
    for address in (dask.address, "nonsense", "http://127.0.0.1:1"):
        with pytest.raises(ValueError, match=f"no scheduler answers at {address}"):
            run(address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'beyond-training-error\[cluster\]'"):
        run(dask.address)
