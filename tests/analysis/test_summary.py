"""What is counted in a period, and how it is shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.summary import Summary, summarise, summary_html
from engine.analysis.summary.history import history
from engine.analysis.summary.model import Attainment, QuestionScores
from engine.analysis.summary.page import MOST_TICKETS, busiest, chips, shares
from engine.core.signals import StepDraft
from engine.errors import UsageError
from engine.store import FeedbackRow
from tests.analysis.conftest import MORNING, ZONE, Centre
from tests.analysis.markup import Page

DAY = datetime(2026, 3, 4, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
COUNTS = st.integers(0, 10**6)


def of(centre: Centre, since: datetime = DAY, until: datetime | None = None) -> Summary:
    """The summary up to now, or to `until`."""
    until = until or centre.now + timedelta(seconds=1)
    with centre.store.read() as reader:
        return summarise(reader, centre.policy, centre.team, since, until, ZONE)


def by_deadline(summary: Summary) -> dict[str, tuple[int, int]]:
    return {one.key: (one.attainment.met, one.attainment.breached) for one in summary.promises.by_deadline}


@pytest.fixture
def empty(centre: Centre) -> Summary:
    return of(centre)


# --- attainment ---------------------------------------------------------------------------------------------------------------------


def test_without_promises_there_is_no_rate() -> None:
    assert Attainment().rate is None


@given(met=COUNTS, breached=COUNTS)
def test_a_rate_is_met_over_met_and_breached(met: int, breached: int) -> None:
    rate = Attainment(met, breached).rate
    if met + breached == 0:
        assert rate is None
    else:
        assert rate is not None
        assert 0 <= rate <= 1
        assert round(rate * (met + breached)) == met
        assert (rate == 1) == (breached == 0)


@given(st.lists(st.tuples(COUNTS, COUNTS)))
def test_attainments_add_up(parts: list[tuple[int, int]]) -> None:
    total = sum((Attainment(*part) for part in parts), Attainment())
    assert (total.met, total.breached) == (sum(met for met, _ in parts), sum(breached for _, breached in parts))
    assert total.due == total.met + total.breached


# --- promises -----------------------------------------------------------------------------------------------------------------------


def test_kept_and_broken_promises_are_counted_by_deadline(centre: Centre) -> None:
    prompt = centre.write("空调坏了", sender="a@example.test")  # important: response 30m, plan 4h
    slow = centre.write("空调坏了", sender="b@example.test")
    centre.later(minutes=10)
    centre.act(prompt, "contact", "已联系")
    centre.later(minutes=50)
    centre.act(slow, "contact", "已联系")
    summary = of(centre, until=centre.now + timedelta(seconds=1))
    assert by_deadline(summary) == {"response": (1, 1)}
    assert summary.promises.kept == summary.promises.response == Attainment(1, 1)
    assert [(one.key, one.attainment.rate) for one in summary.promises.response_by_tier] == [("important", 0.5)]
    assert summary.promises.mean_first_response == timedelta(minutes=35)
    (breach,) = summary.promises.breaches
    assert (breach.number, breach.deadline, breach.tier) == (slow, "response", "important")
    assert (breach.due, breach.late, breach.open) == (MORNING + timedelta(minutes=30), timedelta(minutes=30), False)


def test_what_is_open_and_overdue_is_breached_and_still_growing(centre: Centre) -> None:
    number = centre.write("空调坏了")
    summary = of(centre, until=MORNING + timedelta(minutes=45))  # nobody has looked at the clock yet
    (breach,) = summary.promises.breaches
    assert (breach.number, breach.late, breach.open) == (number, timedelta(minutes=15), True)
    assert by_deadline(summary) == {"response": (0, 1)}
    assert [load.overdue for load in summary.queues if load.open] == [1]


def test_a_promise_is_not_late_at_its_very_instant(centre: Centre) -> None:
    centre.write("空调坏了")
    due = MORNING + timedelta(minutes=30)
    assert of(centre, until=due).promises.kept.rate is None
    assert by_deadline(of(centre, since=due, until=due + timedelta(seconds=1))) == {"response": (0, 1)}


def test_every_promise_counts_in_exactly_one_of_consecutive_periods(centre: Centre) -> None:
    happy = centre.write("空调坏了", sender="a@example.test")
    centre.write("系统宕机了", sender="b@example.test")
    centre.solve(happy)
    centre.later(hours=30)
    whole = of(centre, MORNING, centre.now)
    edges = [MORNING + (centre.now - MORNING) * share / 40 for share in range(41)]
    parts = [of(centre, since, until) for since, until in pairwise(edges)]
    assert sum((part.promises.kept for part in parts), Attainment()) == whole.promises.kept
    assert sum(part.intake.needs for part in parts) == whole.intake.needs == 2
    assert sum(part.closing.confirmed for part in parts) == whole.closing.confirmed == 1
    assert whole.promises.kept.breached == 3  # response, plan and solution of the outage


def test_a_report_of_progress_keeps_the_promise_and_starts_the_next(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    for _ in range(3):
        centre.later(hours=1)
        centre.act(number, "progress", "配件在路上")
    assert by_deadline(of(centre))["progress"] == (3, 0)


def test_a_broken_promise_stays_on_record_when_its_clock_starts_again(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.later(hours=8)  # the progress update was due after 4 working hours, and the system's own message reset the clock
    assert by_deadline(of(centre))["progress"][1] == 1


def test_the_steps_of_a_plan_that_was_replaced_are_no_promises_any_more(centre: Centre) -> None:
    number = centre.write("空调坏了")
    for _ in range(2):
        centre.act(number, "plan", "换件", steps=(StepDraft("备件", "sun", centre.now + timedelta(hours=2)),))
        centre.later(minutes=10)
    centre.act(number, "done", target="1")
    assert by_deadline(of(centre))["plan_step"] == (1, 0)


def test_a_step_that_was_late_before_the_plan_was_replaced_is_broken(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "plan", "换件", steps=(StepDraft("备件", "sun", centre.now + timedelta(hours=2)),))
    centre.later(hours=3)
    centre.act(number, "plan", "换整机", steps=(StepDraft("整机", "sun", centre.now + timedelta(hours=2)),))
    centre.later(hours=1)
    centre.act(number, "done", target="1")
    assert by_deadline(of(centre))["plan_step"] == (1, 1)


def test_the_customers_own_time_to_answer_is_no_promise_of_the_house(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.act(number, "resolve", "已修好")
    centre.later(days=4)
    summary = of(centre, until=centre.now)
    assert centre.ticket(number).state == "unconfirmed"
    assert "confirmation" not in by_deadline(summary)
    assert (summary.closing.unconfirmed, summary.closing.confirmed) == (1, 0)


def test_the_first_response_is_counted_once_though_the_clock_runs_again_after_an_objection(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.act(number, "resolve", "已修好")
    centre.reply(number, "没解决")
    centre.later(minutes=5)
    centre.act(number, "contact", "再次联系")
    summary = of(centre)
    assert by_deadline(summary)["response"] == (2, 0)
    assert summary.promises.response == Attainment(1, 0)
    assert summary.closing.objections == 1


def test_a_ticket_that_was_not_there_yet_has_no_history(centre: Centre) -> None:
    number = centre.write("空调坏了")
    with centre.store.read() as reader:
        assert history(reader.events(number), MORNING) is None


# --- what came in, and how it stands -----------------------------------------------------------------------------------------------


def test_an_empty_period_counts_nothing_and_has_no_rates(empty: Summary) -> None:
    assert (empty.intake.needs, empty.intake.own_work, sum(empty.intake.hours)) == (0, 0, 0)
    assert (empty.promises.kept.rate, empty.promises.response.rate, empty.promises.mean_first_response) == (None, None, None)
    assert (empty.promises.by_deadline, empty.promises.breaches, empty.tickets) == ((), (), ())
    assert all(scores.counts == () and scores.mean is None for scores in empty.feedback.scores)


def test_a_period_that_ends_before_it_begins_is_refused(centre: Centre) -> None:
    with pytest.raises(UsageError, match=r"the period ends .* before it begins"):
        of(centre, DAY, DAY)


def test_needs_are_counted_apart_from_the_houses_own_work(centre: Centre) -> None:
    number = centre.write("投诉!空调坏了")
    centre.write("有一个建议", sender="b@example.test")
    centre.act(number, "task", "核对账单", target="lin", due=centre.now + timedelta(hours=8))
    intake = of(centre).intake
    assert (intake.needs, intake.own_work) == (2, 1)
    assert {one.key: one.count for one in intake.by_kind} == {"complaint": 1, "suggestion": 1, "task": 1}
    assert {one.key: one.count for one in intake.by_channel} == {"email": 2}
    assert [(one.key, one.count) for one in intake.by_tier] == [("important", 1), ("general", 1)]


def test_hours_are_those_of_the_local_day(centre: Centre) -> None:
    centre.write("你好")
    hours = of(centre).intake.hours
    assert len(hours) == 24
    assert busiest(hours) == [10]


def test_loads_show_everybody_even_without_work(centre: Centre) -> None:
    number = centre.write("空调坏了")
    loads = {load.key: (load.opened, load.ended, load.open) for load in of(centre).agents}
    assert set(loads) == set(centre.team.agents)
    assert loads[centre.ticket(number).assignee or ""] == (1, 0, 1)
    assert loads["zhou"] == (0, 0, 0)


def test_what_nobody_owns_stands_last(centre: Centre) -> None:
    centre.now += timedelta(hours=13)
    centre.write("请问几点营业")
    last = of(centre).agents[-1]
    assert (last.key, last.opened, last.open) == ("", 1, 1)


def test_a_period_looks_the_same_whenever_it_is_asked(centre: Centre) -> None:
    numbers = [centre.write("空调坏了", sender=f"{who}@example.test") for who in "abc"]
    centre.act(numbers[0], "contact", "已联系")
    centre.later(hours=2)
    until = centre.now
    then = of(centre, until=until)
    centre.later(minutes=1)
    centre.solve(numbers[0])
    centre.act(numbers[1], "close", "重复")
    centre.later(days=3)
    later = of(centre, until=until)
    assert replace(later, feedback=then.feedback) == then
    assert [line.state for line in then.tickets] == ["in_progress", "new", "new"]


def test_tickets_that_ended_before_the_period_are_not_listed_but_their_surveys_count(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.solve(number)
    centre.answer(number, "5 5 5")
    closed = centre.ticket(number).closed_at
    assert closed is not None
    summary = of(centre, since=closed + timedelta(minutes=1), until=centre.now + timedelta(seconds=1))
    assert summary.tickets == ()
    assert (summary.feedback.sent, summary.feedback.answered) == (1, 1)


def test_closures_by_a_person_and_reopenings_are_counted(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "close", "重复")
    centre.act(number, "reopen", "不是重复")
    closing = of(centre).closing
    assert (closing.closed_by_person, closing.reopened, closing.confirmed) == (1, 1, 0)


# --- surveys ------------------------------------------------------------------------------------------------------------------------


def surveyed(centre: Centre, answers: list[str]) -> Summary:
    numbers = [centre.write("空调坏了", sender=f"{who}@example.test") for who, _ in enumerate(answers)]
    for number in numbers:
        centre.act(number, "contact", "已联系")
        centre.act(number, "resolve", "已修好")
        centre.reply(number, "满意")
    centre.later(hours=25)
    for number, answer in zip(numbers, answers, strict=True):
        centre.reply(number, answer)
    centre.settle()
    return of(centre, until=centre.now + timedelta(seconds=1))


def test_scores_of_fewer_than_five_are_not_shown(centre: Centre) -> None:
    surveyed(centre, ["1 5 5", "4 4 2", "3 4 5", "1 2 1"])
    centre.later(hours=4)  # so long a low score waits for others
    summary = of(centre, until=centre.now + timedelta(seconds=1))
    about = [scores for scores in summary.feedback.scores if scores.survey == "after-closure"]
    assert [(scores.counts, scores.mean) for scores in about] == [(None, None)] * 3
    assert (summary.feedback.sent, summary.feedback.answered) == (4, 4)
    page = summary_html(summary, "zh")
    assert page.count("回答不足 5 份,为保护隐私不显示") == 3


def test_scores_of_five_are_shown_as_a_distribution(centre: Centre) -> None:
    summary = surveyed(centre, ["5 5 5", "4 4 4", "5 4 5", "1 2 1", "4 4 4"])
    speed = summary.feedback.scores[0]
    assert (speed.survey, speed.question) == ("after-closure", "speed")
    assert speed.counts == ((1, 1), (2, 0), (3, 0), (4, 2), (5, 2))
    assert (speed.answers, speed.mean) == (5, 3.8)
    assert (summary.feedback.follow_ups_opened, summary.feedback.follow_ups_open) == (1, 1)


def test_what_customers_said_elsewhere_is_counted_by_its_source(centre: Centre) -> None:
    day = centre.now.astimezone(ZoneInfo(ZONE)).date()
    said = [(day, "review"), (day, "review"), (day, "interview"), (day - timedelta(days=1), "other"), (day + timedelta(days=1), "other")]
    with centre.store.write() as tx:
        for number, (on, source) in enumerate(said):
            tx.keep_feedback(FeedbackRow(str(number), on, source, "好", None, None, None, centre.now, "zhou"))
    midnight = datetime.combine(day, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC)
    summary = of(centre, midnight, midnight + timedelta(days=1))
    assert [(one.key, one.count) for one in summary.feedback.by_source] == [("review", 2), ("interview", 1)]
    assert "点评" in summary_html(summary, "zh")


def test_scores_are_those_of_the_months_the_period_touches(centre: Centre) -> None:
    newyear = datetime(2027, 1, 1, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    assert of(centre, newyear - timedelta(days=40), newyear).feedback.months == ("2026-11", "2026-12")
    assert of(centre, newyear - timedelta(days=1), newyear + timedelta(hours=1)).feedback.months == ("2026-12", "2027-01")


@given(st.lists(st.integers(0, 50), min_size=2, max_size=11))
def test_shares_stand_beside_each_other_and_fill_the_bar(counts: list[int]) -> None:
    scores = QuestionScores("s", "q", tuple(enumerate(counts, 1)))
    parts = shares(scores) if sum(counts) else []
    assert sum(part.size for part in parts) == pytest.approx(1 if sum(counts) else 0)
    for before, after in pairwise(parts):
        assert after.start == pytest.approx(before.start + before.size)
    assert {part.colour for part in parts} <= {1, 2, 3, 4, 5}


# --- the page -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(centre: Centre) -> Summary:
    numbers = [centre.write("空调坏了", sender=f"{who}@example.test") for who in "abc"]
    centre.solve(numbers[0])
    centre.act(numbers[1], "hold", target="waiting_customer")
    centre.later(hours=1)
    return of(centre, until=centre.now)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["服务日报", "客户需求", "明远科技", "首次响应", "二级(重要)", "售后", "违约明细"]),
        (
            "en",
            ["Service summary", "Customers' needs", "Mingyuan Technology", "first response", "important", "After-sales", "Broken promises"],
        ),
    ],
)
def test_the_page_speaks_the_language(busy: Summary, language: str, words: list[str]) -> None:
    page = Page(summary_html(busy, language))
    assert [word for word in words if word not in page.text] == []


def test_the_page_is_self_contained_and_runs_nothing(busy: Summary) -> None:
    text = summary_html(busy, "zh")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_every_ticket_stands_on_the_page(busy: Summary) -> None:
    text = Page(summary_html(busy, "en")).text
    assert [line.number for line in busy.tickets if line.number not in text] == []


def test_an_empty_day_is_a_page_with_dashes_instead_of_rates(empty: Summary) -> None:
    text = Page(summary_html(empty, "en")).text
    assert "no promise was broken" in text
    assert "no tickets in this period" in text
    assert "0%" not in text
    assert "–" in text


def test_the_same_summary_gives_the_same_page(busy: Summary) -> None:
    assert summary_html(busy, "en") == summary_html(busy, "en")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "\u202egnp", "x" * 5000, "😀"]
)
def test_hostile_names_are_only_ever_read(busy: Summary, text: str) -> None:
    line = replace(busy.tickets[0], queue=text, assignee=text, tier=text, kind=text, state=text)
    breach = replace(busy.promises.breaches[0], queue=text, assignee=text, deadline=text)
    names = replace(busy.names, company={"zh": text}, agents=dict.fromkeys(busy.names.agents, text))
    hostile = replace(busy, names=names, tickets=(line,), promises=replace(busy.promises, breaches=(breach,)))
    page, harmless = Page(summary_html(hostile, "zh")), Page(summary_html(busy, "zh"))
    assert set(page.tags) <= set(harmless.tags)
    assert text.replace("\u202e", "") in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_rows_beyond_the_page_are_counted_not_hidden(busy: Summary) -> None:
    many = replace(
        busy,
        tickets=busy.tickets[:1] * (MOST_TICKETS + 7),
        promises=replace(busy.promises, breaches=busy.promises.breaches[:1] * (MOST_TICKETS + 3)),
    )
    text = Page(summary_html(many, "en")).text
    assert "not listed: 7" in text
    assert "not listed: 3" in text


def test_clocks_that_are_alike_share_a_chip(busy: Summary) -> None:
    line = busy.tickets[0]
    doubled = replace(line, clocks=(*line.clocks, *line.clocks))
    assert [(chip.kind, chip.count) for chip in chips(doubled)] == [(chip.kind, 2 * chip.count) for chip in chips(line)]


@pytest.mark.parametrize(
    ("met", "breached", "shown"), [(1, 0, "100%"), (0, 3, "0%"), (9999, 1, "99.9%"), (1, 9999, "0.1%"), (1, 2, "33.3%"), (1, 1, "50%")]
)
def test_only_all_is_a_hundred_per_cent_and_only_nothing_is_zero(busy: Summary, met: int, breached: int, shown: str) -> None:
    promises = replace(busy.promises, kept=Attainment(met, breached))
    assert f"Promises kept{shown}" in Page(summary_html(replace(busy, promises=promises), "en")).text.replace("\n", "")
