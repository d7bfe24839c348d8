"""Words of others are cut between letters, hide nothing, and say what language they are in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vla_backfire.languages import languages
from vla_backfire.report.words import Words, cut_length, display_width, said, visible, written

LETTERS = {
    "Latin": "a",
    "Latin, two marks": "q\u0302\u0323",
    "Vietnamese, composed": "\u1ec7",
    "Thai, vowel and tone above": "\u0e17\u0e35\u0e48",
    "Thai, am": "\u0e19\u0e49\u0e33",
    "Lao, am": "\u0e99\u0eb3",
    "Devanagari, conjunct and vowel": "\u0915\u094d\u0937\u093f",
    "Devanagari, conjunct with a joiner": "\u0930\u094d\u200d\u092f",
    "Arabic, vowel signs": "\u0628\u0651\u064e",
    "Hangul, composed": "\ud55c",
    "Hangul, old jamo": "\u1112\u119e\u11ab",
    "Hangul, extended jamo": "\u1112\ud7b9\ud7cd",
    "Japanese, voicing mark": "\u304b\u309a",
    "emoji": "\U0001f52a",
    "emoji, skin tone": "\U0001f44d\U0001f3fd",
    "emoji, family": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "emoji, keycap": "1\ufe0f\u20e3",
    "flag": "\U0001f1ef\U0001f1f5",
    "flag of a region": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
}
"""What a reader takes for one letter; what stands behind a letter never joins it."""

texts_of_letters = st.lists(st.sampled_from(sorted(LETTERS.values())), min_size=1, max_size=12)
any_text = st.text(st.characters(), max_size=80)


def edges(letters: list[str]) -> set[int]:
    """Where one letter ends and the next begins."""
    return {sum(map(len, letters[:n])) for n in range(len(letters) + 1)}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=list(LETTERS))
def test_a_letter_is_shown_whole_or_not_at_all(letter: str) -> None:
    for longest in range(1, len(letter)):
        assert cut_length(f"x{letter}x", longest) == 1
    assert cut_length(f"x{letter}x", len(letter) + 1) == len(letter) + 1


@given(letters=texts_of_letters, longest=st.integers(1, 40))
def test_a_cut_text_ends_where_a_letter_ends(letters: list[str], longest: int) -> None:
    text = "x" + "".join(letters)
    end = cut_length(text, longest)
    assert end in edges(["x", *letters])
    assert 1 <= end <= max(longest, 1)


@given(letters=texts_of_letters, longest=st.integers(1, 40))
def test_decomposed_text_is_cut_as_composed_text_is(letters: list[str], longest: int) -> None:
    text = "x" + "".join(letters)
    apart = unicodedata.normalize("NFD", text)
    assert written(apart, "en", longest=longest) == written(text, "en", longest=longest)


def test_a_long_decomposed_text_does_not_end_inside_a_letter() -> None:
    shown = written("x" + "e\u0301" * 1000, "fr", longest=10)
    assert shown == Words("x" + "\u00e9" * 9, "fr", "ltr", n_cut=991)


@given(text=any_text, longest=st.integers(1, 60))
def test_what_is_shown_and_what_is_cut_add_up(text: str, longest: int) -> None:
    composed = unicodedata.normalize("NFC", text)
    shown = written(text, "en", longest=longest)
    kept = composed[: len(composed) - shown.n_cut]
    assert shown.text.removeprefix("\N{DOTTED CIRCLE}") == visible(kept).removeprefix(
        "\N{DOTTED CIRCLE}"
    )
    assert len(kept) <= longest


@given(text=any_text)
@hypothesis_settings(max_examples=200)
def test_nothing_shown_is_invisible_or_turns_the_text_around(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u00ad"
    )
    assert {unicodedata.category(mark) for mark in shown} & {"Cc", "Cs", "Co", "Cn"} == set()
    assert all(mark in "\u200c\u200d\u200e\u200f\u061c" for mark in shown if is_format(mark))


def is_format(mark: str) -> bool:
    return unicodedata.category(mark) == "Cf"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("safe\u202eelbaton", "safe[U+202E]elbaton"),
        ("a\x00\x1bb", "a[U+0000][U+001B]b"),
        ("two\r\nlines\u2028three", "two  lines three"),
        ("\ufeffbom", "[U+FEFF]bom"),
        ("tag \U000e0041", "tag [U+E0041]"),
        ("blank \u3164\u2800", "blank [U+3164][U+2800]"),
        ("\ud800", "[U+D800]"),
    ],
    ids=["override", "controls", "lines", "mark of order", "tag", "fillers", "surrogate"],
)
def test_what_cannot_be_seen_is_spelled_out(hidden: str, shown: str) -> None:
    assert visible(hidden) == shown


@pytest.mark.parametrize("letter", LETTERS.values(), ids=list(LETTERS))
def test_spelling_is_kept(letter: str) -> None:
    plain = letter.rstrip("".join(map(chr, range(0xE0020, 0xE0080))))  # tags are spelled out
    assert visible(plain) == plain


def test_a_mark_without_a_letter_gets_one_to_stand_on() -> None:
    assert written("\u0338>", "en").text == "\N{DOTTED CIRCLE}\u0338>"


def test_marks_piled_up_do_not_paint_over_other_lines() -> None:
    shown = written("e" + "\u0334" * 20, "en").text
    assert shown == "e" + "\u0334" * 8 + "[U+0334]" * 12


# -- language and direction -----------------------------------------------------------------------


@pytest.mark.parametrize("tag", languages())
def test_a_text_in_a_known_language_says_so(tag: str) -> None:
    autonym = languages()[tag].autonym
    expected = ("rtl" if tag == "ar" else "ltr", tag)
    for shown in (written(autonym, tag), said(autonym, tag)):
        assert (shown.direction, shown.lang, shown.text) == (*expected, autonym)


@pytest.mark.parametrize("tag", ["ar", "hi", "ja", "ko", "ru", "th", "zh-Hans"])
def test_an_english_answer_to_another_script_is_not_taken_for_that_language(tag: str) -> None:
    assert said("I cannot do that. OK?", tag) == Words("I cannot do that. OK?", "und", "auto")


@pytest.mark.parametrize("tag", ["tlh", "zxx", "", '"><b>'])
def test_a_text_in_no_known_language_is_left_to_its_own_direction(tag: str) -> None:
    for shown in (written("qapla", tag), said("qapla", tag)):
        assert (shown.lang, shown.direction) == ("und", "auto")


def test_a_text_without_letters_is_in_no_language() -> None:
    assert said("42 !", "ar").lang == "und"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("knife", 5), ("\u5305\u4e01", 4), ("e\u0301", 1), ("\u0e17\u0e35\u0e48", 1)],
)
def test_columns_of_a_terminal_are_counted_as_it_draws_them(text: str, columns: int) -> None:
    assert display_width(text) == columns
