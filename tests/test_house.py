"""The house itself: one list of dependencies, rooms that only look down, a light import, a README that works."""

import ast
import os
import re
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_utils import notebooks

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "course_utils"

# Ground floor first. A room imports only rooms that stand before it; equals stand together.
FLOORS = [
    {"folder", "lean", "require"},
    {"progress", "record", "references", "data", "models", "plots"},
    {"predictions"},
    {"metrics", "memorization", "biased"},
    {"training", "attacks", "photographs"},
    {"mixup", "gan", "lff", "lending"},
    {"selecmix"},
    {"claims"},
    {"exercises", "widgets", "reproduce"},
    {"checkup", "notebooks"},
    {"copies"},
    {"grading", "lab", "pages"},
]


def rooms():
    """Every room: its name and its files."""
    for path in sorted(PACKAGE.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield path.name, sorted(path.glob("*.py"))
        elif path.suffix == ".py" and path.stem != "__init__":
            yield path.stem, [path]


def imported_rooms(path):
    """The rooms a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "course_utils":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path.name}: write `from course_utils import …`, not a relative import")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize(("room", "files"), list(rooms()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_room_imports_only_rooms_below_it(room, files):
    floor = next((number for number, floor in enumerate(FLOORS) if room in floor), None)
    assert floor is not None, f"{room} has no floor: say in FLOORS where it stands"
    below = set().union(*FLOORS[:floor])
    for path in files:
        others = set(imported_rooms(path)) - {room}
        assert others <= below, f"{path.name} reaches up or sideways to {others - below}"


def printed(code, **environment):
    """What a new process prints in which nobody has said how many threads."""
    bare = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare).stdout


def test_the_course_computes_on_one_thread_unless_you_have_said_otherwise():
    said = "import course_utils, os; print(os.environ['OMP_NUM_THREADS'])"
    assert printed(f"{said}; import torch; print(torch.get_num_threads())").split() == ["1", "1"]
    assert printed(said, OMP_NUM_THREADS="2").split() == ["2"]


@pytest.mark.parametrize("variable", ["HOME", "MPLCONFIGDIR"])
def test_a_home_that_cannot_be_written_puts_nothing_on_the_page(variable):
    code = "import course_utils; from course_utils import plots; plots.use_style(); plots.png(plots.panels()[0])"
    environment = {key: value for key, value in os.environ.items() if key != "MPLCONFIGDIR"} | {variable: os.devnull}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_importing_the_package_imports_nothing_else():
    """But for the standard library's log, which PyTorch imports anyway."""
    code = "import logging, sys; before = set(sys.modules); import course_utils; print(set(sys.modules) - before)"
    assert printed(code).strip() == "{'course_utils'}"


def requirements(block="dependencies"):
    """One of pyproject.toml's lists: each package, under the name it is imported by, with its versions."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.search(rf"^{block} = \[(.*?)\]$", text, re.S | re.M).group(1)
    return {r.name.replace("-", "_"): r.specifier for r in map(Requirement, re.findall(r'"(.+?)"', lines))}


def test_environment_yml_says_what_pyproject_says():
    """conda brings PyTorch, what is drawn and what is worked in, pip all that pyproject.toml lists besides."""
    wanted = requirements("test") | requirements() | {"python": SpecifierSet(">=3.10"), "pip": SpecifierSet()}
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.search(r"channels:\n  - conda-forge\n  - nodefaults\n", text)
    lines = re.findall(r"^  - ([\w-]+[>=<.\d]*)$", text.split("dependencies:\n")[1], re.M)
    found = {r.name.replace("pytorch", "torch"): r.specifier for r in map(Requirement, lines)}
    assert {"torch", "torchvision"} < set(found)
    assert found == {name: wanted[name] for name in found}
    assert text.endswith("  - pip:\n      - -e .\n")


# Where an extra's packages are imported; all others are for the whole course.
EXTRAS = {
    "cluster": [PACKAGE / "reproduce" / "cluster.py"],
    "grading": sorted((PACKAGE / "grading").glob("*.py")),
    "pages": sorted((PACKAGE / "pages").rglob("*.py")),
    "test": [ROOT / "conftest.py", *(ROOT / "tests").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")],
}
# What no file imports, and why it is declared.
PROGRAMS = {
    "pages": {"sphinx": "python -m sphinx", "myst_parser": "an extension of Sphinx's", "furo": "a theme of Sphinx's"},
    "test": {
        "pytest_xdist": "pytest -n", "nbval": "pytest --nbval", "ruff": "make check", "mypy": "make check",
        "check_jsonschema": "below", "beyond_training_error": "the other extras",
    },
}  # fmt: skip


def imported(source):
    """The packages that Python code imports, at the top or inside a function."""
    names = {"PIL": "pillow", "IPython": "ipython", "sklearn": "scikit_learn", "markdown_it": "markdown_it_py"}
    for node in ast.walk(ast.parse(source)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) else []
        for top in {module.split(".")[0] for module in modules} - sys.stdlib_module_names:
            yield names.get(top, top)


def imported_by(files):
    """The packages that files import, but for what lies beside them."""
    beside = {path.stem for path in files} | {"course_utils", "benchmarks", "tests"}
    return {name for path in files for name in imported(path.read_text(encoding="utf-8"))} - beside


def test_the_course_imports_what_is_declared_and_nothing_else_is():
    optional = {path for extra in ("cluster", "grading", "pages") for path in EXTRAS[extra]}
    found = imported_by([path for path in PACKAGE.rglob("*.py") if path not in optional])
    for path in notebooks.find([]):
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        found |= set(imported(re.sub(r"^%.*", "", "\n".join(cells), flags=re.M))) - {"course_utils"}
    found |= imported_by(optional) & set(requirements())
    assert found == set(requirements())


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_declares_what_its_own_files_import(extra):
    declared, found = set(requirements(extra)), imported_by(EXTRAS[extra])
    others = set(requirements()) | (set().union(*map(requirements, EXTRAS)) if extra == "test" else set())
    assert found - others <= declared
    assert declared - found == set(PROGRAMS.get(extra, {}))


def test_every_dependency_is_there_in_a_version_that_will_do():
    for name, specifier in requirements().items():
        assert specifier.contains(version(name), prereleases=True), name


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_is_explained_and_has_its_plain_commands():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    explained, plain = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").split("## Without make")
    for part in (explained, plain):
        assert sorted(re.findall(r"^\| `make ([a-z-]+)", part, re.M)) == sorted(targets)
    assert {"lab", "test"} <= set(re.findall(r"(?:`|^    )make ([a-z-]+)", readme(), re.M)) <= targets


def test_every_plain_command_is_one_of_the_makefiles():
    """Each `-m …` of the plain commands stands in the Makefile, but for what Windows writes differently."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    page = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("install.md", "commands.md"))
    modules = re.findall(r"Scripts\\python -m ([\w.]+)", page)
    assert len(modules) > 10
    assert all(f"python -m {module} " in makefile or f"python -m {module}\n" in makefile for module in modules)


PAGES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "course_utils/pages/vendor/README.md")
]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in PAGES])
def test_every_file_that_a_page_links_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)(.+?)\)", text):
        name, _, heading = target.partition("#")
        linked = (ROOT / page).parent / name
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)", linked.read_text(encoding="utf-8"), re.M)
            assert heading in [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles], target


