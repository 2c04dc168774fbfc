"""What mail programs do: write, and answer what was received."""

from email.message import EmailMessage
from email.utils import make_msgid


def letter(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """A new mail; `sender` may carry a name."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = make_msgid(domain="mail.example.test")
    mail.set_content(text)
    return mail


def answer(received: EmailMessage, text: str) -> EmailMessage:
    """The answer to a mail, its text above the quotation, as most programs write it."""
    mail = letter(received["To"], received["Reply-To"] or received["From"], f"Re: {received['Subject']}", "")
    mail["In-Reply-To"] = received["Message-ID"]
    mail["References"] = f"{received['References'] or ''} {received['Message-ID']}".strip()
    quoted = "".join(f"> {line}\n" for line in words(received).splitlines())
    mail.set_content(f"{text}\n\n在 {received['Date']}，{received['From']} 写道：\n{quoted}")
    return mail


def words(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
