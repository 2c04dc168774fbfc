"""What the daemon counts, for Prometheus. Labels are words of the configuration and of the engine, never of people."""

import time
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from engine import __version__
from engine.core.events import DeadlineBreached
from engine.core.signals import TimerFired
from engine.runtime.engine import Engine
from engine.runtime.handle import Handled
from engine.runtime.health import Health
from engine.runtime.observers import Passage
from engine.store import StoreFailed
from engine.store.codec import signal_name

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """An observer that counts since the start of the process, and a collector of what stands in the store when it is asked."""

    def __init__(self, engine: Engine, health: Health) -> None:
        self.registry = CollectorRegistry()
        self._engine, self._health = engine, health
        to = self.registry
        self._decisions = Counter("closedloop_decisions", "Decisions kept, by what was decided on.", ["signal", "outcome"], registry=to)
        self._seconds = Histogram("closedloop_decision_seconds", "Time one decision took.", ["signal"], registry=to, buckets=_QUICK)
        self._lag = Histogram("closedloop_timer_lag_seconds", "How late timers fired.", registry=to, buckets=_SLOW)
        self._breaches = Counter("closedloop_breaches", "Promises that were not kept in time.", ["deadline"], registry=to)
        self._passed = Counter("closedloop_messages", "What passed a channel.", ["channel", "kind", "outcome"], registry=to)
        self._sending = Histogram("closedloop_send_seconds", "Time one sending took.", ["channel"], registry=to, buckets=_SLOW)
        self._up = Gauge("closedloop_channel_up", "Whether the carrier was there at the last try.", ["channel", "direction"], registry=to)
        ProcessCollector(registry=to)
        to.register(self)

    def decided(self, handled: Handled) -> None:
        """Count a decision."""
        name = signal_name(handled.signal)
        self._decisions.labels(name, "kept" if handled.decision.refused is None else "refused").inc()
        self._seconds.labels(name).observe(handled.seconds)
        if isinstance(handled.signal, TimerFired):
            self._lag.observe(max(0.0, (handled.at - handled.signal.due).total_seconds()))
        for event in handled.decision.events:
            if isinstance(event, DeadlineBreached):
                self._breaches.labels(event.id).inc()

    def passed(self, passage: Passage) -> None:
        """Count what passed a channel."""
        self._passed.labels(passage.channel, passage.what, passage.outcome).inc()
        if passage.what == "outbound":
            self._sending.labels(passage.channel).observe(passage.seconds)
            self._up.labels(passage.channel, "send").set(passage.outcome in ("sent", "permanent"))

    def looked(self, channel: str, up: bool) -> None:
        """Note whether a channel's carrier was there."""
        self._up.labels(channel, "receive").set(up)

    def collect(self) -> Iterable[Metric]:
        """Yield what holds at this moment. Without a database there is the rest."""
        yield InfoMetricFamily("closedloop_build", "The version that runs.", value={"version": __version__})
        yield InfoMetricFamily("closedloop_policy", "The policy in force.", value={"digest": self._engine.world.policy.digest[:12]})
        turns = GaugeMetricFamily("closedloop_loop_idle_seconds", "Time since a loop last finished a turn.", labels=["loop"])
        for loop in self._health.loops():
            turns.add_metric([loop.name], max(0.0, time.monotonic() - loop.turned_at))
        yield turns
        up = GaugeMetricFamily("closedloop_database_up", "Whether the database answers.")
        try:
            yield from self._stored(self._engine.clock.now())
            up.add_metric([], 1)
        except StoreFailed:
            up.add_metric([], 0)
        yield up

    def _stored(self, now: datetime) -> list[Metric]:
        with self._engine.store.read() as reader:
            rows, size = reader.backlog(), reader.vitals().size
        labels = ["queue", "channel", "state"]
        items = GaugeMetricFamily("closedloop_backlog_items", "What waits, and what was set aside (dead).", labels=labels)
        ages = GaugeMetricFamily("closedloop_backlog_age_seconds", "For how long the oldest has been due.", labels=labels)
        for row in rows:
            items.add_metric([row.queue, row.channel, row.state], row.count)
            ages.add_metric([row.queue, row.channel, row.state], max(0.0, (now - row.oldest).total_seconds()))
        return [items, ages, GaugeMetricFamily("closedloop_database_size_bytes", "Size of the database.", value=size)]
