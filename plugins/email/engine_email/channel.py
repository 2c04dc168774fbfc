"""The e-mail channel, on real servers or on folders; both read and write the same mail."""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.channels import (
    ChannelContext,
    Delivery,
    FolderInbox,
    Inbound,
    Outbound,
    Receipt,
    Rejected,
    Sent,
    TemporaryFailure,
    write_atomically,
)
from engine_email.compose import compose, recipient_address
from engine_email.incoming import Fetched, ImapInbox
from engine_email.outgoing import SmtpOutbox
from engine_email.reading import Reader
from engine_email.settings import Server, Settings

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,150}")
_LOOK_SECONDS = 0.2


class _MailChannel:
    """What both transports share: reading raw mail and composing what is sent."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._zone = ZoneInfo(context.timezone)
        self._reader = Reader(settings.sender.address, settings.max_bytes)

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Understand one raw message (.eml) handed over by a person."""
        return [self._reader.read(raw, name, self._context.now())]

    def _compose(self, message: Outbound) -> EmailMessage:
        date = self._context.now().astimezone(self._zone)
        return compose(message, self._settings.sender, self._settings.address_token, date)

    def _test_message(self, to: str, now: datetime) -> Outbound:
        return Outbound(
            message_id=f"channel-test-{now:%Y%m%dT%H%M%S%f}",
            to=to,
            subject=f"closedloop: test of channel {self._context.name}",
            text=f"This message proves that channel {self._context.name} can send. 这是一封测试邮件。\n",
        )


class ServerChannel(_MailChannel):
    """IMAP in, SMTP out."""

    def __init__(self, settings: Settings, imap: Server, smtp: Server, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._mailbox = imap.mailbox
        self._inbox = ImapInbox(imap, settings.max_bytes, context.stopping)
        self._outbox = SmtpOutbox(smtp, settings.sender.domain)

    def open(self) -> None:
        """Connections are made when they are needed."""

    def close(self) -> None:
        """Write the last marks and log out."""
        self._inbox.close()

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield the mail that waits in the mailbox, or that comes within `timeout` seconds. Raises TemporaryFailure."""
        for fetched in self._inbox.messages(timeout):
            yield self._delivery(fetched)

    def _delivery(self, fetched: Fetched) -> Delivery:
        name = f"{fetched.key[0]}-{fetched.key[1]}.eml"
        if fetched.whole:
            item = self._reader.read(fetched.raw, name, min(fetched.received_at, self._context.now()))
            return Delivery(item, partial(self._inbox.acknowledge, fetched.key), fetched.raw)
        reason = (
            f"the message has {fetched.size} bytes, more than max_megabytes allows; only its header is here, "
            f"the whole stays flagged in mailbox {self._mailbox} (UID {fetched.key[1]})"
        )
        item = self._reader.reject(fetched.raw, name, reason)
        return Delivery(item, partial(self._inbox.acknowledge, fetched.key, flag=True), fetched.raw)

    def send(self, message: Outbound) -> Sent:
        """Send one mail; its Message-ID is the provider_id. Raises TemporaryFailure or PermanentFailure."""
        mail = self._compose(message)
        self._outbox.send(self._settings.sender.address, recipient_address(message.to), mail.as_bytes())
        return Sent(provider_id=mail["Message-ID"])

    def check(self, to: str | None) -> list[str]:
        """Log in to both servers and send a test mail to `to`. Raises TemporaryFailure or PermanentFailure."""
        steps = [*self._inbox.check(), *self._outbox.check()]
        if to is not None:
            sent = self.send(self._test_message(to, self._context.now()))
            steps.append(f"test mail accepted by the server: {sent.provider_id}")
        return steps


class FolderChannel(_MailChannel):
    """Files in, files out: one mail per file."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._inbox = FolderInbox(context.incoming)

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """Nothing to let go of."""

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield the files that lie in the folder, or that come within `timeout` seconds. Raises TemporaryFailure."""
        end = time.monotonic() + timeout
        try:
            while not (waiting := list(self._inbox.waiting())):
                left = end - time.monotonic()
                if left <= 0 or self._context.stopping.wait(min(left, _LOOK_SECONDS)):
                    return
            for path in waiting:
                yield from self._take(path)
        except OSError as problem:
            raise TemporaryFailure(f"the folder {self._context.incoming} cannot be read: {problem}") from problem

    def _take(self, path: Path) -> Iterator[Delivery]:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:  # its owner took it back
            return
        item = self._reader.read(raw, path.name, self._context.now())
        yield Delivery(item, partial(self._inbox.done, path), raw)

    def send(self, message: Outbound) -> Sent:
        """Write one mail as a file named after its message id. Raises TemporaryFailure or PermanentFailure."""
        mail = self._compose(message)
        name = message.message_id if _FILE_NAME.fullmatch(message.message_id) else sha256(message.message_id.encode()).hexdigest()
        try:
            write_atomically(self._context.outgoing / f"{name}.eml", mail.as_bytes())
        except OSError as problem:
            raise TemporaryFailure(f"the folder {self._context.outgoing} cannot be written: {problem}") from problem
        return Sent(provider_id=mail["Message-ID"])

    def check(self, to: str | None) -> list[str]:
        """Look into both folders, and write a test mail for `to`. Raises TemporaryFailure or PermanentFailure."""
        try:
            waiting = sum(1 for _ in self._inbox.waiting())
        except OSError as problem:
            raise TemporaryFailure(f"the folder {self._context.incoming} cannot be read: {problem}") from problem
        steps = [f"folder {self._context.incoming}: {waiting} messages waiting"]
        if to is not None:
            sent = self.send(self._test_message(to, self._context.now()))
            steps.append(f"folder {self._context.outgoing}: test mail written: {sent.provider_id}")
        return steps
