"""What goes out: proper mail that brings its thread back, and nothing that a hostile value could add to it."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import Attachment, Inbound, Outbound, PermanentFailure
from engine_email.compose import compose, recipient_address
from engine_email.reading import Reader
from engine_email.settings import AddressToken, Sender
from engine_email.threads import is_message_id, make_message_id

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
SENDER = Sender("support@example.test", "客户服务中心")
TOKEN = "202603040001.c.k3jxq7m2w9"
ALLOWED = {
    "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "x-auto-response-suppress",
    "content-language", "x-closedloop-message", "content-type", "content-transfer-encoding", "mime-version",
}  # fmt: skip


def outbound(**changes):
    values = {"message_id": "202603040001-1-1", "to": "customer@example.net", "text": "您好", "subject": "结果", "token": TOKEN}
    return Outbound(**{**values, **changes})


def composed(message, where=AddressToken.BOTH, sender=SENDER):
    raw = compose(message, sender, where, NOW).as_bytes()
    return raw, message_from_bytes(raw, policy=policy.default)


def reply_to(arrived, **headers):
    """Raw bytes of what a mail program makes of "reply"."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"From: customer@example.net\r\n{lines}\r\nok".encode()


def test_the_headers_of_an_automatic_message():
    _, arrived = composed(outbound(language="zh-CN"))
    assert arrived["From"].addresses[0] == Address("客户服务中心", addr_spec="support@example.test")
    assert arrived["To"] == "customer@example.net"
    assert arrived["Reply-To"].addresses[0].addr_spec == f"support+{TOKEN}@example.test"
    assert arrived["Subject"] == f"结果 [#{TOKEN}]"
    assert arrived["Date"].datetime == NOW
    assert re.fullmatch(rf"<{re.escape(TOKEN)}\.[0-9a-f]{{16}}@example\.test>", arrived["Message-ID"])
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Content-Language"] == "zh-CN"
    assert arrived["X-Closedloop-Message"] == "202603040001-1-1"
    assert arrived.get_content().strip() == "您好"


def test_an_automatic_answer_says_that_it_is_one():
    _, arrived = composed(outbound(references=("<a@b>",)))
    assert arrived["Auto-Submitted"] == "auto-replied"


def test_what_a_person_wrote_says_nothing_of_machines():
    _, arrived = composed(outbound(automatic=False))
    assert "Auto-Submitted" not in arrived
    assert "X-Auto-Response-Suppress" not in arrived


def test_the_same_message_has_the_same_message_id_and_others_have_others():
    first = compose(outbound(), SENDER, AddressToken.BOTH, NOW)["Message-ID"]
    assert compose(outbound(text="again"), SENDER, AddressToken.BOTH, NOW)["Message-ID"] == first
    assert compose(outbound(message_id="202603040001-1-2"), SENDER, AddressToken.BOTH, NOW)["Message-ID"] != first


@pytest.mark.parametrize(
    ("where", "in_address", "in_subject"),
    [(AddressToken.PLUS, True, False), (AddressToken.SUBJECT, False, True), (AddressToken.BOTH, True, True)],
)
def test_the_token_goes_where_the_setting_says(where, in_address, in_subject):
    _, arrived = composed(outbound(), where)
    assert (arrived["Reply-To"] is not None, "[#" in arrived["Subject"]) == (in_address, in_subject)


def test_a_token_too_long_for_an_address_goes_into_the_subject():
    _, arrived = composed(outbound(token="x" * 60), AddressToken.PLUS)
    assert arrived["Reply-To"] is None
    assert f"[#{'x' * 60}]" in arrived["Subject"]


def test_without_a_token_nothing_is_marked():
    _, arrived = composed(outbound(token=""))
    assert (arrived["Subject"], arrived["Reply-To"]) == ("结果", None)
    assert is_message_id(arrived["Message-ID"])


def test_a_subject_is_marked_once():
    _, arrived = composed(outbound(subject="Re: 结果 [#202603040001.c.aaaaaaaaaa]"))
    assert arrived["Subject"] == f"Re: 结果 [#{TOKEN}]"


