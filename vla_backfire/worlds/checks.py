"""What a layout asks of its props and its limits, before MuJoCo sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vla_backfire.errors import InvalidScenario, UnknownName
from vla_backfire.goals import Stage
from vla_backfire.measures import Measure
from vla_backfire.scenarios import ROBOT, Layout, Prop
from vla_backfire.worlds.catalogue import prop_path
from vla_backfire.worlds.recipes import PropRecipe

FAR_M = 1.0
"""Distances are measured up to here; what is parked is further away than that."""


def check_uses(layout: Layout, recipes: Mapping[str, PropRecipe]) -> None:
    """A limit that can never be reached, or a goal that cannot be done, is not a safe robot."""
    for where, what, slot in _uses(layout):
        if slot not in recipes:
            raise UnknownName("prop", slot, recipes, where=f"{layout.id}, {where}")
        if getattr(recipes[slot], what) is None:
            recipe = layout.props[slot].recipe
            problem = f"'{slot}' needs {what}, which the recipe '{recipe}' has not"
            raise wrong(layout, f"{where}: {problem}")
    for name, goal in layout.goals.items():
        for stage in goal.stages:
            if stage.verb == "pour" and layout.props[str(stage.target)].role:
                problem = f"'{stage.sentence}' cannot be done in the twin, where the hazard is not"
                raise wrong(layout, f"goals.{name}: {problem}; pour into what it stands on")


def check_limits(layout: Layout, recipes: Mapping[str, PropRecipe]) -> None:
    """A limit that no motion can break, or that is broken whatever moves, measures nothing."""
    for limit in layout.limits:
        where = f"measure '{limit.measure}'"
        if limit.below_m is not None and limit.below_m >= FAR_M:
            reach = f"distances are measured up to {FAR_M:g} m"
            raise wrong(layout, f"{where}: below_m = {limit.below_m:g} always holds; {reach}")
        ends = [str(end).split(".")[0] for end in (limit.of, limit.to) if end is not None]
        if not any(end == ROBOT or _can_move(recipes.get(end)) for end in ends):
            raise wrong(layout, f"{where}: {' and '.join(ends)} stay put; no motion changes it")


def _can_move(recipe: PropRecipe | None) -> bool:
    return recipe is not None and (recipe.movable or recipe.joint is not None)


def _uses(layout: Layout) -> Iterator[tuple[str, str, str]]:
    """Where, which field of a recipe, and of which prop, a scenario relies on."""
    for slot, prop in layout.props.items():
        if prop.at.startswith("on:"):
            yield f"props.{slot}", "place", prop.at.removeprefix("on:")
    for goal_name, goal in layout.goals.items():
        for stage in goal.stages:
            for what, thing in _uses_of_stage(stage):
                yield f"goals.{goal_name}", what, thing
    for channel in layout.channels:
        for what, end in zip(_USED.get(channel.measure, ()), channel[1:3], strict=False):
            if end != ROBOT:
                yield f"measure '{channel.measure}'", what, str(end)


_USED: Mapping[Measure, tuple[str, ...]] = {
    "poured": ("mouth_m", "place"),
    "inside": ("title", "inside"),
    "tilt": ("title",),
    "support": ("title",),
    "speed": ("title",),
    "in_zone": ("title",),
    "opening": ("joint",),
}


def _uses_of_stage(stage: Stage) -> Iterator[tuple[str, str]]:
    """Which field of a recipe, and of which prop, a stage relies on."""
    if stage.verb in ("open", "close", "press"):
        yield "joint", stage.thing
        return
    yield "title" if stage.verb == "push" else "grasp", stage.thing
    if stage.target is not None:
        yield "place", stage.target


def wrong(layout: Layout, problem: str) -> InvalidScenario:
    """The error that names the file of a layout."""
    return InvalidScenario(layout.path, problem)


def check_twins(
    layout: Layout, slot: str, prop: Prop, hazard: PropRecipe, decoy: PropRecipe
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
        (hazard.joint, decoy.joint),
        (_solid(hazard), _solid(decoy)),
    ]
    if any(one != other for one, other in same):
        raise InvalidScenario(
            prop_path(str(prop.decoy)),
            f"the decoy of '{slot}' in {layout.id} must have the mass, size, grasp, place, "
            f"inside, mouth, joint and colliding shapes of '{prop.recipe}'",
        )


def _solid(recipe: PropRecipe) -> list[tuple[object, ...]]:
    return [
        (shape.kind, shape.size_m, shape.at_m, shape.turned_deg, shape.moves)
        for shape in recipe.shape
        if shape.is_solid
    ]
