"""How often `clustered_rate` covers the truth, and how often `paired_contrast` cries wolf.

Prints the tables that the docstrings quote. Run: `python benchmarks/stats_coverage.py [tables]`.

Dimension letters: S scenarios.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from vla_backfire.stats import Estimate, clustered_rate, paired_contrast, wilson_interval

SEED = 20270301
N_SCENARIOS = (6, 20, 60)
MEAN_RATES = (0.02, 0.05, 0.1, 0.25, 0.5)
OMEGAS = (0.0, 0.1, 0.2, 0.3, None)  # None: every true rate is 0 or 1
N_REPEATS = (2, 5, 10)

Interval = Callable[[NDArray[np.int64], int], Estimate]


def draw_true_rates(
    mean_rate: float, omega: float | None, n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Rates of `n` scenarios from the beta distribution with that mean and SD.  # (S,)."""
    if omega is None:
        return (rng.random(n) < mean_rate).astype(np.float64)
    if omega == 0:
        return np.full(n, mean_rate)
    weight = mean_rate * (1 - mean_rate) / omega**2 - 1
    return rng.beta(mean_rate * weight, (1 - mean_rate) * weight, n)


def by_scenario(hits: NDArray[np.int64], k: int) -> Estimate:
    return clustered_rate(hits / k, np.full(hits.size, k))


def pooled(hits: NDArray[np.int64], k: int) -> Estimate:
    return wilson_interval(int(hits.sum()), hits.size * k)


def coverage(
    interval: Interval, n: int, omega: float | None, n_tables: int, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Share of tables whose interval holds the truth, and mean width, per mean rate and K."""
    for mean_rate in MEAN_RATES:
        if omega is not None and omega**2 >= mean_rate * (1 - mean_rate):
            continue  # no distribution on [0, 1] is that spread out
        for k in N_REPEATS:
            tables = [
                interval(rng.binomial(k, draw_true_rates(mean_rate, omega, n, rng)), k)
                for _ in range(n_tables)
            ]
            covered = mean(each.low <= mean_rate <= each.high for each in tables)
            yield covered, mean(each.high - each.low for each in tables)


def print_coverage(n_tables: int, rng: np.random.Generator) -> None:
    print(
        f"Coverage at level 0.95, {n_tables} tables a cell, mean rates {MEAN_RATES}, K {N_REPEATS}"
    )
    print("least (mean) coverage, mean width\n")
    for name, interval in (("clustered_rate", by_scenario), ("wilson, pooled", pooled)):
        for omega in OMEGAS:
            cells = []
            for n in N_SCENARIOS:
                covered, widths = zip(*coverage(interval, n, omega, n_tables, rng), strict=True)
                cells.append(f"{min(covered):.3f} ({mean(covered):.3f}) {mean(widths):.2f}")
            print(f"{name:15} omega {'0/1' if omega is None else omega!s:4}", *cells, sep="   ")
        print()


def print_false_positives(n_tables: int, rng: np.random.Generator) -> None:
    print(f"False positives of paired_contrast at 5 %, {n_tables} tables, mean rate .4, SD .2\n")
    for n, omega, k in ((6, 0.2, 5), (20, 0.0, 5), (20, 0.2, 5), (20, 0.3, 20), (60, 0.2, 5)):
        contrasts = []
        for _ in range(n_tables):
            shift = rng.normal(0, omega, n) / 2
            base = draw_true_rates(0.4, 0.2, n, rng)
            arms = [rng.binomial(k, np.clip(base + sign * shift, 0, 1)) / k for sign in (1, -1)]
            contrasts.append(paired_contrast(arms[0] - arms[1], rng=rng))
        shares = [mean(c.p_t < 0.05 for c in contrasts), mean(c.p_flip < 0.05 for c in contrasts)]
        print(f"S {n:2}  omega {omega}  K {k:2}   t {shares[0]:.3f}   flip {shares[1]:.3f}")


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print_coverage(asked, np.random.default_rng(SEED))
    print_false_positives(asked, np.random.default_rng(SEED + 1))
