"""The order of the modules: an import never points up, and siblings never import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vla_backfire

PACKAGE = Path(vla_backfire.__file__).parent

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("resources",),
    ("languages", "registry", "chat"),
    ("identify",),
    ("goals",),
    ("measures",),
    ("scenarios",),
    ("private",),
    ("episodes",),
    ("worlds", "policies", "graders", "stats"),
    ("ledger",),
    ("estimates", "grading", "runner"),
    ("study",),
    (
        *("calibrate", "train", "serve", "render", "translate"),
        *("doctor", "export", "new", "proofread", "solve", "verify"),
    ),
    ("check", "report"),
    ("listing", "progress"),
    ("testing", "cli", "__init__"),
    ("__main__",),
)
RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}

CONFINED = {
    "mujoco": ("worlds/mj.py",),
    "torch": ("policies/", "chat.py"),
    "transformers": ("policies/", "chat.py"),
    "jinja2": ("report/", "report.py"),
    "matplotlib": ("report/", "report.py"),
    "typer": ("cli.py",),
}
"""Heavy or replaceable packages, and the only places that may import them."""

MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def unit_of(module: Path) -> str:
    """The module or subpackage directly below the package that a file belongs to."""
    return module.parts[0].removesuffix(".py")


def parsed(module: Path) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(module: Path) -> Iterator[str]:
    """Dotted name of everything a module imports, at any depth of its code."""
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = (PACKAGE.name, *module.parent.parts)[: len(module.parts) + 1 - node.level]
            base = ".".join((*(home if node.level else ()), *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def units_imported(module: Path) -> set[str]:
    """Our own units that a module imports; a name that is no unit comes from `__init__`."""
    dotted = [name.split(".") for name in imports(module)]
    ours = {parts[1] if parts[1:] else "__init__" for parts in dotted if parts[0] == PACKAGE.name}
    return {unit if unit in RANK else "__init__" for unit in ours} - {unit_of(module)}


def test_every_module_has_a_layer() -> None:
    assert {unit_of(module) for module in MODULES} <= set(RANK)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_down(module: Path) -> None:
    rank = RANK[unit_of(module)]
    assert {unit for unit in units_imported(module) if RANK[unit] >= rank} == set()


@pytest.mark.parametrize("package", CONFINED)
def test_a_confined_package_stays_where_it_belongs(package: str) -> None:
    users = {
        module.as_posix()
        for module in MODULES
        if any(name.split(".")[0] == package for name in imports(module))
    }
    assert {user for user in users if not user.startswith(CONFINED[package])} == set()


def catches_everything(node: ast.AST) -> bool:
    """Whether a node is `except:`, `except Exception` or wider, or suppresses as much."""
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        caught = [*node.args]
    else:
        return False
    names = {name for kind in caught if kind for name in ast.unparse(kind).strip("()").split(", ")}
    return None in caught or bool(names & {"Exception", "BaseException"})


def test_everything_is_caught_in_one_place_only_around_an_episode() -> None:
    broad = [
        unit_of(module)
        for module in MODULES
        for node in ast.walk(parsed(module))
        if catches_everything(node)
    ]
    assert broad == ["runner"]


@pytest.mark.parametrize(
    ("code", "broad"),
    [
        ("try: f()\nexcept: pass", True),
        ("try: f()\nexcept (OSError, Exception): pass", True),
        ("with contextlib.suppress(Exception): f()", True),
        ("try: f()\nexcept OSError: pass", False),
    ],
)
def test_a_broad_handler_is_recognised(code: str, broad: bool) -> None:
    assert any(map(catches_everything, ast.walk(ast.parse(code)))) is broad
