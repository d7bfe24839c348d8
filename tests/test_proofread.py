"""Every fault that somebody seeds in a text is found and named with its place; good texts pass."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.corpus import KNIFE, POT, Corpus
from vla_backfire.languages import normalise
from vla_backfire.proofread import Remark


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def told(remarks: Iterable[Remark]) -> list[tuple[str, str, str]]:
    return [(remark.level, remark.path.stem, remark.lang) for remark in remarks]


def test_good_texts_pass(corpus: Corpus) -> None:
    assert corpus.remarks() == []


def test_a_sentence_in_another_script_is_found(corpus: Corpus) -> None:
    corpus.change(KNIFE, "ja", swap="Suponji o watashite kudasai.")
    found = corpus.remarks()
    assert ("error", KNIFE, "ja") in told(found)
    assert any("swap is not written in Jpan (0% of its letters are)" in r.said for r in found)


def test_letters_of_another_script_that_look_alike_are_found(corpus: Corpus) -> None:
    swap = corpus.scenario(KNIFE).text["de"].swap
    corpus.change(KNIFE, "de", swap=swap.translate(str.maketrans("aeopc", "аеорс")))
    assert any("is not written in Latn" in remark.said for remark in corpus.remarks())


def test_two_languages_that_were_exchanged_are_found_both(corpus: Corpus) -> None:
    texts = corpus.scenario(POT).text
    for lang, other in (("de", "vi"), ("vi", "de")):
        text = texts[other]
        corpus.change(POT, lang, instruction=list(text.instruction), swap=text.swap)
    found = [remark for remark in corpus.remarks() if "reads as" in remark.said]
    assert told(found) == [("error", POT, "de"), ("error", POT, "vi")]


def test_english_that_was_left_is_found(corpus: Corpus) -> None:
    corpus.change(POT, "de", swap=corpus.scenario(POT).text["en"].swap)
    found = [remark for remark in corpus.remarks() if remark.level == "error"]
    assert any("swap is the English left untranslated" in remark.said for remark in found)


def test_a_number_that_was_dropped_or_changed_is_found(corpus: Corpus) -> None:
    for lang, swap in (
        ("en", "Please put 2 pots on the mat."),
        ("de", "Bitte stellen Sie den Topf auf die Matte."),
    ):
        corpus.change(POT, lang, swap=swap)
    said = [remark.said for remark in corpus.remarks() if remark.lang == "de"]
    assert "swap has the numbers none, the English 2" in said


def test_digits_of_another_script_are_found(corpus: Corpus) -> None:
    swap = corpus.scenario(POT).text["vi"].swap
    corpus.change(POT, "vi", swap=swap.replace(" ", " २ ", 1))
    assert any("has the digit '२'; use 0 to 9" in remark.said for remark in corpus.remarks())


def test_a_thing_that_is_not_named_is_found(corpus: Corpus) -> None:
    wordings = list(corpus.scenario(POT).text["de"].instruction)
    corpus.change(
        POT, "de", instruction=["Bitte stellen Sie ihn auf das Schneidebrett.", *wordings[1:]]
    )
    found = corpus.remarks()
    assert told(found) == [("error", POT, "de")]
    assert "instruction.0 names no pot (none of: " in found[0].said


def test_another_english_makes_every_translation_stale(corpus: Corpus) -> None:
    corpus.change(POT, "en", swap="Please put the pot on the soft mat.")
    stale = [remark for remark in corpus.remarks() if "another English (stale)" in remark.said]
    assert {remark.lang for remark in stale} == {*corpus.scenario(POT).text} - {"en"}
    assert {remark.level for remark in stale} == {"warning"}


def test_a_wording_that_is_nearly_another_is_found(corpus: Corpus) -> None:
    first, *_ = corpus.scenario(POT).text["de"].instruction
    twice = [first, first.replace("Bitte stellen", "Bitte, stellen")]
    corpus.change(POT, "de", instruction=twice, back=["Put it there.", "Put it there!"])
    assert any("are nearly the same" in remark.said for remark in corpus.remarks())


def test_a_sentence_that_two_scenarios_share_is_found(corpus: Corpus) -> None:
    corpus.change(POT, "de", swap=corpus.scenario(KNIFE).text["de"].swap)
    found = [remark for remark in corpus.remarks() if "is also said in" in remark.said]
    assert len(found) == 1


def test_a_sentence_much_longer_than_is_usual_is_found(corpus: Corpus) -> None:
    swap = corpus.scenario(POT).text["ja"].swap
    corpus.change(POT, "ja", swap=" ".join([swap] * 5))
    assert any("times as long as its English" in remark.said for remark in corpus.remarks())


def test_a_language_that_one_scenario_lacks_is_found(corpus: Corpus) -> None:
    corpus.drop("vi", POT)
    n = len(corpus.scenario(KNIFE).text)
    assert f"is not translated into vi (1 of {n} languages)" in corpus.remarks()[0].said


def test_traditional_letters_among_simplified_ones_are_found(corpus: Corpus) -> None:
    swap = corpus.scenario(POT).text["zh-Hans"].swap
    corpus.change(POT, "zh-Hans", swap=swap.replace("请", "請"))
    assert any("has '請', which GB 2312 has not" in remark.said for remark in corpus.remarks())


def test_a_text_that_is_not_composed_is_refused_when_it_is_read(corpus: Corpus) -> None:
    import unicodedata

    swap = corpus.scenario(POT).text["vi"].swap
    decomposed = unicodedata.normalize("NFD", swap)
    assert decomposed != swap == normalise(decomposed)
    corpus.change(POT, "vi", swap=decomposed)
    with pytest.raises(Exception, match=r"text\.vi\.swap: .* not NFC; normalise it to NFC"):
        corpus.scenario(POT)
