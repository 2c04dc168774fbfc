"""What another policy would have made of what people did: the same where it says the same, and nothing else where it does not."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from engine.core.calendar import Calendar, CalendarSpec, Window
from engine.core.compiled import Policy
from engine.core.signals import CustomerChanged, MessageArrived
from engine.policy.cases import Channels
from engine.store import CustomerRow, TicketQuery
from engine.whatif.recorded import Record, recorded
from engine.whatif.replay import Replayed, on_record, replay
from engine.whatif.stories import PARTS, Story, figures
from tests.core.worlds import CHANNELS, DAY, HOUR, MINUTE, WEDNESDAY, House, a_step, an_agent, changed, shipped, team

ZONE = ZoneInfo("Asia/Shanghai")
QUICKER = ("sla.yaml", "{response: 30m, next_response: 1h, plan: 4h", "{response: 15m, next_response: 1h, plan: 4h")
TO_PRODUCT = ("routing.yaml", "    queue: tech_support\n  - id: money-to-finance", "    queue: product\n  - id: money-to-finance")


@pytest.fixture
def house() -> Iterator[House]:
    opened = House()
    yield opened
    opened.close()


def record_of(house: House, since: timedelta = timedelta(0), channels: dict[str, str] | None = None) -> Record:
    with house.store.read() as reader:
        kinds = Channels(dict(CHANNELS) if channels is None else channels, ("email", "sms"))
        return recorded(reader, kinds, ZONE, WEDNESDAY + since, house.now + MINUTE)


def under(house: House, policy: Policy, record: Record | None = None) -> Replayed:
    record = record or record_of(house)
    with house.store.read() as reader:
        channels = Channels(dict(CHANNELS), ("email", "sms"))
        return replay(reader, record, policy, house.people, channels, WEDNESDAY, record.deeds)


def stories(house: House) -> dict[str, Story]:
    with house.store.read() as reader:
        return on_record(reader, record_of(house))


def work(house: House) -> str:
    """A need that goes the whole way, with a task of another department on it; nobody answers the survey."""
    number = house.mail("导出报表总是报错", subject="报表")
    house.wait(20 * MINUTE)
    house.done(number, "contact", "qian", "问清了情况")
    house.done(number, "plan", "qian", "重建索引", steps=(a_step("重建", house.now + HOUR), a_step("核对", house.now + 2 * HOUR)))
    house.done(number, "task", "qian", "查一下日志", target="product", due=house.now + HOUR)
    with house.store.read() as reader:
        [task] = reader.tickets(TicketQuery(parent=number))
    house.wait(30 * MINUTE)
    house.done(task.number, "resolve", "zhou", "日志正常")
    house.done(number, "done", "qian", target="1")
    house.done(number, "done", "qian", target="2")
    house.done(number, "resolve", "qian", "已修复")
    house.mail("N 还是报错", number)
    house.done(number, "resolve", "qian", "再次修复")
    house.call("answered", agent="qian", text="客户来电确认情况", fields={"ticket": number})
    house.mail("Y", number)
    house.wait(DAY)
    return number


def test_under_the_policy_that_was_in_force_all_goes_as_it_is_on_record(house: House) -> None:
    number = work(house)
    record = record_of(house)
    again = under(house, shipped(), record)
    assert list(record.needs) == [number]
    assert not record.left_out
    assert (again.stories, again.refused, again.nowhere) == (stories(house), {}, 0)
    story = again.stories[number]
    assert (story.kind, story.tier, story.queue, story.ended) == ("inquiry", "important", "tech_support", "confirmed")
    kinds = ("response", "plan", "progress", "plan_step", "resolution", "confirmation", "survey_sending")
    assert story.kept == dict.fromkeys(kinds, True)
    assert story.messages["confirmation_request"] == 2
    assert again.opened["task"] == 1


def test_a_promise_that_was_kept_is_missed_where_it_is_promised_sooner(house: House) -> None:
    number = work(house)
    old, new = (under(house, policy).stories[number] for policy in (shipped(), changed(QUICKER)))
    assert old.promises["response"] - new.promises["response"] == 15 * MINUTE
    assert (old.kept["response"], new.kept["response"]) == (True, False)
    assert new.escalated > old.escalated
    assert set(old.changes(new)) == {"promises", "kept", "escalated"}
    assert old.changes(None) == PARTS


def test_a_need_is_routed_as_the_other_policy_says_and_no_other_is(house: House) -> None:
    fault, question = house.mail("总是报错"), house.mail("你好", sender="other@customer.test")
    house.wait(HOUR)
    old, new = (under(house, policy).stories for policy in (shipped(), changed(TO_PRODUCT)))
    assert (old[fault].queue, new[fault].queue) == ("tech_support", "product")
    assert old[question] == new[question]


def test_the_archive_knows_customers_as_it_did_when_they_wrote(house: House) -> None:
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000900", "王女士", None, "zh", house.now - 90 * DAY))
        tx.add_address("C000900", "email", "wang@customer.test")
    plain = house.mail("你好", sender="wang@customer.test")
    with house.store.write() as tx:
        tx.update_customer(CustomerRow("C000900", "王女士", "vip", "zh", house.now - 90 * DAY))
    house.wait(MINUTE)
    special = house.mail("另一件事,你好", sender="wang@customer.test")
    house.handle(CustomerChanged(plain, "C000900"))
    rule = "version: 1\nroutes:\n  - {id: vips, when: {field: customer.segment, is: vip}, queue: finance}\n"
    found = under(house, changed(("routing-vip.yaml", "", rule))).stories
    assert (found[plain].queue, found[special].queue) == ("front_desk", "finance")


def test_a_stranger_of_the_first_need_is_known_with_the_second(house: House) -> None:
    first, second = house.mail("你好"), house.mail("又一件事,你好")
    rule = "version: 1\nroutes:\n  - {id: again, when: {field: customer.tickets, last: 30d, at_least: 1}, queue: finance}\n"
    found = under(house, changed(("routing-again.yaml", "", rule))).stories
    assert (found[first].queue, found[second].queue) == ("front_desk", "finance")


def test_what_is_said_on_the_tickets_page_is_played_too(house: House) -> None:
    number = house.resolved()
    house.handle(MessageArrived(number, "email", "Y", trusted=True))
    assert under(house, shipped()).stories == stories(house)
    assert stories(house)[number].ended == "confirmed"


def test_words_that_are_kept_no_more_are_left_out_and_counted(house: House) -> None:
    house.mail("总是报错")
    kept = house.mail("你好", sender="other@customer.test")
    with house.store.write() as tx:
        tx.clear("inbox.items", tx.outdated("inbox.items", house.now + DAY, 1))
        assert [row.item_json for row in tx.inbox(None, 9)].count("null") == 1
    record = record_of(house)
    assert record.left_out == {"words": 1}
    assert list(under(house, shipped(), record).stories) == [kept]


def test_a_survey_s_answer_is_left_out_for_it_is_never_kept_with_its_ticket(house: House) -> None:
    number = house.surveyed()
    house.mail("5 5 5", number)
    house.wait(DAY)
    record = record_of(house)
    assert record.left_out == {"words": 1}
    old = under(house, shipped(), record).stories[number]
    assert set(stories(house)[number].changes(old)) <= {"messages"}


def test_what_came_over_a_channel_that_is_gone_is_left_out(house: House) -> None:
    house.sms("你好")
    record = record_of(house, channels={"email": "email"})
    assert (record.left_out, record.deeds, len(record.needs)) == ({"channel": 1}, (), 1)


def test_only_needs_of_the_span_are_played(house: House) -> None:
    house.mail("你好")
    house.wait(2 * DAY)
    later = house.mail("另一件事,你好")
    assert record_of(house, DAY).needs == (later,)


def test_a_deed_that_another_policy_does_not_allow_is_counted_with_its_reason(house: House) -> None:
    number = house.mail("退款")
    house.done(number, "tier", "zhao", "客户很着急", target="urgent")
    without = replace(shipped(), tiers=tuple(tier for tier in shipped().tiers if tier.id != "urgent"))
    again = under(house, without)
    assert sum(again.refused.values()) == 1
    assert "urgent" in next(iter(again.refused))


def test_deeds_about_a_ticket_that_does_not_come_about_are_counted(house: House) -> None:
    number = house.mail("退款,东西坏了")
    asked = house.done(number, "compensate", "zhao", "太贵", amount=900)
    [approval] = asked.approvals
    house.done(approval, "grant", "zhou", "可以")
    record = record_of(house)
    assert under(house, shipped(), record).nowhere == 0
    generous = replace(shipped(), authority=None)
    again = under(house, generous, record)
    assert again.nowhere + sum(again.refused.values()) == 2


def test_a_deed_on_which_nothing_can_be_decided_is_counted_and_the_others_are_played() -> None:
    house = House(people=replace(team(), agents={id: an_agent(id, "front_desk") for id in ("zhao", "zhou")}))
    number = house.mail("你好")
    house.done(number, "contact")  # progress is counted on the office's calendar
    house.done(number, "note", text="记一笔")
    blind = Calendar(CalendarSpec("cn_office", "Asia/Shanghai", {0: (Window(540, 1080),)}, holidays={}))
    again = under(house, replace(shipped(), calendars={**shipped().calendars, "cn_office": blind}))
    house.close()
    assert (list(again.refused.values()), list(again.stories)) == ([1], [number])
    assert "cn_office" in next(iter(again.refused))


def test_figures_count_by_part_and_name() -> None:
    one = Story("inquiry", "general", "front_desk", {}, {"response": True}, 2, {"promise": 1}, "confirmed")
    two = Story("inquiry", None, None, {}, {"response": False}, 1, {"promise": 2}, None)
    assert figures([one, two]) == {
        ("needs", ""): 2,
        ("kind", "inquiry"): 2,
        ("tier", "general"): 1,
        ("tier", ""): 1,
        ("queue", "front_desk"): 1,
        ("queue", ""): 1,
        ("escalated", ""): 3,
        ("ended", "confirmed"): 1,
        ("ended", ""): 1,
        ("kept", "response"): 1,
        ("missed", "response"): 1,
        ("messages", "promise"): 3,
    }
