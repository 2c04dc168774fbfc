"""What agents grant by themselves, what must be approved and by whom, and that no limit is ever passed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.authority import read_amount
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.lifecycle import evolve
from engine.core.model import Ticket
from engine.core.signals import AgentActed, ApprovalDecided, TicketRequested
from engine.runtime.authority import own_grant
from engine.store.rows import CustomerRow, TicketQuery
from tests.core.worlds import (
    DAY,
    HOUR,
    MAIL,
    MINUTE,
    PHONE,
    WEDNESDAY,
    House,
    a_step,
    at,
    changed,
    facts,
    opened,
    rules_of,
    shipped,
    shipped_text,
    team,
)
from tests.support.counts import scaled

COMPLAINT = "我要投诉送货员"
CURRENCY = "CNY"


def complaint(house: House, holder: str = "wang") -> str:
    """An important ticket of the front desk, whose lead is zhao, in the hands of an agent."""
    number = house.mail(COMPLAINT)
    if house.ticket(number).assignee != holder:
        house.done(number, "assign", target=holder)
    return number


def compensate(house: House, number: str, amount: str, actor: str = "wang", text: str = "送货延误", **more: Any) -> Decision:
    return house.act(number, "compensate", actor, text, amount=Decimal(amount), **more)


def granted(house: House, number: str) -> list[tuple[str, str | None]]:
    return [(str(one.amount or one.name), one.approved_by) for one in house.ticket(number).concessions]


def asked(house: House, number: str) -> str:
    """The one approval that the ticket waits for."""
    [approval] = house.ticket(number).approvals
    return approval


@pytest.mark.parametrize("text", ["1", "300", "199.90", "0.01", "999999999.99"])
def test_an_amount_is_digits_with_at_most_two_behind_the_point(text: str) -> None:
    assert read_amount(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["", "0", "0.00", "-5", "+5", "1e3", "NaN", "Infinity", "1,5", "1.", ".5", "1.005", "1000000000", " 5", "5\n", "５"]
)
def test_anything_else_is_no_amount(text: str) -> None:
    assert read_amount(text) is None


def test_what_is_within_an_agents_authority_needs_nobody() -> None:
    house = House()
    number = complaint(house)
    decision = compensate(house, number, "200")
    assert rules_of(decision) == {"granted: compensation": "by-the-handler-of-a-serious-case"}
    [event] = decision.events
    assert event == e.ConcessionGranted("compensation", "wang", Decimal(200), CURRENCY, event.content)  # type: ignore[attr-defined]  # that event
    assert granted(house, number) == [("200", None)]
    assert house.ticket(number).approvals == {}


def test_events_tell_the_amount_and_never_the_words() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "150", text="孩子生病")
    compensate(house, number, "150", text="孩子又生病")
    house.done(asked(house, number), "refuse", "zhao", "孩子没有生病")
    for ticket in (number, house.ticket(number).number):
        assert "孩子" not in str(house.log(ticket))
        assert all("孩子" not in str(stored.signal) for stored in house.decisions(ticket))


def test_grants_add_up_whoever_makes_them() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "30", "lin")
    compensate(house, number, "150")
    assert granted(house, number) == [("30", None), ("150", None)]
    decision = compensate(house, number, "20.01")
    assert decision.refused is None
    assert rules_of(decision)["approval: compensation"] == "by-the-handler-of-a-serious-case"
    assert len(house.ticket(number).concessions) == 2
    approval = house.ticket(asked(house, number))
    assert (approval.kind, approval.parent, approval.queue, approval.assignee, approval.opened_by) == (
        "approval",
        number,
        "front_desk",
        "zhao",
        "wang",
    )


def test_the_tier_of_the_ticket_and_who_holds_it_make_a_difference() -> None:
    house = House()
    number = house.mail("请问营业时间")
    house.done(number, "assign", target="wang")
    compensate(house, number, "51")
    assert granted(house, number) == []
    house.done(number, "tier", text="客户来电", target="important")
    compensate(house, number, "51")
    compensate(house, number, "1", "sun")
    assert granted(house, number) == [("51", None)]


def test_an_approval_has_a_clock_of_its_own_and_holds_up_nothing_else() -> None:
    house = House()
    number = complaint(house)
    house.done(
        number, "plan", "wang", "补偿并重寄", steps=(a_step("补偿", house.now + DAY, "wang"), a_step("重寄", house.now + DAY, "wang"))
    )
    compensate(house, number, "300", step="1")
    approval = asked(house, number)
    assert house.ticket(approval).deadlines["approval"].due == at("03-04 12:00")
    assert f"step 1 waits for the approval {approval}" in str(house.act(number, "done", "wang", target="1").refused)
    house.done(number, "done", "wang", target="2")
    house.wait(MINUTE)
    clocks = house.ticket(number).deadlines
    assert clocks["response"].running
    assert not clocks["response"].paused
    house.done(approval, "grant", "zhao")
    assert house.ticket(approval).state == "closed"
    assert house.ticket(approval).deadlines["approval"].met
    house.done(number, "done", "wang", target="1")


def test_a_new_plan_has_no_step_that_an_approval_of_the_old_one_holds_up() -> None:
    house = House()
    number = complaint(house)
    house.done(number, "plan", "wang", "补偿", steps=(a_step("补偿", house.now + DAY, "wang"),))
    compensate(house, number, "300", step="1")
    house.done(number, "plan", "wang", "重寄", steps=(a_step("重寄", house.now + DAY, "wang"),))
    house.done(number, "done", "wang", target="1")


def test_who_asked_hears_of_the_verdict() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "300")
    first = asked(house, number)
    [request] = house.messages(first, "zhao", "approval_requested")
    assert all(word in house.words(request) for word in ("赵敏", "王芳", "300 CNY", "送货延误", number, "今天12:00前"))
    house.done(first, "grant", "zhao", "下不为例")
    [told] = house.messages(number, "wang", "approval_granted")
    assert house.words(told) == f"赵敏同意了您为工单{number}申请的补偿300 CNY:下不为例。"
    assert granted(house, number) == [("300", "zhao")]
    house.act(number, "except", "wang", "客户住院", target="late_return")
    house.done(asked(house, number), "refuse", "zhao", "已超过一年")
    [told] = house.messages(number, "wang", "approval_refused")
    assert house.words(told) == f"赵敏未同意您为工单{number}申请的超期退货:已超过一年。"
    assert house.ticket(number).approvals == {}
    assert granted(house, number) == [("300", "zhao")]


def test_an_exception_is_granted_by_whom_the_policy_names_for_it() -> None:
    house = House()
    number = complaint(house)
    house.done(number, "except", "wang", "系统故障", target="waive_fee")
    assert granted(house, number) == [("waive_fee", None)]
    house.act(number, "except", "zhao", "客户住院", target="expedite")
    assert house.ticket(asked(house, number)).assignee == "zhou"
    house.done(asked(house, number), "grant", "zhou")
    assert granted(house, number) == [("waive_fee", None), ("expedite", "zhou")]
    house.act(number, "except", "wang", "客户住院", target="expedite")
    beyond = str(house.act(asked(house, number), "grant", "zhao").refused)
    assert "zhao too: the grant by-the-team-leader allows late_return, waive_fee, not expedite" in beyond


def test_what_cannot_be_granted_is_refused_with_the_reason() -> None:
    house = House()
    number = complaint(house)

    def refused(action: str, actor: str = "wang", text: str = "延误", **more: Any) -> str:
        before = house.log(number)
        why = house.act(number, action, actor, text, **more).refused
        assert house.log(number) == before
        return str(why)

    for amount in (None, Decimal(0), Decimal(-5), Decimal("1.005"), Decimal("NaN"), Decimal("1E+20")):
        assert refused("compensate", amount=amount).startswith("compensate needs an amount above 0")
    assert refused("compensate", text=" ", amount=Decimal(5)) == "compensate needs a text: why it is granted"
    assert refused("compensate", "nobody", amount=Decimal(5)).startswith("there is no agent 'nobody' in the team")
    assert "the plan has no open step '1'; open are: none" in refused("compensate", amount=Decimal(5), step="1")
    assert "allows 200 CNY in all on a ticket, not 20000.01 CNY; nobody" in refused("compensate", amount=Decimal("20000.01"))
    assert refused("except", target="free_lunch") == "there is no exception 'free_lunch'; there are late_return, waive_fee, expedite"
    assert refused("except", target=None).startswith("there is no exception None; there are")
    assert refused("grant").startswith(f"ticket {number} is no approval")
    task = house.act(number, "task", text="请核对", target="finance").ticket
    assert task is not None
    assert "is work of the house" in str(compensate(house, task.tasks[0], "5").refused)


def test_the_manager_cannot_be_asked_for_what_the_manager_asks() -> None:
    house = House()
    number = complaint(house)
    assert "instead of zhou" in str(compensate(house, number, "20001", "zhou").refused)


def test_an_approval_is_granted_by_an_approver_with_the_authority_and_never_by_who_asked() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "900")
    approval = asked(house, number)

    def refused(action: str, actor: str, text: str = "") -> str:
        return str(house.act(approval, action, actor, text).refused)

    assert refused("grant", "wang") == "wang asked for this; nobody approves what they asked for themselves"
    assert refused("grant", "lin") == "lin is not an approver; approvers are queue.lead, manager"
    assert refused("refuse", "lin", "不行").startswith("lin is not an approver")
    assert refused("refuse", "zhao") == "refuse needs a text: why it is refused"
    for action in ("resolve", "close"):
        assert "ends when it is granted or refused" in refused(action, "zhao", "好")
    compensate(house, number, "150")
    assert "is beyond the authority of zhao too: the grant by-the-team-leader allows 1000 CNY in all" in refused("grant", "zhao")
    house.done(approval, "grant", "zhou")
    assert refused("grant", "zhou") == f"the approval {approval} was decided on already"
    assert granted(house, number) == [("150", None), ("900", "zhou")]


def test_who_asked_may_take_it_back() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "900")
    house.done(asked(house, number), "refuse", "wang", "客户不要了")
    assert house.ticket(number).approvals == {}
    assert house.messages(number, script="approval_refused") == []


def test_the_next_approver_is_asked_in_place_of_one_who_is_away_or_does_not_answer() -> None:
    at_night = House(now=at("03-04 22:00"))
    number = complaint(at_night)
    compensate(at_night, number, "300")
    assert at_night.ticket(asked(at_night, number)).assignee == "zhou"
    house = House()
    number = complaint(house)
    compensate(house, number, "300")
    approval = asked(house, number)
    house.until(at("03-04 11:59"))
    assert house.scripts(approval, "zhao") == ["approval_requested", "deadline_warning"]
    house.until(at("03-04 12:01"))
    assert house.ticket(approval).assignee == "zhou"
    assert house.scripts(approval, "zhou") == ["breach_notice", "approval_requested"]
    house.done(approval, "grant", "zhao")
    assert granted(house, number) == [("300", "zhao")]


def test_the_policy_may_want_no_substitutes() -> None:
    policy = changed(("authority.yaml", "substitute: [absent, no_response]", "substitute: []"))
    house = House(policy, now=at("03-04 22:00"))
    number = complaint(house)
    compensate(house, number, "300")
    approval = asked(house, number)
    assert house.ticket(approval).assignee == "zhao"
    house.wait(DAY)
    assert house.ticket(approval).deadlines["approval"].breached_at is not None
    assert house.ticket(approval).assignee == "zhao"


def test_with_a_single_approver_there_is_nobody_to_pass_it_on_to() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "1500")
    approval = asked(house, number)
    house.wait(DAY)
    assert house.ticket(approval).assignee == "zhou"
    assert house.scripts(approval, "zhou").count("approval_requested") == 1


def test_where_the_holder_is_no_approver_the_first_who_is_gets_it() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "300")
    approval = asked(house, number)
    house.done(approval, "assign", target="lin")
    house.wait(4 * HOUR)
    assert house.ticket(approval).assignee == "zhao"


def test_agents_grant_and_approve_by_mail() -> None:
    house = House()
    number = complaint(house)
    house.mail("补偿 150 送货延误", number, by="wang")
    assert granted(house, number) == [("150", None)]
    house.mail("补偿 很多 送货延误", number, by="wang")
    [refused] = house.messages(number, "wang", "agent_refused")
    assert "`compensate` 要写大于 0 的金额" in house.words(refused)
    house.mail("补偿 １００ 再次延误", number, by="wang")
    house.mail("不同意 已经补偿过了", asked(house, number), by="zhao")
    assert house.ticket(number).approvals == {}
    house.mail("compensate 100 late again", number, by="wang")
    house.mail("同意", asked(house, number), by="zhao")
    assert granted(house, number) == [("150", None), ("100", "zhao")]


def test_an_approval_is_no_matter_of_the_customers() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "1500")
    approval = asked(house, number)
    assert house.ticket(approval).customer is None
    house.until(at("03-04 10:30"))
    assert house.call(sender=PHONE) != approval
    house.done(approval, "grant", "zhou")
    assert house.ticket(house.mail("再次投诉送货员")).assignee == "wang"


def test_grants_may_turn_on_the_customer() -> None:
    policy = changed(("authority.yaml", "when: {not: {field: ticket.tier, is: general}}", "when: {field: customer.segment, is: vip}"))
    house = House(policy)
    with house.store.write() as tx:
        row = CustomerRow(tx.new_customer_id(), "王总", "vip", "zh", house.now)
        tx.add_customer(row)
        tx.add_address(row.id, "email", MAIL)
    number = complaint(house)
    compensate(house, number, "200")
    assert granted(house, number) == [("200", None)]
    house.world = replace(
        house.world,
        policy=changed(
            (
                "authority.yaml",
                "    roles: [queue.lead, supervisor]",
                "    roles: [queue.lead]\n    when: {field: customer.segment, is: vip}",
            )
        ),
    )
    compensate(house, number, "200")
    house.done(asked(house, number), "grant", "zhao")
    assert granted(house, number) == [("200", None), ("200", "zhao")]


def test_ticket_numbers_leave_no_gap_where_nothing_had_to_be_asked() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "150")
    house.mail("备注 老客户", number, by="wang")
    compensate(house, number, "150")
    assert int(asked(house, number)) == int(number) + 1
    assert int(house.mail("你好", sender="b@example.test")) == int(number) + 2


def test_without_authority_in_the_policy_nobody_grants_anything() -> None:
    policy = changed(("authority.yaml", shipped_text("authority.yaml"), "version: 1\n"))
    house = House(policy)
    number = complaint(house)
    assert str(compensate(house, number, "5").refused).startswith("the policy gives nobody authority")
    with house.store.read() as reader:
        assert own_grant(reader, house.world, house.ticket(number), "wang", house.now) is None


def test_a_policy_that_takes_authority_away_leaves_what_waits_waiting() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "300")
    approval = asked(house, number)
    house.world = replace(house.world, policy=changed(("authority.yaml", shipped_text("authority.yaml"), "version: 1\n")))
    house.wait(4 * HOUR)
    assert house.ticket(approval).assignee == "zhao"
    assert str(house.act(approval, "grant", "zhao").refused).startswith("the policy gives nobody authority")


def test_amounts_of_another_currency_are_not_mixed_with_those_of_this_one() -> None:
    house = House()
    number = complaint(house)
    compensate(house, number, "150")
    compensate(house, number, "300")
    approval = asked(house, number)
    house.world = replace(house.world, policy=changed(("authority.yaml", "currency: CNY", "currency: EUR")))
    assert "asked for in CNY, and amounts are in EUR now" in str(house.act(approval, "grant", "zhao").refused)
    compensate(house, number, "200")
    assert [(str(one.amount), one.currency) for one in house.ticket(number).concessions] == [("150", "CNY"), ("200", "EUR")]


def test_an_approval_that_no_ticket_waits_for_is_never_opened_nor_heard_of() -> None:
    house = House()
    number = complaint(house)
    request = TicketRequested("approval", "front_desk", "送我吧", "email", "zh", parent=number)
    assert "was decided on already" in str(house.handle(request).first.refused)
    assert "does not wait" in str(house.handle(ApprovalDecided(number, "202603049999", True, "zhou")).first.refused)
    with house.store.read() as reader:
        assert reader.tickets(TicketQuery(kind="approval")) == []


def test_an_approval_that_is_requested_for_nobody_waits_in_its_queue() -> None:
    ticket = opened(COMPLAINT).ticket
    assert ticket is not None
    request = e.ApprovalRequested("202603040002", "compensation", "wang", Decimal(300), CURRENCY)
    parent = evolve(ticket, request, WEDNESDAY)
    signal = TicketRequested("approval", "front_desk", "延误", "email", "zh", parent=parent.number, actor="wang")
    decision = decide(None, signal, facts(number="202603040002", parent=parent), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert (decision.ticket.queue, decision.ticket.assignee) == ("front_desk", None)


def test_what_one_may_grant_can_be_asked_without_granting_anything() -> None:
    house = House()
    number = complaint(house)
    with house.store.read() as reader:
        mine = {agent: own_grant(reader, house.world, house.ticket(number), agent, house.now) for agent in team().agents}
    assert {agent: grant.id for agent, grant in mine.items() if grant and grant.id != "by-everybody"} == {
        "zhou": "by-the-manager",
        "zhao": "by-the-team-leader",
        "wang": "by-the-handler-of-a-serious-case",
    }


# ── no sequence of grants passes a limit ──────────────────────────────────────────────────────────────────────────────────

PEOPLE = ("zhao", "wang", "qian", "lin", "li", "zhou")
LEADS = {"front_desk": "zhao", "tech_support": "qian", "after_sales": "sun", "finance": "zhou"}
AMOUNTS = st.sampled_from(["0.01", "49.99", "50", "149.5", "150", "200", "201", "850", "1000", "5000", "19000", "20000", "25000"])
DEEDS = st.one_of(
    st.tuples(st.just("compensate"), st.sampled_from(PEOPLE), AMOUNTS),
    st.tuples(st.sampled_from(["grant", "refuse"]), st.sampled_from(PEOPLE), st.integers(0, 3)),
    st.tuples(st.just("assign"), st.just("zhao"), st.sampled_from([*PEOPLE, *LEADS])),
    st.tuples(st.just("tier"), st.just("zhao"), st.sampled_from(["urgent", "important", "general"])),
)


def limit(ticket: Ticket, agent: str) -> Decimal:
    """What the shipped authority.yaml says, told anew."""
    if agent == "zhou":
        return Decimal(20000)
    if LEADS[ticket.queue or ""] == agent:
        return Decimal(1000)
    return Decimal(200) if ticket.assignee == agent and ticket.tier in ("urgent", "important") else Decimal(50)


def do(house: House, number: str, deed: tuple[str, str, Any]) -> None:
    name, actor, what = deed
    if name == "compensate":
        house.handle(AgentActed(number, name, actor, "延误", amount=Decimal(what)))
    elif name in ("grant", "refuse"):
        with house.store.read() as reader:
            approvals = sorted(one.number for one in reader.tickets(TicketQuery(kind="approval")))
        if approvals:
            house.act(approvals[what % len(approvals)], name, actor, "看过了")
    else:
        house.act(number, name, actor, "看过了", target=what)


@settings(max_examples=scaled(400))
@given(st.lists(DEEDS, max_size=14))
def test_no_sequence_of_grants_passes_a_limit_without_an_approval_by_somebody_entitled(deeds: list[tuple[str, str, Any]]) -> None:
    house = House()
    number = complaint(house)
    total = Decimal(0)
    for deed in deeds:
        before, seen = house.ticket(number), len(house.log(number))
        do(house, number, deed)
        for event in house.log(number)[seen:]:
            if isinstance(event, e.ConcessionGranted):
                assert event.amount is not None
                total += event.amount
                assert total <= limit(before, event.approved_by or event.by)
                assert event.approved_by != event.by
                assert event.approved_by in (None, LEADS[before.queue or ""], "zhou")
    assert sum((one.amount or 0 for one in house.ticket(number).concessions), Decimal(0)) == total
    with house.store.read() as reader:
        assert reader.integrity(evolve) == []
        waiting = {one.number for one in reader.tickets(TicketQuery(kind="approval")) if one.closed_at is None}
    assert waiting == set(house.ticket(number).approvals)
    house.close()
