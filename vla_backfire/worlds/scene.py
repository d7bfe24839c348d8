"""A scenario's scene: one MuJoCo model that holds every prop, the hazard and its decoy.

Arms of a scenario differ only in where things are: the hazard or its decoy is parked far outside,
so that one compiled model serves all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from vla_backfire.episodes import FloatArray
from vla_backfire.errors import InvalidScenario, UnknownName
from vla_backfire.resources import tree
from vla_backfire.scenarios import ROBOT, Prop, Scenario
from vla_backfire.worlds.mj import Model, Spec, mujoco
from vla_backfire.worlds.recipes import (
    FRAME_PIXELS,
    PropRecipe,
    Shape,
    Spot,
    WorldRecipe,
    load_prop,
    load_world,
    robot_file,
)
from vla_backfire.worlds.shapes import extrude, lathe

Variant = Literal["hazard", "benign"]
DRAWN, UNSEEN = 1, 0
"""Geom groups: what cameras draw, and collision shapes that they do not."""

PARKING_M = np.array([-12.0, -12.0, 0.0])
"""Where the hazard or its decoy waits while the other is in the scene; on the floor."""

FAR_M = 1.0
"""Distances are measured up to here; what is parked is further away than that."""

ROBOT_PREFIX = "arm/"
_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


@dataclass(frozen=True, slots=True)
class Body:
    """One prop in the compiled model: the thing itself, the hazard, or the decoy.

    Attributes:
        name: Of the MuJoCo body.
        slot: Its name in the scenario; a hazard and its decoy share one.
        variant: In which scene it stands; None for both.
        address: Of its free joint in qpos, or of its row in mocap.
        dof: Of its free joint in qvel, or -1.
    """

    name: str
    slot: str
    variant: Variant | None
    recipe: PropRecipe
    address: int
    dof: int

    def stands_in(self, variant: Variant) -> bool:
        """Whether it is in the scene rather than parked."""
        return self.variant in (None, variant)


@dataclass(frozen=True, slots=True)
class Scene:
    """A compiled scenario and where its parts are found in the model."""

    scenario: Scenario
    world: WorldRecipe
    model: Model
    bodies: tuple[Body, ...]
    geoms: Mapping[str, tuple[int, ...]]

    def standing(self, variant: Variant) -> tuple[Body, ...]:
        """What is in the scene, in the order of the scenario file."""
        return tuple(body for body in self.bodies if body.stands_in(variant))

    def geoms_of(self, name: str) -> tuple[int, ...]:
        """Colliding geoms of `robot`, of a prop, or of a part (`knife.edge`).

        A slot with a decoy means the hazard: limits never refer to decoys.

        Raises:
            UnknownName: No such prop or part.
        """
        if name not in self.geoms:
            raise UnknownName("prop or part", name, self.geoms, where=self.scenario.id)
        return self.geoms[name]


def compile_scene(scenario: Scenario) -> Scene:
    """Build the one model of a scenario.

    Raises:
        UnknownName: A world, recipe, place or part does not exist.
        InvalidScenario: A hazard and its decoy differ in their collision shapes, a goal or a
            limit asks of a prop what it has not (a grasp, a place, a mouth, an inside), a limit
            can never be broken or always is, or MuJoCo cannot build the scene.
    """
    world = load_world(scenario.world)
    spec = _room(world)
    planned = []
    for slot, prop in scenario.props.items():
        place_of(scenario, world, slot)
        recipe = load_prop(prop.recipe)
        planned.append((slot, slot, "hazard" if prop.role else None, recipe))
        if prop.decoy is not None:
            decoy = load_prop(prop.decoy)
            _check_twins(scenario, slot, prop, recipe, decoy)
            planned.append((f"{slot}~decoy", slot, "benign", decoy))
    recipes = {slot: recipe for slot, _, variant, recipe in planned if variant != "benign"}
    _check_uses(scenario, recipes)
    _check_limits(scenario, recipes)
    for name, _, _, recipe in planned:
        _add_prop(spec, name, recipe)
    model = _compiled(scenario, spec)
    bodies = tuple(
        Body(name, slot, variant, recipe, *_addresses(model, name, recipe))  # type: ignore[arg-type]  # the literals above are Variants
        for name, slot, variant, recipe in planned
    )
    scene = Scene(scenario, world, model, bodies, _geoms(model, bodies))
    for channel in scenario.channels:
        if channel.measure in ("distance", "contact_force"):
            scene.geoms_of(channel.of), scene.geoms_of(str(channel.to))
    return scene


def _compiled(scenario: Scenario, spec: Any) -> Model:
    try:
        model: Model = spec.compile()
    except ValueError as error:
        problem = " ".join(str(error).split())
        raise _wrong(scenario, f"MuJoCo cannot build the scene ({problem})") from None
    return model


def place_of(scenario: Scenario, world: WorldRecipe, slot: str) -> Spot:
    """The spot of the world at which a prop stands, through `on:` where it stands on another.

    Raises:
        UnknownName: The world has no such place.
        InvalidScenario: It stands on itself.
    """
    at = scenario.props[slot].at
    below: list[str] = []
    while at.startswith("on:"):
        if at in below:
            raise _wrong(scenario, f"props.{slot} stands on itself ({', '.join(below)})")
        below.append(at)
        at = scenario.props[at.removeprefix("on:")].at
    if at not in world.places:
        raise UnknownName("place", at, world.places, where=f"{scenario.id}, props.{slot}")
    return world.places[at]


def _room(world: WorldRecipe) -> Any:
    spec = Spec()
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 20.0
    spec.option.density = 1.2
    spec.option.viscosity = 2e-5
    spec.visual.quality.shadowsize = 0
    spec.visual.map.znear = 0.01
    spec.stat.extent = 2.0
    spec.stat.center = (0.0, 0.0, 0.9)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = FRAME_PIXELS
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.88, 0.90, 0.92),
        rgb2=(0.62, 0.66, 0.70),
        width=128,
        height=128,
    )
    root = spec.worldbody
    for at in ((1.0, 1.0, 4.0), (-3.0, -3.0, 4.0)):
        root.add_light(
            pos=at, dir=[-x for x in at], diffuse=(0.8,) * 3, specular=(0.3,) * 3, castshadow=False
        )
    root.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 0.1),
        rgba=(0.55, 0.53, 0.50, 1.0),
        group=DRAWN,
    )
    table = world.table
    top, half = np.array(table.top_m), np.array(table.half_size_m)
    colour = (*table.colour, 1.0)
    root.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        pos=top - [0.0, 0.0, half[2]],
        rgba=colour,
        group=DRAWN,
        friction=(1.0, 0.02, 0.0001),
    )
    for side in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        foot = np.array([side[0] * (half[0] - 0.06), side[1] * (half[1] - 0.06)])
        height = (top[2] - 2 * half[2]) / 2
        root.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(0.025, 0.025, height),
            pos=(*foot, height),
            rgba=colour,
            group=DRAWN,
            contype=0,
            conaffinity=0,
        )
    for name, camera in world.cameras.items():
        root.add_camera(name=name, pos=camera.at_m, quat=camera.quat_wxyz, fovy=camera.fovy_deg)
    robot = Spec.from_file(str(robot_file(world.robot.model)))
    spec.attach(robot, prefix=ROBOT_PREFIX, frame=root.add_frame(pos=world.robot.at_m))
    return spec


def _add_prop(spec: Any, name: str, recipe: PropRecipe) -> None:
    body = spec.worldbody.add_body(name=name, mocap=not recipe.movable)
    if recipe.movable:
        body.add_freejoint(name=name)
        half = np.array(recipe.half_size_m)
        body.mass = recipe.mass_kg
        body.ipos = recipe.centre_m
        body.inertia = recipe.mass_kg / 3 * (np.sum(half**2) - half**2)
        body.explicitinertial = True
    for index, shape in enumerate(recipe.shape):
        _add_shape(spec, body, f"{name}/{shape.part or 'shape'}/{index}", shape)


def _add_shape(spec: Any, body: Any, name: str, shape: Shape) -> None:
    turned = Rotation.from_euler("xyz", shape.turned_deg, degrees=True)
    colour = shape.colour if len(shape.colour) == 4 else (*shape.colour, 1.0)
    common = {
        "name": name,
        "pos": shape.at_m,
        "quat": turned.as_quat(scalar_first=True),
        "rgba": colour,
        "group": DRAWN if shape.show else UNSEEN,
    }
    if shape.glow:
        spec.add_material(name=name, emission=shape.glow)
        common["material"] = name
    if shape.kind in _TYPES:
        collides = int(shape.collide)
        body.add_geom(
            type=_TYPES[shape.kind],
            size=[*shape.size_m, *(0.0,) * (3 - len(shape.size_m))],
            contype=collides,
            conaffinity=collides,
            condim=4,
            friction=(1.0, 0.02, 0.0001),
            **common,
        )
        return
    surface = (
        lathe(shape.profile_m)
        if shape.kind == "lathe"
        else extrude(shape.outline_m, shape.height_m)
    )
    vertices, triangles = surface
    mesh = spec.add_mesh(name=name, uservert=vertices.ravel(), userface=triangles.ravel())
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, contype=0, conaffinity=0, mass=0, **common
    )


def _addresses(model: Model, name: str, recipe: PropRecipe) -> tuple[int, int]:
    if recipe.movable:
        joint = model.joint(name)
        return int(joint.qposadr[0]), int(joint.dofadr[0])
    return int(model.body(name).mocapid[0]), -1


def _geoms(model: Model, bodies: tuple[Body, ...]) -> dict[str, tuple[int, ...]]:
    """Colliding geoms by the names that limits use."""
    found: dict[str, list[int]] = {ROBOT: []}
    props = {int(model.body(body.name).id): body for body in bodies}
    for geom in np.flatnonzero(model.geom_contype):
        owner = int(model.geom_bodyid[geom])
        if owner not in props:
            if owner != 0:  # body 0 holds table and floor
                found[ROBOT].append(int(geom))
            continue
        body = props[owner]
        if body.variant == "benign":
            continue
        found.setdefault(body.slot, []).append(int(geom))
        part, _, _ = model.geom(geom).name.removeprefix(f"{body.name}/").partition("/")
        if part != "shape":
            found.setdefault(f"{body.slot}.{part}", []).append(int(geom))
    return {name: tuple(geoms) for name, geoms in found.items()}


def _check_uses(scenario: Scenario, recipes: Mapping[str, PropRecipe]) -> None:
    """A limit that can never be reached, or a goal that cannot be done, is not a safe robot."""
    for where, what, slot in _uses(scenario):
        if slot not in recipes:
            raise UnknownName("prop", slot, recipes, where=f"{scenario.id}, {where}")
        if getattr(recipes[slot], what) is None:
            recipe = scenario.props[slot].recipe
            problem = f"'{slot}' needs {what}, which the recipe '{recipe}' has not"
            raise _wrong(scenario, f"{where}: {problem}")
    for name, goal in scenario.goals.items():
        for stage in goal.stages:
            if stage.verb == "pour" and scenario.props[str(stage.target)].role:
                problem = f"'{stage.sentence}' cannot be done in the twin, where the hazard is not"
                raise _wrong(scenario, f"goals.{name}: {problem}; pour into what it stands on")


def _check_limits(scenario: Scenario, recipes: Mapping[str, PropRecipe]) -> None:
    """A limit that no motion can break, or that is broken whatever moves, measures nothing."""
    for limit in (scenario.hazard.commit, *scenario.hazard.unsafe):
        where = f"measure '{limit.measure}'"
        if limit.below_m is not None and limit.below_m >= FAR_M:
            reach = f"distances are measured up to {FAR_M:g} m"
            raise _wrong(scenario, f"{where}: below_m = {limit.below_m:g} always holds; {reach}")
        ends = [str(end).split(".")[0] for end in limit.channel[1:] if end is not None]
        if not any(end == ROBOT or recipes[end].movable for end in ends):
            raise _wrong(scenario, f"{where}: {' and '.join(ends)} stay put; no motion changes it")


def _uses(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Where, which field of a recipe, and of which prop, a scenario relies on."""
    for slot, prop in scenario.props.items():
        if prop.at.startswith("on:"):
            yield f"props.{slot}", "place", prop.at.removeprefix("on:")
    for goal_name, goal in scenario.goals.items():
        for stage in goal.stages:
            yield f"goals.{goal_name}", "grasp", stage.thing
            if stage.target is not None:
                yield f"goals.{goal_name}", "place", stage.target
    for channel in scenario.channels:
        fields = {"poured": ("mouth_m", "place"), "inside": ("title", "inside"), "tilt": ("title",)}
        for what, thing in zip(fields.get(channel.measure, ()), channel[1:], strict=False):
            yield f"measure '{channel.measure}'", what, str(thing)


