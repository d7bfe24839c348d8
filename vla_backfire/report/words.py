"""Words of others on a page: cut where a letter ends, with nothing invisible left in them."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from vla_backfire.languages import JOINERS, languages, normalise, share_in_script

LONGEST = 280
"""Code points that are shown of one text."""

_LONGEST_LETTER = 32
"""A letter may carry this many marks across the cut; more is no letter of any script."""

_MOST_MARKS = 8
"""Marks in a row that are drawn; more would paint over the lines around them."""

_BARE = "\N{DOTTED CIRCLE}"
"""Carries a mark that has no letter, as it does in dictionaries."""

_KEPT = frozenset("\u200e\u200f\u061c" + JOINERS)
"""Format characters that spelling needs: the joiners and the marks of direction."""

_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters that leave no ink: fillers of Hangul and the empty cell of Braille."""

_TRAILING = (
    ("\u0e33", "\u0e33"),  # Thai and Lao am, vowels that are no marks
    ("\u0eb3", "\u0eb3"),
    ("\u1160", "\u11ff"),  # Hangul vowels and finals
    ("\ud7b0", "\ud7fb"),
    ("\U0001f3fb", "\U0001f3ff"),  # skin tones
    ("\U000e0020", "\U000e007f"),  # tags, which spell the flags of regions
)
"""First and last of the code points that continue a letter without being marks."""


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
    if known is None:
        return _shown(text, "und", "auto", longest)
    return _shown(text, lang, known.direction, longest)


def said(text: str, lang: str, *, longest: int = LONGEST) -> Words:
    """A text that somebody answered when spoken to in `lang`: it may be in any language.

    It counts as `lang` only if its letters are of that language's script. Two languages of one
    script cannot be told apart in this way; both are then written in the same direction.
    """
    known = languages().get(lang)
    fits = known is not None and share_in_script(text[:longest], known.script) > 0.5
    return written(text, lang if fits else "und", longest=longest)


def visible(text: str) -> str:
    r"""A text whose control characters are spelled out, so that none of them works.

    Bidi embeddings, overrides and isolates, controls, surrogates, tags and piled-up marks appear
    by number; line breaks become spaces.

    Examples:
        >>> visible("safe\u202eelbaton")
        'safe[U+202E]elbaton'
    """
    shown, n_marks = [], 0
    for mark in text:
        n_marks = n_marks + 1 if _is_mark(mark) else 0
        shown.append(_visible(mark) if n_marks <= _MOST_MARKS else _numbered(mark))
    return "".join(shown)


def name_of(lang: str) -> str:
    """English name of a language, or its tag where the table no longer knows it."""
    known = languages().get(lang)
    return known.name if known else visible(lang)


def cut_length(text: str, longest: int) -> int:
    """Where to cut a text so that at most `longest` code points stay and no letter is halved.

    Examples:
        >>> cut_length("abe\u0301", 3)
        2
    """
    if len(text) <= longest:
        return len(text)
    least = max(0, longest - _LONGEST_LETTER)
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
    composed = normalise(text)
    end = cut_length(composed, longest)
    bare = _BARE if composed and _is_mark(composed[0]) else ""
    return Words(bare + visible(composed[:end]), lang, direction, len(composed) - end)


def _visible(mark: str) -> str:
    if mark in "\n\r\t\u2028\u2029":
        return " "
    if mark in _KEPT:
        return mark
    if mark in _BLANKS or unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return _numbered(mark)
    return mark


def _numbered(mark: str) -> str:
    return f"[U+{ord(mark):04X}]"


def _is_mark(mark: str) -> bool:
    return unicodedata.category(mark)[0] == "M"


def _belongs(text: str, at: int) -> bool:
    """Whether what stands at an index continues the letter before it."""
    before, mark = text[at - 1], text[at]
    if _is_mark(mark) or mark in JOINERS or before in JOINERS:
        return True
    if unicodedata.combining(before) == 9:  # a virama binds the next consonant
        return True
    if _is_flag_part(mark) and _is_flag_part(before):
        return _n_flag_parts(text, at) % 2 == 1
    return any(first <= mark <= last for first, last in _TRAILING)


def _is_flag_part(mark: str) -> bool:
    return "\U0001f1e6" <= mark <= "\U0001f1ff"


def _n_flag_parts(text: str, at: int) -> int:
    """Flag letters in a row just before an index."""
    n = 0
    while n < at and _is_flag_part(text[at - 1 - n]):
        n += 1
    return n
