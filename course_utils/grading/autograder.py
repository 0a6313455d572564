"""How nbgrader grades a chapter. `make assignment` copies this file into the class's folder, beside nbgrader_config.py.

It runs in nbgrader's environment, which has nothing of the course: it imports nbgrader only. What a student can hand in
is anything, so nothing is taken from there but what the cells say: tests, the set-up cell and all that marks a cell
come from the instructor's version.
"""

import ast
import copy
import os
import sys
from pathlib import Path
from textwrap import fill

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader import utils
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    Execute,
    GetGrades,
    LimitOutput,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets import Bool, Integer

PAGE = "only-definitions"  # the tag of the page's own cells that train and draw


def configure(c):
    """The settings that grading a chapter needs, into nbgrader's configuration."""
    os.environ["COURSE_RECORD"] = "off"  # what a student's notebook does is not the lecturer's own progress
    # nbgrader calls a program `alembic`, which lies beside its Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("your turn")'}
    c.Autograde.sanitize_preprocessors = [ClearOutput, PutBack, OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
    c.Autograde.autograde_preprocessors = [
        RunAnswers,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, CSSHTMLHeaderPreprocessor]  # the seed stays hidden


class PutBack(NbGraderPreprocessor):
    """Puts the instructor's cells where they belong, whatever became of them: set-up first, tests behind the checks."""

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]  # nbgrader works in the folder of the class
        path = Path("source", names["assignment"], f"{names['notebook']}.ipynb")
        source, seen = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}, set()
        # Of a cell that is there twice, the one with its own id is it, else the last: a copy gets another id.
        for cell in sorted(reversed(nb.cells), key=lambda cell: cell.get("id") != _name(cell)):
            _mark(cell, source, seen)
        if "setup" not in seen:
            nb.cells.insert(0, copy.deepcopy(source["setup"]))
        nb.cells = [cell for cell in nb.cells if not utils.is_grade(cell)]
        for test in filter(utils.is_grade, source.values()):
            exercise = test.id.removeprefix("points-")
            around = f"exercise-{exercise}", f"check-{exercise}"
            places = [place for place, cell in enumerate(nb.cells) if _name(cell) in around]
            nb.cells.insert(max(places, default=len(nb.cells) - 1) + 1, copy.deepcopy(test))
        return nb, resources


def _mark(cell, source, seen):
    """Only the instructor says what a cell is. (At a cell that is there twice nbgrader itself stops, for all.)"""
    name = _name(cell)
    is_page = PAGE in cell.metadata.pop("tags", [])
    cell.metadata.pop("nbgrader", None)
    if name in source and name not in seen and "nbgrader" in source[name].metadata:
        cell.metadata["nbgrader"] = copy.deepcopy(source[name].metadata["nbgrader"])
        seen.add(name)
    elif is_page:
        cell.metadata["tags"] = [PAGE]


class RunAnswers(Execute):
    """Runs what grading needs: of the page's own cells only what they define, all others whole.

    A cell that does not come back, or ends the kernel, is left out: a new kernel runs the others.
    """

    timeout = Integer(60, allow_none=True, help="seconds for one cell").tag(config=True)
    interrupt_on_timeout = Bool(False).tag(config=True)  # not every loop can be interrupted; a new kernel helps always
    iopub_timeout = Integer(60, help="seconds for the last of a cell's output to arrive").tag(config=True)

    def _seconds(self, cell):
        """None for the set-up cell, which is the instructor's: to load PyTorch may take a slow disk minutes."""
        return None if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup" else self.timeout

    def preprocess(self, nb, resources=None, km=None):
        self.left_out, self.timeout_func = set(), self._seconds
        while True:
            try:
                return super().preprocess(nb, resources, km)
            except LeftOut as cell:
                self.log.warning("Cell %s did not come back or ended the kernel. Once more, without it.", cell)

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type != "code" or index in self.left_out:
            return cell, resources
        source = cell.source
        if PAGE in cell.metadata.get("tags", []):
            cell.source = definitions(source)
        try:
            super().preprocess_cell(cell, resources, index)
        except (CellTimeoutError, DeadKernelError) as error:
            late = isinstance(error, CellTimeoutError)
            says = f"it did not come back within {self.timeout} seconds" if late else "it ended the kernel"
            cell.outputs = [_error("LeftOut", f"This cell was left out: {says}.")]
            self.left_out.add(index)
            raise LeftOut(index) from None
        finally:
            cell.source = source
        if utils.is_grade(cell):
            cell.outputs = [_verdict(cell)]
        return cell, resources


class LeftOut(Exception):
    """A cell that has to be left out: its place."""


def definitions(source):
    """Of a cell's text: imports, functions, classes, values that cost nothing, and what takes an answer over."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # %magic, !command
        return ""
    defining = ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef
    # What hangs on a result that is not there fails, each for itself.
    handler = ast.ExceptHandler(ast.Name("Exception"), None, [ast.Pass()])
    kept = [
        ast.Try([line], [handler], [], [])
        for line in lines
        if isinstance(line, defining) or isinstance(line, ast.Assign | ast.AnnAssign) and _is_cheap(line.value)
    ]
    return ast.unparse(ast.fix_missing_locations(ast.Module(kept, [])))


def _is_cheap(value):
    """Whether nothing is called, but perhaps `check.use()`."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "use":
        return True
    return value is not None and not any(isinstance(part, ast.Call) for part in ast.walk(value))


def _verdict(test):
    """What a test cell came to. nbgrader gives all points to one that says nothing, and none where there is a warning:
    here it must have said that it is right."""
    errors = [output for output in test.outputs if output.output_type == "error"]
    said = "".join(output.text for output in test.outputs if output.get("name") == "stdout")
    if errors:  # without the traceback, which shows the hidden test
        return _error(errors[-1].ename, errors[-1].evalue)
    if not said.endswith(f"{test.metadata.nbgrader.grade_id}: right\n"):
        return _error("NotRun", "This test did not run to its end.")
    return nbformat.v4.new_output("stream", name="stdout", text=said.splitlines()[-1])


def _error(name, says):
    """As a cell's output, in lines that fit a feedback page."""
    told = [fill(line, 100) for line in f"{name}: {says}".splitlines()]
    return nbformat.v4.new_output("error", ename=name, evalue=says, traceback=told)


def _name(cell):
    """The name under which a cell is known: nbgrader's, or its own."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id")
