"""What was set aside after its last attempt: found, tried again, or given up by a person who says why. All of it is kept."""

from datetime import datetime

from msgspec import Struct

from engine.store.contract import Reader, Transaction
from engine.store.rows import TrialRow

KINDS = ("inbox", "outbox", "timer")


class DeadLetter(Struct, frozen=True):
    """One that was set aside: its kind and its id (of a timer `TICKET/KEY`), how often it was tried and what went wrong last."""

    kind: str
    id: str
    ticket: str
    channel: str
    attempts: int
    error: str


def dead_letters(reader: Reader, kind: str | None, channel: str | None, limit: int) -> list[DeadLetter]:
    """Return up to `limit` of each kind; those of a `channel` are no timers."""
    found = [
        *(
            DeadLetter("inbox", str(row.id), row.ticket or "", row.channel, row.attempts, row.error or "")
            for row in reader.dead_inbox(channel, limit)
        ),
        *(
            DeadLetter("outbox", row.id, row.ticket or "", row.channel, row.attempts - row.excused, row.error or "")
            for row in reader.messages(state="dead", channel=channel, limit=limit)
        ),
        *(
            DeadLetter("timer", f"{row.ticket}/{row.key}", row.ticket, "", row.attempts, row.error or "")
            for row in (reader.dead_timers(limit) if channel is None else ())
        ),
    ]
    return [one for one in found if kind in (None, one.kind)]


def requeue(tx: Transaction, kind: str, id: str, at: datetime, who: str) -> bool:
    """Try one again at `at`, from its first attempt. False if it is not set aside (a message: nor held)."""
    ticket, _, key = id.partition("/")
    match kind:
        case "inbox":
            done = id.isdecimal() and tx.requeue_inbox(int(id), at)
        case "outbox":
            done = tx.requeue_message(id, at)
        case _:
            done = tx.requeue_timer(ticket, key, at)
    return done and _kept(tx, TrialRow(at, kind, id, "requeued", "", who))


def drop(tx: Transaction, kind: str, id: str, at: datetime, who: str, reason: str) -> bool:
    """Give one up for ever; who did so and why stays. False if it is not set aside."""
    ticket, _, key = id.partition("/")
    match kind:
        case "inbox":
            done = id.isdecimal() and tx.drop_inbox(int(id), at)
        case "outbox":
            done = tx.drop_message(id, at)
        case _:
            done = tx.drop_timer(ticket, key)
    return done and _kept(tx, TrialRow(at, kind, id, "dropped", reason, who))


def _kept(tx: Transaction, row: TrialRow) -> bool:
    tx.keep_trial(row)
    return True
