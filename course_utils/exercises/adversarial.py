"""The exercises of chapter 04: one step uphill, the way back into the ball, a bug to find, a loss that unmasks."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.attacks import cross_entropy, fgsm, lengths, margin_loss, pgd_step, project, steepest
from course_utils.exercises.mechanism import Exercise, Mistake, Sight
from course_utils.metrics import input_gradient, keeping_mode
from course_utils.models import seeded


def _network(pixels: int, classes: int = 3, norm: bool = False) -> nn.Sequential:
    """A tiny network, the same each time; its BatchNorm, if any, is in train mode, its ReLU in eval mode."""
    with seeded(1):
        layers = [nn.Flatten(), nn.Linear(pixels, 6), *([nn.BatchNorm1d(6)] if norm else []), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(6, classes))
    for weight in network.parameters():
        weight.data.mul_(3)
    network[-2].eval()
    return network


def _leave_gradients(network: nn.Module) -> None:
    """As after a backward pass of the caller."""
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)


def _gradients_are_left(network: nn.Module) -> bool:
    return all(p.grad is not None and bool((p.grad == 1).all()) for p in network.parameters())


def _pictures(n: int, seed: int = 0) -> Tensor:
    """Pictures [n, 1, 2, 3] with some pixels at the border of the box."""
    drawn = torch.rand(n, 1, 2, 3, generator=torch.Generator().manual_seed(seed))
    return (1.6 * drawn - 0.3).clamp(0, 1)


def _watch_fgsm(attempt: Callable) -> Iterator[Sight]:
    for case, n, norm, eps in (
        ("one picture of 2 × 3 pixels, eps = 0.1", 1, False, 0.1),
        ("five pictures, eps = 0.25", 5, False, 0.25),
        ("eps = 0: the pictures themselves", 5, False, 0.0),
        ("a network with BatchNorm that was left in train mode", 5, True, 0.25),
    ):
        network, images, labels = _network(6, norm=norm), _pictures(n), torch.tensor([0, 1, 2, 0, 1])[:n]
        _leave_gradients(network)
        state = {name: value.clone() for name, value in network.state_dict().items()}
        modes = [layer.training for layer in network.modules()]
        attacked = attempt(network, images, labels, eps)
        now = network.state_dict()
        yield (
            case,
            {
                "adversarial images": attacked,
                "shape": list(attacked.shape) if isinstance(attacked, Tensor) else None,
                "adversarial images that hang on no graph": not getattr(attacked, "requires_grad", False),
                "your images unchanged": torch.equal(images, _pictures(n)) and not images.requires_grad,
                "the network's averages unchanged": all(torch.equal(now[name], state[name]) for name in state),
                "the network in the mode it was in": network.training,
                "every layer in the mode it was in": [layer.training for layer in network.modules()] == modes,
                "the parameters' .grad unchanged": _gradients_are_left(network),
                "the parameters' .grad still there": all(p.grad is not None for p in network.parameters()),
                "the parameters can still be trained": all(p.requires_grad for p in network.parameters()),
            },
        )


def _attacks(
    move: Callable = lambda x, gradient, eps: (x + eps * gradient.sign()).clamp(0, 1),
    loss: Callable = lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
    mode: str = "kept",
    polluting: bool = False,
    marking: bool = False,
    after: Callable = lambda model: None,
) -> Callable:
    """FGSM with one part of it replaced. mode: "kept" (eval, then as it was), "eval" (left there) or "as it is"."""

    def twin(model, images, labels, eps):
        with keeping_mode(model) if mode == "kept" else torch.enable_grad():
            if mode != "as it is":
                model.eval()
            x = images.requires_grad_() if marking else images.clone().requires_grad_()
            risk = loss(model(x), labels)
            if polluting:
                risk.backward()
                gradient = x.grad
            else:
                (gradient,) = torch.autograd.grad(risk, x)
            after(model)
        return move(x if marking else images, gradient, eps)

    return twin


FORGOT_EVAL = (
    "The network is attacked in train mode: BatchNorm then computes with this batch's averages (and moves its own), "
    "dropout with dice. Call model.eval() before, and give each layer its mode back afterwards."
)
LEFT_IN_EVAL = (
    "The network stays in eval mode. Whoever trains it next trains without dropout, and BatchNorm stands still. "
    "Give each layer the mode back that it was in: metrics.keeping_mode(model) does."
)
ALL_SWITCHED_ON = (
    "model.train() switches every layer to train mode, also one that was frozen in eval mode. "
    "Give each layer its own mode back: metrics.keeping_mode(model) remembers them."
)
WIPED = (
    "model.zero_grad() also wipes the gradients that were there before, and the caller may need them. "
    "torch.autograd.grad(loss, x) computes the pixels' gradient and touches nothing else."
)
FROZEN = "The network's parameters no longer want gradients, so it cannot be trained any more. Leave them as they were."
ON_A_GRAPH = (
    "Your result hangs on autograd's graph: it is built from the copy that wants a gradient. Build it from the tensors "
    "that you were given, or detach it."
)
ADDS_UP = (
    "backward() also adds gradients to every parameter's .grad, and the next training step would use them. "
    "torch.autograd.grad(loss, x) computes the pixels' gradient and touches nothing else."
)
MARKED = (
    "requires_grad_ was called on the images you were given, and stays there: your result hangs on a graph, and the "
    "caller's tensor is changed. Take images.clone() first."
)
FGSM = Exercise(
    reference=fgsm,
    watch=_watch_fgsm,
    mistakes=(
        Mistake(
            _attacks(lambda x, gradient, eps: (x - eps * gradient.sign()).clamp(0, 1)),
            "It goes downhill: the loss is made small, as in training. An attack makes it large: plus, not minus.",
        ),
        Mistake(
            _attacks(lambda x, gradient, eps: x + eps * gradient.sign()),
            "Some pixels leave [0, 1]: no picture any more. Clamp the result.",
        ),
        Mistake(
            _attacks(lambda x, gradient, eps: (x + eps * gradient).clamp(0, 1)),
            "It adds the gradient itself, so most pixels hardly move. Each may move by eps: take the gradient's sign.",
        ),
        Mistake(
            _attacks(lambda x, gradient, eps: (x + eps * gradient / lengths(gradient)).clamp(0, 1)),
            "The gradient is brought to length 1. That is the step for the Euclidean norm; when each pixel may move by "
            "eps, take the gradient's sign.",
        ),
        Mistake(
            _attacks(lambda x, gradient, eps: eps * gradient.sign()),
            "It returns the perturbation alone. Add it to the images, and clamp.",
        ),
        Mistake(
            _attacks(lambda x, gradient, eps: (x + eps * gradient.sign()).clamp(-1, 1)),
            "The box is [0, 1], not [−1, 1].",
        ),
        Mistake(
            _attacks(loss=lambda logits, labels: F.cross_entropy(logits, logits.argmax(dim=1))),
            "It attacks what the model says, not the label. Where the model is wrong already, that makes it right.",
        ),
        Mistake(
            _attacks(loss=lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)),
            "The logits go through a softmax twice: F.cross_entropy has its own.",
        ),
        Mistake(_attacks(mode="as it is"), FORGOT_EVAL),
        Mistake(_attacks(mode="as it is", polluting=True), f"{FORGOT_EVAL} And: {ADDS_UP}"),
        Mistake(_attacks(mode="as it is", polluting=True, marking=True), f"{FORGOT_EVAL} And: {ADDS_UP} {MARKED}"),
        Mistake(_attacks(mode="as it is", marking=True), f"{FORGOT_EVAL} And: {MARKED}"),
        Mistake(_attacks(mode="eval"), LEFT_IN_EVAL),
        Mistake(_attacks(mode="eval", polluting=True), f"{LEFT_IN_EVAL} And: {ADDS_UP}"),
        Mistake(_attacks(polluting=True), ADDS_UP),
        Mistake(_attacks(marking=True), MARKED),
        Mistake(_attacks(polluting=True, after=lambda model: model.zero_grad()), WIPED),
        Mistake(
            _attacks(mode="as it is", polluting=True, after=lambda m: m.zero_grad()), f"{FORGOT_EVAL} And: {WIPED}"
        ),
        Mistake(_attacks(after=lambda model: model.requires_grad_(False)), FROZEN),
        Mistake(_attacks(mode="eval", after=lambda model: model.train()), ALL_SWITCHED_ON),
        Mistake(
            _attacks(lambda x, gradient, eps: (x.clone().requires_grad_() + eps * gradient.sign()).clamp(0, 1)),
            ON_A_GRAPH,
        ),
    ),
    hints=(
        "Make a copy of the images that wants a gradient, compute the loss of the model's answer in eval mode, and ask "
        "torch.autograd.grad for the gradient in the copy. Its .sign() is the direction.",
        "with metrics.keeping_mode(model): puts every layer back into its mode afterwards; inside call model.eval(). "
        "torch.autograd.grad returns a tuple with one gradient for each tensor you ask about.",
    ),
)


def _watch_project(attempt: Callable) -> Iterator[Sight]:
    two = torch.tensor([[[[0.3, 0.0], [0.0, -0.4]]], [[[0.03, 0.0], [-0.04, 0.0]]]])
    still = torch.zeros_like(two)
    # As many axes as pictures, so that a length [N] along the wrong axis raises no error.
    flat = torch.tensor([[3.0, -4.0], [0.0, 1.0]])
    for case, given, eps, norm in (
        ('changes of (0.3, 0, 0, −0.4) and (0.03, 0, −0.04, 0), eps = 0.1, norm "inf"', two, 0.1, "inf"),
        ('the same, norm "2": the second is short enough', two, 0.1, "2"),
        ('two points, eps = 2, norm "2"', flat, 2.0, "2"),
        ('no change at all, norm "2"', still, 0.1, "2"),
        ('eps = 0, norm "2"', two, 0.0, "2"),
        ('no change at all, and eps = 0, norm "2"', still, 0.0, "2"),
        ('eps = 0, norm "inf"', two, 0.0, "inf"),
    ):
        handed = given.clone()
        returned = attempt(handed, eps, norm)
        yield (
            case,
            {
                "projection": returned,
                "shape": list(returned.shape) if isinstance(returned, Tensor) else None,
                "your argument unchanged": torch.equal(handed, given),
            },
        )


def _scales(
    factor: Callable[[Tensor, float], Tensor],
    flat: Callable[[Tensor, float], Tensor] = lambda change, eps: change.clamp(-eps, eps),
) -> Callable:
    """A projection that multiplies by `factor` for the Euclidean norm."""
    return lambda perturbation, eps, norm="inf": (
        flat(perturbation, eps) if norm == "inf" else perturbation * factor(perturbation, eps)
    )


def _at_most(eps: float, length: Tensor) -> Tensor:
    return torch.where(length > eps, eps / length, torch.ones_like(length))


def _shortens_in_place(perturbation: Tensor, eps: float, norm: str = "inf") -> Tensor:
    if norm == "inf":
        return perturbation.clamp(-eps, eps)
    perturbation *= _at_most(eps, lengths(perturbation))
    return perturbation


PROJECT = Exercise(
    reference=project,
    watch=_watch_project,
    mistakes=(
        Mistake(
            lambda perturbation, eps, norm="inf": perturbation.clamp(-eps, eps),
            'It clamps every pixel, whatever the norm. For "2", shorten the whole arrow of a picture.',
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, lengths(change)), lambda change, eps: change.clamp(max=eps)),
            "A pixel may also become darker by eps at most: clamp from below, too.",
        ),
        Mistake(
            _scales(lambda change, eps: torch.where(lengths(change) > 0, eps / lengths(change), 1.0)),
            "It brings every change to length eps. What is shorter already stays as it is.",
        ),
        Mistake(
            _scales(lambda change, eps: eps / lengths(change)),
            "It brings every change to length eps, and divides by 0 where there is none. What is shorter stays.",
        ),
        Mistake(
            _scales(lambda change, eps: eps / (lengths(change) + 1e-12)),
            "It brings every change to length eps. What is shorter already stays as it is.",
        ),
        Mistake(
            _scales(lambda change, eps: eps / lengths(change).clamp(min=eps)),
            "Where eps and the change are both 0, it divides 0 by 0. Treat length 0 on its own, or add a tiny number.",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, change.norm())),
            "It takes the length of the whole batch. Each picture has a ball of its own: flatten(1), then dim=1.",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, change.norm(dim=-1, keepdim=True))),
            "It takes the length along the last axis only: each row of pixels is shortened by itself. "
            "flatten(1) first, then one length for each picture.",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, change.flatten(1).norm(dim=1))),
            "The lengths [N] meet the pictures [N, C, H, W] at their last axis. Give them the shape [N, 1, 1, 1].",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, change.flatten(1).norm(dim=1).view(-1, 1, 1, 1))),
            "Right for pictures. For points [N, D] the lengths need the shape [N, 1]: as many ones as there are "
            "further axes.",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, lengths(change)), lambda change, eps: change.clamp_(-eps, eps)),
            "clamp_ changes the tensor you were given. Without the underscore it makes a new one.",
        ),
        Mistake(_shortens_in_place, "*= changes the tensor you were given. Make a new one: perturbation * …"),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, change.norm(dim=(1, 2, 3), keepdim=True))),
            "norm over three axes is no vector norm in PyTorch: flatten(1) first, then dim=1.",
        ),
        Mistake(
            _scales(lambda change, eps: _at_most(eps, lengths(change) ** 2)),
            "It compares eps with the sum of squares. The length is its square root.",
        ),
    ),
    hints=(
        'For "inf" each pixel is on its own: clamp. For "2", an arrow that is too long keeps its direction and gets '
        "length eps.",
        "The length of each picture's arrow: perturbation.flatten(1).norm(dim=1), with ones for the other axes. "
        "torch.where leaves those alone that are short enough, and saves you from 0 / 0.",
    ),
)


def _watch_step(attempt: Callable) -> Iterator[Sight]:
    network, images, labels = _network(6), _pictures(5), torch.tensor([0, 1, 2, 0, 1])
    for case, norm, loss, steps, eps, alpha in (
        ('from no perturbation at all, eps = 0.3, alpha = 0.1, norm "inf"', "inf", cross_entropy, 1, 0.3, 0.1),
        ("a step longer than the ball: eps = 0.05, alpha = 0.1", "inf", cross_entropy, 1, 0.05, 0.1),
        ("five steps of 0.1, eps = 0.3", "inf", cross_entropy, 5, 0.3, 0.1),
        ('three steps of 0.2, eps = 0.4, norm "2"', "2", cross_entropy, 3, 0.4, 0.2),
        ('another loss, the margin, norm "2"', "2", margin_loss, 2, 0.3, 0.1),
    ):
        perturbation = torch.zeros_like(images)
        _leave_gradients(network)
        for _ in range(steps):
            handed = perturbation.clone()
            following = attempt(network, images, labels, handed, eps, alpha, norm, loss)
            kept = torch.equal(handed, perturbation) and torch.equal(images, _pictures(5))
            if not isinstance(following, Tensor):
                break
            perturbation = following.detach()
        yield (
            case,
            {
                "perturbation": following,
                "shape": list(following.shape) if isinstance(following, Tensor) else None,
                "perturbation that hangs on no graph": not getattr(following, "requires_grad", False),
                "your tensors unchanged": kept,
                "the parameters' .grad unchanged": _gradients_are_left(network),
            },
        )


def _steps(
    land: Callable = lambda x, moved, eps, norm: (x + project(moved, eps, norm)).clamp(0, 1) - x,
    see: Callable = lambda x, delta: x + delta,
    away: Callable = steepest,
    sign: int = 1,
    score: Callable | None = None,
) -> Callable:
    """A step of PGD with one part of it replaced; `see` is what the model is shown, inside the graph."""

    def twin(model, images, labels, perturbation, eps, alpha, norm="inf", loss=cross_entropy):
        shown = nn.Sequential(_Shown(see, images), model)
        gradient = input_gradient(shown, perturbation, lambda logits: (score or loss)(logits, labels).sum())
        return land(images, perturbation + sign * alpha * away(gradient, norm), eps, norm)

    return twin


def _step_by_hand(model, images, labels, perturbation, eps, alpha, norm, loss, polluting):
    delta = perturbation.clone().requires_grad_()
    risk = loss(model(images + delta), labels).sum()
    if polluting:
        risk.backward()
        moved = perturbation + alpha * steepest(delta.grad, norm)
    else:
        moved = delta + alpha * steepest(torch.autograd.grad(risk, delta)[0], norm)
    return (images + project(moved, eps, norm)).clamp(0, 1) - images


def _step_on_the_graph(*given, polluting=False):
    return _step_by_hand(*given, polluting)


def _step_by_backward(*given, polluting=True):
    return _step_by_hand(*given, polluting)


class _Shown(nn.Module):
    """From a perturbation to what the model is shown."""

    def __init__(self, see: Callable, images: Tensor) -> None:
        super().__init__()
        self.see, self.images = see, images

    def forward(self, delta: Tensor) -> Tensor:
        return self.see(self.images, delta)


CLAMPED = (
    "The bug is still there: the model sees clamp(images + perturbation), but the perturbation itself stays outside "
    "the box. clamp has gradient 0 for such a pixel, sign(0) is 0, and the pixel never moves again."
)
PGD_STEP = Exercise(
    reference=pgd_step,
    watch=_watch_step,
    mistakes=(
        Mistake(
            _steps(lambda x, moved, eps, norm: project(moved, eps, norm), lambda x, d: (x + d).clamp(0, 1)), CLAMPED
        ),
        Mistake(
            _steps(see=lambda x, d: F.hardtanh(x + d, 0, 1)),
            "The perturbation goes back into the box, but the model still sees it through a clamp. Recent versions of "
            "PyTorch give clamp no gradient at exactly 0 and 1 either, where most pixels of a digit are. Show the "
            "model images + perturbation.",
        ),
        Mistake(
            _steps(lambda x, moved, eps, norm: project(moved, eps, norm)),
            "The clamp is gone from the graph, and now nothing keeps the picture in [0, 1]. Move the perturbation: "
            "what is left of it after images + perturbation has been clamped.",
        ),
        Mistake(
            _steps(lambda x, moved, eps, norm: (x + moved).clamp(0, 1) - x),
            "Nothing keeps the perturbation in the ball any more. project(…) comes first, then the box.",
        ),
        Mistake(
            _steps(lambda x, moved, eps, norm: (x + project(moved, eps, norm)).clamp(0, 1)),
            "It returns the picture. Return the perturbation: subtract the images.",
        ),
        Mistake(
            _steps(lambda x, moved, eps, norm: project((x + moved).clamp(0, 1) - x, eps, norm)),
            "First the ball, then the box, as foolbox and torchattacks do. Your order is allowed too, but for "
            '"2" it gives other numbers.',
        ),
        Mistake(
            _steps(lambda x, moved, eps, norm: project(moved, eps, norm).clamp(0, 1)),
            "The perturbation is clamped to [0, 1], so pixels can only become darker. The picture lies in the box, "
            "images + perturbation, not the change.",
        ),
        Mistake(_steps(sign=-1), "It goes downhill. An attack climbs: plus alpha."),
        Mistake(
            _steps(away=lambda gradient, norm: gradient.sign()),
            'It takes the sign for both norms. For "2" the direction is the gradient at length 1: '
            "attacks.steepest(gradient, norm) knows.",
        ),
        Mistake(
            _steps(away=lambda gradient, norm: gradient),
            "It adds the gradient itself, however small. attacks.steepest(gradient, norm) makes it a step of size 1.",
        ),
        Mistake(_step_on_the_graph, ON_A_GRAPH),
        Mistake(_step_by_backward, ADDS_UP),
        Mistake(_steps(score=cross_entropy), "It always climbs the cross-entropy. Use the loss that is given."),
    ),
    hints=(
        "What the model sees must move whenever the perturbation moves: show it images + perturbation, and nothing "
        "else. Then make sure, after the step, that this is a picture.",
        "After project(…): clamp the sum of images and perturbation, and subtract the images. What is left is a "
        "perturbation that is in the ball and in the box.",
    ),
)


def _watch_margin(attempt: Callable) -> Iterator[Sight]:
    rows = torch.tensor([[2.0, 0.5, -1.0], [-3.0, -1.0, -2.0], [0.0, 1.0, 4.0]])
    for case, picked, labels in (
        ("logits (2, 0.5, −1), label 0", rows[:1], [0]),
        ("logits (−3, −1, −2), label 1: all below 0", rows[1:2], [1]),
        ("logits (2, 0.5, −1), label 2: a mistake already", rows[:1], [2]),
        ("three images", rows, [0, 2, 1]),
        ("a very sure network: 1,000 times these logits", 1_000 * rows, [0, 1, 2]),
        ("two classes", rows[:, :2], [1, 0, 0]),
    ):
        logits = picked.clone().requires_grad_()
        handed = logits * 1  # not a leaf: changing it in place would raise no error
        returned = attempt(handed, torch.tensor(labels))
        seen = {
            "loss": returned,
            "shape": list(returned.shape) if isinstance(returned, Tensor) else None,
            "your logits unchanged": torch.equal(handed.detach(), picked),
        }
        attached = isinstance(returned, Tensor) and returned.requires_grad
        yield case, seen | {"gradient": torch.autograd.grad(returned.sum(), logits)[0] if attached else None}


def _margins(
    rest: Callable = lambda logits, own: logits.masked_fill(own, -torch.inf),
    combine: Callable = lambda other, own: other - own,
    reduce: Callable = lambda margin: margin,
) -> Callable:
    """The margin loss with one part of it replaced."""

    def twin(logits, labels):
        own = F.one_hot(labels, logits.shape[1]).bool()
        mine = logits[torch.arange(len(labels)), labels]
        return reduce(combine(rest(logits, own).amax(dim=1), mine))

    return twin


def _top_two(logits: Tensor, labels: Tensor) -> Tensor:
    first, second = logits.topk(2, dim=1).values.T
    return second - first


def _in_place(logits: Tensor, labels: Tensor) -> Tensor:
    n = torch.arange(len(labels))
    own = logits[n, labels]
    logits[n, labels] = -torch.inf
    return logits.amax(dim=1) - own


def _in_place_after_gather(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    logits[torch.arange(len(labels)), labels] = -torch.inf
    return logits.amax(dim=1) - own


def _on_probabilities(logits: Tensor, labels: Tensor) -> Tensor:
    return margin_loss(logits.softmax(dim=1), labels)


OVERWRITTEN = "The logits you were given are overwritten. Make a new tensor: masked_fill, or scatter."
MARGIN_LOSS = Exercise(
    reference=margin_loss,
    watch=_watch_margin,
    mistakes=(
        Mistake(
            _margins(combine=lambda other, own: own - other),
            "The sign is the other way round: the loss must grow when the wrong class wins. Other minus own.",
        ),
        Mistake(
            _margins(rest=lambda logits, own: logits),
            "Wherever the network is right the loss is 0 and has no gradient, so the attack does not start: the "
            "label's own logit is in the maximum, or the loss is cut off at 0.",
        ),
        Mistake(
            _margins(rest=lambda logits, own: logits.masked_fill(own, 0.0)),
            "The label's logit is replaced by 0. Where all others are negative, 0 wins. Replace it by −infinity.",
        ),
        Mistake(
            _margins(rest=lambda logits, own: logits * ~own),
            "The label's logit is replaced by 0. Where all others are negative, 0 wins. Replace it by −infinity.",
        ),
        Mistake(
            _top_two,
            "It compares the two largest logits, whatever the label is. Where the network is wrong already the sign "
            "must change: compare the best other class with the label.",
        ),
        Mistake(
            _on_probabilities,
            "It compares probabilities. The softmax is what hides the gradient: compare the logits.",
        ),
        Mistake(_margins(reduce=torch.mean), "It returns one number. Return one for each image, [N]."),
        Mistake(_margins(reduce=torch.sum), "It returns one number. Return one for each image, [N]."),
        Mistake(cross_entropy, "That is the cross-entropy: its gradient vanishes where the network is sure."),
        Mistake(
            lambda logits, labels: margin_loss(logits, labels).detach(),
            "The right numbers, but cut off from the logits: an attack gets no gradient. No detach, no .item().",
        ),
        Mistake(_in_place, OVERWRITTEN),
        Mistake(_in_place_after_gather, OVERWRITTEN),
    ),
    hints=(
        "Two numbers for each image: the label's logit, and the largest of all the other logits.",
        "F.one_hot(labels, K).bool() marks the label's place. Fill it with −infinity before you take the maximum over "
        "the classes.",
    ),
)
