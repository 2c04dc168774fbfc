"""A flood of notices becomes a handful of messages: nothing is lost, every ticket is named, and each one's log tells what became of it."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.channels import Delivery as Handed
from engine.channels import Outbound, PermanentFailure, Receipt, ReceiptStatus, TemporaryFailure
from engine.core import events as e
from engine.core.escalations import Recipient
from engine.core.index import Rules
from engine.runtime import inbox
from engine.runtime.outbox import Postman
from engine.store.rows import OutboxRow
from engine.store.sql.outbox import LARGEST_DIGEST
from tests.core.worlds import HOUR, MINUTE, WEDNESDAY, House, an_agent, changed, shipped, with_agents
from tests.runtime.test_outbox import PATIENT, Carrier
from tests.support.counts import scaled


def dispatch(house: House, carrier: object, channel: str = "email", **more: object) -> int:
    """Send until nothing is due."""
    postman, total = Postman(house.store, house.tokens, channel, PATIENT, lambda address: address), 0
    while done := len(postman.dispatch(carrier, house.world, lambda: house.now, **more)):  # type: ignore[arg-type]  # a carrier does what a channel does
        total += done
    return total


def desk(*agents: str) -> House:
    return House(people=with_agents(*(an_agent(id, "front_desk", phone=f"+861380000001{n}") for n, id in enumerate(agents))))


def notices(house: House, party: str, count: int, **more: object) -> list[OutboxRow]:
    """Put notices for somebody in line that may go together, each of a ticket of its own."""
    numbers = [house.mail("你好", sender=f"c{n}@example.test") for n in range(count)]
    dispatch(house, Carrier())
    rows = []
    with house.store.write() as tx:
        for n, number in enumerate(numbers):
            tx.keep_content(f"k{n}", number, "message", f"第{n}条:工单{number}已超时")
            row = OutboxRow(
                f"n{n}",
                number,
                "email",
                party,
                f"{party}@example.test",
                f"超时 {n}",
                f"k{n}",
                "zh",
                True,
                "breach_notice",
                house.now,
                digest="",
            )
            row = replace(row, **more)
            tx.queue_message(row)
            rows.append(row)
    return rows


def texts_of(sent: Sequence[Outbound], address: str) -> list[str]:
    return [message.text for message in sent if message.to == address]


def test_what_is_due_together_goes_as_one_message_with_a_head_and_every_text() -> None:
    house = desk("ann")
    rows = notices(house, "ann", 3)
    carrier = Carrier()
    assert dispatch(house, carrier) == 3
    [digest] = carrier.sent
    numbers = [row.ticket or "" for row in rows]
    assert digest.message_id == "n0"
    assert digest.subject == "3条工单通知"
    assert digest.token == ""
    head, *texts = digest.text.split("\n\n")
    assert head == f"Ann,您好:以下3条通知合并发送,请勿回复本邮件。涉及工单:{'、'.join(numbers)}"
    assert texts == [f"[03-04 10:00] 第{n}条:工单{number}已超时" for n, number in enumerate(numbers)]
    with house.store.read() as reader:
        kept = [row for row in reader.messages() if row.digest is not None]
    assert {(row.state, row.provider_id, row.digest) for row in kept} == {("sent", "<n0@carrier>", "n0")}
    assert [house.names(number)[-1] for number in numbers] == ["message_sent"] * 3


def test_one_alone_goes_as_it_is_with_its_own_token() -> None:
    house = desk("ann")
    [row] = notices(house, "ann", 1)
    carrier = Carrier()
    dispatch(house, carrier)
    [message] = carrier.sent
    assert (message.subject, message.text) == ("超时 0", f"第0条:工单{row.ticket}已超时")
    assert house.tokens.read(message.token) == (row.ticket, "ann")


def test_only_what_goes_to_the_same_person_in_the_same_language_goes_together_and_no_answer_that_is_awaited() -> None:
    house = desk("ann", "bob")
    notices(house, "ann", 2)
    with house.store.write() as tx:
        for id, changes in (
            ("b", {"party": "bob", "address": "bob@example.test"}),
            ("en", {"language": "en"}),
            ("other", {"address": "elsewhere@example.test"}),
            ("plain", {"digest": None}),
            ("alone", {"digest": "alone"}),
            ("later", {"next_attempt_at": house.now + MINUTE}),
        ):
            base = tx.message("n0")
            assert base is not None
            tx.queue_message(replace(base, **{"id": id, "next_attempt_at": None, **changes}))
    carrier = Carrier()
    dispatch(house, carrier)
    assert sorted(message.message_id for message in carrier.sent) == ["alone", "b", "en", "n0", "other", "plain"]


def test_in_english_the_head_is_english() -> None:
    house = desk("ann")
    notices(house, "ann", 2, language="en")
    carrier = Carrier()
    dispatch(house, carrier)
    assert carrier.sent[0].subject == "2 notices about tickets"
    assert carrier.sent[0].text.startswith("Hello Ann, these are 2 notices in one")


def test_a_failure_is_shared_and_what_was_tried_together_stays_together_under_its_id() -> None:
    house = desk("ann")
    notices(house, "ann", 2)
    assert dispatch(house, Carrier(TemporaryFailure("busy", 60.0))) == 0
    with house.store.write() as tx:  # another one joins the line meanwhile, due before the others are tried again
        base = tx.message("n0")
        assert base is not None
        tx.queue_message(replace(base, id="a-new", state="queued", attempts=0, next_attempt_at=house.now, digest=""))
    house.now += MINUTE
    carrier = Carrier()
    assert dispatch(house, carrier) == 3
    assert [(message.message_id, message.text.count("第")) for message in carrier.sent] == [("a-new", 1), ("n0", 2)]


def test_of_a_digest_whose_rows_are_due_at_different_times_all_go_when_the_first_is() -> None:
    house = desk("ann")
    notices(house, "ann", 3)
    dispatch(house, Carrier(TemporaryFailure("busy", 60.0)))
    with house.store.write() as tx:
        tx.requeue_message("n1", house.now)  # not set aside: nothing changes
        tx.claim_messages("email", house.now + HOUR, 1)
        for n, minutes in ((0, 1), (1, 2), (2, 3)):
            tx.message_retry(f"n{n}", house.now + minutes * MINUTE, "hung")
    house.now += MINUTE
    carrier = Carrier()
    assert dispatch(house, carrier) == 3
    assert [message.message_id for message in carrier.sent] == ["n0"]


def test_a_digest_that_can_never_be_sent_is_set_aside_whole_and_each_row_can_be_tried_again() -> None:
    house = desk("ann")
    rows = notices(house, "ann", 3)
    assert dispatch(house, Carrier(PermanentFailure("no such user"))) >= 3
    with house.store.write() as tx:
        assert [tx.message(row.id).state for row in rows] == ["dead"] * 3  # type: ignore[union-attr]  # they are there
        assert all(tx.requeue_message(row.id, house.now) for row in rows[1:])
    assert all("message_failed" in house.names(row.ticket or "") for row in rows)
    carrier = Carrier()
    dispatch(house, carrier)
    assert ("n1", 2) in [(message.message_id, message.text.count("第")) for message in carrier.sent]


def test_a_crash_while_it_is_sent_sends_the_same_message_again() -> None:
    house = desk("ann")
    notices(house, "ann", 3)
    with house.store.write() as tx:
        assert [row.digest for row in tx.claim_messages("email", house.now, 1)] == ["n0"] * 3
        assert tx.recover_sending(house.now) == 3
    carrier = Carrier()
    dispatch(house, carrier)
    assert [(message.message_id, message.text.count("第")) for message in carrier.sent] == [("n0", 3)]


def test_what_is_held_is_held_whole_and_goes_out_together_when_it_is_let_go() -> None:
    house = desk("ann")
    notices(house, "ann", 3)
    Postman(house.store, house.tokens, "email", PATIENT, lambda address: None).dispatch(Carrier(), house.world, lambda: house.now)  # type: ignore[arg-type]  # see above
    with house.store.write() as tx:
        assert {row.state for row in tx.messages() if row.digest is not None} == {"held"}
        tx.release_held()
    carrier = Carrier()
    dispatch(house, carrier)
    assert [message.message_id for message in carrier.sent] == ["n0"]


@pytest.mark.parametrize(("status", "event"), [("delivered", "message_delivered"), ("failed", "message_failed")])
@pytest.mark.parametrize("by_provider", [True, False])
def test_a_receipt_is_for_every_ticket_of_the_digest(status: str, event: str, by_provider: bool) -> None:
    house = desk("ann")
    rows = notices(house, "ann", 3)
    dispatch(house, Carrier())
    ids = {"provider_id": "<n0@carrier>"} if by_provider else {"message_id": "n0"}
    receipt = Receipt(source_id="r1", received_at=house.now, status=ReceiptStatus(status), **ids)  # type: ignore[arg-type]  # either id does
    inbox.accept(house.desk, "email", [Handed(receipt, lambda: None, b"raw")], house.now)
    [outcome] = inbox.process(house.desk, house.world, house.now)
    assert len(outcome.handled) == 3
    assert all(event in house.names(row.ticket or "") for row in rows)
    again = Receipt(source_id="r2", received_at=house.now, status=ReceiptStatus(status), **ids)  # type: ignore[arg-type]  # see above
    inbox.accept(house.desk, "email", [Handed(again, lambda: None, b"raw")], house.now)
    assert inbox.process(house.desk, house.world, house.now) == []


def test_an_answer_to_a_digest_is_no_message_about_its_first_ticket() -> None:
    house = desk("ann")
    rows = notices(house, "ann", 2)
    dispatch(house, Carrier())
    found = house.take("email", sender="ann@example.test", text="收到", references=("<n0@carrier>",))
    assert found not in {row.ticket for row in rows}


def test_a_head_that_cannot_be_said_is_left_out_and_the_texts_go_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    house = desk("ann")
    policy = changed(("scripts.yaml", "  digest: digest\n\n", "\n"), ("scripts.yaml", "  digest: {after: 3, within: 5m}\n", ""))
    house.world = replace(house.world, policy=policy)
    notices(house, "ann", 2)
    carrier = Carrier()
    dispatch(house, carrier)
    assert (carrier.sent[0].subject, carrier.sent[0].text[:15]) == ("超时 0", "[03-04 10:00] 第")
    broken = replace(policy, notices={**policy.notices, "digest": "breach_notice"})  # it asks for a ticket, and there are several
    house.world = replace(house.world, policy=broken)
    with house.store.write() as tx:
        for n in range(2):
            tx.queue_message(replace(tx.message(f"n{n}"), id=f"x{n}", state="queued", next_attempt_at=house.now, digest=""))  # type: ignore[type-var,arg-type]  # it is there
    dispatch(house, carrier)
    assert carrier.sent[1].text[:15] == "[03-04 10:00] 第"
    assert "no head for a digest" in caplog.text


def test_an_agent_answers_a_text_message_about_the_ticket_they_were_told_of() -> None:
    house = desk("ann")
    number, other = house.mail("你好"), house.mail("再问一个", sender="d@example.test")
    with house.store.write() as tx:
        for n, ticket in enumerate((number, other)):
            tx.keep_content(f"s{n}", ticket, "message", "超时")
            row = OutboxRow(
                f"s{n}",
                ticket,
                "sms",
                "ann",
                "+8613800000010",
                "",
                f"s{n}",
                "zh",
                True,
                "breach_notice",
                house.now + n * MINUTE,
                digest=f"s{n}",
            )
            tx.queue_message(row)
    assert house.sms("备注 我来处理", sender="+8613800000010") == other
    assert house.sms(f"备注 {number} 我来处理", sender="+8613800000010") == number
    assert [event.by for event in house.log(other) if isinstance(event, e.Noted)] == ["ann"]
    assert house.sms("我要投诉", sender="+8613800000011") not in (number, other)


def test_a_flood_of_a_thousand_breaches_in_a_minute_is_a_handful_of_messages_and_names_every_ticket() -> None:
    count = scaled(1000, least=120)
    first = shipped().escalations[0]
    told = replace(first.steps[0], notify=(Recipient("queue.lead"), Recipient("manager", ("sms",))))
    only = replace(first, steps=(told, *first.steps[1:]))
    policy = replace(shipped(), escalations=(only, *shipped().escalations[1:]), groups=Rules())  # else they were one incident
    ann = an_agent("ann", "front_desk", "tech_support", capacity=100_000)
    house = House(policy, with_agents(ann, an_agent("qian", phone="+8613800000003"), an_agent("zhao")))
    numbers = [house.mail("总是报错", sender=f"c{n}@example.test") for n in range(count)]
    house.until(WEDNESDAY + 29 * MINUTE)
    dispatch(house, Carrier())
    dispatch(house, Carrier(), "sms")
    mail, phone = Carrier(), Carrier()
    for second in range(0, 600, 20):
        house.until(WEDNESDAY + 30 * MINUTE + timedelta(seconds=second))
        dispatch(house, mail)
        dispatch(house, phone, "sms")
    for address in ("qian@example.test", "zhou@example.test"):
        texts = [text for text in texts_of(mail.sent, address) if "已超时" in text]
        said = Counter(number for text in texts for number in numbers if f"工单{number}的首次响应已超时" in text)
        texted = sum(number in message.text for message in phone.sent for number in numbers) if address.startswith("zhou") else 0
        assert len(said) + texted == count
        assert set(said.values()) <= {1}
        assert len(texts) <= 3 + -(-count // LARGEST_DIGEST) + 1
    assert len(phone.sent) <= 3
    sent = Counter(row.state for row in house.messages(script="breach_notice") if row.party in ("qian", "zhou"))
    assert sent["queued"] == 0


@given(st.lists(st.integers(0, 900), min_size=1, max_size=30))
@settings(max_examples=scaled(60))
def test_whatever_comes_when_every_notice_is_sent_and_no_span_has_more_than_the_policy_says(seconds: list[int]) -> None:
    """Tickets are opened at any second and left alone for an hour; none of them is an incident."""
    house = desk("ann")
    house.world = replace(house.world, policy=replace(house.world.policy, groups=Rules()))
    carrier, spans = Carrier(), Counter[int]()
    try:
        for n, second in enumerate(sorted(seconds)):
            house.until(WEDNESDAY + timedelta(seconds=second))
            house.mail("总是报错", sender=f"c{n}@example.test")
        for minute in range(15, 60):
            house.until(WEDNESDAY + minute * MINUTE)
            before = len(carrier.sent)
            dispatch(house, carrier)
            spans[minute // 5] += sum(any(word in one.subject for word in ("预警", "超时", "通知")) for one in carrier.sent[before:])
        rows = [row for row in house.messages() if row.digest is not None and (row.next_attempt_at or house.now) <= house.now]
        said = "\n".join(message.text for message in carrier.sent)
        assert {row.state for row in rows} == {"sent"}
        assert all(said.count(house.words(row).strip()) == 1 for row in rows)
        # to each of two people: the first ones of a span, and the digest of the one before
        assert max(spans.values()) <= 2 * (3 + 1)
    finally:
        house.close()
