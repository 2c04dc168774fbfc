"""What each role may do: one table of role × object × verb, and one function that asks it.

`ALL` is every one, `OWN` what is the person's own: a ticket that they hold or that lies in a queue of theirs; for a lead, in a queue that
they lead or back up. Of reviews, those of the work of people in these queues are a lead's own. A `message` is what a program says in a
customer's name. A person has all the rights of all their roles; everybody of team.yaml but programs is an `agent`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.services import IMPROVEMENT, INCIDENT, REVIEW, Policy, Team, Ticket

ALL, OWN = "all", "own"
Rights: TypeAlias = Mapping[str, Mapping[str, str]]

OBJECTS = (
    "ticket", "message", "customer", "answer", "survey", "kpi", "knowledge", "improvement", "quality", "incident", "policy",
    "news", "operation", "audit",
)  # fmt: skip
VERBS = ("read", "create", "act")

_HOUSE: Mapping[str, str] = {INCIDENT: "incident", REVIEW: "quality", IMPROVEMENT: "improvement"}
"""What the tickets are, by their kind, that the house opens for itself and that are objects of their own."""

_READ_ALL: Mapping[str, str] = {"read": ALL}
_EVERYTHING: Mapping[str, str] = {"read": ALL, "create": ALL, "act": ALL}

_OVERSEES: Rights = {
    "ticket": _EVERYTHING,
    "customer": _READ_ALL,
    "survey": _READ_ALL,
    "news": _READ_ALL,
    "kpi": _READ_ALL,
    "incident": _EVERYTHING,
    "improvement": _EVERYTHING,
    "quality": _EVERYTHING,
}

TABLE: Mapping[str, Rights] = {
    "agent": {
        "ticket": {"read": OWN, "create": ALL, "act": OWN},
        "customer": {"read": OWN},
        "news": {"read": OWN},
        "knowledge": _READ_ALL,
        "policy": _READ_ALL,
    },
    "lead": {
        "ticket": {"read": OWN, "create": ALL, "act": OWN},
        "customer": {"read": OWN},
        "news": {"read": OWN},
        "kpi": _READ_ALL,
        "incident": _READ_ALL,
        "quality": {"read": OWN},
    },
    "supervisor": _OVERSEES,
    "manager": {**_OVERSEES, "audit": _READ_ALL},
    "follow_up": {"answer": {"read": ALL, "act": ALL}, "survey": _READ_ALL},
    "trainer": {"kpi": _READ_ALL, "quality": _EVERYTHING, "survey": _READ_ALL, "improvement": _READ_ALL},
    "product_owner": {"kpi": _READ_ALL, "survey": _READ_ALL, "improvement": _EVERYTHING},
    "operations": {"operation": {"read": ALL, "act": ALL}, "incident": _EVERYTHING, "kpi": _READ_ALL, "news": _READ_ALL},
    "auditor": {one: _READ_ALL for one in OBJECTS if one not in ("answer", "message")},
    "integration": {"ticket": {"read": ALL, "create": ALL}, "message": {"create": ALL}, "news": _READ_ALL, "knowledge": _READ_ALL},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: an agent of team.yaml with their roles, by a session of the console (which has a `csrf` token) or by a token of the API."""

    agent: str
    name: str
    roles: frozenset[str]
    queues: frozenset[str]
    led: frozenset[str]
    csrf: str = ""
    staff: frozenset[str] = frozenset()
    """The people of the queues that are `led`."""


def person_of(agent: str, team: Team, policy: Policy, csrf: str = "") -> Person | None:
    """Return who that is now, None for whom the team does not have any more."""
    known = team.agents.get(agent)
    if known is None:
        return None
    led = frozenset(id for id, queue in policy.queues.items() if agent == queue.lead or agent in queue.backup)
    roles = set(known.roles) | ({"manager"} if agent == team.manager else set()) | ({"lead"} if led else set())
    if "integration" not in roles:
        roles.add("agent")
    staff = frozenset(one.id for one in team.agents.values() if not led.isdisjoint(one.queues))
    return Person(agent, known.name, frozenset(roles), frozenset(known.queues), led, csrf, staff)


def may(person: Person, verb: str, what: str, ticket: Ticket | None = None) -> bool:
    """Whether the person may do it to the object, about this ticket; without a ticket: to any such object at all.

    Whatever is about a follow-up is about the answer that led to it: confidential, whoever holds it. The ticket of an incident is the
    incident too, as those of reviews and of measures are.
    """
    if ticket is not None and ticket.kind == "follow_up":
        what, ticket = "answer", None
    elif what == "ticket" and ticket is not None and ticket.customer is None and may(person, verb, _HOUSE.get(ticket.kind, ""), ticket):
        return True
    rights = {role: TABLE[role].get(what, {}).get(verb) for role in person.roles}
    if ALL in rights.values() or ticket is None:
        return any(rights.values())
    return any(right == OWN and _own(person, role, what, ticket) for role, right in rights.items())


def may_all(person: Person, verb: str, what: str) -> bool:
    """Whether the person may do it to every object of that sort."""
    return any(TABLE[role].get(what, {}).get(verb) == ALL for role in person.roles)


def sight(person: Person) -> str:
    """Return by what the tickets that the person may read differ from those that others may: two of the same sight read the same."""
    every = [what for what in ("ticket", "answer", *_HOUSE.values()) if may_all(person, "read", what)]
    return " ".join(every if "ticket" in every else [person.agent, *every])


def allowed(person: Person, verb: str, what: str, tickets: Iterable[Ticket]) -> list[Ticket]:
    """Return those of the tickets that the person may do it about."""
    return [ticket for ticket in tickets if may(person, verb, what, ticket)]


def _own(person: Person, role: str, what: str, ticket: Ticket) -> bool:
    if what == "quality" and ticket.review is not None:
        return ticket.review.agent in person.staff
    return ticket.assignee == person.agent or ticket.queue in (person.led if role == "lead" else person.queues)
