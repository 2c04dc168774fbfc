"""What is watched: an alert is raised, stands, and ends; whom it reaches and what it opens; words in both languages."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from engine.analysis.kpi import catch_up
from engine.analysis.kpi.watch import amount, changes, look, run_due
from engine.core.compiled import Policy
from engine.core.escalations import Recipient
from engine.core.events import ImprovementVerified, MessageQueued
from engine.core.improvements import Aim, Improvement
from engine.core.index import Rules
from engine.core.kpis import Watch
from engine.core.model import Ticket
from engine.core.signals import KpiWatched, TicketRequested
from engine.runtime import schedule
from engine.runtime.handle import handle
from engine.store import FactRow, TicketQuery
from tests.analysis.conftest import MORNING, ZONE, Centre
from tests.analysis.counted import put

WEEK = timedelta(days=7)


def watch_of(policy: Policy, id: str = "weekly-weak-spots", **changed) -> Watch:
    return replace(next(one for one in policy.reports.watches if one.id == id), **changed)


def clocks(centre: Centre, at: datetime, met: int, breached: int, kind: str = "complaint") -> None:
    """Facts of so many clocks that were met and not."""
    outcomes = ["met"] * met + ["breached"] * breached
    catch_up(centre.store, centre.policy)  # what is put in now stands beside what is derived
    put(centre.store, [FactRow("deadline", at, kind=kind, tier="general", queue="front_desk", outcome=o, subject="plan") for o in outcomes])


def tickets(centre: Centre, kind: str) -> list[Ticket]:
    with centre.store.read() as reader:
        return reader.tickets(TicketQuery(kind=kind))


def told(centre: Centre, number: str, script: str) -> dict[str, str]:
    """Whom a ticket sent a script, each with the id of its words."""
    with centre.store.read() as reader:
        log = [stored.event for stored in reader.events(number)]
    return {one.party: one.content for one in log if isinstance(one, MessageQueued) and one.script == script}


def said(centre: Centre, queued: dict[str, str]) -> dict[str, str]:
    """What people were told of an alert, without what stands before it."""
    with centre.store.read() as reader:
        texts = reader.contents(list(queued.values()))
    return {party: texts[content].partition(":" if "自动关闭" in texts[content] else ": ")[2] for party, content in queued.items()}


def looked(centre: Centre, watch: Watch | None = None) -> list[Ticket]:
    """The alerts, after a look at the watch."""
    look(centre.store, centre.world, watch or watch_of(centre.policy), centre.now, centre.now, hold=False)
    return tickets(centre, "alert")


def test_an_alert_is_raised_once_stands_and_ends_when_the_target_is_reached(centre: Centre) -> None:
    watch = watch_of(centre.policy, kpis=("sla_attainment",))
    clocks(centre, MORNING - timedelta(hours=1), met=10, breached=20)
    (alert,) = looked(centre, watch)
    assert (alert.kind, alert.queue, alert.state) == ("alert", "supervisors", "new")
    assert alert.alike == "kpi:weekly-weak-spots/sla_attainment/kind=complaint/tier=general/queue=front_desk"
    assert alert.deadlines["alert"].running
    (opened,) = tickets(centre, "improvement")
    assert opened.parent == alert.number
    assert opened.due == centre.now + timedelta(days=14)

    centre.later(days=1)
    assert [one.number for one in looked(centre, watch)] == [alert.number]
    centre.later(days=7)  # the bad days are no longer in the window, and there are too few to tell
    clocks(centre, centre.now - timedelta(hours=1), met=19, breached=0)
    assert looked(centre, watch)[0].state != "closed"
    clocks(centre, centre.now - timedelta(hours=1), met=1, breached=0)
    (ended,) = looked(centre, watch)
    assert ended.state == "closed"
    assert said(centre, told(centre, ended.number, "alert_ended")) == {
        "li": "SLA 达成率 (投诉, 三级(一般), 前台):100.0%(n = 20,目标 95.0%)"
    }

    centre.later(days=8)
    clocks(centre, centre.now - timedelta(hours=1), met=0, breached=20)
    assert {one.state for one in looked(centre, watch)} == {"closed", "new"}


def test_too_few_and_what_is_only_below_its_target_raise_none(centre: Centre) -> None:
    watch = watch_of(centre.policy, kpis=("sla_attainment",))
    clocks(centre, MORNING - timedelta(hours=1), met=0, breached=19)
    clocks(centre, MORNING - timedelta(hours=1), met=17, breached=3, kind="inquiry")
    assert looked(centre, watch) == []


def test_a_watch_for_what_is_significant_lets_chance_pass(centre: Centre) -> None:
    watch = watch_of(centre.policy, kpis=("sla_attainment",), alert=replace(watch_of(centre.policy).alert, significant=True))
    clocks(centre, MORNING - timedelta(hours=1), met=15, breached=5)
    assert looked(centre, watch) == []
    clocks(centre, MORNING - timedelta(hours=1), met=0, breached=30)
    assert len(looked(centre, watch)) == 1


def test_who_is_named_hears_of_it_in_words_that_say_the_figures(centre: Centre) -> None:
    clocks(centre, MORNING - timedelta(hours=1), met=10, breached=20)
    (alert,) = looked(centre)
    queued = told(centre, alert.number, "alert_raised")
    with centre.store.read() as reader:
        texts = reader.contents([alert.description or "", *queued.values()])
    assert list(queued) == ["li"]
    line = "SLA 达成率 (投诉, 三级(一般), 前台):33.3%(n = 30,目标 95.0%)"
    assert texts[alert.description or ""] == line
    assert line in texts[queued["li"]]
    with centre.store.read() as reader:
        assert list(changes(reader, centre.policy, watch_of(centre.policy), centre.now)) == []


def test_nobody_who_plans_anything_brings_it_to_the_manager(centre: Centre) -> None:
    clocks(centre, MORNING - timedelta(hours=1), met=10, breached=20)
    (alert,) = looked(centre)
    centre.later(days=7)
    assert centre.ticket(alert.number).deadlines["alert"].breached_at is not None
    assert "zhou" in told(centre, alert.number, "breach_notice")


def test_a_week_outside_its_control_limits_is_a_reason_of_its_own(centre: Centre) -> None:
    watch = watch_of(centre.policy, kpis=("sla_attainment",))
    for weeks in range(2, 10):
        clocks(centre, MORNING - weeks * WEEK, met=199, breached=1)
    clocks(centre, MORNING - WEEK, met=182, breached=18)  # 91 %: above its warning value, but so bad as no week before
    with centre.store.read() as reader:
        (change,) = changes(reader, centre.policy, watch, MORNING)
    assert change.standing == "below_target"
    assert change.week == 0.91
    assert change.limits is not None
    assert 0.97 < change.limits[0] < change.limits[1] == 1.0
    assert "control limits" in change.words["en"]
    assert "控制限" in change.words["zh"]
    assert len(looked(centre, watch)) == 1


def test_seven_weeks_before_give_no_control_limits(centre: Centre) -> None:
    for weeks in range(2, 9):
        clocks(centre, MORNING - weeks * WEEK, met=199, breached=1)
    clocks(centre, MORNING - WEEK, met=182, breached=18)
    assert looked(centre, watch_of(centre.policy, kpis=("sla_attainment",))) == []


def test_a_look_at_less_than_a_week_takes_no_control_limits(centre: Centre) -> None:
    for weeks in range(1, 10):
        clocks(centre, MORNING - weeks * WEEK, met=182 if weeks == 1 else 199, breached=18 if weeks == 1 else 1)
    assert looked(centre, watch_of(centre.policy, kpis=("sla_attainment",), window=timedelta(days=1))) == []


CHARGED = "我要投诉:重复扣款"


def complaints(centre: Centre, count: int, text: str = CHARGED) -> None:
    start = len(centre.numbers)
    for index in range(start, start + count):
        centre.write(text, sender=f"c{index}@example.test", kind="complaint")


def test_a_cluster_of_complaints_raises_one_alert_and_opens_a_workshop(centre: Centre) -> None:
    complaints(centre, 4)
    assert tickets(centre, "alert") == []
    complaints(centre, 1)
    (alert,) = tickets(centre, "alert")
    (workshop,) = tickets(centre, "improvement")
    assert (alert.alike, alert.queue) == ("complaints-of-charges", "supervisors")
    assert (workshop.queue, workshop.parent, workshop.due) == ("product", alert.number, centre.now + timedelta(days=10))
    with centre.store.read() as reader:
        texts = reader.contents([workshop.description or ""])
    assert texts[workshop.description or ""] == "根因分析会: 扣费投诉集中: 5/1d (0/28d)"
    assert set(told(centre, alert.number, "alert_raised")) == {"li", "zhou"}
    complaints(centre, 3)
    assert len(tickets(centre, "alert")) == len(tickets(centre, "improvement")) == 1
    assert {centre.ticket(number).incident for number in centre.numbers} == {None}


def test_the_alert_of_a_cluster_ends_when_no_more_come_than_usually(centre: Centre) -> None:
    complaints(centre, 5)
    centre.later(hours=20)
    complaints(centre, 6)
    centre.later(hours=5)  # a day after it was raised there are six within a day
    (alert,) = tickets(centre, "alert")
    assert alert.state != "closed"
    centre.later(hours=24)
    assert centre.ticket(alert.number).state == "closed"
    with centre.store.read() as reader:
        raised = reader.contents([alert.description or ""])[alert.description or ""]
    assert set(said(centre, told(centre, alert.number, "alert_ended")).values()) == {raised}
    assert told(centre, alert.number, "alert_ended").keys() == told(centre, alert.number, "alert_raised").keys()


def test_what_was_usual_before_is_no_cluster(centre: Centre) -> None:
    for _ in range(14):
        complaints(centre, 4)
        centre.now += timedelta(days=1)  # no timer needs to fire
    centre.now += timedelta(hours=1)
    complaints(centre, 6)  # of 2 a day, 2 + 3√2 = 6.2 are no surprise
    assert tickets(centre, "alert") == []
    complaints(centre, 1)
    assert len(tickets(centre, "alert")) == 1


def test_an_alert_that_a_person_closed_looks_no_more(centre: Centre) -> None:
    complaints(centre, 5)
    (alert,) = tickets(centre, "alert")
    centre.act(alert.number, "close", "误报", actor="li")
    with centre.store.read() as reader:
        assert [row for row in reader.due_timers(centre.now + timedelta(days=30), 1000) if row.key == "alert/look"] == []


def seen(centre: Centre, alert: str | None = None, **changed) -> KpiWatched:
    told = dict.fromkeys(("zh", "en"), "words")
    signal = KpiWatched(alert, "weekly-weak-spots", "csat", {}, "kpi:x", 9, 70.0, "flagged", False, told, (MORNING - WEEK, MORNING))
    return replace(signal, **changed)


def decided(centre: Centre, signal: KpiWatched) -> list[str]:
    with centre.store.write() as tx:
        outcome = handle(tx, centre.world, signal, centre.now)
    assert outcome.first.refused is None, outcome.first.refused
    return [why for reason in outcome.first.reasons for name, why in reason.values if name == "why"]


def refused(centre: Centre, signal: KpiWatched) -> str | None:
    with centre.store.write() as tx:
        return handle(tx, centre.world, signal, centre.now).first.refused


def among(centre: Centre, **changed) -> None:
    """Let the weekly watch do something else when it raises an alert."""
    watch = watch_of(centre.policy)
    watches = (replace(watch, alert=replace(watch.alert, **changed)),)
    policy = replace(centre.policy, reports=replace(centre.policy.reports, watches=watches))
    centre.world = replace(centre.world, policy=policy)


def test_a_decision_says_every_reason(centre: Centre) -> None:
    assert decided(centre, seen(centre, significant=True, week=1.0, limits=(2.0, 3.0))) == ["significant, control_limits"]
    assert decided(centre, seen(centre, week=2.5, limits=(2.0, 3.0))) == ["flagged"]
    late = seen(centre, kpi="response_time", standing="met", week=4.0, limits=(2.0, 3.0))
    assert decided(centre, late) == ["control_limits"]
    assert refused(centre, replace(late, week=1.0)) == "nothing has changed"
    assert refused(centre, seen(centre, standing="met")) == "nothing has changed"
    assert refused(centre, seen(centre, watch="gone")) == "the policy has no watch 'gone'"


def test_figures_are_said_in_their_unit() -> None:
    said = {kpi: amount(kpi, 90.25) for kpi in ("fcr", "mttr", "backlog", "transfers", "nps")}
    assert said == {"fcr": "9025.0%", "mttr": "1m 30s", "backlog": "90", "transfers": "90.25", "nps": "90.2"}
    assert amount("nps", None) == "–"


def test_an_alert_stands_while_there_is_a_reason(centre: Centre) -> None:
    decided(centre, seen(centre))
    (alert,) = tickets(centre, "alert")
    for standing in ("flagged", "below_target", "few"):
        assert refused(centre, seen(centre, alert.number, standing=standing)) == "nothing has changed"
    assert refused(centre, seen(centre, alert.number, standing="met", week=1.0, limits=(2.0, 3.0))) == "nothing has changed"
    assert decided(centre, seen(centre, alert.number, standing="met")) == [""]
    assert centre.ticket(alert.number).state == "closed"


def test_the_measure_is_to_move_the_figure_that_raised_the_alert(centre: Centre) -> None:
    decided(centre, seen(centre, group={"question": "speed", "month": "2026-03"}))
    (measure,) = tickets(centre, "improvement")
    (alert,) = tickets(centre, "alert")
    april, may = (datetime(2026, month, 1, tzinfo=ZoneInfo(ZONE)) for month in (4, 5))  # answers are kept by month
    assert measure.improvement == Improvement(
        sources=(alert.number,), aim=Aim("csat", (MORNING - WEEK, MORNING), (april, may), {"question": "speed"})
    )
    decided(centre, seen(centre, kpi="fcr", group={"kind": "inquiry"}, alike="kpi:y"))
    (other,) = [one.improvement for one in tickets(centre, "improvement") if one.number != measure.number]
    due = MORNING + timedelta(days=14)
    assert other is not None
    assert other.aim == Aim("fcr", (MORNING - WEEK, MORNING), (due, due + WEEK), {"kind": "inquiry"})


def test_what_an_alert_opens_and_says_is_policy(centre: Centre) -> None:
    opens = watch_of(centre.policy).alert.opens
    assert opens is not None
    among(centre, script=None, opens=replace(opens, kind="task", due=None))
    decided(centre, seen(centre))
    (task,), (alert,) = tickets(centre, "task"), tickets(centre, "alert")
    assert (task.due, task.improvement) == (None, None)
    assert told(centre, alert.number, "alert_raised") == {}
    among(centre, opens=None)
    decided(centre, seen(centre))
    assert len(tickets(centre, "task")) == 1


def test_a_stock_is_no_aim_of_a_measure(centre: Centre) -> None:
    decided(centre, seen(centre, kpi="backlog", value=90.0))
    (measure,) = tickets(centre, "improvement")
    assert measure.improvement is not None
    assert measure.improvement.aim is None


def test_a_recipient_who_is_nobody_of_the_team_is_left_out(centre: Centre) -> None:
    among(centre, to=(Recipient("gone"),))
    decided(centre, seen(centre))
    (alert,) = tickets(centre, "alert")
    assert "gone" not in told(centre, alert.number, "alert_raised")


def without_group(centre: Centre, baseline: timedelta | None, keep: bool = True) -> None:
    groups = [replace(one, baseline=baseline) if one.alert else one for one in centre.policy.groups if keep or not one.alert]
    centre.world = replace(centre.world, policy=replace(centre.policy, groups=Rules(groups)))


def test_without_a_baseline_the_minimum_alone_counts(centre: Centre) -> None:
    for _ in range(14):
        complaints(centre, 4)
        centre.now += timedelta(days=1)
    without_group(centre, None)
    complaints(centre, 5)
    assert len(tickets(centre, "alert")) == 1


def test_the_alert_of_a_cluster_that_the_policy_no_longer_has_ends(centre: Centre) -> None:
    complaints(centre, 5)
    without_group(centre, None, keep=False)
    centre.later(days=2)
    (alert,) = tickets(centre, "alert")
    assert alert.state == "closed"


def test_an_alert_whose_watch_is_gone_meanwhile_is_opened_and_does_nothing(centre: Centre) -> None:
    request = TicketRequested("alert", "supervisors", "x", "email", "zh", rule="gone", alike="kpi:gone")
    with centre.store.write() as tx:
        handle(tx, centre.world, request, centre.now)
    (alert,) = tickets(centre, "alert")
    assert told(centre, alert.number, "alert_raised") == {}


def measured(centre: Centre, since: timedelta, met: int, breached: int) -> str:
    """The number of a measure for complaints of the front desk, with so many clocks before; it is looked at for a week `since` now."""
    now = centre.now
    clocks(centre, now - timedelta(hours=1), met, breached)
    aim = Aim("sla_attainment", (now - WEEK, now), (now + since, now + since + WEEK), {"kind": "complaint"})
    request = TicketRequested("improvement", "front_desk", "早会分派", "email", "zh", actor="li", improvement=Improvement(aim=aim))
    number = centre.handle(request).ticket
    assert number is not None
    return number


def verdicts_by_cron(centre: Centre, number: str) -> list[str]:
    """Look by cron now, as the daemon does; return the verdicts on a measure so far."""
    run_due(centre.store, centre.world, centre.now, False)
    with centre.store.read() as reader:
        return [stored.event.verdict for stored in reader.events(number) if isinstance(stored.event, ImprovementVerified)]


def test_a_measure_that_was_carried_out_is_verified_by_cron_once_its_check_has_ended(centre: Centre) -> None:
    number = measured(centre, timedelta(days=2), met=10, breached=20)
    assert verdicts_by_cron(centre, number) == [], "the slot before anything ran is only taken"
    centre.later(days=3)
    clocks(centre, centre.now, met=30, breached=0)
    centre.act(number, "resolve", "已落实", actor="zhao")
    assert verdicts_by_cron(centre, number) == [], "the check is not over"
    centre.later(days=7)
    assert verdicts_by_cron(centre, number) == ["improved"]
    clocks(centre, centre.now - timedelta(days=3), met=0, breached=90)
    centre.later(days=1)
    assert verdicts_by_cron(centre, number) == ["improved"], "what was judged stays so"


def test_what_was_never_carried_out_is_not_verified_but_overdue(centre: Centre) -> None:
    number = measured(centre, timedelta(days=2), met=10, breached=20)
    verdicts_by_cron(centre, number)
    clocks(centre, centre.now + timedelta(days=3), met=30, breached=0)
    centre.later(days=40)
    assert verdicts_by_cron(centre, number) == []
    assert centre.ticket(number).deadlines["improvement"].breached_at is not None
    assert "zhou" in told(centre, number, "breach_notice")


def test_too_little_to_tell_is_said_once_and_looked_at_again(centre: Centre) -> None:
    number = measured(centre, timedelta(days=2), met=10, breached=20)
    centre.act(number, "resolve", "已落实", actor="zhao")
    verdicts_by_cron(centre, number)
    for _ in range(3):
        centre.later(days=10)
        assert verdicts_by_cron(centre, number) == ["too_early"]
    clocks(centre, MORNING + timedelta(days=3), met=20, breached=10)
    centre.later(days=1)
    assert verdicts_by_cron(centre, number) == ["too_early", "improved"]


def test_a_policy_without_verification_verifies_nothing_by_itself(centre: Centre) -> None:
    reports = replace(centre.policy.reports, verification=None)
    assert [one for one, _ in schedule.looks(replace(centre.policy, reports=reports))] == list(reports.watches)
    assert len(schedule.looks(centre.policy)) == len(reports.watches) + 1
