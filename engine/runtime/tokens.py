"""Thread tokens: what a message carries so that its answer finds its ticket, signed so that nobody can make one up; and links to the page
that a customer has of a ticket.

A token is `NUMBER.PARTY.SIGNATURE` in lower case: letters, digits, dots and hyphens only, as mail addresses and subjects survive them,
and short enough for a mail address (RFC 5321, 64 octets). PARTY is `c` for the customer; an agent's id may be in any script and of any
length, so 40 bits of its SHA-256 stand for it. The signature is HMAC-SHA-256 (RFC 2104) cut to 130 bits. A link ends in `NUMBER.SIGNATURE`,
which is good for the page alone: no mail is believed for it.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from engine.core.model import CUSTOMER

PAGES = "/r"
"""Where under the public address the customers' pages are."""

_SIGNATURE_LENGTH = 26


class Tokens:
    """Makes and verifies tokens with one installation's key. Links begin with the public `address`; without one there are none."""

    def __init__(self, key: bytes, agents: Iterable[str], address: str = "") -> None:
        self._key = key
        self._address = address
        self._parties = {_spell(agent): agent for agent in agents} | {"c": CUSTOMER}

    def among(self, agents: Iterable[str]) -> "Tokens":
        """Return the same installation's tokens for other people."""
        return Tokens(self._key, agents, self._address)

    def make(self, ticket: str, party: str) -> str:
        """Return the token of this ticket for this party."""
        body = f"{ticket}.{'c' if party == CUSTOMER else _spell(party)}"
        return f"{body}.{self._sign(body)}"

    def read(self, token: str) -> tuple[str, str] | None:
        """Return the ticket and the party a token proves, None if it is not one of ours."""
        body, _, signature = token.casefold().rpartition(".")
        if not body or not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        number, _, spelled = body.partition(".")
        party = self._parties.get(spelled)
        return (number, party) if party else None

    def link(self, ticket: str) -> str:
        """Return the link to the customer's page of this ticket, empty where there is no public address."""
        return f"{self._address}{PAGES}/{self.page(ticket)}" if self._address else ""

    def page(self, ticket: str) -> str:
        """Return the end of that link."""
        return f"{ticket}.{self._sign(f'{ticket}.page')}"

    def linked(self, token: str) -> str | None:
        """Return the ticket that the end of a link proves, None if it is not one of ours."""
        ticket, _, signature = token.casefold().partition(".")
        return ticket if hmac.compare_digest(signature.encode(), self._sign(f"{ticket}.page").encode()) else None

    def _sign(self, body: str) -> str:
        digest = hmac.new(self._key, body.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest).decode().lower()[:_SIGNATURE_LENGTH]


def _spell(agent: str) -> str:
    return "a-" + base64.b32encode(hashlib.sha256(agent.encode()).digest()[:5]).decode().lower()
