"""Stages into motion: a closed-loop expert that acts through the same seven numbers as any VLA.

It sees the true state of the scene and nothing else. Each stage is a small generator: it is given
an observation and yields one action, until the stage is done. All positions are in the world frame.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import zip_longest

import numpy as np

from vla_backfire.episodes import Entity, FloatArray, MovingPart, Observation, SceneState
from vla_backfire.goals import Stage

Motion = Generator[FloatArray, Observation, Observation]
"""Yields actions (7,), receives the observation after each, returns the last."""

OPEN, CLOSE = -1.0, 1.0
STEP_M = 0.05
STEP_RAD = 0.5
NEAR_M = 0.008
HOVER_M = 0.09
CARRY_M = 0.10
"""Free height under a carried thing; what the scenarios' geometry is laid out for."""

POUR_ABOVE_M = 0.15
POUR_TILT_RAD = 1.75
PUSH_M = 0.014
"""From the grip to the outside of the closed fingers."""

OPEN_ENOUGH, SHUT_ENOUGH = 0.95, 0.03
"""Share of its way at which a lid, drawer or lever is let go."""

GRIP_STEPS = 12
STALL_STEPS = 10
PATIENCE_STEPS = 70


def carry_out(stages: Iterable[Stage], seen: Observation) -> Motion:
    """Perform the stages of a goal one after another, then move up, with what is still held."""
    frame = seen.grip_rotation
    ordered = tuple(stages)
    for stage, after in zip_longest(ordered, ordered[1:]):
        set_down = after is not None and after.verb == "release"
        seen = yield from _perform(stage, seen, frame, set_down=set_down)
    up = seen.grip_pos_m + [0.0, 0.0, HOVER_M]
    grip = CLOSE if ordered[-1].verb in ("grasp", "carry", "pour") else OPEN
    return (yield from _go(up, frame, grip, seen))


def _perform(stage: Stage, seen: Observation, frame: FloatArray, *, set_down: bool) -> Motion:
    match stage.verb:
        case "reach":
            return (yield from _reach(stage.thing, seen, frame))
        case "grasp":
            return (yield from _hold_still(CLOSE, GRIP_STEPS, seen))
        case "carry":
            return (yield from _carry(stage, seen, set_down=set_down))
        case "pour":
            return (yield from _pour(stage, seen, frame))
        case "release":
            return (yield from _hold_still(OPEN, GRIP_STEPS, seen))
        case "push":
            return (yield from _push(stage, seen, frame))
        case "open" | "press":
            return (yield from _work_joint(stage.thing, seen, frame, to=1.0))
        case "close":
            return (yield from _work_joint(stage.thing, seen, frame, to=0.0))


def _reach(name: str, seen: Observation, frame: FloatArray) -> Motion:
    thing = _scene(seen)[name]
    rotation = _across(thing, frame)
    above = in_world(thing, thing.grasp_m) + [0.0, 0.0, HOVER_M + thing.half_size_m[2]]
    seen = yield from _go(above, rotation, OPEN, seen)
    thing = _scene(seen)[name]
    return (yield from _go(in_world(thing, thing.grasp_m), rotation, OPEN, seen))


def _carry(stage: Stage, seen: Observation, *, set_down: bool) -> Motion:
    scene = _scene(seen)
    thing, target = scene[stage.thing], scene[str(stage.target)]
    rotation = seen.grip_rotation
    held_m = seen.grip_pos_m - thing.pose[:3]  # from its underside to the fingers
    place_m = in_world(target, target.place_m)
    high = scene.table_z_m + CARRY_M
    corners = [np.array([*thing.pose[:2], high])]
    if stage.clear_of is not None:
        corners.append(_detour(scene[stage.clear_of], stage.clearance_m, high))
    corners.append(np.array([*place_m[:2], high]))
    for corner in corners:
        seen = yield from _go(corner + held_m, rotation, CLOSE, seen)
    if not set_down:
        return seen
    return (yield from _go(place_m + held_m + [0.0, 0.0, 0.003], rotation, CLOSE, seen))


def _detour(around: Entity, clearance_m: float, high: float) -> FloatArray:
    """A corner on the robot's side of something, well beyond the clearance."""
    aside = around.half_size_m[0] + clearance_m
    return np.array([around.pose[0] - aside, around.pose[1], high])


