"""The whole loop on real parts: a customer's problem comes in by real mail, by a real text message or as a real exchange's record, and
goes round until the customer confirms, is asked how it was, and a bad answer is followed up. `engine run` is a process of its own.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.desk import STOPS_WITHIN
from tests.acceptance.house import NUMBER, SAMPLES, SIGNATURE, ZONE, House, clock_words, opened_house
from tests.acceptance.mail import words
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real("dovecot", "postfix", "openssl")

CUSTOMER = "customer@example.test"
STEPS = [
    "ticket_opened",
    "assigned",
    "customer_contacted",
    "plan_recorded",
    "plan_step_done",
    "result_reported",
    "customer_objected",
    "result_reported",
    "customer_confirmed",
    "survey_scheduled",
    "survey_sent",
    "survey_answered",
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened_house(Path(sys.prefix) / "bin" / "engine", tmp_path_factory.mktemp("house") / "desk") as opened:
        yield opened


def events(house: House, number: str, *names: str) -> list[str]:
    return [name for name in house.event_names(number) if name in names]


def test_a_mail_goes_round_until_the_customer_agrees_and_a_bad_score_is_followed_up(house: House) -> None:
    house.write(f"王小明 <{CUSTOMER}>", "打印机", "三楼打印机故障,打不出来,请尽快处理。")
    ticket = house.ticket_of(CUSTOMER)
    number, opened = ticket.number, ticket.opened_at
    assert number.startswith(f"{opened.astimezone(ZONE):%Y%m%d}")
    assert (ticket.kind, ticket.tier, ticket.queue, ticket.channel) == ("inquiry", "important", "tech_support", "email")
    due = {clock.id: clock.due for clock in ticket.deadlines.values()}
    promised = {"response": opened + timedelta(minutes=30), "plan": opened + timedelta(hours=4)}
    assert due == promised | {"resolution": opened + timedelta(hours=48)}

    promise = house.mail_to("customer", number, "二级(重要)")
    assert f"我们将在{clock_words(due['response'], opened)}前联系您" in words(promise)
    assert f"{clock_words(due['plan'], opened)}前给出处理方案" in words(promise)
    assert promise["Auto-Submitted"].startswith("auto-")

    agent = ticket.assignee
    work(house, number, agent)
    house.mail_to("customer", number, "已关闭")

    invitation = house.mail_to("customer", "2分钟", "响应速度")
    house.reply("customer", invitation, "2 5 4 等得太久")
    house.mail_to("customer", "感谢您的评价")
    house.wait_for_rest(number)

    shown = house.desk.data("ticket", "show", number)
    assert (shown["state"], shown["survey"], shown["assignee"]) == ("confirmed", "came", agent)
    assert {clock["state"] for clock in shown["clocks"]} == {"met"}
    assert events(house, number, *STEPS) == STEPS
    why_graded(house, number)
    house.check_log(number, 0, (CUSTOMER, "王小明", "打印", "卡纸", "等得太久"))
    follow_up(house, number)
    house.desk.sound()


def work(house: House, number: str, agent: str) -> None:
    """The agent works on it until the customer, who objects once, agrees."""
    assignment = house.mail_to(agent, number, "打不出来")
    house.reply(agent, assignment, "已联系 电话里确认是三楼的那台")
    receipt = house.mail_to(agent, "已记录")
    finished = (datetime.now(ZONE) + timedelta(hours=1)).replace(second=0, microsecond=0)
    house.reply(agent, receipt, f"方案 更换打印头\n- 更换打印头; {agent}; {finished:%Y-%m-%d %H:%M}")
    plan = house.mail_to("customer", number, "更换打印头")
    assert f"{clock_words(finished, datetime.now(UTC))}前" in words(plan)
    receipt = house.mail_to(agent, "已记录")
    house.reply(agent, receipt, "完成 1")
    receipt = house.mail_to(agent, "已记录")
    house.reply(agent, receipt, "解决 打印头已更换,试打正常")

    result = house.mail_to("customer", number, "打印头已更换")
    house.reply("customer", result, "N 还是卡纸")
    objection = house.mail_to(agent, number, "还是卡纸")
    house.mail_to("customer", number, "继续处理")
    again = house.desk.data("ticket", "show", number)
    assert (again["state"], again["objections"]) == ("in_progress", 1)
    house.reply(agent, objection, "解决 进纸轮已清洁,连打五十页正常")
    result = house.mail_to("customer", number, "进纸轮已清洁")
    house.reply("customer", result, "Y")


def why_graded(house: House, number: str) -> None:
    """The tier's reason leads to the very line of the policy that says so, and the decisions tell all that happened."""
    explained = house.desk.data("explain", number)["decisions"]
    assert [event["event"] for one in explained for event in one["events"]] == house.event_names(number)
    assert {one["policy"] for one in explained} == {house.desk.look(lambda reader: reader.active_policy())}
    [graded] = [why for why in explained[0]["why"] if why["decided"] == "tier: important"]
    name, _, line = graded["where"].rpartition(":")
    policy = (house.desk.root / "policies" / name).read_text(encoding="utf-8").splitlines()
    assert "id: important" in policy[int(line) - 1]


