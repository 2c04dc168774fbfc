"""Half-open intervals of aware time: measured along a timeline, united, taken away, cut at changes of the UTC offset."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from msgspec import Struct

Interval = tuple[datetime, datetime]
"""The start belongs to it, the end does not. Both aware."""
Pause = tuple[datetime, datetime | None]
"""A half-open time that does not count; an end of None means that it still lasts."""

FOREVER = datetime.max.replace(tzinfo=UTC)
"""Later than every instant that is reckoned with."""

_ZERO = timedelta(0)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class Timeline(Struct, frozen=True):
    """Sorted disjoint intervals in UTC with the time that lies before each, so that measuring along them is a bisect."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    before: tuple[timedelta, ...]
    total: timedelta

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Self:
        """The timeline of intervals that are sorted, disjoint and not empty."""
        starts, ends, before, total = [], [], [], _ZERO
        for start, end in intervals:
            starts.append(start)
            ends.append(end)
            before.append(total)
            total += end - start
        return cls(tuple(starts), tuple(ends), tuple(before), total)

    def used(self, at: datetime) -> timedelta:
        """How much of the intervals lies before `at`."""
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return _ZERO
        end = self.ends[index]
        return self.before[index] + ((at if at < end else end) - self.starts[index])

    def instant(self, used: timedelta) -> datetime:
        """The earliest instant with `used`, above zero and at most the total, behind it: closing time stays there."""
        index = bisect_left(self.before, used) - 1
        return self.starts[index] + (used - self.before[index])

    def between(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """What of the intervals lies inside [start, end), in order."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = bisect_left(self.starts, end)
        return clipped(zip(self.starts[first:last], self.ends[first:last], strict=True), start, end)

    def next_open(self, at: datetime) -> datetime | None:
        """The earliest instant inside an interval that is not before `at`; None after the last one."""
        index = bisect_right(self.starts, at) - 1
        if index >= 0 and at < self.ends[index]:
            return at
        return self.starts[index + 1] if index + 1 < len(self.starts) else None


def as_utc(at: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive datetime."""
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError(f"an instant needs a time zone: {at.isoformat()}")
    return at.astimezone(UTC)


def merged_pauses(pauses: Sequence[Pause], start: datetime) -> Iterator[Pause]:
    """The union of the pauses after `start`, in order, empty ones left out; nothing follows one without an end.

    Raises:
        ValueError: a pause that ends before it starts, or a naive datetime.
    """
    spans = []
    for pause_start, pause_end in pauses:
        begin, end = as_utc(pause_start), FOREVER if pause_end is None else as_utc(pause_end)
        if end < begin:
            raise ValueError(f"a pause cannot end before it starts: {begin.isoformat()} to {end.isoformat()}")
        if start < end and begin < end:
            spans.append((begin if begin > start else start, end))
    for begin, end in union(spans):
        yield begin, None if end == FOREVER else end


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as sorted intervals that neither overlap nor touch."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= (last := merged[-1])[1]:
            merged[-1] = last[0], max(last[1], end)
        else:
            merged.append((start, end))
    return merged


def clipped(intervals: Iterable[Interval], begin: datetime, end: datetime) -> Iterator[Interval]:
    """What of the intervals lies inside [begin, end)."""
    for start, stop in intervals:
        if start < end and stop > begin:
            yield max(start, begin), min(stop, end)


def difference(intervals: Iterable[Interval], closed: Sequence[Interval]) -> Iterator[Interval]:
    """What is left of the sorted `intervals` outside the sorted `closed` ones."""
    for start, end in intervals:
        for closed_start, closed_end in clipped(closed, start, end):
            if start < closed_start:
                yield start, closed_start
            start = closed_end
        if start < end:
            yield start, end


def utc_offsets(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """[begin, end) cut where the zone's UTC offset changes, with the offset of each piece.

    The time-zone database holds no two changes within one day that cancel out, so a step of a day finds them all.
    """
    start, offset = begin, _offset(zone, begin)
    day = begin
    while day < end:
        following = min(day + _DAY, end)
        if _offset(zone, following) != offset:
            change = _first_with_other_offset(zone, day, following)
            yield start, change, offset
            start, offset = change, _offset(zone, change)
        day = following
    yield start, end, offset


def _first_with_other_offset(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + max((after - before) // (2 * _SECOND), 1) * _SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).replace(tzinfo=UTC) - at
