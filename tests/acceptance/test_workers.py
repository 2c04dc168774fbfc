"""Several `engine run` on one PostgreSQL, each in a project directory of its own as on a machine of its own, share the work: each mail is
handled once, whoever takes it in, and what one leaves behind when it is killed the others do.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from engine.store import Reader, TicketQuery, open_store
from tests.acceptance import inputs
from tests.acceptance.desk import Daemon, Desk
from tests.support.postgresql import Server
from tests.support.waiting import wait_until

MAILS = 120
COMMITS_WITHIN = timedelta(seconds=5)
"""How long a policy takes to be in force from the instant that is recorded, on a machine that is busy."""


@pytest.fixture
def desks(engine_command: Path, tmp_path: Path, database: str) -> list[Desk]:
    """Two machines' projects on one database."""
    both = [Desk(engine_command, tmp_path / name) for name in ("left", "right")]
    for desk in both:
        desk.always_at_work()
        desk.keep_on(database)
        desk.edit("incidents.yaml", (r"minimum: 20\b", "minimum: 10000"))  # else so many mails alike are one incident
        desk.configure(outbound="live", delivery={"deadline": "10s"})  # a slow machine takes its time over a file
    return both


def wait_until_done(desk: Desk, mails: int) -> None:
    def done(reader: Reader) -> bool:
        return reader.inbox_counts() == {"done": mails} and set(reader.message_counts()) == {"sent"}

    def counts(reader: Reader) -> str:
        return f"{reader.inbox_counts()} {reader.message_counts()} {reader.channel_states()}"

    with kept_open(desk) as look:
        wait_until(lambda: look(done), lambda: f"{look(counts)}\n{desk.engine('workers')}", patience=150)


@contextmanager
def kept_open(desk: Desk) -> Iterator[Callable[[Callable[[Reader], Any]], Any]]:
    """What asks the store, for whoever looks often: to open one for each look takes from what is waited for."""
    with closing(open_store(desk.database, desk.root)) as store:

        def look(ask: Callable[[Reader], Any]) -> Any:
            with store.read() as reader:
                return ask(reader)

        yield look


