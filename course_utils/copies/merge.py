"""Three versions of a chapter become one: the course's from which your copy was made, yours, and the course's new one.

A notebook is plain JSON, read with `parse`: every cell with its type, source (one string), metadata and, if it has one
that will do, its id. Nothing here looks at the disk.
"""

import ast
import difflib
import hashlib
import json
import re
import symtable
import warnings
from collections import Counter
from typing import Any

from merge3 import Merge3

from course_utils.notebooks import WIDGET

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ALIKE = 0.6  # from this similarity on, a cell that has lost its id is taken for the course's
BOTH = "Yours from before: the course has changed this cell, its new version stands above."
DROPPED = "Yours from before: the course no longer has this cell."
_NOTHING = object()


def parse(content: bytes) -> dict:
    """A notebook file as JSON; it may be written by JupyterLab, VS Code or Colab (which keeps ids in the metadata).

    Raises:
        ValueError: it is no notebook of the fourth format.
    """
    book = json.loads(content.decode("utf-8-sig"))
    if not isinstance(book, dict) or book.get("nbformat") != 4 or not isinstance(book.get("cells"), list):
        raise ValueError("it is no notebook")
    metadata = book["metadata"] if isinstance(book.get("metadata"), dict) else {}
    return {"cells": [_cell(raw) for raw in book["cells"]], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def dump(book: dict) -> bytes:
    """A notebook as JupyterLab writes it: an indent of one, sorted keys, sources line by line."""
    cells = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in book["cells"]]
    text = json.dumps(book | {"cells": cells}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", errors="backslashreplace")  # half a character becomes \udXXX, as in the file it was in


def _cell(raw: dict) -> dict:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        raise ValueError("it has a cell that is none")
    metadata = dict(raw.get("metadata") or {})
    colab = metadata.pop("id", None)
    id = raw.get("id", colab)
    source = raw.get("source") or ""
    cell = {
        "cell_type": raw["cell_type"],
        "id": id if isinstance(id, str) and ID.fullmatch(id) else None,
        "metadata": metadata,
        "source": (source if isinstance(source, str) else "".join(source)).replace("\r\n", "\n"),
    }
    if raw["cell_type"] == "code":
        return cell | {"execution_count": raw.get("execution_count"), "outputs": raw.get("outputs") or []}
    return cell | ({"attachments": raw["attachments"]} if raw.get("attachments") else {})


def fresh(book: dict) -> dict:
    """A chapter as a copy begins: every cell with an id of its own, without outputs, and it says its version.

    The lecturer's slides in the cells' metadata stay behind too: their notes tell every answer.
    """
    cells = [_without_outputs(cell) for cell in identified(book["cells"], [])]
    cells = [cell | {"metadata": {k: v for k, v in cell["metadata"].items() if k != "slides"}} for cell in cells]
    told = [[cell[key] for key in ("id", "cell_type", "source", "metadata")] for cell in cells]
    version = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
    return book | {"cells": cells, "metadata": book["metadata"] | {"course": {"version": version}}}


def version(book: dict) -> str | None:
    """The version of the course from which a copy stems; `None` if it does not say."""
    said = book["metadata"].get("course")
    said = said.get("version") if isinstance(said, dict) else None
    return said if isinstance(said, str) and re.fullmatch("[0-9a-f]{8}", said) else None


def identified(cells: list[dict], known: list[dict]) -> list[dict]:
    """The cells, each with an id of its own. A cell pasted twice is the course's once. One that was cut and pasted has
    a new id and an old text: it is found by its text among those `known` that are missing. Where no id is known (a
    program has dropped or renewed them all) similar text will do.
    """
    names = {cell["id"] for cell in known}
    seen = set()
    cells = [dict(cell) for cell in cells]
    for cell in cells:
        if cell["id"] in seen:
            cell["id"] = None
        seen.add(cell["id"])
    missing = {cell["id"]: cell for cell in known if cell["id"] not in seen}
    strangers = [cell for cell in cells if cell["id"] not in names]
    for cell in strangers:
        _adopt(cell, next((id for id, other in missing.items() if same(cell, other)), None), missing)
    if not names & seen:
        for cell in strangers:
            if cell["id"] not in names:
                _adopt(cell, _alike(cell, missing), missing)
    taken = names | seen
    for cell in cells:
        cell["id"] = cell["id"] or _new_id("yours", taken)
    return cells


def _adopt(cell: dict, id: str | None, missing: dict[str, dict]) -> None:
    if id is not None:
        cell["id"] = id
        del missing[id]


def _alike(cell: dict, missing: dict[str, dict]) -> str | None:
    """The id of the cell whose text is most similar, if it is similar."""
    texts = {other["source"]: id for id, other in missing.items() if other["cell_type"] == cell["cell_type"]}
    found = difflib.get_close_matches(cell["source"], texts, n=1, cutoff=ALIKE)
    return texts[found[0]] if found else None


def _new_id(stem: str, taken: set[str]) -> str:
    number = next(n for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
    taken.add(f"{stem}-{number}")
    return f"{stem}-{number}"


def same(one: dict, other: dict) -> bool:
    """Whether two cells have the same type and text."""
    return (one["cell_type"], one["source"]) == (other["cell_type"], other["source"])


def merge(base: dict | None, yours: dict, new: dict) -> tuple[dict, Counter]:
    """Your copy with the course's new version in it.

    Args:
        base: the course's version from which yours stems; `None` if it is lost: then what differs is kept both ways.
        yours: your copy.
        new: the course's new version, `fresh`.

    Returns:
        the notebook, and how many cells are "new" (or changed by the course), "gone", "yours" (kept as they are),
        "merged" (your changes and the course's in one cell), "both" (kept one below the other), "back" (deleted by
        you, changed by the course) or "dropped" (yours, of which the course has no more).
    """
    old = {cell["id"]: cell for cell in base["cells"]} if base else {}
    course = {cell["id"]: cell for cell in new["cells"]}
    cells = identified(yours["cells"], (base or new)["cells"])
    taken = old.keys() | course.keys() | {cell["id"] for cell in cells}
    counts: Counter[str] = Counter()
    pieces = {cell["id"]: _met(old.get(cell["id"]), cell, course.get(cell["id"]), taken, counts) for cell in cells}
    order = _placed(old, pieces, course, counts)
    metadata = _united(base["metadata"] if base else {}, yours["metadata"], new["metadata"])
    return yours | {"cells": order, "metadata": metadata | {"course": new["metadata"]["course"]}}, counts


def _met(base: dict | None, yours: dict, new: dict | None, taken: set[str], counts: Counter) -> list[dict]:
    """What stands in the place of a cell of yours: nothing, one cell, or the course's new one and yours."""
    if new is None:
        if base is None:
            return _told([yours], "yours", counts)
        if same(base, yours):
            return _told([], "gone", counts)
        return _told([_kept(base, yours, DROPPED, taken)], "dropped", counts)
    if same(yours, new):
        return [_joined(base, yours, new, new)]
    if base is not None and same(base, yours):
        return _told([_joined(base, yours, new, new)], "new", counts)
    if base is not None and same(base, new):
        return _told([_joined(base, yours, new, yours)], "yours", counts)
    text = None if base is None else _merged_text(base, yours, new)
    if text is not None:
        return _told([_joined(base, yours, new, new | {"source": text})], "merged", counts)
    return _told([new, _kept(base or new, yours, BOTH, taken)], "both", counts)


def _told(cells: list[dict], what: str, counts: Counter) -> list[dict]:
    counts[what] += 1
    return cells


def _joined(base: dict | None, yours: dict, new: dict, text: dict) -> dict:
    """One cell with the type and the source of `text`; your outputs stay if they are of this code."""
    base = base or {}
    cell = _without_outputs({key: text[key] for key in ("cell_type", "source")} | {"id": new["id"]})
    if cell["cell_type"] == "code" and same(cell, yours):
        cell |= {key: yours[key] for key in ("execution_count", "outputs")}
    cell["metadata"] = _united(base.get("metadata", {}), yours["metadata"], new["metadata"])
    attachments = _united(*(version.get("attachments", {}) for version in (base, yours, new)))
    return cell | ({"attachments": attachments} if attachments and cell["cell_type"] != "code" else {})


def _kept(course: dict, yours: dict, words: str, taken: set[str]) -> dict:
    """Your version as a cell of your own, whose first line says so; without the course's metadata (folded, a tag)."""
    if yours["cell_type"] != "code":
        source = f"> {words}\n\n{yours['source']}"
    elif yours["source"].startswith("%%"):  # such a line has to be the first
        first, _, rest = yours["source"].partition("\n")
        source = f"{first}\n# {words}\n{rest}"
    else:
        source = f"# {words}\n{yours['source']}"
    metadata = {key: value for key, value in yours["metadata"].items() if course["metadata"].get(key) != value}
    return yours | {"id": _new_id(f"{course['id'][:50]}-yours", taken), "metadata": metadata, "source": source}


def _without_outputs(cell: dict) -> dict:
    return cell | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})


