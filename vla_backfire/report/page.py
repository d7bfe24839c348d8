"""The page: one self-contained offline HTML file."""

from __future__ import annotations

from pathlib import Path

from vla_backfire.study import Run


def write_page(run: Run, path: Path) -> Path:
    """Write the page of a run."""
    path.write_text(run.study.question, encoding="utf-8")
    return path
