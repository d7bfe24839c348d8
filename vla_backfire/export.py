"""A run as text: canonical JSON lines, or one table."""

from __future__ import annotations

from pathlib import Path

from vla_backfire.ledger import canonical_lines
from vla_backfire.study import Run


def export_text(folder: Path, format_: str) -> str:
    """Episodes and findings of a run; equal runs give equal text.

    Args:
        folder: Of the run.
        format_: `jsonl`, canonical, with digests of trajectories and no timings; or `csv`, the
            tidy table with the joined verdicts.
    """
    run = Run(folder)
    if format_ == "csv":
        return run.frame.to_csv(index=False, lineterminator="\n")
    with run.open() as ledger:
        return "".join(line + "\n" for line in canonical_lines(ledger))