def _united(base: dict, yours: dict, new: dict) -> dict:
    """Three dictionaries in one, key by key: who has changed a value has it; of two changes the course's counts, but
    lists (tags) and dictionaries are united."""
    united: dict[str, Any] = {}
    value: Any
    for key in new | yours:
        old, mine, its = (each.get(key, _NOTHING) for each in (base, yours, new))
        if isinstance(mine, dict) and isinstance(its, dict):
            value = _united(old if isinstance(old, dict) else {}, mine, its)
        elif mine == old or its == old:
            value = its if mine == old else mine
        elif isinstance(mine, list) and isinstance(its, list):
            value = its + [item for item in mine if item not in its + (old if isinstance(old, list) else [])]
        else:
            value = mine if its is _NOTHING else its
        if value is not _NOTHING:
            united[key] = value
    return united


def _merged_text(base: dict, yours: dict, new: dict) -> str | None:
    """Your changes of a text and the course's, line by line; `None` where they touch, or break code that was whole: it
    is no Python any more, or lacks a name (the course has renamed an argument that your answer uses)."""
    if not base["cell_type"] == yours["cell_type"] == new["cell_type"]:
        return None
    versions = [(cell["source"] + "\n").splitlines(keepends=True) for cell in (base, yours, new)]
    groups = list(Merge3(*versions).merge_groups())
    if any(kind == "conflict" for kind, *_ in groups):
        text = _filled_in(base["source"], yours["source"], new["source"])
    else:
        text = "".join(line for group in groups for line in group[1]).removesuffix("\n")
    if text is None:
        return None
    if new["cell_type"] != "code":
        return text
    broken = _parses(yours["source"]) and not _parses(text)
    return None if broken or _lacks_a_name(yours["source"], new["source"], text) else text


