"""The course without a kernel: its pages, its slides, its figures.

    python -m course_utils.pages site          # build/site/: a page a chapter, and all around them
    python -m course_utils.pages slides 03     # build/slides/03_mixup.html
    python -m course_utils.pages figures 03    # build/figures/03_mixup/: for other people's slides

Site and slides are made from the stored notebooks. They run nothing and fetch nothing, and open without a network.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
VENDOR = Path(__file__).resolve().parent / "vendor"


def first(pattern: str, text: str, flags: int = 0) -> re.Match[str]:
    """Where a pattern is found first.

    Raises:
        ValueError: nowhere.
    """
    found = re.search(pattern, text, flags)
    if found is None:
        raise ValueError(f"text must match {pattern!r}, got {text[:200]!r}")
    return found