def _wrong(scenario: Scenario, problem: str) -> InvalidScenario:
    return InvalidScenario(Path(scenario.family.lower()) / f"{scenario.id}.toml", problem)


def _check_twins(
    scenario: Scenario, slot: str, prop: Prop, hazard: PropRecipe, decoy: PropRecipe
) -> None:
    """A decoy must meet the world exactly as the hazard does, or the twin is another task."""
    same = [
        (hazard.movable, decoy.movable),
        (hazard.mass_kg, decoy.mass_kg),
        (hazard.centre_m, decoy.centre_m),
        (hazard.half_size_m, decoy.half_size_m),
        (hazard.place, decoy.place),
        (hazard.grasp, decoy.grasp),
        (hazard.inside, decoy.inside),
        (hazard.mouth_m, decoy.mouth_m),
        (_solid(hazard), _solid(decoy)),
    ]
    if any(one != other for one, other in same):
        path = tree("envs") / "_props" / f"{prop.decoy}.toml"
        raise InvalidScenario(
            path,
            f"the decoy of '{slot}' in {scenario.id} must have the mass, size, grasp, place, "
            f"inside, mouth and colliding shapes of '{prop.recipe}'",
        )


def _solid(recipe: PropRecipe) -> list[tuple[object, ...]]:
    return [
        (shape.kind, shape.size_m, shape.at_m, shape.turned_deg)
        for shape in recipe.shape
        if shape.is_solid
    ]


def upright(yaw_rad: float) -> FloatArray:
    """Quaternion of a thing that stands upright, turned about z."""
    return np.array([np.cos(yaw_rad / 2), 0.0, 0.0, np.sin(yaw_rad / 2)])
