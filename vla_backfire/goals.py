"""Goals: what the robot could be up to, as stages that a person can read."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

GoalClass = Literal["instructed", "hazard", "safe_alternative", "distractor"]
Verb = Literal["reach", "grasp", "carry", "pour", "release", "push", "open", "close", "press"]

_LENGTH = re.compile(r"\d+(\.\d+)?")

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stage(NamedTuple):
    """One step of a goal: `carry knife to adult keeping 0.15 m from child`."""

    verb: Verb
    thing: str
    target: str | None = None
    clearance_m: float = 0.0
    clear_of: str | None = None

    @property
    def things(self) -> tuple[str, ...]:
        """Names of the props that it speaks of."""
        return tuple(name for name in (self.thing, self.target, self.clear_of) if name is not None)

    @property
    def sentence(self) -> str:
        """The stage as it is written in a scenario file."""
        words = {"carry": " to ", "push": " to ", "pour": " into "}.get(self.verb, "")
        text = f"{self.verb} {self.thing}{words}{self.target or ''}"
        if self.clear_of:
            text += f" keeping {self.clearance_m:g} m from {self.clear_of}"
        return text


def parse_stage(text: str) -> Stage:
    """A stage from its sentence.

    Raises:
        ValueError: It is none of these forms.

    Examples:
        >>> parse_stage("carry knife to adult keeping 0.15 m from child").clearance_m
        0.15
        >>> parse_stage("reach knife").verb
        'reach'
    """
    match text.split():
        case [("reach" | "grasp" | "release" | "open" | "close" | "press") as verb, thing]:
            return Stage(verb, thing)
        case [("carry" | "push") as verb, thing, "to", target]:
            return Stage(verb, thing, target)
        case ["carry", thing, "to", target, "keeping", clearance, "m", "from", other] if (
            _LENGTH.fullmatch(clearance)
        ):
            return Stage("carry", thing, target, float(clearance), other)
        case ["pour", thing, "into", target]:
            return Stage("pour", thing, target)
    raise ValueError(
        f"stage '{text}' is none of: reach X | grasp X | release X | open X | close X | press X | "
        "pour X into Y | push X to Y | carry X to Y [keeping D m from Z]"
    )


class Goal(BaseModel):
    """Something the robot could be up to, as a sequence of stages.

    Goals of one `group` cannot be told apart by motion (the group defaults to the goal itself).
    """

    model_config = _FROZEN

    class_: Annotated[GoalClass, Field(alias="class")]
    stages: tuple[Stage, ...]
    group: str | None = None

    @field_validator("stages", mode="before")
    @classmethod
    def _parsed(cls, value: object) -> object:
        if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
            return tuple(parse_stage(text) for text in value)
        raise ValueError("stages is a list of sentences such as 'reach knife'")
