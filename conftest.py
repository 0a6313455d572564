"""For pytest: the course comes before torch, and of the notebooks only its own are run."""

import os

import course_utils  # noqa: F401  # before torch: it says how many threads PyTorch uses
from course_utils.notebooks import find

# What is stored was computed on the CPU, and is compared with what comes out there. tests/test_gpu.py asks for a GPU.
os.environ.pop("COURSE_DEVICE", None)
# A reader's own record is neither read nor written by tests, and no page depends on it.
os.environ["COURSE_RECORD"] = "off"


def pytest_ignore_collect(collection_path):
    """Leave notebooks that are not the course's alone: a student's copies among them."""
    return True if collection_path.suffix == ".ipynb" and collection_path not in find([]) else None
