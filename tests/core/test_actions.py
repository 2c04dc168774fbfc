"""What people do with a ticket, and what is refused."""

import pytest
from msgspec import structs

from engine.core import events as e
from engine.core.decide import decide
from engine.core.decide.actions import ACTIONS
from engine.core.facts import CallFacts
from engine.core.fields import OPEN_STATES, STATES
from engine.core.lifecycle import TRANSITIONS
from engine.core.model import Ticket
from engine.core.signals import AgentActed, CallArrived, ReceiptArrived, TaskClosed, TicketRequested
from engine.store.rows import TicketQuery
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, an_agent, at, facts, opened, shipped, with_agents


def child(house: House, number: str) -> Ticket:
    with house.store.read() as reader:
        [found] = reader.tickets(TicketQuery(parent=number))
    return found


@pytest.mark.parametrize("action", ["plan", "progress", "task", "note", "resolve", "reopen", "close", "tier", "object"])
def test_an_action_that_lives_by_its_words_needs_some(action: str) -> None:
    house = House()
    number = house.mail("你好")
    before = house.log(number)
    decision = house.act(number, action, text="  ", target="finance")
    assert decision.refused is not None
    assert decision.refused.startswith(f"{action} needs a text")
    assert house.log(number) == before


def test_an_unknown_action_names_those_there_are() -> None:
    house = House()
    refused = house.act(house.mail("你好"), "dance").refused
    assert refused == f"there is no action 'dance'; there are {', '.join(ACTIONS)}"


@pytest.mark.parametrize("state", STATES)
def test_whatever_is_done_in_whatever_state_is_done_wholly_or_not_at_all(state: str) -> None:

    ticket = opened("你好").ticket
    assert ticket is not None
    ticket = structs.replace(ticket, state=state)
    for action in ACTIONS:
        for target in (None, "urgent", "on_hold", "finance", "zhao", "1"):
            signal = AgentActed(ticket.number, action, "zhao", "words", target)
            decision = decide(ticket, signal, facts(), shipped(), WEDNESDAY)
            if decision.refused is not None:
                assert (decision.ticket, decision.events, decision.commands) == (ticket, (), ())
                continue
            assert decision.ticket is not None
            assert decision.ticket.seq == ticket.seq + len(decision.events)
            for event in decision.events[:1]:
                assert state in TRANSITIONS.get(event.type, {state: ""})


def test_a_note_changes_nothing_but_the_record() -> None:
    house = House()
    number = house.mail("你好")
    before = house.ticket(number)
    after = house.done(number, "note", text="老客户")
    assert (after.state, after.deadlines) == (before.state, before.deadlines)


def test_a_ticket_waits_and_goes_on() -> None:
    house = House()
    number = house.mail("你好")
    assert "not as 'for_ever'" in str(house.act(number, "hold", target="for_ever").refused)
    assert "cannot happen" in str(house.act(number, "resume").refused)
    assert house.done(number, "hold", text="等备件").state == "on_hold"
    assert house.done(number, "hold", target="waiting_customer").state == "waiting_customer"
    assert house.done(number, "resume").state == "in_progress"
    assert house.names(number).count("noted") == 1


def test_a_plan_is_told_to_the_customer_of_a_need_only() -> None:
    house = House()
    number = house.mail("我要退货")
    house.done(number, "plan", text="换货", steps=())
    assert house.scripts(number, "customer")[-1] == "plan"
    house.done(number, "task", text="核对账单", target="finance")
    task = child(house, number)
    house.done(task.number, "plan", "lin", "下午核对")
    assert house.scripts(task.number, "customer") == []


def test_a_person_ends_a_ticket_but_never_as_confirmed() -> None:
    house = House()
    number = house.mail("你好")
    assert house.done(number, "close", text="重复").state == "closed"
    assert "has ended already: it is closed" in str(house.act(number, "close", text="再关").refused)
    assert house.done(number, "reopen", text="误关").state == "in_progress"
    assert house.ticket(number).survey is None
    house.done(number, "resolve", text="已处理")
    assert house.done(number, "close", text="客户电话里说算了").state == "closed"


# ── tasks of other departments ──────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_a_ticket_of_its_own_with_its_own_owner_and_due_time() -> None:
    house = House()
    number = house.mail("登录异常")
    due = house.now + 5 * HOUR
    parent = house.done(number, "task", "qian", "核对账单", target="finance", due=due)
    task = child(house, number)
    assert parent.tasks == (task.number,)
    assert (task.kind, task.queue, task.assignee, task.parent, task.opened_by) == ("task", "finance", "lin", number, "qian")
    assert task.deadlines["task"].due == due
    assert [event.id for event in house.log(task.number) if isinstance(event, e.DeadlineStarted)] == ["task"]
    [told] = house.messages(task.number, "lin")
    assert told.script == "task_assigned"
    assert "核对账单" in house.words(told)
    assert "今天15:00前" in house.words(told)


def test_closing_a_task_tells_the_owner_of_the_ticket() -> None:
    house = House()
    number = house.mail("登录异常")
    house.done(number, "task", "qian", "核对账单", target="finance")
    task = child(house, number)
    assert task.deadlines["task"].due == house.now + DAY
    house.mail("完成 账单无误", task.number, by="lin")
    assert house.ticket(task.number).state == "closed"
    assert house.ticket(task.number).deadlines["task"].met is True
    assert e.TaskFinished(task.number) in house.log(number)
    [told] = house.messages(number, house.ticket(number).assignee, "task_finished")
    assert f"{task.number}: 账单无误" in house.words(told)


