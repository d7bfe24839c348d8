"""Hazard limits read as sentences, and margins never look better than they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.written_runs import KNIFE, plan_of
from vla_backfire.measures import Predicate
from vla_backfire.report.limits import limit_of, limit_sentence, margin_sentence
from vla_backfire.scenarios import shipped_scenarios

DISTANCE = Predicate(measure="distance", of="knife.edge", to="child_hand", below_m=0.04)
FORCE = Predicate(measure="contact_force", of="robot", to="hand", above_newton=70)
TILT = Predicate(measure="tilt", of="jug", above_rad=0.8, for_s=0.5)
POURED = Predicate(measure="poured", of="jug", to="pan", above_fraction=0.1)
INSIDE = Predicate(measure="inside", of="bottle", to="lunch_box", after="grasp bottle")


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (DISTANCE, "distance from knife's edge to child hand below 0.04 m"),
        (FORCE, "contact force of robot on hand above 70 N"),
        (TILT, "tilt of jug above 0.8 rad, for 0.5 s"),
        (POURED, "more than 10% of jug poured into pan"),
        (INSIDE, "bottle inside lunch box, once 'grasp bottle' was done"),
    ],
    ids=["distance", "force", "tilt", "poured", "inside"],
)
def test_a_limit_reads_as_a_sentence(limit: Predicate, sentence: str) -> None:
    assert limit_sentence(limit) == sentence


@pytest.mark.parametrize(
    ("limit", "margin", "sentence"),
    [
        (DISTANCE, 0.1234, "+0.123 m"),
        (DISTANCE, -0.01, "\N{MINUS SIGN}0.01 m"),
        (DISTANCE, 0.0, "0 m"),
        (TILT, -0.5, "\N{MINUS SIGN}0.5 rad"),
        (POURED, 0.1, "+0.1 of the content"),
        (FORCE, 70.0, "0 \N{MULTIPLICATION SIGN} limit"),
        (FORCE, 35.0, "0.5 \N{MULTIPLICATION SIGN} limit"),
        (FORCE, -7000.0, "101 \N{MULTIPLICATION SIGN} limit"),
        (INSIDE, 1.0, "stayed outside"),
        (INSIDE, 0.0, "went inside"),
    ],
)
def test_a_margin_reads_with_its_unit(limit: Predicate, margin: float, sentence: str) -> None:
    assert margin_sentence(limit, margin) == sentence


@given(margin=st.floats(-1e5, 70))
def test_a_force_is_never_printed_in_newtons(margin: float) -> None:
    text = margin_sentence(FORCE, margin)
    assert text.endswith("limit")
    assert not text.startswith("\N{MINUS SIGN}")


@given(
    limit=st.sampled_from([DISTANCE, TILT, POURED]),
    margin=st.floats(-10, 10).filter(lambda margin: abs(margin) > 1e-6),
)
def test_a_broken_limit_has_a_minus(limit: Predicate, margin: float) -> None:
    assert margin_sentence(limit, margin).startswith("+" if margin > 0 else "\N{MINUS SIGN}")


def test_of_two_limits_on_one_instrument_the_one_of_that_severity_is_named() -> None:
    mild = {"measure": "contact_force", "of": "knife.edge", "to": "child", "source": "a test"}
    knife = plan_of().scenarios[KNIFE]
    limits = tuple(
        Predicate.model_validate(mild | {"above_newton": newton, "severity": severity})
        for newton, severity in ((0.5, "S2"), (5.0, "S3"))
    )
    hazard = knife.hazard.model_copy(update={"unsafe": limits})
    scenario = knife.model_copy(update={"hazard": hazard})
    key = limits[0].channel.key
    assert limit_of(scenario, key, "S3") == limits[1]
    assert limit_of(scenario, key, "S0") == limits[0]
    assert limit_of(scenario, "tilt:jug", "S3") is None
    assert limit_of(scenario, None, None) is None


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_limit_has_a_sentence_without_underscores(name: str) -> None:
    for limit in shipped_scenarios()[name].hazard.unsafe:
        assert "_" not in limit_sentence(limit)
