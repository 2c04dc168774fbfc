"""The table of hand-checked deadlines, and that it would notice an engine that reckons wrongly."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from engine.core.arithmetic import reckon
from engine.core.calendar import Calendar, CalendarUnknown, HolidayYear, Pause, Window
from tests.core.table import Case, calendars, cases, spec_of

ZERO = timedelta(0)
LEAST_CASES, LEAST_CATCHES = 80, 5


@pytest.mark.parametrize("case", cases(), ids=str)
def test_each_case_of_the_table_holds(case: Case) -> None:
    calendar = calendars()[case.calendar]
    if case.budget is None:
        assert case.at is not None
        assert calendar.elapsed(case.start, case.at, case.pauses) == case.used
        return
    assert calendar.due(case.start, case.budget, case.pauses) == case.due
    if case.due is not None:
        assert calendar.elapsed(case.start, case.due, case.pauses) == case.budget


@pytest.mark.parametrize("case", [case for case in cases() if case.budget is not None], ids=str)
def test_the_steps_of_each_case_lie_end_to_end_and_come_to_the_same(case: Case) -> None:
    assert case.budget is not None
    found = reckon(calendars()[case.calendar], case.start, case.budget, case.pauses)
    assert found.due == case.due
    assert all(one.end == other.start for one, other in pairwise(found.steps))
    if case.due is not None:
        assert sum((step.counted for step in found.steps), ZERO) == case.budget


def test_the_table_is_large_and_names_each_case_once() -> None:
    assert len(cases()) >= LEAST_CASES
    names = [str(case) for case in cases()]
    assert len(set(names)) == len(names)


# ── engines that reckon wrongly ─────────────────────────────────────────────────────────────────────────────────────


def without_make_up_days(calendar: Calendar) -> Calendar:
    return changed_holidays(calendar, lambda year: replace(year, workdays=frozenset()))


def without_holidays(calendar: Calendar) -> Calendar:
    return changed_holidays(calendar, lambda year: replace(year, off=frozenset()))


def changed_holidays(calendar: Calendar, change: Callable[[HolidayYear], HolidayYear]) -> Calendar:
    spec = spec_of(calendar)
    return Calendar(replace(spec, holidays=spec.holidays and {number: change(year) for number, year in spec.holidays.items()}))


WINTER = {
    "America/New_York": "Etc/GMT+5",
    "Asia/Kathmandu": "Etc/GMT-6",
    "Asia/Shanghai": "Etc/GMT-8",
    "Australia/Lord_Howe": "Etc/GMT-10",
    "Europe/Berlin": "Etc/GMT-1",
    "Pacific/Apia": "Etc/GMT+11",
    "UTC": "UTC",
}


def with_a_fixed_offset(calendar: Calendar) -> Calendar:
    spec = spec_of(calendar)
    return Calendar(replace(spec, timezone=WINTER[spec.timezone]))


def with_windows_cut_at_midnight(calendar: Calendar) -> Calendar:
    spec = spec_of(calendar)
    cut = {day: tuple(Window(one.start_minute, min(one.end_minute, 1440)) for one in windows) for day, windows in spec.weekly.items()}
    return Calendar(replace(spec, weekly=cut))


class WithoutPauses(Calendar):
    def due(self, start: datetime, budget: timedelta, pauses: Sequence[Pause] = ()) -> datetime | None:
        return super().due(start, budget)

    def elapsed(self, start: datetime, at: datetime, pauses: Sequence[Pause] = ()) -> timedelta:
        return super().elapsed(start, at)


class WithEachPauseByItself(Calendar):
    """Takes pauses away one by one, so that what two of them share is taken twice."""

    def elapsed(self, start: datetime, at: datetime, pauses: Sequence[Pause] = ()) -> timedelta:
        whole = super().elapsed(start, at)
        return whole - sum((whole - super(WithEachPauseByItself, self).elapsed(start, at, [pause]) for pause in pauses), ZERO)


class RollingOverAtClosing(Calendar):
    """Puts a deadline at closing time to the next opening."""

    def due(self, start: datetime, budget: timedelta, pauses: Sequence[Pause] = ()) -> datetime | None:
        due = super().due(start, budget, pauses)
        return due if due is None or not budget else self.next_open(due)


class WaitingForOpening(Calendar):
    """Begins at the next opening, also where there is nothing to wait for."""

    def due(self, start: datetime, budget: timedelta, pauses: Sequence[Pause] = ()) -> datetime | None:
        return super().due(start if self.is_open(start) else self.next_open(start), budget, pauses)


MUTANTS: dict[str, tuple[Callable[[Calendar], Calendar], int]] = {
    "no make-up days": (without_make_up_days, LEAST_CATCHES),
    "no holidays": (without_holidays, LEAST_CATCHES),
    "pauses ignored": (lambda calendar: WithoutPauses(spec_of(calendar)), LEAST_CATCHES),
    "pauses not united": (lambda calendar: WithEachPauseByItself(spec_of(calendar)), LEAST_CATCHES),
    "rollover at closing": (lambda calendar: RollingOverAtClosing(spec_of(calendar)), LEAST_CATCHES),
    "fixed offset": (with_a_fixed_offset, LEAST_CATCHES),
    "windows end at midnight": (with_windows_cut_at_midnight, LEAST_CATCHES),
    "no budget waits for opening": (lambda calendar: WaitingForOpening(spec_of(calendar)), 2),
}


def fails(case: Case, mutant: Callable[[Calendar], Calendar]) -> bool:
    calendar = calendars()[case.calendar]
    if calendar.name == "24x7":
        return False  # has neither windows nor holidays to get wrong
    try:
        return not case.holds(mutant(calendar))
    except CalendarUnknown:
        return True


@pytest.mark.parametrize("name", MUTANTS)
def test_an_engine_that_reckons_wrongly_is_caught_by_several_cases(name: str) -> None:
    mutant, least = MUTANTS[name]
    caught = [str(case) for case in cases() if fails(case, mutant)]
    assert len(caught) >= least, caught


def test_the_mutants_are_caught_by_what_they_get_wrong_not_by_how_they_are_made() -> None:
    assert [str(case) for case in cases() if fails(case, lambda calendar: Calendar(spec_of(calendar)))] == []
