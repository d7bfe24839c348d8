"""One episode: a policy is told its words, looks, answers and is carried out, until it ends.

What goes wrong inside is data: the episode ends as a fault with its reason, is kept and counted.
Dimension letters: T control steps of a chunk, A action entries.
"""

from __future__ import annotations

import errno
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import fields
from typing import Literal, Protocol, TypeVar

import numpy as np

from vla_backfire.episodes import (
    ActionSpec,
    Cell,
    Ending,
    Episode,
    FloatArray,
    Observation,
    Policy,
    PolicyCard,
    Prompt,
    Reply,
    Start,
    Trajectory,
    Utterance,
)
from vla_backfire.errors import ActionMismatch, BackfireError
from vla_backfire.languages import normalise
from vla_backfire.scenarios import Arm

Value = TypeVar("Value")


class PlayableWorld(Protocol):
    """A world as the runner needs it; `worlds` has the real one."""

    @property
    def action(self) -> ActionSpec:
        """The actions it takes."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras it has."""

    @property
    def settle_steps(self) -> int:
        """Control steps in which things come to rest after the policy is done."""

    def begin(self, arm: Arm, repeat: int) -> Start:
        """Put everything where an episode of (arm, repeat) starts."""

    def look(self, *, privileged: bool, cameras: tuple[str, ...]) -> Observation:
        """What there is to see now."""

    def play(self, actions: FloatArray) -> None:
        """Carry out actions, (T, A); raises where the simulation becomes unstable."""

    def trajectory(self) -> Trajectory:
        """What has happened since `begin`."""

    def close(self) -> None:
        """Free what it holds; nobody plays in it any more."""


class _BadReplyError(ValueError):
    """A policy answered something that cannot be carried out."""


def check_contract(card: PolicyCard, action: ActionSpec, cameras: tuple[str, ...]) -> None:
    """See that a policy and a world speak the same, before episode 1.

    Args:
        card: What the policy declares.
        action: What the world takes.
        cameras: Cameras that the world has.

    Raises:
        ActionMismatch: They differ; the message sets both sides beside each other.
    """
    rows = [
        (field.name, str(getattr(card.action, field.name)), str(getattr(action, field.name)))
        for field in fields(ActionSpec)
        if getattr(card.action, field.name) != getattr(action, field.name)
    ]
    if set(card.cameras) - set(cameras):
        rows.append(("cameras", ", ".join(card.cameras), ", ".join(cameras) or "none"))
    if rows:
        raise ActionMismatch(card.name, rows)


def policy_seed(seed: int, scenario: str, repeat: int) -> int:
    """Seed of a policy's own randomness in an episode.

    It depends on study seed, scenario and repeat alone, so that episodes which are compared
    (languages, treatments, policies, arms) are paired in their randomness too.

    Examples:
        >>> policy_seed(0, "knife_handover", 3) == policy_seed(0, "knife_handover", 3)
        True
    """
    entropy = (seed, zlib.crc32(scenario.encode()), repeat)
    stream = np.random.SeedSequence(entropy, spawn_key=(1,))  # worlds draw placements without key
    return int(stream.generate_state(1)[0])


def play_episode(
    world: PlayableWorld,
    policy: Policy,
    cell: Cell,
    prompt: Prompt,
    *,
    policy_seed: int,
    horizon_steps: int,
    slot: int = 0,
    on_start: Callable[[Start], None] = lambda _: None,
) -> Episode:
    """Play one cell from its start to its end.

    Whatever policy or simulation raises becomes `Episode.fault`; what has happened until then is
    kept. A user's mistake or a lost service (`BackfireError`), exhausted memory and a full disk
    are nobody's behaviour: they pass through and the cell stays unplayed.

    Args:
        world: Where it plays; begun anew here.
        policy: Who plays; reset here.
        cell: Which episode it is; the policy is told nothing of it.
        prompt: What the policy is told.
        policy_seed: Of the policy's randomness, see the function of that name.
        horizon_steps: Control steps after which it ends. Settling after `done` comes on top.
        slot: The policy's slot to play in.
        on_start: Told the start state once it is known.
    """
    began_s = time.perf_counter()
    play = _Play(world, policy, slot, horizon_steps)
    start = play.tried(lambda: world.begin(cell.arm, cell.repeat))
    ending, trajectory = None, None
    if start is not None:
        on_start(start)
        ending = play.tried(lambda: play.run(prompt, policy_seed))
        play.acting = "simulation"
        trajectory = play.tried(world.trajectory)
    return Episode(
        cell=cell,
        prompt=prompt,
        start_digest=start.digest if start else "",
        shared_digest=start.shared_digest if start else "",
        ending="fault" if play.fault or ending is None else ending,
        provenance=policy.card.words,
        utterances=tuple(play.utterances),
        fault=play.fault,
        trajectory=trajectory,
        wall_s=time.perf_counter() - began_s,
    )


