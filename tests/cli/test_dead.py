"""What was set aside is seen whole, tried again one by one or all at once, or given up with a reason that stays."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from engine.runtime.carriers import SEND, Circuit
from engine.runtime.clock import JUMPED, SystemClock
from engine.store import ChannelRow, Transaction, TrialRow, open_store
from tests.cli.conftest import Command
from tests.store.samples import message, open_ticket

RAW = b'{"text": "\xe4\xbd\xa0\xe5\xa5\xbd \xff"}'


@contextmanager
def database(engine: Command) -> Iterator[Transaction]:
    store = open_store("sqlite:///var/engine.db", engine.root)
    with store.write() as tx:
        yield tx
    store.close()


@pytest.fixture
def dead(engine: Command) -> Iterator[dict[str, str]]:
    """One of each kind that was set aside, another item of another channel, and its own ticket."""
    now = SystemClock().now()
    with database(engine) as tx:
        number = open_ticket(tx).number
        for n, channel in enumerate(("email", "sms")):
            tx.accept(channel, f"broken {number} {n}", now, '{"kind":"inbound","item":{}}', RAW)
        items = [row.id for row in tx.pending_inbox(now, 9)]
        for id in items:
            tx.inbox_failed(id, "LookupError: no such thing", None)
            tx.keep_trial(TrialRow(now, "inbox", str(id), "failed", "LookupError: no such thing"))
        tx.keep_content(f"content {number}", number, "message", "您好")
        tx.queue_message(replace(message(f"{number}.9.1", number), content_id=f"content {number}"))
        tx.message_dead(f"{number}.9.1", "no such user")
        tx.start_timer(number, "survey/remind", now)
        (timer,) = [row for row in tx.due_timers(now, 99) if row.ticket == number]
        tx.fail_timer(timer, "KeyError: 'x'", None)
    mail, text = items
    yield {"ticket": number, "mail": str(mail), "text": str(text), "outbox": f"{number}.9.1", "timer": f"{number}/survey/remind"}
    for one in engine.json("dead", "list"):
        engine("dead", "drop", one["kind"], one["id"], "--reason", "the test is over")


def listed(engine: Command, *options: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["id"]) for one in engine.json("dead", "list", *options)]


def test_all_that_was_set_aside_is_listed_by_kind_and_channel(engine: Command, dead: dict[str, str]) -> None:
    texts, mails = ("inbox", dead["text"]), ("inbox", dead["mail"])
    assert listed(engine) == [texts, mails, ("outbox", dead["outbox"]), ("timer", dead["timer"])]
    assert listed(engine, "--kind", "timer") == [("timer", dead["timer"])]
    assert listed(engine, "--channel", "sms") == [texts]
    assert listed(engine, "--channel", "email", "--kind", "inbox") == [mails]
    assert "次数" in engine("dead", "list", "--lang", "zh").stdout
    assert engine.json("status")["dead"] == {"inbox": 2, "outbox": 1, "timers": 1}


def test_one_is_shown_with_its_raw_input_and_every_try(engine: Command, dead: dict[str, str]) -> None:
    shown = engine.json("dead", "show", "inbox", dead["mail"])
    assert (shown["text"], shown["channel"], shown["attempts"]) == ('{"text": "你好 \\xff"}', "email", 1)
    assert [(one["what"], one["detail"]) for one in shown["history"]] == [("failed", "LookupError: no such thing")]
    page = engine("dead", "show", "inbox", dead["mail"], "--lang", "zh").stdout
    assert [part for part in ("渠道: email", "失败", "LookupError: no such thing", "你好") if part not in page] == [], page
    assert engine.json("dead", "show", "outbox", dead["outbox"])["text"] == "您好"
    assert engine.json("dead", "show", "timer", dead["timer"])["error"] == "KeyError: 'x'"
    assert "`engine dead list`" in engine("dead", "show", "inbox", "99999", code=1).stderr
    assert "raw" in engine("dead", "show", "timer", dead["timer"], "--raw", code=2).stderr


def test_all_of_a_kind_and_channel_are_tried_again_at_once_and_it_is_kept_who_said_so(engine: Command, dead: dict[str, str]) -> None:
    assert engine("dead", "requeue", "inbox", "--all", "--channel", "sms", "--as", "zhao").stdout == "1 are tried again.\n"
    assert ("inbox", dead["text"]) not in listed(engine)
    history = engine.json("dead", "show", "inbox", dead["text"])["history"]
    assert [(one["what"], one["who"]) for one in history] == [("failed", None), ("requeued", "zhao")]
    engine("dead", "requeue", "outbox", dead["outbox"])
    engine("dead", "requeue", "timer", dead["timer"])
    assert listed(engine) == [("inbox", dead["mail"])]
    assert "not set aside" in engine("dead", "requeue", "timer", dead["timer"], code=1).stderr
    assert "--all" in engine("dead", "requeue", "inbox", code=2).stderr
    with database(engine) as tx:
        tx.inbox_failed(int(dead["text"]), "again", None)


def test_what_is_given_up_is_recorded_with_its_reason_and_leaves_no_alarm(engine: Command, dead: dict[str, str]) -> None:
    assert "--reason" in engine("dead", "drop", "inbox", dead["mail"], code=2).stderr
    assert "why" in engine("dead", "drop", "inbox", dead["mail"], "--reason", " ", code=2).stderr
    for kind, id in (("inbox", dead["mail"]), ("inbox", dead["text"]), ("outbox", dead["outbox"]), ("timer", dead["timer"])):
        engine("dead", "drop", kind, id, "--reason", f"spam {id}", "--as", "zhao")
        assert "not set aside" in engine("dead", "drop", kind, id, "--reason", "again", code=1).stderr
    assert listed(engine) == []
    given_up = engine.json("dead", "list", "--dropped", "--kind", "timer")[0]
    assert (given_up["item"], given_up["who"], given_up["detail"]) == (dead["timer"], "zhao", f"spam {dead['timer']}")
    assert f"spam {dead['mail']}" in engine("dead", "list", "--dropped").stdout
    assert engine.json("dead", "show", "inbox", dead["mail"])["dropped_at"]
    status = engine.json("status")
    assert status["dead"] == {"inbox": 0, "outbox": 0, "timers": 0}
    assert not any("dead list" in alarm for alarm in status["alarms"])


def test_the_status_names_carriers_that_are_away_rates_with_what_waits_and_a_clock_that_jumped(engine: Command) -> None:
    now = SystemClock().now()
    settings = engine.root / "engine.yaml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before.replace("  sms:\n", "  sms:\n    rate: 30/m\n"), encoding="utf-8")
    with database(engine) as tx:
        for _ in range(Circuit().failures):
            Circuit().failed(tx, "email", SEND, "no route", now)
        tx.set_meta(JUMPED, f"{now.isoformat()} -7200")
        tx.queue_message(replace(message("waits"), channel="sms", created_at=now))
    status = engine.json("status")
    (carrier,) = status["carriers"]
    assert (carrier["channel"], carrier["side"], carrier["circuit"], carrier["error"]) == ("email", SEND, "open", "no route")
    assert status["rates"] == [{"channel": "sms", "limit": 30, "per": 60.0, "waiting": 1}]
    assert any("jumped by -7200 s" in alarm for alarm in status["alarms"])
    page = engine("status", "--lang", "zh").stdout
    assert "email(发送):对方不通" in page
    assert "sms:限速每 1m 30 条,1 条等待发送" in page
    with database(engine) as tx:
        tx.keep_channel_state(ChannelRow("email", SEND))
        tx.set_meta(JUMPED, "2026-01-01T00:00:00+00:00 -7200")
        tx.message_dead("waits", "no")
        tx.drop_message("waits", now)
    settings.write_text(before, encoding="utf-8")
    status = engine.json("status")
    assert status["carriers"] == []
    assert not any("jumped" in alarm for alarm in status["alarms"])
