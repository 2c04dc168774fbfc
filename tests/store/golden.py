"""Writes `golden/NNNN.sql`: a database of the newest schema with something in every table, as the version of its day left it; and
`golden/logs/NNNN.sql.xz`: the database of the demo's day, real tickets with their whole logs.

Run once with each new migration (`python -m tests.store.golden`), and never again for an older one: those files are what later versions
must still be able to open.
"""

import lzma
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.core import events as e
from engine.store import AnswerRow, ChannelRow, FactRow, HoldRow, TrialRow, WaitingRow, WorkerRow, open_store
from engine.store.accounts import AccessRow, AccountRow, RequestRow
from engine.store.feedback import FeedbackRow
from engine.store.sqlite.schema import MIGRATIONS
from tests.store.samples import MINUTE, NOW, customer, happen, message, open_ticket

GOLDEN = Path(__file__).with_name("golden")
LOGS = GOLDEN / "logs"


def fill(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.write() as tx:
        id = tx.new_customer_id()
        tx.add_customer(customer(id))
        tx.add_address(id, "email", "wang@example.test")
        tx.set_opt_out("sms", "+8613800000000", NOW)
        ticket = open_ticket(tx, due=NOW + 30 * MINUTE, customer=id, description="c-1")
        number = ticket.number
        happen(tx, ticket, e.TierAssigned("important"), e.Routed("front_desk"), e.Assigned("zhao"), at=NOW + MINUTE)
        tx.keep_facts(number, 5, [FactRow("opened", NOW, kind="complaint", customer=id)])
        tx.keep_content("c-1", number, "description", "路由器异常")
        tx.start_timer(number, "deadline/response", NOW + 30 * MINUTE)
        tx.queue_message(message("m-1", number))
        tx.accept("email", "<1@example.test>", NOW, "{}", b"raw")
        tx.inbox_done(1, number)
        tx.keep_answer(AnswerRow("9f2c", "after-closure", "2024-05", {"speed": 4}, "谢谢"))
        tx.seal_link("202405120009", "9f2c", number, id, "c-1")
        tx.audit(NOW, "li", "looked up the customer", "202405120009")
        tx.save_policy("digest-1", {"sla.yaml": "version: 1\n"}, NOW)
        tx.activate("digest-1", NOW, "zhao")
        tx.take_turn("zhao")
        tx.set_away("wang", NOW, NOW + MINUTE, "wang")
        tx.take_slot("weekly", NOW, NOW)
        tx.set_meta("outbound", "hold")
        tx.keep_channel_state(ChannelRow("email", "send", 1, None, None, "busy", NOW))
        tx.keep_trial(TrialRow(NOW, "inbox", "1", "failed", "no such thing"))
        tx.claim_messages("email", NOW, 1, "w-1")
        tx.worker_seen(WorkerRow("w-1", "desk", 1, ("timers",), "digest-1", NOW, NOW), NOW)
        tx.keep_waiting(WaitingRow("5e1f", "after-closure", NOW, b"sealed"))
        tx.keep_account(AccountRow("zhao", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", NOW))
        tx.keep_access(AccessRow("cd34", "token", "zhao", "crm", NOW, NOW + MINUTE))
        tx.keep_request(RequestRow("ef56", "0a1b", "{}", NOW), NOW)
        tx.hold(HoldRow(id, NOW, "zhou", "a dispute"))
        tx.keep_erasure("e4a5ed", "C000009", NOW)
        tx.keep_feedback(FeedbackRow("c0de", NOW.date(), "review", "送货快", 4, (1, 5), id, NOW, "zhao"))
    store.close()


def dump(path: Path) -> str:
    connection = sqlite3.connect(path)
    text = "\n".join(connection.iterdump()) + "\n"
    connection.close()
    return text


if __name__ == "__main__":
    newest = max(file.name.partition(".")[0] for file in MIGRATIONS.glob("*.sql"))
    with tempfile.TemporaryDirectory() as directory:
        fill(Path(directory) / "store.db")
        (GOLDEN / f"{newest}.sql").write_text(dump(Path(directory) / "store.db"), encoding="utf-8")
        subprocess.run(
            [Path(sys.prefix) / "bin" / "engine", "demo", "--tickets", "0", "--quiet"], cwd=directory, check=True, capture_output=True
        )
        day = dump(Path(directory) / "demo" / "var" / "engine.db").encode()
        (LOGS / f"{newest}.sql.xz").write_bytes(lzma.compress(day, preset=9 | lzma.PRESET_EXTREME))
