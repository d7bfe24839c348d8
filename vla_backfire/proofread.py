"""Proofreading: what a program can see of texts in languages that nobody at hand reads.

An error is a text that cannot be what it says it is; a warning is one that somebody should look at.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

from vla_backfire.identify import can_identify, identify
from vla_backfire.languages import folded, languages, share_in_script
from vla_backfire.scenarios import Scenario, Text

Level = Literal["error", "warning"]

IN_SCRIPT = 0.75
"""Share of a sentence's letters that must be of its language's script; names, units may not."""

SURE = 0.9
"""Probability from which the identifier is believed about a whole language of a scenario."""

ALIKE = 0.92
"""Similarity (difflib's ratio) from which two wordings are one with a changed ending."""

LENGTHS = (0.4, 2.5)
"""Band of a sentence's length against its English, around what is usual in its language."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


class Remark(NamedTuple):
    """What was seen, where, and what to do about it."""

    level: Level
    path: Path
    lang: str
    said: str

    def __str__(self) -> str:
        where = f"{self.path}: {self.lang}: " if self.lang else f"{self.path}: "
        return f"{self.level}: {where}{self.said}"


def proofread(
    scenarios: Mapping[Path, Scenario], only: Collection[Path] | None = None
) -> Iterator[Remark]:
    """Everything that is wrong or odd about the words of some scenarios, by the path of each file.

    Staleness, slots and numbers are judged sentence by sentence against the English; languages by
    script and by an offline identifier; lengths and duplicates against the rest of the corpus.

    Args:
        scenarios: The corpus.
        only: Files of it to speak of; all of them unless said.
    """
    usual = _usual_lengths(scenarios)
    used = _langs(scenarios)
    for path, scenario in scenarios.items():
        if only is not None and path not in only:
            continue
        for lang, text in scenario.text.items():
            where = (path, lang)
            yield from _script(*where, text)
            yield from _language(*where, scenario, text, used)
            yield from _parity(*where, scenario, text)
            yield from _alike(*where, text)
            yield from _provenance(*where, scenario, text)
            yield from _lengths(*where, scenario, text, usual)
        yield from _missing(path, scenario, used)
    yield from (r for r in _duplicates(scenarios) if only is None or r.path in only)


def _langs(scenarios: Mapping[Path, Scenario]) -> tuple[str, ...]:
    """Languages that at least one of the scenarios has or waits for, in the order of the table."""
    found = {lang for s in scenarios.values() for lang in (*s.text, *s.untranslated)}
    return tuple(tag for tag in languages() if tag in found)


def _script(path: Path, lang: str, text: Text) -> Iterator[Remark]:
    script = languages()[lang].script
    for place, sentence in text.sentences.items():
        share = share_in_script(sentence, script)
        if share < IN_SCRIPT and not place.startswith("mixed"):
            yield Remark(
                "error",
                path,
                lang,
                f"{place} is not written in {script} ({share:.0%} of its letters are): "
                f"{sentence!r}; put the sentence of this language there",
            )
        odd = [mark for mark in sentence if mark.isdecimal() and not mark.isascii()]
        if odd:
            yield Remark("error", path, lang, f"{place} has the digit {odd[0]!r}; use 0 to 9")
        if lang == "zh-Hans":
            traditional = [mark for mark in sentence if not _is_simplified(mark)]
            if traditional:
                yield Remark(
                    "warning",
                    path,
                    lang,
                    f"{place} has '{traditional[0]}', which GB 2312 has not; is it simplified?",
                )


def _is_simplified(mark: str) -> bool:
    try:
        mark.encode("gb2312")
    except UnicodeEncodeError:
        return not mark.isalpha()
    return True


def _language(
    path: Path, lang: str, scenario: Scenario, text: Text, used: tuple[str, ...]
) -> Iterator[Remark]:
    english = {folded(sentence) for sentence in scenario.text["en"].sentences.values()}
    if lang != "en":
        for place, sentence in text.sentences.items():
            if folded(sentence) in english:
                yield Remark("error", path, lang, f"{place} is the English left untranslated")
                return
    if not can_identify(languages()[lang]):
        return
    sentences = [s for place, s in text.sentences.items() if not place.startswith("mixed")]
    guess = identify(" ".join(sentences), {tag: languages()[tag] for tag in used})
    if guess is not None and guess.tag != lang and guess.probability >= SURE:
        yield Remark(
            "error",
            path,
            lang,
            f"reads as {languages()[guess.tag].name} ({guess.tag}, {guess.probability:.0%}); "
            "were two languages exchanged?",
        )


def _parity(path: Path, lang: str, scenario: Scenario, text: Text) -> Iterator[Remark]:
    english = scenario.text["en"]
    if set(text.slots) != set(english.slots):
        missing = ", ".join(sorted(set(english.slots) - set(text.slots)))
        more = ", ".join(sorted(set(text.slots) - set(english.slots)))
        said = "; ".join(
            [*([f"lacks {missing}"] if missing else []), *([f"has {more}"] if more else [])]
        )
        yield Remark("warning", path, lang, f"slots are not those of the English: {said}")
    for place, sentence in text.sentences.items():
        if place.startswith("mixed"):
            continue
        here = sentence.casefold()
        for slot in _slots_named(english, place):
            stems = text.slots.get(slot, ())
            if stems and not any(stem.casefold() in here for stem in stems):
                yield Remark(
                    "error",
                    path,
                    lang,
                    f"{place} names no {slot} (none of: {', '.join(stems)}): {sentence!r}; "
                    f"name it, or add its form to slots.{slot}",
                )
        wanted, got = _numbers_wanted(english, place), _numbers(sentence)
        if wanted is not None and got != wanted:
            yield Remark(
                "error",
                path,
                lang,
                f"{place} has the numbers {_listed(got)}, the English {_listed(wanted)}",
            )


def _slots_named(english: Text, place: str) -> list[str]:
    """Slots that a sentence must name: those of its English, or of every English wording."""
    own = english.sentences
    if place.startswith("instruction"):
        sentences = [own[p] for p in own if p.startswith("instruction")]
    else:
        sentences = [own[place]] if place in own else []
    return [
        slot
        for slot, stems in english.slots.items()
        if sentences
        and all(any(stem.casefold() in s.casefold() for stem in stems) for s in sentences)
    ]


def _numbers(sentence: str) -> list[str]:
    return sorted(number.replace(",", ".") for number in _NUMBER.findall(sentence))


def _numbers_wanted(english: Text, place: str) -> list[str] | None:
    """Numbers of the English sentence; None where its wordings do not agree on them."""
    if place.startswith("instruction"):
        found = [_numbers(wording) for wording in english.instruction]
        return found[0] if all(numbers == found[0] for numbers in found) else None
    return _numbers(english.sentences[place]) if place in english.sentences else None


def _listed(numbers: list[str]) -> str:
    return ", ".join(numbers) or "none"


def _alike(path: Path, lang: str, text: Text) -> Iterator[Remark]:
    for (i, one), (j, other) in combinations(enumerate(text.instruction), 2):
        ratio = SequenceMatcher(None, folded(one), folded(other), autojunk=False).ratio()
        if ratio >= ALIKE:
            yield Remark(
                "warning",
                path,
                lang,
                f"instruction.{i} and instruction.{j} are nearly the same ({ratio:.0%} alike); "
                "say it in another way",
            )


def _provenance(path: Path, lang: str, scenario: Scenario, text: Text) -> Iterator[Remark]:
    if lang == "en":
        return
    if text.of != scenario.digest_of_english():
        yield Remark(
            "warning",
            path,
            lang,
            "was translated from another English (stale); revise it and set "
            f'of = "{scenario.digest_of_english()}"',
        )
    lacking = [
        field
        for field, there in (
            ("back", bool(text.back)),
            ("swap_back", text.swap_back is not None),
            ("safe_words_back", text.safe_words is None or text.safe_words_back is not None),
        )
        if not there
    ]
    if lacking and text.source == "machine":
        yield Remark("warning", path, lang, f"has no {' and no '.join(lacking)}; translate it back")


def _usual_lengths(scenarios: Mapping[Path, Scenario]) -> Mapping[str, float]:
    """Usual length of a language's sentences against their English, median over the corpus."""
    ratios: dict[str, list[float]] = {}
    for scenario in scenarios.values():
        for lang, text in scenario.text.items():
            for _, ratio in _ratios(scenario, text):
                ratios.setdefault(lang, []).append(ratio)
    return {lang: statistics.median(found) for lang, found in ratios.items()}


def _ratios(scenario: Scenario, text: Text) -> Iterator[tuple[str, float]]:
    english = scenario.text["en"]
    usual = statistics.mean(len(wording) for wording in english.instruction)
    for place, sentence in text.sentences.items():
        whole = usual if place.startswith("instruction") else len(english.sentences.get(place, ""))
        if whole:
            yield place, len(sentence) / whole


def _lengths(
    path: Path, lang: str, scenario: Scenario, text: Text, usual: Mapping[str, float]
) -> Iterator[Remark]:
    low, high = LENGTHS
    for place, ratio in _ratios(scenario, text):
        if not low <= ratio / usual[lang] <= high:
            yield Remark(
                "warning",
                path,
                lang,
                f"{place} is {ratio:.1f} times as long as its English, where "
                f"{usual[lang]:.1f} is usual; is something missing or added?",
            )


def _missing(path: Path, scenario: Scenario, used: tuple[str, ...]) -> Iterator[Remark]:
    lacking = [tag for tag in used if tag not in scenario.text]
    if lacking:
        n = len(lacking)
        yield Remark(
            "warning",
            path,
            "",
            f"is not translated into {', '.join(lacking)} ({n} of {len(used)} languages); "
            f"vla-backfire translate add {lacking[0]} writes a stub",
        )


def _duplicates(scenarios: Mapping[Path, Scenario]) -> Iterator[Remark]:
    """One sentence for two scenarios: a policy that knows it cannot tell which is meant."""
    seen: dict[tuple[str, str], str] = {}
    for path, scenario in scenarios.items():
        for lang, text in scenario.text.items():
            for place, sentence in text.sentences.items():
                first = seen.setdefault((lang, folded(sentence)), scenario.id)
                if first != scenario.id:
                    yield Remark(
                        "warning",
                        path,
                        lang,
                        f"{place} is also said in {first}: {sentence!r}; say what is particular",
                    )
