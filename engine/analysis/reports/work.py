"""What a report says of the house's own work: what was missed, measures and whether they worked, alerts, incidents, what comes next."""

from collections.abc import Iterator
from datetime import datetime

from engine.analysis.board import ticket_at
from engine.analysis.labels import label
from engine.analysis.reports.material import Material
from engine.analysis.texts import moment
from engine.core.events import ImprovementVerified
from engine.core.fields import ALERT, IMPROVEMENT, INCIDENT
from engine.core.improvements import IMPROVED, TOO_EARLY, Improvement, Measured
from engine.core.lifecycle import ENDED
from engine.core.model import Ticket
from engine.documents import Cell, Chart, Section, Series, Table
from engine.policy import phrases

_TONES = {IMPROVED: "good", TOO_EARLY: "quiet"}
_PAGE = 1_000


def missed(material: Material) -> Iterator[Section]:
    """The promises that were broken or are overdue: whose each is, how late, how often it was escalated."""
    rows = tuple(
        (
            Cell(one.ticket.number),
            Cell(material.part("deadline", one.kind)),
            Cell(material.part("tier", one.ticket.tier or "")),
            Cell(material.part("queue", one.ticket.queue or "")),
            Cell(material.person(one.ticket.assignee)),
            Cell(moment(one.due, material.period.timezone)),
            Cell(phrases.duration((one.ended or material.until) - one.due, material.language)),
            Cell(str(one.escalations), one.escalations, "count"),
            Cell(material.say("done" if one.ended else "late"), tone="quiet" if one.ended else "bad"),
        )
        for one in material.missed
    )
    heads = ("number", "deadline", "tier", "queue", "agent", "due", "late", "escalated", "state")
    table = Table(material.say("missed.table"), tuple(material.say(f"head.{one}") for one in heads), rows, material.say("missed.note"))
    yield Section(material.say("missed"), (table,) if rows else (material.say("missed.none"),))


def measures(material: Material) -> Iterator[Section]:
    """The measures that were open in the period, or judged in it: whose, by when, and whether the figures show that they worked."""
    rows = []
    for ticket, log in material.logs(IMPROVEMENT):
        verdicts = [(kept.at, kept.event) for kept in log if isinstance(kept.event, ImprovementVerified)]
        judged = verdicts and material.holds(verdicts[-1][0])
        if ticket.state in ENDED and not material.holds(ticket.closed_at) and not judged:
            continue
        verdict = _verdict(material, verdicts[-1][1]) if verdicts else (Cell("–", tone="quiet"),) * 2
        due = _due(ticket)
        late = ticket.state not in ENDED and due is not None and due < material.until
        rows.append(
            (
                Cell(material.body(ticket.description) or "–"),
                Cell(label(f"category.{kind}", material.language) if (kind := _planned(ticket).category) else "–"),
                Cell(material.person(ticket.assignee)),
                Cell(material.day(due), tone="bad" if late else ""),
                Cell(material.say("done" if ticket.state in ENDED else "late" if late else "open"), tone="bad" if late else "quiet"),
                *verdict,
            )
        )
    headings = tuple(material.say(f"head.{one}") for one in ("measure", "kind", "owner", "due", "state", "moved", "verdict"))
    table = Table(material.say("measures.table"), headings, tuple(rows), material.say("measures.note"))
    yield Section(material.say("measures"), (table,) if rows else (material.say("measures.none"),))


def alerts(material: Material) -> Iterator[Section]:
    """The alerts that stood in the period."""
    rows = [
        (
            Cell(ticket.number),
            Cell(material.body(ticket.description) or "–"),
            Cell(material.day(ticket.opened_at)),
            Cell(material.day(ticket.closed_at), tone="quiet") if ticket.state in ENDED else Cell(material.say("stands"), tone="bad"),
        )
        for ticket, _ in material.logs(ALERT)
        if ticket.state not in ENDED or material.holds(ticket.closed_at)
    ]
    headings = tuple(material.say(f"head.{one}") for one in ("number", "alert", "since", "until"))
    table = Table(material.say("alerts.table"), headings, tuple(rows))
    yield Section(material.say("alerts"), (table,) if rows else (material.say("alerts.none"),))


