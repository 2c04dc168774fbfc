"""Who is erased is gone from everything that is kept, and what was counted stays counted."""

import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.analysis.kpi import measure
from engine.analysis.kpi.facts import catch_up
from engine.core.lifecycle import evolve
from engine.core.quality import Review
from engine.errors import NotFound, Refused, UsageError
from engine.runtime.dossier import export, look
from engine.runtime.erasure import FILE, erase, repeat
from engine.runtime.quality import request
from engine.store import HoldRow
from tests.core.worlds import DAY, HOUR, WEDNESDAY
from tests.runtime.office import SQLITE, Office, Person, found, live, moved


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path / "office", SQLITE if request.param == "sqlite" else request.getfixturevalue("database"))
    yield opened
    opened.engine.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[Office]:
    opened = moved(template, tmp_path / "office", SQLITE if request.param == "sqlite" else request.getfixturevalue("database"))
    yield opened
    opened.engine.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path / "small")
    yield opened
    opened.engine.close()


def figures(office: Office) -> list[str]:
    policy = office.engine.world.policy
    catch_up(office.engine.store, policy)
    with office.engine.store.read() as reader:
        names = ["volume", "resolution_rate", "recurrence", "csat", "sla_attainment", "needs_met"]
        return [str(one) for one in measure(reader, policy, names, ["month"], WEDNESDAY - DAY, WEDNESDAY + 30 * DAY)]


def sound(office: Office) -> list[str]:
    with office.engine.store.read() as reader:
        return [f"{one.invariant} {one.text}" for one in reader.integrity(evolve)]


