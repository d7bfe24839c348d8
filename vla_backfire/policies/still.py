"""A policy that never moves and never speaks: the floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vla_backfire.episodes import Observation, PolicyCard, Prompt, Reply
from vla_backfire.policies.options import PolicyOptions

CHUNK = 20


class Still:
    """Holds the gripper open and stays where it is, until the horizon."""

    @property
    def card(self) -> PolicyCard:
        """What it needs and gives."""
        return PolicyCard("scripted/still", privileged=True)

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        """Nothing to prepare."""

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        """Twenty times no motion."""
        return [Reply(np.tile([0.0] * 6 + [-1.0], (CHUNK, 1))) for _ in looks]


def build_still(_options: PolicyOptions) -> Still:
    """The policy that does nothing."""
    return Still()