def test_a_task_of_a_ticket_nobody_owns_is_reported_to_the_lead() -> None:
    house = House(now=at("03-04 22:00"))
    number = house.mail("你好")
    house.done(number, "task", "zhao", "核对账单", target="lin")
    task = child(house, number)
    assert task.assignee == "lin"
    house.done(task.number, "close", "lin", "不需要了")
    assert [row.party for row in house.messages(number, script="task_finished")] == ["zhao"]


def test_a_task_that_is_late_is_a_breach_of_its_own() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "task", "zhao", "核对账单", target="finance", due=house.now + HOUR)
    task = child(house, number)
    house.wait(HOUR)
    assert house.ticket(task.number).deadlines["task"].met is False
    assert {row.party for row in house.messages(task.number, script="breach_notice")} == {"lin", "zhou"}


@pytest.mark.parametrize(
    ("target", "due", "why"),
    [
        (None, None, "neither a queue nor an agent of one"),
        ("nobody", None, "neither a queue nor an agent of one"),
        ("zhou", None, "neither a queue nor an agent of one"),
        ("finance", WEDNESDAY, "due in the past"),
    ],
)
def test_a_task_needs_somebody_and_a_time_to_come(target: str | None, due: object, why: str) -> None:
    house = House()
    number = house.mail("你好")
    assert why in str(house.act(number, "task", text="核对", target=target, due=due).refused)
    assert house.mail("再问", sender="b@example.test") == "202603040002"


def test_a_need_that_the_house_opens_is_graded_and_promised_nothing() -> None:
    request = TicketRequested("care", "front_desk", "季度回访", "sms", "zh", customer="C000001", actor="zhou")
    decision = decide(None, request, facts(), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert (decision.ticket.tier, decision.ticket.queue) == ("general", "front_desk")
    assert [event.party for event in decision.events if isinstance(event, e.MessageQueued)] == [decision.ticket.assignee]


def test_an_agent_who_asked_for_the_task_and_gets_it_is_not_told() -> None:
    request = TicketRequested("task", "finance", "核对", "sms", "zh", assignee="lin", actor="lin")
    decision = decide(None, request, facts(), shipped(), WEDNESDAY)
    assert not [event for event in decision.events if isinstance(event, e.MessageQueued)]


def test_a_task_without_any_time_is_handed_over_like_a_ticket() -> None:
    timeless = structs.replace(shipped(), deadlines={})
    decision = decide(None, TicketRequested("task", "finance", "核对", "sms", "zh"), facts(), timeless, WEDNESDAY)
    assert [event.script for event in decision.events if isinstance(event, e.MessageQueued)] == ["assignment"]
    dated = TicketRequested("task", "finance", "核对", "sms", "zh", due=WEDNESDAY + DAY)
    decision = decide(None, dated, facts(), timeless, WEDNESDAY)
    assert [event.script for event in decision.events if isinstance(event, e.MessageQueued)] == ["task_assigned"]


def test_the_result_of_an_erased_task_is_empty() -> None:
    ticket = opened("你好").ticket
    assert ticket is not None
    decision = decide(ticket, TaskClosed(ticket.number, "202603040002", "gone"), facts(), shipped(), WEDNESDAY)
    assert [event.type for event in decision.events] == ["task_finished", "message_queued"]


# ── calls and receipts ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_reached_the_customer_is_the_contact_and_one_that_did_not_is_only_noted() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    assert house.call("no_answer", "outbound", "qian") == number
    assert house.ticket(number).first_contact_at is None
    assert house.call("answered", "outbound", "qian") == number
    assert house.ticket(number).deadlines["response"].met is True
    assert [event.by for event in house.log(number) if isinstance(event, e.CustomerContacted)] == ["qian"]
    assert house.call("answered", "outbound") == number


def test_a_call_without_a_record_leaves_nothing() -> None:
    ticket = opened("你好").ticket
    assert ticket is not None
    decision = decide(ticket, CallArrived(ticket.number, "phone_log"), facts(), shipped(), WEDNESDAY)
    assert (decision.events, decision.refused) == ((), None)
    record = CallFacts("inbound", "answered", "", MINUTE, MINUTE)
    unowned = decide(ticket, CallArrived(ticket.number, "phone_log"), facts(call=record), shipped(), WEDNESDAY)
    assert isinstance(unowned.events[-1], e.DeadlineStarted)


@pytest.mark.parametrize(("status", "event"), [("sent", "message_sent"), ("delivered", "message_delivered")])
def test_a_receipt_is_put_on_record(status: str, event: str) -> None:
    ticket = opened("你好").ticket
    assert ticket is not None
    receipt = ReceiptArrived(ticket.number, "m", "customer", status)
    assert [one.type for one in decide(ticket, receipt, facts(), shipped(), WEDNESDAY).events] == [event]


def test_a_message_that_did_not_arrive_is_somebodys_matter() -> None:
    ticket = opened("你好").ticket
    assert ticket is not None
    failed = decide(ticket, ReceiptArrived(ticket.number, "m", "customer", "failed", "no such user"), facts(), shipped(), WEDNESDAY)
    assert [(event.type, getattr(event, "party", "")) for event in failed.events] == [
        ("message_failed", ""),
        ("message_queued", ticket.assignee),
    ]
    to_owner = ReceiptArrived(ticket.number, "m", ticket.assignee or "", "failed", "")
    assert [one.type for one in decide(ticket, to_owner, facts(), shipped(), WEDNESDAY).events] == ["message_failed"]
    odd = decide(ticket, ReceiptArrived(ticket.number, "m", "customer", "lost"), facts(), shipped(), WEDNESDAY)
    assert odd.refused == "'lost' is no receipt status: sent, delivered, failed"


def test_open_states_are_those_that_can_be_worked_in() -> None:
    assert set(TRANSITIONS["routed"]) == set(OPEN_STATES)
    house = House(people=with_agents(an_agent("ann", "front_desk")))
    assert house.ticket(house.mail("你好")).assignee == "ann"
