"""Your own copies: whatever you and the course do to a chapter, nothing of yours is lost, and what is new arrives."""

import copy
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import copies, notebooks
from course_utils.copies import clone as git_clone
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


def test_a_lecturers_slides_do_not_come_with_a_copy():
    """Their notes tell what every prediction asks; and whoever edits them makes no new version for students."""
    told = book(cell("figure", "draw()", jupyter={"source_hidden": True}, slides=[{"notes": "It is 40 %."}]))
    plain = book(cell("figure", "draw()", jupyter={"source_hidden": True}))
    assert merge.fresh(told) == merge.fresh(plain)


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
    shutil.copytree(notebooks.NOTEBOOKS, tmp_path / "notebooks")  # as they are here, committed or not
    monkeypatch.setattr(copies, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(copies, "WORK", tmp_path / "work")
    assert copies.bring_up_to_date() == ["Nine chapters copied into work/: that is where you write."]
    made = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "work").rglob("*.ipynb")}
    assert sorted(path.stem for path in made) == sorted(notebooks.CHAPTERS)
    assert copies.bring_up_to_date() == []
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "work").rglob("*.ipynb")} == made
    for path in made:
        nbformat.validate(json.loads(path.read_text(encoding="utf-8")))
        assert [c.id for c in nbformat.read(path, 4).cells] == [
            c.id for c in nbformat.read(notebooks.NOTEBOOKS / path.name, 4).cells
        ]


def test_more_than_nine_chapters_are_counted_in_digits(folder, monkeypatch):
    names = [f"{number:02}_more" for number in range(11)]
    monkeypatch.setattr(copies, "CHAPTERS", names)
    for name in names:
        (folder.notebooks / f"{name}.ipynb").write_text(json.dumps(COURSE))
    assert folder.update() == ["11 chapters copied into work/: that is where you write."]


def test_a_chapter_that_the_course_renames_is_said_to_be_another(folder, monkeypatch):
    folder.update(COURSE)
    (folder.notebooks / f"{NAME}.ipynb").rename(folder.notebooks / "03_mixing.ipynb")
    monkeypatch.setattr(copies, "CHAPTERS", ["03_mixing"])
    assert folder.update()[1].startswith(
        "03_mixup has another name now, or is gone: your copy work/03_mixup.ipynb stays; "
    )
    folder.copy.rename(folder.work / "mine.ipynb")
    assert folder.update() == []


def test_a_copy_that_is_a_link_stays_one(folder, tmp_path):
    folder.update(COURSE)
    for content in (folder.copy.read_bytes(), b"damaged"):
        (tmp_path / "elsewhere.ipynb").write_bytes(content)
        folder.copy.unlink()
        folder.copy.symlink_to(tmp_path / "elsewhere.ipynb")
        folder.update(changed(COURSE, title="# New"))
        assert folder.copy.is_symlink()
        assert sources(folder.read())[0] == "# New"
    assert (folder.work / "03_mixup (damaged).ipynb").read_bytes() == b"damaged"


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


def test_a_prediction_goes_into_a_question_that_is_asked_in_other_words():
    base = 'a = predict("", of="A")  # a share\nb = predict("", of="B")  # another'
    yours = base.replace('a = predict("", ', 'a = predict("90 %", ').replace('b = predict("", ', "b = predict(0.5, ")
    new = '# shares\na = predict(\n    "", of="A",\n            unit="%")\nb = predict("", of="B")'
    versions = [changed(COURSE, figure=source) for source in (yours, new, base)]
    book, counts = merged(*versions)
    assert (
        sources(book)[-1]
        == '# shares\na = predict(\n    "90 %", of="A",\n            unit="%")\nb = predict(0.5, of="B")'
    )
    assert counts == {"merged": 1}
    for other in (new.replace("a =", "c ="), new.replace('""', '"?"')):  # another question, another number of them
        assert merged(versions[0], changed(COURSE, figure=other), versions[2])[1] == {"both": 1}
    assert merged(changed(COURSE, figure=yours + "\nmine()"), *versions[1:])[1] == {"both": 1}


