"""The registry of fields that matchers may ask; the JSON Schema of matchers is made from it."""

from engine.core.conditions import Field, FieldType

NEEDS = ("inquiry", "complaint", "after_sales", "suggestion", "care", "incident")
"""Kinds of need a customer may have."""

WORK = ("call_back", "task", "follow_up")
"""Kinds of ticket that the house opens for itself."""

KINDS = NEEDS + WORK
IMPACTS = ("none", "degraded", "outage", "safety")
STATES = ("new", "in_progress", "waiting_customer", "on_hold", "resolved", "confirmed", "unconfirmed", "closed")
OPEN_STATES = STATES[:5]
OUTCOMES = ("answered", "abandoned", "no_answer", "busy", "failed")

_C, _T = FieldType.CHOICE, FieldType.TEXT

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("ticket.kind", _C, KINDS),
        Field("ticket.channel", _C),
        Field("ticket.text", _T, personal=True),
        Field("ticket.impact", _C, IMPACTS),
        Field("ticket.tier", _C),
        Field("ticket.state", _C, STATES),
        Field("ticket.queue", _C),
        Field("ticket.language", _C),
        Field("customer.segment", _C),
        Field("customer.known", FieldType.FLAG),
        Field("customer.phone", FieldType.STRING, personal=True),
        Field("customer.email", FieldType.STRING, personal=True),
        Field("call.direction", _C, ("inbound", "outbound")),
        Field("call.outcome", _C, OUTCOMES),
        Field("call.queue", FieldType.STRING),
        Field("call.wait", FieldType.DURATION),
        Field("call.talk", FieldType.DURATION),
        Field("answer.lowest", FieldType.NUMBER),
    )
}
