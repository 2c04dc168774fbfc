"""The inbox and the outbox."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from engine.store.rows import InboxRow, OutboxRow


class InboxReader(Protocol):
    """Asks about what came in."""

    def pending_inbox(self, now: datetime, limit: int) -> list[InboxRow]:
        """Return items to be handled now, the longest due first: in the order they came, but for those that were put off.

        Until a transaction that asks ends, no other one is given them.
        """

    def next_inbox(self) -> datetime | None:
        """Return when the next pending item is to be tried, None if there is none."""

    def inbox(self, state: str | None, limit: int) -> list[InboxRow]:
        """Return items, of one state (pending, done, dead) or of all, the latest first."""

    def dead_inbox(self, channel: str | None, limit: int) -> list[InboxRow]:
        """Return items that were set aside and not dropped, of one channel or of all, the latest first."""

    def inbox_row(self, id: int) -> InboxRow | None:
        """Return the item, None if there is none."""

    def inbox_item(self, channel: str, source_id: str) -> InboxRow | None:
        """Return what became of the item that the channel's carrier calls so, None if it never came."""

    def waiting_inbox(self, limit: int) -> int:
        """Return how many items wait to be handled, counted up to `limit`."""

    def inbox_counts(self) -> dict[str, int]:
        """Return how many items are in each state, those dropped as `dropped`; states without any are left out."""


class InboxWriter(Protocol):
    """Changes what came in."""

    def accept(self, channel: str, source_id: str, received_at: datetime, item_json: str, raw: bytes) -> bool:
        """Keep an item before its source is told that it was taken. False: it is here already, and nothing was changed."""

    def inbox_done(self, id: int, ticket: str | None, *, forget: bool = False) -> None:
        """The item was handled, for this ticket. `forget` empties it (a confidential answer must not stay here) but for its
        source id, by which a second copy is still known. Raises NotFound.
        """

    def inbox_failed(self, id: int, error: str, retry_at: datetime | None) -> None:
        """Handling failed: try again at `retry_at`, or set it aside with None. Raises NotFound."""

    def bring_inbox_forward(self, now: datetime) -> int:
        """The clock was set back to `now`: what waits for its first turn does not wait until then again. Return how many items."""

    def requeue_inbox(self, id: int, at: datetime) -> bool:
        """Try an item that was set aside again at `at`, from its first attempt. False if there is none."""

    def drop_inbox(self, id: int, at: datetime) -> bool:
        """Give up an item that was set aside: it stays as it came, but is never tried again. False if there is none."""


class OutboxReader(Protocol):
    """Asks about what goes out."""

    def message(self, id: str) -> OutboxRow | None:
        """Return the message, None if there is none."""

    def message_by_provider(self, channel: str, provider_id: str) -> OutboxRow | None:
        """Return the message that the carrier of the channel calls so."""

    def messages(
        self, *, ticket: str | None = None, state: str | None = None, channel: str | None = None, limit: int = 1000
    ) -> list[OutboxRow]:
        """Return messages that fit, oldest first; those that are `dead` only where nobody has dropped them."""

    def message_counts(self) -> dict[str, int]:
        """Return how many messages are in each state, those dropped as `dropped`; states without any are left out."""

    def waiting_messages(self, now: datetime) -> dict[str, int]:
        """Return how many queued messages could go out now, by channel."""

    def next_message(self) -> datetime | None:
        """Return when the next queued message is to be sent, None if there is none."""

    def references(self, ticket: str, channel: str, party: str, limit: int) -> list[str]:
        """Return the carrier's ids of the last `limit` messages of the thread, oldest first."""

    def recent_automatic(self, since: datetime, addresses: Iterable[str]) -> dict[str, int]:
        """Return how many automatic messages were queued from `since` on to these addresses over all channels; none is left out."""

    def recent_notices(self, since: datetime) -> dict[str, int]:
        """Return how many notices (messages with a `digest`) were queued from `since` on, by party."""

    def sent_together(self, id: str) -> list[OutboxRow]:
        """Return the message and those that went out in it, oldest first."""

    def conversation(self, channels: Sequence[str], address: str, party: str) -> list[str]:
        """Return the tickets about which the party was written to at the address over these channels, the latest first."""


class OutboxWriter(Protocol):
    """Changes what goes out.

    Where a method returns a bool, False says that the message is unknown or in a state from which this cannot happen (a receipt
    may overtake the carrier's answer); nothing was changed then. `claimed` is the row as it was claimed; its worker and attempt are the
    fencing token: once somebody else has claimed it, whoever had it before changes nothing.
    """

    def queue_message(self, row: OutboxRow) -> None:
        """Put a message in line, `queued` or `held`. Raises StoreFailed if the id is taken, UsageError for another state."""

    def queue_messages(self, rows: Iterable[OutboxRow]) -> None:
        """Put messages in line as `queue_message` does."""

    def claim_messages(
        self, channel: str, now: datetime, limit: int, worker: str | None = None, *, urgent_first: bool = False
    ) -> list[OutboxRow]:
        """Return queued messages whose time has come, oldest first, now `sending` with one attempt more; nobody else is given them.

        `urgent_first`: first what a person wrote, then by the nearest deadline of the ticket, and of one ticket notices last.

        With a notice come those of the same party, address and language that go out together with it, all with the same `digest`, even
        past `limit`. What was tried together stays together.
        """

    def recover_sending(self, now: datetime, before: datetime | None = None) -> int:
        """Put back in line what whoever claimed it gave up: all that is `sending`, or only what is since `before` and what dead workers
        had claimed; return how many.
        """

    def bring_messages_forward(self, now: datetime) -> int:
        """The clock was set back to `now`: what is to go out at once does not wait until then again. Return how many messages."""

    def message_sent(self, id: str, provider_id: str | None, at: datetime, claimed: OutboxRow | None = None) -> bool:
        """The carrier took it. One that was delivered meanwhile stays delivered."""

    def message_delivered(self, id: str, at: datetime) -> bool:
        """The carrier says it arrived."""

    def message_retry(self, id: str, at: datetime, error: str | None, claimed: OutboxRow | None = None, *, excused: bool = False) -> bool:
        """Sending failed for now: try again at `at`. `excused` does not count the attempt against the message."""

    def message_dead(self, id: str, error: str, claimed: OutboxRow | None = None) -> bool:
        """It will not arrive; a person may look and requeue it."""

    def message_held(self, id: str) -> bool:
        """Nothing goes out now: keep it until `release_held`."""

    def release_held(self) -> int:
        """Put all held messages in line; return how many."""

    def requeue_message(self, id: str, at: datetime) -> bool:
        """Try a dead or held message again at `at`, from its first attempt."""

    def drop_message(self, id: str, at: datetime) -> bool:
        """Give up a dead message: it stays as it was, but is never tried again."""
