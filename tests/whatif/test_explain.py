"""Why a ticket went the way it did, as plain data out of a real store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.conditions import Source
from engine.core.decision import Reason
from engine.core.events import Noted, TicketOpened
from engine.core.facts import Facts
from engine.core.lifecycle import evolve
from engine.core.signals import AgentActed, MessageArrived
from engine.core.tracing import Trace
from engine.errors import NotFound
from engine.store import DecisionRecord, Store, open_store
from engine.whatif.explain import explain

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
NUMBER = "202603040001"
FACTS = Facts(NUMBER, "", 0.5, "zhou", {}, {}, ())
HERE = Source("sla.yaml", 12)

ASKED = Trace(
    "all",
    Source("sla.yaml", 11),
    True,
    parts=(
        Trace("ticket.kind is complaint", HERE, True, "complaint"),
        Trace("ticket.text mentions [宕机]", HERE, None, frozenset({"宕机"})),
        Trace("customer.phone is +8613800138000", HERE, False, "+8613800138000", personal=True),
    ),
)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite://:memory:")
    yield opened
    opened.close()


@pytest.fixture
def told(store: Store) -> Store:
    """A store with a ticket about which three decisions were taken, one of them refused."""
    opened = TicketOpened(NUMBER, "complaint", "email", "zh")
    reason = Reason("tier: urgent", "urgent", HERE, (("budget", "0:10:00"),), (("urgent", ASKED),))
    ticket = evolve(None, opened, NOW)
    noted = Noted("c1", "qian")
    with store.write() as tx:
        arrived = MessageArrived(None, "email", "系统宕机", trusted=True)
        tx.append(0, ticket, [opened], DecisionRecord(NOW, arrived, FACTS, "abc", (reason,)))
        later = NOW + timedelta(minutes=1)
        refused = DecisionRecord(later, AgentActed(NUMBER, "close", "qian"), FACTS, "abc", refused="it has ended")
        tx.record_refusal(NUMBER, refused)
        acted = AgentActed(NUMBER, "note", "qian", text="secret words")
        tx.append(1, evolve(ticket, noted, later), [noted], DecisionRecord(later, acted, FACTS, "def"))
    return store


def test_decisions_come_in_order_with_what_came_what_happened_and_the_policy(told: Store) -> None:
    with told.read() as reader:
        first, second, third = explain(reader, NUMBER)
    assert (first.at, first.signal, first.policy) == (NOW, "message_arrived", "abc")
    assert first.came == {"channel": "email", "party": "customer", "trusted": True, "automatic": False}
    assert [event.name for event in first.events] == ["ticket_opened"]
    assert (second.refused, second.events, second.why) == ("it has ended", (), ())
    assert (third.came["actor"], [event.name for event in third.events], third.policy) == ("qian", ["noted"], "def")


def test_a_reason_names_rule_file_line_and_values(told: Store) -> None:
    with told.read() as reader:
        (why,) = explain(reader, NUMBER)[0].why
    assert (why.decided, why.rule, why.where, why.values) == ("tier: urgent", "urgent", "sla.yaml:12", {"budget": "0:10:00"})


def test_what_was_looked_at_is_a_tree_in_the_words_of_the_policy(told: Store) -> None:
    with told.read() as reader:
        ((rule, tree),) = explain(reader, NUMBER)[0].why[0].asked
    kind, text, phone = tree.parts
    assert (rule, tree.what, tree.where, tree.result) == ("urgent", "all", "sla.yaml:11", True)
    assert (kind.actual, text.actual, text.result) == ("complaint", "[宕机]", None)
    assert (phone.result, phone.actual) == (False, None)


def test_nothing_that_is_personal_is_told(told: Store) -> None:
    with told.read() as reader:
        words = str(explain(reader, NUMBER)[0].came) + str(explain(reader, NUMBER)[2])
    assert "系统宕机" not in words
    assert "secret words" not in words


def test_an_unknown_ticket_is_named(store: Store) -> None:
    with store.read() as reader, pytest.raises(NotFound, match="no ticket 7"):
        explain(reader, "7")
