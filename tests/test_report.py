"""A reader's progress on one page, and a class's: nothing that was done is missing, nothing of a stranger's is run."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course_utils import record
from course_utils.claims import Claim, Evidence
from course_utils.exercises import EXERCISES
from course_utils.grading import report
from course_utils.grading.__main__ import main
from course_utils.predictions import predict


class Page(HTMLParser):
    """What a page has: its headings, its tables as rows of texts, and what it would load."""

    def __init__(self, file):
        super().__init__()
        self.text, self.headings, self.rows, self.loads, self.tags = (
            file.read_text(encoding="utf-8"),
            [],
            [],
            [],
            [("", {})],
        )
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.loads += [value for name, value in attributes if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        tag = self.tags[-1][0]
        if tag in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())
        if tag in ("td", "th") and data.strip():
            self.rows[-1].append(data)

    def row(self, name):
        """The first cells' texts behind this name."""
        return next(row[1:] for row in self.rows if row[:1] == [name])


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A record of its own with something of everything in it."""
    monkeypatch.setattr(record, "_waiting", {})
    monkeypatch.setattr("course_utils.claims.plots.show", lambda figure, alt, **_: None)
    file = tmp_path / "ada" / "my_course.json"
    monkeypatch.setenv("COURSE_RECORD", str(file))
    record.checked("mixup", "03_mixup", "right")
    record.checked("mixup_risk", "03_mixup", "wrong")
    predict("60–80 %", of="01 training error after 10 epochs").beside(0.9)
    predict("20", of="03 test accuracy with lam = ½ always")
    predict("0.5", of="04 a question that was dropped").beside(0.4)
    Claim("Claim 4", "A text.", [Evidence("what", [20], above=10)], limits="few.", of=4).card()
    return file


def test_it_knows_every_exercise_and_question_of_the_chapters():
    course = report.chapters()
    assert [chapter.name[:2] for chapter in course] == [f"0{k}" for k in range(9)]
    assert sorted(name for chapter in course for name in chapter.exercises) == sorted(EXERCISES)
    questions = [name for chapter in course for name in chapter.questions]
    assert all(name.startswith(chapter.name[:2]) for chapter in course for name in chapter.questions)
    source = "".join(path.read_text(encoding="utf-8") for path in report.find([]))
    assert len(questions) == len(set(questions)) == len(re.findall(r"= predict\(", source))
    claims = [name for chapter in course for name in chapter.claims]
    assert len(set(claims)) == len(claims) > 40


def test_the_page_shows_what_was_done_and_how_it_held(file, tmp_path):
    said = report.write(file, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert "Exercises right: 1 of 31. Predictions made: 2 of" in said and str(tmp_path / "page.html") in said
    assert page.row("mixup") == ["✓ right"]
    assert page.row("mixup_risk") == ["✗ wrong"]
    assert page.row("fgsm") == ["○ not attempted"]
    assert page.row("training error after 10 epochs") == ["60 to 80 %", "90 %", "✗ outside your range, 20 points off"]
    assert page.row("test accuracy with lam = ½ always") == ["20 %", "not yet"]
    assert page.row("right under FGSM, eps = 0.1") == ["none made"]
    assert page.row("Claim 4") == ["holds here"]
    assert page.row("04 a question that was dropped") == ["50 %"]
    assert page.row("03 · Mixup")[0] == "1 of 4"


def test_the_page_stands_alone_and_can_be_read_by_a_screen_reader(file, tmp_path):
    report.write(file, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert page.loads == [] and "url(" not in page.text and "<script" not in page.text
    assert page.headings[0] == "Your course so far"
    assert page.headings[1:10] == [chapter.title for chapter in report.chapters()]
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def luminance(colour):
    """As WCAG defines it, of "#fff" or "#a33b00"."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_can_be_read_in_light_dark_and_print():
    themes = re.findall(r"--text: .*?\}", report.STYLE, re.S)
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#\w+)", theme))
        for ink in ("text", "quiet", "right", "wrong"):
            for paper in ("page", "band"):
                dark, light = sorted(luminance(colours[which]) for which in (ink, paper))
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (theme, ink, paper)


