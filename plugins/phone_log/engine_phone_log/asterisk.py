"""Following the files of a running Asterisk: `Master.csv` and `queue_log`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.channels import ChannelContext, Delivery, Inbound, Rejected, TemporaryFailure
from engine.errors import ConfigurationError
from engine_phone_log.calls import call_ids, gather
from engine_phone_log.documents import Found, Line, find, lines_of, summary
from engine_phone_log.listening import LOOK_EVERY, REFUSED, Listening
from engine_phone_log.progress import Mark, Place
from engine_phone_log.records import read_line
from engine_phone_log.settings import Settings
from engine_phone_log.tail import Tail

LINES_AT_ONCE = 5_000
WAITING_AT_MOST = 50_000  # lines of one file read and not yet acknowledged; then reading pauses
# A call whose end was never written (a crash of the exchange, a damaged row) is handed over as far as it is known.
UNFINISHED_AFTER = timedelta(hours=4)


@dataclass(slots=True)
class _Waiting:
    line: Line
    seen_at: datetime


class AsteriskChannel(Listening):
    """Hands over each call once, when its records have been quiet for `settle` and it is over."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._paths = [path for path in (settings.master_csv, settings.queue_log) if path is not None]
        self._waiting: dict[str, dict[Place, _Waiting]] = {path.name: {} for path in self._paths}
        self._tails: dict[str, Tail] = {}
        self._handled: set[Place] = set()

    def open(self) -> None:
        """Continue where the last acknowledgement left off. Raises ConfigurationError for paths that cannot be right."""
        if len({path.name for path in self._paths}) < len(self._paths):
            raise ConfigurationError("asterisk: master_csv and queue_log must be two files of different names")
        for path in self._paths:
            if not path.parent.is_dir():
                raise ConfigurationError(f"asterisk: there is no directory {path.parent}")
        progress = self._remember()
        self._tails = {path.name: Tail(path, progress.mark(path.name)) for path in self._paths}
        self._handled = progress.handled()

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield unreadable lines at once and calls when they are over and settled."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._read_on()
            except OSError as error:
                raise TemporaryFailure(f"the exchange's records cannot be read: {error}") from error
            self._report_lost()
            ready = self._ready()
            yield from ready
            left = deadline - time.monotonic()
            if ready or left <= 0 or self._context.stopping.wait(min(left, LOOK_EVERY)):
                return

    def check(self, to: str | None) -> list[str]:
        """Say what the files hold now."""
        said = []
        for path in self._paths:
            if path.is_file():
                said.append(f"{path}: {summary(lines_of(path.read_bytes(), path.name, self._reading), self._reading)}")
            else:
                said.append(f"{path} does not exist yet")
        return [*said, REFUSED] if to else said

    def _read_on(self) -> None:
        """Read what was added. The lock is held throughout: a line that is read and not yet waiting must not count as handled."""
        now = self._context.now()
        with self._lock:
            for source, tail in self._tails.items():
                if len(self._waiting[source]) >= WAITING_AT_MOST:
                    continue
                for inode, offset, raw in tail.lines(LINES_AT_ONCE):
                    place = Place(source, inode, offset)
                    record = read_line(raw, self._reading.zone)
                    if record is not None and place not in self._handled:
                        self._waiting[source][place] = _Waiting(Line(place, raw, record), now)

    def _report_lost(self) -> None:
        """Tell once, as a failure that the engine reports, that a file was rotated out of reach; then read on."""
        for tail in self._tails.values():
            if tail.lost:
                lost, tail.lost = tail.lost, ""
                raise TemporaryFailure(lost)

    def _ready(self) -> list[Delivery]:
        """Deliver what is complete among the waiting lines; calls inside the house are done with at once."""
        with self._lock:
            waiting = [each for lines in self._waiting.values() for each in lines.values()]
        groups: dict[str, list[_Waiting]] = {}
        for each, call_id in zip(waiting, call_ids(each.line.record for each in waiting), strict=True):
            groups.setdefault(call_id, []).append(each)
        bad = groups.pop("", [])
        complete = [each for call_id, members in groups.items() if self._complete(call_id, members) for each in members]
        found = find((each.line for each in bad + complete), self._reading)
        for inside in (each for each in found if each.item is None):
            self._acknowledge(inside)
        return [self._delivery(each, each.item) for each in found if each.item is not None]

    def _complete(self, call_id: str, members: list[_Waiting]) -> bool:
        quiet = self._context.now() - max(each.seen_at for each in members)
        call = gather(call_id, (each.line.record for each in members))
        over = call.is_over(expects_legs=self._settings.master_csv is not None)
        return quiet >= (self._settings.settle if over else max(UNFINISHED_AFTER, self._settings.settle))

    def _delivery(self, found: Found, item: Inbound | Rejected) -> Delivery:
        return Delivery(item, lambda: self._acknowledge(found), found.raw)

    def _acknowledge(self, found: Found) -> None:
        with self._lock:
            for line in found.lines:
                self._waiting[line.place.source].pop(line.place, None)
            if self._progress is None:
                return  # closed meanwhile: it comes again after the restart, and the engine knows it by its id
            marks: dict[str, Mark] = {}
            for source, tail in self._tails.items():
                oldest = next(iter(self._waiting[source]), None)
                mark = tail.place(oldest.number, oldest.offset) if oldest else tail.mark
                if mark:
                    marks[source] = mark
            self._progress.record((line.place for line in found.lines), marks)
            for source, lines in self._waiting.items():
                if not lines:
                    self._progress.forget(source)
