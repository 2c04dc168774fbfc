"""A timer fires when it is due, once, and never after a committed cancel."""

from datetime import datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.store import Store, TimerRow, Transaction
from tests.store.samples import MINUTE, NOW, open_ticket
from tests.support.counts import scaled

KEYS = ("warn", "deadline/response", "deadline/plan", "deadline/plan/50", "deadlines", "deadline0", "survey/remind/1")
PREFIXES = (*KEYS, "deadline", "survey", "nothing", "")


def keys(rows: list[TimerRow]) -> list[str]:
    return [row.key for row in rows]


def test_timers_are_due_in_order_and_not_before(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        for key, wait in (("late", 2), ("soon", 1), ("now", 0)):
            tx.start_timer(number, key, NOW + wait * MINUTE)
        assert keys(tx.due_timers(NOW, 9)) == ["now"]
        assert keys(tx.due_timers(NOW + MINUTE - timedelta(microseconds=1), 9)) == ["now"]
        assert keys(tx.due_timers(NOW + 2 * MINUTE, 9)) == ["now", "soon", "late"]
        assert keys(tx.due_timers(NOW + 2 * MINUTE, 2)) == ["now", "soon"]
        assert tx.next_timer() == NOW


def test_there_may_be_no_timer(store: Store) -> None:
    with store.read() as view:
        assert (view.next_timer(), view.due_timers(NOW, 9), view.dead_timers(9)) == (None, [], [])


def test_generations_grow_even_over_a_cancel(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        generations = [tx.start_timer(number, "x", NOW), tx.start_timer(number, "x", NOW)]
        assert tx.cancel_timers(number, "x") == 1
        generations.append(tx.start_timer(number, "x", NOW))
    assert generations == sorted(set(generations))


def test_a_generation_is_not_given_again_after_a_restart(durable_backend) -> None:
    store = durable_backend.open()
    with store.write() as tx:
        number = open_ticket(tx).number
        before = tx.start_timer(number, "x", NOW)
        tx.cancel_timers(number, "x")
    store.close()
    store = durable_backend.open()
    with store.write() as tx:
        assert tx.start_timer(number, "x", NOW) > before
    store.close()


def test_a_dead_timer_waits_for_a_person(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        tx.start_timer(number, "x", NOW)
        (row,) = tx.due_timers(NOW, 9)
        assert tx.fail_timer(row, "poison", None)
        assert (tx.due_timers(NOW, 9), tx.next_timer()) == ([], None)
        (dead,) = tx.dead_timers(9)
        assert (dead.key, dead.error, dead.attempts, dead.dead, dead.due) == ("x", "poison", 1, True, NOW)
        assert not tx.take_timer(dead)
        assert not tx.requeue_timer(number, "y", NOW)
        assert tx.requeue_timer(number, "x", NOW + MINUTE)
        assert not tx.requeue_timer(number, "x", NOW + MINUTE)
        (again,) = tx.due_timers(NOW + MINUTE, 9)
        assert (again.attempts, again.due, again.next_attempt_at) == (0, NOW, NOW + MINUTE)
        assert tx.take_timer(again)


class Timers(RuleBasedStateMachine):
    """Plays a worker, its crashes and the people who set and cancel, against a model: key -> (due, tried at, attempts, dead)."""

    store: Store
    numbers = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.model: dict[str, tuple[datetime, datetime, int, bool]] = {}
        self.seen: list[TimerRow] = []
        self.generation = 0

    @initialize()
    def open_a_ticket(self) -> None:
        self.number = f"2024{next(self.numbers):08d}"
        with self.store.write() as tx:
            open_ticket(tx, self.number)

    def teardown(self) -> None:
        with self.store.write() as tx:
            for key in list(self.model):
                tx.cancel_timers(self.number, key)

    @rule(minutes=st.integers(0, 30))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(key=st.sampled_from(KEYS), minutes=st.integers(-5, 30))
    def start(self, key: str, minutes: int) -> None:
        due = self.now + minutes * MINUTE
        with self.store.write() as tx:
            generation = tx.start_timer(self.number, key, due)
        assert generation > self.generation
        self.generation = generation
        self.model[key] = (due, due, 0, False)

    @rule(prefix=st.sampled_from(PREFIXES))
    def cancel(self, prefix: str) -> None:
        covered = {key for key in self.model if key == prefix or key.startswith(f"{prefix}/")}
        with self.store.write() as tx:
            assert tx.cancel_timers(self.number, prefix) == len(covered)
        for key in covered:
            del self.model[key]

    @rule(prefix=st.sampled_from(PREFIXES))
    def cancel_and_crash(self, prefix: str) -> None:
        try:
            with self.store.write() as tx:
                tx.cancel_timers(self.number, prefix)
                raise InterruptedError
        except InterruptedError:
            self.keep_what_is_expected()

    @rule()
    def look(self) -> None:
        """Read what is due, and act on it only later, when it may have changed."""
        with self.store.read() as view:
            self.seen = view.due_timers(self.now, 100)
        assert all(row.next_attempt_at is not None and row.next_attempt_at <= self.now for row in self.seen)
        assert {row.key for row in self.seen} == {
            key for key, (_, tried_at, _, dead) in self.model.items() if tried_at <= self.now and not dead
        }

    @rule(crash=st.booleans())
    def fire_what_was_seen(self, crash: bool) -> None:
        taken: list[TimerRow] = []
        try:
            with self.store.write() as tx:
                taken = [row for row in self.seen if self.take(tx, row)]
                if crash:
                    raise InterruptedError
        except InterruptedError:
            return
        for row in taken:
            del self.model[row.key]

    def take(self, tx: Transaction, row: TimerRow) -> bool:
        due, tried_at, attempts, dead = self.model.get(row.key, (NOW, NOW, -1, True))
        current = {timer.key: timer.generation for timer in tx.timers(self.number)}.get(row.key)
        may = current == row.generation and attempts == row.attempts and not dead
        assert tx.take_timer(row) is may
        assert not tx.take_timer(row)
        assert not may or (row.due == due and tried_at <= self.now)
        return may

    @rule(minutes=st.none() | st.integers(1, 20))
    def fail_what_was_seen(self, minutes: int | None) -> None:
        retry_at = None if minutes is None else self.now + minutes * MINUTE
        with self.store.write() as tx:
            failed = [row for row in self.seen if tx.fail_timer(row, "poison", retry_at)]
        for row in failed:
            due, tried_at, attempts, _ = self.model[row.key]
            assert attempts == row.attempts
            self.model[row.key] = (due, retry_at or tried_at, attempts + 1, retry_at is None)

    @invariant()
    def keep_what_is_expected(self) -> None:
        if not hasattr(self, "number"):
            return
        with self.store.read() as view:
            stored = {row.key: (row.due, row.next_attempt_at, row.attempts, row.dead) for row in view.timers(self.number)}
            waiting = [tried_at for _, tried_at, _, dead in self.model.values() if not dead]
            assert view.next_timer() == min(waiting, default=None)
        assert stored == self.model


def test_timers_never_fire_early_twice_or_after_a_committed_cancel(store: Store) -> None:
    machine = type("TimersOfThisStore", (Timers,), {"store": store})
    run_state_machine_as_test(machine, settings=settings(max_examples=scaled(1000), stateful_step_count=40))
