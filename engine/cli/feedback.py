"""`engine feedback`: what customers said elsewhere than in a survey."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from engine.analysis.labels import label
from engine.cli.customer import read_csv
from engine.cli.output import say
from engine.cli.session import ACTOR, FORMAT, Session, options, read_text
from engine.errors import UsageError
from engine.runtime.feedback import Said, enter, read_records


@click.group()
def group() -> None:
    """Enter and list interviews, reviews and remarks in social media, beside what surveys tell."""


@group.command()
@options(ACTOR)
@click.option("--source", required=True, help="interview, review, social_media, mystery_shopper or other.")
@click.option("--text", required=True, metavar="TEXT", help="What was said. `-` reads it from standard input.")
@click.option("--day", metavar="DATE", help="When it was said. Default: today.")
@click.option("--score", default="", metavar="NUMBER", help="The score that was given, with its --scale.")
@click.option("--scale", default="", metavar="LOW-HIGH", help="What the score is of, such as 1-5.")
@click.option("--customer", default="", metavar="WHO", help="Whose it is: an id, a phone number or an e-mail address.")
def add(session: Session, source: str, text: str, day: str | None, score: str, scale: str, customer: str) -> None:
    """Enter one remark."""
    with session.engine() as engine:
        today = engine.clock.now().astimezone(ZoneInfo(engine.world.policy.company.timezone)).date()
        said = Said(day or today.isoformat(), source, read_text(text), score, scale, customer)
        kept = enter(engine, [said], session.actor(engine.world.team))
        say(session.words(engine.world.policy, engine.world.team).name("feedback.kept", str(kept), str(1 - kept)))


@group.command("import")
@options(ACTOR)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(session: Session, file: Path) -> None:
    """Enter the remarks in FILE, a CSV with a header line: day, source, text, score, scale, customer.

    One wrong line, and nothing is kept. What is kept already is not counted twice. UTF-8 and GB 18030 (Excel in Chinese) are read.
    """
    with session.engine() as engine:
        said = read_records(read_csv(file.read_bytes()))
        kept = enter(engine, said, session.actor(engine.world.team))
        say(session.words(engine.world.policy, engine.world.team).name("feedback.kept", str(kept), str(len(said) - kept)))


@group.command("list")
@options(FORMAT)
@click.option("--from", "since", metavar="DATE", default="0001-01-01", help="First day.")
@click.option("--to", "until", metavar="DATE", default="9999-12-31", help="Last day.")
@click.option("--source", help="Only of this source.")
def list_(session: Session, since: str, until: str, source: str | None) -> None:
    """List what was said, the oldest first."""
    with session.desk() as desk, desk.store.read() as reader:
        rows = [row for row in reader.feedback(_day(since), _day(until)) if source in (None, row.source)]
        words = desk.words
    source_of = ("source", lambda row: label(f"source.{row.source}", words.language))
    score = ("score", lambda row: "" if row.scale is None else f"{row.score:g} ({row.scale[0]}-{row.scale[1]})")
    session.listed(words, rows, "day", source_of, score, "customer", "text")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as fault:
        raise UsageError(f"{text!r} is no day: write 2026-03-06") from fault