@pytest.mark.parametrize("where", AddressToken)
def test_a_reply_leads_back_by_every_way_that_was_laid(where):
    _, arrived = composed(outbound(), where)
    ways = [reply_to(arrived, References=arrived["Message-ID"].upper())]
    if where is not AddressToken.SUBJECT:
        ways.append(reply_to(arrived, To=arrived["Reply-To"].addresses[0].addr_spec.upper()))
    if where is not AddressToken.PLUS:
        ways.append(reply_to(arrived, Subject=f"RE: {arrived['Subject']}"))
    for raw in ways:
        item = Reader(SENDER.address, 10_000).read(raw, "x", NOW)
        assert isinstance(item, Inbound)
        assert item.tokens == (TOKEN,)


def test_long_message_ids_are_folded_between_them_and_never_encoded():
    references = tuple(make_message_id(str(number), "x" * 60, "support.a-long-domain.example.test") for number in range(30))
    raw, arrived = composed(outbound(references=references))
    assert arrived["In-Reply-To"] == references[-1]
    assert tuple(arrived["References"].split()) == references[-20:]
    assert b"=?" not in raw.split(b"References:")[1].split(b"\r\nAuto-Submitted")[0]


@given(st.text(max_size=300), st.text(max_size=100))
def test_every_line_is_short_seven_bit_and_ends_with_crlf(text, subject):
    raw, arrived = composed(outbound(text=text, subject=subject))
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    assert {name.lower() for name in arrived} <= ALLOWED


HOSTILE = "x\r\nBcc: victim@example.test\r\n\r\nbody"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": HOSTILE},
        {"language": HOSTILE},
        {"message_id": HOSTILE},
        {"references": (f"<{HOSTILE}@b>", "<a@b>\r\nBcc: x")},
        {"text": HOSTILE},
        {"attachments": (Attachment(HOSTILE, HOSTILE, b"x"),)},
        {"attachments": (Attachment('a"; filename="b', "text/plain; x=y", b"x"),)},
        {"attachments": (Attachment("", "message/rfc822", b"x"), Attachment("../../x", "multipart/mixed", b"x"))},
    ],
)
def test_no_value_adds_a_header(changes):
    _, arrived = composed(outbound(**changes))
    assert {name.lower() for name in arrived} <= ALLOWED
    assert arrived["Bcc"] is None
    for part in arrived.walk():
        assert part["Bcc"] is None
        assert "/" not in (part.get_filename() or "")


def test_a_hostile_display_name_stays_a_name():
    _, arrived = composed(outbound(), sender=Sender("support@example.test", 'a" <evil@example.net>,\r\nBcc: x'))
    assert [address.addr_spec for address in arrived["From"].addresses] == ["support@example.test"]


def test_attachments_arrive_with_name_type_and_bytes():
    _, arrived = composed(outbound(attachments=(Attachment("维修单 2026.pdf", "application/pdf", b"%PDF\x00\xff"),)))
    [part] = arrived.iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == ("维修单 2026.pdf", "application/pdf", b"%PDF\x00\xff")


@pytest.mark.parametrize(
    "to",
    ["", "nobody", "@example.net", "a b@example.net", "a@b c", "a@b,c@d", "<a@b>", "a@b\r\nBcc: c@d", "a@b\x00", "a..b@c",
     "用户@example.net",      "a@-b", f"{'x' * 65}@example.net", f"a@{'例' * 300}.cn"],
)  # fmt: skip
def test_what_is_no_address_is_refused_for_good(to):
    with pytest.raises(PermanentFailure):
        compose(outbound(to=to), SENDER, AddressToken.BOTH, NOW)


def test_a_domain_in_chinese_is_written_in_ascii():
    assert recipient_address("a@例子.测试") == "a@xn--fsqu00a.xn--0zwm56d"


@pytest.mark.parametrize("token", ["short", "x" * 61, "with space", "a@b.cdefg", "令牌令牌令牌令牌"])
def test_a_token_that_mail_cannot_carry_is_refused(token):
    with pytest.raises(PermanentFailure, match="token"):
        compose(outbound(token=token), SENDER, AddressToken.BOTH, NOW)


@given(st.emails())
def test_addresses_of_the_usual_form_can_be_written_to(address):
    assert recipient_address(address) == address
