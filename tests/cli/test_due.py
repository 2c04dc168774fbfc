"""`engine due` and `engine calendar import`, as commands."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.core import table

CN = ("due", "--calendar", "cn_office", "--start", "2026-03-04T10:00+08:00")


def test_it_prints_the_deadline_with_the_offset_of_the_calendars_zone(run: Command) -> None:
    assert run(*CN, "--budget", "2h").stdout == "2026-03-04T12:00:00+08:00\n"
    assert run(*CN, "--budget", "1d 4h").stdout == "2026-03-09T17:00:00+08:00\n"
    night = run("due", "--calendar", "24x7", "--start", "2026-03-04T10:00-05:00", "--budget", "90m")
    assert night.stdout == "2026-03-04T11:30:00-05:00\n"


def test_an_instant_without_an_offset_is_read_in_the_calendars_zone(run: Command) -> None:
    assert run("due", "--calendar", "cn_office", "--start", "2026-03-04 10:00", "--budget", "2h").stdout == "2026-03-04T12:00:00+08:00\n"
    assert run("due", "--calendar", "cn_office", "--start", "2026-03-04", "--budget", "0m").stdout == "2026-03-04T00:00:00+08:00\n"
    assert run("due", "--calendar", "24x7", "--start", "2026-03-04", "--budget", "1m").stdout == "2026-03-04T00:01:00+00:00\n"


def test_pauses_do_not_count_and_one_that_lasts_makes_the_deadline_unknown(run: Command) -> None:
    paused = (*CN, "--budget", "2h", "--pause", "2026-03-04T10:30+08:00/2026-03-04T11:00+08:00")
    assert run(*paused).stdout == "2026-03-04T14:00:00+08:00\n"
    for end in ("..", ""):
        found = run.json(*paused, "--pause", f"2026-03-04T11:30+08:00/{end}", "--elapsed", "2026-03-04T15:00+08:00")
        assert found == {"deadline": None, "elapsed_seconds": 3600, "remaining_seconds": 3600}
    assert run(*CN, "--budget", "2h", "--pause", "2026-03-04T10:30+08:00/..").stdout == "unknown while it pauses\n"
    assert run(*CN, "--budget", "2h", "--pause", "2026-03-04T10:30+08:00/..", "--lang", "zh").stdout == "未知(暂停中)\n"


def test_the_time_used_is_said_with_or_without_a_budget(run: Command) -> None:
    late = run(*CN, "--budget", "2h", "--elapsed", "2026-03-04T14:00+08:00").stdout.splitlines()
    assert late == ["2026-03-04T12:00:00+08:00", "used: 2h 30m", "left: -30m"]
    assert run.json(*CN, "--elapsed", "2026-03-04T11:00+08:00") == {"deadline": None, "elapsed_seconds": 3600, "remaining_seconds": None}
    assert run.json(*CN, "--budget", "2h") == {"deadline": "2026-03-04T12:00:00+08:00", "elapsed_seconds": None, "remaining_seconds": None}
    assert run.json(*CN, "--elapsed", "2026-03-04T10:00:00.250+08:00")["elapsed_seconds"] == 0.25


def test_it_explains_step_by_step(run: Command) -> None:
    over_the_holidays = ("due", "--calendar", "cn_office", "--start", "2026-09-30T17:30+08:00", "--budget", "1h", "--explain")
    assert run(*over_the_holidays).stdout.splitlines() == [
        "2026-10-08T09:30:00+08:00",
        "  2026-09-30 17:30:00 – 18:00:00  +30m  open",
        "  2026-09-30 18:00:00 – 2026-10-01 00:00:00  +0s  closed",
        "  2026-10-01 00:00:00 – 2026-10-08 00:00:00  +0s  holiday: National Day",
        "  2026-10-08 00:00:00 – 09:00:00  +0s  closed",
        "  2026-10-08 09:00:00 – 09:30:00  +30m  open",
    ]
    steps = run.json(*over_the_holidays)["steps"]
    assert [(step["why"], step["counted"]) for step in steps] == [
        ("open", 1800),
        ("closed", 0),
        ("holiday", 0),
        ("closed", 0),
        ("open", 1800),
    ]


def test_what_the_calendar_cannot_know_is_a_finding_with_a_hint(run: Command) -> None:
    told = run("due", "--calendar", "cn_office", "--start", "2028-03-04T10:00+08:00", "--budget", "2h", code=1).stderr
    assert told == (
        "engine: calendar cn_office: no holiday data for 2028; add that year to its arrangement "
        "(with provisional: true until it is announced)\n"
    )
    assert run(*CN, "--budget", "9999d", "--format", "json", code=1).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*CN, "--budget", "2 hours"), "'2 hours' is no duration: write 30m, 2h or 1d 4h"),
        ((*CN, "--budget", "-2h"), "'-2h' is no duration"),
        ((*CN, "--budget", "2h", "--pause", "2026-03-04T10:30+08:00"), "is no pause: write begin/end"),
        ((*CN, "--budget", "2h", "--pause", "noon/.."), "'noon' is no date"),
        ((*CN, "--budget", "2h", "--pause", "2026-03-04T11:00+08:00/2026-03-04T10:00+08:00"), "a pause cannot end before it starts"),
        (("due", "--calendar", "cn", "--start", "2026-03-04", "--budget", "2h"), "there is no calendar 'cn'; there are 24x7, cn_office"),
        (("due", "--calendar", "24x7", "--start", "0001-01-01T00:00+08:00", "--budget", "2h"), "is no date"),
        (("due", "--calendar", "24x7", "--start", "2026-03-04"), "say --calendar NAME, --start ISO, and"),
        (("due", "--budget", "2h"), "say --calendar NAME"),
        ((*CN, "--elapsed", "2026-03-04T11:00+08:00", "--explain"), "and --budget DURATION"),
        ((*CN, "--batch", "-"), "stand in the lines of the file"),
        ((*CN, "--budget", "2h", "--policies", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_call_says_what_is_meant(run: Command, arguments: tuple[str, ...], told: str) -> None:
    assert told in run(*arguments, code=2).stderr


def test_a_time_that_the_clocks_leave_out_is_no_instant(run: Command) -> None:
    told = run("due", "--policies", str(table.FOLDER), "--calendar", "berlin_day", "--start", "2026-03-29 02:30", "--budget", "1h", code=2)
    assert "does not exist in Europe/Berlin" in told.stderr


def test_calendars_are_those_of_the_directory_the_project_or_the_shipped_ones(run: Command) -> None:
    folder = run.root / "policies" / "calendars"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "version: 1\ncalendars:\n  mine: {timezone: UTC, weekly: {daily: ['09:00-10:00']}}\n", encoding="utf-8"
    )
    mine = ("due", "--calendar", "mine", "--start", "2026-03-04T00:00Z", "--budget", "1h")
    assert run(*mine).stdout == "2026-03-04T10:00:00+00:00\n"
    (run.root / "engine.yaml").write_text("version: 1\npolicies: house\n", encoding="utf-8")
    assert "there are 24x7, cn_office" in run(*mine, code=2).stderr
    (run.root / "policies").rename(run.root / "house")
    assert run(*mine).stdout == "2026-03-04T10:00:00+00:00\n"
    (run.root / "house" / "calendars" / "mine.yaml").write_text("version: 1\ncalendars: []\n", encoding="utf-8")
    assert "the calendars are not sound:\ncalendars/mine.yaml:2:12: error CL203" in run(*mine, code=1).stderr


# ── many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_gives_the_answers_of_the_hand_checked_table(run: Command) -> None:
    lines = []
    for case in table.raw():
        line = {"calendar": case["calendar"], "start": case["start"], "pauses": case.get("pauses", []), "why": case["why"]}
        line |= {"budget_minutes": case["budget"]} if "budget" in case else {"at": case["at"]}
        lines.append(json.dumps(line))
    answers = [
        json.loads(line) for line in run("due", "--policies", str(table.FOLDER), "--batch", "-", stdin="\n".join(lines)).stdout.splitlines()
    ]
    assert len(answers) == len(lines)
    for asked, answer in zip(table.cases(), answers, strict=True):
        if asked.used is not None:
            assert (answer["elapsed_seconds"], answer["deadline"]) == (asked.used.total_seconds(), None), str(asked)
        else:
            due = answer["deadline"] and datetime.fromisoformat(answer["deadline"])
            assert due == asked.due, str(asked)


BAD = [
    ('{"calendar": "24x7"', "truncated"),
    ('{"calendar": "24x7", "budget_minutes": 1}', "missing required field `start`"),
    ('{"calendar": "nope", "start": "2026-03-04", "budget_minutes": 1}', "there is no calendar 'nope'"),
    ('{"calendar": "24x7", "start": "soon", "budget_minutes": 1}', "'soon' is no date"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": "1"}', "Expected `float | null`"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": -1}', "cannot be negative"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": 1e300}', "too large"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": 1e10}', "past the year 9999"),
    ('{"calendar": "24x7", "start": "9999-12-31T20:00-05:00", "budget_minutes": 0}', "is no date"),
    ('{"calendar": "24x7", "start": "9999-12-31T23:00+14:00", "budget_minutes": 600}', "is no date"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": NaN}', "malformed"),
    ('{"calendar": "cn_office", "start": "2029-03-04", "budget_minutes": 1}', "no holiday data for 2029"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": 1, "pauses": [{}]}', "Expected `str | array`"),
    ('{"calendar": "24x7", "start": "2026-03-04", "budget_minutes": 1, "pauses": ["2026-03-04"]}', "is no pause"),
    ("[1]", "Expected `object`"),
]


def test_a_bad_line_of_a_batch_is_told_and_the_others_go_on(run: Command) -> None:
    good = '{"calendar": "24x7", "start": "2026-03-04T00:00Z", "budget_minutes": 1.5, "pauses": [["2026-03-05T00:00Z", null]]}'
    lines = [good, "", *(line for line, _ in BAD), good]
    done = run("due", "--batch", "-", stdin="\n".join(lines), code=1)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["line"] for answer in answers[1:-1]] == list(range(3, 3 + len(BAD)))
    for answer, (line, told) in zip(answers[1:-1], BAD, strict=True):
        assert told in answer["error"], line
    assert answers[0] == answers[-1] == {"deadline": "2026-03-04T00:01:30+00:00", "elapsed_seconds": None, "remaining_seconds": None}
    assert done.stderr == f"engine: {len(BAD)} of {len(BAD) + 2} lines could not be reckoned; each says why in its `error`\n"


def test_ten_thousand_lines_are_one_call(run: Command) -> None:
    begin = datetime.fromisoformat("2026-01-05T00:00+08:00")
    lines = [
        json.dumps({"calendar": "cn_office", "start": (begin + timedelta(minutes=n)).isoformat(), "budget_minutes": n % 3000})
        for n in range(10_000)
    ]
    (run.root / "cases.jsonl").write_text("\n".join(lines), encoding="utf-8")
    answers = [json.loads(line)["deadline"] for line in run("due", "--batch", "cases.jsonl").stdout.splitlines()]
    assert len(answers) == 10_000
    assert answers[0] == "2026-01-05T00:00:00+08:00"
    assert all(answers)


# ── holidays out of an iCalendar file ───────────────────────────────────────────────────────────────────────────────

ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//EN
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261001
DTEND;VALUE=DATE:20261008
SUMMARY:国庆节 休
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261010
SUMMARY:国庆节 班
END:VEVENT
BEGIN:VEVENT
DTSTART:20261231T130000Z
SUMMARY:party\x1b[31m
END:VEVENT
END:VCALENDAR
"""
YAML = """\
# calendars/cn.yaml: holidays out of an iCalendar file (节假日); name the arrangement in `holidays:` of a calendar
# yaml-language-server: $schema=../.schemas/calendars.json
version: 1
arrangements:
  cn:
    "2026":
      source: "holidays.ics"
      off: ["10-01/10-07"]
      workdays: ["10-10"]
"""


