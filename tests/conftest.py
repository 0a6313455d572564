"""What all tests share. The course is imported first: it says how many threads PyTorch uses."""

import course_utils  # noqa: F401
