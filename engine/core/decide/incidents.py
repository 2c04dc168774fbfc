"""Incidents: one outage, many tickets. An incident is a ticket of the house's own to which those of customers belong.

What it has to say goes to its tickets page by page: each page is a timer of the incident, and so a transaction of its own. A customer
with several tickets in it hears of it once.
"""

from engine.core import events as e
from engine.core.alerts import AlertRule
from engine.core.commands import CancelTimers, Raise, StartTimer
from engine.core.conditions import Values
from engine.core.decide import alerts
from engine.core.draft import Draft, Refusal
from engine.core.fields import INCIDENT
from engine.core.grouping import IncidentGroup
from engine.core.index import Rules
from engine.core.lifecycle import ANY_OPEN
from engine.core.messages import notify, owner, send
from engine.core.model import CUSTOMER, SYSTEM
from engine.core.routing import route
from engine.core.signals import AgentActed, IncidentSought, IncidentSpoke, TicketRequested
from engine.core.tracing import NOTHING, Asked, asked, show
from engine.core.values import first_match

OPENED, UPDATE, RECOVERED, CANCELLED = "opened", "update", "recovered", "cancelled"
NEWS_TIMER = "incident/news"
TOLD_ONCE = "told_once"
"""Why a ticket's customer is not written to: they hear of the incident through another ticket of theirs."""


def page_key(occasion: str, content: str | None = None, after: str | None = None) -> str:
    """Return the key of the timer that tells the tickets after that one: what it is about, and in which words."""
    return f"incident/{occasion}/{content or '-'}/{after or '-'}"


def page_of(key: str) -> tuple[str, str] | None:
    """Return the occasion and the ticket (or an empty text) after which the page of a timer begins, None if it is no such timer."""
    match key.split("/"):
        case ["incident", occasion, _, after]:
            return occasion, after.strip("-")
    return None


def group_of(draft: Draft, alike: str | None) -> IncidentGroup | None:
    """Return the group of tickets that are alike, None where the policy does not have it."""
    id = (alike or "").partition("/")[0]
    return next((group for group in draft.policy.groups if group.id == id), None)


def suspect(draft: Draft) -> None:
    """Let a ticket that fits a group look for others like it. What an automat sent does not: it would be answered (RFC 3834)."""
    values = draft.values()
    group, seen = draft.policy.groups.remembered(_first_held, values)
    if group is None or draft.automatic or draft.ticket.customer is None:
        return
    alike = "/".join([group.id, *(str(values.value(field) or "-") for field in group.same)])
    draft.because(f"may be an incident: {group.id}", group.id, group.source, {"alike": alike}, seen)
    draft.record(e.IncidentSuspected(group.id, alike))
    draft.want(Raise(IncidentSought(draft.ticket.number), draft.facts.depth))


def _first_held(groups: Rules[IncidentGroup], values: Values) -> tuple[IncidentGroup | None, Asked]:
    group = next(iter(groups.matches(values)), None)
    return group, asked([group], 0, values) if group else NOTHING


def sought(draft: Draft, signal: IncidentSought) -> None:
    """Join the incident that is open, or open one when enough tickets came within the window."""
    ticket, group, count = draft.ticket, group_of(draft, draft.ticket.alike), len(draft.facts.members)
    rules = draft.policy.incidents
    if group is None or rules is None or ticket.incident is not None:
        raise Refusal(f"ticket {ticket.number} looks for no incident")
    if group.alert is not None:
        _clustered(draft, group, group.alert, ticket.alike or "")
        return
    values = {"alike": ticket.alike or "", "tickets": str(count), "minimum": str(group.minimum), "window": str(group.window)}
    if draft.facts.incident is not None:
        draft.because(f"joins incident {draft.facts.incident.number}", group.id, group.source, values)
        _join(draft, SYSTEM)
    elif count < group.minimum:
        draft.because("no incident yet", group.id, group.source, values)
        draft.idle = True
    else:
        draft.because("opens an incident", group.id, group.source, values)
        language = draft.policy.company.languages[0]
        request = TicketRequested(
            kind=INCIDENT,
            queue=group.queue or rules.queue,
            text=draft.policy.text(group.label, language),
            channel=ticket.channel,
            language=language,
            rule=group.id,
            source=group.source,
            alike=ticket.alike,
        )
        draft.want(Raise(request, draft.facts.depth))


def _clustered(draft: Draft, group: IncidentGroup, rule: AlertRule, alike: str) -> None:
    """Raise the alert of a cluster, unless it stands."""
    values = alerts.counted(draft, group)
    if draft.facts.incident is not None:
        draft.because(f"the alert {draft.facts.incident.number} stands", group.id, group.source, values)
        draft.idle = True
    elif not alerts.clustered(draft, group):
        draft.because("no cluster yet", group.id, group.source, values)
        draft.idle = True
    else:
        draft.because("raises an alert", group.id, group.source, values)
        count, before = draft.facts.counted
        words = {
            language: f"{draft.policy.text(group.label, language)}: {count}/{show(group.window)}"
            + (f" ({before}/{show(group.baseline)})" if group.baseline else "")
            for language in draft.policy.company.languages
        }
        alerts.request(draft, rule, alike, words, group.id, group.source)


