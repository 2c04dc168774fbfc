"""`engine workers` says who works, who stopped answering, and what each holds."""

from datetime import UTC, datetime, timedelta

from engine.store import WorkerRow, open_store
from tests.cli.conftest import Command
from tests.store.samples import message


def test_nobody_works_before_somebody_starts(engine: Command) -> None:
    assert engine.json("workers") == {"workers": [], "given_up": []}
    assert engine("workers").stdout.split()[0] == "worker"


def test_each_is_listed_with_what_it_holds(engine: Command) -> None:
    engine("status")  # makes the database
    now = datetime.now(UTC)  # the command asks the machine's clock too
    store = open_store("sqlite:///var/engine.db", engine.root)
    with store.write() as tx:
        for id, seen in (("fresh", now), ("lost", now - timedelta(minutes=3))):
            tx.worker_seen(WorkerRow(id, "desk", 4711, ("outbox", "timers"), "0123456789abcdef", seen, seen), seen)
            tx.queue_message(message(f"of-{id}", created_at=now))
            tx.claim_messages("email", now, 9, id)
        tx.queue_message(message("of-nobody", created_at=now))
        tx.claim_messages("email", now, 9, "struck-out")
    store.close()
    said = engine.json("workers")
    workers = {one["worker"]: one for one in said["workers"]}
    assert {id: (one["state"], [row["id"] for row in one["messages"]]) for id, one in workers.items()} == {
        "fresh": ("alive", ["of-fresh"]),
        "lost": ("silent", ["of-lost"]),
    }
    assert workers["lost"]["lease_left"] == 0 < workers["fresh"]["lease_left"] <= 15
    assert [row["id"] for row in said["given_up"]] == ["of-nobody"]
    shown = engine("workers", "--lang", "zh").stdout
    assert "无应答" in shown
    assert "desk 4711" in shown
    assert "of-nobody" in shown
    assert max(map(len, shown.splitlines())) <= 140, "it fits"
