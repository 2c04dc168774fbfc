"""What waits in the store is worked off in batches: one transaction claims rows for nobody else, and one commit keeps all that came of
them. Where several write at once each row is handled in a savepoint of its own; where one does, a savepoint costs more than it saves, and
what fails undoes its batch, which is then done row by row.

Whoever dies in the middle gives them back. What fails is tried again with a growing pause, and set aside after the
last attempt for a person to look at; the others of its batch do not notice.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from engine.runtime.handle import Outcome
from engine.runtime.retries import Retries, doubled
from engine.store.contract import Conflict, Store, StoreFailed, Transaction

BATCH = 32
"""How many rows one transaction claims at most: enough that its commit costs little, few enough that nobody waits long for its end."""

_TOGETHER, _ALONE = timedelta(milliseconds=50), timedelta(seconds=1)
"""How long to wait for what another transaction holds. A batch holds much itself, so it leaves such a row to a transaction of its own."""

TURNS = 3
"""How often in a row somebody else may have been first before that counts as a failure: more is no coincidence."""


class _Waiting(Protocol):
    @property
    def attempts(self) -> int: ...


W = TypeVar("W", bound=_Waiting)


@dataclass(slots=True)
class Work(Generic[W]):
    """One kind of row that waits: how to `claim` some, what to `do` with one, how to keep that it failed and when to try again (`fail`)."""

    store: Store
    now: datetime
    retries: Retries
    claim: Callable[[Transaction, int], list[W]]
    do: Callable[[Transaction, W], Outcome | None]
    fail: Callable[[Transaction, W, Exception, datetime | None], None]
    _conflicts: Counter[W] = field(default_factory=Counter)
    _conflict: bool = False

    def off(self, limit: int) -> list[Outcome]:
        """Work off up to `limit` rows; return what they led to, all of it durable."""
        outcomes: list[Outcome] = []
        broken = False
        while limit > 0:
            alone = broken or self._conflict
            self._conflict = False
            rows: list[W] = []
            do = self._one if self.store.shared else self.do
            try:
                with self.store.write(_ALONE if alone else _TOGETHER) as tx:
                    rows = self.claim(tx, 1 if alone else min(BATCH, limit))
                    led_to = [do(tx, row) for row in rows]
            except Exception as error:
                if not rows:
                    raise  # nothing was claimed: it is the store that failed
                if len(rows) > 1:
                    broken = True  # whose fault it was shows when each has a transaction of its own
                    continue
                self._fail_alone(rows[0], error)
                led_to = []
            if not rows:
                break
            limit -= len(rows)
            outcomes += [outcome for outcome in led_to if outcome is not None]
        return outcomes

    def _one(self, tx: Transaction, row: W) -> Outcome | None:
        try:
            with tx.savepoint():
                return self.do(tx, row)
        except StoreFailed:
            raise  # nobody knows what is left of the transaction
        except Exception as error:  # noqa: BLE001  # one poisoned row must not stop the rest; it is kept with its error
            if isinstance(error, Conflict) and self._conflicts[row] < TURNS:
                self._conflicts[row] += 1  # it still waits, and has its turn again
                self._conflict = True
            else:
                self.fail(tx, row, error, self._retry_at(row))
            return None

    def _fail_alone(self, row: W, error: Exception) -> None:
        """Keep that a row failed with all of its transaction, unless somebody else has claimed it since."""
        with self.store.write() as tx:
            if row in self.claim(tx, 1):
                self.fail(tx, row, error, self._retry_at(row))

    def _retry_at(self, row: W) -> datetime | None:
        tried = row.attempts + 1
        return self.now + doubled(self.retries.backoff, tried, self.retries.longest) if tried < self.retries.attempts else None
