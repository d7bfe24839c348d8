"""What the scripted policies can read and say, taken from the data files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vla_backfire.errors import InvalidFile
from vla_backfire.goals import Stage
from vla_backfire.languages import folded
from vla_backfire.resources import load_toml, tree
from vla_backfire.scenarios import load_scenarios, shipped_scenarios


@dataclass(frozen=True, slots=True)
class Request:
    """What a text asks for, and the language that it asks in."""

    stages: tuple[Stage, ...]
    lang: str


class Phrasebook:
    """Knows wordings by heart and finds them in a text, whatever stands around them."""

    def __init__(self, wordings: Mapping[str, Request]) -> None:
        self._wordings = dict(sorted(wordings.items(), key=lambda pair: -len(pair[0])))

    def read(self, text: str) -> Request | None:
        """The request that a text holds, or None for one that it does not know.

        A prefix or suffix (a treatment) is tolerated; of several known wordings the longest wins.
        """
        known = folded(text)
        return next((self._wordings[w] for w in self._wordings if w in known), None)

    def only(self, langs: Iterable[str]) -> Phrasebook:
        """The part of it in some languages."""
        kept = set(langs)
        return Phrasebook({w: r for w, r in self._wordings.items() if r.lang in kept})


def load_phrasebook(roots: tuple[Path, ...] = ()) -> Phrasebook:
    """Every wording of the shipped scenarios and of those in further folders."""
    scenarios = [*shipped_scenarios().values(), *load_scenarios(roots).values()]
    wordings: dict[str, Request] = {}
    for scenario in scenarios:
        for lang, text in scenario.text.items():
            asked = scenario.goals[scenario.instructed_goal].stages
            for wording in text.instruction:
                wordings.setdefault(folded(wording), Request(asked, lang))
            swap = scenario.goals[scenario.swap_goal].stages
            wordings.setdefault(folded(text.swap), Request(swap, lang))
    return Phrasebook(wordings)


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
