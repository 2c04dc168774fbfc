"""Who may sign in, and what was asked by programs. Secrets come here as hashes only."""

from datetime import datetime
from typing import Protocol

from engine.store.accounts import AccessRow, AccountRow, NewsRow, RequestRow


class AccountReader(Protocol):
    """Asks about accounts, and what happened since somebody looked."""

    def account(self, agent: str) -> AccountRow | None:
        """Return the agent's account, None if nothing was ever set."""

    def accounts(self) -> list[AccountRow]:
        """Return all accounts, by agent."""

    def access(self, hash: str) -> AccessRow | None:
        """Return the session or token of that hash."""

    def accesses(self, kind: str) -> list[AccessRow]:
        """Return all sessions or tokens, by agent and time."""

    def request(self, id: str) -> RequestRow | None:
        """Return what the request of that id was answered."""

    def news(self, after: int, until: int, limit: int) -> list[NewsRow]:
        """Return decisions that changed a ticket, from the one behind the id `after` up to the id `until`, in order."""

    def latest_news(self) -> int:
        """Return the id of the latest decision that is kept, 0 before the first. Where several write at once, lower ones may follow."""

    def deciding(self) -> frozenset[str]:
        """Return a name for each transaction that may hold the id of a decision that it has not kept, at this instant (not at that of
        the view). Once none is left of those that were there after `latest_news`, a new view shows all up to that id that there will
        ever be.
        """


class AccountWriter(Protocol):
    """Changes accounts."""

    def keep_account(self, row: AccountRow) -> None:
        """Keep an account instead of what was kept before."""

    def keep_access(self, row: AccessRow) -> None:
        """Keep a session or a token. Raises StoreFailed if the hash is taken."""

    def end_access(self, hash: str) -> bool:
        """End a session or a token. False: there is none."""

    def end_accesses(self, agent: str, name: str | None = None) -> int:
        """End all that the agent has, or their tokens of that name (the sessions have none, ""); return how many."""

    def forget_accesses(self, now: datetime) -> None:
        """Strike out what has expired."""

    def keep_request(self, row: RequestRow, since: datetime) -> bool:
        """Keep what a request was answered; what was kept before `since` goes. False: the id is taken, and nothing was kept.

        Of several transactions that keep one id at once, the others wait here until the first has ended.
        """
