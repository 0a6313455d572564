"""A student's function is called: with fresh arguments, never for ever, and with an eye on what else it does.

What else it does, its *side effects*, is the same for all exercises: arguments changed, a network left in another mode,
gradients left behind, random numbers from elsewhere. Each is told in a sentence of its own, whatever the values are.
"""

import ast
import contextlib
import copy
import inspect
import io
import linecache
import random
import re
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.training.together import stop

LIMIT = 20.0  # seconds that all calls of a check may take together; right answers take a hundredth of it


@dataclass(frozen=True)
class Seed:
    """In a case, stands for a `torch.Generator` in this state."""

    value: int


class NotBack(BaseException):
    """Raised inside a function that does not come back. No `except Exception` of a student stops it."""


def in_time(work: Callable[[], None], seconds: float) -> bool:
    """Run `work` in a thread of its own; False if it had to be given up after so many seconds.

    A thread can be left behind, on every system and without harm to the kernel. Its loops are ended by an exception.
    """
    done, failed, stdout = threading.Event(), [], sys.stdout

    def run() -> None:
        try:
            work()
        except NotBack:
            pass
        except BaseException as error:  # the check's own: told where it was asked for
            failed.append(error)
        done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    last = time.monotonic() + seconds
    try:
        while not done.wait(0.1) and time.monotonic() < last:  # in slices: Windows hears the stop button between them
            pass
        if failed:
            raise failed[0]
        return done.is_set()
    finally:
        for _ in range(0 if done.is_set() else 5):  # a bare except swallows some
            stop([thread], NotBack, patience=0.2)
        sys.stdout = stdout  # what it printed was caught; the next cell's must not be


def fresh(value: Any) -> Any:
    """A copy that the function may do with as it likes."""
    if isinstance(value, Seed):
        return torch.Generator().manual_seed(value.value)
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {name: fresh(part) for name, part in value.items()}
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


@dataclass
class Outcome:
    """What came of one call."""

    returned: Any = None
    error: BaseException | None = None
    effects: list[str] = field(default_factory=list)
    printed: str = ""
    seconds: float = 0.0  # of the processor, in this thread


class _Beginning(io.StringIO):
    """Keeps what is written first: a loop that prints must not fill the memory."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, 1000 - self.tell())])
        return len(text)


@contextlib.contextmanager
def _caught(printed: io.StringIO) -> Iterator[None]:
    """What is printed goes into `printed`. A call that was given up and ends much later takes nobody else's stdout."""
    before, sys.stdout = sys.stdout, printed
    try:
        yield
    finally:
        if sys.stdout is printed:
            sys.stdout = before


def call(function: Callable, given: Mapping[str, Any], by_name: set[str], may_change: set[str]) -> Outcome:
    """Call the function with arguments in their order, those of `by_name` by name, and look around afterwards.

    `may_change` names the arguments that the function is there to change.
    """
    watched = {name: _Watch(name, value) for name, value in given.items() if name not in may_change}
    positional = [value for name, value in given.items() if name not in by_name]
    named = {name: value for name, value in given.items() if name in by_name}
    dice, outcome, printed = _dice(), Outcome(), _Beginning()
    start = time.thread_time()
    try:
        with _caught(printed):
            outcome.returned = function(*positional, **named)
    except NotBack:
        raise
    except BaseException as error:  # exit() too: the kernel must live
        outcome.error = error
    outcome.seconds, outcome.printed = time.thread_time() - start, printed.getvalue()
    for watch in watched.values():
        outcome.effects += watch.effects()
    if not torch.is_grad_enabled():
        torch.set_grad_enabled(True)
        outcome.effects.append("It switches gradients off and leaves them so. `with torch.no_grad():` ends by itself.")
    if _dice() != dice:
        outcome.effects.append(FOREIGN if any(isinstance(v, torch.Generator) for v in given.values()) else DICE)
    return outcome


TRAIN_MODE = (
    "The network runs in train mode: BatchNorm then computes with this batch's averages (and moves its own), dropout "
    "with dice. Call model.eval() before, and give each layer its mode back afterwards."
)
QUIET = "torch.autograd.grad(loss, x) computes the gradient in x, and touches nothing else."
FOREIGN = (
    "Random numbers come from elsewhere: PyTorch's, NumPy's or Python's own generator is used or seeded. Whoever calls "
    "your function cannot repeat it. Hand generator=generator to every draw."
)
DICE = "It draws random numbers, or sets a seed. Nothing is random here."


