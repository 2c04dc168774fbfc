"""One outbound message as mail: proper, 7-bit on the wire, and safe from header injection."""

import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Any

from engine.channels import Attachment, Outbound, PermanentFailure
from engine_email.automatic import OUR_MESSAGE_HEADER
from engine_email.settings import AddressToken, Sender
from engine_email.text import clean, one_line
from engine_email.threads import is_message_id, is_token, make_message_id, mark_subject, plus_address

_LOCAL_PART = re.compile(r"(?=.{1,64}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_MEDIA_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_PRINTABLE = re.compile(r"[!-~]{1,200}")
_SUBJECT_LIMIT = 300
_DOMAIN_LIMIT = 254
_REFERENCES_LIMIT = 20


class _Identifiers(BaseHeader):
    """A header of Message-IDs, folded between them only: the library's own would write a long one as an RFC 2047 word."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Take the value as it is; the caller has made sure that it holds printable ASCII."""
        kwds["decoded"] = value
        kwds["parse_tree"] = None

    def fold(self, *, policy: Policy) -> str:
        """Return the header, one Message-ID a line (RFC 5322, 2.2.3)."""
        line_break = f"{policy.linesep} "
        return f"{self.name}: {line_break.join(str(self).split())}{policy.linesep}"


_HEADERS = HeaderRegistry()
for _name in ("references", "in-reply-to", OUR_MESSAGE_HEADER.lower()):
    _HEADERS.map_to_type(_name, _Identifiers)
POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


def recipient_address(to: str) -> str:
    """Return `to` as SMTP takes it, its domain in ASCII (IDNA). Raises PermanentFailure for what is no address."""
    local, _, domain = to.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain[:_DOMAIN_LIMIT].encode("idna").decode("ascii")
    except UnicodeError as problem:
        raise PermanentFailure("the recipient's domain cannot be written in ASCII (IDNA)") from problem
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise PermanentFailure("the recipient is not an address that can be written to: expected name@domain in ASCII letters")
    return f"{local}@{domain}"


def compose(message: Outbound, sender: Sender, address_token: AddressToken, date: datetime) -> EmailMessage:
    """Return the mail for `message`. Raises PermanentFailure for a recipient or a token that mail cannot carry."""
    if message.token and not is_token(message.token):
        raise PermanentFailure("the thread token has characters that a mail address cannot carry, or a length outside 8 to 60")
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(display_name=one_line(sender.name), addr_spec=sender.address)
    mail["To"] = Address(addr_spec=recipient_address(message.to))
    _mark_thread(mail, message, sender, address_token)
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = make_message_id(message.message_id, message.token, sender.domain)
    references = [reference for reference in message.references if is_message_id(reference)][-_REFERENCES_LIMIT:]
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references)
    if message.automatic:
        # RFC 3834, 5: what a machine wrote says so, which keeps other machines from answering.
        mail["Auto-Submitted"] = "auto-replied" if references else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    # A convenience for bounces; the Message-ID names the message in any case.
    if _PRINTABLE.fullmatch(message.message_id):
        mail[OUR_MESSAGE_HEADER] = message.message_id
    mail.set_content(clean(message.text))
    for attachment in message.attachments:
        _attach(mail, attachment)
    if _LANGUAGE.fullmatch(message.language):  # last, because setting the content takes every Content- header away
        mail["Content-Language"] = message.language
    return mail


def _mark_thread(mail: EmailMessage, message: Outbound, sender: Sender, address_token: AddressToken) -> None:
    """Put subject and token where a reply brings them back; a token too long for a plus address goes into the subject."""
    subject = one_line(message.subject)[:_SUBJECT_LIMIT]
    reply_to = plus_address(sender.address, message.token) if message.token and address_token is not AddressToken.SUBJECT else ""
    in_subject = message.token and (address_token is not AddressToken.PLUS or not reply_to)
    if reply_to:
        mail["Reply-To"] = Address(display_name=one_line(sender.name), addr_spec=reply_to)
    mail["Subject"] = mark_subject(subject, message.token) if in_subject else subject


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    media_type = attachment.media_type.lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        media_type = "application/octet-stream"
    maintype, _, subtype = media_type.partition("/")
    name = one_line(attachment.name).replace("/", "_").replace("\\", "_") or "attachment"
    mail.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=name)
