"""The reference of the package: a page a room, from signatures and docstrings in its source. Nothing is imported."""

import ast
import inspect
import re
from pathlib import Path

from course_utils.pages import ROOT, first
from course_utils.pages.chapters import escaped

PACKAGE = ROOT / "course_utils"
SECTION = re.compile(r"(Args|Returns|Raises):$")
CALLED = {"Args": "Arguments", "Returns": "Returns", "Raises": "Raises"}
Definition = ast.FunctionDef | ast.ClassDef


def rooms() -> dict[str, Path]:
    """The rooms of the package by name, each with its first file."""
    found = {}
    for path in sorted(PACKAGE.glob("[!_]*")):
        if path.suffix == ".py" or (path / "__init__.py").exists():
            found[path.stem] = _first_file(path.with_suffix(""))
    return found


def pages() -> dict[str, str]:
    """The reference as Markdown: name of a page ("api/metrics") → its text."""
    rows = [f"| [`{name}`]({name}.md) | {first_sentence(_tree(path))} |" for name, path in rooms().items()]
    opening = (
        "# The package\n\nWhat the chapters are made of. `from course_utils import metrics`, then "
        "`metrics.accuracy(…)`: a room is a file or a folder of `course_utils/`, and imports only rooms below it.\n\n"
    )
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *rooms(), "```"])
    found = {"api/index": f"{opening}| room | what it is |\n|---|---|\n" + "\n".join(rows) + f"\n\n{toctree}\n"}
    return found | {f"api/{name}": room(name, path) for name, path in rooms().items()}


def room(name: str, path: Path) -> str:
    """The page of one room: what it is, a table of what is in it, then each function and class."""
    parts = public(name, path)
    rows = [f"| [`{called}`](#{called}) | {first_sentence(node)} |" for called, node in parts.items()]
    table = ["", "| name | in a sentence |", "|---|---|", *rows, ""] if rows else []
    lines = [f"# `{name}`", "", prose(ast.get_docstring(_tree(path)) or ""), *table, "## In full" if rows else "", ""]
    return "\n".join([*lines, *(described(called, node) for called, node in parts.items())])


def public(name: str, path: Path) -> dict[str, Definition]:
    """What a room offers, by the name under which a reader calls it: what its first file defines and what it takes
    from the room's other files; where that is nothing, what those define."""
    tree = _tree(path)
    own = {f"{name}.{node.name}": node for node in _definitions(tree)}
    for node in tree.body:
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and module.startswith(f"course_utils.{name}."):
            file = path.parent / module.split(".")[2]
            others = {part.name: part for part in _definitions(_tree(_first_file(file)))}
            own |= {f"{name}.{alias.name}": others[alias.name] for alias in node.names if alias.name in others}
    if not own and path.stem == "__init__":
        for other in sorted(path.parent.glob("[!_]*.py")):
            own |= {f"{name}.{other.stem}.{part.name}": part for part in _definitions(_tree(other))}
    return own


def described(called: str, node: Definition, kind: str = "") -> str:
    """A function or class as a directive of Sphinx, its methods inside."""
    kind = kind or ("class" if isinstance(node, ast.ClassDef) else "function")
    fence = "::::" if kind in ("class", "function") else ":::"
    heading = f"{fence}{{py:{kind}}} {called}{signature(node) if kind != 'property' else ''}"
    parts = [heading, "", prose(ast.get_docstring(node) or ""), ""]
    if isinstance(node, ast.ClassDef):
        for method in _definitions(node):
            is_property = any(getattr(mark, "id", "").endswith("property") for mark in method.decorator_list)
            if isinstance(method, ast.FunctionDef) and ast.get_docstring(method):
                parts.append(described(method.name, method, "property" if is_property else "method"))
    return "\n".join([*parts, fence, ""])


def signature(node: Definition) -> str:
    """How it is called: "(images: Tensor, lam: float = 1.0) -> Tensor"; of a class, what makes one."""
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        arguments = node.args
        if arguments.args and arguments.args[0].arg in ("self", "cls"):
            arguments.args = arguments.args[1:]
        return f"({ast.unparse(arguments)}){returns}"
    made = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    if made:
        return signature(made[0]).removesuffix(" -> None")
    fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
    return f"({', '.join(fields)})" if fields else ""


def first_sentence(node: ast.Module | Definition) -> str:
    """The first sentence of a docstring, as Markdown in one line."""
    paragraph = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    sentence = first(r"^(?:.*?[.:?](?= [A-Z`]|$)|.*)", paragraph)[0]
    return inline(sentence.rstrip(":"))


def prose(docstring: str) -> str:
    """A docstring as Markdown: paragraphs, indented lines as they stand, lists, and its sections as lists."""
    blocks, section = [], ""
    for block in inspect.cleandoc(docstring).split("\n\n"):
        lines = block.split("\n")
        if SECTION.match(lines[0]):
            section = CALLED[lines.pop(0)[:-1]]
            blocks.append(f"**{section}**")
        if section and all(line.startswith("    ") for line in lines):
            blocks.append(_entries(lines, section))
        elif all(line.startswith("    ") for line in lines):
            blocks.append("\n".join(["```text", *(line[4:] for line in lines), "```"]))
        else:
            section = ""
            blocks.append("\n".join(_lines(lines)))
    return "\n\n".join(blocks)


def _lines(lines: list[str]) -> list[str]:
    """A paragraph or a list; within it, an indented line that begins no sentence of a list stands as it is."""
    marked = [first(r"^(\s*(?:[-*]|\d+\.) )?(.*)", line) for line in lines]
    return [(match[1] or "") + inline(match[2]) for match in marked]


def _entries(lines: list[str], section: str) -> str:
    """The entries of a section, "name: what it is" further lines indented, as a list; what is returned, as words."""
    entries: list[str] = []
    for line in (line[4:] for line in lines):
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line)
    if section == "Returns":
        return inline(" ".join(entries))
    named = [entry.partition(": ") for entry in entries]
    return "\n".join(f"- `{name}`: {inline(what)}" if what else f"- {inline(name)}" for name, _, what in named)


def inline(text: str) -> str:
    """Plain text with `code` as Markdown."""
    return "".join(part if part.startswith("`") else escaped(part) for part in re.split(r"(`[^`]*`)", text))


def _first_file(module: Path) -> Path:
    return module / "__init__.py" if module.is_dir() else module.with_suffix(".py")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _definitions(node: ast.Module | ast.ClassDef) -> list[Definition]:
    kinds = ast.FunctionDef, ast.ClassDef
    return [part for part in node.body if isinstance(part, kinds) and not part.name.startswith("_")]
