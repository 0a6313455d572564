"""Where a link of the repository leads on the site."""

import os
import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from course_utils.pages import ROOT

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
CODE = re.compile(r"(?ms)^(`{3,}|~{3,}).*?^\1|`[^`\n]+`")


def relink(text: str, source: str, pages: Mapping[str, str], copy: Callable[[str], None]) -> str:
    """The Markdown of a file with its links as the site needs them.

    A link to a file that is a page there leads to the page; one to another file of the repository leads to
    where it is public, if the environment variable COURSE_REPOSITORY (an https address) says where that is,
    and is plain text if not. Pictures stay. Code stays as it is.

    Args:
        text: Markdown.
        source: the file's own path from the root, with slashes.
        pages: path of a file from the root → name of its page on the site, without suffix.
        copy: is called with the path of each picture, which has to lie beside the page.

    Raises:
        FileNotFoundError: a link leads to a file that is not there.
    """
    own = pages.get(source, source)

    def one(match: re.Match) -> str:
        picture, label, target = match.groups()
        if re.match(r"[a-z]+:", target):
            return match[0]
        path, _, anchor = target.partition("#")
        anchor = f"#{anchor.lower()}" if anchor else ""  # JupyterLab's anchors keep capitals
        if not path:
            return f"[{label}]({anchor})"
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{source} links {target}, which is not there")
        if picture:
            copy(path)
            return match[0]
        if path in pages:
            return f"[{label}]({posixpath.relpath(pages[path], posixpath.dirname(own) or '.')}.md{anchor})"
        return outside(label, path)

    code = [match.span() for match in CODE.finditer(text)]
    inside = {match.start() for match in LINK.finditer(text) if any(a <= match.start() < b for a, b in code)}
    return LINK.sub(lambda match: match[0] if match.start() in inside else one(match), text)


def outside(label: str, path: str) -> str:
    """A link, as Markdown, to a file of the repository that is no page of the site; plain text if nobody said where
    the repository is public."""
    repository = os.environ.get("COURSE_REPOSITORY", "").rstrip("/")
    if repository:
        return f"[{label}]({repository}/blob/HEAD/{path})"
    name = Path(path).name
    return label.strip("`").join("``") if label.strip("`") in (name, path) else f"{label} (`{path}`)"
