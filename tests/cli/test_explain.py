"""What `engine explain` prints: trees at 80 columns in both languages, JSON with its documented keys, and nothing personal."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from rich.cells import cell_len

from engine.cli.explain import _expected, _length, _Page, _print
from engine.cli.words import Words
from engine.core.events import MessageSuppressed
from engine.core.model import CUSTOMER
from engine.whatif.explain import Explained, explain, upcoming
from tests.cli.conftest import Command
from tests.core.worlds import HOUR, PHONE, WEDNESDAY, House, at, shipped

ASKED = """\
│   │       └── ✓ any  (sla.yaml:10)
│   │           └── ✓ ticket.text mentions [宕机, 无法使用, 不能使用, 瘫痪, …
│   │               +10] → [宕机]  (sla.yaml:12)
│   └── ○ {behind}: important, general
"""
RECKONED = """\
    ├── 2026-09-30 17:00:00 – 2026-10-01 00:00:00  +1h  {mixed}  ({two})
    ├── 2026-10-01 00:00:00 – 2026-10-08 00:00:00  +0s  {holiday}
"""
WORDS = {
    "zh": {"mixed": "合计", "two": "合并 2 段", "holiday": "节假日"},
    "en": {"mixed": "in all", "two": "2 stretches", "holiday": "holiday"},
}


@pytest.fixture
def house() -> Iterator[House]:
    opened = House()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def drawn(house: House, number: str, language: str, capsys: pytest.CaptureFixture[str], full: bool = False, only: int = 0) -> str:
    words = Words(language, shipped(), house.people)
    with house.store.read() as reader:
        decisions = explain(reader, number, lambda _: shipped(), most=0 if full else 12)
        timers = upcoming(reader, number)
    for place, one in enumerate(decisions, 1):
        if only in (0, place):
            _print(_Page(words, full).decision(place, one))
    if not only:
        _print(_Page(words, full).upcoming(timers))
    return capsys.readouterr().out


@pytest.mark.parametrize(("language", "behind"), [("zh", "其后 2 条规则未到达"), ("en", "2 rules behind it were not reached")])
@pytest.mark.parametrize("full", [False, True])
def test_a_tree_fits_eighty_columns_in_either_language(
    house: House, language: str, behind: str, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    number = house.mail("系统宕机,没有人管")
    told = drawn(house, number, language, capsys, full)
    assert max(cell_len(line) for line in told.splitlines()) <= 80
    assert (ASKED.format(behind=behind) in told) is not full
    assert ("○ ticket.text" in told) is False
    assert ("? ticket.impact in" in told) is full
    assert "\x1b" not in told


def test_what_only_the_default_was_left_for_is_told_by_what_came_closest(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    told = drawn(house, house.mail("你好"), "en", capsys)
    assert (
        """\
│   ├── came closest: urgent (failed: 1)
│   │   └── ✗ ticket.text mentions [宕机, 无法使用, 不能使用, 瘫痪, … +10] →
│   │       none  (sla.yaml:12)
"""
        in told
    )


def test_it_ends_with_what_happens_next(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    number = house.mail("发票怎么开")
    end = drawn(house, number, "en", capsys).partition("What happens next\n")[2]
    assert end.splitlines()[0].endswith("first response: warning (response-and-plan, 0.5 used)")
    assert end.splitlines()[-1].endswith("solution plan is due")
    with house.store.write() as tx:
        (first, *_) = upcoming(tx, number)
        tx.fail_timer(first, "broken", None)
    assert "broken" in drawn(house, number, "zh", capsys).splitlines()[-1]
    house.done(number, "contact")
    house.done(number, "close", text="重复")
    house.wait(100 * HOUR)
    assert drawn(house, number, "zh", capsys).endswith("接下来\n└── 不会再自动发生什么。\n")


def test_every_timer_has_words(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    confirmed, waiting, surveyed = house.confirmed(), house.resolved(), house.surveyed()
    late = house.mail("系统宕机")
    for number in (confirmed, waiting, surveyed, late):
        for language in ("zh", "en"):
            assert "timer." not in drawn(house, number, language, capsys)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_deadline_over_a_holiday_and_a_refusal_are_told(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(now=at("09-30 17:00"))
    number = house.mail("发票怎么开")
    house.done(number, "contact", "zhao")
    house.act(number, "confirm", "zhao")
    told, whole = (drawn(house, number, language, capsys, full) for full in (False, True))
    house.close()
    assert f"└── ✗ customer_confirmed cannot happen to ticket {number}" in told
    label = Words(language, shipped()).deadline("progress")
    assert f"└── ⏱ {label}: 2026-09-30 17:00:00 + 1d (cn_office) = 2026-10-12" in told
    assert RECKONED.format(**WORDS[language]) in told
    assert Words(language).name("step.workday") in whole


def test_a_timer_of_another_version_is_told_by_its_key() -> None:
    assert _expected("deadline/response", Words("en")) == "deadline/response"
    assert _expected("other/x/later", Words("zh")) == "other/x/later"


def test_a_timer_of_a_rule_is_told_by_its_id() -> None:
    assert _expected("rule/look-again", Words("en")) == "a timer of the rules: look-again"


def test_a_message_that_was_not_sent_is_told_with_why(capsys: pytest.CaptureFixture[str]) -> None:
    one = Explained(WEDNESDAY, "timer_fired", {}, (), (MessageSuppressed(CUSTOMER, "promise", "opted_out"),), None, "abc")
    _print(_Page(Words("en", shipped()), False).decision(1, one))
    assert "not sent to customer (Promise): opted out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("length", "text"),
    [(timedelta(0), "0s"), (timedelta(days=1, hours=4), "1d 4h"), (timedelta(minutes=90, seconds=1), "1h 30m 1s"), (-HOUR, "-1h")],
)
def test_durations_are_told_as_policies_write_them(length: timedelta, text: str) -> None:
    assert _length(length) == text


def test_the_command_tells_all_or_one_decision(engine: Command) -> None:
    number = engine.mail("down", "系统宕机")
    told = engine.json("explain", number)
    assert (told["ticket"], [one["decision"] for one in told["decisions"]]) == (number, [1])
    tier = next(why for why in told["decisions"][0]["why"] if why["decided"] == "tier: urgent")
    [(rule, tree)] = tier["asked"]
    assert rule == "urgent"
    assert set(tree) == {"path", "file", "line", "field", "operator", "expected", "actual", "result", "parts"}
    assert (tree["path"], tree["operator"], tree["result"]) == ("tiers[0].when", "use", "true")
    clock = told["decisions"][0]["clocks"][0]
    assert (clock["clock"], clock["arithmetic"]["budget"]) == ("response", 600)
    assert sum(step["counted"] for step in clock["arithmetic"]["steps"]) == 600
    assert told["next"][0]["timer"].startswith("deadline/")
    assert engine("explain", number, "--decision", "1").stdout.startswith("1. ")
    assert "1 to 1" in engine("explain", number, "--decision", "2", code=2).stderr
    assert "○" in engine("explain", number, "--full").stdout
    assert "no ticket 9" in engine("explain", "9", code=1).stderr


def test_a_phone_in_a_mail_is_nowhere_in_what_is_told(engine: Command) -> None:
    number = engine.mail("phone", f"系统宕机 {PHONE}", subject=PHONE)
    for more in ((), ("--full",), ("--format", "json")):
        assert PHONE[-8:] not in engine("explain", number, *more).stdout
