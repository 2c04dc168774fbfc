"""Who may sign in, what programs asked, and what happened to tickets, as the store keeps and tells it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Who may sign in: the password as Argon2 keeps it, None where none was set; since when nobody may."""

    agent: str
    password: str | None = None
    locked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A `session` of an agent, or a `token` of a program that acts as one, by the hash of its secret."""

    hash: str
    kind: str
    agent: str
    name: str
    at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """What a program asked under a key of its own, by hashes of both, and what it was answered."""

    id: str
    asked: str
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewsRow:
    """A decision that changed a ticket: by which signal, up to which `seq`, and the types of its events."""

    id: int
    at: datetime
    ticket: str
    signal: str
    seq: int
    events: tuple[str, ...]
