"""`engine policy` through the real command: versions are listed, shown, compared and put in force."""

import getpass
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def versions(tmp_path: Path) -> Command:
    """A project whose second policy is in force, and whose directory holds a third."""
    Command(tmp_path)("init", "project")
    command = Command(tmp_path / "project")
    command("status")
    for budget in ("7m", "8m"):
        write(command, budget)
        if budget == "7m":
            command("policy", "activate", "--from-directory", "--as", "zhou")
    return command


def write(command: Command, budget: str) -> None:
    path = command.root / "policies" / "sla.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("response: 10m", f"response: {budget}").replace("response: 7m", f"response: {budget}"), encoding="utf-8")


def test_the_log_lists_every_policy_that_was_in_force_with_what_it_changed(versions: Command) -> None:
    listed = versions.json("policy", "log")
    assert [(one["active"], one["by"], one["changes"]) for one in listed] == [(True, "zhou", "1 changed"), (False, "cli", "the first")]
    assert versions("policy", "log").stdout.startswith(f"● {listed[0]['digest'][:12]}")


def test_the_log_tells_a_policy_that_came_back_from_the_time_before(versions: Command) -> None:
    second, first = versions.json("policy", "log")
    versions("policy", "activate", first["digest"])
    again, *before = versions.json("policy", "log")
    assert (again["digest"], again["active"], again["by"]) == (first["digest"], True, getpass.getuser())
    assert again["at"] > second["at"]
    assert before == [second | {"active": False}, first]
    lines = versions("policy", "log").stdout.splitlines()
    assert [line[0] for line in lines] == ["●", " ", " "]
    assert ["zhou" in line for line in lines] == [False, True, False]


def test_a_file_of_any_version_is_shown(versions: Command) -> None:
    first = versions.json("policy", "log")[-1]["digest"]
    assert "response: 7m" in versions("policy", "show", "active", "sla.yaml").stdout
    assert "response: 10m" in versions("policy", "show", first[:8], "sla.yaml").stdout
    assert "response: 8m" in versions("policy", "show", "policies", "sla.yaml").stdout
    assert "# --- routing.yaml" in versions("policy", "show").stdout
    assert "it has authority.yaml, calendars/cn_office.yaml" in versions("policy", "show", "active", "nothing.yaml", code=1).stderr
    assert "there is no policy 'ffff'" in versions("policy", "show", "ffff", code=1).stderr


def test_the_directory_is_compared_with_the_policy_in_force_rule_by_rule(versions: Command) -> None:
    assert versions("policy", "diff").stdout == "~ tiers urgent: budgets.response: 7m → 8m  (sla.yaml:22)\n1 changed\n"
    first = versions.json("policy", "log")[-1]["digest"]
    [change] = versions.json("policy", "diff", first[:10], "active")
    assert (change["section"], change["id"], change["old"], change["new"]) == ("tiers", "urgent", "10m", "7m")
    assert versions("policy", "diff", "active", "active").stdout == "no rule or entry differs\n"


def test_an_earlier_policy_comes_into_force_again_and_status_says_that_the_directory_differs(versions: Command) -> None:
    first = versions.json("policy", "log")[-1]["digest"]
    assert first[:12] in versions("policy", "activate", first[:12]).stdout
    assert versions.json("status")["policy"]["active"] == first
    assert "`engine policy diff` shows what differs" in versions("status").stdout


def test_what_is_not_sound_is_never_put_in_force(versions: Command) -> None:
    active = versions.json("status")["policy"]["active"]
    write(versions, "soon")
    (versions.root / "policies" / "sla.yaml").write_text("version: 1\n", encoding="utf-8")
    assert "error CL316" in versions("policy", "activate", "--from-directory", code=1).stderr
    assert versions.json("status")["policy"]["active"] == active


def test_it_must_be_said_which_policy_is_meant(versions: Command) -> None:
    assert "say which policy" in versions("policy", "activate", code=2).stderr
    assert "say which policy" in versions("policy", "activate", "active", "--from-directory", code=2).stderr
    assert "is the beginning of 2 policies" in versions("policy", "activate", "", code=1).stderr
