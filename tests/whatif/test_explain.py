"""Why a ticket went the way it did, as plain data out of a real store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.conditions import Source
from engine.core.decision import Reason
from engine.core.events import DeadlineMoved, DeadlineResumed, DeadlineStarted, Noted, TicketOpened
from engine.core.facts import Facts
from engine.core.lifecycle import evolve
from engine.core.signals import AgentActed, MessageArrived, StepDraft
from engine.core.tracing import Asked, Trace
from engine.errors import NotFound
from engine.store import DecisionRecord, Store, TicketQuery, open_store
from engine.whatif.explain import Looked, _looked, _why, decisive, explain, kept_policies, upcoming
from tests.core.worlds import HOUR, PHONE, POLICIES, House, changed, shipped
from tests.store.test_migrations import GOLDEN_FILES, restored

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
NUMBER = "202603040001"
FACTS = Facts(NUMBER, 0.5, "zhou", {}, {}, ())
HERE = Source("sla.yaml", 12, "tiers[0]")

WHEN = Source("sla.yaml", 11, "tiers[0].when")
ASKED = Trace(
    "all",
    WHEN,
    True,
    parts=(
        Trace("ticket.kind is complaint", HERE, True, "complaint"),
        Trace("ticket.text mentions [宕机, 无法 使用]", HERE, None, frozenset({"宕机"})),
        Trace("customer.phone is +8613800138000", HERE, False, "+8613800138000", personal=True),
        Trace("use vip", HERE, None, reached=False),
    ),
)
NEAREST = (("vip", (Trace("customer.segment is vip", HERE, False, "new"),)),)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite://:memory:")
    yield opened
    opened.close()


@pytest.fixture
def told(store: Store) -> Store:
    """A store with a ticket about which three decisions were taken, one of them refused."""
    opened = TicketOpened(NUMBER, "complaint", "email", "zh")
    seen = Asked((("urgent", ASKED),), 2, ("important", "general"), NEAREST)
    reason = Reason("tier: urgent", "urgent", HERE, (("budget", "0:10:00"),), seen, 1)
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
    assert (why.path, why.behind, why.first_behind) == ("tiers[0]", 2, ("important", "general"))


def test_what_was_looked_at_is_a_tree_keyed_by_path_in_the_words_of_the_policy(told: Store) -> None:
    with told.read() as reader:
        ((rule, tree),) = explain(reader, NUMBER)[0].why[0].asked
    kind, text, phone, unreached = tree.parts
    assert (rule, tree.what, tree.operator, tree.file, tree.line, tree.path) == ("urgent", "all", "all", "sla.yaml", 11, "tiers[0].when")
    assert (kind.field, kind.operator, kind.expected, kind.actual, kind.result) == ("ticket.kind", "is", "complaint", "complaint", "true")
    assert (text.actual, text.result, text.expected) == ("[宕机]", "missing", "[宕机, 无法 使用]")
    assert (phone.result, phone.actual) == ("false", None)
    assert (unreached.operator, unreached.expected, unreached.result, unreached.what) == ("use", "vip", "not_reached", "use vip")


def test_the_rules_that_came_closest_are_told_by_the_leaves_that_failed(told: Store) -> None:
    with told.read() as reader:
        (why,) = explain(reader, NUMBER)[0].why
    assert [(rule, [leaf.what for leaf in leaves]) for rule, leaves in why.nearest] == [("vip", ["customer.segment is vip"])]


def test_the_decisive_tree_leaves_out_what_was_not_reached_and_what_did_not_decide() -> None:
    def looked(operator: str, result: str, *parts: Looked) -> Looked:
        return Looked("", "sla.yaml", 1, "", operator, "", None, result, parts)

    yes, no, unknown, later = (looked("not", result) for result in ("true", "false", "missing", "not_reached"))
    assert decisive(looked("any", "true", no, unknown, yes, later)).parts == (yes,)
    assert decisive(looked("all", "false", yes, unknown, no, later)).parts == (no,)
    assert decisive(looked("all", "true", yes, yes)).parts == (yes, yes)
    assert decisive(looked("any", "missing", no, unknown)).parts == (no, unknown)
    assert decisive(looked("use", "true", looked("any", "true", no, yes))).parts[0].parts == (yes,)


def test_a_record_of_an_earlier_version_is_told_without_what_it_lacks(told: Store) -> None:
    with told.read() as reader:
        decisions = reader.decisions(NUMBER)
    (old,) = decisions[0].reasons
    old["traces"] = old.pop("asked")["traces"]
    pending = [trace for _, trace in old["traces"]]
    for trace in pending:
        trace.pop("reached", None)
        pending.extend(trace.get("parts", ()))
    why = _why(old)
    assert (why.behind, why.first_behind, why.nearest) == (0, (), ())
    assert [part.result for part in why.asked[0][1].parts] == ["true", "missing", "false", "missing"]


@pytest.mark.parametrize("golden", GOLDEN_FILES, ids=lambda file: file.stem)
def test_tickets_of_every_released_version_can_be_explained(golden: Path, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{restored(golden, tmp_path / 'store.db')}")
    with store.read() as reader:
        (ticket,) = reader.tickets(TicketQuery())
        decisions = explain(reader, ticket.number, kept_policies(reader, shipped()))
        assert [event.name for one in decisions for event in one.events][:2] == ["ticket_opened", "deadline_started"]
        assert [timer.key for timer in upcoming(reader, ticket.number)] == ["deadline/response"]
    store.close()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("customer.phone is +8613800138000", "+861******8000"),
        ("customer.phone in [13800138000, 138 0013 8001]", "[138****8000, 138****8001]"),
        ("customer.email is wang.lei@example.test", "w***@example.test"),
        ("ticket.text matches 电话13800138000", "电话138****8000"),
        ("customer.spent at_least 10000000", "10000000"),
        ("ticket.opened_at within cn_office", "cn_office"),
    ],
)
def test_phones_and_mails_are_masked_also_where_an_earlier_version_kept_them(what: str, shown: str) -> None:
    trace = {"what": what, "source": {"file": "f", "line": 1, "path": ""}, "result": True, "actual": None, "parts": []}
    assert _looked(trace).expected == shown
    met = {**trace, "actual": ["a@b.test", "13800138000"]}
    assert _looked(met).actual == "[a***@b.test, 138****8000]"
    assert _looked({**trace, "actual": 10000000}).actual == "10000000"


@pytest.fixture
def house() -> Iterator[House]:
    opened = House()
    yield opened
    opened.close()


def test_a_phone_in_every_field_of_a_message_never_appears(house: House) -> None:
    fields = dict.fromkeys(("name", "phone", "email", "wish", "impact", "expected_by"), PHONE)
    number = house.mail(f"系统宕机 {PHONE}", sender=f"{PHONE}@phones.test", subject=PHONE, fields=fields)
    house.done(number, "note", "qian", text=PHONE)
    house.act(number, "confirm", "qian", text=PHONE)
    with house.store.read() as reader:
        decisions = explain(reader, number, lambda _: shipped())
    assert decisions[0].why
    assert decisions[-1].refused
    assert PHONE[-8:] not in str(decisions)


def test_the_clocks_a_decision_started_moved_or_resumed_are_reckoned_to_the_very_instant_that_was_recorded(house: House) -> None:
    number = house.mail("发票怎么开")
    house.done(number, "contact", "qian")
    house.done(number, "hold", "qian", target="on_hold")
    house.wait(3 * HOUR)
    house.done(number, "resume", "qian")
    house.done(number, "tier", "qian", text="急", target="important")
    with house.store.read() as reader:
        decisions = explain(reader, number, lambda _: shipped(), most=5)
        without = explain(reader, number)
    reckoned = [(id, found.due) for one in decisions for id, found in one.clocks]
    events = [event for one in decisions for event in one.events if isinstance(event, DeadlineStarted | DeadlineResumed | DeadlineMoved)]
    assert reckoned == [(event.id, event.due) for event in events]
    assert {type(event) for event in events} == {DeadlineStarted, DeadlineResumed, DeadlineMoved}
    assert [one.clocks for one in without] == [() for _ in decisions]


def test_a_clock_whose_due_instant_was_given_has_no_arithmetic(house: House) -> None:
    number = house.mail("发票怎么开")
    house.done(number, "contact", "qian")
    due = house.now + 5 * HOUR
    house.done(number, "plan", "qian", text="换", steps=(StepDraft("换", "qian", due),))
    with house.store.read() as reader:
        last = explain(reader, number, lambda _: shipped())[-1]
    started = [event for event in last.events if isinstance(event, DeadlineStarted)]
    assert [(event.id, event.due) for event in started if event.budget is None] == [("plan_step:1", due)]
    assert [id for id, _ in last.clocks] == [event.id for event in started if event.budget is not None] == ["progress"]


def test_what_happens_next_are_the_timers_the_next_one_first_and_those_set_aside_last(house: House) -> None:
    number = house.mail("发票怎么开")
    with house.store.write() as tx:
        (first, *_) = upcoming(tx, number)
        assert tx.fail_timer(first, "broken", None)
        told = upcoming(tx, number)
    assert sorted(timer.key for timer in told) == house.timer_keys(number)
    assert [timer.due for timer in told[:-1]] == sorted(timer.due for timer in told[:-1])
    assert (told[-1].key, told[-1].dead) == (first.key, True)


def test_a_policy_of_old_is_had_from_its_kept_files(store: Store) -> None:
    old = changed(("sla.yaml", "{zh: 三级(一般), en: general}", "{zh: 普通, en: ordinary}"))
    files = {
        path.relative_to(POLICIES).as_posix(): path.read_text("utf-8") for path in POLICIES.rglob("*.yaml") if path.name != "team.yaml"
    }
    with store.write() as tx:
        tx.save_policy(old.digest, files, NOW)
    with store.read() as reader:
        policy_of = kept_policies(reader, shipped())
        found = policy_of(old.digest)
        assert policy_of(shipped().digest) is shipped()
        assert found is not None
        assert found is policy_of(old.digest)
        assert policy_of("0" * 64) is None


def test_nothing_that_is_personal_is_told(told: Store) -> None:
    with told.read() as reader:
        words = str(explain(reader, NUMBER)[0].came) + str(explain(reader, NUMBER)[2])
    assert "系统宕机" not in words
    assert "secret words" not in words


def test_an_unknown_ticket_is_named(store: Store) -> None:
    with store.read() as reader, pytest.raises(NotFound, match="no ticket 7"):
        explain(reader, "7")


def test_a_deadline_says_which_of_its_budgets_it_got_and_where_that_is_written() -> None:
    house = House()
    number = house.mail("请问周末营业吗")
    house.done(number, "contact")
    house.mail("发票呢", number)
    house.done(number, "assign", target="finance")
    with house.store.read() as reader:
        told = explain(reader, number, kept_policies(reader, shipped()))
    [moved] = [why for one in told for why in one.why if why.decided == "deadline next_response moved"]
    lines = (POLICIES / "sla.yaml").read_text(encoding="utf-8").splitlines()
    file, _, line = moved.where.partition(":")
    assert (file, "in: [product, finance]" in lines[int(line) - 1]) == ("sla.yaml", True)
    assert (moved.path, moved.rule) == ("deadlines.next_response.budgets[1]", "on_queue_change: recompute")
    assert (moved.values["by"], moved.values["calendar"]) == ("next_response.budget.2", "cn_office")
    assert [(rule, looked.result) for rule, looked in moved.asked] == [
        ("next_response.budget.1", "missing"),
        ("next_response.budget.2", "true"),
    ]
    house.close()
