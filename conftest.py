"""For pytest: the course comes before torch, and of the notebooks only its own are run."""

import course_utils  # noqa: F401  # before torch: it says how many threads PyTorch uses
from course_utils.notebooks import find


def pytest_ignore_collect(collection_path):
    """Leave notebooks that are not the course's alone: a student's copies among them."""
    return True if collection_path.suffix == ".ipynb" and collection_path not in find([]) else None
