"""The rooms of the package import only what lies below them, and no stage imports another."""

import ast
from functools import cache

import pytest

PACKAGE = "virtual_staining"
FLOORS = (
    {"errors", "progress"},
    {"runtime"},
    {"settings"},
    {"imaging"},
    {"readers", "models"},
    {"artefacts"},
    {"STAGES", "workflow"},
    {"cli", "documentation"},
)
ENTRY = {"__init__", "__main__"}  # __init__ imports nothing, __main__ only the command line


@pytest.fixture(scope="module")
def package(repository):
    return repository / "workflow_scripts" / PACKAGE


def floor_of(room):
    """Return the floor of a room, counted from the ground; every stage is on the same floor."""
    floors = [k for k, rooms in enumerate(FLOORS) if room in rooms]
    return floors[0] if floors else floor_of("STAGES")


@cache
def nodes(source):
    return list(ast.walk(ast.parse(source)))


def imports(source, module):
    """Yield (line, room) for each import of the package in a module, whatever its form."""
    parents = module.split(".")
    for node in nodes(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: -node.level]) if node.level else ""
            start = ".".join(part for part in (base, node.module) if part)
            names = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE and len(parts) > 1:
                yield node.lineno, parts[1]


def wrong_imports(source, module):
    own = module.split(".")[1]
    if own in ENTRY:
        return [(line, room) for line, room in imports(source, module) if room != "cli"]
    return [
        (line, room)
        for line, room in imports(source, module)
        if room not in (own, "__version__") and floor_of(room) >= floor_of(own)
    ]


def test_imports_go_down(package):
    wrong = []
    for path in sorted(package.rglob("*.py")):
        module = ".".join((PACKAGE, *path.relative_to(package).with_suffix("").parts))
        found = wrong_imports(path.read_text(encoding="utf-8"), module)
        wrong += [f"{path.relative_to(package)}:{line} imports {room}" for line, room in found]
    assert not wrong


def test_every_room_of_the_floors_exists(package):
    named = set().union(*FLOORS) - {"STAGES"}
    assert {name for name in named if not list(package.glob(f"{name}*"))} == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("virtual_staining.mask.command", "from virtual_staining.infer import command"),
        ("virtual_staining.mask.command", "import virtual_staining.infer.command"),
        ("virtual_staining.mask.command", "from virtual_staining import infer"),
        ("virtual_staining.mask.command", "from ..infer.command import run"),
        ("virtual_staining.mask.command", "from .. import infer"),
        ("virtual_staining.mask.command", "def run():\n    from virtual_staining import infer"),
        ("virtual_staining.imaging.tiles", "from virtual_staining.artefacts import sheet"),
        ("virtual_staining.readers.source", "import virtual_staining.models.build as build"),
        ("virtual_staining.__main__", "from virtual_staining.mask import command"),
    ],
)
def test_a_wrong_import_is_seen_in_any_form(module, source):
    assert len(wrong_imports(source, module)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from virtual_staining.mask import command",
        "from . import command",
        "from virtual_staining.errors import InputError",
        "import numpy.infer",
        "from ..artefacts import sheet",
    ],
)
def test_a_right_import_is_let_pass(source):
    assert not wrong_imports(source, "virtual_staining.mask.command")


def test_the_package_never_imports_snakemake(package):
    for path in package.rglob("*.py"):
        for node in nodes(path.read_text(encoding="utf-8")):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            names.append(getattr(node, "module", None) or "")
            assert not any(name.split(".")[0] == "snakemake" for name in names), path


def test_a_test_file_imports_no_other_test_file(repository):
    for path in (repository / "tests").rglob("*.py"):
        for node in nodes(path.read_text(encoding="utf-8")):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            names.append(getattr(node, "module", None) or "")
            assert not any(name.split(".")[-1].startswith("test_") for name in names), path
