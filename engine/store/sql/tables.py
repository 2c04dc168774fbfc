"""All tables as they stand in the schema, to be moved whole from one database to another."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from engine.store.sql.session import Column, Room, quoted

Row = tuple[Column, ...]


class TableReads(Room):
    """Keeps the contract's `TableReader`."""

    def tables(self) -> dict[str, int]:
        """Each table and how many rows it has, those that others refer to first."""
        parents: dict[str, set[str]] = {}
        for table, parent in self._session.all(self._session.tables):
            parents.setdefault(table, set()).update({parent} - {None})
        return {name: self._session.value(f"SELECT count(*) FROM {quoted(name)}") for name in TopologicalSorter(parents).static_order()}

    def columns(self, table: str) -> list[str]:
        """The table's columns."""
        return sorted(name for (name,) in self._session.all(self._session.columns, table))

    def rows(self, table: str) -> Iterator[list[Row]]:
        """All rows, in batches."""
        return self._session.stream(f"SELECT {_list(self.columns(table))} FROM {quoted(table)}")

    def last_numbers(self) -> dict[str, int]:
        """The last number that each series gave."""
        return {series: number for series, number in self._session.all(self._session.numbers) if number}


class TableWrites(TableReads):
    """Keeps the contract's `TableWriter`."""

    def add_rows(self, table: str, rows: list[Row]) -> None:
        """Add rows as they are."""
        columns = self.columns(table)
        values = ", ".join("?" * len(columns))
        self._session.run_many(f"INSERT INTO {quoted(table)} ({_list(columns)}) /*pg OVERRIDING SYSTEM VALUE*/ VALUES ({values})", rows)

    def empty_tables(self) -> None:
        """Remove every row of every table."""
        for name in reversed(self.tables()):
            self._session.run(f"DELETE FROM {quoted(name)}")

    def continue_after(self, numbers: Mapping[str, int]) -> None:
        """Let each series go on."""
        given = {table: self._session.value(f"SELECT max({quoted(id)}) FROM {quoted(table)}") for table, id in self._identities()}
        for series in {**given, **numbers}:
            if last := max(numbers.get(series, 0), given.get(series) or 0):
                self._session.continue_after(series, last)

    def _identities(self) -> list[tuple[str, str]]:
        return self._session.all(self._session.identities)


def _list(columns: list[str]) -> str:
    return ", ".join(map(quoted, columns))
