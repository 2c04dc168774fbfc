"""Sums of facts by group: one pass of the database over each fact and period, put together over hours and offsets from UTC."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from engine.analysis.kpi.answers import Group
from engine.core.intervals import utc_offsets
from engine.core.kpis import Term
from engine.store.contract import Reader, Store
from engine.store.rows import FactSpan

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_DAY = timedelta(days=1)
OF_DAYS = ("day", "week", "month")
_SUBJECTS = ("deadline", "state", "category", "article", "survey")
"""What the subject of a fact is called where something is split by it."""

_STOCK = tuple(Term("load", (way,), of) for of in ("count", "value") for way in ("in", "out"))
_PIECE = timedelta(days=14)
"""SQLite sorts what it groups: pieces of a week to a month took it a quarter less than a year at once."""

_READERS = 2
"""How many readers ask at once: as many processors as the smallest machine has."""

Found: TypeAlias = Mapping[Term, Mapping[Group, int]]


class Sums:
    """The sums of one period. `by` are the dimensions of groups; deadlines in `theirs` are not counted."""

    def __init__(self, by: Sequence[str], since: datetime, until: datetime, zone: ZoneInfo, theirs: Collection[str]) -> None:
        self.by = tuple(by)
        self._since, self._until, self._zone = since, until, zone
        self._apart = {"deadline": theirs, "call": ("outbound",)}
        self._split = [one for one in self.by if one not in OF_DAYS]
        self._columns = ["subject" if one in _SUBJECTS else one for one in self._split]
        self._found: dict[Term, Mapping[Group, int]] = {}

    def ask(self, reader: Reader, terms: Iterable[Term], *, stock: bool, store: Store | None) -> None:
        """Ask for the terms and for the `stock`, once for each fact.

        With a store a few readers ask at once; what comes meanwhile may be seen by some of them only.
        """
        asked: dict[str, list[Term]] = defaultdict(list)
        for term in dict.fromkeys((*terms, *(_STOCK if stock else ()))):
            asked[term.fact].append(term)
        if store is None:
            for terms in asked.values():
                self._found |= self._summed(reader, terms)
            return

        def beside(terms: Sequence[Term]) -> Found:
            with store.read() as another:
                return self._summed(another, terms)

        with ThreadPoolExecutor(_READERS) as pool:
            # That of which most is asked takes longest, and begins first.
            for found in pool.map(beside, sorted(asked.values(), key=len, reverse=True)):
                self._found |= found

    def of(self, terms: Iterable[Term]) -> dict[Group, int]:
        """Return by group what the terms that were asked for come to together."""
        found: dict[Group, int] = defaultdict(int)
        for term in terms:
            for group, number in self._found[term].items():
                found[group] += term.sign * number
            if term.of == "all":
                found.update(dict.fromkeys(found, sum(found.values())))
        return found

    def stock(self) -> dict[Group, tuple[int, int]]:
        """Return by group how many tickets were open at the end (of each day, week or month), and their ages together in microseconds."""
        came, went, opened, opened_gone = (self._found[term] for term in _STOCK)
        # Before the first period nothing is called by a period.
        before = dict.fromkeys(OF_DAYS, "")
        periods = [(before, self._since), *((names, end) for names, _, end in self._periods())]
        found: dict[Group, tuple[int, int]] = {}
        for rest in dict.fromkeys(self._group(group, before) for group in (*came, *went)):
            count = since = 0
            for group, end in {self._group(rest, names): end for names, end in periods}.items():
                count += came.get(group, 0) - went.get(group, 0)
                since += opened.get(group, 0) - opened_gone.get(group, 0)
                if end > self._since:
                    found[group] = (count, count * ((end - _EPOCH) // _MICROSECOND) - since)
        return found

    def months(self) -> list[str]:
        """Return the months that the period touches."""
        return list(dict.fromkeys(day.isoformat()[:7] for day in self._days()))

    def _days(self) -> Iterator[date]:
        first, last = (at.astimezone(self._zone).date() for at in (self._since, self._until - _MICROSECOND))
        return (first + _DAY * number for number in range((last - first).days + 1))

    def _periods(self) -> Iterator[tuple[Mapping[str, str], datetime, datetime]]:
        """What each period asked for is called, when it begins and ends; the whole where none is asked for."""
        begin, before = self._since, dict[str, str]()
        for day in self._days() if len(self._split) < len(self.by) else ():
            names = {name: value for name, value in named(day).items() if name in self.by}
            midnight = datetime.combine(day, datetime.min.time(), self._zone).astimezone(UTC)
            if names != before and midnight > begin:
                yield before, begin, midnight
                begin = midnight
            before = names
        yield before, begin, self._until

    def _summed(self, reader: Reader, terms: Sequence[Term]) -> Found:
        fact = terms[0].fact
        found: dict[Term, dict[Group, int]] = {term: defaultdict(int) for term in terms}
        for names, span in self._spans(whole=fact == _STOCK[0].fact):
            for one in reader.sum_facts(terms, span, self._columns, self._apart.get(fact, ())):
                values = dict(zip(self._split, one.group, strict=True))
                if "hour" in values:
                    values["hour"] = f"{values['hour']:02}"
                group = tuple(names.get(name) or str(values.get(name) or "") for name in self.by)
                for term, number in zip(terms, one.numbers, strict=True):
                    if number is not None:
                        found[term][group] += number
        return found

    def _spans(self, *, whole: bool) -> Iterator[tuple[Mapping[str, str], FactSpan]]:
        """The periods, cut where the zone's offset changes if hours are asked for, and into pieces that are sorted quickly.

        The `whole` begins with all that was before.
        """
        if whole:
            yield {}, FactSpan(_EPOCH, self._since, timedelta(0), self._until)
        for names, start, stop in self._periods():
            for begin, end, offset in utc_offsets(self._zone, start, stop) if "hour" in self.by else ((start, stop, timedelta(0)),):
                step = _PIECE if self._columns else end - begin
                while begin < end:
                    yield names, FactSpan(begin, min(begin + step, end), offset, self._until)
                    begin += step

    def _group(self, group: Group, names: Mapping[str, str]) -> Group:
        return tuple(names.get(name, value) for name, value in zip(self.by, group, strict=True))


def named(day: date) -> dict[str, str]:
    """Return what a day, its week (ISO 8601) and its month are called."""
    year, week, _ = day.isocalendar()
    return {"day": day.isoformat(), "week": f"{year}-W{week:02}", "month": day.isoformat()[:7]}