def test_an_empty_record_says_what_to_do_first(tmp_path):
    said = report.write(tmp_path / "none.json", tmp_path / "page.html")
    assert said.startswith("Nothing is kept yet. Open the first chapter (make lab)")
    assert "Nothing is kept yet." in Page(tmp_path / "page.html").text
    (tmp_path / "empty.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="no record of this course"):
        report.write(tmp_path / "empty.json", tmp_path / "page.html")
    with pytest.raises(ValueError, match="COURSE_RECORD is “off”"):
        report.write(None)


def test_what_stands_in_a_record_is_shown_and_never_run(file, tmp_path):
    bad = "<script>alert(1)</script>" + "x" * 100_000
    record.judged("Claim <b>x</b>", None, bad)
    predict("1", of="05 <img src=x onerror=alert(1)>", unit="<i>").beside(2)
    report.write(file, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert not {"script", "b", "i", "img"} & {tag for tag, _ in page.tags}
    assert page.row("Claim <b>x</b>")[0].startswith("<script>alert(1)")
    assert len(page.text) < 60_000


def test_a_class_has_a_row_a_student_in_each_table(file, tmp_path):
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "my_course.json").write_text("{", encoding="utf-8")
    said = report.write_class([tmp_path], tmp_path / "class.html")
    assert said.startswith("2 records, 1 read.\n")
    assert f"{tmp_path / 'bob' / 'my_course.json'} is no record of this course, or a damaged one" in said
    page = Page(tmp_path / "class.html")
    exercises, predictions = (row for row in page.rows if row[0] == "ada")
    assert exercises[:3] == ["ada", "1 of 31", "1"] and exercises[3 + 3] == "1 of 4"
    assert predictions[2] == "0 of 1"
    assert page.row("bob") == ["not read: see below"]
    assert "its owner can edit" in page.text and "no grade" in page.text


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/my_course.json", "b/my_course.json"], ["a", "b"]),
        (["in/a/work/my_course.json", "in/b/work/my_course.json"], ["a", "b"]),
        (["in/ann.json", "in/bob.json"], ["ann", "bob"]),
        (["in/ann.json"], ["in"]),
        (["in/a/my_course.json", "in/my_course.json"], ["a", "in"]),
        (["in/a/x.json", "in/a/x.json"], ["a", "a"]),
    ],
)
def test_students_are_called_by_what_tells_their_files_apart(paths, names):
    assert report._names([Path(path) for path in paths]) == names


def test_what_cannot_be_read_or_written_is_said_in_a_sentence(file, tmp_path, monkeypatch):
    monkeypatch.setattr(report.copies, "WORK", tmp_path / "taken")
    (tmp_path / "taken").write_text("", encoding="utf-8")
    for words, said in [
        (["report"], "cannot be written"),
        (["report", str(tmp_path / "nobody")], "cannot be"),
        (["report", str(tmp_path / "empty folder")], "no my_course.json in"),
    ]:
        (tmp_path / "empty folder").mkdir(exist_ok=True)
        with pytest.raises(SystemExit, match=said):
            main(words)
    with pytest.raises(SystemExit, match="none of 1 records could be read: .*ada.* no record of this course"):
        file.write_text("{", encoding="utf-8")
        main(["report", str(file)])


def test_ones_own_damaged_record_is_set_aside_as_on_a_page(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report.copies, "WORK", tmp_path / "work")
    file.write_text("{", encoding="utf-8")
    main(["report"])
    said = capsys.readouterr().out
    assert "was damaged. It is now called my_course.damaged.json" in said and "Nothing is kept yet." in said


def test_it_waits_for_nothing_slow():
    code = (
        "import sys; from course_utils.grading import __main__, report; print([m for m in sys.modules if '.' not in m])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "pandas", "matplotlib", "nbformat", "IPython"} & set(re.findall(r"'(\w+)'", loaded))


def test_make_report_and_the_command_are_one():
    makefile = (Path(record.__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    assert "-m course_utils.grading report\n" in makefile
    run = subprocess.run([sys.executable, "-m", "course_utils.grading", "report", os.devnull + "/x"],
                         capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 1 and "cannot be read" in run.stderr and "Traceback" not in run.stderr


def test_half_a_letter_in_a_name_stops_no_page(file, tmp_path, monkeypatch):
    monkeypatch.setattr(report.copies, "WORK", tmp_path / "work")
    row = {"value": 0.5, "low": None, "high": None, "unit": "%", "measured": [0.4], "among": 0}
    file.write_text(json.dumps({"predictions": {"00 half \ud800 a letter": row}}), encoding="utf-8")
    main(["report"])
    assert "half \\ud800 a letter" in (tmp_path / "work" / "my_report.html").read_text(encoding="utf-8")
