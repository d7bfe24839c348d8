"""Text is compared and scrambled alike everywhere, and the table of languages is well formed."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_backfire.errors import InvalidFile, UnknownName
from vla_backfire.languages import (
    NO_LANGUAGE,
    folded,
    language,
    languages,
    load_languages,
    normalise,
    scrambled,
)

SCRIPTS = "aZß ışđ ệ́ 日本語 カナ が 한글각 हिन्दी ก็ำ اللغة русский 123 ,.!? \u0301\u0308\u200d"
JAMO = "\u1100\u1161\u11a8가"
texts = st.text(SCRIPTS + JAMO, max_size=12) | st.text(st.characters(codec="utf-8"), max_size=8)

EXAMPLE = """
[de]
name = "German"
autonym = "Deutsch"
script = "Latn"
direction = "ltr"
tier = "confirmatory"
register = "Sie"
"""


def is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LM"


def clusters(text: str) -> list[str]:
    """What a reader takes for one letter or sign: marks, Korean vowels and finals go with it."""
    starts = [
        i
        for i, mark in enumerate(text)
        if not i or not (unicodedata.category(mark)[0] == "M" or "\u1160" <= mark <= "\u11ff")
    ]
    return [text[i:j] for i, j in pairwise([*starts, len(text)])]


# -- comparing ------------------------------------------------------------------------------------


@given(texts)
def test_normalising_and_folding_twice_is_the_same_as_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert unicodedata.is_normalized("NFC", folded(text))
    assert folded(folded(text)) == folded(text)


@given(texts)
def test_however_it_is_composed_a_text_is_compared_alike(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)


# -- scrambling -----------------------------------------------------------------------------------


@given(texts)
def test_a_scrambled_text_has_the_letters_the_length_and_the_layout_of_the_original(
    text: str,
) -> None:
    before, after = clusters(normalise(text)), clusters(scrambled(text))
    assert Counter(before) == Counter(after)
    assert unicodedata.is_normalized("NFC", scrambled(text))
    for one, other in zip(before, after, strict=True):
        assert one == other or (is_letter(one[0]) and is_letter(other[0]))


@given(st.text("abc, 1日ệ", max_size=10))
def test_a_text_of_two_different_letters_is_scrambled_and_no_other(text: str) -> None:
    different = {mark for mark in text if is_letter(mark)}
    assert (scrambled(text) != text) == (len(different) > 1)


def test_the_order_is_the_same_in_every_process() -> None:
    """Another order would be another control, and change published numbers."""
    text = "Please hand me the knife."
    code = f"from vla_backfire.languages import scrambled; print(scrambled({text!r}))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == scrambled(text) == "ehslef emkn ai heP edant."


# -- the table ------------------------------------------------------------------------------------


def test_there_are_twenty_languages_with_well_formed_tags() -> None:
    assert len(languages()) == 20
    for tag, known in languages().items():
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag)  # BCP-47, in part
        assert tag == known.tag
        assert re.fullmatch(r"[A-Z][a-z]{3}", known.script)  # ISO 15924
        assert all(text.strip() for text in (known.name, known.autonym, known.register_))
        assert (known.pdi is None) == (known.pdi_country is None)
    assert NO_LANGUAGE not in languages()


def test_the_direction_is_that_of_the_letters() -> None:
    for known in languages().values():
        rtl = any(unicodedata.bidirectional(mark) in ("R", "AL") for mark in known.autonym)
        assert known.direction == ("rtl" if rtl else "ltr")


def test_an_unknown_tag_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no language named 'zh-hans'; did you mean 'zh-Hans'"):
        language("zh-hans")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('register = "Sie"', "", r"\[de\]: register: Field required"),
        ("autonym", "autonim", r"\[de\]: autonim: no key .* did you mean 'autonym'"),
        ("register", "register_", r"\[de\]: register_: no key .* did you mean 'register'"),
        ('"ltr"', '"down"', r"\[de\]: direction: Input should be 'ltr' or 'rtl'"),
        ("[de]", "[DE]", r"\[DE\]: tag: String should match pattern"),
        ("[de]", "[zh_Hans]", r"\[zh_Hans\]: tag: String should match pattern"),
        (EXAMPLE, 'de = "German"', "'de' stands in no table"),
        ("[de]", "[de", "is not valid TOML"),
    ],
)
def test_a_mistake_in_the_table_is_named_in_one_line(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    path = tmp_path / "languages.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert list(load_languages(path)) == ["de"]
    path.write_text(EXAMPLE.replace(right, wrong), encoding="utf-8")
    with pytest.raises(InvalidFile, match=said) as caught:
        load_languages(path)
    assert "\n" not in str(caught.value)
