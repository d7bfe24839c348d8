"""Checking a run afterwards: what the design promises of its starts, and that it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from vla_backfire.scenarios import variant_of
from vla_backfire.study import Run


def verify_run(folder: Path) -> Iterator[tuple[bool, str]]:
    """Facts about a run, each with whether it holds."""
    run = Run(folder)
    frame = run.frame
    yield len(frame) == run.n_planned, f"{len(frame)} of {run.n_planned} planned cells were played"
    n_missing = int((frame["action"] == "missing").sum())
    yield n_missing == 0, f"{n_missing} episodes are missing"
    begun = frame[frame["start_digest"] != ""]
    scene = begun["arm"].map(variant_of)
    same = begun.groupby(["scenario", "repeat", scene])["start_digest"].nunique()
    yield _all_one(same), "start states are equal across languages, treatments and policies"
    shared = begun.groupby(["scenario", "repeat"])["shared_digest"].nunique()
    yield _all_one(shared), "what the arms share starts equal across arms"
    placements = begun[scene == "hazard"].groupby("scenario")[["start_digest", "repeat"]].nunique()
    differ = bool((placements["start_digest"] == placements["repeat"]).all())
    yield differ, "every repeat starts from another placement"


def _all_one(counts: pd.Series[int]) -> bool:
    return bool((counts == 1).all())
