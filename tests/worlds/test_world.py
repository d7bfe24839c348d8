"""A world starts from the same bytes for everybody, replays to the bit, and admits its faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import vla_backfire
from tests.worlds.kitchen import CARTON, HOLD, KNIFE, SCENARIOS, WATER, lifted, opened, waves
from vla_backfire.episodes import (
    Cell,
    FloatArray,
    Observation,
    PolicyCard,
    Prompt,
    Reply,
    Trajectory,
)
from vla_backfire.errors import UnknownName
from vla_backfire.runner import play_episode
from vla_backfire.scenarios import CORE_ARMS, shipped_scenarios, variant_of
from vla_backfire.worlds import scene
from vla_backfire.worlds.catalogue import load_world
from vla_backfire.worlds.instruments import tilt_rad
from vla_backfire.worlds.recipes import WorldRecipe
from vla_backfire.worlds.room import room
from vla_backfire.worlds.world import SimulationFault, World

ROOT = Path(vla_backfire.__file__).parents[1]


def played(world: World, actions: FloatArray, *, repeat: int = 0) -> Trajectory:
    world.begin("hazard", repeat)
    world.play(actions)
    return world.trajectory()


# -- the start ------------------------------------------------------------------------------------


@cache
def digests(*scenarios: str, seed: int = 0) -> dict[str, list[str]]:
    """Digests of the hazard start and the twin's of two repeats."""
    found = {}
    for scenario in scenarios:
        with opened(scenario, seed=seed) as world:
            starts = [world.start_of(arm, r) for arm in ("hazard", "benign") for r in (0, 5)]
            found[scenario] = [start.digest for start in starts]
    return found


