"""`engine run`: the daemon. One thread decides, one takes in and one sends for each channel; each is a loop around a testable step.

A channel that raises, hangs or is away takes only itself out. SIGTERM and SIGINT stop it cleanly.
"""

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

from watchfiles import watch
from watchfiles.main import FileChange

from engine.channels import TemporaryFailure
from engine.errors import EngineError
from engine.runtime import cron, erasure, log, schedule
from engine.runtime.claims import BATCH
from engine.runtime.clock import JUMPED, JumpGuard, SystemClock
from engine.runtime.endpoint import operated
from engine.runtime.engine import Engine, open_engine
from engine.runtime.health import Health, to_service_manager
from engine.runtime.membership import Membership
from engine.runtime.project import Job, load_project
from engine.runtime.reload import Reloader
from engine.store.contract import Transaction

POLL = 1.0
"""Seconds after which every loop looks again by itself; hints only shorten this."""

SHORTEST_WAIT = 0.02
"""Seconds between two looks at a timer that is due and that somebody else is firing."""

RECEIVE_WAIT = 5.0
"""Seconds a channel may wait for something to come in before it looks whether the daemon stops."""

LONGEST_PAUSE = 60.0
STOP_WITHIN = 8.0


@dataclass(slots=True)
class Loop:
    """A thread around one step. The step returns how much it did; with nothing done the loop waits for a hint, or for `pause` seconds."""

    name: str
    step: Callable[[], int]
    stop: threading.Event
    hint: threading.Event = field(default_factory=threading.Event)
    busy_since: float | None = None
    turned_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    pause: float = POLL

    def start(self) -> threading.Thread:
        """Run until `stop` is set, in a thread that never keeps the process alive."""
        thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while not self.stop.is_set():
            done = self._once()
            if done == 0:
                pause = min(POLL * 2**self.failures, LONGEST_PAUSE) if self.failures else self.pause
                self.turned_at = time.monotonic() + pause
                self.hint.wait(pause)
                self.hint.clear()

    def _once(self) -> int:
        self.busy_since = time.monotonic()
        try:
            done = self.step()
        except TemporaryFailure as failure:
            self.failures += 1
            log.say("channel is away", logging.WARNING, loop=self.name, reason=str(failure), failures=self.failures)
            return 0
        except EngineError as failure:
            self.failures += 1
            log.say("cannot work", logging.ERROR, loop=self.name, reason=str(failure), failures=self.failures)
            return 0
        except Exception:  # noqa: BLE001  # a plugin's fault stops its own loop's turn, never the daemon
            self.failures += 1
            log.LOGGER.exception("fault", extra={"facts": {"loop": self.name, "failures": self.failures}})
            return 0
        finally:
            self.busy_since, self.turned_at = None, time.monotonic()
        self.failures = 0
        return done


Bodies = Mapping[str, Callable[[Engine, Job, datetime, datetime], None]]
"""What each job does, given its slot and the slot before it."""

Services = Mapping[str, Callable[[threading.Event], None]]
"""What each service does until the event is set."""

BuildServices = Callable[[Engine], Services]


