"""The map of the course."""

from matplotlib.figure import Figure

from course_utils.plots.page import BLACK, BLUE, GREEN, GREY, VERMILLION, panels

# The chapters: number, name, the question each one asks, and the part of the course it belongs to.
CHAPTERS = (
    ("00", "Start here", "Does it all work?", GREY),
    ("01", "ERM", "What does a small\ntraining error promise?", BLUE),
    ("02", "Memorization", "What is learned\nby heart?", BLUE),
    ("03", "Mixup", "What lies between\nthe examples?", BLUE),
    ("04", "Adversarial", "How small a change\nflips the answer?", VERMILLION),
    ("05", "Bias", "Right for the\nwrong reason?", GREEN),
    ("06", "SelecMix", "Which pairs undo\na bias?", GREEN),
    ("07", "Fish and hand", "What if the bias\nis an object?", GREEN),
    ("08", "Scorecard", "Nine claims:\nwhich hold?", BLACK),
)


def course_map() -> Figure:
    """The path through the course: its chapters in order, each with its question."""
    figure, axes = panels(width=10, height=4.6)
    ax = axes[0, 0]
    ax.axis("off")
    ax.set(xlim=(-0.52, 4.72), ylim=(-0.55, 1.25), title="Nine steps beyond training error, one question each")
    # Left to right along the upper row, then around and back along the lower one.
    there, back = [(column, 1) for column in range(5)], [(column + 0.5, 0) for column in (3, 2, 1, 0)]
    path = [*there, (4.6, 1), (4.6, 0), *back]
    ax.plot(*zip(*path), color="#d0d0d0", linewidth=9, zorder=0, solid_joinstyle="round")
    places = there + back
    for (number, name, question, colour), (x, y) in zip(CHAPTERS, places):
        ax.plot(x, y, "o", markersize=44, color=colour)
        ax.text(x, y, number, ha="center", va="center", color="white", fontsize=17, fontweight="bold")
        ax.text(x, y - 0.2, name, ha="center", va="top", fontsize=13, fontweight="bold", color=colour)
        ax.text(x, y - 0.31, question, ha="center", va="top", fontsize=11, linespacing=1.15)
    return figure
