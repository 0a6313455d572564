"""Beyond training error: helper package of the course.

Import the rooms you need, for example `from course_utils import data, training`. The package itself
imports nothing, so that `import course_utils` is free.
"""

__version__ = "0.1.0"