def test_ipythons_magics_do_not_hinder_a_merge():
    base = "%time x = 1\n!ls\nmix?\ny = 2\nz = 3"
    new = base.replace("%time x = 1", "%time x = 10")
    book, counts = merged(changed(COURSE, figure=base + "\n!pwd\nmine = 1"), changed(COURSE, figure=new),
                          changed(COURSE, figure=base))  # fmt: skip
    assert sources(book)[-1] == new + "\n!pwd\nmine = 1"
    assert counts == {"merged": 1}


def test_a_merge_that_would_break_code_with_magics_is_none():
    base = "%time x = 1\na = [1]\nb = 1\nc = 1\nd = 1"
    yours, new = base.replace("d = 1", "d = 1]"), base.replace("[1]", "[1")
    assert merge._merged_text(*(cell("x", source) for source in (base, yours, new))) is not None  # yours was broken
    yours = base.replace("d = 1", "d = 2")
    assert merge._merged_text(*(cell("x", source) for source in (base, yours, new))) is None


RENAMED = STUB["source"].replace("(a, b)", "(x, b)").replace("a, b:", "x, b:")


@pytest.mark.parametrize(("base", "yours", "new", "what"), [
    (STUB["source"], SOLVED, RENAMED, "both"),  # an argument that the answer uses
    (STUB["source"], HEAD + "    return b", RENAMED, "merged"),  # one that it does not use
    (STUB["source"] + "\n\n\nmix(a, 1)", SOLVED + "\n\n\nmix(a, 1)", RENAMED + "\n\n\nmix(a, 1)", "both"),
    (STUB["source"], SOLVED.replace("2", "np.e"), STUB["source"].replace("def mix", "def mixed"), "merged"),
    ("import numpy as np\n\nx = 1", "import numpy as np\n\nx = np.ones(1)", "\nx = 1", "both"),
    ("import numpy as np\n\nx = 1\n\nnp.e", "import numpy as np\n\nx = np.ones(1)\n\nnp.e", "\nx = 1\n\nnp.e",
     "merged"),  # it is imported elsewhere
    ("for k in 1, 2:\n    a(k)\n\nx = 1", "for k in 1, 2:\n    a(k)\n\nx = 1\nb(k)",
     "for j in 1, 2:\n    a(j)\n\nx = 1", "both"),
    ("k = 1\n\nx = 1", "k = 1\n\nx = k", "def g():\n    global k\n    k = 1\n\nx = 1", "merged"),
], ids=range(8))  # fmt: skip
def test_an_answer_does_not_go_where_a_name_that_it_uses_is_gone(base, yours, new, what):
    book, counts = merged(*(changed(COURSE, exercise=source) for source in (yours, new, base)))
    assert counts == {what: 1}
    if what == "both":
        assert sources(book)[1] == new
        assert sources(book)[2].endswith(yours)


def test_a_line_below_a_short_text_merges():
    versions = [changed(COURSE, figure=source) for source in ("a()\nb()\nmine()", "a(1)\nb()", "a()\nb()")]
    assert sources(merged(*versions)[0])[-1] == "a(1)\nb()\nmine()"


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


def test_the_sentence_says_what_to_look_for():
    counts = Counter(new=4, gone=1, yours=2, merged=1, both=1, dropped=2, back=1)
    assert copies._sentence(NAME, counts, Path("then.ipynb")) == (
        "03_mixup: 4 cells are new, 1 is gone, 3 of yours are kept (1 within new words of the course's); "
        '1 cell was changed by you and by the course (both are there, look for "Yours from before"); '
        '2 cells were changed by you, but no longer in the course (look for "Yours from before"); '
        "1 cell was deleted by you, but changed by the course and back. The old file is work/.before/then.ipynb."
    )
    assert copies._sentence(NAME, Counter(yours=3), Path("x")) is None


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
    yours = with_cells(COURSE, "exercise", STUB | {"source": SOLVED}, STUB | {"source": "mine()"})
    book, _ = merged(yours, changed(COURSE, exercise="new"))
    assert ids(book) == ["title", "exercise", "yours-1", "yours-2", "check", "figure"]
    assert sources(book)[1:4] == ["new", SOLVED, "mine()"]


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
    assert said[0].startswith("03_mixup: 2 cells are new, 2 of yours are kept. The old file is work/")


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
        assert said.startswith("03_mixup: 1 cell is new. The old file is work/.before/03_mixup 2026")
    assert sorted(path.read_bytes() for path in folder.before()) == sorted(kept)
    assert "03_mixup 2026-03-01 10-00-00.ipynb" in [path.name for path in folder.before()]


