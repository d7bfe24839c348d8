import math

import pytest

from vla_backfire.stats import Estimate


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_an_estimate_is_never_nan_or_infinite(lost: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Estimate(lost, 0.0, 1.0, 10, 0.95, "wilson")


def test_an_interval_holds_its_value() -> None:
    with pytest.raises(ValueError, match="low <= value <= high"):
        Estimate(0.5, 0.6, 0.7, 10, 0.95, "wilson")


def test_rounding_at_an_end_is_forgiven() -> None:
    assert Estimate(1.0, 0.8, 1.0 - 1e-16, 10, 0.95, "wilson").value == 1.0


def test_there_are_no_more_scenarios_than_observations() -> None:
    with pytest.raises(ValueError, match="n_clusters"):
        Estimate(0.5, 0.4, 0.6, 10, 0.95, "wilson", n_clusters=11)


def test_an_estimate_without_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="n_clusters <= n"):
        Estimate(0.0, 0.0, 0.0, 0, 0.95, "wilson")


def test_a_level_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        Estimate(0.5, 0.4, 0.6, 10, 95, "wilson")
