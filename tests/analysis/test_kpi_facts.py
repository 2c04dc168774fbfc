"""Facts: what the log of a ticket says, whenever it is asked, and as every run of its clocks says it too."""

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from engine.analysis.board import ticket_at
from engine.analysis.kpi import Figure, catch_up, measure, splittable
from engine.analysis.kpi.facts import BATCH, business_calendar, facts_of
from engine.analysis.kpi.measure import of_customers
from engine.analysis.reports.missed import Missed, missed
from engine.core import events as e
from engine.core.facts import CallFacts
from engine.core.improvements import Aim, Evidence, Improvement, Measured
from engine.core.quality import Review
from engine.core.signals import CallArrived, StepDraft, TicketRequested
from engine.runtime.gather import Origin
from engine.runtime.handle import handle
from engine.store import FactRow, StoredEvent, TicketQuery, open_store
from engine.store.sql.session import Session
from tests.analysis.conftest import MORNING, Centre
from tests.analysis.counted import figures, put
from tests.analysis.history import runs
from tests.policy.support import shipped_policy
from tests.store.samples import happen, open_ticket
from tests.support.counts import scaled

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def facts(centre: Centre, number: str, *names: str) -> list[FactRow]:
    with centre.store.read() as reader:
        return [fact for fact in facts_of(reader.events(number), None, business_calendar(centre.policy)) if fact.name in names]


def everything(centre: Centre, until: datetime) -> list[Figure]:
    catch_up(centre.store, centre.policy)
    found: list[Figure] = []
    with centre.store.read() as reader:
        for by in ([], ["day", "agent"], ["tier", "kind", "queue", "segment", "channel"]):
            found += measure(reader, centre.policy, splittable(by), by, MORNING - DAY, until)
    return found


def play(centre: Centre, chance: random.Random, steps: int) -> None:
    """Whatever may happen at a service centre, in any order."""
    for _ in range(steps):
        centre.later(minutes=chance.choice((1, 7, 45, 300)))
        number = chance.choice(centre.numbers) if centre.numbers else ""
        what = chance.choice(("write", "write", "contact", "resolve", "yes", "no", "hold", "assign", "plan", "close", "reopen", "again"))
        try:
            match what:
                case "write":
                    centre.write(
                        chance.choice(("网络中断无法使用", "请问营业时间", "我要投诉")), sender=f"c{chance.randrange(5)}@example.test"
                    )
                case "yes" | "no" | "again" if number:
                    centre.reply(number, {"yes": "满意", "no": "没有解决", "again": "请问什么时候好？"}[what])
                case "assign" if number:
                    centre.act(number, what, target=chance.choice(("wang", "qian", "tech_support")), actor="zhao")
                case _ if number:
                    centre.act(number, what, "说明", actor=chance.choice(("wang", "qian")))
        except AssertionError:  # what cannot be done now is refused, which counts for nothing
            continue


def logs(centre: Centre) -> list[list[StoredEvent]]:
    with centre.store.read() as reader:
        return [reader.events(one.number) for one in reader.tickets(TicketQuery(limit=100_000))]


def by_runs(centre: Centre, since: datetime, until: datetime) -> tuple[int, int]:
    """How many promises were kept or broken in a period, and how many of them kept, by the runs of clocks."""
    decided = [
        run
        for log in logs(centre)
        for run in runs(log, until)
        if run.clock.kind not in of_customers(centre.policy) and run.decided_at is not None and since <= run.decided_at < until
    ]
    return len(decided), sum(not run.breached for run in decided)


def all_missed(log: list[StoredEvent], until: datetime) -> list[Missed]:
    """What reports list of a ticket."""
    ticket = ticket_at(log, until)
    return list(missed(ticket, [one for one in log if one.at < until], until)) if ticket is not None else []


def kept(centre: Centre, since: datetime = MORNING - DAY, until: datetime | None = None) -> dict[str, tuple[int, int]]:
    """How many promises of each deadline were kept and broken, up to now or `until`."""
    catch_up(centre.store, centre.policy)
    with centre.store.read() as reader:
        found = measure(reader, centre.policy, ["sla_attainment"], ["deadline"], since, until or centre.now + timedelta(seconds=1))
    return {one.group[0]: (round(one.n * one.value), one.n - round(one.n * one.value)) for one in found if one.value is not None}


