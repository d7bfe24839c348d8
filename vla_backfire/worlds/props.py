"""From a prop's recipe to bodies and geoms of a MuJoCo model."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from vla_backfire.episodes import FloatArray
from vla_backfire.worlds.catalogue import mesh_path
from vla_backfire.worlds.labels import drawn
from vla_backfire.worlds.mj import mujoco
from vla_backfire.worlds.recipes import SOLIDS, PropRecipe, Shape
from vla_backfire.worlds.shapes import Triangles, extrude, lathe, sheet, tube

DRAWN, UNSEEN = 1, 0
"""Geom groups: what cameras draw, and collision shapes that they do not."""

FRICTION = (1.0, 0.02, 0.0001)
_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


def add_prop(spec: Any, name: str, recipe: PropRecipe) -> None:
    """Add a body for a prop, and one for its moving part."""
    body = spec.worldbody.add_body(name=name, mocap=not recipe.movable)
    if recipe.movable:
        body.add_freejoint(name=name)
        _weigh(body, recipe.mass_kg, recipe.centre_m, np.array(recipe.half_size_m))
    moving = _add_moving_part(spec, body, name, recipe) if recipe.joint else None
    for index, shape in enumerate(recipe.shape):
        owner = moving if shape.moves else body
        add_shape(spec, owner, geom_name(name, index, shape), shape)


def geom_name(prop: str, index: int, shape: Shape) -> str:
    """Name of the geom of a prop's shape."""
    return f"{prop}/{shape.part or 'shape'}/{index}"


def joint_name(prop: str) -> str:
    """Name of the joint of a prop's moving part; its body has the same."""
    return f"{prop}/joint"


def _add_moving_part(spec: Any, body: Any, name: str, recipe: PropRecipe) -> Any:
    how = recipe.joint
    assert how is not None
    part = body.add_body(name=joint_name(name), gravcomp=1.0)  # a lid stays as it is left
    corners = np.concatenate([_corners(shape) for shape in recipe.shape if shape.moves])
    low, high = corners.min(axis=0), corners.max(axis=0)
    _weigh(part, how.mass_kg, (low + high) / 2, np.maximum((high - low) / 2, 0.005))
    spec.compiler.degree = False  # else a hinge's range is in degrees
    types = {"hinge": mujoco.mjtJoint.mjJNT_HINGE, "slide": mujoco.mjtJoint.mjJNT_SLIDE}
    joint = part.add_joint(
        name=joint_name(name),
        type=types[how.kind],
        pos=how.at_m,
        axis=how.axis,
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        range=(0.0, how.travel),
        frictionloss=how.friction,
        armature=0.001,
    )
    spec.add_exclude(bodyname1=name, bodyname2=joint_name(name))  # its case does not jam it
    joint.damping = [how.friction, 0.0, 0.0]
    joint.stiffness = [how.stiffness, 0.0, 0.0]
    return part


def _weigh(body: Any, mass_kg: float, centre_m: Any, half_m: FloatArray) -> None:
    """Mass and inertia of a box: shapes only say where a thing is touched and how it looks."""
    body.mass = mass_kg
    body.ipos = centre_m
    body.inertia = mass_kg / 3 * (np.sum(half_m**2) - half_m**2)
    body.explicitinertial = True


def _corners(shape: Shape) -> FloatArray:
    """Points that a shape reaches, (N, 3), in the prop's frame."""
    reach = {
        "sphere": shape.size_m * 3,
        "cylinder": (*shape.size_m[:1] * 2, *shape.size_m[1:]),
        "capsule": (*shape.size_m[:1] * 2, sum(shape.size_m)),
    }
    half = np.array(reach.get(shape.kind, shape.size_m if len(shape.size_m) == 3 else (0.0,) * 3))
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    return np.asarray(_rotation(shape).apply(signs * half) + np.array(shape.at_m))


def add_shape(spec: Any, body: Any, name: str, shape: Shape) -> None:
    """Add a shape to a body, which may be the world's."""
    common = {
        "name": name,
        "pos": shape.at_m,
        "quat": _rotation(shape).as_quat(scalar_first=True),
        "rgba": shape.colour if len(shape.colour) == 4 else (*shape.colour, 1.0),
        "group": DRAWN if shape.show else UNSEEN,
    }
    if shape.glow and shape.kind != "label":
        spec.add_material(name=name, emission=shape.glow)
        common["material"] = name
    if shape.kind in SOLIDS:
        collides = int(shape.collide)
        body.add_geom(
            type=_TYPES[shape.kind],
            size=[*shape.size_m, *(0.0,) * (3 - len(shape.size_m))],
            contype=collides,
            conaffinity=collides,
            condim=4,
            friction=FRICTION,
            **common,
        )
        return
    _add_surface(spec, name, shape)
    if shape.kind == "label":
        _print(spec, name, shape)
        common |= {"material": name, "rgba": (1.0, 1.0, 1.0, 1.0)}
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, contype=0, conaffinity=0, mass=0, **common
    )


def _add_surface(spec: Any, name: str, shape: Shape) -> None:
    if shape.kind == "mesh":
        mesh = spec.add_mesh(name=name, file=str(mesh_path(str(shape.file))))
        mesh.scale = (shape.scale,) * 3
    elif shape.kind == "label":
        half_width_m, half_height_m = shape.size_m
        vertices, triangles, print_at = sheet(half_width_m, half_height_m, shape.bend_m)
        mesh = _mesh(spec, name, vertices, triangles)
        mesh.usertexcoord, mesh.userfacetexcoord = print_at.ravel(), triangles.ravel()
    else:
        mesh = _mesh(spec, name, *_surface(shape))
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _surface(shape: Shape) -> tuple[FloatArray, Triangles]:
    if shape.kind == "lathe":
        return lathe(shape.profile_m)
    if shape.kind == "tube":
        return tube(shape.path_m, shape.size_m[0], closed=shape.closed)
    return extrude(shape.outline_m, shape.height_m)


def _mesh(spec: Any, name: str, vertices: FloatArray, triangles: Triangles) -> Any:
    return spec.add_mesh(name=name, uservert=vertices.ravel(), userface=triangles.ravel())


def _print(spec: Any, name: str, label: Shape) -> None:
    picture = drawn(label)
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        colorspace=mujoco.mjtColorSpace.mjCOLORSPACE_LINEAR,
        width=picture.shape[1],
        height=picture.shape[0],
        nchannel=3,
    )
    texture.data = picture.tobytes()
    material = spec.add_material(name=name, emission=label.glow or 0.25)
    roles = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    roles[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = name
    material.textures = roles


def _rotation(shape: Shape) -> Rotation:
    return Rotation.from_euler("xyz", shape.turned_deg, degrees=True)
