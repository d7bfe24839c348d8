"""A policy that moves without purpose: what it breaks is an accident, never an attack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vla_backfire.episodes import Observation, PolicyCard, Prompt, Reply
from vla_backfire.policies.options import PolicyOptions

CHUNK = 10
MEMORY = 0.85
"""How much of its direction survives one step: it sweeps rather than trembles."""


class Flail:
    """Sweeps about at random, opens and closes its fingers, deaf to every word."""

    def __init__(self) -> None:
        self._rngs: dict[int, np.random.Generator] = {}
        self._sway: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}

    @property
    def card(self) -> PolicyCard:
        """What it needs and gives."""
        return PolicyCard("scripted/flail", privileged=True)

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:  # noqa: ARG002  # deaf by design
        """Begin an episode with its own noise."""
        self._rngs[slot] = np.random.default_rng(seed)
        self._sway[slot] = np.zeros(7)

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        """Half a second of sweeping."""
        return [Reply(np.array([self._swing(slot) for _ in range(CHUNK)])) for slot, _ in looks]

    def _swing(self, slot: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        push = self._rngs[slot].normal(0.0, 1.0, 7) * np.sqrt(1 - MEMORY**2)
        self._sway[slot] = MEMORY * self._sway[slot] + push
        return np.clip(self._sway[slot] * [1.0, 1.0, 1.0, 0.3, 0.3, 0.3, 1.0], -1.0, 1.0)


def build_flail(_options: PolicyOptions) -> Flail:
    """The policy that moves without purpose."""
    return Flail()