@pytest.mark.parametrize("run", range(scaled(30, least=2)))
def test_promises_are_counted_and_listed_as_the_runs_of_clocks_say_and_a_past_period_never_changes(
    centre: Centre, run: int, seed: int
) -> None:
    chance = random.Random(f"{seed}-{run}")
    play(centre, chance, 30)
    middle = centre.now + timedelta(seconds=1)
    before = everything(centre, middle)
    play(centre, chance, 30)
    centre.later(days=9)
    catch_up(centre.store, centre.policy)
    with centre.store.read() as reader:
        for since, until in ((MORNING - DAY, middle), (middle, centre.now)):
            due, met = by_runs(centre, since, until)
            counted = measure(reader, centre.policy, ["sla_attainment"], [], since, until)
            assert [(one.n, one.value) for one in counted] == ([(due, met / due)] if due else [])
        due, met = by_runs(centre, MORNING - DAY, centre.now)
        listed = [one for log in logs(centre) for one in all_missed(log, centre.now)]
        assert sum(one.kind not in of_customers(centre.policy) for one in listed) == due - met
    assert everything(centre, middle) == before


def test_kept_and_broken_promises_are_counted_by_deadline(centre: Centre) -> None:
    prompt = centre.write("空调坏了", sender="a@example.test")  # important: response 30m, plan 4h
    slow = centre.write("空调坏了", sender="b@example.test")
    centre.later(minutes=10)
    centre.act(prompt, "contact", "已联系")
    centre.later(minutes=50)
    centre.act(slow, "contact", "已联系")
    assert kept(centre) == {"response": (1, 1)}


def test_a_promise_is_not_late_at_its_very_instant(centre: Centre) -> None:
    centre.write("空调坏了")
    due = MORNING + timedelta(minutes=30)
    assert kept(centre, until=due) == {}
    assert kept(centre, due, due + timedelta(seconds=1)) == {"response": (0, 1)}


def test_every_promise_counts_in_exactly_one_of_consecutive_periods(centre: Centre) -> None:
    happy = centre.write("空调坏了", sender="a@example.test")
    centre.write("系统宕机了", sender="b@example.test")
    centre.solve(happy)
    centre.later(hours=30)
    whole = kept(centre, MORNING, centre.now)
    edges = [MORNING + (centre.now - MORNING) * share / 40 for share in range(41)]
    parts = [kept(centre, since, until) for since, until in pairwise(edges)]
    assert {name: tuple(sum(part.get(name, (0, 0))[side] for part in parts) for side in (0, 1)) for name in whole} == whole
    assert sum(broken for _, broken in whole.values()) == 3  # response, plan and solution of the outage


