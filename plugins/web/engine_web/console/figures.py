"""The figures: KPIs of a period beside their targets, and the reports with their charts as they are mailed."""

import html
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UsageError
from engine.services import KPIS, amount, instant, kpi, label, reports
from engine_web.apart import apart
from engine_web.console.seat import Seat, seated
from engine_web.doors import demand
from engine_web.guards import APART

SPLITS = ("", "tier", "kind", "channel", "queue", "agent")
"""What figures can be split by here; `engine kpi` knows more."""

OF_PERIODS = ("day", "week", "month", "survey", "agent", "queue", "incident")
"""The reports that can be read here."""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure in words; `share` is its part of 100 where it is one."""

    figure: kpi.Figure
    group: str
    value: str
    interval: str
    target: str
    share: int | None


def show(request: Request) -> Response:
    """Show the figures of a period."""
    seat = seated(request)
    demand(seat.person, "read", "kpi")
    by, problem = request.query_params.get("by", ""), ""
    begin, end = _month(seat.now, seat.words.timezone), seat.now
    lines: list[Line] = []
    try:
        if since := request.query_params.get("from", ""):
            begin = instant(since, seat.words.timezone, day_ends=False)
        if until := request.query_params.get("to", ""):
            end = min(instant(until, seat.words.timezone), end)
        if begin < end:
            lines = _lines(seat, [by] if by in SPLITS and by else [], begin, end)
    except UsageError as error:
        problem = seat.words.spoken(str(error))
    return seat.page(
        "figures.html", lines=lines, splits=SPLITS, by=by, named=named, begin=begin, end=end, kinds=OF_PERIODS, problem=problem
    )


def _lines(seat: Seat, by: list[str], begin: datetime, end: datetime) -> list[Line]:
    store, policy = seat.engine.store, seat.policy
    wanted = [name for name in kpi.splittable(by) if not KPIS[name].settings or name in policy.reports.kpis]
    kpi.catch_up(store, policy)
    with store.read() as reader:
        figures = kpi.measure(reader, policy, wanted, by, begin, end)
    return [_line(seat, by, figure) for figure in figures]


def _line(seat: Seat, by: list[str], figure: kpi.Figure) -> Line:
    group = ", ".join(str(seat.words.shown(name, value or None)) for name, value in zip(by, figure.group, strict=True))
    share = round(100 * figure.value) if figure.value is not None and KPIS[figure.kpi].unit == "share" else None
    return Line(
        figure,
        group,
        amount(figure.kpi, figure.value),
        " – ".join(amount(figure.kpi, end) for end in figure.interval or ()),
        amount(figure.kpi, figure.goal.target) if figure.goal else "",
        share,
    )


def report(request: Request) -> Response:
    """Show a report as it is mailed, in a page of its own that runs nothing."""
    seat = seated(request)
    demand(seat.person, "read", "kpi")
    kind = request.query_params.get("kind", "")
    if kind not in OF_PERIODS:
        raise HTTPException(404)
    world, store = seat.engine.world, seat.engine.store
    try:
        about = reports.period_of(kind, request.query_params.get("period") or None, seat.now, seat.words.timezone)
        render = reports.writer("html")
        document = reports.report(store, world.policy, world.team, kind, about, seat.now, seat.language)
    except UsageError as error:
        return apart(html.escape(seat.words.spoken(str(error))), seat.language, seat.say("reports"), 422)
    return Response(render(document), media_type="text/html; charset=utf-8", headers=APART)


def _month(now: datetime, zone: str) -> datetime:
    first = now.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first if now - first > timedelta(days=7) else (first - timedelta(days=1)).replace(day=1)


def named(seat: Seat, name: str) -> str:
    """Return what a KPI is called."""
    return label(f"kpi.{name}", seat.language)
