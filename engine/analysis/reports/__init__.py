"""Reports of a month, a week or a day, built as documents from the log and the store: the same whenever they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.analysis.kpi import catch_up
from engine.analysis.labels import label
from engine.analysis.reports import figures, period, summary, voices, work
from engine.analysis.reports.figures import Sections
from engine.analysis.reports.material import Material
from engine.analysis.reports.period import Period
from engine.analysis.reports.writing import writer, writers
from engine.analysis.texts import moment
from engine.core.compiled import Policy
from engine.core.team import Team
from engine.documents import Document, Section
from engine.errors import UsageError
from engine.store.contract import Store

_AGENT = ("scorecard", "sla_attainment", "response_on_time", "fcr", "needs_met", "reopen_rate", "handled", "backlog", "aht")
_QUEUE = (
    "sla_attainment",
    "response_on_time",
    "resolution_rate",
    "mttr_business",
    "transfers",
    "volume",
    "handled",
    "backlog",
    "backlog_age",
)
_HELD = ("backlog", "backlog_age", "volume", "handled", "transfers", "sla_attainment", "response_on_time")
"""Who holds what at the end of a day, and what they did in it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of report: the period it is of by default (`month`, `week` or `day`; `only` that one, or any), its sentences, its parts, and
    the KPIs that everybody should see first.
    """

    unit: str
    summary: Callable[[Material], Iterator[str]]
    sections: tuple[Sections, ...]
    only: bool = False
    first: Sequence[str] = figures.FIRST


KINDS: Mapping[str, Kind] = {
    "month": Kind(
        period.MONTH,
        summary.of_period,
        (
            figures.results,
            figures.trend,
            figures.promises,
            voices.distribution,
            voices.driving,
            voices.low_scores,
            work.measures,
            work.plan,
        ),
        only=True,
    ),
    "week": Kind(
        period.WEEK,
        summary.of_period,
        (figures.results, figures.trend, figures.promises, work.alerts, voices.low_scores, work.measures, work.plan),
        only=True,
    ),
    "day": Kind(
        period.DAY,
        summary.of_day,
        (
            work.missed,
            figures.promises,
            figures.intake,
            figures.loads("queue", _HELD),
            figures.loads("agent", _HELD),
            figures.results,
            work.incidents,
            work.alerts,
            voices.low_scores,
        ),
        True,
        figures.TODAY,
    ),
    "survey": Kind(
        period.MONTH,
        summary.of_survey,
        (voices.distribution, voices.opinions, voices.driving, voices.suggested, voices.low_scores),
        True,
        voices.OPINIONS,
    ),
    "agent": Kind(period.MONTH, summary.of_promises, (figures.loads("agent", _AGENT),)),
    "queue": Kind(period.MONTH, summary.of_promises, (figures.loads("queue", _QUEUE),)),
    "incident": Kind(period.MONTH, summary.of_promises, (work.incidents, work.alerts)),
}


def period_of(kind: str, wanted: str | None, now: datetime, timezone: str) -> Period:
    """Return the period of a report: the one that is wanted, else the last whole one. Raises UsageError for one that it cannot be of."""
    found = period.named(wanted, timezone) if wanted else period.last(KINDS[kind].unit, now, timezone)
    if KINDS[kind].only and found.unit != KINDS[kind].unit:
        form = period.FORMS[KINDS[kind].unit]
        raise UsageError(f"the report {kind!r} is of a {KINDS[kind].unit}: write its period as {form}")
    if found.since >= now:
        raise UsageError(f"{found.name} has not begun")
    return found


def report(
    store: Store,
    policy: Policy,
    team: Team,
    kind: str,
    about: Period,
    now: datetime,
    language: str,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Document:
    """Return a report. Facts are derived up to now first; `step` hears of each part that is done, and of how many there are."""
    parts = KINDS[kind].sections
    catch_up(store, policy)
    step(1, len(parts) + 1)
    with store.read() as reader:
        material = Material(reader, policy, team, about, min(now, about.until), language)
        sections: list[Section] = []
        for part in parts:
            sections += part(material)
            step(1, len(parts) + 1)
        return Document(
            name=f"{kind}-{about.name}",
            language=language,
            company=material.text(policy.company.name),
            title=label(f"doc.title.{kind}", language),
            period=_period(material),
            summary=tuple(KINDS[kind].summary(material)),
            highlights=figures.highlights(material, KINDS[kind].first),
            sections=(*sections, Section(material.say("about"), (material.say("about.text", kind=kind, period=about.name),))),
        )


def _period(material: Material) -> str:
    about, first = material.period, material.period.first
    _, week, weekday = first.isocalendar()
    names = {"name": material.say(f"month.{first.month}"), "weekday": material.say(f"weekday.{weekday}")}
    dates = {"year": about.name[:4], "month": first.month, "week": week, "day": first.day, "first": first}
    named = material.say(f"period.{about.unit}", **names, **dates)
    if material.until >= about.until:
        return named
    return material.say("period.so_far", period=named, at=moment(material.until, about.timezone))


__all__ = ["KINDS", "period_of", "report", "writer", "writers"]
