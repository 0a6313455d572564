"""A chapter as an nbgrader assignment: `make assignment NB=03`.

The instructor's version has the course's own solutions and the hidden tests in it. nbgrader takes both out, and what is
left is the chapter as it is, with one more cell behind each check: the points.
"""

import ast
import json
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.exercises import EXERCISES
from course_utils.grading import environment
from course_utils.notebooks import NOTEBOOKS, find

CLASS = NOTEBOOKS.parent / "build" / "class"
YOUR_TURN = 'raise NotImplementedError("your turn")'
PAGE = "only-definitions"  # as in autograder.py

INTRODUCTION = """**This copy is graded**: {points} points for {exercises}. Work through it as through any chapter: \
predictions and trials of your own are yours, nobody grades them. An answer gets its points if it does what the \
exercise asks for, in whatever way, on the inputs of its check and on others. Write it into the exercise's own cell; \
helpers go there, too, or into new cells above its check. Grading runs your answers, your own cells and the page's \
definitions from top to bottom, and none of the page's trainings."""


def make(number: str, seed: int | None = None, folder: Path | None = None) -> Path:
    """Write the instructor's version of a chapter, let nbgrader make the students' of it, and say what comes next.

    Args:
        number: of the chapter, as "03".
        seed: of the inputs that students do not see. `None` for the one of the last time, or a new one.
        folder: of the class, nbgrader's course directory; `None` for build/class in the repository.

    Returns:
        The instructor's notebook.

    Raises:
        FileNotFoundError: there is no such chapter.
        ValueError: the number fits several chapters, or nbgrader cannot make the students' version.
    """
    folder = (folder or CLASS).resolve()
    chapters = find([number])
    if len(chapters) > 1:
        raise ValueError(f'number must be that of one chapter, as "03", got {number!r}')
    name, here = chapters[0].stem, Path(__file__).parent
    source = folder / "source" / name / f"{name}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    seed = _kept_seed(folder / "seeds.json", name, seed)
    nbformat.write(instructors(nbformat.read(chapters[0], as_version=4), seed), source)
    shutil.copyfile(here / "autograder.py", folder / "autograder.py")
    if not (folder / "nbgrader_config.py").exists():
        shutil.copyfile(here / "nbgrader_config.py", folder / "nbgrader_config.py")
    print(f"Yours alone, with solutions and hidden tests (seed {seed}):\n  {source}")
    _release(folder, name)
    return source


def instructors(book: NotebookNode, seed: int) -> NotebookNode:
    """The chapter with solutions, hidden tests and what nbgrader has to know; without outputs."""
    cells, points, card = [], {}, ""
    for cell in book.cells:
        cell.metadata.pop("slides", None)  # a lecturer's notes tell every answer
        cells.append(cell)
        kind, _, name = cell.id.partition("-")
        if cell.cell_type == "markdown":
            card = cell.source
            continue
        cell.outputs, cell.execution_count = [], None
        if cell.id == "setup":
            cell.metadata["nbgrader"] = _nbgrader(cell.id, locked=True)
        elif kind == "exercise":
            points[name] = len(re.findall(r"^### Exercise.*?(★+)", card, flags=re.M)[-1])
            cell.source = _solved(cell.source, name)
            cell.metadata["nbgrader"] = _nbgrader(cell.id, solution=True)
        elif kind == "check":
            cells.append(_test(name, points[name], seed))
        else:
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), PAGE]
    exercises = f"{len(points)} exercise{'s' if len(points) > 1 else ''}"
    text = INTRODUCTION.format(points=sum(points.values()), exercises=exercises)
    cells.insert(1, new_markdown_cell(text, id="graded-copy"))
    book.cells = cells
    return book


def _solved(stub: str, name: str) -> str:
    """The exercise's cell with the course's own solution in place of the raise line."""
    solution = EXERCISES[name].solution
    function = ast.parse(solution).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = ["    ### BEGIN SOLUTION", *solution.splitlines()[function.body[0].lineno - 1 :], "    ### END SOLUTION"]
    return stub.replace(f"    {YOUR_TURN}", "\n".join(lines))


def _test(name: str, points: int, seed: int) -> NotebookNode:
    """The cell that gives the points. All but its first line is hidden from students."""
    lines = [
        f"# {points} point{'s' if points > 1 else ''}, when it is handed in: the check above, on other inputs",
        "### BEGIN HIDDEN TESTS",
        "from course_utils import exercises  # whatever that name means by now",
        f'exercises.graded("{name}", seed={seed})',
        f'print("points-{name}: right")',
        "### END HIDDEN TESTS",
    ]
    metadata = {"nbgrader": _nbgrader(f"points-{name}", grade=True, locked=True, points=points)}
    return new_code_cell("\n".join(lines), id=f"points-{name}", metadata=metadata)


def _nbgrader(name: str, **changed: bool | int) -> dict:
    """What nbgrader keeps of a cell."""
    plain = {"grade_id": name, "grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return plain | changed


def _kept_seed(path: Path, name: str, seed: int | None) -> int:
    """The chapter's seed, kept in the class's folder: grading again gives the same."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if seed is None:
        seed = kept.get(name, secrets.randbelow(2**31))
    path.write_text(json.dumps(kept | {name: seed}, indent=1) + "\n", encoding="utf-8")
    return seed


def _release(folder: Path, name: str) -> None:
    """Let nbgrader make the students' version, and say what comes next."""
    nbgrader = environment.nbgrader()
    if nbgrader is None:
        print("nbgrader is missing. `make .grading/stamp`, or `python -m course_utils.grading environment`, gets it.")
        return
    words = [*nbgrader, "generate_assignment", name, "--force"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise ValueError(f"nbgrader could not make the students' version:\n{done.stderr[-2000:]}")
    command = " ".join(nbgrader)
    print(f"""For the students:
  {folder / "release" / name / f"{name}.ipynb"}
Hand it out. What comes back is put into submitted/STUDENT/{name}/{name}.ipynb. (On a JupyterHub with nbgrader's
exchange: release_assignment {name}, and later collect {name}.) Then, in {folder}:
  {command} autograde {name}
  {command} export                        # grades.csv
  {command} generate_feedback {name}      # a page a student
More in docs/class.md.""")