def follow_up(house: House, rated: str) -> None:
    """A supervisor hears of the bad score, learns whom it is about only through their role, and the link is gone afterwards."""
    wait_until(lambda: house.desk.data("ticket", "list", "--kind", "follow_up"), "the follow-up of the bad score")
    [ticket] = house.desk.data("ticket", "list", "--kind", "follow_up")
    number = ticket["number"]
    assert (ticket["queue"], ticket["assignee"], ticket["customer"], ticket["parent"]) == ("supervisors", "li", None, None)
    opened = datetime.fromisoformat(ticket["opened_at"])
    assert datetime.fromisoformat(ticket["next_due"]["due"]) == opened + timedelta(hours=44)
    assignment = house.mail_to("li", number)
    assert [part for part in (rated, CUSTOMER, "王小明", "等得太久") if part in assignment.as_string() + words(assignment)] == []

    hidden = house.desk.engine("ticket", "show", number, "--as", "zhao", code=1)
    assert [part for part in (rated, CUSTOMER, "王小明", "等得太久") if part in hidden] == []
    seen = house.desk.data("ticket", "show", number, "--as", "li")["follow_up"]
    assert (seen["ticket"], seen["contact"]["name"], seen["contact"]["addresses"]["email"]) == (rated, "王小明", CUSTOMER)
    assert (sorted(seen["scores"].values()), seen["suggestion"]) == ([2, 4, 5], "等得太久")

    house.desk.engine("ticket", "contact", number, "--as", "li", "--text", "客户希望当天上门")
    closed = house.desk.data("ticket", "resolve", number, "--as", "li", "--text", "已安排当天上门的班次")
    assert closed["state"] == "closed"
    assert house.desk.data("ticket", "show", number, "--as", "li")["follow_up"] is None
    assert house.desk.look(lambda reader: reader.link(number)) is None
    looks = house.desk.look(lambda reader: [(one.who, one.what) for one in reader.audits() if one.about == number])
    assert looks == [("zhao", "was refused"), ("li", "looked at"), ("li", "was refused")]


def test_a_text_message_goes_round_to_a_confirmation_and_a_survey_by_text_message(house: House) -> None:
    phone = "8613900001111"
    house.centre.inject(phone, NUMBER, "请问你们周末营业吗")
    ticket = house.ticket_of(f"+{phone}")
    number, opened = ticket.number, ticket.opened_at
    assert (ticket.tier, ticket.queue, ticket.channel) == ("general", "front_desk", "sms")
    promise = house.text_to(phone, number, "三级(一般)")
    assert promise.startswith(SIGNATURE)
    assert f"{clock_words(opened + timedelta(hours=2), opened)}前联系您" in promise

    house.desk.engine("ticket", "contact", number, "--as", ticket.assignee, "--text", "已电话告知")
    house.desk.engine("ticket", "resolve", number, "--as", ticket.assignee, "--text", "周末九点到五点营业")
    house.text_to(phone, number, "满意请回复Y")
    house.centre.inject(phone, NUMBER, "Y")
    house.text_to(phone, number, "已关闭")
    house.text_to(phone, "请评价本次服务")
    house.centre.inject(phone, NUMBER, "5 5 4 谢谢")
    house.text_to(phone, "感谢您的评价")

    def delivered() -> bool:
        rows = house.desk.look(lambda reader: reader.messages(ticket=number, channel="sms"))
        return {row.state for row in rows} == {"delivered"}

    wait_until(delivered, "the receipts of all text messages")
    house.wait_for_rest(number)
    shown = house.desk.data("ticket", "show", number)
    assert (shown["state"], shown["survey"]) == ("confirmed", "came")
    assert len(house.centre.messages(phone)) == 5, "each message once"
    wait_until(lambda: not house.desk.look(lambda reader: reader.waiting_answers()), "the answer to be put into storage")
    answers = house.desk.look(lambda reader: [(dict(row.scores), row.suggestion) for row in reader.answers()])
    assert ({"speed": 5, "attitude": 5, "effect": 4}, "谢谢") in answers
    assert [one for one in house.desk.look(lambda reader: reader.content_of(number)) if "谢谢" in one[2]] == []
    house.check_log(number, 2, (phone, "周末", "谢谢"))
    house.desk.sound()