def _dice() -> tuple:
    """The state of the generators that belong to everybody."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002 (what students use)
    return torch.get_rng_state().numpy().tobytes(), np.asarray(keys).tobytes(), tuple(rest), random.getstate()


class _Watch:
    """What an argument was like before the call."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value
        if isinstance(value, Tensor):
            self.before, self.wanted = value.detach().clone(), value.requires_grad
        if isinstance(value, dict):
            self.entries = fresh(value)
        if isinstance(value, nn.Module):
            for weight in value.parameters():
                weight.grad = torch.ones_like(weight)  # as after a backward pass of the caller
            self.state = {key: part.clone() for key, part in value.state_dict().items()}
            self.modes = [layer.training for layer in value.modules()]

    def effects(self) -> Iterator[str]:
        """A sentence for each thing that is not as it was."""
        if isinstance(self.value, Tensor):
            yield from self._of_tensor(self.value)
        if isinstance(self.value, dict):
            yield from self._of_dict(self.value)
        if isinstance(self.value, nn.Module):
            yield from self._of_network(self.value)

    def _of_tensor(self, value: Tensor) -> Iterator[str]:
        if value.dtype != self.before.dtype or value.shape != self.before.shape or not torch.equal(
            value.detach().nan_to_num(nan=1e30), self.before.nan_to_num(nan=1e30)
        ):  # fmt: skip
            yield (
                f"It overwrites `{self.name}`, which it was given. `new = {self.name}` is one tensor with two names; "
                f"`x[…] =`, `+=`, `*=` and a name that ends in _ change what is there. Begin with {self.name}.clone()."
            )
        if value.is_leaf and value.grad is not None:
            yield (f"It leaves a gradient in `{self.name}`.grad, which the next backward() adds to. {QUIET}")
        if self.wanted and not value.requires_grad:
            yield f"It takes `{self.name}` off the caller's graph: detach_() changes what is there, detach() does not."
        if value.requires_grad and not self.wanted:
            yield (
                f"It calls requires_grad_ on `{self.name}`, which it was given, and so changes the caller's tensor. "
                f"Take {self.name}.clone() first."
            )

    def _of_dict(self, value: dict[str, Tensor]) -> Iterator[str]:
        whole = value.keys() == self.entries.keys() and all(isinstance(part, Tensor) for part in value.values())
        if not whole or not all(torch.equal(part, self.entries[name]) for name, part in value.items()):
            yield (
                f'It changes `{self.name}`, which it was given. Begin with {{**{self.name}, "name": new}}. That (like '
                f"{self.name}.copy()) is a new dict of the same tensors: put a new tensor in, and do not write into an "
                "old one with [rows] = or a name that ends in _."
            )

    def _of_network(self, network: nn.Module) -> Iterator[str]:
        now, weights = network.state_dict(), list(network.parameters())
        own = {name for name, _ in network.named_parameters()}
        if any(not torch.equal(now[key], self.state[key]) for key in own):
            yield "It changes the network's weights. An attack changes the picture only."
        if any(not torch.equal(now[key], self.state[key]) for key in now.keys() - own):
            yield TRAIN_MODE
        modes = [layer.training for layer in network.modules()]
        if self.modes[0] and not modes[0]:
            yield (
                "The network stays in eval mode. Whoever trains it next trains without dropout, and BatchNorm stands "
                "still. `with keeping_mode(model):` gives each layer its mode back."
            )
        elif modes != self.modes:
            yield (
                "Some layers are not back in the modes they were in. model.train() switches on every layer, also one "
                "that was frozen in eval mode: `with keeping_mode(model):` remembers each layer's own."
            )
        grads = [weight.grad for weight in weights]
        if any(grad is None or not grad.any() for grad in grads):
            yield (
                "The parameters' gradients that were there before are wiped (zero_grad), and the caller may need them. "
                f"{QUIET}"
            )
        elif any(grad is not None and not bool(grad.eq(1).all()) for grad in grads):
            yield (
                "backward() also adds gradients to every parameter's .grad, and the next training step would use them. "
                f"{QUIET}"
            )
        if not all(weight.requires_grad for weight in weights):
            yield "The network's parameters no longer want gradients, so nobody can train it. Leave them as they were."


# ---- errors, in words ---------------------------------------------------------------------------------------

