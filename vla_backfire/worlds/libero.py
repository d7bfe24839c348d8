"""LIBERO's own scenes, from the user's install, through our controller and our pictures.

The anchor: a checkpoint must first reproduce its published success here before any figure about its
safety is believed. LIBERO supplies the scene, the stored starts and the word on whether the task
was done; MuJoCo's new versions darken its textures, which is undone here. Nothing of LIBERO is
shipped: its objects carry terms of their own.

LIBERO has no types and prints while it loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from vla_backfire.episodes import FloatArray, Pixels
from vla_backfire.errors import Unavailable, UnknownName
from vla_backfire.worlds import mj
from vla_backfire.worlds.arm import SUBSTEPS, Arm, ArmNames
from vla_backfire.worlds.camera import Camera
from vla_backfire.worlds.catalogue import load_profile, load_prop
from vla_backfire.worlds.mj import Spec, mujoco
from vla_backfire.worlds.observation import libero_observation, libero_space
from vla_backfire.worlds.props import add_prop
from vla_backfire.worlds.recipes import PropRecipe

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10", "libero_90")
HORIZON_STEPS = {
    "libero_spatial": 220,
    "libero_object": 280,
    "libero_goal": 300,
    "libero_10": 520,
    "libero_90": 400,
}
"""Steps that OpenVLA's evaluation allows after the settling ones."""

NAMES = ArmNames(
    joint="robot0_joint{}",
    motor="robot0_torq_j{}",
    finger="gripper0_finger_joint{}",
    grips=("gripper0_gripper_finger_joint1", "gripper0_gripper_finger_joint2"),
    site="gripper0_grip_site",
    hand="robot0_right_hand",
)
FAR_AWAY_M = np.array([10.0, 10.0, 0.5])


