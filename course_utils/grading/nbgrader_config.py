"""nbgrader's settings for this class. `make assignment` wrote them once: what you change here stays."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import autograder  # beside this file, written anew by every `make assignment`

c = get_config()  # nbgrader gives it
autograder.configure(c)

c.RunAnswers.timeout = 60  # seconds for one cell of a student; a check ends an endless loop after 20 by itself
# c.CourseDirectory.course_id = "beyond_training_error"  # on a JupyterHub: the name of the course there
# c.Exchange.root = "/srv/nbgrader/exchange"  # on a JupyterHub: where work is handed out and in
