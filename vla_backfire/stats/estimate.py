"""A number with how sure we are of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its interval, and what both rest on.

    An estimate always has a number: where there were no trials there is no estimate, and the
    caller holds None. Rates and differences of rates are on the probability scale.

    Attributes:
        value: The number, finite.
        low: Lower end of the interval, at most `value`.
        high: Upper end of the interval, at least `value`.
        n: How many observations were averaged: episodes for a rate, scenarios for a contrast.
        level: Nominal coverage of the interval, in (0, 1).
        method: How the interval was made, in a few words a reader can look up.
        n_clusters: Scenarios that the interval takes as the independent units; None where it
            takes every one of the `n` as independent.

    Raises:
        ValueError: A field is not finite, out of order or out of range.
    """

    value: float
    low: float
    high: float
    n: int
    level: float
    method: str
    n_clusters: int | None = None

    def __post_init__(self) -> None:
        ends = (self.low, self.value, self.high)
        if not all(isfinite(end) for end in ends):
            raise ValueError(f"an estimate needs finite numbers, got low, value, high = {ends}")
        if self.value < self.low - ROUNDING or self.value > self.high + ROUNDING:
            raise ValueError(f"need low <= value <= high, got {ends}")
        if self.n < 1 or (self.n_clusters is not None and not 1 <= self.n_clusters <= self.n):
            raise ValueError(f"need 1 <= n_clusters <= n, got {self.n_clusters} and {self.n}")
        refuse_level(self.level)


def refuse_level(level: float) -> None:
    """Refuse a coverage that is not strictly between 0 and 1.

    Raises:
        ValueError: It is not; a percentage, for example.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is a coverage in (0, 1), such as 0.95, got {level}")
