"""What matchers see: the fields of `fields.FIELDS`, read off a ticket, its facts and what the signal brought."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from engine.core.compiled import Policy
from engine.core.conditions import Value
from engine.core.facts import Facts
from engine.core.index import R, Rules
from engine.core.model import Ticket
from engine.core.tracing import Trace, trace

MOST_TOLD: Final = 50
"""Rules of which a decision keeps what was seen, besides the one that holds: a record stays readable, and quick to make."""


class TicketValues:
    """The values of one moment. `extra` are fields only this moment has (`answer.lowest`, `ticket.kind` before there is a ticket)."""

    def __init__(
        self, policy: Policy, facts: Facts, ticket: Ticket | None, text: str | None, extra: Mapping[str, Value] | None = None
    ) -> None:
        self._policy = policy
        self._fields = {**_ticket_fields(ticket), **_customer_fields(facts), **_call_fields(facts), **(extra or {})}
        self._fields["ticket.text"] = text or None
        self._keywords: frozenset[str] | None = None

    def value(self, field: str) -> Value:
        """Return the field's value, None when missing."""
        return self._fields.get(field)

    def keywords(self, field: str) -> frozenset[str] | None:
        """Return the policy's keywords that the text affirms, None when there is no text."""
        text = self._fields.get(field)
        if text is None:
            return None
        if self._keywords is None:
            self._keywords = self._policy.keywords.find(str(text))
        return self._keywords


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
    }


def _customer_fields(facts: Facts) -> dict[str, Value]:
    customer = facts.customer
    kinds = {facts.channels[channel]: address for channel, address in facts.contact.addresses.items() if channel in facts.channels}
    return {
        "customer.segment": customer.segment if customer else None,
        "customer.known": customer.known if customer else False,
        "customer.phone": kinds.get("phone"),
        "customer.email": kinds.get("email"),
    }


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


def first_match(rules: Sequence[R], values: TicketValues) -> tuple[R, tuple[tuple[str, Trace], ...]]:
    """Return the first rule that holds, and what was seen of each rule that was asked, in order.

    Of a long list only the first rules that came near are told, those that failed by one field alone, and the one that holds.
    Raises AssertionError when none holds: the compiler guarantees that the last rule is the default.
    """
    indexed = rules if isinstance(rules, Rules) else Rules(rules)
    position = indexed.position(values)
    asked: Iterable[R] = indexed[: position + 1]
    if position > MOST_TOLD:
        asked = [*islice(indexed.near(values, position), MOST_TOLD), indexed[position]]
    return indexed[position], tuple((rule.id, trace(rule.when, values)) for rule in asked if rule.when is not None)
