"""What there is below `envs/` and in the user's own folders, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from vla_backfire.errors import InvalidWorld, UnknownName
from vla_backfire.resources import Location, env_folders, first_problem, load_toml, tree
from vla_backfire.scenarios import Layout, shipped_scenarios
from vla_backfire.worlds.recipes import ContactLimits, Profile, PropRecipe, SceneClass, WorldRecipe

Model = TypeVar("Model", bound=BaseModel)


def find_layout(name: str) -> Layout:
    """A shipped scenario by its id, or a layout by `<world>/<layout>`.

    A world alone means its first layout.

    Raises:
        UnknownName: There is none of that name.
    """
    if name in shipped_scenarios():
        return shipped_scenarios()[name]
    world, _, layout = name.partition("/")
    if world not in world_names():
        raise UnknownName("scenario or world", name, (*shipped_scenarios(), *world_names()))
    layouts = load_world(world).layouts
    wanted = layout or next(iter(layouts), layout)
    if wanted not in layouts:
        raise UnknownName("layout", wanted, layouts, where=world)
    return layouts[wanted]


def load_prop(name: str) -> PropRecipe:
    """The recipe of a prop in a folder `_props`.

    Raises:
        UnknownName: There is no such recipe.
        InvalidWorld: The recipe is broken.
    """
    return _validated(PropRecipe, prop_path(name), load_toml(prop_path(name)))


def prop_path(name: str) -> Path:
    """The file of a prop.

    Raises:
        UnknownName: There is no such recipe.
    """
    if name not in prop_names():
        raise UnknownName("prop recipe", name, prop_names())
    return _newest(Path("_props") / f"{name}.toml")


def mesh_path(file: str) -> Path:
    """A mesh file of a recipe, in a folder `_props`.

    Raises:
        UnknownName: There is no such file.
    """
    found = [root / "_props" / file for root in env_folders()]
    for path in found:
        if path.is_file():
            return path
    known = (path.name for root in env_folders() for path in (root / "_props").glob("*.*"))
    raise UnknownName("mesh", file, (name for name in known if not name.endswith(".toml")))


def prop_names() -> tuple[str, ...]:
    """Props that exist, sorted."""
    found = {path.stem for root in env_folders() for path in (root / "_props").glob("*.toml")}
    return tuple(sorted(found))


def load_world(name: str) -> WorldRecipe:
    """The recipe of a world in a file `<name>/world.toml`.

    Raises:
        UnknownName: There is no such world or scene class.
        InvalidWorld: The recipe is broken.
    """
    if name not in world_names():
        raise UnknownName("world", name, world_names())
    path = _newest(Path(name) / "world.toml")
    content = load_toml(path)
    scene_class = content.get("scene_class")
    if isinstance(scene_class, str):
        if scene_class not in load_scene_classes():
            where = f"{path.parent.name}/world.toml"
            raise UnknownName("scene class", scene_class, load_scene_classes(), where=where)
        content = _completed(content, load_scene_classes()[scene_class])
    if isinstance(layouts := content.get("layouts"), dict):
        for title, layout in layouts.items():
            if isinstance(layout, dict):
                layout |= {"id": f"{name}/{title}", "world": name}
    recipe = _validated(WorldRecipe, path, content)
    if recipe.name != name:
        raise InvalidWorld(path, f"name '{recipe.name}' differs from the folder '{name}'")
    return recipe


def _completed(content: dict[str, Any], scene_class: SceneClass) -> dict[str, Any]:
    """A world's tables over those of its scene class, key by key."""
    base = scene_class.model_dump(exclude={"source"}, exclude_unset=True)
    merged = {
        key: {**base[key], **content[key]} if isinstance(content.get(key), dict) else base[key]
        for key in base
        if isinstance(content.get(key, {}), dict)
    }
    return {**content, **merged}


def world_names() -> tuple[str, ...]:
    """Worlds that exist: folders with a `world.toml`."""
    found = {path.parent.name for root in env_folders() for path in root.glob("[!_]*/world.toml")}
    return tuple(sorted(found))


def _newest(inner: Path) -> Path:
    """A file in the first of the folders that has it; the user's stand before the shipped one."""
    return next(root / inner for root in env_folders() if (root / inner).is_file())


@cache
def load_scene_classes() -> Mapping[str, SceneClass]:
    """LIBERO's scene classes, `envs/scene_classes.toml`, by name.

    Raises:
        InvalidWorld: The file is broken.
    """
    return _load_tables(SceneClass, "scene_classes.toml")


@cache
def load_contact_limits() -> ContactLimits:
    """How hard a part of the body may be touched, `envs/contact_limits.toml`.

    Raises:
        InvalidWorld: The file is broken.
    """
    path = tree("envs") / "contact_limits.toml"
    return _validated(ContactLimits, path, load_toml(path))


@cache
def load_profiles() -> Mapping[str, Profile]:
    """Every profile of `envs/profiles.toml` by name.

    Raises:
        InvalidWorld: The file is broken.
    """
    return _load_tables(Profile, "profiles.toml")


def load_profile(name: str) -> Profile:
    """A profile by name.

    Raises:
        UnknownName: There is no such profile.
    """
    if name not in load_profiles():
        raise UnknownName("profile", name, load_profiles())
    return load_profiles()[name]


def robot_file(name: str) -> Path:
    """The MJCF of a robot in `envs/_robots/<name>`.

    Raises:
        UnknownName: There is no such robot.
    """
    known = {path.parent.name: path for path in (tree("envs") / "_robots").glob("*/*.xml")}
    if name not in known:
        raise UnknownName("robot", name, known)
    return known[name]


def _load_tables(model: type[Model], file: str) -> Mapping[str, Model]:
    path = tree("envs") / file
    return {
        name: _validated(model, path, fields, within=f"{name}: ")
        for name, fields in load_toml(path).items()
    }


def _validated(model: type[Model], path: Path, content: object, *, within: str = "") -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = first_problem(error, lambda location: _keys_at(model, location))
        raise InvalidWorld(path, f"{within}{problem}") from None


def _keys_at(model: type[BaseModel], location: Location) -> tuple[str, ...]:
    """Keys that a recipe knows at the table where an unknown one was met."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        if field is not None:
            inner = (field.annotation, *get_args(field.annotation))
            model = next((m for m in inner if _is_table(m)), model)
    return tuple(model.model_fields)


def _is_table(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
