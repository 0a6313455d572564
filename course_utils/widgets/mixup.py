"""Chapter 03: two digits, mixed."""

from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils import metrics, plots, require
from course_utils.widgets import fit
from course_utils.widgets.slider import SliderFigure, one_of_each


def draw_mixing(
    pair: Tensor, nets: dict[str, nn.Module], alphas: dict[str, float],
    first: int, second: int, lam: float, alpha: str,
) -> Figure:  # fmt: skip
    """Two digits mixed, how often that weight is drawn, and what ERM and a mixup network answer.

    Args:
        pair: [10, 1, 28, 28], one image for each digit.
        nets: by the name it has on the page, a network for each alpha; the first one is ERM.
        alphas: the same names, and the numbers.
        first, second: the digits.
        lam: the weight of the first, in [0, 1].
        alpha: the name of the network that stands beside ERM.
    """
    fit.one_a_digit("pair", pair)
    fit.networks(nets)
    fit.alphas(alphas, nets)
    require.whole(0, 9, first=first, second=second)
    require.between(0, 1, lam=lam)
    require.one_of(nets, alpha=alpha)
    mixed = lam * pair[first] + (1 - lam) * pair[second]
    erm = next(iter(nets))
    figure = Figure(figsize=(plots.WIDTH, 5.4), layout="constrained")
    picture, density, answers = figure.subplot_mosaic("ab;cc", width_ratios=(1, 1.4)).values()
    picture.imshow(mixed[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
    picture.axis("off")
    words = [
        f"{100 * share:.0f} % of {'an' if digit == 8 else 'a'} {digit}"
        for share, digit in ((lam, first), (1 - lam, second))
    ]
    picture.set_title(", ".join(words), fontsize=13)
    plots.draw_beta(density, alphas[alpha], plots.PURPLE, f"how often (alpha = {alphas[alpha]:g})")
    density.axvline(lam, color=plots.BLACK, linestyle=":")
    said = {name: metrics.outputs(nets[name], mixed[None]).softmax(dim=1)[0] for name in dict.fromkeys((erm, alpha))}
    for offset, colour, (name, probability) in zip((-0.2, 0.2), plots.COLOURS, said.items()):
        bars = torch.arange(10) + offset
        answers.bar(bars.tolist(), probability.tolist(), width=0.4, color=colour, label=name)
    answers.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1))
    answers.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    answers.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=plots.SMALL, frameon=False)
    tops = [f"{who} says {p.argmax()} ({100 * p.max():.0f} %)" for who, p in zip(("ERM", "mixup"), said.values())]
    plots.headline(figure, "; ".join(tops))
    return figure


def mixing_desk(nets: dict[str, nn.Module], alphas: dict[str, float], images: Tensor, labels: Tensor) -> SliderFigure:
    """Mix two digits with any weight, and ask networks that were trained with several alphas about the result.

    Args:
        nets: by the name it has on the page, a network for each alpha; the first one is ERM.
        alphas: the same names, and the numbers.
        images: [N, 1, 28, 28], labels: [N]; the first image of each digit is taken.
    """
    fit.networks(nets)
    fit.alphas(alphas, nets)
    return SliderFigure(
        partial(draw_mixing, one_of_each(images, labels), nets, alphas),
        alt="A mixed image, the Beta density with its weight marked, and the class probabilities that an ERM and "
        "a mixup network give to it.",
        start={"first": 3, "second": 4, "lam": 0.4, "alpha": list(nets)[len(nets) // 2]},
        along="lam",
        first=range(10),
        second=range(10),
        lam=[(f"{k / 20:.2f}", k / 20) for k in range(21)],
        alpha=list(nets),
    )
