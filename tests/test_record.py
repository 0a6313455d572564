"""The reader's own record: nothing is lost, nothing stops a page, nothing is kept that was not written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import record
from course_utils.claims import LECTURE, Claim, Evidence, so_far
from course_utils.predictions import predict, scored
from course_utils.record import Kept


@pytest.fixture
def file(tmp_path, monkeypatch):
    """An empty record of its own, and a kernel that has said nothing yet."""
    monkeypatch.setattr(record, "_waiting", {})
    monkeypatch.setattr(record, "_said", set())
    monkeypatch.setenv("COURSE_RECORD", str(tmp_path / "record.json"))
    return tmp_path / "record.json"


def answer(said="60–80 %", measured=(0.7, 0.8), of="01 a share", **options):
    predict(said, of=of, **options).beside(measured)


@pytest.fixture
def places(tmp_path, file, monkeypatch):
    """The record's own place in an empty course, and where it was before."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.delenv("COURSE_RECORD")
    monkeypatch.setattr(record, "OWN", tmp_path / "work" / "my_course.json")
    monkeypatch.setattr(record, "BEFORE", tmp_path / "notebooks" / "my_course.json")
    return record.OWN, record.BEFORE


def test_it_lies_in_the_students_own_folder_wherever_a_notebook_is_started(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_RECORD")
    monkeypatch.chdir(tmp_path)
    assert record.path() == Path(record.__file__).parents[1] / "work" / "my_course.json"


def test_its_folder_is_made_when_something_is_written_and_not_before(places):
    own, _ = places
    assert record.predictions() == []
    assert not own.parent.exists()
    answer()
    assert own.exists()


@pytest.mark.parametrize("read_first", [True, False])
def test_a_record_from_before_is_taken_over_once(places, read_first):
    own, before = places
    answer()
    os.replace(own, before)
    own.with_name(".my_course.json.lock").unlink(missing_ok=True)
    own.parent.rmdir()
    if read_first:
        assert len(record.predictions()) == 1
    answer("10", 0.2, "02 another")
    assert len(record.predictions()) == 2
    assert own.exists() and not before.exists()
    own.unlink()
    assert record.predictions() == []  # and does not come back


def test_a_record_from_before_stays_where_a_new_one_is(places):
    own, before = places
    before.write_text("{}", encoding="utf-8")
    own.parent.mkdir()
    own.write_text("{}", encoding="utf-8")
    answer()
    assert before.read_text(encoding="utf-8") == "{}"
    assert len(record.predictions()) == 1


def test_a_damaged_record_from_before_is_set_aside_in_the_new_place(places, capsys):
    own, before = places
    before.write_text("{", encoding="utf-8")
    answer()
    assert "was damaged. It is now called my_course.damaged.json" in capsys.readouterr().out
    assert own.with_name("my_course.damaged.json").read_text(encoding="utf-8") == "{"


def test_git_ignores_it_and_what_lies_beside_it():
    root = Path(record.__file__).parents[1]
    names = ["my_course.json", "my_course.damaged.json", ".my_course.json.lock", ".my_course.json.new"]
    paths = [str(root / folder / name) for folder in ("work", "notebooks") for name in names]
    ignored = subprocess.run(["git", "check-ignore", *paths], cwd=root, capture_output=True, text=True)
    assert ignored.stdout.split("\n")[:-1] == paths


def test_what_was_predicted_and_measured_is_kept_under_its_name(file):
    answer()
    answer("mix", "ERM", "03 a name", among=["ERM", "mixup"])
    answer("-3", [2.0], "02 a difference", unit="points")
    assert record.predictions() == [
        Kept("01 a share", 0.7, 0.6, 0.8, "%", (0.7, 0.8)),
        Kept("02 a difference", -3.0, unit="points", measured=(2.0,)),
        Kept("03 a name", "mixup", unit="", measured="ERM", among=2),
    ]
    assert set(json.loads(file.read_text(encoding="utf-8"))["predictions"]) == {
        "01 a share", "02 a difference", "03 a name",
    }  # fmt: skip


def test_the_file_can_be_read_a_line_for_each_prediction(file):
    answer("1/3", 0.1)  # not understood
    answer("33.333333333", 0.123456789)
    assert ' "01 a share": {"value": 0.333333, "low": null' in file.read_text(encoding="utf-8")
    assert '"measured": [0.123457]' in file.read_text(encoding="utf-8")


def test_nothing_is_kept_where_nothing_was_predicted(file):
    answer("")
    answer("no idea")
    answer("50", of="")
    assert not file.exists()
    assert record.predictions() == []
    assert not list(file.parent.iterdir())


def test_a_guess_without_a_measurement_is_not_given_yet(file):
    predict("50", of="01 a share")
    assert "01 a share" in file.read_text(encoding="utf-8")
    assert record.predictions() == []


def test_the_first_guess_that_was_measured_counts(file, capsys):
    predict("20", of="01 a share")
    answer("30")  # until then the last one counts
    assert "first guess" not in capsys.readouterr().out
    answer("70", 0.9)
    assert "Your first guess, 30 %, has met its measurement: it stays in your record." in capsys.readouterr().out
    answer("")
    (kept,) = record.predictions()
    assert (kept.value, kept.measured) == (0.3, (0.9,))  # the guess is the first, the measurement the latest
    answer("30")
    assert "first guess" not in capsys.readouterr().out


def test_a_deleted_file_begins_anew(file):
    answer()
    predict("0.2", of="04 another")
    file.unlink()
    assert record.predictions() == []
    assert record.verdicts() == {}
    answer("40")
    assert [kept.value for kept in record.predictions()] == [0.4]


def test_a_guess_whose_file_was_deleted_meanwhile_comes_back_with_its_measurement(file):
    guess = predict("40", of="01 a share")
    file.unlink()
    guess.beside(0.5)
    assert [kept.value for kept in record.predictions()] == [0.4]


def test_the_latest_attempt_at_an_exercise_counts(file):
    assert record.exercises() == {}
    record.checked("fgsm", "04_adversarial", "not attempted")
    assert record.exercises()["fgsm"] == {"chapter": "04_adversarial", "state": "not attempted"}
    for state in ("wrong", "right"):
        record.checked("fgsm", "04_adversarial", state)
        assert record.exercises()["fgsm"]["state"] == state
    record.checked("fgsm", "04_adversarial", "not attempted")  # a page run anew with its stub
    assert record.exercises()["fgsm"]["state"] == "right"
    record.checked("fgsm", "04_adversarial", "wrong")
    assert record.exercises() == {"fgsm": {"chapter": "04_adversarial", "state": "wrong"}}
    assert ' "fgsm": {"chapter": "04_adversarial", "state": "wrong"}' in file.read_text(encoding="utf-8")


def test_a_record_without_exercises_is_one_from_before(file):
    answer()
    older = {name: rows for name, rows in json.loads(file.read_text(encoding="utf-8")).items() if name != "exercises"}
    file.write_text(json.dumps(older), encoding="utf-8")
    assert record.exercises() == {}
    assert len(record.predictions()) == 1


def test_somebody_elses_record_is_read_and_left_as_it_is(file):
    answer()
    predict("40", of="02 not measured yet")
    record.checked("mixup", "03_mixup", "right")
    record.judged("Claim 4", 4, "holds here")
    record.judged("Claim 5", 5, "holds here", stored=True)
    before = file.read_bytes()
    loaded = record.load(file)
    assert [(one.of, bool(one.measured)) for one in loaded.predictions] == [
        ("01 a share", True), ("02 not measured yet", False),
    ]  # fmt: skip
    assert loaded.exercises == {"mixup": {"chapter": "03_mixup", "state": "right"}}
    assert loaded.verdicts == {"Claim 4": "holds here"}
    assert file.read_bytes() == before


DAMAGED = [
    "", "{", "[]", "3", '{"predictions": [1]}', '{"predictions": {"01 a": {"value": 1}}}',
    '{"predictions": {"01 a": {"value": 1, "measured": ["much"]}}}', '{"results": {"net": {"ERM": {"test": "high"}}}}',
    '{"verdicts": {"Claim 1": "holds here"}}', '{"predictions": {"01 a": {"value": "x", "measured": "y"}}}',
    '{"exercises": {"fgsm": "right"}}', '{"exercises": {"fgsm": {"chapter": "04", "state": "perfect"}}}', "[" * 99_999,
    '{"predictions": {"01 a": {"value": null, "measured": []}}}',
    '{"predictions": {"01 a": {"value": 1, "measured": [1e308, 1e308]}}}',
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_set_aside_and_said(text, file, capsys):
    file.write_text(text, encoding="utf-8")
    answer()
    out = capsys.readouterr().out
    assert "Your record record.json was damaged. It is now called record.damaged.json, and a new one begins." in out
    assert (file.parent / "record.damaged.json").read_text(encoding="utf-8") == text
    assert len(record.predictions()) == 1


@pytest.mark.parametrize("text", [*DAMAGED, '{"cells": []}', " " * (record.LARGEST + 1)], ids=lambda text: text[:40])
def test_what_is_no_record_is_left_as_it_is_and_refused(text, file):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no record of this course"):
        record.load(file)
    assert list(file.parent.iterdir()) == [file]


def test_what_is_no_ordinary_file_is_refused_and_not_read(file):
    (file.parent / "folder").mkdir()
    for path in (file.parent / "folder", Path(os.devnull)):
        with pytest.raises(ValueError, match="no ordinary file"):
            record.load(path)


def test_two_damaged_files_are_both_set_aside(file):
    for text in ("{", "["):
        file.write_text(text, encoding="utf-8")
        assert record.verdicts() == {}
    assert (file.parent / "record.damaged.json").read_text(encoding="utf-8") == "{"
    assert (file.parent / "record.damaged1.json").read_text(encoding="utf-8") == "["


def test_bytes_that_are_no_text_and_a_byte_order_mark(file):
    file.write_bytes(b"\xff\xfe\x00")
    assert record.predictions() == []
    answer()
    file.write_text("\ufeff" + file.read_text(encoding="utf-8"), encoding="utf-8")  # saved by an editor of Windows
    assert len(record.predictions()) == 1


@pytest.mark.parametrize("place", ["missing/as well/record.json", "taken"])
def test_what_cannot_be_written_is_said_once_and_kept_until_the_kernel_ends(place, file, monkeypatch, capsys):
    (file.parent / "taken").mkdir()  # a folder by the file's name
    monkeypatch.setenv("COURSE_RECORD", str(file.parent / place))
    answer()
    answer("10", of="02 another")
    record.results("a network", {"ERM": {"test": [0.5]}})
    assert capsys.readouterr().out.count("cannot be") <= 2  # neither read nor written
    assert len(record.predictions()) == 2
    assert record.results("b", {})["a network"] == {"ERM": {"test": [0.5]}}
    assert capsys.readouterr().out == ""


def test_a_full_disk_leaves_the_old_file_and_what_waited_is_written_when_there_is_room(file, monkeypatch, capsys):
    answer()
    before = file.read_text(encoding="utf-8")
    with monkeypatch.context() as full:
        full.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        answer("10", 0.2, "02 another")
        answer("20", 0.3, "03 one more")
    assert capsys.readouterr().out.count("No space left on device") == 1
    assert file.read_text(encoding="utf-8") == before
    assert len(record.predictions()) == 3
    assert sorted(path.name for path in file.parent.iterdir()) == [".record.json.lock", "record.json"]
    record.judged("Claim 1", 1, "holds here")
    assert "03 one more" in file.read_text(encoding="utf-8")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_only_be_read(file, capsys):
    answer()
    file.parent.chmod(0o555)
    try:
        answer("10", 0.2, "02 another")
        assert "cannot be written" in capsys.readouterr().out
        assert len(record.predictions()) == 2
    finally:
        file.parent.chmod(0o755)


def test_two_notebooks_lose_nothing_of_each_other(file):
    write = (
        "import sys\nfrom course_utils import record\nfrom course_utils.record import Kept\n"
        "for k in range(40):\n    record.measured(Kept(f'{sys.argv[1]} question {k}', 0.5, measured=(0.1,)))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", write, who], stdout=subprocess.PIPE) for who in ("01", "02")]
    said = [writer.communicate(timeout=60)[0] for writer in writers]
    assert said == [b"", b""]
    assert len(record.predictions()) == 80


