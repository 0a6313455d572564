"""What nbval does not look at: counts, pictures, stderr, alternative texts, lengths, and solutions that leak.

nbval never compares a cell without an execution count, and never compares a picture.
"""

import ast
import base64
import html
import inspect
import io
import json
import re
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from course_utils import checkup, plots
from course_utils.claims import LECTURE
from course_utils.exercises import EXERCISES
from course_utils.notebooks import NOTEBOOKS, WIDGET, find

BOOKS = {path.stem: nbformat.read(path, as_version=4) for path in find([])}
PATH = r"/(home|root|Users|tmp|work|mnt|usr|opt|private|content)/|[A-Z]:\\"
IGNORED = "nbval-ignore-output"


@pytest.fixture(params=BOOKS, scope="module")
def book(request):
    return BOOKS[request.param]


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def prose(book):
    return [cell for cell in book.cells if cell.cell_type == "markdown"]


def outputs(book, kind=None):
    """(cell, output) for every output, or for those that hold data of this kind."""
    for cell in code(book):
        for output in cell.outputs:
            if kind is None or kind in output.get("data", {}):
                yield cell, output


def test_there_are_notebooks():
    assert len(BOOKS) >= 2


def test_every_cell_was_run_in_order(book):
    assert [cell.execution_count for cell in code(book)] == list(range(1, len(code(book)) + 1))


def test_no_errors_no_stderr_no_widget_state_no_svg(book):
    for cell, output in outputs(book):
        assert output.output_type != "error", cell.id
        assert output.get("name") != "stderr", cell.id
        assert WIDGET not in output.get("data", {}), cell.id
        assert "image/svg+xml" not in output.get("data", {}), cell.id
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert all(set(cell.metadata) <= {"tags", "jupyter", "slides"} for cell in book.cells)


def test_every_picture_shows_something(book):
    for cell, output in outputs(book, "image/png"):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("L"))
        assert picture.shape[0] > 100, cell.id
        assert picture.shape[1] > 400, cell.id
        assert picture.std() > 5, f"{cell.id} stores a blank picture"


def test_every_picture_is_drawn_as_the_code_draws_today(book):
    """nbval compares no pictures: one with another palette is older than `plots.png`."""
    for cell, output in outputs(book, "image/png"):
        picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        assert picture.mode == "P", cell.id
        assert len(picture.getpalette()) // 3 <= plots.PNG_COLOURS, (
            f"{cell.id}: run `make run NB={book.cells[0].source[2:4]}`"
        )


def test_every_cell_that_draws_stores_a_picture(book):
    for cell in code(book):
        if "plots.show(" in cell.source or ".card(" in cell.source:
            assert cell.id.startswith(("figure-", "claim-")), cell.id
            assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.id


def test_every_picture_has_an_alternative_text(book):
    for cell, output in outputs(book, "image/png"):
        alt = output.metadata["image/png"]["alt"]
        assert len(alt.split()) >= 8, f"{cell.id}: {alt}"
        assert output.data["text/plain"] == alt, cell.id
        page = html.unescape(" ".join(str(other.get("data", {}).get("text/html", "")) for other in cell.outputs))
        assert alt in page.replace("<br>", "\n"), f"{cell.id} has no words on the page for those who cannot see"


def test_few_cells_are_ignored_by_nbval(book):
    ignored = [cell.id for cell in code(book) if IGNORED in cell.metadata.get("tags", [])]
    assert len(ignored) <= 1, ignored


def test_the_stored_self_check_has_the_lines_of_todays(capsys):
    """nbval does not compare it, since versions and seconds differ."""
    (cell,) = [cell for cell in code(BOOKS["00_start_here"]) if IGNORED in cell.metadata.get("tags", [])]
    assert checkup.checkup()

    def without_numbers(text):
        return re.sub(r"[\d.,+a-z]*\d[\w.,+]*( s)?", "#", re.sub(r" \(usually .*?\)", "", text)).splitlines()

    assert without_numbers(cell.outputs[0].text) == without_numbers(capsys.readouterr().out)


def test_nbval_is_switched_off_in_no_other_way(book):
    for cell in code(book):
        assert set(cell.metadata.get("tags", [])) <= {"exercise", IGNORED}, cell.id
        assert not re.search(r"NBVAL_|PYTEST_VALIDATE", cell.source), cell.id