class Worker:
    """The daemon's loops around one engine. `only` limits it to parts: intake, timers, outbox, cron, services."""

    def __init__(self, engine: Engine, bodies: Bodies, only: frozenset[str], services: Services = MappingProxyType({})) -> None:
        self.engine = engine
        self.stop = engine.stopping
        self._wanted: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._bodies = bodies
        self._guard = JumpGuard(self._jumped, engine.project.clock_jump.total_seconds())
        self._was_set = 0.0
        self._only = only
        self._full = False
        self._member = engine.membership = Membership(engine.store, tuple(sorted(only)), engine.world.chance)
        self._reloader = Reloader(engine)
        self._changes: Generator[set[FileChange], None, None] | None = None
        self._decider = Loop("decide", self._decide, self.stop)
        self._receivers = [Loop(f"receive {name}", self._receiving(name), self.stop) for name in engine.channels if "intake" in only]
        self._watcher = Loop("reload", self._reload, self.stop)
        self._reporters = [Loop("report", self._report, self.stop)] if "cron" in only else []
        senders = engine.world.senders if "outbox" in only else ()
        self._servers = [Loop(f"serve {name}", partial(_serving, serve, self.stop), self.stop) for name, serve in services.items()]
        self._senders = {name: Loop(f"send {name}", self._sending(name), self.stop) for name in senders}
        patience = max(engine.project.stalled_after, engine.project.lease)  # one that sends too long is replaced before
        self.health = Health(self._loops, max(patience.total_seconds(), 2 * RECEIVE_WAIT), to_service_manager())

    def _loops(self) -> tuple[Loop, ...]:
        return (self._decider, self._watcher, *self._reporters, *self._receivers, *self._senders.values())

    def run(self) -> None:
        """Work until `stop` is set, then let go within `STOP_WITHIN` seconds."""
        self._member.seen(self.engine.world.policy.digest, self.engine.clock.now())
        recovered = self._recover()
        log.say(
            "started",
            pid=os.getpid(),
            worker=self._member.id,
            policy=self.engine.world.policy.digest[:12],
            channels=list(self.engine.channels),
            recovered=recovered,
        )
        threads = [loop.start() for loop in (*self._loops(), *self._servers)]
        self.health.started(self.engine.world.policy.digest[:12])
        while not self.stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._wanted.get(timeout=POLL)
                self.stop.set()
            try:
                self._member.seen(self.engine.world.policy.digest, self.engine.clock.now())
                self._watch_senders()
            except EngineError as failure:  # the database is away; the next look finds the same
                log.say("cannot work", logging.ERROR, loop="watch", reason=str(failure))
            self.health.beat()
        self.health.stopping()
        for loop in (*self._loops(), *self._servers):
            loop.hint.set()
        deadline = time.monotonic() + STOP_WITHIN
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(EngineError):  # the database is away: it finds out by itself
            self._member.leave()
        log.say("stopped", unfinished=[thread.name for thread in threads if thread.is_alive()])

    def end(self) -> None:
        """Ask it to stop; unlike an event, the queue may be touched by a signal handler at any moment."""
        self._wanted.put(None)

    def _recover(self) -> int:
        """Put back in line what a process that ended left in the middle; return how many messages it was sending."""
        now = self.engine.clock.now()
        with self.engine.store.write() as tx:  # others may be sending what they claimed from a store that is shared
            _believe_clock(tx, now)
            return tx.recover_sending(now, now - self.engine.project.lease if self.engine.store.shared else None)

    def _decide(self) -> int:
        if self._was_set:  # also what is still being taken in as of the hour before
            now, jump = self.engine.clock.now(), self._was_set
            with self.engine.store.write() as tx:
                _believe_clock(tx, now)
                tx.set_meta(JUMPED, f"{now.isoformat()} {round(jump)}")
            self._was_set = self._was_set if self._guard.holds() else 0.0
        self._reloader.follow(again=False)  # what another process has put in force decides from here on
        done = self.engine.work_inbox(BATCH) if "intake" in self._only else 0
        if "timers" in self._only and not self._guard.holds():
            done += self.engine.work_timers(BATCH) + self.engine.work_answers()
        if "cron" in self._only and not self._guard.holds():
            done += len(self._cron()) + self.engine.work_rules()
        if done:
            for loop in self._senders.values():
                loop.hint.set()
        elif "timers" in self._only:
            self._decider.pause = self._until_next_timer()
        return done

    def _until_next_timer(self) -> float:
        """How many seconds the decider may wait for the next timer."""
        with self.engine.store.read() as reader:
            due = reader.next_timer()
        ahead = POLL if due is None or self._guard.holds() else (due - self.engine.clock.now()).total_seconds()
        return min(POLL, max(SHORTEST_WAIT, ahead))

    def _cron(self) -> list[str]:
        engine = self.engine
        kinds = {job.name: (job, job.name) for job in engine.project.jobs}
        if (kept := engine.world.policy.retention) is not None:
            job = schedule.job("retention", kept)
            kinds[job.name] = job, "retention"
        bodies = {name: partial(self._bodies[kind], engine) for name, (_, kind) in kinds.items() if kind in self._bodies}
        jobs = [job for name, (job, _) in kinds.items() if name in bodies]
        return cron.run_due(engine.store, jobs, bodies, engine.clock.now(), engine.world.policy.company.timezone)

    def _report(self) -> int:
        """Make the reports that are due, beside the decider: a long one makes no promise wait."""
        engine = self.engine
        wanted = schedule.reports(engine.world.policy)
        if self._guard.holds():
            return 0
        jobs, body = [job for _, job in wanted.values()], partial(self._bodies["report"], engine)
        zone = engine.world.policy.company.timezone
        return len(cron.run_due(engine.store, jobs, dict.fromkeys(wanted, body), engine.clock.now(), zone, take=False))

    def _reload(self) -> int:
        """Look for saved policies and people, and for another policy put in force by somebody else."""
        watching = self._changes is not None
        changes = self._changes or watch(
            self.engine.project.policies,
            stop_event=self.stop,
            debounce=400,
            rust_timeout=1000,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        self._changes = None  # after a fault (the directory is gone, say) the watch begins anew
        saved = next(changes, None)
        self._changes = changes
        # What was saved before the watch began is only seen by looking.
        if saved or not watching or self._reloader.wants_another_look:
            self._reloader.saved()
        self._reloader.follow()
        return 1

    def _receiving(self, name: str) -> Callable[[], int]:
        def step() -> int:
            if self._is_full():
                return 0
            fresh = self.engine.receive(name, timeout=RECEIVE_WAIT)
            if fresh:
                self._decider.hint.set()
            return fresh

        return step

    def _is_full(self) -> bool:
        """Whether so much waits that the carriers had better keep the rest; once it was so, until a tenth of it was worked off."""
        limit = self.engine.project.waiting_limit
        with self.engine.store.read() as reader:
            full = reader.waiting_inbox(limit) >= (limit - limit // 10 if self._full else limit)
        if full is not self._full:
            self._full = full
            if full:
                log.say("too much waits: nothing is taken in", logging.WARNING, waiting_limit=limit)
            else:
                log.say("intake goes on")
        return full

    def _sending(self, name: str) -> Callable[[], int]:
        return lambda: 0 if self._guard.holds() else self.engine.work_outbox(name)

    def _jumped(self, seconds: float) -> None:
        log.say("the wall clock jumped: messages are held for a minute", logging.ERROR, seconds=round(seconds))
        self._was_set = seconds

    def _watch_senders(self) -> None:
        """Replace a sender whose channel has not answered in time; what it was sending is tried again."""
        limit = self.engine.project.send_deadline.total_seconds()
        for name, loop in list(self._senders.items()):
            since = loop.busy_since
            if since is None or time.monotonic() - since < limit:
                continue
            log.say("the channel hangs: it is replaced", logging.ERROR, channel=name, seconds=round(limit))
            loop.stop = threading.Event()
            loop.stop.set()
            self.engine.replace_hanging(name)
            self._senders[name] = Loop(f"send {name}", self._sending(name), self.stop)
            self._senders[name].start()


def _believe_clock(tx: Transaction, now: datetime) -> None:
    """Let nothing wait again for an hour that the clock has shown before it was set back."""
    tx.bring_inbox_forward(now)
    tx.bring_messages_forward(now)


def _serving(serve: Callable[[threading.Event], None], stop: threading.Event) -> int:
    """A turn of a service's loop, which lasts until the daemon stops: nobody may expect signs of life of it."""
    serve(stop)
    return 0


PARTS = frozenset({"intake", "timers", "outbox", "cron", "services"})


def run(root: Path, bodies: Bodies, by_clock: Iterable[schedule.ByClock], build: BuildServices, only: frozenset[str] = PARTS) -> int:
    """Run the project's daemon until SIGTERM or SIGINT; return the exit code. Raises EngineError when it cannot start."""
    log.configure()
    project = load_project(root)
    cron.check(project.jobs)
    engine = open_engine(project, SystemClock(), reload=True, owner="engine run")
    try:
        engine.listeners.append(log.decision)
        if again := erasure.repeat(engine):
            log.say("erased again", logging.WARNING, customers=again)
        engine.by_clock += by_clock
        for alarm in engine.alarms:
            log.say("alarm", logging.ERROR, reason=alarm)
        worker = Worker(engine, bodies, only, build(engine) if "services" in only and project.services else {})
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.end())
        with operated(engine, worker.health):
            worker.run()
    finally:
        engine.close()
    return 0
