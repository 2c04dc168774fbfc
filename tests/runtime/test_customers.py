"""Customers from a file: all of it, or nothing and every line that is wrong."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.signals import AgentActed, MessageArrived
from engine.errors import Refused, UsageError
from engine.runtime.clock import VirtualClock
from engine.runtime.customers import import_customers
from engine.runtime.engine import Engine, open_engine
from engine.runtime.gather import Origin
from engine.runtime.project import load_project
from engine.store.rows import CustomerRow
from tests.core.worlds import HOUR, MINUTE, POLICIES, WEDNESDAY


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "engine.yaml").write_text(f"version: 1\npolicies: {POLICIES}\n", "utf-8")
    opened = open_engine(load_project(tmp_path), VirtualClock(WEDNESDAY), reload=True)
    yield opened
    opened.close()


def customers(engine: Engine) -> dict[str, CustomerRow]:
    with engine.store.read() as reader:
        return {row.name: row for row in reader.customers(100)}


def test_customers_are_added_once_and_found_again_by_either_address(engine: Engine) -> None:
    assert import_customers(engine, "\ufeffname,segment,language,phone,email\n王芳,vip,zh,139 1234 5678,W@x.test\n") == 1
    assert import_customers(engine, "name,phone\n王芳(新),+8613912345678\n李,13800000000\n") == 2
    found = customers(engine)
    assert set(found) == {"王芳(新)", "李"}
    assert (found["王芳(新)"].segment, found["王芳(新)"].language) == ("vip", "zh")
    with engine.store.read() as reader:
        assert reader.addresses(found["王芳(新)"].id) == [("email", "w@x.test"), ("phone", "+8613912345678")]


def test_what_a_line_leaves_empty_stays(engine: Engine) -> None:
    import_customers(engine, "name,segment,language,phone,email\n王芳,vip,en,13912345678,\n")
    with engine.store.write() as tx:
        tx.survey_sent_to("C000001", WEDNESDAY)
    import_customers(engine, "name,segment,language,phone,email\n,,,13912345678,w@x.test\n")
    assert customers(engine)["王芳"] == CustomerRow("C000001", "王芳", "vip", "en", WEDNESDAY, WEDNESDAY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not understood: no header line"),
        ("name,fon\n王,1\n", "not understood: fon"),
        ("name,phone\n王芳,\n李,13800000000\n陈,,\n", "line 2: a customer needs a phone or an e-mail address\nline 4: it has more"),
        ('name,phone\n"王\n芳",\n', "line 3: a customer needs"),
        ("name,phone\n王,1.38E+10\n", "line 2: phone '1.38E+10' is none; where a spreadsheet made it 1.38E+10, format the column as text"),
        ("name,email\n王,wang.example.net\n", "line 2: email 'wang.example.net' is none"),
        ("name,language,phone\n王,fr,13912345678\n", "line 2: language 'fr' is none of zh, en"),
        ('name,phone\n"王,1\n', "line 2: unexpected end of data"),
    ],
)
def test_a_file_with_anything_wrong_imports_nothing_and_names_the_lines(engine: Engine, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        import_customers(engine, text)
    assert why in str(caught.value)
    assert customers(engine) == {}


def test_two_customers_are_not_made_one_by_a_line_with_an_address_of_each(engine: Engine) -> None:
    import_customers(engine, "name,phone,email\n王,13912345678,\n李,,l@x.test\n")
    with pytest.raises(Refused, match="already belongs to customer C000002"):
        import_customers(engine, "name,phone,email\n王,13912345678,l@x.test\n")
    assert set(customers(engine)) == {"王", "李"}


def test_open_tickets_of_a_customer_whose_segment_changes_follow_in_the_same_import(engine: Engine) -> None:
    engine.world = replace(engine.world, channels={"email": "email"})
    import_customers(engine, "name,segment,email\n王芳,new,wang@x.test\n")
    origin = Origin("email", "wang@x.test")
    number = engine.handle(MessageArrived(None, "email", "请问周末营业吗"), origin).ticket
    assert number is not None
    engine.handle(AgentActed(number, "contact", "zhao"))
    engine.handle(MessageArrived(number, "email", "在吗", trusted=True))
    closed = engine.handle(MessageArrived(None, "email", "请问几点关门"), origin).ticket
    assert closed is not None
    engine.handle(AgentActed(closed, "close", "zhao", "重复"))
    assert due(engine, number) == WEDNESDAY + 4 * HOUR
    import_customers(engine, "name,segment,email\n王芳,new,wang@x.test\n")
    assert changes(engine, number) == 0
    import_customers(engine, "name,segment,email\n王芳,vip,wang@x.test\n")
    assert (changes(engine, number), due(engine, number)) == (1, WEDNESDAY + 15 * MINUTE)
    assert changes(engine, closed) == 0


def due(engine: Engine, number: str) -> datetime | None:
    with engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket is not None
    return ticket.deadlines["next_response"].due


def changes(engine: Engine, number: str) -> int:
    with engine.store.read() as reader:
        return [stored.event.type for stored in reader.events(number)].count("customer_changed")
