"""What `engine explain` prints: trees at 80 columns in both languages, JSON with its documented keys, and nothing personal."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.cli.explain import _Page, _print
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
    "zh": {"mixed": "合计", "two": "合并 2 段", "holiday": "节假日: 国庆节"},
    "en": {"mixed": "in all", "two": "2 stretches", "holiday": "holiday: National Day"},
}

NATIONAL_DAY = {"zh": "国庆节", "en": "National Day"}


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
    assert ("○ ticket.text" in told) is full  # of the incidents, which are asked last
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
    assert end.splitlines()[0].endswith("first response: warning (response-and-plan, 50% used)")
    assert end.splitlines()[-1].endswith("resolution is due")
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
    refused = {"zh": f"`customer_confirmed` 不能发生在工单 {number} 上", "en": f"customer_confirmed cannot happen to ticket {number}"}
    assert f"└── ✗ {refused[language]}" in told
    label = Words(language, shipped()).deadline("progress")
    assert f"└── ⏱ {label}: 2026-09-30 17:00:00 + 1d (cn_office) = 2026-10-12" in told
    assert RECKONED.format(**WORDS[language]) in told
    assert f"{Words(language).name('step.workday')}: {NATIONAL_DAY[language]}" in whole


def test_a_timer_of_another_version_is_told_by_its_key() -> None:
    assert Words("en").timer("deadline/response") == "deadline/response"
    assert Words("zh").timer("other/x/later") == "other/x/later"


def test_a_timer_of_a_rule_is_told_by_its_id() -> None:
    assert Words("en").timer("rule/look-again") == "a timer of the rules: look-again"


def test_a_message_that_was_not_sent_is_told_with_why(capsys: pytest.CaptureFixture[str]) -> None:
    one = Explained(WEDNESDAY, "timer_fired", {}, (), (MessageSuppressed(CUSTOMER, "promise", "opted_out"),), None, "abc")
    _print(_Page(Words("en", shipped()), False).decision(1, one))
    assert "not sent to customer (Promise): opted out" in capsys.readouterr().out


def test_the_command_tells_all_or_one_decision(engine: Command) -> None:
    number = engine.mail("down", "系统宕机")
    told = engine.json("explain", number)
    assert (told["ticket"], [one["signal"] for one in told["decisions"]]) == (number, ["message_arrived"])
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
    assert "1 decisions were taken" in engine("explain", number, "--decision", "3", code=2).stderr
    assert "○" in engine("explain", number, "--full").stdout
    assert "no ticket 9" in engine("explain", "9", code=1).stderr


def test_a_phone_in_a_mail_is_nowhere_in_what_is_told(engine: Command) -> None:
    number = engine.mail("phone", f"系统宕机 {PHONE}", subject=PHONE)
    for more in ((), ("--full",), ("--format", "json")):
        assert PHONE[-8:] not in engine("explain", number, *more).stdout


CASE = """\
start: "2026-09-30T17:00:00+08:00"
customer: {name: 王总, segment: vip, phone: "13900000002"}
ticket: {channel: sms, text: 我要投诉送货员}
"""
UNSOUND = """\
strat: "2026-09-30T17:00:00+08:00"
ticket: {channel: sns, text: 投诉}
"""
MISSED_CALL = '{"start": "2026-03-04T10:00:00+08:00", "call": {"direction": "inbound", "outcome": "abandoned"}}'


@pytest.fixture
def desk(tmp_path: Path, engine: Command) -> Command:
    """A directory with nothing but the policies of a project, and cases."""
    shutil.copytree(engine.root / "policies", tmp_path / "policies")
    for name, text in (("vip.yaml", CASE), ("unsound.yaml", UNSOUND), ("missed.json", MISSED_CALL)):
        (tmp_path / name).write_text(text, "utf-8")
    return Command(tmp_path)


def test_a_case_in_a_file_is_explained_as_the_same_ticket_would_be_and_nothing_is_kept(desk: Command) -> None:
    before = sorted(desk.root.rglob("*"))
    told = desk("explain", "--ticket", "vip.yaml", "--lang", "en", COLUMNS="150").stdout
    assert told.startswith("1. 2026-09-30 17:00:00  message arrived: channel sms")
    assert "→ tier: important   important  (sla.yaml:24)" in told
    assert "→ queue: front_desk" in told
    assert "⏱ first response: 2026-09-30 17:00:00 + 30m (24x7) = 2026-09-30 17:30:00" in told
    assert "Messages\n├── Assignment → 王芳 (email)" in told
    assert "我们将在今天17:30前联系您" in told
    assert "2026-09-30 17:30:00  first response is due" in told
    assert sorted(desk.root.rglob("*")) == before


def test_a_case_is_told_to_programs_by_the_keys_of_tests(desk: Command) -> None:
    told = desk.json("explain", "--ticket", "vip.yaml", "--at", "2026-10-01 10:00")
    assert (told["ticket"], told["outcome"]["tier"], told["outcome"]["queue"]) == ("202610010001", "important", "front_desk")
    assert told["outcome"]["due"]["response"] == "2026-10-01T02:30:00+00:00"
    assert [one["script"] for one in told["outcome"]["sent"]] == ["promise", "vip_complaint"]
    assert told["decisions"][0]["clocks"][0]["clock"] == "response"
    assert told["next"][0]["timer"].startswith("deadline/response/")
    elsewhere = desk.json("explain", "--ticket", "-", "--at", "2026-10-01T10:00:00+02:00", stdin=CASE)
    assert elsewhere["decisions"][0]["at"] == "2026-10-01T08:00:00+00:00"


def test_a_call_that_opens_nothing_says_by_which_rule(desk: Command) -> None:
    told = desk.json("explain", "--ticket", "missed.json")
    assert (told["ticket"], told["next"]) == (None, [])
    [one] = told["decisions"]
    assert "any-other-call" in one["refused"]
    assert "any-other-call" in desk("explain", "--ticket", "missed.json").stdout


def test_what_is_wrong_with_a_case_or_the_policies_is_said_at_its_place(desk: Command) -> None:
    assert desk("explain", "--ticket", "unsound.yaml", code=1).stderr.startswith(
        "unsound.yaml:1:1: error CL201: unknown key `strat` here\n"
    )
    assert [item["code"] for item in desk.json("explain", "--ticket", "unsound.yaml", code=1)] == ["CL201"]
    (desk.root / "unsound.yaml").write_text(UNSOUND.replace("strat", "start"), "utf-8")
    assert "没有渠道 `sns`" in desk("explain", "--ticket", "unsound.yaml", "--lang", "zh", code=1).stderr
    (desk.root / "policies" / "sla.yaml").write_text("version: 2\n", "utf-8")
    assert "CL210" in desk("explain", "--ticket", "vip.yaml", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "explain what?"),
        (("1", "--ticket", "vip.yaml"), "explain what?"),
        (("1", "--at", "2026-10-01"), "explain what?"),
        (("--ticket", "vip.yaml", "--at", "soon"), "'soon' is no date"),
        (("--ticket", "vip.yaml", "--decision", "2"), "there is no decision 2"),
        (("--ticket", "none.yaml"), "No such file"),
        (("--ticket", "policies"), "Is a directory"),
    ],
)
def test_a_call_that_cannot_be_meant_says_how_to_mend_it(desk: Command, arguments: tuple[str, ...], message: str) -> None:
    assert message in desk("explain", *arguments, code=2).stderr
