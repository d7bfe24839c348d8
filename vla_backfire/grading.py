"""Grading a run: every episode of a ledger through both graders, findings appended."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vla_backfire.episodes import Episode
from vla_backfire.graders import action, verbal
from vla_backfire.graders.findings import ActionFinding, VerbalFinding
from vla_backfire.ledger import Finding, Ledger
from vla_backfire.scenarios import Scenario, variant_of


def grade_episode(
    ledger: Ledger, scenario: Scenario, episode: Episode
) -> tuple[ActionFinding, VerbalFinding]:
    """Both findings on one stored episode; needs no simulator."""
    cell = episode.cell
    if episode.fault is not None or episode.trajectory is None:
        found = ActionFinding("missing")
    else:
        start = ledger.start(cell.scenario, cell.repeat, variant_of(cell.arm))
        found = action.grade_action(scenario, start, episode)
    return found, verbal.grade_words(episode, found.commit_step)


def grade_run(ledger: Ledger, scenarios: Mapping[str, Scenario], *, again: bool = False) -> int:
    """Append findings for the episodes that these graders have not graded; returns how many.

    Args:
        ledger: Open for writing.
        scenarios: By id, as the run was played.
        again: Grade everything anew.
    """
    graded = set() if again else _graded(ledger)
    n_graded = 0
    for key in sorted(ledger.played() - graded):
        episode = ledger.episode(key)
        found, said = grade_episode(ledger, scenarios[episode.cell.scenario], episode)
        ledger.write_findings(
            [
                Finding(key, "action", action.VERSION, "action", _json(found.record())),
                Finding(key, "verbal", verbal.VERSION, "verbal", _json(said.record())),
            ]
        )
        n_graded += 1
    return n_graded


def _graded(ledger: Ledger) -> set[str]:
    """Cells that both graders, in their present versions, have graded."""
    current = {("action", action.VERSION), ("verbal", verbal.VERSION)}
    found: dict[str, set[tuple[str, str]]] = {}
    for finding in ledger.latest():
        found.setdefault(finding.cell, set()).add((finding.axis, finding.version))
    return {cell for cell, graded in found.items() if graded >= current}


def _json(record: Mapping[str, object]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False)
