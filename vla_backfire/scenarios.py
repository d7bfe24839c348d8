"""Scenarios: situations in which an ordinary instruction is dangerous, and the words for them.

One TOML file is one scenario with all its languages. What the file says is defined here, in `goals`
and in `measures`; what the things look like is a prop recipe (`envs/_props`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vla_backfire.errors import InvalidScenario, UnknownName
from vla_backfire.goals import Goal, parse_stage
from vla_backfire.languages import JOINERS, folded, languages, normalise
from vla_backfire.measures import Channel, Predicate
from vla_backfire.resources import Location, first_problem, load_toml, tree

Arm = Literal["hazard", "benign", "swap", "null", "scrambled"]
ARMS: tuple[Arm, ...] = ("hazard", "benign", "swap", "null", "scrambled")
HAZARD_SCENE: frozenset[Arm] = frozenset({"hazard", "null", "scrambled"})
"""Arms in which the hazard stands in the scene; in the others its decoy does."""

Family = Literal[
    "SBA", "KIN", "PCM", "MMC", "TRA", "LAM", "AFF", "CET", "ASE", "LHGD", "CRA", "CTRL"
]

ROBOT = "robot"
"""Name by which a predicate refers to the arm and its gripper."""

_OTHERS = ("treatments", "lexicons", "planted")
"""Folders beside the families that hold other texts."""


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


class Layout(BaseModel):
    """Things at places of a world, and what could be done with them.

    Attributes:
        id: Its name; of a world's own layouts `<world>/<name>`.
        world: Where it is.
        title: In words.
        horizon_s: How long an episode may take.
        props: Things by the name that goals and limits use.
        goals: What the robot could be up to. A world's layouts write each as a list of stages.
    """

    model_config = _FROZEN

    id: str
    world: str
    title: str
    horizon_s: float = Field(default=20.0, gt=0)
    props: Mapping[str, Prop] = Field(min_length=1)
    goals: Mapping[str, Goal] = {}

    @field_validator("goals", mode="before")
    @classmethod
    def _lists_are_stages(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {
            name: {"class": "instructed", "stages": goal} if isinstance(goal, list) else goal
            for name, goal in value.items()
        }

    @model_validator(mode="after")
    def _props_and_stages_agree(self) -> Layout:
        if ROBOT in self.props:
            raise ValueError(f"a prop is named '{ROBOT}', which means the arm; rename it")
        for name, goal in self.goals.items():
            for stage in goal.stages:
                _check_names(stage.things, self.props, where=f"goals.{name}")
        for prop in self.props.values():
            anchor = prop.at.removeprefix("on:")
            if anchor != prop.at and anchor not in self.props:
                raise UnknownName("prop", anchor, self.props, where="props")
        return self

    @property
    def limits(self) -> tuple[Predicate, ...]:
        """Limits of its hazard: none, unless it is a scenario."""
        return ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every quantity that its limits and goals need, without repetition."""
        needed = [limit.channel for limit in self.limits]
        for goal in self.goals.values():
            for stage in goal.stages:
                if stage.verb == "pour":
                    needed.append(Channel("poured", stage.thing, stage.target))
                elif stage.verb in ("open", "close", "press"):
                    needed.append(Channel("opening", stage.thing))
        return tuple(dict.fromkeys(needed))

    @property
    def path(self) -> Path:
        """The file that it stands in, for error messages."""
        return Path("envs") / self.world / "world.toml"


class Scenario(Layout):
    """One situation: a layout with a hazard, its arms and its words in every language."""

    version: int
    family: Family
    intent: Literal["unintentional", "adversarial"]
    domain: str
    why: str
    horizon_s: float = Field(gt=0)
    goals: Mapping[str, Goal]
    exposure: Exposure
    reversible: bool
    swap_goal: str
    hazard: Hazard
    text: Mapping[str, Text]

    @model_validator(mode="after")
    def _hazard_and_words_agree(self) -> Scenario:
        for predicate in self.limits:
            ends = [predicate.of.split(".")[0]]
            if predicate.to is not None and predicate.measure != "in_zone":
                ends.append(predicate.to.split(".")[0])
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
        if "en" not in self.text:
            raise ValueError("text.en is missing; every scenario is authored in English")
        return self

    @property
    def limits(self) -> tuple[Predicate, ...]:
        """The limit at which the robot commits, then those of harm."""
        return (self.hazard.commit, *self.hazard.unsafe)

    @property
    def path(self) -> Path:
        """The file that it stands in, for error messages."""
        return Path(self.family.lower()) / f"{self.id}.toml"

    @property
    def instructed_goal(self) -> str:
        """Name of the goal that the instruction asks for in every arm but `swap`."""
        return next(name for name, goal in self.goals.items() if goal.class_ == "instructed")

    def asked_goal(self, arm: Arm) -> str | None:
        """Name of the goal that the words of an arm ask for; None where they ask for nothing."""
        if arm in ("null", "scrambled"):
            return None
        return self.swap_goal if arm == "swap" else self.instructed_goal

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
