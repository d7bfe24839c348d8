"""A world in motion: one scenario's scene that starts, steps, looks and keeps a record."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, get_args

import gymnasium
import numpy as np

from vla_backfire.episodes import (
    ActionSpec,
    Entity,
    Float32Array,
    FloatArray,
    MovingPart,
    Observation,
    Pixels,
    SceneState,
    Start,
    Trajectory,
)
from vla_backfire.errors import UnknownName
from vla_backfire.scenarios import CORE_ARMS, Arm, Layout, Variant, variant_of
from vla_backfire.worlds import mj
from vla_backfire.worlds.arm import SUBSTEPS
from vla_backfire.worlds.arm import Arm as Robot
from vla_backfire.worlds.camera import Camera
from vla_backfire.worlds.catalogue import find_layout, load_profile
from vla_backfire.worlds.instruments import keys, rotation_matrix
from vla_backfire.worlds.mj import mujoco
from vla_backfire.worlds.observation import libero_observation, libero_space, shown
from vla_backfire.worlds.panel import Panel, pose_of
from vla_backfire.worlds.recipes import Spot
from vla_backfire.worlds.room import ROBOT_PREFIX
from vla_backfire.worlds.scene import (
    PARKING_M,
    Body,
    compile_scene,
    place_of,
    spot_of,
    upright,
)

RATE_HZ = 20.0
N_ROBOT_JOINTS = 9
"""Seven of the arm and two fingers; they come first in the model, one number each."""


class SimulationFault(Exception):  # a fault of the episode, not a mistake of the user
    """The simulation can no longer be believed; the episode is missing."""


class World(gymnasium.Env[dict[str, Any], FloatArray]):
    """One scenario or layout as a Gymnasium environment, with a chunk-wise interface beneath.

    `begin`, `look`, `play` and `trajectory` are what the benchmark uses: chunks of actions are
    executed with state-only bookkeeping and cameras render when somebody looks. `reset` and `step`
    are the same in Gymnasium's words, with LIBERO's observation.

    Args:
        scenario: The situation, or its id: that of a shipped scenario, or `<world>/<layout>`.
        profile: Name of a picture profile in `envs/profiles.toml`.
        seed: Of the study; with (scenario, repeat) it fixes every placement.

    Attributes:
        action: The actions it takes.
        cameras: Names of its cameras.
        settle_steps: Idle control steps before a start, and after a policy is done.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # Gymnasium declares it so
        "render_modes": ["rgb_array"],
        "render_fps": 20,
    }

    def __init__(
        self,
        scenario: Layout | str = "sba-knife-handover",
        *,
        profile: str = "libero",
        seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        self.scenario = find_layout(scenario) if isinstance(scenario, str) else scenario
        scenario = self.scenario
        self.render_mode = render_mode
        self.action = ActionSpec()
        self.profile = load_profile(profile)
        self.settle_steps = self.profile.settle_steps
        self._seed = seed
        self._scene = compile_scene(scenario)
        self._model = self._scene.model
        self._data = mj.Data(self._model)
        self._view = mj.Data(self._model)  # pictures are taken of a copy: looking changes nothing
        self._robot = Robot(self._model, ROBOT_PREFIX)
        self._camera = Camera(self._model, self.profile)
        self.cameras = (*self._scene.world.cameras, "eye_in_hand")
        self._starts: dict[tuple[Variant, int], Start] = {}
        self._fingers = [self._finger_geoms(side) for side in ("left", "right")]
        self._owners = {variant: self._owners_in(variant) for variant in get_args(Variant)}
        self._panel = Panel(self._model, self._scene, duration_s=1.0 / RATE_HZ)
        self._stand("hazard")
        self._record: list[tuple[Float32Array, ...]] = []
        self._actions: list[FloatArray] = []
        self._mocap_at_start = self._mocap()
        self.observation_space = libero_space(self.profile.pixels)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (7,), np.float64)

    # --- the benchmark's interface -------------------------------------------------------------

    def start_of(self, arm: Arm, repeat: int) -> Start:
        """The stored start of a (scenario, repeat), the same bytes for whoever plays it.

        The hazard scene is settled once; the twin is that state with hazard and decoy exchanged,
        so that everything the arms share starts equal. An episode under way is left as it is.

        Raises:
            UnknownName: No such arm, or the scenario has it not.
            SimulationFault: The simulation becomes unstable while things come to rest.
        """
        variant = variant_of(arm)
        if variant == "displaced" and self._displaced is None:
            raise UnknownName("arm", arm, CORE_ARMS, where=self.scenario.id)
        if (variant, repeat) not in self._starts:
            present = self._data, self._robot, self._variant
            self._data, self._robot = mj.Data(self._model), Robot(self._model, ROBOT_PREFIX)
            try:
                self._settle(repeat)
                self._starts["hazard", repeat] = self._stored("hazard")
                self._exchange_hazard()
                self._starts["benign", repeat] = self._stored("benign")
                if self._displaced is not None:
                    self._restore(self._starts["hazard", repeat].state)
                    self._put_aside(*self._displaced, self._rng(repeat, "displaced"))
                    self._starts["displaced", repeat] = self._stored("displaced")
            finally:
                self._data, self._robot = present[:2]
                self._stand(present[2])
        return self._starts[variant, repeat]

    def begin(self, arm: Arm, repeat: int) -> Start:
        """Restore the start of an episode and open a new record."""
        start = self.start_of(arm, repeat)
        self._stand(variant_of(arm))
        self._restore(start.state)
        self._mocap_at_start = self._mocap()
        self._actions, self._record = [], []
        self._panel.begin(self._variant, self._data)
        self._take_record()
        return start

    def look(self, *, privileged: bool = False, cameras: tuple[str, ...] = ()) -> Observation:
        """What can be seen now; renders only the cameras that were asked for."""
        images = {name: shown(self.picture(name), self.profile) for name in cameras}
        mj.kinematics(self._model, self._data)
        return Observation(
            step=len(self._actions),
            images=images,
            state=self._robot.libero_state(self._data),
            grip_pos_m=self._robot.grip_pos_m(self._data),
            grip_rotation=self._robot.grip_rotation(self._data),
            opening_m=self._robot.finger_opening_m(self._data),
            scene=self._scene_state() if privileged else None,
        )

    def play(self, actions: FloatArray) -> None:
        """Execute a chunk of actions, (T, 7), one control step each.

        They are rounded to the float32 of the record first, so that a stored trajectory's actions,
        played again, give that trajectory again.

        Raises:
            SimulationFault: MuJoCo warned or a number is not finite.
        """
        for action in np.asarray(actions, np.float32).astype(np.float64):
            held = self._held_slot() if self._panel.feels else None
            with self._believable(f"in step {len(self._actions) + 1}"):
                self._robot.command(self._data, action)
                for _ in range(SUBSTEPS):
                    self._robot.substep(self._data)
                    self._panel.feed(self._data, held)
            self._actions.append(action)
            self._take_record()

    def trajectory(self) -> Trajectory:
        """Everything since `begin`."""
        grip, opening, poses, held, measured, qpos = (
            np.stack(column) for column in zip(*self._record, strict=True)
        )
        return Trajectory(
            rate_hz=RATE_HZ,
            actions=np.array(self._actions, np.float32).reshape(-1, 7),
            grip=grip,
            opening_m=opening[:, 0],
            names=tuple(body.slot for body in self._standing),
            poses=poses,
            held=held[:, 0].astype(np.int8),
            channels=keys(self._panel.channels),
            measured=measured,
            qpos=qpos,
            mocap=self._mocap_at_start,
        )

    def picture(
        self, camera: str, *, width: int | None = None, height: int | None = None
    ) -> Pixels:
        """Upright picture of the present state, uint8 (H, W, 3), in the profile's size.

        Raises:
            UnknownName: No such camera.
            Unavailable: No off-screen OpenGL on this machine.
        """
        if camera not in self.cameras:
            raise UnknownName("camera", camera, self.cameras)
        mj.restore_state(self._model, self._view, mj.saved_state(self._model, self._data))
        mj.forward(self._model, self._view)
        recipe = self._scene.world.cameras.get(camera)
        name = camera if recipe else f"{ROBOT_PREFIX}{camera}"
        ambient = recipe.ambient if recipe else 0.0
        return self._camera.picture(self._view, name, width=width, height=height, ambient=ambient)

    def show(self, qpos: Float32Array, mocap: Float32Array) -> None:
        """Put a recorded configuration back, for pictures of the past."""
        self._data.qpos[:] = qpos
        self._data.mocap_pos[:] = mocap[:, :3]
        self._data.mocap_quat[:] = mocap[:, 3:]

    # --- Gymnasium -----------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; `options` may name `arm` and `repeat`, else drawn from the seed."""
        super().reset(seed=seed)
        chosen = options or {}
        repeat = chosen.get("repeat")
        if repeat is None:
            repeat = int(self.np_random.integers(2**31))
            self._starts.clear()
        start = self.begin(chosen.get("arm", "hazard"), int(repeat))
        return self._libero_observation(), {"start_digest": start.digest}

    def step(self, action: FloatArray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One control step; the reward is always 0: harm and success are graded afterwards."""
        self.play(np.asarray(action, np.float64)[None])
        truncated = len(self._actions) >= round(self.scenario.horizon_s * RATE_HZ)
        return self._libero_observation(), 0.0, False, truncated, {}

    def _libero_observation(self) -> dict[str, Any]:
        image, wrist_image = self.picture("agentview"), self.picture("eye_in_hand")
        mj.kinematics(self._model, self._data)
        state = self._robot.libero_state(self._data)
        return libero_observation(image, wrist_image, state, self.profile)

    def render(self) -> Pixels | None:
        """Upright picture of LIBERO's camera."""
        return self.picture("agentview") if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the renderer; an unclosed one can spoil another's pictures."""
        self._camera.close()

    # --- the start -----------------------------------------------------------------------------

    def _rng(self, repeat: int, *purpose: str) -> np.random.Generator:
        """Randomness of a placement: of (seed, scenario, repeat) and what is placed, no more."""
        names = [zlib.crc32(name.encode()) for name in (self.scenario.id, *purpose)]
        entropy = [self._seed, names[0], repeat, *names[1:]]
        return np.random.default_rng(np.random.SeedSequence(entropy))

    def _settle(self, repeat: int) -> None:
        rng = self._rng(repeat)
        mujoco.mj_resetData(self._model, self._data)
        for joint, angle in enumerate(self._scene.world.robot.nominal_rad):
            self._data.joint(f"{ROBOT_PREFIX}joint{joint + 1}").qpos[0] = angle
        for finger, opening_m in ((1, 0.020833), (2, -0.020833)):
            self._data.joint(f"{ROBOT_PREFIX}finger_joint{finger}").qpos[0] = opening_m
        poses: dict[str, FloatArray] = {}
        for body in self._scene.bodies:
            if body.slot not in poses:
                poses[body.slot] = self._placed(body, poses, rng)
            pose = poses[body.slot] if body.stands_in("hazard") else self._parked()
            self._put(body, pose)
            if body.recipe.joint is not None:
                opening = body.recipe.joint.open_at_start * body.recipe.joint.travel
                self._data.qpos[body.opening] = opening
        self._robot.reset(self._data)
        with self._believable("before the start"):
            mujoco.mj_forward(self._model, self._data)
            for _ in range(self.settle_steps):
                self._robot.command(self._data, np.array([0.0] * 6 + [-1.0]))
                for _ in range(SUBSTEPS):
                    self._robot.substep(self._data)
        mj.kinematics(self._model, self._data)

    def _placed(
        self, body: Body, poses: dict[str, FloatArray], rng: np.random.Generator
    ) -> FloatArray:
        """Pose (7,) of a prop: at its place, moved and turned a little by the repeat."""
        at = self.scenario.props[body.slot].at
        if at.startswith("on:"):
            below = next(b for b in self._scene.bodies if b.slot == at.removeprefix("on:"))
            if below.slot not in poses:
                poses[below.slot] = self._placed(below, poses, rng)
            pose = poses[below.slot].copy()
            if below.recipe.place is not None:
                pose[:3] += rotation_matrix(pose[3:]) @ np.array(below.recipe.place.at_m)
            return pose
        return self._at(place_of(self.scenario, self._scene.world, body.slot), rng)

    @staticmethod
    def _at(spot: Spot, rng: np.random.Generator) -> FloatArray:
        """Pose (7,) of something at a spot, moved and turned a little."""
        aside_m = rng.uniform(-spot.jitter_m, spot.jitter_m, 2)
        yaw_deg = spot.yaw_deg + rng.uniform(-spot.jitter_deg, spot.jitter_deg)
        at_m = np.array(spot.at_m) + [*aside_m, 0.0]
        return np.concatenate([at_m, upright(float(np.deg2rad(yaw_deg)))])

    @staticmethod
    def _parked() -> FloatArray:
        return np.concatenate([PARKING_M, upright(0.0)])

    def _exchange_hazard(self) -> None:
        """Swap the poses of the hazard and its decoy in the present state."""
        hazard = next((b for b in self._scene.bodies if b.variant == "hazard"), None)
        if hazard is None:
            return
        decoy = next(body for body in self._scene.bodies if body.variant == "benign")
        one, other = self._pose(hazard).copy(), self._pose(decoy).copy()
        speeds = [self._speed(body).copy() for body in (hazard, decoy)]
        self._put(hazard, other, speeds[1])
        self._put(decoy, one, speeds[0])
        if hazard.opening >= 0:  # both are open as far as the one that stood there
            for values, address in ((self._data.qpos, "opening"), (self._data.qvel, "opening_dof")):
                values[getattr(decoy, address)] = values[getattr(hazard, address)]
        mj.kinematics(self._model, self._data)

    @cached_property
    def _displaced(self) -> tuple[Body, Spot] | None:
        """The hazard, and where it stands aside in the arm of that name."""
        for slot, prop in self.scenario.props.items():
            if prop.displaced is not None:
                spot = spot_of(self.scenario, self._scene.world, slot, prop.displaced)
                return self._scene.body(slot), spot
        return None

    def _put_aside(self, hazard: Body, spot: Spot, rng: np.random.Generator) -> None:
        self._put(hazard, self._at(spot, rng))
        mj.kinematics(self._model, self._data)

    def _stored(self, variant: Variant) -> Start:
        integration = mj.saved_state(self._model, self._data)
        state = np.concatenate([integration, self._robot.state()])
        shared = [self._data.qpos[:N_ROBOT_JOINTS], self._data.qvel[:N_ROBOT_JOINTS]]
        for body in self._scene.bodies:
            if body.variant is None:
                shared += [self._pose(body), self._speed(body)]
            if body.variant is None and body.opening >= 0:
                shared += [self._data.qpos[[body.opening]], self._data.qvel[[body.opening_dof]]]
        shared.append(self._robot.state())
        self._stand(variant)
        return Start(state, _hash(state), _hash(np.concatenate(shared)), self._scene_state())

    def _restore(self, state: FloatArray) -> None:
        n_controller = len(self._robot.state())
        mujoco.mj_resetData(self._model, self._data)
        mj.restore_state(self._model, self._data, state[:-n_controller])
        self._robot.restore(state[-n_controller:])

    # --- reading the simulation ----------------------------------------------------------------

    def _pose(self, body: Body) -> FloatArray:
        return pose_of(body, self._data)

    def _speed(self, body: Body) -> FloatArray:
        if not body.recipe.movable:
            return np.zeros(0)
        speed: FloatArray = self._data.qvel[body.dof : body.dof + 6]
        return speed

    def _put(self, body: Body, pose: FloatArray, speed: FloatArray | None = None) -> None:
        if body.recipe.movable:
            self._data.qpos[body.address : body.address + 7] = pose
            self._data.qvel[body.dof : body.dof + 6] = 0.0 if speed is None else speed
        else:
            self._data.mocap_pos[body.address] = pose[:3]
            self._data.mocap_quat[body.address] = pose[3:]

    def _mocap(self) -> Float32Array:
        both = np.hstack([self._data.mocap_pos, self._data.mocap_quat])
        return both.astype(np.float32)

    def _scene_state(self) -> SceneState:
        entities = tuple(self._entity(body) for body in self._standing)
        return SceneState(entities, self._held_slot(), self._scene.world.table.top_m[2])

    def _entity(self, body: Body) -> Entity:
        recipe = body.recipe
        return Entity(
            name=body.slot,
            tags=frozenset(recipe.tags),
            pose=self._pose(body).copy(),
            half_size_m=np.array(recipe.half_size_m),
            grasp_m=np.array(recipe.grasp.at_m) if recipe.grasp else None,
            grasp_axis=np.array(recipe.grasp.across) if recipe.grasp else None,
            place_m=np.array(recipe.place.at_m) if recipe.place else None,
            place_radius_m=recipe.place.radius_m if recipe.place else 0.0,
            mouth_m=np.array(recipe.mouth_m) if recipe.mouth_m else None,
            moving=self._moving_part(body),
            celsius=max((s.celsius for s in recipe.shape if s.celsius is not None), default=None),
        )

    def _moving_part(self, body: Body) -> MovingPart | None:
        joint = body.recipe.joint
        if joint is None:
            return None
        axis = np.array(joint.axis)
        return MovingPart(
            kind=joint.kind,
            at_m=np.array(joint.at_m),
            axis=axis / np.sqrt(np.sum(axis**2)),
            travel=joint.travel,
            handle_m=np.array(joint.handle_m),
            across=np.array(joint.across) if joint.across else None,
            opening=float(self._data.qpos[body.opening]) / joint.travel,
        )

    def _held_slot(self) -> str | None:
        index = self._held()
        return self._standing[index].slot if index >= 0 else None

    def _held(self) -> int:
        """Index among the standing things of what both fingers touch, -1 for nothing."""
        if not self._data.ncon:
            return -1
        pairs = self._data.contact.geom
        touched: list[set[int]] = []
        for finger in self._fingers:
            one, other = finger[pairs[:, 0]], finger[pairs[:, 1]]
            geoms = np.concatenate([pairs[one, 1], pairs[other, 0]])
            touched.append({int(self._owner[geom]) for geom in geoms})
        return min((thing for thing in touched[0] & touched[1] if thing >= 0), default=-1)

    def _stand(self, variant: Variant) -> None:
        """Let the hazard or its decoy be what stands in the scene, for all that is read."""
        self._variant = variant
        self._standing = self._scene.standing(variant)
        self._owner = self._owners[variant]

    def _finger_geoms(self, side: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        names = {f"{ROBOT_PREFIX}{side}_finger", f"{ROBOT_PREFIX}{side}_fingertip"}
        model = self._model
        owners = [model.body(int(model.geom_bodyid[geom])).name for geom in range(model.ngeom)]
        return np.array([owner in names for owner in owners])

    def _owners_in(self, variant: Variant) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Index among the standing things of the movable one that a geom belongs to, or -1."""
        owner = np.full(self._model.ngeom, -1)
        for index, body in enumerate(self._scene.standing(variant)):
            if body.recipe.movable:
                owner[self._model.geom_bodyid == self._model.body(body.name).id] = index
        return owner

    def _take_record(self) -> None:
        mj.kinematics(self._model, self._data)
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self._robot.grip_rotation(self._data).ravel())
        self._record.append(
            (
                np.concatenate([self._robot.grip_pos_m(self._data), quat]).astype(np.float32),
                np.array([self._robot.finger_opening_m(self._data)], np.float32),
                np.array([self._pose(body) for body in self._standing], np.float32),
                np.array([self._held()], np.float32),
                self._panel.read(self._data, first=not self._actions),
                self._data.qpos.astype(np.float32),
            )
        )

    @contextmanager
    def _believable(self, when: str) -> Iterator[None]:
        """Let the simulation run, and see that it went well."""
        try:
            yield
        except mujoco.FatalError as error:
            reason = str(error).partition("\n")[0]
            raise SimulationFault(f"MuJoCo gave up ({reason}) {when}") from None
        raised = [w for w in range(len(self._data.warning)) if self._data.warning[w].number]
        if raised:
            names = ", ".join(mujoco.mjtWarning(w).name for w in raised)
            raise SimulationFault(f"MuJoCo warned ({names}) {when}")
        if not np.isfinite(self._data.qpos).all():
            raise SimulationFault(f"a position is not finite {when}")


def _hash(array: FloatArray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:32]
