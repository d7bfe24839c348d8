"""What a run rests on: how much was played, whose words they were, what is missing and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from vla_backfire.languages import NO_LANGUAGE
from vla_backfire.study import Run

MOST_REASONS = 50
"""Reasons of missing episodes that a page holds, the commonest first."""


class Reviewed(NamedTuple):
    """How many texts share a source and a state of review; a text is a (scenario, language)."""

    source: str
    review: str
    n: int
    langs: tuple[str, ...]


class Grader(NamedTuple):
    """A grader whose findings the tables use, and how many of them."""

    axis: str
    name: str
    version: str
    n: int


class Fault(NamedTuple):
    """Why episodes are missing."""

    reason: str
    n: int
    policies: tuple[str, ...]


class Basis(NamedTuple):
    """The run's size and sources."""

    n_planned: int
    n_played: int
    n_missing: int
    reviews: tuple[Reviewed, ...]
    graders: tuple[Grader, ...]
    faults: tuple[Fault, ...]

    @property
    def n_unplayed(self) -> int:
        """Cells that are still to be played."""
        return self.n_planned - self.n_played

    @property
    def n_texts(self) -> int:
        """Texts in the languages of the study."""
        return sum(review.n for review in self.reviews)


def basis_of(run: Run) -> Basis:
    """What a run rests on."""
    frame = run.frame
    return Basis(
        n_planned=run.n_planned,
        n_played=len(frame),
        n_missing=int((frame["action"] == "missing").sum()) if len(frame) else 0,
        reviews=tuple(_reviews(run)),
        graders=tuple(_graders(run)),
        faults=tuple(_faults(run)),
    )


def _reviews(run: Run) -> Iterable[Reviewed]:
    found: dict[tuple[str, str], list[str]] = {}
    for scenario in run.scenarios.values():
        for lang in run.study.languages:
            if lang != NO_LANGUAGE:
                text = scenario.text[lang]
                found.setdefault((text.source, text.review), []).append(lang)
    for (source, review), langs in sorted(found.items(), key=lambda pair: -len(pair[1])):
        yield Reviewed(source, review, len(langs), tuple(dict.fromkeys(langs)))


def _graders(run: Run) -> Iterable[Grader]:
    with run.open() as ledger:
        found = Counter((f.axis, f.grader, f.version) for f in ledger.latest())
    for (axis, name, version), n in sorted(found.items()):
        yield Grader(axis, name, version, n)


def _faults(run: Run) -> Iterable[Fault]:
    if run.frame.empty:
        return
    lost = run.frame[run.frame["action"] == "missing"]
    reasons = lost["fault"].fillna("the grader found nothing that could be read")
    parts = [(str(reason), part) for reason, part in lost.groupby(reasons.astype(str), sort=True)]
    for reason, part in sorted(parts, key=lambda pair: -len(pair[1])):
        yield Fault(reason, len(part), tuple(sorted(set(part["policy"]))))