def test_a_broken_promise_stays_on_record_when_its_clock_starts_again(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.later(hours=8)  # the progress update was due after 4 working hours, and the system's own message reset the clock
    assert kept(centre)["progress"][1] == 1


@pytest.mark.parametrize(("hours", "counted"), [(1 / 6, (1, 0)), (3, (1, 1))])
def test_the_steps_of_a_plan_that_was_replaced_are_promises_only_if_they_were_late_by_then(
    centre: Centre, hours: float, counted: tuple[int, int]
) -> None:
    number = centre.write("空调坏了")
    for wait in (hours, 1):
        centre.act(number, "plan", "换件", steps=(StepDraft("备件", "sun", centre.now + timedelta(hours=2)),))
        centre.later(hours=wait)
    centre.act(number, "done", target="1")
    assert kept(centre)["plan_step"] == counted


def test_the_customers_own_time_to_answer_is_no_promise_of_the_house(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.act(number, "resolve", "已修好")
    centre.later(days=4)
    assert centre.ticket(number).state == "unconfirmed"
    assert "confirmation" not in kept(centre)


def test_erasing_customers_and_texts_changes_no_figure(centre: Centre, seed: int) -> None:
    play(centre, random.Random(seed), 60)
    before = everything(centre, centre.now)
    with centre.store.write() as tx:
        session: Session = vars(tx)["_session"]  # past the store, which cannot erase yet
        for table in ("content", "customer", "fact"):
            session.run(f"DELETE FROM {table}")
        session.run("UPDATE ticket SET facts_seq = 0")
    assert everything(centre, centre.now) == before


def test_an_opening_is_counted_with_the_tier_and_the_queue_that_it_got_at_once(centre: Centre) -> None:
    (opened,) = facts(centre, centre.write("网络中断无法使用"), "opened")
    assert (opened.kind, opened.tier, opened.queue, opened.agent) == ("inquiry", "urgent", "tech_support", "qian")
    assert opened.customer is not None


def test_a_way_round_is_counted_with_what_each_part_took(centre: Centre) -> None:
    number = centre.write("网络中断无法使用")
    centre.solve(number)
    found = facts(centre, number, "response", "resolved", "closed", "stay")
    assert [(one.name, one.subject, one.outcome, one.value) for one in found] == [
        ("stay", "new", None, 5 * MINUTE),
        ("response", None, None, 5 * MINUTE),
        ("stay", "in_progress", None, 10 * MINUTE),
        ("resolved", None, "first_contact", 15 * MINUTE),
        ("stay", "resolved", None, 5 * MINUTE),
        ("closed", None, "confirmed", 20 * MINUTE),
    ]
    assert {one.business for one in found if one.name in ("resolved", "closed")} == {15 * MINUTE, 20 * MINUTE}
    assert {one.again_at for one in found} == {None}


def test_business_time_leaves_the_night_out(centre: Centre) -> None:
    number = centre.write("请问营业时间")
    centre.later(days=1)
    centre.act(number, "contact", "电话联系")
    centre.act(number, "resolve", "已答复")
    (resolved,) = facts(centre, number, "resolved")
    assert resolved.value == DAY
    assert resolved.business is not None
    assert resolved.business < 13 * 60 * MINUTE


def test_an_objection_comes_up_again_and_a_yes_after_it_is_no_first_contact(centre: Centre) -> None:
    number = centre.write("网络中断无法使用")
    centre.act(number, "contact", "电话联系")
    centre.act(number, "resolve", "已修复")
    centre.later(minutes=5)
    centre.reply(number, "没有解决")
    at = centre.now
    centre.solve(number)
    first, second, closed = facts(centre, number, "resolved", "closed")
    assert (first.outcome, first.again_at) == ("first_contact", at)
    assert (second.outcome, second.again_at) == ("later", None)
    assert closed.outcome == "objected"


def test_the_work_goes_over_with_a_transfer(centre: Centre) -> None:
    number = centre.write("请问营业时间")
    centre.later(minutes=5)
    centre.act(number, "assign", target="tech_support", actor="zhao")
    found = facts(centre, number, "load", "transferred")
    assert next((one.subject, one.queue) for one in found if one.name == "transferred") == ("queue", "tech_support")
    assert [(one.outcome, one.queue) for one in found if one.name == "load"] == [
        ("in", "front_desk"),
        ("out", "front_desk"),
        ("in", "tech_support"),
    ]


def test_a_clock_that_still_runs_is_a_breach_when_it_is_due_and_not_before(centre: Centre) -> None:
    number = centre.write("网络中断无法使用")
    due = centre.ticket(number).deadlines["response"].due
    assert due is not None
    catch_up(centre.store, centre.policy)
    with centre.store.read() as reader:
        for until, count in ((due, 0), (due + MINUTE, 1)):
            found = measure(reader, centre.policy, ["sla_attainment"], ["deadline"], MORNING, until)
            assert sum(one.n for one in found if one.group == ("response",)) == count


def test_a_call_is_counted_also_where_it_opens_no_ticket(centre: Centre) -> None:
    for outcome, wait in (("answered", 12), ("abandoned", 3)):
        call = CallFacts("inbound", outcome, "hotline", timedelta(seconds=wait), timedelta(seconds=60))
        with centre.store.write() as tx:
            handle(tx, centre.world, CallArrived(None, "phone_log"), centre.now, Origin("sms", "+8613900000001", "", call))
    with centre.store.read() as reader:
        found = measure(reader, centre.policy, ["calls", "abandonment", "asa"], ["queue"], MORNING, MORNING + DAY)
    assert [(one.kpi, one.group, one.n, one.value) for one in found] == [
        ("calls", ("hotline",), 2, 2),
        ("abandonment", ("hotline",), 2, 0.5),
        ("asa", ("hotline",), 1, 12),
    ]


def test_facts_are_derived_once_and_again_only_where_something_happened() -> None:
    store = open_store("sqlite://:memory:")
    with store.write() as tx:
        tickets = [open_ticket(tx, kind="inquiry") for _ in range(BATCH + 1)]
    assert catch_up(store, shipped_policy()) == BATCH + 1
    assert catch_up(store, shipped_policy()) == 0
    with store.write() as tx:
        happen(tx, tickets[3], e.TierAssigned("urgent"))
    assert catch_up(store, shipped_policy()) == 1
    store.close()


def test_a_clock_started_anew_while_it_runs_was_met_by_what_started_it(centre: Centre) -> None:
    number = centre.write("网络中断无法使用")
    centre.later(minutes=5)
    centre.act(number, "contact", "电话联系")
    centre.later(minutes=5)
    centre.act(number, "progress", "正在处理")
    with centre.store.read() as reader:
        log: list[StoredEvent] = reader.events(number)
    started = [one.at for one in log if isinstance(one.event, e.DeadlineStarted) and one.event.id == "progress"]
    met = [one.at for one in facts(centre, number, "deadline") if (one.subject, one.outcome) == ("progress", "met")]
    assert met == started[1:]


def test_with_another_calendar_business_time_is_counted_anew(centre: Centre) -> None:
    number = centre.write("请问营业时间")
    centre.later(days=1)
    centre.act(number, "resolve", "已答复")
    kpis = centre.policy.reports.kpis

    def by(calendar: str) -> float | None:
        other = {**kpis, "mttr_business": replace(kpis["mttr_business"], calendar=calendar)}
        policy = replace(centre.policy, reports=replace(centre.policy.reports, kpis=other))
        catch_up(centre.store, policy)
        with centre.store.read() as reader:
            return measure(reader, policy, ["mttr_business"], [], MORNING, MORNING + 2 * DAY)[0].value

    assert [by("24x7"), by("cn_office"), by("24x7")] == [24 * 3600, 7.5 * 3600, 24 * 3600]


def test_a_promise_that_was_moved_to_an_instant_that_had_passed_is_broken_when_it_was_moved(centre: Centre) -> None:
    number = centre.write("请问营业时间")
    centre.later(minutes=50)
    before = everything(centre, centre.now)
    centre.act(number, "tier", "升级", target="urgent", actor="zhao")
    moved = centre.now
    centre.later(minutes=5)
    centre.act(number, "contact", "电话联系")
    assert [(one.at, one.outcome) for one in facts(centre, number, "deadline") if one.subject == "response"] == [(moved, "breached")]
    assert everything(centre, moved) == before


def verified(
    *verdicts: str, kpi: str = "needs_met", before: float | None = 0.6, after: float = 0.8, category: str | None = "training"
) -> list[FactRow]:
    """The facts of a measure that got these verdicts, one a day."""
    aim = Aim(kpi, (MORNING - DAY, MORNING), (MORNING, MORNING + DAY))
    evidence = Evidence(aim, Measured(100, before), Measured(100, after))
    told = [e.ImprovementVerified("zhou", verdict, evidence) for verdict in verdicts]
    log = [
        e.TicketOpened("202603040001", kind="improvement", channel="email", language="zh"),
        e.ImprovementPlanned("zhou", Improvement(category, (), aim)),
        *told,
    ]
    stored = [StoredEvent(seq, MORNING + seq * DAY, event, seq) for seq, event in enumerate(log, 1)]
    return [fact for fact in facts_of(stored, None, None) if fact.name in ("verified", "changed")]


def test_a_measure_that_was_verified_is_counted_with_its_category_and_by_how_much_it_helped() -> None:
    assert [(one.name, one.subject, one.outcome, one.value) for one in verified("improved")] == [
        ("verified", "training", "improved", None),
        ("changed", "training", "improved", timedelta(seconds=0.2)),
    ]


def test_the_first_verdict_on_a_measure_counts_and_what_came_too_early_is_none() -> None:
    assert [one.outcome for one in verified("too_early", "not_improved", "improved")] == ["not_improved"] * 2
    assert verified("too_early") == []


@pytest.mark.parametrize(
    ("kpi", "before", "after", "change"),
    [
        ("csat", 80.0, 90.0, 0.1),
        ("mttr", 7200.0, 3600.0, 0.5),
        ("recurrence", 0.05, 0.15, -0.1),
        ("transfers", 0.0, 1.0, None),
        ("mttr", None, 60.0, None),
    ],
)
def test_a_change_is_for_the_better_in_points_of_shares_and_scores_and_in_parts_of_all_else(
    kpi: str, before: float | None, after: float, change: float | None
) -> None:
    values = [one.value for one in verified("improved", kpi=kpi, before=before, after=after) if one.name == "changed"]
    assert values == ([] if change is None else [timedelta(seconds=change)])


def test_facts_of_an_earlier_definition_are_derived_anew(centre: Centre) -> None:
    centre.write("请问营业时间")
    catch_up(centre.store, centre.policy)
    assert catch_up(centre.store, centre.policy) == 0
    with centre.store.write() as tx:
        tx.set_meta("facts_calendar", "cn_office")
    assert catch_up(centre.store, centre.policy) == 1


def test_the_effect_of_training_is_that_of_measures_that_train(centre: Centre) -> None:
    put(centre.store, (("", fact) for fact in (*verified("improved"), *verified("not_improved", category="policy"))))
    by_category = {
        name: figures(centre.store, centre.policy, name, ("category",), MORNING, MORNING + 9 * DAY)
        for name in ("measures_improved", "measures_change")
    }
    assert {name: {group: one.value for group, one in found.items()} for name, found in by_category.items()} == {
        "measures_improved": {("training",): 1.0, ("policy",): 0.0},
        "measures_change": {("training",): pytest.approx(0.2), ("policy",): pytest.approx(0.2)},
    }


def answers(centre: Centre, number: str) -> list[tuple[str | None, str | None]]:
    return [(fact.subject, fact.outcome) for fact in facts(centre, number, "article")]


def test_an_answer_is_right_until_the_customer_objects_or_the_ticket_is_reopened(centre: Centre) -> None:
    right, wrong, later, again = (centre.write("请问发票怎么开", sender=f"c{n}@example.test") for n in range(4))
    for number in (right, wrong, later, again):
        centre.act(number, "article", target="invoice")
        centre.act(number, "resolve", "已答复")
    for number in (right, later):
        centre.reply(number, "满意")
    centre.reply(wrong, "没有解决")
    centre.act(wrong, "resolve", "已答复")
    centre.reply(wrong, "满意")
    centre.act(later, "reopen", "又来了")
    centre.act(again, "reopen", "还没好")
    centre.act(again, "article", target="contact-hours", channel="phone")
    centre.act(again, "resolve", "已答复")
    centre.reply(again, "满意")
    assert answers(centre, right) == [("invoice", "resolved"), ("invoice", "confirmed")]
    assert answers(centre, wrong) == [("invoice", "resolved"), ("invoice", "objected")]
    assert answers(centre, later) == [("invoice", "resolved"), ("invoice", "confirmed"), ("invoice", "reopened")]
    assert answers(centre, again) == [
        *((("invoice", one)) for one in ("resolved", "objected")),
        *(("contact-hours", one) for one in ("resolved", "confirmed")),
    ]
    catch_up(centre.store, centre.policy)
    with centre.store.read() as reader:
        by = {
            one.group: one.value
            for one in measure(reader, centre.policy, ["knowledge_accuracy"], ["article"], MORNING - DAY, centre.now + DAY)
        }
        (use,) = measure(reader, centre.policy, ["knowledge_use"], [], MORNING - DAY, centre.now + DAY)
    assert by == {("invoice",): 2 / 5, ("contact-hours",): 1}
    assert (use.n, use.value) == (6, 5 / 6)


def test_a_review_counts_for_whom_it_is_about_when_it_is_scored(centre: Centre) -> None:
    work = Review("wang", "202603040001", "inquiry", "general", "email", "front_desk")
    for points in (5, 3):
        request = TicketRequested("review", "supervisors", "质检", "email", "zh", assignee="li", actor="zhou", review=work)
        number = centre.handle(request).ticket
        assert number is not None
        centre.later(days=1)
        marks = {"greeting": points, "identity": 5, "calming": None, "correctness": 5, "closing": 5}
        centre.act(number, "score", actor="li", points=marks)
    catch_up(centre.store, centre.policy)
    with centre.store.read() as reader:
        (found,) = measure(reader, centre.policy, ["qa_score"], ["agent", "kind", "queue"], MORNING - DAY, centre.now + DAY)
    assert (found.group, found.n) == (("wang", "inquiry", "front_desk"), 2)
    assert found.value == pytest.approx(100 * (1 - 0.1 * 0.4 / 0.85 / 2))
