"""A ticket's whole way, worked from the terminal by the real command."""

import pytest

from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def number(engine: Command) -> str:
    return engine.mail("outage", "系统宕机,全公司无法使用", "系统故障")


@pytest.fixture(scope="module")
def worked(engine: Command, number: str) -> str:
    """The same ticket after somebody planned it."""
    acted = engine.json("ticket", "contact", number, "--as", "qian", "--text", "called", "--channel", "phone")
    assert (acted["state"], acted["events"][0]) == ("in_progress", "customer_contacted")
    step = "更换主板; lin; 2099-03-06 17:00"
    engine("ticket", "plan", number, "--as", "qian", "--text", "-", "--step", step, stdin="换一块主板\n")
    asked = engine.json("ticket", "task", number, "finance", "--as", "qian", "--text", "check", "--due", "2099-03-05 12:00")
    assert len(asked["tickets"]) == 1
    return number


def test_an_open_ticket_is_listed_with_its_clock(engine: Command, number: str) -> None:
    listed = {ticket["number"]: ticket for ticket in engine.json("ticket", "list", "--tier", "urgent")}
    assert listed[number]["subject"] == "系统故障"
    assert listed[number]["queue"] == "tech_support"
    assert listed[number]["next_due"]["deadline"] in ("response", "plan", "progress", "plan_step:1")


def test_labels_are_in_the_language_asked_for(engine: Command, number: str) -> None:
    assert "一级(紧急)" in engine("ticket", "list", "--lang", "zh").stdout
    assert "urgent" in engine("ticket", "list", "--lang", "en").stdout


def test_the_page_shows_plan_tasks_clocks_and_what_happened(engine: Command, worked: str) -> None:
    page = engine.json("ticket", "show", worked)
    assert page["plan"]["text"] == "换一块主板"
    (step,) = page["plan"]["steps"]
    assert (step["who"], step["due"]) == ("lin", "2099-03-06T09:00:00+00:00")
    assert [task["text"] for task in page["tasks"]] == ["check"]
    clocks = {clock["id"]: clock["state"] for clock in page["clocks"]}
    assert (clocks["response"], clocks["plan"], clocks["plan_step:1"]) == ("met", "met", "running")
    assert "called" in [entry["text"] for entry in page["timeline"]]
    shown = engine("ticket", "show", worked, "--lang", "zh").stdout
    assert "换一块主板" in shown
    assert "2099-03-06 17:00" in shown


def test_what_is_not_allowed_is_refused_in_words_and_changes_nothing(engine: Command, worked: str) -> None:
    done = engine("ticket", "confirm", worked, "--as", "qian", code=1)
    assert "cannot happen" in done.stderr
    assert "no open step '9'" in engine("ticket", "done", worked, "9", "--as", "qian", code=1).stderr
    assert engine.json("ticket", "show", worked)["state"] == "in_progress"


def test_who_acts_must_be_known(engine: Command, number: str) -> None:
    assert "--as AGENT" in engine("ticket", "claim", number, code=2, LOGNAME="nobody-known").stderr
    assert "no agent 'eve'" in engine("ticket", "claim", number, "--as", "eve", code=2).stderr


def test_an_unknown_ticket_and_a_bad_date_are_named(engine: Command, number: str) -> None:
    assert "no ticket 1" in engine("ticket", "show", "1", code=1).stderr
    late = engine("ticket", "task", number, "finance", "--as", "qian", "--text", "x", "--due", "soon", code=2)
    assert "2026-03-06 17:00" in late.stderr


def test_every_decision_is_explained_with_rule_file_and_line(engine: Command, number: str) -> None:
    first = engine.json("explain", number)["decisions"][0]
    assert first["signal"] == "message_arrived"
    tier = next(why for why in first["why"] if why["decided"].startswith("tier:"))
    assert tier["rule"] == "urgent"
    assert tier["where"].startswith("sla.yaml:")
    assert "宕机" in str(tier["asked"])
    told = engine("explain", number).stdout
    assert "sla.yaml:" in told
    assert first["policy"][:12] in told
    assert "sun@customer.test" not in told


def test_forms_print_as_page_and_workbook(engine: Command, worked: str) -> None:
    engine("ticket", "print", worked, "--output", "record.xlsx", "--as", "qian")
    engine("ticket", "print", worked, "--form", "plan", "--output", "plan.html")
    assert (engine.root / "record.xlsx").read_bytes()[:2] == b"PK"
    assert "换一块主板" in (engine.root / "plan.html").read_text(encoding="utf-8")
    assert ".xlsx" in engine("ticket", "print", worked, "--output", "record.doc", code=2).stderr


