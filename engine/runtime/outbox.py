"""The outbox: what was decided to be said is sent, at least once; what cannot be sent ends where a person can see it."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.channels import Channel, Outbound, PermanentFailure, TemporaryFailure
from engine.core.signals import ReceiptArrived
from engine.runtime import log
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.runtime.tokens import Tokens
from engine.store.contract import Store, Transaction
from engine.store.rows import OutboxRow


@dataclass(frozen=True, slots=True)
class Delivery:
    """How hard to try: `attempts` in all, the pause doubling from `backoff`, never over `longest`, a quarter of it by chance."""

    attempts: int = 8
    backoff: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)

    def pause(self, attempts: int, chance: random.Random) -> timedelta:
        """Return how long to wait after so many attempts."""
        doubled: timedelta = self.backoff * 2 ** min(max(attempts - 1, 0), 20)
        return min(doubled, self.longest) * (1 + chance.random() / 4)


@dataclass(frozen=True, slots=True)
class Postman:
    """Sends for one channel. `redirect` maps the true address to where it goes instead (None: it is held).

    What is claimed for longer than `lease` was given up by whoever claimed it, and is in line again. `in_flight` holds what is claimed now,
    by channel.
    """

    store: Store
    tokens: Tokens
    channel: str
    delivery: Delivery
    redirect: Callable[[str], str | None]
    hold: bool = False
    lease: timedelta = timedelta(minutes=2)
    in_flight: dict[str, list[OutboxRow]] = field(default_factory=dict)

    def dispatch(self, channel: Channel, world: World, now: Callable[[], datetime], limit: int = 20) -> list[Outcome]:
        """Send what is due on the channel; return what its being sent, or not, led to."""
        with self.store.write() as tx:
            at = now()
            tx.recover_sending(at, at - self.lease)
            rows = tx.claim_messages(self.channel, at, limit)
            packed = [(row, self._outbound(tx, row)) for row in rows]
        self.in_flight[self.channel] = rows
        outcomes: list[Outcome] = []
        for row, outbound in packed:
            if self.in_flight.get(self.channel) is not rows or now() - at >= self.lease:
                break  # what is left was given up, and is somebody else's by now
            outcomes += self._send(channel, world, row, outbound, now)
        return outcomes

    def _outbound(self, tx: Transaction, row: OutboxRow) -> Outbound | None:
        target = self.redirect(row.address)
        if target is None:
            tx.message_held(row.id)
            return None
        references = tx.references(row.ticket, row.channel, row.party, 20) if row.ticket else []
        return Outbound(
            message_id=row.id,
            to=target,
            text=tx.contents([row.content_id]).get(row.content_id, ""),
            subject=row.subject,
            token=self.tokens.make(row.ticket, row.party) if row.ticket else "",
            language=row.language,
            references=tuple(references),
            automatic=row.automatic,
        )

    def _send(
        self, channel: Channel, world: World, row: OutboxRow, outbound: Outbound | None, now: Callable[[], datetime]
    ) -> list[Outcome]:
        if outbound is None:
            return []
        try:
            sent = channel.send(outbound)
        except PermanentFailure as error:
            return self._failed(world, row, str(error), now())
        except TemporaryFailure as error:
            return self._try_later(world, row, str(error), error.retry_after, now())
        except Exception as error:  # noqa: BLE001  # a plugin's fault takes only its own message down, for now
            return self._try_later(world, row, f"{type(error).__name__}: {error}", None, now())
        at = now()
        with self.store.write() as tx:
            told = tx.message_sent(row.id, sent.provider_id or None, at)
            return self._tell(tx, world, row, "sent", "", at) if told else []

    def _try_later(self, world: World, row: OutboxRow, error: str, retry_after: float | None, at: datetime) -> list[Outcome]:
        if row.attempts >= self.delivery.attempts:
            return self._failed(world, row, error, at)
        pause = self.delivery.pause(row.attempts, world.chance)
        if retry_after is not None:
            pause = timedelta(seconds=min(max(retry_after, 0.0), self.delivery.longest.total_seconds()))
        with self.store.write() as tx:
            tx.message_retry(row.id, at + pause, error, row.attempts)
        log.say("not sent, tried again later", logging.WARNING, channel=self.channel, message_id=row.id)
        return []

    def _failed(self, world: World, row: OutboxRow, error: str, at: datetime) -> list[Outcome]:
        with self.store.write() as tx:
            if not tx.message_dead(row.id, error, row.attempts):
                return []
            log.say("cannot be sent, set aside", logging.ERROR, channel=self.channel, message_id=row.id)
            return self._tell(tx, world, row, "failed", error, at)

    def _tell(self, tx: Transaction, world: World, row: OutboxRow, status: str, detail: str, at: datetime) -> list[Outcome]:
        if row.ticket is None:
            return []
        return [handle(tx, world, ReceiptArrived(row.ticket, row.id, row.party, status, detail), at, hold=self.hold)]
