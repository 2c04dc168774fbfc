"""What a person's mail program or phone makes of "reply": raw input, made from nothing but the message that was received."""

import email
import email.policy
import email.utils
import json
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from engine.store.rows import OutboxRow


def answer_to(received: Path, row: OutboxRow, text: str, now: datetime) -> tuple[str, bytes]:
    """Return file name and content of an answer to the message that lies in `received`, an .eml or the .json of a text message."""
    stamp = f"{now:%Y%m%dT%H%M%S}-{row.id}"
    if received.suffix == ".eml":
        return f"reply-{stamp}.eml", _mail(received.read_bytes(), text, now, stamp)
    return f"reply-{stamp}.json", _text_message(received.read_text(encoding="utf-8"), row, text, now, stamp)


def _mail(raw: bytes, text: str, now: datetime, stamp: str) -> bytes:
    original = email.message_from_bytes(raw, policy=email.policy.default)
    answer = EmailMessage(policy=email.policy.SMTP)
    answer["From"] = original["To"]
    answer["To"] = original["Reply-To"] or original["From"]
    answer["Subject"] = f"Re: {original['Subject']}"
    answer["Date"] = email.utils.format_datetime(now)
    answer["Message-ID"] = f"<{stamp}@customer.example.test>"
    answer["In-Reply-To"] = original["Message-ID"]
    answer["References"] = original["Message-ID"]
    body = original.get_body(preferencelist=("plain",))
    quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines())
    answer.set_content(f"{text}\n\nOn {original['Date']}, {original['From']} wrote:\n{quoted}")
    return answer.as_bytes()


def _text_message(received: str, row: OutboxRow, text: str, now: datetime, stamp: str) -> bytes:
    original = json.loads(received)
    answer = {"id": stamp, "from": row.address, "to": original.get("from", ""), "text": text, "at": now.isoformat()}
    return json.dumps(answer, ensure_ascii=False).encode()
