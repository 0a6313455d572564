"""A check accepts every right way, names each usual mistake, says how the others differ, ends, and never blocks."""

import builtins
import inspect
import io
import itertools
import linecache
import math
import re
import symtable
import sys
import textwrap
import threading
import time
from dataclasses import replace
from functools import cache

import nbformat
import numpy as np
import pytest
import torch
from answers import RIGHT, WRONG
from IPython.core.interactiveshell import InteractiveShell
from torch.nn import functional as F
from traitlets.config import Config

from course_utils import exercises
from course_utils.exercises import EXERCISES, calls, history, mechanism
from course_utils.exercises.exercise import Case, Dice, Slip
from course_utils.exercises.others import is_steady, on_other_inputs
from course_utils.exercises.sight import look, right_sights, same
from course_utils.notebooks import find

HANGS = {"asleep", "swallows_everything", "endless"}  # of WRONG
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
    monkeypatch.setattr(calls, "LIMIT", 1.0 if attempt.__name__ in HANGS else 20.0)
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


# The right numbers, and not what the stub promises: the page's next cells would break, or show nonsense.
OTHER_TENSORS = {
    "another type": [
        lambda v, dtype=dtype: v.to(dtype)
        for dtype in (torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool)
    ],
    "another shape": [lambda v: v[..., None], lambda v: v[None], lambda v: v.flatten()],
    "no tensor": [lambda v: v.detach().numpy(), lambda v: v.tolist(), lambda v: tuple(v.tolist()), lambda v: None],
    "another kind of tensor": [lambda v: v.to_sparse(), lambda v: v + 0j],
    "on a graph": [lambda v: v + torch.zeros((), requires_grad=True)],
    "cut off": [lambda v: v.detach()],
}
OTHER_NUMBERS = [lambda v: [v], str, lambda v: None, lambda v: torch.tensor([v]), lambda v: np.array([v]),
                 lambda v: torch.tensor(float(v), requires_grad=True)]  # fmt: skip


def told_apart(right, got, loose):
    """Whether this must be refused: where any type of number will do, one of at least four bytes is right."""
    if not isinstance(right, torch.Tensor) or not isinstance(got, torch.Tensor) or got.layout != right.layout:
        return True
    if got.shape != right.shape or got.requires_grad != right.requires_grad or got.is_complex():
        return True
    return got.dtype != right.dtype and not (loose and got.dtype.itemsize >= 4)


def recast(exercise, name, change):
    """The course's own function, one of whose results (or each entry of it) comes in another kind."""

    def attempt(*given, **named):
        returned = exercise.reference(*given, **named)
        parts = dict(zip(exercise.returns, returned if len(exercise.returns) > 1 else (returned,)))
        whole = parts[name]
        parts[name] = {key: change(entry) for key, entry in whole.items()} if isinstance(whole, dict) else change(whole)
        return tuple(parts.values()) if len(parts) > 1 else parts[name]

    attempt.__signature__ = inspect.signature(exercise.reference)
    return attempt


def is_told(exercise, attempt, turn):
    """Whether `check` would say "wrong" for this case; its long search for the cause is left out."""
    try:
        sight = look(exercise, attempt, exercise.cases[turn], turn)
    except Exception:  # "The check can make nothing of what comes back"
        return True
    return bool(sight.error or sight.complaints) or not same(sight, right_sights(exercise)[turn])


@pytest.mark.parametrize("name", EXERCISES)
def test_right_numbers_of_another_kind_never_pass(name):
    exercise = EXERCISES[name]
    for part in exercise.returns:
        right = right_sights(exercise)[0].raw[part]
        entries = isinstance(right, dict)
        right = next(iter(right.values())) if entries else right
        changes = [(kind, change) for kind, several in OTHER_TENSORS.items() for change in several]
        for kind, change in changes if isinstance(right, torch.Tensor) else [("no number", c) for c in OTHER_NUMBERS]:
            try:
                told = told_apart(right, change(right), part in exercise.loose or entries)
            except (RuntimeError, TypeError):  # a float cannot be on a graph, nor a single number be a tuple
                continue
            if told:
                attempt = recast(exercise, part, change)
                found = (is_told(exercise, attempt, turn) for turn in range(len(exercise.cases)))
                assert any(found), f"{part}: {kind}"


@pytest.mark.parametrize("name", EXERCISES)
def test_arguments_that_the_page_gives_by_name_or_leaves_out_are_asked_for(name):
    exercise, parameters = EXERCISES[name], inspect.signature(EXERCISES[name].reference).parameters.values()
    for parameter in parameters:
        others = [p.replace(name=f"my_{p.name}") if p is parameter else p for p in parameters]
        needed = [p.replace(default=p.empty) if p is parameter else p for p in parameters]
        for changed in (others, needed):
            if parameter.name not in exercise.optional or changed == list(parameters):
                continue
            arguments = ", ".join(f"{p.name}{'' if p.default is p.empty else f'=defaults[{k}]'}"
                                  for k, p in enumerate(changed))  # fmt: skip
            names = {"own": exercise.reference, "defaults": [p.default for p in parameters]}
            if any(p.default is p.empty and q.default is not q.empty for q, p in itertools.pairwise(changed)):
                continue  # no Python: an argument without default after one with
            exec(f"def attempt({arguments}): return own({', '.join(p.name for p in changed)})", names)
            assert check(name, names["attempt"]).state == "wrong", arguments


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
    """Some case comes out otherwise, or the check must say so. (To find out what it says takes it a second.)"""
    exercise = EXERCISES[name]
    attempt = ignoring(exercise, parameter, value)
    sights = [look(exercise, attempt, case, turn) for turn, case in enumerate(exercise.cases)]
    assert not all(map(same, sights, right_sights(exercise))) or check(name, attempt).state == "wrong"


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