def test_only_dead_sliders_leave_the_page(folder):
    folder.update(COURSE)
    saved = folder.read()
    saved["cells"][2]["outputs"] = [text("run this cell", **{VIEW: {"model_id": "dead"}}), text("stays")]
    bare = {"output_type": "display_data", "data": {VIEW: {"model_id": "dead"}}, "metadata": {}}
    printed = {"output_type": "stream", "name": "stdout", "text": "printed"}
    saved["cells"][3]["outputs"] = [text("slider", **{VIEW: {"model_id": "alive"}}), bare, printed]
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
        (said,) = folder.update()
        assert said.endswith(f"cannot be read. It is kept as work/{name}, and a fresh one has been made.")
        assert (folder.work / name).read_bytes() == content
        assert sources(folder.read()) == sources(COURSE)


def test_what_nobody_has_foreseen_in_a_copy_leaves_it_as_it_is(folder):
    folder.update(COURSE)
    saved = folder.read()
    saved["cells"][2]["outputs"] = 3
    folder.save(saved)
    as_it_was = folder.copy.read_bytes()
    (said,) = folder.update(changed(COURSE, title="# New"))
    assert said.startswith("03_mixup stays as it is")
    assert folder.copy.read_bytes() == as_it_was


@pytest.mark.parametrize("state", [[], {"state": []}, {"state": {"alive": {}}}])
def test_odd_outputs_and_widgets_do_not_hold_a_chapter_up(folder, state):
    folder.update(COURSE)
    odd = ["no output", {"data": "x"}, {"data": {VIEW: "x"}}, {"data": {VIEW: {"model_id": []}, "text/plain": "y"}}]
    saved = folder.read()
    saved["cells"][2]["outputs"] = odd
    for widgets in ([], {merge.WIDGET_STATE: state}):
        saved["metadata"]["widgets"] = widgets
        folder.save(saved)
        folder.update(changed(COURSE, title=f"# {widgets}"))
        assert sources(folder.read())[0] == f"# {widgets}"
        assert folder.read()["cells"][2]["outputs"] == [*odd[:2], {"data": {"text/plain": "y"}}]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is missing in notebooks/"), (b"<<<<<<< HEAD", "your copy stays as it is. `make update`")],
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

    monkeypatch.setattr(os, call, full)
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


# Anything at all


class Reader:
    """Draws what a reader and a course do to a chapter; every line is written once in the world."""

    def __init__(self, draw):
        self.draw, self.lines = draw, 0

    def pick(self, *things):
        return self.draw(st.sampled_from(things))

    def line(self, who):
        self.lines += 1
        return f"{who} {self.lines}"

    def new_cell(self, who):
        kind = self.pick("code", "markdown")
        return cell(f"{who}-{self.lines}", "\n".join(self.line(who) for _ in range(self.pick(1, 3))), kind)

    def edited(self, cells, who):
        """The cells after one change by someone."""
        if not cells:
            return [self.new_cell(who)]
        at = self.draw(st.integers(0, len(cells) - 1))
        changed = dict(cells[at])
        what = self.pick("line", "line", "append", "insert", "delete", "move", "retype", "double", "tag")
        rest = [*cells[:at], *cells[at + 1 :]]
        if what == "delete":
            return rest
        if what == "insert":
            return [*cells[:at], self.new_cell(who), *cells[at:]]
        if what == "move":
            to = self.draw(st.integers(0, len(rest)))
            return [*rest[:to], changed, *rest[to:]]
        if what == "double" and who == "mine":
            again = self.pick({}, {"id": f"pasted-{self.lines}"}, {"source": self.line(who)})
            return [*cells[: at + 1], changed | again, *cells[at + 1 :]]
        if what == "retype":
            kind = "markdown" if changed["cell_type"] == "code" else "code"
            changed = cell(changed["id"], changed["source"], kind, **changed["metadata"])
        elif what == "tag":
            changed["metadata"] = {"tags": [self.line(who)]}
        else:
            lines = changed["source"].split("\n")
            place = self.draw(st.integers(0, len(lines) - 1))
            changed["source"] = "\n".join(
                [*lines, self.line(who)] if what == "append" else [*lines[:place], self.line(who), *lines[place + 1 :]]
            )
        return [*cells[:at], changed, *cells[at + 1 :]]

    def edits(self, cells, who):
        for _ in range(self.draw(st.integers(0, 4))):
            cells = self.edited(cells, who)
        return cells

    def saved(self, book):
        """The bytes that some program writes; Colab drops what it does not know, an old one the ids."""
        program = self.pick("JupyterLab", "JupyterLab", "JupyterLab", "VS Code", "Colab", "an old one")
        if program == "JupyterLab":
            return merge.dump(book)
        if program == "VS Code":
            return b"\xef\xbb\xbf" + json.dumps(book, indent=4).replace("\n", "\r\n").encode()
        kept = {key: value for key, value in book["metadata"].items() if program != "Colab" or key != "course"}
        cells = [{key: value for key, value in c.items() if key != "id"} for c in book["cells"]]
        if program == "Colab":
            cells = [c | {"metadata": c["metadata"] | {"id": old["id"]}} for c, old in zip(cells, book["cells"])]
        return json.dumps(book | {"cells": cells, "metadata": kept, "nbformat_minor": 0}).encode()


