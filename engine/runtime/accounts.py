"""Who may sign in: passwords of the people of team.yaml, their sessions, and tokens of programs that act as one of them.

Of a password its Argon2id is kept (RFC 9106), of every other secret its SHA-256.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, Refused, UsageError
from engine.store.accounts import AccessRow, AccountRow
from engine.store.contract import Reader, Transaction

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 200
"""Characters of a password."""

_BITS = 192

_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5IGhhcyB0aGlz$mT7yMSzgMdzVd8mXWAwBLQUHnVSJs0uX4eYZlMNd4Ys"
"""What is asked where there is no account, so that it takes as long to find out."""


def set_password(tx: Transaction, agent: str, password: str) -> None:
    """Set an agent's password; who is signed in with the old one is signed out. Raises UsageError for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"a password has {SHORTEST} to {LONGEST} characters")
    known = tx.account(agent)
    tx.keep_account(AccountRow(agent, _argon2().hash(password), known.locked_at if known else None))
    tx.end_accesses(agent, "")


def lock(tx: Transaction, agent: str, locked_at: datetime | None) -> None:
    """Let nobody in as the agent from now on, and end what they have; None: let them in again."""
    known = tx.account(agent) or AccountRow(agent)
    tx.keep_account(AccountRow(agent, known.password, locked_at))
    if locked_at:
        tx.end_accesses(agent)


def proven(account: AccountRow | None, password: str) -> bool:
    """Whether it is the account's password, and the account may be used. Takes as long either way."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    usable = account is not None and account.locked_at is None
    known = account.password if account and account.password else _NOBODY
    try:
        _argon2().verify(known, password[:LONGEST])
    except (Argon2Error, InvalidHashError):
        return False
    return usable


def let_in(tx: Transaction, chance: Random, kind: str, agent: str, name: str, now: datetime, lasts: timedelta | None) -> str:
    """Begin a `session`, or make a `token`; return its secret, which nobody is told again. Raises Refused for an account that is locked."""
    account = tx.account(agent)
    if account is not None and account.locked_at is not None:
        raise Refused(f"the account {agent} is locked; `engine account lock {agent} --undo` lets it in again")
    secret = new_secret(chance)
    tx.forget_accesses(now)
    tx.keep_access(AccessRow(hashed(secret), kind, agent, name, now, now + lasts if lasts else None))
    return secret


def recognised(reader: Reader, kind: str, secret: str, now: datetime) -> AccessRow | None:
    """Return whose secret it is, None for one of another kind, or that is over."""
    row = reader.access(hashed(secret))
    return row if row and row.kind == kind and is_good(row, now) else None


def is_good(row: AccessRow, now: datetime) -> bool:
    """Whether a session or a token has not expired."""
    return row.expires_at is None or now < row.expires_at


def _argon2() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise ConfigurationError("passwords need argon2-cffi: pip install 'closedloop[web]'") from error
    return PasswordHasher()


def new_secret(chance: Random) -> str:
    """Return 48 hexadecimal digits that nobody guesses."""
    return f"{chance.getrandbits(_BITS):0{_BITS // 4}x}"


def hashed(secret: str) -> str:
    """Return what of a secret is kept: nobody finds it again from that."""
    return sha256(secret.encode()).hexdigest()
