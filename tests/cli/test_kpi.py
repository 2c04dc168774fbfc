"""`engine kpi`, as a command."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.cli.answers import show
from engine.cli.session import Session
from engine.errors import Refused, UsageError
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


@pytest.fixture(scope="module")
def asked(engine: Command) -> Command:
    """A project with the answers of 120 customers to the relationship survey, whose satisfaction goes with speed."""
    from random import Random

    from engine.store import AnswerRow, CustomerRow, open_store
    from tests.store.samples import NOW

    chance, scale = Random(4), ("value", "price", "brand", "ease", "attitude", "effect")
    with open_store("sqlite:///var/engine.db", Path(engine.root)).write() as tx:
        tx.add_customer(CustomerRow("C1", "周女士", None, None, NOW))
        for index in range(120):
            mood, speed = chance.randint(1, 4), chance.randint(1, 5)
            scores = {name: min(5, mood + chance.randint(0, 1)) for name in scale} | {"speed": speed, "overall": speed}
            text = ("我是周女士,价格太高", "call 13812345678: prices", "more parking", "停车位太少")[index % 4] if index < 40 else ""
            tx.keep_answer(AnswerRow(f"{index:03}", "relationship", "2026-02" if index % 2 else "2026-01", scores, text))
    return engine


def told(asked: Command, capsys: pytest.CaptureFixture[str], about: str, *period: str, survey: str = "", language: str = "en") -> str:
    show(Session(asked.root, language), about, survey or None, 1, *(period or (None, None)), json=False)
    return capsys.readouterr().out


def plain(asked: Command, capsys: pytest.CaptureFixture[str], about: str, survey: str = "") -> Any:
    show(Session(asked.root), about, survey or None, 5, None, None, json=True)
    return json.loads(capsys.readouterr().out)


def test_drivers_are_shown_with_intervals_the_strongest_first(asked: Command, capsys: pytest.CaptureFixture[str]) -> None:
    shown = asked("kpi", "--drivers", "--survey", "relationship", "--seed", "5").stdout.splitlines()
    assert shown[0].startswith("What drives: Overall satisfaction (n = 120, R² = 100.0%)")
    assert shown[2].startswith("How fast we respond")
    found = plain(asked, capsys, "drivers")
    assert (found["n"], found["outcome"], found["seed"], len(found["drivers"])) == (120, "overall", 5, 7)
    assert sum(one["weight"] for one in found["drivers"]) == pytest.approx(found["r_squared"])
    assert sum(one["share"] for one in found["drivers"]) == pytest.approx(1)


def test_factors_are_shown_with_what_they_explain(asked: Command, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(asked, capsys, "factors", language="zh")
    assert "因子分析（n = 120" in shown
    assert "解释的方差" in shown
    assert [one["question"] for one in plain(asked, capsys, "factors")["items"]] == [
        "value",
        "price",
        "brand",
        "ease",
        "speed",
        "attitude",
        "effect",
    ]


def test_suggestions_are_shown_by_subject_and_word_with_quotes_that_name_nobody(asked: Command, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(asked, capsys, "suggestions")
    assert row(shown, "Price")[0] == "20"
    assert "我是‹name›,价格太高" in shown
    assert "call ‹number›: prices" in shown
    assert "周女士" not in shown
    found = plain(asked, capsys, "suggestions", "relationship")
    assert {one["name"]: one["count"] for one in found["words"]} == {"parking": 10, "停车位": 10, "太高": 10, "more": 10, "call": 10}


def test_without_a_segmenter_it_says_that_chinese_words_are_not_counted(
    asked: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    assert "Chinese words are not counted: pip install 'closedloop[analysis]'" in told(asked, capsys, "suggestions")


def test_a_period_is_the_months_that_it_touches(asked: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert "(n = 60," in told(asked, capsys, "drivers", "2026-02-28", "2026-03-01")
    with pytest.raises(Refused, match="at least 30 answers to all of the questions; there are 0"):
        told(asked, capsys, "drivers", "2025-12-01", "2025-12-31")
    with pytest.raises(Refused, match="there are 60 answers to 7"):
        told(asked, capsys, "factors", "2026-02-01", "2026-02-02")
    with pytest.raises(UsageError, match="before it begins"):
        told(asked, capsys, "factors", "2026-02-01", "2026-01-01")


def test_what_cannot_be_asked_of_answers_says_why(asked: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert "leave out NAME and --by" in asked("kpi", "--drivers", "--by", "month", code=2).stderr
    with pytest.raises(UsageError, match="asks nothing on the whole"):
        told(asked, capsys, "drivers", survey="after-closure")
    with pytest.raises(UsageError, match="there is after-closure, relationship"):
        told(asked, capsys, "suggestions", survey="none")
