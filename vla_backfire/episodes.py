"""What passes between worlds, policies, graders and the ledger.

Dimension letters: T control steps, A action entries, E entities, C channels, H W pixels.
Frames are the world's, right-handed, z up; quaternions are (w, x, y, z).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vla_backfire.scenarios import Arm

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]

Provenance = Literal["concurrent", "probed", "companion", "external", "absent"]
"""Where a reply's words came from; only `concurrent` words enter the joint verdict."""

Ending = Literal["horizon", "policy_done", "fault"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Identity of an episode. World seed and start state depend on (scenario, repeat) alone."""

    policy: str
    treatment: str
    scenario: str
    arm: Arm
    lang: str
    wording: int
    repeat: int

    @property
    def key(self) -> str:
        """The seven parts as one sortable line of text."""
        return "|".join(
            (
                self.policy,
                self.treatment,
                self.scenario,
                self.arm,
                self.lang,
                f"w{self.wording}",
                f"r{self.repeat:04d}",
            )
        )


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a policy is told; it never receives arm, language tag or label."""

    instruction: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """The actions a world takes or a policy gives; the two must be equal.

    The default is LIBERO's: three translations (x 0.05 m), three axis-angle rotations (x 0.5 rad),
    and a gripper sign, each in [-1, 1], in the world's frame, 20 times a second.
    """

    size: int = 7
    control: str = "osc_pose_delta"
    frame: str = "world"
    rate_hz: float = 20.0
    closes_gripper: float = 1.0


@dataclass(frozen=True, slots=True)
class MovingPart:
    """The lid, door, drawer or lever of a thing, in that thing's frame.

    Attributes:
        kind: `hinge` turns about its axis, `slide` moves along it.
        at_m: A point of the hinge's axis, (3,).
        axis: Direction of length 1, (3,).
        travel: How far it opens, in radians or metres.
        handle_m: Where a hand takes or pushes it while it is closed, (3,).
        across: Direction in which fingers close around the handle, (3,), or None: it is pushed.
        opening: How far it is open, as a share of its way.
    """

    kind: Literal["hinge", "slide"]
    at_m: FloatArray
    axis: FloatArray
    travel: float
    handle_m: FloatArray
    across: FloatArray | None
    opening: float

    def handle_at(self, opening: FloatArray) -> FloatArray:
        """Where the handle is at some openings, (N,) -> (N, 3)."""
        way = np.asarray(opening, np.float64)[:, None] * self.travel
        if self.kind == "slide":
            return self.handle_m + way * self.axis
        arm = self.handle_m - self.at_m
        along = self.axis * float(np.sum(arm * self.axis))
        aside = arm - along
        ahead = np.cross(self.axis, arm)
        return self.at_m + along + np.cos(way) * aside + np.sin(way) * ahead

    @property
    def path_m(self) -> float:
        """Length of the handle's way from closed to open."""
        if self.kind == "slide":
            return self.travel
        arm = np.cross(self.axis, self.handle_m - self.at_m)
        return self.travel * float(np.sqrt(np.sum(arm**2)))


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing as a privileged policy sees it. Lengths in metres, in its own frame but `pose`.

    The origin of a thing is the middle of its underside.

    Attributes:
        name: Its name in the scenario; the decoy answers to the same name as the hazard.
        tags: What it is: "sharp", "person", "hot" ... (of the hazard or of its decoy).
        pose: Position and quaternion, (7,).
        half_size_m: Half extents of its bounding box, (3,).
        grasp_m: Point between the fingers of a good grasp, (3,), or None for what stays put.
        grasp_axis: Direction in which the fingers close, (3,).
        place_m: Where the bottom of a thing rests that is put here, (3,), or None.
        place_radius_m: How far off that point still counts as put here.
        mouth_m: Where it pours from, (3,), or None.
        moving: Its lid, door, drawer or lever, or None.
        celsius: Temperature of its hottest surface, or None for that of the room.
    """

    name: str
    tags: frozenset[str]
    pose: FloatArray
    half_size_m: FloatArray
    grasp_m: FloatArray | None = None
    grasp_axis: FloatArray | None = None
    place_m: FloatArray | None = None
    place_radius_m: float = 0.0
    mouth_m: FloatArray | None = None
    moving: MovingPart | None = None
    celsius: float | None = None


@dataclass(frozen=True, slots=True)
class SceneState:
    """The true state of the scene, for policies that declare `privileged` and for graders.

    It holds what is in the scene; a parked hazard or decoy is not in it.
    """

    entities: tuple[Entity, ...]
    held: str | None
    table_z_m: float

    def __getitem__(self, name: str) -> Entity:
        """The entity of a name.

        Raises:
            KeyError: It is not in the scene.
        """
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a policy may look at before it acts.

    Attributes:
        step: Control steps played so far.
        images: Camera name to picture, uint8 (H, W, 3), mirrored left-right where the profile says
            so, as LIBERO shows it; empty if the policy needs none.
        state: LIBERO's 8 numbers: grip position (3, m), axis-angle (3, rad), fingers (2, m).
        scene: The true state, only for privileged policies.
        grip_pos_m: Position of the grip site, (3,).
        grip_rotation: Its rotation matrix, (3, 3).
        opening_m: Distance between the finger pads.
    """

    step: int
    images: Mapping[str, Pixels]
    state: FloatArray
    grip_pos_m: FloatArray
    grip_rotation: FloatArray
    opening_m: float
    scene: SceneState | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a policy answers: a chunk of actions and perhaps words.

    Attributes:
        actions: (T, A), executed in order before the policy is asked again.
        words: What it says now, or None for nothing new.
        done: The policy declares that it will not move again; the world settles and the episode
            ends. Policies that never know when they are done leave it False.
    """

    actions: FloatArray
    words: str | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class PolicyCard:
    """What a policy declares of itself; checked against the world before episode 1."""

    name: str
    action: ActionSpec = field(default_factory=ActionSpec)
    privileged: bool = False
    cameras: tuple[str, ...] = ()
    words: Provenance = "absent"
    base: str | None = None


class Policy(Protocol):
    """What is being tested. One instance plays many episodes at a time, each in its own slot."""

    @property
    def card(self) -> PolicyCard:
        """What the policy needs and gives."""

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        """Begin a new episode in `slot`; all randomness of the episode comes from `seed`."""

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        """Answer a batch of (slot, observation), in the same order."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What happened, as arrays over control steps; index 0 is the start, before any action.

    Attributes:
        rate_hz: Control steps a second.
        actions: As executed, float32 (T, A).
        grip: Grip position and quaternion, float32 (T+1, 7).
        opening_m: Between the finger pads, float32 (T+1,).
        names: Names of the E entities in the scene.
        poses: Their poses, float32 (T+1, E, 7).
        held: Index of the entity between the fingers, -1 for none, int8 (T+1,).
        channels: Keys of the C instruments (`scenarios.Channel.key`).
        measured: What they read, float32 (T+1, C), SI units; contact forces are the largest of
            the control step.
        qpos: Joint positions for rendering, float32 (T+1, nq).
        mocap: Poses of the bodies that no force moves, float32 (nmocap, 7).
    """

    rate_hz: float
    actions: Float32Array
    grip: Float32Array
    opening_m: Float32Array
    names: tuple[str, ...]
    poses: Float32Array
    held: NDArray[np.int8]
    channels: tuple[str, ...]
    measured: Float32Array
    qpos: Float32Array
    mocap: Float32Array

    @property
    def n_steps(self) -> int:
        """Control steps that were played."""
        return len(self.actions)

    def channel(self, key: str) -> Float32Array:
        """Readings of one instrument, (T+1,)."""
        return np.asarray(self.measured[:, self.channels.index(key)])

    def digest(self) -> str:
        """Hash of every array: equal trajectories, equal digests."""
        arrays = (self.actions, self.grip, self.opening_m, self.poses, self.held, self.measured)
        total = hashlib.sha256("\n".join((*self.names, *self.channels)).encode())
        total.update(f"{self.rate_hz}".encode())
        for array in (*arrays, self.qpos, self.mocap):
            total.update(f"{array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Start:
    """The start of every episode of one (scenario, repeat) in one scene variant.

    Attributes:
        state: Full start state: integration state, mocap poses and controller, float64.
        digest: Hash of `state`: equal across languages, treatments, policies and workers.
        shared_digest: Hash of the bodies that all arms share: equal across arms.
        scene: The entities at the start, whose sizes, grasps and places graders need.
    """

    state: FloatArray
    digest: str
    shared_digest: str
    scene: SceneState


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words and the control step before which they were said."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Episode:
    """One play-through, faults included.

    Attributes:
        fault: Why the episode is missing, or None. A faulty episode is never graded safe.
        trajectory: None where a fault left nothing to keep.
        wall_s: Time it took; never part of a canonical export.
    """

    cell: Cell
    prompt: Prompt
    start_digest: str
    shared_digest: str
    ending: Ending
    provenance: Provenance
    utterances: tuple[Utterance, ...] = ()
    fault: str | None = None
    trajectory: Trajectory | None = None
    wall_s: float = 0.0
