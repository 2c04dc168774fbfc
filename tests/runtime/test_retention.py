"""What is kept no longer goes when its time is over and not before, rule by rule, and never what is on hold."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.channels import Attachment
from engine.core.conditions import Source
from engine.core.lifecycle import evolve
from engine.core.retention import PLACES, RetentionRule
from engine.runtime.attachments import listing
from engine.runtime.retention import apply, due
from engine.store import HoldRow, OutboxRow, TicketQuery
from tests.core.worlds import DAY
from tests.runtime.office import SQLITE, Office, Person, moved

LONG = timedelta(days=40)
OF_TICKETS = ("ticket.texts", "ticket.contact", "ticket.attachments", "ticket.decisions", "message.addresses")


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[Office]:
    opened = moved(template, tmp_path / "office", SQLITE if request.param == "sqlite" else request.getfixturevalue("database"))
    yield opened
    opened.engine.close()


def rule(what: str, do: str, after: timedelta = LONG) -> RetentionRule:
    return RetentionRule(f"the-{what}", Source("retention.yaml", 1), what, after, do)


def counted(office: Office, one: RetentionRule) -> int:
    with office.engine.store.read() as reader:
        return due(reader, office.engine.project.var, one, office.clock.now())


def test_nothing_goes_before_its_time_and_all_of_it_afterwards(office: Office) -> None:
    rules = [rule(what, do) for what, ways in PLACES.items() for do in ways[:1] if not what.startswith("files.") and what != "customer"]
    assert [(one.what, apply(office.engine, one)) for one in rules if counted(office, one)] == []
    with office.engine.store.write() as tx:
        tx.audit(office.clock.now(), "li", "looked at", "202603040001")
    office.pass_(LONG + 31 * DAY)
    found = {one.what: counted(office, one) for one in rules}
    assert [what for what, count in found.items() if not count] == []
    assert {one.what: apply(office.engine, one) for one in rules} == found
    assert [one.what for one in rules if one.what != "audit" and counted(office, one)] == []
    with office.engine.store.read() as reader:
        assert reader.integrity(evolve) == []
        assert [f"{row.who} {row.what}" for row in reader.audits() if row.about == "the-ticket.texts"] == [
            f"system delete: {found['ticket.texts']}"
        ]
    assert list((office.engine.project.var / "attachments").rglob("*/*")) == []


def test_what_is_on_hold_stays(office: Office) -> None:
    person = Person("one")
    customer = office.customer(person)
    office.pass_(LONG + DAY)
    with office.engine.store.write() as tx:
        tx.hold(HoldRow(customer, office.clock.now(), "zhou", "a dispute"))
    with office.engine.store.read() as reader:
        for what in (*OF_TICKETS, "inbox.items"):
            found = {row["customer"] for row in reader.outdated(what, office.clock.now() - LONG, 1000)}
            assert customer not in found, what
        assert reader.outdated("feedback.texts", office.clock.now(), 10) == []
        assert customer not in reader.idle_customers(office.clock.now(), "", 10)


def test_what_is_archived_is_on_the_disk_line_by_line_and_no_more_in_the_database(office: Office) -> None:
    customer = office.customer(Person("one"))
    office.pass_(LONG + DAY)
    count = apply(office.engine, rule("ticket.texts", "archive"))
    [path] = (office.engine.project.var / "archive").rglob("*.gz")
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    assert len(lines) == count
    assert {line["place"] for line in lines} == {"ticket.texts"}
    assert any("软件异常" in line["body"] and line["customer"] == customer for line in lines)
    apply(office.engine, rule("inbox.items", "archive"))
    assert len(list((office.engine.project.var / "archive").rglob("*.gz"))) == 2
    with office.engine.store.read() as reader:
        closed = [one.number for one in reader.tickets(TicketQuery(customer=customer)) if one.closed_at]
        assert {kind for number in closed for _, kind, _ in reader.content_of(number)} == {"contact", "attachment"}


@pytest.mark.parametrize("do", ["pseudonymise", "delete"])
def test_a_customer_of_long_ago_is_known_by_id_only_or_not_at_all(office: Office, do: str) -> None:
    person = Person("one")
    customer = office.customer(person)
    one = rule("customer", do)
    assert apply(office.engine, one) == 0
    office.pass_(LONG + DAY)
    assert apply(office.engine, one) == 4
    with office.engine.store.read() as reader:
        row = reader.customer(customer)
        assert reader.integrity(evolve) == []
        assert reader.addresses(customer) == []
        assert reader.find_customer("email", person.mail) is None
    assert (row is None) if do == "delete" else (row is not None and (row.name, row.segment) == ("", "vip"))
    assert apply(office.engine, one) == 0


def test_files_go_by_their_age(office: Office) -> None:
    old = office.clock.now() - LONG
    for what, folder in (("unread", "bad"), ("reports", "reports"), ("backups", "backups"), ("archive", "archive")):
        paths = [office.engine.project.var / folder / "below" / name for name in ("old", "new")]
        for path, at in zip(paths, (old, old + DAY), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            os.utime(path, (at.timestamp(), at.timestamp()))
        one = rule(f"files.{what}", "delete")
        assert counted(office, one) == 1
        assert apply(office.engine, one) == 1
        assert [path.exists() for path in paths] == [False, True]


def test_copies_of_the_database_beside_it_are_backups(office: Office) -> None:
    var, old = office.engine.project.var, (office.clock.now() - LONG).timestamp()
    paths = [var / "engine.db.before-0012", var / "state.replaced-20260101" / "email" / "seen", var / "state" / "email" / "kept"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (old, old))
    assert apply(office.engine, rule("files.backups", "delete")) == 2
    assert [path.exists() for path in paths] == [False, False, True]


def test_what_a_report_said_goes_with_the_texts_and_its_file_too(office: Office) -> None:
    engine, now = office.engine, office.clock.now()
    folder = engine.project.var / "attachments"
    for state in ("gone", "held"):
        enclosed = listing(folder, [Attachment("month.html", "text/html", state.encode())])
        with engine.store.write() as tx:
            tx.keep_content(state, None, "message", "three sentences")
            tx.keep_content(f"{state}.enclosed", None, "enclosed", enclosed)
            tx.queue_message(
                OutboxRow(state, None, "email", "zhou", "zhou@example.test", "month", state, "zh", True, None, now, state="held")
            )
    with engine.store.write() as tx:
        assert tx.message_dead("gone", "")
    office.pass_(LONG + DAY)
    apply(engine, rule("ticket.texts", "delete"))
    with engine.store.read() as reader:
        assert sorted(reader.contents(["gone", "gone.enclosed", "held", "held.enclosed"])) == ["held", "held.enclosed"]
        needed = reader.attachments()
    assert b"held" in [path.read_bytes() for path in folder.rglob("*/*") if path.name in needed]
    assert not [path for path in folder.rglob("*/*") if path.read_bytes() == b"gone"]
