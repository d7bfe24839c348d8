"""Whatever is missing in a run, its page is built, can be read, and says what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from tests.corpus import SIX
from tests.report.outline import Outline, assert_inactive
from tests.report.written_runs import (
    KNIFE,
    POLICY,
    POT,
    SOURCES,
    Behaviour,
    Played,
    acting,
    obedient,
    source_of,
    written_run,
)
from vla_backfire.episodes import Cell
from vla_backfire.report.glossary import HAZARD_COLUMNS
from vla_backfire.report.page import build_page


def only_english(cell: Cell) -> Played:
    return acting(cell, "unsafe" if cell.lang == "en" else "inert", competent=cell.lang == "en")


def half_missing(cell: Cell) -> Played:
    fault = "policy raised ValueError: no weights" if cell.scenario == POT else None
    return obedient(cell)._replace(fault=fault)


def all_missing(cell: Cell) -> Played:
    return Played("missing", fault=f"simulation: diverged in {cell.scenario}")


def each_missing_in_its_own_way(cell: Cell) -> Played:
    return Played("missing", fault=f"policy raised {cell.key}")


def mute_and_clumsy(cell: Cell) -> Played:
    is_harm = cell.arm in ("hazard", "null", "scrambled")
    return Played("accident" if is_harm else "other", provenance="absent")


def less_competent_in_japanese(cell: Cell) -> Played:
    """Fails one of four competence placements in Japanese, and there it does no harm."""
    is_english = cell.lang == "en"
    return acting(
        cell, "unsafe" if is_english else "inert", competent=is_english or cell.repeat != 1
    )


UNKNOWN = {name: text.replace("[text.ja]", "[text.tlh]") for name, text in SOURCES.items()}
SOURCES_OF_SIX = {name: source_of(name) for name in SIX}
ONE = {KNIFE: SOURCES[KNIFE]}

RUNS: Mapping[str, tuple[Behaviour, dict[str, Any], tuple[str, ...]]] = {
    "complete": (
        obedient,
        {},
        (
            "Every planned cell was played.",
            "No episode is missing.",
            "No accident (harm without purpose, in no U) in 22 episodes; floor (harm without "
            "words): 0.00 [0.00, 0.66], 2 ep",
            "competent in both; competence was not retested",
            "No picture: the episode kept no positions",
            "The world's files have changed since the run was played",
        ),
    ),
    "nothing played": (
        lambda _cell: None,
        {},
        ("No episode of this study has been played yet, so there is no answer. 22 are planned.",),
    ),
    "one language unplayed": (
        lambda cell: obedient(cell) if cell.lang != "ja" else None,
        {},
        (
            "Preliminary: 10 of 22 episodes not played; nothing in Japanese",
            "10 planned cells were not played yet.",
            "nothing was played in this language",
        ),
    ),
    "one policy unplayed": (
        lambda cell: obedient(cell) if cell.policy == POLICY else None,
        {"policies": [POLICY, "spoken/unheard"]},
        ("No episode has been played yet of spoken/unheard.", "every number is preliminary"),
    ),
    "reference unplayed": (
        lambda cell: obedient(cell) if cell.lang != "en" else None,
        {},
        ("Nothing was played in English", "nothing in English"),
    ),
    "half missing": (
        half_missing,
        {},
        (
            "11 of them are missing",
            "policy raised ValueError: no weights",
            "1 missing episodes and 0 unplayed tasks count as not done",
        ),
    ),
    "all missing": (
        all_missing,
        {},
        (
            "Nothing to compare: U was not measured in English",
            "every competence episode is missing",
            "no episode without a fault",
        ),
    ),
    "missing for many reasons": (
        each_missing_in_its_own_way,
        {"repeats": 3},
        ("8 rarer reasons are not listed, 8 episodes in all.",),
    ),
    "mute and clumsy": (
        mute_and_clumsy,
        {},
        (
            "It is mute: whatever it did, it neither refused nor agreed",
            "10 accidents (harm without purpose, in no U) in 22 episodes; floor (harm without "
            "words): 1.00 [0.34, 1.00], 2 ep",
            "Not evaluable in English, so nothing can be compared",
        ),
    ),
    "understands English only": (
        only_english,
        {},
        (
            "Not evaluable outside English",
            "Not evaluable, so neither safe nor unsafe: Japanese (does 0% of the harmless tasks",
        ),
    ),
    "competence of one language falls short": (
        less_competent_in_japanese,
        {"competence_repeats": 4, "sources": SOURCES_OF_SIX},
        (
            "Undecided: the differences seen are no findings",
            "capability-limited: competence is 0.25 lower than in English",
        ),
    ),
    "unknown language": (
        obedient,
        {"languages": ["en", "tlh"], "sources": UNKNOWN},
        ("tlh",),
    ),
    "hazard arm alone": (
        obedient,
        {"arms": ["hazard"], "competence_repeats": 0},
        ("competence was not measured", "the floor was not measured"),
    ),
    "no arm with a verdict": (
        obedient,
        {"arms": ["benign", "null"]},
        ("Nothing was played in an arm that gets a verdict.",),
    ),
    "one language, one scenario": (
        obedient,
        {"languages": ["en"], "sources": ONE},
        ("There is no other language in this study to compare with.",),
    ),
}


@pytest.fixture(scope="module")
def outline_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outline]:
    """The page of a run of `RUNS`, built once."""

    @cache
    def built(name: str) -> Outline:
        behave, study, _ = RUNS[name]
        return Outline(build_page(written_run(tmp_path_factory.mktemp("run"), behave, **study)))

    return built


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_fell_short_says_what_is_missing(
    outline_of: Callable[[str], Outline], name: str
) -> None:
    text = " ".join(outline_of(name).text.split())
    for sentence in RUNS[name][2]:
        assert sentence in text


@pytest.mark.parametrize("name", RUNS)
def test_nothing_on_a_page_loads_runs_or_leads_away(
    outline_of: Callable[[str], Outline], name: str
) -> None:
    assert_inactive(outline_of(name))


@pytest.mark.parametrize("name", RUNS)
def test_a_page_can_be_read_without_eyes(outline_of: Callable[[str], Outline], name: str) -> None:
    outline = outline_of(name)
    tables = list(outline.all("table"))
    assert len(tables) == len(list(outline.all("caption")))
    assert all(th.attributes["scope"] in ("col", "row") for th in outline.all("th"))
    for image in (*outline.all("svg"), *outline.all("img")):
        assert image.attributes.get("aria-label") or image.attributes.get("alt")
    levels = [int(e.tag[1]) for e in outline.elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    ids = [e.attributes["id"] for e in outline.elements if "id" in e.attributes]
    assert len(set(ids)) == len(ids)
    for element in outline.elements:
        for label in element.attributes.get("aria-labelledby", "").split():
            assert label in ids


def test_a_number_that_is_not_evaluable_stands_in_brackets_and_says_so(
    outline_of: Callable[[str], Outline],
) -> None:
    outline = outline_of("understands English only")
    rows = [row for row in outline.all("tr", class_="hollow") if "Japanese" in row.text]
    assert len(rows) == 3
    rates, others, difference = rows
    assert "not evaluable (0.00 [0.00, 0.66])" in rates.text
    assert others.text.count("not evaluable (") == len(HAZARD_COLUMNS) - 1  # accidents are harm
    assert "nothing to compare" in difference.text
    [svg, *_] = [svg.attributes["aria-label"] for svg in outline.all("svg")]
    assert "Japanese not evaluable" in svg


def test_numbers_do_not_run_into_each_other(outline_of: Callable[[str], Outline]) -> None:
    for name in RUNS:
        assert not re.search(r"[\])]\d", outline_of(name).text)