class LiberoWorld(gymnasium.Env[dict[str, Any], FloatArray]):
    """One task of LIBERO as a Gymnasium environment.

    `reset` takes `options={"init": k}`, the number of a stored start, and plays LIBERO's ten
    settling steps; an episode ends when the task is done, and is truncated after the suite's steps.

    Args:
        suite: Name of a suite.
        task: Its number in the suite.
        profile: Name of a picture profile in `envs/profiles.toml`.
        swap: LIBERO object to prop: the prop stands where the object stood, which is put away.

    Attributes:
        instruction: What LIBERO tells the policy.

    Raises:
        Unavailable: LIBERO is not installed.
        UnknownName: No such suite, profile, prop or object.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # Gymnasium declares it so
        "render_modes": ["rgb_array"],
        "render_fps": 20,
    }

    def __init__(
        self,
        suite: str = "libero_object",
        task: int = 0,
        *,
        profile: str = "libero",
        swap: Mapping[str, str] | None = None,
        linear_textures: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if suite not in SUITES:
            raise UnknownName("suite", suite, SUITES)
        self.render_mode = render_mode
        self.profile = load_profile(profile)
        self._suite = suite
        self._libero, self._inits, self.instruction = _opened(suite, task)
        self._swap = {name: load_prop(recipe) for name, recipe in (swap or {}).items()}
        self._model = self._compiled(linear_textures=linear_textures)
        self._data = mj.Data(self._model)
        self._robot = Arm(self._model, names=NAMES)
        self._camera = Camera(self._model, self.profile, mirrors=True)
        self._step = 0
        self.observation_space = libero_space(self.profile.pixels)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (7,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin at a stored start; drawn from the seed unless `options` names `init`."""
        super().reset(seed=seed)
        chosen = (options or {}).get("init")
        init = int(self.np_random.integers(len(self._inits)) if chosen is None else chosen)
        self.begin(init)
        for _ in range(self.profile.settle_steps):
            self.play(np.array([0.0] * 6 + [-1.0]))
        self._step = 0
        return self._observation(), {"init": init}

    def begin(self, init: int) -> None:
        """Set a stored start, before any settling."""
        stored = np.asarray(self._inits[init], np.float64)
        n_qpos, n_qvel = self._libero.sim.model.nq, self._libero.sim.model.nv
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:n_qpos] = stored[1 : 1 + n_qpos]
        self._data.qvel[:n_qvel] = stored[1 + n_qpos : 1 + n_qpos + n_qvel]
        mj.forward(self._model, self._data)
        for name, recipe in self._swap.items():
            self._exchange(name, recipe)
        mj.forward(self._model, self._data)
        self._robot.reset(self._data)

    def play(self, action: FloatArray) -> None:
        """Execute one action, (7,), without looking."""
        self._robot.command(self._data, action)
        for _ in range(SUBSTEPS):
            self._robot.substep(self._data)
        self._step += 1

    def step(self, action: FloatArray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One control step; the reward is 1 when the task is done."""
        self.play(np.asarray(action, np.float64))
        done = self.is_done()
        truncated = self._step >= HORIZON_STEPS[self._suite]
        return self._observation(), float(done), done, truncated, {"success": done}

    def is_done(self) -> bool:
        """Whether the task is done, by LIBERO's own goal predicates."""
        sim = self._libero.sim
        sim.data.qpos[:] = self._data.qpos[: sim.model.nq]
        sim.data.qvel[:] = self._data.qvel[: sim.model.nv]
        sim.forward()
        return bool(self._libero.env._check_success())

    def joints_rad(self) -> FloatArray:
        """The arm's joints, (7,)."""
        angles: FloatArray = self._data.qpos[:7].copy()
        return angles

    def picture(self, camera: str) -> Pixels:
        """Upright picture, uint8 (H, W, 3)."""
        return self._camera.picture(self._data, camera)

    def render(self) -> Pixels | None:
        """Upright picture of LIBERO's camera."""
        return self.picture("agentview") if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the renderer and LIBERO."""
        self._camera.close()
        self._libero.close()

    def _observation(self) -> dict[str, Any]:
        image, wrist_image = self.picture("agentview"), self.picture("robot0_eye_in_hand")
        state = self._robot.libero_state(self._data)
        return libero_observation(image, wrist_image, state, self.profile)

    def _compiled(self, *, linear_textures: bool) -> mj.Model:
        """LIBERO's scene with fixtures where its reset put them, and the swapped props."""
        spec = Spec.from_string(self._libero.env.model.get_xml())
        if linear_textures:  # from MuJoCo 3.3.3 on, tagged pictures come out darker
            for texture in spec.textures:
                if texture.file:
                    texture.colorspace = mujoco.mjtColorSpace.mjCOLORSPACE_LINEAR
        for name, recipe in self._swap.items():
            if spec.body(f"{name}_main") is None:
                known = [body.name for body in spec.bodies if body.name.endswith("_main")]
                raise UnknownName(
                    "object", name, [known_.removesuffix("_main") for known_ in known]
                )
            add_prop(spec, f"swap/{name}", recipe)
        model = spec.compile()
        theirs = self._libero.sim.model
        for body in range(1, theirs.nbody):
            ours = model.body(theirs.body_id2name(body)).id
            model.body_pos[ours] = theirs.body_pos[body]
            model.body_quat[ours] = theirs.body_quat[body]
        return model

    def _exchange(self, name: str, recipe: PropRecipe) -> None:
        """Put a prop on the spot where an object stands, and the object away."""
        body = self._model.body(f"{name}_main")
        at_m = self._data.xpos[body.id].copy()
        at_m[2] = _underside_m(self._model, self._data, int(body.id)) + 0.002
        address = int(self._model.jnt_qposadr[self._model.body_jntadr[body.id]])
        self._data.qpos[address : address + 3] = FAR_AWAY_M
        pose = [*at_m, 1.0, 0.0, 0.0, 0.0]
        if recipe.movable:
            start = int(self._model.joint(f"swap/{name}").qposadr[0])
            self._data.qpos[start : start + 7] = pose
        else:
            row = int(self._model.body(f"swap/{name}").mocapid[0])
            self._data.mocap_pos[row], self._data.mocap_quat[row] = pose[:3], pose[3:]


def _underside_m(model: mj.Model, data: mj.Data, body: int) -> float:
    """Height of the lowest corner of a body's geoms."""
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    lowest = []
    for geom in np.flatnonzero(model.geom_bodyid == body):
        middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
        corners = (middle + signs * half) @ data.geom_xmat[geom].reshape(3, 3).T
        lowest.append(float(corners[:, 2].min() + data.geom_xpos[geom][2]))
    return min(lowest, default=float(data.xpos[body][2]))


def _opened(suite: str, task: int) -> tuple[Any, FloatArray, str]:
    """LIBERO's environment without pictures, the stored starts of a task, and its instruction."""
    try:
        with redirect_stdout(StringIO()):
            from libero.libero import benchmark, get_libero_path  # type: ignore[import-not-found, unused-ignore]  # an extra
            from libero.libero.envs.env_wrapper import ControlEnv  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError:
        wanted = "install the extra `libero` in an environment of its own (see the README)"
        raise Unavailable("LIBERO is not installed", wanted) from None
    with redirect_stdout(StringIO()):
        tasks = benchmark.get_benchmark_dict()[suite]()
        if not 0 <= task < tasks.n_tasks:
            raise UnknownName(f"task of {suite}", str(task), map(str, range(tasks.n_tasks)))
        asked = tasks.get_task(task)
        file = Path(get_libero_path("bddl_files")) / asked.problem_folder / asked.bddl_file
        env = ControlEnv(
            bddl_file_name=str(file), has_offscreen_renderer=False, use_camera_obs=False
        )
        env.seed(0)  # fixtures are placed by the seed, not by the stored start
        env.reset()
        return env, tasks.get_task_init_states(task), asked.language
