from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vla_backfire.stats import (
    Contrast,
    benjamini_hochberg,
    clustered_rate,
    holm,
    mcnemar_exact,
    mcnemar_mid_p,
    minimal_detectable_difference,
    paired_contrast,
)

DIFFERENCES = st.lists(st.integers(-10, 10).map(lambda k: k / 10), min_size=1, max_size=9)

# Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57(1), section 3.1: thrombolysis, 15 tests.
BH_1995 = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]


def contrast(differences: list[float], seed: int = 0, bound: float = 1.0) -> Contrast:
    return paired_contrast(differences, rng=np.random.default_rng(seed), bound=bound)


def test_the_interval_and_p_are_those_of_the_paired_t_test() -> None:
    differences = [0.1, -0.2, 0.4, 0.3, 0.0, 0.2]
    ours, theirs = contrast(differences), stats.ttest_1samp(differences, 0)
    ends = theirs.confidence_interval(0.95)
    assert ours.p_t == pytest.approx(float(theirs.pvalue))
    assert (ours.estimate.low, ours.estimate.high) == pytest.approx((ends.low, ends.high))


def test_few_scenarios_are_enumerated() -> None:
    assert contrast([0.1, 0.2, 0.3]).p_flip == 2 / 8
    assert contrast([0.1, 0.2, -0.3]).p_flip == 1.0


def test_fisher_s_enumeration_of_darwin_s_plants_is_reproduced() -> None:
    # Fisher (1935), The Design of Experiments, section 21: 1,726 of the 32,768 sign patterns
    # have a sum at least as far from 0 as 314 eighths of an inch.
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert contrast([e / 100 for e in eighths]).p_flip == 1726 / 32768


def test_a_drawn_p_agrees_with_an_enumerated_one() -> None:
    differences = np.random.default_rng(3).normal(0.1, 0.2, 16)
    enumerated = paired_contrast(differences, rng=np.random.default_rng(0)).p_flip
    tiny = [*differences, 1e-9]  # a 17th scenario that decides nothing but forces drawing
    assert contrast(tiny).p_flip == pytest.approx(enumerated, abs=0.01)


def test_a_drawn_p_is_never_zero() -> None:
    assert contrast([0.5] * 20 + [0.6] * 20).p_flip == 1 / 10_000


@pytest.mark.parametrize("n_scenarios", [2, 40])
def test_no_difference_in_a_few_scenarios_is_no_proof_of_none_in_others(n_scenarios: int) -> None:
    nothing = contrast([0.0] * n_scenarios)
    assert nothing.estimate.value == 0
    unseen = 1 - 0.05 ** (1 / n_scenarios)  # 0.05 = (1 - unseen) ** n_scenarios
    assert (nothing.estimate.low, nothing.estimate.high) == pytest.approx((-unseen, unseen))
    assert (nothing.p_t, nothing.p_flip, nothing.sd) == (1, 1, 0)


def test_one_scenario_has_a_difference_and_no_interval() -> None:
    one = contrast([0.4])
    assert (one.estimate.value, one.estimate.low, one.estimate.high) == (0.4, -1, 1)
    assert (one.p_t, one.p_flip, one.sd) == (1, 1, None)
    assert "one scenario" in one.estimate.method


def test_two_scenarios_that_happen_to_agree_prove_nothing() -> None:
    two = contrast([0.1, 0.4 - 0.3])  # equal but for rounding
    assert two.sd == 0
    assert two.estimate.low < 0 < two.estimate.high
    assert two.p_t == two.p_flip == 0.5


def test_twenty_scenarios_that_all_flip_are_convincing_and_still_have_a_width() -> None:
    twenty = contrast([1.0] * 20)
    assert twenty.estimate.high == 1.0
    assert twenty.estimate.low == pytest.approx(1 - 2 * (1 - 0.05 ** (1 / 20)))
    assert twenty.p_t == twenty.p_flip == 1 / 10_000


