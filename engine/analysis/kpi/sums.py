"""Sums of facts by group, asked of the database once each, and put together over days, weeks, months and offsets from UTC."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.analysis.kpi.answers import Group
from engine.core.intervals import utc_offsets
from engine.core.kpis import ABOUT, KPIS, Term
from engine.store.contract import Reader, Store
from engine.store.rows import FactSpan, FactSum

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_DAY_ONE, _DAY = date(1970, 1, 1), timedelta(days=1)
_OF_DAYS = ("day", "week", "month")
_REPEATS = ("mature", "repeated", "once")
_READ: Mapping[str, Callable[[FactSum], int]] = {
    "count": lambda one: one.count,
    "all": lambda one: one.count,
    "value": lambda one: one.value,
    "business": lambda one: one.business,
    "business_count": lambda one: one.business_count,
    "within": lambda one: one.within,
    "mature": lambda one: one.count,
    "repeated": lambda one: one.within,
    "once": lambda one: one.count - one.within,
}

_TERMS = frozenset(term for kpi in KPIS.values() for way in kpi.ways.values() for terms in way for term in terms)
_WANTED = {name: {term.of.removesuffix("_count") for term in _TERMS if term.fact == name} for name in {term.fact for term in _TERMS}}
"""What is asked of each fact: a sum that nobody asks for is not made."""
_PIECE = timedelta(days=14)
"""SQLite sorts what it groups: pieces of a week to a month took it a quarter less than a year at once."""

_READERS = 2
"""How many readers ask at once: as many processors as the smallest machine has."""

Cells: TypeAlias = list[tuple[Group, FactSum]]


class Sums:
    """The sums of one period. `by` are the dimensions of groups; deadlines in `theirs` are not counted.

    `limits` says by fact up to which value one is `within`.
    """

    def __init__(
        self,
        reader: Reader,
        by: Sequence[str],
        since: datetime,
        until: datetime,
        zone: ZoneInfo,
        theirs: frozenset[str],
        limits: Mapping[str, timedelta],
    ) -> None:
        self.by = tuple(by)
        self._reader = reader
        self._since, self._until, self._zone = since, until, zone
        self._theirs = theirs
        self._limits = limits
        self._stock: dict[Group, tuple[int, int]] | None = None
        days = ("day",) if set(_OF_DAYS) & set(by) else ()
        self._columns = (*(one for one in by if one in ABOUT), *days, *(one for one in by if one == "hour"))
        self._asked: dict[tuple[str, timedelta | None], Cells] = {}

    def ask(self, store: Store, wanted: Collection[tuple[Term, timedelta | None]], *, stock: bool) -> None:
        """Ask for what is `wanted` by a few readers at once; what comes meanwhile may be seen by some of them only."""
        asks = dict.fromkeys((term.fact, window if term.of in _REPEATS else None) for term, window in wanted)

        def beside(ask: Callable[..., Any], *about: Any) -> Any:
            with store.read() as reader:
                return ask(reader, *about)

        with ThreadPoolExecutor(_READERS) as pool:
            standing = pool.submit(beside, self._standing) if stock else None
            found = {one: pool.submit(beside, self._found, *one) for one in sorted(asks, key=lambda one: one[1] is None)}
            self._asked |= {one: cells.result() for one, cells in found.items()}
            self._stock = standing.result() if standing else None

    def of(self, terms: Sequence[Term], window: timedelta | None) -> dict[Group, int]:
        """Return the sum of the terms by group; what comes up again within the window is repeated."""
        found: dict[Group, int] = defaultdict(int)
        for term in terms:
            read = _READ[term.of]
            for group, one in self._cells(term, window):
                if not term.outcomes or one.outcome in term.outcomes:
                    found[group] += term.sign * read(one)
            if term.of == "all":
                found.update(dict.fromkeys(found, sum(found.values())))
        return found

    def stock(self) -> dict[Group, tuple[int, int]]:
        """Return by group how many tickets were open at the end (of each day, week or month), and their ages together in microseconds."""
        if self._stock is None:
            self._stock = self._standing(self._reader)
        return self._stock

    def _standing(self, reader: Reader) -> dict[Group, tuple[int, int]]:
        still = tuple(name for name in self._columns if name != "day")
        before = FactSpan(_EPOCH, self._since, timedelta(0), self._until)
        asked = [(before, still), *((span, self._columns) for span in self._spans(self._since))]
        moves: dict[Group, dict[date, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for span, columns in asked:
            for one in reader.sum_facts("load", span, columns, of=("value",)):
                values, sign = dict(zip(columns, one.group, strict=True)), 1 if one.outcome == "in" else -1
                moved = moves[tuple("" if name in _OF_DAYS else str(values[name] or "") for name in self.by)]
                day = _DAY_ONE + _DAY * int(values.pop("day", 0) or 0)
                moved[day][0] += sign * one.count
                moved[day][1] += sign * one.value
        found: dict[Group, tuple[int, int]] = {}
        ends = self._ends()
        for group, by_day in moves.items():
            count = opened = 0
            days = sorted(by_day)
            for period, last, end in ends:
                while days and days[0] <= last:
                    moved_in = by_day[days.pop(0)]
                    count, opened = count + moved_in[0], opened + moved_in[1]
                key = tuple(period.get(name, value) for name, value in zip(self.by, group, strict=True))
                found[key] = (count, count * ((end - _EPOCH) // _MICROSECOND) - opened)
        return found

    def months(self) -> list[str]:
        """Return the months that the period touches."""
        return list(dict.fromkeys(day.isoformat()[:7] for day in self._days()))

    def _days(self) -> Iterator[date]:
        first, last = (at.astimezone(self._zone).date() for at in (self._since, self._until - _MICROSECOND))
        return (first + _DAY * number for number in range((last - first).days + 1))

    def _ends(self) -> list[tuple[Mapping[str, str], date, datetime]]:
        """The periods asked for: what each is called, its last day, the instant at which it ends; the last one ends with the period."""
        ends: dict[Group, tuple[Mapping[str, str], date, datetime]] = {}
        for day in self._days():
            midnight = datetime.combine(day + _DAY, datetime.min.time(), self._zone).astimezone(UTC)
            names = {name: value for name, value in named(day).items() if name in self.by}
            ends[tuple(names.values())] = (names, day, min(midnight, self._until))
        return list(ends.values())

    def _cells(self, term: Term, window: timedelta | None) -> Cells:
        repeats = window if term.of in _REPEATS else None
        if (term.fact, repeats) not in self._asked:
            self._asked[term.fact, repeats] = self._found(self._reader, term.fact, repeats)
        return self._asked[term.fact, repeats]

    def _found(self, reader: Reader, fact: str, window: timedelta | None) -> Cells:
        return [
            (self._key(one), one)
            for span in self._spans(self._since)
            for one in self._sums(reader, fact, span, window)
            if not (fact == "deadline" and one.subject in self._theirs) and not (fact == "call" and one.subject != "inbound")
        ]

    def _sums(self, reader: Reader, fact: str, span: FactSpan, window: timedelta | None) -> list[FactSum]:
        if window is not None:
            return reader.sum_repeats(fact, span, self._columns, window)
        limit = self._limits.get(fact) if "within" in _WANTED[fact] else None
        return reader.sum_facts(fact, span, self._columns, limit, _WANTED[fact])

    def _spans(self, since: datetime) -> Iterator[FactSpan]:
        """The period cut where the zone's offset changes, where days or hours are asked for, into pieces that are sorted quickly."""
        whole = [(since, self._until, timedelta(0))]
        pieces = utc_offsets(self._zone, since, self._until) if {"day", "hour"} & set(self._columns) else whole
        for begin, end, offset in pieces:
            while begin < end:
                yield FactSpan(begin, min(begin + _PIECE, end), offset, self._until)
                begin += _PIECE

    def _key(self, one: FactSum) -> Group:
        values = dict(zip(self._columns, one.group, strict=True))
        if "day" in values:
            values |= named(_DAY_ONE + _DAY * int(values["day"] or 0))
        if "hour" in values:
            values["hour"] = f"{values['hour']:02}"
        values |= dict.fromkeys(("deadline", "state", "category", "article", "survey"), one.subject)
        return tuple(str(values[name] or "") for name in self.by)


def named(day: date) -> dict[str, str]:
    """Return what a day, its week (ISO 8601) and its month are called."""
    year, week, _ = day.isocalendar()
    return {"day": day.isoformat(), "week": f"{year}-W{week:02}", "month": day.isoformat()[:7]}
