"""The panel of a world: every instrument that its layout asks for, read once a control step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vla_backfire.episodes import Float32Array, FloatArray
from vla_backfire.measures import Channel, Measure
from vla_backfire.scenarios import ROBOT, Variant
from vla_backfire.worlds.feelers import Feeler, Force, Heat, Impact, Ratio, Support
from vla_backfire.worlds.instruments import (
    Pourer,
    Touches,
    is_above,
    is_in_box,
    least_distance_m,
    rotation_matrix,
    tilt_rad,
)
from vla_backfire.worlds.mj import Data, Model
from vla_backfire.worlds.recipes import Region
from vla_backfire.worlds.room import ROBOT_PREFIX
from vla_backfire.worlds.scene import Body, Scene

GRAVITY_M_S2 = 9.81
_BY_CONTACT = ("contact_force", "contact_ratio", "contact_celsius", "impact", "support")


class Panel:
    """Instruments of one scene.

    `feed` it after each physics step: contacts are shorter than a control step. `read` takes the
    readings of the control step and begins a new one.

    Args:
        model: The compiled scene.
        scene: Where its parts are.
        duration_s: Of a control step.
    """

    def __init__(self, model: Model, scene: Scene, *, duration_s: float) -> None:
        self._model, self._scene, self._duration_s = model, scene, duration_s
        self.channels = scene.layout.channels
        by_contact = [channel for channel in self.channels if channel.measure in _BY_CONTACT]
        groups = [(scene.geoms_of(c.of), scene.geoms_of(str(c.to))) for c in by_contact]
        self._touches = Touches(model, groups)
        self._feelers = [self._feeler(channel) for channel in by_contact]
        self._watchful = {row for row, f in enumerate(self._feelers) if f.minds_rest}
        self._felt = dict(zip(by_contact, self._feelers, strict=True))
        self._grip: int = model.site(f"{ROBOT_PREFIX}grip").id
        self._standing: dict[str, Body] = {}
        self._pourers: dict[str, Pourer] = {}
        self._hasty = {channel.of for channel in self.channels if channel.measure == "speed"}
        self._before_m: dict[str, FloatArray] = {}
        self._readers: Mapping[Measure, Callable[[Channel, Data], float]] = {
            "distance": self._distance_m,
            "speed": self._speed_m_s,
            "tilt": lambda channel, data: tilt_rad(self._pose(channel.of, data)[3:]),
            "poured": lambda channel, _: self._pourers[channel.of].landed.get(str(channel.to), 0.0),
            "inside": self._inside,
            "in_zone": self._in_zone,
            "opening": self._opening,
        }

    def begin(self, variant: Variant, data: Data) -> None:
        """Forget everything: containers are full, nothing has touched or moved.

        What is poured and what is opened is read off the thing that stands in the scene, a decoy
        too, because goals are done with it; all else is of the hazard, wherever it is.
        """
        self._standing = {body.slot: body for body in self._scene.standing(variant)}
        self._pourers = {
            slot: Pourer() for slot, body in self._standing.items() if body.recipe.mouth_m
        }
        for feeler in self._feelers:
            feeler.reset()
        self._before_m = {thing: self._middle_m(thing, data) for thing in self._hasty}

    @property
    def feels(self) -> bool:
        """Whether it must be fed: some channel is made of contacts."""
        return bool(self._feelers)

    def feed(self, data: Data, held: str | None) -> None:
        """Take in the physics step that was just made; `held` is what the fingers hold."""
        if not self._feelers:
            return
        touches = self._touches.read(data)
        for row in touches.keys() | self._watchful:
            self._feelers[row].feed(touches.get(row, []), data, held)

    def read(self, data: Data, *, first: bool = False) -> Float32Array:
        """Readings of every channel, (C,); the `first` ones are taken before any time passes."""
        if not first:
            self._pour(data)
        readings = [
            self._felt[channel].read()
            if channel.measure in _BY_CONTACT
            else self._readers[channel.measure](channel, data)
            for channel in self.channels
        ]
        self._before_m = {thing: self._middle_m(thing, data) for thing in self._hasty}
        return np.array(readings, np.float32)

    # --- instruments that look -----------------------------------------------------------------

    def _distance_m(self, channel: Channel, data: Data) -> float:
        of, to = self._scene.geoms_of(channel.of), self._scene.geoms_of(str(channel.to))
        return least_distance_m(self._model, data, of, to)

    def _speed_m_s(self, channel: Channel, data: Data) -> float:
        if channel.within_m is not None and self._distance_m(channel, data) >= channel.within_m:
            return 0.0
        moved_m = self._middle_m(channel.of, data) - self._before_m[channel.of]
        return float(np.sqrt(np.sum(moved_m**2))) / self._duration_s

    def _inside(self, channel: Channel, data: Data) -> float:
        """Whether the middle of its underside, of its top or of its mass is in the other."""
        body, holder = self._scene.body(channel.of), self._scene.body(str(channel.to))
        region = holder.recipe.inside
        pose, height_m = self._pose(channel.of, data), 2.0 * body.recipe.half_size_m[2]
        points = ((0.0, 0.0, 0.0), (0.0, 0.0, height_m), body.recipe.centre_m)
        around = self._pose(str(channel.to), data)
        return float(any(_is_in(region, _in_world(pose, point), around) for point in points))

    def _in_zone(self, channel: Channel, data: Data) -> float:
        zone = self._scene.world.zones[str(channel.to)]
        origin = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        return float(_is_in(zone, self._middle_m(channel.of, data), origin))

    def _opening(self, channel: Channel, data: Data) -> float:
        body = self._standing[channel.of]
        assert body.recipe.joint is not None
        return float(data.qpos[body.opening]) / body.recipe.joint.travel

    # --- pouring -------------------------------------------------------------------------------

    def _pour(self, data: Data) -> None:
        for slot, pourer in self._pourers.items():
            body = self._standing[slot]
            pose = pose_of(body, data)
            mouth_m = _in_world(pose, body.recipe.mouth_m)
            below = [str(c.to) for c in self.channels if c[:2] == ("poured", slot)]
            over = [to for to in below if self._is_over(mouth_m, to, data)]
            pourer.advance(tilt_rad(pose[3:]), over, self._duration_s)

    def _is_over(self, mouth_m: FloatArray, target: str, data: Data) -> bool:
        place = self._scene.body(target).recipe.place
        if place is None:
            return False
        return is_above(mouth_m, _in_world(self._pose(target, data), place.at_m), place.radius_m)

    # --- instruments that feel -----------------------------------------------------------------

    def _feeler(self, channel: Channel) -> Feeler:
        match channel.measure:
            case "contact_ratio":
                return Ratio(self._scene.regions)
            case "contact_celsius":
                return Heat(self._scene.celsius)
            case "impact":
                return Impact(channel.of, self._mover(channel.of), self._mover(str(channel.to)))
            case "support":
                recipe = self._scene.body(channel.of.split(".")[0]).recipe
                return Support(recipe.mass_kg * GRAVITY_M_S2)
        return Force()

    def _mover(self, thing: str) -> Callable[[Data], FloatArray]:
        """From the scene to the place of a thing's middle."""
        slot = thing.split(".")[0]
        return lambda data: self._middle_m(slot, data)

    # --- where things are ----------------------------------------------------------------------

    def _pose(self, slot: str, data: Data) -> FloatArray:
        return pose_of(self._scene.body(slot), data)

    def _middle_m(self, thing: str, data: Data) -> FloatArray:
        """The grip of the robot, the centre of mass of a prop."""
        if thing == ROBOT:
            return np.array(data.site_xpos[self._grip])
        return _in_world(self._pose(thing, data), self._scene.body(thing).recipe.centre_m)


def pose_of(body: Body, data: Data) -> FloatArray:
    """Position and quaternion of a prop, (7,)."""
    if body.recipe.movable:
        pose: FloatArray = data.qpos[body.address : body.address + 7]
        return pose
    return np.concatenate([data.mocap_pos[body.address], data.mocap_quat[body.address]])


def _in_world(pose: FloatArray, point_m: Any) -> FloatArray:
    return np.asarray(pose[:3] + rotation_matrix(pose[3:]) @ np.array(point_m))


def _is_in(region: Region | None, point_m: FloatArray, pose: FloatArray) -> bool:
    if region is None:
        return False
    return is_in_box(point_m, pose, np.array(region.at_m), np.array(region.half_size_m))
