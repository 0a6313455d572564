"""A check accepts every right way, names each usual mistake, says how the others differ, ends, and never blocks."""

import builtins
import inspect
import io
import linecache
import math
import re
import symtable
import sys
import textwrap
import threading
import time
from functools import cache

import nbformat
import pytest
import torch
from answers import RIGHT, WRONG
from torch.nn import functional as F

from course_utils import exercises
from course_utils.exercises import EXERCISES, calls, mechanism
from course_utils.exercises.sight import look
from course_utils.notebooks import find

SLIPS = [(name, k) for name, exercise in EXERCISES.items() for k in range(len(exercise.slips))]


def check(name, attempt):
    return mechanism.check(EXERCISES[name], attempt)


@pytest.mark.parametrize(("name", "attempt"), [(name, a) for name, attempts in RIGHT.items() for a in attempts])
def test_every_right_way_passes(name, attempt):
    verdict = check(name, attempt)
    assert verdict.state == "right", verdict
    assert verdict.use() is attempt


def test_every_exercise_has_a_right_answer_of_another_style():
    assert RIGHT.keys() == EXERCISES.keys()


@pytest.mark.parametrize(("name", "attempt", "says"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(name, attempt, says, monkeypatch):
    monkeypatch.setattr(calls, "LIMIT", 3.0)
    verdict = check(name, attempt)
    assert verdict.state == "wrong"
    assert says in verdict.message
    assert len(verdict.message) < mechanism.LONGEST + 200
    assert not re.search(r"-0(?![.\d])", verdict.message)


@pytest.mark.parametrize(("name", "k"), SLIPS)
def test_every_slip_is_caught_and_named_as_itself(name, k):
    exercise = EXERCISES[name]
    slip = exercise.slips[k]
    twin = next(filter(None, (exercise.twin(slip, variant=variant) for variant in ((), *exercise.variants))))
    assert slip.says in check(name, twin).message


def test_two_slips_at_once_are_both_named():
    both = []
    for name, exercise in EXERCISES.items():
        for one, two in zip(exercise.slips[::4], exercise.slips[5::4]):
            twin = exercise.twin(one, two)
            if twin and any(sight.error is None for sight in (look(exercise, twin, case) for case in exercise.cases)):
                message = check(name, twin).message
                both.append(one.says in message and two.says in message)
    assert len(both) > 30
    assert sum(both) / len(both) > 0.6


def ignoring(exercise, parameter, value):
    """The course's own function with one argument hard-coded."""

    def attempt(*given, **named):
        bound = inspect.signature(exercise.reference).bind(*given, **named)
        bound.apply_defaults()
        return exercise.reference(**bound.arguments | {parameter: value})

    attempt.__signature__ = inspect.signature(exercise.reference)
    return attempt


def values(exercise, parameter):
    """The numbers, words and shapes that a parameter has in the cases."""
    given = [case.given.get(parameter) for case in exercise.cases]
    return list(dict.fromkeys(value for value in given if isinstance(value, float | int | str | tuple)))


OPTIONS = [
    (name, parameter, value)
    for name, exercise in EXERCISES.items()
    for parameter in inspect.signature(exercise.reference).parameters
    for value in values(exercise, parameter)
]


@pytest.mark.parametrize(("name", "parameter", "value"), OPTIONS)
def test_an_answer_that_hard_codes_a_number_or_a_word_never_passes(name, parameter, value):
    assert check(name, ignoring(EXERCISES[name], parameter, value)).state == "wrong"


@pytest.mark.parametrize("name", EXERCISES)
def test_every_option_has_two_values_and_is_left_out_once(name):
    parameters = inspect.signature(EXERCISES[name].reference).parameters.values()
    for parameter in parameters:
        assert len(values(EXERCISES[name], parameter.name)) != 1, parameter
        if parameter.default is not parameter.empty:
            assert any(parameter.name not in case.given for case in EXERCISES[name].cases), (
                f"{parameter} is always given"
            )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m, x, y: x.mul_(0.5), "It overwrites `images`"),
        (lambda m, x, y: x.requires_grad_(), "It calls requires_grad_ on `images`"),
        (lambda m, x, y: setattr(x, "grad", torch.ones_like(x)), "It leaves a gradient in `images`.grad"),
        (lambda m, x, y: m.eval(), "The network stays in eval mode"),
        (lambda m, x, y: m.train(), "Some layers are not back in the modes"),
        (lambda m, x, y: m.zero_grad(), "gradients that were there before are wiped"),
        (lambda m, x, y: F.cross_entropy(m.eval()(x), y).backward() or m.train(), "adds gradients to every parameter"),
        (lambda m, x, y: m.requires_grad_(False), "no longer want gradients"),
        (lambda m, x, y: m[1].weight.data.mul_(2), "It changes the network's weights"),
        (lambda m, x, y: m(x), "The network runs in train mode"),
        (lambda m, x, y: torch.rand(1), "It draws random numbers, or sets a seed"),
        (lambda m, x, y: torch.set_grad_enabled(False), "It switches gradients off"),
    ],
)
def test_a_side_effect_is_told_whatever_the_values_are(change, says):
    right, doubled = EXERCISES["fgsm"].reference, EXERCISES["fgsm"].twin(EXERCISES["fgsm"].slips[0])

    def attempt(model, images, labels, eps, of=right):
        attacked = of(model, images.clone(), labels, eps)
        change(model, images, labels)
        return attacked.detach()

    assert says in check("fgsm", attempt).message
    both = check("fgsm", lambda model, images, labels, eps: attempt(model, images, labels, eps, doubled)).message
    assert says in both and EXERCISES["fgsm"].slips[0].says in both


