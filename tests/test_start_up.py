"""Listing and grading start at once: nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "accelerate",
    "gymnasium",
    "jinja2",
    "matplotlib",
    "mujoco",
    "pandas",
    "scipy",
    "torch",
    "transformers",
)


def imported_by(code: str) -> set[str]:
    """Heavy packages that a new interpreter has imported after running `code`."""
    ending = f"\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def running(*arguments: str) -> str:
    """Code that runs the command line and checks that it ended well."""
    return f"""
from vla_backfire.cli import main
try:
    main({[*arguments]})
except SystemExit as ended:
    assert ended.code in (None, 0), ended.code
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("list",)], ids=" ".join)
def test_a_command_that_only_looks_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported_by(running(*arguments)) == set()


def test_scripted_policies_load_without_torch() -> None:
    code = """
from vla_backfire import registry
for name in registry.names("policies"):
    if name.startswith("scripted/"):
        registry.load("policies", name)
"""
    assert not imported_by(code) & {"torch", "transformers", "accelerate"}


def test_graders_load_without_torch_and_without_a_simulator() -> None:
    code = """
from vla_backfire import registry
for name in registry.names("graders"):
    registry.load("graders", name)
"""
    assert not imported_by(code) & {"torch", "transformers", "accelerate", "mujoco", "gymnasium"}
