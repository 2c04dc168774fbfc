"""What matchers see: the fields of `fields.FIELDS`, read off a ticket, its facts and what the signal brought."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from engine.core.compiled import Policy
from engine.core.conditions import Value, Values
from engine.core.facts import CallFacts, Facts
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
        self._policy, self._facts, self._ticket, self._now = policy, facts, ticket, now
        self._fields: dict[str, Value] = {"ticket.text": text or None, **(extra or {})}
        self._keywords = {} if found is None else found

    def value(self, field: str) -> Value:
        """Return the field's value, None when missing."""
        if field not in self._fields:
            self._fields[field] = self._read(field)
        return self._fields[field]

    def _read(self, field: str) -> Value:
        """Most fields are asked by nobody on most occasions, so each is read when it is."""
        facts, ticket = self._facts, self._ticket
        if ticket is not None and field in _OF_TICKET:
            found: Value = getattr(ticket, _OF_TICKET[field])
            return frozenset(ticket.tags) if field == "ticket.tags" else found
        what, _, name = field.partition(".")
        if what == "call":
            return _of_call(facts.call, name) if facts.call else None
        if field in facts.extra:
            held = facts.extra[field]
            return frozenset(held) if isinstance(held, tuple) else held
        if self._now is not None and (field in _TIMELY or field in self._policy.spans):
            return _timely(field, self._policy, facts, ticket, self._now)
        return _of_customer(facts, name) if what == "customer" else None

    def keywords(self, field: str) -> frozenset[str] | None:
        """Return the policy's keywords that the text affirms, None when there is no text."""
        text = self.value(field)
        if text is None:
            return None
        words = str(text)
        if words not in self._keywords:
            self._keywords[words] = self._policy.keywords.find(words)
        return self._keywords[words]


_NAMES = ("kind", "channel", "impact", "tier", "state", "queue", "language", "assignee", "tags", "incident", "objections", "reopened")
_OF_TICKET: Final = {f"ticket.{name}": name for name in _NAMES}
_TIMELY: Final = ("now", "ticket.opened_at", "ticket.age", "customer.since", "customer.last_contact")


def _of_customer(facts: Facts, name: str) -> Value:
    customer = facts.customer
    if name in ("phone", "email"):
        addresses = [address for channel, address in facts.contact.addresses.items() if facts.channels.get(channel) == name]
        return addresses[-1] if addresses else None
    if name == "known":
        return customer.known if customer else False
    return getattr(customer, name) if customer and name in ("segment", "language") else None


def _timely(field: str, policy: Policy, facts: Facts, ticket: Ticket | None, now: datetime) -> Value:
    """What changes as time goes by. A ticket that is being opened is opened now."""
    opened, customer = ticket.opened_at if ticket else now, facts.customer
    if field in ("now", "ticket.opened_at"):
        return now if field == "now" else opened
    if field == "ticket.age":
        return now - opened
    if customer is None:
        return None
    if field in policy.spans:
        span = policy.spans[field]
        return sum(now - span <= at for at in customer.tickets)
    at = customer.since if field == "customer.since" else customer.last_contact_at
    return None if at is None else now - at


def _of_call(call: CallFacts, name: str) -> Value:
    found: Value = getattr(call, name)
    return found or None if name == "queue" else found


def first_match(rules: Sequence[R], values: TicketValues) -> tuple[R, Asked]:
    """Return the first rule that holds, and what was seen of the rules.

    Of a long list only the first rules that came near are told, those that failed by one field alone, and the one that holds.
    Raises AssertionError when none holds: the compiler guarantees that the last rule is the default.
    """
    indexed = rules if isinstance(rules, Rules) else Rules(rules)
    return indexed.remembered(_first_match, values)


def _first_match(rules: Rules[R], values: Values) -> tuple[R, Asked]:
    position = rules.position(values)
    if position <= MOST_TOLD:
        return rules[position], asked(rules, position, values)
    near = list(islice(rules.near(values, position), MOST_TOLD))
    return rules[position], asked([*near, *rules[position:]], len(near), values)
