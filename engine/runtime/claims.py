"""What waits in the store is worked off one by one, each in a transaction of its own that claims it for nobody else.

Whoever dies in the middle gives it back. What fails is tried again with a growing pause, and set aside after
the last attempt for a person to look at.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from engine.runtime.handle import Outcome
from engine.runtime.retries import Retries, doubled
from engine.store.contract import Conflict, Store, Transaction

_TURNS = 3
"""How often in a row somebody else may have been first before that counts as a failure: more is no coincidence."""


class _Waiting(Protocol):
    @property
    def attempts(self) -> int: ...


W = TypeVar("W", bound=_Waiting)


def work_off(
    store: Store,
    now: datetime,
    retries: Retries,
    limit: int,
    claim: Callable[[Transaction], list[W]],
    do: Callable[[Transaction, W], Outcome | None],
    fail: Callable[[Transaction, W, Exception, datetime | None], None],
) -> list[Outcome]:
    """Do up to `limit` of what `claim` gives; return what it led to. `fail` keeps that one failed, and when to try again."""
    outcomes = []
    conflicts = 0
    for _ in range(limit):
        row = None
        try:
            with store.write() as tx:
                row = next(iter(claim(tx)), None)
                if row is None:
                    break
                outcome = do(tx, row)
        except Exception as error:
            if row is None:
                raise  # nothing was claimed: it is the store that failed
            if isinstance(error, Conflict) and conflicts < _TURNS:
                conflicts += 1  # it still waits, and has its turn again
                continue
            # One poisoned row must not stop the rest; it is kept with its error, unless somebody else has claimed it since.
            with store.write() as tx:
                if row in claim(tx):
                    tried = row.attempts + 1
                    retry = now + doubled(retries.backoff, tried, retries.longest) if tried < retries.attempts else None
                    fail(tx, row, error, retry)
            continue
        conflicts = 0
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes
