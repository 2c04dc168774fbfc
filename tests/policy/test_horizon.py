"""Validation says in time that a year without holiday data is near, by a clock that it is given."""

from datetime import date

import pytest

from engine.policy import Diagnostic, compile_files, compile_only_calendars, compile_policy
from tests.policy.support import SHIPPED, shipped

CALENDAR = "calendars:\n  c: {timezone: Asia/Shanghai, weekly: {mon-fri: ['09:00-17:00']}, holidays: a}\n"


def found(today: str, years: str, calendar: str = CALENDAR) -> list[Diagnostic]:
    text = f"version: 1\n{calendar}arrangements:\n  a: {{{years}}}\n"
    compilation = compile_files({**shipped().files, "calendars/x.yaml": text}, today=date.fromisoformat(today))
    assert compilation.policy is not None or compilation.diagnostics
    return [one for one in compilation.diagnostics if one.code != "CL655"]  # the added calendar is not used


def year(number: int, more: str = "") -> str:
    return f'"{number}": {{source: s, off: [], workdays: []{more}}}'


PROVISIONAL = ", provisional: true"


@pytest.mark.parametrize("today", ["2026-11-27", "2027-01-01", "2027-02-01", "2027-10-15", "2027-12-31"])
def test_the_shipped_policies_have_nothing_to_complain_about_until_2027_is_over(today: str) -> None:
    assert compile_policy(SHIPPED, today=date.fromisoformat(today)).diagnostics == ()


def test_once_the_provisional_year_is_over_nothing_is_known_and_that_is_said() -> None:
    [told] = compile_policy(SHIPPED, today=date(2028, 1, 1)).diagnostics
    said = "`cn` has no holiday data for 2028: no deadline can be reckoned by it"
    assert (told.code, told.severity, told.message) == ("CL507", "error", said)


@pytest.mark.parametrize(
    ("today", "told"), [("2026-10-02", []), ("2026-10-03", ["CL506"]), ("2026-12-31", ["CL506"]), ("2027-01-01", ["CL507"])]
)
def test_it_is_said_from_90_days_before_the_first_unknown_year_and_an_error_from_its_first_day(today: str, told: list[str]) -> None:
    assert [item.code for item in found(today, year(2026))] == told


def test_the_last_of_the_years_without_a_gap_counts() -> None:
    years = ", ".join([year(2025), year(2026), year(2027), year(2029)])
    assert found("2026-12-01", years) == []
    [told] = found("2027-12-01", years)
    assert (told.message, told.hint) == (
        "the holiday data of `a` run out on 2027-12-31",
        "add 2028, with `provisional: true` until it is announced",
    )
    assert (told.file, told.path, told.rule) == ("calendars/x.yaml", "arrangements.a", "a")


def test_a_provisional_year_keeps_quiet_only_while_it_is_the_last_one() -> None:
    assert found("2026-12-01", f"{year(2026)}, {year(2027, PROVISIONAL)}") == []
    assert found("2027-12-01", f"{year(2026)}, {year(2027, PROVISIONAL)}") == []
    assert [item.code for item in found("2027-12-01", f"{year(2026, PROVISIONAL)}, {year(2027)}")] == ["CL506"]
    assert [item.code for item in found("2026-12-01", year(2026, ", provisional: false"))] == ["CL506"]


def test_a_year_that_is_missing_now_is_told_at_the_arrangement() -> None:
    [told] = found("2026-03-04", year(2029))
    assert (told.message, told.path) == ("`a` has no holiday data for 2026: no deadline can be reckoned by it", "arrangements.a")


def test_an_arrangement_that_no_calendar_uses_may_end() -> None:
    assert found("2026-12-01", year(2026), "") == []


def test_calendars_alone_compile_whatever_the_rest_is_like(tmp_path) -> None:
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "x.yaml").write_text(f"version: 1\n{CALENDAR}arrangements:\n  a: {{{year(2026)}}}\n", encoding="utf-8")
    (tmp_path / "sla.yaml").write_text("tiers: [", encoding="utf-8")
    (tmp_path / "notes.yaml").write_text("?", encoding="utf-8")
    calendars, diagnostics = compile_only_calendars(tmp_path)
    assert (sorted(calendars), [item.code for item in diagnostics]) == (["24x7", "c"], [])
    (tmp_path / "calendars" / "y.yaml").write_text("version: 1\ncalendars: [", encoding="utf-8")
    assert {item.file for item in compile_only_calendars(tmp_path)[1]} == {"calendars/y.yaml"}
    assert [item.code for item in compile_only_calendars(tmp_path / "nowhere")[1]] == ["CL118"]