def sent(desks: list[Desk]) -> Counter[tuple[str, str]]:
    """How often each message to a customer lies in the folders of what was sent, by receiver and subject."""
    found: Counter[tuple[str, str]] = Counter()
    for desk in desks:
        for path in (desk.root / "var" / "out" / "email").glob("*.eml"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            found[mail["To"], mail["Subject"]] += 1
    return Counter({key: copies for key, copies in found.items() if "@customer.example" in key[0]})


def tickets(desk: Desk) -> list[Any]:
    return sorted(desk.look(lambda reader: reader.tickets(TicketQuery(limit=1000))), key=lambda ticket: ticket.number)


def check_each_once(desks: list[Desk], mails: int) -> None:
    every = tickets(desks[0])
    day = every[0].number[:8]
    of_day = [int(ticket.number[8:]) for ticket in every if ticket.number.startswith(day)]
    assert len(of_day) == len(set(of_day)) >= of_day[-1] - 2, "what is undone is given again, but for what each undid last"
    opened = [ticket for ticket in every if not ticket.is_incident]
    assert len(opened) == len({ticket.customer for ticket in opened}) == mails
    with desks[0].reader() as reader:
        for ticket in opened:
            events = Counter(entry.event.name for entry in reader.events(ticket.number))
            assert (events["ticket_opened"], events["promise_told"]) == (1, 1), events
            assert events["message_sent"] == events["message_queued"], events
    desks[0].sound()


def test_two_workers_handle_each_mail_once_whoever_takes_it_in(desks: list[Desk], seed: int) -> None:
    numbers = list(range(MAILS))
    both = [desks[0].running(), desks[1].running()]
    with both[0] as left, both[1] as right:
        for desk in desks:  # the same mails reach both, in an order of their own
            random.Random(seed).shuffle(numbers)
            for number in numbers:
                desk.drop("email", f"{number:04}.eml", inputs_of(number))
        wait_until_done(desks[0], MAILS)
        assert min(len(left.decisions()), len(right.decisions())) > 0, "one of the two did everything"
        assert [line for daemon in (left, right) for line in daemon.lines if line["level"] != "info"] == []
    check_each_once(desks, MAILS)
    copies = sent(desks)
    assert len(copies) == MAILS
    assert set(copies.values()) == {1}


def test_what_a_killed_worker_leaves_behind_the_other_does(desks: list[Desk]) -> None:
    mails = 100
    with desks[0].running() as survivor:
        doomed = desks[1].start()
        try:
            for number in range(mails):
                desks[1].drop("email", f"{number:04}.eml", inputs_of(number))
            wait_until(lambda: len(doomed.decisions()) > 3, "the doomed worker to be in the middle of it")
        finally:
            doomed.kill()
        for number in range(mails):  # what it had not taken in comes to the other as well, as it does from a mailbox of both
            desks[0].drop("email", f"{number:04}.eml", inputs_of(number))
        wait_until_done(desks[0], mails)
        assert "Traceback" not in survivor.text
    check_each_once(desks, mails)
    copies = sent(desks)
    assert len(copies) == mails
    assert sum(copies.values()) <= mails + 20, "no more came twice than the doomed worker was sending"


def test_a_server_that_is_restarted_under_way_loses_nothing(desks: list[Desk], postgresql: Server) -> None:
    mails = 100
    desk = desks[0]
    with desk.running() as daemon:
        for number in range(mails):
            desk.drop("email", f"{number:04}.eml", inputs_of(number))
        wait_until(lambda: len(daemon.decisions()) > 3, "the worker to be in the middle of it")
        postgresql.stop()
        postgresql.start()
        wait_until_done(desk, mails)
        assert "Traceback" not in daemon.text
    check_each_once(desks, mails)
    copies = sent(desks)
    assert len(copies) == mails
    assert sum(copies.values()) <= mails + 1, "only the message that was being sent may come twice"


def inputs_of(number: int) -> bytes:
    """The mail of a customer, the same each time."""
    mail = message_from_bytes(inputs.mail(number), policy=policy.SMTP)
    mail.replace_header("Message-ID", f"<{number}@customer.example>")
    return mail.as_bytes()


def test_a_rolling_restart_and_a_rolling_change_of_policy_leave_no_gap(desks: list[Desk], seed: int) -> None:
    """Mails flow to both all the time; each item is handled once, and nobody decides by the old policy once the new one is in force."""
    draw, dropped = random.Random(seed), 0

    def flow(count: int) -> None:
        nonlocal dropped
        for _ in range(count):
            draw.choice(desks).drop("email", f"{dropped:04}.eml", inputs_of(dropped))
            dropped += 1

    left, right = (desk.start() for desk in desks)
    try:
        flow(15)
        wait_until(lambda: len(left.decisions()) > 3, "the left one to be in the middle of it", 60)
        left.stop()
        flow(15)
        left = desks[0].start()
        for desk in desks:  # the right one's directory says the same, so that its own restart changes nothing
            flow(5)
            desk.edit("sla.yaml", ("{response: 10m,", "{response: 9m,"))
        for daemon in (left, right):
            daemon.wait_for_line("policies reloaded")
        flow(15)
        right.stop()
        flow(15)
        right = desks[1].start()
        flow(15)
        wait_until_done(desks[0], dropped)
        assert {one["state"] for one in desks[0].data("workers")["workers"]} == {"alive"}
        assert len(desks[0].data("workers")["workers"]) == 2, "who was stopped has left"
        assert [line for daemon in (left, right) for line in daemon.lines if line["level"] != "info"] == []
    finally:
        for daemon in (left, right):
            daemon.kill()
    check_each_once(desks, dropped)
    copies = sent(desks)
    assert (len(copies), max(copies.values())) == (dropped, 1)
    with desks[0].reader() as reader:
        new, old = reader.activations()[:2]
        decided = [one for ticket in tickets(desks[0]) for one in reader.decisions(ticket.number)]
    assert {one.policy_digest for one in decided} == {new.digest, old.digest}
    assert all(one.at <= new.at + COMMITS_WITHIN for one in decided if one.policy_digest == old.digest)
    assert all(one.at >= new.at for one in decided if one.policy_digest == new.digest)


def test_a_worker_that_stood_still_changes_nothing_when_it_wakes(desks: list[Desk]) -> None:
    """What it held is taken over within twice its lease; then it comes back as another worker."""
    mails = 40
    for desk in desks:
        desk.configure(delivery={"deadline": "60s"})  # so that only its silence tells that it stands still
    with desks[0].running() as survivor:
        frozen = desks[1].start()
        try:
            for number in range(mails):
                desks[1].drop("email", f"{number:04}.eml", inputs_of(number))
            before = frozen.wait_for_line("started")["worker"]
            held = freeze_while_sending(frozen, before, desks[0])
            for number in range(mails):
                desks[0].drop("email", f"{number:04}.eml", inputs_of(number))
            wait_until_done(desks[0], mails)
            done = state_of(desks[0])
            with desks[0].reader() as reader:
                rows = [reader.message(id) for id in held]
                tried = [(row.worker == before, row.attempts - row.excused) for row in rows if row]
                assert tried == [(False, 2)] * len(held), "others sent it"
            assert {one["worker"]: one["state"] for one in desks[0].data("workers")["workers"]} == {
                survivor.wait_for_line("started")["worker"]: "alive",
                before: "silent",
            }
            os.kill(frozen.pid, signal.SIGCONT)

            def back() -> bool:
                workers = desks[0].data("workers")["workers"]
                return [one["state"] for one in workers] == ["alive", "alive"] and before not in {one["worker"] for one in workers}

            wait_until(back, "it to be back as another worker", 60)
            assert state_of(desks[0]) == done
            assert "Traceback" not in frozen.text
            frozen.stop()
        finally:
            frozen.kill()
    check_each_once(desks, mails)
    copies = sent(desks)
    assert len(copies) == mails
    assert sum(copies.values()) <= mails + 1, "only the message that it was just sending came twice"


def freeze_while_sending(daemon: Daemon, worker: str, desk: Desk) -> list[str]:
    """Stop the daemon where it stands, at a moment when it has claimed messages and not yet sent them; return which."""

    with kept_open(desk) as look:

        def frozen() -> list[str]:
            os.kill(daemon.pid, signal.SIGSTOP)
            held = look(lambda reader: [row.id for row in reader.messages(state="sending") if row.worker == worker])
            if not held:
                os.kill(daemon.pid, signal.SIGCONT)
            return list(held)

        return list(wait_until(frozen, "it to be in the middle of sending", longest=0.05))


def state_of(desk: Desk) -> list[Any]:
    """All that was decided, and what became of every message."""
    with desk.reader() as reader:
        return [
            *((ticket.number, ticket.seq, len(reader.decisions(ticket.number))) for ticket in tickets(desk)),
            *((row.id, row.state, row.attempts, row.worker, row.sent_at) for row in reader.messages(limit=10_000)),
        ]
