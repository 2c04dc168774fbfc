"""Which steps bring a database to the schema this version works on. yoyo, which takes them, is slow to import, and nearly always there
is nothing to apply.
"""

from pathlib import Path

from engine.errors import ConfigurationError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
"""The migration files by dialect, `NNNN.what_it_does.sql` with their `.rollback.sql`: the same steps for each."""

APPLIED = 'SELECT migration_id FROM "_yoyo_migration"'


def pending(directory: Path, tables: set[str], applied: set[str], database: object) -> list[str]:
    """Return the steps of `directory` that were not applied yet, in order; `tables` are those there are.

    Raises ConfigurationError for a database of a newer version or of another program.
    """
    if tables and "_yoyo_migration" not in tables:
        raise ConfigurationError(f"{database} is a database of another program; name one that does not exist yet or is empty.")
    known = [file.stem for file in sorted(directory.glob("*.sql")) if not file.name.endswith(".rollback.sql")]
    if newer := sorted(applied - set(known)):
        raise ConfigurationError(
            f"{database} was written by a newer version (its schema has {', '.join(newer)}, this version ends at {known[-1]}). "
            "Install that version or a later one, or restore a backup of the database."
        )
    return [name for name in known if name not in applied]
