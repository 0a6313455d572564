"""The same numbers in less memory: what PyTorch imports without need, and what Linux's C library keeps.

Importing this module is what does it; `models` does so. A kernel has 150 MB and two seconds of it.
"""

import ctypes
import functools
import sys
from collections.abc import Callable

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer


def without_compiler() -> None:
    """Keep PyTorch's compiler from being imported by the first optimizer: 800 modules and 70 MB.

    An optimizer imports it only to tell it that its methods are not to be compiled. Nothing is compiled in the course.
    (Where somebody compiles something, the compiler is imported then, and works.)
    """
    for method in vars(Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None and getattr(method, "__module__", "").startswith("torch.optim"):
            plain.__dynamo_disable = plain  # where PyTorch keeps what the compiler has made of the method
    for kind in (Adam, AdamW, SGD):
        step = vars(kind).get("step")  # AdamW has Adam's
        if hasattr(step, "__wrapped__"):
            kind.step = _step(step.__wrapped__)  # type: ignore[union-attr, method-assign]


def _step(step: Callable) -> Callable:
    """An optimizer's step as PyTorch wraps it, less the compiler."""

    @functools.wraps(step)
    def stepped(self: Optimizer, closure: Callable | None = None):
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, closure)

    return stepped


def _ask_malloc(function: str, *arguments: int) -> None:
    """Call one of the functions by which Linux's C library lets itself be tuned; other C libraries have none."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), function):
        getattr(libc, function)(*arguments)


def give_back_memory() -> None:
    """Hand what has been freed back to the system. Linux's C library keeps it: after some trainings, 100 MB."""
    _ask_malloc("malloc_trim", 0)


if not torch.accelerator.is_available():
    # PyTorch's compiler for GPUs, another 75 MB. With this line none is found, as in PyTorch's builds for the CPU.
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]
without_compiler()
# Tensors above 8 MB (M_MMAP_THRESHOLD, -3) go back to the system when they are freed. Otherwise the library raises
# that bound by itself, and they leave holes between small ones: 40 MB in chapters 05 and 06. Smaller ones are kept for
# the next step of a training (up to 16 MB, M_TRIM_THRESHOLD, -1): to fetch them anew would take as long as the step.
_ask_malloc("mallopt", -3, 8 << 20)
_ask_malloc("mallopt", -1, 16 << 20)
