"""Rates: of independent trials, and of episodes that come in scenarios.

Dimension letters: S scenarios (the clusters).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from vla_backfire.stats.estimate import Estimate, refuse_level

CLUSTERED = "wilson, effective n of the scenarios"
ONE_SCENARIO = "one scenario, no interval"


def wilson_interval(hits: int, n: int, *, level: float = 0.95) -> Estimate:
    """Rate of `hits` in `n` independent trials with Wilson's score interval.

    Preferred to the textbook interval because it stays inside [0, 1] and keeps its coverage
    when a language has few episodes or none that went wrong. The trials must be independent:
    repeats of one scenario are not, and `clustered_rate` is for them.

    Args:
        hits: Trials that ended the way being counted, 0 <= hits <= n.
        n: Trials, at least 1. With none there is no rate: the caller reports it as missing.
        level: Coverage, in (0, 1).

    Raises:
        ValueError: The counts or the level are impossible.

    References:
        Wilson (1927), J. Am. Stat. Assoc. 22(158); method 3 of Newcombe (1998), Stat. Med. 17(8).

    Examples:
        >>> rate = wilson_interval(0, 20)
        >>> round(rate.low, 4), round(rate.high, 4)
        (0.0, 0.1611)
    """
    _refuse_counts(hits, n)
    refuse_level(level)
    low, high = _wilson_ends(hits / n, n, _normal_quantile(level))
    return Estimate(hits / n, low, high, n, level, "wilson")


def clopper_pearson_interval(hits: int, n: int, *, level: float = 0.95) -> Estimate:
    """Rate of `hits` in `n` independent trials with the interval that guarantees its coverage.

    Wider than Wilson's; for statements such as "at most this often, having seen none".

    Args:
        hits: Trials that ended the way being counted, 0 <= hits <= n.
        n: Trials, at least 1.
        level: Coverage, in (0, 1); the true coverage is never below it.

    Raises:
        ValueError: The counts or the level are impossible.

    References:
        Clopper and Pearson (1934), Biometrika 26(4); method 5 of Newcombe (1998), Stat. Med. 17(8).

    Examples:
        >>> rate = clopper_pearson_interval(0, 20)
        >>> round(rate.low, 4), round(rate.high, 4)
        (0.0, 0.1684)
    """
    _refuse_counts(hits, n)
    refuse_level(level)
    tail = (1 - level) / 2
    low = float(special.betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Estimate(hits / n, low, high, n, level, "clopper-pearson")


def clustered_rate(
    rates_by_cluster: ArrayLike, n_by_cluster: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Mean over scenarios of each scenario's rate, with an interval for scenarios like these.

    Every scenario weighs the same however often it was repeated. Repeats of one scenario
    resemble each other, so the interval is Wilson's with an effective n: the number of
    independent trials that would leave the mean as uncertain as the spread of the scenario
    rates says it is. It lies between S (repeats add nothing) and S times the harmonic mean of
    the repeats (repeats are independent).

    Two surprises are dealt with. A spread seen in few scenarios is hardly known, and one hit in
    one scenario would make the interval collapse; so 1/n_eff is averaged with 1/S, which has
    the weight of one scenario against the `min(#rates > 0, #rates < 1)` that tell of the spread.
    And n_eff is estimated from S rates, so Student's quantile (df S - 1) stands in for the
    normal one, except where nothing was estimated: with all rates 0, or all 1, n_eff is S and
    the interval is Wilson's for S trials. (The t interval would have no width there.)

    The target is a population of scenarios; for one scenario the interval is all of [0, 1].

    Measured coverage at level 0.95, 2,000 tables a cell (`benchmarks/stats_coverage.py`): the
    least over mean rates .02-.5 and K of 2, 5, 10 repeats, and in brackets the mean. omega is
    the SD of the true rate between scenarios; "0/1" is a policy that repeats itself exactly.
    It is cautious with 6 scenarios. The last column is Wilson on pooled repeats, S = 20.

    =====  ===========  ===========  ===========  =============
    omega  S = 6        S = 20       S = 60       pooled
    =====  ===========  ===========  ===========  =============
    0      .977 (.996)  .968 (.985)  .960 (.974)  .935 (.951)
    .1     .983 (.994)  .966 (.978)  .958 (.966)  .458 (.872)
    .2     .971 (.988)  .962 (.972)  .949 (.959)  .469 (.779)
    .3     .979 (.989)  .951 (.961)  .949 (.956)  .301 (.709)
    0/1    .962 (.981)  .936 (.964)  .947 (.959)  .000 (.593)
    =====  ===========  ===========  ===========  =============

    Args:
        rates_by_cluster: Rate in each scenario, in [0, 1].  # (S,)
        n_by_cluster: Episodes behind each rate, at least 1; leave out scenarios without.  # (S,)
        level: Coverage, in (0, 1).

    Returns:
        The rate, with `n` all episodes and `n_clusters` the scenarios.

    Raises:
        ValueError: No scenarios, shapes that differ, a rate outside [0, 1] or NaN, an n below 1.

    References:
        Effective n with Student's quantile: Korn and Graubard (1998), Survey Methodology 24(2).
        Wilson's form, and too little coverage where the effective n is not steadied: Franco,
        Little, Louis and Slud (2019), J. Surv. Stat. Methodol. 7(3). Steadying it by the weight
        of one scenario is ours; the table above is its warrant.

    Examples:
        >>> rate = clustered_rate([0.0, 0.5, 1.0, 0.5], [10, 10, 10, 10])
        >>> rate.value, rate.n, rate.n_clusters
        (0.5, 40, 4)
    """
    rates, n_each = _matched_clusters(rates_by_cluster, n_by_cluster)  # (S,), (S,)
    refuse_level(level)
    n_clusters, n, rate = rates.size, int(n_each.sum()), float(rates.mean())
    if n_clusters == 1:
        return Estimate(rate, 0.0, 1.0, n, level, ONE_SCENARIO, n_clusters)
    unanimous = rates.max() == 0 or rates.min() == 1
    quantile = _normal_quantile(level) if unanimous else _student_quantile(level, n_clusters - 1)
    low, high = _wilson_ends(rate, _effective_n(rates, n_each), quantile)
    return Estimate(rate, low, high, n, level, CLUSTERED, n_clusters)


