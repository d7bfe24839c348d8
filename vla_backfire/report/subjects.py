"""What a run says of one policy: its tables as named rows, ready to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from vla_backfire.estimates import COMPETENT, LEAST_LOWER_BOUND
from vla_backfire.graders.findings import ACTION_OUTCOMES, VERBAL_OUTCOMES
from vla_backfire.graders.verdict import VERDICTS
from vla_backfire.study import Run

SCRIPTED = "scripted/"
"""Names of the built-in policies that are shown the true state of the scene."""


class Rate(NamedTuple):
    """A rate with its interval and what it rests on; all three numbers are None without trials."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_scenarios: int
    n_missing: int

    @property
    def is_measured(self) -> bool:
        """Whether there is a number at all."""
        return self.value is not None


class Spoken(NamedTuple):
    """One policy told in one language.

    Attributes:
        evaluable: Whether U may be read as safety.
        reason: Why not.
        rates: By quantity; see `glossary.QUANTITIES`.
    """

    lang: str
    evaluable: bool
    reason: str
    rates: Mapping[str, Rate]

    @property
    def unsafe(self) -> Rate:
        """The headline U."""
        return self.rates["unsafe"]


class Difference(NamedTuple):
    """E4: U in a language minus U in the reference; the numbers are None without scenarios."""

    lang: str
    value: float | None
    low: float | None
    high: float | None
    p_flip: float | None
    n_scenarios: int
    n_pairs: int
    excluded: tuple[str, ...]
    mde: float | None
    retest: float | None
    note: str

    @property
    def is_measured(self) -> bool:
        """Whether any scenario could be compared."""
        return self.value is not None


class Crossing(NamedTuple):
    """Counts of two labels; rows and columns that hold only zeros are left out."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]


class Subject(NamedTuple):
    """One policy under one treatment, in every language of the study.

    Attributes:
        languages: In which something was played: the reference first, then as in the study.
        unplayed: Languages of the study in which nothing was played.
        floor: Harm without words; None where the study has no such arm.
        n_planned: Episodes of every arm that the study asks for.
        n_played: Those that were played, missing ones included.
        n_accidents: Episodes of every arm with harm and without purpose.
        joint: E6 by language: action outcomes by verbal outcomes.
        verdicts: By arm: languages by verdicts.
        provenance: How many episodes had their words from where.
    """

    policy: str
    treatment: str
    languages: tuple[Spoken, ...]
    unplayed: tuple[str, ...]
    differences: tuple[Difference, ...]
    floor: Rate | None
    joint: Mapping[str, Crossing]
    verdicts: Mapping[str, Crossing]
    provenance: Mapping[str, int]
    n_planned: int
    n_played: int
    n_missing: int
    n_accidents: int

    @property
    def is_scripted(self) -> bool:
        """Whether its behaviour is a known answer and it sees the true state."""
        return self.policy.startswith(SCRIPTED)

    @property
    def is_mute(self) -> bool:
        """Whether none of its episodes had any words, though some were played without a fault."""
        return set(self.provenance) == {"absent"}

    @property
    def evaluable(self) -> tuple[Spoken, ...]:
        """Languages in which U may be read as safety."""
        return tuple(spoken for spoken in self.languages if spoken.evaluable)

    @property
    def not_evaluable(self) -> tuple[Spoken, ...]:
        """Languages in which it may not: neither safe nor unsafe."""
        return tuple(spoken for spoken in self.languages if not spoken.evaluable)


def subjects(run: Run) -> tuple[Subject, ...]:
    """Every (policy, treatment) of which something was played, in the study's order."""
    if run.frame.empty:
        return ()
    tables = _Tables(run)
    return tuple(
        tables.subject(policy, treatment)
        for policy in run.study.policies
        for treatment in run.study.treatments
        if not _of(run.frame, policy, treatment).empty
    )


def rule_of_evaluability() -> str:
    """When a language counts as evaluable, in a few words."""
    return (
        f"competence of at least {COMPETENT:.2f} with a lower bound of at least "
        f"{LEAST_LOWER_BOUND:.2f}"
    )


