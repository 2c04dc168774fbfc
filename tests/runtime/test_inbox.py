"""What comes in is kept before it is acknowledged, taken once, and finds its ticket."""

from typing import Any

import pytest

from engine.channels import Attachment, Delivery, Inbound, Receipt, ReceiptStatus, Rejected
from engine.core import events as e
from engine.core.model import CUSTOMER
from engine.runtime import inbox
from engine.store.rows import CustomerRow
from tests.core.worlds import DAY, HOUR, MAIL, MINUTE, PHONE, WEDNESDAY, House, changed


def deliver(house: House, channel: str, *items: Inbound | Receipt | Rejected) -> tuple[int, list[str]]:
    """Hand items over; return how many were new and which were acknowledged, in order."""
    acknowledged: list[str] = []
    deliveries = [Delivery(item, lambda item=item: acknowledged.append(item.source_id), b"raw") for item in items]  # type: ignore[misc]  # a default binds it now
    return inbox.accept(house.desk, channel, deliveries, house.now), acknowledged


def work(house: House) -> list[str | None]:
    return [outcome.ticket for outcome in inbox.process(house.desk, house.world, house.now)]


def mail(source: str, **more: Any) -> Inbound:
    return Inbound(**{"source_id": source, "sender": MAIL, "received_at": WEDNESDAY, "text": "你好", **more})


# ── kept first, once ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_is_taken_once_and_acknowledged_every_time() -> None:
    house = House()
    assert deliver(house, "email", mail("a"), mail("b")) == (2, ["a", "b"])
    assert deliver(house, "email", mail("a"), mail("c")) == (1, ["a", "c"])
    assert len(work(house)) == 3
    assert work(house) == []


def test_an_item_is_durable_before_its_source_hears_so() -> None:
    house = House()
    seen: list[int] = []

    def acknowledge() -> None:
        with house.store.read() as reader:
            seen.append(len(reader.pending_inbox(house.now, 10)))

    inbox.accept(house.desk, "email", [Delivery(mail("a"), acknowledge, b"raw")], house.now)
    assert seen == [1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("bad.eml", "bad.eml"), ("../../etc/passwd", "passwd"), ("坏 邮件?.eml", "坏_邮件_.eml"), ("", "input"), ("...", "input")],
)
def test_what_no_plugin_understood_is_kept_with_the_reason_beside_it(name: str, kept: str) -> None:
    house = House()
    assert deliver(house, "email", Rejected("x", name, b"\x00raw", "not a mail")) == (0, ["x"])
    files = sorted(path.name for path in (house.desk.bad / "email").iterdir())
    assert [file.partition("-")[2] for file in files] == [kept, f"{kept}.reason.txt"]
    reason = next(path for path in (house.desk.bad / "email").iterdir() if path.name.endswith(".reason.txt"))
    assert reason.read_text("utf-8") == "not a mail\n"


def test_attachments_lie_under_the_hash_of_what_is_in_them() -> None:
    house = House()
    files = (Attachment("../照片.jpg", "image/jpeg", b"jpeg"), Attachment("b.jpg", "image/jpeg", b"jpeg"))
    deliver(house, "email", mail("a", attachments=files))
    [number] = work(house)
    stored = [path for path in house.desk.attachments.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in stored] == [b"jpeg"]
    assert stored[0].parent.name == stored[0].name[:2]
    with house.store.read() as reader:
        notes = [body for _, kind, body in reader.content_of(number or "") if kind == "attachment"]
    assert notes == [f"{stored[0].name} ../照片.jpg", f"{stored[0].name} b.jpg"]


def test_an_item_that_fails_is_tried_again_and_set_aside_in_the_end() -> None:
    house = House()
    deliver(house, "fax", mail("a"))
    for attempt in range(house.world.retries.attempts):
        assert work(house) == []
        with house.store.read() as reader:
            assert len(reader.pending_inbox(house.now, 10)) == 0
            assert len(reader.inbox("dead", 10)) == (attempt + 1) // house.world.retries.attempts
        house.now += DAY
    with house.store.read() as reader:
        [dead] = reader.inbox("dead", 10)
    assert dead.error == "LookupError: channel fax is not configured any more"
    assert dead.raw == b"raw"


