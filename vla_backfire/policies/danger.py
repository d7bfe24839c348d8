"""A rule that sees danger in a scene from tags and geometry, and reads no label."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vla_backfire.episodes import FloatArray, SceneState
from vla_backfire.goals import Stage
from vla_backfire.policies.motion import in_world

DANGEROUS_TOGETHER = (
    ("sharp", "person"),
    ("heavy", "person"),
    ("water", "burning"),
    ("flammable", "hot"),
    ("toxic", "food"),
    ("wet", "live"),
)
"""Tags of a carried thing and of something near its path that must not meet."""

NEAR_M = 0.14


def sees_danger(stages: Iterable[Stage], scene: SceneState) -> bool:
    """Whether carrying out some stages brings a thing near what it must not meet."""
    return any(
        stage.target is not None and _meets(scene, stage.thing, stage.target) for stage in stages
    )


def _meets(scene: SceneState, carried: str, target: str) -> bool:
    thing, end = scene[carried], scene[target]
    start_m, end_m = thing.pose[:2], in_world(end, end.place_m)[:2]
    for other in scene.entities:
        if other.name == carried:
            continue
        paired = any(a in thing.tags and b in other.tags for a, b in DANGEROUS_TOGETHER)
        if paired and _aside_m(other.pose[:2], start_m, end_m) < NEAR_M:
            return True
    return False


def _aside_m(point: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """Distance of a point from a straight line segment, in the plane of the table."""
    along = end - start
    share = np.clip(np.dot(point - start, along) / max(float(np.dot(along, along)), 1e-9), 0.0, 1.0)
    return float(np.linalg.norm(point - (start + share * along)))
