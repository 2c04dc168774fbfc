"""What the policy says of how long personal data are kept, compiled."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec import Struct

from engine.core.conditions import Source
from engine.core.schedule import Schedule

DELETE, PSEUDONYMISE, ARCHIVE = "delete", "pseudonymise", "archive"

_EITHER = (DELETE, ARCHIVE)

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": (DELETE, PSEUDONYMISE),
    "ticket.texts": _EITHER,
    "ticket.contact": (DELETE,),
    "ticket.attachments": (DELETE,),
    "ticket.decisions": _EITHER,
    "message.addresses": _EITHER,
    "inbox.items": _EITHER,
    "errors": (DELETE,),
    "feedback.texts": _EITHER,
    "survey.suggestions": _EITHER,
    "audit": _EITHER,
    "files.unread": (DELETE,),
    "files.reports": (DELETE,),
    "files.backups": (DELETE,),
    "files.archive": (DELETE,),
}
"""Where personal data lie, and what may be done with them when their time is over."""


class RetentionRule(Struct, frozen=True):
    """What is in the place `what` is kept for `after`; then `do` is done with it."""

    id: str
    source: Source
    what: str
    after: timedelta
    do: str


class Retention(Schedule, frozen=True):
    """The rules in the order in which they run at those times."""

    rules: tuple[RetentionRule, ...]