@pytest.fixture
def holidays(run: Command) -> Path:
    path = run.root / "holidays.ics"
    path.write_text(ICS, encoding="utf-8")
    return path


def test_an_icalendar_file_becomes_an_arrangement_and_what_is_left_out_is_named(run: Command, holidays: Path) -> None:
    done = run("calendar", "import", "holidays.ics", "--name", "cn")
    assert done.stdout == YAML
    assert done.stderr == "left out: party[31m: it is no whole day; an hour that is closed once stands in `closed:` of a calendar\n"
    assert run("calendar", "import", "holidays.ics", "--name", "cn", "--output", "cn.yaml").stdout == ""
    assert (run.root / "cn.yaml").read_text(encoding="utf-8") == YAML


def test_what_cannot_be_imported_says_why(run: Command, holidays: Path) -> None:
    assert "is no name for an arrangement" in run("calendar", "import", "holidays.ics", "--name", "a b", code=2).stderr
    assert "there are no holidays in the file" in run("calendar", "import", "holidays.ics", "--year", "2030", code=1).stderr
    holidays.write_text("hello", encoding="utf-8")
    assert "holidays.ics: the file is no iCalendar file" in run("calendar", "import", "holidays.ics", code=1).stderr
    assert "does not exist" in run("calendar", "import", "nowhere.ics", code=2).stderr
