"""Messages as JSON."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import Inbound, Rejected
from engine_sms.documents import Reading, document_of, parse_documents

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
READING = Reading(NOW, "Asia/Shanghai")
GOOD = {"id": "1", "from": "+8613800138000", "to": "10690001", "text": "5 5 4 谢谢", "at": "2026-03-04T10:00:00+08:00"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def test_a_message_is_read_with_all_it_says():
    assert _read(GOOD) == [
        Inbound("1", "+8613800138000", datetime(2026, 3, 4, 2, 0, tzinfo=UTC), "5 5 4 谢谢", full_text="5 5 4 谢谢", recipient="10690001")
    ]


def test_a_list_is_read_one_by_one_and_a_bad_entry_spoils_no_other():
    first, bad, last = _read([GOOD, {"from": "1"}, GOOD | {"id": "2"}])
    assert (first.source_id, last.source_id) == ("1", "2")
    assert isinstance(bad, Rejected)
    assert (bad.name, bad.reason) == ("in-2.json", "text is missing")
    assert json.loads(bad.raw) == {"from": "1"}


def test_a_time_without_an_offset_is_in_the_companys_zone_and_none_is_now():
    assert _read(GOOD | {"at": "2026-03-04 10:00"})[0].received_at == NOW
    assert _read({"from": "1", "text": "x"})[0].received_at == NOW


def test_without_an_id_equal_content_is_one_message_and_places_in_a_list_are_two():
    entry = {"from": "1", "text": "Y"}
    assert _read(entry)[0].source_id == _read(entry)[0].source_id
    first, second = _read([entry, entry])
    assert first.source_id != second.source_id


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe{", "not UTF-8 (byte 0): save the file as UTF-8"),
        (b"{", "not JSON: Expecting property name"),
        (b"", "not JSON: Expecting value"),
        (b"[]", "the list holds no message"),
        (b"7", "a message is an object with the keys id, from, to, text, at, not int"),
        (b"[" * 200_000, "nested too deeply to be a message"),
        (b"9" * 5000, "not JSON: Exceeds the limit"),
        (b'{"from": "1", "from": "2", "text": "x"}', "a key is given twice"),
        (b'{"from": "1", "text": "x", "color": "red"}', "unknown key 'color': a message has id, from, to, text, at"),
        (b'{"from": "1"}', "text is missing"),
        (b'{"text": "x"}', "from is missing"),
        (b'{"from": " ", "text": "x"}', "from is empty"),
        (b'{"from": "1", "text": " "}', "text is empty"),
        (b'{"from": 13800138000, "text": "x"}', "from must be a text, not int: put it in quotes"),
        (b'{"from": "1", "text": ["x"]}', "text must be a text, not list: put it in quotes"),
        (b'{"from": "1\\n2", "text": "x"}', "from holds control characters"),
        (b'{"from": "1", "text": "\\ud83d"}', "text holds half a character (a lone surrogate)"),
        (b'{"from": "' + b"1" * 65 + b'", "text": "x"}', "from has 65 characters, more than 64"),
        (b'{"from": "1", "text": "x", "at": "yesterday"}', "at must be a time such as"),
        (b'{"from": "1", "text": "x", "at": "0001-01-01T00:00:00+14:00"}', "at must be a time such as"),
    ],
)
def test_what_is_not_a_message_is_rejected_with_the_reason(raw, reason):
    [item] = parse_documents(raw, "in.json", READING)
    assert isinstance(item, Rejected)
    assert item.reason.startswith(reason)
    assert item.raw == raw


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_input_raises(raw):
    items = list(parse_documents(raw, "in.json", READING))
    assert items
    assert all(isinstance(item, Inbound | Rejected) for item in items)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
    st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True),
    st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_kept_of_a_message_reads_as_the_same_message(text, sender, at):
    message = Inbound("id-1", sender, at, text, full_text=text, recipient="10690001")
    assert list(parse_documents(document_of(message), "in.json", READING)) == [message]


def _read(document):
    return list(parse_documents(json.dumps(document).encode(), "in.json", READING))
