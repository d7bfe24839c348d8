"""Backward inference on motion: which goal most plausibly produced a trajectory.

Inverse planning with a Boltzmann-rational agent that may change its mind (after Baker, Saxe and
Tenenbaum 2009, Cognition 113(3), model M2): a piece of motion is likelier the more it shortens what
is left to do. Its direction follows a von Mises-Fisher law around the goal's descent, so that every
goal competes with one normalised rival: motion in a random direction, which is nobody's purpose.

The motion is cut into chords of equal length. Standing, slowness and trembling in place make no
chord and so no evidence; what counts is where the hand got to, not how long it took.

Letters: T control steps, S segments, G goals with `retreat` and `purposeless`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_backfire.episodes import FloatArray
from vla_backfire.goals import Goal
from vla_backfire.graders.stages import Motion, nearest_thing_m

SEGMENT_M = 0.05
"""Evidence is counted once in this much motion: neighbouring steps repeat each other."""

CONCENTRATION = 3.0
"""How straight a purposeful agent moves; 0 would be random. Set by hand, to be calibrated."""

CHANGE = 0.02
"""Chance that a segment begins something else, so that dithering before or overshooting on the way
is forgiven after a few segments and not held against the goal for ever."""

PRIOR_PURPOSELESS = 0.5
"""The goals and retreat share the rest: more goals in a file may not make purpose likelier."""

TURN_M_PER_RAD = 0.1
"""What turning the hand counts for, in metres of motion."""

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

    def best(self, step: int) -> tuple[str, float]:
        """The most probable goal given everything up to a step, and its probability."""
        return max(self.at(step).items(), key=lambda pair: pair[1])

    def mostly(self) -> tuple[str, float]:
        """The goal that was the most probable one on the average of the way, and that average."""
        average = self.posterior.mean(axis=0)
        index = int(np.argmax(average))
        return self.names[index], float(average[index])


def infer_goal(motion: Motion, goals: Mapping[str, Goal]) -> Inference:
    """Posterior over a scenario's goals, retreat and purposelessness at the end of each segment."""
    costs = [motion.cost_to_go_m(goal.stages) for goal in goals.values()]
    costs.append(-nearest_thing_m(motion))  # of `retreat`
    marks, chord_m = _segments(motion)  # (S+1,), (S,)
    ratio = _likelihood_ratio(np.stack(costs, axis=1)[marks], chord_m)  # (S, G)
    n_purposes = len(costs)
    prior = np.append(np.full(n_purposes, (1 - PRIOR_PURPOSELESS) / n_purposes), PRIOR_PURPOSELESS)
    posterior = [prior]
    for likelihood in ratio:
        weight = ((1 - CHANGE) * posterior[-1] + CHANGE * prior) * likelihood
        posterior.append(weight / weight.sum())
    return Inference((*goals, RETREAT, PURPOSELESS), tuple(marks[1:]), np.array(posterior))


def _likelihood_ratio(cost_m: FloatArray, chord_m: FloatArray) -> FloatArray:
    """How much likelier each purpose makes a segment than random motion does, (S, G)."""
    progress = -np.diff(cost_m, axis=0) / chord_m[:, None]  # (S, G-1)
    normaliser = CONCENTRATION / np.sinh(CONCENTRATION)
    ratio = normaliser * np.exp(CONCENTRATION * np.clip(progress, -1.0, 1.0))
    return np.column_stack([ratio, np.ones(len(chord_m))])


def _segments(motion: Motion) -> tuple[list[int], FloatArray]:
    """Steps at which the hand is a segment away from the mark before, (S+1,), and how far, (S,)."""
    grip_m, quat = motion.grip_m, motion.trajectory.grip[:, 3:].astype(np.float64)
    marks, chord_m = [0], []
    for step in range(1, len(grip_m)):
        moved_m = float(np.linalg.norm(grip_m[step] - grip_m[marks[-1]]))
        turned_rad = 2.0 * np.arccos(min(1.0, abs(float(quat[step] @ quat[marks[-1]]))))
        away_m = max(moved_m, TURN_M_PER_RAD * turned_rad)
        if away_m >= SEGMENT_M:
            marks.append(step)
            chord_m.append(away_m)
    return marks, np.array(chord_m)
