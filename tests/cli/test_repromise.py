"""`engine policy repromise` through the real command: promises are moved on purpose, listed before and after, and never by the way."""

import re
from pathlib import Path

import pytest

from engine.core.fields import FIELDS
from engine.core.model import Ticket
from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def promised(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A project with three open tickets, of which two are important, that were promised more than the policy in force promises."""
    root = tmp_path_factory.mktemp("renewal")
    Command(root)("init", "project")
    command = Command(root / "project")
    for id, text in (("first", "总是报错"), ("second", "总是报错"), ("third", "你好")):
        command.mail(id, text)
    sla = root / "project" / "policies" / "sla.yaml"
    sla.write_text(
        sla.read_text(encoding="utf-8").replace(
            "{response: 30m, next_response: 1h, plan: 4h", "{response: 20m, next_response: 1h, plan: 1h"
        ),
        encoding="utf-8",
    )
    command("policy", "activate", "--from-directory")
    return command


def dues(command: Command) -> dict[str, dict[str, str]]:
    numbers = [ticket["number"] for ticket in command.json("ticket", "list")]
    return {number: {clock["id"]: clock["due"] for clock in command.json("ticket", "show", number)["clocks"]} for number in numbers}


def test_a_dry_run_lists_old_and_new_deadlines_and_saves_nothing(promised: Command) -> None:
    before = dues(promised)
    explained = {number: promised.json("explain", number) for number in before}
    told = promised.json("policy", "repromise", "--where", "tier=important", "--dry-run")
    assert dues(promised) == before
    assert {number: promised.json("explain", number) for number in before} == explained
    assert (told["saved"], told["policy"]) == (False, promised.json("status")["policy"]["active"])
    assert [one["error"] for one in told["tickets"]] == [None, None]
    for one in told["tickets"]:
        before[one["ticket"]].pop("resolution")  # whose budget is the same
        budgets = {move["id"]: (move["budget_before"], move["budget"]) for move in one["moved"]}
        assert budgets == {"response": (1800, 1200), "plan": (14400, 3600)}
        assert {move["id"]: move["due_before"] for move in one["moved"]} == before[one["ticket"]]
        assert all(move["due"] < move["due_before"] for move in one["moved"])
    shown = promised("policy", "repromise", "--where", "tier=important", "--dry-run").stdout
    assert "30m → 20m" in shown
    assert "2 tickets: 4 promises of 2 would move. Nothing was saved." in shown
    chinese = promised("policy", "repromise", "--where", "tier=important", "--dry-run", "--lang", "zh").stdout
    assert "查看 2 张工单:2 张工单的 4 项承诺将变更,未保存。" in chinese


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("tire=important", "there is no field 'tire'; did you mean `tier`?"),
        ("tier=importent", "no open ticket has the tier 'importent'; did you mean `important`?"),
        ("ticket.state=confirmed", "no open ticket has the state 'confirmed'; known: in_progress, new, on_hold"),
        ("queue=fronts_desk", "did you mean `front_desk`?"),
        ("text=x", "there is no field 'text'"),
        ("important", "write FIELD=VALUE"),
        ("tier=", "no open ticket has the tier ''"),
    ],
)
def test_a_field_or_value_that_does_not_exist_is_named_with_what_was_meant(promised: Command, where: str, told: str) -> None:
    assert told in promised("policy", "repromise", "--where", where, code=2).stderr


def test_every_field_that_may_be_asked_is_one_that_a_ticket_holds() -> None:
    asked = {name.removeprefix("ticket.") for name, field in FIELDS.items() if name.startswith("ticket.") and field.type == "choice"}
    assert asked <= set(Ticket.__struct_fields__)


def test_which_tickets_must_be_said_and_who_moves_their_promises(promised: Command) -> None:
    assert "--where" in promised("policy", "repromise", code=2).stderr
    who = promised("policy", "repromise", "--where", "tier=important", code=2, LOGNAME="nobody-known").stderr
    assert "who acts? Say it with --as AGENT" in who


def test_fields_narrow_and_values_of_one_field_widen(promised: Command) -> None:
    def count(*where: str) -> int:
        given = [part for one in where for part in ("--where", one)]
        return len(promised.json("policy", "repromise", *given, "--dry-run")["tickets"])

    assert count("tier=important", "tier=general") == 3
    assert count("tier=important", "ticket.channel = email") == 2
    assert count("tier=important", "kind=after_sales") == 0


def test_promises_are_moved_and_the_record_says_so(promised: Command) -> None:
    before = dues(promised)
    shown = promised("policy", "repromise", "--where", "tier=important", "--as", "zhou").stdout
    assert "2 tickets: 4 promises of 2 moved." in shown
    after = dues(promised)
    changed = [number for number in before if before[number] != after[number]]
    assert len(changed) == 2
    told = promised.json("policy", "repromise", "--where", "tier=important", "--as", "zhou")
    assert [one["moved"] for one in told["tickets"]] == [[], []]
    explained = promised("explain", changed[0]).stdout
    assert re.search(r"renewal requested: actor zhou", explained)
    assert "moved, due" in promised("ticket", "show", changed[0]).stdout


def test_a_ticket_whose_calendar_cannot_know_is_named_and_the_others_are_moved(tmp_path: Path) -> None:
    Command(tmp_path)("init", "project")
    command = Command(tmp_path / "project")
    number, other = command.mail("one", "总是报错"), command.mail("two", "你好")
    sla = command.root / "policies" / "sla.yaml"
    text = sla.read_text(encoding="utf-8").replace(
        "{response: 2h, next_response: 4h, plan: 24h", "{response: 1h, next_response: 4h, plan: 24h"
    )
    ten_years = "plan: 3650d, progress: 4h}\n    calendar: cn_office"
    sla.write_text(text.replace("plan: 4h, progress: 4h, resolution: 48h}\n    calendar: 24x7", ten_years), encoding="utf-8")
    command("policy", "activate", "--from-directory")
    told = command.json("policy", "repromise", "--where", "channel=email", "--as", "zhou", code=1)
    errors = {one["ticket"]: one["error"] for one in told["tickets"]}
    assert errors[other] is None
    assert "cn_office" in errors[number]
    assert errors[number] in command("policy", "repromise", "--where", "tier=important", "--dry-run", code=1).stdout
