"""The survey: when it goes out, what is an answer, what a low score leads to, and that nobody who is rated learns of it."""

import sqlite3
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from engine.core import events as e
from engine.core.decide import decide
from engine.core.decide.surveys import send_at
from engine.core.facts import Contact, CustomerFacts
from engine.core.model import Ticket
from engine.core.signals import AgentActed, TicketRequested, TimerFired
from engine.store.codec import encode
from engine.store.rows import TicketQuery
from tests.core.worlds import DAY, HOUR, MAIL, PHONE, WEDNESDAY, House, an_agent, at, changed, facts, opened, shipped, team, with_agents

SURVEY = shipped().surveys[0]
REMARK = "希望夜里也有人接电话-7391"


def resolved_ticket() -> Ticket:
    ticket = opened("你好").ticket
    assert ticket is not None
    done = decide(ticket, AgentActed(ticket.number, "resolve", "zhao", "已处理"), facts(), shipped(), WEDNESDAY).ticket
    assert done is not None
    return done


def follow_ups(house: House) -> list[Ticket]:
    with house.store.read() as reader:
        return reader.tickets(TicketQuery(kind="follow_up"))


# ── when it goes out ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("03-04 10:00", "03-04 11:00"),
        ("03-04 19:59", "03-04 20:59"),
        ("03-04 20:00", "03-05 08:00"),
        ("03-04 23:30", "03-05 08:00"),
        ("03-05 05:00", "03-05 08:00"),
        ("03-05 07:00", "03-05 08:00"),
    ],
)
def test_it_goes_out_after_a_while_and_not_at_night(now: str, expected: str) -> None:
    assert send_at(SURVEY, at(now), "Asia/Shanghai") == at(expected)


@given(
    st.timedeltas(timedelta(0), 365 * DAY).map(lambda span: WEDNESDAY + span),
    st.timedeltas(timedelta(0), 40 * HOUR),
    st.one_of(st.none(), st.tuples(st.times(), st.times())),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
)
def test_it_is_never_later_than_the_policy_allows_nor_before_now(
    now: datetime, after: timedelta, quiet: tuple[time, time] | None, zone: str
) -> None:
    sent = send_at(replace(SURVEY, after=after, quiet=quiet), now, zone)
    assert min(now + after, now + SURVEY.within) <= sent <= now + SURVEY.within


def test_within_a_day_of_the_confirmation_the_customer_is_asked_on_a_channel_the_policy_names() -> None:
    house = House()
    number = house.surveyed()
    [invitation] = house.messages(number, script="survey_invitation")
    assert invitation.created_at - WEDNESDAY == HOUR
    assert "占用您2分钟" in house.words(invitation)
    assert "5=非常快" in house.words(invitation)
    text = House()
    number = text.sms("登录异常") or ""
    text.done(number, "resolve", text="已恢复")
    text.sms("Y")
    text.wait(2 * HOUR)
    [invitation] = text.messages(number, script="survey_invitation")
    assert (invitation.channel, len(text.words(invitation)) <= 70) == ("sms", True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"draw": 0.99}, "not_sampled"),
        ({"customer": CustomerFacts("C1", True, last_survey_at=WEDNESDAY - DAY)}, "too_soon"),
        ({"contact": Contact("", {"fax": "1"})}, "unreachable"),
        ({"contact": Contact("", {"email": MAIL}), "opted_out": frozenset({"email"})}, "opted_out"),
    ],
)
def test_who_is_not_to_be_asked_or_cannot_be_is_skipped_with_the_reason(change: dict[str, object], reason: str) -> None:
    policy = changed(("survey.yaml", "at_most_every: 0d ", "at_most_every: 30d "), ("survey.yaml", "sample: 100%", "sample: 90%"))
    confirm = AgentActed("202603040001", "confirm", "zhao")
    decision = decide(resolved_ticket(), confirm, facts(**change), policy, WEDNESDAY)
    assert [event.reason for event in decision.events if isinstance(event, e.SurveySkipped)] == [reason]
    assert decision.ticket is not None
    assert decision.ticket.survey is not None
    assert decision.ticket.survey.expired


@pytest.mark.parametrize("kind", ["task", "call_back", "follow_up"])
def test_work_of_the_house_and_unknown_customers_are_not_surveyed(kind: str) -> None:
    for ticket in (structs.replace(resolved_ticket(), kind=kind), structs.replace(resolved_ticket(), customer=None)):
        decision = decide(ticket, AgentActed(ticket.number, "confirm", "zhao"), facts(), shipped(), WEDNESDAY)
        assert not [event for event in decision.events if event.type.startswith("survey")]


