"""What the daemon's log says of what goes wrong."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.channels import Delivery, Rejected
from engine.cli.init import lay_out
from engine.runtime import inbox, log
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path):
    lay_out(tmp_path)
    opened = open_engine(load_project(tmp_path), VirtualClock(NOW), reload=True)
    yield opened
    opened.close()


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict]]:
    return [
        (record.getMessage(), record.levelname, getattr(record, "facts", {})) for record in caplog.records if record.name == "closedloop"
    ]


def test_input_that_is_not_understood_is_named_where_it_is_kept(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    rejected = Rejected("id", "bad.json", b"{", "not JSON")
    with caplog.at_level(logging.INFO, "closedloop"):
        inbox.accept(engine.desk, "sms", [Delivery(rejected, lambda: done.append("yes"))], NOW)
    [(message, level, facts)] = said(caplog)
    assert (message, level, facts["channel"]) == ("not understood", "WARNING", "sms")
    assert (engine.project.var / "bad" / "sms" / facts["kept"]).read_bytes() == b"{"
    assert done == ["yes"]


def test_an_item_that_fails_is_told_each_time_and_as_an_error_when_it_is_set_aside(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.store.write() as tx:
        tx.accept("sms", "broken", NOW, '{"kind":"inbound","item":{}}', b"")
    with caplog.at_level(logging.INFO, "closedloop"):
        for _ in range(engine.world.retries.attempts):
            with engine.store.read() as reader:
                due = reader.next_inbox()
            assert due is not None
            inbox.process(engine.desk, engine.world, due)
    levels = [level for message, level, _ in said(caplog) if message == "not handled"]
    assert levels == ["WARNING"] * (engine.world.retries.attempts - 1) + ["ERROR"]
    with engine.store.read() as reader:
        assert [row.state for row in reader.inbox(None, 10)] == ["dead"]


def test_a_line_is_json_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    try:
        log.say("alarm", logging.ERROR, reason="名字")
        line = json.loads(capsys.readouterr().err)
    finally:
        logging.getLogger().handlers.clear()
    assert (line["message"], line["level"], line["reason"]) == ("alarm", "error", "名字")
