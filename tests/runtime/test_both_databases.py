"""The same days on SQLite and on PostgreSQL come to the same tickets, messages, timers, customers and answers, to the last value."""

import random
import re
from datetime import timedelta

from engine.core.decide.actions import ACTIONS
from engine.core.lifecycle import evolve
from engine.core.signals import AgentActed, ReceiptArrived
from engine.store.rows import TicketQuery
from tests.core.worlds import MINUTE, House, a_step
from tests.runtime.test_machine import AGENTS, TARGETS, TEXTS
from tests.support.counts import scaled
from tests.support.postgresql import Server

CUSTOMER = re.compile(r"C\d{6}")


def play(house: House, draw: random.Random) -> None:
    """Some days at random; the same draw makes the same days."""
    house.mail("登录异常")
    for _ in range(25):
        with house.store.read() as reader:
            numbers = sorted(ticket.number for ticket in reader.tickets(TicketQuery()))
        number, text = draw.choice(numbers), draw.choice(TEXTS)
        match draw.randrange(7):
            case 0:
                house.take("email", sender=f"c{draw.randrange(3)}@example.test", text=text, automatic=draw.random() < 0.2)
            case 1:
                house.take("email", sender="x@example.test", text=text, tokens=(house.tokens.make(number, "customer"),))
            case 2:
                house.sms(text)
            case 3:
                house.call(draw.choice(["answered", "abandoned", "busy"]), draw.choice(["inbound", "outbound"]))
            case 4:
                steps = tuple(a_step("步骤", house.now + (n + 1) * 100 * MINUTE) for n in range(draw.randrange(3)))
                who, to, words = draw.choice(AGENTS), draw.choice(TARGETS), draw.choice(("", "words", "5 1 5"))
                house.handle(AgentActed(number, draw.choice(sorted(ACTIONS)), who, words, to, steps=steps))
            case 5:
                if rows := [row for row in house.messages() if row.ticket]:
                    row = draw.choice(rows)
                    house.handle(ReceiptArrived(row.ticket or "", row.id, row.party, draw.choice(["delivered", "failed"]), "detail"))
            case _:
                house.wait(timedelta(minutes=draw.choice([1, 9, 45, 200, 1500, 5000])))


def everything(house: House) -> str:
    """All that the store holds, but for row numbers, and customers named in the order they came."""
    lines: list[object] = []
    with house.store.read() as reader:
        # Receipts and timers come in here around the store, which would know them, so those invariants say nothing.
        assert [one for one in reader.integrity(evolve) if one.invariant not in ("I2", "I6")] == []
        for ticket in sorted(reader.tickets(TicketQuery(limit=1000)), key=lambda one: one.number):
            lines += [ticket, reader.content_of(ticket.number)]
            lines += [(one.seq, one.at, one.event) for one in reader.events(ticket.number)]
            lines += [
                (one.at, one.signal, one.facts, one.policy_digest, one.reasons, one.refused, one.first_seq)
                for one in reader.decisions(ticket.number)
            ]
            lines += [(row.key, row.due, row.attempts, row.dead, row.error) for row in reader.timers(ticket.number)]
        lines += reader.messages(limit=1000)
        customers = reader.customers(1000)
        lines += [(one, reader.addresses(one.id)) for one in customers]
        lines += [*reader.answers(), *reader.audits(), *sorted(reader.inbox_counts().items())]
        lines += [(row.channel, row.source_id, row.state, row.attempts, row.ticket) for row in reader.inbox(None, 1000)]
    order = {one.id: f"customer {n}" for n, one in enumerate(customers)}
    return CUSTOMER.sub(lambda found: order.get(found[0], found[0]), "\n".join(map(repr, lines)))


def test_the_same_days_come_to_the_same(postgresql: Server, database: str, seed: int) -> None:
    for n in range(scaled(60, least=3)):
        told = []
        for url in (None, database):
            house = House(url=url, seed=n)
            play(house, random.Random(f"{seed} {n}"))
            told.append(everything(house).splitlines())
            house.close()
        assert told[1] == told[0]
        assert len(told[0]) > 20
        postgresql.empty(database.rpartition("/")[2])
