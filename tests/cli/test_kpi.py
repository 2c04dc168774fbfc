"""`engine kpi`, as a command."""

import csv
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def busy(engine: Command) -> Command:
    """A project with three tickets, one of them solved, and the answers of seven customers."""
    numbers = [engine.mail(f"kpi-{index}", text) for index, text in enumerate(("网络中断无法使用", "请问营业时间", "我要投诉"))]
    engine("ticket", "contact", numbers[0], "--as", "qian", "--text", "电话联系")
    engine("ticket", "resolve", numbers[0], "--as", "qian", "--text", "已修复")
    engine("ticket", "confirm", numbers[0], "--as", "qian")
    return engine


def row(shown: str, name: str) -> list[str]:
    """The words of the line of a KPI."""
    return next(line.removeprefix(name).split() for line in shown.splitlines() if line.startswith(name))


def test_it_shows_n_value_interval_and_target_of_what_there_is(busy: Command) -> None:
    shown = busy("kpi").stdout
    assert shown.splitlines()[1].split() == ["KPI", "n", "value", "95", "%", "interval", "target", "standing"]
    assert row(shown, "contact volume") == ["3", "3"]
    assert row(shown, "resolution rate") == ["1", "100.0%", "20.7%", "–", "100.0%", "95.0%", "met"]
    assert row(shown, "backlog age")[0] == "2"


def test_it_speaks_chinese(busy: Command) -> None:
    shown = busy("kpi", "volume", "--by", "kind", "--lang", "zh").stdout
    assert "受理量" in shown
    assert "投诉" in shown


def test_it_splits_by_several_dimensions_for_programs(busy: Command) -> None:
    found = busy.json("kpi", "volume", "resolution_rate", "--by", "month,tier")
    assert found["by"] == ["month", "tier"]
    volume = [one for one in found["figures"] if one["kpi"] == "volume"]
    assert sum(one["value"] for one in volume) == 3
    assert {one["tier"] for one in volume} >= {"urgent"}
    (rate,) = [one for one in found["figures"] if one["kpi"] == "resolution_rate"]
    assert (rate["n"], rate["value"], rate["target"], rate["standing"]) == (1, 1.0, 0.95, "met")


def test_csv_has_the_same_figures(busy: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(busy("kpi", "volume", "--by", "kind", "--format", "csv").stdout)))
    assert {one["kind"]: one["value"] for one in rows} == {
        one["kind"]: str(one["value"]) for one in busy.json("kpi", "volume", "--by", "kind")["figures"]
    }


def test_a_period_is_its_days_from_the_first_to_the_end_of_the_last(busy: Command) -> None:
    assert "There is nothing to show." in busy("kpi", "volume", "--from", "2020-01-01", "--to", "2020-01-31").stdout
    found = busy.json("kpi", "volume", "--from", "2020-01-01", "--to", "2020-01-31")
    assert (found["from"], found["to"]) == ("2019-12-31T16:00:00+00:00", "2020-02-01T00:00:00+08:00")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sla"], "there is no KPI 'sla'"),
        (["csat", "--by", "agent"], "answers hold no ticket, agent or exact time"),
        (["--by", "tier,question"], "no KPI can be split by all of tier, question"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "before it begins"),
        (["--from", "yesterday"], "is no date"),
    ],
)
def test_what_cannot_be_shown_says_why(busy: Command, arguments: list[str], message: str) -> None:
    assert message in busy("kpi", *arguments, code=2).stderr


def test_survey_results_of_fewer_than_five_are_not_shown(busy: Command) -> None:
    from engine.store import AnswerRow, open_store

    with open_store("sqlite:///var/engine.db", Path(busy.root)).write() as tx:
        for index in range(4):
            tx.keep_answer(AnswerRow(f"few{index}", "after-closure", "2026-02", {"speed": 5, "attitude": 4}, ""))
    period = ("--from", "2026-02-01", "--to", "2026-02-28", "--by", "month,question")
    shown = busy("kpi", "csat", *period).stdout
    assert "too few to show" in shown
    assert "100" not in shown
    assert {one["value"] for one in busy.json("kpi", "csat", *period)["figures"]} == {None}
