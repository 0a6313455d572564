"""What arguments must be. Each function raises a ValueError that names the argument, what it must be and what came.

require.tensors(logits=(logits, "float [N, K]"), labels=(labels, "int64 [N]"))
require.above(0, lr=lr)
"""

import functools
import inspect
import math
import numbers
import operator
from collections.abc import Callable, Collection
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

SLACK = 1e-6  # by so much float32 may leave the box

Given = ParamSpec("Given")
Result = TypeVar("Result")


def checked(*checks: Callable[..., None]) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A decorator: each check is called with those of the function's arguments that it names, and raises a ValueError
    where they do not fit. (What the function does not have keeps the check's default.)

    So the function below it can be read as its formula. The solutions of the exercises are shown without it.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        parameters = inspect.signature(function).parameters
        in_order = [name for name, given in parameters.items() if given.kind is not given.KEYWORD_ONLY]
        defaults = {name: given.default for name, given in parameters.items() if given.default is not given.empty}
        named_by = [(check, _taken(check, parameters)) for check in checks]

        @functools.wraps(function)
        def asked(*given: Given.args, **named: Given.kwargs) -> Result:
            values = defaults | dict(zip(in_order, given)) | named
            # Where one is missing, or there are too many, Python says so.
            if values.keys() == parameters.keys() and len(given) <= len(in_order):
                for check, names in named_by:
                    check(**{name: values[name] for name in names})
            return function(*given, **named)

        return asked

    return decorate


def _taken(check: Callable, parameters: Collection[str]) -> list[str]:
    """Which of a function's parameters a check names."""
    wanted = inspect.signature(check).parameters
    missing = [name for name, own in wanted.items() if own.default is own.empty and name not in parameters]
    if missing:
        raise TypeError(f"{check.__name__} must name arguments of what it checks, got {', '.join(missing)}")
    return [name for name in wanted if name in parameters]


def tensors(*, may_be_empty: bool = False, **asked: tuple[Any, str]) -> None:
    """Tensors of these types and shapes, on one device.

    Args:
        may_be_empty: whether a tensor may hold nothing.
        asked: each tensor and what it must be, in the words of the docstrings: "int64 [N]", "float [N, …]" (of any
            precision), "float32 [N, 2]", "bool [M, N]", "any [N]". A letter is the same number throughout.
    """
    sizes: dict[str, int] = {}
    first: Tensor | None = None
    for name, (value, wanted) in asked.items():
        kind, dimensions = _read(wanted)
        fits = isinstance(value, Tensor) and _is_kind(value, kind) and _has_shape(value, dimensions, sizes)
        if not fits or (value.numel() == 0 and not may_be_empty):
            where = ", ".join(f"{letter} = {sizes[letter]}" for letter in dimensions if letter in sizes)
            some = ", not empty" if fits else ""
            raise ValueError(f"{name} must be {wanted}{f' with {where}' if where else ''}{some}, got {what(value)}")
        sizes |= {letter: size for letter, size in zip(dimensions, value.shape) if letter.isalpha()}
        if first is None:
            first, of = value, name
        elif value.device != first.device:
            raise ValueError(f"{name} must be on {first.device} as {of} is, got {what(value)} on {value.device}")


def labels(labels: Tensor, *, n: int | None = None, classes: int | None = None, name: str = "labels") -> None:
    """A vector of class numbers: int64 [n], in 0…classes − 1 where that is given."""
    tensors(may_be_empty=n is None, **{name: (labels, f"int64 [{'N' if n is None else n}]")})
    if len(labels):
        low, high = (int(end) for end in labels.aminmax())
        if low < 0 or (classes is not None and high >= classes):
            range_ = "be at least 0" if classes is None else f"lie in 0…{classes - 1}"
            raise ValueError(f"{name} must {range_}, got values from {low} to {high}")


def box(**images: Tensor) -> None:
    """Pixels in [0, 1], up to rounding."""
    for name, pixels in images.items():
        low, high = (float(end) for end in pixels.detach().aminmax())
        if not (low >= -SLACK and high <= 1 + SLACK):
            hint = "divide by 255" if low >= 0 else "normalisation belongs into the model"
            hint = hint if low <= high else "and be numbers"
            raise ValueError(f"{name} must lie in [0, 1] ({hint}), got values from {low:g} to {high:g}")


def finite(**given: Tensor) -> None:
    """Neither NaN nor infinite."""
    for name, values in given.items():
        low, high = (float(end) for end in values.detach().aminmax()) if values.numel() else (0, 0)
        if not -math.inf < low <= high < math.inf:  # by the ends: fifteen times as fast as to ask of each
            raise ValueError(f"{name} must be finite, got {int((~values.isfinite()).sum())} that are NaN or infinite")


def at_least(bound: float, /, **given: float) -> None:
    """Finite numbers, not below a bound."""
    _numbers(lambda number: bound <= number < math.inf, f"a finite number, at least {bound}", given)


def above(bound: float, /, **given: float) -> None:
    """Finite numbers above a bound."""
    _numbers(lambda number: bound < number < math.inf, f"a finite number above {bound}", given)


def between(low: float, high: float, /, **given: float) -> None:
    """Numbers from low to high, the ends included."""
    _numbers(lambda number: low <= number <= high, f"a number in [{low}, {high}]", given)


def whole(least: int = 1, most: float = math.inf, **given: int) -> None:
    """Whole numbers, not below `least` and not above `most`."""
    span = f"at least {least}" if most == math.inf else f"from {least} to {most}"
    for name, number in given.items():
        try:
            fits = least <= operator.index(number) <= most
        except TypeError:
            fits = False
        if not fits:
            raise ValueError(f"{name} must be a whole number, {span}, got {what(number)}")


def one_of(options: Collection, /, **given: Any) -> None:
    """One of a few names."""
    for name, choice in given.items():
        if hasattr(choice, "shape") or choice not in list(options):  # arrays are equal to nothing or to many
            raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {what(choice)}")


def generator(generator: Any, name: str = "generator") -> None:
    """Where randomness comes from, on the CPU."""
    if not isinstance(generator, torch.Generator) or generator.device.type != "cpu":
        raise ValueError(f"{name} must be a torch.Generator on the CPU, got {what(generator)}")


def network(model: Any, name: str = "model") -> None:
    """A network: a function that makes one is none."""
    if not isinstance(model, nn.Module):
        hint = ": its () forgotten?" if callable(model) else ""
        raise ValueError(f"{name} must be a network (torch.nn.Module), got {what(model)}{hint}")


def function(**given: Any) -> None:
    """What can be called; the class of a network or of a loss gives one only when it is called itself."""
    for name, value in given.items():
        is_class = isinstance(value, type) and issubclass(value, nn.Module)
        if not callable(value) or is_class:
            raise ValueError(f"{name} must be a function, got {what(value)}{': its () forgotten?' if is_class else ''}")


def what(value: Any) -> str:
    """A value as an error names it: a tensor by its type and shape."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):  # NumPy's arrays
        return f"{type(value).__name__} {value.dtype} {list(value.shape)}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"the {'class' if inspect.isclass(value) else 'function'} {value.__name__}"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict) else ""
    return f"{type(value).__name__}{size}"


def _numbers(fits: Callable[[float], bool], wanted: str, given: dict[str, float]) -> None:
    for name, number in given.items():
        is_number = isinstance(number, numbers.Real) or (isinstance(number, Tensor) and number.dim() == 0)
        if not is_number or not fits(float(number)):
            raise ValueError(f"{name} must be {wanted}, got {what(number)}")


@functools.cache
def _read(wanted: str) -> tuple[str, tuple[str, ...]]:
    """What "int64 [N, 2]" asks for: the type and the dimensions."""
    kind, _, shape = wanted.removesuffix("]").partition(" [")
    return kind, tuple(part.strip() for part in shape.split(",") if part.strip())


def _is_kind(value: Tensor, kind: str) -> bool:
    return kind == "any" or (value.is_floating_point() if kind == "float" else value.dtype == getattr(torch, kind))


def _has_shape(value: Tensor, dimensions: tuple[str, ...], sizes: dict[str, int]) -> bool:
    """Whether the shape is the one asked for, its letters standing for `sizes`; "…" is any number of dimensions."""
    fixed = [part for part in dimensions if part != "…"]
    if value.dim() < len(fixed) or (value.dim() > len(fixed) and "…" not in dimensions):
        return False
    known = dict(sizes)
    wanted = [
        int(part) if part.isdecimal() else known.setdefault(part, found) for part, found in zip(fixed, value.shape)
    ]
    return wanted == list(value.shape[: len(fixed)])
