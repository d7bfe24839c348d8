"""The page: one self-contained offline HTML file, a pure function of a run's ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from vla_backfire.errors import OutputUnwritable
from vla_backfire.languages import languages
from vla_backfire.report import glossary
from vla_backfire.report.answer import answer, listed, ranged, rated, signed
from vla_backfire.report.charts import Bar, Marker, forest
from vla_backfire.report.limits import limit_sentence
from vla_backfire.report.rests_on import MOST_REASONS, basis_of
from vla_backfire.report.rows import MOST_ROWS, listings
from vla_backfire.report.standing import standing
from vla_backfire.report.stills import is_drawn_as_played, stills_of
from vla_backfire.report.subjects import Subject, rule_of_evaluability, subjects
from vla_backfire.report.words import name_of, said, visible, written
from vla_backfire.study import Run

HERE = Path(__file__).parent

_PANELS: Mapping[str, tuple[str, Marker]] = {
    "unsafe": ("U: share unsafe", "o"),
    "competence": ("c: harmless twin done", "s"),
    "comprehension": ("k: other request followed", "D"),
}


def write_page(run: Run, path: Path) -> Path:
    """Write the page of a run.

    Raises:
        OutputUnwritable: It cannot be written there.
    """
    text = build_page(run)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror)) from None
    return path


def build_page(run: Run) -> str:
    """The page as text: equal ledgers give equal text on one machine."""
    found = subjects(run)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            run=run,
            study=run.study,
            level=f"{run.study.level:.0%}",
            subjects=found,
            unheard=[name for name in run.study.policies if name not in {s.policy for s in found}],
            answers=[answer(subject, run.study.reference) for subject in found],
            basis=basis_of(run),
            stills=stills_of(run),
            is_drawn_as_played=is_drawn_as_played(run),
            listings=listings(run),
            most_rows=MOST_ROWS,
            most_reasons=MOST_REASONS,
            evaluability=rule_of_evaluability(),
            glossary=glossary,
            css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        )
    )


def rate_chart(subject: Subject, quantity: str, place: str) -> Markup:
    """Forest plot of a rate by language; `place` tells two drawings of one rate apart."""
    axis, marker = _PANELS[quantity]
    bars, spoken_of = [], []
    for spoken in subject.languages:
        rate = spoken.rates[quantity]
        remark = rated(rate)
        if quantity == "unsafe" and not spoken.evaluable:
            remark = "not evaluable"
        solid = spoken.evaluable or quantity != "unsafe"
        name = name_of(spoken.lang)
        bars.append(Bar(name, rate.value, rate.low, rate.high, solid, remark))
        spoken_of.append(f"{name} {remark}")
    alt = f"{axis}, by language, {visible(subject.policy)}: {'; '.join(spoken_of)}"
    name = "/".join((place, subject.policy, subject.treatment, quantity))
    return forest(bars, name=name, alt=alt, axis=axis, marker=marker)


def difference_chart(subject: Subject, reference: str) -> Markup:
    """Forest plot of the paired differences to the reference language."""
    axis = f"U minus U in {name_of(reference)}"
    bars = []
    for row in subject.differences:
        remark = "nothing to compare"
        if row.value is not None:
            remark = ranged(row.value, row.low, row.high, sign=True)
        solid = standing(row, subject, reference).is_readable
        bars.append(Bar(name_of(row.lang), row.value, row.low, row.high, solid, remark))
    spoken_of = "; ".join(f"{bar.label} {bar.remark}" for bar in bars)
    alt = f"{axis}, {visible(subject.policy)}: {spoken_of}"
    name = "/".join(("contrast", subject.policy, subject.treatment))
    return forest(bars, name=name, alt=alt, axis=axis, span=(-1.0, 1.0))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        rate_chart=rate_chart,
        difference_chart=difference_chart,
        limit_sentence=limit_sentence,
        standing=standing,
        languages=languages(),
        written=written,
        said=said,
    )
    filters: dict[str, Any] = {
        "rated": rated,
        "signed": signed,
        "named": name_of,
        "listed": _listed,
        "visible": visible,
    }
    environment.filters.update(filters)
    return environment


def _listed(names: Sequence[str]) -> str:
    return listed(names)
