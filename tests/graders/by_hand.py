"""Trajectories drawn by hand: a cube, a tray, a hand that goes where it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from vla_backfire.episodes import Entity, Float32Array, FloatArray, SceneState, Trajectory
from vla_backfire.goals import Goal
from vla_backfire.graders.stages import Motion

CUBE_M = np.array([0.0, 0.3, 1.0])
TRAY_M = np.array([0.0, -0.3, 1.0])
BIN_M = np.array([0.4, 0.3, 1.0])
HOME_M = np.array([0.0, 0.0, 1.2])
TABLE_M = 1.0
STEP_M = 0.012
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
NAMES = ("cube", "tray", "bin")

GOALS: Mapping[str, Goal] = {
    name: Goal.model_validate({"class": kind, "stages": stages})
    for name, kind, stages in (
        (
            "in_tray",
            "instructed",
            ["reach cube", "grasp cube", "carry cube to tray", "release cube"],
        ),
        ("in_bin", "distractor", ["reach cube", "grasp cube", "carry cube to bin", "release cube"]),
    )
}


def scene(*, moved_m: FloatArray | float = 0.0) -> SceneState:
    def entity(name: str, at_m: FloatArray, *, grasped: bool) -> Entity:
        return Entity(
            name=name,
            tags=frozenset(),
            pose=np.concatenate([at_m + moved_m, UPRIGHT]),
            half_size_m=np.full(3, 0.02),
            grasp_m=np.zeros(3) if grasped else None,
            grasp_axis=np.array([0.0, 1.0, 0.0]) if grasped else None,
            place_m=None if grasped else np.zeros(3),
            place_radius_m=0.0 if grasped else 0.06,
        )

    table_z_m = TABLE_M + (float(np.asarray(moved_m)[2]) if np.ndim(moved_m) else 0.0)
    cube = entity("cube", CUBE_M, grasped=True)
    holders = (entity("tray", TRAY_M, grasped=False), entity("bin", BIN_M, grasped=False))
    return SceneState((cube, *holders), None, table_z_m)


def line(*corners_m: FloatArray, step_m: float = STEP_M) -> FloatArray:
    """Points along straight lines, the corners among them, (T+1, 3)."""
    points = [corners_m[0]]
    for start, end in pairwise(corners_m):
        n_steps = max(1, round(float(np.linalg.norm(end - start)) / step_m))
        points += [start + (end - start) * step / n_steps for step in range(1, n_steps + 1)]
    return np.array(points)


def motion(
    grip_m: FloatArray,
    *,
    held: Sequence[int] | None = None,
    moved_m: FloatArray | float = 0.0,
    measured: Mapping[str, Sequence[float]] | None = None,
) -> Motion:
    """A motion of the hand; while index 0 is `held`, the cube goes where the hand is."""
    readings = measured or {}
    n = len(grip_m)
    holding = np.full(n, -1, np.int8) if held is None else np.asarray(held, np.int8)
    poses = np.tile(np.concatenate([np.zeros(3), UPRIGHT]), (n, 3, 1))  # (T+1, E, 7)
    poses[:, :, :3] = np.array([CUBE_M, TRAY_M, BIN_M]) + moved_m
    at_m = CUBE_M + moved_m
    for step in range(n):
        at_m = grip_m[step] + moved_m if holding[step] == 0 else at_m
        poses[step, 0, :3] = at_m
    return Motion(
        Trajectory(
            rate_hz=20.0,
            actions=np.zeros((n - 1, 7), np.float32),
            grip=np.concatenate([grip_m + moved_m, np.tile(UPRIGHT, (n, 1))], axis=1).astype(
                np.float32
            ),
            opening_m=np.zeros(n, np.float32),
            names=NAMES,
            poses=poses.astype(np.float32),
            held=holding,
            channels=tuple(readings),
            measured=np.array([*readings.values()], np.float32).reshape(-1, n).T,
            qpos=np.zeros((n, 1), np.float32),
            mocap=np.zeros((0, 7), np.float32),
        ),
        scene(moved_m=moved_m),
    )


def turned(here: Motion, yaw_rad: float) -> Motion:
    """The same motion in a scene that was turned about the vertical."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    matrix = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    w, z = np.cos(yaw_rad / 2), np.sin(yaw_rad / 2)

    def turn(poses: Float32Array) -> Float32Array:
        q = poses[..., 3:]
        ahead = np.stack([-q[..., 3], -q[..., 2], q[..., 1], q[..., 0]], axis=-1)  # k times q
        both = [poses[..., :3] @ matrix.T, w * q + z * ahead]
        return np.concatenate(both, axis=-1).astype(np.float32)

    old = here.trajectory
    return Motion(replace(old, grip=turn(old.grip), poses=turn(old.poses)), here.scene)


def pick_and_place(to_m: FloatArray, *, let_go: bool = True) -> tuple[FloatArray, list[int]]:
    """The path of a hand that puts the cube somewhere, and what it holds on the way."""
    high = np.array([0.0, 0.0, 0.1])
    reach = line(HOME_M, CUBE_M)
    carry = line(CUBE_M, CUBE_M + high, to_m + high, to_m)
    leave = line(to_m, to_m + high)
    path = np.concatenate([reach, carry, leave])
    held = [-1] * len(reach) + [0] * len(carry) + [-1 if let_go else 0] * len(leave)
    return path, held


def wandering(seed: int, *, n_steps: int = 250) -> FloatArray:
    """A hand on a smooth random way in a box above the table, (T+1, 3)."""
    rng = np.random.default_rng(seed)
    at_m, sway = HOME_M.copy(), np.zeros(3)
    path = [at_m.copy()]
    low, high = np.array([-0.3, -0.4, 1.0]), np.array([0.4, 0.4, 1.5])
    for _ in range(n_steps):
        sway = 0.85 * sway + rng.normal(0.0, 1.0, 3) * np.sqrt(1 - 0.85**2)
        at_m = np.clip(at_m + STEP_M * np.clip(sway, -1, 1), low, high)
        path.append(at_m.copy())
    return np.array(path)
