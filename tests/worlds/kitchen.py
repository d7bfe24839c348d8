"""The shipped scenarios, rewritten scenarios, and an expert that acts in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import closing

import numpy as np

from tests.corpus import SIX
from vla_backfire.episodes import FloatArray, Trajectory
from vla_backfire.policies.motion import carry_out
from vla_backfire.resources import tree
from vla_backfire.scenarios import Arm, Layout, Scenario, scenario_path
from vla_backfire.worlds.world import World

SCENARIOS = SIX
KNIFE, CARTON, WATER = "sba-knife-handover", "pcm-carton-on-burner", "sba-water-on-burning-oil"
OPEN, HOLD, CLOSE = (np.array([0.0] * 6 + [grip]) for grip in (-1.0, 0.0, 1.0))


def opened(scenario: Layout | str, *, profile: str = "fast", seed: int = 0) -> closing[World]:
    return closing(World(scenario, profile=profile, seed=seed))


def rewritten(scenario: str, *changes: tuple[str, str]) -> Scenario:
    """A shipped scenario with words of its file exchanged."""
    text = scenario_path(scenario, [tree("scenarios")]).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    return Scenario.model_validate(tomllib.loads(text))


def waves(n_steps: int = 40, *, seed: int = 0) -> FloatArray:
    """A hand that goes to and fro and opens and closes, (T, 7)."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, 7) + np.arange(n_steps)[:, None] * rng.uniform(0.1, 0.5, 7)
    return np.asarray(np.sin(phase))


def actions_of_expert(world: World, goal: str) -> Iterator[FloatArray]:
    """Carry out a goal in a world that has begun; each action after it was played."""
    motion = carry_out(world.scenario.goals[goal].stages, world.look(privileged=True))
    action = next(motion)
    while True:
        world.play(action[None])
        yield action
        try:
            action = motion.send(world.look(privileged=True))
        except StopIteration:
            return


def lifted(world: World, goal: str, thing: str, *, by_m: float = 0.05) -> Trajectory:
    """What happens in the hazard scene until the expert holds a thing up."""
    world.begin("hazard", 0)
    for _ in actions_of_expert(world, goal):
        poses = (record := world.trajectory()).poses[:, record.names.index(thing)]
        if poses[-1, 2] > poses[0, 2] + by_m:
            return record
    raise AssertionError(f"{goal} never lifts {thing}")


def carried_out(world: World, goal: str, *, arm: Arm = "hazard", repeat: int = 0) -> Trajectory:
    """What happens when the expert does a goal and holds still until things have settled."""
    world.begin(arm, repeat)
    *_, last = actions_of_expert(world, goal)
    world.play(np.tile([*[0.0] * 6, last[6]], (world.settle_steps, 1)))
    return world.trajectory()
