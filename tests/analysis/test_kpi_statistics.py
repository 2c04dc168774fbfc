"""Our own statistics are those of statsmodels and scipy."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from engine.analysis.kpi.answers import csat
from engine.analysis.kpi.statistics import Z, difference, mean_interval, net_promoters, p_chart, wilson, xmr

SIZES = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SCORES = st.dictionaries(st.integers(0, 10), st.integers(1, 10**4), min_size=1)
WEEKS = st.lists(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=8, max_size=20)


@given(SIZES)
def test_wilsons_interval_is_that_of_statsmodels_and_of_scipy(size: tuple[int, int]) -> None:
    successes, n = size
    low, high = wilson(successes, n) or (math.nan, math.nan)
    assert (low, high) == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-12)
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilsons_interval_of_eight_in_ten_is_the_one_in_the_manual() -> None:
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)


def test_there_is_no_interval_of_nothing() -> None:
    assert (wilson(0, 0), net_promoters({}), p_chart([(1, 2)] * 7, 2), xmr([1.0] * 7), p_chart([(1, 2)] * 8, 0)) == (None,) * 5


@given(SCORES)
def test_nps_is_the_mean_of_plus_and_minus_with_the_interval_of_that_mean(counts: dict[int, int]) -> None:
    signs = np.repeat([1 if score >= 9 else -1 if score <= 6 else 0 for score in counts], list(counts.values()))
    half = norm.ppf(0.975) * signs.std() / math.sqrt(len(signs))
    found = net_promoters(counts)
    assert found is not None
    net, (low, high) = found
    assert net == pytest.approx(100 * signs.mean(), abs=1e-9)
    assert (low, high) == pytest.approx((max(-100, net - 100 * half), min(100, net + 100 * half)), abs=1e-6)


@given(WEEKS, st.integers(1, 500))
def test_a_p_chart_lies_three_standard_errors_around_the_share_of_all_weeks(weeks: list[tuple[int, int]], n: int) -> None:
    share = sum(one for one, _ in weeks) / sum(size for _, size in weeks)
    error = math.sqrt(share * (1 - share) / n)
    assert p_chart(weeks, n) == pytest.approx((max(0, share - 3 * error), min(1, share + 3 * error)), abs=1e-12)


def test_an_xmr_chart_is_the_one_worked_by_hand() -> None:
    values = [10.0, 12.0, 11.0, 13.0, 12.0, 10.0, 11.0, 13.0]  # moving ranges 2 1 2 1 2 1 2: mean 11 / 7
    assert xmr(values) == pytest.approx((11.5 - 2.66 * 11 / 7, 11.5 + 2.66 * 11 / 7))


@given(st.dictionaries(st.integers(1, 5), st.integers(1, 10**4), min_size=1))
def test_no_spread_of_scores_makes_the_interval_of_their_mean_too_narrow(counts: dict[int, int]) -> None:
    """A score between 0 and 5 spreads no more than one that is 0 or 5 with the same mean."""
    from collections import Counter

    scores = np.repeat(list(counts), list(counts.values())) * 20.0
    value, interval = csat(Counter(counts), "mean_x20")
    assert value == pytest.approx(scores.mean())
    assert interval is not None
    center = Z * Z / len(scores)
    half = Z * scores.std() / math.sqrt(len(scores)) / (1 + center)
    assert interval[1] - interval[0] >= 2 * half - 1e-9


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=60))
def test_the_interval_of_a_mean_is_that_of_scipys_t(values: list[float]) -> None:
    low, high = mean_interval(values) or (math.nan, math.nan)
    half = t.ppf(0.975, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    assert ((high + low) / 2, (high - low) / 2) == pytest.approx((fmean(values), half), rel=1e-3, abs=1e-6)
    assert mean_interval(values[:7]) is None


@given(SIZES, SIZES)
def test_the_interval_of_a_difference_of_shares_is_newcombes_of_statsmodels(before: tuple[int, int], after: tuple[int, int]) -> None:
    (was, was_n), (now, now_n) = before, after
    interval = difference(*((k / n, wilson(k, n) or (math.nan, math.nan)) for k, n in (before, after)))
    theirs = confint_proportions_2indep(now, now_n, was, was_n, method="newcomb", compare="diff", correction=False)
    assert interval == pytest.approx(theirs, abs=1e-9)


def test_the_difference_of_the_manual_is_worked_by_hand() -> None:
    before, after = (wilson(60, 100), wilson(80, 100))
    assert before is not None
    assert after is not None
    assert difference((0.6, before), (0.8, after)) == pytest.approx((0.0731, 0.3185), abs=5e-5)
