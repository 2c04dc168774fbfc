"""What the database sums up is what counting one by one gives, by anything a KPI can be split by, on either database."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from engine.analysis.kpi import check, measure, splittable
from engine.analysis.kpi.statistics import p_chart, wilson
from engine.core.compiled import Policy
from engine.core.conditions import Source
from engine.core.kpis import KPIS, Goal, KpiPolicy, Reports
from engine.core.team import Team
from engine.errors import UsageError
from engine.store import FactRow, Store, open_store
from tests.analysis.counted import END, START, counting, figure, figures, put
from tests.support.counts import scaled

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ZONE = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 20, 23, 0, tzinfo=UTC)  # the clocks go forward on the 29th
HERE = Source("reports.yaml", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    url = "sqlite://:memory:" if request.param == "sqlite" else request.getfixturevalue("database")
    opened = open_store(url)
    yield opened
    opened.close()


def wanted(kpi: str, **settings) -> KpiPolicy:
    return KpiPolicy(kpi, HERE, settings.pop("goal", None), **settings)


def some_facts(chance: random.Random, count: int) -> list[FactRow]:
    return [
        FactRow(
            "deadline",
            SPRING + timedelta(seconds=chance.randrange(30 * 86400)),
            kind=chance.choice(["complaint", "inquiry"]),
            tier=chance.choice(["urgent", "general", None]),
            channel=chance.choice(["email", "sms"]),
            queue=chance.choice(["front_desk", "tech_support"]),
            agent=chance.choice(["wang", "qian", None]),
            segment=chance.choice(["vip", None]),
            subject=chance.choice(["response", "plan", "confirmation"]),
            outcome=chance.choice(["met", "met", "breached"]),
        )
        for _ in range(count)
    ]


def one_by_one(fact: FactRow, dimension: str) -> str:
    """What a fact belongs to, by what a person would say."""
    local = fact.at.astimezone(ZONE)
    match dimension:
        case "day" | "month" | "hour" | "week":
            return local.strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%H", "week": "%G-W%V"}[dimension])
        case "deadline":
            return fact.subject or ""
    return getattr(fact, dimension) or ""


def test_every_split_is_what_counting_one_by_one_gives(store: Store, shipped: tuple[Policy, Team], seed: int) -> None:
    chance = random.Random(seed)
    policy = replace(shipped[0], company=replace(shipped[0].company, timezone="Europe/Berlin"))
    facts = some_facts(chance, 400)
    put(store, facts)
    until = SPRING + 25 * DAY
    counted = [fact for fact in facts if fact.at < until and fact.subject != "confirmation"]
    dimensions = list(KPIS["sla_attainment"].dimensions)
    for _ in range(scaled(200)):
        by = chance.sample(dimensions, chance.randint(0, 3))
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for fact in counted:
            groups[tuple(one_by_one(fact, name) for name in by)].append(fact.outcome == "met")
        found = figures(store, policy, "sla_attainment", by, SPRING, until)
        assert {group: (one.n, one.value) for group, one in found.items()} == {
            group: (len(met), sum(met) / len(met)) for group, met in groups.items()
        }, by
        assert all(one.interval == wilson(sum(groups[group]), one.n) for group, one in found.items())


def test_a_stock_is_what_came_in_and_has_not_gone_out_at_the_end_of_each_day(store: Store, shipped: tuple[Policy, Team], seed: int) -> None:
    chance = random.Random(seed)
    spells = []
    for _ in range(60):
        opened = START + timedelta(seconds=chance.randrange(-20 * 86400, 20 * 86400))
        spells.append((opened, opened + timedelta(seconds=chance.randrange(1, 15 * 86400)), chance.choice(["wang", "qian"])))
    age = {opened: opened - datetime.fromtimestamp(0, UTC) for opened, *_ in spells}
    put(store, [FactRow("load", at, agent=who, outcome=way, value=age[a]) for a, b, who in spells for at, way in ((a, "in"), (b, "out"))])
    for name, by in (("backlog", ["day"]), ("backlog", ["agent"]), ("backlog_age", ["agent", "day"]), ("backlog_age", [])):
        for group, one in figures(store, shipped[0], name, by, START, START + 6 * DAY + HOUR).items():
            place = dict(zip(by, group, strict=True))
            day = datetime.fromisoformat(place.get("day", "2026-03-08")).replace(tzinfo=ZoneInfo("Asia/Shanghai")) + DAY
            at = min(day, START + 6 * DAY + HOUR)
            still = [at - a for a, b, who in spells if a < at <= b and who == place.get("agent", who)]
            assert one.n == len(still)
            if name == "backlog_age":
                assert one.value == (pytest.approx(sum(still, timedelta(0)).total_seconds() / len(still)) if still else None)


def test_readers_that_ask_at_once_find_what_one_does(tmp_path: Path, shipped: tuple[Policy, Team], seed: int) -> None:
    store, chance = open_store(f"sqlite:///{tmp_path / 'facts.db'}"), random.Random(seed)
    again = [replace(one, name=name, customer="C1") for name in ("resolved", "closed", "opened") for one in some_facts(chance, 30)]
    put(store, [*some_facts(chance, 60), *again, *(replace(one, name="load", outcome="in", value=DAY) for one in some_facts(chance, 9))])
    with store.read() as reader:
        for by in ([], ["tier"], ["week"]):
            about = [name for name in splittable(by) if name != "nps"], by, SPRING, SPRING + 30 * DAY
            assert measure(reader, shipped[0], *about, store) == measure(reader, shipped[0], *about)
    store.close()


def test_a_matter_comes_up_again_with_the_same_customer_and_kind_only_and_by_the_end_of_the_window(
    store: Store, shipped: tuple[Policy, Team]
) -> None:
    policy = counting(shipped[0], recurrence=wanted("recurrence", window=7 * DAY))
    closed = FactRow("closed", START, kind="complaint", customer="7", outcome="confirmed")
    again = [
        ("a", FactRow("opened", START + 8 * DAY, kind="complaint", customer="7")),
        ("b", FactRow("opened", START + DAY, kind="inquiry", customer="7")),
        ("c", FactRow("opened", START + DAY, kind="complaint", customer="8")),
        ("d", FactRow("opened", START + DAY, kind="complaint")),
    ]
    put(store, [closed, FactRow("closed", END - 6 * DAY, kind="complaint", customer="7", outcome="confirmed"), *again])
    assert (figure(store, policy, "recurrence").n, figure(store, policy, "recurrence").value) == (1, 0)
    put(store, [("e", FactRow("opened", START + 7 * DAY, kind="complaint", customer="7"))])
    assert figure(store, policy, "recurrence").value == 1


def test_each_week_has_the_control_limits_of_the_weeks_before_it(store: Store, shipped: tuple[Policy, Team]) -> None:
    weeks = [(6, 10), (7, 10), (8, 10), (7, 9), (6, 8), (9, 10), (8, 10), (7, 10), (1, 10)]
    put(
        store,
        [
            FactRow("deadline", START + timedelta(weeks=number), subject="plan", outcome="met" if index < met else "breached")
            for number, (met, n) in enumerate(weeks)
            for index in range(n)
        ],
    )
    found = list(figures(store, shipped[0], "sla_attainment", ["week"], START, START + timedelta(weeks=9)).values())
    assert [one.limits for one in found] == [None] * 8 + [p_chart(weeks[:8], 10)]
    assert found[8].limits is not None
    assert found[8].value is not None
    assert found[8].value < found[8].limits[0]


@pytest.mark.parametrize(
    ("met", "n", "standing", "significant"),
    [
        (95, 100, "met", False),
        (90, 100, "below_target", False),
        (78, 100, "flagged", False),
        (60, 100, "flagged", True),
        (1, 9, "few", False),
    ],
)
def test_a_figure_is_flagged_below_the_warning_and_significant_only_if_its_whole_interval_is(
    met: int, n: int, standing: str, significant: bool, shipped: tuple[Policy, Team]
) -> None:
    store = open_store("sqlite://:memory:")
    put(store, [FactRow("deadline", START, outcome="met" if index < met else "breached", subject="plan") for index in range(n)])
    policy = counting(shipped[0], sla_attainment=wanted("sla_attainment", goal=Goal(0.95, 0.8), minimum_n=10))
    found = figure(store, policy, "sla_attainment")
    assert (found.standing, found.significant) == (standing, significant)
    store.close()


def test_a_scope_has_its_own_target_and_what_is_lower_may_be_better(store: Store, shipped: tuple[Policy, Team]) -> None:
    put(store, [FactRow("response", START, tier=tier, value=20 * timedelta(minutes=1)) for tier in ("urgent", "general")])
    goal = wanted("response_time", goal=Goal(1800.0), scopes=(({"tier": "urgent"}, Goal(600.0, 900.0)),))
    found = figures(store, counting(shipped[0], response_time=goal), "response_time", ["tier"])
    assert {group: one.standing for group, one in found.items()} == {("urgent",): "flagged", ("general",): "met"}


def test_the_scorecard_is_the_weighted_mean_of_how_far_targets_were_reached(store: Store, shipped: tuple[Policy, Team]) -> None:
    """The example of the manual: 90 % of 95 % with weight 3, 2 hours of 4 with weight 1."""
    put(
        store,
        [
            *(FactRow("deadline", START, agent="wang", outcome="met" if index else "breached", subject="plan") for index in range(10)),
            FactRow("resolved", START, agent="wang", outcome="later", value=2 * HOUR),
            FactRow("resolved", START, agent="qian", outcome="later", value=8 * HOUR),
        ],
    )
    kpis = {"sla_attainment": wanted("sla_attainment", goal=Goal(0.95)), "mttr": wanted("mttr", goal=Goal(4 * 3600.0))}
    policy = replace(shipped[0], reports=Reports(kpis, {"sla_attainment": 0.75, "mttr": 0.25}))
    found = figures(store, policy, "scorecard", ["agent"])
    assert {group: round(one.value or 0, 1) for group, one in found.items()} == {("wang",): 96.1, ("qian",): 50.0}


def test_nothing_over_nothing_has_no_value(store: Store, shipped: tuple[Policy, Team]) -> None:
    put(store, [FactRow("call", START, subject="inbound", outcome="abandoned", value=HOUR)])
    policy = counting(shipped[0], service_level=wanted("service_level", way="ignore", within=HOUR))
    assert (figure(store, policy, "service_level").n, figure(store, policy, "service_level").value) == (0, None)


@pytest.mark.parametrize(
    ("names", "by", "message"),
    [
        (["sla"], [], "there is no KPI 'sla'; there are sla_attainment, "),
        (["csat"], ["agent"], r"csat cannot be split by agent \(answers hold no ticket, agent or exact time\)"),
        (["abandonment"], ["tier"], "abandonment cannot be split by tier; leave it out, or split it by hour"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(names: list[str], by: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(names, by)


def test_a_kpi_that_the_policy_does_not_settle_says_what_is_missing(store: Store, shipped: tuple[Policy, Team]) -> None:
    for name, setting in (("service_level", "within"), ("fcr", "window"), ("csat", "method"), ("response_on_time", "within")):
        with pytest.raises(UsageError, match=f"{name} needs `{setting}`.*reports.yaml"):
            figures(store, counting(shipped[0]), name)


def test_an_empty_period_is_refused(store: Store, shipped: tuple[Policy, Team]) -> None:
    with store.read() as reader, pytest.raises(UsageError, match="before it begins"):
        measure(reader, shipped[0], ["volume"], [], END, START)


@pytest.mark.parametrize(("by", "years"), [([], 100), (["tier"], 100), (["tier", "month"], 10)])
def test_a_period_too_long_to_be_counted_in_time_is_refused(store: Store, shipped: tuple[Policy, Team], by: list[str], years: int) -> None:
    with store.read() as reader:
        measure(reader, shipped[0], ["volume"], by, END - 365 * years * DAY, END)
        with pytest.raises(UsageError, match="the period is too long"):
            measure(reader, shipped[0], ["volume"], by, END - 367 * years * DAY, END)


def test_what_can_be_split_by_nothing_is_everything() -> None:
    assert splittable([]) == list(KPIS)
    assert splittable(["question", "tier"]) == []
