"""JupyterLab's settings for the course. What stands on the command line counts more; your own files stay as they are.

What JupyterLab shows and keeps, `labconfig/default_setting_overrides.json`, counts less than what you choose in its
Settings menu: no question about news, which would cover the first page; the state of widgets is saved, so that a slider
is there the next day; all cells are on the page at once, which a search in it and the stylesheet need; long lines of
code are wrapped; the file browser shows whole names.
"""

from pathlib import Path

from course_utils.lab import FIRST_PAGE
from course_utils.record import WORK

HERE = Path(__file__).resolve().parent
c = get_config()  # Jupyter gives it to this file

# The file browser reaches the whole course; the address that is printed opens the first page.
c.ServerApp.root_dir = str(WORK.parent)
c.LabApp.default_url = f"/{FIRST_PAGE}"
# Which pages were open is kept here, apart from those of your other work.
c.LabApp.workspaces_dir = str(WORK / ".workspaces")
# Jupyter refuses the administrator, who is the only user of many containers.
c.ServerApp.allow_root = True
# Jupyter's log is long, and the address drowns in it.
c.Application.log_level = "WARN"
# custom/custom.css. The folder is no option of JupyterLab's, except through its web server.
c.LabApp.custom_css = True
c.ServerApp.tornado_settings.update({"static_custom_path": [str(HERE / "custom")]})
