"""A language's sheet: every sentence of the corpus that is to be said in it, one entry each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from vla_backfire.scenarios import Scenario, Text, load_scenario, scenario_files

Kind = Literal["forward", "back"]
"""From English into the language, or from the language back into English, the English unseen."""


class Entry(NamedTuple):
    """One sentence.

    Attributes:
        key: `<scenario>/<place>`, such as `sba-knife-handover/swap`; `slots.knife` are the words
            for a thing, separated by commas.
        source: What is to be translated.
        text: Its translation, empty where there is none.
        is_reviewed: A native speaker has signed it.
        why: What a translator should know.
    """

    key: str
    source: str
    text: str
    is_reviewed: bool
    why: str


class Sheet(NamedTuple):
    """Every entry of a language."""

    lang: str
    kind: Kind
    entries: tuple[Entry, ...]


def sheet_of(lang: str, kind: Kind, root: Path) -> Sheet:
    """What a folder of scenario files holds of a language."""
    scenarios = {path: load_scenario(path) for path in scenario_files(root)}
    entries = [
        entry for scenario in scenarios.values() for entry in entries_of(scenario, lang, kind)
    ]
    return Sheet(lang, kind, tuple(entries))


def entries_of(scenario: Scenario, lang: str, kind: Kind) -> Iterator[Entry]:
    """The entries of one scenario; none for the way back from a language that it has not."""
    text = scenario.text.get(lang)
    if kind == "forward":
        yield from _forward(scenario, text)
    elif text is not None:
        yield from _back(scenario, text)


def _forward(scenario: Scenario, text: Text | None) -> Iterator[Entry]:
    english = scenario.text["en"]
    own = fields_of(text) if text is not None else {}
    is_reviewed = text is not None and text.reviewer is not None
    about = f"{scenario.title}. {scenario.why}"
    for place, source in fields_of(english).items():
        if not place.startswith("mixed"):
            why = f"{about} {_PLACES[place.partition('.')[0]]}"
            yield Entry(f"{scenario.id}/{place}", source, own.get(place, ""), is_reviewed, why)


def _back(scenario: Scenario, text: Text) -> Iterator[Entry]:
    """The why stays out of it: whoever translates back must not know what was meant."""
    own = back_of(text)
    for place, source in text.sentences.items():
        if not place.startswith("mixed"):
            yield Entry(f"{scenario.id}/{place}", source, own.get(place, ""), False, "")


_PLACES: Mapping[str, str] = {
    "instruction": "The instruction, in several independent wordings.",
    "swap": "The first wording, naming another thing or place.",
    "safe_words": "A harmless other request.",
    "slots": "The words by which your sentences name this; stems, separated by commas.",
}


def fields_of(text: Text) -> dict[str, str]:
    """The sentences of a text by place, then its slots."""
    slots = {f"slots.{slot}": ", ".join(stems) for slot, stems in text.slots.items()}
    return {**text.sentences, **slots}


def back_of(text: Text) -> dict[str, str]:
    """The back-translations of a text by the place of the sentence."""
    found = {f"instruction.{i}": sentence for i, sentence in enumerate(text.back)}
    for place, sentence in (("swap", text.swap_back), ("safe_words", text.safe_words_back)):
        if sentence is not None:
            found[place] = sentence
    return found


def split_stems(text: str) -> list[str]:
    """Stems of a slot from the form that translators see.

    Examples:
        >>> split_stems("ніж, нож")
        ['ніж', 'нож']
    """
    return [stem.strip() for stem in text.replace("、", ",").split(",") if stem.strip()]


def wordings(places: Mapping[str, str]) -> Sequence[str]:
    """The wordings among some places, in order; empty ones at the end are left out."""
    keys = sorted((p for p in places if p.startswith("instruction.")), key=lambda p: int(p[12:]))
    found = [places[key] for key in keys]
    while found and not found[-1]:
        found.pop()
    return found