def test_no_path_of_a_machine(book):
    for cell, output in outputs(book):
        text = str(output.get("text", "")) + str({k: v for k, v in output.get("data", {}).items() if k != "image/png"})
        assert not re.search(PATH, text), cell.id
    for cell in book.cells:
        assert not re.search(PATH, cell.source), cell.id


def test_code_cells_are_short(book):
    """A laptop shows 28 lines of code at a time, a projector 16: no cell needs scrolling here, half of them not there.
    They aim lower (20 lines at most, 8 in the middle)."""
    lengths = {cell.id: len(cell.source.splitlines()) for cell in code(book)}
    assert max(lengths.values()) <= 29, lengths  # a folded cell has a line that says what it is
    assert np.median(list(lengths.values())) <= 16
    assert max(len(line) for cell in code(book) for line in cell.source.splitlines()) <= 88


def test_the_page_is_not_too_long_or_too_heavy(book):
    """Two hours are long for an evening: exercises and experiments take one of them. The other is for the prose: 3,200
    words at 55 a minute, formulas and figures looked at on the way. GitHub shows notebooks of up to a megabyte.
    Chapters aim lower (2,200 words, 500 kB), so that a sentence more never breaks CI. The slides in the cells' metadata
    are nothing that a reader loads twice: they count for GitHub's limit alone."""
    assert len(book.cells) <= 80
    words = [re.sub(r"</?(div|details|summary)\b[^>]*>", "", cell.source).split() for cell in prose(book)]
    assert sum(map(len, words)) <= 3_200
    slides = [cell.metadata["slides"] for cell in book.cells if "slides" in cell.metadata]
    size = len(nbformat.writes(book).encode())
    assert size - len(json.dumps(slides, ensure_ascii=False).encode()) <= 750_000
    assert size <= 850_000


def test_cell_ids_are_short_and_readable(book):
    for cell in book.cells:
        assert re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", cell.id), cell.id
        assert len(cell.id) <= 40
        assert not re.fullmatch(r"[0-9a-f]{8}", cell.id), f"{cell.id} looks random"


def test_no_line_ends_in_a_semicolon(book):
    """Under nbval a trailing semicolon silences nothing."""
    for cell in code(book):
        assert not re.search(r";\s*$", cell.source, re.M), cell.id


def test_one_title_and_a_table_of_minutes(book):
    titles = [line for cell in prose(book) for line in cell.source.splitlines() if line.startswith("# ")]
    assert len(titles) == 1
    assert "| your time | computing | before this | in a 90-minute lab |" in book.cells[0].source


def draws(cell):
    return cell.id.startswith(("figure-", "claim-"))


def test_the_code_of_figures_and_cards_is_folded_and_that_of_experiments_is_not(book):
    """Titles and alternative texts in it would tell what the reader is asked to predict."""
    for cell in book.cells:
        assert cell.metadata.get("jupyter", {}) == ({"source_hidden": True} if draws(cell) else {}), cell.id
        if draws(cell):  # folded, JupyterLab shows its first line
            assert cell.source.startswith("# The figure\n" if cell.id.startswith("figure-") else "# The card\n")
            assert not re.search(r"\bfit(_many)?\(|side_by_side\(|\.use\(\)", cell.source), cell.id


def asked(cell):
    """The questions of a cell: the name of each guess, and the words it says to `predict`, read and not run."""
    for line in ast.parse(cell.source).body:
        if isinstance(line, ast.Assign) and getattr(getattr(line.value, "func", None), "id", "") == "predict":
            said = {word.arg: word.value.value for word in line.value.keywords if isinstance(word.value, ast.Constant)}
            yield line.targets[0].id, said | {"answer": [ast.literal_eval(value) for value in line.value.args]}


def guesses(book):
    """For each guess that a reader can make, the places of its cell and of the answers to it."""
    for at, cell in enumerate(book.cells):
        for name, _ in asked(cell) if cell.cell_type == "code" else ():
            yield name, at, [k for k, other in enumerate(book.cells) if f"{name}.beside(" in other.source]


