"""The figures on a measure of improvement: its KPI before and after, each with an interval, and the interval of the difference."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.analysis.kpi.answers import SCALES
from engine.analysis.kpi.measure import measure
from engine.analysis.kpi.statistics import Interval, difference, mean_interval
from engine.core.compiled import Policy
from engine.core.improvements import Aim, Evidence, Measured, Window
from engine.errors import UsageError
from engine.store.contract import Reader


def evidence(reader: Reader, policy: Policy, aim: Aim) -> Evidence:
    """Measure what `aim` names in both of its windows. Facts must have been derived up to now (`catch_up`). Raises UsageError."""
    if aim.kpi in SCALES and _month(policy, aim.baseline[1], ends=True) >= _month(policy, aim.check[0]):
        raise UsageError(f"answers are kept by month: for {aim.kpi} the check begins in a later month than the baseline ends")
    before, after = (_measured(reader, policy, aim, window) for window in (aim.baseline, aim.check))
    was, now = _estimate(before), _estimate(after)
    return Evidence(aim, before, after, difference(was, now) if was and now else None)


def _measured(reader: Reader, policy: Policy, aim: Aim, window: Window) -> Measured:
    """The KPI in a window. What has no interval of its own (a mean of durations, say) gets one as wide as that of the mean of its days."""
    by, wanted = sorted(aim.scope), tuple(aim.scope[name] for name in sorted(aim.scope))
    figure = next((one for one in measure(reader, policy, [aim.kpi], by, *window) if one.group == wanted), None)
    if figure is None or figure.value is None:
        return Measured(figure.n if figure else 0, None)
    if figure.interval is not None:
        return Measured(figure.n, figure.value, *figure.interval)
    daily = [one for one in measure(reader, policy, [aim.kpi], [*by, "day"], *window) if one.group[:-1] == wanted]
    spread = mean_interval([one.value for one in daily if one.value is not None])
    if spread is None:
        return Measured(figure.n, figure.value)
    half = (spread[1] - spread[0]) / 2
    return Measured(figure.n, figure.value, figure.value - half, figure.value + half)


def _estimate(one: Measured) -> tuple[float, Interval] | None:
    return None if one.value is None or one.low is None or one.high is None else (one.value, (one.low, one.high))


def _month(policy: Policy, at: datetime, *, ends: bool = False) -> str:
    """The month of an instant, or the last one of a window that ends then."""
    last = at - timedelta(microseconds=1) if ends else at
    return f"{last.astimezone(ZoneInfo(policy.company.timezone)):%Y-%m}"
