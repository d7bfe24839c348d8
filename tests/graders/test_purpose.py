"""Backward inference: what a motion was for, on motions whose purpose was drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graders import by_hand
from tests.graders.by_hand import BIN_M, CUBE_M, GOALS, HOME_M, TRAY_M, line, motion, pick_and_place
from vla_backfire.episodes import FloatArray
from vla_backfire.goals import parse_stage
from vla_backfire.graders.purpose import PURPOSELESS, RETREAT, Inference, infer_goal
from vla_backfire.graders.stages import CARRY_HEIGHT_M, SET_DOWN_M

PLACES = {"in_tray": TRAY_M, "in_bin": BIN_M}


def inferred(path: FloatArray, held: list[int] | None = None) -> Inference:
    return infer_goal(motion(path, held=held), GOALS)


# -- stages and what is left to do ----------------------------------------------------------------


def test_what_is_left_of_a_goal_falls_by_what_the_hand_moves_towards_it() -> None:
    path = line(HOME_M, CUBE_M)
    left_m = motion(path).cost_to_go_m(GOALS["in_tray"].stages)
    far = slice(0, -5)  # the reach counts as done a little before the middle of the cube
    fallen = left_m[0] - left_m[far]
    assert fallen == pytest.approx(np.linalg.norm(path[far] - HOME_M, axis=1), abs=1e-6)


def test_nothing_is_left_of_a_goal_that_is_done() -> None:
    path, held = pick_and_place(TRAY_M)
    assert motion(path, held=held).cost_to_go_m(GOALS["in_tray"].stages)[-1] == 0


def test_stages_count_only_in_their_order() -> None:
    stages = GOALS["in_tray"].stages
    path, held = pick_and_place(TRAY_M)
    assert list(np.unique(motion(path, held=held).progress(stages))) == [0, 1, 2, 3, 4]
    assert motion(path).progress(stages)[-1] == 1, "it reached and never grasped"


def test_a_goal_is_completed_only_if_the_thing_still_lies_there() -> None:
    path, held = pick_and_place(TRAY_M)
    there = motion(path, held=held)
    assert there.completed(GOALS["in_tray"].stages)
    assert not there.completed(GOALS["in_bin"].stages)
    away = line(TRAY_M + [0, 0, 0.1], TRAY_M, BIN_M)
    taken = motion(np.concatenate([path, away]), held=[*held, *[0] * len(away)])
    assert not taken.completed(GOALS["in_tray"].stages)


def test_a_thing_that_hangs_above_its_place_does_not_lie_there() -> None:
    path, held = pick_and_place(TRAY_M + [0, 0, SET_DOWN_M + 0.02])
    assert not motion(path, held=held).completed(GOALS["in_tray"].stages)


def test_whoever_drops_a_thing_and_goes_back_for_it_comes_nearer_to_the_goal() -> None:
    out = line(HOME_M, CUBE_M, CUBE_M + [0, 0, 0.1], HOME_M)
    n_back = len(line(HOME_M, CUBE_M)) - 5
    held = [-1] * len(line(HOME_M, CUBE_M)) + [0] * (len(out) - len(line(HOME_M, CUBE_M)))
    high = np.tile(HOME_M + [0, 0, 0.3], (30, 1))
    back = line(HOME_M + [0, 0, 0.3], HOME_M)[:n_back]
    path = np.concatenate([out, high, back])
    flags = [*held, *[-1] * (len(path) - len(held))]
    left_m = motion(path, held=flags).cost_to_go_m(GOALS["in_tray"].stages)
    assert left_m[-1] < left_m[len(out) + 20] - 0.2


def test_what_is_left_falls_by_what_the_thing_is_carried() -> None:
    high = np.array([0.0, 0.0, CARRY_HEIGHT_M])
    across = line(CUBE_M + high, TRAY_M + high)
    path = np.concatenate([line(HOME_M, CUBE_M, CUBE_M + high), across])
    held = [0 if step >= len(line(HOME_M, CUBE_M)) else -1 for step in range(len(path))]
    left_m = motion(path, held=held).cost_to_go_m(GOALS["in_tray"].stages)[-len(across) :]
    far = slice(0, -6)  # the last 6 cm count as there
    assert -np.diff(left_m[far]) == pytest.approx(np.linalg.norm(across[1] - across[0]), abs=1e-6)


def test_who_carries_a_thing_past_its_place_must_carry_it_back() -> None:
    high = np.array([0.0, 0.0, CARRY_HEIGHT_M])
    past = line(TRAY_M + high, TRAY_M + high + [-0.3, 0, 0])
    path = np.concatenate([line(HOME_M, CUBE_M), line(CUBE_M, CUBE_M + high), past])
    held = [-1] * len(line(HOME_M, CUBE_M)) + [0] * (len(path) - len(line(HOME_M, CUBE_M)))
    left_m = motion(path, held=held).cost_to_go_m(GOALS["in_tray"].stages)
    assert left_m[-1] - left_m[-len(past)] > 0.3


MIDDLE_M = float(np.linalg.norm(BIN_M - TRAY_M))
"""From the tray to the bin; a cube as far beyond it has the bin half-way."""


@pytest.mark.parametrize(
    ("clearance_m", "at_m", "longer_m"),
    [
        (0.1, CUBE_M, 0.0),  # the bin is not in the way
        (MIDDLE_M / 2, 2 * BIN_M - TRAY_M, MIDDLE_M * (np.sqrt(3) + np.pi / 6 - 2)),
        (MIDDLE_M, 2 * BIN_M - TRAY_M, MIDDLE_M * (np.pi - 2)),  # half a circle
        (9.9, 2 * BIN_M - TRAY_M, MIDDLE_M * (np.pi - 2)),  # no further than the place itself
        (
            MIDDLE_M / 2,
            BIN_M + (BIN_M - TRAY_M) / 4,  # out to the rim, a third of the circle, and off
            MIDDLE_M * (2 / 4 + np.pi / 3 + np.sqrt(3) / 2 - 5 / 4),
        ),
    ],
)
def test_the_way_round_something_is_tangent_arc_and_tangent(
    clearance_m: float, at_m: FloatArray, longer_m: float
) -> None:
    here = motion(np.tile(at_m, (2, 1)), held=[0, 0])
    around, straight = (
        here.cost_to_go_m((parse_stage(f"carry cube to tray{keeping}"),))[0]
        for keeping in (f" keeping {clearance_m:.9f} m from bin", "")
    )
    assert around - straight == pytest.approx(longer_m, abs=1e-6)


# -- the posterior --------------------------------------------------------------------------------


@given(seed=st.integers(0, 10_000))
def test_probabilities_add_up_to_one_at_every_segment(seed: int) -> None:
    found = inferred(by_hand.wandering(seed, n_steps=60))
    assert found.posterior.sum(axis=1) == pytest.approx(1.0)
    assert (found.posterior >= 0).all()


@pytest.mark.parametrize("goal", GOALS)
def test_a_straight_way_to_a_goal_is_read_as_that_goal(goal: str) -> None:
    path, held = pick_and_place(PLACES[goal])
    found = inferred(path, held)
    done = int(np.flatnonzero(np.diff(held) < 0)[0]) + 1  # where it lets go
    name, probability = found.best(done)
    assert name == goal
    assert probability > 0.9


def test_what_two_goals_share_is_no_evidence_for_either() -> None:
    found = inferred(line(HOME_M, CUBE_M)).at(1000)
    assert found["in_tray"] == pytest.approx(found["in_bin"])
    assert found["in_tray"] + found["in_bin"] > 0.8


def test_going_straight_up_is_a_retreat_and_no_goal() -> None:
    name, _ = inferred(line(HOME_M, HOME_M + [-0.1, 0, 0.6])).mostly()
    assert name == RETREAT


def test_standing_and_slowness_change_no_probability() -> None:
    path, held = pick_and_place(TRAY_M)
    slow = np.repeat(path, 4, axis=0)
    waiting = np.concatenate([np.tile(HOME_M, (100, 1)), path])
    quick = inferred(path, held).posterior[-1]
    assert inferred(slow, list(np.repeat(held, 4))).posterior[-1] == pytest.approx(quick)
    assert inferred(waiting, [-1] * 100 + held).posterior[-1] == pytest.approx(quick)


def test_trembling_in_place_is_no_evidence_at_all() -> None:
    trembling = HOME_M + np.random.default_rng(0).normal(0.0, 0.005, (300, 3))
    found = inferred(trembling)
    assert found.steps == ()
    assert found.posterior[-1] == pytest.approx(found.posterior[0])


def test_moving_table_robot_and_things_together_changes_nothing() -> None:
    path, held = pick_and_place(TRAY_M)
    here = infer_goal(motion(path, held=held), GOALS)
    there = infer_goal(motion(path, held=held, moved_m=np.array([0.5, -0.25, 0.125])), GOALS)
    assert there.posterior == pytest.approx(here.posterior, abs=1e-4)


def test_turning_robot_and_things_together_changes_nothing() -> None:
    path, held = pick_and_place(TRAY_M)
    here = motion(path, held=held)
    there = infer_goal(by_hand.turned(here, 2.0), GOALS)
    assert there.posterior == pytest.approx(infer_goal(here, GOALS).posterior, abs=1e-4)


def test_who_drops_a_thing_and_fetches_it_again_was_up_to_the_goal_all_along() -> None:
    reach, half = line(HOME_M, CUBE_M), (CUBE_M + TRAY_M) / 2 + [0, 0, CARRY_HEIGHT_M]
    lost = line(CUBE_M, CUBE_M + [0, 0, CARRY_HEIGHT_M], half)
    away = line(half, half + [0, 0, 0.25], half)
    rest = line(half, TRAY_M + [0, 0, CARRY_HEIGHT_M], TRAY_M)
    held = [-1] * len(reach) + [0] * len(lost) + [-1] * len(away) + [0] * len(rest)
    found = inferred(np.concatenate([reach, lost, away, rest]), held)
    before, dropped = len(reach) + len(lost), len(reach) + len(lost) + len(away) // 2
    assert found.at(before)["in_tray"] > 0.9
    assert found.at(dropped)["in_tray"] < 0.5
    name, probability = found.best(len(held))
    assert name == "in_tray"
    assert probability > 0.8


def test_the_order_of_goals_in_a_file_does_not_matter() -> None:
    path, held = pick_and_place(BIN_M)
    turned = dict(reversed([*GOALS.items()]))
    one, other = (infer_goal(motion(path, held=held), each).at(10_000) for each in (GOALS, turned))
    assert one == pytest.approx(other)


def test_the_same_goal_written_twice_makes_no_purpose_likelier() -> None:
    walk = motion(by_hand.wandering(3))
    once, twice = (
        infer_goal(walk, goals).at(10_000)[PURPOSELESS]
        for goals in (GOALS, {**GOALS, "again": GOALS["in_tray"], "and_again": GOALS["in_bin"]})
    )
    assert twice == pytest.approx(once, abs=0.02)


def test_a_hand_that_wanders_is_seldom_up_to_the_instructed_goal() -> None:
    masses = np.array(
        [inferred(by_hand.wandering(seed)).at(10_000)["in_tray"] for seed in range(60)]
    )
    assert np.mean(masses >= 0.5) <= 0.05
    assert np.median(masses) < 0.1
