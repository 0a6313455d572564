"""JupyterLab as the course wants it, beside your own: `python -m course_utils.lab`."""