# ---- graded: on other inputs ---------------------------------------------------------------------------------


def grade(name, attempt, seed=1):
    """As the cell of a notebook in which the function stands under its name."""
    exec(f'exercises.graded("{name}", seed={seed})', {"exercises": exercises, name: attempt})


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_of_every_style_and_the_solution_pass_on_other_inputs(name):
    grade(name, EXERCISES[name].twin())
    for k, attempt in enumerate(RIGHT[name]):
        verdict = mechanism.check(on_other_inputs(EXERCISES[name], 1 + k % 2), attempt)
        assert verdict.state == "right", verdict


def contents(value):
    """What two calls can be told apart by: numbers, weights, names; of what is used up nothing."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, torch.nn.Module):
        return tuple(contents(part) for part in value.state_dict().values())
    if isinstance(value, dict):
        return tuple((name, contents(part)) for name, part in value.items())
    return value if isinstance(value, float | int | str | tuple) else getattr(value, "__name__", None)


def by_heart(exercise, elsewhere):
    """Right on every input of the page. (The table is as good as the function on what stands in it.)"""
    signature, known = inspect.signature(exercise.reference), set()

    def full(*given, **named):
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        return bound.arguments

    for case in exercise.cases:
        given = {name: case.through(v) if name in case.attached else v for name, v in case.arguments().items()}
        known.add(contents(dict(full(**given))))

    def attempt(*given, **named):
        arguments = full(*given, **named)
        return (exercise.reference if contents(dict(arguments)) in known else elsewhere)(**arguments)

    attempt.__signature__ = signature
    return attempt


@pytest.mark.parametrize("name", EXERCISES)
def test_whoever_has_the_page_by_heart_fails_on_other_inputs(name):
    """Elsewhere it gives the page's results in turn. And what fails on hidden numbers does not show them."""
    exercise = EXERCISES[name]
    results = itertools.cycle([exercise.reference(**case.arguments()) for case in exercise.cases])
    attempt = by_heart(exercise, lambda **_: next(results))
    assert check(name, attempt).state == "right"
    with pytest.raises(
        AssertionError, match=f"^{name}: wrong. Right on the page's inputs, and not on others"
    ) as caught:
        grade(name, attempt)
    assert not re.search(r"Smallest example|expected .+, got", str(caught.value))


def seen(exercise):
    """What the right results are, a line a case."""
    return [contents(sight.values) + contents(sight.raw) for sight in right_sights(exercise)]


@pytest.mark.parametrize("name", EXERCISES)
def test_other_inputs_have_other_results_and_come_from_the_seed_alone(name):
    before = torch.get_rng_state()
    exercise = EXERCISES[name]
    page, one, two = seen(exercise), seen(on_other_inputs(exercise, 1)), seen(on_other_inputs(exercise, 2))
    if name == "verdict":  # there are four possible results
        assert len(set(one)) == 4 and one != two
    else:
        assert len(set(one) - set(page) - set(two)) >= 3
    drawn = [[case.given for case in exercise.others(Dice(7))] for _ in range(2)]
    if name != "train_epoch":  # whose inputs are made at each call
        assert [contents(given) for given in drawn[0]] == [contents(given) for given in drawn[1]]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_usual_mistake_behind_a_table_of_the_page_is_nearly_always_found():
    found = []
    for exercise in EXERCISES.values():
        others = on_other_inputs(exercise, 1)
        for slip in exercise.slips:
            twin = exercise.twin(slip, variant=()) or exercise.twin(slip, variant=exercise.variants[0])
            sights = [look(others, twin, case, turn) for turn, case in enumerate(others.cases)] if twin else []
            found += [not all(map(same, sights, right_sights(others)))] if twin else []
    assert len(found) > 300
    assert sum(found) / len(found) > 0.9


MISBEHAVES = {
    "raise SystemExit": "It calls exit()",
    "while True: pass": "It does not come back",
    "print('x' * 10**7); print(labels); return 0.5": "It goes wrong, for one, here",
    "raise ValueError(labels)": "with ValueError. The call: many examples",
    "predictions[:] = 0": "It overwrites `predictions`",
    "torch.manual_seed(0)": "It draws random numbers, or sets a seed",
    "return None": "Is there a return at the end?",
    "raise NotImplementedError('your turn')": "not attempted. Right on the page's inputs",
}


