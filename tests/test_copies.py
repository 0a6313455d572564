"""Your own copies: whatever you and the course do to a chapter, nothing of yours is lost, and what is new arrives."""

import copy
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils import copies, notebooks
from course_utils.copies import merge, pull

ROOT = Path(__file__).resolve().parents[1]
NAME = "03_mixup"
VIEW = notebooks.WIDGET


def cell(id, source, kind="code", outputs=(), **metadata):
    made = {"cell_type": kind, "id": id, "metadata": metadata, "source": source}
    return made | ({"execution_count": None, "outputs": list(outputs)} if kind == "code" else {})


def book(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text(words, **data):
    return {"output_type": "display_data", "data": {"text/plain": words} | data, "metadata": {}}


def sources(book):
    return ["".join(cell["source"]) for cell in book["cells"]]


def ids(book):
    return [cell["id"] for cell in book["cells"]]


TITLE = cell("title", "# Mixup", "markdown")
HEAD = 'def mix(a, b):\n    """Mix.\n\n    a, b: images\n    """\n'
STUB = cell("exercise", HEAD + '    raise NotImplementedError("your turn")', tags=["exercise"])
SOLVED = HEAD + "    return (a + b) / 2"
CHECK = cell("check", "check(mix)")
FIGURE = cell("figure", "draw()", jupyter={"source_hidden": True})
KERNEL = {"name": "python3", "display_name": "Python 3"}
COURSE = book(TITLE, STUB, CHECK, FIGURE, kernelspec=KERNEL)


def changed(book, **sources):
    """A notebook with other sources in some cells."""
    book = copy.deepcopy(book)
    return book | {"cells": [c | {"source": sources.get(c["id"], c["source"])} for c in book["cells"]]}


def without(book, *gone):
    return book | {"cells": [c for c in book["cells"] if c["id"] not in gone]}


def with_cells(book, after, *cells):
    at = ids(book).index(after) + 1
    return book | {"cells": [*book["cells"][:at], *cells, *book["cells"][at:]]}


def merged(yours, new, base=COURSE):
    return merge.merge(base and merge.fresh(base), yours, merge.fresh(new))


class Folder:
    """A course of one chapter and a reader of it."""

    def __init__(self, path):
        self.notebooks, self.work = path / "notebooks", path / "work"
        self.notebooks.mkdir()
        self.copy = self.work / f"{NAME}.ipynb"

    def course(self, book):
        (self.notebooks / f"{NAME}.ipynb").write_text(json.dumps(book), encoding="utf-8")

    def read(self):
        return json.loads(self.copy.read_text(encoding="utf-8"))

    def save(self, book):
        self.copy.write_text(json.dumps(book), encoding="utf-8")

    def update(self, course=None):
        if course:
            self.course(course)
        return copies.bring_up_to_date()

    def before(self):
        return sorted((self.work / ".before").glob("*"))


def settle(monkeypatch, path):
    """The reader's folder at this path."""
    folder = Folder(path)
    monkeypatch.setattr(copies, "CHAPTERS", (NAME,))
    monkeypatch.setattr(copies, "NOTEBOOKS", folder.notebooks)
    monkeypatch.setattr(copies, "WORK", folder.work)
    return folder


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return settle(monkeypatch, tmp_path)


# Fresh copies


def test_a_fresh_copy_is_the_chapter_without_its_outputs(folder):
    assert folder.update(changed(COURSE) | {"cells": [c | ({"outputs": [text("told")], "execution_count": 7}
        if c["cell_type"] == "code" else {}) for c in COURSE["cells"]]}) == [
        "03_mixup copied into work/: that is where you write."]  # fmt: skip
    made = folder.read()
    assert (ids(made), sources(made)) == (ids(COURSE), sources(COURSE))
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in made["cells"])
    assert made["metadata"]["kernelspec"] == KERNEL
    nbformat.validate(made)


def test_the_real_chapters_are_copied_once_and_then_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(copies, "WORK", tmp_path / "work")
    assert copies.bring_up_to_date() == ["Nine chapters copied into work/: that is where you write."]
    made = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.ipynb")}
    assert sorted(path.stem for path in made) == sorted(notebooks.CHAPTERS)
    assert copies.bring_up_to_date() == []
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.ipynb")} == made
    for path in made:
        nbformat.validate(json.loads(path.read_text(encoding="utf-8")))
        assert [c.id for c in nbformat.read(path, 4).cells] == [
            c.id for c in nbformat.read(notebooks.NOTEBOOKS / path.name, 4).cells
        ]


