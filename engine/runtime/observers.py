"""Whoever counts or traces what the daemon does: told of each decision, and of what its channels send and take in."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from engine.channels import Channel, Delivery, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent, TemporaryFailure
from engine.runtime.engine import Engine
from engine.runtime.handle import Handled


class Passage(Struct, frozen=True):
    """One thing that passed a channel: `what` is outbound, inbound, receipt or rejected, `message` the id of one that goes out.

    `outcome` is sent, temporary, permanent or fault, accepted for what came in; `began` is a monotonic second.
    """

    channel: str
    what: str
    outcome: str
    began: float
    seconds: float
    message: str = ""


class Observer(Protocol):
    """Is told what happened after it did; must not raise, and hears no address and no text."""

    def decided(self, handled: Handled) -> None:
        """A decision was kept."""

    def passed(self, passage: Passage) -> None:
        """A message went out, or did not, or something came in."""

    def looked(self, channel: str, up: bool) -> None:
        """A channel was asked what came in, and its carrier was there or not."""


def observe(engine: Engine, observers: Sequence[Observer]) -> None:
    """Let the observers know of all that the engine does from now on."""

    def watched(name: str, build: Callable[[], Channel]) -> Channel:
        return Observed(name, build(), observers)

    engine.listeners += [observer.decided for observer in observers]
    engine.channels = {name: Observed(name, channel, observers) for name, channel in engine.channels.items()}
    engine.builders = {name: partial(watched, name, build) for name, build in engine.builders.items()}


class Observed:
    """A channel whose passages are told."""

    def __init__(self, name: str, channel: Channel, observers: Sequence[Observer]) -> None:
        self._name = name
        self._observers = observers
        self._channel = channel
        self.open, self.close, self.parse, self.check = channel.open, channel.close, channel.parse, channel.check

    def send(self, message: Outbound) -> Sent:
        """Send one message."""
        began, outcome = time.monotonic(), "fault"
        try:
            sent = self._channel.send(message)
            outcome = "sent"
            return sent
        except (TemporaryFailure, PermanentFailure) as failure:
            outcome = "temporary" if isinstance(failure, TemporaryFailure) else "permanent"
            raise
        finally:
            self._tell("outbound", outcome, began, message.message_id)

    def receive(self, timeout: float) -> Iterable[Delivery]:
        """Yield what has come in; each has passed when the engine has kept and acknowledged it."""
        up = False
        try:
            for delivery in self._channel.receive(timeout):
                began = time.monotonic()
                yield delivery
                self._tell(_KINDS[type(delivery.item)], "accepted", began)
            up = True
        finally:
            for observer in self._observers:
                observer.looked(self._name, up)

    def _tell(self, what: str, outcome: str, began: float, message: str = "") -> None:
        passage = Passage(self._name, what, outcome, began, time.monotonic() - began, message)
        for observer in self._observers:
            observer.passed(passage)


_KINDS: dict[type, str] = {Inbound: "inbound", Receipt: "receipt", Rejected: "rejected"}
