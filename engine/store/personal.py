"""What of the stored is personal: where it lies, whose it is, what must be kept, and who was erased."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

PersonalRow: TypeAlias = Mapping[str, str | int | float | bytes | None]
"""What one row holds that is personal, by column, its key first; `ticket` and `customer` say whose it is, as far as that is known."""


def files_of(kind: str, body: str) -> set[str]:
    """Return the hashes of the files that a content names: one that came with a message, or those that go with one."""
    if kind == "attachment":
        return {body.partition(" ")[0]}
    return {hash for hash, *_ in json.loads(body).get("kept", ())} if kind == "enclosed" else set()


class Whose(Struct, frozen=True):
    """What is to be found of a customer: what is of these `tickets`, and the inbox `items` that no ticket was opened for."""

    customer: str
    tickets: tuple[str, ...]
    items: tuple[int, ...] = ()


class HoldRow(Struct, frozen=True):
    """A customer or a ticket (`subject`) that must be kept for a `reason`, since when and by whose word."""

    subject: str
    at: datetime
    by: str
    reason: str


class OptOutRow(Struct, frozen=True):
    """An address that wants nothing automatic over a channel, since when."""

    channel: str
    address: str
    at: datetime


class AuditRow(Struct, frozen=True):
    """What somebody did with something confidential or personal: looked at it, put it on hold, exported, erased it. `about` is the
    follow-up, customer, ticket or rule of retention that it was about.
    """

    at: datetime
    who: str
    what: str
    about: str
    reason: str | None = None
