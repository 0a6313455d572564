"""A chapter as an assignment for nbgrader: what is in it, what a student gets of it, and the grades that come out.

The second half needs nbgrader in `.grading/` (make .grading/stamp), and is left out without.
"""

import copy
import csv
import json
import re
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course_utils.exercises import EXERCISES
from course_utils.grading import assignment, environment
from course_utils.notebooks import CHAPTERS, find

SEED = 918273645
PAGES = {path.stem: path for path in find([])}


def read(name):
    return nbformat.read(PAGES[name], as_version=4)


def by_id(book):
    return {cell.id: cell for cell in book.cells}


def students(book):
    """What nbgrader leaves of the instructor's version, by its rules: no solution, no hidden test."""
    book = copy.deepcopy(book)
    for cell in book.cells:
        cell.source = re.sub(
            r"( *)### BEGIN SOLUTION.*?### END SOLUTION", rf"\1{assignment.YOUR_TURN}", cell.source, flags=re.S
        )
        cell.source = re.sub(r"\n### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", cell.source, flags=re.S)
    return book


@pytest.fixture(params=CHAPTERS, scope="module")
def chapter(request):
    return read(request.param), assignment.instructors(read(request.param), SEED)


def test_every_exercise_has_its_points_right_behind_its_check_and_before_it_is_used(chapter):
    page, book = chapter
    names = [cell.id for cell in book.cells]
    exercises = [cell.id[len("exercise-") :] for cell in page.cells if "exercise" in cell.metadata.get("tags", [])]
    assert exercises
    assert [name for name in names if name.startswith("points-")] == [f"points-{name}" for name in exercises]
    for name in exercises:
        place = names.index(f"points-{name}")
        assert names[place - 2 : place] == [f"exercise-{name}", f"check-{name}"]
        card = next(cell.source for cell in reversed(book.cells[:place]) if cell.cell_type == "markdown")
        stars = card.rpartition("### Exercise")[2].split("\n")[0].count("★")
        assert by_id(book)[f"points-{name}"].metadata.nbgrader.points == stars > 0
        assert f'graded("{name}", seed={SEED})' in by_id(book)[f"points-{name}"].source


def test_a_student_gets_the_page_as_it_is_and_neither_solution_nor_seed(chapter):
    page, book = chapter
    given = by_id(students(book))
    assert {name: cell.source for name, cell in given.items() if name in by_id(page)} == {
        cell.id: cell.source for cell in page.cells
    }
    added = [given[name] for name in given if name not in by_id(page)]
    assert all(cell.id == "graded-copy" or len(cell.source.splitlines()) == 1 for cell in added)
    text = nbformat.writes(students(book))
    assert str(SEED) not in text and "SOLUTION" not in text and "HIDDEN" not in text and "graded(" not in text
    assert '"slides"' not in text and '"slides"' in nbformat.writes(page)  # a lecturer's notes
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in book.cells)


def test_what_nbgrader_has_to_know_is_what_it_asks_for(chapter):
    _, book = chapter
    kept = [cell.metadata.nbgrader for cell in book.cells if "nbgrader" in cell.metadata]
    flags = {"grade", "locked", "solution", "task"}
    for marks in kept:
        assert set(marks) == flags | {"grade_id", "schema_version"} | ({"points"} if marks.grade else set())
        assert all(isinstance(marks[flag], bool) for flag in flags) and marks.schema_version == 3
        assert re.fullmatch(r"\w[\w-]*", marks.grade_id)
    assert len({marks.grade_id for marks in kept}) == len(kept)
    assert by_id(book)["setup"].metadata.nbgrader.locked
    nbformat.validate(book)


def test_only_cells_that_train_and_draw_are_cut_down(chapter):
    _, book = chapter
    for cell in book.cells:
        whole = cell.id == "setup" or cell.id.split("-")[0] in ("exercise", "check", "points")
        if cell.cell_type == "code":
            assert (assignment.PAGE in cell.metadata.get("tags", [])) != whole, cell.id


