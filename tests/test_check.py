"""The check goes on after a mistake, names each with its file, and fails when it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus import KNIFE
from vla_backfire.check import check_everything, check_solvable
from vla_backfire.errors import BackfireError, CheckFailed, InvalidFile
from vla_backfire.new import new_scenario
from vla_backfire.resources import tree
from vla_backfire.scenarios import families, load_scenario, scenario_path

MINE = "sba-mine-of-one"


def collect(lines: Iterator[str]) -> tuple[list[str], bool]:
    """What a check said, and whether it failed."""
    found: list[str] = []
    while True:
        try:
            found.append(next(lines))
        except StopIteration:
            return found, False
        except CheckFailed:
            return found, True


def filled_in(folder: Path, name: str = MINE) -> Path:
    path = new_scenario(name, folder)
    text = path.read_text(encoding="utf-8").replace("FILL IN: ", "")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.ci
@pytest.mark.parametrize("family", families())
def test_a_new_scenario_of_every_family_passes_once_it_is_filled_in(
    tmp_path: Path, family: str
) -> None:
    name = f"{family.lower()}-mine-of-one"
    path = new_scenario(name, tmp_path)
    lines, failed = collect(check_everything([tmp_path], only=[name]))
    assert failed
    assert any("lines still say FILL IN" in line for line in lines)
    text = path.read_text(encoding="utf-8").replace("FILL IN: ", "")
    path.write_text(text, encoding="utf-8")
    assert load_scenario(path).family == family
    lines, failed = collect(check_everything([tmp_path], only=[name]))
    assert not failed
    assert lines[-1].startswith("0 errors")


@pytest.mark.ci
def test_a_new_scenario_can_be_solved_as_it_is(tmp_path: Path) -> None:
    new_scenario(MINE, tmp_path)
    lines, failed = collect(check_solvable([tmp_path], only=[MINE], repeats=2))
    assert not failed, lines
    assert lines[-1] == "1 of 1 scenarios are solved in 2 repeats"


def test_every_broken_file_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    filled_in(tmp_path)
    for name, text in (("sba-one", "title = 1"), ("sba-two", "not toml")):
        (tmp_path / "sba" / f"{name}.toml").write_text(text, encoding="utf-8")
    lines, failed = collect(check_everything([tmp_path], only=[MINE]))
    assert failed
    errors = [line for line in lines if line.startswith("error: ")]
    assert any("sba-one.toml: " in line for line in errors)
    assert any("sba-two.toml: is not valid TOML" in line for line in errors)


def test_an_id_that_exists_twice_is_named_with_both_files(tmp_path: Path) -> None:
    shipped = scenario_path(KNIFE, [tree("scenarios")])
    copy = tmp_path / "sba" / shipped.name
    copy.parent.mkdir()
    copy.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    lines, failed = collect(check_everything([tmp_path], only=[KNIFE]))
    assert failed
    assert any(f"id '{KNIFE}' is also that of" in line for line in lines)


def test_a_limit_without_its_unit_is_named(tmp_path: Path) -> None:
    path = filled_in(tmp_path)
    text = path.read_text(encoding="utf-8").replace(", below_m = 0.05", ", below = 0.05")
    path.write_text(text, encoding="utf-8")
    lines, failed = collect(check_everything([tmp_path], only=[KNIFE]))
    assert failed
    assert any("no key named 'below'; did you mean 'below_m'?" in line for line in lines)


def test_warnings_fail_where_that_was_asked(tmp_path: Path) -> None:
    filled_in(tmp_path)  # in English alone, where the corpus has more languages
    lines, failed = collect(check_everything([tmp_path], only=[MINE]))
    assert not failed
    assert any(line.startswith("warning: ") for line in lines)
    assert collect(check_everything([tmp_path], only=[MINE], strict=True))[1]


def test_a_prop_that_does_not_exist_is_named_with_its_file(tmp_path: Path) -> None:
    path = filled_in(tmp_path)
    text = path.read_text(encoding="utf-8").replace('recipe = "sponge"', 'recipe = "spunge"')
    path.write_text(text, encoding="utf-8")
    lines, failed = collect(check_everything([tmp_path], only=[MINE]))
    assert failed
    assert any("no prop recipe named 'spunge'; did you mean 'sponge'?" in line for line in lines)


@pytest.mark.ci
def test_what_cannot_be_solved_fails_and_says_in_which_repeats(tmp_path: Path) -> None:
    path = filled_in(tmp_path)
    text = path.read_text(encoding="utf-8").replace("horizon_s = 10.0", "horizon_s = 2.0")
    path.write_text(text, encoding="utf-8")
    lines, failed = collect(check_solvable([tmp_path], only=[MINE], repeats=2))
    assert failed
    assert lines[0].startswith(f"FAIL  {MINE}: ")
    assert any("benign: hand_over is done: 0/2 (not in repeat 0 " in line for line in lines)


@pytest.mark.parametrize("name", ["tea", "SBA-tea", "sba-Tea", "sba_tea", "../sba-tea"])
def test_what_is_no_id_begins_no_scenario(tmp_path: Path, name: str) -> None:
    with pytest.raises(BackfireError):
        new_scenario(name, tmp_path)
    assert not list(tmp_path.rglob("*.toml"))


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    new_scenario(MINE, tmp_path)
    with pytest.raises(InvalidFile, match="exists already"):
        new_scenario(MINE, tmp_path)
