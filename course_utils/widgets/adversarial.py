"""Chapter 04: a digit, attacked."""

from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils import attacks, metrics, models, plots, require
from course_utils.widgets import fit
from course_utils.widgets.slider import SliderFigure, one_of_each


@models.one_thread()
def draw_attack(images: Tensor, nets: dict[str, nn.Module], digit: int, eps: float, steps: int, model: str) -> Figure:
    """A digit, what PGD adds to it, the result, and what a network says of both.

    Args:
        images: [10, 1, 28, 28], one for each digit.
        nets: networks, by the name that each has on the page.
        digit: which image.
        eps: how far each pixel may move.
        steps: of PGD, from the image itself; 1 is FGSM.
        model: whose name in `nets`.
    """
    fit.one_a_digit("images", images)
    fit.networks(nets)
    require.whole(0, 9, digit=digit)
    require.at_least(0, eps=eps)
    require.whole(steps=steps)
    require.one_of(nets, model=model)
    clean, label, net = images[digit : digit + 1], torch.tensor([digit]), nets[model]
    alpha = max(eps, 1e-3) if steps == 1 else max(2.5 * eps / steps, 1e-3)
    attacked = attacks.pgd(net, clean, label, eps, alpha, steps)
    figure = Figure(figsize=(plots.WIDTH, 5), layout="constrained")
    axes = figure.subplot_mosaic("abc;ddd", height_ratios=(1.15, 1))
    shown = {"the digit": clean, "change × 10": 10 * (attacked - clean), "attacked": attacked}
    for ax, (name, image) in zip(axes.values(), shown.items()):
        signed = name.startswith("change")
        ax.imshow(image[0, 0].numpy(), vmin=-1 if signed else 0, vmax=1, cmap=plots.SIGNED if signed else "gray_r")
        ax.set_title(name, fontsize=13)
        ax.axis("off")
    said = [metrics.outputs(net, image).softmax(dim=1)[0] for image in (clean, attacked)]
    bars = axes["d"]
    for offset, colour, name, probability in zip((-0.2, 0.2), (plots.GREY, plots.BLACK), ("before", "after"), said):
        bars.bar((torch.arange(10) + offset).tolist(), probability.tolist(), width=0.4, color=colour, label=name)
    bars.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1))
    bars.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    bars.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=plots.SMALL, frameon=False)
    before, after = (f"{p.argmax()} ({100 * p.max():.0f} %)" for p in said)
    plots.headline(figure, f"{model}, eps = {eps:g}, {steps} step{'s' if steps > 1 else ''}: {before} becomes {after}")
    return figure


def attack_desk(nets: dict[str, nn.Module], images: Tensor, labels: Tensor) -> SliderFigure:
    """Attack a digit: which one, how far, in how many steps, and which network, live.

    Args:
        nets: networks, by the name that each has on the page.
        images: [N, 1, 28, 28], labels: [N]; the first image of each digit is taken.
    """
    fit.networks(nets)
    return SliderFigure(
        partial(draw_attack, one_of_each(images, labels), nets),
        alt="A digit, the change that the attack makes to it, the attacked digit, and the class probabilities before "
        "and after.",
        start={"digit": 8, "eps": 0.15, "steps": 20},
        along="eps",
        digit=range(10),
        eps=(0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4),
        steps=(1, 2, 5, 10, 20, 40),
        model=list(nets),
    )
