"""Compiles calendars and holiday arrangements."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from engine.core.calendar import ALWAYS, Calendar, CalendarSpec, HolidayYear, Interval, Window
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.units import days, window
from engine.policy.values import Values
from engine.policy.vocabulary import ALWAYS_NAME, BUILT_IN

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE = timedelta(minutes=1)
_AHEAD = timedelta(days=90)
"""How long before the first year without holiday data validation says so."""


def compile_calendars(document: Document, problems: Problems, languages: tuple[str, ...] = ()) -> dict[str, Calendar]:
    """Return every sound calendar by name, the built-in one included; report what is wrong with the others.

    `languages` are those that names of holidays may have; without them that is not judged.
    """
    arrangements = {
        name: _arrangement(node, Values(languages, problems), problems) for name, node in document.entries("arrangements").items()
    }
    calendars = {ALWAYS_NAME: ALWAYS}
    for name, node in document.entries("calendars").items():
        if name in BUILT_IN:
            problems.add("CL505", node, said("{name} is built in", name=name), "give this calendar another name")
            continue
        compiled = _calendar(name, node, arrangements, document, problems)
        if compiled is not None:
            calendars[name] = compiled
    return calendars


def check_horizon(document: Document, today: date, problems: Problems) -> None:
    """Warn of arrangements in use that soon have no more data, not while their last year is provisional; without today's it is an error."""
    used = {node.string("holidays") for node in document.entries("calendars").values()}
    for name, years in document.entries("arrangements").items():
        missing = next(year for year in count(today.year) if str(year) not in years.map)
        begins, last = date(missing, 1, 1), years.get(str(missing - 1))
        covered = last is not None and missing > today.year and last.string("provisional") == str(True)
        if name in used and not covered and begins - today <= _AHEAD:
            code, message = "CL506", said("the holiday data of `{name}` run out on {day}", name=name, day=begins - timedelta(days=1))
            if missing == today.year:
                lacking = said("`{name}` has no holiday data for {year}: no deadline can be reckoned by it", name=name, year=missing)
                code, message = "CL507", lacking
            hint = said("add {year}, with `provisional: true` until it is announced", year=missing)
            problems.add(code, years.keys.get(str(missing - 1), years.span), message, hint, path=years.path)


def zone(node: Node, problems: Problems) -> ZoneInfo | None:
    """Return the time zone a node names, None (with a diagnostic) when there is none."""
    try:
        return ZoneInfo(node.text)
    except (KeyError, ValueError, OSError):
        hint = "write an IANA name such as Asia/Shanghai, Europe/Berlin or America/New_York"
        problems.add("CL313", node, said("there is no time zone `{node}`", node=node.text), hint)
        return None


def _calendar(
    name: str, node: Node, arrangements: Mapping[str, dict[int, HolidayYear]], document: Document, problems: Problems
) -> Calendar | None:
    timezone = zone(node["timezone"], problems)
    weekly = _weekly(node["weekly"], problems)
    holidays = None
    if (arrangement := node.get("holidays")) is not None:
        problems.unknown("CL501", arrangement, "arrangement", document.ids("arrangements"))
        holidays = arrangements.get(arrangement.text, {})
    if timezone is None:
        return None
    closed, opened = (_moments(node.get(key), timezone, problems) for key in ("closed", "open"))
    return Calendar(CalendarSpec(name, timezone.key, weekly, holidays, closed, opened))


def _weekly(node: Node, problems: Problems) -> dict[int, tuple[Window, ...]]:
    weekly: dict[int, list[Window]] = {}
    for names, windows in node.map.items():
        place = Node(names, node.keys[names], windows.path)
        for weekday in _weekdays(place, problems):
            for item in windows.items:
                found = _window(item, problems)
                if found is None:
                    continue
                if any(
                    found.start_minute < other.end_minute and other.start_minute < found.end_minute for other in weekly.get(weekday, [])
                ):
                    hint = said("each minute of {weekday} may stand in one window only", weekday=_WEEK[weekday])
                    problems.add("CL503", item, said("`{item}` overlaps another window", item=item.text), hint)
                    return {}
                weekly.setdefault(weekday, []).append(found)
    return {weekday: tuple(sorted(windows, key=lambda one: one.start_minute)) for weekday, windows in weekly.items()}


def _weekdays(place: Node, problems: Problems) -> list[int]:
    if place.text == "daily":
        return list(range(7))
    first, _, last = place.text.partition("-")
    begin, end = _WEEK.index(first), _WEEK.index(last or first)
    if end < begin:
        problems.add("CL502", place, said("the range `{place}` runs backwards", place=place.text), "the week goes from mon to sun")
    return list(range(begin, end + 1))


def _window(node: Node, problems: Problems) -> Window | None:
    begin, end = window(node.text.rpartition(" ")[2])
    if begin < end:
        return Window(begin, end)
    hint = 'a window past midnight ends after 24:00: "22:00-30:00" is 22:00 to 06:00 of the next day'
    problems.add("CL503", node, said("the window `{node}` ends before it begins", node=node.text), hint)
    return None


def _moments(node: Node | None, timezone: ZoneInfo, problems: Problems) -> tuple[Interval, ...]:
    """Return the intervals of one-off closures or extra hours, such as "2026-12-31 13:00-18:00"."""
    intervals: list[Interval] = []
    for item in node.items if node else []:
        try:
            day = date.fromisoformat(item.text.partition(" ")[0])
        except ValueError:
            problems.add("CL502", item, said("there is no such day: `{item}`", item=item.text), "write year-month-day")
            continue
        if (hours := _window(item, problems)) is not None:
            midnight = datetime(day.year, day.month, day.day, tzinfo=timezone)
            begin, end = ((midnight + minute * _MINUTE).astimezone(UTC) for minute in (hours.start_minute, hours.end_minute))
            if begin < end:
                intervals.append((begin, end))
            else:
                message = said("`{item}` ends before it begins: the clocks are put forward then", item=item.text)
                problems.add("CL503", item, message, "write times that the clock shows on that day")
    return tuple(intervals)


def _arrangement(node: Node, values: Values, problems: Problems) -> dict[int, HolidayYear]:
    years: dict[int, HolidayYear] = {}
    for year, entry in node.map.items():
        off, workdays = (_days(entry[key], int(year), problems) for key in ("off", "workdays"))
        both = set(off) & set(workdays)
        for day in sorted(both):
            problems.add("CL504", workdays[day], said("{day} is both off and a workday", day=day), "take it out of one of the two lists")
        provisional = entry.get("provisional")
        years[int(year)] = HolidayYear(
            frozenset(off),
            frozenset(workdays),
            provisional is not None and provisional.value is True,
            entry.string("source"),
            {day: values.text(item["name"]) for day, item in (off | workdays).items() if "name" in item.map},
        )
    return years


def _days(node: Node, year: int, problems: Problems) -> dict[date, Node]:
    """Return each day of a list with the item that says it: a day or a range, or one of them as `days` beside its `name`."""
    found: dict[date, Node] = {}
    for item in node.items:
        place = item.get("days") or item
        try:
            found.update(dict.fromkeys(days(place.text, year), item))
        except ValueError as error:
            problems.add(
                "CL502",
                place,
                said("`{item}` is not a day or range of {year}: {error}", item=place.text, year=year, error=error.args[0]),
                'write "10-01" or "10-01/10-07"',
            )
    return found
