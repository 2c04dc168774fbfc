"""The same mail comes one to five times to a real Dovecot, a third of all without a Message-ID, while the mailbox forgets its UIDs and
marks and the engine is killed in the middle of it: each mail is one item, one decision and one ticket, and none is lost.
"""

import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest

from engine.core.lifecycle import evolve
from engine.store import Reader, TicketQuery
from tests.acceptance.desk import Desk
from tests.real.mail_servers import HOST, PASSWORD, MailServers
from tests.support.counts import scaled
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real("dovecot", "postfix", "openssl")

DELIVERIES = scaled(10_000, least=500)
MOMENT = datetime(2026, 3, 4, 2, tzinfo=UTC)
PATIENCE = 60 + DELIVERIES / 5


def mail(number: int, draw: random.Random) -> bytes:
    """A mail like no other: every third is of the sender and in the words of the one before, and only its date is another."""
    message = EmailMessage()
    message["From"] = f"c{number - (number % 3 == 1)}@customer.example"
    message["To"] = "support@example.test"
    message["Subject"] = "发票"
    message["Date"] = format_datetime(MOMENT + timedelta(seconds=number))
    if draw.random() > 1 / 3:
        message["Message-ID"] = f"<{number}.{draw.getrandbits(32)}@customer.example>"
    message.set_content("请问发票怎么开?")
    return message.as_bytes()


def mails(draw: random.Random) -> list[bytes]:
    """So many mails that with their copies there are enough deliveries."""
    found: list[bytes] = []
    copies = 0
    while copies < DELIVERIES:
        found.append(mail(len(found), draw))
        copies += 3
    return found


def delivered(sent: list[bytes], draw: random.Random) -> list[bytes]:
    """Each one to five times, in any order."""
    every = [one for one in sent for _ in range(draw.randint(1, 5))]
    draw.shuffle(every)
    return every


def open_desk(command: Path, root: Path, servers: MailServers) -> Desk:
    desk = Desk(command, root)
    desk.edit("incidents.yaml", (r"minimum: 20\b", "minimum: 10000"))  # else so many mails alike are one incident
    account = {"host": HOST, "username": servers.address("support"), "password": PASSWORD, "security": "none"}
    email = {"transport": "server", "from": {"address": servers.address("support"), "name": "客户服务中心"}}
    ports = {"imap": servers.imap_port, "smtp": servers.smtp_port}
    desk.configure(jobs={}, channels={"email": email | {name: account | {"port": port} for name, port in ports.items()}})
    return desk


def check(desk: Desk, mails: int) -> None:
    """One item, one decision, one ticket each."""

    def look(reader: Reader) -> None:
        assert reader.inbox_counts() == {"done": mails}
        tickets = list(reader.tickets(TicketQuery(limit=100_000)))
        assert len(tickets) == mails
        assert {len(reader.decisions(ticket.number)) for ticket in tickets} == {1}
        assert reader.integrity(evolve) == []

    desk.look(look)


def test_each_mail_is_one_ticket_however_often_it_comes(engine_command: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    sent = mails(draw)
    with MailServers(("support",), "mail_fsync = never\n") as servers:
        desk = open_desk(engine_command, tmp_path / "desk", servers)

        def handled(least: int) -> bool:
            return bool(desk.look(lambda reader: reader.inbox_counts().get("done", 0)) >= least)

        def drained() -> bool:
            flags = servers.flags("support")
            return len(flags) == deliveries and all("ClosedloopTaken" in one for one in flags) and handled(upto)

        daemon = desk.start()
        deliveries = upto = 0
        try:
            for part in range(4):
                fresh = sent[upto : (part + 1) * len(sent) // 4]
                copies = delivered(fresh, draw)
                servers.hand_over(copies, "support")
                deliveries, upto = deliveries + len(copies), upto + len(fresh)
                if part == 1:
                    servers.forget("support")
                wait_until(lambda: handled(upto - len(fresh) // 2), "the engine to be in the middle of it", PATIENCE)  # noqa: B023  # called at once
                daemon.kill()
                daemon = desk.start()
            wait_until(drained, lambda: f"{deliveries} deliveries to be taken: {desk.look(Reader.inbox_counts)}", PATIENCE)
            check(desk, len(sent))
            daemon.stop()
        finally:
            daemon.kill()