def test_every_question_has_a_place_for_the_prediction(book):
    for at, cell in enumerate(book.cells):
        if cell.cell_type == "markdown" and "**Predict" in cell.source:
            after = book.cells[at + 1]
            assert after.id.startswith("guess-"), cell.id
            assert len(list(asked(after))) == len(ast.parse(after.source).body), f"{after.id}: one predict( a line"
            for name, said in asked(after):
                assert name.endswith("_guess"), name
                assert said["answer"] == [""], f"{name}: somebody's answer"
        assert cell.id.startswith("guess-") <= ("**Predict" in book.cells[at - 1].source), cell.id


def test_every_prediction_has_a_name_of_its_own_in_the_whole_course():
    """Under it the reader's record keeps it, and figures show it."""
    names = []
    for stem, book in BOOKS.items():
        for cell in code(book):
            for guess, said in asked(cell):
                assert said["of"].startswith(f"{stem[:2]} "), f"{guess}: the chapter's number first"
                assert len(said["of"]) <= 48, said["of"]
                assert said.get("unit", "%") in ("%", "points", "epochs", "units", "times", "claims", "×", ""), guess
                names.append(said["of"])
    assert len(set(names)) == len(names) > 60


def test_some_predictions_are_ranges():
    """In each chapter of experiments one or two: so many in all that four in five says something."""
    wanted = "a range that you are 80 % sure of"
    for stem, book in BOOKS.items():
        in_words = sum(wanted in cell.source for cell in prose(book) if "**Predict" in cell.source)
        assert in_words == sum(cell.source.count(wanted) for cell in code(book)), stem
        assert in_words in ((1, 2) if "01" <= stem[:2] <= "07" else (0,)), stem


def test_claims_of_the_lecture_have_names_of_their_own_in_the_whole_course():
    cells = "\n".join(cell.source for book in BOOKS.values() for cell in code(book))
    names = re.findall(r'Claim\(\s*"(Claim \d.*?)"', cells)
    assert len(set(names)) == len(names) > 10


def test_a_card_of_stored_runs_says_so():
    """The reader's record tells their own runs from ours."""
    stored = {("06_selecmix", "claim-table"), ("06_selecmix", "claim-noise"), ("07_fish_and_hand", "claim-9")}
    for stem, book in BOOKS.items():
        for cell in code(book):
            if ".card(" in cell.source:
                ours = stem == "08_scorecard" or (stem, cell.id) in stored
                assert (".card(stored=True)" in cell.source) == ours, (stem, cell.id)


def test_every_prediction_is_answered_later(book):
    for name, asked, answered in guesses(book):
        assert answered, name
        assert min(answered) > asked, name


def test_the_results_table_is_the_one_that_fills_up(book):
    """From the reader's record; and its words hold whatever that has: nbval compares them."""
    for cell in code(book):
        if "results_table(" in cell.source:
            (network,) = re.findall(r'\bresults\(\s*"(.*?)"', cell.source)
            assert network in plots.tables.NETWORKS, cell.id
            assert not re.search(r"alt=f|results\[", cell.source), cell.id


def test_no_number_is_the_readers_before_the_reader_wrote_one(book):
    for cell in code(book):
        assert "my_guess" not in cell.source, cell.id


def test_a_card_of_a_claim_of_the_lecture_quotes_it(book):
    for cell in code(book):
        if cell.id.startswith("claim-"):
            numbers = re.findall(r'Claim\(\s*"Claim (\d)', cell.source)
            assert numbers == re.findall(r"\bof=(\d)", cell.source), cell.id


def test_every_claim_of_the_lecture_stands_in_the_list():
    """Nine sentences, said once (`claims.LECTURE`); the first page has them all, with the chapter that asks, and none
    is judged by the runs of whoever stored the page."""
    (cell,) = [cell for cell in code(BOOKS["00_start_here"]) if "claims.so_far()" in cell.source]
    page = cell.outputs[0].data["text/markdown"]
    assert all(sentence in page for sentence in LECTURE.values())
    assert page.count("| not yet |") == len(LECTURE)


def test_the_first_idea_comes_soon_and_the_setup_prints_nothing(book):
    assert code(book)[0].id == "setup"
    assert not code(book)[0].outputs
    assert len(code(book)[0].source.splitlines()) <= 18


def test_the_course_is_imported_before_torch(book):
    """It says how many threads PyTorch uses, which counts only before PyTorch is loaded."""
    imports = re.findall(r"^(?:from|import) ([\w.]+)", code(book)[0].source, re.M)
    first = next(name for name in imports if name.split(".")[0] not in sys.stdlib_module_names)
    assert first == "course_utils"


