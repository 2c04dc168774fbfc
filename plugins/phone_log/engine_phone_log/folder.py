"""Files dropped in the channel's folder: copies of an exchange's records, and calls logged by hand."""

import fnmatch
import time
from collections.abc import Iterator
from pathlib import Path

from engine.channels import ChannelContext, Delivery, FolderInbox, Inbound, Rejected, TemporaryFailure
from engine_phone_log.documents import Found, Line, find, is_logged_by_hand, lines_of, logged_by_hand, reject_whole, rejected, summary
from engine_phone_log.listening import LOOK_EVERY, REFUSED, Listening
from engine_phone_log.progress import Place
from engine_phone_log.settings import Settings

_NAMES = ("*.csv", "queue_log*", "*.json")


class FolderChannel(Listening):
    """Takes in every file whole; rows of all files in one look are folded together. A file goes when all of it is acknowledged."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._inbox = FolderInbox(context.incoming)
        self._left: dict[Path, set[Place]] = {}

    def open(self) -> None:
        """Open the memory of rows that were acknowledged while others of their file were not."""
        self._remember()

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield what lies in the folder, looking again until something does or `timeout` seconds are over."""
        deadline = time.monotonic() + timeout
        while True:
            something = False
            for delivery in self._look():
                something = True
                yield delivery
            left = deadline - time.monotonic()
            if something or left <= 0 or self._context.stopping.wait(min(left, LOOK_EVERY)):
                return

    def check(self, to: str | None) -> list[str]:
        """Say what lies in the folder now."""
        said = [f"looks for call records in {self._context.incoming}"]
        for path in self._inbox.waiting():
            raw = self._read(path)
            if is_logged_by_hand(raw, path.name):
                item = logged_by_hand(raw, path.name)
                said.append(f"{path.name}: {f'unreadable: {item.reason}' if isinstance(item, Rejected) else '1 call'}")
            else:
                said.append(f"{path.name}: {summary(lines_of(raw, path.name, self._reading), self._reading)}")
        return [*said, REFUSED] if to else said

    def _look(self) -> Iterator[Delivery]:
        handled = self._progress.handled() if self._progress else set()
        lines: list[Line] = []
        for path in self._inbox.waiting():
            raw = self._read(path)
            if is_logged_by_hand(raw, path.name):
                yield self._whole(path, raw, logged_by_hand(raw, path.name))
                continue
            held = list(lines_of(raw, path.name, self._reading))
            if not any(fnmatch.fnmatch(path.name.lower(), name) for name in _NAMES):
                why = f"{path.name} is no file of call records; those are named {', '.join(_NAMES)}"
                yield self._whole(path, raw, rejected(raw, path.name, 0, why))
            elif whole := reject_whole(raw, path.name, held):
                yield self._whole(path, raw, whole)
            else:
                lines += held
                with self._lock:
                    self._left[path] = {line.place for line in held} - handled
                    self._finish(path)
        for found in find(lines, self._reading):
            if all(line.place in handled for line in found.lines):
                continue
            if found.item is None:
                self._acknowledge(found)
            else:
                yield self._part(found, found.item)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise TemporaryFailure(f"{path} cannot be read: {error}") from error

    def _whole(self, path: Path, raw: bytes, item: Inbound | Rejected) -> Delivery:
        return Delivery(item, lambda: self._inbox.done(path), raw)

    def _part(self, found: Found, item: Inbound | Rejected) -> Delivery:
        return Delivery(item, lambda: self._acknowledge(found), found.raw)

    def _acknowledge(self, found: Found) -> None:
        places = {line.place for line in found.lines}
        with self._lock:
            if self._progress is None:
                return  # closed meanwhile: it comes again after the restart, and the engine knows it by its id
            self._progress.record(places, {})
            for source in {place.source for place in places}:
                path = self._context.incoming / source
                self._left[path] = self._left.get(path, set()) - places
                self._finish(path)

    def _finish(self, path: Path) -> None:
        """Remove a file of which nothing is left to hand over (or that held only a queue's own events)."""
        if self._progress and not self._left[path]:
            self._inbox.done(path)
            self._progress.forget(path.name)
            del self._left[path]
