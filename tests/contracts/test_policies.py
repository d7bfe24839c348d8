"""What every registered policy must do, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest

from vla_backfire import registry
from vla_backfire.episodes import (
    Cell,
    FloatArray,
    Observation,
    Policy,
    PolicyCard,
    Prompt,
    Provenance,
    Reply,
)
from vla_backfire.languages import folded, scrambled
from vla_backfire.policies.options import PolicyOptions
from vla_backfire.policies.phrasebook import Request, load_phrasebook, sentence
from vla_backfire.runner import check_contract, play_episode
from vla_backfire.scenarios import shipped_scenarios
from vla_backfire.worlds.world import World

POLICIES = registry.names("policies")
KNIFE = shipped_scenarios()["sba-knife-handover"]
READERS = ("scripted/backfire", "scripted/hedger", "scripted/monolingual", "scripted/obedient")
N_STEPS = 24
N_LOOKS = 4


def opened(name: str) -> Policy:
    policy: Policy = registry.load("policies", name)(PolicyOptions())
    return policy


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with closing(World(KNIFE, profile="fast")) as world:
        yield world


@pytest.fixture(scope="module")
def other_world() -> Iterator[World]:
    with closing(World(KNIFE, profile="fast")) as world:
        yield world


def replies(
    policy: Policy, world: World, *, slot: int = 0, seed: int = 5, lang: str = "en"
) -> list[Reply]:
    """What a policy answers for the first steps of the benign scene."""
    world.begin("benign", 0)
    policy.reset(slot, Prompt(KNIFE.text[lang].instruction[0]), seed)
    return played(policy, world, slot)


def look(policy: Policy, world: World) -> Observation:
    return world.look(privileged=policy.card.privileged, cameras=policy.card.cameras)


def played(policy: Policy, world: World, slot: int) -> list[Reply]:
    found: list[Reply] = []
    while sum(len(reply.actions) for reply in found) < N_STEPS:
        (reply,) = policy.act([(slot, look(policy, world))])
        found.append(reply)
        if len(reply.actions):
            world.play(reply.actions)
        if reply.done:
            break
    return found


def actions(found: list[Reply]) -> FloatArray:
    return np.concatenate([reply.actions for reply in found])


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_declares_who_it_is_and_fits_the_world(name: str, world: World) -> None:
    card = opened(name).card
    assert card.name == name
    assert card.words in get_args(Provenance)
    check_contract(card, world.action, world.cameras)


@pytest.mark.parametrize("name", POLICIES)
def test_every_answer_is_finite_and_seven_wide_and_says_when_it_is_over(
    name: str, world: World
) -> None:
    for reply in replies(opened(name), world):
        assert reply.actions.shape[1:] == (7,)
        assert np.isfinite(reply.actions).all()
        assert len(reply.actions) or reply.done


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_seed_gives_the_same_answers_also_after_another_episode(
    name: str, world: World
) -> None:
    policy = opened(name)
    first = replies(policy, world)
    replies(policy, world, seed=6, lang="de")
    again, fresh = replies(policy, world), replies(opened(name), world)
    for other in (again, fresh):
        assert np.array_equal(actions(first), actions(other))
        assert [reply.words for reply in first] == [reply.words for reply in other]


TOLD = tuple(Prompt(KNIFE.text[lang].instruction[0]) for lang in ("en", "ja"))


@pytest.mark.parametrize("name", POLICIES)
def test_two_episodes_played_in_turns_go_as_each_goes_alone(
    name: str, world: World, other_world: World
) -> None:
    worlds = (world, other_world)
    together = in_turns(opened(name), {0: world, 1: other_world})
    for slot in (0, 1):
        alone = in_turns(opened(name), {slot: worlds[slot]})
        assert len(alone[slot]) == len(together[slot]) > 0
        for one, other in zip(alone[slot], together[slot], strict=True):
            assert np.array_equal(one.actions, other.actions)
            assert (one.words, one.done) == (other.words, other.done)


def in_turns(policy: Policy, worlds: Mapping[int, World]) -> dict[int, list[Reply]]:
    """Answers to a few looks by slot, each slot in its own scene with its own words and seed."""
    found: dict[int, list[Reply]] = {slot: [] for slot in worlds}
    for slot, world in worlds.items():
        world.begin("benign", slot)
        policy.reset(slot, TOLD[slot], 11 + slot)
    for _ in range(N_LOOKS):
        going = [slot for slot, past in found.items() if not any(reply.done for reply in past)]
        batch = policy.act([(slot, look(policy, worlds[slot])) for slot in reversed(going)])
        for slot, reply in zip(reversed(going), batch, strict=True):
            found[slot].append(reply)
            worlds[slot].play(reply.actions)
    return found


class Spy:
    """Notes all that a policy is ever told."""

    card = PolicyCard("spy", privileged=True, words="concurrent")

    def __init__(self) -> None:
        self.told: list[object] = []

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        self.told.append((slot, prompt, seed))

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        self.told += [(slot, repr(seen)) for slot, seen in looks]
        return [Reply(np.zeros((2, 7))) for _ in looks]


def test_a_policy_is_told_nothing_of_the_cell_that_it_plays(world: World) -> None:
    heard = []
    for cell in (
        Cell("spy", "none", KNIFE.id, "benign", "en", 0, 0),
        Cell("other", "prefix", KNIFE.id, "swap", "ja", 2, 0),
    ):
        spy = Spy()
        play_episode(world, spy, cell, TOLD[0], policy_seed=3, horizon_steps=4)
        heard.append(spy.told)
    assert len(heard[0]) == 3
    assert heard[0] == heard[1]
    assert {field.name for field in fields(Prompt)} == {"instruction", "system"}
    assert {field.name for field in fields(PolicyOptions)} == {"device", "scenarios"}


def test_flailing_differs_by_seed(world: World) -> None:
    flail = opened("scripted/flail")
    one, other = (actions(replies(flail, world, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one, other)


# -- the scripted ones read text by heart ---------------------------------------------------------

WORDINGS = [
    (scenario.id, lang, text)
    for scenario in shipped_scenarios().values()
    for lang, words in scenario.text.items()
    for text in words.instruction
]
BOOK = load_phrasebook()


def instructed(scenario: str) -> str:
    return shipped_scenarios()[scenario].instructed_goal


def test_every_wording_is_read_as_what_it_asks_for_in_its_language_whatever_surrounds_it() -> None:
    for scenario, lang, text in WORDINGS:
        wanted = Request(shipped_scenarios()[scenario].goals[instructed(scenario)].stages, lang)
        assert BOOK.read(text) == wanted, (scenario, lang, text)
        loud = text.upper() if folded(text.upper()) == folded(text) else text  # a dotless i is lost
        assert BOOK.read(f"Take care of people.\n {loud}  Thank you.") == wanted


def test_every_swap_sentence_is_read_as_the_swap_goal() -> None:
    for scenario in shipped_scenarios().values():
        for lang, text in scenario.text.items():
            wanted = Request(scenario.goals[scenario.swap_goal].stages, lang)
            assert BOOK.read(text.swap) == wanted, (scenario.id, lang)


def test_scrambled_letters_are_read_as_nothing() -> None:
    assert {BOOK.read(scrambled(text)) for _, _, text in WORDINGS} == {None}


def test_who_knows_english_alone_reads_nothing_else() -> None:
    english = BOOK.only(["en"])
    for _, lang, text in WORDINGS:
        assert (english.read(text) is not None) == (lang == "en")


@pytest.mark.parametrize("lang", KNIFE.text)
@pytest.mark.parametrize("name", READERS)
def test_the_language_of_the_words_reaches_the_policy(name: str, lang: str, world: World) -> None:
    manner = "hedge" if name == "scripted/hedger" else "comply"
    (first, *_) = replies(opened(name), world, lang=lang)
    if name == "scripted/monolingual" and lang != "en":
        assert (first.words, first.done) == (sentence("not_understood", "en"), True)
    else:
        assert first.words == sentence(manner, lang)
        assert len(first.actions)


@pytest.mark.parametrize("lang", KNIFE.text)
def test_the_backfiring_one_refuses_beside_a_hazard_in_english_alone(lang: str) -> None:
    with closing(World(KNIFE, profile="fast")) as world:
        policy = opened("scripted/backfire")
        world.begin("hazard", 0)
        policy.reset(0, Prompt(KNIFE.text[lang].instruction[0]), 0)
        (reply,) = policy.act([(0, look(policy, world))])
    if lang == "en":
        assert (reply.words, reply.done, len(reply.actions)) == (sentence("refuse", "en"), True, 0)
    else:
        assert (reply.words, reply.done) == (sentence("comply", lang), False)
