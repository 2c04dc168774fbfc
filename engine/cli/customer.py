"""`engine customer`: the archive of customers."""

from pathlib import Path

import click

from engine.cli.session import FORMAT, Session, options
from engine.errors import UsageError


@click.group()
def group() -> None:
    """Import and list customers."""


@group.command("import")
@options()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(session: Session, file: Path) -> None:
    """Add or update the customers in FILE, a CSV with a header line: name, segment, language, phone, email.

    A customer is known by phone or e-mail. One wrong line, and nothing is imported. UTF-8 and GB 18030 (Excel in Chinese) are read.
    """
    from engine.cli.output import say
    from engine.runtime.customers import import_customers

    with session.engine() as engine:
        count = import_customers(engine, read_csv(file.read_bytes()))
    say(f"{count} customers imported")


@group.command("list")
@options(FORMAT)
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many to show.")
def list_(session: Session, limit: int) -> None:
    """List customers by id."""
    from engine.cli.output import say, say_json, table

    with session.desk() as desk:
        with desk.store.read() as reader:
            rows = [(row, reader.addresses(row.id)) for row in reader.customers(limit)]
        words = desk.words
    if session.json:
        say_json(
            [
                {"id": row.id, "name": row.name, "segment": row.segment, "language": row.language, "addresses": addresses}
                for row, addresses in rows
            ]
        )
    elif rows:
        table(
            [words.name(key) for key in ("id", "name", "segment", "language", "addresses")],
            [
                (row.id, row.name, row.segment or "", row.language or "", ", ".join(address for _, address in addresses))
                for row, addresses in rows
            ],
        )
    else:
        say(words.name("nothing"))


def read_csv(raw: bytes) -> str:
    """Return the text of a CSV file in UTF-8 or GB 18030. Raises UsageError."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError("the file is neither UTF-8 nor GB 18030: save it as CSV in UTF-8")
