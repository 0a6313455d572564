"""The scorecard: nine claims, judged by stored runs; the statistics of its chapter; what it says of doctored runs."""

from functools import cache

import pandas as pd
import pytest
import torch
from scipy import stats

from course_utils import claims, metrics, plots
from course_utils.claims import LECTURE, Claim, Difference, Evidence
from course_utils.notebooks import CHAPTERS
from course_utils.reproduce import EXPERIMENTS, experiment, scorecard

judged = cache(scorecard.judged)  # by the stored runs


# ---- the statistics ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_the_interval_is_scipys(n):
    pairs = torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    ours = metrics.paired_interval(pairs)
    theirs = stats.t.interval(0.95, n - 1, loc=pairs.mean().item(), scale=stats.sem(pairs.numpy()))
    assert ours == pytest.approx(theirs)


def test_the_interval_holds_the_truth_in_95_of_100_draws():
    draws = torch.randn(2_000, 4, generator=torch.Generator().manual_seed(0))
    low, high = torch.tensor([metrics.paired_interval(draw) for draw in draws]).T
    assert metrics.coverage(low, high, torch.zeros(2_000)) == pytest.approx(0.95, abs=0.015)


def test_the_rule_of_the_exercise_is_the_rule_of_the_cards():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        runs, control = torch.rand(3, generator=generator), torch.rand(3, generator=generator)
        bound, margin = 0.3, 0.1
        pieces = [Evidence("", values, above=bound, margin=margin, unit="") for values in (runs, control)]
        claim = Claim("", "", pieces[:1], "", controls=pieces[1:])
        holds, passes = metrics.verdict(runs, control, bound, margin)
        assert claim.holds == holds
        assert (claim.verdict == "holds with a condition") == (holds and passes)


def test_clearance_is_how_far_the_worst_run_or_end_lies_from_what_is_asked():
    assert Evidence("", [3, 5], above=1, below=9, margin=0.5).clearance == pytest.approx(1.5)
    assert Evidence("", [3, 8.9], below=9, margin=0.5).clearance == pytest.approx(-0.4)
    pairs = Difference("", [1, 2, 3], above=0)
    assert pairs.clearance == pytest.approx(pairs.interval[0]) and not pairs.holds
    for piece in (Evidence("", [3, 5], above=3, margin=0.1), pairs):
        assert (piece.clearance >= 0) == piece.holds
        assert "short" in scorecard.margin(piece)


# ---- the rows ------------------------------------------------------------------------------------------------


def test_every_claim_of_the_lecture_has_its_row():
    assert list(scorecard.SCORECARD) == list(LECTURE)


@pytest.mark.parametrize("number", scorecard.SCORECARD)
def test_a_row_is_judged_by_five_seeds_of_committed_code_and_has_a_control(number):
    found = judged(number)
    assert len(found.seeds) >= 5
    assert all("dirty" not in commit and commit != "unknown" for commit in found.commits)
    assert found.claim.of == number and found.claim.controls and len(found.claim.evidence) <= 4
    assert found.row.chapter in CHAPTERS
    assert len(found.row.short) <= 44 and len(found.row.moral) <= 110
    for piece in (*found.claim.evidence, *found.claim.controls):
        assert len(piece.values) >= 5


@pytest.mark.parametrize("number", scorecard.SCORECARD)
def test_no_verdict_hangs_by_a_thread(number):
    """What decides stays on its side if bound or values move by a tenth of the spread."""
    for piece in (*judged(number).claim.evidence, *judged(number).claim.controls):
        spread = pd.Series(piece.values).std()
        assert abs(piece.clearance) > 0.1 * spread or abs(piece.clearance) > 0.5, piece


def test_the_verdicts_are_those_that_the_course_tells():
    verdicts = {number: judged(number).claim.verdict for number in LECTURE}
    assert [verdicts[k] for k in (1, 4)] == ["holds here"] * 2
    assert verdicts[5] == "does not hold here"
    assert [verdicts[k] for k in (3, 6, 8, 9)] == ["holds with a condition"] * 4


@pytest.mark.parametrize("number", set(scorecard.SCORECARD) - {4})  # compares columns of one run: test_exp_attacks.py
def test_runs_that_differ_in_nothing_carry_no_claim(number):
    """Every run of an experiment measures the same: then the control does what the method does, and nothing holds
    without a condition."""
    found = judged(number)
    flat = {}
    for name, frame in found.frames.items():
        numbers = frame[list(EXPERIMENTS[name].measured)].select_dtypes("number").columns
        flat[name] = frame.assign(**{column: frame[column].mean() for column in numbers})
    assert found.row.judge(flat).verdict != "holds here"


def test_a_claim_needs_three_whole_seeds(tmp_path):
    with pytest.raises(ValueError, match="at least three seeds"):
        scorecard.judged(1, seeds=[0, 1])
    with pytest.raises(ValueError, match=r"on the seeds \[77\]"):
        scorecard.judged(1, seeds=[0, 1, 77])
    with pytest.raises(ValueError, match="number must be one of 1, 2"):
        scorecard.judged(10)
    with pytest.raises(ValueError, match="three seeds with all runs, there are"):
        scorecard.judged(1, folder=tmp_path)


