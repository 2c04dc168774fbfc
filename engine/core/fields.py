"""The registry of fields that matchers may ask; the JSON Schema of matchers is made from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from engine.core.conditions import Field, FieldType

NEEDS = ("inquiry", "complaint", "after_sales", "suggestion", "care", "incident")
"""Kinds of need a customer may have."""

SURVEY = "survey"
"""The kind of ticket that stands for a survey nobody's need led to; it is over when it is opened."""

ALERT = "alert"
"""The kind of ticket that stands as long as a KPI misses its target or complaints come in a cluster."""

IMPROVEMENT = "improvement"
"""The kind of ticket that is a measure of improvement: work with an owner, a due date, and figures that it should move."""

REVIEW = "review"
"""The kind of ticket that is a review of the quality of work: it asks for a score."""

WORK = ("call_back", "task", "follow_up", "approval", ALERT, IMPROVEMENT, REVIEW, SURVEY)
"""Kinds of ticket that the house opens for itself."""

INCIDENT = "incident"
"""The kind of ticket to which others may belong; one without a customer is an incident of the house, not a report of one."""

KINDS = NEEDS + WORK
IMPACTS = ("none", "degraded", "outage", "safety")
STATES = ("new", "in_progress", "waiting_customer", "waiting_supplier", "on_hold", "resolved", "confirmed", "unconfirmed", "closed")
OPEN_STATES = STATES[:6]
OUTCOMES = ("answered", "abandoned", "no_answer", "busy", "failed")

_C, _T = FieldType.CHOICE, FieldType.TEXT

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("ticket.kind", _C, KINDS),
        Field("ticket.channel", _C),
        Field("ticket.text", _T, personal=True),
        Field("ticket.subject", _T, personal=True),
        Field("ticket.wish", _T, personal=True),
        Field("ticket.impact", _C, IMPACTS),
        Field("ticket.tier", _C),
        Field("ticket.state", _C, STATES),
        Field("ticket.queue", _C),
        Field("ticket.language", _C),
        Field("ticket.assignee", _C),
        Field("ticket.tags", FieldType.LABELS),
        Field("ticket.incident", FieldType.STRING),
        Field("ticket.objections", FieldType.NUMBER),
        Field("ticket.reopened", FieldType.NUMBER),
        Field("ticket.opened_at", FieldType.INSTANT),
        Field("ticket.age", FieldType.DURATION),
        Field("customer.segment", _C),
        Field("customer.known", FieldType.FLAG),
        Field("customer.language", _C),
        Field("customer.since", FieldType.DURATION),
        Field("customer.last_contact", FieldType.DURATION),
        Field("customer.tickets", FieldType.NUMBER, counted=True),
        Field("customer.phone", FieldType.STRING, personal=True),
        Field("customer.email", FieldType.STRING, personal=True),
        Field("call.direction", _C, ("inbound", "outbound")),
        Field("call.outcome", _C, OUTCOMES),
        Field("call.queue", FieldType.STRING),
        Field("call.wait", FieldType.DURATION),
        Field("call.talk", FieldType.DURATION),
        Field("answer.lowest", FieldType.NUMBER),
        Field("now", FieldType.INSTANT),
    )
}

Extra: TypeAlias = str | int | float | bool | tuple[str, ...]
"""What a plugin's field may hold: text, a number, true or false, labels."""

EXTRA_TYPES = (FieldType.CHOICE, FieldType.STRING, FieldType.NUMBER, FieldType.FLAG, FieldType.LABELS)


class FieldSource(Struct, frozen=True):
    """A field about customers that a plugin supplies: `name` is in a namespace of its own (`crm.level`), `choices` are its known values.

    `read` gets the customer's id and normalised addresses by kind (`email`, `phone`), and returns the value, None where there is none:
    text for a choice or string, an int or float for a number, a bool for a flag, a collection of texts for labels. It is called while
    a ticket is decided and must answer within a second; the value is kept with the decision and so must not be personal.
    """

    name: str
    type: FieldType
    read: Callable[[str, Mapping[str, Sequence[str]]], object]
    choices: tuple[str, ...] = ()


class Predicate(Struct, frozen=True):
    """A question about a text that a plugin answers, for `satisfies: NAME`. `test` must be a pure function of the text, and quick."""

    name: str
    test: Callable[[str], bool]