def mine(book):
    """Every line that the reader has written."""
    return {line for source in sources(book) for line in source.split("\n") if line.startswith("mine ")}


def hold_to_the_rules(base, yours, new, found):
    """What must be true of every merge: `base` may be lost."""
    nbformat.validate(found)  # ids are as they were written: `parse` makes none
    assert len(set(ids(found))) == len(found["cells"])
    assert mine(yours) <= mine(found), "a line of the reader's is lost"
    cells = merge.identified(yours["cells"], (base or new)["cells"])
    old, have, now = (
        {c["id"]: c for c in version} for version in (base["cells"] if base else [], cells, found["cells"])
    )
    for course in new["cells"]:
        id = course["id"]
        if id not in have:
            assert (id in now) == (id not in old or not merge.same(course, old[id]))
            assert id not in now or merge.same(now[id], course)
        elif merge.same(have[id], course) or (id in old and merge.same(have[id], old[id])):
            assert merge.same(now[id], course), "what the reader left alone is the course's"
        elif id in old and merge.same(course, old[id]):
            assert merge.same(now[id], have[id]), "what the course left alone is the reader's"
        elif not merge.same(now[id], course):  # merged: every line is somebody's, and nobody's new line is missing
            lines = [set(c["source"].split("\n")) for c in (old[id], have[id], course, now[id])]
            assert lines[3] >= (lines[1] - lines[0]) | (lines[2] - lines[0])
            assert lines[3] <= lines[1] | lines[2]
        else:
            kept = found["cells"][ids(found).index(id) + 1]
            assert merge.BOTH in kept["source"]
            assert kept["source"].endswith(have[id]["source"])
            assert kept["id"] not in have | old
    hold_to_the_order([*old], [*have], [*ids(new)], ids(found))


def hold_to_the_order(old, have, new, found):
    """The reader's order of what is still there, or the course's if that has changed; own cells stay."""
    common = [id for id in old if id in have and id in new]
    reordered = common != [id for id in new if id in common]
    still = [id for id in have if id in found]
    if not reordered:
        assert [id for id in found if id in still] == still
        return
    assert [id for id in found if id in new] == [id for id in new if id in found]

    def owner(order, id):
        """The cell of the course's behind which this one stands, of those that the reader has had."""
        return next((i for i in reversed(order[: order.index(id)]) if i in new and i in have), None)

    for id in still:
        if id not in new:
            assert owner(found, id) == owner(have, id)


