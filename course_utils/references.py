"""The bibliography, docs/references.bib, and the one form in which the course cites: [Zhang et al., ICLR 2017](url)."""

import re
from functools import cache

from course_utils import folder
from course_utils.require import what

BIBLIOGRAPHY = folder.ROOT / "docs" / "references.bib"


@cache
def entries() -> dict[str, dict[str, str]]:
    """Every entry by its key: its fields, which are written one a line.

    Raises:
        ValueError: an entry is written in another way, or two have one key.
        FileNotFoundError: the package does not lie in the course's folder.
    """
    folder.demand()
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),\n(.*?)^\}$", text, re.M | re.S)
    if len(dict(found)) != text.count("\n@"):
        raise ValueError(f"an entry of {BIBLIOGRAPHY.name} is not written like the others, or two have one key")
    return {key: dict(re.findall(r"^  (\w+) = \{(.*)\},$", fields, re.M)) for key, fields in found}


def families(entry: dict[str, str]) -> list[str]:
    """The authors' family names."""
    _check(entry)
    return [name.split(",")[0].strip("{}") for name in entry["author"].split(" and ")]


def _check(entry: dict[str, str]) -> None:
    if not isinstance(entry, dict) or not {"author", "venue", "year"} <= set(entry):
        got = f"{what(entry)} with {', '.join(entry)}" if isinstance(entry, dict) else what(entry)
        raise ValueError(f"entry must be one of entries(), with author, venue and year, got {got}")


def form(entry: dict[str, str]) -> str:
    """A citation without its link: "Vapnik, NIPS 1991", "Kingma & Ba, ICLR 2015", "Zhang et al., ICLR 2017"."""
    _check(entry)
    names = families(entry)
    who = " & ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{who}, {entry['venue']} {entry['year']}"


def cite(key: str) -> str:
    """A citation as Markdown, with its link.

    Raises:
        ValueError: no entry has this key.
    """
    if not isinstance(key, str) or key not in entries():
        raise ValueError(f"key must be one of docs/references.bib, got {what(key)}")
    return f"[{form(entries()[key])}]({entries()[key]['url']})"
