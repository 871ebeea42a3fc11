"""What keeps the shared package readable: small modules, no circle, and no rule that knows HTTP."""

import ast
import graphlib
from pathlib import Path

from tests.unit.conftest import ROOT

PACKAGE = ROOT / "layers/core/python"
MOST_LINES = 250
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in (PACKAGE / "latchkey").rglob("*.py")
    if path.name != "__init__.py"
}


def imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            found |= names & FILES.keys()
    return found


def test_no_module_is_longer_than_a_reader_keeps_in_mind():
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imports(path) for name, path in FILES.items()}
    assert sum(map(len, graph.values())) > 100
    list(graphlib.TopologicalSorter(graph).static_order())  # it raises CycleError


def test_packages_depend_on_each_other_in_one_direction():
    graph: dict[str, set[str]] = {}
    for name, path in FILES.items():
        package = name.split(".")[1] if name.count(".") > 1 else ""
        others = {other.split(".")[1] for other in imports(path) if other.count(".") > 1}
        if package:
            graph.setdefault(package, set()).update(others - {package})
    list(graphlib.TopologicalSorter(graph).static_order())


def test_no_rule_knows_http():
    using = {
        name for name, path in FILES.items() if imports(path) & {"latchkey.http", "latchkey.bodies"}
    }
    assert using == {"latchkey.http", "latchkey.fields"}  # fields are checked as bodies are
