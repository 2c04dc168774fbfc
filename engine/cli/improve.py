"""`engine improve`: the register of measures: what is changed, who does it by when, and whether the figures show that it worked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from engine.analysis.learned import entry, windows
from engine.analysis.texts import instant
from engine.cli.kpi import end_of, shown_value
from engine.cli.session import ACTOR, FORMAT, Option, Session, options, read_text
from engine.cli.ticket.acting import let_through
from engine.core.fields import IMPROVEMENT, OPEN_STATES
from engine.core.improvements import CATEGORIES
from engine.errors import NotFound, Refused, UsageError

if TYPE_CHECKING:
    from engine.analysis.learned import Verified
    from engine.cli.words import Words
    from engine.core.improvements import Aim, Improvement, Measured, Window
    from engine.core.model import Ticket
    from engine.core.team import Team
    from engine.runtime.engine import Engine
    from engine.store import Reader

NUMBER = click.argument("number")
_PLAN: tuple[Option, ...] = (
    click.option("--kind", "category", type=click.Choice(CATEGORIES), help="What is changed."),
    click.option("--owner", metavar="AGENT", help="Who carries it out."),
    click.option("--due", metavar="WHEN", help="By when, such as 2026-03-31. Default: as sla.yaml says."),
    click.option(
        "--source", "sources", multiple=True, metavar="WHAT", help="What it came of: a follow-up's number, an alert. May be repeated."
    ),
    click.option("--kpi", metavar="NAME", help="The KPI that it should move, one of `engine kpi`."),
    click.option("--scope", multiple=True, metavar="DIMENSION=VALUE", help="Only of these, such as kind=complaint. May be repeated."),
    click.option("--baseline", metavar="FROM..TO", help="The days before. Default: the four weeks until yesterday."),
    click.option("--check", metavar="FROM..TO", help="The days after. Default: the four weeks that follow the due date, or today."),
)


def _planning(verb: Any) -> Any:
    for option in reversed(_PLAN):
        verb = option(verb)
    return verb


@click.group()
def group() -> None:
    """Plan measures of improvement, and verify them by figures. A measure is a ticket: it is warned of and escalated like any other."""


@group.command()
@options(ACTOR, FORMAT)
@click.option("--text", required=True, metavar="TEXT", help="The measure. `-` reads it from standard input.")
@click.option("--queue", help="Where it belongs. Default: the first queue of its owner.")
@_planning
def add(session: Session, text: str, queue: str | None, owner: str | None, due: str | None, **plan: Any) -> None:
    """Enter a measure: what is done, by whom, by when, and which KPI it should move."""
    from engine.core.improvements import Improvement
    from engine.core.signals import TicketRequested

    with session.engine() as engine:
        world, actor, zone = engine.world, session.actor(engine.world.team), engine.world.policy.company.timezone
        if owner is not None and owner not in world.team.agents:
            raise UsageError(f"there is no agent {owner!r} in team.yaml; there are {', '.join(world.team.agents)}")
        where = queue or (_first_queue(world.team, owner) if owner else None)
        if where not in world.policy.queues or not read_text(text).strip():
            raise UsageError(
                f"a measure needs a --text, and an --owner or a --queue that there is; there are {', '.join(world.policy.queues)}"
            )
        at = instant(due, zone) if due else None
        signal = TicketRequested(
            IMPROVEMENT,
            str(where),
            read_text(text),
            next(iter(world.channels), ""),
            world.policy.company.languages[0],
            due=at,
            assignee=owner,
            actor=actor,
            improvement=_planned(engine, Improvement(), at, **plan),
        )
        let_through(engine, session, signal)


@group.command()
@options(ACTOR, FORMAT)
@NUMBER
@click.option("--text", default="", metavar="TEXT", help="A note. `-` reads it from standard input.")
@_planning
def update(session: Session, number: str, text: str, owner: str | None, due: str | None, **plan: Any) -> None:
    """Plan measure NUMBER anew. What is not said stays; the sources and the scope are replaced where any is said."""
    from engine.core.improvements import Improvement
    from engine.core.signals import AgentActed

    with session.engine() as engine:
        with engine.store.read() as reader:
            known = _measure(reader, number)
        at, actor = (instant(due, engine.world.policy.company.timezone) if due else None), session.actor(engine.world.team)
        before = known.improvement or Improvement()
        planned = _planned(engine, before, at or known.due, **plan)
        words = read_text(text)
        wanted = planned if planned != before else None
        signals = [AgentActed(number, "assign", actor, target=owner)] if owner is not None else []
        if wanted or at is not None or words or not signals:
            signals.append(AgentActed(number, "improve", actor, words, due=at, improvement=wanted))
        *first, last = signals
        for signal in first:
            if (refused := engine.handle(signal).first.refused) is not None:
                raise Refused(refused)
        let_through(engine, session, last)


@group.command("list")
@options(FORMAT)
@click.option("--all", "ended", is_flag=True, help="Those that were carried out, too.")
@click.option("--owner", metavar="AGENT", help="Only those of this agent.")
@click.option("--overdue", is_flag=True, help="Only those that are overdue.")
def list_(session: Session, ended: bool, owner: str | None, overdue: bool) -> None:
    """List the measures, the one due first at the top."""
    from engine.analysis.labels import label
    from engine.cli.output import say, say_json, table
    from engine.store import TicketQuery

    with session.desk() as desk, desk.store.read() as reader:
        query = TicketQuery(kind=IMPROVEMENT, states=() if ended else OPEN_STATES, assignee=owner, limit=10_000)
        rows = [entry(reader, one, desk.now) for one in reader.tickets(query)]
        words = desk.words
    rows = sorted((row for row in rows if row["overdue"] or not overdue), key=lambda row: (row["due"] is None, row["due"], row["number"]))
    if session.json:
        say_json(rows)
    elif rows:
        keys = ("number", "measure", "category", "owner", "due", "state", "verdict")
        shown = [
            (
                row["number"],
                row["measure"],
                label(f"category.{row['kind']}", words.language) if row["kind"] else "",
                words.party(row["owner"]),
                (words.clock(row["due"]), "bold red" if row["overdue"] else ""),
                words.name(row["state"]),
                words.name(row["verdict"] or ""),
            )
            for row in rows
        ]
        table([words.name(key) for key in keys], shown)
    else:
        say(words.name("nothing"))


@group.command()
@options(FORMAT)
@NUMBER
def show(session: Session, number: str) -> None:
    """Show measure NUMBER: what it should move, and each verdict with its figures. `engine ticket show` has all that happened."""
    from engine.analysis.labels import label
    from engine.analysis.learned import verdicts_on
    from engine.cli.output import say, say_json

    with session.desk() as desk, desk.store.read() as reader:
        ticket = _measure(reader, number)
        row, verdicts = entry(reader, ticket, desk.now), list(verdicts_on(reader, number))
        words = desk.words
    if session.json:
        say_json(row | {"verdicts": verdicts})
        return
    changed = label(f"category.{row['kind']}", words.language) if row["kind"] else ""
    say("  ".join(filter(None, [number, words.name(row["state"]), changed, words.party(row["owner"]), words.clock(row["due"])])), "bold")
    say(f"  {row['measure']}")
    if row["sources"]:
        say(f"  {words.name('source')}: {', '.join(row['sources'])}")
    if ticket.improvement is not None and ticket.improvement.aim is not None:
        say(f"  {words.name('aim')}: {_aim(ticket.improvement.aim, words)}")
    for one in verdicts:
        _say_verdict(one, words)


@group.command()
@options(ACTOR, FORMAT)
@NUMBER
def verify(session: Session, number: str) -> None:
    """Measure the KPI of measure NUMBER before and after, and put the verdict on record.

    It is improved only where the 95 % interval of the difference lies wholly on the better side; too early while the check lasts, and
    where there is too little to count.
    """
    from engine.analysis.kpi import catch_up, evidence
    from engine.analysis.learned import verdicts_on
    from engine.cli.output import say_json
    from engine.core.signals import AgentActed

    with session.engine() as engine:
        policy, actor = engine.world.policy, session.actor(engine.world.team)
        with engine.store.read() as reader:
            known = _measure(reader, number).improvement
        if known is None or known.aim is None:
            raise Refused(f"measure {number} has no KPI to move: give it one with `engine improve update {number} --kpi NAME`")
        catch_up(engine.store, policy)
        with engine.store.read() as reader:
            found = evidence(reader, policy, known.aim)
        refused = engine.handle(AgentActed(number, "verify", actor, evidence=found)).first.refused
        if refused is not None:
            raise Refused(refused)
        with engine.store.read() as reader:
            *_, last = verdicts_on(reader, number)
        words = session.words(policy, engine.world.team)
    if session.json:
        say_json(last)
    else:
        _say_verdict(last, words)


def _first_queue(team: "Team", agent: str) -> str | None:
    return next(iter(team.agents[agent].queues), None)


def _measure(reader: "Reader", number: str) -> "Ticket":
    found = reader.ticket(number)
    if found is None or found.kind != IMPROVEMENT:
        raise NotFound(f"there is no measure {number}; `engine improve list` names them")
    return found


def _planned(
    engine: "Engine",
    before: "Improvement",
    due: datetime | None,
    category: str | None,
    sources: tuple[str, ...],
    kpi: str | None,
    scope: tuple[str, ...],
    baseline: str | None,
    check: str | None,
) -> "Improvement":
    """Return the measure as the options want it. Raises UsageError, and NotFound for a number that no ticket has."""
    from engine.core.improvements import Aim

    with engine.store.read() as reader:
        if missing := [one for one in sources if one.isdigit() and reader.ticket(one) is None]:
            raise NotFound(f"there is no ticket {missing[0]}")
    zone, today, aim = engine.world.policy.company.timezone, engine.clock.now(), before.aim
    if aim is None and kpi is None and (scope or baseline or check):
        raise UsageError("a scope, a baseline and a check are those of a KPI: name it with --kpi")
    if kpi is not None or scope or baseline or check:
        usual = (aim.baseline, aim.check) if aim else windows(str(kpi), today, due, zone)
        aim = Aim(
            kpi or (aim.kpi if aim else ""),
            _window(baseline, zone) if baseline else usual[0],
            _window(check, zone) if check else usual[1],
            _scope(scope) if scope or aim is None or kpi not in (None, aim.kpi) else aim.scope,
        )
    return replace(before, category=category or before.category, sources=sources or before.sources, aim=aim)


def _window(text: str, zone: str) -> "Window":
    since, dots, until = text.partition("..")
    if not dots:
        raise UsageError(f"{text!r} is no window: write its first and last day as 2026-01-01..2026-01-31")
    return instant(since, zone, day_ends=False), end_of(until, zone).astimezone(UTC)


def _scope(parts: tuple[str, ...]) -> dict[str, str]:
    pairs = [part.partition("=") for part in parts]
    if wrong := [part for part, (name, sign, value) in zip(parts, pairs, strict=True) if not (name and sign and value)]:
        raise UsageError(f"{wrong[0]!r} is no scope: write DIMENSION=VALUE, such as kind=complaint")
    return {name: value for name, _, value in pairs}


def _aim(aim: "Aim", words: "Words") -> str:
    from engine.analysis.labels import label

    scope = "".join(f" {name}={value}" for name, value in sorted(aim.scope.items()))
    before, after = (f"{words.clock(since)} – {words.clock(until)}" for since, until in (aim.baseline, aim.check))
    name = f"{label(f'kpi.{aim.kpi}', words.language)}{scope}"
    return f"{name}; {words.name('before')} {before}; {words.name('after')} {after}"


def _say_verdict(one: "Verified", words: "Words") -> None:
    from engine.cli.output import say

    kpi, found = one.evidence.aim.kpi, one.evidence
    say(f"  {words.name(one.verdict)}  ({words.party(one.by)}, {words.clock(one.at)})", _STYLES.get(one.verdict, "bold"))
    for key, measured in (("before", found.before), ("after", found.after)):
        say(f"    {words.name(key)}: {_figure(kpi, measured)}")
    if found.difference is not None:
        say(f"    {words.name('difference')}: {' … '.join(signed(kpi, end) for end in found.difference)}")


_STYLES: Mapping[str, str] = {"improved": "bold green", "not_improved": "bold yellow"}


def _figure(kpi: str, one: "Measured") -> str:
    interval = "" if one.low is None or one.high is None else f" ({shown_value(kpi, one.low)} – {shown_value(kpi, one.high)})"
    return f"{shown_value(kpi, one.value)}{interval}, n = {one.n}"


def signed(kpi: str, value: float) -> str:
    """Return a difference with its sign, in the unit of its KPI."""
    return f"{'-' if value < 0 else '+'}{shown_value(kpi, abs(value))}"
