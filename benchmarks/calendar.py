"""Deadlines per second of processor time on one core: `python benchmarks/calendar.py [--seconds 1]`.

The same deadlines, an office calendar with a midday break and holidays, are reckoned by closedloop, by businesstimedelta and by
pandas CustomBusinessHour in one run; what is not installed is named and left out. pandas knows one window a day only, so it is given
09:00 to 18:00 without the break, and neither of the two knows make-up workdays or pauses: the figures compare speed, not answers.
"""

import sys
from pathlib import Path

# Run as a script, this folder would come first on the path, where this very file hides the standard library's calendar.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from random import Random
from time import process_time
from types import ModuleType
from zoneinfo import ZoneInfo

import click

from engine.core.calendar import Calendar, CalendarSpec, HolidayYear, Pause, Window

Case = tuple[datetime, timedelta]
Due = Callable[[datetime, timedelta], object]

ZONE = ZoneInfo("Asia/Shanghai")
HOLIDAYS = frozenset(date(2026, 10, day) for day in range(1, 8)) | frozenset(date(2026, 2, day) for day in range(15, 24))
OFFICE = Calendar(
    CalendarSpec(
        name="office",
        timezone="Asia/Shanghai",
        weekly=dict.fromkeys(range(5), (Window(540, 720), Window(810, 1080))),
        holidays={
            2026: HolidayYear(HOLIDAYS, frozenset({date(2026, 2, 14)}), provisional=False),
            2027: HolidayYear(frozenset(), frozenset(), provisional=True),
        },
    )
)


def cases(count: int = 2000) -> list[Case]:
    """Starts all over 2026 with budgets of up to five days, the same in every run."""
    draw = Random(1).randrange  # noqa: S311 - cases for a benchmark, not secrets
    first = datetime(2026, 1, 1, tzinfo=UTC)
    return [(first + timedelta(minutes=draw(360 * 1440)), timedelta(minutes=draw(1, 5 * 450))) for _ in range(count)]


def with_pauses(start: datetime, budget: timedelta) -> datetime | None:
    """The deadline of a ticket that waited twice for its customer."""
    hour = timedelta(hours=1)
    pauses: list[Pause] = [(start + hour, start + 3 * hour), (start + 26 * hour, start + 30 * hour)]
    return OFFICE.due(start, budget, pauses)


def businesstimedelta_due(library: ModuleType) -> Due:
    """The same calendar as businesstimedelta rules; it counts seconds, in the zone of its rules."""
    zone = import_module("pytz").timezone("Asia/Shanghai")
    days = list(range(5))
    hours = [
        library.WorkDayRule(start_time=opens, end_time=closes, working_days=days, tz=zone)
        for opens, closes in ((time(9), time(12)), (time(13, 30), time(18)))
    ]
    # It searches for the next holiday however far that is, and fails where none comes.
    off = library.HolidayRule({*HOLIDAYS, date(2027, 1, 1), date(2028, 1, 1)}, zone)
    rules = library.Rules([*hours, off])

    def due(start: datetime, budget: timedelta) -> object:
        return start + library.BusinessTimeDelta(rules, seconds=budget.total_seconds())

    return due


def pandas_due(library: ModuleType) -> Due:
    """The same holidays with one window a day, on wall-clock times as CustomBusinessHour wants them."""
    timestamp = import_module("pandas").Timestamp
    offsets = [library.CustomBusinessHour(n=max(hours, 1), start="09:00", end="18:00", holidays=sorted(HOLIDAYS)) for hours in range(40)]

    def due(start: datetime, budget: timedelta) -> object:
        hours, seconds = divmod(budget, timedelta(hours=1))
        return timestamp(start.astimezone(ZONE).replace(tzinfo=None)) + offsets[hours] + seconds

    return due


def rate(due: Due, work: list[Case], seconds: float) -> float:
    """Deadlines per second, after one round that fills the caches; at least one case is timed."""
    for start, budget in work[:100]:
        due(start, budget)
    done, begun = 0, process_time()
    for start, budget in itertools.cycle(work):
        due(start, budget)
        done += 1
        if done % 16 == 0 and process_time() - begun >= seconds:
            break
    return done / (process_time() - begun)


RIVALS = (
    ("businesstimedelta", "businesstimedelta", businesstimedelta_due),
    ("pandas CustomBusinessHour", "pandas.tseries.offsets", pandas_due),
)


@click.command(help=__doc__)
@click.option("--seconds", default=1.0, show_default=True, help="How long each one is measured.")
def main(seconds: float) -> None:
    """Measure all and print a line each."""
    work = cases()
    ours = rate(OFFICE.due, work, seconds)
    click.echo(f"closedloop due                {ours:>12,.0f} /s")
    click.echo(f"closedloop due, two pauses    {rate(with_pauses, work, seconds):>12,.0f} /s")
    click.echo(f"closedloop elapsed            {rate(lambda s, b: OFFICE.elapsed(s, s + 3 * b), work, seconds):>12,.0f} /s")
    for name, module, rival in RIVALS:
        try:
            library = import_module(module)
        except ImportError:
            click.echo(f"{name:<30}not installed, left out")
            continue
        theirs = rate(rival(library), work, seconds)
        click.echo(f"{name:<30}{theirs:>12,.0f} /s  closedloop is {ours / theirs:,.0f} times as fast")


if __name__ == "__main__":
    main()
