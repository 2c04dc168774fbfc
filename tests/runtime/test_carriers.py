"""A carrier that is away is left alone and no message pays for it; one that takes only so much is given only so much, urgent first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.channels import Outbound, PermanentFailure, Sent, TemporaryFailure
from engine.core.model import CUSTOMER
from engine.runtime.carriers import SEND, Circuit, Rate
from engine.runtime.outbox import Postman
from engine.runtime.retries import Retries
from engine.store import StoreFailed
from engine.store.rows import ChannelRow, OutboxRow
from tests.core.worlds import MINUTE, WEDNESDAY, House

SECOND = timedelta(seconds=1)
CIRCUIT = Circuit(failures=3, pause=MINUTE, longest=5 * MINUTE, patience=timedelta(days=1))
RETRIES = Retries(attempts=4, backoff=SECOND, longest=SECOND)


class Carrier:
    """The world outside: there or away."""

    def __init__(self, away: Exception | None = None) -> None:
        self.away = away
        self.asked = 0
        self.sent: list[str] = []

    def send(self, message: Outbound) -> Sent:
        self.asked += 1
        if self.away:
            raise self.away
        self.sent.append(message.message_id)
        return Sent()


@pytest.fixture
def house() -> Iterator[House]:
    there = House()
    yield there
    there.close()


def queue(house: House, *ids: str, channel: str = "sms") -> None:
    with house.store.write() as tx:
        for id in ids:
            tx.keep_content(f"content {id}", None, "message", "hello")
            tx.queue_message(OutboxRow(id, None, channel, CUSTOMER, "+8613900000000", "", f"content {id}", "zh", True, None, house.now))


def dispatch(house: House, carrier: Carrier, channel: str = "sms", rate: Rate | None = None) -> None:
    postman = Postman(house.store, house.tokens, channel, RETRIES, lambda address: address, circuit=CIRCUIT, rate=rate)
    postman.dispatch(carrier, house.world, lambda: house.now)  # type: ignore[arg-type]  # a carrier is what a channel does with one


def state(house: House, channel: str = "sms", side: str = SEND) -> ChannelRow:
    with house.store.read() as reader:
        return reader.channel_state(channel, side)


def rows(house: House) -> dict[str, OutboxRow]:
    with house.store.read() as reader:
        return {row.id: row for row in reader.messages()}


def test_after_failures_in_a_row_nothing_of_that_channel_is_claimed_and_the_others_go_on(house: House) -> None:
    queue(house, *"abcdefgh")
    queue(house, "mail", channel="email")
    away, there = Carrier(TemporaryFailure("no route")), Carrier()
    dispatch(house, away)
    dispatch(house, away)
    dispatch(house, there, channel="email")
    assert (away.asked, there.sent) == (3, ["mail"])
    assert (state(house).failures, state(house).error, state(house).opened_at) == (3, "no route", house.now)
    assert state(house).retry_at == house.now + MINUTE
    assert state(house, "email") == ChannelRow("email", SEND)
    tried = [row.attempts - row.excused for row in rows(house).values() if row.channel == "sms"]
    assert sorted(tried) == [0] * 5 + [1] * 3, "what was claimed with them and not tried has all its attempts"
    assert {row.state for row in rows(house).values() if row.channel == "sms"} == {"queued"}


def test_while_it_is_open_one_message_tries_and_the_pause_grows_to_the_longest(house: House) -> None:
    queue(house, *"abcdefgh")
    away = Carrier(TemporaryFailure("no route"))
    dispatch(house, away)
    pauses = []
    for _ in range(5):
        house.now = state(house).retry_at or house.now
        before = away.asked
        dispatch(house, away)
        assert away.asked == before + 1
        pauses.append((state(house).retry_at or house.now) - house.now)
    assert pauses == [2 * MINUTE, 4 * MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE]


def test_one_success_closes_it_and_all_goes_out(house: House) -> None:
    queue(house, *"abcdefgh")
    dispatch(house, Carrier(TemporaryFailure("no route")))
    there = Carrier()
    house.now += MINUTE
    dispatch(house, there)
    assert len(there.sent) == 1
    assert state(house) == ChannelRow("sms", SEND)
    dispatch(house, there)
    assert sorted(there.sent) == list("abcdefgh")


def test_an_outage_uses_up_no_attempts_however_long_it_lasts(house: House) -> None:
    queue(house, "a", "b")
    away = Carrier(TemporaryFailure("no route"))
    for _ in range(200):
        dispatch(house, away)
        house.now += MINUTE
    assert away.asked > 2 * RETRIES.attempts
    assert {row.state for row in rows(house).values()} == {"queued"}
    there = Carrier()
    house.now += 10 * MINUTE
    for _ in range(2):
        dispatch(house, there)
    assert sorted(there.sent) == ["a", "b"]


def test_a_message_that_is_older_than_the_patience_is_not_tried_for_ever(house: House) -> None:
    queue(house, "a")
    away = Carrier(TemporaryFailure("no such room"))
    for _ in range(700):
        dispatch(house, away)
        house.now += 5 * MINUTE
    assert rows(house)["a"].state == "dead"
    assert rows(house)["a"].attempts - rows(house)["a"].excused == RETRIES.attempts


def test_a_refusal_for_good_shows_that_the_carrier_is_there(house: House) -> None:
    queue(house, *"abcd")
    dispatch(house, Carrier(TemporaryFailure("no route")))
    house.now += MINUTE
    dispatch(house, Carrier(PermanentFailure("no such number")))
    assert state(house) == ChannelRow("sms", SEND)


@pytest.mark.parametrize(("asked", "waits"), [(None, 60), (30.0, 60), (200.0, 200), (1e12, 300)])
def test_a_carrier_that_says_when_to_come_again_is_left_alone_until_then_within_reason(
    house: House, asked: float | None, waits: int
) -> None:
    queue(house, *"abc")
    dispatch(house, Carrier(TemporaryFailure("busy", asked)))
    assert state(house).retry_at == house.now + waits * SECOND


def test_a_try_that_never_ends_lets_another_one_try_when_its_lease_is_over(house: House) -> None:
    queue(house, *"abcd")
    dispatch(house, Carrier(TemporaryFailure("no route")))
    house.now += MINUTE
    postman = Postman(house.store, house.tokens, "sms", RETRIES, lambda address: address, circuit=CIRCUIT)
    with house.store.write() as tx:
        assert len(postman._claim(tx, house.now, 20)) == 1
        assert postman._claim(tx, house.now, 20) == []
    house.now += postman.lease
    there = Carrier()
    dispatch(house, there)
    assert len(there.sent) == 1


def test_a_channel_that_hangs_counts_as_a_failure(house: House) -> None:
    queue(house, "a", "b")
    postman = Postman(house.store, house.tokens, "sms", RETRIES, lambda address: address, circuit=CIRCUIT)
    with house.store.write() as tx:
        postman.in_flight["sms"] = postman._claim(tx, house.now, 20)
    postman.interrupt(house.world, house.now)
    assert (state(house).failures, state(house).error) == (1, "the channel did not answer in time")
    assert sorted(row.excused for row in rows(house).values()) == [0, 1]


@pytest.mark.parametrize("back", [1, 24 * 60])
def test_a_clock_that_is_set_back_leaves_no_circuit_open_and_no_rate_used_up_for_longer_than_a_pause(house: House, back: int) -> None:
    queue(house, *"abcdef")
    dispatch(house, Carrier(TemporaryFailure("no route")), rate=Rate(60, MINUTE, 60))
    house.now -= back * MINUTE
    queue(house, "written then")
    there = Carrier()
    for _ in range(30):
        house.now += 10 * SECOND
        dispatch(house, there, rate=Rate(60, MINUTE, 60))
    assert "written then" in there.sent


@given(limit=st.integers(1, 100), per=st.sampled_from([SECOND, MINUTE, timedelta(hours=1)]), gaps=st.lists(st.floats(0, 3), max_size=60))
def test_no_span_of_the_clock_sees_more_than_the_rate_and_nothing_less_than_it_is_possible(
    limit: int, per: timedelta, gaps: list[float]
) -> None:
    rate, until, now = Rate(limit, per), None, WEDNESDAY
    went = []
    for gap in gaps:
        now += gap * per / limit
        if rate.room(until, now) > 0:
            went.append(now)
            until = rate.after(until, now, 1)
    each = per / limit
    assert all(sum(start <= one < start + per - SECOND / 1000 for one in went) <= limit for start in went)
    assert all(later - earlier >= each - SECOND / 1000 for earlier, later in pairwise(went))
    assert not gaps or rate.room(until, now + each) >= 1


def test_a_burst_may_go_at_once_after_a_quiet_time_and_then_evenly(house: House) -> None:
    rate = Rate(6, MINUTE, burst=3)
    queue(house, *"abcdefgh")
    carrier = Carrier()
    sent = []
    for _ in range(60):
        dispatch(house, carrier, rate=rate)
        sent.append(len(carrier.sent))
        house.now += SECOND
    assert (sent[0], sent[9], sent[10], sent[20], sent[59]) == (3, 3, 4, 5, 8)


def test_what_waits_behind_a_message_whose_outcome_cannot_be_kept_is_in_line_again_at_once(house: House) -> None:
    queue(house, *"abc")
    postman = Postman(house.store, house.tokens, "sms", RETRIES, lambda address: address, circuit=CIRCUIT)

    class Full(Carrier):
        def send(self, message: Outbound) -> Sent:
            raise_next.append(True)
            return super().send(message)

    raise_next: list[bool] = []
    truth = house.store.write

    @contextmanager
    def write(*patience: Any) -> Iterator[Any]:
        with truth(*patience) as tx:
            if raise_next:
                raise_next.clear()
                raise StoreFailed("disk full")
            yield tx

    broken: Any = SimpleNamespace(write=write, read=house.store.read)
    with pytest.raises(StoreFailed):
        replace(postman, store=broken).dispatch(Full(), house.world, lambda: house.now)  # type: ignore[arg-type]  # a carrier is what a channel does with one
    assert {row.id: (row.state, row.attempts - row.excused) for row in rows(house).values()} == {
        "a": ("sending", 1),
        "b": ("queued", 0),
        "c": ("queued", 0),
    }
