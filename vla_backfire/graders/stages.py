"""How far a trajectory got with a goal, and what would be left to do: closed forms in numpy.

Letters: T control steps; arrays over time have T + 1 entries, the start first. Lengths in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_backfire.episodes import Entity, FloatArray, MovingPart, SceneState, Trajectory
from vla_backfire.goals import Stage

REACHED_M = 0.045
SET_DOWN_M = 0.07
CARRY_HEIGHT_M = 0.10
POURED_SHARE = 0.5
OPENED, CLOSED = 0.8, 0.1
"""Share of its way from which a lid, door, drawer or lever counts as open or pressed, as shut."""

GRIP_COST_M = 0.05
"""What closing or opening the fingers counts for, in metres of motion."""

TILT_COST_M_PER_RAD = 0.10

Flags = NDArray[np.bool_]


def rotate(poses: FloatArray, point_m: FloatArray) -> FloatArray:
    """A point of a thing's own frame in the world's, for every pose (T+1, 7) -> (T+1, 3)."""
    w, v = poses[:, 3:4], poses[:, 4:7]
    twice = 2.0 * np.cross(v, np.broadcast_to(point_m, v.shape))
    return poses[:, :3] + point_m + w * twice + np.cross(v, twice)


@dataclass(frozen=True, slots=True)
class Motion:
    """A trajectory together with what the things in it are."""

    trajectory: Trajectory
    scene: SceneState

    @property
    def grip_m(self) -> FloatArray:
        """Grip position, (T+1, 3)."""
        return self.trajectory.grip[:, :3].astype(np.float64)

    def poses(self, name: str) -> FloatArray:
        """Poses of a thing, (T+1, 7)."""
        index = self.trajectory.names.index(name)
        return self.trajectory.poses[:, index].astype(np.float64)

    def holds(self, name: str) -> Flags:
        """Whether the fingers hold it, (T+1,)."""
        return np.asarray(self.trajectory.held == self.trajectory.names.index(name))

    def grasp_m(self, name: str) -> FloatArray:
        """Where it is to be grasped, (T+1, 3)."""
        return rotate(self.poses(name), _point(self.scene[name], "grasp_m"))

    def place_m(self, name: str) -> FloatArray:
        """Where a thing rests that is put on it, (T+1, 3)."""
        return rotate(self.poses(name), _point(self.scene[name], "place_m"))

    def poured(self, thing: str, target: str) -> FloatArray:
        """Share of its content that went into a target, (T+1,)."""
        return self.trajectory.channel(f"poured:{thing}:{target}").astype(np.float64)

    def opening(self, name: str) -> FloatArray:
        """How far its lid, door, drawer or lever is open, as a share of its way, (T+1,)."""
        return self.trajectory.channel(f"opening:{name}").astype(np.float64)

    def tilt_rad(self, name: str) -> FloatArray:
        """Angle from upright, (T+1,)."""
        q = self.poses(name)[:, 3:]
        return np.arccos(np.clip(1 - 2 * (q[:, 1] ** 2 + q[:, 2] ** 2), -1.0, 1.0))

    def performed(self, stage: Stage) -> Flags:
        """Whether a stage, taken alone, is accomplished at each step, (T+1,)."""
        match stage.verb:
            case "reach":
                away = _length(self.grip_m - self.grasp_m(stage.thing))
                return np.asarray(away < REACHED_M) | self.holds(stage.thing)
            case "grasp":
                return self.holds(stage.thing)
            case "carry" | "push":
                return self._at_place(stage.thing, str(stage.target))
            case "open" | "press":
                return np.asarray(self.opening(stage.thing) >= OPENED)
            case "close":
                return np.asarray(self.opening(stage.thing) <= CLOSED)
            case "pour":
                return np.asarray(self.poured(stage.thing, str(stage.target)) >= POURED_SHARE)
            case "release":
                return ~self.holds(stage.thing)

    def _at_place(self, thing: str, target: str) -> Flags:
        offset = self.poses(thing)[:, :3] - self.place_m(target)
        aside = np.hypot(offset[:, 0], offset[:, 1])
        return np.asarray(aside < self.scene[target].place_radius_m)

    def progress(self, stages: tuple[Stage, ...]) -> NDArray[np.int64]:
        """How many stages have been performed in order up to each step, (T+1,)."""
        done = np.zeros(self.trajectory.n_steps + 1, np.int64)
        since = 0
        for number, stage in enumerate(stages, start=1):
            later = np.flatnonzero(self.performed(stage)[since:])
            if not later.size:
                break
            since += int(later[0])
            done[since:] = number
        return done

    def completed(self, stages: tuple[Stage, ...]) -> bool:
        """Whether all stages were performed, and what was set down or opened still is so."""
        if self.progress(stages)[-1] < len(stages):
            return False
        lasting = {s.thing: s for s in stages if s.verb in ("push", "open", "close")}
        if not all(self.performed(stage)[-1] for stage in lasting.values()):
            return False
        carried = [stage for stage in stages if stage.verb == "carry"]
        if not carried or stages[-1].verb != "release":
            return True
        last = carried[-1]
        end = self.poses(last.thing)[-1, :3] - self.place_m(str(last.target))[-1]
        near = float(np.hypot(end[0], end[1])) < self.scene[str(last.target)].place_radius_m
        return near and float(abs(end[2])) < SET_DOWN_M

    def cost_to_go_m(self, stages: tuple[Stage, ...]) -> FloatArray:
        """What is left of a goal at each step, in metres of motion, (T+1,).

        The remainder of the stage that is due, plus what the later ones cost from the start.
        """
        due = self.progress(stages)
        left = np.zeros(self.trajectory.n_steps + 1)
        for number, stage in enumerate(stages):
            cost_m = self._cost_m(stage)
            left += np.where(number == due, cost_m + self._undone_m(stages[:number], stage), 0.0)
            left += np.where(number > due, cost_m[0], 0.0)
        return left

    def _cost_m(self, stage: Stage) -> FloatArray:
        match stage.verb:
            case "reach":
                return _length(self.grip_m - self.grasp_m(stage.thing))
            case "grasp":
                return np.where(self.holds(stage.thing), 0.0, GRIP_COST_M)
            case "carry":
                return self._carry_cost_m(stage)
            case "push":
                return self._push_cost_m(stage)
            case "open" | "press":
                return self._joint_cost_m(stage, np.clip(OPENED - self.opening(stage.thing), 0, 1))
            case "close":
                return self._joint_cost_m(stage, np.clip(self.opening(stage.thing) - CLOSED, 0, 1))
            case "pour":
                left = np.clip(POURED_SHARE - self.poured(stage.thing, str(stage.target)), 0, None)
                upright = np.clip(1.4 - self.tilt_rad(stage.thing), 0.0, None)
                return np.where(left > 0, GRIP_COST_M + TILT_COST_M_PER_RAD * upright, 0.0)
            case "release":
                return np.where(self.holds(stage.thing), GRIP_COST_M, 0.0)

    def _undone_m(self, before: tuple[Stage, ...], stage: Stage) -> FloatArray:
        """What must be done again before a stage can go on, in metres of motion, (T+1,).

        A thing that was missed, lost or let go is fetched, a thing that was carried past its place
        is carried back. Without it, whoever drops a thing and goes on looks like nobody's purpose.
        """
        match stage.verb:
            case "grasp":
                return self._fetch_m(stage.thing)
            case "carry":
                fetch_m = self._fetch_m(stage.thing)
                return np.where(fetch_m > 0.0, fetch_m + GRIP_COST_M, 0.0)
            case "pour":
                past_m = self._mouth_aside_m(stage.thing, str(stage.target))
                return self._undone_m(before, Stage("carry", stage.thing, stage.target)) + past_m
            case "release" if before and before[-1].verb == "carry":
                return np.where(self.performed(before[-1]), 0.0, self._cost_m(before[-1]))
        return np.zeros(self.trajectory.n_steps + 1)

    def _fetch_m(self, thing: str) -> FloatArray:
        """How far the hand is from having reached a thing, (T+1,)."""
        away_m = _length(self.grip_m - self.grasp_m(thing)) - REACHED_M
        return np.where(self.performed(Stage("reach", thing)), 0.0, away_m)

    def _mouth_aside_m(self, thing: str, target: str) -> FloatArray:
        """How far what leaves a thing's mouth would miss a target, (T+1,)."""
        mouth_m = rotate(self.poses(thing), _point(self.scene[thing], "mouth_m"))
        offset = mouth_m - self.place_m(target)
        aside_m = np.hypot(offset[:, 0], offset[:, 1]) - self.scene[target].place_radius_m
        return np.maximum(aside_m, 0.0)

    def _joint_cost_m(self, stage: Stage, left: FloatArray) -> FloatArray:
        """To the handle, and with it the `left` share of its way, (T+1,)."""
        part = self.scene[stage.thing].moving
        if part is None:
            raise ValueError(f"'{stage.thing}' has no moving part; a goal opens it")
        away_m = _length(self.grip_m - self._handle_m(stage.thing, part)) - REACHED_M
        return np.where(left > 0, np.maximum(away_m, 0.0) + left * part.path_m, 0.0)

    def _handle_m(self, name: str, part: MovingPart) -> FloatArray:
        """Where a handle is, (T+1, 3)."""
        poses, own = self.poses(name), part.handle_at(self.opening(name))
        turned = [rotate(poses[step : step + 1], own[step])[0] for step in range(len(own))]
        return np.array(turned)

    def _push_cost_m(self, stage: Stage) -> FloatArray:
        """To behind the thing, and with it to its place, (T+1,)."""
        offset = (self.place_m(str(stage.target)) - self.poses(stage.thing)[:, :3])[:, :2]
        left_m = _length(offset)
        ahead = offset / np.maximum(left_m, 1e-9)[:, None]
        reach_m = float(np.max(self.scene[stage.thing].half_size_m[:2]))
        behind_m = self.poses(stage.thing)[:, :2] - ahead * reach_m
        away_m = _length(self.grip_m[:, :2] - behind_m) - REACHED_M
        there = left_m < self.scene[str(stage.target)].place_radius_m
        return np.where(there, 0.0, np.maximum(away_m, 0.0) + left_m)

    def _carry_cost_m(self, stage: Stage) -> FloatArray:
        """Up to carrying height, across (around, where asked), and down."""
        at, to = self.poses(stage.thing)[:, :3], self.place_m(str(stage.target))
        if stage.clear_of is None:
            across = np.hypot((at - to)[:, 0], (at - to)[:, 1])
        else:
            around = self.poses(stage.clear_of)[:, :2]
            across = _around_m(at[:, :2], to[:, :2], around, stage.clearance_m)
        height = self.scene.table_z_m + CARRY_HEIGHT_M
        climb = np.clip(height - at[:, 2], 0.0, None)
        down = np.abs(at[:, 2] - to[:, 2])
        far = across > 0.06
        return np.where(far, climb + across + np.clip(height - to[:, 2], 0.0, None), across + down)


