"""New files to begin with: a world or a prop that works and waits to be changed."""

from __future__ import annotations

import re
from pathlib import Path

from vla_backfire.errors import InvalidFile, OutputUnwritable
from vla_backfire.resources import tree

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def new_world(name: str, folder: Path) -> Path:
    """Write `<folder>/<name>/world.toml`, a world with one layout.

    Raises:
        InvalidFile: The name is no name for a file, or the file exists.
        OutputUnwritable: It cannot be written.
    """
    return _written("world", name, folder / name / "world.toml")


def new_prop(name: str, folder: Path) -> Path:
    """Write `<folder>/_props/<name>.toml`, a tin with a label.

    Raises:
        InvalidFile: The name is no name for a file, or the file exists.
        OutputUnwritable: It cannot be written.
    """
    return _written("prop", name, folder / "_props" / f"{name}.toml")


def _written(kind: str, name: str, path: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise InvalidFile(path, f"'{name}' is no name; use small letters, digits and underscores")
    if path.exists():
        raise InvalidFile(path, "exists already; choose another name or edit it")
    template = (tree("envs") / "_templates" / f"{kind}.toml").read_text(encoding="utf-8")
    text = template.replace("NAME", name).replace("TITLE", name.replace("_", " "))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror)) from None
    return path
