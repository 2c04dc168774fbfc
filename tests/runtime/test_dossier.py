"""One view of a customer, found by any form of their address; and all of it in one file, to be handed out."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.runtime.addresses import normalise
from engine.runtime.dossier import export, find, look
from engine.runtime.erasure import erase
from engine.runtime.retention import apply
from engine.store import HoldRow
from tests.core.worlds import DAY
from tests.runtime.office import Office, Person, moved
from tests.runtime.test_retention import LONG, rule

MOBILE, LANDLINE = "+8613800138000", "+862165551234"
FORMS = {
    MOBILE: ("13800138000", "+86 138 0013 8000", "0086-138-0013-8000", "86 13800138000", "１３８００１３８０００", "＋８６ 138 0013 8000"),
    LANDLINE: ("021-65551234", "（021）6555-1234", "+86 21 6555 1234", "0086(21)65551234", "021-65551234转801", "02165551234-801"),
    "+864008123456": ("400-812-3456", "4008123456"),
    "+85221234567": ("+852 2123 4567", "00852-21234567"),
    "12315": ("12315", "１２３１５"),
}  # fmt: skip


@pytest.fixture
def office(tmp_path: Path, template: Path) -> Iterator[Office]:
    opened = moved(template, tmp_path / "office")
    yield opened
    opened.engine.close()


@pytest.mark.parametrize(("stored", "raw"), [(stored, raw) for stored, forms in FORMS.items() for raw in forms])
def test_every_form_of_a_number_is_the_same_number(stored: str, raw: str) -> None:
    assert normalise("phone", raw, "CN") == stored


def test_a_customer_is_seen_whole_but_for_what_they_answered(office: Office) -> None:
    person = Person("one")
    customer, tickets = office.customer(person), office.tickets(person)
    with office.engine.store.write() as tx:
        tx.hold(HoldRow(tickets[0], office.clock.now(), "zhou", "a dispute"))
        before = len(tx.audits())
    seen = look(office.engine, f"0086 {person.national}", "wang")
    assert seen.customer is not None
    assert (seen.id, seen.customer.name, seen.customer.segment, seen.customer.language) == (customer, person.name, "vip", "zh")
    assert seen.addresses == [("email", person.mail), ("phone", f"+86{person.national}")]
    assert [(one.channel, one.address) for one in seen.opt_outs] == [("sms", f"+86{person.national}")]
    assert [one.subject for one in seen.holds] == [tickets[0]]
    assert seen.channel == "email"
    assert {one.number for one in seen.tickets} <= set(tickets)
    assert [one.opened_at for one in seen.tickets] == sorted((one.opened_at for one in seen.tickets), reverse=True)
    assert seen.answers is None
    with office.engine.store.read() as reader:
        assert len(reader.audits()) == before
        links = reader.links_of(customer)
    seen = look(office.engine, person.mail, "li")
    assert seen.answers is not None
    assert {one.id for one in seen.answers} == {link.answer for link in links}
    with office.engine.store.read() as reader:
        assert [(one.who, one.what, one.about) for one in reader.audits()[before:]] == [
            ("li", "looked at", link.follow_up) for link in links
        ]


def test_an_export_holds_everything_and_answers_only_for_who_may_see_them(office: Office, tmp_path: Path) -> None:
    person, other = Person("one"), Person("after")
    office.pass_(LONG - DAY)
    customer = office.customer(person)
    apply(office.engine, rule("ticket.texts", "archive", DAY))
    with office.engine.store.read() as reader:
        linked = bool(reader.links_of(customer))
    assert export(office.engine, customer, "wang", tmp_path / "one.zip") == 1
    assert export(office.engine, customer, "li", tmp_path / "two.zip") == 1
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        data = json.loads(packed.read("data.json"))
        [picture] = [name for name in packed.namelist() if name.startswith("attachments/")]
        assert packed.read(picture) == f"picture of {person.tag}".encode()
    text = json.dumps(data, ensure_ascii=False)
    assert [word for word in person.words if word not in text] == [person.landline]
    assert [word for word in other.words if word in text] == []
    assert data["survey.answers"] == "needs the role follow_up"
    assert data["archived"]
    assert data["inbox.items"][0]["item"]["item"]["sender"]
    with zipfile.ZipFile(tmp_path / "two.zip") as packed:
        assert bool(json.loads(packed.read("data.json"))["survey.answers"]) is linked
    assert (tmp_path / "one.zip").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="File exists; name another file"):
        export(office.engine, customer, "wang", tmp_path / "one.zip")
    with office.engine.store.read() as reader:
        assert [one.who for one in reader.audits() if one.what == "exported"] == ["wang", "li"]


def test_who_was_erased_is_found_by_id_and_nothing_is_told_but_that(office: Office) -> None:
    person = Person("one")
    customer = office.customer(person)
    erase(office.engine, customer, "zhou", "force", force=True)
    seen = look(office.engine, customer, "li")
    assert (seen.erased_at, seen.customer, seen.addresses, seen.opt_outs, seen.answers) == (office.clock.now(), None, [], [], [])
    with office.engine.store.read() as reader, pytest.raises(UsageError, match="no customer"):
        find(reader, "CN", customer)
