"""A customer is erased (PIPL Art. 47, GDPR Art. 17): from the database, the files beside it and the archive, and again after a restore.

Events, tickets and facts hold ids only and stay, so that the log replays and KPIs count what they counted.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import phonenumbers
from msgspec import Struct
from msgspec.structs import replace

from engine.channels import Inbound
from engine.core.fields import REVIEW
from engine.core.model import SYSTEM, Ticket
from engine.core.signals import AgentActed, ReceiptArrived
from engine.errors import NotFound, Refused
from engine.runtime import archives
from engine.runtime.addresses import normalise
from engine.runtime.engine import Engine
from engine.runtime.handle import Outcome, handle
from engine.runtime.inbox import unpack
from engine.store.contract import Reader, Transaction
from engine.store.personal import Whose
from engine.store.rows import CustomerRow, OutboxRow, TicketQuery

FILE = "erasures.jsonl"
"""Beside the database, so that a backup of before brings nobody back: a mark for each who was erased, and when."""

_SHORTEST = 7
"""Shorter numbers (short codes) are part of too much else to be looked for in files."""

_UNSENT = ("queued", "held", "sending")


class Erased(Struct, frozen=True):
    """What was done: how many tickets are about the customer, which others still name them, which files of channels do."""

    tickets: int
    named_in: tuple[str, ...]
    remembered: tuple[Path, ...]


def whose(reader: Reader, engine: Engine, customer: str) -> Whose:
    """Find all that is about a customer."""
    addresses = set(reader.addresses(customer))
    items = tuple(id for id, channel, text in reader.items_without_ticket() if addresses and _sent_by(engine, channel, text, addresses))
    return Whose(customer, tuple(reader.tickets_about(customer)), items)


def erase(
    engine: Engine, customer: str, by: str, reason: str = "", *, force: bool = False, again: bool = False, scrub: bool = True
) -> Erased:
    """Erase a customer for ever. Their open tickets are closed, their messages that wait are not sent.

    `again` repeats after a restore what was decided before. Without `scrub` the caller has the store scrub behind the last of many.
    Raises NotFound; Refused while they or one of their tickets are on hold, a message to them is just being sent, or, unless it is
    `force` with a `reason`, while a ticket is open or an item of theirs waits.
    """
    now, var = engine.clock.now(), engine.project.var
    with engine.store.write() as tx:
        row = tx.customer(customer)
        if row is None and tx.erased(customer) is None:
            raise NotFound(f"there is no customer {customer}; `engine customer list` shows them")
        own = whose(tx, engine, customer)
        tickets = [ticket for number in own.tickets if (ticket := tx.hold_ticket(number))]
        unsent = [one for number in own.tickets for one in tx.messages(ticket=number, limit=sys.maxsize) if one.state in _UNSENT]
        if not again:
            _refuse(tx, own, tickets, unsent, forced=force and bool(reason.strip()))
        needles = _needles(tx.addresses(customer))
        named_in = _named_in(tx, row, needles, own)
        hashes = _hashes(tx, own)
        _empty_waiting_answers(tx, engine, own)
        tx.erase_customer(own)
        written = {one.id for number in own.tickets for one in tx.messages(ticket=number, limit=sys.maxsize)}
        outcomes = list(_end(tx, engine, tickets, unsent, by, reason or "erased", now))
        for hash in hashes - tx.attachments():
            (var / "attachments" / hash[:2] / hash).unlink(missing_ok=True)
        archives.forget(var, lambda line: line.get("ticket") in own.tickets or line.get("customer") == customer)
        remembered = tuple(_forget_files(var, needles, written))
        tx.audit(now, by, "erased", customer, reason or None)
        if row is not None:
            tx.keep_erasure(mark(row), customer, now)
            remember(var, [mark(row)], now)
    engine.tell(outcomes)
    if scrub:
        engine.store.scrub(whole=True)
    return Erased(len(own.tickets), named_in, remembered)


def mark(row: CustomerRow) -> str:
    """Return what tells this customer from every other, also from one who got the same id after a restore, and says nothing of them."""
    return sha256(f"{row.id} {row.created_at.isoformat()}".encode()).hexdigest()


def remember(var: Path, marks: Iterable[str], now: datetime) -> None:
    """Add to the file the marks that it does not hold yet; they are on the disk when this returns."""
    news = sorted(set(marks) - _remembered(var))
    if news:
        with os.fdopen(os.open(var / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps({'mark': one, 'at': now.isoformat()})}\n" for one in news)
            file.flush()
            os.fsync(file.fileno())


def repeat(engine: Engine) -> int:
    """Erase again whom a restored database has brought back, whatever is on hold there; return how many. Costs nothing where nobody is."""
    with engine.store.read() as reader:
        missing = _remembered(engine.project.var) - set(reader.erasures())
        back = [row for row in reader.customers(sys.maxsize) if mark(row) in missing] if missing else []
    for row in back:
        erase(engine, row.id, SYSTEM, again=True, scrub=row is back[-1])
    if missing:
        with engine.store.write() as tx:
            for one in sorted(missing):
                tx.keep_erasure(one, "", engine.clock.now())  # who came after that backup, and so is not in it
    return len(back)


def _remembered(var: Path) -> set[str]:
    with suppress(FileNotFoundError):
        return {json.loads(line)["mark"] for line in (var / FILE).read_text("utf-8").splitlines()}
    return set()


def _refuse(tx: Transaction, own: Whose, tickets: list[Ticket], unsent: list[OutboxRow], *, forced: bool) -> None:
    if held := tx.holds([own.customer, *own.tickets]):
        said = "; ".join(f"{one.subject} since {one.at:%Y-%m-%d} by {one.by} ({one.reason})" for one in held)
        raise Refused(f"customer {own.customer} must be kept: on hold are {said}; `engine customer release` ends that")
    if any(one.state == "sending" for one in unsent):
        raise Refused(f"a message about customer {own.customer} is just being sent: try again in a minute")
    # A review is about whoever did the work. A follow-up is confidential, with what it led to: that there is one would tell the answer.
    tickets = [one for one in tickets if one.kind != REVIEW]
    sealed = {one.number for one in tickets if one.kind == "follow_up"}
    reasons = [f"ticket {one.number} is open" for one in tickets if one.closed_at is None and sealed.isdisjoint((one.number, one.parent))]
    reasons += [f"inbox item {row['id']!r} waits" for row in tx.personal("inbox.items", own) if row["state"] == "pending"]
    if reasons and not forced:
        raise Refused(f"customer {own.customer}: {', '.join(reasons)}; end that first, or give --force with a --reason")


def _end(
    tx: Transaction, engine: Engine, tickets: list[Ticket], unsent: list[OutboxRow], by: str, reason: str, now: datetime
) -> Iterator[Outcome]:
    """Close what is open, and give up what was to be sent, for its words are gone. An approval stays with who is asked for it."""
    world, hold = engine.world, engine.project.hold
    for ticket in tickets:
        if ticket.closed_at is None:
            yield handle(tx, world, AgentActed(ticket.number, "close", by, reason), now, hold=hold)
    for row in unsent:
        if row.ticket and tx.message_dead(row.id, ""):
            tx.drop_message(row.id, now)
            yield handle(tx, world, ReceiptArrived(row.ticket, row.id, row.party, "failed"), now, hold=hold)


def _empty_waiting_answers(tx: Transaction, engine: Engine, own: Whose) -> None:
    """Take from answers that wait, sealed, whose they are, where that is known, and their own words; the scores stay."""
    seal = engine.world.seal
    for row in tx.waiting_answers():
        answer = seal.open(row)
        asked = answer.follow_up
        if asked is not None and (asked.customer == own.customer or asked.parent in own.tickets) and tx.forget_waiting(row.id):
            kept = replace(answer, suggestion="", follow_up=None)
            tx.keep_waiting(replace(row, sealed=seal.close(kept, row.id)))


def _hashes(tx: Transaction, own: Whose) -> set[str]:
    """The files that came with what the customer sent."""
    found = {str(row["body"]).partition(" ")[0] for row in tx.personal("ticket.attachments", own)}
    for row in tx.personal("inbox.items", own):
        with suppress(KeyError, msgspec.MsgspecError):
            item = unpack(str(row["item_json"]))
            found |= {one.content.decode() for one in item.attachments} if isinstance(item, Inbound) else set()
    return found


def _sent_by(engine: Engine, channel: str, text: str, addresses: set[tuple[str, str]]) -> bool:
    """Whether an inbox item came from one of these addresses, or (a receipt) speaks of it."""
    if any(len(address) >= _SHORTEST and address in text.casefold() for _, address in addresses):
        return True
    with suppress(KeyError, msgspec.MsgspecError):
        item, kind = unpack(text), engine.world.channels.get(channel, "")
        return isinstance(item, Inbound) and (kind, normalise(kind, item.sender, engine.project.phone_region)) in addresses
    return False


def _needles(addresses: list[tuple[str, str]]) -> tuple[str, ...]:
    """What to look for in files: mail addresses, and phone numbers without their country code."""
    found = []
    for kind, address in addresses:
        if kind == "phone" and address.startswith("+"):
            address = str(phonenumbers.parse(address).national_number)
        found += [address] if len(address) >= _SHORTEST else []
    return tuple(found)


def _named_in(reader: Reader, row: CustomerRow | None, needles: tuple[str, ...], own: Whose) -> tuple[str, ...]:
    """Other people's tickets in whose texts the customer is named: a person must look at them."""
    words = [*needles, *([row.name] if row and len(row.name) > 1 else [])]
    found = {ticket.number for word in words for ticket in reader.tickets(TicketQuery(text=word))}
    return tuple(sorted(found - set(own.tickets)))


def _forget_files(var: Path, needles: tuple[str, ...], written: set[str]) -> Iterator[Path]:
    """Remove what was not understood, and what a folder was sent, where it names an address or is one of the messages that were `written`;
    yield what channels have and keep themselves.
    """
    for path in sorted(path for part in ("bad", "out", "in", "state") for path in (var / part).rglob("*") if path.is_file()):
        content = path.read_bytes().lower()
        if path.stem in written or any(needle.encode() in content for needle in needles):
            if path.relative_to(var).parts[0] in ("in", "state"):
                yield path
            else:
                path.unlink()
                path.with_name(f"{path.name}.reason.txt").unlink(missing_ok=True)
