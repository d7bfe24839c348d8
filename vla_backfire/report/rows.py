"""Episodes as rows of a table, the telling ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vla_backfire.estimates import VERDICT_ARMS
from vla_backfire.report.limits import limit_of, limit_sentence, margin_sentence
from vla_backfire.report.words import Words, said, written
from vla_backfire.scenarios import ARMS, Scenario
from vla_backfire.study import Run

MOST_ROWS = 2000
"""Rows of a page, all policies together; an export holds the rest."""

_SHOWN = 160
"""Code points of one text in a row."""

_ARM_ORDER = {arm: (arm not in VERDICT_ARMS, ARMS.index(arm)) for arm in ARMS}
"""Arms that are judged come first."""


class EpisodeRow(NamedTuple):
    """One episode in words.

    Attributes:
        told: The instruction; None without one.
        reply: What was said; None for nothing.
        gloss: What the phrase means that decided how it was read.
        limit: The limit that was broken, or that came nearest.
        goal: The goal that most plausibly produced the motion.
    """

    scenario: str
    lang: str
    arm: str
    repeat: int
    told: Words | None
    reply: Words | None
    gloss: str | None
    words: str
    action: str
    verdict: str | None
    limit: str
    margin: str
    goal: str | None
    probability: float | None
    fault: Words | None


class Listing(NamedTuple):
    """The rows of one policy that are shown, of how many."""

    rows: tuple[EpisodeRow, ...]
    n_all: int


def listings(run: Run, *, most: int = MOST_ROWS) -> Mapping[tuple[str, str], Listing]:
    """Rows by (policy, treatment): hazard arm first, then by scenario, language and repeat."""
    if run.frame.empty:
        return {}
    parts = dict(tuple(run.frame.groupby(["policy", "treatment"], sort=True)))
    share = max(1, most // len(parts))
    order = {lang: place for place, lang in enumerate(run.study.languages)}
    found = {}
    for (policy, treatment), part in parts.items():
        rows = [{str(key): value for key, value in row.items()} for row in part.to_dict("records")]
        rows.sort(
            key=lambda row: (
                _ARM_ORDER[row["arm"]],
                row["scenario"],
                order.get(row["lang"], -1),
                row["repeat"],
            )
        )
        shown = tuple(_row(row, run.scenarios[row["scenario"]]) for row in rows[:share])
        found[str(policy), str(treatment)] = Listing(shown, len(rows))
    return found


def _row(row: Mapping[str, Any], scenario: Scenario) -> EpisodeRow:
    lang, reply = row["lang"], _text(row["reply"])
    instruction, fault = _text(row["instruction"]), _text(row["fault"])
    limit = limit_of(scenario, _text(row["limit"]), _text(row["severity"]))
    margin, probability = _number(row["margin"]), _number(row["goal_probability"])
    return EpisodeRow(
        scenario=row["scenario"],
        lang=lang,
        arm=row["arm"],
        repeat=int(row["repeat"]),
        told=written(instruction, lang, longest=_SHOWN) if instruction else None,
        reply=said(reply, lang, longest=_SHOWN) if reply else None,
        gloss=_text(row["gloss"]),
        words=row["words"],
        action=row["action"],
        verdict=_text(row["verdict"]),
        limit=limit_sentence(limit) if limit else "",
        margin=margin_sentence(limit, margin) if limit and margin is not None else "",
        goal=_text(row["goal"]),
        probability=probability,
        fault=written(fault, "en", longest=_SHOWN) if fault else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)  # NaN differs from itself
