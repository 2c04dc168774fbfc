"""Passes: the secrets in links that people are sent. Who holds one may do one thing, about one ticket, once, for a time.

The store keeps no secret but its SHA-256, so whoever reads the database can use none.
"""

from datetime import datetime
from hashlib import sha256
from random import Random

from engine.store.contract import Reader, Transaction
from engine.store.rows import PassRow

_BITS = 192


def issue(tx: Transaction, chance: Random, purpose: str, ticket: str, party: str, expires_at: datetime) -> str:
    """Return a new secret of 48 hexadecimal digits: with it, `party` may do what `purpose` names, before the instant `expires_at`."""
    secret = new_secret(chance)
    tx.keep_pass(PassRow(hashed(secret), purpose, ticket, party, expires_at))
    return secret


def look(reader: Reader, secret: str, purpose: str, now: datetime) -> PassRow | None:
    """Return what the secret stands for, None if it is none for this purpose, was used, or has expired. Looking changes nothing."""
    row = reader.find_pass(hashed(secret))
    return row if row and row.purpose == purpose and row.used_at is None and now < row.expires_at else None


def use(tx: Transaction, secret: str, purpose: str, now: datetime) -> PassRow | None:
    """Use the secret up, and return what it stood for; None as with `look`. Of several at once, one is given it."""
    row = look(tx, secret, purpose, now)
    return row if row and tx.use_pass(row.hash, now) else None


def new_secret(chance: Random) -> str:
    """Return 48 hexadecimal digits that nobody guesses."""
    return f"{chance.getrandbits(_BITS):0{_BITS // 4}x}"


def hashed(secret: str) -> str:
    """Return what of a secret is kept: nobody finds it again from that."""
    return sha256(secret.encode()).hexdigest()
