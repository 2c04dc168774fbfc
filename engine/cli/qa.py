"""`engine qa`: quality reviews: what is drawn, how it is scored, and whether those who score agree."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from engine.analysis.texts import instant
from engine.cli.kpi import end_of
from engine.cli.session import ACTOR, FORMAT, Option, Session, options, read_text
from engine.cli.ticket.acting import let_through
from engine.errors import NotFound, UsageError

if TYPE_CHECKING:
    from engine.cli.output import Cell
    from engine.cli.words import Words
    from engine.core.model import Ticket
    from engine.core.quality import Form, Review
    from engine.store import Reader

_POINTS: Option = click.option(
    "--item",
    "items",
    multiple=True,
    required=True,
    metavar="ITEM=POINTS",
    help="Points of an item of quality.yaml; - where it did not apply.",
)
_NOTE: Option = click.option("--text", default="", metavar="TEXT", help="What you saw. `-` reads it from standard input.")


@click.group()
def group() -> None:
    """Review the quality of work by the form of quality.yaml. A review is a ticket: it is warned of and escalated like any other."""


@group.command()
@options(ACTOR, FORMAT)
@click.option("--from", "since", metavar="DATE", help="First day of closing. Default: seven days ago.")
@click.option("--to", "until", metavar="DATE", help="Last day of closing. Default: today.")
@click.option("--seed", type=int, required=True, help="The same seed draws the same tickets.")
def sample(session: Session, since: str | None, until: str | None, seed: int) -> None:
    """Draw closed tickets and calls at random from each group that quality.yaml tells apart, and call for their reviews."""
    from random import Random

    from engine.runtime.quality import sample as draw

    with session.engine() as engine:
        policy, team, now = engine.world.policy, engine.world.team, engine.clock.now()
        zone, words = policy.company.timezone, session.words(policy, team)
        begin = instant(since, zone, day_ends=False) if since else now - timedelta(days=7)
        end, by, chance = end_of(until, zone) if until else now, session.actor(team), Random(seed)  # noqa: S311  # it must be drawn the same again
        with engine.store.read() as reader:
            signals = draw(reader, engine.world, begin, end, chance, by)
        made = [engine.handle(signal) for signal in signals]
        opened = [one.first.ticket for one in made if one.first.ticket is not None]
    rows = [_plain(one, one.review) for one in opened if one.review is not None]
    shown = [(row["number"], _about(row, words), words.party(row["agent"]), words.party(row["reviewer"])) for row in rows]
    _tell(session, words, rows, ("number", "ticket", "agent", "reviewer"), shown)


@group.command()
@options(ACTOR, FORMAT)
@click.argument("number")
@_POINTS
@_NOTE
def score(session: Session, number: str, items: tuple[str, ...], text: str) -> None:
    """Score review NUMBER, which ends it. Nobody scores their own work."""
    from engine.core.signals import AgentActed

    with session.engine() as engine:
        let_through(engine, session, AgentActed(number, "score", session.actor(engine.world.team), read_text(text), points=_points(items)))


@group.command("list")
@options(FORMAT)
@click.option("--open", "waiting", is_flag=True, help="Only those that are not scored yet.")
@click.option("--reviewer", metavar="AGENT", help="Only those of this reviewer.")
def list_(session: Session, waiting: bool, reviewer: str | None) -> None:
    """List the reviews, the oldest first."""
    from engine.runtime.quality import reviews

    with session.desk() as desk, desk.store.read() as reader:
        rows = [_plain(one, review) for one, review in reviews(reader)]
        words = desk.words
    rows = [row for row in rows if reviewer in (None, row["reviewer"]) and not (waiting and row["score"] is not None)]
    shown = [
        (
            row["number"],
            _about(row, words),
            words.party(row["agent"]),
            words.party(row["reviewer"]),
            words.name(row["state"]),
            "" if row["score"] is None else (f"{row['score']:.1f}", "bold red" if row["failed"] else ""),
        )
        for row in rows
    ]
    _tell(session, words, rows, ("number", "ticket", "agent", "reviewer", "state", "score"), shown)


@group.command()
@options(FORMAT)
@click.argument("number")
def show(session: Session, number: str) -> None:
    """Show review NUMBER with the form and its points. `engine ticket show` has all that happened."""
    from engine.cli.output import say, say_json, table

    with session.desk() as desk, desk.store.read() as reader:
        ticket = _review(reader, number)
        review, form, words = ticket.review, desk.policy.quality, desk.words
    assert review is not None  # noqa: S101  # `_review` returns no other
    row = _plain(ticket, review) | {"points": dict(review.points or {})}
    if session.json:
        say_json(row)
        return
    failed = words.name("failed") if review.failed else ""
    result = "" if review.score is None else f"{review.score:.1f}"
    say(
        "  ".join(filter(None, [number, _about(row, words), words.party(review.agent), words.party(ticket.assignee), result, failed])),
        "bold",
    )
    points = review.points or {}
    rows = (
        [(one.id, words.text(one.label), f"{one.weight:.0%}", f"{_shown(points, one.id)}/{one.points}") for one in form.items]
        if form
        else []
    )
    table([words.name(key) for key in ("item", "what", "weight", "points")], rows)


@group.command()
@options(FORMAT)
def agreement(session: Session) -> None:
    """Say how far those agree who scored the same work: weighted kappa for two reviewers, Krippendorff's alpha for any number."""
    from engine.runtime.quality import reviews

    with session.desk() as desk, desk.store.read() as reader:
        scored: dict[str, dict[str, Review]] = defaultdict(dict)
        for _, review in reviews(reader):
            if review.work is not None and review.score is not None:
                scored[review.work][review.reviewer or ""] = review
        form, words = desk.policy.quality, desk.words
    rows, keys = list(_agreement([by for by in scored.values() if len(by) > 1], form)), ("item", "n", "kappa", "alpha")
    _tell(session, words, rows, keys, [[_figure(row[key]) for key in keys] for row in rows])


