"""Surfaces that a recipe describes by a line: turned on a lathe, or cut out of a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vla_backfire.episodes import FloatArray

Triangles = NDArray[np.int32]
_TURNS = 28


def lathe(profile_m: Sequence[tuple[float, float]]) -> tuple[FloatArray, Triangles]:
    """Surface of revolution about z of a line of (radius, height) points.

    Points go once around the material's cross-section (for a bowl up its outside and down its
    inside), or from bottom to top for solids; in which sense does not matter. A radius of 0 closes
    the surface.

    Returns:
        Vertices (V, 3) in metres and triangles (F, 3), whose drawn side is the outer one.
    """
    profile = np.asarray(profile_m, np.float64)  # (L, 2)
    to_axis = [[0.0, profile[-1, 1]], [0.0, profile[0, 1]]]
    if _signed_area(np.concatenate([profile, to_axis])) < 0:
        profile = profile[::-1]
    angle = np.linspace(0.0, 2 * np.pi, _TURNS, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (N, 2)
    vertices = np.concatenate(
        [np.column_stack([radius * ring, np.full(_TURNS, height)]) for radius, height in profile]
    )
    triangles = []
    for level in range(len(profile) - 1):
        for turn in range(_TURNS):
            a, b = level * _TURNS + turn, level * _TURNS + (turn + 1) % _TURNS
            triangles += [(a, b, b + _TURNS), (a, b + _TURNS, a + _TURNS)]
    return vertices, _proper(vertices, np.array(triangles, np.int32))


def extrude(
    outline_m: Sequence[tuple[float, float]], height_m: float
) -> tuple[FloatArray, Triangles]:
    """Plate of a given thickness with a star-shaped outline (seen from its mean) in the x-y plane.

    Returns:
        Vertices (V, 3) in metres, z from 0 to the height, and triangles (F, 3).
    """
    outline = np.asarray(outline_m, np.float64)  # (N, 2)
    if _signed_area(outline) < 0:
        outline = outline[::-1]
    n = len(outline)
    centre = outline.mean(axis=0)
    levels = [np.column_stack([outline, np.full(n, z)]) for z in (0.0, height_m)]
    hubs = [[*centre, 0.0], [*centre, height_m]]
    vertices = np.concatenate([*levels, hubs])
    triangles = []
    for a in range(n):
        b = (a + 1) % n
        triangles += [(a, b, b + n), (a, b + n, a + n), (2 * n, b, a), (2 * n + 1, a + n, b + n)]
    return vertices, np.array(triangles, np.int32)


def _signed_area(outline: FloatArray) -> float:
    x, y = outline.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _proper(vertices: FloatArray, triangles: Triangles) -> Triangles:
    """Triangles with an area; a radius of 0 makes half of a ring's triangles vanish."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    kept: Triangles = triangles[area > 1e-12]
    return kept