def test_calls_of_a_real_exchange_become_tickets_and_a_missed_one_of_a_known_customer_is_called_back(house: House) -> None:
    master, queue_log = ((SAMPLES / f"asterisk-22-{name}").read_bytes() for name in ("Master.csv", "queue_log"))
    half = len(master) // 2  # in the middle of a row, as the exchange's buffer ends
    with (house.exchange / "queue_log").open("ab") as log:
        log.write(queue_log)
    for piece in (master[:half], master[half:]):
        with (house.exchange / "Master.csv").open("ab") as records:
            records.write(piece)

    callers = {"+8613800138000", "+8613800138001", "+8613800138002", "+8613800138004", "+8613900139000"}
    answered = {phone: house.ticket_of(phone) for phone in sorted(callers)}
    for phone, ticket in answered.items():
        assert (ticket.kind, ticket.channel, ticket.queue) == ("inquiry", "phone_log", "front_desk")
        assert ticket.deadlines["response"].met, "who answered the call has spoken with the customer"
        house.text_to(phone.removeprefix("+"), ticket.number, "三级(一般)")

    missed = house.ticket_of("+8613700137000")
    assert (missed.kind, missed.queue) == ("call_back", "front_desk")
    assert missed.deadlines["call_back"].due == missed.opened_at + timedelta(minutes=30)
    assert "回电" in house.text_to("8613700137000", SIGNATURE)
    house.mail_to(missed.assignee, missed.number)
    house.desk.engine("ticket", "contact", missed.number, "--as", missed.assignee, "--text", "已回电")
    done = house.desk.data("ticket", "resolve", missed.number, "--as", missed.assignee, "--text", "客户的问题已解答")
    assert done["state"] == "closed"

    by_phone = house.tickets(lambda ticket: ticket.channel == "phone_log")
    assert len(by_phone) == len(answered) + 1, "missed calls of strangers open nothing"
    for ticket in by_phone:
        house.wait_for_rest(ticket.number)
    house.check_log(missed.number, 2, ("13700137000", "13800138000", "Zhang San", "郭先生"))
    house.desk.sound()


def test_a_restart_goes_on_exactly_where_it_was(house: House) -> None:
    phone = "8613900002222"
    house.centre.inject(phone, NUMBER, "发票开错了,请更正")
    ticket = house.ticket_of(f"+{phone}")
    number, agent = ticket.number, ticket.assignee
    house.desk.engine("ticket", "resolve", number, "--as", agent, "--text", "发票已重开")
    house.text_to(phone, number, "满意请回复Y")
    house.wait_for_rest(number)
    before = {one.number for one in house.tickets(lambda ticket: True)}

    assert house.daemon.stop() < STOPS_WITHIN
    house.desk.engine("ticket", "confirm", number, "--as", agent, "--text", "客户电话确认")
    house.desk.engine("ticket", "write", number, "--as", agent, "--text", "纸质发票明天寄出")
    house.write("陈先生 <customer@example.test>", "保修", "空调需要维修,请安排。")
    [timer] = house.desk.look(lambda reader: [row for row in reader.timers(number) if row.key == "survey/send"])
    wait_until(lambda: datetime.now(UTC) > timer.due, "the survey to be overdue")
    assert house.event_names(number).count("survey_sent") == 0
    assert len(house.centre.messages(phone)) == 2, "nothing is sent while nobody works"

    house.restart()
    house.text_to(phone, "请评价本次服务")
    house.text_to(phone, "纸质发票明天寄出")
    house.wait_for_rest(number)
    wait_until(lambda: len(house.tickets(lambda ticket: ticket.number not in before)) == 1, "the mail of the night")
    assert house.daemon.stop() < STOPS_WITHIN
    house.restart()
    assert house.event_names(number).count("survey_sent") == 1
    texts = [text for _, text in house.centre.messages(phone)]
    assert len(texts) == len(set(texts)) == 5, "each message once, over two restarts"
    assert len(house.tickets(lambda ticket: ticket.number not in before)) == 1
    house.desk.sound()
