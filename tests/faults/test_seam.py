"""A tenth of all commits succeeds and says it failed, a tenth of all sendings meets a carrier that is busy, broken, deaf or gone: nothing
is lost, nothing is sent twice where the carrier knows repeats, and every message ends sent or with the dead.
"""

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.core.lifecycle import evolve
from engine.core.model import WEBHOOK
from engine.runtime.carriers import Circuit
from engine.runtime.engine import Engine
from engine.runtime.project import ChannelSettings
from engine.runtime.retries import Retries
from engine.store import OutboxRow, TicketQuery
from tests.acceptance.inputs import mail, text_message
from tests.faults.seam import NOW, LyingStore, World, deliver, make_flaky, opened, until_quiet, work
from tests.support.counts import scaled

ALL = 1_000_000
SHARE = 0.1
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLwSw"  # an example of the standard


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database") if request.param == "postgresql" else None


def test_commits_that_lie_and_carriers_that_fail_lose_nothing(tmp_path: Path, seed: int, backend: str | None) -> None:
    intakes = scaled(3_000, least=150) if backend is None else scaled(600, least=40)
    world = World(random.Random(f"{seed} carriers"), SHARE)
    with opened(tmp_path / "desk", seed, backend, send_deadline=timedelta(minutes=1)) as engine:
        truth = engine.store
        engine.store = lying = LyingStore(truth, SHARE, random.Random(f"{seed} commits"))
        make_flaky(engine, world)
        for n in range(intakes):
            content = mail(n, "发票抬头写错了") if n % 2 else text_message(n)
            deliver(engine, "email" if n % 2 else "sms", f"{n:06}.{'eml' if n % 2 else 'json'}", content)
            if n % 40 == 0:
                work(engine)
                engine.clock.set(engine.clock.now() + timedelta(minutes=10))  # type: ignore[attr-defined]  # it is a virtual one
        until_quiet(engine)
        assert lying.lies > 0
        with truth.read() as reader:
            assert reader.inbox_counts() == {"done": intakes}, "each intake was handled"
            assert len(reader.tickets(TicketQuery(limit=ALL))) == intakes, "each intake was handled once"
            assert reader.integrity(evolve) == []
            messages = reader.messages(limit=ALL)
        assert {row.state for row in messages} <= {"sent", "dead"}
        assert {row.digest or row.id for row in messages if row.state == "sent"} <= set(world.taken), "what is booked as sent was sent"
        assert all(len(contents) == 1 for contents in world.contents.values()), "a repeat says the same, so that a carrier may leave it out"
        known = lying.lies + world.doubtful.total()
        assert all(world.taken[id] <= 1 + world.doubtful[id] for id in world.taken), f"no copy without a doubtful answer ({known} of them)"
        for row in messages:
            if row.state == "dead":
                assert row.attempts - row.excused >= engine.project.delivery.attempts


class Endpoint:
    """An HTTP server that recognises repeats by `webhook-id`, and treats a tenth of what is posted badly."""

    def __init__(self, chance: random.Random) -> None:
        self.asked: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._chance = chance
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.released = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "Endpoint":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                id = self.headers["webhook-id"]
                self.rfile.read(int(self.headers["Content-Length"]))
                fault = endpoint.draw(id)
                if fault in ("429", "503"):
                    self.send_response(int(fault))
                    self.send_header("Retry-After", "7")
                    self.end_headers()
                    return
                if fault != "reset":
                    endpoint.effects[id] = 1  # a repeat has no effect of its own
                if fault == "hang":
                    endpoint.released.wait(30)
                if fault.startswith("reset"):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault != "hang":
                    self.send_response(200)
                    self.end_headers()

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    self.close_connection = True  # the connection was reset on purpose

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing on standard error."""

        return Handler

    def draw(self, id: str) -> str:
        """What goes wrong with this one, nothing for most."""
        self.asked[id] += 1
        fault = self._chance.choice(("429", "503", "hang", "reset", "reset after")) if self._chance.random() < SHARE else ""
        self.faults[fault] += 1
        return fault


@pytest.fixture
def endpoint(seed: int) -> Iterator[Endpoint]:
    with Endpoint(random.Random(seed)) as server:
        yield server


def queue(engine: Engine, count: int) -> None:
    with engine.store.write() as tx:
        for n in range(count):
            tx.keep_content(f"t{n}", None, "message", f'{{"n": {n}}}')
            tx.queue_message(OutboxRow(f"n{n}", None, "webhook", WEBHOOK, "crm", "", f"t{n}", "en", True, None, NOW))


def test_a_real_endpoint_that_is_busy_broken_deaf_or_gone_gets_each_document_once_in_effect(
    tmp_path: Path, seed: int, endpoint: Endpoint
) -> None:
    count = scaled(10_000, least=300)
    settings = {"endpoints": {"crm": {"url": endpoint.url, "secret": SECRET, "timeout": 0.5}}}
    channels = (ChannelSettings("webhook", "webhook", settings),)
    delivery = Retries(attempts=8, backoff=timedelta(seconds=5), longest=timedelta(minutes=1))
    with opened(tmp_path / "desk", seed, channels=channels, delivery=delivery, circuit=Circuit(failures=3)) as engine:
        queue(engine, count)
        until_quiet(engine, step=timedelta(seconds=5))
        with engine.store.read() as reader:
            messages = reader.messages(limit=ALL)
            trials = [trial for row in messages for trial in reader.trials("outbox", row.id)]
    assert {row.state for row in messages} == {"sent"}
    assert endpoint.effects == Counter({f"n{n}": 1 for n in range(count)})
    assert endpoint.asked.total() == count + len(trials), "each failure was kept"
    assert len(trials) == endpoint.faults.total() - endpoint.faults[""]