def live(folder, data):
    """Some weeks of a course and its reader."""
    reader = Reader(data.draw)
    course = book(*(reader.new_cell("course") for _ in range(4)))
    folder.update(course)
    earlier = []
    for _ in range(data.draw(st.integers(1, 3))):
        course = course | {"cells": reader.edits(course["cells"], "course")}
        start = reader.pick(*earlier, folder.copy.read_bytes(), folder.copy.read_bytes())  # an old page may be open
        yours = merge.parse(start)
        content = reader.saved(yours | {"cells": reader.edits(yours["cells"], "mine")})
        earlier.append(content)
        folder.copy.write_bytes(content)
        if reader.pick(*[False] * 6, True):
            shutil.rmtree(folder.work / ".course")
        folder.course(course)
        yours, new = merge.parse(content), merge.fresh(merge.parse(json.dumps(course).encode()))
        base = copies._base(NAME, yours)
        said = folder.update()
        if merge.version(yours) == merge.version(new):
            assert (folder.copy.read_bytes(), said) == (content, [])
        else:
            hold_to_the_rules(base, yours, new, merge.parse(folder.copy.read_bytes()))
        assert not [words for words in said if not words.startswith(f"{NAME}: ")], said
        after = folder.copy.read_bytes()
        assert folder.update() == []
        assert folder.copy.read_bytes() == after
        assert content in [path.read_bytes() for path in folder.before()] or after == content


@settings(derandomize=True, max_examples=int(os.environ.get("COURSE_EXAMPLES", "150")), deadline=None, database=None)
@given(st.data())
def test_whatever_you_and_the_course_do_nothing_of_yours_is_lost(data):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as path:
        patch.setattr(os, "fsync", lambda file: None)
        live(settle(patch, Path(path)), data)


# git


def git(folder, *arguments):
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder, message, **chapters):
    """A commit of the course in its own repository; chapters by their names."""
    for name, book in chapters.items():
        (folder / "notebooks" / f"{name}.ipynb").write_bytes(merge.dump(book))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """The course's own repository, with nine small chapters and the code that copies them."""
    folder = tmp_path_factory.mktemp("origin")
    git(folder, "init", "-q", "-b", "main")
    (folder / "notebooks").mkdir()
    shutil.copytree(ROOT / "course_utils" / "copies", folder / "course_utils" / "copies",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    for name in (
        "course_utils/__init__.py",
        "course_utils/folder.py",
        "course_utils/notebooks.py",
        "course_utils/record.py",
        ".gitignore",
        "pyproject.toml",
        "README.md",
    ):
        shutil.copy(ROOT / name, folder / name)
    commit(folder, "one", **{f"{name}": COURSE for name in notebooks.CHAPTERS})
    return folder


@pytest.fixture
def clone(origin, tmp_path):
    """A reader's clone; its origin is a copy that a test may go on with."""
    shutil.copytree(origin, tmp_path / "origin")
    git(tmp_path, "clone", "-q", "origin", "clone")
    return tmp_path / "clone"


def run(clone, *arguments, **environment):
    """What `python -m course_utils.copies` prints there."""
    done = subprocess.run(
        [sys.executable, "-m", "course_utils.copies", *arguments], cwd=clone, capture_output=True, text=True,
        encoding="utf-8", env=os.environ | {"PYTHONPATH": str(clone)} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line != pull.ASKING]


def read(clone, name=NAME):
    return json.loads((clone / "work" / f"{name}.ipynb").read_text(encoding="utf-8"))


def answer(path):
    """Solve the exercise in this file."""
    path.write_bytes(merge.dump(changed(merge.parse(path.read_bytes()), exercise=SOLVED)))


def test_an_update_fetches_the_course_and_keeps_the_answer(clone):
    assert run(clone) == ["Nine chapters copied into work/: that is where you write."]
    answer(clone / "work" / "03_mixup.ipynb")
    newer = changed(COURSE, title="# Mixup, newer", exercise=STUB["source"].replace("images", "images [N]"))
    commit(clone.parent / "origin", "two", **{NAME: newer})
    said = run(clone, "--pull")
    assert said[0].startswith("The course is now that of 20")
    assert said[0].endswith(": 1 change since yours.")
    assert said[1].startswith(
        "03_mixup: 1 cell is new, 1 of yours is kept (1 within new words of the course's). The old "
    )
    assert len(said) == 2
    assert sources(read(clone))[:2] == ["# Mixup, newer", SOLVED.replace("images", "images [N]")]
    assert git(clone, "status", "--porcelain") == ""
    assert run(clone, "--pull") == ["There is no newer version of the course."]


def test_the_new_courses_code_does_the_merging(clone):
    run(clone)
    code = clone.parent / "origin" / "course_utils" / "copies" / "__init__.py"
    code.write_text(code.read_text(encoding="utf-8").replace("cell is new", "is quite new"))
    pyproject = clone.parent / "origin" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text(encoding="utf-8") + "\n# more\n")
    commit(clone.parent / "origin", "two", **{NAME: changed(COURSE, title="# New")})
    said = run(clone, "--pull")
    assert said[1] == "It may need other packages: the next `make lab` installs them."
    assert said[2].startswith("03_mixup: 1 is quite new.")


