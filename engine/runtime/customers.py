"""Customers from a CSV file: all of it or, with the lines that are wrong named, nothing."""

import csv
import io
import re

from msgspec.structs import replace

from engine.core.signals import CustomerChanged
from engine.errors import UsageError
from engine.runtime.addresses import normalise
from engine.runtime.engine import Engine
from engine.runtime.handle import handle
from engine.store.contract import Transaction
from engine.store.rows import CustomerRow

COLUMNS = ("name", "segment", "language", "phone", "email")
_FORMS = {"phone": re.compile(r"\+?[0-9]{3,15}"), "email": re.compile(r"[^@\s]+@[^@\s]+")}


def import_customers(engine: Engine, text: str) -> int:
    """Add or update customers, matched by phone or e-mail; return how many. What a line leaves empty stays as it was.

    The open tickets of a customer whose segment or language changed hear of it, in the same transaction. Raises UsageError naming every
    line that is wrong.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[dict[str, str | None]] = []
    wrong = []
    try:
        unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
        if unknown or not reader.fieldnames:
            raise UsageError(f"the columns are {', '.join(COLUMNS)}; not understood: {', '.join(unknown) or 'no header line'}")
        for row in reader:
            rows.append(row)
            wrong += [f"line {reader.line_num}: {why}"] if (why := _fault(row, engine)) else []
    except csv.Error as fault:
        raise UsageError(f"nothing was imported:\nline {reader.reader.line_num}: {fault}") from fault
    if wrong:
        raise UsageError("nothing was imported:\n" + "\n".join(wrong))
    with engine.store.write() as tx:
        for row in rows:
            _save(tx, engine, {name: (value or "").strip() for name, value in row.items() if name})
    return len(rows)


def _fault(row: dict[str, str | None], engine: Engine) -> str | None:
    if None in row:
        return "it has more fields than the header"
    if not (row.get("phone") or "").strip() and not (row.get("email") or "").strip():
        return "a customer needs a phone or an e-mail address"
    for kind, form in _FORMS.items():
        written = (row.get(kind) or "").strip()
        if written and not form.fullmatch(normalise(kind, written, engine.project.phone_region)):
            return f"{kind} {written!r} is none; where a spreadsheet made it 1.38E+10, format the column as text"
    language = (row.get("language") or "").strip()
    languages = engine.world.policy.company.languages
    return f"language {language!r} is none of {', '.join(languages)}" if language and language not in languages else None


def _save(tx: Transaction, engine: Engine, row: dict[str, str]) -> None:
    region = engine.project.phone_region
    addresses = [(kind, normalise(kind, row[kind], region)) for kind in ("phone", "email") if row.get(kind)]
    known = next((found for kind, address in addresses if (found := tx.find_customer(kind, address))), None)
    customer = known or CustomerRow(tx.new_customer_id(), "", None, None, engine.clock.now())
    customer = replace(
        customer,
        name=row.get("name") or customer.name,
        segment=row.get("segment") or customer.segment,
        language=row.get("language") or customer.language,
    )
    if known is None:
        tx.add_customer(customer)
    else:
        tx.update_customer(customer)
        if (known.segment, known.language) != (customer.segment, customer.language):
            for ticket in tx.open_tickets_of(customer.id):
                changed = CustomerChanged(ticket.number, customer.id)
                handle(tx, engine.world, changed, engine.clock.now(), hold=engine.project.hold)
    for kind, address in addresses:
        tx.add_address(customer.id, kind, address)
