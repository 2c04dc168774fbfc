"""The small parts: strangers' texts made harmless, dates, who acts, words, tables."""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from engine.analysis.guides import document
from engine.analysis.texts import instant
from engine.analysis.words import WORDS
from engine.cli.output import bar, clean, one_line, say_json, span, table
from engine.cli.phone import choose
from engine.cli.session import by_locale, resolve_actor
from engine.cli.ticket.overview import wanted_states
from engine.cli.ticket.work import split_step
from engine.cli.words import Words
from engine.core.events import EVENT_TYPES, DeadlineBreached, Escalated, Event
from engine.core.fields import KINDS, OPEN_STATES, STATES
from engine.core.team import Agent, Team
from engine.errors import UsageError

DANGEROUS = set(map(chr, [*range(9), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_of_any_text(text: str) -> None:
    cleaned = clean(text)
    assert not DANGEROUS & set(cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "31mred"),
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("over\rwritten", "overwritten"),
        ("系统宕机。", "系统宕机。"),
    ],
)
def test_sequences_go_whole_and_words_stay(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
def test_json_holds_the_text_as_it_was_and_nothing_a_terminal_obeys(text: str) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        say_json({"text": text})
    assert not DANGEROUS & set(out.getvalue())
    assert json.loads(out.getvalue()) == {"text": text}


def test_one_line_is_one_line_and_cut() -> None:
    assert one_line(" a\n b\tc ") == "a b c"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


def test_a_piped_table_is_plain_full_length_and_aligned_under_chinese(capsys) -> None:
    table(["名称", "text"], [("宕机", ("x" * 300, "bold red")), ("[red]no markup[/red]", "y")])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert "x" * 300 in first
    assert "\x1b" not in first
    assert second.startswith("[red]no markup[/red]")
    assert first.index("x") == second.index("y") - 2  # two Chinese characters take two columns more than they count
    assert heading.startswith("名称")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=20), "20s"),
        (timedelta(minutes=35), "35m"),
        (timedelta(hours=1, minutes=5), "1h05m"),
        (timedelta(days=2, hours=4, minutes=59), "2d04h"),
        (-timedelta(minutes=3), "3m"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(length: timedelta, said: str) -> None:
    assert span(length) == said


@pytest.mark.parametrize(("share", "shown"), [(-1, "░░░░"), (0.5, "██░░"), (1, "████"), (9, "████")])
def test_a_bar_never_runs_over(share: float, shown: str) -> None:
    assert bar(share, 4) == shown


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-06 17:00", datetime(2026, 3, 6, 9, 0, tzinfo=UTC)),
        (" 2026-03-06T17:00 ", datetime(2026, 3, 6, 9, 0, tzinfo=UTC)),
        ("2026-03-06", datetime(2026, 3, 6, 15, 59, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_the_companys_zone(text: str, at: datetime) -> None:
    assert instant(text, "Asia/Shanghai") == at


@pytest.mark.parametrize("text", ["soon", "", "2026-02-30 10:00", "06.03.2026"])
def test_what_is_no_date_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="2026-03-06 17:00"):
        instant(text, "Asia/Shanghai")


def test_an_hour_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        instant("2026-03-29 02:30", "Europe/Berlin")


def agent(id: str, *users: str) -> Agent:
    return Agent(id, id.title(), ("desk",), {}, f"{id}@example.test", "any", users=users)


TEAM = Team({one.id: one for one in (agent("ann", "a1", "shared"), agent("bob", "b1", "shared"))}, "ann")


def test_who_acts_is_the_wish_else_the_one_whose_user_name_it_is() -> None:
    assert resolve_actor(TEAM, "bob", "a1") == "bob"
    assert resolve_actor(TEAM, None, "a1") == "ann"


@pytest.mark.parametrize(
    ("wanted", "user", "why"), [("eve", "a1", "there are ann, bob"), (None, "x", "'x'"), (None, "shared", "ann and bob")]
)
def test_who_acts_is_never_guessed(wanted: str | None, user: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        resolve_actor(TEAM, wanted, user)


@pytest.mark.parametrize(("value", "language"), [("zh_CN.UTF-8", "zh"), ("en_US.UTF-8", "en"), ("C.UTF-8", None), ("de_DE", None)])
def test_the_locale_names_the_language(monkeypatch, value: str, language: str | None) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", value)
    assert by_locale() == language


@pytest.mark.parametrize("step", ["更换主板; lin; 2026-03-06 17:00", "更换主板；lin；2026-03-06 17:00"])
def test_a_step_is_what_who_when(step: str) -> None:
    assert split_step(step) == ("更换主板", "lin", "2026-03-06 17:00")


def test_a_step_may_hold_semicolons_itself() -> None:
    assert split_step("a; b; lin; 2026-03-06")[0] == "a; b"


@pytest.mark.parametrize("step", ["", "replace; lin", "; lin; 2026-03-06"])
def test_half_a_step_is_refused(step: str) -> None:
    with pytest.raises(UsageError, match="what; who"):
        split_step(step)


def test_states_to_list_default_to_the_open_ones() -> None:
    assert wanted_states(()) == OPEN_STATES
    assert wanted_states(("closed", "open", "new")) == ("closed", *OPEN_STATES)
    assert wanted_states(("all", "new")) == ()


def test_a_choice_is_named_by_number_or_word_and_asked_again_until_it_is_one() -> None:
    answers = iter(["9", "two", "2"])
    assert choose(("one", "two"), lambda: next(answers)) == "two"
    answers = iter(["0", "2"])
    assert choose(("one", "two"), lambda: next(answers)) == "two"
    assert choose(("one", "two"), lambda: "") is None


def test_a_call_that_nobody_answered_has_no_talk_time_and_says_no_more_than_was_said() -> None:
    call = {"phone": "1", "text": "x", "direction": "inbound", "answered": False, "talk_seconds": 9, "wish": ""}
    made = document(call, "ann", "2026-03-04T10:00:00+08:00")
    assert (made["talk_seconds"], "wish" in made, made["text"]) == (0, False, "x")


def test_every_event_state_and_kind_has_words_in_both_languages() -> None:
    assert {key.removeprefix("event.") for key in WORDS if key.startswith("event.")} == set(EVENT_TYPES)
    for language in ("zh", "en"):
        words = Words(language)
        assert [name for name in STATES + KINDS if words.name(name) == name and language == "zh"] == []


SAMPLES = {"float": 0.5, "int": 1, "datetime": datetime(2026, 3, 4, tzinfo=UTC)}


@pytest.mark.parametrize("cls", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_event_can_be_said(cls: type[Event], language: str) -> None:
    given = {field.name: SAMPLES.get(str(getattr(field.type, "__name__", field.type)).split(" ")[0], "x") for field in structs.fields(cls)}
    said = Words(language).event(cls(**given))
    assert said
    assert "{" not in said


def test_events_are_said_with_the_names_of_people_and_steps_from_one() -> None:
    words = Words("en", None, TEAM)
    assert "step 1" in words.event(Escalated("response", "e", 0, 1))
    assert words.event(DeadlineBreached("plan_step:2", datetime(2026, 3, 4, tzinfo=UTC))).startswith("plan_step 2")
    assert words.party("ann") == "Ann"
