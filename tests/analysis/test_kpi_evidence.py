"""The figures on a measure: the KPI in both windows, and what can be said of the difference."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from engine.analysis.kpi import evidence
from engine.analysis.kpi.statistics import difference, mean_interval, wilson
from engine.core.compiled import Policy
from engine.core.decide.improvements import judge
from engine.core.improvements import Aim, Measured
from engine.core.team import Team
from engine.store import AnswerRow, FactRow, Store, open_store
from tests.analysis.counted import START, put
from tests.support.counts import scaled

DAY = timedelta(days=1)
MIDDLE, END = START + 30 * DAY, START + 60 * DAY
WINDOWS = ((START, MIDDLE), (MIDDLE, END))


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite://:memory:")
    yield opened
    opened.close()


def closed(kind: str, confirmed: int, objected: int, since: datetime) -> list[FactRow]:
    outcomes = ["confirmed"] * confirmed + ["objected"] * objected
    return [FactRow("closed", since + timedelta(minutes=minute), kind=kind, outcome=outcome) for minute, outcome in enumerate(outcomes)]


def test_a_share_is_compared_by_its_scope_with_newcombes_interval(store: Store, shipped: tuple[Policy, Team]) -> None:
    policy, _ = shipped
    put(store, [*closed("complaint", 60, 40, START), *closed("complaint", 80, 20, MIDDLE), *closed("inquiry", 1, 99, MIDDLE)])
    aim = Aim("needs_met", *WINDOWS, {"kind": "complaint"})
    with store.read() as reader:
        found = evidence(reader, policy, aim)
    before, after = wilson(60, 100), wilson(80, 100)
    assert before is not None
    assert after is not None
    assert (found.before, found.after) == (Measured(100, 0.6, *before), Measured(100, 0.8, *after))
    assert found.difference == difference((0.6, before), (0.8, after))
    assert judge(found, 1, END) == "improved"


def test_where_there_is_nothing_nothing_is_said(store: Store, shipped: tuple[Policy, Team]) -> None:
    policy, _ = shipped
    put(store, closed("complaint", 60, 40, START))
    with store.read() as reader:
        found = evidence(reader, policy, Aim("needs_met", *WINDOWS, {"kind": "complaint"}))
    assert (found.after, found.difference) == (Measured(0, None), None)
    assert judge(found, 1, END) == "too_early"


def handled(since: datetime, days: int, hours: float, chance: random.Random) -> list[FactRow]:
    return [
        FactRow(
            "resolved", since + day * DAY + timedelta(hours=ticket), kind="inquiry", value=timedelta(hours=hours * chance.uniform(0.5, 1.5))
        )
        for day in range(days)
        for ticket in range(3)
    ]


def test_a_duration_has_the_spread_of_its_days(store: Store, shipped: tuple[Policy, Team]) -> None:
    policy, _ = shipped
    chance = random.Random(6)
    rows = [*handled(START, 20, 10, chance), *handled(MIDDLE, 20, 4, chance)]
    put(store, rows)
    with store.read() as reader:
        found = evidence(reader, policy, Aim("mttr", *WINDOWS))
    hours = [row.value.total_seconds() for row in rows[:60] if row.value is not None]
    spread = mean_interval([sum(hours[day * 3 : day * 3 + 3]) / 3 for day in range(20)])
    assert spread is not None
    assert found.before.n == 60
    assert found.before.value == pytest.approx(sum(hours) / 60)
    assert (found.before.low, found.before.high) == pytest.approx(spread)
    assert found.difference is not None
    assert found.difference[1] < 0
    assert judge(found, 1, END) == "improved"


def test_of_a_week_no_spread_is_known(store: Store, shipped: tuple[Policy, Team]) -> None:
    policy, _ = shipped
    put(store, handled(START, 7, 10, random.Random(6)))
    with store.read() as reader:
        found = evidence(reader, policy, Aim("mttr", *WINDOWS))
    assert (found.before.n, found.before.low, found.before.high, found.difference) == (21, None, None, None)


def test_answers_are_compared_by_whole_months(store: Store, shipped: tuple[Policy, Team]) -> None:
    policy, _ = shipped
    ids = count()
    with store.write() as tx:
        for month, score, many in (("2026-03", 3, 40), ("2026-04", 5, 40)):
            for _ in range(many):
                tx.keep_answer(AnswerRow(f"{next(ids):04}", policy.surveys[0].id, month, {"speed": score}, ""))
    march, april, may = (datetime(2026, month, 1, tzinfo=UTC) - timedelta(hours=8) for month in (3, 4, 5))
    aim = Aim("csat", (march, april), (april, may), {"question": "speed"})
    with store.read() as reader:
        found = evidence(reader, policy, aim)
        assert (found.before.n, found.before.value, found.after.value) == (40, 60.0, 100.0)
        assert judge(found, 1, may) == "improved"


def test_where_nothing_changed_an_improvement_is_seldom_seen(shipped: tuple[Policy, Team], seed: int) -> None:
    """In one of forty, the better side of 95 %; six standard errors more are left to chance."""
    policy, _ = shipped
    chance, seen, times = random.Random(seed), 0, scaled(1000, least=40)
    for _ in range(times):
        store = open_store("sqlite://:memory:")
        good = [sum(chance.random() < 0.7 for _ in range(80)) for _ in WINDOWS]
        put(store, [row for many, (since, _) in zip(good, WINDOWS, strict=True) for row in closed("complaint", many, 80 - many, since)])
        with store.read() as reader:
            seen += judge(evidence(reader, policy, Aim("needs_met", *WINDOWS)), 1, END) == "improved"
        store.close()
    assert seen <= times * 0.025 + 6 * (times * 0.025 * 0.975) ** 0.5