@pytest.fixture(scope="module")
def follow_up(engine: Command) -> str:
    """A follow-up that a bad score opened."""
    number = engine.mail("slow", "我的发票什么时候寄出")
    for action in (("contact",), ("resolve", "--text", "寄出了"), ("confirm", "--text", "好的")):
        engine("ticket", action[0], number, *action[1:], "--as", "zhao")
    engine.later(days=1)
    engine("ticket", "answer", number, "--as", "zhao", "--text", "2 3 5 太慢了")
    assert engine.json("ticket", "show", number)["survey"] == "came"
    engine.later(days=1, hours=5)
    (opened,) = engine.json("ticket", "list", "--kind", "follow_up")
    return str(opened["number"])


class TestFollowUp:
    """A bad score: who sees whom it is about, and that each look is kept."""

    def test_others_see_only_that_it_exists(self, engine: Command, follow_up: str) -> None:
        page = engine.json("ticket", "show", follow_up)
        assert set(page) == {"number", "kind", "state", "opened_at"}
        assert "Confidential" in engine("ticket", "show", follow_up).stdout
        refused = engine("ticket", "show", follow_up, "--as", "zhao", code=1)
        assert "role follow_up" in refused.stderr
        assert "太慢了" not in refused.stdout + refused.stderr
        assert "role follow_up" in engine("ticket", "print", follow_up, "--form", "follow_up", "--as", "zhao", code=1).stderr

    def test_the_follow_up_role_sees_customer_scores_and_suggestion(self, engine: Command, follow_up: str) -> None:
        view = engine.json("ticket", "show", follow_up, "--as", "li")["follow_up"]
        assert view["contact"]["name"] == "Sun"
        assert list(view["scores"].values()) == [2, 3, 5], "in the order of the questions"
        assert view["suggestion"] == "太慢了"
        shown = engine("ticket", "show", follow_up, "--as", "li", "--lang", "zh").stdout
        assert "太慢了" in shown
        engine("ticket", "print", follow_up, "--form", "follow_up", "--output", "f.html", "--as", "li")
        assert "太慢了" in (engine.root / "f.html").read_text(encoding="utf-8")

    def test_each_look_and_each_refusal_is_on_record(self, engine: Command, follow_up: str) -> None:
        from engine.store import open_store

        engine("ticket", "show", follow_up, "--as", "li")
        engine("ticket", "show", follow_up, "--as", "zhao", code=1)
        store = open_store("sqlite:///var/engine.db", engine.root)
        try:
            with store.read() as reader:
                looks = [(audit.who, audit.what, audit.about) for audit in reader.audits()][-2:]
        finally:
            store.close()
        assert looks == [("li", "looked at", follow_up), ("zhao", "was refused", follow_up)]

    def test_explaining_the_rated_ticket_tells_no_scores(self, engine: Command, follow_up: str) -> None:
        assert "太慢了" not in engine("explain", follow_up).stdout

    def test_when_it_is_over_nobody_sees_whom_it_was_about(self, engine: Command) -> None:
        (opened,) = engine.json("ticket", "list", "--kind", "follow_up")
        engine("ticket", "resolve", opened["number"], "--as", "li", "--text", "apologised")
        over = engine.json("ticket", "show", opened["number"], "--as", "li")
        assert (over["follow_up"], over["state"]) == (None, "closed")
        assert "forgotten" in engine("ticket", "show", opened["number"], "--as", "li").stdout
        assert "太慢了" not in str(over)


def test_a_ticket_waits_for_whom_it_is_said_to_wait(engine: Command) -> None:
    number = engine.mail("waiting", "打印机需要维修")
    for given, state in ((("--for", "supplier"), "waiting_supplier"), (("--for-customer",), "waiting_customer"), ((), "on_hold")):
        assert engine.json("ticket", "hold", number, "--as", "sun", *given)["state"] == state
    assert "'supplier'" in engine("ticket", "hold", number, "--as", "sun", "--for", "godot", code=2).stderr


def test_a_ticket_is_given_to_another_customer(engine: Command) -> None:
    number = engine.mail("another", "请问周末营业吗")
    known = engine.json("customer", "list")
    acted = engine.json("ticket", "customer", number, known[0]["id"], "--as", "zhao")
    assert acted["events"] == ["customer_changed"]
    assert "no customer 'C999999'" in engine("ticket", "customer", number, "C999999", "--as", "zhao", code=1).stderr