def test_the_seed_is_drawn_once_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(environment, "nbgrader", lambda: None)
    source = assignment.make("00", folder=tmp_path)
    seed = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))["00_start_here"]
    assert f"(seed {seed})" in capsys.readouterr().out
    first = source.read_text(encoding="utf-8")
    (tmp_path / "nbgrader_config.py").write_text("mine", encoding="utf-8")
    assert assignment.make("00", folder=tmp_path).read_text(encoding="utf-8") == first
    assert (tmp_path / "nbgrader_config.py").read_text(encoding="utf-8") == "mine"
    assert "seed=5)" in assignment.make("00", seed=5, folder=tmp_path).read_text(encoding="utf-8")
    assert "environment" in capsys.readouterr().out  # how to get nbgrader
    files = [path.name for path in source.parent.iterdir()]
    assert files == ["00_start_here.ipynb"]  # whatever lies there is handed out


def test_a_chapter_that_is_none_is_said():
    with pytest.raises(FileNotFoundError, match="there are 00_start_here"):
        assignment.make("42")
    with pytest.raises(ValueError, match="one chapter"):
        assignment.make("0")


# ---- with nbgrader -------------------------------------------------------------------------------------------

NAME = "08_scorecard"
RIGHT = {  # in other ways than the course's
    "verdict": """verdict = lambda runs, control, bound, margin=0.0: tuple(
    min(values.tolist()) >= bound + margin for values in (runs, control))""",
    "paired_interval": """def paired_interval(d):
    import warnings
    warnings.warn("as any library may")  # nbgrader gives no points where something is written to stderr
    half = scipy.special.stdtrit(len(d) - 1, 0.975) * float(d.double().std()) / len(d) ** 0.5
    return float(d.double().mean()) - half, float(d.double().mean()) + half""",
    "coverage": """def coverage(low, high, truth):
    return share([a <= t <= b for a, b, t in zip(low.tolist(), high.tolist(), truth.tolist())])""",
}
SHARE = """def share(values):
    return sum(values) / len(values)"""
WRONG = {
    "verdict": "def verdict(runs, control, bound, margin=0.0):\n    return True, True",
    "paired_interval": "def interval(differences):  # renamed\n    return 0.0, 1.0",
    "coverage": "def coverage(low, high, truth):\n    return ((low < truth) & (truth < high)).float().mean().item()",
}
UNKNOWN = "compared.describe()"  # of a cell that grading does not run
OVERWRITES = "exercises = [1, 2, 3]\nverdict = coverage = None"
LOOPS = "while True:\n    pass"
LOOPS_INSIDE = "def paired_interval(differences):\n    while True:\n        pass"
SOONER = "from course_utils.exercises import calls\ncalls.LIMIT = 3.0  # the check gives up sooner: only for this test"
KILLS = "import os\nos._exit(0)"
KILLS_INSIDE = "def verdict(runs, control, bound, margin=0.0):\n    import os\n    os._exit(0)"


def handed_in(released, **answers):
    """A student's notebook with these answers in the exercises' cells."""
    book = copy.deepcopy(released)
    for name, source in answers.items():
        by_id(book)[f"exercise-{name}"].source = source
    return book


def insert(book, before, source):
    """A cell of the student's own."""
    place = [cell.id for cell in book.cells].index(before)
    book.cells.insert(place, new_code_cell(source))


def hard_coded():
    """Right on every input of the page's check, by a table of the results."""
    exercise = EXERCISES["coverage"]
    key = "str([low.tolist(), high.tolist(), truth.tolist()])"
    table = {}
    for case in exercise.cases:
        given = case.arguments()
        table[eval(key, dict(given))] = exercise.reference(**given)
    return f"def coverage(low, high, truth):\n    return {table!r}.get({key}, 0.5)"


def right(released):
    """All right. A helper in a page's cell, outputs stored, names overwritten, copies of a cell that are wrong."""
    book = handed_in(released, **RIGHT)
    by_id(book)["guess-seeds"].source += "\n\n" + SHARE
    for place, name in ((1, "copy-above"), (len(book.cells), "copy-below")):
        twin = copy.deepcopy(by_id(book)["exercise-verdict"])
        twin.id, twin.source = name, WRONG["verdict"]
        book.cells.insert(place, twin)
    insert(book, "exercise-coverage", UNKNOWN)
    book.cells.append(new_code_cell(OVERWRITES))
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="an old warning")]
    return book