@group.group()
def visit() -> None:
    """Enter visits of mystery shoppers."""


@visit.command("add")
@options(ACTOR, FORMAT)
@click.option("--agent", required=True, metavar="AGENT", help="Who served the shopper.")
@click.option("--channel", default="phone", show_default=True, help="Where the visit was.")
@_POINTS
@_NOTE
def add(session: Session, agent: str, channel: str, items: tuple[str, ...], text: str) -> None:
    """Enter the visit of a mystery shopper and score it by the form."""
    from engine.core.quality import Review
    from engine.runtime.quality import request

    with session.engine() as engine:
        team, actor = engine.world.team, session.actor(engine.world.team)
        if agent not in team.agents:
            raise UsageError(f"{agent!r} is nobody in team.yaml; there are {', '.join(team.agents)}")
        review = Review(agent, channel=channel, points=_points(items))
        let_through(engine, session, request(engine.world, review, actor, actor, read_text(text) or "mystery shopper"))


def _tell(session: Session, words: "Words", rows: list[dict[str, Any]], keys: Sequence[str], shown: "Sequence[Sequence[Cell]]") -> None:
    """Print rows as JSON or as a table."""
    from engine.cli.output import say, say_json, table

    if session.json:
        say_json(rows)
    elif rows:
        table([words.name(key) for key in keys], shown)
    else:
        say(words.name("nothing"))


def _points(items: tuple[str, ...]) -> dict[str, int | None]:
    """Read `greeting=4`, `calming=-`. Raises UsageError."""
    found: dict[str, int | None] = {}
    for one in items:
        id, sign, points = one.partition("=")
        if not sign or not (points == "-" or (points.isascii() and points.isdigit())) or id in found:
            raise UsageError(f"{one!r} is no score: write each ITEM=POINTS once, such as greeting=4, or greeting=- where it did not apply")
        found[id] = None if points == "-" else int(points)
    return found


def _review(reader: "Reader", number: str) -> "Ticket":
    found = reader.ticket(number)
    if found is None or found.review is None:
        raise NotFound(f"there is no review {number}; `engine qa list` names them")
    return found


def _plain(one: "Ticket", review: "Review") -> dict[str, Any]:
    return {
        "number": one.number,
        "ticket": review.ticket,
        "call": review.call,
        "agent": review.agent,
        "reviewer": review.reviewer or one.assignee,
        "state": one.state,
        "score": review.score,
        "failed": review.failed,
    }


def _about(row: dict[str, Any], words: "Words") -> str:
    """What was reviewed: a ticket, a call, a visit."""
    return row["ticket"] or words.name("call" if row["call"] else "visit")


def _shown(points: Any, item: str) -> str:
    return "–" if points.get(item) is None else str(points[item])


def _agreement(units: "list[dict[str, Review]]", form: "Form | None") -> Any:
    """Yield, for each item and for the whole, over how many pieces of work, kappa where just two people reviewed, and alpha."""
    from engine.analysis.agreement import alpha, weighted_kappa

    reviewers = sorted({who for unit in units for who in unit})
    for item in [*(one.id for one in form.items), "score"] if form and units else ():
        given = [{who: one.score if item == "score" else (one.points or {}).get(item) for who, one in unit.items()} for unit in units]
        both = [{who: float(got) for who, got in unit.items() if got is not None} for unit in given]
        both = [unit for unit in both if len(unit) > 1]
        pairs = [(unit[reviewers[0]], unit[reviewers[1]]) for unit in both] if len(reviewers) == 2 else []
        yield {"item": item, "n": len(both), "kappa": weighted_kappa(pairs), "alpha": alpha([list(unit.values()) for unit in both])}


def _figure(value: Any) -> str:
    return "–" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
