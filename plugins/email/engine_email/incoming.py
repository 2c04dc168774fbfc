"""IMAP: what has come in and was not yet taken, with IDLE where the server offers it; marked only once it was acknowledged.

IMAPClient rather than imap-tools: we want the raw message and IDLE from it, and do the MIME ourselves.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout  # type: ignore[import-untyped]  # published without types
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError  # type: ignore[import-untyped]  # published without types

from engine.channels import TemporaryFailure
from engine_email.outgoing import tls_context
from engine_email.settings import Security, Server

TAKEN = "ClosedloopTaken"
_CONNECT_SECONDS = 15.0
_READ_SECONDS = 30.0
_SLICE_SECONDS = 0.5
_POLL_SECONDS = 15.0
_FIRST_ROUND_SECONDS = 0.2
_ROUND_SECONDS = 10.0
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message in the mailbox. `raw` is its header alone where `size` (bytes) is above the limit. `key` acknowledges it."""

    key: tuple[int, int]
    raw: bytes
    size: int
    whole: bool
    received_at: datetime


class ImapInbox:
    r"""One mailbox of one account. `messages` belongs to one thread; `acknowledge` and `close` may be called from any.

    What was taken carries the keyword `ClosedloopTaken` (and \Seen, for people who look): a colleague who reads a mail in the mailbox
    before us does not make it vanish from our sight. Servers that keep no keywords leave \Seen as the mark.
    """

    def __init__(self, server: Server, max_bytes: int, stopping: threading.Event) -> None:
        self._server = server
        self._max_bytes = max_bytes
        self._client: Any = None
        self._uid_validity = 0
        self._keeps_keywords = False
        self._connection = threading.Lock()
        self._stopping = stopping
        self._acknowledged: set[tuple[int, int]] = set()
        self._flagged: set[tuple[int, int]] = set()
        self._marks = threading.Lock()

    def acknowledge(self, key: tuple[int, int], flag: bool = False) -> None:
        r"""Mark a message as taken, and with \Flagged if a person must look; the thread that receives tells the server."""
        with self._marks:
            self._acknowledged.add(key)
            if flag:
                self._flagged.add(key)

    def messages(self, timeout: float) -> Iterator[Fetched]:
        """Yield what waits, at most a hundred; wait up to `timeout` seconds if nothing does. Raises TemporaryFailure."""
        uids = self._waiting()
        if not uids:
            self._wait(timeout)
            uids = self._waiting()
        for uid in uids:
            with self._using() as client:
                fetched = self._fetch(client, uid)
            if fetched is not None:
                yield fetched
        with self._using() as client:
            self._write_marks(client)

    def check(self) -> list[str]:
        """Log in and look; return one line per step. Raises TemporaryFailure."""
        with self._using() as client:
            waiting = len(client.search(self._criteria()))
            idle = "offered: new mail is seen at once" if client.has_capability("IDLE") else "not offered: the mailbox is polled"
            mark = f"keyword {TAKEN}" if self._keeps_keywords else "\\Seen, because the server keeps no keywords"
            return [
                f"IMAP {self._server}: logged in as {self._server.username}",
                f"IMAP mailbox {self._server.mailbox}: opened, {waiting} messages waiting, taken ones are marked with {mark}",
                f"IMAP IDLE {idle}",
            ]

    def close(self) -> None:
        """Write the last marks and log out, within two seconds."""
        if self._connection.acquire(timeout=2 * _SLICE_SECONDS):
            try:
                self._log_out()
            finally:
                self._connection.release()

    def _log_out(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        # A mark that cannot be written any more only means that the message is handed over again.
        with suppress(IMAPClientError, OSError):
            client.socket().settimeout(_SLICE_SECONDS)
            self._write_marks(client)
            client.logout()
        _shut(client)

    @contextmanager
    def _using(self) -> Iterator[Any]:
        """Hold the connection, made if there is none; a fault drops it, so that the next use makes a new one."""
        with self._connection:
            try:
                if self._client is None:
                    self._client = self._connect()
                yield self._client
            except LoginError as problem:
                self._drop()
                raise TemporaryFailure(
                    f"the IMAP server {self._server} refuses the login of {self._server.username}: {problem}; "
                    "check imap.username and imap.password"
                ) from problem
            except (IMAPClientError, OSError) as problem:
                self._drop()
                raise TemporaryFailure(f"the IMAP server {self._server} is away: {type(problem).__name__}: {problem}") from problem

    def _connect(self) -> Any:
        server = self._server
        client = IMAPClient(
            server.host,
            server.port,
            ssl=server.security is Security.TLS,
            ssl_context=tls_context(server) if server.security is Security.TLS else None,
            timeout=SocketTimeout(_CONNECT_SECONDS, _READ_SECONDS),
        )
        try:
            client.normalise_times = False  # aware instants, not naive local ones
            if server.security is Security.STARTTLS:
                client.starttls(tls_context(server))
            client.login(server.username, server.password)
            if client.has_capability("ID"):  # some providers open no mailbox for a program that does not say its name
                client.id_({"name": "closedloop"})
            selected = client.select_folder(server.mailbox)
        except BaseException:
            _shut(client)
            raise
        self._uid_validity = int(selected[b"UIDVALIDITY"])
        kept = {bytes(flag).lower() for flag in selected.get(b"PERMANENTFLAGS", ())}
        self._keeps_keywords = b"\\*" in kept or TAKEN.lower().encode() in kept
        return client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            _shut(client)

    def _criteria(self) -> list[str]:
        return ["UNDELETED", "UNKEYWORD", TAKEN] if self._keeps_keywords else ["UNDELETED", "UNSEEN"]

    def _waiting(self) -> list[int]:
        with self._using() as client:
            self._write_marks(client)
            client.noop()  # a search sees the mailbox as the server last told it; this makes the server look again
            return sorted(client.search(self._criteria()))[:_BATCH]

    def _fetch(self, client: Any, uid: int) -> Fetched | None:
        """Return the message, or None if someone else removed it meanwhile."""
        about = client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid)
        if about is None:
            return None
        size = int(about[b"RFC822.SIZE"])
        whole = size <= self._max_bytes
        section = "BODY.PEEK[]" if whole else "BODY.PEEK[HEADER]"
        raw = client.fetch([uid], [section]).get(uid, {}).get(section.replace(".PEEK", "").encode())
        if raw is None:
            return None
        return Fetched((self._uid_validity, uid), raw, size, whole, about[b"INTERNALDATE"])

    def _write_marks(self, client: Any) -> None:
        """Write what was acknowledged; marks of a mailbox that was rebuilt since (another UIDVALIDITY) mean nothing any more."""
        with self._marks:
            acknowledged, flagged = set(self._acknowledged), set(self._flagged)
        uids = sorted(uid for validity, uid in acknowledged if validity == self._uid_validity)
        if uids:
            client.add_flags(uids, [b"\\Seen", TAKEN.encode()] if self._keeps_keywords else [b"\\Seen"], silent=True)
        to_flag = sorted(uid for validity, uid in flagged if validity == self._uid_validity)
        if to_flag:
            client.add_flags(to_flag, [b"\\Flagged"], silent=True)
        with self._marks:
            self._acknowledged -= acknowledged
            self._flagged -= flagged

    def _wait(self, timeout: float) -> None:
        """Return when something may have come, marks want writing, the engine stops, or `timeout` seconds are over."""
        with self._using() as client:
            if client.has_capability("IDLE"):
                self._idle(client, timeout)
                return
        self._stopping.wait(min(timeout, _POLL_SECONDS))

    def _idle(self, client: Any, timeout: float) -> None:
        """Wait in rounds. IMAPClient looks for news on the socket only and misses what came in one piece with the answer to IDLE;
        the end of a round brings that to light, so the first is short and none is long. Servers tell of mail a while after it came,
        and what came late in a round would come with the answer to the next IDLE: NOOP asks for it before.
        """
        end = time.monotonic() + timeout
        length = _FIRST_ROUND_SECONDS
        while (left := end - time.monotonic()) > 0 and not self._is_wanted():
            client.idle()
            came = self._round(client, min(left, length))
            _, late = client.idle_done()
            if came or _tells_of_mail(late):
                return
            _, news = client.noop()
            if _tells_of_mail(news):
                return
            length = _ROUND_SECONDS

    def _round(self, client: Any, timeout: float) -> bool:
        """Return True once the server tells of mail, False when the time is over or something else is wanted."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0 and not self._is_wanted():
            if _something_came(client, min(left, _SLICE_SECONDS)):
                return True
        return False

    def _is_wanted(self) -> bool:
        return self._stopping.is_set() or bool(self._acknowledged)


def _something_came(client: Any, seconds: float) -> bool:
    """Wait for the server to speak; True if mail may have come, or if the connection ended (the next command will tell)."""
    started = time.monotonic()
    responses = client.idle_check(timeout=seconds)
    ended = not responses and time.monotonic() - started < seconds / 2
    return ended or _tells_of_mail(responses)


def _tells_of_mail(responses: Sequence[Any]) -> bool:
    if any(response[0] == b"BYE" for response in responses):
        raise IMAPClientAbortError("the server ended the connection")
    return any(len(response) > 1 and response[1] == b"EXISTS" for response in responses)


def _shut(client: Any) -> None:
    with suppress(IMAPClientError, OSError):
        client.shutdown()
