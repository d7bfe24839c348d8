"""Policies and graders by name, found through entry points and imported only when used."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from vla_backfire.errors import AmbiguousName, Unavailable, UnknownName

Group = Literal["policies", "graders"]


def names(group: Group) -> tuple[str, ...]:
    """Every registered name of a group, sorted; imports none of them."""
    return tuple(sorted(entry.name for entry in _entries(group)))


def load(group: Group, name: str) -> Any:
    """The object registered under a name.

    Raises:
        UnknownName: Nobody registered it.
        AmbiguousName: Two installed packages registered it.
        Unavailable: What it needs is not installed.
    """
    entry = _entry(group, name)
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        what = f"{_noun(group)} '{name}' cannot be loaded ({error})"
        raise Unavailable(what, f"install what {_package(entry)} needs for it") from error


def origin(group: Group, name: str) -> str:
    """Where what is registered under a name comes from: package, version, place. Imports nothing.

    Raises:
        UnknownName: Nobody registered it.
        AmbiguousName: Two installed packages registered it.

    Examples:
        >>> origin("policies", "scripted/still").split()[-1]
        'vla_backfire.policies.still:build_still'
    """
    entry = _entry(group, name)
    version = entry.dist.version if entry.dist else ""
    return " ".join(filter(None, (_package(entry), version, entry.value)))


def _entry(group: Group, name: str) -> EntryPoint:
    found = [entry for entry in _entries(group) if entry.name == name]
    if not found:
        raise UnknownName(_noun(group), name, names(group))
    if len({entry.value for entry in found}) > 1:
        raise AmbiguousName(_noun(group), name, map(_package, found))
    return found[0]


def _noun(group: Group) -> str:
    return {"policies": "policy", "graders": "grader"}[group]


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module


def _entries(group: Group) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"vla_backfire.{group}"))
