"""What the course's way of doing things costs or saves: `make bench`. README.md says how it is measured, and holds the
table. Each module is a theme; its BENCHMARKS yield the rows."""

import course_utils  # noqa: F401  # before torch: it says how many threads PyTorch uses
