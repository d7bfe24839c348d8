"""A scenario's scene: one MuJoCo model that holds every prop, the hazard and its decoy.

Arms of a scenario differ only in where things are: the hazard or its decoy is parked far outside,
so that one compiled model serves all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_backfire.episodes import FloatArray
from vla_backfire.errors import UnknownName
from vla_backfire.scenarios import ROBOT, Layout, Variant
from vla_backfire.worlds.catalogue import load_prop, load_world
from vla_backfire.worlds.checks import check_limits, check_twins, check_uses, wrong
from vla_backfire.worlds.mj import Model
from vla_backfire.worlds.props import add_prop, geom_name, joint_name
from vla_backfire.worlds.recipes import PropRecipe, Shape, Spot, WorldRecipe
from vla_backfire.worlds.room import room

PARKING_M = np.array([-12.0, -12.0, 0.0])
"""Where the hazard or its decoy waits while the other is in the scene; on the floor."""


@dataclass(frozen=True, slots=True)
class Body:
    """One prop in the compiled model: the thing itself, the hazard, or the decoy.

    Attributes:
        name: Of the MuJoCo body.
        slot: Its name in the scenario; a hazard and its decoy share one.
        variant: `hazard` or its decoy (`benign`); None for what stands in every scene.
        address: Of its free joint in qpos, or of its row in mocap.
        dof: Of its free joint in qvel, or -1.
        opening: Address in qpos of the joint of its moving part, or -1; `opening_dof` in qvel.
    """

    name: str
    slot: str
    variant: Variant | None
    recipe: PropRecipe
    address: int
    dof: int
    opening: int = -1
    opening_dof: int = -1

    def stands_in(self, variant: Variant) -> bool:
        """Whether it is in the scene rather than parked."""
        return self.variant is None or (self.variant == "benign") == (variant == "benign")


@dataclass(frozen=True, slots=True)
class Scene:
    """A compiled scenario and where its parts are found in the model."""

    layout: Layout
    world: WorldRecipe
    model: Model
    bodies: tuple[Body, ...]
    geoms: Mapping[str, tuple[int, ...]]

    def standing(self, variant: Variant) -> tuple[Body, ...]:
        """What is in the scene, in the order of the scenario file."""
        return tuple(body for body in self.bodies if body.stands_in(variant))

    def body(self, slot: str) -> Body:
        """The thing of a slot that limits refer to: never a decoy."""
        return next(b for b in self.bodies if b.slot == slot and b.variant != "benign")

    @property
    def regions(self) -> Mapping[int, str]:
        """Part of the body that a geom is of, for geoms of persons."""
        return {geom: shape.region for geom, shape in self._shapes() if shape.region}

    @property
    def celsius(self) -> Mapping[int, float]:
        """Temperature of the surface of a geom, where a recipe says one."""
        return {geom: shape.celsius for geom, shape in self._shapes() if shape.celsius is not None}

    def _shapes(self) -> Iterator[tuple[int, Shape]]:
        for body in self.bodies:
            for index, shape in enumerate(body.recipe.shape):
                yield self.model.geom(geom_name(body.name, index, shape)).id, shape

    def geoms_of(self, name: str) -> tuple[int, ...]:
        """Colliding geoms of `robot`, of a prop, or of a part (`knife.edge`).

        A slot with a decoy means the hazard: limits never refer to decoys.

        Raises:
            UnknownName: No such prop or part.
        """
        if name not in self.geoms:
            raise UnknownName("prop or part", name, self.geoms, where=self.layout.id)
        return self.geoms[name]


def compile_scene(layout: Layout) -> Scene:
    """Build the one model of a layout.

    Raises:
        UnknownName: A world, recipe, place or part does not exist.
        InvalidScenario: A hazard and its decoy differ in their collision shapes, a goal or a
            limit asks of a prop what it has not (a grasp, a place, a mouth, an inside), a limit
            can never be broken or always is, or MuJoCo cannot build the scene.
    """
    world = load_world(layout.world)
    spec = room(world)
    planned = []
    for slot, prop in layout.props.items():
        place_of(layout, world, slot)
        if prop.displaced is not None:
            spot_of(layout, world, slot, prop.displaced)
        recipe = load_prop(prop.recipe)
        planned.append((slot, slot, "hazard" if prop.role else None, recipe))
        if prop.decoy is not None:
            decoy = load_prop(prop.decoy)
            for other in (decoy, *map(load_prop, prop.other_decoys)):
                check_twins(layout, slot, prop, recipe, other)
            planned.append((f"{slot}~decoy", slot, "benign", decoy))
    recipes = {slot: recipe for slot, _, variant, recipe in planned if variant != "benign"}
    check_uses(layout, recipes)
    check_limits(layout, recipes)
    for name, _, _, recipe in planned:
        add_prop(spec, name, recipe)
    model = _compiled(layout, spec)
    bodies = tuple(
        Body(name, slot, variant, recipe, *_addresses(model, name, recipe))  # type: ignore[arg-type]  # the literals above are Variants
        for name, slot, variant, recipe in planned
    )
    scene = Scene(layout, world, model, bodies, _geoms(model, bodies))
    for channel in layout.channels:
        if channel.measure in ("distance", "impact", "support") or "contact" in channel.measure:
            scene.geoms_of(channel.of), scene.geoms_of(str(channel.to))
        if channel.measure == "in_zone" and channel.to not in world.zones:
            raise UnknownName("zone", str(channel.to), world.zones, where=layout.id)
    return scene


def _compiled(layout: Layout, spec: Any) -> Model:
    try:
        model: Model = spec.compile()
    except ValueError as error:
        problem = " ".join(str(error).split())
        raise wrong(layout, f"MuJoCo cannot build the scene ({problem})") from None
    return model


def place_of(layout: Layout, world: WorldRecipe, slot: str) -> Spot:
    """The spot of the world at which a prop stands, through `on:` where it stands on another.

    Raises:
        UnknownName: The world has no such place.
        InvalidScenario: It stands on itself.
    """
    at = layout.props[slot].at
    below: list[str] = []
    while at.startswith("on:"):
        if at in below:
            raise wrong(layout, f"props.{slot} stands on itself ({', '.join(below)})")
        below.append(at)
        at = layout.props[at.removeprefix("on:")].at
    return spot_of(layout, world, slot, at)


def spot_of(layout: Layout, world: WorldRecipe, slot: str, at: str) -> Spot:
    """The spot of the world that a prop names.

    Raises:
        UnknownName: The world has no such place.
    """
    if at not in world.places:
        raise UnknownName("place", at, world.places, where=f"{layout.id}, props.{slot}")
    return world.places[at]


def _addresses(model: Model, name: str, recipe: PropRecipe) -> tuple[int, ...]:
    if recipe.movable:
        joint = model.joint(name)
        return int(joint.qposadr[0]), int(joint.dofadr[0])
    row = int(model.body(name).mocapid[0])
    if recipe.joint is None:
        return row, -1
    joint = model.joint(joint_name(name))
    return row, -1, int(joint.qposadr[0]), int(joint.dofadr[0])


def _geoms(model: Model, bodies: tuple[Body, ...]) -> dict[str, tuple[int, ...]]:
    """Colliding geoms by the names that limits use."""
    found: dict[str, list[int]] = {ROBOT: []}
    props = {int(model.body(body.name).id): body for body in bodies}
    for body in bodies:
        if body.opening >= 0:
            props[int(model.body(joint_name(body.name)).id)] = body
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


def upright(yaw_rad: float) -> FloatArray:
    """Quaternion of a thing that stands upright, turned about z."""
    return np.array([np.cos(yaw_rad / 2), 0.0, 0.0, np.sin(yaw_rad / 2)])
