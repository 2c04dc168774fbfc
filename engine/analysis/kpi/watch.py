"""What a policy wants looked at by cron: KPIs over the time before a slot, and the measures of improvement whose check has ended.

What is a reason for an alert, what ends one, and each verdict goes through the door.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.analysis.kpi.evidence import verdicts
from engine.analysis.kpi.facts import catch_up
from engine.analysis.kpi.measure import Figure, measure
from engine.analysis.kpi.statistics import BASELINE_WEEKS
from engine.analysis.labels import label
from engine.core.compiled import Policy
from engine.core.decide.alerts import reasons
from engine.core.fields import ALERT, OPEN_STATES
from engine.core.kpis import KPIS, Watch
from engine.core.schedule import Schedule
from engine.core.signals import AgentActed, KpiWatched
from engine.core.tracing import show
from engine.runtime import cron, schedule
from engine.runtime.gather import World
from engine.runtime.handle import Outcome
from engine.runtime.project import Job
from engine.store.contract import Reader, Store
from engine.store.rows import TicketQuery

_WEEK = timedelta(days=7)


def run_due(store: Store, world: World, now: datetime, hold: bool) -> list[Outcome]:
    """Do each look of which a slot has come; return what that led to. One that was never done starts with its next slot."""
    outcomes: list[Outcome] = []

    def doing(one: Schedule) -> Callable[[Job, datetime, datetime], None]:
        return lambda job, slot, before: outcomes.extend(look(store, world, one, slot, now, hold=hold))

    found = schedule.looks(world.policy)
    bodies = {job.name: doing(one) for one, job in found}
    cron.run_due(store, [job for _, job in found], bodies, now, world.policy.company.timezone)
    return outcomes


def look(store: Store, world: World, one: Schedule, slot: datetime, now: datetime, *, hold: bool) -> list[Outcome]:
    """Measure what a watch is about over its window before `slot`, or the measures that are to be verified; return what was decided."""
    catch_up(store, world.policy)
    signals: Iterable[KpiWatched | AgentActed]
    with store.read() as reader:
        if isinstance(one, Watch):
            name, signals = one.id, list(changes(reader, world.policy, one, slot))
        else:
            name, signals = "verification", list(verdicts(reader, world.policy, now))
    if not signals:
        return []
    with store.write() as tx:
        return schedule.decide_each(tx, world, signals, now, hold, watch=name)


def changes(reader: Reader, policy: Policy, watch: Watch, slot: datetime) -> Iterator[KpiWatched]:
    """Yield what gives a reason for an alert and has none that stands, and what ends one; in the order of the watch's KPIs."""
    alerts = reader.tickets(TicketQuery(kind=ALERT, states=OPEN_STATES, limit=10_000))
    standing = {one.alike: one.number for one in alerts}
    for name in watch.kpis:
        by = policy.reports.kpis[name].by
        weeks = _last_week(reader, policy, watch, name, by, slot)
        for figure in measure(reader, policy, [name], by, slot - watch.window, slot):
            if figure.value is None:
                continue
            group = dict(zip(by, figure.group, strict=True))
            alike = "/".join([f"kpi:{watch.id}", name, *(f"{dimension}={value}" for dimension, value in group.items())])
            week = weeks.get(figure.group)
            signal = KpiWatched(
                ticket=standing.get(alike),
                watch=watch.id,
                kpi=name,
                group=group,
                alike=alike,
                n=figure.n,
                value=figure.value,
                standing=figure.standing,
                significant=figure.significant,
                words={language: _words(policy, figure, week, group, language) for language in policy.company.languages},
                period=(slot - watch.window, slot),
                week=week.value if week else None,
                limits=week.limits if week else None,
            )
            why = reasons(signal, watch.alert.significant)
            if bool(why) if signal.ticket is None else not why and signal.standing == "met":
                yield signal


def _last_week(
    reader: Reader, policy: Policy, watch: Watch, name: str, by: Sequence[str], slot: datetime
) -> Mapping[tuple[str, ...], Figure]:
    """Return the figures of the last whole week with control limits, by group; none for a watch of less than a week."""
    if watch.window < _WEEK or "week" not in KPIS[name].dimensions:
        return {}
    zone = ZoneInfo(policy.company.timezone)
    today = slot.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    first, last, end = (datetime.combine(monday - weeks * _WEEK, time(), zone) for weeks in (BASELINE_WEEKS + 1, 1, 0))
    wanted = f"{last.date().isocalendar().year}-W{last.date().isocalendar().week:02}"
    figures = measure(reader, policy, [name], (*by, "week"), first, end)
    return {figure.group[:-1]: figure for figure in figures if figure.group[-1] == wanted and figure.limits is not None}


def _words(policy: Policy, figure: Figure, week: Figure | None, group: Mapping[str, str], language: str) -> str:
    """Say a figure in a line: which KPI of whom, how much, of how many, beside its target; and the last week where it has limits."""
    parts = ", ".join(part(policy, dimension, value, language) for dimension, value in group.items())
    said = label("alert.text", language).format(
        kpi=label(f"kpi.{figure.kpi}", language),
        group=f" ({parts})" if parts else "",
        value=amount(figure.kpi, figure.value),
        n=figure.n,
        target=amount(figure.kpi, figure.goal.target if figure.goal else None),
    )
    if week is None or week.limits is None:
        return said
    low, high = (amount(week.kpi, end) for end in week.limits)
    return said + label("alert.week", language).format(week=amount(week.kpi, week.value), low=low, high=high)


def part(policy: Policy, dimension: str, value: str, language: str) -> str:
    """Return the value of a dimension in the words of the policy, else in ours."""
    tiers, queues = {tier.id: tier.label for tier in policy.tiers}, {queue.id: queue.label for queue in policy.queues.values()}
    deadlines = {deadline.name: deadline.label for deadline in policy.deadlines.values()}
    known = {"tier": tiers, "queue": queues, "deadline": deadlines}.get(dimension, {})
    return policy.text(known[value], language) if value in known else label(f"{dimension}.{value}", language)


def amount(kpi: str, value: float | None) -> str:
    """Return a value in the unit of its KPI, – for none."""
    if value is None:
        return "–"
    match KPIS[kpi].unit:
        case "share":
            return f"{value:.1%}"
        case "change":
            return f"{value:+.1%}"
        case "duration":
            return show(timedelta(seconds=round(value)))
        case "count":
            return f"{value:.0f}"
        case "mean":
            return f"{value:.2f}"
    return f"{value:.1f}"
