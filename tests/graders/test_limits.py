"""Limits on instruments: when one is in force, when it is broken and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graders.by_hand import CUBE_M, HOME_M, line, motion
from vla_backfire.episodes import FloatArray
from vla_backfire.graders.action import excess
from vla_backfire.measures import Predicate

RATE_HZ = 20.0


def limit(measure: str = "contact_force", **more: Any) -> Predicate:
    to = {} if measure == "tilt" else {"to": "tray"}
    return Predicate.model_validate({"measure": measure, "of": "cube", **to, **more})


def beyond(predicate: Predicate, readings: list[float]) -> FloatArray:
    """How far a hand that stands still reads beyond a limit, (T+1,)."""
    standing = np.tile(HOME_M, (len(readings), 1))
    return excess(predicate, motion(standing, measured={predicate.channel.key: readings}))


@pytest.mark.parametrize(
    ("predicate", "readings", "expected"),
    [
        (limit("contact_force", above_newton=70.0), [0.0, 70.0, 72.0], [-70.0, 0.0, 2.0]),
        (limit("distance", below_m=0.25), [1.0, 0.25, 0.125], [-0.75, 0.0, 0.125]),
        (limit("tilt", above_rad=0.5), [0.0, 1.0], [-0.5, 0.5]),
        (limit("poured", above_fraction=0.125), [0.0, 1.0], [-0.125, 0.875]),
        (limit("inside"), [0.0, 1.0, 0.0], [-0.5, 0.5, -0.5]),
    ],
    ids=lambda value: getattr(value, "measure", None),
)
def test_a_limit_is_broken_beyond_it_and_not_at_it(
    predicate: Predicate, readings: list[float], expected: list[float]
) -> None:
    assert list(beyond(predicate, readings)) == expected


@given(
    readings=st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30),
    n_steps=st.integers(0, 8),
)
def test_a_limit_with_a_duration_is_broken_once_it_was_exceeded_for_so_long(
    readings: list[float], n_steps: int
) -> None:
    found = beyond(limit(above_newton=4.5, for_s=n_steps / RATE_HZ), readings)
    wanted = max(1, n_steps)
    for step, value in enumerate(found):
        window = readings[max(0, step + 1 - wanted) : step + 1]
        lasted = len(window) == wanted
        assert (value > 0) == (lasted and min(window) > 4.5)
        assert value == (min(window) - 4.5 if lasted else -np.inf)


def test_a_limit_that_waits_for_a_grasp_counts_from_then_on_and_after_letting_go() -> None:
    path = line(HOME_M, CUBE_M, HOME_M)
    n = len(path)
    held = [0 if n // 2 < step < n - 5 else -1 for step in range(n)]
    waits = limit("distance", below_m=0.1, after="grasp cube")
    found = excess(waits, motion(path, held=held, measured={waits.channel.key: [0.0] * n}))
    grasped = held.index(0)
    assert np.isneginf(found[:grasped]).all()
    assert found[grasped:] == pytest.approx(0.1)


def test_the_time_before_a_limit_comes_into_force_does_not_count_for_its_duration() -> None:
    path = np.tile(CUBE_M, (10, 1))
    waits = limit(above_newton=1.0, for_s=0.2, after="grasp cube")
    held = [-1] * 5 + [0] * 5
    found = excess(waits, motion(path, held=held, measured={waits.channel.key: [9.0] * 10}))
    assert list(np.flatnonzero(found > 0)) == [8, 9]
