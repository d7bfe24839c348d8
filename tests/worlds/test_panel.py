"""The panel of a world reads what a formula says of a block that falls onto a hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.bench import BENCH, STEP_S, Fall, fall_onto_a_hand
from vla_backfire.episodes import Float32Array
from vla_backfire.errors import InvalidScenario, UnknownName
from vla_backfire.measures import Channel, Predicate
from vla_backfire.resources import ENVS_VARIABLE
from vla_backfire.worlds.checks import FAR_M
from vla_backfire.worlds.scene import compile_scene

GRAVITY_M_S2 = 9.81
HEIGHT_M = 0.3
FALL_S = float(np.sqrt(2 * HEIGHT_M / GRAVITY_M_S2))  # 0.247 s
STEPS_S = (0.002, 0.001)
FAST = Predicate(measure="speed", of="block", above_m_s=1)
NEAR = Predicate(measure="speed", of="block", to="hand", within_m=0.1, above_m_s=1)
ARRIVES = Predicate(measure="impact", of="block", to="hand", above_m_s=1)
LIES = Predicate(measure="support", of="block", to="hand", above_fraction=0.5)
HOT = Predicate(measure="contact_celsius", of="block", to="hand", above_celsius=60)
HARD = Predicate(measure="contact_ratio", of="block", to="hand", above_ratio=1)
PRESSES = Predicate(measure="contact_force", of="block", to="hand", above_newton=1)
APART = Predicate(measure="distance", of="block", to="hand", below_m=0.1)
HIGH = Predicate(measure="in_zone", of="block", to="above")
OPEN = Predicate(measure="opening", of="drawer", above_fraction=0.5)


@pytest.fixture(autouse=True)
def _bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVS_VARIABLE, str(BENCH))


def measured(limit: Predicate, *, timestep_s: float = 0.002, n_steps: int = 16) -> Float32Array:
    fall = Fall(fall_onto_a_hand(limit), height_m=HEIGHT_M, timestep_s=timestep_s)
    return fall.readings(n_steps)[limit.channel]


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_a_falling_things_speed_grows_with_g(timestep_s: float) -> None:
    speed = measured(FAST, timestep_s=timestep_s)
    middles_s = STEP_S * (np.arange(1, 5) - 0.5)
    assert speed[0] == 0.0
    np.testing.assert_allclose(speed[1:5], GRAVITY_M_S2 * middles_s, rtol=0.05)
    assert speed[-1] < 0.01


def test_speed_near_a_person_counts_only_near_the_person() -> None:
    everywhere, near, apart = (measured(limit) for limit in (FAST, NEAR, APART))
    np.testing.assert_array_equal(near, np.where(apart < 0.1, everywhere, 0.0))
    assert near.max() > 1.0
    assert (near[:3] == 0.0).all()


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_the_distance_shrinks_by_half_g_t_squared(timestep_s: float) -> None:
    apart = measured(APART, timestep_s=timestep_s)
    t = STEP_S * np.arange(5)
    np.testing.assert_allclose(apart[:5], HEIGHT_M - GRAVITY_M_S2 / 2 * t**2, atol=0.006)
    assert apart[-1] == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_a_drop_is_felt_once_in_the_step_in_which_it_lands(timestep_s: float) -> None:
    arrival = measured(ARRIVES, timestep_s=timestep_s)
    landing = int(np.ceil(FALL_S / STEP_S))
    assert arrival[landing] == pytest.approx(np.sqrt(2 * GRAVITY_M_S2 * HEIGHT_M), rel=0.05)
    assert arrival.argmax() == landing


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_what_has_landed_is_carried_pressed_and_warmed(timestep_s: float) -> None:
    weight_newton = 0.2 * GRAVITY_M_S2
    for limit, before, after in (
        (LIES, 0.0, 1.0),
        (HARD, 0.0, weight_newton / 140.0),
        (PRESSES, 0.0, weight_newton),
        (HOT, 20.0, 80.0),
    ):
        reading = measured(limit, timestep_s=timestep_s)
        assert (reading[:4] == before).all(), limit.measure
        assert reading[-1] == pytest.approx(after, rel=0.02), limit.measure


def test_a_thing_is_in_a_zone_while_its_middle_is() -> None:
    inside = measured(HIGH)  # the zone reaches from 1.1 to 1.3 m, the block falls from 1.25 m
    fallen_m = GRAVITY_M_S2 / 2 * (STEP_S * np.arange(5)) ** 2
    middle_m = 0.9 + 0.02 + HEIGHT_M + 0.03 - fallen_m
    np.testing.assert_array_equal(inside[:5], (middle_m > 1.1).astype(float))
    assert inside[0] == 1.0
    assert inside[-1] == 0.0


def test_an_opening_is_a_share_of_the_way() -> None:
    fall = Fall(fall_onto_a_hand(OPEN), height_m=HEIGHT_M)
    assert fall.readings(1)[OPEN.channel][-1] == pytest.approx(0.0, abs=1e-3)
    fall.data.qpos[fall.scene.body("drawer").opening] = 0.09  # of 0.12 m
    assert fall.readings(1)[OPEN.channel][-1] == pytest.approx(0.75, abs=0.01)


def test_channels_of_one_pair_at_two_ranges_are_two_channels() -> None:
    near, nearer = NEAR.channel, NEAR.channel._replace(within_m=0.05)
    assert near.key == "speed:block:hand:0.1"
    assert len({near.key, nearer.key, Channel("speed", "block").key}) == 3


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        (Predicate(measure="in_zone", of="block", to="abov"), "zone named 'abov'; did you mean"),
        (Predicate(measure="opening", of="block", above_fraction=0.5), "'block' needs joint"),
        (Predicate(measure="support", of="block.lid", to="hand", above_fraction=0.5), "block.lid"),
        (
            Predicate(measure="distance", of="block", to="hand", below_m=FAR_M),
            "distances are measured up to 1 m",
        ),
        (
            Predicate(measure="contact_force", of="hand", to="hand", above_newton=1),
            "hand and hand stay put",
        ),
    ],
)
def test_a_limit_that_measures_nothing_is_refused(limit: Predicate, problem: str) -> None:
    with pytest.raises((InvalidScenario, UnknownName), match=problem):
        compile_scene(fall_onto_a_hand(limit))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"measure": "speed", "of": "block"}, "wants above_m_s, got no limit"),
        ({"measure": "speed", "of": "b", "to": "h", "above_m_s": 1}, "within_m belongs to"),
        ({"measure": "speed", "of": "b", "above_rad": 1}, "wants above_m_s, got above_rad"),
        ({"measure": "tilt", "of": "b", "to": "h", "above_rad": 1}, "is of one thing; remove 'to'"),
        ({"measure": "impact", "of": "b", "above_m_s": 1}, "measure 'impact' needs 'to'"),
        (
            {"measure": "opening", "of": "b", "above_fraction": 0.5, "below_fraction": 0.4},
            "got above_fraction, below_fraction",
        ),
    ],
)
def test_a_limit_is_written_in_the_unit_of_its_measure(
    fields: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Predicate.model_validate(fields)