def test_off_keeps_nothing_beyond_the_kernel(file, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_RECORD", "off")
    answer()
    assert record.path() is None
    assert len(record.predictions()) == 1
    assert not list(file.parent.iterdir())
    assert "record" not in capsys.readouterr().out


def test_results_fill_up_from_chapter_to_chapter(file):
    record.results("small", {"ERM": {"training": [1.0], "test": [0.97, 0.98]}})
    record.results("another", {"ERM": {"test": [0.5]}})
    so_far = record.results("small", {"ERM": {"test": [0.99], "noisy": [0.8]}, "mixup": {"test": [0.9]}})
    assert so_far == {
        "small": {"ERM": {"training": [1.0], "test": [0.99], "noisy": [0.8]}, "mixup": {"test": [0.9]}},
        "another": {"ERM": {"test": [0.5]}},
    }


def card(name, values, of=None, **options):
    Claim(name, "A text.", [Evidence("what", values, above=10)], limits="few.", of=of).card(**options)


def test_a_card_keeps_its_verdict_and_the_claims_table_shows_it(file, capsys, monkeypatch):
    monkeypatch.setattr("course_utils.claims.plots.show", lambda figure, alt, **_: None)
    shown = []
    monkeypatch.setattr("course_utils.claims.display", lambda data, raw: shown.append(data["text/markdown"]))
    so_far()
    card("Claim 1, first half", [20], of=1)
    card("Claim 1, second half", [5], of=1)
    card("Claim 4", [5], of=4)
    card("Claim 4", [20], of=4)  # again, with other seeds
    card("Claim 4", [5], of=4, stored=True)
    card("Claim 7", [20], of=7, stored=True)
    card("Finding: something", [20])
    assert len(record.verdicts()) == 4
    assert record.verdicts(1) == {"Claim 1, first half": "holds here", "Claim 1, second half": "does not hold here"}
    so_far()
    empty, filled = (table.splitlines() for table in shown)
    assert all(line.endswith("| not yet |") for line in empty[2:])
    assert len(empty) == 2 + len(LECTURE)
    assert filled[2].endswith("| 01, 02 | first half: holds here; second half: does not hold here |")
    assert filled[5].endswith("| 04 | holds here |")
    assert filled[8].endswith("| 06 | stored runs: holds here |")


def test_what_a_guess_missed_and_what_a_coin_would_have():
    share = Kept("a", 0.7, 0.6, 0.8, "%", (0.9, 0.8))
    assert (share.kind, share.held) == ("share", False)
    assert share.miss == pytest.approx(15)
    assert share.coin_miss == pytest.approx(35)
    points = Kept("b", 3.0, unit="points", measured=(-1.0,))
    assert (points.held, points.miss, points.coin_miss) == (None, 4, 1)
    factor = Kept("c", 2.0, unit="×", measured=(8.0,))
    assert (factor.kind, factor.miss, factor.coin_miss) == ("factor", 4, 8)
    count = Kept("d", 0.0, unit="epochs", measured=(8.0,))
    assert count.miss == float("inf")
    assert count.coin_miss != count.coin_miss
    name = Kept("e", "ERM", unit="", measured="mixup", among=4)
    assert (name.miss, name.coin_miss) == (1, 0.75)
    table = scored([share, points, factor, count, name])
    assert list(table["guess"]) == ["60 to 80 %", "3 points", "2 ×", "0 epochs", "ERM"]
    assert list(table["measured"]) == ["85 %", "−1 points", "8 ×", "8 epochs", "mixup"]
    assert list(table.columns) == ["question", "guess", "measured", "miss", "coin's miss", "kind"]


def test_the_example_is_plainly_invented_and_has_all_kinds():
    kept = record.example()
    assert all(one.of.startswith("invented") for one in kept)
    assert {one.kind for one in kept} == {"share", "points", "factor", "name"}
    assert len({one.of for one in kept}) == len(kept) > 40
    assert sum(one.held is not None for one in kept) > 5
    assert kept == record.example()
