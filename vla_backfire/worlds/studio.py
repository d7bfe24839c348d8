"""Pictures of single props, for the people who make them."""

from __future__ import annotations

import numpy as np

from vla_backfire.episodes import FloatArray, Pixels
from vla_backfire.worlds import mj
from vla_backfire.worlds.camera import Camera
from vla_backfire.worlds.catalogue import load_profile
from vla_backfire.worlds.mj import Spec, mujoco
from vla_backfire.worlds.props import DRAWN, add_prop
from vla_backfire.worlds.recipes import FRAME_PIXELS, PropRecipe
from vla_backfire.worlds.room import add_lamps, add_sky, draw_coarsely

FOVY_DEG = 30.0
FROM = (0.72, -0.42, 0.55)
"""Direction to the camera: in front, a little from the right and from above, as in the worlds."""


def photograph(recipe: PropRecipe, *, pixels: int = 256) -> Pixels:
    """A prop alone on a plain table, as open as it starts, filling the picture, uint8 (H, W, 3).

    Args:
        recipe: The prop.
        pixels: Width and height.

    Raises:
        Unavailable: No off-screen OpenGL on this machine.
    """
    opening = recipe.joint.open_at_start if recipe.joint else 0.0
    spec = Spec()
    spec.visual.map.znear = 0.001
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAME_PIXELS
    spec.stat.extent = 2.0
    draw_coarsely(spec)
    add_sky(spec)
    add_lamps(spec)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 0.1), rgba=(0.80, 0.78, 0.74, 1), group=DRAWN
    )
    add_prop(spec, "prop", recipe)
    middle, radius_m = _extent(spec, opening)
    away_m = 1.1 * radius_m / np.sin(np.deg2rad(FOVY_DEG / 2))
    towards = np.array(FROM) / np.sqrt(np.dot(FROM, FROM))
    spec.worldbody.add_camera(
        name="studio", pos=middle + away_m * towards, quat=_facing(towards), fovy=FOVY_DEG
    )
    model = spec.compile()
    data = _posed(model, opening)
    camera = Camera(model, load_profile("libero"))
    try:
        return camera.picture(data, "studio", width=pixels, height=pixels, ambient=0.35)
    finally:
        camera.close()


def _posed(model: mj.Model, opening: float) -> mj.Data:
    data = mj.Data(model)
    for joint in range(model.njnt):
        if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_FREE:
            data.qpos[model.jnt_qposadr[joint]] = opening * model.jnt_range[joint, 1]
    mj.forward(model, data)
    return data


def _extent(spec: Spec, opening: float) -> tuple[FloatArray, float]:
    """Middle and radius of what is drawn."""
    model = spec.compile()
    data = _posed(model, opening)
    corners = []
    for geom in range(model.ngeom):
        if model.geom_bodyid[geom] and model.geom_group[geom] == DRAWN:
            turn = data.geom_xmat[geom].reshape(3, 3)
            middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
            signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
            corners.append((middle + signs * half) @ turn.T + data.geom_xpos[geom])
    points = np.concatenate(corners)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle, float(np.sqrt(np.max(np.sum((points - middle) ** 2, axis=1))))


def _facing(towards: FloatArray) -> FloatArray:
    """Quaternion of a camera that looks against a direction, with z upwards."""
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.sqrt(np.dot(right, right))
    frame = np.column_stack([right, np.cross(towards, right), towards])
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, frame.ravel())
    return quat
