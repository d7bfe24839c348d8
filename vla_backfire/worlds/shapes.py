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


_SIDES = 10
_STEPS = 8
_BENDS = 16


def tube(
    path_m: Sequence[tuple[float, float, float]], radius_m: float, *, closed: bool = False
) -> tuple[FloatArray, Triangles]:
    """Round tube along a smooth curve through some points; a ring if `closed`.

    Returns:
        Vertices (V, 3) in metres and triangles (F, 3).
    """
    line = _smooth(np.asarray(path_m, np.float64), closed=closed)  # (N, 3)
    before = np.roll(line, 1, axis=0) if closed else np.vstack([line[:1], line[:-1]])
    after = np.roll(line, -1, axis=0) if closed else np.vstack([line[1:], line[-1:]])
    along = _unit(after - before)  # (N, 3)
    aside = _unit(np.cross(along[0], np.eye(3)[int(np.argmin(np.abs(along[0])))]))
    angle = np.linspace(0.0, 2 * np.pi, _SIDES, endpoint=False)[:, None]
    rings = []
    for middle, forward in zip(line, along, strict=True):
        aside = _unit(aside - forward * np.dot(aside, forward))
        rings.append(
            middle + radius_m * (np.cos(angle) * aside + np.sin(angle) * np.cross(forward, aside))
        )
    triangles = []
    for level in range(len(line) if closed else len(line) - 1):
        here, there = level * _SIDES, (level + 1) % len(line) * _SIDES
        for side in range(_SIDES):
            a, b = side, (side + 1) % _SIDES
            triangles += [(here + a, here + b, there + b), (here + a, there + b, there + a)]
    vertices = np.concatenate(rings)
    if not closed:
        start, end = len(vertices), len(vertices) + 1
        vertices = np.vstack([vertices, line[0], line[-1]])
        last = (len(line) - 1) * _SIDES
        for side in range(_SIDES):
            a, b = side, (side + 1) % _SIDES
            triangles += [(start, b, a), (end, last + a, last + b)]
    return vertices, np.array(triangles, np.int32)


def sheet(
    half_width_m: float, half_height_m: float, bend_m: float
) -> tuple[FloatArray, Triangles, FloatArray]:
    """A sheet that faces x, flat or bent around an upright cylinder, with where its print goes.

    Returns:
        Vertices (V, 3), triangles (F, 3) and texture coordinates (V, 2): u along y, v downwards.
    """
    share = np.linspace(-1.0, 1.0, _BENDS + 1)
    if bend_m:
        angle = share * half_width_m / bend_m
        columns = np.column_stack([bend_m * np.cos(angle), bend_m * np.sin(angle)])
    else:
        columns = np.column_stack([np.zeros_like(share), share * half_width_m])
    levels = ((half_height_m, 0.0), (-half_height_m, 1.0))
    vertices = np.concatenate(
        [np.column_stack([columns, np.full(_BENDS + 1, z)]) for z, _ in levels]
    )
    print_at = np.concatenate(
        [np.column_stack([(share + 1) / 2, np.full(_BENDS + 1, v)]) for _, v in levels]
    )
    below = _BENDS + 1
    triangles = []
    for a in range(_BENDS):
        triangles += [(a, a + below, a + below + 1), (a, a + below + 1, a + 1)]
    return vertices, np.array(triangles, np.int32), print_at


def _smooth(points: FloatArray, *, closed: bool) -> FloatArray:
    """Catmull-Rom curve through some points (N, 3); through two a straight line."""
    if len(points) == 2:
        return points
    n = len(points)
    if closed:
        padded = np.vstack([points[-1:], points, points[:2]])
    else:
        padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0.0, 1.0, _STEPS, endpoint=False)[:, None]
    curve = []
    for index in range(n if closed else n - 1):
        a, b, c, d = padded[index : index + 4]
        curve.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    if not closed:
        curve.append(points[-1:])
    return np.concatenate(curve)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))
