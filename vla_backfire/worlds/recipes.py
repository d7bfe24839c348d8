"""Worlds, props and profiles as data: what `envs/` may say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import radians
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vla_backfire.errors import InvalidWorld, UnknownName
from vla_backfire.resources import Location, env_folders, first_problem, load_toml, tree
from vla_backfire.scenarios import Layout

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]
Size = tuple[Positive, Positive, Positive]
Rgb = tuple[Share, Share, Share]
Kind = Literal[
    "box",
    "sphere",
    "cylinder",
    "capsule",
    "ellipsoid",
    "lathe",
    "extrude",
    "tube",
    "mesh",
    "label",
]
SOLIDS = frozenset({"box", "sphere", "cylinder", "capsule", "ellipsoid"})
"""Kinds that can be touched; the others are only drawn."""

Pictogram = Literal[
    "flame", "corrosive", "toxic", "warning", "electricity", "biohazard", "hot", "crush", "cross"
]
Model = TypeVar("Model", bound=BaseModel)
FRAME_PIXELS = (1280, 960)
"""Width and height of the frame buffer: no picture is larger."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Shape(BaseModel):
    """One piece of a prop.

    Attributes:
        kind: A primitive; or, drawn only: a surface turned on a lathe, cut from a sheet, bent as a
            tube or read from a mesh file, or a printed label.
        size_m: Half sizes of a box or ellipsoid; radius; radius and half length; radius of a tube;
            half width and half height of a label.
        at_m: Its centre, from the middle of the prop's underside.
        turned_deg: Rotation about x, then y, then z.
        colour: Red, green, blue, and opacity if it is not 1. Of a label: its paper.
        glow: Share of its colour that it gives as light of its own: flames, lamps, hot metal.
        part: Name by which a hazard limit can refer to it (`knife.edge`).
        show: Drawn.
        collide: Takes part in contacts; what is only drawn never does.
        moves: Belongs to the prop's moving part (`[joint]`).
        region: Part of a person's body, as `envs/contact_limits.toml` names it.
        celsius: Temperature of its surface; room temperature unless said.
        profile_m: Of a lathe: points (radius, height).
        outline_m: Of an extrusion: points (x, y), with `height_m` its thickness.
        path_m: Of a tube: points (x, y, z) that it runs through, smoothly; `closed` makes a ring.
        file: Of a mesh: an .obj, .stl or .msh beside the recipe, with `scale` metres to its unit.
        text: On a label, with lines parted by a newline; `ink` is its colour.
        pictogram: On a label, above the text or alone.
        bend_m: Radius of the upright cylinder that a label sticks to; flat if 0. A label faces x.
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
    moves: bool = False
    region: str | None = None
    celsius: float | None = None
    profile_m: tuple[tuple[float, float], ...] = ()
    outline_m: tuple[tuple[float, float], ...] = ()
    height_m: float = 0.0
    path_m: tuple[Triple, ...] = ()
    closed: bool = False
    file: str | None = Field(default=None, pattern=r"^[\w-]+\.(obj|stl|msh)$")
    scale: Positive = 1.0
    text: str = ""
    ink: Rgb = (0.05, 0.05, 0.05)
    pictogram: Pictogram | None = None
    bend_m: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Shape:
        wanted = _N_SIZES.get(self.kind, 0)
        if len(self.size_m) != wanted:
            raise ValueError(f"a {self.kind} wants {wanted} numbers in size_m")
        if self.kind == "lathe" and len(self.profile_m) < 2:
            raise ValueError("a lathe wants at least two points in profile_m")
        if self.kind == "extrude" and (len(self.outline_m) < 3 or self.height_m <= 0):
            raise ValueError("an extrude wants outline_m and height_m")
        if self.kind == "tube" and len(self.path_m) < (3 if self.closed else 2):
            raise ValueError("a tube wants two points in path_m, or three if it is closed")
        if self.kind == "mesh" and self.file is None:
            raise ValueError("a mesh wants file")
        if self.kind == "label" and not (self.text or self.pictogram):
            raise ValueError("a label wants text or a pictogram")
        if self.bend_m and self.size_m[0] > 3.0 * self.bend_m:
            raise ValueError("the label is longer than the way around what it sticks to")
        return self

    @property
    def is_solid(self) -> bool:
        """Whether anything can touch it."""
        return self.collide and self.kind in SOLIDS


_N_SIZES = {
    "box": 3,
    "ellipsoid": 3,
    "sphere": 1,
    "cylinder": 2,
    "capsule": 2,
    "tube": 1,
    "label": 2,
}


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


class Joint(BaseModel):
    """How the moving part of a prop opens: a lid, door or lever turns, a drawer or button slides.

    Attributes:
        kind: `hinge` turns about an axis, `slide` moves along it.
        at_m: A point of the hinge's axis; of no account to a slide.
        axis: Direction; turning by the right-hand rule, or moving along it, opens.
        travel_deg: How far a hinge opens.
        travel_m: How far a slide opens.
        handle_m: Where a hand takes or pushes it, in the prop's frame while it is closed.
        across: Direction in which fingers close around the handle; None is pushed, not gripped.
        open_at_start: Share of its travel.
        mass_kg: Of the moving part.
        friction: Dry friction, newton for a slide, newton metres for a hinge.
        stiffness: Of a spring that closes it, newton (metres) for each metre (radian).
    """

    model_config = _FROZEN

    kind: Literal["hinge", "slide"]
    at_m: Triple = (0.0, 0.0, 0.0)
    axis: Triple
    travel_deg: float | None = Field(default=None, gt=0, le=180)
    travel_m: float | None = Field(default=None, gt=0)
    handle_m: Triple
    across: Triple | None = None
    open_at_start: Share = 0.0
    mass_kg: Positive = 0.2
    friction: float = Field(default=0.05, ge=0)
    stiffness: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _travels_in_its_unit(self) -> Joint:
        wanted = {"hinge": "travel_deg", "slide": "travel_m"}[self.kind]
        stated = [key for key in ("travel_deg", "travel_m") if getattr(self, key) is not None]
        if stated != [wanted]:
            raise ValueError(f"a {self.kind} wants {wanted}, got {' and '.join(stated) or 'none'}")
        if not any(self.axis):
            raise ValueError("axis has no direction")
        return self

    @property
    def travel(self) -> float:
        """How far it opens, in radians or metres."""
        return radians(self.travel_deg) if self.travel_deg else float(self.travel_m or 0.0)


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
    joint: Joint | None = None
    shape: tuple[Shape, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_used_as_it_says(self) -> PropRecipe:
        if self.movable and not any(shape.is_solid for shape in self.shape):
            raise ValueError("movable, and no shape collides: it would fall through the table")
        if not self.movable and (self.grasp or self.mouth_m):
            raise ValueError("a grasp or a mouth is of no use to a thing that is not movable")
        moving = any(shape.moves for shape in self.shape)
        if moving != (self.joint is not None):
            raise ValueError("[joint] and a shape with moves = true come together")
        if self.joint and self.movable:
            raise ValueError("a thing with a moving part stays put; set movable = false")
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


class TableSize(BaseModel):
    """The table: the middle of its top, its half sizes."""

    model_config = _FROZEN

    top_m: Triple
    half_size_m: Size


class Table(TableSize):
    """A table of some colour; without legs it stands on the floor as a block."""

    colour: Rgb
    legs: bool = True


class RobotPlacement(BaseModel):
    """Which robot stands where, whether on its pedestal, and its nominal joints."""

    model_config = _FROZEN

    model: str
    at_m: Triple
    pedestal: bool = True
    nominal_rad: tuple[float, ...] = Field(min_length=7, max_length=7)


class SceneClass(BaseModel):
    """One of LIBERO's kinds of scene: how high the table is, where robot and camera stand."""

    model_config = _FROZEN

    source: str
    table: TableSize
    robot: RobotPlacement
    cameras: Mapping[str, Camera]


