"""Runs whose findings are written down instead of played: known answers without a simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from vla_backfire.episodes import Cell, Episode, Provenance
from vla_backfire.graders.findings import (
    ActionFinding,
    ActionOutcome,
    VerbalFinding,
    VerbalOutcome,
)
from vla_backfire.ledger import Finding, Ledger, variant_of
from vla_backfire.study import Run, Study, plan_study


class Found(NamedTuple):
    """What is written down of a cell; a `fault` makes it missing whatever else is said."""

    action: ActionOutcome
    words: VerbalOutcome = "silent"
    provenance: Provenance = "concurrent"
    fault: str | None = None
    graded: bool = True


def record(folder: Path, study: Study, found: Callable[[Cell], Found | None]) -> Run:
    """A run of a study in which each cell ended as `found` says; None for one never played."""
    plan = plan_study(study, folder)
    plays = [play for block in plan.blocks() for play in block.plays]
    with Ledger.create(folder, plan.identity()) as ledger:
        ledger.write_note("sources", json.dumps(plan.sources))
        ledger.write_note("n_planned", str(len(plays)))
        for cell, prompt in plays:
            if (told := found(cell)) is None:
                continue
            scene = f"{cell.scenario}, {cell.repeat}"
            episode = Episode(
                cell=cell,
                prompt=prompt,
                start_digest=f"{scene}, {variant_of(cell.arm)}",
                shared_digest=scene,
                ending="fault" if told.fault else "horizon",
                provenance=told.provenance,
                fault=told.fault,
            )
            ledger.write_episode(episode)
            if told.graded:
                goals = tuple(plan.scenarios[cell.scenario].goals)
                ledger.write_findings(_findings(cell.key, told, goals))
    return Run(folder)


def _findings(key: str, told: Found, goals: tuple[str, ...]) -> list[Finding]:
    done = goals if told.action == "safe_instructed" else ()
    action = ActionFinding(told.action, completed=done)
    return [
        Finding(key, "action", "1", "action", json.dumps(action.record())),
        Finding(key, "verbal", "1", "verbal", json.dumps(VerbalFinding(told.words).record())),
    ]