def test_a_function_that_hangs_in_a_library_is_left_behind(monkeypatch):
    monkeypatch.setattr(calls, "LIMIT", 0.2)
    start, stdout = time.monotonic(), sys.stdout
    assert not calls.in_time(lambda: setattr(sys, "stdout", None) or time.sleep(30), 0.2)
    assert sys.stdout is stdout
    assert time.monotonic() - start < 25


def test_a_call_that_was_given_up_takes_nobody_elses_stdout_when_it_ends(monkeypatch):
    ends, ended = threading.Event(), threading.Event()

    def hangs() -> None:
        calls.call(lambda: ends.wait(30), {}, set(), set())
        ended.set()

    monkeypatch.setattr(calls, "stop", lambda *_, **__: None)  # as in a library, where no exception reaches it
    assert not calls.in_time(hangs, 0.2)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    other = sys.stdout
    ends.set()
    assert ended.wait(10)
    assert sys.stdout is other


def test_an_error_of_the_check_itself_is_not_taken_for_the_students():
    with pytest.raises(ZeroDivisionError):
        calls.in_time(lambda: 1 / 0, 1)


# ---- not attempted, hints, solution ------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_not_attempted_and_the_reference_takes_its_place(name, capsys):
    def stub(*arguments, **options):
        raise NotImplementedError("your turn")

    verdict = check(name, stub)
    assert verdict.state == "not attempted"
    assert verdict.use() is EXERCISES[name].reference
    assert capsys.readouterr().out == f"using the reference for {name}\n"


def test_the_exercise_is_found_by_the_functions_name():
    def error_rate(predictions, labels):
        """The share."""
        wrong = predictions != labels
        return wrong.float().mean()

    assert exercises.check(error_rate).state == "right"
    assert (
        "Judged: the function that begins with `wrong = predictions != labels`" in exercises.check(error_rate).message
    )
    names = {"exercises": exercises, "error_rate": lambda p, y: 1.0}
    exec("verdict = exercises.check(error_rate)", names)  # a lambda stands under a name
    assert names["verdict"].state == "wrong"
    names = {"exercises": exercises, "error_rate": 0.25}
    exec("verdict = exercises.check(error_rate)", names)  # called, and not handed over
    assert "needs your function error_rate itself, got float" in names["verdict"].message
    with pytest.raises(ValueError, match="give an exercise's function, or its name; .* Got function nobody"):
        exercises.check(nobody)


def nobody():
    """No exercise has this name."""


def test_a_torch_error_about_a_missing_kernel_is_not_taken_for_a_stub():
    verdict = check("empirical_risk", lambda logits, labels: F.cross_entropy(logits.detach().long(), labels))
    assert verdict.state == "wrong"
    assert "not implemented for" in verdict.message


def test_the_line_is_shown_as_it_stands_in_the_cell():
    source = "def error_rate(predictions, labels):\n    right = predictions == labels\n    return 1 - right\n"
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(True), "<cell>")
    names = {}
    exec(compile(source, "<cell>", "exec"), names)
    message = check("error_rate", names["error_rate"]).message
    assert "It stopped in `return 1 - right` with" in message
    assert "no minus for tensors of True and False" in message


