"""Whether a team would keep its promises: what comes is what came, people work by the clock, and the same run says the same."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.team import Team
from engine.policy.cases import Channels
from engine.store import CustomerRow
from engine.whatif.recorded import Record, recorded
from engine.whatif.simulate import Effort, Simulated, arrivals, simulate
from tests.core.worlds import CHANNELS, DAY, HOUR, MINUTE, WEDNESDAY, House, an_agent, changed, shipped, with_agents

ONCE = Effort(1.0, 20 * MINUTE, {})
USED = Channels(dict(CHANNELS), ("email", "sms"))
END = WEDNESDAY + 2 * DAY


@pytest.fixture
def house() -> Iterator[House]:
    opened = House()
    yield opened
    opened.close()


def came(house: House) -> Record:
    with house.store.read() as reader:
        return recorded(reader, USED, ZoneInfo("Asia/Shanghai"), WEDNESDAY, house.now + MINUTE)


def run(record: Record, effort: Effort = ONCE, policy: Policy | None = None, people: Team | None = None) -> Simulated:
    return simulate(arrivals(record, effort), policy or shipped(), people or alone(), USED, (WEDNESDAY, END), effort)


def alone() -> Team:
    """Zhao at the front desk, from nine to six, and a manager."""
    return with_agents(an_agent("zhao", "front_desk", "tech_support", "after_sales", "product", "finance"))


def questions(house: House, count: int, every: timedelta) -> Record:
    for number in range(count):
        house.mail("你好", sender=f"c{number}@customer.test")
        house.wait(every)
    return came(house)


def test_what_is_worked_off_at_once_is_kept_and_the_share_at_work_is_what_it_took(house: House) -> None:
    found = run(questions(house, 4, HOUR), replace(ONCE, handling=MINUTE))
    assert [story.ended for story in found.stories.values()] == ["confirmed"] * 4
    assert all(story.kept["response"] for story in found.stories.values())
    assert 0 < found.busy["zhao"] < 0.02
    assert found.longest == {}


def test_the_busier_they_are_the_longer_the_queue_and_the_fewer_promises_are_kept(house: House) -> None:
    record = questions(house, 6, 10 * MINUTE)
    quick, slow = run(record, replace(ONCE, handling=5 * MINUTE)), run(record, replace(ONCE, handling=6 * HOUR))
    assert sum(story.kept.get("response", False) for story in quick.stories.values()) == 6
    assert sum(story.kept.get("response", False) for story in slow.stories.values()) < 6
    assert max(slow.longest.values()) > max(quick.longest.values(), default=0)
    assert quick.busy["zhao"] < slow.busy["zhao"] <= 1


def test_a_second_pair_of_hands_keeps_more_promises(house: House) -> None:
    record, effort = questions(house, 8, 10 * MINUTE), replace(ONCE, handling=2 * HOUR)
    both = with_agents(an_agent("zhao", "front_desk"), an_agent("qian", "front_desk"))
    one, two = (run(record, effort, people=people) for people in (alone(), both))
    assert sum(story.kept["response"] for story in one.stories.values()) < sum(story.kept["response"] for story in two.stories.values())
    assert two.busy["qian"] > 0


def test_the_nearest_deadline_is_seen_to_first(house: House) -> None:
    for sender, text in (("first", "你好"), ("second", "请问几点营业"), ("third", "系统宕机")):
        house.mail(text, sender=f"{sender}@customer.test")
    deeds = arrivals(came(house), ONCE)
    for half_hours in range(1, 20):
        span = (WEDNESDAY, WEDNESDAY + half_hours * HOUR / 2)
        stories = simulate(deeds, shipped(), alone(), USED, span, replace(ONCE, handling=2 * HOUR, seed=5)).stories.values()
        if sum(story.ended is not None for story in stories) == 2:
            break
    assert [(story.tier, story.ended) for story in stories] == [("general", "confirmed"), ("general", None), ("urgent", "confirmed")]


def test_needs_come_as_often_as_asked_each_time_from_somebody_else(house: House) -> None:
    record = questions(house, 40, MINUTE)
    twice = arrivals(record, replace(ONCE, volume=2.0))
    assert len(twice) == 80
    assert len({deed.origin.address for deed in twice if deed.origin}) == 80
    assert [deed.at for deed in twice] == sorted(deed.at for deed in twice)
    assert twice[0].at >= WEDNESDAY
    assert 10 < len(arrivals(record, replace(ONCE, volume=0.5))) < 30
    assert [deed.at for deed in arrivals(record, ONCE)] == [deed.at for deed in record.deeds]


def test_only_what_opened_a_need_comes_again(house: House) -> None:
    number = house.mail("你好")
    house.done(number, "contact")
    house.mail("还有一件事", number)
    assert [deed.ticket for deed in arrivals(came(house), ONCE)] == [number]


def test_a_segment_is_known_of_whoever_comes(house: House) -> None:
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000900", "王女士", "vip", "zh", house.now - 90 * DAY))
        tx.add_address("C000900", "email", "wang@customer.test")
    house.mail("你好", sender="wang@customer.test")
    house.mail("另一件事,你好", sender="wang@customer.test")
    rule = "version: 1\nroutes:\n  - {id: vips, when: {field: customer.segment, is: vip}, queue: finance}\n"
    found = run(came(house), replace(ONCE, volume=2.0), policy=changed(("routing-vip.yaml", "", rule)))
    assert [story.queue for story in found.stories.values()] == ["finance"] * 4


def test_a_kind_may_take_a_time_of_its_own(house: House) -> None:
    house.mail("我要投诉,服务太差")
    record = came(house)
    usual, long = (run(record, replace(ONCE, by_kind=by_kind)).busy["zhao"] for by_kind in ({}, {"complaint": 3 * HOUR}))
    assert long == pytest.approx(9 * usual, rel=0.01)


def test_the_same_seed_says_the_same_and_another_something_else(house: House) -> None:
    record = questions(house, 5, 20 * MINUTE)
    again = [run(record, replace(ONCE, seed=seed)) for seed in (4, 4, 5)]
    assert again[0] == again[1]
    assert again[0].busy != again[2].busy


def test_what_the_house_opens_for_itself_is_work_too(house: House) -> None:
    rule = """\
version: 1
rules:
  - id: explain
    on: ticket_opened
    when: {field: ticket.kind, is: complaint}
    do:
      - {open: {kind: task, queue: front_desk, text: {zh: 向客户说明情况, en: Explain it to the customer}}}
"""
    house.mail("我要投诉,服务太差")
    plain, more = (run(came(house), policy=policy) for policy in (shipped(), changed(("rules-own.yaml", "", rule))))
    assert (plain.opened["task"], more.opened["task"]) == (0, 1)
    assert more.busy["zhao"] > plain.busy["zhao"]
