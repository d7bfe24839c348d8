"""Differences between paired arms or languages, and what to make of several of them.

Dimension letters: S scenarios, M tests of one family, F sign flips drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from vla_backfire.stats.estimate import Estimate, refuse_level

PAIRED_T = "paired t"
NO_VARIATION = "no variation, bound on unseen scenarios"
ONE_SCENARIO = "one scenario, no interval"

MOST_ENUMERATED = 16
N_FLIPS = 9_999
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Contrast:
    """A mean difference over scenarios, and two ways to doubt it.

    Attributes:
        estimate: The mean difference; `n` and `n_clusters` are both the scenarios.
        p_t: Two-sided p of the paired t test, df S - 1. Where the differences do not vary there
            is no t, and it repeats `p_flip`.
        p_flip: Two-sided p of the sign-flip permutation test.
        n_scenarios: Scenarios, S.
        sd: Standard deviation of the difference between scenarios; None for one scenario.
    """

    estimate: Estimate
    p_t: float
    p_flip: float
    n_scenarios: int
    sd: float | None


def paired_contrast(
    differences: ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    bound: float = 1.0,
) -> Contrast:
    """Mean of one difference per scenario, with the paired t interval and a sign-flip p.

    Scenarios are the units, so repeats must be averaged before: tests on pooled repeats called
    19-34 % of null differences significant (20 scenarios, K = 20), the paired t 4-6 %. With 6
    scenarios the sign-flip p is at least 1/32 and hardly ever below .05 (0.4 %).

    Differences that do not vary, zero among them, leave t without a scale, and S alike scenarios
    do not prove that all are: the interval allows for the largest share of unlike scenarios that
    would stay unseen with probability 1 - level, placed anywhere in [-bound, bound]. A policy
    that ignores what was changed has a difference of exactly 0 and p = 1; that it does so in
    scenarios like these is known only as far as the interval says.

    Args:
        differences: One per scenario, on the probability scale.  # (S,)
        rng: Draws the flips when more than 16 scenarios differ; otherwise untouched.
        level: Coverage, in (0, 1).
        bound: Largest difference there can be: 1 between rates, 2 between such differences.

    Returns:
        The contrast. The interval is cut to [-bound, bound], and is all of it for one scenario.

    Raises:
        ValueError: No differences, NaN, one beyond the bound, or an impossible level.

    Examples:
        >>> c = paired_contrast([0.2, 0.0, 0.4, 0.2], rng=np.random.default_rng(0))
        >>> round(c.estimate.value, 3), round(c.estimate.low, 3), c.p_flip
        (0.2, -0.06, 0.25)
    """
    deltas = _checked_differences(differences, bound)  # (S,)
    refuse_level(level)
    n, value = deltas.size, float(deltas.mean())
    sd = float(deltas.std(ddof=1)) if n > 1 else None
    if float(np.ptp(deltas)) <= ROUNDING:
        value, sd = float(deltas[0]), 0.0 if n > 1 else None
        low, high, method = _constant_ends(value, n, level, bound)
        p_flip = p_t = _p_sign_flip(deltas, rng)
    else:
        assert sd is not None
        half = float(special.stdtrit(n - 1, 0.5 + level / 2)) * sd / sqrt(n)
        low, high, method = max(-bound, value - half), min(bound, value + half), PAIRED_T
        p_t = 2 * float(special.stdtr(n - 1, -abs(value) * sqrt(n) / sd))
        p_flip = _p_sign_flip(deltas, rng)
    return Contrast(Estimate(value, low, high, n, level, method, n), p_t, p_flip, n, sd)


def minimal_detectable_difference(
    sd: float, n_scenarios: int, *, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest true mean difference that a paired t test over scenarios finds with `power`.

    Exact: solved from the noncentral t distribution, neglecting rejections with the wrong sign.
    Two arms of K repeats with success variance v in a cell, whose true difference has SD omega
    between scenarios, give sd = sqrt(omega**2 + 2 v / K); repeats cannot buy back scenarios.

    Args:
        sd: Standard deviation of the difference between scenarios, 0 or more.
        n_scenarios: Scenarios, at least 2.
        power: Probability of a significant result, above 1 - level and below 1.
        level: Of the interval; the test is two-sided at 1 - level.

    Returns:
        The difference, in the unit of `sd`. Beyond 1, no difference between rates is detectable.

    Raises:
        ValueError: An argument is out of range.

    Examples:
        >>> round(minimal_detectable_difference((0.2**2 + 0.3 / 20) ** 0.5, 60), 3)
        0.086
    """
    refuse_level(level)
    if not sd >= 0 or n_scenarios < 2 or not 1 - level < power < 1:
        raise ValueError(
            "need sd >= 0, 2 or more scenarios and 1 - level < power < 1, "
            f"got sd={sd}, n_scenarios={n_scenarios}, power={power}, level={level}"
        )
    df = n_scenarios - 1
    critical = float(special.stdtrit(df, 0.5 + level / 2))
    return float(special.nctdtrinc(df, 1 - power, critical)) * sd / sqrt(n_scenarios)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust the p values of one family so that comparing each with alpha bounds any false claim.

    Args:
        p_values: In [0, 1].  # (M,)

    Returns:
        Adjusted p values in the order given.  # (M,)

    Raises:
        ValueError: A p value is NaN or outside [0, 1].

    References:
        Holm (1979), Scand. J. Stat. 6(2).

    Examples:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    p = _checked_p_values(p_values)  # (M,)
    order = np.argsort(p, kind="stable")  # (M,)
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))  # (M,)
    return np.minimum(stepped, 1.0)[np.argsort(order)]


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values so that comparing each with q bounds the expected share of false claims.

    For exploratory tables; it presumes independent or positively dependent tests.

    Args:
        p_values: In [0, 1].  # (M,)

    Returns:
        Adjusted p values in the order given.  # (M,)

    Raises:
        ValueError: A p value is NaN or outside [0, 1].

    References:
        Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57(1).

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.04, 0.04]
    """
    p = _checked_p_values(p_values)  # (M,)
    order = np.argsort(p, kind="stable")  # (M,)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)  # (M,)
    stepped = np.minimum.accumulate(scaled[::-1])[::-1]  # (M,)
    return np.minimum(stepped, 1.0)[np.argsort(order)]


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar p for paired yes/no outcomes, from the pairs that disagree.

    The pairs must be independent: one per scenario. On pooled repeats it is wrong.

    Args:
        only_first: Pairs in which only the first arm has the outcome.
        only_second: Pairs in which only the second has it.

    Returns:
        The p value; 1 where no pair disagrees.

    Raises:
        ValueError: A count is negative.

    References:
        Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91.

    Examples:
        >>> round(mcnemar_exact(1, 7), 4)
        0.0703
    """
    at_most, _ = _lower_tails(only_first, only_second)
    return min(1.0, 2 * at_most)