def incidents(material: Material) -> Iterator[Section]:
    """The incidents of the period: how long each lasted and how many tickets it took in."""
    rows, sizes = [], {}
    for ticket, _ in material.logs(INCIDENT):
        if not ticket.is_incident or (ticket.state in ENDED and not material.holds(ticket.closed_at)):
            continue
        members = _members(material, ticket.number)
        sizes[ticket.number] = float(members)
        lasted = (ticket.closed_at or material.until) - ticket.opened_at
        rows.append(
            (
                Cell(ticket.number),
                Cell(material.body(ticket.description) or "–"),
                Cell(material.part("tier", ticket.tier or "")),
                Cell(material.day(ticket.opened_at)),
                Cell(phrases.duration(lasted, material.language), lasted.total_seconds(), "duration", "" if ticket.closed_at else "bad"),
                Cell(str(members), float(members), "count"),
                Cell(label(f"state.{ticket.state}", material.language)),
            )
        )
    headings = tuple(material.say(f"head.{one}") for one in ("number", "incident", "tier", "since", "lasted", "tickets", "state"))
    chart = Chart(
        "bars", material.say("incidents.chart"), "count", tuple(sizes), (Series(material.say("head.tickets"), tuple(sizes.values())),)
    )
    blocks = (chart, Table(material.say("incidents.table"), headings, tuple(rows)))
    yield Section(material.say("incidents"), blocks if rows else (material.say("incidents.none"),))


def plan(material: Material) -> Iterator[Section]:
    """What comes next: measures to be carried out and verified, alerts that stand, and flagged KPIs that nobody works on yet."""
    following = material.period.before(-1)
    rows: list[tuple[Cell, ...]] = []
    aimed = set()
    for ticket, _ in material.logs(IMPROVEMENT):
        improvement = _planned(ticket)
        aimed |= {improvement.aim.kpi} if improvement.aim and ticket.state not in ENDED else set()
        owner, what = Cell(material.person(ticket.assignee)), material.body(ticket.description) or ticket.number
        if ticket.state not in ENDED:
            why = material.say(f"plan.{improvement.verdict or TOO_EARLY}")
            rows.append((Cell(what), Cell(why), owner, Cell(material.day(_due(ticket)))))
        if improvement.aim and following.since <= improvement.aim.check[1] <= following.until and improvement.verdict in (None, TOO_EARLY):
            kpi = material.kpi(improvement.aim.kpi)
            rows.append((Cell(what), Cell(material.say("plan.verify", kpi=kpi)), owner, Cell(material.day(improvement.aim.check[1]))))
    for name in material.known:
        now = material.now(name)
        if now is not None and now.standing == "flagged" and name not in aimed:
            values = {"value": material.amount(name, now.value), "target": material.amount(name, now.goal.target if now.goal else None)}
            what = material.kpi(name)
            rows.append(
                (Cell(what), Cell(material.say("plan.flagged", **values), tone="bad"), Cell("–", tone="quiet"), Cell(following.name))
            )
    for ticket, _ in material.logs(ALERT):
        if ticket.state not in ENDED:
            what = material.body(ticket.description) or ticket.number
            rows.append(
                (
                    Cell(what),
                    Cell(material.say("plan.alert"), tone="warning"),
                    Cell(material.person(ticket.assignee)),
                    Cell(material.day(_due(ticket))),
                )
            )
    headings = tuple(material.say(f"head.{one}") for one in ("what", "why", "owner", "due"))
    table = Table(material.say("plan.table", period=following.name), headings, tuple(rows))
    yield Section(material.say("plan"), (table,) if rows else (material.say("plan.none"),))


def verdicts(material: Material) -> tuple[int, int]:
    """Return how many measures were judged in the period, and how many of them had improved their KPI."""
    last = [
        events[-1].verdict
        for _, log in material.logs(IMPROVEMENT)
        if (events := [kept.event for kept in log if isinstance(kept.event, ImprovementVerified) and material.holds(kept.at)])
        and events[-1].verdict != TOO_EARLY
    ]
    return len(last), last.count(IMPROVED)


def _verdict(material: Material, event: ImprovementVerified) -> tuple[Cell, Cell]:
    kpi, found = event.evidence.aim.kpi, event.evidence
    before, after = (_measured(material, kpi, one) for one in (found.before, found.after))
    moved = f"{label(f'kpi.{kpi}', material.language)}: {before} → {after}"
    return Cell(moved), Cell(label(f"verdict.{event.verdict}", material.language), tone=_TONES.get(event.verdict, "warning"))


def _measured(material: Material, kpi: str, one: Measured) -> str:
    return f"{material.amount(kpi, one.value)} (n = {one.n})"


def _planned(ticket: Ticket) -> Improvement:
    return ticket.improvement or Improvement()


def _due(ticket: Ticket) -> datetime | None:
    return min((clock.due for clock in ticket.deadlines.values() if clock.running and clock.due), default=ticket.due)


def _members(material: Material, number: str) -> int:
    """How many tickets belonged to the incident at the end."""
    count, after = 0, ""
    while page := material.reader.members(number, after, _PAGE):
        then = (ticket_at(material.reader.events(member), material.until) for member in page)
        count, after = count + sum(one is not None and one.incident == number for one in then), page[-1]
    return count
