"""Data trees are found, hashed by content, and what is wrong in a file is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from vla_backfire.errors import InvalidFile, UnknownName
from vla_backfire.resources import TREES, digest, first_problem, load_toml, tree


@pytest.mark.parametrize("name", TREES)
def test_every_data_tree_is_there(name: str) -> None:
    assert any(tree(name).iterdir())


def test_an_unknown_tree_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no data tree named 'scenario'; did you mean 'scenarios"):
        tree("scenario")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.toml").write_text("x = 1")
    (tmp_path / "two.toml").write_text("y = 2")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a" / "one.toml").write_text("x = 2"),
        lambda folder: (folder / "three.toml").touch(),
        lambda folder: (folder / "two.toml").unlink(),
        lambda folder: (folder / "two.toml").rename(folder / "a" / "two.toml"),
    ],
    ids=["changed", "added", "removed", "moved"],
)
def test_a_digest_tells_every_change_of_a_folder(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = digest(folder)
    change(folder)
    assert digest(folder) != before


def test_a_digest_knows_neither_place_nor_compiled_files(folder: Path, tmp_path: Path) -> None:
    before = digest(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "one.pyc").touch()
    assert digest(folder) == before
    elsewhere = tmp_path.parent / f"{tmp_path.name} elsewhere"
    folder.rename(elsewhere)
    assert digest(elsewhere) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = ", "is not valid TOML: "),
        (b"x = '\xff'", "is not UTF-8; save it as UTF-8"),
        (None, "cannot be read .No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidFile, match=f"x.toml: {said}") as caught:
        load_toml(path)
    assert "\n" not in str(caught.value)


class Cup(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str
    handle: bool


def test_a_misspelt_key_is_named_before_the_one_that_it_leaves_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        Cup.model_validate({"handle": True, "color": "red"})
    assert first_problem(caught.value, lambda _: Cup.model_fields) == (
        "color: no key named 'color'; did you mean 'colour'? (and 1 more)"
    )
