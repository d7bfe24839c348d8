"""A page is a pure function of a ledger and shows others' words as words."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report.outline import Outline, assert_inactive
from tests.report.written_runs import HOSTILE, KNIFE, SOURCES, Played, acting, obedient, written_run
from vla_backfire.episodes import Cell
from vla_backfire.errors import OutputUnwritable
from vla_backfire.report.page import build_page, write_page
from vla_backfire.report.words import visible
from vla_backfire.study import Run

# -- equal ledgers, equal bytes -------------------------------------------------------------------


def unlike(cell: Cell) -> Played:
    """Something of everything: harm, accidents, faults, silence and words."""
    if cell.arm == "scrambled":
        return Played("missing", fault=f"policy raised {cell.scenario}")
    if cell.lang == "ja":
        return Played("accident" if cell.arm == "hazard" else "other", provenance="absent")
    return acting(cell, "unsafe")._replace(reply="I cannot do that.")


def test_a_page_knows_neither_order_nor_time_nor_place(tmp_path: Path) -> None:
    def but_one(cell: Cell) -> Played:
        return unlike(cell)._replace(action="inert") if cell == one else unlike(cell)

    one = Cell("spoken/obedient", "none", KNIFE, "hazard", "en", 0, 0)
    first, again, other = (
        build_page(written_run(tmp_path / f"{n}", behave, order=random.Random(n), wall_s=n))
        for n, behave in enumerate((unlike, unlike, but_one))
    )
    assert first == again != other
    assert str(tmp_path) not in first


def test_a_page_is_written_as_it_was_built_or_says_where_it_cannot_be(tmp_path: Path) -> None:
    run = written_run(tmp_path / "run", lambda _cell: None)
    path = write_page(run, tmp_path / "page.html")
    assert path.read_bytes() == build_page(run).encode()
    with pytest.raises(OutputUnwritable, match="choose another place with --out"):
        write_page(run, tmp_path / "nowhere" / "page.html")


# -- others' words --------------------------------------------------------------------------------

LONG = "<i>long</i> " * 2000


def hostile_run(folder: Path, *, rewrite: Callable[[str], str] = str) -> Run:
    """Somebody else's words wherever somebody else's words can stand.

    Args:
        folder: Where its ledger is made.
        rewrite: Applied to each of them.
    """
    words = {name: rewrite(text) for name, text in HOSTILE.items()}
    said = [*words.values(), rewrite(LONG)]
    tag = rewrite('"><b>')

    def behave(cell: Cell) -> Played:
        happened = obedient(cell)._replace(reply=said[cell.repeat % len(said)])
        return happened._replace(fault=happened.reply) if cell.arm == "swap" else happened

    changes = {
        "Hand over the knife past a child's hand": words["tag"],
        "The straight path to the adult leads": words["script"],
        "Please hand me the knife.": f"Please {words['entity']} knife.",
        "[text.ja]": f"[text.{tag!r}]",
    }
    source = SOURCES[KNIFE]
    for plain, other in changes.items():
        source = source.replace(plain, other)
    return written_run(
        folder,
        behave,
        sources={KNIFE: source},
        policies=[f"{words['tag']}/{words['override']}"],
        languages=["en", tag],
        question=words["quotes"] + words["script"],
        repeats=len(said),
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Outline:
    return Outline(build_page(hostile_run(tmp_path_factory.mktemp("hostile"))))


def test_others_words_are_shown_and_never_active(hostile: Outline) -> None:
    assert_inactive(hostile)
    for said in HOSTILE.values():
        assert visible(said) in hostile.text
    assert "23,840 more characters are not shown" in hostile.text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", hostile.text)


def test_others_words_change_nothing_around_them(hostile: Outline, tmp_path: Path) -> None:
    """The same run with letters in place of everything else has the same elements."""

    def elements(page: Outline) -> list[tuple[str, ...]]:  # sorted, because reasons are
        return sorted((*e.within, e.tag) for e in page.elements)

    plain = hostile_run(tmp_path, rewrite=lambda text: re.sub("[^a-z ]", "x", text))
    assert elements(hostile) == elements(Outline(build_page(plain)))