@given(differences=DIFFERENCES)
def test_swapping_the_languages_negates_the_contrast(differences: list[float]) -> None:
    there, back = contrast(differences), contrast([-d for d in differences])
    assert there.estimate.value == pytest.approx(-back.estimate.value, abs=1e-12)
    assert there.estimate.low == pytest.approx(-back.estimate.high, abs=1e-12)
    assert (there.p_t, there.p_flip) == pytest.approx((back.p_t, back.p_flip))


def test_swapping_the_languages_keeps_a_drawn_p() -> None:
    differences = np.random.default_rng(5).normal(0.05, 0.2, 30)
    assert contrast(list(differences)).p_flip == contrast(list(-differences)).p_flip


@given(differences=DIFFERENCES, bound=st.sampled_from([1.0, 2.0]))
def test_a_contrast_is_always_defined_and_inside_its_bound(
    differences: list[float], bound: float
) -> None:
    found = contrast(differences, bound=bound)
    assert -bound <= found.estimate.low <= found.estimate.value <= found.estimate.high <= bound
    assert 0 <= found.p_t <= 1
    assert 0 < found.p_flip <= 1


@given(differences=DIFFERENCES, order=st.permutations(range(9)))
def test_relabelling_scenarios_changes_nothing(differences: list[float], order: list[int]) -> None:
    moved = [differences[i] for i in order if i < len(differences)]
    first, second = contrast(differences), contrast(moved)
    assert first.estimate.low == pytest.approx(second.estimate.low, abs=1e-12)
    assert first.p_flip == second.p_flip


@given(differences=DIFFERENCES.filter(lambda deltas: 1 < len(deltas) < 9 and any(deltas)))
def test_twice_the_scenarios_narrow_the_interval(differences: list[float]) -> None:
    wide = 100.0  # so that no end is cut
    once, twice = (contrast(differences * k, bound=wide).estimate for k in (1, 2))
    assert twice.high - twice.low < once.high - once.low


@pytest.mark.parametrize("differences", [[], [[0.1]], [0.1, float("nan")], [0.1, 1.5]])
def test_impossible_differences_are_refused(differences: list[float]) -> None:
    with pytest.raises(ValueError, match="difference"):
        contrast(differences)


def test_neither_p_cries_wolf() -> None:
    rng = np.random.default_rng(11)
    n_tables, n_scenarios, k, omega = 300, 20, 10, 0.2
    rejected = np.zeros(2)
    for _ in range(n_tables):
        base, shift = rng.beta(2, 3, n_scenarios), rng.normal(0, omega / 2, n_scenarios)
        arms = [rng.binomial(k, np.clip(base + s, 0, 1)) / k for s in (shift, -shift)]
        found = paired_contrast(arms[0] - arms[1], rng=rng)
        rejected += [found.p_t < 0.05, found.p_flip < 0.05]
    assert (rejected / n_tables <= 0.088).all()  # 0.05 and three standard errors


def test_the_target_of_a_contrast_is_the_difference_of_the_two_rates() -> None:
    treated, control = [0.9, 0.4, 0.6], [0.5, 0.5, 0.2]
    difference = contrast([a - b for a, b in zip(treated, control, strict=True)]).estimate.value
    rates = [clustered_rate(rates, [10] * 3).value for rates in (treated, control)]
    assert difference == pytest.approx(rates[0] - rates[1])


# research/multilingual_and_stats.md 3.2, rounded there to whole points: p(1 - p) = .15.
@pytest.mark.parametrize(
    ("n_arms", "n_scenarios", "omega", "points"),
    [
        (2, 60, 0.1, {1: 21, 3: 12, 5: 10, 10: 7, 20: 6, 50: 5}),
        (2, 60, 0.2, {1: 21, 3: 14, 5: 12, 10: 10, 20: 9, 50: 8}),
        (2, 100, 0.2, {1: 17, 3: 11, 5: 9, 10: 8, 20: 7, 50: 6}),
        (4, 20, 0.2, {5: 26, 10: 21, 20: 18, 50: 15}),
        (4, 60, 0.2, {5: 15, 10: 12, 20: 10, 50: 8}),
    ],
)
def test_the_planning_table_is_reproduced(
    n_arms: int, n_scenarios: int, omega: float, points: dict[int, int]
) -> None:
    for k, expected in points.items():
        sd = sqrt(omega**2 + n_arms * 0.15 / k)
        found = 100 * minimal_detectable_difference(sd, n_scenarios)
        assert found == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize(
    ("omega", "k", "n_scenarios"),
    [(0.1, 5, 57), (0.1, 10, 34), (0.2, 5, 81), (0.2, 20, 46), (0.3, 10, 97)],
)
def test_the_scenarios_for_ten_points_are_reproduced(
    omega: float, k: int, n_scenarios: int
) -> None:
    # research/multilingual_and_stats.md 3.2: scenarios for a minimal detectable 10 points.
    sd = sqrt(omega**2 + 2 * 0.15 / k)
    assert minimal_detectable_difference(sd, n_scenarios) == pytest.approx(0.1, abs=0.001)


