"""JupyterLab as the course wants it, beside your own: `python -m course_utils.lab`.

What is set, and why: `config/jupyter_server_config.py` (where it opens), `config/labconfig/` (what JupyterLab shows and
keeps) and `config/custom/` (how exercises look). Your own settings are not touched, and count more.
"""

from course_utils.record import WORK

FIRST_PAGE = f"lab/tree/{WORK.name}/00_start_here.ipynb"
