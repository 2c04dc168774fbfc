"""The contract kit itself: a sound channel passes every rule, and a channel broken in one way is caught by the rule for it."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.channels import (
    AddressKind,
    ChannelContext,
    ChannelType,
    Delivery,
    FolderInbox,
    Inbound,
    Outbound,
    PermanentFailure,
    Receipt,
    Rejected,
    Sent,
    write_atomically,
)
from engine.testing import HOSTILE_TEXTS, Arrived, Bench, Carrier, ChannelContract, SettableClock, context
from engine.testing import contract as kit

CLOSED = {"type": "object", "additionalProperties": False, "properties": {}}


class Pigeon:
    """A small sound channel: one JSON file per message, in and out."""

    def __init__(self, context: ChannelContext) -> None:
        self.context = context
        self.inbox = FolderInbox(context.incoming)

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def receive(self, timeout: float) -> Iterable[Delivery]:
        for path in self.inbox.waiting():
            raw = path.read_bytes()
            for item in self.parse(raw, path.name):
                yield Delivery(item, lambda path=path: self.inbox.done(path), raw)  # type: ignore[misc]  # mypy: default of a lambda

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        try:
            fields = json.loads(raw)
            if not fields["id"]:
                raise ValueError("it has no id")
            yield Inbound(str(fields["id"]), str(fields["from"]), self.context.now(), text=str(fields["text"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            yield Rejected(f"bad-{hash(raw)}", name, raw, f"not a letter: {error}")

    def send(self, message: Outbound) -> Sent:
        if not message.to.isdigit():
            raise PermanentFailure("a pigeon knows only numbers")
        subject = " ".join(message.subject.replace("\x00", "").split())
        letter = {"to": message.to, "text": message.text + "\n-- coo", "subject": subject}
        write_atomically(self.context.outgoing / f"{message.message_id}.json", json.dumps(letter).encode())
        return Sent(message.message_id)

    def check(self, to: str | None) -> list[str]:
        return [f"looks into {self.context.incoming.name}"]


class Loft(Carrier):
    """The folder a Pigeon flies from and to."""

    def __init__(self, context: ChannelContext, build: Callable[[ChannelContext], Any] = Pigeon, **kind: Any) -> None:
        settings: dict[str, Any] = {"settings_schema": CLOSED, "idempotent": True} | kind
        self.channel_type = ChannelType("pigeon", AddressKind.PHONE, build=lambda _, context: build(context), **settings)
        self.context = context
        self.count = 0

    def settings(self) -> Mapping[str, Any]:
        return {}

    def put_good(self, count: int) -> None:
        for _ in range(count):
            self._put(json.dumps({"id": f"letter-{self.count}", "from": "10086", "text": "你好"}).encode())

    def put_bad(self) -> None:
        self._put(b"{half a letter")

    def _put(self, content: bytes) -> None:
        write_atomically(self.context.incoming / f"{self.count:03}.json", content)
        self.count += 1

    def recipient(self) -> str:
        return "13800138000"

    def arrived(self) -> Sequence[Arrived]:
        letters = [json.loads(path.read_bytes()) for path in sorted(self.context.outgoing.iterdir())]
        return [Arrived(letter["to"], letter["text"], letter["subject"], letter.get("headers", {})) for letter in letters]

    def expected_text(self, message: Outbound) -> str:
        return message.text + "\n-- coo"


class TestASoundChannelKeepsTheContract(ChannelContract):
    @pytest.fixture
    def carrier(self, context: ChannelContext) -> Carrier:
        return Loft(context)


class TestAChannelThatOnlyTakesInKeepsTheContract(ChannelContract):
    class Deaf(Pigeon):
        def send(self, message: Outbound) -> Sent:
            raise PermanentFailure("cannot send")

    @pytest.fixture
    def carrier(self, context: ChannelContext) -> Carrier:
        return Loft(context, self.Deaf, can_send=False)


class TestAChannelThatOnlySendsKeepsTheContract(ChannelContract):
    class Mute(Pigeon):
        def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
            yield Rejected(f"bad-{hash(raw)}", name, raw, "nothing comes in here")

    @pytest.fixture
    def carrier(self, context: ChannelContext) -> Carrier:
        return Loft(context, self.Mute, can_receive=False)


class Naive(Pigeon):
    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        for item in super().parse(raw, name):
            yield item if isinstance(item, Rejected) else replace(item, received_at=datetime(2026, 3, 4))  # noqa: DTZ001  # the fault


class Forgetful(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        for delivery in list(super().receive(timeout)):
            delivery.acknowledge()
            yield delivery


class Repeating(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        for delivery in super().receive(timeout):
            yield replace(delivery, acknowledge=lambda: None)


class Fragile(Pigeon):
    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        fields = json.loads(raw)
        return [Inbound(fields["id"], fields["from"], self.context.now(), text=fields["text"])]


class Silent(Pigeon):
    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        return [item for item in super().parse(raw, name) if isinstance(item, Inbound)]


class Unreasonable(Pigeon):
    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        for item in super().parse(raw, name):
            yield replace(item, reason=" ") if isinstance(item, Rejected) else item


class Blocking(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        for delivery in super().receive(timeout):
            yield delivery
            if isinstance(delivery.item, Rejected):
                return


class SameForAll(Pigeon):
    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        return [replace(item, source_id="letter") for item in super().parse(raw, name)]


class Counting(Pigeon):
    letters = 0

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        for item in super().parse(raw, name):
            Counting.letters += 1
            yield replace(item, source_id=f"{item.source_id}-{Counting.letters}")


class Rawless(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        for delivery in super().receive(timeout):
            yield replace(delivery, raw=b"")


class Mangling(Pigeon):
    def send(self, message: Outbound) -> Sent:
        return super().send(replace(message, text=message.text.encode("ascii", "replace").decode()))


class Returning(Pigeon):
    def send(self, message: Outbound) -> Sent:
        super().send(message)
        return None  # type: ignore[return-value]  # the fault


class Careless(Pigeon):
    def send(self, message: Outbound) -> Sent:
        letter = {"to": message.to, "text": message.text + "\n-- coo", "subject": message.subject}
        write_atomically(self.context.outgoing / f"{message.message_id}.json", json.dumps(letter).encode())
        return Sent(message.message_id)


class Injectable(Pigeon):
    def send(self, message: Outbound) -> Sent:
        headers = dict(line.split(": ", 1) for line in message.subject.splitlines() if ": " in line)
        letter = {"to": message.to, "text": message.text + "\n-- coo", "subject": "", "headers": headers}
        write_atomically(self.context.outgoing / f"{message.message_id}.json", json.dumps(letter).encode())
        return Sent(message.message_id)


class Twice(Pigeon):
    def send(self, message: Outbound) -> Sent:
        return super().send(replace(message, message_id=f"{message.message_id}-{len(list(self.context.outgoing.iterdir()))}"))


class Threaded(Pigeon):
    def open(self) -> None:
        self.stop = threading.Event()
        threading.Thread(target=self.stop.wait, args=(3.0,), daemon=True, name="left-behind").start()


class SlowToClose(Pigeon):
    def close(self) -> None:
        threading.Event().wait(kit.CLOSING / 2 + 0.1)


class ClosableOnce(Pigeon):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("already closed")
        self.closed = True


class Waiting(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        threading.Event().wait(timeout + kit.GRACE + 0.1)
        return super().receive(timeout)


class Mute(Pigeon):
    def check(self, to: str | None) -> list[str]:
        return []


class Deaf(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        threading.Event().wait(min(timeout, kit.LOOK + kit.GRACE + 0.1))
        return ()


Rule = Callable[..., None]
RULES = ChannelContract()
CAUGHT = (AssertionError, ValueError, RuntimeError, ExceptionGroup, pytest.fail.Exception)


@pytest.mark.parametrize(
    ("broken", "rule", "arguments"),
    [
        (Naive, RULES.test_receive_yields_deliveries_with_raw_input_and_aware_instants, ()),
        (Rawless, RULES.test_receive_yields_deliveries_with_raw_input_and_aware_instants, ()),
        (Forgetful, RULES.test_unacknowledged_input_is_yielded_again_after_a_restart, ()),
        (Counting, RULES.test_unacknowledged_input_is_yielded_again_after_a_restart, ()),
        (Repeating, RULES.test_acknowledged_input_is_never_yielded_again, ()),
        (Fragile, RULES.test_bad_input_is_rejected_with_a_reason_and_blocks_nothing, ()),
        (Silent, RULES.test_bad_input_is_rejected_with_a_reason_and_blocks_nothing, ()),
        (Unreasonable, RULES.test_bad_input_is_rejected_with_a_reason_and_blocks_nothing, ()),
        (Blocking, RULES.test_bad_input_is_rejected_with_a_reason_and_blocks_nothing, ()),
        (SameForAll, RULES.test_source_ids_are_distinct_per_input, ()),
        (Counting, RULES.test_parse_understands_what_receive_took_the_same_way_every_time, ()),
        (Fragile, RULES.test_parse_never_raises_whatever_the_bytes, ()),
        (Mangling, RULES.test_send_delivers_the_text_untouched, ()),
        (Returning, RULES.test_send_delivers_the_text_untouched, ()),
        (Twice, RULES.test_sending_a_message_id_again_keeps_the_promise_of_the_type, ()),
        (Careless, RULES.test_hostile_text_and_subject_inject_nothing, ("header lines",)),
        (Careless, RULES.test_hostile_text_and_subject_inject_nothing, ("NUL",)),
        (Injectable, RULES.test_hostile_text_and_subject_inject_nothing, ("header lines",)),
        (Mangling, RULES.test_hostile_text_and_subject_inject_nothing, ("emoji",)),
        (Careless, RULES.test_a_hostile_address_is_refused_for_good, ("header",)),
        (Threaded, RULES.test_close_is_quick_complete_and_may_be_repeated, ()),
        (SlowToClose, RULES.test_close_is_quick_complete_and_may_be_repeated, ()),
        (ClosableOnce, RULES.test_close_is_quick_complete_and_may_be_repeated, ()),
        (Deaf, RULES.test_receive_honours_its_timeout_and_that_the_engine_stops, ()),
        (Waiting, RULES.test_receive_honours_its_timeout_and_that_the_engine_stops, ()),
        (Mute, RULES.test_check_tells_each_step, ()),
    ],
)
def test_a_broken_channel_is_caught_by_its_rule(
    broken: type[Pigeon], rule: Rule, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "PATIENCE", 0.5)
    surroundings = context(tmp_path)
    with pytest.raises(CAUGHT):
        rule(Bench(Loft(surroundings, broken), surroundings), *arguments)


def test_a_channel_that_lies_about_sending_is_caught(tmp_path: Path) -> None:
    surroundings = context(tmp_path)
    with pytest.raises(pytest.fail.Exception):
        RULES.test_send_delivers_the_text_untouched(Bench(Loft(surroundings, can_send=False), surroundings))


class Credulous(Pigeon):
    def receive(self, timeout: float) -> Iterable[Delivery]:
        return ()

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        yield Inbound("1", "10086", self.context.now(), text=raw.decode())


@pytest.mark.parametrize(("build", "lie"), [(Pigeon, "has nothing to receive"), (Credulous, "rejects what it is given")])
def test_a_channel_that_lies_about_only_sending_is_caught(build: type[Pigeon], lie: str, tmp_path: Path) -> None:
    surroundings = context(tmp_path)
    loft = Loft(surroundings, build, can_receive=False)
    loft.put_good(1)
    with pytest.raises(AssertionError, match=lie):
        RULES.test_source_ids_are_distinct_per_input(Bench(loft, surroundings))


def test_an_open_settings_schema_is_caught(tmp_path: Path) -> None:
    surroundings = context(tmp_path)
    with pytest.raises(AssertionError, match="must refuse keys"):
        RULES.test_settings_are_sound_and_closed(Bench(Loft(surroundings, settings_schema={"type": "object"}), surroundings))


def test_every_rule_has_a_broken_channel() -> None:
    [marker] = [mark for mark in test_a_broken_channel_is_caught_by_its_rule.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]  # pytest puts it there
    caught = {rule.__name__ for _, rule, _ in marker.args[1]} | {"test_settings_are_sound_and_closed"}
    assert {name for name in dir(ChannelContract) if name.startswith("test_")} == caught


def test_hostile_texts_cover_what_the_contract_names() -> None:
    assert {"header lines", "NUL", "very long", "right to left", "emoji"} <= set(HOSTILE_TEXTS)


def test_a_settable_clock_moves_only_when_told(tmp_path: Path) -> None:
    clock = SettableClock(datetime(2026, 1, 1, tzinfo=UTC))
    surroundings = context(tmp_path, clock, name="desk")
    assert surroundings.now() == surroundings.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(hours=1))
    assert surroundings.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)
    clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    assert surroundings.now() == datetime(2026, 2, 1, tzinfo=UTC)
    assert all(path.is_dir() for path in (surroundings.incoming, surroundings.outgoing, surroundings.state))


def test_a_carrier_whose_channel_sends_must_tell_recipient_and_arrivals(tmp_path: Path) -> None:
    loft = Loft(context(tmp_path))
    for forgotten in (Carrier.recipient, Carrier.arrived):
        with pytest.raises(NotImplementedError):
            forgotten(loft)
    assert Carrier.expected_text(loft, Outbound("1", "2", "as it is")) == "as it is"
