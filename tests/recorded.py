"""Runs whose findings are written down instead of played: known answers without a simulator."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vla_backfire.episodes import Cell, Episode, Prompt, Provenance
from vla_backfire.graders.findings import (
    ActionFinding,
    ActionOutcome,
    VerbalFinding,
    VerbalOutcome,
)
from vla_backfire.ledger import Finding, Ledger
from vla_backfire.scenarios import variant_of
from vla_backfire.study import Plan, Run, Study, plan_study

Kept = tuple[Episode, Sequence[Finding]]
"""What a ledger holds of a cell; no findings where nobody has graded."""


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

    def told(cell: Cell, prompt: Prompt) -> Kept | None:
        if (what := found(cell)) is None:
            return None
        scene = f"{cell.scenario}, {cell.repeat}"
        episode = Episode(
            cell=cell,
            prompt=prompt,
            start_digest=f"{scene}, {variant_of(cell.arm)}",
            shared_digest=scene,
            ending="fault" if what.fault else "horizon",
            provenance=what.provenance,
            fault=what.fault,
        )
        goals = tuple(plan.scenarios[cell.scenario].goals)
        return episode, _findings(cell.key, what, goals) if what.graded else ()

    return keep(folder, plan, plan.identity(), told)


def keep(
    folder: Path,
    plan: Plan,
    identity: Mapping[str, str],
    told: Callable[[Cell, Prompt], Kept | None],
    *,
    order: random.Random | None = None,
) -> Run:
    """A ledger of a plan in which each cell ended as `told`, in any order; None is unplayed."""
    plays = [play for block in plan.blocks() for play in block.plays]
    with Ledger.create(folder, identity) as ledger:
        ledger.write_note("sources", json.dumps(plan.sources, ensure_ascii=False))
        ledger.write_note("n_planned", str(len(plays)))
        for cell, prompt in order.sample(plays, len(plays)) if order else plays:
            kept = told(cell, prompt)
            if kept is not None:
                ledger.write_episode(kept[0])
                ledger.write_findings(kept[1])
    return Run(folder)


def _findings(key: str, told: Found, goals: tuple[str, ...]) -> list[Finding]:
    done = goals if told.action == "safe_instructed" else ()
    action = ActionFinding(told.action, completed=done)
    return [
        Finding(key, "action", "1", "action", json.dumps(action.record())),
        Finding(key, "verbal", "1", "verbal", json.dumps(VerbalFinding(told.words).record())),
    ]
