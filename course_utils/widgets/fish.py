"""Chapter 07: a fish, a hand and a background, placed by the reader, and what a network says of them."""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils import biased, metrics, models, plots, require
from course_utils.biased.entries import check_scene
from course_utils.widgets import fit
from course_utils.widgets.slider import SliderFigure

FOR_THE_EYE, FOR_THE_NETWORK = 128, 32  # pixels along a side
NOBODY = "none"
FISH = (*biased.SPECIES, NOBODY)
# Where along the fish the hand is (`grip`). The values are those that `draw_scene` draws from, in steps.
HANDS: dict[str, float | None] = {NOBODY: None, "at the tail": -0.3, "behind the middle": -0.14, "in the middle": 0.02,
         "before the middle": 0.19, "at the head": 0.35}  # fmt: skip
PLACES = (-0.1, -0.05, 0.0, 0.05, 0.1)  # of the fish's middle, from the left to the right
WHERE = {"water": "in the water", "grass": "on the grass", "deck": "on the deck", "sky": "in the sky"}
ANGLES = (-25, -15, -5, 0, 5, 15, 25)  # degrees; above 0 the nose goes down where the fish looks to the right


def place(scene: biased.Scene, fish: str, hand: str, background: str, x: float, angle: float) -> biased.Scene:
    """The first image of a scene, with what the reader has placed in it; all else stays as it was drawn.

    Args:
        scene: one image or more.
        fish: a name in FISH.
        hand: a name in HANDS.
        background: a name in biased.BACKGROUNDS.
        x: where the fish's middle is, −1 (left) to 1.
        angle: of the fish, in degrees.

    Returns:
        a scene of one image.
    """
    first = {name: values[:1] for name, values in scene.items()}
    placed = {"fish": fish != NOBODY, "hand": hand != NOBODY, "x": x, "angle": math.radians(angle)}
    placed["background"] = biased.BACKGROUNDS.index(background)
    if fish != NOBODY:
        placed["species"] = biased.SPECIES.index(fish)
    grip = HANDS[hand]
    if grip is not None:
        placed["grip"] = grip
    return first | {name: torch.full_like(first[name], value) for name, value in placed.items()}


@models.one_thread()
def draw_hand(
    scene: biased.Scene, nets: Mapping[str, nn.Module], fish: str, hand: str, background: str, x: float, angle: float,
    network: str,
) -> Figure:  # fmt: skip
    """An image for the eye, the same for the network, and what the network says; with a hand, also without it.

    Args:
        scene: one image or more; of the first, all that is not placed here is taken.
        nets: networks from [N, 3, 32, 32] to logits [N, 4], by the name that each has on the page.
        fish, hand, background, x, angle: as in `place`.
        network: whose name in `nets`.
    """
    _check(scene)
    fit.networks(nets)
    require.one_of(FISH, fish=fish)
    require.one_of(HANDS, hand=hand)
    require.one_of(biased.BACKGROUNDS, background=background)
    require.between(-1, 1, x=x)
    require.between(-180, 180, angle=angle)
    require.one_of(nets, network=network)
    shown = place(scene, fish, hand, background, x, angle)
    without = shown | {"hand": torch.zeros_like(shown["hand"])}
    pair = {name: torch.cat([values, without[name]]) for name, values in shown.items()}
    small = biased.render(pair, FOR_THE_NETWORK).images
    said = metrics.outputs(nets[network], small).softmax(dim=1)
    figure, axes = _room()
    views = {"for the eye": biased.render(shown, FOR_THE_EYE).images[0], "as the network sees it": small[0]}
    for ax, (name, image) in zip(axes, views.items()):
        ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        ax.set_title(name, fontsize=13)
        ax.axis("off")
    _draw_answer(axes[2], said[0], said[1] if hand != NOBODY else None)
    seen = "nothing" if fish == NOBODY else f"a {fish}"
    if hand != NOBODY:
        seen += " but a hand" if fish == NOBODY else " in a hand"
    answer = biased.SPECIES[said[0].argmax()]
    called = f"is called {answer} ({100 * said[0].max():.0f} %)" + (": wrong" if fish not in (NOBODY, answer) else "")
    plots.headline(figure, f"{network}: {seen}, {WHERE[background]}, {called}")
    return figure


def _check(scene: biased.Scene) -> None:
    check_scene(scene)
    if not len(scene["species"]):
        raise ValueError("scene must hold at least one image, got none")


def _room() -> tuple[Figure, Sequence[Axes]]:
    """Three panels at fixed places: nothing jumps when a slider moves, and laying out would take half of the time."""
    figure, axes = plots.panels(1, 3, height=3.8)
    figure.set_layout_engine("none")
    # Both pictures are 256 pixels wide, a multiple of what they show: every pixel of theirs is a sharp square.
    side = 256 / (figure.dpi * figure.get_figwidth()), 256 / (figure.dpi * figure.get_figheight())
    for ax, left in zip(axes[0], (0.01, 0.32)):
        ax.set_position((left, 0.09, *side))
    axes[0, 2].set_position((0.7, 0.17, 0.22, side[1] - 0.08))
    return figure, axes[0]


def _draw_answer(ax: Axes, said: Tensor, without: Tensor | None) -> None:
    """A bar for each species, blue for the answer; lines show what is said without the hand."""
    colours = [plots.BLUE if share == said.max() else plots.GREY for share in said]
    bars = ax.barh(biased.SPECIES, said.tolist(), color=colours)
    for bar, share in zip(bars, said.tolist()):
        ax.text(1.03, bar.get_y() + bar.get_height() / 2, f"{100 * share:.0f} %", va="center", fontsize=13)
    if without is not None:
        low = [bar.get_y() - 0.06 for bar in bars]
        high = [bar.get_y() + bar.get_height() + 0.06 for bar in bars]
        lines = ax.vlines(without.tolist(), low, high, color=plots.BLACK, linewidth=3)
        ax.legend([lines], ["the same without the hand"], loc="upper left", bbox_to_anchor=(-0.45, -0.1),
                  fontsize=plots.SMALL, frameon=False)  # fmt: skip
    ax.set(xlim=(0, 1.2), xticks=[0, 0.5, 1], xticklabels=["0 %", "50 %", "100 %"])
    ax.set_title("what it says", fontsize=13)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.grid(False, axis="y")


def hand_desk(nets: Mapping[str, nn.Module], scene: biased.Scene) -> SliderFigure:
    """Place a fish, a hand and a background, choose a network, and watch what it says.

    Args:
        nets: networks from [N, 3, 32, 32] to logits [N, 4], by the name that each has on the page.
        scene: one image or more (`biased.draw_scene`): the first says how the fish is built, whose hand it is, the
            light, and all else that has no slider.
    """
    fit.networks(nets)
    _check(scene)
    return SliderFigure(
        lambda place, **chosen: draw_hand(scene, nets, x=place, **chosen),
        alt="An image of a fish and a hand at two sizes, and the probability of each species, with and without the "
        "hand.",
        start={"fish": biased.SPECIES[0], "hand": "in the middle", "background": "water", "place": 0.0, "angle": -5,
               "network": next(iter(nets))},
        along="hand",
        fish=FISH,
        hand=list(HANDS),
        background=biased.BACKGROUNDS,
        place=PLACES,
        angle=ANGLES,
        network=list(nets),
    )  # fmt: skip
