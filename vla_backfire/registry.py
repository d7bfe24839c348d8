"""Policies and graders by name, found through entry points and imported only when used."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from vla_backfire.errors import AmbiguousName, UnknownName

Group = Literal["policies", "graders"]


def names(group: Group) -> tuple[str, ...]:
    """Every registered name of a group, sorted; imports none of them."""
    return tuple(sorted(entry.name for entry in _entries(group)))


def load(group: Group, name: str) -> Any:
    """The object registered under a name.

    Raises:
        UnknownName: Nobody registered it.
        AmbiguousName: Two installed packages registered it.
    """
    found = [entry for entry in _entries(group) if entry.name == name]
    if not found:
        raise UnknownName(group.removesuffix("s").replace("ie", "y"), name, names(group))
    if len({entry.value for entry in found}) > 1:
        packages = [entry.dist.name if entry.dist else entry.value for entry in found]
        raise AmbiguousName(group, name, packages)
    return found[0].load()


def _entries(group: Group) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"vla_backfire.{group}"))
