"""Messages to other systems take the same way out as those to people, through the installed channel, and to nobody else."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.store.rows import OutboxRow
from tests.real.webhook_receivers import Receiver
from tests.support.repository import ROOT

NOW = datetime(2026, 3, 4, 2, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Opening = Callable[[str], Engine]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def opened(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Opens a project with the endpoint `crm` and one message for it and one for an endpoint it does not have."""
    monkeypatch.setenv("CRM_SECRET", SECRET)
    engines = []

    def open_one(outbound: str) -> Engine:
        endpoint = f'{{url: "{receiver.url()}", secret: "${{env:CRM_SECRET}}"}}'
        settings = (
            f"version: 1\npolicies: {ROOT / 'policies'}\noutbound: {outbound}\nchannels: {{webhook: {{endpoints: {{crm: {endpoint}}}}}}}\n"
        )
        (tmp_path / "engine.yaml").write_text(settings, encoding="utf-8")
        engine = open_engine(load_project(tmp_path), VirtualClock(NOW), reload=True)
        engines.append(engine)
        with engine.store.write() as tx:
            tx.keep_content("k", None, "message", '{"event": "ticket_opened"}')
            for id, name in (("202603040001.0.1", "crm"), ("202603040001.0.2", "crn")):
                tx.queue_message(OutboxRow(id, None, "webhook", name, name, "", "k", "zh", True, None, NOW))
        engine.work_outbox("webhook")
        return engine

    yield open_one
    for engine in engines:
        engine.close()


def states(engine: Engine) -> dict[str, str]:
    with engine.store.read() as reader:
        return {row.address: row.state for row in reader.messages()}


def test_an_endpoint_is_told_and_an_unknown_one_ends_where_a_person_sees_it(opened: Opening, receiver: Receiver) -> None:
    engine = opened("live")
    assert states(engine) == {"crm": "sent", "crn": "dead"}
    [posted] = receiver.posted
    assert (posted.body, posted.headers["webhook-timestamp"]) == (b'{"event": "ticket_opened"}', str(int(NOW.timestamp())))
    with engine.store.read() as reader:
        [error] = [row.error for row in reader.messages() if row.state == "dead"]
    assert error is not None
    assert "did you mean 'crm'?" in error


@pytest.mark.parametrize("outbound", ["hold", "{redirect: me@example.test}", "{redirect: '+8613900000000'}"])
def test_an_endpoint_is_told_nothing_while_messages_are_held_or_redirected(opened: Opening, receiver: Receiver, outbound: str) -> None:
    assert states(opened(outbound)) == {"crm": "held", "crn": "held"}
    assert receiver.connections == 0
