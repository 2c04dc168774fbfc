"""A whole house for acceptance tests: `engine run` as a process of its own, on real mail servers, a real SMS centre and the files of a
phone exchange.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.store import TicketQuery
from tests.acceptance.desk import Daemon, Desk
from tests.acceptance.mail import answer, letter, words
from tests.real.mail_servers import HOST, PASSWORD, MailServers
from tests.real.sms_servers import SmsCentre
from tests.support.ports import LOOPBACK
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

SAMPLES = ROOT / "plugins" / "phone_log" / "tests" / "data"
MAILBOXES = ("support", "customer", "zhao", "wang", "qian", "wu", "sun", "chen", "lin", "li", "zhou")
NUMBER, SIGNATURE = "10690001", "【明远科技】"
ZONE = ZoneInfo("Asia/Shanghai")
SETTLED_AFTER = "1s"


class House:
    """The desk with everything around it. `daemon` is the one that runs now."""

    def __init__(self, desk: Desk, mail: MailServers, centre: SmsCentre) -> None:
        self.desk = desk
        self.mail = mail
        self.centre = centre
        self.exchange = desk.root / "exchange"
        self.exchange.mkdir()
        self._read: dict[str, int] = {}
        self._configure()
        self.daemon: Daemon = desk.start()
        wait_until(lambda: centre.bound, "the engine to bind to the SMS centre")

    def _configure(self) -> None:
        account = {"host": HOST, "username": self.mail.address("support"), "password": "${env:MAIL_PASSWORD}"}
        email = {
            "transport": "server",
            "from": {"address": self.mail.address("support"), "name": "客户服务中心"},
            "imap": {**account, "port": self.mail.imap_port, "security": "starttls", "ca_file": str(self.mail.ca_file)},
            "smtp": {**account, "port": self.mail.smtp_port, "security": "starttls", "ca_file": str(self.mail.ca_file)},
        }
        smpp = {"host": LOOPBACK, "port": self.centre.port, "system_id": "house", "password": "secret"}
        sms = {"transport": "smpp", "signature": SIGNATURE, "sender": NUMBER, "smpp": smpp}
        asterisk = {
            "master_csv": str(self.exchange / "Master.csv"),
            "queue_log": str(self.exchange / "queue_log"),
            "timezone": "UTC",
            "contexts": {"inbound": ["inbound"], "outbound": ["outbound"]},
            "settle": SETTLED_AFTER,
            "menu_field": "userfield",
        }
        phone_log = {"transport": "asterisk", "asterisk": asterisk}
        self.desk.configure(outbound="live", channels={"email": email, "sms": sms, "phone_log": phone_log})
        os.environ["MAIL_PASSWORD"] = PASSWORD

    def restart(self) -> None:
        """Start `engine run` again after a stop."""
        self.daemon = self.desk.start()
        wait_until(lambda: self.centre.bound, "the engine to bind to the SMS centre again")

    # mail -------------------------------------------------------------------------------------------------------------

    def write(self, sender: str, subject: str, text: str) -> None:
        """Mail to the service address."""
        mail = letter(sender, self.mail.address("support"), subject, text)
        self.mail.deliver(mail, "customer", self.mail.address("support"), wait=False)

    def mail_to(self, user: str, *parts: str) -> EmailMessage:
        """The next mail in a mailbox, after those read so far, whose subject and text hold all the parts."""
        start = self._read.get(user, 0)

        def fitting(mails: list[EmailMessage]) -> list[int]:
            return [
                place
                for place, mail in enumerate(mails[start:], start)
                if all(part in f"{mail['Subject']}\n{words(mail)}" for part in parts)
            ]

        mails: list[EmailMessage] = []

        def found() -> list[int]:
            mails[:] = self.mail.mailbox(user)
            return fitting(mails)

        def what() -> str:
            return f"{parts} to {user}; there came {[mail['Subject'] for mail in mails[start:]]}"

        place = wait_until(found, what)[0]
        self._read[user] = place + 1
        return mails[place]

    def reply(self, user: str, received: EmailMessage, text: str) -> None:
        """Answer a mail as its reader's program does."""
        mail = answer(received, text)
        self.mail.deliver(mail, user, str(mail["To"]), wait=False)

    # text messages ----------------------------------------------------------------------------------------------------

    def text_to(self, phone: str, *parts: str) -> str:
        """The text message that a handset shows with all these parts, once it is there."""

        def fitting() -> list[str]:
            return [text for _, text in self.centre.messages(phone) if all(part in text for part in parts)]

        return str(wait_until(fitting, lambda: f"{parts} to {phone}; got {self.centre.messages(phone)}")[0])

    # tickets ----------------------------------------------------------------------------------------------------------

    def tickets(self, fits: Callable[[Any], bool]) -> list[Any]:
        """All tickets that fit, as they are stored."""
        found = self.desk.look(lambda reader: reader.tickets(TicketQuery(limit=1000)))
        return sorted((ticket for ticket in found if fits(ticket)), key=lambda ticket: ticket.number)

    def ticket_of(self, address: str) -> Any:
        """The one ticket of the customer with this address, once it is there."""
        kind = "email" if "@" in address else "phone"

        def found() -> Any:
            customer = self.desk.look(lambda reader: reader.find_customer(kind, address))
            return customer and self.tickets(lambda ticket: ticket.customer == customer.id)

        [ticket] = wait_until(found, f"a ticket of {address}")
        return ticket

    def event_names(self, number: str) -> list[str]:
        """What happened to a ticket, in order."""
        return [entry.event.name for entry in self.desk.look(lambda reader: reader.events(number))]

    def wait_for_event(self, number: str, name: str, count: int = 1) -> None:
        """Wait until it happened so often."""
        wait_until(lambda: self.event_names(number).count(name) >= count, lambda: f"{name} of {number}: {self.event_names(number)}")

    def wait_for_rest(self, number: str) -> None:
        """Wait until every message about a ticket has left."""

        def resting() -> bool:
            states = {row.state for row in self.desk.look(lambda reader: reader.messages(ticket=number))}
            return states <= {"sent", "delivered"}

        wait_until(resting, f"the messages of {number} to leave")

    def check_log(self, number: str, by_hand: int, personal: tuple[str, ...]) -> None:
        """One line for each decision but those that people made at the terminal, and nothing personal in any."""
        made = len(self.desk.look(lambda reader: reader.decisions(number)))
        assert len(self.daemon.decisions(number)) == made - by_hand
        for line in self.daemon.decisions(number):
            assert line["events"], line
            assert line["policy"], line
        assert [part for part in personal if part in self.daemon.text] == []
        assert "Traceback" not in self.daemon.text
        assert {line["level"] for line in self.daemon.lines} == {"info"}, self.daemon.text


def clock_words(instant: str | datetime, now: datetime) -> str:
    """An instant of today or tomorrow as Chinese customers read it, by what stands in the ticket."""
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    local, today = at.astimezone(ZONE), now.astimezone(ZONE)
    days = (local.date() - today.date()) // timedelta(days=1)
    return f"{['今天', '明天'][days]}{local:%H:%M}"


@contextlib.contextmanager
def opened_house(command: Path, root: Path) -> Iterator[House]:
    """A house that works until the end of the block; it must stop well."""
    with MailServers(MAILBOXES) as mail, SmsCentre() as centre:
        desk = Desk(command, root)
        desk.always_at_work()
        desk.survey_after("3s")
        (root / "customers.csv").write_text("name,segment,language,phone\n郭先生,vip,zh,13700137000\n", encoding="utf-8")
        house = House(desk, mail, centre)
        try:
            desk.engine("customer", "import", "customers.csv")
            yield house
        finally:
            if house.daemon.process.poll() is None:
                house.daemon.stop()
