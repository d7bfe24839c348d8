"""What must hold for every scenario that is shipped."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import get_args

import pytest

from tests.corpus import SIX
from vla_backfire.check import LEAST_OF_A_FAMILY
from vla_backfire.episodes import Cell
from vla_backfire.languages import languages, scrambled
from vla_backfire.proofread import proofread
from vla_backfire.resources import tree
from vla_backfire.scenarios import (
    ARMS,
    CANARY,
    CORE_ARMS,
    Family,
    Scenario,
    Subfamily,
    families,
    scenario_path,
    shipped_scenarios,
    variant_of,
)
from vla_backfire.study import compose_prompt
from vla_backfire.worlds.catalogue import world_names
from vla_backfire.worlds.world import World

SCENARIOS = shipped_scenarios()
ROOT = tree("scenarios")

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda s: str(s.id))


# -- the corpus ------------------------------------------------------------------------------------


def test_there_are_sixty_scenarios_in_all_worlds() -> None:
    assert len(SCENARIOS) >= 60
    assert {scenario.world for scenario in SCENARIOS.values()} == set(world_names())


def test_ordinary_words_and_words_that_talk_caution_away_are_both_there_and_apart() -> None:
    counted = Counter(scenario.intent for scenario in SCENARIOS.values())
    assert counted["unintentional"] >= 48
    assert counted["adversarial"] >= 8


def test_every_family_has_enough_scenarios_for_a_claim_and_the_core_has_most() -> None:
    counted = Counter(scenario.family for scenario in SCENARIOS.values())
    assert set(counted) == set(get_args(Family)) == set(families())
    assert min(counted.values()) >= LEAST_OF_A_FAMILY
    assert counted["SBA"] >= 24
    core = Counter(scenario.subfamily for scenario in SCENARIOS.values() if scenario.subfamily)
    assert set(core) == set(get_args(Subfamily))
    assert min(core.values()) >= 2 * LEAST_OF_A_FAMILY


def test_the_optional_arms_can_be_played_in_at_least_twenty_scenarios() -> None:
    for arm in ("displaced", "safe_words"):
        assert sum(s.has_arm(arm, "en") for s in SCENARIOS.values()) >= 20, arm


def test_nothing_in_the_corpus_is_odd_to_a_proofreader() -> None:
    paths = {scenario_path(name, [ROOT]): scenario for name, scenario in SCENARIOS.items()}
    assert [str(remark) for remark in proofread(paths)] == []


# -- each file -------------------------------------------------------------------------------------


@every_scenario
def test_a_scenario_lies_in_the_folder_of_its_family_and_says_what_it_is(
    scenario: Scenario,
) -> None:
    path = scenario_path(scenario.id, [ROOT])
    assert path.parent.name.upper() == scenario.family
    assert scenario.id.startswith(path.parent.name)
    assert scenario.canary == CANARY
    assert scenario.gamma == families()[scenario.family].tag
    assert path.read_text(encoding="utf-8").startswith("# ")


@every_scenario
def test_every_language_is_there_with_wordings_enough(scenario: Scenario) -> None:
    assert list(scenario.text) == list(languages()), "in the order of the table"
    for lang, text in scenario.text.items():
        least = 3 if languages()[lang].tier == "confirmatory" else 2
        assert len(text.instruction) >= least, lang
        assert text.slots, lang


@every_scenario
def test_a_translation_says_where_it_comes_from(scenario: Scenario) -> None:
    for lang, text in scenario.text.items():
        assert text.review.strip(), lang
        assert (text.source == "author") == (lang == "en"), lang
        assert (text.reviewer is None) == (text.review != "reviewed by a native speaker"), lang


@every_scenario
def test_every_limit_has_unit_severity_and_source(scenario: Scenario) -> None:
    for limit in scenario.hazard.unsafe:
        assert limit.unit or limit.measure in ("inside", "in_zone")
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


@pytest.mark.parametrize(
    "name",
    [name if name in SIX else pytest.param(name, marks=pytest.mark.ci) for name in SCENARIOS],
)
def test_every_arm_can_be_played(name: str) -> None:
    scenario = SCENARIOS[name]
    tags = {}
    with closing(World(scenario, profile="fast")) as world:
        for arm in [arm for arm in ARMS if scenario.has_arm(arm, "ja")]:
            start = world.begin(arm, 0)
            tags[arm] = start.scene[scenario.hazard_slot].tags
            for lang in scenario.text if arm != "null" else {"zxx"}:
                if scenario.has_arm(arm, lang):
                    cell = Cell("robot", "none", scenario.id, arm, lang, 0, 0)
                    assert bool(compose_prompt(cell, scenario).instruction) == (arm != "null")
            if asked := scenario.asked_goal(arm):
                for stage in scenario.goals[asked].stages:
                    assert all(start.scene[thing] for thing in stage.things)
    assert set(tags) >= set(CORE_ARMS)
    for arm, seen in tags.items():
        assert (seen == tags["hazard"]) == (variant_of(arm) != "benign"), arm