@pytest.mark.parametrize("name", EXERCISES)
def test_the_hints_are_folded_climb_and_end_in_the_way_to_the_solution(name):
    page = check(name, lambda *arguments, **options: math.nan)._repr_html_()
    assert re.findall(r"<summary>(.*?)</summary>", page) == ["Hint 1", "Hint 2", "Solution"]
    assert f'exercises.solution("{name}")' in page
    assert "<details open" not in page
    assert "?" in EXERCISES[name].hints[0]


def test_messages_are_safe_as_html():
    def fails(logits, labels):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check("empirical_risk", fails)._repr_html_()


@cache
def pages():
    """The code cells of each chapter, by their ids."""
    books = [nbformat.read(path, as_version=4) for path in find([])]
    return [{cell.id: cell.source for cell in book.cells if cell.cell_type == "code"} for book in books]


def page_of(name):
    """The code cells of the chapter in which the exercise stands."""
    return next(cells for cells in pages() if f"exercise-{name}" in cells)


def symbols(source):
    """The tables of symbols of a piece of code: its own, and those of all functions and classes in it."""
    tables = [symtable.symtable(source, "cell", "exec")]
    for table in tables:  # grows while it is gone through
        tables += table.get_children()
    return tables


def reads(source):
    """The globals, builtins aside, that a function reads wherever it stands in its source."""
    tables = symbols(textwrap.dedent(source))
    names = {symbol.get_name() for table in tables[1:] for symbol in table.get_symbols() if symbol.is_global()}
    return names - set(dir(builtins)) - {tables[1].get_name()}


def binds(source):
    """The names that a cell gives a value to."""
    return {
        symbol.get_name() for symbol in symbols(source)[0].get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_short_and_passes_where_it_is_pasted(name):
    shown = exercises.solution(name).data
    assert shown == exercises.solution(EXERCISES[name].reference).data
    body = shown[shown.index(":\n", shown.index("->")) + 2 :]
    assert 1 <= len([line for line in body.splitlines() if line.strip()]) <= 10
    assert not re.search(r"check|device|inference_mode|raise|\"\"\"", shown)
    names = {}
    exec(page_of(name)["setup"] + "\n" + shown, names)
    assert check(name, names[name]).state == "right"


@pytest.mark.parametrize("name", EXERCISES)
def test_a_pasted_solution_does_on_its_page_what_the_packages_function_does(name):
    """It reads the very same objects there, from the first cell to the last. So a page with its solutions put in does
    what nbval sees the unsolved page do, and need not be run a second time."""
    reference, cells, names = inspect.unwrap(EXERCISES[name].reference), page_of(name), {}
    exec(cells["setup"], names)
    for wanted in reads(EXERCISES[name].solution):
        assert names[wanted] is reference.__globals__[wanted], wanted
        for cell_id, source in cells.items():
            taken_over = re.search(rf"^{wanted} = \w+\.use\(\)$", source, re.M)
            its_own = wanted in EXERCISES and (cell_id == f"exercise-{wanted}" or taken_over)
            assert cell_id == "setup" or its_own or wanted not in binds(source), f"{cell_id} binds {wanted}"


@pytest.mark.parametrize("name", EXERCISES)
def test_the_page_takes_over_whatever_passed(name):
    """Behind the check, `NAME = ….use()`, and no other value for NAME: the rest of the page runs on that function."""
    cells = page_of(name)
    ids = list(cells)
    after = ids[ids.index(f"check-{name}") + 1 :]
    users = [cell_id for cell_id in after if name in binds(cells[cell_id])]
    assert users, f"no cell uses {name}"
    verdict = re.match(rf"(\w+) = exercises\.check\({name}\)", cells[f"check-{name}"]).group(1)
    for cell_id in users:
        assert re.search(rf"^{name} = {verdict}\.use\(\)$", cells[cell_id], re.M), cell_id


def test_what_a_page_gives_another_value_is_seen():
    source = "import a.b\nfrom c import d as e\nf = 1\nfor g in h:\n    i: int = 2\ndef j(k):\n    l = m"
    assert binds(source) == set("aefgij")
    assert reads("def outer(labels):\n    return [F.softmax(row) for row in labels] + len(torch.ones(1))") == {
        "F",
        "torch",
    }


@pytest.mark.parametrize("name", EXERCISES)
def test_the_courses_own_function_is_not_taken_for_an_answer(name):
    """After "run all" a later cell has put the reference under the exercise's name."""
    verdict = check(name, EXERCISES[name].reference)
    assert verdict.state == "not attempted"
    assert "Run the cell with your function" in verdict.message


def test_the_solution_of_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(ValueError, match="the names are error_rate, .* Got 'nonsense'"):
        exercises.solution("nonsense")
