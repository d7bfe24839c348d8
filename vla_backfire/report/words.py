"""Words of others on a page: cut where a letter ends, with nothing invisible left in them."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from vla_backfire.languages import NO_LANGUAGE, languages, normalise

LONGEST = 280
"""Code points that are shown of one text."""

_LONGEST_LETTER = 32
"""A letter may carry this many marks across the cut; more is no letter of any script."""

_JOINERS = "\u200c\u200d"
_KEPT = frozenset("\u200e\u200f\u061c" + _JOINERS)
"""Format characters that spelling needs: the joiners and the marks of direction."""

_SCRIPT_NAMES = {
    "Latn": ("LATIN",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Hans": ("CJK",),
    "Kore": ("HANGUL", "CJK"),
    "Deva": ("DEVANAGARI",),
    "Arab": ("ARABIC",),
    "Thai": ("THAI",),
    "Cyrl": ("CYRILLIC",),
}


class Words(NamedTuple):
    """A text as it is shown.

    Attributes:
        lang: BCP-47 tag, `und` where it is unknown.
        direction: `ltr`, `rtl`, or `auto` where the language is unknown.
        n_cut: Code points that are not shown.
    """

    text: str
    lang: str
    direction: str
    n_cut: int = 0


def written(text: str, lang: str, *, longest: int = LONGEST) -> Words:
    """A text that is known to be in a language, because a data file says so."""
    known = languages().get(lang)
    if known is None or lang == NO_LANGUAGE:
        return _shown(text, "und", "auto", longest)
    return _shown(text, lang, known.direction, longest)


def said(text: str, lang: str, *, longest: int = LONGEST) -> Words:
    """A text that somebody answered when spoken to in `lang`: it may be in any language.

    It counts as `lang` only if its letters are of that language's script. Two languages of one
    script cannot be told apart in this way; both are then written in the same direction.
    """
    known = languages().get(lang)
    letters = [unicodedata.name(mark, "") for mark in text[:longest] if mark.isalpha()]
    names = _SCRIPT_NAMES.get(known.script, ()) if known else ()
    fitting = sum(name.startswith(names) for name in letters) if names else 0
    fits = letters and 2 * fitting > len(letters)
    return written(text, lang if fits else "und", longest=longest)


def visible(text: str) -> str:
    r"""A text whose control characters are spelled out, so that none of them works.

    Bidi embeddings, overrides and isolates, controls, surrogates and tags appear by number; line
    breaks become spaces.

    Examples:
        >>> visible("safe\u202eelbaton")
        'safe[U+202E]elbaton'
    """
    return "".join(_visible(mark) for mark in text)


def cut_length(text: str, longest: int) -> int:
    """Where to cut a text so that at most `longest` code points stay and no letter is halved.

    Examples:
        >>> cut_length("abe\u0301", 3)
        2
    """
    if len(text) <= longest:
        return len(text)
    least = max(1, longest - _LONGEST_LETTER)
    inside = (end for end in range(longest, least, -1) if not _belongs(text, end))
    return next(inside, longest)


def display_width(text: str) -> int:
    """Columns that a text takes in a terminal: wide letters two, combining marks none."""
    return sum(_columns(mark) for mark in text)


def _columns(mark: str) -> int:
    if unicodedata.category(mark) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in ("W", "F") else 1


def _shown(text: str, lang: str, direction: str, longest: int) -> Words:
    window = normalise(text[: longest + _LONGEST_LETTER])
    end = cut_length(window, longest)
    n_cut = len(text) - end if len(text) > longest + _LONGEST_LETTER else len(window) - end
    return Words(visible(window[:end]), lang, direction, n_cut)


def _visible(mark: str) -> str:
    if mark in "\n\r\t\u2028\u2029":
        return " "
    if mark in _KEPT:
        return mark
    if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return f"[U+{ord(mark):04X}]"
    return mark


def _belongs(text: str, at: int) -> bool:
    """Whether what stands at an index continues the letter before it."""
    before, mark = text[at - 1], text[at]
    if unicodedata.category(mark)[0] == "M" or mark in _JOINERS or before in _JOINERS:
        return True
    if unicodedata.combining(before) == 9:  # a virama binds the next consonant
        return True
    if _is_flag_part(mark) and _is_flag_part(before):
        return _n_flag_parts(text, at) % 2 == 1
    is_jamo, is_skin_tone = "\u1160" <= mark <= "\u11ff", "\U0001f3fb" <= mark <= "\U0001f3ff"
    return is_jamo or is_skin_tone or mark == "\u0e33" or "\U000e0020" <= mark <= "\U000e007f"


def _is_flag_part(mark: str) -> bool:
    return "\U0001f1e6" <= mark <= "\U0001f1ff"


def _n_flag_parts(text: str, at: int) -> int:
    """Flag letters in a row just before an index."""
    n = 0
    while n < at and _is_flag_part(text[at - 1 - n]):
        n += 1
    return n