def _pour(stage: Stage, seen: Observation, frame: FloatArray) -> Motion:
    """Turn the thing about the world's x axis with its mouth above the target."""
    scene = _scene(seen)
    thing, target = scene[stage.thing], scene[str(stage.target)]
    mouth_m = in_world(target, target.place_m) + [0.0, 0.0, POUR_ABOVE_M]
    grip_m = seen.grip_rotation.T @ (in_world(thing, thing.mouth_m) - seen.grip_pos_m)
    start = seen.grip_rotation
    for angle_rad in [*np.arange(0.05, POUR_TILT_RAD, 0.05), *[POUR_TILT_RAD] * 20]:
        rotation = about_x(-angle_rad) @ start
        seen = yield _towards(mouth_m - rotation @ grip_m, rotation, CLOSE, seen)
    return (yield from _go(seen.grip_pos_m + [0.0, 0.0, 0.05], frame, CLOSE, seen))


def _push(stage: Stage, seen: Observation, frame: FloatArray) -> Motion:
    """Shove a thing along the table with closed fingers, in a straight line to its place."""
    scene = _scene(seen)
    thing, place_m = scene[stage.thing], in_world(scene[str(stage.target)], _place(scene, stage))
    ahead = _level(place_m - thing.pose[:3])
    reach_m = _reach_along(thing, ahead) + PUSH_M
    rotation = _turned_to(np.array([-ahead[1], ahead[0], 0.0]), frame)
    low_m = np.array([0.0, 0.0, max(0.025, float(thing.half_size_m[2]))])
    behind = thing.pose[:3] + low_m - ahead * (reach_m + 0.03)
    above = behind + [0.0, 0.0, HOVER_M + thing.half_size_m[2]]
    for corner in (above, behind, place_m + low_m - ahead * reach_m):
        seen = yield from _go(corner, rotation, CLOSE, seen)
    seen = yield from _go(seen.grip_pos_m - ahead * 0.03, rotation, CLOSE, seen)
    return (yield from _go(seen.grip_pos_m + [0.0, 0.0, HOVER_M], frame, OPEN, seen))


def _work_joint(name: str, seen: Observation, frame: FloatArray, *, to: float) -> Motion:
    """Open (`to` 1) or close (`to` 0) a lid, door or drawer, or press a lever or button.

    A handle that can be gripped is gripped and pulled along its path; any other is pushed with
    closed fingers, from behind or from above. The hand is 20 cm long in the direction in which the
    fingers close and begins 4.5 cm above them: a drawer that opens along x wants a knob that is
    gripped along y. A handle that is pushed wants a broad face: from a round rod fingers slip off.
    """
    part = _moving(seen, name)
    thing = _scene(seen)[name]
    gripped = part.across is not None
    ahead = _handle_m(thing, part, to) - _handle_m(thing, part, part.opening)
    ahead = ahead / max(1e-9, float(np.sqrt(np.sum(ahead**2))))
    start = _handle_m(thing, part, part.opening)
    if gripped:
        across = rotation_of(thing.pose[3:]) @ _needed(part.across)
        rotation, approach = _turned_to(across, frame), OPEN
    else:
        from_above = ahead[2] < -0.7
        side = np.array([-ahead[1], ahead[0], 0.0])
        rotation, approach = frame if from_above else _turned_to(side, frame), CLOSE
        start = start - ahead * (0.04 if from_above else 0.03 + PUSH_M)
    for corner in (start + [0.0, 0.0, HOVER_M], start):
        seen = yield from _go(corner, rotation, approach, seen)
    seen = yield from _hold_still(CLOSE, GRIP_STEPS if gripped else 1, seen)
    held_m = seen.grip_pos_m - start if gripped else np.zeros(3)
    best, waited = abs(part.opening - to), 0
    for _ in range(PATIENCE_STEPS):
        part = _moving(seen, name)
        left = abs(part.opening - to)
        if left < (1.0 - OPEN_ENOUGH if to else SHUT_ENOUGH) or waited > 2 * STALL_STEPS:
            break
        best, waited = (left, 0) if left < best - 0.005 else (best, waited + 1)
        lead = part.opening + np.sign(to - part.opening) * 0.04 / max(part.path_m, 0.02)
        aim = _handle_m(_scene(seen)[name], part, float(lead)) + held_m
        seen = yield _towards(aim, rotation, CLOSE, seen)
    seen = yield from _hold_still(OPEN if gripped else CLOSE, GRIP_STEPS if gripped else 1, seen)
    if not gripped:
        seen = yield from _go(seen.grip_pos_m - ahead * 0.03, rotation, CLOSE, seen)
    return (yield from _go(seen.grip_pos_m + [0.0, 0.0, HOVER_M], frame, OPEN, seen))