def _filled_in(base: str, yours: str, new: str) -> str | None:
    """The new text with what you wrote between empty quotation marks, `predict("", …)`, if that is all you changed and
    the same two words stand before them."""
    before, after = base.split('""'), new.split('""')
    filled = re.fullmatch(r"([^\n]*?)".join(map(re.escape, before)), yours)
    asked = [[re.findall(r"\w+", part)[-2:] for part in parts[:-1]] for parts in (before, after)]
    if filled is None or asked[0] != asked[1]:
        return None
    return "".join(part + gap for part, gap in zip(after, [*filled.groups(), ""]))


def _parses(code: str) -> bool:
    """Whether it is Python once IPython has rewritten its magics."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(_python(code))
    except (SyntaxError, ValueError):
        return False
    return True


def _python(code: str) -> str:
    """A cell's code with its magics (%time, !ls, thing?) as IPython rewrites them."""
    from IPython.core.inputtransformer2 import TransformerManager  # half a second that is seldom needed

    return TransformerManager().transform_cell(code)


def _lacks_a_name(yours: str, new: str, text: str) -> bool:
    """Whether the merged text looks for a name outside the cell that both of its parents had inside it."""
    before, course = _from_outside(yours), _from_outside(new)
    anywhere = set().union(*before.values())  # all there is to go by in a function that the course has renamed
    return any(
        names - before.get(function, anywhere) - course.get(function, set())
        for function, names in _from_outside(text).items()
    )


