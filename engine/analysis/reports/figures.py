"""What a report says in figures of the log: results beside their targets, how they moved, which promises were kept, who did how much."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeAlias

from engine.analysis.kpi import Figure
from engine.analysis.reports.material import HISTORY, TONES, Material
from engine.core.kpis import KPIS
from engine.documents import Cell, Chart, Highlight, Section, Series, Table

Sections: TypeAlias = Callable[[Material], Iterator[Section]]
"""A part of a report."""

TRENDS = ("sla_attainment", "response_on_time", "csat", "resolution_rate")
FIRST = ("volume", *TRENDS, "needs_met", "fcr")
"""What everybody should see first, the most important first."""
MOST_HIGHLIGHTS = 5
TODAY = ("volume", "sla_attainment", "response_on_time", "handled", "backlog")
"""What everybody should see first of a day, and how the first two were on the days before."""
_HOURS = tuple(f"{hour:02}" for hour in range(24))
WEEKS = 26
"""How many weeks a control chart shows: eight of them are the least baseline."""
MOST_CAUSES = 8
"""Bars of a Pareto chart; what is left is put together."""


def highlights(material: Material, names: Sequence[str]) -> tuple[Highlight, ...]:
    """Return the first five of these KPIs that there are figures of."""
    found = [figure for name in names if (figure := material.now(name)) and figure.value is not None][:MOST_HIGHLIGHTS]
    return tuple(Highlight(material.kpi(one.kpi), material.cell(one), _beside(material, one)) for one in found)


def results(material: Material) -> Iterator[Section]:
    """The KPIs that there are figures of: value, interval, n, target, how it was before and whether it moved."""
    words = material.say
    rows = []
    for name in material.known:
        now, then = material.now(name), material.then(name)
        if (now is None or not now.n) and (then is None or not then.n) and (now is None or not now.standing):
            continue
        goal = now.goal if now else None
        standing = now.standing if now else ""
        rows.append(
            (
                Cell(material.kpi(name)),
                material.cell(now),
                Cell(material.interval(now), tone="quiet"),
                Cell("" if now is None or standing == "suppressed" else str(now.n), float(now.n) if now else None, "count", "quiet"),
                Cell(material.amount(name, goal.target), goal.target, KPIS[name].unit) if goal else Cell("–", tone="quiet"),
                material.cell(then),
                material.change(now, then),
                Cell(words(f"standing.{standing}{'.sure' if now and now.significant else ''}") if standing else "–", tone=TONES[standing]),
            )
        )
    headings = ("kpi", "value", "interval", "n", "target", "before", "change", "standing")
    table = Table(words("results.table"), tuple(words(f"head.{one}") for one in headings), tuple(rows), words("results.note"))
    yield Section(words("results"), (table,) if rows else (words("nothing"),))


def trend(material: Material) -> Iterator[Section]:
    """How the most important KPIs moved over the periods before, and whether the weeks were under control."""
    charts = trends(material, TRENDS)
    control = _control(material)
    note = (material.say("trend.note"),) if charts else ()
    yield Section(material.say("trend"), (*note, *charts, *([control] if control else [])) or (material.say("trend.none"),))


def trends(material: Material, kpis: Sequence[str]) -> list[Chart]:
    """Return a chart for each KPI that has figures of more than one period to judge by, from the first such on."""
    names = [material.period.before(count).name for count in range(HISTORY, -1, -1)]
    charts = []
    for kpi in kpis:
        figures = [material.history.get(kpi, {}).get(name) for name in names]
        there = [place for place, one in enumerate(figures) if one is not None and one.value is not None and one.standing != "few"]
        if len(there) > 1:
            charts.append(chart_of(material, "trend", material.kpi(kpi), kpi, names[there[0] :], figures[there[0] :]))
    return charts


def promises(material: Material) -> Iterator[Section]:
    """Promises kept by tier, beside the target of each; and which kinds of deadline were missed most."""
    by_tier = {one.group[0]: one for one in material.measured(["sla_attainment"], ["tier"]) if one.n}
    by_deadline = [one for one in material.measured(["sla_attainment"], ["deadline"]) if one.n]
    if not by_deadline:
        yield Section(material.say("promises"), (material.say("promises.none"),))
        return
    tiers = [tier.id for tier in material.policy.tiers if tier.id in by_tier] + sorted(
        by_tier.keys() - {one.id for one in material.policy.tiers}
    )
    names = [material.part("tier", tier) if tier else material.say("no_tier") for tier in tiers]
    figures = [by_tier[tier] for tier in tiers]
    rows = [
        (
            Cell(material.part("deadline", one.group[0])),
            Cell(str(kept := round((one.value or 0) * one.n)), kept, "count"),
            Cell(str(one.n - kept), one.n - kept, "count"),
            material.cell(one),
            Cell(material.interval(one), tone="quiet"),
        )
        for one in by_deadline
    ]
    headings = tuple(material.say(f"head.{one}") for one in ("deadline", "kept", "broken", "sla", "interval"))
    broken = {material.part("deadline", one.group[0]): one.n - round((one.value or 0) * one.n) for one in by_deadline}
    drawn = pareto(material, material.say("broken.chart"), broken)
    yield Section(
        material.say("promises"),
        (
            chart_of(material, "bars", material.say("tiers.chart"), "sla_attainment", names, figures, material.say("tiers.note")),
            *([drawn] if drawn else []),
            Table(material.say("deadlines.table"), headings, tuple(rows)),
        ),
    )


def intake(material: Material) -> Iterator[Section]:
    """What came in by hour, kind and channel, and how it was in the periods before."""
    by = {name: {one.group[0]: one.n for one in material.measured(["volume"], [name])} for name in ("hour", "kind", "channel")}
    hours = Series(material.kpi("volume"), tuple(float(by["hour"].get(hour, 0)) for hour in _HOURS))
    drawn = [
        pareto(material, material.say(f"intake.{name}"), {material.part(name, key): n for key, n in by[name].items()})
        for name in ("kind", "channel")
    ]
    came = [Chart("trend", material.say("intake.hour"), "count", _HOURS, (hours,)), *filter(None, drawn)] if by["hour"] else []
    yield Section(material.say("intake"), (*trends(material, TODAY[:2]), *came) or (material.say("nothing"),))


def loads(dimension: str, kpis: Sequence[str]) -> Sections:
    """Return what makes the section of figures by agent or by queue."""

    def section(material: Material) -> Iterator[Section]:
        known = [
            name
            for name in kpis
            if dimension in KPIS[name].dimensions and (not KPIS[name].settings or name in material.policy.reports.kpis)
        ]
        found = {(one.kpi, one.group[0]): one for one in material.measured(known, [dimension])}
        keys = [
            key
            for key in (material.team.agents if dimension == "agent" else material.policy.queues)
            if any((name, key) in found for name in known)
        ]
        if not keys:
            yield Section(material.say(f"by_{dimension}"), (material.say("nothing"),))
            return
        rows = tuple((Cell(material.part(dimension, key)), *(material.cell(found.get((name, key))) for name in known)) for key in keys)
        headings = (material.say(f"head.{dimension}"), *(material.kpi(name) for name in known))
        charts = []
        for name in [name for name in known if KPIS[name].better][:2]:
            shown = [key for key in keys if (one := found.get((name, key))) is not None and one.value is not None]
            if shown:
                names, figures = [material.part(dimension, key) for key in shown], [found[name, key] for key in shown]
                charts.append(chart_of(material, "bars", material.kpi(name), name, names, figures))
        yield Section(material.say(f"by_{dimension}"), (*charts, Table(material.say(f"by_{dimension}.table"), headings, rows)))

    return section


def chart_of(
    material: Material, shape: str, title: str, kpi: str, names: Sequence[str], figures: Sequence[Figure | None], note: str = ""
) -> Chart:
    """Return a chart of figures of one KPI, with their intervals and targets."""
    drawn = [None if shape == "trend" and one and one.standing == "few" else one for one in figures]
    ends = [one.interval or (None, None) if one else (None, None) for one in drawn]
    low, high = (tuple(end[side] for end in ends) for side in (0, 1))
    series = Series(title, tuple(one.value if one else None for one in drawn), low, high)
    goals = tuple(one.goal.target if one and one.goal else None for one in figures)
    wanted = material.policy.reports.kpis.get(kpi)
    if shape == "trend" and wanted is not None and wanted.goal is not None:
        goals = tuple(wanted.goal.target for _ in figures)
    tones = tuple(TONES[one.standing] if one else "" for one in figures)
    return Chart(shape, title, KPIS[kpi].unit, tuple(names), (series,), goals, material.say("head.target"), tones, note)


def pareto(material: Material, title: str, counts: dict[str, int]) -> Chart | None:
    """Return a Pareto chart of how often each thing came up, None where nothing did."""
    ordered = sorted(((count, name) for name, count in counts.items() if count), key=lambda one: (-one[0], one[1]))
    if not ordered:
        return None
    rest = sum(count for count, _ in ordered[MOST_CAUSES:])
    kept = ordered[:MOST_CAUSES] + ([(rest, material.say("others"))] if rest else [])
    total = sum(count for count, _ in kept)
    cumulative = [sum(count for count, _ in kept[: index + 1]) / total for index in range(len(kept))]
    vital = next(index for index, share in enumerate(cumulative) if share >= 0.8 - 1e-9)
    first = ", ".join(name for _, name in kept[: vital + 1])
    counted = Series(material.say("head.count"), tuple(float(count) for count, _ in kept))
    series = counted, Series(material.say("head.cumulative"), tuple(cumulative), unit="share")
    note = material.say("pareto.note", names=first, share=f"{cumulative[vital]:.0%}", n=total)
    return Chart("pareto", title, "count", tuple(name for _, name in kept), series, note=note)


def _control(material: Material) -> Chart | None:
    """The share of promises kept by week, within the control limits of the weeks before each."""
    since = material.period.since - timedelta(weeks=WEEKS)
    figures = [one for one in material.measured(["sla_attainment"], ["week"], since) if one.value is not None and one.standing != "few"]
    if len(figures) < 2:
        return None
    limits = [one.limits or (None, None) for one in figures]
    beyond = [one.group[0] for one in figures if one.limits and one.value is not None and not one.limits[0] <= one.value <= one.limits[1]]
    low, high = (tuple(end[side] for end in limits) for side in (0, 1))
    series = Series(material.kpi("sla_attainment"), tuple(one.value for one in figures), low, high)
    limited = any(one.limits for one in figures)
    note = material.say("control.beyond", weeks=", ".join(beyond)) if beyond else material.say("control.calm" if limited else "control.few")
    return Chart("control", material.say("control.chart"), "share", tuple(one.group[0] for one in figures), (series,), note=note)


def _beside(material: Material, figure: Figure) -> str:
    target = material.say("beside.target", target=material.amount(figure.kpi, figure.goal.target)) if figure.goal else ""
    return " · ".join(filter(None, [target, _than(material, figure.kpi)]))


def _than(material: Material, kpi: str) -> str:
    then = material.then(kpi)
    return "" if then is None or then.value is None else material.say("beside.before", value=material.amount(kpi, then.value))
