"""The newest course by git, as far as that goes, and in plain words what it did. Nobody's work is touched by it."""

import shutil
from pathlib import Path

from course_utils import copies, folder
from course_utils.copies import merge
from course_utils.copies.clone import ROOT, changed, content, git, last_words
from course_utils.notebooks import CHAPTERS, NOTEBOOKS

HERE = "The course goes on with the version that is here."
ASKING = "Asking for a newer version …"


def pull() -> list[str]:
    """Fetch the newest version of the course and go forward to it. Chapters that were changed in notebooks/ are first
    copied into work/ and put back.

    Returns:
        sentences that say what was done, or what could not be done and what to do.
    """
    hindrance = _hindrance()
    if hindrance:
        return [f"Nothing was fetched: {hindrance}. {HERE}"]
    try:
        return _rescued() + _forward()
    except OSError as error:
        return [f"Nothing was updated: work/ cannot be written ({error.strerror or error}). {HERE}"]


def _hindrance() -> str | None:
    """Why there is nothing to go forward to, and what to do; `None` once it is fetched."""
    if not folder.is_here():
        return folder.NOT_HERE
    if not (ROOT / ".git").exists():
        return "this folder is no clone. Download the course again, and move your folder work/ into the new one"
    if not shutil.which("git"):
        return "git is not installed"
    found = git("symbolic-ref", "--quiet", "--short", "HEAD")
    if "fatal: " in found.stderr:
        return last_words(found)
    for begun in ("merge", "rebase"):
        if _exists(f"{begun.upper()}_HEAD"):
            return f"a {begun} has begun here and is not at its end; `git {begun} --abort` takes it back"
    branch = found.stdout.strip()
    if not branch:
        return "this clone stands on no branch; `git switch main` mends that"
    if not _exists("@{upstream}"):
        mend = f"git branch --set-upstream-to={_followed(branch)}"
        return f"the branch {branch} does not say whose changes it follows; `{mend}` mends that"
    print(ASKING, flush=True)
    fetched = git("fetch", "--quiet", timeout=120)
    if fetched.returncode:
        why = last_words(fetched)
        if "FETCH_HEAD" in why:
            return why  # the folder can only be read
        return f"{why}. Is there a network? Then run `make update` again"
    return None


def _exists(version: str) -> bool:
    return not git("rev-parse", "--verify", "--quiet", version).returncode


def _followed(branch: str) -> str:
    """The branch of the course's that one here should follow: that of the same name, or else the course's main one."""
    same = f"origin/{branch}"
    main = git("rev-parse", "--abbrev-ref", "origin/HEAD")
    return same if main.returncode or _exists(same) else main.stdout.strip()


def _rescued() -> list[str]:
    """Chapters that were changed in notebooks/: each is copied into work/ under a name of its own, then put back."""
    different = set(changed("HEAD", "--", "notebooks"))
    torn = set(changed("--diff-filter=U"))
    sentences = []
    for name in CHAPTERS:
        path = f"notebooks/{name}.ipynb"
        if path in different | torn:
            said = _kept(name, (content(":3", path) if path in torn else None))
            put_back = git("checkout", "HEAD", "--", path)
            if put_back.returncode:
                said = f"{path} could not be put back: {last_words(put_back)}."
            sentences.append(said)
    return sentences


def _kept(name: str, yours: bytes | None) -> str:
    """Keep what you made of a chapter in notebooks/, and say where: its file there, or `yours` if that is torn."""
    path = NOTEBOOKS / f"{name}.ipynb"
    page = f"notebooks/{path.name}"
    if yours is None and not path.exists():
        return f"{page} was missing and is back."
    copies.WORK.mkdir(exist_ok=True)
    if yours is None and _only_run(path):
        before = copies.keep_before(path)
        return f"{page} was run there and not changed; it is the course's again (yours: work/.before/{before.name})."
    kept = copies.free(copies.WORK / f"{name} (from notebooks).ipynb")
    copies.write(kept, path.read_bytes() if yours is None else yours)
    what = (
        f"You had changed {page}: that" if yours is None else f"{page} was torn between yours and the course's. Yours"
    )
    return f"{what} is kept as work/{kept.name}, and the course's page is as it was. Go on in work/{path.name}."


def _only_run(path: Path) -> bool:
    """Whether its cells are the course's: what differs is what running and saving it leaves behind."""
    try:
        here, there = (merge.parse(version)["cells"] for version in (
            path.read_bytes(), content("HEAD", f"notebooks/{path.name}") or b""))  # fmt: skip
    except (ValueError, TypeError, AttributeError):
        return False
    return len(here) == len(there) and all(map(merge.same, here, there))


def _forward() -> list[str]:
    """Go to the version that was fetched, unless something of the reader's stands in its way."""
    old = git("rev-parse", "HEAD").stdout.strip()
    number = _count("HEAD..@{upstream}")
    if not number:
        return ["There is no newer version of the course."]
    if _count("@{upstream}..HEAD"):
        return [_parted()]
    own = changed("HEAD") + git("ls-files", "--others", "--exclude-standard", "-z").stdout.split("\0")
    in_the_way = sorted(set(own) & set(changed("HEAD", "@{upstream}")))
    done = git("merge", "--ff-only", "--quiet", "@{upstream}")
    if done.returncode:
        because = f"your {' and '.join(in_the_way)} would be written over" if in_the_way else last_words(done)
        return [f"There is a newer version of the course, but {because}. Nothing was touched. Give such a file another "
                "name (`git checkout FILE` brings the course's back), then run `make update` again."]  # fmt: skip
    date = git("log", "-1", "--format=%cs").stdout.strip()
    said = [f"The course is now that of {date}: {number} change{'s' if number > 1 else ''} since yours."]
    if "pyproject.toml" in changed(old, "HEAD"):
        said.append("It may need other packages: the next `make lab` installs them.")
    return said


def _count(commits: str) -> int:
    return int(git("rev-list", "--count", commits).stdout)


def _parted() -> str:
    """What to do where commits are here that the course has not: made here, or taken back by the course."""
    once = git("merge-base", "--fork-point", "@{upstream}").stdout.strip()  # the last commit that was the course's
    if once and not _count(f"{once}..HEAD"):
        return ("The course's history was rewritten: `git reset --keep @{upstream}` moves to it, and your work/ stays. "
                f"Then run `make update` again. {HERE}")  # fmt: skip
    return ("There is a newer version of the course, but you have commits of your own (`git pull --rebase` puts "
            f"them on top of it). {HERE}")  # fmt: skip