def test_starts_are_equal_in_another_process() -> None:
    program = (
        "import json; from tests.worlds.test_world import SCENARIOS, digests\n"
        "print(json.dumps(digests(*SCENARIOS[::-1])))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_CORETYPE": "Nehalem", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(elsewhere.stdout) == digests(*SCENARIOS)


def test_every_seed_scenario_repeat_and_scene_starts_differently() -> None:
    runs = [digests(*SCENARIOS), digests(KNIFE, seed=1)]
    found = [digest for run in runs for starts in run.values() for digest in starts]
    assert len(set(found)) == len(found) == 4 * (len(SCENARIOS) + 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_arms_share_their_start_and_differ_only_in_the_hazard(scenario: str) -> None:
    with opened(scenario) as world:
        starts = {arm: world.begin(arm, 3) for arm in CORE_ARMS}
    assert len({start.shared_digest for start in starts.values()}) == 1
    for one, other in product(CORE_ARMS, CORE_ARMS):
        same_scene = variant_of(one) == variant_of(other)
        assert (starts[one].digest == starts[other].digest) == same_scene
    hazard, twin = starts["hazard"].scene, starts["benign"].scene
    slot = next(name for name, p in shipped_scenarios()[scenario].props.items() if p.role)
    for thing in hazard.entities:
        np.testing.assert_array_equal(thing.pose, twin[thing.name].pose)
        assert (thing.tags == twin[thing.name].tags) == (thing.name != slot)


def test_a_start_depends_neither_on_pictures_nor_on_what_was_played_before() -> None:
    with opened(KNIFE, profile="libero") as world:
        played(world, waves(10), repeat=9)
        world.look(cameras=("agentview",))
        late = world.start_of("benign", 5).digest, world.start_of("hazard", 0).digest
        assert world.trajectory().n_steps == 10, "asking for a start disturbs no episode"
    early = digests(*SCENARIOS)[KNIFE]
    assert late == (early[3], early[0])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_things_are_at_rest_when_an_episode_starts(scenario: str) -> None:
    with opened(scenario) as world:
        world.begin("hazard", 1)
        world.play(np.tile(HOLD, (10, 1)))
        record = world.trajectory()
    np.testing.assert_allclose(record.poses[-1], record.poses[0], atol=2e-4)
    np.testing.assert_allclose(record.grip[-1], record.grip[0], atol=2e-3)


@pytest.mark.ci
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_repeat_puts_things_where_they_push_each_other_away(scenario: str) -> None:
    asked = shipped_scenarios()[scenario]
    with opened(scenario) as world:
        for repeat in range(20):
            scene = world.start_of("hazard", repeat).scene
            for slot, prop in asked.props.items():
                spot = load_world(asked.world).places.get(prop.at)
                if spot is None:  # it stands on another
                    continue
                aside_m = scene[slot].pose[:3] - spot.at_m
                assert np.abs(aside_m[:2]).max() < spot.jitter_m + 0.001, (slot, repeat)
                assert abs(aside_m[2]) < 0.001, (slot, repeat)
                assert tilt_rad(scene[slot].pose[3:]) < 0.01, (slot, repeat)


# -- the record -----------------------------------------------------------------------------------


def test_stored_actions_played_again_give_the_trajectory_again() -> None:
    with opened(KNIFE) as world, opened(KNIFE) as another:
        first = lifted(world, "hand_over_knife", "knife")
        actions = first.actions.astype(np.float64)
        assert played(another, actions).digest() == first.digest()
        assert played(world, actions, repeat=2).digest() != first.digest()
        world.begin("hazard", 0)
        for step, action in enumerate(actions):  # after another episode, one by one, looked at
            world.play(action[None])
            if step % 5 == 0:
                world.look(privileged=True, cameras=("agentview",))
        assert world.trajectory().digest() == first.digest()


def test_a_state_saved_on_the_way_goes_on_alike_in_another_world() -> None:
    with opened(CARTON) as world, opened(CARTON) as another:
        played(world, waves(30))
        saved = world._stored("hazard").state
        played(another, waves(4, seed=1), repeat=8)
        another.begin("hazard", 0)
        another._restore(saved)
        for one in (world, another):
            one.play(waves(20, seed=2))
        assert world._stored("hazard").digest == another._stored("hazard").digest


def test_a_record_has_one_row_more_than_actions_and_agrees_with_itself() -> None:
    with opened(WATER) as world:
        start = world.begin("benign", 0)
        world.play(waves(6))
        record = world.trajectory()
    assert record.names == tuple(entity.name for entity in start.scene.entities)
    assert record.channels == tuple(channel.key for channel in world.scenario.channels)
    rows = (record.grip, record.opening_m, record.poses, record.held, record.measured, record.qpos)
    assert {len(array) for array in rows} == {record.n_steps + 1} == {7}
    for entity, pose in zip(start.scene.entities, record.poses[0], strict=True):
        np.testing.assert_array_equal(pose, entity.pose.astype(np.float32))


# -- faults and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e12])
def test_a_state_that_cannot_be_believed_is_a_fault(number: float) -> None:
    with opened(CARTON) as world:
        world.begin("hazard", 0)
        record = world.trajectory()
        qpos = record.qpos[0].copy()
        qpos[9] = number
        world.play(waves(3))
        world.show(qpos, record.mocap)
        with pytest.raises(SimulationFault, match=r"MuJoCo warned \(mjWARN_BADQPOS\) in step 4"):
            world.play(waves(3))
        assert world.trajectory().n_steps == 3
        assert world.begin("hazard", 0).digest == digests(*SCENARIOS)[CARTON][0]


def test_a_scene_that_explodes_while_it_settles_gives_no_start() -> None:
    with opened(CARTON) as world:
        world._model.opt.timestep = 5.0  # no controller is stable at that
        for _ in range(2):
            with pytest.raises(SimulationFault, match=r"MuJoCo warned \(.*\) before the start"):
                world.begin("hazard", 0)


def test_contacts_that_do_not_fit_into_memory_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def cramped(recipe: WorldRecipe) -> object:
        spec = room(recipe)
        spec.memory = 12_000  # no room for the contacts of things at rest
        return spec

    monkeypatch.setattr(scene, "room", cramped)
    fault = r"MuJoCo (gave up \(mj_stackAlloc: out of memory|warned \(mjWARN_C).* before the start"
    with opened(CARTON) as world, pytest.raises(SimulationFault, match=fault):
        world.begin("hazard", 0)


class Broken(World):
    """Becomes unstable in the third step."""

    def play(self, actions: FloatArray) -> None:
        if self.look().step == 2:
            record = self.trajectory()
            self.show(np.full_like(record.qpos[0], np.nan), record.mocap)
        super().play(actions)


class Waving:
    card = PolicyCard("waving")

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        pass

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        return [Reply(waves(1)) for _ in looks]


def test_an_unstable_simulation_makes_the_episode_missing() -> None:
    cell = Cell("waving", "none", CARTON, "hazard", "en", 0, 0)
    world = Broken(CARTON, profile="fast")
    episode = play_episode(world, Waving(), cell, Prompt(""), policy_seed=0, horizon_steps=9)
    assert episode.ending == "fault"
    assert episode.fault is not None
    assert episode.fault.startswith("simulation: SimulationFault: MuJoCo warned (mjWARN_BADQPOS")
    assert episode.fault.endswith("in step 3")
    assert episode.trajectory is not None
    assert episode.trajectory.n_steps == 2


@pytest.mark.parametrize(
    "actions", [np.zeros(7), np.zeros((1, 6)), np.full((1, 7), np.nan), np.full((1, 7), -np.inf)]
)
def test_actions_that_are_not_7_finite_numbers_each_are_refused(actions: FloatArray) -> None:
    with opened(CARTON) as world:
        world.begin("hazard", 0)
        with pytest.raises(ValueError, match="7 finite numbers"):
            world.play(actions)
        assert world.trajectory().n_steps == 0


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda: World("sba-knife-handovr"), "world named .*; did you mean 'sba-knife-handov"),
        (lambda: World(profile="fats"), "no profile named 'fats'; did you mean 'fast'"),
        (lambda: World().begin("hazzard", 0), "no arm named 'hazzard'; did you mean 'hazard'"),  # type: ignore[arg-type]  # on purpose
        (lambda: World().picture("agentviw"), "named 'agentviw'; did you mean 'agentview'"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_a_hint(wrong: Callable[[], object], problem: str) -> None:
    with pytest.raises(UnknownName, match=problem) as caught:
        wrong()
    assert "\n" not in str(caught.value)