@pytest.mark.parametrize("seen_by_make_lab", [False, True])
def test_answers_given_in_notebooks_by_mistake_are_kept(clone, seen_by_make_lab):
    run(clone)
    answer(clone / "notebooks" / "03_mixup.ipynb")
    given = (clone / "notebooks" / "03_mixup.ipynb").read_bytes()
    (clone / "notebooks" / "05_bias.ipynb").unlink()
    if seen_by_make_lab:
        run(clone)
    commit(clone.parent / "origin", "two", **{NAME: changed(COURSE, title="# New"), "04_adversarial": COURSE})
    said = run(clone, "--pull")
    kept = "that is kept as work/03_mixup (from notebooks).ipynb, and the course's page is as it was."
    assert said[0] == f"You had changed notebooks/03_mixup.ipynb: {kept} Go on in work/03_mixup.ipynb."
    assert said[1] == "notebooks/05_bias.ipynb was missing and is back."
    assert (clone / "work" / "03_mixup (from notebooks).ipynb").read_bytes() == given
    assert git(clone, "status", "--porcelain") == ""
    assert sources(read(clone))[:2] == ["# New", STUB["source"]]
    answer(clone / "notebooks" / "03_mixup.ipynb")
    run(clone, "--pull")
    assert (clone / "work" / "03_mixup (from notebooks) 2.ipynb").exists()


def test_what_is_written_into_notebooks_never_counts_as_the_courses(clone):
    run(clone)
    answer(clone / "notebooks" / "03_mixup.ipynb")
    (clone / "notebooks" / "05_bias.ipynb").unlink()
    assert run(clone) == []
    git(clone, "checkout", "notebooks")
    answer(clone / "work" / "03_mixup.ipynb")
    assert run(clone) == []
    assert sources(read(clone))[1] == SOLVED


def test_without_an_answer_from_git_the_file_counts(clone):
    run(clone)
    (clone / ".git" / "HEAD").write_text("nonsense")
    answer(clone / "notebooks" / "03_mixup.ipynb")
    assert run(clone)[0].startswith("03_mixup: 1 cell is new.")


def test_a_page_that_was_only_run_in_notebooks_is_put_back_without_a_copy(clone):
    path = clone / "notebooks" / "03_mixup.ipynb"
    ran = merge.parse(path.read_bytes())
    ran["cells"][2]["outputs"] = [text("ran")]
    path.write_bytes(merge.dump(ran))
    said = run(clone, "--pull")
    assert said[0].startswith("notebooks/03_mixup.ipynb was run there and not changed; it is the course's again (yours")
    assert [file.read_bytes() for file in (clone / "work" / ".before").iterdir()] == [merge.dump(ran)]
    assert not list((clone / "work").glob("*(from notebooks)*"))
    assert git(clone, "status", "--porcelain") == ""


def test_a_page_with_the_marks_of_a_conflict_is_rescued(clone):
    answer(clone / "notebooks" / "03_mixup.ipynb")
    given = (clone / "notebooks" / "03_mixup.ipynb").read_bytes()
    git(clone, "stash")
    newer = changed(COURSE, exercise=STUB["source"].replace("your turn", "now you"))
    commit(clone.parent / "origin", "two", **{NAME: newer})
    git(clone, "pull", "-q")
    with pytest.raises(subprocess.CalledProcessError):
        git(clone, "stash", "pop")
    assert b"<<<<<<<" in (clone / "notebooks" / "03_mixup.ipynb").read_bytes()
    said = run(clone, "--pull")
    assert said[0] == ("notebooks/03_mixup.ipynb was torn between yours and the course's. Yours is kept as "
        "work/03_mixup (from notebooks).ipynb, and the course's page is as it was. Go on in work/03_mixup.ipynb."
    )  # fmt: skip
    assert (clone / "work" / "03_mixup (from notebooks).ipynb").read_bytes() == given
    assert git(clone, "status", "--porcelain") == ""
    assert sources(read(clone)) == sources(newer)


