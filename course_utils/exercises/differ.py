"""How what came back differs from what should have come back: in its kind, and in its numbers.

Two numbers are equal here if they agree to four digits. A *relation* (percent, the sum instead of the average, …) is
tried on all cases together, so that it is named only where it explains everything that was seen.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor, int]  # got, wanted (both float64), and how many examples there were

CUT = (
    "is cut off from autograd's graph, so nothing can be trained or attacked with it: no .item(), .detach(), float(), "
    "torch.tensor(…) or no_grad on the way"
)
HANGS = (
    "hangs on autograd's graph, and all the memory with it. Build it from tensors that want no gradient, or "
    ".detach() it"
)


def close(got: Tensor, wanted: Tensor, tolerance: float = 1e-4) -> bool:
    """Equal in shape, and in numbers to four digits; NaN where NaN is."""
    return got.shape == wanted.shape and torch.allclose(got, wanted, tolerance, 1e-6, equal_nan=True)


def kind_of(value: Any) -> str:
    """What a value is, for a student."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of type {str(value.dtype)[6:]} and shape {list(value.shape)}"
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}" + (" (NumPy)" if isinstance(value, np.ndarray | np.generic) else "")


def numbers(value: Any) -> Tensor | None:
    """The value's numbers, if it has any."""
    try:
        value = torch.as_tensor(value).detach().cpu()
        return None if value.is_complex() or value.layout != torch.strided else value.double()
    except Exception:  # whatever a student may return
        return None


PLURAL = {"is": "are", "has": "have"}


def conjugated(name: str, says: str) -> str:
    """What is said of one thing, as it is said of several where the name is a plural."""
    if not name.endswith("s") or name.endswith("ss") or name.startswith("gradient"):
        return says
    first, _, rest = says.partition(" ")
    return f"{PLURAL.get(first, first.removesuffix('s'))} {rest}".strip().replace(" its ", " their ")


def misfits(name: str, got: Any, wanted: Any, loose: bool = False) -> list[str]:
    """What is wrong with the kind of a result: container, type, shape, graph; not with its numbers."""
    if got is None:
        return [f"The {name} {conjugated(name, 'is')} None. Is there a return at the end?"]
    if isinstance(wanted, dict):
        return [] if isinstance(got, dict) else [f"The {name} must be a dict, got {kind_of(got)}."]
    if not isinstance(wanted, Tensor):
        return _no_number(name, got, wanted)
    if not isinstance(got, Tensor):
        cut = f": it {CUT}" if wanted.requires_grad else ""
        return [f"The {name} must be a tensor, got {kind_of(got)}{cut}."]
    if numbers(got) is None:
        return [f"The {name} must be an ordinary tensor of real numbers, got {got.dtype}, {got.layout}."]
    found = []
    if wanted.requires_grad and not got.requires_grad:
        found.append(f"The {name} {conjugated(name, CUT)}.")
    if got.requires_grad and not wanted.requires_grad:
        found.append(f"The {name} {conjugated(name, HANGS)}.")
    # Where any type of number will do, none that holds no more than 256, or three digits.
    if got.dtype != wanted.dtype and not (loose and got.dtype.itemsize >= 4):
        found.append(f"The {name} must be of type {str(wanted.dtype)[6:]}, got {str(got.dtype)[6:]}.")
    if got.shape != wanted.shape:
        found.append(f"The {name} must have shape {list(wanted.shape)}, got {list(got.shape)}.")
    return found


def _no_number(name: str, got: Any, wanted: float | int) -> list[str]:
    """Where a plain number is wanted: a tensor or NumPy's number with no axes will do."""
    value = numbers(got)
    if value is None or value.dim() > 0:
        return [f"The {name} must be one number, got {kind_of(got)}."]
    if isinstance(got, Tensor) and got.requires_grad:
        return [f"The {name} {HANGS}; .item() makes it a number."]
    if isinstance(wanted, int) and (isinstance(got, float | np.floating) or getattr(got, "is_floating_point", bool)()):
        return [f"The {name} must be a whole number, got {kind_of(got)}."]
    return []


def reshaped(pairs: Sequence[tuple[Tensor, Tensor]]) -> str:
    """What became of the shape of a result, if one thing explains it in all cases; else nothing."""
    if not all(isinstance(value, Tensor) for pair in pairs for value in pair):
        return ""
    pairs = [(got.detach().double(), wanted.detach().double()) for got, wanted in pairs]
    if all(wanted.numel() < 2 for _, wanted in pairs) and all(got.numel() < 2 for got, _ in pairs):
        return ""
    for says, fits in RESHAPED.items():
        if all(fits(got, wanted) for got, wanted in pairs):
            return says
    return ""


RESHAPED: dict[str, Callable[[Tensor, Tensor], bool]] = {
    "The right numbers, with axes of length 1 too many or too few.": lambda got, wanted: (
        got.squeeze().shape == wanted.squeeze().shape and close(got.squeeze(), wanted.squeeze())
    ),
    "The right numbers in another shape: view or reshape them.": lambda got, wanted: (
        got.numel() == wanted.numel() and close(got.flatten(), wanted.flatten())
    ),
    "Rows and columns are swapped.": lambda got, wanted: wanted.dim() == 2 and close(got, wanted.T),
    "Right for each example. They are yet to be averaged.": lambda got, wanted: (
        wanted.dim() == 0 and close(got.mean(), wanted)
    ),
    "Right for each example. They are yet to be added up.": lambda got, wanted: (
        wanted.dim() == 0 and close(got.sum(), wanted)
    ),
    "That is the average of what is asked for. Return one number for each.": lambda got, wanted: (
        got.dim() == 0 and close(got, wanted.mean())
    ),
    "That is the sum of what is asked for. Return one number for each.": lambda got, wanted: (
        got.dim() == 0 and close(got, wanted.sum())
    ),
}


