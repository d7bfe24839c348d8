from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vla_backfire import resources
from vla_backfire.resources import tree
from vla_backfire.worlds import catalogue


@pytest.fixture
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of `envs/`, from which worlds are built while a test spoils it."""
    copy = tmp_path / "envs"
    shutil.copytree(tree("envs"), copy)

    def elsewhere(name: str) -> Path:
        return copy if name == "envs" else tree(name)

    caches = (catalogue.load_scene_classes, catalogue.load_contact_limits, catalogue.load_profiles)
    for module in (catalogue, resources):
        monkeypatch.setattr(module, "tree", elsewhere)
    for cached in caches:
        cached.cache_clear()
    yield copy
    for cached in caches:
        cached.cache_clear()
