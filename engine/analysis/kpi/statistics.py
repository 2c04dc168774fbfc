"""Statistics of KPIs: intervals and control limits. Pure functions over numbers, one line of arithmetic each.

Tests hold them to statsmodels and scipy.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from statistics import NormalDist, fmean, stdev
from typing import TypeAlias

Z: float = NormalDist().inv_cdf(0.975)
"""The normal quantile of a 95 % interval."""
BASELINE_WEEKS = 8
"""Control limits from fewer weeks would mostly tell of chance."""
FEWEST_DAYS = 8
"""The mean of fewer days is mostly chance."""

Interval: TypeAlias = tuple[float, float]


def wilson(successes: float, n: int) -> Interval | None:
    """Return the 95 % score interval of a proportion (Wilson 1927), None for n = 0. Both ends lie between 0 and 1."""
    if n == 0:
        return None
    p, z2 = successes / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of the mean of independent values, mean ± t s/√n; None for fewer than 8.

    The quantile of Student's t is that of the normal distribution expanded in 1/degrees of freedom (Abramowitz and Stegun, 26.7.5), which
    from 7 on is right to 0.1 %.
    """
    n, z = len(values), Z
    if n < FEWEST_DAYS:
        return None
    v = n - 1
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    half = t * stdev(values) / sqrt(n)
    return fmean(values) - half, fmean(values) + half


def difference(before: tuple[float, Interval], after: tuple[float, Interval]) -> Interval:
    """Return the 95 % interval of `after` less `before`, two independent estimates, each a value with its own interval.

    Of two shares with Wilson's intervals it is that of Newcombe (1998, method 10); of others the same recovery of variances (MOVER).
    """
    (was, (was_low, was_high)), (now, (now_low, now_high)) = before, after
    low, high = sqrt((now - now_low) ** 2 + (was_high - was) ** 2), sqrt((now_high - now) ** 2 + (was - was_low) ** 2)
    return now - was - low, now - was + high


def net_promoters(counts: Mapping[int, int]) -> tuple[float, Interval] | None:
    """Return 100 (promoters 9-10 - detractors 0-6) / n and its 95 % interval, that of a difference of two shares; None for n = 0."""
    n = sum(counts.values())
    if n == 0:
        return None
    promoters, detractors = (sum(count for score, count in counts.items() if low <= score <= high) / n for low, high in ((9, 10), (0, 6)))
    net = promoters - detractors
    half = Z * sqrt(max(0.0, promoters + detractors - net * net) / n)
    return 100 * net, (100 * max(-1.0, net - half), 100 * min(1.0, net + half))


def p_chart(baseline: Sequence[tuple[int, int]], n: int) -> Interval | None:
    """Return the control limits p̄ ± 3√(p̄q̄/n) of a share of `n`, from (successes, n) of earlier weeks; None for fewer than 8."""
    total = sum(size for _, size in baseline)
    if len(baseline) < BASELINE_WEEKS or not total or not n:
        return None
    p = sum(successes for successes, _ in baseline) / total
    half = 3 * sqrt(p * (1 - p) / n)
    return max(0.0, p - half), min(1.0, p + half)


def xmr(baseline: Sequence[float]) -> Interval | None:
    """Return the natural process limits mean ± 2.66 · mean moving range (XmR chart) of earlier weeks; None for fewer than 8."""
    if len(baseline) < BASELINE_WEEKS:
        return None
    half = 2.66 * fmean(abs(later - earlier) for earlier, later in pairwise(baseline))
    return fmean(baseline) - half, fmean(baseline) + half
