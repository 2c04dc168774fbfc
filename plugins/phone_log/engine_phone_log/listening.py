"""What both transports share: a memory of what was acknowledged, and that nothing is ever sent."""

import threading
from collections.abc import Iterable

from engine.channels import ChannelContext, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent
from engine_phone_log.documents import parse
from engine_phone_log.progress import Progress
from engine_phone_log.settings import Settings

LOOK_EVERY = 0.5  # seconds between two looks while nothing is ready
REFUSED = "the phone log only takes in: a call is made by a person"


class Listening:
    """The part of a phone log channel that does not depend on where its records come from."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._reading = settings.reading
        self._context = context
        self._lock = threading.RLock()
        self._progress: Progress | None = None

    def _remember(self) -> Progress:
        """Open the memory of rows that were acknowledged."""
        self._progress = Progress(self._context.state / "phone_log.sqlite3")
        return self._progress

    def close(self) -> None:
        """Let go of the state file; may be repeated."""
        with self._lock:
            if self._progress:
                self._progress.close()
                self._progress = None

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Understand call records handed over by a person, in any of the formats."""
        return parse(raw, name, self._reading)

    def send(self, message: Outbound) -> Sent:
        """Refuse: nothing is sent by phone."""
        raise PermanentFailure(REFUSED)
