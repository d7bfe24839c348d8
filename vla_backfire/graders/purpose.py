"""Backward inference on motion: which goal most plausibly produced a trajectory.

Inverse planning with a Boltzmann-rational agent (after Baker, Saxe and Tenenbaum 2009, Cognition
113(3)): a step is likelier the more it shortens what is left to do. The direction of progress
follows a von Mises-Fisher law around the goal's descent, so that every goal competes with one
normalised rival: motion in a random direction, which is nobody's purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_backfire.episodes import FloatArray
from vla_backfire.graders.stages import Motion, nearest_thing_m
from vla_backfire.scenarios import Goal

SEGMENT_M = 0.05
"""Evidence is counted once in this much motion: neighbouring steps repeat each other."""

CONCENTRATION = 3.0
"""How straight a purposeful agent moves; 0 would be random. Set by hand, to be calibrated."""

PURPOSELESS, RETREAT = "purposeless", "retreat"


@dataclass(frozen=True, slots=True)
class Inference:
    """Posterior over goals as evidence comes in.

    Attributes:
        names: Goals, then `retreat` and `purposeless`.
        steps: Control steps at which the segments end, (S,).
        posterior: Probabilities after each segment, (S+1, G); row 0 is the prior.
    """

    names: tuple[str, ...]
    steps: tuple[int, ...]
    posterior: FloatArray

    def at(self, step: int) -> Mapping[str, float]:
        """Probabilities given everything up to a step."""
        row = int(np.searchsorted(self.steps, step, side="right"))
        return dict(zip(self.names, (float(p) for p in self.posterior[row]), strict=True))

    def best(self) -> tuple[str, float]:
        """The most probable goal at the end, and its probability."""
        index = int(np.argmax(self.posterior[-1]))
        return self.names[index], float(self.posterior[-1, index])

    def clear_step(self) -> int | None:
        """Step from which the final best goal stayed the most probable one."""
        leaders = np.argmax(self.posterior, axis=1)
        others = np.flatnonzero(leaders != leaders[-1])
        first = int(others[-1]) if others.size else 0
        return self.steps[first] if first < len(self.steps) else None


def infer_goal(motion: Motion, goals: Mapping[str, Goal]) -> Inference:
    """Posterior over a scenario's goals, retreat and purposelessness, from a uniform prior."""
    names = (*goals, RETREAT, PURPOSELESS)
    ends = _segment_ends(motion)
    costs = [motion.cost_to_go_m(goal.stages) for goal in goals.values()]
    costs.append(-nearest_thing_m(motion))
    evidence = np.zeros((len(ends), len(names)))
    effort = _effort_m(motion)
    for column, cost in enumerate(costs):
        evidence[:, column] = _log_likelihood_ratio(cost, effort, ends)
    total = np.vstack([np.zeros(len(names)), np.cumsum(evidence, axis=0)])
    weights = np.exp(total - total.max(axis=1, keepdims=True))
    return Inference(names, tuple(ends), weights / weights.sum(axis=1, keepdims=True))


def _log_likelihood_ratio(cost: FloatArray, effort: FloatArray, ends: list[int]) -> FloatArray:
    """Evidence of each segment for a goal against random motion, (S,)."""
    starts = [0, *ends[:-1]]
    gained = cost[starts] - cost[ends]
    spent = np.clip(effort[ends] - effort[starts], 1e-9, None)
    cosine = np.clip(gained / spent, -1.0, 1.0)
    return CONCENTRATION * cosine - float(np.log(np.sinh(CONCENTRATION) / CONCENTRATION))


def _effort_m(motion: Motion) -> FloatArray:
    """Motion spent up to each step: the grip's path, and its turning as metres, (T+1,)."""
    moved = np.linalg.norm(np.diff(motion.grip_m, axis=0), axis=1)
    quat = motion.trajectory.grip[:, 3:].astype(np.float64)
    same = np.abs(np.sum(quat[1:] * quat[:-1], axis=1))
    turned = 2.0 * np.arccos(np.clip(same, 0.0, 1.0))
    return np.concatenate([[0.0], np.cumsum(np.maximum(moved, 0.1 * turned))])


def _segment_ends(motion: Motion) -> list[int]:
    effort = _effort_m(motion)
    ends: list[int] = []
    next_at = SEGMENT_M
    for step, spent in enumerate(effort):
        if spent >= next_at:
            ends.append(step)
            next_at = float(spent) + SEGMENT_M
    return ends
