"""A study file is checked before anything is played, and its cells follow from it alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vla_backfire import registry, study
from vla_backfire.episodes import Cell, Prompt
from vla_backfire.errors import BackfireError, InvalidScenario, InvalidStudy, UnknownName
from vla_backfire.languages import scrambled
from vla_backfire.ledger import Ledger
from vla_backfire.resources import digest, tree
from vla_backfire.runner import Setting
from vla_backfire.scenarios import Arm, scenario_path, shipped_scenarios
from vla_backfire.study import Plan, Run, Study, compose_prompt, load_study, open_world, plan_study

GOOD = """
name = "small"
question = "Is it safe?"
policies = ["scripted/still", "scripted/flail"]
languages = ["en", "ja", "de"]
scenarios = ["sba-knife-handover", "kin-pot-on-hand"]
repeats = 3
competence_repeats = 2
"""
KNIFE = shipped_scenarios()["sba-knife-handover"]


def written(folder: Path, content: str = GOOD) -> Path:
    path = folder / "small.toml"
    path.write_text(content, encoding="utf-8")
    return path


def planned(**changes: Any) -> Plan:
    path = Path("small.toml")
    settings: dict[str, Any] = {
        "name": "small",
        "question": "?",
        "policies": ("scripted/still", "scripted/flail"),
        "languages": ("en", "ja", "de"),
        "scenarios": ("sba-knife-handover", "kin-pot-on-hand"),
        "repeats": 3,
        "competence_repeats": 2,
    }
    return plan_study(Study.model_validate(settings | changes), path)


def plays(plan: Plan) -> Mapping[Cell, Prompt]:
    listed = [play for block in plan.blocks() for play in block.plays]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


# -- mistakes in a file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("repeats = 3\n", "repeets = 3\n", "repeets: no key named 'repeets'; did you mean 'repea"),
        ("name =", "naem =", "naem: no key named 'naem'; did you mean 'name'?"),
        ("repeats = 3\n", "", "repeats: Field required"),
        ("repeats = 3\n", "repeats = -1\n", "repeats: .* greater than or equal to 1"),
        ("competence_repeats = 2", "competence_repeats = -2", "competence_repeats: .* to 0"),
        ('name = "small"', 'name = "sm|all"', "name: String should match pattern"),
        ('["en", "ja", "de"]', "[]", "languages: .* at least 1 item"),
        ('["en", "ja", "de"]', '"en"', "languages: Input should be a valid tuple"),
        ('"ja"', '"en"', "languages names 'en' twice"),
        ('"scripted/flail"', '"scripted/still"', "policies names 'scripted/still' twice"),
        ('"kin-pot-on-hand"', '"sba-knife-handover"', "scenarios names 'sba-knife-handover' twice"),
        ('"en", ', "", "reference 'en' is not among the languages; add it, or name one of: ja, de"),
        ("repeats = 3\n", 'repeats = 3\narms = ["hazrd"]\n', "arms.0: .* 'hazard', 'benign'"),
        ("repeats = 3\n", 'repeats = 3\ntreatments = ["prefix"]\n', "treatments.0: .* 'none'"),
        ("repeats = 3\n", "repeats = 3\nlevel = 95\n", "level: Input should be less than 1"),
        ('"scripted/flail"', '"scripted/flale"', "no policy named .*; did you mean 'scripted/fl"),
        ('"ja"', '"jpn"', "no language named 'jpn'; there are: ar, de, en"),
        ('"kin-pot-on-hand"', '"kin-pot-on-hat"', "no scenario named .* mean 'kin-pot-on-hand'"),
        ("repeats = 3\n", 'repeats = 3\nprofile = "libro"\n', "no profile named .* mean 'libero'"),
        ("name =", "name", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_in_one_line_with_the_file(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert right in GOOD
    path = written(tmp_path, GOOD.replace(right, wrong, 1))
    with pytest.raises(BackfireError, match=said.replace("?", r"\?")) as caught:
        plan_study(load_study(path), path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UnknownName | InvalidStudy) or "TOML" in said


def test_a_good_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = written(tmp_path)
    read = load_study(path)
    assert (read.languages, read.repeats, read.reference) == (("en", "ja", "de"), 3, "en")
    assert Study.model_validate_json(read.model_dump_json()) == read
    assert plan_study(read, path).study == read


def test_all_scenarios_are_the_shipped_ones_and_those_of_further_folders(tmp_path: Path) -> None:
    mine = scenario_path(KNIFE.id, [tree("scenarios")]).read_text(encoding="utf-8")
    (tmp_path / "sba").mkdir()
    mine = mine.replace(f'"{KNIFE.id}"', '"sba-mine"')
    (tmp_path / "sba" / "sba-mine.toml").write_text(mine, encoding="utf-8")
    everything = planned(scenarios="all", languages=("en",)).study
    plan = plan_study(everything, Path("x"), [tmp_path])
    assert set(plan.scenarios) == {*shipped_scenarios(), "sba-mine"}
    assert plan.sources["sba-mine"] == mine


def test_a_language_that_a_scenario_has_not_is_named_with_what_to_do(tmp_path: Path) -> None:
    mine = scenario_path(KNIFE.id, [tree("scenarios")]).read_text(encoding="utf-8")
    english = mine.replace(f'"{KNIFE.id}"', '"sba-mine"').partition("[text.ja]")[0]
    (tmp_path / "sba").mkdir()
    (tmp_path / "sba" / "sba-mine.toml").write_text(english, encoding="utf-8")
    study = planned(languages=("en", "ja")).study.model_copy(update={"scenarios": ("sba-mine",)})
    with pytest.raises(
        InvalidStudy, match=r"'sba-mine' has no words in 'ja'; add \[text.ja\] to its"
    ):
        plan_study(study, Path("x"), [tmp_path])


def test_a_prop_that_no_recipe_makes_is_named_with_its_file(tmp_path: Path) -> None:
    mine = scenario_path(KNIFE.id, [tree("scenarios")]).read_text(encoding="utf-8")
    mine = mine.replace(f'"{KNIFE.id}"', '"sba-mine"').replace('"sponge"', '"spunge"')
    path = tmp_path / "sba" / "sba-mine.toml"
    path.parent.mkdir()
    path.write_text(mine, encoding="utf-8")
    setting = Setting(open_world, study.open_policy, {}, 0, "fast", roots=(tmp_path,))
    with pytest.raises(InvalidScenario, match="'spunge'; did you mean 'sponge'") as caught:
        open_world(setting, "sba-mine")
    assert caught.value.path == path


# -- cells ----------------------------------------------------------------------------------------


def test_every_arm_is_played_in_every_language_and_the_null_arm_once() -> None:
    counts = Counter((cell.arm, cell.lang) for cell in plays(planned()) if cell.repeat < 3)
    once = 2 * 2 * 3  # policies, scenarios, repeats
    assert counts == {
        ("null", "zxx"): once,
        **{
            (arm, lang): once
            for arm in ("hazard", "benign", "swap", "scrambled")
            for lang in ("en", "ja", "de")
        },
    }


@pytest.mark.parametrize("arms", [("hazard",), ("null",), ("hazard", "benign")])
def test_competence_has_repeats_of_its_own_whatever_arms_are_played(arms: tuple[Arm, ...]) -> None:
    cells = plays(planned(arms=arms))
    assert {cell.arm for cell in cells if cell.repeat < 3} == set(arms)
    competence = [cell for cell in cells if cell.repeat >= 3]
    assert {(cell.arm, cell.repeat) for cell in competence} == {("benign", 3), ("benign", 4)}
    assert len(competence) == 2 * 2 * 3 * 2


@hypothesis_settings(max_examples=15, deadline=None)
@given(
    langs=st.permutations(["en", "ja", "de", "vi"]),
    policies=st.permutations(["scripted/still", "scripted/flail"]),
)
def test_the_order_of_a_file_changes_no_cell_and_no_prompt(
    langs: list[str], policies: list[str]
) -> None:
    one = planned(languages=("en", "ja", "de", "vi"))
    other = planned(languages=tuple(langs), policies=tuple(policies))
    assert plays(one) == plays(other)
    assert [(b.scenario, b.repeat) for b in one.blocks()] == [
        (b.scenario, b.repeat) for b in other.blocks()
    ]


def test_another_policy_or_language_changes_no_prompt_of_the_others() -> None:
    few, many = planned(policies=("scripted/still",), languages=("en", "de")), planned()
    assert plays(few).items() <= plays(many).items()


def test_a_prompt_is_what_the_scenario_says_for_arm_language_and_wording() -> None:
    for cell, prompt in plays(planned()).items():
        scenario = shipped_scenarios()[cell.scenario]
        said = {"null": ""}
        if cell.arm != "null":
            text = scenario.text[cell.lang]
            wording = text.instruction[cell.wording]
            said = {
                "hazard": wording,
                "benign": wording,
                "swap": text.swap,
                "scrambled": scrambled(wording),
            }
        assert prompt == Prompt(said[cell.arm]) == compose_prompt(cell, scenario)


def test_who_plays_and_how_often_is_no_part_of_a_prompt() -> None:
    for cell, prompt in plays(planned()).items():
        other = replace(cell, policy="another", repeat=99)
        assert compose_prompt(other, shipped_scenarios()[cell.scenario]) == prompt


def wordings_of(plan: Plan) -> dict[str, set[int]]:
    used: dict[str, set[int]] = {}
    for cell in plays(plan):
        if cell.arm != "null":
            used.setdefault(cell.lang, set()).add(cell.wording)
    return used


def test_a_language_with_fewer_wordings_leaves_the_others_theirs() -> None:
    assert set(map(frozenset, wordings_of(planned()).values())) == {frozenset({0, 1, 2})}
    text = KNIFE.text["ja"]
    short = text.model_copy(update={"instruction": text.instruction[:2]})
    scenario = KNIFE.model_copy(update={"text": {**KNIFE.text, "ja": short}})
    plan = Plan(planned(scenarios=(KNIFE.id,)).study, {KNIFE.id: scenario}, {})
    used = wordings_of(plan)
    assert used.pop("ja") == {0, 1}
    assert set(map(frozenset, used.values())) == {frozenset({0, 1, 2})}


def test_an_arm_that_a_scenario_or_language_has_not_is_not_played() -> None:
    study = planned(scenarios=(KNIFE.id,), arms=("hazard", "backtranslated"))
    played = {(cell.arm, cell.lang) for cell in plays(study)}
    assert ("backtranslated", "ja") in played
    assert ("backtranslated", "en") not in played, "English is not translated back"
    with pytest.raises(InvalidStudy, match="no scenario of it has the arm 'safe_words'"):
        planned(scenarios=(KNIFE.id,), arms=("hazard", "safe_words"))


# -- identity -------------------------------------------------------------------------------------

Change = Callable[[pytest.MonkeyPatch, Plan], Plan]


def other_text(_: pytest.MonkeyPatch, plan: Plan) -> Plan:
    return replace(plan, sources={**plan.sources, KNIFE.id: plan.sources[KNIFE.id] + "# x"})


def other_study(_: pytest.MonkeyPatch, plan: Plan) -> Plan:
    return replace(plan, study=plan.study.model_copy(update={"seed": 1}))


def other_trees(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> Plan:
    monkeypatch.setattr("vla_backfire.study.digest", lambda *folders: f"other {digest(*folders)}")
    return plan


def other_policy(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> Plan:
    monkeypatch.setattr(registry, "origin", lambda *names: f"{names} 99")
    return plan


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda _, plan: plan, set()),
        (lambda _, plan: replace(plan, roots=(Path("elsewhere"),)), set()),
        (other_text, {f"scenario {KNIFE.id}"}),
        (other_study, {"study"}),
        (other_trees, {"worlds", "policies"}),
        (other_policy, {"policy scripted/still", "policy scripted/flail"}),
    ],
    ids=["nothing", "folder", "scenario", "study", "worlds and policies", "plug-in"],
)
def test_a_run_is_another_one_if_what_decides_it_changes(
    monkeypatch: pytest.MonkeyPatch, change: Change, differs: set[str]
) -> None:
    before = planned().identity()
    after = change(monkeypatch, planned()).identity()
    assert {fact for fact in before | after if before.get(fact) != after.get(fact)} == differs


def test_the_identity_covers_the_files_that_worlds_and_policies_are_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`digest` tells every change of a folder (tests/test_resources.py); these are the folders."""
    asked: set[Path] = set()

    def noted(*folders: Path) -> str:
        asked.update(folders)
        return ""

    monkeypatch.setattr("vla_backfire.study.digest", noted)
    planned().identity()
    package = Path(study.__file__).parent
    assert asked >= {package / "worlds", package / "policies", tree("envs")}


# -- runs of another version ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "sources", "said"),
    [
        ('{"name": "x", "colour": 1}', "{}", "were written for another vla_backfire .0.0.7."),
        (planned().study.model_dump_json(), '{"a": "id = 1"}', "written for another vla_backf"),
        ("{}", None, "is not the record of a study"),
    ],
)
def test_a_record_that_this_version_cannot_read_is_named_and_no_traceback(
    tmp_path: Path, identity: str, sources: str | None, said: str
) -> None:
    facts = {"study": identity, "version of vla_backfire": "0.0.7"}
    with Ledger.create(tmp_path, facts) as ledger:
        if sources is not None:
            ledger.write_note("sources", sources)
    with pytest.raises(BackfireError, match=said):
        Run(tmp_path)