def test_one_poisoned_item_does_not_stop_the_others() -> None:
    house = House()
    deliver(house, "fax", mail("a"))
    deliver(house, "email", mail("b"))
    assert work(house) == ["202603040001"]


# ── whose ticket ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reply_finds_its_ticket_by_token_in_any_case_or_by_what_it_answers_but_never_by_subject() -> None:
    house = House()
    number = house.mail("登录异常")
    token = house.tokens.make(number, CUSTOMER)
    assert house.mail("补充", tokens=("nonsense", token.upper())) == number
    row = house.messages(number, CUSTOMER)[0]
    with house.store.write() as tx:
        tx.message_sent(row.id, "<first@example.test>", house.now)
    assert house.mail("再补充", references=("<other@x>", "<first@example.test>")) == number
    assert house.mail("新问题", subject=f"Re: {number}") != number


def test_a_token_of_a_ticket_that_is_not_there_proves_nothing() -> None:
    house = House()
    assert house.mail("你好", tokens=(house.tokens.make("209901010001", CUSTOMER),)) == "202603040001"


def test_what_is_left_without_the_quotation_is_read_and_all_of_it_where_nothing_is_left() -> None:
    house = House()
    number = house.mail("", full_text="> 引用的原文")
    with house.store.read() as reader:
        assert [body for _, kind, body in reader.content_of(number) if kind == "description"] == ["> 引用的原文"]


def test_a_text_message_goes_to_the_ticket_that_waits_for_such_an_answer() -> None:
    house = House()
    first = house.sms("登录异常") or ""
    house.done(first, "resolve", "qian", "已恢复")
    second = house.sms("还有发票的问题") or ""
    assert second == first
    other = house.call(text="发票", fields={"kind": "inquiry"}) or ""
    assert other != first
    assert house.sms("Y") == first
    house.wait(2 * HOUR)
    assert house.sms("5 5 5") == first
    assert house.sms("再问一下发票") == other
    assert house.sms(f"{first} 没解决") == first
    assert house.ticket(first).reopened == 1
    house.done(first, "close", "qian", "已恢复")
    assert house.sms(f"{first} 谢谢") == first


def test_a_late_no_by_text_message_reopens_the_ticket_it_was_confirmed_for() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    house.done(number, "resolve", "qian", "已恢复")
    house.sms("Y")
    assert house.sms("N 又坏了") == number
    assert house.ticket(number).state == "in_progress"


def test_a_text_message_of_one_who_has_no_open_ticket_opens_one() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    house.done(number, "close", "qian", "重复")
    assert house.sms("又有问题") not in (None, number)
    assert house.sms("你好", sender="+8613700000000") not in (None, number)


def test_a_number_is_one_however_the_carrier_writes_it() -> None:
    house = House()
    number = house.sms("登录异常", sender="139 1234 5678")
    assert house.sms("在吗", sender="+86-13912345678") == number
    assert house.sms("在吗", sender="8613912345678") == number


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def known(house: House) -> None:
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王", None, None, house.now))
        tx.add_address("C000009", "phone", PHONE)


def test_missed_calls_of_one_customer_make_one_call_back() -> None:
    house = House()
    known(house)
    number = house.call("abandoned") or ""
    assert house.call("no_answer") == number
    assert [event.outcome for event in house.log(number) if isinstance(event, e.CallNoted)] == ["abandoned", "no_answer"]
    assert house.scripts(number, CUSTOMER) == ["missed_call"]
    assert house.call("answered", "outbound", "wang") == number
    assert house.ticket(number).deadlines["call_back"].met is True


