"""Measures the KPIs of a period: the database sums facts up by group, what is here divides and compares."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec import structs

from engine.analysis.kpi.answers import SCALES, Group, result, scores
from engine.analysis.kpi.statistics import Interval, p_chart, wilson, xmr
from engine.analysis.kpi.sums import OF_DAYS, Sums
from engine.core.compiled import Policy
from engine.core.kpis import KPIS, Goal, Kpi, KpiPolicy, Ratio, Term
from engine.errors import UsageError
from engine.store.contract import Reader, Store

_REPEATS = ("mature", "repeated", "once")
_LONGEST, _LONGEST_SPLIT = timedelta(days=36_600), timedelta(days=3_660)
"""Of an empty house, split by day, ten years take ten seconds."""

_SECOND = 1_000_000
"""Facts hold microseconds, and changes as if 1 were a second."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The value of a KPI for one group, by the values of the dimensions asked for (empty: none).

    `value` is a share of 1, seconds, a number or a score, None for n = 0. `n` is what it is counted over. `interval` is of 95 %, `limits`
    are the control limits from the weeks before. `standing` is met, below_target, flagged, few (n is below the policy's minimum),
    suppressed, or empty; `significant` says that the whole interval lies beyond the threshold.
    """

    kpi: str
    group: Group
    n: int
    value: float | None
    interval: Interval | None = None
    goal: Goal | None = None
    standing: str = ""
    significant: bool = False
    limits: Interval | None = None


def splittable(by: Iterable[str]) -> list[str]:
    """Return the KPIs that can be split by all of these dimensions."""
    return [name for name, kpi in KPIS.items() if set(by) <= set(kpi.dimensions)]


def check(names: Iterable[str], by: Sequence[str]) -> None:
    """Raise UsageError for a KPI that there is not, or that cannot be split so."""
    for name in names:
        if name not in KPIS:
            raise UsageError(f"there is no KPI {name!r}; there are {', '.join(KPIS)}")
        if wrong := [one for one in by if one not in KPIS[name].dimensions]:
            why = " (answers hold no ticket, agent or exact time)" if name in SCALES else ""
            known = ", ".join(KPIS[name].dimensions)
            raise UsageError(f"{name} cannot be split by {', '.join(wrong)}{why}; leave it out, or split it by {known}")


def measure(
    reader: Reader, policy: Policy, names: Sequence[str], by: Sequence[str], since: datetime, until: datetime, store: Store | None = None
) -> list[Figure]:
    """Return the figures of KPIs from `since` to before `until` (aware instants), by these dimensions; days are those of the company.

    With the `store`, which must not be in memory, several readers ask at once: of a million tickets that is quicker.

    Facts must have been derived up to now (`catch_up`). Raises UsageError for a period that is empty or too long, and as `check` does.
    """
    if since >= until:
        raise UsageError(f"the period ends ({until.isoformat()}) before it begins ({since.isoformat()})")
    if until - since > (_LONGEST_SPLIT if set(by) & set(OF_DAYS) else _LONGEST):
        raise UsageError("the period is too long: it has at most 100 years, split by day, week or month at most ten")
    check(names, by)
    sums = Sums(by, since, until, ZoneInfo(policy.company.timezone), of_customers(policy))
    asked = [KPIS[name] for name in (*names, *(policy.reports.scorecard if "scorecard" in names else ()))]
    terms = [
        term for kpi in asked if kpi.ways and not kpi.standing for terms in _ratio(kpi, policy.reports.kpis.get(kpi.name)) for term in terms
    ]
    sums.ask(reader, terms, stock=any(kpi.standing for kpi in asked), store=store)
    return _figures(reader, policy, names, sums)


def of_customers(policy: Policy) -> frozenset[str]:
    """Return the deadlines that are no promises of the house: the time that a customer takes to answer."""
    return frozenset(name for name, kind in policy.deadlines.items() if kind.then == "close_unconfirmed")


def _figures(reader: Reader, policy: Policy, names: Iterable[str], sums: Sums) -> list[Figure]:
    found: list[Figure] = []
    for name in names:
        wanted = policy.reports.kpis.get(name)
        if name in SCALES:
            figures = _of_answers(reader, policy, name, sums, wanted.way if wanted else "")
        elif name == "scorecard":
            figures = _scorecard(reader, policy, sums)
        else:
            figures = _of_facts(KPIS[name], sums, wanted)
        found += [_judged(figure, sums.by, wanted) for figure in sorted(figures, key=lambda figure: figure.group)]
    return found


def _of_facts(kpi: Kpi, sums: Sums, wanted: KpiPolicy | None) -> list[Figure]:
    over, under = _ratio(kpi, wanted)
    if kpi.standing:
        stock = sums.stock()
        if not under:
            return [Figure(kpi.name, group, n, n) for group, (n, _) in stock.items()]
        return [Figure(kpi.name, group, n, age / n / _SECOND if n else None) for group, (n, age) in stock.items()]
    counted, base = sums.of(over), sums.of(under)
    if not under:
        return [Figure(kpi.name, group, n, n) for group, n in counted.items()]
    scale = _SECOND if over[0].of in ("value", "business") else 1
    figures = [
        Figure(kpi.name, group, n, counted.get(group, 0) / n / scale if n > 0 else None, _interval(kpi, counted.get(group, 0), n))
        for group, n in base.items()
    ]
    return _limited(kpi, figures, counted, sums.by) if "week" in sums.by else figures


def _ratio(kpi: Kpi, wanted: KpiPolicy | None) -> Ratio:
    """The terms by the policy's method or mode, with its span of time. Raises UsageError where the policy must say more."""
    missing = [name for name in kpi.settings if wanted is None or not (wanted.way if name == "mode" else getattr(wanted, name))]
    if missing:
        raise UsageError(f"{kpi.name} needs `{missing[0]}`: write it under `kpis:` in reports.yaml")
    over, under = kpi.ways[wanted.way if wanted and "mode" in kpi.settings else ""]
    return _spanned(over, wanted), _spanned(under, wanted)


def _spanned(terms: Iterable[Term], wanted: KpiPolicy | None) -> tuple[Term, ...]:
    """Give the terms that need one their span of time."""
    spans = {"within": wanted.within, **dict.fromkeys(_REPEATS, wanted.window)} if wanted else {}
    return tuple(structs.replace(term, span=spans.get(term.of)) for term in terms)


def _interval(kpi: Kpi, counted: int, n: int) -> Interval | None:
    """Wilson's interval of a share; what is no proportion of its n (tickets reopened more than once) has none."""
    return wilson(counted, n) if kpi.unit == "share" and 0 <= counted <= n else None


def _limited(kpi: Kpi, figures: list[Figure], counted: Mapping[Group, int], by: Sequence[str]) -> list[Figure]:
    """Give each week the control limits of the weeks before it, of the same group otherwise."""
    week = by.index("week")

    def rest(figure: Figure) -> Group:
        return (*figure.group[:week], *figure.group[week + 1 :])

    limited: list[Figure] = []
    for _, series in groupby(sorted(figures, key=lambda figure: (rest(figure), figure.group[week])), key=rest):
        before: list[Figure] = []
        for figure in series:
            if kpi.unit == "share":
                limits = p_chart([(counted.get(one.group, 0), one.n) for one in before], figure.n)
            else:
                limits = xmr([one.value for one in before if one.value is not None])
            limited.append(replace(figure, limits=limits))
            before.append(figure)
    return limited


def _of_answers(reader: Reader, policy: Policy, kpi: str, sums: Sums, method: str) -> list[Figure]:
    if kpi == "csat" and not method:
        raise UsageError("csat needs `method` (top2 or mean_x20): write it under `kpis:` in reports.yaml")
    counted = scores(reader.answers(), policy.surveys, SCALES[kpi], sums.months(), sums.by)
    shown = [Figure(kpi, group, counts.total(), *result(kpi, counts, method)) for group, counts in counted.items() if counts]
    return [*shown, *(Figure(kpi, group, 0, None, standing="suppressed") for group, counts in counted.items() if counts is None)]


def _scorecard(reader: Reader, policy: Policy, sums: Sums) -> list[Figure]:
    """100 for whoever reaches every target: the weighted mean of how far each was reached, over the KPIs that have a figure."""
    weights = policy.reports.scorecard
    reached: dict[Group, list[tuple[float, float]]] = defaultdict(list)
    for figure in _figures(reader, policy, weights, sums):
        if figure.value is not None and figure.goal is not None and figure.standing != "few":
            reached[figure.group].append((weights[figure.kpi], _reached(KPIS[figure.kpi], figure.value, figure.goal.target)))
    return [
        Figure("scorecard", group, len(parts), 100 * sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts))
        for group, parts in reached.items()
    ]


def _reached(kpi: Kpi, value: float, target: float) -> float:
    """How far a target was reached, 1 at most."""
    part, whole = (value, target) if kpi.better == "high" else (target, value)
    return 1.0 if part >= whole else max(0.0, part / whole)


def _judged(figure: Figure, by: Sequence[str], wanted: KpiPolicy | None) -> Figure:
    goal = wanted.goal_of(dict(zip(by, figure.group, strict=True))) if wanted else None
    if wanted is None or goal is None or figure.value is None:
        return replace(figure, goal=goal)
    if figure.n < wanted.minimum_n:
        return replace(figure, goal=goal, standing="few")
    sign = 1 if KPIS[figure.kpi].better == "high" else -1
    threshold = goal.target if goal.warning is None else goal.warning
    if sign * figure.value >= sign * goal.target:
        return replace(figure, goal=goal, standing="met")
    if sign * figure.value >= sign * threshold:
        return replace(figure, goal=goal, standing="below_target")
    best = figure.interval and max(sign * end for end in figure.interval)
    return replace(figure, goal=goal, standing="flagged", significant=best is not None and best < sign * threshold)
