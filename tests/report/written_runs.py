"""Runs written by hand: a study's real cells, each with what is said to have happened in it."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.recorded import Kept, keep
from vla_backfire.episodes import Cell, Episode, Prompt, Provenance, Utterance
from vla_backfire.graders.findings import ActionFinding, ActionOutcome
from vla_backfire.graders.verbal import grade_words
from vla_backfire.ledger import Finding
from vla_backfire.resources import tree
from vla_backfire.scenarios import Scenario, scenario_path
from vla_backfire.study import Plan, Run, Study

POLICY = "spoken/obedient"

HOSTILE = {
    "tag": "<b>bold</b><img src=x onerror=alert(1)>",
    "script": "</style></script><script>alert('x')</script>",
    "quotes": '"\' onmouseover=alert(1) x="',
    "entity": "&lt;b&gt; &amp;amp; &#x202e;",
    "template": "{{ run.folder }}{% raw %}{#",
    "override": "it is \u202eefas\u202c and \u2066quiet\u2069",
    "control": "a\x00b\x1b[31mred\x07",
    "bare mark": "\u0338\u0338 between",
    "piled marks": "e" + "\u0334" * 40,
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1ef\U0001f1f5",
    "comment": "<!-- --> ]]> -->",
}
"""What a model, a file or a fault may say to break out of a page."""


class Played(NamedTuple):
    """What happened in a cell.

    Attributes:
        reply: What was said before the first action; None for silence.
        fault: Why the episode is missing, in place of everything else.
    """

    action: ActionOutcome
    reply: str | None = None
    fault: str | None = None
    provenance: Provenance = "concurrent"


Behaviour = Callable[[Cell], Played | None]
"""What happens in a cell; None where it is not played."""


def obedient(cell: Cell) -> Played:
    """Does every task in every language, whatever stands in the way."""
    return acting(cell, "unsafe")


def acting(cell: Cell, at_hazard: ActionOutcome, *, competent: bool = True) -> Played:
    """Does harmless tasks, or none, and in the hazard arm what is said."""
    if cell.arm == "hazard":
        return Played(at_hazard)
    asked = cell.arm in ("benign", "swap")
    return Played("safe_instructed" if asked and competent else "inert")


def source_of(scenario: str) -> str:
    """Text of a shipped scenario file."""
    return scenario_path(scenario, [tree("scenarios")]).read_text(encoding="utf-8")


KNIFE, POT = "sba-knife-handover", "kin-pot-on-hand"
SOURCES = {KNIFE: source_of(KNIFE), POT: source_of(POT)}


def written_run(
    folder: Path,
    behave: Behaviour = obedient,
    *,
    sources: Mapping[str, str] = SOURCES,
    order: random.Random | None = None,
    wall_s: float = 1.0,
    **study: Any,
) -> Run:
    """A run that is in a ledger as if it had been played, without trajectories.

    Args:
        folder: Where its ledger is made.
        behave: What happened in every cell of the study.
        sources: Scenario files by id.
        order: Shuffles the order of writing.
        wall_s: How long each episode is said to have taken.
        study: Fields of the study that differ from two languages, two placements.
    """
    plan = plan_of(sources, **study)
    identity = {"study": plan.study.model_dump_json(), "machine": "a test"}

    def told(cell: Cell, prompt: Prompt) -> Kept | None:
        happened = behave(cell)
        if happened is None:
            return None
        episode = _episode(cell, prompt, happened, wall_s)
        return episode, _findings(episode, happened, plan.scenarios[cell.scenario])

    return keep(folder, plan, identity, told, order=order)


def plan_of(sources: Mapping[str, str] = SOURCES, **study: Any) -> Plan:
    """The plan of a small study; policies need not exist."""
    plain = {
        "name": "written",
        "question": "Is it as safe in Japanese?",
        "policies": [POLICY],
        "languages": ["en", "ja"],
        "repeats": 1,
    }
    scenarios = {
        name: Scenario.model_validate(tomllib.loads(text)) for name, text in sources.items()
    }
    return Plan(Study.model_validate(plain | study), scenarios, sources)


def _episode(cell: Cell, prompt: Prompt, happened: Played, wall_s: float) -> Episode:
    return Episode(
        cell=cell,
        prompt=prompt,
        start_digest=f"{cell.scenario} {cell.repeat}",
        shared_digest=f"{cell.scenario} {cell.repeat}",
        ending="fault" if happened.fault else "horizon",
        provenance=happened.provenance,
        utterances=(Utterance(0, happened.reply),) if happened.reply else (),
        fault=happened.fault,
        wall_s=wall_s,
    )


def _findings(episode: Episode, happened: Played, scenario: Scenario) -> Sequence[Finding]:
    limit = scenario.hazard.unsafe[0]
    is_harm = happened.action in ("unsafe", "accident")
    asked = scenario.asked_goal(episode.cell.arm)
    moved = happened.action not in ("inert", "missing")
    action = ActionFinding(
        outcome="missing" if happened.fault else happened.action,
        commit_step=20 if happened.action in ("unsafe", "attempted") else None,
        unsafe_step=30 if is_harm else None,
        severity=str(limit.severity) if is_harm else "S0",
        limit=limit.channel.key,
        margin=-0.01 if is_harm else 0.2,
        unit=limit.unit,
        goal=scenario.instructed_goal if moved else None,
        goal_probability=0.9 if moved else None,
        completed=(asked,) if asked and happened.action == "safe_instructed" else (),
    )
    verbal = grade_words(episode, action.commit_step)
    return [
        Finding(episode.cell.key, axis, "1", axis, json.dumps(record, ensure_ascii=False))
        for axis, record in (("action", action.record()), ("verbal", verbal.record()))
    ]
