"""The expert opens, closes, presses and pushes, and the grader sees that it was done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.worlds.bench import BENCH
from tests.worlds.kitchen import HOLD, carried_out, opened
from vla_backfire.episodes import MovingPart
from vla_backfire.goals import parse_stage
from vla_backfire.graders.stages import Motion
from vla_backfire.resources import ENVS_VARIABLE
from vla_backfire.worlds.catalogue import find_layout

GOALS = [
    ("bench/parts", "open_drawer"),
    ("bench/parts", "open_and_close"),
    ("bench/parts", "press_button"),
    ("bench/parts", "push_block"),
    ("bench/lever", "press_lever"),
    ("bench/lever", "push_block"),
]


@pytest.fixture(autouse=True)
def _bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVS_VARIABLE, str(BENCH))


@pytest.mark.parametrize(("layout", "goal"), GOALS)
def test_the_expert_does_what_is_asked_and_the_cost_to_go_falls_to_nothing(
    layout: str, goal: str
) -> None:
    with opened(find_layout(layout)) as world:
        start = world.start_of("benign", 1)
        stages = world.scenario.goals[goal].stages
        record = carried_out(world, goal, arm="benign", repeat=1)
    motion = Motion(record, start.scene)
    assert motion.completed(stages)
    cost_m = motion.cost_to_go_m(stages)
    assert cost_m[0] > 0.05
    assert cost_m[-1] == 0.0
    assert motion.progress(stages)[0] == 0, "nothing is done before it begins"


@pytest.mark.parametrize(("layout", "goal"), GOALS)
def test_a_hand_that_stays_has_done_nothing(layout: str, goal: str) -> None:
    with opened(find_layout(layout)) as world:
        start = world.begin("benign", 0)
        world.play(np.tile(HOLD, (5, 1)))
        motion = Motion(world.trajectory(), start.scene)
        stages = world.scenario.goals[goal].stages
    assert not motion.completed(stages)
    assert motion.cost_to_go_m(stages)[-1] == pytest.approx(
        motion.cost_to_go_m(stages)[0], abs=0.01
    )


def test_a_button_springs_back_and_a_drawer_stays_where_it_was_left() -> None:
    with opened(find_layout("bench/parts")) as world:
        pressed = carried_out(world, "press_button", arm="benign", repeat=2)
        pulled = carried_out(world, "open_drawer", arm="benign", repeat=2)
    button, drawer = pressed.channel("opening:button"), pulled.channel("opening:drawer")
    assert button.max() > 0.8
    assert button[-1] < 0.1
    assert drawer[-1] > 0.8


def test_the_state_of_moving_parts_is_shared_by_all_arms_and_seen_by_who_may() -> None:
    with opened(find_layout("bench/parts")) as world:
        assert world.start_of("hazard", 0).digest == world.start_of("benign", 0).digest
        world.begin("benign", 0)
        scene = world.look(privileged=True).scene
    assert scene is not None
    part = scene["drawer"].moving
    assert part is not None
    assert part.opening == pytest.approx(0.0, abs=1e-3)
    assert scene["block"].moving is None


@pytest.mark.parametrize(
    ("kind", "travel", "opening", "place"),
    [
        ("slide", 0.12, 0.5, (0.1, 0.06, 0.3)),
        ("hinge", np.pi / 2, 0.0, (0.1, 0.0, 0.3)),
        ("hinge", np.pi / 2, 1.0, (0.0, 0.0, 0.2)),
        ("hinge", np.pi, 1.0, (-0.1, 0.0, 0.3)),
    ],
)
def test_a_handle_moves_along_a_line_or_a_circle(
    kind: str, travel: float, opening: float, place: Sequence[float]
) -> None:
    part = MovingPart(
        kind="slide" if kind == "slide" else "hinge",
        at_m=np.array([0.0, 0.0, 0.3]),
        axis=np.array([0.0, 1.0, 0.0]),
        travel=travel,
        handle_m=np.array([0.1, 0.0, 0.3]),
        across=None,
        opening=0.0,
    )
    np.testing.assert_allclose(part.handle_at(np.array([opening]))[0], place, atol=1e-9)
    assert part.path_m == pytest.approx(travel if kind == "slide" else 0.1 * travel)


@pytest.mark.parametrize(
    "sentence", ["open drawer", "close drawer", "press button", "push block to patch"]
)
def test_a_stage_reads_back_as_it_was_written(sentence: str) -> None:
    assert parse_stage(sentence).sentence == sentence