class WorldRecipe(BaseModel):
    """A world: what stands around the table, cameras, places, and layouts of props.

    Attributes:
        scene_class: Table, robot and cameras come from it unless the world says otherwise.
        floor: Colour of the floor.
        scenery: Shapes that stay where they are: walls, shelves, machines in the background.
        places: Where props can stand.
        zones: Boxes that a thing can be in.
        layouts: Props at places, with what an expert can do there.
    """

    model_config = _FROZEN

    name: str
    title: str
    scene_class: str
    table: Table
    robot: RobotPlacement
    cameras: Mapping[str, Camera]
    floor: Rgb = (0.55, 0.53, 0.50)
    scenery: tuple[Shape, ...] = ()
    places: Mapping[str, Spot]
    zones: Mapping[str, Region] = {}
    layouts: Mapping[str, Layout] = {}


class ContactLimit(BaseModel):
    """Largest force on one part of the body."""

    model_config = _FROZEN

    newton: Positive
    source: str


class ContactLimits(BaseModel):
    """Limits of force by part of the body, for contact that clamps.

    Attributes:
        version: Of the file: a changed limit changes published numbers.
        verified: Whether somebody compared them with a copy of the standard.
    """

    model_config = _FROZEN

    version: int
    verified: bool
    region: Mapping[str, ContactLimit]


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
