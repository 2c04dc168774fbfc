"""The web as its users meet it: served on a real port, over the real store of a project of its own."""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from engine.channels import Delivery, Inbound
from engine.core.model import Ticket
from engine.core.signals import AgentActed
from engine.runtime import accounts, inbox
from engine.runtime.answers import next_look
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.services import build
from tests.core.worlds import POLICIES, WEDNESDAY
from tests.support.ports import LOOPBACK, free_port

PASSWORD = "correct horse battery"
SETTINGS = """\
version: 1
policies: {policies}
database: {database}
channels: {{email: {{}}, sms: {{}}, phone_log: {{}}, web: {{}}, web_phone: {{}}, chat: {{}}}}
outbound: live
services: {{web: {{listen: "127.0.0.1:{port}", public: "http://127.0.0.1:{port}"{more}}}}}
"""


class Website:
    """A served project at `url`. Its clock stands still until somebody sets it; nothing fires by itself."""

    def __init__(self, engine: Engine, clock: VirtualClock, url: str) -> None:
        self.engine, self.clock, self.url = engine, clock, url
        self._browsers: list[httpx.Client] = []
        self._count = 0
        self.client = self.browser()

    def take(self, channel: str = "email", sender: str = "lan@customer.test", text: str = "软件异常,无法登录", **item: Any) -> str:
        """Let a message come in; return the ticket it led to."""
        self._count += 1
        came = Inbound(
            **{"source_id": f"<{self._count}@{sender}>", "sender": sender, "received_at": self.clock.now(), "text": text, **item}
        )
        inbox.accept(self.engine.desk, channel, [Delivery(came, lambda: None, text.encode())], self.clock.now())
        self.engine.work_inbox()
        with self.engine.store.read() as reader:
            row = reader.inbox_item(channel, came.source_id)
        assert row is not None
        assert row.ticket, row
        return row.ticket

    def client_of(self, agent: str) -> httpx.Client:
        """A browser in which the agent has signed in."""
        with self.engine.store.write() as tx:
            secret = accounts.let_in(tx, self.engine.world.chance, "session", agent, "", self.clock.now(), timedelta(hours=12))
        client = self.browser()
        client.cookies.set("session", secret)
        return client

    def account_of(self, agent: str) -> str:
        """Give the agent a password, and return it."""
        with self.engine.store.write() as tx:
            accounts.set_password(tx, agent, PASSWORD)
        return PASSWORD

    def token_of(self, agent: str) -> str:
        """A token by which a program acts as the agent."""
        with self.engine.store.write() as tx:
            return accounts.let_in(
                tx, self.engine.world.chance, "token", agent, f"test {self.engine.world.chance.random()}", self.clock.now(), None
            )

    def browser(self) -> httpx.Client:
        """Another browser, in which nobody has signed in."""
        # The server ends a connection that nobody used for five seconds: who uses it at that moment would find it reset.
        limits = httpx.Limits(keepalive_expiry=1)
        client = httpx.Client(base_url=self.url, follow_redirects=False, trust_env=False, timeout=20, limits=limits)
        self._browsers.append(client)
        return client

    def act(self, ticket: str, action: str, text: str = "", actor: str = "zhao", **more: Any) -> str | None:
        return self.engine.handle(AgentActed(ticket, action, actor, text, **more)).first.refused

    def ticket(self, number: str) -> Ticket:
        """Return a ticket as it is now."""
        with self.engine.store.read() as reader:
            found = reader.ticket(number)
        assert found is not None
        return found

    def wait(self, span: timedelta) -> None:
        """Let time pass; every timer fires when it is due, answers that wait are looked at, and what is queued is sent."""
        until = self.clock.now() + span
        while (due := self._next()) is not None and due <= until:
            self.clock.set(due)
            self.work()
        self.clock.set(until)
        self.work()

    def _next(self) -> datetime | None:
        with self.engine.store.read() as reader:
            return min((at for at in (reader.next_timer(), next_look(reader)) if at is not None), default=None)

    def close(self) -> None:
        for client in self._browsers:
            client.close()

    def work(self) -> None:
        """Fire what is due and send what is queued."""
        while self.engine.work_timers() + self.engine.work_answers():
            pass
        for channel in ("email", "sms", "chat"):
            while self.engine.work_outbox(channel):
                pass


def fingerprint(site: Website) -> str:
    """A hash over every row of every table."""
    with site.engine.store.read() as reader:
        found = [(table, rows) for table in sorted(reader.tables()) for rows in reader.rows(table)]
    return hashlib.sha256(repr(found).encode()).hexdigest()


@contextmanager
def website(
    root: Path, now: datetime = WEDNESDAY, policies: Path = POLICIES, database: str = "sqlite:///var/engine.db", more: str = ""
) -> Iterator[Website]:
    """Serve a fresh project until the block ends; `more` are settings of the web."""
    port, clock, stop = free_port(), VirtualClock(now), threading.Event()
    root.mkdir(parents=True, exist_ok=True)
    settings = SETTINGS.format(policies=policies, port=port, database=database, more=f", {more}" if more else "")
    (root / "engine.yaml").write_text(settings, "utf-8")
    engine = open_engine(load_project(root), clock, random.Random(7), reload=True, key=b"k" * 32)
    thread = threading.Thread(target=build(engine)["web"], args=(stop,), name="web under test")
    thread.start()
    served = Website(engine, clock, f"http://{LOOPBACK}:{port}")
    try:
        wait_for(served.client, thread.is_alive)
        yield served
    finally:
        served.close()
        stop.set()
        thread.join(10)
        engine.close()
    assert not thread.is_alive(), "the web lets go when it is told to"


def wait_for(client: httpx.Client, runs: Callable[[], bool]) -> None:
    """Wait until a web that is starting answers, as long as whatever serves it runs."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert runs()
        try:
            client.get("/")
        except httpx.ConnectError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the web does not answer")
