"""The first day as docs/first_day.md tells it, in a browser: an answer wrong and right, saved, and after an update.

Installing is not part of it: pip is not the course's.
"""

import subprocess
import sys

import pytest
from browsing import CHROMIUM, Course, becomes, code_cell_with, ready, save, start, text, type_into

PAGE = "work/00_start_here.ipynb"
DOCSTRING = "The share of predictions that are wrong."


def git(folder, *arguments):
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def answer(page, course, operator):
    """Type the answer with this operator below the docstring, in place of what stands there, and have it checked."""
    made = next(c for c in course.read(PAGE).cells if c.id == "exercise-error_rate").source
    kept = made[: made.rindex('"""') + 3]
    line = f"return (predictions {operator} labels).float().mean().item()"
    type_into(page, code_cell_with(page, "def error_rate"), f"{kept}\n    {line}")
    check(page)


def check(page):
    """Run the exercise and its check."""
    start(page, code_cell_with(page, "def error_rate"))
    start(page, code_cell_with(page, "exercises.check(error_rate)"))


def newer(course):
    """The course's next version: another title, another docstring, of which the reader has fetched nothing yet."""
    path = course.home / "notebooks" / "00_start_here.ipynb"
    words = path.read_text(encoding="utf-8")
    for old, new in (("# 00 · Start here", "# 00 · Start here, newer"), (DOCSTRING, f"{DOCSTRING} Never negative.")):
        assert old in words
        words = words.replace(old, new, 1)
    path.write_text(words, encoding="utf-8", newline="\n")
    git(course.home, "commit", "-q", "-a", "-m", "newer")
    git(course.home, "push", "-q")
    git(course.home, "reset", "-q", "--hard", "HEAD~1")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_first_day(tmp_path):
    from playwright.sync_api import sync_playwright

    course = Course(tmp_path / "course")
    (course.home / ".gitignore").write_text("work/\n__pycache__/\n.jupyter/\n")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin")
    git(course.home, "init", "-q", "-b", "main")
    git(course.home, "add", ".")
    git(course.home, "commit", "-q", "-m", "one")
    git(course.home, "remote", "add", "origin", str(tmp_path / "origin"))
    git(course.home, "push", "-q", "-u", "origin", "main")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with course.lab():
            assert "Nine chapters copied into work/" in course.said()
            page = browser.new_page()
            page.goto(course.printed)
            becomes(page, lambda: "00 · Start here" in text(page), "the first page opens")
            ready(page)
            start(page, code_cell_with(page, "import sys"))
            check(page)
            becomes(page, lambda: "not attempted" in text(page), "the check says that nothing was tried")
            answer(page, course, "==")
            becomes(page, lambda: "That is the accuracy" in text(page), "the check says what is wrong")
            answer(page, course, "!=")
            becomes(page, lambda: "error_rate: right" in text(page), "the check says that it is right")
            guess = 'blind_guess = predict("90 %", of="00 error of blind guessing")'
            type_into(page, code_cell_with(page, "blind_guess = predict"), guess)
            save(page, course, PAGE)
            page.close()
        newer(course)
        update = [sys.executable, "-m", "course_utils.copies", "--pull"]
        said = subprocess.run(update, cwd=course.home, capture_output=True, text=True, encoding="utf-8").stdout
        assert "1 change since yours." in said
        assert "00_start_here: " in said
        with course.lab():
            page = browser.new_page()
            page.goto(course.printed)
            becomes(page, lambda: "00 · Start here, newer" in text(page), "the new title is there")
            ready(page)
            assert "error_rate: right" in text(page), "what was seen is still there"
            assert "90 %" in code_cell_with(page, "blind_guess = predict").inner_text()
            assert f"{DOCSTRING} Never negative." in code_cell_with(page, "def error_rate").inner_text()
            code_cell_with(page, "exercises.check(error_rate)").locator(".cm-content").click()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator(".lm-Menu-itemLabel", has_text="Run All Above Selected Cell").click()
            answer(page, course, "==")
            becomes(page, lambda: "That is the accuracy" in text(page), "the day goes on after an update")
            answer(page, course, "!=")
            becomes(page, lambda: "error_rate: right" in text(page), "the answer counts again")
        browser.close()
