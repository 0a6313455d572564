"""Sliders on top of the course's pictures.

The picture is a PNG that changes when a slider moves. It does not flicker, it can be tested in the
kernel (`figure.sliders["noise"].value = 0.4`, then look at `figure.image.value`), and nbval passes it.
"""

from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets
import pandas as pd
import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor, nn

from course_utils import attacks, data, metrics, models, plots, training
from course_utils.memorization import NoisyRun


class SliderFigure(ipywidgets.VBox):
    """A picture with a slider for each of its parameters.

    Args:
        draw: from one value of each control (by name) to a Figure.
        alt: what the picture shows, in words.
        start: the value each control begins with; the first one if not named.
        controls: for each control, the values that it can take, in order.
    """

    def __init__(self, draw: Callable[..., Figure], alt: str, start: dict | None = None, **controls: Sequence) -> None:
        self.draw = draw
        self.sliders = {
            name: ipywidgets.SelectionSlider(
                options=list(options), value=(start or {}).get(name, options[0]),
                description=name.replace("_", " "), continuous_update=False,
                style={"description_width": "9em"}, layout={"width": "34em"},
            )
            for name, options in controls.items()
        }  # fmt: skip
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%", "align_self": "flex-start"})
        self.alt = alt
        super().__init__([*self.sliders.values(), self.image])
        for slider in self.sliders.values():
            slider.observe(self._redraw, names="value")
        self._redraw()

    def _redraw(self, _=None) -> None:
        self.image.value = plots.png(self.draw(**{name: s.value for name, s in self.sliders.items()}))

    def __repr__(self) -> str:
        """What a page without a kernel shows in the widget's place."""
        return f"Run this cell for the sliders: {', '.join(self.sliders)}. {self.alt}"

    def _repr_mimebundle_(self, **kwargs) -> dict:
        # ipywidgets would cut the text after 110 characters.
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": repr(self)}


@models.one_thread()
def draw_moons(capacity: int, examples: int, noise: float) -> Figure:
    """Train a network on two moons, and draw its boundary and its two error rates.

    Args:
        capacity: width of both hidden layers.
        examples: number of training points.
        noise: standard deviation of the noise on each coordinate.
    """
    points, labels = data.two_moons(examples, noise, seed=0)
    model = models.mlp(inputs=2, hidden=(capacity, capacity), classes=2, seed=1)
    training.fit(model, points, labels, epochs=200, batch_size=examples, lr=0.03, show=False)
    errors = {
        "training": 1 - metrics.accuracy(model, points, labels),
        "true": 1 - metrics.accuracy(model, *data.two_moons(5_000, noise, seed=1)),
    }
    figure, axes = plots.panels(1, 2, width=9, height=4, width_ratios=(3, 1))
    plots.draw_boundary(axes[0, 0], lambda plane: metrics.predict(model, plane), points, labels)
    bars = axes[0, 1].bar(list(errors), list(errors.values()), color=plots.COLOURS)
    axes[0, 1].bar_label(bars, [f"{error:.0%}" for error in errors.values()])
    axes[0, 1].set(ylim=(0, 0.55), ylabel="error rate", yticks=[])
    plots.headline(
        figure,
        f"{models.count_parameters(model):,} parameters, {examples} examples: "
        f"a gap of {100 * (errors['true'] - errors['training']):.0f} percentage points",
    )
    return figure


def moons_playground() -> SliderFigure:
    """Capacity, examples and noise of the two moons: how the boundary and the generalization gap follow."""
    return SliderFigure(
        draw_moons,
        alt="The network's boundary on the two moons, and its training and true error rates.",
        start={"capacity": 32, "examples": 50, "noise": 0.35},
        capacity=(2, 4, 8, 16, 32, 64, 128),
        examples=(10, 20, 50, 100, 200, 500),
        noise=(0.1, 0.2, 0.3, 0.35, 0.4, 0.5),
    )


def digit_browser() -> SliderFigure:
    """Leaf through the test digits of MNIST, twenty at a time."""
    images, labels = data.load_mnist("test", n=1_000)

    def draw(page: int) -> Figure:
        part = slice(20 * page - 20, 20 * page)
        captions = [str(label) for label in labels[part].tolist()]
        return plots.pictures(images[part], captions, title=f"Test digits and their labels, page {page} of 50")

    return SliderFigure(draw, alt="Twenty test digits of MNIST with their labels.", page=range(1, 51))


