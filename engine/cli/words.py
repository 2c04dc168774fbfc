"""The words of the commands' output, and the tables that are made of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.analysis import words
from engine.cli.output import Cell, table


class Words(words.Words):
    """What is shown in one language, on a terminal."""

    def table(self, rows: Iterable[Any], *columns: str | tuple[str, Callable[[Any], Cell]], title: str = "") -> None:
        """Print rows, which are mappings or values with attributes. A column is its heading and what makes a cell of a row; or only the
        name of a field, which is its heading too unless another stands before it: `opened=opened_at`.
        """
        made = [column if isinstance(column, tuple) else self._column_of(*column.partition("=")[::2]) for column in columns]
        table([self.name(heading) for heading, _ in made], [[cell(row) for _, cell in made] for row in rows], title)

    def _column_of(self, heading: str, field: str) -> tuple[str, Callable[[Any], Cell]]:
        name = field or heading

        def cell(row: Any) -> str:
            value = self.shown(name, row.get(name) if isinstance(row, Mapping) else getattr(row, name))
            return ", ".join(value) if isinstance(value, list | tuple) else "" if value is None else str(value)

        return heading, cell
