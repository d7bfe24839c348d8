"""Scenarios: situations in which an ordinary instruction is dangerous, and the words for them.

One TOML file is one scenario with all its languages. What the file says, and how a goal or a
hazard is written down, is defined here; what the things look like is a prop recipe (`envs/_props`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from math import pi
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vla_backfire.errors import InvalidScenario, UnknownName
from vla_backfire.languages import JOINERS, folded, languages, normalise
from vla_backfire.resources import Location, first_problem, load_toml, tree

Arm = Literal["hazard", "benign", "swap", "null", "scrambled"]
ARMS: tuple[Arm, ...] = ("hazard", "benign", "swap", "null", "scrambled")
HAZARD_SCENE: frozenset[Arm] = frozenset({"hazard", "null", "scrambled"})
"""Arms in which the hazard stands in the scene; in the others its decoy does."""

Family = Literal[
    "SBA", "KIN", "PCM", "MMC", "TRA", "LAM", "AFF", "CET", "ASE", "LHGD", "CRA", "CTRL"
]
Severity = Literal["S0", "S1", "S2", "S3", "S4"]
GoalClass = Literal["instructed", "hazard", "safe_alternative", "distractor"]
Measure = Literal["distance", "contact_force", "tilt", "poured", "inside"]
Verb = Literal["reach", "grasp", "carry", "pour", "release"]

ROBOT = "robot"
"""Name by which a predicate refers to the arm and its gripper."""

_OTHERS = ("treatments", "lexicons", "planted")
"""Folders beside the families that hold other texts."""

_LENGTH = re.compile(r"\d+(\.\d+)?")

_UNSEEN = ("Cc", "Cf", "Co", "Zl", "Zp")
"""Unicode categories of what a reader of a text does not see: controls, separators of lines."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prop(BaseModel):
    """One thing in the scene.

    Attributes:
        recipe: File name in `envs/_props` without its ending.
        at: A place of the world, or `on:NAME` for the spot where things are put on that prop.
        role: `hazard` for what the danger comes from; the twin replaces it by `decoy`.
        decoy: Recipe of the inert double: same size, colour and collision shape.
    """

    model_config = _FROZEN

    recipe: str
    at: str
    role: Literal["hazard"] | None = None
    decoy: str | None = None

    @model_validator(mode="after")
    def _a_hazard_has_a_decoy(self) -> Prop:
        if (self.role == "hazard") != (self.decoy is not None):
            raise ValueError("role = 'hazard' and decoy = '...' come together")
        return self


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
        words = {"carry": " to ", "pour": " into "}.get(self.verb, "")
        text = f"{self.verb} {self.thing}{words}{self.target or ''}"
        if self.clear_of:
            text += f" keeping {self.clearance_m:g} m from {self.clear_of}"
        return text


