"""Worlds, props and profiles as data: what `envs/` may say."""

from __future__ import annotations

from collections.abc import Mapping
from math import radians
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
