"""OpenTelemetry spans of decisions, sendings and what comes in: ids and words of the engine only. All spans of a ticket are one trace."""

import hashlib
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from engine import __version__
from engine.errors import ConfigurationError
from engine.runtime.clock import Clock
from engine.runtime.handle import Handled
from engine.runtime.observers import Passage
from engine.store.codec import signal_name

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

_EXPORT_WITHIN = 3.0
"""Seconds that the collector has to take a batch: the daemon's end waits for the last one."""

Value = str | int | bool | list[str]


class Traces:
    """An observer that makes spans. It is told after the fact, so spans get the instants at which they began and ended."""

    def __init__(self, provider: "TracerProvider", clock: Clock) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("closedloop", __version__)
        self._clock = clock

    def decided(self, handled: Handled) -> None:
        """A decision becomes a span."""
        facts: dict[str, Value] = {
            "closedloop.signal": signal_name(handled.signal),
            "closedloop.events": [event.name for event in handled.decision.events],
            "closedloop.policy": handled.policy_digest[:12],
            "closedloop.refused": handled.decision.refused is not None,
        }
        self._span(f"decide {signal_name(handled.signal)}", handled.number, handled.began, handled.seconds, facts)

    def passed(self, passage: Passage) -> None:
        """A sending, or something that came in, becomes a span."""
        facts: dict[str, Value] = {"closedloop.channel": passage.channel, "closedloop.outcome": passage.outcome}
        if passage.message:
            facts["closedloop.message"] = passage.message
        ticket = passage.message.partition(".")[0]
        name = "send" if passage.what == "outbound" else f"receive {passage.what}"
        self._span(name, ticket if ticket.isdecimal() else None, passage.began, passage.seconds, facts)

    def looked(self, channel: str, up: bool) -> None:
        """A look at a channel is no span: there are thousands a day."""

    def close(self) -> None:
        """Hand over what was not handed over yet."""
        self._provider.shutdown()

    def _span(self, name: str, ticket: str | None, began: float, seconds: float, facts: Mapping[str, Value]) -> None:
        start = _nanoseconds(self._clock.now()) - round((time.monotonic() - began) * 1e9)
        named = {"closedloop.ticket": ticket, **facts} if ticket else facts
        span = self._tracer.start_span(name, _trace_of(ticket) if ticket else None, start_time=start, attributes=named)
        span.end(start + round(seconds * 1e9))


def open_traces(url: str, clock: Clock) -> Traces:
    """Return an observer whose spans go to the OTLP/HTTP endpoint of that URL. Raises ConfigurationError without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(f"operations.traces needs more ({error}): pip install 'closedloop[otel]', or take it out.") from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": "closedloop", "service.version": __version__}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url, timeout=_EXPORT_WITHIN)))
    return Traces(provider, clock)


def _trace_of(ticket: str) -> "Context":
    """The trace that belongs to a ticket's number, in whichever process its next span is made."""
    from opentelemetry import trace

    digest = hashlib.sha256(ticket.encode()).digest()
    root = trace.SpanContext(int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big"), True, trace.TraceFlags(1))
    return trace.set_span_in_context(trace.NonRecordingSpan(root))


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000
