"""Beyond training error: helper package of the course.

Import the rooms you need, for example `from course_utils import data, training`. The package itself
imports nothing of them, so that `import course_utils` is free. Import it before `torch`, as every
notebook does: it says how many threads PyTorch shall use.
"""

import logging
import os

__version__ = "0.2.1"  # here alone; CHANGELOG.md says what is new

# One thread for each computation. Networks as small as the course's gain little from a second one, and two threads
# wait for each other in a loop that keeps the core busy: beside two other programs a training of half a second took
# forty. What is to be fast runs side by side instead (`training.side_by_side`). Every OpenMP library reads the variable
# (GNU's on Linux, LLVM's on macOS and in conda, Intel's on Windows), but only when it is loaded, which `import torch`
# does. What you have set yourself stays.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# matplotlib tells the log where HOME cannot be written (it then keeps its fonts in a temporary folder) and when the
# fonts take it long. Neither is a reason for a red box under the first cell.
if not logging.getLogger("matplotlib").level:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
