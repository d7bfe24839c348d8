import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_backfire.stats import (
    Estimate,
    clopper_pearson_interval,
    clustered_rate,
    wilson_interval,
)

Table = tuple[list[float], list[int]]


@st.composite
def tables(draw: st.DrawFn, min_size: int = 1) -> Table:
    n_each = draw(st.lists(st.integers(1, 12), min_size=min_size, max_size=12))
    return [draw(st.integers(0, n)) / n for n in n_each], n_each


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


# Newcombe (1998), Stat. Med. 17(8) 857-872, Table I: methods 3 (score) and 5 (exact).
@pytest.mark.parametrize(
    ("interval", "hits", "n", "low", "high"),
    [
        (wilson_interval, 81, 263, 0.2553, 0.3662),
        (wilson_interval, 15, 148, 0.0624, 0.1605),
        (wilson_interval, 0, 20, 0.0, 0.1611),
        (wilson_interval, 1, 29, 0.0061, 0.1718),
        (clopper_pearson_interval, 81, 263, 0.2527, 0.3676),
        (clopper_pearson_interval, 15, 148, 0.0578, 0.1617),
        (clopper_pearson_interval, 0, 20, 0.0, 0.1684),
        (clopper_pearson_interval, 1, 29, 0.0009, 0.1776),
    ],
)
def test_newcombe_1998_is_reproduced(
    interval: Callable[[int, int], Estimate], hits: int, n: int, low: float, high: float
) -> None:
    rate = interval(hits, n)
    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
@given(n=st.integers(1, 500), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_an_interval_of_counts_holds_the_rate_and_mirrors(
    interval: Callable[..., Estimate], n: int, share: float, level: float
) -> None:
    hits = round(share * n)
    rate, mirrored = interval(hits, n, level=level), interval(n - hits, n, level=level)
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    assert rate.low == pytest.approx(1 - mirrored.high, abs=1e-9)
    assert width(interval(2 * hits, 2 * n, level=level)) < width(rate)


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
@pytest.mark.parametrize(("hits", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(
    interval: Callable[[int, int], Estimate], hits: int, n: int
) -> None:
    with pytest.raises(ValueError, match=f"hits={hits}, n={n}"):
        interval(hits, n)


@pytest.mark.parametrize("rate", [0, 1])
@pytest.mark.parametrize("repeats", [1, 10])
def test_scenarios_that_all_agree_count_once_however_often_they_were_repeated(
    rate: int, repeats: int
) -> None:
    clustered, counted = clustered_rate([rate] * 20, [repeats] * 20), wilson_interval(20 * rate, 20)
    assert (clustered.low, clustered.high) == (counted.low, counted.high)


def test_repeats_of_a_policy_that_repeats_itself_add_nothing() -> None:
    once, often = (clustered_rate([0, 1, 1, 0, 1, 1], [k] * 6) for k in (1, 50))
    assert (once.low, once.high) == (often.low, often.high)


def test_repeats_that_vary_within_scenarios_add_something() -> None:
    deterministic, varied = (
        clustered_rate([0, 1] * 10, [10] * 20),
        clustered_rate([0.5] * 20, [10] * 20),
    )
    assert width(varied) < 0.6 * width(deterministic)


def test_one_hit_in_one_scenario_does_not_make_the_interval_collapse() -> None:
    rate = clustered_rate([0.1] + [0.0] * 19, [10] * 20)
    assert rate.high > 2 * wilson_interval(1, 200).high


def test_every_scenario_weighs_the_same() -> None:
    assert clustered_rate([0.0, 1.0], [1, 99]).value == 0.5


def test_one_scenario_says_nothing_about_others() -> None:
    rate = clustered_rate([0.3], [10])
    assert (rate.value, rate.low, rate.high, rate.n, rate.n_clusters) == (0.3, 0.0, 1.0, 10, 1)


@given(table=tables(), level=st.floats(0.5, 0.999))
def test_a_clustered_interval_holds_the_rate_and_stays_a_probability(
    table: Table, level: float
) -> None:
    rate = clustered_rate(*table, level=level)
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    assert width(rate) > 0


@given(table=tables(), order=st.randoms(use_true_random=False))
def test_relabelling_scenarios_changes_nothing(table: Table, order: random.Random) -> None:
    pairs = list(zip(*table, strict=True))
    order.shuffle(pairs)
    rate, shuffled = clustered_rate(*table), clustered_rate(*zip(*pairs, strict=True))
    assert (rate.low, rate.high) == pytest.approx((shuffled.low, shuffled.high), abs=1e-12)


@given(table=tables())
def test_counting_the_opposite_outcome_mirrors_the_interval(table: Table) -> None:
    rates, n_each = table
    rate, opposite = clustered_rate(rates, n_each), clustered_rate([1 - r for r in rates], n_each)
    assert rate.low == pytest.approx(1 - opposite.high, abs=1e-6)


@given(table=tables())
def test_twice_the_scenarios_narrow_the_interval(table: Table) -> None:
    rates, n_each = table
    assert width(clustered_rate(rates * 2, n_each * 2)) < width(clustered_rate(rates, n_each))


@given(table=tables(), levels=st.tuples(st.floats(0.5, 0.99), st.floats(0.5, 0.99)))
def test_a_higher_level_is_never_narrower(table: Table, levels: tuple[float, float]) -> None:
    timid, bold = (clustered_rate(*table, level=level) for level in sorted(levels))
    assert width(timid) <= width(bold)


@pytest.mark.parametrize(
    ("rates", "n_each", "complaint"),
    [
        ([], [], "one rate and one n"),
        ([0.5, 0.5], [3], "one rate and one n"),
        ([0.5, float("nan")], [3, 3], "rates lie in"),
        ([0.5, 1.1], [3, 3], "rates lie in"),
        ([0.5, 0.0], [3, 0], "whole number of episodes"),
    ],
)
def test_impossible_tables_are_refused(
    rates: list[float], n_each: list[int], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        clustered_rate(rates, n_each)


@pytest.mark.parametrize(("n_scenarios", "omega"), [(6, 0.2), (20, 0.1), (20, 0.3), (60, 0.2)])
def test_the_clustered_interval_covers_a_population_of_scenarios(
    n_scenarios: int, omega: float
) -> None:
    rng = np.random.default_rng(n_scenarios)
    mean_rate, k, n_tables = 0.25, 5, 600
    weight = mean_rate * (1 - mean_rate) / omega**2 - 1
    covered = 0
    for _ in range(n_tables):
        true_rates = rng.beta(mean_rate * weight, (1 - mean_rate) * weight, n_scenarios)
        rate = clustered_rate(rng.binomial(k, true_rates) / k, [k] * n_scenarios)
        covered += rate.low <= mean_rate <= rate.high
    assert covered / n_tables >= 0.93  # nominal 0.95, two standard errors of the simulation


def test_pooling_repeats_does_not_cover() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        hits = rng.binomial(10, rng.beta(0.4, 1.2, 20))
        rate = wilson_interval(int(hits.sum()), 200)
        covered += rate.low <= 0.25 <= rate.high
    assert covered / 300 < 0.75
