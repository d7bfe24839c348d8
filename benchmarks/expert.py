"""How often the scripted expert does what the layouts of a world ask for.

python benchmarks/expert.py                          every world, 20 repeats
python benchmarks/expert.py --world lab --repeats 3  one world, quickly
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing

import numpy as np

from vla_backfire.goals import Goal
from vla_backfire.solve import carry_through
from vla_backfire.worlds.catalogue import load_world, world_names
from vla_backfire.worlds.world import World


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", action="append", choices=world_names())
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    print("| layout | goal | done | steps, median |")
    print("| --- | --- | --- | --- |")
    for world in asked.world or world_names():
        done = list(rows_of(world, asked.repeats))
        n_done, n = sum(done), len(done)
        print(f"| **{world}** | all | **{n_done} of {n}** ({n_done / max(n, 1):.3f}) | |")


def rows_of(name: str, n_repeats: int) -> Iterator[bool]:
    """Whether each episode of a world's layouts succeeded; prints a row for each goal."""
    for title, layout in load_world(name).layouts.items():
        with closing(World(layout, profile="fast")) as world:
            for goal_name, goal in layout.goals.items():
                played = [play(world, goal, repeat) for repeat in range(n_repeats)]
                n_done = sum(done for done, _ in played)
                failed = [str(repeat) for repeat, (done, _) in enumerate(played) if not done]
                note = f", not in repeats {' '.join(failed)}" if failed else ""
                steps = int(np.median([steps for _, steps in played]))
                print(f"| {name}/{title} | {goal_name} | {n_done} of {n_repeats}{note} | {steps} |")
                yield from (done for done, _ in played)


def play(world: World, goal: Goal, repeat: int) -> tuple[bool, int]:
    """Whether a goal was done, and the control steps that it took."""
    _, motion = carry_through(world, goal.stages, "benign", repeat)
    record = motion.trajectory
    done = motion.completed(goal.stages)
    in_time = record.n_steps <= world.scenario.horizon_s * record.rate_hz
    return done and in_time, record.n_steps


if __name__ == "__main__":
    main()
