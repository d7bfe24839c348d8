"""Whether our controller and pictures are LIBERO's, in LIBERO's own scenes.

    python -m venv LIB && LIB/bin/pip install '.[libero]'
    LIB/bin/python benchmarks/libero_parity.py

Plays the same random actions through LIBERO's environment and through ours, from the same stored
start, and prints the largest difference of a joint and of a pixel's mean.
"""

from __future__ import annotations

import os
from contextlib import closing, redirect_stdout
from importlib.metadata import version
from io import StringIO
from typing import Any

os.environ.setdefault("MUJOCO_GL", "osmesa")

import numpy as np

from vla_backfire.episodes import FloatArray
from vla_backfire.worlds.libero import LiberoWorld

SUITES = ("libero_object", "libero_goal", "libero_10")
N_SETTLE, N_STEPS = 10, 80
CAMERAS = ("agentview", "robot0_eye_in_hand")


def main() -> None:
    print(f"mujoco {version('mujoco')}, robosuite {version('robosuite')}\n")
    print("| suite | joints, largest difference | agentview, mean of 255 | wrist |")
    print("| --- | --- | --- | --- |")
    for suite in SUITES:
        joints_rad, pictures = differences(suite)
        looks = " | ".join(f"{picture:.2f}" for picture in pictures)
        print(f"| {suite} | {joints_rad:.1e} rad | {looks} |")


def differences(suite: str) -> tuple[float, list[float]]:
    """Largest difference of a joint in rad, and mean difference of each camera's picture."""
    rng = np.random.default_rng(0)
    actions = np.clip(rng.normal(0.0, 0.4, (N_STEPS, 7)), -1, 1)
    still = np.array([0.0] * 6 + [-1.0])
    with closing(LiberoWorld(suite, linear_textures=False)) as world:
        theirs = seeing(suite)
        theirs.set_init_state(world._inits[0])
        world.begin(0)
        for _ in range(N_SETTLE):
            theirs.step(still)
            world.play(still)
        alike(world, theirs)  # its controller's goal is stale for one step after a stored start
        worst_rad = 0.0
        for action in actions:
            theirs.step(action)
            world.play(action)
            worst_rad = max(worst_rad, float(np.abs(joints_of(theirs) - world.joints_rad()).max()))
        theirs.sim.forward()  # else its picture is one physics step old
        world._data.qpos[:] = theirs.sim.data.qpos
        world._data.qvel[:] = theirs.sim.data.qvel
        looks = []
        for camera in CAMERAS:
            frame = theirs.sim.render(width=256, height=256, camera_name=camera)[::-1]
            looks.append(float(np.abs(frame.astype(float) - picture(world, camera)).mean()))
        theirs.close()
        return worst_rad, looks


def picture(world: LiberoWorld, camera: str) -> FloatArray:
    from vla_backfire.worlds import mj

    mj.forward(world._model, world._data)
    return world.picture(camera).astype(float)


def alike(world: LiberoWorld, theirs: Any) -> None:
    """Start both from the very same state and goals, once LIBERO has settled."""
    data, sim = world._data, theirs.sim.data
    data.qpos[:], data.qvel[:] = sim.qpos, sim.qvel
    data.qacc_warmstart[:] = sim.qacc_warmstart
    controller = theirs.env.robots[0].controller
    world._robot.goal_rotation[:] = controller.goal_ori
    world._robot.gripper_command = float(theirs.env.robots[0].gripper.current_action[0])


def joints_of(theirs: Any) -> FloatArray:
    return np.asarray(theirs.sim.data.qpos[:7], np.float64)


def seeing(suite: str) -> Any:
    """LIBERO's own environment for the first task of a suite."""
    with redirect_stdout(StringIO()):
        from libero.libero import benchmark, get_libero_path  # type: ignore[import-not-found, unused-ignore]  # an extra
        from libero.libero.envs import OffScreenRenderEnv  # type: ignore[import-not-found, unused-ignore]  # an extra

        task = benchmark.get_benchmark_dict()[suite]().get_task(0)
        folder = f"{get_libero_path('bddl_files')}/{task.problem_folder}"
        env = OffScreenRenderEnv(
            bddl_file_name=f"{folder}/{task.bddl_file}", camera_heights=256, camera_widths=256
        )
        env.seed(0)
        env.reset()
        return env


if __name__ == "__main__":
    main()
