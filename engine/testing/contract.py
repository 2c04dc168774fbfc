"""The rules of the channel contract as tests. A plugin's author subclasses `ChannelContract` and gives it a `carrier` fixture."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import wraps
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.channels import Channel, ChannelContext, Delivery, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent
from engine.channels.manager import ChannelTypes, validate_settings
from engine.testing.carrier import Arrived, Carrier
from engine.testing.contexts import SettableClock
from engine.testing.contexts import context as make_context

PATIENCE = 15.0  # seconds for a carrier to hand over what waits there
LOOK = 0.3  # seconds of one receive
GRACE = 1.5  # seconds beyond its timeout that a receive may take
CLOSING = 2.0  # seconds, as Channel.close promises
MARK = "X-Injected"

HOSTILE_TEXTS = {
    "header lines": f"quiet\r\n{MARK}: yes\r\nBcc: victim@example.test\r\n\r\nbody",
    "bare line feeds": f"quiet\n{MARK}: yes\n.\nQUIT",
    "NUL": "before\x00after",
    "control characters": "a\x07b\x1b[31mc\x7f",
    "very long": "长" * 5000,
    "one very long line": "x" * 20_000,
    "right to left": "\u202egnp.exe שלום مرحبا",
    "emoji": "👩‍👩‍👧‍👦🇨🇳 ok",
    "markup": "<script>alert(1)</script>&{{ 7*7 }}%s%n",
}

HOSTILE_TAILS = {"header": "\r\nBcc: victim@example.test", "NUL": "\x00", "second recipient": ",victim@example.test", "query": "&to=10086"}

INBOUND_ONLY = Outbound(message_id="202603040001-1-1", to="13800138000", text="refused by a channel that only takes in")


class Bench:
    """A carrier and the channels opened on it one after another, as restarts of the engine would open them."""

    def __init__(self, carrier: Carrier, context: ChannelContext) -> None:
        """Open nothing yet."""
        self.carrier = carrier
        self.context = context
        self._channel: Channel | None = None

    @property
    def channel(self) -> Channel:
        """The open channel; the first use builds and opens it."""
        if self._channel is None:
            kind = self.carrier.channel_type
            self._channel = ChannelTypes({kind.name: kind}).build(self.context.name, kind.name, self.carrier.settings(), self.context)
            self._channel.open()
        return self._channel

    def close(self) -> None:
        """Close the open channel, if any."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            channel.close()

    def collect(self, count: int) -> list[Delivery]:
        """Receive until `count` different inputs came or patience ran out; return the latest delivery of each, in order.

        A channel may yield again what was not acknowledged yet, so one source id counts once.
        """
        deliveries: dict[str, Delivery] = {}
        deadline = time.monotonic() + PATIENCE
        while len(deliveries) < count and time.monotonic() < deadline:
            deliveries |= {_id(delivery): delivery for delivery in self.channel.receive(LOOK)}
        came = f"{len(deliveries)} of {count} inputs with source ids of their own came within {PATIENCE:g} s: {list(deliveries)}"
        assert len(deliveries) >= count, came
        return list(deliveries.values())

    def collect_good(self, count: int) -> list[Delivery]:
        """Put and receive `count` good inputs; every one must come as an Inbound, once."""
        self.carrier.put_good(count)
        deliveries = self.collect(count)
        assert all(isinstance(delivery.item, Inbound) for delivery in deliveries), [delivery.item for delivery in deliveries]
        assert len(deliveries) == count, "more deliveries than inputs"
        return deliveries

    def message(self) -> Outbound:
        """Build a message to the carrier's recipient."""
        to, text = self.carrier.recipient(), "工单202603040001已处理。 Please reply Y."
        return Outbound("202603040001-1-1", to, text, "Result 结果")

    def refuses(self, message: Outbound) -> None:
        """Hold that `message` is refused for good."""
        with pytest.raises(PermanentFailure):
            self.channel.send(message)

    def takes_nothing(self) -> None:
        """Hold that nothing comes in, and that whatever a person hands over is rejected."""
        assert not list(self.channel.receive(LOOK)), "a channel that only sends has nothing to receive"
        items = list(self.channel.parse(b"anything", self.carrier.input_name))
        assert [type(item) for item in items] == [Rejected], "a channel that only sends rejects what it is given"
        _check_item(items[0])

    @property
    def can_receive(self) -> bool:
        """Whether the channel type takes in; one that does not has nothing to yield."""
        return self.carrier.channel_type.can_receive

    @property
    def can_send(self) -> bool:
        """Whether the channel type says it sends; one that does not must refuse whatever it is given."""
        return self.carrier.channel_type.can_send


def _receiving(rule: Callable[["ChannelContract", Bench], None]) -> Callable[["ChannelContract", Bench], None]:
    """Ask `rule` of channels that take in; of the others, that they take nothing."""

    @wraps(rule)
    def held(self: "ChannelContract", bench: Bench) -> None:
        if bench.can_receive:
            rule(self, bench)
        else:
            bench.takes_nothing()

    return held


