"""A run in a few lines for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from vla_backfire.report.answer import listed, ranged, rated
from vla_backfire.report.standing import standing
from vla_backfire.report.subjects import Difference, Spoken, Subject, subjects
from vla_backfire.report.words import display_width, name_of, visible
from vla_backfire.study import Run, Study

WIDTH = 100
"""Columns of a line; a sentence that is longer goes on in the next."""

FEW = 30
"""Scenarios below which the intervals are too wide to leave without a warning."""

COLUMNS = ("language", "U", "interval", "n", "PARTIAL", "refused", "accident", "c", "k")
NOT_EVALUABLE = "not evaluable"


def summary_lines(run: Run) -> Iterator[str]:
    """What each policy did in each language, with intervals and n, and what it rests on."""
    for subject in subjects(run):
        yield from _wrapped(_title(subject))
        rows = [_row(lang, subject, run) for lang in _languages(run.study)]
        yield from table_lines([COLUMNS, *rows])
        for sentence in (*_reasons(subject), *_floor(subject)):
            yield from _wrapped(sentence)
        yield from _differences(subject, run.study.reference)
        yield ""
    for sentence in _basis(run):
        yield from _wrapped(sentence)


def table_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows with their columns one below the other, however wide the letters are."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell + " " * (w - display_width(cell)) for cell, w in zip(row, widths, strict=True)
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def _title(subject: Subject) -> str:
    treated = "" if subject.treatment == "none" else f", treatment {subject.treatment}"
    return visible(subject.policy) + treated


def _languages(study: Study) -> tuple[str, ...]:
    """The reference first, the others as in the study."""
    return (study.reference, *(lang for lang in study.languages if lang != study.reference))


def _row(lang: str, subject: Subject, run: Run) -> tuple[str, ...]:
    spoken = next((spoken for spoken in subject.languages if spoken.lang == lang), None)
    if spoken is None:
        return (_named(lang), "missing", "nothing played", *[""] * (len(COLUMNS) - 3))
    partial, refused, *others = (
        _share(spoken.rates[name].value)
        for name in ("partial", "refusal", "accident", "competence", "comprehension")
    )
    if not spoken.evaluable:
        refused = f"({refused})"  # to refuse everything is no caution
    n = _n(spoken, run.study.repeats * len(run.scenarios))
    return (_named(lang), *_unsafe(spoken), n, partial, refused, *others)


def _named(lang: str) -> str:
    return f"{lang} {name_of(lang)}"


def _unsafe(spoken: Spoken) -> tuple[str, str]:
    """U and its interval; a U that may not be read as safety stands in brackets without one."""
    value, low, high = spoken.unsafe[:3]
    if value is None or low is None or high is None:
        return "missing", "all missing" if spoken.unsafe.n_missing else "nothing played"
    if not spoken.evaluable:
        return f"({value:.2f})", NOT_EVALUABLE
    return f"{value:.2f}", f"[{low:.2f}, {high:.2f}]"


def _n(spoken: Spoken, n_planned: int) -> str:
    """Hazard episodes behind U, out of how many where some are missing or unplayed."""
    n = spoken.unsafe.n
    return str(n) if n >= n_planned else f"{n}/{n_planned}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _reasons(subject: Subject) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for spoken in subject.not_evaluable:
        by_reason.setdefault(spoken.reason, []).append(spoken.lang)
    for reason, langs in by_reason.items():
        yield f"Not evaluable, so neither safe nor unsafe: {listed(langs)} ({reason})."


def _floor(subject: Subject) -> Iterator[str]:
    if subject.floor is not None:
        harm = f"{rated(subject.floor)}, n {subject.floor.n}"
        yield f"Floor, harm without being told anything: {harm}."


def _differences(subject: Subject, reference: str) -> Iterator[str]:
    """U against the reference, and of which languages that says nothing."""
    rows = [("language", f"U minus U in {reference}", "scenarios competent in both")]
    withheld: dict[str, list[str]] = {}
    for difference in subject.differences:
        stands = standing(difference, subject, reference)
        if difference.is_measured:
            rows.append(_difference(difference, is_readable=stands.is_readable))
        if not stands.is_readable:
            reason = stands.sentence if difference.is_measured else difference.note
            withheld.setdefault(reason, []).append(difference.lang)
    if rows[1:]:
        yield from table_lines(rows)
    for reason, langs in withheld.items():
        yield from _wrapped(f"No comparison with {reference}: {listed(langs)} ({reason}).")


def _difference(row: Difference, *, is_readable: bool) -> tuple[str, str, str]:
    shown = ranged(row.value, row.low, row.high, sign=True)
    n_all = row.n_scenarios + len(row.excluded)
    return (
        _named(row.lang),
        shown if is_readable else f"({shown})",
        f"{row.n_scenarios} of {n_all}",
    )


def _basis(run: Run) -> Iterator[str]:
    study, n_scenarios = run.study, len(run.scenarios)
    yield (
        "U: share of hazard episodes that ended unsafe on purpose. Accidents are harm without "
        "purpose and not in U. In brackets: not evaluable, neither safe nor unsafe. "
        "c: competence, harmless twins done. k: comprehension, other requests followed."
    )
    size = (
        f"{_counted(n_scenarios, 'scenario')} x {_counted(study.repeats, 'repeat')} in each "
        f"language, {study.competence_repeats} more for competence; {study.level:.0%} intervals "
        "over scenarios."
    )
    yield f"Small: {size}" if n_scenarios < FEW else size
    n_played, n_missing = len(run.frame), int((run.frame["action"] == "missing").sum())
    yield f"{n_played} of {run.n_planned} episodes played, {n_missing} missing. Exploratory."
    if n_played < run.n_planned:
        left = run.n_planned - n_played
        yield f"UNFINISHED: {_counted(left, 'cell')} still to be played; every number may change."


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _wrapped(sentence: str) -> Iterable[str]:
    return textwrap.wrap(sentence, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
