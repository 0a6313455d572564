"""Each notebook with the reference solutions put in: it runs to the end and every check passes.

Unsolved, as it ships, nbval runs it.
"""

import inspect

import nbformat
import pytest

from course_utils.exercises import EXERCISES
from course_utils.notebooks import NOTEBOOKS, execute


@pytest.mark.notebook
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_with_the_solutions_put_in_every_check_passes(path):
    book = nbformat.read(path, as_version=4)
    solved = [cell for cell in book.cells if cell.id.startswith("exercise-")]
    for cell in solved:
        cell.source = inspect.getsource(EXERCISES[cell.id.removeprefix("exercise-")].reference)
    execute(book)
    cells = {cell.id: cell for cell in book.cells}
    page = "\n".join(str(output.get("text", "")) for cell in cells.values() for output in cell.get("outputs", []))
    for cell in solved:
        name = cell.id.removeprefix("exercise-")
        verdict = cells[f"check-{name}"].outputs[0].data["text/plain"]
        assert verdict.startswith(f"{name}: right."), verdict
        assert f"using your {name}" in page
