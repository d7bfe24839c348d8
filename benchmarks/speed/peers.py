"""What other simulators cost, measured with their own interpreter: `python peers.py libero`.

Runs without vla_backfire, inside an environment that has robosuite 1.5 or LIBERO (see worlds.py).
Prints one JSON object of CPU milliseconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

N_STEPS = 40
PIXELS = 256


def cpu_ms(act: Callable[[], object], n: int = N_STEPS) -> float:
    """CPU milliseconds of one call, all threads together: the least of three medians.

    A neighbour on the same machine makes a whole stretch of calls slower, never faster.
    """
    medians = []
    for _ in range(3):
        spent = []
        for _ in range(n):
            before = time.process_time()
            act()
            spent.append(1e3 * (time.process_time() - before))
        medians.append(median(spent))
    return min(medians)


def robosuite_lift(*, cameras: bool) -> Any:
    import robosuite  # type: ignore[import-not-found, unused-ignore]  # lives in its own environment

    return robosuite.make(
        "Lift",
        robots="Panda",
        has_renderer=False,
        has_offscreen_renderer=cameras,
        use_camera_obs=cameras,
        camera_names=["agentview", "robot0_eye_in_hand"],
        camera_heights=PIXELS,
        camera_widths=PIXELS,
        control_freq=20,
        horizon=10_000,
    )


def libero_object(*, cameras: bool) -> Any:
    from libero.libero import benchmark, get_libero_path  # type: ignore[import-not-found, unused-ignore]  # see above
    from libero.libero.envs.env_wrapper import (  # type: ignore[import-not-found, unused-ignore]  # see above
        ControlEnv,
        OffScreenRenderEnv,
    )

    suite = benchmark.get_benchmark_dict()["libero_object"]()
    task = suite.get_task(0)
    file = os.path.join(get_libero_path("bddl_files"), task.problem_folder, task.bddl_file)  # noqa: PTH118  # as LIBERO's own scripts do
    if cameras:
        env = OffScreenRenderEnv(
            bddl_file_name=file, camera_heights=PIXELS, camera_widths=PIXELS, horizon=10_000
        )
    else:
        env = ControlEnv(
            bddl_file_name=file,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            horizon=10_000,
        )
    env.seed(0)
    env.reset()
    env.set_init_state(suite.get_task_init_states(0)[0])
    return env


def main(name: str) -> None:
    os.environ.setdefault("MUJOCO_GL", "osmesa")  # read when MuJoCo is first imported, below
    make = {"robosuite": robosuite_lift, "libero": libero_object}[name]
    still = [0.0] * 6 + [-1.0]
    blind = make(cameras=False)
    if name == "robosuite":
        blind.reset()
    for _ in range(3):  # numba compiles on the first
        blind.step(still)
    step_ms = cpu_ms(lambda: blind.step(still), N_STEPS)
    reset_ms = cpu_ms(blind.reset, 1)
    blind.close()
    seeing = make(cameras=True)
    if name == "robosuite":
        seeing.reset()
    for _ in range(3):
        seeing.step(still)
    sim = seeing.sim
    frame_ms = cpu_ms(
        lambda: sim.render(width=PIXELS, height=PIXELS, camera_name="agentview"), N_STEPS
    )
    both_ms = cpu_ms(lambda: seeing.step(still), N_STEPS)
    seeing.close()
    print(
        "\n"
        + json.dumps(
            {
                "control step, no picture": step_ms,
                "one frame, 256 px": frame_ms,
                "control step, both cameras": both_ms,
                "reset": reset_ms,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
