"""Does a second look say the same as the first?

Competence is judged from a few episodes; judged again on repeats set aside, it should come out
alike before a contrast among competent scenarios means anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def observed_agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Share of items that got the same label twice, in [0, 1].

    Args:
        first: One label per item, such as competent or not.
        second: The labels of the same items, in the same order.

    Raises:
        ValueError: No items, or lists of different length.

    Examples:
        >>> observed_agreement([True, True, False, False], [True, True, False, True])
        0.75
    """
    if not first or len(first) != len(second):
        raise ValueError(f"need two labels per item, got {len(first)} and {len(second)} labels")
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)


def cohens_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Agreement beyond what the two lists' label frequencies would give by chance.

    1 is perfect, 0 is chance, below 0 is worse. Where one list has a single class and the other
    does not, kappa is 0 however often they agree: read it beside `observed_agreement`.

    Args:
        first: One label per item.
        second: The labels of the same items, in the same order.

    Returns:
        Kappa, or None where both lists hold one and the same class: chance alone gives full
        agreement, and there is nothing to go beyond.

    Raises:
        ValueError: No items, or lists of different length.

    References:
        Cohen (1960), Educ. Psychol. Meas. 20(1).

    Examples:
        >>> cohens_kappa([True, True, False, False], [True, True, False, True])
        0.5
        >>> cohens_kappa([True, True], [True, True]) is None
        True
    """
    observed = observed_agreement(first, second)
    n, counts, counts_again = len(first), Counter(first), Counter(second)
    by_chance = sum(counts[label] * counts_again[label] for label in counts) / n**2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