def test_the_detectable_difference_is_found_with_the_promised_power() -> None:
    # The noncentral t of scipy.stats, another implementation than the one inverted.
    for n in (3, 6, 20):
        noncentrality = minimal_detectable_difference(1.0, n, power=0.9) * sqrt(n)
        critical = stats.t.isf(0.025, n - 1)
        assert stats.nct.sf(critical, n - 1, noncentrality) == pytest.approx(0.9, abs=1e-4)


def test_scenarios_that_do_not_vary_make_any_difference_detectable() -> None:
    assert minimal_detectable_difference(0.0, 20) == 0.0


@pytest.mark.parametrize(
    ("sd", "n_scenarios", "power"),
    [(-0.1, 20, 0.8), (0.2, 1, 0.8), (0.2, 20, 1.0), (0.2, 20, 0.01)],
)
def test_an_impossible_plan_is_refused(sd: float, n_scenarios: int, power: float) -> None:
    with pytest.raises(ValueError, match="2 or more scenarios"):
        minimal_detectable_difference(sd, n_scenarios, power=power)


def test_benjamini_and_hochberg_s_example_rejects_three_by_holm_and_four_by_bh() -> None:
    assert (holm(BH_1995) <= 0.05).sum() == 3
    assert (benjamini_hochberg(BH_1995) <= 0.05).sum() == 4


@given(p_values=st.lists(st.floats(0, 1), max_size=8), order=st.permutations(range(8)))
def test_adjusting_keeps_the_order_and_never_lowers_a_p(
    p_values: list[float], order: list[int]
) -> None:
    moved = [i for i in order if i < len(p_values)]
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p_values)
        assert ((adjusted >= np.array(p_values) * (1 - 1e-12)) & (adjusted <= 1)).all()
        np.testing.assert_allclose(adjust([p_values[i] for i in moved]), adjusted[moved])
    assert (holm(p_values) >= benjamini_hochberg(p_values) * (1 - 1e-12)).all()


@pytest.mark.parametrize("p_values", [[0.1, float("nan")], [-0.1], [1.1]])
def test_what_is_no_p_is_refused(p_values: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="p values"):
            adjust(p_values)


# Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91, on Bentur et al. (2009)
# [[1, 1], [7, 12]] and Cavo et al. (2012) [[59, 6], [16, 80]].
@pytest.mark.parametrize(
    ("only_first", "only_second", "exact", "mid", "digits"),
    [(1, 7, 0.070, 0.039, 3), (6, 16, 0.052479, 0.034690, 6)],
)
def test_published_mcnemar_tables_are_reproduced(
    only_first: int, only_second: int, exact: float, mid: float, digits: int
) -> None:
    assert round(mcnemar_exact(only_first, only_second), digits) == exact
    assert round(mcnemar_mid_p(only_first, only_second), digits) == mid


@given(pair=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_mcnemar_does_not_care_which_arm_comes_first(pair: tuple[int, int]) -> None:
    first, second = pair
    assert mcnemar_exact(first, second) == mcnemar_exact(second, first)
    assert mcnemar_mid_p(first, second) <= mcnemar_exact(first, second) <= 1


def test_pairs_that_never_disagree_show_no_difference() -> None:
    assert mcnemar_exact(0, 0) == mcnemar_mid_p(0, 0) == 1


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        mcnemar_exact(-1, 3)
