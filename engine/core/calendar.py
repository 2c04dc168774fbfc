"""Business time: which instants count, how much of it has passed, and when a budget is used up.

An instant is open when the wall clock of the calendar's zone reads inside a window. So an hour that the clock repeats counts twice, an
hour that it skips does not count, and every duration is real elapsed time. One-off `open` hours add to the weekly windows and work on
holidays too; one-off `closed` hours take away and have the last word. Each local year is turned once into sorted UTC intervals with
prefix sums; every question is then a bisect.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from engine.core.intervals import FOREVER, Interval, Pause, Timeline, as_utc, clipped, difference, merged_pauses, union, utc_offsets
from engine.errors import EngineError

__all__ = ["ALWAYS", "Calendar", "CalendarSpec", "CalendarUnknown", "HolidayYear", "Interval", "Pause", "Window"]

_ZERO = timedelta(0)
_DAY = timedelta(days=1)
_LATEST_MINUTE = 30 * 60
_MONDAY = 0
_HORIZON_YEARS = 50


class CalendarUnknown(EngineError):
    """The calendar cannot know the answer: a year without data, a zone that does not exist, or business time that never comes."""


class Window(Struct, frozen=True):
    """Opening hours of one day in minutes from its local midnight; an end past 24 * 60 reaches into the next day.

    Raises:
        ValueError: unless 0 <= start_minute < end_minute <= 30 * 60.
    """

    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_minute < self.end_minute <= _LATEST_MINUTE:
            raise ValueError(f"a window runs from 00:00 to 30:00, start before end, not {self}")


class HolidayYear(Struct, frozen=True):
    """What one year changes: days off, and make-up workdays, which keep Monday's windows and win over days off.

    `provisional` says that the arrangement is expected but not announced yet, `source` where it was published, `names` by language how
    people call the holiday a day off belongs to, or the one a make-up workday makes up for. Names decide nothing.
    """

    off: frozenset[date]
    workdays: frozenset[date]
    provisional: bool
    source: str = ""
    names: Mapping[date, Mapping[str, str]] = field(default_factory=dict)


class CalendarSpec(Struct, frozen=True):
    """A calendar as its policy file states it.

    `timezone` is an IANA name; `weekly` maps 0 (Monday) to 6 to that day's windows. With `holidays` None the calendar has no
    holidays; otherwise a year that is missing there is an error when it is asked about, never a guess.
    """

    name: str
    timezone: str
    weekly: Mapping[int, tuple[Window, ...]]
    holidays: Mapping[int, HolidayYear] | None = None
    closed: tuple[Interval, ...] = ()
    open: tuple[Interval, ...] = ()


class _Year(Struct, frozen=True):
    """The open time of one local year, [begin, end) in UTC; what came before `known_from` hangs on a year without data."""

    number: int
    begin: datetime
    end: datetime
    known_from: datetime
    open: Timeline


class Calendar:
    """Answers about business time. Takes aware datetimes, gives UTC, keeps nothing but a cache of years.

    Every method raises ValueError for a naive datetime, and CalendarUnknown where the calendar has no data for the year, or where
    no open time comes within fifty years.

    Raises:
        CalendarUnknown: the spec's time zone does not exist.
        ValueError: a weekday outside 0 to 6, or an `open` or `closed` interval that is naive or does not end after its start.
    """

    __slots__ = ("_closed", "_holidays", "_name", "_open", "_weekly", "_years", "_zone")

    def __init__(self, spec: CalendarSpec) -> None:
        if not set(spec.weekly) <= set(range(7)):
            raise ValueError(f"calendar {spec.name}: weekdays run from 0 (Monday) to 6, not {sorted(spec.weekly)}")
        self._name = spec.name
        self._zone = _zone(spec)
        self._weekly = MappingProxyType({day: tuple(windows) for day, windows in spec.weekly.items()})
        self._holidays = None if spec.holidays is None else MappingProxyType(dict(spec.holidays))
        self._closed = union(_checked(interval, spec.name) for interval in spec.closed)
        self._open = union(_checked(interval, spec.name) for interval in spec.open)
        self._years: dict[int, _Year] = {}

    @property
    def name(self) -> str:
        """The name that policies use for it."""
        return self._name

    @property
    def timezone(self) -> str:
        """The IANA name of its zone."""
        return self._zone.key

    @property
    def holidays(self) -> Mapping[int, HolidayYear]:
        """The holiday arrangements by year; none where the calendar has no holidays."""
        return self._holidays or {}

    def normal(self) -> "Calendar":
        """The same weekly windows without holidays and one-off hours."""
        return Calendar(CalendarSpec(self._name, self.timezone, self._weekly))

    def due(self, start: datetime, budget: timedelta, pauses: Sequence[Pause] = ()) -> datetime | None:
        """The earliest instant at which exactly `budget` of business time has passed since `start`.

        None while a pause without an end makes it unknowable. A zero budget is due at `start` itself.

        Raises:
            ValueError: a negative budget, a pause that ends before it starts, or a naive datetime.
        """
        cursor, left = as_utc(start), budget
        if left <= _ZERO:
            if left < _ZERO:
                raise ValueError(f"a budget cannot be negative: {budget}")
            return cursor
        for pause_start, pause_end in merged_pauses(pauses, cursor) if pauses else ():
            instant, left = self._spend(cursor, left, pause_start)
            if instant is not None or pause_end is None:
                return instant
            cursor = pause_end
        return self._spend(cursor, left, FOREVER)[0]

    def elapsed(self, start: datetime, at: datetime, pauses: Sequence[Pause] = ()) -> timedelta:
        """Business time from `start` to `at` without the pauses; zero if `at` is not after `start`.

        Raises:
            ValueError: a pause that ends before it starts, or a naive datetime.
        """
        start, at = as_utc(start), as_utc(at)
        if at <= start:
            return _ZERO
        used = self._between(start, at)
        for pause_start, pause_end in merged_pauses(pauses, start) if pauses else ():
            if pause_start < at:
                used -= self._between(pause_start, at if pause_end is None else min(pause_end, at))
        return used

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is business time; closing time itself is not."""
        at = as_utc(at)
        return self._year_at(at).open.next_open(at) == at

    def next_open(self, at: datetime) -> datetime:
        """The earliest open instant that is not before `at`."""
        at = as_utc(at)
        year = self._year_at(at)
        last = year.number + _HORIZON_YEARS
        while (instant := year.open.next_open(at)) is None:
            year = self._following(year, last)
            at = year.begin
        return instant

    def open_between(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """The open time from `start` to `end` in UTC, in order; two neighbours may touch at New Year."""
        start, end = as_utc(start), as_utc(end)
        while start < end:
            year = self._year_at(start)
            yield from year.open.between(start, min(end, year.end))
            start = year.end

    def local(self, at: datetime) -> datetime:
        """The same instant as people in the calendar's zone read it."""
        return as_utc(at).astimezone(self._zone)

    def _spend(self, start: datetime, budget: timedelta, until: datetime) -> tuple[datetime | None, timedelta]:
        """When a positive `budget` is used up, if that is not after `until`; else None and what is left of it then."""
        year = self._year_at(start)
        last = year.number + _HORIZON_YEARS
        target = year.open.used(start) + budget
        while True:
            ends_here = until < year.end
            limit = year.open.used(until) if ends_here else year.open.total
            if target <= limit:
                return year.open.instant(target), _ZERO
            target -= limit
            if ends_here:
                return None, target
            year = self._following(year, last)

    def _between(self, start: datetime, at: datetime) -> timedelta:
        year = self._year_at(start)
        used = -year.open.used(start)
        while at > year.end:
            used += year.open.total
            year = self._year(year.number + 1)
        return used + year.open.used(at)

    def _year_at(self, at: datetime) -> _Year:
        # Only around New Year can the local year differ from the UTC one; elsewhere the conversion would cost more than the answer.
        number = at.astimezone(self._zone).year if at.month in {1, 12} else at.year
        year = self._years.get(number) or self._year(number)
        if at < year.known_from:
            raise self._no_data(number - 1)
        return year

    def _following(self, year: _Year, last: int) -> _Year:
        if year.number >= last:
            raise CalendarUnknown(
                f"calendar {self._name}: not enough open hours up to the end of {last} to use the time up; "
                "give it weekly windows or open hours, or ask for less time"
            )
        return self._year(year.number + 1)

    def _year(self, number: int) -> _Year:
        year = self._years.get(number)
        if year is None:
            year = self._years[number] = self._build(number)
        return year

    def _build(self, number: int) -> _Year:
        if not 1 < number < 9999:
            raise CalendarUnknown(f"calendar {self._name}: year {number} is outside the years that can be reckoned, 2 to 9998")
        if not self._knows(number):
            raise self._no_data(number)
        begin, end = self._midnight(date(number, 1, 1)), self._midnight(date(number + 1, 1, 1))
        intervals = [*self._weekly_intervals(number, begin, end), *clipped(self._open, begin, end)]
        opened = Timeline.of(difference(union(intervals), self._closed))
        return _Year(number, begin, end, self._known_from(number, begin), opened)

    def _weekly_intervals(self, number: int, begin: datetime, end: datetime) -> Iterator[Interval]:
        """The year's windows as UTC intervals, those that began on the last evening of the year before included."""
        walls = list(self._wall_windows(number))
        for start, stop, offset in utc_offsets(self._zone, begin, end):
            wall_start, wall_stop = start + offset, stop + offset
            for opens, closes in walls:
                if opens < wall_stop and closes > wall_start:
                    yield max(opens, wall_start) - offset, min(closes, wall_stop) - offset

    def _wall_windows(self, number: int) -> Iterator[Interval]:
        """The year's windows as the wall clock reads them, labelled UTC so that arithmetic stays aware."""
        day, last = date(number, 1, 1), date(number, 12, 31)
        if self._knows(number - 1):
            day -= _DAY
        while day <= last:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for window in self._windows(day):
                yield midnight + timedelta(minutes=window.start_minute), midnight + timedelta(minutes=window.end_minute)
            day += _DAY

    def _windows(self, day: date) -> tuple[Window, ...]:
        weekday = day.weekday()
        if self._holidays is not None:
            arrangement = self._holidays[day.year]
            if day in arrangement.workdays:
                weekday = _MONDAY
            elif day in arrangement.off:
                return ()
        return self._weekly.get(weekday, ())

    def _known_from(self, number: int, begin: datetime) -> datetime:
        """A window past midnight makes the first hours of a year depend on whether the day before was worked."""
        if self._knows(number - 1):
            return begin
        latest = max((window.end_minute for windows in self._weekly.values() for window in windows), default=0)
        return begin + max(timedelta(minutes=latest) - _DAY, _ZERO)

    def _knows(self, number: int) -> bool:
        return self._holidays is None or number in self._holidays

    def _no_data(self, number: int) -> CalendarUnknown:
        return CalendarUnknown(
            f"calendar {self._name}: no holiday data for {number}; add that year to its arrangement "
            "(with provisional: true until it is announced)"
        )

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)


