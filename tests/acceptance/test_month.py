"""A month of the closed loop on real parts: `engine run` on real mail servers and a real SMS centre, started anew on later and later days.

Customers who waited say so in the survey, follow-ups are made and forgotten, an alert is raised, and what is done about it works.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.store import Reader
from tests.acceptance.desk import Desk
from tests.acceptance.house import MAILBOXES, NUMBER, ZONE, House
from tests.real.mail_servers import MailServers
from tests.real.sms_servers import SmsCentre
from tests.support.waiting import wait_until
from tests.support.wall_clock import Wall

pytestmark = pytest.mark.real("dovecot", "postfix", "openssl", "faketime")

WRITERS = ("ann", "bob")
PHONES = ("8613900005551", "8613900005552")
FAULT = "三楼打印机故障,打不出来"
DAY, WEEK = timedelta(days=1), timedelta(days=7)


class Month:
    """A house whose daemon and commands live on the days that `go` goes to."""

    def __init__(self, house: House, wall: Wall, monday: datetime) -> None:
        self.house, self.desk = house, house.desk
        self._wall, self._monday = wall, monday

    def go(self, days: int) -> None:
        """Let `engine run` rest until so many days after the first Monday, and do then what came due meanwhile."""
        self.house.daemon.stop()
        self._wall.set((self._monday + days * DAY - datetime.now(UTC)).total_seconds())
        self.house.restart()

        def rested(reader: Reader) -> bool:
            waits = (reader.next_inbox(), reader.next_timer(), reader.next_message())
            return all(at is None or at > self._wall.now() for at in waits) and not reader.messages(state="sending")

        wait_until(lambda: self.desk.look(rested), "all that was due to be done")

    def write(self) -> list[Any]:
        """Four customers write, two by mail and two by text message; return their tickets."""
        before = {one.number for one in self.house.tickets(lambda _: True)}
        for name in WRITERS:
            self.house.write(f"{name} <{name}@example.test>", "打印机", FAULT)
        for phone in PHONES:
            self.house.centre.inject(phone, NUMBER, FAULT)

        def opened() -> list[Any]:
            return self.house.tickets(lambda one: one.number not in before)

        return list(wait_until(lambda: len(opened()) == 4 and opened(), "four tickets"))

    def by_mail(self, number: str, text: str) -> None:
        """Whoever holds the ticket answers the first mail they got about it that they have not read."""
        agent = self.ticket(number).assignee
        self.house.reply(agent, self.house.mail_to(agent, number), text)

    def solve(self, number: str) -> None:
        """Its agent reports a result by mail, the customer agrees the way they came, and is asked how it was."""
        self.by_mail(number, "解决 打印头已更换,试打正常")
        self.customer(number, "Y", number, "仍有问题请回复")
        self.house.wait_for_event(number, "survey_sent")

    def customer(self, number: str, text: str, *parts: str) -> None:
        """The customer of a ticket answers the message that has all these parts, the way they came."""
        ticket = self.ticket(number)
        address = next(one.address for one in self.messages(number) if one.party == "customer")
        if ticket.channel == "email":
            name = address.partition("@")[0]
            self.house.reply(name, self.house.mail_to(name, *parts), text)
        else:
            self.house.text_to(address.removeprefix("+"), *parts)
            self.house.centre.inject(address.removeprefix("+"), NUMBER, text)

    def ticket(self, number: str) -> Any:
        return self.desk.look(lambda reader: reader.ticket(number))

    def messages(self, number: str) -> list[Any]:
        return list(self.desk.look(lambda reader: reader.messages(ticket=number)))

    def of_kind(self, kind: str, count: int) -> list[Any]:
        """The tickets of a kind, once there are so many."""

        def found() -> list[Any]:
            return self.house.tickets(lambda one: one.kind == kind)

        wait_until(lambda: len(found()) == count, lambda: f"{count} of {kind}: {found()}")
        return found()

    def clock(self, number: str, name: str) -> Any:
        return self.ticket(number).deadlines[name]


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    """It begins on the next Monday, at twenty past ten. Four customers are enough to tell of."""
    today = datetime.now(ZONE)
    monday = (today + (7 - today.weekday()) * DAY).replace(hour=10, minute=20, second=0)
    with MailServers((*MAILBOXES, *WRITERS), certificate_days=60) as mail, SmsCentre() as centre:
        desk = Desk(Path(sys.prefix) / "bin" / "engine", tmp_path / "desk")
        desk.always_at_work()
        desk.survey_after("1s")
        desk.edit("reports.yaml", (r"minimum_n: 20", "minimum_n: 8"))
        wall = Wall(tmp_path)
        wall.set((monday - datetime.now(ZONE)).total_seconds())
        for name, value in wall.environment.items():
            monkeypatch.setenv(name, value)
        house = House(desk, mail, centre)
        try:
            yield Month(house, wall, monday)
        finally:
            if house.daemon.process.poll() is None:
                house.daemon.kill()


def test_a_month_ends_with_an_improvement_that_its_figures_verify(month: Month) -> None:
    numbers = [one.number for one in month.write()]
    month.go(1)  # nobody called
    asked_and_answered(month, numbers)
    called, forgotten = month.of_kind("follow_up", 2)
    month.by_mail(called.number, "已联系 客户希望先接到电话")
    month.house.wait_for_event(called.number, "customer_contacted")
    assert month.clock(called.number, "follow_up").met

    month.go(7)
    assert month.clock(forgotten.number, "follow_up").met is False
    month.house.mail_to("li", forgotten.number, "超时")
    alert, measure = alerted(month)
    month.desk.engine("improve", "update", measure.number, "--kind", "process", "--owner", "qian", "--as", "li")
    month.by_mail(measure.number, "解决 早会先分派待联系的工单")
    month.house.wait_for_event(measure.number, "ticket_closed")

    month.go(22)
    assert month.ticket(measure.number).improvement.verdict is None, "nobody can tell before the check has ended"
    for one in month.write():
        month.solve(one.number)
    month.go(29)
    shown = month.desk.data("improve", "show", measure.number)
    [verdict] = shown["verdicts"]
    assert (shown["verdict"], verdict["by"]) == ("improved", "system")
    assert (verdict["evidence"]["before"]["n"], verdict["evidence"]["after"]["n"]) == (16, 16), "four clocks of each of four"
    assert verdict["evidence"]["difference"][0] > 0
    assert month.ticket(alert.number).state == "closed"
    month.house.mail_to("li", alert.number, "预警解除")
    month.desk.sound()


def asked_and_answered(month: Month, numbers: list[str]) -> None:
    """All four are solved, asked how it was by the way they came, and answer; those who waited longest say so."""
    for number in numbers:
        assert month.clock(number, "response").met is False
        month.solve(number)
    for number, text in zip(numbers, ("1 5 4 等得太久", "5 5 5", "2 4 5 没人回电", "5 5 4"), strict=True):
        month.customer(number, text, "速度")
    wait_until(lambda: len(month.desk.look(lambda reader: reader.answers())) == 4, "the answers")
    asked = [one for number in numbers for one in month.messages(number) if one.script == "survey_invitation"]
    assert Counter(one.channel for one in asked) == {"email": 2, "sms": 2}


def alerted(month: Month) -> tuple[Any, Any]:
    """The alert on what was late, and the measure that it opened; the supervisor has the news by mail."""
    [alert], [measure] = month.of_kind("alert", 1), month.of_kind("improvement", 1)
    assert alert.alike == "kpi:weekly-weak-spots/sla_attainment/kind=inquiry/tier=important/queue=tech_support"
    month.house.mail_to("li", alert.number, "预警")
    assert measure.improvement.sources == (alert.number,)
    return alert, measure
