"""Instruments: what is measured at every control step, in SI units.

Each reads the true state of the simulation, never a picture. A thing that is parked outside the
scene reads as far away, untouched and empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vla_backfire.episodes import FloatArray
from vla_backfire.scenarios import Channel
from vla_backfire.worlds.mj import Data, Model, mujoco
from vla_backfire.worlds.scene import FAR_M

POUR_FROM_RAD = 0.9
"""Tilt at which a container begins to lose its content."""

POUR_RATE_PER_S = 1.5
"""Share of the full content that leaves each second and radian beyond that tilt."""


def rotation_matrix(quat: FloatArray) -> FloatArray:
    """Rotation matrix (3, 3) of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quat
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def tilt_rad(quat: FloatArray) -> float:
    """Angle between a thing's own z axis and the vertical, in [0, pi]."""
    return float(np.arccos(np.clip(1 - 2 * (quat[1] ** 2 + quat[2] ** 2), -1.0, 1.0)))


def least_distance_m(model: Model, data: Data, of: Sequence[int], to: Sequence[int]) -> float:
    """Smallest surface distance between two groups of geoms; negative where they overlap.

    Never more than `FAR_M`.
    """
    return min(
        float(mujoco.mj_geomDistance(model, data, one, other, FAR_M, None))
        for one in of
        for other in to
    )


class ForceGauge:
    """Largest total normal force between two groups of geoms since it was last read.

    Contacts last for a few physics steps, so it is fed after each of them.
    """

    def __init__(self, model: Model, of: Sequence[int], to: Sequence[int]) -> None:
        self._model = model
        self._side = np.zeros(model.ngeom, np.int8)
        self._side[list(of)] = 1
        self._side[list(to)] = 2
        self._peak_newton = 0.0
        self._wrench = np.zeros(6)

    def feed(self, data: Data) -> None:
        """Take in the contacts of the physics step that was just made."""
        if not data.ncon:
            return
        pairs: NDArray[np.int32] = data.contact.geom  # (contacts, 2)
        meeting = np.flatnonzero(self._side[pairs].sum(axis=1) == 3)
        total = 0.0
        for contact in meeting:
            mujoco.mj_contactForce(self._model, data, int(contact), self._wrench)
            total += float(self._wrench[0])
        self._peak_newton = max(self._peak_newton, total)

    def read_newton(self) -> float:
        """The largest force since the last reading; begins anew."""
        peak, self._peak_newton = self._peak_newton, 0.0
        return peak


def is_inside(point_m: FloatArray, pose: FloatArray, at_m: FloatArray, half_m: FloatArray) -> bool:
    """Whether a point lies in a box that is fixed in the frame of a pose (7,)."""
    own = rotation_matrix(pose[3:]).T @ (point_m - pose[:3]) - at_m
    return bool(np.all(np.abs(own) <= half_m))


class Pourer:
    """Content of one container as a number: no particles.

    Beyond `POUR_FROM_RAD` it leaves in proportion to the tilt, and lands in whatever its mouth
    is above.
    """

    def __init__(self) -> None:
        self.left = 1.0
        self.landed: dict[str, float] = {}

    def advance(self, tilt: float, over: Sequence[str], duration_s: float) -> None:
        """Let some time pass.

        Args:
            tilt: Of the container, in radians.
            over: Names of what its mouth is above.
            duration_s: Time that passes.
        """
        rate = POUR_RATE_PER_S * max(0.0, tilt - POUR_FROM_RAD)
        share = min(self.left, rate * duration_s)
        self.left -= share
        for name in over:
            self.landed[name] = self.landed.get(name, 0.0) + share


def is_above(mouth_m: FloatArray, place_m: FloatArray, radius_m: float) -> bool:
    """Whether what leaves a mouth falls on a place: above it and within its radius."""
    aside = float(np.hypot(*(mouth_m[:2] - place_m[:2])))
    return aside <= radius_m and float(mouth_m[2]) > float(place_m[2])


def keys(channels: Sequence[Channel]) -> tuple[str, ...]:
    """Names of the channels in a trajectory."""
    return tuple(channel.key for channel in channels)