def test_of_an_erased_customer_no_canary_is_found_in_tables_files_journal_or_log(full: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    office, person, others = full, Person("one"), [Person("before"), Person("after")]
    before, places = figures(office), found(office, person)
    assert {place for place in places if place.startswith("table")} >= {
        f"table {name}"
        for name in (
            "content",
            "customer",
            "customer_address",
            "decision",
            "feedback",
            "inbox",
            "opt_out",
            "outbox",
            "survey_answer",
            "trial",
        )
    }
    kept = [[place for place in found(office, one) if not place.endswith("-wal")] for one in others]
    customer, tickets = office.customer(person), office.tickets(person)
    erase(office.engine, customer, "zhou", "asked for by the customer")
    assert found(office, person) == []
    assert [word for word in person.words if word in caplog.text] == []
    assert sound(office) == []
    assert figures(office) == before
    assert [[place for place in found(office, one) if not place.endswith("-wal")] for one in others] == kept
    assert look(office.engine, customer, None).erased_at == office.clock.now()
    with office.engine.store.read() as reader:
        assert reader.tickets_about(customer)
        assert [(row.who, row.what, row.reason) for row in reader.audits() if row.about == customer][-1:] == [
            ("zhou", "erased", "asked for by the customer")
        ]
        assert all(reader.ticket(number) for number in tickets)
    office.again()
    assert found(office, person) == []
    erase(office.engine, customer, "zhou")
    with pytest.raises(UsageError, match="no customer"):
        look(office.engine, person.mail, None)


def test_with_force_what_is_open_is_closed_and_nothing_more_is_sent(office: Office) -> None:
    person = Person("open")
    live(office, person, done=False)
    customer, tickets = office.customer(person), office.tickets(person)
    with pytest.raises(Refused, match=rf"ticket {tickets[0]} is open.*inbox item \d+ waits|ticket {tickets[0]} is open"):
        erase(office.engine, customer, "zhou", "no force")
    with pytest.raises(Refused, match="is open"):
        erase(office.engine, customer, "zhou", force=True)
    assert found(office, person)
    erase(office.engine, customer, "zhou", "a court's order", force=True)
    assert found(office, person) == []
    assert sound(office) == []
    sent = len(list((office.root / "var" / "out").rglob("*")))
    office.wait(10 * DAY)
    with office.engine.store.read() as reader:
        assert [row.id for row in reader.messages(limit=1000) if row.party == "customer" and row.state in ("queued", "held")] == []
    office.send()
    assert found(office, person) == []
    assert sound(office) == []
    assert len(list((office.root / "var" / "out").rglob("*"))) >= sent


def test_nobody_is_erased_while_they_or_a_ticket_of_theirs_are_on_hold(small: Office) -> None:
    person = Person("held")
    live(small, person, done=False)
    customer, tickets = small.customer(person), small.tickets(person)
    for subject in (customer, tickets[0]):
        with small.engine.store.write() as tx:
            assert tx.hold(HoldRow(subject, small.clock.now(), "zhou", "a dispute"))
            assert not tx.hold(HoldRow(subject, small.clock.now(), "zhou", "again"))
        with pytest.raises(Refused, match=rf"{subject} since 2026-03-\d\d by zhou \(a dispute\)"):
            erase(small.engine, customer, "zhou", "force", force=True)
        with small.engine.store.write() as tx:
            assert tx.release(subject)
            assert not tx.release(subject)
    erase(small.engine, customer, "zhou", "force", force=True)
    assert found(small, person) == []


def test_an_old_database_brings_nobody_back_and_nobody_else_is_erased_for_them(small: Office) -> None:
    first, person, other = Person("first"), Person("back"), Person("other")
    live(small, first, done=False)
    empty, full = small.root.parent / "empty.db", small.root.parent / "full.db"
    small.engine.store.backup(empty)
    live(small, person, done=False)
    small.engine.store.backup(full)
    erase(small.engine, small.customer(person), "zhou", "force", force=True)
    marks = (small.root / "var" / FILE).read_text()
    assert [word for word in person.words if word in marks] == []
    small.engine.close()
    (small.root / "var" / "engine.db").write_bytes(full.read_bytes())
    engine = small.again()
    assert found(small, person)
    with engine.store.write() as tx:
        tx.hold(HoldRow(small.customer(person), small.clock.now(), "zhou", "of that day"))
    assert repeat(engine) == 1
    assert repeat(engine) == 0
    assert found(small, person) == []
    assert found(small, first)
    assert sound(small) == []
    engine.close()
    (small.root / "var" / "engine.db").write_bytes(empty.read_bytes())
    engine = small.again()
    assert repeat(engine) == 0
    small.pass_(HOUR)
    live(small, other, done=False)  # gets the number that the erased one had
    assert repeat(engine) == 0
    assert found(small, other)


def test_what_an_erased_customer_sends_again_is_known_and_what_they_write_anew_is_a_strangers(small: Office) -> None:
    person = Person("writes")
    live(small, person, done=False)
    number = small.tickets(person)[0]
    token = small.engine.tokens.make(number, "customer")
    customer = small.customer(person)
    with small.engine.store.read() as reader:
        [came] = [row for row in reader.inbox(None, 1000) if row.ticket == number and row.source_id.startswith("<1@")]
    erase(small.engine, customer, "zhou", "force", force=True)
    with small.engine.store.write() as tx:
        assert not tx.accept("email", came.source_id, small.clock.now(), came.item_json, came.raw)
    small.take("email", sender=person.mail, text="你好,我是新客户", tokens=(token,))
    assert small.customer(person) != customer
    [fresh] = small.tickets(person)
    assert fresh != number


def test_who_is_not_there_cannot_be_erased(small: Office) -> None:
    with pytest.raises(NotFound, match="no customer C000009"):
        erase(small.engine, "C000009", "zhou")


def test_tickets_of_others_that_name_the_customer_are_told(small: Office) -> None:
    person, other = Person("named"), Person("names")
    live(small, person, done=False)
    live(small, other, done=False)
    number = small.tickets(other)[0]
    small.act(number, "note", f"ask {person.name}")
    assert erase(small.engine, small.customer(person), "zhou", "force", force=True).named_in == (number,)


def test_what_reviewers_wrote_of_the_customers_tickets_goes_and_is_not_handed_out(small: Office) -> None:
    person = Person("reviewed")
    live(small, person)
    engine, customer, number = small.engine, small.customer(person), small.tickets(person)[0]
    form = engine.world.policy.quality
    assert form is not None
    scored, waiting = (
        engine.handle(request(engine.world, Review("zhao", number), reviewer, "zhou", number)).ticket or "" for reviewer in ("li", "zhou")
    )
    points = {item.id: item.points for item in form.items}
    assert small.act(scored, "score", person.text("评语"), actor="li", points=points) is None
    export(engine, customer, "li", small.root / "all.zip")
    with zipfile.ZipFile(small.root / "all.zip") as packed:
        assert {one["state"]["kind"] for one in json.loads(packed.read("data.json"))["tickets"]}.isdisjoint({"review"})
    erase(engine, customer, "zhou")
    with engine.store.read() as reader:
        assert [body for one in (scored, waiting) for *_, body in reader.content_of(one)] == ["erased"]
        assert [getattr(reader.ticket(one), "state", "") for one in (scored, waiting)] == ["closed", "closed"]
    assert sound(small) == []
