"""Settings of the site for Sphinx. `course_utils.pages.site` writes what it reads and calls it."""

import re
from pathlib import Path

import course_utils
from course_utils.pages import VENDOR

HERE = Path(__file__).resolve().parent

project = html_title = "Beyond training error"
author = copyright = "the course's authors"
version = release = course_utils.__version__
language = "en"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["ref.python"]  # two rooms may have a class of one name; an annotation says which
add_module_names = False

html_theme = "furo"
html_static_path = [str(HERE / "static"), str(VENDOR / "mathjax")]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_favicon = str(HERE / "static" / "course.svg")
html_search_scorer = str(HERE / "scorer.js")
templates_path = [str(HERE / "templates")]
html_copy_source = html_show_sourcelink = html_show_copyright = html_show_sphinx = False
html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005a8c", "color-brand-content": "#005a8c"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f0", "color-brand-content": "#7cc4f0"},
}

# MathJax from the site's own folder; its menu would fetch further parts of it.
mathjax_path = "tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}


def headed(table: re.Match) -> str:
    """A table in which every heading says what it heads. One whose first row is empty has its headings in the first
    column."""
    text = table[0]
    head = re.search(r"<thead>.*?</thead>\s*", text, re.S)
    cells = re.findall(r"<th class=\"head[^\"]*\">(.*?)</th>", head[0], re.S) if head else []
    if head and cells and not any(re.sub(r"<[^>]+>", "", cell).strip() for cell in cells):
        text = text.replace(head[0], "")
        text = re.sub(r"(<tr[^>]*>)<td(.*?)</td>", r'\1<th scope="row"\2</th>', text, flags=re.S)
    text = re.sub(r'<th class="head[^"]*"></th>', "<td></td>", text)
    return re.sub(r'<th class="(head|stub)', r'<th scope="col" class="\1', text)


def finish(app, pagename, templatename, context, doctree):
    """Headings of tables, for every page."""
    if "body" in context:
        context["body"] = re.sub(r"<table.*?</table>", headed, context["body"], flags=re.S)


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", finish)