def parse_stage(text: str) -> Stage:
    """A stage from its sentence.

    Raises:
        ValueError: It is none of the five forms.

    Examples:
        >>> parse_stage("carry knife to adult keeping 0.15 m from child").clearance_m
        0.15
        >>> parse_stage("reach knife").verb
        'reach'
    """
    match text.split():
        case [("reach" | "grasp" | "release") as verb, thing]:
            return Stage(verb, thing)
        case ["carry", thing, "to", target]:
            return Stage("carry", thing, target)
        case ["carry", thing, "to", target, "keeping", clearance, "m", "from", other] if (
            _LENGTH.fullmatch(clearance)
        ):
            return Stage("carry", thing, target, float(clearance), other)
        case ["pour", thing, "into", target]:
            return Stage("pour", thing, target)
    raise ValueError(
        f"stage '{text}' is none of: reach X | grasp X | release X | pour X into Y | "
        "carry X to Y [keeping D m from Z]"
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


class Channel(NamedTuple):
    """One measured quantity: what an instrument records at every control step.

    `distance` in metres, `contact_force` in newtons, `tilt` in radians from upright, `poured` as a
    fraction of the content, `inside` as 1 or 0.
    """

    measure: Measure
    of: str
    to: str | None = None

    @property
    def key(self) -> str:
        """Name of the channel in a stored trajectory."""
        return ":".join(part for part in self if part)


class Predicate(BaseModel):
    """A limit on one measured quantity; exactly one of the `below_`/`above_` keys is set."""

    model_config = _FROZEN

    measure: Measure
    of: str
    to: str | None = None
    after: str | None = None
    below_m: float | None = Field(default=None, gt=0)
    above_newton: float | None = Field(default=None, ge=0)
    above_rad: float | None = Field(default=None, gt=0, lt=pi)
    above_fraction: float | None = Field(default=None, gt=0, lt=1)
    for_s: float = Field(default=0.0, ge=0)
    severity: Severity | None = None
    source: str | None = None

    @field_validator("after")
    @classmethod
    def _a_stage(cls, value: str | None) -> str | None:
        return value if value is None else parse_stage(value).sentence

    @model_validator(mode="after")
    def _one_limit_in_the_right_unit(self) -> Predicate:
        wanted = {
            "distance": "below_m",
            "contact_force": "above_newton",
            "tilt": "above_rad",
            "poured": "above_fraction",
            "inside": None,
        }[self.measure]
        keys = ("below_m", "above_newton", "above_rad", "above_fraction")
        stated = [key for key in keys if getattr(self, key) is not None]
        if stated != ([wanted] if wanted else []):
            said = ", ".join(stated) or "no limit"
            raise ValueError(f"measure '{self.measure}' wants {wanted or 'no limit'}, got {said}")
        if self.measure != "tilt" and self.to is None:
            raise ValueError(f"measure '{self.measure}' needs 'to'")
        return self

    @property
    def channel(self) -> Channel:
        """The instrument that this limit reads."""
        return Channel(self.measure, self.of, self.to)

    @property
    def limit(self) -> float:
        """The limit in the unit of the measure (1 for `inside`)."""
        limits = (self.below_m, self.above_newton, self.above_rad, self.above_fraction)
        return next((limit for limit in limits if limit is not None), 1.0)

    @property
    def unit(self) -> str:
        """Unit of limit and margin."""
        units = {"distance": "m", "contact_force": "N", "tilt": "rad", "poured": "fraction"}
        return units.get(self.measure, "")


class Hazard(BaseModel):
    """The stages of harm: `commit` (the point of no innocent explanation) and `unsafe` limits."""

    model_config = _FROZEN

    commit: Predicate
    unsafe: tuple[Predicate, ...] = Field(min_length=1)

    @field_validator("unsafe")
    @classmethod
    def _graded_and_sourced(cls, value: tuple[Predicate, ...]) -> tuple[Predicate, ...]:
        for predicate in value:
            if predicate.severity is None or predicate.source is None:
                raise ValueError("every unsafe limit needs severity and source")
        return value


class Text(BaseModel):
    """The words of a scenario in one language.

    Attributes:
        instruction: Wordings of the same request; the arms `hazard` and `benign` share them.
        swap: The request of the swap arm: the same sentence naming another object or place.
        source: Who wrote it.
        review: What a native speaker said of it.
        back: English back-translations made without seeing the original.
        of: Digest of the English it was made from; another digest marks it stale.
    """

    model_config = _FROZEN

    instruction: tuple[str, ...] = Field(min_length=2)
    swap: str
    source: Literal["author", "machine", "human"]
    review: str
    back: tuple[str, ...] = ()
    swap_back: str | None = None
    of: str | None = None

    @field_validator("instruction", "swap", "back", "swap_back", mode="after")
    @classmethod
    def _clean(cls, value: object) -> object:
        for text in [value] if isinstance(value, str) else list(value or ()):  # type: ignore[call-overload]  # pydantic hands over either shape
            if text != normalise(text) or not text.strip():
                raise ValueError(f"{text!r} is empty or not NFC; normalise it to NFC")
            if any(unicodedata.category(mark) in _UNSEEN for mark in text if mark not in JOINERS):
                raise ValueError(f"{text!r} holds invisible or bidi control characters")
        return value

    @model_validator(mode="after")
    def _each_says_something_else(self) -> Text:
        texts = [folded(text) for text in (*self.instruction, self.swap)]
        if len(set(texts)) < len(texts):
            raise ValueError("two wordings are the same, or one of them is the swap sentence")
        return self


class Exposure(BaseModel):
    """How often the ordinary instruction meets the danger: an input of DRIP, never a result."""

    model_config = _FROZEN

    p_ctx: float = Field(ge=0, le=1)
    status: Literal["assumed", "measured"]


class Scenario(BaseModel):
    """One situation, its arms, its goals, its hazard and its words in every language."""

    model_config = _FROZEN

    id: str
    version: int
    family: Family
    intent: Literal["unintentional", "adversarial"]
    world: str
    domain: str
    title: str
    why: str
    horizon_s: float = Field(gt=0)
    exposure: Exposure
    reversible: bool
    props: Mapping[str, Prop]
    goals: Mapping[str, Goal]
    swap_goal: str
    hazard: Hazard
    text: Mapping[str, Text]

    @model_validator(mode="after")
    def _names_agree(self) -> Scenario:
        if ROBOT in self.props:
            raise ValueError(f"a prop is named '{ROBOT}', which means the arm; rename it")
        for name, goal in self.goals.items():
            for stage in goal.stages:
                _check_names(stage.things, self.props, where=f"goals.{name}")
        for predicate in (self.hazard.commit, *self.hazard.unsafe):
            ends = [end.split(".")[0] for end in (predicate.of, predicate.to) if end is not None]
            _check_names(ends, (*self.props, ROBOT), where="hazard")
            if predicate.after is not None:
                _check_names(parse_stage(predicate.after).things, self.props, where="hazard.after")
        if self.swap_goal not in self.goals:
            raise UnknownName("goal", self.swap_goal, self.goals, where="swap_goal")
        if self.goals[self.swap_goal].class_ == "instructed":
            raise ValueError("swap_goal is the instructed goal; the swap asks for something else")
        if [goal.class_ for goal in self.goals.values()].count("instructed") != 1:
            raise ValueError("exactly one goal has class = 'instructed'")
        if sum(prop.role == "hazard" for prop in self.props.values()) != 1:
            raise ValueError("exactly one prop has role = 'hazard'")
        for prop in self.props.values():
            anchor = prop.at.removeprefix("on:")
            if anchor != prop.at and anchor not in self.props:
                raise UnknownName("prop", anchor, self.props, where="props")
        if "en" not in self.text:
            raise ValueError("text.en is missing; every scenario is authored in English")
        return self

    @property
    def instructed_goal(self) -> str:
        """Name of the goal that the instruction asks for in every arm but `swap`."""
        return next(name for name, goal in self.goals.items() if goal.class_ == "instructed")

    def asked_goal(self, arm: Arm) -> str | None:
        """Name of the goal that the words of an arm ask for; None where they ask for nothing."""
        if arm in ("null", "scrambled"):
            return None
        return self.swap_goal if arm == "swap" else self.instructed_goal

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every quantity that the hazard's limits and the goals need, without repetition."""
        needed = [predicate.channel for predicate in (self.hazard.commit, *self.hazard.unsafe)]
        for goal in self.goals.values():
            needed += [
                Channel("poured", stage.thing, stage.target)
                for stage in goal.stages
                if stage.verb == "pour"
            ]
        return tuple(dict.fromkeys(needed))

    def digest_of_english(self) -> str:
        """Digest of the English words: translations made from another digest are stale."""
        english = self.text["en"]
        words = "\n".join((*english.instruction, english.swap))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def _check_names(asked: Iterable[str], known: Iterable[str], *, where: str) -> None:
    for name in asked:
        if name not in known:
            raise UnknownName("prop", name, known, where=where)


def load_scenario(path: Path) -> Scenario:
    """One scenario file.

    Raises:
        InvalidScenario: The message names file, place and problem.
    """
    content = load_toml(path)
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise InvalidScenario(path, first_problem(error, _keys_at)) from None
    except UnknownName as error:
        raise InvalidScenario(path, str(error)) from None
    if scenario.id != path.stem:
        raise InvalidScenario(path, f"id '{scenario.id}' differs from the file name '{path.stem}'")
    for tag in scenario.text:
        if tag not in languages():
            raise InvalidScenario(path, str(UnknownName("language", tag, languages())))
    return scenario


def load_scenarios(roots: Iterable[Path]) -> Mapping[str, Scenario]:
    """Every scenario below some folders (`<family>/<id>.toml`), by id, sorted.

    Raises:
        InvalidScenario: A file is broken, or two files have one id.
    """
    found: dict[str, Scenario] = {}
    for root in roots:
        for path in scenario_files(root):
            scenario = load_scenario(path)
            if scenario.id in found:
                raise InvalidScenario(path, f"id '{scenario.id}' exists twice")
            found[scenario.id] = scenario
    return dict(sorted(found.items()))


def scenario_files(root: Path) -> tuple[Path, ...]:
    """Scenario files below a folder, sorted.

    Raises:
        InvalidScenario: It is not a folder, or holds none.
    """
    if not root.is_dir():
        raise InvalidScenario(root, "is not a folder of scenario files")
    found = [path for path in sorted(root.glob("*/*.toml")) if path.parent.name not in _OTHERS]
    if not found:
        raise InvalidScenario(root, "holds no scenario file <family>/<id>.toml")
    return tuple(found)


def scenario_path(name: str, roots: Iterable[Path]) -> Path:
    """The file of a scenario that `load_scenarios` found."""
    return next(path for root in roots for path in scenario_files(root) if path.stem == name)


@cache
def shipped_scenarios() -> Mapping[str, Scenario]:
    """The scenarios that come with the package."""
    return load_scenarios([tree("scenarios")])


def _keys_at(location: Location) -> tuple[str, ...]:
    """Keys that a scenario file knows at the table where an unknown one was met."""
    models: dict[str, type[BaseModel]] = {
        "props": Prop,
        "goals": Goal,
        "hazard": Hazard,
        "commit": Predicate,
        "unsafe": Predicate,
        "text": Text,
        "exposure": Exposure,
    }
    model: type[BaseModel] = Scenario
    for part in location[:-1]:
        if model in (Scenario, Hazard):  # below the others stand names that authors choose
            model = models.get(str(part), model)
    return tuple(field.alias or name for name, field in model.model_fields.items())
