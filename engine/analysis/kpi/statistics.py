"""Statistics of KPIs: intervals, control limits, and what drives satisfaction. Pure functions over numbers.

What is one line of arithmetic stands here and is held to statsmodels and scipy by tests; linear algebra is numpy's (extra `analysis`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from random import Random
from statistics import NormalDist, fmean, stdev
from typing import Any, TypeAlias

from engine.errors import Refused, UsageError

Z: float = NormalDist().inv_cdf(0.975)
"""The normal quantile of a 95 % interval."""
BASELINE_WEEKS = 8
"""Control limits from fewer weeks would mostly tell of chance."""
FEWEST_DAYS = 8
"""The mean of fewer days is mostly chance."""
FEWEST_ANSWERS = 30
"""Weights of drivers from fewer answers are chance."""

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


@dataclass(frozen=True, slots=True)
class Driver:
    """How much of the variance of an outcome one question explains (its part of R²), with the 95 % interval of the bootstrap."""

    name: str
    weight: float
    low: float
    high: float


def drivers(answers: Iterable[Mapping[str, float]], outcome: str, predictors: Sequence[str], chance: Random) -> list[Driver]:
    """Return the relative weights of questions on an outcome (Johnson 2000), which sum to R², with bootstrap intervals (1,000 draws).

    Answers that lack one of the scores are left out. Raises Refused for fewer than 30, or where a question has but one score in all of
    them; UsageError without numpy.
    """
    try:
        import numpy as np
    except ImportError as error:
        raise UsageError(f"drivers need more ({error}): pip install 'closedloop[analysis]'") from error
    rows = [[one[name] for name in (outcome, *predictors)] for one in answers if {outcome, *predictors} <= one.keys()]
    if len(rows) < FEWEST_ANSWERS:
        raise Refused(f"weights of drivers take at least {FEWEST_ANSWERS} answers to all of the questions; there are {len(rows)}")
    data = np.array(rows, dtype=float)
    if constant := [name for name, spread in zip((outcome, *predictors), data.std(axis=0), strict=True) if spread == 0]:
        raise Refused(f"every answer gives the same score to {', '.join(constant)}: nothing can depend on it")
    weights = _relative_weights(np, data)
    draws = []
    for _ in range(1_000):
        sample = data[[chance.randrange(len(rows)) for _ in rows]]
        if (sample.std(axis=0) > 0).all():
            draws.append(_relative_weights(np, sample))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return [Driver(*one) for one in zip(predictors, weights.tolist(), low.tolist(), high.tolist(), strict=True)]


def _relative_weights(np: Any, data: Any) -> Any:
    """Johnson's weights: the predictors are replaced by the orthogonal variables closest to them, and shares traced back."""
    correlations = np.corrcoef(data, rowvar=False)
    values, vectors = np.linalg.eigh(correlations[1:, 1:])
    root = vectors @ np.diag(np.sqrt(np.clip(values, 0, None))) @ vectors.T
    beta = np.linalg.pinv(root) @ correlations[1:, 0]
    return (root**2) @ (beta**2)