def test_a_policy_without_surveys_asks_nobody() -> None:
    bare = replace(shipped(), surveys=())
    decision = decide(resolved_ticket(), AgentActed("202603040001", "confirm", "zhao"), facts(), bare, WEDNESDAY)
    assert not [event for event in decision.events if event.type.startswith("survey")]


def test_one_customer_is_asked_at_most_once_in_the_span() -> None:
    policy = changed(("survey.yaml", "at_most_every: 0d ", "at_most_every: 30d "))
    house = House(policy)
    house.surveyed()
    second = house.confirmed()
    assert house.names(second)[-1] == "survey_skipped"


def test_who_opts_out_between_scheduling_and_sending_is_not_asked() -> None:
    house = House()
    number = house.confirmed()
    house.mail("退订", number)
    house.wait(DAY)
    assert house.names(number)[-2:] == ["survey_skipped", "deadline_dropped"]
    assert house.scripts(number, "customer")[-1] == "opted_out"


def test_a_reminder_then_silence() -> None:
    house = House()
    number = house.surveyed()
    house.wait(4 * DAY)
    assert house.scripts(number, "customer")[-1] == "survey_reminder"
    house.wait(4 * DAY)
    assert house.names(number)[-1] == "survey_expired"
    assert house.timer_keys(number) == []
    house.mail("5 5 5", number)
    assert house.names(number)[-2] == "message_received"


def test_a_ticket_that_is_reopened_is_surveyed_anew_and_the_old_timers_do_nothing() -> None:
    house = House()
    number = house.surveyed()
    house.wait(6 * DAY)
    house.mail("没解决,又出现了", number)
    house.done(number, "resolve", text="再次处理")
    house.mail("Y", number)
    house.wait(2 * DAY)
    assert house.names(number)[-2:] == ["survey_sent", "deadline_stopped"]


def test_a_late_yes_to_a_ticket_that_was_surveyed_as_unconfirmed_asks_nothing_again() -> None:
    house = House(changed(("survey.yaml", "is: confirmed}", "in: [confirmed, unconfirmed]}")))
    number = house.resolved()
    house.wait(4 * DAY)
    house.mail("Y", number)
    house.wait(DAY)
    assert house.names(number).count("survey_sent") == 1


def test_timers_of_a_survey_that_is_over_or_unknown_do_nothing() -> None:
    ticket = resolved_ticket()
    confirmed = decide(ticket, AgentActed(ticket.number, "confirm", "zhao"), facts(), shipped(), WEDNESDAY).ticket
    assert confirmed is not None
    for key in ("survey/remind/0", "survey/expire", "survey/nonsense"):
        assert decide(confirmed, TimerFired(ticket.number, key, WEDNESDAY), facts(), shipped(), WEDNESDAY).events == ()
    gone = replace(shipped(), surveys=())
    assert decide(confirmed, TimerFired(ticket.number, "survey/send", WEDNESDAY), facts(), gone, WEDNESDAY).events == ()


def test_a_survey_without_a_script_for_an_occasion_stays_silent_on_it() -> None:
    silent = replace(shipped(), surveys=(replace(SURVEY, scripts={"invitation": "survey_invitation"}, quiet=None),))
    house = House(silent)
    number = house.surveyed()
    house.wait(4 * DAY)
    assert house.scripts(number, "customer")[-1] == "survey_invitation"
    house.mail("5 5 5", number)
    assert house.scripts(number, "customer")[-1] == "survey_invitation"
    assert house.names(number)[-1] == "survey_answered"


def test_no_reminder_is_due_after_the_survey_expired() -> None:
    short = replace(shipped(), surveys=(replace(SURVEY, expires=2 * DAY),))
    house = House(short)
    number = house.surveyed()
    assert house.timer_keys(number) == ["survey/expire"]


# ── what is an answer ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "low"), [("5 5 4 谢谢", False), ("1. 5\n2. 3\n3. 4", True), ("444", False), ("1 1 1", True)])
def test_an_answer_by_reply_is_kept_apart_and_a_low_score_opens_a_follow_up(text: str, low: bool) -> None:
    house = House()
    number = house.surveyed()
    house.mail(text, number)
    assert house.scripts(number, "customer")[-1] == "survey_thanks"
    house.mail("5 5 5", number)
    house.wait(4 * HOUR)
    assert len(follow_ups(house)) == low
    with house.store.read() as reader:
        kept, waiting = reader.answers(), [house.world.seal.open(row) for row in reader.waiting_answers()]
    [answer] = kept or waiting
    assert (len(kept), answer.survey, answer.month) == (low, "after-closure", "2026-03")


