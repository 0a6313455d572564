"""What figures can be drawn from. The checks stand here, so that the functions that draw can be read as drawings."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from torch import Tensor

from course_utils import require


def instance(kind: type, words: str, **given: Any) -> None:
    """Of a class: `instance(Axes, "a panel", ax=ax)`."""
    for name, value in given.items():
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {words}, got {require.what(value)}")


def panel(ax: Any) -> None:
    """Where to draw."""
    instance(Axes, "a panel (Axes, as plots.panels gives them)", ax=ax)


def figure(figure: Any) -> None:
    """What a function returned, or `plots.panels`."""
    instance(Figure, "a matplotlib Figure", figure=figure)


def text(**given: Any) -> None:
    """Words to write."""
    for name, value in given.items():
        instance(str, "a text", **{name: value})


def texts(n: int | None = None, **given: Any) -> None:
    """Several texts, `n` of them; not one, which Python would take for a list of its letters."""
    for name, value in given.items():
        several = isinstance(value, Iterable) and not isinstance(value, str | Tensor | pd.DataFrame)
        if not several or not all(isinstance(one, str) for one in value) or (n is not None and len(list(value)) != n):
            raise ValueError(f"{name} must be {'' if n is None else f'{n} '}texts, got {require.what(value)}")


def filled(**given: Any) -> None:
    """Dictionaries with something in them."""
    for name, value in given.items():
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"{name} must be a dictionary, not empty, got {require.what(value)}")


def colour(colour: Any) -> None:
    """What matplotlib takes for a colour."""
    if not is_color_like(colour):
        raise ValueError(f"colour must be one of matplotlib's, got {require.what(colour)}")


def colours(colours: Any, n: int) -> None:
    """One colour for each of `n` lines; `None`: the usual ones."""
    if colours is None:
        return
    if isinstance(colours, str) or not isinstance(colours, Sequence) or len(colours) != n:
        raise ValueError(f"colours must be {n}, one for each column, got {require.what(colours)}")
    for one in colours:
        if not is_color_like(one):
            raise ValueError(f"colours must be matplotlib's, got {require.what(one)}")


def guess(guess: Any, share: bool) -> None:
    """What a reader predicted: `None`, or a number, of shares in [0, 1]."""
    if guess is None or isinstance(guess, str):
        instance(type(None), "a number (plots takes the `value` of a prediction) or None", guess=guess)
    elif share and isinstance(guess, int | float) and 1 < guess <= 100:
        raise ValueError(f"guess must be a share in [0, 1] (0.9 for 90 %), got {guess}")
    elif share:
        require.between(0, 1, guess=guess)
    else:
        require.at_least(-np.finfo(float).max, guess=guess)


def table(frame: Any, x: Any, columns: Any, name: str = "frame") -> None:
    """A DataFrame with rows, its column `x` without gaps, and `columns` of numbers (gaps are not drawn)."""
    if not isinstance(frame, pd.DataFrame) or frame.empty:
        raise ValueError(f"{name} must be a DataFrame with rows, got {require.what(frame)}")
    text(x=x)
    texts(columns=columns)
    for argument, wanted in (("x", [x]), ("columns", list(columns))):
        if not wanted or not set(wanted) <= set(frame.columns):
            known = ", ".join(map(repr, frame.columns))
            raise ValueError(f"{argument} must be of {name}'s columns, {known}; got {wanted}")
    if not np.isfinite(numbers(frame[[x]], f"{name}, in x = {x!r},")).all():
        raise ValueError(f"{name} must hold finite numbers in x = {x!r}, got NaN or inf")
    if np.isinf(numbers(frame[list(columns)], name)).any():
        raise ValueError(f"{name} must hold finite numbers, or NaN for what was not measured, got inf")


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """The numbers of a table."""
    try:
        return frame.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers, got columns of {', '.join(map(str, frame.dtypes))}") from None


def images(name: str, images: Any, wanted: str = "float [N, C, H, W]", low: float = 0) -> None:
    """Images, grey or in colour, from `low` to 1."""
    asked: dict[str, Any] = {name: (images, wanted)}
    require.tensors(**asked)
    if images.shape[1] not in (1, 3):
        raise ValueError(f"{name} must have 1 or 3 channels, [N, 1 or 3, H, W], got {require.what(images)}")
    require.box(**{name: images if low == 0 else (images + 1) / 2})


def runs(name: str, values: Any, least: int = 0) -> None:
    """Numbers, one a run; NaN for what was not measured."""
    try:
        found = np.asarray([float(value) for value in values])
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, one a run, got {require.what(values)}") from None
    if np.isfinite(found).sum() < least or np.isinf(found).any():
        some = f"at least {least} numbers, none infinite" if least else "numbers, none infinite"
        raise ValueError(f"{name} must be {some}, one a run, got {[round(value, 4) for value in found.tolist()][:6]}")


def measures(table: Any, plain: Any) -> list[str]:
    """For each method the same measures, and for each measure numbers, one a run. Returns the measures."""
    filled(table=table)
    first: list[str] = []
    for method, measured in table.items():
        filled(**{f"table[{method!r}]": measured})
        first = first or list(measured)
        if set(measured) != set(first):
            raise ValueError(f"table must hold {first} for each method, got {list(measured)} for {method!r}")
        for measure, values in measured.items():
            runs(f"table[{method!r}][{measure!r}]", values)
    texts(numbers=plain)
    if not set(plain) <= set(first):
        raise ValueError(f"numbers must be of the measures, {', '.join(first)}; got {list(plain)}")
    return first


def results(results: Any, known: Mapping[str, str]) -> None:
    """For each network, for each method, accuracies of some of the measures."""
    instance(Mapping, "a dictionary of networks", results=results)
    for network, methods in results.items():
        instance(Mapping, "a dictionary of methods", **{f"results[{network!r}]": methods})
        for method, measured in methods.items():
            where = f"results[{network!r}][{method!r}]"
            instance(Mapping, "a dictionary of measures", **{where: measured})
            for measure, values in measured.items():
                require.one_of(known, **{where: measure})
                runs(where, values)
                for value in values:
                    require.between(0, 1, **{where: float(value)})


def draws(frame: Any) -> None:
    """A table of finite numbers, one column a histogram."""
    if not isinstance(frame, pd.DataFrame) or frame.empty or not np.isfinite(numbers(frame, "frame")).all():
        raise ValueError(f"frame must be a DataFrame with rows, all of them finite numbers, got {require.what(frame)}")


def alpha(alpha: Any) -> None:
    """Of a Beta density: its limits, 0 and infinity, are spikes."""
    if not (isinstance(alpha, float) and alpha == math.inf):
        require.at_least(0, alpha=alpha)


def reliability(tables: Any) -> None:
    """For each heading two tables of `metrics.reliability`."""
    filled(tables=tables)
    needed = {"confidence", "accuracy", "examples"}
    for heading, both in tables.items():
        pair = isinstance(both, Sequence) and len(both) == 2 and all(isinstance(one, pd.DataFrame) for one in both)
        if not pair or not all(needed <= set(one.columns) and len(one) for one in both):
            raise ValueError(
                f"tables must hold two tables of metrics.reliability for each heading, got {require.what(both)} for "
                f"{heading!r}"
            )


def rows_of_images(rows: Any, captions: Any, signed: Any) -> int:
    """Rows of as many images each, and for some rows a caption for each image. Returns how many."""
    filled(rows=rows)
    texts(signed=signed)
    instance(Mapping, "a dictionary", captions=captions)
    for argument, names in (("captions", captions), ("signed", signed)):
        if not set(names) <= set(rows):
            raise ValueError(f"{argument} must be for rows, {', '.join(map(repr, rows))}; got {list(names)}")
    n = 0
    for name, pictured in rows.items():
        images(f"rows[{name!r}]", pictured, f"float [{n or 'N'}, C, H, W]", low=-1 if name in signed else 0)
        n = len(pictured)
    for name, said in captions.items():
        texts(n, **{f"captions[{name!r}]": said})
    return n


def groups(ax: Any, table: Any, palette: Any, count: bool) -> None:
    """A table of groups: shares or counts, NaN where there is none."""
    panel(ax)
    require.tensors(table=(table, "any [Y, B]" if count else "float [Y, B]"))
    require.tensors(palette=(palette, f"float [{table.shape[1]}, 3]"))
    require.box(palette=palette)
    known = table[~table.isnan()].double()
    if not bool(((known >= 0) & (known <= (1e15 if count else 1))).all()):
        wanted = "counts" if count else "shares in [0, 1], NaN where there are none"
        raise ValueError(f"table must hold {wanted}, got values from {known.min():g} to {known.max():g}")


def swaps(ax: Any, sheet: Any, answers: Any, size: float) -> None:
    """Ten digits in ten colours, and an answer to each."""
    panel(ax)
    require.tensors(sheet=(sheet, "float [100, 3, H, H]"))
    if sheet.shape[2] != sheet.shape[3]:
        raise ValueError(f"sheet must be of square images, got {require.what(sheet)}")
    require.box(sheet=sheet)
    require.labels(answers, n=100, name="answers")
    require.above(0, size=size)


def points(ax: Any, points: Any, labels: Any) -> None:
    """Points of a plane, of two classes."""
    panel(ax)
    require.tensors(points=(points, "float [N, 2]"))
    require.finite(points=points)
    require.labels(labels, n=len(points), classes=2)


def embedding(ax: Any, points: Any, groups: Any, palette: Any, marked: Any) -> None:
    """Points of a plane, their groups, a colour for each group, and which are marked."""
    panel(ax)
    require.tensors(points=(points, "float [N, 2]"), marked=(marked, "bool [N]"))
    require.finite(points=points)
    require.tensors(palette=(palette, "float [K, 3]"))
    require.box(palette=palette)
    require.labels(groups, n=len(points), classes=len(palette), name="groups")


def second_class(plane: Tensor, **predict: Any) -> Tensor:
    """Its probabilities, if the one function that is given goes from points [M, 2] to logits [M, 2]."""
    require.function(**predict)
    ((name, function),) = predict.items()
    logits = function(plane)
    if not isinstance(logits, Tensor) or logits.shape != plane.shape or not bool(logits.isfinite().all()):
        raise ValueError(f"{name} must return finite logits {list(plane.shape)}, got {require.what(logits)}")
    return logits.softmax(dim=1)[:, 1]


def mixtures(draws: Any) -> int:
    """For each alpha as many captions and grey images. Returns how many."""
    filled(draws=draws)
    n = None
    for key, drawn in draws.items():
        if not isinstance(drawn, Sequence) or len(drawn) != 2:
            raise ValueError(f"draws must hold captions and images for each alpha, got {require.what(drawn)}")
        require.at_least(0, **{"alpha in draws": 0 if key == math.inf else key})
        texts(n, **{f"draws[{key}][0]": drawn[0]})
        n = len(drawn[0])
        images(f"draws[{key}][1]", drawn[1], f"float [{n}, 1, H, W]")
    return n or 0


def clouds(samples: Any, moments: Any, modes: Any) -> None:
    """For each generator points at each moment, and the centres of the data."""
    filled(samples=samples)
    texts(moments=moments)
    for name, moved in samples.items():
        asked: dict[str, Any] = {f"samples[{name!r}]": (moved, "float [S, n, 2]")}
        require.tensors(**asked)
        require.finite(**{f"samples[{name!r}]": moved})
        texts(len(moved), moments=moments)
    require.tensors(modes=(modes, "float [K, 2]"))
    require.finite(modes=modes)


def records(words: str, entries: Sequence[str], **given: Any) -> None:
    """A sequence of records, not empty, each with these entries."""
    for name, several in given.items():
        fits = isinstance(several, Sequence) and not isinstance(several, str) and len(several) > 0
        if not fits or not all(hasattr(one, entry) for one in several for entry in entries):
            raise ValueError(f"{name} must be at least one {words}, got {require.what(several)}")


def scorecard(lines: Any, verdicts: Mapping[str, Any]) -> None:
    """Claims with a verdict and what was measured for it."""
    records("claim (plots.ScoreLine)", ("number", "short", "moral", "verdict", "evidence", "control"), lines=lines)
    for line in lines:
        require.one_of(verdicts, **{"verdict of lines": line.verdict})
        for measured in filter(None, (line.evidence, line.control)):
            runs(f"values of lines, claim {line.number},", measured.values, least=2)
