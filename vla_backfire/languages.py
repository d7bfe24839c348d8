"""Languages: BCP-47 tags, how they are written, and how text is normalised before use."""

from __future__ import annotations

import random
import unicodedata
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vla_backfire.errors import InvalidFile, UnknownName
from vla_backfire.resources import Location, first_problem, load_toml, tree

NO_LANGUAGE = "zxx"
"""BCP-47 tag of content without words: the lang of every `null` cell."""

JOINERS = "\u200c\u200d"
"""Unseen marks that belong to spelling in Persian, Marathi, Sinhala and others."""

Tier = Literal["confirmatory", "workplace", "exploratory", "panel"]


class Language(BaseModel):
    """One language: its names, its script and what a claim in it may be called at best.

    `pdi` is the Power Distance Index of a country, never of a language; None where nobody
    published one. `words` are function words that give the language away, for languages that the
    identifier does not know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str = Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")
    name: str
    autonym: str
    script: str
    direction: Literal["ltr", "rtl"]
    tier: Tier
    register_: str = Field(alias="register")
    pdi: int | None = None
    pdi_country: str | None = None
    pdi_source: str | None = None
    words: tuple[str, ...] = ()


@cache
def languages() -> Mapping[str, Language]:
    """Every known language by tag, in the order of `scenarios/languages.toml`.

    Raises:
        InvalidFile: The table is broken.
    """
    return load_languages(tree("scenarios") / "languages.toml")


def load_languages(path: Path) -> Mapping[str, Language]:
    """Read a language table from disk; see `languages` for the shipped one."""
    found = {}
    for tag, fields in load_toml(path).items():
        if not isinstance(fields, dict):
            raise InvalidFile(path, f"'{tag}' stands in no table; a language is a table [tag]")
        try:
            found[tag] = Language.model_validate({**fields, "tag": tag})
        except ValidationError as error:
            raise InvalidFile(path, f"[{tag}]: {first_problem(error, _keys_at)}") from None
    return found


def _keys_at(_location: Location) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in Language.model_fields.items())


def language(tag: str, *, where: str = "") -> Language:
    """The language of a tag.

    Raises:
        UnknownName: The tag is not in the table.
    """
    known = languages()
    if tag not in known:
        raise UnknownName("language", tag, known, where=where)
    return known[tag]


_SCRIPTS = {
    "Jpan": r"[\p{Hiragana}\p{Katakana}\p{Han}]",
    "Hans": r"\p{Han}",
    "Hant": r"\p{Han}",
    "Kore": r"[\p{Hangul}\p{Han}]",
}
"""ISO 15924 codes that name more than one Unicode script, or a style of one."""


def share_in_script(text: str, script: str) -> float:
    """Share of a text's letters that are of a script, by its ISO 15924 code; 0 without letters.

    Letters that many scripts share (the Tongan glottal mark, the Japanese long mark) count as
    being of any.

    Examples:
        >>> share_in_script("ʻomi", "Latn"), share_in_script("дай", "Latn")
        (1.0, 0.0)
    """
    import regex  # not needed to list or to read

    own = _SCRIPTS.get(script, rf"\p{{Script={script}}}")
    letters = regex.findall(r"\p{L}", text)
    of_it = regex.compile(rf"{own}|\p{{Common}}|\p{{Inherited}}")
    return sum(bool(of_it.fullmatch(mark)) for mark in letters) / len(letters) if letters else 0.0


def normalise(text: str) -> str:
    r"""NFC form of a text: what is stored, hashed and shown to every policy.

    Decomposed Vietnamese or Korean costs a tokenizer two to four times the tokens, which would
    look like a difference between languages.

    Examples:
        >>> normalise("cafe\u0301") == "caf\u00e9"
        True
    """
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Form in which two texts are compared: NFC, case-folded, runs of white space as one space.

    Examples:
        >>> folded("  Bitte  REICHEN ")
        'bitte reichen'
    """
    return " ".join(normalise(unicodedata.normalize("NFC", text).casefold()).split())


def is_unseen(mark: str) -> bool:
    """Whether a reader does not see a mark: controls, separators of lines, marks of direction."""
    return mark not in JOINERS and unicodedata.category(mark) in ("Cc", "Cf", "Co", "Zl", "Zp")


def scrambled(text: str) -> str:
    """A text of the same script, length and layout that means nothing.

    Letters (with the marks that belong to them) change places; spaces, punctuation and digits
    stay. Of sixteen orders the one is taken that leaves the fewest in their places; it depends on
    the text alone, so that the control is the same everywhere. A text of fewer than two different
    letters cannot be scrambled and stays as it is.

    Examples:
        >>> scrambled("Please hand me the knife.") == scrambled("Please hand me the knife.")
        True
        >>> sorted(scrambled("abc, d")) == sorted("abc, d")
        True
    """
    text = normalise(text)
    units = _units(text)
    places = [
        i
        for i, unit in enumerate(units)
        if unicodedata.category(unit[0])[0] == "L" and not _continues(unit[0])
    ]
    rng = random.Random(zlib.crc32(text.encode()))
    orders = (dict(zip(places, rng.sample(places, len(places)), strict=True)) for _ in range(16))
    order = min(orders, key=lambda order: sum(units[i] == units[order[i]] for i in places))
    return normalise("".join(units[order.get(i, i)] for i in range(len(units))))


def _units(text: str) -> list[str]:
    """Letters with the combining marks that follow them."""
    units: list[str] = []
    for mark in text:
        if units and _continues(mark):
            units[-1] += mark
        else:
            units.append(mark)
    return units


def _continues(mark: str) -> bool:
    """Whether a code point belongs to the letter before it: a mark, or a Korean vowel or final."""
    return unicodedata.category(mark)[0] == "M" or "\u1160" <= mark <= "\u11ff"
