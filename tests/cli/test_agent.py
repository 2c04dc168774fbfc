"""`engine agent`: who goes away gets nothing, and what waits is offered when somebody is back."""

from datetime import timedelta

import pytest

from engine.runtime.clock import SystemClock
from tests.cli.conftest import Command


@pytest.fixture
def desk(engine: Command) -> Command:
    """Everybody of the technical support is there day and night; they are both back at the start of a test."""
    for agent in ("qian", "wu"):
        engine("agent", "back", agent, "--as", "zhou")
    return engine


def test_who_is_away_gets_nothing_and_the_list_says_so(desk: Command) -> None:
    said = desk("agent", "away", "qian", "--as", "zhou", "--until", (SystemClock().now() + timedelta(hours=2)).isoformat()).stdout
    assert said.startswith("钱伟 is away until 20")
    assert {desk.json("ticket", "show", desk.mail(f"a{n}", "系统宕机"))["assignee"] for n in range(3)} == {"wu"}
    rows = {row["id"]: row for row in desk.json("agent", "list")}
    assert (rows["qian"]["presence"], rows["qian"]["by"], rows["wu"]["presence"]) == ("away", "zhou", "present")
    assert rows["wu"]["load"] >= 3
    assert "离岗" in desk("agent", "list", "--lang", "zh").stdout


def test_what_waits_is_offered_to_who_comes_back(desk: Command) -> None:
    for agent in ("qian", "wu"):
        assert "until further notice" in desk("agent", "away", agent, "--as", agent).stdout
    number = desk.mail("w", "系统宕机")
    assert desk.json("ticket", "show", number)["assignee"] is None
    assert desk("agent", "back", "wu", "--as", "wu").stdout == "吴昊 is back\n"
    desk.later(seconds=1)
    assert desk.json("ticket", "show", number)["assignee"] == "wu"


def test_tickets_of_who_goes_away_are_offered_where_the_policy_says_so(desk: Command) -> None:
    number = desk.mail("m", "系统宕机")
    desk("ticket", "assign", number, "qian", "--as", "zhou")
    desk("agent", "away", "qian", "--as", "qian")
    assert desk.json("ticket", "show", number)["assignee"] == "qian"
    desk("agent", "back", "qian", "--as", "qian")
    routing = desk.root / "policies" / "routing.yaml"
    kept = routing.read_text("utf-8")
    routing.write_text(kept.replace("on_away: keep", "on_away: reassign"), "utf-8")
    desk("policy", "activate", "--from-directory")
    assert number in desk("agent", "away", "qian", "--as", "qian").stdout
    assert desk.json("ticket", "show", number)["assignee"] == "wu"


def test_a_stranger_and_a_time_that_is_over_are_refused(desk: Command) -> None:
    assert "there is no agent 'eve' in team.yaml; there are zhao" in desk("agent", "away", "eve", "--as", "zhou", code=1).stderr
    assert "is over" in desk("agent", "away", "wu", "--as", "wu", "--until", "2020-01-01 10:00", code=2).stderr
