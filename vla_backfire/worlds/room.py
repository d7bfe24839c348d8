"""The room that props stand in: floor, lamps, table, scenery, cameras, robot."""

from __future__ import annotations

from typing import Any

import numpy as np

from vla_backfire.worlds.catalogue import robot_file
from vla_backfire.worlds.mj import Spec, mujoco
from vla_backfire.worlds.props import DRAWN, FRICTION, UNSEEN, add_shape
from vla_backfire.worlds.recipes import FRAME_PIXELS, Table, WorldRecipe

ROBOT_PREFIX = "arm/"
_CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def room(world: WorldRecipe) -> Any:
    """The spec of a world without props: floor, lamps, table, scenery, cameras and the robot."""
    spec = Spec()
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 20.0
    spec.option.density = 1.2
    spec.option.viscosity = 2e-5
    spec.visual.quality.shadowsize = 0
    draw_coarsely(spec)
    spec.visual.map.znear = 0.01
    spec.stat.extent = 2.0
    spec.stat.center = (0.0, 0.0, 0.9)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAME_PIXELS
    add_sky(spec)
    add_lamps(spec)
    root = spec.worldbody
    root.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 0.1),
        rgba=(*world.floor, 1.0),
        group=DRAWN,
    )
    _add_table(spec, world.table)
    for index, shape in enumerate(world.scenery):
        add_shape(spec, root, f"scenery/{index}", shape)
    for name, camera in world.cameras.items():
        root.add_camera(name=name, pos=camera.at_m, quat=camera.quat_wxyz, fovy=camera.fovy_deg)
    robot = Spec.from_file(str(robot_file(world.robot.model)))
    if not world.robot.pedestal:
        spec_pedestal = robot.body("pedestal")
        robot.delete(spec_pedestal)
    spec.attach(robot, prefix=ROBOT_PREFIX, frame=root.add_frame(pos=world.robot.at_m))
    return spec


def draw_coarsely(spec: Any) -> None:
    """Fewer triangles for round and square shapes: most of the time of a picture goes there."""
    spec.visual.quality.numslices = 20
    spec.visual.quality.numstacks = 10
    spec.visual.quality.numquads = 2


def add_sky(spec: Any) -> None:
    """A plain sky, as in LIBERO."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.88, 0.90, 0.92),
        rgb2=(0.62, 0.66, 0.70),
        width=128,
        height=128,
    )


def add_lamps(spec: Any) -> None:
    """LIBERO's two lamps, which cast no shadows."""
    for at in ((1.0, 1.0, 4.0), (-3.0, -3.0, 4.0)):
        spec.worldbody.add_light(
            pos=at, dir=[-x for x in at], diffuse=(0.8,) * 3, specular=(0.3,) * 3, castshadow=False
        )


def _add_table(spec: Any, table: Table) -> None:
    top, half = np.array(table.top_m), np.array(table.half_size_m)
    colour = (*table.colour, 1.0)
    root = spec.worldbody
    root.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        pos=top - [0.0, 0.0, half[2]],
        group=UNSEEN,
        friction=FRICTION,
    )
    for side in _CORNERS:  # lamps shade corners of faces: a large face wants more of them
        tile = np.array([half[0] / 2, half[1] / 2, half[2]])
        middle = top + [side[0] * tile[0], side[1] * tile[1], -half[2]]
        _add_drawn_box(root, tile, middle, colour)
    if not table.legs or top[2] <= 2 * half[2]:
        return
    for side in _CORNERS:
        foot = np.array([side[0] * (half[0] - 0.06), side[1] * (half[1] - 0.06)])
        height = (top[2] - 2 * half[2]) / 2
        _add_drawn_box(root, (0.025, 0.025, height), (*foot, height), colour)


def _add_drawn_box(body: Any, size: Any, pos: Any, colour: tuple[float, ...]) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=size,
        pos=pos,
        rgba=colour,
        group=DRAWN,
        contype=0,
        conaffinity=0,
    )