def mcnemar_mid_p(only_first: int, only_second: int) -> float:
    """Two-sided McNemar mid-p, which counts half of the table observed: less timid than exact.

    Args:
        only_first: Pairs in which only the first arm has the outcome.
        only_second: Pairs in which only the second has it.

    Returns:
        The p value; 1 where no pair disagrees.

    Raises:
        ValueError: A count is negative.

    References:
        Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91.

    Examples:
        >>> round(mcnemar_mid_p(1, 7), 4)
        0.0391
    """
    at_most, below = _lower_tails(only_first, only_second)
    return at_most + below


def _constant_ends(value: float, n: int, level: float, bound: float) -> tuple[float, float, str]:
    if n == 1:
        return -bound, bound, ONE_SCENARIO
    unseen = 1 - (1 - level) ** (1 / n)
    low, high = value - unseen * (bound + value), value + unseen * (bound - value)
    return low, high, NO_VARIATION


def _p_sign_flip(deltas: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Share of sign patterns whose sum is as far from 0 as the one observed.

    Zeros have no sign, so they are left out. Magnitudes are flipped, which makes the p the same
    for the negated differences, drawn or enumerated.
    """
    sizes = np.abs(deltas[np.abs(deltas) > ROUNDING])
    reached = abs(float(deltas.sum())) - 1e-9 * float(sizes.sum())
    if sizes.size <= MOST_ENUMERATED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums + size, sums - size])
        return float((np.abs(sums) >= reached).mean())
    flips = 2 * rng.integers(0, 2, size=(N_FLIPS, sizes.size), dtype=np.int8) - 1  # (F, S)
    as_far = int((np.abs(flips @ sizes) >= reached).sum())
    return (as_far + 1) / (N_FLIPS + 1)


def _lower_tails(only_first: int, only_second: int) -> tuple[float, float]:
    """P(X <= k) and P(X < k) for k the rarer disagreement and X binomial with half their sum."""
    if only_first < 0 or only_second < 0:
        raise ValueError(f"counts of pairs are 0 or more, got {only_first} and {only_second}")
    n, k = only_first + only_second, min(only_first, only_second)
    return float(special.bdtr(k, n, 0.5)), float(special.bdtr(k - 1, n, 0.5)) if k else 0.0


def _checked_differences(differences: ArrayLike, bound: float) -> NDArray[np.float64]:
    deltas = np.asarray(differences, dtype=np.float64)  # (S,)
    if deltas.ndim != 1 or not deltas.size:
        raise ValueError(f"need one difference per scenario, got shape {deltas.shape}")
    if not (np.abs(deltas) <= bound + ROUNDING).all():
        raise ValueError(f"differences are numbers within {bound} of 0, got {deltas}")
    return np.clip(deltas, -bound, bound)


def _checked_p_values(p_values: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=np.float64)  # (M,)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p values are a list of numbers in [0, 1], got {p}")
    return p
