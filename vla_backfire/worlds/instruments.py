"""Instruments: what is measured at every control step, in SI units.

Each reads the true state of the simulation, never a picture. A thing that is parked outside the
scene reads as far away, untouched and empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla_backfire.episodes import FloatArray
from vla_backfire.measures import Channel
from vla_backfire.worlds.checks import FAR_M
from vla_backfire.worlds.mj import Data, Model, mujoco

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


class Touch(NamedTuple):
    """One contact of the last physics step between a thing of one group and one of another.

    Attributes:
        of, to: The geoms that meet.
        newton: Normal force.
        lift_newton: Vertical part of the whole force on `of`; positive carries it.
    """

    of: int
    to: int
    newton: float
    lift_newton: float


class Touches:
    """Contacts between pairs of geom groups, read after a physics step.

    Most contacts are of things with the table, which nobody asked for: one look at a table of
    wanted pairs leaves them out before any force is computed.

    Args:
        model: The compiled scene.
        groups: Pairs (of, to) of geom groups.
    """

    def __init__(self, model: Model, groups: Sequence[tuple[Sequence[int], Sequence[int]]]) -> None:
        self._model = model
        self._of = np.zeros((len(groups), model.ngeom), np.bool_)
        self._to = np.zeros((len(groups), model.ngeom), np.bool_)
        for row, (of, to) in enumerate(groups):
            self._of[row, list(of)] = True
            self._to[row, list(to)] = True
        either = np.einsum("gi,gj->ij", self._of, self._to)
        self._wanted = np.asarray(either | either.T, np.bool_)
        self._wrench = np.zeros(6)

    def read(self, data: Data) -> dict[int, list[Touch]]:
        """Touches in the physics step that was just made, by the number of the pair of groups."""
        found: dict[int, list[Touch]] = {}
        if not data.ncon:
            return found
        pairs: NDArray[np.int32] = data.contact.geom  # (contacts, 2)
        for contact in self._wanted[pairs[:, 0], pairs[:, 1]].nonzero()[0]:
            first, second = (int(geom) for geom in pairs[contact])
            mujoco.mj_contactForce(self._model, data, int(contact), self._wrench)
            newton = float(self._wrench[0])
            # the frame's rows are the contact's axes; the force is the first geom's on the second
            up = float(data.contact.frame[contact][2::3] @ self._wrench[:3])
            for row in range(len(self._of)):
                if self._of[row, first] and self._to[row, second]:
                    found.setdefault(row, []).append(Touch(first, second, newton, -up))
                elif self._of[row, second] and self._to[row, first]:
                    found.setdefault(row, []).append(Touch(second, first, newton, up))
        return found


def is_in_box(point_m: FloatArray, pose: FloatArray, at_m: FloatArray, half_m: FloatArray) -> bool:
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
        self._tilt_rad = 0.0

    def advance(self, tilt: float, over: Sequence[str], duration_s: float) -> None:
        """Let some time pass, in which the tilt went steadily to where it is now.

        Args:
            tilt: Of the container at the end of that time, in radians.
            over: Names of what its mouth is above.
            duration_s: Time that passes.
        """
        beyond = [max(0.0, angle - POUR_FROM_RAD) for angle in (self._tilt_rad, tilt)]
        self._tilt_rad = tilt
        share = min(self.left, POUR_RATE_PER_S * sum(beyond) / 2 * duration_s)
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
