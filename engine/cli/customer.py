"""`engine customer`: the archive of customers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.session import ACTOR, FORMAT, Session, options
from engine.errors import NotFound, UsageError

if TYPE_CHECKING:
    from engine.cli.words import Words
    from engine.runtime.dossier import Dossier
    from engine.runtime.engine import Engine
    from engine.store import Transaction

_REASON = click.option("--reason", default="", metavar="TEXT", help="Why. It is kept, so name nobody in it.")


@click.group()
def group() -> None:
    """See all that is known of a customer; import, keep, hand out and erase it."""


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


@group.command()
@options(ACTOR, FORMAT)
@click.argument("who")
def show(session: Session, who: str) -> None:
    """Show all that is known of WHO (an id, a phone number or an e-mail address): contacts, wishes, tickets.

    Scores are shown to agents with the role follow_up only, as long as a follow-up is about them; each look stands in the audit.
    """
    from engine.cli.output import say_json
    from engine.runtime.dossier import look

    with session.engine() as engine:
        found = look(engine, who, session.known_actor(engine.world.team))
        words = session.words(engine.world.policy, engine.world.team)
    if session.json:
        say_json(found)
    else:
        _print(found, words)


@group.command()
@options(ACTOR)
@_REASON
@click.argument("subject")
def hold(session: Session, subject: str, reason: str) -> None:
    """Keep all of SUBJECT, a customer or one ticket: neither retention nor erasure touches it until it is released."""
    from engine.store import HoldRow

    if not reason.strip():
        raise UsageError("a hold needs a reason: --reason 'dispute before the court, 2026-03-04'")

    def carry_out(tx: "Transaction", about: str, by: str, engine: "Engine") -> bool:
        return tx.hold(HoldRow(about, engine.clock.now(), by, reason))

    _held(session, subject, reason, "put on hold", carry_out)


@group.command()
@options(ACTOR)
@_REASON
@click.argument("subject")
def release(session: Session, subject: str, reason: str) -> None:
    """Let a hold on SUBJECT, a customer or one ticket, go."""
    _held(session, subject, reason, "released", lambda tx, about, by, engine: tx.release(about))


@group.command()
@options(ACTOR)
@click.argument("who")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(session: Session, who: str, file: Path) -> None:
    """Write all that is known of WHO to FILE, a ZIP of data.json and their attachments, to be handed to them."""
    from engine.cli.output import say
    from engine.runtime.dossier import export, find

    with session.engine() as engine:
        actor = session.actor(engine.world.team)
        with engine.store.read() as reader:
            customer = find(reader, engine.project.phone_region, who)
        count = export(engine, customer, actor, file)
    say(f"{file}: all that is known of {customer}, with {count} attachments")


@group.command()
@options(ACTOR)
@click.option("--force", is_flag=True, help="Also where a ticket is open or something of theirs waits; needs --reason.")
@_REASON
@click.argument("who")
def erase(session: Session, who: str, force: bool, reason: str) -> None:
    """Erase WHO for ever: from the database, its journal, attachments, the archive. What they cost and led to is still counted.

    Refused while a hold stands or a ticket is open. A backup of before brings nobody back: `engine restore` erases them again.
    """
    from engine.cli.output import say
    from engine.runtime.dossier import find
    from engine.runtime.erasure import erase

    with session.engine() as engine:
        actor = session.actor(engine.world.team)
        with engine.store.read() as reader:
            customer = who if reader.erased(who) else find(reader, engine.project.phone_region, who)
        done = erase(engine, customer, actor, reason, force=force)
    say(f"{customer} was erased; {done.tickets} tickets stay without texts", "green")
    if done.named_in:
        say(f"they are still named in other people's tickets, look at {', '.join(done.named_in)}", "yellow")
    for path in done.remembered:
        say(f"a channel keeps something of them in {path}", "yellow")


def _held(session: Session, subject: str, reason: str, what: str, carry_out: Callable[["Transaction", str, str, "Engine"], bool]) -> None:
    from engine.cli.output import say
    from engine.runtime.dossier import find

    with session.engine() as engine:
        actor = session.actor(engine.world.team)
        with engine.store.write() as tx:
            about = subject if tx.ticket(subject) else find(tx, engine.project.phone_region, subject)
            if not carry_out(tx, about, actor, engine):
                raise NotFound(f"{about} is not on hold" if what == "released" else f"{about} is on hold already")
            tx.audit(engine.clock.now(), actor, what, about, reason or None)
    say(f"{about}: {what}")


def _print(found: "Dossier", words: "Words") -> None:
    from engine.cli.output import say, table

    if found.customer is None:
        say(words.name("customer.erased", found.id, words.clock(found.erased_at)))
    else:
        say(" ".join(filter(None, (found.id, found.customer.name, found.customer.segment))), "bold")
        for kind, address in found.addresses:
            say(f"  {words.name(kind)}: {address}")
        say(f"  {words.name('customer.prefers')}: {found.customer.language or '-'}, {found.channel or '-'}")
        for wish in found.opt_outs:
            say(f"  {words.name('opted_out')}: {wish.channel} {wish.address} {words.clock(wish.at)}", "yellow")
    for one in found.holds:
        say(f"  {words.name('customer.on_hold')}: {one.subject} {words.clock(one.at)} {words.party(one.by)}: {one.reason}", "red")
    if found.tickets:
        headings = ("number", "kind", "state", "tier", "opened", "closed", "channel", "assignee", "survey")
        rows = [
            (
                one.number,
                words.name(one.kind),
                words.name(one.state),
                words.tier(one.tier),
                words.clock(one.opened_at),
                words.clock(one.closed_at),
                one.channel,
                words.party(one.assignee),
                words.name("answered" if one.survey.answered_at else "no_answer") if one.survey else "",
            )
            for one in found.tickets
        ]
        table([words.name(key) for key in headings], rows)
    for answer in found.answers or ():
        said = filter(None, (*(f"{name} {score}" for name, score in answer.scores.items()), answer.suggestion))
        say(f"  {answer.survey} {answer.month}: {', '.join(said)}")


def read_csv(raw: bytes) -> str:
    """Return the text of a CSV file in UTF-8 or GB 18030. Raises UsageError."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError("the file is neither UTF-8 nor GB 18030: save it as CSV in UTF-8")