def test_what_the_reader_is_to_do_stands_in_a_box(book):
    """Which JupyterLab draws by its class; a blank line on both sides, without which Markdown inside is not read."""
    for cell in prose(book):
        for opening, kind in (
            (r"### Exercise .*★", "alert alert-success exercise"),
            (r"\*\*Predict", "alert alert-info predict"),
        ):
            if re.search(rf"^{opening}", cell.source, re.M):
                assert re.search(rf'<div class="{kind}">\n\n{opening}(.|\n)*\n\n</div>\Z', cell.source), cell.id


def test_every_experiment_is_preceded_by_prose(book):
    """No more than three code cells follow each other without a word between them."""
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in book.cells)
    assert "cccc" not in kinds


def test_no_measured_number_stands_in_the_prose(book):
    """Percentages with decimals come from cells, where CI compares them or a figure draws them."""
    for cell in prose(book):
        text = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
        assert not re.search(r"\d\.\d+ ?%", text), cell.id


def exercise_names(book):
    return [cell.id.removeprefix("exercise-") for cell in code(book) if cell.id.startswith("exercise-")]


def test_an_exercise_is_a_card_a_stub_a_check_and_a_use(book):
    ids = [cell.id for cell in book.cells]
    for name in exercise_names(book):
        assert name in EXERCISES
        at = ids.index(f"exercise-{name}")
        card, stub, checked = book.cells[at - 1], book.cells[at], book.cells[at + 1]
        assert re.search(r"### Exercise.*★", card.source), name
        assert re.search(r"\d+ minutes", card.source), name
        assert 'raise NotImplementedError("your turn")' in stub.source
        assert stub.metadata.tags == ["exercise"]
        assert f"exercises.check({name})" in checked.source
        assert "not attempted" in checked.outputs[0].data["text/plain"]
        assert any(f"{name} = " in cell.source and ".use()" in cell.source for cell in book.cells[at + 2 :])


def test_every_exercise_has_its_notebook():
    assert sorted(name for book in BOOKS.values() for name in exercise_names(book)) == sorted(EXERCISES)


def test_a_stub_has_the_solutions_parameters(book):
    for cell in code(book):
        if cell.id.startswith("exercise-"):
            stub = ast.parse(cell.source).body[0]
            reference = EXERCISES[stub.name].reference
            assert [argument.arg for argument in stub.args.args] == list(inspect.signature(reference).parameters)
            assert ast.get_docstring(stub)


def solution_lines(reference):
    """The lines that give a solution away: its body without docstring, `return`, `.item()` and very short lines."""
    body = ast.parse(textwrap.dedent(inspect.getsource(reference))).body[0].body[1:]
    lines = [line.strip() for node in body for line in ast.unparse(node).splitlines()]
    lines = [line.removeprefix("return ").removesuffix(".item()") for line in lines]
    return [line for line in lines if len(line) > 25]


def test_no_solution_leaks_into_a_stub_an_output_or_a_hint(book):
    for name in exercise_names(book):
        before = book.cells[: [cell.id for cell in book.cells].index(f"check-{name}") + 1]
        page = [cell.source for cell in before] + [str(output) for cell in code(book) for output in cell.outputs]
        said = [*EXERCISES[name].hints, *(slip.says for slip in EXERCISES[name].slips)]
        page = re.sub(r"\s+", " ", " ".join(page + said))
        for line in solution_lines(EXERCISES[name].reference):
            assert line not in page, f"{name}: {line}"


def test_widgets_have_a_still_picture_above_them(book):
    ids = [cell.id for cell in code(book)]
    for at, cell_id in enumerate(ids):
        assert ("widgets." in code(book)[at].source) <= cell_id.startswith(("widget-", "figure-")), cell_id
        if cell_id.startswith("widget-"):
            assert ids[at - 1].startswith("figure-"), cell_id


def test_links_between_notebooks_lead_somewhere(book):
    for cell in prose(book):
        for target in re.findall(r"\]\((?!https?:|#)(.+?)\)", cell.source):
            assert (Path(NOTEBOOKS) / target).exists(), f"{cell.id}: {target}"


def test_questions_have_folded_answers(book):
    text = "\n".join(cell.source for cell in prose(book))
    assert text.count("<details><summary>Answer</summary>") >= 3
    assert "<details open" not in text
