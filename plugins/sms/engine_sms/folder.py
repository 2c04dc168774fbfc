"""The folder transport: JSON messages dropped in one directory, JSON files of what was sent in another."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from engine.channels import ChannelContext, Delivery, FolderInbox, Inbound, Outbound, Receipt, Rejected, Sent, write_atomically
from engine_sms.compose import compose
from engine_sms.documents import Reading, document_of, parse_documents
from engine_sms.handed import HandedOver
from engine_sms.settings import Settings

POLL_SECONDS = 0.2
log = logging.getLogger(__name__)


class FolderChannel:
    """Takes JSON messages from `context.incoming` and writes what it sends to `context.outgoing`, one file per message."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        """Nothing is touched before `open`."""
        self._settings = settings
        self._context = context
        self._inbox = FolderInbox(context.incoming)
        self._handed = HandedOver()

    def open(self) -> None:
        """Make sure that the directories are there."""
        self._context.incoming.mkdir(parents=True, exist_ok=True)
        self._context.outgoing.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Forget what was handed over: it is handed over again."""
        self._handed.clear()

    def receive(self, timeout: float) -> Iterable[Delivery]:
        """Yield the messages in the files that wait; a file goes when everything in it was acknowledged."""
        deadline = time.monotonic() + timeout
        while not (paths := [path for path in self._inbox.waiting() if self._handed.hand(path.name)]):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._context.stopping.wait(min(POLL_SECONDS, remaining)):
                return
        for path in paths:
            yield from self._deliveries(path)

    def _deliveries(self, path: Path) -> Iterator[Delivery]:
        try:
            raw, modified = path.read_bytes(), path.stat().st_mtime
        except OSError as error:
            # One file that cannot be read (rights, or taken away meanwhile) must not hold up the others.
            log.warning("cannot read %s: %s", path, error.strerror)
            return
        reading = Reading(datetime.fromtimestamp(modified, UTC), self._context.timezone, origin=f"{path.name}@{modified}")
        items = list(parse_documents(raw, path.name, reading))
        done = _after(len(items), lambda: self._done(path))
        for item in items:
            yield Delivery(item, acknowledge=done, raw=item.raw if isinstance(item, Rejected) else document_of(item))

    def _done(self, path: Path) -> None:
        self._inbox.done(path)
        self._handed.settle(path.name)

    def parse(self, raw: bytes, name: str) -> Iterator[Inbound | Receipt | Rejected]:
        """Read one JSON message or a list of them."""
        return iter(parse_documents(raw, name, Reading(self._context.now(), self._context.timezone)))

    def send(self, message: Outbound) -> Sent:
        """Write the message to `context.outgoing`; sending it again overwrites the same file."""
        composed = compose(message, self._settings)
        entry = {
            "id": message.message_id,
            "from": self._settings.sender,
            "to": composed.to,
            "text": composed.text,
            "parts": len(composed.segments.parts),
            "encoding": composed.segments.encoding.value,
            "language": message.language,
            "at": self._context.now().isoformat(),
        }
        content = json.dumps(entry, ensure_ascii=False, indent=1).encode() + b"\n"
        write_atomically(self._context.outgoing / f"{_file_name(message.message_id)}.json", content)
        return Sent(provider_id=message.message_id)

    def check(self, to: str | None) -> list[str]:
        """Show that both directories can be used, and write a test message if `to` is given."""
        self.open()
        waiting = sum(1 for _ in self._inbox.waiting())
        lines = [f"incoming: {self._context.incoming}, {waiting} waiting", f"outgoing: {self._context.outgoing}"]
        if to is not None:
            sent = self.send(test_message(to, self._context))
            lines.append(f"wrote test message {sent.provider_id}")
        return lines


def test_message(to: str, context: ChannelContext) -> Outbound:
    """Return the message that `engine channel test NAME TO` sends; each one is a new message."""
    identity = f"channel-test-{context.now():%Y%m%dT%H%M%S%f}"
    return Outbound(message_id=identity, to=to, text="测试短信 / test message", automatic=False)


def _after(count: int, act: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `act` the `count`-th time it is called."""
    lock = threading.Lock()
    left = count

    def acknowledge() -> None:
        nonlocal left
        with lock:
            left -= 1
            finished = left == 0
        if finished:
            act()

    return acknowledge


def _file_name(message_id: str) -> str:
    """Return a file name for any message id: itself where it is safe and short, else its digest."""
    name = quote(message_id, safe="@+=,")
    return name if len(name) <= 150 and not name.startswith(".") else hashlib.sha256(message_id.encode()).hexdigest()
