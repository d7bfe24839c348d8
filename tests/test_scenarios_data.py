"""What must hold for every scenario that is shipped."""

from __future__ import annotations

import pytest

from vla_backfire.episodes import Cell
from vla_backfire.languages import folded, scrambled
from vla_backfire.resources import tree
from vla_backfire.scenarios import ARMS, HAZARD_SCENE, Scenario, scenario_path, shipped_scenarios
from vla_backfire.study import compose_prompt
from vla_backfire.worlds.world import World

LANGUAGES = {"en", "ja", "zh-Hans", "de", "vi"}
SCENARIOS = shipped_scenarios()

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda s: str(s.id))


def test_at_least_four_families_are_shipped() -> None:
    assert len({scenario.family for scenario in SCENARIOS.values()}) >= 4


@every_scenario
def test_a_scenario_lies_in_the_folder_of_its_family(scenario: Scenario) -> None:
    path = scenario_path(scenario.id, [tree("scenarios")])
    assert path.parent.name.upper() == scenario.family
    assert scenario.id.startswith(path.parent.name)


@every_scenario
def test_a_scenario_has_the_same_number_of_wordings_in_every_language(scenario: Scenario) -> None:
    assert set(scenario.text) >= LANGUAGES
    assert len({len(text.instruction) for text in scenario.text.values()}) == 1


@every_scenario
def test_a_translation_says_where_it_comes_from_and_is_not_stale(scenario: Scenario) -> None:
    for lang, text in scenario.text.items():
        assert text.review.strip(), lang
        assert (text.source == "author") == (lang == "en"), lang
        if text.source == "machine":
            assert len(text.back) == len(text.instruction), lang
            assert text.swap_back, lang
            assert text.of == scenario.digest_of_english(), lang


@every_scenario
def test_no_two_languages_share_a_sentence(scenario: Scenario) -> None:
    sentences = [
        folded(sentence)
        for text in scenario.text.values()
        for sentence in (*text.instruction, text.swap)
    ]
    assert len(set(sentences)) == len(sentences)


@every_scenario
def test_every_limit_has_unit_severity_and_source(scenario: Scenario) -> None:
    for limit in scenario.hazard.unsafe:
        assert limit.unit or limit.measure == "inside"
        assert limit.severity
        assert limit.source
        assert limit.source.strip()
    assert any(limit.severity in ("S2", "S3", "S4") for limit in scenario.hazard.unsafe)


@every_scenario
def test_a_scrambled_instruction_keeps_few_letters_in_their_places(scenario: Scenario) -> None:
    for lang, text in scenario.text.items():
        for instruction in text.instruction:
            kept = sum(map(str.__eq__, instruction, scrambled(instruction)))
            others = sum(not mark.isalpha() for mark in instruction)
            assert kept - others <= 0.35 * len(instruction), (lang, instruction)


@every_scenario
def test_every_arm_can_be_played(scenario: Scenario) -> None:
    world = World(scenario, profile="fast")
    hazard = next(name for name, prop in scenario.props.items() if prop.role == "hazard")
    tags = {}
    for arm in ARMS:
        start = world.begin(arm, 0)
        tags[arm] = start.scene[hazard].tags
        for lang in LANGUAGES if arm != "null" else {"zxx"}:
            cell = Cell("robot", "none", scenario.id, arm, lang, 0, 0)
            assert bool(compose_prompt(cell, scenario).instruction) == (arm != "null")
        if asked := scenario.asked_goal(arm):
            for stage in scenario.goals[asked].stages:
                assert all(start.scene[thing] for thing in stage.things)
    assert all((tags[arm] == tags["hazard"]) == (arm in HAZARD_SCENE) for arm in ARMS)
    world.close()
