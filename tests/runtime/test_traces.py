"""Spans of what the daemon does: in memory, and over the wire to a collector."""

import gzip
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.channels import Delivery, Inbound, Outbound, PermanentFailure, Receipt, ReceiptStatus, Rejected, Sent, TemporaryFailure
from engine.cli.init import lay_out
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.observers import Observed, observe
from engine.runtime.project import load_project
from engine.runtime.traces import Traces, open_traces
from tests.support.ports import LOOPBACK, free_port
from tests.support.repository import ROOT

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)
MAIL = """\
From: Sun <sun@customer.test>
To: support@example.test
Subject: broken
Message-ID: <1@customer.test>
Date: Wed, 04 Mar 2026 09:00:00 +0800
Content-Type: text/plain; charset=utf-8

it is broken
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lay_out(tmp_path)
    project = replace(load_project(tmp_path), outbound="live")
    opened = open_engine(project, VirtualClock(NOW), chance=random.Random(1), reload=True)
    yield opened
    opened.close()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans: InMemorySpanExporter) -> Iterator[Traces]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    made = Traces(provider, VirtualClock(NOW))
    yield made
    made.close()


def work(engine: Engine) -> None:
    (engine.project.var / "in" / "email" / "1.eml").write_text(MAIL, encoding="utf-8")
    assert engine.receive("email", 0) == 1
    assert engine.work_inbox() == 1
    assert engine.work_outbox("email") >= 1


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_a_mail_is_followed_from_its_arrival_to_the_answer(engine: Engine, traces: Traces, spans: InMemorySpanExporter) -> None:
    observe(engine, [traces])
    work(engine)
    [arrived], [decided], [sent, *_] = (named(spans, name) for name in ("receive inbound", "decide message_arrived", "send"))
    facts = decided.attributes or {}
    assert facts["closedloop.ticket"] == "202603040001"
    assert facts["closedloop.policy"] == engine.world.policy.digest[:12]
    assert facts["closedloop.refused"] is False
    assert "ticket_opened" in facts["closedloop.events"]  # type: ignore[operator]  # a sequence of texts here
    assert (arrived.attributes or {})["closedloop.outcome"] == "accepted"
    assert (sent.attributes or {})["closedloop.outcome"] == "sent"
    assert sent.context.trace_id == decided.context.trace_id != arrived.context.trace_id
    for span in spans.get_finished_spans():
        assert span.start_time is not None
        assert span.end_time is not None
        assert 0 <= span.end_time - span.start_time < 60e9
        assert abs(span.end_time / 1e9 - NOW.timestamp()) < 60
    told = " ".join(span.to_json() for span in spans.get_finished_spans())
    assert [part for part in ("sun@", "Sun", "broken", "support@") if part in told] == []


class Scripted:
    """A channel that does as its test says."""

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = list(outcomes)
        self.open = self.close = lambda: None
        self.check = lambda to: ["checked"]

    def parse(self, raw: bytes, name: str) -> list[Inbound | Receipt | Rejected]:
        return []

    def send(self, message: Outbound) -> Sent:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Sent("there")

    def receive(self, timeout: float) -> Iterator[Delivery]:
        for outcome in self.outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            yield Delivery(outcome, lambda: None)  # type: ignore[arg-type]  # an item, as the test says


def test_a_sending_that_fails_fails_as_before_and_says_how(traces: Traces, spans: InMemorySpanExporter) -> None:
    channel = Observed("sms", Scripted("fine", TemporaryFailure("later", 3), PermanentFailure("no"), ValueError("fault")), [traces])
    message = Outbound("202603040001.0.6", "+8613800138000", "hello")
    assert channel.send(message) == Sent("there")
    with pytest.raises(TemporaryFailure):
        channel.send(message)
    with pytest.raises(PermanentFailure):
        channel.send(message)
    with pytest.raises(ValueError, match="fault"):
        channel.send(message)
    assert [(span.attributes or {})["closedloop.outcome"] for span in named(spans, "send")] == ["sent", "temporary", "permanent", "fault"]
    assert {(span.attributes or {})["closedloop.ticket"] for span in named(spans, "send")} == {"202603040001"}


class Looks(Traces):
    looks: tuple[bool, ...] = ()

    def looked(self, channel: str, up: bool) -> None:
        self.looks += (up,)


def test_what_comes_in_passes_when_it_was_kept_and_a_carrier_that_is_away_is_noticed(spans: InMemorySpanExporter) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    looks = Looks(provider, VirtualClock(NOW))
    items = (Inbound("1", "a", NOW), Receipt("2", ReceiptStatus.DELIVERED, NOW), Rejected("3", "x", b"", "why"))
    assert [one.item for one in Observed("sms", Scripted(*items), [looks]).receive(0)] == list(items)
    assert [span.name for span in spans.get_finished_spans()] == ["receive inbound", "receive receipt", "receive rejected"]
    with pytest.raises(TemporaryFailure):
        list(Observed("sms", Scripted(TemporaryFailure("away")), [looks]).receive(0))
    assert looks.looks == (True, False)


def test_a_channel_that_hangs_is_replaced_by_one_that_is_observed_too(engine: Engine, traces: Traces, spans: InMemorySpanExporter) -> None:
    observe(engine, [traces])
    engine.rebuild("email")
    work(engine)
    assert named(spans, "send")


def test_spans_reach_a_collector_over_http() -> None:
    got: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(ExportTraceServiceRequest.FromString(gzip.decompress(body) if self.headers.get("Content-Encoding") else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer((LOOPBACK, 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        traces = open_traces(f"http://{LOOPBACK}:{server.server_port}/v1/traces", VirtualClock(NOW))
        Observed("sms", Scripted("fine"), [traces]).send(Outbound("202603040001.0.6", "x", "y"))
        traces.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    [one] = got
    [resource] = one.resource_spans
    assert {"closedloop"} <= {fact.value.string_value for fact in resource.resource.attributes}
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["send"]


def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    traces = open_traces(f"http://{LOOPBACK}:{free_port()}/v1/traces", VirtualClock(NOW))
    Observed("sms", Scripted("fine"), [traces]).send(Outbound("202603040001.0.6", "x", "y"))
    began = datetime.now(UTC)
    traces.close()
    assert datetime.now(UTC) - began < timedelta(seconds=8)


def test_without_the_setting_nothing_of_it_is_even_imported() -> None:
    heavy = "('opentelemetry', 'prometheus_client')"
    code = f"import sys, engine.runtime.worker; print([name for name in sys.modules if name.startswith({heavy})])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
