"""All that one database holds, moved to another that holds nothing, and held against it."""

import hashlib
from collections.abc import Callable

from engine.errors import EngineError, Refused
from engine.store.contract import Evolve, Reader, Transaction


def copy(source: Reader, target: Transaction, step: Callable[[int, int], None] = lambda rows, total: None) -> dict[str, int]:
    """Copy every row of `source`; return how many each table has. `step` hears how many more rows were copied, and of how many.

    In `target` the counts, contents and series are then equal. Raises Refused where it holds anything or is of another schema, EngineError
    where it comes to differ; what was written is undone with its transaction.
    """
    counts, before = source.tables(), target.tables()
    if set(counts) != set(before):
        raise Refused("The two databases are not of the same schema; open both with this version of the engine first.")
    if taken := [name for name, count in before.items() if count]:
        raise Refused(f"The database to copy to is not empty: there is something in {', '.join(taken)}.")
    total = sum(counts.values())
    for table in before:
        for rows in source.rows(table):
            target.add_rows(table, rows)
            step(len(rows), total)
    after = target.tables()
    if changed := [table for table in counts if counts[table] != after[table] or digest(source, table) != digest(target, table)]:
        raise EngineError(f"The copy differs from its source in {', '.join(changed)}; nothing was kept of it.")
    # Last, because PostgreSQL does not undo it: before tables that stay empty it harms nobody.
    target.continue_after(numbers := source.last_numbers())
    kept = target.last_numbers()
    if any(kept.get(series) != number for series, number in numbers.items()):
        raise EngineError("The numbers in the copy do not go on where the source's do; nothing was kept of it.")
    return counts


def replay(source: Reader, target: Reader, evolve: Evolve, step: Callable[[int], None] = lambda total: None) -> None:
    """Replay every log in the copy. Raises EngineError for what is wrong there and is not in the source."""
    found = target.integrity(evolve, None, step)
    known = source.integrity(evolve) if found else []
    if news := [one.text for one in found if one not in known]:
        raise EngineError(f"The copy is not sound ({len(news)} findings), so nothing was kept of it. The first: {news[0]}.")


def digest(reader: Reader, table: str) -> str:
    """Return what tells the content of a table from any other, whatever the order of its rows."""
    total = 0
    for rows in reader.rows(table):
        for row in rows:
            total += int.from_bytes(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest(), "big")
    return f"{total % 2**256:064x}"