def loops(released):
    """A cell of the student's own loops for ever, and so does one answer: two answers are right."""
    book = handed_in(released, **RIGHT | {"paired_interval": LOOPS_INSIDE})
    insert(book, "exercise-verdict", SOONER)
    insert(book, "check-verdict", LOOPS)
    insert(book, "exercise-coverage", SHARE)
    return book


def kills(released):
    """A cell of the student's own ends the kernel, and so does one answer: two answers are right."""
    book = handed_in(
        released, verdict=KILLS_INSIDE, paired_interval=RIGHT["paired_interval"], coverage=RIGHT["coverage"]
    )
    insert(book, "check-paired_interval", KILLS)
    insert(book, "exercise-coverage", SHARE)
    return book


def deleted(released):
    """Gone are the set-up, one test, another test with its check, and one exercise's cell: that one has no points."""
    book = handed_in(released, **{name: EXERCISES[name].solution for name in ("verdict", "coverage")})
    gone = {"setup", "points-verdict", "points-coverage", "check-coverage", "exercise-paired_interval"}
    book.cells = [cell for cell in book.cells if cell.id not in gone]
    return book


def cheats(released):
    """The test cells are marked as to be skipped, worth more, or no tests at all; one is emptied, one a text."""
    book = handed_in(released, **WRONG | {"coverage": hard_coded()})
    tests = [cell for cell in book.cells if cell.id.startswith("points-")]
    for cell in tests:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", assignment.PAGE]
        cell.metadata.nbgrader.points = 100
        cell.source = ""
    tests[0].metadata.nbgrader.solution = True
    tests[1].metadata.nbgrader.grade = False
    tests[2].cell_type = "raw"
    del tests[2]["outputs"], tests[2]["execution_count"]
    return book


CLASS = {  # what each hands in, and the points for verdict (of 1), paired_interval (of 2) and coverage (of 1)
    "right": (right, (1, 2, 1)),
    "untouched": (handed_in, (0, 0, 0)),
    "wrong": (lambda released: handed_in(released, **WRONG), (0, 0, 0)),
    "loops": (loops, (1, 0, 1)),
    "kills": (kills, (0, 2, 1)),
    "deleted": (deleted, (1, 0, 1)),
    "cheats": (cheats, (0, 0, 0)),
}
READ_GRADES = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    rows = [n for s in book.assignment_submissions(NAME) for n in s.notebooks]
    print(json.dumps({n.student.id: {g.name: g.score for g in n.grades} for n in rows}))
"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class's folder after a round trip, and each student's points by exercise."""
    nbgrader = environment.nbgrader()
    if nbgrader is None:
        pytest.skip("nbgrader is not there: make .grading/stamp")
    folder = tmp_path_factory.mktemp("class")
    assignment.make("08", seed=SEED, folder=folder)
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("\nc.RunAnswers.timeout = 20\n")
    released = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for student, (write, _) in CLASS.items():
        path = folder / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(write(released), path)
    for words in (["autograde", NAME], ["export"], ["generate_feedback", NAME]):
        done = subprocess.run([*nbgrader, *words], cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stderr[-3000:]
    code = READ_GRADES.replace("NAME", repr(NAME))
    read = subprocess.run([nbgrader[0], "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return folder, json.loads(read.stdout)


@pytest.mark.grading
@pytest.mark.parametrize("student", CLASS)
def test_the_grades_are_what_they_should_be(graded, student):
    folder, grades = graded
    expected = dict(zip(("points-verdict", "points-paired_interval", "points-coverage"), CLASS[student][1]))
    assert grades[student] == expected
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert exported[student] == sum(CLASS[student][1])


@pytest.mark.grading
def test_feedback_says_what_is_wrong_and_hides_the_seed(graded):
    folder, _ = graded
    pages = {name: (folder / "feedback" / name / NAME / f"{NAME}.html").read_text(encoding="utf-8") for name in CLASS}
    assert "did not come back within 20 seconds" in pages["loops"] and "It does not come back" in pages["loops"]
    assert "it ended the kernel" in pages["kills"]
    assert "coverage: wrong." in pages["wrong"] and "and not on others" in pages["cheats"]
    assert not any(str(SEED) in page or "graded(" in page for page in pages.values())