MEANS = {
    r"Boolean value of Tensor|truth value of an array": "`and`, `or`, `not`, `if` and `a < x < b` want one True or "
    "False. For whole tensors write &, |, ~, with brackets around each comparison.",
    r"Subtraction, the `-` operator": "PyTorch has no minus for tensors of True and False. Not is ~, and is &; to "
    "compute with 0 and 1 take .float() or .int() first.",
    r"mean\(\): could not infer|mean\(\): input dtype": "PyTorch takes no mean of whole numbers, nor of True and "
    "False. Turn them into floating point first: .float().",
    r"has no attribute '(view|dim|shape|mean|sum|dtype|clamp|detach|unsqueeze|flatten|numel|reshape)'": "That is a "
    "plain number, a list or an array, not a tensor. torch.as_tensor(…) makes one.",
    r"requires grad. Use|can't call numpy": "NumPy knows no gradients. Stay with PyTorch's functions here.",
    r"modified by an inplace|leaf Variable that requires grad": "A tensor that the gradient needs is changed in place. "
    "Make a new one: no `x[…] =`, no name that ends in _.",
    r"does not require grad and does not": "Nothing here hangs on a graph: was it detached, made anew from numbers, or "
    "computed under no_grad?",
    r"(must match the size|Sizes of tensors|shape mismatch|cannot be broadcast|same shape|invalid for input of size"
    r"|does not match the shape)":
    "Two shapes do not fit. Print .shape of what stands in that line.",
    r"CUDA|expected all tensors to be on": "Two tensors lie on different devices.",
    r"backward through the graph a second": "A gradient is taken twice through one graph. Compute the loss anew each "
    "time.",
    r"Dimension out of range": "That tensor has fewer axes than this line takes it to have: print its .shape.",
    r"index \d+ is out of bounds|index out of range|out of range": "A position lies beyond the end: count from 0.",
    r"invalid multinomial|sum of (probabilities|weights) <= 0|prob_dist": "There is a row from which nothing can be "
    "drawn. Give such a row something, and tell afterwards that it means nothing.",
    r"object of type '(generator|Batches|.*iterator.*)' has no len": "It can be gone through once, and has no length: "
    "count as you go.",
    r"not implemented for '(Long|Bool|Int)'|expected scalar type|Expected floating|must be floating|only Tensors of "
    r"floating": "The type of a tensor does not fit: whole numbers where floating point is wanted, or the other way "
    "round.",
    r"referenced before assignment|cannot access local variable": "A name is read before it has a value: it is set "
    "only in a branch or a loop that did not run.",
    r"'(Tensor|float|int|list)' object is not callable": "A name is used twice, for a function and then for a value. "
    "Give the value another name.",
    r"input.numel\(\) == 0|zero-size": "The largest or smallest of nothing is asked for. Is there a class, a bin or a "
    "row with nothing in it?",
    r"one_hot is only applicable": "F.one_hot takes class numbers, int64. What else may come in here?",
    r"between 0 and 1": "F.binary_cross_entropy wants probabilities; for logits there is "
    "F.binary_cross_entropy_with_logits.",
    r"implicitly created only for scalar": "A gradient is taken of one number: add up what there is for each example.",
    r"division by zero": "Something is divided by 0. Which case of the docstring is that?",
}  # fmt: skip


def said(error: BaseException, function: Callable, quoted: bool = True) -> str:
    """An error, the line of the student's code that it comes from, and what it means; with its own text if quoted."""
    text = " ".join(str(error).split()) if quoted else ""
    text = text if len(text) <= 160 else text[:157] + "…"
    line = _line(error, function)
    stopped = f"It stopped{line} with {type(error).__name__}{': ' + text if text else ''}."
    if isinstance(error, SystemExit):
        stopped = f"It calls exit(){line}, which ends the kernel. Use return."
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return f"{stopped} Is it imported on this page, or spelled differently?"
    return " ".join([stopped, *[means for pattern, means in MEANS.items() if re.search(pattern, str(error))][:1]])


def _line(error: BaseException, function: Callable) -> str:
    """ " in line 3, `x = y`", as far as that can be told."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return ""
    lines = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    lines = [line for line in lines if line >= code.co_firstlineno]
    if not lines:
        return ""
    text = linecache.getline(code.co_filename, lines[-1]).strip()
    return f" in `{text[:90]}`" if text else f" in line {lines[-1]}"


def first_line(function: Callable) -> str:
    """The first line of a function's body, to show which function was judged; empty where there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):  # a lambda's source can be a part of something larger
        return ""
    if isinstance(node, ast.FunctionDef):
        node = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
    return (ast.get_source_segment(source, node) or "").partition("\n")[0][:90]
