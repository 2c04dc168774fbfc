"""`engine audit`: who looked at personal data, and who did what with it."""

import click

from engine.cli.session import FORMAT, Session, options


@click.command()
@options(FORMAT)
@click.option("--who", metavar="AGENT", help="Only what this one did; system is the engine itself.")
@click.option(
    "--about", metavar="SUBJECT", help="Only about this ticket, rule of retention or customer: an id, a phone number or an e-mail address."
)
@click.option("--from", "since", metavar="DATE", help="First day, or a moment: 2026-03-06 17:00.")
@click.option("--to", "until", metavar="DATE", help="Last day, or a moment.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="The last so many.")
def command(session: Session, who: str | None, about: str | None, since: str | None, until: str | None, limit: int) -> None:
    """Show who looked at a ticket, a customer or a follow-up, exported or erased somebody, signed in to the web; the latest at the end."""
    from engine.analysis.texts import instant
    from engine.cli.kpi import end_of
    from engine.runtime.dossier import known_as

    with session.desk() as desk, desk.store.read() as reader:
        words, region = desk.words, desk.project.phone_region
        first = instant(since, words.timezone, day_ends=False) if since else None
        last = end_of(until, words.timezone) if until else None
        rows = reader.audits(who, known_as(reader, region, about) if about else None, first, last, limit)
    who_did, what = ("audit.who", lambda row: words.party(row.who)), ("what", lambda row: words.deed(row.what))
    subject, reason = ("audit.about", lambda row: words.party(row.about)), ("audit.reason", lambda row: row.reason or "")
    session.listed(words, rows, "time=at", who_did, what, subject, reason)