def draw_by_heart(run: NoisyRun, epoch: int) -> Figure:
    """What a network on partly wrong labels has learned after `epoch` epochs, and whom it has learned by heart.

    Left, its accuracies over the epochs; right, training pictures whose wrong label it gives back.
    """
    wrong = run.given != run.true
    curves = {
        "true labels given back": _share(run.seen == run.given, ~wrong),
        "wrong labels given back": _share(run.seen == run.given, wrong),
        "test": run.test,
    }
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    ax = left.subplots()
    epochs = range(1, len(run.test) + 1)
    frame = pd.DataFrame({"epoch": epochs, **curves})
    drawn = plots.draw_lines(ax, frame, "epoch", list(curves), percent=True, named=False)
    ax.legend(drawn, curves, loc="center right", fontsize=11, framealpha=0.9)
    ax.axvline(epoch, color=plots.BLACK, linewidth=1.5)
    ax.set(xlabel="epoch", ylabel="accuracy", ylim=(-0.03, 1.03))
    known = (wrong & (run.seen[epoch - 1] == run.given)).nonzero().squeeze(1)
    _sheet(right, run, known[:15])
    plots.headline(
        figure,
        f"{wrong.float().mean():.0%} wrong labels, epoch {epoch}: test accuracy {run.test[epoch - 1]:.0%}, "
        f"{len(known)} of {wrong.sum()} wrong labels given back",
    )
    return figure


