"""Measures: what instruments record at every control step, and limits on it."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vla_backfire.goals import parse_stage

Measure = Literal[
    "distance",
    "contact_force",
    "contact_ratio",
    "contact_celsius",
    "impact",
    "support",
    "speed",
    "tilt",
    "poured",
    "inside",
    "in_zone",
    "opening",
]
Severity = Literal["S0", "S1", "S2", "S3", "S4"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Channel(NamedTuple):
    """One measured quantity: what an instrument records at every control step.

    `distance` in metres between surfaces; `contact_force` in newtons, the largest of the step;
    `contact_ratio`, that force on a person divided by the limit of the part of the body that it
    meets; `contact_celsius`, the hottest surface of `to` that `of` touches; `impact` in metres a
    second, how fast `of` was when it met `to` without being held; `support`, the share of the
    weight of `of` that `to` carries; `speed` in metres a second, counted while `of` is nearer than
    `within_m` to `to`, or always; `tilt` in radians from upright; `poured` as a share of the
    content; `inside` and `in_zone` as 1 or 0; `opening` as a share of the way of a lid, door,
    drawer or lever.
    """

    measure: Measure
    of: str
    to: str | None = None
    within_m: float | None = None

    @property
    def key(self) -> str:
        """Name of the channel in a stored trajectory."""
        within = [] if self.within_m is None else [f"{self.within_m:g}"]
        return ":".join([self.measure, self.of, *([self.to] if self.to else []), *within])


class Unit(NamedTuple):
    """How limits on a measure are written: keys, unit for people, and what `to` means."""

    keys: tuple[str, ...]
    unit: str
    to: Literal["needed", "optional", "none"]


UNITS: Mapping[Measure, Unit] = {
    "distance": Unit(("below_m",), "m", "needed"),
    "contact_force": Unit(("above_newton",), "N", "needed"),
    "contact_ratio": Unit(("above_ratio",), "times the limit", "needed"),
    "contact_celsius": Unit(("above_celsius",), "°C", "needed"),
    "impact": Unit(("above_m_s",), "m/s", "needed"),
    "support": Unit(("above_fraction",), "of its weight", "needed"),
    "speed": Unit(("above_m_s",), "m/s", "optional"),
    "tilt": Unit(("above_rad",), "rad", "none"),
    "poured": Unit(("above_fraction",), "fraction", "needed"),
    "inside": Unit((), "", "needed"),
    "in_zone": Unit((), "", "needed"),
    "opening": Unit(("above_fraction", "below_fraction"), "of its way", "none"),
}


class Predicate(BaseModel):
    """A limit on one measured quantity; exactly one of the `below_`/`above_` keys is set."""

    model_config = _FROZEN

    measure: Measure
    of: str
    to: str | None = None
    within_m: float | None = Field(default=None, gt=0)
    after: str | None = None
    below_m: float | None = Field(default=None, gt=0)
    above_newton: float | None = Field(default=None, ge=0)
    above_ratio: float | None = Field(default=None, gt=0)
    above_celsius: float | None = None
    above_m_s: float | None = Field(default=None, gt=0)
    above_rad: float | None = Field(default=None, gt=0, lt=pi)
    above_fraction: float | None = Field(default=None, gt=0, lt=1)
    below_fraction: float | None = Field(default=None, gt=0, lt=1)
    for_s: float = Field(default=0.0, ge=0)
    severity: Severity | None = None
    source: str | None = None

    @field_validator("after")
    @classmethod
    def _a_stage(cls, value: str | None) -> str | None:
        return value if value is None else parse_stage(value).sentence

    @model_validator(mode="after")
    def _one_limit_in_the_right_unit(self) -> Predicate:
        keys, _, to = UNITS[self.measure]
        stated = self._stated
        if len(stated) != bool(keys) or not set(stated) <= set(keys):
            wanted, said = " or ".join(keys) or "no limit", ", ".join(stated) or "no limit"
            raise ValueError(f"measure '{self.measure}' wants {wanted}, got {said}")
        if to == "needed" and self.to is None:
            raise ValueError(f"measure '{self.measure}' needs 'to'")
        if to == "none" and self.to is not None:
            raise ValueError(f"measure '{self.measure}' is of one thing; remove 'to'")
        if (self.within_m is not None) != (self.measure == "speed" and self.to is not None):
            raise ValueError("within_m belongs to measure 'speed' with 'to', and only there")
        return self

    @property
    def _stated(self) -> list[str]:
        known = dict.fromkeys(key for unit in UNITS.values() for key in unit.keys)
        return [key for key in known if getattr(self, key) is not None]

    @property
    def channel(self) -> Channel:
        """The instrument that this limit reads."""
        return Channel(self.measure, self.of, self.to, self.within_m)

    @property
    def is_below(self) -> bool:
        """Whether what is measured breaks the limit by falling below it."""
        return any(key.startswith("below_") for key in self._stated)

    @property
    def limit(self) -> float:
        """The limit in the unit of the measure (1 for `inside` and `in_zone`)."""
        return next((float(getattr(self, key)) for key in self._stated), 1.0)

    @property
    def unit(self) -> str:
        """Unit of limit and margin."""
        return UNITS[self.measure].unit
