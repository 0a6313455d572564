"""Sliders on top of the course's pictures.

The picture is a PNG that changes when a slider moves. It does not flicker, it can be tested in the
kernel (`figure.sliders["noise"].value = 0.4`, then look at `figure.image.value`), and nbval passes it.
"""

from course_utils.widgets.adversarial import attack_desk, draw_attack
from course_utils.widgets.bias import bias_desk, draw_biased_run
from course_utils.widgets.erm import digit_browser, draw_moons, moons_playground
from course_utils.widgets.fish import draw_hand, hand_desk
from course_utils.widgets.memorization import by_heart, draw_by_heart
from course_utils.widgets.mixup import draw_mixing, mixing_desk
from course_utils.widgets.scorecard import card_desk
from course_utils.widgets.selecmix import Embedded, draw_pairs, pair_desk
from course_utils.widgets.slider import SliderFigure, one_of_each

__all__ = [
    "Embedded",
    "SliderFigure",
    "attack_desk",
    "bias_desk",
    "by_heart",
    "card_desk",
    "digit_browser",
    "draw_attack",
    "draw_biased_run",
    "draw_by_heart",
    "draw_hand",
    "draw_mixing",
    "draw_moons",
    "draw_pairs",
    "hand_desk",
    "mixing_desk",
    "moons_playground",
    "one_of_each",
    "pair_desk",
]