def test_an_answer_that_an_agent_heard_is_entered_by_them() -> None:
    house = House()
    number = house.surveyed()
    assert "no survey of this ticket" in str(house.act(number, "answer", "li", "very good").refused)
    house.done(number, "answer", "li", "5 5 4")
    assert house.log(number)[-2] == e.SurveyAnswered("after-closure", "li")
    assert "no survey" in str(house.act(number, "answer", "li", "5 5 4").refused)
    assert "no survey" in str(house.act(house.mail("你好", sender="b@example.test"), "answer", "li", "5 5 4").refused)


def test_scores_from_a_sender_who_is_not_proven_are_neither_counted_nor_shown_to_who_is_rated() -> None:
    house = House()
    number = house.surveyed()
    sent = house.messages(number, script="survey_invitation")[0]
    with house.store.write() as tx:
        tx.message_sent(sent.id, "<id@example.test>", house.now)
    before = house.log(number)
    house.mail("1 1 1 太差了", sender="forged@example.test", references=("<id@example.test>",))
    assert house.log(number) == before
    assert house.decisions(number)[-1].refused is not None
    with house.store.read() as reader:
        assert reader.answers() == []


def test_a_survey_of_free_text_only_has_no_lowest_score() -> None:
    free = replace(shipped(), surveys=(replace(SURVEY, questions=SURVEY.questions[3:]),))
    house = House(free)
    number = house.surveyed()
    house.mail("很满意", number)
    assert house.names(number)[-2] == "survey_answered"
    house.wait(4 * HOUR)
    assert follow_ups(house) == []


def test_an_answer_without_a_rule_for_low_scores_leads_to_nothing() -> None:
    house = House(replace(shipped(), surveys=(replace(SURVEY, low_score=None),)))
    number = house.surveyed()
    house.mail("1 1 1", number)
    house.wait(DAY)
    assert follow_ups(house) == []


# ── confidential ────────────────────────────────────────────────────────────────────────────────────────────────────


