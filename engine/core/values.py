"""What matchers see: the fields of `fields.FIELDS`, read off a ticket, its facts and what the signal brought."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from engine.core.compiled import Policy
from engine.core.conditions import Value
from engine.core.facts import Facts
from engine.core.index import R, Rules
from engine.core.model import Ticket
from engine.core.tracing import Asked, asked

MOST_TOLD: Final = 50
"""Rules of which a decision keeps what was seen, besides the one that holds: a record stays readable, and quick to make."""


class TicketValues:
    """The values of one moment. `extra` are fields only this moment has (`answer.lowest`, `ticket.kind` before there is a ticket).

    Without `now`, what depends on it is missing. `found` keeps the keywords of texts that were searched already.
    """

    def __init__(
        self,
        policy: Policy,
        facts: Facts,
        ticket: Ticket | None,
        text: str | None,
        extra: Mapping[str, Value] | None = None,
        now: datetime | None = None,
        found: dict[str, frozenset[str]] | None = None,
    ) -> None:
        self._policy = policy
        self._fields = {**_ticket_fields(ticket), **_customer_fields(facts), **_call_fields(facts), **(extra or {})}
        self._fields["ticket.text"] = text or None
        if now is not None:
            self._fields |= _timely_fields(policy, facts, ticket, now)
        self._keywords = {} if found is None else found

    def value(self, field: str) -> Value:
        """Return the field's value, None when missing."""
        return self._fields.get(field)

    def keywords(self, field: str) -> frozenset[str] | None:
        """Return the policy's keywords that the text affirms, None when there is no text."""
        text = self._fields.get(field)
        if text is None:
            return None
        words = str(text)
        if words not in self._keywords:
            self._keywords[words] = self._policy.keywords.find(words)
        return self._keywords[words]


def _ticket_fields(ticket: Ticket | None) -> dict[str, Value]:
    if ticket is None:
        return {}
    return {
        "ticket.kind": ticket.kind,
        "ticket.channel": ticket.channel,
        "ticket.impact": ticket.impact,
        "ticket.tier": ticket.tier,
        "ticket.state": ticket.state,
        "ticket.queue": ticket.queue,
        "ticket.language": ticket.language,
        "ticket.assignee": ticket.assignee,
        "ticket.tags": frozenset(ticket.tags),
        "ticket.incident": ticket.incident,
        "ticket.objections": ticket.objections,
        "ticket.reopened": ticket.reopened,
    }


def _customer_fields(facts: Facts) -> dict[str, Value]:
    customer = facts.customer
    kinds = {facts.channels[channel]: address for channel, address in facts.contact.addresses.items() if channel in facts.channels}
    extra: dict[str, Value] = {name: frozenset(held) if isinstance(held, tuple) else held for name, held in facts.extra.items()}
    return extra | {
        "customer.segment": customer.segment if customer else None,
        "customer.language": customer.language if customer else None,
        "customer.known": customer.known if customer else False,
        "customer.phone": kinds.get("phone"),
        "customer.email": kinds.get("email"),
    }


def _timely_fields(policy: Policy, facts: Facts, ticket: Ticket | None, now: datetime) -> dict[str, Value]:
    """What changes as time goes by. A ticket that is being opened is opened now."""
    opened, customer = ticket.opened_at if ticket else now, facts.customer
    found: dict[str, Value] = {"now": now, "ticket.opened_at": opened, "ticket.age": now - opened}
    if customer is None:
        return found
    for name, at in (("customer.since", customer.since), ("customer.last_contact", customer.last_contact_at)):
        found[name] = None if at is None else now - at
    for name, span in policy.spans.items():
        found[name] = sum(now - span <= at for at in customer.tickets)
    return found


def _call_fields(facts: Facts) -> dict[str, Value]:
    call = facts.call
    if call is None:
        return {}
    return {
        "call.direction": call.direction,
        "call.outcome": call.outcome,
        "call.queue": call.queue or None,
        "call.wait": call.wait,
        "call.talk": call.talk,
    }


def first_match(rules: Sequence[R], values: TicketValues) -> tuple[R, Asked]:
    """Return the first rule that holds, and what was seen of the rules.

    Of a long list only the first rules that came near are told, those that failed by one field alone, and the one that holds.
    Raises AssertionError when none holds: the compiler guarantees that the last rule is the default.
    """
    indexed = rules if isinstance(rules, Rules) else Rules(rules)
    position = indexed.position(values)
    if position <= MOST_TOLD:
        return indexed[position], asked(indexed, position, values)
    near = list(islice(indexed.near(values, position), MOST_TOLD))
    return indexed[position], asked([*near, *indexed[position:]], len(near), values)
