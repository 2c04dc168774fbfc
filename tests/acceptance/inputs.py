"""Raw input for the folder channels: the n-th of each kind, from somebody nobody else is, so that each opens a ticket of its own."""

import json
from email import policy

from tests.acceptance.mail import letter

MOMENT = "2026-03-04T10:00:00+08:00"


def mail(number: int, text: str = "打印机故障,请尽快处理。") -> bytes:
    """An .eml of customer `number`."""
    message = letter(f"c{number}@customer.example", "support@example.test", f"问题{number}", text)
    return message.as_bytes(policy=policy.SMTP)


def text_message(number: int, text: str = "发票开错了") -> bytes:
    """A text message as the sms folder takes it."""
    return json.dumps({"id": f"s{number}", "from": phone(number), "text": text, "at": MOMENT}).encode()


def call(number: int, **changes: str) -> bytes:
    """A call logged by hand, as the phone_log folder takes it."""
    logged = {"id": f"p{number}", "from": phone(50_000 + number), "at": MOMENT, "text": "电话里说空调漏水"}
    return json.dumps(logged | changes).encode()


def phone(number: int) -> str:
    """A mobile number of China."""
    return f"+861381{number:07}"
