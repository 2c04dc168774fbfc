"""What waits in the store is worked off one by one, each in a transaction of its own that claims it for nobody else.

Whoever dies in the middle gives it back. What fails is tried again with a growing pause, and set aside after `ATTEMPTS` failures for a
person to look at.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from engine.runtime.handle import Outcome
from engine.store.contract import Conflict, Store, Transaction

ATTEMPTS = 5


class _Waiting(Protocol):
    @property
    def attempts(self) -> int: ...


W = TypeVar("W", bound=_Waiting)


def work_off(
    store: Store,
    now: datetime,
    limit: int,
    claim: Callable[[Transaction], list[W]],
    do: Callable[[Transaction, W], Outcome | None],
    fail: Callable[[Transaction, W, Exception, datetime | None], None],
) -> list[Outcome]:
    """Do up to `limit` of what `claim` gives; return what it led to. `fail` keeps that one failed, and when to try again."""
    outcomes = []
    for _ in range(limit):
        try:
            with store.write() as tx:
                row = next(iter(claim(tx)), None)
                if row is None:
                    break
                outcome = _try(tx, row, now, do, fail)
        except Conflict:
            continue  # it still waits, and has its turn again
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def _try(
    tx: Transaction,
    row: W,
    now: datetime,
    do: Callable[[Transaction, W], Outcome | None],
    fail: Callable[[Transaction, W, Exception, datetime | None], None],
) -> Outcome | None:
    try:
        with tx.savepoint():
            return do(tx, row)
    except Conflict:
        raise
    except Exception as error:  # noqa: BLE001  # one poisoned row must not stop the rest; it is kept with its error
        fail(tx, row, error, now + timedelta(seconds=30 * 2**row.attempts) if row.attempts + 1 < ATTEMPTS else None)
        return None