def test_a_chapter_whose_copy_you_delete_begins_anew(folder):
    folder.update(COURSE)
    folder.save(changed(folder.read(), exercise=SOLVED))
    folder.copy.unlink()
    assert folder.update() == ["03_mixup copied into work/: that is where you write."]
    assert sources(folder.read()) == sources(COURSE)


# Cell by cell


def test_what_you_left_alone_becomes_new_and_what_the_course_left_alone_stays_yours():
    yours = changed(COURSE, exercise=SOLVED)
    yours["cells"][1]["outputs"] = [text("mine")]
    book, counts = merged(yours, changed(COURSE, title="# Mixup, newer"))
    assert sources(book) == ["# Mixup, newer", SOLVED, "check(mix)", "draw()"]
    assert book["cells"][1]["outputs"] == [text("mine")]
    assert counts == {"new": 1, "yours": 1}


def test_an_answer_goes_into_a_changed_docstring():
    new = changed(COURSE, exercise=STUB["source"].replace("Mix.", "Mix two images."))
    book, counts = merged(changed(COURSE, exercise=SOLVED), new)
    assert sources(book)[1] == SOLVED.replace("Mix.", "Mix two images.")
    assert (ids(book), counts) == (ids(COURSE), {"merged": 1})


def test_where_both_changed_the_same_lines_the_courses_stands_first_and_yours_runs_last():
    yours = changed(COURSE, exercise=SOLVED)
    yours["cells"][1] |= {"outputs": [text("mine")], "execution_count": 3}
    new = changed(COURSE, exercise=STUB["source"].replace("your turn", "now you"))
    book, counts = merged(yours, new)
    assert ids(book) == ["title", "exercise", "exercise-yours-1", "check", "figure"]
    theirs, mine = book["cells"][1:3]
    assert (theirs["source"], theirs["outputs"]) == (new["cells"][1]["source"], [])
    assert mine["source"].splitlines()[0] == f"# {merge.BOTH}"
    assert mine["source"].endswith(SOLVED)
    assert mine["outputs"] == [text("mine")]
    assert (theirs["metadata"], mine["metadata"]) == ({"tags": ["exercise"]}, {})
    space = {}
    exec(theirs["source"], space)
    exec(mine["source"], space)
    assert space["mix"](2, 4) == 3
    assert counts == {"both": 1}


def test_a_text_of_yours_is_marked_in_markdown():
    book, _ = merged(changed(COURSE, title="# My mixup"), changed(COURSE, title="# Their mixup"))
    assert sources(book)[:2] == ["# Their mixup", f"> {merge.BOTH}\n\n# My mixup"]


@pytest.mark.parametrize("magic", ["%%time", "%%bash\nls"])
def test_a_cell_magic_stays_on_the_first_line(magic):
    book, _ = merged(changed(COURSE, check=f"{magic}\nmine"), changed(COURSE, check="theirs"))
    assert sources(book)[3].startswith(magic.split("\n")[0] + f"\n# {merge.BOTH}\n")
    assert sources(book)[3].endswith("mine")


def test_a_merge_that_would_break_the_code_is_none():
    base = "a = [\n    1,\n]\nb = 1\nprint(a)\nc = 1"
    new = base.replace("]\nb", "] + [\n    2,\n]\nb").replace("a = [\n    1,\n]", "a = [1")
    assert merge._parses(base)
    yours = base + "\nmine = 1"
    book, counts = merged(changed(COURSE, figure=yours), changed(COURSE, figure=new), changed(COURSE, figure=base))
    assert not merge._parses(new + "\nmine = 1")
    assert counts == {"both": 1}
    assert sources(book)[-1].endswith(yours)


def test_ipythons_magics_do_not_hinder_a_merge():
    base = "%time x = 1\n!ls\nmix?\ny = 2\nz = 3"
    new = base.replace("%time x = 1", "%time x = 10")
    book, counts = merged(changed(COURSE, figure=base + "\n!pwd\nmine = 1"), changed(COURSE, figure=new),
                          changed(COURSE, figure=base))  # fmt: skip
    assert sources(book)[-1] == new + "\n!pwd\nmine = 1"
    assert counts == {"merged": 1}


def test_code_that_did_not_parse_before_may_merge():
    base = "x = 1\ny = 2\nz = 3"
    book, counts = merged(changed(COURSE, figure="x = 1\ny = 2\nz = ("), changed(COURSE, figure="x = 9\ny = 2\nz = 3"),
                          changed(COURSE, figure=base))  # fmt: skip
    assert (sources(book)[-1], counts) == ("x = 9\ny = 2\nz = (", {"merged": 1})


def test_outputs_stay_with_unchanged_code_and_go_with_changed_code():
    yours = changed(COURSE)
    for c in yours["cells"][1:]:
        c |= {"outputs": [text("ran")], "execution_count": 1}
    new = changed(COURSE, check="check(mix)  # new", title="# New")
    new["cells"][3] = new["cells"][3] | {"metadata": {"tags": ["fresh"]}}
    book, _ = merged(yours, new)
    assert [c.get("outputs") for c in book["cells"]] == [None, [text("ran")], [], [text("ran")]]
    assert [c.get("execution_count") for c in book["cells"]] == [None, 1, None, 1]
    assert book["cells"][3]["metadata"] == {"tags": ["fresh"]}


def test_a_cell_turned_into_another_kind_is_a_change():
    yours = changed(COURSE)
    yours["cells"][2] = cell("check", "check(mix)", "markdown")
    book, counts = merged(yours, changed(COURSE, title="# New"))
    assert (book["cells"][2]["cell_type"], counts["yours"]) == ("markdown", 1)
    nbformat.validate(book)
    book, counts = merged(yours, changed(COURSE, check="check(mix, more=True)"))
    assert [c["cell_type"] for c in book["cells"]] == ["markdown", "code", "code", "markdown", "code"]
    nbformat.validate(book)


def test_your_metadata_stay_where_the_course_does_not_set_them():
    yours = changed(COURSE)
    yours["cells"][1]["metadata"] = {"tags": ["exercise", "mine"], "collapsed": True}
    yours["cells"][3]["metadata"] = {"slideshow": {"slide_type": "slide"}}  # you have unfolded it
    yours["metadata"] |= {"toc": 1, "kernelspec": KERNEL | {"display_name": "Python 3 (ipykernel)"}}
    new = changed(COURSE, title="# New") | {"metadata": {"kernelspec": KERNEL, "level": 2}}
    new["cells"][1] = new["cells"][1] | {"metadata": {"tags": ["exercise", "hard"], "jupyter": {"a": 1}}}
    book, _ = merged(yours, new)
    assert book["cells"][1]["metadata"] == {
        "tags": ["exercise", "hard", "mine"],
        "collapsed": True,
        "jupyter": {"a": 1},
    }
    assert book["cells"][3]["metadata"] == {"slideshow": {"slide_type": "slide"}}
    assert book["metadata"]["toc"] == 1
    assert book["metadata"]["level"] == 2
    assert book["metadata"]["kernelspec"]["display_name"] == "Python 3 (ipykernel)"


def test_of_two_changes_of_one_value_the_courses_counts():
    assert merge._united({"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3}) == {"a": 3, "b": 2}
    assert merge._united({"a": 1}, {}, {"a": 1}) == {}
    assert merge._united({"a": 1}, {"a": 1}, {}) == {}
    assert merge._united({"j": {"x": 1}}, {"j": {"x": 1, "y": 2}}, {"j": {"x": 3}}) == {"j": {"x": 3, "y": 2}}


def test_a_picture_pasted_into_a_text_stays():
    yours = changed(COURSE, title="# Mixup\n![mine](attachment:mine.png)")
    yours["cells"][0] |= {"attachments": {"mine.png": {"image/png": "AAAA"}}}
    book, _ = merged(yours, changed(COURSE, check="new()"))
    assert book["cells"][0]["attachments"] == {"mine.png": {"image/png": "AAAA"}}


# Deleted, dropped, new, moved


def test_what_you_deleted_stays_deleted_until_the_course_changes_it():
    yours = without(COURSE, "check")
    assert ids(merged(yours, changed(COURSE, title="# New"))[0]) == ["title", "exercise", "figure"]
    book, counts = merged(yours, changed(COURSE, check="check(mix, more=True)"))
    assert (ids(book), counts["back"]) == (ids(COURSE), 1)


def test_a_stub_that_comes_back_does_not_run_after_your_answer():
    yours = with_cells(without(COURSE, "exercise"), "title", cell("answer", SOLVED))
    book, _ = merged(yours, changed(COURSE, exercise=STUB["source"] + "  # now"))
    assert ids(book) == ["title", "exercise", "answer", "check", "figure"]


def test_what_the_course_dropped_goes_unless_you_had_changed_it():
    yours = changed(COURSE, check="check(mix)  # mine")
    book, counts = merged(yours, without(COURSE, "check", "figure"))
    assert ids(book) == ["title", "exercise", "check-yours-1"]
    assert sources(book)[2] == f"# {merge.DROPPED}\ncheck(mix)  # mine"
    assert counts == {"gone": 1, "dropped": 1}
    again, _ = merged(book, changed(COURSE, title="# New"), without(COURSE, "check", "figure"))
    assert ids(again) == ["title", "exercise", "check-yours-1", "check", "figure"]
    assert sources(again)[2] == sources(book)[2]


def test_new_cells_stand_behind_their_predecessor_and_behind_what_you_put_there():
    yours = with_cells(COURSE, "exercise", cell("mine", "mix(1, 2)"))
    new = with_cells(with_cells(COURSE, "exercise", cell("n1", "1"), cell("n2", "2")), "figure", cell("n3", "3"))
    new["cells"].insert(0, cell("n0", "0"))
    assert ids(merged(yours, new)[0]) == ["n0", "title", "exercise", "mine", "n1", "n2", "check", "figure", "n3"]


def test_your_order_stays_unless_the_course_changes_its_own():
    title, stub, check, figure = COURSE["cells"]
    mine, top = cell("mine", "mine()"), cell("top", "top()")
    yours = book(top, title, figure, mine, stub, check)
    kept, _ = merged(yours, with_cells(COURSE, "figure", cell("n", "n()")))
    assert ids(kept) == ["top", "title", "figure", "mine", "n", "exercise", "check"]
    moved, _ = merged(yours, book(title, check, stub, figure))
    assert ids(moved) == ["top", "title", "check", "exercise", "figure", "mine"]


# Files of other programs


def test_colab_keeps_ids_in_the_metadata(folder):
    folder.update(COURSE)
    saved = changed(folder.read(), exercise=SOLVED)
    for c in saved["cells"]:
        c["metadata"]["id"] = c.pop("id")
    del saved["metadata"]["course"]
    folder.save(saved | {"nbformat_minor": 0})
    folder.update(changed(COURSE, title="# New"))
    assert ids(folder.read()) == ids(COURSE)
    assert sources(folder.read()) == ["# New", SOLVED, "check(mix)", "draw()"]
    assert all("id" not in c["metadata"] for c in folder.read()["cells"])
    nbformat.validate(folder.read())


def test_a_mark_at_the_beginning_windows_line_ends_and_half_a_letter_are_read(folder):
    folder.update(COURSE)
    saved = changed(folder.read(), check="check(mix)\r\nmine = '한 \ud83d'", title="# Mixup")
    folder.copy.write_bytes(b"\xef\xbb\xbf" + json.dumps(saved, indent=1).replace("\n", "\r\n").encode())
    folder.update(changed(COURSE, title="# New"))
    assert sources(folder.read())[:3] == ["# New", STUB["source"], "check(mix)\nmine = '한 \ud83d'"]


def test_files_that_have_lost_their_ids_are_matched_by_their_text():
    yours = with_cells(changed(COURSE, exercise=SOLVED), "check", cell("mine", "something of my own"))
    yours = yours | {"cells": [{k: v for k, v in c.items() if k != "id"} for c in yours["cells"]], "nbformat_minor": 4}
    book, _ = merged(merge.parse(json.dumps(yours).encode()), changed(COURSE, title="# New"))
    assert ids(book) == ["title", "exercise", "check", "yours-1", "figure"]
    assert sources(book) == ["# New", SOLVED, "check(mix)", "something of my own", "draw()"]


def test_a_cell_that_was_cut_and_pasted_is_still_the_courses():
    title, stub, check, figure = COURSE["cells"]
    book_, counts = merged(book(title, figure | {"id": "pasted"}, stub, check), changed(COURSE, figure="draw(new)"))
    assert (ids(book_), sources(book_)[1]) == (["title", "figure", "exercise", "check"], "draw(new)")
    assert counts == {"new": 1}


def test_of_two_cells_with_one_id_the_second_is_yours():
    yours = with_cells(COURSE, "exercise", STUB | {"source": SOLVED})
    book, _ = merged(yours, changed(COURSE, exercise="new"))
    assert ids(book) == ["title", "exercise", "yours-1", "check", "figure"]
    assert sources(book)[1:3] == ["new", SOLVED]


def test_your_cell_with_the_name_of_a_new_one_of_the_courses_stays():
    yours = with_cells(COURSE, "check", cell("extra", "mine()"))
    book, _ = merged(yours, with_cells(COURSE, "title", cell("extra", "theirs()")))
    assert len(set(ids(book))) == len(ids(book))
    assert "theirs()" in sources(book)
    assert any("mine()" in source for source in sources(book))


# Versions


def test_an_old_page_written_back_over_a_newer_one_merges_from_the_version_it_stems_from(folder):
    folder.update(COURSE)
    old = changed(folder.read(), exercise=SOLVED)
    folder.save(old)
    folder.update(changed(COURSE, title="# Two", check="two()"))
    folder.save(changed(old, figure="mine()"))  # the open page is saved once more
    said = folder.update(changed(COURSE, title="# Three", check="two()"))
    assert sources(folder.read()) == ["# Three", SOLVED, "two()", "mine()"]
    assert said[0].startswith("03_mixup: 2 of the course's cells are new, 2 of yours are kept. The old file is work/")


@pytest.mark.parametrize("damage", ["gone", "cut off", "another"])
def test_without_the_version_it_stems_from_both_are_kept(folder, damage):
    folder.update(COURSE)
    folder.save(changed(folder.read(), exercise=SOLVED))
    (base,) = (folder.work / ".course").glob("*.json")
    if damage == "gone":
        shutil.rmtree(base.parent)
    elif damage == "cut off":
        base.write_bytes(base.read_bytes()[:200])
    else:
        base.write_text(json.dumps(changed(COURSE, check="never delivered")))
    folder.update(changed(COURSE, title="# New"))
    assert sources(folder.read())[0] == "# New"
    assert sources(folder.read())[1] == f"> {merge.BOTH}\n\n# Mixup"
    assert sources(folder.read())[2:4] == [STUB["source"], f"# {merge.BOTH}\n{SOLVED}"]
    folder.update(changed(COURSE, title="# Newer"))
    assert sources(folder.read())[0] == "# Newer"
    assert len(folder.read()["cells"]) == 6


def test_nothing_new_means_that_nothing_is_written_or_said(folder):
    folder.update(COURSE)
    folder.copy.write_text(json.dumps(changed(folder.read(), exercise=SOLVED), indent=7))
    as_it_was = folder.copy.read_bytes(), folder.copy.stat().st_mtime_ns
    assert folder.update(COURSE) == []
    assert (folder.copy.read_bytes(), folder.copy.stat().st_mtime_ns) == as_it_was
    folder.update(changed(COURSE, title="# New"))
    as_it_was = folder.copy.read_bytes(), folder.copy.stat().st_mtime_ns
    assert folder.update() == []
    assert (folder.copy.read_bytes(), folder.copy.stat().st_mtime_ns) == as_it_was


def test_the_old_file_is_kept_each_time_under_another_name(folder, monkeypatch):
    monkeypatch.setattr(copies.time, "strftime", lambda form: "2026-03-01 10-00-00")
    folder.update(COURSE)
    kept = []
    for number in range(3):
        kept.append(folder.copy.read_bytes())
        (said,) = folder.update(changed(COURSE, title=f"# {number}"))
        assert said.startswith("03_mixup: 1 of the course's cells is new. The old file is work/.before/03_mixup 2026")
    assert sorted(path.read_bytes() for path in folder.before()) == sorted(kept)
    assert "03_mixup 2026-03-01 10-00-00.ipynb" in [path.name for path in folder.before()]


def test_only_dead_sliders_leave_the_page(folder):
    folder.update(COURSE)
    saved = folder.read()
    saved["cells"][2]["outputs"] = [text("run this cell", **{VIEW: {"model_id": "dead"}}), text("stays")]
    saved["cells"][3]["outputs"] = [text("slider", **{VIEW: {"model_id": "alive"}}),
                                    {"output_type": "display_data", "data": {VIEW: {"model_id": "dead"}}, "metadata": {}},
                                    {"output_type": "stream", "name": "stdout", "text": "printed"}]  # fmt: skip
    saved["metadata"]["widgets"] = {merge.WIDGET_STATE: {"state": {"alive": {}}}}
    folder.save(saved)
    assert folder.update() == []
    check, figure = folder.read()["cells"][2:]
    assert check["outputs"] == [text("run this cell"), text("stays")]
    assert figure["outputs"] == [saved["cells"][3]["outputs"][0], saved["cells"][3]["outputs"][2]]
    assert len(folder.before()) == 1


# What can go wrong


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"cells": [], "nbformat": 3}',
                                     b'{"nbformat": 4, "cells": [3]}', b'{"nbformat": 4, "cells": 3}'])  # fmt: skip
def test_a_copy_that_is_no_notebook_is_set_aside(folder, content):
    folder.update(COURSE)
    for name in ("03_mixup (damaged).ipynb", "03_mixup (damaged) 2.ipynb"):
        folder.copy.write_bytes(content)
        assert folder.update() == [
            f"03_mixup: your copy cannot be read. It is kept as work/{name}, and a fresh one has been made."]  # fmt: skip
        assert (folder.work / name).read_bytes() == content
        assert sources(folder.read()) == sources(COURSE)


def test_what_nobody_has_foreseen_in_a_copy_leaves_it_as_it_is(folder):
    folder.update(COURSE)
    saved = folder.read()
    saved["cells"][2]["outputs"] = ["no output"]
    folder.save(saved)
    as_it_was = folder.copy.read_bytes()
    (said,) = folder.update(changed(COURSE, title="# New"))
    assert said.startswith("03_mixup stays as it is")
    assert folder.copy.read_bytes() == as_it_was


@pytest.mark.parametrize(
    ("content", "words"), [(None, "is missing in notebooks/"), (b"<<<<<<< HEAD", "cannot be read")]
)
def test_a_chapter_that_is_missing_or_damaged_in_notebooks_leaves_the_copy_alone(folder, content, words):
    folder.update(COURSE)
    as_it_was = folder.copy.read_bytes()
    course = folder.notebooks / f"{NAME}.ipynb"
    course.unlink() if content is None else course.write_bytes(content)
    (said,) = folder.update()
    assert words in said
    assert folder.copy.read_bytes() == as_it_was


def test_a_read_only_copy_stays_as_it_is(folder):
    folder.update(COURSE)
    folder.copy.chmod(stat.S_IREAD)
    as_it_was = folder.copy.read_bytes()
    assert folder.update() == []
    assert folder.update(changed(COURSE, title="# New")) == ["work/03_mixup.ipynb is read-only; it stays as it is."]
    assert folder.copy.read_bytes() == as_it_was
    folder.copy.chmod(stat.S_IREAD | stat.S_IWRITE)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_is_said_in_one_sentence_and_nothing_is_half_written(folder, monkeypatch, call, there):
    if there:
        folder.update(COURSE)
    names = {path: path.read_bytes() for path in folder.work.rglob("*") if path.is_file() and path.name != "lock"}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies.os, call, full)
    assert folder.update(changed(COURSE, title="# New")) == [
        "Not brought up to date, for work/ cannot be written (No space left on device): 03_mixup."]  # fmt: skip
    now = {path: path.read_bytes() for path in folder.work.rglob("*") if path.is_file() and path.name != "lock"}
    assert now == names
    monkeypatch.undo()


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(folder):
    folder.work.write_text("a file")
    (said,) = folder.update(COURSE)
    assert said.startswith("Nothing can be written into work/ (")


def test_a_second_one_waits_for_the_first(folder, monkeypatch):
    folder.update(COURSE)
    real = copies.FileLock
    with real(folder.work / ".course" / "lock"):
        monkeypatch.setattr(copies, "FileLock", lambda path, timeout: real(path, timeout=0, is_singleton=False))
        assert folder.update(changed(COURSE, title="# New"))[0].startswith("Another `make lab` is busy")
    assert sources(folder.read()) == sources(COURSE)


def test_other_files_in_work_are_nobodys_business(folder):
    folder.update(COURSE)
    for name in ("my_course.json", "my_report.html", "03_mixup-Copy1.ipynb", "notes.txt"):
        (folder.work / name).write_text("mine")
    folder.update(changed(COURSE, title="# New"))
    assert (folder.work / "03_mixup-Copy1.ipynb").read_text() == "mine"


def test_pytest_and_ruff_do_not_see_work(tmp_path):
    """A clone of the course's settings with a copy that both would mind."""
    for name in ("conftest.py", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "03_mixup.ipynb").write_text(json.dumps(book(cell("a", "import os, sys\nassert  0"))))
    ruff = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=tmp_path, capture_output=True, text=True)
    assert ruff.returncode == 0, ruff.stdout
    command = [sys.executable, "-m", "pytest", "--nbval", "--collect-only", "-q", "work"]
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert "no tests" in found.stdout, found.stdout + found.stderr


def test_the_package_loads_quickly():
    slow = "{'torch', 'matplotlib', 'nbformat', 'nbclient', 'IPython', 'numpy'}"
    code = f"import sys; from course_utils.copies import __main__; print({slow} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
