"""Putting long inbound messages together again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_sms.fragments import Fragment, Fragments

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=5)


@pytest.fixture
def fragments(tmp_path):
    fragments = Fragments(tmp_path / "fragments.sqlite", LIMIT)
    yield fragments
    fragments.close()


@given(order=st.permutations([1, 2, 3, 4]), repeated=st.integers(0, 3))
def test_parts_in_any_order_and_repeated_are_one_message(tmp_path_factory, order, repeated):
    fragments = Fragments(tmp_path_factory.mktemp("fragments") / "fragments.sqlite", LIMIT)
    for part in [*order[: repeated + 1], *order]:
        fragments.add(_part(part, total=4), NOW)
    [whole] = fragments.due(NOW)
    fragments.close()
    assert whole.complete
    assert whole.runs == (b"1234",)


def test_a_message_is_not_due_before_its_last_part(fragments):
    fragments.add(_part(1), NOW)
    assert fragments.due(NOW) == []


def test_what_came_is_handed_over_when_the_rest_stays_away(fragments):
    for part in (1, 2, 4):
        fragments.add(_part(part, total=4), NOW)
    assert fragments.due(NOW + LIMIT - timedelta(seconds=1)) == []
    [whole] = fragments.due(NOW + LIMIT)
    assert not whole.complete
    assert whole.runs == (b"12", b"4")


def test_parts_outlive_a_restart_and_the_message_keeps_its_identity(tmp_path):
    first = Fragments(tmp_path / "fragments.sqlite", LIMIT)
    first.add(_part(1), NOW)
    first.close()
    second = Fragments(tmp_path / "fragments.sqlite", LIMIT)
    second.add(_part(2), NOW + timedelta(seconds=9))
    [whole] = second.due(NOW + timedelta(seconds=9))
    assert second.due(NOW + timedelta(seconds=10)) == [whole]
    assert whole.received_at == NOW
    second.taken(whole, NOW + timedelta(seconds=10))
    assert second.due(NOW + timedelta(seconds=10)) == []
    second.close()


def test_a_part_the_carrier_repeats_after_the_message_was_taken_begins_no_new_one(fragments):
    _complete(fragments, NOW)
    fragments.add(_part(2), NOW + timedelta(seconds=20))
    assert fragments.due(NOW + LIMIT) == []


def test_another_part_in_the_same_place_begins_a_new_message_and_closes_the_old(fragments):
    fragments.add(_part(1, payload=b"old"), NOW)
    fragments.add(_part(1, payload=b"new"), NOW)
    [old] = fragments.due(NOW)
    assert (old.runs, old.complete) == ((b"old",), False)
    fragments.taken(old, NOW)
    fragments.add(_part(2, payload=b"!"), NOW)
    [new] = fragments.due(NOW)
    assert (new.runs, new.complete) == ((b"new!",), True)


def test_a_reference_used_again_much_later_is_another_message(fragments):
    _complete(fragments, NOW)
    later = NOW + 3 * LIMIT
    for part in (1, 2):
        fragments.add(_part(part), later)
    [whole] = fragments.due(later)
    assert whole.received_at == later


def test_parts_of_two_senders_are_two_messages(fragments):
    fragments.add(_part(1, sender="a"), NOW)
    fragments.add(_part(2, sender="b"), NOW)
    assert fragments.due(NOW) == []


def _complete(fragments, now):
    for part in (1, 2):
        fragments.add(_part(part), now)
    [whole] = fragments.due(now)
    fragments.taken(whole, now)


def _part(part, total=2, payload=None, sender="8613800138000"):
    return Fragment(sender, "10690001", 7, total, part, 0, str(part).encode() if payload is None else payload)
