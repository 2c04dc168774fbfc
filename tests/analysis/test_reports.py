"""Reports as documents: what they say is what the figures are, of a past period always the same, and nobody is named."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from engine.analysis.kpi import measure
from engine.analysis.labels import CATALOGUE
from engine.analysis.reports import KINDS, period_of, report, writer
from engine.analysis.reports.period import Period, last, named
from engine.core.compiled import Policy
from engine.core.events import OutcomeRecorded
from engine.core.improvements import Evidence, Measured
from engine.core.kpis import REPORTS
from engine.core.team import Team
from engine.documents import Chart, Document, Section, Table
from engine.errors import UsageError
from engine.runtime.gather import World
from engine.store import AnswerRow, TicketQuery, open_store
from tests.analysis import seeded
from tests.analysis.conftest import MORNING, ZONE, Centre
from tests.analysis.seeded import LAST, SECRET, seed

LATER = LAST + timedelta(days=40)
PAST = (("month", "2026-03"), ("survey", "2026-03"), ("queue", "2026-03"), ("incident", "2026-03"), ("day", "2026-03-30"))
CHINESE = re.compile("[\u4e00-\u9fff]")


def opened(shipped: tuple[Policy, Team]) -> Centre:
    policy, team = shipped
    from random import Random

    return Centre(open_store("sqlite://:memory:"), World(policy, team, {"email": "email"}, ("email",), Random(7)), MORNING)


@pytest.fixture(scope="module")
def march(shipped: tuple[Policy, Team]) -> Iterator[Centre]:
    centre = opened(shipped)
    seed(centre)
    yield centre
    centre.store.close()


def made(centre: Centre, kind: str = "month", period: str = "2026-03", language: str = "en", now: datetime = LATER) -> Document:
    return report(centre.store, centre.policy, centre.team, kind, period_of(kind, period, now, ZONE), now, language)


def section(document: Document, title: str) -> Section:
    return next(one for one in document.sections if one.title == title)


def tables(one: Section) -> list[Table]:
    return [block for block in one.blocks if isinstance(block, Table)]


def charts(document: Document) -> dict[str, Chart]:
    return {block.title: block for one in document.sections for block in one.blocks if isinstance(block, Chart)}


def words(document: Document) -> str:
    return writer("md")(document).decode()


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026-02", date(2026, 2, 1), date(2026, 3, 1)),
        ("2025-12", date(2025, 12, 1), date(2026, 1, 1)),
        ("2026-W01", date(2025, 12, 29), date(2026, 1, 5)),
        ("2020-W53", date(2020, 12, 28), date(2021, 1, 4)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 3, 1)),
    ],
)
def test_a_period_is_a_month_a_week_of_iso_8601_or_a_day(text: str, first: date, after: date) -> None:
    found = named(text, ZONE)
    assert (found.first, found.after, found.name) == (first, after, text)
    assert found.since == datetime.combine(first, datetime.min.time(), ZoneInfo(ZONE))
    assert found.before().after == first
    assert found.before(-1).first == after


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-W54", "2026-1", "march", "2026-02-29", "2026-3-1", "9999-99", "9999-12", "0001-W01"]
)
def test_what_is_no_period_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is no period: write a month as 2026-10, a week as 2026-W41, or a day as 2026-10-15"):
        named(text, ZONE)


def test_without_a_period_a_report_is_of_the_last_one_that_has_ended() -> None:
    midnight = datetime(2026, 4, 1, tzinfo=ZoneInfo(ZONE))
    assert last("month", midnight, ZONE).name == "2026-03"
    assert last("month", midnight - timedelta(seconds=1), ZONE).name == "2026-02"
    assert period_of("week", None, datetime(2026, 4, 6, 8, tzinfo=ZoneInfo(ZONE)), ZONE).name == "2026-W14"
    assert period_of("day", None, datetime(2026, 4, 6, 8, tzinfo=ZoneInfo(ZONE)), ZONE).name == "2026-04-05"


def test_a_report_of_another_kind_of_period_or_of_the_future_is_refused() -> None:
    with pytest.raises(UsageError, match="of a month: write its period as 2026-10"):
        period_of("month", "2026-W10", LATER, ZONE)
    with pytest.raises(UsageError, match="of a week: write its period as 2026-W41"):
        period_of("week", "2026-10", LATER, ZONE)
    with pytest.raises(UsageError, match="of a day: write its period as 2026-10-15"):
        period_of("day", "2026-10", LATER, ZONE)
    with pytest.raises(UsageError, match="2026-10 has not begun"):
        period_of("agent", "2026-10", LATER, ZONE)


def test_there_is_a_report_of_each_kind_that_the_policy_language_knows() -> None:
    assert set(KINDS) == set(REPORTS)


@pytest.mark.parametrize("kind", REPORTS)
def test_each_report_speaks_both_languages_and_leaves_no_place_of_a_text_open(march: Centre, kind: str) -> None:
    period = {"week": "2026-W12", "day": "2026-03-12"}.get(kind, "2026-03")
    english, chinese = (words(made(march, kind, period, language)) for language in ("en", "zh"))
    assert CHINESE.search(chinese)
    assert not re.search(r"doc\\?\.|\{\w*\}", english + chinese)
    own = [one for key, text in CATALOGUE.items() if key.startswith("doc.") for one in [text["zh"]] if len(CHINESE.findall(one)) > 3]
    assert [one for one in own if one in english] == []


def test_the_sentences_hold_the_figures_of_the_kpis(march: Centre) -> None:
    document = made(march)
    with march.store.read() as reader:
        month = named("2026-03", ZONE)
        (sla,) = measure(reader, march.policy, ["sla_attainment"], [], month.since, month.until)
        (volume,) = measure(reader, march.policy, ["volume"], [], month.since, month.until)
        (csat,) = measure(reader, march.policy, ["csat"], [], month.since, month.until)
    assert sla.value is not None
    assert csat.value is not None
    assert len(document.summary) == 3
    assert f"{volume.n} needs of customers came in" in document.summary[0]
    assert f"{round(sla.value * sla.n)} of {sla.n} promises" in document.summary[0]
    assert f"{sla.value:.1%}" in document.summary[0]
    assert f"{csat.value:.1f} of 100 over {csat.n} scores" in document.summary[1]
    assert "of 2 measures verified, 1 worked" in document.summary[2]


def test_the_kpis_stand_beside_target_interval_and_the_month_before(march: Centre) -> None:
    (table,) = tables(section(made(march), "Results"))
    assert table.headings == ("KPI", "value", "95 % interval", "n", "target", "before", "change", "standing")
    row = next(row for row in table.rows if row[0].text == "SLA attainment")
    value, before, change = row[1].value, row[5].value, row[6].value
    assert value is not None
    assert before is not None
    assert change == pytest.approx(value - before)
    assert isinstance(change, float)
    assert row[6].text == f"{'▲' if change > 0 else '▼'} {100 * change:+.1f} points"
    assert row[4].text == "95.0%"


def test_charts_show_what_a_director_looks_for(march: Centre) -> None:
    drawn = charts(made(march))
    (driving,) = (drawn.pop(title) for title in list(drawn) if title.startswith("What drives “Overall satisfaction”"))
    assert driving.categories[0] == "How easy it is to deal with us"
    assert "(144 answers, " in driving.title
    assert {title: chart.shape for title, chart in drawn.items()} == {
        "SLA attainment": "trend",
        "Response on time": "trend",
        "CSAT": "trend",
        "Resolution rate": "trend",
        "SLA attainment by week: control chart": "control",
        "SLA attainment by tier": "bars",
        "Broken promises by deadline (Pareto)": "pareto",
        "Scores from 1 to 5": "shares",
        "Scores from 0 to 10": "shares",
        "Causes of low scores (Pareto)": "pareto",
    }
    tiers = drawn["SLA attainment by tier"]
    assert tiers.targets == (0.98, 0.95, 0.95, 0.95)  # the last is what is not graded: work of the house
    weeks = drawn["SLA attainment by week: control chart"]
    assert [low is not None for low in weeks.series[0].low].index(True) == 7  # of the eight weeks before, one had too few to be a point
    causes = drawn["Causes of low scores (Pareto)"]
    assert (causes.categories[0], causes.series[0].values, causes.series[1].values) == ("process", (2, 1, 1), (0.5, 0.75, 1.0))


def test_measures_say_whether_they_worked_and_the_plan_what_comes_next(march: Centre) -> None:
    document = made(march)
    (table,) = tables(section(document, "Measures and whether they worked"))
    assert [row[6].text for row in table.rows] == ["improved", "not shown to have improved", "–"]
    assert table.rows[0][5].text == "SLA attainment: 81.0% (n = 120) → 91.0% (n = 140)"
    (plan,) = tables(section(document, "What comes next"))
    assert "夜班增加一人" in [row[0].text for row in plan.rows]


def test_low_scores_are_told_without_anybody_who_could_be_found(march: Centre) -> None:
    said = words(made(march))
    low = said[said.index("## Low scores") : said.index("## Measures")]
    assert "没有告知维修进度" in low
    assert SECRET not in low
    assert not re.search(r"\d{8,}", low)
    for agent in march.team.agents.values():
        assert agent.name not in low


def test_of_fewer_than_five_answers_neither_scores_nor_details_are_shown(shipped: tuple[Policy, Team]) -> None:
    centre = opened(shipped)
    seed(centre, most=100, few=True)
    for kind in ("month", "survey"):
        document = made(centre, kind)
        said = words(document)
        assert "Fewer than five customers answered" in said
        assert "没有告知维修进度" not in said
        assert not [chart for chart in charts(document).values() if chart.shape == "shares"]
    centre.store.close()


def test_a_past_period_comes_out_the_same_whatever_happens_later(shipped: tuple[Policy, Team]) -> None:
    centre = opened(shipped)
    seed(centre, most=100)
    before = [writer("json")(made(centre, kind, period, language)) for kind, period in PAST for language in ("en", "zh")]
    centre.at(LAST + timedelta(days=2))
    number = centre.write("网络中断无法使用")
    centre.act(number, "contact", "电话联系")
    with centre.store.read() as reader:
        (outage,) = [one.number for one in reader.tickets(TicketQuery(kind="incident"))]
        measures = [one.number for one in reader.tickets(TicketQuery(kind="improvement"))]
    centre.act(number, "join", actor="qian", target=outage)
    centre.act(measures[0], "resolve", "完成", actor="zhou")
    with centre.store.write() as tx:
        for index in range(9):
            tx.keep_answer(AnswerRow(f"later{index}", "after-closure", "2026-04", {"speed": 1, "attitude": 1, "effect": 1}, ""))
    after = [writer("json")(made(centre, kind, period, language)) for kind, period in PAST for language in ("en", "zh")]
    assert before == after
    centre.store.close()


def test_a_period_that_still_runs_says_so(march: Centre) -> None:
    assert made(march, now=LAST - timedelta(days=3)).period == "March 2026, up to 2026-03-29 00:00"
    assert made(march, language="zh").period == "2026年3月"


def test_a_measure_that_was_looked_at_too_early_counts_as_not_verified(centre: Centre) -> None:
    number = seeded.measure(centre, "手册", "handbook", "sla_attainment", None, 14)
    improvement = centre.ticket(number).improvement
    assert improvement is not None
    assert improvement.aim is not None
    found = Evidence(improvement.aim, Measured(120, 0.8, 0.7, 0.9), Measured(140, 0.95, 0.9, 0.98), (0.1, 0.2))

    def last_sentence() -> str:
        return made(centre, period="2026-03", now=centre.now + timedelta(minutes=1)).summary[-1]

    centre.act(number, "verify", actor="zhou", evidence=found)
    assert "verified" not in last_sentence()
    centre.later(days=14)
    centre.act(number, "verify", actor="zhou", evidence=found)
    assert "of the one measure verified, 1 worked" in last_sentence()


def test_what_has_nothing_beside_it_has_no_empty_brackets_in_markdown(centre: Centre) -> None:
    centre.write("空调坏了")
    assert "- **受理量**: 1\n" in words(made(centre, period="2026-03", now=centre.now + timedelta(minutes=1), language="zh"))


def test_a_report_of_nothing_is_a_document_all_the_same(centre: Centre) -> None:
    for kind in REPORTS:
        period = {"week": "2026-W05", "day": "2026-02-05"}.get(kind, "2026-02")
        said = words(made(centre, kind, period, now=centre.now))
        assert said.startswith("# ")
        assert "None" not in said
        assert "nan" not in said


def test_what_people_wrote_is_nothing_but_text_in_markdown(shipped: tuple[Policy, Team]) -> None:
    from engine.core.signals import TicketRequested

    centre = opened(shipped)
    hostile = "| <script>alert(1)</script>\n# [x](http://evil.test) `\u202e"
    centre.handle(TicketRequested("incident", "tech_support", hostile, "email", "zh", actor="qian"))
    said = words(made(centre, "incident", now=centre.now + timedelta(days=1)))
    (line,) = [line for line in said.splitlines() if "evil" in line]
    assert "\\| \\<script\\>alert(1)\\</script\\> \\# \\[x\\](http://evil.test) \\`" in line
    assert "\u202e" not in said
    centre.store.close()


def test_json_says_what_each_block_is(march: Centre) -> None:
    plain = json.loads(writer("json")(made(march)))
    assert {block["block"] for one in plain["sections"] for block in one["blocks"]} == {"text", "table", "chart"}
    assert plain["name"] == "month-2026-03"


def test_a_period_knows_its_own_zone() -> None:
    assert Period("month", date(2026, 3, 1), date(2026, 4, 1), "Europe/Berlin").until.utcoffset() == timedelta(hours=2)


def on_the_day(centre: Centre, day: str = "2026-03-04", language: str = "en") -> Document:
    return made(centre, "day", day, language, centre.now + timedelta(seconds=1))


def rows(document: Document, title: str) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row) for table in tables(section(document, title)) for row in table.rows]


def test_a_day_says_which_promises_were_broken_and_which_are_overdue_and_whose_they_are(centre: Centre) -> None:
    slow = centre.write("空调坏了", sender="a@example.test")  # important: a first response within 30 minutes
    centre.later(minutes=10)
    waiting = centre.write("空调坏了", sender="b@example.test")
    centre.later(minutes=50)
    centre.act(slow, "contact", "已联系")
    centre.later(minutes=5)
    owner = {number: centre.team.agents[centre.ticket(number).assignee or ""].name for number in (slow, waiting)}
    about = ("first response", "important", "After-sales")
    document = on_the_day(centre)
    assert rows(document, "Broken and overdue promises") == [
        (waiting, *about, owner[waiting], "2026-03-04 10:40", "25 min", "1", "overdue"),
        (slow, *about, owner[slow], "2026-03-04 10:30", "30 min", "2", "done"),
    ]
    assert document.period == "Wednesday, 4 March 2026, up to 2026-03-04 11:05"
    assert document.summary[-1] == "Open at the end of the day: 2, of which nobody holds 0. Overdue promises: 1."
    assert on_the_day(centre, language="zh").period == "2026年3月4日（星期三）（截至 2026-03-04 11:05）"


def test_what_was_broken_on_a_day_before_stands_in_a_day_only_while_it_is_overdue(centre: Centre) -> None:
    numbers = [centre.write("空调坏了", sender=f"{who}@example.test") for who in "ab"]
    centre.later(hours=1)
    centre.act(numbers[0], "contact", "已联系")
    centre.later(days=1)
    missed = {row[:2] for row in rows(on_the_day(centre, "2026-03-05"), "Broken and overdue promises")}
    assert (numbers[1], "first response") in missed
    assert (numbers[0], "first response") not in missed


def test_a_promise_that_was_broken_stays_in_its_day_though_its_clock_was_met_paused_or_started_anew_later(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.later(hours=8)  # the progress update was due after 4 working hours, and the system's own message started it anew
    late = [row for row in rows(on_the_day(centre), "Broken and overdue promises") if row[1] == "progress update"]
    assert [(row[0], row[6], row[8]) for row in late] == [(number, "less than 1 min", "done")]


def test_as_many_promises_are_said_to_be_broken_on_a_day_as_its_figures_say(centre: Centre) -> None:
    happy = centre.write("空调坏了", sender="a@example.test")
    outage = centre.write("系统宕机了", sender="b@example.test")
    centre.solve(happy)
    centre.later(hours=13)
    document = on_the_day(centre)
    assert {row[0] for row in rows(document, "Broken and overdue promises")} == {outage}
    assert len(rows(document, "Broken and overdue promises")) == sum(int(row[2]) for row in rows(document, "Promises"))


def test_a_day_without_a_broken_promise_says_so(centre: Centre) -> None:
    assert section(on_the_day(centre), "Broken and overdue promises").blocks == ("No promise was broken, and none was overdue at the end.",)


def test_what_came_in_on_a_day_stands_by_its_hours_kinds_and_channels(centre: Centre) -> None:
    centre.write("投诉!空调坏了")
    centre.write("有一个建议", sender="b@example.test")
    document = on_the_day(centre)
    drawn = {block.title: block for block in section(document, "What came in").blocks if isinstance(block, Chart)}
    assert {title: chart.shape for title, chart in drawn.items()} == {
        "By hour of the day": "trend",
        "By kind": "pareto",
        "By channel": "pareto",
    }
    assert [hour for hour, count in enumerate(drawn["By hour of the day"].series[0].values) if count] == [10]
    assert drawn["By channel"].categories == ("e-mail",)


def test_a_trend_has_neither_point_nor_band_where_there_was_too_little_to_judge_by(march: Centre) -> None:
    assert "SLA attainment" not in charts(made(march, "day", "2026-03-31")), "no day has the 20 promises that the policy wants"
    kpis = march.policy.reports.kpis
    fewer = {**kpis, "sla_attainment": replace(kpis["sla_attainment"], minimum_n=12)}
    policy = replace(march.policy, reports=replace(march.policy.reports, kpis=fewer))
    drawn = charts(report(march.store, policy, march.team, "day", named("2026-03-31", ZONE), LATER, "en"))["SLA attainment"]
    with march.store.read() as reader:
        found = measure(reader, march.policy, ["sla_attainment"], ["day"], LAST - timedelta(days=20), LAST)
    enough = [one.group[0] for one in found if one.n >= 12]
    (line,) = drawn.series
    shown = [day in enough for day in drawn.categories]
    assert {True, False} == set(shown)
    assert [value is not None for value in line.values] == [low is not None for low in line.low] == shown


def test_who_holds_what_at_the_end_of_a_day_is_said_of_everybody_and_of_nobody(centre: Centre) -> None:
    held = centre.write("空调坏了")
    centre.later(hours=13)
    centre.write("请问几点营业", sender="b@example.test")  # in the night, when nobody is there
    document = on_the_day(centre)
    owner = centre.team.agents[centre.ticket(held).assignee or ""].name
    assert (owner, "1") in [row[:2] for row in rows(document, "By agent")]
    assert "of which nobody holds 1" in document.summary[-1]


def test_of_a_day_nothing_is_said_of_low_scores_but_how_many_were_followed_up(march: Centre) -> None:
    with march.store.read() as reader:
        logs = [reader.events(one.number) for one in reader.tickets(TicketQuery(kind="follow_up", limit=100))]
    told = [kept.at for log in logs for kept in log if isinstance(kept.event, OutcomeRecorded)]
    assert told
    for day in {f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d}" for at in told}:
        assert len(section(made(march, "day", day), "Low scores").blocks) == 1


def test_a_promise_that_was_broken_after_its_ticket_had_ended_stands_in_the_day_too(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.act(number, "resolve", "已修好")
    centre.reply(number, "满意")
    centre.now += timedelta(hours=30)  # nobody fires a timer: the survey was to be sent within 24 hours
    assert [row[:2] for row in rows(on_the_day(centre, "2026-03-05"), "Broken and overdue promises")] == [(number, "sending the survey")]
