"""Not handing over the same thing at every look while the engine is still busy with it."""

import time


class HandedOver:
    """What was handed over and not acknowledged. It is due again after `REPEAT_SECONDS`, in case the engine could not keep it."""

    REPEAT_SECONDS = 60.0

    def __init__(self) -> None:
        """Nothing is handed over yet."""
        self._since: dict[str, float] = {}

    def hand(self, identity: str) -> bool:
        """Tell whether `identity` is to be handed over now, and if so remember that it was."""
        now = time.monotonic()
        if now - self._since.get(identity, -self.REPEAT_SECONDS) < self.REPEAT_SECONDS:
            return False
        self._since[identity] = now
        return True

    def overdue(self) -> list[str]:
        """Return what was handed over so long ago that an answer is not expected any more."""
        limit = time.monotonic() - self.REPEAT_SECONDS
        return [identity for identity, since in list(self._since.items()) if since <= limit]

    def settle(self, identity: str) -> bool:
        """Forget `identity`: it was acknowledged, or given back. False if it was not handed over."""
        return self._since.pop(identity, None) is not None

    def clear(self) -> None:
        """Forget everything."""
        self._since.clear()
