"""Which language a text is in: py3langid offline, function words for languages it knows not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from vla_backfire.languages import Language, folded, share_in_script

_CODES = {"fil": "tl"}
"""Tags whose first part the identifier spells otherwise."""

LEAST_SHARE = 0.25
"""Share of a text's words that must be function words of a language to be taken for it."""


class Guess(NamedTuple):
    """The likeliest language of a text, and how likely it is among those that were asked about."""

    tag: str
    probability: float


def identify(text: str, known: Mapping[str, Language]) -> Guess | None:
    """The likeliest of some languages; None where none of them can be told.

    Args:
        text: A few sentences; the longer, the surer.
        known: By tag; languages of other scripts than the text's are out of the question.

    Examples:
        >>> from vla_backfire.languages import languages
        >>> identify("Bitte reichen Sie mir das Messer.", languages()).tag
        'de'
    """
    fitting = {
        tag: language
        for tag, language in known.items()
        if share_in_script(text, language.script) > 0.5
    }
    by_words = max(
        (Guess(tag, _share_of_words(text, lang)) for tag, lang in fitting.items() if lang.words),
        key=lambda guess: guess.probability,
        default=None,
    )
    if by_words is not None and by_words.probability >= LEAST_SHARE:
        return by_words
    tags = {_code(tag): tag for tag in fitting if _code(tag) in _labels()}
    if not tags:
        return None
    identifier = _identifier()
    identifier.set_languages(tags)
    code, probability = identifier.classify(text)
    return Guess(tags[code], float(probability))


def can_identify(language: Language) -> bool:
    """Whether the identifier knows a language, by its model or by its function words."""
    return bool(language.words) or _code(language.tag) in _labels()


def _share_of_words(text: str, language: Language) -> float:
    own = {folded(word) for word in language.words}
    words = [word.strip(".,;:!?\"'()") for word in folded(text).split()]
    return sum(word in own for word in words) / max(1, len(words))


def _code(tag: str) -> str:
    first = tag.partition("-")[0]
    return _CODES.get(first, first)


@cache
def _labels() -> frozenset[str]:
    return frozenset(_identifier().labels)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # loads its model, half a second

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