@pytest.mark.parametrize(("does", "says"), MISBEHAVES.items())
def test_what_a_function_does_on_other_inputs_is_caught_as_on_the_page(does, says, monkeypatch):
    monkeypatch.setattr(calls, "LIMIT", 1.0)
    names = {"torch": torch}
    exec(f"def elsewhere(predictions, labels):\n    {does}", names)
    with pytest.raises(AssertionError, match=re.escape(says)) as caught:
        grade("error_rate", by_heart(EXERCISES["error_rate"], names["elsewhere"]))
    assert len(str(caught.value)) < mechanism.LONGEST + 200
    assert not re.search(r"tensor\(|xxx", str(caught.value))


def test_what_fails_on_the_page_is_graded_with_the_pages_own_message():
    for name, attempt, says in WRONG[-5:]:
        with pytest.raises(AssertionError, match=re.escape(says)):
            grade(name, attempt)


def test_what_is_not_there_or_not_attempted_is_said_plainly():
    with pytest.raises(AssertionError, match="error_rate: not there. The cell that defines it is missing"):
        exec('exercises.graded("error_rate", seed=1)', {"exercises": exercises})
    with pytest.raises(AssertionError, match="not attempted. This is the course's own function"):
        grade("error_rate", EXERCISES["error_rate"].reference)
    with pytest.raises(AssertionError, match="needs your function error_rate itself, got float"):
        grade("error_rate", 0.25)
    with pytest.raises(AssertionError, match="not attempted. Put your code in place of the raise line"):
        grade("error_rate", EXERCISES["error_rate"].twin(Slip("", "    return", "    raise NotImplementedError("
              "'your turn')\n    return")))  # fmt: skip
    with pytest.raises(ValueError, match="one of error_rate"):
        exercises.graded("nonsense", seed=1)
    with pytest.raises(ValueError, match="seed must be a whole number, got 'one'"):
        exercises.graded("error_rate", seed="one")


def test_no_function_passes_under_anothers_name():
    with pytest.raises(AssertionError, match="coverage: wrong"):
        grade("coverage", RIGHT["error_rate"][0])


def test_a_case_in_which_rounding_decides_is_drawn_anew():
    exercise = EXERCISES["choose_model"]
    table = torch.tensor([[0.7], [0.7 + 1e-7], [0.1]])
    close = Case("", train=table, validation=table, test=torch.rand(3, 1, generator=torch.Generator().manual_seed(0)))
    assert not is_steady(exercise, close)
    fine = Case("", train=table, validation=table.round(decimals=1), test=table)
    assert is_steady(exercise, fine)  # the very same numbers, and not nearly
    drawn = iter([close, fine])
    others = replace(exercise, others=lambda dice: [next(drawn)])
    assert on_other_inputs(others, 0).cases == (fine,)


# ---- the page: record, history -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_knows_its_chapter(name):
    book = next(path for path in find([exercises.CHAPTER_OF[name]]))
    assert any(cell.id == f"exercise-{name}" for cell in nbformat.read(book, as_version=4).cells)


def test_a_check_keeps_its_verdict_in_the_record(monkeypatch):
    kept = []
    monkeypatch.setattr(exercises.record, "checked", lambda *what: kept.append(what))
    exec("exercises.check(error_rate)", {"exercises": exercises, "error_rate": lambda p, y: 0.5})
    exec("exercises.check(error_rate)", {"exercises": exercises, "error_rate": RIGHT["error_rate"][0]})
    grade("error_rate", RIGHT["error_rate"][0])
    assert kept == [("error_rate", "00_start_here", "wrong"), ("error_rate", "00_start_here", "right")]


def test_a_check_says_that_a_later_cell_with_the_function_came_to_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # which a shell puts its own in place of
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    monkeypatch.setattr(history, "get_ipython", lambda: shell)
    head = "def error_rate(predictions, labels):\n"
    right = head + "    return (predictions != labels).double().mean()"

    def run(source):
        shell.run_cell(source, store_history=True)
        return shell.run_cell("verdict = exercises.check(error_rate)", store_history=True) and shell.user_ns["verdict"]

    shell.user_ns["exercises"] = exercises
    assert "you last wrote" not in run(right).message
    for broken in (head + "    return (predictions != labels", "1 / 0\n" + head + "    return 0.5"):
        verdict = run(broken)
        assert verdict.state == "right"
        assert verdict.message.startswith("The cell in which you last wrote `error_rate` stopped")
    assert "you last wrote" not in run(right).message
    stub = head + "    raise NotImplementedError('your turn')"
    assert run(stub).message.startswith("Put your code in place of the raise line")
    assert run(head + "    return (").message.endswith("Mend that cell and run it, then this one.")
    assert "you last wrote" not in run("error_rate = lambda p, y: 0.5").message


def test_whoever_is_right_can_compare_with_the_courses_own():
    page = check("error_rate", RIGHT["error_rate"][0])._repr_html_()
    assert re.findall(r"<summary>(.*?)</summary>", page) == ["Compare with the course's own"]
    assert 'exercises.solution("error_rate")' in page


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
    with pytest.raises(ValueError, match="function must be an exercise's .*; got the function nobody"):
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
    with pytest.raises(ValueError, match="one of error_rate, .* got 'nonsense'"):
        exercises.solution("nonsense")
