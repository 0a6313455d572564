"""The experiments, a module each: what a run is, what is measured, and the rows of the scorecard it is judged by."""

from course_utils.reproduce.experiments.attacks import ATTACKS
from course_utils.reproduce.experiments.by_heart import BY_HEART
from course_utils.reproduce.experiments.colored_mnist import COLORED_MNIST
from course_utils.reproduce.experiments.discriminator import DISCRIMINATOR
from course_utils.reproduce.experiments.first_learned import FIRST_LEARNED
from course_utils.reproduce.experiments.fish_and_hand import FISH_AND_HAND
from course_utils.reproduce.experiments.memorization import MEMORIZATION, WRONG_LABELS
from course_utils.reproduce.experiments.mixup import MIXUP, MIXUP_NOISE
from course_utils.reproduce.experiments.partners import PARTNERS

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        ATTACKS,
        BY_HEART,
        COLORED_MNIST,
        DISCRIMINATOR,
        FIRST_LEARNED,
        FISH_AND_HAND,
        MEMORIZATION,
        MIXUP,
        MIXUP_NOISE,
        PARTNERS,
        WRONG_LABELS,
    )
}
