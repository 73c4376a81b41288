"""The package is built in layers: each folder imports only what lies below it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nnlite"

# What each part of the package may import of the package, beside itself.
BELOW = {
    "errors": set(),
    "files": {"errors"},
    "scratch": {"errors", "files"},
    "expressions": {"errors"},
    "habits": set(),
    "autodiff": {"errors", "habits"},
    "tracing": {"autodiff"},
    "nn": {"errors", "files", "habits", "autodiff"},
    "data": {"errors", "files", "scratch"},
    "images": {"files"},
    "models": {"errors", "autodiff", "tracing", "nn", "data"},
    "runs": {"errors", "files"},
    "sweep": {"errors", "expressions", "files", "scratch", "nn", "data", "images", "models", "runs"},
    "queries": {"errors", "expressions", "models", "runs"},
    "report": {"errors", "files", "data", "images", "queries", "runs"},
    "texts": set(),
    "export": {"errors", "files", "report", "runs", "texts"},
    "interactive": {"errors", "files", "images", "report", "runs"},
    "cli": {"errors", "files", "data", "images", "models", "queries", "runs", "sweep", "report", "texts"}
    | {"export", "interactive"},
    "__main__": {"cli"},
}
HEAVY = {"pandas", "matplotlib"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module)
    return names


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_part_of_the_package_has_its_place_in_the_layers():
    assert {part_of(path) for path in MODULES} == {*BELOW, "__init__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(path):
    part = part_of(path)
    if part == "__init__":
        return
    parts = {name.split(".")[1] for name in imported_modules(path) if name.startswith("nnlite.")}
    assert parts - {part} <= BELOW[part]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_report_imports_pandas_and_matplotlib(path):
    heavy = {name for name in imported_modules(path) if name.split(".")[0] in HEAVY}
    assert not heavy or part_of(path) == "report"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_stays_short_enough_to_be_read(path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 400
