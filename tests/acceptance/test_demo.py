"""`engine demo`: a month whose figures lead to something and a business day that shows every promise of the product, in a minute, and the
same for the same seed.
"""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.analysis.learned import verdicts_on
from engine.core.lifecycle import evolve
from engine.store import Reader, TicketQuery, open_store
from tests.acceptance.desk import clean_environment

KINDS = {"inquiry", "complaint", "after_sales", "suggestion", "call_back", "follow_up", "task"}


@dataclass(frozen=True, slots=True)
class Day:
    """One demo that was played: what it printed (its own directory left out), and what it left behind."""

    printed: str
    directory: Path

    def files(self) -> dict[str, bytes]:
        """Every file it wrote for people and for other programs, by its name; the database's pages are compared by what they say."""
        paths = [path for path in sorted(self.directory.rglob("*")) if path.is_file()]
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in paths
            if not path.name.startswith("engine.db") and ".sqlite3" not in path.name
        }

    def look(self, ask: Any) -> Any:
        store = open_store(f"sqlite:///{self.directory / 'var' / 'engine.db'}")
        try:
            with store.read() as reader:
                return ask(reader)
        finally:
            store.close()


def play(command: Path, directory: Path, seed: int, *options: str) -> Day:
    directory.mkdir()
    done = subprocess.run(
        [str(command), "demo", "--seed", str(seed), "--output", "demo", *options],
        cwd=directory,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return Day(done.stdout.replace(f"{directory}/", ""), directory / "demo")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, engine_command: Path) -> dict[str, Day]:
    """Two days of one seed and one of another, without the month before. Those of one seed have no process in common."""
    installed, root = Path(sys.prefix) / "bin" / "engine", tmp_path_factory.mktemp("days")
    played = (("first", 7, installed), ("again", 7, engine_command), ("other", 8, engine_command))
    return {name: play(command, root / name, seed, "--tickets", "0") for name, seed, command in played}


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory, engine_command: Path) -> Day:
    """The whole month and the day, as `engine demo` plays them."""
    return play(engine_command, tmp_path_factory.mktemp("month") / "played", 1)


@pytest.fixture(scope="module")
def day(days: dict[str, Day]) -> Day:
    return days["first"]


@pytest.fixture(scope="module")
def tickets(day: Day) -> list[Any]:
    found: list[Any] = day.look(lambda reader: reader.tickets(TicketQuery(limit=10_000)))
    return found


@pytest.fixture(scope="module")
def happened(day: Day, tickets: list[Any]) -> dict[str, list[str]]:
    """What happened to each ticket, in order."""

    def read(reader: Reader) -> dict[str, list[str]]:
        return {one.number: [entry.event.name for entry in reader.events(one.number)] for one in tickets}

    names: dict[str, list[str]] = day.look(read)
    return names


def of_kind(month: Day, kind: str) -> list[Any]:
    found: list[Any] = month.look(lambda reader: reader.tickets(TicketQuery(kind=kind, limit=1000)))
    return found


def test_the_month_brings_follow_ups_that_are_made_and_missed(month: Day) -> None:
    made = [one.deadlines["follow_up"].met for one in of_kind(month, "follow_up")]
    assert {True, False} <= set(made)
    assert f"follow-ups of low scores: {made.count(True)} in time, {made.count(False)} missed" in month.printed


def test_what_is_drawn_for_review_each_monday_is_scored(month: Day) -> None:
    reviews = of_kind(month, "review")
    assert len({one.review.agent for one in reviews}) > 3
    assert sum(one.review.score is not None for one in reviews) > 0.9 * len(reviews)


def test_a_weak_spot_raises_an_alert_that_opens_a_measure_which_its_figures_verify(month: Day) -> None:
    improved = [one for one in of_kind(month, "improvement") if one.improvement.verdict == "improved"]
    alerts = {one.number: one for one in of_kind(month, "alert")}
    (measure,) = improved
    assert alerts[measure.parent].alike.startswith("kpi:weekly-weak-spots/sla_attainment/kind=after_sales")
    (verdict,) = month.look(lambda reader: verdicts_on(reader, measure.number))
    assert verdict.by == "system"
    assert verdict.evidence.difference[0] > 0
    assert re.search(rf"{measure.number} .* improved ", month.printed)


