"""The figures on a measure of improvement: its KPI before and after, each with an interval, and the interval of the difference."""

from collections.abc import Iterator
from datetime import datetime

from engine.analysis.kpi.measure import measure
from engine.analysis.kpi.statistics import Interval, difference, mean_interval
from engine.core.compiled import Policy
from engine.core.decide.improvements import judge
from engine.core.fields import IMPROVEMENT
from engine.core.improvements import IMPROVED, NOT_IMPROVED, Aim, Evidence, Measured, Window
from engine.core.lifecycle import ENDED
from engine.core.model import SYSTEM
from engine.core.signals import AgentActed
from engine.store.contract import Reader
from engine.store.rows import TicketQuery


def verdicts(reader: Reader, policy: Policy, now: datetime) -> Iterator[AgentActed]:
    """Yield a signal for each measure that was carried out, whose check has ended, and of which another verdict can be given than before.

    One that was judged by a whole check stays so; of one that held too little more may be counted later.
    """
    for ticket in reader.tickets(TicketQuery(kind=IMPROVEMENT, states=ENDED, limit=100_000)):
        known = ticket.improvement
        if known is None or known.aim is None or now < known.aim.check[1] or known.verdict in (IMPROVED, NOT_IMPROVED):
            continue
        found, wanted = evidence(reader, policy, known.aim), policy.reports.kpis.get(known.aim.kpi)
        if judge(found, wanted.minimum_n if wanted else 1, now) != known.verdict:
            yield AgentActed(ticket.number, "verify", SYSTEM, evidence=found)


def evidence(reader: Reader, policy: Policy, aim: Aim) -> Evidence:
    """Measure what `aim` names in both of its windows. Facts must have been derived up to now (`catch_up`). Raises UsageError."""
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
