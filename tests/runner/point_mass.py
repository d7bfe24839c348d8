"""A tiny real world and tiny policies: a point mass pushed over a table.

`python -m tests.runner.point_mass FOLDER WORKERS KILL_AFTER PROFILE` plays its study as a run of
its own, which kills itself (signal 9) after that many commits, or never with -1. With profile
`slow` the wanderer takes its time; with `asleep` it never answers in Vietnamese.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np

from vla_backfire.episodes import (
    ActionSpec,
    Cell,
    Entity,
    Episode,
    FloatArray,
    Observation,
    Policy,
    PolicyCard,
    Prompt,
    Provenance,
    Reply,
    SceneState,
    Start,
    Trajectory,
)
from vla_backfire.errors import UnknownName
from vla_backfire.ledger import Ledger, canonical_lines
from vla_backfire.runner import Block, Played, Setting, play_blocks
from vla_backfire.scenarios import Arm, Variant, variant_of

STEP_S = 0.05
HORIZON_STEPS = {"knife": 20, "kettle": 16}
FRICTION_PER_S = 2.0
EDGE_M = 5.0
IDENTITY = {"study": "point mass", "seed": "7"}


class SimulationFault(Exception):  # named as in worlds/world.py
    pass


def block_of_wood(place_m: FloatArray) -> Entity:
    return Entity(
        name="block",
        tags=frozenset({"wood", "light"}),
        pose=np.array([*place_m, 1.0, 0.0, 0.0, 0.0]),
        half_size_m=np.full(3, 0.02),
        grasp_m=np.zeros(3),
    )


class PointMass:
    """A mass with friction; actions 0-2 push it, the last one is the gripper."""

    action = ActionSpec()
    cameras = ("front",)
    settle_steps = 4

    def __init__(self, seed: int, scenario: str) -> None:
        self._entropy = (seed, zlib.crc32(scenario.encode()))

    def begin(self, arm: Arm, repeat: int) -> Start:
        rng = np.random.default_rng((*self._entropy, repeat))
        self._place_m, self._speed_m_s = rng.normal(size=3), np.zeros(3)
        self._actions: list[FloatArray] = []
        self._places_m = [self._place_m]
        state = np.array([*self._place_m, float(variant_of(arm) == "hazard")])
        return Start(
            state,
            digest=hashlib.sha256(state.tobytes()).hexdigest()[:16],
            shared_digest=hashlib.sha256(state[:3].tobytes()).hexdigest()[:16],
            scene=SceneState((block_of_wood(self._place_m),), None, 0.8),
        )

    def look(self, *, privileged: bool, cameras: tuple[str, ...]) -> Observation:
        return Observation(
            step=len(self._actions),
            images={name: np.zeros((2, 2, 3), np.uint8) for name in cameras},
            state=np.zeros(8),
            grip_pos_m=self._place_m,
            grip_rotation=np.eye(3),
            opening_m=0.08,
            scene=SceneState((block_of_wood(self._place_m),), None, 0.8) if privileged else None,
        )

    def play(self, actions: FloatArray) -> None:
        for action in actions:
            force = np.clip(action[:3], -1.0, 1.0) * 10 - FRICTION_PER_S * self._speed_m_s
            self._speed_m_s = self._speed_m_s + STEP_S * force
            self._place_m = self._place_m + STEP_S * self._speed_m_s
            if np.abs(self._place_m).max() > EDGE_M:
                raise SimulationFault("the mass fell off the table")
            self._actions.append(action)
            self._places_m.append(self._place_m)

    def trajectory(self) -> Trajectory:
        places = np.array(self._places_m, np.float32)  # (T+1, 3)
        upright = np.tile(np.array([1, 0, 0, 0], np.float32), (len(places), 1))
        poses = np.hstack([places, upright])  # (T+1, 7)
        return Trajectory(
            rate_hz=self.action.rate_hz,
            actions=np.array(self._actions, np.float32).reshape(-1, 7),
            grip=poses,
            opening_m=np.full(len(places), 0.08, np.float32),
            names=("block",),
            poses=poses[:, None],
            held=np.full(len(places), -1, np.int8),
            channels=("distance:block:table",),
            measured=places[:, 2:],
            qpos=places,
            mocap=np.zeros((0, 7), np.float32),
        )

    def close(self) -> None:
        self._places_m = []


class Wanderer:
    """Pushes at random, chunk by chunk, and says which way now and then."""

    name = "wanderer"
    words: Provenance = "concurrent"

    @cached_property
    def card(self) -> PolicyCard:
        return PolicyCard(self.name, words=self.words)

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        self.prompt = prompt
        self.rng = np.random.default_rng(seed)

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        return [self.answer(seen) for _, seen in looks]

    def answer(self, seen: Observation) -> Reply:
        words = "xin chào" if seen.step % 4 == 0 else None
        return Reply(self.rng.uniform(-1, 1, (3, 7)), words)


class Raiser(Wanderer):
    name = "raiser"

    def answer(self, seen: Observation) -> Reply:
        if seen.step >= 6:
            raise ValueError(f"cannot open /home/someone/{id(self):#x}/weights.bin at 0x7fff1234")
        return super().answer(seen)


class NotANumber(Wanderer):
    name = "nan"

    def answer(self, seen: Observation) -> Reply:
        return Reply(np.full((1, 7), np.nan))


class TooLarge(Wanderer):
    name = "too-large"

    def answer(self, seen: Observation) -> Reply:
        return Reply(np.full((1, 7), 1e39))  # finite, and infinite as float32


class WrongShape(Wanderer):
    name = "wrong-shape"

    def answer(self, seen: Observation) -> Reply:
        return Reply(np.zeros(7))


class NoActions(Wanderer):
    name = "no-actions"

    def answer(self, seen: Observation) -> Reply:
        return Reply(np.zeros((0, 7)))


class TwoReplies(Wanderer):
    name = "two-replies"

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        return super().act([*looks, *looks])


class Done(Wanderer):
    name = "done"

    def answer(self, seen: Observation) -> Reply:
        push = np.array([[1.0, 0, 0, 0, 0, 0, 0.7]])
        return Reply(push, "  ") if seen.step < 2 else Reply(push[:0], "e\u0301 fatto\udc80", True)


class Pusher(Wanderer):
    name = "pusher"

    def answer(self, seen: Observation) -> Reply:
        return Reply(np.ones((50, 7)))


class OutOfMemory(Wanderer):
    name = "out-of-memory"

    def answer(self, seen: Observation) -> Reply:
        raise MemoryError


class Slow(Wanderer):
    """Does what a wanderer does, and takes its time."""

    def __init__(self, profile: str) -> None:
        self.asleep = profile == "asleep"

    def answer(self, seen: Observation) -> Reply:
        time.sleep(60.0 if self.asleep and self.prompt.instruction == "vi" else 0.01)
        return super().answer(seen)


class Deadly(Wanderer):
    """Dies of signal 9 on the instruction 'die'; on 'die once' only where no file says it did."""

    name = "deadly"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answer(self, seen: Observation) -> Reply:
        died = self.folder / "died"
        if self.prompt.instruction == "die":
            die()
        if self.prompt.instruction == "die once" and seen.step > 3 and not died.exists():
            died.touch()
            die()
        return super().answer(seen)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


WANDERERS: dict[str, type[Wanderer]] = {
    kind.name: kind
    for kind in (
        *(Wanderer, Raiser, NotANumber, WrongShape, NoActions, TwoReplies, Done, Pusher),
        OutOfMemory,
    )
}


def open_world(setting: Setting, scenario: str) -> PointMass:
    return PointMass(setting.seed, scenario)


def open_policy(setting: Setting, name: str) -> Policy:
    if name == Deadly.name:
        return Deadly(setting.roots[0])
    if name == Wanderer.name and setting.profile in ("slow", "asleep"):
        return Slow(setting.profile)
    if name not in WANDERERS:
        raise UnknownName("policy", name, WANDERERS)
    return WANDERERS[name]()


def setting(folder: Path = Path(), *, seed: int = 7, profile: str = "plain") -> Setting:
    return Setting(open_world, open_policy, HORIZON_STEPS, seed, profile, roots=(folder,))


def cell(policy: str, scenario: str, repeat: int, *, arm: Arm = "hazard", lang: str = "en") -> Cell:
    return Cell(policy, "none", scenario, arm, lang, 0, repeat)


def block(
    scenario: str, repeat: int, policy: str, words: Sequence[str] = ("en", "vi"), *, arm: Arm
) -> Block:
    plays = [(cell(policy, scenario, repeat, arm=arm, lang=lang), Prompt(lang)) for lang in words]
    return Block(scenario, repeat, tuple(plays))


def study() -> list[Block]:
    """20 cells: 2 scenarios, 2 repeats, both scene variants, 2 languages; some end by a fault."""
    blocks = [
        block(scenario, repeat, "wanderer", arm=arm)
        for scenario in ("knife", "kettle")
        for repeat in (0, 1)
        for arm in ("hazard", "benign")
    ]
    return [*blocks, block("knife", 0, "nan", arm="swap"), block("kettle", 1, "raiser", arm="null")]


def play_into(
    ledger: Ledger,
    blocks: Sequence[Block],
    *,
    workers: int,
    with_setting: Setting | None = None,
    kill_after: int = -1,
) -> Played:
    """Play what a ledger does not have; die of signal 9 once that many writes were committed."""
    played = ledger.played()
    left = [
        replace(b, plays=tuple(play for play in b.plays if play[0].key not in played))
        for b in blocks
    ]
    n_commits = 0

    def count() -> None:
        nonlocal n_commits
        n_commits += 1
        if n_commits == kill_after:
            workers_alive = [child.pid for child in multiprocessing.active_children()]
            sys.stdout.write(json.dumps(workers_alive) + "\n")
            sys.stdout.flush()
            die()

    def on_start(scenario: str, repeat: int, variant: Variant, start: Start) -> None:
        ledger.write_start(scenario, repeat, variant, start)
        count()

    def on_episode(episode: Episode) -> None:
        ledger.write_episode(episode)
        count()

    return play_blocks(
        left,
        setting=with_setting or setting(),
        workers=workers,
        on_episode=on_episode,
        on_start=on_start,
    )


def lines_of(folder: Path) -> list[str]:
    with Ledger.open(folder, readonly=True) as ledger:
        return list(canonical_lines(ledger))


def main(folder: str, workers: str, kill_after: str, profile: str) -> None:
    with Ledger.create(Path(folder), IDENTITY) as ledger:
        play_into(
            ledger,
            study(),
            workers=int(workers),
            with_setting=setting(profile=profile),
            kill_after=int(kill_after),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
