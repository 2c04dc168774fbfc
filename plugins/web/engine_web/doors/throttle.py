"""How often something may be tried: token buckets in memory, by whatever names who tries."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import Request

_MOST = 10_000
"""Buckets that are kept; when there are more, that goes which was asked for longest ago."""


class Throttle:
    """Lets `limit` tries pass at once and as many again in each `seconds`. Any thread may ask."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._rate, self._clock = limit, limit / seconds, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, who: str) -> float:
        """Take one try; return 0 where it may be done, else after how many seconds it may be done."""
        with self._lock:
            now = self._clock()
            left = self._left(who, now)
            may = left >= 1
            self._buckets[who] = (left - 1 if may else left, now)
            self._buckets.move_to_end(who)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
            return 0.0 if may else (1 - left) / self._rate

    def forgive(self, who: str) -> None:
        """Give back all tries of somebody who proved to be who they say."""
        with self._lock:
            self._buckets.pop(who, None)

    def _left(self, who: str, now: float) -> float:
        left, at = self._buckets.get(who, (float(self._limit), now))
        return min(float(self._limit), left + (now - at) * self._rate)


def pause(request: Request, conversation: str = "") -> int:
    """Count something that a stranger sends, in a conversation or outside of any; return in how many seconds it may be, 0 for now."""
    state = request.app.state
    seconds: float = state.strangers.wait(source(request))
    if not seconds and conversation:
        seconds = state.conversations.wait(conversation)
    return math.ceil(seconds)


def source(request: Request) -> str:
    """Return whom a limit counts: the address that asks, of IPv6 its network (/64), of which one household has all addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
