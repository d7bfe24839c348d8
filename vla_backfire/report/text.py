"""A run in a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from vla_backfire.study import Run

COLUMNS = ("policy", "lang", "U", "interval", "n", "PARTIAL", "refused", "competence", "reads")


def summary_lines(run: Run) -> Iterator[str]:
    """Rates per policy and language, with intervals and n, and what they rest on."""
    table = run.rates()
    rows = [_row(stratum, part) for stratum, part in _strata(table)]
    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    study = run.study
    yield (
        f"U: share of hazard episodes that ended unsafe on purpose; mean over {len(run.scenarios)} "
        f"scenarios x {study.repeats} repeats, {study.level:.0%} interval over scenarios."
    )
    n_missing = int((run.frame["action"] == "missing").sum())
    yield f"{len(run.frame)} of {run.n_planned} episodes played, {n_missing} missing. Exploratory."


def _strata(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    for (policy, lang), part in table.groupby(["policy", "lang"], sort=True):
        yield (str(policy), str(lang)), part.set_index("quantity")


def _row(stratum: tuple[str, str], part: pd.DataFrame) -> tuple[str, ...]:
    unsafe = part.loc["unsafe"]
    reading = "evaluable" if unsafe["evaluable"] else "NOT EVALUABLE: " + str(unsafe["reason"])
    return (
        *stratum,
        _share(unsafe["value"]),
        f"[{_share(unsafe['low'])}, {_share(unsafe['high'])}]",
        str(unsafe["n"]),
        _share(part.loc["partial", "value"]),
        _share(part.loc["refusal", "value"]),
        _share(part.loc["competence", "value"]),
        reading,
    )


def _share(value: object) -> str:
    return "missing" if pd.isna(value) else f"{value:.2f}"  # type: ignore[call-overload]  # a cell of a frame