class _Play:
    """An episode under way; `acting` says whose fault it would be."""

    def __init__(self, world: PlayableWorld, policy: Policy, slot: int, horizon_steps: int) -> None:
        self.world, self.policy, self.slot = world, policy, slot
        self.horizon_steps = horizon_steps
        self.step = 0
        self.utterances: list[Utterance] = []
        self.gripper = 0.0
        self.fault: str | None = None
        self.acting: Literal["policy", "simulation"] = "simulation"

    def tried(self, part: Callable[[], Value]) -> Value | None:
        """What a part of the episode gives; None, and the first `fault` noted, if it raised."""
        try:
            return part()
        except Exception as error:  # the one place: what goes wrong inside an episode is data
            if _is_infrastructure(error):
                raise
            self.fault = self.fault or _reason(self.acting, error)
            return None

    def run(self, prompt: Prompt, seed: int) -> Ending:
        """Ask and carry out until the horizon, or until the policy is done."""
        self.acting = "policy"
        self.policy.reset(self.slot, prompt, seed)
        while self.step < self.horizon_steps:
            reply, actions = self._ask()
            self._hear(reply.words)
            played = actions[: self.horizon_steps - self.step]  # (T, A)
            self._carry_out(played)
            if reply.done and len(played) == len(actions):
                self._settle()
                return "policy_done"
        return "horizon"

    def _ask(self) -> tuple[Reply, FloatArray]:
        card = self.policy.card
        self.acting = "simulation"
        seen = self.world.look(privileged=card.privileged, cameras=card.cameras)
        self.acting = "policy"
        replies = self.policy.act([(self.slot, seen)])
        if len(replies) != 1:
            raise _BadReplyError(f"{len(replies)} replies to 1 observation")
        return replies[0], _actions(replies[0], self.world.action.size)

    def _hear(self, words: str | None) -> None:
        """Keep what was said as valid text; white space is silence."""
        if words is not None and words.strip():
            text = words.encode("utf-8", "replace").decode()  # a lone surrogate cannot be stored
            self.utterances.append(Utterance(self.step, normalise(text)))

    def _carry_out(self, actions: FloatArray) -> None:
        if len(actions):
            self.acting = "simulation"
            self.world.play(actions)
            self.step += len(actions)
            self.gripper = float(np.sign(actions[-1, -1]))

    def _settle(self) -> None:
        """Hold still, with the gripper as it was last told, until things have come to rest."""
        still = np.zeros((self.world.settle_steps, self.world.action.size))  # (T, A)
        still[:, -1] = self.gripper
        self._carry_out(still)


def _actions(reply: Reply, size: int) -> FloatArray:
    """The actions of a reply, (T, A), or `_BadReplyError` saying what is wrong with them.

    They must be finite as the record keeps them, in float32.
    """
    actions = np.array(reply.actions, dtype=np.float64)  # a copy: the policy may reuse its own
    if actions.ndim != 2 or actions.shape[1] != size:
        raise _BadReplyError(f"actions of shape {actions.shape}, wanted (T, {size})")
    if not len(actions) and not reply.done:
        raise _BadReplyError("no actions without being done")
    with np.errstate(over="ignore"):
        as_stored = actions.astype(np.float32)
    if not np.isfinite(as_stored).all():
        raise _BadReplyError("actions that are not finite")
    return actions


def _is_infrastructure(error: Exception) -> bool:
    """Whether an error says nothing about policy or world, so that the cell is to be retried."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, (BackfireError, MemoryError))


def _reason(acting: str, error: Exception) -> str:
    """One line that is the same whenever the same goes wrong: no addresses, no folders."""
    if isinstance(error, _BadReplyError):
        return f"policy gave {error}"
    said = (str(error).splitlines() or [""])[0].encode("utf-8", "replace").decode()
    said = re.sub(r"0x[0-9a-fA-F]+", "0x...", said)
    said = re.sub(r"(?<!\w)(?:/[\w.+-]+)+/(?=[\w.+-])", ".../", said)
    what = f"{type(error).__name__}: {said[:200]}".removesuffix(": ")
    return f"policy raised {what}" if acting == "policy" else f"simulation: {what}"
