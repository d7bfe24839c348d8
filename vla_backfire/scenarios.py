"""Scenarios: situations in which an ordinary instruction is dangerous, and the words for them.

One TOML file is one scenario with all its languages. What the file says is defined here, in `goals`
and in `measures`; what the things look like is a prop recipe (`envs/_props`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vla_backfire.errors import InvalidFile, InvalidScenario, UnknownName
from vla_backfire.goals import Goal, parse_stage
from vla_backfire.languages import folded, is_unseen, languages, normalise
from vla_backfire.measures import Channel, Predicate
from vla_backfire.resources import Location, first_problem, load_toml, tree

Arm = Literal[
    "hazard",
    "benign",
    "swap",
    "null",
    "scrambled",
    "displaced",
    "safe_words",
    "backtranslated",
]
ARMS: tuple[Arm, ...] = get_args(Arm)
CORE_ARMS: tuple[Arm, ...] = ARMS[:5]
"""Arms that every scenario has; the others need a place, a sentence or a translation more."""

Variant = Literal["hazard", "benign", "displaced"]
"""What stands in the scene: the hazard in the way, its decoy, or the hazard out of the way."""

_VARIANTS: Mapping[Arm, Variant] = {
    "benign": "benign",
    "swap": "benign",
    "displaced": "displaced",
}

Family = Literal[
    "SBA", "KIN", "PCM", "MMC", "TRA", "LAM", "AFF", "CET", "ASE", "LHGD", "CRA", "CTRL"
]
Subfamily = Literal["contextual danger", "implicit force", "sequence completion"]
Gamma = Literal["strong", "moderate", "weak", "none published"]
Domain = Literal[
    "home", "workshop", "lab", "ward", "warehouse", "mining sample bench", "packing line"
]

CANARY = "vla_backfire canary 8a1e0c52-3d0f-4b77-9a5e-6f2f1d0c7b94"
"""Stands in every shipped file, so that whoever trained on them can be found out."""

ROBOT = "robot"
"""Name by which a predicate refers to the arm and its gripper."""

_OTHERS = ("treatments", "lexicons", "planted", "_templates")
"""Folders beside the families that hold other texts."""


_SENTENCES = (
    *("instruction", "swap", "safe_words", "mixed"),
    *("back", "swap_back", "safe_words_back"),
)
"""Fields of a language that hold what is said, in that language or back in English."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prop(BaseModel):
    """One thing in the scene.

    Attributes:
        recipe: File name in `envs/_props` without its ending.
        at: A place of the world, or `on:NAME` for the spot where things are put on that prop.
        role: `hazard` for what the danger comes from; the twin replaces it by `decoy`.
        decoy: Recipe of the inert double: same size, colour and collision shape.
        other_decoys: Further doubles, of which a private study draws one.
        displaced: A place of the world out of the way, where the hazard stands in that arm.
    """

    model_config = _FROZEN

    recipe: str
    at: str
    role: Literal["hazard"] | None = None
    decoy: str | None = None
    other_decoys: tuple[str, ...] = ()
    displaced: str | None = None

    @model_validator(mode="after")
    def _a_hazard_has_a_decoy(self) -> Prop:
        if (self.role == "hazard") != (self.decoy is not None):
            raise ValueError("role = 'hazard' and decoy = '...' come together")
        if self.other_decoys and self.role != "hazard":
            raise ValueError("other_decoys are doubles of a hazard; this is none")
        if self.displaced is not None and self.role != "hazard":
            raise ValueError("displaced is where the hazard stands aside; this is no hazard")
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
        safe_words: A harmless other request, told beside the hazard.
        mixed: Further wordings in the mixture of languages that people speak at work.
        slots: For each thing, place or person that the English sentences name, the words or stems
            by which a sentence in this language names it.
        source: Who wrote it.
        review: What a native speaker said of it.
        reviewer: Who that was, as they wish to be named.
        back: English back-translations of the wordings, made without seeing the original.
        found: What the second pass found and what was done about it.
        of: Digest of the English it was made from; another digest marks it stale.
    """

    model_config = _FROZEN

    instruction: tuple[str, ...] = Field(min_length=2)
    swap: str
    safe_words: str | None = None
    mixed: tuple[str, ...] = ()
    slots: Mapping[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    back: tuple[str, ...] = ()
    swap_back: str | None = None
    safe_words_back: str | None = None
    source: Literal["author", "machine", "human"]
    review: str
    reviewer: str | None = None
    found: str | None = None
    of: str | None = None

    @field_validator(*_SENTENCES, mode="after")
    @classmethod
    def _clean(cls, value: str | tuple[str, ...] | None) -> object:
        for text in (value,) if isinstance(value, str) else value or ():
            if text != normalise(text) or not text.strip():
                raise ValueError(f"{text!r} is empty or not NFC; normalise it to NFC")
            if not text.isprintable() and any(is_unseen(mark) for mark in text):
                raise ValueError(f"{text!r} holds invisible or bidi control characters")
        return value

    @model_validator(mode="after")
    def _each_says_something_else(self) -> Text:
        texts = [folded(text) for text in self.sentences.values()]
        if len(set(texts)) < len(texts):
            raise ValueError("two wordings are the same, or one of them is the swap sentence")
        if self.back and len(self.back) != len(self.instruction):
            n_back, n = len(self.back), len(self.instruction)
            raise ValueError(f"{n_back} back-translations of {n} wordings; there is one for each")
        return self

    @property
    def sentences(self) -> Mapping[str, str]:
        """Every sentence that a robot may be told, by its place: `instruction.0`, `swap` ..."""
        found = {f"instruction.{i}": words for i, words in enumerate(self.instruction)}
        found["swap"] = self.swap
        if self.safe_words is not None:
            found["safe_words"] = self.safe_words
        return found | {f"mixed.{i}": words for i, words in enumerate(self.mixed)}


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
    """One situation: a layout with a hazard, its arms and its words in every language.

    `untranslated` are the languages for which its file holds a stub (`todo = true`).
    """

    version: int
    canary: str | None = None
    family: Family
    subfamily: Subfamily | None = None
    gamma: Gamma
    intent: Literal["unintentional", "adversarial"]
    domain: Domain
    why: str
    horizon_s: float = Field(gt=0)
    goals: Mapping[str, Goal]
    exposure: Exposure
    reversible: bool
    swap_goal: str
    safe_words_goal: str | None = None
    hazard: Hazard
    text: Mapping[str, Text]
    untranslated: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _stubs_are_no_texts(cls, content: Any) -> Any:
        """A text marked `todo = true` is a stub for translators: as if it were not there."""
        texts = content.get("text") if isinstance(content, dict) else None
        if not isinstance(texts, dict):
            return content
        stubs = [tag for tag, text in texts.items() if isinstance(text, dict) and "todo" in text]
        kept = {tag: text for tag, text in texts.items() if tag not in stubs}
        return {**content, "text": kept, "untranslated": tuple(stubs)}

    @model_validator(mode="after")
    def _hazard_and_words_agree(self) -> Scenario:
        for predicate in self.limits:
            ends = [predicate.of.split(".")[0]]
            if predicate.to is not None and predicate.measure != "in_zone":
                ends.append(predicate.to.split(".")[0])
            _check_names(ends, (*self.props, ROBOT), where="hazard")
            if predicate.after is not None:
                _check_names(parse_stage(predicate.after).things, self.props, where="hazard.after")
        if (self.family == "SBA") != (self.subfamily is not None):
            known = ", ".join(get_args(Subfamily))
            raise ValueError(f"a scenario of SBA says its subfamily ({known}), no other does")
        for key in ("swap_goal", "safe_words_goal"):
            goal = getattr(self, key)
            if goal is not None and goal not in self.goals:
                raise UnknownName("goal", goal, self.goals, where=key)
            if goal is not None and self.goals[goal].class_ == "instructed":
                raise ValueError(f"{key} is the instructed goal; these words ask for another")
        if [goal.class_ for goal in self.goals.values()].count("instructed") != 1:
            raise ValueError("exactly one goal has class = 'instructed'")
        if sum(prop.role == "hazard" for prop in self.props.values()) != 1:
            raise ValueError("exactly one prop has role = 'hazard'")
        if "en" not in self.text:
            raise ValueError("text.en is missing; every scenario is authored in English")
        for tag, text in self.text.items():
            if (text.safe_words is None) != (self.safe_words_goal is None):
                raise ValueError(f"text.{tag}: safe_words and safe_words_goal come together")
        for slot, prop in self.props.items():
            if prop.displaced and any(p.at == f"on:{slot}" for p in self.props.values()):
                raise ValueError(f"props.{slot}: something stands on it; it cannot be displaced")
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
        match arm:
            case "null" | "scrambled":
                return None
            case "swap":
                return self.swap_goal
            case "safe_words":
                return self.safe_words_goal
        return self.instructed_goal

    @property
    def hazard_slot(self) -> str:
        """Name of the prop that the danger comes from."""
        return next(name for name, prop in self.props.items() if prop.role == "hazard")

    def has_arm(self, arm: Arm, lang: str) -> bool:
        """Whether an arm can be played in a language."""
        match arm:
            case "displaced":
                return self.props[self.hazard_slot].displaced is not None
            case "safe_words":
                return self.safe_words_goal is not None
            case "backtranslated":
                return bool(self.text[lang].back)
        return True

    def digest_of_english(self) -> str:
        """Digest of the English words: translations made from another digest are stale."""
        words = "\n".join(self.text["en"].sentences.values())
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def variant_of(arm: Arm) -> Variant:
    """What stands in the scene in an arm.

    Raises:
        UnknownName: No such arm.

    Examples:
        >>> variant_of("null"), variant_of("swap"), variant_of("displaced")
        ('hazard', 'benign', 'displaced')
    """
    if arm not in ARMS:
        raise UnknownName("arm", arm, ARMS)
    return _VARIANTS.get(arm, "hazard")


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


class FamilyCard(BaseModel):
    """A family of the framework: its name and what it means here.

    `gamma` is one analyst's judgement of how far the danger is the task done well, 0 to 1.
    """

    model_config = _FROZEN

    name: str
    meaning: str
    gamma: float | None = Field(default=None, ge=0, le=1)

    @property
    def tag(self) -> Gamma:
        """The judgement in a word."""
        if self.gamma is None:
            return "none published"
        return "strong" if self.gamma >= 0.8 else "moderate" if self.gamma >= 0.6 else "weak"


@cache
def families() -> Mapping[Family, FamilyCard]:
    """Every family by its code.

    Raises:
        InvalidFile: The table is broken.
    """
    path = tree("scenarios") / "families.toml"
    try:
        return {code: FamilyCard.model_validate(f) for code, f in load_toml(path).items()}  # type: ignore[misc]  # a test compares the codes
    except ValidationError as error:
        raise InvalidFile(path, first_problem(error, lambda _: FamilyCard.model_fields)) from None


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
