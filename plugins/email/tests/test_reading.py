"""Mail as it comes: every file in mail/ with what must be understood of it, and any bytes at all."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import Inbound, Receipt, ReceiptStatus, Rejected
from engine_email.reading import Reader, html_of

MAIL = Path(__file__).parent / "mail"
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
READER = Reader("support@example.test", max_bytes=100_000)
TOKEN = "202603040001.c.k3jxq7m2w9"
OURS = f"<{TOKEN}.0123456789abcdef@example.test>"

# What a file must give; what is not named must be empty (for `automatic`: False), except the fields in NOT_TOLD.
NOT_TOLD = {"received_at", "full_text", "source_id", "recipient", "sender_name", "attachments", "fields", "call"}
MESSAGES: dict[str, dict[str, Any]] = {
    "qq_first_contact": {
        "sender": "10001234@qq.example",
        "sender_name": "王小明",
        "source_id": "<tencent_0C0A7B6D5E4F3A2B1C@qq.example>",
        "recipient": "support@example.test",
        "subject": "空调不制冷已经三天了请尽快安排师傅上门维修",
        "text": "您好,我家空调(型号KFR-35)不制冷,系统显示故障E5。\n请于今天安排师傅上门,电话13800138000。谢谢!",
        "attachments": [("故障照片.png", "image/png")],
    },
    "qq_reply": {
        "sender": "10001234@qq.example",
        "subject": "回复: 工单202603040001处理结果",
        "text": "已经修好了,谢谢。\n\n王小明\n13800138000",
        "tokens": (TOKEN,),
        "references": (OURS,),
    },
    "outlook_html_reply": {
        "sender": "john.smith@customer.example",
        "sender_name": "Smith, John",
        "subject": "RE: Your request 202603040002",
        "text": "No, it still fails – see the list:\n\n  * printer 1\n  * printer 2\n\nRegards,\nJohn",
        "tokens": (TOKEN,),
        "references": ("<first@customer.example>", OURS),
        "attachments": [],
    },
    "iphone_reply": {
        "sender": "alice@customer.example",
        "subject": "Re: How did we do?",
        "text": "5 4 5 thank you, the engineer was quick and explained everything to my mother",
        "tokens": (TOKEN,),
        "recipient": f"support+{TOKEN.upper()}@example.test",
    },
    "netease_reply": {
        "sender": "lilei@netease.example",
        "sender_name": "李雷",
        "subject": "Re: 工单",
        "text": "仍然无法使用,请再派人来。",
        "tokens": (TOKEN,),
        "references": (OURS,),
    },
    "netease_english_client": {
        "sender": "lilei@netease.example",
        "subject": "Re:ticket",
        "text": "N 还是不行",
        "tokens": (TOKEN,),
        "references": (OURS,),
    },
    "exchange_out_of_office": {
        "sender": "zhaoliu@customer.example",
        "subject": "自动答复: 工单202603040001",
        "text": "我正在休假,3月10日回来。",
        "tokens": (TOKEN,),
        "references": (OURS,),
        "automatic": True,
    },
    "delayed_warning": {
        "sender": "MAILER-DAEMON@mx.example.test",
        "subject": "Delayed Mail (still being retried)",
        "text": (
            "This is the mail system at host mx.example.test.\n\nI'm sorry to have to inform you that your message could not\n"
            "be delivered to one or more recipients. It's attached below."
        ),
        "tokens": (TOKEN,),
        "references": (OURS,),
        "automatic": True,
    },
    "mailing_list": {
        "sender": "carol@lists.example",
        "subject": "[users] outage of the service",
        "text": "Is it only me?",
        "automatic": True,
    },
    "broken_mime": {
        "sender": "zhangsan@customer.example",
        "sender_name": "张三",
        "subject": "打印机故障 =?utf-8?Q?=E5=9",
        "text": "打印机坏了 E5",
        "source_id": "sha256:d605136ea449629572b53c80926f3450b255b560094b88c06bf0cf3db4352b7c",
        "attachments": [("broken", "application/pdf")],
    },
    "chinese_attachments": {
        "sender": "invoices@customer.example",
        "sender_name": "Invoices, Ltd.",
        "subject": "发票",
        "text": "发票见附件。",
        "attachments": [
            ("2026年三月维修发票与保修卡复印件.pdf", "application/pdf"),
            ("明细表.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (".._.._etc_说明.txt", "text/plain"),
            ("原来的投诉.eml", "message/rfc822"),
        ],
    },
    "mislabelled_utf8": {"sender": "form@customer.example", "subject": "order 17", "text": "请问什么时候发货?"},
    "big5": {"sender": "chan@customer.example", "sender_name": "陳大文", "subject": "投訴送貨延誤", "text": "貨物遲了三天,請盡快處理。"},
    "empty_body": {"sender": "dora@customer.example", "subject": "please call me, the system is down"},
    "contact_form": {
        "sender": "erika@customer.example",
        "sender_name": "Erika Muster",
        "subject": "Contact form",
        "text": "My order 4711 never arrived.",
    },
    "own_loop": {
        "sender": "support@example.test",
        "subject": "promise",
        "text": "We will contact you before 17:00 today.",
        "tokens": (TOKEN,),
        "automatic": True,
    },
    "bottom_posted": {"sender": "frank@customer.example", "subject": "Re: Survey", "text": "5\n4\n3", "tokens": (TOKEN,)},
    "forwarded_without_words": {
        "sender": "grace@customer.example",
        "subject": "Fwd: the lift is stuck",
        "text": (
            "---------- Forwarded message ---------\nFrom: Janitor <janitor@customer.example>\nDate: Wed, Mar 4, 2026\n"
            "Subject: the lift is stuck\nTo: <grace@customer.example>\n\nPeople are inside the lift, please hurry."
        ),
    },
    "deep_html": {"sender": "henry@customer.example", "subject": "deep", "text": "the pump leaks & drips"},
}
REPORTS = {
    "postfix_bounce": (ReceiptStatus.FAILED, True, "202603040001-7-1", "5.1.1 smtp; 550 5.1.1"),
    "expired_bounce": (ReceiptStatus.FAILED, False, "202603040001-7-1", "4.4.1 X-Postfix; connect to"),
    "read_receipt": (ReceiptStatus.DELIVERED, True, "", "manual-action/MDN-sent-manually; displayed"),
}
REJECTED = {"no_sender": "no address in From, Sender or Return-Path"}


def raw_of(name):
    return (MAIL / f"{name}.eml").read_bytes()


def read(raw, name="some.eml", reader=READER):
    return reader.read(raw, name, NOW)


def plain(body=b"hello", **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"From: customer@example.net\r\n{lines}\r\n".encode() + body


def test_every_file_is_in_one_of_the_tables():
    assert {path.stem for path in MAIL.glob("*.eml")} == set(MESSAGES) | set(REPORTS) | set(REJECTED)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_understood(name):
    item = read(raw_of(name))
    assert isinstance(item, Inbound)
    expected = dict(MESSAGES[name])
    if "attachments" in expected:
        assert [(attachment.name, attachment.media_type) for attachment in item.attachments] == expected.pop("attachments")
    empty = Inbound(source_id="", sender="", received_at=NOW)
    told = {key: getattr(item, key) for key in Inbound.__slots__ if key in expected or key not in NOT_TOLD}
    assert told == {key: expected.get(key, getattr(empty, key)) for key in told}
    assert item.received_at == NOW
    assert item.text in item.full_text or name in ("bottom_posted", "qq_reply")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_becomes_a_receipt(name):
    status, permanent, message_id, detail = REPORTS[name]
    item = read(raw_of(name))
    assert isinstance(item, Receipt)
    assert (item.status, item.permanent, item.message_id, item.provider_id) == (status, permanent, message_id, OURS)
    assert item.detail.startswith(detail)
    assert item.source_id


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_understood_is_rejected_whole(name):
    raw = raw_of(name)
    item = read(raw, f"{name}.eml")
    assert isinstance(item, Rejected)
    assert REJECTED[name] in item.reason
    assert (item.raw, item.name) == (raw, f"{name}.eml")


def test_attachments_keep_their_bytes():
    names = {attachment.name: attachment.content for attachment in read(raw_of("chinese_attachments")).attachments}
    assert names["2026年三月维修发票与保修卡复印件.pdf"] == b"%PDF-1.4\n"
    assert b"inner words" in names["原来的投诉.eml"]
    assert read(raw_of("qq_first_contact")).attachments[0].content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto-Submitted", "auto-replied"),
        ("Auto-Submitted", "Auto-Generated; owner=x"),
        ("Precedence", "bulk"),
        ("Precedence", "Junk"),
        ("List-Id", "<a.b.c>"),
        ("X-Autoreply", "yes"),
        ("X-Auto-Response-Suppress", "DR, OOF, AutoReply"),
        ("Return-Path", "<>"),
        ("Subject", "Automatic reply: out"),
        ("Subject", "=?utf-8?b?6Ieq5Yqo5Zue5aSNOiDmlLbliLA=?="),
        ("Content-Type", "multipart/report; report-type=feedback-report; boundary=x"),
    ],
)
def test_mail_of_a_machine_is_automatic(name, value):
    assert read(plain(**{name: value})).automatic


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto-Submitted", "no"),
        ("Auto-Submitted", "No (a person wrote this)"),
        ("Precedence", "normal"),
        ("X-Auto-Response-Suppress", "DR, NDR"),
        ("Return-Path", "<customer@example.net>"),
        ("Subject", "automatic door does not open"),
    ],
)
def test_mail_of_a_person_is_not_automatic(name, value):
    assert not read(plain(**{name: value})).automatic


def test_a_mailer_daemon_is_a_machine():
    assert read(b"From: Mail System <Mailer-Daemon@mx.example>\r\n\r\nsorry").automatic


def test_our_own_address_with_any_tag_is_a_machine():
    assert read(b"From: SUPPORT+abc@Example.Test\r\n\r\nhello").automatic


@pytest.mark.parametrize("message_id", ["", "no brackets@x", "<no-at-sign>", "<a b@c>", "<a@b@c>", f"<{'x' * 300}@y>", "<\u4f60@x>"])
def test_an_insane_message_id_is_replaced_by_the_digest_of_the_bytes(message_id):
    raw = plain(Message_ID=message_id)
    item = read(raw)
    assert item.source_id.startswith("sha256:")
    assert read(raw).source_id == item.source_id
    assert read(raw + b"!").source_id != item.source_id


def test_a_message_above_the_limit_is_rejected_with_its_raw_bytes_and_its_id():
    raw = plain(b"x" * 100_001, Message_ID="<huge@customer.example>")
    item = read(raw)
    assert isinstance(item, Rejected)
    assert (item.source_id, item.raw) == ("<huge@customer.example>", raw)
    assert "max_megabytes" in item.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.c\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        b"From: a@b.c\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(300)),
        b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n" + b"--q\r\n\r\na\r\n" * 5000,
    ],
    ids=["nested messages", "nested multiparts", "thousands of parts"],
)
def test_a_structure_made_to_exhaust_the_parser_is_rejected(raw):
    item = read(raw)
    assert isinstance(item, Rejected)
    assert item.reason.startswith("the message cannot be parsed: ")
    assert html_of(raw) == ""


def test_a_broken_delivery_report_without_the_original_is_an_automatic_message():
    head, _, _ = raw_of("postfix_bounce").partition(b"Content-Description: Undelivered Message")
    item = read(head)
    assert isinstance(item, Inbound)
    assert item.automatic


def test_a_report_of_success_is_a_delivery():
    item = read(raw_of("postfix_bounce").replace(b"Action: failed", b"Action: delivered"))
    assert isinstance(item, Receipt)
    assert item.status is ReceiptStatus.DELIVERED


@pytest.mark.parametrize(
    ("old", "new", "permanent"),
    [
        (b"Status: 5.1.1", b"Status: 4.2.2", False),
        (b"Status: 5.1.1", b"Status: nonsense", True),
        (b"Status: 5.1.1\r\nRemote-MTA: dns; 127.0.0.1\r\nDiagnostic-Code: smtp; 550 5.1.1", b"Diagnostic-Code: smtp; 451", False),
        (b"Status: 5.1.1\r\nRemote-MTA: dns; 127.0.0.1\r\nDiagnostic-Code: smtp; 550 5.1.1", b"Diagnostic-Code: smtp; who knows", True),
    ],
)
def test_the_class_of_the_status_says_whether_a_failure_is_permanent(old, new, permanent):
    raw = raw_of("postfix_bounce")
    assert old in raw
    item = read(raw.replace(old, new))
    assert isinstance(item, Receipt)
    assert item.permanent is permanent


@pytest.mark.parametrize(
    ("name", "lost"), [("postfix_bounce", [b"Message-ID:", b"X-Closedloop-Message:"]), ("read_receipt", [b"Original-Message-ID:"])]
)
def test_a_report_on_no_message_that_can_be_named_is_an_automatic_message(name, lost):
    raw = raw_of(name)
    for header in lost:
        raw = raw.replace(header, b"X-Lost:")
    item = read(raw)
    assert isinstance(item, Inbound)
    assert item.automatic


def test_neither_nul_nor_surrogates_come_through():
    item = read(plain(b"a\x00b\xed\xa0\x80c \xff", Subject="x\x00y", Content_Type="text/plain; charset=utf-8"))
    whole = item.text + item.subject
    assert "\x00" not in whole
    whole.encode("utf-8")


HEADERS = st.sampled_from(
    [b"From: ", b"Subject: ", b"To: ", b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Content-Disposition: ", b"Message-ID: "]
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"a@b.c",
            b"=?gb2312?B?",
            b"=?utf-8?Q?=E5",
            b"multipart/mixed; boundary=x",
            b"multipart/report; report-type=delivery-status; boundary=x",
            b"message/rfc822",
            b"message/delivery-status",
            b"text/html; charset=gbk",
            b"text/plain; charset*0*=utf-8''%E4; name*1*=x; name*2=y",
            b"attachment; filename*=x'y'%zz",
            b"base64",
            b"x-uuencode",
            b"quoted-printable",
        ]
    ),
)
BODIES = st.lists(
    st.one_of(st.binary(max_size=80), st.sampled_from([b"\r\n--x\r\n", b"\r\n--x--\r\n", b"\r\n\r\n", b"<div>", b"begin 644 a\n"]))
)


@given(st.lists(st.tuples(HEADERS, VALUES), max_size=8), BODIES)
def test_whatever_comes_is_understood_or_rejected_but_never_raises(headers, body):
    raw = b"".join(name + value + b"\r\n" for name, value in headers) + b"\r\n" + b"".join(body)
    item = read(raw)
    assert item.source_id
    if isinstance(item, Inbound):
        "".join([item.text, item.full_text, item.subject, item.sender, item.sender_name]).encode("utf-8")
        assert "\x00" not in item.text + item.subject + item.sender
        assert all(attachment.name for attachment in item.attachments)


@given(st.binary(max_size=400))
def test_random_bytes_never_raise(raw):
    assert read(raw).source_id
    assert "\x00" not in html_of(raw)


def parts(*parts, kind="mixed"):
    """A message of parts, each its head lines and its body."""
    bodies = b"".join(b"--q\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
    return b"From: a@b.c\r\nContent-Type: multipart/" + kind.encode() + b"; boundary=q\r\n\r\n" + bodies + b"--q--\r\n"


HTML = b"Content-Type: text/html; charset=gbk"
DOT = b"Content-Type: image/png\r\nContent-ID: <dot@x>\r\nContent-Disposition: inline; filename=dot.png"


@pytest.mark.parametrize(
    ("raw", "html"),
    [
        (plain(b"<p>hello", Content_Type="text/html"), "<p>hello"),
        (plain(b"<p>hello"), ""),
        (parts((b"Content-Type: text/plain", b"hello"), (HTML, "<b>您好".encode("gbk")), kind="alternative"), "<b>您好"),
        (parts((HTML, b"<b>one"), (b"Content-Type: application/pdf", b"%PDF"), (HTML, b"<b>two")), "<b>one\n<b>two"),
        (parts((HTML + b"\r\nContent-Disposition: attachment", b"<b>one"), (HTML + b"; name=x.htm", b"<b>two")), ""),
        (parts((b"Content-Type: message/rfc822", HTML + b"\r\n\r\n<b>forwarded")), ""),
        (
            parts((HTML, b'<img src="CID:dot@x"><img src=cid:dot%40x>'), (DOT, b"PNG")),
            '<img src="data:image/png;base64,UE5H"><img src=data:image/png;base64,UE5H>',
        ),
        (parts((HTML, b"<img src=cid:other@x>"), (DOT.replace(b"png", b"svg+xml"), b"<svg>")), "<img src=cid:other@x>"),
        (parts((HTML, b"<img src=cid:dot@x>" * 3), (DOT, b"x" * 2_000_000)), None),
    ],
)
def test_the_html_of_a_message_is_given_as_it_was_written_with_the_pictures_that_it_shows(raw, html):
    found = html_of(raw)
    if html is None:  # a picture stands as often as there is room for
        assert (found.count("data:image/png"), found.count("cid:dot@x")) == (2, 1)
    else:
        assert found == html


def test_the_html_of_every_mail_is_what_its_text_was_made_of():
    written = {name for name in MESSAGES if html_of(raw_of(name))}
    assert written == {name for name in MESSAGES if b"text/html" in raw_of(name).lower()}
    assert "outlook_html_reply" in written