def tables(house: House) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, read past the store."""
    connection = sqlite3.connect(house.folder / "engine.db")
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names if "sqlite" not in name}
    finally:
        connection.close()


def test_an_answer_leaves_no_trace_of_its_content_outside_its_own_row() -> None:
    house = House()
    number = house.surveyed()
    house.mail(f"5 1 4 {REMARK}", number)
    assert REMARK[:8] not in str(tables(house))
    house.wait(4 * HOUR)
    rows = tables(house)
    holding = {table for table, found in rows.items() if REMARK[:8] in str(found)}
    assert holding == {"survey_answer"}
    [(answer, *_)] = rows["survey_answer"]
    assert {table for table, found in rows.items() if str(answer) in str(found)} == {"survey_answer", "follow_up_link"}
    assert "5 1 4" not in str({table: found for table, found in rows.items() if table != "survey_answer"})


def test_the_log_of_a_ticket_is_the_same_whether_the_scores_were_good_or_bad() -> None:
    logs = []
    for text in ("5 5 5", "1 1 1"):
        house = House()
        number = house.surveyed()
        house.mail(text, number)
        house.wait(4 * HOUR)
        plain = [(row.signal_type, row.signal, row.refused, row.reasons, row.facts) for row in house.decisions(number)]
        logs.append((house.log(number), encode(plain), encode(house.ticket(number))))
    assert logs[0] == logs[1]


@pytest.mark.parametrize("by_agent", [False, True])
def test_a_follow_up_names_neither_the_customer_nor_the_ticket_that_was_rated(by_agent: bool) -> None:
    house = House()
    number = house.surveyed(sender_name="陈晓明")
    if by_agent:
        house.done(number, "answer", "li", f"1 1 1 {REMARK}")
    else:
        house.mail(f"1 1 1 {REMARK}", number)
    assert follow_ups(house) == []
    house.wait(4 * HOUR)
    [follow_up] = follow_ups(house)
    assert (follow_up.customer, follow_up.contact, follow_up.parent) == (None, None, None)
    assert follow_up.deadlines["follow_up"].due == house.now + 44 * HOUR
    house.until(at("03-05 14:00"))
    assert house.ticket(follow_up.number).assignee == "li"
    of_it = {table: [row for row in rows if follow_up.number in str(row)] for table, rows in tables(house).items()}
    of_it.pop("follow_up_link")
    for secret in (number, "C000001", MAIL, "陈晓明", REMARK, "answer_by"):
        assert secret not in str(of_it)
    with house.store.read() as reader:
        link = reader.link(follow_up.number)
    assert link is not None
    assert (link.ticket, link.customer) == (number, "C000001")


def test_the_link_is_severed_when_the_follow_up_is_over() -> None:
    house = House()
    number = house.surveyed()
    house.mail("1 1 1", number)
    house.wait(4 * HOUR)
    [follow_up] = follow_ups(house)
    house.done(follow_up.number, "contact", "li", "客户说回电太慢")
    house.done(follow_up.number, "resolve", "li", "增加晚班")
    assert house.ticket(follow_up.number).state == "closed"
    with house.store.read() as reader:
        assert reader.link(follow_up.number) is None
        assert len(reader.answers()) == 1
    house.wait(10 * DAY)
    assert house.ticket(follow_up.number).deadlines["follow_up"].met is True


def test_who_was_rated_does_not_call_where_there_is_anybody_else() -> None:
    people = with_agents(an_agent("ann", "front_desk", "supervisors"), an_agent("bob", "supervisors"))
    house = House(people=people)
    number = house.surveyed(text="你好")
    assert house.ticket(number).assignee == "ann"
    house.mail("1 1 1", number)
    house.wait(DAY)
    assert follow_ups(house)[0].assignee == "bob"
    alone = House(people=with_agents(an_agent("ann", "front_desk", "supervisors")))
    number = alone.surveyed(text="你好")
    alone.mail("1 1 1", number)
    alone.wait(DAY)
    assert follow_ups(alone)[0].assignee == "ann"


def test_a_strictly_anonymous_answer_opens_nothing_and_seals_no_link_unless_the_customer_wants_to_be_called() -> None:
    policy = changed(
        ("survey.yaml", "anonymity: confidential ", "anonymity: strict "),
        ("survey.yaml", "      open: {kind: fo", "      opt_in: [call me, 回电]\n      open: {kind: fo"),
    )
    for text, called in (("1 1 1", 0), ("1 1 1 你们不回电", 1), ("5 5 5 Call me", 0), ("5 5 1 ＣＡＬＬ ＭＥ", 1)):
        house = House(policy)
        number = house.surveyed()
        house.mail(text, number)
        house.wait(DAY)
        assert len(tables(house)["follow_up_link"]) == len(follow_ups(house)) == called


def test_whoever_was_asked_in_a_strictly_anonymous_survey_is_thanked_when_it_is_over() -> None:
    house = House(changed(("survey.yaml", "anonymity: confidential ", "anonymity: strict ")))
    answered, silent = house.surveyed(), house.surveyed(sender="b@example.test")
    house.mail("5 5 5", answered)
    assert "survey_thanks" not in house.scripts(answered)
    house.wait(4 * DAY)
    assert [house.scripts(number).count("survey_reminder") for number in (answered, silent)] == [0, 1]
    house.wait(4 * DAY)
    assert [house.scripts(number).count("survey_thanks") for number in (answered, silent)] == [1, 1]


def test_the_answer_may_come_by_text_message() -> None:
    house = House(people=team())
    number = house.sms("登录异常") or ""
    house.done(number, "resolve", "qian", "已恢复")
    assert house.sms("Y") == number
    house.wait(2 * HOUR)
    other = house.call(text="另一个问题", fields={"kind": "inquiry"})
    assert other != number
    assert house.sms("5 2 5") == number
    assert house.ticket(number).survey is not None
    house.wait(4 * HOUR)
    assert len(follow_ups(house)) == 1
    assert PHONE not in str([row for row in tables(house)["content"] if follow_ups(house)[0].number in str(row)])


def test_an_invitation_to_a_survey_that_the_policy_has_no_more_opens_nothing() -> None:
    gone = TicketRequested("survey", "", "", "email", "zh", customer="C000001", survey="relationship")
    decision = decide(None, gone, facts(), replace(shipped(), surveys=()), WEDNESDAY)
    assert decision.refused == "there is no survey 'relationship' any more"


def test_whom_a_survey_by_the_clock_chose_but_cannot_reach_is_skipped_with_the_reason() -> None:
    invited = TicketRequested("survey", "", "", "email", "zh", customer="C000001", survey="relationship")
    decision = decide(None, invited, facts(contact=Contact("", {"fax": "1"}), draw=0.99), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert (decision.ticket.state, decision.events[-1]) == ("closed", e.SurveySkipped("relationship", "unreachable"))
