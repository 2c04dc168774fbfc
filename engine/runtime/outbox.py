"""The outbox: what was decided to be said is sent, at least once; what cannot be sent ends where a person can see it."""

import logging
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct, field, structs

from engine.channels import Channel, Outbound, PermanentFailure, TemporaryFailure
from engine.core.context import LINK
from engine.core.messages import ENCLOSED
from engine.core.model import CUSTOMER
from engine.core.signals import ReceiptArrived
from engine.errors import EngineError
from engine.runtime import digests, log
from engine.runtime.attachments import kept, of_policy
from engine.runtime.carriers import SEND, Circuit, Rate
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.runtime.masking import without_secrets
from engine.runtime.retries import Retries
from engine.runtime.tokens import Tokens
from engine.store.contract import Store, Transaction
from engine.store.rows import OutboxRow, TrialRow


class Postman(Struct, frozen=True):
    """Sends for one channel. `redirect` maps the true address to where it goes instead (None: it is held).

    What is claimed for longer than `lease`, or by a worker that is dead, was given up and is in line again. By channel, `in_flight` holds
    what is claimed now, and `taken` what the carrier took and the database could not keep yet; `alive` says whether nobody takes this
    `worker` for dead. Files that go with messages lie in `attachments`.
    """

    store: Store
    tokens: Tokens
    channel: str
    delivery: Retries
    redirect: Callable[[str], str | None]
    hold: bool = False
    lease: timedelta = timedelta(minutes=2)
    in_flight: dict[str, list[OutboxRow]] = field(default_factory=dict)
    taken: "dict[str, deque[Taken]]" = field(default_factory=lambda: defaultdict(deque))
    circuit: Circuit = field(default_factory=Circuit)
    rate: Rate | None = None
    worker: str | None = None
    alive: Callable[[], bool] = lambda: True
    attachments: Path = Path()

    def dispatch(self, channel: Channel, world: World, now: Callable[[], datetime], limit: int = 20) -> list[Outcome]:
        """Send what is due on the channel; return what its being sent, or not, led to."""
        if not self.alive():
            return []
        outcomes = self._book(world)
        with self.store.write() as tx:
            at = now()
            rows = self._claim(tx, at, limit)
            letters = [self._letter(tx, world, together, at) for together in _together(rows)]
        self.in_flight[self.channel] = rows
        for done, letter in enumerate(letters):
            if self.in_flight.get(self.channel) is not rows or now() - at >= self.lease or not self.alive():
                break  # what is left was given up, and is somebody else's by now
            behind = [row for later in letters[done + 1 :] if later for row in later.rows]
            try:
                led_to = self._send(channel, world, letter, now) if letter else []
            except EngineError:  # the store failed: what was not tried yet need not wait until its lease is over
                with suppress(EngineError):
                    self._give_back(behind, now())
                raise
            outcomes += led_to
            if letter and not led_to and self._is_open(now()):
                self._give_back(behind, now())
                break
        return outcomes

    def interrupt(self, world: World, now: datetime) -> list[Outcome]:
        """What was being sent has not come to an end in time: it counts as a failure, and what waited behind it is in line again."""
        with self.store.read() as reader:
            claimed = [(row, reader.message(row.id)) for row in self.in_flight.pop(self.channel, [])]
        hanging = _together([row for row, is_now in claimed if is_now and (is_now.state, is_now.attempts) == ("sending", row.attempts)])
        self._give_back([row for behind in hanging[1:] for row in behind], now)
        return self._try_later(world, hanging[0], "the channel did not answer in time", None, now) if hanging else []

    def _claim(self, tx: Transaction, at: datetime, limit: int) -> list[OutboxRow]:
        """What may go out now: nothing while the circuit is open, one to try whether the carrier is back, no more than the rate allows."""
        state = tx.channel_state(self.channel, SEND)  # before any message, as in every transaction here: so nobody waits in circles
        tx.recover_sending(at, at - self.lease)
        if not self.circuit.admits(state, at):
            return []
        if state.retry_at is not None:
            limit = 1
        if self.rate is not None:
            limit = min(limit, self.rate.room(state.paced_until, at))
        rows = tx.claim_messages(self.channel, at, limit, self.worker, urgent_first=self.rate is not None) if limit > 0 else []
        if rows and self.rate is not None:
            state = structs.replace(state, paced_until=self.rate.after(state.paced_until, at, len(_together(rows))))
            tx.keep_channel_state(state)
        if rows and state.retry_at is not None:
            self.circuit.probing(tx, state, at, self.lease)
        return rows

    def _is_open(self, at: datetime) -> bool:
        with self.store.read() as reader:
            return not self.circuit.admits(reader.channel_state(self.channel, SEND), at)

    def _give_back(self, rows: list[OutboxRow], at: datetime) -> None:
        """Put in line again what was claimed and not tried."""
        with self.store.write() as tx:
            for row in rows:
                tx.message_retry(row.id, at, row.error, row, excused=True)

    def _letter(self, tx: Transaction, world: World, rows: list[OutboxRow], at: datetime) -> "_Letter | None":
        """Pack rows that go out in one message; None where they are held."""
        row = rows[0]
        target = self.redirect(row.address)
        if target is None:
            for one in rows:
                tx.message_held(one.id)
            return None
        texts = tx.contents([*(one.content_id for one in rows), f"{row.id}{ENCLOSED}"])
        if len(rows) > 1:  # nobody can answer for several tickets at once, so there is no token
            subject, text = digests.compose(world, rows, texts, at)
            return _Letter(rows, Outbound(row.digest or row.id, target, text, subject, "", row.language, (), automatic=row.automatic))
        text = texts.get(row.content_id, "")
        if row.ticket and row.party == CUSTOMER:
            text = text.replace(LINK, self.tokens.link(row.ticket) or LINK)
        outbound = Outbound(
            message_id=row.id,
            to=target,
            text=text,
            subject=row.subject,
            token=self.tokens.make(row.ticket, row.party) if row.ticket else "",
            language=row.language,
            references=tuple(tx.references(row.ticket, row.channel, row.party, 20) if row.ticket else ()),
            automatic=row.automatic,
            attachments=of_policy(tx, enclosed := texts.get(f"{row.id}{ENCLOSED}", "{}")),
        )
        return _Letter(rows, outbound, enclosed)

    def _send(self, channel: Channel, world: World, letter: "_Letter", now: Callable[[], datetime]) -> list[Outcome]:
        try:
            files = kept(self.attachments, letter.enclosed)
            sent = channel.send(replace(letter.outbound, attachments=letter.outbound.attachments + files))
        except PermanentFailure as error:
            return self._refused(world, letter.rows, without_secrets(str(error)), now())
        except TemporaryFailure as error:
            return self._try_later(world, letter.rows, without_secrets(str(error)), error.retry_after, now())
        except Exception as error:  # noqa: BLE001  # a plugin's fault takes only its own message down, for now
            return self._try_later(world, letter.rows, without_secrets(f"{type(error).__name__}: {error}"), None, now())
        self.taken[self.channel].append(Taken(letter.rows, sent.provider_id or None, now()))
        return self._book(world)

    def _book(self, world: World) -> list[Outcome]:
        """Keep what the carrier took. Where the database cannot just now, that comes first next time: what is forgotten is sent again."""
        outcomes: list[Outcome] = []
        taken = self.taken[self.channel]
        while taken:
            one = taken.popleft()
            try:
                with self.store.write() as tx:
                    self.circuit.worked(tx, self.channel, SEND)
                    told = [row for row in one.rows if tx.message_sent(row.id, one.provider_id, one.at, row)]
                    outcomes += self._tell(tx, world, told, "sent", "", one.at)
            except EngineError:
                taken.appendleft(one)
                raise
        return outcomes

    def _try_later(self, world: World, rows: list[OutboxRow], error: str, retry_after: float | None, at: datetime) -> list[Outcome]:
        first = rows[0]
        tried = first.attempts - first.excused
        with self.store.write() as tx:
            before = self.circuit.failed(tx, self.channel, SEND, error, at, retry_after)
            excused = before.retry_at is not None and at - first.created_at < self.circuit.patience
            if tried >= self.delivery.attempts and not excused:
                return self._bury(tx, world, rows, error, at)
            pause = self.delivery.pause(tried, world.chance)
            if retry_after is not None:
                pause = timedelta(seconds=min(max(retry_after, 0.0), self.delivery.longest.total_seconds()))
            for row in rows:
                if tx.message_retry(row.id, at + pause, error, row, excused=excused):
                    tx.keep_trial(TrialRow(at, "outbox", row.id, "failed", error))
        log.say("not sent, tried again later", logging.WARNING, channel=self.channel, message_id=first.digest or first.id)
        return []

    def _refused(self, world: World, rows: list[OutboxRow], error: str, at: datetime) -> list[Outcome]:
        with self.store.write() as tx:
            self.circuit.worked(tx, self.channel, SEND)
            return self._bury(tx, world, rows, error, at)

    def _bury(self, tx: Transaction, world: World, rows: list[OutboxRow], error: str, at: datetime) -> list[Outcome]:
        dead = [row for row in rows if tx.message_dead(row.id, error, row)]
        for row in dead:
            tx.keep_trial(TrialRow(at, "outbox", row.id, "failed", error))
        if dead:
            log.say("cannot be sent, set aside", logging.ERROR, channel=self.channel, message_id=dead[0].digest or dead[0].id)
        return self._tell(tx, world, dead, "failed", error, at)

    def _tell(self, tx: Transaction, world: World, rows: list[OutboxRow], status: str, detail: str, at: datetime) -> list[Outcome]:
        signals = (ReceiptArrived(row.ticket, row.id, row.party, status, detail) for row in rows if row.ticket)
        return [handle(tx, world, signal, at, hold=self.hold) for signal in signals]


class Taken(Struct, frozen=True):
    """The rows that a carrier took in one message, its name for that, and when."""

    rows: list[OutboxRow]
    provider_id: str | None
    at: datetime


class _Letter(Struct, frozen=True):
    """What goes to the channel, the rows of the outbox that it carries, and what was noted of files that go with it."""

    rows: list[OutboxRow]
    outbound: Outbound
    enclosed: str = "{}"


def _together(rows: list[OutboxRow]) -> list[list[OutboxRow]]:
    """Return the rows by the message they go out in, in their order."""
    letters: dict[str, list[OutboxRow]] = {}
    for row in rows:
        letters.setdefault(row.digest or row.id, []).append(row)
    return list(letters.values())
