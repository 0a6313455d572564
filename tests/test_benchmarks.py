"""The benchmarks, tiny: each runs, its sides agree, and README.md holds the rows that `make bench` prints. How long
anything takes is not asked here."""

import re

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import attacking, chapters, drawing, fitting, growing, pairing, sharing
from benchmarks.measure import Row, in_turn, must_agree

# What makes each benchmark small.
TINY = {
    fitting.against_torchvision: {"n": 300, "turns": 1},
    fitting.against_the_bare_step: {"n": 300, "turns": 1},
    fitting.mixing: {"batches": 1, "turns": 1},
    fitting.many_networks: {"networks": 2, "n": 60, "turns": 1, "processes": 1},
    fitting.side_by_side: {"n": 100, "turns": 1, "threads": 1},
    attacking.fgsm: {"n": 20, "turns": 1, "calls": 1},
    attacking.pgd: {"n": 20, "steps": 3, "turns": 1},
    attacking.pgd_on_many: {"n": 260, "steps": 1, "turns": 1},
    pairing.selecmix_steps: {"n": 300, "pool": 50, "turns": 1},
    pairing.partners: {"n": 200, "pool": 100, "batch": 20, "turns": 1},
    drawing.colouring: {"n": 20, "turns": 1},
    drawing.rendering: {"n": 12, "turns": 1},
    growing.growth: {
        "sizes": (1_000, 2_000, 60_000),
        "turns": 1,
        "measure": lambda work, sizes: growing.Sweep([1e-5 * n for n in sizes], [4_000 * n for n in sizes]),
    },
    sharing.beside_neighbours: {"n": 100, "turns": 1},
    sharing.imports: {"first": "import json", "turns": 1},
    chapters.notebooks: {},
}  # fmt: skip
BENCHMARKS = [benchmark for theme in bench.THEMES.values() for benchmark in theme.BENCHMARKS]
ROWS = {}


def rows(benchmark):
    """Its rows, measured once for all tests."""
    if benchmark not in ROWS:
        ROWS[benchmark] = list(benchmark(**TINY[benchmark]))
    return ROWS[benchmark]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.__name__)
def test_a_benchmark_yields_rows_of_positive_numbers(benchmark):
    found = rows(benchmark)
    assert found
    for row in found:
        if benchmark is not chapters.notebooks:
            assert len(row.values) == TINY[benchmark]["turns"]
        assert all(np.isfinite(value) and value > 0 for value in row.values), row
        assert re.fullmatch(r"low|high|[≤≥] [\d.,]+", row.goal)
        assert row.line().count("|") == 7


def test_the_readme_holds_the_rows_that_make_bench_prints():
    _, _, rest = bench.README.read_text(encoding="utf-8").partition(bench.BEGIN)
    table, _, _ = rest.partition(bench.END)
    written = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert written[1:] == [row.what for benchmark in BENCHMARKS for row in rows(benchmark)]
    assert bench.HEAD in table


def test_the_stored_notebooks_stand_in_the_readme_as_they_are_stored():
    assert bench.renewed(rows(chapters.notebooks)) == bench.README.read_text(encoding="utf-8")


@pytest.mark.parametrize("work", ["fit", "colored_mnist"])
def test_a_sweep_measures_every_size(work, monkeypatch):
    monkeypatch.setattr(growing, "REPEATS", 1)
    found = growing.sweep(work, [20, 40])
    assert len(found.seconds) == len(found.peak) == 2
    assert min(found.seconds) > 0


def test_a_straight_line_is_one():
    found = growing.Sweep([3, 5, 9], [100, 110, 130])
    assert found.straightness([1, 2, 4]) == pytest.approx(1)
    assert found.bytes_each([1, 2, 4]) == pytest.approx(10)
    assert growing.Sweep([1, 4, 16], [0, 0, 0]).exponent([1, 2, 4]) == pytest.approx(2)


def test_a_row_says_whether_its_median_meets_the_goal():
    assert Row("a ÷ b", [1, 2, 9], "≤ 2").line() == "| a ÷ b | 1.00 | 2.00 | 9.00 | ≤ 2 | yes |"
    assert Row("a ÷ b", [12.34], "≥ 1,024").line() == "| a ÷ b | 12.3 | 12.3 | 12.3 | ≥ 1,024 | no |"
    assert Row("a ÷ b", [1_234], "low").line() == "| a ÷ b | 1,234 | 1,234 | 1,234 | low |  |"
    assert Row("a ÷ b", [], "≤ 2").line() == "| a ÷ b | — | — | — | ≤ 2 |  |"


def test_sides_take_turns_after_a_run_that_does_not_count():
    calls = []
    took = in_turn(2, a=lambda: calls.append("a"), b=lambda: calls.append("b"))
    assert "".join(calls) == "ab" + "ab" + "ba"
    assert took.a.shape == took.b.shape == (2,)


def test_sides_that_differ_are_not_compared():
    import torch

    must_agree(torch.tensor([1.0]), torch.tensor([1.0 + 1e-6]), by=1e-5)
    for other in (1.1, float("nan")):
        with pytest.raises(RuntimeError, match="differ"):
            must_agree(torch.tensor([1.0]), torch.tensor([other]), by=1e-5)
