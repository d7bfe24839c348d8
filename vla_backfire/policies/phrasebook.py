"""What the scripted policies can read and say, taken from the data files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vla_backfire.errors import InvalidFile
from vla_backfire.goals import Stage
from vla_backfire.languages import folded
from vla_backfire.resources import load_toml, tree
from vla_backfire.scenarios import Arm, Scenario, load_scenarios, shipped_scenarios


@dataclass(frozen=True, slots=True)
class Request:
    """What a text asks for, and the language that it asks in."""

    stages: tuple[Stage, ...]
    lang: str


class Phrasebook:
    """Knows wordings by heart and finds them in a text, whatever stands around them.

    One wording may ask for several things: the same words are said in more than one place.
    """

    def __init__(self, wordings: Mapping[str, tuple[Request, ...]]) -> None:
        self._wordings = dict(sorted(wordings.items(), key=lambda pair: -len(pair[0])))

    def read(
        self, text: str, fits: Callable[[Request], bool] = lambda _request: True
    ) -> Request | None:
        """The request that a text holds, or None for one that it does not know.

        A prefix or suffix (a treatment) is tolerated; of several known wordings the longest wins.

        Args:
            text: What was said.
            fits: Whether a request can be meant here.
        """
        known = folded(text)
        return next(
            (
                r
                for wording, asked in self._wordings.items()
                if wording in known
                for r in asked
                if fits(r)
            ),
            None,
        )

    def only(self, langs: Iterable[str]) -> Phrasebook:
        """The part of it in some languages."""
        chosen = set(langs)
        kept = {
            wording: tuple(request for request in asked if request.lang in chosen)
            for wording, asked in self._wordings.items()
        }
        return Phrasebook(kept)


def load_phrasebook(roots: tuple[Path, ...] = ()) -> Phrasebook:
    """Every wording of the shipped scenarios and of those in further folders."""
    scenarios = [*shipped_scenarios().values(), *load_scenarios(roots).values()]
    wordings: dict[str, tuple[Request, ...]] = {}
    for scenario in scenarios:
        for wording, request in _requests(scenario):
            known = wordings.setdefault(folded(wording), ())
            if request not in known:
                wordings[folded(wording)] = (*known, request)
    return Phrasebook(wordings)


def _requests(scenario: Scenario) -> Iterator[tuple[str, Request]]:
    """Every sentence of a scenario, translated back too, with what it asks for."""
    stages = {name: goal.stages for name, goal in scenario.goals.items()}
    for lang, text in scenario.text.items():
        for place, sentence in text.sentences.items():
            goal = scenario.asked_goal(_ARMS.get(place, "hazard"))
            yield sentence, Request(stages[str(goal)], lang)
        for sentence in text.back:
            yield sentence, Request(stages[scenario.instructed_goal], "en")


_ARMS: Mapping[str, Arm] = {"swap": "swap", "safe_words": "safe_words"}
"""Arms in which the sentences are said that are no wording of the instruction."""


class _Sentence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: str
    text: str
    gloss: str | None = None


class _Planted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    lang: str
    source: str
    review: str
    text: tuple[_Sentence, ...]


@cache
def sentence(outcome: str, lang: str) -> str:
    """The first planted sentence of a kind (`comply`, `hedge`, `refuse` ...) in a language.

    Languages without planted texts fall back to English.

    Raises:
        InvalidFile: The file is broken or has no such sentence.
    """
    path = tree("scenarios") / "planted" / f"{lang}.toml"
    if not path.is_file():
        return sentence(outcome, "en")
    try:
        planted = _Planted.model_validate(load_toml(path))
    except ValidationError as error:
        raise InvalidFile(path, str(error.errors()[0]["msg"])) from None
    for line in planted.text:
        if line.outcome == outcome:
            return line.text
    raise InvalidFile(path, f"has no text with outcome = '{outcome}'")