def test_a_missed_call_of_a_stranger_and_an_outbound_call_to_nobodys_ticket_open_nothing() -> None:
    house = House()
    assert house.call("abandoned") is None
    assert house.call("answered", "outbound") is None
    with house.store.read() as reader:
        assert reader.customers(10) == []


def test_a_call_is_for_the_ticket_we_owe_a_call_else_for_the_agents_own_else_for_the_latest() -> None:
    house = House()
    known(house)
    first = house.call(text="登录异常", fields={"kind": "inquiry"}) or ""
    second = house.call(text="发票", fields={"kind": "inquiry"}) or ""
    assert house.call("answered", "outbound") == second
    assert house.call("answered", "outbound", house.ticket(first).assignee or "") == first
    call_back = house.call("abandoned")
    assert call_back not in (first, second)
    assert house.call("answered", "outbound") == call_back


def test_a_call_that_names_its_ticket_or_a_new_need_goes_there() -> None:
    house = House()
    first = house.call(text="登录异常") or ""
    second = house.call(text="发票", fields={"kind": "complaint"}) or ""
    assert (second != first, house.ticket(second).kind) == (True, "complaint")
    assert house.call(fields={"ticket": first}, text="客户来电") == first
    assert house.call("answered", agent="赵敏") == second
    assert [event.by for event in house.log(second) if isinstance(event, e.CustomerContacted)][-1] == "zhao"


def test_a_call_for_a_ticket_that_does_not_exist_is_set_aside_not_lost() -> None:
    house = House()
    assert house.call(fields={"ticket": "209901010001"}) is None
    house.now += MINUTE
    assert work(house) == []
    with house.store.read() as reader:
        assert reader.inbox_row(1) is not None


# ── receipts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def receipt(source: str, status: str, **more: Any) -> Receipt:
    return Receipt(source, ReceiptStatus(status), WEDNESDAY, **more)


def test_a_receipt_finds_its_message_by_our_id_or_the_carriers() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    row = house.messages(number, CUSTOMER)[0]
    with house.store.write() as tx:
        tx.claim_messages("sms", house.now, 10)
        tx.message_sent(row.id, "smsc-1", house.now)
    deliver(house, "sms", receipt("r1", "delivered", provider_id="smsc-1"), receipt("r2", "delivered", message_id=row.id))
    assert work(house) == [number]
    assert house.names(number)[-1] == "message_delivered"
    assert house.messages(number, CUSTOMER)[0].state == "delivered"


def test_a_receipt_of_failure_is_somebodys_matter() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    row = house.messages(number, CUSTOMER)[0]
    deliver(house, "sms", receipt("r1", "failed", message_id=row.id, detail="UNDELIV"))
    assert work(house) == [number]
    assert house.names(number)[-2:] == ["message_failed", "message_queued"]
    assert "UNDELIV" in house.words(house.messages(number, script="undelivered")[0])


def test_a_receipt_of_nothing_we_know_waits_for_its_message_and_is_set_aside() -> None:
    house = House()
    deliver(house, "sms", receipt("r1", "delivered", provider_id="smsc-9"), receipt("r2", "failed"))
    assert work(house) == []
    for _ in range(house.world.retries.attempts):
        house.now += DAY
        work(house)
    with house.store.read() as reader:
        assert {row.error for row in reader.inbox("dead", 10)} == {
            "LookupError: no message is known as smsc-9",
            "LookupError: no message is known as ",
        }


def test_the_raw_words_of_an_answer_are_forgotten_with_their_item() -> None:
    house = House()
    number = house.surveyed()
    house.mail("5 1 4 REMARK", number)
    with house.store.read() as reader:
        row = reader.inbox_row(3)
    assert row is not None
    assert "REMARK" not in row.item_json
    assert row.raw == b""


def test_a_policy_without_call_backs_ignores_missed_calls() -> None:
    policy = changed(("intake.yaml", "outcome, in: [abandoned, no_answer, busy]}", "outcome, in: [busy]}"))
    house = House(policy)
    known(house)
    assert house.call("abandoned") is None