# ---- relations ----------------------------------------------------------------------------------------------

# From what is wanted, and the number of examples, to what a usual slip at the very end makes of it.
RELATIONS: Sequence[tuple[str, Callable[[Tensor, int], Tensor]]] = (
    ("has its sign turned around", lambda w, n: -w),
    ("is a hundred times too large: in percent, where the course uses fractions", lambda w, n: 100 * w),
    ("is N times too large: a sum where the average is asked for", lambda w, n: w * n),
    ("is N times too small: divided by the number of examples once too often", lambda w, n: w / n),
    ("is 1 minus what it should be", lambda w, n: 1 - w),
    ("is 1 too large", lambda w, n: w + 1),
    ("is 1 too small", lambda w, n: w - 1),
    ("has lost its sign: all is positive", lambda w, n: w.abs()),
    ("is cut off at 0: what should be negative is 0", lambda w, n: w.clamp(min=0)),
    ("is cut off at 0 and 1", lambda w, n: w.clamp(0, 1)),
    ("is rounded to whole numbers", lambda w, n: w.round()),
    ("is squared", lambda w, n: w.square()),
    ("is a square root too many", lambda w, n: w.sqrt()),
    ("has rows and columns swapped", lambda w, n: w.mT if w.dim() == 2 else w),
    ("stands in reverse order", lambda w, n: w.flip(0) if w.dim() else w),
    ("has 0 where NaN should be", lambda w, n: w.nan_to_num(0, 0, 0)),
    ("holds the right numbers in other places", lambda w, n: w.flatten().sort().values.view_as(w)),
)


def relation(pairs: Sequence[Pair]) -> str:
    """The one thing that is wrong with all these numbers, if there is one; else nothing."""
    different = [pair for pair in pairs if not close(*pair[:2])]
    if not different or any(got.shape != wanted.shape for got, wanted, _ in pairs):
        return ""
    for says, change in RELATIONS:
        ordered = "other places" in says  # both in order, for comparison
        fits = all(close(change(got, n) if ordered else got, change(wanted, n)) for got, wanted, n in pairs)
        if fits and (not ordered or any(pair[1].numel() > 2 for pair in different)):
            return says
    for (says, change), (also, then) in itertools.combinations(RELATIONS[:5], 2):
        if all(close(got, then(change(wanted, n), n)) for got, wanted, n in pairs):
            return f"{says}, and {also}"
    return _constant(pairs)


def _constant(pairs: Sequence[Pair]) -> str:
    """One factor, or one distance, between all numbers."""
    got = torch.cat([pair[0].flatten() for pair in pairs])
    wanted = torch.cat([pair[1].flatten() for pair in pairs])
    fine = got.isfinite() & wanted.isfinite()
    if fine.sum() < 3 or not bool((fine | (got.isnan() & wanted.isnan()) | (got == wanted)).all()):
        return ""
    got, wanted = got[fine], wanted[fine]
    if wanted.unique().numel() > 1:
        factor = got[wanted.abs().argmax()] / wanted[wanted.abs().argmax()]
        if close(got, factor * wanted):
            return f"is always {_short(factor.item())} times what it should be" if factor else "is always 0"
        if close(got - wanted, (got[0] - wanted[0]).expand_as(got)):
            return (
                f"is always {_short(abs((got[0] - wanted[0]).item()))} too {'large' if got[0] > wanted[0] else 'small'}"
            )
        if got.numel() > 5 and close(got, got[:1].expand_as(got)):
            return f"is always {_short(got[0].item())}"
    return ""


def differs(name: str, got: Tensor, wanted: Tensor) -> str:
    """How two tensors of one shape differ: where, how often, and whether NaN or infinity is in it."""
    if got.dim() == 0:
        return f"expected {name} {words(wanted)}, got {words(got)}"
    wrong = ~torch.isclose(got, wanted, rtol=1e-4, atol=1e-6, equal_nan=True)
    if got.numel() <= 8:
        return f"expected {name} {words(wanted)}, got {words(got)}"
    place = wrong.nonzero()[0]
    first = f"{name}[{', '.join(map(str, place.tolist()))}]"
    return (
        f"{int(wrong.sum())} of {wrong.numel()} numbers of the {name} differ; expected {first} = "
        f"{words(wanted[tuple(place)])}, got {words(got[tuple(place)])}"
    )


def words(value: Any, most: int = 12) -> str:
    """A number, or a small tensor, as a student would write it; of a large one its kind."""
    if isinstance(value, Tensor):
        if value.numel() > most:
            return f"{list(value.shape)}"
        if value.dtype == torch.bool:
            return str(value.tolist())
        value = value.detach().tolist()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(words(item) for item in value) + "]"
    if isinstance(value, float | np.floating):
        return _short(float(value))
    return repr(value) if isinstance(value, bool | int | str) else kind_of(value)


def _short(number: float) -> str:
    return f"{number:.4g}" if number else "0"  # no −0


def listed(items: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