def test_the_runs_that_are_needed_are_among_those_that_are_stored():
    for number, row in scorecard.SCORECARD.items():
        for name, cells in scorecard.needed([number], range(5)).items():
            assert set(cells) <= set(EXPERIMENTS[name].cells()), (number, name)
            assert set(row.needs[name]) <= set(EXPERIMENTS[name].settings)
            for cell in cells:
                EXPERIMENTS[name].check(cell)


@pytest.fixture
def a_claim_of_ours(monkeypatch, tmp_path):
    """A tenth claim, of runs that take no time."""

    def judge(frames):
        gain = experiment.values(frames["toy"], "gain", kind="new") - experiment.values(
            frames["toy"], "gain", kind="old"
        )
        control = experiment.values(frames["toy"], "gain", kind="old")
        return Claim("Claim 1", "It gains.", [Difference("new − old", gain, above=0)], "a toy.", of=1,
                     controls=[Evidence("old", control, above=100)])  # fmt: skip

    toy = experiment.Experiment("toy", "A toy.", Toy, toy_run, ({"kind": ("old", "new"), "seed": range(5)},),
                                {"gain": "what is gained"})  # fmt: skip
    row = scorecard.Row(1, "It gains", "01_erm", {"toy": {"kind": ("old", "new")}}, judge, "Toys gain.")
    monkeypatch.setitem(EXPERIMENTS, "toy", toy)
    monkeypatch.setitem(scorecard.SCORECARD, 1, row)
    monkeypatch.setattr(experiment, "RESULTS", tmp_path / "stored")
    scorecard.run_all(toy, toy.cells(), toy.path, 1)
    return row


class Toy(experiment.NamedTuple):
    kind: str
    seed: int


def toy_run(cell):
    """On seeds from 500 on the new one loses."""
    return {"gain": (1.0 if cell.seed < 500 else -1.0) * (cell.kind == "new") + 0.01 * cell.seed}


def test_check_runs_what_is_missing_and_prints_the_margins(a_claim_of_ours, tmp_path, capsys):
    assert scorecard.check([1], [100, 101, 102], 1, tmp_path / "new")
    said = capsys.readouterr().out
    assert "holds here (as with the stored seeds)" in said
    assert "✓ new − old: 95 % interval 1 to 1, 1 points to spare" in said
    assert "control does not pass: old: runs 1 to 1.02, 99 % short" in said
    narrowest = said.partition("The narrowest")[2].splitlines()[1:]
    assert [line.split(":")[0] for line in narrowest] == ["   1. control does not pass", "   1. ✓ new − old"]
    scorecard.check([1], [100, 101, 102], 1, tmp_path / "new")
    assert "6 of 6 runs" in capsys.readouterr().out


def test_check_says_where_new_seeds_tell_another_story(a_claim_of_ours, tmp_path, capsys):
    assert not scorecard.check([1], [500, 501, 502], 1, tmp_path / "new")
    assert "does not hold here (the stored seeds say: holds here)" in capsys.readouterr().out
    with pytest.raises(ValueError, match="at least three"):
        scorecard.check([1], [500, 501, 501], 1, tmp_path / "new")


def test_a_seed_of_which_a_run_is_missing_does_not_count(a_claim_of_ours):
    toy = EXPERIMENTS["toy"]
    scorecard.run_all(toy, [Toy("new", 9)], toy.path, 1)
    assert scorecard.judged(1).seeds == [0, 1, 2, 3, 4]


# ---- the page ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", scorecard.SCORECARD)
def test_what_stands_behind_a_card(number):
    found = judged(number)
    text = scorecard.about(found)
    assert f"reproduce check {number} --seeds 0-{len(found.seeds) - 1}`" in text and found.row.moral in text
    assert all(commit in text for commit in found.commits)


def test_the_table_has_a_line_for_each_claim_and_links_to_its_card():
    lines = scorecard.table([judged(number) for number in LECTURE]).splitlines()
    assert len(lines) == 11 and len({line.count("|") for line in lines}) == 1
    for number, line in zip(LECTURE, lines[2:]):
        assert f"[{number}](#Claim-{number})" in line and LECTURE[number] in line


def test_the_picture_says_for_each_claim_what_was_measured_and_the_verdict():
    lines = [scorecard.score_line(number, judged(number).claim) for number in LECTURE]
    figure = plots.draw_scorecard(lines, "Nine claims")
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    for line in lines:
        assert line.short in texts and line.evidence.what in texts
        assert plots.written(line.evidence.values, line.evidence.unit) in texts
    assert len(plots.png(figure)) > 20_000


def test_every_dot_of_a_measurement_is_drawn_on_its_side_of_the_bound():
    evidence = plots.Measured("gain", [1.0, 2.0, 5.0], above=1.5, unit="points")
    figure = plots.draw_scorecard([plots.ScoreLine(1, "It gains", "Toys gain.", "holds here", evidence, None)], "")
    marks = [line for ax in figure.axes for line in ax.lines]
    bound, dots = marks[0].get_xdata()[0], marks[-1].get_xdata()
    assert (dots > bound).tolist() == [False, True, True]


def test_numbers_are_written_with_the_decimals_that_their_spread_has_a_use_for():
    assert plots.written([90, 92, 94], "%") == "92.0 ± 2.0 %"
    assert plots.written([1.1, 1.2, 1.3], "×") == "1.20 ± 0.10 ×"
    assert plots.written([-2, -3, -4], "points") == "−3.0 ± 1.0 points"
    assert claims.LECTURE is LECTURE