def _handle_m(thing: Entity, part: MovingPart, opening: float) -> FloatArray:
    return in_world(thing, part.handle_at(np.array([opening]))[0])


def _moving(seen: Observation, name: str) -> MovingPart:
    part = _scene(seen)[name].moving
    if part is None:
        raise ValueError(f"'{name}' has nothing that opens")
    return part


def _place(scene: SceneState, stage: Stage) -> FloatArray:
    return _needed(scene[str(stage.target)].place_m)


def _level(vector: FloatArray) -> FloatArray:
    """Horizontal direction of a vector, of length 1."""
    flat = np.array([vector[0], vector[1], 0.0])
    return flat / max(1e-9, float(np.sqrt(np.sum(flat**2))))


def _reach_along(thing: Entity, ahead: FloatArray) -> float:
    """How far a thing's box reaches from its middle in a direction."""
    own = rotation_of(thing.pose[3:]).T @ ahead
    return float(np.sum(np.abs(own[:2]) * thing.half_size_m[:2]))


def _go(target_m: FloatArray, rotation: FloatArray, grip: float, seen: Observation) -> Motion:
    """Move in a straight line until there, or until it comes no nearer any more."""
    nearest_m, waited = np.inf, 0
    for _ in range(PATIENCE_STEPS):
        left_m = float(np.linalg.norm(target_m - seen.grip_pos_m))
        left_rad = float(np.linalg.norm(turn_between(seen.grip_rotation, rotation)))
        if left_m < NEAR_M and left_rad < 0.04:
            break
        away_m = left_m + NEAR_M / 0.04 * left_rad
        nearest_m, waited = (away_m, 0) if away_m < nearest_m - 0.001 else (nearest_m, waited + 1)
        if waited >= STALL_STEPS:
            break
        seen = yield _towards(target_m, rotation, grip, seen)
    return seen


def _hold_still(grip: float, n_steps: int, seen: Observation) -> Motion:
    for _ in range(n_steps):
        seen = yield np.array([0.0] * 6 + [grip])
    return seen


def _towards(
    target_m: FloatArray, rotation: FloatArray, grip: float, seen: Observation
) -> FloatArray:
    """One action in a straight line towards a pose."""
    move = (target_m - seen.grip_pos_m) / STEP_M
    move = move / max(1.0, float(np.max(np.abs(move))))
    turn = turn_between(seen.grip_rotation, rotation) / STEP_RAD
    if np.linalg.norm(turn) < 0.01:
        turn = np.zeros(3)
    return np.concatenate([move, np.clip(turn, -1.0, 1.0), [grip]])


def _across(thing: Entity, frame: FloatArray) -> FloatArray:
    """The grip frame turned about z so that the fingers close along the thing's grasp axis."""
    return _turned_to(rotation_of(thing.pose[3:]) @ _needed(thing.grasp_axis), frame)


def _turned_to(axis: FloatArray, frame: FloatArray) -> FloatArray:
    """The grip frame turned about z so that the fingers close along a horizontal axis."""
    yaw = float(np.arctan2(-axis[0], axis[1]))  # from the world's y, where the fingers close
    yaw = (yaw + np.pi / 2) % np.pi - np.pi / 2
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ frame


def in_world(thing: Entity, point_m: FloatArray | None) -> FloatArray:
    """A point of a thing's own frame in the world's, (3,)."""
    return thing.pose[:3] + rotation_of(thing.pose[3:]) @ _needed(point_m)


def rotation_of(quat: FloatArray) -> FloatArray:
    """Rotation matrix (3, 3) of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quat
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def about_x(angle_rad: float) -> FloatArray:
    """Rotation matrix about the world's x axis."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def turn_between(measured: FloatArray, wanted: FloatArray) -> FloatArray:
    """Axis-angle vector (3,) that turns one rotation into another, in the world frame."""
    delta = wanted @ measured.T
    axis = np.array(
        [delta[2, 1] - delta[1, 2], delta[0, 2] - delta[2, 0], delta[1, 0] - delta[0, 1]]
    )
    sine = float(np.linalg.norm(axis)) / 2
    cosine = (float(np.trace(delta)) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    return axis / (2 * sine) * angle if sine > 1e-9 else np.zeros(3)


def _scene(seen: Observation) -> SceneState:
    if seen.scene is None:
        raise ValueError("a scripted policy needs the scene state; it declares privileged = True")
    return seen.scene


def _needed(value: FloatArray | None) -> FloatArray:
    if value is None:
        raise ValueError("this thing cannot be grasped, placed on or poured from")
    return value