def test_the_month_is_told_by_week(month: Day) -> None:
    weeks = re.search(r"by week +(.*?) +target", month.printed)
    assert weeks is not None
    assert weeks[1].split() == [f"2026-W{week:02}" for week in range(6, 12)]
    for name in ("SLA attainment", "needs met", "survey response rate"):
        assert name in month.printed
    assert len(month.look(lambda reader: reader.tickets(TicketQuery(limit=1000)))) > 150
    assert month.look(lambda reader: reader.integrity(evolve)) == []


def test_it_ends_with_the_report_of_its_month_in_both_languages(month: Day) -> None:
    for language, title in (("zh", "2026年2月"), ("en", "February 2026")):
        page = (month.directory / f"month.{language}.html").read_text(encoding="utf-8")
        assert title in page
        assert "<svg" in page
        assert f"month.{language}.html" in month.printed


def test_the_day_holds_every_channel_kind_tier_and_both_languages(tickets: list[Any]) -> None:
    assert len(tickets) >= 30
    assert {one.channel for one in tickets} == {"email", "sms", "phone_log"}
    assert {one.kind for one in tickets} >= KINDS
    assert {one.tier for one in tickets if one.tier} == {"urgent", "important", "general"}
    assert {one.language for one in tickets} == {"zh", "en"}


def test_a_breach_escalates(happened: dict[str, list[str]]) -> None:
    breached = [names for names in happened.values() if "deadline_breached" in names]
    assert any("escalated" in names[names.index("deadline_breached") :] for names in breached)


def test_an_objection_goes_round_again_and_ends_confirmed(happened: dict[str, list[str]]) -> None:
    rounds = [names for names in happened.values() if "customer_objected" in names]
    assert any({"result_reported", "customer_confirmed"} <= set(names[names.index("customer_objected") :]) for names in rounds)


def test_who_does_not_answer_is_closed_as_unconfirmed_and_never_as_confirmed(tickets: list[Any], happened: dict[str, list[str]]) -> None:
    silent = [one.number for one in tickets if one.state == "unconfirmed"]
    assert silent
    for number in silent:
        assert "deadline_reminded" in happened[number], "there were reminders first"
        assert "customer_confirmed" not in happened[number]


def test_low_scores_lead_to_follow_ups_and_only_they_do(day: Day, tickets: list[Any]) -> None:
    answers = day.look(lambda reader: reader.answers())
    low = sum(min(answer.scores.values()) <= 3 for answer in answers)
    follow_ups = [one for one in tickets if one.kind == "follow_up"]
    assert low >= 1
    assert low < len(answers), "and somebody was content"
    assert len(follow_ups) == low
    for one in follow_ups:
        assert one.deadlines["follow_up"].due == one.opened_at + timedelta(hours=44)


def test_the_state_is_the_replay_of_the_log_and_nothing_was_set_aside(day: Day) -> None:
    assert day.look(lambda reader: reader.integrity(evolve)) == []
    assert day.look(lambda reader: (reader.inbox("dead", 10), reader.messages(state="dead"), reader.dead_timers(10))) == ([], [], [])


def test_the_timeline_names_ticket_and_rule_with_file_and_line(day: Day, tickets: list[Any]) -> None:
    for one in tickets:
        assert one.number in day.printed
    places = set(re.findall(r"\(([\w/]+\.yaml):(\d+)\)", day.printed))
    assert {name for name, _ in places} >= {"sla.yaml", "routing.yaml", "intake.yaml", "scripts.yaml", "survey.yaml"}
    for name, line in places:
        text = (day.directory / "policies" / name).read_text(encoding="utf-8").splitlines()
        assert 1 <= int(line) <= len(text)


def test_it_says_where_everything_lies(day: Day) -> None:
    for name in ("demo/var/engine.db", "demo/var/out", "demo/day.en.html", "demo/day.zh.html"):
        assert name in day.printed
        assert (day.directory.parent / name).exists()


def test_the_same_seed_plays_the_same_day(days: dict[str, Day]) -> None:
    first, again = days["first"], days["again"]
    assert first.printed == again.printed
    assert first.files() == again.files()
    assert first.look(told) == again.look(told)


def told(reader: Reader) -> list[Any]:
    numbers = [one.number for one in reader.tickets(TicketQuery(limit=10_000))]
    return [(number, reader.events(number), reader.content_of(number)) for number in sorted(numbers)]


def test_another_seed_plays_another_day(days: dict[str, Day]) -> None:
    first, other = days["first"], days["other"]
    assert first.printed != other.printed
    assert first.look(told) != other.look(told)
    assert Counter(map(len, first.look(told))) == Counter(map(len, other.look(told))), "of the same story"
