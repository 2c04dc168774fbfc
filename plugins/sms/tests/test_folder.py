"""The folder transport."""

import json
import os

import pytest

import engine_sms
from engine.channels import Inbound, Outbound, PermanentFailure, Rejected
from engine.testing import context

SETTINGS = {"signature": "【某公司】", "sender": "10690001"}


@pytest.fixture
def surroundings(tmp_path):
    return context(tmp_path, name="sms")


@pytest.fixture
def channel(surroundings):
    channel = engine_sms.build(SETTINGS, surroundings)
    channel.open()
    yield channel
    channel.close()


def test_a_file_goes_when_all_its_messages_are_acknowledged(channel, surroundings):
    path = _drop(surroundings, "two.json", [{"from": "1", "text": "a"}, {"from": "2"}])
    good, bad = channel.receive(0)
    assert (type(good.item), type(bad.item)) == (Inbound, Rejected)
    good.acknowledge()
    assert path.exists()
    bad.acknowledge()
    assert not path.exists()


def test_a_file_is_not_handed_over_twice_while_the_engine_is_busy_and_again_after_a_restart(channel, surroundings):
    _drop(surroundings, "one.json", {"from": "1", "text": "Y"})
    [first] = channel.receive(0)
    assert not list(channel.receive(0))
    channel.close()
    channel.open()
    [again] = channel.receive(0)
    assert again.item == first.item


def test_the_same_text_dropped_again_later_is_another_message(channel, surroundings):
    ids = set()
    for instant in (1_772_000_000, 1_772_000_060):
        path = _drop(surroundings, "one.json", {"from": "1", "text": "Y"})
        os.utime(path, (instant, instant))
        [delivery] = channel.receive(0)
        ids.add(delivery.item.source_id)
        delivery.acknowledge()
    assert len(ids) == 2


def test_what_was_received_can_be_fed_again_by_hand_as_the_same_message(channel, surroundings):
    _drop(surroundings, "one.json", {"from": "1", "text": "Y"})
    [delivery] = channel.receive(0)
    assert list(channel.parse(delivery.raw, "again.json")) == [delivery.item]


def test_a_sent_message_is_a_file_that_says_what_the_customer_reads(channel, surroundings):
    sent = channel.send(Outbound("202603040001-3-1", "+8613800138000", "您好", language="zh"))
    [path] = surroundings.outgoing.iterdir()
    assert sent.provider_id == "202603040001-3-1"
    assert path.name == "202603040001-3-1.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "id": "202603040001-3-1",
        "from": "10690001",
        "to": "8613800138000",
        "text": "【某公司】您好",
        "parts": 1,
        "encoding": "ucs-2",
        "language": "zh",
        "at": "2026-03-04T02:00:00+00:00",
    }


@pytest.mark.parametrize("message_id", ["../../escape", ".hidden", "a/b", "长" * 200, "x\x00y"])
def test_no_message_id_leads_outside_the_folder(channel, surroundings, message_id):
    channel.send(Outbound(message_id, "+8613800138000", "x"))
    [path] = surroundings.outgoing.iterdir()
    assert path.parent == surroundings.outgoing
    assert not path.name.startswith(".")
    assert json.loads(path.read_text(encoding="utf-8"))["id"] == message_id


def test_check_names_the_folders_and_proves_sending(channel, surroundings):
    _drop(surroundings, "one.json", {"from": "1", "text": "Y"})
    lines = channel.check("+8613800138000")
    assert lines[0].endswith("1 waiting")
    assert len(list(surroundings.outgoing.iterdir())) == 1
    with pytest.raises(PermanentFailure):
        channel.check("nobody")


def _drop(surroundings, name, document):
    path = surroundings.incoming / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
