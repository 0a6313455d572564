"""The map of the course."""

from matplotlib.figure import Figure

from course_utils.plots.page import BLACK, BLUE, GREEN, GREY, SMALL, VERMILLION, ink, panels

# The chapters: number, name, the question each one asks, and the part of the course it belongs to.
CHAPTERS = (
    ("00", "Start here", "Does it all work?", GREY),
    ("01", "ERM", "What does a small\ntraining error\npromise?", BLUE),
    ("02", "Memorization", "What is learned\nby heart?", BLUE),
    ("03", "Mixup", "What lies\nbetween\nthe examples?", BLUE),
    ("04", "Adversarial", "How small a\nchange flips\nthe answer?", VERMILLION),
    ("05", "Bias", "Right for the\nwrong reason?", GREEN),
    ("06", "SelecMix", "Which pairs undo\na bias?", GREEN),
    ("07", "Fish & Hand", "What if the bias\nis an object?", GREEN),
    ("08", "Scorecard", "Nine claims:\nwhich hold?", BLACK),
)


def course_map() -> Figure:
    """The path through the course: its chapters in two rows, each with its question."""
    figure, axes = panels(height=4.8)
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-0.5, 4.55), ylim=(-0.55, 1.25), title="Nine steps beyond training error, one question each")
    places = [(column, 1) for column in range(5)] + [(column + 0.25, 0) for column in range(4)]
    path = {"color": "#d0d0d0", "linewidth": 9, "zorder": 0, "solid_capstyle": "round"}
    for row in (places[:5], places[5:]):
        ax.plot(*zip(*row), **path)
    for (number, name, question, colour), (x, y) in zip(CHAPTERS, places):
        ax.plot(x, y, "o", markersize=44, color=colour)
        ax.text(x, y, number, ha="center", va="center", color="white", fontsize=17, fontweight="bold")
        ax.text(x, y - 0.2, name, ha="center", va="top", fontsize=13, fontweight="bold", color=ink(colour))
        ax.text(x, y - 0.31, question, ha="center", va="top", fontsize=SMALL, linespacing=1.15)
    return figure
