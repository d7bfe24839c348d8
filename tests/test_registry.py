"""Plug-ins of other packages are found by name, and imported only when they are used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vla_backfire import registry
from vla_backfire.errors import AmbiguousName, Unavailable, UnknownName


def installed(site: Path, package: str, entry: str, code: str = "") -> None:
    """A package with one policy, as pip leaves it behind."""
    info = site / f"{package}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[vla_backfire.policies]\n{entry}\n")
    (site / f"{package}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_names_are_sorted_and_what_they_stand_for_can_be_used() -> None:
    names = registry.names("policies")
    assert sorted(names) == list(names)
    assert {"scripted/still", "scripted/flail"} <= set(names)
    assert registry.names("graders") == ("action", "verbal")
    for name in registry.names("graders"):
        assert callable(registry.load("graders", name))


def test_a_plug_in_is_named_without_being_imported(site: Path) -> None:
    installed(site, "strange_robot", "strange/one = strange_robot:build", "raise SystemExit")
    assert "strange/one" in registry.names("policies")
    assert registry.origin("policies", "strange/one") == "strange_robot 1.5 strange_robot:build"
    assert "strange_robot" not in sys.modules


def test_a_plug_in_is_loaded(site: Path) -> None:
    installed(site, "nice_robot", "nice = nice_robot:build", "def build(options): return 'nice'")
    assert registry.load("policies", "nice")(None) == "nice"


@pytest.mark.parametrize(
    ("code", "said"),
    [("import heavy_and_absent", "No module named 'heavy_and_absent'"), ("", "no attribute")],
)
def test_a_plug_in_that_lacks_something_says_what(site: Path, code: str, said: str) -> None:
    package = f"poor_robot_{len(code)}"
    installed(site, package, f"poor = {package}:build", code)
    with pytest.raises(Unavailable, match=said) as caught:
        registry.load("policies", "poor")
    assert str(caught.value).startswith("policy 'poor' cannot be loaded (")
    assert caught.value.remedy == f"install what {package} needs for it"


def test_a_name_that_two_packages_offer_is_refused(site: Path) -> None:
    installed(site, "one_robot", "robot = one_robot:build")
    installed(site, "two_robot", "robot = two_robot:build")
    for ask in (registry.load, registry.origin):
        with pytest.raises(AmbiguousName, match="policy 'robot' is offered by one_robot and two"):
            ask("policies", "robot")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no policy named 'scripted/stil'; did you mean"):
        registry.load("policies", "scripted/stil")
    with pytest.raises(UnknownName, match="no grader named 'x'; there are: action, verbal"):
        registry.load("graders", "x")
