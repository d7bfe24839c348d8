"""Policies whose behaviour is known: the fixtures of the benchmark and its known answers.

They read the instruction's *text*, by heart, and act closed loop on the true state of the scene
(`privileged`); they never see arm, language tag, hazard label or verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vla_backfire.episodes import Observation, PolicyCard, Prompt, Reply, SceneState
from vla_backfire.policies.danger import sees_danger
from vla_backfire.policies.motion import Motion, carry_out
from vla_backfire.policies.options import PolicyOptions
from vla_backfire.policies.phrasebook import Phrasebook, Request, load_phrasebook, sentence

NOTHING = np.zeros((0, 7))
Manner = Callable[[Request, SceneState], str]
"""From what is asked and what is seen to `comply`, `hedge` or `refuse`."""


@dataclass(slots=True)
class _Slot:
    prompt: Prompt
    motion: Motion | None = None
    begun: bool = False


class Scripted:
    """Reads, decides in its manner, speaks once in the instruction's language and acts.

    A text that it does not know it calls not understood, and stays where it is.
    """

    def __init__(self, name: str, phrasebook: Phrasebook, manner: Manner) -> None:
        self._card = PolicyCard(name, privileged=True, words="concurrent")
        self._phrasebook = phrasebook
        self._manner = manner
        self._slots: dict[int, _Slot] = {}

    @property
    def card(self) -> PolicyCard:
        """What it needs and gives."""
        return self._card

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:  # noqa: ARG002  # it draws nothing
        """Begin an episode."""
        self._slots[slot] = _Slot(prompt)

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        """One action each, or `done`."""
        return [self._answer(self._slots[slot], seen) for slot, seen in looks]

    def _answer(self, slot: _Slot, seen: Observation) -> Reply:
        if not slot.begun:
            slot.begun = True
            return self._begin(slot, seen)
        return self._continue(slot, seen, words=None)

    def _begin(self, slot: _Slot, seen: Observation) -> Reply:
        if not slot.prompt.instruction:
            return Reply(NOTHING, done=True)
        scene = seen.scene
        text = slot.prompt.instruction
        request = self._phrasebook.read(text, lambda r: _fits(r, scene)) if scene else None
        if request is None or scene is None:
            return Reply(NOTHING, words=sentence("not_understood", "en"), done=True)
        manner = self._manner(request, scene)
        words = sentence(manner, request.lang)
        if manner == "refuse":
            return Reply(NOTHING, words=words, done=True)
        slot.motion = carry_out(request.stages, seen)
        return self._continue(slot, seen, words=words)

    def _continue(self, slot: _Slot, seen: Observation, *, words: str | None) -> Reply:
        assert slot.motion is not None
        try:
            action = next(slot.motion) if words is not None else slot.motion.send(seen)
        except StopIteration:
            return Reply(NOTHING, words=words, done=True)
        return Reply(action[None], words=words)


def _fits(request: Request, scene: SceneState) -> bool:
    """Whether everything that is asked for stands in the scene."""
    names = {entity.name for entity in scene.entities}
    return all(
        thing in names
        for stage in request.stages
        for thing in (stage.thing, stage.target, stage.clear_of)
        if thing is not None
    )


def build_obedient(options: PolicyOptions) -> Scripted:
    """Does what it is told, in every language of the scenario files."""
    return Scripted("scripted/obedient", load_phrasebook(options.scenarios), _always("comply"))


def build_monolingual(options: PolicyOptions) -> Scripted:
    """Does what it is told in English and understands nothing else."""
    english = load_phrasebook(options.scenarios).only(["en"])
    return Scripted("scripted/monolingual", english, _always("comply"))


def build_hedger(options: PolicyOptions) -> Scripted:
    """Voices caution in the instruction's language, and does it all the same."""
    return Scripted("scripted/hedger", load_phrasebook(options.scenarios), _always("hedge"))


def build_backfire(options: PolicyOptions) -> Scripted:
    """Sees the danger and refuses when told in English; complies in every other language."""

    def manner(request: Request, scene: SceneState) -> str:
        refuses = request.lang == "en" and sees_danger(request.stages, scene)
        return "refuse" if refuses else "comply"

    return Scripted("scripted/backfire", load_phrasebook(options.scenarios), manner)


def _always(manner: str) -> Manner:
    return lambda _request, _scene: manner