def _effective_n(rates: NDArray[np.float64], n_each: NDArray[np.float64]) -> float:
    n_clusters, rate = rates.size, float(rates.mean())
    ceiling = n_clusters**2 / float((1 / n_each).sum())
    squared_error = float(rates.var(ddof=1)) / n_clusters
    raw = rate * (1 - rate) / squared_error if squared_error > 0 else ceiling
    bounded = min(max(raw, n_clusters), ceiling)
    telling = min(int((rates > 0).sum()), int((rates < 1).sum()))
    return (telling + 1) / (telling / bounded + 1 / n_clusters)


def _wilson_ends(rate: float, n: float, quantile: float) -> tuple[float, float]:
    centre = (rate + quantile**2 / (2 * n)) / (1 + quantile**2 / n)
    spread = sqrt(rate * (1 - rate) / n + (quantile / (2 * n)) ** 2)
    half = quantile * spread / (1 + quantile**2 / n)
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


def _normal_quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def _student_quantile(level: float, df: int) -> float:
    return float(special.stdtrit(df, 0.5 + level / 2))


def _refuse_counts(hits: int, n: int) -> None:
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"need 0 <= hits <= n and n >= 1, got hits={hits}, n={n}")


def _matched_clusters(
    rates_by_cluster: ArrayLike, n_by_cluster: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rates = np.asarray(rates_by_cluster, dtype=np.float64)  # (S,)
    n_each = np.asarray(n_by_cluster, dtype=np.float64)  # (S,)
    if rates.ndim != 1 or not rates.size or rates.shape != n_each.shape:
        raise ValueError(f"need one rate and one n per scenario, got {rates.shape}, {n_each.shape}")
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"rates lie in [0, 1], got {rates}")
    if not ((n_each >= 1) & (n_each == np.floor(n_each))).all():
        raise ValueError(f"each scenario needs a whole number of episodes, 1 or more, got {n_each}")
    return rates, n_each
