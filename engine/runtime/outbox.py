"""The outbox: what was decided to be said is sent, at least once; what cannot be sent ends where a person can see it."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.channels import Channel, Outbound, PermanentFailure, TemporaryFailure
from engine.core.signals import ReceiptArrived
from engine.runtime import digests, log
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

    What is claimed for longer than `lease`, or by a worker that is dead, was given up and is in line again. `in_flight` holds what is
    claimed now, by channel; `alive` says whether nobody takes this `worker` for dead.
    """

    store: Store
    tokens: Tokens
    channel: str
    delivery: Delivery
    redirect: Callable[[str], str | None]
    hold: bool = False
    lease: timedelta = timedelta(minutes=2)
    in_flight: dict[str, list[OutboxRow]] = field(default_factory=dict)
    worker: str | None = None
    alive: Callable[[], bool] = lambda: True

    def dispatch(self, channel: Channel, world: World, now: Callable[[], datetime], limit: int = 20) -> list[Outcome]:
        """Send what is due on the channel; return what its being sent, or not, led to."""
        if not self.alive():
            return []
        with self.store.write() as tx:
            at = now()
            tx.recover_sending(at, at - self.lease)
            rows = tx.claim_messages(self.channel, at, limit, self.worker)
            letters = [self._letter(tx, world, together, at) for together in _together(rows)]
        self.in_flight[self.channel] = rows
        outcomes: list[Outcome] = []
        for letter in letters:
            if self.in_flight.get(self.channel) is not rows or now() - at >= self.lease or not self.alive():
                break  # what is left was given up, and is somebody else's by now
            outcomes += self._send(channel, world, letter, now) if letter else []
        return outcomes

    def _letter(self, tx: Transaction, world: World, rows: list[OutboxRow], at: datetime) -> "_Letter | None":
        """Pack rows that go out in one message; None where they are held."""
        row = rows[0]
        target = self.redirect(row.address)
        if target is None:
            for one in rows:
                tx.message_held(one.id)
            return None
        texts = tx.contents([one.content_id for one in rows])
        if len(rows) > 1:  # nobody can answer for several tickets at once, so there is no token
            subject, text = digests.compose(world, rows, texts, at)
            return _Letter(rows, Outbound(row.digest or row.id, target, text, subject, "", row.language, (), automatic=row.automatic))
        outbound = Outbound(
            message_id=row.id,
            to=target,
            text=texts.get(row.content_id, ""),
            subject=row.subject,
            token=self.tokens.make(row.ticket, row.party) if row.ticket else "",
            language=row.language,
            references=tuple(tx.references(row.ticket, row.channel, row.party, 20) if row.ticket else ()),
            automatic=row.automatic,
        )
        return _Letter(rows, outbound)

    def _send(self, channel: Channel, world: World, letter: "_Letter", now: Callable[[], datetime]) -> list[Outcome]:
        try:
            sent = channel.send(letter.outbound)
        except PermanentFailure as error:
            return self._failed(world, letter, str(error), now())
        except TemporaryFailure as error:
            return self._try_later(world, letter, str(error), error.retry_after, now())
        except Exception as error:  # noqa: BLE001  # a plugin's fault takes only its own message down, for now
            return self._try_later(world, letter, f"{type(error).__name__}: {error}", None, now())
        at = now()
        with self.store.write() as tx:
            told = [row for row in letter.rows if tx.message_sent(row.id, sent.provider_id or None, at, row)]
            return self._tell(tx, world, told, "sent", "", at)

    def _try_later(self, world: World, letter: "_Letter", error: str, retry_after: float | None, at: datetime) -> list[Outcome]:
        attempts = letter.rows[0].attempts
        if attempts >= self.delivery.attempts:
            return self._failed(world, letter, error, at)
        pause = self.delivery.pause(attempts, world.chance)
        if retry_after is not None:
            pause = timedelta(seconds=min(max(retry_after, 0.0), self.delivery.longest.total_seconds()))
        with self.store.write() as tx:
            for row in letter.rows:
                tx.message_retry(row.id, at + pause, error, row)
        log.say("not sent, tried again later", logging.WARNING, channel=self.channel, message_id=letter.outbound.message_id)
        return []

    def _failed(self, world: World, letter: "_Letter", error: str, at: datetime) -> list[Outcome]:
        with self.store.write() as tx:
            dead = [row for row in letter.rows if tx.message_dead(row.id, error, row)]
            if dead:
                log.say("cannot be sent, set aside", logging.ERROR, channel=self.channel, message_id=letter.outbound.message_id)
            return self._tell(tx, world, dead, "failed", error, at)

    def _tell(self, tx: Transaction, world: World, rows: list[OutboxRow], status: str, detail: str, at: datetime) -> list[Outcome]:
        signals = (ReceiptArrived(row.ticket, row.id, row.party, status, detail) for row in rows if row.ticket)
        return [handle(tx, world, signal, at, hold=self.hold) for signal in signals]


@dataclass(frozen=True, slots=True)
class _Letter:
    """What goes to the channel, and the rows of the outbox that it carries."""

    rows: list[OutboxRow]
    outbound: Outbound


def _together(rows: list[OutboxRow]) -> list[list[OutboxRow]]:
    """Return the rows by the message they go out in, in their order."""
    letters: dict[str, list[OutboxRow]] = {}
    for row in rows:
        letters.setdefault(row.digest or row.id, []).append(row)
    return list(letters.values())
