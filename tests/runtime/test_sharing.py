"""Several engines on one PostgreSQL: what each must not take from another, and what it takes over."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event

import pytest
from msgspec.structs import replace

from engine.channels import Delivery, Inbound, Outbound, Sent, TemporaryFailure
from engine.cli.init import lay_out
from engine.errors import Refused
from engine.runtime import cron, inbox, schedule
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.outbox import Postman
from engine.runtime.project import Job, load_project
from engine.runtime.worker import PARTS, Worker
from engine.store import Conflict, Store, StoreFailed, TicketQuery, open_store
from tests.acceptance import inputs
from tests.store.samples import message, open_ticket, the

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)
MAIL = "wang@customer.example"


@pytest.fixture
def engines(tmp_path: Path, database: str) -> Iterator[list[Engine]]:
    """Two processes' engines, each in a project directory of its own."""
    opened = []
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        lay_out(tmp_path / name)
        project = replace(load_project(tmp_path / name), database=database, outbound="live")
        opened.append(open_engine(project, VirtualClock(NOW), chance=random.Random(1), reload=True, owner="engine run"))
    yield opened
    for engine in opened:
        engine.close()


def take_in(engine: Engine, *sources: str, sender: str = MAIL) -> None:
    items = [Inbound(source, sender, NOW, "打印机故障", full_text="打印机故障", recipient="support@example.test") for source in sources]
    assert inbox.accept(engine.desk, "email", [Delivery(item, lambda: None, b"raw") for item in items], NOW) == len(items)


def test_all_sign_with_the_key_of_the_first(engines: list[Engine]) -> None:
    left, right = engines
    assert right.tokens.read(left.tokens.make("202603040001", "customer")) == ("202603040001", "customer")


def test_a_stranger_who_writes_twice_at_once_becomes_one_customer(engines: list[Engine]) -> None:
    """Deterministic: the one that comes first waits inside its transaction until the other has looked for the customer too."""
    left, right = engines
    take_in(left, "a", "b")
    added, looked = Event(), Event()
    both = [NOW, NOW]

    def first() -> int:
        with left.store.write() as tx:
            (row,) = tx.pending_inbox(NOW, 1)
            outcome = inbox._handle_row(tx, left.desk, left.world, row, NOW)
            tx.inbox_done(row.id, outcome.ticket if outcome else None)
            added.set()
            looked.wait(1)
        return 1

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert added.wait(20)
        other = pool.submit(right.work_inbox)
        assert (one.result(timeout=30), other.result(timeout=30)) == (1, 1)
    with left.store.read() as reader:
        assert len(reader.customers(9)) == 1
        tickets = reader.tickets(TicketQuery())
        assert [ticket.customer for ticket in tickets] == [reader.customers(9)[0].id] * len(both)
        assert [row.attempts for row in reader.inbox("done", 9)] == [0, 0], "to come second is no failure"


