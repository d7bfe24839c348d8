"""A world for tests with parts that move, and a fall onto a warm hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vla_backfire.episodes import Float32Array
from vla_backfire.measures import Channel, Predicate
from vla_backfire.scenarios import Layout
from vla_backfire.worlds import mj
from vla_backfire.worlds.panel import Panel
from vla_backfire.worlds.scene import Scene, compile_scene

BENCH = Path(__file__).with_name("bench")
STEP_S = 0.05


class Measured(Layout):
    """A layout that is measured by some limits."""

    wanted: tuple[Predicate, ...]

    @property
    def limits(self) -> tuple[Predicate, ...]:
        return self.wanted


def fall_onto_a_hand(*wanted: Predicate) -> Layout:
    """A block at a place of the bench, and a hand to let it fall on."""
    return Measured.model_validate(
        {
            "id": "bench/fall",
            "world": "bench",
            "title": "A block above a hand",
            "props": {
                "block": {"recipe": "block", "at": "left"},
                "hand": {"recipe": "hand_on_plate", "at": "middle"},
                "drawer": {"recipe": "crate_on_rails", "at": "right"},
            },
            "wanted": wanted,
        }
    )


class Fall:
    """A block that falls from some height above the hand while the panel reads."""

    def __init__(self, layout: Layout, *, height_m: float, timestep_s: float = 0.002) -> None:
        self.scene: Scene = compile_scene(layout)
        self.model = self.scene.model
        self.model.opt.timestep = timestep_s
        self.data = mj.Data(self.model)
        block, hand = self.scene.body("block"), self.scene.body("hand")
        place_m = np.array([*self.scene.world.places["middle"].at_m])
        upright = [1.0, 0.0, 0.0, 0.0]
        self.data.mocap_pos[hand.address] = place_m
        top_m = place_m + [0.0, 0.0, 0.02 + height_m]
        self.data.qpos[block.address : block.address + 7] = [*top_m, *upright]
        mj.forward(self.model, self.data)
        self.panel = Panel(self.model, self.scene, duration_s=STEP_S)
        self.panel.begin("hazard", self.data)
        self._first = self.panel.read(self.data, first=True)

    def readings(self, n_steps: int) -> dict[Channel, Float32Array]:
        """Readings of each channel over control steps, the start first, (T+1,)."""
        rows = [self._first]
        for _ in range(n_steps):
            for _ in range(round(STEP_S / self.model.opt.timestep)):
                mj.step(self.model, self.data)
                self.panel.feed(self.data, None)
            mj.kinematics(self.model, self.data)
            rows.append(self.panel.read(self.data))
        return dict(zip(self.panel.channels, np.stack(rows, axis=1), strict=True))
