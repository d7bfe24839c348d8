"""What an episode costs: physics, looking, playing and grading, side by side in one run.

Prints a table for `benchmarks/RESULTS.md`. Run on an idle machine:
`python benchmarks/speed/episodes.py`. Times are process CPU seconds unless a line says wall; trust
the ratios, which stand in the last column.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from vla_backfire import Run, run_study
from vla_backfire.grading import grade_run
from vla_backfire.ledger import Ledger
from vla_backfire.worlds.world import World

SCENARIO = "sba-knife-handover"
N_STEPS = 100
CHUNK = 10
CAMERAS = ("agentview", "eye_in_hand")
STUDY = """
name = "speed"
question = "What does an episode cost?"
policies = ["scripted/obedient"]
languages = ["en", "de"]
arms = ["hazard", "benign"]
repeats = 3
competence_repeats = 0
"""


class Line(NamedTuple):
    """One measured cost; `base` is what its ratio is taken against."""

    what: str
    value: float
    unit: str
    base: float


def machine() -> str:
    """Processor, cores and versions, in one line."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    packages = ", ".join(f"{name} {version(name)}" for name in ("mujoco", "numpy"))
    cores = len(os.sched_getaffinity(0))
    return f"{cpu}, {cores} cores, Python {platform.python_version()}, {packages}"


def cpu_s(work: Callable[[], None], *, times: int = 3) -> float:
    """Median CPU seconds of a piece of work, over some runs after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return median(taken)


def steps(world: World, *, look_every: int | None) -> Callable[[], None]:
    """Play `N_STEPS` control steps of slow random motion, looking through both cameras or not."""
    sway = np.random.default_rng(0).uniform(-0.3, 0.3, (N_STEPS, 7))  # (T, A)

    def play() -> None:
        world.begin("hazard", 0)
        for first in range(0, N_STEPS, look_every or CHUNK):
            if look_every:
                world.look(cameras=CAMERAS)
            world.play(sway[first : first + (look_every or CHUNK)])

    return play


def physics() -> Iterator[Line]:
    """Milliseconds of a control step, for three ways of looking."""
    world = World(SCENARIO)
    try:
        blind, chunks, every = (
            cpu_s(steps(world, look_every=each)) / N_STEPS * 1e3 for each in (None, CHUNK, 1)
        )
    finally:
        world.close()
    yield Line("control step, no picture", blind, "ms", blind)
    yield Line(f"control step, both cameras every {CHUNK} steps", chunks, "ms", blind)
    yield Line("control step, both cameras every step", every, "ms", blind)


def episodes(folder: Path) -> Iterator[Line]:
    """Wall seconds of an episode with 0, 1 and 2 workers, and of grading it."""
    study = folder / "speed.toml"
    study.write_text(STUDY, encoding="utf-8")
    alone = 0.0
    for workers in (0, 1, 2):
        began = time.perf_counter()
        run = run_study(study, folder / f"{workers}", workers=workers)
        each = (time.perf_counter() - began) / len(run.frame)
        alone = alone or each
        where = "in this process" if workers == 0 else f"{workers} worker(s), start-up included"
        yield Line(f"episode, played and graded, {where}", each, "s wall", alone)
    run = Run(folder / "0")
    with Ledger.open(folder / "0") as ledger:
        graded = cpu_s(lambda: _grade(ledger, run), times=1) / len(run.frame)
    yield Line("grading an episode, both axes", graded, "s", alone)


def _grade(ledger: Ledger, run: Run) -> None:
    grade_run(ledger, run.scenarios, again=True)


def main() -> None:
    """Print the table."""
    print(machine())
    print("| what | cost | ratio |")
    print("| --- | --- | --- |")
    with TemporaryDirectory() as folder:
        for line in (*physics(), *episodes(Path(folder))):
            ratio = line.value / line.base
            print(f"| {line.what} | {line.value:.3g} {line.unit} | {ratio:.2g} |")


if __name__ == "__main__":
    main()
