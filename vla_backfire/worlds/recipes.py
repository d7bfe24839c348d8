"""Worlds, props and profiles as data: what `envs/` may say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vla_backfire.errors import InvalidWorld, UnknownName
from vla_backfire.resources import Location, first_problem, load_toml, tree

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]
Size = tuple[Positive, Positive, Positive]
Rgb = tuple[Share, Share, Share]
Kind = Literal["box", "sphere", "cylinder", "capsule", "ellipsoid", "lathe", "extrude"]
Model = TypeVar("Model", bound=BaseModel)
FRAME_PIXELS = (1280, 960)
"""Width and height of the frame buffer: no picture is larger."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Shape(BaseModel):
    """One piece of a prop.

    Attributes:
        kind: A primitive, or a surface turned on a lathe or cut from a sheet (drawn only).
        size_m: Half sizes of a box or ellipsoid; radius; radius and half length.
        at_m: Its centre, from the middle of the prop's underside.
        turned_deg: Rotation about x, then y, then z.
        colour: Red, green, blue, and opacity if it is not 1.
        glow: Share of its colour that it gives as light of its own: flames, lamps, hot metal.
        part: Name by which a hazard limit can refer to it (`knife.edge`).
        show: Drawn.
        collide: Takes part in contacts; lathes and extrusions never do.
    """

    model_config = _FROZEN

    kind: Kind
    size_m: tuple[Positive, ...] = ()
    at_m: Triple = (0.0, 0.0, 0.0)
    turned_deg: Triple = (0.0, 0.0, 0.0)
    colour: tuple[Share, ...] = Field(default=(0.7, 0.7, 0.7), min_length=3, max_length=4)
    glow: Share = 0.0
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

    @property
    def is_solid(self) -> bool:
        """Whether anything can touch it."""
        return self.collide and self.kind not in ("lathe", "extrude")


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
    half_size_m: Size


class PropRecipe(BaseModel):
    """What a prop is made of and what can be done with it. Its origin: the middle underneath."""

    model_config = _FROZEN

    title: str
    tags: tuple[str, ...] = ()
    movable: bool
    mass_kg: Positive = 0.1
    centre_m: Triple = (0.0, 0.0, 0.0)
    half_size_m: Size
    grasp: Grasp | None = None
    place: Place | None = None
    inside: Region | None = None
    mouth_m: Triple | None = None
    shape: tuple[Shape, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_used_as_it_says(self) -> PropRecipe:
        if self.movable and not any(shape.is_solid for shape in self.shape):
            raise ValueError("movable, and no shape collides: it would fall through the table")
        if not self.movable and (self.grasp or self.mouth_m):
            raise ValueError("a grasp or a mouth is of no use to a thing that is not movable")
        return self


class Spot(BaseModel):
    """A place of a world, with how far a repeat may move what stands there."""

    model_config = _FROZEN

    at_m: Triple
    yaw_deg: float = 0.0
    jitter_m: float = Field(default=0.0, ge=0)
    jitter_deg: float = Field(default=0.0, ge=0)


class Camera(BaseModel):
    """A camera fixed in the world.

    Attributes:
        ambient: Share of the light that comes from everywhere in its pictures; 0 leaves the lamps
            as LIBERO has them.
    """

    model_config = _FROZEN

    at_m: Triple
    quat_wxyz: Quadruple
    fovy_deg: float = Field(default=45.0, gt=0, lt=180)
    ambient: Share = 0.0


class Table(BaseModel):
    """The table: its top's height and middle, its half sizes."""

    model_config = _FROZEN

    top_m: Triple
    half_size_m: Size
    colour: Rgb


class RobotPlacement(BaseModel):
    """Which robot stands where, and its nominal joints."""

    model_config = _FROZEN

    model: str
    at_m: Triple
    nominal_rad: tuple[float, ...] = Field(min_length=7, max_length=7)


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
        pixels: Width and height of a policy's camera, up to the height of the frame buffer.
        samples: Multisampling (0 or 4).
        mirror: Policies see the upright picture mirrored left-right, as LIBERO's do.
        settle_steps: Idle control steps before the start state is stored, as in LIBERO.
    """

    model_config = _FROZEN

    pixels: int = Field(gt=0, le=FRAME_PIXELS[1])
    samples: Literal[0, 4]
    mirror: bool
    settle_steps: int = Field(ge=0)


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
    return {
        name: _validated(Profile, path, fields, within=f"{name}: ")
        for name, fields in load_toml(path).items()
    }


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


def _load(model: type[Model], kind: str, folder: str, file: str, name: str) -> Model:
    path = tree("envs") / folder / file
    if not path.is_file():
        raise UnknownName(kind, name, (other.stem for other in path.parent.glob("*.toml")))
    return _validated(model, path, load_toml(path))


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
