"""Notices to agents: which channel, who stands in for whom, what waits for the morning, and what is gathered."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from engine.core import events as e
from engine.core.commands import QueueMessage
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.escalations import Limits, Quiet, Recipient
from engine.core.facts import AgentFacts
from engine.core.model import Ticket
from engine.core.quiet import end_of_quiet
from engine.core.signals import TimerFired
from engine.core.team import Agent
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, an_agent, at, changed, facts, opened, shipped, with_agents

QUIET = '  quiet: {hours: "22:00-07:00", except: [urgent]}\n'
DIGEST = "  digest: {after: 3, within: 5m}\n"


def limited(**changes: object) -> Policy:
    return replace(shipped(), limits=replace(shipped().limits, **changes))


def telling(*names: str | Recipient, policy: Policy | None = None) -> Policy:
    """A policy whose response clocks tell just these at the breach."""
    policy = policy or shipped()
    first = policy.escalations[0]
    to = tuple(name if isinstance(name, Recipient) else Recipient(name) for name in names)
    only = replace(first, steps=(replace(first.steps[0], notify=to),))
    return replace(policy, escalations=(only, *policy.escalations[1:]))


def who(**changes: Mapping[str, object]) -> dict[str, AgentFacts]:
    """The shipped team with some changed: `zhao={"available": False}`."""
    return {id: replace(one, **changes.get(id, {})) for id, one in facts().agents.items()}


def ticket(text: str = "系统宕机") -> Ticket:
    found = opened(text).ticket
    assert found is not None
    return found


def breached(policy: Policy, now: datetime = WEDNESDAY + HOUR, subject: Ticket | None = None, **changes: object) -> Decision:
    subject = subject or ticket()
    return decide(subject, TimerFired(subject.number, "deadline/response/breach", now), facts(**changes), policy, now)


def told(decision: Decision) -> list[QueueMessage]:
    return [command for command in decision.commands if isinstance(command, QueueMessage) and command.script == "breach_notice"]


def ways(decision: Decision) -> list[tuple[str, str]]:
    return [(one.party, one.channel) for one in told(decision)]


# ── channels ────────────────────────────────────────────────────────────────────────────────────────────────────────

PHONES = {"zhou": {"phone": "+8613800000009"}}


@pytest.mark.parametrize(
    ("channels", "senders", "agents", "expected"),
    [
        (("sms",), ("email", "sms"), PHONES, [("zhou", "sms")]),
        (("sms", "email"), ("email", "sms"), PHONES, [("zhou", "sms")]),
        (("email",), ("email", "sms"), PHONES, [("zhou", "email")]),
        (("sms",), ("email",), PHONES, [("zhou", "email")]),
        (("sms",), ("email", "sms"), {}, [("zhou", "email")]),
        (("pager",), ("email", "sms"), PHONES, [("zhou", "email")]),
        (("phone_log",), ("email", "sms"), PHONES, [("zhou", "email")]),
        (("sms",), ("sms",), {}, []),
        ((), ("sms",), PHONES, []),
    ],
)
def test_a_recipient_is_reached_over_the_channel_of_the_policy_else_by_mail(
    channels: tuple[str, ...], senders: tuple[str, ...], agents: dict, expected: list[tuple[str, str]]
) -> None:
    policy = telling(Recipient("manager", channels))
    assert ways(breached(policy, agents=who(**agents), senders=senders)) == expected


def test_one_who_stands_for_two_names_hears_once_over_the_channel_that_was_chosen() -> None:
    lead = structs.replace(ticket("请问营业时间"), queue="product")  # its lead is the manager
    for names in (("queue.lead", Recipient("manager", ("sms",))), (Recipient("manager", ("sms",)), "queue.lead")):
        assert ways(breached(telling(*names), WEDNESDAY + DAY, lead, agents=who(**PHONES))) == [("zhou", "sms")]


# ── who is there ────────────────────────────────────────────────────────────────────────────────────────────────────

OFF = {"available": False}


@pytest.mark.parametrize(
    ("name", "off", "expected"),
    [
        ("queue.lead", (), ["qian"]),
        ("queue.lead", ("qian",), ["li"]),
        ("queue.lead", ("qian", "li"), ["zhou"]),
        ("queue.lead", ("qian", "li", "zhou"), ["zhou"]),
        ("manager", (), ["zhou"]),
        ("manager", ("zhou",), ["zhou", "qian"]),
        ("manager", ("zhou", "qian"), ["zhou", "li"]),
        ("assignee", (), ["wu"]),
        ("assignee", ("wu",), ["wu", "qian"]),
        ("assignee", ("wu", "qian"), ["wu", "li"]),
        ("li", ("li",), ["li", "qian"]),
        ("finance", (), ["lin"]),
        ("finance", ("lin",), ["lin", "zhou"]),
        ("finance", ("lin", "zhou"), ["lin", "li"]),
    ],
)
def test_where_nobody_of_a_name_is_there_the_one_on_duty_hears_of_it(name: str, off: tuple[str, ...], expected: list[str]) -> None:
    subject = structs.replace(ticket(), assignee="wu")
    decision = breached(telling(name), subject=subject, agents=who(**dict.fromkeys(off, OFF)))
    assert [one.party for one in told(decision)] == expected


def test_an_agent_who_left_the_team_is_passed_over() -> None:
    decision = breached(telling("assignee"), subject=structs.replace(ticket(), assignee="gone"))
    assert [one.party for one in told(decision)] == ["qian"]
    assert e.MessageSuppressed("gone", "breach_notice", "unreachable") in decision.events


def test_who_went_away_is_not_there() -> None:
    house = House()
    with house.store.write() as tx:
        tx.set_away("qian", house.now, None, "qian")
    number = house.mail("系统宕机")
    house.wait(10 * MINUTE)
    assert [row.party for row in house.messages(number, script="breach_notice")] == ["wu", "li"]


# ── quiet hours ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "hours", "expected"),
    [
        ("03-04 21:59", (22, 7), None),
        ("03-04 22:00", (22, 7), "03-05 07:00"),
        ("03-05 06:59", (22, 7), "03-05 07:00"),
        ("03-05 07:00", (22, 7), None),
        ("03-05 00:00", (22, 7), "03-05 07:00"),
        ("03-04 12:30", (12, 14), "03-04 14:00"),
        ("03-04 14:00", (12, 14), None),
        ("03-04 11:59", (12, 14), None),
        ("03-04 23:59", (22, 0), "03-05 00:00"),
        ("03-05 00:00", (22, 0), None),
        ("12-30 23:00", (22, 7), "12-31 07:00"),
        ("03-04 10:00", (10, 10), None),
    ],
)
def test_quiet_hours_end_at_the_local_time_of_day(now: str, hours: tuple[int, int], expected: str | None) -> None:
    end = end_of_quiet(at(now), (time(hours[0]), time(hours[1])), "Asia/Shanghai")
    assert end == (at(expected) if expected else None)


def test_quiet_hours_end_by_the_wall_clock_across_a_change_of_clocks() -> None:
    before = datetime.fromisoformat("2026-03-28T23:00:00+01:00")
    assert end_of_quiet(before, (time(22), time(7)), "Europe/Berlin") == datetime.fromisoformat("2026-03-29T07:00:00+02:00")


MORNING = at("03-05 07:00")


def test_a_notice_at_night_waits_for_the_morning_and_one_about_an_urgent_ticket_does_not() -> None:
    general, urgent = ticket("请问营业时间"), ticket()
    agents = who(**{id: {"quiet_until": MORNING} for id in ("qian", "zhao", "zhou", "wu")})
    night = at("03-04 23:00")
    assert [one.not_before for one in told(breached(telling("queue.lead"), night, general, agents=agents))] == [MORNING]
    assert [one.not_before for one in told(breached(telling("queue.lead"), night, urgent, agents=agents))] == [None]
    nothing_passes = limited(quiet=Quiet((time(22), time(7)), ()))
    assert [one.not_before for one in told(breached(telling("queue.lead", policy=nothing_passes), night, urgent, agents=agents))] == [
        MORNING
    ]
    own_hours_only = limited(quiet=None)
    assert [one.not_before for one in told(breached(telling("queue.lead", policy=own_hours_only), night, urgent, agents=agents))] == [
        MORNING
    ]


def test_the_customer_has_no_quiet_hours() -> None:
    house = House(now=at("03-04 23:00"))
    number = house.mail("你好")
    [promise] = house.messages(number, "customer")
    assert promise.next_attempt_at == house.now


@pytest.mark.parametrize(
    ("own", "waits"), [(None, at("03-05 07:00")), ((), None), ((time(0), time(9)), at("03-05 09:00")), ((time(12), time(13)), None)]
)
def test_an_agents_own_quiet_hours_come_before_the_policys(own: object, waits: datetime | None) -> None:
    people = with_agents(an_agent("ann", "front_desk", quiet=own))
    people = replace(people, agents={"ann": people.agents["ann"]}, manager="ann")
    house = House(people=people, now=at("03-05 01:00"))
    number = house.mail("你好")
    house.wait(2 * HOUR)
    [notice] = house.messages(number, script="breach_notice")
    assert notice.next_attempt_at == (waits or notice.created_at)


# ── floods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def noticed(count: int, policy: Policy | None = None, now: datetime = WEDNESDAY + HOUR, **changes: Any) -> QueueMessage | None:
    """What becomes of the notice to the lead who had so many in the span of a digest."""
    decision = breached(telling("queue.lead", policy=policy), now, noticed={"qian": count}, **changes)
    return next(iter(told(decision)), None)


@pytest.mark.parametrize(
    ("count", "now", "waits"),
    [
        (0, "03-04 10:11", None),
        (2, "03-04 10:11", None),
        (3, "03-04 10:11", "03-04 10:15"),
        (900, "03-04 10:14", "03-04 10:15"),
        (3, "03-04 10:15", "03-04 10:20"),
    ],
)
def test_the_first_notices_of_a_span_go_at_once_and_the_others_when_it_ends(count: int, now: str, waits: str | None) -> None:
    notice = noticed(count, now=at(now))
    assert notice is not None
    assert notice.not_before == (at(waits) if waits else None)
    assert notice.digest == ""


def test_of_quiet_hours_and_a_span_the_later_end_counts() -> None:
    agents = who(qian={"quiet_until": at("03-04 10:12")})
    late = limited(quiet=None)
    found = noticed(3, late, at("03-04 10:11"), agents=agents)
    assert found is not None
    assert found.not_before == at("03-04 10:15")
    later = noticed(3, late, at("03-04 10:11"), agents=who(qian={"quiet_until": at("03-04 11:00")}))
    assert later is not None
    assert later.not_before == at("03-04 11:00")


def test_what_one_decision_sends_counts_too() -> None:
    policy = limited(digest=replace(shipped().limits.digest, after=1))  # type: ignore[type-var]  # the shipped policy has one
    found = told(breached(telling("tech_support", policy=policy)))
    assert [(one.party, one.not_before) for one in found] == [("qian", None), ("wu", None)]
    twice = telling("qian", policy=policy)
    step = twice.escalations[0].steps[0]
    twice = replace(twice, escalations=(replace(twice.escalations[0], steps=(step, step)),))
    assert [one.not_before is None for one in told(breached(twice))] == [True, False]


def test_a_flood_of_text_messages_goes_on_by_mail_and_each_text_message_goes_alone() -> None:
    policy = telling(Recipient("queue.lead", ("sms",)))
    agents = who(qian={"phone": "+8613800000003"})
    [first] = told(breached(policy, agents=agents))
    assert (first.channel, first.digest, first.not_before) == ("sms", first.id, None)
    [fourth] = told(breached(policy, agents=agents, noticed={"qian": 3}))
    assert (fourth.channel, fourth.digest) == ("email", "")
    [no_mail] = told(breached(policy, agents=agents, noticed={"qian": 3}, senders=("sms",)))
    assert (no_mail.channel, no_mail.not_before) == ("sms", None)


def test_more_than_an_agent_may_get_is_gathered_whatever_it_is_and_left_out_only_without_a_digest() -> None:
    narrow = Limits(per_customer=12, per_agent=1, within=HOUR)
    assert noticed(0, replace(shipped(), limits=narrow), recent={"qian": 1}) is None
    wide = replace(shipped(), limits=replace(shipped().limits, per_agent=1))
    found = noticed(0, wide, recent={"qian": 1})
    assert found is not None
    assert found.not_before is not None
    assignment = opened("系统宕机", wide, recent={"qian": 1, "wu": 1})
    [given] = [command for command in assignment.commands if isinstance(command, QueueMessage) and command.script == "assignment"]
    assert (given.digest, given.not_before) == ("", WEDNESDAY + 5 * MINUTE)
    unreachable = noticed(0, wide, recent={"qian": 1}, senders=("sms",))
    assert unreachable is None


def test_without_a_digest_every_notice_goes_at_once() -> None:
    found = noticed(50, limited(digest=None))
    assert found is not None
    assert found.not_before is None


def test_the_reason_of_a_message_says_until_when_it_waits() -> None:
    decision = breached(telling("queue.lead"), noticed={"qian": 3})
    [reason] = [one for one in decision.reasons if one.decided.startswith("message: breach_notice")]
    assert dict(reason.values)["waits until"] == str(WEDNESDAY + HOUR + 5 * MINUTE)


def test_the_digest_and_the_quiet_hours_are_read_from_the_policy() -> None:
    policy = changed(
        ("scripts.yaml", DIGEST, "  digest: {after: 1, within: 2h}\n"), ("scripts.yaml", QUIET, '  quiet: {hours: "20:00-24:00"}\n')
    )
    assert policy.limits.digest is not None
    assert policy.limits.quiet is not None
    assert (policy.limits.digest.after, policy.limits.digest.within) == (1, 2 * HOUR)
    assert (policy.limits.quiet.hours, policy.limits.quiet.exempt) == ((time(20), time(0)), ())
    bare = changed(("scripts.yaml", DIGEST, ""), ("scripts.yaml", QUIET, ""))
    assert (bare.limits.digest, bare.limits.quiet) == (None, None)


def test_notices_are_counted_by_agent_within_the_span() -> None:
    people = with_agents(an_agent("ann", "tech_support"))
    house = House(changed(("incidents.yaml", "window: 30m\n    minimum: 5", "window: 30m\n    minimum: 50")), people)
    numbers = [house.mail("系统宕机", sender=f"c{n}@example.test") for n in range(5)]
    house.wait(5 * MINUTE)
    rows = [row for number in numbers for row in house.messages(number, "ann", "deadline_warning")]
    assert [row.next_attempt_at for row in rows] == [house.now] * 3 + [house.now + 5 * MINUTE] * 2
    assert {row.digest for row in rows} == {""}
    unlimited = replace(house.world.policy, limits=replace(house.world.policy.limits, digest=None))
    house.world = replace(house.world, policy=unlimited)
    house.wait(3 * MINUTE)
    rows = [row for number in numbers for row in house.messages(number, "ann", "deadline_warning")]
    assert [row.next_attempt_at for row in rows[1::2]] == [house.now] * 5


def test_a_decision_keeps_no_phone_number_of_an_agent() -> None:
    house = House(people=with_agents(Agent("ann", "Ann", ("front_desk",), {}, "ann@example.test", "any", phone="+8613800000077")))
    number = house.mail("你好")
    assert "+8613800000077" not in str([decision.facts for decision in house.decisions(number)])
