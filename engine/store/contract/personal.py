"""Personal data: found by whose it is or by its age, kept on hold, and cleared so that the log still replays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.store.personal import HoldRow, OptOutRow, PersonalRow, Whose
from engine.store.rows import LinkRow


class PersonalReader(Protocol):
    """Asks where personal data lie. A `place` is one of `core.retention.PLACES`, but for files and customers themselves."""

    def tickets_about(self, customer: str) -> list[str]:
        """Return every ticket that is or ever was the customer's, the work it led to and the follow-ups of their answers, by number."""

    def personal(self, place: str, whose: Whose) -> list[PersonalRow]:
        """Return what lies in the place of the customer."""

    def outdated(self, place: str, before: datetime, limit: int) -> list[PersonalRow]:
        """Return what lies in the place since before that instant, is needed no more and not on hold; the first ones by key."""

    def idle_customers(self, before: datetime, after: str, limit: int) -> list[str]:
        """Return customers behind `after` who are known by name or address, came before that instant and whose last ticket ended before
        it; nobody who is on hold.
        """

    def items_without_ticket(self) -> list[tuple[int, str, str]]:
        """Return the inbox items that no ticket was opened for and that hold something, as (id, channel, item)."""

    def attachments(self) -> set[str]:
        """Return the hashes of all files that some ticket still has."""

    def links_of(self, customer: str) -> list[LinkRow]:
        """Return the follow-ups that are about the customer."""

    def opt_outs(self, customer: str) -> list[OptOutRow]:
        """Return which of the customer's addresses want nothing automatic."""

    def holds(self, subjects: Sequence[str]) -> list[HoldRow]:
        """Return what is on hold of these customers and tickets, by subject."""

    def erasures(self) -> dict[str, str]:
        """Return the customers who were erased, by mark; an empty id is a mark that fitted nobody."""

    def erased(self, customer: str) -> datetime | None:
        """Return when the customer was erased, None if they were not."""


class PersonalWriter(Protocol):
    """Clears personal data. What events, tickets and facts hold, which are ids, stays."""

    def clear(self, place: str, rows: Sequence[PersonalRow]) -> None:
        """Clear what `personal` or `outdated` gave."""

    def erase_customer(self, whose: Whose) -> None:
        """Remove the customer, their addresses and wishes, what else leads to them, and what they said."""

    def forget_identity(self, customer: str) -> None:
        """Remove name, addresses and wishes of a customer, who stays known by id, segment and language."""

    def hold(self, row: HoldRow) -> bool:
        """Put on hold. False: it is already."""

    def release(self, subject: str) -> bool:
        """Let a hold go. False: there is none."""

    def keep_erasure(self, mark: str, customer: str, at: datetime) -> None:
        """Record that the customer was erased; the second time changes nothing."""