def test_a_history_that_was_rewritten_is_not_taken_for_commits_of_the_readers(clone):
    source = clone.parent / "origin"
    commit(source, "two", **{NAME: changed(COURSE, title="# Two")})
    run(clone, "--pull")
    git(source, "commit", "-q", "--amend", "-m", "two, again")
    said = run(clone, "--pull")
    assert said[0].startswith("The course's history was rewritten: `git reset --keep @{upstream}` moves to it")
    git(clone, "reset", "--keep", "@{upstream}")
    assert run(clone, "--pull") == ["There is no newer version of the course."]


def test_gits_own_words_and_the_courses_branch_are_named(clone, capfd, monkeypatch):
    monkeypatch.setattr(pull, "git", lambda *words, **more: git_clone.git(*words, **{"folder": clone} | more))
    assert pull._hindrance() is None
    assert capfd.readouterr().out == f"{pull.ASKING}\n"
    git(clone, "switch", "-q", "-c", "mine")
    assert "`git branch --set-upstream-to=origin/main` mends that" in pull._hindrance()
    (clone / ".git" / "MERGE_HEAD").write_text(git(clone, "rev-parse", "HEAD"))
    assert "`git merge --abort` takes it back" in pull._hindrance()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert re.match(r"detected dubious ownership .*; `git config --global --add safe.directory \S+` mends that",
                    pull._hindrance())  # fmt: skip


def test_git_is_not_waited_for_without_end(clone):
    done = git_clone.git("-c", "alias.late=!sleep 1", "late", folder=clone, timeout=0.1)
    assert git_clone.last_words(done) == "no answer within 0.1 seconds"


def test_other_changed_files_are_not_touched(clone):
    (clone / "README.md").write_text("mine")
    (clone / "extra.txt").write_text("mine")
    (clone.parent / "origin" / "README.md").write_text("theirs")
    commit(clone.parent / "origin", "two")
    assert "your README.md would be written over. Nothing was touched." in run(clone, "--pull")[0]
    git(clone, "checkout", "README.md")
    (clone.parent / "origin" / "extra.txt").write_text("theirs")
    commit(clone.parent / "origin", "three")
    assert "your extra.txt would be written over. Nothing was touched." in run(clone, "--pull")[0]
    assert (clone / "extra.txt").read_text() == "mine"
    (clone / "extra.txt").unlink()
    (clone / "pyproject.toml").write_text("# mine, of which the course's change knows nothing")
    assert run(clone, "--pull")[0].endswith(": 2 changes since yours.")
    assert (clone / "pyproject.toml").read_text().startswith("# mine")


def test_what_git_cannot_do_is_said_and_the_course_goes_on(clone, tmp_path):
    def said():
        shutil.rmtree(clone / "work", ignore_errors=True)
        first, second = run(clone, "--pull")
        assert first.endswith("The course goes on with the version that is here.")
        assert second == "Nine chapters copied into work/: that is where you write."
        return first

    commit(clone, "a commit of the reader's own", **{NAME: changed(COURSE, title="# Mine")})
    commit(clone.parent / "origin", "two", **{NAME: changed(COURSE, title="# Theirs")})
    assert "you have commits of your own" in said()
    shutil.rmtree(clone.parent / "origin")
    assert re.search(r"Nothing was fetched: .*origin.* Is there a network\? Then run `make update` again\.", said())
    git(clone, "branch", "--unset-upstream")
    assert "`git branch --set-upstream-to=origin/main` mends that" in said()
    git(clone, "checkout", "-q", "--detach")
    assert "stands on no branch; `git switch main` mends that" in said()
    shutil.rmtree(clone / ".git")
    assert "this folder is no clone. Download the course again" in said()
    git(clone, "init", "-q", "-b", "main")
    (clone / "work").rename(clone / "gone")
    assert run(clone, "--pull", PATH=str(tmp_path))[0].startswith("Nothing was fetched: git is not installed.")


def test_a_word_it_does_not_know_is_answered_with_those_it_knows():
    done = subprocess.run([sys.executable, "-m", "course_utils.copies", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "usage: python -m course_utils.copies [--pull]\n")