def test_who_comes_second_to_a_stranger_is_told_to_decide_again(engines: list[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    left, _ = engines
    take_in(left, "a")
    with left.store.write() as tx:
        (row,) = tx.pending_inbox(NOW, 1)
        monkeypatch.setattr(tx, "add_address", refuse)
        with pytest.raises(Conflict, match="meanwhile"):
            inbox._handle_row(tx, left.desk, left.world, row, NOW)


def refuse(*_: object) -> None:
    raise Refused("it belongs to another")


def test_what_another_changed_meanwhile_waits_for_its_next_turn_without_counting(
    engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = engines
    take_in(left, "a")
    failures = iter([Conflict("somebody was there first"), Conflict("and again")])
    handle_row = inbox._handle_row

    def second(*arguments: object) -> object:
        if (failure := next(failures, None)) is not None:
            raise failure
        return handle_row(*arguments)  # type: ignore[arg-type]  # whatever they are

    monkeypatch.setattr(inbox, "_handle_row", second)
    assert right.work_inbox() == 1
    with left.store.read() as reader:
        assert [(row.state, row.attempts) for row in reader.inbox(None, 9)] == [("done", 0)]


def test_what_is_always_in_conflict_is_set_aside_like_all_that_fails(engines: list[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = engines
    take_in(left, "a")
    calls = []

    def always(*_: object) -> None:
        calls.append(1)
        raise Conflict("somebody was there first")

    monkeypatch.setattr(inbox, "_handle_row", always)
    assert right.work_inbox() == 0
    with left.store.read() as reader:
        assert [(row.state, row.attempts, len(calls)) for row in reader.inbox(None, 9)] == [("pending", 1, 4)]


def test_a_failure_is_not_counted_where_another_has_claimed_the_item_since(engines: list[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = engines
    take_in(left, "a")
    handle_row, write = inbox._handle_row, left.store.write
    failures = iter([StoreFailed("the connection of the left one is lost")])
    opened = []

    def fails_once(*arguments: object) -> object:
        if (failure := next(failures, None)) is not None:
            raise failure
        return handle_row(*arguments)  # type: ignore[arg-type]  # whatever they are

    def others_come_before_the_second(*patience: timedelta) -> object:
        opened.append(1)
        if len(opened) == 2:
            assert right.work_inbox() == 1
        return write(*patience)

    monkeypatch.setattr(inbox, "_handle_row", fails_once)
    monkeypatch.setattr(left.store, "write", others_come_before_the_second)
    assert left.work_inbox() == 0
    with left.store.read() as reader:
        assert [(row.state, row.attempts, row.error) for row in reader.inbox(None, 9)] == [("done", 0, None)]


def test_of_four_workers_one_runs_a_slot_of_a_job(engines: list[Engine], database: str) -> None:
    stores = [*(engine.store for engine in engines), open_store(database), open_store(database)]
    job = Job("page", "* * * * *", 7, "UTC", "all")
    ran: list[datetime] = []
    bodies = {"page": lambda job, slot, before: ran.append(slot)}
    together = Barrier(4)

    def look(store: Store) -> None:
        for minute in range(6):
            together.wait(60)
            cron.run_due(store, [job], bodies, NOW + timedelta(minutes=2 * minute), "UTC")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(look, store) for store in stores]:
            done.result(timeout=60)
    for store in stores[2:]:
        store.close()
    assert sorted(ran) == [NOW + timedelta(minutes=minute) for minute in range(1, 11)], "each once; the first slot of all is only taken"


@pytest.mark.parametrize("part", sorted(PARTS))
def test_each_part_alone_does_its_work_and_no_other(engines: list[Engine], part: str) -> None:
    left, right = engines
    take_in(left, "a")
    number = queue(left)
    with left.store.write() as tx:
        tx.start_timer(number, "calendars", NOW)
    mail = right.project.var / "in" / "email" / "new.eml"
    mail.write_bytes(inputs.mail(1))
    worker = Worker(right, {}, frozenset({part}))
    worker._member.seen("digest", NOW)
    for loop in (*worker._receivers, worker._decider, *worker._senders.values()):
        loop.step()
    with left.store.read() as reader:
        done = {
            "intake": not mail.exists() and reader.inbox_counts() == {"done": 2},
            "timers": not any(row.key == "calendars" for row in reader.timers(number)),
            "outbox": the(reader.message("m")).state == "sent",
            "cron": all(reader.last_slot(schedule.job_name(rule)) for rule in right.world.policy.timed_rules),
        }
    assert {name for name, was_done in done.items() if was_done} == {part} - {"services"}, "which serve, and leave the work to others"


class Slow:
    """A channel on which something happens while a message is under way."""

    def __init__(self, meanwhile, failure: Exception | None = None) -> None:
        self._meanwhile = meanwhile
        self._failure = failure
        self.sent: list[str] = []

    def send(self, one: Outbound) -> Sent:
        self.sent.append(one.message_id)
        self._meanwhile()
        if self._failure is not None:
            raise self._failure
        return Sent(f"<{one.message_id}@carrier>")


def postman(engine: Engine) -> Postman:
    return Postman(engine.store, engine.tokens, "email", engine.project.delivery, lambda address: address, lease=engine.project.lease)


def queue(engine: Engine) -> str:
    with engine.store.write() as tx:
        number = open_ticket(tx, at=NOW).number
        tx.queue_message(message("m", number, created_at=NOW))
    return number


def test_a_message_under_way_is_left_alone_until_its_lease_is_over(engines: list[Engine]) -> None:
    left, right = engines
    queue(left)
    other = Slow(lambda: None)

    def meanwhile() -> None:
        postman(right).dispatch(other, right.world, lambda: NOW + right.project.lease - timedelta(seconds=1))  # type: ignore[arg-type]  # a carrier is what a channel does with one
        assert other.sent == []

    carrier = Slow(meanwhile)
    assert len(postman(left).dispatch(carrier, left.world, lambda: NOW)) == 1  # type: ignore[arg-type]  # a carrier is what a channel does with one
    assert (carrier.sent, other.sent) == (["m"], [])


@pytest.mark.parametrize("failure", [None, TemporaryFailure("busy")], ids=["sent after all", "failed after all"])
def test_who_was_given_up_neither_tells_twice_nor_takes_the_message_back(engines: list[Engine], failure: Exception | None) -> None:
    left, right = engines
    number = queue(left)
    other = Slow(lambda: None)
    late = NOW + right.project.lease

    def meanwhile() -> None:  # the left one is taken for dead
        assert len(postman(right).dispatch(other, right.world, lambda: late)) == 1  # type: ignore[arg-type]  # a carrier is what a channel does with one

    assert postman(left).dispatch(Slow(meanwhile, failure), left.world, lambda: NOW) == []  # type: ignore[arg-type]  # a carrier is what a channel does with one
    with left.store.read() as reader:
        row = the(reader.message("m"))
        assert (row.state, row.attempts, other.sent) == ("sent", 2, ["m"])
        assert [entry.event.name for entry in reader.events(number)].count("message_sent") == 1


@pytest.mark.parametrize("stopped", ["the process stood still", "the channel was replaced"])
def test_who_was_given_up_sends_no_more_of_what_it_had_claimed(engines: list[Engine], stopped: str) -> None:
    left, _ = engines
    with left.store.write() as tx:
        for id in ("a", "b", "c"):
            tx.queue_message(message(id, created_at=NOW))
    clock = [NOW]
    mine = postman(left)

    def meanwhile() -> None:
        if stopped == "the channel was replaced":
            mine.in_flight.pop("email")
        else:
            clock[0] += mine.lease

    carrier = Slow(meanwhile)
    mine.dispatch(carrier, left.world, lambda: clock[0])  # type: ignore[arg-type]  # a carrier is what a channel does with one
    assert carrier.sent == ["a"]
    with left.store.read() as reader:
        assert [row.state for row in reader.messages()] == ["sent", "sending", "sending"]


def test_a_channel_that_hangs_costs_an_attempt_only_what_hung_and_gives_back_only_what_it_had_claimed_itself(engines: list[Engine]) -> None:
    left, right = engines
    with left.store.write() as tx:
        tx.queue_message(message("spent", created_at=NOW))
        for _ in range(left.project.delivery.attempts - 1):
            tx.claim_messages("email", NOW, 1)
            tx.message_retry("spent", NOW, "busy")
        for id in ("sent", "hanging", "others"):
            tx.queue_message(message(id, created_at=NOW))
        rows = {row.id: row for row in tx.claim_messages("email", NOW, 4)}
        tx.message_sent("sent", None, NOW)
    left.in_flight["email"] = [rows[id] for id in ("sent", "spent", "hanging")]
    left.replace_hanging("email")
    with right.store.read() as reader:
        found = {row.id: row for row in reader.messages()}
    assert {id: row.state for id, row in found.items()} == {"sent": "sent", "hanging": "queued", "spent": "dead", "others": "sending"}
    assert (found["hanging"].attempts, found["hanging"].excused) == (1, 1), "it waited behind the one that hung, and was never tried"
    assert "email" not in left.in_flight