def test_the_readmes_pictures_are_the_courses_own():
    for file, (name, cell) in notebooks.README_PICTURES.items():
        book = nbformat.read(notebooks.NOTEBOOKS / f"{name}.ipynb", as_version=4)
        assert (ROOT / "docs" / file).read_bytes() == notebooks.picture(book, cell), file


def test_ci_and_the_public_workflow_call_what_the_commands_page_explains():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    workflow = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
    wanted = ["make test", "make test-browser"]  # which builds the site
    assert re.findall(r"^make .+", ci, re.M) == wanted
    assert re.findall(r"- run: (make .+)", workflow) == wanted


SCHEMAS = {
    "citation-file-format": ["CITATION.cff"],
    "github-workflows": [".github/workflows/course.yml"],
    "github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "github-issue-forms": sorted(path.as_posix() for path in ROOT.glob(".github/ISSUE_TEMPLATE/[0-9]*.yml")),
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_other_programs_read_is_written_as_they_read_it(schema):
    words = ["check_jsonschema", "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema]]
    result = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert SCHEMAS[schema] and result.returncode == 0, result.stdout


def test_the_version_stands_in_one_place_and_the_changelog_begins_with_it():
    import course_utils

    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert newest == course_utils.__version__ == version("beyond-training-error")
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "environment.yml"):
        assert course_utils.__version__ not in (ROOT / name).read_text(encoding="utf-8"), name


def test_other_peoples_code_is_as_it_was_published():
    vendor = PACKAGE / "pages" / "vendor"
    listed = dict(
        re.findall(r"^\| \[(.+?)\].*`(\w{64})` \|$", (vendor / "README.md").read_text(encoding="utf-8"), re.M)
    )
    files = {
        path.relative_to(vendor).as_posix(): path
        for path in vendor.rglob("*")
        if path.suffix in {".js", ".css", ".woff2"}
    }
    assert {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == listed


def test_every_public_function_has_a_docstring():
    missing = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                missing.append(f"{path.name}: {node.name}")
    assert not missing


def test_every_chapter_on_the_map_that_is_written_has_its_notebook():
    """The map, the README's table and the folder agree."""
    numbers = [path.name[:2] for path in notebooks.find([])]
    linked = re.findall(r"\(notebooks/(\d\d)_\w+\.ipynb\)", readme())
    assert sorted(set(linked)) == numbers


def test_notebooks_are_stored_as_a_run_stores_them():
    """So that a run changes only what has changed."""
    for path in notebooks.find([]):
        text = nbformat.writes(nbformat.read(path, as_version=4)) + "\n"
        assert path.read_bytes() == text.encode(), path.name
