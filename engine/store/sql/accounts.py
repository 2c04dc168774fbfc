"""Accounts, sessions, tokens, and what was asked."""

from datetime import datetime
from typing import Any

from engine.store.accounts import AccessRow, AccountRow, NewsRow, RequestRow
from engine.store.sql.session import Room, instant, instant_or_none, micros, micros_or_none

_ACCOUNT = "SELECT agent, password, locked_at FROM account WHERE agent = coalesce(?, agent) ORDER BY agent"

_KEEP_ACCOUNT = """
INSERT INTO account (agent, password, locked_at) VALUES (?, ?, ?)
ON CONFLICT (agent) DO UPDATE SET password = excluded.password, locked_at = excluded.locked_at
"""

_ACCESS = "SELECT hash, kind, agent, name, at, expires_at FROM access WHERE hash = ?"

_ACCESSES = "SELECT hash, kind, agent, name, at, expires_at FROM access WHERE kind = ? ORDER BY agent, at, hash"

_KEEP_ACCESS = "INSERT INTO access (hash, kind, agent, name, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"

_END = "DELETE FROM access WHERE hash = ?"

_END_ALL = "DELETE FROM access WHERE agent = ?"

_END_NAMED = "DELETE FROM access WHERE agent = ? AND name = ?"

_FORGET = "DELETE FROM access WHERE expires_at <= ?"

_REQUEST = "SELECT id, asked, answer, at FROM request WHERE id = ?"

_KEEP_REQUEST = "INSERT INTO request (id, asked, answer, at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"

_FORGET_REQUESTS = "DELETE FROM request WHERE at < ?"

_NEWS = """
SELECT d.id, d.at, d.ticket, d.signal_type, e.seq, e.type
FROM (
    SELECT id, at, ticket, signal_type, first_seq, last_seq FROM decision
    WHERE id > ? AND id <= ? AND first_seq IS NOT NULL ORDER BY id LIMIT ?
) AS d JOIN event e ON e.ticket = d.ticket AND e.seq BETWEEN d.first_seq AND d.last_seq
ORDER BY d.id, e.seq
"""

_LATEST = "SELECT coalesce(max(id), 0) FROM decision"

# A statement locks the tables that it writes to before its first row draws an id, and the server lets go of locks only after all can see
# what was committed: so whoever holds this lock, and nobody else, may hold an id that will be seen later. Ids of transactions would not
# tell: one may draw a number first, and a snapshot does not say which was given last. SQLite has one writer, who decides in order.
_DECIDING = """
SELECT '' /*pg || virtualtransaction FROM pg_locks*/ WHERE FALSE
/*pg OR relation = 'decision'::regclass AND mode = 'RowExclusiveLock'*/
/*pg AND database = (SELECT oid FROM pg_database WHERE datname = current_database())*/
"""


class AccountReads(Room):
    """Keeps the contract's `AccountReader`."""

    def account(self, agent: str) -> AccountRow | None:
        """The agent's account."""
        return next(iter(self._accounts(agent)), None)

    def accounts(self) -> list[AccountRow]:
        """All accounts."""
        return self._accounts(None)

    def access(self, hash: str) -> AccessRow | None:
        """The session or token."""
        row = self._session.one(_ACCESS, hash)
        return _access(row) if row else None

    def accesses(self, kind: str) -> list[AccessRow]:
        """All of a kind."""
        return [_access(row) for row in self._session.all(_ACCESSES, kind)]

    def request(self, id: str) -> RequestRow | None:
        """What was answered."""
        row = self._session.one(_REQUEST, id)
        return RequestRow(row[0], row[1], row[2], instant(row[3])) if row else None

    def news(self, after: int, until: int, limit: int) -> list[NewsRow]:
        """What happened."""
        found: dict[int, NewsRow] = {}
        for id, at, ticket, signal, seq, event in self._session.all(_NEWS, after, until, limit):
            before = found.get(id)
            found[id] = NewsRow(id, instant(at), ticket, signal, seq, (*(before.events if before else ()), event))
        return list(found.values())

    def latest_news(self) -> int:
        """The latest decision."""
        latest: int = self._session.value(_LATEST)
        return latest

    def deciding(self) -> frozenset[str]:
        """Who may be about to keep one."""
        return frozenset(name for (name,) in self._session.all(_DECIDING))

    def _accounts(self, agent: str | None) -> list[AccountRow]:
        return [AccountRow(id, password, instant_or_none(at)) for id, password, at in self._session.all(_ACCOUNT, agent)]


class AccountWrites(AccountReads):
    """Keeps the contract's `AccountWriter`."""

    def keep_account(self, row: AccountRow) -> None:
        """Keep an account."""
        self._session.run(_KEEP_ACCOUNT, row.agent, row.password, micros_or_none(row.locked_at))

    def keep_access(self, row: AccessRow) -> None:
        """Keep a session or a token."""
        self._session.run(_KEEP_ACCESS, row.hash, row.kind, row.agent, row.name, micros(row.at), micros_or_none(row.expires_at))

    def end_access(self, hash: str) -> bool:
        """End one."""
        return self._session.run(_END, hash) == 1

    def end_accesses(self, agent: str, name: str | None = None) -> int:
        """End the agent's."""
        return self._session.run(_END_ALL, agent) if name is None else self._session.run(_END_NAMED, agent, name)

    def forget_accesses(self, now: datetime) -> None:
        """Strike out what has expired."""
        self._session.run(_FORGET, micros(now))

    def keep_request(self, row: RequestRow, since: datetime) -> bool:
        """Keep what a request was answered."""
        self._session.run(_FORGET_REQUESTS, micros(since))
        return self._session.run(_KEEP_REQUEST, row.id, row.asked, row.answer, micros(row.at)) == 1


def _access(row: Any) -> AccessRow:
    hash, kind, agent, name, at, expires_at = row
    return AccessRow(hash, kind, agent, name, instant(at), instant_or_none(expires_at))
