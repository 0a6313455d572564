"""One visual style for the whole course: large type, colours that colour-blind readers can tell apart,
a second sign beside every colour (dashes, markers), titles that state the finding.

Every function returns a matplotlib `Figure`; `show` puts it on the page with its alternative text.
"""

from course_utils.plots.adversarial import SIGNED, picture_rows
from course_utils.plots.bias import draw_embedding, draw_groups, draw_swaps
from course_utils.plots.course import CHAPTERS, course_map
from course_utils.plots.curves import (
    draw_beta,
    draw_guess,
    draw_lines,
    histograms,
    line_panels,
    lines,
    reliability_diagrams,
)
from course_utils.plots.images import draw_boundary, draw_points, mixing_gallery, pictures, snapshots
from course_utils.plots.page import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PNG_COLOURS,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    filled,
    headline,
    ink,
    look,
    panels,
    png,
    show,
    use_style,
)
from course_utils.plots.predictions import draw_predictions
from course_utils.plots.scorecard import Measured, ScoreLine, draw_scorecard, written
from course_utils.plots.tables import MEASURES, dot_table, results_table

__all__ = [
    "BLACK",
    "BLUE",
    "CHAPTERS",
    "COLOURS",
    "GREEN",
    "GREY",
    "MARKERS",
    "MEASURES",
    "ORANGE",
    "PNG_COLOURS",
    "PURPLE",
    "Measured",
    "SIGNED",
    "SKY",
    "ScoreLine",
    "VERMILLION",
    "YELLOW",
    "course_map",
    "dot_table",
    "draw_beta",
    "draw_boundary",
    "draw_embedding",
    "draw_groups",
    "draw_guess",
    "draw_lines",
    "draw_points",
    "draw_predictions",
    "draw_scorecard",
    "filled",
    "draw_swaps",
    "headline",
    "histograms",
    "ink",
    "line_panels",
    "lines",
    "look",
    "mixing_gallery",
    "panels",
    "picture_rows",
    "pictures",
    "png",
    "reliability_diagrams",
    "results_table",
    "show",
    "snapshots",
    "use_style",
    "written",
]
