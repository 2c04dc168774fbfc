"""`engine replay` and `engine simulate` through the real command: two policies beside each other, and what goes otherwise is listed."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A project with two needs, whose directory promises one of them sooner and puts it elsewhere than the policy in force."""
    root = tmp_path_factory.mktemp("replay")
    Command(root)("init", "project")
    command = Command(root / "project")
    fault = command.mail("first", "总是报错")
    command.mail("second", "你好")
    command("ticket", "contact", fault, "--text", "问清了情况", "--as", "qian")
    for file, old, new in (
        ("sla.yaml", "{response: 30m, next_response: 1h", "{response: 15m, next_response: 1h"),
        ("routing.yaml", "queue: tech_support\n  - id: money", "queue: product\n  - id: money"),
    ):
        path: Path = command.root / "policies" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
    return command


def test_what_goes_otherwise_is_counted_and_listed_with_both_sides(project: Command) -> None:
    shown = project("replay").stdout
    assert "2 needs of customers, 3 deeds" in shown
    assert "as it is on record under the old policy: 2 of 2" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert {
        "needs 2 2",
        "deeds that cannot be done 0 0",
        "queue: Product 0 1",
        "queue: Technical support 1 0",
        "1 needs go otherwise",
    } <= set(rows)
    [change] = [line for line in rows if "→" in line and line[0].isdigit()]
    assert "queue: Technical support → Product; first response: 20" in change


def test_programs_get_the_same_with_every_story(project: Command) -> None:
    told = project.json("replay", "active", "policies")
    assert (told["needs"], told["deeds"], told["as_recorded"], told["left_out"]) == (2, 3, 2, {})
    [change] = told["changed"]
    assert change["changes"] == ["queue", "promises"]
    assert (change["old"]["queue"], change["new"]["queue"]) == ("tech_support", "product")
    assert told["old"]["counts"]["queue"] == {"tech_support": 1, "front_desk": 1}
    assert (told["old"]["counts"]["needs"], told["new"]["nowhere"]) == (2, 0)
    assert told["old"]["policy"] == project.json("policy", "log")[0]["digest"]


def test_it_is_told_in_chinese_too(project: Command) -> None:
    shown = project("replay", "--lang", "zh", "--limit", "0").stdout
    assert "2 件客户诉求,3 次操作" in shown
    assert "1 件诉求的处理会有变化" in shown
    assert "→" not in shown


def test_the_same_policy_changes_nothing_and_nothing_is_kept(project: Command) -> None:
    before = {number: project.json("explain", number) for number in (ticket["number"] for ticket in project.json("ticket", "list"))}
    assert project.json("replay", "active", "active")["changed"] == []
    assert {number: project.json("explain", number) for number in before} == before


def test_a_span_in_which_nothing_came_says_so_and_one_that_ends_before_it_begins_is_refused(project: Command) -> None:
    assert "0 needs of customers" in project("replay", "--from", "2020-01-01", "--to", "2020-02-01").stdout
    assert "--from 2999-01-01 does not lie before the end" in project("replay", "--from", "2999-01-01", code=2).stderr


def test_the_team_is_simulated_on_both_policies_with_the_same_needs(project: Command) -> None:
    shown = project("simulate", "--handling", "5m", "--handling", "complaint=1h 30m", "--volume", "3").stdout
    assert "6 needs of customers (each comes 3 times), which take 5m, complaint=1h 30m" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert {"needs 6 6", "queue: Technical support 3 0", "queue: Product 0 3"} <= set(rows)
    told = project.json("simulate", "--handling", "5m", "--volume", "3")
    assert (told["old"]["counts"]["needs"], told["effort"]["handling"]) == (6, 300)
    assert set(told["new"]["busy"]) >= {"zhao", "qian"}


def test_a_directory_may_have_a_team_of_its_own(project: Command) -> None:
    drafts = project.root / "drafts"
    shutil.copytree(project.root / "policies", drafts)
    team = drafts / "team.yaml"
    one_more = "  gao: {name: 高远, queues: [front_desk], skills: {}, email: gao@example.test, shift: day}\n  wang:"
    team.write_text(team.read_text(encoding="utf-8").replace("  wang:", one_more, 1), encoding="utf-8")
    told = project.json("simulate", "policies", "drafts")
    assert told["old"]["policy"] == told["new"]["policy"]
    assert set(told["new"]["busy"]) - set(told["old"]["busy"]) == {"gao"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--handling", "cake=5m"], "there is no kind 'cake'; there are inquiry, complaint"),
        (["--handling", "0m"], "nothing is done in no time"),
        (["--handling", "soon"], "'soon' is no duration: write 30m, 2h or 1d 4h"),
        (["--volume", "0"], "0.0 is not in the range 0<x<=100"),
    ],
)
def test_what_cannot_be_simulated_is_said(project: Command, given: list[str], told: str) -> None:
    assert told in project("simulate", *given, code=2).stderr