def _from_outside(code: str) -> dict[str, set[str]]:
    """For each function of a cell the names that it reads and the cell does not bind; nothing if the cell is broken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell = symtable.symtable(_python(code), "cell", "exec")
    except (SyntaxError, ValueError):
        return {}
    scopes = [("", cell)]
    for function, scope in scopes:  # it grows on the way
        scopes += [(f"{function}.{child.get_name()}", child) for child in scope.get_children()]
    bound = {
        name.get_name()
        for _, scope in scopes
        for name in scope.get_symbols()
        if (scope is cell or name.is_declared_global()) and (name.is_assigned() or name.is_imported())
    }
    found: dict[str, set[str]] = {function: set() for function, _ in scopes}
    for function, scope in scopes:
        read = (name for name in scope.get_symbols() if name.is_referenced() and (scope is cell or name.is_global()))
        found[function] |= {name.get_name() for name in read} - bound
    return found


def _placed(old: dict, pieces: dict[str, list[dict]], course: dict, counts: Counter) -> list[dict]:
    """All cells in their order: yours, or the course's if it has changed its own. A cell of your own goes with the
    course's cell before it; a new one of the course's stands behind its predecessor there."""
    # For each of the course's cells, what it has become and what follows it; `None` is the page's beginning.
    heads: dict[str | None, list[dict]] = {None: []}
    tails: dict[str | None, list[dict]] = {None: []}
    last: str | None = None
    for id, piece in pieces.items():
        if id in course:
            last, heads[id], tails[id] = id, piece, []
        else:
            tails[last] += piece
    before = [id for id in old if id in heads]
    reordered = [id for id in before if id in course] != [id for id in course if id in before]
    order = [None, *(id for id in course if id in heads)] if reordered else list(heads)
    last = None
    for id, cell in course.items():
        if id not in heads:
            if id in old and same(cell, old[id]):
                continue  # you have deleted it
            heads[id], tails[id] = [cell], []
            if id in old and cell["cell_type"] == "code":  # yours may stand in its place: it shall run last
                tails[id], tails[last] = tails[last], []
            order.insert(order.index(last) + 1, id)
            counts["back" if id in old else "new"] += 1
        last = id
    return [cell for id in order for cell in heads[id] + tails[id]]


def without_dead_views(book: dict) -> dict:
    """Without those outputs that only a kernel could fill which is gone: a page shows an error in their place."""
    state = _dict(_dict(_dict(book["metadata"].get("widgets")).get(WIDGET_STATE)).get("state"))
    cells = []
    for cell in book["cells"]:
        outputs = [_seen(output, state) for output in cell.get("outputs", [])]
        cells.append(cell | ({"outputs": [o for o in outputs if _dict(o).get("data", True)]} if outputs else {}))
    return book | {"cells": cells}


def _seen(output: dict, state: dict) -> dict:
    data = _dict(_dict(output).get("data"))
    if WIDGET not in data or str(_dict(data[WIDGET]).get("model_id")) in state:
        return output
    return output | {"data": {key: value for key, value in data.items() if key != WIDGET}}


def _dict(value: object) -> dict:
    """The value, if it is the dictionary that it should be."""
    return value if isinstance(value, dict) else {}
