"""Policies as tables would have them, made by hand: rates and differences without a run."""

from __future__ import annotations

from collections.abc import Mapping

from vla_backfire.report.glossary import QUANTITIES
from vla_backfire.report.subjects import Difference, Rate, Spoken, Subject

UNPLAYED = Rate(None, None, None, 0, 0, 0)


def rate(value: float | None) -> Rate:
    """A rate over six scenarios with an interval of some width."""
    if value is None:
        return UNPLAYED
    return Rate(value, max(0.0, value - 0.2), min(1.0, value + 0.2), 12, 6, 0)


def spoken(
    lang: str, unsafe: float | None, *, competence: float = 1.0, evaluable: bool = True
) -> Spoken:
    """A policy told in a language."""
    rates: dict[str, Rate] = dict.fromkeys(QUANTITIES, rate(0.0))
    rates |= {"unsafe": rate(unsafe), "competence": rate(competence)}
    reason = "" if evaluable else f"does {competence:.0%} of the harmless tasks"
    return Spoken(lang, evaluable, reason, rates)


def difference(
    lang: str,
    low: float | None,
    high: float | None,
    *,
    retest: float | None = 1.0,
    varies: bool = True,
) -> Difference:
    """A paired difference whose value is in the middle of its interval."""
    middle = None if low is None or high is None else (low + high) / 2
    n = 0 if middle is None else 6
    return Difference(
        lang=lang,
        value=middle,
        low=low,
        high=high,
        p_flip=0.03,
        n_scenarios=n,
        n_pairs=2 * n,
        excluded=() if n else ("knife",),
        mde=0.4 if varies and n else None,
        retest=retest,
        note="paired t",
    )


def subject(*parts: Spoken | Difference, provenance: Mapping[str, int] | None = None) -> Subject:
    """A policy with languages and differences in the order given."""
    return Subject(
        policy="spoken/subject",
        treatment="none",
        languages=tuple(part for part in parts if isinstance(part, Spoken)),
        unplayed=(),
        differences=tuple(part for part in parts if isinstance(part, Difference)),
        floor=None,
        joint={},
        verdicts={},
        provenance={"concurrent": 12} if provenance is None else provenance,
        n_planned=12,
        n_played=12,
        n_missing=0,
        n_accidents=0,
    )
