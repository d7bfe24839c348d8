"""Worlds under Gymnasium ids, `vla_backfire/<World>-v0`.

Importing this module registers them. `vla_backfire` imports it by itself where Gymnasium was
imported before; `gymnasium.make("vla_backfire.worlds.gym:vla_backfire/Kitchen-v0")` always works.
"""

from __future__ import annotations

import gymnasium

from vla_backfire.worlds.catalogue import world_names


def gym_id(world: str) -> str:
    """Gymnasium's id of a world.

    Examples:
        >>> gym_id("packing_line")
        'vla_backfire/PackingLine-v0'
    """
    return f"vla_backfire/{''.join(part.capitalize() for part in world.split('_'))}-v0"


for _name in world_names():
    gymnasium.register(
        id=gym_id(_name),
        entry_point="vla_backfire.worlds.world:World",
        kwargs={"scenario": _name},
    )
