"""What the desks take: checked once, when a desk is built or a picture is drawn."""

import math
from collections.abc import Mapping
from typing import Any

from course_utils import require


def networks(nets: Any, name: str = "nets") -> None:
    """Networks by the name that each has on the page."""
    if not isinstance(nets, Mapping) or not nets or not all(isinstance(key, str) for key in nets):
        raise ValueError(f"{name} must be networks by their names, at least one, got {require.what(nets)}")
    for key, net in nets.items():
        require.network(net, f"{name}[{key!r}]")


def digits(images: Any, labels: Any) -> None:
    """Grey digits with their labels, at least one of each."""
    require.tensors(images=(images, "float32 [N, 1, 28, 28]"))
    require.box(images=images)
    require.labels(labels, n=len(images), classes=10)
    if missing := set(range(10)) - set(labels.tolist()):
        raise ValueError(f"labels must hold every digit, got no {min(missing)}")


def one_a_digit(name: str, images: Any) -> None:
    """Ten grey digits."""
    asked: dict[str, Any] = {name: (images, "float32 [10, 1, 28, 28]")}
    require.tensors(**asked)
    require.box(**{name: images})


def record(kind: type, name: str, run: Any) -> None:
    """A stored training."""
    if not isinstance(run, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {require.what(run)}")


def records(kind: type, runs: Any) -> int:
    """A stored training for each share in [0, 1], all of equally many epochs. Returns how many."""
    if not isinstance(runs, Mapping) or not runs:
        raise ValueError(f"runs must be {kind.__name__}s by a share, at least one, got {require.what(runs)}")
    for share, run in runs.items():
        require.between(0, 1, **{"a share in runs": share})
        record(kind, f"runs[{share}]", run)
    lengths = {share: len(run.test) for share, run in runs.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"runs must all have equally many epochs, got {lengths}")
    return next(iter(lengths.values()))


def alphas(alphas: Any, nets: Mapping[str, Any]) -> None:
    """A number for each network, by the same names; infinity, too: half and half."""
    if not isinstance(alphas, Mapping) or set(alphas) != set(nets):
        got = list(alphas) if isinstance(alphas, Mapping) else require.what(alphas)
        raise ValueError(f"alphas must be a number for each of {', '.join(map(repr, nets))}, got {got}")
    for name, alpha in alphas.items():
        require.at_least(0, **{f"alphas[{name!r}]": 0 if alpha == math.inf else alpha})
