"""The exercises of chapter 04: one step uphill, the way back into the ball, a bug to find, a loss that unmasks."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course_utils.attacks import fgsm, lengths, margin_loss, pgd_step, project
from course_utils.exercises.calls import TRAIN_MODE
from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.models import seeded


def _network(
    pixels: int, classes: int = 3, norm: bool = False, scale: float = 3, hidden: int = 6, seed: int = 1
) -> nn.Sequential:
    """A small network, the same for a seed; its BatchNorm, if any, is in train mode, its ReLU in eval mode."""
    with seeded(seed):
        layers = [nn.Flatten(), nn.Linear(pixels, hidden), *([nn.BatchNorm1d(hidden)] if norm else []), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(hidden, classes))
    for weight in network.parameters():
        weight.data.mul_(scale)
    network[-2].eval()
    return network


def _images(n: int, seed: int = 0, shape: tuple[int, ...] = (1, 2, 3)) -> Tensor:
    """Images with some pixels at the border of the box."""
    drawn = torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))
    return (1.6 * drawn - 0.3).clamp(0, 1)


PLAIN, NORMED = _network(6), _network(6, norm=True)
BENT = _network(27, classes=4, scale=5, hidden=16)  # what is uphill changes on the way
IMAGES, LABELS = _images(5), torch.tensor([0, 1, 2, 0, 1])
COLOURED, COLOUR_LABELS = _images(12, 3, (3, 3, 3)), torch.arange(12) % 4


def _other_attacked(dice: Dice) -> Iterator[Case]:
    for norm in (False, False, True):
        n, classes, shape = dice.whole(3, 9), dice.whole(3, 6), (dice.whole(1, 3), dice.whole(2, 3), 3)
        model = _network(shape[0] * shape[1] * shape[2], classes, norm, hidden=12, scale=2, seed=dice.seed())
        yield Case("other images, another network", model=model, images=_images(n, dice.seed(), shape),
                   labels=dice.classes(n, classes), eps=dice.number(0.05, 0.4))  # fmt: skip


def _in_ten(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    moved = images
    for _ in range(10):
        moved = fgsm(model, moved, labels, eps / 10)
    return moved


STEP = "eps * gradient.sign()"
RESULT = f"(images + {STEP}).clamp(0, 1)"
SIGN = "It adds the gradient itself, so most pixels hardly move. Each may move by eps: take the gradient's sign."
FGSM = Exercise(
    reference=fgsm,
    returns=("adversarial images",),
    by_name=("eps",),
    cases=(
        Case("one image of 2 × 3 pixels", model=PLAIN, images=IMAGES[:1], labels=LABELS[:1], eps=0.1),
        Case("five images", model=PLAIN, images=IMAGES, labels=LABELS, eps=0.25),
        Case("eps = 0: the images themselves", model=PLAIN, images=IMAGES, labels=LABELS, eps=0.0),
        Case("a network with BatchNorm that was left in train mode", model=NORMED, images=IMAGES, labels=LABELS,
             eps=0.25),
        Case("coloured images, a bent network", model=BENT, images=COLOURED, labels=COLOUR_LABELS, eps=0.3),
        Case("a step out of the box everywhere", model=PLAIN, images=IMAGES, labels=LABELS, eps=1.0),
    ),
    others=_other_attacked,
    variants=((', reduction="sum"', ""),),
    slips=(
        Slip("It goes downhill: the loss is made small, as in training. An attack makes it large: plus, not minus.",
             f"images + {STEP}", f"images - {STEP}"),
        Slip("Some pixels leave [0, 1]: no image any more. Clamp the result.", ".clamp(0, 1)", ""),
        Slip("The result is clamped to another box. It must lie in [0, 1], at both ends.", ".clamp(0, 1)",
             ".clamp(min=0)"),
        Slip("The result is clamped to another box. It must lie in [0, 1], at both ends.", ".clamp(0, 1)",
             ".clamp(max=1)"),
        Slip(SIGN, "gradient.sign()", "gradient"),
        Slip("It returns the perturbation alone. Add it to the images, and clamp.", RESULT, STEP),
        Slip("The perturbation is clamped to [0, 1], not the image: pixels can only become darker. Add first, then "
             "clamp.", RESULT, f"images + ({STEP}).clamp(0, 1)"),
        Slip("The result is clamped to another box. It must lie in [0, 1], at both ends.", ".clamp(0, 1)",
             ".clamp(-1, 1)"),
        Slip("It attacks what the model says, not the label. Where the model is wrong already, that makes it right.",
             "model(x), labels,", "model(x), model(x).argmax(dim=1),"),
        Slip("The logits go through a softmax twice: F.cross_entropy has its own.", "model(x),",
             "model(x).softmax(dim=1),"),
        Slip("eps is not used: another number stands there.", STEP, "0.1 * gradient.sign()"),
        Slip("eps is not used: another number stands there.", STEP, "0.3 * gradient.sign()"),
        Slip("That is many small steps, with a new gradient after each. FGSM takes one step of size eps.", _in_ten),
        Slip(TRAIN_MODE, "        model.eval()\n", ""),
        Slip("The gradient is divided by its largest number. Each pixel may move by eps: take the sign.",
             "gradient.sign()", "gradient / gradient.flatten(1).abs().amax(dim=1).view(-1, *[1] * (images.dim() - "
             "1)).clamp(min=1e-12)"),
    ),
    hints=(
        "Of what do you need the gradient, and in which tensor? What must the network not notice?",
        "A copy of the images that wants a gradient, the loss in eval mode, torch.autograd.grad(loss, copy), which "
        "returns a tuple. `with keeping_mode(model):` puts every layer back into its mode afterwards.",
    ),
)  # fmt: skip


def _changes(n: int, *shape: int, size: float, seed: int = 0) -> Tensor:
    return size * torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


def _other_changes(dice: Dice) -> Iterator[Case]:
    """About half of the images, or pixels, are outside of their ball."""
    for shape in ((dice.whole(1, 3), 3, 4), (2, 5, 5), (dice.whole(3, 9),)):
        change = dice.number(0.1, 0.9) * dice.rand(dice.whole(5, 9), *[1] * len(shape)) * dice.randn(9, 9, *shape)[0, 0]
        change = change * dice.randn(*change.shape)
        pixel, whole = change.abs().median(), lengths(change).median()
        yield Case("pixels", perturbation=change, eps=1.1 * pixel.item())
        yield Case("each pixel", perturbation=change, eps=0.9 * pixel.item(), norm="inf")
        yield Case("whole arrows", perturbation=change, eps=1.1 * whole.item(), norm="2")


TWO_CHANGES = torch.tensor([[[[0.3, 0.0], [0.0, -0.4]]], [[[0.03, 0.0], [-0.04, 0.0]]]])
LENGTH = "perturbation.flatten(1).norm(dim=1).view(-1, *[1] * (perturbation.dim() - 1))"
SHORTER = "torch.where(length > eps, perturbation * (eps / length), perturbation)"
FLAT = "perturbation.clamp(-eps, eps)"
EVERY = "It brings every change to length eps. What is shorter already stays as it is."
OWN_BALL = "Each image has a ball of its own: flatten(1), then dim=1."
PROJECT = Exercise(
    reference=project,
    returns=("projection",),
    cases=(
        Case("", perturbation=TWO_CHANGES, eps=0.1),
        Case("the second is short enough", perturbation=TWO_CHANGES, eps=0.1, norm="2"),
        Case("two points", perturbation=[[3.0, -4.0], [0.0, 1.0]], eps=2.0, norm="2"),
        Case("no change at all", perturbation=torch.zeros(2, 1, 1, 2), eps=0.1, norm="2"),
        Case("eps = 0", perturbation=TWO_CHANGES, eps=0.0, norm="2"),
        Case("no change at all, and eps = 0", perturbation=torch.zeros(2, 1, 1, 2), eps=0.0, norm="2"),
        Case("eps = 0", perturbation=TWO_CHANGES, eps=0.0, norm="inf"),
        Case("three coloured images", perturbation=_changes(3, 2, 3, 4, size=0.1), eps=0.5, norm="2"),
        Case("three coloured images", perturbation=_changes(3, 2, 3, 4, size=0.2), eps=0.15),
        Case("all short enough", perturbation=_changes(4, 1, 2, 3, size=0.01), eps=0.7, norm="2"),
        Case("square images", perturbation=_changes(3, 3, 3, 3, size=0.5), eps=0.9, norm="2"),
        Case("sequences", perturbation=_changes(3, 4, 3, size=0.5), eps=0.8, norm="2"),
    ),
    others=_other_changes,
    variants=(
        (SHORTER, "perturbation * (eps / length.clamp(min=1e-12)).clamp(max=1)"),
        (SHORTER, "perturbation * torch.clamp(eps / (length + 1e-12), max=1)"),
    ),
    slips=(
        Slip('It clamps every pixel, whatever the norm. For "2", shorten the whole arrow of an image.', SHORTER, FLAT),
        Slip('It shortens the arrow, whatever the norm. For "inf", each pixel is on its own.', 'if norm == "inf":',
             'if norm == "none":'),
        Slip("A pixel may also become darker by eps at most: clamp from below, too.", FLAT,
             "perturbation.clamp(max=eps)"),
        Slip("A pixel may go down by eps, too: clamp to [−eps, eps].", FLAT, "perturbation.clamp(0, eps)"),
        Slip("Every pixel moves by eps. What is small enough stays as it is.", FLAT, "eps * perturbation.sign()"),
        Slip("It scales an image by its largest pixel. Each pixel is on its own: clamp.", FLAT,
             "perturbation * (eps / perturbation.flatten(1).abs().amax(dim=1).view(-1, *[1] * (perturbation.dim() - "
             "1)).clamp(min=1e-12)).clamp(max=1)"),
        Slip(EVERY, SHORTER, "torch.where(length > 0, perturbation * (eps / length), perturbation)"),
        Slip(EVERY, SHORTER, "perturbation * (eps / (length + 1e-12))"),
        Slip("It brings every change to length eps, and divides by 0 where there is none. What is shorter stays.",
             SHORTER, "perturbation * (eps / length)"),
        Slip("Where eps and the change are both 0, it divides 0 by 0. Treat length 0 on its own, or add a tiny "
             "number.", SHORTER, "perturbation * (eps / length.clamp(min=eps))"),
        Slip("It divides by the length only: what is too long gets length 1. Multiply by eps.", "(eps / length)",
             "(1 / length)"),
        Slip("It takes the length of the whole batch. " + OWN_BALL, LENGTH, "perturbation.norm()"),
        Slip("It takes the length along the last axis only: each row of pixels is shortened by itself. " + OWN_BALL,
             LENGTH, "perturbation.norm(dim=-1, keepdim=True)"),
        Slip("The lengths [N] meet the images [N, C, H, W] at their last axis. Give them the shape [N, 1, 1, 1].",
             LENGTH, "perturbation.flatten(1).norm(dim=1)"),
        Slip("Right for images. For points [N, D] the lengths need the shape [N, 1]: as many ones as there are "
             "further axes.", LENGTH, "perturbation.flatten(1).norm(dim=1).view(-1, 1, 1, 1)"),
        Slip("It compares eps with the sum of squares. The length is its square root.", LENGTH,
             LENGTH.replace(".norm(dim=1)", ".square().sum(dim=1)")),
        Slip("It adds up absolute values. The Euclidean length is the root of the sum of squares.", LENGTH,
             LENGTH.replace(".norm(dim=1)", ".abs().sum(dim=1)")),
        Slip("What is too large becomes +eps, whatever its sign. Clamp to [−eps, eps].", FLAT,
             "torch.where(perturbation.abs() > eps, eps, perturbation)"),
        Slip('Each pixel is clamped first, for "2" as well. Shorten the whole arrow, and nothing else.',
             "    length =", "    perturbation = perturbation.clamp(-eps, eps)\n    length ="),
    ),
    hints=(
        'What is the nearest point of a cube, and what of a ball? For "2": which way does an arrow that is too long '
        "point afterwards, and how long is it?",
        "For each image one length: flatten(1), then norm(dim=1), with ones for the other axes. torch.where leaves "
        "those alone that are short enough, and saves you from 0 / 0.",
    ),
)  # fmt: skip


def _standing(images: Tensor, eps: float, norm: str, seed: int) -> Tensor:
    """A perturbation in the ball and in the box, with pixels at both borders."""
    drawn = _changes(len(images), *images.shape[1:], size=eps, seed=seed)
    within = drawn.clamp(-eps, eps) if norm == "inf" else drawn * (eps / lengths(drawn)).clamp(max=1)
    return (images + within).clamp(0, 1) - images


def _step(about: str, eps: float, alpha: float, start: bool = True, bent: bool = False, **options) -> Case:
    attacked = (BENT, COLOURED, COLOUR_LABELS) if bent else (PLAIN, IMAGES, LABELS)
    return _step_of(about, *attacked, eps, alpha, start, **options)


def _step_of(
    about: str, model: nn.Module, images: Tensor, labels: Tensor, eps: float, alpha: float, start: bool, **options
) -> Case:
    at = _standing(images, eps, options.get("norm", "inf"), seed=7) if start else torch.zeros_like(images)
    return Case(about, model=model, images=images, labels=labels, perturbation=at, eps=eps, alpha=alpha, **options)


def _other_steps(dice: Dice) -> Iterator[Case]:
    for options in ({}, {"norm": "2"}, {"norm": "inf", "loss": margin_loss}, {"norm": "2", "loss": margin_loss}):
        n, classes, seed = dice.whole(4, 9), dice.whole(3, 5), dice.seed()
        model = _network(18, classes, scale=2, hidden=12, seed=seed)
        attacked = model, _images(n, seed, (2, 3, 3)), dice.classes(n, classes)
        yield _step_of("on the way", *attacked, dice.number(0.2, 0.5), dice.number(0.05, 0.15), start=True, **options)


GRADIENT = "input_gradient(model, images + perturbation, lambda logits: loss(logits, labels).sum())"
LANDED = "(images + moved).clamp(0, 1) - images"
MOVED = "project(perturbation + alpha * steepest(gradient, norm), eps, norm)"
CLAMPED = (
    "The bug is still there: the model sees clamp(images + perturbation), but the perturbation itself stays outside "
    "the "
    "box. clamp has gradient 0 for such a pixel, sign(0) is 0, and the pixel never moves again."
)
PGD_STEP = Exercise(
    reference=pgd_step,
    returns=("perturbation",),
    cases=(
        _step("from no perturbation at all", 0.3, 0.1, start=False),
        _step("on the way", 0.3, 0.1),
        _step("a step longer than the ball", 0.05, 0.1),
        _step('norm "2"', 0.4, 0.2, norm="2"),
        _step('norm "2", from nothing', 0.3, 0.5, start=False, norm="2"),
        _step('another loss, the margin, norm "2"', 0.3, 0.1, norm="2", loss=margin_loss),
        _step("coloured images, a bent network", 0.3, 0.07, bent=True),
        _step("coloured images, another loss", 0.2, 0.05, bent=True, norm="inf", loss=margin_loss),
        _step('coloured images, norm "2"', 1.5, 0.5, bent=True, norm="2"),
    ),
    others=_other_steps,
    slips=(
        Slip(CLAMPED, GRADIENT, "input_gradient(model, (images + perturbation).clamp(0, 1), lambda logits: "
             "loss(logits, labels).sum()) * ((images + perturbation > 0) & (images + perturbation < 1))", LANDED,
             "moved"),
        Slip("The perturbation goes back into the box, but the model still sees it through a clamp, which has no "
             "gradient at exactly 0 and 1, where most pixels of a digit are. Show the model images + perturbation.",
             GRADIENT, "input_gradient(model, (images + perturbation).clamp(0, 1), lambda logits: loss(logits, "
             "labels).sum()) * ((images + perturbation > 0) & (images + perturbation < 1))"),
        Slip("Nothing keeps the image in [0, 1]. Move the perturbation: what is left of it after images + "
             "perturbation has been clamped.", LANDED, "moved"),
        Slip("Nothing keeps the perturbation in the ball any more. project(…) comes first, then the box.", MOVED,
             "perturbation + alpha * steepest(gradient, norm)"),
        Slip("It returns the image. Return the perturbation: subtract the images.", LANDED,
             "(images + moved).clamp(0, 1)"),
        Slip('First the ball, then the box, as foolbox and torchattacks do: back into the ball after the box gives '
             'other numbers for "2".', LANDED, "project((images + perturbation + alpha * steepest(gradient, "
             "norm)).clamp(0, 1) - images, eps, norm)"),
        Slip("The perturbation is clamped to [0, 1], so pixels can only become darker. The image lies in the box, "
             "images + perturbation, not the change.", LANDED, "moved.clamp(0, 1)"),
        Slip("It goes downhill. An attack climbs: plus alpha.", "+ alpha *", "- alpha *"),
        Slip('It takes the sign for both norms. For "2" the direction is the gradient at length 1: steepest(gradient, '
             'norm) knows.', "steepest(gradient, norm)", "gradient.sign()"),
        Slip("It takes the gradient at length 1 for both norms. steepest(gradient, norm) knows both.",
             "steepest(gradient, norm)", 'steepest(gradient, "2")'),
        Slip("It adds the gradient itself, however small. steepest(gradient, norm) makes it a step of size 1.",
             "steepest(gradient, norm)", "gradient"),
        Slip("It always climbs the cross-entropy. Use the loss that is given.", "loss(logits, labels)",
             "cross_entropy(logits, labels)"),
        Slip("The step has the size eps. Its size is alpha.", "alpha *", "eps *"),
        Slip("The ball has the size alpha. Its size is eps.", ", eps, norm)", ", alpha, norm)"),
        Slip("The gradient is that at the images, not at where the attack stands: images + perturbation.",
             "images + perturbation,", "images,"),
        Slip("The step begins at 0 each time, not at where the attack stands.", "perturbation + alpha", "alpha"),
        Slip("Only the step is projected. The whole perturbation has to stay in the ball.", MOVED,
             "perturbation + project(alpha * steepest(gradient, norm), eps, norm)"),
    ),
    hints=(
        "What does the model see, and does that move whenever the perturbation moves? And what has to be an image "
        "after the step: the perturbation, or the sum?",
        "Show the model images + perturbation, and nothing else. After project(…), put the *sum* back into the box; "
            "what "
        "is left of the perturbation then is in the ball and in the box.",
    ),
)  # fmt: skip

ROWS = torch.tensor([[2.0, 0.5, -1.0], [-3.0, -1.0, -2.0], [0.0, 1.0, 4.0]])


def _other_margins(dice: Dice) -> Iterator[Case]:
    for about, size, above in (
        ("logits of both signs", 3, 0),
        ("all below 0", 1, -20),
        ("a very sure network", 20_000, 0),
        ("logits in the ten thousands, all below 0", 3_000, -13_000),
    ):
        n, classes = dice.whole(3, 9), dice.whole(3, 10)
        logits, labels = above + size * dice.randn(n, classes), dice.classes(n, classes)
        labels[0] = logits[0].argmax()  # here the network is right
        yield Case(about, logits=logits, labels=labels, attached=["logits"])


OWN = "logits[own]"
OTHERS = "logits.masked_fill(own, -math.inf)"
BEST = "others.amax(dim=1)"
MINE_TOO = (
    "Wherever the network is right the loss is 0 and has no gradient, so the attack does not start: the label's own "
    "logit is in the maximum, or the loss is cut off at 0."
)
FILLED = "The label's logit is replaced by a number that can be the largest. Replace it by −infinity."
SINGLE = "It returns one number. Return one for each image, [N]."
MARGIN_LOSS = Exercise(
    reference=margin_loss,
    returns=("loss",),
    loose=("loss",),
    cases=(
        Case("", logits=ROWS[:1], labels=[0], attached=["logits"]),
        Case("all below 0", logits=ROWS[1:2], labels=[1], attached=["logits"]),
        Case("a mistake already", logits=ROWS[:1], labels=[2], attached=["logits"]),
        Case("three images", logits=ROWS, labels=[0, 2, 1], attached=["logits"]),
        Case("a very sure network", logits=10_000 * ROWS, labels=[0, 1, 2], attached=["logits"]),
        Case("logits in the ten thousands, all below 0", logits=-20_000 - 1_000 * ROWS, labels=[0, 1, 2],
             attached=["logits"]),
        Case("a tie", logits=[[1.0, 1.0, 0.0]], labels=[0], attached=["logits"]),
        Case("two classes", logits=ROWS[:, :2], labels=[1, 0, 0], attached=["logits"]),
        Case("six images of ten classes", logits=_changes(6, 10, size=3.0), labels=[3, 0, 9, 9, 5, 1],
             attached=["logits"]),
    ),
    others=_other_margins,
    variants=((OWN, "logits.gather(1, labels[:, None]).squeeze(1)"),),
    slips=(
        Slip("The sign is the other way round: the loss must grow when the wrong class wins. Other minus own.",
             f"{BEST} - {OWN}", f"{OWN} - {BEST}"),
        Slip(MINE_TOO, OTHERS, "logits"),
        Slip(MINE_TOO, f"{BEST} - {OWN}", f"({BEST} - {OWN}).clamp(min=0)"),
        Slip(FILLED, "-math.inf", "0.0"),
        Slip(FILLED, OTHERS, "logits * ~own"),
        Slip(FILLED, "-math.inf", "-1.0"),
        Slip(FILLED, "-math.inf", "-100.0"),
        Slip(FILLED, "-math.inf", "-1e4"),
        Slip(FILLED, OTHERS, "logits - 1000 * own"),
        Slip(FILLED, OTHERS, "logits - 10_000 * own"),
        Slip("It compares the two largest logits, whatever the label is. Where the network is wrong already the sign "
             "must change: compare the best other class with the label.", f"{BEST} - {OWN}",
             "logits.topk(2, dim=1).values[:, 1] - logits.topk(2, dim=1).values[:, 0]"),
        Slip("It compares the two largest logits, whatever the label is. Compare the best other class with the "
             "label.", f"{BEST} - {OWN}", "logits.topk(2, dim=1).values[:, 0] - logits.topk(2, dim=1).values[:, 1]"),
        Slip("It compares with the second largest logit, which is the label's own where another class leads. Take the "
             "largest of the others.", BEST, "logits.topk(2, dim=1).values[:, 1]"),
        Slip("It compares probabilities. The softmax is what hides the gradient: compare the logits.", "    own =",
             "    logits = logits.softmax(dim=1)\n    own ="),
        Slip(SINGLE, f"{BEST} - {OWN}", f"({BEST} - {OWN}).mean()"),
        Slip(SINGLE, f"{BEST} - {OWN}", f"({BEST} - {OWN}).sum()"),
        Slip("That is the cross-entropy: its gradient vanishes where the network is sure.", f"{BEST} - {OWN}",
             'F.cross_entropy(logits, labels, reduction="none")'),
        Slip("The label's logit is missing: subtract it.", f"{BEST} - {OWN}", BEST),
        Slip("The maximum is taken over the images. Take it over the classes: dim=1.", "amax(dim=1)", "amax(dim=0)"),
        Slip("It takes the index of the best class (argmax). Take its logit.", BEST, "others.argmax(dim=1).float()"),
        Slip("The other logits go through logsumexp, which is a little more than the largest.", BEST,
             "others.logsumexp(dim=1)"),
        Slip("∞ · 0 is NaN: the −infinity is multiplied by a table of 0 and 1. Fill it in with masked_fill or "
             "torch.where.", OTHERS, "(logits - math.inf * own)"),
        Slip("logits[:, labels] takes those columns from every row: [N, N]. Take one number from each row: "
             "[torch.arange(N), labels].", OWN, "logits[:, labels]"),
    ),
    hints=(
        "Two numbers for each image. Which one must not take part when you look for the largest of the others?",
        "F.one_hot(labels, K).bool() marks the label's place in a new table. What can you put there so that it never "
            "is "
        "the largest?",
    ),
)  # fmt: skip
EXERCISES = (FGSM, PROJECT, PGD_STEP, MARGIN_LOSS)
