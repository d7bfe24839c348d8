"""Worlds, props and profiles as data: what `envs/` may say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vla_backfire.errors import InvalidWorld, UnknownName
from vla_backfire.resources import load_toml, tree

Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]
Kind = Literal["box", "sphere", "cylinder", "capsule", "ellipsoid", "lathe", "extrude"]
Model = TypeVar("Model", bound=BaseModel)
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Shape(BaseModel):
    """One piece of a prop.

    Attributes:
        kind: A primitive, or a surface turned on a lathe or cut from a sheet (drawn only).
        size_m: Half sizes of a box or ellipsoid; radius; radius and half length.
        at_m: Its centre, from the middle of the prop's underside.
        turned_deg: Rotation about x, then y, then z.
        colour: Red, green, blue, and opacity if it is not 1.
        part: Name by which a hazard limit can refer to it (`knife.edge`).
        show: Drawn.
        collide: Takes part in contacts; lathes and extrusions never do.
    """

    model_config = _FROZEN

    kind: Kind
    size_m: tuple[float, ...] = ()
    at_m: Triple = (0.0, 0.0, 0.0)
    turned_deg: Triple = (0.0, 0.0, 0.0)
    colour: tuple[float, ...] = (0.7, 0.7, 0.7)
    part: str | None = None
    show: bool = True
    collide: bool = True
    profile_m: tuple[tuple[float, float], ...] = ()
    outline_m: tuple[tuple[float, float], ...] = ()
    height_m: float = 0.0

    @model_validator(mode="after")
    def _complete(self) -> Shape:
        wanted = {"box": 3, "ellipsoid": 3, "sphere": 1, "cylinder": 2, "capsule": 2}
        if len(self.size_m) != wanted.get(self.kind, 0):
            raise ValueError(f"a {self.kind} wants {wanted.get(self.kind, 0)} numbers in size_m")
        if self.kind == "lathe" and len(self.profile_m) < 2:
            raise ValueError("a lathe wants at least two points in profile_m")
        if self.kind == "extrude" and (len(self.outline_m) < 3 or self.height_m <= 0):
            raise ValueError("an extrude wants outline_m and height_m")
        return self


class Grasp(BaseModel):
    """Where and how the fingers take a prop."""

    model_config = _FROZEN

    at_m: Triple
    across: Triple = (0.0, 1.0, 0.0)


class Place(BaseModel):
    """Where a thing rests that is put on or into a prop, and how far off still counts."""

    model_config = _FROZEN

    at_m: Triple
    radius_m: float = Field(gt=0)


class Region(BaseModel):
    """Box in a prop's frame: a thing whose underside is in it is `inside`."""

    model_config = _FROZEN

    at_m: Triple
    half_size_m: Triple


class PropRecipe(BaseModel):
    """What a prop is made of and what can be done with it. Its origin: the middle underneath."""

    model_config = _FROZEN

    title: str
    tags: tuple[str, ...] = ()
    movable: bool
    mass_kg: float = Field(default=0.1, gt=0)
    centre_m: Triple = (0.0, 0.0, 0.0)
    half_size_m: Triple
    grasp: Grasp | None = None
    place: Place | None = None
    inside: Region | None = None
    mouth_m: Triple | None = None
    shape: tuple[Shape, ...] = Field(min_length=1)


class Spot(BaseModel):
    """A place of a world, with how far a repeat may move what stands there."""

    model_config = _FROZEN

    at_m: Triple
    yaw_deg: float = 0.0
    jitter_m: float = Field(default=0.0, ge=0)
    jitter_deg: float = Field(default=0.0, ge=0)


class Camera(BaseModel):
    """A camera fixed in the world."""

    model_config = _FROZEN

    at_m: Triple
    quat_wxyz: Quadruple
    fovy_deg: float = 45.0


class Table(BaseModel):
    """The table: its top's height and middle, its half sizes."""

    model_config = _FROZEN

    top_m: Triple
    half_size_m: Triple
    colour: Triple


class RobotPlacement(BaseModel):
    """Which robot stands where, and its nominal joints."""

    model_config = _FROZEN

    model: str
    at_m: Triple
    nominal_rad: tuple[float, ...]


class WorldRecipe(BaseModel):
    """A world: table, robot, cameras and places."""

    model_config = _FROZEN

    name: str
    title: str
    scene_class: str
    table: Table
    robot: RobotPlacement
    cameras: Mapping[str, Camera]
    places: Mapping[str, Spot]


class Profile(BaseModel):
    """What a run's pictures look like; part of the run's identity.

    Attributes:
        pixels: Width and height of a policy's camera.
        samples: Multisampling (0 or 4).
        mirror: Policies see the upright picture mirrored left-right, as LIBERO's do.
        settle_steps: Idle control steps before the start state is stored, as in LIBERO.
    """

    model_config = _FROZEN

    pixels: int
    samples: Literal[0, 4]
    mirror: bool
    settle_steps: int


def load_prop(name: str) -> PropRecipe:
    """The recipe of a prop in `envs/_props`.

    Raises:
        UnknownName: There is no such recipe.
        InvalidWorld: The recipe is broken.
    """
    return _load(PropRecipe, "prop recipe", "_props", f"{name}.toml", name)


def load_world(name: str) -> WorldRecipe:
    """The recipe of a world in `envs/<name>/world.toml`.

    Raises:
        UnknownName: There is no such world.
        InvalidWorld: The recipe is broken.
    """
    if name not in world_names():
        raise UnknownName("world", name, world_names())
    return _load(WorldRecipe, "world", name, "world.toml", name)


@cache
def world_names() -> tuple[str, ...]:
    """Worlds that exist: folders of `envs` with a `world.toml`."""
    return tuple(sorted(path.parent.name for path in tree("envs").glob("*/world.toml")))


@cache
def load_profiles() -> Mapping[str, Profile]:
    """Every profile of `envs/profiles.toml` by name.

    Raises:
        InvalidWorld: The file is broken.
    """
    path = tree("envs") / "profiles.toml"
    return {name: _validated(Profile, path, fields) for name, fields in load_toml(path).items()}


def load_profile(name: str) -> Profile:
    """A profile by name.

    Raises:
        UnknownName: There is no such profile.
    """
    if name not in load_profiles():
        raise UnknownName("profile", name, load_profiles())
    return load_profiles()[name]


def _load(model: type[Model], kind: str, folder: str, file: str, name: str) -> Model:
    path = tree("envs") / folder / file
    if not path.is_file():
        raise UnknownName(kind, name, (other.stem for other in path.parent.glob("*.toml")))
    return _validated(model, path, load_toml(path))


def _validated(model: type[Model], path: Path, content: object) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidWorld(path, f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
