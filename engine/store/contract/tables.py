"""Whole tables, to be moved from one database to another as they are."""

from collections.abc import Iterator, Mapping
from typing import Protocol


class TableReader(Protocol):
    """Reads all that is stored, whatever tables the schema has. Both databases give equal values for equal rows."""

    def tables(self) -> dict[str, int]:
        """Return each table and how many rows it has, those that others refer to before these."""

    def columns(self, table: str) -> list[str]:
        """Return the names of the table's columns, sorted."""

    def rows(self, table: str) -> Iterator[list[tuple[str | int | float | bytes | None, ...]]]:
        """Yield all rows in batches and in no order, the columns as `columns` names them. One table at a time."""

    def last_numbers(self) -> dict[str, int]:
        """Return the last number of each series that must never give one twice; those that never gave one are left out."""


class TableWriter(Protocol):
    """Writes what a `TableReader` of the same schema gave."""

    def add_rows(self, table: str, rows: list[tuple[str | int | float | bytes | None, ...]]) -> None:
        """Add rows as they are. Raises StoreFailed for one that is there, or that refers to nothing."""

    def empty_tables(self) -> None:
        """Remove every row of every table."""

    def continue_after(self, numbers: Mapping[str, int]) -> None:
        """Let the series go on behind these numbers."""