class _AlwaysOpen(Calendar):
    """Every instant is open, so that business time is plain time."""

    __slots__ = ()

    def normal(self) -> Calendar:
        return self

    def is_open(self, at: datetime) -> bool:
        as_utc(at)
        return True

    def next_open(self, at: datetime) -> datetime:
        return as_utc(at)

    def open_between(self, start: datetime, end: datetime) -> Iterator[Interval]:
        start, end = as_utc(start), as_utc(end)
        yield from [(start, end)] if start < end else []

    def _spend(self, start: datetime, budget: timedelta, until: datetime) -> tuple[datetime | None, timedelta]:
        left = budget - (until - start)
        if left <= _ZERO:
            return start + budget, _ZERO
        if until == FOREVER:
            raise CalendarUnknown(f"calendar {self._name}: {budget} after {start.isoformat()} is past the year 9999")
        return None, left

    def _between(self, start: datetime, at: datetime) -> timedelta:
        return at - start


def _zone(spec: CalendarSpec) -> ZoneInfo:
    try:
        return ZoneInfo(spec.timezone)
    except (KeyError, ValueError, OSError) as error:  # no such zone, a path that leaves the database, a folder of it
        raise CalendarUnknown(
            f"calendar {spec.name}: {spec.timezone!r} is not a time zone; use an IANA name such as Asia/Shanghai"
        ) from error


def _checked(interval: Interval, name: str) -> Interval:
    start, end = as_utc(interval[0]), as_utc(interval[1])
    if start >= end:
        raise ValueError(f"calendar {name}: {start.isoformat()} to {end.isoformat()} does not end after its start")
    return start, end


ALWAYS: Calendar = _AlwaysOpen(CalendarSpec(name="24x7", timezone="UTC", weekly={}))
"""The built-in calendar on which every minute of every day counts."""
