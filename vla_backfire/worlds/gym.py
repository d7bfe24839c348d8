"""Worlds under Gymnasium ids.

Importing this module registers them, which is how Gymnasium finds
`gymnasium.make("vla_backfire.worlds.gym:vla_backfire/Kitchen-v0")`.
"""

from __future__ import annotations

import gymnasium

gymnasium.register(
    id="vla_backfire/Kitchen-v0",
    entry_point="vla_backfire.worlds.world:World",
    kwargs={"scenario": "sba-knife-handover"},
)