def by_heart(runs: dict[float, NoisyRun]) -> SliderFigure:
    """The share of wrong labels and the epoch: leaf through trainings that were recorded before.

    Args:
        runs: for each share of wrong labels, a run; all of equally many epochs.
    """
    epochs = len(next(iter(runs.values())).test)
    return SliderFigure(
        lambda wrong_labels, epoch: draw_by_heart(runs[wrong_labels], epoch),
        alt="Accuracy on clean labels, on wrong labels and on test images over the epochs; "
        "beside it training pictures whose wrong label the network gives back.",
        start={"wrong_labels": sorted(runs)[len(runs) // 2], "epoch": (epochs + 1) // 2},
        wrong_labels=[(f"{share:.0%}", share) for share in runs],
        epoch=range(1, epochs + 1),
    )


def draw_mixing(
    pair: Tensor, nets: dict[str, nn.Module], alphas: dict[str, float],
    first: int, second: int, lam: float, alpha: str,
) -> Figure:  # fmt: skip
    """Two digits mixed, how often that weight is drawn, and what ERM and a mixup network answer.

    Args:
        pair: [10, 1, 28, 28], one picture for each digit.
        nets: for each alpha, by the name it has on the page, a network trained with it; the first one is ERM.
        alphas: the same names, and the numbers.
        first, second: the digits.
        lam: the weight of the first, in [0, 1].
        alpha: whose network stands beside ERM.
    """
    mixed = lam * pair[first] + (1 - lam) * pair[second]
    erm = next(iter(nets))
    figure, axes = plots.panels(1, 3, width=11, height=4.2, width_ratios=(1, 1.1, 1.5))
    picture, density, answers = axes[0]
    picture.imshow(mixed[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
    picture.axis("off")
    words = [
        f"{share:.0%} of {'an' if digit == 8 else 'a'} {digit}" for share, digit in ((lam, first), (1 - lam, second))
    ]
    picture.set_title(", ".join(words), fontsize=13)
    plots.draw_beta(density, alphas[alpha], plots.PURPLE, f"how often: alpha = {0 if alpha == erm else alpha}")
    density.axvline(lam, color=plots.BLACK, linestyle=":")
    said = {name: metrics.predict(nets[name], mixed[None]).softmax(dim=1)[0] for name in dict.fromkeys((erm, alpha))}
    for offset, colour, (name, probability) in zip((-0.2, 0.2), plots.COLOURS[2:], said.items()):
        bars = torch.arange(10) + offset
        label = "ERM" if name == erm else f"mixup, alpha = {name}"
        answers.bar(bars.tolist(), probability.tolist(), width=0.4, color=colour, label=label)
    answers.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1.3), yticks=[0, 0.5, 1])
    answers.legend(loc="upper right", fontsize=11, framealpha=0.9)
    tops = [f"{who} says {p.argmax()} ({p.max():.0%})" for who, p in zip(("ERM", "mixup"), said.values())]
    plots.headline(figure, "; ".join(tops))
    return figure


def mixing_desk(nets: dict[str, nn.Module], alphas: dict[str, float], images: Tensor, labels: Tensor) -> SliderFigure:
    """Mix two digits with any weight, and ask networks that were trained with several alphas about the result.

    Args:
        nets: for each alpha, by the name it has on the page, a network trained with it; the first one is ERM.
        alphas: the same names, and the numbers.
        images: [N, 1, 28, 28], labels: [N]; the first picture of each digit is taken.

    Raises:
        ValueError: a digit of which there is no picture.
    """
    return SliderFigure(
        partial(draw_mixing, one_of_each(images, labels), nets, alphas),
        alt="A mixed picture, the Beta density with its weight marked, and the class probabilities that an ERM and "
        "a mixup network give to it.",
        start={"first": 3, "second": 4, "lam": 0.4, "alpha": list(nets)[len(nets) // 2]},
        first=range(10),
        second=range(10),
        lam=[(f"{k / 20:.2f}", k / 20) for k in range(21)],
        alpha=list(nets),
    )


@models.one_thread()
def draw_attack(pictures: Tensor, nets: dict[str, nn.Module], digit: int, eps: float, steps: int, model: str) -> Figure:
    """A digit, what PGD adds to it, the result, and what a network says of both.

    Args:
        pictures: [10, 1, 28, 28], one for each digit.
        nets: networks, by the name that each has on the page.
        digit: which picture.
        eps: how far each pixel may move.
        steps: of PGD, from the picture itself; 1 is FGSM.
        model: whose name in `nets`.
    """
    clean, label, net = pictures[digit : digit + 1], torch.tensor([digit]), nets[model]
    alpha = max(eps, 1e-3) if steps == 1 else max(2.5 * eps / steps, 1e-3)
    attacked = attacks.pgd(net, clean, label, eps, alpha, steps)
    figure, axes = plots.panels(1, 4, width=11, height=3.4, width_ratios=(1, 1, 1, 1.7))
    shown = {"the digit": clean, "change × 10": 10 * (attacked - clean), "attacked": attacked}
    for ax, (name, picture) in zip(axes[0], shown.items()):
        look = {"cmap": plots.SIGNED, "vmin": -1} if name.startswith("change") else {"cmap": "gray_r", "vmin": 0}
        ax.imshow(picture[0, 0].numpy(), vmax=1, **look)
        ax.set_title(name, fontsize=13)
        ax.axis("off")
    said = [metrics.predict(net, picture).softmax(dim=1)[0] for picture in (clean, attacked)]
    bars = axes[0, 3]
    for offset, colour, name, probability in zip((-0.2, 0.2), plots.COLOURS, ("before", "after"), said):
        bars.bar((torch.arange(10) + offset).tolist(), probability.tolist(), width=0.4, color=colour, label=name)
    bars.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1.3), yticks=[0, 0.5, 1])
    bars.legend(loc="upper right", ncols=2, fontsize=11)
    before, after = (f"{p.argmax()} ({p.max():.0%})" for p in said)
    plots.headline(figure, f"{model}, eps = {eps:g}, {steps} step{'s' if steps > 1 else ''}: {before} becomes {after}")
    return figure


def attack_desk(nets: dict[str, nn.Module], images: Tensor, labels: Tensor) -> SliderFigure:
    """Attack a digit: which one, how far, in how many steps, and which network, live.

    Args:
        nets: networks, by the name that each has on the page.
        images: [N, 1, 28, 28], labels: [N]; the first picture of each digit is taken.

    Raises:
        ValueError: a digit of which there is no picture.
    """
    return SliderFigure(
        partial(draw_attack, one_of_each(images, labels), nets),
        alt="A digit, the change that the attack makes to it, the attacked digit, and the class probabilities before "
        "and after.",
        start={"digit": 8, "eps": 0.15, "steps": 20},
        digit=range(10),
        eps=(0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4),
        steps=(1, 2, 5, 10, 20, 40),
        model=list(nets),
    )


def one_of_each(images: Tensor, labels: Tensor) -> Tensor:
    """The first picture of each digit, [10, …] on the CPU."""
    if missing := set(range(10)) - set(labels.tolist()):
        raise ValueError(f"labels must hold every digit, but there is no {min(missing)}")
    return torch.stack([images[labels == digit][0] for digit in range(10)]).cpu()


def _share(right: Tensor, part: Tensor) -> Tensor:
    """Over the epochs [E, n], how often right on this part of the examples; NaN where there are none."""
    return right[:, part].float().mean(dim=1)


def _sheet(figure: SubFigure, run: NoisyRun, rows: Tensor) -> None:
    """Up to fifteen training pictures, each with its wrong label."""
    figure.suptitle("wrong labels that it gives back" if len(rows) else "it gives back no wrong label", fontsize=13)
    for place, ax in enumerate(figure.subplots(3, 5).flat):
        ax.axis("off")
        if place < len(rows):
            ax.imshow(run.images[rows[place], 0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            ax.set_title(
                f"{run.true[rows[place]]}, told {run.given[rows[place]]}",
                fontsize=11,
                fontweight="normal",
                loc="center",
                pad=2,
            )
