"""docs/class.md and the image: every command is one that exists, and Colab's cell does what it says."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from course_utils.grading.__main__ import _parser

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "class.md").read_text(encoding="utf-8")
IMAGE = (ROOT / "binder" / "Dockerfile").read_text(encoding="utf-8")


def test_every_command_of_the_page_is_one_that_exists():
    modules = set(re.findall(r"python -m (course_utils[\w.]*)", PAGE + IMAGE))
    assert modules == {"course_utils.copies", "course_utils.grading", "course_utils.lab"}
    for module in modules:
        assert (ROOT / module.replace(".", "/") / "__main__.py").exists()
    for words in re.findall(r"python -m course_utils\.grading((?: [\w./*-]+)+)", PAGE):
        _parser().parse_args(words.split())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"make ([a-z-]+)[ `]", "\n".join(re.findall(r"`[^`\n]+`|^    .*", PAGE, re.M)))) <= targets


def test_every_link_of_the_page_leads_somewhere():
    heads = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^## (.+)", PAGE, re.M)}
    for target in re.findall(r"\]\((?!https?:)(.+?)\)", PAGE):
        file, _, head = target.partition("#")
        assert (ROOT / "docs" / file).exists() if file else head in heads, target


def test_the_image_says_that_it_was_never_built_and_copies_files_that_are_there():
    assert "Never built" in IMAGE.split("FROM")[0] and "never built" in PAGE
    for path in re.findall(r"course_utils/[\w/.]+\.json", IMAGE):
        assert (ROOT / path).exists()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".venv/", "work/", "**/my_course*.json"} <= set(ignored)


CELL = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]


def test_colabs_cell_does_nothing_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it ran something"))
    exec(CELL, {})
    assert Path.cwd() == tmp_path


def test_colabs_cell_fetches_the_course_and_installs_only_what_is_lacking(monkeypatch, tmp_path):
    """With a stand-in for Colab and for pip, and a repository of two files as the course."""
    away, here, fresh = tmp_path / "away", tmp_path / "content" / "course", tmp_path / "fresh"
    for folder in (away / "notebooks", away / "course_utils", fresh):
        folder.mkdir(parents=True)
    (away / "course_utils" / "__init__.py").write_text("", encoding="utf-8")
    (away / "notebooks" / "00.ipynb").write_text("", encoding="utf-8")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "-m", "a course"]):
        subprocess.run(["git", *words], cwd=away, check=True)
    cell = CELL.replace("https://github.com/OWNER/REPOSITORY", away.as_uri()).replace(
        "/content/course", here.as_posix()
    )
    cell = cell.replace('"captum"', '"a_package_that_nobody_has"')
    assert cell.count(here.as_posix()) == 1
    ran, run = [], subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda words, **rest: ran.append(words) or (words[0] == "git" and run(words, **rest))
    )
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.chdir(fresh)
    for _ in range(2):  # again after a new start of the kernel: nothing is fetched twice
        exec(cell, {})
        assert Path.cwd().resolve() == (here / "notebooks").resolve()
        assert Path("../course_utils/__init__.py").exists()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "a_package_that_nobody_has"]
    assert [words[0] for words in ran] == ["git", sys.executable, sys.executable] and ran[1] == pip
