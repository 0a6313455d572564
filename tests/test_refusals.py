"""Every public function of the course's rooms against arguments that do not fit: none is taken without a word.

The tables are in `refusals_*.py`. To add a function: a row with a call that works, and for each parameter what must be
refused.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest

TABLES = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("refusals_*.py"))]
ROWS = [row for table in TABLES for row in table.ROWS]
# Public, and nothing that could be refused, each with the reason.
EXEMPT = {name: why for table in TABLES for name, why in getattr(table, "EXEMPT", {}).items()}
ROOMS = [
    "data", "biased", "models", "metrics", "memorization", "training", "attacks", "mixup", "gan", "lff",
    "lending", "selecmix", "claims", "predictions", "photographs", "record", "plots", "widgets", "references",
    "exercises", "reproduce", "progress",
]  # fmt: skip
BAD = [(row, name) for row in ROWS for name in row.bad]


def public(room):
    """The functions and classes that a room offers."""
    module = importlib.import_module(f"course_utils.{room}")
    for name in getattr(module, "__all__", vars(module)):
        thing = getattr(module, name)
        own = getattr(thing, "__module__", "").startswith(module.__name__)
        error = inspect.isclass(thing) and issubclass(thing, BaseException)
        if not name.startswith("_") and own and (inspect.isfunction(thing) or inspect.isclass(thing)) and not error:
            yield thing


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_has_a_row(room):
    there = {row.name for row in ROWS} | set(EXEMPT)
    named = {f"{thing.__module__.removeprefix('course_utils.')}.{thing.__qualname__}" for thing in public(room)}
    assert not named - there, "give each a row in its tests/refusals_*.py"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_parameter_is_tried_and_the_good_call_works(row):
    assert row.parameters == set(row.bad) | set(row.free), "each parameter is in `bad` or in `free`, and no other"
    row.function(**row.good)


@pytest.mark.parametrize("row, name", BAD, ids=[f"{row.name}-{name}" for row, name in BAD])
def test_what_does_not_fit_is_refused_by_name(row, name):
    for value in row.bad[name]:
        try:
            row.function(**row.good | {name: value})
        except ValueError as refused:
            message = str(refused)
        else:
            pytest.fail(f"taken without a word: {value!r:.80}")
        assert re.search(rf"\b{name}\b", message), f"the argument is not named: {message}"
        assert re.search(r"\bmust\b", message), f"what is expected is not said: {message}"
        assert re.search(r"\bgot\b", message), f"what came is not said: {message}"