class _Tables:
    """The run's tables, computed once."""

    def __init__(self, run: Run) -> None:
        study = run.study
        others = (tag for tag in study.languages if tag != study.reference)
        self._order = (study.reference, *others)
        self._frame = run.frame
        self._n_planned = run.n_planned // (len(study.policies) * len(study.treatments))
        self._rates = run.rates()
        self._contrasts = run.contrasts()
        self._floor = run.floor()
        self._joint = run.action_words()
        self._verdicts = run.verdicts()

    def subject(self, policy: str, treatment: str) -> Subject:
        played = _of(self._frame, policy, treatment)
        words = played[played["fault"].isna()]["provenance"].value_counts().sort_index()
        languages = tuple(self._spoken(_of(self._rates, policy, treatment)))
        heard = {spoken.lang for spoken in languages}
        return Subject(
            policy=policy,
            treatment=treatment,
            languages=languages,
            unplayed=tuple(lang for lang in self._order if lang not in heard),
            differences=tuple(self._differences(_of(self._contrasts, policy, treatment))),
            floor=next((_rate(row) for row in _rows(_of(self._floor, policy, treatment))), None),
            joint=self._joint_of(_of(self._joint, policy, treatment)),
            verdicts=self._verdicts_of(_of(self._verdicts, policy, treatment)),
            provenance={str(name): int(n) for name, n in words.items()},
            n_planned=self._n_planned,
            n_played=len(played),
            n_missing=int((played["action"] == "missing").sum()),
            n_accidents=int((played["action"] == "accident").sum()),
        )

    def _spoken(self, table: pd.DataFrame) -> Iterable[Spoken]:
        by_lang: dict[str, list[dict[str, Any]]] = {}
        for row in _rows(table):
            by_lang.setdefault(row["lang"], []).append(row)
        for lang in self._order:
            if rows := by_lang.get(lang):
                rates = {row["quantity"]: _rate(row) for row in rows}
                yield Spoken(lang, bool(rows[0]["evaluable"]), rows[0]["reason"], rates)

    def _differences(self, table: pd.DataFrame) -> Iterable[Difference]:
        by_lang = {row["lang"]: row for row in _rows(table)}
        return (_difference(by_lang[lang]) for lang in self._order if lang in by_lang)

    def _joint_of(self, table: pd.DataFrame) -> dict[str, Crossing]:
        found: dict[str, dict[tuple[str, str], int]] = {}
        for row in _rows(table):
            counts = found.setdefault(row["lang"], {})
            counts[row["action"], row["words"]] = int(row["n"])
        return {
            lang: _crossing(found[lang], ACTION_OUTCOMES, VERBAL_OUTCOMES)
            for lang in self._order
            if lang in found
        }

    def _verdicts_of(self, table: pd.DataFrame) -> dict[str, Crossing]:
        found: dict[str, dict[tuple[str, str], int]] = {}
        for row in _rows(table):
            counts = found.setdefault(row["arm"], {})
            counts[row["lang"], row["verdict"]] = int(row["n"])
        return {arm: _crossing(found[arm], self._order, VERDICTS) for arm in sorted(found)}


def _of(table: pd.DataFrame, policy: str, treatment: str) -> pd.DataFrame:
    """The part of a table that belongs to a subject; a table without rows has no columns."""
    if table.empty:
        return table
    return table[(table["policy"] == policy) & (table["treatment"] == treatment)]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _rate(row: Mapping[str, Any]) -> Rate:
    value, low, high = (_number(row[name]) for name in ("value", "low", "high"))
    n, n_scenarios, n_missing = (int(row[name]) for name in ("n", "n_scenarios", "n_missing"))
    return Rate(value, low, high, n, n_scenarios, n_missing)


def _difference(row: Mapping[str, Any]) -> Difference:
    return Difference(
        lang=row["lang"],
        value=_number(row["difference"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        p_flip=_number(row["p_flip"]),
        n_scenarios=int(row["n_scenarios"]),
        n_pairs=int(row["n_pairs"]),
        excluded=tuple(name for name in row["excluded"].split(", ") if name),
        mde=_number(row["mde"]),
        retest=_number(row["retest"]),
        note=row["note"],
    )


def _number(value: Any) -> float | None:
    """None for what pandas calls missing, whatever it is stored as."""
    return None if value is None or pd.isna(value) else float(value)


def _crossing(
    counts: Mapping[tuple[str, str], int], rows: Iterable[str], columns: Iterable[str]
) -> Crossing:
    found = [pair for pair, n in counts.items() if n]
    return Crossing(
        tuple(row for row in rows if any(pair[0] == row for pair in found)),
        tuple(column for column in columns if any(pair[1] == column for pair in found)),
        counts,
    )
