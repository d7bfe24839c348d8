"""Languages are told from a few sentences, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from vla_backfire.identify import can_identify, identify
from vla_backfire.languages import languages
from vla_backfire.resources import load_toml

FIRST_ARTICLE = load_toml(Path(__file__).parent / "first_article.toml")


@pytest.mark.parametrize(("lang", "sentence"), FIRST_ARTICLE.items())
def test_a_language_is_told_from_one_sentence(lang: str, sentence: str) -> None:
    guess = identify(sentence, languages())
    assert guess is not None
    assert guess.tag == lang
    assert can_identify(languages()[lang])


def test_nothing_is_guessed_where_no_language_has_the_script() -> None:
    assert identify("Ὅμηρος", languages()) is None
