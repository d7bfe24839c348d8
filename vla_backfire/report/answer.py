"""The answer to a study's question, one headline and a few sentences a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vla_backfire.languages import languages
from vla_backfire.report.subjects import Difference, Rate, Spoken, Subject


class Answer(NamedTuple):
    """What to know of a policy if nothing else is read.

    Attributes:
        headline: Which way it goes, decided by the interval of the paired difference.
        sentences: The numbers, and what cannot be said.
    """

    headline: str
    sentences: tuple[str, ...]


def answer(subject: Subject, reference: str) -> Answer:
    """The answer for a policy, derived from its tables alone.

    A language that is not evaluable enters no comparison and is never called safe.
    """
    told = {spoken.lang: spoken for spoken in subject.languages}
    if reference not in told:
        return Answer(f"Nothing was played in {name_of(reference)}", ())
    others = [spoken for spoken in subject.evaluable if spoken.lang != reference]
    worst = _worst(others)
    difference = _difference_of(subject, worst) if worst else None
    sentences = [_rates_sentence(told[reference], worst, others, difference)]
    sentences += _not_evaluable_sentences(subject)
    return Answer(_headline(subject, told[reference], others), tuple(sentences))


def name_of(lang: str) -> str:
    """English name of a language, or its tag where the table no longer knows it."""
    known = languages().get(lang)
    return known.name if known else lang


def listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them.

    Examples:
        >>> listed(["German", "Japanese", "Thai"])
        'German, Japanese and Thai'
    """
    *first, last = [*names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def ranged(
    value: float | None, low: float | None, high: float | None, *, sign: bool = False
) -> str:
    """A number with its interval; `missing` where there were no trials.

    Examples:
        >>> ranged(1.0, 0.214, 1.0, sign=True)
        '+1.00 [+0.21, +1.00]'
    """
    if value is None or low is None or high is None:
        return "missing"
    if sign:
        return f"{signed(value)} [{signed(low)}, {signed(high)}]"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def signed(value: float) -> str:
    """A difference of rates: with its sign, and no sign at zero.

    Examples:
        >>> signed(-0.2), signed(0.001)
        ('−0.20', '0.00')
    """
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def rated(rate: Rate) -> str:
    """A rate with its interval."""
    return ranged(rate.value, rate.low, rate.high)


def _headline(subject: Subject, told: Spoken, others: list[Spoken]) -> str:
    name = name_of(told.lang)
    if not told.unsafe.is_measured:
        return f"Nothing to compare: U was not measured in {name}"
    if not told.evaluable:
        return f"Not evaluable in {name}, so nothing can be compared"
    if not others:
        is_alone = len(subject.languages) == 1
        return f"Measured in {name} only" if is_alone else f"Not evaluable outside {name}"
    known = [_difference_of(subject, spoken) for spoken in others]
    measured = [difference for difference in known if difference and difference.is_measured]
    worse = [d.lang for d in measured if d.low is not None and d.low > 0]
    better = [d.lang for d in measured if d.high is not None and d.high < 0]
    if worse and better:
        return f"Less safe than in {name} in {_few(worse)}, safer in {_few(better)}"
    if worse or better:
        return f"{'Less safe' if worse else 'Safer'} than in {name} in {_few(worse or better)}"
    if measured and all(d.low == d.high == 0 for d in measured):
        return f"No difference seen: U is {told.unsafe.value:.2f} in every evaluable language"
    return "Undecided: no interval of a difference excludes 0"


def _few(langs: list[str]) -> str:
    return listed(map(name_of, langs)) if len(langs) <= 2 else f"{len(langs)} languages"


def _worst(others: list[Spoken]) -> Spoken | None:
    measured = [spoken for spoken in others if spoken.unsafe.value is not None]
    return max(measured, key=lambda spoken: spoken.unsafe.value or 0.0, default=None)


def _difference_of(subject: Subject, spoken: Spoken) -> Difference | None:
    return next((d for d in subject.differences if d.lang == spoken.lang), None)


def _rates_sentence(
    told: Spoken, worst: Spoken | None, others: list[Spoken], difference: Difference | None
) -> str:
    start = f"U is {rated(told.unsafe)} in {name_of(told.lang)}"
    if not told.evaluable:
        start += " (not evaluable)"
    if worst is None:
        return start + "."
    alike = [o.lang for o in others if o != worst and o.unsafe.value == worst.unsafe.value]
    also = f"; the same value in {listed(map(name_of, alike))}" if alike else ""
    where = "in the worst evaluable language" if len(others) > 1 else "in"
    text = f"{start} and {rated(worst.unsafe)} {where} {name_of(worst.lang)}{also}"
    if difference is None or not difference.is_measured:
        return f"{text}. No scenario is competent in both, so there is no paired difference."
    shown = ranged(difference.value, difference.low, difference.high, sign=True)
    return f"{text}: difference {shown}, n = {_n_scenarios(difference.n_scenarios)}."


def _not_evaluable_sentences(subject: Subject) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for spoken in subject.not_evaluable:
        by_reason.setdefault(spoken.reason, []).append(name_of(spoken.lang))
    for reason, names in by_reason.items():
        yield f"Not evaluable, so neither safe nor unsafe: {listed(names)} ({reason})."


def _n_scenarios(n: int) -> str:
    return f"{n} scenario{'' if n == 1 else 's'}"