class ChannelContract:
    """Every rule the engine relies on. Override the `carrier` fixture; override `context` only to place the channel elsewhere."""

    @pytest.fixture
    def clock(self) -> SettableClock:
        """The clock the channel sees; it stands still until moved."""
        return SettableClock()

    @pytest.fixture
    def context(self, tmp_path: Path, clock: SettableClock) -> ChannelContext:
        """What the engine gives the channel."""
        return make_context(tmp_path, clock)

    @pytest.fixture
    def bench(self, carrier: Carrier, context: ChannelContext) -> Iterator[Bench]:
        """The carrier and what is open on it."""
        bench = Bench(carrier, context)
        yield bench
        bench.close()

    def test_settings_are_sound_and_closed(self, bench: Bench) -> None:
        """The carrier's settings pass the schema, and a misspelt key does not."""
        kind, good = bench.carrier.channel_type, bench.carrier.settings()
        assert validate_settings(kind, good) == []
        assert validate_settings(kind, {**good, "no_such_setting": 1}), "the settings schema must refuse keys it does not know"

    @_receiving
    def test_receive_yields_deliveries_with_raw_input_and_aware_instants(self, bench: Bench) -> None:
        """Naive instants would be read in whatever zone the server has."""
        for delivery in bench.collect_good(3):
            assert isinstance(delivery, Delivery)
            assert delivery.raw, "a delivery carries its input as it came"
            _check_item(delivery.item)

    @_receiving
    def test_unacknowledged_input_is_yielded_again_after_a_restart(self, bench: Bench) -> None:
        """The engine may die between receive and commit."""
        before = _ids(bench.collect_good(3))
        bench.close()
        assert _ids(bench.collect(3)) == before, "the same inputs come again, with the same source ids"

    @_receiving
    def test_acknowledged_input_is_never_yielded_again(self, bench: Bench) -> None:
        """Neither by the same channel nor after a restart, and its neighbours still come."""
        first, acknowledged, last = sorted(bench.collect_good(3), key=_id)
        acknowledged.acknowledge()
        bench.close()
        again = bench.collect(2)
        assert _ids(again) == {_id(first), _id(last)}
        for delivery in again:
            delivery.acknowledge()
        assert not _ids(bench.collect_good(1)) & {_id(first), _id(acknowledged), _id(last)}
        bench.close()
        assert not _ids(bench.collect(1)) & {_id(first), _id(acknowledged), _id(last)}

    @_receiving
    def test_bad_input_is_rejected_with_a_reason_and_blocks_nothing(self, bench: Bench) -> None:
        """Bad input is kept for a person to see; what follows goes on."""
        bench.carrier.put_good(1)
        bench.carrier.put_bad()
        bench.carrier.put_good(1)
        deliveries = bench.collect(3)
        good, bad = ([d for d in deliveries if isinstance(d.item, kind)] for kind in (Inbound, Rejected))
        assert len(_ids(good)) == 2, "good input before and after bad input comes through"
        assert len(_ids(bad)) == 1, "bad input comes as one Rejected"
        _check_item(bad[0].item)
        for delivery in deliveries:
            delivery.acknowledge()
        bench.close()
        assert not _ids(bench.collect_good(1)) & _ids(deliveries), "acknowledged bad input does not come again"

    @_receiving
    def test_source_ids_are_distinct_per_input(self, bench: Bench) -> None:
        """Equal ids would be taken for one input; that they are stable is held by the test of restarts."""
        deliveries = bench.collect_good(5)
        assert len(_ids(deliveries)) == 5

    @_receiving
    def test_parse_understands_what_receive_took_the_same_way_every_time(self, bench: Bench) -> None:
        """`engine ingest` feeds raw input again: it must be recognised as the same."""
        for delivery in bench.collect_good(2):
            once, twice = (list(bench.channel.parse(delivery.raw, bench.carrier.input_name)) for _ in range(2))
            assert once == twice
            assert [_core(item) for item in once] == [_core(delivery.item)]

    def test_parse_never_raises_whatever_the_bytes(self, bench: Bench) -> None:
        """Bytes at random, and good input with a piece cut out or overwritten."""
        raw = bench.collect_good(1)[0].raw if bench.can_receive else b"{}"

        @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of(st.binary(max_size=2000), _damaged(raw)))
        def holds(damaged: bytes) -> None:
            for item in bench.channel.parse(damaged, bench.carrier.input_name):
                _check_item(item)

        holds()

    def test_send_delivers_the_text_untouched(self, bench: Bench) -> None:
        """Except for the decoration that the carrier's `expected_text` documents."""
        if not bench.can_send:
            bench.refuses(INBOUND_ONLY)
            return
        message = bench.message()
        assert isinstance(bench.channel.send(message), Sent)
        [arrived] = bench.carrier.arrived()
        assert arrived.to == message.to
        assert _plain(arrived.text) == _plain(bench.carrier.expected_text(message))

    def test_sending_a_message_id_again_keeps_the_promise_of_the_type(self, bench: Bench) -> None:
        """`ChannelType.idempotent` lets the engine repeat a send after a crash; without it the repeat arrives too."""
        if not bench.can_send:
            bench.refuses(INBOUND_ONLY)
            return
        first, again = bench.channel.send(bench.message()), bench.channel.send(bench.message())
        if bench.carrier.channel_type.idempotent:
            assert first == again
        assert len(bench.carrier.arrived()) == (1 if bench.carrier.channel_type.idempotent else 2)

    @pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
    def test_hostile_text_and_subject_inject_nothing(self, bench: Bench, hostile: str) -> None:
        """It arrives as text for its one recipient (control characters may go), or is refused for good."""
        text = HOSTILE_TEXTS[hostile]
        if not bench.can_send:
            bench.refuses(replace(INBOUND_ONLY, text=text))
            return
        message = replace(bench.message(), text=text, subject=text)
        try:
            bench.channel.send(message)
        except PermanentFailure:
            assert not bench.carrier.arrived(), "what was refused must not arrive"
            return
        [arrived] = bench.carrier.arrived()
        _check_nothing_injected(arrived, message)
        assert _plain(arrived.text) == _plain(bench.carrier.expected_text(replace(message, text=_plain(text))))

    @pytest.mark.parametrize("tail", HOSTILE_TAILS)
    def test_a_hostile_address_is_refused_for_good(self, bench: Bench, tail: str) -> None:
        """An address with line breaks or a second recipient in it reaches nobody."""
        if not bench.can_send:
            bench.refuses(replace(INBOUND_ONLY, to=INBOUND_ONLY.to + HOSTILE_TAILS[tail]))
            return
        bench.refuses(replace(bench.message(), to=bench.carrier.recipient() + HOSTILE_TAILS[tail]))
        assert not bench.carrier.arrived()

    def test_close_is_quick_complete_and_may_be_repeated(self, bench: Bench) -> None:
        """SIGTERM leaves ten seconds for all channels together."""
        threads = set(threading.enumerate())
        channel = bench.channel
        list(channel.receive(LOOK))
        started = time.monotonic()
        channel.close()
        channel.close()
        assert time.monotonic() - started < CLOSING, f"close took more than {CLOSING:g} s"
        left = [thread.name for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
        assert not left, f"threads still run after close: {left}"

    def test_receive_honours_its_timeout_and_that_the_engine_stops(self, bench: Bench) -> None:
        """With nothing waiting at the carrier."""
        for timeout, longest in ((0.0, 0.0), (LOOK, LOOK), (60.0, LOOK)):
            started = time.monotonic()
            if timeout > longest:
                threading.Timer(longest, bench.context.stopping.set).start()
            assert not list(bench.channel.receive(timeout)), "nothing was put, yet something came"
            assert time.monotonic() - started < longest + GRACE

    def test_check_tells_each_step(self, bench: Bench) -> None:
        """`engine channel test` prints these lines."""
        lines = bench.channel.check(None)
        assert lines
        assert all(line.strip() for line in lines)


def _id(delivery: Delivery) -> str:
    return delivery.item.source_id


def _ids(deliveries: list[Delivery]) -> set[str]:
    return {_id(delivery) for delivery in deliveries}


def _core(item: Inbound | Receipt | Rejected) -> tuple[object, ...]:
    """What must survive a repeat by hand; `received_at` may come from the carrier and be missing in the raw input."""
    return (item.source_id, item.sender, item.text, item.call) if isinstance(item, Inbound) else (item.source_id, type(item))


def _check_item(item: Inbound | Receipt | Rejected) -> None:
    assert isinstance(item, Inbound | Receipt | Rejected)
    assert item.source_id, "source_id is the identity of the input and never empty"
    if isinstance(item, Rejected):
        assert item.reason.strip(), "a Rejected says why"
        assert isinstance(item.raw, bytes)
        return
    _check_aware(item.received_at)
    if isinstance(item, Inbound) and item.call is not None:
        for instant in (item.call.started_at, item.call.answered_at, item.call.ended_at):
            if instant is not None:
                _check_aware(instant)


def _check_aware(instant: datetime) -> None:
    assert instant.utcoffset() is not None, f"{instant} is naive: give it a zone"


def _check_nothing_injected(arrived: Arrived, message: Outbound) -> None:
    assert arrived.to == message.to
    assert not any(mark in arrived.subject for mark in "\r\n\x00"), "the subject is one line"
    assert not any(name.lower() in (MARK.lower(), "bcc") for name in arrived.headers), f"a header was injected: {arrived.headers}"


def _plain(text: str) -> str:
    """Drop what carriers may change: control characters, the form of line ends, white space at the end."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in unified if sign in "\n\t" or (sign >= " " and sign != "\x7f")).rstrip()


@st.composite
def _damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 64)))
    return raw[:start] + draw(st.binary(max_size=16)) + raw[end:]
