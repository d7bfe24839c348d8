from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_backfire.stats import cohens_kappa, observed_agreement

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1)


def labels_of(table: list[list[int]]) -> tuple[list[int], list[int]]:
    cells = chain.from_iterable(
        repeat((i, j), count) for i, row in enumerate(table) for j, count in enumerate(row)
    )
    first, second = zip(*cells, strict=True)
    return list(first), list(second)


def test_cohen_1960_is_reproduced() -> None:
    # Cohen (1960), Educ. Psychol. Meas. 20(1), Table 2.
    first, second = labels_of([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    kappa = cohens_kappa(first, second)
    assert observed_agreement(first, second) == 0.7
    assert kappa == pytest.approx(0.29 / 0.59)  # printed there as .492


def test_one_class_throughout_leaves_kappa_undefined_and_agreement_full() -> None:
    assert cohens_kappa([True] * 5, [True] * 5) is None
    assert observed_agreement([True] * 5, [True] * 5) == 1


def test_a_list_of_one_class_agrees_with_a_mixed_one_by_chance_alone() -> None:
    assert cohens_kappa([True] * 4, [True, True, True, False]) == 0


def test_contradicting_every_time_is_worse_than_chance() -> None:
    assert cohens_kappa([True, False], [False, True]) == -1


@given(pairs=LABELS)
def test_agreement_does_not_care_which_look_came_first(pairs: list[tuple[str, str]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    assert cohens_kappa(first, second) == cohens_kappa(second, first)
    assert 0 <= observed_agreement(first, second) <= 1


@given(labels=st.lists(st.sampled_from("abc"), min_size=1))
def test_the_same_look_twice_agrees_fully(labels: list[str]) -> None:
    assert cohens_kappa(labels, labels) == (1 if len(set(labels)) > 1 else None)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1, 2], [1])])
def test_labels_that_do_not_pair_up_are_refused(first: list[int], second: list[int]) -> None:
    with pytest.raises(ValueError, match="two labels per item"):
        cohens_kappa(first, second)
