"""Facts that KPIs count: derived from the log once, grouped by the database."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engine.store.rows import FactRow, FactSpan, FactSum


class FactReader(Protocol):
    """Sums facts up, by their columns and by the local `day` (its number since 1970-01-01) and `hour` of the day (0 to 23)."""

    def without_facts(self, limit: int) -> list[tuple[str, str | None]]:
        """Return tickets about which something happened since their facts were kept: number, the customer's segment at its opening."""

    def sum_facts(
        self, name: str, span: FactSpan, by: Sequence[str], limit: timedelta | None = None, of: Collection[str] = ("value", "business")
    ) -> list[FactSum]:
        """Return the facts of that name in a span, by subject, outcome and `by`.

        `within` counts those whose value is at most `limit`; what is in `of` is summed up.
        """

    def sum_repeats(self, name: str, span: FactSpan, by: Sequence[str], window: timedelta) -> list[FactSum]:
        """Return the facts that are at least `window` old at the span's end, grouped alike; `within` counts those that came up again.

        They did where their ticket says so, or where the same customer had another need of the same kind within the window. Values are not
        summed up.
        """

    def calls_without_ticket(self, since: datetime, until: datetime) -> list[tuple[int, str, FactRow]]:
        """Return the calls that were answered from `since` to before `until` and opened no ticket, the earliest first.

        Each has the id of its decision, and what the exchange calls it, empty where that is gone.
        """


class FactWriter(Protocol):
    """Keeps facts."""

    def keep_facts(self, ticket: str, seq: int, facts: Sequence[FactRow]) -> bool:
        """Keep these facts of a ticket at `seq` instead of earlier ones. False: something has happened to it since, nothing was kept."""

    def derive_anew(self) -> None:
        """Let the facts of every ticket be derived anew."""
