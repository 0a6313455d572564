"""Chapters 00 and 01: digits to leaf through, and the two moons."""

from matplotlib.figure import Figure

from course_utils import data, metrics, models, plots, require, training
from course_utils.widgets.slider import SliderFigure


@models.one_thread()
def draw_moons(capacity: int, examples: int, noise: float) -> Figure:
    """Train a network on two moons, and draw its boundary and its two error rates.

    Args:
        capacity: width of both hidden layers.
        examples: number of training points.
        noise: standard deviation of the noise on each coordinate.
    """
    require.whole(capacity=capacity)
    require.whole(2, examples=examples)
    require.above(0, noise=noise)
    points, labels = data.two_moons(examples, noise, seed=0)
    world, truth = data.two_moons(5_000, noise, seed=1)
    network = models.mlp(inputs=2, hidden=(capacity, capacity), classes=2, seed=1)
    training.fit(network, points, labels, epochs=200, batch_size=examples, lr=0.03, show=False)
    errors = {
        "training": 1 - metrics.accuracy(network, points, labels),
        "true": 1 - metrics.accuracy(network, world, truth),
        "best\npossible": metrics.error_rate(data.best_logits(world, noise).argmax(dim=1), truth),
    }
    figure, axes = plots.panels(1, 2, height=4.2, width_ratios=(1.6, 1))
    boundary, bars = axes[0]
    plots.draw_boundary(
        boundary,
        lambda plane: metrics.outputs(network, plane),
        points,
        labels,
        best=lambda plane: data.best_logits(plane, noise),
    )
    boundary.set(aspect="equal", xlabel="dashed: the best possible boundary")
    drawn = bars.bar(list(errors), list(errors.values()), color=(plots.BLUE, plots.VERMILLION, plots.GREY))
    bars.bar_label(drawn, [f"{100 * error:.0f} %" for error in errors.values()])
    bars.set(ylim=(0, 0.55), ylabel="error rate", yticks=[])
    plots.headline(
        figure,
        f"{models.count_parameters(network):,} weights, {examples} examples: "
        f"a gap of {100 * (errors['true'] - errors['training']):.0f} points",
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
