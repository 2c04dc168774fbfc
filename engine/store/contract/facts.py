"""Facts that KPIs count: derived from the log once, grouped by the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from engine.core.kpis import Term
from engine.store.rows import FactRow, FactSpan, FactSums


class FactReader(Protocol):
    """Sums facts up, by their columns and by the local `hour` of the day (0 to 23)."""

    def without_facts(self, limit: int) -> list[tuple[str, str | None]]:
        """Return tickets about which something happened since their facts were kept: number, the customer's segment at its opening."""

    def sum_facts(self, terms: Sequence[Term], span: FactSpan, by: Sequence[str] = (), apart: Collection[str] = ()) -> list[FactSums]:
        """Return what the terms, all of one fact, come to in a span, by group; facts of a subject `apart` are left out.

        A matter came up again where its ticket says so, or where the same customer had another need of the same kind within the window.
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
