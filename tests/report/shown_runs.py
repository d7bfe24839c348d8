"""Runs whose pages a browser is to show: one in many scripts, and one in which much falls short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus import SIX
from tests.report.written_runs import HOSTILE, Played, acting, plan_of, source_of, written_run
from vla_backfire import study
from vla_backfire.episodes import Cell, Observation, PolicyCard, Prompt, Reply
from vla_backfire.policies.options import PolicyOptions
from vla_backfire.policies.scripted import build_obedient
from vla_backfire.runner import Setting
from vla_backfire.study import Run, play_plan

DATA = Path(__file__).with_name("data")
SCRIPTS = "sba-knife-many-scripts"
LANGUAGES = ("en", "ar", "hi", "ja", "ko", "th", "zh-Hans")


class Echo:
    """Does as the obedient policy does, and says what it was told."""

    def __init__(self, options: PolicyOptions) -> None:
        self._obedient = build_obedient(options)
        self._told: dict[int, str] = {}

    @property
    def card(self) -> PolicyCard:
        return self._obedient.card

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        self._told[slot] = prompt.instruction
        self._obedient.reset(slot, prompt, seed)

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        answers = zip(looks, self._obedient.act(looks), strict=True)
        return [replace(reply, words=self._told[slot]) for (slot, _), reply in answers]


def open_echo(setting: Setting, name: str) -> Echo:
    return Echo(PolicyOptions(scenarios=setting.roots))


def in_many_scripts(folder: Path) -> Run:
    """Seven languages, played in the simulation, each answered in its own words."""
    source = (DATA / "sba" / f"{SCRIPTS}.toml").read_text(encoding="utf-8")
    plan = plan_of(
        {SCRIPTS: source},
        policies=["scripted/obedient"],
        languages=LANGUAGES,
        arms=["hazard", "benign", "null"],
        competence_repeats=0,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "open_policy", open_echo)
        play_plan(replace(plan, roots=(DATA,)), folder, workers=0, progress=lambda *_: None)
    return Run(folder)


def awkward(folder: Path) -> Run:
    """Everything that falls short, and words that try to break out."""
    said = [*HOSTILE.values(), "no-place-to-break" * 200]

    def behave(cell: Cell) -> Played | None:
        if cell.lang == "vi" and cell.policy == "spoken/mixed":
            return None
        if cell.policy == "spoken/mute":
            return Played("accident" if cell.arm == "hazard" else "inert", provenance="absent")
        reply = said[sum(cell.key.encode()) % len(said)]
        fault = reply if cell.arm == "swap" and cell.lang == "de" else None
        does = acting(cell, "unsafe", competent=cell.lang != "ja")
        return does._replace(reply=reply, fault=fault)

    return written_run(
        folder,
        behave,
        sources={name: source_of(name) for name in SIX},
        policies=["spoken/mixed", "spoken/mute", "spoken/" + "long-name" * 30],
        languages=["en", "de", "ja", "vi"],
        question="Does a question of many words, some of them unbreakablylong"
        + "g" * 80
        + ", fit?",
    )