def opened(draft: Draft, signal: TicketRequested) -> None:
    """Open an incident. It takes in the tickets that are alike, or the one that asked for it."""
    group, rules = group_of(draft, signal.alike), draft.policy.incidents
    description = draft.keep_if("description", signal.text)
    tier = (group.tier if group else None) or (rules.tier if rules else None)
    draft.record(
        e.TicketOpened(
            number=draft.facts.number,
            kind=INCIDENT,
            channel=signal.channel,
            language=signal.language,
            description=description,
            tier=tier or first_match(draft.policy.tiers, draft.values({"ticket.kind": INCIDENT}))[0].id,
            by=signal.actor,
            alike=signal.alike,
        )
    )
    route(draft, signal.queue or (rules.queue if rules else None))
    tell_again(draft)
    if signal.alike is not None:
        draft.want(StartTimer(page_key(OPENED), draft.now))
    elif signal.parent is not None:
        draft.want(Raise(IncidentSpoke(signal.parent, draft.ticket.number, OPENED), draft.facts.depth))


def update(draft: Draft, content: str | None, by: str) -> None:
    """Tell the customers of the incident how far it is, and again after the time that the policy says."""
    draft.record(e.IncidentUpdated(draft.ticket.number, content, by))
    draft.want(StartTimer(page_key(UPDATE, content), draft.now))
    tell_again(draft)


def tell_again(draft: Draft) -> None:
    """Let the customers hear again after the time that the policy says."""
    if (rules := draft.policy.incidents) is not None:
        draft.want(StartTimer(NEWS_TIMER, draft.now + rules.every))


def recover(draft: Draft, content: str, by: str) -> None:
    """End the incident: every ticket of it gets its result, and its customer is asked to confirm it."""
    draft.record(e.IncidentRecovered(draft.ticket.number, content, by))
    _end(draft, RECOVERED, content, by)


def cancel(draft: Draft, content: str, by: str) -> None:
    """End what was none: its tickets are worked on by themselves again."""
    _end(draft, CANCELLED, content, by)


def _end(draft: Draft, occasion: str, content: str, by: str) -> None:
    draft.record(e.TicketClosed("closed", by, content))
    draft.want(CancelTimers("incident"))
    draft.want(StartTimer(page_key(occasion, content), draft.now))


def fired(draft: Draft, key: str) -> None:
    """Tell the next page of the incident's tickets, or that there is no news."""
    if key == NEWS_TIMER:
        update(draft, None, SYSTEM)
        return
    _, occasion, content, _ = key.split("/")
    number, words = draft.ticket.number, None if content == "-" else content
    for member in draft.facts.members:
        draft.want(Raise(IncidentSpoke(member, number, occasion, words), draft.facts.depth))
    if draft.facts.members:
        draft.want(StartTimer(page_key(occasion, words, draft.facts.members[-1]), draft.now))


def joined(draft: Draft, signal: AgentActed) -> None:
    """Put a ticket into an incident by hand."""
    if draft.facts.incident is None:
        raise Refusal(f"there is no incident {signal.target!r}")
    _join(draft, signal.actor)


def left(draft: Draft, signal: AgentActed) -> None:
    """Take a ticket out of its incident by hand."""
    if draft.ticket.incident is None:
        raise Refusal(f"ticket {draft.ticket.number} belongs to no incident")
    draft.record(e.LeftIncident(draft.ticket.incident, signal.actor))


def spoke(draft: Draft, signal: IncidentSpoke) -> None:
    """Let the ticket hear what its incident says, and its customer, unless they hear it through another ticket of theirs."""
    ticket, number = draft.ticket, signal.incident
    if signal.occasion == OPENED:
        _join(draft, SYSTEM)
        return
    if ticket.incident != number or ticket.state not in ANY_OPEN:
        raise Refusal(f"ticket {ticket.number} is {ticket.state} and awaits nothing of incident {number}")
    if signal.occasion == UPDATE:
        draft.record(e.IncidentUpdated(number, signal.content))
        others = draft.facts.incident.others if draft.facts.incident else ()
        _tell(draft, UPDATE, signal.content, silent=min(others, default=ticket.number) < ticket.number)
    elif signal.occasion == RECOVERED:
        draft.record(e.IncidentRecovered(number, signal.content))
        draft.record(e.ResultReported(draft.keep("result", draft.text_of(signal.content)), SYSTEM))
        if not _tell(draft, RECOVERED, signal.content):
            notify(draft, "undelivered", owner(draft), {"message": {"text": ""}})
    else:
        draft.record(e.LeftIncident(number))


def _join(draft: Draft, by: str) -> None:
    ticket, incident = draft.ticket, draft.facts.incident
    if incident is None or not incident.open:
        raise Refusal("the incident is over")
    if ticket.is_incident or ticket.incident == incident.number:
        raise Refusal(f"ticket {ticket.number} cannot join incident {incident.number}: it is one, or belongs to it already")
    draft.record(e.JoinedIncident(incident.number, by))
    _tell(draft, OPENED, incident.news, silent=bool(incident.others))


def _tell(draft: Draft, occasion: str, content: str | None, *, silent: bool = False) -> bool:
    """Send the policy's script for the occasion; return whether it is on its way."""
    rules, incident = draft.policy.incidents, draft.facts.incident
    if rules is None or incident is None or (script := rules.scripts.get(occasion)) is None:
        return False
    if silent:
        draft.record(e.MessageSuppressed(CUSTOMER, script, TOLD_ONCE))
        return False
    group = group_of(draft, incident.alike)
    title = draft.policy.text(group.label, draft.ticket.language) if group else draft.text_of(incident.title)
    words: dict[str, object] = {
        "number": incident.number,
        "title": title,
        "opened_at": incident.opened_at,
        "text": draft.text_of(content),
        "next_at": draft.now + rules.every,
    }
    return send(draft, script, CUSTOMER, {"incident": words})
