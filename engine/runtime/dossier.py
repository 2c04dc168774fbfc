"""All that is known of one customer: to be seen by whoever serves them, or handed out to them (PIPL Art. 45, GDPR Art. 15)."""

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from engine.core.fields import REVIEW
from engine.core.model import Ticket
from engine.core.retention import PLACES
from engine.errors import UsageError
from engine.runtime import archives
from engine.runtime.addresses import normalise
from engine.runtime.engine import Engine
from engine.runtime.erasure import whose
from engine.runtime.followups import ROLE
from engine.store.codec import decode_plain, encode
from engine.store.contract import Reader
from engine.store.contract.tickets import HISTORY
from engine.store.personal import HoldRow, OptOutRow, Whose
from engine.store.rows import AnswerRow, CustomerRow, LinkRow, TicketQuery


class Dossier(Struct, frozen=True):
    """One view of a customer. `erased_at` is all that is left of one who was erased. `channel` is the one they come by most.

    `answers` are those of surveys that a follow-up is still about, None for whoever has not the role to see them.
    """

    id: str
    erased_at: datetime | None
    customer: CustomerRow | None
    addresses: list[tuple[str, str]]
    opt_outs: list[OptOutRow]
    channel: str | None
    holds: list[HoldRow]
    tickets: list[Ticket]
    answers: list[AnswerRow] | None


def find(reader: Reader, region: str, who: str) -> str:
    """Return the id of a customer by it, or by a phone number or an e-mail address. Raises UsageError."""
    if (known := reader.customer(who)) is not None:
        return known.id
    kind = "email" if "@" in who else "phone"
    found = reader.find_customer(kind, normalise(kind, who, region))
    if found is None:
        raise UsageError(f"there is no customer {who!r}; `engine customer list` shows them")
    return found.id


def known_as(reader: Reader, region: str, about: str) -> str:
    """Return under what the audit knows a subject: a customer by the id, whoever they were found by; anything else as it is."""
    try:
        return find(reader, region, about)
    except UsageError:
        return about


def view(reader: Reader, customer: str) -> Dossier:
    """Return what is known of the customer with this id, but for their answers to surveys."""
    tickets = sorted(reader.tickets(TicketQuery(customer=customer, limit=HISTORY)), key=lambda one: one.opened_at, reverse=True)
    return Dossier(
        customer,
        reader.erased(customer),
        reader.customer(customer),
        reader.addresses(customer),
        reader.opt_outs(customer),
        next((channel for channel, _ in Counter(ticket.channel for ticket in tickets).most_common(1)), None),
        reader.holds([customer, *(ticket.number for ticket in tickets)]),
        tickets,
        None,
    )


def look(engine: Engine, who: str, actor: str | None) -> Dossier:
    """Return what is known of a customer, as far as `actor` may see it; whose answers they saw stands in the audit. Raises UsageError."""
    with engine.store.write() as tx:
        seen = view(tx, who if tx.erased(who) else find(tx, engine.project.phone_region, who))
        if not _may_see_answers(engine, actor):
            return seen
        links = tx.links_of(seen.id)
        for link in links:
            tx.audit(engine.clock.now(), str(actor), "looked at", link.follow_up)
        return structs.replace(seen, answers=_answers(tx, links))


def export(engine: Engine, customer: str, actor: str, path: Path) -> int:
    """Write all that is known of a customer to the new file `path`, a ZIP of `data.json` and their attachments; return how many files.

    Answers of surveys are in it where `actor` may see them. Raises UsageError where the file cannot be written.
    """
    with engine.store.write() as tx:
        data, own = _data(tx, engine, customer, _may_see_answers(engine, actor)), whose(tx, engine, customer)
        files = {str(row["body"]).partition(" ")[::2] for row in tx.personal("ticket.attachments", own)}
        count = _pack(engine.project.var, path, data, files)
        tx.audit(engine.clock.now(), actor, "exported", customer)
    return count


def _data(reader: Reader, engine: Engine, customer: str, with_answers: bool) -> dict[str, Any]:
    links = reader.links_of(customer)
    sealed = set() if with_answers else {link.follow_up for link in links}
    found = whose(reader, engine, customer)
    known = [ticket for number in found.tickets if (ticket := reader.ticket(number)) and ticket.kind != REVIEW]  # those are of colleagues
    own = Whose(customer, tuple(one.number for one in known if sealed.isdisjoint((one.number, one.parent))), found.items)
    places = [place for place in PLACES if place not in ("customer", "audit", "survey.suggestions") and not place.startswith("files.")]
    return {
        "customer": reader.customer(customer),
        "addresses": reader.addresses(customer),
        "opt_outs": reader.opt_outs(customer),
        "tickets": [_ticket(reader, number) for number in own.tickets],
        **{place: [archives.plain(one) for one in reader.personal(place, own)] for place in places},
        "survey.answers": _answers(reader, links) if with_answers else "needs the role follow_up",
        "archived": archives.find(engine.project.var, lambda line: line.get("ticket") in own.tickets or line.get("customer") == customer),
    }


def _ticket(reader: Reader, number: str) -> dict[str, Any]:
    log = [{"seq": one.seq, "at": one.at, "type": one.event.type, "event": one.event} for one in reader.events(number)]
    return {"state": reader.ticket(number), "log": log}


def _answers(reader: Reader, links: Iterable[LinkRow]) -> list[AnswerRow]:
    return [answer for id in sorted({link.answer for link in links}) if (answer := reader.answer(id)) is not None]


def _may_see_answers(engine: Engine, actor: str | None) -> bool:
    person = engine.world.team.agents.get(actor or "")
    return person is not None and ROLE in person.roles


def _pack(var: Path, path: Path, data: dict[str, Any], files: set[tuple[str, str]]) -> int:
    count = 0
    try:
        with (
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            packed.writestr("data.json", json.dumps(decode_plain(encode(data)), ensure_ascii=False, indent=1))
            for hash, name in sorted(files):
                if (kept := var / "attachments" / hash[:2] / hash).exists():
                    safe = re.sub(r"[^\w.-]", "_", name)[-80:]
                    packed.write(kept, f"attachments/{hash[:12]}-{safe}")
                    count += 1
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; name another file") from error
    return count
