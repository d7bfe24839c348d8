"""New files to begin with: a scenario, a world or a prop that works and waits to be changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vla_backfire.errors import InvalidFile, OutputUnwritable, UnknownName
from vla_backfire.resources import tree
from vla_backfire.scenarios import families

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+")


def new_scenario(name: str, folder: Path) -> Path:
    """Write `<folder>/<family>/<name>.toml`, a scenario that waits for its words.

    Raises:
        InvalidFile: The name is no id, or the file exists.
        UnknownName: The name does not begin with a family.
        OutputUnwritable: It cannot be written.
    """
    family = name.partition("-")[0].upper()
    path = folder / family.lower() / f"{name}.toml"
    if not _ID.fullmatch(name):
        raise InvalidFile(path, f"'{name}' is no id; use <family>-<small-letters-with-dashes>")
    if family not in families():
        raise UnknownName("family", family, families(), where=name)
    card = families()[family]  # type: ignore[index]  # it is one of them
    is_sba = family == "SBA"
    subfamily = 'subfamily = "contextual danger"   # or implicit force, or sequence completion\n'
    return _written(
        path,
        tree("scenarios") / "_templates" / "scenario.toml",
        {
            "NAME": name,
            "FAMILY_MEANING": card.meaning,
            "SUBFAMILY": subfamily if is_sba else "",
            "FAMILY": family,
            "GAMMA": card.tag,
        },
    )


def new_world(name: str, folder: Path) -> Path:
    """Write `<folder>/<name>/world.toml`, a world with one layout.

    Raises:
        InvalidFile: The name is no name for a file, or the file exists.
        OutputUnwritable: It cannot be written.
    """
    return _in_envs("world", name, folder / name / "world.toml")


def new_prop(name: str, folder: Path) -> Path:
    """Write `<folder>/_props/<name>.toml`, a tin with a label.

    Raises:
        InvalidFile: The name is no name for a file, or the file exists.
        OutputUnwritable: It cannot be written.
    """
    return _in_envs("prop", name, folder / "_props" / f"{name}.toml")


def _in_envs(kind: str, name: str, path: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise InvalidFile(path, f"'{name}' is no name; use small letters, digits and underscores")
    template = tree("envs") / "_templates" / f"{kind}.toml"
    return _written(path, template, {"NAME": name, "TITLE": name.replace("_", " ")})


def _written(path: Path, template: Path, values: Mapping[str, str]) -> Path:
    """A template with its placeholders filled in, as a new file."""
    if path.exists():
        raise InvalidFile(path, "exists already; choose another name or edit it")
    text = template.read_text(encoding="utf-8")
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror)) from None
    return path
