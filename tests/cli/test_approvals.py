"""Concessions and approvals from the terminal, by the real command."""

import pytest

from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def number(engine: Command) -> str:
    """A complaint in wang's hands, with a plan, who granted 150 on it and asked for 100.50 more."""
    number = engine.mail("late", "我要投诉送货员")
    engine("ticket", "assign", number, "wang", "--as", "zhao")
    engine("ticket", "plan", number, "--as", "wang", "--text", "补偿", "--step", "补偿; wang; 2099-03-06 17:00")
    engine("ticket", "compensate", number, "--as", "wang", "--amount", "150", "--text", "迟到")
    asked = engine("ticket", "compensate", number, "--as", "wang", "--amount", "100.50", "--text", "又迟到", "--step", "1", "--lang", "en")
    assert "asked for an approval of: compensation 100.50 CNY" in asked.stdout
    return number


@pytest.fixture(scope="module")
def approval(engine: Command, number: str) -> str:
    (waiting,) = engine.json("approvals", "list")
    assert (waiting["parent"], waiting["amount"], waiting["currency"], waiting["by"]) == (number, "100.50", "CNY", "wang")
    assert (waiting["concession"], waiting["granted"], waiting["text"]) == ("compensation", None, "又迟到")
    assert engine.json("approvals", "list", "--approver", waiting["approver"]) == [waiting]
    assert engine.json("approvals", "list", "--approver", "lin") == []
    return str(waiting["ticket"])


def test_the_page_shows_what_was_granted_what_waits_and_what_one_may_grant(engine: Command, number: str, approval: str) -> None:
    page = engine.json("ticket", "show", number, "--as", "wang")
    assert [(one["amount"], one["waits"], one["text"]) for one in page["concessions"]] == [
        ("150", False, "迟到"),
        ("100.50", True, "又迟到"),
    ]
    assert page["authority"] == {
        "agent": "wang",
        "grant": "by-the-handler-of-a-serious-case",
        "compensation_up_to": "200",
        "left": "50",
        "currency": "CNY",
        "exceptions": ["waive_fee"],
    }
    shown = engine("ticket", "show", number, "--as", "wang", "--lang", "en").stdout
    assert "your authority: up to 200 CNY in all, 50 CNY left; Waiving a fee" in shown
    assert f"waits for {approval}" in shown
    assert "authority" not in engine.json("ticket", "show", number)
    assert engine.json("ticket", "show", approval, "--as", "zhao")["kind"] == "approval"


def test_what_waits_is_listed_in_words(engine: Command, approval: str) -> None:
    assert "补偿 100.50 CNY" in engine("approvals", "list", "--lang", "zh").stdout
    assert f"{approval}" in engine("approvals", "list", "--lang", "en").stdout


def test_what_is_no_amount_and_what_may_not_be_is_refused_in_words(engine: Command, number: str, approval: str) -> None:
    wrong = engine("ticket", "compensate", number, "--as", "wang", "--amount", "1e5", "--text", "x", code=2)
    assert "'1e5' is no amount" in wrong.stderr
    assert "there is no exception 'lunch'" in engine("ticket", "except", number, "lunch", "--as", "wang", "--text", "x", code=1).stderr
    assert "asked for this" in engine("approvals", "grant", approval, "--as", "wang", code=1).stderr
    assert "is no approval" in engine("approvals", "refuse", number, "--as", "zhou", "--text", "x", code=1).stderr
    assert "no ticket 999" in engine("approvals", "grant", "999", "--as", "zhou", code=1).stderr
    assert f"waits for the approval {approval}" in engine("ticket", "done", number, "1", "--as", "wang", code=1).stderr


def test_a_verdict_settles_it(engine: Command, number: str, approval: str) -> None:
    engine("approvals", "grant", approval, "--as", "zhou", "--text", "下不为例")
    assert "nothing" in engine("approvals", "list", "--lang", "en").stdout.lower()
    (row,) = engine.json("approvals", "list", "--all")
    assert (row["state"], row["granted"], row["due"]) == ("closed", True, None)
    assert "周静审批" in engine("ticket", "show", number, "--lang", "zh").stdout
    assert "approval: granted   by-the-manager" in engine("explain", approval, "--lang", "en").stdout
    granted = [
        event for one in engine.json("explain", number)["decisions"] for event in one["events"] if event["event"] == "concession_granted"
    ]
    assert granted[-1]["what"]["amount"] == "100.50"
    engine("ticket", "except", number, "late_return", "--as", "wang", "--text", "住院")
    (row,) = engine.json("approvals", "list")
    engine("approvals", "refuse", row["ticket"], "--as", "zhou", "--text", "不行")
    assert {one["granted"] for one in engine.json("approvals", "list", "--all")} == {True, False}
    assert "not granted" in engine("approvals", "list", "--all", "--lang", "en").stdout
