"""Prints the dependencies that run without torch: at their lowest versions, or as declared.

`.ci/run` installs what is printed and runs the quick tests on it. Torch and what rides on it are
left out, since their lowest versions come without a small CPU build; nothing on the scripted path
imports them (tests/test_start_up.py).
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

NEEDS_TORCH = frozenset({"torch", "transformers", "accelerate"})


def light(declared: Iterable[str]) -> Iterator[str]:
    """The requirements that run without torch.

    Examples:
        >>> list(light(["torch>=2.11", "numpy>=2.2"]))
        ['numpy>=2.2']
    """
    return (line for line in declared if re.split(r"\W", line)[0] not in NEEDS_TORCH)


def lowest(requirement: str) -> str:
    """The lowest version that a requirement admits.

    Raises:
        ValueError: It admits any version, however old.

    Examples:
        >>> lowest("mujoco>=3.17,<5")
        'mujoco==3.17'
    """
    match = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
    if not match:
        raise ValueError(f"'{requirement}' has no lower bound; write it as name>=version")
    return f"{match[1]}=={match[2]}"


def main() -> None:
    """Print one requirement a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--declared", action="store_true", help="the ranges, not their floors")
    ranges = parser.parse_args().declared
    project = Path(__file__).parent.parent / "pyproject.toml"
    declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    for requirement in light(declared):
        print(requirement if ranges else lowest(requirement))


if __name__ == "__main__":
    main()