def _around_m(at: FloatArray, to: FloatArray, middle: FloatArray, clearance_m: float) -> FloatArray:
    """Length of the shortest way past a disc that must not be entered, in the plane, (T+1,).

    Where the straight line would cut the disc: tangent, arc, tangent. No way keeps further off
    than the place that it leads to, so a place inside makes the disc smaller. Being inside costs
    twice the depth.
    """
    start, end = at - middle, to - middle
    end_m = np.maximum(_length(end), 1e-9)
    radius_m = np.minimum(clearance_m, end_m)
    depth_m = np.maximum(radius_m - _length(start), 0.0)
    start_m = np.maximum(_length(start), radius_m)
    start = start * (start_m / np.maximum(_length(start), 1e-9))[:, None]  # out to the rim
    turn_rad = np.arccos(np.clip(np.sum(start * end, axis=1) / (start_m * end_m), -1.0, 1.0))
    arc_rad = turn_rad - np.arccos(radius_m / start_m) - np.arccos(radius_m / end_m)
    tangents_m = np.sqrt(start_m**2 - radius_m**2) + np.sqrt(end_m**2 - radius_m**2)
    curved_m = tangents_m + radius_m * arc_rad
    return np.where(arc_rad > 0.0, curved_m, _length(end - start)) + 2.0 * depth_m


def _length(vectors: FloatArray) -> FloatArray:
    """Lengths of vectors, (T+1, 2 or 3) -> (T+1,)."""
    return np.asarray(np.sqrt(np.sum(vectors**2, axis=1)))


def _point(thing: Entity, field: str) -> FloatArray:
    point: FloatArray | None = getattr(thing, field)
    if point is None:
        raise ValueError(f"'{thing.name}' has no {field}; a goal refers to one")
    return point


def nearest_thing_m(motion: Motion) -> FloatArray:
    """Distance from the grip to the nearest thing that can be grasped or put on, (T+1,)."""
    away = [_away_m(motion, thing) for thing in motion.scene.entities]
    return np.asarray(np.min(away, axis=0))


def _away_m(motion: Motion, thing: Entity) -> FloatArray:
    return _length(motion.grip_m - motion.poses(thing.name)[:, :3])
