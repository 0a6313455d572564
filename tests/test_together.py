"""Side by side: the results of a plain loop, whatever the number of cores, and nothing that runs on after a stop."""

import signal
import threading
import time

import pytest
import torch
from torch import nn

from course_utils import data, mixup, models, training
from course_utils.training import together

POINTS, MOONS = data.two_moons(200, noise=0.1, seed=0)


@pytest.fixture(params=[1, 2, 4])
def cores(request, monkeypatch):
    monkeypatch.setattr(together, "cores", lambda: request.param)
    return request.param


def train(seed, dropout=0.0, loss=training.erm):
    model = nn.Sequential(*models.mlp(2, (32,), 2, seed=seed), nn.Dropout(dropout))
    training.fit(model, POINTS, MOONS, epochs=3, batch_size=20, loss=loss, seed=seed, show=False)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_results_come_in_the_order_of_the_items(cores):
    def slower_at_first(k):
        time.sleep(0.01 * (5 - k))
        return k * k

    assert training.side_by_side(slower_at_first, range(5)) == [0, 1, 4, 9, 16]
    assert training.side_by_side(slower_at_first, []) == []


@pytest.mark.parametrize(
    "options",
    [{}, {"dropout": 0.3}, {"loss": mixup.mixup_loss(0.5, num_classes=2)}],
    ids=["erm", "dropout", "mixup"],
)
def test_trainings_end_as_they_do_one_after_the_other(options, cores):
    alone = [train(seed, **options) for seed in range(4)]
    before = torch.get_rng_state()
    together = training.side_by_side(lambda seed: train(seed, **options), range(4), "four networks")
    assert all(torch.equal(a, b) for a, b in zip(alone, together))
    assert torch.equal(torch.get_rng_state(), before)


def test_stacked_networks_end_alike_on_any_number_of_cores(monkeypatch):
    ends = []
    for count in (1, 2):
        monkeypatch.setattr(together, "cores", lambda count=count: count)
        nets = [models.mlp(2, (16,), 2, seed=seed) for seed in range(7)]
        rows = torch.stack([torch.arange(100)] * 7)
        training.fit_many(nets, POINTS, MOONS[rows], rows, epochs=2)
        ends.append(torch.cat([weight.detach().flatten() for net in nets for weight in net.parameters()]))
    assert torch.equal(*ends)


def test_each_computes_on_one_thread_and_the_threads_come_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert training.side_by_side(lambda _: torch.get_num_threads(), range(3)) == [1, 1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_as_many_at_a_time_as_there_are_cores(monkeypatch):
    monkeypatch.setattr(together, "cores", lambda: 2)
    meet = threading.Barrier(2)  # each waits for the other: alone it would wait for good
    training.side_by_side(lambda _: meet.wait(timeout=60), range(4))


def test_on_a_gpu_one_after_the_other(monkeypatch):
    monkeypatch.setattr(together, "chosen_device", lambda: torch.device("cuda"))
    assert training.cores() == 1
    monkeypatch.setattr(together, "chosen_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(together.joblib, "cpu_count", lambda: 64)
    assert training.cores() == together.MOST


def works_on():
    """The names of threads that were started here and still run."""
    return [thread for thread in threading.enumerate() if "worker" in thread.name]


def test_when_it_returns_its_threads_have_ended(monkeypatch):
    class EndsLate(threading.Thread):
        def run(self):
            super().run()
            time.sleep(0.1)  # as on a machine that has other things to do

    monkeypatch.setattr(together, "Thread", EndsLate)
    assert training.side_by_side(lambda k: k, range(4)) == [0, 1, 2, 3]
    assert not works_on()


def test_the_first_failure_is_raised_and_stops_the_others(monkeypatch):
    monkeypatch.setattr(together, "cores", lambda: 2)
    begun, busy = [], threading.Event()

    def work(k):
        begun.append(k)
        if k == 1:
            busy.wait(timeout=60)
            raise FloatingPointError("the loss is nan")
        busy.set()
        while True:  # until it is stopped
            time.sleep(0.001)

    with pytest.raises(FloatingPointError, match="the loss is nan"):
        training.side_by_side(work, range(10))
    assert sorted(begun) == [0, 1]
    assert not works_on()


def test_a_training_that_waits_for_anothers_dropout_is_stopped_too(monkeypatch):
    monkeypatch.setattr(together, "cores", lambda: 3)
    begun = threading.Barrier(3)

    def work(k):
        begun.wait(timeout=60)
        if k == 2:
            raise ValueError("no")
        while True:
            train(k, dropout=0.3)

    with pytest.raises(ValueError, match="no"):
        training.side_by_side(work, range(3))
    assert not works_on()


def test_inside_a_seeded_block_it_refuses_rather_than_wait_for_good():
    with pytest.raises(RuntimeError, match="would wait for itself"), models.seeded(0):
        training.side_by_side(train, range(2))
    assert len(training.side_by_side(train, range(2))) == 2


def test_only_its_own_threads_are_beside_others():
    """JupyterLab may call a widget from a thread of its own."""
    seen = []
    thread = threading.Thread(target=lambda: seen.append(together.is_beside_others()))
    thread.start()
    thread.join()
    assert seen == [False] and training.side_by_side(lambda _: together.is_beside_others(), [0]) == [True]


def test_an_interrupt_stops_all_of_them_and_says_nothing_else(monkeypatch, capfd):
    monkeypatch.setattr(together, "cores", lambda: 2)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

    def endless(k):
        if k == 1:
            signal.raise_signal(signal.SIGINT)  # arrives in the main thread, as the stop button does
        while True:
            train(k)

    try:
        with pytest.raises(KeyboardInterrupt):
            training.side_by_side(endless, range(10), "ten networks")
    finally:
        signal.signal(signal.SIGINT, before)
    assert not works_on()
    assert "Traceback" not in capfd.readouterr().err
