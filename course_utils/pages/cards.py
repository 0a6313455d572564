"""A claim's card as words: what `str` of a `course_utils.claims.Claim` says, taken apart again.

A stored chapter holds each card as a picture and as these words; pages and slides are made from the words.
"""

import re
from dataclasses import dataclass

VERDICTS = {"holds here": "✓", "holds with a condition": "(✓)", "does not hold here": "✗"}

_FIRST = re.compile(rf"(?P<name>.+?): (?P<verdict>{'|'.join(VERDICTS)})\. (?P<text>.*)")
_HEARD = re.compile(r"(?:Claim \d of the lecture|The lecture's open question): .*")
_MEASURED = re.compile(
    r"(?P<mark>✓|✗|control passes too:|control does not pass:) (?P<what>.*): (?P<bound>(?:above|below) .*?)"
    r"(?: with (?P<margin>\S+) to spare)?, (?P<runs>in \d+ of \d+ runs|95 % interval of \d+ pairs)"
)


@dataclass(frozen=True)
class Measured:
    """A measurement of a card: what was measured, the bound, by how much it had to be cleared ("" if by nothing), in
    how many runs; whether it passed, and whether it is a control."""

    what: str
    bound: str
    margin: str
    runs: str
    passed: bool
    control: bool


@dataclass(frozen=True)
class Card:
    """A card's words; `heard` (what the lecture says) and `condition` may be empty."""

    name: str
    verdict: str
    text: str
    heard: str
    condition: str
    measured: tuple[Measured, ...]
    limits: str

    @property
    def of(self) -> int:
        """The lecture's claim that it belongs to; 9 is its open question, 0 a finding of the course."""
        number = re.match(r"Claim (\d)", self.heard)
        return int(number[1]) if number else 9 * bool(self.heard)


def is_card(text: str) -> bool:
    """Whether a cell's text is that of a card."""
    return bool(_FIRST.fullmatch(text.split("\n")[0])) and "\n  Limits: " in text


def read(text: str) -> Card:
    """The card that these words are of.

    Raises:
        ValueError: they are no card's, or hold a line that no card has.
    """
    first, *lines = text.split("\n")
    opening = _FIRST.fullmatch(first)
    if opening is None or not is_card(text):
        raise ValueError(f"text must be a card's words, got {text[:80]!r}")
    heard = condition = limits = ""
    measured = []
    for line in map(str.strip, lines):
        if line.startswith("Condition: "):
            condition = line.removeprefix("Condition: ")
        elif line.startswith("Limits: "):
            limits = line.removeprefix("Limits: ")
        elif found := _MEASURED.fullmatch(line):
            mark = found["mark"]
            passed = mark in ("✓", "control passes too:")
            words = found["what"], found["bound"], found["margin"] or "", found["runs"]
            measured.append(Measured(*words, passed=passed, control="control" in mark))
        elif _HEARD.fullmatch(line):
            heard = line
        else:
            raise ValueError(f"text must be a card's words, got the line {line!r}")
    return Card(**opening.groupdict(), heard=heard, condition=condition, measured=tuple(measured), limits=limits)
