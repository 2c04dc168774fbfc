"""Mails with HTML, as customers' programs send them."""

import base64
from email.message import EmailMessage

from tests.support.website import Website

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def mailed(site: Website, markup: str, sender: str = "lan@customer.test", text: str = "系统宕机") -> tuple[str, str]:
    """Let a mail come in with that HTML and a picture `dot@x`; return its ticket and the address of what it looks like."""
    shown = EmailMessage()
    shown.set_content(markup, subtype="html")
    shown.add_related(PNG, "image", "png", cid="<dot@x>", filename="dot.png")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "support@example.com", "宕机"
    mail["Message-ID"] = f"<{hash((markup, sender)) & 0xFFFFFFFF}@customer.test>"
    mail.set_content(text)
    mail.make_alternative()
    mail.attach(shown)
    assert site.engine.ingest("email", mail.as_bytes(), "x.eml") == (1, [])
    site.engine.work_inbox()
    with site.engine.store.read() as reader:
        row = reader.inbox_item("email", str(mail["Message-ID"]))
    assert row
    assert row.ticket
    return row.ticket, f"/console/tickets/{row.ticket}/mail/{row.id}"
